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
import { PHYSICAL_END, readSome, type Memory } from "../memory.js";

/** An entry, taken apart. */
export interface HashEntry {
  /** Physical address of the entry. */
  readonly at: number;
  readonly space: number;
  /** Whether word 0 is the address of a page at all. */
  readonly isPage: boolean;
  readonly virtual: bigint;
  readonly physical: number;
  readonly rights: Rights;
  /** PAGE_GLOBAL, PAGE_CACHEABLE, PAGE_ACCESSED and PAGE_DIRTY. */
  readonly flags: number;
  readonly next: Link;
}

/** Where a link leads: to an entry, to the end, or to what can be none. */
export type Link = { readonly to: number } | "end" | "nowhere";

/** Why a chain came to its end. */
export type ChainEnd = "complete" | "cycle" | "outside" | "long";

/** Frames that are held at once: entries of one chain lie in any of them. */
const MOST_FRAMES = 1024;
const KEPT_FLAGS = PAGE_GLOBAL | PAGE_CACHEABLE | PAGE_ACCESSED | PAGE_DIRTY;
/** A sound chain has a handful of entries. */
const LONGEST = 2 ** 20;

/** A page hash table in an image. */
export class PageHashReader extends Addresses {
  readonly directory: number;
  readonly frameBytes: number;
  readonly headsPerFrame: number;
  readonly #memory: Memory;
  readonly #frames = new Map<number, DataView>();
  readonly #told: number | null;
  /** Physical addresses of the frames of heads. */
  #heads: readonly number[] = [];

  private constructor(memory: Memory, architecture: Architecture, directory: number, chains: number | null) {
    super(architecture);
    this.directory = directory;
    this.frameBytes = 2 ** architecture.pageShift;
    this.headsPerFrame = this.frameBytes / HASH_HEAD_BYTES;
    this.#memory = memory;
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
      const head = reader.#word(view, at);
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
    const raw = await this.#wordAt(at);
    return raw === null ? null : { at, raw, link: linkOf(raw) };
  }

  /** The entry at a physical address; null where that is not in memory. */
  async entry(at: number): Promise<HashEntry | null> {
    const view = await this.#frameOf(at);
    const within = at % this.frameBytes;
    if (view === null || within + HASH_ENTRY_BYTES > view.byteLength) return null;
    const virtual = this.#word(view, within);
    const space = this.#word(view, within + 8);
    const frame = this.#word(view, within + 16);
    const flags = Number(frame & 0xffn);
    return {
      at,
      space: Number(space),
      isPage: this.isCanonical(virtual) && virtual % BigInt(this.frameBytes) === 0n,
      virtual,
      physical: Number(frame - (frame & 0xffn)),
      rights: hashEntryRights(this.architecture, flags),
      flags: flags & KEPT_FLAGS,
      next: linkOf(this.#word(view, within + 24)),
    };
  }

  /** The four words of an entry as one number; null where they are not in memory. */
  async rawEntry(at: number): Promise<bigint | null> {
    const view = await this.#frameOf(at);
    const within = at % this.frameBytes;
    if (view === null || within + HASH_ENTRY_BYTES > view.byteLength) return null;
    let raw = 0n;
    for (let word = 0; word < HASH_ENTRY_BYTES; word += 8) raw = (raw << 64n) | this.#word(view, within + word);
    return raw;
  }

  /** The entries of a chain; its last word is how it ended. */
  async *chain(chain: number): AsyncGenerator<HashEntry, ChainEnd, void> {
    const head = await this.head(chain);
    if (head === null) return "outside";
    const seen = new Set<number>();
    for (let { link } = head; link !== "end";) {
      if (link === "nowhere") return "outside";
      if (seen.has(link.to)) return "cycle";
      if (seen.size >= LONGEST) return "long";
      seen.add(link.to);
      const entry = await this.entry(link.to);
      if (entry === null) return "outside";
      yield entry;
      link = entry.next;
    }
    return "complete";
  }

  /** The entry for the page of an address; null where there is none. */
  async find(space: number, address: bigint): Promise<HashEntry | null> {
    const page = address - (address % BigInt(this.frameBytes));
    for (const chain of this.chainsOf(space, address))
      for await (const entry of this.chain(chain)) if (entry.space === space && entry.virtual === page) return entry;
    return null;
  }

  #word(view: DataView, at: number): bigint {
    return view.getBigUint64(at, this.architecture.byteOrder === "little");
  }

  async #wordAt(at: number): Promise<bigint | null> {
    const view = await this.#frameOf(at);
    const within = at % this.frameBytes;
    return view === null || within + 8 > view.byteLength ? null : this.#word(view, within);
  }

  async #frameOf(at: number): Promise<DataView | null> {
    const first = at - (at % this.frameBytes);
    const known = this.#frames.get(first);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(this.frameBytes);
    const got = await readSome(this.#memory, first, bytes);
    if (got === 0) return null;
    if (this.#frames.size >= MOST_FRAMES) this.#frames.clear();
    const view = new DataView(bytes.buffer, 0, got);
    this.#frames.set(first, view);
    return view;
  }
}

/** Bit 0 says that there is something: a physical address with it set. Entries are aligned to their size. */
const linkOf = (raw: bigint): Link => {
  if ((raw & 1n) === 0n) return "end";
  const to = Number(raw - 1n);
  return to < PHYSICAL_END && to % HASH_ENTRY_BYTES === 0 ? { to } : "nowhere";
};
