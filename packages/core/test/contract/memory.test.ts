/** Chapters C-1 to C-3 of the contract: memory, frames, addresses. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { sparc64 } from "@portolan/arch-sparc64";
import { AllocationGate } from "#src/allocation-gate.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { anonymous, assertInvariants, buildMachine, physical, READ, type PortolanEvent } from "#src/index.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { area, build, installed, machines, refuses, RO, RW } from "../fixture.js";
import { wide64 } from "../wide64.js";

const FRAME = 0x1000;

describe("the contract, physical memory", () => {
  it("C-1.1: words are bytes in the machine's order at addresses of up to 52 bits, 64-bit words two halves", () => {
    for (const [byteOrder, shown] of [
      ["little", [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01]],
      ["big", [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]],
    ] as const) {
      const base = 2 ** 52 - 16 * FRAME;
      const memory = new PhysicalMemory({ bytes: 16 * FRAME, base, physicalBits: 52, byteOrder, frameShift: 12 });
      for (const at of [base, 2 ** 52 - 8, base + FRAME - 4]) {
        memory.write64(at, 0x89abcdef, 0x01234567);
        expect(Array.from({ length: 8 }, (_, i) => memory.read8(at + i))).to.deep.equal(shown);
        expect([memory.readLow(at), memory.readHigh(at)]).to.deep.equal([0x89abcdef, 0x01234567]);
        const bytes = new Uint8Array(8);
        memory.readBytes(at, bytes);
        expect([...bytes]).to.deep.equal(shown);
      }
      for (const shift of [1, 2, 3]) {
        memory.write32(base + 64 + shift, 0xfedcba98);
        expect(memory.read32(base + 64 + shift), "at any alignment").to.equal(0xfedcba98);
        expect(memory.read16(base + 64 + shift)).to.equal(byteOrder === "little" ? 0xba98 : 0xfedc);
      }
    }
    for (const physicalBits of [19, 53, 32.5])
      refuses("ERR_BAD_ARGUMENT", () => new PhysicalMemory({ bytes: FRAME, physicalBits, byteOrder: "big", frameShift: 12 }));
  });

  it("C-1.2: a chunk comes into being at its first touch, and reads as zeroes", () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 45, physicalBits: 46, byteOrder: "little", frameShift: 12 });
    expect(memory.committed).to.equal(memory.chunkSize);
    expect(memory.read32(2 ** 44 + 4096)).to.equal(0);
    expect(memory.committed, "of 32 TiB").to.equal(2 * memory.chunkSize);
    memory.write8(2 ** 44 + 4096, 7);
    expect([memory.read8(2 ** 44 + 4096), memory.read8(4096)]).to.deep.equal([7, 0]);
    expect(memory.committed).to.equal(2 * memory.chunkSize);
  });

  it("C-1.3: outside RAM there is no memory unless the caller adds a region, which gives no frames", () => {
    for (const architecture of machines) {
      const size = 2 ** architecture.pageShift;
      const machine = build(architecture);
      const space = installed(machine);
      const device = 512 * size;
      const { total } = machine.parts.frames;
      space.createArea({ base: 16 * size, size: 2 * size, flags: RW, backend: physical(device, 2) });
      expect(machine.read32(16 * size), architecture.name).to.equal(-1);
      expect(machine.outcome).to.include({ reason: "bus", rule: "nothing answers at that physical address" });
      machine.parts.memory.addRegion(device, size);
      expect(machine.write32(16 * size, 5)).to.equal(true);
      expect(machine.parts.memory.read32(device)).to.equal(5);
      expect(machine.read32(17 * size), "behind the region").to.equal(-1);
      expect([machine.parts.frames.total, machine.parts.frames.references(device / size)]).to.deep.equal([total, -1]);
      refuses("ERR_BAD_ARGUMENT", () => machine.parts.memory.addRegion(device, size));
      refuses("ERR_BAD_ARGUMENT", () => machine.parts.memory.addRegion(2 ** architecture.physicalBits, size));
      assertInvariants(machine);
    }
  });

  it("C-1.4: a machine on a caller's memory keeps everything there, page tables included", () => {
    for (const architecture of machines) {
      const size = 2 ** architecture.pageShift;
      const memory = new SharedArrayBuffer(64 * size);
      const machine = buildMachine(architecture, { memory });
      const view = new DataView(memory);
      const isLittle = architecture.byteOrder === "little";
      area(installed(machine), 16 * size, 1);
      expect(machine.write32(16 * size, 0xfeedface)).to.equal(true);
      expect(view.getUint32(Number(machine.translate(16 * size, READ)), isLittle), architecture.name).to.equal(0xfeedface);
      view.setUint32(Number(machine.translate(16 * size, READ)), 77, isLittle);
      expect(machine.read32(16 * size)).to.equal(77);
      const space = machine.installed();
      if (space === null) throw new Error("a space is installed");
      for (const { entryAddress, raw, bytes } of machine.walk(space, 16 * size).steps) {
        if (entryAddress === null) continue;
        let word = 0n;
        for (let i = 0; i < bytes; i += 1)
          word = word * 256n + BigInt(view.getUint8(Number(entryAddress) + (isLittle ? bytes - 1 - i : i)));
        expect(word, "an entry lies where the walk says").to.equal(raw);
      }
      for (const bytes of [0, size - 1, size + 1])
        refuses("ERR_BAD_ARGUMENT", () => buildMachine(architecture, { memory: new ArrayBuffer(bytes) }));
    }
  });
});

describe("the contract, frames", () => {
  it("C-2.3: frames that are reserved are taken by nobody else; exhaustion is an error and takes nothing", () => {
    const memory = new PhysicalMemory({ bytes: 8 * FRAME, physicalBits: 32, byteOrder: "little", frameShift: 12 });
    const frames = new ZonedFrames(memory, new AllocationGate());
    expect(frames.reserve(6)).to.equal(true);
    expect(frames.reserve(3), "more than there are").to.equal(false);
    expect([frames.free, frames.reserved]).to.deep.equal([8, 6]);
    frames.take();
    frames.take();
    refuses("ERR_OUT_OF_FRAMES", () => frames.take());
    refuses("ERR_OUT_OF_FRAMES", () => frames.takeZeroed());
    refuses("ERR_OUT_OF_FRAMES", () => frames.takeRun(2, 1));
    expect([frames.free, frames.reserved]).to.deep.equal([6, 6]);
    const promised = frames.takeReserved();
    expect(frames.references(promised)).to.equal(1);
    expect([frames.free, frames.reserved]).to.deep.equal([5, 5]);
    frames.unreserve(5);
    refuses("ERR_BAD_ARGUMENT", () => frames.takeReserved());
    refuses("ERR_BAD_ARGUMENT", () => frames.unreserve(1));
    for (let left = 5; left > 0; left -= 1) frames.take();
    refuses("ERR_OUT_OF_FRAMES", () => frames.take());
    expect(frames.reserve(1)).to.equal(false);
  });
});

describe("the contract, addresses", () => {
  for (const architecture of [sparc64, wide64]) {
    it(`C-3.3: on ${architecture.name} no area touches the hole, no access in it reads a table, and room is found on both sides`, () => {
      const size = 2n ** BigInt(architecture.pageShift);
      const hole = 2n ** BigInt(architecture.virtualBits - 1);
      const above = 2n ** 64n - hole;
      const told: PortolanEvent[] = [];
      const machine = build(architecture, { onEvent: (event) => void told.push(event) });
      const space = installed(machine);
      for (const [base, pages] of [
        [hole, 1n],
        [hole - size, 2n],
        [above - size, 1n],
        [above - size, 2n],
        [hole - size, (above - hole) / size + 2n],
      ] as const)
        refuses("ERR_AREA_RANGE", () => space.createArea({ base, size: pages * size, flags: RW, backend: anonymous }));
      told.length = 0;
      for (const address of [hole, above - 1n]) {
        expect(machine.read32(address)).to.equal(-1);
        expect(machine.outcome?.reason).to.equal("bad-address");
      }
      expect(told.filter(({ kind }) => kind === "walk" || kind === "tsb" || kind === "tlb-fill")).to.deep.equal([]);
      const user = architecture.layout.user.last;
      if (user < above) return;
      const chosen = space.createArea({ lowest: hole - size, size: 2n * size, flags: RO, backend: anonymous });
      expect(chosen.base, "what does not fit below the hole is above it").to.equal(above);
      expect(space.createArea({ lowest: hole - size, size, flags: RO, backend: anonymous }).base).to.equal(hole - size);
      expect(machine.read32(above)).to.equal(0);
      assertInvariants(machine);
    });
  }

  it("C-3.2: a range may end with the last address, and none wraps", () => {
    for (const architecture of machines) {
      const size = 2n ** BigInt(architecture.pageShift);
      const { last } = architecture.layout.user;
      const machine = build(architecture);
      const space = installed(machine);
      expect(space.createArea({ base: last + 1n - size, size, flags: RW, backend: anonymous }).size).to.equal(size);
      expect(machine.write32(last - 3n, 9), architecture.name).to.equal(true);
      refuses("ERR_AREA_RANGE", () => space.createArea({ base: last + 1n - 2n * size, size: 3n * size, flags: RW, backend: anonymous }));
      const wrapping = 2n ** BigInt(architecture.wordBits) - 2n * size;
      refuses("ERR_AREA_RANGE", () => space.createArea({ base: 4n * size, size: wrapping, flags: RW, backend: anonymous }));
      refuses("ERR_AREA_RANGE", () => space.resizeArea(last + 1n - size, 2n * size));
      assertInvariants(machine);
    }
    expect(abs32le.layout.user.last).to.equal(0x7fff_ffffn);
  });
});
