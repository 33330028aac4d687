/** Chapters C-4 and C-5 of the contract: page tables and what translates through them. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { EXECUTE, KERNEL, PROTECTION, READ, USER, WRITE, type Machine, type WalkStep } from "#src/index.js";
import { area, build, installed, machines, RO } from "../fixture.js";
import { portrait } from "../state-hash.js";
import { wide64 } from "../wide64.js";

const trees = [abs32le, ia32, wide64];

const fieldOf = ({ fields }: WalkStep, name: string): bigint | undefined => fields.find((field) => field.name === name)?.value;

/** Clears one bit of an entry, as a debugger would. */
const clearBit = (machine: Machine, { entryAddress, bytes }: WalkStep, bit: number): void => {
  const { memory } = machine.parts;
  const at = Number(entryAddress);
  if (bytes === 4) {
    memory.write32(at, (memory.read32(at) & ~(1 << bit)) >>> 0);
    return;
  }
  const isHigh = bit >= 32;
  const cleared = (word: number, isIt: boolean): number => (isIt ? (word & ~(1 << (bit % 32))) >>> 0 : word);
  memory.write64(at, cleared(memory.readLow(at), !isHigh), cleared(memory.readHigh(at), isHigh));
};

describe("the contract, page tables", () => {
  for (const architecture of machines) {
    it(`C-4.7: walk changes nothing on ${architecture.name}, wherever it looks`, () => {
      const size = 2 ** architecture.pageShift;
      const machine = build(architecture, { cpus: 2 });
      const space = installed(machine);
      area(space, 16 * size, 2);
      machine.write32(16 * size, 1);
      const before = portrait(machine);
      const misses = machine.cpu(0).statistics.tlbMisses;
      for (const address of [
        0n,
        BigInt(16 * size),
        BigInt(17 * size),
        BigInt(40 * size),
        architecture.layout.kernel.first,
        architecture.layout.user.last,
      ])
        for (const access of [READ, WRITE, EXECUTE] as const)
          for (const privilege of [USER, KERNEL] as const)
            for (const of of [space, machine.spaces.kernel]) expect(machine.walk(of, address, access, privilege).rule).to.not.equal("");
      expect(portrait(machine)).to.deep.equal(before);
      expect(machine.cpu(0).statistics.tlbMisses).to.equal(misses);
    });
  }

  for (const architecture of trees) {
    it(`C-4.8: a table of ${architecture.name} is zeroed before it is linked, whatever lay in its frame`, () => {
      const size = 2 ** architecture.pageShift;
      const machine = build(architecture);
      const { frames, memory, tables, units } = machine.parts;
      const soiled = Array.from({ length: frames.free }, () => frames.take());
      for (const frame of soiled) memory.writeBytes(frame * size, new Uint8Array(size).fill(0xff));
      for (const frame of soiled) frames.release(frame);
      const space = installed(machine);
      area(space, 16 * size, 1);
      expect(machine.read32(16 * size)).to.equal(0);
      const mapped: number[] = [];
      tables.each(space.context, 0, units.pageOf(architecture.layout.user.last), (page) => mapped.push(page) > 0);
      expect(mapped).to.deep.equal([16]);
      const { translation } = architecture;
      expect(machine.walk(space, 16 * size).steps).to.have.length(translation.kind === "hierarchical" ? translation.levels.length : 0);
    });
  }

  for (const [architecture, write, user] of [
    [ia32, "R/W", "U/S"],
    [wide64, "W", "U"],
  ] as const) {
    it(`C-4.11: rights on ${architecture.name} are what every level lets through, and the core decides at the leaf`, () => {
      const size = 2 ** architecture.pageShift;
      const machine = build(architecture);
      const space = installed(machine);
      area(space, 16 * size, 2);
      area(space, 32 * size, 1, RO);
      machine.write32(16 * size, 1);
      machine.read32(32 * size);
      const cpu = machine.cpu(0);
      const leaf = machine.walk(space, 32 * size).steps.at(-1);
      const inner = machine.walk(space, 32 * size).steps.slice(0, -1);
      for (const step of inner) expect([fieldOf(step, write), fieldOf(step, user)], step.table).to.deep.equal([1n, 1n]);
      expect(leaf === undefined ? null : fieldOf(leaf, write)).to.equal(0n);
      for (const depth of inner.keys()) {
        const step = machine.walk(space, 16 * size).steps[depth];
        const field = step?.fields.find(({ name }) => name === write);
        if (step === undefined || field === undefined) throw new Error(`no ${write} at depth ${depth}`);
        const at = Number(step.entryAddress);
        const [low, high] =
          step.bytes === 4 ? [machine.parts.memory.read32(at), 0] : [machine.parts.memory.readLow(at), machine.parts.memory.readHigh(at)];
        clearBit(machine, step, field.low);
        cpu.invalidateAll();
        expect(cpu.translate(16, WRITE, USER), step.table).to.equal(-1);
        expect(cpu.fault.reason).to.equal(PROTECTION);
        expect(cpu.translate(16, READ, USER)).to.be.greaterThan(0);
        expect(machine.walk(space, 16 * size, WRITE).rule).to.contain(step.table);
        if (step.bytes === 4) machine.parts.memory.write32(at, low);
        else machine.parts.memory.write64(at, low, high);
        cpu.invalidateAll();
        expect(cpu.translate(16, WRITE, USER)).to.be.greaterThan(0);
      }
    });
  }
});

describe("the contract, the table walker", () => {
  for (const architecture of trees) {
    it(`C-5.5: on ${architecture.name} a walk that faults records nothing, and the first write through a clean entry walks again`, () => {
      const size = 2 ** architecture.pageShift;
      const machine = build(architecture);
      const space = installed(machine);
      const cpu = machine.cpu(0);
      area(space, 16 * size, 1);
      area(space, 17 * size, 1, RO);
      const marks = (page: number): (bigint | undefined)[] =>
        machine
          .walk(space, page * size)
          .steps.flatMap((step) => [fieldOf(step, "A"), fieldOf(step, "D")].filter((value) => value !== undefined));
      space.pageFault(17, READ);
      expect(cpu.translate(17, WRITE, USER)).to.equal(-1);
      expect(marks(17).every((mark) => mark === 0n)).to.equal(true);
      space.pageFault(16, READ);
      const before = cpu.statistics.walks;
      expect(cpu.load32(16, 0, USER)).to.equal(0);
      expect(cpu.statistics.walks).to.equal(before + 1);
      expect(marks(16).slice(-2)).to.deep.equal([1n, 0n]);
      expect(cpu.store32(16, 0, 1, USER)).to.equal(true);
      expect(cpu.statistics.walks, "the dirty mark").to.equal(before + 2);
      expect(marks(16).slice(-2)).to.deep.equal([1n, 1n]);
      expect(cpu.store32(16, 4, 1, USER)).to.equal(true);
      expect(cpu.statistics.walks).to.equal(before + 2);
    });
  }
});
