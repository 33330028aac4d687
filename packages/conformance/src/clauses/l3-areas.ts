/** L3: areas and what is done with them. Sizes are pages of the machine; every clause ends with the invariants. */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  AS_MAP_FAILED,
  assertInvariants,
  EXECUTE,
  image,
  physical,
  READ,
  Syscalls,
  USER,
  WRITE,
  type AddressSpace,
  type AreaFlags,
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { codeOf, refuses, type Rig } from "../rig/rig.js";

const RW: AreaFlags = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const RO: AreaFlags = AREA_READ | AREA_CACHEABLE;
const RX: AreaFlags = AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;
const USUAL = ["cold", "recycled", "other"] as const;

/** Two spaces on a machine: `a` installed on every processor, `b` on none. */
class Desk {
  readonly machine: Machine;
  readonly rig: Rig;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
  /** The processor that accesses; work is done on processor 0. */
  readonly looker: number;
  readonly first: number;

  constructor(rig: Rig, options: MachineOptions = {}) {
    this.rig = rig;
    const cpus = rig.trait === "other" ? 2 : 1;
    this.machine = rig.build({ cpus, ...options });
    this.looker = cpus - 1;
    this.first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    // Others have had the numbers, and pages at these addresses.
    if (rig.trait === "recycled") for (let i = 0; i < 6; i += 1) this.#former();
    this.a = this.machine.spaces.create();
    this.b = this.machine.spaces.create();
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.a, id);
  }

  at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.first + page);
  }

  bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }

  area(page: number, pages: number, flags: AreaFlags = RW, space: AddressSpace = this.a): void {
    space.createArea({ base: this.at(page), size: this.bytes(pages), flags, backend: anonymous });
  }

  write(page: number, value: number): boolean {
    return this.machine.write32(this.at(page), value, this.looker);
  }

  read(page: number): number {
    return this.machine.read32(this.at(page), this.looker);
  }

  install(space: AddressSpace): void {
    for (const { id } of this.machine.cpus) this.machine.switchTo(space, id);
  }

  get free(): number {
    return this.machine.parts.frames.free;
  }

  done(): void {
    assertInvariants(this.machine);
  }

  #former(): void {
    const space = this.machine.spaces.create();
    this.install(space);
    this.area(0, 12, RW, space);
    for (let page = 0; page < 12; page += 1) this.write(page, 0xbad);
  }
}

/** A desk, work at it, and the invariants afterwards. */
const at =
  (work: (desk: Desk) => void, options: MachineOptions = {}) =>
  (rig: Rig): void => {
    const desk = new Desk(rig, options);
    work(desk);
    desk.done();
  };

const list = (space: AddressSpace): string => space.print();

/** Each refused, and nothing changed by it. */
const refusals = (desk: Desk, cases: readonly (readonly [what: string, code: string, work: () => unknown])[]): void => {
  for (const [what, code, work] of cases) {
    const [before, free] = [`${list(desk.a)}\n${list(desk.b)}`, desk.free];
    refuses(code, work, what);
    same(`${list(desk.a)}\n${list(desk.b)}`, before, `areas after a refused operation (${what})`);
    same(desk.free, free, `free frames after a refused operation (${what})`);
    desk.done();
  }
};

