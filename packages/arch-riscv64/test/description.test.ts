/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import type { Invalidation, TlbGeometry } from "@portolan/core";
import { riscv64With, PROCESSORS, type ProcessorName, type Riscv64Options } from "#src/index.js";
import { oracle as sv48Oracle } from "#src/sv48-oracle.js";
import { sv48 } from "#src/sv48.js";
import { oracle as sv57Oracle } from "#src/sv57-oracle.js";
import { sv57 } from "#src/sv57.js";

/** Entries, ways, page sizes: instruction and data, before and behind. */
const BUFFERS: Readonly<Record<ProcessorName, string>> = {
  generic: "64 full 12,16,21,30,39,48; 64 full 12,16,21,30,39,48",
  u54: "32 full 12,21,30; 32 full 12,21,30 | 128 1 12",
  u74: "40 full 12,21,30; 40 full 12,21,30",
  qemu: "256 1 12",
};

const shown = ({ entries, ways, pageShifts, ...rest }: TlbGeometry): string => {
  expect(rest).to.deep.equal({ replacement: "used-bit", wired: 0, lockable: false, paired: false });
  return `${entries} ${ways} ${pageShifts.join()}`;
};

const storey = (options: Riscv64Options): string => {
  const { instruction, data } = riscv64With(options).tlb;
  return [instruction, data].flatMap((buffer) => (buffer === undefined ? [] : [shown(buffer)])).join("; ");
};

describe("riscv64: the description", () => {
  for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
    it(`has the buffers of ${processor}, and the form of entries that it knows`, () => {
      const hasSecond = "second" in PROCESSORS[processor];
      const storeys = hasSecond ? [storey({ processor }), storey({ processor, buffers: "second" })] : [storey({ processor })];
      expect(storeys.join(" | ")).to.equal(BUFFERS[processor]);
      expect(PROCESSORS[processor]).to.include({ mode: "sv39", svnapot: false, svpbmt: false, forgetsOnSatp: processor === "qemu" });
      expect(riscv64With({ processor }).manuals).to.have.length(2);
    });
  }

  it("forgets as SFENCE.VMA does; QEMU's forgets whenever satp changes, and knows no tags", () => {
    const usual: Invalidation = {
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    };
    expect(riscv64With().tlb).to.deep.include({ invalidation: usual, honoursGlobal: true });
    expect(riscv64With({ asidBits: 0 }).tlb.invalidation).to.deep.equal({ ...usual, asid: { ...usual.asid, by: "all" } });
    expect(riscv64With({ processor: "qemu" }).tlb).to.deep.include({
      invalidation: { ...usual, page: { dropsGlobal: true, anyAsid: true }, rootLoadInvalidates: true },
      honoursGlobal: false,
    });
  });

  it("is named after its mode, with the manual's section", () => {
    for (const [mode, title, section] of [
      ["sv39", "Sv39", "§4.4"],
      ["sv48", "Sv48", "§4.5"],
      ["sv57", "Sv57", "§4.6"],
    ] as const) {
      const described = riscv64With({ mode });
      expect(described.title).to.contain(` ${title},`);
      expect(described.manuals[0]?.endsWith(` ${section}`)).to.equal(true);
    }
  });

  it("can express what the entries can", () => {
    for (const marks of ["hardware", "fault"] as const) {
      const { can, faults, layout, switches, translation } = riscv64With({ marks });
      expect(can).to.deep.equal({
        forbidRead: false,
        forbidExecute: true,
        global: true,
        recordAccess: marks,
        recordWrite: marks,
        kernelObeysWrite: true,
      });
      expect([faults.guessesAccess, layout.kernelAddressSpaceShadowed]).to.deep.equal([false, false]);
      expect(translation).to.include({ kind: "hierarchical", faultsOnReserved: true, rootRegister: "satp" });
      expect(Object.entries(switches).map(([name, { initially }]) => [name, initially])).to.deep.equal([
        ["SUM", true],
        ["MXR", false],
      ]);
    }
  });

  it("is called by its mode where that is not the usual one, or as it is told", () => {
    expect(
      [{}, { mode: "sv48" }, { mode: "sv57" }, { mode: "sv48", name: "mine" }].map(
        (options) => riscv64With(options as Riscv64Options).name,
      ),
    ).to.deep.equal(["riscv64", "sv48", "sv57", "mine"]);
  });

  it("has modules of its own for four levels and for five, each with its second decoder", () => {
    for (const [machine, second, mode, levels] of [
      [sv48, sv48Oracle, "sv48", 4],
      [sv57, sv57Oracle, "sv57", 5],
    ] as const) {
      expect(machine).to.include({ name: mode, virtualBits: 12 + 9 * levels });
      expect(machine.translation.kind === "hierarchical" ? machine.translation.levels.length : 0).to.equal(levels);
      expect(second.levels).to.have.length(levels);
    }
  });

  it("names what is wrong with the options", () => {
    for (const [options, values] of [
      [{ processor: "z80" }, { processor: "z80", known: Object.keys(PROCESSORS) }],
      [
        { processor: "u74", buffers: "second" },
        { processor: "u74", buffers: "second", known: ["first"] },
      ],
      [{ mode: "sv32" }, { mode: "sv32", known: ["sv39", "sv48", "sv57"] }],
      [{ physicalBits: 53 }, { physicalBits: 53, lowest: 32, highest: 52 }],
      [{ physicalBits: 40.5 }, { physicalBits: 40.5, lowest: 32, highest: 52 }],
      [{ asidBits: 1 }, { asidBits: 1, lowest: 2, highest: 16, none: 0 }],
      [{ asidBits: 2.5 }, { asidBits: 2.5, lowest: 2, highest: 16, none: 0 }],
    ] as const) {
      expect(() => riscv64With(options as Riscv64Options))
        .to.throw()
        .with.deep.property("values", values);
    }
    for (const good of [{ physicalBits: 32 }, { physicalBits: 52 }, { asidBits: 2 }, { asidBits: 16 }])
      expect(riscv64With(good).contract).to.equal(1);
  });
});
