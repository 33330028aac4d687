/** The POSIX face against the running kernel: the same calls, the same answers, the same bytes. */
import { Random } from "@portolan/core";
import { expect } from "chai";
import { callOf, lineOf, scriptOf, type Call } from "./calls.js";
import { campaign, failureInWords, shrunkLog } from "./campaign.js";
import { compareWorld } from "./compare.js";
import { canonical, digestOf } from "./dumps.js";
import { openKernel, type Kernel } from "./linux.js";
import { readRecord, recordOf } from "./recorded.js";

/** PORTOLAN_POSIX_SEEDS asks for more of them; tools/posix-campaign.mjs for as many as one likes. */
const SEEDS = Number(process.env["PORTOLAN_POSIX_SEEDS"] ?? "200");
const CALLS = 70;
/** Frames of a machine that is short of memory: tables take about half of them. */
const SHORT = 40;

describe("the POSIX face and the running kernel", () => {
  let kernel: Kernel = { missing: "nobody has asked" };

  before(function () {
    this.timeout(120_000);
    kernel = openKernel();
  });

  after(() => {
    if ("ask" in kernel) kernel.close();
  });

  it(`give the same answers, rights, signals and bytes over ${SEEDS} seeds`, function () {
    this.timeout(Math.max(240_000, SEEDS * 1000));
    if ("missing" in kernel) {
      // Mocha counts it as pending: it has shown nothing.
      console.log(`      not compared with the kernel: ${kernel.missing}`);
      this.skip();
    }
    const { seeds, calls, failures } = campaign(kernel, 1, SEEDS, CALLS);
    expect(failures.map(failureInWords).join("\n")).to.equal("");
    expect(seeds).to.equal(SEEDS);
    // All but those of processes in worlds that ended early for a reason that is listed.
    expect(calls).to.be.greaterThan(SEEDS * 50);
  });

  it("give the same answers when ours has so little memory that pages go to swap all the time", function () {
    this.timeout(120_000);
    if ("missing" in kernel) this.skip();
    const { failures } = campaign(kernel, 5001, Math.ceil(SEEDS / 5), CALLS, { comparison: { frames: SHORT } });
    expect(failures.map(failureInWords).join("\n")).to.equal("");
  });

  it("meet where Linux's documentation is silent, or says otherwise", function () {
    this.timeout(60_000);
    if ("missing" in kernel) this.skip();
    const told: readonly (readonly [title: string, script: readonly string[], answers: readonly string[]])[] = [
      [
        "mprotect gives what lies below a hole its new rights",
        ["0 mmap a0 0x2000 3 0x32 -1 0", "0 mprotect a0 0x4000 1", "0 store a0 144"],
        ["a0x0", "-12", "SIGSEGV SEGV_ACCERR"],
      ],
      [
        "madvise goes on behind a hole",
        [
          "0 mmap a0 0x1000 3 0x32 -1 0",
          "0 mmap a0x2000 0x1000 3 0x32 -1 0",
          "0 store a0x2000 144",
          "0 madvise a0 0x3000 4",
          "0 load a0x2000",
        ],
        ["a0x0", "a0x2000", "0", "-12", "0"],
      ],
      ["mapping nothing at a bad descriptor is the descriptor's fault", ["0 mmap 0 0 3 2 99 0"], ["-9"]],
      [
        "a stack has grown when the access to it is refused",
        ["0 mmap a0x10000 0x1000 0 0x132 -1 0", "0 load a0x8000", "0 mprotect a0x8000 0x1000 3"],
        ["a0x10000", "SIGSEGV SEGV_ACCERR", "0"],
      ],
      [
        "truncation takes private copies away",
        [
          "0 open 0 2",
          "0 pwrite 3 0 4096 1",
          "0 mmap a0 0x1000 3 0x12 3 0",
          "0 store a0x8 7",
          "0 ftruncate 3 0",
          "0 load a0x8",
          "0 ftruncate 3 4096",
          "0 load a0x8",
        ],
        ["3", "4096", "a0x0", "0", "0", "SIGBUS BUS_ADRERR", "0", "0"],
      ],
    ];
    const scripts = told.map(([, script]) => script.map(callOf));
    const { features, worlds } = kernel.ask(scripts);
    for (const [index, [title, , answers]] of told.entries()) {
      expect(worlds[index], `Linux: ${title}`).to.deep.equal(answers);
      expect(compareWorld(scripts[index] ?? [], worlds[index] ?? [], features).difference, title).to.equal(null);
    }
  });
});

