import { amd64 } from "@portolan/arch-amd64";
import { arm } from "@portolan/arch-arm";
import { ia32 } from "@portolan/arch-ia32";
import { riscv64, riscv64With } from "@portolan/arch-riscv64";
import { EXECUTE, KERNEL, PortolanError, Random, READ, USER, WRITE, type Architecture } from "@portolan/core";
import { expect } from "chai";
import {
  changeAsText,
  checkTables,
  CONVENTIONS,
  diffMappings,
  eachMapping,
  explainAccess,
  findingAsText,
  findRoots,
  headOf,
  lineOf,
  listMappings,
  readVirtual,
  renderAs,
  walkAddress,
  walkAsData,
  walkAsText,
  type FindingCode,
  type ForeignStyle,
} from "#src/index.js";
import { all, Laid, trees } from "./fixture.js";

const NX = 1n << 63n;

/** PML4 at 0x1000, then a table of each level at 0x2000, 0x3000 and 0x4000; 16 pages of memory. */
const amd64Tables = (): Laid =>
  new Laid(0x10000)
    .put64(0x1000, 0, 0x2007n)
    .put64(0x2000, 0, 0x3007n)
    .put64(0x3000, 0, 0x4007n)
    .put64(0x4000, 1, 0x5067n | NX);

const kept = async (laid: Laid): Promise<FindingCode[]> => {
  const { findings } = await checkTables(laid.memory, amd64, { root: 0x1000 }, { switches: { WP: true } });
  return findings.map(({ code }) => code);
};

const rendered = async (style: ForeignStyle, laid: Laid, architecture = amd64): Promise<string[]> => {
  let text = "";
  await renderAs(style, laid.memory, architecture, { root: 0x1000 }, (piece) => void (text += piece), { switches: { WP: true } });
  return text.split("\n").slice(0, -1);
};

describe("an explanation", () => {
  it("names the level, the bit and the switch that refuse a write", async () => {
    const laid = amd64Tables().put64(0x3000, 0, 0x4005n);
    const { says, refusals, faults } = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x1000n, {
      access: WRITE,
      privilege: KERNEL,
      switches: { WP: true },
    });
    expect(faults).to.equal(true);
    expect(refusals).to.have.length(1);
    expect(refusals[0]).to.include({ depth: 2, index: 0, entryAddress: 0x3000n });
    expect(refusals[0].culprits).to.deep.equal([
      { kind: "field", name: "R/W", is: 0, wouldBe: 1 },
      { kind: "switch", name: "WP", is: 1, wouldBe: 0 },
    ]);
    expect(says).to.match(/^kernel write at 0x1000: would fault \(protection\): entry 0 of the page directory/);
  });

  it("names every level that refuses", async () => {
    const laid = amd64Tables().put64(0x3000, 0, 0x4003n).put64(0x4000, 1, 0x5003n);
    const { refusals } = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x1000n);
    expect(refusals.map(({ depth, culprits }) => [depth, culprits[0].name])).to.deep.equal([
      [2, "U/S"],
      [3, "U/S"],
    ]);
  });

  it("names the bit that is missing, and those that must not be there", async () => {
    const laid = amd64Tables()
      .put64(0x4000, 2, 0x5006n)
      .put64(0x4000, 3, 0x5007n | (1n << 50n));
    const absent = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x2000n);
    expect(absent.refusals[0].culprits).to.deep.equal([{ kind: "field", name: "P", is: 0, wouldBe: 1 }]);
    const reserved = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x3000n);
    expect(reserved.refusals[0].culprits).to.deep.equal([{ kind: "field", name: "reserved 51:48", is: 4, wouldBe: 0 }]);
    const sound = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x1234n);
    expect(sound.says).to.equal("user read at 0x1234: would succeed, at physical 0x5234: every level lets the user read");
  });

  it("is shown with every field", async () => {
    const laid = amd64Tables();
    const walk = await walkAddress(laid.memory, amd64, { root: 0x1000 }, 0x1234n, { access: EXECUTE });
    const text = walkAsText(walk);
    expect(text).to.include(
      "level 3  page table entry 1 at 0x4008: 8000000000005067  maps physical address 0x5000, write-back  (Intel SDM vol 3A §4.5.4, table 4-20)",
    );
    expect(text).to.include("       63  XD = 0x1  must not be executed");
    expect(text).to.include("fault: protection");
    expect(JSON.stringify(walkAsData(walk))).to.include('"entryAddress":"0x4008"');
    const ruleOf = async (address: bigint, machine: Architecture = amd64): Promise<string> => {
      const { reasonName, rule } = await walkAddress(laid.memory, machine, { root: 0x1000 }, address);
      expect(reasonName).to.equal("bad-address");
      return rule.replace("the address is one that the machine cannot translate: ", "");
    };
    expect(await ruleOf(0x8000_0000_0000n)).to.equal("it is not canonical, since bits 63:48 are not all equal to bit 47");
    expect(await ruleOf(1n << 64n)).to.equal("addresses have 64 bits");
    expect(await ruleOf(-1n)).to.equal("addresses have 64 bits");
    expect(await ruleOf(1n << 32n, ia32)).to.equal("addresses have 32 bits");
    expect(await ruleOf(1n << 39n, riscv64)).to.equal("it is not canonical, since bits 63:39 are not all equal to bit 38");
    expect((await walkAddress(laid.memory, amd64, { root: 0x80_0000 }, 0n)).reasonName).to.equal("bus");
  });
});

