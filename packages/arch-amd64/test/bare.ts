/** A processor over tables that tests write word by word. */
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
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import type { AccessName, Registers } from "./manual.js";

export const CODES = { read: READ, write: WRITE, fetch: EXECUTE } as const;
export const ACCESSES: readonly AccessName[] = ["read", "write", "fetch"];
/** Kernel and user, by name of the privilege that the core has for them. */
export const PRIVILEGES = [KERNEL, USER] as const;

export interface Bare {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly read: (address: bigint | number) => bigint | null;
  readonly write: (address: bigint | number, value: bigint) => void;
  /** Loads CR3. */
  readonly root: (address: number) => void;
  /** Where a byte is, or the exception and its code; TLBs forget first. */
  readonly ask: (linear: bigint, access: AccessName, privilege: 0 | 1) => bigint | string;
}

/** As large a machine as the tests need, without spaces. */
export const bare = (architecture: Architecture, options: MachineOptions = {}): Bare => {
  const machine = buildMachine(architecture, { memoryBytes: 16 * 2 ** 20, ...options });
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
      const context = new TranslationContext(-1, false, 3);
      context.root = address;
      cpu.install(context);
    },
    ask(linear, access, privilege) {
      cpu.invalidateAll();
      return exceptionOr(cpu, linear, access, privilege);
    },
  };
};

/** The same with TLBs as they are. */
export const exceptionOr = (cpu: Cpu, linear: bigint, access: AccessName, privilege: 0 | 1): bigint | string => {
  const frame = cpu.translate(Number(linear >> 12n), CODES[access], privilege);
  if (frame >= 0) return BigInt(frame) * 4096n + (linear & 0xfffn);
  const { trap, code } = cpu.architecture.faults.report(cpu.fault.reason, CODES[access], privilege, cpu.switches);
  return `${trap} ${code}`;
};

/** The switches of the machine that stand for registers of the manual. Those that a processor lacks are left out. */
export const switchesOf = ({ switches }: Architecture, { wp, nxe, smep, smap, ac }: Registers): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries({ WP: wp, NXE: nxe, SMEP: smep, SMAP: smap, AC: ac }).filter(([name]) => Object.hasOwn(switches, name)),
  );

export const setSwitches = (cpu: Cpu, registers: Registers): void => {
  for (const [name, value] of Object.entries(switchesOf(cpu.architecture, registers))) cpu.setSwitch(name, value);
};

/** Every setting of the five switches. */
export const SETTINGS: readonly Registers[] = Array.from({ length: 32 }, (_, bits) => ({
  wp: (bits & 1) !== 0,
  nxe: (bits & 2) !== 0,
  smep: (bits & 4) !== 0,
  smap: (bits & 8) !== 0,
  ac: (bits & 16) !== 0,
}));
