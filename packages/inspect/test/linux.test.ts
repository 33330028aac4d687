/** What Linux keeps in tables, by machine and release; the comparison with real kernels is tools/kernels. */
import { amd64 } from "@portolan/arch-amd64";
import { arm } from "@portolan/arch-arm";
import { arm64 } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { mips32 } from "@portolan/arch-mips32";
import { PAGE_ACCESSED } from "@portolan/core";
import { expect } from "chai";
import fc from "fast-check";
import {
  conventionNamed,
  CONVENTIONS,
  diffMappings,
  lineOf,
  listMappings,
  softwareInWords,
  walkAddress,
  walkAsData,
  walkAsText,
  type ConventionName,
  type SoftwareEntry,
} from "#src/index.js";
import { all, Laid } from "./fixture.js";

const armv7 = arm({ format: "v7" });
const roots = { root: 0x4000 };
/** Two tables of the processor's fill the upper half of a page, Linux's two the lower. */
const LINUX = 0x8000;
const TABLE = LINUX + 0x800;
/** A small page that kernel and user may write, cached; and what Linux says of it: present, young, dirty, the user's. */
const entryOf = (physical: number): number => physical | 0x3e;
const linuxOf = (physical: number): number => physical | 0x15f;

/** A page table for the first two MiB, with one ordinary page at 0x10000. */
const armTables = (): Laid =>
  new Laid(0x10000)
    .put32(0x4000, 0, TABLE | 1)
    .put32(0x4000, 1, (TABLE + 0x400) | 1)
    .put32(TABLE, 16, entryOf(0xa000))
    .put32(LINUX, 16, linuxOf(0xa000));

const softwareOf = async (laid: Laid, os: ConventionName): Promise<(readonly [bigint, SoftwareEntry])[]> => {
  const { items } = await all(listMappings(laid.memory, armv7, roots, { os, merge: "leaves" }));
  return items.flatMap(({ first, software }) => (software === null ? [] : [[first, software] as const]));
};

