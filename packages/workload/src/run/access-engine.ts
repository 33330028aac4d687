/**
 * Performs accesses on a machine and checks every byte: what is loaded or fetched must be what the file had or what was
 * stored last. Each part of an access that lies in one hardware page is one translation.
 *
 * The check needs a copy of every page that was ever reached: the engine's memory grows with the pages that have frames,
 * not with the trace, and not with what was refused.
 */
import { EXECUTE, REFUSED, USER, type Cpu, type Machine } from "@portolan/core";
import { FETCH, LOAD, MODIFY, STORE, type TraceKind, type TraceVisitor } from "../trace/trace.js";

/** Where pages of the program or the trace are, in pages of the machine, and what they hold before anything is stored. */
export interface Places {
  /** The machine's page for data at a page of the trace. */
  dataHome(page: number): number;
  /** The machine's page for instructions at a page of the trace; another one where a page is both written and executed. */
  codeHome(page: number): number;
  /** Fills `bytes`, which are zero, with what page `home` of the machine holds at first. */
  fill(home: number, bytes: Uint8Array): void;
}

/** An access the machine refused. */
export interface Refusal {
  readonly address: bigint;
  readonly rule: string;
  readonly reason: string;
  readonly trap: string;
}

/** So many refusals are described, of a page each; all are counted. */
const DESCRIBED = 8;
/** Each fault served takes an access further; one that is refused still after so many is a mistake of ours. */
const MOST_FAULTS = 16;

/**
 * Makes processors perform accesses, `slice` of them at a turn, as the user of the installed space; faults are served on the
 * way. What is refused is counted and described, and the next access follows.
 */
export class AccessEngine implements TraceVisitor {
  /** Accesses of each kind, and the translations they asked for. */
  readonly counts = [0, 0, 0, 0];
  lookups = 0;
  bytesChecked = 0;
  /** Bytes that were not what they should have been. */
  wrongBytes = 0;
  refused = 0;
  readonly refusals: Refusal[] = [];
  readonly #machine: Machine;
  readonly #places: Places;
  readonly #slice: number;
  readonly #isBig: boolean;
  readonly #pageShift: number;
  readonly #pageMask: number;
  readonly #pagesPerWord: number;
  readonly #hardwareShift: number;
  readonly #hardwareMask: number;
  readonly #halves: number;
  #cpu: Cpu;
  #left: number;
  /** The pages used last, by code and data, with their homes and what they should hold: null until one is reached. */
  #codePage = -1;
  #codeHome = 0;
  #codeBytes: Uint8Array | null = null;
  #dataPage = -1;
  #dataHome = 0;
  #dataBytes: Uint8Array | null = null;
  readonly #shadows = new Map<number, Uint8Array>();
  #stored = 0;
  /** The page whose refusal was described last. */
  #refusedPage: bigint | null = null;

  /** @param slice accesses that a processor performs before it is the next one's turn */
  constructor(machine: Machine, places: Places, slice: number) {
    const { pageShift, hardwarePageShift } = machine.architecture;
    this.#machine = machine;
    this.#places = places;
    this.#slice = slice;
    this.#isBig = machine.architecture.byteOrder === "big";
    this.#pageShift = pageShift;
    this.#pageMask = 2 ** pageShift - 1;
    this.#pagesPerWord = 2 ** (32 - pageShift);
    this.#hardwareShift = hardwarePageShift;
    this.#hardwareMask = 2 ** hardwarePageShift - 1;
    this.#halves = 2 ** (pageShift - hardwarePageShift);
    this.#cpu = machine.cpu(0);
    this.#left = slice;
  }

  /** Pages of which it keeps a copy. */
  get pagesHeld(): number {
    return this.#shadows.size;
  }

  access(kind: TraceKind, high: number, low: number, size: number): void {
    this.counts[kind] = this.counts[kind] + 1;
    if (this.#left === 0) this.#nextProcessor();
    this.#left -= 1;
    let page = high * this.#pagesPerWord + (low >>> this.#pageShift);
    let offset = low & this.#pageMask;
    let left = size;
    while (left > 0) {
      // As far as the hardware page goes.
      const part = Math.min(left, this.#hardwareMask + 1 - (offset & this.#hardwareMask));
      this.#part(kind, page, offset, part);
      left -= part;
      offset += part;
      if (offset > this.#pageMask) {
        offset = 0;
        page += 1;
      }
    }
  }

  /** Ends the last processor's turn. */
  finish(): void {
    this.#machine.parts.preemption.cpu = 0;
  }

  #nextProcessor(): void {
    const { cpus, parts } = this.#machine;
    this.#cpu = this.#machine.cpu((this.#cpu.id + 1) % cpus.length);
    parts.preemption.cpu = this.#cpu.id;
    this.#left = this.#slice;
  }

  #part(kind: TraceKind, page: number, offset: number, count: number): void {
    if (kind === FETCH) {
      if (page !== this.#codePage) this.#findCode(page);
      this.#fetch(this.#hardwarePage(this.#codeHome, offset), offset, count);
      return;
    }
    if (page !== this.#dataPage) this.#findData(page);
    const hardwarePage = this.#hardwarePage(this.#dataHome, offset);
    if (kind === LOAD || kind === MODIFY) this.#load(hardwarePage, offset, count);
    if (kind === STORE || kind === MODIFY) this.#store(hardwarePage, offset, count);
  }

  #hardwarePage(home: number, offset: number): number {
    return home * this.#halves + (offset >>> this.#hardwareShift);
  }

  #findCode(page: number): void {
    this.#codePage = page;
    this.#codeHome = this.#places.codeHome(page);
    this.#codeBytes = this.#shadows.get(this.#codeHome) ?? null;
  }

