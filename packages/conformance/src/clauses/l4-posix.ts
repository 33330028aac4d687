/** L4: calls of POSIX, as programs see them: results, error numbers, signals. */
import {
  errnoOf,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  MADV_DONTNEED,
  MADV_NORMAL,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_SYNC,
  O_CLOEXEC,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  SHM_RDONLY,
} from "@portolan/core";
import { ONCE, type Clause, type Trait } from "../clause.js";
import { holds, same } from "../failure.js";
import { answer, answers, PROT_RW, refused, Tasks, tasks } from "../rig/tasks.js";

const USUAL: readonly Trait[] = ["cold", "recycled", "forked", "other"];
const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
const SHARED = MAP_SHARED | MAP_ANONYMOUS;

const MAPERR = "SIGSEGV SEGV_MAPERR";
const ACCERR = "SIGSEGV SEGV_ACCERR";
const BEYOND = "SIGBUS BUS_ADRERR";

/** What a process has at the arena's beginning, and its areas after that was read: to be compared. */
const portrait = (t: Tasks): string => {
  const bytes = Array.from({ length: 12 }, (_, page) => t.read(page));
  return `${t.process.memory.space.print()}\n${bytes.join(" ")}`;
};

export const posixClauses: readonly Clause[] = [
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
  {
    id: "L4.posix.files",
    rule: "What is stored through a shared mapping is what read gives, and the other way round; a private one is seen by nobody else",
    source: "contract C-25.1, C-22.1; POSIX.1-2017 mmap(), msync(), close()",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("file", 3, 1);
      const byte = (offset: number): number => {
        const target = new Uint8Array(1);
        same(process.pread(file, target, offset), 1, "bytes read");
        return target[0] ?? -1;
      };
      process.mmap(t.at(0), 2 * page, PROT_RW, MAP_SHARED | MAP_FIXED, file, page);
      process.mmap(t.at(4), 3 * page, PROT_RW, MAP_PRIVATE | MAP_FIXED, file);
      same(
        [t.bytesOf(0, 2), t.bytesOf(4, 3)],
        [
          [2, 3],
          [1, 2, 3],
        ],
        "bytes",
      );
      t.write(0, 50);
      same([byte(page), t.read(5)], [50, 50], "a shared store, read and seen privately");
      t.write(6, 60);
      same([byte(2 * page), t.read(1)], [3, 3], "a private store, where it is not seen");
      process.pwrite(file, Uint8Array.of(70), 2 * page);
      same([t.read(1), t.read(6)], [70, 60], "what was written by a call");
      answers([
        ["msync", 0, () => process.msync(t.at(0), 2 * page, MS_SYNC)],
        ["msync of both kinds", "EINVAL", () => process.msync(t.at(0), page, MS_SYNC | MS_ASYNC)],
        ["msync of an address inside a page", "EINVAL", () => process.msync(t.at(0, 1), page, MS_SYNC)],
        ["msync of a hole", "ENOMEM", () => process.msync(t.at(1), 2 * page, MS_SYNC)],
        ["close", 0, () => process.close(file)],
        ["close again", "EBADF", () => process.close(file)],
        ["unlink", 0, () => process.unlink("file")],
        ["open by a name that is gone", "ENOENT", () => process.open("file", O_RDONLY)],
      ]);
      same(t.bytesOf(0, 2), [50, 70], "bytes of a file without name or descriptor");
    }),
  },
  {
    id: "L4.posix.end-of-file",
    rule: "Pages beyond the end of a file are bus errors, those that were mapped before it became shorter too; what comes again is zeroes",
    source: "contract C-25.2, C-22.2; POSIX.1-2017 mmap(), ftruncate()",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("file", 4, 1);
      process.mmap(t.at(0), 6 * page, PROT_RW, MAP_SHARED | MAP_FIXED, file);
      process.mmap(t.at(8), 4 * page, PROT_RW, MAP_PRIVATE | MAP_FIXED, file);
      same(t.bytesOf(0, 6), [1, 2, 3, 4, BEYOND, BEYOND], "bytes");
      for (const at of [1, 3, 9, 11]) t.write(at, 90, 100);
      same(t.write(5, 1), BEYOND, "a store beyond the end");
      answers([
        ["a length that is none", "EINVAL", () => process.ftruncate(file, -1)],
        ["making it shorter", 0, () => process.ftruncate(file, page + 8)],
      ]);
      same(t.bytesOf(0, 4), [1, 2, BEYOND, BEYOND], "bytes of the shorter file");
      same(t.bytesOf(8, 4), [1, 2, BEYOND, BEYOND], "bytes of it, privately");
      same(t.write(3, 1), BEYOND, "a store to a page that was written before");
      answers([["making it longer", 0, () => process.ftruncate(file, 4 * page)]]);
      same([t.read(1, 100), t.read(3, 100), t.read(2)], [0, 0, 0], "what comes again");
    }),
  },
  {
    id: "L4.posix.advice",
    rule: "Memory of one's own that is needed no more is zeroes, or the file's, when it is touched again; mincore says what is in memory",
    source: "contract C-25.1, C-24.6; Linux man-pages madvise(2), mincore(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("file", 2, 1);
      t.memory(0, 3);
      process.mmap(t.at(4), 2 * page, PROT_RW, MAP_PRIVATE | MAP_FIXED, file);
      for (const at of [0, 1, 4]) t.write(at, 50 + at);
      const seen = new Uint8Array(3);
      answers([["mincore", 0, () => process.mincore(t.at(0), 3 * page, seen)]]);
      same([...seen], [1, 1, 0], "pages in memory");
      refused(t, [
        ["an address inside a page", "EINVAL", () => process.madvise(t.at(0, 1), page, MADV_DONTNEED)],
        ["an advice that there is not", "EINVAL", () => process.madvise(t.at(0), page, 77)],
        ["mincore of an address inside a page", "EINVAL", () => process.mincore(t.at(0, 1), page, seen)],
        ["mincore of a hole", "ENOMEM", () => process.mincore(t.at(2), 2 * page, seen)],
        ["an advice about a hole", "ENOMEM", () => process.madvise(t.at(8), page, MADV_NORMAL)],
      ]);
      answers([
        ["a page of zeroes", 0, () => process.madvise(t.at(1), page, MADV_DONTNEED)],
        ["a page of a file", 0, () => process.madvise(t.at(4), page, MADV_DONTNEED)],
      ]);
      same(
        [t.bytesOf(0, 3), t.bytesOf(4, 2)],
        [
          [50, 0, 0],
          [1, 2],
        ],
        "bytes",
      );
    }),
  },
  {
    id: "L4.posix.segments",
    rule: "A shared segment is one memory for all who attach it, and goes when it was removed and nobody has it any more",
    source: "contract C-25.1; POSIX.1-2017 shmget(), shmat(), shmdt(), shmctl()",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const key = 42;
      const segment = process.shmget(key, 2 * page, IPC_CREAT | 0o600);
      holds(segment >= 0, `a segment is refused: ${errnoOf(segment)}`);
      answers([
        ["the same again", segment, () => process.shmget(key, page, 0)],
        ["a new one where there is one", "EEXIST", () => process.shmget(key, page, IPC_CREAT | IPC_EXCL)],
        ["a larger one than there is", "EINVAL", () => process.shmget(key, 3 * page, 0)],
        ["one that there is not", "ENOENT", () => process.shmget(key + 1, page, 0)],
        ["one of no size", "EINVAL", () => process.shmget(IPC_PRIVATE, 0, IPC_CREAT)],
        ["attaching what there is not", "EINVAL", () => process.shmat(segment + 9, t.at(0), 0)],
        ["attaching inside a page", "EINVAL", () => process.shmat(segment, t.at(0, 4), 0)],
        ["detaching nothing", "EINVAL", () => process.shmdt(t.at(0))],
      ]);
      same(t.place(process.shmat(segment, t.at(0), 0)), 0, "where it is attached");
      same(t.place(process.shmat(segment, t.at(4), SHM_RDONLY)), 4, "where it is attached to be read");
      same([t.write(0, 11), t.write(4, 1)], ["done", ACCERR], "stores");
      const other = t.system.spawn();
      same(t.place(other.shmat(segment, t.at(8), 0)), 8, "where another one attaches it");
      same([t.read(4), t.read(8, 0, other)], [11, 11], "bytes");
      const status = process.shmstat(segment);
      same(typeof status === "number" ? status : [Number(status.size), status.attached], [2 * page, 3], "its size and attachments");
      answers([
        ["removing it", 0, () => process.shmremove(segment)],
        ["finding it by its key", "ENOENT", () => process.shmget(key, page, 0)],
        ["detaching", 0, () => process.shmdt(t.at(0))],
        ["detaching again", "EINVAL", () => process.shmdt(t.at(0))],
      ]);
      same([t.read(0), t.read(4)], [MAPERR, 11], "bytes where it was, and is still");
      t.write(8, 12, 0, other);
      same(t.read(4), 12, "a byte of a segment that was removed and is attached");
      answers([["detaching the other view", 0, () => process.shmdt(t.at(4))]]);
      t.exit(other);
      answers([["attaching it when nobody has it", "EINVAL", () => process.shmat(segment, t.at(0), 0)]]);
    }),
  },
  {
    id: "L4.posix.stack",
    rule: "A stack grows to what is touched below it, as far as its limit and its neighbour let it",
    source: "contract C-25.2, C-24.7; Linux man-pages mmap(2), MAP_GROWSDOWN; getrlimit(2), RLIMIT_STACK",
    since: "1.1.0",
    traits: USUAL,
    check(rig) {
      const t = new Tasks(rig, { stackLimit: 8n * BigInt(rig.pageSize) });
      const { process, page } = t;
      const stack = PRIVATE | MAP_FIXED | MAP_GROWSDOWN;
      same(t.place(process.mmap(t.at(40), 2 * page, PROT_RW, stack)), 40, "a stack");
      same([t.write(39, 1), t.write(36, 2)], ["done", "done"], "stores below it");
      same(t.bytesOf(36, 4), [2, 0, 0, 1], "bytes of what grew");
      same(t.write(30, 1), MAPERR, "a store beyond the limit");
      same(t.write(34, 3), "done", "a store within it");
      same([t.read(34), t.read(36), t.read(39)], [3, 2, 1], "bytes");
      t.memory(50, 1);
      same(t.write(49, 1), MAPERR, "a store below what is no stack");
      t.done();
    },
  },
  {
    id: "L4.posix.signals",
    rule: "An access that is refused is a signal that says why, with its address, and the process has what it had",
    source: "contract C-25.2; POSIX.1-2017 <signal.h>; Linux man-pages sigaction(2)",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("file", 1, 1);
      t.memory(0, 1, PROT_READ);
      t.memory(1, 1, PROT_NONE);
      t.memory(2, 1);
      process.mmap(t.at(4), 2 * page, PROT_READ, MAP_SHARED | MAP_FIXED, file);
      same([t.read(0), t.read(1), t.read(2), t.read(3), t.read(4), t.read(5)], [0, ACCERR, 0, MAPERR, 1, BEYOND], "reads");
      same(
        [0, 1, 2, 3, 4].map((at) => t.write(at, 9)),
        [ACCERR, ACCERR, "done", MAPERR, ACCERR],
        "stores",
      );
      same(process.read8(t.at(3, 7)), -1, "a read of nothing");
      same(process.signal, { signal: "SIGSEGV", code: "SEGV_MAPERR", address: t.at(3, 7) }, "the signal");
      same([process.read8(t.at(2)), process.signal], [9, null], "a read that is served, and the signal then");
      same(process.read8(2n ** 64n), -1, "a read of what is no address");
    }),
  },
  {
    id: "L4.posix.fork",
    rule: "A child has its parent's memory and descriptors; private memory is each one's own from then on, and shared memory both's",
    source: "contract C-25.1, C-20.1, C-20.3; POSIX.1-2017 fork()",
    since: "1.1.0",
    traits: USUAL,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("file", 2, 1);
      t.memory(0, 2);
      process.mmap(t.at(4), page, PROT_RW, SHARED | MAP_FIXED);
      process.mmap(t.at(6), 2 * page, PROT_RW, MAP_PRIVATE | MAP_FIXED, file);
      for (const at of [0, 4, 6]) t.write(at, 20 + at);
      const base = process.brk(0);
      const child = t.fork();
      const both = (page_: number): readonly unknown[] => [t.read(page_), t.read(page_, 0, child)];
      same(
        [both(0), both(4), both(6), both(7)],
        [
          [20, 20],
          [24, 24],
          [26, 26],
          [2, 2],
        ],
        "bytes of both",
      );
      t.write(0, 30);
      t.write(1, 31, 0, child);
      t.write(4, 34, 0, child);
      t.write(6, 36, 0, child);
      same(
        [both(0), both(1), both(4), both(6)],
        [
          [30, 20],
          [0, 31],
          [34, 34],
          [26, 36],
        ],
        "bytes of both after stores",
      );
      answers([
        ["unmapping in the child", 0, () => child.munmap(t.at(0), page)],
        ["closing in the child", 0, () => child.close(file)],
        ["the parent's descriptor", 1, () => process.pread(file, new Uint8Array(1), 0)],
      ]);
      same(both(0), [30, MAPERR], "bytes after the child unmapped its own");
      same(child.brk(base + t.bytes(1)), base + t.bytes(1), "the child's break");
      same(process.brk(0), base, "the parent's break");
      t.exit(child);
      same(t.bytesOf(0, 2), [30, 0], "bytes of the parent at last");
    }),
  },
  {
    id: "L4.posix.exec",
    rule: "exec has the new program before the old one goes: a failure leaves everything as it was",
    source: "contract C-25.3; POSIX.1-2017 exec; System V ABI, Program Loading",
    since: "1.1.0",
    traits: ONCE,
    check: tasks((t) => {
      const { process, page } = t;
      const file = t.file("program", 3, 1);
      process.close(file);
      const unit = BigInt(page);
      const kept = t.file("kept", 1, 9);
      const closed = process.open("kept", O_RDWR | O_CLOEXEC);
      const program = {
        file: "program",
        segments: [
          { address: t.at(0), memoryBytes: unit, fileBytes: unit, offset: 0n, protection: PROT_READ | PROT_EXEC },
          { address: t.at(4), memoryBytes: 3n * unit, fileBytes: unit + 1n, offset: unit, protection: PROT_RW },
        ],
        stack: Uint8Array.of(7),
      };
      t.memory(0, 1);
      t.memory(9, 1);
      t.write(9, 99);
      const before = portrait(t);
      answers([
        ["a program that there is not", "ENOENT", () => process.exec({ ...program, file: "nothing" })],
        ["what is no program", "ENOEXEC", () => process.exec({ ...program, file: "/dev/null" })],
        [
          "a segment that lies otherwise in its page than in the file",
          "ENOEXEC",
          () =>
            process.exec({
              ...program,
              segments: [{ address: t.at(0, 4), memoryBytes: unit, fileBytes: unit, offset: 0n, protection: PROT_READ }],
            }),
        ],
      ]);
      same(portrait(t), before, "the old program after refusals");
      t.done();
      answers([["exec", 0, () => process.exec(program)]]);
      same([t.read(0), t.read(4), t.read(5), t.read(5, 1), t.read(6), t.read(9)], [1, 2, 3, 0, 0, MAPERR], "bytes of the new program");
      same([t.write(0, 1), t.write(4, 5)], [ACCERR, "done"], "stores to text and data");
      answers([
        ["a descriptor that stays", 1, () => process.pread(kept, new Uint8Array(1), 0)],
        ["a descriptor that does not", "EBADF", () => process.close(closed)],
      ]);
      const stack = mapsOf(process.memory).at(-1);
      same(stack === undefined ? "none" : process.read8(stack.end - 1n), 7, "the last byte of the stack");
    }),
  },
  {
    id: "L4.posix.shortage",
    rule: "Whichever allocation of a call fails, the call has been done or answers ENOMEM and has changed nothing",
    source: "contract C-25.1, C-16.1; POSIX.1-2017, ENOMEM",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const calls: Readonly<Record<string, (t: Tasks) => number | bigint>> = {
        mmap: (t) => t.process.mmap(t.at(2), 2 * t.page, PROT_RW, PRIVATE | MAP_FIXED),
        "mmap of shared memory": (t) => t.process.mmap(0, t.page, PROT_RW, SHARED),
        munmap: (t) => t.process.munmap(t.at(1), t.page),
        mprotect: (t) => t.process.mprotect(t.at(1), t.page, PROT_READ),
        mremap: (t) => t.process.mremap(t.at(0), 2 * t.page, 3 * t.page, MREMAP_MAYMOVE | MREMAP_FIXED, t.at(8)),
        madvise: (t) => t.process.madvise(t.at(1), t.page, MADV_DONTNEED),
        fork: (t) => {
          const child = t.process.fork();
          return typeof child === "number" ? child : 0;
        },
        shmget: (t) => t.process.shmget(IPC_PRIVATE, t.page, IPC_CREAT),
      };
      for (const [name, call] of Object.entries(calls)) {
        for (let passes = 0; passes < 80; passes += 1) {
          const t = new Tasks(rig);
          t.memory(0, 4);
          for (let i = 0; i < 4; i += 1) t.write(i, 10 + i);
          const child = t.fork();
          t.write(1, 21);
          const before = portrait(t);
          const { gate } = t.machine.parts;
          const count = gate.count;
          gate.failAfter(passes);
          const said = answer(call(t));
          const isOver = gate.count - count <= passes;
          gate.disarm();
          const what = `after ${name} failed at allocation ${passes}`;
          if (typeof said === "string") same([said, portrait(t)], ["ENOMEM", before], `the answer, and what there is ${what}`);
          same(t.bytesOf(0, 4, child), [10, 11, 12, 13], `bytes of the child ${what}`);
          t.done();
          if (isOver) break;
        }
      }
    },
  },
];
