/**
 * Types of memory: which of a leaf's bits choose one, and whether two choices are two types. Where a register lists the types and
 * entries hold only a number in that list, the register must be told; what cannot be known without it is not claimed.
 */
import { fieldBits, PAGE_CACHEABLE, type FormatCodec } from "@portolan/core/architecture";

/** Do two leaves say different types? */
export type Difference = "none" | "unknown" | "certain";

/** How one family of machines chooses. */
interface Family {
  /** Fields that make up the number, the highest bits first, with their widths; the last of them tells the family. */
  readonly fields: readonly (readonly [name: string, width: number])[];
  /** The type of a number, by name; null where a register that nobody tells decides. */
  nameOf(number: number, registers: Registers): string | null;
}

/** Values of registers, by the manual's names. */
export type Registers = Readonly<Record<string, bigint>>;

const byteOf = (register: bigint, number: number): number => Number((register >> BigInt(8 * number)) & 0xffn);

/** Write-back whatever the register says at reset and in the systems that write it, and never cached alike. */
const PAT_WITHOUT = ["write-back", null, "uncached", "uncached", "write-back", null, "uncached", null] as const;
/** UC− is uncached unless an MTRR says write-combining. @see Intel SDM vol 3A §12.12.2, table 12-10 */
const PAT_TYPES: Readonly<Record<number, string>> = {
  0: "uncached",
  1: "write-combining",
  4: "write-through",
  5: "write-protected",
  6: "write-back",
  7: "uncached",
};

/** With TRE: PRRR says what kind of memory a number is, NMRR how normal memory is cached. @see ARM DDI 0406C §B3.8.3, §B4.1.104, §B4.1.127 */
const remapped = (number: number, prrr: bigint, nmrr: bigint): string => {
  const kind = Number((prrr >> BigInt(2 * number)) & 3n);
  if (kind !== 2) return ["strongly-ordered", "device", "", "reserved"][kind] ?? "";
  const inner = Number((nmrr >> BigInt(2 * number)) & 3n);
  const outer = Number((nmrr >> BigInt(16 + 2 * number)) & 3n);
  const names = ["uncached", "write-back", "write-through", "write-back"];
  return `normal ${names[inner]}, outside ${names[outer]}`;
};

/** Whether remapped as Linux does it, or not at all: what both say alike. @see ARM DDI 0406C table B3-10 */
const plain = (tex: number, c: number, b: number): string | null => {
  if (tex >= 4) return tex > 4 || c === 1 || b === 1 ? "normal, cached" : "normal, uncached";
  if (c === 1) return "normal, cached";
  return tex === 0 && b === 0 ? "strongly-ordered" : null;
};

const FAMILIES: readonly Family[] = [
  {
    fields: [
      ["PAT", 1],
      ["PCD", 1],
      ["PWT", 1],
    ],
    nameOf: (number, { IA32_PAT: pat }) =>
      pat === undefined ? (PAT_WITHOUT[number] ?? null) : (PAT_TYPES[byteOf(pat, number) & 7] ?? null),
  },
  {
    fields: [["AttrIndx", 3]],
    nameOf(number, { MAIR_EL1: mair }) {
      if (mair === undefined) return null;
      const byte = byteOf(mair, number);
      // Tagged memory is write-back as memory without tags is.
      return `MAIR_EL1 byte 0x${(byte === 0xf0 ? 0xff : byte).toString(16)}`;
    },
  },
  {
    fields: [
      ["TEX", 3],
      ["C", 1],
      ["B", 1],
    ],
    nameOf: (number, { PRRR: prrr, NMRR: nmrr }) =>
      prrr === undefined || nmrr === undefined ? plain(number >>> 2, (number >>> 1) & 1, number & 1) : remapped(number & 7, prrr, nmrr),
  },
  { fields: [["PBMT", 2]], nameOf: (number) => ["as its place says", "uncached", "device"][number] ?? null },
];

interface Place {
  readonly low: number;
  readonly mask: number;
  readonly width: number;
}

/** Numbers of types: 5 bits at most. */
export const TYPE_BITS = 5;

/** The types of one machine's leaves. */
export class MemoryTypes {
  readonly #registers: Registers;
  readonly #places = new Map<FormatCodec, readonly Place[] | null>();
  #family: Family | null = null;

  constructor(registers: Registers) {
    this.#registers = registers;
  }

  /** The number of a leaf's type: below 2^{@link TYPE_BITS}. */
  of(format: FormatCodec, lo: number, hi: number): number {
    let places = this.#places.get(format);
    if (places === undefined) {
      places = this.#placesOf(format);
      this.#places.set(format, places);
    }
    if (places === null) return (format.attributesOf(lo, hi) & PAGE_CACHEABLE) === 0 ? 0 : 1;
    let number = 0;
    for (let at = 0; at < places.length; at += 1) {
      const { low, mask, width } = places[at];
      number = (number << width) | (low >= 32 ? (hi >>> (low - 32)) & mask : (lo >>> low) & mask);
    }
    return number;
  }

  /** In words: `"write-back"`, `"number 3"`. */
  nameOf(number: number): string {
    if (this.#family === null) return number === 0 ? "uncached" : "cached";
    return this.#family.nameOf(number, this.#registers) ?? `number ${number}`;
  }

  differenceOf(one: number, other: number): Difference {
    if (one === other) return "none";
    if (this.#family === null) return "certain";
    const [name, another] = [this.#family.nameOf(one, this.#registers), this.#family.nameOf(other, this.#registers)];
    if (name === null || another === null) return "unknown";
    return name === another ? "none" : "certain";
  }

  /** A machine has one family, whose fields a format may lack some of: those are zero. */
  #placesOf({ format: { fields } }: FormatCodec): readonly Place[] | null {
    this.#family ??= FAMILIES.find((each) => fields.some(({ name }) => name === each.fields.at(-1)?.[0])) ?? null;
    if (this.#family === null) return null;
    return this.#family.fields.map(([wanted, width]) => {
      const field = fields.find(({ name }) => name === wanted);
      return field === undefined ? { low: 0, mask: 0, width } : { low: fieldBits(field)[1], mask: 2 ** width - 1, width };
    });
  }
}
