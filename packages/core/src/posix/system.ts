/** A system of processes on one machine: what they share. The second face of the core, beside HelenOS's calls. */
import type { AddressSpace } from "../address-space/address-space.js";
import type { AddressSpaces } from "../address-space/address-spaces.js";
import type { FaultRule } from "../address-space/fault.js";
import type { SpaceParts } from "../address-space/parts.js";
import type { PageOnItsWay } from "../objects/transfer.js";
import type { Wide } from "../units/address-units.js";
import { Descriptors } from "./descriptors.js";
import { FileSystem } from "./file-system.js";
import { limitsOf, type PosixLimits } from "./limits.js";
import { PosixMemory } from "./memory.js";
import { Process } from "./process.js";
import { Segments } from "./segments.js";

/** What the POSIX face needs of a machine: `Machine` is one. */
export interface PosixMachine {
  readonly parts: SpaceParts;
  readonly spaces: AddressSpaces;
  readonly cpus: readonly unknown[];
  readonly outcome: { readonly address: bigint; readonly rule: FaultRule; readonly waitsFor?: PageOnItsWay | null } | null;
  /** Runs work as done by a processor. */
  on<T>(cpu: number, work: () => T): T;
  /** The space that a processor has. */
  installed(cpu?: number): AddressSpace | null;
  /** Installs a space. */
  switchTo(space: AddressSpace, cpu?: number): void;
  /** Leaves a processor with the kernel only. */
  switchToKernel(cpu?: number): void;
  /** A byte, or −1. */
  read8(address: Wide, cpu?: number): number;
  /** 32 bits, or −1. */
  read32(address: Wide, cpu?: number): number;
  /** True if the byte was written. */
  write8(address: Wide, value: number, cpu?: number): boolean;
  /** True if they were written. */
  write32(address: Wide, value: number, cpu?: number): boolean;
  /** An instruction word, or −1. */
  fetch32(address: Wide, cpu?: number): number;
  /** Bytes copied. */
  copyFromUser(address: Wide, target: Uint8Array, cpu?: number): number;
  /** Bytes copied. */
  copyToUser(address: Wide, source: Uint8Array, cpu?: number): number;
}

/**
 * Processes, files and shared segments. Calls of processes answer as Linux's raw system calls do: a result, or the negative
 * of an error number.
 *
 * @see POSIX.1-2017, System Interfaces; Linux man-pages, section 2
 */
export class PosixSystem {
  readonly machine: PosixMachine;
  readonly limits: PosixLimits;
  readonly files: FileSystem;
  readonly segments: Segments;
  readonly #processes = new Map<number, Process>();
  #nextPid = 1;

  /** @throws PortolanError ERR_MISALIGNED for limits that are no page's address */
  constructor(machine: PosixMachine, limits: Partial<PosixLimits> = {}) {
    this.machine = machine;
    this.limits = limitsOf(machine.parts.architecture, limits);
    this.files = new FileSystem(machine.parts);
    this.segments = new Segments(machine.parts, this.limits);
  }

  /**
   * A process with nothing mapped and nothing open.
   * @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has changed then
   */
  spawn(): Process {
    const memory = new PosixMemory(this.machine.spaces.create(), this.limits);
    return this.register((pid) => new Process(this, pid, memory, new Descriptors(this.limits.mostDescriptors)));
  }

  /** Processes that have not exited, oldest first. */
  processes(): IterableIterator<Process> {
    return this.#processes.values();
  }

  /** @internal A number for a process, and its place among the others. */
  register(make: (pid: number) => Process): Process {
    const process = make(this.#nextPid);
    this.#processes.set(process.pid, process);
    this.#nextPid += 1;
    return process;
  }

  /** @internal A process has exited. */
  forget(process: Process): void {
    this.#processes.delete(process.pid);
  }
}
