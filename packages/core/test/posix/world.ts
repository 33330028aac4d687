/** A POSIX system on a machine under watch, with names for pages that fit every machine. */
import { limitsOf, PosixSystem, type Architecture, type Machine, type MachineOptions, type PosixLimits, type Process } from "#src/index.js";
import { build } from "../fixture.js";

/** A system with one process, whose arena begins at page 0 of {@link at}. */
export interface World {
  readonly machine: Machine;
  readonly system: PosixSystem;
  readonly process: Process;
  /** Bytes of a page. */
  readonly page: number;
  /** The address of a byte of the arena: pages and bytes into it. */
  readonly at: (page: number, byte?: number) => bigint;
  /** The page of the arena at an address; an answer that is no address as it is. */
  readonly pageOf: (answer: bigint) => number;
}

/** Pages from the arena's first to the top of what the system places itself: one and the same on all machines. */
export const TOP = 1024;

export const worldOn = (architecture: Architecture, options: MachineOptions = {}, limits: Partial<PosixLimits> = {}): World => {
  const machine = build(architecture, { memoryBytes: 1024 * 2 ** architecture.pageShift, ...options });
  const { lowestAddress, endAddress } = limitsOf(architecture);
  const page = 2 ** architecture.pageShift;
  const unit = BigInt(page);
  const middle = (lowestAddress + endAddress) / 2n;
  const arena = middle - (middle % unit) - BigInt(TOP) * unit;
  const system = new PosixSystem(machine, {
    mmapTop: arena + BigInt(TOP) * unit,
    heapBase: arena - 512n * unit,
    stackLimit: 512n * unit,
    ...limits,
  });
  const process = system.spawn();
  return {
    machine,
    system,
    process,
    page,
    at: (number, byte = 0) => arena + BigInt(number) * unit + BigInt(byte),
    pageOf: (answer) => (answer < 0n ? Number(answer) : Number((answer - arena) / unit)),
  };
};