describe("a list", () => {
  it("ANDs rights over all levels, merges what lies side by side, and filters", async () => {
    const laid = amd64Tables()
      .put64(0x4000, 2, 0x6067n | NX)
      .put64(0x4000, 3, 0x8067n | NX)
      .put64(0x3000, 1, 0x20_0081n)
      .put64(0x2000, 0, 0x3005n);
    const { items, end } = await all(listMappings(laid.memory, amd64, { root: 0x1000 }, { switches: { WP: true } }));
    expect(items.map(({ first, last, physical, rights, leaves }) => [first, last, physical, rights, leaves])).to.deep.equal([
      [0x1000n, 0x2fffn, 0x5000, 0o11, 2],
      [0x3000n, 0x3fffn, 0x8000, 0o11, 1],
      [0x20_0000n, 0x3f_ffffn, 0x20_0000, 0o05, 1],
    ]);
    expect(end).to.include({ end: "complete", listed: 4, bytes: 0x20_3000, userBytes: 0x3000, largeLeaves: 1, tables: 4 });
    const of = async (filter: object): Promise<number> =>
      (await eachMapping(laid.memory, amd64, { root: 0x1000 }, { leaf() {} }, { filter })).listed;
    expect([await of({ user: true }), await of({ kernel: true }), await of({ large: true }), await of({ executable: true })]).to.deep.equal(
      [3, 1, 1, 1],
    );
    expect(await of({ physical: { first: 0x6fff, last: 0x7fff } })).to.equal(1);
    const ranged = await all(
      listMappings(laid.memory, amd64, { root: 0x1000 }, { range: { first: 0x2000n, last: 0x2fffn }, merge: "leaves" }),
    );
    expect(ranged.items.map(({ first }) => first)).to.deep.equal([0x2000n]);
    expect(lineOf(items[0], "text")).to.equal(
      "0000000000001000-0000000000002fff     8 KiB  -> 000000005000  kernel r--  user r--  2 pages of 4 KiB\n",
    );
    for (const mapping of items) {
      const record = JSON.parse(lineOf(mapping, "json")) as Record<string, string | number | boolean | null>;
      expect(Object.keys(record).join()).to.equal(headOf("csv").trim());
      expect(lineOf(mapping, "csv").trim()).to.equal(
        Object.values(record)
          .map((value) => (value === null ? "" : String(value)))
          .join(),
      );
    }
  });

  it("says of neighbours that are joined only what is true of all of them", async () => {
    // The first two differ in what was used and written, the third is global, and what follows at 2 MiB is a larger page.
    const laid = amd64Tables()
      .put64(0x4000, 2, 0x6007n | NX)
      .put64(0x3000, 1, 0x20_00e7n | NX);
    for (let index = 3; index < 512; index += 1) laid.put64(0x4000, index, (BigInt(index + 4) << 12n) | 0x167n | NX);
    const told = async (merge: "leaves" | "ranges" | "rights"): Promise<unknown[]> => {
      const { items } = await all(listMappings(laid.memory, amd64, { root: 0x1000 }, { merge }));
      return items.map((mapping) => {
        const { leaves, global, cacheable, memoryType, accessed, dirty, pageBytes } = JSON.parse(lineOf(mapping, "json")) as Record<
          string,
          unknown
        >;
        expect(memoryType).to.equal("write-back");
        return [leaves, global, cacheable, accessed, dirty, pageBytes];
      });
    };
    expect((await told("leaves")).slice(0, 3)).to.deep.equal([
      [1, false, true, true, true, 4096],
      [1, false, true, false, false, 4096],
      [1, true, true, true, true, 4096],
    ]);
    expect(await told("ranges")).to.deep.equal([
      [2, false, true, null, null, 4096],
      [509, true, true, true, true, 4096],
      [1, false, true, true, true, 0x20_0000],
    ]);
    expect(await told("rights")).to.deep.equal([[512, null, true, null, null, null]]);
    const { items } = await all(listMappings(laid.memory, amd64, { root: 0x1000 }, { merge: "rights" }));
    expect(lineOf(items[0], "text")).to.match(/partly global, 512 pages of several sizes\n$/);
    expect(lineOf(items[0], "csv")).to.match(/,,true,write-back,,,,512,\n$/);
  });

  it("says nothing of marks that a machine's entries have no bit for", async () => {
    // One small page of the kernel's, with every attribute clear; AP[0] is the access flag where that is turned on.
    const laid = new Laid(0x10000).put32(0x4000, 0, 0x8001).put32(0x8000, 1, 0x9012);
    const marks = async (architecture: Architecture): Promise<unknown> => {
      const { items } = await all(listMappings(laid.memory, architecture, { root: 0x4000 }));
      const { accessed, dirty } = JSON.parse(lineOf(items[0], "json")) as Readonly<Record<string, unknown>>;
      return [items.length, accessed, dirty];
    };
    expect(await marks(arm({ format: "v7" }))).to.deep.equal([1, null, null]);
    expect(await marks(arm({ processor: "cortexa9", accessFlag: true }))).to.deep.equal([1, true, null]);
  });

  it("shows what an operating system keeps in entries that are not present, when it is told which system", async () => {
    const laid = amd64Tables();
    // PROT_NONE: the frame is inverted under the L1TF mitigation; swap: type 2, offset 0x123, inverted.
    laid.put64(0x4000, 5, (~0x7000n & 0xf_ffff_ffff_f000n) | 0x100n);
    laid.put64(0x4000, 6, (2n << 59n) | ((~0x123n & ((1n << 50n) - 1n)) << 9n));
    const plain = await all(listMappings(laid.memory, amd64, { root: 0x1000 }));
    expect(plain.items).to.have.length(1);
    const { items } = await all(listMappings(laid.memory, amd64, { root: 0x1000 }, { os: "linux-x86-64" }));
    expect(items.slice(1).map(({ first, software }) => [first, software])).to.deep.equal([
      [0x5000n, { kind: "no-access", physical: 0x7000 }],
      [0x6000n, { kind: "swap", type: 2, offset: 0x123n }],
    ]);
    const walk = await walkAddress(laid.memory, amd64, { root: 0x1000 }, 0x5000n, { os: "linux-x86-64" });
    expect(walk.rule).to.equal("entry 5 of the page table is absent: nobody may touch it, but the page is there: physical 0x7000");
    expect(lineOf(items[2], "text")).to.include("not in memory: swap type 2, offset 0x123");
    expect(CONVENTIONS["linux-x86-32"].tell(0x2407n, 12)).to.equal(null);
  });

  it("knows the words of Linux on other machines", () => {
    expect(CONVENTIONS["linux-x86-32"].tell(0x2406n, 12)).to.deep.equal({ kind: "swap", type: 3, offset: 0x12n });
    expect(CONVENTIONS["linux-x86-32"].tell(0x7100n, 12)).to.deep.equal({ kind: "no-access", physical: 0x7000 });
    expect(CONVENTIONS["linux-arm64"].tell((0x55n << 8n) | (3n << 3n), 12)).to.deep.equal({ kind: "swap", type: 3, offset: 0x55n });
    expect(CONVENTIONS["linux-arm64"].tell((1n << 58n) | 0x9000n, 12)).to.deep.equal({ kind: "no-access", physical: 0x9000 });
    expect(CONVENTIONS["linux-arm64-6.10"].tell((0x55n << 12n) | (3n << 6n), 12)).to.deep.equal({ kind: "swap", type: 3, offset: 0x55n });
    expect(CONVENTIONS["linux-riscv64"].tell((0x55n << 12n) | (3n << 7n), 12)).to.deep.equal({ kind: "swap", type: 3, offset: 0x55n });
    expect(CONVENTIONS["linux-riscv64"].tell((9n << 10n) | 0x22n, 12)).to.deep.equal({ kind: "no-access", physical: 0x9000 });
    for (const convention of Object.values(CONVENTIONS)) expect(convention.tell(0n, 12)).to.equal(null);
  });

  it("joins sixteen equal entries into one page of Svnapot, and takes them one by one where they differ", async () => {
    const architecture = riscv64With({ mode: "sv39", svnapot: true });
    const laid = new Laid(0x4_0000).put64(0x1000, 0, (2n << 10n) | 1n).put64(0x2000, 0, (3n << 10n) | 1n);
    const entry = NX | (0x28n << 10n) | 0xcfn;
    for (let index = 16; index < 32; index += 1) laid.put64(0x3000, index, entry);
    const whole = await all(listMappings(laid.memory, architecture, { root: 0x1000 }, { merge: "leaves" }));
    expect(whole.items.map(({ first, bytes, physical }) => [first, bytes, physical])).to.deep.equal([[0x1_0000n, 0x1_0000, 0x2_0000]]);
    laid.put64(0x3000, 20, 0n);
    const broken = await all(listMappings(laid.memory, architecture, { root: 0x1000 }, { merge: "leaves" }));
    expect(broken.items).to.have.length(15);
    expect([broken.items[4].first, broken.items[4].physical]).to.deep.equal([0x1_5000n, 0x2_5000]);
    const { places } = await checkTables(laid.memory, architecture, { root: 0x1000 });
    expect(places["broken-group"]).to.equal(15);
  });
});

