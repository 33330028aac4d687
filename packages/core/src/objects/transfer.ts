/**
 * Pages on their way into memory.
 *
 * Whoever first wants a page that a pager has, reserves a frame, keeps its place in the object's page cache (the page is
 * BUSY there) and begins a transfer. Everybody else who comes across the page finds it BUSY and waits for the same
 * transfer: a page is never read twice, and never comes in twice.
 *
 * ```
 *   begin ──► queued ──► asked ──► arrived     the frame is filled, and the page like any other
 *                │         └─────► failed      the frame is given back, the place emptied: the next fault asks again
 *                └───────────────► given up    nobody wants it any more: the object has gone, or ends before it
 * ```
 *
 * Pagers are asked by {@link Transfers.start}, at the door of an operation, when no lock is held; until then requests are
 * queued. A failure is told to everyone who waited, once each: through the transfer itself, and as the answer to the next
 * fault of that page in that space. The fault after that asks the pager again.
 *
 * A loop that runs a guest:
 *
 * ```ts
 * const value = machine.read32(address);
 * if (value < 0 && machine.outcome?.waitsFor !== undefined) {
 *   const { waitsFor } = machine.outcome;
 *   guest.sleep();
 *   waitsFor.whenOver(() => guest.wake());   // and then the same access once more
 * }
 * ```
 */
import type { AllocationGate } from "../allocation-gate.js";
import { PortolanError } from "../errors.js";
import type { Events } from "../events.js";
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { Preemption } from "../machine/scheduler.js";
import { isPagerFailure, noSuchFailure, type PageInAnswer, type PageInRequest, type PagerFailure } from "./pager.js";

/** How far a page has come. */
export type TransferState = "queued" | "asked" | "arrived" | "failed" | "given up";

/** What somebody who needs a page can wait for. */
export interface PageOnItsWay {
  readonly state: TransferState;
  /** Has it come to an end, one way or another? */
  readonly isOver: boolean;
  /** Why it failed. The access that waited is a bus error then; a later one asks the pager again. */
  readonly failure: PagerFailure | null;
  /**
   * Calls back when it is over; at once if it is. Callbacks run in the order they came, while no lock is held; one that
   * throws keeps nobody asleep: what it threw is thrown on when all have been called.
   */
  whenOver(callback: () => void): void;
  /** Ends the wait of all, as if the pager had failed with EIO: for those who run out of patience. Nothing if it is over. */
  giveUp(): void;
}

/**
 * The object that a page comes to. It is called as an interrupt would call it: in one step, from wherever the pager answers,
 * and without its lock. Whoever holds that has seen the page BUSY or not, and goes by what it saw.
 */
export interface PageOwner {
  /** Names it in events. */
  readonly number: number;
  /** The page has come: its frame is filled, and no longer BUSY. */
  pageArrived(offset: number): void;
  /** The page does not come: its place in the cache is to be emptied. The transfer has given the frame back. */
  pageLost(offset: number): void;
  /** Its pager did what it may not do. Nobody else hears of it. */
  complain(error: PortolanError): void;
}

/** Asks whoever has the page; what a pager does wrong is the caller's to contain. */
type Ask = (request: PageInRequest) => PageInAnswer;

/** What transfers of one machine work with. */
export interface TransferParts {
  readonly frames: FrameAllocator;
  readonly memory: PhysicalMemory;
  readonly gate: AllocationGate;
  readonly events: Events;
  readonly preemption: Preemption;
}

/** One page on its way. */
export class Transfer implements PageOnItsWay {
  state: TransferState = "queued";
  failure: PagerFailure | null = null;
  readonly owner: PageOwner;
  readonly offset: number;
  /** Bytes of the page that exist, and are asked for. */
  readonly bytes: number;
  /** Of those, the ones that are wanted still: the object may have become shorter meanwhile. */
  #wanted: number;
  readonly #frame: number;
  readonly #transfers: Transfers;
  readonly #callbacks: (() => void)[] = [];
  /** Faults that wait: pages by the number of their space. */
  readonly #faults = new Map<number, Set<number>>();

  /** Made by {@link Transfers}. */
  constructor(transfers: Transfers, owner: PageOwner, offset: number, frame: number, bytes: number) {
    this.#transfers = transfers;
    this.owner = owner;
    this.offset = offset;
    this.bytes = bytes;
    this.#wanted = bytes;
    this.#frame = frame;
  }

  get isOver(): boolean {
    return this.state !== "queued" && this.state !== "asked";
  }

  whenOver(callback: () => void): void {
    if (this.isOver) callback();
    else this.#callbacks.push(callback);
  }

