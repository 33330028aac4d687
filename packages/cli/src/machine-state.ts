/** What a processor of a simulated machine holds beside the tables in memory, as images tell it. */
import { stateOf, USER, type Architecture, type Cpu, type Machine, type TranslationState } from "@portolan/core";

/** Everything of one processor, the registers that lead to its tables too. Changes nothing. */
export const fullStateOf = (machine: Machine, cpu: Cpu): TranslationState => {
  const state = stateOf(machine, cpu);
  return { ...state, registers: { ...state.registers, ...rootRegistersOf(machine, cpu) } };
};

/** Physical addresses of the root tables, by the names of the registers that lead there; a tree of software's own has `root`. */
export const rootsOf = ({ architecture }: Machine, cpu: Cpu): Readonly<Record<string, bigint>> => {
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return {};
  const { rootRegister, kernelRootRegister } = translation;
  return {
    [isSoftwares(architecture) ? "root" : rootRegister]: BigInt(cpu.contextFor(USER).root),
    ...(kernelRootRegister === undefined ? {} : { [kernelRootRegister]: BigInt(cpu.kernelContext.root) }),
  };
};

const isSoftwares = ({ translation, tlb }: Architecture): boolean => translation.kind === "hierarchical" && tlb.refill === "software";

/** Root registers as software would read them, by the manual's names. */
const rootRegistersOf = (machine: Machine, cpu: Cpu): Readonly<Record<string, bigint>> => {
  const { architecture } = machine;
  const roots = rootsOf(machine, cpu);
  if (isSoftwares(architecture)) return roots;
  return Object.fromEntries(Object.entries(roots).flatMap(([name, root]) => rootRegisters(architecture, cpu, name, root)));
};

/** A root register with what else is in it, and those beside it that say how entries are read. */
const rootRegisters = (architecture: Architecture, cpu: Cpu, name: string, root: bigint): readonly (readonly [string, bigint])[] => {
  const { translation, asids, wordBits } = architecture;
  const levels = translation.kind === "hierarchical" ? translation.levels.length : 0;
  const asid = asids.bits === 0 ? 0n : BigInt(cpu.contextFor(USER).asid % 2 ** asids.bits);
  const bit = (is: boolean | undefined, at: bigint): bigint => (is === true ? 1n << at : 0n);
  const { switches } = cpu;
  if (name === "CR3") {
    // Protection and paging are on, and there is an FPU of the newer kind.
    const CR0 = 0x8000_0011n | bit(switches["WP"], 16n);
    const CR4 =
      bit(switches["PSE"], 4n) |
      bit(levels > 2, 5n) |
      bit(switches["PGE"], 7n) |
      bit(levels === 5, 12n) |
      bit(switches["SMEP"], 20n) |
      bit(switches["SMAP"], 21n);
    // LME and LMA where there is a long mode.
    const EFER = (levels > 3 ? 0x500n : 0n) | bit(switches["NXE"], 11n);
    return [["CR3", root], ["CR0", CR0], ["CR4", CR4], ...(levels > 2 ? [["EFER", EFER] as const] : [])];
  }
  if (name === "satp") {
    const page = root >> 12n;
    // MODE is 1 for Sv32; 8, 9 and 10 for three, four and five levels.
    return [["satp", wordBits === 32 ? (1n << 31n) | (asid << 22n) | page : (BigInt(levels + 5) << 60n) | (asid << 44n) | page]];
  }
  if (name === "TTBR0_EL1") return [[name, (asid << 48n) | root]];
  if (name === "TTBR0" && asids.bits > 0)
    return [
      [name, root],
      ["CONTEXTIDR", asid],
    ];
  return [[name, root]];
};
