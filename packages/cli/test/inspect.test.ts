import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { ia32 } from "@portolan/arch-ia32";
import { amd64 } from "@portolan/arch-amd64";
import { cli } from "#src/cli.js";
import { switchesIn } from "@portolan/inspect";
import { dumpFormatOf } from "#src/dump.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const IMAGE = "examples/images/sort.amd64.core";
const EARLY = "examples/images/sort-early.amd64.core";
const TRACE = "examples/traces/sort.amd64.trace.gz";
const RUN = "run --arch amd64 --memory 96K --set WP=on --set PGE=on";

interface Typed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const typed = async (line: string): Promise<Typed> => {
  let out = "";
  let err = "";
  const before = process.cwd();
  process.chdir(root);
  try {
    const words = line.split(" ").filter((word) => word !== "");
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false };
    return { status: await cli(words, { ...io, now: () => 0 }), out, err };
  } finally {
    process.chdir(before);
  }
};

/** What is printed where nothing is to complain of. */
const printed = async (line: string): Promise<string> => {
  const { status, out, err } = await typed(line);
  expect({ status, err }, line).to.deep.equal({ status: 0, err: "" });
  return out;
};

let folder = "";
const put = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** Tables of RISC-V at 0x1000, 0x2000 and 0x3000, with sixteen pages behind them. */
const riscvDump = (): string => {
  const view = new DataView(new ArrayBuffer(0x14000));
  view.setUint32(0x1000, (2 << 10) | 1, true);
  view.setUint32(0x2000, (3 << 10) | 1, true);
  for (let page = 0; page < 16; page += 1) view.setUint32(0x3000 + page * 8, ((page + 4) << 10) | 0xdf, true);
  return put("riscv.raw", new Uint8Array(view.buffer));
};

/** Tables of 32-bit x86 at 0x1000 and 0x2000: user pages at 0x400000 (read-only), 0x401000 (writable), the kernel's at 0x402000. */
const smallTables = (): Uint8Array => {
  const bytes = new Uint8Array(0x6000);
  const words = new Uint32Array(bytes.buffer);
  words[0x1000 / 4 + 1] = 0x2007;
  words[0x2000 / 4] = 0x3005;
  words[0x2000 / 4 + 1] = 0x4007;
  words[0x2000 / 4 + 2] = 0x5003;
  bytes.set(new TextEncoder().encode("Hello, tables!"), 0x4010);
  return bytes;
};

