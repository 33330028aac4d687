/** One page at a time: what goes out, what is written, what comes back, and what a failing device changes. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm32 } from "@portolan/arch-arm";
import { mips32 } from "@portolan/arch-mips32";
import { assertInvariants, type AddressSpace, type Machine } from "#src/index.js";
import { materialise } from "#src/address-space/materialise.js";
import { ShadowObject } from "#src/objects/shadow-object.js";
import { SWAPPED_OUT, WIRED } from "#src/objects/page-cache.js";
import type { Swapper } from "#src/swap/swapper.js";
import { area, build, installed, PAGE, refuses } from "../fixture.js";
import { portrait } from "../state-hash.js";
import { TestSwap } from "./test-swap.js";

const BASE = 0x10000;
const at = (page: number): number => BASE + page * PAGE;

interface Scene {
  readonly machine: Machine;
  readonly device: TestSwap;
  readonly swapper: Swapper;
  readonly space: AddressSpace;
  readonly front: () => ShadowObject;
}

/** A space with eight pages, of which the first four hold 100, 101, 102 and 103, and the front of their area. */
const scene = (slots = 16, architecture = abs32le, cpus = 1): Scene => {
  const device = new TestSwap(slots);
  const machine = build(architecture, { swap: device, cpus });
  const { swapper } = machine.parts.reclaimer;
  if (swapper === null) throw new Error("a machine with a device has no swapper");
  const space = installed(machine);
  area(space, BASE, 8);
  for (let i = 0; i < 4; i += 1) machine.write32(at(i), 100 + i);
  const row = space.tree.first();
  materialise(space, row);
  const front = (): ShadowObject => machine.parts.areas.objectOf(space.tree.first()) as ShadowObject;
  return { machine, device, swapper, space, front };
};

const out = ({ swapper, front }: Scene, ...pages: number[]): string[] => pages.map((page) => swapper.pageOut(front(), page));

const check = ({ machine }: Scene): void => assertInvariants(machine);

describe("a page that goes out", () => {
  it("frees its frame, and comes back with its bytes when it is touched", () => {
    const all = scene();
    const { machine, device, swapper, front } = all;
    const { free } = machine.parts.frames;
    expect(out(all, 0, 2)).to.deep.equal(["gone", "gone"]);
    check(all);
    expect([machine.parts.frames.free, swapper.slots.inUse, front().cache.get(0)]).to.deep.equal([free + 2, 2, SWAPPED_OUT]);
    expect([0, 1, 2, 3, 4].map((i) => machine.read32(at(i)))).to.deep.equal([100, 101, 102, 103, 0]);
    check(all);
    expect([device.count("read"), device.count("write")]).to.deep.equal([2, 2]);
  });

  it("keeps its slot while it is only read, and is not written again", () => {
    const all = scene();
    const { machine, device, swapper } = all;
    out(all, 1);
    expect(machine.read32(at(1))).to.equal(101);
    expect(swapper.slots.inUse).to.equal(1);
    expect(out(all, 1)).to.deep.equal(["gone"]);
    expect(machine.read32(at(1))).to.equal(101);
    check(all);
    expect([device.count("write"), device.count("read"), swapper.spared]).to.deep.equal([1, 2, 1]);
  });

  it("gives its slot back with the first write, and is written again then", () => {
    const all = scene();
    const { machine, device, swapper } = all;
    out(all, 1);
    expect(machine.read32(at(1))).to.equal(101);
    expect(machine.write32(at(1), 555)).to.equal(true);
    expect(swapper.slots.inUse).to.equal(0);
    check(all);
    out(all, 1);
    expect(machine.read32(at(1))).to.equal(555);
    expect(device.count("write")).to.equal(2);
    // A write is the first access this time.
    out(all, 1);
    expect(machine.write8(at(1) + 8, 7)).to.equal(true);
    expect([swapper.slots.inUse, machine.read32(at(1))]).to.deep.equal([0, 555]);
    check(all);
  });

  it("stays when it is wired, and cannot go when it was never there", () => {
    const all = scene();
    const { front } = all;
    front().cache.mark(0, WIRED);
    expect(out(all, 0, 6)).to.deep.equal(["kept", "kept"]);
    expect(all.machine.read32(at(0))).to.equal(100);
    front().cache.clear(0, WIRED);
    check(all);
  });

  it("takes its slot along when its object goes", () => {
    const all = scene();
    const { machine, swapper, space } = all;
    out(all, 0, 1, 2);
    machine.read32(at(1));
    expect(swapper.slots.inUse).to.equal(3);
    machine.switchToKernel();
    space.destroy();
    expect(swapper.slots.inUse).to.equal(0);
    check(all);
  });
});