describe("lists in other tools' words", () => {
  const laid = (): Laid => amd64Tables().put64(0x1000, 256, 0x2003n).put64(0x3000, 1, 0x20_01e3n);

  it("are QEMU's info tlb", async () => {
    expect(await rendered("info-tlb", laid())).to.deep.equal([
      "0000000000001000: 0000000000005000 X--DA--UW",
      "0000000000200000: 0000000000200000 -GPDA---W",
      "ffff800000001000: 0000000000005000 X--DA--UW",
      "ffff800000200000: 0000000000200000 -GPDA---W",
    ]);
  });

  it("are QEMU's info mem", async () => {
    expect(await rendered("info-mem", laid())).to.deep.equal([
      "0000000000001000-0000000000002000 0000000000001000 urw",
      "0000000000200000-0000000000400000 0000000000200000 -rw",
      "ffff800000001000-ffff800000002000 0000000000001000 -rw",
      "ffff800000200000-ffff800000400000 0000000000200000 -rw",
    ]);
  });

  it("are Linux's ptdump", async () => {
    expect((await rendered("ptdump", laid())).slice(0, 4)).to.deep.equal([
      "0x0000000000000000-0x0000000000001000           4K                               pte",
      "0x0000000000001000-0x0000000000002000           4K USR RW                     NX pte",
      "0x0000000000002000-0x0000000000200000        2040K                               pte",
      "0x0000000000200000-0x0000000000400000           2M     RW         PSE     GLB x  pmd",
    ]);
  });

  it("end where the addresses do, on 32 bits too", async () => {
    const two = new Laid(0x10000).put32(0x1000, 1023, 0x2003).put32(0x2000, 1023, 0x3063);
    expect(await rendered("info-mem", two, ia32)).to.deep.equal(["00000000fffff000-0000000100000000 0000000000001000 -rw"]);
    expect((await rendered("ptdump", two, ia32)).at(-1)).to.equal("0xfffff000-0x00000000           4K     RW                     x  pte");
  });

  it("are refused for a machine whose entries have other fields", async () => {
    const refused = await renderAs("info-tlb", amd64Tables().memory, riscv64, { root: 0x1000 }, () => {}).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(PortolanError).with.property("code", "ERR_BAD_ARGUMENT");
  });
});

