/**
 * Lets families of spaces fork, write, cut, protect and end for as long as one likes, holds every word against plain maps, every
 * stack of shadows against its bound, and the frames at the end against those at the beginning:
 *
 *   node tools/families-campaign.mjs [--arch amd64] [--operations 1000000] [--seed 1] [--frames 2048] [--swap 0]
 *
 * With --swap and few --frames pages go to a swap device all the time. Wants a build (`npm run build`).
 */
import { parseArgs } from "node:util";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  deepestChain,
  loadArchitecture,
  MemorySwap,
  objectGraph,
  Random,
} from "../packages/core/dist/index.js";

const { values } = parseArgs({
  options: {
    arch: { type: "string", default: "abs32le" },
    operations: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    frames: { type: "string", default: "2048" },
    swap: { type: "string", default: "0" },
  },
});
const operations = Number(values.operations);
const random = new Random(Number(values.seed));
const architecture = await loadArchitecture(
  values.arch,
  (name) => import(name.startsWith("@portolan/") ? `../packages/${name.slice("@portolan/".length)}/dist/index.js` : name),
);
const machine = buildMachine(architecture, {
  memoryBytes: Number(values.frames) * 2 ** architecture.pageShift,
  ...(values.swap === "0" ? {} : { swap: new MemorySwap(Number(values.swap)) }),
});

const PAGES = 24;
const MOST_TASKS = 12;
const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const { units, frames } = machine.parts;
const first = units.pageOf(architecture.layout.user.first) + 16;
const at = (page) => units.addressOf(first + page);
const size = (pages) => units.bytesOf(pages);

const begin = () => {
  const space = machine.spaces.create();
  space.createArea({ base: at(0), size: size(PAGES), flags: RW, backend: anonymous });
  return { space, words: new Map(Array.from({ length: PAGES }, (_, page) => [page, 0])) };
};
const end = (task) => {
  machine.switchToKernel();
  task.space.destroy();
  tasks.splice(tasks.indexOf(task), 1);
};

const freeAtFirst = frames.free;
const tasks = [begin()];
const seen = { forks: 0, ends: 0, deepest: 0, shadows: 0 };

const access = (task, page, operation, isWrite) => {
  machine.switchTo(task.space);
  if (!isWrite) {
    const word = machine.read32(at(page));
    const expected = task.words.get(page) ?? -1;
    if (word !== expected) throw new Error(`operation ${operation} reads ${word}, not ${expected}`);
    return;
  }
  const isDone = machine.write32(at(page), operation);
  if (isDone !== task.words.has(page))
    throw new Error(`operation ${operation}: a write is ${isDone ? "done" : `refused: ${machine.outcome?.rule}`}`);
  if (isDone) task.words.set(page, operation);
};

const perform = (operation) => {
  const task = tasks[random.below(tasks.length)];
  const kind = random.below(100);
  const page = random.below(PAGES);
  if (kind < 6) {
    if (tasks.length === MOST_TASKS) return;
    tasks.push({ space: machine.spaces.fork(task.space), words: new Map(task.words) });
    seen.forks += 1;
  } else if (kind < 11) {
    if (tasks.length === 1) return;
    end(task);
    seen.ends += 1;
  } else if (kind < 12) {
    const count = Math.min(1 + random.below(3), PAGES - page);
    task.space.unmap(at(page), size(count));
    for (let each = page; each < page + count; each += 1) task.words.delete(each);
    if (task.words.size > 0) return;
    end(task);
    if (tasks.length === 0) tasks.push(begin());
  } else if (kind < 13) {
    if (!task.words.has(page)) return;
    task.space.protect(at(page), size(1), AREA_READ);
    task.space.protect(at(page), size(1), AREA_READ | AREA_WRITE);
  } else access(task, page, operation, kind < 70);
};

const checkBounds = (operation) => {
  const graph = objectGraph(tasks.map(({ space }) => space));
  const areas = graph.areas.length;
  const shadows = graph.objects.filter(({ kind }) => kind === "shadow").length;
  const depth = deepestChain(graph);
  seen.deepest = Math.max(seen.deepest, depth);
  seen.shadows = Math.max(seen.shadows, shadows);
  if (depth > areas || shadows > 2 * areas - 1)
    throw new Error(`after operation ${operation}: ${shadows} shadows, ${depth} in one stack, for ${areas} areas`);
};

for (let operation = 1; operation <= operations; operation += 1) {
  perform(operation);
  if (operation % 64 === 0) checkBounds(operation);
  if (operation % 50_000 === 0) assertInvariants(machine);
}
assertInvariants(machine);
while (tasks.length > 0) end(tasks[0]);
assertInvariants(machine);
const missing = freeAtFirst - frames.free;
// One page hash keeps chains that it grew.
if (missing !== 0 && architecture.translation.kind === "hierarchical") throw new Error(`${missing} frames have not come back`);
console.log(
  `${architecture.name}, seed ${values.seed}: ${operations} operations, ${seen.forks} forks, ${seen.ends} ends; ` +
    `stacks of ${seen.deepest} shadows at most, ${seen.shadows} in all; every frame came back`,
);
