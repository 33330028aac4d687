/** What a check makes of pages that are mapped more than once, of runs of the same, and of what the machine cannot say. */
import { amd64 } from "@portolan/arch-amd64";
import { arm } from "@portolan/arch-arm";
import { arm64 } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { riscv64With } from "@portolan/arch-riscv64";
import { PortolanError, type Architecture } from "@portolan/core";
import { expect } from "chai";
import { checkTables, findingAsText, FINDINGS, isAsSevere, SEVERITIES, treeOf, type CheckOptions, type CheckReport } from "#src/index.js";
import { Gathering } from "#src/check/gathering.js";
import { Laid } from "./fixture.js";

const NX = 1n << 63n;
const PAGES = 64;
const USER = 4n;
const WRITABLE = 2n;
/** The kernel's half begins at this entry of the root; its page table lies at 0x8000, the user's at 0x4000. */
const KERNEL = 0xffff_8000_0000_0000n;

/** 64 pages of memory; page `i` of it is mapped by the kernel at `KERNEL + i`, and by nobody else. */
const withLinearMap = (): Laid => {
  const laid = new Laid(PAGES * 0x1000)
    .put64(0x1000, 0, 0x2007n)
    .put64(0x2000, 0, 0x3007n)
    .put64(0x3000, 0, 0x4007n)
    .put64(0x1000, 256, 0x6003n)
    .put64(0x6000, 0, 0x7003n)
    .put64(0x7000, 0, 0x8003n)
    .put64(0x7000, 1, 0x9003n);
  for (let page = 0; page < PAGES; page += 1) laid.put64(0x8000, page, BigInt(page * 0x1000) | NX | 3n);
  return laid;
};

const check = (laid: Laid, options: CheckOptions = {}, architecture: Architecture = amd64): Promise<CheckReport> =>
  checkTables(
    laid.memory,
    architecture,
    { root: 0x1000 },
    { ...options, switches: { ...options.switches, ...(architecture === amd64 ? { WP: true } : {}) } },
  );

const lines = ({ findings }: CheckReport): readonly string[] => findings.map(findingAsText);

