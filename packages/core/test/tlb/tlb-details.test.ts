/** What a buffer does beside translating: what it refuses, what it keeps of an entry, and what it knows at a glance. */
import { expect } from "chai";
import type { Invalidation, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { Lookaside } from "#src/tlb/lookaside.js";
import { ENTRY_GLOBAL, ENTRY_LOCKED, Tlb } from "#src/tlb/tlb.js";

/** Invalidating everything spares what is locked or wired; a page goes whoever's it is. */
const SPARING: Invalidation = {
  all: { sparesGlobal: false, sparesLocked: true },
  asid: { by: "context", sparesGlobal: true, sparesLocked: false },
  page: { dropsGlobal: true, anyAsid: true },
  rootLoadInvalidates: false,
};

describe("a TLB", () => {
  it("refuses geometries that no hardware has, and numbers of wired entries that leave none", () => {
    const geometry: TlbGeometry = {
      entries: 8,
      ways: 2,
      replacement: "fifo",
      pageShifts: [12],
      wired: 0,
      lockable: false,
      paired: false,
    };
    for (const more of [
      { entries: 0, ways: "full" },
      { entries: 0, ways: 1 },
      { ways: 0 },
      { ways: -2 },
      { ways: 3 },
      { wired: 8 },
      { wired: 9 },
      { pageShifts: [] },
    ] as const) {
      expect(() => new Tlb({ ...geometry, ...more }, SPARING), JSON.stringify(more)).to.throw("a TLB's entries are a multiple of its ways");
    }
    const tlb = new Tlb({ ...geometry, wired: 7 }, SPARING);
    expect(tlb.wired).to.equal(7);
    for (const count of [8, 9, -1, 0.5, NaN]) expect(() => (tlb.wired = count)).to.throw(`a TLB cannot have ${count} wired entries`);
    expect(tlb.wired).to.equal(7);
  });

  it("wires entries, and lets them go again, for replacement and for who spares what is locked", () => {
    const tlb = new Tlb(
      { entries: 3, ways: "full", replacement: "fifo", pageShifts: [12], wired: 2, lockable: false, paired: false },
      SPARING,
    );
    for (const page of [1, 2]) tlb.write(page - 1, page, 1, page, 1, 1);
    expect([5, 6].map((page) => tlb.enter(page, 1, page, 1, 1))).to.deep.equal([2, 2]);
    expect([tlb.invalidateAll(), tlb.isValid(0), tlb.isValid(1), tlb.isValid(2)]).to.deep.equal([1, true, true, false]);
    expect(tlb.enter(7, 1, 7, 1, 1)).to.equal(2);
    tlb.wired = 1;
    expect(tlb.enter(8, 1, 8, 1, 1), "the oldest that is not wired").to.equal(1);
    tlb.wired = 0;
    expect(tlb.invalidateAll()).to.equal(3);
    expect(tlb.enter(9, 1, 9, 1, 1), "wired or not, the first that is free").to.equal(0);
  });

  it("keeps what a walker notes of an entry until something else is written there", () => {
    const tlb = new Tlb(
      { entries: 2, ways: "full", replacement: "fifo", pageShifts: [12], wired: 0, lockable: false, paired: false },
      SPARING,
    );
    const entry = tlb.enter(3, 1, 3, 1, 1);
    expect(tlb.note(entry)).to.equal(0);
    tlb.setNote(entry, 77);
    expect(tlb.note(entry)).to.equal(77);
    tlb.write(entry, 3, 1, 4, 1, 1);
    expect(tlb.note(entry)).to.equal(0);
  });

  it("has odd halves where entries are paired only, and makes the fronts forget what one was", () => {
    const pairs: TlbGeometry = {
      entries: 4,
      ways: "full",
      replacement: "random",
      pageShifts: [12],
      wired: 0,
      lockable: false,
      paired: true,
    };
    const tlb = new Tlb(pairs, SPARING);
    const memory = new PhysicalMemory({ bytes: 2 ** 16, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const fronts = new Lookaside(memory, 12);
    tlb.attach(fronts);
    const entry = tlb.enter(6, 2, 4, 1, 0o77);
    tlb.writeOdd(entry, 9, 0o77);
    expect([tlb.show(entry, 0, 7, 9), fronts.frameOf(0, 7)]).to.deep.equal([true, 9]);
    tlb.writeOdd(entry, 10, 0o77);
    expect([fronts.frameOf(0, 7), tlb.frameOf(entry, 7), tlb.frameOf(entry, 6)]).to.deep.equal([-1, 10, 4]);
    tlb.write(entry, 6, 2, 4, 1, 0o77);
    expect(tlb.rightsOf(entry, 7), "a pair is written half by half").to.equal(0);
    const single = new Tlb({ ...pairs, paired: false }, SPARING);
    expect(() => single.writeOdd(0, 1, 1)).to.throw("entries of this TLB have one half");
    for (const number of [-1, 4, NaN]) expect(() => tlb.writeOdd(number, 1, 1)).to.throw(`the TLB has no entry ${number}`);
  });

  it("knows at a glance of what it certainly lacks, once it is busy", () => {
    const tlb = new Tlb(
      { entries: 4, ways: "full", replacement: "fifo", pageShifts: [12, 16], wired: 0, lockable: false, paired: false },
      SPARING,
      0,
      2,
    );
    tlb.attach(new Lookaside(new PhysicalMemory({ bytes: 2 ** 16, physicalBits: 32, byteOrder: "little", frameShift: 12 }), 12));
    expect(tlb.lacks(3), "it is empty").to.equal(true);
    tlb.enter(3, 1, 3, 1, 1);
    expect([tlb.lacks(3), tlb.lacks(4)], "not busy yet").to.deep.equal([false, false]);
    tlb.enter(5, 1, 5, 1, 1);
    expect([3, 4, 5].map((page) => tlb.lacks(page))).to.deep.equal([false, true, false]);
    tlb.enter(16, 16, 0, 1, 1);
    expect(
      [3, 4, 5].map((page) => tlb.lacks(page)),
      "a larger page may hold it",
    ).to.deep.equal([false, false, false]);
    expect(tlb.smallestSpan).to.equal(1);
    tlb.invalidatePage(20, 1);
    expect([3, 4, 5].map((page) => tlb.lacks(page))).to.deep.equal([false, true, false]);
  });

  const small: TlbGeometry = {
    entries: 3,
    ways: "full",
    replacement: "fifo",
    pageShifts: [12, 16],
    wired: 0,
    lockable: true,
    paired: false,
  };
  /** A buffer and its fronts, above memory that begins at frame 16; busy at once, or hardly ever. */
  const fronted = (more: Partial<TlbGeometry> = {}, calm = 1) => {
    const tlb = new Tlb({ ...small, ...more }, SPARING, 0, calm);
    const memory = new PhysicalMemory({ bytes: 2 ** 17, base: 2 ** 16, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const fronts = new Lookaside(memory, 12);
    tlb.attach(fronts);
    const knows = (page: number): number[] => [0, 1].map((front) => fronts.frameOf(front, page));
    return { tlb, knows };
  };
  /** Makes a buffer busy, and full of pages that nobody asks for. */
  const filled = (more: Partial<TlbGeometry> = {}) => {
    const bench = fronted(more);
    for (const page of [100, 101, 102]) bench.tlb.serve(0, page, 20, 1, 1, 0);
    return bench;
  };

  it("divides pages among sets of any number", () => {
    for (const calm of [1, 4096]) {
      const { tlb } = fronted({ entries: 6, ways: 2 }, calm);
      for (let page = 0; page < 30; page += 1) expect(Math.floor(tlb.enter(page, 1, page, 1, 1) / 2)).to.equal(page % 3);
      for (let page = 30; page < 60; page += 1) tlb.serve(0, page, 20, 1, 1, 0);
      for (let page = 54; page < 60; page += 1) expect(Math.floor(tlb.probe(page, 1) / 2)).to.equal(page % 3);
    }
  });

  it("invalidates everything but what is locked, or locked for one space only", () => {
    const kinds = [0, ENTRY_GLOBAL, ENTRY_LOCKED, ENTRY_GLOBAL | ENTRY_LOCKED];
    for (const [sparesGlobal, sparesLocked, left] of [
      [true, "unless-global", [1, 2]],
      [false, "unless-global", [2]],
      [false, true, [2, 3]],
      [true, false, [1, 3]],
    ] as const) {
      const tlb = new Tlb({ ...small, entries: 4 }, { ...SPARING, all: { sparesGlobal, sparesLocked } });
      expect(tlb.honoursGlobal).to.equal(true);
      kinds.forEach((flags, page) => tlb.enter(page, 1, page, 1, 1, flags));
      expect(tlb.invalidateAll()).to.equal(4 - left.length);
      const seen: number[] = [];
      tlb.each((entry) => seen.push(entry));
      expect(seen).to.deep.equal(left);
    }
  });

  it("maps every page of a large entry, and of both halves of a pair", () => {
    const { tlb } = fronted();
    const entry = tlb.enter(20, 16, 32, 1, 0o33);
    expect([16, 20, 31].map((page) => tlb.frameOf(entry, page))).to.deep.equal([32, 36, 47]);
    expect(tlb.rightsOf(entry, 31)).to.equal(0o33);
    const paired = new Tlb({ ...small, paired: true }, SPARING);
    const pair = paired.enter(32, 32, 64, 1, 0o33);
    paired.writeOdd(pair, 160, 0o11);
    expect([33, 47, 48, 63].map((page) => [paired.frameOf(pair, page), paired.rightsOf(pair, page)])).to.deep.equal([
      [65, 0o33],
      [79, 0o33],
      [160, 0o11],
      [175, 0o11],
    ]);
  });

  it("answers −1 where nothing may go, and changes nothing", () => {
    const tlb = new Tlb({ ...small, entries: 1 }, SPARING);
    expect(tlb.enter(3, 1, 3, 1, 1, ENTRY_LOCKED)).to.equal(0);
    expect([tlb.enter(4, 1, 4, 1, 1), tlb.probe(4, 1), tlb.probe(3, 1), tlb.lookup(4, 1)]).to.deep.equal([-1, -1, 0, -1]);
  });

  it("counts an entry that is written over with another size as that one", () => {
    const tlb = new Tlb(small, SPARING);
    tlb.write(0, 3, 1, 3, 1, 1);
    expect(tlb.smallestSpan).to.equal(1);
    tlb.write(0, 16, 16, 16, 1, 1);
    expect([tlb.smallestSpan, tlb.probe(3, 1), tlb.probe(30, 1)]).to.deep.equal([16, -1, 0]);
  });

  it("takes back all that it has told any front, of page 0 too", () => {
    for (const page of [0, 5]) {
      const { tlb, knows } = filled();
      tlb.serve(0, page, 21, 1, 1, 0);
      expect(knows(page)).to.deep.equal([21, -1]);
      expect(tlb.show(tlb.probe(page, 1), 1, page, 21)).to.equal(true);
      expect(knows(page)).to.deep.equal([21, 21]);
      tlb.drop(tlb.probe(page, 1));
      expect(knows(page)).to.deep.equal([-1, -1]);
      for (const front of [0, 1]) {
        tlb.serve(front, page, 21, 1, 1, 0);
        tlb.hide(2 - front);
        expect(knows(page)[front], "the other was meant").to.equal(21);
        tlb.hide(1 + front);
        expect(knows(page)).to.deep.equal([-1, -1]);
        tlb.drop(tlb.probe(page, 1));
      }
      const slow = fronted({}, 4096);
      const entry = slow.tlb.enter(page, 1, 22, 1, 1);
      for (const front of [0, 1]) expect(slow.tlb.show(entry, front, page, 22)).to.equal(true);
      expect(slow.knows(page)).to.deep.equal([22, 22]);
      slow.tlb.drop(entry);
      expect(slow.knows(page)).to.deep.equal([-1, -1]);
    }
  });

  it("shows nothing where there is no memory, nor where there are no fronts", () => {
    for (const calm of [1, 4096]) {
      const { tlb, knows } = fronted({}, calm);
      const entry = tlb.enter(5, 1, 3, 1, 1);
      for (const frame of [3, 15, 48]) expect([tlb.show(entry, 0, 5, frame), knows(5)]).to.deep.equal([false, [-1, -1]]);
      for (const page of [6, 7, 8]) tlb.serve(0, page, 20, 1, 1, 0);
      for (const frame of [3, 15, 48]) {
        tlb.serve(0, 5, frame, 1, 1, 0);
        expect(knows(5), `frame ${frame}`).to.deep.equal([-1, -1]);
        expect(tlb.frame(tlb.probe(5, 1))).to.equal(frame);
        tlb.invalidatePage(5, 1);
      }
      for (const frame of [16, 47]) {
        tlb.serve(0, 5, frame, 1, 1, 0);
        expect(knows(5)).to.deep.equal([frame, -1]);
        tlb.invalidatePage(5, 1);
      }
    }
    const alone = new Tlb(small, SPARING, 0, 1);
    alone.serve(0, 5, 20, 1, 1, 0);
    alone.serve(0, 6, 20, 1, 1, 0);
    expect(alone.show(alone.probe(5, 1), 0, 5, 20)).to.equal(false);
  });

  it("makes fronts forget a page for which another entry comes, by whichever way", () => {
    for (const replacement of ["fifo", "used-bit", "lru"] as const) {
      for (const calm of [1, 4096]) {
        for (const [way, come] of [
          ["enter", (tlb: Tlb) => void tlb.enter(5, 1, 30, 2, 1)],
          ["write", (tlb: Tlb) => tlb.write(0, 5, 1, 30, 2, 1)],
          ["serve", (tlb: Tlb) => tlb.serve(1, 5, 30, 2, 1, 0)],
          ["a larger one", (tlb: Tlb) => void tlb.enter(5, 16, 16, 2, 1)],
        ] as const) {
          const { tlb, knows } = fronted({ replacement }, calm);
          for (const page of [100, 101, 5]) tlb.serve(0, page, 20, 1, 1, 0);
          expect(knows(5)[0]).to.equal(20);
          come(tlb);
          expect(knows(5)[0], `${way}, ${replacement}, calm ${calm}`).to.equal(-1);
        }
      }
    }
  });

  it("used-bit: whoever is served starts over when all are used, and their fronts forget", () => {
    const { tlb, knows } = fronted({ replacement: "used-bit" });
    for (const page of [0, 1, 2]) tlb.serve(0, page, 20 + page, 1, 1, 0);
    expect([0, 1, 2].map((page) => knows(page)[0])).to.deep.equal([20, 21, 22]);
    tlb.serve(0, 3, 23, 1, 1, 0);
    expect([tlb.firstPage(0), tlb.isUsed(0), tlb.isUsed(1), tlb.isUsed(2)]).to.deep.equal([3, true, false, false]);
    expect([0, 1, 2, 3].map((page) => knows(page)[0])).to.deep.equal([-1, -1, -1, 23]);
    tlb.lookup(1, 1);
    tlb.serve(0, 4, 24, 1, 1, 0);
    expect([0, 1, 2].map((entry) => tlb.firstPage(entry))).to.deep.equal([3, 1, 4]);
  });

  it("takes page 0 back like any other: where its entry goes, where it is asked to, and where all are unused again", () => {
    for (const page of [0, 5]) {
      const gone = filled();
      gone.tlb.serve(0, page, 21, 1, 1, 0);
      expect(gone.knows(page)).to.deep.equal([21, -1]);
      for (const other of [200, 201, 202]) gone.tlb.serve(0, other, 22, 1, 1, 0);
      expect([gone.knows(page), gone.tlb.probe(page, 1)]).to.deep.equal([[-1, -1], -1]);

      const hidden = filled();
      hidden.tlb.serve(0, page, 21, 1, 1, 0);
      hidden.tlb.hide(1);
      expect(hidden.knows(page)).to.deep.equal([-1, -1]);

      const unused = filled({ replacement: "used-bit" });
      for (const other of [200, page, 201]) unused.tlb.serve(0, other, 22, 1, 1, 0);
      expect(unused.knows(page)).to.deep.equal([22, -1]);
      unused.tlb.serve(0, 202, 22, 1, 1, 0);
      expect([unused.knows(page), unused.tlb.probe(page, 1)]).to.deep.equal([[-1, -1], 1]);
    }
  });

  it("used-bit: makes fronts forget a page for which another entry is served, though nothing starts over", () => {
    const { tlb, knows } = filled({ replacement: "used-bit" });
    for (const page of [200, 5]) tlb.serve(0, page, 22, 1, 1, 0);
    expect([knows(5), tlb.isUsed(2)]).to.deep.equal([[22, -1], false]);
    tlb.serve(1, 5, 23, 2, 1, 0);
    expect([knows(5), tlb.probe(5, 1), tlb.probe(5, 2)]).to.deep.equal([[-1, 23], 1, 2]);
  });

  it("used-bit: what was written and never used goes first, one after the other", () => {
    const { tlb } = filled({ replacement: "used-bit" });
    tlb.serve(0, 200, 22, 1, 1, 0);
    for (const entry of [0, 1, 2]) tlb.write(entry, 210 + entry, 1, 22, 1, 1);
    for (const page of [5, 6, 7]) tlb.serve(0, page, 22, 1, 1, 0);
    expect([0, 1, 2].map((entry) => tlb.firstPage(entry))).to.deep.equal([5, 6, 7]);
  });

  it("lru: whoever is served takes the place of what was not used for longest", () => {
    const { tlb } = filled({ replacement: "lru" });
    tlb.lookup(100, 1);
    for (const page of [5, 6]) tlb.serve(0, page, 22, 1, 1, 0);
    expect([0, 1, 2].map((entry) => tlb.firstPage(entry))).to.deep.equal([100, 5, 6]);
  });

  it("makes fronts forget a page for which one comes that has too many to be taken out one by one", () => {
    const { tlb, knows } = filled({ pageShifts: [12, 22] });
    tlb.serve(0, 5, 21, 1, 1, 0);
    expect(knows(5)).to.deep.equal([21, -1]);
    expect(tlb.enter(5, 1024, 0, 2, 1)).to.not.equal(tlb.probe(5, 1));
    expect(knows(5)).to.deep.equal([-1, -1]);
  });

  it("serves pages at the end of those that have a chain of their own, and takes none for another", () => {
    const { tlb, knows } = filled();
    for (const page of [2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1]) {
      tlb.serve(0, page, 21, 1, 1, 0);
      expect([knows(page), knows(page % 2 ** 20)], `page ${page}`).to.deep.equal([[21, -1], page < 2 ** 20 ? [21, -1] : [-1, -1]]);
      expect(tlb.frame(tlb.probe(page, 1))).to.equal(21);
    }
  });

  it("shows pages of memory that begins anywhere", () => {
    const tlb = new Tlb(small, SPARING, 0, 1);
    const memory = new PhysicalMemory({ bytes: 2 ** 17, base: 2 ** 18, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const fronts = new Lookaside(memory, 12);
    tlb.attach(fronts);
    for (const page of [1, 2, 3, 4, 5]) tlb.serve(0, page, 64 + page, 1, 1, 0);
    expect([3, 4, 5].map((page) => fronts.frameOf(0, page))).to.deep.equal([67, 68, 69]);
  });

  it("is not sure to lack the first page of a large one", () => {
    const { tlb } = fronted({}, 4096);
    tlb.enter(0, 16, 16, 1, 1);
    expect([tlb.lacks(0), tlb.probe(0, 1)]).to.deep.equal([false, 0]);
  });
});
