/** What a processor of a simulated machine holds beside the tables in memory, as images tell it. */
import {
  USER,
  type Architecture,
  type Cpu,
  type Machine,
  type SpaceRow,
  type Tlb,
  type TlbRow,
  type TranslationState,
} from "@portolan/core";

/** Everything of one processor. Changes nothing. */
export const stateOf = (machine: Machine, cpu: Cpu): TranslationState => ({
  machine: machine.architecture.name,
  registers: registersOf(machine, cpu),
  switches: { ...cpu.switches },
  tlb: [
    ...rowsOf(machine, cpu, cpu.dataTlb, "data"),
    ...(cpu.instructionTlb === cpu.dataTlb ? [] : rowsOf(machine, cpu, cpu.instructionTlb, "instruction")),
  ],
  spaces: spacesOf(machine),
});

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

/** Registers as software would read them, by the manual's names; what the page hash table needs has names of ours. */
const registersOf = (machine: Machine, cpu: Cpu): Readonly<Record<string, bigint>> => {
  const { architecture, parts } = machine;
  const { tables, refill } = parts;
  const own = { ...refill.registersOf?.(cpu), ...tables.registers };
  const roots = rootsOf(machine, cpu);
  if (isSoftwares(architecture)) return { ...own, ...roots };
  return { ...own, ...Object.fromEntries(Object.entries(roots).flatMap(([name, root]) => rootRegisters(architecture, cpu, name, root))) };
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

/** The entries that map something, in ascending order; a pair is a row for each half. */
const rowsOf = ({ architecture, parts }: Machine, cpu: Cpu, tlb: Tlb, unit: TlbRow["unit"]): readonly TlbRow[] => {
  const pageBytes = BigInt(2 ** architecture.hardwarePageShift);
  const { paired } = tlb.geometry;
  const rows: TlbRow[] = [];
  tlb.each((index) => {
    const span = paired ? tlb.span(index) / 2 : tlb.span(index);
    const words = unit === "data" ? parts.refill.wordsOf?.(cpu, index) : undefined;
    for (const page of paired ? [tlb.firstPage(index), tlb.firstPage(index) + span] : [tlb.firstPage(index)]) {
      const rights = tlb.rightsOf(index, page);
      rows.push({
        unit,
        index,
        virtual: BigInt(page) * pageBytes,
        bytes: span * Number(pageBytes),
        physical: BigInt(tlb.frameOf(index, page)) * pageBytes,
        asid: tlb.asid(index),
        global: tlb.isGlobal(index),
        kernel: rights & 7,
        user: rights >>> 3,
        // A half that lets nobody through is one without V.
        ...(paired && rights === 0 ? { valid: false } : {}),
        ...(tlb.isLocked(index) ? { locked: true } : {}),
        ...(words === undefined ? {} : { words }),
      });
    }
  });
  return rows;
};

/** The address spaces there are, the kernel's first. */
const spacesOf = ({ spaces }: Machine): readonly SpaceRow[] =>
  Array.from(spaces.live(), ({ context }) => ({
    space: context.id,
    asid: context.asid,
    ...(context.root < 0 ? {} : { root: BigInt(context.root) }),
    ...(context.cache?.registers === undefined ? {} : { registers: context.cache.registers }),
  }));
