/** L2: single entries of a TLB: which of them answers, which may be replaced, what goes with them. */
import { ABSENT, ENTRY_LOCKED, READ, rightsFor, USER } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import type { Rig } from "../rig/rig.js";
import { ACCESSES, inWords, Scene, USER_ALL, USER_RW } from "../rig/scene.js";

const ANYBODY = rightsFor(7, 7);

export const tlbEntryClauses: readonly Clause[] = [
  {
    id: "L2.tlb.switch-forgets-other-rights",
    rule: "Two spaces with the same page each reach their own frame, switched to and fro on one processor",
    source: "contract C-5.9, C-7.1",
    since: "1.0.0",
    traits: ["warm", "recycled"],
    check(rig) {
      const scene = new Scene(rig);
      const other = scene.machine.spaces.create();
      const [mine, theirs] = [scene.frame(), scene.frame()];
      scene.map(scene.first, mine, USER_ALL);
      scene.map(scene.first, theirs, USER_ALL, other.context);
      for (let round = 0; round < 4; round += 1) {
        const [space, frame] = round % 2 === 0 ? [other, theirs] : [scene.space, mine];
        scene.machine.switchTo(space, scene.cpu.id);
        for (const access of ACCESSES)
          same(scene.look(scene.first, access, USER), scene.at(frame), `${inWords(access, USER)} after switch ${round}`);
      }
    },
  },
  {
    id: "L2.tlb.lowest-of-several",
    rule: "Of several entries that match, the one with the lowest number translates",
    source: "contract C-5.3",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const scene = new Scene(rig);
      const tlb = scene.cpu.dataTlb;
      tlb.forget(false, false);
      const span = tlb.geometry.paired ? 2 : 1;
      const page = 64 * scene.rig.perPage;
      const tag = scene.cpu.asidFor(USER);
      const [low, high] = [tlb.geometry.wired, tlb.geometry.wired + 1];
      tlb.write(high, page, span, 16, tag, ANYBODY);
      tlb.write(low, page, span, 8, tag, ANYBODY);
      same(tlb.probe(page, tag), low, "the entry that matches");
      tlb.drop(low);
      same(tlb.probe(page, tag), high, "the entry that matches when the lower one is gone");
    },
  },
  {
    id: "L2.tlb.large-entry-goes-whole",
    rule: "An entry for a large page serves all of it, and goes as a whole when any part of it is invalidated",
    source: "contract P-3.2; Intel SDM vol 3A §4.10.4.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["several-page-sizes"],
    check(rig) {
      const scene = new Scene(rig);
      const { pageShifts, paired } = rig.architecture.tlb.data;
      const tlb = scene.cpu.dataTlb;
      const tag = scene.cpu.asidFor(USER);
      for (const shift of pageShifts.slice(1)) {
        tlb.forget(false, false);
        const span = 2 ** (shift - rig.architecture.hardwarePageShift) * (paired ? 2 : 1);
        const first = span * 3;
        const entry = tlb.enter(first + 1, span, span * 5, tag, ANYBODY);
        if (paired) tlb.writeOdd(entry, span * 7, ANYBODY);
        same(tlb.probe(first, tag), entry, "its first page");
        same(tlb.probe(first + span - 1, tag), entry, "its last page");
        holds(tlb.probe(first - 1, tag) < 0 && tlb.probe(first + span, tag) < 0, "it serves pages beside it");
        if (!paired) same(tlb.frameOf(entry, first + span - 1), span * 5 + span - 1, "the frame of its last page");
        tlb.invalidatePage(first + Math.floor(span / 2), tag);
        holds(tlb.probe(first, tag) < 0, "it is still there");
      }
    },
    otherwise: {
      rule: "A buffer of one page size takes no other",
      check(rig) {
        const tlb = new Scene(rig).cpu.dataTlb;
        let isRefused = false;
        try {
          tlb.enter(64, 64, 64, 0, ANYBODY);
        } catch {
          isRefused = true;
        }
        holds(isRefused, "an entry of another size is accepted");
      },
    },
  },
  {
    id: "L2.tlb.locked-stay",
    rule: "Locked entries are never chosen for replacement",
    source: "contract C-5.2; UltraSPARC User's Manual §6.11.2",
    since: "1.0.0",
    traits: ONCE,
    needs: ["lockable-entries"],
    check(rig) {
      const tlb = new Scene(rig).cpu.dataTlb;
      tlb.forget(false, false);
      const locked = tlb.enter(64, 1, 64, 5, ANYBODY, ENTRY_LOCKED);
      for (let i = 0; i < tlb.geometry.entries * 3; i += 1) tlb.enter(1024 + i, 1, i, 5, ANYBODY);
      same(tlb.probe(64, 5), locked, "the locked entry");
    },
    otherwise: {
      rule: "A buffer without locks replaces every entry in the end",
      check(rig) {
        const tlb = new Scene(rig).cpu.dataTlb;
        tlb.forget(false, false);
        const span = tlb.geometry.paired ? 2 : 1;
        tlb.enter(64, span, 64, 1, ANYBODY, ENTRY_LOCKED);
        for (let i = 0; i < tlb.geometry.entries * 40; i += 1) tlb.enter(4096 + i * span, span, 64, 1, ANYBODY);
        holds(tlb.probe(64, 1) < 0, "an entry is never replaced");
      },
    },
  },
  {
    id: "L2.tlb.wired-stay",
    rule: "Wired entries are never chosen for replacement",
    source: "contract C-5.2; MIPS32 PRA vol III, Wired register",
    since: "1.0.0",
    traits: ONCE,
    needs: ["wired-entries"],
    check(rig) {
      const tlb = new Scene(rig).cpu.dataTlb;
      const span = tlb.geometry.paired ? 2 : 1;
      tlb.write(0, 64, span, 64, 5, ANYBODY);
      for (let i = 0; i < tlb.geometry.entries * 20; i += 1) tlb.enter(1024 + i * span, span, 64, 5, ANYBODY);
      same(tlb.probe(64, 5), 0, "the wired entry");
    },
    otherwise: {
      rule: "Without wired entries the first one is replaced like any other",
      check(rig) {
        const tlb = new Scene(rig).cpu.dataTlb;
        tlb.forget(false, false);
        same(tlb.wired, 0, "wired entries");
      },
    },
  },
  {
    id: "L2.tlb.halves-apart",
    rule: "The two halves of an entry map two pages, each with rights and a frame of its own; an unset half maps nothing",
    source: "contract P-4.1; MIPS32 PRA vol III, EntryLo0 and EntryLo1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["paired-entries"],
    check(rig) {
      const tlb = new Scene(rig).cpu.dataTlb;
      tlb.forget(false, false);
      const entry = tlb.enter(64, 2, 8, 5, rightsFor(1, 1));
      same(tlb.rightsOf(entry, 65), 0, "rights of a half that was not set");
      tlb.writeOdd(entry, 33, ANYBODY);
      same(tlb.frameOf(entry, 64), 8, "frame of the even half");
      same(tlb.frameOf(entry, 65), 33, "frame of the odd half");
      same(tlb.rightsOf(entry, 64), rightsFor(1, 1), "rights of the even half");
      same(tlb.rightsOf(entry, 65), ANYBODY, "rights of the odd half");
    },
    otherwise: {
      rule: "Entries of one half map one page",
      check(rig) {
        const tlb = new Scene(rig).cpu.dataTlb;
        tlb.forget(false, false);
        tlb.enter(64, 1, 8, 5, ANYBODY);
        holds(tlb.probe(65, 5) < 0, "an entry serves the page beside it");
      },
    },
  },
  {
    id: "L2.tlb.tag-decides",
    rule: "An entry serves the space whose tag it carries, and no other",
    source: "contract C-5.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["asids"],
    check(rig) {
      const tlb = new Scene(rig).cpu.dataTlb;
      const [mine, other] = tagsOf(rig);
      tlb.forget(false, false);
      tlb.enter(64, tlb.geometry.paired ? 2 : 1, 8, mine, ANYBODY);
      holds(tlb.probe(64, mine) >= 0, "its own space does not find it");
      holds(tlb.probe(64, other) < 0, "another space finds it");
      for (let bit = 1; bit < 2 ** rig.architecture.asids.bits; bit *= 2)
        if ((mine ^ bit) !== mine) holds(tlb.probe(64, mine ^ bit) < 0, `a tag that differs in bit ${Math.log2(bit)} finds it`);
    },
    otherwise: {
      rule: "Entries without tags are forgotten when the space changes",
      check(rig) {
        const scene = new Scene(rig);
        scene.map(scene.first, scene.frame(), USER_RW);
        scene.look(scene.first, READ, USER);
        scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
        same(scene.raw(scene.first * rig.perPage, READ, USER), scene.fault(ABSENT), "a page of the space that was there before");
      },
    },
  },
];

/** Two tags that users can have; the same one where entries carry none. */
const tagsOf = ({ architecture }: Rig): readonly [number, number] =>
  architecture.asids.bits === 0 ? [0, 0] : [architecture.asids.first, architecture.asids.first + 1];
