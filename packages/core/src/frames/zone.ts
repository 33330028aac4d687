/**
 * One stretch of RAM without holes: its frames, with a reference count each. Single frames come from a stack of recently
 * freed ones (their bytes are still in the host's cache), then from the frames never used yet. Runs are cut from the
 * never-used end while it lasts, and searched for afterwards.
 *
 * @see HelenOS kernel/generic/src/mm/frame.c
 */
export class Zone {
  // Fields begin as what they will be: one that begins as nothing is asked what it is at every use.
  /** Number of the first frame, and how many there are. */
  readonly first: number;
  readonly total: number;
  free: number;
  readonly #references: Int32Array = new Int32Array(0);
  /** Freed frames, the last freed on top. A frame taken as part of a run stays in it, stale, until it is popped. */
  #stack: Int32Array = new Int32Array(64);
  #stacked = 0;
  /** 1 while the frame has a live place in the stack. */
  readonly #isStacked: Uint8Array = new Uint8Array(0);
  #neverUsed = 0;

  constructor(first: number, total: number) {
    this.first = first;
    this.total = total;
    this.free = total;
    this.#references = new Int32Array(total);
    this.#isStacked = new Uint8Array(total);
  }

  has(frame: number): boolean {
    return frame >= this.first && frame < this.first + this.total;
  }

  /** A free frame, which there is; one reference. */
  take(): number {
    const index = this.#pop();
    this.#references[index] = 1;
    this.free -= 1;
    return this.first + index;
  }

  /** `count` contiguous frames from a multiple of `alignment`, or −1 if there is no such run. */
  takeRun(count: number, alignment: number): number {
    const index = this.free < count ? -1 : this.#findRun(count, alignment);
    if (index < 0) return -1;
    for (let i = this.#neverUsed; i < index; i += 1) this.#push(i);
    for (let i = index; i < index + count; i += 1) {
      this.#references[i] = 1;
      this.#isStacked[i] = 0;
    }
    this.#neverUsed = Math.max(this.#neverUsed, index + count);
    this.free -= count;
    return this.first + index;
  }

  share(frame: number): void {
    const index = frame - this.first;
    if (this.#references[index] < 1) throw new Error(`a free frame is shared: ${frame}`);
    this.#references[index] = this.#references[index] + 1;
  }

  /** Shares `frames[from]` and after, as far as they are the zone's; negative ones are left out. @returns where it stopped, at most `end` */
  shareRun(frames: Float64Array, from: number, end: number): number {
    const references = this.#references;
    const first = this.first;
    const last = end | 0;
    let i = from | 0;
    for (; i < last; i += 1) {
      const frame = frames[i];
      if (frame < 0) continue;
      const index = frame - first;
      // A free frame is for `share` to complain about, and one of another zone for the caller to find.
      if (!(references[index] > 0)) break;
      references[index] += 1;
    }
    return i;
  }

  /** True if it was the last reference. */
  release(frame: number): boolean {
    const index = frame - this.first;
    const left = this.#references[index] - 1;
    if (left < 0) throw new Error(`a free frame is released: ${frame}`);
    this.#references[index] = left;
    if (left > 0) return false;
    this.#push(index);
    this.free += 1;
    return true;
  }

  references(frame: number): number {
    return this.#references[frame - this.first];
  }

  #pop(): number {
    while (this.#stacked > 0) {
      this.#stacked -= 1;
      const index = this.#stack[this.#stacked];
      if (this.#isStacked[index] === 1 && this.#references[index] === 0) {
        this.#isStacked[index] = 0;
        return index;
      }
    }
    const index = this.#neverUsed;
    this.#neverUsed += 1;
    return index;
  }

  #push(index: number): void {
    if (this.#isStacked[index] === 1) return;
    if (this.#stacked === this.#stack.length) this.#compactOrGrow();
    this.#isStacked[index] = 1;
    this.#stack[this.#stacked] = index;
    this.#stacked += 1;
  }

  /** Throws stale places out; doubles if that did not make room. */
  #compactOrGrow(): void {
    let kept = 0;
    for (let i = 0; i < this.#stacked; i += 1) {
      const index = this.#stack[i];
      if (this.#isStacked[index] === 1 && this.#references[index] === 0) this.#stack[kept++] = index;
    }
    this.#stacked = kept;
    if (kept <= this.#stack.length / 2) return;
    const larger = new Int32Array(this.#stack.length * 2);
    larger.set(this.#stack);
    this.#stack = larger;
  }

  /** The never-used end first, because it is free for certain; then a search from below. */
  #findRun(count: number, alignment: number): number {
    const fresh = this.#align(this.#neverUsed, alignment);
    if (fresh + count <= this.total) return fresh;
    let start = this.#align(0, alignment);
    while (start + count <= this.total) {
      let i = start + count - 1;
      while (i >= start && this.#references[i] === 0) i -= 1;
      if (i < start) return start;
      start = this.#align(i + 1, alignment);
    }
    return -1;
  }

  /** The first index at or above `index` whose frame number is a multiple of `alignment`. */
  #align(index: number, alignment: number): number {
    const frame = this.first + index;
    return Math.ceil(frame / alignment) * alignment - this.first;
  }
}
