/** Copies between the kernel and a user: across pages, through faults, up to where they cannot go on. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  DEFER,
  FAULT,
  OK,
  physical,
  READ,
  WRITE,
  type AddressSpace,
  type Machine,
} from "#src/index.js";
import { area, build, installed, kernelPlace, machines, RO, RW, RX } from "../fixture.js";

for (const architecture of machines) {
  describe(`copies to and from user space on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    const { layout } = architecture;
    const bytes = (length: number, from = 1): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + from) % 256);
    let machine: Machine;
    let space: AddressSpace;
    beforeEach(() => {
      machine = build(architecture, { cpus: 2 });
      space = installed(machine);
    });
    afterEach(() => assertInvariants(machine));

    it("C-14.1: serve faults on the way, whatever the alignment, over many pages at once", () => {
      area(space, at(16), 5);
      for (const [offset, length] of [
        [0, 0],
        [3, 1],
        [size - 1, 2],
        [size / 2 - 1, size / 2 + 2],
        [5, 4 * size - 7],
        [0, 5 * size],
      ] as const) {
        const source = bytes(length, offset + 1);
        expect(machine.copyToUser(at(16) + offset, source)).to.equal(length);
        const target = new Uint8Array(length);
        expect(machine.copyFromUser(BigInt(at(16) + offset), target)).to.equal(length);
        expect(Buffer.compare(source, target)).to.equal(0);
        expect(machine.outcome).to.equal(null);
      }
      expect(space.areaInfo(at(16))?.usedPages).to.equal(5);
    });

    it("C-14.2: end at the first page that cannot be served, a prefix done, and the outcome says why", () => {
      area(space, at(16), 2);
      area(space, at(18), 1, RO);
      const source = bytes(4 * size);
      expect(machine.copyToUser(at(16) + 8, source)).to.equal(2 * size - 8);
      expect(machine.outcome).to.deep.include({ address: BigInt(at(18)), access: WRITE, rule: "the area forbids this access" });
      expect(space.verdict).to.deep.equal({ result: DEFER, rule: "the area forbids this access", waitsFor: null });
      const target = new Uint8Array(4 * size).fill(255);
      expect(machine.copyFromUser(at(16) + 8, target)).to.equal(3 * size - 8);
      expect(machine.outcome).to.deep.include({ address: BigInt(at(19)), access: READ, reason: "absent", rule: "no area at this address" });
      expect(Buffer.compare(target.subarray(0, 2 * size - 8), source.subarray(0, 2 * size - 8))).to.equal(0);
      expect(target.subarray(2 * size - 8, 3 * size - 8).every((byte) => byte === 0)).to.equal(true);
      expect(
        target.subarray(3 * size - 8).every((byte) => byte === 255),
        "what was not reached stays",
      ).to.equal(true);
      expect(machine.copyFromUser(at(16), new Uint8Array(4))).to.equal(4);
      expect(machine.outcome, "of the last copy").to.equal(null);
      expect(machine.read32(at(16) + 8), "the task lives on").to.be.at.least(0);
      expect(machine.outcome).to.equal(null);
    });

    it("C-14.2: DEFER is for copies alone: the same fault is a FAULT for the user", () => {
      area(space, at(16), 1, RO);
      expect(space.pageFault(16, WRITE, true)).to.equal(DEFER);
      expect(space.pageFault(16, WRITE)).to.equal(FAULT);
      expect(space.pageFault(30, READ, true)).to.equal(DEFER);
      expect(space.pageFault(16, READ, true)).to.equal(OK);
      expect([FAULT, OK, DEFER]).to.deep.equal([0, 1, 2]);
    });

    it("C-14.2: end where nothing answers behind a device, and where memory runs out", () => {
      space.createArea({ base: at(16), size, flags: RW, backend: physical(2n ** BigInt(architecture.physicalBits) - BigInt(size), 1) });
      expect(machine.copyFromUser(at(16), new Uint8Array(8))).to.equal(0);
      expect(machine.outcome).to.include({ reason: "bus", rule: "nothing answers at that physical address" });
      expect(space.verdict.result).to.equal(DEFER);
      area(space, at(20), 2);
      machine.write32(at(20), 1);
      machine.parts.gate.failAfter(0, Infinity);
      expect(machine.copyToUser(at(20), bytes(2 * size))).to.equal(size);
      expect(machine.outcome?.rule).to.equal("out of memory");
      machine.parts.gate.disarm();
      expect(machine.copyToUser(at(20), bytes(2 * size))).to.equal(2 * size);
    });

    it("C-14.1: have the user's rights: write-only memory cannot be read where the machine can forbid it, text never written", () => {
      area(space, at(16), 1, AREA_WRITE);
      area(space, at(17), 1, RX);
      expect(machine.copyToUser(at(16), bytes(8))).to.equal(8);
      if (architecture.can.forbidRead) expect(machine.copyFromUser(at(16), new Uint8Array(8))).to.equal(0);
      expect(machine.copyToUser(at(17), bytes(8))).to.equal(0);
      area(space, at(18), 1, AREA_READ | AREA_WRITE);
      expect(machine.copyFromUser(at(18), new Uint8Array(8))).to.equal(8);
    });

    it("C-14.3: never touch the kernel's half, the hole, or what is beyond the last address", () => {
      const kernelBase = kernelPlace(architecture);
      machine.spaces.kernel.createArea({ base: kernelBase, size, flags: RW, backend: anonymous });
      machine.translate(kernelBase, WRITE, 0, 0);
      const { refusals, tlbMisses } = machine.cpu(0).statistics;
      const outside: bigint[] = [];
      if (!layout.kernelAddressSpaceShadowed) outside.push(kernelBase, layout.kernel.last);
      if (architecture.virtualRule === "sign-extended") outside.push(2n ** BigInt(architecture.virtualBits - 1));
      for (const address of outside) {
        expect(machine.copyFromUser(address, new Uint8Array(4))).to.equal(0);
        expect(machine.copyToUser(address, bytes(4))).to.equal(0);
        expect(machine.outcome).to.deep.include({ address, reason: "bad-address", rule: "no area at this address" });
      }
      expect(machine.cpu(0).statistics, "no access was made").to.include({ refusals, tlbMisses });
      const top = layout.user.last + 1n - BigInt(size);
      space.createArea({ base: top, size, flags: RW, backend: anonymous });
      expect(machine.copyToUser(top + 8n, bytes(2 * size)), "up to the last byte, and no further").to.equal(size - 8);
      expect(machine.outcome?.address).to.equal(layout.user.last + 1n);
      expect(machine.copyFromUser(layout.user.last, new Uint8Array(1))).to.equal(1);
    });
  });
}
