/**
 * Memory for the tables of a tree. A table of a frame or more gets a run of frames aligned to its size; smaller ones
 * share frames: a frame is cut into pieces of one size when the first is wanted and goes back when the last is free.
 * (ARM's second level has 1 KiB tables, four to a page.)
 *
 * @see HelenOS kernel/arch/arm32/include/arch/mm/page_armv4.h, whose second-level tables are widened to a page instead
 */
import type { FrameAllocator } from "../frames/frame-allocator.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";

interface CutFrame {
  readonly pieceBytes: number;
  readonly owners: Map<number, number>;
  /** Addresses of pieces that are free. */
  readonly free: number[];
}

/** What is known of a table besides where it lies. */
export interface Table {
  readonly bytes: number;
  readonly owner: number;
  /** 0 at the root. */
  readonly depth: number;
}

/** Gives tables room: small ones share frames that are cut into pieces, large ones have an aligned run. */
export class TablePool {
  readonly #memory: PhysicalMemory;
  readonly #frames: FrameAllocator;
  /** Every table by its address. Touched when tables come and go, never per page. */
  readonly #tables = new Map<number, Table>();
  readonly #cut = new Map<number, CutFrame>();
  /** Cut frames with a free piece, by the size of their pieces. */
  readonly #withRoom = new Map<number, Set<number>>();

  constructor(memory: PhysicalMemory, frames: FrameAllocator) {
    this.#memory = memory;
    this.#frames = frames;
  }

  /**
   * A zeroed table.
   * @param bytes a power of two
   * @param owner number of the space it belongs to
   * @param depth 0 for a root
   * @returns its physical address, a multiple of its size
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  take(bytes: number, owner: number, depth: number): number {
    const { frameSize } = this.#memory;
    const table = bytes < frameSize ? this.#takePiece(bytes, owner) : this.#takeRun(bytes / frameSize);
    this.#tables.set(table, { bytes, owner, depth });
    return table;
  }

  /** @returns what it was */
  free(table: number): Table {
    const known = this.#tables.get(table);
    if (known === undefined) throw new Error(`no table begins at 0x${table.toString(16)}`);
    this.#tables.delete(table);
    const { frameSize } = this.#memory;
    if (known.bytes < frameSize) {
      this.#freePiece(table);
      return known;
    }
    const first = table / frameSize;
    for (let frame = first; frame < first + known.bytes / frameSize; frame += 1) this.#frames.release(frame);
    return known;
  }

  /** Bytes of all tables, or of one owner's. */
  bytes(owner?: number): number {
    let bytes = 0;
    for (const table of this.#tables.values()) if (owner === undefined || table.owner === owner) bytes += table.bytes;
    return bytes;
  }

  /** Every frame that holds tables, once, with its owner; −1 where tables of several owners share it. */
  eachFrame(visit: (frame: number, owner: number) => void): void {
    const { frameSize } = this.#memory;
    for (const [table, { bytes, owner }] of this.#tables) {
      if (bytes < frameSize) continue;
      for (let at = table; at < table + bytes; at += frameSize) visit(at / frameSize, owner);
    }
    for (const [frame, { owners }] of this.#cut) {
      const [first = 0, ...others] = new Set(owners.values());
      visit(frame, others.length === 0 ? first : -1);
    }
  }

  #takeRun(count: number): number {
    const frame = count === 1 ? this.#frames.take() : this.#frames.takeRun(count, count);
    for (let i = 0; i < count; i += 1) this.#memory.zeroFrame(frame + i);
    return frame * this.#memory.frameSize;
  }

  #takePiece(bytes: number, owner: number): number {
    const room = this.#roomFor(bytes);
    let [frame] = room;
    if (frame === undefined) {
      frame = this.#frames.take();
      this.#cutUp(frame, bytes);
      room.add(frame);
    }
    const cut = this.#cut.get(frame) as CutFrame;
    const table = cut.free.pop() as number;
    if (cut.free.length === 0) room.delete(frame);
    cut.owners.set(table, owner);
    this.#memory.writeBytes(table, new Uint8Array(bytes));
    return table;
  }

  #freePiece(table: number): void {
    const frame = Math.floor(table / this.#memory.frameSize);
    const cut = this.#cut.get(frame) as CutFrame;
    cut.owners.delete(table);
    cut.free.push(table);
    const room = this.#roomFor(cut.pieceBytes);
    room.add(frame);
    if (cut.owners.size > 0) return;
    room.delete(frame);
    this.#cut.delete(frame);
    this.#frames.release(frame);
  }

  /** The piece with the lowest address comes first. */
  #cutUp(frame: number, pieceBytes: number): void {
    const { frameSize } = this.#memory;
    const free = Array.from({ length: frameSize / pieceBytes }, (_, i) => (frame + 1) * frameSize - (i + 1) * pieceBytes);
    this.#cut.set(frame, { pieceBytes, owners: new Map(), free });
  }

  #roomFor(bytes: number): Set<number> {
    let room = this.#withRoom.get(bytes);
    if (room === undefined) {
      room = new Set();
      this.#withRoom.set(bytes, room);
    }
    return room;
  }
}
