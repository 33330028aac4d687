/** L6: what is listed of an image, compared between two, read through it, found suspicious in it. */
import {
  fieldBits,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_USER,
  READ,
  USER,
  WRITE,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import type { FindingCode } from "@portolan/inspect";
import { ONCE, type Clause } from "../clause.js";
import { Failure, holds, same, show } from "../failure.js";
import { CONTENTS, Desk, RO, RW, RX, USUAL } from "../rig/desk.js";
import { Dump, Look, noTree } from "../rig/images.js";
import { readWord, rootFor, wordsOnTheWay, writeWord } from "../rig/naive.js";
import type { Rig } from "../rig/rig.js";
import { Scene, USER_ALL, USER_RW } from "../rig/scene.js";
import { levelsOf } from "./l0-entries.js";

/** A desk, work at it, and the invariants afterwards. */
const at =
  (work: (desk: Desk) => Promise<void>) =>
  async (rig: Rig): Promise<void> => {
    const desk = new Desk(rig);
    await work(desk);
    desk.done();
  };

/** Pages of a space that its areas use, ascending, by their own books. */
const usedPages = ({ tree, parts }: AddressSpace): number[] => {
  const pages: number[] = [];
  for (let area = tree.first(); area >= 0; area = tree.next(area)) {
    const first = parts.areas.firstOf(area);
    for (let page = first; page < first + parts.areas.pagesOf(area); page += 1) if (parts.areas.used.contains(area, page)) pages.push(page);
  }
  return pages;
};

/** Areas of three kinds in both spaces, touched here and there, and some of that taken away again. */
const furnish = (desk: Desk): void => {
  const { random } = desk.rig;
  for (const [i, space] of [desk.a, desk.b].entries()) {
    desk.install(space);
    desk.area(0, 24, RW, space);
    desk.area(30, 8, RX, space);
    desk.area(40 + i, 8, RO, space);
    for (let times = 0; times < 14; times += 1) desk.write(random.below(24), 1000 + times);
    for (const first of [30, 40 + i]) for (let times = 0; times < 3; times += 1) desk.read(first + random.below(8));
    space.unmap(desk.at(4), desk.bytes(3));
    space.destroyArea(desk.at(40 + i));
  }
  desk.install(desk.a);
  desk.a.shareArea(desk.at(0), desk.bytes(4), desk.b, desk.at(60), RW);
};

/** The live machine's answer for a page, its frame or −1, through empty buffers. */
const reached = (desk: Desk, space: AddressSpace, page: number): number => {
  const { machine, rig } = desk;
  const id = desk.looker;
  machine.switchTo(space, id);
  const cpu = machine.cpu(id);
  for (const tlb of new Set([cpu.dataTlb, cpu.instructionTlb])) tlb.forget(false, false);
  const frame = machine.on(id, () => cpu.translate(page * rig.perPage, READ, USER));
  return frame < 0 ? -1 : Math.floor(frame / rig.perPage);
};

const mapped = (rig: Rig, count: number, flags = USER_ALL): { readonly scene: Scene; readonly frames: readonly number[] } => {
  const scene = new Scene(rig);
  const frames = Array.from({ length: count }, (_, i) => {
    const frame = scene.frame();
    scene.map(scene.first + i, frame, flags);
    return frame;
  });
  return { scene, frames };
};

export const imageListClauses: readonly Clause[] = [
  {
    id: "L6.list.used-space-exactly",
    rule: "A list of an image has exactly the pages that the areas of the space use, each with the frame that the live machine reaches",
    source: "contract C-4.1, C-10.1, C-13.4; gdb-pt-dump, pwndbg vmmap",
    since: "1.2.0",
    traits: CONTENTS,
    check: at(async (desk) => {
      furnish(desk);
      const look = new Look(desk.rig, desk.machine);
      for (const [name, space] of Object.entries({ a: desk.a, b: desk.b })) {
        const used = usedPages(space);
        const pages = await look.pages(space);
        same([...pages.keys()], used, `pages that are listed of space ${name}`);
        for (const [page, { frame }] of pages) {
          const live = reached(desk, space, page);
          if (live >= 0) same(frame, live, `the frame of page 0x${page.toString(16)} of space ${name}`);
        }
      }
    }),
  },
  {
    id: "L6.list.merged-is-the-same",
    rule: "Neighbours that are joined into ranges say of every page what the pages alone say",
    source: "gdb-pt-dump: merged ranges; contract C-4.1",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const scene = new Scene(rig);
      // Side by side and not, with equal rights and not, with and without a gap.
      const kinds = [USER_ALL, USER_ALL, USER_RW, USER_RW, READ | PAGE_USER, null, READ | PAGE_USER, USER_ALL, USER_ALL, USER_ALL];
      const frames = kinds.map(() => scene.frame());
      kinds.forEach((flags, i) => {
        if (flags !== null) scene.map(scene.first + i, frames[i === 8 ? 9 : i === 9 ? 8 : i] ?? 0, flags);
      });
      const look = new Look(rig, scene.machine);
      const alone = await look.pages(scene.space);
      const ranges = await look.list(scene.space, "ranges");
      holds(ranges.length < alone.size, `${alone.size} pages are ${ranges.length} ranges`);
      const plain = (pages: typeof alone) =>
        [...pages].map(([page, { frame, rights, flags }]) => ({ page, frame, rights, flags: flags & ~(PAGE_ACCESSED | PAGE_DIRTY) }));
      same(plain(look.pagesOf(ranges)), plain(alone), "pages of the ranges");
      const rights = (await look.list(scene.space, "rights")).flatMap((range) =>
        Array.from({ length: range.bytes / rig.pageSize }, (_, i) => ({
          page: scene.machine.parts.units.pageOf(range.first) + i,
          rights: range.rights,
        })),
      );
      same(
        rights,
        [...alone].map(([page, seen]) => ({ page, rights: seen.rights })),
        "pages of neighbours with equal rights",
      );
    },
  },
  {
    id: "L6.list.marks-as-recorded",
    rule: "A list tells which pages were accessed and which were written since they were mapped, as far as the machine records it",
    source: "contract C-4.6, C-4.4; Intel SDM vol 3A §4.8",
    since: "1.2.0",
    traits: ONCE,
    needs: ["records-access"],
    async check(rig) {
      const scene = new Scene(rig);
      // As far from each other as no walker looks ahead.
      const [read, written, none] = [0, 8, 16].map((i) => scene.first + i) as [number, number, number];
      for (const page of [read, written, none]) scene.map(page, scene.frame(), USER_RW);
      scene.look(read, READ, USER);
      scene.look(written, WRITE, USER);
      const pages = await new Look(rig, scene.machine).pages(scene.space);
      const marks = [read, written, none].map((page) => (pages.get(page)?.flags ?? -1) & (PAGE_ACCESSED | PAGE_DIRTY));
      const dirty = rig.has("records-write") ? PAGE_DIRTY : 0;
      same(
        marks,
        [PAGE_ACCESSED, PAGE_ACCESSED | dirty, 0],
        "marks of a page that was read, of one that was written, and of one that was not",
      );
    },
    otherwise: {
      rule: "Where nobody records accesses an image shows no mark of one",
      async check(rig) {
        const { scene } = mapped(rig, 2, USER_RW);
        scene.look(scene.first, READ, USER);
        for (const [page, { flags }] of await new Look(rig, scene.machine).pages(scene.space))
          same(flags & PAGE_ACCESSED, 0, `the mark of page 0x${page.toString(16)}`);
      },
    },
  },
  {
    id: "L6.diff.every-change",
    rule: "Two images of a space differ in the pages that appeared, vanished or changed between them, and in no others",
    source: "contract C-4.2, C-4.4, C-4.5",
    since: "1.2.0",
    traits: ["cold", "recycled", "forked"],
    async check(rig) {
      const { scene } = mapped(rig, 10);
      const { machine, space, first } = scene;
      const { frames } = machine.parts;
      const taken = (): Look => new Look(rig, machine, new Dump(machine, (frame) => frames.references(frame) !== 0));
      const before = taken();
      scene.map(first + 10, scene.frame(), USER_ALL);
      scene.unmap(first + 2);
      scene.protect(first + 4, READ | PAGE_USER | PAGE_CACHEABLE);
      scene.unmap(first + 6);
      scene.map(first + 6, scene.frame(), USER_ALL);
      // An access is no change.
      scene.look(first + 8, WRITE, USER);
      const after = taken();
      const sides = [before, after].map(({ memory }) => ({ memory, roots: after.roots(space) })) as [Side, Side];
      const told: unknown[] = [];
      const { units } = machine.parts;
      for await (const { kind, first: from, last, what } of rig.reader.diff(...sides, rig.architecture, { switches: after.switches }))
        told.push([units.pageOf(from) - first, units.pageOf(last) - first, kind, what.includes("target"), what.includes("rights")]);
      same(
        told,
        [
          [2, 2, "vanished", false, false],
          [4, 4, "changed", false, true],
          [6, 6, "changed", true, false],
          [10, 10, "appeared", false, false],
        ],
        "changes: first page, last page, kind, another frame, other rights",
      );
    },
  },
  {
    id: "L6.read.bytes-as-written",
    rule: "Bytes at virtual addresses of an image are those that programs wrote there, across pages, to the first that is not mapped",
    source: "contract C-14.1; libvmi, drgn: reads of a program's memory",
    since: "1.2.0",
    traits: USUAL,
    check: at(async (desk) => {
      const { machine, rig } = desk;
      desk.area(0, 4);
      desk.area(1, 2, RW, desk.b);
      const size = BigInt(rig.pageSize);
      const [from, end] = [desk.at(1) - 6n, desk.at(3)];
      for (let page = 0; page < 3; page += 1) desk.write(page, 0x1020_3040 + page);
      for (let i = 0n; i < 12n; i += 1n) machine.write8(from + i, 0xa0 + Number(i), desk.looker);
      desk.install(desk.b);
      desk.write(1, 0x5060_7080);
      desk.install(desk.a);
      const expected = Array.from({ length: 16 }, (_, i) => machine.read8(from + BigInt(i), desk.looker));
      const look = new Look(rig, machine);
      const bytes = async (space: AddressSpace, address: bigint, length: number) =>
        rig.reader.bytes(look.memory, rig.architecture, look.roots(space), address, length, { privilege: USER, switches: look.switches });
      same([...(await bytes(desk.a, from, 16)).bytes], expected, "bytes across the end of a page");
      const all = await bytes(desk.a, desk.at(2), 2 * rig.pageSize);
      same([BigInt(all.bytes.length), all.stop?.address], [size, end], "how many bytes are mapped there, and where that ends");
      const other = (await bytes(desk.b, desk.at(1), 4)).bytes;
      same([...other], bytesOf(machine, 0x5060_7080), "bytes of the other space at the same address");
    }),
  },
  {
    id: "L6.check.sound-and-broken",
    rule: "Tables that the core made are not called broken, and what is broken in them by hand is told with its entry",
    source: "d-iii-s/msim#54; contract C-4.1",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree"],
    async check(rig) {
      const { scene } = mapped(rig, 4, USER_RW);
      const { machine, space, first } = scene;
      const look = new Look(rig, machine);
      const address = machine.parts.units.addressOf(first);
      const findings = async () =>
        (await rig.reader.check(look.memory, rig.architecture, look.roots(space, address), { switches: look.switches })).findings;
      const broken = (await findings()).filter(({ severity }) => severity === "broken");
      same(broken, [], "what is broken in tables that the core made");
      const root = rootFor(machine, space.context, address);
      const way = wordsOnTheWay(machine, root, address, rig.subject.oracle, look.switches);
      let tried = 0;
      for (const [depth, { address: entryAt, bytes, entry }] of way.entries()) {
        const level = levelsOf(rig.architecture)[depth];
        const format = entry?.kind === "table" ? level?.table : level?.leaf;
        const kept = readWord(machine, entryAt, bytes);
        const damages: (readonly [FindingCode, bigint])[] = [];
        const frame = format?.fields.find(({ role }) => role === "frame");
        const outside = frame === undefined ? null : frameBeyond(machine, frame.bits);
        if (outside !== null) damages.push([entry?.kind === "table" ? "table-outside" : "page-outside", kept | outside]);
        const reserved = format?.fields.find(({ role }) => role === "reserved");
        if (rig.has("reserved-bits") && reserved !== undefined) damages.push(["reserved", kept | (1n << BigInt(fieldBits(reserved)[1]))]);
        for (const [code, word] of damages) {
          writeWord(machine, entryAt, bytes, word);
          const told = (await findings()).filter((one) => one.code === code);
          const what = `"${code}" of the ${level?.name ?? "?"} entry that holds ${show(word)}`;
          const [one] = told.filter(({ first: from, last }) => from <= address && address <= last);
          if (one === undefined) throw new Failure(`there is no finding ${what}`);
          if (code !== "table-outside") same(BigInt(one.physical), entryAt, `the entry of ${what}`);
          tried += 1;
        }
        writeWord(machine, entryAt, bytes, kept);
      }
      holds(tried > 0, "nothing could be broken");
      same(
        await look.answer(space, address, READ, USER).then((answer) => "fault" in answer && answer.fault === "absent"),
        false,
        "a page that was mended is absent",
      );
    },
    otherwise: noTree,
  },
];

interface Side {
  readonly memory: Dump;
  readonly roots: ReturnType<Look["roots"]>;
}

/** Bits of a frame's field that lead out of memory, or null where all of them may lead into it. */
const frameBeyond = (machine: Machine, bits: number | readonly [high: number, low: number]): bigint | null => {
  const high = typeof bits === "number" ? bits : bits[0];
  const { memory } = machine.parts;
  const end = (memory.firstFrame + memory.frameCount) * memory.frameSize;
  return 2 ** high >= end ? 1n << BigInt(high) : null;
};

/** A word's bytes in the machine's order. */
const bytesOf = ({ parts: { memory } }: Machine, word: number): number[] => {
  const bytes = [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff];
  return memory.byteOrder === "little" ? bytes.reverse() : bytes;
};
