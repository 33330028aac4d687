/** Page tables of either kind against a map, operation by operation; what an entry comes to say is asked of tables that only insert and mark. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { arm, arm32 } from "@portolan/arch-arm";
import { arm64With } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { riscv64 } from "@portolan/arch-riscv64";
import { sparc64 } from "@portolan/arch-sparc64";
import { AllocationGate } from "#src/allocation-gate.js";
import type { Architecture } from "#src/architecture/architecture.js";
import { fieldBits, type Field } from "#src/architecture/entry-format.js";
import { ABSENT } from "#src/architecture/faults.js";
import {
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  rightsFor,
  USER,
  WRITE,
  type PageFlags,
} from "#src/architecture/rights.js";
import { Events, type PortolanEvent } from "#src/events.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { HashedTables } from "#src/paging/hashed.js";
import { HierarchicalTables } from "#src/paging/hierarchical.js";
import { StaleTranslations } from "#src/paging/stale.js";
import { Random } from "#src/random.js";
import { wide64 } from "../wide64.js";

const MARKS = PAGE_ACCESSED | PAGE_DIRTY;

/** What was asked for, and the marks that were made. */
interface Entry {
  readonly frame: number;
  readonly flags: PageFlags;
  readonly marks: number;
}

const tablesOf = (architecture: Architecture) => {
  const { byteOrder, physicalBits, pageShift } = architecture;
  const memory = new PhysicalMemory({
    bytes: 256 * 2 ** pageShift,
    base: 16 * 2 ** pageShift,
    physicalBits,
    byteOrder,
    frameShift: pageShift,
  });
  const frames = new ZonedFrames(memory, new AllocationGate());
  const events = new Events();
  const kind = architecture.translation.kind === "hashed" ? HashedTables : HierarchicalTables;
  const tables = new kind(architecture, memory, frames, events);
  const kernel = new TranslationContext(0, true, 0);
  tables.create(kernel);
  const users = [5, 6].map((id) => {
    const context = new TranslationContext(id, false, id);
    tables.create(context);
    return context;
  });
  return { tables, memory, events, kernel, users };
};

/** What an entry says that was inserted and marked, and nothing else. */
const sayings = (architecture: Architecture) => {
  const { tables, kernel, users } = tablesOf(architecture);
  const known = new Map<string, { rights: number; flags: number }>();
  return (isKernels: boolean, page: number, { flags, marks }: Entry): { rights: number; flags: number } => {
    const key = `${isKernels} ${flags} ${marks}`;
    let says = known.get(key);
    if (says !== undefined) return says;
    const context = isKernels ? kernel : (users[0] ?? kernel);
    tables.insert(context, page, 100, flags);
    if (marks !== 0) tables.mark(context, page, (marks & PAGE_DIRTY) !== 0);
    tables.find(context, page);
    says = { rights: tables.found.rights, flags: tables.found.flags };
    known.set(key, says);
    const debt = new StaleTranslations();
    tables.remove(context, page, debt);
    debt.settle(
      () => {},
      (unit) => tables.freeTable(unit),
    );
    return says;
  };
};

const abs32be: Architecture = { ...abs32le, name: "abs32be", byteOrder: "big" };
const machines = [
  abs32le,
  abs32be,
  ia32,
  amd64,
  arm32,
  arm({ processor: "cortexa9", ttbcrN: 2 }),
  arm64With({ granule: 4 }),
  riscv64,
  wide64,
  sparc64,
];

