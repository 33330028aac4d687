/** Losing a mapping, step by step: who is stopped, what is forgotten in which order, and when frames and tables go. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import type { Architecture } from "#src/architecture/architecture.js";
import type { FrameAllocator } from "#src/frames/frame-allocator.js";
import { Locks } from "#src/machine/locks.js";
import { Preemption } from "#src/machine/scheduler.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { StaleTranslations } from "#src/paging/stale.js";
import { Withdrawals } from "#src/paging/withdrawal.js";
import type { Shootdown } from "#src/tlb/shootdown.js";

const bench = (architecture: Architecture) => {
  const done: string[] = [];
  const locks = new Locks();
  locks.discipline = {
    acquire: (kind, id) => void done.push(`+${kind} ${id}`),
    release: (kind, id) => void done.push(`-${kind} ${id}`),
    assertHeld: () => {},
    assertNoneHeld: () => {},
  };
  const preemption = new Preemption();
  preemption.scheduler = { at: (point) => void done.push(point) };
  const shootdown = {
    start: (type: number, asid: number, page: number, count: number) => void done.push(`start ${type} ${asid} ${page} ${count}`),
    finalize: () => void done.push("finalize"),
  } as unknown as Shootdown;
  const frames = { release: (frame: number) => done.push(`frame ${frame}`) > 0 } as unknown as FrameAllocator;
  const local = {
    invalidateAll: () => void done.push("local all"),
    invalidateAsid: () => void done.push("local asid"),
    invalidatePages: (asid: number, page: number, count: number) => void done.push(`local ${asid} ${page} ${count}`),
  };
  const tables = { freeTable: (unit: number) => void done.push(`table ${unit}`) };
  const withdrawals = new Withdrawals(architecture, shootdown, () => local, frames, tables, locks, preemption);
  return { withdrawals, done };
};

const contextOf = (architecture: Architecture, isKernel = false, asid = isKernel ? 0 : architecture.asids.first): TranslationContext =>
  new TranslationContext(isKernel ? 0 : 7, isKernel, asid);

const withCache = (context: TranslationContext, done: string[]): TranslationContext => {
  context.cache = { invalidate: (page: number, count: number) => void done.push(`cache ${page} ${count}`) } as NonNullable<
    TranslationContext["cache"]
  >;
  return context;
};

describe("a withdrawal", () => {
  it("stops the others, forgets here and in the software cache, lets them go, and only then frees", () => {
    const { withdrawals, done } = bench(abs32le);
    const context = withCache(contextOf(abs32le), done);
    expect(withdrawals.isOpen).to.equal(false);
    const debt = withdrawals.begin(context, 5, 3);
    expect(withdrawals.isOpen).to.equal(true);
    debt.add();
    debt.releaseLater(40);
    debt.freeTableLater(9);
    withdrawals.settle();
    const { first } = abs32le.asids;
    expect(done).to.deep.equal([
      "+page-table 7",
      "+asid 0",
      `start 3 ${first} 5 3`,
      "tables-edited",
      `local ${first} 5 3`,
      "cache 5 3",
      "invalidated-locally",
      "finalize",
      "-asid 0",
      "-page-table 7",
      "frame 40",
      "table 9",
      "frames-released",
    ]);
    expect([withdrawals.isOpen, debt.isSettled]).to.deep.equal([false, true]);
  });

  it("stops nobody for a space that has no ASID, and purges its cache all the same", () => {
    const { withdrawals, done } = bench(abs32le);
    const context = withCache(contextOf(abs32le, false, abs32le.asids.invalid), done);
    withdrawals.begin(context, 5, 1).releaseLater(8);
    withdrawals.settle();
    expect(done).to.deep.equal([
      "+page-table 7",
      "+asid 0",
      "tables-edited",
      "cache 5 1",
      "invalidated-locally",
      "-asid 0",
      "-page-table 7",
      "frame 8",
      "frames-released",
    ]);
    done.length = 0;
    withdrawals.forgetLocally(context, 5);
    expect(done).to.deep.equal(["+asid 0", "cache 5 1", "-asid 0"]);
  });

  it("of the kernel's drops everything where naming a page and the kernel's tag does not find global entries", () => {
    const with_ = (
      architecture: Architecture,
      page: Partial<Architecture["tlb"]["invalidation"]["page"]>,
      more: Partial<Architecture> = {},
    ): Architecture => ({
      ...architecture,
      ...more,
      tlb: {
        ...architecture.tlb,
        invalidation: { ...architecture.tlb.invalidation, page: { ...architecture.tlb.invalidation.page, ...page } },
      },
    });
    const noGlobal = { can: { ...abs32le.can, global: false } };
    const perSwitch = { ...abs32le, tlb: { ...abs32le.tlb, honoursGlobal: { switch: "PGE" } } };
    const cases: readonly (readonly [string, Architecture, isAll: boolean])[] = [
      ["abs32le", abs32le, false],
      ["ia32", ia32, false],
      ["mips32", mips32, false],
      ["sparc64, whose kernel is alone", sparc64, false],
      ["global entries survive", with_(abs32le, { dropsGlobal: false }), true],
      ["nothing is global", with_(abs32le, {}, noGlobal), true],
      ["nothing is global, and any tag goes", with_(abs32le, { anyAsid: true }, noGlobal), false],
      ["a switch decides", perSwitch, true],
      ["a switch decides, and any tag goes", with_(perSwitch, { anyAsid: true }), false],
      ["without tags, global entries survive", with_(ia32, { dropsGlobal: false }), true],
      ["without tags, and only named ones go", with_(ia32, { anyAsid: false }), false],
      ["alone, global entries survive", with_(sparc64, { dropsGlobal: false }), false],
    ];
    for (const [name, architecture, isAll] of cases) {
      const { withdrawals, done } = bench(architecture);
      const kernel = contextOf(architecture, true);
      withdrawals.begin(kernel, 5, 2);
      withdrawals.settle();
      withdrawals.forgetLocally(kernel, 6);
      expect(
        done.filter((each) => /^(start|local)/.test(each)),
        name,
      ).to.deep.equal(isAll ? ["start 1 0 5 2", "local all", "local all"] : ["start 3 0 5 2", "local 0 5 2", "local 0 6 1"]);
      done.length = 0;
      const user = contextOf(architecture);
      withdrawals.begin(user, 5, 2);
      withdrawals.settle();
      withdrawals.forgetLocally(user, 6);
      expect(
        done.filter((each) => /^(start|local)/.test(each)),
        `${name}, a user's`,
      ).to.deep.equal([`start 3 ${user.asid} 5 2`, `local ${user.asid} 5 2`, `local ${user.asid} 6 1`]);
    }
  });

  it("forgets on this processor alone where tables permit more by now", () => {
    const { withdrawals, done } = bench(abs32le);
    const context = withCache(contextOf(abs32le), done);
    withdrawals.forgetLocally(context, 12);
    expect(done).to.deep.equal(["+asid 0", `local ${context.asid} 12 1`, "cache 12 1", "-asid 0"]);
  });

  it("is one at a time, and settled once", () => {
    const { withdrawals } = bench(abs32le);
    expect(() => withdrawals.settle()).to.throw("no withdrawal is open");
    const debt = withdrawals.begin(contextOf(abs32le), 1, 1);
    expect(withdrawals.debt).to.equal(debt);
    expect(() => withdrawals.begin(contextOf(abs32le), 2, 1)).to.throw("a withdrawal is open already");
    withdrawals.settle();
    expect(() => withdrawals.settle()).to.throw("no withdrawal is open");
  });

  it("names the number that the space had when it began", () => {
    const { withdrawals, done } = bench(abs32le);
    const context = contextOf(abs32le, false, 5);
    withdrawals.begin(context, 1, 1);
    context.asid = 6;
    withdrawals.settle();
    expect(done.filter((each) => each.startsWith("local"))).to.deep.equal(["local 5 1 1"]);
  });
});

describe("a debt", () => {
  it("remembers every frame and table, in order, however many, and is settled when they are out", () => {
    const debt = new StaleTranslations();
    expect(debt.isSettled).to.equal(true);
    debt.add();
    expect([debt.isSettled, debt.pages]).to.deep.equal([false, 1]);
    const numbers = Array.from({ length: 100 }, (_, i) => 2 ** 45 + i);
    for (const number of numbers) debt.releaseLater(number);
    for (const number of numbers) debt.freeTableLater(number + 1000);
    const frames: number[] = [];
    const tables: number[] = [];
    debt.settle(
      (frame) => {
        expect(tables).to.deep.equal([]);
        frames.push(frame);
      },
      (unit) => tables.push(unit),
    );
    expect(frames).to.deep.equal(numbers);
    expect(tables).to.deep.equal(numbers.map((number) => number + 1000));
    expect([debt.isSettled, debt.pages]).to.deep.equal([true, 0]);
    debt.settle(
      () => expect.fail("twice"),
      () => expect.fail("twice"),
    );
  });

  it("is owed as long as there is a page, a frame or a table", () => {
    for (const owe of [
      (debt: StaleTranslations) => debt.add(),
      (debt: StaleTranslations) => debt.releaseLater(0),
      (debt: StaleTranslations) => debt.freeTableLater(0),
    ]) {
      const debt = new StaleTranslations();
      owe(debt);
      expect(debt.isSettled).to.equal(false);
    }
  });
});
