/**
 * Types of memory: which of a leaf's bits choose one, what it is called, and whether such memory is cached. Where a register lists the
 * types and entries hold only a number in that list, the register must be told; what cannot be known without it is not claimed.
 */
import {
  fieldBits,
  PAGE_CACHEABLE,
  type Architecture,
  type EntryFormat,
  type FormatCodec,
  type PageFlags,
} from "@portolan/core/architecture";

/** Values of registers, by the manual's names. */
export type Registers = Readonly<Record<string, bigint>>;

/** What some leaves' memory is. Two numbers that certainly mean the same have one and the same of these. */
export interface MemoryType {
  /** In words: `"write-back"`, `"device nGnRE"`; null where a register that nobody tells decides. */
  readonly name: string | null;
  /** Null where nobody can say. */
  readonly isCached: boolean | null;
}

/** Do two leaves say different types? */
export type Difference = "none" | "unknown" | "certain";

/** How one family of machines chooses. */
interface Family {
  /** Fields that make up the number, the highest bits first, with their widths; the last of them tells the family. */
  readonly fields: readonly (readonly [name: string, width: number])[];
  /** What decides, where it is told. */
  readonly registers: readonly string[];
  /** The type of a number. */
  typeOf(number: number, registers: Registers): MemoryType;
}

const type = (name: string | null, isCached: boolean | null): MemoryType => ({ name, isCached });
const UNKNOWN = type(null, null);
/** Of entries that leave the choice to the physical address. */
export const AS_PLACED = "as its place says";

const byteOf = (register: bigint, number: number): number => Number((register >> BigInt(8 * number)) & 0xffn);

const [UNCACHED, WRITE_BACK] = [type("uncached", false), type("write-back", true)];
/** Write-back whatever the register says at reset and in the systems that write it, and never cached alike. */
const PAT_WITHOUT = [WRITE_BACK, UNKNOWN, UNCACHED, UNCACHED, WRITE_BACK, UNKNOWN, UNCACHED, UNKNOWN] as const;
/** UC− is uncached unless an MTRR says write-combining. @see Intel SDM vol 3A §12.12.2, table 12-10 */
const PAT_TYPES: Readonly<Record<number, MemoryType>> = {
  0: UNCACHED,
  1: type("write-combining", false),
  4: type("write-through", true),
  5: type("write-protected", true),
  6: WRITE_BACK,
  7: UNCACHED,
};

type Cache = "uncached" | "write-back" | "write-through";

/** Hints where caches are to allocate lines make no other type. @see ARM DDI 0487 B2.8, "Mismatched memory attributes" */
const normal = (inside: Cache, outside: Cache): MemoryType =>
  type(
    inside === outside ? `normal ${inside}` : `normal ${inside} inside, ${outside} outside`,
    inside !== "uncached" || outside !== "uncached",
  );

const DEVICES = ["nGnRnE", "nGnRE", "nGRE", "GRE"] as const;
/** Bytes whose second half is zero are normal memory in three cases: without the attribute XS twice, and tagged. */
const WITHOUT_INNER: Readonly<Record<number, MemoryType>> = {
  0x40: normal("uncached", "uncached"),
  0xa0: normal("write-through", "write-through"),
  0xf0: normal("write-back", "write-back"),
};

/** Bits 3:2 of half a byte that is neither a device's nor uncached; bits 1:0 are hints, and what is transient is a hint too. */
const cacheOf = (half: number): Cache => (half === 4 ? "uncached" : (half & 4) !== 0 ? "write-back" : "write-through");

/**
 * A byte of MAIR_EL1: 0000dd00 is a device, elsewhere bits 7:4 say of normal memory how it is cached outside, bits 3:0 inside. What the
 * manual leaves unpredictable is told as it stands. @see ARM DDI 0487 D13.2.97
 */
const mairType = (byte: number): MemoryType => {
  const [outside, inside] = [byte >>> 4, byte & 15];
  if (outside === 0 && (inside & 3) === 0) return type(`device ${DEVICES[inside >>> 2]}`, false);
  if (outside !== 0 && inside !== 0) return normal(cacheOf(inside), cacheOf(outside));
  return WITHOUT_INNER[byte] ?? type(`MAIR_EL1 byte 0x${byte.toString(16).padStart(2, "0")}`, null);
};

const [STRONGLY_ORDERED, DEVICE] = [type("strongly-ordered", false), type("device", false)];
/** 1 and 3 differ in a hint. */
const NMRR_CACHES: readonly Cache[] = ["uncached", "write-back", "write-through", "write-back"];