describe("aliases", () => {
  it("of a map of all memory are one line, and listed if that is asked for", async () => {
    const laid = withLinearMap();
    for (let page = 0; page < 10; page += 1) laid.put64(0x4000, page, BigInt((20 + page) * 0x1000) | NX | 5n);
    for (let page = 20; page < 25; page += 1) laid.put64(0x4000, page, BigInt((60 - page) * 0x1000) | NX | 7n);
    const told = await check(laid);
    expect(lines(told)).to.deep.equal([
      "info linear-map 0xffff800000000000-0xffff80000003ffff: the kernel's map of physical memory, page beside page: 256 KiB, where the image has 256 KiB; mapped elsewhere too, with other rights (15 pages)\n",
    ]);
    expect([told.counts, told.places]).to.deep.equal([{ "linear-map": 1 }, { "linear-map": 15 }]);
    const each = await check(laid, { linear: true });
    expect(each.findings.map(({ code, first, last, places, other }) => [code, first, last, places, other])).to.deep.equal([
      ["linear-map", KERNEL, KERNEL + 0x3ffffn, 15, undefined],
      ["alias-linear", 0n, 0x9fffn, 10, KERNEL + 0x1_4000n],
      ["alias-linear", 0x1_4000n, 0x1_8fffn, 5, KERNEL + 0x2_8000n],
    ]);
  });

  it("between two runs of pages are one finding, however they lie in physical memory", async () => {
    const laid = withLinearMap();
    for (let page = 0; page < 12; page += 1) {
      const physical = BigInt((16 + ((page * 5) % 12)) * 0x1000);
      laid.put64(0x4000, page, physical | NX | USER | 1n);
      laid.put64(0x4000, 100 + ((page * 7) % 12), physical | NX | USER | WRITABLE | 1n);
    }
    const { findings } = await check(laid);
    expect(findings.map(({ code, places }) => [code, places])).to.deep.equal([
      ["alias-rights", 12],
      ["linear-map", 24],
    ]);
    expect([findings[0].first, findings[0].last]).to.be.deep.oneOf([
      [0n, 0xbfffn],
      [0x6_4000n, 0x6_ffffn],
    ]);
  });

  it("of a process's pages with one run of the kernel's are one finding for each set of rights", async () => {
    const laid = withLinearMap();
    for (let page = 0; page < PAGES; page += 1) laid.put64(0x8000, page, 0n);
    for (let page = 0; page < 12; page += 1) laid.put64(0x9000, page, BigInt((16 + ((page * 5) % 12)) * 0x1000) | NX | 3n);
    for (const [at, page, bits] of [
      [0, 16, 5n],
      [40, 18, 5n],
      [90, 19, 5n],
      [7, 21, 7n],
      [70, 22, 7n],
    ] as const)
      laid.put64(0x4000, at, BigInt(page * 0x1000) | NX | bits);
    const { findings } = await check(laid);
    expect(findings.map(({ code, first, last, places }) => [code, first, last, places])).to.deep.equal([
      ["alias-rights", 0n, 0x5_afffn, 3],
      ["alias-rights", 0x7000n, 0x4_6fffn, 2],
    ]);
  });

  it("that let what is executed be written are a danger: the kernel's code through whatever, the user's through the user's", async () => {
    const laid = withLinearMap();
    // Code of the kernel in pages that its map of memory may write, and the user's, which the same map may write too.
    laid.put64(0x9000, 0, 0x2_0001n).put64(0x9000, 1, 0x2_1001n).put64(0x4000, 0, 0x2_5005n);
    const { findings } = await check(laid);
    expect(findings.map(({ code, first, places, other }) => [code, first, places, other])).to.deep.equal([
      ["alias-writable-executable", KERNEL + 0x20_0000n, 2, KERNEL + 0x2_0000n],
      ["linear-map", KERNEL, 1, undefined],
    ]);
    laid.put64(0x4000, 9, 0x2_5007n | NX);
    const more = await check(laid);
    expect(more.findings.filter(({ severity }) => severity === "danger").map(({ first, other }) => [first, other])).to.deep.equal([
      [0n, 0x9000n],
      [KERNEL + 0x20_0000n, KERNEL + 0x2_0000n],
    ]);
  });

  it("are held against a naive comparison of all pages", async () => {
    const laid = withLinearMap();
    for (let page = 0; page < 200; page += 1)
      laid.put64(0x4000, page, BigInt(((page * 37) % 40) * 0x1000 + 0x1_0000) | NX | USER | (page % 3 === 0 ? 3n : 1n));
    const { places } = await check(laid);
    // Each page of memory that is mapped with both sets of rights: the sweep pairs every page with one of each other kind.
    const kinds = new Map<number, Set<number>>();
    for (let page = 0; page < 200; page += 1)
      kinds.set((page * 37) % 40, (kinds.get((page * 37) % 40) ?? new Set()).add(page % 3 === 0 ? 1 : 0));
    const both = [...kinds.values()].filter(({ size }) => size === 2).length;
    expect(places["alias-rights"]).to.be.at.least(both);
    expect(places["linear-map"]).to.be.at.least(kinds.size);
  });
});

