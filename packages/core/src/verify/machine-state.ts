/** What a processor holds beside the tables in memory, taken down as images tell it. Looks, and changes nothing. */
import type { SpaceRow, TlbRow, TranslationState } from "../architecture/translation-state.js";
import type { Machine } from "../compose/machine.js";
import type { Cpu } from "../machine/cpu.js";
import type { Tlb } from "../tlb/tlb.js";

/**
 * The entries of a processor's TLBs, its switches, the address spaces there are, and those registers that a port's refill code and a table
 * of all spaces have; registers that lead to a tree are the caller's to add. Addresses and lengths are in bytes.
 */
export const stateOf = (machine: Machine, cpu: Cpu): TranslationState => ({
  machine: machine.architecture.name,
  registers: { ...machine.parts.refill.registersOf?.(cpu), ...machine.parts.tables.registers },
  switches: { ...cpu.switches },
  tlb: [
    ...rowsOf(machine, cpu, cpu.dataTlb, "data"),
    ...(cpu.instructionTlb === cpu.dataTlb ? [] : rowsOf(machine, cpu, cpu.instructionTlb, "instruction")),
  ],
  spaces: spacesOf(machine),
});

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
