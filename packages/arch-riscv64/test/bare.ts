/** A hart over tables that tests write word by word. */
import {
  buildMachine,
  EXECUTE,
  KERNEL,
  READ,
  TranslationContext,
  USER,
  WRITE,
  type Architecture,
  type Cpu,
  type Level,
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import type { AccessName } from "./manual.js";

export const CODES = { read: READ, write: WRITE, fetch: EXECUTE } as const;
export const ACCESSES: readonly AccessName[] = ["read", "write", "fetch"];
export const PRIVILEGES = [KERNEL, USER] as const;

export interface Bare {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly read: (address: bigint | number) => bigint | null;
  readonly write: (address: bigint | number, value: bigint) => void;
  /** Loads a root with tag 7. */
  readonly root: (address: number) => void;
  /** Where a byte is, or scause; TLBs forget first. */
  readonly ask: (address: bigint, access: AccessName, privilege: 0 | 1) => bigint | string;
}

export const levelsOf = ({ translation }: Architecture): readonly Level[] => {
  if (translation.kind !== "hierarchical") throw new Error("tables form trees");
  return translation.levels;
};

/** RAM begins where the worked examples have their tables. */
export const RAM = 0x8000_0000;

export const bare = (architecture: Architecture, options: MachineOptions = {}): Bare => {
  const machine = buildMachine(architecture, { memoryBytes: 16 * 2 ** 20, memoryBase: RAM, ...options });
  const { memory } = machine.parts;
  const cpu = machine.cpu(0);
  return {
    machine,
    cpu,
    read(address) {
      const at = Number(address);
      return memory.isBacked(at) ? (BigInt(memory.readHigh(at)) << 32n) | BigInt(memory.readLow(at)) : null;
    },
    write: (address, value) => memory.write64(Number(address), Number(value & 0xffff_ffffn), Number(value >> 32n)),
    root(address) {
      const context = new TranslationContext(-1, false, 7);
      context.root = address;
      cpu.install(context);
    },
    ask(address, access, privilege) {
      cpu.invalidateAll();
      return causeOr(cpu, address, access, privilege);
    },
  };
};

/** The same with TLBs as they are. */
export const causeOr = (cpu: Cpu, address: bigint, access: AccessName, privilege: 0 | 1): bigint | string => {
  const frame = cpu.translate(Number(address >> 12n), CODES[access], privilege);
  if (frame >= 0) return BigInt(frame) * 4096n + (address & 0xfffn);
  return `scause ${cpu.architecture.faults.report(cpu.fault.reason, CODES[access], privilege, cpu.switches).code}`;
};

/** Every setting of the two switches. */
export const SETTINGS = [0, 1, 2, 3].map((bits) => ({ SUM: (bits & 1) !== 0, MXR: (bits & 2) !== 0 }));

export const setSwitches = (cpu: Cpu, { SUM, MXR }: { readonly SUM: boolean; readonly MXR: boolean }): void => {
  cpu.setSwitch("SUM", SUM);
  cpu.setSwitch("MXR", MXR);
};
