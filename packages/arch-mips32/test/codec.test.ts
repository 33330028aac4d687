/** Every combination of flag bits, against decoders written from the manual's tables with nothing but text. */
import { expect } from "chai";
import { FormatCodec, PAGE_ACCESSED, PAGE_CACHEABLE, PAGE_DIRTY, PAGE_GLOBAL, type Rights } from "@portolan/core";
import { entryHi, entryLo, entryLoFormat, halfOf, matches, PAGE_SHIFTS, pageMask, registerFields, tableEntry } from "#src/index.js";

/** Bit 31 first, as manuals draw them. */
const bitsOf = (word: number): string => (word >>> 0).toString(2).padStart(32, "0");
/** Bits high:low of a drawn word. */
const slice = (bits: string, high: number, low: number): number => Number.parseInt(bits.slice(31 - high, 32 - low), 2);
const reversed = (bits: string): string => bits.split("").toReversed().join("");

interface Decoded {
  readonly physical: number;
  readonly rights: Rights;
  readonly attributes: number;
}

const ALL_BUT_WRITE = 0b101_101;
const ALL = 0b111_111;

/** MIPS32 PRA vol III, EntryLo0 and EntryLo1. */
const entryLoFromTheManual = (word: number): Decoded => {
  const bits = bitsOf(word);
  const [V, D, G, C] = [slice(bits, 1, 1), slice(bits, 2, 2), slice(bits, 0, 0), slice(bits, 5, 3)];
  return {
    physical: slice(bits, 29, 6) * 4096,
    rights: V === 0 ? 0 : D === 1 ? ALL : ALL_BUT_WRITE,
    attributes: (C === 2 ? 0 : PAGE_CACHEABLE) | (G === 1 ? PAGE_GLOBAL : 0),
  };
};

/** HelenOS pte_t, drawn from the first field: the lowest bit on a little-endian machine, the highest on a big-endian one. */
const tableEntryFromTheStructure = (word: number, byteOrder: "little" | "big"): Decoded & { marks: number; isPresent: boolean } => {
  const drawn = byteOrder === "big" ? bitsOf(word) : reversed(bitsOf(word));
  const widths = { g: 1, p: 1, d: 1, cacheable: 1, unused: 1, soft_valid: 1, pfn: 24, w: 1, a: 1 };
  const values: Record<string, number> = {};
  let at = 0;
  for (const [name, width] of Object.entries(widths)) {
    const field = drawn.slice(at, at + width);
    values[name] = Number.parseInt(byteOrder === "big" ? field : reversed(field), 2);
    at += width;
  }
  return {
    physical: (values["pfn"] ?? 0) * 4096,
    rights: values["w"] === 1 ? ALL : ALL_BUT_WRITE,
    attributes: (values["cacheable"] === 1 ? PAGE_CACHEABLE : 0) | (values["g"] === 1 ? PAGE_GLOBAL : 0),
    marks: (values["a"] === 1 ? PAGE_ACCESSED : 0) | (values["d"] === 1 ? PAGE_DIRTY : 0),
    isPresent: values["p"] === 1,
  };
};

/** 0, one bit, all bits but one, all bits: of 24. */
const PFNS = [
  0,
  0xff_ffff,
  ...Array.from({ length: 24 }, (_, bit) => 2 ** bit),
  ...Array.from({ length: 24 }, (_, bit) => 0xff_ffff - 2 ** bit),
];

const sameAs = (codec: FormatCodec, word: number, { physical, rights, attributes }: Decoded): void => {
  if (codec.addressOf(word, 0) === physical && codec.rightsOf(word, 0) === rights && codec.attributesOf(word, 0) === attributes) return;
  expect(
    { physical: codec.addressOf(word, 0), rights: codec.rightsOf(word, 0), attributes: codec.attributesOf(word, 0) },
    bitsOf(word),
  ).to.deep.equal({ physical, rights, attributes });
};

