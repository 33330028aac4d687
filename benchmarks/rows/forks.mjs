/** Rows 18, 19 and 20: a fork with many resident pages, and the writes that follow it. */
import { ia32 } from "@portolan/arch-ia32";
import { READ, USER, WRITE } from "@portolan/core";
import { againstPeer, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const PAGES = 65_536;
const BASE = 0x1000_0000;
const FIRST = BASE / 4096;
// Every page twice, and tables.
const MEMORY = { memoryBytes: 544 * MIB };

/** A round: an area of 256 MiB, written page by page; a fork; what `work` does then, and answers. */
const forked = (work) => {
  const { machine, space, cpu } = withSpace(ia32, MEMORY);
  return () => {
    anonymousArea(space, BASE, PAGES * 4096);
    for (let page = FIRST; page < FIRST + PAGES; page += 1) serve(space, page, WRITE);
    const figure = work({ machine, space, cpu });
    space.destroyArea(BASE);
    return figure;
  };
};

const serve = (space, page, access) => {
  if (space.pageFault(page, access) !== 1) throw new Error(`a page fault was refused: ${space.verdict.rule}`);
};

const each = (touch) =>
  timed(PAGES, () => {
    for (let page = FIRST; page < FIRST + PAGES; page += 1) touch(page);
  });

/** As a program sees it: miss, walk, trap, service, and the store again. */
const store =
  ({ machine, cpu }) =>
  (page) => {
    while (!cpu.store8(page, 0, 2, USER)) if (!machine.serveFault(0)) throw new Error("a store was refused");
  };

const compared = (what, work, line, limits = {}) =>
  againstPeer(forked(work), "forks.c", [PAGES], line).then((result) => ({
    what,
    ...result,
    figure: result.ratio,
    unit: "ns a page",
    ...limits,
  }));

const fork = ({ machine, space }) => {
  let child = null;
  const figure = timed(PAGES, () => {
    child = machine.spaces.fork(space);
  });
  return { child, figure };
};

export const forks = async () => [
  await compared(
    "the fork itself",
    (parts) => {
      const { child, figure } = fork(parts);
      child.destroy();
      return figure;
    },
    "fork",
    { gate: 0.3, aim: 0.1 },
  ),
  await compared(
    "the fork, and the child reads every page: its tables fill then, where Linux has copied them",
    (parts) => {
      const { child, figure } = fork(parts);
      const reading = each((page) => serve(child, page, READ));
      child.destroy();
      return figure + reading;
    },
    "reads",
  ),
  await compared(
    "a second fork, after the child has gone and every page was written",
    (parts) => {
      fork(parts).child.destroy();
      each((page) => serve(parts.space, page, WRITE));
      const { child, figure } = fork(parts);
      child.destroy();
      return figure;
    },
    "fork",
  ),
];

const copying = (touchOf) => (parts) => {
  const { child } = fork(parts);
  const figure = each(touchOf(parts));
  child.destroy();
  return figure;
};

const reusing = (touchOf) => (parts) => {
  fork(parts).child.destroy();
  return each(touchOf(parts));
};

const service =
  ({ space }) =>
  (page) =>
    serve(space, page, WRITE);

export const copies = async () => [
  await compared("the fault served", copying(service), "copies", { gate: 0.5, aim: 0.3 }),
  await compared("the store, from the miss to its end", copying(store), "copies"),
];

export const reuses = async () => [
  await compared("the fault served", reusing(service), "reuses", { gate: 0.2, aim: 0.05 }),
  await compared("the store, from the miss to its end", reusing(store), "reuses"),
];
