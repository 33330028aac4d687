import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { AreaTable, NO_AREA } from "#src/area/area-table.js";
import { AreaTree } from "#src/area/area-tree.js";
import { checkTree } from "#src/collections/check.js";
import { ORDER } from "#src/collections/node-pool.js";
import { PortolanError } from "#src/errors.js";
import { Random } from "#src/random.js";

const PLAIN = { partial: false, guard: false };
const GUARDED = { partial: false, guard: true };

const newSpace = (): { table: AreaTable; tree: AreaTree; add: (first: number, pages: number, guard?: boolean) => number } => {
  const table = new AreaTable();
  const tree = new AreaTree(table);
  const add = (first: number, pages: number, guard = false): number => {
    const area = table.create(0, first, pages, 1, guard ? GUARDED : PLAIN);
    tree.insert(area);
    return area;
  };
  return { table, tree, add };
};

interface Naive {
  first: number;
  pages: number;
  guard: boolean;
  area: number;
}

const between = (a: boolean, b: boolean): number => (a || b ? 1 : 0);

const collides = (areas: readonly Naive[], first: number, pages: number, avoid: number, guard: boolean): boolean =>
  areas.some((a) => {
    const gap = between(a.guard, guard);
    return a.area !== avoid && first < a.first + a.pages + gap && a.first < first + pages + gap;
  });

const lowestFree = (areas: readonly Naive[], pages: number, lowest: number, highest: number, guard: boolean): number => {
  for (let first = lowest; first + pages - 1 <= highest; first += 1) if (!collides(areas, first, pages, -1, guard)) return first;
  return -1;
};

const highestFree = (areas: readonly Naive[], pages: number, lowest: number, highest: number, guard: boolean): number => {
  for (let first = highest - pages + 1; first >= lowest; first -= 1) if (!collides(areas, first, pages, -1, guard)) return first;
  return -1;
};

