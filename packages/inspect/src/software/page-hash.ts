/**
 * The page hash table as it lies in memory: a directory of frames, heads of chains in these, entries in others. Whatever is there is
 * read; a chain that leads back to itself, or out of memory, ends and says so.
 *
 * The number of chains stands in no word of memory. Where nobody tells it, it is between what the last frame of heads begins with
 * and what it ends with, and a page may be in one of two chains.
 */
import {
  HASH_ENTRY_BYTES,
  HASH_HEAD_BYTES,
  hashEntryRights,
  hashOfPage,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  type Architecture,
  type Rights,
} from "@portolan/core/architecture";
import { Addresses } from "../addresses.js";
import { NOBODY } from "./columns.js";
import { PHYSICAL_END, readSome, type Memory } from "../memory.js";

/** An entry, taken apart. */
export interface HashEntry {
  /** Physical address of the entry. */
  readonly at: number;
  readonly space: number;
  /** Word 0: the address of a page, in a sound table. */
  readonly virtual: bigint;
  readonly physical: number;
  readonly rights: Rights;
  /** PAGE_GLOBAL, PAGE_CACHEABLE, PAGE_ACCESSED and PAGE_DIRTY. */
  readonly flags: number;
}

/** Where a link leads: to an entry's physical address, to the end, or to what can be none. */
export type Link = number | "end" | "nowhere";

/** What a chain holds. */
export interface Chain {
  readonly entries: readonly HashEntry[];
  readonly end: ChainEnd;
}

/** Why a chain came to its end. */
export type ChainEnd = "complete" | "cycle" | "outside" | "long";

/** Memory is read in such pieces, and so many are held at once: entries of one chain lie in any of them. */
const BLOCK = 4096;
const MOST_BLOCKS = 2 ** 14;
const TWO_32 = 0x1_0000_0000;
/** Offsets of an entry's words, in bytes. */
const SPACE_WORD = 8;
const FRAME_WORD = 16;
const NEXT_WORD = 24;
const KEPT_FLAGS = PAGE_GLOBAL | PAGE_CACHEABLE | PAGE_ACCESSED | PAGE_DIRTY;
/** A sound chain has a handful of entries. */
const LONGEST = 2 ** 16;

/** A page hash table in an image. */
export class PageHashReader extends Addresses {
  readonly directory: number;
  readonly frameBytes: number;
  readonly headsPerFrame: number;
  readonly #memory: Memory;
  readonly #blocks = new Map<number, DataView>();
  readonly #isLittle: boolean;
  readonly #told: number | null;
  /** Physical addresses of the frames of heads. */
  #heads: readonly number[] = [];

  private constructor(memory: Memory, architecture: Architecture, directory: number, chains: number | null) {
    super(architecture);
    this.directory = directory;
    this.frameBytes = 2 ** architecture.pageShift;
    this.headsPerFrame = this.frameBytes / HASH_HEAD_BYTES;
    this.#memory = memory;
    this.#isLittle = architecture.byteOrder === "little";
    this.#told = chains;
  }

