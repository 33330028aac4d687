/** Pairs of operations on one file, one inside the other at every point where that can happen: the end is that of one after the other. */
import { expect } from "chai";
import { violations, interleave, type AddressSpace, type Architecture, type FileObject, type Machine } from "#src/index.js";
import { build, fewAsids, machines } from "../fixture.js";
import { bytesOf, mapFile, openFile, pattern, UnsteadyPager } from "./fixture.js";

interface Stage {
  readonly machine: Machine;
  readonly size: number;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
  readonly file: FileObject;
  readonly pager: UnsteadyPager;
}

/** A file of three pages that both spaces map, b privately as well; page 0 is dirty, page 1 clean in both TLBs, page 2 is not in. */
const stage = (architecture: Architecture): Stage => {
  const machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 40 * 2 ** architecture.pageShift });
  const size = machine.parts.units.pageSize;
  const a = machine.spaces.create();
  const b = machine.spaces.create();
  machine.switchTo(a, 0);
  machine.switchTo(b, 1);
  const pager = new UnsteadyPager(pattern(3 * size - 20));
  const file = openFile(machine, pager, pager.length);
  mapFile(a, file, 16, 3);
  mapFile(b, file, 32, 3);
  mapFile(b, file, 48, 3, { isPrivate: true });
  machine.write8(16 * size, 100, 0);
  machine.write8(48 * size + size + 1, 101, 1);
  machine.read8(17 * size, 0);
  machine.read8(33 * size, 1);
  return { machine, size, a, b, file, pager };
};

type Work = (stage: Stage, cpu: number) => unknown;

/** An access came across a page that the other processor is just bringing in: it waits, and is made again afterwards. */
const WAITS = "waits";

const loaded = ({ machine, size }: Stage, cpu: number, page: number): unknown => {
  const value = machine.read8((first(cpu) + page) * size + 3, cpu);
  return machine.outcome?.waitsFor === undefined ? value : WAITS;
};
const stored = ({ machine, size }: Stage, cpu: number, page: number): unknown => {
  const isDone = machine.write8((first(cpu) + page) * size + cpu, 110 + 10 * page + cpu, cpu);
  return machine.outcome?.waitsFor === undefined ? isDone : WAITS;
};
const moved = (file: FileObject, count: number): unknown => (file.verdict.rule === "the page is on its way" ? WAITS : count);

/** What either processor does, in its own space: processor 0 has a, with the file at page 16, processor 1 b, at 32. */
const first = (cpu: number): number => (cpu === 0 ? 16 : 32);
const works: Record<string, Work> = {
  "a store to a dirty page": (s, cpu) => stored(s, cpu, 0),
  "a store to a clean page": (s, cpu) => stored(s, cpu, 1),
  "a load of a page that is not in": (s, cpu) => loaded(s, cpu, 2),
  "a store to a page that is not in": (s, cpu) => stored(s, cpu, 2),
  "a flush": ({ file }) => file.flush().failure,
  "a cut within the file": ({ file, size }) => file.truncate(size + 9),
  "a growth of the file": ({ file, size }) => file.truncate(4 * size),
  "a write": ({ file, size }, cpu) => moved(file, file.write(size - 2, pattern(6, 60 + cpu))),
  "a write behind the end": ({ file, size }, cpu) => moved(file, file.write(3 * size + 4 * cpu, pattern(4, 70 + cpu))),
  "a read": ({ file, size }) => moved(file, file.read(size, new Uint8Array(size))),
  "dropping what is clean": ({ file }) => {
    file.dropClean();
  },
  "unmapping it": ({ a, b, size }, cpu) => (cpu === 0 ? a : b).destroyArea(first(cpu) * size),
  "mapping it once more": ({ a, b, file }, cpu) => mapFile(cpu === 0 ? a : b, file, 64, 3),
  "closing it": ({ file }) => file.close().failure,
};

/** All that anybody can see afterwards: the file, what both spaces show, and what the pager has in the end. */
const outcome = ({ machine, size, a, b, file, pager }: Stage): unknown => {
  const shown = [a, b].map((space, cpu) => {
    const pages = [...space.areas()].flatMap(({ base, pages: count }) =>
      Array.from({ length: count }, (_, i) => {
        const at = Number(base) + i * size;
        const bytes = new Uint8Array(size);
        return machine.copyFromUser(at, bytes, cpu) === size
          ? machine.parts.memory.frameSize + hashOf(bytes)
          : (machine.outcome?.rule ?? "");
      }),
    );
    return [space.id, ...pages];
  });
  const read = file.isGone ? "gone" : hashOf(bytesOf(file));
  if (!file.isGone) expect(file.flush().failure).to.equal(null);
  return { shown, read, length: file.isGone ? "gone" : file.length, kept: hashOf(pager.bytes()), pagerLength: pager.length };
};

