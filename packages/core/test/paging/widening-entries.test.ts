/** Entries that are given more rights, on every machine, against the same by way of an update. */
import { expect } from "chai";
import { READ, USER, WRITE, type PageFlags } from "#src/index.js";
import { PAGE_CACHEABLE, PAGE_USER } from "#src/architecture/rights.js";
import { StaleTranslations } from "#src/paging/stale.js";
import { area, build, installed, machines } from "../fixture.js";

const NARROW: PageFlags = READ | PAGE_USER | PAGE_CACHEABLE;
const WIDE: PageFlags = NARROW | WRITE;

describe("entries that are widened", () => {
  for (const architecture of machines) {
    it(`have their frame and marks as before on ${architecture.name}, as after an update`, () => {
      for (const isUsed of [false, true]) {
        const said = (["widen", "update"] as const).map((way) => {
          const machine = build(architecture);
          const { tables, units } = machine.parts;
          const space = installed(machine);
          const base = architecture.layout.user.first + BigInt(16 * units.pageSize);
          area(space, Number(base), 4);
          const page = units.pageOf(base);
          machine.write32(base, 7);
          expect(tables.find(space.context, page)).to.equal(true);
          const { frame } = tables.found;
          tables.update(space.context, page, NARROW, new StaleTranslations());
          if (isUsed) tables.mark(space.context, page, true);
          if (way === "widen") tables.widen(space.context, page, frame, WIDE);
          else tables.update(space.context, page, WIDE, new StaleTranslations());
          expect(tables.find(space.context, page)).to.equal(true);
          expect(tables.found.frame).to.equal(frame);
          const { steps, ...walk } = tables.walk(space.context, base, WRITE, USER);
          return { found: { ...tables.found }, words: steps.map((step) => ({ ...step })), ...walk };
        });
        expect(said[0]).to.deep.equal(said[1]);
      }
    });

    it(`are refused on ${architecture.name} where the page is absent, has another frame, or would permit less`, () => {
      const machine = build(architecture);
      const { tables, units } = machine.parts;
      const space = installed(machine);
      const base = architecture.layout.user.first + BigInt(16 * units.pageSize);
      area(space, Number(base), 4);
      const page = units.pageOf(base);
      machine.write32(base, 7);
      expect(tables.find(space.context, page)).to.equal(true);
      const { frame } = tables.found;
      expect(tables.widen(space.context, page + 1, frame, WIDE)).to.equal(false);
      expect(tables.find(space.context, page + 1)).to.equal(false);
      expect(() => tables.widen(space.context, page, frame + 1, WIDE)).to.throw("another frame than it has");
      expect(() => tables.widen(space.context, page, frame, NARROW)).to.throw("widening an entry took rights away");
    });
  }
});
