/** Where a log is performed: a machine, its processes, files and segments by name. */
import {
  deepestChain,
  errnoOf,
  IPC_CREAT,
  IPC_PRIVATE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_SYNC,
  NO_VALUE,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  objectGraph,
  PortolanError,
  PosixSystem,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SHM_EXEC,
  SHM_RDONLY,
  type Machine,
  type ObjectGraph,
  type Process,
} from "@portolan/core";
import type { Advice, Expectation, Operation, RightsInWords } from "../log/operation.js";

/** The stage begins so many pages into what processes may map. */
const FIRST = 16;
const ADVICE: Readonly<Record<Advice, number>> = { dontneed: MADV_DONTNEED, free: MADV_FREE, willneed: MADV_WILLNEED };
/** Rights of whoever makes a file or a segment: everybody may do everything. */
const OPEN_TO_ALL = 0o777;

/** The actors of one log. Names are given once and stay with what they were given to. */
export class Stage {
  readonly #machine: Machine;
  readonly #system: PosixSystem;
  /** Opens files and makes segments, and has nothing mapped. */
  readonly #keeper: Process;
  readonly #processes = new Map<string, Process>();
  readonly #files = new Map<string, number>();
  readonly #segments = new Map<string, number>();
  readonly #names = new Map<number, string>();
  /** Frames put out of reach, so that memory is as short as the log says: each is held once. */
  readonly held = new Map<number, number>();
  readonly #framesAtFirst: number;
  readonly #firstPage: number;

  /** @param free frames that are left free; null: all. @throws PortolanError ERR_BAD_ARGUMENT if fewer are */
  constructor(machine: Machine, free: number | null) {
    this.#machine = machine;
    this.#system = new PosixSystem(machine);
    this.#keeper = this.#system.spawn();
    const { units, frames } = machine.parts;
    const { lowestAddress } = this.#system.limits;
    this.#firstPage = units.pageOf(lowestAddress) + FIRST;
    if (free !== null && frames.free < free) throw new PortolanError("ERR_BAD_ARGUMENT", { free, frames: frames.free });
    for (let more = free === null ? 0 : frames.free - free; more > 0; more -= 1) this.held.set(frames.take(), 1);
    this.#framesAtFirst = frames.free;
  }

  /** Frames in use that were free when the stage was built. */
  get frames(): number {
    return this.#framesAtFirst - this.#machine.parts.frames.free;
  }

