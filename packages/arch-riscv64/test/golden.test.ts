/** Words worked out by hand from the manual's figures, in memory, and on the way there. */
import { expect } from "chai";
import {
  assertInvariants,
  buildMachine,
  EXECUTE,
  FormatCodec,
  initialSwitches,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  PortolanError,
  READ,
  reasonsAgainst,
  USER,
  WRITE,
  type EntryFormat,
} from "@portolan/core";
import { PROCESSORS, riscv64, riscv64With, SupervisorRegisters, type ProcessorName, type Riscv64Options } from "#src/index.js";
import { sv48 } from "#src/sv48.js";
import { ACCESSES, bare, levelsOf } from "./bare.js";

const VIRTUAL = 0x4020_1000n;
const PHYSICAL = 0x8065_4000;

/** The same page on both machines: tables from 0x80201000 on, in entry 1 of each but Sv48's root. */
const MACHINES = [
  {
    architecture: riscv64,
    tables: [0x8020_1000, 0x8020_2000, 0x8020_3000],
    indices: [1, 1, 1],
    places: [0x8020_1008, 0x8020_2008, 0x8020_3008],
    pointers: [0x2008_0801n, 0x2008_0c01n],
    satp: 0x8000_0000_0008_0201n,
    satpOfFive: 0x8000_5000_0008_0201n,
  },
  {
    architecture: sv48,
    tables: [0x8020_1000, 0x8020_2000, 0x8020_3000, 0x8020_4000],
    indices: [0, 1, 1, 1],
    places: [0x8020_1000, 0x8020_2008, 0x8020_3008, 0x8020_4008],
    pointers: [0x2008_0801n, 0x2008_0c01n, 0x2008_1001n],
    satp: 0x9000_0000_0008_0201n,
    satpOfFive: 0x9000_5000_0008_0201n,
  },
] as const;

/** The leaf, as software leaves it (A and D clear), and as HelenOS's worked words have it, with both set. */
const LEAVES = [
  {
    what: "the user's to read and write",
    flags: READ | WRITE | PAGE_USER,
    word: 0x2019_5017n,
    marked: 0x2019_50d7n,
    kernel: "rw-",
    user: "rw-",
  },
  {
    what: "the user's to read and execute",
    flags: READ | EXECUTE | PAGE_USER,
    word: 0x2019_501bn,
    marked: 0x2019_50dbn,
    kernel: "r--",
    user: "r-x",
  },
  {
    what: "the kernel's, global",
    flags: READ | WRITE | EXECUTE | PAGE_GLOBAL,
    word: 0x2019_502fn,
    marked: 0x2019_50efn,
    kernel: "rwx",
    user: "---",
  },
] as const;

/** The word that the machine's format gives for an address and flags. */
const encoded = (format: EntryFormat | undefined, address: number, flags: number): bigint => {
  if (format === undefined) throw new Error("the level has such entries");
  const codec = new FormatCodec(format, initialSwitches(riscv64));
  return (BigInt(codec.encodeHigh(address, flags)) << 32n) | BigInt(codec.encodeLow(address, flags));
};

