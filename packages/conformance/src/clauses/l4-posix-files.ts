/** L4: calls of POSIX, as programs see them: files behind mappings, advice, and shared segments. */
import {
  errnoOf,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  MADV_DONTNEED,
  MADV_NORMAL,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_SYNC,
  O_RDONLY,
  SHM_RDONLY,
} from "@portolan/core";
import { type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { ACCERR, answers, BEYOND, MAPERR, PROT_RW, refused, tasks, USUAL } from "../rig/tasks.js";

export const posixFiles: readonly Clause[] = [
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
];
