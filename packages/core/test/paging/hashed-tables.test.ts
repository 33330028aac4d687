/** One hash for all spaces, as the core sees it: rights by what the machine can forbid, marks, order, and who has what. */
import { expect } from "chai";
import { sparc64 } from "@portolan/arch-sparc64";
import { AllocationGate } from "#src/allocation-gate.js";
import type { Architecture } from "#src/architecture/architecture.js";
import {
  EXECUTE,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  rightsFor,
  USER,
  WRITE,
} from "#src/architecture/rights.js";
import { Events, type PortolanEvent } from "#src/events.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { HashedTables } from "#src/paging/hashed.js";
import { StaleTranslations } from "#src/paging/stale.js";

const bench = (can: Partial<Architecture["can"]> = {}) => {
  const memory = new PhysicalMemory({ bytes: 2 ** 22, base: 2 ** 33, physicalBits: 41, byteOrder: "big", frameShift: 14 });
  const frames = new ZonedFrames(memory, new AllocationGate());
  const events = new Events();
  const told: PortolanEvent[] = [];
  events.sink = (event) => void told.push(event);
  const tables = new HashedTables({ ...sparc64, can: { ...sparc64.can, ...can } }, memory, frames, events);
  const context = new TranslationContext(5, false, 2);
  const other = new TranslationContext(6, false, 3);
  return { memory, frames, events, told, tables, context, other };
};

