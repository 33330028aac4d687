/** Every allocation of every call fails in turn: the answer is ENOMEM, and nothing has changed. */
import {
  assertInvariants,
  errnoOf,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_SYNC,
  O_CREAT,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  SHM_REMAP,
  type Process,
} from "#src/index.js";
import { expect } from "chai";
import { paper } from "../fixture.js";
import { worldOn, type World } from "./world.js";

const RW = PROT_READ | PROT_WRITE;

type Attempt = (world: World, process: Process, numbers: { readonly file: number; readonly segment: number }) => number | bigint | Process;

const ATTEMPTS: readonly (readonly [title: string, attempt: Attempt])[] = [
  [
    "mmap of anonymous memory in the middle of another mapping",
    ({ at, page }, process) => process.mmap(at(1), page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
  ],
  [
    "mmap of shared memory over three mappings",
    ({ at, page }, process) => process.mmap(at(2), 9 * page, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED),
  ],
  ["mmap of a file", ({ at, page }, process, { file }) => process.mmap(at(5), 2 * page, RW, MAP_PRIVATE | MAP_FIXED, file, page)],
  ["munmap of a hole", ({ at, page }, process) => process.munmap(at(1), 2 * page)],
  ["mprotect of the middle", ({ at, page }, process) => process.mprotect(at(1), page, PROT_READ)],
  ["mprotect of everything", ({ at, page }, process) => process.mprotect(at(0), 4 * page, PROT_NONE)],
  ["mremap to a longer place", ({ at, page }, process) => process.mremap(at(0), 4 * page, 6 * page, MREMAP_MAYMOVE)],
  [
    "mremap over another mapping",
    ({ at, page }, process) => process.mremap(at(1), 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, at(7)),
  ],
  [
    "mremap that leaves an empty mapping",
    ({ at, page }, process) => process.mremap(at(1), 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
  ],
  ["mremap to a shorter place", ({ at, page }, process) => process.mremap(at(0), 4 * page, page, MREMAP_MAYMOVE | MREMAP_FIXED, at(20))],
  ["madvise of the middle", ({ at, page }, process) => process.madvise(at(1), 2 * page, MADV_DONTNEED)],
  ["msync", ({ at, page }, process) => process.msync(at(10), 3 * page, MS_SYNC)],
  ["open", (_, process) => process.open("another", O_CREAT | O_RDWR)],
  ["shmget", ({ page }, process) => process.shmget(0, 2 * page, 0o1600)],
  ["shmat over another mapping", ({ at }, process, { segment }) => process.shmat(segment, at(1), SHM_REMAP)],
  ["fork", (_, process) => process.fork()],
];

/** Two mappings of memory and one of a file, all written to, in a process that has a child. */
const prepare = (): World & { readonly numbers: { readonly file: number; readonly segment: number } } => {
  const world = worldOn(paper().architecture);
  const { process, page, at } = world;
  const file = process.open("file", O_CREAT | O_RDWR);
  process.ftruncate(file, 3 * page);
  process.mmap(at(0), 4 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  process.mmap(at(6), 3 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  process.mmap(at(10), 3 * page, RW, MAP_SHARED | MAP_FIXED, file);
  for (const number of [0, 1, 3, 6, 7, 10, 12]) process.write8(at(number), number + 1);
  process.fork();
  for (const number of [1, 2, 7]) process.write8(at(number), number + 40);
  return { ...world, numbers: { file, segment: process.shmget(1, page, 0o1600) } };
};

/** What a process sees: mappings, and a byte of each page. */
const seenBy = (process: Process, page: number): unknown[] =>
  mapsOf(process.memory).map(({ first, end, rights, offset, name }) => {
    const bytes = [];
    for (let address = first; address < end; address += BigInt(page)) bytes.push(process.read8(address));
    return [first, end, rights, offset, name, bytes];
  });

describe("POSIX calls when memory runs out", () => {
  for (const [title, attempt] of ATTEMPTS) {
    it(`${title}: ENOMEM and nothing else, or all of it`, () => {
      const counted = prepare();
      const { gate } = counted.machine.parts;
      const begin = gate.count;
      attempt(counted, counted.process, counted.numbers);
      const allocations = gate.count - begin;
      for (let passes = 0; passes < allocations; passes += 1) {
        const world = prepare();
        const { machine, process, page, system } = world;
        const before = seenBy(process, page);
        const count = [...system.processes()].length;
        machine.parts.gate.failAfter(passes);
        const answer = attempt(world, process, world.numbers);
        machine.parts.gate.disarm();
        assertInvariants(machine);
        if (typeof answer === "object" || answer >= 0) continue;
        expect(errnoOf(answer)).to.equal("ENOMEM");
        expect(seenBy(process, page), `allocation ${passes}`).to.deep.equal(before);
        expect([...system.processes()].length).to.equal(count);
      }
    });
  }
});
