/** Words worked out by hand from the manual's figures, in memory, and on the way there. */
import {
  ABSENT,
  BAD_ADDRESS,
  EXECUTE,
  FormatCodec,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  PortolanError,
  READ,
  reasonsAgainst,
  USER,
  WRITE,
  type Architecture,
  type EntryFormat,
} from "@portolan/core";
import { expect } from "chai";
import { arm64g16 } from "#src/granule16.js";
import { arm64g64 } from "#src/granule64.js";
import { arm64, arm64With, PROCESSORS, type Arm64Options, type ProcessorName } from "#src/index.js";
import { ACCESSES, bare, RAM } from "./bare.js";

const levelsOf = ({ translation }: Architecture) => (translation.kind === "hierarchical" ? translation.levels : []);

const page = (architecture: Architecture = arm64): FormatCodec => {
  const leaf = levelsOf(architecture).at(-1)?.leaf as EntryFormat;
  return new FormatCodec(leaf, { PAN: false, WXN: false });
};
const wordFor = (physical: number, flags: number): bigint =>
  (BigInt(page().encodeHigh(physical, flags) >>> 0) << 32n) | BigInt(page().encodeLow(physical, flags) >>> 0);

const AF = 1n << 10n;
const TABLE = 3n;
const [CONTIGUOUS, PXN, UXN] = [1n << 52n, 1n << 53n, 1n << 54n];
/** AP[2:1] */
const [USER_TOO, READ_ONLY] = [1n << 6n, 1n << 7n];
const [PXN_TABLE, UXN_TABLE, USER_NOT_TABLE, READ_ONLY_TABLE] = [1n << 59n, 1n << 60n, 1n << 61n, 1n << 62n];

