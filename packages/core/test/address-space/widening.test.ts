/** Entries that are narrower than their area: widened in place, and seen by every processor that holds the old one. */
import { expect } from "chai";
import { assertInvariants, PAGE_CACHEABLE, PAGE_USER, READ, StaleTranslations, WRITE, type SoftwareCache } from "#src/index.js";
import { area, build, fewAsids, installed, machines } from "../fixture.js";

for (const architecture of machines) {
  it(`C-13.3: what a TLB of ${architecture.name} holds of a narrower entry is forgotten when the fault is served, on each processor`, () => {
    const size = 2 ** architecture.pageShift;
    const machine = build(fewAsids(architecture), { cpus: 3 });
    const space = installed(machine, 0);
    for (const cpu of [1, 2]) machine.switchTo(space, cpu);
    area(space, 16 * size, 1);
    const { tables } = machine.parts;
    for (const [narrow, access] of [
      [READ, WRITE],
      [WRITE, READ],
    ] as const) {
      machine.write32(16 * size, 5);
      tables.update(space.context, 16, narrow | PAGE_USER | PAGE_CACHEABLE, new StaleTranslations());
      for (const cpu of machine.cpus) cpu.invalidateAll();
      space.context.cache?.invalidate(0, Infinity);
      tables.find(space.context, 16);
      const { frame } = tables.found;
      const { free } = machine.parts.frames;
      // Each processor holds the narrower entry before the first of them asks for more.
      for (const cpu of [0, 1, 2]) expect(machine.translate(16 * size, narrow, cpu)).not.to.equal(null);
      for (const cpu of [0, 1, 2]) {
        expect(machine.translate(16 * size, access, cpu), `processor ${cpu} wants ${access}`).not.to.equal(null);
        expect(space.verdict.rule).to.equal("served");
      }
      tables.find(space.context, 16);
      expect(tables.found.frame).to.equal(frame);
      expect(machine.parts.frames.free).to.equal(free);
      expect(machine.read32(16 * size)).to.equal(5);
      assertInvariants(machine);
    }
  });

  it(`C-6.1: a software cache on ${architecture.name} forgets the narrower entry too`, () => {
    const size = 2 ** architecture.pageShift;
    const machine = build(architecture);
    const space = installed(machine);
    area(space, 16 * size, 1);
    machine.write32(16 * size, 5);
    const forgotten: [number, number][] = [];
    const cache = space.context.cache ?? none();
    const forget = cache.invalidate.bind(cache);
    cache.invalidate = (page, count) => {
      forgotten.push([page, count]);
      forget(page, count);
    };
    space.context.cache = cache;
    machine.parts.tables.update(space.context, 16, READ | PAGE_USER | PAGE_CACHEABLE, new StaleTranslations());
    machine.cpu(0).invalidateAll();
    cache.invalidate(16, 1);
    forgotten.length = 0;
    expect(machine.write32(16 * size, 6)).to.equal(true);
    expect(forgotten).to.deep.equal([[16, 1]]);
    machine.switchToKernel();
    space.destroy();
    expect(forgotten).to.deep.equal([
      [16, 1],
      [16, 1],
    ]);
    assertInvariants(machine);
  });
}

/** A cache that holds nothing, for machines that have none. */
const none = (): SoftwareCache => ({
  invalidate: () => {},
  install: () => {},
  deinstall: () => {},
  bytes: 0,
  eachFrame: () => {},
  eachTranslation: () => {},
  explain: () => {
    throw new Error("not asked");
  },
});
