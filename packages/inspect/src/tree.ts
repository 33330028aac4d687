/** A description made ready for looking into memory: where each level's index stands, its codec, and what no level says alone. */
import {
  ALL_RIGHTS,
  LevelCodec,
  PortolanError,
  rightsFor,
  type Architecture,
  type HierarchicalTranslation,
  type Level,
  type Rights,
  type Switches,
} from "@portolan/core/architecture";
import { Addresses } from "./addresses.js";
import type { Registers } from "./memory-types.js";
import type { SoftwareSources } from "./software/sources.js";
import { marksOf } from "./marks.js";
import { switchesOf } from "./switches.js";

/** How a description is to be read. */
export interface TreeOptions {
  /** The processor's switches, where they differ from those after reset. */
  readonly switches?: Switches;
  /** Takes entries for what they would be without their reserved bits, whichever these are. */
  readonly ignoreReserved?: boolean;
  /**
   * Passes over marks that emulators are known to leave where a processor would fault, and over nothing else: bit 5 of the four
   * pointers of PAE, which QEMU sets. Walks tell of each, scans count them.
   */
  readonly passMarks?: boolean;
  /**
   * Registers that say what numbers of memory types mean, as far as they are known: IA32_PAT, MAIR_EL1, PRRR and NMRR. Others count
   * for nothing, and what a register decides that is not told is not claimed.
   */
  readonly registers?: Registers;
}

/** Addresses of the tables that a processor starts from. */
export interface Roots {
  /** Physical address of the root table, in bytes; of the user's range only, where the kernel's has a root of its own. */
  readonly root?: number;
  /** Of the kernel's root table, on machines that have one (TTBR1). */
  readonly kernelRoot?: number;
  /** What else is looked into, on machines whose software fills the TLB: in place of the roots above. */
  readonly software?: SoftwareSources;
}

/** A root table and the part of the addresses that it translates. Pages are counted within the translated width, from 0. */
export interface RootSpan {
  readonly register: string;
  readonly base: number;
  readonly firstPage: number;
  readonly firstIndex: number;
  readonly entries: number;
}

/** One level of a tree, counted out. */
export interface TreeLevel {
  readonly level: Level;
  readonly codec: LevelCodec;
  readonly entries: number;
  readonly entryBytes: 4 | 8;
  readonly tableBytes: number;
  readonly pagesPerEntry: number;
  /** Bit of the address where the index begins. */
  readonly shift: number;
  /** Reserved bits that are passed over in entries that lead on, of their lower half. */
  readonly marks: number;
}

/** What becomes of rights in a domain: withheld, as they are, or given to everybody. */
export const CLOSED = 0;
export const CHECKED = 1;
export const OPEN = 2;
const STANDINGS = ["closed", "checked", "open"] as const;

/** A machine's tree under one setting of its switches. */
export class Tree extends Addresses {
  readonly translation: HierarchicalTranslation;
  readonly switches: Switches;
  readonly levels: readonly TreeLevel[];
  /** Of rights that every level lets through, those that remain: by rights. */
  readonly combined: Uint8Array;
  /** By domain; a domain of −1, where none is named, is checked. */
  readonly standings: Uint8Array;
  /** Pages that the address alone gives to the user; Infinity where entries tell. */
  readonly #userPages: readonly [first: number, last: number] | null;
  readonly faultsOnReserved: boolean;

  /**
   * @param switches that differ from those after reset
   * @param ignoreReserved take entries for what they would be without their reserved bits
   * @param passMarks pass over the marks of emulators
   * @throws PortolanError ERR_NO_TREE for a machine whose translations lie in no tree, ERR_BAD_ARGUMENT for an unknown switch
   */
  constructor(architecture: Architecture, switches: Switches = {}, ignoreReserved = false, passMarks = false) {
    const { translation, pageShift, layout } = architecture;
    super(architecture);
    if (translation.kind !== "hierarchical") throw new PortolanError("ERR_NO_TREE", { machine: architecture.name });
    this.translation = translation;
    this.switches = switchesOf(architecture, switches);
    this.faultsOnReserved = translation.faultsOnReserved && !ignoreReserved;
    let shift = pageShift + translation.levels.reduce((sum, { indexBits }) => sum + indexBits, 0);
    this.levels = translation.levels.map((level) => {
      shift -= level.indexBits;
      const codec = new LevelCodec(level, this.switches);
      const entries = 2 ** level.indexBits;
      const { entryBytes } = codec;
      return {
        level,
        codec,
        entries,
        entryBytes,
        tableBytes: entries * entryBytes,
        pagesPerEntry: 2 ** (shift - pageShift),
        shift,
        marks: passMarks ? marksOf(level) : 0,
      };
    });
    this.combined = Uint8Array.from({ length: ALL_RIGHTS + 1 }, (_, rights) =>
      translation.combined === undefined ? rights : rights & translation.combined.tell(rights, this.switches),
    );
    this.standings = Uint8Array.from({ length: translation.domains?.count ?? 0 }, (_, domain) =>
      STANDINGS.indexOf(translation.domains?.tell(domain, this.switches) ?? "checked"),
    );
    this.#userPages = layout.privilegeByAddress === true ? [this.pageOf(layout.user.first), this.pageOf(layout.user.last)] : null;
  }

