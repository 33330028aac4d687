/** Chapters C-11 to C-17 of the contract: address spaces, areas, faults, copies, backends. */
import { expect } from "chai";
import {
  anonymous,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  EXECUTE,
  FAULT,
  LockOrder,
  NO_PAGE,
  OK,
  READ,
  WRITE,
  type AddressSpace,
  type Backend,
  type Machine,
  type PortolanEvent,
} from "#src/index.js";
import { createArea } from "#src/address-space/create-area.js";
import { area, build, fewAsids, installed, kernelPlace, machines, refuses, RO, RW, RX } from "../fixture.js";
import { portrait } from "../state-hash.js";

for (const architecture of machines) {
  describe(`the contract, address spaces of ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    let machine: Machine;
    let space: AddressSpace;
    let told: PortolanEvent[];
    beforeEach(() => {
      told = [];
      machine = build(fewAsids(architecture), { cpus: 2, onEvent: (event) => void told.push(event) });
      space = installed(machine);
    });
    afterEach(() => assertInvariants(machine));

    it("C-11.1: a new space has no area, no ASID and no use of a processor, and only memory can refuse it", () => {
      const fresh = machine.spaces.create();
      expect([...fresh.areas()]).to.deep.equal([]);
      expect(fresh.context).to.include({ asid: architecture.asids.invalid, installedOn: 0, mappedPages: 0 });
      expect(fresh.holds).to.equal(1);
      const before = portrait(machine);
      machine.parts.gate.failAfter(0);
      refuses("ERR_OUT_OF_MEMORY", () => machine.spaces.create());
      expect(portrait(machine)).to.deep.equal(before);
    });

    it("C-12.1: creation rounds the size up to pages, maps nothing and takes no frame", () => {
      const { free } = machine.parts.frames;
      const { base, pages, size: bytes, usedPages } = space.createArea({ base: at(16), size: size + 1, flags: RW, backend: anonymous });
      expect([base, pages, bytes, usedPages]).to.deep.equal([BigInt(at(16)), 2, BigInt(2 * size), 0]);
      expect(space.createArea({ lowest: at(10), size: at(7), flags: RW, backend: anonymous }).base, "10 to 15 is too small").to.equal(
        BigInt(at(18)),
      );
      expect(space.createArea({ lowest: at(10) - 1, size: at(6), flags: RW, backend: anonymous }).base).to.equal(BigInt(at(10)));
      expect(machine.parts.frames.free).to.equal(free);
      expect(machine.parts.tables.find(space.context, 16)).to.equal(false);
    });

    it("C-12.2: a guard keeps a page on either side against every neighbour, for as long as its area lives", () => {
      space.createArea({ base: at(20), size: at(2), flags: RW, backend: anonymous, guard: true });
      for (const page of [19, 22]) refuses("ERR_AREA_OVERLAP", () => area(space, at(page), 1));
      area(space, at(17), 2);
      area(space, at(23), 1);
      refuses("ERR_AREA_OVERLAP", () => space.resizeArea(at(17), at(3)));
      refuses("ERR_AREA_OVERLAP", () => space.resizeArea(at(20), at(3)));
      refuses("ERR_AREA_OVERLAP", () => space.createArea({ base: at(24), size, flags: RW, backend: anonymous, guard: true }));
      for (const page of [19, 22]) expect(machine.read32(at(page))).to.equal(-1);
      space.destroyArea(at(20));
      space.resizeArea(at(17), at(6));
    });

    it("C-12.4: shrinking loses all its pages in one withdrawal", () => {
      area(space, at(16), 9);
      for (let page = 16; page < 25; page += 1) machine.write32(at(page), page);
      const { free } = machine.parts.frames;
      told.length = 0;
      space.resizeArea(at(16), at(2));
      expect(told.filter(({ kind }) => kind === "shootdown")).to.have.length(1);
      expect(machine.parts.frames.free).to.be.greaterThanOrEqual(free + 7);
      space.resizeArea(at(16), at(9));
      expect(Array.from({ length: 9 }, (_, i) => machine.read32(at(16 + i)))).to.deep.equal([16, 17, 0, 0, 0, 0, 0, 0, 0]);
    });

    it("C-12.5: an area is destroyed by any address inside, and its frames go with their last reference", () => {
      const other = machine.spaces.create();
      area(space, at(16), 4);
      machine.write32(at(17), 5);
      const { frames, tables } = machine.parts;
      tables.find(space.context, 17);
      const { frame } = tables.found;
      space.shareArea(at(16), at(4), other, at(40), RO);
      machine.switchTo(other, 1);
      expect(machine.read32(at(41), 1)).to.equal(5);
      space.destroyArea(at(20) - 1);
      expect(frames.references(frame)).to.be.greaterThan(0);
      other.destroyArea(at(43) + 7);
      expect(frames.references(frame)).to.equal(0);
      for (const address of [at(15), at(16), at(20)]) refuses("ERR_AREA_NOT_FOUND", () => space.destroyArea(address));
    });

    it("C-12.6: a share maps nothing, needs a backend, and gives no right that the source has not", () => {
      const other = machine.spaces.create();
      area(space, at(16), 2, RO);
      machine.read32(at(16));
      space.createArea({ base: at(20), size, flags: RW, backend: null });
      const unshareable: Backend = { ...anonymous, isShareable: false };
      space.createArea({ base: at(22), size, flags: RW, backend: unshareable });
      refuses("ERR_SHARE_RIGHTS", () => space.shareArea(at(16), at(2), other, at(16), AREA_READ | AREA_WRITE));
      for (const page of [20, 22]) refuses("ERR_AREA_KIND", () => space.shareArea(at(page), size, other, at(16), AREA_READ));
      const shown = space.shareArea(at(16), at(2), other, at(16), AREA_READ);
      expect(shown).to.include({ flags: RO, usedPages: 0, isShared: true });
      expect(machine.parts.tables.find(other.context, 16)).to.equal(false);
    });

    it("C-13.1: a fault is decided in one order, its rule is named, and a refusal changes nothing", () => {
      createArea(space, { base: at(16), size, flags: RO, backend: null }, true);
      space.createArea({ base: at(18), size, flags: RO, backend: null });
      area(space, at(20), 1, RO);
      const before = portrait(machine);
      for (const [page, access, rule] of [
        [15, READ, "no area at this address"],
        [16, WRITE, "the area is still being built"],
        [18, WRITE, "the area forbids this access"],
        [18, READ, "the area has no backend"],
        [20, WRITE, "the area forbids this access"],
      ] as const) {
        expect(space.pageFault(page, access)).to.equal(FAULT);
        expect(space.verdict).to.deep.equal({ result: FAULT, rule, waitsFor: null });
        expect(portrait(machine)).to.deep.equal(before);
      }
      expect(space.pageFault(20, READ)).to.equal(OK);
      expect(space.verdict).to.deep.equal({ result: OK, rule: "served", waitsFor: null });
      machine.parts.areas.setPartial(space.tree.find(16), false);
    });

    it("C-13.2: one permitted access is enough where the report fits several, mapped or not", () => {
      area(space, at(16), 1, RX);
      area(space, at(17), 1, RO);
      for (let round = 0; round < 2; round += 1) {
        expect(space.pageFault(16, WRITE)).to.equal(FAULT);
        expect(space.pageFault(16, WRITE | EXECUTE)).to.equal(OK);
        expect(space.pageFault(17, EXECUTE)).to.equal(FAULT);
        expect(space.pageFault(17, READ | WRITE)).to.equal(OK);
      }
    });

    it("C-13.5: one fault brings in one page", () => {
      area(space, at(16), 8);
      const { free } = machine.parts.frames;
      expect(space.pageFault(19, READ)).to.equal(OK);
      const tables = told.filter((event) => event.kind === "table" && event.action === "allocate").length;
      expect(space.areaInfo(at(16))?.usedPages).to.equal(1);
      expect(free - machine.parts.frames.free).to.be.within(1, 1 + tables + 1);
    });

    it("C-13.6: what the machine can forbid is forbidden, and what it says it cannot it does not", () => {
      area(space, at(16), 1, RO);
      area(space, at(17), 1, AREA_WRITE);
      area(space, at(18), 1, AREA_EXECUTE);
      machine.read32(at(16));
      machine.write32(at(17), 1);
      machine.fetch32(at(18));
      const { forbidRead, forbidExecute } = architecture.can;
      const reached = (access: 1 | 2 | 4, page: number): boolean => machine.cpu(0).translate((at(page) / size) * perPage, access, 1) >= 0;
      const perPage = 2 ** (architecture.pageShift - architecture.hardwarePageShift);
      for (const tlb of [machine.cpu(0).dataTlb, machine.cpu(0).instructionTlb]) tlb.invalidateAll();
      expect([reached(READ, 16), reached(WRITE, 16)]).to.deep.equal([true, false]);
      expect(reached(EXECUTE, 16), "executing what is read").to.equal(!forbidExecute);
      expect(reached(READ, 17), "reading what is written").to.equal(!forbidRead);
      expect(reached(WRITE, 18)).to.equal(false);
    });

    it("C-14.1: copies have the user's rights and are served like the user's accesses", () => {
      area(space, at(16), 1);
      area(space, at(17), 1, RO);
      const bytes = Uint8Array.from({ length: 2 * size }, (_, i) => i % 251);
      expect(machine.copyToUser(at(17), bytes)).to.equal(0);
      expect(machine.copyToUser(at(16) + 8, bytes), "up to the page that is not the user's to write").to.equal(size - 8);
      expect(machine.copyToUser(at(15), bytes), "no area").to.equal(0);
      const back = new Uint8Array(2 * size);
      expect(machine.copyFromUser(at(16), back)).to.equal(2 * size);
      expect([...back.subarray(0, 12)]).to.deep.equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
      expect(back[size]).to.equal(0);
      expect(machine.copyFromUser(at(17) + size - 3, back)).to.equal(3);
    });

    it("C-14.3: a user's address in a kernel's half is refused without an access", () => {
      const { layout } = architecture;
      if (layout.kernelAddressSpaceShadowed) {
        expect(layout.user, "there is no half that is the kernel's").to.deep.equal(layout.kernel);
        return;
      }
      machine.spaces.kernel.createArea({ base: kernelPlace(architecture), size, flags: RW, backend: anonymous });
      machine.translate(kernelPlace(architecture), WRITE, 0, 0);
      told.length = 0;
      for (const address of [layout.kernel.first, kernelPlace(architecture), layout.kernel.last]) {
        expect(machine.copyFromUser(address, new Uint8Array(4))).to.equal(0);
        expect(machine.copyToUser(address, new Uint8Array(4))).to.equal(0);
      }
      expect(told).to.deep.equal([]);
      area(space, Number(layout.user.last) + 1 - size, 1);
      expect(machine.copyToUser(layout.user.last - 1n, new Uint8Array(8)), "across the border").to.equal(2);
    });

    it("C-15.8: a backend of a caller's own names one object, which the core asks for pages", () => {
      const asked: string[] = [];
      let links = 0;
      const striped: Backend = {
        name: "striped",
        isShareable: false,
        canChangeFlags: false,
        open: ({ frames, memory }, pages) => ({
          kind: "custom",
          isResizable: false,
          supply(offset) {
            asked.push(`page ${offset} of ${pages}`);
            if (offset === 2) return NO_PAGE;
            const frame = frames.takeZeroed();
            memory.write32(frame * size, 1000 + offset);
            return frame;
          },
          isPrivate: () => true,
          describe: (offset) => `stripe ${offset}`,
          link: () => void (links += 1),
          unlink: () => void (links -= 1),
          get links() {
            return links;
          },
          eachHeld() {},
        }),
      };
      const { free } = machine.parts.frames;
      expect(space.createArea({ base: at(16), size: at(4), flags: RO, backend: striped }).backend).to.equal("striped");
      expect([16, 18, 19].map((page) => machine.read32(at(page)))).to.deep.equal([1000, -1, 1003]);
      expect(machine.outcome).to.equal(null);
      expect(machine.read32(at(18))).to.equal(-1);
      expect(machine.outcome?.rule).to.equal("the area's memory has no such page");
      expect(asked).to.deep.equal(["page 0 of 4", "page 2 of 4", "page 3 of 4", "page 2 of 4"]);
      refuses("ERR_AREA_NOT_RESIZABLE", () => space.resizeArea(at(16), size));
      expect(links).to.equal(1);
      space.destroyArea(at(16));
      expect([links, machine.parts.frames.free]).to.deep.equal([0, free]);
    });

    it("C-17.2: no operation returns with a lock, not even one that is refused", () => {
      const order = machine.parts.locks.discipline;
      if (!(order instanceof LockOrder)) throw new Error("fixtures have one");
      const other = machine.spaces.create();
      area(space, at(16), 2);
      const operations: readonly (() => unknown)[] = [
        () => space.createArea({ base: at(20), size, flags: RW, backend: anonymous }),
        () => space.createArea({ base: at(16), size, flags: RW, backend: anonymous }),
        () => space.createArea({ size: 2n ** 64n, flags: RW, backend: anonymous }),
        () => machine.write32(at(16), 1),
        () => machine.write32(at(90), 1),
        () => space.shareArea(at(16), at(2), other, at(16), RO),
        () => space.shareArea(at(16), at(2), other, at(16), RO),
        () => space.resizeArea(at(20), at(3)),
        () => space.resizeArea(at(16), at(3)),
        () => space.changeAreaFlags(at(20), RO),
        () => space.changeAreaFlags(at(16), RO),
        () => space.setMapping(at(16), 1),
        () => space.print(),
        () => machine.switchTo(other, 1),
        () => space.destroyArea(at(16)),
        () => space.destroyArea(at(16)),
        () => other.destroy(),
      ];
      for (const operation of operations) {
        try {
          operation();
        } catch {
          // a refusal is an ending as well
        }
        for (const cpu of [0, 1]) expect(order.heldBy(cpu), String(operation)).to.deep.equal([]);
      }
    });
  });
}
