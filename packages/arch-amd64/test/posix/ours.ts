/** Performs scripts of calls on Portolan's POSIX face and answers in the words of linux-calls.c. */
import {
  buildMachine,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  mapsOf,
  MemorySwap,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  PosixSystem,
  type Machine,
  type MapEntry,
  type PosixLimits,
  type Process,
  type Signal,
} from "@portolan/core";
import { amd64 } from "#src/index.js";
import { HARMLESS, type Call } from "./calls.js";

const PAGE = 0x1000;
const ARENA = 0x10_0000_0000n;
const ARENA_BYTES = 0x400_0000n;
const WINDOW = 0x400_0000n;
const TOP = 0x7fff_e000_0000n;
const FIRST_BREAK = 0x2000_0000n;
const FILES = 4;

/** Where a range is, in the words of the answers. */
const placeOf = (address: bigint): string => {
  const hex = (value: bigint): string => `0x${value.toString(16)}`;
  if (address >= ARENA && address < ARENA + ARENA_BYTES) return `a${hex(address - ARENA)}`;
  if (address <= TOP && address >= TOP - WINDOW) return `t${hex(TOP - address)}`;
  if (address >= FIRST_BREAK && address < FIRST_BREAK + WINDOW) return `b${hex(address - FIRST_BREAK)}`;
  return hex(address);
};

/** The part of a mapping that lies in one of the regions that are looked at; null if none does. */
const clipped = (entry: MapEntry): MapEntry | null => {
  for (const [low = 0n, high = 0n] of [
    [ARENA, ARENA + ARENA_BYTES],
    [FIRST_BREAK, FIRST_BREAK + WINDOW],
    [TOP - WINDOW, TOP],
  ]) {
    if (entry.first >= high || entry.end <= low) continue;
    const first = entry.first < low ? low : entry.first;
    return {
      ...entry,
      first,
      end: entry.end > high ? high : entry.end,
      offset: entry.file === 0 ? 0n : entry.offset + first - entry.first,
    };
  }
  return null;
};

const placed = (result: bigint): string => (result < 0n ? String(result) : placeOf(result));

const hashOf = (bytes: Uint8Array): string => {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
};

const told = (signal: Signal | null): string => (signal === null ? "no signal" : `${signal.signal} ${signal.code}`);

/** One world: a machine, a system, and up to eight processes. */
export class OurWorld {
  readonly machine: Machine;
  readonly system: PosixSystem;
  readonly #processes: (Process | null)[] = Array.from({ length: 8 }, () => null);
  readonly #segments: number[] = [];
  readonly #page = new Uint8Array(PAGE);

