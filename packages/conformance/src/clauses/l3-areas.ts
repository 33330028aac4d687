/** L3: what areas show, and what is done with them. Every clause ends with the invariants. */
import { AREA_EXECUTE, AREA_READ, AREA_WRITE, EXECUTE, READ, USER, WRITE, type AreaFlags } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { at, codeBeyond, CONTENTS, Desk, list, refusals, RO, RW, RX, USUAL } from "../rig/desk.js";
import { refuses } from "../rig/rig.js";

export const areaClauses: readonly Clause[] = [
  {
    id: "L3.area.created-empty",
    rule: "Creating an area maps nothing and takes no frame; its first touch brings one page of zeroes",
    source: "contract C-12.1, C-13.5, C-15.1",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      const free = desk.free;
      desk.area(0, 64);
      same(desk.free, free, "free frames after creation");
      for (const page of [0, 63, 7]) same(desk.read(page), 0, `the first word of page ${page}`);
      same(desk.a.areaInfo(desk.at(0))?.usedPages, 3, "pages in use after three were touched");
    }),
  },
  {
    id: "L3.area.frames-are-zeroed-again",
    rule: "Memory that somebody else had before shows zeroes, on every page",
    source: "contract C-15.1, C-12.4; aplus#44",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      for (let round = 0; round < 3; round += 1) {
        desk.area(0, 8);
        for (let page = 0; page < 8; page += 1) {
          same(desk.read(page), 0, `page ${page} in round ${round}`);
          holds(desk.write(page, 0xdead_0000 + page), "a write is refused");
        }
        desk.a.destroyArea(desk.at(3));
        same(desk.read(0), -1, "a page of an area that is gone");
      }
    }),
  },
  {
    id: "L3.area.rights-decide",
    rule: "The area's rights decide every access, on pages that are in and on pages that are not",
    source: "contract C-13.2; HD-02, HD-32",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      const { can, faults } = desk.rig.architecture;
      ([RO, RW, RX] as const).forEach((flags, i) => {
        const page = i * 4;
        desk.area(page, 2, flags);
        for (const one of [page, page + 1]) {
          for (let round = 0; round < 2; round += 1) {
            same(desk.machine.translate(desk.at(one), READ, desk.looker) !== null, true, `a read of an area with flags ${flags}`);
            same(desk.write(one, 5), (flags & AREA_WRITE) !== 0, `a write to an area with flags ${flags}`);
            const told = faults.told(2, EXECUTE, USER, desk.machine.parts.switches);
            const mayFetch = (flags & AREA_EXECUTE) !== 0 || !can.forbidExecute;
            if (mayFetch || (told & flags) === 0)
              same(
                desk.machine.translate(desk.at(one), EXECUTE, desk.looker) !== null,
                mayFetch,
                `a fetch from an area with flags ${flags}`,
              );
          }
        }
      });
    }),
  },
  {
    id: "L3.area.refusal-names-the-rule",
    rule: "A refused access says which rule refused it, and has changed nothing",
    source: "contract C-13.1, C-5.7",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      desk.area(0, 1, RO);
      desk.read(0);
      desk.a.createArea({ base: desk.at(4), size: desk.bytes(1), flags: RW, backend: null });
      const free = desk.free;
      same(desk.write(0, 1), false, "a write to a read-only area");
      same(desk.machine.outcome?.rule, "the area forbids this access", "the rule");
      same(desk.read(2), -1, "a read where no area is");
      same(desk.machine.outcome?.rule, "no area at this address", "the rule");
      same(desk.read(4), -1, "a read of an area without backend");
      same(desk.machine.outcome?.rule, "the area has no backend", "the rule");
      same(desk.free, free, "free frames after refusals");
      desk.read(0);
      same(desk.machine.outcome, null, "what is said of an access that succeeds");
    }),
  },
  {
    id: "L3.area.resize",
    rule: "Resizing moves the end: what shrinks away is gone and comes back as zeroes, what stays keeps its contents",
    source: "contract C-12.3, C-12.4; HD-13, HD-14, HD-28",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      desk.area(0, 6);
      desk.area(8, 1);
      for (let page = 0; page < 6; page += 1) desk.write(page, 100 + page);
      const free = desk.free;
      desk.a.resizeArea(desk.at(0), desk.bytes(2));
      holds(desk.free >= free + 4, `${desk.free - free} frames came back of four`);
      for (let page = 0; page < 6; page += 1) same(desk.read(page), page < 2 ? 100 + page : -1, `page ${page} after shrinking to two`);
      desk.a.resizeArea(desk.at(1), desk.bytes(5));
      for (let page = 0; page < 7; page += 1)
        same(desk.read(page), page < 2 ? 100 + page : page < 6 ? 0 : -1, `page ${page} after growing to six`);
      desk.a.resizeArea(desk.at(0), desk.bytes(6));
      refusals(desk, [
        ["growing into a neighbour", "ERR_AREA_OVERLAP", () => desk.a.resizeArea(desk.at(0), desk.bytes(9))],
        ["leaving no page", "ERR_AREA_EMPTY", () => desk.a.resizeArea(desk.at(0), 0n)],
        [
          "a size that wraps",
          codeBeyond(desk),
          () => desk.a.resizeArea(desk.at(0), 2n ** BigInt(desk.rig.architecture.wordBits) - desk.bytes(1)),
        ],
        ["an address that is no page's", "ERR_MISALIGNED", () => desk.a.resizeArea(desk.at(0) + 1n, desk.bytes(1))],
        ["where no area is", "ERR_AREA_NOT_FOUND", () => desk.a.resizeArea(desk.at(7), desk.bytes(1))],
      ]);
    }),
  },
  {
    id: "L3.area.destroy",
    rule: "Destroying an area by any address inside it gives back its frames and tables, and its place is free",
    source: "contract C-12.5; HD-01, HD-41",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      const free = desk.free;
      for (let round = 0; round < 3; round += 1) {
        desk.area(0, 5);
        for (let page = 0; page < 5; page += 1) desk.write(page, 1);
        desk.a.destroyArea(desk.at(round));
        same([...desk.a.areas()].length, 0, "areas");
        same(desk.free, free, "free frames");
        for (let page = 0; page < 5; page += 1) same(desk.read(page), -1, `page ${page} of an area that is gone`);
      }
      refusals(desk, [["destroying nothing", "ERR_AREA_NOT_FOUND", () => desk.a.destroyArea(desk.at(0))]]);
    }),
  },
  {
    id: "L3.area.change-rights",
    rule: "A change of rights rewrites every mapping: contents stay, what is lost is lost at once, what is gained is there",
    source: "contract C-12.8; HD-15, HD-31",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      desk.area(0, 4);
      for (let page = 0; page < 4; page += 1) desk.write(page, 200 + page);
      const used = desk.a.areaInfo(desk.at(0))?.usedPages;
      desk.a.changeAreaFlags(desk.at(0), AREA_READ);
      for (let page = 0; page < 4; page += 1) {
        same(desk.write(page, 1), false, `a write to page ${page} of an area that is read-only now`);
        same(desk.read(page), 200 + page, `page ${page}`);
      }
      same(desk.a.areaInfo(desk.at(0))?.flags, RO, "flags: what was cacheable stays so");
      desk.a.changeAreaFlags(desk.at(0), AREA_READ | AREA_WRITE);
      for (let page = 0; page < 4; page += 1)
        same(desk.write(page, 300 + page), true, `a write to page ${page} of an area that is writable again`);
      same(desk.a.areaInfo(desk.at(0))?.usedPages, used, "pages in use");
    }),
  },
  {
    id: "L3.area.share",
    rule: "A shared area shows the same memory at any base, with rights of its own, in another space or the same",
    source: "contract C-12.6, C-15.7; HD-05, HD-06, HD-53",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      desk.area(0, 3);
      desk.write(0, 11);
      desk.a.shareArea(desk.at(0), desk.bytes(3), desk.b, desk.at(40), RO);
      desk.a.shareArea(desk.at(0), desk.bytes(3), desk.a, desk.at(20), RW);
      desk.write(1, 12);
      desk.write(22, 13);
      same([desk.read(20), desk.read(21), desk.read(2)], [11, 12, 13], "words through the same space");
      desk.install(desk.b);
      same([desk.read(40), desk.read(41), desk.read(42)], [11, 12, 13], "words through the other space");
      same(desk.write(40, 1), false, "a write to a share that is read-only");
      desk.install(desk.a);
      desk.a.destroyArea(desk.at(0));
      same([desk.read(20), desk.read(21)], [11, 12], "words after the first one is gone");
      desk.a.destroyArea(desk.at(20));
      desk.install(desk.b);
      same(desk.read(41), 12, "a word when only the other space shows it");
    }),
  },
  {
    id: "L3.area.share-refused",
    rule: "A share that is refused leaves the source unshared and says why; an area is shared while another shows its memory",
    source: "contract C-12.6, C-12.7; HD-25, HD-27",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      desk.area(0, 3, RO);
      desk.area(8, 1, RW, desk.b);
      const share = (pages: number, base: number, flags: AreaFlags) => () =>
        desk.a.shareArea(desk.at(0), desk.bytes(pages), desk.b, desk.at(base), flags);
      refusals(desk, [
        ["another size", "ERR_SHARE_SIZE", share(2, 20, RO)],
        ["more rights than the source", "ERR_SHARE_RIGHTS", share(3, 20, RW)],
        ["over another area", "ERR_AREA_OVERLAP", share(3, 6, RO)],
      ]);
      same(desk.a.areaInfo(desk.at(0))?.isShared, false, "the source is shared after refusals");
      share(3, 20, RO)();
      same(desk.a.areaInfo(desk.at(0))?.isShared, true, "the source is shared");
      refusals(desk, [
        ["resizing what is shared", "ERR_AREA_NOT_RESIZABLE", () => desk.a.resizeArea(desk.at(0), desk.bytes(1))],
        ["changing what is shared", "ERR_AREA_KIND", () => desk.a.changeAreaFlags(desk.at(0), RO)],
      ]);
      desk.b.destroyArea(desk.at(20));
      same(desk.a.areaInfo(desk.at(0))?.isShared, false, "the source is shared after the share is gone");
      desk.a.resizeArea(desk.at(0), desk.bytes(1));
    }),
  },
  {
    id: "L3.area.map-by-hand",
    rule: "A page of an area without backend is mapped by hand once, to a frame in use; anything else is refused",
    source: "contract C-12.9; HD-39",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const desk = new Desk(rig);
      const { frames, memory } = desk.machine.parts;
      desk.a.createArea({ base: desk.at(0), size: desk.bytes(2), flags: RW, backend: null });
      const frame = frames.takeZeroed();
      memory.write32(frame * desk.rig.pageSize, 77);
      desk.a.setMapping(desk.at(0), frame);
      same(desk.read(0), 77, "the word of the frame");
      const cases = [
        ["a mapped page", "ERR_PAGE_MAPPED", () => desk.a.setMapping(desk.at(0), frame)],
        ["an address that is no page's", "ERR_MISALIGNED", () => desk.a.setMapping(desk.at(1) + 4n, frame)],
        ["where no area is", "ERR_AREA_NOT_FOUND", () => desk.a.setMapping(desk.at(3), frame)],
        ["no frame at all", "ERR_BAD_ARGUMENT", () => desk.a.setMapping(desk.at(1), -1)],
      ] as const;
      for (const [what, code, work] of cases) refuses(code, work, what);
      desk.a.destroyArea(desk.at(0));
      same(frames.references(frame), 1, "references to the frame after the area is gone");
      frames.release(frame);
      desk.done();
    },
  },
  {
    id: "L3.area.questions-change-nothing",
    rule: "Questions about areas give copies and change nothing",
    source: "contract C-12.10",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      desk.area(0, 3, RO);
      same(desk.a.areaSize(desk.at(2)), desk.bytes(3), "size");
      same(desk.a.areaSize(desk.at(3)), 0n, "size where no area is");
      same(desk.a.checkAccess(desk.at(1), READ), true, "may it be read");
      same(desk.a.checkAccess(desk.at(1), READ | WRITE), false, "may it be read and written");
      same(desk.a.areaInfo(desk.at(5)), null, "what is where no area is");
      same([...desk.a.areas()].length, 1, "areas");
      holds(list(desk.a).includes("r--c"), `printed as ${list(desk.a)}`);
    }),
  },
];
