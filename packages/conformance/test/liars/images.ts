/** Readers of memory images that lie, and cores whose memory does not bear them out, once each. */
import { KERNEL, PAGE_ACCESSED, PAGE_DIRTY, USER, type AddressSpace, type Machine } from "@portolan/core";
import { openImage, writeElf, writeLime, type MemoryImage, type RegionContents } from "@portolan/image";
import {
  checkTables,
  diffMappings,
  explainAccess,
  findRoots,
  listMappings,
  readVirtual,
  walkAddress,
  type ImageWalk,
  type Mapping,
} from "@portolan/inspect";
import type { Reader } from "@portolan/conformance";
import { honest, instead, memory, spaces, type Liar, type Name } from "./liar.js";

/** A reader one function of which lies. */
const reader = (name: Name, lie: string, from: string, caughtBy: string, lying: Partial<Reader>): Liar => ({
  lie: `${name}: ${lie}`,
  from,
  caughtBy,
  subject: { ...honest[name], reader: lying },
});

/** A reader that tells other things of walks than are there. */
const walking = (name: Name, lie: string, from: string, caughtBy: string, change: (walk: ImageWalk) => ImageWalk): Liar =>
  reader(name, lie, from, caughtBy, {
    walk: async (image, architecture, roots, address, options) => change(await walkAddress(image, architecture, roots, address, options)),
  });

/** A reader whose lists are others; one mapping becomes none or several. */
const listing = (
  name: Name,
  lie: string,
  from: string,
  caughtBy: string,
  change: (mappings: readonly Mapping[]) => readonly Mapping[],
): Liar =>
  reader(name, lie, from, caughtBy, {
    async *list(image, architecture, roots, options) {
      const mappings: Mapping[] = [];
      const stream = listMappings(image, architecture, roots, options);
      for (;;) {
        const step = await stream.next();
        if (step.done === true) {
          yield* change(mappings);
          return step.value;
        }
        mappings.push(step.value);
      }
    },
  });

/** Every image that is opened, corrupted. */
const opening = (lie: string, from: string, caughtBy: string, change: (image: MemoryImage) => Partial<MemoryImage>): Liar =>
  reader("ia32", lie, from, caughtBy, {
    open: async (source, options) => {
      const image = await openImage(source, options);
      const { format, regions, processors, remarks } = image;
      const read = async (physical: number, target: Uint8Array): Promise<number> => image.read(physical, target);
      return { ...image, format, regions, processors, remarks, read, ...change(image) };
    },
  });

const hex = (word: bigint, bytes: number): string => word.toString(16).padStart(bytes * 2, "0");
/** The bytes of a word the other way round. */
const turned = (word: bigint, bytes: number): bigint => BigInt(`0x${(hex(word, bytes).match(/../g) ?? []).reverse().join("")}`);

/** Words of 32 bits, each with its bytes the other way round. */
const withTurnedWords = (region: RegionContents): RegionContents => ({
  ...region,
  async *contents() {
    for await (const piece of region.contents()) {
      const copy = piece.slice();
      for (let at = 0; at + 4 <= copy.length; at += 4) copy.subarray(at, at + 4).reverse();
      yield copy;
    }
  },
});

/** Mappings of a space by page, before something is done to it. */
const mappingsOf = ({ parts: { tables, units } }: Machine, { context }: AddressSpace): Map<number, { frame: number; flags: number }> => {
  const found = new Map<number, { frame: number; flags: number }>();
  tables.each(context, 0, units.pageLimit, (page, { frame, flags }) => {
    found.set(page, { frame, flags });
    return true;
  });
  return found;
};

