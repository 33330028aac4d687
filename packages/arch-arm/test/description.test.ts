/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import type { EntryFormat, TlbGeometry } from "@portolan/core";
import { arm, arm32, PROCESSORS, type ArmOptions, type ProcessorName } from "#src/index.js";
import { oracle as v7Oracle } from "#src/v7-oracle.js";
import { armv7 } from "#src/v7.js";
import { levelsOf } from "./fixture.js";

/** Format, old format too, bit 4 of table descriptors, extended small pages, a status register for fetches. */
const FACTS: Readonly<Record<ProcessorName, readonly unknown[]>> = {
  arm920t: ["v5", undefined, true, false, false, false],
  arm926ejs: ["v5", undefined, true, false, false, true],
  xscale: ["v5", undefined, false, true, false, false],
  arm1136jfs: ["v6", true, false, true, true, true],
  arm1176jzfs: ["v7", true, false, true, true, true],
  cortexa8: ["v7", undefined, false, false, true, true],
  cortexa9: ["v7", undefined, false, false, true, true],
};

const common = { replacement: "fifo", wired: 0, lockable: false, paired: false };

describe("arm: the description", () => {
  for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
    it(`has the figures of ${processor}`, () => {
      const { format, writesImp, extendedSmallPages, supersections, hasInstructionStatus, ...rest } = PROCESSORS[processor];
      const old = "readsOldFormat" in rest ? rest.readsOldFormat : undefined;
      expect([format, old, writesImp, extendedSmallPages, supersections, hasInstructionStatus]).to.deep.equal(FACTS[processor]);
      const { tlb, manuals } = arm({ processor });
      for (const buffer of [tlb.data, tlb.instruction ?? tlb.data]) {
        expect(buffer).to.deep.include({ ...common, pageShifts: format === "v5" ? [12, 16, 20] : [12, 16, 20, 24] });
      }
      expect(manuals).to.have.length(2);
    });
  }

  it("forgets by tag where there are tags, everything where there are none, and nothing by a load of the root", () => {
    for (const [options, hasTags] of [
      [{}, false],
      [{ processor: "arm920t" }, false],
      [{ processor: "cortexa9" }, true],
      [{ processor: "cortexa9", asids: false }, false],
      [{ format: "v6" }, true],
    ] as const) {
      const { tlb, can, asids } = arm(options);
      expect(tlb.invalidation).to.deep.equal({
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: hasTags ? "context" : "all", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      });
      expect([tlb.honoursGlobal, can.global]).to.deep.equal([hasTags, hasTags]);
      expect(asids).to.deep.equal(
        hasTags
          ? { bits: 8, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 255 }
          : { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 },
      );
    }
  });

  it("can express what the descriptors of its format can", () => {
    for (const [options, isOld, recordAccess] of [
      [{}, true, "no"],
      [{ format: "v6" }, false, "no"],
      [{ format: "v7" }, false, "no"],
      [{ format: "v7", accessFlag: true }, false, "fault"],
    ] as const) {
      const { can, switches, translation, layout } = arm(options);
      expect(can).to.deep.include({
        forbidRead: false,
        forbidExecute: !isOld,
        recordAccess,
        recordWrite: "no",
        kernelObeysWrite: !isOld,
      });
      expect(["S" in switches, "R" in switches]).to.deep.equal(
        can.recordAccess === "fault" || options.format === "v7" ? [false, false] : [true, true],
      );
      for (const name of ["S", "R"]) expect(switches[name]?.initially ?? false).to.equal(false);
      expect(translation).to.include({ kind: "hierarchical", faultsOnReserved: false, rootRegister: isOld ? "TTBR" : "TTBR0" });
      expect(layout.kernelAddressSpaceShadowed).to.equal(false);
    }
  });

  it("splits the addresses where TTBCR.N says", () => {
    for (const [ttbcrN, split] of [
      [0, 0x8000_0000n],
      [1, 0x8000_0000n],
      [2, 0x4000_0000n],
      [7, 0x0200_0000n],
    ] as const) {
      const { layout, translation } = arm({ processor: "cortexa9", ttbcrN });
      expect(layout).to.deep.include({
        user: { first: 0n, last: split - 1n },
        kernel: { first: split, last: 0xffff_ffffn },
        userStack: split - 0x1000n,
      });
      expect("kernelRootRegister" in translation ? translation.kernelRootRegister : undefined).to.equal(ttbcrN === 0 ? undefined : "TTBR1");
    }
  });

  it("has the buffers that it is given, and one for both where that is said", () => {
    const data: TlbGeometry = { entries: 8, ways: 2, pageShifts: [12, 16, 20, 24], ...common, replacement: "lru" };
    const given = arm({ processor: "cortexa8", data, instruction: null }).tlb;
    expect([given.data, given.instruction]).to.deep.equal([data, undefined]);
    const other = arm({ processor: "cortexa9", instruction: data }).tlb;
    expect([other.data.entries, other.instruction]).to.deep.equal([128, data]);
    for (const options of [{}, { processor: "cortexa9" }, { processor: "cortexa8", instruction: null }] satisfies ArmOptions[])
      expect("instruction" in arm(options).tlb, JSON.stringify(options)).to.equal(false);
  });

  it("is named after its format, and writes what its processor wants written", () => {
    expect([arm32.name, arm({ format: "v6" }).name, arm({ processor: "cortexa8" }).name]).to.deep.equal(["arm", "armv6", "armv7"]);
    expect([{}, { format: "v6" }, { format: "v7" }].map((options) => arm(options as ArmOptions).title)).to.deep.equal([
      "ARM, short descriptors of ARMv5",
      "ARM, short descriptors of ARMv6",
      "ARM, short descriptors of ARMv7",
    ]);
    expect(arm({ processor: "arm926ejs" }).title).to.equal("ARM926EJ-S, short descriptors of ARMv5");
    expect(arm({ processor: "arm1136jfs" }).title).to.equal("ARM1136JF-S (r0), SCTLR.XP set, short descriptors of ARMv6");
  });

  it("has a switch for each bit of DACR, which says what of which domain: all of them are clients at first", () => {
    const { switches } = arm32;
    for (let bit = 0; bit < 32; bit += 1) {
      const what = bit % 2 === 0 ? "may be accessed" : "is not checked";
      expect(switches[`DACR${bit}`]).to.deep.equal({
        initially: bit % 2 === 0,
        says: `DACR[${bit}]: domain ${Math.floor(bit / 2)} ${what}`,
        keepsTlb: true,
      });
    }
    expect(Object.keys(switches).filter((name) => name.startsWith("DACR"))).to.have.length(32);
  });

  it("has a module of its own for ARMv7, with its second decoder", () => {
    expect(armv7).to.include({ name: "armv7", title: arm({ processor: "cortexa9" }).title });
    const section = 0x0010_0000n | (1n << 15n) | (1n << 11n) | (1n << 10n) | 2n;
    // APX = 1, AP = 11: read-only for both, which ARMv5 has no bit for.
    expect(v7Oracle.levels?.[0]?.(section, {})).to.include({ kind: "leaf", rights: 0o55 });
    expect(v7Oracle.levels?.[1]?.(0x0123_4002n, { S: true, R: false }), "there is no S").to.include({ kind: "leaf", rights: 0 });
    expect(v7Oracle.manual).to.contain("ARMv7-A");
  });

  it("names what is wrong with the options", () => {
    for (const [options, option] of [
      [{ processor: "cortexa9", format: "v5" }, "format"],
      [{ processor: "arm920t", format: "v7" }, "format"],
      [{ processor: "arm1136jfs", format: "v7" }, "format"],
      [{ format: "v7", ttbcrN: 8 }, "ttbcrN"],
      [{ format: "v7", ttbcrN: -1 }, "ttbcrN"],
      [{ format: "v7", ttbcrN: 1.5 }, "ttbcrN"],
      [{ ttbcrN: 1 }, "ttbcrN"],
      [{ asids: true }, "asids"],
      [{ accessFlag: true }, "accessFlag"],
      [{ format: "v6", accessFlag: true }, "accessFlag"],
      [{ format: "v7", extendedSmallPages: true }, "extendedSmallPages"],
      [{ format: "v7", supersections: false }, "supersections"],
      [{ format: "v6", writesImp: true }, "writesImp"],
    ] as const) {
      expect(() => arm(options), JSON.stringify(options))
        .to.throw()
        .with.nested.property("values.option", option);
    }
    expect(() => arm({ processor: "z80" as "xscale" }))
      .to.throw()
      .with.deep.property("values", { processor: "z80", known: Object.keys(PROCESSORS) });
    expect(arm({ processor: "arm1136jfs", format: "v5" }).name).to.equal("arm");
  });
});

