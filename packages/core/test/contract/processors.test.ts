/** Chapters C-6 to C-8 of the contract: software caches, ASIDs, shootdown. */
import { expect } from "chai";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { assertInvariants, buildMachine, SHOOTDOWN, Tsb, type PortolanEvent } from "#src/index.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import type { Shootdown } from "#src/tlb/shootdown.js";
import { area, build, fewAsids, installed, machines, refuses, RW } from "../fixture.js";

const stealing = machines.filter(({ asids }) => asids.policy === "steal-oldest");

/** Memory that shows what a handler on another processor would see after every store. */
class Watched extends PhysicalMemory {
  seen: () => void = () => {};

  override write64(address: number, low: number, high: number): void {
    super.write64(address, low, high);
    this.seen();
  }
}

describe("the contract, software caches", () => {
  it("C-6.2: while a slot is written a handler sees the old pair, a miss, or the new pair", () => {
    const memory = new Watched({ bytes: 2 ** 20, physicalBits: 32, byteOrder: "big", frameShift: 13 });
    const tsb = new Tsb(memory, 0x8000, 512);
    tsb.write(7, 1, 2, 3, 4);
    const pair = (): string => [tsb.tagLow(7), tsb.tagHigh(7), tsb.dataLow(7), tsb.dataHigh(7)].join(" ");
    const seen: string[] = [];
    memory.seen = () => void seen.push(tsb.isMarked(7) ? "a miss" : pair());
    tsb.write(7, 11, 12, 13, 14);
    expect(seen).to.deep.equal(["a miss", "a miss", "11 12 13 14"]);
    seen.length = 0;
    tsb.invalidate(7 + 512, 1);
    expect(seen).to.deep.equal(["a miss"]);
    expect(tsb.holds(7, 11, 12)).to.equal(false);
  });
});

describe("the contract, ASIDs", () => {
  for (const architecture of stealing) {
    const { asids } = architecture;

    it(`C-7.1: a space of ${architecture.name} gets an ASID when it is first installed, and keeps it while it is installed anywhere`, () => {
      const machine = build(fewAsids(architecture), { cpus: 3 });
      const space = machine.spaces.create();
      expect(space.context.asid).to.equal(asids.invalid);
      machine.switchTo(space, 0);
      machine.switchTo(space, 1);
      const { asid } = space.context;
      expect(asid).to.be.within(asids.first, asids.last);
      for (let i = 0; i < 20; i += 1) {
        installed(machine, 2);
        expect(space.context.asid).to.equal(asid);
        if (i === 10) machine.switchToKernel(0);
      }
      expect(machine.parts.asids.stolen).to.be.greaterThan(10);
      assertInvariants(machine);
    });

    it(`C-7.2: on ${architecture.name} the space that has been inactive longest loses its ASID, and its software cache is empty then`, () => {
      const machine = build(fewAsids(architecture), { cpus: 2 });
      const size = 2 ** architecture.pageShift;
      const spaces = Array.from({ length: 5 }, () => installed(machine));
      const [first, second, third] = spaces;
      if (first === undefined || second === undefined || third === undefined) throw new Error("there are five");
      machine.switchTo(second);
      area(second, 16 * size, 1);
      machine.write32(16 * size, 2);
      for (const space of [third, first]) machine.switchTo(space);
      machine.switchToKernel();
      // Inactive since: fourth, fifth, second, third, first.
      const lost: (number | undefined)[] = [];
      const { asid } = second.context;
      for (let i = 0; i < 3; i += 1) {
        const has = spaces.map(({ context }) => context.asid !== asids.invalid);
        installed(machine, 1);
        lost.push(spaces.findIndex(({ context }, space) => has[space] && context.asid === asids.invalid));
      }
      expect(lost).to.deep.equal([3, 4, 1]);
      let cached = 0;
      second.context.cache?.eachTranslation(() => (cached += 1));
      expect(cached).to.equal(0);
      expect(machine.installed(1)?.context.asid, "and the third new one has it").to.equal(asid);
      machine.switchTo(second);
      expect(machine.read32(16 * size)).to.equal(2);
      assertInvariants(machine);
    });

    it(`C-7.5: ${architecture.name} with no more ASIDs than processors is refused`, () => {
      const two = { ...architecture, asids: { ...asids, last: asids.first + 1 } };
      refuses("ERR_BAD_ARGUMENT", () => buildMachine(two, { cpus: 2 }));
      expect(buildMachine(two, { cpus: 1 }).cpus).to.have.length(1);
    });
  }

  it("C-7.6: without tags every user space has the same number, and installing one forgets what the last one left", () => {
    const machine = build(ia32);
    const [one, other] = [machine.spaces.create(), machine.spaces.create()];
    for (const [i, space] of [one, other].entries()) {
      area(space, 0x10000, 1);
      machine.switchTo(space);
      machine.write32(0x10000, 100 + i);
      expect(space.context.asid).to.equal(ia32.asids.first);
      assertInvariants(machine);
    }
    let entries = 0;
    machine.cpu(0).dataTlb.each(() => (entries += 1));
    expect(entries, "those of the space that is installed").to.equal(1);
    machine.switchTo(one);
    expect(machine.read32(0x10000)).to.equal(100);
  });
});

