/** L3: lives of address spaces. Every clause ends with the invariants. */
import { AREA_READ, WRITE } from "@portolan/core";
import type { Clause } from "../clause.js";
import { same } from "../failure.js";
import { at, RW, CONTENTS } from "../rig/desk.js";
import { refuses } from "../rig/rig.js";

export const spaceClauses: readonly Clause[] = [
  {
    id: "L3.space.life",
    rule: "A space lives while somebody holds it, is not destroyed while it is installed or held, and gives everything back at its end",
    source: "contract C-11.1, C-11.2, C-11.3; HD-19, HD-35, HD-41",
    since: "1.0.0",
    traits: ["cold", "recycled"],
    check: at((desk) => {
      const free = desk.free;
      const space = desk.machine.spaces.create();
      desk.area(0, 4, RW, space);
      desk.install(space);
      for (let page = 0; page < 4; page += 1) desk.write(page, 1);
      refuses("ERR_SPACE_IN_USE", () => space.destroy(), "destroying an installed space");
      desk.install(desk.a);
      space.hold();
      refuses("ERR_SPACE_IN_USE", () => space.destroy(), "destroying a held space");
      space.release();
      space.destroy();
      same(space.isDestroyed, true, "the space is destroyed");
      same(desk.free, free, "free frames after its end");
      refuses("ERR_SPACE_GONE", () => desk.area(0, 1, RW, space), "using a destroyed space");
      refuses("ERR_SPACE_GONE", () => desk.install(space), "installing a destroyed space");
      refuses("ERR_SPACE_IN_USE", () => desk.machine.spaces.kernel.destroy(), "destroying the kernel's space");
    }),
  },
  {
    id: "L3.space.any-space-at-any-time",
    rule: "No operation depends on which space is installed: areas of others are made, filled and destroyed, and nobody else's change",
    source: "contract C-11.5; HD-04, HD-50",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      desk.area(0, 2);
      desk.area(0, 2, RW, desk.b);
      desk.write(0, 1);
      const page = desk.first;
      desk.b.pageFault(page, WRITE);
      desk.b.resizeArea(desk.at(0), desk.bytes(1));
      desk.b.changeAreaFlags(desk.at(0), AREA_READ);
      desk.b.destroyArea(desk.at(0));
      same(desk.read(0), 1, "the installed space's word");
      same([...desk.b.areas()].length, 0, "areas of the other space");
    }),
  },
  {
    id: "L3.space.independent",
    rule: "The same address in two spaces is two memories",
    source: "contract C-11.1, C-15.1",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      desk.area(0, 2);
      desk.area(0, 2, RW, desk.b);
      for (let round = 0; round < 3; round += 1) {
        desk.install(desk.a);
        if (round > 0) same(desk.read(0), 10 + round - 1, "the word of the first space");
        desk.write(0, 10 + round);
        desk.install(desk.b);
        if (round > 0) same(desk.read(0), 20 + round - 1, "the word of the second space");
        desk.write(0, 20 + round);
      }
    }),
  },
];
