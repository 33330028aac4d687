/** Five levels: words worked out by hand from the manual's tables, and every combination of flag bits against its words. */
import { expect } from "chai";
import { assertInvariants, buildMachine, KERNEL, PAGE_CACHEABLE, PAGE_USER, READ, reasonsAgainst, USER, WRITE } from "@portolan/core";
import {
  amd64,
  amd64With,
  ControlRegisters,
  CR4_LA57,
  CR4_PAE,
  CR4_PGE,
  PROCESSORS,
  type Amd64Options,
  type ProcessorName,
} from "#src/index.js";
import { amd64la57 } from "#src/la57.js";
import { oracle, oracleOf } from "#src/oracle.js";
import { oracle as la57Oracle } from "#src/la57-oracle.js";
import { ACCESSES, bare, PRIVILEGES, SETTINGS, setSwitches } from "./bare.js";
import { translate, type Facts } from "./manual.js";

/**
 * 0x00ab_cd12_3456_7000: index 0xab of the PML5 table, and of those below bits 47:39, 38:30, 29:21 and 20:12, which are 0x19a, 0x48,
 * 0x1a2 and 0x167.
 */
const LINEAR = 0x00ab_cd12_3456_7000n;
const TABLES = [0x20_1000, 0x20_2000, 0x20_3000, 0x20_4000, 0x20_5000] as const;
const PLACES = [0x20_1558, 0x20_2cd0, 0x20_3240, 0x20_4d10, 0x20_5b38] as const;
const WORDS = [0x20_2207n, 0x20_3207n, 0x20_4207n, 0x20_5207n, 0x8000_0000_0034_5207n] as const;
const PAGE = 0x34_5000n;
const FACTS: Facts = { maxphyaddr: 52, gigabytePages: true, isAmd: true, levels: 5 };

const laid = (architecture = amd64la57) => {
  const machine = bare(architecture);
  machine.root(TABLES[0]);
  PLACES.forEach((place, depth) => machine.write(place, WORDS[depth]));
  return machine;
};

