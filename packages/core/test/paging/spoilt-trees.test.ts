/** Trees whose words were spoilt at random: the walker does what the explanation says, marks what it uses, and counts what it reads. */
import { expect } from "chai";
import {
  EXECUTE,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_USER,
  Random,
  READ,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type PortolanEvent,
  type Walk,
} from "#src/index.js";
import { build, installed, machines } from "../fixture.js";

const walked = machines.filter(({ tlb, translation }) => tlb.refill === "hardware" && translation.kind === "hierarchical");
const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];

/** What every entry on the way says of itself under a name, as far as it has a field of that name. */
const marksOf = (walk: Walk, name: string): readonly (bigint | undefined)[] =>
  walk.steps.map(({ fields }) => fields.find((field) => field.name === name)?.value);

const bench = (architecture: Architecture, seed: number) => {
  const random = new Random(seed);
  const size = 2 ** architecture.pageShift;
  const told: PortolanEvent[] = [];
  const machine = build(architecture, { memoryBytes: 256 * size, onEvent: (event) => void (event.kind === "walk" && told.push(event)) });
  const space = installed(machine);
  const { tables, memory } = machine.parts;
  const pages = [3, 4, 5, 600, 601, 0x3_0000];
  for (const page of pages)
    tables.insert(space.context, page, 100 + random.below(100), random.below(8) | READ | PAGE_USER | (random.below(2) * PAGE_CACHEABLE));
  const spoil = (page: number): void => {
    const { steps } = machine.walk(space, page * size);
    const step = steps[random.below(steps.length)];
    if (step?.entryAddress === undefined || step.entryAddress === null || !memory.isBacked(Number(step.entryAddress))) return;
    const bit = random.below(3) === 0 ? random.below(step.bytes * 8) : random.below(12);
    const byte = memory.byteOrder === "little" ? bit >>> 3 : step.bytes - 1 - (bit >>> 3);
    const at = Number(step.entryAddress) + byte;
    memory.write8(at, memory.read8(at) ^ (1 << (bit & 7)));
  };
  return { random, told, machine, space, pages, spoil, size, cpu: machine.cpu(0) };
};

for (const architecture of walked) {
  it(`spoilt trees of ${architecture.name} are walked as they are explained, to a frame or to the reason why not`, () => {
    const reasons = new Set<number>();
    const { can } = architecture;
    for (let seed = 0; seed < 8; seed += 1) {
      const { random, told, machine, space, pages, spoil, size, cpu } = bench(architecture, seed);
      for (let step = 0; step < 24; step += 1) {
        const page = pages[random.below(pages.length)];
        spoil(page);
        cpu.invalidateAll();
        const access = ACCESSES[random.below(3)];
        const privilege = random.below(2) === 0 ? USER : KERNEL;
        const walk = machine.walk(space, page * size, access, privilege);
        const { walks, walkReads } = cpu.statistics;
        told.length = 0;
        const frame = cpu.translate(page, access, privilege);
        const what = `seed ${seed}, step ${step}, access ${access} by ${privilege}: ${walk.rule}`;
        reasons.add(walk.reason);
        expect(frame, what).to.equal(walk.physical === null ? -1 : Number(walk.physical / BigInt(size)));
        if (frame < 0) expect(cpu.fault.reason, what).to.equal(walk.reason);
        expect([cpu.statistics.walks - walks, told.length], what).to.deep.equal([1, 1]);
        const [event] = told;
        // A walk that ends well may lead to where no memory is.
        const ended = walk.rule.startsWith("the page lies outside") ? 0 : walk.reason;
        if (event?.kind === "walk") expect([event.hardwarePage, event.reason], what).to.deep.equal([page, ended]);
        expect(cpu.statistics.walkReads - walkReads, what).to.be.within(0, walk.steps.length);
        const after = machine.walk(space, page * size, access, privilege);
        if (ended === 0 && can.recordAccess === "hardware") {
          expect(marksOf(after, "A").at(-1), what).to.equal(1n);
          const before = marksOf(walk, "D").at(-1);
          const dirty = access === WRITE && before !== undefined ? 1n : before;
          expect(marksOf(after, "D").at(-1), what).to.equal(dirty);
        } else {
          expect(
            after.steps.map(({ raw }) => raw),
            "nothing is written",
          ).to.deep.equal(walk.steps.map(({ raw }) => raw));
        }
        // What is in the TLB now lets the same through, and no access that the tables refuse.
        for (const other of ACCESSES) {
          const isLet = machine.walk(space, page * size, other, privilege).physical !== null;
          expect(cpu.translate(page, other, privilege) >= 0, `${what}; then ${other}`).to.equal(isLet);
        }
      }
    }
    expect(reasons.size, "reasons that were met, success among them").to.be.at.least(3);
  });
}
