/**
 * Plausible root tables in memory, without any hint: every place where a root could lie is looked at, what passes is followed
 * down, and the rest is ranked with reasons.
 */
import { ABSENT_ENTRY, LEAF_ENTRY, TABLE_ENTRY, type Architecture, type FormatCodec } from "@portolan/core/architecture";
import { hexadecimal } from "./in-words.js";
import { holds, readSome, type Memory } from "./memory.js";
import { findDirectories } from "./software/find-directories.js";
import { treeOf, type RootSpan, type Tree, type TreeOptions } from "./tree.js";
import { TableWords } from "./words.js";

/** A place that may be a root. */
export interface RootCandidate {
  /** Physical address, in bytes. */
  readonly root: number;
  /** The register that would hold it: roots of the two halves look different. */
  readonly register: string;
  /** 0 to 100; the order of the list. */
  readonly score: number;
  /** In words, what speaks for it and what against. */
  readonly reasons: readonly string[];
  /** Entries that lead on, or map pages. */
  readonly entries: number;
  /** Candidates that have the same kernel half, itself included; 1 where it stands alone. */
  readonly sharing: number;
}

/** How to look. */
export interface FindRootsOptions extends TreeOptions {
  /** Candidates to answer with; 20 where absent. */
  readonly limit?: number;
  /** Candidates that are kept and followed down; 4096 where absent. */
  readonly most?: number;
}

/** What was found. */
export interface FoundRoots {
  readonly candidates: readonly RootCandidate[];
  /** Places that were looked at. */
  readonly places: number;
  /** More places passed the first look than are followed down: the list may lack some. */
  readonly isCut: boolean;
}

interface Suspect {
  readonly root: number;
  readonly shape: Omit<RootSpan, "base">;
  readonly entries: number;
  /** Of the entries of the kernel's half, 0 where that is empty. */
  readonly kernelHash: number;
  readonly hasSelf: boolean;
  /** One reserved bit is set, the same wherever one is. */
  readonly isMarked: boolean;
}

const CHUNK = 2 ** 20;
const SAMPLED_ENTRIES = 48;
const SAMPLED_BELOW = 6;
const MOST_READS = 600;
/** Entries of a small root. */
const FEW = 16;

/**
 * Looks at all of memory. Time grows with its size and with `most`, never with what the tables lead to.
 *
 * @throws PortolanError ERR_NO_TREE, ERR_BAD_ARGUMENT
 */
export const findRoots = async (memory: Memory, architecture: Architecture, options: FindRootsOptions = {}): Promise<FoundRoots> => {
  if (architecture.translation.kind === "hashed") return findDirectories(memory, architecture, options);
  const tree = treeOf(architecture, options);
  const { limit = 20, most = 4096 } = options;
  const [top] = tree.levels;
  const suspects: Suspect[] = [];
  let places = 0;
  let isCut = false;
  for (const shape of tree.rootShapes()) {
    const bytes = shape.entries * top.entryBytes;
    const before = shape.firstIndex * top.entryBytes;
    const step = Math.max(bytes, 32);
    for (const region of memory.regions) {
      const buffer = new Uint8Array(Math.max(CHUNK, bytes));
      let at = Math.ceil(region.first / step) * step;
      const end = region.first + region.bytes;
      while (at + bytes <= end) {
        const got = await readSome(memory, at, buffer.subarray(0, Math.min(buffer.length, end - at)));
        const whole = Math.floor(got / step) * step;
        const view = new DataView(buffer.buffer, 0, got);
        for (let offset = 0; offset + bytes <= whole; offset += step) {
          places += 1;
          const root = at + offset - before;
          if (root < 0) continue;
          const suspect = firstLook(tree, memory, view, offset, root, shape);
          if (suspect === null) continue;
          if (suspects.length >= most) isCut = true;
          else suspects.push(suspect);
        }
        at += Math.max(whole, step);
      }
    }
  }
  const halves = new Map<number, number>();
  for (const { kernelHash } of suspects) if (kernelHash !== 0) halves.set(kernelHash, (halves.get(kernelHash) ?? 0) + 1);
  const words = tree.levels.map((level) => new TableWords(level, architecture.byteOrder));
  const candidates: RootCandidate[] = [];
  for (const suspect of suspects) candidates.push(await judge(tree, memory, words, suspect, halves.get(suspect.kernelHash) ?? 1));
  const ranked = candidates.filter(({ score }) => score > 0).sort((one, other) => other.score - one.score || one.root - other.root);
  return { candidates: ranked.slice(0, limit), places, isCut };
};

