/**
 * Pages on their way to the swap device and back.
 *
 * ```
 *   resident ──► unmapped everywhere ──► written from a copy ──► in its slot      the frame is free
 *      ▲                 │                        │
 *      └── wanted again ─┴── failed, or changed ──┘               the page stays, its new slot is given back
 * ```
 *
 * A page that goes out is never BUSY: whoever wants it before it has gone finds it, and keeps it. So nobody waits for a
 * write. It leaves only if nobody maps it when the write is over, and if its bytes are still those that were written.
 *
 * A page that comes back stays absent from its object until its bytes are here; who wants it meanwhile waits for the
 * same transfer, which is known by the slot. Objects may merge in the meantime: slots move with their pages.
 *
 * A page that has come back keeps its slot until it is written, so that it can go again without a write. Its object has
 * it mapped read-only until then (`isClean`, `markDirty`).
 */
import type { SpaceParts } from "../address-space/parts.js";
import { ON_ITS_WAY } from "../objects/memory-object.js";
import type { PagedObject, SwapSource } from "../objects/object-parts.js";
import { BUSY, NO_SLOT, SWAPPED_OUT, WIRED, type PageCache } from "../objects/page-cache.js";
import type { PageInAnswer, PageInRequest } from "../objects/pager.js";
import { callAll, type PageOwner, type Transfer } from "../objects/transfer.js";
import { Slots } from "./slots.js";
import type { SwapDevice } from "./swap-device.js";
import { unmapPage, type SwappableObject } from "./unmap-page.js";

/** A page that is being written: what was copied, and where it lay. */
interface Departure {
  readonly object: SwappableObject;
  readonly offset: number;
  readonly frame: number;
  readonly slot: number;
  readonly copy: Uint8Array;
}

/** A page that is being read. */
interface Arrival {
  readonly slot: number;
  readonly offset: number;
  readonly frame: number;
  readonly owner: Arrivals;
  /** Who asked last: the page belongs to that object by now. */
  object: PagedObject;
  transfer: Transfer | null;
}

/** What became of a page that was to go out. */
export type PageOutResult = "gone" | "on its way" | "kept" | "no slot" | "failed";

/** The swap device of a machine, its slots, and what is on its way there or back. */
export class Swapper implements SwapSource {
  readonly slots: Slots;
  /** Pages that were written to the device, that were read, that left without a write, and writes that failed. */
  written = 0;
  read = 0;
  spared = 0;
  failures = 0;
  readonly #parts: SpaceParts;
  readonly #device: SwapDevice;
  /** By frame. */
  readonly #departures = new Map<number, Departure>();
  /** By slot. */
  readonly #arrivals = new Map<number, Arrival>();
  readonly #owners = new WeakMap<PagedObject, Arrivals>();
  /** Pages' worth of bytes to copy into; more of them only while the device is slow. */
  readonly #buffers: Uint8Array[] = [];
  /** Who waits for a frame, while pages are being written. */
  readonly #waiting: (() => void)[] = [];

  /** @throws PortolanError ERR_OUT_OF_MEMORY */
  constructor(parts: SpaceParts, device: SwapDevice) {
    this.#parts = parts;
    this.#device = device;
    this.slots = new Slots(device.slots, parts.gate);
    // From here on a resident page is given a slot without an allocation.
    parts.cachePool.makeSlots();
  }

  /** Pages whose writing is not over. */
  get departing(): number {
    return this.#departures.size;
  }

  /** Pages whose reading is not over. */
  get arriving(): number {
    return this.#arrivals.size;
  }

  /** Is the page in this frame being written? */
  isDeparting(frame: number): boolean {
    return this.#departures.size > 0 && this.#departures.has(frame);
  }

  /** Calls back when the writing of a page ends, whichever it is. */
  whenDeparted(callback: () => void): void {
    this.#waiting.push(callback);
  }

