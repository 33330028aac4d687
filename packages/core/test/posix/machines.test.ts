/** The same calls on every machine: pages differ in size, answers do not. */
import {
  assertInvariants,
  assertSystemInvariants,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_CREAT,
  O_RDWR,
  Random,
  type Architecture,
  type Process,
} from "#src/index.js";
import { expect } from "chai";
import { machines } from "../fixture.js";
import { worldOn } from "./world.js";

/** What became of a seed's calls, in pages of the arena: the same on every machine. */
const historyOn = (architecture: Architecture, seed: number, calls: number): string[] => {
  const { machine, process: first, page, at, pageOf, system } = worldOn(architecture);
  const random = new Random(seed);
  const below = (bound: number): number => random.below(bound);
  const one = <T>(of: readonly [T, ...T[]]): T => of[below(of.length)] ?? of[0];
  const processes: Process[] = [first];
  const file = first.open("file", O_CREAT | O_RDWR);
  const told: string[] = [];
  // Where a miss does not say whether it was a write, the page is looked for first, and then written.
  const guessed = (signal: string): string => (signal === "SIGBUS BUS_ADRERR" ? "SIGSEGV SEGV_ACCERR" : signal);
  const told32 = (process: Process, value: number): string =>
    value < 0 ? `${process.signal?.signal} ${process.signal?.code}` : String(value);
  for (let step = 0; step < calls; step += 1) {
    const process = one([first, ...processes]);
    const place = below(24);
    const pages = 1 + below(5);
    const length = pages * page;
    const rights = one([3, 3, 3, 1, 0, 5, 7]);
    const call = below(12);
    const answer = ((): string | number => {
      switch (call) {
        case 0:
        case 1: {
          const how = one([MAP_FIXED, MAP_FIXED, 0, MAP_FIXED_NOREPLACE]) | (below(12) === 0 ? MAP_GROWSDOWN : 0);
          return pageOf(process.mmap(at(place), length, rights, one([MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED]) | MAP_ANONYMOUS | how));
        }
        case 2:
          return pageOf(process.mmap(at(place), length, rights, one([MAP_PRIVATE, MAP_SHARED]) | MAP_FIXED, file, below(4) * page));
        case 3:
          return process.munmap(at(place), length);
        case 4:
          return process.mprotect(at(place), length, rights);
        case 5:
          return pageOf(
            process.mremap(
              at(place),
              length,
              (1 + below(6)) * page,
              one([0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED]),
              at(below(24)),
            ),
          );
        case 6:
          return process.madvise(at(place), length, MADV_DONTNEED);
        case 7:
          return below(3) === 0
            ? process.ftruncate(file, below(6) * page)
            : process.pwrite(file, new Uint8Array([step % 251]), below(5) * page + 4);
        case 8:
          return process.write8(at(place, 4), step % 251) ? 0 : guessed(told32(process, -1));
        case 9:
          return told32(process, process.read8(at(place, 4)));
        case 10: {
          if (processes.length === 4) return "enough";
          const child = process.fork();
          if (typeof child === "number") return child;
          processes.push(child);
          return "forked";
        }
        default: {
          if (processes.length === 1 || below(2) === 0)
            return process.brk(process.memory.heapBase + BigInt(below(6) * page)) === process.memory.heapEnd ? "set" : "lost";
          const [gone] = processes.splice(1 + below(processes.length - 1), 1);
          gone?.exit();
          return "exited";
        }
      }
    })();
    told.push(`${step} ${call} ${answer}`);
    if (step % 8 === 0) assertInvariants(machine);
    assertSystemInvariants(system);
  }
  for (const process of processes) {
    for (const { first: begin, end, rights, offset } of mapsOf(process.memory)) {
      told.push(`${pageOf(begin)} ${pageOf(end)} ${rights} ${offset / BigInt(page)}`);
      for (let address = begin; address < end; address += BigInt(page)) told.push(told32(process, process.read8(address + 4n)));
    }
  }
  assertInvariants(machine);
  for (const process of processes) process.exit();
  assertInvariants(machine);
  assertSystemInvariants(system);
  return told;
};

describe("POSIX calls on every machine", () => {
  const [reference, ...others] = machines;
  for (const architecture of others) {
    it(`answer on ${architecture.name} as on ${reference?.name}`, () => {
      for (let seed = 1; seed <= 6; seed += 1) {
        if (reference === undefined) throw new Error("there is no machine");
        expect(historyOn(architecture, seed, 120), `seed ${seed}`).to.deep.equal(historyOn(reference, seed, 120));
      }
    });
  }
});