describe("page tables and a map", () => {
  for (const architecture of machines) {
    it(`agree on ${architecture.name}: what is mapped, what it says, what is owed, and what is told`, () => {
      const { pageShift, layout, wordBits, can } = architecture;
      const pages = 40;
      const saying = sayings(architecture);
      const { tables, events, kernel, users } = tablesOf(architecture);
      const told: PortolanEvent[] = [];
      events.sink = (event) => void (event.kind === "map" && told.push(event));
      const userFirst = Number(layout.user.first >> BigInt(pageShift));
      const kernelFirst = Number(layout.kernel.first >> BigInt(pageShift));
      // Across the end of a leaf table, whatever size it has; the kernel's up to the last page of the word, too.
      const places = [
        ...users.flatMap((context) => [2 ** 8, 2 ** 9, 2 ** 10].map((end) => ({ context, first: userFirst + end - pages / 2 }))),
        { context: kernel, first: kernelFirst },
        { context: kernel, first: kernelFirst + 2 ** 10 - pages / 2 },
        { context: kernel, first: 2 ** (wordBits - pageShift) - pages },
      ];
      const models = places.map(() => new Map<number, Entry>());
      const random = new Random(77);
      for (let step = 0; step < 2500; step += 1) {
        const which = random.below(places.length);
        const [place, model] = [places[which], models[which]];
        if (place === undefined || model === undefined) throw new Error("no such place");
        const { context, first } = place;
        const page = first + random.below(pages);
        const before = model.get(page);
        const what = `step ${step}, page ${page} of ${context.id}`;
        const says = (entry: Entry) => saying(context.isKernel, first, entry);
        const flags = READ | random.below(8) | (context.isKernel ? 0 : PAGE_USER) | ((PAGE_GLOBAL | PAGE_CACHEABLE) * random.below(2));
        const frame = 40 + random.below(200);
        const debt = new StaleTranslations();
        told.length = 0;
        const tells: PortolanEvent[] = [];
        const map = { kind: "map", space: context.id, page, frame } as const;
        const count = 1 + random.below(pages);
        const operation = random.below(12);
        if (before === undefined) {
          expect(tables.find(context, page), what).to.equal(false);
          expect(tables.widen(context, page, frame, flags), what).to.equal(false);
          expect(tables.testAndClearAccessed(context, page, debt), what).to.equal(false);
          expect(tables.remove(context, page, debt), what).to.equal(false);
          expect(() => tables.suspend(context, page, debt), what).to.throw("an absent page is");
          expect(() => tables.update(context, page, flags, debt), what).to.throw("an absent page is");
          expect(debt.isSettled, what).to.equal(true);
          if (operation < 9) {
            tables.insert(context, page, frame, flags);
            model.set(page, { frame, flags, marks: 0 });
            tells.push(map);
          }
        } else {
          expect(tables.find(context, page), what).to.equal(true);
          expect(tables.found, what).to.deep.equal({ frame: before.frame, ...says(before) });
          const lost = (after: Entry): number => ((says(before).rights & ~says(after).rights) === 0 ? 0 : 1);
          if (operation === 0) {
            expect(tables.remove(context, page, debt), what).to.equal(true);
            expect([debt.pages, tables.found.frame], what).to.deep.equal([1, before.frame]);
            model.delete(page);
          } else if (operation === 1) {
            const after = { ...before, flags };
            tables.update(context, page, flags, debt);
            expect(debt.pages, what).to.equal(lost(after));
            model.set(page, after);
          } else if (operation === 2) {
            const after = { ...before, flags: before.flags | (flags & 7) };
            expect(() => tables.widen(context, page, before.frame + 1, after.flags)).to.throw("another frame than it has");
            expect(tables.widen(context, page, before.frame, after.flags), what).to.equal(true);
            model.set(page, after);
          } else if (operation === 3 && (before.flags & WRITE) !== 0 && lost({ ...before, flags: before.flags & ~WRITE }) === 1) {
            expect(() => tables.widen(context, page, before.frame, before.flags & ~WRITE), what).to.throw("took rights away");
            tables.update(context, page, before.flags, debt);
          } else if (operation === 4) {
            const isDirty = random.below(2) === 0;
            tables.mark(context, page, isDirty);
            model.set(page, { ...before, marks: before.marks | (isDirty ? MARKS : PAGE_ACCESSED) });
          } else if (operation === 5) {
            const isMarked = (says(before).flags & PAGE_ACCESSED) !== 0;
            expect(tables.testAndClearAccessed(context, page, debt), what).to.equal(isMarked);
            expect(debt.pages, what).to.equal(isMarked ? 1 : 0);
            // A mark of writing stays; tables that only mark make one of both, so it goes by way of an update of an own.
            if ((before.marks & PAGE_DIRTY) !== 0) {
              expect(tables.find(context, page)).to.equal(true);
              expect(tables.found.flags, what).to.equal(says(before).flags & ~PAGE_ACCESSED);
              tables.mark(context, page, true);
            } else model.set(page, { ...before, marks: 0 });
          } else if (operation === 6) {
            const entry = tables.suspend(context, page, debt);
            expect([tables.find(context, page), debt.pages], what).to.deep.equal([false, 1]);
            tables.resume(context, entry, page, frame, flags);
            model.set(page, { frame, flags, marks: 0 });
            tells.push(map);
          } else if (operation === 7) {
            tables.writeProtect(context, page, count, debt);
            let written = 0;
            for (let each = page; each < page + count; each += 1) {
              const entry = model.get(each);
              if (entry === undefined) continue;
              // Where an entry cannot forbid it to the kernel, it goes on having the right.
              const had = tables.kind === "hashed" ? entry.flags & WRITE : says(entry).rights & rightsFor(WRITE, WRITE);
              if (had !== 0) written += 1;
              model.set(each, { ...entry, flags: entry.flags & ~WRITE });
            }
            expect(debt.pages, what).to.equal(written);
          } else {
            expect(() => tables.insert(context, page, frame, flags), what).to.throw("the page is mapped already");
          }
        }
        expect(told, what).to.deep.equal(tells);
        debt.settle(
          () => {},
          (unit) => tables.freeTable(unit),
        );
        if (step % 10 === 0) {
          const found = new Float64Array(pages + 4).fill(7);
          tables.framesOf(context, first, pages, found);
          const wanted = Array.from({ length: pages }, (_, i) => model.get(first + i)?.frame ?? -1);
          expect([...found], what).to.deep.equal([...wanted, 7, 7, 7, 7]);
          const visited: unknown[] = [];
          const from = page - random.below(3);
          tables.each(context, from, count, (at, { frame: its, flags: own }) => visited.push([at, its, own]) < 30);
          const mapped = [...model].toSorted(([one], [other]) => one - other).filter(([at]) => at >= from && at < from + count);
          expect(visited, what).to.deep.equal(mapped.slice(0, 30).map(([at, entry]) => [at, entry.frame, says(entry).flags]));
        }
      }
      // What is asked about the dirty mark alone never told of one that no entry has.
      expect(can.recordWrite === "no" || models.some((model) => [...model.values()].some(({ marks }) => marks === MARKS))).to.equal(true);
      for (const [i, model] of models.entries()) {
        const { context } = places[i] ?? { context: kernel };
        for (const page of model.keys()) {
          const debt = new StaleTranslations();
          expect(tables.remove(context, page, debt)).to.equal(true);
          debt.settle(
            () => {},
            (unit) => tables.freeTable(unit),
          );
        }
      }
      for (const context of users) {
        tables.each(context, 0, 2 ** (wordBits - pageShift), (page) => expect.fail(`page ${page} is left`));
        tables.destroy(context);
        expect(tables.bytes(context)).to.equal(0);
      }
    });
  }
});

