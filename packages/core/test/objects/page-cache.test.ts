import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { PortolanError } from "#src/errors.js";
import { ChunkedPageCache } from "#src/objects/chunked-page-cache.js";
import { ABSENT, BUSY, DIRTY, NO_SLOT, PASSED, SWAPPED_OUT, WIRED } from "#src/objects/page-cache.js";
import { CHUNK, PageChunks } from "#src/objects/page-chunks.js";
import { Random } from "#src/random.js";

interface ModelPage {
  frame: number;
  slot: number;
  marks: number;
}

/** What a cache is meant to be: pages by offset, in no order. */
class Model {
  readonly pages = new Map<number, ModelPage>();

  at(offset: number): ModelPage {
    return this.pages.get(offset) ?? { frame: ABSENT, slot: NO_SLOT, marks: 0 };
  }

  set(offset: number, page: ModelPage): void {
    if (page.frame === ABSENT && page.slot === NO_SLOT) this.pages.delete(offset);
    else this.pages.set(offset, page.frame === ABSENT ? { ...page, marks: 0 } : page);
  }

  /** Everything that a cache can be asked, in order. */
  portrait(): unknown {
    const all = [...this.pages].toSorted(([one], [other]) => one - other);
    return {
      pages: all.filter(([, { frame }]) => frame >= 0).length,
      swapped: all.filter(([, { frame }]) => frame < 0).length,
      slots: all.filter(([, { slot }]) => slot >= 0).length,
      resident: all.filter(([, { frame }]) => frame >= 0).map(([offset, { frame }]) => [offset, frame]),
      present: all.map(([offset, { frame, slot, marks }]) => [offset, frame >= 0 ? frame : SWAPPED_OUT, slot, marks]),
    };
  }
}

const portraitOf = (cache: ChunkedPageCache): unknown => {
  const resident: number[][] = [];
  cache.each(0, (offset, frame) => {
    resident.push([offset, frame]);
    return true;
  });
  const present: number[][] = [];
  cache.eachPresent(0, (offset, frame) => {
    expect(cache.get(offset)).to.equal(frame);
    present.push([offset, frame, cache.slotOf(offset), cache.marksOf(offset)]);
    return true;
  });
  return { pages: cache.pages, swapped: cache.swapped, slots: cache.slots, resident, present };
};

const MARKS = [DIRTY, BUSY, WIRED, PASSED, DIRTY | WIRED];

/** Offsets that meet often, some of them far away and beyond 32 bits. */
const offsetOf = (random: Random, spread: number): number =>
  random.below(8) === 0 ? 2 ** 40 + random.below(spread) * 1000 : random.below(spread);

const newPool = (gate = new AllocationGate()): PageChunks => new PageChunks(gate);

