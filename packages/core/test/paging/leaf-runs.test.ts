/** Runs of entries against entries one by one, on every machine. */
import { expect } from "chai";
import { EXECUTE, PAGE_CACHEABLE, PAGE_USER, READ, rightsFor, StaleTranslations, WRITE } from "#src/index.js";
import { Random } from "#src/random.js";
import { build, machines } from "../fixture.js";

const ANY_WRITE = rightsFor(WRITE, WRITE);
const FLAGS = [READ, READ | WRITE, READ | WRITE, READ | EXECUTE, READ | WRITE | EXECUTE].map((rights) => rights | PAGE_USER);

describe("runs of entries", () => {
  for (const architecture of machines) {
    it(`say and lose what single entries would, on ${architecture.name}`, () => {
      for (const seed of [1, 2, 3, 4]) {
        const random = new Random(seed);
        const machine = build(architecture);
        machine.parts.locks.discipline = null;
        const { tables } = machine.parts;
        const { context } = machine.spaces.create();
        const first = Number(architecture.layout.user.first >> BigInt(architecture.pageShift)) + 1000;
        const count = 1500;
        const mapped = new Map<number, { frame: number; rights: number; flags: number }>();
        // Stretches that are alike, single pages that differ, and holes.
        let flags = FLAGS[0];
        for (let i = 0; i < count; i += 1) {
          if (random.below(seed * 6) === 0) flags = FLAGS[random.below(FLAGS.length)] | (random.below(2) === 0 ? PAGE_CACHEABLE : 0);
          if (random.below(9) === 0) continue;
          tables.insert(context, first + i, 20 + random.below(200), flags);
          if (random.below(3) === 0) tables.mark(context, first + i, random.below(2) === 0);
          tables.find(context, first + i);
          mapped.set(i, { ...tables.found });
        }
        const frames = new Float64Array(count + 7);
        tables.framesOf(context, first - 7, frames.length, frames);
        frames.forEach((frame, i) => expect(frame, `page ${i}`).to.equal(mapped.get(i - 7)?.frame ?? -1));
        const debt = new StaleTranslations();
        const from = random.below(100);
        tables.writeProtect(context, first + from, count - 100, debt);
        let weakened = 0;
        for (let i = 0; i < count; i += 1) {
          const before = mapped.get(i);
          expect(tables.find(context, first + i)).to.equal(before !== undefined);
          if (before === undefined) continue;
          const isIn = i >= from && i < from + count - 100;
          const isWeaker = isIn && (before.rights & ANY_WRITE) !== 0;
          if (isWeaker) weakened += 1;
          expect(tables.found.frame).to.equal(before.frame);
          expect(tables.found.flags, `flags of page ${i}`).to.equal(isIn ? before.flags & ~WRITE : before.flags);
          if (isIn) expect(tables.found.rights & rightsFor(0, WRITE), `the user's rights of page ${i}`).to.equal(0);
          else expect(tables.found.rights).to.equal(before.rights);
        }
        expect(debt.pages >= Math.min(1, weakened) && debt.pages <= weakened, `${debt.pages} of ${weakened}`).to.equal(true);
      }
    });
  }
});