describe("a comparison", () => {
  it("tells what appeared, vanished and changed, in the order of addresses", async () => {
    const before = amd64Tables().put64(0x4000, 3, 0x6067n).put64(0x4000, 4, 0x7067n).put64(0x3000, 1, 0x20_0087n);
    const after = amd64Tables()
      .put64(0x4000, 3, 0x6065n)
      .put64(0x4000, 5, 0x7067n)
      .put64(0x4000, 1, 0x8047n | NX);
    const side = ({ memory }: Laid): { memory: Laid["memory"]; roots: { root: number } } => ({ memory, roots: { root: 0x1000 } });
    const { items, end } = await all(diffMappings(side(before), side(after), amd64, { switches: { WP: true } }));
    expect(items.map(({ kind, first, last, what }) => [kind, first, last, what.join()])).to.deep.equal([
      ["changed", 0x1000n, 0x1fffn, "target"],
      ["changed", 0x3000n, 0x3fffn, "rights"],
      ["vanished", 0x4000n, 0x4fffn, ""],
      ["appeared", 0x5000n, 0x5fffn, ""],
      ["vanished", 0x20_0000n, 0x3f_ffffn, ""],
    ]);
    expect(end.changes).to.equal(5);
    expect(changeAsText(items[2])).to.equal("- 0x4000-0x4fff -> 0x7000 kernel rwx user rwx\n");
    expect((await all(diffMappings(side(before), side(before), amd64))).items).to.deep.equal([]);
  });
});

