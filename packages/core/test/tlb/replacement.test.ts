import { expect } from "chai";
import type { Invalidation, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { ALL_LOCKED, ENTRY_LOCKED, Tlb } from "#src/tlb/tlb.js";

const RIGHTS = 0o77;
const invalidation: Invalidation = {
  all: { sparesGlobal: false, sparesLocked: false },
  asid: { by: "context", sparesGlobal: true, sparesLocked: false },
  page: { dropsGlobal: true, anyAsid: false },
  rootLoadInvalidates: false,
};
const tlbOf = (replacement: TlbGeometry["replacement"], more: Partial<TlbGeometry> = {}): Tlb =>
  new Tlb({ entries: 4, ways: "full", replacement, pageShifts: [13], wired: 0, lockable: true, paired: false, ...more }, invalidation, 7);
const enter = (tlb: Tlb, page: number, flags = 0): number => tlb.enter(page, 1, page + 100, 1, RIGHTS, flags);

describe("replacement", () => {
  it("fills invalid entries from the lowest number up, also a hole in the middle", () => {
    const tlb = tlbOf("used-bit");
    expect([0, 1, 2, 3].map((page) => enter(tlb, page))).to.deep.equal([0, 1, 2, 3]);
    tlb.drop(2);
    tlb.drop(1);
    expect(enter(tlb, 8)).to.equal(1);
    expect(enter(tlb, 9)).to.equal(2);
  });

  it("used-bit: takes the first unused and unlocked entry, and clears all used bits when there is none", () => {
    const tlb = tlbOf("used-bit");
    enter(tlb, 0, ENTRY_LOCKED);
    for (const page of [1, 2, 3]) enter(tlb, page);
    tlb.lookup(1, 1);
    tlb.lookup(3, 1);
    expect(enter(tlb, 4)).to.equal(2);
    for (const page of [0, 4]) tlb.lookup(page, 1);
    expect([0, 1, 2, 3].map((entry) => tlb.isUsed(entry))).to.deep.equal([true, true, true, true]);
    expect(enter(tlb, 5)).to.equal(1);
    expect([0, 1, 2, 3].map((entry) => tlb.isUsed(entry))).to.deep.equal([false, false, false, false]);
  });

  it("lru takes the least recently used, fifo the oldest whatever its use", () => {
    for (const [replacement, victim] of [
      ["lru", 1],
      ["fifo", 0],
    ] as const) {
      const tlb = tlbOf(replacement);
      for (const page of [0, 1, 2, 3]) enter(tlb, page);
      tlb.lookup(0, 1);
      expect(enter(tlb, 4), replacement).to.equal(victim);
    }
  });

  it("never chooses wired or locked entries, and says so when nothing else is left", () => {
    for (const replacement of ["used-bit", "lru", "fifo", "random"] as const) {
      const tlb = tlbOf(replacement, { wired: 1 });
      tlb.write(0, 50, 1, 1, 1, RIGHTS);
      enter(tlb, 0, ENTRY_LOCKED);
      for (let page = 1; page < 60; page += 1) expect(enter(tlb, page), replacement).to.be.oneOf([2, 3]);
      tlb.write(2, 70, 1, 1, 1, RIGHTS, ENTRY_LOCKED);
      tlb.write(3, 71, 1, 1, 1, RIGHTS, ENTRY_LOCKED);
      expect(enter(tlb, 72), replacement).to.equal(ALL_LOCKED);
      expect([0, 1, 2, 3].map((entry) => tlb.firstPage(entry))).to.deep.equal([50, 0, 70, 71]);
    }
  });

  it("random chooses repeatably from the seed, and every entry in the end", () => {
    const run = (): number[] => {
      const tlb = tlbOf("random");
      return Array.from({ length: 100 }, (_, page) => enter(tlb, page));
    };
    expect(run()).to.deep.equal(run());
    expect(new Set(run().slice(4))).to.deep.equal(new Set([0, 1, 2, 3]));
  });

  it("keeps a page within its set", () => {
    const tlb = tlbOf("lru", { entries: 8, ways: 2 });
    for (let page = 0; page < 40; page += 1) expect(Math.floor(enter(tlb, page) / 2)).to.equal(page % 4);
  });
});
