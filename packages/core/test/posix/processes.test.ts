/** Processes as a whole: exec, threads, exits, and what is left when all have gone. */
import {
  assertInvariants,
  errnoOf,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  O_CREAT,
  O_CLOEXEC,
  O_RDWR,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  type Program,
} from "#src/index.js";
import { expect } from "chai";
import { machines, paper, refuses } from "../fixture.js";
import { worldOn, type World } from "./world.js";

const RW = PROT_READ | PROT_WRITE;

/** A program of text, data and bss in a file of three pages. */
const programIn = ({ process, page, at }: World): Program => {
  const descriptor = process.open("program", O_CREAT | O_RDWR);
  const content = new Uint8Array(2 * page + 100).fill(0x11, 0, page).fill(0x22, page);
  expect(process.pwrite(descriptor, content, 0)).to.equal(content.length);
  process.close(descriptor);
  const unit = BigInt(page);
  return {
    file: "program",
    segments: [
      { address: at(0), memoryBytes: unit, fileBytes: unit, offset: 0n, protection: PROT_READ | PROT_EXEC },
      { address: at(4), memoryBytes: 4n * unit, fileBytes: unit + 50n, offset: unit, protection: RW },
    ],
    stack: Uint8Array.of(1, 2, 3, 4),
  };
};

for (const architecture of machines) {
  describe(`processes on ${architecture.name}`, () => {
    it("CZ-47: become another program: text and data from the file, zeroes behind them, a stack with what it is given", () => {
      const world = worldOn(architecture);
      const { machine, process, page, at } = world;
      const program = programIn(world);
      const kept = process.open("kept", O_CREAT | O_RDWR);
      const closed = process.open("kept", O_RDWR | O_CLOEXEC);
      process.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      expect(process.exec(program)).to.equal(0);
      expect([
        process.read8(at(0)),
        process.read8(at(4)),
        process.read8(at(5, 49)),
        process.read8(at(5, 50)),
        process.read8(at(7)),
      ]).to.deep.equal([0x11, 0x22, 0x22, 0, 0]);
      expect(process.write8(at(0), 1)).to.equal(false);
      expect(process.signal).to.deep.equal({ signal: "SIGSEGV", code: "SEGV_ACCERR", address: at(0) });
      expect(process.write8(at(4), 0x33)).to.equal(true);
      const stack = mapsOf(process.memory).at(-1);
      if (stack === undefined) throw new Error("there is no stack");
      expect([4n, 3n, 2n, 1n].map((back) => process.read8(stack.end - back))).to.deep.equal([1, 2, 3, 4]);
      expect(process.memory.heapBase).to.equal(at(8));
      expect([process.pread(kept, new Uint8Array(1), 0), errnoOf(process.close(closed))]).to.deep.equal([0, "EBADF"]);
      const again = process.open("program", O_RDWR);
      const byte = new Uint8Array(1);
      process.pread(again, byte, page);
      expect(byte[0], "the file is as it was").to.equal(0x22);
      assertInvariants(machine);
    });

    it("CZ-47, C-25.3: stay what they were when the other program cannot be had", () => {
      const world = worldOn(architecture);
      const { machine, process, page, at } = world;
      const program = programIn(world);
      const mine = process.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      process.write8(mine, 7);
      expect(errnoOf(process.exec({ ...program, file: "missing" }))).to.equal("ENOENT");
      expect(errnoOf(process.exec({ ...program, file: "/dev/null" }))).to.equal("ENOEXEC");
      const [text] = program.segments;
      if (text === undefined) throw new Error("there is no text");
      expect(errnoOf(process.exec({ ...program, segments: [{ ...text, address: at(0, 16) }] }))).to.equal("ENOEXEC");
      const { gate } = machine.parts;
      let failures = 0;
      for (let passes = 0; ; passes += 1) {
        gate.failAfter(passes);
        const result = process.exec(program);
        gate.disarm();
        assertInvariants(machine);
        if (result === 0) break;
        expect(errnoOf(result)).to.equal("ENOMEM");
        expect(process.read8(mine)).to.equal(7);
        failures += 1;
      }
      expect(failures).to.be.greaterThan(5);
      expect(process.read8(at(4))).to.equal(0x22);
    });

    it("share everything with their threads, and nothing with their children but what is shared", () => {
      const { machine, process, page } = worldOn(architecture, { cpus: 2 });
      const own = process.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      const shared = process.mmap(0, page, RW, MAP_SHARED | MAP_ANONYMOUS);
      const thread = process.thread();
      thread.cpu = 1;
      expect(thread.write8(own, 1)).to.equal(true);
      expect(process.read8(own)).to.equal(1);
      const later = thread.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      expect(process.write8(later, 2)).to.equal(true);
      const child = process.fork();
      if (typeof child === "number") throw new Error("the fork was refused");
      expect([child.write8(own, 3), child.write8(shared, 4)]).to.deep.equal([true, true]);
      expect([thread.read8(own), thread.read8(shared)]).to.deep.equal([1, 4]);
      assertInvariants(machine);
      expect(process.munmap(own, page)).to.equal(0);
      expect([thread.read8(own), thread.signal?.code]).to.deep.equal([-1, "SEGV_MAPERR"]);
      process.exit(3);
      expect([process.isGone, process.status]).to.deep.equal([true, 3]);
      expect(thread.read8(later)).to.equal(2);
      refuses("ERR_PROCESS_GONE", () => process.brk(0));
      thread.exit();
      child.exit();
      assertInvariants(machine);
    });

    it("leave no frame behind", () => {
      const { machine, system, process, page } = worldOn(architecture);
      const before = machine.parts.frames.free;
      const program = system.spawn();
      const all = program.mmap(0, 4 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS);
      const shared = program.mmap(0, 4 * page, RW, MAP_SHARED | MAP_ANONYMOUS);
      const segment = program.shmget(0, 3 * page, 0o1600);
      const attached = program.shmat(segment, 0, 0);
      program.shmremove(segment);
      for (const address of [all, shared, attached]) expect(program.write8(address, 5)).to.equal(true);
      const child = program.fork();
      if (typeof child === "number") throw new Error("the fork was refused");
      expect([child.write8(all, 6), program.write8(all, 7)]).to.deep.equal([true, true]);
      program.exit();
      child.exit();
      assertInvariants(machine);
      expect(machine.parts.frames.free).to.equal(before);
      expect(errnoOf(process.shmat(segment, 0, 0) < 0n ? -22 : 0)).to.equal("EINVAL");
    });
  });
}

describe("arguments of POSIX calls", () => {
  it("C-25.1: are words of the machine, and numbers that are none are the caller's mistake", () => {
    const { process, page } = worldOn(paper().architecture);
    expect(process.munmap(-1, page)).to.equal(-22);
    expect(process.mmap(0, -1, RW, MAP_PRIVATE | MAP_ANONYMOUS)).to.equal(-12n);
    refuses("ERR_BAD_ARGUMENT", () => process.munmap(0.5, page));
    expect(process.read8(-1n)).to.equal(-1);
    expect(process.signal).to.deep.include({ signal: "SIGSEGV", code: "SEGV_MAPERR" });
  });
});
