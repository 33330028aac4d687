/** Counts of misses against an obvious model, and against the TLBs that the machines themselves have. */
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { PortolanError, type Architecture } from "@portolan/core";
import { FETCH, LOAD, MODIFY, runWorkload, STORE, type TraceSource } from "@portolan/workload";
import { expect } from "chai";
import fc from "fast-check";
import { Batcher, chart, csv, designsOf, Hierarchy, study, Turns } from "#src/index.js";
import { obvious, type Access } from "./obvious.js";

const LETTERS = "ILSM";
const textOf = (accesses: readonly Access[]): TraceSource => {
  const lines = accesses.map(
    ({ kind, address, size }) => `${kind === FETCH ? "I " : ` ${LETTERS[kind]}`} ${address.toString(16)},${size}\n`,
  );
  const bytes = new TextEncoder().encode(lines.join(""));
  return async function* () {
    yield bytes;
  };
};

const accesses = fc
  .array(
    fc.record({
      kind: fc.constantFrom(FETCH, LOAD, STORE, MODIFY),
      // Few pages, so that buffers are full and pages come back; addresses at the ends of pages, so that some reach over.
      place: fc
        .tuple(fc.integer({ min: 0x400, max: 0x428 }), fc.constantFrom(0, 8, 2040, 4090, 4095))
        .map(([page, offset]) => page * 4096 + offset),
      size: fc.constantFrom(1, 4, 8, 64),
    }),
    { minLength: 1, maxLength: 400, size: "max" },
  )
  // Code lies apart from data: a page that is stored to and executed would get two homes.
  .map((all) => all.map(({ kind, place, size }): Access => ({ kind, address: place + (kind === FETCH ? 0x8_0000 : 0), size })));

const DESIGNS = [
  "I:4x2,D:8x4,L2:16x4",
  "I:16xfull,D:16xfull",
  "U:8x4",
  "U:16xfull:lru,L2:16x8",
  "I:4x2:fifo,D:16xfull:fifo,L2:16x4:fifo",
  "U:8x4:paired,L2:32x4",
  "I:1x1,D:1x1",
];

const misses = async (found: Promise<unknown>): Promise<string> =>
  found.then(
    () => "",
    (error: PortolanError) => error.code,
  );

