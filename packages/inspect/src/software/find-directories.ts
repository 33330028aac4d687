/**
 * Plausible directories of a page hash table, without any hint: a frame that begins with addresses of frames and goes on with zeros, whose
 * heads lead to entries that belong where they are. An entry in the right chain is no chance: the chain is a hash of what stands in it.
 */
import type { Architecture } from "@portolan/core/architecture";
import type { FindRootsOptions, FoundRoots, RootCandidate } from "../find-roots.js";
import { holds, readSome, type Memory } from "../memory.js";
import { PageHashReader } from "./page-hash.js";

/** Chains of a suspect that are followed, and entries of each. */
const SAMPLED_CHAINS = 4096;
const SAMPLED_ENTRIES = 64;
const MOST_ENTRIES = 512;
/** Places of which the directories of frames are read. */
const MOST_SUSPECTS = 4096;

/** Looks at the beginning of every frame of memory, and follows what could be a directory. */
export const findDirectories = async (memory: Memory, architecture: Architecture, options: FindRootsOptions): Promise<FoundRoots> => {
  const { limit = 20, most = MOST_SUSPECTS } = options;
  const frameBytes = 2 ** architecture.pageShift;
  const isLittle = architecture.byteOrder === "little";
  const candidates: RootCandidate[] = [];
  const buffer = new Uint8Array(frameBytes);
  const view = new DataView(buffer.buffer);
  let places = 0;
  let suspects = 0;
  let isCut = false;
  for (const { first, bytes } of memory.regions) {
    for (let at = Math.ceil(first / frameBytes) * frameBytes; at + frameBytes <= first + bytes; at += frameBytes) {
      places += 1;
      if ((await readSome(memory, at, buffer)) < frameBytes || !isDirectory(memory, view, isLittle)) continue;
      suspects += 1;
      if (suspects > most) {
        isCut = true;
        continue;
      }
      const found = await judge(memory, architecture, at);
      if (found !== null) candidates.push(found);
    }
  }
  const ranked = candidates.toSorted((one, other) => other.score - one.score || one.root - other.root);
  return { candidates: ranked.slice(0, limit), places, isCut };
};

/** Different frames that are in memory, at least one, and nothing behind them. */
const isDirectory = (memory: Memory, view: DataView, isLittle: boolean): boolean => {
  const frameBytes = view.byteLength;
  const seen = new Set<number>();
  let isOver = false;
  for (let at = 0; at < frameBytes; at += 8) {
    const frame = Number(view.getBigUint64(at, isLittle));
    if (frame === 0) {
      isOver = true;
      continue;
    }
    if (isOver || frame % frameBytes !== 0 || seen.has(frame) || !holds(memory, frame)) return false;
    seen.add(frame);
  }
  return seen.size > 0;
};

const judge = async (memory: Memory, architecture: Architecture, root: number): Promise<RootCandidate | null> => {
  const table = await PageHashReader.open(memory, architecture, root);
  let [entries, right, inMemory, used] = [0, 0, 0, 0];
  const spaces = new Set<number>();
  const step = Math.max(1, Math.floor(table.chains / SAMPLED_CHAINS));
  for (let chain = 0; chain < table.chains && entries < MOST_ENTRIES; chain += step) {
    const { entries: chained, end } = await table.chain(chain);
    if (chained.length > 0) used += 1;
    for (const entry of chained.slice(0, SAMPLED_ENTRIES)) {
      const { space, virtual, physical } = entry;
      entries += 1;
      if (!table.isSound(entry) || !table.chainsOf(space, virtual).includes(chain)) continue;
      right += 1;
      spaces.add(space);
      if (holds(memory, physical)) inMemory += 1;
    }
    if (end !== "complete") entries += 1;
  }
  if (right === 0) return null;
  const sound = (right / entries) ** 3 * Math.min(1, right / 8 + 0.25);
  const score = Math.round(80 * sound + (20 * sound * inMemory) / right);
  if (score === 0) return null;
  const reasons = [
    `${table.heads.length} frame${table.heads.length === 1 ? "" : "s"} of heads, ${used} of the chains that were followed in use`,
    `${right} of ${entries} entries are in the chain that their page hashes to, ${inMemory} of their pages in memory`,
    `${spaces.size} address space${spaces.size === 1 ? "" : "s"}`,
  ];
  return { root, register: "hash", score, reasons, entries: table.heads.length, sharing: 1 };
};
