/** What a system grants, and what it refuses when that is used up. */
import {
  errnoOf,
  IPC_CREAT,
  limitsOf,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_POPULATE,
  MAP_PRIVATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from "#src/index.js";
import { amd64 } from "@portolan/arch-amd64";
import { expect } from "chai";
import { machines, refuses } from "../fixture.js";
import { worldOn } from "./world.js";

const RW = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

describe("limits of a POSIX system", () => {
  it("come from the machine's user range, and lie in it in order", () => {
    for (const architecture of machines) {
      const { user } = architecture.layout;
      const { lowestAddress, heapBase, mmapTop, endAddress } = limitsOf(architecture);
      expect(lowestAddress >= user.first && lowestAddress < heapBase && heapBase < mmapTop, architecture.name).to.equal(true);
      expect(mmapTop < endAddress && endAddress <= user.last + 1n, architecture.name).to.equal(true);
    }
    refuses("ERR_MISALIGNED", () => limitsOf(amd64, { mmapTop: 5n }));
  });

  it("end what makes more areas: mappings, holes, rights of a part, moves", () => {
    const { process, page, at } = worldOn(amd64, {}, { mostAreas: 6 });
    for (let number = 0; number < 6; number += 1)
      expect(process.mmap(at(number * 10), 4 * page, RW, ANONYMOUS | MAP_FIXED)).to.equal(at(number * 10));
    expect(process.munmap(at(1), page)).to.equal(-12);
    expect(process.munmap(at(0), page), "an end can go").to.equal(0);
    expect(process.mprotect(at(11), page, PROT_READ)).to.equal(-12);
    expect(process.mprotect(at(10), 4 * page, PROT_READ), "a whole area can change").to.equal(0);
    expect(process.mremap(at(20), page, page, MREMAP_MAYMOVE | MREMAP_FIXED, at(100))).to.equal(-12n);
    expect(process.mmap(at(200), page, PROT_READ, ANONYMOUS | MAP_FIXED), "one more than the limit, as Linux counts").to.equal(at(200));
    expect(process.mmap(at(210), page, PROT_READ, ANONYMOUS | MAP_FIXED)).to.equal(-12n);
  });

  it("end descriptors, segments, the heap and stacks", () => {
    const { process, page, at } = worldOn(
      amd64,
      {},
      { mostDescriptors: 2, mostSegments: 1, segmentLimit: 8192n, heapLimit: 8192n, stackLimit: 16_384n },
    );
    expect([process.open("a", O_CREAT | O_RDWR), process.dup(0), errnoOf(process.dup(0)), process.close(0), process.dup(1)]).to.deep.equal([
      0,
      1,
      "EMFILE",
      0,
      0,
    ]);
    expect(errnoOf(process.shmget(1, 8193, IPC_CREAT))).to.equal("EINVAL");
    expect([process.shmget(1, 8192, IPC_CREAT), errnoOf(process.shmget(2, 1, IPC_CREAT))]).to.deep.equal([0, "ENOSPC"]);
    const { heapBase } = process.memory;
    expect([process.brk(heapBase + 8192n), process.brk(heapBase + 8193n)]).to.deep.equal([heapBase + 8192n, heapBase + 8192n]);
    process.mmap(at(100), 2 * page, RW, ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN);
    expect([process.write8(at(98), 1), process.write8(at(97), 1)]).to.deep.equal([true, false]);
    expect(process.signal).to.deep.equal({ signal: "SIGSEGV", code: "SEGV_MAPERR", address: at(97) });
  });

  it("let a populated mapping stand though memory ends on the way", () => {
    const { process, page, at } = worldOn(amd64, { memoryBytes: 64 * 4096 });
    expect(process.mmap(at(0), 2 ** 20 * page, RW, ANONYMOUS | MAP_FIXED | MAP_POPULATE)).to.equal(at(0));
    expect(process.read8(at(0))).to.equal(0);
    expect(process.write8(at(1000), 1)).to.equal(false);
    expect(process.signal).to.deep.include({ signal: "SIGKILL" });
  });
});
