import { expect } from "chai";
import fc from "fast-check";
import type { Invalidation, Replacement, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { ALL_LOCKED, ENTRY_GLOBAL, ENTRY_LOCKED, Tlb } from "#src/tlb/tlb.js";
import { NaiveTlb } from "./naive-tlb.js";

const SPANS = [1, 8, 64];
const HIGH = 2 ** 51;

const geometry = fc
  .record({
    shape: fc.constantFrom<readonly [number, number | "full"]>([1, "full"], [4, 2], [6, "full"], [8, 1], [8, 4], [64, "full"]),
    replacement: fc.constantFrom<Replacement>("used-bit", "lru", "fifo", "random"),
    wired: fc.constantFrom(0, 0, 1),
  })
  .filter(({ shape, wired }) => shape[0] > wired * 4)
  .map(({ shape, replacement, wired }): TlbGeometry => ({
    entries: shape[0],
    ways: shape[1],
    replacement,
    pageShifts: [13, 16, 19],
    wired,
    lockable: true,
    paired: false,
  }));

const invalidation: fc.Arbitrary<Invalidation> = fc.record({
  all: fc.record({ sparesGlobal: fc.boolean(), sparesLocked: fc.boolean() }),
  asid: fc.record({ by: fc.constantFrom<"context" | "all">("context", "all"), sparesGlobal: fc.boolean(), sparesLocked: fc.boolean() }),
  page: fc.record({ dropsGlobal: fc.boolean(), anyAsid: fc.boolean() }),
  rootLoadInvalidates: fc.boolean(),
});

const page = fc.oneof(
  fc.nat(200),
  fc.nat(200).map((low) => HIGH + low),
);
const asid = fc.nat(2);
const operation = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("lookup" as const), page, asid }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("enter" as const),
      page,
      asid,
      span: fc.constantFrom(...SPANS),
      frame: fc.nat(4000),
      rights: fc.nat(0o77),
      flags: fc.constantFrom(0, 0, 0, ENTRY_GLOBAL, ENTRY_LOCKED, ENTRY_GLOBAL | ENTRY_LOCKED),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      entry: fc.nat(63),
      page,
      asid,
      span: fc.constantFrom(...SPANS),
      flags: fc.constantFrom(0, ENTRY_GLOBAL, ENTRY_LOCKED),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("page" as const), page, asid }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pages" as const), page, asid, count: fc.constantFrom(1, 3, 20, Infinity) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("asid" as const), asid }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("all" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const), entry: fc.nat(63) }) },
);

describe("Tlb", () => {
  it("does what a list of entries would, on every geometry, replacement and invalidation", () => {
    fc.assert(
      fc.property(
        geometry,
        invalidation,
        fc.boolean(),
        fc.array(operation, { minLength: 1, maxLength: 250, size: "max" }),
        (shape, rules, honoursGlobal, operations) => {
          const tlb = new Tlb(shape, rules, 5);
          const naive = new NaiveTlb(shape, rules, honoursGlobal);
          tlb.honoursGlobal = honoursGlobal;
          for (const op of operations) {
            if (op.kind === "lookup") {
              expect(tlb.duplicates(op.page, op.asid)).to.equal(naive.matches(op.page, op.asid).length);
              expect(tlb.lookup(op.page, op.asid)).to.equal(naive.lookup(op.page, op.asid));
            } else if (op.kind === "enter") {
              const candidates = naive.candidates(op.page, op.span);
              const entry = tlb.enter(op.page, op.span, op.frame * op.span, op.asid, op.rights, op.flags);
              if (candidates.length === 0) expect(entry).to.equal(ALL_LOCKED);
              else {
                expect(candidates).to.include(entry);
                naive.put(entry, op.page, op.span, op.frame * op.span, op.asid, op.rights, op.flags);
              }
            } else if (op.kind === "write") {
              const entry = op.entry % shape.entries;
              tlb.write(entry, op.page, op.span, 0, op.asid, 1, op.flags);
              naive.put(entry, op.page, op.span, 0, op.asid, 1, op.flags);
            } else if (op.kind === "page")
              expect(tlb.invalidatePage(op.page, op.asid)).to.equal(naive.invalidatePages(op.page, 1, op.asid));
            else if (op.kind === "pages")
              expect(tlb.invalidatePages(op.page, op.count, op.asid)).to.equal(naive.invalidatePages(op.page, op.count, op.asid));
            else if (op.kind === "asid") expect(tlb.invalidateAsid(op.asid)).to.equal(naive.invalidateAsid(op.asid));
            else if (op.kind === "all") expect(tlb.invalidateAll()).to.equal(naive.invalidateAll());
            else {
              tlb.drop(op.entry % shape.entries);
              naive.drop(op.entry % shape.entries);
            }
            naive.expectSame(tlb);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("answers the lowest of several matching entries, of whatever sizes", () => {
    const tlb = new Tlb(
      { entries: 8, ways: "full", replacement: "fifo", pageShifts: [13, 16], wired: 0, lockable: false, paired: false },
      {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "context", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      },
    );
    tlb.write(5, 9, 1, 1, 3, 1);
    tlb.write(2, 8, 8, 64, 3, 1);
    tlb.write(7, 9, 1, 2, 3, 1);
    expect([tlb.probe(9, 3), tlb.duplicates(9, 3)]).to.deep.equal([2, 3]);
    expect(tlb.frameOf(2, 9)).to.equal(65);
    expect(tlb.smallestSpan).to.equal(1);
    for (let entry = 3; entry < 8; entry += 1) tlb.drop(entry);
    expect(tlb.smallestSpan, "of those that are valid").to.equal(8);
    tlb.invalidatePage(9, 3);
    expect(tlb.smallestSpan).to.equal(Infinity);
    expect(tlb.probe(9, 3)).to.equal(-1);
    expect(tlb.probe(8, 3)).to.equal(-1);
  });

  it("lets a paired entry map two halves, the odd one with rights of its own", () => {
    const tlb = new Tlb(
      { entries: 4, ways: "full", replacement: "random", pageShifts: [12], wired: 0, lockable: false, paired: true },
      {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "context", sparesGlobal: false, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      },
    );
    const entry = tlb.enter(7, 2, 40, 1, 0o33);
    expect([tlb.probe(6, 1), tlb.probe(7, 1), tlb.probe(8, 1)]).to.deep.equal([entry, entry, -1]);
    expect([tlb.rightsOf(entry, 6), tlb.rightsOf(entry, 7)]).to.deep.equal([0o33, 0]);
    tlb.writeOdd(entry, 91, 0o11);
    expect([tlb.frameOf(entry, 6), tlb.frameOf(entry, 7), tlb.rightsOf(entry, 7)]).to.deep.equal([40, 91, 0o11]);
  });

  it("refuses sizes the hardware has not", () => {
    const tlb = new Tlb(
      { entries: 4, ways: 2, replacement: "lru", pageShifts: [12], wired: 0, lockable: false, paired: false },
      {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "all", sparesGlobal: false, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: true },
        rootLoadInvalidates: true,
      },
    );
    expect(() => tlb.enter(0, 2, 0, 0, 1)).to.throw("no entry of this TLB maps 2 hardware pages");
    expect(() => tlb.write(4, 0, 1, 0, 0, 1)).to.throw("the TLB has no entry 4");
  });
});