describe("amd64 with five levels", () => {
  it("is a sound description on every processor, of addresses of 57 bits", () => {
    for (const processor of Object.keys(PROCESSORS) as ProcessorName[])
      expect(reasonsAgainst(amd64With({ processor, levels: 5 })), processor).to.deep.equal([]);
    const { name, title, virtualBits, physicalBits, layout } = amd64la57;
    expect({ name, title, virtualBits, physicalBits }).to.deep.equal({
      name: "amd64la57",
      title: "AMD64, 4 KiB pages in five levels: AMD Zen 4 (family 19h)",
      virtualBits: 57,
      physicalBits: 52,
    });
    expect(layout).to.deep.equal({
      user: { first: 0n, last: 0x00ff_ffff_ffff_ffffn },
      kernel: { first: 0xff00_0000_0000_0000n, last: 0xffff_ffff_ffff_ffffn },
      userStack: 0x00ff_ffff_ffff_f000n,
      kernelAddressSpaceShadowed: false,
    });
    expect(amd64.layout.userStack).to.equal(0x7fff_ffff_f000n);
    expect(amd64With({ levels: 5, processor: "skylakesp", name: "mine" })).to.include({ name: "mine", physicalBits: 46 });
  });

  it("refuses other numbers of levels", () => {
    for (const levels of [3, 6, 4.5]) {
      expect(() => amd64With({ levels } as unknown as Amd64Options))
        .to.throw()
        .with.deep.property("values", { levels, lowest: 4, highest: 5 });
    }
  });

  it("names the root's table and entry as the manual does, and has the others in common with four", () => {
    const [five, four] = [amd64With({ levels: 5, processor: "zen" }), amd64].map(({ translation }) => {
      if (translation.kind !== "hierarchical") throw new Error("it has tables");
      return translation.levels;
    });
    const [root, ...others] = five;
    expect([root.name, root.table?.name, root.leaf, root.manual]).to.deep.equal([
      "PML5",
      "PML5E",
      undefined,
      "Intel SDM vol 3A §4.5.4, table 4-14",
    ]);
    expect(others.map(({ name, manual }) => name + manual)).to.deep.equal(four.map(({ name, manual }) => name + manual));
  });

  it("walks the words of a page, with the rights they give, and marks all five", () => {
    const { ask, read } = laid();
    expect(ask(LINEAR + 0x123n, "read", USER)).to.equal(PAGE + 0x123n);
    expect(PLACES.map((place) => read(place))).to.deep.equal(WORDS.map((word) => word | 0x20n));
    expect(ask(LINEAR, "write", USER)).to.equal(PAGE);
    expect(read(PLACES[4])).to.equal(WORDS[4] | 0x60n);
    expect(ask(LINEAR, "fetch", USER)).to.equal("#PF 21");
  });

  it("lets the root withhold what the page gives", () => {
    const { ask, write, cpu } = laid();
    cpu.setSwitch("WP", true);
    write(PLACES[0], WORDS[0] & ~4n);
    expect([ask(LINEAR, "read", USER), ask(LINEAR, "write", KERNEL)]).to.deep.equal(["#PF 5", PAGE]);
    write(PLACES[0], WORDS[0] & ~2n);
    expect([ask(LINEAR, "read", USER), ask(LINEAR, "write", KERNEL)]).to.deep.equal([PAGE, "#PF 3"]);
  });

  it("has bits 7 and 8 of the root's entries reserved, the latter on AMD's processors alone", () => {
    for (const [processor, codes] of [
      ["zen4", ["#PF 9", "#PF 9"]],
      ["skylakesp", ["#PF 9", PAGE]],
    ] as const) {
      const { ask, write } = laid(amd64With({ levels: 5, processor }));
      const told = [7n, 8n].map((bit) => {
        write(PLACES[0], WORDS[0] | (1n << bit));
        return ask(LINEAR, "read", KERNEL);
      });
      expect(told, processor).to.deep.equal(codes);
    }
  });

  it("has a hole from 2^56 on, and none at 2^47", () => {
    const { ask } = laid();
    for (const linear of [1n << 56n, 0xfeff_ffff_ffff_f000n, 0x0100_0000_0000_1000n]) expect(ask(linear, "read", KERNEL)).to.equal("#GP 0");
    for (const linear of [1n << 47n, 0x00ff_ffff_ffff_f000n, 0xff00_0000_0000_0000n, 0xffff_7fff_ffff_f000n])
      expect(ask(linear, "read", KERNEL)).to.equal("#PF 0");
  });

  it("answers as the manual does for every combination of flag bits at each level", () => {
    const { ask, cpu, read, write } = laid();
    for (const registers of [SETTINGS[0], SETTINGS[3]]) {
      setSwitches(cpu, registers);
      for (const [depth, place] of PLACES.entries()) {
        for (let bits = 0; bits < 1024; bits += 1) {
          const word = (WORDS[depth] & 0xf_ffff_ffff_f000n) | BigInt(bits % 512) | (BigInt(bits >> 9) << 63n);
          const access = ACCESSES[bits % 3];
          for (const privilege of PRIVILEGES) {
            PLACES.forEach((other, i) => write(other, i === depth ? word : WORDS[i] & ~(1n << 63n)));
            const expected = translate(read, BigInt(TABLES[0]), LINEAR, access, privilege === USER, registers, FACTS);
            const what = `${access} ${privilege}, level ${depth}, 0x${word.toString(16)}`;
            const before = PLACES.map((at) => read(at));
            expect(ask(LINEAR, access, privilege), what).to.equal(expected.is);
            expect(
              PLACES.map((at) => read(at)),
              what,
            ).to.deep.equal(PLACES.map((at, i) => expected.writes.get(BigInt(at)) ?? before[i]));
          }
        }
        write(place, WORDS[depth]);
      }
    }
  });

  it("keeps CR4.LA57 set, and has none with four levels", () => {
    const registers = new ControlRegisters(laid().cpu);
    expect(registers.cr4).to.equal(BigInt(CR4_PAE + CR4_LA57));
    expect(registers.writeCr4(CR4_PAE)).to.deep.equal({ trap: "#GP", code: 0 });
    expect(registers.writeCr4(CR4_LA57)).to.deep.equal({ trap: "#GP", code: 0 });
    expect(registers.writeCr4(CR4_PAE + CR4_LA57 + CR4_PGE)).to.equal(null);
    expect(registers.cr4).to.equal(BigInt(CR4_PAE + CR4_LA57 + CR4_PGE));
    const four = new ControlRegisters(bare(amd64).cpu);
    expect(four.writeCr4(CR4_PAE + CR4_LA57)).to.deep.equal({ trap: "#GP", code: 0 });
  });

  it("maps through an address space, in four tables that it makes and takes away", () => {
    const machine = buildMachine(amd64la57, { memoryBytes: 2 ** 24 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    const { tables, withdrawals } = machine.parts;
    const before = tables.bytes(space.context);
    const page = Number(LINEAR >> 12n);
    tables.insert(space.context, page, 0x345, READ | WRITE | PAGE_USER | PAGE_CACHEABLE);
    expect(tables.bytes(space.context)).to.equal(before + 4 * 4096);
    const walk = machine.walk(space, LINEAR, WRITE, USER);
    expect(walk.physical).to.equal(PAGE);
    expect(walk.steps.map(({ table }) => table)).to.deep.equal([
      "PML5",
      "PML4",
      "page-directory-pointer table",
      "page directory",
      "page table",
    ]);
    expect(tables.remove(space.context, page, withdrawals.begin(space.context, page, 1))).to.equal(true);
    withdrawals.settle();
    expect(tables.bytes(space.context)).to.equal(before);
    assertInvariants(machine);
  });

  it("has a second decoder, whose width of addresses is that of the machine", () => {
    expect([oracle.levels?.length, la57Oracle.levels?.length]).to.deep.equal([4, 5]);
    // The table of a PML5 entry, and of a PML4 entry.
    expect([oracle, la57Oracle].map(({ manual }) => /4-1[45]/.exec(manual)?.[0])).to.deep.equal(["4-15", "4-14"]);
    const pml5 = (physicalBits: number, word: bigint) =>
      oracleOf({ levels: 5, physicalBits }).levels?.[0]?.(word, { WP: false, NXE: true });
    expect(pml5(52, 0xf_ffff_ffff_f001n)).to.include({ kind: "table", physical: 0xf_ffff_ffff_f000n, hasReserved: false });
    expect(pml5(46, 0x4000_0000_0001n)).to.include({ kind: "table", physical: 0n, hasReserved: true });
    expect(pml5(46, 0x2000_0000_0081n)).to.include({ physical: 0x2000_0000_0000n, hasReserved: true });
  });
});
