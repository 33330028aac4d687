/** What the core makes of an ARM: tables packed into frames, two roots, ASIDs, and accesses recorded by the fault. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  FAULT_REASONS,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  StaleTranslations,
  USER,
  WRITE,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import { arm, arm32, type ArmOptions } from "#src/index.js";
import { laid, ROOT, USER_TABLE } from "./fixture.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const USERS = READ | WRITE | PAGE_USER | PAGE_CACHEABLE;

const withSpace = (options: ArmOptions = {}) => {
  const machine = buildMachine(arm(options), { memoryBytes: 2 ** 22, cpus: 2 });
  const space = machine.spaces.create();
  machine.switchTo(space);
  return { machine, space, tables: machine.parts.tables, memory: machine.parts.memory };
};

/** Writes to one byte in each of some megabytes of a space. */
const touch = (machine: Machine, space: AddressSpace, megabytes: readonly number[]): void => {
  for (const megabyte of megabytes) {
    const base = megabyte * 2 ** 20;
    space.createArea({ base, size: 0x1000, flags: RW, backend: anonymous });
    expect(machine.write8(base, megabyte % 256)).to.equal(true);
  }
};

const tableOf = (machine: Machine, space: AddressSpace, address: number): number =>
  Number(machine.walk(space, address).steps[1]?.tableAddress);

describe("tables in memory", () => {
  it("are 16 KiB for a root, aligned to that, and four coarse ones of 1 KiB to a frame", () => {
    const { machine, space, tables } = withSpace();
    expect(space.context.root % 0x4000).to.equal(0);
    expect(tables.bytes(space.context)).to.equal(0x4000);
    const free = machine.parts.frames.free;
    touch(machine, space, [1, 2, 3, 4, 1000]);
    expect(tables.bytes(space.context)).to.equal(0x4000 + 5 * 0x400);
    expect(free - machine.parts.frames.free, "five pages, and tables in two frames").to.equal(5 + 2);
    const where = [1, 2, 3, 4, 1000].map((megabyte) => tableOf(machine, space, megabyte * 2 ** 20));
    expect(where.map((at) => at - where[0])).to.deep.equal([0, 0x400, 0x800, 0xc00, where[4] - where[0]]);
    expect(where[0] % 0x1000).to.equal(0);
    assertInvariants(machine);
    for (const megabyte of [2, 3, 1, 4]) space.destroyArea(megabyte * 2 ** 20);
    assertInvariants(machine);
    expect(free - machine.parts.frames.free, "the frame goes back with its last table").to.equal(1 + 1);
    space.destroyArea(1000 * 2 ** 20);
    expect(machine.parts.frames.free).to.equal(free);
  });

  it("hold the kernel's descriptors in every root, from the 2048th on, where one root translates everything", () => {
    const { machine, space, tables, memory } = withSpace();
    const { kernel } = machine.spaces;
    tables.insert(kernel.context, 0x80100, 0x3f, READ | WRITE | PAGE_CACHEABLE);
    const other = machine.spaces.create();
    for (const { context } of [kernel, space, other]) expect(memory.read32(context.root + 0x801 * 4) & 3).to.equal(1);
    expect(machine.cpu(0).translate(0x80100, READ, KERNEL)).to.equal(0x3f);
    expect(machine.cpu(0).translate(0x80100, READ, USER)).to.equal(-1);
  });
});

