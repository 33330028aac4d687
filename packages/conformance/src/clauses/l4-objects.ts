/** L4: stacks of memory objects, and ranges of areas over them. What nobody can see is not kept; what somebody sees is. */
import { anonymous, AREA_READ, AREA_WRITE, deepestChain, type AddressSpace } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf } from "../rig/rig.js";
import { family, RW, USUAL, type Family } from "../rig/family.js";

/** Depth and number of shadows, held against the areas that live. */
const bounded = (f: Family, what: string): void => {
  const graph = f.graph();
  const areas = graph.areas.length;
  const shadows = graph.objects.filter(({ kind }) => kind === "shadow").length;
  holds(deepestChain(graph) <= areas, `a stack of ${deepestChain(graph)} shadows for ${areas} areas ${what}`);
  holds(shadows <= 2 * areas - 1, `${shadows} shadows for ${areas} areas ${what}`);
};

export const objectClauses: readonly Clause[] = [
  {
    id: "L4.chain.bounded",
    rule: "However many generations fork, write and end, no stack has more shadows than areas live, and there are fewer than twice as many",
    source: "contract C-21.1; CZ-62; phoenix-rtos-project: N-generation chains collapse",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      let last: AddressSpace = f.parent;
      const expected = [1, 2, 3, 4];
      for (let generation = 0; generation < 24; generation += 1) {
        const next = f.fork(last);
        f.write(next, generation % 4, 100 + generation);
        expected[generation % 4] = 100 + generation;
        if (generation % 3 === 0) f.write(last, (generation + 1) % 4, 7);
        if (last !== f.parent) f.exit(last);
        last = next;
        bounded(f, `after generation ${generation}`);
      }
      same(f.words(last, 0, 4), expected, "words of the last");
    }),
  },
  {
    id: "L4.chain.random-families",
    rule: "In random families the bounds hold, contents are each one's own, and at the end every frame has come back",
    source: "contract C-20.1, C-21.1, C-21.2; CZ-02",
    since: "1.1.0",
    traits: ["cold", "other"],
    check: family((f) => {
      const { random } = f.rig;
      f.area(0, 6);
      const tasks: { space: AddressSpace; words: number[] }[] = [{ space: f.parent, words: [0, 0, 0, 0, 0, 0] }];
      const rounds = f.rig.options.isLong ? 3000 : f.rig.options.isShort === true ? 40 : 160;
      for (let round = 1; round <= rounds; round += 1) {
        const task = tasks[random.below(tasks.length)];
        if (task === undefined) throw new Error("nobody is left");
        const kind = random.below(8);
        if (kind === 0 && tasks.length < 6) tasks.push({ space: f.fork(task.space), words: [...task.words] });
        else if (kind === 1 && tasks.length > 1) {
          f.exit(task.space);
          tasks.splice(tasks.indexOf(task), 1);
        } else {
          const page = random.below(6);
          task.words[page] = round;
          same(f.write(task.space, page, round), true, `write ${round}`);
        }
        bounded(f, `in round ${round}`);
        const looked = tasks[random.below(tasks.length)];
        if (looked !== undefined) same(f.words(looked.space, 0, 6), looked.words, `words in round ${round}`);
        if (round % 10 === 0) f.done();
      }
    }),
  },
  {
    id: "L4.chain.covered-pages-go",
    rule: "A child that has written every page needs nothing of its parent's: after the parent's end the old pages are free",
    source: "contract C-21.2; CZ-01, CZ-05",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.fill(0, 4, 10, child);
      const free = f.free;
      f.exit(f.parent);
      holds(f.free >= free + 4, `${f.free - free} frames came back, 4 pages were the parent's alone`);
      same(f.words(child, 0, 4), [10, 11, 12, 13], "words of the child");
      holds(f.shadows <= 1, `${f.shadows} shadows are left for one area`);
    }),
  },
  {
    id: "L4.chain.partly-covered-pages-stay",
    rule: "A child that wrote other pages than its parent still reads those that it did not write, though both have as many",
    source: "contract C-21.2; CZ-02",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 8);
      f.write(f.parent, 5, 55);
      const child = f.fork();
      f.write(f.parent, 7, 77);
      same(f.words(f.parent, 5, 3), [55, 0, 77], "words of the parent");
      f.exit(child);
      same(f.words(f.parent, 5, 3), [55, 0, 77], "words of the parent after the child's end");
      f.write(f.parent, 6, 66);
      same(f.words(f.parent, 5, 3), [55, 66, 77], "words of the parent at last");
      // Nothing is mapped in a child: it reads what the stack has.
      same(f.words(f.fork(), 5, 3), [55, 66, 77], "words of another child");
    }),
  },
  {
    id: "L4.chain.covered-is-passed-by",
    rule: "Once a child has written every page that its parent had, the parent has its pages for itself and writes them where they are",
    source: "contract C-21.2, C-20.5; CZ-05",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.fill(0, 4, 10, child);
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words of the parent");
      const free = f.free;
      f.fill(0, 4, 20);
      same(f.free, free, "free frames after the parent's writes");
      same(f.words(child, 0, 4), [10, 11, 12, 13], "words of the child");
      same(f.words(f.parent, 0, 4), [20, 21, 22, 23], "words of the parent at last");
    }),
  },
  {
    id: "L4.chain.merges-keep-the-newer",
    rule: "Whatever pages two generations have, in memory or out, the younger one reads its own where it has them when the elder has ended",
    source: "contract C-21.2, C-21.1; CZ-03, CZ-54",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      const sets = Array.from({ length: 8 }, (_, bits) => [0, 1, 2].filter((page) => (bits & (1 << page)) !== 0));
      for (const isOut of f.rig.options.isShort === true ? [true] : [false, true]) {
        for (const elders of sets) {
          for (const own of sets) {
            const elder = f.machine.spaces.create();
            f.area(0, 3, RW, elder);
            for (const page of elders) f.write(elder, page, 10 + page);
            const younger = f.fork(elder);
            for (const page of own) f.write(younger, page, 20 + page);
            if (isOut) {
              f.pushOut();
              f.pushOut();
            }
            f.exit(elder);
            const expected = [0, 1, 2].map((page) => (own.includes(page) ? 20 + page : elders.includes(page) ? 10 + page : 0));
            same(
              f.words(younger, 0, 3),
              expected,
              `words where the elder wrote ${elders.join()} and the younger ${own.join()}${isOut ? ", all out" : ""}`,
            );
            f.exit(younger);
          }
        }
      }
    }),
  },
  {
    id: "L4.window.unmapped-pages-go",
    rule: "Pages of one's own that no area shows any more are free, whether the area was cut at an end, in the middle, or went",
    source: "contract C-21.3; CZ-43",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      f.area(0, 8);
      f.fill(0, 8, 1);
      f.exit(f.fork());
      f.fill(0, 8, 1);
      for (const [page, pages, what] of [
        [0, 1, "its beginning"],
        [7, 1, "its end"],
        [3, 2, "its middle"],
      ] as const) {
        const free = f.free;
        f.change(() => f.parent.unmap(f.at(page), f.bytes(pages)));
        holds(f.free - free >= pages, `${f.free - free} frames came back for ${pages} pages of ${what}`);
      }
      same(f.words(f.parent, 0, 8), [-1, 2, 3, -1, -1, 6, 7, -1], "words");
      const child = f.fork();
      same(f.words(child, 0, 8), [-1, 2, 3, -1, -1, 6, 7, -1], "words of a child");
    }),
  },
  {
    id: "L4.window.mapped-again-is-new",
    rule: "Memory that is mapped where other memory was shows nothing of it, and leaves alone whoever still sees that",
    source: "contract C-21.3, C-24.1; phoenix-rtos-project#1714: unmapping and mapping again does not touch a shared object",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.change(() => child.unmap(f.at(1), f.bytes(2)));
      f.area(1, 2, RW, child);
      same(f.words(child, 0, 4), [1, 0, 0, 4], "words of the child");
      f.fill(1, 2, 50, child);
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words of the parent");
    }),
  },
  {
    id: "L4.range.halves-are-independent",
    rule: "The two parts of an area that was cut keep their pages, and each goes its own way through forks and ends",
    source: "contract C-24.2; CZ-42",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 5);
      f.fill(0, 5, 1);
      const child = f.fork();
      f.change(() => f.parent.unmap(f.at(2), f.bytes(1)));
      f.write(f.parent, 0, 20);
      const grandchild = f.fork();
      f.write(f.parent, 4, 21);
      f.change(() => f.parent.unmap(f.at(3), f.bytes(2)));
      f.exit(child);
      same(f.words(f.parent, 0, 5), [20, 2, -1, -1, -1], "words of the parent");
      same(f.words(grandchild, 0, 5), [20, 2, -1, 4, 5], "words of the grandchild");
      f.write(grandchild, 1, 9);
      same(f.words(f.parent, 0, 2), [20, 2], "words of the parent at last");
    }),
  },
  {
    id: "L4.range.holes-are-nothing",
    rule: "Unmapping a range takes what lies in it, whatever areas those are, and a range with nothing in it is no error",
    source: "contract C-24.1; POSIX.1-2017 munmap(); CZ-43",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 2);
      f.area(4, 2);
      f.area(8, 2);
      f.fill(0, 2, 1);
      f.fill(4, 2, 5);
      f.fill(8, 2, 9);
      f.change(() => f.parent.unmap(f.at(1), f.bytes(8)));
      f.change(() => f.parent.unmap(f.at(20), f.bytes(3)));
      same(f.words(f.parent, 0, 10), [1, -1, -1, -1, -1, -1, -1, -1, -1, 10], "words");
    }),
  },
  {
    id: "L4.range.rights-of-a-part",
    rule: "Rights of a part of an area change for that part alone, at once and on every processor; a hole in the range is refused, and nothing has changed",
    source: "contract C-24.3, C-24.4; POSIX.1-2017 mprotect()",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      f.change(() => f.parent.protect(f.at(1), f.bytes(2), AREA_READ));
      same(
        [0, 1, 2, 3].map((page) => f.write(f.parent, page, 9)),
        [true, false, false, true],
        "writes",
      );
      const before = f.list(f.parent);
      holds(
        codeOf(() => f.change(() => f.parent.protect(f.at(2), f.bytes(4), AREA_READ))) !== "no error",
        "a range with a hole was accepted",
      );
      same(f.list(f.parent), before, "areas after the refusal");
      f.change(() => f.parent.protect(f.at(1), f.bytes(2), AREA_READ | AREA_WRITE));
      same(
        [0, 1, 2, 3].map((page) => f.write(f.parent, page, 9)),
        [true, true, true, true],
        "writes at last",
      );
      same(Array.from(f.parent.areas()).length, 1, "areas, once they are alike again");
    }),
  },
  {
    id: "L4.range.moved-pages",
    rule: "Pages that are moved keep what they hold, at the new address alone, and stay shared with whoever shared them",
    source: "contract C-24.5; Linux man-pages mremap(2)",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.write(child, 1, 50);
      f.change(() => child.move(f.at(1), f.bytes(2), f.at(20), f.bytes(3)));
      same(f.words(child, 0, 4), [1, -1, -1, 4], "words where they were");
      same(f.words(child, 20, 3), [50, 3, 0], "words where they are");
      f.write(child, 21, 60);
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words of the parent");
    }),
  },
  {
    id: "L4.range.discarded-pages",
    rule: "Pages that are discarded are new when they are touched again, for whoever discarded them and for nobody else",
    source: "contract C-24.6; Linux man-pages madvise(2)",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.write(child, 0, 9);
      same(
        f.change(() => child.discard(f.at(0), f.bytes(2))),
        true,
        "a range without a hole",
      );
      same(f.words(child, 0, 4), [0, 0, 3, 4], "words of the child");
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words of the parent");
      f.change(() => f.parent.discard(f.at(3), f.bytes(1)));
      same(f.words(f.parent, 0, 4), [1, 2, 3, 0], "words of the parent at last");
      same(f.read(child, 3), 4, "the child's word");
    }),
  },
  {
    id: "L4.range.nothing-is-left",
    rule: "When all areas of a family are unmapped piece by piece, no page and no shadow is left",
    source: "contract C-21.2, C-21.3",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      const resident = f.free;
      f.area(0, 6, RW, f.parent, anonymous);
      f.fill(0, 6, 1);
      const child = f.fork();
      f.fill(1, 3, 10, child);
      for (const [space, page, pages] of [
        [f.parent, 2, 2],
        [child, 0, 2],
        [f.parent, 0, 2],
        [child, 4, 2],
        [f.parent, 4, 2],
        [child, 2, 2],
      ] as const)
        f.change(() => space.unmap(f.at(page), f.bytes(pages)));
      same(f.shadows, 0, "shadows");
      f.exit(child);
      if (f.rig.architecture.translation.kind === "hierarchical") holds(f.free >= resident, `${resident - f.free} frames are missing`);
    }),
  },
];