describe("entries that are not zero and map nothing", () => {
  for (const architecture of machines) {
    const { translation, pageShift } = architecture;
    if (translation.kind !== "hierarchical") continue;
    it(`are absent on ${architecture.name}, whatever was looked at before, and may be mapped`, () => {
      const { tables, users, memory } = tablesOf(architecture);
      const [context] = users;
      const level = translation.levels.at(-1);
      if (context === undefined || level === undefined) throw new Error("no space, or no level");
      const first = Number(architecture.layout.user.first >> BigInt(pageShift)) + 700;
      for (const page of [first, first + 1, first + 2]) tables.insert(context, page, 50, READ | WRITE | PAGE_USER);
      const step = tables.walk(context, BigInt(first + 1) << BigInt(pageShift), READ, USER).steps.at(-1);
      if (step === undefined) throw new Error("no way to the page");
      const at = Number(step.entryAddress);
      const without = (word: bigint, fields: readonly Field[]): bigint =>
        fields.map(fieldBits).reduce((sum, [high, low]) => sum & ~(((1n << BigInt(high - low + 1)) - 1n) << BigInt(low)), word);
      const write = (word: bigint): void => {
        expect(word).to.not.equal(0n);
        if (step.bytes === 4) memory.write32(at, Number(word));
        else memory.write64(at, Number(word & 0xffff_ffffn), Number(word >> 32n));
      };
      // Nothing but an address, before anything was looked at; then all but what says what it is.
      write(step.raw & ~without(step.raw, level.leaf?.fields.filter(({ role }) => role === "frame") ?? []));
      expect(tables.find(context, first + 1)).to.equal(false);
      write(without(step.raw, level.kind.reads));
      for (const other of [first, first + 2]) {
        expect(tables.find(context, other)).to.equal(true);
        expect(tables.find(context, first + 1)).to.equal(false);
        expect(tables.found.frame).to.equal(50);
      }
      const frames = new Float64Array(3);
      tables.framesOf(context, first, 3, frames);
      expect([...frames]).to.deep.equal([50, -1, 50]);
      const visited: number[] = [];
      tables.each(context, first - 1, 5, (page) => visited.push(page) > 0);
      expect(visited).to.deep.equal([first, first + 2]);
      tables.insert(context, first + 1, 60, READ | PAGE_USER);
      expect([tables.find(context, first + 1), tables.found.frame]).to.deep.equal([true, 60]);
    });
  }
});

