/**
 * A pager keeps the bytes of an object's pages while they are not in memory: a file system, a disk, a network, a few bytes
 * in an array. It is asked for bytes and given bytes; frames, entries and processors are none of its business.
 *
 * It may answer at once, by what it returns, or later, through the request it was given. It is asked and given pages while
 * nobody holds a lock, so it may use the machine itself then, and even touch memory whose pages it has to bring in: that
 * access waits like any other. What it does wrong is contained. Throwing, answering with something else than a page, answering twice: the pager
 * is told with a typed error where it is there to hear it, the task that waits is told that the page could not be read, and
 * no frame is lost.
 */
import { PortolanError } from "../errors.js";

/** No memory for it now; the storage failed; the storage has no such page. */
export type PagerFailure = "ENOMEM" | "EIO" | "EBUS";

/** A page's bytes; or nothing there; or they come through the request; or they cannot be had. */
export type PageInAnswer = Uint8Array | "absent" | "later" | PagerFailure;

/** The bytes are kept; or that will be said through the request; or they cannot be kept. */
export type PageOutAnswer = "done" | "later" | PagerFailure;

const FAILURES: readonly string[] = ["ENOMEM", "EIO", "EBUS"] satisfies PagerFailure[];

/** Is what a pager said a failure? It may have said anything. */
export const isPagerFailure = (said: unknown): said is PagerFailure => typeof said === "string" && FAILURES.includes(said);

/** What a pager is told that fails in a way nobody knows. */
export const noSuchFailure = (said: unknown): PortolanError =>
  new PortolanError("ERR_BAD_ARGUMENT", { failure: String(said), known: FAILURES });

/** A page that somebody waits for. */
export interface PageInRequest {
  /** Page of the object… */
  readonly offset: number;
  /** …and where that is in bytes. */
  readonly offsetBytes: number;
  /** Bytes that are wanted: a page, or what there is of the last one. */
  readonly bytes: number;
  /** Does anybody still want it? False once it is answered, or the object has gone, or ends before it. */
  readonly isOpen: boolean;
  /**
   * Here it is. What lies beyond `bytes` is not looked at.
   * @param content exactly `bytes` bytes, or a whole page; it is copied
   * @returns false if nobody wants it any more: nothing has happened then
   * @throws PortolanError ERR_PAGER_ANSWERED if it has been answered already: nothing has happened then;
   *   ERR_PAGER_PAGE if that is no page: the request has failed with EIO then
   */
  answer(content: Uint8Array): boolean;
  /**
   * It cannot be had.
   * @returns false if nobody wants it any more: nothing has happened then
   * @throws PortolanError ERR_PAGER_ANSWERED if it has been answered already: nothing has happened then
   */
  fail(failure: PagerFailure): boolean;
}

/** A page that is to be kept. */
export interface PageOutRequest {
  /** Page of the object… */
  readonly offset: number;
  /** …and where that is in bytes. */
  readonly offsetBytes: number;
  /** A page, or what there is of the last one; the pager's own to keep. */
  readonly content: Uint8Array;
  /** Is an answer still awaited? */
  readonly isOpen: boolean;
  /** It is kept. Otherwise as `fail`. */
  done(): boolean;
  /**
   * It could not be kept: the page counts as dirty again.
   * @returns false if nobody wants to know any more: nothing has happened then
   * @throws PortolanError ERR_PAGER_ANSWERED if it has been answered already: nothing has happened then
   */
  fail(failure: PagerFailure): boolean;
}

/** Every pager has all four: nobody has to ask which. Offsets are pages of the object unless the name says bytes. */
export interface Pager {
  /** For people: what the pages come from. */
  readonly name: string;
  /** Asks for a page. At most one request for a page is open at any time. */
  pageIn(request: PageInRequest): PageInAnswer;
  /** Gives a page to keep. At most one request for a page is open at any time. */
  pageOut(request: PageOutRequest): PageOutAnswer;
  /**
   * What is paged is so many bytes long from now on. Bytes beyond are forgotten, pages included that are being kept just now;
   * should it grow again, they are zeroes. This is a note to be taken: the object is locked, and its pager leaves the machine
   * alone.
   * @returns nothing, or why that cannot be: then it is as long as before
   */
  setLength(bytes: number): void | PagerFailure;
  /** The object has gone. No request comes any more, and open ones are not awaited. */
  release(): void;
}
