/** A swap device in a file of the host, for runs that need more memory than their machine has. */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { PortolanError, type SwapDevice, type TransferDone } from "@portolan/core";

/**
 * Pages in a file of its own, which exists as long as the device is open. It is sparse: it takes as much room as pages were
 * written to it. Transfers end at once; one that the host refuses has failed.
 */
export class FileSwap implements SwapDevice {
  readonly slots: number;
  /** Pages written so far, and read. */
  writes = 0;
  reads = 0;
  readonly #path: string;
  readonly #file: number;

  /**
   * @param path where there is no file yet; nobody but this user can read it
   * @param slots pages that it holds
   * @throws PortolanError ERR_BAD_ARGUMENT if there is a file; Error with a system's code if none can be made
   */
  constructor(path: string, slots: number) {
    this.slots = slots;
    this.#path = path;
    try {
      this.#file = openSync(path, "wx+", 0o600);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST")
        throw new PortolanError("ERR_BAD_ARGUMENT", { "--swap": path, rule: "a file that is not there yet" });
      throw error;
    }
  }

  read(slot: number, bytes: Uint8Array, done: TransferDone): void {
    this.reads += 1;
    done(moved(bytes, slot, (from, at) => readSync(this.#file, bytes, from, bytes.length - from, at)));
  }

  write(slot: number, bytes: Uint8Array, done: TransferDone): void {
    this.writes += 1;
    done(moved(bytes, slot, (from, at) => writeSync(this.#file, bytes, from, bytes.length - from, at)));
  }

  /** Closes the file and removes it. */
  close(): void {
    closeSync(this.#file);
    unlinkSync(this.#path);
  }
}

/** Moves a page in as many steps as the host wants. */
const moved = (bytes: Uint8Array, slot: number, step: (from: number, at: number) => number): boolean => {
  try {
    for (let done = 0; done < bytes.length;) {
      const count = step(done, slot * bytes.length + done);
      if (count === 0) return false;
      done += count;
    }
    return true;
  } catch {
    return false;
  }
};
