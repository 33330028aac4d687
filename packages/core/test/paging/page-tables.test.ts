/** One contract for trees and for the hash: the same operations against the same model, on machines of both kinds. */
import { expect } from "chai";
import fc from "fast-check";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import {
  buildMachine,
  EXECUTE,
  NO_FAULT,
  PAGE_CACHEABLE,
  PAGE_USER,
  READ,
  USER,
  WRITE,
  StaleTranslations,
  type Architecture,
  type Machine,
} from "#src/index.js";
import type { TranslationContext } from "#src/machine/translation-context.js";

const FRAMES = 32;

interface Mapping {
  frame: number;
  flags: number;
  isAccessed: boolean;
  isDirty: boolean;
}

const build = (architecture: Architecture): { machine: Machine; contexts: TranslationContext[] } => {
  const machine = buildMachine(architecture, { memoryBytes: 4 * 2 ** 20 });
  return { machine, contexts: [0, 1].map(() => machine.spaces.create().context) };
};

/** What a machine can say of flags: rights it cannot forbid are there. */
const sayable = ({ can }: Architecture, flags: number): number => flags | (can.forbidRead ? 0 : READ) | (can.forbidExecute ? 0 : EXECUTE);

/** Pages at both ends of the user's range, in clusters that share tables. */
const pagesOf = (architecture: Architecture): number[] => {
  const shift = BigInt(architecture.pageShift);
  const first = Number(architecture.layout.user.first >> shift) + 1;
  const last = Number(architecture.layout.user.last >> shift);
  return [0, 1, 2, 3, 1022, 1023, 1024, 5000].flatMap((distance) => [first + distance, last - distance]);
};

describe("page tables of either kind", () => {
  for (const architecture of [abs32le, ia32, sparc64]) {
    const pages = pagesOf(architecture);
    const operation = fc.record({
      kind: fc.constantFrom("insert", "insert", "remove", "update", "mark", "mark", "age", "each"),
      space: fc.nat({ max: 1 }),
      page: fc.constantFrom(...pages),
      frame: fc.integer({ min: 1, max: FRAMES }),
      flags: fc.constantFrom(READ, READ | WRITE, READ | EXECUTE).map((rights) => rights | PAGE_USER | PAGE_CACHEABLE),
      dirty: fc.boolean(),
    });

    it(`agree with a map over random operations on ${architecture.name}`, () => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
          const { machine, contexts } = build(architecture);
          const { tables, frames, units } = machine.parts;
          const free = frames.free;
          const debt = new StaleTranslations();
          const models = [new Map<number, Mapping>(), new Map<number, Mapping>()];
          const settle = (): void =>
            debt.settle(
              () => undefined,
              (unit) => tables.freeTable(unit),
            );
          for (const { kind, space, page, frame, flags, dirty } of operations) {
            const context = contexts[space];
            const model = models[space];
            const before = model.get(page);
            if (kind === "insert" && before === undefined) {
              tables.insert(context, page, frame, flags);
              model.set(page, { frame, flags, isAccessed: false, isDirty: false });
            } else if (kind === "remove") {
              expect(tables.remove(context, page, debt)).to.equal(before !== undefined);
              if (before !== undefined) expect(tables.found.frame).to.equal(before.frame);
              model.delete(page);
            } else if (kind === "update" && before !== undefined) {
              const owed = debt.pages;
              tables.update(context, page, flags, debt);
              const isWeaker = (sayable(architecture, before.flags) & ~sayable(architecture, flags)) !== 0;
              expect(debt.pages - owed, "a weaker entry is a debt").to.equal(isWeaker ? 1 : 0);
              before.flags = flags;
            } else if (kind === "mark" && before !== undefined) {
              tables.mark(context, page, dirty);
              before.isAccessed = true;
              before.isDirty ||= dirty;
            } else if (kind === "age") {
              const owed = debt.pages;
              expect(tables.testAndClearAccessed(context, page, debt)).to.equal(before?.isAccessed ?? false);
              expect(debt.pages - owed, "a translation that would not mark again is a debt").to.equal(before?.isAccessed === true ? 1 : 0);
              if (before !== undefined) before.isAccessed = false;
            } else if (kind === "each") {
              const low = Math.min(page, ...pages.slice(0, 4));
              const seen: [number, number][] = [];
              tables.each(context, low, page - low + 1, (at, found) => seen.push([at, found.frame]) > 0);
              const expected = [...model].filter(([at]) => at >= low && at <= page).map(([at, mapping]) => [at, mapping.frame]);
              expect(seen).to.deep.equal(expected.sort((one, other) => one[0] - other[0]));
            }
            settle();
          }
          contexts.forEach((context, space) => {
            for (const page of pages) {
              const mapping = models[space].get(page);
              expect(tables.find(context, page)).to.equal(mapping !== undefined);
              const address = units.addressOf(page) + 5n;
              const walk = tables.walk(context, address, READ, USER);
              expect(walk.reason === NO_FAULT).to.equal(mapping !== undefined);
              if (mapping === undefined) continue;
              expect(walk.physical).to.equal(BigInt(mapping.frame * units.pageSize + 5));
              const { flags, isAccessed, isDirty } = mapping;
              expect(tables.found.frame).to.equal(mapping.frame);
              expect(tables.found.flags, "HD-45: marks begin clear").to.equal(
                sayable(architecture, flags) | (isAccessed ? 64 : 0) | (isDirty ? 128 : 0),
              );
              tables.remove(context, page, debt);
              settle();
            }
          });
          expect(frames.free, "every table is given back").to.equal(free);
        }),
        { numRuns: 60 },
      );
    });

    it(`HD-45: inserting a page that is there is an error of ours on ${architecture.name} too, and changes nothing`, () => {
      const { machine, contexts } = build(architecture);
      const { tables } = machine.parts;
      tables.insert(contexts[0], pages[0], 3, READ | PAGE_USER);
      expect(() => tables.insert(contexts[0], pages[0], 4, READ | WRITE | PAGE_USER)).to.throw("mapped already");
      tables.find(contexts[0], pages[0]);
      expect(tables.found.frame).to.equal(3);
      expect(tables.found.flags & WRITE).to.equal(0);
    });

    it(`HD-48: what is found on ${architecture.name} is a copy that later changes do not reach`, () => {
      const { machine, contexts } = build(architecture);
      const { tables } = machine.parts;
      tables.insert(contexts[0], pages[0], 3, READ | PAGE_USER);
      tables.find(contexts[0], pages[0]);
      const copy = { ...tables.found };
      tables.remove(contexts[0], pages[0], new StaleTranslations());
      expect(tables.found).to.deep.equal(copy);
    });

    it(`maps one page of two spaces to two frames on ${architecture.name}`, () => {
      const { machine, contexts } = build(architecture);
      const { tables } = machine.parts;
      contexts.forEach((context, i) => tables.insert(context, pages[0], 3 + i, READ | PAGE_USER));
      expect(contexts.map((context) => tables.find(context, pages[0]) && tables.found.frame)).to.deep.equal([3, 4]);
    });
  }
});
