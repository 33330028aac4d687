/** Tables by hand: words of a tree of any shape, in the machine's format and byte order, over plain memory. */
import {
  EXECUTE,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_USER,
  READ,
  rootBits,
  TABLE_ENTRY,
  WRITE,
  type Architecture,
  type FormatCodec,
  type HierarchicalTranslation,
  type Machine,
  type PageFlags,
  type Switches,
} from "@portolan/core";
import type { Piece } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { Words } from "../mailbox.js";

/** Everything is let through, as far as one entry can. */
export const EVERYTHING: PageFlags = READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE;

/** One level, with the address bit where its index begins. */
export interface Storey {
  readonly codec: LevelCodec;
  readonly shift: bigint;
  readonly entries: number;
  readonly tableBytes: number;
}

export const storeysOf = (architecture: Architecture, translation: HierarchicalTranslation, switches: Switches): readonly Storey[] => {
  let shift = BigInt(rootBits(architecture));
  return translation.levels.map((level) => {
    shift -= BigInt(level.indexBits);
    const codec = new LevelCodec(level, switches);
    const entries = 2 ** level.indexBits;
    return { codec, shift, entries, tableBytes: entries * codec.entryBytes };
  });
};

export const wordFor = (codec: FormatCodec, physical: number, flags: PageFlags): bigint =>
  (BigInt(codec.encodeHigh(physical, flags) >>> 0) << 32n) + BigInt(codec.encodeLow(physical, flags) >>> 0);

/** The word of a page that may be used at once: where software sets the marks of access and of writing, they are set. */
export const usedWordFor = ({ can }: Architecture, codec: FormatCodec, physical: number, flags: PageFlags): bigint => {
  let word = wordFor(codec, physical, flags);
  if (can.recordAccess === "fault") word |= wideOf(codec.accessedLow, codec.accessedHigh);
  if (can.recordWrite === "fault") word |= wideOf(codec.dirtyLow, codec.dirtyHigh);
  return word;
};

const wideOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** One table: its words, and where it lies. */
export class Table {
  readonly at: number;
  readonly depth: number;
  readonly entries: number;
  readonly #words: Words;

  constructor(architecture: Architecture, storey: Storey, depth: number, at: number) {
    this.at = at;
    this.depth = depth;
    this.entries = storey.entries;
    this.#words = new Words(new Uint8Array(storey.tableBytes), storey.codec.entryBytes, architecture.byteOrder);
  }

  get(index: number): bigint {
    return this.#words.get(index);
  }

  set(index: number, word: bigint): void {
    this.#words.set(index, word);
  }

  get piece(): Piece {
    return { at: this.at, bytes: this.#words.bytes };
  }
}

/** RAM handed out from its beginning. */
export class Ground {
  #next: number;
  readonly #end: number;

  constructor(first: number, bytes: number) {
    this.#next = first;
    this.#end = first + bytes;
  }

  /** @throws Error if there is no more: a generator has asked for too much */
  take(bytes: number, alignment = bytes): number {
    const at = Math.ceil(this.#next / alignment) * alignment;
    if (at + bytes > this.#end) throw new Error("a case of our own making wants more RAM than it has");
    this.#next = at + bytes;
    return at;
  }
}

/** An address as the machine writes it: copies of its highest bit above where the machine wants them. */
export const canonical = ({ virtualBits, virtualRule }: Architecture, address: bigint): bigint =>
  virtualRule === "sign-extended" ? BigInt.asUintN(64, BigInt.asIntN(virtualBits, address)) : BigInt.asUintN(virtualBits, address);

/** A page of data that says of every slot where it lies: whoever takes it for a table reads the same on both sides. */
export const pageOfSlots = ({ architecture, slot }: MachineProfile, at: number): Piece => {
  const bytes = new Uint8Array(1 << architecture.hardwarePageShift);
  for (let within = 0; within < bytes.length; within += slot.bytes) bytes.set(slot.make(at + within), within);
  return { at, bytes };
};

export const inOrder = (pieces: readonly Piece[]): readonly Piece[] => pieces.toSorted((one, other) => one.at - other.at);

/** Every table that hardware can reach from a root, once each; as it is now. */
export const tablesUnder = (machine: Machine, root: number): readonly Piece[] => {
  const { architecture, parts } = machine;
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return [];
  const storeys = storeysOf(architecture, translation, machine.cpu(0).switches);
  const found = new Map<number, Piece>();
  const visit = (at: number, depth: number): void => {
    const storey = storeys[depth];
    if (storey === undefined || found.has(at)) return;
    const bytes = new Uint8Array(storey.tableBytes);
    parts.memory.readBytes(at, bytes);
    found.set(at, { at, bytes });
    const words = new Words(bytes, storey.codec.entryBytes, architecture.byteOrder);
    for (let index = 0; index < storey.entries; index += 1) {
      const word = words.get(index);
      const [lo, hi] = [Number(word & 0xffff_ffffn), Number(word >> 32n)];
      if (word !== 0n && storey.codec.kindOf(lo, hi) === TABLE_ENTRY && storey.codec.table !== null)
        visit(storey.codec.table.addressOf(lo, hi), depth + 1);
    }
  };
  visit(root, 0);
  return inOrder([...found.values()]);
};