const hashOf = (bytes: Uint8Array): number => bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);

const endings = (value: unknown): unknown => value ?? null;

/** Each pair is interleaved at every so many points, not the same for each. */
const STEP = 12;

describe("operations on a file that come inside one another", () => {
  // Every pair is tried on one of the machines; together they try them all.
  for (const [number, architecture] of machines.entries()) {
    it(`end as if they had come one after the other, on ${architecture.name}`, () => {
      for (const [i, [oneName, one]] of Object.entries(works).entries()) {
        for (const [j, [twoName, two]] of Object.entries(works).entries()) {
          if ((i + j) % machines.length !== number) continue;
          const inOrder = (isOneFirst: boolean): unknown => {
            const s = stage(architecture);
            const run = [() => endings(s.machine.on(0, () => one(s, 0))), () => endings(s.machine.on(1, () => two(s, 1)))];
            const results: unknown[] = [];
            for (const turn of isOneFirst ? [0, 1] : [1, 0]) {
              try {
                results[turn] = run[turn]();
              } catch (error) {
                results[turn] = (error as { code: string }).code;
              }
            }
            return JSON.stringify([results, outcome(s)]);
          };
          const allowed = [inOrder(true), inOrder(false)];
          for (let at = (i + 2 * j) % STEP; ; at += STEP) {
            const s = stage(architecture);
            const came = interleave(s.machine, { cpu: 0, run: () => one(s, 0) }, { cpu: 1, run: () => two(s, 1) }, at);
            expect(violations(s.machine), `${twoName} inside ${oneName}, point ${at} (${came.point})`).to.deep.equal([]);
            const results = [came.outer, came.inner].map((ending, cpu) =>
              ending === WAITS ? s.machine.on(cpu, () => [one, two][cpu](s, cpu)) : ending,
            );
            const seen = JSON.stringify([results.map(endings), outcome(s)]);
            expect(allowed, `${twoName} inside ${oneName}, point ${at} (${came.point})`).to.include(seen);
            if (at >= came.points) break;
          }
        }
      }
    });
  }

  // Page 2 is on its way in, page 0 on its way out, when the operation begins.
  const slowStage = (architecture: Architecture): Stage => {
    const s = stage(architecture);
    s.pager.isSlow = true;
    s.machine.read8(34 * s.size, 1);
    s.file.flush();
    return s;
  };

  for (const [number, architecture] of machines.entries()) {
    it(`end the same wherever the pager answers in between, on ${architecture.name}`, () => {
      for (const [i, [name, work]] of Object.entries(works).entries()) {
        if ((i + number) % 4 !== 0) continue;
        /** Whoever waits is served in the end; then all is compared. */
        const ended = (s: Stage, ending: unknown): string => {
          let result = ending;
          for (let round = 0; result === WAITS && round < 5; round += 1) {
            s.pager.answer();
            result = s.machine.on(0, () => work(s, 0));
          }
          s.pager.isSlow = false;
          while (s.pager.waiting.length > 0) s.pager.answer();
          return JSON.stringify([endings(result), outcome(s)]);
        };
        const inOrder = (isAnsweredFirst: boolean): string => {
          const s = slowStage(architecture);
          if (isAnsweredFirst) s.pager.answer();
          return ended(
            s,
            s.machine.on(0, () => work(s, 0)),
          );
        };
        const allowed = [inOrder(true), inOrder(false)];
        for (let at = i % 2; ; at += 2) {
          const s = slowStage(architecture);
          const came = interleave(s.machine, { cpu: 0, run: () => work(s, 0) }, { cpu: 1, run: () => s.pager.answer() }, at);
          const where = `${name}, answered at point ${at} (${came.point})`;
          expect(violations(s.machine), where).to.deep.equal([]);
          expect(allowed, where).to.include(ended(s, came.outer));
          if (at >= came.points) break;
        }
      }
    });
  }
});
