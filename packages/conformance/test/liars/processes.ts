/** POSIX faces with one lie each: calls of processes that do or answer something else. */
import {
  errnoOf,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  SHM_RDONLY,
  type Process,
} from "@portolan/core";
import { honest, instead, type Liar, type Name } from "./liar.js";

const MAP_KINDS = MAP_SHARED | MAP_PRIVATE;
const [EINVAL, ENOMEM] = [-22, -12];

/** Every process of a system, corrupted. */
const processes = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (process: Process) => void): Liar => ({
  lie: `${name}: ${lie}`,
  from,
  caughtBy,
  subject: {
    ...honest[name],
    prepareSystem: (system) =>
      instead(system, "register", (usual) => (make) => {
        const process = usual(make);
        corrupt(process);
        return process;
      }),
  },
});

/** Is every page of a range mapped? */
const isWhole = (process: Process, address: bigint | number, length: bigint | number): boolean =>
  process.mincore(address, length, new Uint8Array(1024)) === 0;

export const lyingProcesses: readonly Liar[] = [
  processes("abs32le", "what may not be mapped shared is mapped privately", "emscripten#21706", "L4.posix.mmap-refuses", (process) =>
    instead(process, "mmap", (usual) => (address, length, protection, flags, descriptor, offset) => {
      const answer = usual(address, length, protection, flags, descriptor, offset);
      if (errnoOf(answer) !== "EACCES") return answer;
      return usual(address, length, protection, (flags & ~MAP_KINDS) | MAP_PRIVATE, descriptor, offset);
    }),
  ),
  processes("abs32le", "a fixed address is a hint where something is mapped", "CZ-39", "L4.posix.mmap-places", (process) =>
    instead(process, "mmap", (usual) => (address, length, protection, flags, descriptor, offset) => {
      const isTaken = (flags & MAP_FIXED) !== 0 && isWhole(process, address, length);
      return usual(address, length, protection, isTaken ? flags & ~MAP_FIXED : flags, descriptor, offset);
    }),
  ),
  processes("ia32", "unmapping nothing is an error", "CZ-43", "L4.posix.munmap", (process) =>
    instead(process, "munmap", (usual) => (address, length) => {
      const before = process.memory.space.print();
      const answer = usual(address, length);
      return answer === 0 && process.memory.space.print() === before ? EINVAL : answer;
    }),
  ),
  processes(
    "abs32le",
    "mprotect of a range with a hole does nothing at all",
    "Linux man-pages mprotect(2) misread",
    "L4.posix.mprotect",
    (process) =>
      instead(
        process,
        "mprotect",
        (usual) => (address, length, protection) =>
          length !== 0 && process.mincore(address, length, new Uint8Array(1024)) === ENOMEM ? ENOMEM : usual(address, length, protection),
      ),
  ),
  processes("abs32le", "a mapping that moves leaves one behind", "MREMAP_DONTUNMAP without being asked", "L4.posix.mremap", (process) =>
    instead(process, "mremap", (usual) => (address, oldLength, newLength, flags, to) => {
      const answer = usual(address, oldLength, newLength, flags, to);
      if (answer >= 0n && answer !== BigInt(address) && oldLength !== 0)
        process.mmap(address, oldLength, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
      return answer;
    }),
  ),
  processes("ia32", "a break that moves down takes nothing away", "a heap that never shrinks", "L4.posix.brk", (process) =>
    instead(process, "brk", (usual) => (address) => {
      const now = usual(0);
      return BigInt(address) < now && BigInt(address) > process.memory.heapBase ? BigInt(address) : usual(address);
    }),
  ),
  processes("abs32le", "what is stored privately reaches the file", "wasi-libc#497", "L4.posix.files", (process) =>
    instead(process, "mmap", (usual) => (address, length, protection, flags, descriptor, offset) => {
      const isAnonymous = (flags & MAP_ANONYMOUS) !== 0;
      return usual(address, length, protection, isAnonymous ? flags : (flags & ~MAP_KINDS) | MAP_SHARED, descriptor, offset);
    }),
  ),
  processes("abs32le", "beyond the end of a file there are zeroes", "CZ-21", "L4.posix.end-of-file", (process) =>
    instead(process, "read8", (usual) => (address) => {
      const value = usual(address);
      if (process.signal?.signal !== "SIGBUS") return value;
      process.signal = null;
      return 0;
    }),
  ),
  processes("ia32", "advice is taken for what it is called", "MADV_DONTNEED as POSIX has it, not Linux", "L4.posix.advice", (process) =>
    instead(process, "madvise", (usual) => (address, length, advice) => (advice === MADV_DONTNEED ? 0 : usual(address, length, advice))),
  ),
  processes("abs32le", "a segment attached to be read may be written", "CZ-48", "L4.posix.segments", (process) =>
    instead(process, "shmat", (usual) => (id, address, flags) => usual(id, address, flags & ~SHM_RDONLY)),
  ),
  processes("abs32le", "a stack does not grow", "a stack fault like any other", "L4.posix.stack", (process) =>
    instead(
      process,
      "mmap",
      (usual) => (address, length, protection, flags, descriptor, offset) =>
        usual(address, length, protection, flags & ~MAP_GROWSDOWN, descriptor, offset),
    ),
  ),
  processes("ia32", "what is forbidden is said not to be mapped", "CZ-10", "L4.posix.signals", (process) =>
    instead(process, "write8", (usual) => (address, value) => {
      const isWritten = usual(address, value);
      if (process.signal?.code === "SEGV_ACCERR") process.signal = { ...process.signal, code: "SEGV_MAPERR" };
      return isWritten;
    }),
  ),
  processes("abs32le", "what a child closes is closed for its parent", "CZ-51", "L4.posix.fork", (process) =>
    instead(process, "fork", (usual) => () => {
      const child = usual();
      if (typeof child !== "number")
        instead(child, "close", (close) => (descriptor) => {
          process.close(descriptor);
          return close(descriptor);
        });
      return child;
    }),
  ),
  processes("abs32le", "the old program goes before the new one is there", "CZ-47", "L4.posix.exec", (process) =>
    instead(process, "exec", (usual) => (program) => {
      for (const { base, pages } of process.memory.space.areas()) process.munmap(base, process.memory.units.bytesOf(pages));
      return usual(program);
    }),
  ),
  processes("ia32", "what a mapping replaces goes before there is memory for it", "CZ-39, CZ-55", "L4.posix.shortage", (process) =>
    instead(process, "mmap", (usual) => (address, length, protection, flags, descriptor, offset) => {
      if ((flags & MAP_FIXED) !== 0) process.munmap(address, length);
      return usual(address, length, protection, flags, descriptor, offset);
    }),
  ),
];
