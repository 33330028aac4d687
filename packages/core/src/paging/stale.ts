/**
 * The debt that a change of page tables leaves: translations that TLBs and software caches may still hold, and frames
 * that nobody may reuse before those are gone. It is settled by the withdrawal protocol and cannot be forgotten: the
 * withdrawal it belongs to refuses to end otherwise.
 */
export class StaleTranslations {
  #frames: Float64Array = new Float64Array(16);
  #frameCount = 0;
  #tables: Float64Array = new Float64Array(4);
  #tableCount = 0;
  /** Number of translations that were weakened or removed since it was opened. */
  pages = 0;

  /** A translation was weakened or removed. */
  add(): void {
    this.pages += 1;
  }

  /** A mapping's reference to `frame` ends when the debt is settled. */
  releaseLater(frame: number): void {
    if (this.#frameCount === this.#frames.length) this.#frames = doubled(this.#frames);
    this.#frames[this.#frameCount] = frame;
    this.#frameCount += 1;
  }

  /** The table in memory unit `unit` (as the page tables number them) is unlinked, and freed when the debt is settled. */
  freeTableLater(unit: number): void {
    if (this.#tableCount === this.#tables.length) this.#tables = doubled(this.#tables);
    this.#tables[this.#tableCount] = unit;
    this.#tableCount += 1;
  }

  /** Hands every deferred release out, in order, and forgets everything: the debt is paid. */
  settle(releaseFrame: (frame: number) => void, freeTable: (unit: number) => void): void {
    for (let i = 0; i < this.#frameCount; i += 1) releaseFrame(this.#frames[i]);
    for (let i = 0; i < this.#tableCount; i += 1) freeTable(this.#tables[i]);
    this.#frameCount = 0;
    this.#tableCount = 0;
    this.pages = 0;
  }

  /** Nothing is owed. */
  get isSettled(): boolean {
    return this.#frameCount === 0 && this.#tableCount === 0 && this.pages === 0;
  }
}

const doubled = (array: Float64Array): Float64Array => {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
};