  /** Rights that every level lets through, less what the machine's combined rule, domain and address take. */
  settled(rights: Rights, domain: number, page: number): Rights {
    let remaining = this.combined[rights];
    // Where no entry names one it is domain 0, as of ARM's supersections.
    const standing = this.standings.length === 0 ? CHECKED : (this.standings[Math.max(domain, 0)] ?? CHECKED);
    if (standing !== CHECKED) remaining = standing === OPEN ? ALL_RIGHTS : 0;
    if (this.#userPages !== null && (page < this.#userPages[0] || page > this.#userPages[1])) remaining &= rightsFor(7, 0);
    return remaining;
  }

  /**
   * The root tables and what each translates, the lower part first.
   *
   * @throws PortolanError ERR_BAD_ARGUMENT for no root, a kernel's root that the machine has not, or an address that no table can have
   */
  spansOf({ root, kernelRoot }: Roots): readonly RootSpan[] {
    const { kernelRootRegister, rootRegister } = this.translation;
    if (root === undefined && kernelRoot === undefined)
      throw new PortolanError("ERR_BAD_ARGUMENT", { root: "none", rule: "one root at least" });
    if (kernelRoot !== undefined && kernelRootRegister === undefined)
      throw new PortolanError("ERR_BAD_ARGUMENT", { kernelRoot, machine: this.architecture.name, rule: "one root translates all" });
    return this.rootShapes().flatMap((shape) => {
      const base = shape.register === rootRegister ? root : kernelRoot;
      if (base === undefined) return [];
      if (!Number.isSafeInteger(base) || base < 0 || base % this.levels[0].entryBytes !== 0)
        throw new PortolanError("ERR_BAD_ARGUMENT", { [shape.register]: base, rule: "the physical address of a table" });
      return [{ ...shape, base }];
    });
  }

  /** The root tables that the machine has, wherever they lie. */
  rootShapes(): readonly Omit<RootSpan, "base">[] {
    const { kernelRootRegister, rootRegister } = this.translation;
    const [{ entries, pagesPerEntry }] = this.levels;
    if (kernelRootRegister === undefined) return [{ register: rootRegister, firstPage: 0, firstIndex: 0, entries }];
    // Each half of a sign-extended machine has a whole table; elsewhere the two share the entries of one.
    const isHalves = entries * pagesPerEntry < this.limit;
    const split = isHalves ? this.limit / 2 : this.pageOf(this.architecture.layout.kernel.first);
    const below = isHalves ? entries : split / pagesPerEntry;
    const from = isHalves ? 0 : below;
    return [
      { register: rootRegister, firstPage: 0, firstIndex: 0, entries: below },
      { register: kernelRootRegister, firstPage: split, firstIndex: from, entries: entries - from },
    ];
  }
}

/** The tree that was asked for last, by description: its codecs take a while to make. */
const lastTrees = new WeakMap<Architecture, { readonly setting: string; readonly tree: Tree }>();

/** A tree holds nothing of an image, so those of one description share it. @throws PortolanError as the constructor of {@link Tree} */
export const treeOf = (
  architecture: Architecture,
  { switches = {}, ignoreReserved = false, passMarks = false }: TreeOptions = {},
): Tree => {
  const setting = [
    String(ignoreReserved),
    String(passMarks),
    ...Object.entries(switches).map(([name, value]) => `${name} ${String(value)}`),
  ].join();
  const last = lastTrees.get(architecture);
  if (last?.setting === setting) return last.tree;
  const tree = new Tree(architecture, switches, ignoreReserved, passMarks);
  lastTrees.set(architecture, { setting, tree });
  return tree;
};
