/**
 * The frame allocator: a zone for each stretch of RAM between the holes of physical memory. A run of contiguous frames
 * lies in one zone; single frames come from the lowest zone that has one.
 *
 * @see HelenOS kernel/generic/src/mm/frame.c and reserve.c
 */
import type { AllocationGate } from "../allocation-gate.js";
import { PortolanError } from "../errors.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { FrameAllocator } from "./frame-allocator.js";
import { Zone } from "./zone.js";

/** The usual {@link FrameAllocator} of a machine. */
export class ZonedFrames implements FrameAllocator {
  readonly total: number;
  free: number;
  reserved = 0;
  refusals = 0;
  readonly #memory: PhysicalMemory;
  readonly #gate: AllocationGate;
  readonly #zones: readonly Zone[];
  /** The zone that the last call used. */
  #last: Zone;

  constructor(memory: PhysicalMemory, gate: AllocationGate) {
    this.#memory = memory;
    this.#gate = gate;
    this.#zones = memory.ram.map(({ first, end }) => new Zone(first / memory.frameSize, (end - first) / memory.frameSize));
    this.#last = this.#zones[0];
    this.total = this.#zones.reduce((sum, { total }) => sum + total, 0);
    this.free = this.total;
  }

  take(): number {
    this.#gate.pass("frame");
    if (this.free - this.reserved < 1) throw this.#refused();
    let zone = this.#zones[0];
    for (let index = 1; zone.free === 0; index += 1) zone = this.#zones[index];
    this.free -= 1;
    return zone.take();
  }

  #refused(): PortolanError {
    this.refusals += 1;
    return new PortolanError("ERR_OUT_OF_FRAMES", { frames: 1, free: this.free, reserved: this.reserved });
  }

  takeZeroed(): number {
    const frame = this.take();
    this.#memory.zeroFrame(frame);
    return frame;
  }

  takeRun(count: number, alignment: number): number {
    if (!Number.isSafeInteger(count) || count < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { count });
    if (!Number.isSafeInteger(alignment) || alignment < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { alignment });
    this.#gate.pass("run of frames");
    if (this.free - this.reserved >= count) {
      for (const zone of this.#zones) {
        const first = zone.takeRun(count, alignment);
        if (first < 0) continue;
        this.free -= count;
        return first;
      }
    }
    this.refusals += 1;
    throw new PortolanError("ERR_OUT_OF_FRAMES", { frames: count, alignment, free: this.free });
  }

  share(frame: number): void {
    const zone = this.#zoneOf(frame);
    if (zone === null) throw new Error(`a frame outside every zone is shared: ${frame}`);
    zone.share(frame);
  }

  shareEach(frames: Float64Array, count: number): void {
    for (let i = 0; i < count; i += 1) {
      i = this.#last.shareRun(frames, i, count);
      if (i < count) this.share(frames[i]);
    }
  }

  release(frame: number): boolean {
    const zone = this.#zoneOf(frame);
    if (zone === null || !zone.release(frame)) return false;
    this.free += 1;
    return true;
  }

  references(frame: number): number {
    return this.#zoneOf(frame)?.references(frame) ?? -1;
  }

  reserve(count: number): boolean {
    if (!Number.isSafeInteger(count) || count < 0) throw new PortolanError("ERR_BAD_ARGUMENT", { count });
    if (this.free - this.reserved < count) {
      this.refusals += 1;
      return false;
    }
    this.reserved += count;
    return true;
  }

  unreserve(count: number): void {
    if (count > this.reserved) throw new PortolanError("ERR_BAD_ARGUMENT", { count, reserved: this.reserved });
    this.reserved -= count;
  }

  takeReserved(): number {
    if (this.reserved < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { reserved: this.reserved });
    this.reserved -= 1;
    try {
      return this.take();
    } catch (error) {
      this.reserved += 1;
      throw error;
    }
  }

  #zoneOf(frame: number): Zone | null {
    return this.#last.has(frame) ? this.#last : this.#findZone(frame);
  }

  // By itself: what a function keeps for one that it makes costs every call of it.
  #findZone(frame: number): Zone | null {
    const zone = this.#zones.find((candidate) => candidate.has(frame));
    if (zone === undefined) return null;
    this.#last = zone;
    return zone;
  }
}
