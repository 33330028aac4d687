/**
 * What operating systems keep in entries that are not present. Hardware ignores such words, so only who knows the system can
 * say what they mean: a convention is chosen by the caller and never guessed.
 */
import { PortolanError, type Architecture, type Field } from "@portolan/core/architecture";

/** What an entry without a translation stands for. */
export interface SoftwareEntry {
  /**
   * `"no-access"`: a page that is there and that nobody may touch; `"old"`: one that is there and was taken from the processor, so
   * that the next access is noticed; `"swap"`: a page in swap space, or another of the system's markers.
   */
  readonly kind: "no-access" | "old" | "swap";
  /** Of `"no-access"` and `"old"`: physical address of the page, in bytes. */
  readonly physical?: number;
  /** Of `"swap"`: number of the swap area (or marker), and the page's number within it. */
  readonly type?: number;
  readonly offset?: bigint;
}

/** Entries that a system keeps for itself, one beside each of the processor's. */
export interface Beside {
  /** From the processor's entry to the system's, in bytes. */
  readonly bytes: number;
  /** Of the level whose index begins at this bit of the address. */
  readonly shift: number;
  /** Has the table at this physical address companions? Tables that the system did not make have none. */
  has(table: number): boolean;
  /** What the bits of one say. */
  fields(raw: bigint): readonly Field[];
  /** In a few words: `"Linux: present, young, dirty"`. */
  says(raw: bigint): string;
}

/** How a system marks entries. */
export interface Convention {
  /** In words, with the versions that it holds for. */
  readonly says: string;
  /** Where it is from. */
  readonly source: string;
  /** Bytes of the entries that it speaks of. */
  readonly bytes: 4 | 8;
  /** Names of the descriptions of machines that it is for. */
  readonly machines: readonly string[];
  /** The first release that it holds for; the next convention of the same machine tells where it ends. */
  readonly since: string;
  /** Where the system keeps entries of its own: those of the processor say too little. */
  readonly beside?: Beside;
  /**
   * @param shift bit of the address where the entry's index begins
   * @param beside the system's own word, where it keeps such; 0 where there is none
   * @returns null for a word that means nothing
   */
  tell(raw: bigint, shift: number, beside?: bigint): SoftwareEntry | null;
}

