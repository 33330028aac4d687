/** L2: what a TLB must see, and what it must not go on giving, when pages come, go and change. */
import { ABSENT, EXECUTE, PAGE_CACHEABLE, PAGE_DIRTY, PAGE_USER, READ, USER, WRITE } from "@portolan/core";
import { LOOKED_AT, ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { ACCESSES, inWords, Scene, USER_ALL, USER_RW } from "../rig/scene.js";

/** Traits under which something is in the TLB when it is withdrawn. */
const FILLED = ["warm", "recycled", "forked", "other"] as const;

export const tlbClauses: readonly Clause[] = [
  {
    id: "L2.tlb.gained-page-is-seen",
    rule: "A page that was absent when it was looked for is seen as soon as it is mapped",
    source: "contract C-8.8",
    since: "1.0.0",
    traits: LOOKED_AT,
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
    traits: LOOKED_AT,
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
    traits: LOOKED_AT,
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
    traits: LOOKED_AT,
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
    traits: LOOKED_AT,
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
];
