/**
 * A machine: memory, processors and address spaces of one architecture. What `buildMachine` returns; everything an
 * emulator, a teaching tool or a test works with is a field of it.
 */
import type { Architecture } from "../architecture/architecture.js";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "../architecture/rights.js";
import { BAD_ADDRESS, FAULT_REASONS, NO_FAULT, type FaultReason } from "../architecture/faults.js";
import type { AddressSpace } from "../address-space/address-space.js";
import type { AddressSpaces } from "../address-space/address-spaces.js";
import { answerFault, FAULT, isKeptFromKernel, OK, WAIT, type FaultRule, type FaultVerdict } from "../address-space/fault.js";
import type { SpaceParts } from "../address-space/parts.js";
import { switchSpace } from "../address-space/switch.js";
import { copyFromUser, copyToUser, isUserPage } from "../address-space/user-copy.js";
import { PortolanError } from "../errors.js";
import type { Cpu } from "../machine/cpu.js";
import { REFUSED, type CpuFault } from "../machine/cpu-fault.js";
import { integer } from "../machine/physical-memory.js";
import { ImageFile } from "../objects/image-file.js";
import { confined, explainAddress } from "../paging/explain-address.js";
import type { PageOnItsWay } from "../objects/transfer.js";
import type { Walk } from "../architecture/walk.js";
import { withReclaim } from "../swap/with-reclaim.js";
import type { Wide } from "../units/address-units.js";

/** What became of an access that was refused. Ordinary life for a guest, never an exception. */
export interface FaultOutcome {
  readonly address: bigint;
  readonly access: Access;
  readonly privilege: Privilege;
  /** What the hardware objected to. */
  readonly reason: (typeof FAULT_REASONS)[FaultReason];
  /** What the address space said. */
  readonly rule: FaultRule;
  /** The exception and code the hardware would show. */
  readonly trap: string;
  readonly code: number;
  /**
   * Only with the rule "the page is on its way": whoever runs the guest lets it wait until this is over, and tries the access
   * again. Should the page not come, that access is refused: "the page could not be read".
   */
  readonly waitsFor?: PageOnItsWay;
}

/** @throws PortolanError ERR_BAD_ARGUMENT: masks of several accesses are not one */
const checkAccess = (access: Access, privilege: Privilege): void => {
  if (![READ, WRITE, EXECUTE].includes(access)) throw new PortolanError("ERR_BAD_ARGUMENT", { access, rule: "READ, WRITE or EXECUTE" });
  if (![KERNEL, USER].includes(privilege)) throw new PortolanError("ERR_BAD_ARGUMENT", { privilege, rule: "KERNEL or USER" });
};

/** What there is to say where no space could be asked. */
const NO_AREA_THERE: FaultVerdict = { result: FAULT, rule: "no area at this address", waitsFor: null };

type Refused = Pick<CpuFault, "reason" | "access" | "privilege">;

/** An access of a word takes at most a fault for each of two pages, and each may have been served elsewhere meanwhile. */
const MOST_FAULTS = 16;

const wordOf = (cpu: Cpu, word: number): number => (word === REFUSED && cpu.fault.isPending ? -1 : word);

/**
 * What was built. Addresses are virtual and in bytes, as bigint or as safe integers; a processor is named by its number,
 * 0 where none is given.
 *
 * Accesses (`read8` to `translate`) are a user's, in the space installed on the processor, and serve faults on the way.
 * Refused ones change nothing that the guest can see and leave the reason in `outcome`; only an address that the machine
 * cannot name at all, or a processor that is not there, is an exception (ERR_BAD_ADDRESS, ERR_BAD_ARGUMENT).
 */
