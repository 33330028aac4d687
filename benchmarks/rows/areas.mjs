/** Rows 12, 13, 14 and 21: areas, few and many. */
import { readFileSync, writeFileSync } from "node:fs";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { againstPeer, inTurn, median, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const FEW = 1000;
const MANY = 1_000_000;
const PAIRS = 100_000;

/** `count` areas of one page, a free page between any two. */
const withAreas = (architecture, count) => {
  const { space, machine } = withSpace(architecture, { memoryBytes: 16 * MIB });
  const size = 2 ** architecture.pageShift;
  const base = 0x40_0000;
  for (let index = 0; index < count; index += 1) anonymousArea(space, base + index * 2 * size, size);
  let state = 2463534242;
  let local = 0;
  /** Destroys one area and creates it again; answers nanoseconds for both. */
  const random = () =>
    timed(PAIRS, () => {
      for (let pair = 0; pair < PAIRS; pair += 1) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        const at = base + ((state >>> 0) % count) * 2 * size;
        space.destroyArea(at);
        anonymousArea(space, at, size);
      }
    });
  const inSequence = () =>
    timed(PAIRS, () => {
      for (let pair = 0; pair < PAIRS; pair += 1) {
        const at = base + local * 2 * size;
        local = local + 1 === count ? 0 : local + 1;
        space.destroyArea(at);
        anonymousArea(space, at, size);
      }
    });
  return { space, machine, random, inSequence };
};

const againstLinux = async (architecture, count, gate, aim) => {
  const { random, inSequence } = withAreas(architecture, count);
  const scattered = await againstPeer(random, "mappings.c", [count], `random ${PAIRS}`);
  const local = await againstPeer(inSequence, "mappings.c", [count], `local ${PAIRS}`);
  const { name } = architecture;
  return [
    { what: `anywhere, ${name}`, ...scattered, figure: scattered.ratio, unit: "ns a pair", gate, aim },
    { what: `one after the other, ${name}`, ...local, figure: local.ratio, unit: "ns a pair" },
  ];
};

export const areasFew = () => againstLinux(ia32, FEW, 0.5, 0.33);

const MAP_COUNT = "/proc/sys/vm/max_map_count";

/** A 32-bit space has no room for a million areas: sparc64 it is. */
export const areasMany = async () => {
  let before = null;
  try {
    before = readFileSync(MAP_COUNT, "utf8");
    writeFileSync(MAP_COUNT, String(2 * MANY));
  } catch {
    return [{ what: "anywhere", unit: "ns a pair", figure: Number.NaN, gate: 0.4, aim: 0.25, note: `${MAP_COUNT} cannot be raised` }];
  }
  const putBack = () => writeFileSync(MAP_COUNT, before);
  process.once("SIGINT", () => {
    putBack();
    process.exit(130);
  });
  try {
    return await againstLinux(sparc64, MANY, 0.4, 0.25);
  } finally {
    putBack();
  }
};

/** Nodes of the tree that a pair visits, counted by watching every read of a child and of a leaf's keys. */
const visitsOf = ({ space, machine }, size, pairs, at) => {
  const pool = machine.parts.areas.trees;
  let visits = 0;
  const seen = new Set();
  const watched = (array, sign) =>
    new Proxy(array, {
      get(target, property) {
        const index = Number(property);
        if (Number.isInteger(index)) seen.add(sign * (index >> 5));
        const value = Reflect.get(target, property, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
      set(target, property, value) {
        target[property] = value;
        return true;
      },
    });
  const { innerChildren, leafKeys } = pool;
  pool.innerChildren = watched(innerChildren, -1);
  pool.leafKeys = watched(leafKeys, 1);
  for (let pair = 0; pair < pairs; pair += 1) {
    const address = at(pair);
    seen.clear();
    space.destroyArea(address);
    visits += seen.size;
    seen.clear();
    anonymousArea(space, address, size);
    visits += seen.size;
  }
  pool.innerChildren = innerChildren;
  pool.leafKeys = leafKeys;
  return visits / pairs / 2;
};

export const areaGrowth = async () => {
  const few = withAreas(sparc64, FEW);
  const many = withAreas(sparc64, MANY);
  const scattered = await inTurn(many.random, few.random);
  const local = await inTurn(many.inSequence, few.inSequence);
  const size = 2 ** sparc64.pageShift;
  const visits = visitsOf(many, size, 2000, (pair) => 0x40_0000 + ((pair * 7919 * 61) % MANY) * 2 * size);
  const allowed = Math.ceil(Math.log(MANY) / Math.log(16)) + 2;
  return [
    { what: "anywhere: a million over a thousand", ...scattered, figure: scattered.ratio, unit: "ns a pair", gate: 4, aim: 3 },
    { what: "one after the other: the same", ...local, figure: local.ratio, unit: "ns a pair", gate: 2.2, aim: 1.5 },
    { what: "nodes visited by an operation at a million", ours: visits, figure: visits, unit: "nodes", gate: allowed, aim: allowed },
  ];
};

export const areaMemory = () => {
  const { machine, space } = withSpace(sparc64, { memoryBytes: 16 * MIB });
  const { areas } = machine.parts;
  const empty = areas.bytes;
  const size = 2 ** sparc64.pageShift;
  const worst = { figure: 0, at: 0 };
  const each = [];
  for (let index = 0; index < MANY; index += 1) {
    const begin = performance.now();
    anonymousArea(space, 0x40_0000 + index * 2 * size, size);
    const figure = (performance.now() - begin) * 1e3;
    each.push(figure);
    if (figure > worst.figure) Object.assign(worst, { figure, at: index });
  }
  const bytes = (areas.bytes - empty) / MANY;
  return [
    { what: "a million areas, room to grow included", ours: bytes, figure: bytes, unit: "bytes", gate: 128, aim: 64 },
    {
      what: "the longest single creation on the way there",
      ours: worst.figure,
      figure: worst.figure,
      unit: "µs",
      note: `area ${worst.at}; half of them took ${median(each).toFixed(1)} µs or less`,
    },
  ];
};
