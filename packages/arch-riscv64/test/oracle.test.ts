/** The second decoder by itself: one word for every rule of the manual, and what it says worked out by hand. */
import { expect } from "chai";
import type { DecodedEntry } from "@portolan/core";
import { oracle, oracleOf, type OracleOptions } from "#src/oracle.js";
import { oracle as sv48Oracle } from "#src/sv48-oracle.js";
import { oracle as sv57Oracle } from "#src/sv57-oracle.js";

const PLAIN = { SUM: false, MXR: false };
const [V, R, W, X, U, G, A, D] = [0x01n, 0x02n, 0x04n, 0x08n, 0x10n, 0x20n, 0x40n, 0x80n];
const N = 1n << 63n;
/** Page number 0x80654 in its field, and the address that it stands for. */
const PPN = 0x80654n << 10n;
const PAGE = 0x8065_4000n;

/** @param i the manual's level: 0 is the last */
const read = (word: bigint, { i = 0, options = {}, switches = PLAIN }: Reading = {}): DecodedEntry | undefined => {
  const asked: OracleOptions = { levels: 3, ...options };
  return oracleOf(asked).levels?.[asked.levels - 1 - i]?.(word, switches);
};

interface Reading {
  readonly i?: number;
  readonly options?: Partial<OracleOptions>;
  readonly switches?: Readonly<Record<string, boolean>>;
}

/** What R|W|X at 0x80654000 says, with nothing else set. */
const LEAF = {
  kind: "leaf",
  physical: PAGE,
  rights: 7,
  isGlobal: false,
  isCacheable: true,
  isAccessed: false,
  isDirty: false,
  hasReserved: false,
};