describe("the contract, shootdown", () => {
  /** A machine whose shootdown can be got at. */
  const withShootdown = (architecture = ia32, cpus = 3) => {
    const told: PortolanEvent[] = [];
    let shootdown: Shootdown | null = null;
    const machine = build(architecture, { cpus, onEvent: (event) => void told.push(event) }, (parts) =>
      parts.register(SHOOTDOWN, (_get, usual) => (shootdown = usual())),
    );
    const space = installed(machine);
    for (let cpu = 1; cpu < cpus; cpu += 1) machine.switchTo(space, cpu);
    const size = 2 ** architecture.pageShift;
    area(space, 16 * size, 8);
    for (let page = 16; page < 24; page += 1) machine.write32(page * size, 1);
    if (shootdown === null) throw new Error("no shootdown was made");
    return { machine, space, size, told, shootdown: shootdown as Shootdown };
  };

  for (const architecture of machines) {
    it(`C-8.2: start stops every processor of ${architecture.name}, its own too, with a message of the kind that is needed`, () => {
      const { machine, space, size, told, shootdown } = withShootdown(architecture);
      const active = (): boolean[] => machine.cpus.map(({ tlbActive }) => tlbActive);
      let stopped = 0;
      machine.parts.preemption.scheduler = {
        at(point) {
          if (point !== "tables-edited") return;
          stopped += 1;
          expect(active()).to.deep.equal([false, false, false]);
          expect([0, 1, 2].map((cpu) => shootdown.waiting(cpu))).to.deep.equal([0, 1, 1]);
        },
      };
      told.length = 0;
      space.resizeArea(16 * size, 6 * size);
      machine.parts.preemption.scheduler = null;
      expect(stopped).to.equal(1);
      expect(active()).to.deep.equal([true, true, true]);
      const sent = told.filter((event) => event.kind === "shootdown");
      expect(sent).to.deep.equal([{ kind: "shootdown", cpu: 0, type: "pages", asid: space.context.asid, page: 22, count: 2 }]);
      expect(told.filter(({ kind }) => kind === "shootdown-ack")).to.have.length(2);
      told.length = 0;
      installed(machine, 1);
      const types = told.flatMap((event) => (event.kind === "shootdown" ? [event.type] : []));
      expect(types).to.deep.equal(architecture.asids.policy === "fixed" ? [] : ["asid"]);
    });
  }

  it("C-8.5: a processor with interrupts off is waited for, and one that never stops is an assertion", () => {
    const { machine, space, size, shootdown } = withShootdown();
    const deaf = machine.cpu(2);
    let waits = 0;
    deaf.interrupts = false;
    machine.parts.preemption.scheduler = {
      at(point) {
        if (point !== "shootdown-wait") return;
        waits += 1;
        expect(deaf.tlbActive).to.equal(true);
        if (waits === 2) shootdown.interruptsOn(deaf);
      },
    };
    space.resizeArea(16 * size, 4 * size);
    expect(waits).to.equal(2);
    expect([deaf.tlbActive, shootdown.waiting(2)]).to.deep.equal([true, 0]);
    machine.parts.preemption.scheduler = null;
    assertInvariants(machine);
    deaf.interrupts = false;
    expect(() => space.resizeArea(16 * size, 2 * size)).to.throw(Error, "never acknowledges");
  });

  for (const architecture of machines) {
    it(`C-8.8: gaining areas, pages and rights stops no processor of ${architecture.name}`, () => {
      const { machine, space, size, told } = withShootdown(architecture);
      const { tables } = machine.parts;
      told.length = 0;
      area(space, 32 * size, 4);
      expect(machine.write32(33 * size, 1, 1)).to.equal(true);
      space.resizeArea(32 * size, 6 * size);
      expect(machine.write32(37 * size, 1, 2)).to.equal(true);
      space.createArea({ base: 64 * size, size, flags: RW, backend: null });
      expect(tables.find(space.context, 33)).to.equal(true);
      space.setMapping(64 * size, tables.found.frame);
      expect(machine.read32(64 * size, 1)).to.equal(1);
      expect(told.filter(({ kind }) => kind === "shootdown")).to.deep.equal([]);
      space.destroyArea(64 * size);
      assertInvariants(machine);
    });
  }

  it("C-8.10: a machine has 1 to 64 processors, and all of them are stopped", () => {
    for (const cpus of [0, 65, -1, 1.5, NaN]) refuses("ERR_BAD_ARGUMENT", () => buildMachine(sparc64, { cpus }));
    for (const architecture of [ia32, sparc64]) {
      const { machine, space, size, told } = withShootdown(architecture, 64);
      for (const { id } of machine.cpus) expect(machine.read32(20 * size, id)).to.equal(1);
      told.length = 0;
      space.destroyArea(16 * size);
      expect(told.filter(({ kind }) => kind === "shootdown-ack")).to.have.length(63);
      for (const { id } of machine.cpus) expect(machine.read32(20 * size, id)).to.equal(-1);
      assertInvariants(machine);
    }
  });
});
