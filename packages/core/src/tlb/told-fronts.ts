/**
 * What the fronts of a processor have been told of one buffer's entries, so that they forget it when the entries go.
 *
 * An entry of one page, told to one front, which is what nearly every entry is, says itself where in the fronts' tables that
 * stands. Of others it is known which fronts may know something.
 */
import { ALL_FRONTS, FRONTS, MOST_DROPPED, SMALL_PAGES_SHIFT, type Lookaside } from "./lookaside.js";
import { NO_FRONT, TOLD_FRONTS, type TlbEntry } from "./tlb-entry.js";

/** What is imported is looked up at every use; these are constants to a compiler. */
const STARTS_SHIFT = SMALL_PAGES_SHIFT;
const EVERY_FRONT = ALL_FRONTS;
const COUNT = FRONTS;
const NOBODY = NO_FRONT;
const TOLD = TOLD_FRONTS;
const NO_INTEGERS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);

/** The link between the entries of a buffer and the fronts. */
export class ToldFronts {
  /** The fronts' tables in one, once the buffer is busy, and what says where in them a frame starts. */
  starts: Int32Array = NO_INTEGERS;
  ramFirst = 0;
  ramEnd = 0;
  mainFrame = 0;
  wordShift = 0;
  #fronts: Lookaside | null = null;
  readonly #entries: readonly TlbEntry[];
  readonly #spans: Float64Array = NO_NUMBERS;

  constructor(entries: readonly TlbEntry[], spans: Float64Array) {
    this.#entries = entries;
    this.#spans = spans;
  }

  attach(fronts: Lookaside): void {
    this.#fronts = fronts;
    this.ramFirst = fronts.ramFirst;
    this.ramEnd = fronts.ramEnd;
    this.mainFrame = fronts.mainFrame;
    this.wordShift = fronts.wordShift;
  }

  get isAttached(): boolean {
    return this.#fronts !== null;
  }

  /** Makes the fronts' tables one, into which entries may be written by their `at`. */
  join(): void {
    this.#fronts?.join();
    this.starts = this.#fronts?.starts ?? NO_INTEGERS;
  }

  /** @returns false, and nothing has changed, if there is no memory at that frame */
  tell(entry: TlbEntry, front: number, page: number, frame: number): boolean {
    if (this.#fronts === null || !this.#fronts.fill(front, page, frame)) return false;
    if (entry.at !== TOLD) entry.shown = entry.at === NOBODY ? 0 : 1 << (entry.at >>> STARTS_SHIFT);
    entry.at = TOLD;
    entry.shown |= 1 << front;
    return true;
  }

  /** Makes all fronts forget what they know of an entry. */
  withdraw(entry: TlbEntry): void {
    this.hide(entry, EVERY_FRONT);
  }

  /** The same for some of them, a bit for each. */
  hide(entry: TlbEntry, fronts: number): void {
    const { at } = entry;
    if (at >= 0) {
      if (((1 << (at >>> STARTS_SHIFT)) & fronts) === 0) return;
      this.starts[at] = 0;
      entry.at = NOBODY;
    } else if (at === TOLD) {
      for (let front = 0; front < COUNT; front += 1) {
        if ((entry.shown & fronts & (1 << front)) !== 0) this.#fronts?.drop(front, entry.page, this.#spans[entry.size]);
      }
      entry.shown &= ~fronts;
      if (entry.shown === 0) entry.at = NOBODY;
    }
  }

  /** Makes some fronts, a bit for each, forget everything of this buffer. */
  hideAll(fronts: number): void {
    for (const entry of this.#entries) this.hide(entry, fronts);
  }

  /** Makes the fronts forget some pages, whichever entry they know them from. */
  forgetPages(first: number, span: number): void {
    const fronts = this.#fronts;
    if (fronts === null) return;
    for (let front = 0; front < COUNT; front += 1) fronts.drop(front, first, span);
    // So many are not dropped one by one: the fronts have forgotten what they were told, and this buffer takes out the rest.
    if (span > MOST_DROPPED) this.hideAll(EVERY_FRONT);
  }
}
