/** TLBs without a machine behind them: every rule and every shape against a textbook's. */
import { ia32 } from "@portolan/arch-ia32";
import { EXECUTE, READ, WRITE, type Access as AccessRight } from "@portolan/core";
import { FETCH, LOAD, MODIFY, STORE } from "@portolan/workload";
import { expect } from "chai";
import fc from "fast-check";
import { Batcher, designsOf, Hierarchy, Turns, type Batch, type TlbCounts, type TlbDesign } from "#src/index.js";
import { obvious, type Access } from "./obvious.js";

const GRANULE = 4096;

/** Goes through a TLB, with the trace cut into batches at `cuts`. */
const counted = (accesses: readonly Access[], design: TlbDesign, shift: number, cuts: ReadonlySet<number>): TlbCounts => {
  const hierarchy = new Hierarchy(design, shift, { translate() {} }, 1);
  const turns = new Turns(hierarchy.isShared);
  const batcher = new Batcher((batch: Batch) => {
    turns.take(batch);
    hierarchy.run(batch, turns);
  });
  accesses.forEach(({ kind, address, size }, at) => {
    if (cuts.has(at)) batcher.flush();
    batcher.access(kind, Math.floor(address / 2 ** 32), address % 2 ** 32, size);
  });
  batcher.flush();
  return hierarchy.counts;
};

/** Pages near zero and far up, which agree in the bits by which they are kept at hand; code and data lie in the same ones. */
const accessesOn = (pages: number) =>
  fc.array(
    fc.record({
      kind: fc.constantFrom(FETCH, LOAD, LOAD, STORE, MODIFY),
      address: fc
        .tuple(fc.nat({ max: pages - 1 }), fc.constantFrom(0, 2 ** 10, 2 ** 24 + 3), fc.constantFrom(0, 8, 4090))
        .map(([page, region, offset]) => (page + region) * GRANULE + offset),
      size: fc.constantFrom(1, 8),
    }),
    { minLength: 1, maxLength: 600, size: "max" },
  );

const level = (rules: readonly string[]) =>
  fc
    .record({ sets: fc.constantFrom(1, 2, 4), ways: fc.constantFrom(1, 2, 4, 8), rule: fc.constantFrom(...rules), paired: fc.boolean() })
    .map(({ sets, ways, rule, paired }) => `${sets * ways}x${ways}:${rule}${paired ? ":paired" : ""}`);

const RULES = ["lru", "fifo", "plru", "used-bit"];

const design = fc
  .record({ isShared: fc.boolean(), code: level(RULES), data: level(RULES), second: fc.option(level(RULES)) })
  .map(({ isShared, code, data, second }) => `${isShared ? `U:${data}` : `I:${code},D:${data}`}${second === null ? "" : `,L2:${second}`}`);

describe("a TLB in operation", () => {
  it("counts what a textbook's TLB counts, whatever its buffers, rules and pages, however the trace is cut", () => {
    fc.assert(
      fc.property(
        design,
        fc.constantFrom(12, 13, 21),
        accessesOn(12),
        fc.uniqueArray(fc.nat({ max: 600 })),
        (text, shift, accesses, cuts) => {
          const [tlb] = designsOf(text, ia32);
          expect(counted(accesses, tlb, shift, new Set(cuts))).to.deep.equal(obvious(accesses, tlb, shift));
        },
      ),
      { numRuns: 300, seed: 11 },
    );
  });

  for (const rule of RULES) {
    it(`counts what a textbook's TLB counts with many ways: ${rule}`, () => {
      fc.assert(
        fc.property(fc.constantFrom("U:64xfull", "I:64xfull,D:128x64"), accessesOn(90), (text, accesses) => {
          const [tlb] = designsOf(
            text.replaceAll(/full|x64/g, (found) => `${found}:${rule}`),
            ia32,
          );
          expect(counted(accesses, tlb, 12, new Set())).to.deep.equal(obvious(accesses, tlb, 12));
        }),
        { numRuns: 40, seed: 12 },
      );
    });
  }

  it("finds pages again after more have come than are kept at hand, and after its tables have grown", () => {
    const pages = Array.from({ length: 5000 }, (_, page) => page);
    const accesses = [...pages, ...pages.toReversed()].map((page): Access => ({ kind: LOAD, address: page * GRANULE, size: 4 }));
    const [tlb] = designsOf("I:4x4,D:4096xfull,L2:8192x8", ia32);
    expect(counted(accesses, tlb, 12, new Set([2500]))).to.deep.equal({
      fetches: 0,
      data: 10_000,
      fetchMisses: 0,
      dataMisses: 5000 + 904,
      translations: 5000,
    });
  });

  it("asks for a page as the access needs it, and where the machine has it", () => {
    const asked: [number, AccessRight][] = [];
    const [tlb] = designsOf("I:1x1,D:1x1", ia32);
    const hierarchy = new Hierarchy(
      tlb,
      13,
      { translate: (page, access) => asked.push([page, access]), move: (granule, isCode) => granule + (isCode ? 1000 : 0) },
      1,
    );
    const turns = new Turns(hierarchy.isShared);
    const batcher = new Batcher((batch) => {
      turns.take(batch);
      hierarchy.run(batch, turns);
    });
    for (const [kind, granule] of [
      [FETCH, 4],
      [FETCH, 5],
      [STORE, 4],
      [LOAD, 5],
      [LOAD, 6],
    ] as const) {
      batcher.access(kind, 0, granule * GRANULE, 4);
    }
    batcher.flush();
    expect(asked).to.deep.equal([
      [502, EXECUTE],
      [2, WRITE],
      [3, READ],
    ]);
  });
});
