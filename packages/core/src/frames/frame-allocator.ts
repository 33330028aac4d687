/** What the core asks of whoever hands out physical frames. */
import { token } from "../token.js";

/**
 * Frames are numbered by physical address / frame size. A frame taken has one reference; it is free again when the last
 * is given back.
 */
export interface FrameAllocator {
  /**
   * One frame, contents undefined, one reference. Recently freed frames first.
   * @throws PortolanError ERR_OUT_OF_FRAMES
   */
  take(): number;
  /** One frame of zeroes. */
  takeZeroed(): number;
  /**
   * `count` contiguous frames whose first number is a multiple of `alignment`; contents undefined; each one reference.
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  takeRun(count: number, alignment: number): number;
  /** One more reference. The frame is in use. */
  share(frame: number): void;
  /** One more reference to each of `frames[0]` … `frames[count − 1]`, which are in use; negative ones are left out. */
  shareEach(frames: Float64Array, count: number): void;
  /** One reference less. True if it was the last and the frame is free now. Frames outside every zone (devices) are ignored. */
  release(frame: number): boolean;
  /** References to a frame; 0 = free; −1 = not a frame of any zone. */
  references(frame: number): number;
  /** Frames free now, reservations not deducted. */
  readonly free: number;
  /** Frames of all zones. */
  readonly total: number;
  /** How often there was no frame to give: ERR_OUT_OF_FRAMES, and promises that could not be made. */
  readonly refusals: number;
  /** Of the free ones, how many are promised. */
  readonly reserved: number;
  /** Promises `count` frames, to be taken later by `takeReserved`. False if there are not so many; nothing changed then. */
  reserve(count: number): boolean;
  /** One of the frames that were promised: one promise less. @throws PortolanError ERR_BAD_ARGUMENT if none is open */
  takeReserved(): number;
  /** Takes back a promise of `count` frames that will not be used. @throws PortolanError ERR_BAD_ARGUMENT if fewer are open */
  unreserve(count: number): void;
}

/** The allocator of a machine's frames. */
export const FRAMES = token<FrameAllocator>("frame allocator");