describe("the command inspect", () => {
  before(() => (folder = mkdtempSync(join(tmpdir(), "portolan-test-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("shows examples that work in every sub-command's help", async () => {
    for (const command of ["", "walk", "explain", "list", "diff", "check", "roots", "read"]) {
      const examples = (await printed(`inspect ${command} --help`))
        .split("\n")
        .filter((line) => line.startsWith("  portolan "))
        .map((line) => line.trim().slice("portolan ".length));
      expect(examples.length, command).to.be.greaterThan(0);
      for (const example of examples) expect(await printed(example), example).to.not.equal("");
    }
  });

  it("walk: shows every level, whoever may read the page, and where the way ends", async () => {
    const out = await printed(`inspect walk --arch amd64 ${IMAGE} 0x402010`);
    expect(out.split("\n")[0]).to.equal("amd64; CR3 0x1000, from the image's note; WP on, PGE on, NXE on, SMEP off, SMAP off, AC off");
    expect(out.match(/^level \d/gm)).to.deep.equal(["level 0", "level 1", "level 2", "level 3"]);
    expect(out).to.match(/^physical 0x12010; kernel r-- user r--$/m);
    expect(await printed(`inspect walk --arch amd64 ${IMAGE} 0x500000`)).to.match(/^fault: absent$/m);
    const walk = JSON.parse(await printed(`inspect walk --json --arch amd64 ${IMAGE} 0x402010`)) as Record<string, unknown>;
    expect(walk).to.deep.include({ machine: "amd64", physical: "0x12010", userRights: "r--", kernelRights: "r--" });
    expect(walk["steps"]).to.have.length(4);
  });

  it("explain: names the entry and the bit that refuse, and says what would help", async () => {
    const out = await printed(`inspect explain --arch amd64 --access write ${IMAGE} 0x402010`);
    expect(out)
      .to.contain("user write at 0x402010: would fault (protection)")
      .and.to.contain("page table entry 2 at 0x8010: R/W is 0; 1 would let it through");
    const fetch = await printed(`inspect explain --arch amd64 --access fetch ${IMAGE} 0x1fff000600`);
    expect(fetch).to.contain("XD is 1; 0 would let it through").and.to.contain("would let it through with NXE off");
    const json = JSON.parse(await printed(`inspect explain --json --arch amd64 --access write ${IMAGE} 0x402010`)) as object;
    expect(json).to.deep.include({ machine: "amd64", faults: true });
    expect(json).to.have.nested.property("walk.access", "write");
    expect(json).to.have.nested.property("refusals[0].entryAddress", "0x8010");
  });

  it("explain: switches come from the image's note, and from whoever knows better", async () => {
    const kernels = `inspect explain --arch amd64 --access write --privilege kernel`;
    expect(await printed(`${kernels} ${IMAGE} 0x402010`)).to.contain("would fault (protection)");
    expect(await printed(`${kernels} --switch WP=off ${IMAGE} 0x402010`)).to.contain("would succeed, at physical 0x12010");
    expect(switchesIn(amd64, { CR0: 1n << 16n, CR4: (1n << 20n) | (1n << 21n), RFLAGS: 1n << 18n, EFER: 0n })).to.include({
      WP: true,
      PGE: false,
      SMEP: true,
      SMAP: true,
      AC: true,
      NXE: false,
    });
    expect(switchesIn(ia32, { CR4: 1n << 7n })).to.deep.equal({ PGE: true, PSE: false });
    expect(switchesIn(ia32, {})).to.deep.equal({});
  });

  it("list: the same pages in every form, with totals that add up", async () => {
    const text = await printed(`inspect list --arch amd64 ${IMAGE}`);
    expect(text).to.contain("0000000000402000-0000000000402fff     4 KiB  -> 000000012000  kernel r--  user r--");
    expect(text).to.contain("9 pages in 7 lines, 36 KiB: user's 36 KiB, writable 28 KiB, executable 4 KiB\n6 tables read");
    const lines = (await printed(`inspect list --arch amd64 --format json --merge leaves ${IMAGE}`))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { first?: string; totals?: { listed: number; lines: number } });
    expect(lines.slice(0, -1).map(({ first }) => first)).to.deep.equal([
      "0x401000",
      "0x402000",
      "0x403000",
      "0x404000",
      "0x405000",
      "0x406000",
      "0x407000",
      "0x408000",
      "0x1fff000000",
    ]);
    expect(lines.at(-1)?.totals).to.deep.include({ listed: 9, lines: 9 });
    const csv = (await printed(`inspect list --arch amd64 --format csv ${IMAGE}`)).trim().split("\n");
    expect([csv.length, csv[0]?.startsWith("first,last,bytes,physical")]).to.deep.equal([8, true]);
    const foreign = async (style: string): Promise<string[]> =>
      (await printed(`inspect list --arch amd64 --format ${style} ${IMAGE}`)).trim().split("\n");
    expect(await foreign("info-mem")).to.deep.equal([
      "0000000000401000-0000000000403000 0000000000002000 ur-",
      "0000000000403000-0000000000409000 0000000000006000 urw",
      "0000001fff000000-0000001fff001000 0000000000001000 urw",
    ]);
    expect((await foreign("info-tlb"))[1]).to.equal("0000000000402000: 0000000000012000 X---A--U-");
    expect(await foreign("ptdump")).to.include("0x0000000000403000-0x0000000000409000          24K USR RW                     NX pte");
  });

  it("list: filters hold together, and a limit keeps the totals whole", async () => {
    const firsts = async (filters: string): Promise<string[]> =>
      Array.from(
        (await printed(`inspect list --arch amd64 --merge rights --no-totals ${filters} ${IMAGE}`)).matchAll(/^0+([0-9a-f]+)-/gm),
        ([, first = ""]) => first,
      );
    expect(await firsts("")).to.deep.equal(["401000", "402000", "403000", "1fff000000"]);
    expect(await firsts("--writable")).to.deep.equal(["403000", "1fff000000"]);
    expect(await firsts("--executable --user")).to.deep.equal(["401000"]);
    expect(await firsts("--kernel")).to.deep.equal([]);
    expect(await firsts("--large")).to.deep.equal([]);
    expect(await firsts("--physical 0x12000-0x12fff")).to.deep.equal(["402000"]);
    expect(await firsts("--range 0x402000-0x403fff")).to.deep.equal(["402000", "403000"]);
    expect(await printed(`inspect list --arch amd64 --json ${IMAGE}`)).to.equal(
      await printed(`inspect list --arch amd64 --format json ${IMAGE}`),
    );
    const zero = put("zero.raw", new Uint8Array(0x4000));
    expect(await printed(`inspect list --arch amd64 --root 0x1000 ${zero}`)).to.contain("\n1 table read");
    const limited = await printed(`inspect list --arch amd64 --limit 2 ${IMAGE}`);
    expect(limited).to.contain("(5 more lines)").and.to.contain("9 pages in 7 lines");
    expect((await printed(`inspect list --arch amd64 --limit 2 --format info-tlb ${IMAGE}`)).trim().split("\n")).to.have.length(2);
  });

  it("list: ends at its limit where nobody wants totals, though the tables lead to themselves without end", async () => {
    const bytes = new Uint8Array(0x2000);
    // All of a table's 512 entries, at every level, are the table: 2^36 pages.
    new Uint32Array(bytes.buffer, 0x1000).forEach((_, at, words) => (words[at] = at % 2 === 0 ? 0x1007 : 0));
    const image = put("self.raw", bytes);
    for (const [asked, lines] of [
      ["--no-totals --merge leaves", 4],
      ["--no-totals --merge leaves --format json", 3],
      ["--format info-tlb", 3],
    ] as const) {
      const told = await printed(`inspect list --arch amd64 --root 0x1000 --limit 3 ${asked} ${image}`);
      expect(told.trimEnd().split("\n"), asked).to.have.length(lines);
    }
  });

  it("list: long lists wait for whoever reads, and end where nobody does", async () => {
    const bytes = new Uint8Array(0x3000);
    const words = new Uint32Array(bytes.buffer);
    // Every directory entry leads to one table, whose pages lie nowhere side by side: 1,048,576 leaves are too slow here, 16,384 are not.
    for (let index = 0; index < 16; index += 1) words[index] = 0x1007;
    for (let index = 0; index < 1024; index += 1) words[0x1000 / 4 + index] = ((index % 2) * 0x1000) | 0x1007;
    const path = put("many.raw", bytes);
    let waits = 0;
    let most = 0;
    let out = "";
    const status = await cli(["inspect", "list", "--arch", "ia32", "--root", "0", path], {
      out: (text) => {
        out += text;
        most = Math.max(most, text.length);
      },
      err: () => {},
      isTerminal: false,
      now: () => 0,
      drained: () => {
        waits += 1;
        return Promise.resolve();
      },
    });
    expect([status, out.match(/^[0-9a-f]{8}-/gm)?.length]).to.deep.equal([0, 16 * 1024]);
    for (const command of ["list", "list --format json", "list --format info-tlb", "diff --to 0x1000"]) {
      let read = 0;
      const io = {
        out: (text: string) => void (read += text.length),
        err: () => {},
        isTerminal: false,
        now: () => 0,
        isUnread: () => true,
      };
      expect(await cli(["inspect", ...command.split(" "), "--arch", "ia32", "--root", "0", path], io), command).to.equal(0);
      expect(read, command).to.be.lessThan(out.length / 5);
    }
    expect(waits).to.be.greaterThan(10);
    expect(most).to.be.lessThan(2 ** 17);
  });

  it("diff: what appeared between two images, and what differs between two roots of one", async () => {
    const out = await printed(`inspect diff --arch amd64 ${EARLY} ${IMAGE}`);
    expect(out.match(/^[-+~] .*$/gm)).to.deep.equal([
      "+ 0x402000-0x402fff -> 0x12000 kernel r-- user r--",
      "+ 0x404000-0x404fff -> 0xf000 kernel rw- user rw-",
      "+ 0x407000-0x408fff -> 0x10000 kernel rw- user rw-",
    ]);
    expect(out).to.contain("3 changes; 5 pages before, 9 after");
    const back = (await printed(`inspect diff --json --arch amd64 ${IMAGE} ${EARLY}`))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind?: string; before?: { first: string } | null; after?: unknown; totals?: object });
    expect(back.slice(0, -1).map(({ kind, after }) => [kind, after])).to.deep.equal([
      ["vanished", null],
      ["vanished", null],
      ["vanished", null],
    ]);
    expect(back.at(-1)?.totals).to.deep.include({ changes: 3 });
    const tables = new Uint8Array(0x8000);
    tables.set(smallTables());
    const words = new Uint32Array(tables.buffer);
    words[0x6000 / 4 + 1] = 0x7007;
    words.set([0x3007, 0x4007, 0x5003], 0x7000 / 4);
    const path = put("two.raw", tables);
    const roots = await printed(`inspect diff --arch ia32 --root 0x1000 --to 0x6000 ${path}`);
    expect(roots.match(/^[-+~] .*$/gm)).to.have.length(1);
    expect(roots).to.contain("~ 0x400000-0x400fff").and.to.contain("(rights)");
    expect(await printed(`inspect diff --arch ia32 --root 0x1000 --to 0x6000 --kernel ${path}`)).to.contain("0 changes");
  });

  it("check: finds nothing in sound tables, and ends with 1 where there is something, which can be chosen", async () => {
    expect(await printed(`inspect check --arch amd64 ${IMAGE}`)).to.contain("6 tables and 9 pages looked at: nothing found");
    const tables = smallTables();
    // The user may write to the page table itself.
    new Uint32Array(tables.buffer)[0x2000 / 4 + 3] = 0x2007;
    const path = put("exposed.raw", tables);
    const all = await typed(`inspect check --arch ia32 --root 0x1000 ${path}`);
    expect([all.status, all.err]).to.deep.equal([1, ""]);
    expect(all.out).to.match(/^danger table-user-writable 0x403000-0x403fff: the user may write to a table/m);
    expect(await typed(`inspect check --arch ia32 --root 0x1000 --only reserved ${path}`)).to.include({ status: 0 });
    const json = await typed(`inspect check --arch ia32 --root 0x1000 --only table-user-writable --json ${path}`);
    expect(json.status).to.equal(1);
    expect(JSON.parse(json.out)).to.deep.include({ found: 1, counts: { "table-user-writable": 1 } });
    const rest = await typed(`inspect check --arch ia32 --root 0x1000 --except table-user-writable --json ${path}`);
    expect(JSON.parse(rest.out)).to.not.have.nested.property("counts.table-user-writable");
  });

  it("check: ends with 1 for what is as bad as was asked, and prints nothing less bad", async () => {
    const path = put("notes.raw", smallTables());
    const all = await typed(`inspect check --arch ia32 --root 0x1000 ${path}`);
    expect(all).to.include({ status: 0, err: "" });
    expect(all.out)
      .to.match(/^note never-no-execute /m)
      .and.to.match(/ looked at: .*1 × never-no-execute/);
    expect(await typed(`inspect check --arch ia32 --root 0x1000 --severity note ${path}`)).to.include({ status: 1 });
    const worse = await typed(`inspect check --arch ia32 --root 0x1000 --severity broken ${path}`);
    expect(worse).to.include({ status: 0 });
    expect(worse.out).to.match(/ looked at: nothing found\n$/);
    expect(await typed(`inspect check --arch ia32 --root 0x1000 --only never-no-execute ${path}`)).to.include({ status: 1 });
    const range = await typed(`inspect check --arch ia32 --root 0x1000 --kernel-from 0x400000 --severity danger ${path}`);
    expect(range).to.include({ status: 1 });
    expect(range.out).to.match(/^danger user-in-kernel-range 0x40/m);
    expect(await typed(`inspect check --arch ia32 --root 0x1000 --register CR9=1 ${path}`)).to.include({ status: 2 });
    expect(await typed(`inspect check --arch ia32 --root 0x1000 --register IA32_PAT=0x7040600070406 --linear ${path}`)).to.include({
      status: 0,
    });
  });

  it("roots: finds the root without a hint; --root found takes the best, and says why", async () => {
    const out = await printed(`inspect roots --arch amd64 ${IMAGE}`);
    expect(out.split("\n")[1]).to.match(/^CR3 0x1000: \d+; 1 of 512 entries in use/);
    const json = JSON.parse(await printed(`inspect roots --arch amd64 --json --limit 1 ${IMAGE}`)) as { candidates: { root: string }[] };
    expect(json.candidates.map((one) => one.root)).to.deep.equal(["0x1000"]);
    expect(await printed(`inspect list --arch amd64 --root found ${IMAGE}`)).to.match(/^amd64; CR3 0x1000, CR3 found \(the only one: /);
    const listed = await typed(`inspect list --arch amd64 --root found --format csv ${IMAGE}`);
    expect(listed.status).to.equal(0);
    expect(listed.err).to.match(/^note: CR3 0x1000, CR3 found \(the only one: /);
    const nothing = put("nothing.raw", new Uint8Array(0x8000));
    expect(await typed(`inspect roots --arch amd64 ${nothing}`)).to.include({
      status: 1,
      err: "failed: nothing in the image looks like a root of amd64\n",
    });
    expect((await typed(`inspect list --arch amd64 --root found ${nothing}`)).status).to.equal(2);
  });

  it("read: hex with letters, or the bytes themselves, up to the first that is not there", async () => {
    expect(await printed(`inspect read --arch amd64 ${IMAGE} 0x402000 35`)).to.equal(
      [
        "0000000000402000  73 6f 72 74 65 64 20 74 77 69 63 65 2c 20 64 69  sorted twice, di",
        "0000000000402010  66 66 65 72 65 6e 74 20 70 6c 61 63 65 73 3a 20  fferent places: ",
        "0000000000402020  00 0a 00                                         ...",
        "",
      ].join("\n"),
    );
    expect(await printed(`inspect read --arch amd64 --raw ${IMAGE} 0x402000 16`)).to.equal("sorted twice, di");
    const end = await typed(`inspect read --arch amd64 ${IMAGE} 0x408ff0 32`);
    expect(end.status).to.equal(1);
    expect(end.out.split("\n")).to.have.length(2);
    expect(end.err).to.equal("failed: 16 of 32 bytes; 0x409000: entry 9 of the page table is absent\n");
    // The image has the page's entry, and not the page.
    const cut = put("cut.raw", smallTables().subarray(0, 0x4000));
    expect((await typed(`inspect read --arch ia32 --root 0x1000 ${cut} 0x401000 4`)).err).to.contain("physical 0x4000 is not in the image");
  });

  it("read: the bytes come out as they are, and nobody minds who stops reading a list", () => {
    const main = join(root, "packages/cli/dist/main.js");
    const ran = (script: string): Buffer => execFileSync("sh", ["-c", script], { cwd: root });
    const code = ran(`${process.execPath} ${main} inspect read --raw --arch amd64 ${IMAGE} 0x401000 64`);
    const program = readFileSync(join(root, "examples/programs/sort.amd64.elf"));
    expect(code.equals(program.subarray(0x1000, 0x1040))).to.equal(true);
    const first = ran(`${process.execPath} ${main} inspect list --format csv --arch amd64 ${IMAGE} | head -1`);
    expect(first.toString()).to.match(/^first,last,/);
  });

  it("takes raw images with a base and holes, stored or not", async () => {
    const tables = smallTables();
    const path = put("small.raw", tables);
    const read = async (more: string, at: string): Promise<Typed> => typed(`inspect read --raw --arch ia32 ${more} ${at} 0x401010 14`);
    expect((await read("--root 0x1000", path)).out).to.equal("Hello, tables!");
    const low = put("low.raw", tables.subarray(0x1000));
    expect((await read("--root 0x1000 --base 0x1000", low)).out).to.equal("Hello, tables!");
    expect((await read("--root 0x1000 --holes 0x3000-0x3fff", path)).out).to.equal("Hello, tables!");
    const packed = put("packed.raw", new Uint8Array([...tables.subarray(0, 0x3000), ...tables.subarray(0x4000)]));
    expect((await read("--root 0x1000 --holes 0x3000-0x3fff --packed", packed)).out).to.equal("Hello, tables!");
    expect((await typed(`inspect read --arch ia32 --root 0x1000 --holes 0x3000-0x3fff ${path} 0x400000 4`)).err).to.contain(
      "not in the image",
    );
  });

  it("takes roots as registers have them, and two where each half has one", async () => {
    const path = put("registers.raw", smallTables());
    for (const value of ["0x1000", "CR3=0x1018"])
      expect((await printed(`inspect walk --arch ia32 --root ${value} ${path} 0x400000`)).split("\n")[0], value).to.contain(
        "CR3 0x1000, as told",
      );
    // An address that no table can have is a register's value, or a slip.
    const bare = await typed(`inspect walk --arch ia32 --root 0x1018 ${path} 0x400000`);
    expect(bare).to.include({ status: 0, err: "note: no table of ia32 can lie at 0x1018: it is taken as CR3 with flags\n" });
    expect(bare.out).to.contain("CR3 0x1000, as told");
    const dump = join(folder, "arm64.core");
    await printed(`run --arch arm64 --dump ${dump} examples/programs/words.riscv64.elf --quiet`);
    const both = `--arch arm64 --root TTBR1_EL1=0x4000_0000 --root TTBR0_EL1=0x4000_1000`;
    expect((await typed(`inspect list ${both} ${dump}`)).status).to.equal(0);
    const hart = join(folder, "hart.lime");
    const told = JSON.parse(await printed(`run --json --arch riscv64 --dump ${hart} examples/programs/words.riscv64.elf`)) as {
      dump: { format: string; roots: Record<string, string> };
    };
    expect(told.dump.format).to.equal("lime");
    const at = BigInt(told.dump.roots["satp"] ?? "");
    const satp = `satp=0x${((8n << 60n) | (at >> 12n)).toString(16)}`;
    const listed = await printed(`inspect list --arch riscv64 --root ${satp} ${hart}`);
    expect(listed)
      .to.contain(`root 0x${at.toString(16)}, as told`)
      .and.to.match(/[1-9]\d* pages in/);
    expect((await printed(`inspect list --arch riscv64 --root 0x${at.toString(16)} ${hart}`)).split("\n").slice(1)).to.deep.equal(
      listed.split("\n").slice(1),
    );
  });

  it("found: takes no table for the roots of both halves", async () => {
    const dump = join(folder, "halves.raw");
    await printed(`run --arch arm64 --memory 1M --dump ${dump} examples/programs/words.riscv64.elf --quiet`);
    const { out } = await typed(`inspect list --arch arm64 --root found ${dump}`);
    const [, users, kernels] = /TTBR0_EL1 (0x\w+), (?:TTBR1_EL1 (0x\w+), )?TTBR0_EL1 found/.exec(out) ?? [];
    expect(users).to.match(/^0x/);
    expect(kernels).to.not.equal(users);
    expect(await printed(`inspect roots --arch riscv64 ${riscvDump()}`)).to.match(/^root 0x1000: /m);
  });

  it("list: does not say of somebody else's 64-bit ARM what memory is cached, which MAIR_EL1 decides", async () => {
    const core = join(folder, "typed.core");
    const raw = join(folder, "typed.raw");
    for (const dump of [core, raw]) await printed(`run --arch arm64 --memory 1M --dump ${dump} examples/programs/words.arm64.elf --quiet`);
    const cached = async (more: string): Promise<unknown[]> =>
      (await typed(`inspect list --arch arm64 --format json --no-totals ${more}`)).out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { cacheable: unknown }).cacheable);
    expect(new Set(await cached(core))).to.deep.equal(new Set([true]));
    expect(new Set(await cached(`--root found ${raw}`))).to.deep.equal(new Set([null]));
    expect((await typed(`inspect list --arch arm64 --root found ${raw}`)).out).to.not.contain("uncached");
  });

  it("--register: tells what memory is in list, diff, walk and explain, by registers that no image tells", async () => {
    const raw = join(folder, "registers.raw");
    await printed(`run --arch arm64 --memory 1M --dump ${raw} examples/programs/words.arm64.elf --quiet`);
    const told = "--arch arm64 --root 0x1000 --register MAIR_EL1=0x4ff00";
    const records = async (options: string): Promise<{ cacheable: unknown; memoryType: unknown }[]> =>
      (await typed(`inspect list ${options} --format json --no-totals ${raw}`)).out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { cacheable: unknown; memoryType: unknown });
    const kinds = async (options: string): Promise<unknown[]> => [
      ...new Set((await records(options)).map(({ cacheable, memoryType }) => `${String(cacheable)} ${String(memoryType)}`)),
    ];
    expect(await kinds("--arch arm64 --root 0x1000")).to.deep.equal(["null null"]);
    expect(await kinds(told)).to.deep.equal(["true normal write-back"]);
    expect(await kinds("--arch arm64 --root 0x1000 --register MAIR_EL1=0x4400")).to.deep.equal(["false normal uncached"]);
    const { out: text } = await typed(`inspect list --arch arm64 --root 0x1000 --register MAIR_EL1=0x0800 ${raw}`);
    const [first, ...lines] = text.split("\n").filter((line) => line.includes(" -> "));
    expect([first, ...lines].every((line) => line.includes("device nGRE"))).to.equal(true);
    const address = `0x${first.slice(0, 16)}`;
    for (const command of ["walk", "explain"])
      expect((await typed(`inspect ${command} ${told} ${raw} ${address}`)).out, command).to.match(
        / maps physical address 0x\w+, normal write-back {2}\(/,
      );
    expect((await typed(`inspect walk --json ${told} ${raw} ${address}`)).out).to.contain('"memoryType": "normal write-back"');
    // The same registers for both sides.
    const { out, status } = await typed(`inspect diff ${told} --to 0x1000 ${raw}`);
    expect(status).to.equal(0);
    expect(out).to.match(/\n0 changes; /);
  });

  it("--register: changes nothing of other tools' lists, and says of whom a register says nothing", async () => {
    const path = put("registers.ia32.raw", smallTables());
    const asked = `--arch ia32 --root 0x1000 --switch WP=on`;
    for (const format of ["ptdump", "info-tlb", "info-mem"])
      expect(await printed(`inspect list ${asked} --format ${format} --register IA32_PAT=0 ${path}`), format).to.equal(
        await printed(`inspect list ${asked} --format ${format} ${path}`),
      );
    const list = await printed(`inspect list ${asked} --register IA32_PAT=0x407050600070106 ${path}`);
    expect(list).to.equal(await printed(`inspect list ${asked} ${path}`));
    expect(await printed(`inspect list ${asked} --register IA32_PAT=1 ${path}`)).to.contain("  write-combining");
    expect((await typed(`inspect walk ${asked} --register MAIR_EL1=0xff ${path} 0x0`)).err).to.equal(
      "note: MAIR_EL1 says nothing of ia32's memory, and is passed over\n",
    );
    for (const command of ["list", "diff", "walk", "explain"])
      expect(await typed(`inspect ${command} ${asked} --register CR9=1 ${path} ${path}`), command).to.include({ status: 2 });
  });

  it("says what was passed over, or makes an answer mean less", async () => {
    const path = put("remarks.raw", smallTables());
    const notes = async (line: string): Promise<string> => {
      const { status, err } = await typed(`inspect ${line}`);
      expect(status, line).to.equal(0);
      return err;
    };
    expect(await notes(`list --arch amd64 --base 0x1000 ${IMAGE}`)).to.match(/^note: --base is for raw images, and passed over: elf-core /);
    expect(await notes(`list --arch amd64 --packed --holes 0-0xfff ${IMAGE}`)).to.match(/^note: --holes .*\nnote: --packed .*\n$/);
    expect(await notes(`list --arch amd64 --os linux-arm64 ${IMAGE}`)).to.contain("linux-arm64 is of arm64, ");
    expect(await notes(`list --arch amd64 --os linux-x86-64 ${IMAGE}`)).to.equal("");
    expect(await notes(`list --arch ia32 --root 0x7000 ${path}`)).to.equal(
      "note: CR3 0x7000 lies outside the image's memory: there is nothing to list below it\n",
    );
    expect(await notes(`diff --arch amd64 --root 0x1000 ${path} ${IMAGE}`)).to.contain(
      "both images are read with the first one's switches; the second one's differ in WP, PGE",
    );
    expect(await notes(`diff --arch ia32 --root 0x1000 --to 0x7000 ${path}`)).to.contain("CR3 0x7000 lies outside");
  });

  it("tells of many switches only those that are not as after reset", async () => {
    const path = put("domains.raw", new Uint8Array(0x10000));
    const basis = async (more: string): Promise<string> =>
      (await printed(`inspect list --arch armv7 --root 0x4000 ${more} ${path}`)).split("\n")[0] ?? "";
    expect(await basis("")).to.equal("armv7; TTBR0 0x4000, as told");
    expect(await basis("--switch DACR3=on")).to.equal("armv7; TTBR0 0x4000, as told; DACR3 on");
  });

  it("says which switches nobody told", async () => {
    const path = put("assumed.raw", new Uint8Array(0x10000));
    const basis = async (line: string): Promise<string> => (await printed(`inspect list ${line}`)).split("\n")[0] ?? "";
    expect(await basis(`--arch ia32 --root 0x4000 ${path}`)).to.equal("ia32; CR3 0x4000, as told; assumed: WP off, PGE off, PSE on");
    expect(await basis(`--arch ia32 --root 0x4000 --switch WP=off ${path}`)).to.equal(
      "ia32; CR3 0x4000, as told; WP off; assumed: PGE off, PSE on",
    );
  });

  it("says where the image's registers contradict the machine that was named", async () => {
    const { err } = await typed(`inspect list --arch ia32 ${IMAGE}`);
    expect(err).to.contain("note: CR4.PAE is 1: these are no tables of ia32");
    expect((await typed(`inspect list --arch amd64la57 ${IMAGE}`)).err).to.contain("CR4.LA57 is 0: the tables have four levels");
  });

  it("shows what the system keeps in entries that are not present, where it is named", async () => {
    const tables = smallTables();
    new Uint32Array(tables.buffer)[0x2000 / 4 + 4] = (0x123 << 9) | (3 << 1);
    const path = put("swapped.raw", tables);
    const list = `inspect list --arch ia32 --root 0x1000 ${path}`;
    expect(await printed(list)).to.not.contain("swap");
    expect(await printed(`${list} --os linux-x86-32`))
      .to.contain("not in memory: swap type 3, offset 0x123")
      .and.to.contain("1 entry that is the system's own");
    expect(await printed(`inspect explain --arch ia32 --root 0x1000 --os linux-x86-32 ${path} 0x404000`)).to.contain("swap type 3");
  });

  it("ends with 2 where it was asked wrongly, and says what could be asked", async () => {
    for (const [line, says] of [
      [`walk ${IMAGE} 0x1000`, "--arch"],
      [`walk --arch amd64 ${IMAGE}`, "missing required argument 'address'"],
      [`walk --arch amd64 ${IMAGE} here`, "hexadecimal"],
      [`walk --arch vax ${IMAGE} 0x1000`, "ERR_UNKNOWN_ARCHITECTURE"],
      [`walk --arch amd64 --root nowhere ${IMAGE} 0x1000`, "REGISTER=VALUE"],
      [`walk --arch amd64 --root 0x1_0000_0000_0000_1000 ${IMAGE} 0x1000`, "64 bits at most"],
      [`walk --arch ia32 --root CR3=0x1_0000_1000 ${IMAGE} 0x1000`, "32 bits at most"],
      [`walk --arch amd64 --root CR9=0x1000 ${IMAGE} 0x1000`, "CR3"],
      [`walk --arch amd64 --root 0x1000 --root 0x2000 ${IMAGE} 0x1000`, "twice"],
      [`walk --arch amd64 --cpu 7 ${IMAGE} 0x1000`, "no note of the image tells CR3 of processor 7"],
      [`walk --arch amd64 --switch XY=on ${IMAGE} 0x1000`, "WP"],
      [`walk --arch amd64 --os plan9 ${IMAGE} 0x1000`, "Allowed choices"],
      [`walk --arch amd64 --os linux-x86-32 ${IMAGE} 0x1000`, "ERR_BAD_ARGUMENT"],
      [`explain --arch amd64 --access jump ${IMAGE} 0x1000`, "Allowed choices"],
      [`list --arch amd64 --physical 0x2000-0x1000 ${IMAGE}`, "begins before it ends"],
      [`list --arch amd64 --range 0x2000 ${IMAGE}`, "FIRST-LAST"],
      [`list --arch amd64 --limit 0 ${IMAGE}`, "whole number"],
      [`list --arch amd64 --format info-tlb --user ${IMAGE}`, "no filters"],
      [`list --arch riscv64 --root 0 --format info-tlb ${IMAGE}`, "a machine with x86's entries"],
      [`diff --arch amd64 ${IMAGE}`, "--to ROOT"],
      [`check --arch amd64 --only nonsense ${IMAGE}`, "There are writable-executable"],
      [`read --arch amd64 ${IMAGE} 0x1000 many`, "A size"],
      ["frobnicate", "unknown command"],
    ] as const) {
      const { status, err } = await typed(`inspect ${line}`);
      expect(err, line).to.contain(says);
      expect(status, line).to.equal(2);
    }
  });

  it("ends with 1 where the image cannot be read, with code and hint", async () => {
    const packed = put("kdump.core", "KDUMP   and what follows".padEnd(8192, "\0"));
    const cut = put("cut.core", readFileSync(join(root, IMAGE)).subarray(0, 60_000));
    for (const [line, says] of [
      ["walk --arch amd64 nowhere.core 0x1000", "ENOENT"],
      ["walk --arch amd64 examples 0x1000", "it is a directory"],
      ["walk --arch amd64 --root 0 /dev/zero 0x1000", "it is no file"],
      [`walk --arch amd64 ${packed} 0x1000`, "ERR_IMAGE_UNSUPPORTED"],
      [`walk --arch amd64 ${cut} 0x1000`, "ERR_BAD_IMAGE"],
      ["walk --arch amd64 examples/programs/sort.amd64.elf 0x1000", "ERR_IMAGE_UNSUPPORTED"],
      [`walk --arch sparc64 ${IMAGE} 0x1000`, "ERR_NO_SOURCE"],
      [`diff --arch amd64 ${IMAGE} nowhere.core`, "ENOENT"],
    ] as const) {
      const { status, err } = await typed(`inspect ${line}`);
      expect(err, line).to.contain(says);
      expect(status, line).to.equal(1);
    }
    const { status, err } = await typed(`inspect walk --arch amd64 --truncated ${cut} 0x402010`);
    expect(status).to.equal(0);
    expect(err).to.match(/^note: /);
  });
});

