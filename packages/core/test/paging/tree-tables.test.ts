/** Trees as the core sees them: marks, debts, tables that come and go, the kernel's part in every root, and order. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm } from "@portolan/arch-arm";
import { ia32 } from "@portolan/arch-ia32";
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
  WRITE,
} from "#src/architecture/rights.js";
import { PortolanError } from "#src/errors.js";
import { Events, type PortolanEvent } from "#src/events.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { NO_ROOT, TranslationContext } from "#src/machine/translation-context.js";
import { HierarchicalTables } from "#src/paging/hierarchical.js";
import { StaleTranslations } from "#src/paging/stale.js";
import { Random } from "#src/random.js";
import { wide64 } from "../wide64.js";

const USERS = READ | WRITE | PAGE_USER;
/** The kernel has a root of its own, from a quarter on. */
const split = arm({ processor: "cortexa9", ttbcrN: 2 });

const bench = (architecture: Architecture, { base = 2 ** 30, fill = 0 } = {}) => {
  const { byteOrder, physicalBits, pageShift } = architecture;
  const memory = new PhysicalMemory({ bytes: 512 * 2 ** pageShift, base, physicalBits, byteOrder, frameShift: pageShift });
  if (fill !== 0) for (let at = base; at < base + 512 * 2 ** pageShift; at += 4) memory.write32(at, fill);
  const gate = new AllocationGate();
  const frames = new ZonedFrames(memory, gate);
  const events = new Events();
  const told: PortolanEvent[] = [];
  events.sink = (event) => void told.push(event);
  const tables = new HierarchicalTables(architecture, memory, frames, events);
  const kernel = new TranslationContext(0, true, 0);
  tables.create(kernel);
  const user = (id: number): TranslationContext => {
    const context = new TranslationContext(id, false, 2);
    tables.create(context);
    return context;
  };
  const settle = (debt: StaleTranslations): number => {
    let freed = 0;
    debt.settle(
      () => {},
      (unit) => {
        freed += 1;
        tables.freeTable(unit);
      },
    );
    return freed;
  };
  const kernelPage = Number((architecture.layout.kernel.first >> BigInt(pageShift)) + 70n);
  /** The word that ends the way to a page, and how many there are. */
  const lastWord = (context: TranslationContext, page: number) => {
    const { steps } = tables.walk(context, BigInt(page) << BigInt(pageShift), READ, 1);
    return [steps.length, steps.at(-1)?.raw];
  };
  return { memory, gate, frames, events, told, tables, kernel, user, settle, kernelPage, lastWord };
};

const machines = [abs32le, ia32, wide64, split] as const;