describe("the POSIX face and answers that a kernel gave once", () => {
  it("agree, where there is no kernel to ask too", () => {
    const { features, worlds } = readRecord();
    expect(worlds.length).to.be.greaterThan(20);
    for (const [index, { calls, answers }] of worlds.entries()) {
      expect(compareWorld(calls, answers, features).difference, `world ${index + 1} of recorded.txt`).to.equal(null);
      expect(compareWorld(calls, answers, features, { frames: SHORT }).difference, `world ${index + 1}, with swap`).to.equal(null);
    }
  });

  it("agree though memory is short for a part of nearly every call: it has not happened then, and can be made again", () => {
    const { features, worlds } = readRecord();
    for (const [index, { calls, answers }] of worlds.entries()) {
      for (let seed = 1; seed <= 2; seed += 1)
        expect(
          compareWorld(calls, answers, features, { shortage: new Random(seed) }).difference,
          `world ${index + 1}, seed ${seed}`,
        ).to.equal(null);
    }
  });
});

describe("the comparison itself", () => {
  it("keeps answers as they were, and dumps as what they say", () => {
    const features = { movesSeveral: false, lowest: 4096n };
    const calls = ["0 mmap a0x0 0x1000 3 0x32 -1 0x0", "0 dump"].map(callOf);
    const dump = "\n area a0x0 a0x1000 rw-p 0x0 -\n page a0x0 76efddc5";
    const { worlds, ...rest } = readRecord(recordOf([calls], { features, worlds: [["a0x0", dump]] }));
    expect([rest.features, worlds]).to.deep.equal([features, [{ calls, answers: ["a0x0", digestOf(dump)] }]]);
  });

  it("tells of an answer that differs, with the call", () => {
    const calls = ["0 mmap a0 0x1000 3 0x32 -1 0", "0 munmap a0 0x1000"].map(callOf);
    const { difference } = compareWorld(calls, ["a0x0", "-22"], { movesSeveral: true, lowest: 0x1_0000n });
    expect(difference).to.deep.equal({ at: 1, call: "0 munmap a0 0x1000", ours: "0", kernel: "-22" });
  });

  it("tells of a byte that differs, and of rights", () => {
    const calls = ["0 mmap a0 0x1000 3 0x32 -1 0", "0 dump"].map(callOf);
    const features = { movesSeveral: true, lowest: 0x1_0000n };
    const right = "\n area a0x0 a0x1000 rw-p 0x0 -\n page a0x0 76efddc5";
    expect(compareWorld(calls, ["a0x0", right], features).difference).to.equal(null);
    expect(compareWorld(calls, ["a0x0", right.replace("76efddc5", "76efddc6")], features).difference).not.to.equal(null);
    expect(compareWorld(calls, ["a0x0", right.replace("rw-p", "rwxp")], features).difference).not.to.equal(null);
  });

  it("takes areas that look like one for one, and others not", () => {
    const dump = (...lines: string[]): string => canonical(lines.map((line) => ` area ${line}`).join("\n"));
    expect(dump("a0x0 a0x1000 rw-p 0x0 -", "a0x1000 a0x3000 rw-p 0x0 -")).to.equal(dump("a0x0 a0x3000 rw-p 0x0 -"));
    expect(dump("t0x3000 t0x2000 rw-s 0x0 f1", "t0x2000 t0x0 rw-s 0x1000 f1")).to.equal(dump("t0x3000 t0x0 rw-s 0x0 f1"));
    expect(dump("a0x0 a0x1000 rw-s 0x0 f1", "a0x1000 a0x3000 rw-s 0x0 f1")).not.to.equal(dump("a0x0 a0x3000 rw-s 0x0 f1"));
    expect(dump("a0x0 a0x1000 rw-s 0x0 z4", "a0x1000 a0x3000 rw-s 0x1000 z5")).not.to.equal(dump("a0x0 a0x3000 rw-s 0x0 z4"));
  });

  it("makes scripts that depend on their seed alone, and shrinks one to what is needed", () => {
    expect(scriptOf(7, 40).map(lineOf)).to.deep.equal(scriptOf(7, 40).map(lineOf));
    expect(scriptOf(7, 40)).not.to.deep.equal(scriptOf(8, 40));
    const script = scriptOf(3, 60);
    // Something is wrong with every script that stores and loads afterwards.
    const differsAt = (calls: readonly Call[]): number => {
      const store = calls.findIndex(({ name }) => name === "store");
      return store < 0 ? -1 : calls.findIndex(({ name }, at) => name === "load" && at > store);
    };
    const log = shrunkLog(script.slice(0, differsAt(script) + 1), (tries) => tries.map(differsAt));
    expect(log.map(({ name }) => name)).to.deep.equal(["store", "load"]);
  });
});
