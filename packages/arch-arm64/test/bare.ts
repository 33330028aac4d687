/** A processor over tables that tests write word by word. */
import {
  buildMachine,
  EXECUTE,
  READ,
  TranslationContext,
  WRITE,
  type Architecture,
  type Cpu,
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import { faultStatusInWords } from "#src/index.js";

export const CODES = { read: READ, write: WRITE, fetch: EXECUTE } as const;
export type AccessName = keyof typeof CODES;
export const ACCESSES: readonly AccessName[] = ["read", "write", "fetch"];

export interface Bare {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly write: (address: bigint | number, value: bigint) => void;
  readonly read: (address: bigint | number) => bigint;
  /** Loads a root with tag 7 for the lower half. */
  readonly root: (address: number) => void;
  /** Where a byte is, or the fault in words; TLBs forget first. */
  readonly ask: (address: bigint, access: AccessName, privilege: 0 | 1) => bigint | string;
  /** The same with TLBs as they are. */
  readonly again: (address: bigint, access: AccessName, privilege: 0 | 1) => bigint | string;
}

/** RAM begins where the worked examples have their tables. */
export const RAM = 0x4000_0000;

export const bare = (architecture: Architecture, options: MachineOptions = {}): Bare => {
  const machine = buildMachine(architecture, { memoryBytes: 16 * 2 ** 20, memoryBase: RAM, ...options });
  const { memory } = machine.parts;
  const cpu = machine.cpu(0);
  const shift = BigInt(architecture.pageShift);
  const again: Bare["again"] = (address, access, privilege) => {
    const frame = cpu.translate(Number(address >> shift), CODES[access], privilege);
    if (frame >= 0) return (BigInt(frame) << shift) + (address & ((1n << shift) - 1n));
    const report = architecture.faults.report(cpu.fault.reason, CODES[access], privilege, cpu.switches, cpu.faultSite);
    return faultStatusInWords(report.code);
  };
  return {
    machine,
    cpu,
    read: (address) => (BigInt(memory.readHigh(Number(address))) << 32n) | BigInt(memory.readLow(Number(address))),
    write: (address, value) => memory.write64(Number(address), Number(value & 0xffff_ffffn), Number(value >> 32n)),
    root(address) {
      const context = new TranslationContext(-1, false, 7);
      context.root = address;
      cpu.install(context);
    },
    ask(address, access, privilege) {
      cpu.invalidateAll();
      return again(address, access, privilege);
    },
    again,
  };
};
