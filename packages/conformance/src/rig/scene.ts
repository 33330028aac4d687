/**
 * A space, mapped by hand through the page tables, and looked at through a processor's TLBs in the state that the trait says.
 * Pages and frames are the machine's; what an access answers is a hardware frame or a reason.
 */
import {
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_USER,
  READ,
  StaleTranslations,
  UNMARKED,
  USER,
  WRITE,
  type Access,
  type AddressSpace,
  type Cpu,
  type FaultReason,
  type Machine,
  type MachineOptions,
  type PageFlags,
  type Privilege,
  type TranslationContext,
} from "@portolan/core";
import { Failure } from "../failure.js";
import { childOfNeighbour, neighbour } from "./neighbours.js";
import type { Rig } from "./rig.js";

export const ACCESSES = [READ, WRITE, EXECUTE] as const satisfies readonly Access[];
export const PRIVILEGES = [KERNEL, USER] as const satisfies readonly Privilege[];
const ACCESS_NAMES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };

export const inWords = (access: Access, privilege: Privilege): string =>
  `${privilege === USER ? "user" : "kernel"} ${ACCESS_NAMES[access]}`;

/** Everything a user's page can be asked for. */
export const USER_ALL: PageFlags = READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE;
export const USER_RW: PageFlags = READ | WRITE | PAGE_USER | PAGE_CACHEABLE;

/** A hardware frame, or why not, in words that messages compare. */
export type Answer = { readonly frame: number } | { readonly fault: string };

/** Pages that scenes map, from the first of the user's that is not page 0's neighbour. */
const FIRST = 16;
const PAGES = 12;
/** Spaces that had the ASIDs before, in the trait that recycles them. */
const FORMER = 5;

export class Scene {
  readonly rig: Rig;
  readonly machine: Machine;
  readonly space: AddressSpace;
  /** The processor that looks; changes are made on processor 0. */
  readonly cpu: Cpu;
  /** The first of twelve pages that are the scene's. */
  readonly first: number;

