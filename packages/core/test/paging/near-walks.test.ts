/** Most misses are served by the near walk: everything must come out, and be told, as if the walker had been asked each time. */
import { expect } from "chai";
import {
  EXECUTE,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  Random,
  READ,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type Cpu,
  type PortolanEvent,
  type Privilege,
} from "#src/index.js";
import { WalkPlan } from "#src/paging/walk-plan.js";
import { needsEntryNotes } from "#src/tlb/entry-note.js";
import { NO_BITS } from "#src/tlb/near-walk.js";
import type { Tlb } from "#src/tlb/tlb.js";
import { build, installed, machines } from "../fixture.js";

const walked = machines.filter(({ tlb, translation }) => tlb.refill === "hardware" && translation.kind === "hierarchical");
const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];
const PAGES = 96;

const entriesOf = (tlb: Tlb): unknown => {
  const entries: unknown[] = [];
  tlb.each((entry) =>
    entries.push([
      entry,
      tlb.firstPage(entry),
      tlb.span(entry),
      tlb.frame(entry),
      tlb.asid(entry),
      tlb.rights(entry),
      tlb.isGlobal(entry),
      tlb.isUsed(entry),
    ]),
  );
  return entries;
};

/** Stands between a processor and its walker, who is asked about every miss from then on. */
const standBetween = (cpu: Cpu): { misses: number } => {
  const walker = cpu.refill;
  const seen = { misses: 0 };
  cpu.refill = {
    miss: (...given) => {
      seen.misses += 1;
      return walker.miss(...given);
    },
    refused: (...given) => walker.refused(...given),
  };
  return seen;
};

/** One machine with trees of random pages, and what a random number does to it. */
const bench = (architecture: Architecture, seed: number, told: PortolanEvent[] | null) => {
  const size = 2 ** architecture.pageShift;
  const onEvent = told === null ? {} : { onEvent: (event: PortolanEvent): void => void told.push(event) };
  const machine = build(architecture, { memoryBytes: 512 * size, ...onEvent });
  const space = installed(machine);
  const { tables, memory } = machine.parts;
  const setting = new Random(seed);
  for (let page = 0; page < PAGES; page += 1) {
    const flags = setting.below(4) === 0 ? setting.below(8) | READ : READ | WRITE | EXECUTE;
    const shared = (setting.below(8) === 0 ? 0 : PAGE_USER) | (page % 4 < 2 ? PAGE_GLOBAL : 0);
    tables.insert(space.context, page, 100 + setting.below(300), flags | shared | PAGE_CACHEABLE);
  }
  const cpu: Cpu = machine.cpu(0);
  /** Turns over a bit of a word on the way to a page; the TLB is not told. Answers what turns it back. */
  const spoil = (page: number, random: Random): (() => void) => {
    const { steps } = machine.walk(space, page * size);
    const step = steps[random.below(steps.length)];
    if (step?.entryAddress === undefined || step.entryAddress === null || !memory.isBacked(Number(step.entryAddress))) return () => {};
    const bit = random.below(random.below(2) === 0 ? 12 : step.bytes * 8);
    const byte = memory.byteOrder === "little" ? bit >>> 3 : step.bytes - 1 - (bit >>> 3);
    const at = Number(step.entryAddress) + byte;
    const turn = (): void => memory.write8(at, memory.read8(at) ^ (1 << (bit & 7)));
    turn();
    return turn;
  };
  const access = (page: number, kind: Access, privilege: Privilege): unknown => [
    kind === READ
      ? cpu.load32(page, 8, privilege)
      : kind === WRITE
        ? cpu.store32(page, 8, page, privilege)
        : cpu.fetch32(page, 8, privilege),
    cpu.fault.isPending ? { ...cpu.fault } : null,
  ];
  return { cpu, spoil, access, space };
};