describe("a swap device that fails", () => {
  it("leaves a page in memory that it could not write, with its bytes, and takes no slot", () => {
    const all = scene();
    const { machine, device, swapper } = all;
    device.failsWrites = true;
    const { free } = machine.parts.frames;
    expect(out(all, 0, 3)).to.deep.equal(["failed", "failed"]);
    device.throws = true;
    expect(out(all, 1)).to.deep.equal(["failed"]);
    check(all);
    expect([machine.parts.frames.free, swapper.slots.inUse, swapper.failures, swapper.departing]).to.deep.equal([free, 0, 3, 0]);
    expect([0, 1, 3].map((i) => machine.read32(at(i)))).to.deep.equal([100, 101, 103]);
  });

  it("has no room for more pages than it has slots; clean ones need none", () => {
    const all = scene(2);
    const { machine } = all;
    expect(out(all, 0, 1, 2)).to.deep.equal(["gone", "gone", "no slot"]);
    expect(machine.read32(at(0))).to.equal(100);
    expect(out(all, 0, 3)).to.deep.equal(["gone", "no slot"]);
    check(all);
    expect([0, 1, 2, 3].map((i) => machine.read32(at(i)))).to.deep.equal([100, 101, 102, 103]);
  });

  it("CZ-12: tells the task that a page cannot be read, and never shows an older one from below", () => {
    const all = scene();
    const { machine, device, space } = all;
    const child = machine.spaces.fork(space);
    expect(machine.write32(at(0), 777)).to.equal(true);
    // The parent's own page 0 goes out; the frozen one below is resident.
    expect(out(all, 0)).to.deep.equal(["gone"]);
    for (const why of ["failsReads", "throws"] as const) {
      device[why] = true;
      expect([machine.read32(at(0)), machine.outcome?.rule]).to.deep.equal([-1, "the page could not be read"]);
      expect([machine.write32(at(0), 1), machine.outcome?.rule]).to.deep.equal([false, "the page could not be read"]);
      check(all);
      device[why] = false;
    }
    expect(machine.read32(at(0))).to.equal(777);
    machine.switchTo(child);
    expect(machine.read32(at(0))).to.equal(100);
    check(all);
  });
});

describe("a slow swap device", () => {
  it("lets the task wait for a page that comes back, once for all who want it", () => {
    const all = scene(16, abs32le, 2);
    const { machine, device, swapper, space } = all;
    machine.switchTo(space, 1);
    out(all, 0);
    device.isSlow = true;
    const woken: number[] = [];
    for (const cpu of [0, 1]) {
      expect([machine.read32(at(0), cpu), machine.outcome?.rule]).to.deep.equal([-1, "the page is on its way"]);
      machine.outcome?.waitsFor?.whenOver(() => woken.push(cpu));
    }
    expect([device.waiting, swapper.arriving]).to.deep.equal([1, 1]);
    check(all);
    device.answer();
    expect([woken, swapper.arriving]).to.deep.equal([[0, 1], 0]);
    check(all);
    device.isSlow = false;
    expect([machine.read32(at(0), 0), machine.read32(at(0), 1), device.count("read")]).to.deep.equal([100, 100, 1]);
  });

  it("tells a task that waited in vain, and asks again afterwards", () => {
    const all = scene();
    const { machine, device } = all;
    out(all, 0);
    device.isSlow = true;
    expect(machine.read32(at(0))).to.equal(-1);
    device.failsReads = true;
    device.answer();
    check(all);
    expect([machine.read32(at(0)), machine.outcome?.rule]).to.deep.equal([-1, "the page could not be read"]);
    device.failsReads = false;
    device.isSlow = false;
    expect(machine.read32(at(0))).to.equal(100);
    check(all);
  });

  it("keeps a page in memory that somebody wants before it is written", () => {
    const all = scene();
    const { machine, device, swapper } = all;
    device.isSlow = true;
    expect(out(all, 0, 1, 2)).to.deep.equal(["on its way", "on its way", "on its way"]);
    check(all);
    expect([machine.read32(at(0)), machine.write32(at(1), 5)]).to.deep.equal([100, true]);
    expect(swapper.departing).to.equal(3);
    device.answer();
    check(all);
    expect([swapper.departing, swapper.slots.inUse, swapper.written]).to.deep.equal([0, 1, 1]);
    device.isSlow = false;
    expect([0, 1, 2].map((i) => machine.read32(at(i)))).to.deep.equal([100, 5, 102]);
  });

  it("keeps a page that was written meanwhile, though nobody maps it any more", () => {
    const all = scene();
    const { machine, device, front, swapper } = all;
    device.isSlow = true;
    out(all, 0);
    machine.write32(at(0), 4242);
    device.isSlow = false;
    // Unmapped again by a second attempt, which finds the page on its way out already.
    expect(out(all, 0)).to.deep.equal(["kept"]);
    device.answer();
    expect([front().cache.get(0) >= 0, swapper.slots.inUse]).to.deep.equal([true, 0]);
    expect(machine.read32(at(0))).to.equal(4242);
    check(all);
  });

  it("may answer for a page whose object has gone", () => {
    const all = scene();
    const { machine, device, swapper, space } = all;
    out(all, 3);
    device.isSlow = true;
    out(all, 0);
    machine.read32(at(3));
    machine.switchToKernel();
    space.destroy();
    check(all);
    device.answer();
    check(all);
    expect([swapper.slots.inUse, swapper.departing, swapper.arriving]).to.deep.equal([0, 0, 0]);
  });
});