describe("TTBR0 and TTBR1", () => {
  for (const [n, bytes, split] of [
    [1, 0x2000, 0x8000_0000],
    [2, 0x1000, 0x4000_0000],
    [3, 0x800, 0x2000_0000],
    [7, 0x80, 0x0200_0000],
  ] as const) {
    it(`with TTBCR.N = ${n} roots of user spaces are ${bytes} bytes, and the kernel's its own`, () => {
      const { machine, space, tables } = withSpace({ processor: "cortexa9", ttbcrN: n });
      const { kernel } = machine.spaces;
      expect(space.context.root % bytes).to.equal(0);
      expect(tables.bytes(space.context)).to.equal(bytes);
      expect(tables.bytes(kernel.context)).to.equal(0x4000);
      const page = split / 4096;
      const last = (split - 4096) / 4096;
      tables.insert(kernel.context, page, 0x3f, READ | WRITE | PAGE_CACHEABLE | PAGE_GLOBAL);
      space.createArea({ base: last * 4096, size: 0x1000, flags: RW, backend: anonymous });
      expect(machine.write32(last * 4096, 77)).to.equal(true);
      for (const cpu of machine.cpus) {
        expect(cpu.translate(page, READ, KERNEL)).to.equal(0x3f);
        expect(cpu.translate(page, READ, USER)).to.equal(-1);
      }
      expect(machine.cpu(1).translate(last, READ, USER), "nothing of the user's on the other processor").to.equal(-1);
      expect(tables.find(space.context, page), "seen from a space of the user's").to.equal(true);
      expect(Number(tables.walk(space.context, BigInt(split), READ, KERNEL).steps[0]?.tableAddress)).to.equal(kernel.context.root);
      expect(Number(tables.walk(space.context, BigInt(split - 4096), READ, USER).steps[0]?.tableAddress)).to.equal(space.context.root);
      const seen: number[] = [];
      tables.each(space.context, 0, 2 ** 20, (at) => seen.push(at) > 0);
      expect(seen).to.deep.equal([last]);
      expect(() => space.createArea({ base: split, size: 0x1000, flags: RW, backend: anonymous })).to.throw();
      assertInvariants(machine);
    });
  }
});

describe("tags of the TLB", () => {
  /** Two roots, one page, two frames. */
  const twoSpaces = (options: ArmOptions) => {
    const { cpu, put, context, machine } = laid(arm(options));
    put(ROOT + 0x401 * 4, USER_TABLE | 1);
    put(USER_TABLE + 0x23 * 4, 0x0123_4000 | (options.processor === undefined ? 0xff2 : 0x832));
    const look = () => cpu.translate(0x40123, READ, USER);
    expect(look()).to.equal(0x1234);
    put(USER_TABLE + 0x23 * 4, 0x0123_5000 | (options.processor === undefined ? 0xff2 : 0x832));
    return { cpu, context, machine, look };
  };

  it("are missing on ARMv5, where loading a root drops nothing by itself: software does", () => {
    const { cpu, context, look } = twoSpaces({});
    cpu.install(context);
    expect(look(), "stale").to.equal(0x1234);
    cpu.invalidatePages(3, 0x40124, 1);
    expect(look(), "another page went").to.equal(0x1234);
    cpu.invalidatePages(3, 0x40123, 1);
    expect(look()).to.equal(0x1235);
  });

  it("keep the entries of each space from ARMv6 on, and global ones for all", () => {
    const { cpu, context, look } = twoSpaces({ processor: "arm1176jzfs" });
    context.asid = 8;
    cpu.install(context);
    expect(look(), "another tag").to.equal(0x1235);
    context.asid = 7;
    cpu.install(context);
    expect(look(), "the first again").to.equal(0x1234);
    cpu.invalidateAsid(8);
    expect(look()).to.equal(0x1234);
    cpu.invalidateAsid(7);
    expect(look()).to.equal(0x1235);
  });

  it("do not matter to global entries, which an invalidation of a tag spares and one of a page does not", () => {
    const { cpu, put, context } = laid(arm({ processor: "cortexa9" }));
    put(ROOT + 0x401 * 4, USER_TABLE | 1);
    put(USER_TABLE + 0x23 * 4, 0x0123_4032);
    const look = () => cpu.translate(0x40123, READ, USER);
    expect(look()).to.equal(0x1234);
    put(USER_TABLE + 0x23 * 4, 0x0123_5032);
    context.asid = 8;
    cpu.install(context);
    expect(look()).to.equal(0x1234);
    cpu.invalidateAsid(8);
    expect(look()).to.equal(0x1234);
    cpu.invalidatePages(8, 0x40123, 1);
    expect(look()).to.equal(0x1235);
  });

  it("are emptied by the core at every switch where there are none", () => {
    const { machine, space } = withSpace();
    const other = machine.spaces.create();
    touch(machine, space, [1]);
    touch(machine, space, [2]);
    machine.switchTo(other);
    expect(machine.read8(2 ** 20), "the other has nothing there").to.equal(-1);
    machine.switchTo(space);
    expect([machine.read8(2 ** 20), machine.read8(2 ** 21)]).to.deep.equal([1, 2]);
    assertInvariants(machine);
  });
});