describe("riscv64: the second decoder, a rule at a time", () => {
  it("has a decoder for every level of the scheme", () => {
    for (const levels of [3, 4, 5] as const) expect(oracleOf({ levels }).levels).to.have.length(levels);
    expect(oracle.levels).to.have.length(3);
    expect(sv48Oracle.levels).to.have.length(4);
    expect(sv57Oracle.levels).to.have.length(5);
  });

  it("looks at nothing of an entry without V", () => {
    for (const i of [0, 1, 2]) {
      expect(read(0n, { i })).to.deep.equal({ kind: "absent" });
      expect(read((1n << 64n) - 2n, { i })).to.deep.equal({ kind: "absent" });
    }
  });

  it("refuses W without R, with X and without, at every level", () => {
    for (const i of [0, 1, 2]) for (const flags of [W, W | X]) expect(read(PPN | flags | V, { i })).to.deep.equal({ kind: "malformed" });
  });

  it("takes an entry without R, W and X for a pointer, which the last level cannot have", () => {
    const table = { kind: "table", physical: PAGE, hasReserved: false };
    expect(read(PPN | V, { i: 2 })).to.deep.equal(table);
    expect(read(PPN | V, { i: 1 })).to.deep.equal(table);
    expect(read(PPN | V, { i: 0 })).to.deep.equal({ kind: "malformed" });
  });

  it("leaves G and RSW of a pointer free, and reserves U, A, D and bits 63 to 54", () => {
    for (const free of [G, 1n << 8n, 1n << 9n]) expect(read(PPN | free | V, { i: 1 })).to.include({ kind: "table", hasReserved: false });
    const upper = Array.from({ length: 10 }, (_, at) => 1n << BigInt(54 + at));
    for (const reserved of [U, A, D, ...upper]) {
      for (const options of [{}, { svnapot: true, svpbmt: true }]) {
        expect(read(PPN | reserved | V, { i: 1, options })).to.deep.equal({ kind: "table", physical: PAGE, hasReserved: true });
      }
    }
  });

  for (const [name, flags, kernel] of [
    ["R", R, 1],
    ["R and W", R | W, 3],
    ["X", X, 4],
    ["R and X", R | X, 5],
    ["R, W and X", R | W | X, 7],
  ] as const) {
    it(`gives ${name} to the supervisor alone without U`, () => {
      expect(read(PPN | flags | V)).to.deep.equal({ ...LEAF, rights: kernel });
      expect(read(PPN | flags | V, { switches: { SUM: true, MXR: false } })).to.deep.equal({ ...LEAF, rights: kernel });
    });
  }

  it("gives a user's page to the supervisor under SUM, but never to be executed", () => {
    expect(read(PPN | U | X | W | R | V)).to.deep.equal({ ...LEAF, rights: 7 * 8 });
    expect(read(PPN | U | X | W | R | V, { switches: { SUM: true, MXR: false } })).to.deep.equal({ ...LEAF, rights: 7 * 8 + 3 });
    expect(read(PPN | U | X | V, { switches: { SUM: true, MXR: false } })).to.deep.equal({ ...LEAF, rights: 4 * 8 });
  });

  it("lets pages be read that may only be executed, under MXR", () => {
    const switches = { SUM: false, MXR: true };
    expect(read(PPN | X | V, { switches })).to.deep.equal({ ...LEAF, rights: 5 });
    expect(read(PPN | R | V, { switches })).to.deep.equal({ ...LEAF, rights: 1 });
    expect(read(PPN | U | X | V, { switches })).to.deep.equal({ ...LEAF, rights: 5 * 8 });
    expect(read(PPN | U | X | V, { switches: { SUM: true, MXR: true } })).to.deep.equal({ ...LEAF, rights: 5 * 8 + 1 });
  });

  it("tells G, A and D apart, and ignores RSW", () => {
    const word = PPN | X | W | R | V;
    expect(read(word | G)).to.deep.equal({ ...LEAF, isGlobal: true });
    expect(read(word | A)).to.deep.equal({ ...LEAF, isAccessed: true });
    expect(read(word | D)).to.deep.equal({ ...LEAF, isDirty: true });
    for (const rsw of [1n << 8n, 1n << 9n]) expect(read(word | rsw)).to.deep.equal(LEAF);
  });

  it("reserves bits 60 to 54 of a leaf, and N and PBMT where their extensions are missing", () => {
    for (let at = 54n; at < 61n; at += 1n) {
      expect(read(PPN | X | W | R | V | (1n << at), { options: { svnapot: true, svpbmt: true } })).to.deep.equal({
        ...LEAF,
        hasReserved: true,
      });
    }
    for (let at = 61n; at < 64n; at += 1n) expect(read(PPN | X | W | R | V | (1n << at))).to.deep.equal({ ...LEAF, hasReserved: true });
    expect(read(PPN | X | W | R | V | (3n << 61n))).to.deep.equal({ ...LEAF, hasReserved: true });
  });

  it("takes the whole of the page number, bits 53 to 10", () => {
    expect(read((0xfff_ffff_ffffn << 10n) | X | W | R | V)).to.deep.equal({ ...LEAF, physical: 0xff_ffff_ffff_f000n });
    expect(read((1n << 10n) | X | W | R | V)).to.deep.equal({ ...LEAF, physical: 0x1000n });
  });

  it("finds a superpage misaligned by any bit below its size, and by none above", () => {
    const levels = 5;
    for (const i of [1, 2, 3, 4]) {
      for (let at = 0; at < 44; at += 1) {
        const isBelow = at < 9 * i;
        expect(read((1n << BigInt(10 + at)) | X | W | R | V, { i, options: { levels } }), `bit ${at} at level ${i}`).to.deep.equal({
          ...LEAF,
          physical: isBelow ? 0n : 0x1000n << BigInt(at),
          hasReserved: isBelow,
        });
      }
    }
  });

  it("takes N with 1000 in the lowest bits of the page number for 64 KiB, and refuses all other sizes", () => {
    const options = { svnapot: true };
    const sixteen = (lowest: bigint) => N | (0x80650n << 10n) | (lowest << 10n) | X | W | R | V;
    for (let lowest = 0n; lowest < 16n; lowest += 1n) {
      const is = lowest === 8n ? { ...LEAF, entries: 16, physical: 0x8065_0000n } : { kind: "malformed" };
      expect(read(sixteen(lowest), { options }), `0b${lowest.toString(2)}`).to.deep.equal(is);
    }
    expect(read(sixteen(4n) ^ N, { options })).to.deep.equal(LEAF);
  });

  it("reserves N of superpages", () => {
    const word = N | (0x8_0000n << 10n) | X | W | R | V;
    expect(read(word, { i: 1, options: { svnapot: true } })).to.deep.equal({ ...LEAF, physical: 0x8000_0000n, hasReserved: true });
  });

  it("reads PBMT: 0 as the memory is, 1 and 2 uncached, 3 refused", () => {
    const options = { svpbmt: true };
    const typed = (type: bigint) => (type << 61n) | PPN | X | W | R | V;
    expect(read(typed(0n), { options })).to.deep.equal(LEAF);
    for (const type of [1n, 2n]) expect(read(typed(type), { options })).to.deep.equal({ ...LEAF, isCacheable: false });
    expect(read(typed(3n), { options })).to.deep.equal({ kind: "malformed" });
  });
});