/** Table, section and supersection; small page, large page and extended small page: fields from bit 31 down, as the figures draw them. */
const FIGURES: readonly (readonly [title: string, options: ArmOptions, first: readonly string[], second: readonly string[]])[] = [
  [
    "ARMv5",
    {},
    [
      "base 31:10, mark 9, domain 8:5, IMP 4, SBZ 3:2, type 1:0",
      "base 31:20, SBZ 19:12, AP 11:10, SBZ9 9, domain 8:5, IMP 4, C 3, B 2, type 1:0",
    ],
    [
      "base 31:12, AP3 11:10, AP2 9:8, AP1 7:6, AP0 5:4, C 3, B 2, type 1:0",
      "base 31:16, SBZ 15:12, AP3 11:10, AP2 9:8, AP1 7:6, AP0 5:4, C 3, B 2, type 1:0",
      "base 31:12, SBZ 11:9, TEX 8:6, AP 5:4, C 3, B 2, type 1:0",
    ],
  ],
  [
    "ARMv6 in its old way",
    { processor: "arm1136jfs", format: "v5" },
    [
      "base 31:10, mark 9, domain 8:5, IMP 4, SBZ 3:2, type 1:0",
      "base 31:20, NS 19, super 18, SBZ 17:15, TEX 14:12, AP 11:10, SBZ9 9, domain 8:5, IMP 4, C 3, B 2, type 1:0",
      "base 31:24, SBZ20 23:20, NS 19, super 18, SBZ 17:15, TEX 14:12, AP 11:10, SBZ9 9, SBZ5 8:5, IMP 4, C 3, B 2, type 1:0",
    ],
    [
      "base 31:12, AP3 11:10, AP2 9:8, AP1 7:6, AP0 5:4, C 3, B 2, type 1:0",
      "base 31:16, SBZ 15:12, AP3 11:10, AP2 9:8, AP1 7:6, AP0 5:4, C 3, B 2, type 1:0",
      "base 31:12, SBZ 11:9, TEX 8:6, AP 5:4, C 3, B 2, type 1:0",
    ],
  ],
  [
    "ARMv7",
    { processor: "cortexa9" },
    [
      "base 31:10, IMP 9, domain 8:5, SBZ4 4, NS 3, SBZ2 2, type 1:0",
      "base 31:20, NS 19, super 18, nG 17, S 16, APX 15, TEX 14:12, AP 11:10, IMP 9, domain 8:5, XN 4, C 3, B 2, type 1:0",
      "base 31:24, base[35:32] 23:20, NS 19, super 18, nG 17, S 16, APX 15, TEX 14:12, AP 11:10, IMP 9, base[39:36] 8:5, XN 4, C 3, B 2, type 1:0",
    ],
    [
      "base 31:12, nG 11, S 10, APX 9, TEX 8:6, AP 5:4, C 3, B 2, small 1, XN 0",
      "base 31:16, XN 15, TEX 14:12, nG 11, S 10, APX 9, SBZ 8:6, AP 5:4, C 3, B 2, small 1, large 0",
    ],
  ],
  [
    "ARMv7 with the access flag",
    { processor: "cortexa9", accessFlag: true },
    [
      "base 31:10, IMP 9, domain 8:5, SBZ4 4, NS 3, SBZ2 2, type 1:0",
      "base 31:20, NS 19, super 18, nG 17, S 16, APX 15, TEX 14:12, AP[1] 11, AF 10, IMP 9, domain 8:5, XN 4, C 3, B 2, type 1:0",
      "base 31:24, base[35:32] 23:20, NS 19, super 18, nG 17, S 16, APX 15, TEX 14:12, AP[1] 11, AF 10, IMP 9, base[39:36] 8:5, XN 4, C 3, B 2, type 1:0",
    ],
    [
      "base 31:12, nG 11, S 10, APX 9, TEX 8:6, AP[1] 5, AF 4, C 3, B 2, small 1, XN 0",
      "base 31:16, XN 15, TEX 14:12, nG 11, S 10, APX 9, SBZ 8:6, AP[1] 5, AF 4, C 3, B 2, small 1, large 0",
    ],
  ],
];