/** Could this be a root at all? Only entries that are absent, or lead to or map what can be; at least one of the latter. */
const firstLook = (
  tree: Tree,
  memory: Memory,
  view: DataView,
  offset: number,
  root: number,
  shape: Omit<RootSpan, "base">,
): Suspect | null => {
  const [{ codec, entryBytes, pagesPerEntry }] = tree.levels;
  const isLittle = tree.architecture.byteOrder === "little";
  const kernelFirst = shape.firstPage > 0 ? 0 : (tree.pageOf(tree.architecture.layout.kernel.first) - shape.firstPage) / pagesPerEntry;
  let entries = 0;
  let kernelHash = 0;
  let hasSelf = false;
  let mark = 0;
  const targets: number[] = [];
  for (let index = 0; index < shape.entries; index += 1) {
    const at = offset + index * entryBytes;
    const one = view.getUint32(at, isLittle);
    const two = entryBytes === 8 ? view.getUint32(at + 4, isLittle) : 0;
    const lo = entryBytes === 8 && !isLittle ? two : one;
    const hi = entryBytes === 8 && !isLittle ? one : two;
    if ((lo | hi) === 0) continue;
    const kind = codec.kindOf(lo, hi);
    if (kind === ABSENT_ENTRY) {
      // Words of a system's own are rare in a root.
      return null;
    }
    const format = formatOf(codec, kind, lo, hi);
    if (format === null) return null;
    // An emulator may have left one mark; in data more bits are set.
    const set = lo & format.reservedLow;
    if ((hi & format.reservedHigh) !== 0 || (set & (set - 1)) !== 0 || (set !== 0 && mark !== 0 && set !== mark)) return null;
    if (set !== 0) mark = set;
    const target = format.addressOf(lo, hi);
    if (kind === TABLE_ENTRY && !holds(memory, target)) return null;
    // Four words of data pass more easily than a page of them: pointers of a small root lead to tables of their own.
    if (shape.entries <= FEW && (target === 0 || targets.includes(target))) return null;
    if (shape.entries <= FEW) targets.push(target);
    if (target === root) hasSelf = true;
    entries += 1;
    if (index >= kernelFirst && target !== root)
      kernelHash = (Math.imul(kernelHash ^ lo, 0x9e3779b1) ^ Math.imul(hi + index, 0x85ebca6b)) >>> 0;
  }
  const isMarked = mark !== 0;
  return entries === 0 || (isMarked && entries < 2) ? null : { root, shape, entries, kernelHash, hasSelf, isMarked };
};

const formatOf = (codec: Tree["levels"][number]["codec"], kind: number, lo: number, hi: number): FormatCodec | null =>
  kind === TABLE_ENTRY ? codec.table : kind === LEAF_ENTRY ? codec.leafOf(lo, hi) : null;

/** What a sample of the ways down came to. */
interface Sample {
  leaves: number;
  leavesInMemory: number;
  usersLeaves: number;
  empty: number;
  bad: number;
  reads: number;
}