describe("larger pages", () => {
  it("take one entry of the TLB", () => {
    const { cpu, put } = laid(arm({ processor: "cortexa8" }));
    for (let i = 0; i < 16; i += 1) put(ROOT + i * 4, 0x0100_0000 | (1 << 18) | (3 << 10) | 2);
    put(ROOT + 16 * 4, 0x0020_0000 | (3 << 10) | 2);
    put(ROOT + 17 * 4, USER_TABLE | 1);
    for (let i = 0; i < 16; i += 1) put(USER_TABLE + i * 4, 0x0031_0000 | 0x30 | 1);
    for (const [pages, frame] of [
      [[0x0000, 0x0fff, 0x0123], 0x1000],
      [[0x1000, 0x10ff, 0x1080], 0x0200 - 0x1000],
      [[0x1100, 0x110f, 0x1107], 0x0310 - 0x1100],
    ] as const) {
      const { walks } = cpu.statistics;
      for (const page of pages) expect(cpu.translate(page, WRITE, USER)).to.equal(page + frame);
      expect(cpu.statistics.walks - walks).to.equal(1);
    }
  });

  it("are found page by page, as far as they stand in second-level tables", () => {
    const { machine, context, put } = laid(arm32);
    const { tables } = machine.parts;
    put(ROOT, USER_TABLE | 1);
    for (let i = 16; i < 32; i += 1) put(USER_TABLE + i * 4, 0x0031_0000 | 0xffd);
    expect(tables.find(context, 0x0f)).to.equal(false);
    expect(tables.find(context, 0x17)).to.equal(true);
    expect(tables.found).to.include({ frame: 0x317, flags: 7 | PAGE_USER | PAGE_CACHEABLE });
    put(USER_TABLE + 0x17 * 4, 0x0031_0000 | 0xef1);
    tables.find(context, 0x17);
    expect(tables.found.rights & 0o20, "a quarter is read-only to the user").to.equal(0);
  });
});

describe("the access flag", () => {
  const { machine, space, tables } = withSpace({ processor: "cortexa9", accessFlag: true });
  const flagsAt = (page: number): number => (tables.find(space.context, page) ? tables.found.flags & PAGE_ACCESSED : -1);

  it("is set by the fault that brings a page in, and by the first access to one that is there", () => {
    space.createArea({ base: 0x1_0000, size: 0x2000, flags: RW, backend: anonymous });
    expect(machine.write32(0x1_0000, 5)).to.equal(true);
    expect(flagsAt(0x10)).to.equal(PAGE_ACCESSED);
    tables.update(space.context, 0x10, USERS, new StaleTranslations());
    expect(flagsAt(0x10), "kept when rights change").to.equal(PAGE_ACCESSED);
    const step = machine.walk(space, 0x1_0000).steps[1];
    machine.parts.memory.write32(Number(step?.entryAddress), Number(step?.raw) & ~0x10);
    machine.cpu(0).invalidateAll();
    expect(flagsAt(0x10)).to.equal(0);
    expect(machine.walk(space, 0x1_0000).rule).to.equal("entry 16 of the second-level table is not marked as accessed");
    expect(machine.cpu(0).translate(0x10, READ, USER)).to.equal(-1);
    expect(FAULT_REASONS[machine.cpu(0).fault.reason]).to.equal("unmarked");
    expect(machine.read32(0x1_0000)).to.equal(5);
    expect(flagsAt(0x10)).to.equal(PAGE_ACCESSED);
    assertInvariants(machine);
  });

  it("lets copies to and from the user through likewise", () => {
    const step = machine.walk(space, 0x1_0000).steps[1];
    machine.parts.memory.write32(Number(step?.entryAddress), Number(step?.raw) & ~0x10);
    machine.cpu(0).invalidateAll();
    const bytes = new Uint8Array(0x1800);
    expect(machine.copyFromUser(0x1_0000, bytes)).to.equal(0x1800);
    expect(bytes[0]).to.equal(5);
    expect([flagsAt(0x10), flagsAt(0x11)]).to.deep.equal([PAGE_ACCESSED, PAGE_ACCESSED]);
    assertInvariants(machine);
  });
});
