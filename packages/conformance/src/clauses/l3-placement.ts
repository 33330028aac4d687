/** L3: where areas may lie and what they may permit. Every clause ends with the invariants. */
import { anonymous, AREA_CACHEABLE, AREA_EXECUTE, AREA_WRITE, type AreaFlags } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { same } from "../failure.js";
import { at, codeBeyond, refusals, RW } from "../rig/desk.js";

export const placementClauses: readonly Clause[] = [
  {
    id: "L3.area.flags",
    rule: "Unknown flags, no permission at all, and writing with executing are refused for creation, sharing and changes alike",
    source: "contract C-10.2; HD-15, HD-30",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      desk.area(0, 1);
      const wrong: readonly AreaFlags[] = [0, AREA_CACHEABLE, 16, 1 | 64, AREA_WRITE | AREA_EXECUTE, 15, -1, 1.5];
      refusals(
        desk,
        wrong.flatMap((flags) => [
          [`creation with flags ${flags}`, "ERR_AREA_FLAGS", () => desk.area(8, 1, flags)] as const,
          [`a change to flags ${flags}`, "ERR_AREA_FLAGS", () => desk.a.changeAreaFlags(desk.at(0), flags)] as const,
          [
            `sharing with flags ${flags}`,
            "ERR_AREA_FLAGS",
            () => desk.a.shareArea(desk.at(0), desk.bytes(1), desk.b, desk.at(0), flags),
          ] as const,
        ]),
      );
    }),
  },
  {
    id: "L3.area.range",
    rule: "An area lies wholly inside the user range and never covers page 0; its end may be the range's",
    source: "contract C-10.3, C-3.2; HD-10, HD-11, HD-12",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const { layout } = desk.rig.architecture;
      const { units } = desk.machine.parts;
      const size = desk.bytes(1);
      const last = units.addressOf(units.pageOf(layout.user.last));
      const make = (base: bigint, pages: bigint) => () => desk.a.createArea({ base, size: pages * size, flags: RW, backend: anonymous });
      refusals(desk, [
        ["an area over page 0", "ERR_AREA_RANGE", make(0n, 1n)],
        ["an area beyond the last page", codeBeyond(desk), make(last, 2n)],
        ["a size of nothing", "ERR_BAD_ARGUMENT", make(desk.at(0), 0n)],
        ["a base that is no page's", "ERR_MISALIGNED", make(desk.at(0) + 1n, 1n)],
      ]);
      make(last, 1n)();
      same(desk.machine.write32(last + size - 4n, 7, desk.looker), true, "a write to the last word of the user range");
      same(desk.machine.read32(last + size - 4n, desk.looker), 7, "the last word of the user range");
    }),
  },
  {
    id: "L3.area.overlap",
    rule: "Areas of a space are disjoint: whatever touches another one is refused, whatever stands beside it is not",
    source: "contract C-10.1, C-10.3",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      desk.area(4, 4);
      refusals(
        desk,
        (
          [
            [4, 4],
            [3, 2],
            [7, 1],
            [7, 9],
            [0, 20],
            [5, 1],
          ] as const
        ).map(
          ([page, pages]) =>
            [`an area at ${page} of ${pages} pages over one at 4 of 4`, "ERR_AREA_OVERLAP", () => desk.area(page, pages)] as const,
        ),
      );
      desk.area(3, 1);
      desk.area(8, 1);
      desk.area(4, 4, RW, desk.b);
      same([...desk.a.areas()].length, 3, "areas");
    }),
  },
  {
    id: "L3.area.guard",
    rule: "A guarded area keeps one unmapped page on either side, against any neighbour, for as long as it lives",
    source: "contract C-12.2",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const guarded = (page: number): unknown =>
        desk.a.createArea({ base: desk.at(page), size: desk.bytes(2), flags: RW, backend: anonymous, guard: true });
      guarded(4);
      refusals(desk, [
        ["an area right before a guarded one", "ERR_AREA_OVERLAP", () => desk.area(3, 1)],
        ["an area right behind a guarded one", "ERR_AREA_OVERLAP", () => desk.area(6, 1)],
        ["a guarded area right behind the guard's page", "ERR_AREA_OVERLAP", () => guarded(6)],
      ]);
      desk.area(7, 1);
      refusals(desk, [["growing into the guard's page", "ERR_AREA_OVERLAP", () => desk.a.resizeArea(desk.at(4), desk.bytes(3))]]);
      desk.a.destroyArea(desk.at(4));
      desk.area(3, 4);
    }),
  },
  {
    id: "L3.area.lowest-room",
    rule: "Without a base an area goes to the lowest free range between the bounds, guards kept",
    source: "contract C-12.1",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const choose = (pages: number, more: object = {}): bigint =>
        desk.a.createArea({
          size: desk.bytes(pages),
          flags: RW,
          backend: anonymous,
          lowest: desk.at(0),
          highest: desk.at(20) - 1n,
          ...more,
        }).base;
      desk.area(0, 2);
      desk.area(4, 2);
      same(choose(2), desk.at(2), "room for two pages");
      same(choose(1), desk.at(6), "room for one page");
      same(choose(2, { guard: true }), desk.at(8), "room for two pages and their guards");
      refusals(desk, [["room for more than there is", "ERR_NO_FREE_RANGE", () => choose(14)]]);
    }),
  },
];