  giveUp(): void {
    if (!this.isOver) this.end("EIO", "given up");
  }

  /** A fault of a space waits: it is to be told if the page does not come. */
  awaitedBy(space: number, page: number): void {
    const pages = this.#faults.get(space);
    if (pages === undefined) this.#faults.set(space, new Set([page]));
    else pages.add(page);
  }

  /** Does anybody wait? */
  get isAwaited(): boolean {
    return this.#faults.size > 0 || this.#callbacks.length > 0;
  }

  /** The object has become shorter: only the first `bytes` of the page are wanted. The object is locked. */
  limit(bytes: number): void {
    this.#wanted = Math.min(this.#wanted, bytes);
  }

  /** The page is here. @internal */
  fill(content: Uint8Array): void {
    const { memory, preemption } = this.#transfers.parts;
    if (this.#wanted < memory.frameSize) memory.zeroFrame(this.#frame);
    memory.writeBytes(this.#frame * memory.frameSize, content.subarray(0, this.#wanted));
    this.state = "arrived";
    this.owner.pageArrived(this.offset);
    this.#transfers.outdated(this.owner, this.offset);
    this.#tell("arrived");
    preemption.at("page-arrived");
    this.#wake();
  }

  /** The page does not come. @internal */
  end(failure: PagerFailure, what: string): void {
    this.#abandon("failed", failure);
    this.#transfers.remember(this, this.#faults);
    this.#tell(what);
    this.#wake();
  }

  /** Nobody wants it any more. Whoever waits is woken at the next door. */
  cancel(): void {
    this.#abandon("given up", null);
    this.#transfers.later(() => {
      this.#tell("no longer wanted");
      this.#wake();
    });
  }

  /** Nobody waits, and the pager has not been asked: it need not be. */
  withdraw(): void {
    this.#abandon("given up", null);
  }

  /** Ends without a page. */
  #abandon(state: "failed" | "given up", failure: PagerFailure | null): void {
    this.state = state;
    this.failure = failure;
    this.#transfers.parts.frames.release(this.#frame);
    this.owner.pageLost(this.offset);
  }

  #tell(what: string): void {
    const { events } = this.#transfers.parts;
    if (events.sink !== null) events.sink({ kind: "pager", object: this.owner.number, offset: this.offset, action: "page-in", what });
  }

  #wake(): void {
    const callbacks = this.#callbacks.splice(0);
    callAll(callbacks);
  }
}

/** Calls all; what the first to throw threw is thrown when all have been called. */
export const callAll = (callbacks: readonly (() => void)[]): void => {
  const thrown: unknown[] = [];
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      thrown.push(error);
    }
  }
  if (thrown.length > 0) throw thrown[0];
};

/** The pager's side of a transfer. */
class Request implements PageInRequest {
  readonly offset: number;
  readonly offsetBytes: number;
  readonly bytes: number;
  readonly #transfer: Transfer;
  readonly #pageBytes: number;
  #isAnswered = false;

  constructor(transfer: Transfer, pageBytes: number) {
    this.#transfer = transfer;
    this.#pageBytes = pageBytes;
    this.offset = transfer.offset;
    this.offsetBytes = transfer.offset * pageBytes;
    this.bytes = transfer.bytes;
  }

  get isOpen(): boolean {
    return !this.#isAnswered && !this.#transfer.isOver;
  }

