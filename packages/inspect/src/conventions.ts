/**
 * What operating systems keep in entries that are not present. Hardware ignores such words, so only who knows the system can
 * say what they mean: a convention is chosen by the caller and never guessed.
 */

/** What an entry without a translation stands for. */
export interface SoftwareEntry {
  /** `"no-access"`: a page that is there and that nobody may touch; `"swap"`: a page in swap space, or another of the system's markers. */
  readonly kind: "no-access" | "swap";
  /** Of `"no-access"`: physical address of the page, in bytes. */
  readonly physical?: number;
  /** Of `"swap"`: number of the swap area (or marker), and the page's number within it. */
  readonly type?: number;
  readonly offset?: bigint;
}

/** How a system marks entries. */
export interface Convention {
  /** In words, with the versions that it holds for. */
  readonly says: string;
  /** Where it is from. */
  readonly source: string;
  /** Bytes of the entries that it speaks of. */
  readonly bytes: 4 | 8;
  /** @param shift bit of the address where the entry's index begins @returns null for a word that means nothing */
  tell(raw: bigint, shift: number): SoftwareEntry | null;
}

const bits = (raw: bigint, high: number, low: number): bigint => (raw >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const has = (raw: bigint, bit: number): boolean => ((raw >> BigInt(bit)) & 1n) === 1n;
/** Address bits from `shift` on, up to bit 51. */
const addressIn = (raw: bigint, shift: number): number => Number((bits(raw, 51, 12) << 12n) >> BigInt(shift)) * 2 ** shift;

/** Since the mitigation of L1TF offsets and frame numbers of words that are not present are kept inverted. */
const invertedX86 = (raw: bigint, shift: number): SoftwareEntry | null => {
  if (raw === 0n || has(raw, 0)) return null;
  // Bit 8 (G) marks PROT_NONE; of a large page that is being split only PS is left.
  if (has(raw, 8) || (shift > 12 && has(raw, 7))) return { kind: "no-access", physical: addressIn(~raw, shift) };
  return { kind: "swap", type: Number(bits(raw, 63, 59)), offset: bits(~raw, 58, 9) };
};

const TABLE = {
  "linux-x86-64": {
    says: "Linux on x86-64, 4.18 and newer (with the mitigation of L1TF): PROT_NONE in bit 8, swap entries with an inverted offset",
    source: "Linux arch/x86/include/asm/pgtable_64.h, pgtable-invert.h",
    bytes: 8,
    tell: invertedX86,
  },
  "linux-x86-pae": {
    says: "Linux on 32-bit x86 with PAE, 4.18 and newer: as on x86-64",
    source: "Linux arch/x86/include/asm/pgtable-3level.h, pgtable-invert.h",
    bytes: 8,
    tell: invertedX86,
  },
  "linux-x86-32": {
    says: "Linux on 32-bit x86 without PAE: PROT_NONE in bit 8, swap type in bits 5:1, offset from bit 9 on",
    source: "Linux arch/x86/include/asm/pgtable-2level.h",
    bytes: 4,
    tell(raw, shift) {
      if (raw === 0n || has(raw, 0)) return null;
      if (has(raw, 8)) return { kind: "no-access", physical: Number(bits(raw, 31, 12)) * 4096 };
      return shift === 12 ? { kind: "swap", type: Number(bits(raw, 5, 1)), offset: bits(raw, 31, 9) } : null;
    },
  },
  "linux-arm64": {
    says: "Linux on arm64, 5.19 to 6.10: PROT_NONE in bit 58, swap type in bits 7:3, offset in 57:8",
    source: "Linux arch/arm64/include/asm/pgtable.h",
    bytes: 8,
    tell(raw) {
      if (raw === 0n || bits(raw, 1, 0) === 1n || bits(raw, 1, 0) === 3n) return null;
      if (has(raw, 58)) return { kind: "no-access", physical: Number(bits(raw, 47, 12)) * 4096 };
      return bits(raw, 1, 0) === 0n ? { kind: "swap", type: Number(bits(raw, 7, 3)), offset: bits(raw, 57, 8) } : null;
    },
  },
  "linux-arm64-6.11": {
    says: "Linux on arm64, 6.11 and newer: present though invalid in bit 11, swap type in bits 10:6, offset in 61:12",
    source: "Linux arch/arm64/include/asm/pgtable.h",
    bytes: 8,
    tell(raw) {
      if (raw === 0n || has(raw, 0)) return null;
      if (has(raw, 11)) return { kind: "no-access", physical: Number(bits(raw, 47, 12)) * 4096 };
      return bits(raw, 1, 0) === 0n ? { kind: "swap", type: Number(bits(raw, 10, 6)), offset: bits(raw, 61, 12) } : null;
    },
  },
  "linux-riscv64": {
    says: "Linux on riscv64, 6.3 and newer: PROT_NONE in bit 5, swap type in bits 11:7, offset from bit 12 on",
    source: "Linux arch/riscv/include/asm/pgtable.h",
    bytes: 8,
    tell(raw) {
      if (raw === 0n || bits(raw, 3, 0) !== 0n) return raw !== 0n && !has(raw, 0) && has(raw, 5) ? noAccessRiscv(raw) : null;
      if (has(raw, 5)) return noAccessRiscv(raw);
      return { kind: "swap", type: Number(bits(raw, 11, 7)), offset: bits(raw, 63, 12) };
    },
  },
} as const satisfies Readonly<Record<string, Convention>>;

/** A convention that is known. */
export type ConventionName = keyof typeof TABLE;

/** Conventions by name, for `--os`. */
export const CONVENTIONS: Readonly<Record<ConventionName, Convention>> = TABLE;

const noAccessRiscv = (raw: bigint): SoftwareEntry => ({ kind: "no-access", physical: Number(bits(raw, 53, 10)) * 4096 });

/** In words: `"swapped out: area 2, page 0x123"`. */
export const softwareInWords = (entry: SoftwareEntry): string =>
  entry.kind === "no-access"
    ? `nobody may touch it, but the page is there: physical 0x${(entry.physical ?? 0).toString(16)}`
    : `not in memory: swap type ${entry.type ?? 0}, offset 0x${(entry.offset ?? 0n).toString(16)}`;