describe("tables in trees", () => {
  it("say of a page what its entry lets through, and what else it says", () => {
    const { tables, user } = bench(abs32le);
    const context = user(5);
    for (let flags = 0; flags < 64; flags += 1) {
      tables.insert(context, 1000 + flags, 7 + flags, flags);
      expect(tables.find(context, 1000 + flags)).to.equal(true);
      const granted = flags & 7;
      expect(tables.found, `flags ${flags}`).to.deep.equal({
        frame: 7 + flags,
        rights: rightsFor(granted, (flags & PAGE_USER) === 0 ? 0 : granted),
        // Who has no right is not the user: nothing is there to say so.
        flags: granted === 0 ? flags & ~PAGE_USER : flags,
      });
    }
    expect(tables.find(context, 999)).to.equal(false);
  });

  for (const architecture of machines) {
    it(`keep marks over a change of rights on ${architecture.name}, and owe a translation only where something is lost`, () => {
      const { tables, user } = bench(architecture);
      const context = user(5);
      const marks = (): number => (tables.find(context, 9) ? tables.found.flags & (PAGE_ACCESSED | PAGE_DIRTY) : -1);
      const keeps = architecture.can.recordWrite === "hardware" ? PAGE_DIRTY : 0;
      const isSeen = architecture.can.recordAccess === "no" ? 0 : PAGE_ACCESSED;
      tables.insert(context, 9, 300, USERS);
      expect(marks()).to.equal(0);
      tables.update(context, 9, USERS, new StaleTranslations());
      expect(marks(), "no mark comes from a change of rights").to.equal(0);
      tables.mark(context, 9, false);
      expect(marks()).to.equal(isSeen);
      const debt = new StaleTranslations();
      tables.update(context, 9, USERS | EXECUTE | PAGE_CACHEABLE, debt);
      expect([marks(), debt.pages, tables.found.frame]).to.deep.equal([isSeen, 0, 300]);
      tables.mark(context, 9, true);
      expect(marks()).to.equal(isSeen | keeps);
      tables.update(context, 9, READ | PAGE_USER, debt);
      expect([marks(), debt.pages, tables.found.rights & rightsFor(0, WRITE)]).to.deep.equal([isSeen | keeps, 1, 0]);
      tables.update(context, 9, USERS, debt);
      expect([marks(), debt.pages]).to.deep.equal([isSeen | keeps, 1]);
    });

    it(`give the tables of ${architecture.name} back when their last page goes, and not before`, () => {
      const { tables, user, settle, told, frames, lastWord } = bench(architecture);
      const context = user(5);
      const [empty, free] = [tables.bytes(context), frames.free];
      const pages = [3, 4, 1500, 70_000, 70_001];
      for (const [i, page] of pages.entries()) tables.insert(context, page, 300 + i, USERS);
      const full = tables.bytes(context);
      expect(full).to.be.greaterThan(empty);
      told.length = 0;
      let freed = 0;
      for (const page of pages) {
        const debt = new StaleTranslations();
        expect(tables.remove(context, page, debt)).to.equal(true);
        expect(debt.pages).to.equal(1);
        expect([tables.find(context, page), tables.remove(context, page, debt), debt.pages]).to.deep.equal([false, false, 1]);
        freed += settle(debt);
        const left = pages.slice(pages.indexOf(page) + 1);
        for (const other of left) expect(tables.find(context, other), `${other} after ${page}`).to.equal(true);
      }
      expect([tables.bytes(context), frames.free]).to.deep.equal([empty, free]);
      for (const page of pages) expect(lastWord(context, page), "nothing is left in the root").to.deep.equal([1, 0n]);
      const gone = told.filter((event) => event.kind === "table" && event.action === "free");
      expect(gone).to.have.length(freed);
      for (const event of gone) if (event.kind === "table") expect([event.space, event.level > 0]).to.deep.equal([5, true]);
      tables.insert(context, 4, 310, USERS);
      expect([tables.find(context, 4), tables.found.frame]).to.deep.equal([true, 310]);
    });

    it(`of one space on ${architecture.name} have nothing to do with those of another, nor an entry with its neighbours`, () => {
      const { tables, user, settle, lastWord } = bench(architecture);
      const [one, other] = [user(5), user(6)];
      const pages = [7, 6, 5, 70_001, 70_000, 2 ** 17 + 1];
      for (const [i, page] of pages.entries()) {
        tables.insert(one, page, 300 + i, USERS);
        tables.insert(other, page, 320 + i, USERS);
      }
      const check = (left: readonly number[]): void => {
        for (const [i, page] of pages.entries()) {
          for (const [context, frame] of [
            [one, 300 + i],
            [other, 320 + i],
          ] as const) {
            const isThere = left.includes(page) || context === other;
            expect(tables.find(context, page), `${page}`).to.equal(isThere);
            if (isThere) expect(tables.found.frame).to.equal(frame);
          }
        }
      };
      check(pages);
      for (const [i, page] of pages.entries()) {
        // What was looked for in vain must not lead astray what is removed then.
        tables.find(one, page);
        tables.find(one, 2 ** 17 + 2 ** 16);
        const debt = new StaleTranslations();
        tables.remove(one, page, debt);
        expect(lastWord(one, page)[1]).to.equal(0n);
        settle(debt);
        check(pages.slice(i + 1));
      }
      expect(tables.bytes(one)).to.equal(tables.bytes(user(9)));
      expect(tables.bytes()).to.be.greaterThan(tables.bytes(one) + tables.bytes(other));
    });

    it(`on ${architecture.name} are made wholly or not at all`, () => {
      for (let allowed = 0; ; allowed += 1) {
        const { tables, user, gate, frames } = bench(architecture);
        const context = user(5);
        const before = [tables.bytes(context), frames.free];
        gate.failAfter(allowed);
        let error: unknown = null;
        try {
          tables.insert(context, 70_000, 300, USERS);
        } catch (thrown) {
          error = thrown;
        }
        gate.disarm();
        if (error === null) {
          expect(tables.find(context, 70_000)).to.equal(true);
          expect(allowed).to.be.greaterThan(0);
          break;
        }
        expect(error).to.be.instanceOf(PortolanError);
        expect([tables.bytes(context), frames.free]).to.deep.equal(before);
        expect(tables.find(context, 70_000)).to.equal(false);
        tables.insert(context, 70_000, 300, USERS);
        expect(tables.find(context, 70_000)).to.equal(true);
      }
    });

    it(`show the kernel's pages of ${architecture.name} in every space, whenever it was made, and let no space map one`, () => {
      const { tables, kernel, user, kernelPage, told, settle } = bench(architecture);
      const hasOwnRoot = architecture === split;
      const early = user(5);
      tables.insert(kernel, kernelPage, 300, READ | WRITE | PAGE_GLOBAL);
      const late = user(6);
      tables.insert(kernel, kernelPage + 5000, 301, READ | WRITE | PAGE_GLOBAL);
      for (const context of [kernel, early, late]) {
        for (const [page, frame] of [
          [kernelPage, 300],
          [kernelPage + 5000, 301],
        ] as const) {
          expect(tables.find(context, page)).to.equal(true);
          expect(tables.found.frame).to.equal(frame);
        }
        expect(tables.find(context, kernelPage + 1)).to.equal(false);
      }
      for (const event of told)
        if (event.kind === "table" && event.level > 0) expect(event.space, "the kernel's tables are the kernel's").to.equal(0);
      expect(() => tables.insert(early, kernelPage + 1, 302, USERS)).to.throw("a user space maps a page of the kernel's half");
      const bytes = tables.bytes(kernel);
      const debt = new StaleTranslations();
      expect(tables.remove(kernel, kernelPage, debt)).to.equal(true);
      for (const context of [kernel, early, late]) expect(tables.find(context, kernelPage)).to.equal(false);
      expect(settle(debt), "its tables stay").to.equal(0);
      expect([tables.find(late, kernelPage + 5000), tables.bytes(kernel)]).to.deep.equal([true, bytes]);
      if (hasOwnRoot) expect(tables.bytes(early)).to.be.lessThan(tables.bytes(kernel));
      tables.destroy(early);
      expect([early.root, tables.bytes(early), tables.find(late, kernelPage + 5000)]).to.deep.equal([NO_ROOT, 0, true]);
    });

    it(`of the kernel on ${architecture.name} begin with the first page of its half, end with the last, and write into nothing else`, () => {
      const { memory, tables, kernel, user, kernelPage } = bench(architecture, { fill: 0xa5a5_a5a5 });
      const { wordBits, pageShift, virtualBits } = architecture;
      const ends = [kernelPage - 70, 2 ** ((architecture === wide64 ? wordBits : virtualBits) - pageShift) - 1];
      const early = user(5);
      const size = tables.bytes(early);
      for (let at = early.root + size; at < early.root + size + 2 ** 14; at += 4) {
        if (memory.read32(at) !== 0xa5a5_a5a5) expect.fail(`0x${at.toString(16)} was written`);
      }
      for (const [i, page] of ends.entries()) {
        expect(() => tables.insert(early, page, 310, USERS)).to.throw("a user space maps a page of the kernel's half");
        tables.insert(kernel, page, 300 + i, READ);
      }
      const late = user(6);
      for (const context of [kernel, early, late]) {
        for (const [i, page] of ends.entries()) expect([tables.find(context, page), tables.found.frame]).to.deep.equal([true, 300 + i]);
        tables.each(context, 0, ends[0] ?? 0, () => expect.fail("no page of a user's is there"));
      }
      const kernels = architecture === split ? 0 : size / 2;
      for (const { root } of [early, late]) {
        for (let at = 0; at < kernels; at += 4)
          expect(memory.read32(root + kernels + at)).to.equal(memory.read32(kernel.root + kernels + at));
        for (let at = root; at < root + size / (architecture === split ? 1 : 2); at += 4) expect(memory.read32(at)).to.equal(0);
      }
    });

    it(`are visited in ascending order on ${architecture.name}, in any range, as long as it is wanted`, () => {
      const { tables, user } = bench(architecture);
      const context = user(5);
      const high = architecture === wide64 ? 2 ** 52 - 2 ** 30 : 0;
      const random = new Random(3);
      const pages = [...new Set(Array.from({ length: 12 }, () => random.below(3000)))].sort((one, other) => one - other);
      for (const [i, page] of pages.entries()) tables.insert(context, page, 300 + i, USERS);
      const seen = (first: number, count: number, most = Infinity): number[] => {
        const all: number[] = [];
        tables.each(context, first, count, (page, found) => {
          expect(found.frame).to.equal(300 + pages.indexOf(page));
          all.push(page);
          return all.length < most;
        });
        return all;
      };
      expect(seen(0, 2 ** 52)).to.deep.equal(pages);
      expect(seen(0, 5000, 3)).to.deep.equal(pages.slice(0, 3));
      for (let i = 0; i < 60; i += 1) {
        const first = i % 2 === 0 ? random.below(3000) : (pages[i % pages.length] ?? 0);
        const count = random.below(1500);
        expect(seen(first, count), `${count} from ${first}`).to.deep.equal(pages.filter((page) => page >= first && page < first + count));
      }
      expect(seen(high + 1, 10)).to.deep.equal(pages.filter((page) => page > high && page < high + 11));
      context.root = NO_ROOT;
      expect([seen(0, 5000), tables.find(context, pages[0] ?? 0)]).to.deep.equal([[], false]);
    });

    it(`on ${architecture.name} refuse what would be an error of ours`, () => {
      const { tables, kernel, user } = bench(architecture);
      const context = user(5);
      tables.insert(context, 3, 300, USERS);
      expect(() => tables.insert(context, 3, 301, USERS)).to.throw("the page is mapped already");
      for (const absent of [4, 200_000]) {
        expect(() => tables.update(context, absent, USERS, new StaleTranslations())).to.throw("an absent page is updated");
        expect(tables.remove(context, absent, new StaleTranslations())).to.equal(false);
      }
      expect(() => tables.mark(context, 200_000, true)).to.throw("an absent page is marked");
      expect(() => tables.destroy(context)).to.throw("a root is destroyed while it maps pages");
      expect(() => tables.destroy(kernel)).to.throw("the kernel's tables are never destroyed");
      expect([tables.find(context, 3), tables.found.frame]).to.deep.equal([true, 300]);
    });
  }

  it("of the kernel are visited on both sides of the hole of a sign-extended machine", () => {
    const { tables, kernel } = bench(wide64);
    const top = 2 ** 52;
    const pages = [top - 2 ** 30 + 5, top - 2, top - 1];
    for (const [i, page] of pages.entries()) tables.insert(kernel, page, 300 + i, READ);
    const seen = (first: number, count: number, most = Infinity): number[] => {
      const all: number[] = [];
      tables.each(kernel, first, count, (page) => all.push(page) < most);
      return all;
    };
    expect(seen(0, top)).to.deep.equal(pages);
    expect(seen(top - 2, 1)).to.deep.equal([top - 2]);
    expect(seen(top - 2, 2)).to.deep.equal([top - 2, top - 1]);
    expect(seen(2 ** 30, top - 2 ** 31)).to.deep.equal([]);
    expect(seen(0, top, 1)).to.deep.equal([pages[0]]);
    for (const [i, page] of pages.entries()) expect([tables.find(kernel, page), tables.found.frame]).to.deep.equal([true, 300 + i]);
  });

  it("stop in the lower half where that is wanted, and have a root as large as they need", () => {
    const { tables, kernel } = bench(wide64);
    tables.insert(kernel, 5, 300, READ);
    tables.insert(kernel, 2 ** 52 - 1, 301, READ);
    let visited = 0;
    tables.each(kernel, 0, 2 ** 52, () => {
      visited += 1;
      return false;
    });
    expect(visited).to.equal(1);
    const quarter = bench(split);
    expect([quarter.tables.bytes(quarter.user(5)), quarter.tables.bytes(quarter.kernel)]).to.deep.equal([4096, 16_384]);
  });

  it("of a space that is gone are written no more: its root may be anybody's memory", () => {
    const { memory, frames, tables, kernel, user, kernelPage } = bench(abs32le, { base: 0 });
    const context = user(5);
    const gone = context.root;
    tables.destroy(context);
    const taken = Array.from({ length: 8 }, () => frames.take());
    expect(taken).to.include(gone / 4096);
    for (let at = gone; at < gone + 4096; at += 4) memory.write32(at, 0x5a5a_5a5a);
    tables.insert(kernel, kernelPage, 300, READ);
    for (let at = gone; at < gone + 4096; at += 4) if (memory.read32(at) !== 0x5a5a_5a5a) expect.fail(`0x${at.toString(16)} was written`);
    expect([tables.find(kernel, kernelPage), tables.found.frame]).to.deep.equal([true, 300]);
  });

  it("are unlinked on the way to what is removed, whatever was looked for in vain before", () => {
    const { tables, user, settle, lastWord } = bench(wide64);
    const context = user(5);
    const [page, other, absent] = [7, 2 ** 24 + 1, 2 ** 24 + 3 * 2 ** 19];
    tables.insert(context, other, 301, USERS);
    tables.insert(context, page, 300, USERS);
    expect([tables.find(context, page), tables.find(context, absent)]).to.deep.equal([true, false]);
    const debt = new StaleTranslations();
    tables.remove(context, page, debt);
    expect(settle(debt)).to.equal(3);
    expect([tables.find(context, other), tables.found.frame, lastWord(context, page)]).to.deep.equal([true, 301, [1, 0n]]);
  });

  it("may hold a page of a size that the core never writes, which is no table and not among the pages that are visited", () => {
    const { memory, tables, user } = bench(ia32);
    const context = user(5);
    for (let at = 2 ** 30; at < 2 ** 30 + 2 ** 12; at += 4) memory.write32(at, ((2 ** 30) | 0x207) >>> 0);
    memory.write32(context.root + 5 * 4, (2 ** 30) | 0x287);
    tables.each(context, 5 * 1024, 1024, () => expect.fail("it is one page of 4 MiB"));
    expect(tables.find(context, 5 * 1024)).to.equal(false);
  });

  it("lie in frames that are told with their owners", () => {
    const { tables, user } = bench(abs32le);
    const context = user(5);
    tables.insert(context, 3, 300, USERS);
    const owners: number[] = [];
    tables.eachTableFrame((_frame, owner) => owners.push(owner));
    expect(owners).to.have.members([0, 5, 5]);
  });

  it("of a space may be made before the kernel's", () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 20, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const tables = new HierarchicalTables(abs32le, memory, new ZonedFrames(memory, new AllocationGate()), new Events());
    const context = new TranslationContext(5, false, 2);
    tables.create(context);
    tables.insert(context, 3, 100, USERS);
    expect([tables.find(context, 3), tables.found.frame]).to.deep.equal([true, 100]);
  });

  it("may have larger pages of sixteen entries, of which each is a part", () => {
    const { tables, user, memory, lastWord } = bench(split);
    const context = user(5);
    for (let page = 16; page < 32; page += 1) tables.insert(context, page, 300 + page, USERS);
    const { steps } = tables.walk(context, 16n << 12n, READ, 1);
    const table = Number(steps.at(-1)?.entryAddress ?? 0n);
    for (let i = 0; i < 16; i += 1) memory.write32(table + 4 * i, 0x0013_0000 | 0b11_0001);
    for (let page = 16; page < 32; page += 1)
      expect([tables.find(context, page), tables.found.frame], String(lastWord(context, page))).to.deep.equal([true, 0x130 + page - 16]);
  });

  it("are told of as they come: space, level, frame", () => {
    const { tables, user, told } = bench(abs32le);
    told.length = 0;
    const context = user(5);
    tables.insert(context, 3, 300, USERS);
    const root = context.root / 4096;
    expect(
      told.map((event) => (event.kind === "table" ? { ...event, frame: event.frame === root ? "root" : "other" } : event)),
    ).to.deep.equal([
      { kind: "table", space: 5, level: 0, frame: "root", action: "allocate" },
      { kind: "table", space: 5, level: 1, frame: "other", action: "allocate" },
      { kind: "map", space: 5, page: 3, frame: 300 },
    ]);
  });
});
