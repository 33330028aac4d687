/**
 * What Linux prints of a MIPS TLB: at a machine check, at some oopses, or where somebody asks (SysRq-x). First the registers, on newer
 * kernels; then every entry that is global or of the current address space: its page size and virtual address, and its two halves,
 * which follow on the next line, or on two. Logs put times before lines, letters put marks of quotation, and break lines where
 * they like.
 *
 * @see Linux Documentation/admin-guide/sysrq.rst; MIPS32 PRA vol III, EntryHi, EntryLo0, PageMask, PageGrain
 */
import { EXECUTE, READ, WRITE, type TlbRow, type TranslationState } from "@portolan/core/architecture";
import { Cursor, linesOf } from "./cursor.js";
import { aligned, MOST_ROWS, MOST_STATES } from "./limits.js";

/** Does a line belong to such a listing? */
export const isLinuxMips = (line: string): boolean => /^Index: {1,3}\d{1,4} (?:pgmask=|va=)/.test(line);

/** Registers by the names that kernels print; they are the manual's but for the case of one. */
const REGISTER =
  /(Index|Page[Mm]ask|GuestCtl1|EntryHi|EntryLo0|EntryLo1|Wired|FrameMask|PageGrain|PWField|PWSize|PWCtl) {0,4}: +([0-9a-f]{1,16})[ \t]*$/y;
const UNITS: Readonly<Record<string, number>> = { kb: 2 ** 10, Mb: 2 ** 20, Gb: 2 ** 30 };
const ENTRIES = 4095;
/** C of EntryLo: uncached, and uncached accelerated where there is such. */
const UNCACHED = [2, 7];

interface Listing {
  readonly registers: Record<string, bigint>;
  readonly tlb: TlbRow[];
  last: number;
}

/** One state for each processor that was printed. @throws PortolanError `ERR_BAD_LISTING` */
export const readLinuxMips = (text: string): readonly TranslationState[] => {
  const lines = linesOf(text);
  const listings: Listing[] = [];
  const current = (cursor: Cursor, isNext: (listing: Listing) => boolean): Listing => {
    const last = listings.at(-1);
    if (last !== undefined && !isNext(last)) return last;
    if (listings.length === MOST_STATES) throw cursor.bad(`there are more than ${MOST_STATES} listings`);
    const fresh = { registers: {}, tlb: [], last: -1 };
    listings.push(fresh);
    return fresh;
  };
  let entries = 0;
  for (const line of lines) {
    const cursor = new Cursor(line, lines);
    if (isLinuxMips(line.text.slice(line.start))) {
      if (++entries > MOST_ROWS / 2) throw cursor.bad(`there are more than ${MOST_ROWS / 2} entries`);
      const pair = readEntry(cursor);
      const [{ index }] = pair;
      // Entries ascend: a lower number is another processor's, or another time's.
      const listing = current(cursor, ({ last }) => index <= last);
      listing.tlb.push(...pair);
      listing.last = index;
      continue;
    }
    const [told, value] = cursor.try(REGISTER) ?? [];
    if (told === undefined) continue;
    const name = told === "Pagemask" ? "PageMask" : told;
    const { registers } = current(cursor, (listing) => listing.tlb.length > 0 || listing.registers[name] !== undefined);
    registers[name] = BigInt(`0x${value}`);
  }
  return listings.filter(({ registers, tlb }) => tlb.length > 0 || registers["EntryHi"] !== undefined).map(stateOf);
};

/** Where no register was printed the rows tell the current ASID: other spaces' entries are not among them. */
const stateOf = ({ registers, tlb }: Listing): TranslationState => {
  const [asid, ...others] = new Set(tlb.filter(({ global }) => !global).map((row) => row.asid));
  const isTold = registers["EntryHi"] !== undefined || asid === undefined || others.length > 0;
  return { registers: isTold ? registers : { ...registers, EntryHi: BigInt(asid) }, tlb };
};

/** What one half says. */
interface Half {
  readonly physical: bigint;
  readonly coherency: number;
  /** D, V and G as they lie in EntryLo, and RI and XI as the two above the others. */
  readonly bits: number;
}
const G = 1;
const V = 2;
const D = 4;
const XI = 8;
const RI = 16;

