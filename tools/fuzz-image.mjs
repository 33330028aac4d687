/**
 * `node tools/fuzz-image.mjs [--seconds N | --runs N] [--seed N] [--only images|listings|MACHINE]... [--forget]`
 *
 * Changes images, listings of TLBs, tables, and what processors hold beside tables a little, asks every reader and walker about them, and
 * judges the answers (packages/image/test/survive.ts, packages/inspect/test/hostile). It begins with the corpus, the images among the
 * examples, dumps of this project's own machines, and those of stock kernels in coverage/kernels if they are there.
 *
 * Guided by V8's coverage: what reaches code that nothing before it has reached is kept and changed further, and, made as small as it
 * gets, added to the corpus (packages/image/test/corpus and corpus-listings, packages/inspect/test/corpus), which tests replay;
 * `--forget` adds nothing. `--trim` changes nothing but the corpus of tables: it keeps the quickest that reach what all do.
 *
 * Inputs that fail are made small and written to coverage/fuzz, one for each kind of failure; the exit status is 1 then.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { largestAllocation } from "./fuzz/allocations.mjs";
import { Coverage } from "./fuzz/coverage.mjs";
import { changedImage } from "./fuzz/images.mjs";
import { changedListing } from "./fuzz/listings.mjs";
import { Chance } from "./fuzz/random.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
// After the counting of allocations is in place.
const { holesIn, survive, surviveListing } = await import("../packages/image/dist-test/survive.js");
const { judge } = await import("../packages/inspect/dist-test/hostile/judge.js");
const { judgeState, SOFTWARE_MACHINES, stateLineOf, stateOfLine } = await import("../packages/inspect/dist-test/hostile/judge-software.js");
const { MACHINES } = await import("../packages/inspect/dist-test/hostile/machines.js");
const { lineOf, tablesOf } = await import("../packages/inspect/dist-test/hostile/tables.js");
const { changedTables } = await import("./fuzz/walks.mjs");
const { changedState } = await import("./fuzz/states.mjs");
const { seeds, stateSeeds } = await import("./fuzz/seeds.mjs");

const { values: given } = parseArgs({
  options: {
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true, default: [] },
    forget: { type: "boolean", default: false },
    trim: { type: "boolean", default: false },
  },
});
const chance = new Chance(Number(given.seed));
const until = given.seconds === undefined ? Infinity : Date.now() + 1000 * Number(given.seconds);
const most = given.runs === undefined ? (given.seconds === undefined ? 20_000 : Infinity) : Number(given.runs);
let isStopped = false;
// Whoever has seen enough is told the sums all the same.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => (isStopped = true));
const isOver = () => isStopped || Date.now() >= until;

/** Milliseconds of the processor's time: others may be busy. */
const SLOW = 2500;
/** What is made for headers, caches and single tables; larger only in proportion to the input. */
const MOST_ALLOCATED = 4 * 2 ** 20;

const dist = (name) => pathToFileURL(join(root, `packages/${name}`)).href;
const coverage = new Coverage([dist("image/dist/"), dist("inspect/dist/"), dist("core/dist/paging/entry-codec.js")]);
const failures = new Map();

/** What kind of failure this is: the message without its numbers, and where it is from. */
const kindOf = (error) => {
  const place = /at .*?\(?([^()/]+\.js):\d+/g;
  const frames = [...String(error.stack).matchAll(place)].slice(0, 3).map(([, file]) => file);
  return `${String(error.message)
    .split("\n")[0]
    .replace(/0x[0-9a-f]+|\d+/g, "N")
    .slice(0, 160)} ${frames.join(" ")}`;
};

/** Runs one; answers with what it reached, and why it failed. */
const run = async (work, size) => {
  largestAllocation();
  const start = process.cpuUsage();
  let error;
  try {
    await work();
    const allocated = largestAllocation();
    if (allocated > MOST_ALLOCATED + 64 * size) error = new Error(`${allocated} bytes allocated at once for an input of ${size}`);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  const milliseconds = process.cpuUsage(start).user / 1000;
  if (error === undefined && milliseconds > SLOW) error = new Error(`slow: more than ${SLOW} ms`);
  return { ...coverage.take(), error };
};

/** Makes an input smaller as long as something holds: takes pieces away, larger ones first. */
const smaller = async (pieces, make, holds, tries = 120) => {
  let kept = pieces;
  for (let size = Math.ceil(kept.length / 2); size >= 1 && tries > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length && tries > 0; tries--) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await holds(make(without))) kept = without;
      else at += size;
    }
  }
  return make(kept);
};