describe("arm64: words by hand", () => {
  it("are what the core writes: attribute 1 is cached and inner shareable, AP[2:1] and both XN say who may what", () => {
    const RW = READ | WRITE;
    const [CACHED, USERS, ALL] = [PAGE_CACHEABLE, PAGE_USER, PAGE_GLOBAL];
    // nG 0x800, SH 0x300, AP[2] 0x80, AP[1] 0x40, AttrIndx 1 0x04, page 3; UXN and PXN 0x60 << 48
    expect(wordFor(0x4876_5000, RW | USERS | CACHED)).to.equal(0x0060_0000_4876_5b47n);
    expect(wordFor(0x4876_5000, READ | EXECUTE | USERS | CACHED)).to.equal(0x0000_0000_4876_5bc7n);
    expect(wordFor(0x4876_5000, RW | EXECUTE | CACHED | ALL)).to.equal(0x0040_0000_4876_5307n);
    expect(wordFor(0x4876_5000, RW)).to.equal(0x0060_0000_4876_580bn);
    expect(wordFor(0xffff_ffff_f000, READ | CACHED | ALL)).to.equal(0x0060_ffff_ffff_f387n);
    // A page that nobody may touch is the kernel's to read.
    expect(wordFor(0x4876_5000, USERS | CACHED)).to.equal(0x0060_0000_4876_5b87n);
  });

  it("lie in memory as the manual has them: a page through four tables, from a root of 512 entries", () => {
    const { read, write, root, ask } = bare(arm64);
    // VA 0x40201000: entries 0, 1, 1 and 1.
    write(RAM + 0x1000, BigInt(RAM) + 0x2000n + TABLE);
    write(RAM + 0x2008, BigInt(RAM) + 0x3000n + TABLE);
    write(RAM + 0x3008, BigInt(RAM) + 0x4000n + TABLE);
    write(RAM + 0x4008, 0x0060_0000_4020_5f47n);
    root(RAM + 0x1000);
    expect(ask(0x4020_1abcn, "read", USER)).to.equal(0x4020_5abcn);
    expect(ask(0x4020_1abcn, "write", KERNEL)).to.equal(0x4020_5abcn);
    expect(ask(0x4020_1abcn, "fetch", USER)).to.equal("permission fault, level 3");
    write(RAM + 0x4008, 0x0060_0000_4020_5b47n);
    expect(ask(0x4020_1abcn, "read", USER)).to.equal("access flag fault, level 3");
    expect(read(RAM + 0x4008), "hardware marks nothing").to.equal(0x0060_0000_4020_5b47n);
    write(RAM + 0x4008, 0x0060_0000_4020_5f46n);
    expect(ask(0x4020_1abcn, "read", USER)).to.equal("translation fault, level 3");
    write(RAM + 0x3008, 0n);
    expect(ask(0x4020_1abcn, "read", USER)).to.equal("translation fault, level 2");
    expect(ask(0x8000_0000n, "read", USER)).to.equal("translation fault, level 1");
    expect(ask(0x80_0000_0000n, "read", USER)).to.equal("translation fault, level 0");
  });

  it("sets the access flag by hardware, where TCR_EL1.HA says so, and in the leaf alone", () => {
    const { read, write, root, ask } = bare(arm64With({ accessFlag: "hardware" }));
    write(RAM + 0x1000, BigInt(RAM) + 0x2000n + TABLE);
    write(RAM + 0x2000, 0x4000_0041n);
    root(RAM + 0x1000);
    expect(ask(0x123n, "read", USER)).to.equal(0x4000_0123n);
    expect(read(RAM + 0x1000)).to.equal(BigInt(RAM) + 0x2000n + TABLE);
    expect(read(RAM + 0x2000)).to.equal(0x4000_0441n);
  });

  it("has each half under a root of its own, and nothing between", () => {
    const { machine, write, root, ask } = bare(arm64);
    write(RAM + 0x1000, BigInt(RAM) + 0x2000n + TABLE);
    write(RAM + 0x2000, 0x4000_0441n);
    root(RAM + 0x1000);
    const kernel = machine.spaces.kernel.context.root;
    write(kernel + 511 * 8, BigInt(RAM) + 0x3000n + TABLE);
    write(RAM + 0x3000 + 511 * 8, 0x4000_0401n);
    expect(ask(0x20_0000n, "read", USER)).to.equal(0x4020_0000n);
    expect(ask(0xffff_ffff_c020_0000n, "read", KERNEL)).to.equal(0x4020_0000n);
    expect(ask(0xffff_ffff_c020_0000n, "read", USER)).to.equal("permission fault, level 1");
    for (const address of [0x1_0000_0000_0000n, 0x8000_0000_0000_0000n, 0xfffe_ffff_ffff_f000n])
      expect(ask(address, "read", KERNEL), address.toString(16)).to.equal("translation fault, level 0");
    // The lowest addresses of each half have the same indices.
    expect(ask(0xffff_0000_0020_0000n, "read", KERNEL)).to.equal("translation fault, level 0");
    machine.cpu(0).install(machine.spaces.kernel.context);
    expect(ask(0x7fff_c020_0000n, "read", KERNEL), "no root for the lower half").to.equal("translation fault, level 0");
    expect(machine.parts.tables.walk(machine.spaces.kernel.context, 0x20_0000n, READ, KERNEL).reason).to.equal(ABSENT);
    expect(machine.parts.tables.walk(machine.spaces.kernel.context, 0x1_0000_0000_0000n, READ, KERNEL).reason).to.equal(BAD_ADDRESS);
  });

  it("reads blocks where a granule has them, and takes those elsewhere for nothing", () => {
    const halves = [
      [arm64, [1, 2]],
      [arm64g16, [2]],
      [arm64g64, [2]],
      [arm64With({ granule: 16, bits: 48 }), [2]],
    ] as const;
    for (const [architecture, blocks] of halves) {
      const levels = levelsOf(architecture);
      const first = 4 - levels.length;
      levels.forEach(({ kind, leaf, table }, depth) => {
        const number = first + depth;
        const isLast = number === 3;
        expect(leaf !== undefined, `${architecture.name} level ${number}`).to.equal(
          isLast || (blocks as readonly number[]).includes(number),
        );
        expect(table !== undefined).to.equal(!isLast);
        const block = leaf !== undefined && !isLast ? "leaf" : "absent";
        expect(kind.tell({ valid: 1, type: 0 }, {})).to.equal(block);
        expect(kind.tell({ valid: 1, type: 1 }, {})).to.equal(isLast ? "leaf" : "table");
        for (const type of [0, 1]) expect(kind.tell({ valid: 0, type }, {})).to.equal("absent");
      });
    }
  });

  it("makes one page of contiguous entries, as many as the granule says", () => {
    const forms = (architecture: Architecture): string =>
      levelsOf(architecture)
        .flatMap((level, depth) => (level.forms ?? []).map(({ entries }) => `${4 - levelsOf(architecture).length + depth}:${entries}`))
        .join(" ");
    expect(forms(arm64)).to.equal("1:16 2:16 3:16");
    expect(forms(arm64g16)).to.equal("2:32 3:128");
    expect(forms(arm64g64)).to.equal("2:32 3:32");
    const { cpu, write, root, ask, again } = bare(arm64With({ bits: 30 }));
    // Level 2 of 512 entries; 16 pages from 0x40010000 on.
    write(RAM + 0x1000, BigInt(RAM) + 0x2000n + TABLE);
    for (let i = 0; i < 16; i += 1) write(RAM + 0x2000 + i * 8, CONTIGUOUS | (0x4001_0000n + BigInt(i) * 0x1000n) | AF | USER_TOO | 3n);
    root(RAM + 0x1000);
    expect(ask(0x5123n, "read", USER)).to.equal(0x4001_5123n);
    const { walks } = cpu.statistics;
    expect(again(0xf123n, "read", USER)).to.equal(0x4001_f123n);
    expect(cpu.statistics.walks, "one entry of the TLB serves all").to.equal(walks);
  });

  it("forbids below a table what the table forbids", () => {
    const { write, root, ask } = bare(arm64With({ bits: 30 }));
    root(RAM + 0x1000);
    const rights = (above: bigint, leaf: bigint): string => {
      write(RAM + 0x1000, above | (BigInt(RAM) + 0x2000n) | TABLE);
      write(RAM + 0x2000, leaf | 0x4001_0000n | AF | 3n);
      return ([KERNEL, USER] as const)
        .map((privilege) => ACCESSES.map((access, i) => (typeof ask(0n, access, privilege) === "bigint" ? "rwx"[i] : "-")).join(""))
        .join(" ");
    };
    // What the user may write the kernel never executes; what it may not read it may execute.
    expect(rights(0n, 0n)).to.equal("rwx --x");
    expect(rights(0n, USER_TOO)).to.equal("rw- rwx");
    expect(rights(0n, READ_ONLY)).to.equal("r-x --x");
    expect(rights(0n, USER_TOO | READ_ONLY)).to.equal("r-x r-x");
    expect(rights(0n, USER_TOO | UXN)).to.equal("rw- rw-");
    expect(rights(0n, UXN | PXN)).to.equal("rw- ---");
    expect(rights(READ_ONLY_TABLE, USER_TOO)).to.equal("r-x r-x");
    expect(rights(USER_NOT_TABLE, USER_TOO)).to.equal("rwx --x");
    expect(rights(USER_NOT_TABLE | READ_ONLY_TABLE, USER_TOO)).to.equal("r-x --x");
    expect(rights(UXN_TABLE, USER_TOO)).to.equal("rw- rw-");
    expect(rights(PXN_TABLE, UXN)).to.equal("rw- ---");
  });

  it("refuses an output address beyond its size at the level that has it, and ignores what should be zero", () => {
    const { write, root, ask } = bare(arm64With({ bits: 30, physicalBits: 36 }));
    root(RAM + 0x1000);
    write(RAM + 0x1000, 0x10_4000_2000n | TABLE);
    expect(ask(0n, "read", KERNEL)).to.equal("address size fault, level 2");
    write(RAM + 0x1000, 0x0007_0000_4000_2ffcn | TABLE);
    write(RAM + 0x2000, 0x8000_0000_0000n | 0x4001_0000n | 3n);
    expect(ask(0n, "read", KERNEL), "before the access flag").to.equal("address size fault, level 3");
    write(RAM + 0x2000, 0xfb8f_0000_4001_0000n | AF | 3n);
    expect(ask(0n, "read", KERNEL)).to.equal(0x4001_0000n);
    write(RAM + 0x2000, 0x8_0000_0000n | AF | 3n);
    expect(ask(0n, "read", KERNEL)).to.equal("synchronous external abort");
    write(RAM + 0x1000, 0x8_0000_0000n | TABLE);
    expect(ask(0n, "read", KERNEL)).to.equal("synchronous external abort on a walk, level 3");
  });
});

