/** L4: files and their pagers. One copy of a page for all who share it; what a pager does wrong stays its own trouble. */
import {
  BytesPager,
  MemoryPager,
  file,
  type FileObject,
  type PageInAnswer,
  type PageInRequest,
  type PageOutAnswer,
  type Pager,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf } from "../rig/rig.js";
import { family, RO, RW, USUAL, type Family } from "../rig/family.js";

/** Bytes whose page i begins with the word `word + i`, in the order of the machine's bytes. */
const pagesOf = (f: Family, pages: number, word: number): Uint8Array => {
  const bytes = new Uint8Array(pages * f.rig.pageSize);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < pages; i += 1) view.setUint32(i * f.rig.pageSize, word + i, f.rig.architecture.byteOrder === "little");
  return bytes;
};

const wordAt = (f: Family, bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, f.rig.architecture.byteOrder === "little");

/** A pager that answers what it is told to, and remembers what it was given. */
class Told implements Pager {
  readonly name = "told";
  readonly asked: PageInRequest[] = [];
  readonly kept: (readonly [offset: number, content: Uint8Array])[] = [];
  readonly #answer: (request: PageInRequest) => PageInAnswer;
  readonly #keep: () => PageOutAnswer;

  constructor(answer: (request: PageInRequest) => PageInAnswer, keep: () => PageOutAnswer = () => "done") {
    this.#answer = answer;
    this.#keep = keep;
  }

  pageIn(request: PageInRequest): PageInAnswer {
    this.asked.push(request);
    return this.#answer(request);
  }

  pageOut({ offset, content }: { offset: number; content: Uint8Array }): PageOutAnswer {
    const answer = this.#keep();
    if (answer === "done") this.kept.push([offset, content.slice()]);
    return answer;
  }

  setLength(): void {}

  release(): void {}
}

const opened = (f: Family, pages: number, word: number): FileObject =>
  f.file(new BytesPager(pagesOf(f, pages, word), "some bytes"), pages * f.rig.pageSize);