  constructor(rig: Rig, options: MachineOptions = {}) {
    this.rig = rig;
    const isOther = rig.trait === "other";
    this.machine = rig.build({ cpus: isOther ? 2 : 1, ...options });
    this.cpu = this.machine.cpu(isOther ? 1 : 0);
    const { units } = this.machine.parts;
    this.first = units.pageOf(rig.architecture.layout.user.first) + FIRST;
    if (rig.trait === "recycled") this.#formers();
    this.space = rig.trait === "forked" ? childOfNeighbour(this.machine, this.first, PAGES) : this.machine.spaces.create();
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.space, id);
  }

  get context(): TranslationContext {
    return this.space.context;
  }

  /** A frame of its own, zeroed. */
  frame(): number {
    return this.machine.parts.frames.takeZeroed();
  }

  map(page: number, frame: number, flags: PageFlags, context: TranslationContext = this.context): void {
    this.machine.parts.tables.insert(context, page, frame, flags);
  }

  /** Takes pages away as the core does: stop, edit, forget, let go. */
  unmap(page: number, count = 1, context: TranslationContext = this.context): void {
    this.machine.on(0, () => {
      const { withdrawals, tables } = this.machine.parts;
      const debt = withdrawals.begin(context, page, count);
      for (let each = page; each < page + count; each += 1) tables.remove(context, each, debt);
      withdrawals.settle();
    });
  }

  /** Rewrites the rights of a page by the same protocol. */
  protect(page: number, flags: PageFlags, context: TranslationContext = this.context): void {
    this.machine.on(0, () => {
      const { withdrawals, tables } = this.machine.parts;
      const debt = withdrawals.begin(context, page, 1);
      tables.update(context, page, flags, debt);
      withdrawals.settle();
    });
  }

  /** Takes away without telling any TLB: what a defective system would do. */
  forgetInTables(page: number, context: TranslationContext = this.context): void {
    const debt = new StaleTranslations();
    this.machine.parts.tables.remove(context, page, debt);
    debt.settle(
      () => {},
      () => {},
    );
  }

  /** The answer to an access in the state that the trait says; `part` counts hardware pages within the page. */
  look(page: number, access: Access, privilege: Privilege, part = 0): Answer {
    const hardwarePage = page * this.rig.perPage + part;
    if (this.rig.trait === "cold") this.empty();
    else {
      this.raw(hardwarePage, READ, privilege);
      const before = this.raw(hardwarePage, access, privilege);
      const after = this.raw(hardwarePage, access, privilege);
      if (JSON.stringify(before) !== JSON.stringify(after))
        throw new Failure(`the same access answers ${JSON.stringify(before)} at first and ${JSON.stringify(after)} then`);
      return after;
    }
    return this.raw(hardwarePage, access, privilege);
  }

  /** One access through the TLB as it is, missing marks set by the handler. The page is a hardware page. */
  raw(hardwarePage: number, access: Access, privilege: Privilege): Answer {
    const page = Math.floor(hardwarePage / this.rig.perPage);
    const { kernel } = this.rig.architecture.layout;
    const isKernels = privilege === KERNEL && this.machine.parts.units.addressOf(page) >= kernel.first;
    const installed = this.machine.installed(this.cpu.id)?.context ?? this.context;
    const context = isKernels ? this.machine.spaces.kernel.context : installed;
    // The mark of an access may be missing, and then that of a write.
    for (const isWrite of [false, true]) {
      const answer = this.bare(hardwarePage, access, privilege);
      if (!("fault" in answer) || answer.fault !== FAULT_REASONS[UNMARKED]) return answer;
      this.machine.parts.tables.mark(context, page, isWrite);
      this.machine.on(this.cpu.id, () => this.cpu.invalidatePages(context.asid, page, 1));
    }
    return this.bare(hardwarePage, access, privilege);
  }

  /** The same without a handler. */
  bare(hardwarePage: number, access: Access, privilege: Privilege): Answer {
    const frame = this.machine.on(this.cpu.id, () => this.cpu.translate(hardwarePage, access, privilege));
    return frame >= 0 ? { frame } : { fault: FAULT_REASONS[this.cpu.fault.reason] };
  }

  /** Nothing in the TLBs of the processor that looks. */
  empty(): void {
    for (const tlb of new Set([this.cpu.instructionTlb, this.cpu.dataTlb])) tlb.forget(false, false);
    const { cache } = this.context;
    if (cache !== null) cache.invalidate(0, Infinity);
  }

  /** What a mapping of this frame answers where it permits. */
  at(frame: number, part = 0): Answer {
    return { frame: frame * this.rig.perPage + part };
  }

  /** Pages of the kernel that tables translate, from the top. */
  kernelPage(index = 0): number {
    const { units, refill } = this.machine.parts;
    const { kernel, windows = [] } = this.rig.architecture.layout;
    const isFree = (page: number): boolean =>
      windows.every(({ first, last }) => page < units.pageOf(first) || page > units.pageOf(last)) &&
      (refill.fixedFrame?.(page * this.rig.perPage) ?? -1) < 0 &&
      units.isCanonical(page);
    let left = index;
    for (let page = units.pageOf(kernel.last) - 4; ; page -= 1) {
      if (!isFree(page)) continue;
      if (left === 0) return page;
      left -= 1;
    }
  }

  /** The words that translate a page, by level; for trees. */
  fault(reason: FaultReason): Answer {
    return { fault: FAULT_REASONS[reason] };
  }

  /** A space that had all the scene's pages and used them; its number is the next one to be taken away. */
  #formers(): void {
    const { machine, rig } = this;
    neighbour(machine, this.first, PAGES);
    if (rig.architecture.asids.policy === "fixed") return;
    for (let taken = 1; taken < FORMER; taken += 1) {
      const other = machine.spaces.create();
      for (const { id } of machine.cpus) machine.switchTo(other, id);
    }
  }
}
