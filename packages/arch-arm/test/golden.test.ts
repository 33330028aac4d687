/** Words worked out by hand from the manuals' figures, and where they lie in memory. */
import { expect } from "chai";
import {
  EXECUTE,
  KERNEL,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  PortolanError,
  READ,
  reasonsAgainst,
  USER,
  WRITE,
  type Architecture,
} from "@portolan/core";
import { arm, arm32, PROCESSORS, type ArmOptions, type ProcessorName } from "#src/index.js";
import { KERNEL_TABLES, laid, levelsOf, ROOT, USER_TABLE } from "./fixture.js";

const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0").toUpperCase()}`;

const codecs = (architecture: Architecture) => {
  const [first, second] = levelsOf(architecture).map((level) => new LevelCodec(level, {}));
  return {
    pointer: (table: number): string => hex(first?.table?.encodeLow(table, PAGE_USER) ?? 0),
    page: (frame: number, flags: number): string => hex(second?.leaf?.encodeLow(frame, flags) ?? 0),
  };
};

/** Rights as `rwx`, the kernel's and the user's, as a processor really lets accesses through. */
const rightsIn = (architecture: Architecture, word: number): string => {
  const { cpu, put } = laid(architecture);
  put(ROOT + 0x401 * 4, USER_TABLE | 1);
  put(USER_TABLE + 0x23 * 4, word);
  return ([KERNEL, USER] as const)
    .map((privilege) =>
      ([READ, WRITE, EXECUTE] as const)
        .map((access, i) => (cpu.translate(0x40123, access, privilege) === word >>> 12 ? "rwx".charAt(i) : "-"))
        .join(""),
    )
    .join("/");
};

describe("arm, descriptors of ARMv5", () => {
  const { pointer, page } = codecs(arm32);

  it("leads to a coarse table, with bit 4 clear or as the ARM926EJ-S asks", () => {
    expect(pointer(USER_TABLE)).to.equal("0x0000C001");
    expect(pointer(KERNEL_TABLES[0])).to.equal("0x0000D001");
    expect(pointer(KERNEL_TABLES[1])).to.equal("0x0000E001");
    expect(codecs(arm({ writesImp: true })).pointer(USER_TABLE)).to.equal("0x0000C011");
    expect(codecs(arm({ processor: "arm926ejs" })).pointer(USER_TABLE)).to.equal("0x0000C011");
  });

  it("maps small pages, all four quarters alike", () => {
    expect(page(0x0123_4000, READ | PAGE_USER | PAGE_CACHEABLE)).to.equal("0x01234AAE");
    expect(page(0x0123_5000, READ | WRITE | PAGE_USER | PAGE_CACHEABLE)).to.equal("0x01235FFE");
    expect(page(0, PAGE_CACHEABLE)).to.equal("0x0000055E");
    expect(page(0x1000_0000, READ | WRITE)).to.equal("0x10000552");
  });

  it("gives a page to the user as far as permissions can say it", () => {
    const apOf = (flags: number): number => (Number(page(0, flags)) >>> 4) & 3;
    for (const cacheable of [0, PAGE_CACHEABLE]) {
      for (let rights = 0; rights < 8; rights += 1) expect(apOf(rights | cacheable), "the kernel's").to.equal(1);
      expect(apOf(PAGE_USER | cacheable), "nothing at all").to.equal(1);
      expect(apOf(PAGE_USER | READ | cacheable)).to.equal(2);
      expect(apOf(PAGE_USER | WRITE | cacheable)).to.equal(3);
      expect(apOf(PAGE_USER | READ | WRITE | cacheable)).to.equal(3);
      // Execution needs the right to read; nothing else would let the user run it.
      expect(apOf(PAGE_USER | EXECUTE | cacheable)).to.equal(2);
      expect(apOf(PAGE_USER | EXECUTE | WRITE | cacheable)).to.equal(3);
    }
  });

  it("takes a descriptor of type 0 for absent, whatever else HelenOS left in it", () => {
    const { cpu, put } = laid(arm32);
    put(ROOT + 0x401 * 4, USER_TABLE | 1);
    put(USER_TABLE + 0x25 * 4, 0x0123_6aac);
    expect(cpu.translate(0x40125, READ, USER)).to.equal(-1);
    expect(cpu.fault.reason).to.equal(1);
    put(ROOT + 0x401 * 4, (USER_TABLE | 0x200) & ~3);
    expect(cpu.translate(0x40125, READ, USER)).to.equal(-1);
    expect(cpu.faultSite).to.deep.equal({ depth: 0, domain: 0, onWalk: true });
  });

  it("lies where the processor looks, in its byte order", () => {
    for (const byteOrder of ["little", "big"] as const) {
      const { machine, cpu, context, put } = laid(arm({ byteOrder }));
      const { memory } = machine.parts;
      const rows = [
        [0x40123000, USER_TABLE, 0x9004, 0x0000c001, 0xc08c, 0x01234aae],
        [0x40124000, USER_TABLE, 0x9004, 0x0000c001, 0xc090, 0x01235ffe],
        [0x80000000, KERNEL_TABLES[0], 0xa000, 0x0000d001, 0xd000, 0x0000055e],
        [0x88000000, KERNEL_TABLES[1], 0xa200, 0x0000e001, 0xe000, 0x10000552],
      ] as const;
      for (const [address, , firstAt, first, secondAt, second] of rows) {
        put(firstAt, first);
        put(secondAt, second);
        expect(cpu.translate(address >>> 12, READ, KERNEL), hex(address)).to.equal(second >>> 12);
        const walk = machine.parts.tables.walk(context, BigInt(address), READ, KERNEL);
        expect(walk.steps.map(({ entryAddress, raw }) => [Number(entryAddress), Number(raw)])).to.deep.equal([
          [firstAt, first],
          [secondAt, second],
        ]);
      }
      const bytes = (at: number): number[] => [0, 1, 2, 3].map((i) => memory.read8(at + i));
      const asDrawn = (...little: number[]): number[] => (byteOrder === "little" ? little : little.toReversed());
      expect(bytes(0x9004)).to.deep.equal(asDrawn(0x01, 0xc0, 0x00, 0x00));
      expect(bytes(0xc08c)).to.deep.equal(asDrawn(0xae, 0x4a, 0x23, 0x01));
      expect(bytes(0xc090)).to.deep.equal(asDrawn(0xfe, 0x5f, 0x23, 0x01));
      expect(bytes(0xd000)).to.deep.equal(asDrawn(0x5e, 0x05, 0x00, 0x00));
      expect(bytes(0xe000)).to.deep.equal(asDrawn(0x52, 0x05, 0x00, 0x10));
    }
  });

  it("lets through what the four values of AP say; who may read may execute", () => {
    expect([0x002, 0x552, 0xaa2, 0xff2].map((low) => rightsIn(arm32, 0x0123_4000 | low))).to.deep.equal([
      "---/---",
      "rwx/---",
      "rwx/r-x",
      "rwx/rwx",
    ]);
  });
});

