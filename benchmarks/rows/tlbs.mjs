/** Rows 8, 9 and 11: a trace through TLBs, from memory and from text. Both sides must count the same. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ia32 } from "@portolan/arch-ia32";
import { Batcher, designsOf, Hierarchy, Turns } from "@portolan/tlb-study";
import { CompactReader, LackeyReader } from "@portolan/workload";
import { inTurn, startPeer, timed } from "../harness.mjs";

const TRACE = join(import.meta.dirname, "../../examples/traces/gnu-sort.amd64.ptrace.gz");
const CHUNK = 2 ** 18;
const LETTERS = ["I ", " L", " S", " M"];

const chunksOf = (bytes) => {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += CHUNK) chunks.push(bytes.subarray(at, at + CHUNK));
  return chunks;
};

/** The trace as batches, and as the text that valgrind wrote. */
const load = () => {
  const bytes = gunzipSync(readFileSync(TRACE));
  const batches = [];
  const batcher = new Batcher(({ kinds, granules, length, ...rest }) =>
    batches.push({ ...rest, kinds: kinds.slice(0, length), granules: granules.slice(0, length), length }),
  );
  new CompactReader(batcher).push(bytes);
  batcher.flush();
  const lines = [];
  new CompactReader({
    access(kind, high, low, size) {
      const address = (BigInt(high) * 0x1_0000_0000n + BigInt(low)).toString(16).padStart(8, "0");
      lines.push(`${LETTERS[kind]} ${address},${size}\n`);
    },
  }).push(bytes);
  return { batches, text: Buffer.from(lines.join("")) };
};

const hierarchyOf = (first, second) =>
  new Hierarchy(designsOf(`I:${first},D:${first},L2:${second}`, ia32)[0], ia32.hardwarePageShift, { translate() {} }, 1);

const NAMES = { fetchMisses: "fetch-misses", dataMisses: "data-misses", translations: "translations" };

const compare = async (first, second, what, line, ours, gate, aim) => {
  const { batches, text } = load();
  const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
  const file = join(folder, "trace");
  writeFileSync(file, text);
  const peer = startPeer("tlb.c", [file, first, second]);
  try {
    const total = batches.reduce((sum, { length }) => sum + length, 0);
    let counts = null;
    const side = () => {
      const hierarchy = hierarchyOf(first, second);
      const figure = timed(total, () => ours(hierarchy, batches, text));
      ({ counts } = hierarchy);
      return figure;
    };
    const result = await inTurn(side, peer === null ? () => Number.NaN : () => peer.round(line));
    if (peer !== null) {
      for (const [name, asked] of Object.entries(NAMES)) {
        const theirs = await peer.round(asked);
        if (theirs !== counts[name]) throw new Error(`${name}: ${counts[name]} here, ${theirs} in C`);
      }
    }
    return [{ what, ...result, figure: result.ratio, unit: "ns an access", gate, aim, ...(peer === null ? { note: "no compiler" } : {}) }];
  } finally {
    peer?.end();
    rmSync(folder, { recursive: true });
  }
};

const fromMemory = (hierarchy, batches) => {
  const turns = new Turns(hierarchy.isShared);
  for (const batch of batches) {
    turns.take(batch);
    hierarchy.run(batch, turns);
  }
};

const fromText = (hierarchy, _batches, text) => {
  const turns = new Turns(hierarchy.isShared);
  const batcher = new Batcher((batch) => {
    turns.take(batch);
    hierarchy.run(batch, turns);
  });
  const reader = new LackeyReader(batcher);
  for (const chunk of chunksOf(text)) reader.push(chunk);
  reader.end();
  batcher.flush();
};

// Gates of rates are at least 0.4 and 0.5 of C's; these are their times.
export const tlbSets = () => compare("64x4", "1024x8", "I 64×4, D 64×4, L2 1024×8, LRU; same counts", "run", fromMemory, 2.5, 1.67);
export const tlbFull = () =>
  compare("32x32", "1024x8", "I and D of 32 entries, fully associative, L2; same counts", "run", fromMemory, 2.5, 1.67);
export const tlbText = () => compare("64x4", "1024x8", "counts from the text of a trace", "text", fromText, 2, 1.25);
