/** Machines with tables laid by hand. */
import {
  buildMachine,
  TranslationContext,
  type Architecture,
  type Cpu,
  type Level,
  type Machine,
  type MachineOptions,
} from "@portolan/core";

/** Where the worked examples have their tables, and their frames. */
export const ROOT = 0x8000;
export const USER_TABLE = 0xc000;
export const KERNEL_TABLES = [0xd000, 0xe000] as const;

export const levelsOf = ({ translation }: Architecture): readonly Level[] => {
  if (translation.kind !== "hierarchical") throw new Error("an ARM walks trees");
  return translation.levels;
};

export interface Laid {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly context: TranslationContext;
  /** Writes 32 bits to physical memory, in the machine's byte order. */
  readonly put: (address: number, word: number) => void;
}

/** A machine whose processor 0 has a root at {@link ROOT} installed, in which there is nothing yet. */
export const laid = (architecture: Architecture, options: MachineOptions = {}): Laid => {
  const machine = buildMachine(architecture, { memoryBytes: 0x1100_0000, ...options });
  const kernel = machine.spaces.kernel.context.root;
  if (kernel < 0x1_0000 && kernel + 0x4000 > ROOT) throw new Error("the kernel's own tables lie in the way");
  const context = new TranslationContext(1000, false, 7);
  context.root = ROOT;
  const cpu = machine.cpu(0);
  cpu.install(context);
  return { machine, cpu, context, put: (address, word) => machine.parts.memory.write32(address, word >>> 0) };
};
