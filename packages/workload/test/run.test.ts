import { expect } from "chai";
import fc from "fast-check";
import { createReadStream, readFileSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { assertInvariants, PortolanError, type Architecture } from "@portolan/core";
import { runWorkload, type RunOptions, type RunReport, type TraceSource } from "#src/index.js";
import { pattern, R, W, writeElf, X } from "./elf-writer.js";

const examples = new URL("../../../examples/", import.meta.url);
const file = (name: string): Uint8Array => readFileSync(new URL(`programs/${name}`, examples));
const sortTrace: TraceSource = () => createReadStream(new URL("traces/sort.amd64.trace.gz", examples)).pipe(createGunzip());
const textTrace = (...lines: string[]): TraceSource =>
  async function* () {
    yield new TextEncoder().encode(lines.join("\n"));
  };

const clean = (report: RunReport): void => {
  expect(report).to.include({ wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 });
};

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && "code" in error) return `${String(error.code)}: ${error.message}`;
    throw error;
  }
  return "nothing";
};

const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };

describe("running programs", () => {
  for (const [architecture, suffix] of [
    [ia32, "i686"],
    [abs32le, "i686"],
    [sparc64, "sparc64"],
  ] as const) {
    for (const name of ["sieve", "words", "sort", "words.pie"]) {
      it(`pages ${name} in on ${architecture.name}, every byte as in the file`, async () => {
        const report = await runWorkload(architecture, { program: file(`${name}.${suffix}.elf`) }, { ...checked, processors: 2 });
        clean(report);
        const pages = report.faults.pagesIn;
        expect(pages["anonymous"], "64 KiB of heap and of stack").to.equal((2 * 65536) / report.pageBytes);
        expect(report.memory.residentPages).to.equal((pages["image"] ?? 0) + (pages["anonymous"] ?? 0));
        expect(report.tlb.hits + report.tlb.dataMisses + report.tlb.instructionMisses).to.equal(report.tlb.lookups);
        expect(report.bytesChecked).to.be.greaterThan(50_000);
        expect(report.shootdowns).to.be.greaterThan(0);
      });
    }

    it(`replays the recorded trace on ${architecture.name}`, async () => {
      const report = await runWorkload(architecture, { trace: sortTrace }, { ...checked, rebase: true, processors: 3 });
      clean(report);
      expect(report.trace).to.include({ lines: 1_428_457, otherLines: 24, movedRegions: 1 });
      expect(report.accesses).to.deep.equal({ fetches: 1_179_463, loads: 145_882, stores: 103_088, modifies: 0 });
    });
  }

  it("replays a trace over the program it was recorded from", async () => {
    const report = await runWorkload(ia32, { program: file("sort.amd64.elf"), trace: sortTrace }, { ...checked, rebase: true });
    clean(report);
    expect(report.faults.pagesIn["image"]).to.be.greaterThan(0);
    expect(report.bytesChecked).to.be.greaterThan(1_000_000);
  });

  it("places a position-independent program where it is told", async () => {
    const report = await runWorkload(ia32, { program: file("words.pie.i686.elf") }, { ...checked, base: 0x5555_0000n });
    expect(report.program).to.include({ entry: "0x55551000" });
    clean(report);
    expect(await refusal(runWorkload(ia32, { program: file("words.pie.i686.elf") }, { base: 0x5555_0010n }))).to.contain("ERR_MISALIGNED");
    expect(await refusal(runWorkload(ia32, { program: file("words.i686.elf") }, { base: 0x5555_0000n }))).to.contain("ERR_BAD_ARGUMENT");
  });

  it("shows every byte whatever the alignment, segments that begin and end within a page included", async () => {
    for (const [architecture, bits, isLittle, step] of [
      [ia32, 32, true, 0x1000n],
      [sparc64, 64, false, 0x4000n],
    ] as const) {
      const program = writeElf({
        bits,
        isLittle,
        segments: [
          { address: 0x100123n, bytes: pattern(9001, 3), flags: R | X, alignment: 1n },
          { address: 0x120000n + step - 7n, bytes: pattern(5, 4), memoryBytes: 3n * step, flags: R | W, alignment: 1n },
          { address: 0x140010n, bytes: new Uint8Array(0), memoryBytes: 100n, flags: R | W, alignment: 1n },
          { address: 0x160000n, bytes: pattern(0x4000, 5), flags: R | W | X, alignment: 1n, offset: 777 },
        ],
      });
      const report = await runWorkload(architecture, { program }, checked);
      clean(report);
      expect(report.program?.writableCode).to.equal(1);
    }
  });

  it("refuses a program that does not fit, before anything is run", async () => {
    const at = (address: bigint) => writeElf({ segments: [{ address, bytes: pattern(100), flags: R | X, alignment: 1n }] });
    expect(await refusal(runWorkload(ia32, { program: at(0x9000_0000n) })))
      .to.contain("ERR_DOES_NOT_FIT")
      .and.to.contain("user's range");
    expect(await refusal(runWorkload(ia32, { program: at(0x100n) }))).to.contain("ERR_DOES_NOT_FIT");
    expect(await refusal(runWorkload(sparc64, { program: file("sort.amd64.elf") }))).to.contain("share a page");
    expect(await refusal(runWorkload(ia32, { program: file("sieve.i686.elf") }, { memoryBytes: 8192 }))).to.contain("ERR_OUT_OF_FRAMES");
    expect(await refusal(runWorkload(ia32, {}))).to.contain("ERR_BAD_ARGUMENT");
    const sized = (address: bigint, memoryBytes: bigint) => ({
      program: writeElf({ bits: 64, segments: [{ address, bytes: pattern(9), memoryBytes, flags: R | W, alignment: 1n }] }),
    });
    for (const architecture of [ia32, sparc64]) {
      expect(await refusal(runWorkload(architecture, sized(0x10_0000n, (1n << 64n) - 0x10_0000n)))).to.contain("ERR_DOES_NOT_FIT");
      expect(await refusal(runWorkload(architecture, sized(0xffff_ffff_0000_0000n, 0xffff_ffffn)))).to.contain("ERR_DOES_NOT_FIT");
    }
    expect(await refusal(runWorkload(ia32, { program: at(0x7fff_f000n) })))
      .to.contain("ERR_DOES_NOT_FIT")
      .and.to.contain("the stack");
  });

  it("puts the heap elsewhere if there is no room behind the last segment", async () => {
    for (const [architecture, top] of [
      [ia32, 0x7ffb_0000n],
      [sparc64, 0xffff_ffff_fff0_0000n],
    ] as const) {
      const program = writeElf({
        bits: architecture.wordBits,
        segments: [{ address: top, bytes: pattern(100), memoryBytes: 0x4000n, flags: R | W, alignment: 1n }],
      });
      const report = await runWorkload(architecture, { program }, checked);
      clean(report);
      expect(report.faults.pagesIn["anonymous"]).to.equal((2 * 65536) / report.pageBytes);
    }
  });

  it("moves a position-independent program by multiples of what its segments ask for", async () => {
    const program = writeElf({
      type: 3,
      entry: 0x40n,
      segments: [{ address: 0n, bytes: pattern(100), flags: R | X, alignment: 0x80_0000n, offset: 0x80_0000 }],
    });
    const report = await runWorkload(ia32, { program }, checked);
    clean(report);
    expect(report.program).to.include({ kind: "position-independent", entry: "0x800040" });
    expect(await refusal(runWorkload(ia32, { program }, { base: 0x40_0000n }))).to.contain("ERR_MISALIGNED");
    expect((await runWorkload(ia32, { program }, { base: 0x100_0000n })).program).to.include({ entry: "0x1000040" });
  });

  it("gives a program up that asks for more memory than there is, however much it asks for", async () => {
    for (const [architecture, memoryBytes] of [
      [ia32, 0x7000_0000n],
      [sparc64, 1n << 42n],
    ] as const) {
      const program = writeElf({
        bits: 64,
        segments: [{ address: 0x100000n, bytes: pattern(10), memoryBytes, flags: R | W, alignment: 1n }],
      });
      const report = await runWorkload(architecture, { program }, { ...checked, memoryBytes: 2 ** 20 });
      expect(report).to.include({ isComplete: false, refusedAccesses: 1000, wrongBytes: 0, leakedFrames: 0 });
      expect(report.faults.refused).to.deep.equal({ "out of memory": 1000 });
    }
  });

  it("loads files with thousands of segments", async () => {
    const segments = Array.from({ length: 5000 }, (_, i) => ({
      address: 0x100000n + BigInt(i) * 0x1000n,
      bytes: pattern(2, i),
      flags: R,
      alignment: 1n,
      offset: 0x100000,
    }));
    const report = await runWorkload(ia32, { program: writeElf({ segments }) }, { memoryBytes: 128 * 2 ** 20 });
    clean(report);
    expect(report.faults.pagesIn["image"]).to.equal(5000);
  });

  it("ends with a report without wrong bytes or a typed error whatever is done to a program's headers", async () => {
    const programs = ["sieve.i686", "words.pie.i686", "words.sparc64", "words.pie.sparc64"].map((name) => file(`${name}.elf`));
    const change = fc.record({
      at: fc.oneof(fc.nat({ max: 63 }), fc.integer({ min: 52, max: 340 })),
      byte: fc.oneof(fc.constantFrom(0, 1, 2, 4, 5, 6, 7, 0x10, 0x80, 0xff), fc.nat({ max: 255 })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...programs),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(ia32, sparc64),
        async (whole, changes, architecture) => {
          const program = new Uint8Array(whole);
          for (const { at, byte } of changes) program[at] = byte;
          try {
            expect(await runWorkload(architecture, { program }, { ...checked, memoryBytes: 2 ** 20 })).to.include({
              wrongBytes: 0,
              leakedFrames: 0,
            });
          } catch (error) {
            expect(error)
              .to.be.instanceOf(PortolanError)
              .with.property("code")
              .that.is.oneOf(["ERR_BAD_ELF", "ERR_DOES_NOT_FIT", "ERR_OUT_OF_FRAMES"]);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("takes words of ones for what they are, also after an access was refused", async () => {
    const program = writeElf({ segments: [{ address: 0x100000n, bytes: new Uint8Array(0x3000).fill(0xff), flags: R, alignment: 1n }] });
    const lines = [" L 100000,4", " S 100000,4", " L 100000,4", " L 101000,4", " S 101ffc,8", " L 101ffc,8"];
    for (const architecture of [ia32, sparc64]) {
      clean(await runWorkload(architecture, { program }, checked));
      const report = await runWorkload(architecture, { program, trace: textTrace(...lines) }, checked);
      expect(report).to.include({ wrongBytes: 0, bytesChecked: 20, leakedFrames: 0, refusedAccesses: 3 });
    }
  });

  it("refuses turns of no length", async () => {
    for (const slice of [0, -1, 1.5, NaN])
      expect(await refusal(runWorkload(ia32, { program: file("sieve.i686.elf") }, { slice }))).to.contain("ERR_BAD_ARGUMENT");
  });

  it("reports what the machine refuses, and goes on", async () => {
    const report = await runWorkload(ia32, { program: file("sieve.i686.elf") }, { ...checked, memoryBytes: 400 * 1024 });
    expect(report.refusedAccesses).to.be.greaterThan(0);
    expect(report.faults.refused).to.have.property("out of memory");
    expect(report.refusals[0]).to.include({ rule: "out of memory" });
    expect(report).to.include({ wrongBytes: 0, leakedFrames: 0 });
  });
});

describe("settling a trace", () => {
  const run = (architecture: Architecture, options: RunOptions, ...lines: string[]) =>
    runWorkload(architecture, { trace: textTrace(...lines) }, { ...checked, ...options });

  it("leaves regions where they are if they fit", async () => {
    const report = await run(ia32, {}, "I  00400000,4", " L 00402000,4", " S 7ffff000,4");
    clean(report);
    expect(report.trace).to.include({ regions: 3, movedRegions: 0, splitPages: 0 });
  });

  it("moves what lies outside only if it may", async () => {
    const lines = ["I  00400000,4", " S 1ffeffe7e8,8", " L 1ffeffe7e8,8", " S ffffffffff600000,8", " L 0,4"];
    expect(await refusal(run(ia32, {}, ...lines)))
      .to.contain("ERR_DOES_NOT_FIT")
      .and.to.contain("regions 3");
    const report = await run(ia32, { rebase: true }, ...lines);
    clean(report);
    expect(report.trace).to.include({ regions: 4, movedRegions: 3 });
    expect(await refusal(run(sparc64, {}, " L 0,4"))).to.contain("ERR_DOES_NOT_FIT");
    clean(await run(sparc64, {}, " S ffffffffff600000,8", " S 7ffffffe000,8"));
    expect(await refusal(run(sparc64, {}, " S 80000000000,8"))).to.contain("ERR_DOES_NOT_FIT");
  });

  it("gives a page that is written and executed two homes", async () => {
    const lines = ["I  00400000,4", " S 00400100,8", " L 00400100,8", "I  00400fff,4", " M 00400ffe,4"];
    expect(await refusal(run(ia32, {}, ...lines))).to.contain("written and executed");
    const report = await run(ia32, { rebase: true }, ...lines);
    clean(report);
    expect(report.trace).to.include({ splitPages: 2 });
  });

  it("serves accesses that cross pages, of any size, and remembers what was stored", async () => {
    const lines = [];
    for (let size = 1; size <= 64; size += 1)
      lines.push(
        ` S 0040${(0xfe0 + (size % 32)).toString(16)},${size}`,
        ` M 0040${(0xff0 - (size % 16)).toString(16)},${size}`,
        ` L 00400f00,512`,
      );
    for (const architecture of [ia32, sparc64, abs32le]) clean(await run(architecture, { processors: 2, slice: 3 }, ...lines));
  });
});
