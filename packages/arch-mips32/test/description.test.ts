/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import { KERNEL, type Field } from "@portolan/core";
import {
  entryLoFormat,
  EXC_ADEL,
  EXC_ADES,
  EXC_DBE,
  EXC_IBE,
  EXC_MCHECK,
  EXC_MOD,
  EXC_TLBL,
  EXC_TLBS,
  mips32,
  mips32With,
  PROCESSORS,
  registerFields,
  rootEntry,
  tableEntry,
  type Mips32Options,
  type ProcessorName,
  type RegisterName,
} from "#src/index.js";

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

/** Fields of registers, as the manual draws them. @see MIPS32 PRA vol III, CP0 registers 0, 1, 4, 5, 6, 8, 10 and 13 */
const REGISTERS: Readonly<Record<RegisterName, string>> = {
  Index: "P 31, zero 30:6, Index 5:0",
  Random: "zero 31:6, Random 5:0",
  Context: "PTEBase 31:23, BadVPN2 22:4, zero 3:0",
  PageMask: "zero25 31:25, Mask 24:13, zero 12:0",
  Wired: "zero 31:6, Wired 5:0",
  BadVAddr: "BadVAddr 31:0",
  EntryHi: "VPN2 31:13, zero 12:8, ASID 7:0",
  Cause: "other 31:7, ExcCode 6:2, zero 1:0",
};

const drawn = (fields: readonly Field[]): string =>
  fields.map(({ name, bits }) => `${name} ${typeof bits === "number" ? bits : bits.join(":")}`).join(", ");

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

  it("are those of the fields of registers and entries, in both byte orders", () => {
    for (const name of Object.keys(REGISTERS) as RegisterName[]) expect(drawn(registerFields[name]), name).to.equal(REGISTERS[name]);
    expect(drawn(entryLoFormat.fields)).to.equal("zero 31:30, PFN 29:6, C 5:3, D 2, V 1, G 0");
    expect(drawn(tableEntry("little").fields)).to.equal("a 31, w 30, pfn 29:6, soft_valid 5, unused 4, cacheable 3, d 2, p 1, g 0");
    expect(drawn(tableEntry("big").fields)).to.equal("a 0, w 1, pfn 25:2, soft_valid 26, unused 27, cacheable 28, d 29, p 30, g 31");
    for (const byteOrder of ["little", "big"] as const) {
      expect(drawn(rootEntry(byteOrder).fields)).to.equal(drawn(tableEntry(byteOrder).fields));
      const said = rootEntry(byteOrder).fields.map(({ name, role }) => `${name} ${role}`);
      expect(said, "of a table nobody asks what it says of a page").to.deep.equal([
        "a ignored",
        "w ignored",
        "pfn frame",
        "soft_valid software",
        "unused ignored",
        "cacheable ignored",
        "d ignored",
        "p control",
        "g ignored",
      ]);
    }
  });

  it("have words for every code of an exception, and for every coherency that means something", () => {
    const codes = registerFields.Cause.find(({ name }) => name === "ExcCode")?.values ?? {};
    const known = [EXC_MOD, EXC_TLBL, EXC_TLBS, EXC_ADEL, EXC_ADES, EXC_IBE, EXC_DBE, EXC_MCHECK];
    expect(known).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 24]);
    expect(Object.keys(codes).map(Number)).to.deep.equal(known);
    expect(new Set(Object.values(codes))).to.have.property("size", known.length);
    const coherency = entryLoFormat.fields.find(({ name }) => name === "C")?.values ?? {};
    expect(Object.entries(coherency).map(([value, word]) => [value, word.startsWith("cacheable")])).to.deep.equal([
      ["2", false],
      ["3", true],
      ["5", true],
    ]);
  });
});