  /** What the spaces of processes are called, by number. */
  names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  /** Objects and areas of all processes. */
  graph(): ObjectGraph {
    return objectGraph([...this.#system.processes()].map(({ memory }) => memory.space));
  }

  /** The longest stack of shadows now. */
  deepestChain(): number {
    return deepestChain(this.graph());
  }

  /**
   * Performs one operation. The word read; or "done", an error's name, a signal's, "waits"; of `check`: "done", or what is
   * otherwise.
   * @throws PortolanError ERR_BAD_ARGUMENT for a name that nobody has or somebody has already
   */
  perform(operation: Operation): Expectation {
    switch (operation.op) {
      case "note":
        return "done";
      case "check":
        return this.#check(operation);
      case "process":
        return this.#enter(operation.as, this.#system.spawn());
      case "fork": {
        const parent = this.#process(operation.process);
        this.#unused(this.#processes, operation.as);
        const child = parent.fork();
        return typeof child === "number" ? resultOf(child) : this.#enter(operation.as, child);
      }
      case "exit":
        this.#process(operation.process).exit();
        this.#processes.delete(operation.process);
        return "done";
      case "exec":
        return this.#exec(operation);
      case "run": {
        const process = this.#process(operation.process);
        process.cpu = this.#cpu(operation.cpu);
        process.run();
        return "done";
      }
      case "file":
        return this.#makeFile(operation.as, operation.pages, operation.word);
      case "truncate":
        return resultOf(this.#keeper.ftruncate(this.#file(operation.of), this.#bytes(operation.pages)));
      case "close": {
        const descriptor = this.#file(operation.of);
        this.#files.delete(operation.of);
        this.#keeper.unlink(operation.of);
        return resultOf(this.#keeper.close(descriptor));
      }
      case "segment": {
        this.#unused(this.#segments, operation.as);
        const id = this.#keeper.shmget(IPC_PRIVATE, this.#bytes(operation.pages), IPC_CREAT | OPEN_TO_ALL);
        if (id >= 0) this.#segments.set(operation.as, id);
        return resultOf(id);
      }
      case "remove":
        return resultOf(this.#keeper.shmremove(this.#segment(operation.of)));
      default:
        return this.#inProcess(operation);
    }
  }

  #inProcess(
    operation: Exclude<Extract<Operation, { readonly process: string; readonly page: number }>, { readonly op: "exec" }>,
  ): Expectation {
    const process = this.#process(operation.process);
    const at = this.#at(operation.page);
    switch (operation.op) {
      case "attach": {
        const flags = (operation.rights[1] === "w" ? 0 : SHM_RDONLY) | (operation.rights[2] === "x" ? SHM_EXEC : 0);
        return resultOf(process.shmat(this.#segment(operation.of), at, flags));
      }
      case "detach":
        return resultOf(process.shmdt(at));
      case "map":
        return this.#map(process, operation);
      case "unmap":
        return resultOf(process.munmap(at, this.#bytes(operation.pages)));
      case "protect":
        return resultOf(process.mprotect(at, this.#bytes(operation.pages), protectionOf(operation.rights)));
      case "move": {
        const flags = MREMAP_MAYMOVE | (operation.to === operation.page ? 0 : MREMAP_FIXED);
        return resultOf(process.mremap(at, this.#bytes(operation.pages), this.#bytes(operation.becomes), flags, this.#at(operation.to)));
      }
      case "advise":
        return resultOf(process.madvise(at, this.#bytes(operation.pages), ADVICE[operation.advice]));
      case "sync":
        return resultOf(process.msync(at, this.#bytes(operation.pages), MS_SYNC));
      case "fill":
      case "verify":
        return this.#sweep(process, operation);
      case "write":
        this.#onCpu(process, operation.cpu);
        return process.write32(at, operation.word) ? "done" : whyNot(process);
      case "read":
      case "fetch":
      default:
        this.#onCpu(process, operation.cpu);
        return wordOf(process, operation.op === "read" ? process.read32(at) : process.fetch32(at));
    }
  }

  #sweep(process: Process, { op, page, pages, word }: Extract<Operation, { readonly op: "fill" | "verify" }>): Expectation {
    for (let i = 0; i < pages; i += 1) {
      const expected = (word + i) >>> 0;
      if (op === "fill") {
        if (!process.write32(this.#at(page + i), expected)) return whyNot(process);
        continue;
      }
      const actual = wordOf(process, process.read32(this.#at(page + i)));
      if (actual !== expected) return `page ${page + i} has ${actual}, not ${expected}`;
    }
    return "done";
  }

  #map(process: Process, operation: Extract<Operation, { readonly op: "map" }>): Expectation {
    const { page, pages, rights, kind, of, offset = 0 } = operation;
    const flags = MAP_FIXED | (kind === "private" ? MAP_PRIVATE : MAP_SHARED);
    const protection = protectionOf(rights);
    if (of === undefined) return resultOf(process.mmap(this.#at(page), this.#bytes(pages), protection, flags | MAP_ANONYMOUS));
    this.#file(of);
    const descriptor = process.open(of, kind === "shared" && rights[1] === "w" ? O_RDWR : O_RDONLY);
    if (descriptor < 0) return resultOf(descriptor);
    const result = process.mmap(this.#at(page), this.#bytes(pages), protection, flags, descriptor, this.#bytes(offset));
    process.close(descriptor);
    return resultOf(result);
  }

  #exec({ process, of, page }: Extract<Operation, { readonly op: "exec" }>): Expectation {
    const task = this.#process(process);
    this.#file(of);
    const length = BigInt(this.#system.files.node(of)?.object?.length ?? 0);
    const result = task.exec({
      file: of,
      segments: [{ address: this.#at(page), memoryBytes: length, fileBytes: length, offset: 0n, protection: PROT_READ | PROT_EXEC }],
    });
    if (result >= 0) this.#names.set(task.memory.space.id, process);
    return resultOf(result);
  }

  #makeFile(name: string, pages: number, word: number): Expectation {
    this.#unused(this.#files, name);
    const descriptor = this.#keeper.open(name, O_CREAT | O_RDWR);
    if (descriptor < 0) return resultOf(descriptor);
    this.#files.set(name, descriptor);
    const { pageSize } = this.#machine.parts.units;
    const bytes = new Uint8Array(pageSize);
    const view = new DataView(bytes.buffer);
    const isLittle = this.#machine.architecture.byteOrder === "little";
    for (let i = 0; i < pages; i += 1) {
      for (let at = 0; at < pageSize; at += 4) view.setUint32(at, word + i, isLittle);
      const written = this.#keeper.pwrite(descriptor, bytes, BigInt(i) * BigInt(pageSize));
      if (written < 0) return resultOf(written);
    }
    return "done";
  }

  #check({ shadows, depth, swapped, processes }: Extract<Operation, { readonly op: "check" }>): Expectation {
    const graph = this.graph();
    const found: string[] = [];
    const compare = (what: string, actual: number, expected: number | undefined): void => {
      if (expected !== undefined && actual !== expected) found.push(`${what}: ${actual}, not ${expected}`);
    };
    compare("shadows", graph.objects.filter(({ kind }) => kind === "shadow").length, shadows);
    compare("depth", deepestChain(graph), depth);
    compare(
      "swapped",
      graph.objects.reduce((sum, { pages }) => sum + pages.filter(({ frame }) => frame === null).length, 0),
      swapped,
    );
    compare("processes", this.#processes.size, processes);
    return found.length === 0 ? "done" : found.join(", ");
  }

  #onCpu(process: Process, cpu: number | undefined): void {
    if (cpu !== undefined) process.cpu = this.#cpu(cpu);
  }

  #cpu(cpu: number): number {
    return this.#machine.cpu(cpu).id;
  }

  #enter(name: string, process: Process): Expectation {
    this.#unused(this.#processes, name);
    this.#processes.set(name, process);
    this.#names.set(process.memory.space.id, name);
    return "done";
  }

  #process(name: string): Process {
    return named(this.#processes, "process", name);
  }

  #file(name: string): number {
    return named(this.#files, "file", name);
  }

  #segment(name: string): number {
    return named(this.#segments, "segment", name);
  }

  #unused(things: ReadonlyMap<string, unknown>, name: string): void {
    if (things.has(name)) throw new PortolanError("ERR_BAD_ARGUMENT", { name, rule: "a name that is not in use" });
  }

  #at(page: number): bigint {
    return this.#machine.parts.units.addressOf(this.#firstPage + page);
  }

  #bytes(pages: number): bigint {
    return BigInt(pages) * BigInt(this.#machine.parts.units.pageSize);
  }
}

const named = <T>(things: ReadonlyMap<string, T>, kind: string, name: string): T => {
  const found = things.get(name);
  if (found === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { [kind]: name, known: [...things.keys()] });
  return found;
};

const protectionOf = (rights: RightsInWords): number =>
  (rights[0] === "r" ? PROT_READ : 0) | (rights[1] === "w" ? PROT_WRITE : 0) | (rights[2] === "x" ? PROT_EXEC : 0);

const resultOf = (result: number | bigint): Expectation => {
  if (result >= 0) return "done";
  return errnoOf(result) ?? `error ${-BigInt(result)}`;
};

const wordOf = (process: Process, word: number): Expectation => (word === NO_VALUE && isRefused(process) ? whyNot(process) : word >>> 0);

const isRefused = (process: Process): boolean => process.signal !== null || process.waitsFor !== null;

const whyNot = ({ signal }: Process): Expectation => signal?.signal ?? "waits";
