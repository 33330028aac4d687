/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import type { TlbGeometry } from "@portolan/core";
import { arm, arm32, PROCESSORS, type ProcessorName } from "#src/index.js";

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
  });

  it("is named after its format, and writes what its processor wants written", () => {
    expect([arm32.name, arm({ format: "v6" }).name, arm({ processor: "cortexa8" }).name]).to.deep.equal(["arm", "armv6", "armv7"]);
    expect(arm({ processor: "arm926ejs" }).title).to.contain("ARM926EJ-S");
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