describe("a check", () => {
  it("finds nothing in tables that are in order", async () => {
    expect(await kept(amd64Tables())).to.deep.equal([]);
  });

  const cases: readonly (readonly [code: FindingCode, spoil: (laid: Laid) => void])[] = [
    ["writable-executable", (laid) => laid.put64(0x4000, 2, 0x6067n)],
    [
      "user-in-kernel-range",
      (laid) =>
        laid
          .put64(0x1000, 256, 0x6007n)
          .put64(0x6000, 0, 0x7007n)
          .put64(0x7000, 0, 0x8007n)
          .put64(0x8000, 0, 0x9005n | NX),
    ],
    ["table-user-writable", (laid) => laid.put64(0x4000, 2, 0x3067n | NX)],
    ["table-user-readable", (laid) => laid.put64(0x4000, 2, 0x3065n | NX)],
    ["alias-rights", (laid) => laid.put64(0x4000, 2, 0x5065n | NX)],
    ["alias-attributes", (laid) => laid.put64(0x4000, 2, 0x5077n | NX)],
    ["reserved", (laid) => laid.put64(0x4000, 2, 0x6065n | (1n << 50n))],
    ["table-outside", (laid) => laid.put64(0x3000, 1, 0x80_0003n)],
    ["page-outside", (laid) => laid.put64(0x4000, 2, 0xfed0_0065n | NX)],
    ["cycle", (laid) => laid.put64(0x1000, 511, 0x1003n)],
    ["table-shared", (laid) => laid.put64(0x3000, 1, 0x4007n)],
  ];
  for (const [code, spoil] of cases)
    it(`finds ${code}`, async () => {
      const laid = amd64Tables();
      spoil(laid);
      expect(await kept(laid)).to.include(code);
    });

  it("finds large pages that begin at no multiple of their size", async () => {
    const x86 = amd64Tables().put64(0x3000, 1, 0x20_20e7n | NX);
    expect(await kept(x86)).to.deep.equal(["misaligned"]);
    const riscv = new Laid(0x4000).put64(0x1000, 0, (1n << 10n) | 0xcfn);
    const { findings } = await checkTables(riscv.memory, riscv64, { root: 0x1000 });
    expect(findings.map(({ code }) => code)).to.deep.equal(["misaligned"]);
  });

  it("finds entries for what a window names", async () => {
    const first = 0xffff_8000_0000_0000n;
    const windows = [{ name: "window", first, last: first + 0x1fffffn, physical: 0n, cacheable: true, privilege: KERNEL }] as const;
    const architecture = { ...amd64, layout: { ...amd64.layout, windows } };
    const laid = new Laid(0x10000)
      .put64(0x1000, 256, 0x2003n)
      .put64(0x2000, 0, 0x3003n)
      .put64(0x3000, 0, 0x4003n)
      .put64(0x4000, 1, 0x5063n | NX);
    const { findings } = await checkTables(laid.memory, architecture, { root: 0x1000 });
    expect(findings.map(({ code, first: at }) => [code, at])).to.deep.equal([["unreachable", first + 0x1000n]]);
    const walk = await walkAddress(laid.memory, architecture, { root: 0x1000 }, first + 0x1234n, { privilege: KERNEL });
    expect(walk.physical).to.equal(0x1234n);
  });

  it("finds a form that the manual forbids", async () => {
    const laid = new Laid(0x4000).put64(0x1000, 0, 0x5n);
    const { findings } = await checkTables(laid.memory, riscv64, { root: 0x1000 });
    expect(findings.map(({ code }) => code)).to.deep.equal(["malformed"]);
    expect(findingAsText(findings[0])).to.equal("broken malformed 0x0-0x3fffffff: the entry has a form that the manual forbids\n");
  });
});

