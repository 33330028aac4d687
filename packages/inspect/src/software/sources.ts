/** Where translations of a machine lie whose software fills the TLB: which of these places an image and its state have. */
import {
  ABSENT,
  PortolanError,
  PROTECTION,
  type Architecture,
  type SoftwareTlb,
  type SpaceRow,
  type StorageBuffer,
  type TlbRow,
  type TranslationState,
} from "@portolan/core/architecture";
import { hexadecimal } from "../in-words.js";

/** A place where translations lie. Trees of all machines are one. */
export type SourceName = "tlb" | "tsb" | "hash" | "tree";

/** In the order in which a machine looks. */
export const SOURCES: readonly SourceName[] = ["tlb", "tsb", "hash", "tree"];

/** A buffer of the port's, and the value of its register. */
export interface PlacedBuffer {
  readonly buffer: StorageBuffer;
  readonly value: bigint;
}

/** What there is to look into. */
export interface SoftwareSources {
  /** What the port tells of its TLB. */
  readonly view: SoftwareTlb;
  /** Null where nobody has told what the TLB holds. */
  readonly tlb: readonly TlbRow[] | null;
  /** Buffers of the space that is meant. */
  readonly buffers: readonly PlacedBuffer[];
  /** The page hash table: physical address of its directory, and the number of its chains, where that is known. */
  readonly hash: { readonly directory: number; readonly chains: number | null } | null;
  /** Software's own tree for the space that is meant: the physical address of its root. */
  readonly tree: number | null;
  /** The user's tag, and the number that tables which are everybody's know that space by. Null: unknown. */
  readonly asid: number | null;
  readonly space: number | null;
  /** The same number of the kernel's space. */
  readonly kernelSpace: number;
  /** Lists are of this space alone, and of what is global. */
  readonly isOne: boolean;
  readonly spaces: readonly SpaceRow[];
  /** One place is looked into, and no other. */
  readonly from: SourceName | null;
  /** Of TLBs and buffers those for data alone are listed, or those for fetches. */
  readonly unit: TlbRow["unit"] | null;
}

/** What is asked for, where the state does not tell, or not what is wanted. */
export interface SourcesAsked {
  /** The tag of an address space: the current one where absent. */
  readonly asid?: number;
  /** The number by which the page hash table knows it, where the state has no list of spaces. */
  readonly space?: number;
  /** Physical address: of the hash table's directory, or of software's tree. */
  readonly root?: number;
  /** Values of the registers that say where buffers lie. */
  readonly buffers?: Readonly<Record<string, bigint>>;
  readonly from?: SourceName;
}

/**
 * What a machine's description and a processor's state give to look into.
 *
 * @throws PortolanError ERR_BAD_ARGUMENT for a tag, a register or a directory that cannot be; ERR_NO_SOURCE where a place is asked for
 *   that the machine or the image has not, or where there is none at all
 */
export const sourcesOf = (architecture: Architecture, state: TranslationState | null, asked: SourcesAsked = {}): SoftwareSources => {
  const view = architecture.tlb.software ?? unknownTlb(architecture);
  const { registers = {}, spaces = [], tlb = null } = state ?? {};
  const current = view.asidOf(registers);
  const asid = asked.asid ?? (current === undefined ? null : Number(current));
  const most = 2 ** architecture.asids.bits - 1;
  if (asid !== null && !(Number.isInteger(asid) && asid >= 0 && asid <= most))
    throw new PortolanError("ERR_BAD_ARGUMENT", { [view.tagName]: asid, rule: `0 to ${most}` });
  const own = spaces.find((space) => space.asid === asid);
  const isCurrent = asid === null || current === undefined || BigInt(asid) === current;
  const isHashed = architecture.translation.kind === "hashed";
  const told = isHashed ? registers["hash"] : (own?.root ?? (isCurrent ? registers["root"] : undefined));
  const root = asked.root ?? numberOf(told);
  if (root !== undefined && !(Number.isSafeInteger(root) && root >= 0 && root % 8 === 0))
    throw new PortolanError("ERR_BAD_ARGUMENT", { root, rule: `the physical address of a ${isHashed ? "directory" : "table"}` });
  const sources: SoftwareSources = {
    view,
    tlb: architecture.tlb.data.paired && tlb !== null ? sharedByBoth(tlb) : tlb,
    buffers: buffersOf(architecture, asked.buffers ?? {}, own?.registers ?? {}, isCurrent ? registers : {}),
    hash: isHashed && root !== undefined ? { directory: root, chains: numberOf(registers["chains"]) ?? null } : null,
    tree: isHashed || root === undefined ? null : root,
    asid,
    space: asked.space ?? own?.space ?? null,
    kernelSpace: spaces.find((space) => space.asid === architecture.asids.kernel)?.space ?? 0,
    isOne: asked.asid !== undefined || asked.space !== undefined,
    spaces,
    from: asked.from ?? null,
    unit: null,
  };
  const there = placesIn(sources);
  if (asked.from !== undefined && !there.includes(asked.from))
    throw noSource(architecture, asked.from, whyNot(architecture, asked.from), there);
  if (there.length === 0)
    throw noSource(architecture, "any", "the image has no state of the processor that tells of one, and none was named", there);
  return sources;
};