  answer(content: Uint8Array): boolean {
    if (!this.#isFirst()) return false;
    const problem = this.#problemWith(content);
    if (problem === null) this.#transfer.fill(content);
    else this.#transfer.end("EIO", "the pager answered with no page");
    if (problem !== null) throw problem;
    return true;
  }

  fail(failure: PagerFailure): boolean {
    if (!this.#isFirst()) return false;
    const isKnown = isPagerFailure(failure);
    this.#transfer.end(isKnown ? failure : "EIO", "the pager failed");
    if (!isKnown) throw noSuchFailure(failure);
    return true;
  }

  /** @throws PortolanError ERR_PAGER_ANSWERED */
  #isFirst(): boolean {
    if (this.#isAnswered) throw new PortolanError("ERR_PAGER_ANSWERED", { offset: this.offset });
    if (this.#transfer.isOver) return false;
    this.#isAnswered = true;
    return true;
  }

  #problemWith(content: unknown): PortolanError | null {
    const length = content instanceof Uint8Array ? content.length : -1;
    if (length === this.bytes || length === this.#pageBytes) return null;
    const got = length < 0 ? "no bytes" : length;
    return new PortolanError("ERR_PAGER_PAGE", { offset: this.offset, wanted: this.bytes, pageBytes: this.#pageBytes, got });
  }
}

/** What is to be done at a door. */
interface Work {
  readonly run: () => void;
  readonly isRepeatable: boolean;
}

/** All transfers of one machine, and what has to be done when no lock is held. */
export class Transfers {
  readonly parts: TransferParts;
  /** The transfer that the last ON_ITS_WAY was about. */
  latest: Transfer | null = null;
  readonly #queue: Work[] = [];
  /** What waiting faults have not been told yet: failed transfers by space and page. */
  readonly #news = new Map<number, Map<number, Transfer>>();

  constructor(parts: TransferParts) {
    this.parts = parts;
  }

  /** Is there anything to do at the door? */
  get hasWork(): boolean {
    return this.#queue.length > 0;
  }

  /** Failures that somebody has still to be told. */
  get untold(): number {
    let count = 0;
    for (const pages of this.#news.values()) count += pages.size;
    return count;
  }

  /**
   * A page of `owner` is to come into `frame`, of which the transfer has the only reference until it arrives. The object
   * is locked, and keeps the page BUSY from here on.
   * @param bytes of the page that exist, at least 1
   * @throws PortolanError ERR_OUT_OF_MEMORY; nothing has changed then
   */
  begin(owner: PageOwner, offset: number, frame: number, bytes: number, ask: Ask): Transfer {
    this.parts.gate.pass("page transfer");
    const transfer = new Transfer(this, owner, offset, frame, bytes);
    this.later(() => this.#ask(transfer, ask));
    this.latest = transfer;
    return transfer;
  }

  /**
   * Does something when no lock is held.
   * @param isRepeatable it changes nothing when it is turned away by somebody's lock, and is tried again at the next door
   */
  later(run: () => void, isRepeatable = false): void {
    this.#queue.push({ run, isRepeatable });
  }

  /** Does everything that was put off, pagers' answers at once included. To be called at doors, where no lock is held. */
  start(): void {
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift()) {
      let isDone = false;
      try {
        work.run();
        isDone = true;
      } finally {
        if (!isDone && work.isRepeatable) this.#queue.unshift(work);
      }
    }
  }

  /** A failed transfer of this very page that the fault's space has not been told of; it counts as told now. */
  takeNews(space: number, page: number, { owner, offset }: Transfer): Transfer | null {
    const pages = this.#news.get(space);
    const failed = pages?.get(page);
    if (pages === undefined || failed === undefined) return null;
    pages.delete(page);
    if (pages.size === 0) this.#news.delete(space);
    return failed.owner === owner && failed.offset === offset ? failed : null;
  }

  /** A space has gone: nobody is left to be told. */
  forgetSpace(space: number): void {
    this.#news.delete(space);
  }

  /** Failures of a page (of all pages of an object, without offset) are not news any more. @internal */
  outdated(owner: PageOwner, offset = -1): void {
    for (const [space, pages] of this.#news) {
      for (const [page, failed] of pages) if (failed.owner === owner && (offset < 0 || failed.offset === offset)) pages.delete(page);
      if (pages.size === 0) this.#news.delete(space);
    }
  }

  /** @internal */
  remember(failed: Transfer, faults: ReadonlyMap<number, ReadonlySet<number>>): void {
    for (const [space, pages] of faults) {
      const known = this.#news.get(space) ?? new Map<number, Transfer>();
      for (const page of pages) known.set(page, failed);
      this.#news.set(space, known);
    }
  }

  /** Asks the pager, and takes an answer at once for what it is. */
  #ask(transfer: Transfer, ask: Ask): void {
    if (transfer.isOver) return;
    const { events, preemption, memory } = this.parts;
    transfer.state = "asked";
    const { owner, offset } = transfer;
    if (events.sink !== null) events.sink({ kind: "pager", object: owner.number, offset, action: "page-in", what: "asked" });
    preemption.at("page-in-started");
    const request = new Request(transfer, memory.frameSize);
    try {
      const answer: unknown = ask(request);
      if (answer === "later") return;
      if (answer instanceof Uint8Array) request.answer(answer);
      else if (isPagerFailure(answer)) request.fail(answer);
      else throw new PortolanError("ERR_PAGER_PAGE", { offset, wanted: transfer.bytes, got: answer === "absent" ? answer : typeof answer });
    } catch (error) {
      owner.complain(error instanceof PortolanError ? error : new PortolanError("ERR_PAGER_FAILED", { offset }, error));
      if (!transfer.isOver) transfer.end("EIO", "the pager threw");
    }
  }
}
