/** Pages on their way out of memory, and whoever waits for them to be kept. */
import { PortolanError } from "../errors.js";
import { isPagerFailure, noSuchFailure, type PageOutRequest, type Pager, type PagerFailure } from "./pager.js";
import { callAll } from "./transfer.js";

/** The writing of some pages, from outside. */
export class Flush {
  /** Pages that the pager has kept. */
  written = 0;
  /** Pages that it is still busy with. */
  pending = 0;
  /** Why a page could not be kept: the first failure. Those pages are dirty as before. */
  failure: PagerFailure | null = null;
  #isBegun = false;
  readonly #callbacks: (() => void)[] = [];

  /** Has every page been kept, or failed? */
  get isOver(): boolean {
    return this.#isBegun && this.pending === 0;
  }

  /** Calls back when it is over; at once if it is. */
  whenOver(callback: () => void): void {
    if (this.isOver) callback();
    else this.#callbacks.push(callback);
  }

  /** One page more to wait for. @internal */
  expect(): void {
    this.pending += 1;
  }

  /** One page less: it is kept, or it is gone and nothing is left to keep, or it failed. @internal */
  settle(failure: PagerFailure | null, isWritten = false): void {
    this.pending -= 1;
    if (isWritten) this.written += 1;
    this.failure ??= failure;
    this.#endIfOver();
  }

  /** It failed as a whole. @internal */
  fail(failure: PagerFailure): void {
    this.failure ??= failure;
  }

  /** Every page has been named. @internal */
  begun(): void {
    this.#isBegun = true;
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (this.isOver) callAll(this.#callbacks.splice(0));
  }
}

/** The object whose page is written. It is called as an interrupt would call it: in one step, and without its lock. */
export interface WritingOwner {
  /** The pager has the page, or has failed to keep it: what is to be done then when the lock has been given back. */
  pageWritten(offset: number, failure: PagerFailure | null): void;
  /** Everybody has been told: what was put off until then may be done. */
  writeOver(): void;
  complain(error: PortolanError): void;
}

/** One page that is being written. What it holds was copied; the page itself may change meanwhile, and be dirty again. */
export class PageWrite {
  readonly offset: number;
  /** Who waits for this write… */
  readonly flushes: Flush[];
  /** …and who for one after it, since the page became dirty again meanwhile. */
  readonly again: Flush[] = [];
  readonly #owner: WritingOwner;
  #isOver = false;

  /** @param flushes who waits for it; they expect it already */
  constructor(owner: WritingOwner, offset: number, flushes: readonly Flush[]) {
    this.#owner = owner;
    this.offset = offset;
    this.flushes = [...flushes];
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Hands the bytes to the pager, while no lock is held. */
  send(pager: Pager, content: Uint8Array, pageBytes: number): void {
    const request = new WriteRequest(this, content, pageBytes);
    try {
      const answer: unknown = pager.pageOut(request);
      if (answer === "later") return;
      if (answer === "done") request.done();
      else if (isPagerFailure(answer)) request.fail(answer);
      else throw new PortolanError("ERR_PAGER_FAILED", { offset: this.offset, answer: typeof answer });
    } catch (error) {
      this.#owner.complain(error instanceof PortolanError ? error : new PortolanError("ERR_PAGER_FAILED", { offset: this.offset }, error));
      if (!this.#isOver) this.end("EIO");
    }
  }

  /** The pager has it, or not. No lock is held. */
  end(failure: PagerFailure | null): void {
    this.#isOver = true;
    this.#owner.pageWritten(this.offset, failure);
    callAll([...this.flushes.map((flush) => () => flush.settle(failure, failure === null)), () => this.#owner.writeOver()]);
  }

  /** The page is gone: nothing is left to keep. Those who wait hear no failure. The object is locked. */
  cancel(later: (work: () => void) => void): void {
    this.#isOver = true;
    const flushes = [...this.flushes, ...this.again];
    later(() => callAll(flushes.map((flush) => () => flush.settle(null))));
  }
}

/** The pager's side of a write. */
class WriteRequest implements PageOutRequest {
  readonly offset: number;
  readonly offsetBytes: number;
  readonly content: Uint8Array;
  readonly #write: PageWrite;
  #isAnswered = false;

  constructor(write: PageWrite, content: Uint8Array, pageBytes: number) {
    this.#write = write;
    this.offset = write.offset;
    this.offsetBytes = write.offset * pageBytes;
    this.content = content;
  }

  get isOpen(): boolean {
    return !this.#isAnswered && !this.#write.isOver;
  }

  done(): boolean {
    return this.#end(null);
  }

  fail(failure: PagerFailure): boolean {
    if (isPagerFailure(failure)) return this.#end(failure);
    this.#end("EIO");
    throw noSuchFailure(failure);
  }

  #end(failure: PagerFailure | null): boolean {
    if (this.#isAnswered) throw new PortolanError("ERR_PAGER_ANSWERED", { offset: this.offset });
    if (this.#write.isOver) return false;
    this.#isAnswered = true;
    this.#write.end(failure);
    return true;
  }
}