/** Of a paired entry both halves say whether it is global, and it is if both say so. */
const sharedByBoth = (rows: readonly TlbRow[]): readonly TlbRow[] => {
  const own = new Set(rows.filter((row) => !row.global).map(({ index }) => index));
  return rows.map((row) => (row.global && own.has(row.index) ? { ...row, global: false } : row));
};

/** Buffers by what was asked, by what the space says, and by what the processor has. */
const buffersOf = (architecture: Architecture, ...told: readonly Readonly<Record<string, bigint>>[]): readonly PlacedBuffer[] => {
  const known = architecture.tlb.software?.buffers ?? [];
  for (const register of Object.keys(told[0] ?? {})) {
    if (known.length === 0) throw noSource(architecture, "tsb", whyNot(architecture, "tsb"), []);
    if (!known.some((buffer) => buffer.register === register))
      throw new PortolanError("ERR_BAD_ARGUMENT", { register, known: known.map((buffer) => buffer.register) });
  }
  return known.flatMap((buffer) => {
    const value = told.find((registers) => registers[buffer.register] !== undefined)?.[buffer.register];
    return value === undefined ? [] : [{ buffer, value }];
  });
};

/** The places that there are, in the order in which the machine looks. */
export const placesIn = ({ tlb, buffers, hash, tree }: SoftwareSources): readonly SourceName[] => {
  const has: Readonly<Record<SourceName, boolean>> = {
    tlb: tlb !== null,
    tsb: buffers.length > 0,
    hash: hash !== null,
    tree: tree !== null,
  };
  return SOURCES.filter((name) => has[name]);
};

/** Is this place there, and may it be looked into? */
export const looksInto = (sources: SoftwareSources, name: SourceName): boolean =>
  (sources.from === null || sources.from === name) && placesIn(sources).includes(name);

/** The place that knows most: what the others are filled from. */
export const bestOf = (sources: SoftwareSources): SourceName => sources.from ?? placesIn(sources).at(-1) ?? "tlb";

/** In words: `"TLB of 24 rows, page hash table 0x18000; context 5 is space 2"`. */
export const sourcesInWords = (sources: SoftwareSources): string => {
  const { view, tlb, buffers, hash, tree, asid, space, from } = sources;
  const places = [
    ...(tlb === null ? [] : [`TLB of ${tlb.length} rows`]),
    ...buffers.map(({ buffer, value }) => `${buffer.register} ${hexadecimal(value)}`),
    ...(hash === null ? [] : [`page hash table ${hexadecimal(hash.directory)}`]),
    ...(tree === null ? [] : [`software's tree ${hexadecimal(tree)}`]),
  ];
  const who = asid === null ? `${view.tagName} unknown` : `${view.tagName} ${asid}`;
  return `${places.join(", ")}; ${who}${space === null ? "" : ` is space ${space}`}${from === null ? "" : `; from ${from} alone`}`;
};

const numberOf = (value: bigint | undefined): number | undefined => (value === undefined ? undefined : Number(value));

const noSource = (architecture: Architecture, source: SourceName | "any", why: string, there: readonly SourceName[]): PortolanError =>
  new PortolanError("ERR_NO_SOURCE", { machine: architecture.name, source, why, ...(there.length === 0 ? {} : { there: [...there] }) });

const whyNot = ({ translation, tlb }: Architecture, name: SourceName): string => {
  const hasIt =
    name === "tlb" ||
    (name === "tsb" && (tlb.software?.buffers ?? []).length > 0) ||
    (name === "hash" && translation.kind === "hashed") ||
    (name === "tree" && translation.kind === "hierarchical");
  return hasIt ? "neither the image nor anybody else tells where it is" : "the machine has none";
};

/** What can be said of a TLB that its port says nothing of. */
const unknownTlb = ({ faults, tlb }: Architecture): SoftwareTlb => ({
  tagName: "ASID",
  asidOf: () => undefined,
  matchesInvalid: false,
  words: () => [],
  entryOf: () => ({ name: "TLB entry", bytes: 8, fields: [] }),
  miss: (access) => ({ reason: ABSENT, trap: faults.report(ABSENT, access, 0).trap, asks: "all" }),
  refusal: (_row, access, privilege) => ({ reason: PROTECTION, trap: faults.report(PROTECTION, access, privilege).trap, asks: "tables" }),
  overlap: "nobody has said what happens",
  manual: tlb.manual,
});
