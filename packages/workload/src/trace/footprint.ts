/** Which pages a trace touches, and how: the first of two passes over it. */
import { EXECUTE, PortolanError, READ, WRITE, type AccessMask } from "@portolan/core";
import { FETCH, LOAD, STORE, type TraceKind, type TraceVisitor } from "./trace.js";

/** Nobody's program has more (8 GiB of the smallest pages), and a file made to hurt must not take all memory. */
const MOST_PAGES = 2 ** 21;

/** Collects pages while a trace is read. Pages are of the size that it was made with, numbered by the trace's own addresses. */
export class Footprint implements TraceVisitor {
  /** Accesses of each kind: fetches, loads, stores, modifications. */
  readonly counts = [0, 0, 0, 0];
  /** Page number in the trace → what was done to it. As many as the program's working set has. */
  readonly pages = new Map<number, AccessMask>();
  readonly #pageSize: number;
  readonly #pageShift: number;
  readonly #pagesPerWord: number;
  readonly #mostPages: number;
  /** Accesses come in runs: the page that fetches, and the page that data accesses, touched last. */
  #codePage = -1;
  #dataPage = -1;
  #dataDone = 0;

  constructor(pageShift: number, mostPages = MOST_PAGES) {
    this.#mostPages = mostPages;
    this.#pageShift = pageShift;
    this.#pageSize = 2 ** pageShift;
    this.#pagesPerWord = 2 ** (32 - pageShift);
  }

  /** @throws PortolanError ERR_DOES_NOT_FIT if there are more pages than a run can follow */
  access(kind: TraceKind, high: number, low: number, size: number): void {
    this.counts[kind] = this.counts[kind] + 1;
    const page = high * this.#pagesPerWord + (low >>> this.#pageShift);
    const beyond = (low % this.#pageSize) + size;
    this.#touch(kind, page);
    for (let past = 1; past * this.#pageSize < beyond; past += 1) this.#touch(kind, page + past);
  }

  #touch(kind: TraceKind, page: number): void {
    const done = kind === FETCH ? EXECUTE : kind === LOAD ? READ : kind === STORE ? WRITE : READ | WRITE;
    if (kind === FETCH) {
      if (page === this.#codePage) return;
      this.#codePage = page;
    } else {
      if (page === this.#dataPage && (this.#dataDone & done) === done) return;
      this.#dataDone = page === this.#dataPage ? this.#dataDone | done : done;
      this.#dataPage = page;
    }
    this.pages.set(page, (this.pages.get(page) ?? 0) | done);
    if (this.pages.size > this.#mostPages) {
      throw new PortolanError("ERR_DOES_NOT_FIT", { reason: "the trace touches more pages than a run can follow", pages: this.pages.size });
    }
  }
}