  swapIn(object: PagedObject, offset: number): number {
    const { frames, transfers, memory } = this.#parts;
    const slot = object.cache.slotOf(offset);
    const known = this.#arrivals.get(slot);
    if (known !== undefined) {
      known.object = object;
      transfers.latest = known.transfer;
      return ON_ITS_WAY;
    }
    const owner = this.#ownerFor(object);
    const frame = frames.take();
    const arrival: Arrival = { slot, offset, frame, owner, object, transfer: null };
    try {
      arrival.transfer = transfers.begin(owner, offset, frame, memory.frameSize, (request) => this.#ask(slot, request));
    } catch (error) {
      frames.release(frame);
      throw error;
    }
    owner.coming.set(offset, arrival);
    this.#arrivals.set(slot, arrival);
    return ON_ITS_WAY;
  }

  releaseSlot(slot: number): void {
    this.slots.give(slot);
    this.#arrivals.get(slot)?.transfer?.cancel();
  }

  /** Calls `visit` for every frame that a page on its way in is read into. For the checker. */
  eachHeld(visit: (frame: number) => void): void {
    for (const { frame } of this.#arrivals.values()) visit(frame);
  }

  /** Calls `visit` for every slot that a page on its way out is written to. For the checker. */
  eachPromised(visit: (slot: number) => void): void {
    for (const { slot } of this.#departures.values()) visit(slot);
  }

  /**
   * Sends a page out: it is unmapped, and written unless its slot holds its bytes already. No lock is held.
   * @returns "gone": its frame is free; "on its way": the device says later; "no slot": the device is full; "failed": it
   *   could not be written; "kept": it is wired, busy, mapped again or not resident. In the last three cases it is a
   *   resident page as before, though its entries may have gone
   */
  pageOut(object: SwappableObject, offset: number): PageOutResult {
    const { locks, frames, memory, preemption } = this.#parts;
    unmapPage(this.#parts, object, offset);
    preemption.at("page-out-unmapped");
    locks.acquire("object", object.number);
    const { cache } = object;
    const frame = cache.get(offset);
    if (!this.#mayGo(cache, offset, frame) || this.isDeparting(frame)) {
      locks.release("object", object.number);
      return "kept";
    }
    const kept = cache.slotOf(offset);
    if (kept !== NO_SLOT) {
      cache.remove(offset);
      frames.release(frame);
      this.spared += 1;
      locks.release("object", object.number);
      this.#tell(object, offset, kept, "spared");
      return "gone";
    }
    const slot = this.slots.take();
    if (slot === NO_SLOT) {
      locks.release("object", object.number);
      return "no slot";
    }
    const copy = this.#buffers.pop() ?? new Uint8Array(memory.frameSize);
    memory.readBytes(frame * memory.frameSize, copy);
    this.#departures.set(frame, { object, offset, frame, slot, copy });
    locks.release("object", object.number);
    preemption.at("page-out-started");
    return this.#write(object, offset, frame, slot, copy);
  }

  #write(object: SwappableObject, offset: number, frame: number, slot: number, copy: Uint8Array): PageOutResult {
    // What the device says before it returns is acted on afterwards, so that our errors are not taken for its own.
    const said = { isOver: false, isGood: false, isLate: false };
    const done = (isGood: boolean): void => {
      if (said.isOver) return;
      said.isOver = true;
      said.isGood = isGood;
      if (said.isLate) this.#departed(object, offset, frame, slot, isGood);
    };
    try {
      this.#device.write(slot, copy, done);
    } catch {
      done(false);
    }
    said.isLate = true;
    return said.isOver ? this.#departed(object, offset, frame, slot, said.isGood) : "on its way";
  }

  /** The device is done with a page. No lock is held. */
  #departed(object: SwappableObject, offset: number, frame: number, slot: number, isGood: boolean): PageOutResult {
    const { locks, frames } = this.#parts;
    const departure = this.#departures.get(frame);
    if (departure === undefined) throw new Error("a page that nobody wrote has been written");
    locks.acquire("object", object.number);
    this.#departures.delete(frame);
    const { cache } = object;
    const isSame = cache.get(offset) === frame && cache.slotOf(offset) === NO_SLOT && this.#mayGo(cache, offset, frame);
    const goes = isGood && isSame && this.#holds(frame, departure.copy);
    if (goes) {
      cache.setSlot(offset, slot);
      cache.remove(offset);
      frames.release(frame);
      this.written += 1;
    } else {
      this.slots.give(slot);
      if (!isGood) this.failures += 1;
    }
    this.#buffers.push(departure.copy);
    locks.release("object", object.number);
    this.#tell(object, offset, slot, goes ? "written" : isGood ? "wanted again" : "failed");
    callAll(this.#waiting.splice(0));
    if (goes) return "gone";
    return isGood ? "kept" : "failed";
  }

  /** May a page leave memory? Its object has the only reference to its frame then. */
  #mayGo(cache: PageCache, offset: number, frame: number): boolean {
    return frame >= 0 && (cache.marksOf(offset) & (BUSY | WIRED)) === 0 && this.#parts.frames.references(frame) === 1;
  }

  /** Does the frame hold these bytes still? */
  #holds(frame: number, copy: Uint8Array): boolean {
    const { memory } = this.#parts;
    const now = this.#buffers.pop() ?? new Uint8Array(memory.frameSize);
    memory.readBytes(frame * memory.frameSize, now);
    let i = 0;
    while (i < now.length && now[i] === copy[i]) i += 1;
    this.#buffers.push(now);
    return i === now.length;
  }

  #ask(slot: number, request: PageInRequest): PageInAnswer {
    const bytes = new Uint8Array(this.#parts.memory.frameSize);
    let isLater = false;
    let answer: PageInAnswer = "later";
    this.#device.read(slot, bytes, (isGood) => {
      if (!isLater) answer = isGood ? bytes : "EIO";
      else if (!request.isOpen) return;
      else if (isGood) request.answer(bytes);
      else request.fail("EIO");
    });
    isLater = true;
    return answer;
  }

  #ownerFor(object: PagedObject): Arrivals {
    let owner = this.#owners.get(object);
    if (owner === undefined) {
      owner = new Arrivals(object.number, (arrival, hasCome) => this.#over(arrival, hasCome));
      this.#owners.set(object, owner);
    }
    return owner;
  }

  /** A page has come, or does not. Its object is locked. */
  #over({ slot, offset, frame, object }: Arrival, hasCome: boolean): void {
    this.#arrivals.delete(slot);
    if (!hasCome) return;
    this.read += 1;
    // Has it moved to another object, the next fault asks for it there.
    if (object.cache.get(offset) === SWAPPED_OUT && object.cache.slotOf(offset) === slot) object.cache.insert(offset, frame);
    else this.#parts.frames.release(frame);
    const { sink } = this.#parts.events;
    if (sink !== null) sink({ kind: "swap-in", object: object.number, offset, slot });
  }

  #tell(object: SwappableObject, offset: number, slot: number, what: "written" | "spared" | "failed" | "wanted again"): void {
    const { sink } = this.#parts.events;
    if (sink !== null) sink({ kind: "page-out", object: object.number, offset, slot, what });
  }
}

/** What comes back to one object, for those who bring it. */
class Arrivals implements PageOwner {
  readonly number: number;
  readonly coming = new Map<number, Arrival>();
  readonly #over: (arrival: Arrival, hasCome: boolean) => void;

  constructor(number: number, over: (arrival: Arrival, hasCome: boolean) => void) {
    this.number = number;
    this.#over = over;
  }

  pageArrived(offset: number): void {
    this.#end(offset, true);
  }

  pageLost(offset: number): void {
    this.#end(offset, false);
  }

  complain(): void {
    // A device that throws has failed to read: that is all there is to say.
  }

  #end(offset: number, hasCome: boolean): void {
    const arrival = this.coming.get(offset);
    if (arrival === undefined) throw new Error("a page comes that nobody asked for");
    this.coming.delete(offset);
    this.#over(arrival, hasCome);
  }
}
