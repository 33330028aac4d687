/** L4: calls of POSIX, as programs see them: stacks, signals, and processes that fork, become others, and run short of memory. */
import {
  IPC_CREAT,
  IPC_PRIVATE,
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  mapsOf,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_CLOEXEC,
  O_RDWR,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { same } from "../failure.js";
import { ACCERR, answer, answers, BEYOND, MAPERR, PRIVATE, PROT_RW, SHARED, Tasks, tasks, USUAL } from "../rig/tasks.js";

/** What a process has at the arena's beginning, and its areas after that was read: to be compared. */
const portrait = (t: Tasks): string => {
  const bytes = Array.from({ length: 12 }, (_, page) => t.read(page));
  return `${t.process.memory.space.print()}\n${bytes.join(" ")}`;
};

export const posixTasks: readonly Clause[] = [
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
