/** What a processor holds beside the tables in memory, read by the doors of its TLBs: what an image has to carry of it. */
import type { Cpu, Machine, SpaceRow, Tlb, TlbRow, TranslationState } from "@portolan/core";

export const stateOf = (machine: Machine, cpu: Cpu): TranslationState => {
  const { architecture, parts, spaces } = machine;
  const isShared = cpu.instructionTlb === cpu.dataTlb;
  return {
    machine: architecture.name,
    registers: { ...parts.refill.registersOf?.(cpu), ...parts.tables.registers },
    switches: { ...cpu.switches },
    tlb: [...rowsOf(machine, cpu.dataTlb, "data"), ...(isShared ? [] : rowsOf(machine, cpu.instructionTlb, "instruction"))],
    spaces: Array.from(spaces.live(), ({ context: { id, asid, root, cache } }): SpaceRow => ({
      space: id,
      asid,
      ...(root < 0 ? {} : { root: BigInt(root) }),
      ...(cache?.registers === undefined ? {} : { registers: cache.registers }),
    })),
  };
};

/** A row for each entry; for each half of a pair. */
const rowsOf = ({ architecture }: Machine, tlb: Tlb, unit: TlbRow["unit"]): readonly TlbRow[] => {
  const pageBytes = 2 ** architecture.hardwarePageShift;
  const halves = tlb.geometry.paired ? 2 : 1;
  const rows: TlbRow[] = [];
  tlb.each((index) => {
    const span = tlb.span(index) / halves;
    for (let half = 0; half < halves; half += 1) {
      const page = tlb.firstPage(index) + half * span;
      const rights = tlb.rightsOf(index, page);
      rows.push({
        unit,
        index,
        virtual: BigInt(page) * BigInt(pageBytes),
        bytes: span * pageBytes,
        physical: BigInt(tlb.frameOf(index, page)) * BigInt(pageBytes),
        asid: tlb.asid(index),
        global: tlb.isGlobal(index),
        kernel: rights & 7,
        user: rights >>> 3,
        ...(halves === 2 && rights === 0 ? { valid: false } : {}),
        ...(tlb.isLocked(index) ? { locked: true } : {}),
      });
    }
  });
  return rows;
};