const reportFailure = async (name, error, input, minimise, write) => {
  const kind = `${name} ${kindOf(error)}`;
  const known = failures.get(kind);
  if (known !== undefined) {
    known.count += 1;
    return;
  }
  failures.set(kind, { count: 1 });
  mkdirSync(join(root, "coverage/fuzz"), { recursive: true });
  const small = await minimise(input, (other) => other !== undefined && `${name} ${kindOf(other)}` === kind);
  const file = join(root, "coverage/fuzz", `fails-${createHash("sha256").update(kind).digest("hex").slice(0, 8)}`);
  write(file, small);
  console.error(`${name}: ${String(error.stack).split("\n").slice(0, 12).join("\n")}\n${file}\n`);
};

/** Inputs of one kind, with the code that they have reached together. */
class Pool {
  inputs = [];
  paces = new Set();
  executions = 0;

  constructor(name) {
    this.name = name;
  }
}

const everywhere = new Set();
let kept = 0;

/**
 * Inputs that are files, each in a pool and a folder of its own: `ask` runs one, `pieces` and `joined` take it apart, `write` keeps it.
 * @returns tries one; `isNew`: it may be added to the corpus
 */
const filesOf =
  ({ pool, folder, ask, pieces, joined, write, nameOf }) =>
  async (input, isNew) => {
    pool.executions += 1;
    const { blocks, paces, error } = await ask(input);
    if (error !== undefined) {
      await reportFailure(
        pool.name,
        error,
        input,
        (whole, holds) => smaller(pieces(whole), joined, async (other) => holds((await ask(other)).error)),
        (file, small) => write(`${file}.${nameOf(small).split(".")[1]}`, small),
      );
      return;
    }
    const fresh = blocks.filter((block) => !everywhere.has(block));
    if (!paces.some((pace) => !pool.paces.has(pace))) return;
    for (const pace of paces) pool.paces.add(pace);
    pool.inputs.push(input);
    for (const block of blocks) everywhere.add(block);
    if (fresh.length === 0 || !isNew || given.forget) return;
    const small = await smaller(pieces(input), joined, async (other) => {
      const again = await ask(other);
      return again.error === undefined && fresh.every((block) => again.blocks.includes(block));
    });
    write(join(folder, nameOf(small)), small);
    kept += 1;
  };
const digestOf = (content) => createHash("sha256").update(content).digest("hex").slice(0, 16);

const imageCorpus = join(root, "packages/image/test/corpus");
const images = new Pool("images");
const tryImage = filesOf({
  pool: images,
  folder: imageCorpus,
  ask: (bytes) =>
    run(async () => {
      const ways = [
        {},
        { truncated: true },
        { format: "elf-core" },
        { format: "lime", truncated: true },
        { format: "raw" },
        holesIn(bytes),
      ];
      for (const options of ways) await survive(bytes, options);
    }, bytes.length),
  pieces: (bytes) => Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) => bytes.subarray(4 * i, 4 * i + 4)),
  joined: (pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])),
  write: writeFileSync,
  nameOf: (bytes) => `${digestOf(bytes)}.bin`,
});