export const fileClauses: readonly Clause[] = [
  {
    id: "L4.file.one-copy-for-all",
    rule: "Who maps a file shared sees what others write to it, whatever the address; who maps it privately sees it until it writes the page itself",
    source: "contract C-22.1; POSIX.1-2017 mmap()",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const data = opened(f, 4, 10);
      const other = f.machine.spaces.create();
      f.area(0, 4, RW, f.parent, file(data));
      f.area(30, 4, RO, other, file(data));
      f.area(40, 4, RW, other, file(data, { isPrivate: true }));
      for (const page of [30, 40]) same(f.words(other, page, 4), [10, 11, 12, 13], `words from page ${page} on`);
      f.write(f.parent, 1, 99);
      same([f.read(other, 31), f.read(other, 41)], [99, 99], "words after a store");
      f.write(other, 42, 5);
      f.write(f.parent, 2, 98);
      same([f.read(other, 42), f.read(other, 32), f.read(f.parent, 2)], [5, 98, 98], "words after a private store");
      same(f.write(other, 30, 1), false, "a store through a view that may be read only");
      for (const space of [f.parent, other]) f.exit(space);
      data.close();
    }),
  },
  {
    id: "L4.file.beyond-the-end",
    rule: "A page beyond the end of a file is a bus error, mapped before or not, and the rest of the last page is zeroes",
    source: "contract C-22.2; POSIX.1-2017 mmap(); CZ-21",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const size = f.rig.pageSize;
      const data = f.file(new MemoryPager(pagesOf(f, 4, 10), "some bytes"), 4 * size);
      f.area(0, 6, RW, f.parent, file(data));
      f.area(8, 4, RW, f.parent, file(data, { isPrivate: true }));
      same(f.words(f.parent, 0, 6), [10, 11, 12, 13, -1, -1], "words");
      same(f.machine.outcome?.rule, "the area's memory has no such page", "the rule");
      f.write(f.parent, 10, 5);
      const looker = f.machine.cpus.length - 1;
      f.machine.write32(f.at(1) + 16n, 77, looker);
      f.change(() => data.truncate(size + 8));
      same(f.machine.read32(f.at(1) + 16n, looker), 0, "what was stored behind the new end, in its last page");
      same(f.words(f.parent, 0, 4), [10, 11, -1, -1], "words of the shorter file");
      same([f.read(f.parent, 9), f.read(f.parent, 10)], [11, -1], "words of the private view");
      f.change(() => data.truncate(3 * size));
      same(f.words(f.parent, 0, 4), [10, 11, 0, -1], "words of the file that grew again");
      f.exit(f.parent);
      data.close();
    }),
  },
  {
    id: "L4.file.stores-reach-the-pager",
    rule: "What was stored reaches the pager when the file is flushed, and so does what is stored after that",
    source: "contract C-22.3; POSIX.1-2017 msync(); CZ-44",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      const pager = new Told(() => pagesOf(f, 1, 0));
      const data = f.file(pager, 2 * f.rig.pageSize);
      f.area(0, 2, RW, f.parent, file(data));
      same(f.read(f.parent, 0), 0, "a page of zeroes");
      same(data.isDirty, false, "after reading");
      f.write(f.parent, 0, 7);
      f.change(() => data.flush());
      f.write(f.parent, 0, 8);
      same(data.isDirty, true, "after the second store");
      f.change(() => data.flush());
      same(
        pager.kept.map(([offset, content]) => [offset, wordAt(f, content)]),
        [
          [0, 7],
          [0, 8],
        ],
        "pages kept",
      );
      same(data.isDirty, false, "after the second flush");
      f.exit(f.parent);
      data.close();
    }),
  },
  {
    id: "L4.file.failed-writes-stay-dirty",
    rule: "A page that the pager could not keep stays dirty and is offered again",
    source: "contract C-22.3; CZ-44",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      let isBroken = true;
      const pager = new Told(
        () => pagesOf(f, 1, 0),
        () => (isBroken ? "EIO" : "done"),
      );
      const data = f.file(pager, f.rig.pageSize);
      f.area(0, 1, RW, f.parent, file(data));
      f.write(f.parent, 0, 7);
      f.change(() => data.flush());
      same([pager.kept.length, data.isDirty], [0, true], "pages kept, and dirty, after a failure");
      isBroken = false;
      f.change(() => data.flush());
      same(
        pager.kept.map(([, content]) => wordAt(f, content)),
        [7],
        "words kept",
      );
      f.exit(f.parent);
      data.close();
    }),
  },
  {
    id: "L4.pager.answers-later",
    rule: "While a pager has not answered, those who want the page wait, nobody asks again, and nothing else stands still; then all go on",
    source: "contract C-22.4; CZ-56",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      const pager = new Told(() => "later");
      const data = f.file(pager, 2 * f.rig.pageSize);
      const other = f.machine.spaces.create();
      f.area(0, 2, RW, f.parent, file(data));
      f.area(4, 2, RO, other, file(data));
      f.area(8, 1);
      same([f.read(f.parent, 0), f.machine.outcome?.rule], [-1, "the page is on its way"], "a page that is asked for");
      same([f.read(other, 4), f.machine.outcome?.rule], [-1, "the page is on its way"], "the same page, wanted by another");
      same(pager.asked.length, 1, "requests");
      same(f.write(f.parent, 8, 3), true, "a write elsewhere");
      let woken = 0;
      f.read(f.parent, 0);
      f.machine.outcome?.waitsFor?.whenOver(() => (woken += 1));
      same(pager.asked[0]?.answer(pagesOf(f, 1, 42)), true, "the answer is taken");
      same(woken, 1, "those who waited were told");
      same([f.read(f.parent, 0), f.read(other, 4)], [42, 42], "words");
      for (const space of [f.parent, other]) f.exit(space);
      data.close();
    }),
  },
  {
    id: "L4.pager.errors-are-outcomes",
    rule: "A page that cannot be read is an outcome for whoever wants it, for each time it is wanted; no frame is lost, and nothing older is shown",
    source: "contract C-22.5; CZ-12",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      let isBroken = true;
      const pager = new Told(() => (isBroken ? "EIO" : pagesOf(f, 1, 5)));
      const data = f.file(pager, f.rig.pageSize);
      f.area(0, 1, RW, f.parent, file(data, { isPrivate: true }));
      same([f.read(f.parent, 0), f.machine.outcome?.rule], [-1, "the page could not be read"], "a page that cannot be read");
      same(f.write(f.parent, 0, 1), false, "a write to it");
      f.done();
      isBroken = false;
      same(f.read(f.parent, 0), 5, "the page when it can be read");
      f.exit(f.parent);
      data.close();
    }),
  },
  {
    id: "L4.pager.wrong-answers-are-contained",
    rule: "A pager that throws, gives a page of a wrong length, answers twice or too late harms nobody: errors are typed, frames come back",
    source: "contract C-22.5; CZ-60",
    since: "1.1.0",
    traits: ONCE,
    check: family((f) => {
      const size = f.rig.pageSize;
      const wrong: readonly (readonly [what: string, answer: () => PageInAnswer])[] = [
        [
          "throws",
          () => {
            throw new Error("a pager's own");
          },
        ],
        ["gives half a page", () => new Uint8Array(size / 2)],
        ["gives two pages", () => new Uint8Array(2 * size)],
        ["gives something else", () => "sometimes" as PageInAnswer],
      ];
      for (const [what, answer] of wrong) {
        const data = f.file(new Told(answer), size);
        f.area(0, 1, RW, f.parent, file(data));
        same([f.read(f.parent, 0), f.machine.outcome?.rule], [-1, "the page could not be read"], `a pager that ${what}`);
        f.done();
        f.change(() => f.parent.destroyArea(f.at(0)));
        data.close();
      }
      const pager = new Told(() => "later");
      const data = f.file(pager, 2 * size);
      f.area(0, 2, RW, f.parent, file(data));
      f.read(f.parent, 0);
      f.read(f.parent, 1);
      const [first, second] = pager.asked;
      first?.answer(pagesOf(f, 1, 1));
      same(
        codeOf(() => first?.answer(pagesOf(f, 1, 2))),
        "ERR_PAGER_ANSWERED",
        "a second answer",
      );
      same(f.read(f.parent, 0), 1, "the word after two answers");
      f.exit(f.parent);
      data.close();
      same(second?.answer(pagesOf(f, 1, 3)), false, "an answer that nobody wants any more");
      holds(Array.from(f.machine.parts.files).length === 0, "a file is left");
    }),
  },
];