describe("tables in a hash", () => {
  it("let through what is asked, and what the machine cannot forbid", () => {
    for (const forbidRead of [false, true]) {
      for (const forbidExecute of [false, true]) {
        for (const kernelObeysWrite of [true, false, { switch: "CV" }]) {
          const { tables, context } = bench({ forbidRead, forbidExecute, kernelObeysWrite });
          for (let flags = 0; flags < 64; flags += 1) {
            tables.insert(context, flags, 7, flags);
            expect(tables.find(context, flags)).to.equal(true);
            const granted = (flags & 7) | (forbidRead ? 0 : READ) | (forbidExecute ? 0 : EXECUTE);
            const kernel = granted | (kernelObeysWrite === true ? 0 : WRITE);
            expect(tables.found).to.deep.equal({
              frame: 7,
              rights: rightsFor(kernel, (flags & PAGE_USER) === 0 ? 0 : granted),
              flags: flags | (kernel & (READ | EXECUTE)),
            });
          }
        }
      }
    }
  });

  it("keep marks over a change of rights, and owe a translation only where something is lost", () => {
    const { tables, context } = bench();
    const flags = (): number => (tables.find(context, 9) ? tables.found.flags : -1);
    tables.insert(context, 9, 40, READ | WRITE | PAGE_USER);
    expect(flags()).to.equal(READ | WRITE | PAGE_USER);
    tables.mark(context, 9, false);
    expect(flags()).to.equal(READ | WRITE | PAGE_USER | PAGE_ACCESSED);
    tables.mark(context, 9, true);
    expect(flags()).to.equal(READ | WRITE | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY);
    const debt = new StaleTranslations();
    tables.update(context, 9, READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE | PAGE_GLOBAL, debt);
    expect([flags(), debt.pages]).to.deep.equal([
      READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE | PAGE_GLOBAL | PAGE_ACCESSED | PAGE_DIRTY,
      0,
    ]);
    tables.update(context, 9, READ | PAGE_USER, debt);
    expect([flags(), debt.pages, tables.found.frame]).to.deep.equal([READ | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY, 1, 40]);
    tables.update(context, 9, READ | PAGE_USER | PAGE_DIRTY, debt);
    expect([flags(), debt.pages], "marks are not for the asking").to.deep.equal([READ | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY, 1]);
    tables.insert(context, 10, 41, READ | PAGE_ACCESSED | PAGE_DIRTY);
    tables.find(context, 10);
    expect(tables.found.flags).to.equal(READ);
  });

  it("tell what was removed, count what each space has, and refuse to lose it", () => {
    const { tables, context, other, told, events } = bench();
    tables.create(context);
    tables.insert(context, 3, 11, READ);
    events.sink = null;
    tables.insert(other, 3, 12, READ);
    expect(told).to.deep.equal([{ kind: "map", space: 5, page: 3, frame: 11 }]);
    expect([context.mappedPages, other.mappedPages, tables.bytes(context), tables.bytes() % 2 ** 14]).to.deep.equal([1, 1, 32, 0]);
    const debt = new StaleTranslations();
    expect(tables.remove(context, 4, debt)).to.equal(false);
    expect(debt.isSettled).to.equal(true);
    expect(() => tables.destroy(context)).to.throw("a space is destroyed while it maps pages");
    expect(tables.remove(context, 3, debt)).to.equal(true);
    expect([debt.pages, tables.found.frame, context.mappedPages, tables.bytes(context)]).to.deep.equal([1, 11, 0, 0]);
    expect([tables.find(context, 3), tables.find(other, 3), tables.found.frame]).to.deep.equal([false, true, 12]);
    tables.destroy(context);
    const owners = new Set<number>();
    let frames = 0;
    tables.eachTableFrame((_frame, owner) => {
      owners.add(owner);
      frames += 1;
    });
    expect([[...owners], frames * 2 ** 14]).to.deep.equal([[-1], tables.bytes()]);
  });

  it("refuse what would be an error of ours", () => {
    const { tables, context } = bench();
    tables.insert(context, 3, 11, READ);
    expect(() => tables.insert(context, 3, 12, READ)).to.throw("the page is mapped already");
    expect(() => tables.update(context, 4, READ, new StaleTranslations())).to.throw("an absent page is changed");
    expect(() => tables.mark(context, 4, true)).to.throw("an absent page is changed");
    expect(() => tables.freeTable(0)).to.throw("a hash owes no tables");
  });

  it("are visited in ascending order, from the first page asked for to before the last, and as long as it is wanted", () => {
    const { tables, context, other } = bench();
    const pages = [900, 3, 77, 2 ** 45, 4, 5, 300];
    for (const page of pages) tables.insert(context, page, page % 100, READ);
    for (const page of [4, 78]) tables.insert(other, page, 99, READ);
    const seen = (first: number, count: number, most = Infinity): number[] => {
      const all: number[] = [];
      tables.each(context, first, count, (page, found) => {
        expect(found.frame).to.equal(page % 100);
        all.push(page);
        return all.length < most;
      });
      return all;
    };
    const sorted = pages.toSorted((one, another) => one - another);
    expect(seen(0, Infinity)).to.deep.equal(sorted);
    expect(seen(0, 2 ** 46, 3)).to.deep.equal([3, 4, 5]);
    // Few pages are probed one by one, many are looked for in the table.
    for (const count of [1, 2, 9, 10, 1000]) {
      for (const first of [3, 4, 5, 67, 70, 77, 290, 299]) {
        expect(seen(first, count), `${count} from ${first}`).to.deep.equal(sorted.filter((page) => page >= first && page < first + count));
      }
    }
    expect(seen(3, 3, 2)).to.deep.equal([3, 4]);
    const nobody = new TranslationContext(9, false, 4);
    tables.each(nobody, 0, Infinity, () => expect.fail("it has none"));
  });

  it("count what a look reads: the head of a chain, and its entries up to the one that is meant", () => {
    const { tables, context } = bench();
    tables.find(context, 3);
    expect(tables.reads).to.equal(1);
    tables.insert(context, 3, 11, READ);
    tables.find(context, 3);
    expect(tables.reads).to.equal(2);
    const { hash } = tables;
    const chain = hash.chainOf(5, 3);
    let twin = 4;
    while (hash.chainOf(5, twin) !== chain) twin += 1;
    tables.insert(context, twin, 12, READ);
    tables.find(context, 3);
    expect(tables.reads, "the newest comes first").to.equal(3);
    tables.find(context, twin);
    expect(tables.reads).to.equal(2);
    expect([hash.first(hash.headOf(5, 3)), hash.next(hash.first(hash.headOf(5, 3)))]).to.deep.equal([hash.find(5, twin), hash.find(5, 3)]);
  });

  it("are explained word by word: the chain's head, and every field of its entries up to the one that is meant", () => {
    const { tables, context, memory } = bench();
    const { hash } = tables;
    tables.insert(context, 3, 2 ** 19 + 11, READ | WRITE | PAGE_USER);
    let twin = 4;
    while (hash.chainOf(5, twin) !== hash.chainOf(5, 3)) twin += 1;
    tables.insert(context, twin, 12, READ);
    const { steps } = tables.walk(context, 3n << 14n, READ, USER);
    const values = steps.map(({ fields }) => Object.fromEntries(fields.map(({ name, value }) => [name, value])));
    const entry = hash.find(5, 3);
    expect(values).to.deep.equal([
      { first: BigInt(hash.find(5, twin)) >> 1n, more: 1n },
      {
        page: BigInt(twin) << 14n,
        space: 5n,
        frame: 12n << 6n,
        d: 0n,
        a: 0n,
        c: 0n,
        g: 0n,
        u: 0n,
        x: 0n,
        w: 0n,
        r: 1n,
        next: BigInt(entry) >> 1n,
        more: 1n,
      },
      {
        page: 3n << 14n,
        space: 5n,
        frame: BigInt(2 ** 19 + 11) << 6n,
        d: 0n,
        a: 0n,
        c: 0n,
        g: 0n,
        u: 1n,
        x: 0n,
        w: 1n,
        r: 1n,
        next: 0n,
        more: 0n,
      },
    ]);
    const head = hash.headOf(5, 3);
    expect(steps.map(({ index, tableAddress, entryAddress, bytes }) => [index, tableAddress, entryAddress, bytes])).to.deep.equal([
      [hash.chainOf(5, 3), BigInt(head - (head % memory.frameSize)), BigInt(head), 8],
      [0, null, BigInt(hash.find(5, twin)), 32],
      [1, null, BigInt(entry), 32],
    ]);
  });

  it("keep what an entry takes up while its page has no frame, and tell of the one that it gets", () => {
    const { tables, context, told, events } = bench();
    tables.insert(context, 3, 11, READ);
    told.length = 0;
    const debt = new StaleTranslations();
    tables.insert(context, 4, 13, READ);
    told.length = 0;
    const entry = tables.suspend(context, 3, debt);
    expect(tables.found, "what it was").to.deep.include({ frame: 11, flags: READ });
    expect([tables.find(context, 3), debt.pages, context.mappedPages]).to.deep.equal([false, 1, 2]);
    tables.resume(context, entry, 3, 12, READ | WRITE | PAGE_DIRTY);
    expect([tables.find(context, 3), tables.found.frame, tables.found.flags]).to.deep.equal([true, 12, READ | WRITE]);
    expect(told).to.deep.equal([{ kind: "map", space: 5, page: 3, frame: 12 }]);
    expect(tables.hash.entries).to.equal(2);
    events.sink = null;
    tables.resume(context, tables.suspend(context, 3, debt), 3, 14, READ);
    expect([tables.find(context, 3), tables.found.frame, told.length], "nobody listens").to.deep.equal([true, 14, 1]);
  });

  it("say where they lie, for whoever dumps memory", () => {
    const { tables } = bench();
    expect(tables.registers).to.deep.equal({ hash: BigInt(tables.hash.directory), chains: 2048n });
  });
});
