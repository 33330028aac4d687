/** Bytes at virtual addresses. */
import { KERNEL, READ, type Architecture } from "@portolan/core/architecture";
import { readSome, type Memory } from "./memory.js";
import type { Roots } from "./tree.js";
import { walkAddress, type ImageWalk, type WalkOptions } from "./walk-address.js";

/** Why reading stopped. */
export interface ReadStop {
  /** The first address that could not be read. */
  readonly address: bigint;
  readonly walk: ImageWalk;
}

/** What was read: all bytes, or those before the first that is not there. */
export interface VirtualRead {
  readonly bytes: Uint8Array;
  readonly stop: ReadStop | null;
}

/**
 * Reads `length` bytes at a virtual address, by the kernel unless options say otherwise, up to the first byte that is not
 * mapped, not permitted or not in the image.
 *
 * @throws PortolanError as {@link walkAddress}
 */
export const readVirtual = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  address: bigint,
  length: number,
  options: WalkOptions = {},
): Promise<VirtualRead> => {
  const pageBytes = 2 ** architecture.hardwarePageShift;
  const asked = { access: READ, privilege: KERNEL, ...options } as const;
  const pieces: Uint8Array[] = [];
  let done = 0;
  let stop: ReadStop | null = null;
  while (done < length && stop === null) {
    const at = address + BigInt(done);
    const walk = await walkAddress(memory, architecture, roots, at, asked);
    if (walk.physical === null) {
      stop = { address: at, walk };
      break;
    }
    // Quarters of a page may have rights of their own.
    const isParted = walk.steps.at(-1)?.format?.partRights !== undefined;
    const unit = isParted ? pageBytes / 4 : pageBytes;
    const piece = new Uint8Array(Math.min(length - done, unit - Number(at % BigInt(unit))));
    const got = await readSome(memory, Number(walk.physical), piece);
    pieces.push(piece.subarray(0, got));
    done += got;
    if (got < piece.length) stop = { address: address + BigInt(done), walk };
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return { bytes, stop };
};
