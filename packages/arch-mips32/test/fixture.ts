/** Machines with the registers of their processors at hand. */
import {
  buildMachine,
  REFILL,
  type AddressSpace,
  type Architecture,
  type Cpu,
  type Machine,
  type MachineOptions,
  type Tlb,
} from "@portolan/core";
import { mips32With, SoftwareRefill, type Cp0, type Mips32Options } from "#src/index.js";

export interface Bench {
  readonly machine: Machine;
  readonly space: AddressSpace;
  readonly cpu: Cpu;
  readonly tlb: Tlb;
  readonly cp0: Cp0;
}

/** A page of the core. */
export const PAGE = 0x4000;
/** Flags of a mapping: what HelenOS's areas ask for. */
export const RW = 1 | 2 | 8 | 32;
export const RO = 1 | 8 | 32;

export const benchOf = (architecture: Architecture, options: MachineOptions = {}): Bench => {
  const machine = buildMachine(architecture, { memoryBase: 0x20_0000, memoryBytes: 16 * 2 ** 20, ...options });
  const space = machine.spaces.create();
  machine.switchTo(space);
  const cpu = machine.cpu(0);
  return { machine, space, cpu, tlb: cpu.dataTlb, cp0: registersOf(machine) };
};

export const bench = (options: Mips32Options = {}, machine: MachineOptions = {}): Bench => benchOf(mips32With(options), machine);

export const registersOf = (machine: Machine, cpu = 0): Cp0 => {
  const { refill } = machine.parts;
  if (!(refill instanceof SoftwareRefill)) throw new Error(`${String(REFILL.description)} is not the port's`);
  return refill.registers(machine.cpu(cpu));
};

/** Maps a page of the space, by address, as software's tables have it. */
export const map = ({ machine, space }: Bench, address: number, physical: number, flags = RW): void =>
  machine.parts.tables.insert(space.context, address / PAGE, physical / PAGE, flags);

/** Writes an entry with TLBWI: one call, four registers. */
export const write = (cp0: Cp0, index: number, entry: { hi: number; lo0?: number; lo1?: number; mask?: number }): number => {
  cp0.index = index;
  cp0.entryHi = entry.hi;
  cp0.entryLo0 = entry.lo0 ?? 0;
  cp0.entryLo1 = entry.lo1 ?? 0;
  cp0.pageMask = entry.mask ?? 0;
  return cp0.tlbwi();
};

/** Reads an entry with TLBR. */
export const read = (cp0: Cp0, index: number): { hi: number; lo0: number; lo1: number; mask: number } => {
  cp0.index = index;
  cp0.tlbr();
  return { hi: cp0.entryHi, lo0: cp0.entryLo0, lo1: cp0.entryLo1, mask: cp0.pageMask };
};

/** The entry that translates an address, by TLBP. */
export const probe = (cp0: Cp0, hi: number): number => {
  cp0.entryHi = hi;
  cp0.tlbp();
  return cp0.index;
};