/** An entry, from its line and as many of the next ones as it takes. */
const readEntry = (cursor: Cursor): readonly [TlbRow, TlbRow] => {
  cursor.take(/Index: {1,3}/y, '"Index: "');
  const index = cursor.whole("the entry's number", ENTRIES);
  cursor.skip();
  cursor.take(/pgmask=/y, '"pgmask=" (an R3000\'s entries have none: they are no pairs, and not read here)');
  const [count, unit] = cursor.take(/(1|2|4|8|16|32|64|128|256|512)(kb|Mb|Gb)\b/y, "a page size like 4kb, 16Mb or 1Gb");
  const bytes = Number(count) * (UNITS[unit ?? ""] ?? 0);
  cursor.skip();
  cursor.take(/va=/y, '"va="');
  const virtual = aligned(cursor.hex("the virtual address"), 2 * bytes);
  cursor.skip();
  cursor.take(/asid=/y, '"asid="');
  const asid = Number(`0x${cursor.take(/([0-9a-f]{1,8})\b/y, "the ASID")[0]}`);
  cursor.skip();
  if (cursor.try(/gid=[0-9a-f]{1,4}\b/y) !== null) cursor.skip();
  const halves = [readHalf(cursor, bytes), readHalf(cursor, bytes)] as const;
  cursor.end();
  const isGlobal = (halves[0].bits & halves[1].bits & G) !== 0;
  const words = wordsOf(virtual, asid, bytes, halves);
  const rowOf = ({ physical, coherency, bits }: Half, first: bigint): TlbRow => {
    const isValid = (bits & V) !== 0;
    const may = ((bits & RI) === 0 ? READ : 0) | ((bits & D) === 0 ? 0 : WRITE) | ((bits & XI) === 0 ? EXECUTE : 0);
    return {
      unit: "data",
      index,
      virtual: first,
      bytes,
      physical,
      asid,
      global: isGlobal,
      kernel: isValid ? may : 0,
      user: isValid ? may : 0,
      ...(isValid ? {} : { valid: false }),
      ...(UNCACHED.includes(coherency) ? { uncached: true } : {}),
      ...(words === null ? {} : { words }),
    };
  };
  return [rowOf(halves[0], virtual), rowOf(halves[1], virtual + BigInt(bytes))];
};

const readHalf = (cursor: Cursor, bytes: number): Half => {
  const field = (pattern: RegExp, name: string): number => {
    const [digit] = cursor.take(pattern, `"${name}="`);
    cursor.skip();
    return Number(digit);
  };
  cursor.skip();
  cursor.take(/\[/y, "a half in brackets");
  cursor.skip();
  const rights = cursor.try(/ri=([01])\s+xi=([01])\s+/y);
  cursor.take(/pa=/y, '"pa="');
  const physical = aligned(cursor.hex("the physical address"), bytes);
  cursor.skip();
  const coherency = field(/c=([0-7])(?!\d)/y, "c");
  const d = field(/d=([01])(?!\d)/y, "d");
  const v = field(/v=([01])(?!\d)/y, "v");
  const g = field(/g=([01])(?!\d)/y, "g");
  cursor.take(/\]/y, '"]"');
  return {
    physical,
    coherency,
    bits: g * G + v * V + d * D + (rights?.[1] === "1" ? XI : 0) + (rights?.[0] === "1" ? RI : 0),
  };
};

/** The registers that would write the entry, where they have the 32 bits of MIPS32. */
const wordsOf = (virtual: bigint, asid: number, bytes: number, halves: readonly [Half, Half]): Readonly<Record<string, bigint>> | null => {
  if (virtual >= 1n << 32n || asid > 0xff || halves.some(({ physical }) => physical >= 1n << 36n)) return null;
  const low = ({ physical, coherency, bits }: Half): bigint => {
    const inhibits = (BigInt(bits & RI) << 27n) | (BigInt(bits & XI) << 27n);
    return inhibits | ((physical >> 12n) << 6n) | BigInt(coherency * 8 + (bits & (D | V | G)));
  };
  return {
    EntryHi: virtual + BigInt(asid),
    EntryLo0: low(halves[0]),
    EntryLo1: low(halves[1]),
    PageMask: BigInt((bytes / 2 ** 12 - 1) * 0x2000),
  };
};
