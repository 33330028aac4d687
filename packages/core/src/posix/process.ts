/**
 * A task: memory, descriptors, and the calls that programs make. Results are those of Linux's raw system calls: what was
 * asked for, or the negative of an error number of {@link ERRNOS}. What a program gets wrong is never an exception.
 *
 * @see POSIX.1-2017, System Interfaces; Linux man-pages, section 2
 */
import { tryGrowDown } from "../address-space/grow-down.js";
import { PortolanError } from "../errors.js";
import type { PageOnItsWay } from "../objects/transfer.js";
import type { Wide } from "../units/address-units.js";
import { advise, resident, synchronise } from "./advising.js";
import { wordOf } from "./arguments.js";
import type { Descriptors } from "./descriptors.js";
import { Refusal, refuse, refused } from "./errno.js";
import type { OpenFile } from "./file-system.js";
import { loadProgram, type Program } from "./execution.js";
import { setBreak } from "./heap.js";
import { map, unmap } from "./mapping.js";
import { PosixMemory } from "./memory.js";
import { MAP_ANONYMOUS, O_CLOEXEC } from "./numbers.js";
import { protect } from "./protection.js";
import { remap } from "./remapping.js";
import type { SegmentStatus } from "./segments.js";
import { signalFor, type Signal } from "./signal.js";
import type { PosixSystem } from "./system.js";

/** What an access came to that gave no value. */
export const NO_VALUE = -1;

/**
 * One task of a system. Addresses, lengths and offsets are bytes, and words of the machine: a negative number is the word
 * that it would be in a register. A task that has exited takes no call any more (ERR_PROCESS_GONE).
 */
export class Process {
  readonly system: PosixSystem;
  readonly pid: number;
  /** The processor that it runs on. */
  cpu = 0;
  /** What its last access was sent, or null. */
  signal: Signal | null = null;
  /** What its last access, or transfer to or from a file, has to wait for before it can be tried again; or null. */
  waitsFor: PageOnItsWay | null = null;
  #memory: PosixMemory;
  readonly #descriptors: Descriptors;
  /** Tasks that share memory and descriptors with it, itself included. */
  readonly #threads: Set<Process>;
  #isGone = false;
  #status: number | null = null;

  /** Made by {@link PosixSystem.spawn}, `fork` and `thread`. */
  constructor(system: PosixSystem, pid: number, memory: PosixMemory, descriptors: Descriptors, threads = new Set<Process>()) {
    this.system = system;
    this.pid = pid;
    this.#memory = memory;
    this.#descriptors = descriptors;
    this.#threads = threads;
    threads.add(this);
  }

  /** Its space, heap and limits. */
  get memory(): PosixMemory {
    return this.#memory;
  }

  /** What it has open; threads of a process share one table. */
  get descriptors(): Descriptors {
    return this.#descriptors;
  }

  /** Has it exited? */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** What it exited with; null while it runs. */
  get status(): number | null {
    return this.#status;
  }