describe("hostile tables", () => {
  it("that are all self-map end at a budget, and say so", async () => {
    const laid = new Laid(0x2000);
    for (let index = 0; index < 512; index += 1) laid.put64(0x1000, index, 0x1067n);
    const listed = await eachMapping(laid.memory, amd64, { root: 0x1000 }, { leaf() {} }, { budget: { leaves: 5000 } });
    expect(listed).to.include({ end: "leaves", leaves: 5000, listed: 5000 });
    expect(listed.cycles).to.be.greaterThan(10);
    const few = await eachMapping(laid.memory, amd64, { root: 0x1000 }, { leaf() {} }, { budget: { tables: 100 } });
    expect(few).to.include({ end: "tables", tables: 100, repeated: 96 });
    const checked = await checkTables(laid.memory, amd64, { root: 0x1000 });
    expect(checked.totals.end).to.equal("complete");
    expect(checked.counts.cycle).to.equal(1);
    expect(checked.places.cycle).to.equal(512);
  });

  for (const architecture of trees)
    it(`of ${architecture.name} give answers, or errors with a code, within bounds`, async () => {
      const random = new Random(99);
      for (let round = 0; round < 12; round += 1) {
        const laid = new Laid(0x2_0000);
        const isWild = round % 3 === 0;
        for (let at = 0; at < laid.bytes.length; at += 4) {
          if (!isWild && random.below(8) > 0) continue;
          // Pointers into this memory more often than not.
          laid.view.setUint32(
            at,
            isWild ? random.below(2 ** 32) : ((random.below(32) << 12) | random.below(4096)) >>> 0,
            random.below(2) === 0,
          );
        }
        const roots = { root: random.below(4) * 0x4000 };
        const budget = { tables: 300, leaves: 20_000 };
        await eachMapping(laid.memory, architecture, roots, { leaf() {} }, { budget });
        await checkTables(laid.memory, architecture, roots, { budget });
        await findRoots(laid.memory, architecture);
        let seen = 0;
        for await (const mapping of diffMappings(
          { memory: laid.memory, roots },
          { memory: laid.memory, roots: { root: 0 } },
          architecture,
          { budget },
        )) {
          expect(mapping.last >= mapping.first).to.equal(true);
          if ((seen += 1) > 2000) break;
        }
        for (let tries = 0; tries < 20; tries += 1) {
          const address = BigInt(random.below(2 ** 32));
          const walk = await walkAddress(laid.memory, architecture, roots, address, { access: READ, privilege: USER });
          expect(walk.steps.length).to.be.at.most(5);
          await explainAccess(laid.memory, architecture, roots, address, { access: WRITE });
          await readVirtual(laid.memory, architecture, roots, address, 5000);
        }
      }
    }).timeout(120_000);

  for (const architecture of trees)
    it(`of ${architecture.name} are listed as they are walked, leaf by leaf`, async () => {
      const random = new Random(7);
      const { translation, byteOrder } = architecture;
      const isSplit = translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined;
      const roots = { root: 0, ...(isSplit ? { kernelRoot: 0x4000 } : {}) };
      for (let round = 0; round < 6; round += 1) {
        const laid = new Laid(0x2_0000);
        const isLittle = byteOrder === "little";
        for (let at = 0; at < laid.bytes.length; at += 8) {
          if (random.below(6) > 0) continue;
          const word = ((random.below(32) << 12) | random.below(4096)) >>> 0;
          // The half that holds the low bits, of words of either size.
          laid.view.setUint32(at + (isLittle ? 0 : 4), word, isLittle);
        }
        const { items } = await all(listMappings(laid.memory, architecture, roots, { merge: "leaves", budget: { leaves: 4000 } }));
        for (let tries = 0; tries < 40 && items.length > 0; tries += 1) {
          const { first, physical, rights } = items[random.below(items.length)];
          const walk = await walkAddress(laid.memory, architecture, roots, first, { privilege: KERNEL });
          const last = walk.steps.at(-1);
          // A window is no table's matter, and a quarter of a page has rights of its own.
          if (last === undefined || last.format?.partRights !== undefined) continue;
          const shown = Number(/^maps physical address 0x(.*)$/.exec(last.says)?.[1].replace(/^/, "0x") ?? -1);
          expect(walk.physical === null || Number(walk.physical) === physical).to.equal(true);
          expect(physical ?? 0).to.be.at.least(shown);
          expect(walk.kernelRights | (walk.userRights << 3), first.toString(16)).to.equal(rights);
        }
      }
    });

  it("and callers who ask for what cannot be are told apart", async () => {
    const laid = amd64Tables();
    const code = async (work: () => Promise<unknown>): Promise<unknown> =>
      work().then(
        () => null,
        (error: unknown) => (error instanceof PortolanError ? error.code : error),
      );
    expect(await code(() => walkAddress(laid.memory, amd64, {}, 0n))).to.equal("ERR_BAD_ARGUMENT");
    expect(await code(() => walkAddress(laid.memory, amd64, { root: 3 }, 0n))).to.equal("ERR_BAD_ARGUMENT");
    expect(await code(() => walkAddress(laid.memory, amd64, { root: 0x1000, kernelRoot: 0x2000 }, 0n))).to.equal("ERR_BAD_ARGUMENT");
    expect(await code(() => walkAddress(laid.memory, amd64, { root: 0x1000 }, 0n, { switches: { XYZ: true } }))).to.equal(
      "ERR_BAD_ARGUMENT",
    );
    expect(await code(() => walkAddress(laid.memory, amd64, { root: 0x1000 }, 0n, { os: "linux-x86-32" }))).to.equal("ERR_BAD_ARGUMENT");
    const range = { first: 0x8000_0000_0000n, last: 0x9000_0000_0000n };
    expect(await code(() => eachMapping(laid.memory, amd64, { root: 0x1000 }, { leaf() {} }, { range }))).to.equal("ERR_BAD_ADDRESS");
    expect(await code(() => eachMapping(laid.memory, amd64, { root: 0x1000 }, { leaf() {} }, { budget: { tables: 0 } }))).to.equal(
      "ERR_BAD_ARGUMENT",
    );
  });
});
