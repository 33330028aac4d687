import { expect } from "chai";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { anonymous, AREA_EXECUTE, AREA_READ, AREA_WRITE, buildMachine, READ, type Architecture, type Machine } from "@portolan/core";
import { AccessEngine, FETCH, Footprint, LOAD, MODIFY, STORE, type Places } from "#src/index.js";

const DATA = 0x1000_0000;
const CODE = 0x2000_0000;
const SIZE = 64 * 1024;
const inPlace: Places = { dataHome: (page) => page, codeHome: (page) => page, fill: () => {} };

const prepare = (
  architecture: Architecture,
  options: { memoryBytes?: number; cpus?: number } = {},
): { machine: Machine; engine: AccessEngine } => {
  const machine = buildMachine(architecture, options);
  const space = machine.spaces.create();
  space.createArea({ base: DATA, size: SIZE, flags: AREA_READ | AREA_WRITE, backend: anonymous });
  space.createArea({ base: CODE, size: SIZE, flags: AREA_READ | AREA_EXECUTE, backend: anonymous });
  for (const cpu of machine.cpus) machine.switchTo(space, cpu.id);
  return { machine, engine: new AccessEngine(machine, inPlace, 10) };
};

/** Changes a byte behind the engine's back. */
const scribble = (machine: Machine, address: number): void => {
  const place = Number(machine.translate(address, READ));
  machine.parts.memory.write8(place, machine.parts.memory.read8(place) ^ 1);
};

describe("the engine of accesses", () => {
  for (const architecture of [ia32, sparc64]) {
    it(`notices each wrong byte on ${architecture.name}, of data and of code`, () => {
      const { machine, engine } = prepare(architecture);
      engine.access(STORE, 0, DATA + 3, 8);
      engine.access(LOAD, 0, DATA + 3, 8);
      engine.access(FETCH, 0, CODE + 5, 6);
      expect(engine).to.include({ wrongBytes: 0, bytesChecked: 14, refused: 0 });
      scribble(machine, DATA + 4);
      engine.access(LOAD, 0, DATA + 3, 8);
      expect(engine.wrongBytes).to.equal(1);
      scribble(machine, DATA + 10);
      engine.access(LOAD, 0, DATA + 3, 8);
      expect(engine.wrongBytes).to.equal(3);
      scribble(machine, CODE + 10);
      engine.access(FETCH, 0, CODE + 5, 6);
      expect(engine.wrongBytes).to.equal(4);
      engine.access(MODIFY, 0, DATA + 4, 1);
      engine.access(MODIFY, 0, DATA + 4, 1);
      expect(engine.wrongBytes, "stored over, and right again").to.equal(5);
    });
  }

  it("notices a store that went elsewhere", () => {
    const { machine, engine } = prepare(ia32);
    engine.access(STORE, 0, DATA, 4);
    machine.write32(DATA, 0);
    engine.access(LOAD, 0, DATA, 4);
    expect(engine.wrongBytes).to.be.greaterThan(0);
  });

  it("takes turns: a processor has its slice of accesses, then it is the next one's", () => {
    const { machine, engine } = prepare(ia32, { cpus: 3 });
    const misses = (): number[] => machine.cpus.map(({ statistics }) => statistics.tlbMisses);
    for (let i = 0; i < 10; i += 1) engine.access(LOAD, 0, DATA, 4);
    expect(misses().map((count) => count > 0)).to.deep.equal([true, false, false]);
    for (let i = 0; i < 20; i += 1) engine.access(LOAD, 0, DATA, 4);
    expect(misses().map((count) => count > 0)).to.deep.equal([true, true, true]);
    engine.finish();
    expect(machine.parts.preemption.cpu).to.equal(0);
  });

  it("keeps copies of pages that were reached, none of what was refused", () => {
    const { engine } = prepare(ia32);
    for (let i = 0; i < 100; i += 1)
      for (const kind of [FETCH, LOAD, STORE, MODIFY] as const) engine.access(kind, 0, 0x4000_0000 + i * 4096, 4);
    engine.access(STORE, 0, CODE, 4);
    expect(engine).to.include({ pagesHeld: 0, refused: 501, bytesChecked: 0 });
    expect(engine.refusals).to.have.length(8);
    expect(engine.refusals[0]).to.include({ address: 0x4000_0000n, rule: "no area at this address" });
    engine.access(LOAD, 0, DATA + 4094, 4);
    expect(engine.pagesHeld).to.equal(2);
  });

  it("does not go round for ever if a fault is served and the access refused still", () => {
    const { machine, engine } = prepare(ia32);
    machine.serveFault = () => true;
    for (const kind of [FETCH, LOAD, STORE] as const) expect(() => engine.access(kind, 0, DATA, 4)).to.throw(Error, "again and again");
  });
});

describe("the footprint of a trace", () => {
  it("has every page that an access touches, and what was done to it", () => {
    const footprint = new Footprint(12);
    footprint.access(FETCH, 0, 0x1ffe, 4);
    footprint.access(LOAD, 0, 0x5000, 1);
    footprint.access(MODIFY, 0, 0x5ff8, 8);
    footprint.access(STORE, 0xffff_ffff, 0xffff_ffff, 1);
    expect([...footprint.pages]).to.deep.equal([
      [1, 4],
      [2, 4],
      [5, 3],
      [2 ** 52 - 1, 2],
    ]);
    expect(footprint.counts).to.deep.equal([1, 1, 1, 1]);
  });

  it("is bounded", () => {
    const footprint = new Footprint(12, 3);
    for (let page = 0; page < 3; page += 1) footprint.access(LOAD, 0, page * 4096, 4);
    expect(() => footprint.access(LOAD, 0, 3 * 4096, 4))
      .to.throw("touches more pages")
      .with.property("code", "ERR_DOES_NOT_FIT");
  });
});
