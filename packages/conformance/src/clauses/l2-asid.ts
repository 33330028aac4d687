/** L2: numbers of address spaces, and caches of translations that software keeps. */
import { ABSENT, anonymous, EXECUTE, READ, USER, WRITE, type AddressSpace, type PortolanEvent } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import type { Rig } from "../rig/rig.js";
import { ACCESSES, inWords, Scene, USER_ALL, USER_RW } from "../rig/scene.js";

/** One number for everybody: what keeps spaces apart is that a switch forgets. */
const oneNumber = {
  rule: "Where all spaces have one number, no space sees what the one before it had",
  check(rig: Rig) {
    const scene = new Scene(rig);
    scene.map(scene.first, scene.frame(), USER_ALL);
    for (const access of ACCESSES) scene.look(scene.first, access, USER);
    for (let round = 0; round < 3; round += 1) {
      scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
      for (const access of ACCESSES)
        same(scene.raw(scene.first * rig.perPage, access, USER), scene.fault(ABSENT), `${inWords(access, USER)} in a new space`);
    }
  },
};

export const asidClauses: readonly Clause[] = [
  {
    id: "L2.asid.reuse-must-miss",
    rule: "A space that gets a number which another one had sees nothing of the other one's pages",
    source: "contract C-7.3; HelenOS kernel/genarch/src/mm/asid.c",
    since: "1.0.0",
    traits: ["recycled", "other"],
    needs: ["steals-asids"],
    check(rig) {
      // The scene's trait has given the former spaces pages here; the new one has none.
      const scene = new Scene(rig);
      for (let page = scene.first; page < scene.first + 8; page += 1)
        for (const access of ACCESSES)
          same(
            scene.raw(page * rig.perPage, access, USER),
            scene.fault(ABSENT),
            `${inWords(access, USER)} of a page that the former owner of the number had`,
          );
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.asid.purged-before-given",
    rule: "Every number is purged before somebody gets it, stolen or fresh",
    source: "contract C-7.3",
    since: "1.0.0",
    traits: ONCE,
    needs: ["steals-asids"],
    check(rig) {
      const events: PortolanEvent[] = [];
      const few = rig.architecture.asids.last - rig.architecture.asids.first < 64;
      const machine = rig.build({ onEvent: (event) => void events.push(event) });
      const rounds = few ? (rig.architecture.asids.last - rig.architecture.asids.first) * 2 + 4 : 6;
      for (let i = 0; i < rounds; i += 1) machine.switchTo(machine.spaces.create());
      let given = 0;
      events.forEach((event, i) => {
        if (event.kind !== "asid" || event.action !== "allocate") return;
        given += 1;
        const isPurged = events
          .slice(0, i)
          .some(
            (before) => before.kind === "invalidate" && (before.type === "all" || (before.type === "asid" && before.asid === event.asid)),
          );
        holds(isPurged, `number ${event.asid} is given without having been purged`);
      });
      same(given, rounds, "numbers given");
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.asid.live-spaces-differ",
    rule: "Spaces that are installed or hold a valid number have different ones, none of them the kernel's or nobody's",
    source: "contract C-7.1, P-1.4",
    since: "1.0.0",
    traits: ["recycled"],
    needs: ["steals-asids"],
    check(rig) {
      const { machine } = new Scene(rig);
      for (let i = 0; i < 12; i += 1) machine.switchTo(machine.spaces.create());
      const { kernel, invalid, first, last } = rig.architecture.asids;
      const owned = [...machine.spaces.live()].map(({ context }) => context).filter(({ isKernel, asid }) => !isKernel && asid !== invalid);
      same(new Set(owned.map(({ asid }) => asid)).size, owned.length, "different numbers");
      for (const { asid } of owned) holds(asid !== kernel && asid >= first && asid <= last, `number ${asid} is no user's`);
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.asid.more-spaces-than-numbers",
    rule: "More spaces than there are numbers take turns, and each sees its own pages whenever its turn comes",
    source: "contract C-7.2; zephyr#113559 for numbers that wrap with all of them live",
    since: "1.0.0",
    traits: ["recycled"],
    check(rig) {
      const { machine, first } = new Scene(rig);
      const spaces = Array.from({ length: 9 }, (_, i): AddressSpace => {
        const space = machine.spaces.create();
        machine.switchTo(space);
        space.createArea({ base: machine.parts.units.addressOf(first), size: rig.pageSize, flags: 11, backend: anonymous });
        machine.write32(machine.parts.units.addressOf(first), 1000 + i);
        return space;
      });
      for (let round = 0; round < 40; round += 1) {
        const i = rig.random.below(spaces.length);
        const space = spaces[i];
        if (space === undefined) continue;
        machine.switchTo(space);
        same(machine.read32(machine.parts.units.addressOf(first)), 1000 + i, `the word of space ${i} in round ${round}`);
      }
    },
  },
  {
    id: "L2.asid.longest-inactive-loses",
    rule: "When no number is left, the space that has been inactive longest loses its own",
    source: "contract C-7.2",
    since: "1.0.0",
    traits: ["recycled"],
    needs: ["steals-asids"],
    check(rig) {
      const machine = rig.build();
      const count = rig.architecture.asids.last - rig.architecture.asids.first + 1;
      const spaces = Array.from({ length: count }, () => {
        const space = machine.spaces.create();
        machine.switchTo(space);
        return space;
      });
      // Space 0 is used once more: the next oldest is space 1.
      const [zero, one] = spaces;
      if (zero === undefined || one === undefined) return;
      machine.switchTo(zero);
      machine.switchTo(machine.spaces.create());
      same(one.context.asid, rig.architecture.asids.invalid, "the number of the space that was inactive longest");
      holds(zero.context.asid !== rig.architecture.asids.invalid, "a space that was used later lost its number");
      same(machine.parts.asids.stolen, 1, "numbers taken away");
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.asid.returned-at-the-end",
    rule: "A number comes back when its space is destroyed: spaces can come and go for ever, and nobody's is taken away",
    source: "contract C-7.4",
    since: "1.0.0",
    traits: ["recycled"],
    check(rig) {
      const machine = rig.build();
      const free = machine.parts.frames.free;
      for (let i = 0; i < 40; i += 1) {
        const space = machine.spaces.create();
        machine.switchTo(space);
        machine.switchToKernel();
        space.destroy();
      }
      same(machine.parts.asids.stolen, 0, "numbers taken away");
      same(machine.parts.frames.free, free, "free frames");
    },
  },
  {
    id: "L2.asid.kept-while-installed",
    rule: "A space keeps its number while it is installed anywhere",
    source: "contract C-7.1",
    since: "1.0.0",
    traits: ["recycled"],
    needs: ["steals-asids"],
    check(rig) {
      const machine = rig.build({ cpus: 2 });
      const kept = machine.spaces.create();
      machine.switchTo(kept, 1);
      const { asid } = kept.context;
      for (let i = 0; i < 12; i += 1) machine.switchTo(machine.spaces.create(), 0);
      same(kept.context.asid, asid, "the number of a space that is installed all the time");
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.asid.too-few-are-refused",
    rule: "A machine with no more numbers than processors is refused",
    source: "contract C-7.5",
    since: "1.0.0",
    traits: ["recycled"],
    needs: ["steals-asids"],
    check(rig) {
      const count = rig.architecture.asids.last - rig.architecture.asids.first + 1;
      if (count > 64) return;
      let isRefused = false;
      try {
        rig.build({ cpus: count });
      } catch {
        isRefused = true;
      }
      holds(isRefused, `${count} processors with ${count} numbers are accepted`);
    },
    otherwise: oneNumber,
  },
  {
    id: "L2.cache.purged-with-the-page",
    rule: "Software caches of translations forget what is withdrawn, also where the space has no number",
    source: "contract C-6.1, C-8.6; UltraSPARC User's Manual §6.3",
    since: "1.0.0",
    traits: ["warm", "recycled"],
    check(rig) {
      const scene = new Scene(rig);
      const frame = scene.frame();
      scene.map(scene.first, frame, USER_ALL);
      for (let part = 0; part < rig.perPage; part += 1) for (const access of ACCESSES) scene.look(scene.first, access, USER, part);
      // Taken off the processor and, where numbers are stolen, deprived of its number.
      for (let i = 0; i < 8; i += 1) scene.machine.switchTo(scene.machine.spaces.create(), scene.cpu.id);
      scene.unmap(scene.first);
      scene.machine.switchTo(scene.space, scene.cpu.id);
      for (let part = 0; part < rig.perPage; part += 1)
        for (const access of ACCESSES)
          same(
            scene.raw(scene.first * rig.perPage + part, access, USER),
            scene.fault(ABSENT),
            `${inWords(access, USER)} of part ${part} of a page that went while its space was away`,
          );
      scene.space.context.cache?.eachTranslation((page) =>
        holds(Math.floor(page / rig.perPage) !== scene.first, "the software cache still has the page"),
      );
    },
  },
  {
    id: "L2.cache.tagged-with-its-space",
    rule: "What a software cache answers carries its space's number",
    source: "contract P-4.3",
    since: "1.0.0",
    traits: ["warm", "recycled"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), USER_RW);
      scene.look(scene.first, WRITE, USER);
      scene.look(scene.first, EXECUTE, USER);
      scene.space.context.cache?.eachTranslation((page, _frame, asid) => {
        if (Math.floor(page / rig.perPage) === scene.first)
          same(asid, scene.context.asid, "the tag of a translation in the software cache");
      });
      same("frame" in scene.look(scene.first, READ, USER), true, "the page is reached");
    },
  },
  {
    id: "L2.cache.weakened-with-the-page",
    rule: "A software cache gives no right that was taken away",
    source: "contract C-6.1, P-4.1",
    since: "1.0.0",
    traits: ["warm", "recycled", "other"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), USER_RW);
      scene.look(scene.first, WRITE, USER);
      scene.protect(scene.first, READ | 8 | 32);
      for (const tlb of new Set([scene.cpu.dataTlb, scene.cpu.instructionTlb])) tlb.forget(false, false);
      holds("fault" in scene.raw(scene.first * rig.perPage, WRITE, USER), "a write is let through by what a software cache knew");
    },
  },
];
