/** L2: what a TLB remembers, what it forgets when told, and what it must not forget to forget. */
import {
  ABSENT,
  ENTRY_GLOBAL,
  ENTRY_LOCKED,
  EXECUTE,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_DIRTY,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  rightsFor,
  USER,
  WRITE,
} from "@portolan/core";
import { ONCE, TRAITS, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { ACCESSES, inWords, Scene, USER_ALL, USER_RW } from "../rig/scene.js";
import type { Rig } from "../rig/rig.js";

const ANYBODY = rightsFor(7, 7);
/** Traits under which something is in the TLB when it is withdrawn. */
const FILLED = ["warm", "recycled", "other"] as const;

/** Whether a global entry counts as such on the processor now. */
const honours = ({ architecture }: Rig, switches: Readonly<Record<string, boolean>>): boolean => {
  const { honoursGlobal } = architecture.tlb;
  return typeof honoursGlobal === "boolean" ? honoursGlobal : switches[honoursGlobal.switch];
};

/** Settings under which global entries are looked at: with the switch that decides on them on and off. */
const globalSettings = ({ architecture }: Rig): readonly Readonly<Record<string, boolean>>[] => {
  const { honoursGlobal } = architecture.tlb;
  return typeof honoursGlobal === "boolean" ? [{}] : [{ [honoursGlobal.switch]: false }, { [honoursGlobal.switch]: true }];
};

export const tlbClauses: readonly Clause[] = [
  {
    id: "L2.tlb.gained-page-is-seen",
    rule: "A page that was absent when it was looked for is seen as soon as it is mapped",
    source: "contract C-8.8",
    since: "1.0.0",
    traits: TRAITS,
    check(rig) {
      const scene = new Scene(rig);
      for (const access of ACCESSES)
        same(scene.look(scene.first, access, USER), scene.fault(ABSENT), `${inWords(access, USER)} of an absent page`);
      const frame = scene.frame();
      scene.map(scene.first, frame, USER_ALL);
      for (const access of ACCESSES)
        same(scene.look(scene.first, access, USER), scene.at(frame), `${inWords(access, USER)} of a page just mapped`);
    },
  },
  {
    id: "L2.tlb.unmapped-page-is-gone",
    rule: "After an unmapping has returned no access reaches the page, whatever was in TLBs and software caches",
    source: "contract C-5.9, C-8.1",
    since: "1.0.0",
    traits: TRAITS,
    check(rig) {
      const scene = new Scene(rig);
      for (let part = 0; part < rig.perPage; part += 1) {
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_ALL);
        for (let each = 0; each < rig.perPage; each += 1) for (const access of ACCESSES) scene.look(scene.first, access, USER, each);
        scene.unmap(scene.first);
        for (const access of ACCESSES)
          same(
            scene.raw(scene.first * rig.perPage + part, access, USER),
            scene.fault(ABSENT),
            `${inWords(access, USER)} of part ${part} of a page that is gone`,
          );
      }
    },
  },
  {
    id: "L2.tlb.neighbours-stay",
    rule: "Unmapping pages takes those pages and no other",
    source: "contract C-8.1",
    since: "1.0.0",
    traits: TRAITS,
    check(rig) {
      const scene = new Scene(rig);
      const frames = Array.from({ length: 6 }, () => scene.frame());
      frames.forEach((frame, i) => scene.map(scene.first + i, frame, USER_RW));
      frames.forEach((_, i) => scene.look(scene.first + i, WRITE, USER));
      scene.unmap(scene.first + 2, 2);
      frames.forEach((frame, i) =>
        same(
          scene.raw((scene.first + i) * rig.perPage, READ, USER),
          i === 2 || i === 3 ? scene.fault(ABSENT) : scene.at(frame),
          `page ${i} of six, of which 2 and 3 were unmapped`,
        ),
      );
    },
  },
  {
    id: "L2.tlb.many-pages-at-once",
    rule: "A long range that is unmapped is gone to its last page",
    source: "contract C-8.1, C-8.2",
    since: "1.0.0",
    traits: FILLED,
    check(rig) {
      const scene = new Scene(rig);
      const count = 40;
      const page = scene.first + 40;
      for (let i = 0; i < count; i += 1) {
        scene.map(page + i, scene.frame(), USER_RW);
        scene.look(page + i, READ, USER);
      }
      scene.unmap(page, count);
      for (let i = 0; i < count; i += 1)
        same(scene.raw((page + i) * rig.perPage, READ, USER), scene.fault(ABSENT), `page ${i} of ${count} unmapped`);
    },
  },
  {
    id: "L2.tlb.lost-right-is-lost",
    rule: "After a right was taken away no access uses it, whatever was in TLBs and software caches",
    source: "contract C-5.9, C-12.8",
    since: "1.0.0",
    traits: TRAITS,
    check(rig) {
      const scene = new Scene(rig);
      const frame = scene.frame();
      scene.map(scene.first, frame, USER_RW);
      same(scene.look(scene.first, WRITE, USER), scene.at(frame), "a write while it is permitted");
      scene.protect(scene.first, READ | PAGE_USER | PAGE_CACHEABLE);
      holds("fault" in scene.raw(scene.first * rig.perPage, WRITE, USER), "a write is let through after the right was taken away");
      same(scene.look(scene.first, READ, USER), scene.at(frame), "a read, which is still permitted");
    },
  },
  {
    id: "L2.tlb.remapped-page-shows-new-frame",
    rule: "A page that is unmapped and mapped to another frame shows the other frame",
    source: "contract C-5.9",
    since: "1.0.0",
    traits: TRAITS,
    check(rig) {
      const scene = new Scene(rig);
      for (let round = 0; round < 3; round += 1) {
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_ALL);
        for (const access of ACCESSES)
          same(scene.look(scene.first, access, USER), scene.at(frame), `${inWords(access, USER)} of mapping ${round}`);
        scene.unmap(scene.first);
      }
    },
  },
  {
    id: "L2.tlb.full-buffer-goes-on",
    rule: "More pages than a buffer has entries translate rightly, again and again",
    source: "contract C-5.1, C-5.2",
    since: "1.0.0",
    traits: ["warm", "recycled"],
    check(rig) {
      const { entries } = rig.architecture.tlb.data;
      const count = Math.min(entries, 96) * 2 + 3;
      const scene = new Scene(rig, { memoryBytes: (count + 128) * rig.pageSize });
      const page = scene.first + 64;
      const frames = Array.from({ length: count }, () => scene.frame());
      frames.forEach((frame, i) => scene.map(page + i, frame, USER_RW));
      for (let round = 0; round < 2; round += 1)
        frames.forEach((frame, i) => same(scene.raw((page + i) * rig.perPage, READ, USER), scene.at(frame), `page ${i} in round ${round}`));
    },
  },
  {
    id: "L2.tlb.first-write-is-noticed",
    rule: "A write through an entry that a read brought in is recorded before it is made",
    source: "contract C-5.5; Intel SDM vol 3A §4.8",
    since: "1.0.0",
    traits: ["warm", "other"],
    needs: ["records-write"],
    check(rig) {
      const scene = new Scene(rig);
      const { tables } = scene.machine.parts;
      scene.map(scene.first, scene.frame(), USER_RW);
      for (let i = 0; i < 3; i += 1) scene.raw(scene.first * rig.perPage, READ, USER);
      tables.find(scene.context, scene.first);
      same(tables.found.flags & PAGE_DIRTY, 0, "the mark of a write after reads");
      holds("frame" in scene.raw(scene.first * rig.perPage, WRITE, USER), "a write to a writable page is refused");
      tables.find(scene.context, scene.first);
      same(tables.found.flags & PAGE_DIRTY, PAGE_DIRTY, "the mark of a write after it");
    },
    otherwise: {
      rule: "Where nobody records writes they need no second look",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_RW);
        scene.look(scene.first, READ, USER);
        same(scene.look(scene.first, WRITE, USER), scene.at(frame), "a write after reads");
      },
    },
  },
  {
    id: "L2.tlb.fetches-apart",
    rule: "Fetches and data have buffers of their own: each misses for itself, and both forget",
    source: "contract C-5.1, P-3.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["split-tlb"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), USER_ALL);
      scene.empty();
      const page = scene.first * rig.perPage;
      scene.raw(page, READ, USER);
      // An eager walker may have fetched it before.
      if (rig.options.policy !== "strictest")
        same(scene.cpu.instructionTlb.probe(page, scene.cpu.asidFor(USER)) >= 0, false, "a read fills the instruction TLB");
      scene.raw(page, EXECUTE, USER);
      holds(scene.cpu.instructionTlb.probe(page, scene.cpu.asidFor(USER)) >= 0, "a fetch does not fill the instruction TLB");
      scene.unmap(scene.first);
      holds(scene.cpu.instructionTlb.probe(page, scene.cpu.asidFor(USER)) < 0, "the instruction TLB keeps what was unmapped");
      holds(scene.cpu.dataTlb.probe(page, scene.cpu.asidFor(USER)) < 0, "the data TLB keeps what was unmapped");
    },
    otherwise: {
      rule: "One buffer serves both: a read brings in what a fetch needs",
      check(rig) {
        const scene = new Scene(rig);
        same(scene.cpu.instructionTlb === scene.cpu.dataTlb, true, "fetches and data share a buffer");
      },
    },
  },
  {
    id: "L2.invalidate.page",
    rule: "Invalidating a page drops it in the space that is meant, and spares others where the description says so",
    source: "contract P-3.2; Intel SDM vol 3A §4.10.4, UltraSPARC User's Manual §6.9.10",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const scene = new Scene(rig);
      const { invalidation } = rig.architecture.tlb;
      for (const tlb of new Set([scene.cpu.dataTlb, scene.cpu.instructionTlb])) {
        tlb.forget(false, false);
        const page = scene.first * rig.perPage;
        const span = tlb.geometry.paired ? 2 : 1;
        const [mine, other] = tagsOf(rig);
        tlb.enter(page, span, 8, mine, ANYBODY);
        if (other !== mine) tlb.enter(page + 64 * span, span, 16, other, ANYBODY);
        scene.cpu.invalidatePages(mine, scene.first, 1);
        holds(tlb.probe(page, mine) < 0, "the page is still there");
        if (other !== mine) {
          scene.cpu.invalidatePages(mine, Math.floor((page + 64 * span) / rig.perPage), 1);
          same(tlb.probe(page + 64 * span, other) >= 0, !invalidation.page.anyAsid, "the page of another space is still there");
        }
      }
    },
  },
  {
    id: "L2.invalidate.space",
    rule: "Invalidating a space drops its entries, all of them, and spares other spaces' where entries carry tags",
    source: "contract P-3.2",
    since: "1.0.0",
    traits: ONCE,
    needs: ["asids"],
    check(rig) {
      const scene = new Scene(rig);
      const [mine, other] = tagsOf(rig);
      const { asid } = rig.architecture.tlb.invalidation;
      for (const tlb of new Set([scene.cpu.dataTlb, scene.cpu.instructionTlb])) {
        tlb.forget(false, false);
        const span = tlb.geometry.paired ? 2 : 1;
        tlb.enter(64, span, 8, mine, ANYBODY);
        tlb.enter(128, span, 16, other, ANYBODY);
        if (rig.has("global")) tlb.enter(192, span, 24, mine, ANYBODY, ENTRY_GLOBAL);
        scene.cpu.invalidateAsid(mine);
        holds(tlb.probe(64, mine) < 0, "an entry of the space is still there");
        same(tlb.probe(128, other) >= 0, asid.by === "context", "an entry of another space is still there");
        if (rig.has("global")) same(tlb.probe(192, mine) >= 0, asid.sparesGlobal, "a global entry is still there");
      }
    },
    otherwise: {
      rule: "Where entries carry no tag, forgetting a space forgets everything that is not global",
      check(rig) {
        const scene = new Scene(rig);
        const page = scene.first * rig.perPage;
        scene.cpu.dataTlb.enter(page, 1, 8, 0, ANYBODY);
        scene.cpu.invalidateAsid(3);
        holds(scene.cpu.dataTlb.probe(page, 0) < 0, "an entry is still there");
      },
    },
  },
  {
    id: "L2.invalidate.everything",
    rule: "Invalidating everything leaves what the description says it leaves, and nothing else",
    source: "contract P-3.2",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      for (const switches of globalSettings(rig)) {
        const scene = new Scene(rig, { switches });
        const [mine, other] = tagsOf(rig);
        const { sparesGlobal } = rig.architecture.tlb.invalidation.all;
        for (const tlb of new Set([scene.cpu.dataTlb, scene.cpu.instructionTlb])) {
          tlb.forget(false, false);
          const span = tlb.geometry.paired ? 2 : 1;
          tlb.enter(64, span, 8, mine, ANYBODY);
          tlb.enter(128, span, 16, other, ANYBODY);
          tlb.enter(192, span, 24, mine, ANYBODY, ENTRY_GLOBAL);
          scene.cpu.invalidateAll();
          holds(tlb.probe(64, mine) < 0 && tlb.probe(128, other) < 0, "an ordinary entry is still there");
          same(tlb.probe(192, mine) >= 0, sparesGlobal && honours(rig, scene.cpu.switches), "a global entry is still there");
        }
      }
    },
  },
  {
    id: "L2.global.seen-in-every-space",
    rule: "A global translation is the same in every space, and survives a change of spaces where global entries are honoured",
    source: "contract C-5.4; Intel SDM vol 3A §4.10.2.4",
    since: "1.0.0",
    traits: ["warm"],
    needs: ["global", "shared-kernel"],
    check(rig) {
      for (const switches of globalSettings(rig)) {
        const scene = new Scene(rig, { switches });
        const [page, frame] = [scene.kernelPage(), scene.frame()];
        scene.map(page, frame, READ | WRITE | PAGE_GLOBAL | PAGE_CACHEABLE, scene.machine.spaces.kernel.context);
        same(scene.look(page, READ, KERNEL), scene.at(frame), "a global page");
        scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
        const isKept = scene.cpu.dataTlb.probe(page * rig.perPage, scene.cpu.asidFor(KERNEL)) >= 0;
        if (honours(rig, scene.cpu.switches) && !rig.has("paired-entries")) same(isKept, true, "a global entry is there after a switch");
        same(scene.look(page, READ, KERNEL), scene.at(frame), "a global page in another space");
      }
    },
    otherwise: {
      rule: "Without global entries in shared tables every space's own entries serve it",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_RW);
        scene.look(scene.first, READ, USER);
        scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
        same(scene.look(scene.first, READ, USER), scene.fault(ABSENT), "a page of another space");
      },
    },
  },
  {
    id: "L2.global.withdrawn-everywhere",
    rule: "A global page that is unmapped is gone in every space",
    source: "contract C-5.4, C-5.9",
    since: "1.0.0",
    traits: ["warm", "other"],
    needs: ["global", "shared-kernel"],
    check(rig) {
      for (const switches of globalSettings(rig)) {
        const scene = new Scene(rig, { switches });
        const kernel = scene.machine.spaces.kernel.context;
        const page = scene.kernelPage();
        scene.map(page, scene.frame(), READ | WRITE | PAGE_GLOBAL | PAGE_CACHEABLE, kernel);
        scene.look(page, WRITE, KERNEL);
        scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
        scene.raw(page * rig.perPage, READ, KERNEL);
        scene.unmap(page, 1, kernel);
        same(scene.raw(page * rig.perPage, READ, KERNEL), scene.fault(ABSENT), "a global page that was unmapped");
      }
    },
    otherwise: {
      rule: "A kernel with a space of its own forgets its pages like any space",
      check(rig) {
        const scene = new Scene(rig);
        const kernel = scene.machine.spaces.kernel.context;
        const page = scene.kernelPage();
        scene.map(page, scene.frame(), READ | WRITE | PAGE_GLOBAL | PAGE_CACHEABLE, kernel);
        scene.raw(page * rig.perPage, READ, KERNEL);
        scene.unmap(page, 1, kernel);
        holds("fault" in scene.raw(page * rig.perPage, READ, KERNEL), "a kernel page that was unmapped is reached");
      },
    },
  },
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