const readers: readonly Liar[] = [
  reader("ia32", "what the user may is told of the kernel", "pwndbg#685; a check of the wrong bit", "L6.walk.as-the-live-machine", {
    walk: async (image, architecture, roots, address, options) =>
      walkAddress(image, architecture, roots, address, { ...options, privilege: KERNEL }),
  }),
  walking("abs32le", "rights are those of the last entry alone", "v86#648", "L6.walk.as-the-live-machine", (walk) => ({
    ...walk,
    userRights: 7,
  })),
  reader("abs32le", "reserved bits are passed over", "riscv-arch-test#2249, sail-riscv#1595", "L6.walk.random-tables", {
    walk: async (image, architecture, roots, address, options) =>
      walkAddress(image, architecture, roots, address, { ...options, ignoreReserved: true }),
  }),
  walking("abs32le", "words are shown in the order of a little-endian host's dump", "pwndbg#1457", "L6.walk.shows-the-words", (walk) => ({
    ...walk,
    steps: walk.steps.map((step) => ({ ...step, raw: turned(step.raw, step.bytes) })),
  })),
  walking("ia32", "a large page is where its first small one is", "gem5#1235, volatility3#518", "L6.walk.large-pages", (walk) =>
    walk.physical === null || walk.steps.length !== 1
      ? walk
      : { ...walk, physical: (walk.physical & ~0x3f_ffffn) | (walk.address & 0xfffn) },
  ),
  reader("ia32", "switches are always as they are after reset", "gdb-pt-dump#40", "L6.walk.switches-decide", {
    walk: async (image, architecture, roots, address, options) =>
      walkAddress(image, architecture, roots, address, { ...options, switches: {} }),
  }),
  reader(
    "ia32",
    "what a system keeps in entries that are not present is guessed, and listed",
    "volatility3#134",
    "L6.walk.not-present-is-nothing",
    {
      list: (image, architecture, roots, options) => listMappings(image, architecture, roots, { ...options, os: "linux-x86-32" }),
    },
  ),
  listing("ia32", "the last page of a space is left out", "a range whose end is exclusive", "L6.list.used-space-exactly", (mappings) =>
    mappings.slice(0, -1),
  ),
  listing(
    "abs32le",
    "neighbours are joined whatever may be done with them",
    "gdb-pt-dump: merged ranges",
    "L6.list.merged-is-the-same",
    (mappings) => mappings.map((mapping, i) => ({ ...mapping, rights: mappings[i - 1]?.rights ?? mapping.rights })),
  ),
  listing("abs32le", "what was accessed counts as written", "accessed and dirty mixed up", "L6.list.marks-as-recorded", (mappings) =>
    mappings.map((mapping) => ({ ...mapping, flags: (mapping.flags & PAGE_ACCESSED) === 0 ? mapping.flags : mapping.flags | PAGE_DIRTY })),
  ),
  reader("ia32", "pages that went are not missed", "a comparison of one side", "L6.diff.every-change", {
    async *diff(before, after, architecture, options) {
      const stream = diffMappings(before, after, architecture, options);
      for (;;) {
        const step = await stream.next();
        if (step.done === true) return step.value;
        if (step.value.kind !== "vanished") yield step.value;
      }
    },
  }),
  reader("abs32le", "what is not mapped is read as zeroes", "libvmi#956: reads that succeed where nothing is", "L6.read.bytes-as-written", {
    bytes: async (image, architecture, roots, address, length, options) => {
      const read = await readVirtual(image, architecture, roots, address, length, options);
      const bytes = new Uint8Array(length);
      bytes.set(read.bytes);
      return { bytes, stop: null };
    },
  }),
  reader(
    "abs32le",
    "bytes are read at one address, as far as the page behind it goes",
    "a page that is not followed by its neighbour",
    "L6.read.bytes-as-written",
    {
      bytes: async (image, architecture, roots, address, length, options) => {
        const { physical } = await walkAddress(image, architecture, roots, address, options);
        const bytes = new Uint8Array(physical === null ? 0 : length);
        await image.read(Number(physical ?? 0n), bytes);
        return { bytes, stop: null };
      },
    },
  ),
  reader("abs32le", "nothing is ever suspicious", "a check that is not wired in", "L6.check.sound-and-broken", {
    check: async (image, architecture, roots, options) => ({
      ...(await checkTables(image, architecture, roots, options)),
      findings: [],
      counts: {},
    }),
  }),
  reader("sparc64", "a page hash table is of one space", "a key of which only the page is compared", "L6.list.used-space-exactly", {
    list: (image, architecture, { software }, options) =>
      listMappings(image, architecture, software === undefined ? {} : { software: { ...software, space: null, isOne: false } }, options),
  }),
  reader("sparc64", "what a TLB holds is passed over", "tables taken for all there is", "L6.state.tlb-before-tables", {
    walk: async (image, architecture, { software, ...roots }, address, options) =>
      walkAddress(image, architecture, software === undefined ? roots : { software: { ...software, from: "hash" } }, address, options),
  }),
  opening("of several processors the first is all", "notes of one processor", "L6.state.carried-whole", ({ states }) => ({
    states: states.slice(0, 1),
  })),
  opening("what is no memory is read as zeroes", "MemProcFS#263", "L6.image.every-byte", (image) => ({
    read: async (physical, target) => {
      target.fill(0);
      await image.read(physical, target);
      return target.length;
    },
  })),
  reader("abs32le", "an ELF core lacks the last stretch of memory", "drgn#396: cores that are cut", "L6.image.every-byte", {
    writeElf: (regions, options) => writeElf([...regions].slice(0, -1), options),
  }),
  reader(
    "ia32",
    "LiME has the bytes of each word the other way round",
    "a probe of the other byte order",
    "L6.image.formats-tell-the-same",
    {
      writeLime: (regions) => writeLime([...regions].map(withTurnedWords)),
    },
  ),
  reader("ia32", "no two ELF cores are alike", "dumps with the time of day in them", "L6.image.written-again-is-the-same", {
    async *writeElf(regions, options) {
      let isFirst = true;
      for await (const piece of writeElf(regions, options)) {
        if (isFirst) piece[9] = writes++ & 0xff;
        isFirst = false;
        yield piece;
      }
    },
  }),
  reader("ia32", "one root is enough", "MemProcFS#238", "L6.roots.found-among-noise", {
    roots: async (image, architecture, options) => {
      const found = await findRoots(image, architecture, options);
      return { ...found, candidates: found.candidates.slice(0, 1) };
    },
  }),
  reader(
    "abs32le",
    "roots are told from the lowest address up, noise and all",
    "a search without a judgement",
    "L6.roots.found-among-noise",
    {
      roots: async (image, architecture, options) => {
        const found = await findRoots(image, architecture, options);
        const { bytes, first } = image.regions[0] ?? { bytes: 0, first: 0 };
        const places = Array.from({ length: Math.min(20, bytes / 4096) }, (_, i) => first + i * 4096 + 2048);
        const [candidate] = found.candidates;
        return { ...found, candidates: candidate === undefined ? [] : places.map((root) => ({ ...candidate, root })) };
      },
    },
  ),
  reader("ia32", "U/S is to blame for every fault", "a message that names the usual suspect", "L6.explain.culprit-lets-it-through", {
    explain: async (image, architecture, roots, address, options) => {
      const told = await explainAccess(image, architecture, roots, address, options);
      const blamed = told.refusals.map((refusal) => {
        const step = told.walk.steps.find(({ depth }) => depth === refusal.depth);
        const is = Number(step?.fields.find(({ name }) => name === "U/S")?.value ?? 0n);
        return { ...refusal, culprits: [{ kind: "field", name: "U/S", is, wouldBe: 1 - is } as const] };
      });
      return { ...told, refusals: blamed };
    },
  }),
];
let writes = 0;

