/**
 * Processes of the POSIX face, with names for pages that fit every machine. Calls are made on processor 0; under the trait
 * `other` a thread of each process looks from another one.
 */
import {
  assertInvariants,
  errnoOf,
  limitsOf,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Machine,
  type PosixLimits,
  type PosixSystem,
  type Process,
} from "@portolan/core";
import type { Trait } from "../clause.js";
import { Failure, same } from "../failure.js";
import { childOfNeighbour, neighbour } from "./neighbours.js";
import type { Rig } from "./rig.js";

export const PROT_RW = PROT_READ | PROT_WRITE;
export const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
export const SHARED = MAP_SHARED | MAP_ANONYMOUS;

/** Signals of accesses: nothing is there, it may not be done, the file ends before it. */
export const MAPERR = "SIGSEGV SEGV_MAPERR";
export const ACCERR = "SIGSEGV SEGV_ACCERR";
export const BEYOND = "SIGBUS BUS_ADRERR";

/** What calls are tried under. */
export const USUAL: readonly Trait[] = ["cold", "recycled", "forked", "other"];

/** Pages between the arena's first and the top of what the system places itself. */
const ARENA = 256;
/** Pages at the arena's beginning that others had. */
const NEIGHBOURS = 12;
const FRAMES = 512;

export class Tasks {
  readonly rig: Rig;
  readonly machine: Machine;
  readonly system: PosixSystem;
  readonly process: Process;
  /** Bytes of a page. */
  readonly page: number;
  readonly #arena: bigint;
  readonly #eyes = new Map<Process, Process>();

  constructor(rig: Rig, limits: Partial<PosixLimits> = {}) {
    this.rig = rig;
    this.page = rig.pageSize;
    this.machine = rig.build({ cpus: rig.trait === "other" ? 2 : 1, memoryBytes: FRAMES * this.page });
    const { lowestAddress, endAddress } = limitsOf(rig.architecture);
    const middle = (lowestAddress + endAddress) / 2n;
    this.#arena = middle - (middle % BigInt(this.page)) - this.bytes(ARENA);
    const first = this.machine.parts.units.pageOf(this.#arena);
    if (rig.trait === "recycled") for (let i = 0; i < 6; i += 1) neighbour(this.machine, first, NEIGHBOURS);
    if (rig.trait === "forked") childOfNeighbour(this.machine, first, NEIGHBOURS);
    this.system = rig.systemOn(this.machine, {
      mmapTop: this.at(ARENA),
      heapBase: this.#arena - this.bytes(128),
      stackLimit: this.bytes(64),
      ...limits,
    });
    this.process = this.system.spawn();
  }

  /** The address of a byte of the arena. */
  at(page: number, byte = 0): bigint {
    return this.#arena + this.bytes(page) + BigInt(byte);
  }

  bytes(pages: number): bigint {
    return BigInt(this.page) * BigInt(pages);
  }

  /** The page of the arena at an address, or the name of the error. */
  place(answer: bigint): number | string {
    return errnoOf(answer) ?? Number((answer - this.#arena) / BigInt(this.page));
  }

  /** Private memory at a page of the arena. */
  memory(page: number, pages: number, protection = PROT_RW, process = this.process): void {
    const address = process.mmap(this.at(page), this.bytes(pages), protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    same(address, this.at(page), `a mapping of ${pages} pages at ${page}`);
  }

  /** A new file whose page i begins with the byte `byte + i`. */
  file(name: string, pages: number, byte: number): number {
    const descriptor = this.process.open(name, O_CREAT | O_RDWR);
    const content = new Uint8Array(pages * this.page);
    for (let i = 0; i < pages; i += 1) content[i * this.page] = byte + i;
    same(this.process.pwrite(descriptor, content, 0), content.length, "bytes written to a file");
    return descriptor;
  }

  /** The byte, or the signal's code. */
  read(page: number, byte = 0, process = this.process): number | string {
    const eye = this.#eye(process);
    const value = eye.read8(this.at(page, byte));
    return value >= 0 ? value : this.#code(eye);
  }

  bytesOf(page: number, pages: number, process = this.process): (number | string)[] {
    return Array.from({ length: pages }, (_, i) => this.read(page + i, 0, process));
  }

  /** `"done"`, or the signal's code. */
  write(page: number, value: number, byte = 0, process = this.process): string {
    const eye = this.#eye(process);
    return eye.write8(this.at(page, byte), value) ? "done" : this.#code(eye);
  }

  fork(process = this.process): Process {
    // The one that looks knows the parent's pages.
    this.#eye(process);
    const child = process.fork();
    if (typeof child === "number") throw new Failure(`a fork answers ${errnoOf(child) ?? child}`);
    return child;
  }

  /** All of its tasks end. */
  exit(process: Process): void {
    this.#eyes.get(process)?.exit();
    this.#eyes.delete(process);
    process.exit();
  }

  done(): void {
    assertInvariants(this.machine);
  }

  #code(process: Process): string {
    return process.signal === null ? "waits" : `${process.signal.signal} ${process.signal.code}`;
  }

  /** The task that looks, with its processor in the state that the trait says. */
  #eye(process: Process): Process {
    let eye = process;
    if (this.rig.trait === "other") {
      eye = this.#eyes.get(process) ?? process.thread();
      eye.cpu = 1;
      this.#eyes.set(process, eye);
    }
    eye.run();
    if (this.rig.trait !== "cold") return eye;
    const { dataTlb, instructionTlb } = this.machine.cpu(eye.cpu);
    for (const tlb of new Set([dataTlb, instructionTlb])) tlb.forget(false, false);
    process.memory.space.context.cache?.invalidate(0, Infinity);
    return eye;
  }
}

/** Processes, what is done with them, and the invariants afterwards. */
export const tasks =
  (work: (tasks: Tasks) => void, limits: Partial<PosixLimits> = {}) =>
  (rig: Rig): void => {
    const made = new Tasks(rig, limits);
    work(made);
    made.done();
  };

/** What a call answers: the name of an error, or the number. */
export const answer = (value: number | bigint): string | number => errnoOf(value) ?? Number(value);

/** One call, and what it must answer; what is no error is compared as it is. */
export type Call = readonly [what: string, expected: string | number, call: () => number | bigint];

/** Makes the calls one after the other. */
export const answers = (calls: readonly Call[]): void => {
  for (const [what, expected, call] of calls) same(answer(call()), expected, what);
};

/** Makes calls that are refused, after each of which everything must be as it was. */
export const refused = (t: Tasks, calls: readonly Call[]): void => {
  const { space } = t.process.memory;
  for (const [what, expected, call] of calls) {
    const before = space.print();
    same(answer(call()), expected, what);
    same(space.print(), before, `areas after a refused call (${what})`);
    t.done();
  }
};
