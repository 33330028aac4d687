import { expect } from "chai";
import fc from "fast-check";
import type { Invalidation, Replacement, TlbGeometry } from "#src/architecture/tlb-organisation.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { Lookaside } from "#src/tlb/lookaside.js";
import { ALL_LOCKED, ENTRY_GLOBAL, ENTRY_LOCKED, Tlb } from "#src/tlb/tlb.js";
import { NaiveTlb } from "./naive-tlb.js";

const SPANS = [1, 8, 64, 512];
const HIGH = 2 ** 51;
/** Of memory; one more is asked for than there are. */
const FRAMES = 512;

const geometry = fc
  .record({
    shape: fc.constantFrom<readonly [number, number | "full"]>([1, "full"], [4, 2], [6, "full"], [6, 2], [8, 1], [8, 4], [64, "full"]),
    replacement: fc.constantFrom<Replacement>("used-bit", "lru", "fifo", "random"),
    wired: fc.constantFrom(0, 0, 1),
  })
  .filter(({ shape, wired }) => shape[0] > wired * 4)
  .map(({ shape, replacement, wired }): TlbGeometry => ({
    entries: shape[0],
    ways: shape[1],
    replacement,
    pageShifts: [13, 16, 19, 22],
    wired,
    lockable: true,
    paired: false,
  }));

const invalidation: fc.Arbitrary<Invalidation> = fc.record({
  all: fc.record({ sparesGlobal: fc.boolean(), sparesLocked: fc.constantFrom<boolean | "unless-global">(false, true, "unless-global") }),
  asid: fc.record({ by: fc.constantFrom<"context" | "all">("context", "all"), sparesGlobal: fc.boolean(), sparesLocked: fc.boolean() }),
  page: fc.record({ dropsGlobal: fc.boolean(), anyAsid: fc.boolean() }),
  rootLoadInvalidates: fc.boolean(),
});

const page = fc.oneof(
  fc.nat(200),
  fc.nat(200).map((low) => HIGH + low),
  fc.nat(20).map((low) => 2 ** 20 - 10 + low),
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
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("serve" as const),
      front: fc.nat(1),
      page,
      asid,
      span: fc.constantFrom(1, 1, 1, ...SPANS),
      frame: fc.nat(FRAMES / 64),
      rights: fc.nat(0o77),
      flags: fc.constantFrom(0, 0, 0, ENTRY_GLOBAL),
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
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hide" as const), front: fc.nat(1) }) },
);

describe("Tlb", () => {
  it("does what a list of entries would, on every geometry, replacement and invalidation", () => {
    fc.assert(
      fc.property(
        geometry,
        invalidation,
        fc.boolean(),
        fc.constantFrom(1, 30, 4096),
        fc.array(operation, { minLength: 1, maxLength: 250, size: "max" }),
        (shape, rules, honoursGlobal, calm, operations) => {
          const tlb = new Tlb(shape, rules, 5, calm);
          const memory = new PhysicalMemory({ bytes: FRAMES * 8192, physicalBits: 32, byteOrder: "little", frameShift: 13 });
          const fronts = new Lookaside(memory, 13);
          tlb.attach(fronts);
          const naive = new NaiveTlb(shape, rules, honoursGlobal);
          tlb.honoursGlobal = honoursGlobal;
          const pages = new Set(operations.flatMap((op) => ("page" in op ? [op.page] : [])));
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
            } else if (op.kind === "serve") {
              const { span } = op;
              // One who serves knows that nothing matches.
              tlb.invalidatePages(Math.floor(op.page / span) * span, span, op.asid);
              naive.invalidatePages(Math.floor(op.page / span) * span, span, op.asid);
              const candidates = naive.candidates(op.page, span);
              const first = op.frame * 64;
              const frame = first + (op.page % span);
              const isMapped = naive.entries.some(
                (entry) => entry !== null && entry.first <= op.page && op.page < entry.first + entry.span,
              );
              const isMatched = naive.matches(op.page, op.asid).length > 0;
              const before = naive.entries.map((entry) => JSON.stringify(entry));
              if (span === 1) tlb.serve(op.front, op.page, frame, op.asid, op.rights, op.flags);
              else tlb.serveLarge(op.front, op.page, span, frame, op.asid, op.rights, op.flags);
              if (candidates.length > 0) {
                const entry = candidates.find((each) => {
                  naive.put(each, op.page, span, first, op.asid, op.rights, op.flags);
                  if (shape.replacement === "used-bit") naive.entries[each]!.isUsed = true;
                  if (naive.isSame(tlb)) return true;
                  naive.entries[each] = JSON.parse(before[each]);
                  return false;
                });
                expect(entry, "one of the candidates").to.not.equal(undefined);
                // Whoever else knew the page may mean an entry that has not won.
                if (isMapped) expect(fronts.frameOf(1 - op.front, op.page)).to.equal(-1);
                if (!isMatched) expect(fronts.frameOf(op.front, op.page)).to.equal(frame < FRAMES ? frame : -1);
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
            else if (op.kind === "hide") {
              tlb.hide(1 << op.front);
              for (const each of pages) expect(fronts.frameOf(op.front, each)).to.equal(-1);
            } else {
              tlb.drop(op.entry % shape.entries);
              naive.drop(op.entry % shape.entries);
            }
            naive.expectSame(tlb);
            for (const front of [0, 1]) naive.expectKnown(fronts, front, pages);
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

  it("lets no front answer by an entry that a new one may win over", () => {
    const tlb = new Tlb(
      { entries: 2, ways: "full", replacement: "fifo", pageShifts: [12], wired: 0, lockable: false, paired: false },
      {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "context", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      },
      0,
      1,
    );
    const memory = new PhysicalMemory({ bytes: 2 ** 16, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const fronts = new Lookaside(memory, 12);
    tlb.attach(fronts);
    for (const each of [1, 2, 3]) tlb.serve(0, each, each, 1, 1, 0);
    expect([0, 1].map((front) => [1, 2, 3].map((each) => fronts.frameOf(front, each)))).to.deep.equal([
      [-1, 2, 3],
      [-1, -1, -1],
    ]);
    tlb.serve(1, 3, 7, 2, 1, 0);
    expect([0, 1].map((front) => fronts.frameOf(front, 3))).to.deep.equal([-1, 7]);
    expect([tlb.frame(tlb.probe(3, 1)), tlb.frame(tlb.probe(3, 2))]).to.deep.equal([3, 7]);
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
