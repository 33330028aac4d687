/** L4: pages that leave memory and come back. */
import { MemorySwap, objectGraph, READ, type AddressSpace, type SwapDevice, type TransferDone } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf } from "../rig/rig.js";
import { Family, family, RW, USUAL } from "../rig/family.js";

/** A device that fails when it is told to. */
class Fragile implements SwapDevice {
  readonly slots = 512;
  failsReads = false;
  failsWrites = false;
  readonly #device = new MemorySwap(512);

  read(slot: number, bytes: Uint8Array, done: TransferDone): void {
    if (this.failsReads) done(false);
    else this.#device.read(slot, bytes, done);
  }

  write(slot: number, bytes: Uint8Array, done: TransferDone): void {
    if (this.failsWrites) done(false);
    else this.#device.write(slot, bytes, done);
  }
}

const swapped = (...spaces: readonly AddressSpace[]): number =>
  objectGraph(spaces).objects.reduce((sum, { pages }) => sum + pages.filter(({ frame }) => frame === null).length, 0);

export const swapClauses: readonly Clause[] = [
  {
    id: "L4.swap.bytes-come-back",
    rule: "A page that went to the swap device is gone from memory and from every buffer, and comes back as it was",
    source: "contract C-23.1, C-9.2",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 8);
      f.fill(0, 8, 1);
      f.pushOut();
      f.pushOut();
      same(swapped(f.parent), 8, "pages out");
      same(f.words(f.parent, 0, 8), [1, 2, 3, 4, 5, 6, 7, 8], "words");
      f.fill(0, 8, 11);
      f.pushOut();
      f.pushOut();
      same(f.words(f.parent, 0, 8), [11, 12, 13, 14, 15, 16, 17, 18], "words after they were written");
    }),
  },
  {
    id: "L4.swap.families",
    rule: "Pages of a family that went out are each one's own when they are back, however it forked, wrote and ended meanwhile",
    source: "contract C-23.1, C-20.1; CZ-54",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      f.pushOut();
      const child = f.fork();
      f.write(child, 0, 20);
      f.pushOut();
      f.pushOut();
      f.write(f.parent, 1, 30);
      const grandchild = f.fork(child);
      f.pushOut();
      f.exit(child);
      same(f.words(f.parent, 0, 4), [1, 30, 3, 4], "words of the parent");
      same(f.words(grandchild, 0, 4), [20, 2, 3, 4], "words of the grandchild");
      f.exit(f.parent);
      f.pushOut();
      same(f.words(grandchild, 0, 4), [20, 2, 3, 4], "words of the grandchild at last");
    }),
  },
  {
    id: "L4.swap.shared-memory",
    rule: "Shared memory that went out is the same memory for all when it is back",
    source: "contract C-23.1, C-20.3",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const other = f.machine.spaces.create();
      f.area(0, 2);
      f.fill(0, 2, 1);
      f.parent.shareArea(f.at(0), f.bytes(2), other, f.at(8), RW);
      same(f.words(other, 8, 2), [1, 2], "words");
      f.pushOut();
      f.pushOut();
      f.write(other, 8, 9);
      same(f.words(f.parent, 0, 2), [9, 2], "words of the one");
      f.pushOut();
      f.write(f.parent, 1, 8);
      same(f.words(other, 8, 2), [9, 8], "words of the other");
    }),
  },
  {
    id: "L4.swap.larger-than-memory",
    rule: "A working set of three times the memory runs to its end with the right bytes",
    source: "contract C-23.2",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const f = new Family(rig);
      const { frames } = f.machine.parts;
      const hoard: number[] = [];
      while (frames.free > 40) hoard.push(frames.take());
      f.area(0, 120);
      f.fill(0, 120, 1000);
      f.fill(0, 60, 3000);
      same(
        f.words(f.parent, 60, 60),
        Array.from({ length: 60 }, (_, i) => 1060 + i),
        "words of the second half",
      );
      same(
        f.words(f.parent, 0, 60),
        Array.from({ length: 60 }, (_, i) => 3000 + i),
        "words of the first half",
      );
      f.exit(f.parent);
      for (const frame of hoard) frames.release(frame);
      f.done();
    },
  },
  {
    id: "L4.swap.full",
    rule: "When memory and swap device are full an access that needs a frame is refused and nothing is lost; what is given back can be used",
    source: "contract C-23.2, C-16.2",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const f = new Family(rig, { swap: new MemorySwap(8) });
      const { frames } = f.machine.parts;
      const hoard: number[] = [];
      while (frames.free > 24) hoard.push(frames.take());
      f.area(0, 64);
      let pages = 0;
      while (pages < 64 && f.write(f.parent, pages, pages + 1)) pages += 1;
      holds(pages < 64, "64 pages found room in 24 frames and 8 slots");
      same(f.machine.outcome?.rule, "out of memory", "the rule");
      for (let page = 0; page < pages; page += 1) {
        const word = f.read(f.parent, page);
        if (word !== -1) same(word, page + 1, `the word of page ${page}`);
        else same(f.machine.outcome?.rule, "out of memory", `the rule for page ${page}`);
      }
      f.change(() => f.parent.unmap(f.at(0), f.bytes(12)));
      same(
        f.words(f.parent, 12, pages - 12),
        Array.from({ length: pages - 12 }, (_, i) => i + 13),
        "words with room",
      );
      same(f.write(f.parent, pages, 5), true, "a write with room");
      f.exit(f.parent);
      for (const frame of hoard) frames.release(frame);
      f.done();
    },
  },
  {
    id: "L4.swap.errors-are-outcomes",
    rule: "A page that cannot be written stays; one that cannot be read is an outcome for whoever wants it, and nothing older is shown",
    source: "contract C-23.3; CZ-12",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const device = new Fragile();
      const f = new Family(rig, { swap: device });
      f.area(0, 2);
      f.fill(0, 2, 1);
      const child = f.fork();
      f.write(child, 0, 9);
      device.failsWrites = true;
      f.pushOut();
      f.pushOut();
      same(f.words(child, 0, 2), [9, 2], "words after writes that failed");
      device.failsWrites = false;
      f.pushOut();
      f.pushOut();
      holds(swapped(f.parent) > 0, "no page went out");
      device.failsReads = true;
      same([f.read(child, 0), f.machine.outcome?.rule], [-1, "the page could not be read"], "a page that cannot be read");
      f.done();
      device.failsReads = false;
      same(f.words(child, 0, 2), [9, 2], "words when they can be read");
      same(f.words(f.parent, 0, 2), [1, 2], "words of the parent");
    },
  },
  {
    id: "L4.swap.clean-pages-cost-nothing",
    rule: "A page that came back and was only read goes again without being written; one that was written is written again",
    source: "contract C-23.4",
    since: "1.1.0",
    traits: ["cold", "warm", "other"],
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      f.pushOut();
      f.pushOut();
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words");
      const { writes } = f.swap;
      f.pushOut();
      f.pushOut();
      same(f.swap.writes, writes, "pages written when clean ones went");
      f.write(f.parent, 0, 9);
      f.pushOut();
      f.pushOut();
      same(f.swap.writes, writes + 1, "pages written when a dirty one went");
      same(f.words(f.parent, 0, 4), [9, 2, 3, 4], "words at last");
    }),
  },
  {
    id: "L4.swap.spares-what-is-used",
    rule: "Pages that are used all the time stay, as far as the machine tells or can be made to tell",
    source: "contract C-23.5",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const f = new Family(rig);
      const { frames } = f.machine.parts;
      const hoard: number[] = [];
      while (frames.free > 48) hoard.push(frames.take());
      f.area(0, 4);
      f.area(8, 120);
      f.fill(0, 4, 1);
      let comeBacks = 0;
      const rounds = 480;
      for (let i = 0; i < rounds; i += 1) {
        f.write(f.parent, 8 + (i % 120), i);
        for (let page = 0; page < 4; page += 1) {
          const before = f.swap.reads;
          same(f.read(f.parent, page), page + 1, "a page in use");
          comeBacks += f.swap.reads - before;
        }
      }
      // Each may go once, before anybody knows what it is used for.
      holds(comeBacks <= 10, `four pages in use went and came back ${comeBacks} times in ${rounds} rounds`);
      f.exit(f.parent);
      for (const frame of hoard) frames.release(frame);
    },
  },
  {
    id: "L4.swap.slots-come-back",
    rule: "When the last user of a page ends, its slot is free for others",
    source: "contract C-23.1",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const f = new Family(rig, { swap: new MemorySwap(24) });
      for (let round = 0; round < 6; round += 1) {
        const space: AddressSpace = f.machine.spaces.create();
        f.area(0, 20, RW, space);
        f.fill(0, 20, round, space);
        const child = f.fork(space);
        f.pushOut();
        f.pushOut();
        same(swapped(space, child), 20, `pages out in round ${round}`);
        f.exit(space);
        same(
          f.words(child, 0, 20),
          Array.from({ length: 20 }, (_, i) => round + i),
          `words in round ${round}`,
        );
        f.pushOut();
        f.exit(child);
      }
      same(
        codeOf(() => f.machine.walk(f.parent, f.at(0), READ)),
        "no error",
        "a walk at the end",
      );
      f.done();
    },
  },
];