describe("mips32: codecs against decoders from the manual", () => {
  it("EntryLo: every flag with every walking frame and both reserved bits; and the first 2^20 words", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    for (const pfn of PFNS) {
      for (let flags = 0; flags < 64; flags += 1) {
        for (let reserved = 0; reserved < 4; reserved += 1) {
          const word = (reserved * 2 ** 30 + pfn * 64 + flags) >>> 0;
          sameAs(codec, word, entryLoFromTheManual(word));
          expect(codec.hasReserved(word, 0)).to.equal(reserved !== 0);
        }
      }
    }
    for (let word = 0; word < 2 ** 20; word += 1) sameAs(codec, word, entryLoFromTheManual(word));
  });

  it("EntryLo: what is encoded decodes to what was asked, for every set of flags", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    for (const pfn of PFNS) {
      for (let flags = 0; flags < 64; flags += 1) {
        const word = codec.encodeLow(pfn * 4096, flags);
        const isWritable = (flags & 2) !== 0;
        expect(entryLoFromTheManual(word)).to.deep.equal({
          physical: pfn * 4096,
          rights: isWritable ? ALL : ALL_BUT_WRITE,
          attributes: flags & (PAGE_CACHEABLE | PAGE_GLOBAL),
        });
        const coherency = (flags & PAGE_CACHEABLE) === 0 ? 2 : 5;
        const plain = { physical: pfn * 4096, coherency, writable: isWritable, valid: true, global: (flags & PAGE_GLOBAL) !== 0 };
        expect(entryLo(plain)).to.equal(word);
      }
    }
  });

  for (const byteOrder of ["little", "big"] as const) {
    it(`entries of tables, ${byteOrder}-endian: all 256 sets of flags with every walking frame, read and written`, () => {
      const codec = new FormatCodec(tableEntry(byteOrder), {});
      for (const pfn of PFNS) {
        for (let flags = 0; flags < 256; flags += 1) {
          const little = ((flags >>> 6) * 2 ** 30 + pfn * 64 + (flags & 63)) >>> 0;
          // Both layouts put the fields in the same order; the frame keeps the direction of its own bits.
          const word = byteOrder === "little" ? little : mirrored(little, pfn);
          const known = tableEntryFromTheStructure(word, byteOrder);
          sameAs(codec, word, known);
          expect((codec.isAccessed(word, 0) ? PAGE_ACCESSED : 0) | (codec.isDirty(word, 0) ? PAGE_DIRTY : 0)).to.equal(known.marks);
        }
        for (let flags = 0; flags < 64; flags += 1) {
          const written = tableEntryFromTheStructure(codec.encodeLow(pfn * 4096, flags), byteOrder);
          expect(written).to.deep.equal({
            physical: pfn * 4096,
            rights: (flags & 2) === 0 ? ALL_BUT_WRITE : ALL,
            attributes: flags & (PAGE_CACHEABLE | PAGE_GLOBAL),
            marks: 0,
            isPresent: true,
          });
        }
      }
    });
  }

  it("EntryHi: every pair in two address spaces, and every ASID with every walking pair", () => {
    const same = (address: number, asid: number): void => {
      const bits = bitsOf(entryHi(address, asid));
      if (slice(bits, 31, 13) === Math.floor(address / 8192) && slice(bits, 12, 8) === 0 && slice(bits, 7, 0) === asid) return;
      expect(bits, `${address.toString(16)} in ${asid}`).to.equal(bitsOf(Math.floor(address / 8192) * 8192 + asid));
    };
    for (let pair = 0; pair < 2 ** 19; pair += 1) {
      same(pair * 8192, 2);
      same(pair * 8192 + 8191, 0xa5);
    }
    for (let asid = 0; asid < 256; asid += 1) for (let bit = 13; bit < 32; bit += 1) same(2 ** bit + 0x1fff, asid);
  });

  it("a match, for each page size: exactly the addresses of the pair, halved in the middle", () => {
    for (const shift of PAGE_SHIFTS) {
      const size = 2 ** shift;
      const base = 2 ** 26;
      const entry = { entryHi: entryHi(base, 9), pageMask: pageMask(shift), entryLo0: 0, entryLo1: 0 };
      for (const [address, half] of [
        [base - 1, null],
        [base, 0],
        [base + size - 1, 0],
        [base + size, 1],
        [base + 2 * size - 1, 1],
        [base + 2 * size, null],
      ] as const) {
        expect(matches(entry, address, 9), address.toString(16)).to.equal(half !== null);
        if (half !== null) expect(halfOf(entry.pageMask, address)).to.equal(half);
      }
    }
  });

  it("every register's fields cover its 32 bits once", () => {
    for (const [name, fields] of Object.entries(registerFields)) {
      const owners = Array.from({ length: 32 }, () => 0);
      for (const { bits } of fields) {
        const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
        for (let bit = low; bit <= high; bit += 1) owners[bit] = (owners[bit] ?? 0) + 1;
      }
      expect(
        owners.every((count) => count === 1),
        name,
      ).to.equal(true);
    }
  });
});

/** The big-endian layout of a little-endian word: the fields from the other end, the frame's bits in their own direction. */
const mirrored = (little: number, pfn: number): number => {
  const drawn = reversed(bitsOf(little));
  return Number.parseInt(drawn.slice(0, 6) + pfn.toString(2).padStart(24, "0") + drawn.slice(30), 2) >>> 0;
};