const cores: readonly Liar[] = [
  memory(
    "ia32",
    "whoever reads memory marks what it reads as accessed",
    "a probe that goes through the processor",
    "L6.walk.leaves-no-mark",
    ({ parts }) =>
      instead(parts.memory, "readBytes", (usual) => (address, target) => {
        usual(address, target);
        if (target.length === 4 && (parts.memory.read32(address) & 1) === 1)
          parts.memory.write32(address, parts.memory.read32(address) | 0x20);
      }),
  ),
  memory(
    "abs32le",
    "the way to a table that is free stays open",
    "HD-47; a table walked after it was freed",
    "L6.withdrawn.leaves-nothing",
    ({ parts }) => {
      let zeroes = -1;
      instead(parts.tables, "remove", (usual) => (context, page, debt) => {
        zeroes = 0;
        const isRemoved = usual(context, page, debt);
        zeroes = -1;
        return isRemoved;
      });
      instead(parts.memory, "write32", (usual) => (address, word) => {
        if (zeroes >= 0 && word === 0) zeroes += 1;
        if (zeroes < 2) usual(address, word);
      });
    },
  ),
  memory("ia32", "a space that has ended keeps its tables", "HD-41", "L6.space.end-leaves-no-way", ({ parts }) =>
    instead(parts.tables, "destroy", () => () => {}),
  ),
  memory("abs32le", "a fork leaves the parent's entries as they are", "CZ-32", "L6.fork.shared-frames-read-only", ({ parts }) =>
    instead(parts.tables, "writeProtect", () => () => {}),
  ),
  memory("ia32", "a page that has left memory keeps its entry", "CZ-58; volatility3#134", "L6.swap.gone-is-not-present", (machine) => {
    const { tables, reclaimer } = machine.parts;
    const all: AddressSpace[] = [];
    spaces(machine, (space) => void all.push(space));
    instead(reclaimer, "reclaim", (usual) => (frames) => {
      const before = all.filter(({ isDestroyed }) => !isDestroyed).map((space) => [space, mappingsOf(machine, space)] as const);
      const result = usual(frames);
      for (const [space, pages] of before)
        for (const [page, { frame, flags }] of pages)
          if (!tables.find(space.context, page)) tables.insert(space.context, page, frame, flags);
      return result;
    });
  }),
  memory(
    "abs32le",
    "frames are counted as free before their entries are gone",
    "HD-16; litebox#671",
    "L6.processors.between-operations",
    ({ parts }) => {
      const early = new Set<number>();
      instead(parts.withdrawals, "begin", (usual) => (context, first, count) => {
        for (let page = first; page < first + Math.min(count, 64); page += 1)
          if (parts.tables.find(context, page)) early.add(parts.tables.found.frame);
        const debt = usual(context, first, count);
        early.clear();
        return debt;
      });
      instead(parts.frames, "references", (usual) => (frame) => (early.has(frame) ? 0 : usual(frame)));
    },
  ),
  {
    ...reader(
      "sparc64",
      "where no tree is every page is absent",
      "drgn support matrix: guesses instead of refusals",
      "L6.walk.shows-the-words",
      {
        walk: async (image, _architecture, _roots, address, options) =>
          walkAddress(image, honest.abs32le.architecture, { root: 0 }, BigInt.asUintN(31, address), {
            access: 1,
            privilege: USER,
            ...options,
            switches: {},
          }),
      },
    ),
  },
];

export const lyingImages: readonly Liar[] = [...readers, ...cores];
