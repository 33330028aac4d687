/** L4: copy-on-write. A page is copied when it is written and somebody else still needs it, once, and never otherwise. */
import { AREA_EXECUTE, AREA_READ, AREA_WRITE } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf } from "../rig/rig.js";
import { Family, family, FULL, RW, USUAL } from "../rig/family.js";

const BOTH = AREA_READ | AREA_WRITE;

export const copyClauses: readonly Clause[] = [
  {
    id: "L4.copy.once",
    rule: "The first write to a page that others see takes one frame; the next ones take none, and reading takes none",
    source: "contract C-20.4; CZ-06",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 2);
      f.fill(0, 2, 1);
      const child = f.fork();
      same(f.words(child, 0, 2), [1, 2], "words");
      const free = f.free;
      f.write(child, 0, 5);
      same(free - f.free, 1, "frames taken by the first write");
      f.write(child, 0, 6);
      f.read(child, 0);
      f.write(child, 0, 7);
      same(free - f.free, 1, "frames taken by four accesses");
      same([f.read(f.parent, 0), f.read(child, 0)], [1, 7], "words");
    }),
  },
  {
    id: "L4.copy.last-owner-takes-the-page",
    rule: "Who is left alone with a page writes it in its own frame: nothing is copied, no frame is taken",
    source: "contract C-20.5; CZ-62",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 4);
      f.fill(0, 4, 1);
      const child = f.fork();
      f.exit(child);
      same(f.words(f.parent, 0, 4), [1, 2, 3, 4], "words");
      const before = f.machine.translate(f.at(0), AREA_READ, f.machine.cpus.length - 1);
      const free = f.free;
      f.fill(0, 4, 5);
      same(f.free, free, "free frames after the writes");
      same(f.machine.translate(f.at(0), AREA_READ, f.machine.cpus.length - 1) !== null && before !== null, true, "a translation");
      same(f.words(f.parent, 0, 4), [5, 6, 7, 8], "words after the writes");
      holds(f.shadows <= 1, `${f.shadows} shadows for one area`);
    }),
  },
  {
    id: "L4.copy.whole-page",
    rule: "A copy has every byte of its page, and the source keeps all of its own",
    source: "contract C-20.4",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 1);
      const size = f.rig.pageSize;
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + 3) & 0xff);
      f.write(f.parent, 0, 1);
      f.machine.copyToUser(f.at(0), bytes);
      const child = f.fork();
      f.write(child, 0, 0);
      const [ofChild, ofParent] = [new Uint8Array(size), new Uint8Array(size)];
      f.machine.copyFromUser(f.at(0), ofChild);
      same(
        ofChild.findIndex((byte, i) => i >= 4 && byte !== bytes[i]),
        -1,
        "the first byte of the copy that differs",
      );
      f.read(f.parent, 0);
      f.machine.copyFromUser(f.at(0), ofParent);
      same(
        ofParent.findIndex((byte, i) => byte !== bytes[i]),
        -1,
        "the first byte of the source that differs",
      );
    }),
  },
  {
    id: "L4.copy.read-then-write",
    rule: "A page that was read first is writable after the write that follows, and shows the copy in every buffer",
    source: "contract C-20.4, C-9.2; CZ-36",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 1);
      f.write(f.parent, 0, 1);
      const child = f.fork();
      same(f.read(child, 0), 1, "the word");
      same(f.write(child, 0, 2), true, "the write");
      same(f.read(child, 0), 2, "the word after it");
      same(f.read(f.parent, 0), 1, "the parent's");
    }),
  },
  {
    id: "L4.copy.others-forget-the-source",
    rule: "When one processor's write has replaced a page, another one with the same space reads the new page",
    source: "contract C-20.4, C-8.1; CZ-36; Intel SDM vol 3A §4.10.4; ARM DDI 0406C §B3.10",
    since: "1.1.0",
    traits: ["other"],
    check: family((f) => {
      f.area(0, 2);
      f.fill(0, 2, 1);
      const child = f.fork();
      same(f.words(child, 0, 2), [1, 2], "words through the other processor");
      same(f.machine.write32(f.at(0), 9, 0), true, "a write on this one");
      same(f.machine.read32(f.at(0), 1), 9, "what the other one reads");
      same(f.machine.write32(f.at(0), 10, 1), true, "the other one's write");
      same(f.machine.read32(f.at(0), 0), 10, "what this one reads");
      same(f.words(f.parent, 0, 2), [1, 2], "the parent's words");
    }),
  },
  {
    id: "L4.copy.two-writers-one-page",
    rule: "Two processors that write the same page of a space write one copy",
    source: "contract C-20.4; CZ-06, CZ-30",
    since: "1.1.0",
    traits: ["other"],
    check: family((f) => {
      f.area(0, 1);
      f.write(f.parent, 0, 1);
      const child = f.fork();
      f.read(child, 0);
      const free = f.free;
      f.machine.write32(f.at(0), 2, 0);
      f.machine.write32(f.at(0) + 4n, 3, 1);
      same(free - f.free, 1, "frames taken");
      same([f.machine.read32(f.at(0), 1), f.machine.read32(f.at(0) + 4n, 0)], [2, 3], "words");
    }),
  },
  {
    id: "L4.copy.in-front-first",
    rule: "A page that one has already is the one that is written, however its entry came to forbid it: nothing is taken, and nothing of it is lost",
    source: "contract C-20.4, C-21.1; CZ-06",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 2);
      f.fill(0, 2, 1);
      const child = f.fork();
      f.fill(0, 2, 10, child);
      f.change(() => child.protect(f.at(0), f.bytes(2), AREA_READ));
      same(f.words(child, 0, 2), [10, 11], "words while they may be read only");
      f.change(() => child.protect(f.at(0), f.bytes(2), BOTH));
      const free = f.free;
      same(f.machine.write32(f.at(0) + 4n, 20, f.machine.cpus.length - 1), true, "a write beside the first word");
      same(f.free, free, "free frames after the write");
      same(f.words(child, 0, 2), [10, 11], "words beside it");
      same(f.words(f.parent, 0, 2), [1, 2], "words of the parent");
    }),
  },
  {
    id: "L4.copy.kernel-copies-too",
    rule: "A copy into user space by the kernel breaks the sharing as the user's own write does",
    source: "contract C-14.1, C-20.4",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 1);
      f.write(f.parent, 0, 1);
      const child = f.fork();
      f.read(child, 0);
      for (const { id } of f.machine.cpus) f.machine.switchTo(child, id);
      same(f.machine.copyToUser(f.at(0), Uint8Array.of(9, 9, 9, 9)), 4, "bytes copied");
      same([f.read(child, 0), f.read(f.parent, 0)], [0x09090909, 1], "words");
    }),
  },
  {
    id: "L4.copy.zeroes-are-shared",
    rule: "Reading pages that were never written takes no frame for each; writing one gives it a frame of zeroes",
    source: "contract C-20.2; CZ-38",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 8);
      f.write(f.parent, 0, 1);
      const child = f.fork();
      f.read(child, 1);
      const free = f.free;
      same(f.words(child, 0, 8), [1, 0, 0, 0, 0, 0, 0, 0], "words");
      same(f.free, free, "free frames after reading six more pages");
      f.write(child, 3, 4);
      same(free - f.free, 1, "frames taken by a write");
      same(f.words(child, 0, 8), [1, 0, 0, 4, 0, 0, 0, 0], "words of the child");
      same(f.words(f.parent, 0, 8), [1, 0, 0, 0, 0, 0, 0, 0], "words of the parent");
    }),
  },
  {
    id: "L4.copy.rights-given-later",
    rule: "Giving an area the right to write makes no page writable that others see: the next write copies",
    source: "contract C-24.4; HelenOS as_area_change_flags()",
    since: "1.1.0",
    traits: ["cold", "warm", "recycled", "other"],
    check: family((f) => {
      f.area(0, 2);
      f.fill(0, 2, 1);
      const child = f.fork();
      for (const space of [f.parent, child]) {
        f.change(() => space.protect(f.at(0), f.bytes(2), AREA_READ));
        same(f.words(space, 0, 2), [1, 2], "words");
        same(f.write(space, 0, 7), false, "a write without the right");
        f.change(() => space.protect(f.at(0), f.bytes(2), BOTH));
      }
      f.write(child, 0, 5);
      f.write(f.parent, 1, 6);
      same(f.words(f.parent, 0, 2), [1, 6], "words of the parent");
      same(f.words(child, 0, 2), [5, 2], "words of the child");
    }),
  },
  {
    id: "L4.copy.code-that-was-written",
    rule: "A page that was copied and may then be executed is fetched as it was written",
    source: "contract C-20.4",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 1);
      f.write(f.parent, 0, 1);
      const child = f.fork();
      f.write(child, 0, 0x1234);
      f.change(() => child.protect(f.at(0), f.bytes(1), AREA_READ | AREA_EXECUTE));
      same(f.fetch(child, 0), 0x1234, "what the child fetches");
      same(f.write(child, 0, 5), false, "a write to code");
      same(f.read(f.parent, 0), 1, "the parent's word");
    }),
  },
  {
    id: "L4.copy.without-frames",
    rule: "A write that finds no frame for its copy is refused, and both go on reading what they read; with a frame it is done",
    source: "contract C-16.2, C-20.4, C-20.7; CZ-26, CZ-55",
    since: "1.1.0",
    traits: ONCE,
    check(rig) {
      const f = new Family(rig, { swap: FULL });
      f.area(0, 1);
      f.write(f.parent, 0, 1);
      const { frames } = f.machine.parts;
      f.pin(1);
      const child = f.fork();
      f.read(child, 0);
      f.read(f.parent, 0);
      const hoard: number[] = [];
      while (codeOf(() => hoard.push(frames.take())) === "no error");
      same([f.write(child, 0, 2), f.machine.outcome?.rule], [false, "out of memory"], "the write without memory");
      for (const frame of hoard) frames.release(frame);
      same(f.words(f.parent, 0, 1), [1], "the parent's word");
      same(f.write(child, 0, 2), true, "the write with memory");
      same([f.read(child, 0), f.read(f.parent, 0)], [2, 1], "words");
      f.done();
    },
  },
  {
    id: "L4.copy.refused-without-the-right",
    rule: "A page that others see is no reason to copy where the area forbids the write",
    source: "contract C-13.2, C-20.4; CZ-11",
    since: "1.1.0",
    traits: USUAL,
    check: family((f) => {
      f.area(0, 1, RW);
      f.write(f.parent, 0, 1);
      f.change(() => f.parent.protect(f.at(0), f.bytes(1), AREA_READ));
      const child = f.fork();
      const free = f.free;
      same(f.write(child, 0, 5), false, "the write");
      same(f.machine.outcome?.rule, "the area forbids this access", "the rule");
      holds(f.free >= free - 4, "frames were taken for a write that was refused");
      same(f.shadows <= 1, true, "no shadow for a write that was refused");
    }),
  },
];