const judge = async (
  tree: Tree,
  memory: Memory,
  words: readonly TableWords[],
  suspect: Suspect,
  sharing: number,
): Promise<RootCandidate> => {
  const { root, shape, entries, hasSelf } = suspect;
  const sample: Sample = { leaves: 0, leavesInMemory: 0, usersLeaves: 0, empty: 0, bad: 0, reads: 0 };
  await follow(tree, memory, words, sample, 0, root, shape.firstIndex, shape.entries, SAMPLED_ENTRIES, root);
  const reasons: string[] = [`${entries} of ${shape.entries} entries in use, all of them well-formed`];
  const seen = sample.leaves + sample.bad;
  // Few sound ways in a sample are chance; what they are worth grows with their number.
  const sound = seen === 0 ? 0 : (sample.leaves / seen) ** 3 * Math.min(1, sample.leaves / 8 + 0.25);
  const inMemory = sample.leaves === 0 ? 0 : sample.leavesInMemory / sample.leaves;
  let score = 60 * sound + 15 * sound * inMemory;
  reasons.push(`${sample.leaves} of ${seen} sampled ways end in a page, ${sample.leavesInMemory} of these in memory`);
  if (sample.bad > 0) reasons.push(`${sample.bad} ways end in words that are no entries`);
  if (sample.empty > 0) {
    reasons.push(`${sample.empty} tables are empty`);
    score *= sample.leaves === 0 ? 0 : Math.max(0.5, 1 - sample.empty / (sample.leaves + sample.empty));
  }
  if (sharing > 1) {
    reasons.push(`shares its kernel half with ${sharing - 1} other${sharing === 2 ? "" : "s"}`);
    score += 15 * sound;
  }
  if (hasSelf) {
    reasons.push("maps itself");
    score += 5 * sound;
  }
  if (suspect.kernelHash !== 0 && sound > 0) {
    reasons.push("has entries in the kernel's half");
    score += 5;
  }
  if (suspect.isMarked) {
    reasons.push("one reserved bit is set, the same wherever one is: an emulator's mark, or no root");
    score *= 0.8;
  }
  if (tree.translation.kernelRootRegister !== undefined && sample.leaves > 0) {
    const users = sample.usersLeaves / sample.leaves;
    const isKernels = shape.register === tree.translation.kernelRootRegister;
    reasons.push(`${sample.usersLeaves} of the pages are the user's`);
    score *= isKernels ? 1 - users / 2 : 0.5 + users / 2;
  }
  return { root, register: shape.register, score: Math.round(Math.min(100, score)), reasons, entries, sharing };
};

const follow = async (
  tree: Tree,
  memory: Memory,
  words: readonly TableWords[],
  sample: Sample,
  depth: number,
  base: number,
  from: number,
  count: number,
  budget: number,
  root: number,
): Promise<void> => {
  if (sample.reads >= MOST_READS) return;
  sample.reads += 1;
  const { codec } = tree.levels[depth];
  const table = words[depth];
  await table.read(memory, base, from, count);
  if (table.count < from + count) {
    sample.bad += 1;
    return;
  }
  const used: number[] = [];
  for (let index = from; index < from + count; index += 1) {
    if ((table.low[index] | table.high[index]) === 0) continue;
    const kind = codec.kindOf(table.low[index], table.high[index]);
    if (kind !== ABSENT_ENTRY) used.push(index);
  }
  if (used.length === 0) {
    sample.empty += 1;
    return;
  }
  const stride = Math.max(1, Math.ceil(used.length / budget));
  for (let at = 0; at < used.length; at += stride) {
    const lo = table.low[used[at]];
    const hi = table.high[used[at]];
    const kind = codec.kindOf(lo, hi);
    const format = formatOf(codec, kind, lo, hi);
    if (format === null || (depth > 0 && format.hasReserved(lo, hi))) {
      sample.bad += 1;
      continue;
    }
    const target = format.addressOf(lo, hi);
    if (kind === LEAF_ENTRY) {
      sample.leaves += 1;
      if (holds(memory, target)) sample.leavesInMemory += 1;
      if (format.rightsOf(lo, hi) >>> 3 !== 0) sample.usersLeaves += 1;
    } else if (target !== root && depth + 1 < tree.levels.length) {
      await follow(tree, memory, words, sample, depth + 1, target, 0, tree.levels[depth + 1].entries, SAMPLED_BELOW, root);
      // The way back up: tables of this level were not read over, deeper ones were.
    }
  }
};

/** A candidate in one line. Where a register holds more than the address, or there is none, the address has no register's name. */
export const candidateInWords = ({ root, register, score, reasons }: RootCandidate): string =>
  `${/^\w+$/.test(register) && register !== "satp" ? register : "root"} ${hexadecimal(root)}: ${score}; ${reasons.join("; ")}`;
