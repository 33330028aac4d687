/** L4: calls of POSIX, as programs see them: ranges of pages: mmap and what changes what it made, and the heap. */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { ACCERR, answer, answers, MAPERR, PRIVATE, PROT_RW, refused, SHARED, tasks, USUAL } from "../rig/tasks.js";

export const posixRanges: readonly Clause[] = [
  {
    id: "L4.posix.mmap-refuses",
    rule: "mmap that cannot be says why with POSIX's error number, and has mapped nothing",
    source: "contract C-25.1; POSIX.1-2017 mmap(), ERRORS; Linux man-pages mmap(2)",
    since: "1.1.0",
    traits: ONCE,
    check: tasks((t) => {
      const { process, page } = t;
      const both = t.file("file", 2, 1);
      const readOnly = process.open("file", O_RDONLY);
      const writeOnly = process.open("file", O_WRONLY);
      const device = process.open("/dev/null", O_RDWR);
      t.memory(4, 1);
      const file =
        (descriptor: number, protection: number, flags: number, offset = 0) =>
        () =>
          process.mmap(t.at(0), page, protection, flags, descriptor, offset);
      refused(t, [
        ["no length", "EINVAL", () => process.mmap(0, 0, PROT_RW, PRIVATE)],
        ["neither shared nor private", "EINVAL", () => process.mmap(0, page, PROT_RW, MAP_ANONYMOUS)],
        ["a fixed address inside a page", "EINVAL", () => process.mmap(t.at(0, 4), page, PROT_RW, PRIVATE | MAP_FIXED)],
        ["an offset inside a page", "EINVAL", file(both, PROT_READ, MAP_SHARED, 4)],
        ["a descriptor that is not open", "EBADF", file(77, PROT_READ, MAP_SHARED)],
        ["writing through a file opened for reading", "EACCES", file(readOnly, PROT_RW, MAP_SHARED)],
        ["a file opened for writing alone", "EACCES", file(writeOnly, PROT_WRITE, MAP_SHARED)],
        ["a file opened for writing alone, privately", "EACCES", file(writeOnly, PROT_READ, MAP_PRIVATE)],
        ["what cannot be mapped", "ENODEV", file(device, PROT_READ, MAP_PRIVATE)],
        ["a place that is taken", "EEXIST", () => process.mmap(t.at(3), 2 * page, PROT_RW, PRIVATE | MAP_FIXED_NOREPLACE)],
        ["more than there are addresses", "ENOMEM", () => process.mmap(0, -page, PROT_RW, PRIVATE)],
      ]);
      // A private mapping never writes the file.
      same(answer(file(readOnly, PROT_RW, MAP_PRIVATE)()), Number(t.at(0)), "a private writable mapping of a file opened for reading");
    }),
  },
  {
    id: "L4.posix.mmap-places",
    rule: "A fixed mapping replaces what was there; a hint is taken where there is room; elsewhere mappings never meet",
    source: "contract C-25.1; POSIX.1-2017 mmap(), MAP_FIXED; Linux man-pages mmap(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      t.memory(0, 4);
      for (let i = 0; i < 4; i += 1) t.write(i, 10 + i);
      t.memory(1, 2);
      same(t.bytesOf(0, 4), [10, 0, 0, 13], "bytes after a mapping over the middle");
      same(t.place(process.mmap(t.at(8), 2 * page, PROT_RW, PRIVATE)), 8, "where a free hint leads");
      same(t.place(process.mmap(t.at(20, 5), page, PROT_RW, PRIVATE)), 20, "where a hint inside a page leads");
      const elsewhere = process.mmap(t.at(2), 2 * page, PROT_RW, PRIVATE);
      holds(elsewhere > 0n && elsewhere !== t.at(2), "a hint that is taken leads there");
      same(t.bytesOf(0, 4), [10, 0, 0, 13], "bytes of what was there");
      const places = Array.from({ length: 6 }, () => process.mmap(0, 3 * page, PROT_RW, PRIVATE));
      same(new Set(places).size, 6, "places of six mappings");
      const maps = mapsOf(process.memory);
      holds(
        maps.every(({ first }, i) => i === 0 || first >= (maps[i - 1]?.end ?? 0n)),
        "mappings overlap",
      );
    }),
  },
  {
    id: "L4.posix.munmap",
    rule: "munmap takes whatever lies in a range, holes or not; what is no range of pages is refused",
    source: "contract C-25.1, C-24.1; POSIX.1-2017 munmap()",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      t.memory(0, 3);
      t.memory(5, 3);
      for (const i of [0, 1, 2, 5, 6, 7]) t.write(i, 10 + i);
      refused(t, [
        ["an address inside a page", "EINVAL", () => process.munmap(t.at(0, 1), page)],
        ["no length", "EINVAL", () => process.munmap(t.at(0), 0)],
        ["a length beyond all addresses", "EINVAL", () => process.munmap(t.at(0), -page)],
      ]);
      answers([
        ["a range with a hole, cut at both ends", 0, () => process.munmap(t.at(1), 5 * page)],
        ["a range with nothing in it", 0, () => process.munmap(t.at(1), page)],
        ["a part of a page more", 0, () => process.munmap(t.at(7), 1)],
      ]);
      same(t.bytesOf(0, 8), [10, MAPERR, MAPERR, MAPERR, MAPERR, MAPERR, 16, MAPERR], "bytes");
    }),
  },
  {
    id: "L4.posix.mprotect",
    rule: "mprotect decides the next access, page by page; before a hole or a file that may not be written it has done what it could",
    source: "contract C-25.1, C-24.4; POSIX.1-2017 mprotect(); Linux man-pages mprotect(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      t.memory(0, 4);
      for (let i = 0; i < 4; i += 1) t.write(i, 10 + i);
      refused(t, [
        ["an address inside a page", "EINVAL", () => process.mprotect(t.at(0, 1), page, PROT_READ)],
        ["a right that there is not", "EINVAL", () => process.mprotect(t.at(0), page, 0x100)],
        ["nothing mapped", "ENOMEM", () => process.mprotect(t.at(8), page, PROT_READ)],
      ]);
      answers([
        ["the middle", 0, () => process.mprotect(t.at(1), 2 * page, PROT_READ)],
        ["no right at all", 0, () => process.mprotect(t.at(2), page, PROT_NONE)],
        ["nothing", 0, () => process.mprotect(t.at(0), 0, PROT_NONE)],
      ]);
      same(t.bytesOf(0, 4), [10, 11, ACCERR, 13], "bytes");
      same(
        [0, 1, 2, 3].map((i) => t.write(i, 20 + i)),
        ["done", ACCERR, ACCERR, "done"],
        "stores",
      );
      answers([["all of it again", 0, () => process.mprotect(t.at(0), 4 * page, PROT_RW)]]);
      same(t.write(2, 22), "done", "a store to what had no right");
      same(t.bytesOf(0, 4), [20, 11, 22, 23], "bytes at last");
      answers([["a range with a hole behind", "ENOMEM", () => process.mprotect(t.at(2), 4 * page, PROT_READ)]]);
      same([t.write(1, 1), t.write(3, 1)], ["done", ACCERR], "stores before and in the range");
      t.file("file", 1, 1);
      const readOnly = process.open("file", O_RDONLY);
      process.mmap(t.at(10), page, PROT_READ, MAP_SHARED | MAP_FIXED, readOnly);
      answers([["writing what was not opened for it", "EACCES", () => process.mprotect(t.at(10), page, PROT_RW)]]);
      same(t.write(10, 1), ACCERR, "a store there");
    }),
  },
  {
    id: "L4.posix.mremap",
    rule: "mremap keeps what a mapping holds, at the new place alone; where it may not move and cannot grow it is refused",
    source: "contract C-25.1, C-24.5; Linux man-pages mremap(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      t.memory(0, 2);
      t.memory(3, 1);
      t.write(0, 1);
      t.write(1, 2);
      t.write(3, 9);
      refused(t, [
        ["an address inside a page", "EINVAL", () => process.mremap(t.at(0, 4), page, page, 0)],
        ["no new length", "EINVAL", () => process.mremap(t.at(0), page, 0, 0)],
        ["flags that there are not", "EINVAL", () => process.mremap(t.at(0), page, page, 64)],
        ["a place without leave to move", "EINVAL", () => process.mremap(t.at(0), page, page, MREMAP_FIXED, t.at(20))],
        ["a place that overlaps", "EINVAL", () => process.mremap(t.at(0), 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, t.at(1))],
        ["nothing mapped", "EFAULT", () => process.mremap(t.at(8), page, 2 * page, MREMAP_MAYMOVE)],
        ["more than there is room for, without moving", "ENOMEM", () => process.mremap(t.at(0), 2 * page, 4 * page, 0)],
      ]);
      same(t.place(process.mremap(t.at(0), 2 * page, 3 * page, 0)), 0, "growing into free room");
      same(t.bytesOf(0, 4), [1, 2, 0, 9], "bytes after growing");
      same(t.place(process.mremap(t.at(0), 3 * page, 2 * page, 0)), 0, "shrinking");
      same(t.bytesOf(0, 4), [1, 2, MAPERR, 9], "bytes after shrinking");
      const moved = t.place(process.mremap(t.at(0), 2 * page, 4 * page, MREMAP_MAYMOVE));
      if (typeof moved === "string") return same(moved, "a place", "moving");
      same(
        [t.bytesOf(moved, 4), t.bytesOf(0, 2)],
        [
          [1, 2, 0, 0],
          [MAPERR, MAPERR],
        ],
        "bytes after moving",
      );
      t.memory(20, 2);
      t.write(21, 5);
      const fixed = MREMAP_MAYMOVE | MREMAP_FIXED;
      same(t.place(process.mremap(t.at(moved), page, page, fixed, t.at(20))), 20, "a part, moved over another mapping");
      same(
        [t.bytesOf(20, 2), t.bytesOf(moved, 2)],
        [
          [1, 5],
          [MAPERR, 2],
        ],
        "bytes after that",
      );
      const shared = t.place(process.mmap(0, page, PROT_RW, SHARED));
      if (typeof shared === "string") return same(shared, "a place", "shared memory");
      const twin = t.place(process.mremap(t.at(shared), 0, page, MREMAP_MAYMOVE));
      if (typeof twin === "string") return same(twin, "a place", "a second view");
      t.write(shared, 33);
      same(t.read(twin), 33, "what is seen through a second view");
    }),
  },
  {
    id: "L4.posix.brk",
    rule: "brk answers where the break is: what it gives is zeroes, what it takes is gone, and what it cannot give leaves it where it was",
    source: "contract C-25.1; Linux man-pages brk(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process } = t;
      const base = process.brk(0);
      same(process.brk(base + t.bytes(3)), base + t.bytes(3), "the break after growing");
      const at = Number((base - t.at(0)) / BigInt(t.page));
      for (let i = 0; i < 3; i += 1) t.write(at + i, 40 + i);
      same(process.brk(base + t.bytes(1) + 8n), base + t.bytes(1) + 8n, "the break after shrinking");
      same(t.bytesOf(at, 3), [40, 41, MAPERR], "bytes after shrinking");
      same(process.brk(base + t.bytes(3)), base + t.bytes(3), "the break after growing again");
      same(t.bytesOf(at, 3), [40, 41, 0], "bytes after growing again");
      for (const wanted of [base - 1n, t.at(300), 2n ** BigInt(t.rig.architecture.wordBits) - 1n]) {
        t.memory(0, 1);
        same(process.brk(wanted), base + t.bytes(3), `the break after 0x${wanted.toString(16)} was asked for`);
      }
    }),
  },
];