for (const architecture of walked) {
  it(`on ${architecture.name} accesses end as if the walker were asked each time, with the same entries, counts and events`, () => {
    const switches = Object.keys(architecture.switches);
    const shift = architecture.pageShift - architecture.hardwarePageShift;
    for (let seed = 0; seed < 3; seed += 1) {
      const told: PortolanEvent[] = [];
      const toldByWalker: PortolanEvent[] = [];
      const quiet = bench(architecture, seed, null);
      const heard = bench(architecture, seed, told);
      const walking = bench(architecture, seed, toldByWalker);
      const walker = standBetween(walking.cpu);
      for (let step = 0; step < 1200; step += 1) {
        const random = new Random(seed * 10_000 + step);
        const page = random.below(PAGES) * 2 ** shift;
        const kind = ACCESSES[random.below(8) === 0 ? random.below(3) : 0];
        const privilege = random.below(4) === 0 ? KERNEL : USER;
        const event = random.below(40);
        const results = [quiet, heard, walking].map(({ cpu, spoil, access, space }) => {
          const name = switches[step % Math.max(1, switches.length)];
          if (event === 0 && name !== undefined) cpu.setSwitch(name, !cpu.switches[name]);
          if (event === 1) cpu.invalidateAll();
          if (event < 8) cpu.invalidatePages(space.context.asid, page / 2 ** shift, 1);
          const mend = event < 4 ? spoil(page / 2 ** shift, new Random(step)) : null;
          const result = access(page, kind, privilege);
          mend?.();
          return result;
        });
        const name = `seed ${seed}, step ${step}, page ${page}`;
        expect(results[0], name).to.deep.equal(results[2]);
        expect(results[1], name).to.deep.equal(results[2]);
        expect(told.splice(0), name).to.deep.equal(toldByWalker.splice(0));
        for (const { cpu } of [quiet, heard]) expect(cpu.statistics, name).to.deep.equal(walking.cpu.statistics);
        if (step % 20 !== 0) continue;
        for (const { cpu } of [quiet, heard]) {
          expect(entriesOf(cpu.dataTlb), name).to.deep.equal(entriesOf(walking.cpu.dataTlb));
          expect(entriesOf(cpu.instructionTlb), name).to.deep.equal(entriesOf(walking.cpu.instructionTlb));
        }
      }
      expect(walker.misses).to.be.above(100);
    }
  });
}

it("whoever stands between a processor and its walker hears of every miss", () => {
  for (const architecture of walked) {
    const { cpu, access } = bench(architecture, 1, null);
    // A buffer that holds nothing lacks every page for certain: the near walk is asked before the walker.
    const missEach = (): void => {
      for (let page = 0; page < PAGES; page += 1) {
        cpu.invalidateAll();
        access(page, READ, KERNEL);
      }
    };
    // The first walks make marks, the second ones meet the words that the near walk goes by.
    missEach();
    missEach();
    const seen = standBetween(cpu);
    const before = cpu.statistics.tlbMisses;
    missEach();
    expect(seen.misses, architecture.name).to.equal(cpu.statistics.tlbMisses - before);
    expect(seen.misses, architecture.name).to.be.at.least(PAGES / 2);
  }
});

it("a walker knows the words that it has met, and the near walk goes by them; of others it has judged none", () => {
  let plain = 0;
  for (const architecture of walked) {
    const machine = build(architecture);
    const space = installed(machine);
    const cpu = machine.cpu(0);
    const page = 5 * 2 ** (architecture.pageShift - architecture.hardwarePageShift);
    // All rights: a bit that forbids one may stand where only the codec looks.
    machine.parts.tables.insert(space.context, 5, 9, READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE);
    // A first walk may mark what it meets, which makes other words of it.
    for (let walk = 0; walk < 3; walk += 1) {
      cpu.load32(page, 0, USER);
      cpu.invalidateAll();
    }
    const plan = cpu.refillState;
    if (!(plan instanceof WalkPlan)) throw new Error("the walker has no plan");
    for (const step of plan.steps) {
      const known = step.answers.filter((answer) => answer !== -1).length;
      expect(known, `${architecture.name}, ${step.reads} reads`).to.be.within(1, 2);
    }
    const last = plan.steps[plan.steps.length - 1];
    // Far tables, and words that map in several ways, name a domain, or have their address elsewhere than it is used, are
    // always looked into.
    const isNear = plan.words.length > 0 && page < plan.pages;
    const isPlain = isNear && !needsEntryNotes(architecture) && !last.hasForms && last.codec.leaf?.isInPlace === true;
    plain += isPlain ? 1 : 0;
    expect([plan.first.tableBits !== NO_BITS, last.leafBits !== NO_BITS], architecture.name).to.deep.equal([isPlain, isPlain]);
  }
  expect(plain).to.be.above(2);
});