const listingCorpus = join(root, "packages/image/test/corpus-listings");
const listings = new Pool("listings");
const tryListing = filesOf({
  pool: listings,
  folder: listingCorpus,
  ask: (text) => run(async () => void surviveListing(text), text.length),
  pieces: (text) => text.split(/(?<=\n)|(?=[[{",])/),
  joined: (pieces) => pieces.join(""),
  write: writeFileSync,
  nameOf: (text) => `${digestOf(text)}.txt`,
});

// Tables, and what processors hold beside them.
const tableCorpus = join(root, "packages/inspect/test/corpus");
const machines = [...MACHINES.keys(), ...SOFTWARE_MACHINES.keys()];
const pools = new Map(machines.map((name) => [name, new Pool(name)]));
const hasState = ({ machine }) => SOFTWARE_MACHINES.has(machine);
const asks = (input) => run(() => (hasState(input) ? judgeState(input) : judge(input)), 8 * input.words.size);
const lineFor = (input) => (hasState(input) ? stateLineOf(input) : lineOf(input));
const inputOf = (name, line) => (SOFTWARE_MACHINES.has(name) ? stateOfLine(line) : tablesOf(line));
/** Words and rows, of which either may be too many. */
const piecesOf = (input) => [...input.words, ...(input.state?.tlb ?? [])];
const madeOf = (input) => (pieces) => ({
  ...input,
  words: new Map(pieces.filter(Array.isArray)),
  ...(hasState(input) ? { state: { ...input.state, tlb: pieces.filter((piece) => !Array.isArray(piece)) } } : {}),
});
const writeLine = (file, input) => writeFileSync(`${file}.json`, `${lineFor(input)}\n`);

const tryTables = async (input, isNew) => {
  const pool = pools.get(input.machine);
  pool.executions += 1;
  const { blocks, paces, error } = await asks(input);
  if (error !== undefined) {
    const minimise = (whole, holds) => smaller(piecesOf(whole), madeOf(whole), async (other) => holds((await asks(other)).error));
    await reportFailure(input.machine, error, input, minimise, writeLine);
    return;
  }
  const fresh = blocks.filter((block) => !everywhere.has(block));
  if (!paces.some((pace) => !pool.paces.has(pace))) return;
  for (const pace of paces) pool.paces.add(pace);
  pool.inputs.push(input);
  for (const block of blocks) everywhere.add(block);
  if (fresh.length === 0 || !isNew || given.forget) return;
  const small = await smaller(piecesOf(input), madeOf(input), async (other) => {
    const again = await asks(other);
    return again.error === undefined && fresh.every((block) => again.blocks.includes(block));
  });
  appendFileSync(join(tableCorpus, `${input.machine}.jsonl`), `${lineFor(small)}\n`);
  kept += 1;
};

/** Rewrites the corpus of tables: of inputs that reach a block, the quickest stays. */
const trim = async () => {
  const all = [];
  for (const name of machines) {
    const file = join(tableCorpus, `${name}.jsonl`);
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, "utf8").split("\n")) {
      if (line === "") continue;
      const input = inputOf(name, line);
      // The first time pays for what is made once.
      await asks(input);
      const start = process.cpuUsage();
      const { blocks, error } = await asks(input);
      if (error !== undefined) throw error;
      all.push({ name, line, blocks: new Set(blocks), cost: process.cpuUsage(start).user });
    }
  }
  const chosen = [];
  const missing = new Set(all.flatMap(({ blocks }) => [...blocks]));
  const total = missing.size;
  while (missing.size > 0) {
    const worth = ({ blocks, cost }) => [...blocks].filter((block) => missing.has(block)).length / (cost + 10_000);
    const best = all.reduce((one, other) => (worth(other) > worth(one) ? other : one));
    chosen.push(best);
    for (const block of best.blocks) missing.delete(block);
  }
  for (const name of machines) {
    // Each machine has one at least.
    const own = chosen.filter((each) => each.name === name);
    if (own.length === 0)
      own.push(
        ...all
          .filter((each) => each.name === name)
          .toSorted((one, other) => other.blocks.size - one.blocks.size)
          .slice(0, 1),
      );
    if (own.length > 0) writeFileSync(join(tableCorpus, `${name}.jsonl`), own.map(({ line }) => `${line}\n`).join(""));
  }
  console.log(`${chosen.length} of ${all.length} inputs reach the same ${total} blocks`);
};
if (given.trim) {
  await trim();
  process.exit(0);
}

const isAsked = (name) => given.only.length === 0 || given.only.includes(name);
const known = ["images", "listings", ...pools.keys()];
const unknown = given.only.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`nothing is called ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(2);
}

if (isAsked("images")) {
  for (const name of readdirSync(imageCorpus).toSorted()) await tryImage(new Uint8Array(readFileSync(join(imageCorpus, name))), false);
  for (const name of ["sort", "sort-early"])
    await tryImage(new Uint8Array(readFileSync(join(root, `examples/images/${name}.amd64.core`))).slice(0, 8192), true);
}
if (isAsked("listings")) {
  mkdirSync(listingCorpus, { recursive: true });
  for (const folder of [listingCorpus, join(root, "packages/image/test/listings")])
    for (const name of readdirSync(folder).toSorted())
      await tryListing(readFileSync(join(folder, name), "utf8").slice(0, 8192), folder !== listingCorpus);
}
mkdirSync(tableCorpus, { recursive: true });
for (const name of machines) {
  const file = join(tableCorpus, `${name}.jsonl`);
  if (!isAsked(name) || !existsSync(file)) continue;
  for (const line of readFileSync(file, "utf8").split("\n")) if (line !== "") await tryTables(inputOf(name, line), false);
}
for await (const input of seeds(root, chance, 6)) if (isAsked(input.machine) && !isOver()) await tryTables(input, true);
for (const input of stateSeeds(4)) if (isAsked(input.machine) && !isOver()) await tryTables(input, true);
const atFirst = everywhere.size;

// A machine's turn comes as often as any other's; the readers' too.
const turns = [
  ...[images, listings].filter(({ name }) => isAsked(name)),
  ...Array.from(pools.values()).filter(({ name }) => isAsked(name)),
];
const started = Date.now();
let executions = 0;
for (; executions < most && !isOver(); executions++) {
  const pool = turns[executions % turns.length];
  if (pool.inputs.length === 0) continue;
  // The newest are tried more often: they have been changed least.
  const number = chance.once(3) ? Math.max(0, pool.inputs.length - 1 - chance.below(8)) : chance.below(pool.inputs.length);
  const donor = chance.of(pool.inputs);
  // Files are opened much faster than tables are judged.
  if (pool === images) for (let more = 0; more < 10; more++) await tryImage(changedImage(chance, chance.of(images.inputs), donor), true);
  else if (pool === listings)
    for (let more = 0; more < 10; more++) await tryListing(changedListing(chance, chance.of(listings.inputs), donor), true);
  else if (SOFTWARE_MACHINES.has(pool.name))
    await tryTables(changedState(chance, SOFTWARE_MACHINES.get(pool.name), pool.inputs[number], donor), true);
  else await tryTables(changedTables(chance, MACHINES.get(pool.name), pool.inputs[number], donor), true);
  if ((executions + 1) % 5000 === 0)
    console.log(
      `${executions + 1} turns, ${Math.round((Date.now() - started) / 1000)} s, ${everywhere.size} blocks, ${failures.size} kinds of failure`,
    );
}

const seconds = (Date.now() - started) / 1000;
for (const { name, executions: count, inputs, paces } of turns)
  console.log(
    `${name.padEnd(10)} ${String(count).padStart(8)} inputs, ${String(inputs.length).padStart(5)} in the pool, ${paces.size} paces`,
  );
const total = turns.reduce((sum, { executions: count }) => sum + count, 0);
console.log(
  `${total} inputs in ${Math.round(seconds)} s, ${kept} added to the corpus; ${everywhere.size} blocks reached (${atFirst} at first)`,
);
for (const [kind, { count }] of failures) console.log(`FAILS ${count} times: ${kind}`);
process.exit(failures.size > 0 ? 1 : 0);
