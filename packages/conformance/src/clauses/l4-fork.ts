/** L4: forks. Nobody sees what another wrote after the fork, and everybody what was written before it. */
import { anonymous, AREA_READ, BytesPager, file, image, physical, type AddressSpace } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf } from "../rig/rig.js";
import { Family, family, FULL, RO, RW, RX, USUAL } from "../rig/family.js";

/** All orders of a few things. */
const orders = <T>(things: readonly T[]): T[][] =>
  things.length < 2 ? [[...things]] : things.flatMap((one, i) => orders(things.toSpliced(i, 1)).map((rest) => [one, ...rest]));

export const forkClauses: readonly Clause[] = [
  {
    id: "L4.fork.child-has-everything",
    rule: "A child has the areas of its parent and reads what was written before the fork, from the same frames",
    source: "contract C-20.1; POSIX.1-2017 fork()",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 6);
      f.area(8, 2, RX);
      f.fill(0, 4, 100);
      const before = f.machine.parts.frames.free + f.machine.parts.tables.bytes() / f.rig.pageSize;
      const child = f.fork();
      same(child.print(), f.parent.print().replaceAll(/\d+ used/gu, "0 used"), "areas of the child");
      same(f.words(child, 0, 4), [100, 101, 102, 103], "words of the child");
      same(f.words(f.parent, 0, 4), [100, 101, 102, 103], "words of the parent");
      const caches = f.rig.has("software-refill") ? 16 : 0;
      const after = f.free + f.machine.parts.tables.bytes() / f.rig.pageSize;
      holds(before - after <= caches, `a fork and reading took ${before - after} frames that hold no tables`);
    }),
  },
  {
    id: "L4.fork.writes-stay-apart",
    rule: "After a fork neither sees what the other writes, though the parent's pages were writable in TLBs before it",
    source: "contract C-20.1, C-9.2; CZ-32; aplus: write after fork isolates both",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 10);
      const child = f.fork();
      // The parent stays installed: what it may write was decided before the fork.
      same(f.write(f.parent, 0, 77), true, "the parent's write");
      same(f.write(child, 1, 88), true, "the child's write");
      same(f.words(child, 0, 4), [10, 88, 12, 13], "words of the child");
      same(f.words(f.parent, 0, 4), [77, 11, 12, 13], "words of the parent");
    }),
  },
  {
    id: "L4.fork.generations-stay-apart",
    rule: "Grandchildren and siblings read what their own line wrote",
    source: "contract C-20.1; Codezero forktest",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 3);
      f.fill(0, 3, 1);
      const child = f.fork();
      f.write(child, 0, 20);
      const grandchild = f.fork(child);
      const sibling = f.fork();
      f.write(grandchild, 1, 30);
      f.write(f.parent, 2, 40);
      f.write(child, 1, 21);
      same(f.words(f.parent, 0, 3), [1, 2, 40], "words of the parent");
      same(f.words(child, 0, 3), [20, 21, 3], "words of the child");
      same(f.words(grandchild, 0, 3), [20, 30, 3], "words of the grandchild");
      same(f.words(sibling, 0, 3), [1, 2, 3], "words of the sibling");
    }),
  },
  {
    id: "L4.fork.untouched-pages",
    rule: "Pages that nobody had touched are zeroes in both, and then each one's own",
    source: "contract C-20.2",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.write(f.parent, 3, 9);
      const child = f.fork();
      same(f.words(child, 0, 4), [0, 0, 0, 9], "words of the child");
      f.write(f.parent, 0, 5);
      f.write(child, 1, 6);
      same(f.words(f.parent, 0, 3), [5, 0, 0], "words of the parent");
      same(f.words(child, 0, 3), [0, 6, 0], "words of the child");
    }),
  },
  {
    id: "L4.fork.read-only-stays-read-only",
    rule: "What the parent may not write, neither may after the fork",
    source: "contract C-20.1, C-5.1; aplus: fork keeps read-only pages read-only",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 2, RW);
      f.fill(0, 2, 5);
      f.change(() => f.parent.protect(f.at(0), f.bytes(2), AREA_READ));
      const child = f.fork();
      for (const space of [f.parent, child]) {
        same(f.write(space, 0, 1), false, "a write to a page that may be read only");
        same(f.read(space, 0), 5, "the word");
      }
    }),
  },
  {
    id: "L4.fork.shared-stays-shared",
    rule: "Shared memory, shared files and devices are the same memory in parent and child",
    source: "contract C-20.3; POSIX.1-2017 fork(), mmap()",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const other = f.machine.spaces.create();
      f.area(0, 2);
      f.parent.shareArea(f.at(0), f.bytes(2), other, f.at(0), RW);
      const shown = f.file(new BytesPager(new Uint8Array(2 * f.rig.pageSize), "shown"), 2 * f.rig.pageSize);
      f.area(4, 2, RW, f.parent, file(shown));
      const frame = f.machine.parts.frames.takeZeroed();
      f.area(8, 1, RW, f.parent, physical(BigInt(frame) * BigInt(f.rig.pageSize), 1));
      f.fill(0, 1, 1);
      const child = f.fork();
      for (const page of [0, 1, 4, 5, 8]) {
        f.write(child, page, 50 + page);
        same(f.read(f.parent, page), 50 + page, `the child's word in page ${page}, read by the parent`);
        f.write(f.parent, page, 70 + page);
        same(f.read(child, page), 70 + page, `the parent's word in page ${page}, read by the child`);
      }
      same(f.read(other, 0), 70, "a third one's view");
      for (const space of [f.parent, child, other]) f.exit(space);
      f.machine.parts.frames.release(frame);
      shown.close();
    }),
  },
  {
    id: "L4.fork.image-segments",
    rule: "Pages of a program that nobody may write stay the file's own; its data are copied when they are written, on either side",
    source: "contract C-20.2; System V ABI, Program Loading",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const size = f.rig.pageSize;
      const bytes = new Uint8Array(2 * size).fill(1);
      const program = f.machine.loadImage(bytes);
      const segment = { lead: 0, fileOffset: 0, fileSize: 2 * size, memorySize: 3 * size };
      f.area(0, 3, RX, f.parent, image(program, { ...segment, writable: false }));
      f.area(4, 3, RW, f.parent, image(program, { ...segment, writable: true }));
      f.fill(4, 1, 9);
      const child = f.fork();
      same(f.fetch(child, 0), 0x01010101, "code");
      same(f.words(child, 4, 3), [9, 0x01010101, 0], "data of the child");
      f.write(child, 5, 7);
      f.write(f.parent, 6, 8);
      same(f.words(f.parent, 4, 3), [9, 0x01010101, 8], "data of the parent");
      same(f.words(child, 4, 3), [9, 7, 0], "data of the child");
      same(f.write(child, 1, 0), false, "a write to code");
      f.exit(child);
      f.exit(f.parent);
      program.close();
    }),
  },
  {
    id: "L4.fork.areas-are-ones-own",
    rule: "What one does to its areas after a fork the other does not notice",
    source: "contract C-20.1",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 6);
      f.fill(0, 6, 1);
      const child = f.fork();
      const before = f.list(child);
      f.change(() => f.parent.unmap(f.at(1), f.bytes(2)));
      f.change(() => f.parent.protect(f.at(4), f.bytes(1), AREA_READ));
      same(f.list(child), before, "areas of the child");
      same(f.words(child, 0, 6), [1, 2, 3, 4, 5, 6], "words of the child");
      same(f.write(child, 4, 9), true, "the child's write");
      same(f.words(f.parent, 0, 6), [1, -1, -1, 4, 5, 6], "words of the parent");
    }),
  },
  {
    id: "L4.fork.exits-in-every-order",
    rule: "In whatever order a family ends, those who are left read what they did, and in the end nothing is left",
    source: "contract C-20.5, C-16.1; CZ-18, CZ-35",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      for (const order of orders([0, 1, 2, 3])) {
        const f = new Family(rig);
        const free = f.free;
        const living = new Map<number, AddressSpace>();
        const parent = f.machine.spaces.create();
        f.area(0, 4, RW, parent);
        f.fill(0, 4, 10, parent);
        living.set(0, parent);
        const child = f.fork(parent);
        f.write(child, 0, 1);
        living.set(1, child);
        living.set(2, f.fork(child));
        living.set(3, f.fork(parent));
        for (const [i, space] of living) f.write(space, i, 100 + i);
        const words = new Map([...living].map(([i, space]) => [i, f.words(space, 0, 4)]));
        for (const gone of order) {
          const space = living.get(gone);
          if (space === undefined) continue;
          f.exit(space);
          living.delete(gone);
          for (const [i, left] of living) same(f.words(left, 0, 4), words.get(i), `words of ${i} after ${gone} ended (${order.join()})`);
          f.done();
        }
        // A hash keeps the chains that it grew.
        if (rig.architecture.translation.kind === "hierarchical") same(f.free, free, `free frames after all ended (${order.join()})`);
      }
    },
  },
  {
    id: "L4.fork.every-allocation-fails-once",
    rule: "Whichever allocation of a fork or of a copy fails, it has happened or has left no trace",
    source: "contract C-16.1, C-20.4; CZ-50, CZ-55",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const operations: Readonly<Record<string, (f: Family, child: AddressSpace) => unknown>> = {
        "a fork": (f) => f.fork(),
        "a fork of a child": (f, child) => f.fork(child),
        "a copy": (f) => f.write(f.parent, 0, 9),
        "the child's copy": (f, child) => f.write(child, 1, 9),
        "a cut": (f) => f.change(() => f.parent.unmap(f.at(1), f.bytes(1))),
        "the child's end": (f, child) => f.exit(child),
      };
      for (const [name, operation] of Object.entries(operations)) {
        for (let passes = 0; ; passes += 1) {
          const f = new Family(rig);
          f.area(0, 4);
          f.area(6, 2);
          f.fill(0, 3, 1);
          const child = f.fork();
          f.write(child, 2, 5);
          f.write(f.parent, 6, 6);
          same(f.read(child, 0) + f.read(f.parent, 0), 2, "words");
          const { gate } = f.machine.parts;
          const before = `${f.list(f.parent, child)} ${f.shadows}`;
          const count = gate.count;
          gate.failAfter(passes);
          let isDone: unknown;
          const code = codeOf(() => (isDone = operation(f, child)));
          const isOver = gate.count - count <= passes;
          gate.disarm();
          const what = `after ${name} failed at allocation ${passes}`;
          if (code !== "no error") same(`${f.list(f.parent, child)} ${f.shadows}`, before, `areas and shadows ${what}`);
          else if (isDone === false) same(f.machine.outcome?.rule, "out of memory", `the rule ${what}`);
          if (!child.isDestroyed)
            same(
              f.words(child, 0, 4).filter((_, i) => i !== 1),
              [1, 5, 0],
              `words of the child ${what}`,
            );
          f.done();
          if (isOver) break;
        }
      }
    },
  },
  {
    id: "L4.fork.without-frames",
    rule: "A fork that finds no frame for the child's tables is refused, and the parent goes on with its pages",
    source: "contract C-16.1, C-20.7",
    since: "1.1.0",
    traits: ONCE,
    check: family(
      (f) => {
        f.area(0, 4);
        f.fill(0, 4, 1);
        f.pin(4);
        const { frames } = f.machine.parts;
        const hoard: number[] = [];
        while (codeOf(() => hoard.push(frames.take())) === "no error");
        const spaces = Array.from(f.machine.spaces.live()).length;
        // Where one table serves all spaces a child needs no frame.
        const code = codeOf(() => f.machine.spaces.fork(f.parent));
        if (code !== "no error" || f.rig.has("tree"))
          same([code, Array.from(f.machine.spaces.live()).length], ["ERR_OUT_OF_FRAMES", spaces], "the refusal, and spaces");
        for (const frame of hoard) frames.release(frame);
        same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words of the parent");
        same(f.write(f.parent, 0, 8), true, "the parent's write");
      },
      { swap: FULL },
    ),
  },
  {
    id: "L4.fork.anonymous-behaves-as-before",
    rule: "Areas of HelenOS's calls can still be resized, shared and changed after a fork, each side for itself",
    source: "contract C-10.1, C-20.1; HelenOS kernel/generic/src/mm/as.c",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.change(() => f.parent.resizeArea(f.at(0), f.bytes(6)));
      same(f.words(f.parent, 0, 6), [1, 2, 3, 4, 0, 0], "words of the parent");
      f.change(() => child.resizeArea(f.at(0), f.bytes(2)));
      same(f.words(child, 0, 3), [1, 2, -1], "words of the child");
      // What was cut off may not come back, but as new memory; the area may be refused to grow over it instead.
      const code = codeOf(() => f.change(() => child.resizeArea(f.at(0), f.bytes(3))));
      if (code !== "ERR_AREA_NOT_RESIZABLE") same([code, f.read(child, 2)], ["no error", 0], "a page that came again");
      const pages = code === "no error" ? 3 : 2;
      const third = f.machine.spaces.create();
      f.change(() => child.shareArea(f.at(0), f.bytes(pages), third, f.at(20), RW));
      f.write(third, 20, 99);
      same([f.read(child, 0), f.read(f.parent, 0)], [99, 1], "words after sharing");
      same(f.write(f.parent, 0, 1), true, "a write that makes the page the parent's own");
      f.change(() => f.parent.changeAreaFlags(f.at(0), RO));
      same(f.write(f.parent, 0, 5), false, "a write after the right was taken");
      f.area(30, 1, RW, third, anonymous);
    }),
  },
];
