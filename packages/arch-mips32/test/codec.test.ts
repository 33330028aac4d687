/** Every combination of flag bits, against the second reading of the manual, which knows words as text only. */
import { expect } from "chai";
import { EXECUTE, FormatCodec, PAGE_CACHEABLE, PAGE_GLOBAL, READ, rightsFor, WRITE, type DecodedEntry } from "@portolan/core";
import {
  entryHi,
  entryLo,
  entryLoFormat,
  halfOf,
  matches,
  mips32With,
  PAGE_SHIFTS,
  pageMask,
  registerFields,
  rootEntry,
  tableEntry,
} from "#src/index.js";
import { oracle as bigOracle } from "#src/big-oracle.js";
import { oracle as littleOracle } from "#src/oracle.js";

/** Bit 31 first, as manuals draw them. */
const bitsOf = (word: number): string => (word >>> 0).toString(2).padStart(32, "0");
/** Bits high:low of a drawn word. */
const slice = (bits: string, high: number, low: number): number => Number.parseInt(bits.slice(31 - high, 32 - low), 2);

/** 0, one bit, all bits but one, all bits: of 24. */
const PFNS = [
  0,
  0xff_ffff,
  ...Array.from({ length: 24 }, (_, bit) => 2 ** bit),
  ...Array.from({ length: 24 }, (_, bit) => 0xff_ffff - 2 ** bit),
];

const ALL_BUT_WRITE = rightsFor(READ | EXECUTE, READ | EXECUTE);
const ALL = rightsFor(READ | WRITE | EXECUTE, READ | WRITE | EXECUTE);

const entryLoFromTheManual = (word: number): DecodedEntry => {
  const decode = littleOracle.others?.[0]?.decode;
  if (decode === undefined) throw new Error("a decoder of EntryLo");
  return decode(BigInt(word));
};

/** What the codec reads, in the oracle's words. */
const readBy = (codec: FormatCodec, word: number, isMarked: boolean): DecodedEntry => ({
  kind: "leaf",
  physical: BigInt(codec.addressOf(word, 0)),
  rights: codec.rightsOf(word, 0),
  isGlobal: (codec.attributesOf(word, 0) & PAGE_GLOBAL) !== 0,
  isCacheable: (codec.attributesOf(word, 0) & PAGE_CACHEABLE) !== 0,
  ...(isMarked ? { isAccessed: codec.isAccessed(word, 0), isDirty: codec.isDirty(word, 0) } : {}),
  hasReserved: codec.hasReserved(word, 0),
});

const asked = (pfn: number, flags: number): DecodedEntry => ({
  kind: "leaf",
  physical: BigInt(pfn) * 4096n,
  rights: (flags & WRITE) === 0 ? ALL_BUT_WRITE : ALL,
  isGlobal: (flags & PAGE_GLOBAL) !== 0,
  isCacheable: (flags & PAGE_CACHEABLE) !== 0,
  hasReserved: false,
});

describe("mips32: codecs against decoders from the manual", () => {
  it("EntryLo: every flag with every walking frame and both reserved bits; and every flag with the first 2^12 frames", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    for (const pfn of PFNS) {
      for (let low = 0; low < 64; low += 1) {
        for (let reserved = 0; reserved < 4; reserved += 1) {
          const word = (reserved * 2 ** 30 + pfn * 64 + low) >>> 0;
          expect(readBy(codec, word, false), bitsOf(word)).to.deep.equal(entryLoFromTheManual(word));
        }
      }
    }
    for (let word = 0; word < 2 ** 18; word += 1) {
      const { physical, rights, isGlobal, isCacheable } = entryLoFromTheManual(word);
      const attributes = (isGlobal === true ? PAGE_GLOBAL : 0) | (isCacheable === true ? PAGE_CACHEABLE : 0);
      const isSame = codec.addressOf(word, 0) === Number(physical) && codec.rightsOf(word, 0) === rights;
      if (!isSame || codec.attributesOf(word, 0) !== attributes) expect.fail(`0x${word.toString(16)} is read in two ways`);
    }
  });

  it("EntryLo: what is encoded decodes to what was asked, for every set of flags", () => {
    const codec = new FormatCodec(entryLoFormat, {});
    for (const pfn of PFNS) {
      for (let flags = 0; flags < 64; flags += 1) {
        const word = codec.encodeLow(pfn * 4096, flags);
        expect(entryLoFromTheManual(word)).to.deep.equal(asked(pfn, flags));
        const coherency = (flags & PAGE_CACHEABLE) === 0 ? 2 : 5;
        const plain = {
          physical: pfn * 4096,
          coherency,
          writable: (flags & WRITE) !== 0,
          valid: true,
          global: (flags & PAGE_GLOBAL) !== 0,
        };
        expect(entryLo(plain)).to.equal(word);
      }
    }
  });

  for (const [byteOrder, oracle] of [
    ["little", littleOracle],
    ["big", bigOracle],
  ] as const) {
    it(`entries of tables, ${byteOrder}-endian: all 256 sets of flags with every walking frame, read and written`, () => {
      const [root, leaf] = oracle.levels ?? [];
      if (root === undefined || leaf === undefined) throw new Error("decoders of two levels");
      const codec = new FormatCodec(tableEntry(byteOrder), {});
      const rootCodec = new FormatCodec(rootEntry(byteOrder), {});
      const { translation } = mips32With({ byteOrder });
      if (translation.kind !== "hierarchical") throw new Error("a tree");
      for (const pfn of PFNS) {
        for (let bits = 0; bits < 256; bits += 1) {
          const [above, below] = [bits >>> 6, bits & 63];
          const word = (byteOrder === "little" ? above * 2 ** 30 + pfn * 64 + below : below * 2 ** 26 + pfn * 4 + above) >>> 0;
          const presence = byteOrder === "little" ? (word >>> 1) & 1 : (word >>> 30) & 1;
          for (const level of translation.levels) {
            const isLeaf = level.leaf !== undefined;
            expect(level.kind.tell({ p: presence }, {})).to.equal((isLeaf ? leaf : root)(BigInt(word), {}).kind);
          }
          if (presence === 0) continue;
          expect(readBy(codec, word, true), bitsOf(word)).to.deep.equal(leaf(BigInt(word), {}));
          expect(BigInt(rootCodec.addressOf(word, 0))).to.equal(root(BigInt(word), {}).physical);
          expect([rootCodec.rightsOf(word, 0), rootCodec.attributesOf(word, 0)], "of a table nobody asks").to.deep.equal([ALL, 0]);
        }
        for (let flags = 0; flags < 64; flags += 1) {
          const written = leaf(BigInt(codec.encodeLow(pfn * 4096, flags)), {});
          expect(written).to.deep.equal({ ...asked(pfn, flags), isAccessed: false, isDirty: false });
          expect(root(BigInt(rootCodec.encodeLow(pfn * 4096, flags)), {})).to.include({ kind: "table", physical: BigInt(pfn) * 4096n });
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
