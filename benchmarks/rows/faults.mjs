/** Rows 1, 2 and 3: what it costs to bring an anonymous page in. */
import { ia32 } from "@portolan/arch-ia32";
import { USER, WRITE } from "@portolan/core";
import { againstPeer, inTurn, shuffled, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const PAGES = 65_536;
const BASE = 0x1000_0000;
const FIRST = BASE / 4096;
const MEMORY = { memoryBytes: 512 * MIB };

/** A round: an area of 256 MiB, every page of it asked for once; what is timed is the asking. */
const touching =
  ({ space }, order, touch, backend) =>
  () => {
    anonymousArea(space, BASE, PAGES * 4096, backend);
    const figure = timed(PAGES, () => {
      for (let index = 0; index < PAGES; index += 1) touch(FIRST + order[index]);
    });
    space.destroyArea(BASE);
    return figure;
  };

const service =
  ({ space }) =>
  (page) => {
    if (space.pageFault(page, WRITE) !== 1) throw new Error("a page fault was refused");
  };

/** The whole of it as a program sees it: miss, walk, trap, service, and the store again. */
const store =
  ({ machine, cpu }) =>
  (page) => {
    while (!cpu.store8(page, 0, 1, USER)) if (!machine.serveFault(0)) throw new Error("a store was refused");
  };

const faults = async (order, kind, gate, aim) => {
  const one = withSpace(ia32, MEMORY);
  const served = await againstPeer(touching(one, order, service(one)), "faults.c", [PAGES, kind], "go");
  const other = withSpace(ia32, MEMORY);
  const stored = await againstPeer(touching(other, order, store(other)), "faults.c", [PAGES, kind], "go");
  return [
    { what: "the fault served", ...served, figure: served.ratio, unit: "ns a page", gate, aim },
    { what: "the store, from the miss to its end", ...stored, figure: stored.ratio, unit: "ns a page" },
  ];
};

export const faultsSequential = () =>
  faults(
    Uint32Array.from({ length: PAGES }, (_, index) => index),
    "sequential",
    0.75,
    0.5,
  );

export const faultsRandom = () => faults(shuffled(PAGES), "random", 1.25, 0.9);

/** Memory whose pages come as they are. */
const uncleared = {
  name: "uncleared",
  open: ({ frames }) => ({
    kind: "custom",
    isResizable: true,
    links: 0,
    supply: () => frames.take(),
    isPrivate: () => true,
    describe: () => "whatever the frame held before",
    link() {
      this.links += 1;
    },
    unlink() {
      this.links -= 1;
    },
    eachHeld() {
      // frames belong to the entries that map them
    },
  }),
};

export const faultBookkeeping = async () => {
  const lines = [];
  for (const [what, order, limits] of [
    ["pages in sequence", Uint32Array.from({ length: PAGES }, (_, index) => index), { gate: 200, aim: 100 }],
    ["pages in random order", shuffled(PAGES), {}],
  ]) {
    const machine = withSpace(ia32, MEMORY);
    const { ours } = await inTurn(touching(machine, order, service(machine), uncleared), () => Number.NaN);
    lines.push({ what, ours, figure: ours, unit: "ns a page", ...limits });
  }
  return lines;
};