describe("types of memory", () => {
  it("on x86 are PAT, PCD and PWT together: write-back is not uncached, and what PAT alone knows is not claimed", async () => {
    const laid = (bits: bigint): Laid => withLinearMap().put64(0x4000, 0, 0x2_0000n | NX | USER | 1n | bits);
    const codes = async (bits: bigint, options: CheckOptions = {}): Promise<string[]> =>
      (await check(laid(bits), options)).findings.map(({ code }) => code).filter((code) => code !== "linear-map");
    const [PWT, PCD, PAT] = [1n << 3n, 1n << 4n, 1n << 7n];
    expect(await codes(0n)).to.deep.equal([]);
    expect(await codes(PAT)).to.deep.equal([]);
    expect(await codes(PCD)).to.deep.equal(["alias-attributes"]);
    expect(await codes(PCD | PWT)).to.deep.equal(["alias-attributes"]);
    expect(await codes(PWT)).to.deep.equal(["alias-types-unknown"]);
    expect(await codes(PWT, { registers: { IA32_PAT: 0x0407_0506_0007_0106n } })).to.deep.equal(["alias-attributes"]);
    expect(await codes(PAT, { registers: { IA32_PAT: 0x0007_0401_0007_0406n } })).to.deep.equal(["alias-attributes"]);
    const { findings } = await check(laid(PCD));
    expect(findings[0].says).to.match(/here uncached, at 0xffff800000020000 write-back, in the linear map$/);
  });

  it("on 64-bit ARM are numbers that MAIR_EL1 gives a meaning", async () => {
    const page = (physical: number, index: bigint): bigint =>
      BigInt(physical) | (1n << 53n) | (1n << 54n) | (1n << 10n) | (index << 2n) | 3n;
    const laid = new Laid(0x10000).put64(0x1000, 0, 0x2003n).put64(0x2000, 0, 0x3003n).put64(0x3000, 0, 0x4003n);
    laid
      .put64(0x4000, 1, page(0x8000, 0n))
      .put64(0x4000, 2, page(0x8000, 1n))
      .put64(0x4000, 4, page(0x9000, 2n))
      .put64(0x4000, 5, page(0x9000, 1n));
    const codes = async (registers: Readonly<Record<string, bigint>>): Promise<unknown> => (await check(laid, { registers }, arm64)).places;
    expect(await codes({})).to.deep.equal({ "alias-types-unknown": 2 });
    expect(await codes({ MAIR_EL1: 0x44f0ffn })).to.deep.equal({ "alias-attributes": 1 });
    expect(await codes({ MAIR_EL1: 0xffff_ffffn })).to.deep.equal({});
  });

  it("on 32-bit ARM are told by TEX, C and B, or remapped where PRRR and NMRR are given", async () => {
    const armv7 = arm({ format: "v7" });
    // Small pages, kernel read and write, never executed.
    const page = (physical: number, tcb: number): number => physical | 0x13 | ((tcb >>> 2) << 6) | ((tcb & 3) << 2);
    const laid = (one: number, other: number): Laid =>
      new Laid(0x10000).put32(0x4000, 0, 0x8001).put32(0x8000, 1, page(0x9000, one)).put32(0x8000, 2, page(0x9000, other));
    const codes = async (one: number, other: number, registers = {}): Promise<unknown> =>
      (await checkTables(laid(one, other).memory, armv7, { root: 0x4000 }, { registers })).places;
    const linux = { PRRR: 0xff0a_81a8n, NMRR: 0x40e0_40e0n };
    expect(await codes(7, 3)).to.deep.equal({});
    expect(await codes(7, 0)).to.deep.equal({ "alias-attributes": 1 });
    expect(await codes(7, 1)).to.deep.equal({ "alias-types-unknown": 1 });
    expect(await codes(7, 1, linux)).to.deep.equal({ "alias-attributes": 1 });
    expect(await codes(7, 3, linux)).to.deep.equal({});
  });

  it("on RISC-V are Svpbmt's", async () => {
    const architecture = riscv64With({ mode: "sv39", svpbmt: true });
    const laid = new Laid(0x10000).put64(0x1000, 0, (2n << 10n) | 1n).put64(0x2000, 0, (3n << 10n) | 1n);
    laid.put64(0x3000, 1, (8n << 10n) | 0xc7n).put64(0x3000, 2, (8n << 10n) | 0xc7n | (1n << 61n));
    expect((await check(laid, {}, architecture)).places).to.deep.equal({ "alias-attributes": 1 });
  });
});

describe("what is joined", () => {
  it("are neighbours with the same fault, ways to one table, and tables that lead back", async () => {
    const laid = withLinearMap();
    for (let index = 8; index < 20; index += 1) laid.put64(0x4000, index, (1n << 50n) | 5n);
    for (let index = 100; index < 200; index += 1) laid.put64(0x6000, index, 0x7003n);
    for (let index = 300; index < 310; index += 1) laid.put64(0x1000, index, 0x1003n);
    const { findings } = await check(laid);
    expect(findings.map(({ code, places }) => [code, places])).to.deep.equal([
      ["cycle", 10],
      ["reserved", 12],
      ["table-shared", 100],
    ]);
  });

  it("is told the worst first, and no more than was asked for", async () => {
    const laid = withLinearMap();
    for (let index = 0; index < 40; index += 2) laid.put64(0x4000, index, 0x2_0007n);
    const { findings, counts } = await check(laid, { limit: 3 });
    expect(findings.filter(({ code }) => code === "writable-executable")).to.have.length(3);
    expect(counts["writable-executable"]).to.equal(20);
    const ranks = findings.map(({ severity }) => SEVERITIES.indexOf(severity));
    expect(ranks).to.deep.equal([...ranks].sort((one, other) => one - other));
    expect([isAsSevere("danger", "broken"), isAsSevere("note", "note"), isAsSevere("info", "note")]).to.deep.equal([true, true, false]);
  });
});