describe("arm, descriptors of ARMv6 and ARMv7", () => {
  const EXAMPLES = [
    [READ | WRITE | PAGE_USER | PAGE_CACHEABLE, "0x01234977", "rw-/rw-"],
    [READ | PAGE_USER | PAGE_CACHEABLE, "0x01234B77", "r--/r--"],
    [READ | EXECUTE | PAGE_USER | PAGE_CACHEABLE, "0x01234B76", "r-x/r-x"],
    [READ | WRITE | EXECUTE | PAGE_CACHEABLE | PAGE_GLOBAL, "0x01234156", "rwx/---"],
    [READ | WRITE, "0x01234817", "rw-/---"],
  ] as const;
  /** The same through HelenOS's insertion, which loses XN. */
  const WITHOUT_XN = [
    [0x0123_4976, "rwx/rwx"],
    [0x0123_4b76, "r-x/r-x"],
    [0x0123_4816, "rwx/---"],
  ] as const;

  for (const processor of ["arm1176jzfs", "cortexa8", "cortexa9"] as const) {
    it(`are those worked out by hand, on ${processor}`, () => {
      const machine = arm({ processor });
      for (const [flags, word, rights] of EXAMPLES) {
        expect(codecs(machine).page(0x0123_4000, flags)).to.equal(word);
        expect(rightsIn(machine, Number(word)), word).to.equal(rights);
      }
      for (const [word, rights] of WITHOUT_XN) expect(rightsIn(machine, word), hex(word)).to.equal(rights);
      expect(codecs(machine).pointer(USER_TABLE)).to.equal("0x0000C001");
    });
  }

  it("say read-only for both in another way before ARMv6K, where the usual one lets nobody in", () => {
    const machine = arm({ processor: "arm1136jfs" });
    expect(codecs(machine).page(0x0123_4000, READ | PAGE_USER | PAGE_CACHEABLE)).to.equal("0x01234B67");
    expect(rightsIn(machine, 0x0123_4b67)).to.equal("r--/r--");
    expect(rightsIn(machine, 0x0123_4b77)).to.equal("---/---");
  });

  it("are written for every set of flags: what nobody may touch is the kernel's, and only what may be executed has no XN", () => {
    for (const [machine, readOnlyForBoth, accessFlag] of [
      [arm({ processor: "arm1136jfs" }), 2, false],
      [arm({ processor: "cortexa9" }), 3, false],
      [arm({ processor: "cortexa9", accessFlag: true }), 2, true],
    ] as const) {
      const { page: written } = codecs(machine);
      for (let flags = 0; flags < 64; flags += 1) {
        const isReadOnly = (flags & WRITE) === 0;
        const isUsers = (flags & PAGE_USER) !== 0 && (flags & (READ | WRITE | EXECUTE)) !== 0;
        const users = accessFlag ? 2 : isReadOnly ? readOnlyForBoth : 3;
        const ap = isUsers ? users : accessFlag ? 0 : 1;
        const word =
          0x0123_4000 +
          ((flags & PAGE_GLOBAL) === 0 ? 0x800 : 0) +
          (isReadOnly ? 0x200 : 0) +
          ((flags & PAGE_CACHEABLE) === 0 ? 0 : 5 << 6) +
          (ap << 4) +
          0b110 +
          ((flags & EXECUTE) === 0 ? 1 : 0);
        expect(written(0x0123_4000, flags), `${machine.title}, 0b${flags.toString(2)}`).to.equal(hex(word));
      }
    }
  });

  it("let a read-only page be read-only to the kernel too", () => {
    const machine = arm({ processor: "cortexa9" });
    expect(codecs(machine).page(0x0123_4000, READ | PAGE_CACHEABLE)).to.equal("0x01234B57");
    expect(rightsIn(machine, 0x0123_4b57)).to.equal("r--/---");
  });

  it("leave the access flag clear, and use AP[2:1] alone", () => {
    const machine = arm({ processor: "cortexa9", accessFlag: true });
    expect(codecs(machine).page(0x0123_4000, READ | WRITE | PAGE_USER | PAGE_CACHEABLE)).to.equal("0x01234967");
    expect(rightsIn(machine, 0x0123_4967)).to.equal("---/---");
    expect(rightsIn(machine, 0x0123_4977)).to.equal("rw-/rw-");
    expect(rightsIn(machine, 0x0123_4957), "AP = 01 is the kernel's").to.equal("rw-/---");
  });
});

