import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { checkTree } from "#src/collections/check.js";
import { ORDER } from "#src/collections/node-pool.js";
import { NONE, OrderedMap, OrderedPool } from "#src/collections/ordered-map.js";
import { PortolanError } from "#src/errors.js";
import { Random } from "#src/random.js";

const newPool = (gate = new AllocationGate(), values: "int32" | "float64" = "float64"): OrderedPool =>
  new OrderedPool({ values, gate, bounds: true });

/** All entries as the map shows them, forwards; and the same seen backwards must agree. */
const dump = (pool: OrderedPool, root: number): [number, number][] => {
  const forwards: [number, number][] = [];
  for (let at = pool.first(root); at !== NONE; at = pool.next(at)) forwards.push([pool.keyAt(at), pool.valueAt(at)]);
  const backwards: [number, number][] = [];
  for (let at = pool.last(root); at !== NONE; at = pool.previous(at)) backwards.push([pool.keyAt(at), pool.valueAt(at)]);
  expect(backwards.reverse()).to.deep.equal(forwards);
  return forwards;
};

const keyOr = (pool: OrderedPool, at: number): number => (at === NONE ? NONE : pool.keyAt(at));

describe("an ordered map", () => {
  it("costs nothing while it is empty", () => {
    const pool = newPool();
    expect([pool.find(0, 1), pool.first(0), pool.last(0), pool.findAtOrBelow(0, 9), pool.findAbove(0, 0), pool.count(0)]).to.deep.equal([
      NONE,
      NONE,
      NONE,
      NONE,
      NONE,
      0,
    ]);
    expect(pool.leavesInUse).to.equal(0);
  });

  it("agrees with a sorted array over thousands of operations on several maps of one pool", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(60, 600, 4000), fc.boolean(), (seed, range, isInt) => {
        const random = new Random(seed);
        const pool = newPool(new AllocationGate(), isInt ? "int32" : "float64");
        const roots = [0, 0, 0];
        const models = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
        let mood = 0;
        for (let step = 0; step < 4000; step += 1) {
          if (step % 400 === 0) mood = random.below(3);
          const which = random.below(3);
          const model = models[which];
          const key = random.below(4) === 0 ? (step * 3) % range : random.below(range);
          const isAdding = random.below(10) < [8, 5, 2][mood];
          if (isAdding && !model.has(key)) {
            roots[which] = pool.insert(roots[which], key, step % 7);
            model.set(key, step % 7);
          } else if (!isAdding && model.has(key)) {
            roots[which] = pool.remove(roots[which], key);
            model.delete(key);
          }
          const root = roots[which];
          const probe = random.below(range + 2) - 1;
          const found = pool.find(root, probe);
          expect(found === NONE ? undefined : pool.valueAt(found)).to.equal(model.get(probe));
          if (step % 16 !== 0) continue;
          const sorted = [...model.keys()].sort((a, b) => a - b);
          expect(keyOr(pool, pool.findAtOrBelow(root, probe))).to.equal(sorted.findLast((k) => k <= probe) ?? NONE);
          expect(keyOr(pool, pool.findBelow(root, probe))).to.equal(sorted.findLast((k) => k < probe) ?? NONE);
          expect(keyOr(pool, pool.findAtOrAbove(root, probe))).to.equal(sorted.find((k) => k >= probe) ?? NONE);
          expect(keyOr(pool, pool.findAbove(root, probe))).to.equal(sorted.find((k) => k > probe) ?? NONE);
          if (step % 128 !== 0) continue;
          expect(checkTree(pool, root).entries).to.equal(model.size);
          expect(dump(pool, root)).to.deep.equal(sorted.map((k) => [k, model.get(k)]));
        }
        const figures = roots.map((root) => checkTree(pool, root));
        expect(figures.reduce((sum, f) => sum + f.leaves, 0)).to.equal(pool.leavesInUse);
        expect(figures.reduce((sum, f) => sum + f.inners, 0)).to.equal(pool.innersInUse);
        for (const root of roots) pool.clear(root);
        expect([pool.leavesInUse, pool.innersInUse]).to.deep.equal([0, 0]);
      }),
      { numRuns: 12, seed: 20060501 },
    );
  });

  it("keeps full leaves behind when keys ascend, and is well filled whatever their order", () => {
    const pool = newPool();
    let ascending = 0;
    for (let key = 0; key < 20_000; key += 1) ascending = pool.insert(ascending, key, key);
    expect(checkTree(pool, ascending).leaves).to.equal(625);
    const random = new Random(5);
    let shuffled = 0;
    const seen = new Set<number>();
    while (seen.size < 20_000) {
      const key = random.below(2 ** 32);
      if (!seen.has(key)) shuffled = pool.insert(shuffled, key, 0);
      seen.add(key);
    }
    expect(20_000 / ORDER / checkTree(pool, shuffled).leaves).to.be.greaterThan(0.72);
    let descending = 0;
    for (let key = 20_000; key > 0; key -= 1) descending = pool.insert(descending, key, key);
    expect(20_000 / ORDER / checkTree(pool, descending).leaves).to.be.greaterThan(0.6);
  });

  it("visits at most ⌈log16 n⌉ + 2 nodes on the way down", () => {
    const random = new Random(9);
    const pool = newPool();
    let root = 0;
    for (let n = 1; n <= 60_000; n += 1) {
      const key = random.below(2 ** 32) * 2 ** 20 + n;
      root = pool.insert(root, key, n);
      const limit = Math.ceil(Math.log(n) / Math.log(16)) + 2;
      if (n % 997 === 0) expect(pool.height(root)).to.be.at.most(limit);
    }
  });

  it("takes keys up to 2^53 − 1 and values that are 0 (HD-24)", () => {
    const pool = newPool();
    let root = 0;
    for (const key of [0, 2 ** 31, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER]) root = pool.insert(root, key, 0);
    expect(pool.valueAt(pool.find(root, 0))).to.equal(0);
    expect(pool.keyAt(pool.last(root))).to.equal(Number.MAX_SAFE_INTEGER);
    expect(pool.find(root, 2 ** 31 + 1)).to.equal(NONE);
  });

  it("HD-01: leaves no trace of what was removed, not even of the last entry", () => {
    const pool = newPool();
    const root = pool.insert(0, 16, 7);
    expect(pool.remove(root, 16)).to.equal(0);
    expect(pool.find(root, 16)).to.equal(NONE);
    const again = pool.insert(0, 17, 8);
    expect(pool.find(again, 16)).to.equal(NONE);
    expect(dump(pool, again)).to.deep.equal([[17, 8]]);
  });

  it("moves separators along when a key changes between its neighbours", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed);
        const pool = newPool();
        const keys: number[] = [];
        let root = 0;
        for (let i = 0; i < 600; i += 1) {
          keys.push(i * 10);
          root = pool.insert(root, i * 10, i);
        }
        for (let step = 0; step < 600; step += 1) {
          const i = random.below(keys.length);
          if (random.below(4) === 0) {
            root = pool.remove(root, keys[i]);
            keys.splice(i, 1);
            continue;
          }
          const low = i === 0 ? 0 : keys[i - 1] + 1;
          const high = i + 1 < keys.length ? keys[i + 1] - 1 : keys[i] + 10;
          const to = low + random.below(high - low + 1);
          pool.rekey(root, keys[i], to);
          keys[i] = to;
          if (step % 20 === 0) checkTree(pool, root);
        }
        expect(dump(pool, root).map(([key]) => key)).to.deep.equal(keys);
      }),
      { numRuns: 25, seed: 7 },
    );
  });

  it("refuses a key twice and the removal of an absent one, as mistakes of the caller", () => {
    const pool = newPool();
    const root = pool.insert(0, 5, 1);
    expect(() => pool.insert(root, 5, 2)).to.throw("in the map already");
    expect(() => pool.remove(root, 6)).to.throw("not in the map");
    expect(dump(pool, root)).to.deep.equal([[5, 1]]);
  });

  it("changes nothing when the node for an insertion is refused, and inserts afterwards", () => {
    const gate = new AllocationGate();
    const pool = newPool(gate);
    const random = new Random(3);
    let root = 0;
    let refusals = 0;
    for (let i = 0; i < 5000; i += 1) {
      const key = random.below(2 ** 32);
      if (pool.find(root, key) !== NONE) continue;
      gate.failAfter(0);
      try {
        root = pool.insert(root, key, i);
      } catch (error) {
        expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_OUT_OF_MEMORY");
        refusals += 1;
        expect(pool.find(root, key)).to.equal(NONE);
        expect(checkTree(pool, root).entries).to.equal(i);
        root = pool.insert(root, key, i);
      }
      gate.disarm();
    }
    expect(refusals).to.be.greaterThan(120);
    expect(checkTree(pool, root).entries).to.equal(pool.count(root));
  });

  it("keeps a promise of nodes even when memory runs out right after", () => {
    const gate = new AllocationGate();
    const pool = newPool(gate);
    let root = 0;
    for (let i = 0; i < 3000; i += 1) {
      pool.reserve(1);
      gate.failAfter(0, Infinity);
      root = pool.insert(root, (i * 7919) % 3001, i);
      gate.disarm();
      expect(pool.reserved).to.equal(0);
    }
    gate.failAfter(0);
    expect(() => pool.reserve(1)).to.throw(PortolanError);
    expect(pool.reserved).to.equal(0);
    expect(checkTree(pool, root).entries).to.equal(3000);
  });

  it("keeps within its budget of nodes, with a typed error at the end of it", () => {
    const pool = new OrderedPool({ values: "int32", gate: new AllocationGate(), maxNodes: 3, name: "small" });
    let root = 0;
    for (let key = 0; key < 96; key += 1) root = pool.insert(root, key, key);
    expect(() => pool.insert(root, 96, 96))
      .to.throw(PortolanError, "small")
      .with.property("code", "ERR_OUT_OF_MEMORY");
    expect(dump(pool, root)).to.have.length(96);
  });

  it("is also an object that leaves what it found in key and value", () => {
    const map = new OrderedMap(newPool());
    expect([map.insert(5, 0), map.insert(5, 9), map.insert(8, 1), map.size]).to.deep.equal([true, false, true, 2]);
    expect([map.findAtOrAbove(6), map.key, map.value]).to.deep.equal([true, 8, 1]);
    expect([map.findBelow(8), map.key, map.value]).to.deep.equal([true, 5, 0]);
    expect([map.findAtOrBelow(4), map.findAbove(8), map.has(6)]).to.deep.equal([false, false, false]);
    map.set(8, 4);
    expect([map.findLast(), map.value, map.findFirst(), map.value]).to.deep.equal([true, 4, true, 0]);
    expect([map.remove(5), map.remove(5), map.size]).to.deep.equal([true, false, 1]);
    const seen: number[] = [];
    for (const key of [9, 10, 11]) map.insert(key, key);
    map.each(9, (key) => seen.push(key) < 2);
    expect([seen, map.get(8, -1), map.get(7, -1)]).to.deep.equal([[9, 10], 4, -1]);
    map.clear();
    expect([map.size, map.has(8)]).to.deep.equal([0, false]);
  });
});

describe("the allocation gate", () => {
  it("refuses exactly the allocations it is armed for", () => {
    const gate = new AllocationGate();
    const outcome = (): string => {
      try {
        gate.pass("thing");
        return "passed";
      } catch (error) {
        return error instanceof PortolanError ? error.code : "other";
      }
    };
    gate.failAfter(1, 2);
    const no = "ERR_OUT_OF_MEMORY";
    expect([outcome(), outcome(), outcome(), outcome()]).to.deep.equal(["passed", no, no, "passed"]);
    gate.failAfter(0, Infinity);
    expect([outcome(), outcome()]).to.deep.equal([no, no]);
    gate.disarm();
    expect([outcome(), gate.count]).to.deep.equal(["passed", 7]);
  });
});