describe("more causes than can be told apart", () => {
  it("are counted, and the first of them are told all the same", () => {
    const gathering = new Gathering(treeOf(amd64), 3);
    const causes = 20_000;
    for (let cause = 0; cause < causes; cause += 1)
      gathering.cause("alias-linear", cause, cause * 2, 1, 1, () => ({ physical: cause, depth: 3, more: "" }));
    gathering.cause("alias-linear", 1, 0, 1, 1, () => ({ physical: 7, depth: 3, more: ": earlier" }));
    const { findings, counts, places } = gathering.finish();
    expect([counts, places]).to.deep.equal([{ "alias-linear": causes }, { "alias-linear": causes + 1 }]);
    expect(findings.map(({ physical, places: some, first }) => [physical, some, first])).to.deep.equal([
      [0, 1, 0n],
      [7, 2, 0n],
      [2, 1, 0x4000n],
    ]);
  });
});

describe("what a machine cannot say", () => {
  const small = (entries: number): Laid => {
    const laid = new Laid(0x1_0000).put32(0x1000, 0, 0x2007).put32(0x1000, 512, 0x3007);
    for (let index = 0; index < entries; index += 1) laid.put32(0x2000, index, ((4 + index) << 12) | 7);
    return laid;
  };

  it("is no danger of every page: without a bit that forbids execution one line tells how many", async () => {
    const { findings } = await check(small(5), {}, ia32);
    expect(findings.map(({ code, severity, places }) => [code, severity, places])).to.deep.equal([["never-no-execute", "note", 5]]);
    const off = await check(withLinearMap().put64(0x4000, 0, 0x2_0007n), { switches: { NXE: false } });
    expect(off.places["never-no-execute"]).to.equal(1);
    expect(off.places["writable-executable"]).to.equal(undefined);
  });

  it("is where the kernel's addresses begin on 32-bit machines: whoever asks says it", async () => {
    const laid = small(2).put32(0x3000, 0, 0x9005);
    expect((await check(laid, {}, ia32)).counts["user-in-kernel-range"]).to.equal(undefined);
    expect((await check(laid, { kernelFrom: 0x8000_0000n }, ia32)).counts["user-in-kernel-range"]).to.equal(1);
    expect((await check(laid, { kernelFrom: 0x8000_1000n }, ia32)).counts["user-in-kernel-range"]).to.equal(undefined);
    const refused = await check(laid, { kernelFrom: 1n << 40n }, ia32).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(PortolanError).with.property("code", "ERR_BAD_ADDRESS");
  });
});

describe("tables that the user may touch", () => {
  it("are found in time that grows with pages and tables, not with both multiplied", async () => {
    // Every large page of the user's maps all memory, and all memory is tables.
    const laid = new Laid(0x20_0000);
    const tables = 400;
    for (let table = 0; table < tables; table += 1) laid.put64(0x1000, table, BigInt((2 + table) * 0x1000) | 7n);
    for (let table = 0; table < tables; table += 1)
      for (let index = 0; index < 512; index += 1) laid.put64((2 + table) * 0x1000, index, 0x87n | NX);
    const { counts, totals, findings } = await check(laid);
    expect(totals.leaves).to.equal(tables * 512);
    expect(counts["table-user-writable"]).to.equal(tables + 1);
    expect(findings.find(({ code }) => code === "table-user-writable")?.says).to.match(/^the user may write to a table: /);
  });

  it("are each told by what is worse, and codes have words", async () => {
    const laid = withLinearMap()
      .put64(0x4000, 0, 0x4005n | NX)
      .put64(0x4000, 1, 0x8005n | NX)
      .put64(0x4000, 2, 0x8007n | NX);
    const { findings } = await check(laid);
    expect(
      findings
        .filter(({ code }) => code.startsWith("table-user"))
        .map(({ code, physical, depth, first }) => [code, physical, depth, first]),
    ).to.deep.equal([
      ["table-user-writable", 0x8000, 3, 0x2000n],
      ["table-user-readable", 0x4000, 3, 0n],
    ]);
    for (const { severity } of Object.values(FINDINGS)) expect(SEVERITIES).to.include(severity);
  });
});