describe("arm, the machines", () => {
  const options: readonly ArmOptions[] = [
    {},
    ...(Object.keys(PROCESSORS) as ProcessorName[]).map((processor) => ({ processor })),
    ...[1, 2, 7].map((ttbcrN) => ({ processor: "cortexa9" as const, ttbcrN })),
    { processor: "cortexa9", accessFlag: true, byteOrder: "big" },
    { processor: "arm1136jfs", format: "v5" },
    { processor: "arm1176jzfs", format: "v5" },
    { format: "v7", asids: false },
  ];

  it("are sound descriptions, every one", () => {
    for (const each of options) expect(reasonsAgainst(arm(each)), JSON.stringify(each)).to.deep.equal([]);
  });

  it("refuse options that no ARM has", () => {
    const wrong: readonly ArmOptions[] = [
      { ttbcrN: 1 },
      { asids: true },
      { accessFlag: true },
      { processor: "arm1136jfs", accessFlag: true },
      { processor: "cortexa9", ttbcrN: 8 },
      { processor: "cortexa9", extendedSmallPages: true },
      { processor: "cortexa9", format: "v5" },
      { processor: "arm920t", format: "v7" },
      { processor: "arm1136jfs", format: "v7" },
      { processor: "cortexa9", writesImp: true },
      { processor: "arm610" as ProcessorName },
    ];
    for (const each of wrong)
      expect(() => arm(each), JSON.stringify(each))
        .to.throw(PortolanError)
        .with.property("code", "ERR_BAD_ARGUMENT");
  });

  it("have the TLBs of their manuals", () => {
    const shown = (processor: ProcessorName): string => {
      const { data, instruction } = arm({ processor }).tlb;
      return `${instruction === undefined ? "" : `${instruction.entries} ${instruction.ways} + `}${data.entries} ${data.ways}`;
    };
    expect((Object.keys(PROCESSORS) as ProcessorName[]).map((name) => [name, shown(name)])).to.deep.equal([
      ["arm920t", "64 full + 64 full"],
      ["arm926ejs", "64 2"],
      ["xscale", "32 full + 32 full"],
      ["arm1136jfs", "64 2"],
      ["arm1176jzfs", "64 2"],
      ["cortexa8", "32 full + 32 full"],
      ["cortexa9", "128 2"],
    ]);
  });

  it("record neither accesses nor writes in hardware: by fault, or nobody does", () => {
    for (const each of options) {
      const { can } = arm(each);
      expect(can.recordWrite).to.equal("no");
      expect(can.recordAccess).to.equal(each.accessFlag === true ? "fault" : "no");
    }
    const { machine, cpu, put } = laid(arm32);
    put(ROOT + 0x401 * 4, USER_TABLE | 1);
    put(USER_TABLE + 0x23 * 4, 0x0123_5ffe);
    for (const access of [READ, WRITE, EXECUTE] as const) expect(cpu.translate(0x40123, access, USER)).to.equal(0x1235);
    expect([machine.parts.memory.read32(ROOT + 0x401 * 4), machine.parts.memory.read32(USER_TABLE + 0x23 * 4)]).to.deep.equal([
      0xc001, 0x0123_5ffe,
    ]);
  });
});
