/** Tables in memory that is mostly zero: what a question to the walkers needs, as plain text and as memory. */
import type { Switches } from "@portolan/core";
import type { ConventionName, Memory, Roots } from "#src/index.js";

/** Memory with the roots and switches to take it with. */
export interface HostileTables {
  readonly machine: string;
  /** Ascending, disjoint. */
  readonly regions: readonly { readonly first: number; readonly bytes: number }[];
  /** What is not zero, in words of eight bytes, little-endian, by physical address. */
  readonly words: ReadonlyMap<number, bigint>;
  readonly roots: Roots;
  readonly switches: Switches;
  readonly ignoreReserved: boolean;
  readonly os: ConventionName | null;
}

interface Line {
  readonly machine: string;
  readonly regions: readonly string[];
  readonly root?: string;
  readonly kernelRoot?: string;
  readonly switches?: Switches;
  readonly ignoreReserved?: true;
  readonly os?: ConventionName;
  readonly words: Readonly<Record<string, string>>;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** One line of JSON. */
export const lineOf = ({ machine, regions, words, roots, switches, ignoreReserved, os }: HostileTables): string => {
  const line: Line = {
    machine,
    regions: regions.map(({ first, bytes }) => `${hex(first)}+${hex(bytes)}`),
    ...(roots.root === undefined ? {} : { root: hex(roots.root) }),
    ...(roots.kernelRoot === undefined ? {} : { kernelRoot: hex(roots.kernelRoot) }),
    ...(Object.keys(switches).length === 0 ? {} : { switches }),
    ...(ignoreReserved ? { ignoreReserved } : {}),
    ...(os === null ? {} : { os }),
    words: Object.fromEntries(
      Array.from(words)
        .sort(([one], [other]) => one - other)
        .map(([at, word]) => [hex(at), hex(word)]),
    ),
  };
  return JSON.stringify(line);
};

/** What {@link lineOf} has written. */
export const tablesOf = (text: string): HostileTables => {
  const { machine, regions, root, kernelRoot, switches = {}, ignoreReserved = false, os = null, words } = JSON.parse(text) as Line;
  return {
    machine,
    regions: regions.map((region) => {
      const [first = 0, bytes = 0] = region.split("+").map(Number);
      return { first, bytes };
    }),
    words: new Map(Object.entries(words).map(([at, word]) => [Number(at), BigInt(word)])),
    roots: {
      ...(root === undefined ? {} : { root: Number(root) }),
      ...(kernelRoot === undefined ? {} : { kernelRoot: Number(kernelRoot) }),
    },
    switches,
    ignoreReserved,
    os,
  };
};

const PAGE = 4096;

/** Memory that counts what is asked of it, and refuses to be asked without end. */
export class CountingMemory implements Memory {
  readonly regions: HostileTables["regions"];
  reads = 0;
  bytesRead = 0;
  /** More reads than that are an endless loop. */
  mostReads = Infinity;
  readonly #pages = new Map<number, Uint8Array>();

  constructor({ regions, words }: Pick<HostileTables, "regions" | "words">) {
    this.regions = regions;
    for (const [at, word] of words) {
      const page = this.#page(Math.floor(at / PAGE));
      new DataView(page.buffer).setBigUint64(at % PAGE, BigInt.asUintN(64, word), true);
    }
  }

  read(physical: number, target: Uint8Array): Promise<number> {
    this.reads += 1;
    this.bytesRead += target.length;
    if (this.reads > this.mostReads) throw new Error(`more than ${this.mostReads} reads of memory`);
    let done = 0;
    for (const { first, bytes } of this.regions) {
      if (physical + done < first || physical + done >= first + bytes) continue;
      done += Math.min(target.length - done, first + bytes - physical - done);
      if (done === target.length) break;
    }
    target.fill(0, 0, done);
    for (let at = physical - (physical % PAGE); at < physical + done; at += PAGE) {
      const page = this.#pages.get(at / PAGE);
      if (page === undefined) continue;
      const from = Math.max(at, physical);
      target.set(page.subarray(from - at, Math.min(PAGE, physical + done - at)), from - physical);
    }
    return Promise.resolve(done);
  }

  /** Only the pages that have something in them, as a memory of its own. */
  written(): Memory {
    const holds = (at: number): boolean => this.regions.some(({ first, bytes }) => at >= first && at + PAGE <= first + bytes);
    const regions = [...this.#pages.keys()]
      .map((page) => page * PAGE)
      .filter(holds)
      .sort((one, other) => one - other)
      .map((first) => ({ first, bytes: PAGE }));
    return { regions, read: (physical, target) => this.read(physical, target) };
  }

  #page(number: number): Uint8Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = new Uint8Array(PAGE);
    this.#pages.set(number, page);
    return page;
  }
}