describe("Linux on 32-bit ARM", () => {
  it("is asked about empty entries 2,048 bytes before the processor's", async () => {
    const laid = armTables()
      .put32(LINUX, 17, 0xb000 | 0xb5f)
      .put32(LINUX, 18, 0xc000 | 0x15d)
      .put32(LINUX, 19, (0x123 << 8) | (2 << 2))
      // The second table of the processor's, for the second MiB, has its companions behind those of the first.
      .put32(LINUX + 0x400, 1, 0xd000 | 0x85f);
    const { items, end } = await all(listMappings(laid.memory, armv7, roots, { os: "linux-arm-6.3", merge: "leaves" }));
    expect(items.map(({ first, physical, software }) => [first, physical, software])).to.deep.equal([
      [0x1_0000n, 0xa000, null],
      [0x1_1000n, 0xb000, { kind: "no-access", physical: 0xb000 }],
      [0x1_2000n, 0xc000, { kind: "old", physical: 0xc000 }],
      [0x1_3000n, null, { kind: "swap", type: 2, offset: 0x123n }],
      [0x10_1000n, 0xd000, { kind: "no-access", physical: 0xd000 }],
    ]);
    expect([end.listed, end.software]).to.deep.equal([1, 4]);
    expect(lineOf(items[2], "text")).to.equal(
      "0000000000012000-0000000000012fff     4 KiB  not used lately, but the page is there: physical 0xc000\n",
    );
    expect((await all(listMappings(laid.memory, armv7, roots))).items).to.have.length(1);
  });

  it("began offsets in swap space a bit further down before 6.3", async () => {
    const laid = armTables().put32(LINUX, 19, (0x123 << 7) | (2 << 2));
    expect(await softwareOf(laid, "linux-arm")).to.deep.equal([[0x1_3000n, { kind: "swap", type: 2, offset: 0x123n }]]);
    expect(await softwareOf(laid, "linux-arm-6.3")).to.deep.equal([[0x1_3000n, { kind: "swap", type: 2, offset: 0x91n }]]);
  });

  it("has no companions for tables in the lower half of a page, which it did not make", async () => {
    const laid = new Laid(0x10000).put32(0x4000, 0, 0x8000 | 1).put32(0x8000, 16, entryOf(0xa000));
    for (let at = 0x7000; at < 0x8000; at += 4) laid.put32(at, 0, 0xb15f);
    expect(await softwareOf(laid, "linux-arm")).to.deep.equal([]);
    const walk = await walkAddress(laid.memory, armv7, roots, 0x1_0000n, { os: "linux-arm" });
    expect(walk.steps.map(({ beside }) => beside)).to.deep.equal([null, null]);
    // Nor are those of the table before it its own.
    const mixed = armTables()
      .put32(0x4000, 1, 0x9000 | 1)
      .put32(LINUX, 17, 0xb000 | 0xb5f);
    expect((await softwareOf(mixed, "linux-arm")).map(([first]) => first)).to.deep.equal([0x1_1000n]);
  });

  it("is shown beside the processor's entry on a walk, field by field", async () => {
    const walk = await walkAddress(armTables().memory, armv7, roots, 0x1_0000n, { os: "linux-arm-6.3" });
    expect(walk.physical).to.equal(0xa000n);
    expect(walk.steps[0].beside).to.equal(null);
    const { beside } = walk.steps[1];
    expect([beside?.address, beside?.raw, beside?.says]).to.deep.equal([0x8040n, 0xa15fn, "Linux: present, young, dirty"]);
    expect(beside?.fields.flatMap(({ name, value }) => (value === 0n ? [] : [name]))).to.deep.equal([
      "frame",
      "USER",
      "DIRTY",
      "MT",
      "YOUNG",
      "PRESENT",
    ]);
    expect(walkAsText(walk)).to.contain("\n  beside it at 0x8040: 0000a15f  Linux: present, young, dirty\n    31:12  frame = 0xa  ");
    const data = JSON.parse(JSON.stringify(walkAsData(walk))) as { steps: { beside: { address: string; raw: string } | null }[] };
    expect(data.steps.map((step) => step.beside && [step.beside.address, step.beside.raw])).to.deep.equal([null, ["0x8040", "0xa15f"]]);
    expect((await walkAddress(armTables().memory, armv7, roots, 0x1_0000n)).steps[1].beside).to.equal(null);
  });

  it("says on a walk why the processor has no entry", async () => {
    const laid = armTables()
      .put32(LINUX, 17, 0xb000 | 0xb5f)
      .put32(LINUX, 18, 0xc000 | 0x15d)
      .put32(LINUX, 19, 0x12388);
    const told = async (address: bigint): Promise<unknown[]> => {
      const { reasonName, software, steps } = await walkAddress(laid.memory, armv7, roots, address, { os: "linux-arm-6.3" });
      return [reasonName, software?.kind, steps[1].beside?.says];
    };
    expect(await told(0x1_1000n)).to.deep.equal(["absent", "no-access", "Linux: present, young, dirty, PROT_NONE"]);
    expect(await told(0x1_2000n)).to.deep.equal(["absent", "old", "Linux: present, old, dirty"]);
    expect(await told(0x1_3000n)).to.deep.equal(["absent", "swap", "Linux: swapped out"]);
    expect(await told(0x1_4000n)).to.deep.equal(["absent", undefined, "Linux: nothing"]);
  });

  it("is told apart by diff when a page is swapped out", async () => {
    const before = armTables();
    const after = armTables().put32(TABLE, 16, 0).put32(LINUX, 16, 0x12308);
    const { items } = await all(
      diffMappings({ memory: before.memory, roots }, { memory: after.memory, roots }, armv7, { os: "linux-arm-6.3" }),
    );
    expect(items.map(({ first, before: was, after: is }) => [first, was?.software, is?.software?.kind])).to.deep.equal([
      [0x1_0000n, null, "swap"],
    ]);
  });

  it("has pages in swap space joined where they lie side by side there, and compared page by page", async () => {
    const swapped = (offsets: readonly number[]): Laid => {
      const laid = armTables();
      for (const [index, offset] of offsets.entries()) if (offset > 0) laid.put32(LINUX, 32 + index, offset << 8);
      return laid;
    };
    const os = "linux-arm-6.3" as const;
    const listed = async (laid: Laid, merge: "ranges" | "rights"): Promise<(readonly [bigint, number, bigint | undefined])[]> => {
      const { items } = await all(listMappings(laid.memory, armv7, roots, { os, merge }));
      return items.slice(1).map(({ first, leaves, software }) => [first, leaves, software?.offset]);
    };
    expect(await listed(swapped([5, 6, 7, 9, 8]), "ranges")).to.deep.equal([
      [0x2_0000n, 3, 5n],
      [0x2_3000n, 1, 9n],
      [0x2_4000n, 1, 8n],
    ]);
    expect(await listed(swapped([5, 6, 7, 9, 8]), "rights")).to.deep.equal([[0x2_0000n, 5, 5n]]);
    const compared = async (before: readonly number[], after: readonly number[]): Promise<unknown[]> => {
      const sides = [before, after].map((offsets) => ({ memory: swapped(offsets).memory, roots }));
      const { items } = await all(diffMappings(sides[0], sides[1], armv7, { os }));
      return items.map(({ kind, first, last, what }) => [kind, first, last, what]);
    };
    expect(await compared([5, 6, 7], [0, 6, 7])).to.deep.equal([["vanished", 0x2_0000n, 0x2_0fffn, []]]);
    expect(await compared([5, 6, 7], [5, 6, 8])).to.deep.equal([["changed", 0x2_2000n, 0x2_2fffn, ["software"]]]);
  });

  it("is read as a naive reader of the two tables would, whatever lies there", async () => {
    const word = fc.oneof(fc.constant(0), fc.integer(), fc.constantFrom(0xa15f, 0xb5f, 0x15d, 0x12308, 0x800)).map((value) => value >>> 0);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), word), { minLength: 1, maxLength: 20 }), async (rows) => {
        const laid = new Laid(0x10000).put32(0x4000, 0, TABLE | 1);
        const expected: (readonly [bigint, string])[] = [];
        for (const [index, [isMapped, linux]] of rows.entries()) {
          laid.put32(LINUX, index, linux).put32(TABLE, index, isMapped ? entryOf(0xa000) : 0);
          if (isMapped || linux === 0) continue;
          const kind = (linux & 1) === 0 ? "swap" : (linux & 0x800) === 0 ? "old" : "no-access";
          const where = kind === "swap" ? `${(linux >>> 2) & 31} ${linux >>> 8}` : `${Math.floor(linux / 4096) * 4096}`;
          expected.push([BigInt(index) * 4096n, `${kind} ${where}`]);
        }
        const found = (await softwareOf(laid, "linux-arm-6.3")).map(
          ([first, { kind, physical, type, offset }]) =>
            [first, kind === "swap" ? `${kind} ${type} ${offset}` : `${kind} ${physical}`] as const,
        );
        expect(found).to.deep.equal(expected);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe("Linux on other machines", () => {
  const tell = (name: ConventionName, raw: bigint, shift = 12): string | null => {
    const told = CONVENTIONS[name].tell(raw, shift);
    return told === null ? null : softwareInWords(told);
  };

  it("has a layout for each release of arm64", () => {
    expect(tell("linux-arm64-4.0", (0x55n << 8n) | (33n << 2n))).to.equal("not in memory: swap type 33, offset 0x55");
    expect(tell("linux-arm64", (0x55n << 8n) | (3n << 3n) | 4n)).to.equal("not in memory: swap type 3, offset 0x55");
    expect(tell("linux-arm64-6.10", (0x55n << 12n) | (3n << 6n) | 0xcn)).to.equal("not in memory: swap type 3, offset 0x55");
    // PROT_NONE: the descriptor of a page without its lowest bit.
    expect(tell("linux-arm64", (1n << 58n) | 0x9f82n)).to.equal("nobody may touch it, but the page is there: physical 0x9000");
    expect(tell("linux-arm64-6.10", 0x9f82n)).to.equal("nobody may touch it, but the page is there: physical 0x9000");
    // A large page that is being split keeps its frame; what lies below is no address.
    expect(tell("linux-arm64", (1n << 59n) | 0x4020_0f80n, 21)).to.equal("nobody may touch it, but the page is there: physical 0x40200000");
    for (const name of ["linux-arm64-4.0", "linux-arm64", "linux-arm64-6.10"] as const) expect(tell(name, 0x9f83n)).to.equal(null);
  });

  it("has marks of its own in swapped pages of riscv64, and large pages that are being split", () => {
    expect(tell("linux-riscv64", (0x55n << 12n) | (3n << 7n) | 0x58n)).to.equal("not in memory: swap type 3, offset 0x55");
    expect(tell("linux-riscv64", (0x80200n << 10n) | 0xcen, 21)).to.equal(
      "nobody may touch it, but the page is there: physical 0x80200000",
    );
    expect(tell("linux-riscv64", (9n << 10n) | 0xcfn)).to.equal(null);
  });

  it("has large pages that are being split on 32-bit x86", () => {
    expect(tell("linux-x86-32", 0x40_00e6n, 22)).to.equal("nobody may touch it, but the page is there: physical 0x400000");
    expect(tell("linux-x86-32", 0x2406n, 22)).to.equal(null);
  });

  it("is found by the machine and the release, and its newest form is not taken for certain", () => {
    expect(conventionNamed("linux", amd64)).to.deep.equal({ name: "linux-x86-64", isNewest: false });
    expect(conventionNamed("linux", ia32)).to.deep.equal({ name: "linux-x86-32", isNewest: false });
    expect(conventionNamed("linux", armv7)).to.deep.equal({ name: "linux-arm-6.3", isNewest: true });
    expect(conventionNamed("linux", armv7, "6.1.0-50-armmp")).to.deep.equal({ name: "linux-arm", isNewest: false });
    expect(conventionNamed("linux-6.3", armv7, "6.1.0")).to.deep.equal({ name: "linux-arm-6.3", isNewest: false });
    const of = (asked: string): string => conventionNamed(asked, arm64).name;
    expect(["5.4", "5.18", "5.19", "6.1", "6.9", "6.10", "6.18", "7.0"].map((release) => of(`linux-${release}`))).to.deep.equal([
      "linux-arm64-4.0",
      "linux-arm64-4.0",
      "linux-arm64",
      "linux-arm64",
      "linux-arm64",
      "linux-arm64-6.10",
      "linux-arm64-6.10",
      "linux-arm64-6.10",
    ]);
    expect(of("linux-arm64")).to.equal("linux-arm64");
    expect(conventionNamed("linux", arm64, "what is this")).to.deep.equal({ name: "linux-arm64-6.10", isNewest: true });
    for (const [asked, machine, release] of [
      ["plan9", amd64],
      ["linux-6", amd64],
      ["linux", mips32],
      ["linux-2.6", amd64],
      ["linux", armv7, "3.16.0"],
    ] as const)
      expect(() => conventionNamed(asked, machine, release))
        .to.throw()
        .with.property("code", "ERR_BAD_ARGUMENT");
  });

  it("has conventions of one machine in the order of their releases", () => {
    const newest = new Map<string, number>();
    for (const { machines, since } of Object.values(CONVENTIONS)) {
      const [major, minor] = since.split(".").map(Number);
      for (const machine of machines) {
        expect(newest.get(machine) ?? 0).to.be.below(major * 1000 + minor);
        newest.set(machine, major * 1000 + minor);
      }
    }
  });

  it("leaves the accessed mark of arm64 in the list", async () => {
    const laid = new Laid(0x10000).put64(0x1000, 0, 0x2003n).put64(0x2000, 0, 0x3003n).put64(0x3000, 0, 0x4003n);
    laid.put64(0x4000, 1, 0x5743n).put64(0x4000, 2, 0x6343n);
    const { items } = await all(listMappings(laid.memory, arm64, { root: 0x1000 }, { merge: "leaves" }));
    expect(items.map(({ first, flags }) => [first, (flags & PAGE_ACCESSED) !== 0])).to.deep.equal([
      [0x1000n, true],
      [0x2000n, false],
    ]);
  });
});
