/** Programs that answer: well, wrongly, not at all, with nonsense. */
import { amd64 } from "@portolan/arch-amd64";
import { oracle } from "@portolan/arch-amd64/oracle";
import { sparc64 } from "@portolan/arch-sparc64";
import { oracle as sparc64Oracle } from "@portolan/arch-sparc64/oracle";
import { conformChild } from "@portolan/conformance/child";
import { isGood, REPORTERS } from "@portolan/conformance";
import { publishedVectors } from "@portolan/conformance/published";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scriptsIn } from "./programs.js";

const subject = { architecture: amd64, oracle };
const source = fileURLToPath(new URL("../../../examples/adapter-amd64/adapter.c", import.meta.url));

describe("a program that answers for a machine", function () {
  this.timeout(60_000);
  const directory = mkdtempSync(join(tmpdir(), "portolan-adapter-"));
  after(() => rmSync(directory, { recursive: true }));

  /** Compiled with one sentence of it replaced. */
  const compiled = (name: string, sentence = "", by = ""): string => {
    const text = readFileSync(source, "utf8");
    if (!text.includes(sentence)) throw new Error(`the adapter does not say ${sentence}`);
    writeFileSync(join(directory, `${name}.c`), text.replace(sentence, by === "" ? sentence : by));
    execFileSync("cc", ["-std=c17", "-O1", "-D_GNU_SOURCE", "-o", join(directory, name), join(directory, `${name}.c`)]);
    return join(directory, name);
  };
  const scripted = scriptsIn(directory);
  const HELLO = 'if (op === "hello") { say(id, { protocol: 1, machine: "amd64" }); continue; }';

  it("in C agrees with everything that is asked", async () => {
    const report = await conformChild(subject, {
      command: compiled("honest"),
      only: ["L1.walk", "L1.marks", "L1.address", "L1.fault", "L2", "L6"],
    });
    expect(report.results.filter(({ outcome }) => outcome !== "PASS")).to.deep.equal([]);
    expect(isGood(report)).to.equal(true);
    expect(report.subject.way).to.equal("child");
  });

  /** Where the adapter prints a byte of its image. */
  const DUMPED = 'printf("%02x", ram[at - ram_first]);\n        printf';
  const LIES: readonly (readonly [name: string, sentence: string, by: string, clause: string])[] = [
    ["no-execute is ignored", "(entry & NO_EXECUTE) && control.nxe ? 0 : EXECUTE", "EXECUTE", "L1.walk.single-bits"],
    ["rights of the last level alone", "rights[each] &= entry_rights", "rights[each] = entry_rights", "L1.walk.rights-of-all-levels"],
    ["reserved bits are free", "if (entry & reserved_bits(entry, level))", "if (0)", "L1.walk.single-bits"],
    ["the first write is not marked", "access == WRITE ? DIRTY : 0", "0 ? DIRTY : 0", "L1.marks.write-is-recorded"],
    [
      "a page is not forgotten",
      "if (address - tlb[i].first < tlb[i].size)\n            tlb[i].valid = false",
      "if (0)\n            tlb[i].valid = false",
      "L2.invalidate.page",
    ],
    [
      "a switch changes nothing that is known",
      '*bit = is("value", "true");\n        forget(false);',
      '*bit = is("value", "true");',
      "L1.walk.switches-decide-at-once",
    ],
    ["addresses in the hole are addresses", 'return "bad-address";', ";", "L1.fault.hole"],
    ["image begins a page late", DUMPED, 'printf("%02x", ram[(at + 4096) % ram_bytes]);\n        printf', "L6.image.every-byte"],
    ["image goes on behind the end of memory", "count > 0 && has_memory(at, 1);", "count > 0;", "L6.image.every-byte"],
    [
      "image names another root",
      "(unsigned long long)(cr3 & ADDRESS)",
      "(unsigned long long)(cr3 & ADDRESS) + 4096",
      "L6.walk.as-the-live-machine",
    ],
    [
      "image lacks the entry of a page",
      DUMPED,
      'printf("%02x", at % 4096 == 0x90 ? 0 : ram[at - ram_first]);\n        printf',
      "L6.list.used-space-exactly",
    ],
    [
      "image is what memory was at the beginning",
      DUMPED,
      'printf("%02x", ram[at - ram_first] & (at % 8 == 0 ? 0x9f : 0xff));\n        printf',
      "L6.list.marks-as-recorded",
    ],
    [
      "dump marks what it reads",
      DUMPED,
      'printf("%02x", ram[at - ram_first] |= at % 8 == 0 && (ram[at - ram_first] & 1) ? 0x20 : 0);\n        printf',
      "L6.walk.leaves-no-mark",
    ],
    [
      "image keeps pages that are gone",
      DUMPED,
      'printf("%02x", at % 8 == 0 && ram[at - ram_first] == 0 && ram[at - ram_first + 8] ? ram[at - ram_first + 8] : ram[at - ram_first]);\n        printf',
      "L6.withdrawn.leaves-nothing",
    ],
  ];
  for (const [name, sentence, by, clause] of LIES) {
    it(`in C whose ${name} fails ${clause}, with the requests that show it`, async () => {
      const report = await conformChild(subject, { command: compiled(name.replaceAll(" ", "-"), sentence, by), only: [clause] });
      expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["FAIL"]);
      expect(report.results[0]?.log).to.match(/"op":"(?:translate|read|dump)"/);
    });
  }

  const TROUBLES: readonly (readonly [name: string, body: string, detail: string])[] = [
    ["hangs", HELLO, "it does not answer"],
    ["dies", `${HELLO} process.exit(3);`, "it ended"],
    ["talks nonsense", `${HELLO} console.log("what?");`, "no JSON"],
    ["answers something else", `${HELLO} say(id + 1, {});`, "does not carry the request's id"],
    ["answers without an answer", `${HELLO} say(id, {});`, "lacks what it must have"],
    ["answers with an error", `${HELLO} say(id, { error: "I am tired" });`, "I am tired"],
    ["answers with an error that is no text", `${HELLO} say(id, { error: 5 });`, "answered with an error: 5"],
    [
      "finds a place and a fault",
      `${HELLO} say(id, op === "translate" ? { physical: "0x0", fault: "absent" } : {});`,
      "lacks what it must have",
    ],
    ["finds a place that is no number", `${HELLO} say(id, op === "translate" ? { physical: "there" } : {});`, "lacks what it must have"],
    ["knows a fault that nobody knows", `${HELLO} say(id, op === "translate" ? { fault: "sigsegv" } : {});`, "lacks what it must have"],
    ["moves the cursor", `${HELLO} console.log("\\u001b[2J\\u0000");`, "\\u001b[2J\\u0000"],
    ["is another machine", 'say(id, { protocol: 1, machine: "vax" });', "does not answer for this machine"],
  ];
  for (const [name, body, detail] of TROUBLES) {
    it(`that ${name} gives ERROR for each clause, and the run goes on to its end`, async () => {
      const report = await conformChild(subject, {
        command: scripted(name.replaceAll(" ", "-"), body),
        timeoutMs: name === "hangs" ? 700 : 20_000,
        only: ["L1.marks"],
      });
      expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["ERROR", "ERROR", "ERROR"]);
      for (const result of report.results) expect(result.detail).to.include(detail);
      expect(isGood(report)).to.equal(false);
    });
  }

  it("in C without images of itself is not asked about them, and the rest counts", async () => {
    const command = compiled("without-dump", 'is("op", "dump")', 'is("op", "never")');
    const report = await conformChild(subject, { command, only: ["L6", "L1.marks"] });
    const outcomes = report.results.map(({ clause, outcome }) => `${clause.slice(0, 2)} ${outcome}`);
    expect(new Set(outcomes)).to.deep.equal(new Set(["L1 PASS", "L6 UNSUPPORTED"]));
    expect(isGood(report)).to.equal(true);
  });

  for (const [name, answer] of [
    ["half a byte", '{ bytes: "0", root: "0x0" }'],
    ["more than was asked for", '{ bytes: "00".repeat(request.count + 1), root: "0x0" }'],
    ["no root", '{ bytes: "" }'],
  ] as const) {
    it(`whose image has ${name} gives ERROR`, async () => {
      const body = `${HELLO} say(id, op === "dump" ? ${answer} : {});`;
      const report = await conformChild(subject, { command: scripted(name.replaceAll(" ", "-"), body), only: ["L6.image"] });
      expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["ERROR"]);
      expect(report.results[0]?.detail).to.include("lacks what it must have");
    });
  }

  it("that is not there gives ERROR for each clause", async () => {
    const report = await conformChild(subject, { command: join(directory, "nothing"), timeoutMs: 2000, only: ["L1.marks"] });
    expect(new Set(report.results.map(({ outcome }) => outcome))).to.deep.equal(new Set(["ERROR"]));
  });

  it("that dies in one clause is started again for the next", async () => {
    const body = `${HELLO} if (op === "read") process.exit(1); say(id, op === "translate" ? { physical: "0x0" } : {});`;
    const report = await conformChild(subject, { command: scripted("weak", body), only: ["L1.marks.access-is-recorded", "L1.address"] });
    expect(report.results.map(({ outcome }) => outcome)).to.include("FAIL");
  });

  it("in C that prints bytes in capitals says the same", async () => {
    const report = await conformChild(subject, { command: compiled("capitals", '"%02x"', '"%02X"'), only: ["L6.image", "L1.marks"] });
    expect(new Set(report.results.map(({ outcome }) => outcome))).to.deep.equal(new Set(["PASS"]));
  });

  it("in C that cannot forget a page is good, and not certified", async () => {
    const command = compiled("partial-certificate", 'is("op", "invalidate")', 'is("op", "never")');
    const named = (outcome: string): readonly string[] => report.results.flatMap((one) => (one.outcome === outcome ? [one.clause] : []));
    const report = await conformChild(subject, { command, profile: "certified" });
    expect(named("UNRESOLVED")).to.include("L2.invalidate.page");
    expect(named("FAIL")).to.deep.equal([]);
    expect([report.isCertified, isGood(report)]).to.deep.equal([false, false]);
    expect(isGood(await conformChild(subject, { command, only: ["L2.invalidate"] }))).to.equal(true);
  });

  it("in C without images is certified for what it was asked", async () => {
    const command = compiled("certified-without-dump", 'is("op", "dump")', 'is("op", "never")');
    const report = await conformChild({ ...subject, vectors: publishedVectors("amd64") }, { command, profile: "certified" });
    expect(report.isCertified).to.equal(true);
    expect(REPORTERS.badge(report)).to.include("certified for L1 L2,");
  });

  it("is asked for the groups of its profile", async () => {
    const report = await conformChild(subject, { command: compiled("smp"), profile: "teaching", only: ["L1.marks", "L2"] });
    expect(new Set(report.results.map(({ group }) => group))).to.deep.equal(new Set(["L1"]));
  });

  it("is expected to fail by a file that says why", async () => {
    const [dirty, accessed] = ["L1.marks.write-is-recorded", "L1.marks.access-is-recorded"];
    const report = await conformChild(subject, {
      command: compiled("expected", "access == WRITE ? DIRTY : 0", "0 ? DIRTY : 0"),
      only: [dirty, accessed],
      expectations: [dirty, accessed].map((clause) => ({ clause, why: "nobody writes" })),
    });
    expect(report.results.map(({ outcome }) => outcome)).to.have.members(["XFAIL", "XPASS"]);
    for (const { detail } of report.results) expect(detail).to.include("nobody writes");
  });

  describe("of a machine whose TLB software fills", () => {
    const own = { architecture: sparc64, oracle: sparc64Oracle, vectors: publishedVectors("sparc64") };
    /** Lists of entries, the lowest number first. The kernel has a number of its own. */
    const buffer = `
      if (op === "hello") { say(id, { protocol: 1, machine: "sparc64" }); continue; }
      if (op === "reset") globalThis.units = { data: [], instruction: [] };
      if (op === "root") globalThis.asid = request.asid;
      if (op === "entry") units[request.unit][request.index] = request;
      if (op !== "translate") { say(id, {}); continue; }
      const { access, privilege } = request;
      const [at, own] = [BigInt(request.address), privilege === "user" ? asid : 0];
      const holds = ({ virtual, bytes }) => at >= BigInt(virtual) && at < BigInt(virtual) + BigInt(bytes);
      if (at >= 2n ** 43n && at < 2n ** 64n - 2n ** 43n) { say(id, { fault: "bad-address" }); continue; }
      const hit = units[access === "execute" ? "instruction" : "data"].find((one) => one && (one.global || one.asid === own) && holds(one));
      const letter = { read: "r", write: "w", execute: "x" }[access];
      if (!hit) say(id, { fault: "absent" });
      else if (!hit[privilege].includes(letter)) say(id, { fault: hit.kernel === "" ? "reserved" : hit[privilege] === "" ? "privileged" : "protection" });
      else say(id, { physical: "0x" + (BigInt(hit.physical) + at - BigInt(hit.virtual)).toString(16) });`;

    it("is asked with entries, and not about tables", async () => {
      const report = await conformChild(own, { command: scripted("buffer", buffer), profile: "certified" });
      const passed = report.results.flatMap(({ clause, outcome }) => (outcome === "PASS" ? [clause] : []));
      expect(passed).to.deep.equal(["L1.vectors.published"]);
      expect(report.isCertified).to.equal(true);
    });

    it("is not asked about entries that its hardware does not have, and is about others", async () => {
      // Loads and stores go by one buffer, fetches by the other.
      const isNone = `(request.unit === "data" ? "x" : "r").split("").some((letter) => request.kernel.includes(letter))`;
      const proper = buffer.replace(
        'if (op === "entry")',
        `if (op === "entry" && ${isNone}) { say(id, { error: "unsupported" }); continue; } if (op === "entry")`,
      );
      const only = ["L1.vectors"];
      const outcomes = async (name: string, body: string): Promise<readonly string[]> =>
        (await conformChild(own, { command: scripted(name, body), only })).results.map(({ outcome }) => outcome);
      expect(await outcomes("proper", proper)).to.deep.equal(["PASS"]);
      expect((await conformChild(own, { command: scripted("proper", proper), profile: "certified" })).isCertified).to.equal(true);
      expect(await outcomes("proper-liar", proper.replace("one.asid === own", "true"))).to.deep.equal(["FAIL"]);
      expect(await outcomes("none", proper.replace(isNone, "true"))).to.deep.equal(["UNSUPPORTED"]);
    });

    it("may tell what is the kernel's as forbidden", async () => {
      const command = scripted("one-word", buffer.replace('"privileged"', '"protection"'));
      const report = await conformChild(own, { command, only: ["L1.vectors"] });
      expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["PASS"]);
    });

    for (const [name, sentence, by] of [
      ["takes a page for loads that must not fault for any other", 'hit.kernel === "" ? "reserved" : ', ""],
      ["knows no hole", "at >= 2n ** 43n &&", "false &&"],
      ["has one buffer for both", 'access === "execute" ? "instruction" : "data"', '"data"'],
      ["ignores what is global", "one.global || ", ""],
      ["takes every page for the kernel's to use", 'privilege === "user" ? asid : 0', "asid"],
      ["knows 8 KiB pages alone", "BigInt(virtual) + BigInt(bytes)", "BigInt(virtual) + 0x2000n"],
    ] as const)
      it(`fails where it ${name}`, async () => {
        if (!buffer.includes(sentence)) throw new Error(`the program does not say ${sentence}`);
        const command = scripted(`sparc-${name.replaceAll(/[^a-zA-Z0-9]/g, "-")}`, buffer.replace(sentence, by));
        const report = await conformChild(own, { command, only: ["L1.vectors"] });
        expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["FAIL"]);
      });

    it("fails where it looks at no tags", async () => {
      const command = scripted("no-tags", buffer.replace("one.asid === own", "true"));
      const report = await conformChild(own, { command, only: ["L1.vectors"] });
      expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["FAIL"]);
      expect(report.results[0]?.log).to.include('"op":"entry"');
    });
  });

  it("that does not support a request is not failed for it", async () => {
    const report = await conformChild(subject, {
      command: scripted("partial", `${HELLO} say(id, { error: "unsupported" });`),
      only: ["L1.marks"],
    });
    expect(new Set(report.results.map(({ outcome }) => outcome))).to.deep.equal(new Set(["UNSUPPORTED"]));
  });
});
