/**
 * What the manual says of a translation, written down once more: one word after the other, on bigints, with nothing taken
 * from the machine that is tested. Slow and obvious.
 *
 * @see Intel SDM vol 3A §4.5.4 (formats), §4.6 (access rights), §4.7 (error code), §4.8 (accessed and dirty)
 */
export interface Registers {
  readonly wp: boolean;
  readonly nxe: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly ac: boolean;
}

export interface Facts {
  readonly maxphyaddr: number;
  readonly gigabytePages: boolean;
  readonly isAmd: boolean;
  /** Five with CR4.LA57; four where absent. */
  readonly levels?: 4 | 5;
}

export type AccessName = "read" | "write" | "fetch";

export interface Verdict {
  /** Where the byte is, or the exception with its code. */
  readonly is: bigint | string;
  /** Words that the processor writes: their addresses and values. */
  readonly writes: ReadonlyMap<bigint, bigint>;
}

const bit = (word: bigint, n: number): boolean => ((word >> BigInt(n)) & 1n) === 1n;
const field = (word: bigint, high: number, low: number): bigint => (word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

const LEVELS = [
  { table: "PML5", low: 48 },
  { table: "PML4", low: 39 },
  { table: "PDPT", low: 30 },
  { table: "PD", low: 21 },
  { table: "PT", low: 12 },
] as const;

/** Is a bit set that must be zero in a present entry? */
const hasReserved = (table: (typeof LEVELS)[number]["table"], entry: bigint, { nxe }: Registers, facts: Facts): boolean => {
  if (!nxe && bit(entry, 63)) return true;
  if (facts.maxphyaddr < 52 && field(entry, 51, facts.maxphyaddr) !== 0n) return true;
  if (table === "PML5" || table === "PML4") return bit(entry, 7) || (facts.isAmd && bit(entry, 8));
  if (table === "PDPT" && bit(entry, 7)) return !facts.gigabytePages || field(entry, 29, 13) !== 0n;
  if (table === "PD" && bit(entry, 7)) return field(entry, 20, 13) !== 0n;
  return false;
};

export const isCanonical = (linear: bigint, levels: 4 | 5 = 4): boolean => {
  const width = 12 + 9 * levels;
  const top = field(linear, 63, width - 1);
  return top === 0n || top === (1n << BigInt(65 - width)) - 1n;
};

/** @param read a word of physical memory, or null where there is none */
export const translate = (
  read: (address: bigint) => bigint | null,
  cr3: bigint,
  linear: bigint,
  access: AccessName,
  isUser: boolean,
  registers: Registers,
  facts: Facts,
): Verdict => {
  const nothing = new Map<bigint, bigint>();
  const tellsFetch = registers.nxe || registers.smep;
  const pageFault = (present: boolean, reserved: boolean): Verdict => {
    const code =
      (present ? 1 : 0) +
      (access === "write" ? 2 : 0) +
      (isUser ? 4 : 0) +
      (reserved ? 8 : 0) +
      (access === "fetch" && tellsFetch ? 16 : 0);
    return { is: `#PF ${code}`, writes: nothing };
  };
  if (!isCanonical(linear, facts.levels)) return { is: "#GP 0", writes: nothing };

  const used: { address: bigint; entry: bigint }[] = [];
  let table = field(cr3, 51, 12) << 12n;
  let [isWritable, isUsers, isForbiddenToFetch] = [true, true, false];
  for (const level of LEVELS.slice(-(facts.levels ?? 4))) {
    const address = table + field(linear, level.low + 8, level.low) * 8n;
    const entry = read(address);
    if (entry === null) return { is: "#MC 0", writes: nothing };
    if (!bit(entry, 0)) return pageFault(false, false);
    if (hasReserved(level.table, entry, registers, facts)) return pageFault(true, true);
    used.push({ address, entry });
    isWritable &&= bit(entry, 1);
    isUsers &&= bit(entry, 2);
    isForbiddenToFetch ||= bit(entry, 63);
    const isPage = level.table === "PT" || ((level.table === "PDPT" || level.table === "PD") && bit(entry, 7));
    if (!isPage) {
      table = field(entry, 51, 12) << 12n;
      continue;
    }
    let allowed: boolean;
    if (isUser) allowed = isUsers && (access === "read" || (access === "write" ? isWritable : !isForbiddenToFetch));
    else if (access === "fetch") allowed = !isForbiddenToFetch && !(isUsers && registers.smep);
    else allowed = !(isUsers && registers.smap && !registers.ac) && (access === "read" || isWritable || !registers.wp);
    if (!allowed) return pageFault(true, false);
    const writes = new Map<bigint, bigint>();
    for (const each of used) {
      const isLeaf = each.address === address;
      // A table may stand for several levels at once: what is written last has all the marks.
      const before = writes.get(each.address) ?? each.entry;
      writes.set(each.address, before | (1n << 5n) | (isLeaf && access === "write" ? 1n << 6n : 0n));
    }
    for (const [place, value] of writes) if (read(place) === value) writes.delete(place);
    const physical = (field(entry, 51, level.low) << BigInt(level.low)) + field(linear, level.low - 1, 0);
    return { is: read(physical - (physical % 8n)) === null ? "#MC 0" : physical, writes };
  }
  throw new Error("the page table ends every walk");
};
