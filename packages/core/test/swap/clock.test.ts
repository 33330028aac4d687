/** Which pages go first, and what a machine without a swap device does. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm32 } from "@portolan/arch-arm";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  file,
  FileObject,
  type AddressSpace,
  type Architecture,
  type Machine,
  type PortolanEvent,
} from "#src/index.js";
import { MemoryPager } from "#src/objects/memory-pager.js";
import { MemorySwap } from "#src/swap/memory-swap.js";
import { area, build, installed, machines } from "../fixture.js";

const FLAGS = AREA_READ | AREA_WRITE | AREA_CACHEABLE;

interface Scene {
  readonly machine: Machine;
  readonly space: AddressSpace;
  readonly swap: MemorySwap;
  readonly events: PortolanEvent[];
  readonly at: (page: number) => number;
}

const scene = (architecture: Architecture, frames: number, hasSwap = true): Scene => {
  const swap = new MemorySwap(1000);
  const events: PortolanEvent[] = [];
  const page = 2 ** architecture.pageShift;
  const tables = architecture.translation.kind === "hashed" ? 64 : 40;
  const machine = build(architecture, {
    memoryBytes: (frames + tables) * page,
    onEvent: (event) => events.push(event),
    ...(hasSwap ? { swap } : {}),
  });
  const space = installed(machine);
  const base = Number(architecture.layout.user.first) + 32 * page;
  return { machine, space, swap, events, at: (i) => base + i * page };
};

describe("the clock", () => {
  for (const architecture of machines) {
    it(`leaves pages in memory that are used all the time, on ${architecture.name}`, () => {
      const { machine, space, events, at } = scene(architecture, 40);
      const hot = 8;
      const pages = machine.parts.frames.free * 4;
      area(space, at(0), pages);
      for (let i = 0; i < hot; i += 1) machine.write32(at(i), i + 1);
      for (let i = hot; i < pages; i += 1) {
        machine.write32(at(i), i + 1);
        for (let j = 0; j < hot; j += 1) expect(machine.read32(at(j))).to.equal(j + 1);
      }
      // When memory is full for the first time every page looks used, and one is as good as another.
      const outs = events.flatMap((event) => (event.kind === "page-out" ? [event.offset] : [])).slice(hot);
      expect(outs.length).to.be.greaterThan(pages / 2);
      expect(
        outs.filter((offset) => offset < hot),
        "hot pages that went",
      ).to.deep.equal([]);
      assertInvariants(machine);
    });
  }

  it("takes pages in turn, where none is used again", () => {
    const { machine, space, events, at } = scene(abs32le, 40);
    const pages = machine.parts.frames.free * 2;
    area(space, at(0), pages);
    for (let i = 0; i < pages; i += 1) machine.write32(at(i), i + 1);
    const offsets = events.flatMap((event) => (event.kind === "page-out" ? [event.offset] : []));
    expect(offsets.length).to.be.greaterThan(40);
    expect(new Set(offsets).size, "no page goes twice").to.equal(offsets.length);
  });

  it("never takes the kernel's pages", () => {
    const { machine, space, at } = scene(abs32le, 40);
    const kernel = machine.spaces.kernel;
    const { layout, pageShift } = machine.architecture;
    const base = Number(layout.kernel.first) + 16 * 2 ** pageShift;
    kernel.createArea({ base, size: 4 * 2 ** pageShift, flags: FLAGS, backend: anonymous });
    for (let i = 0; i < 4; i += 1) expect(kernel.pageFault(machine.parts.units.pageOf(BigInt(base)) + i, 2)).to.equal(1);
    const pages = machine.parts.frames.free * 3;
    area(space, at(0), pages);
    for (let i = 0; i < pages; i += 1) expect(machine.write32(at(i), i + 1)).to.equal(true);
    expect(kernel.areaInfo(base)?.usedPages).to.equal(4);
    assertInvariants(machine);
  });
});

describe("a machine without a swap device", () => {
  for (const architecture of [abs32le, arm32]) {
    it(`gives up clean pages of files, and nothing else, on ${architecture.name}`, () => {
      const { machine, space, at, events } = scene(architecture, 30, false);
      const { frames } = machine.parts;
      const page = machine.parts.units.pageSize;
      const pages = 40;
      const pager = new MemoryPager(new Uint8Array(pages * page).fill(7));
      const object = new FileObject(machine.parts, pager, { length: pages * page });
      space.createArea({ base: at(0), size: pages * page, flags: FLAGS, backend: file(object) });
      for (let i = 0; i < 10; i += 1) expect(machine.write32(at(i), 1000 + i)).to.equal(true);
      for (let i = 10; i < pages; i += 1) expect(machine.read32(at(i))).to.equal(0x07070707);
      assertInvariants(machine);
      const rest = frames.free + object.cache.pages - 10;
      area(space, at(200), 100);
      let done = 0;
      while (done < 100 && machine.write32(at(200 + done), done)) done += 1;
      expect(machine.outcome?.rule).to.equal("out of memory");
      expect(done).to.be.within(rest - 4, rest);
      assertInvariants(machine);
      expect([object.dirtyPages, object.cache.pages]).to.deep.equal([10, 10]);
      for (let i = 0; i < 10; i += 1) expect(machine.read32(at(i))).to.equal(1000 + i);
      for (let i = 0; i < done; i += 1) expect(machine.read32(at(200 + i))).to.equal(i);
      expect(events.some(({ kind }) => kind === "page-out" || kind === "shadow")).to.equal(false);
    });
  }

  it("is as it was before, with or without frames to spare", () => {
    const { machine, space, at, events } = scene(abs32le, 10, false);
    area(space, at(0), 200);
    let done = 0;
    while (machine.write32(at(done), done)) done += 1;
    expect([machine.outcome?.rule, machine.parts.frames.free]).to.deep.equal(["out of memory", 0]);
    expect(events.some(({ kind }) => kind === "shadow" || kind === "unmap")).to.equal(false);
    expect(machine.parts.reclaimer.passed).to.equal(0);
    assertInvariants(machine);
  });
});

describe("files under pressure", () => {
  it("keep dirty pages in their storage before they leave memory, and stay when that fails", () => {
    const { machine, space, at } = scene(abs32le, 30);
    const page = machine.parts.units.pageSize;
    const pages = machine.parts.frames.free * 2;
    class FailingPager extends MemoryPager {
      fails = false;
      override pageOut(request: Parameters<MemoryPager["pageOut"]>[0]): ReturnType<MemoryPager["pageOut"]> {
        return this.fails ? "EIO" : super.pageOut(request);
      }
    }
    const pager = new FailingPager(new Uint8Array(pages * page));
    const object = new FileObject(machine.parts, pager, { length: pages * page });
    space.createArea({ base: at(0), size: pages * page, flags: FLAGS, backend: file(object) });
    for (let i = 0; i < pages; i += 1) expect(machine.write32(at(i), i + 1), `page ${i}`).to.equal(true);
    for (let i = 0; i < pages; i += 1) expect(machine.read32(at(i)), `page ${i}`).to.equal(i + 1);
    assertInvariants(machine);
    pager.fails = true;
    let done = 0;
    while (done < pages && machine.write32(at(done), 9000 + done)) done += 1;
    expect([done < pages, machine.outcome?.rule]).to.deep.equal([true, "out of memory"]);
    assertInvariants(machine);
    pager.fails = false;
    for (let i = 0; i < pages; i += 1) expect(machine.read32(at(i)), `page ${i}`).to.equal(i < done ? 9000 + i : i + 1);
    assertInvariants(machine);
  });
});