describe("arm64: the description", () => {
  it("is sound for every processor with each of its granules, and each width of a half", () => {
    for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
      for (const granule of PROCESSORS[processor].granules) {
        for (const bits of [25, 36, 39, 42, 47, 48]) {
          const buffers = processor === "generic" ? "first" : "second";
          expect(reasonsAgainst(arm64With({ processor, granule, bits, buffers })), `${processor} ${granule} ${bits}`).to.deep.equal([]);
        }
      }
    }
    expect([arm64.name, arm64g16.name, arm64g64.name]).to.deep.equal(["arm64", "arm64g16", "arm64g64"]);
    expect(arm64With({ processor: "applem1" })).to.include({ name: "arm64g16", physicalBits: 36, virtualBits: 48, pageShift: 14 });
  });

  it("has the tables that the granule and the width make", () => {
    const shape = (options: Arm64Options): string =>
      levelsOf(arm64With(options))
        .map(({ name, indexBits }) => `${name.slice(6, 7)}:${indexBits}`)
        .join(" ");
    expect(shape({})).to.equal("0:9 1:9 2:9 3:9");
    expect(shape({ bits: 39 })).to.equal("1:9 2:9 3:9");
    expect(shape({ bits: 36 })).to.equal("1:6 2:9 3:9");
    expect(shape({ granule: 16 })).to.equal("1:11 2:11 3:11");
    expect(shape({ granule: 16, bits: 48 })).to.equal("0:1 1:11 2:11 3:11");
    expect(shape({ granule: 64 })).to.equal("1:6 2:13 3:13");
    expect(shape({ granule: 64, bits: 42 })).to.equal("2:13 3:13");
    expect(shape({ granule: 64, bits: 25 })).to.equal("3:9");
  });

  it("refuses what no processor is", () => {
    const wrong: readonly unknown[] = [
      { processor: "cortexa9" },
      { processor: "cortexa53", granule: 16 },
      { buffers: "second" },
      { granule: 8 },
      { bits: 24 },
      { bits: 49 },
      { bits: 40.5 },
      { physicalBits: 41 },
      { asidBits: 12 },
      { accessFlag: "no" },
    ];
    for (const options of wrong)
      expect(() => arm64With(options as Arm64Options), JSON.stringify(options))
        .to.throw(PortolanError)
        .with.property("code", "ERR_BAD_ARGUMENT");
  });
});