describe("a page cache", () => {
  it("costs nothing while it is empty", () => {
    const gate = new AllocationGate();
    const cache = new ChunkedPageCache(newPool(gate));
    expect([cache.get(0), cache.get(2 ** 51), cache.slotOf(3), cache.remove(1), cache.clearSlot(1), cache.marksOf(5)]).to.deep.equal([
      ABSENT,
      ABSENT,
      NO_SLOT,
      ABSENT,
      NO_SLOT,
      0,
    ]);
    expect([cache.nextResident(0), cache.nextPresent(0), gate.count]).to.deep.equal([-1, -1, 0]);
  });

  it("keeps frames of every width beside all marks", () => {
    const cache = new ChunkedPageCache(newPool());
    const frames = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 12345, 2 ** 52 - 1];
    frames.forEach((frame, i) => {
      cache.insert(i * 1000, frame);
      cache.mark(i * 1000, DIRTY | BUSY | WIRED | PASSED);
      expect(cache.get(i * 1000)).to.equal(frame);
      cache.clear(i * 1000, BUSY | PASSED);
      expect([cache.get(i * 1000), cache.marksOf(i * 1000)]).to.deep.equal([frame, DIRTY | WIRED]);
    });
  });

  it("agrees with a map over thousands of operations on several caches of one pool", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(20, 300, 5000), (seed, spread) => {
        const random = new Random(seed);
        const pool = newPool();
        const caches = [0, 1, 2].map(() => new ChunkedPageCache(pool));
        const models = caches.map(() => new Model());
        for (let step = 0; step < 1500; step += 1) {
          const which = random.below(3);
          const cache = caches[which];
          const model = models[which];
          const offset = offsetOf(random, spread);
          const page = model.at(offset);
          const kind = random.below(12);
          if (kind < 4) {
            if (page.frame < 0) {
              cache.insert(offset, step);
              model.set(offset, { ...page, frame: step });
            }
          } else if (kind === 4) {
            expect(cache.remove(offset)).to.equal(page.frame >= 0 ? page.frame : page.slot >= 0 ? SWAPPED_OUT : ABSENT);
            model.set(offset, { ...page, frame: ABSENT });
          } else if (kind < 7) {
            cache.setSlot(offset, step);
            model.set(offset, { ...page, slot: step });
          } else if (kind === 7) {
            expect(cache.clearSlot(offset)).to.equal(page.slot);
            model.set(offset, { ...page, slot: NO_SLOT });
          } else if (kind === 8) {
            const marks = MARKS[random.below(MARKS.length)];
            if (page.frame >= 0) {
              cache.mark(offset, marks);
              model.set(offset, { ...page, marks: page.marks | marks });
            }
          } else if (kind === 9) {
            const other = random.below(3);
            if (other !== which && models[other].at(offset).frame < 0 && models[other].at(offset).slot < 0) {
              cache.moveTo(caches[other], offset);
              models[other].set(offset, page);
              model.pages.delete(offset);
            }
          } else if (kind === 10 && random.below(8) === 0) {
            const count = random.below(200);
            const gone: number[] = [];
            cache.removeRange(
              offset,
              count,
              (frame, at) => {
                expect(model.at(at).frame).to.equal(frame);
                gone.push(at);
              },
              (slot, at) => {
                expect(model.at(at).slot).to.equal(slot);
                gone.push(at);
              },
            );
            const expected = [...model.pages].filter(([at]) => at >= offset && at < offset + count);
            expect(new Set(gone).size).to.equal(expected.length);
            expect(gone.length).to.equal(
              expected.reduce((sum, [, { frame, slot }]) => sum + (frame >= 0 ? 1 : 0) + (slot >= 0 ? 1 : 0), 0),
            );
            for (const [at] of expected) model.pages.delete(at);
          }
          expect(cache.get(offset)).to.equal(
            model.at(offset).frame >= 0 ? model.at(offset).frame : model.at(offset).slot >= 0 ? SWAPPED_OUT : ABSENT,
          );
        }
        caches.forEach((cache, i) => expect(portraitOf(cache)).to.deep.equal(models[i].portrait()));
        for (const cache of caches)
          cache.removeRange(
            0,
            Number.MAX_SAFE_INTEGER,
            () => {},
            () => {},
          );
        expect([pool.chunksInUse, pool.treesInUse, pool.nodes.leavesInUse, pool.nodes.innersInUse]).to.deep.equal([0, 0, 0, 0]);
      }),
      { numRuns: 60 },
    );
  });

  it("tells the last page, and which pages another cache misses from any offset on", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const pool = newPool();
        const offsets = Array.from({ length: 260 }, (_, i) => (i < 200 ? i : 2 ** 40 + i));
        // Whole chunks as well as single pages: caches that nearly agree.
        const caches = [0, 1].map(() => {
          const cache = new ChunkedPageCache(pool);
          const holes = random.below(4);
          for (const offset of offsets) {
            if (holes > 0 && random.below(40 * holes) === 0) continue;
            if (random.below(20) === 0) cache.setSlot(offset, offset % 1000);
            else cache.insert(offset, offset % 1000);
          }
          return cache;
        });
        const [one, other] = caches;
        for (let round = 0; round < 30; round += 1) {
          const first = offsets[random.below(offsets.length)];
          const missing = offsets.find((offset) => offset >= first && one.get(offset) !== ABSENT && other.get(offset) === ABSENT);
          expect(one.nextMissing(other, first)).to.equal(missing ?? -1);
          expect(one.lastPresent()).to.equal(offsets.findLast((offset) => one.get(offset) !== ABSENT) ?? -1);
          const gone = offsets[random.below(offsets.length)];
          const cache = caches[random.below(2)];
          cache.remove(gone);
          cache.clearSlot(gone);
        }
      }),
      { numRuns: 60 },
    );
    const empty = new ChunkedPageCache(newPool());
    expect([empty.lastPresent(), empty.nextMissing(empty, 0)]).to.deep.equal([-1, -1]);
    expect(() => empty.nextMissing(new ChunkedPageCache(newPool()), 0)).to.throw("page caches of two machines");
  });

  it("walks upwards from any offset while pages come and go", () => {
    const cache = new ChunkedPageCache(newPool());
    for (const offset of [3, 64, 200, 2 ** 45]) cache.insert(offset, offset);
    cache.setSlot(130, 7);
    const seen: number[] = [];
    for (let offset = cache.nextPresent(4); offset >= 0; offset = cache.nextPresent(offset + 1)) {
      seen.push(offset);
      cache.remove(offset);
      cache.clearSlot(offset);
    }
    expect(seen).to.deep.equal([64, 130, 200, 2 ** 45]);
    expect([cache.pages, cache.nextPresent(0), cache.nextResident(4)]).to.deep.equal([1, 3, -1]);
  });

  it("takes runs with holes, all or nothing, whichever allocation is refused", () => {
    const frames = Float64Array.from({ length: 1000 }, (_, i) => (i % 7 === 3 || (i > 300 && i < 500) ? -1 : i));
    for (let passes = 0; ; passes += 1) {
      const gate = new AllocationGate();
      const pool = newPool(gate);
      const cache = new ChunkedPageCache(pool);
      cache.insert(70, 1);
      cache.remove(70);
      cache.insert(1200, 5);
      gate.failAfter(passes, Infinity);
      try {
        cache.insertRun(50, frames, frames.length);
      } catch (error) {
        expect(error).to.be.instanceOf(PortolanError);
        expect(portraitOf(cache)).to.deep.include({ pages: 1, resident: [[1200, 5]] });
        expect(pool.chunksInUse).to.equal(1);
        continue;
      }
      expect(passes).to.be.greaterThan(10);
      expect(cache.pages).to.equal(frames.filter((frame) => frame >= 0).length + 1);
      frames.forEach((frame, i) => expect(cache.get(50 + i)).to.equal(frame < 0 ? ABSENT : frame));
      return;
    }
  });

  it("changes nothing when an insertion or a slot is refused", () => {
    const gate = new AllocationGate();
    const pool = newPool(gate);
    const cache = new ChunkedPageCache(pool);
    cache.insert(0, 9);
    gate.failAfter(0, Infinity);
    const before = portraitOf(cache);
    expect(() => cache.insert(64, 1)).to.throw(PortolanError);
    expect(() => cache.setSlot(0, 1)).to.throw(PortolanError);
    expect(() => cache.setSlot(640, 1)).to.throw(PortolanError);
    expect(portraitOf(cache)).to.deep.equal(before);
    gate.disarm();
    cache.setSlot(0, 1);
    gate.failAfter(0, Infinity);
    cache.setSlot(0, 2);
    cache.insert(1, 8);
    cache.setSlot(1, 3);
    expect(() => cache.setSlot(640, 1)).to.throw(PortolanError);
    expect([cache.slots, cache.pages, cache.swapped]).to.deep.equal([2, 2, 0]);
  });

  it("merges into another cache without an allocation, whatever the two look like", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1, 40, 3000), fc.constantFrom(0, 64, 6400), (seed, many, stride) => {
        const random = new Random(seed);
        const gate = new AllocationGate();
        const pool = newPool(gate);
        const [from, to] = [new ChunkedPageCache(pool), new ChunkedPageCache(pool)];
        const [lower, upper] = [new Model(), new Model()];
        // Ascending in one, scattered in the other, every now and then a page that both have.
        for (let i = 0; i < many; i += 1) {
          for (const [cache, model] of [
            [from, lower],
            [to, upper],
          ] as const) {
            const offset = stride === 0 ? random.below(many * 3) : (cache === to ? i : random.below(many)) * stride + random.below(3);
            if (model.pages.has(offset)) continue;
            const page = { frame: random.below(4) === 0 ? ABSENT : i * 2 + 1, slot: random.below(3) === 0 ? i : NO_SLOT, marks: 0 };
            if (page.frame >= 0) cache.insert(offset, page.frame);
            if (page.slot >= 0) cache.setSlot(offset, page.slot);
            if (page.frame >= 0 && i % 5 === 0) cache.mark(offset, (page.marks = DIRTY));
            model.set(offset, page);
          }
        }
        gate.failAfter(0, Infinity);
        const frames: number[] = [];
        const slots: number[] = [];
        from.moveAllTo(
          to,
          (frame) => frames.push(frame),
          (slot) => slots.push(slot),
        );
        const doubles = [...lower.pages].filter(([offset]) => upper.pages.has(offset)).map(([, page]) => page);
        expect(frames.length).to.equal(doubles.filter(({ frame }) => frame >= 0).length);
        expect(slots.length).to.equal(doubles.filter(({ slot }) => slot >= 0).length);
        for (const [offset, page] of lower.pages) if (!upper.pages.has(offset)) upper.pages.set(offset, page);
        expect(portraitOf(to)).to.deep.equal(upper.portrait());
        expect(portraitOf(from)).to.deep.equal(new Model().portrait());
        expect(pool.treesInUse).to.equal(upper.pages.size > 0 ? 1 : 0);
      }),
      { numRuns: 60 },
    );
  });

  it("has the nodes ready that any distribution of its chunks can need", () => {
    const gate = new AllocationGate();
    const pool = newPool(gate);
    const random = new Random(5);
    const caches = Array.from({ length: 40 }, () => new ChunkedPageCache(pool));
    for (let i = 0; i < 4000; i += 1) caches[i % 40].insert((i % 3 === 0 ? random.below(100_000) : i) * CHUNK + (i % CHUNK), i);
    gate.failAfter(0, Infinity);
    const { bytes } = pool;
    for (let i = 0; i < 39; i += 1)
      caches[i].moveAllTo(
        caches[i + 1],
        () => {},
        () => {},
      );
    expect([pool.treesInUse, pool.bytes]).to.deep.equal([1, bytes]);
  });
});