describe("a TLB study", () => {
  for (const text of DESIGNS) {
    it(`counts what an obvious model counts: ${text}`, async () => {
      await fc.assert(
        fc.asyncProperty(accesses, async (trace) => {
          for (const architecture of [ia32, sparc64]) {
            const [design] = designsOf(text, architecture);
            const { findings } = await study(textOf(trace), [{ architecture, design }]);
            const { fetches, data, fetchMisses, dataMisses, translations } = findings[0];
            expect({ fetches, data, fetchMisses, dataMisses, translations }).to.deep.equal(
              obvious(trace, design, architecture.hardwarePageShift),
            );
          }
        }),
        { numRuns: 20, seed: 7 },
      );
    });
  }

  it("counts what the machines' own TLBs count: UltraSPARC's used bits, fully associative, and ia32's sets", async () => {
    let state = 1;
    const trace: Access[] = Array.from({ length: 20_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const kind = ([FETCH, LOAD, LOAD, STORE] as const)[(state >>> 8) & 3];
      return {
        kind,
        address: 0x40_0000 + (kind === FETCH ? 0 : 0x100_0000) + (Math.floor(((state >>> 10) % 997) ** 2 / 3000) * 4096 + (state & 0xff0)),
        size: 4,
      };
    });
    for (const architecture of [abs32le, ia32, sparc64]) {
      // Every page has been written before, so that no first write asks the walker for more.
      const warm = trace.map((access): Access => (access.kind === STORE ? { ...access, kind: LOAD } : access));
      const report = await runWorkload(architecture, { trace: textOf(warm) });
      const { findings } = await study(textOf(warm), [{ architecture, design: designsOf("own", architecture)[0] }]);
      expect(findings[0].fetchMisses + findings[0].dataMisses, architecture.name).to.equal(report.tlb.refills);
      expect(findings[0].pageFaults, architecture.name).to.equal(report.faults.served);
      expect(findings[0].residentPages).to.equal(report.memory.residentPages);
      expect(findings[0].tableBytes).to.equal(report.memory.tableBytes);
    }
  });

  it("reads as many entries for a walk as there are levels, and a TSB before the hash", async () => {
    const trace = Array.from({ length: 64 }, (_, i): Access => ({ kind: LOAD, address: 0x40_0000 + (i % 32) * 0x2000, size: 4 }));
    const tiny = "I:1x1,D:1x1";
    const of = async (architecture: Architecture) =>
      (await study(textOf(trace), [{ architecture, design: designsOf(tiny, architecture)[0] }])).findings[0];
    const tree = await of(ia32);
    expect(tree.translations).to.equal(64);
    // Absent pages are looked at once more: the walk that faults reads down to where the tables end.
    expect(tree.walks).to.equal(64 + 32);
    expect(tree.pageFaults).to.equal(32);
    expect(tree.tsbHits).to.equal(0);
    const hash = await of(sparc64);
    expect(hash.tsbHits + hash.tsbMisses).to.equal(64 + hash.pageFaults);
    expect(hash.tsbHits).to.be.greaterThan(30);
    expect(hash.references).to.be.greaterThan(hash.tsbHits + hash.tsbMisses);
  });

  it("holds larger pages where the tree has entries that span them, and refuses others", async () => {
    const trace = Array.from({ length: 64 }, (_, i): Access => ({ kind: LOAD, address: i * 0x10_0000, size: 4 }));
    const { findings } = await study(
      textOf(trace),
      designsOf("I:64x4,D:64x4,pages={4K,4M}", ia32).map((design) => ({ architecture: ia32, design })),
    );
    expect(findings.map(({ dataMisses }) => dataMisses)).to.deep.equal([64, 16]);
    expect(findings[1].referencesPerTranslation).to.equal(1);
    expect(await misses(study(textOf(trace), [{ architecture: ia32, design: designsOf("U:8x8,pages=2M", ia32)[0] }]))).to.equal(
      "ERR_BAD_ARGUMENT",
    );
    expect(await misses(study(textOf(trace), [{ architecture: sparc64, design: designsOf("U:8x8,pages=4M", sparc64)[0] }]))).to.equal(
      "ERR_BAD_ARGUMENT",
    );
  });

  it("moves what a machine has no room for, and says so", async () => {
    const high = [0x7fff_0000, 0xffff_0000].map((address): Access => ({ kind: LOAD, address, size: 4 }));
    const { findings } = await study(textOf(high), [{ architecture: ia32, design: designsOf("U:8x8", ia32)[0] }]);
    expect(findings[0].movedRegions).to.equal(1);
    expect(findings[0].dataMisses).to.equal(2);
  });

  it("says what is wrong with a design, and where", () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["", /neither a buffer/],
      ["D:64x4", /D is there without I/],
      ["U:64x4,D:64x4", /no I or D beside it/],
      ["I:64x4,D:64x5", /whole sets/],
      ["I:64x4,D:48x4", /no power of two/],
      ["U:6xfull:plru", /power of two of ways/],
      ["U:64x4:mru", /mru is neither lru/],
      ["U:64x4,U:64x4", /twice/],
      ["U:0x1", /entries/],
      ["U:64x4,pages=3K", /no size of a page/],
      ["U:{64,32x4", /brace/],
      [`U:{${"1,".repeat(5000)}1}x1`, /more than 4096/],
    ];
    for (const [text, why] of wrong) expect(() => designsOf(text, ia32), text).to.throw(PortolanError, why);
    expect(designsOf("U:{8,16}x{2,4}:fifo", ia32).map(({ name }) => name)).to.deep.equal([
      "U:8x2:fifo",
      "U:8x4:fifo",
      "U:16x2:fifo",
      "U:16x4:fifo",
    ]);
  });

  it("keeps a tree of bits as the books draw it, and random replacement by its seed", () => {
    const run = (text: string, pages: readonly number[], seed = 1): boolean[] => {
      const [design] = designsOf(text, ia32);
      const hierarchy = new Hierarchy(design, 12, { translate: () => {} }, seed);
      const turns = new Turns(hierarchy.isShared);
      let before = 0;
      return pages.map((page) => {
        const batcher = new Batcher((batch) => {
          turns.take(batch);
          hierarchy.run(batch, turns);
        });
        batcher.access(LOAD, 0, page * 4096, 4);
        batcher.flush();
        const isHit = hierarchy.counts.dataMisses === before;
        before = hierarchy.counts.dataMisses;
        return isHit;
      });
    };
    // Four ways hold 0 1 2 3; after 0 is used again the bits point to 2, which 4 replaces; then to 1, which 5 does.
    expect(run("U:4x4:plru", [0, 1, 2, 3, 0, 4, 5, 0, 3, 2, 1])).to.deep.equal([
      false,
      false,
      false,
      false,
      true,
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
    const pages = Array.from({ length: 200 }, (_, i) => (i * 7) % 11);
    expect(run("U:8x8:random", pages, 3)).to.deep.equal(run("U:8x8:random", pages, 3));
    expect(run("U:8x8:random", pages, 3)).to.not.deep.equal(run("U:8x8:random", pages, 4));
  });

  it("writes rows and a picture that say what was typed", async () => {
    const trace = [{ kind: LOAD, address: 0x40_0000, size: 4 } as const];
    const { findings } = await study(textOf(trace), [{ architecture: ia32, design: designsOf("I:4x4,D:4x4", ia32)[0] }]);
    const [heading, row] = csv(findings).split("\r\n");
    expect(heading?.startsWith("architecture,tlb,pageBytes")).to.equal(true);
    expect(row?.startsWith('ia32,"I:4x4,D:4x4",4096,0,1,0,1,1000,1,')).to.equal(true);
    const picture = chart(findings, 'a < b & "c"');
    expect(picture).to.include("a &lt; b &amp; &quot;c&quot;").and.include("I:4x4,D:4x4");
    expect(picture.match(/<rect /g)).to.have.lengthOf(2);
  });
});
