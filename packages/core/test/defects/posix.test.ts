/** What went wrong historically where processes ask for memory. @see docs/defects.md */
import {
  assertInvariants,
  errnoOf,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  O_CREAT,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "#src/index.js";
import { amd64 } from "@portolan/arch-amd64";
import { expect } from "chai";
import { worldOn } from "../posix/world.js";

const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

describe("historical defects of calls that map memory", () => {
  it("CZ-39: a hint never unmaps, a fixed place is taken whole or not at all, and nothing wraps", () => {
    const { machine, process, page, at } = worldOn(amd64);
    expect(process.mmap(at(10), 4 * page, RW, ANONYMOUS | MAP_FIXED)).to.equal(at(10));
    process.write8(at(11), 5);
    const elsewhere = process.mmap(at(11), page, RW, ANONYMOUS);
    expect(elsewhere === at(11), "a hint where something lies").to.equal(false);
    expect(process.read8(at(11))).to.equal(5);
    expect(process.mmap(at(14), page, RW, ANONYMOUS), "a hint where there is room").to.equal(at(14));
    const file = process.open("file", O_CREAT | O_RDWR);
    process.ftruncate(file, page);
    const bad: readonly (readonly [bigint | number, number, bigint | number])[] = [
      [at(10), 0, 0],
      [at(10, 1), page, 0],
      [at(10), page, 1],
      [-page, page, 0],
      [at(10), -1, 0],
      [at(10), page, 0x7fff_ffff_ffff_f000n],
    ];
    for (const [address, length, offset] of bad)
      expect(process.mmap(address, length, RW, MAP_SHARED | MAP_FIXED, file, offset) < 0n).to.equal(true);
    expect(errnoOf(process.mmap(0, page, RW, MAP_SHARED, 5))).to.equal("EBADF");
    const { gate } = machine.parts;
    for (let passes = 0; ; passes += 1) {
      gate.failAfter(passes);
      const answer = process.mmap(at(11), 2 * page, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
      gate.disarm();
      if (answer >= 0n) break;
      expect([errnoOf(answer), process.read8(at(11))], "what was there still is").to.deep.equal(["ENOMEM", 5]);
    }
    expect(process.read8(at(11))).to.equal(0);
    process.mmap(at(20), 2 * page, PROT_READ, MAP_SHARED | MAP_FIXED, file, page);
    expect([process.read8(at(20)), process.signal?.signal], "beyond the end of the file").to.deep.equal([-1, "SIGBUS"]);
    assertInvariants(machine);
  });

  it("CZ-43: unmapping takes areas inside the range, around it and never touched, and their pages with them", () => {
    const { machine, process, page, at } = worldOn(amd64);
    const { frames } = machine.parts;
    for (const number of [0, 10, 20]) process.mmap(at(number), 6 * page, RW, ANONYMOUS | MAP_FIXED);
    process.read8(at(0));
    const before = frames.free;
    for (let number = 0; number < 6; number += 1) process.write8(at(number), number + 1);
    const child = process.fork();
    if (typeof child === "number") throw new Error("the fork was refused");
    child.exit();
    expect(process.munmap(at(2), 2 * page)).to.equal(0);
    expect([1, 2, 3, 4].map((number) => process.read8(at(number)))).to.deep.equal([2, -1, -1, 5]);
    expect(process.munmap(at(3), 20 * page)).to.equal(0);
    expect(mapsOf(process.memory).map(({ first, end }) => [first, end])).to.deep.equal([
      [at(0), at(2)],
      [at(23), at(26)],
    ]);
    expect(process.munmap(at(0), 2 * page), "a part that was cut").to.equal(0);
    expect(process.munmap(at(0), 2 * page), "a hole").to.equal(0);
    expect(frames.free >= before, "no page stays behind").to.equal(true);
    assertInvariants(machine);
  });

  it("CZ-45: segments have their size in bytes, count their attachments down, and private ones have no name", () => {
    const { machine, process, page } = worldOn(amd64);
    const one = process.shmget(IPC_PRIVATE, page + 1, 0o600);
    const other = process.shmget(IPC_PRIVATE, page, 0o600);
    expect(one).not.to.equal(other);
    expect(errnoOf(process.shmget(-1, page, 0)), "nobody finds a private one").to.equal("ENOENT");
    expect(process.shmstat(one)).to.deep.include({ size: BigInt(page + 1), attached: 0, mode: 0o600 });
    const address = process.shmat(one, 0, 0);
    expect(process.write8(address + BigInt(page), 7)).to.equal(true);
    expect(process.write8(address + BigInt(2 * page), 7)).to.equal(false);
    expect(process.shmstat(one)).to.deep.include({ attached: 1 });
    expect([process.shmdt(address), process.shmdt(address)]).to.deep.equal([0, -22]);
    expect(process.shmstat(one)).to.deep.include({ attached: 0 });
    const again = process.shmat(one, 0, 0);
    expect(process.read8(again + BigInt(page)), "it keeps what it holds").to.equal(7);
    const named = process.shmget(9, page, IPC_CREAT | 0o600);
    expect([
      process.shmget(9, page, 0),
      errnoOf(process.shmget(9, page + 1, 0)),
      errnoOf(process.shmget(9, page, IPC_CREAT | IPC_EXCL)),
    ]).to.deep.equal([named, "EINVAL", "EEXIST"]);
    expect([process.shmremove(one), process.read8(again + BigInt(page)), process.shmdt(again)]).to.deep.equal([0, 7, 0]);
    expect(errnoOf(Number(process.shmat(one, 0, 0))), "it went with its last attachment").to.equal("EINVAL");
    assertInvariants(machine);
  });

  it("CZ-48: shared anonymous memory lies where it was asked for, with the rights that were asked for, and nobody can name it", () => {
    const { machine, system, process, page, at } = worldOn(amd64);
    expect(process.mmap(at(3), page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED)).to.equal(at(3));
    expect(process.mmap(at(5), page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS)).to.equal(at(5));
    expect([process.write8(at(3), 1), process.read8(at(3)), process.read8(at(5))]).to.deep.equal([false, 0, -1]);
    const stranger = system.spawn();
    for (let id = 0; id < 8; id += 1) expect(errnoOf(Number(stranger.shmat(id, 0, 0)))).to.equal("EINVAL");
    const child = process.fork();
    if (typeof child === "number") throw new Error("the fork was refused");
    expect([process.mprotect(at(3), page, RW), child.mprotect(at(3), page, RW)]).to.deep.equal([0, 0]);
    expect([child.write8(at(3), 9), process.read8(at(3))]).to.deep.equal([true, 9]);
    assertInvariants(machine);
  });

  it("CZ-49: an attachment that lacks memory for any part of it has not happened", () => {
    const { machine, process, page } = worldOn(amd64);
    const segment = process.shmget(IPC_PRIVATE, 2 * page, 0o600);
    const { gate } = machine.parts;
    let failures = 0;
    for (; ; failures += 1) {
      gate.failAfter(failures);
      const answer = process.shmat(segment, 0, 0);
      gate.disarm();
      assertInvariants(machine);
      if (answer >= 0n) break;
      expect(errnoOf(answer)).to.equal("ENOMEM");
      expect([mapsOf(process.memory), process.shmstat(segment)])
        .to.deep.include([])
        .and.to.have.nested.property("[1].attached", 0);
    }
    expect(failures).to.be.greaterThan(0);
    expect(process.shmstat(segment)).to.deep.include({ attached: 1 });
  });
});
