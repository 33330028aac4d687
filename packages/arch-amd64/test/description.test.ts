/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, and what the machine can express. */
import { expect } from "chai";
import { EXECUTE, READ, type TlbGeometry } from "@portolan/core";
import { amd64, amd64With, PROCESSORS, type Amd64Options, type ProcessorName } from "#src/index.js";

/** Entries, ways, page sizes: instruction and data, before and behind. */
const BUFFERS: Readonly<Record<ProcessorName, string>> = {
  opteron: "32 full 12,21; 32 full 12,21 | 512 4 12; 512 4 12",
  phenom: "32 full 12,21; 48 full 12,21,30 | 512 4 12; 512 4 12",
  zen: "64 full 12,21,30; 64 full 12,21,30 | 512 8 12,21; 1536 12 12,21",
  zen4: "64 full 12,21,30; 72 full 12,21,30 | 512 8 12,21; 3072 24 12,21",
  core2: "128 4 12,21; 256 4 12,21",
  nehalem: "128 4 12,21; 64 4 12,21 | 512 4 12",
  sandybridge: "128 4 12,21; 64 4 12,21 | 512 4 12",
  haswell: "128 4 12,21; 64 4 12,21,30 | 1024 8 12,21",
  skylake: "128 8 12,21; 64 4 12,21,30 | 1536 12 12,21",
  skylakesp: "128 8 12,21; 64 4 12,21,30 | 1536 12 12,21",
  qemu: "256 1 12",
};

/** Width of physical addresses, 1 GiB pages, SMEP, SMAP, and whether bit 8 of a PML4 entry must be zero (AMD). */
const FACTS: Readonly<Record<ProcessorName, readonly [number, boolean, boolean, boolean, boolean]>> = {
  opteron: [40, false, false, false, true],
  phenom: [48, true, false, false, true],
  zen: [48, true, true, true, true],
  zen4: [52, true, true, true, true],
  core2: [36, false, false, false, false],
  nehalem: [36, false, false, false, false],
  sandybridge: [36, false, false, false, false],
  haswell: [39, true, true, false, false],
  skylake: [39, true, true, true, false],
  skylakesp: [46, true, true, true, false],
  qemu: [40, true, true, true, false],
};

const shown = ({ entries, ways, pageShifts, ...rest }: TlbGeometry): string => {
  expect(rest).to.deep.equal({ replacement: "used-bit", wired: 0, lockable: false, paired: false });
  return `${entries} ${ways} ${pageShifts.join()}`;
};

const storey = (options: Amd64Options): string => {
  const { instruction, data } = amd64With(options).tlb;
  return [instruction, data].flatMap((buffer) => (buffer === undefined ? [] : [shown(buffer)])).join("; ");
};

describe("amd64: the description", () => {
  for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
    it(`has the figures of ${processor}`, () => {
      const hasSecond = "second" in PROCESSORS[processor];
      const storeys = hasSecond ? [storey({ processor }), storey({ processor, buffers: "second" })] : [storey({ processor })];
      expect(storeys.join(" | ")).to.equal(BUFFERS[processor]);
      const { physicalBits, gigabytePages, smep, smap, reservesPml4Bit8 } = PROCESSORS[processor];
      expect([physicalBits, gigabytePages, smep, smap, reservesPml4Bit8]).to.deep.equal(FACTS[processor]);
      const { switches, translation, manuals } = amd64With({ processor });
      expect([amd64With({ processor }).physicalBits, "SMEP" in switches, "SMAP" in switches, "AC" in switches]).to.deep.equal([
        physicalBits,
        smep,
        smap,
        smap,
      ]);
      expect("combined" in translation).to.equal(smep || smap);
      expect(manuals).to.have.length(3);
      expect(Object.values(switches).map(({ initially }) => initially)).to.deep.equal(Object.keys(switches).map((name) => name === "NXE"));
    });
  }

  it("forgets as the instructions do, and can express what the entries can", () => {
    expect(amd64.tlb.invalidation).to.deep.equal({
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "all", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: true },
      rootLoadInvalidates: true,
    });
    expect(amd64.tlb.honoursGlobal).to.deep.equal({ switch: "PGE" });
    expect(amd64.can).to.deep.equal({
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: { switch: "WP" },
    });
    expect(amd64.manuals[0]).to.contain("volume 3A");
    expect([amd64.faults.guessesAccess, amd64.layout.kernelAddressSpaceShadowed]).to.deep.equal([false, false]);
    expect(amd64.translation).to.include({ kind: "hierarchical", faultsOnReserved: true });
  });

  it("names the bits that have no name of their own by their numbers", () => {
    const { translation } = amd64;
    if (translation.kind !== "hierarchical") throw new Error("it has tables");
    let seen = 0;
    for (const { table, leaf } of translation.levels) {
      for (const { name, bits } of [...(table?.fields ?? []), ...(leaf?.fields ?? [])]) {
        const [, high, low = high] = /^(?:ignored|reserved) (\d+)(?::(\d+))?$/.exec(name) ?? [];
        if (high === undefined) continue;
        seen += 1;
        expect(typeof bits === "number" ? [bits, bits] : bits, name).to.deep.equal([Number(high), Number(low)]);
        expect(name.includes(":"), name).to.equal(high !== low);
      }
    }
    expect(seen).to.be.greaterThan(10);
  });

  it("is called by its number of levels, or as it is told", () => {
    const names = [{}, { levels: 5 }, { levels: 5, name: "mine" }] as const;
    expect(names.map((options) => amd64With(options).name)).to.deep.equal(["amd64", "amd64la57", "mine"]);
    expect(amd64).to.include({ title: "AMD64, 4 KiB pages in four levels: AMD Zen (family 17h)", physicalBits: 48, virtualBits: 48 });
  });

  it("writes pages for no-execute on, as the machine begins, where nobody says what the switches are", () => {
    const { translation } = amd64;
    const leaf = translation.kind === "hierarchical" ? translation.levels.at(-1)?.leaf : undefined;
    expect(leaf?.encode?.(READ)).to.deep.include({ XD: 1 });
    expect(leaf?.encode?.(READ | EXECUTE)).to.deep.include({ XD: 0 });
    expect(leaf?.encode?.(READ, { NXE: false })).to.deep.include({ XD: 0 });
  });

  it("takes SMEP without SMAP and SMAP without SMEP", () => {
    for (const [options, names] of [
      [{ smep: true, smap: false }, ["WP", "PGE", "NXE", "SMEP"]],
      [{ smep: false, smap: true }, ["WP", "PGE", "NXE", "SMAP", "AC"]],
    ] as const) {
      const { switches, translation } = amd64With(options);
      expect(Object.keys(switches)).to.deep.equal(names);
      expect(translation).to.have.property("combined");
    }
  });

  it("names what is wrong with the options", () => {
    for (const [options, values] of [
      [{ processor: "z80" }, { processor: "z80", known: Object.keys(PROCESSORS) }],
      [
        { processor: "core2", buffers: "second" },
        { processor: "core2", buffers: "second", known: ["first"] },
      ],
      [{ physicalBits: 31 }, { physicalBits: 31, lowest: 32, highest: 52 }],
    ] as const) {
      expect(() => amd64With(options as Amd64Options))
        .to.throw()
        .with.deep.property("values", values);
    }
  });
});
