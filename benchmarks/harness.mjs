/**
 * What every row needs: rounds of two sides in turn, so that a machine whose speed drifts slows both down; medians; peers
 * in C that are compiled here and answer one round at a time.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const median = (values) => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const WARM_UP = 3;
const ROUNDS = 9;

/**
 * Runs two sides in turn. A side is a function that does one round and answers its figure, or a promise of it.
 * @returns the medians of both, and of the ratios round by round
 */
export const inTurn = async (ours, theirs, { warmUp = WARM_UP, rounds = ROUNDS } = {}) => {
  const our = [];
  const their = [];
  for (let round = -warmUp; round < rounds; round += 1) {
    const one = await ours();
    const other = await theirs();
    if (round < 0) continue;
    our.push(one);
    their.push(other);
  }
  return { ours: median(our), theirs: median(their), ratio: median(our.map((figure, round) => figure / their[round])) };
};

/**
 * Nanoseconds of processor time that this process has used, in the kernel too. A clock on the wall would also count what
 * other programs do meanwhile; peers in C ask the same of their process.
 */
export const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};

/** Nanoseconds for each of `count` things that `work` does. */
export const timed = (count, work) => {
  const begin = processorTime();
  work();
  return (processorTime() - begin) / count;
};

/** Numbers from 0 to below `count` in an order that is the same every time. */
export const shuffled = (count) => {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = 2463534242;
  for (let at = count - 1; at > 0; at -= 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (at + 1);
    const kept = order[at];
    order[at] = order[other];
    order[other] = kept;
  }
  return order;
};

/**
 * A program in C, compiled and running; null where there is no compiler. gcc is a program of the machine and of no package,
 * which is why knip.json lists it.
 */
export const startPeer = (source, args) => {
  const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
  const program = join(folder, "peer");
  const { status, error, stderr } = spawnSync("gcc", ["-O2", "-o", program, join(import.meta.dirname, "peers", source)], {
    encoding: "utf8",
  });
  if (error !== undefined) {
    rmSync(folder, { recursive: true });
    return null;
  }
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
  const child = spawn(program, args.map(String), { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async round(line) {
      child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${source} has ended early`);
      return Number(value);
    },
    end() {
      child.stdin.end();
      rmSync(folder, { recursive: true });
    },
  };
};

/** `inTurn` against a peer in C; a peer that cannot be compiled leaves the ratio open. */
export const againstPeer = async (ours, source, args, line, options) => {
  const peer = startPeer(source, args);
  if (peer === null) {
    const alone = await inTurn(ours, () => Number.NaN, options);
    return { ...alone, note: "not measured: no gcc" };
  }
  try {
    return await inTurn(ours, () => peer.round(line), options);
  } finally {
    peer.end();
  }
};
