/** What a buffer does beside translating: what it refuses, what it keeps of an entry, and what it knows at a glance. */
import { expect } from "chai";
import type { Invalidation, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { Lookaside } from "#src/tlb/lookaside.js";
import { Tlb } from "#src/tlb/tlb.js";

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
});