export class Machine {
  readonly architecture: Architecture;
  readonly parts: SpaceParts;
  readonly spaces: AddressSpaces;
  readonly cpus: readonly Cpu[];
  /** Frames that the machine keeps for itself (the hash of a hashed machine excepted: tables tell of those). */
  readonly reservedFrames: readonly number[] = [];
  /** The fault that ended the last access, or null. */
  outcome: FaultOutcome | null = null;
  /** Files that somebody has open, or shows in an area. */
  readonly #images = new Set<ImageFile>();
  readonly #installed: (AddressSpace | null)[];
  readonly #hardwarePages: number;

  constructor(architecture: Architecture, parts: SpaceParts, spaces: AddressSpaces, cpus: readonly Cpu[]) {
    this.architecture = architecture;
    this.parts = parts;
    this.spaces = spaces;
    this.cpus = cpus;
    this.#installed = cpus.map(() => null);
    // By shifts: a power is kept as a double.
    this.#hardwarePages = 1 << (architecture.pageShift - architecture.hardwarePageShift);
  }

  /** @throws PortolanError ERR_BAD_ARGUMENT if there is no such processor */
  cpu(id: number): Cpu {
    const cpu = this.cpus[id];
    if (cpu === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { cpu: id, cpus: this.cpus.length });
    return cpu;
  }

  /** The space installed on a processor, or null while only the kernel's is. */
  installed(cpu = 0): AddressSpace | null {
    this.cpu(cpu);
    return this.#installed[cpu] ?? null;
  }

  /** Runs `work` as done by processor `cpu`: invalidations are local there, shootdowns go to the others. */
  on<T>(cpu: number, work: () => T): T {
    this.cpu(cpu);
    const { preemption } = this.parts;
    const before = preemption.cpu;
    preemption.cpu = cpu;
    try {
      return work();
    } finally {
      preemption.cpu = before;
    }
  }

  /** Installs a space on a processor. @throws PortolanError ERR_SPACE_GONE; nothing has changed then */
  switchTo(space: AddressSpace, cpu = 0): void {
    const processor = this.cpu(cpu);
    this.#own(space);
    const before = this.#installed[cpu] ?? null;
    this.on(cpu, () => switchSpace(this.parts, processor, before, space));
    this.#installed[cpu] = space;
  }

  /** Leaves a processor with the kernel's space only, so that the one it had can be destroyed. */
  switchToKernel(cpu = 0): void {
    this.switchTo(this.spaces.kernel, cpu);
  }

  /** Reads 32 bits as the user of the installed space would, faults served. The value, or −1 with `outcome` saying why. */
  read32(address: Wide, cpu = 0): number {
    return this.#access(address, cpu, (processor, page, offset) => wordOf(processor, processor.load32(page, offset, USER)));
  }

  /** Reads a byte as `read32` does. */
  read8(address: Wide, cpu = 0): number {
    return this.#access(address, cpu, (processor, page, offset) => processor.load8(page, offset, USER));
  }

  /** Writes 32 bits; false with `outcome` saying why not. */
  write32(address: Wide, value: number, cpu = 0): boolean {
    return this.#access(address, cpu, (processor, page, offset) => (processor.store32(page, offset, value, USER) ? 0 : -1)) === 0;
  }

  /** Writes the low 8 bits of `value` as `write32` does. */
  write8(address: Wide, value: number, cpu = 0): boolean {
    return this.#access(address, cpu, (processor, page, offset) => (processor.store8(page, offset, value, USER) ? 0 : -1)) === 0;
  }

  /** Fetches an instruction word. */
  fetch32(address: Wide, cpu = 0): number {
    return this.#access(address, cpu, (processor, page, offset) => wordOf(processor, processor.fetch32(page, offset, USER)));
  }

