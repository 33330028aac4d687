/** What trap handlers do on the way from a miss to a translation. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  ENTRY_GLOBAL,
  EXECUTE,
  FormatCodec,
  FRAMES,
  KERNEL,
  READ,
  rightsFor,
  USER,
  WRITE,
  type AddressSpace,
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import { dataTte, sparc64, TsbPair } from "#src/index.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;

const machineWith = (options: MachineOptions = {}): Machine => {
  const machine = buildMachine(sparc64, { memoryBytes: 4 * 2 ** 20, ...options });
  const space = machine.spaces.create();
  machine.switchTo(space);
  space.createArea({ base: 0x400000, size: 0x10000, flags: RW, backend: anonymous });
  return machine;
};

describe("sparc64: traps", () => {
  it("a second load after the TLB forgot is served by the TSB, not by the hash", () => {
    const machine = machineWith();
    machine.read32(0x400000);
    const cpu = machine.cpu(0);
    const { walks } = cpu.statistics;
    cpu.invalidateAsid(cpu.asidFor(USER));
    machine.read32(0x400000);
    expect(cpu.statistics).to.include({ walks, tsbHits: 1 });
    assertInvariants(machine);
  });

  it("a page that was only read traps at its first store and is marked as written", () => {
    const machine = machineWith();
    const space = machine.installed();
    if (space === null) throw new Error("a space is installed");
    const cpu = machine.cpu(0);
    machine.read32(0x400000);
    machine.parts.tables.find(space.context, 0x400000 / 0x4000);
    expect(machine.parts.tables.found.flags & 192, "accessed, not written").to.equal(64);
    machine.write32(0x400000, 1);
    expect(cpu.statistics.upgrades).to.equal(1);
    machine.parts.tables.find(space.context, 0x400000 / 0x4000);
    expect(machine.parts.tables.found.flags & 192).to.equal(192);
    machine.write32(0x400004, 2);
    expect(cpu.statistics.upgrades, "the second store passes").to.equal(1);
    expect(cpu.dataTlb.duplicates(0x400000 / 0x2000, space.context.asid)).to.equal(1);
  });

  it("a store to a page of a read-only area ends as fast_data_access_protection", () => {
    const machine = machineWith();
    const space = machine.installed();
    space?.createArea({ base: 0x800000, size: 0x4000, flags: AREA_READ | AREA_CACHEABLE, backend: anonymous });
    expect(machine.read32(0x800000)).to.equal(0);
    expect(machine.write32(0x800000, 1)).to.equal(false);
    expect(machine.outcome).to.include({
      trap: "fast_data_access_protection (0x6c)",
      reason: "protection",
      rule: "the area forbids this access",
    });
    expect(machine.outcome?.code).to.equal(1 | 4);
  });

  it("the user is refused what is the kernel's before rights are looked at", () => {
    const machine = machineWith();
    const cpu = machine.cpu(0);
    cpu.dataTlb.enter(0x900, 1, 0x10, cpu.asidFor(USER), rightsFor(READ, 0));
    cpu.instructionTlb.enter(0x900, 1, 0x10, cpu.asidFor(USER), rightsFor(EXECUTE, 0));
    for (const [access, trap, code] of [
      [READ, "data_access_exception (0x30)", 0x81],
      [WRITE, "data_access_exception (0x30)", 0x85],
      [EXECUTE, "instruction_access_exception (0x08)", 0x81],
    ] as const) {
      expect(cpu.translate(0x900, access, USER)).to.equal(-1);
      expect(sparc64.faults.report(cpu.fault.reason, access, USER)).to.deep.equal({ trap, code });
    }
  });

  it("nobody loads from or stores to a page that is only for loads that must not fault, and that is told as such", () => {
    const machine = machineWith();
    const cpu = machine.cpu(0);
    const { context } = machine.installed() ?? {};
    if (context === undefined) throw new Error("a space is installed");
    const tte = { low: (0x10 << 13) | 2, high: 0x9000_0000 };
    const codec = new FormatCodec(dataTte(false), {});
    for (const [asid, privilege, code] of [
      [context.asid, USER, 0x801],
      [0, KERNEL, 0x809],
    ] as const) {
      cpu.dataTlb.enter(0x900, 1, 0x10, asid, codec.rightsOf(tte.low, tte.high));
      for (const access of [READ, WRITE] as const) {
        expect(cpu.translate(0x900, access, privilege)).to.equal(-1);
        expect(sparc64.faults.report(cpu.fault.reason, access, privilege)).to.deep.equal({
          trap: "data_access_exception (0x30)",
          code: code | (access === WRITE ? 4 : 0),
        });
      }
    }
  });

  it("the kernel sees RAM from its address 0x2000 on, and nothing at page 0", () => {
    const base = 2 ** 32;
    const machine = machineWith({ memoryBase: base });
    const cpu = machine.cpu(0);
    expect(cpu.translate(5, WRITE, KERNEL)).to.equal(base / 0x2000 + 5);
    expect(cpu.translate(0, READ, KERNEL)).to.equal(-1);
    expect(cpu.translate(0x400000 / 0x2000, READ, KERNEL), "beyond RAM").to.equal(-1);
    expect(cpu.translate(5, EXECUTE, KERNEL), "fetches ask the tables").to.equal(-1);
    assertInvariants(machine);
  });

  it("kernel and user see different things at one address", () => {
    const machine = machineWith();
    machine.write32(0x400000, 0x1234);
    const cpu = machine.cpu(0);
    const user = cpu.translate(0x404000 / 0x2000 - 2, READ, USER);
    expect(cpu.translate(0x10, READ, KERNEL)).to.equal(0x10);
    expect(user).to.not.equal(0x200);
    expect(cpu.load32(0x400000 / 0x2000, 0, USER)).to.equal(0x1234);
  });

  it("addresses in the hole are no addresses", () => {
    const machine = machineWith();
    const cpu = machine.cpu(0);
    expect(cpu.translate(0x0000_0800_0000_0000 / 0x2000, READ, USER)).to.equal(-1);
    expect(sparc64.faults.report(cpu.fault.reason, READ, USER)).to.deep.equal({
      trap: "data_access_exception (0x30)",
      code: (0x20 << 7) | 1,
    });
  });

  it("HD-12: the last page of the address space is a page like any other", () => {
    const machine = machineWith();
    const top = 0xffff_ffff_ffff_c000n;
    machine.installed()?.createArea({ base: top - 0x4000n, size: 0x8000, flags: RW, backend: anonymous });
    expect(machine.write32(top + 0x3ffcn, 0xfeedface)).to.equal(true);
    expect(machine.read32(top + 0x3ffcn)).to.equal(0xfeedface);
    expect(() => machine.installed()?.createArea({ base: top, size: 0x4000, flags: RW, backend: anonymous })).to.throw("already belong");
    assertInvariants(machine);
  });

  it("a stolen context finds nothing of its last owner in TLB or TSB", () => {
    const few = { ...sparc64, asids: { ...sparc64.asids, last: 4 } };
    const machine = buildMachine(few, { memoryBytes: 4 * 2 ** 20 });
    const spaces = Array.from({ length: 6 }, () => machine.spaces.create());
    spaces.forEach((space) => space.createArea({ base: 0x400000, size: 0x4000, flags: RW, backend: anonymous }));
    for (let round = 0; round < 4; round += 1) {
      spaces.forEach((space, i) => {
        machine.switchTo(space);
        if (round > 0) expect(machine.read32(0x400000)).to.equal(i + (round - 1) * 100);
        machine.write32(0x400000, i + round * 100);
        assertInvariants(machine);
      });
    }
    expect(machine.parts.asids.stolen).to.be.greaterThan(12);
  });

  it("demap: everything goes but what is locked and not global; a context keeps its global entries; a page does not", () => {
    const { dataTlb } = machineWith().cpu(0);
    const put = (page: number, flags: number): number => dataTlb.enter(page, 1, page, 9, rightsFor(READ, READ), flags);
    const LOCKED = 4;
    put(0x100, 0);
    put(0x101, ENTRY_GLOBAL);
    put(0x102, LOCKED);
    put(0x103, LOCKED | ENTRY_GLOBAL);
    dataTlb.invalidateAsid(9);
    expect([0x100, 0x101, 0x102, 0x103].map((page) => dataTlb.probe(page, 9) >= 0)).to.deep.equal([false, true, false, true]);
    put(0x102, LOCKED);
    dataTlb.invalidateAll();
    expect([0x101, 0x102, 0x103].map((page) => dataTlb.probe(page, 9) >= 0)).to.deep.equal([false, true, false]);
    put(0x101, ENTRY_GLOBAL);
    dataTlb.invalidatePage(0x101, 77);
    dataTlb.invalidatePage(0x102, 9);
    expect([0x101, 0x102].map((page) => dataTlb.probe(page, 9) >= 0)).to.deep.equal([false, false]);
  });

  it("C-6.1: both halves of a page leave both buffers and both TLBs on every road, other pages stay", () => {
    const roads: readonly [string, (space: AddressSpace, machine: Machine) => void, isPage: boolean][] = [
      ["destroyed", (space) => space.destroyArea(0x400000), true],
      ["cut off", (space) => space.resizeArea(0x400000, 0x4000), true],
      ["protected", (space) => space.changeAreaFlags(0x400000, AREA_READ), true],
      [
        "stolen from",
        (_space, machine) => {
          machine.switchToKernel();
          for (let i = 0; i < 3; i += 1) machine.switchTo(machine.spaces.create());
          machine.switchToKernel();
        },
        false,
      ],
    ];
    for (const [name, work, isPage] of roads) {
      const few = { ...sparc64, asids: { ...sparc64.asids, last: 4 } };
      const machine = buildMachine(few, { memoryBytes: 4 * 2 ** 20, cpus: 2 });
      const space = machine.spaces.create();
      for (const cpu of [0, 1]) machine.switchTo(space, cpu);
      space.createArea({ base: 0x400000, size: 0x8000, flags: AREA_READ | AREA_EXECUTE | AREA_CACHEABLE, backend: anonymous });
      space.createArea({ base: 0x410000, size: 0x4000, flags: RW, backend: anonymous });
      for (const cpu of [0, 1]) {
        for (const address of [0x404000, 0x406000, 0x410000]) machine.read32(address, cpu);
        for (const address of [0x404000, 0x406000]) machine.fetch32(address, cpu);
      }
      const { instruction, data } = space.context.cache as TsbPair;
      const { asid } = space.context;
      const slots = [0x202, 0x203];
      const held = (): boolean[] => [
        ...[instruction, data].flatMap((tsb) => slots.map((slot) => !tsb.isMarked(slot))),
        ...machine.cpus.flatMap(({ instructionTlb, dataTlb }) =>
          [instructionTlb, dataTlb].flatMap((tlb) => slots.map((slot) => tlb.probe(slot, asid) >= 0)),
        ),
      ];
      expect(held(), name).to.deep.equal(Array(12).fill(true));
      if (!isPage) machine.switchToKernel(1);
      work(space, machine);
      expect(held(), name).to.deep.equal(Array(12).fill(false));
      expect(data.isMarked(0x208), name).to.equal(!isPage);
      assertInvariants(machine);
    }
  });

  it("every space's buffers are aligned to their size and go with it", () => {
    const machine = machineWith();
    const free = machine.parts.frames.free;
    const space = machine.spaces.create();
    expect(free - machine.parts.frames.free).to.equal(4);
    expect((space.context.cache as TsbPair).instruction.base % 0x10000).to.equal(0);
    space.release();
    expect(machine.parts.frames.free).to.equal(free);
    assertInvariants(machine);
  });

  it("the buffers are aligned in the kernel's space as in memory, so RAM begins at a multiple of 64 KiB, and never at its address 0", () => {
    for (const memoryBase of [0x4000, 0x8000, 2 ** 32 + 0xc000]) {
      expect(() => buildMachine(sparc64, { memoryBytes: 4 * 2 ** 20, memoryBase }))
        .to.throw("the address is not a multiple of the required alignment")
        .with.property("code", "ERR_MISALIGNED");
    }
    for (const memoryBase of [0, 2 ** 32 + 0x30000]) {
      const machine = buildMachine(sparc64, { memoryBytes: 4 * 2 ** 20, memoryBase }, (parts) =>
        parts.register(FRAMES, (_get, usual) => {
          const frames = usual();
          frames.takeRun(4, 4);
          return frames;
        }),
      );
      // Whatever lies at the start of RAM usually is gone, and its frames are free.
      for (let frame = 0; frame < 4; frame += 1) machine.parts.frames.release(machine.parts.memory.firstFrame + frame);
      const spaces = [];
      try {
        for (;;) spaces.push(machine.spaces.create());
      } catch (error) {
        expect(error).to.have.property("code", "ERR_OUT_OF_FRAMES");
      }
      for (const space of spaces) {
        machine.switchTo(space);
        expect((space.context.cache as TsbPair).kernelAddress).to.be.at.least(0x10000);
        expect(machine.cpu(0).translate(0, READ, KERNEL), "a null pointer of the kernel's").to.equal(-1);
        assertInvariants(machine);
      }
      expect(spaces.length).to.be.greaterThan(10);
    }
  });

  it("a walk shows the slot and the chain, and which entry decides", () => {
    const machine = machineWith();
    machine.write32(0x402004, 5);
    const space = machine.installed();
    if (space === null) throw new Error("a space is installed");
    const walk = machine.walk(space, 0x402004, WRITE);
    expect(walk.physical).to.equal(machine.translate(0x402004, WRITE));
    expect(walk.steps.map(({ table }) => table)).to.deep.equal(["data TSB", "page hash table, heads", "page hash table"]);
    expect(walk.steps[0]?.says).to.contain("the handler loads this");
    expect(machine.walk(space, 0x402004, EXECUTE).rule).to.contain("does not let the user fetch");
    expect(machine.walk(space, 0x900000).rule).to.contain("no entry of chain");
    expect(machine.walk(space, 0x0000_0800_0000_0000n).rule).to.contain("cannot translate");
  });
});
