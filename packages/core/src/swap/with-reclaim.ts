/**
 * Operations and shortage. No operation takes pages from others while it is under way: it ends in ERR_OUT_OF_FRAMES, and
 * nothing has changed. Its door, where no lock is held, has frames reclaimed and tries again, for as long as that helps.
 */
import type { SpaceParts } from "../address-space/parts.js";
import { PortolanError } from "../errors.js";

/** Frames that are tried for at first; twice as many each time that was not enough. */
export const FIRST_WANTED = 16;

/** Is it worth while to try again, with so many frames wanted by now? */
export const helps = (parts: SpaceParts, wanted: number): boolean =>
  wanted < 4 * parts.frames.total && parts.reclaimer.reclaim(wanted) === "frames";

/**
 * Does `work`, which has changed nothing if it throws. No lock is held.
 * @throws what `work` throws; ERR_OUT_OF_FRAMES only if no more frames can be had at once
 */
export const withReclaim = <T>(parts: SpaceParts, work: () => T): T => {
  for (let wanted = FIRST_WANTED; ; wanted *= 2) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PortolanError) || error.code !== "ERR_OUT_OF_FRAMES" || !helps(parts, wanted)) throw error;
    }
  }
};