  /**
   * Translates an address for an access, faults served: the physical address, or null with `outcome` saying why not.
   */
  translate(address: Wide, access: Access, cpu = 0, privilege: Privilege = USER): bigint | null {
    checkAccess(access, privilege);
    const shift = this.architecture.hardwarePageShift;
    let offset = 0;
    const frame = this.#access(address, cpu, (processor, page, within) => {
      offset = within;
      return processor.translate(page, access, privilege, within);
    });
    return frame < 0 ? null : (BigInt(frame) << BigInt(shift)) + BigInt(offset);
  }

  /**
   * Copies from the space installed on a processor.
   * @returns bytes copied; fewer than asked if a page could not be read, with `outcome` saying why
   */
  copyFromUser(address: Wide, target: Uint8Array, cpu = 0): number {
    const done = this.on(cpu, () => copyFromUser(this.parts, this.cpu(cpu), this.#needed(cpu), address, target));
    return this.#copied(address, done, target.length, READ, cpu);
  }

  /**
   * Copies into the space installed on a processor.
   * @returns bytes copied; fewer than asked if a page could not be written, with `outcome` saying why
   */
  copyToUser(address: Wide, source: Uint8Array, cpu = 0): number {
    const done = this.on(cpu, () => copyToUser(this.parts, this.cpu(cpu), this.#needed(cpu), address, source));
    return this.#copied(address, done, source.length, WRITE, cpu);
  }

  /** Every word that translates an address in a space, and the rule that decides on a processor. Changes nothing. */
  walk(space: AddressSpace, address: Wide, access: Access = READ, privilege: Privilege = USER, cpu = 0): Walk {
    this.#own(space);
    checkAccess(access, privilege);
    const { architecture } = this;
    const page = this.parts.units.pageOf(address);
    const fixed = explainAddress(architecture, this.parts.memory, BigInt(address), access, privilege);
    if (fixed !== null) return fixed;
    // Where the spaces are shadowed an access of the kernel's means its own, whatever is installed.
    const meant = privilege === KERNEL && architecture.layout.kernelAddressSpaceShadowed ? this.spaces.kernel : space;
    const given = meant.context.isKernel && privilege === KERNEL ? this.#walkOfFixed(page, BigInt(address), access) : null;
    return (
      given ?? confined(architecture, this.parts.tables.walk(meant.context, BigInt(address), access, privilege, this.cpu(cpu).switches))
    );
  }

  /** The refill code may give the kernel a page without asking a table: there is nothing to show but that. */
  #walkOfFixed(machinePage: number, address: bigint, access: Access): Walk | null {
    const { refill, units } = this.parts;
    const shift = BigInt(this.architecture.hardwarePageShift);
    const within = BigInt(units.offsetOf(address));
    const page = machinePage * this.#hardwarePages + Number(within >> shift);
    const frameFor = (way: Access): number => refill.fixedFrame?.(page, way) ?? -1;
    const frame = frameFor(access);
    if (frame < 0) return null;
    const kernelRights = ([READ, WRITE, EXECUTE] as const).reduce<number>((rights, way) => (frameFor(way) < 0 ? rights : rights | way), 0);
    return {
      address,
      access,
      privilege: KERNEL,
      steps: [],
      physical: (BigInt(frame) << shift) + (address & ((1n << shift) - 1n)),
      reason: NO_FAULT,
      rule: "the refill code gives the kernel this page without asking a table",
      manual: this.architecture.manuals[0] ?? "",
      kernelRights,
      userRights: 0,
    };
  }

  /** Loads a file into frames for the image backend. @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then */
  loadImage(content: Uint8Array): ImageFile {
    const { frames, memory } = this.parts;
    const file = withReclaim(this.parts, () => new ImageFile(content, frames, memory, (gone) => this.#images.delete(gone)));
    this.#images.add(file);
    return file;
  }

  /** Files whose pages are pinned in frames. */
  images(): IterableIterator<ImageFile> {
    return this.#images.values();
  }

  /** The loop of life: try, let the fault be served, try again; a refusal ends it. */
  #access(address: Wide, cpu: number, attempt: (processor: Cpu, page: number, offset: number) => number): number {
    const processor = this.cpu(cpu);
    const { units, preemption } = this.parts;
    const machinePage = units.pageOf(address);
    const size = 1 << this.architecture.hardwarePageShift;
    const within = integer(units.offsetOf(address));
    const page = machinePage * this.#hardwarePages + Math.floor(within / size);
    const before = preemption.cpu;
    preemption.cpu = cpu;
    try {
      for (let round = 0; round < MOST_FAULTS; round += 1) {
        const value = attempt(processor, page, within % size);
        if (value >= 0) {
          this.outcome = null;
          return value;
        }
        if (!this.serveFault(cpu)) return -1;
      }
      throw new Error("a fault was served again and again, and the access is refused still");
    } finally {
      preemption.cpu = before;
    }
  }

  /**
   * Lets the address space serve the fault that a processor has just had. For callers with a loop of their own: after
   * true the access is tried again, after false `outcome` says why it cannot be.
   */
  serveFault(cpu = 0): boolean {
    const { fault, switches } = this.cpu(cpu);
    if (!fault.isPending) throw new PortolanError("ERR_BAD_ARGUMENT", { cpu, fault: "none is pending" });
    fault.isPending = false;
    const { faults } = this.architecture;
    const page = Math.floor(fault.page / this.#hardwarePages);
    const space = fault.privilege === KERNEL && this.#isKernels(page) ? this.spaces.kernel : this.installed(cpu);
    const told = faults.told(fault.reason, fault.access, fault.privilege, switches);
    const isKept = fault.privilege === KERNEL && space !== null && isKeptFromKernel(space, page, fault.access, switches);
    if (space !== null && !isKept && answerFault(space, page, fault.reason, told) === OK) return true;
    const shift = BigInt(this.architecture.hardwarePageShift);
    const address = (BigInt(fault.page) << shift) + BigInt(fault.offset);
    this.outcome = this.#outcomeOf(cpu, fault, address, space === null ? NO_AREA_THERE : space.verdict);
    return false;
  }

  /** A copy ended: wholly, or at a byte that could not be reached. */
  #copied(address: Wide, done: number, length: number, access: Access, cpu: number): number {
    this.outcome = null;
    if (done === length) return done;
    const { units } = this.parts;
    const stopped = BigInt(address) + BigInt(done);
    const { fault } = this.cpu(cpu);
    const isUsers = stopped >> BigInt(units.pageShift) < BigInt(units.pageLimit) && isUserPage(this.parts, units.pageOf(stopped));
    fault.isPending = false;
    // No access was made in the kernel's half, in the hole and beyond the last address: what it would have been is told.
    const met: Refused = isUsers ? fault : { reason: BAD_ADDRESS, access, privilege: USER };
    this.outcome = this.#outcomeOf(cpu, met, stopped, isUsers ? this.#needed(cpu).verdict : NO_AREA_THERE);
    return done;
  }

  #outcomeOf(cpu: number, { reason, access, privilege }: Refused, address: bigint, { result, rule, waitsFor }: FaultVerdict): FaultOutcome {
    const { faultSite, switches } = this.cpu(cpu);
    const report = this.architecture.faults.report(reason, access, privilege, switches, faultSite);
    const outcome = { address, access, privilege, reason: FAULT_REASONS[reason], rule, ...report };
    return result === WAIT && waitsFor !== null ? { ...outcome, waitsFor } : outcome;
  }

  /** Does an access of the kernel to this page mean the kernel's space? Where spaces are one it may mean a user's. */
  #isKernels(page: number): boolean {
    const { layout } = this.architecture;
    if (layout.kernelAddressSpaceShadowed) return true;
    const { units } = this.parts;
    return page >= units.pageOf(layout.kernel.first) && page <= units.pageOf(layout.kernel.last);
  }

  #own(space: AddressSpace): void {
    if (space.parts !== this.parts) throw new PortolanError("ERR_BAD_ARGUMENT", { space: space.id, machine: "another" });
  }

  #needed(cpu: number): AddressSpace {
    const space = this.installed(cpu);
    if (space === null) throw new PortolanError("ERR_BAD_ARGUMENT", { cpu, space: "none installed" });
    return space;
  }
}
