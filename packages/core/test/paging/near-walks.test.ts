/** A processor that nobody listens to takes shorter ways: everything must come out as on one that somebody listens to. */
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
  type Privilege,
} from "#src/index.js";
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

/** One machine with trees of random pages, and what a random number does to it. */
const bench = (architecture: Architecture, seed: number, isHeard: boolean) => {
  const size = 2 ** architecture.pageShift;
  const machine = build(architecture, { memoryBytes: 512 * size, ...(isHeard ? { onEvent: () => {} } : {}) });
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
  it(`on ${architecture.name} accesses end the same whether somebody listens or not, with the same entries and the same counts`, () => {
    const switches = Object.keys(architecture.switches);
    const shift = architecture.pageShift - architecture.hardwarePageShift;
    for (let seed = 0; seed < 3; seed += 1) {
      const quiet = bench(architecture, seed, false);
      const heard = bench(architecture, seed, true);
      for (let step = 0; step < 1200; step += 1) {
        const random = new Random(seed * 10_000 + step);
        const page = random.below(PAGES) * 2 ** shift;
        const kind = ACCESSES[random.below(8) === 0 ? random.below(3) : 0];
        const privilege = random.below(4) === 0 ? KERNEL : USER;
        const event = random.below(40);
        const results = [quiet, heard].map(({ cpu, spoil, access, space }) => {
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
        expect(results[0], name).to.deep.equal(results[1]);
        expect(quiet.cpu.statistics, name).to.deep.equal(heard.cpu.statistics);
        if (step % 20 !== 0) continue;
        expect(entriesOf(quiet.cpu.dataTlb), name).to.deep.equal(entriesOf(heard.cpu.dataTlb));
        expect(entriesOf(quiet.cpu.instructionTlb), name).to.deep.equal(entriesOf(heard.cpu.instructionTlb));
      }
    }
  });
}

it("whoever stands between a processor and its walker hears of every miss", () => {
  for (const architecture of walked) {
    const { cpu, access } = bench(architecture, 1, false);
    for (let page = 0; page < PAGES; page += 1) access(page, READ, KERNEL);
    const walker = cpu.refill;
    let misses = 0;
    cpu.refill = {
      miss: (...given) => {
        misses += 1;
        return walker.miss(...given);
      },
      refused: (...given) => walker.refused(...given),
    };
    cpu.invalidateAll();
    const before = cpu.statistics.tlbMisses;
    for (let page = 0; page < PAGES; page += 1) access(page, READ, KERNEL);
    expect(misses, architecture.name).to.equal(cpu.statistics.tlbMisses - before);
    expect(misses, architecture.name).to.be.above(PAGES / 2);
  }
});
