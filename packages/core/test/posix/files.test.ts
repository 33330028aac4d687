/** Files of a POSIX system over pagers that are slow, read-only, or fail. */
import {
  assertInvariants,
  BytesPager,
  errnoOf,
  FileObject,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_SYNC,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  type Pager,
  type PageInRequest,
} from "#src/index.js";
import { amd64 } from "@portolan/arch-amd64";
import { expect } from "chai";
import { worldOn } from "./world.js";

const RW = PROT_READ | PROT_WRITE;

/** Answers when it is told to. */
class SlowPager implements Pager {
  readonly name = "slow";
  readonly requests: PageInRequest[] = [];
  failsToKeep = false;

  pageIn(request: PageInRequest): "later" {
    this.requests.push(request);
    return "later";
  }

  pageOut(): "done" | "EIO" {
    return this.failsToKeep ? "EIO" : "done";
  }

  setLength(): void {}

  release(): void {}
}

describe("files of a POSIX system", () => {
  it("may have pagers that answer later: an access and a read say what to wait for, and come to the same", () => {
    const { machine, system, process, page, at } = worldOn(amd64);
    const pager = new SlowPager();
    const object = new FileObject(machine.parts, pager, { length: 2 * page });
    system.files.add("slow", object);
    object.close();
    const file = process.open("slow", O_RDWR);
    process.mmap(at(0), 2 * page, RW, MAP_SHARED | MAP_FIXED, file);
    expect([process.read8(at(0)), process.signal]).to.deep.equal([-1, null]);
    const { waitsFor } = process;
    expect(errnoOf(process.pread(file, new Uint8Array(4), 0))).to.equal("EAGAIN");
    expect(process.waitsFor, "one page, one wait").to.equal(waitsFor);
    let woken = 0;
    waitsFor?.whenOver(() => (woken += 1));
    expect(pager.requests.length).to.equal(1);
    pager.requests[0]?.answer(new Uint8Array(page).fill(6));
    const target = new Uint8Array(4);
    expect([woken, process.read8(at(0)), process.pread(file, target, 0), target[3], process.waitsFor]).to.deep.equal([1, 6, 4, 6, null]);
    process.read8(at(1));
    pager.requests[1]?.fail("EIO");
    expect([process.read8(at(1)), process.signal]).to.deep.equal([-1, { signal: "SIGBUS", code: "BUS_ADRERR", address: at(1) }]);
    expect(process.write8(at(0), 9)).to.equal(true);
    pager.failsToKeep = true;
    expect(errnoOf(process.msync(at(0), page, MS_SYNC))).to.equal("EIO");
    pager.failsToKeep = false;
    expect(process.msync(at(0), page, MS_SYNC)).to.equal(0);
    assertInvariants(machine);
  });

  it("may be read-only: they are not opened for writing, and shared mappings of them never become writable", () => {
    const { machine, system, process, page, at } = worldOn(amd64);
    system.files.add(
      "text",
      new FileObject(machine.parts, new BytesPager(new Uint8Array(page).fill(3)), { length: page, isWritable: false }),
    );
    for (const flags of [O_RDWR, O_WRONLY, O_RDONLY | O_TRUNC]) expect(errnoOf(process.open("text", flags))).to.equal("EACCES");
    const file = process.open("text", O_RDONLY);
    process.mmap(at(0), page, PROT_READ, MAP_SHARED | MAP_FIXED, file);
    process.mmap(at(1), page, RW, MAP_PRIVATE | MAP_FIXED, file);
    expect([errnoOf(process.mprotect(at(0), page, RW)), process.write8(at(1), 4), process.read8(at(0))]).to.deep.equal(["EACCES", true, 3]);
    expect([errnoOf(process.pwrite(file, new Uint8Array(1), 0)), errnoOf(process.ftruncate(file, 0))]).to.deep.equal(["EBADF", "EINVAL"]);
  });

  it("are found by name, made once, and go when nobody has them open or mapped", () => {
    const { machine, process, page, at } = worldOn(amd64);
    expect(errnoOf(process.open("new", O_RDWR))).to.equal("ENOENT");
    const file = process.open("new", O_RDWR | O_CREAT | O_EXCL);
    expect(errnoOf(process.open("new", O_RDWR | O_CREAT | O_EXCL))).to.equal("EEXIST");
    process.pwrite(file, new Uint8Array(page).fill(8), 0);
    process.mmap(at(0), page, RW, MAP_SHARED | MAP_FIXED, file);
    expect([process.unlink("new"), errnoOf(process.unlink("new")), errnoOf(process.unlink("/dev/null"))]).to.deep.equal([
      0,
      "ENOENT",
      "EPERM",
    ]);
    expect([process.close(file), process.read8(at(0))]).to.deep.equal([0, 8]);
    expect(machine.parts.files.size).to.equal(1);
    process.munmap(at(0), page);
    expect(machine.parts.files.size).to.equal(0);
    assertInvariants(machine);
  });

  it("are seen alike by whoever maps, reads or writes them", () => {
    const { process, page, at } = worldOn(amd64);
    const file = process.open("both", O_RDWR | O_CREAT);
    process.ftruncate(file, page + 10);
    process.mmap(at(0), 2 * page, RW, MAP_SHARED | MAP_FIXED, file);
    const target = new Uint8Array(1);
    expect([process.write8(at(1, 5), 7), process.pread(file, target, page + 5), target[0]]).to.deep.equal([true, 1, 7]);
    expect([process.pwrite(file, Uint8Array.of(9), page + 6), process.read8(at(1, 6))]).to.deep.equal([1, 9]);
    expect([process.write8(at(1, 10), 1), process.pread(file, target, page + 10)], "behind the end in the last page").to.deep.equal([
      true,
      0,
    ]);
    expect([process.ftruncate(file, 2 * page), process.read8(at(1, 10))], "which vanishes when the file grows").to.deep.equal([0, 0]);
  });
});
