/**
 * `node tools/fuzz-image.mjs [RUNS] [SEED]`: changes images a little, opens them, and keeps those that reach code no other has
 * reached, as V8's coverage tells: in packages/image/test/corpus, where a test opens them all. Ends with status 1, and the input in a
 * file, for anything but an image or the error for one.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = pathToFileURL(join(root, "packages/image/dist/")).href;
const corpus = join(root, "packages/image/test/corpus");
const { survive } = await import(pathToFileURL(join(root, "packages/image/dist-test/survive.js")).href);

const runs = Number(process.argv[2] ?? 20_000);
let state = Number(process.argv[3] ?? 1) >>> 0;
/** mulberry32: a run can be repeated. */
const random = (below) => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % below;
};

const MOST_BYTES = 8192;
mkdirSync(corpus, { recursive: true });
const inputs = readdirSync(corpus)
  .toSorted()
  .map((name) => new Uint8Array(readFileSync(join(corpus, name))));
inputs.push(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), Uint8Array.from([0x45, 0x4d, 0x69, 0x4c, 1, 0, 0, 0]));

const session = new Session();
session.connect();
const ask = (method, params) => {
  let answer;
  session.post(method, params, (error, result) => {
    if (error) throw new Error(JSON.stringify(error));
    answer = result;
  });
  return answer;
};
ask("Profiler.enable");
ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/** What was run since the last question. */
const reached = () => {
  const places = [];
  for (const { url, functions } of ask("Profiler.takePreciseCoverage").result) {
    if (!url.startsWith(dist)) continue;
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        if (count > 0) places.push(`${url}:${startOffset}:${endOffset}`);
      }
    }
  }
  return places;
};

const TELLING = [0, 1, 4, 7, 0x38, 0x7f, 0x80, 0xff];
const change = (bytes) => {
  const copy = bytes.slice();
  for (let left = 1 + random(4); left > 0 && copy.length > 0; left--) {
    const at = random(random(2) === 0 ? Math.min(copy.length, 512) : copy.length);
    const kind = random(5);
    if (kind === 0) copy[at] = random(256);
    else if (kind === 1) copy[at] = TELLING[random(TELLING.length)];
    else if (kind === 2) copy[at] ^= 1 << random(8);
    else if (kind === 3) copy.fill([0, 0xff][random(2)], at, at + [2, 4, 8][random(3)]);
    else copy.copyWithin(at, random(copy.length), random(copy.length));
  }
  if (random(8) === 0) return copy.subarray(0, random(copy.length + 1));
  if (random(8) > 0) return copy;
  const other = inputs[random(inputs.length)];
  return Uint8Array.from([...copy.subarray(0, random(copy.length + 1)), ...other.subarray(random(other.length))]).subarray(0, MOST_BYTES);
};

const known = new Set();
/** Whether an input reached what none before it did. */
const isNew = async (bytes) => {
  for (const options of [{}, { truncated: true }]) {
    try {
      await survive(bytes, options);
    } catch (error) {
      const file = join(root, "image-that-fails.bin");
      writeFileSync(file, bytes);
      console.error(`${file} (${JSON.stringify(options)}):`, error);
      process.exit(1);
    }
  }
  const before = known.size;
  for (const place of reached()) known.add(place);
  return known.size > before;
};

for (const bytes of inputs) await isNew(bytes);
const atFirst = known.size;
let kept = 0;
for (let run = 0; run < runs; run++) {
  const bytes = change(inputs[random(inputs.length)]);
  if (!(await isNew(bytes))) continue;
  inputs.push(bytes);
  kept += 1;
  writeFileSync(join(corpus, `${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.bin`), bytes);
}
console.log(`${runs} inputs, ${kept} kept; ${inputs.length} in all reach ${known.size} places (${atFirst} at first)`);