  /** The address, or a negative errno. @see POSIX.1-2017 mmap() */
  mmap(address: Wide, length: Wide, protection: number, flags: number, descriptor = -1, offset: Wide = 0): bigint {
    return this.#wideCall(() => {
      const { bits, units } = this.#memory;
      const from = wordOf(offset, 64);
      if (units.offsetOf(from) !== 0) return refuse("EINVAL");
      const file = (flags & MAP_ANONYMOUS) === 0 ? this.#descriptors.get(descriptor) : null;
      return map(this.#memory, { address: wordOf(address, bits), length: wordOf(length, bits), protection, flags, file, offset: from });
    });
  }

  /** @see POSIX.1-2017 munmap() */
  munmap(address: Wide, length: Wide): number {
    return this.#call((memory) => unmap(memory, wordOf(address, memory.bits), wordOf(length, memory.bits)));
  }

  /** @see POSIX.1-2017 mprotect() */
  mprotect(address: Wide, length: Wide, protection: number): number {
    return this.#call((memory) => protect(memory, wordOf(address, memory.bits), wordOf(length, memory.bits), protection));
  }

  /** The address, or a negative errno. @see Linux man-pages mremap(2) */
  mremap(address: Wide, oldLength: Wide, newLength: Wide, flags: number, to: Wide = 0): bigint {
    return this.#wideCall((memory) => {
      const { bits } = memory;
      return remap(memory, wordOf(address, bits), wordOf(oldLength, bits), wordOf(newLength, bits), flags, wordOf(to, bits));
    });
  }

  /** The break afterwards: where it was, if it could not be set. @see Linux man-pages brk(2) */
  brk(address: Wide): bigint {
    return this.#wideCall((memory) => setBreak(memory, wordOf(address, memory.bits)));
  }

  /** @see POSIX.1-2017 msync() */
  msync(address: Wide, length: Wide, flags: number): number {
    return this.#call((memory) => synchronise(memory, wordOf(address, memory.bits), wordOf(length, memory.bits), flags));
  }

  /** @see Linux man-pages madvise(2) */
  madvise(address: Wide, length: Wide, advice: number): number {
    return this.#call((memory) => advise(memory, wordOf(address, memory.bits), wordOf(length, memory.bits), advice));
  }

  /** Fills `target` with 1 for each page that is in memory, and 0 for others. @see Linux man-pages mincore(2) */
  mincore(address: Wide, length: Wide, target: Uint8Array): number {
    return this.#call((memory) => resident(memory, wordOf(address, memory.bits), wordOf(length, memory.bits), target));
  }

  /** A descriptor, or a negative errno. @see POSIX.1-2017 open() */
  open(name: string, flags: number): number {
    return this.#call(() => {
      const file = this.system.files.open(name, flags);
      return this.#descriptors.add(file, (flags & O_CLOEXEC) !== 0);
    });
  }

  /** @see POSIX.1-2017 close() */
  close(descriptor: number): number {
    return this.#call(() => {
      this.#descriptors.close(descriptor);
      return 0;
    });
  }

  /** A descriptor more for the same open file. @see POSIX.1-2017 dup() */
  dup(descriptor: number): number {
    return this.#call(() => this.#descriptors.add(this.#descriptors.get(descriptor)));
  }

  /** @see POSIX.1-2017 unlink() */
  unlink(name: string): number {
    return this.#call(() => {
      this.system.files.unlink(name);
      return 0;
    });
  }

  /** @see POSIX.1-2017 ftruncate() */
  ftruncate(descriptor: number, length: Wide): number {
    return this.#call(() => {
      const bytes = signed(length);
      if (bytes < 0n) return refuse("EINVAL");
      return this.#descriptors.get(descriptor).truncate(bytes);
    });
  }

  /**
   * Bytes read into `target`, or a negative errno: −EAGAIN where a pager has been asked; `waitsFor` says what to wait for.
   * @see POSIX.1-2017 pread()
   */
  pread(descriptor: number, target: Uint8Array, offset: Wide): number {
    return this.#call(() => {
      const at = signed(offset);
      if (at < 0n) return refuse("EINVAL");
      return this.#moved(descriptor, (file) => file.read(at, target));
    });
  }

  /** Bytes written, otherwise as `pread`. @see POSIX.1-2017 pwrite() */
  pwrite(descriptor: number, source: Uint8Array, offset: Wide): number {
    return this.#call(() => {
      const at = signed(offset);
      if (at < 0n) return refuse("EINVAL");
      return this.#moved(descriptor, (file) => file.write(at, source));
    });
  }

  /** A segment's number, or a negative errno. @see POSIX.1-2017 shmget() */
  shmget(key: number, size: Wide, flags: number): number {
    return this.#call((memory) => this.system.segments.get(key, wordOf(size, memory.bits), flags));
  }

  /** The address, or a negative errno. @see POSIX.1-2017 shmat() */
  shmat(id: number, address: Wide, flags: number): bigint {
    return this.#wideCall((memory) => this.system.segments.attach(memory, id, wordOf(address, memory.bits), flags));
  }

  /** @see POSIX.1-2017 shmdt() */
  shmdt(address: Wide): number {
    return this.#call((memory) => this.system.segments.detach(memory, wordOf(address, memory.bits)));
  }

  /** `shmctl(IPC_RMID)`. @see POSIX.1-2017 shmctl() */
  shmremove(id: number): number {
    return this.#call(() => this.system.segments.remove(id));
  }

  /** `shmctl(IPC_STAT)`: what the segment is like, or a negative errno. @see POSIX.1-2017 shmctl() */
  shmstat(id: number): SegmentStatus | number {
    let status: SegmentStatus | null = null;
    const result = this.#call(() => {
      status = this.system.segments.status(id);
      return 0;
    });
    return status ?? result;
  }

  /**
   * A child with a copy of this memory and of the descriptors; or a negative errno, and nothing has changed.
   * @see POSIX.1-2017 fork()
   */
  fork(): Process | number {
    let child: Process | null = null;
    const result = this.#call(({ space, limits, heapBase, heapEnd }) => {
      const memory = new PosixMemory(this.system.machine.spaces.fork(space), limits, heapBase, heapEnd);
      const descriptors = this.#descriptors.copy();
      child = this.system.register((pid) => new Process(this.system, pid, memory, descriptors));
      return 0;
    });
    return child ?? result;
  }

  /** A task that shares memory and descriptors with this one. @see POSIX.1-2017 pthread_create() */
  thread(): Process {
    this.#alive();
    this.#memory.space.hold();
    return this.system.register((pid) => new Process(this.system, pid, this.#memory, this.#descriptors, this.#threads));
  }

  /**
   * Becomes another program. Its image is built first; only then does the old one go, and the other threads with it. A
   * failure is a negative errno, and everything is as it was.
   *
   * @see POSIX.1-2017 exec
   */
  exec(program: Program): number {
    return this.#call((memory) => {
      const next = loadProgram(this.system, program, this.cpu);
      for (const thread of Array.from(this.#threads)) if (thread !== this) thread.exit(0);
      this.#memory = next;
      this.#leave(memory);
      this.#descriptors.exec();
      return 0;
    });
  }

  /** Ends this task; with the last that shares them, memory and descriptors go. @see POSIX.1-2017 _exit() */
  exit(status = 0): void {
    this.#alive();
    this.#isGone = true;
    this.#status = status;
    this.#threads.delete(this);
    this.system.forget(this);
    const { machine } = this.system;
    machine.on(this.cpu, () => {
      if (this.#threads.size === 0) this.#descriptors.closeAll();
      this.#leave(this.#memory);
    });
  }

  /** A byte; or NO_VALUE, and `signal` or `waitsFor` says why. */
  read8(address: Wide): number {
    return this.#access(() => this.system.machine.read8(address, this.cpu), address);
  }

  /** 32 bits, as `read8`. */
  read32(address: Wide): number {
    return this.#access(() => this.system.machine.read32(address, this.cpu), address);
  }

  /** An instruction word, as `read8`. */
  fetch32(address: Wide): number {
    return this.#access(() => this.system.machine.fetch32(address, this.cpu), address);
  }

  /** False, and `signal` or `waitsFor` says why, if the byte could not be written. */
  write8(address: Wide, value: number): boolean {
    return this.#access(() => (this.system.machine.write8(address, value, this.cpu) ? 0 : NO_VALUE), address) === 0;
  }

  /** 32 bits, as `write8`. */
  write32(address: Wide, value: number): boolean {
    return this.#access(() => (this.system.machine.write32(address, value, this.cpu) ? 0 : NO_VALUE), address) === 0;
  }

  /** Bytes read into `target`; fewer than asked if `signal` or `waitsFor` says why. */
  readBytes(address: Wide, target: Uint8Array): number {
    let done = 0;
    this.#access(() => {
      done = this.system.machine.copyFromUser(address, target, this.cpu);
      return done === target.length ? 0 : NO_VALUE;
    }, address);
    return done;
  }

  /** Bytes written; fewer than asked if `signal` or `waitsFor` says why. */
  writeBytes(address: Wide, source: Uint8Array): number {
    let done = 0;
    this.#access(() => {
      done = this.system.machine.copyToUser(address, source, this.cpu);
      return done === source.length ? 0 : NO_VALUE;
    }, address);
    return done;
  }

  /** Makes its memory the one of its processor. */
  run(): void {
    this.#alive();
    const { machine } = this.system;
    if (machine.installed(this.cpu) !== this.#memory.space) machine.switchTo(this.#memory.space, this.cpu);
  }

  /** Moves bytes of a file, and says what there is to wait for. */
  #moved(descriptor: number, move: (file: OpenFile) => number): number {
    const file = this.#descriptors.get(descriptor);
    this.waitsFor = null;
    try {
      return move(file);
    } finally {
      this.waitsFor = file.node.object?.verdict.waitsFor ?? null;
    }
  }

  #access(attempt: () => number, address: Wide): number {
    this.run();
    this.signal = null;
    this.waitsFor = null;
    // What is no address of the machine at all is none of the process's memory either.
    if (!this.#isAddress(address)) {
      this.signal = signalFor("no area at this address", BigInt(address));
      return NO_VALUE;
    }
    const value = attempt();
    if (value !== NO_VALUE) return value;
    const { outcome } = this.system.machine;
    if (outcome === null) throw new Error("an access failed, and nothing says why");
    if (outcome.rule === "the page is on its way") this.waitsFor = outcome.waitsFor ?? null;
    else this.signal = signalFor(outcome.rule, outcome.address);
    if (outcome.rule === "the area forbids this access") growAnyway(this.#memory, outcome.address);
    return NO_VALUE;
  }

  #isAddress(address: Wide): boolean {
    return BigInt(address) >= 0n && BigInt(address) < 1n << BigInt(this.#memory.bits);
  }

  #alive(): void {
    if (this.#isGone) throw new PortolanError("ERR_PROCESS_GONE", { process: this.pid });
  }

  /** Stops using a memory: no processor that it runs on has it installed any more, and with its last user it goes. */
  #leave({ space }: PosixMemory): void {
    const { machine } = this.system;
    const isLast = space.holds - machine.cpus.filter((_, cpu) => machine.installed(cpu) === space).length === 1;
    if (isLast) for (const cpu of machine.cpus.keys()) if (machine.installed(cpu) === space) machine.switchToKernel(cpu);
    space.release();
  }

  #call(work: (memory: PosixMemory) => number): number {
    return Number(this.#wideCall((memory) => BigInt(work(memory))));
  }

  /** Every call's door: it runs on the process's processor, and what it refuses becomes a number. */
  #wideCall(work: (memory: PosixMemory) => bigint): bigint {
    this.#alive();
    try {
      return this.system.machine.on(this.cpu, () => work(this.#memory));
    } catch (error) {
      if (error instanceof Refusal) return BigInt(refused(error.errno));
      if (error instanceof PortolanError && isShortage(error)) return BigInt(refused("ENOMEM"));
      if (error instanceof PortolanError && error.code === "ERR_PAGER_FAILED") return BigInt(refused("EIO"));
      throw error;
    }
  }
}

/** A stack below which something was touched has grown, even if it forbids that access: Linux looks at rights afterwards. */
const growAnyway = ({ space, parts, units }: PosixMemory, address: bigint): void => {
  const page = units.pageOf(address);
  parts.locks.acquire("address-space", space.id);
  try {
    if (space.tree.find(page) < 0) tryGrowDown(space, page);
  } finally {
    parts.locks.release("address-space", space.id);
  }
};

/** Memory, frames or room that ran out, or a place where no area may lie. */
const isShortage = ({ errno, code }: PortolanError): boolean => errno === "ENOMEM" || code === "ERR_AREA_RANGE";

/** A file offset, as the signed 64 bits that it is. @throws PortolanError ERR_BAD_ARGUMENT */
const signed = (value: Wide): bigint => BigInt.asIntN(64, wordOf(value, 64));