describe("run --dump", () => {
  before(() => (folder = mkdtempSync(join(tmpdir(), "portolan-test-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("wrote the images among the examples, byte for byte", async () => {
    const whole = join(folder, "sort.core");
    await printed(`${RUN} --trace ${TRACE} --dump ${whole} examples/programs/sort.amd64.elf`);
    expect(readFileSync(whole).equals(readFileSync(join(root, IMAGE)))).to.equal(true);
    const lines = gunzipSync(readFileSync(join(root, TRACE)))
      .toString()
      .split("\n")
      .slice(0, 8000)
      .join("\n");
    const early = join(folder, "early.core");
    await printed(`${RUN} --trace ${put("early.trace", `${lines}\n`)} --dump ${early} examples/programs/sort.amd64.elf`);
    expect(readFileSync(early).equals(readFileSync(join(root, EARLY)))).to.equal(true);
  });

  it("writes the same memory in every format, for machines of every kind", async () => {
    for (const [arch, program, image] of [
      ["amd64", "words.amd64.elf", "amd64"],
      ["ia32pae", "words.i686.elf", "ia32pae"],
      ["arm", "words.arm.elf", "arm"],
      ["mips32be", "words.mips.elf", "mips32be"],
    ] as const) {
      const shown: string[] = [];
      for (const ending of ["raw", "core", "lime"]) {
        const path = join(folder, `${arch}.${ending}`);
        const report = JSON.parse(await printed(`run --json --arch ${arch} --dump ${path} examples/programs/${program}`)) as {
          dump: { base: number; roots: Record<string, string> };
        };
        const roots = Object.values(report.dump.roots).map((value) => `--root ${value}`);
        const base = ending === "raw" ? `--base ${report.dump.base}` : "";
        // An ELF core alone has the TLB, and whose the tree is.
        const from = arch === "mips32be" ? "--from tree" : "";
        const list = await printed(`inspect list --arch ${image} ${roots.join(" ")} ${from} ${base} ${path}`);
        // Nor do other formats have the switches, which the first line is about.
        shown.push(list.slice(list.indexOf("\n")));
      }
      expect(new Set(shown).size, arch).to.equal(1);
      expect(shown[0], arch).to.match(/[1-9]\d* pages in/);
    }
  });

  it("knows formats by the file's ending, or as it is told", async () => {
    expect(["a.elf", "a.CORE", "a.vmcore", "a.lime", "a.raw", "a", "a.img"].map((name) => dumpFormatOf(name))).to.deep.equal([
      "elf",
      "elf",
      "elf",
      "lime",
      "raw",
      "raw",
      "raw",
    ]);
    const path = join(folder, "told");
    expect(await printed(`run --arch ia32 --dump-format lime --dump ${path} examples/programs/words.i686.elf`)).to.contain(": lime, ");
    expect(readFileSync(path).subarray(0, 4).toString()).to.equal("EMiL");
    for (const line of ["--dump-format elf x", "--dump-format gif --dump y x", "--dump y --scenario examples/scenarios/fork.ndjson"])
      expect((await typed(`run --arch ia32 ${line}`)).status, line).to.equal(2);
    expect((await typed(`run --arch ia32 --dump ${folder} examples/programs/words.i686.elf`)).err).to.contain("EISDIR");
  });

  it("is opened by readelf and gdb, which find its segments, notes and bytes", () => {
    const available = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;
    const image = join(root, IMAGE);
    if (available("readelf")) {
      const shown = execFileSync("readelf", ["-hlnW", image], { encoding: "utf8" });
      expect(shown)
        .to.match(/Type: +CORE/)
        .and.to.match(/LOAD +0x001000 0x0+ 0x0+ 0x018000 0x018000/)
        .and.to.match(/CORE +0x00000150/)
        .and.to.match(/QEMU +0x000001b8/);
    }
    if (available("gdb")) {
      const shown = execFileSync("gdb", ["-nx", "-batch", "-ex", "x/s 0x12000", "-c", image], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(shown).to.match(/0x12000:\s+"sorted twice, different places: "/);
    }
  });
});
