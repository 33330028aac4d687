/**
 * Operations and shortage. No operation takes pages from others while it is under way: it ends in ERR_OUT_OF_FRAMES, and
 * nothing has changed. Its door, where no lock is held, has frames reclaimed and tries again, for as long as that helps.
 */
import type { AddressSpace } from "../address-space/address-space.js";
import type { SpaceParts } from "../address-space/parts.js";
import { FAULT, refuse, WAIT, type FaultResult } from "../address-space/verdict.js";
import { PortolanError } from "../errors.js";
import { callAll, type PageOnItsWay, type TransferState } from "../objects/transfer.js";
import type { Swapper } from "./swapper.js";

/** Frames that are tried for at first; twice as many each time that was not enough. */
export const FIRST_WANTED = 16;

/** Nobody needs so many times the frames there are. */
const mayWant = (parts: SpaceParts, wanted: number): boolean => wanted < 4 * parts.frames.total;

/** Are there more frames than before, with so many wanted by now? No lock is held. */
export const hasReclaimed = (parts: SpaceParts, wanted: number): boolean =>
  mayWant(parts, wanted) && parts.reclaimer.reclaim(wanted) === "frames";

/**
 * Does `work`, which has changed nothing if it throws. No lock is held.
 * @throws what `work` throws; ERR_OUT_OF_FRAMES only if no more frames can be had at once
 */
export const withReclaim = <T>(parts: SpaceParts, work: () => T): T => {
  for (let wanted = FIRST_WANTED; ; wanted *= 2) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PortolanError) || error.code !== "ERR_OUT_OF_FRAMES" || !hasReclaimed(parts, wanted)) throw error;
    }
  }
};

/**
 * Goes on with a page fault that was refused when frames were short. No lock is held.
 * @param serve tries once more
 * @returns its result; WAIT while pages are being written whose frames it can have then
 */
export const faultAfterReclaim = (space: AddressSpace, serve: () => FaultResult): FaultResult => {
  const { parts, verdict } = space;
  const { frames, reclaimer } = parts;
  for (let wanted = FIRST_WANTED; verdict.rule === "out of memory" && mayWant(parts, wanted); wanted *= 2) {
    const progress = reclaimer.reclaim(wanted);
    if (progress === "later") return waitForFrames(space);
    // Whoever wrote pages for us may have used the space.
    if (progress === "nothing") return refuse(verdict, "out of memory");
    const { refusals } = frames;
    const result = serve();
    if (result !== FAULT || frames.refusals === refusals) return result;
  }
  return FAULT;
};

const waitForFrames = ({ parts, verdict }: AddressSpace): FaultResult => {
  const { swapper } = parts.reclaimer;
  if (swapper === null) throw new Error("pages are being written, and there is no swap device");
  verdict.result = WAIT;
  verdict.rule = "the page is on its way";
  verdict.waitsFor = new FrameOnItsWay(swapper);
  return WAIT;
};

/** A frame that is free when a page has been written. It never fails: who comes again then may have to wait again, or is told why not. */
class FrameOnItsWay implements PageOnItsWay {
  readonly failure = null;
  isOver = false;
  readonly #callbacks: (() => void)[] = [];

  constructor(swapper: Swapper) {
    swapper.whenDeparted(() => this.giveUp());
  }

  get state(): TransferState {
    return this.isOver ? "arrived" : "asked";
  }

  whenOver(callback: () => void): void {
    if (this.isOver) callback();
    else this.#callbacks.push(callback);
  }

  giveUp(): void {
    this.isOver = true;
    callAll(this.#callbacks.splice(0));
  }
}