  /** Reads the directory; one that is not in memory has no chains. */
  static async open(memory: Memory, architecture: Architecture, directory: number, chains: number | null = null): Promise<PageHashReader> {
    const reader = new PageHashReader(memory, architecture, directory, chains);
    const bytes = new Uint8Array(reader.frameBytes);
    const got = await readSome(memory, directory, bytes);
    const view = new DataView(bytes.buffer);
    const heads: number[] = [];
    for (let at = 0; at + HASH_HEAD_BYTES <= got; at += HASH_HEAD_BYTES) {
      const head = view.getBigUint64(at, reader.#isLittle);
      if (head === 0n || head >= BigInt(PHYSICAL_END)) break;
      heads.push(Number(head));
    }
    reader.#heads = heads;
    return reader;
  }

  /** Frames of heads. */
  get heads(): readonly number[] {
    return this.#heads;
  }

  /** Chains that there may be; those behind the last one are empty. */
  get chains(): number {
    const most = this.#heads.length * this.headsPerFrame;
    return this.#told === null || this.#told > most || this.#told < 1 ? most : this.#told;
  }

  /** Physical address of a chain's head. */
  headAt(chain: number): number {
    return (this.#heads[Math.floor(chain / this.headsPerFrame)] ?? PHYSICAL_END) + (chain % this.headsPerFrame) * HASH_HEAD_BYTES;
  }

  /** The chains that the page of an address may be in, for a space: one, or two where the number of chains is not known. */
  chainsOf(space: number, address: bigint): readonly number[] {
    const { chains } = this;
    if (chains === 0) return [];
    const hash = hashOfPage(space, Number(address >> BigInt(this.pageShift)));
    // The last frame of heads may be full, or have begun with one chain; the first one is always full.
    const least = this.#told === chains ? chains : Math.max(chains - this.headsPerFrame + 1, this.headsPerFrame);
    const round = 2 ** Math.floor(Math.log2(least));
    const whole = hash % (round * 2);
    const half = hash % round;
    if (whole >= chains) return [half];
    return whole < least || whole === half ? [whole] : [whole, half];
  }

  /** The link in a chain's head; null where that is not in memory. */
  async head(chain: number): Promise<{ readonly at: number; readonly raw: bigint; readonly link: Link } | null> {
    const at = this.headAt(chain);
    const view = this.#blocks.get(blockOf(at)) ?? (await this.#load(at));
    if (!has(view, at, HASH_HEAD_BYTES)) return null;
    return { at, raw: this.#word(view, at % BLOCK), link: this.#linkAt(view, at % BLOCK) };
  }

  /** The four words of an entry as one number; null where they are not in memory. */
  async rawEntry(at: number): Promise<bigint | null> {
    const view = this.#blocks.get(blockOf(at)) ?? (await this.#load(at));
    if (!has(view, at, HASH_ENTRY_BYTES)) return null;
    let raw = 0n;
    for (let word = 0; word < HASH_ENTRY_BYTES; word += 8) raw = (raw << 64n) | this.#word(view, (at % BLOCK) + word);
    return raw;
  }

  /** The entries of a chain, in order, and how it ends. Waits for memory alone: most chains lie in blocks that were read before. */
  async chain(chain: number): Promise<Chain> {
    const entries: HashEntry[] = [];
    const headAt = this.headAt(chain);
    const head = this.#blocks.get(blockOf(headAt)) ?? (await this.#load(headAt));
    if (!has(head, headAt, HASH_HEAD_BYTES)) return { entries, end: "outside" };
    const seen = new Set<number>();
    for (let link = this.#linkAt(head, headAt % BLOCK); link !== "end";) {
      if (link === "nowhere") return { entries, end: "outside" };
      if (seen.has(link)) return { entries, end: "cycle" };
      if (seen.size >= LONGEST) return { entries, end: "long" };
      seen.add(link);
      const view = this.#blocks.get(blockOf(link)) ?? (await this.#load(link));
      if (!has(view, link, HASH_ENTRY_BYTES)) return { entries, end: "outside" };
      entries.push(this.#entryIn(view, link));
      link = this.#linkAt(view, (link % BLOCK) + NEXT_WORD);
    }
    return { entries, end: "complete" };
  }

  /** The entry for the page of an address; null where there is none. */
  async find(space: number, address: bigint): Promise<HashEntry | null> {
    const page = address - (address % BigInt(this.frameBytes));
    for (const chain of this.chainsOf(space, address)) {
      const { entries } = await this.chain(chain);
      const found = entries.find((entry) => entry.space === space && entry.virtual === page);
      if (found !== undefined) return found;
    }
    return null;
  }

  #entryIn(view: DataView, at: number): HashEntry {
    const within = at % BLOCK;
    const isLittle = this.#isLittle;
    const virtual = this.#word(view, within);
    const low = view.getUint32(within + FRAME_WORD + (isLittle ? 0 : 4), isLittle);
    const high = view.getUint32(within + FRAME_WORD + (isLittle ? 4 : 0), isLittle);
    const flags = low & 0xff;
    return {
      at,
      space: Number(this.#word(view, within + SPACE_WORD)),
      virtual,
      physical: high * TWO_32 + (low - flags),
      rights: hashEntryRights(this.architecture, flags),
      flags: flags & KEPT_FLAGS,
    };
  }

  /** Is that the address of a page, and the number of a space? */
  isSound({ virtual, space }: HashEntry): boolean {
    return this.isCanonical(virtual) && virtual % BigInt(this.frameBytes) === 0n && space < NOBODY;
  }

  /** Bit 0 says that there is something: a physical address with it set. Entries are aligned to their size. */
  #linkAt(view: DataView, within: number): Link {
    const isLittle = this.#isLittle;
    const low = view.getUint32(within + (isLittle ? 0 : 4), isLittle);
    if ((low & 1) === 0) return "end";
    const to = view.getUint32(within + (isLittle ? 4 : 0), isLittle) * TWO_32 + low - 1;
    return to < PHYSICAL_END && to % HASH_ENTRY_BYTES === 0 ? to : "nowhere";
  }

  #word(view: DataView, within: number): bigint {
    return view.getBigUint64(within, this.#isLittle);
  }

  async #load(at: number): Promise<DataView> {
    const block = blockOf(at);
    const bytes = new Uint8Array(BLOCK);
    const view = new DataView(bytes.buffer, 0, await readSome(this.#memory, block * BLOCK, bytes));
    if (this.#blocks.size >= MOST_BLOCKS) this.#blocks.clear();
    this.#blocks.set(block, view);
    return view;
  }
}

const blockOf = (at: number): number => Math.floor(at / BLOCK);

/** Is that much there? */
const has = (view: DataView, at: number, bytes: number): boolean => (at % BLOCK) + bytes <= view.byteLength;