  /** @param frames of RAM; with few of them pages go to swap all the time, tables excepted */
  constructor(limits: Partial<PosixLimits>, frames = 16_384) {
    this.machine = buildMachine(amd64, { memoryBytes: frames * PAGE, swap: new MemorySwap(4096) });
    this.system = new PosixSystem(this.machine, { mmapTop: TOP, heapBase: FIRST_BREAK, endAddress: 0x7fff_ffff_f000n, ...limits });
    for (let file = 0; file < FILES; file += 1) this.system.files.create(`f${file}`);
    const first = this.system.spawn();
    for (let descriptor = 0; descriptor < 3; descriptor += 1) first.open("/dev/null", O_RDWR);
    // As in a real process, the heap has a beginning that is not the script's.
    first.mmap(FIRST_BREAK - BigInt(PAGE), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    this.#processes[0] = first;
  }

  /** Does the call store behind the end of a shared file, in the rest of its last page? */
  isBehindEnd({ process, name, args }: Call): boolean {
    const memory = this.#processes[process]?.memory;
    if (memory === undefined || name !== "store") return false;
    const address = this.#value(args[0] ?? "0x0");
    const entry = mapsOf(memory).find(({ first, end, rights }) => first <= address && address < end && rights.endsWith("s"));
    const object = entry === undefined ? null : this.system.files.node(entry.name)?.object;
    return entry !== undefined && object?.number === entry.file && entry.offset + (address - entry.first) >= BigInt(object.length);
  }

  /** The answer to a call. */
  answer({ process: whose, name, args }: Call): string {
    const process = this.#processes[whose] ?? null;
    if (process === null) return "gone";
    if (name === "fork") return this.#fork(process, Number(args[0]));
    if (name === "exit") {
      process.exit();
      this.#processes[whose] = null;
      return "0";
    }
    return this.#call(process, name, args);
  }

  /** Ends everything; a machine whose processes are all gone has nothing left but its files. */
  end(): void {
    for (const process of this.#processes) process?.exit();
  }

  #fork(process: Process, number: number): string {
    if (this.#processes[number]) return "taken";
    const child = process.fork();
    if (typeof child === "number") return String(child);
    this.#processes[number] = child;
    return "0";
  }

  /** An argument: as strtoull() reads it, or a place. */
  #value(word: string): bigint {
    const plain = (text: string): bigint => {
      if (text.startsWith("-")) return -BigInt(text.slice(1));
      return BigInt(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text);
    };
    switch (word[0]) {
      case "a":
        return ARENA + plain(word.slice(1));
      case "t":
        return TOP - plain(word.slice(1));
      case "b":
        return FIRST_BREAK + plain(word.slice(1));
      case "s":
        return BigInt(this.#segments[Number(word.slice(1))] ?? 0x7fff_ffff);
      default:
        return plain(word);
    }
  }

  #call(process: Process, name: string, args: readonly string[]): string {
    const wide = args.map((word) => this.#value(word));
    const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = wide;
    switch (name) {
      case "mmap":
        return placed(process.mmap(a, b, Number(c), Number(d), Number(e), f));
      case "munmap":
        return String(process.munmap(a, b));
      case "mprotect":
        return String(process.mprotect(a, b, Number(c)));
      case "mremap":
        return placed(process.mremap(a, b, c, Number(d), e));
      case "brk":
        return placed(process.brk(a));
      case "msync":
        return String(process.msync(a, b, Number(c)));
      case "madvise":
        return String(process.madvise(a, b, Number(c)));
      case "mincore": {
        const target = new Uint8Array(Math.ceil(Number(b) / PAGE));
        const result = process.mincore(a, b, target);
        return result < 0 ? String(result) : target.join("");
      }
      case "open":
        return String(process.open(`f${a}`, Number(b)));
      case "close":
        return String(process.close(Number(a)));
      case "dup":
        return String(process.dup(Number(a)));
      case "ftruncate":
        return String(process.ftruncate(Number(a), b));
      case "pwrite":
        return String(process.pwrite(Number(a), contentAt(b < 0n ? 0 : Number(b), Number(c), Number(d)), b));
      case "pread": {
        const target = new Uint8Array(Number(c));
        const count = process.pread(Number(a), target, b);
        return count < 0 ? String(count) : `${count} ${hashOf(target.subarray(0, count))}`;
      }
      case "shmget": {
        const id = process.shmget(Number(a), b, Number(c));
        if (id < 0) return String(id);
        if (!this.#segments.includes(id)) this.#segments.push(id);
        return `s${this.#segments.indexOf(id)}`;
      }
      case "shmat":
        return placed(process.shmat(Number(a), b, Number(c)));
      case "shmdt":
        return String(process.shmdt(a));
      case "shmrm":
        return String(process.shmremove(Number(a)));
      case "shmstat": {
        const status = process.shmstat(Number(a));
        return typeof status === "number" ? String(status) : `${status.size} ${status.attached > 0 ? 1 : 0} ${status.mode.toString(8)}`;
      }
      case "load": {
        const value = process.read8(a);
        return value < 0 ? told(process.signal) : String(value);
      }
      case "store":
        return process.write8(a, Number(b)) ? "0" : told(process.signal);
      case "fetch":
        return process.fetch32(a) < 0 && process.signal !== null ? told(process.signal) : "0";
      case "dump":
        return this.#dump(process);
      default:
        throw new Error(`no call is named ${name}`);
    }
  }

  #dump(process: Process): string {
    const lines = [""];
    for (const whole of mapsOf(process.memory)) {
      const entry = clipped(whole);
      if (entry === null) continue;
      const { first, end, rights, offset, name, file } = entry;
      const kind = file === 0 ? "-" : name === "shared memory" ? `z${file}` : name === "shared segment" ? `s${file}` : name;
      lines.push(` area ${placeOf(first)} ${placeOf(end)} ${rights} 0x${offset.toString(16)} ${kind}`);
      if (!rights.startsWith("r")) continue;
      for (let page = first; page < end; page += BigInt(PAGE)) {
        const isRead = process.readBytes(page, this.#page) === PAGE;
        lines.push(` page ${placeOf(page)} ${isRead ? hashOf(this.#page) : told(process.signal)}`);
      }
    }
    return lines.join("\n");
  }
}

/** What is written to files at an offset. */
const contentAt = (offset: number, count: number, value: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, at) => {
    const place = offset + at;
    const run = Math.floor(place / 16);
    if (place % 16 === 0) return HARMLESS[(value + run) % HARMLESS.length] ?? 0;
    return place % 16 === 8 ? (value + run * 7) % 256 : 0;
  });
