import { expect } from "chai";
import { AllocationGate } from "#src/allocation-gate.js";
import { COPY_ON_WRITE } from "#src/area/area-flags.js";
import { AreaTable, NO_AREA } from "#src/area/area-table.js";
import { AreaTree } from "#src/area/area-tree.js";
import type { Backend } from "#src/backends/backend.js";
import { ORDER } from "#src/collections/node-pool.js";
import { PortolanError } from "#src/errors.js";
import type { MemoryObject } from "#src/objects/memory-object.js";
import { Random } from "#src/random.js";

const PLAIN = { partial: false, guard: false };

const anObject = (): MemoryObject => ({
  kind: "custom",
  isResizable: true,
  supply: () => -1,
  isPrivate: () => false,
  describe: () => "nothing",
  link: () => undefined,
  unlink: () => undefined,
  links: 0,
  eachHeld: () => undefined,
});

const aBackend = (name: string): Backend => ({ name, isShareable: false, canChangeFlags: false, open: anObject });

describe("the table of areas", () => {
  it("keeps every property of every area apart, while it grows and rows come back", () => {
    const random = new Random(4);
    const table = new AreaTable();
    const objects = Array.from({ length: 20 }, anObject);
    const backends = Array.from({ length: 5 }, (_, i) => aBackend(`b${i}`));
    const naive = new Map<number, unknown[]>();
    for (let step = 0; step < 6000; step += 1) {
      if (random.below(3) > 0 || naive.size === 0) {
        const first = random.below(2 ** 32) * 2 ** 20;
        const pages = 1 + random.below(2 ** 32);
        const flags = random.below(16);
        const traits = { partial: random.below(2) === 0, guard: random.below(2) === 0 };
        const area = table.create(step, first, pages, flags, traits);
        const object = random.below(4) === 0 ? null : objects[random.below(20)];
        const backend = random.below(4) === 0 ? null : backends[random.below(5)];
        const offset = random.below(2) * random.below(2 ** 32);
        table.setObject(area, object, offset);
        table.setBackend(area, backend);
        expect(naive.has(area)).to.equal(false);
        naive.set(area, [step, first, pages, flags, traits.partial, traits.guard, object, offset, backend]);
      } else {
        const area = [...naive.keys()][random.below(naive.size)];
        table.destroy(area);
        naive.delete(area);
        expect(table.isArea(area)).to.equal(false);
      }
    }
    expect(table.count).to.equal(naive.size);
    for (const [area, expected] of naive) {
      const seen = [
        table.spaceOf(area),
        table.firstOf(area),
        table.pagesOf(area),
        table.flagsOf(area),
        table.isPartial(area),
        table.isGuarded(area),
        table.objectOf(area),
        table.offsetOf(area),
        table.backendOf(area),
      ];
      for (const [i, value] of seen.entries()) expect(value).to.equal(expected[i]);
    }
  });

  it("starts a row afresh: no object, no backend, no offset, nothing used", () => {
    const table = new AreaTable();
    const area = table.create(0, 1, 2, 3, { partial: true, guard: true });
    table.setObject(area, anObject(), 7);
    table.setBackend(area, aBackend("x"));
    table.used.insert(area, 1, 1);
    table.used.insert(area, 5, 1);
    table.destroy(area);
    expect(table.create(1, 9, 9, 1, PLAIN)).to.equal(area);
    expect([
      table.objectOf(area),
      table.backendOf(area),
      table.offsetOf(area),
      table.used.pagesOf(area),
      table.isPartial(area),
    ]).to.deep.equal([null, null, 0, 0, false]);
    expect(table.used.trees.leavesInUse).to.equal(0);
  });

  it("changes flags and the state of building without touching each other", () => {
    const table = new AreaTable();
    const area = table.create(0, 1, 2, 3, { partial: true, guard: true });
    table.setFlags(area, 13);
    table.setPartial(area, false);
    expect([table.flagsOf(area), table.isPartial(area), table.isGuarded(area)]).to.deep.equal([13, false, true]);
    table.setPartial(area, true);
    expect([table.flagsOf(area), table.isPartial(area)]).to.deep.equal([13, true]);
  });

  it("knows a name of an area that is gone from that of the one in the same row", () => {
    const table = new AreaTable();
    const area = table.create(0, 1, 1, 1, PLAIN);
    const name = table.nameOf(area);
    expect(table.areaNamed(name)).to.equal(area);
    table.destroy(area);
    expect(table.areaNamed(name)).to.equal(NO_AREA);
    expect(table.create(0, 1, 1, 1, PLAIN)).to.equal(area);
    expect(table.areaNamed(name)).to.equal(NO_AREA);
    for (const nonsense of [-1, 0.5, 99, NaN, Infinity]) expect(table.areaNamed(nonsense)).to.equal(NO_AREA);
    expect(() => table.destroy(area + 1)).to.throw("holds no area");
  });

  it("cuts a part off an area, which goes on from it until either is changed, and ends a part that is one with it again", () => {
    const table = new AreaTable();
    const object = anObject();
    const area = table.create(3, 100, 50, 3, PLAIN);
    table.setObject(area, object, 7);
    table.setBackend(area, aBackend("b"));
    const part = table.createPart(area, 120, 27);
    table.cutAt(area, part);
    const extents = [area, part].map((each) => [table.firstOf(each), table.pagesOf(each), table.offsetOf(each)]);
    expect(extents).to.deep.equal([
      [100, 20, 7],
      [120, 30, 27],
    ]);
    expect([table.continues(area, part), table.continues(part, area)]).to.deep.equal([true, false]);
    const changes: [change: () => void, back: () => void][] = [
      [() => table.setFlags(part, 1), () => table.setFlags(part, 3)],
      [() => table.setTraits(part, COPY_ON_WRITE), () => table.setTraits(part, 0)],
      [() => table.setPartial(area, true), () => table.setPartial(area, false)],
      [() => table.setPages(area, 19), () => table.setPages(area, 20)],
      [() => table.setObject(part, anObject(), 27), () => table.setObject(part, object, 27)],
      [() => table.setBackend(part, aBackend("c")), () => table.setBackend(part, table.backendOf(area))],
    ];
    for (const [change, back] of changes) {
      change();
      expect(table.continues(area, part)).to.equal(false);
      back();
      expect(table.continues(area, part)).to.equal(true);
    }
    const name = table.nameOf(part);
    table.destroyMerged(part);
    expect([table.areaNamed(name), table.count, table.objectOf(area), table.backendOf(area)?.name]).to.deep.equal([
      NO_AREA,
      1,
      object,
      "b",
    ]);
    table.destroy(area);
    expect(table.objectOf(table.create(3, 1, 1, 3, PLAIN))).to.equal(null);
  });

  it("changes nothing when a record is refused, on a free row and when it has to grow", () => {
    const gate = new AllocationGate();
    const table = new AreaTable(gate, 2);
    for (let i = 0; i < 40; i += 1) {
      gate.failAfter(0);
      expect(() => table.create(0, i, 1, 1, PLAIN))
        .to.throw(PortolanError)
        .with.property("code", "ERR_OUT_OF_MEMORY");
      expect([table.count, table.rows]).to.deep.equal([i, i]);
      table.create(0, i, 1, 1, PLAIN);
    }
    gate.failAfter(0);
    const object = anObject();
    expect(() => table.setObject(3, object, 5)).to.throw(PortolanError);
    expect([table.objectOf(3), table.offsetOf(3)]).to.deep.equal([null, 0]);
  });

  it("keeps very many backends apart", () => {
    const table = new AreaTable();
    const backends = Array.from({ length: 65_600 }, (_, i) => aBackend(String(i)));
    for (const [i, backend] of backends.entries()) {
      table.create(0, i, 1, 1, PLAIN);
      table.setBackend(i, backend);
    }
    expect([0, 65_534, 65_535, 65_599].map((i) => table.backendOf(i)?.name)).to.deep.equal(["0", "65534", "65535", "65599"]);
  });

  it("takes at most 64 bytes an area, with its place in the tree and its used space", () => {
    const areas = 100_000;
    const table = new AreaTable(new AllocationGate(), areas);
    const tree = new AreaTree(table);
    const object = anObject();
    const backend = aBackend("anonymous");
    for (let i = 0; i < areas; i += 1) {
      const area = table.create(0, i * 4, 2, 3, PLAIN);
      tree.insert(area);
      table.setObject(area, object, 0);
      table.setBackend(area, backend);
      table.used.insert(area, i * 4, 1);
    }
    const { leavesInUse, innersInUse } = table.trees;
    const nodes = leavesInUse * (ORDER * 12 + 9) + innersInUse * (ORDER * 20 + 1);
    const records = table.bytes - table.trees.bytes - table.used.trees.bytes;
    expect((records + nodes) / areas).to.be.at.most(64);
  });
});
