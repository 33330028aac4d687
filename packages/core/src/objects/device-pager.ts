/**
 * A pager over blocks of a device: a disk, a partition of one, a file on one that lies in one piece. The device moves whole
 * blocks and answers when it likes.
 */
import { PortolanError } from "../errors.js";
import type { PageInAnswer, PageInRequest, PageOutAnswer, PageOutRequest, Pager, PagerFailure } from "./pager.js";

/** Told once, when a transfer has ended: before `read` or `write` returns, or any time later. */
export type BlockDone = (isGood: boolean) => void;

/** A device of numbered blocks. */
export interface BlockDevice {
  /** Bytes in a block; a page holds a whole number of them. */
  readonly blockBytes: number;
  readonly blocks: number;
  /** Fills `bytes`, some whole blocks, from block `first` on. */
  read(first: number, bytes: Uint8Array, done: BlockDone): void;
  /** Keeps `bytes`, some whole blocks, from block `first` on; they do not change meanwhile. */
  write(first: number, bytes: Uint8Array, done: BlockDone): void;
}

/** Where on the device the pages are. */
export interface DeviceExtent {
  /** First block; 0 where absent. */
  readonly first?: number;
  /** How many; all that follow where absent. */
  readonly blocks?: number;
  /** Bytes that are there already; all of the extent where absent. */
  readonly length?: number;
}

/** Pages on a block device, in the order of its blocks. */
export class DevicePager implements Pager {
  readonly name: string;
  readonly #device: BlockDevice;
  readonly #first: number;
  readonly #blocks: number;
  /** What the device has below this is the file's… */
  #goodTo: number;
  /** …and above it only blocks that were written since: so many bytes of each. */
  readonly #written = new Map<number, number>();
  /** Writes that the device has not ended: what was cut off since they began is not good, though it is written. */
  readonly #open = new Set<{ goodTo: number }>();

  /** @throws PortolanError ERR_BAD_ARGUMENT unless the extent lies on the device */
  constructor(device: BlockDevice, extent: DeviceExtent = {}, name = "device") {
    const { first = 0, blocks = device.blocks - first } = extent;
    const { length = blocks * device.blockBytes } = extent;
    const isOn = [first, blocks, length].every((number) => Number.isSafeInteger(number) && number >= 0);
    if (!isOn || first + blocks > device.blocks || length > blocks * device.blockBytes)
      throw new PortolanError("ERR_BAD_ARGUMENT", { first, blocks, length, deviceBlocks: device.blocks });
    this.name = name;
    this.#device = device;
    this.#first = first;
    this.#blocks = blocks;
    this.#goodTo = length;
  }

  pageIn(request: PageInRequest): PageInAnswer {
    const place = this.#placeOf(request.offsetBytes, request.bytes);
    if (typeof place === "string") return place;
    const bytes = new Uint8Array(place.count * this.#device.blockBytes);
    this.#device.read(this.#first + place.first, bytes, (isGood) => {
      if (!isGood) request.fail("EIO");
      else {
        this.#forgetStale(place.first, bytes);
        request.answer(bytes.subarray(0, request.bytes));
      }
    });
    return "later";
  }

  pageOut(request: PageOutRequest): PageOutAnswer {
    const place = this.#placeOf(request.offsetBytes, request.content.length);
    if (typeof place === "string") return place;
    const { blockBytes } = this.#device;
    const bytes = new Uint8Array(place.count * blockBytes);
    bytes.set(request.content);
    const write = { goodTo: Infinity };
    this.#open.add(write);
    this.#device.write(this.#first + place.first, bytes, (isGood) => {
      this.#open.delete(write);
      if (!request.isOpen) return;
      if (!isGood) request.fail("EIO");
      else {
        for (let block = place.first; block < place.first + place.count; block += 1) {
          const good = Math.min(write.goodTo - block * blockBytes, blockBytes);
          if (good > 0 && (block + 1) * blockBytes > this.#goodTo) this.#written.set(block, good);
        }
        request.done();
      }
    });
    return "later";
  }

  setLength(bytes: number): void | PagerFailure {
    const { blockBytes } = this.#device;
    if (bytes > this.#blocks * blockBytes) return "ENOMEM";
    this.#goodTo = Math.min(this.#goodTo, bytes);
    for (const write of this.#open) write.goodTo = Math.min(write.goodTo, bytes);
    for (const [block, good] of this.#written) {
      const left = Math.min(good, bytes - block * blockBytes);
      if (left > 0) this.#written.set(block, left);
      else this.#written.delete(block);
    }
  }

  release(): void {
    this.#written.clear();
  }

  /** Blocks of the extent, or why there are none. */
  #placeOf(offsetBytes: number, bytes: number): { readonly first: number; readonly count: number } | PagerFailure {
    const { blockBytes } = this.#device;
    if (offsetBytes % blockBytes !== 0) return "EIO";
    const first = offsetBytes / blockBytes;
    const count = Math.ceil(bytes / blockBytes);
    return first + count > this.#blocks ? "EBUS" : { first, count };
  }

  /** What the device has of a time when the file was longer reads as zeroes. */
  #forgetStale(first: number, bytes: Uint8Array): void {
    const { blockBytes } = this.#device;
    for (let at = 0; at < bytes.length; at += blockBytes) {
      const block = first + at / blockBytes;
      const good = Math.max(Math.min(this.#goodTo - block * blockBytes, blockBytes), this.#written.get(block) ?? 0);
      if (good < blockBytes) bytes.fill(0, at + Math.max(good, 0), at + blockBytes);
    }
  }
}
