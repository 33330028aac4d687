import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ARCHITECTURES } from "#src/architectures.js";
import { cli } from "#src/cli.js";
import { addressOf, sizeOf } from "#src/options.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const typed = async (line: string, isTerminal = false): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  let now = 0;
  const before = process.cwd();
  process.chdir(root);
  try {
    const status = await cli(
      line
        .split(" ")
        .filter((word) => word !== "")
        .map((word) => word.replaceAll("'", "")),
      { out: (text) => (out += text), err: (text) => (err += text), isTerminal, now: () => (now += 50) },
    );
    return { status, out, err };
  } finally {
    process.chdir(before);
  }
};

let shown: ReturnType<typeof typed> | undefined;
/** What `portolan demo examples` prints; it is run once. */
const demonstration = (): ReturnType<typeof typed> => (shown ??= typed("demo examples"));

/** A file that is there for one test. */
const withFile = async (name: string, content: string | Uint8Array, work: (path: string) => Promise<void>): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "portolan-test-"));
  try {
    const path = join(directory, name);
    writeFileSync(path, content);
    await work(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
};

describe("the command line", () => {
  // An example draws a chart where it is typed, another writes memory.
  after(() => {
    for (const left of [join(root, "tlb.svg"), "/tmp/words.core"]) rmSync(left, { force: true });
  });

  it("run: memory that is too small does with a swap file, which is gone afterwards", async () => {
    const directory = mkdtempSync(join(tmpdir(), "portolan-test-"));
    try {
      const swap = join(directory, "pages");
      const scarce = "run --arch ia32 --memory 40K --rebase --trace examples/traces/sort.amd64.trace.gz";
      const without = await typed(scarce);
      expect([without.status, /out of memory/.test(without.out + without.err)]).to.deep.equal([1, true]);
      const { status, out, err } = await typed(`${scarce} --json --swap ${swap}`);
      expect([status, err]).to.deep.equal([0, ""]);
      const report = JSON.parse(out) as { wrongBytes: number; leakedFrames: number; swap: { written: number; read: number } };
      expect([report.wrongBytes, report.leakedFrames, report.swap.written > 0, report.swap.read > 0]).to.deep.equal([0, 0, true, true]);
      // A program's own pages can be had from its file again; only what was written has to go to swap.
      const program = await typed(`run --arch amd64 --memory 128K --swap ${swap} --json examples/programs/sieve.i686.elf`);
      expect([program.status, (JSON.parse(program.out) as typeof report).wrongBytes]).to.deep.equal([0, 0]);
      expect(existsSync(swap)).to.equal(false);
      writeFileSync(swap, "something else");
      expect((await typed(`${scarce} --swap ${swap}`)).err).to.match(/a file that is not there yet/);
      expect(readFileSync(swap, "utf8")).to.equal("something else");
      expect((await typed(`${scarce} --swap-size 1M`)).err).to.match(/with --swap FILE/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("shows examples that work in every command's help", async () => {
    // `new` writes where it is typed: its examples are in the tests of it.
    for (const command of ["", "run", "walk", "inspect", "archs", "tlb", "conform", "vectors", "demo"]) {
      const { status, out } = await typed(`${command} --help`);
      expect(status, command).to.equal(0);
      const examples = out
        .split("\n")
        .filter((line) => line.startsWith("  portolan "))
        .map((line) => line.trim().slice("portolan ".length));
      expect(examples.length, command).to.be.greaterThan(0);
      for (const example of examples) {
        const result = await (example === "demo examples" ? demonstration() : typed(example));
        expect(result, example).to.include({ status: 0, err: "" });
        expect(result.out, example).to.not.equal("");
      }
    }
  });

  it("runs a program and says what happened, in words or as JSON", async () => {
    const { out } = await typed("run --arch sparc64 --cpus 2 examples/programs/words.sparc64.elf");
    expect(out)
      .to.match(/machine +sparc64, 2 processors, pages of 16 KiB/)
      .and.to.match(/executable for SPARC V9, 2 segments/)
      .and.to.match(/bytes checked +\d+, 0 wrong/)
      .and.to.match(/TSB lookups +\d+: \d+ hits/);
    const { out: json } = await typed("run --arch ia32 --json examples/programs/words.i686.elf");
    expect(JSON.parse(json)).to.deep.include({ architecture: "ia32", wrongBytes: 0, tsb: { hits: 0, misses: 0 } });
  });

  it("explains an address that is mapped, one that is not, and one that was moved", async () => {
    expect((await typed("walk --arch ia32 examples/programs/words.i686.elf 0x804a000")).out)
      .to.contain("page directory, entry 32")
      .and.to.contain("Physical address 0x");
    expect((await typed("walk --arch ia32 --access write examples/programs/words.i686.elf 0x804a000")).out)
      .to.contain("It would fault (protection)")
      .and.to.contain("does not let the user write");
    expect((await typed("walk --arch sparc64 examples/programs/words.sparc64.elf 0x900000")).out).to.contain("It would fault (absent)");
    const { out } = await typed("walk --json --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz 0x1fff000600");
    const walk = JSON.parse(out) as { asked: string; address: string; physical: string };
    expect(walk.asked).to.equal("0x1fff000600");
    expect(walk.address).to.not.equal(walk.asked);
    expect(walk.physical).to.match(/^0x[0-9a-f]+600$/);
  });

  it("says of each page what was put into it", async () => {
    const { out } = await typed("run --arch ia32 examples/programs/words.i686.elf");
    const counts = [...out.matchAll(/^ +(\d+) × (.*)$/gm)].map(([, count, what]) => [what, Number(count)]);
    // `readelf -lW`: three pages of headers, text and constants, none of them full; one of data and zeroes; then 0x804c000 to
    // 0x805cfff of zeroes. The runner fills 64 KiB of heap and of stack.
    expect(Object.fromEntries(counts)).to.deep.equal({
      "image: part file, part zeroes": 4,
      "image: zero-filled": 17,
      "anonymous memory: a zeroed frame on first touch": 32,
    });
    expect(out).to.match(/page faults +53 served/);
  });

  it("explains code and data of a page that was written and executed where each of them lies", async () => {
    await withFile("mixed.trace", "I  04001000,4\n S 04001000,4\n", async (path) => {
      const moved = async (access: string): Promise<boolean> =>
        (await typed(`walk --arch ia32 --rebase --trace ${path} --access ${access} 0x4001000`)).out.includes("(moved to ");
      expect(await moved("read")).to.equal(false);
      expect(await moved("execute")).to.equal(true);
    });
  });

  it("tells its version", async () => {
    expect(await typed("--version")).to.deep.equal({ status: 0, out: "0.1.0\n", err: "" });
  });

  it("lists every machine it can name", async () => {
    const { out } = await typed("archs --json");
    expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).to.deep.equal([...ARCHITECTURES]);
  });

  it("ends with 2 where it was asked wrongly, and says what could be asked", async () => {
    for (const [line, says] of [
      ["frobnicate", "unknown command"],
      ["run --arch ia32 --frobnicate x", "unknown option"],
      ["run examples/programs/words.i686.elf", "--arch"],
      ["run --arch ia32", "a program, --trace FILE or --scenario FILE"],
      ["run --arch vax x", ARCHITECTURES.join("; ")],
      ["run --arch ia32 --cpus 65 x", "1 to 64"],
      ["run --arch ia32 --cpus two x", "1 to 64"],
      ["run --arch ia32 --memory lots x", "64M"],
      ["run --arch ia32 --set WP=perhaps x", "NAME=on"],
      ["run --arch ia32 --set XY examples/programs/words.i686.elf", "WP"],
      ["run --arch ia32 --base here x", "hexadecimal"],
      ["walk --arch ia32 examples/programs/words.i686.elf here", "hexadecimal"],
      ["walk --arch ia32 0x1000", "before ADDRESS"],
      ["walk --arch ia32 a b 0x1000", "too many operands"],
      ["walk --arch ia32 --access jump a 0x1000", "Allowed choices"],
      ["walk --arch ia32 examples/programs/words.i686.elf 0x100000000", "ERR_BAD_ADDRESS"],
      ["run --arch ia32 --memory 4097 examples/programs/words.i686.elf", "a multiple of 4 KiB, at most 4 GiB"],
      ["run --arch ia32 --base 0x1000 --trace examples/traces/sort.amd64.trace.gz", "for a program, and there is none"],
      ["run --arch ia32 --base 0x1000 examples/programs/words.i686.elf", "linked to its addresses"],
      ["run --arch ia32 --memory 5G examples/programs/words.i686.elf", "a multiple of 4 KiB, at most 4 GiB"],
      ["run --arch sparc64 --memory 8K examples/programs/words.sparc64.elf", "a multiple of 16 KiB, at most 2 TiB"],
      ["run --arch examples examples/programs/words.i686.elf", "ERR_UNKNOWN_ARCHITECTURE"],
    ] as const) {
      const { status, err } = await typed(line);
      expect(err, line).to.contain(says);
      expect(status, line).to.equal(2);
    }
  });

  it("ends with 1 where the work failed, with code and hint", async () => {
    for (const [line, says] of [
      ["run --arch ia32 nowhere.elf", "ENOENT"],
      ["run --arch ia32 examples", "it is a directory"],
      ["run --arch ia32 --trace examples", "it is a directory"],
      ["run --arch ia32 package.json", "ERR_BAD_ELF"],
      ["run --arch ia32 --trace package.json", "ERR_BAD_TRACE"],
      ["run --arch ia32 --trace examples/traces/sort.amd64.trace.gz", "--rebase"],
      ["run --arch ia32 --memory 64K examples/programs/words.i686.elf", "ERR_ACCESS_REFUSED"],
      ["run --arch ia32 --memory 64K examples/programs/words.i686.elf", "rule out of memory"],
      ["run --arch ia32 /dev/zero", "ERR_BAD_ELF"],
      ["run --arch ia32 --trace /dev/zero", "ERR_BAD_TRACE"],
      ["run --arch ia32 --memory 8K examples/programs/sieve.i686.elf", "ERR_OUT_OF_FRAMES"],
    ] as const) {
      const { status, err } = await typed(line);
      expect(err, line).to.contain(says);
      expect(status, line).to.equal(1);
    }
    await withFile("broken.gz", new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]), async (path) => {
      expect(await typed(`run --arch ia32 --trace ${path}`)).to.include({ status: 1 });
    });
  });

  it("takes an architecture from the path of a module, and refuses a wrong one with every reason", async () => {
    const url = new URL("../../arch-abs32le/dist/index.js", import.meta.url).href;
    await withFile(
      "mine.mjs",
      `import { abs32le } from ${JSON.stringify(url)};\nexport const mine = { ...abs32le, name: "mine" };\n`,
      async (path) => {
        const { status, out } = await typed(`run --arch ${path} examples/programs/words.i686.elf`);
        expect(status).to.equal(0);
        expect(out).to.match(/machine +mine/);
      },
    );
    await withFile(
      "wrong.mjs",
      `import { abs32le } from ${JSON.stringify(url)};\nexport const wrong = { ...abs32le, wordBits: 33, physicalBits: 99 };\n`,
      async (path) => {
        const { status, err } = await typed(`run --arch ${path} examples/programs/words.i686.elf`);
        expect(status).to.equal(1);
        expect(err).to.contain("ERR_BAD_ARCHITECTURE").and.to.contain("wordBits").and.to.contain("physicalBits");
      },
    );
    expect((await typed("run --arch @portolan/arch-ia32 examples/programs/words.i686.elf")).status).to.equal(0);
  });

  it("draws a bar for a long trace where somebody looks, and none elsewhere", async () => {
    const line = "run --arch ia32 --rebase --trace examples/traces/sort.amd64.trace.gz";
    expect((await typed(line, true)).err)
      .to.contain("%")
      .and.to.contain("█");
    expect((await typed(line, false)).err).to.equal("");
  });

  it("compares every machine on programs of its own, adds up truly, and says what to type next that works", async () => {
    const { status, out } = await demonstration();
    expect(status).to.equal(0);
    expect(Math.max(...out.split("\n").map(({ length }) => length)), "for narrow terminals").to.be.at.most(80);
    // All but the one that is there to be read.
    const machines = ARCHITECTURES.filter((name) => name !== "abs32le");
    const blocks = out
      .split("\n\n")
      .filter((block) => / wrong\n +accesses /.test(block))
      .map((block) => block.split("\n").slice(3));
    expect(blocks).to.have.length(5);
    const rows = blocks.map((lines) => lines.map((line) => line.split(/ +/)));
    for (const block of rows) expect(block.map(([name]) => name)).to.have.members(machines);
    const column = (i: number): number[] => rows.flat().map((row) => Number(row[i]));
    const sum = (i: number): number => column(i).reduce((total, value) => total + value, 0);
    expect(out)
      .to.contain(`runs      ${5 * machines.length}, on ${machines.length} machines: ${sum(1)} accesses, ${sum(2)} page faults\n`)
      .and.to.match(/^checked   \d+ bytes: 0 wrong\nframes    0 not given back$/m);
    expect(sum(9), "wrong bytes").to.equal(0);
    expect(sum(1)).to.be.greaterThan(machines.length * 2_000_000);
    // Only one machine has a buffer before its tables; whoever reads no entries has walked nothing.
    for (const [name, , faults, , misses, hits, walks, read] of rows.flat()) {
      expect(hits === "-", name).to.equal(name !== "sparc64");
      expect(Number(misses), name).to.be.at.least(Number(faults));
      expect(Number(read), name).to.be.at.least(Number(walks));
    }
    // A trace is the same wherever it runs.
    expect(new Set(rows[4]?.map(([, accesses]) => accesses)).size).to.equal(1);
    const next = Array.from(out.matchAll(/^ {2}npm start -- (.+)$/gm), ([, line = ""]) => line);
    expect(next.map((line) => line.split(" ")[0])).to.deep.equal(["run", "walk", "tlb", "conform", "archs"]);
    for (const line of next) expect(await typed(line), line).to.include({ status: 0, err: "" });
  });

  it("loads the position-independent program where trees need fewer tables for it", async () => {
    const { out } = await demonstration();
    const tables = (title: string): Record<string, number> =>
      Object.fromEntries(
        (out.split("\n\n").find((block) => block.startsWith(title)) ?? "")
          .split("\n")
          .slice(3)
          .map((line) => line.split(/ +/))
          .map((row) => [row[0], Number(row[8])]),
      );
    const [far, near] = [tables("words: "), tables("words, position")];
    expect([far, near].map((of) => [of["amd64"], of["riscv64"], of["mips32"], of["sparc64"]])).to.deep.equal([
      [32, 24, 32.5, 112],
      [24, 20, 16.5, 112],
    ]);
  });

  it("reads sizes and addresses as people write them", () => {
    expect(["4096", "4K", "64M", "1GiB", "0x10000", "2kb"].map(sizeOf)).to.deep.equal([4096, 4096, 2 ** 26, 2 ** 30, 65536, 2048]);
    for (const wrong of ["", "0", "-1", "1.5M", "4Q", "9999999T", "K"]) expect(() => sizeOf(wrong), wrong).to.throw();
    expect(["0x8048000", "4096", "0xffff_ffff_ffff_c000"].map(addressOf)).to.deep.equal([0x8048000n, 4096n, 0xffff_ffff_ffff_c000n]);
    for (const wrong of ["", "8048000h", "-1", "0x", "1e5"]) expect(() => addressOf(wrong), wrong).to.throw();
  });
});