  #findData(page: number): void {
    this.#dataPage = page;
    this.#dataHome = this.#places.dataHome(page);
    this.#dataBytes = this.#shadows.get(this.#dataHome) ?? null;
  }

  /** What a page should hold that has just been reached. */
  #shadow(home: number): Uint8Array {
    const known = this.#shadows.get(home);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(this.#pageMask + 1);
    this.#places.fill(home, bytes);
    this.#shadows.set(home, bytes);
    return bytes;
  }

  /** One translation for the whole part; then its bytes where they are. */
  #fetch(page: number, offset: number, count: number): void {
    const cpu = this.#cpu;
    const { memory } = cpu;
    for (let faults = 0; ; faults += 1) {
      this.lookups += 1;
      const frame = cpu.translate(page, EXECUTE, USER);
      if (frame >= 0) {
        const expected = (this.#codeBytes ??= this.#shadow(this.#codeHome));
        const address = frame * (this.#hardwareMask + 1) + (offset & this.#hardwareMask);
        for (let i = 0; i < count; i += 1) if (memory.read8(address + i) !== expected[offset + i]) this.wrongBytes += 1;
        this.bytesChecked += count;
        return;
      }
      if (!this.#serve(faults)) return;
    }
  }

  #load(page: number, offset: number, count: number): void {
    const cpu = this.#cpu;
    let faults = 0;
    let at = offset;
    const end = offset + count;
    while (at < end) {
      const width = widthAt(at, end);
      const within = at & this.#hardwareMask;
      this.lookups += 1;
      const value =
        width === 4 ? cpu.load32(page, within, USER) : width === 2 ? cpu.load16(page, within, USER) : cpu.load8(page, within, USER);
      if (value < 0 || (value === REFUSED && cpu.fault.isPending)) {
        if (!this.#serve(faults)) return;
        faults += 1;
        continue;
      }
      const expected = (this.#dataBytes ??= this.#shadow(this.#dataHome));
      if (value !== this.#expected(expected, at, width)) this.#countWrong(value, expected, at, width);
      at += width;
    }
    this.bytesChecked += count;
  }

  #store(page: number, offset: number, count: number): void {
    const cpu = this.#cpu;
    let faults = 0;
    let at = offset;
    const end = offset + count;
    while (at < end) {
      const width = widthAt(at, end);
      const within = at & this.#hardwareMask;
      this.#stored = (this.#stored + 1) | 0;
      // Every store writes another word, so that a byte in the wrong place shows.
      const value = Math.imul(this.#stored, 0x9e3779b1) >>> (32 - width * 8);
      this.lookups += 1;
      const isDone =
        width === 4
          ? cpu.store32(page, within, value, USER)
          : width === 2
            ? cpu.store16(page, within, value, USER)
            : cpu.store8(page, within, value, USER);
      if (!isDone) {
        if (!this.#serve(faults)) return;
        faults += 1;
        continue;
      }
      const shadow = (this.#dataBytes ??= this.#shadow(this.#dataHome));
      for (let i = 0; i < width; i += 1) shadow[at + i] = value >>> ((this.#isBig ? width - 1 - i : i) * 8);
      at += width;
    }
  }

  /** The value that `width` bytes from `at` make in the machine's byte order. */
  #expected(bytes: Uint8Array, at: number, width: number): number {
    let value = 0;
    for (let i = 0; i < width; i += 1) value = value * 256 + bytes[this.#isBig ? at + i : at + width - 1 - i];
    return value;
  }

  #countWrong(value: number, bytes: Uint8Array, at: number, width: number): void {
    for (let i = 0; i < width; i += 1) {
      const seen = (value >>> ((this.#isBig ? width - 1 - i : i) * 8)) & 0xff;
      if (seen !== bytes[at + i]) this.wrongBytes += 1;
    }
  }

  /** True if the access may be tried again; `faults` of it were served before. */
  #serve(faults: number): boolean {
    const machine = this.#machine;
    if (machine.serveFault(this.#cpu.id)) {
      if (faults >= MOST_FAULTS) throw new Error("a fault was served again and again, and the access is refused still");
      return true;
    }
    this.refused += 1;
    const { outcome } = machine;
    if (outcome === null) return false;
    const page = outcome.address >> BigInt(this.#pageShift);
    // A page that is refused is refused word by word: once is enough to read.
    if (this.refusals.length < DESCRIBED && page !== this.#refusedPage) {
      this.#refusedPage = page;
      this.refusals.push({ address: outcome.address, rule: outcome.rule, reason: outcome.reason, trap: outcome.trap });
    }
    return false;
  }
}

/** The widest aligned access at a place. */
const widthAt = (at: number, end: number): 1 | 2 | 4 => {
  if (at % 4 === 0 && end - at >= 4) return 4;
  return at % 2 === 0 && end - at >= 2 ? 2 : 1;
};