/** With TRE: PRRR says what kind of memory a number is, NMRR how normal memory is cached. @see ARM DDI 0406C §B3.8.3, §B4.1.104, §B4.1.127 */
const remapped = (number: number, prrr: bigint, nmrr: bigint): MemoryType => {
  const kind = Number((prrr >> BigInt(2 * number)) & 3n);
  if (kind === 0) return STRONGLY_ORDERED;
  if (kind === 1) return DEVICE;
  if (kind === 3) return type("reserved", null);
  const cacheAt = (shift: number): Cache => NMRR_CACHES[Number((nmrr >> BigInt(shift)) & 3n)];
  return normal(cacheAt(2 * number), cacheAt(16 + 2 * number));
};

/** Whether remapped as Linux does it, or not at all: what both say alike. @see ARM DDI 0406C table B3-10 */
const plain = (tex: number, c: number, b: number): MemoryType => {
  if (c === 1 || tex > 4 || (tex === 4 && b === 1)) return type("normal cached", true);
  if (tex === 4) return normal("uncached", "uncached");
  return tex === 0 && b === 0 ? STRONGLY_ORDERED : type(null, false);
};

const FAMILIES: readonly Family[] = [
  {
    fields: [
      ["PAT", 1],
      ["PCD", 1],
      ["PWT", 1],
    ],
    registers: ["IA32_PAT"],
    typeOf: (number, { IA32_PAT: pat }) => (pat === undefined ? PAT_WITHOUT[number] : (PAT_TYPES[byteOf(pat, number) & 7] ?? UNKNOWN)),
  },
  {
    fields: [["AttrIndx", 3]],
    registers: ["MAIR_EL1"],
    typeOf: (number, { MAIR_EL1: mair }) => (mair === undefined ? UNKNOWN : mairType(byteOf(mair, number))),
  },
  {
    fields: [
      ["TEX", 3],
      ["C", 1],
      ["B", 1],
    ],
    registers: ["PRRR", "NMRR"],
    typeOf: (number, { PRRR: prrr, NMRR: nmrr }) =>
      prrr === undefined || nmrr === undefined ? plain(number >>> 2, (number >>> 1) & 1, number & 1) : remapped(number & 7, prrr, nmrr),
  },
  {
    fields: [["PBMT", 2]],
    registers: [],
    typeOf: (number) => [type(AS_PLACED, true), UNCACHED, DEVICE][number] ?? UNKNOWN,
  },
];

/** Registers that say what memory is, of all machines. */
export const TYPE_REGISTERS: readonly string[] = FAMILIES.flatMap(({ registers }) => registers);

type Described = Pick<Architecture, "translation">;

const leafFormatsOf = ({ translation }: Described): readonly EntryFormat[] =>
  translation.kind === "hierarchical"
    ? translation.levels.flatMap(({ leaf, forms = [] }) => [...(leaf === undefined ? [] : [leaf]), ...forms.map((form) => form.leaf)])
    : [];

/** A machine has one family, whose fields a format may lack some of. */
const familyOf = (formats: readonly EntryFormat[]): Family | null =>
  FAMILIES.find((each) => formats.some(({ fields }) => fields.some(({ name }) => name === each.fields.at(-1)?.[0]))) ?? null;

/** Registers that decide what a machine's entries mean; none where entries say it themselves, or say nothing. */
export const typeRegistersOf = (architecture: Described): readonly string[] => familyOf(leafFormatsOf(architecture))?.registers ?? [];

/**
 * What a machine's entries do not say without registers that an image of somebody else's has not: on 64-bit ARM they hold a number, and
 * MAIR_EL1 says of each whether such memory is cached (ARM DDI 0487 D13.2.97); on x86 IA32_PAT decides of some (Intel SDM vol 3A §12.12).
 */
export const untoldFlags = (architecture: Described): PageFlags => (typeRegistersOf(architecture).length === 0 ? 0 : PAGE_CACHEABLE);

interface Place {
  readonly low: number;
  readonly mask: number;
  readonly width: number;
}

/** Where a format keeps the number, and all the bits of an entry that matter to it. */
interface Reading {
  /** Null where the machine has no family. */
  readonly places: readonly Place[] | null;
  readonly maskLow: number;
  readonly maskHigh: number;
}

/** Numbers of types: 5 bits at most. */
export const TYPE_BITS = 5;