const formatsOf = (options: ArmOptions): readonly (readonly EntryFormat[])[] =>
  levelsOf(arm(options)).map(({ table, leaf, forms = [] }) =>
    [table, leaf, ...forms.map((form) => form.leaf)].filter((format) => format !== undefined),
  );

const drawn = ({ fields }: EntryFormat): string =>
  fields
    .map(({ name, bits }) => ({ name, ends: typeof bits === "number" ? [bits] : bits }))
    .toSorted((one, other) => (other.ends[0] ?? 0) - (one.ends[0] ?? 0))
    .map(({ name, ends }) => `${name} ${ends.join(":")}`)
    .join(", ");

describe("arm: the fields of descriptors", () => {
  for (const [title, options, first, second] of FIGURES) {
    it(`are those of the figures, ${title}`, () => {
      expect(formatsOf(options).map((formats) => formats.map(drawn))).to.deep.equal([first, second]);
    });

    it(`have a word of its own for every value of a type and of permissions, ${title}`, () => {
      const worded = formatsOf(options)
        .flat()
        .flatMap(({ fields }) => fields.filter(({ name }) => /^(type|AP\d?)$/.test(name)));
      expect(worded.length).to.be.greaterThan(2);
      for (const { name, values = {} } of worded) {
        expect(Object.keys(values), name).to.deep.equal(["0", "1", "2", "3"]);
        expect(new Set(Object.values(values)), name).to.have.property("size", 4);
      }
    });
  }

  it("are read from the manual of the processor's time", () => {
    const manuals = (options: ArmOptions) => levelsOf(arm(options)).map(({ manual }) => manual.replace(/ .*/, ""));
    expect(manuals({})).to.deep.equal(["ARM926EJ-S", "ARM926EJ-S"]);
    expect(manuals({ processor: "arm1176jzfs", format: "v5" })).to.deep.equal(["ARM1176JZF-S", "ARM926EJ-S"]);
    expect(manuals({ processor: "cortexa9" })).to.deep.equal(["ARMv7-A", "ARMv7-A"]);
  });
});
