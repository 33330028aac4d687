/** L2: what invalidating takes and what it leaves; global entries, which it may leave. */
import { ABSENT, ENTRY_GLOBAL, KERNEL, PAGE_CACHEABLE, PAGE_GLOBAL, READ, rightsFor, USER, WRITE } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import type { Rig } from "../rig/rig.js";
import { Scene, USER_RW } from "../rig/scene.js";

const ANYBODY = rightsFor(7, 7);

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

export const invalidateClauses: readonly Clause[] = [
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
];

/** Two tags that users can have; the same one where entries carry none. */
const tagsOf = ({ architecture }: Rig): readonly [number, number] =>
  architecture.asids.bits === 0 ? [0, 0] : [architecture.asids.first, architecture.asids.first + 1];