describe("riscv64", () => {
  it("is a sound description of every processor in every mode", () => {
    for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
      for (const mode of ["sv39", "sv48", "sv57"] as const) {
        for (const more of [{}, { asidBits: 0 }, { asidBits: 2 }, { svnapot: true, svpbmt: true, marks: "fault" as const }])
          expect(reasonsAgainst(riscv64With({ processor, mode, ...more })), processor + mode).to.deep.equal([]);
      }
    }
    expect([riscv64.name, sv48.name]).to.deep.equal(["riscv64", "sv48"]);
  });

  it("has the figures of its processors", () => {
    const figures = (processor: ProcessorName): unknown[] => {
      const { asids, can, physicalBits, tlb, translation } = riscv64With({ processor });
      const sizes = [tlb.instruction?.entries, tlb.data.entries, tlb.data.ways];
      return [
        ...sizes,
        asids.bits,
        can.recordAccess,
        can.recordWrite,
        physicalBits,
        translation.kind === "hierarchical" && translation.levels.length,
      ];
    };
    expect(figures("generic")).to.deep.equal([64, 64, "full", 16, "hardware", "hardware", 52, 3]);
    expect(figures("u54")).to.deep.equal([32, 32, "full", 0, "fault", "fault", 38, 3]);
    const behind = riscv64With({ processor: "u54", buffers: "second" });
    expect(reasonsAgainst(behind)).to.deep.equal([]);
    expect([behind.tlb.instruction, behind.tlb.data.entries, behind.tlb.data.ways]).to.deep.equal([undefined, 128, 1]);
    expect(figures("u74")).to.deep.equal([40, 40, "full", 0, "fault", "fault", 38, 3]);
    expect(figures("qemu")).to.deep.equal([undefined, 256, 1, 16, "hardware", "hardware", 52, 3]);
  });

  it("refuses what no processor is", () => {
    const wrong = [
      { processor: "z80" },
      { mode: "sv32" },
      { asidBits: 1 },
      { asidBits: 17 },
      { asidBits: -1 },
      { physicalBits: 56 },
      { physicalBits: 31 },
      { processor: "u74", buffers: "second" as const },
      { buffers: "third" },
    ];
    for (const options of wrong) {
      expect(() => riscv64With(options as Riscv64Options), JSON.stringify(options))
        .to.throw(PortolanError)
        .with.property("code", "ERR_BAD_ARGUMENT");
    }
  });

  it("has 2^38, 2^47 and 2^56 bytes in either half", () => {
    for (const [mode, user, kernel] of [
      ["sv39", 0x3f_ffff_ffffn, 0xffff_ffc0_0000_0000n],
      ["sv48", 0x7fff_ffff_ffffn, 0xffff_8000_0000_0000n],
      ["sv57", 0xff_ffff_ffff_ffffn, 0xff00_0000_0000_0000n],
    ] as const) {
      const { layout, translation } = riscv64With({ mode });
      expect([layout.user.first, layout.user.last]).to.deep.equal([0n, user]);
      expect([layout.kernel.first, layout.kernel.last]).to.deep.equal([kernel, 0xffff_ffff_ffff_ffffn]);
      expect(translation.kind === "hierarchical" && translation.levels.map(({ indexBits }) => indexBits)).to.deep.equal(
        { sv39: [9, 9, 9], sv48: [9, 9, 9, 9], sv57: [9, 9, 9, 9, 9] }[mode],
      );
    }
  });

  for (const { architecture, tables, indices, places, pointers, satp, satpOfFive } of MACHINES) {
    const levels = levelsOf(architecture);
    const last = levels.length - 1;

    it(`writes the words of ${architecture.name} where they belong, and finds the page by them`, () => {
      for (let depth = 0; depth <= last; depth += 1) {
        expect(Number((VIRTUAL >> BigInt(12 + 9 * (last - depth))) & 511n)).to.equal(indices[depth]);
        expect(tables[depth] + indices[depth] * 8).to.equal(places[depth]);
        if (depth < last)
          expect(encoded(levels[depth].table, tables[depth + 1], 7 | PAGE_USER), levels[depth].name).to.equal(pointers[depth]);
      }
      for (const { what, flags, word, marked, kernel, user } of LEAVES) {
        expect(encoded(levels[last].leaf, PHYSICAL, flags), what).to.equal(word);
        for (const entry of [word, marked]) {
          const { ask, read, root, write, machine } = bare(architecture);
          root(tables[0]);
          pointers.forEach((pointer, depth) => write(places[depth], pointer));
          write(places[last], entry);
          for (const [privilege, rights] of [
            [KERNEL, kernel],
            [USER, user],
          ] as const) {
            const let_ = ACCESSES.map((access, i) =>
              typeof ask(VIRTUAL + 5n, access, privilege) === "bigint" ? "rwx".charAt(i) : "-",
            ).join("");
            expect(let_, `${what}, by ${privilege}`).to.equal(rights);
          }
          expect(ask(VIRTUAL + 5n, "read", KERNEL)).to.equal(BigInt(PHYSICAL + 5));
          pointers.forEach((pointer, depth) => expect(read(places[depth]), "pointers are not marked").to.equal(pointer));
          const isWritten = rightsHave(kernel + user, "w") || entry === marked;
          expect(read(places[last])).to.equal(isWritten ? marked : marked & ~0x80n);
          expect(machine.cpu(0).context.root).to.equal(tables[0]);
        }
      }
    });

    it(`has a leaf's eight bytes in memory with the least significant first, on ${architecture.name}`, () => {
      const { machine, write } = bare(architecture);
      write(places[last], LEAVES[0].marked);
      const bytes = new Uint8Array(8);
      machine.parts.memory.readBytes(places[last], bytes);
      expect([...bytes]).to.deep.equal([0xd7, 0x50, 0x19, 0x20, 0, 0, 0, 0]);
    });

    it(`has the root and the tag in satp where the manual has them, on ${architecture.name}`, () => {
      const registers = new SupervisorRegisters(bare(architecture).cpu);
      registers.writeSatp(satp);
      expect(registers.satp).to.equal(satp);
      registers.writeSatp(satpOfFive);
      expect(registers.satp).to.equal(satpOfFive);
    });

    it(`makes, empties and counts the same tables by itself, on ${architecture.name}`, () => {
      const machine = buildMachine(architecture, { memoryBytes: 2 ** 24 });
      const { tables: made, withdrawals } = machine.parts;
      const space = machine.spaces.create();
      const before = made.bytes(space.context);
      for (const { flags, word, what } of LEAVES.slice(0, 2)) {
        made.insert(space.context, Number(VIRTUAL >> 12n), 0x345, flags | PAGE_CACHEABLE);
        const { steps, physical } = machine.walk(space, VIRTUAL, READ, USER);
        expect(physical, what).to.equal(0x34_5000n);
        expect(steps.map(({ index }) => index)).to.deep.equal(indices);
        expect(steps.map(({ raw }) => raw & 0x3ffn)).to.deep.equal([...pointers.map(() => 1n), word & 0x3ffn]);
        expect(made.bytes(space.context)).to.equal(before + last * 4096);
        expect(made.remove(space.context, Number(VIRTUAL >> 12n), withdrawals.begin(space.context, Number(VIRTUAL >> 12n), 1))).to.equal(
          true,
        );
        withdrawals.settle();
        expect(made.bytes(space.context)).to.equal(before);
      }
      assertInvariants(machine);
    });
  }

  it("maps larger pages at every level above the last, and 64 KiB with Svnapot", () => {
    for (const [options, depth, word, address, physical] of [
      [{}, 1, 0x2008_00cfn, 0x4030_5678n, 0x8030_5678n],
      [{}, 0, 0x2000_00cfn, 0x4030_5678n, 0x8030_5678n],
      [{ mode: "sv48" }, 1, 0x2000_00cfn, 0x4030_5678n, 0x8030_5678n],
      [{ mode: "sv48" }, 0, 0xcfn, 0x8030_5678n, 0x8030_5678n],
      [{ svnapot: true }, 2, 0x8000_0000_2008_20cfn, 0x4020_7678n, 0x8020_7678n],
    ] as const) {
      const { ask, root, write } = bare(riscv64With(options));
      const count = levelsOf(riscv64With(options)).length;
      root(0x8020_1000);
      for (let at = 0; at <= depth; at += 1) {
        const index = Number((address >> BigInt(12 + 9 * (count - 1 - at))) & 511n);
        write(0x8020_1000 + at * 4096 + index * 8, at === depth ? word : (BigInt(0x8020_2000 + at * 4096) >> 2n) | 1n);
      }
      expect(ask(address, "write", KERNEL), `${JSON.stringify(options)} ${depth}`).to.equal(physical);
      // A superpage that does not begin at a multiple of its size; a size that is reserved.
      const index = Number((address >> BigInt(12 + 9 * (count - 1 - depth))) & 511n);
      write(0x8020_1000 + depth * 4096 + index * 8, word ^ 0x400n);
      expect(ask(address, "write", KERNEL), `${JSON.stringify(options)} ${depth}, misaligned`).to.equal("scause 15");
    }
  });
});

function rightsHave(rights: string, right: string): boolean {
  return rights.includes(right);
}