export const areaClauses: readonly Clause[] = [
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
    traits: USUAL,
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
    traits: USUAL,
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
    traits: USUAL,
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
    traits: USUAL,
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
    traits: USUAL,
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
    traits: USUAL,
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
  {
    id: "L3.image.contents",
    rule: "An image shows the file's bytes, zeroes behind them, and nothing beyond its end, at any alignment; private writes stay private",
    source: "contract C-15.2, C-15.3; HD-09, HD-43",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      const content = Uint8Array.from({ length: size * 2 + 100 }, (_, i) => (i * 7 + 3) % 251);
      const file = desk.machine.loadImage(content);
      for (const fileOffset of [0, 36]) {
        const segment = { lead: 0, fileOffset, fileSize: size + 50, memorySize: size * 2 + 8 };
        const page = fileOffset === 0 ? 0 : 8;
        desk.a.createArea({ base: desk.at(page), size: desk.bytes(3), flags: RO, backend: image(file, { ...segment, writable: false }) });
        const byte = (place: number): number => desk.machine.read8(desk.at(page) + BigInt(place), desk.looker);
        for (const place of [0, 1, size - 1, size, size + 49])
          same(byte(place), content[fileOffset + place], `byte ${place} of the segment at ${fileOffset}`);
        same([byte(size + 50), byte(size * 2 - 1), byte(size * 2 + 7)], [0, 0, 0], "bytes behind the file's");
        same(byte(size * 3 - 1), 0, "the tail of the last page");
      }
      desk.a.createArea({
        base: desk.at(16),
        size: desk.bytes(2),
        flags: RW,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: size * 2, memorySize: size * 2, writable: true }),
      });
      desk.write(16, 0x1234_5678);
      same(desk.read(16), 0x1234_5678, "a word written to a writable page of the image");
      same(desk.machine.read8(desk.at(0), desk.looker), content[0], "the file's own byte");
      file.close();
    }),
  },
  {
    id: "L3.image.kept-while-shown",
    rule: "Frames of an image stay while an area shows it, and go with the last user",
    source: "contract C-15.4; HD-44",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      const free = desk.free;
      const file = desk.machine.loadImage(Uint8Array.from({ length: size }, () => 9));
      desk.a.createArea({
        base: desk.at(0),
        size: desk.bytes(1),
        flags: RX,
        backend: image(file, { lead: 0, fileOffset: 0, fileSize: size, memorySize: size, writable: false }),
      });
      file.close();
      same(desk.machine.read8(desk.at(0), desk.looker), 9, "a byte after the file was closed");
      desk.a.destroyArea(desk.at(0));
      same(desk.free, free, "free frames after the area went too");
    }),
  },
  {
    id: "L3.device.contents",
    rule: "Device memory shows the frames of its range and no others, is not resized, and its frames are not counted",
    source: "contract C-15.6; HD-51",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      const { memory } = desk.machine.parts;
      const size = desk.rig.pageSize;
      const base = (memory.firstFrame + memory.frameCount + 16) * size;
      memory.addRegion(base, size * 4);
      memory.write32(base + size, 0x5151);
      desk.a.createArea({ base: desk.at(0), size: desk.bytes(3), flags: RW, backend: physical(base, 2) });
      same(desk.read(1), 0x5151, "the second frame's word");
      holds(desk.write(0, 0x6161), "a write to the device is refused");
      same(memory.read32(base), 0x6161, "the device's word");
      same(desk.read(2), -1, "a page beyond the device");
      refuses("ERR_AREA_NOT_RESIZABLE", () => desk.a.resizeArea(desk.at(0), desk.bytes(1)), "resizing device memory");
      desk.a.destroyArea(desk.at(0));
      same(memory.read32(base), 0x6161, "the device's word after the area is gone");
    }),
  },
  {
    id: "L3.user.copies",
    rule: "Copies go through the user's translations with the user's rights; one that cannot go on ends with a prefix",
    source: "contract C-14.1, C-14.2",
    since: "1.0.0",
    traits: USUAL,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      desk.area(0, 2);
      desk.area(2, 1, RO);
      const bytes = Uint8Array.from({ length: size + 16 }, (_, i) => i % 251);
      same(desk.machine.copyToUser(desk.at(0) + 8n, bytes, desk.looker), bytes.length, "bytes copied in");
      const back = new Uint8Array(bytes.length);
      same(desk.machine.copyFromUser(desk.at(0) + 8n, back, desk.looker), bytes.length, "bytes copied out");
      holds(
        back.every((byte, i) => byte === bytes[i]),
        "other bytes come back than were copied",
      );
      same(desk.machine.copyToUser(desk.at(1) + BigInt(size - 4), bytes, desk.looker), 4, "bytes copied to the edge of a read-only area");
      same(desk.machine.copyFromUser(desk.at(2) + BigInt(size - 4), back, desk.looker), 4, "bytes copied from the last page");
      same(desk.machine.copyFromUser(desk.at(7), back, desk.looker), 0, "bytes copied from nowhere");
    }),
  },
  {
    id: "L3.memory.exhausted",
    rule: "Without memory a fault is refused by value and served when there is some again; nothing is lost",
    source: "contract C-16.1, C-16.2, C-13.4; HD-42",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const { frames } = desk.machine.parts;
      desk.area(0, 4);
      desk.write(0, 5);
      const hoard: number[] = [];
      while (codeOf(() => hoard.push(frames.take())) === "no error");
      same(desk.write(1, 6), false, "a write without memory");
      same(desk.machine.outcome?.rule, "out of memory", "the rule");
      for (const frame of hoard) frames.release(frame);
      same(desk.write(1, 6), true, "the same write with memory");
      same([desk.read(0), desk.read(1)], [5, 6], "words");
    }),
  },
  {
    id: "L3.memory.every-allocation-fails-once",
    rule: "Whichever allocation of an operation fails, the operation has happened or has left no trace",
    source: "contract C-16.1, C-2.4; HD-42",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const operations: Readonly<Record<string, (desk: Desk) => unknown>> = {
        "making a space": (desk) => desk.machine.spaces.create(),
        "making an area": (desk) => desk.area(20, 2),
        sharing: (desk) => desk.a.shareArea(desk.at(0), desk.bytes(4), desk.b, desk.at(30), RO),
        growing: (desk) => desk.a.resizeArea(desk.at(0), desk.bytes(9)),
        shrinking: (desk) => desk.a.resizeArea(desk.at(0), desk.bytes(1)),
        "a change of rights": (desk) => desk.a.changeAreaFlags(desk.at(0), AREA_READ),
        "a fault": (desk) => desk.write(3, 3),
        destruction: (desk) => desk.a.destroyArea(desk.at(0)),
      };
      for (const [name, operation] of Object.entries(operations)) {
        for (let passes = 0; ; passes += 1) {
          const desk = new Desk(rig);
          desk.area(0, 4);
          desk.write(0, 1);
          const [before, free] = [`${list(desk.a)}${list(desk.b)}`, desk.free];
          desk.machine.parts.gate.failAfter(passes);
          const count = desk.machine.parts.gate.count;
          const code = codeOf(() => operation(desk));
          const isOver = desk.machine.parts.gate.count - count <= passes;
          desk.machine.parts.gate.disarm();
          if (code !== "no error") {
            same(`${list(desk.a)}${list(desk.b)}`, before, `areas after ${name} failed at allocation ${passes}`);
            same(desk.free, free, `free frames after ${name} failed at allocation ${passes}`);
          }
          desk.done();
          if (isOver || passes > 60) break;
        }
      }
    },
  },
  {
    id: "L3.syscalls.numbers",
    rule: "The system-call face answers with HelenOS's numbers, and creation with the address or with all bits set",
    source: "contract C-18.1, C-18.2; HelenOS abi/include/abi/errno.h",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const calls = new Syscalls(desk.a);
      const size = desk.bytes(2);
      same(calls.as_area_create(desk.at(0), size, AREA_READ | AREA_WRITE), desk.at(0), "creation");
      same(calls.as_area_create(desk.at(1), size, AREA_READ), AS_MAP_FAILED, "creation over another area");
      same(calls.as_area_create(desk.at(8), size, AREA_READ), desk.at(8), "creation beside it");
      same(calls.as_area_get_size(desk.at(1)), size, "size");
      same(calls.as_area_resize(desk.at(0), desk.bytes(3), 0), 0, "growing");
      same(calls.as_area_resize(desk.at(0), desk.bytes(9), 0), -11, "growing into another area");
      same(calls.as_area_resize(desk.at(0), 0n, 0), -6, "leaving no page");
      same(calls.as_area_resize(desk.at(0) + 1n, size, 0), -13, "an address that is no page's");
      same(calls.as_area_destroy(desk.at(5)), -1, "destroying nothing");
      same(calls.as_area_change_flags(desk.at(0), AREA_WRITE | AREA_EXECUTE), -13, "flags that nobody may have");
      same(calls.as_area_change_flags(desk.at(0), AREA_READ), 0, "flags");
      same(desk.a.areaInfo(desk.at(0))?.flags, RO, "flags afterwards: still cacheable");
      same(calls.as_area_destroy(desk.at(0)), 0, "destroying");
      same(calls.as_get_area_info().length, 1, "areas");
    }),
  },
];

/** What an end beyond the range is called: no such address, or no such range. */
const codeBeyond = (desk: Desk): string => {
  const code = codeOf(() => {
    const { units } = desk.machine.parts;
    const { user } = desk.rig.architecture.layout;
    desk.b.createArea({ base: units.addressOf(units.pageOf(user.last)), size: desk.bytes(2), flags: RW, backend: anonymous });
  });
  return ["ERR_AREA_RANGE", "ERR_BAD_ADDRESS", "ERR_BAD_ARGUMENT"].includes(code) ? code : "ERR_AREA_RANGE";
};