describe("trees", () => {
  it("tell entries of eight bytes from nothing by both halves", () => {
    // All that is set stands in the half that comes second in memory.
    const { tables, users } = tablesOf({ ...wide64, byteOrder: "little" });
    const [context] = users;
    if (context === undefined) throw new Error("no space");
    tables.insert(context, 9, 2 ** 21, READ | PAGE_USER);
    expect([tables.find(context, 9), tables.found.frame]).to.deep.equal([true, 2 ** 21]);
    expect(() => tables.insert(context, 9, 2 ** 21, READ)).to.throw("the page is mapped already");
  });

  it("do not remember a leaf table that has gone", () => {
    const { tables, kernel, users } = tablesOf(wide64);
    const [context] = users;
    if (context === undefined) throw new Error("no space");
    const kernelFirst = Number(wide64.layout.kernel.first >> 12n);
    for (const within of [0, 5, 1023]) tables.insert(kernel, kernelFirst + within, 70, READ);
    for (const within of [0, 5, 1023]) {
      tables.insert(context, 5, 50, READ);
      const debt = new StaleTranslations();
      tables.remove(context, 5, debt);
      debt.settle(
        () => {},
        (unit) => tables.freeTable(unit),
      );
      expect([tables.find(context, kernelFirst + within), tables.found.frame]).to.deep.equal([true, 70]);
    }
  });

  it("have no root for the user's half in the kernel's space where each half has its own, and elsewhere the kernel's", () => {
    for (const architecture of machines) {
      const { translation, pageShift, layout, virtualRule } = architecture;
      if (translation.kind !== "hierarchical") continue;
      const { tables, kernel } = tablesOf(architecture);
      const first = Number(layout.kernel.first >> BigInt(pageShift));
      tables.insert(kernel, first + 3, 50, READ | WRITE);
      const walk = tables.walk(kernel, 3n << BigInt(pageShift), READ, USER);
      const hasHalves = translation.kernelRootRegister !== undefined && virtualRule === "sign-extended";
      expect([walk.reason, walk.steps.length], architecture.name).to.deep.equal([ABSENT, hasHalves ? 0 : 1]);
      expect(tables.find(kernel, 3), architecture.name).to.equal(false);
      expect(tables.find(kernel, first + 3), architecture.name).to.equal(true);
    }
  });
});
