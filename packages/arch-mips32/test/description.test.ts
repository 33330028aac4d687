/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import { KERNEL } from "@portolan/core";
import { mips32, mips32With, PROCESSORS, type Mips32Options, type ProcessorName } from "#src/index.js";

/** Paired entries, bits of a physical address, what two matching entries lead to. */
const FACTS: Readonly<Record<ProcessorName, string>> = {
  R4000: "48 36 shutdown",
  R4400: "48 36 shutdown",
  "4Kc": "16 32 machine-check",
  "4KEc": "16 32 machine-check",
  "24Kc": "16,32,64 32 machine-check",
  "24KEc": "16,32,64 32 machine-check",
  "24Kf": "16,32,64 32 machine-check",
  "34Kf": "64,32,16 32 machine-check",
  "74Kf": "16,32,64 32 machine-check",
  M14Kc: "16 32 machine-check",
  P5600: "64 32 machine-check",
  "5Kc": "32 36 machine-check",
  "5Kf": "32 36 machine-check",
  "5KEc": "32 36 machine-check",
  "20Kc": "48 36 machine-check",
  VR5432: "48 36 shutdown",
};

describe("mips32: the figures of the manuals", () => {
  it("are those of its processors", () => {
    for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
      const { entries, physicalBits, multipleMatches } = PROCESSORS[processor];
      expect(`${entries.join()} ${physicalBits} ${multipleMatches}`, processor).to.equal(FACTS[processor]);
      expect(mips32With({ processor }).tlb.data).to.deep.equal({
        entries: entries[0],
        ways: "full",
        replacement: "random",
        pageShifts: [12, 14, 16, 18, 20, 22, 24],
        wired: 1,
        lockable: false,
        paired: true,
      });
    }
  });

  it("say what is forgotten: all but the wired, a tag whether global or not, a page", () => {
    expect(mips32.tlb.invalidation).to.deep.equal({
      all: { sparesGlobal: false, sparesLocked: true },
      asid: { by: "context", sparesGlobal: false, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    });
    expect(mips32.tlb).to.include({ refill: "software", honoursGlobal: true });
    expect(mips32.translation).to.include({ kind: "hierarchical", faultsOnReserved: false });
  });

  it("say what can be expressed, and where the kernel's windows are", () => {
    expect(mips32.can).to.deep.equal({
      forbidRead: false,
      forbidExecute: false,
      global: true,
      recordAccess: "refill",
      recordWrite: "refill",
      kernelObeysWrite: true,
    });
    expect(mips32.layout).to.deep.include({
      kernelAddressSpaceShadowed: false,
      privilegeByAddress: true,
      windows: [
        { name: "kseg0", first: 0x8000_0000n, last: 0x9fff_ffffn, physical: 0n, cacheable: true, privilege: KERNEL },
        { name: "kseg1", first: 0xa000_0000n, last: 0xbfff_ffffn, physical: 0n, cacheable: false, privilege: KERNEL },
      ],
    });
    expect(mips32.faults.guessesAccess).to.equal(false);
    expect([mips32.manuals.length, mips32.switches]).to.deep.equal([2, {}]);
    expect([mips32.name, mips32With({ byteOrder: "big" }).name]).to.deep.equal(["mips32", "mips32be"]);
  });

  it("name what is wrong with the options", () => {
    for (const [options, values] of [
      [{ processor: "R3000" }, { processor: "R3000", known: Object.keys(PROCESSORS) }],
      [
        { processor: "24Kc", entries: 48 },
        { processor: "24Kc", entries: 48, known: ["16", "32", "64"] },
      ],
      [{ wired: 48 }, { wired: 48, entries: 48 }],
    ] as const) {
      expect(() => mips32With(options as Mips32Options))
        .to.throw()
        .with.deep.property("values", values);
    }
    expect(mips32With({ wired: 0 }).tlb.data.wired).to.equal(0);
  });
});
