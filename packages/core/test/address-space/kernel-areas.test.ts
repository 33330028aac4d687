/** Areas of the kernel's own space: the kernel's alone, seen from every space, and never where no table is asked. */
import { expect } from "chai";
import { anonymous, AREA_READ, assertInvariants, EXECUTE, KERNEL, READ, USER, WRITE, type Architecture, type Machine } from "#src/index.js";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { area, build, fewAsids, installed, kernelPlace, machines, refuses, RO, RW } from "../fixture.js";

/** The paper machine without global entries: the kernel's pages are in TLBs under whatever tag was installed. */
const withoutGlobal = (): Architecture => {
  const { translation } = abs32le;
  if (translation.kind !== "hierarchical") throw new Error("the paper machine has trees");
  const levels = translation.levels.map((level) =>
    level.leaf === undefined ? level : { ...level, leaf: { ...level.leaf, attributes: { reads: [], tell: () => 0 } } },
  );
  return { ...abs32le, can: { ...abs32le.can, global: false }, translation: { ...translation, levels } };
};

for (const architecture of [...machines, { ...withoutGlobal(), title: "abs32le without global entries" }]) {
  describe(`areas of the kernel's space on ${architecture.title}`, () => {
    const size = 2 ** architecture.pageShift;
    const { layout } = architecture;
    const isShadowed = layout.kernelAddressSpaceShadowed;
    let machine: Machine;
    let base: bigint;
    beforeEach(() => {
      machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 512 * size });
      base = isShadowed ? BigInt(1024 * size) : kernelPlace(architecture);
    });
    afterEach(() => assertInvariants(machine));
    const at = (page: number): bigint => base + BigInt(page * size);
    const reach = (page: number, access: 1 | 2 | 4, cpu = 0): bigint | null => machine.translate(at(page), access, cpu, KERNEL);
    const store = (page: number, value: number): void => {
      const physical = reach(page, WRITE);
      expect(physical, "the kernel writes").not.to.equal(null);
      machine.parts.memory.write32(Number(physical), value);
    };
    const load = (page: number, cpu: number): number => {
      const physical = reach(page, READ, cpu);
      return physical === null ? -1 : machine.parts.memory.read32(Number(physical));
    };

    it("C-10.7: are the kernel's: served on its faults, refused to every user, whatever space is installed", () => {
      const { kernel } = machine.spaces;
      kernel.createArea({ base, size: 3 * size, flags: RW, backend: anonymous });
      installed(machine, 0);
      installed(machine, 1);
      store(0, 77);
      expect(load(0, 1), "on the other processor, in another space").to.equal(77);
      for (const access of [READ, WRITE, EXECUTE] as const) {
        expect(machine.translate(base, access, 0, USER)).to.equal(null);
        expect(machine.outcome?.rule).to.equal("no area at this address");
      }
      expect(machine.copyFromUser(base, new Uint8Array(4))).to.equal(0);
      expect(kernel.areaInfo(base)?.usedPages).to.equal(1);
      installed(machine, 1);
      expect(load(0, 1)).to.equal(77);
      expect(load(3, 1)).to.equal(-1);
    });

    it("C-10.7: go like any other: no processor can reach what was cut off, protected or destroyed, under whatever tag", () => {
      const { kernel } = machine.spaces;
      kernel.createArea({ base, size: 3 * size, flags: RW, backend: anonymous });
      for (let round = 0; round < 8; round += 1) {
        for (const cpu of [0, 1]) installed(machine, cpu);
        for (const page of [0, 1, 2]) {
          store(page, round * 10 + page + 1);
          for (const cpu of [0, 1]) expect(load(page, cpu)).to.equal(round * 10 + page + 1);
        }
        assertInvariants(machine);
        kernel.resizeArea(base, size);
        for (const cpu of [0, 1]) expect(load(2, cpu), "cut off").to.equal(-1);
        assertInvariants(machine);
        kernel.changeAreaFlags(base, AREA_READ);
        assertInvariants(machine);
        expect(machine.parts.tables.find(kernel.context, Number(base / BigInt(size)))).to.equal(true);
        kernel.changeAreaFlags(base, RW);
        kernel.resizeArea(base, 3 * size);
        expect(load(2, 1), "fresh").to.equal(0);
      }
      kernel.destroyArea(base);
      for (const cpu of [0, 1]) expect(load(0, cpu)).to.equal(-1);
    });

    it("C-10.7: a queue that overflowed forgets the kernel's pages too", () => {
      for (const switches of "PGE" in architecture.switches ? [{ PGE: false }, { PGE: true }] : [{}]) {
        const own = build(fewAsids(architecture), { cpus: 2, memoryBytes: 512 * size, switches });
        own.spaces.kernel.createArea({ base, size: 14 * size, flags: RW, backend: anonymous });
        for (const cpu of [0, 1]) installed(own, cpu);
        for (let page = 0; page < 14; page += 1) expect(own.translate(at(page), READ, 1, KERNEL)).not.to.equal(null);
        own.parts.preemption.scheduler = { at: () => {}, isSlow: (cpu) => cpu === 1 };
        for (let pages = 13; pages > 0; pages -= 1) own.spaces.kernel.resizeArea(base, pages * size);
        own.parts.preemption.scheduler = null;
        own.spaces.kernel.createArea({ base: at(60), size, flags: RW, backend: anonymous });
        own.spaces.kernel.destroyArea(at(60));
        installedLater(own);
        assertInvariants(own);
        for (let page = 1; page < 14; page += 1) expect(own.translate(at(page), READ, 1, KERNEL), `page ${page}`).to.equal(null);
      }
    });

    it("C-13.7: the kernel's faults at a user's address are the installed space's, where both share one space", () => {
      const space = installed(machine);
      area(space, 16 * size, 2);
      area(space, 20 * size, 1, RO);
      const physical = machine.translate(16 * size, WRITE, 0, KERNEL);
      if (isShadowed) {
        expect(machine.parts.tables.find(space.context, 16)).to.equal(false);
        return;
      }
      machine.parts.memory.write32(Number(physical), 5);
      expect(machine.read32(16 * size)).to.equal(5);
      expect(machine.translate(20 * size, WRITE, 0, KERNEL), "the area decides for everybody").to.equal(null);
      expect(machine.translate(30 * size, READ, 0, KERNEL)).to.equal(null);
      expect(machine.outcome?.rule).to.equal("no area at this address");
    });

    it("C-5.1: the kernel's accesses to a user's address mean the space that is installed now", () => {
      const spaces = [1, 2, 3].map((value) => {
        const space = installed(machine);
        area(space, 16 * size, 1);
        machine.write32(16 * size, value);
        return space;
      });
      for (let round = 0; round < 6; round += 1) {
        const space = spaces[round % 3];
        machine.switchTo(space);
        const physical = machine.translate(16 * size, READ, 0, KERNEL);
        expect(physical, "the kernel's access").not.to.equal(null);
        const users = machine.translate(16 * size, READ, 0, USER);
        if (isShadowed) expect(physical).not.to.equal(users);
        else expect(machine.parts.memory.read32(Number(physical))).to.equal(1 + (round % 3));
        assertInvariants(machine);
      }
    });

    it("C-10.3: lie in the kernel's range only, and are found room for there", () => {
      const { kernel } = machine.spaces;
      if (!isShadowed) {
        refuses("ERR_AREA_RANGE", () => kernel.createArea({ base: 16 * size, size, flags: RW, backend: anonymous }));
        refuses("ERR_AREA_RANGE", () =>
          kernel.createArea({ base: layout.user.last + 1n - BigInt(size), size: 2 * size, flags: RW, backend: anonymous }),
        );
      }
      const chosen = kernel.createArea({ size: 2 * size, flags: RW, backend: anonymous });
      expect(machine.translate(chosen.base, WRITE, 0, KERNEL)).not.to.equal(null);
      expect(chosen.base >= layout.kernel.first && chosen.base + chosen.size - 1n <= layout.kernel.last).to.equal(true);
      kernel.createArea({ base: layout.kernel.last + 1n - BigInt(size), size, flags: RW, backend: anonymous });
      expect(machine.translate(layout.kernel.last, WRITE, 0, KERNEL)).not.to.equal(null);
      refuses("ERR_SPACE_IN_USE", () => kernel.destroy());
      refuses("ERR_SPACE_IN_USE", () => kernel.release());
    });
  });
}

