/** The near walk by itself: what it serves from tables that are laid out by hand, and what it leaves to the walker untouched. */
import { expect } from "chai";
import { EXECUTE, READ, WRITE, type Rights } from "#src/architecture/rights.js";
import { NO_BITS, refillNearby, type NearLevel, type NearTables } from "#src/tlb/near-walk.js";
import { ENTRY_GLOBAL, Tlb } from "#src/tlb/tlb.js";

const PAGE_SHIFT = 12;
const ALL = 0o77;
const TABLE = 1;
const LEAF = 2;
/** Nothing else in a word's low byte decides. */
const DECIDES = 0xff;
const ADDRESS = 0xffff_f000 | 0;
const READER = 0;
const WRITER = 1;
const USERS_READER = 3;

const last = (more: Partial<NearLevel> = {}): NearLevel => {
  const level = {
    lowBit: 0,
    mask: 3,
    wordShift: 0,
    wide: 0,
    reads: 2,
    tableLow: ADDRESS,
    leafLow: ADDRESS,
    oddHigh: 0,
    tableDecides: DECIDES,
    tableBits: NO_BITS,
    tableRights: 0,
    leafDecides: DECIDES,
    leafBits: LEAF,
    leafRights: ALL,
    leafFlags: 0,
    ...more,
  };
  return Object.assign(level, { next: level as NearLevel, ...more });
};
const above = (next: NearLevel, more: Partial<NearLevel> = {}): NearLevel =>
  last({ next, lowBit: 2, reads: 1, tableBits: TABLE, tableRights: ALL, leafBits: NO_BITS, ...more });

interface Setting {
  readonly first: NearLevel;
  readonly words: Readonly<Record<number, number>>;
  readonly start?: number;
  readonly root?: number;
  readonly pages?: number;
  readonly combined?: (rights: Rights) => Rights;
  readonly combines?: number;
}

/** Walks once in memory that begins at `start` and has words at these addresses. Answers what was read and what was entered. */
const walk = (
  { first, words, start = 0x1000, root = start, pages = 16, combined = () => 0, combines = 0 }: Setting,
  front: number,
  page: number,
) => {
  const tlb = new Tlb(
    { entries: 4, ways: "full", replacement: "used-bit", pageShifts: [PAGE_SHIFT], wired: 0, lockable: false, paired: false },
    {
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    },
  );
  const memory = new Uint32Array(0x2000);
  for (const [address, word] of Object.entries(words)) memory[(Number(address) - start) / 4] = word;
  const tables: NearTables = {
    first,
    words: memory,
    wordsStart: start | 0,
    pages,
    pageShift: PAGE_SHIFT,
    combined: Uint8Array.from({ length: ALL + 1 }, (_, rights) => combined(rights)),
    combines,
  };
  const reads = refillNearby(tlb, tables, root, front, page, 7);
  const entries: unknown[] = [];
  tlb.each((entry) =>
    entries.push({
      page: tlb.firstPage(entry),
      frame: tlb.frame(entry),
      asid: tlb.asid(entry),
      rights: tlb.rights(entry),
      isGlobal: tlb.isGlobal(entry),
    }),
  );
  return { reads, entries };
};

const UNTOUCHED = { reads: 0, entries: [] };
const served = (reads: number, page: number, frame: number, rights: Rights = ALL, isGlobal = false) => ({
  reads,
  entries: [{ page, frame, asid: 7, rights, isGlobal }],
});

/** Page 9 is entry 1 below entry 2. */
const TREE = { 0x1008: 0x2000 | TABLE, 0x2004: 0x5_5000 | LEAF };

