/** Random operations on several spaces and processors, against the most naive model there is. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  PortolanError,
  Random,
  type AddressSpace,
  type Architecture,
} from "#src/index.js";
import { build, fewAsids, machines, RW } from "../fixture.js";

interface ModelArea {
  readonly first: number;
  pages: number;
  writable: boolean;
  /** Word 0 of each page, shared by all who show it. */
  readonly memory: Map<number, number>;
  shares: { count: number };
}

interface Pair {
  readonly space: AddressSpace;
  readonly areas: ModelArea[];
}

/** The first machine, a small one, is asked oftenest. */
const RUNS = machines.flatMap((machine, i) => (i === 0 ? [1, 2, 3, 4, 5, 6] : [7]).map((seed) => [machine, seed] as const));

/** A page of the user's with different tables below and above it, at every level of a tree. */
const middleOf = ({ virtualBits, pageShift }: Architecture): bigint => 1n << BigInt(virtualBits - 3 - pageShift);

describe("address spaces against a naive model", () => {
  for (const [architecture, seed] of RUNS) {
    it(`agrees on ${architecture.name} over 600 operations from seed ${seed}, with ASIDs stolen all the time`, () => {
      const random = new Random(seed);
      const machine = build(fewAsids(architecture), { cpus: 3, memoryBytes: 1024 * 2 ** architecture.pageShift, seed });
      const { pageSize } = machine.parts.units;
      const origin = middleOf(architecture) - 48n;
      const addressOf = (page: number): bigint => (origin + BigInt(page)) * BigInt(pageSize);
      const pairs: Pair[] = Array.from({ length: 18 }, () => ({ space: machine.spaces.create(), areas: [] }));
      const any = <T>(list: readonly T[]): T => list[random.below(list.length)];
      for (let step = 0; step < 600; step += 1) {
        const pair = any(pairs);
        const cpu = random.below(3);
        const choice = random.below(10);
        const known = pair.areas.length === 0 ? undefined : any(pair.areas);
        if (choice === 0 || known === undefined) create(pair, 16 + random.below(64), 1 + random.below(6));
        else if (choice === 1) destroy(pair, known);
        else if (choice === 2) share(pair, known, any(pairs), 16 + random.below(64));
        else if (choice === 3) resize(pair, known, 1 + random.below(6));
        else if (choice === 4) protect(pair, known, random.below(2) === 1);
        else {
          machine.switchTo(pair.space, cpu);
          const page = known.first + random.below(known.pages + 1);
          access(pair, page, cpu, choice < 7, random.word());
        }
        assertInvariants(machine);
      }

      function at(pair: Pair, page: number): ModelArea | undefined {
        return pair.areas.find(({ first, pages }) => page >= first && page < first + pages);
      }

      function isFree(pair: Pair, first: number, pages: number, but?: ModelArea): boolean {
        return pair.areas.every((other) => other === but || first + pages <= other.first || first >= other.first + other.pages);
      }

      function attempt(shouldWork: boolean, work: () => void): boolean {
        try {
          work();
        } catch (error) {
          expect(error).to.be.instanceOf(PortolanError);
          expect(shouldWork, String(error)).to.equal(false);
          return false;
        }
        expect(shouldWork).to.equal(true);
        return true;
      }

      function create(pair: Pair, first: number, pages: number): void {
        const free = isFree(pair, first, pages);
        if (
          attempt(free, () => void pair.space.createArea({ base: addressOf(first), size: pages * pageSize, flags: RW, backend: anonymous }))
        ) {
          pair.areas.push({ first, pages, writable: true, memory: new Map(), shares: { count: 1 } });
        }
      }

      function destroy(pair: Pair, known: ModelArea): void {
        pair.space.destroyArea(addressOf(known.first));
        known.shares.count -= 1;
        pair.areas.splice(pair.areas.indexOf(known), 1);
      }

      function share(from: Pair, known: ModelArea, to: Pair, first: number): void {
        const flags = AREA_READ | AREA_CACHEABLE;
        const free = isFree(to, first, known.pages);
        if (
          attempt(free, () => void from.space.shareArea(addressOf(known.first), known.pages * pageSize, to.space, addressOf(first), flags))
        ) {
          known.shares.count += 1;
          to.areas.push({ first, pages: known.pages, writable: false, memory: known.memory, shares: known.shares });
        }
      }

      function resize(pair: Pair, known: ModelArea, pages: number): void {
        const works = known.shares.count === 1 && (pages <= known.pages || isFree(pair, known.first, pages, known));
        if (!attempt(works, () => pair.space.resizeArea(addressOf(known.first), pages * pageSize))) return;
        for (let page = pages; page < known.pages; page += 1) known.memory.delete(page);
        known.pages = pages;
      }

      function protect(pair: Pair, known: ModelArea, writable: boolean): void {
        const works = known.shares.count === 1;
        if (attempt(works, () => pair.space.changeAreaFlags(addressOf(known.first), writable ? AREA_READ | AREA_WRITE : AREA_READ)))
          known.writable = writable;
      }

      function access(pair: Pair, page: number, cpu: number, isWrite: boolean, value: number): void {
        const here = at(pair, page);
        if (isWrite) {
          expect(machine.write32(addressOf(page), value, cpu)).to.equal(here?.writable ?? false);
          if (here?.writable === true) here.memory.set(page - here.first, value);
        } else {
          expect(machine.read32(addressOf(page), cpu)).to.equal(here === undefined ? -1 : (here.memory.get(page - here.first) ?? 0));
        }
      }
    });
  }
});