describe("the areas of a space", () => {
  it("are found by any page of theirs and by no other", () => {
    const { tree, add } = newSpace();
    const low = add(10, 4);
    const high = add(20, 1);
    expect([9, 10, 13, 14, 19, 20, 21].map((page) => tree.find(page))).to.deep.equal([-1, low, low, -1, -1, high, -1]);
    expect([tree.atOrAbove(14), tree.atOrAbove(12), tree.atOrAbove(21)]).to.deep.equal([high, low, -1]);
  });

  it("HD-01: are gone when destroyed, the only one too, and their place is free again", () => {
    const { table, tree, add } = newSpace();
    const area = add(16, 1);
    expect(tree.find(16)).to.equal(area);
    tree.remove(area);
    table.destroy(area);
    expect([tree.find(16), tree.conflict(16, 1, NO_AREA, false), tree.first(), tree.count]).to.deep.equal([-1, -1, -1, 0]);
    const again = add(16, 1);
    expect(tree.find(16)).to.equal(again);
  });

  it("are found by the pages that they inherit from a neighbour that is taken out", () => {
    const { table, tree, add } = newSpace();
    const low = add(16, 4);
    const high = add(20, 4);
    expect(tree.find(21)).to.equal(high);
    table.setPages(low, 8);
    tree.remove(high, low);
    table.destroy(high);
    expect([15, 16, 21, 23, 24].map((page) => tree.find(page))).to.deep.equal([-1, low, low, low, -1]);
    expect([tree.next(low), tree.previous(low), tree.count]).to.deep.equal([-1, -1, 1]);
  });

  it("HD-12: may end with the address space, and are found and defended there", () => {
    const { tree, add } = newSpace();
    const top = 2 ** 52;
    const area = add(top - 4, 4);
    expect([top - 4, top - 3, top - 1].map((page) => tree.find(page))).to.deep.equal([area, area, area]);
    expect(tree.conflict(top - 2, 2, NO_AREA, false)).to.equal(area);
    expect(tree.conflict(top - 6, 2, NO_AREA, false)).to.equal(-1);
    expect(tree.conflict(top - 6, 2, NO_AREA, true)).to.equal(area);
    expect(tree.findFree(2, top - 5, top - 1, false)).to.equal(-1);
    expect(tree.findFree(2, top - 6, top - 1, false)).to.equal(top - 6);
    expect(newSpace().tree.findFree(4, top - 4, top - 1, true)).to.equal(top - 4);
  });

  it("HD-14: never count the area to avoid, wherever in the tree it and its neighbours lie", () => {
    const { table, tree, add } = newSpace();
    const areas: number[] = [];
    for (let i = 1; i <= 300; i += 1) areas.push(add(i * 10, 5));
    for (const [i, area] of areas.entries()) {
      const first = table.firstOf(area);
      expect(tree.conflict(first, 10, area, false)).to.equal(-1);
      expect(tree.conflict(first + 2, 3, area, false)).to.equal(-1);
      expect(tree.conflict(first - 5, 10, area, false)).to.equal(-1);
      expect(tree.conflict(first, 5, NO_AREA, false)).to.equal(area);
      if (i + 1 < areas.length) expect(tree.conflict(first, 11, area, false)).to.equal(areas[i + 1]);
      if (i > 0) expect(tree.conflict(first - 6, 10, area, false)).to.equal(areas[i - 1]);
      if (i > 0) expect(tree.conflict(first - 5, 10, area, true)).to.equal(areas[i - 1]);
    }
  });

  it("HD-28: are asked for exactly the pages from the base on, so the same size never conflicts", () => {
    const { tree, add } = newSpace();
    const area = add(16, 4);
    add(20, 1);
    expect(tree.conflict(16, 4, area, false)).to.equal(-1);
    expect(tree.conflict(16, 5, area, false)).not.to.equal(-1);
  });

  it("agree with a naive list over thousands of operations: find, conflict, order, and the lowest free range", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(120, 900, 5000), fc.integer({ min: 0, max: 4 }), (seed, range, guards) => {
        const random = new Random(seed);
        const { table, tree, add } = newSpace();
        const naive: Naive[] = [];
        for (let step = 0; step < 2200; step += 1) {
          const kind = random.below(step % 700 < 450 ? 8 : 14);
          const pages = 1 + random.below(random.below(4) === 0 ? 12 : 3);
          const guard = random.below(8) < guards;
          const low = random.below(range);
          if (kind < 3) {
            const expected = collides(naive, low, pages, -1, guard);
            expect(tree.conflict(low, pages, NO_AREA, guard) >= 0).to.equal(expected);
            if (!expected) naive.push({ first: low, pages, guard, area: add(low, pages, guard) });
          } else if (kind < 6) {
            const lowest = random.below(2) === 0 ? 0 : low;
            const highest = random.below(2) === 0 ? range : Math.min(range, lowest + random.below(300));
            const first = tree.findFree(pages, lowest, highest, guard);
            expect(first).to.equal(lowestFree(naive, pages, lowest, highest, guard));
            if (first >= 0) naive.push({ first, pages, guard, area: add(first, pages, guard) });
          } else if (naive.length > 0) {
            const at = random.below(naive.length);
            const one = naive[at];
            if (kind === 6) {
              const isFree = !collides(naive, one.first, pages, one.area, one.guard);
              expect(tree.conflict(one.first, pages, one.area, one.guard) < 0).to.equal(isFree);
              if (isFree) {
                one.pages = pages;
                table.setPages(one.area, pages);
                tree.resized(one.area);
              } else if (one.pages > 1) {
                const cut = 1 + random.below(one.pages - 1);
                one.first += cut;
                one.pages -= cut;
                tree.frontMoved(one.area, one.first);
                expect([table.firstOf(one.area), table.pagesOf(one.area)]).to.deep.equal([one.first, one.pages]);
              }
            } else {
              tree.remove(one.area);
              table.destroy(one.area);
              naive.splice(at, 1);
            }
          }
          const top = low + random.below(300);
          expect(tree.findFreeFromTop(pages, low, top, guard)).to.equal(highestFree(naive, pages, low, top, guard));
          if (step % 16 === 0) expect(tree.findFreeFromTop(pages, 0, range, guard)).to.equal(highestFree(naive, pages, 0, range, guard));
          expect(tree.find(low)).to.equal(naive.find((a) => a.first <= low && low < a.first + a.pages)?.area ?? -1);
          if (step % 100 !== 0) continue;
          expect(checkTree(table.trees, tree.root).entries).to.equal(naive.length);
          const order = [...naive].sort((a, b) => a.first - b.first).map((a) => a.area);
          const seen: number[] = [];
          for (let area = tree.first(); area >= 0; area = tree.next(area)) seen.push(area);
          expect(seen).to.deep.equal(order);
          const back: number[] = [];
          for (let area = tree.last(); area >= 0; area = tree.previous(area)) back.push(area);
          expect(back.reverse()).to.deep.equal(order);
        }
      }),
      { numRuns: 20, seed: 20110203 },
    );
  });

  it("are searched for room without looking at every area again and again", () => {
    const { table, tree, add } = newSpace();
    for (let i = 0; i < 20_000; i += 1) add(i * 3, 2);
    expect(tree.findFree(2, 0, 59_999, false)).to.equal(-1);
    // The bounds are tight now: asked again, the search stops at the root.
    const root = -tree.root * ORDER;
    const bounds = table.trees.innerBounds.slice(root, root + table.trees.innerCount[-tree.root] - 1);
    expect(Math.max(...bounds)).to.equal(1);
    const victim = tree.find(30_000);
    tree.remove(victim);
    table.destroy(victim);
    expect(tree.findFree(4, 0, 59_999, false)).to.equal(29_999);
    expect(tree.findFreeFromTop(4, 0, 59_998, false)).to.equal(29_999);
  });

  it("are searched for room from the top as quickly", () => {
    const { table, tree, add } = newSpace();
    for (let i = 0; i < 20_000; i += 1) add(i * 3, 2);
    expect(tree.findFreeFromTop(2, 0, 59_999, false)).to.equal(-1);
    const root = -tree.root * ORDER;
    const bounds = table.trees.innerBounds.slice(root, root + table.trees.innerCount[-tree.root] - 1);
    expect(Math.max(...bounds)).to.equal(1);
    expect(checkTree(table.trees, tree.root).entries).to.equal(20_000);
    expect(tree.findFreeFromTop(2, 0, 60_000, false)).to.equal(59_999);
  });

  it("stay as they are when the node for one more is refused", () => {
    const gate = new AllocationGate();
    const table = new AreaTable(gate);
    const tree = new AreaTree(table);
    let refusals = 0;
    for (let i = 0; i < 2000; i += 1) {
      const area = table.create(0, (i * 7919) % 100_003, 1, 1, PLAIN);
      gate.failAfter(0);
      try {
        tree.insert(area);
      } catch (error) {
        expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_OUT_OF_MEMORY");
        refusals += 1;
        expect([tree.count, tree.find(table.firstOf(area))]).to.deep.equal([i, -1]);
        tree.insert(area);
      }
      gate.disarm();
    }
    expect(refusals).to.be.greaterThan(50);
    expect(checkTree(table.trees, tree.root).entries).to.equal(2000);
  });
});