const bits = (raw: bigint, high: number, low: number): bigint => (raw >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
const has = (raw: bigint, bit: number): boolean => ((raw >> BigInt(bit)) & 1n) === 1n;
const swap = (type: bigint, offset: bigint): SoftwareEntry => ({ kind: "swap", type: Number(type), offset });
/** Address bits from `shift` on, up to bit 51. */
const addressIn = (raw: bigint, shift: number): number => Number((bits(raw, 51, 12) << 12n) >> BigInt(shift)) * 2 ** shift;

/** Since the mitigation of L1TF offsets and frame numbers of words that are not present are kept inverted. */
const invertedX86 = (raw: bigint, shift: number): SoftwareEntry | null => {
  if (raw === 0n || has(raw, 0)) return null;
  // Bit 8 (G) marks PROT_NONE; of a large page that is being split only PS is left.
  if (has(raw, 8) || (shift > 12 && has(raw, 7))) return { kind: "no-access", physical: addressIn(~raw, shift) };
  return swap(bits(raw, 63, 59), bits(~raw, 58, 9));
};

/** Until 6.9 PROT_NONE was bit 58, and a large page that is being split was told by bit 59; the two releases differ in the type's width. */
const arm64With =
  (typeLow: number) =>
  (raw: bigint, shift: number): SoftwareEntry | null => {
    if (raw === 0n || has(raw, 0)) return null;
    if (has(raw, 58) || (shift > 12 && has(raw, 59))) return { kind: "no-access", physical: frame48(raw, shift) };
    return swap(bits(raw, 7, typeLow), bits(raw, 57, 8));
  };

const frame48 = (raw: bigint, shift: number): number => Number(bits(raw, 47, 12) >> BigInt(Math.max(0, shift - 12))) * 2 ** shift;

/** Bits of the words that Linux keeps beside the entries of 32-bit ARM. */
const PRESENT = 0;
const YOUNG = 1;
const DIRTY = 6;
const NONE = 11;
const HALF_PAGE = 2048;

const flag = (name: string, bit: number, says: string): Field => ({ name, bits: bit, role: "software", says });
const presentFields: readonly Field[] = [
  { name: "frame", bits: [31, 12], role: "frame", says: "physical address of the page" },
  flag("NONE", NONE, "PROT_NONE: nobody may touch it"),
  flag("SHARED", 10, "shared between processors"),
  flag("XN", 9, "must not be executed"),
  flag("USER", 8, "the user may access it"),
  flag("RDONLY", 7, "must not be written"),
  flag("DIRTY", DIRTY, "has been written; until then the processor's entry forbids it"),
  { name: "MT", bits: [5, 2], role: "software", says: "type of memory" },
  flag("YOUNG", YOUNG, "has been used; until then the processor has no entry"),
  flag("PRESENT", PRESENT, "the page is in memory"),
];

/** Words beside the entries of 32-bit ARM: before 6.3 the offset in swap space began a bit further down. */
const armWith = (offsetLow: 7 | 8): Pick<Convention, "beside" | "tell"> => {
  const swapFields: readonly Field[] = [
    { name: "offset", bits: [31, offsetLow], role: "software", says: "page in swap space" },
    ...(offsetLow === 8 ? [flag("exclusive", 7, "the page was this process's alone")] : []),
    { name: "type", bits: [6, 2], role: "software", says: "number of the swap area, or a marker" },
    flag("YOUNG", YOUNG, "zero of what is not in memory"),
    flag("PRESENT", PRESENT, "the page is in memory"),
  ];
  const tell = (word: bigint): SoftwareEntry | null => {
    if (word === 0n) return null;
    if (!has(word, PRESENT)) return swap(bits(word, 6, 2), bits(word, 31, offsetLow));
    return { kind: has(word, NONE) ? "no-access" : "old", physical: Number(bits(word, 31, 12)) * 4096 };
  };
  return {
    beside: {
      bytes: -HALF_PAGE,
      shift: 12,
      // Two tables of the processor's fill the upper half of a page, and two of Linux's the lower.
      has: (table) => table % (2 * HALF_PAGE) >= HALF_PAGE,
      fields: (raw) => (raw !== 0n && !has(raw, PRESENT) ? swapFields : presentFields),
      says(raw) {
        if (raw === 0n) return "Linux: nothing";
        if (!has(raw, PRESENT)) return "Linux: swapped out";
        return `Linux: present, ${has(raw, YOUNG) ? "young" : "old"}, ${has(raw, DIRTY) ? "dirty" : "clean"}${has(raw, NONE) ? ", PROT_NONE" : ""}`;
      },
    },
    // The processor's own word says nothing: Linux writes zero where it must not translate.
    tell: (_raw, shift, beside = 0n) => (shift === 12 ? tell(beside) : null),
  };
};

const ARM64 = ["arm64", "arm64g16", "arm64g64"];
const ARM = ["arm", "armv6", "armv7"];

const TABLE = {
  "linux-x86-64": {
    says: "Linux on x86-64, 4.18 and newer (with the mitigation of L1TF): PROT_NONE in bit 8, swap entries with an inverted offset",
    source: "Linux arch/x86/include/asm/pgtable_64.h, pgtable-invert.h",
    bytes: 8,
    machines: ["amd64", "amd64la57"],
    since: "4.18",
    tell: invertedX86,
  },
  "linux-x86-pae": {
    says: "Linux on 32-bit x86 with PAE, 4.18 and newer: as on x86-64",
    source: "Linux arch/x86/include/asm/pgtable-3level.h, pgtable-invert.h",
    bytes: 8,
    machines: ["ia32pae"],
    since: "4.18",
    tell: invertedX86,
  },
  "linux-x86-32": {
    says: "Linux on 32-bit x86 without PAE, 4.0 and newer: PROT_NONE in bit 8, swap type in bits 5:1, offset from bit 9 on",
    source: "Linux arch/x86/include/asm/pgtable-2level.h",
    bytes: 4,
    machines: ["ia32"],
    since: "4.0",
    tell(raw: bigint, shift: number): SoftwareEntry | null {
      if (raw === 0n || has(raw, 0)) return null;
      if (has(raw, 8) || (shift > 12 && has(raw, 7))) return { kind: "no-access", physical: Number(bits(raw, 31, shift)) * 2 ** shift };
      return shift === 12 ? swap(bits(raw, 5, 1), bits(raw, 31, 9)) : null;
    },
  },
  "linux-arm": {
    says: "Linux on 32-bit ARM without LPAE, 4.0 to 6.2: entries of its own 2,048 bytes before the processor's; swap type in bits 6:2, offset from bit 7 on",
    source: "Linux arch/arm/include/asm/pgtable-2level.h, pgtable.h",
    bytes: 4,
    machines: ARM,
    since: "4.0",
    ...armWith(7),
  },
  "linux-arm-6.3": {
    says: "Linux on 32-bit ARM without LPAE, 6.3 and newer: entries of its own 2,048 bytes before the processor's; swap type in bits 6:2, offset from bit 8 on",
    source: "Linux arch/arm/include/asm/pgtable-2level.h, pgtable.h",
    bytes: 4,
    machines: ARM,
    since: "6.3",
    ...armWith(8),
  },
  "linux-arm64-4.0": {
    says: "Linux on arm64, 4.0 to 5.18: PROT_NONE in bit 58, swap type in bits 7:2, offset in 57:8",
    source: "Linux arch/arm64/include/asm/pgtable.h, pgtable-prot.h",
    bytes: 8,
    machines: ARM64,
    since: "4.0",
    tell: arm64With(2),
  },
  "linux-arm64": {
    says: "Linux on arm64, 5.19 to 6.9: PROT_NONE in bit 58, swap type in bits 7:3, offset in 57:8",
    source: "Linux arch/arm64/include/asm/pgtable.h, pgtable-prot.h",
    bytes: 8,
    machines: ARM64,
    since: "5.19",
    tell: arm64With(3),
  },
  "linux-arm64-6.10": {
    says: "Linux on arm64, 6.10 and newer: present though invalid in bit 11, swap type in bits 10:6, offset in 61:12",
    source: "Linux arch/arm64/include/asm/pgtable.h, pgtable-prot.h",
    bytes: 8,
    machines: ARM64,
    since: "6.10",
    tell(raw: bigint, shift: number): SoftwareEntry | null {
      if (raw === 0n || has(raw, 0)) return null;
      if (has(raw, 11)) return { kind: "no-access", physical: frame48(raw, shift) };
      return swap(bits(raw, 10, 6), bits(raw, 61, 12));
    },
  },
  "linux-riscv64": {
    says: "Linux on riscv64, 6.3 and newer: PROT_NONE in bit 5, swap type in bits 11:7, offset from bit 12 on",
    source: "Linux arch/riscv/include/asm/pgtable.h",
    bytes: 8,
    machines: ["riscv64", "sv39", "sv48", "sv57"],
    since: "6.3",
    tell(raw: bigint, shift: number): SoftwareEntry | null {
      if (raw === 0n || has(raw, 0)) return null;
      // Of a large page that is being split the rights are left. Bits 4:3 of small ones may be marks of the system's.
      if (has(raw, 5) || (shift > 12 && bits(raw, 3, 1) !== 0n))
        return { kind: "no-access", physical: Number(bits(raw, 53, 10) >> BigInt(shift - 12)) * 2 ** shift };
      return swap(bits(raw, 11, 7), bits(raw, 63, 12));
    },
  },
} as const satisfies Readonly<Record<string, Convention>>;

/** A convention that is known. */
export type ConventionName = keyof typeof TABLE;

/** Conventions by name, for `--os`. */
export const CONVENTIONS: Readonly<Record<ConventionName, Convention>> = TABLE;

/** A convention that was found by the system's name, and how sure that is. */
export interface FoundConvention {
  readonly name: ConventionName;
  /** Of another release the convention would be another, and no release was told: this is the newest. */
  readonly isNewest: boolean;
}

/** `[6, 1]` of `"6.1.0-50-amd64"`; null for what begins otherwise. */
const releaseOf = (text: string): readonly [number, number] | null => {
  const found = /^(\d{1,3})\.(\d{1,4})(?!\d)/.exec(text);
  return found === null ? null : [Number(found[1]), Number(found[2])];
};

const isFrom = (release: readonly [number, number], first: readonly [number, number]): boolean =>
  release[0] > first[0] || (release[0] === first[0] && release[1] >= first[1]);

/**
 * What a name stands for on a machine: a convention's own name; `"linux"`, of the release that the image tells or, where it tells
 * none, the newest, which is to be told to whoever asked; `"linux-6.1"`, of that release.
 *
 * @param release what the image says of itself: `"6.1.0-50-amd64"`
 * @throws PortolanError ERR_BAD_ARGUMENT for a name that is not known, a machine of which nothing is known, or a release from before
 */
export const conventionNamed = (asked: string, { name: machine }: Pick<Architecture, "name">, release?: string): FoundConvention => {
  const names = Object.keys(CONVENTIONS) as ConventionName[];
  const own = names.find((name) => name === asked);
  if (own !== undefined) return { name: own, isNewest: false };
  const [, said] = /^linux(?:-(\d+\.\d+))?$/.exec(asked) ?? [null, null];
  if (said === null) throw new PortolanError("ERR_BAD_ARGUMENT", { os: asked, known: ["linux", "linux-6.1", ...names] });
  const ofMachine = names.filter((name) => CONVENTIONS[name].machines.includes(machine));
  const newest = ofMachine.at(-1);
  if (newest === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { os: asked, machine, known: names });
  const wanted = releaseOf(said ?? release ?? "");
  if (wanted === null) return { name: newest, isNewest: ofMachine.length > 1 };
  const found = ofMachine.findLast((name) => isFrom(wanted, releaseOf(CONVENTIONS[name].since) ?? [0, 0]));
  if (found === undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", {
      os: asked,
      release: wanted.join("."),
      known: ofMachine.map((name) => CONVENTIONS[name].says),
    });
  return { name: found, isNewest: false };
};

/** In words: `"swapped out: area 2, page 0x123"`. */
export const softwareInWords = (entry: SoftwareEntry): string => {
  const where = `physical 0x${(entry.physical ?? 0).toString(16)}`;
  if (entry.kind === "no-access") return `nobody may touch it, but the page is there: ${where}`;
  if (entry.kind === "old") return `not used lately, but the page is there: ${where}`;
  return `not in memory: swap type ${entry.type ?? 0}, offset 0x${(entry.offset ?? 0n).toString(16)}`;
};
