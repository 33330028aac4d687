/**
 * Where pages go when memory is short: a device of numbered slots of one page each. What lies in a slot stays until the
 * slot is written again. Which slots are in use is the core's business, not the device's.
 */

/**
 * Told once, when a transfer has ended: before `read` or `write` returns, or any time later. `isGood` false: the bytes
 * could not be moved; what a failed read left behind is looked at by nobody, and a failed write leaves its slot undefined.
 */
export type TransferDone = (isGood: boolean) => void;

/** A swap device. Pages are the machine's: `bytes.length` is the size of one in every call of a machine. */
export interface SwapDevice {
  /** How many pages it holds, up to 2^30. */
  readonly slots: number;
  /** Fills `bytes` from a slot that was written before. */
  read(slot: number, bytes: Uint8Array, done: TransferDone): void;
  /** Keeps `bytes`; they do not change before the transfer has ended. */
  write(slot: number, bytes: Uint8Array, done: TransferDone): void;
}
