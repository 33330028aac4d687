/** Spaces, areas and accesses on three processors that share four ASIDs, against a map of bytes. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  Random,
  type AddressSpace,
} from "@portolan/core";
import { mips32With, type Mips32Options } from "#src/index.js";
import { PAGE } from "./fixture.js";

const CPUS = 3;
/** Pages of either side of a leaf table's end: pairs of one table, of the next, and none that straddles. */
const FIRST = 4096 - 12;
const PAGES = 24;
const STEPS = 600;

interface Modelled {
  readonly space: AddressSpace;
  /** By page from FIRST on: may it be written? */
  readonly areas: { first: number; pages: number; writable: boolean }[];
  readonly bytes: Map<number, number>;
}

const MACHINES: readonly Mips32Options[] = [
  { byteOrder: "little" },
  { byteOrder: "big" },
  { byteOrder: "little", processor: "4Kc", wired: 4 },
  { byteOrder: "big", processor: "24Kc", entries: 16, wired: 12 },
];

describe("mips32: machines against a map of bytes", () => {
  MACHINES.forEach((options, i) => {
    it(`agree over ${STEPS} steps, ${JSON.stringify(options)}`, () => {
      const described = mips32With(options);
      const few = { ...described, asids: { ...described.asids, last: 5 } };
      const machine = buildMachine(few, { cpus: CPUS, memoryBytes: 8 * 2 ** 20, seed: i + 1 });
      const random = new Random(i + 1);
      const all: Modelled[] = Array.from({ length: 9 }, () => ({ space: machine.spaces.create(), areas: [], bytes: new Map() }));
      const isBig = options.byteOrder === "big";
      const at = ({ areas }: Modelled, address: number): Modelled["areas"][number] | undefined => {
        const page = Math.floor(address / PAGE) - FIRST;
        return areas.find(({ first, pages }) => page >= first && page < first + pages);
      };
      const isFree = ({ areas }: Modelled, from: number, pages: number): boolean =>
        from + pages <= PAGES && areas.every(({ first, pages: length }) => from + pages <= first || from >= first + length);
      const forget = ({ bytes }: Modelled, first: number, pages: number): void => {
        const start = (FIRST + first) * PAGE;
        for (const address of bytes.keys()) if (address >= start && address < start + pages * PAGE) bytes.delete(address);
      };
      const flagsOf = (writable: boolean): number => AREA_READ | AREA_CACHEABLE | (writable ? AREA_WRITE : 0);

      const operate = (one: Modelled): void => {
        const known = one.areas[random.below(one.areas.length)];
        const first = random.below(PAGES);
        const pages = 1 + random.below(5);
        const choice = random.below(4);
        if (known === undefined || choice < 2) {
          if (!isFree(one, first, pages)) return;
          const writable = random.below(4) > 0;
          one.space.createArea({ base: (FIRST + first) * PAGE, size: pages * PAGE, flags: flagsOf(writable), backend: anonymous });
          one.areas.push({ first, pages, writable });
        } else if (choice === 2) {
          one.space.destroyArea((FIRST + known.first) * PAGE);
          one.areas.splice(one.areas.indexOf(known), 1);
          forget(one, known.first, known.pages);
        } else if (random.below(2) === 0 && known.pages > 1) {
          const less = 1 + random.below(known.pages - 1);
          one.space.resizeArea((FIRST + known.first) * PAGE, less * PAGE);
          forget(one, known.first + less, known.pages - less);
          known.pages = less;
        } else {
          known.writable = !known.writable;
          one.space.changeAreaFlags((FIRST + known.first) * PAGE, flagsOf(known.writable));
        }
      };

      const access = (one: Modelled, cpu: number): void => {
        machine.switchTo(one.space, cpu);
        // Near the ends of pages oftenest: words of two halves, of two pairs, of two tables.
        const page = (FIRST + random.below(PAGES)) * PAGE;
        const address = page + (random.below(2) === 0 ? PAGE - 1 - random.below(6) : random.below(PAGE - 4));
        const ends = [at(one, address), at(one, address + 3)];
        const word = random.word();
        const places = [0, 1, 2, 3].map((byte) => [address + byte, isBig ? 24 - byte * 8 : byte * 8] as const);
        if (random.below(2) === 0) {
          const isLet = ends.every((area) => area?.writable === true);
          expect(machine.write32(address, word, cpu), address.toString(16)).to.equal(isLet);
          if (isLet) for (const [byte, shift] of places) one.bytes.set(byte, (word >>> shift) & 0xff);
        } else {
          const value = places.reduce((sum, [byte, shift]) => sum + (one.bytes.get(byte) ?? 0) * 2 ** shift, 0);
          const isLet = ends.every((area) => area !== undefined);
          expect(machine.read32(address, cpu), address.toString(16)).to.equal(isLet ? value : -1);
          expect(machine.fetch32(address, cpu)).to.equal(isLet ? value : -1);
        }
      };

      for (let step = 0; step < STEPS; step += 1) {
        const one = all[random.below(all.length)];
        if (one === undefined) throw new Error("nine spaces");
        if (random.below(4) === 0) operate(one);
        else access(one, random.below(CPUS));
        if (step % 10 === 0) assertInvariants(machine);
      }
      assertInvariants(machine);
      expect(machine.parts.asids.stolen).to.be.greaterThan(100);
      expect(
        machine.cpus.reduce((sum, { statistics }) => sum + statistics.upgrades, 0),
        "Invalid and Modified",
      ).to.be.greaterThan(20);
    });
  });
});