/** The slow processor leaves its handler: a later shootdown finds it ready again. */
const installedLater = (machine: Machine): void => {
  machine.switchTo(machine.spaces.create(), 0);
  const { kernel } = machine.spaces;
  const { layout, pageShift } = machine.architecture;
  const base = layout.kernel.last + 1n - 2n ** BigInt(pageShift);
  kernel.createArea({ base, size: 2 ** pageShift, flags: RW, backend: anonymous });
  machine.translate(base, READ, 0, KERNEL);
  kernel.destroyArea(base);
};

describe("the kernel's window of sparc64", () => {
  const PAGE = 0x4000;
  it("C-10.7: no area lies where the kernel is given RAM without a table: its pages could never be seen", () => {
    for (const memoryBase of [0, 2 ** 32]) {
      const machine = build(sparc64, { memoryBytes: 256 * PAGE, memoryBase });
      const { kernel } = machine.spaces;
      for (const [page, pages] of [
        [1, 1],
        [5, 2],
        [255, 1],
        [255, 2],
        [1, 4096],
      ] as const)
        refuses("ERR_AREA_RANGE", () => kernel.createArea({ base: page * PAGE, size: pages * PAGE, flags: RW, backend: anonymous }));
      expect(kernel.createArea({ size: PAGE, flags: RW, backend: anonymous }).base).to.equal(BigInt(256 * PAGE));
      refuses("ERR_NO_FREE_RANGE", () => kernel.createArea({ size: PAGE, flags: RW, backend: anonymous, highest: 256 * PAGE - 1 }));
      expect(machine.translate(256 * PAGE, WRITE, 0, KERNEL)).not.to.equal(null);
      expect(
        machine.spaces.create().createArea({ base: PAGE, size: PAGE, flags: RW, backend: anonymous }).base,
        "users have no window",
      ).to.equal(BigInt(PAGE));
      assertInvariants(machine);
    }
  });

  it("C-10.7: memory of devices, added at any time, is reached through tables like every page outside RAM", () => {
    const machine = build(sparc64, { memoryBytes: 256 * PAGE });
    const { kernel } = machine.spaces;
    kernel.createArea({ base: 2 ** 40, size: PAGE, flags: RW, backend: anonymous });
    machine.parts.memory.addRegion(2 ** 40, PAGE);
    const reached = machine.translate(2 ** 40, WRITE, 0, KERNEL);
    expect(reached).not.to.equal(null);
    expect(Number(reached), "the area's frame, not the device's").to.be.lessThan(256 * PAGE);
    expect(machine.translate(2 ** 40 + PAGE, READ, 0, KERNEL)).to.equal(null);
    assertInvariants(machine);
  });
});

describe("the kernel's half of ia32", () => {
  it("C-10.7: its pages have U/S clear and G set, so the user is kept out by the hardware itself", () => {
    const machine = build(ia32);
    const base = 0x8000_5000;
    machine.spaces.kernel.createArea({ base, size: 0x1000, flags: RW, backend: anonymous });
    machine.translate(base, WRITE, 0, KERNEL);
    const [, entry] = machine.walk(machine.spaces.kernel, base).steps;
    expect(entry?.fields.find(({ name }) => name === "U/S")?.value).to.equal(0n);
    expect(entry?.fields.find(({ name }) => name === "G")?.value).to.equal(1n);
    expect(machine.walk(machine.spaces.kernel, base, READ, USER).physical).to.equal(null);
  });
});