/**
 * The types of one machine's leaves. A million leaves may be asked of one after the other: as long as the bits that choose are the same
 * nothing is computed.
 */
export class MemoryTypes {
  /** The registers that decide were told. */
  readonly isTold: boolean;
  readonly #registers: Registers;
  readonly #family: Family | null;
  /** Entries of a machine without family say by one bit whether memory is cached; or no bit of theirs does. */
  readonly #isSaid: boolean;
  readonly #readings = new Map<FormatCodec, Reading>();
  readonly #types: (MemoryType | undefined)[] = Array.from({ length: 2 ** TYPE_BITS }, () => undefined);
  readonly #byName = new Map<string, MemoryType>();
  #format: FormatCodec | null = null;
  #maskLow = 0;
  #maskHigh = 0;
  #low = 0;
  #high = 0;
  #number = 0;

  constructor(architecture: Described, registers: Registers = {}) {
    const formats = leafFormatsOf(architecture);
    this.#registers = registers;
    this.#family = familyOf(formats);
    this.#isSaid = formats.some(({ attributes }) => attributes?.reads.some(({ role }) => role === "attribute") === true);
    const wanted = this.#family?.registers ?? [];
    this.isTold = wanted.length > 0 && wanted.every((name) => registers[name] !== undefined);
  }

  /** The number of a leaf's type: of {@link MemoryTypes.at}, and less than 32. */
  numberOf(format: FormatCodec, lo: number, hi: number): number {
    const isSame = format === this.#format && (lo & this.#maskLow) === this.#low && (hi & this.#maskHigh) === this.#high;
    return isSame ? this.#number : this.#read(format, lo, hi);
  }

  /** The type of a number. */
  at(number: number): MemoryType {
    const known = this.#types[number];
    if (known !== undefined) return known;
    const found =
      this.#family?.typeOf(number, this.#registers) ?? (number === 0 ? UNCACHED : type(this.#isSaid ? "cached" : AS_PLACED, true));
    const same = found.name === null ? found : (this.#byName.get(found.name) ?? found);
    if (same.name !== null) this.#byName.set(same.name, same);
    // Of two numbers without a name nobody knows whether they are one type.
    return (this.#types[number] = same.name === null ? { ...same } : same);
  }

  /** A leaf's type. */
  of(format: FormatCodec, lo: number, hi: number): MemoryType {
    return this.at(this.numberOf(format, lo, hi));
  }

  /** Of two numbers: are they one type? Unknown where a register that was not told decides. */
  differenceOf(one: number, other: number): Difference {
    const [here, there] = [this.at(one), this.at(other)];
    if (here === there) return "none";
    return here.name === null || there.name === null ? "unknown" : "certain";
  }

  #read(format: FormatCodec, lo: number, hi: number): number {
    let reading = this.#readings.get(format);
    if (reading === undefined) this.#readings.set(format, (reading = this.#readingOf(format)));
    const { places, maskLow, maskHigh } = reading;
    let number = 0;
    if (places === null) number = (format.attributesOf(lo, hi) & PAGE_CACHEABLE) === 0 ? 0 : 1;
    else
      for (const { low, mask, width } of places)
        number = (number << width) | (low >= 32 ? (hi >>> (low - 32)) & mask : (lo >>> low) & mask);
    this.#format = format;
    this.#maskLow = maskLow;
    this.#maskHigh = maskHigh;
    this.#low = lo & maskLow;
    this.#high = hi & maskHigh;
    this.#number = number;
    return number;
  }

  /** Fields that a format lacks are zero. */
  #readingOf({ format: { fields, attributes } }: FormatCodec): Reading {
    const wanted = this.#family?.fields ?? null;
    const read = wanted === null ? (attributes?.reads ?? []) : fields.filter(({ name }) => wanted.some(([one]) => one === name));
    const bits = read.reduce((all, field) => {
      const [high, low] = fieldBits(field);
      return all | (((1n << BigInt(high - low + 1)) - 1n) << BigInt(low));
    }, 0n);
    const places =
      wanted?.map(([name, width]) => {
        const field = fields.find((one) => one.name === name);
        return field === undefined ? { low: 0, mask: 0, width } : { low: fieldBits(field)[1], mask: 2 ** width - 1, width };
      }) ?? null;
    // As bit operators give them: with a sign.
    return { places, maskLow: Number(BigInt.asIntN(32, bits)), maskHigh: Number(BigInt.asIntN(32, bits >> 32n)) };
  }
}
