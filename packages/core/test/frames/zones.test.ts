import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { AllocationGate } from "#src/allocation-gate.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { anonymous, AREA_READ, AREA_WRITE, assertInvariants, buildMachine } from "#src/index.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";

const FRAME = 0x1000;
const options = { bytes: 64 * FRAME, base: 16 * FRAME, physicalBits: 32, byteOrder: "little", frameShift: 12 } as const;
/** RAM in frames 16–31, 40–47 and 64–79. */
const holes = [
  { base: 48 * FRAME, bytes: 16 * FRAME },
  { base: 32 * FRAME, bytes: 8 * FRAME },
];

describe("zones of frames", () => {
  const fresh = () => {
    const memory = new PhysicalMemory({ ...options, holes });
    return { memory, zones: new ZonedFrames(memory, new AllocationGate()) };
  };

  it("frames come from RAM only, the lowest zone first", () => {
    const { memory, zones } = fresh();
    expect(zones.total).to.equal(40);
    const taken = Array.from({ length: 40 }, () => zones.take());
    expect(taken.toSorted((a, b) => a - b)).to.deep.equal([
      ...Array.from({ length: 16 }, (_, i) => 16 + i),
      ...Array.from({ length: 8 }, (_, i) => 40 + i),
      ...Array.from({ length: 16 }, (_, i) => 64 + i),
    ]);
    expect(() => zones.take()).to.throw("frame");
    for (const frame of taken) expect(memory.isBacked(frame * FRAME)).to.equal(true);
    for (const frame of taken) expect(zones.release(frame)).to.equal(true);
    expect(zones.free).to.equal(40);
  });

  it("a run lies in one zone, aligned, wherever there is room for it", () => {
    const { zones } = fresh();
    const singles = Array.from({ length: 10 }, () => zones.take());
    expect(zones.takeRun(8, 8), "16 to 31 has no aligned eight left").to.equal(40);
    expect(zones.takeRun(16, 16)).to.equal(64);
    expect(() => zones.takeRun(8, 1)).to.throw("frames");
    expect(zones.takeRun(6, 1)).to.equal(26);
    expect(zones.free).to.equal(0);
    for (const frame of singles) zones.release(frame);
    expect(zones.takeRun(8, 8)).to.equal(16);
  });

  it("holes and what lies outside have no references and no bytes", () => {
    const { memory, zones } = fresh();
    expect([15, 32, 39, 48, 80].map((frame) => zones.references(frame))).to.deep.equal([-1, -1, -1, -1, -1]);
    expect([15, 32, 39, 48, 80].map((frame) => memory.isBacked(frame * FRAME))).to.deep.equal([false, false, false, false, false]);
    expect(zones.release(33), "like a device's").to.equal(false);
    expect(() => zones.share(33)).to.throw("outside every zone");
  });

  it("refuses holes that overlap, stick out, cut frames or leave nothing", () => {
    for (const wrong of [
      [{ base: 15 * FRAME, bytes: FRAME }],
      [{ base: 79 * FRAME, bytes: 2 * FRAME }],
      [{ base: 20 * FRAME + 1, bytes: FRAME }],
      [{ base: 20 * FRAME, bytes: 1 }],
      [
        { base: 20 * FRAME, bytes: 2 * FRAME },
        { base: 21 * FRAME, bytes: FRAME },
      ],
      [{ base: 16 * FRAME, bytes: 64 * FRAME }],
      [{ base: 20 * FRAME, bytes: 0 }],
    ])
      expect(() => new PhysicalMemory({ ...options, holes: wrong }), JSON.stringify(wrong))
        .to.throw()
        .with.property("code", "ERR_BAD_ARGUMENT");
  });

  it("a machine with holes works to its last frame", () => {
    const machine = buildMachine(abs32le, { memoryBytes: 64 * FRAME, memoryBase: 16 * FRAME, memoryHoles: holes });
    const space = machine.spaces.create();
    machine.switchTo(space);
    space.createArea({ base: 0x10_0000, size: 64 * FRAME, flags: AREA_READ | AREA_WRITE, backend: anonymous });
    let pages = 0;
    while (machine.write32(0x10_0000 + pages * FRAME, pages)) pages += 1;
    expect(machine.outcome?.rule).to.equal("out of memory");
    expect(machine.parts.frames.free).to.equal(0);
    for (let page = 0; page < pages; page += 1) expect(machine.read32(0x10_0000 + page * FRAME)).to.equal(page);
    assertInvariants(machine);
  });
});
