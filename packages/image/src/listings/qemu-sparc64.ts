/**
 * What `info tlb` prints in the monitor of qemu-system-sparc64: contexts and registers of the D-MMU, then the valid entries of the
 * data TLB and of the instruction TLB. An entry that is larger than 8 KiB is printed with address bits that its size leaves out of
 * the comparison; here they are 0.
 *
 * @see QEMU docs, system/monitor; UltraSPARC I & II User's Manual §6.9 for the registers
 */
import { EXECUTE, READ, WRITE, type TlbRow, type TranslationState } from "@portolan/core/architecture";
import { Cursor, linesOf } from "./cursor.js";
import { aligned, MOST_ROWS } from "./limits.js";

const ENTRIES = 4095;
const CONTEXTS = 8191;
const SIZES: Readonly<Record<string, number>> = { "8k": 2 ** 13, "64k": 2 ** 16, "512k": 2 ** 19, "4M": 2 ** 22 };

/** Does a line belong to such a listing? */
export const isQemuSparc64 = (line: string): boolean => /^(?:MMU contexts: Primary: |[DI]MMU (?:dump|disabled)\s*$)/.test(line);

/** One state for each listing in the text. @throws PortolanError `ERR_BAD_LISTING` */
export const readQemuSparc64 = (text: string): readonly TranslationState[] => {
  const states: { machine: string; registers: Record<string, bigint>; tlb: TlbRow[] }[] = [];
  let unit: TlbRow["unit"] | null = null;
  /** A listing begins with its contexts; one whose beginning was not copied, with its first buffer. */
  let begun: (typeof states)[number] | null = null;
  const listing = (): (typeof states)[number] => {
    if (begun === null) states.push((begun = { machine: "sparc64", registers: {}, tlb: [] }));
    return begun;
  };
  for (const line of linesOf(text)) {
    const cursor = new Cursor(line);
    if (cursor.try(/MMU contexts: Primary: /y) !== null) {
      begun = null;
      unit = null;
      const { registers } = listing();
      registers["PRIMARY_CONTEXT"] = BigInt(cursor.whole("the primary context", CONTEXTS));
      cursor.take(/, Secondary: /y, '", Secondary: "');
      registers["SECONDARY_CONTEXT"] = BigInt(cursor.whole("the secondary context", CONTEXTS));
      cursor.end();
    } else if (cursor.try(/DMMU Tag Access: /y) !== null) {
      const { registers } = listing();
      registers["TAG_ACCESS_D"] = cursor.hex("Tag Access");
      cursor.take(/, TSB Tag Target: /y, '", TSB Tag Target: "');
      registers["TAG_TARGET_D"] = cursor.hex("Tag Target");
      cursor.end();
    } else {
      const section = cursor.try(/([DI])MMU (dump|disabled)\s*$/y);
      if (section !== null) {
        listing();
        unit = section[1] === "disabled" ? null : section[0] === "D" ? "data" : "instruction";
      } else if (cursor.isAtEnd) continue;
      else if (unit !== null && cursor.try(/\[/y) !== null) {
        const { tlb } = listing();
        if (tlb.length === MOST_ROWS) throw cursor.bad(`there are more than ${MOST_ROWS} entries`);
        tlb.push(entry(cursor, unit));
      } else unit = null;
    }
  }
  return states;
};

const entry = (cursor: Cursor, unit: TlbRow["unit"]): TlbRow => {
  const index = cursor.whole("the entry's number", ENTRIES);
  cursor.take(/\] VA: /y, '"] VA: "');
  const virtual = cursor.hex("the virtual address");
  cursor.take(/, PA: /y, '", PA: "');
  const physical = cursor.hex("the physical address");
  cursor.take(/, */y, "a comma");
  const [size = ""] = cursor.take(/(8k|64k|512k|4M)\b/y, "8k, 64k, 512k or 4M");
  const bytes = SIZES[size] ?? 0;
  const [privilege] = cursor.take(/, (priv|user)\b/y, '", priv" or ", user"');
  const may = unit === "instruction" ? EXECUTE : cursor.take(/, (RW|RO)\b/y, '", RW" or ", RO"')[0] === "RW" ? READ | WRITE : READ;
  const [lock] = cursor.take(/, (locked|unlocked)\b/y, '", locked" or ", unlocked"');
  // The byte order is no matter of translation.
  if (unit === "data") cursor.take(/, ie (?:yes|no)\b/y, '", ie yes" or ", ie no"');
  cursor.take(/, ctx /y, '", ctx "');
  const asid = cursor.whole("the context", CONTEXTS);
  const [scope] = cursor.take(/ (global|local)\b/y, '" global" or " local"');
  cursor.end();
  return {
    unit,
    index,
    virtual: aligned(virtual, bytes),
    bytes,
    physical: aligned(physical, bytes),
    asid,
    global: scope === "global",
    kernel: may,
    user: privilege === "priv" ? 0 : may,
    ...(lock === "locked" ? { locked: true } : {}),
  };
};