describe("stacks with pages in swap", () => {
  it("CZ-54: keep a swapped page when shadows merge, with its slot", () => {
    const all = scene();
    const { machine, swapper, space, front } = all;
    const frozen = front();
    const child = machine.spaces.fork(space);
    // The frozen shadow's page 2 goes out; then the child goes, and the frozen one merges with the parent's new front.
    expect(swapper.pageOut(frozen, 2)).to.equal("gone");
    for (const i of [0, 1, 3]) machine.write32(at(i), 200 + i);
    check(all);
    child.destroy();
    check(all);
    expect([0, 1, 2, 3].map((i) => machine.read32(at(i)))).to.deep.equal([200, 201, 102, 203]);
    check(all);
    machine.write32(at(2), 1);
    expect(swapper.slots.inUse).to.equal(0);
    check(all);
  });

  it("count a swapped page as covering the one below it", () => {
    const all = scene();
    const { machine, swapper, space, front } = all;
    const child = machine.spaces.fork(space);
    machine.write32(at(0), 300);
    expect(swapper.pageOut(front(), 0)).to.equal("gone");
    for (const i of [1, 2, 3]) machine.write32(at(i), 300 + i);
    check(all);
    expect([0, 1, 2, 3].map((i) => machine.read32(at(i)))).to.deep.equal([300, 301, 302, 303]);
    machine.switchTo(child);
    expect([0, 1, 2, 3].map((i) => machine.read32(at(i)))).to.deep.equal([100, 101, 102, 103]);
    check(all);
  });

  it("bring a page back into the object that had it, and both sides of a fork find it there", () => {
    const all = scene();
    const { machine, device, swapper, space, front } = all;
    const frozen = front();
    const child = machine.spaces.fork(space);
    expect(swapper.pageOut(frozen, 1)).to.equal("gone");
    expect(machine.read32(at(1))).to.equal(101);
    expect(frozen.cache.get(1)).to.be.at.least(0);
    machine.switchTo(child);
    expect(machine.read32(at(1))).to.equal(101);
    expect(device.count("read")).to.equal(1);
    expect(machine.write32(at(1), 9)).to.equal(true);
    machine.switchTo(space);
    expect(machine.read32(at(1))).to.equal(101);
    check(all);
  });
});

describe("allocations refused around swap", () => {
  it("change nothing that anybody could see, whichever it is", () => {
    let came = 0;
    for (let passes = 0; ; passes += 1) {
      const all = scene();
      const { machine, front } = all;
      out(all, 0);
      const before = portrait(machine);
      machine.parts.gate.failAfter(passes, Infinity);
      const isRead = machine.read32(at(0)) === 100;
      machine.parts.gate.disarm();
      check(all);
      if (isRead) {
        expect([passes > came, came > 0]).to.deep.equal([true, true]);
        break;
      }
      expect(machine.outcome?.rule).to.equal("out of memory");
      // That the page has come is no loss: its object has it now, and the next access finds it there.
      if (front().cache.get(0) === SWAPPED_OUT) expect(portrait(machine)).to.deep.equal(before);
      else came += 1;
      expect(machine.read32(at(0))).to.equal(100);
    }
  });

  it("leave pages in memory that could not be unmapped", () => {
    const all = scene();
    const { machine, swapper, front } = all;
    machine.parts.gate.failAfter(0, Infinity);
    // Page 1 lies between pages in use: its interval would come apart.
    refuses("ERR_OUT_OF_MEMORY", () => swapper.pageOut(front(), 1));
    machine.parts.gate.disarm();
    check(all);
    expect(machine.read32(at(1))).to.equal(101);
  });
});

describe("full memory and a full device", () => {
  for (const architecture of [abs32le, arm32, mips32]) {
    it(`end in a clean shortage on ${architecture.name}, and everything goes on when something is given up`, () => {
      const device = new TestSwap(6);
      const page = 2 ** architecture.pageShift;
      const machine = build(architecture, { swap: device, memoryBytes: 48 * page });
      const space = installed(machine);
      const base = Number(architecture.layout.user.first) + 16 * page;
      area(space, base, 100);
      area(space, base + 200 * page, 10);
      let done = 0;
      while (done < 100 && machine.write32(base + done * page, done + 1)) done += 1;
      expect([done < 100, machine.outcome?.rule]).to.deep.equal([true, "out of memory"]);
      assertInvariants(machine);
      const before = [machine.parts.frames.free, machine.parts.reclaimer.swapper?.slots.inUse, device.log.length];
      expect(machine.read32(base + 205 * page)).to.equal(-1);
      expect([machine.parts.frames.free, machine.parts.reclaimer.swapper?.slots.inUse, device.log.length]).to.deep.equal(before);
      assertInvariants(machine);
      space.resizeArea(base, (done - 4) * page);
      for (let i = 0; i < done - 4; i += 1) expect(machine.read32(base + i * page), `page ${i}`).to.equal(i + 1);
      expect(machine.write32(base + 205 * page, 3)).to.equal(true);
      assertInvariants(machine);
    });
  }
});