describe("the near walk", () => {
  it("follows the tables to a page, and enters what every level lets through", () => {
    expect(walk({ first: above(last()), words: TREE }, READER, 9)).to.deep.equal(served(2, 9, 0x55));
    const first = above(last({ leafRights: READ | WRITE | (READ << 3), leafFlags: ENTRY_GLOBAL }), {
      tableRights: READ | EXECUTE | (READ << 3),
    });
    expect(walk({ first, words: TREE }, READER, 9)).to.deep.equal(served(2, 9, 0x55, READ | (READ << 3), true));
    expect(walk({ first, words: TREE }, USERS_READER, 9).reads).to.equal(2);
    expect(walk({ first, words: TREE }, WRITER, 9), "the table forbids it").to.deep.equal(UNTOUCHED);
  });

  it("cuts rights down where levels combine to fewer, and nowhere else", () => {
    const first = above(last());
    const combined = (rights: Rights): Rights => rights & READ;
    expect(walk({ first, words: TREE, combined, combines: 1 }, READER, 9)).to.deep.equal(served(2, 9, 0x55, READ));
    expect(walk({ first, words: TREE, combined, combines: 1 }, WRITER, 9)).to.deep.equal(UNTOUCHED);
    expect(walk({ first, words: TREE, combined, combines: 0 }, WRITER, 9)).to.deep.equal(served(2, 9, 0x55));
  });

  it("leaves to the walker words that are like none before, at every level", () => {
    for (const word of [0, 0x5_5000, 0x5_5000 | TABLE, 0x5_5000 | LEAF | 0x40, 0xffff_ffff]) {
      expect(walk({ first: above(last()), words: { ...TREE, 0x2004: word } }, READER, 9), `leaf ${word}`).to.deep.equal(UNTOUCHED);
    }
    for (const word of [0, 0x2000, 0x2000 | LEAF, 0x2000 | TABLE | 0x40]) {
      expect(walk({ first: above(last()), words: { ...TREE, 0x1008: word } }, READER, 9), `table ${word}`).to.deep.equal(UNTOUCHED);
    }
    // Equal to no word's low byte.
    const unmet = last({ leafBits: NO_BITS, tableBits: 0xfff });
    for (let low = 0; low <= DECIDES; low += 1) expect(walk({ first: unmet, words: { 0x1004: low } }, READER, 1)).to.deep.equal(UNTOUCHED);
  });

  it("leaves to it tables that do not lie near", () => {
    expect(walk({ first: above(last()), words: { 0x1008: 0x10_0000 | TABLE } }, READER, 9)).to.deep.equal(UNTOUCHED);
    expect(walk({ first: above(last()), words: TREE, root: 0x20_0000 }, READER, 9)).to.deep.equal(UNTOUCHED);
  });

  it("looks at the high halves of wide entries, and takes narrow ones for what they are", () => {
    const wide = last({ wide: 1, wordShift: 1, oddHigh: 0xc0 });
    expect(walk({ first: wide, words: { 0x1008: 0x7000 | LEAF, 0x100c: 0x30 } }, READER, 1)).to.deep.equal(served(2, 1, 7));
    for (const odd of [0x40, 0x80]) {
      expect(walk({ first: wide, words: { 0x1008: 0x7000 | LEAF, 0x100c: odd } }, READER, 1)).to.deep.equal(UNTOUCHED);
    }
    const narrow = last({ oddHigh: 0xc0 });
    expect(walk({ first: narrow, words: { 0x1004: 0x7000 | LEAF, 0x1008: 0xff } }, READER, 1)).to.deep.equal(served(2, 1, 7));
  });

  it("walks for small pages only: below those that the kernel's root, or another part of the index, may mean", () => {
    const words = { 0x1000: 0x7000 | LEAF, 0x1004: 0x8000 | LEAF };
    expect(walk({ first: last(), words, pages: 1 }, READER, 0)).to.deep.equal(served(2, 0, 7));
    expect(walk({ first: last(), words, pages: 1 }, READER, 1)).to.deep.equal(UNTOUCHED);
  });

  it("knows a root in the upper 2 GiB from one beyond 4 GiB whose low half is the same", () => {
    const start = 0x9000_0000;
    const words = { [start + 4]: 0xa000_7000 | LEAF };
    expect(walk({ first: last(), words, start }, READER, 1)).to.deep.equal(served(2, 1, 0xa0007));
    expect(walk({ first: last(), words, start, root: start + 2 ** 32 }, READER, 1)).to.deep.equal(UNTOUCHED);
    expect(walk({ first: last(), words: { 4: 0x7000 | LEAF }, start: 0 }, READER, 1)).to.deep.equal(served(2, 1, 7));
    expect(walk({ first: last(), words: { 4: 0x7000 | LEAF }, start: 0, root: 2 ** 32 }, READER, 1)).to.deep.equal(UNTOUCHED);
  });
});
