/** Rows that real TLBs can hold: what the sets are, who is certified by them, and which lies they find. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { mips32, mips32With } from "@portolan/arch-mips32";
import { mips32be } from "@portolan/arch-mips32/big";
import { oracle as mips32beOracle } from "@portolan/arch-mips32/big/oracle";
import { oracle as mips32Oracle } from "@portolan/arch-mips32/oracle";
import { sparc64 } from "@portolan/arch-sparc64";
import { oracle as sparc64Oracle } from "@portolan/arch-sparc64/oracle";
import {
  conform,
  isGood,
  makeVectors,
  readVectors,
  strangersInRows,
  vectorsText,
  type Report,
  type VectorSet,
} from "@portolan/conformance";
import { conformChild } from "@portolan/conformance/child";
import { publishedVectors } from "@portolan/conformance/published";
import { PortolanError, type Oracle } from "@portolan/core";
import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptsIn } from "./programs.js";

const MACHINES = [
  { architecture: mips32, oracle: mips32Oracle },
  { architecture: mips32be, oracle: mips32beOracle },
  { architecture: sparc64, oracle: sparc64Oracle },
] as const;

const published = (machine: string, name: string): VectorSet => {
  const set = publishedVectors(machine).find((one) => one.set === name);
  if (set === undefined) throw new Error(`${machine} has no set ${name}`);
  return set;
};

type Changeable<T> = { -readonly [Key in keyof T]: Changeable<T[Key]> };
const copyOf = (set: VectorSet): Changeable<VectorSet> => structuredClone(set) as Changeable<VectorSet>;

describe("rows that hardware can hold", () => {
  for (const { architecture, oracle } of MACHINES) {
    it(`are made the same again for ${architecture.name}, and confirmed by the second decoder and a naive reading on the way`, () => {
      const made = makeVectors(architecture, oracle).find(({ set }) => set === "hardware-rows");
      const text = readFileSync(new URL(`../vectors/${architecture.name}/hardware-rows.json`, import.meta.url), "utf8");
      expect(made === undefined ? "" : vectorsText(made)).to.equal(text);
    });

    it(`are those of the published set of ${architecture.name}, and not those of any rights`, () => {
      expect(strangersInRows(published(architecture.name, "hardware-rows"), architecture)).to.deep.equal([]);
      const entries = published(architecture.name, "entries");
      expect(strangersInRows(entries, architecture)).to.deep.equal([]);
      const found = strangersInRows({ ...entries, rows: "hardware" }, architecture);
      expect(new Set(found.map(([, reason]) => reason))).to.deep.equal(new Set(["has rights that no entry can have"]));
    });
  }

  it("are made for smaller TLBs in parts, and said to be confirmed by a decoder only where there is one", async () => {
    const architecture = mips32With({ processor: "4Kc", name: "mips4kc" });
    const [, set] = makeVectors(architecture);
    if (set === undefined) throw new Error("the port tells what its TLBs can hold");
    expect(set.vectors.map(({ name }) => name)).to.include.members([
      "entries that are global in both halves, in one of them, in none, of this space and of another (1 of 2)",
      "entries that are global in both halves, in one of them, in none, of this space and of another (2 of 2)",
    ]);
    expect(set.provenance).to.not.include("second decoder");
    expect(strangersInRows(set, architecture)).to.deep.equal([]);
    const report = await conform({ architecture, vectors: [set] }, { only: ["L1.vectors"], policies: ["described"] });
    expect(report.results.map(({ outcome }) => outcome)).to.deep.equal(["PASS"]);
  });

  it("are not made where the second decoder reads other rights in an entry", () => {
    const [first] = mips32Oracle.others ?? [];
    if (first === undefined) throw new Error("the port has a second decoder of EntryLo");
    const lies: Oracle = {
      ...mips32Oracle,
      others: [{ ...first, decode: (word) => first.decode(word & ~4n) }],
    };
    expect(() => makeVectors(mips32, lies)).to.throw("the second decoder reads other rights");
  });

  it("reach every size, both halves, tags bit by bit, and what addresses alone decide", () => {
    const { vectors } = published("mips32", "hardware-rows");
    const rows = vectors.flatMap(({ tlb = [] }) => tlb);
    const distinct = (values: readonly unknown[]): number => new Set(values).size;
    expect(distinct(rows.map(({ bytes }) => bytes))).to.equal(7);
    expect(distinct(rows.map(({ index }) => index))).to.equal(48);
    expect(distinct(rows.map(({ kernel, user, valid, global }) => `${kernel} ${user} ${valid} ${global}`))).to.equal(5);
    for (let bit = 0; bit < 8; bit += 1) expect(rows.some(({ asid }) => asid === (2 ^ (2 ** bit)))).to.equal(true);
    const faults = vectors.flatMap(({ queries }) => queries.flatMap(({ answer }) => ("fault" in answer ? [answer.fault] : [])));
    expect(new Set(faults)).to.deep.equal(new Set(["absent", "protection", "bad-address"]));
    const sparcs = published("sparc64", "hardware-rows").vectors;
    const told = sparcs.flatMap(({ queries }) => queries.flatMap(({ answer }) => ("fault" in answer ? [answer.fault] : [])));
    expect(new Set(told)).to.deep.equal(new Set(["absent", "protection", "privileged", "reserved", "bad-address"]));
  });

  it("fail the clause of our own machine where they say something wrong, also of a half", async () => {
    const set = copyOf(published("mips32", "hardware-rows"));
    const odd = set.vectors[0]?.tlb?.find(({ virtual, bytes, valid }) => valid !== false && (BigInt(virtual) / BigInt(bytes)) % 2n === 1n);
    if (odd === undefined) throw new Error("some odd half is valid");
    odd.physical = "0x10000";
    const report = await conform({ architecture: mips32, vectors: [set] }, { only: ["L1.vectors"], policies: ["described"] });
    expect(report.results[0]?.outcome).to.equal("FAIL");
  });

  describe("and rows that are none", () => {
    const schema = new Ajv2020().compile(
      JSON.parse(readFileSync(new URL("../schema/vectors.schema.json", import.meta.url), "utf8")) as object,
    );
    type Row = Changeable<NonNullable<VectorSet["vectors"][number]["tlb"]>[number]>;
    const damaged = (damage: (rows: Row[], set: Changeable<VectorSet>) => void, machine = "mips32"): VectorSet => {
      const set = copyOf(published(machine, "hardware-rows"));
      damage(set.vectors[0]?.tlb ?? [], set);
      return set;
    };
    const first = (change: Partial<Row>) => (rows: Row[]) => void Object.assign(rows[0] ?? {}, change);

    const REFUSED: readonly (readonly [
      what: string,
      place: string,
      damage: (rows: Row[], set: Changeable<VectorSet>) => void,
      inSchema: boolean,
    ])[] = [
      ["a kind of rows that nobody knows", "rows", (_rows, set) => Object.assign(set, { rows: "some" }), true],
      ["a word in place of true or false", "vectors[0].tlb[0].valid", (rows) => Object.assign(rows[0] ?? {}, { valid: "no" }), true],
      ["rights in a row that is not valid", "vectors[0].tlb[0]", first({ valid: false, kernel: "rx", user: "rx" }), true],
      ["a half that lies elsewhere", "vectors[0].tlb[1]", (rows) => Object.assign(rows[1] ?? {}, { virtual: "0x90000" }), false],
      [
        "a half that begins where the other does",
        "vectors[0].tlb[1]",
        (rows) => Object.assign(rows[1] ?? {}, { virtual: rows[0]?.virtual }),
        false,
      ],
      ["a half of another size", "vectors[0].tlb[1]", (rows) => Object.assign(rows[1] ?? {}, { bytes: "0x4000" }), false],
      ["a half of another tag", "vectors[0].tlb[1]", (rows) => Object.assign(rows[1] ?? {}, { asid: 9 }), false],
      ["three halves", "vectors[0].tlb[2]", (rows) => Object.assign(rows[2] ?? {}, { ...rows[0] }), false],
    ];
    for (const [what, place, damage, inSchema] of REFUSED)
      it(`are refused by the reader: ${what}`, () => {
        const set = damaged(damage);
        expect(() => readVectors(JSON.stringify(set), "damaged.json"))
          .to.throw(PortolanError)
          .that.has.nested.property("values.place", place);
        expect(schema(JSON.parse(JSON.stringify(set)))).to.equal(!inSchema);
      });

    const STRANGE: readonly (readonly [reason: string, machine: "mips32" | "sparc64", damage: (rows: Row[]) => void])[] = [
      ["has rights that no entry can have", "mips32", (rows) => Object.assign(rows[2] ?? {}, { valid: true, kernel: "r", user: "r" })],
      ["has rights that no entry can have", "mips32", (rows) => Object.assign(rows[0] ?? {}, { valid: true })],
      ["has rights that no entry can have", "sparc64", first({ kernel: "rwx", user: "rwx" })],
      ["has rights that no entry can have", "sparc64", first({ kernel: "r", user: "rw" })],
      ["is not valid, and matches nothing then", "sparc64", first({ valid: false, kernel: "", user: "" })],
      ["is of a TLB that the machine does not have", "mips32", first({ unit: "instruction" })],
      ["is none of 48 entries", "mips32", first({ index: 48 })],
      ["maps as many bytes as no entry does", "sparc64", first({ bytes: "0x4000" })],
      ["maps as many bytes as no entry does", "mips32", (rows) => void rows.shift()],
      ["does not begin where a page of its size can", "sparc64", first({ physical: "0x1000" })],
      [
        "is of an entry that another row is of, and entries are not paired",
        "sparc64",
        (rows) => rows.push(...rows.slice(0, 1).map((row) => ({ ...row, virtual: "0x82000" }))),
      ],
      ["has a tag of more than 13 bits", "sparc64", first({ asid: 8192 })],
    ];
    for (const [reason, machine, damage] of STRANGE)
      it(`are strangers to ${machine}: a row that ${reason}`, () => {
        const architecture = machine === "mips32" ? mips32 : sparc64;
        const found = strangersInRows(damaged(damage, machine), architecture);
        expect(found.map(([, why]) => why)).to.include(reason);
      });
  });

  describe("asked of a program", function () {
    this.timeout(60_000);
    const directory = mkdtempSync(join(tmpdir(), "portolan-rows-"));
    const scripted = scriptsIn(directory);
    after(() => rmSync(directory, { recursive: true }));

    /** A MIPS with nothing but its registers: EntryHi, PageMask and two EntryLo for each of 48 entries. It has no R, no X, no U. */
    const mips = (machine: string): string => `
      const [V, D, G] = [2, 4, 1];
      if (op === "hello") { say(id, { protocol: 1, machine: "${machine}" }); continue; }
      if (op === "reset") globalThis.tlb = Array.from({ length: 48 }, () => null);
      if (op === "root") globalThis.asid = request.asid;
      if (op === "entry") {
        const { index, bytes, kernel, user, valid = true, global } = request;
        const bits = valid ? { rwx: V + D, rx: V }[kernel] : 0;
        const shift = Math.log2(Number(bytes));
        const isPair = shift % 2 === 1;
        const page = isPair ? Number(bytes) / 2 : Number(bytes);
        if (bits === undefined || kernel !== user || !tlb.hasOwnProperty(index)) { say(id, { error: "unsupported" }); continue; }
        const lo = (physical) => (physical / 4096) * 64 + 3 * 8 + bits + (global ? G : 0);
        const at = Number(request.virtual);
        const hi = at - (at % (page * 2)) + request.asid;
        const pageMask = page * 2 - 0x2000;
        const before = tlb[index];
        const los = before !== null && before.hi === hi && before.pageMask === pageMask ? before.los : [0, 0];
        const physical = Number(request.physical);
        if (isPair) [los[0], los[1]] = [lo(physical), lo(physical + page)];
        else los[Math.floor(at / page) % 2] = lo(physical);
        tlb[index] = { hi, pageMask, los };
        say(id, {});
        continue;
      }
      if (op !== "translate") { say(id, {}); continue; }
      const at = Number(request.address);
      const found = (physical) => say(id, { physical: "0x" + physical.toString(16) });
      if (request.privilege === "user" && at >= 0x80000000) { say(id, { fault: "bad-address" }); continue; }
      if (at >= 0x80000000 && at < 0xc0000000) { found(at % 0x20000000); continue; }
      const entry = tlb.find((one) => {
        if (one === null || ((one.hi ^ at) & ~one.pageMask & 0xffffe000) !== 0) return false;
        return (one.los[0] & one.los[1] & G) !== 0 || (one.hi & 0xff) === asid;
      });
      if (entry === undefined) { say(id, { fault: "absent" }); continue; }
      const size = (entry.pageMask + 0x2000) / 2;
      const half = Math.floor(at / size) % 2;
      const lo = entry.los[half];
      if ((lo & V) === 0) say(id, { fault: "absent" });
      else if (request.access === "write" && (lo & D) === 0) say(id, { fault: "protection" });
      else found(Math.floor(lo / 64) * 4096 + (at % size));`;
    const changed = (sentence: string, by: string): string => {
      const body = mips("mips32");
      if (!body.includes(sentence)) throw new Error(`the program does not say ${sentence}`);
      return body.replace(sentence, by);
    };
    const subject = { architecture: mips32, oracle: mips32Oracle, vectors: publishedVectors("mips32") };
    const alone = { ...subject, vectors: [published("mips32", "hardware-rows")] };
    const outcomeOf = ({ results }: Report): string | undefined => results.find(({ clause }) => clause === "L1.vectors.published")?.outcome;

    for (const { architecture, oracle } of MACHINES.slice(0, 2)) {
      it(`that is a true ${architecture.name} passes, and is certified though rows of any rights do not exist there`, async () => {
        const vectors = publishedVectors(architecture.name);
        const command = scripted(`true-${architecture.name}`, mips(architecture.name));
        const report = await conformChild({ architecture, oracle, vectors }, { command, profile: "certified" });
        expect(report.results.filter(({ outcome }) => outcome !== "UNSUPPORTED").map(({ detail }) => detail)).to.deep.equal([""]);
        expect([outcomeOf(report), report.isCertified, isGood(report)]).to.deep.equal(["PASS", true, true]);
        const only = [published(architecture.name, "hardware-rows")];
        const again = await conformChild({ architecture, oracle, vectors: only }, { command, only: ["L1.vectors"] });
        expect(outcomeOf(again)).to.equal("PASS");
      });
    }

    const LIES: readonly (readonly [name: string, sentence: string, by: string])[] = [
      ["ignores D", "(lo & D) === 0", "false"],
      ["ignores V", "(lo & V) === 0", "lo === 0"],
      [
        "tells an invalid half as one without D",
        'say(id, { fault: "absent" });\n      else',
        'say(id, { fault: "protection" });\n      else',
      ],
      ["ignores G", "(one.los[0] & one.los[1] & G) !== 0 ||", ""],
      ["takes G of one half for both", "one.los[0] & one.los[1] & G", "(one.los[0] | one.los[1]) & G"],
      [
        "takes G of valid halves alone",
        "(one.los[0] & one.los[1] & G) !== 0",
        "one.los.every((each) => (each & V) === 0 || (each & G) !== 0)",
      ],
      ["swaps the halves", "entry.los[half]", "entry.los[1 - half]"],
      ["looks at no tags", "(one.hi & 0xff) === asid", "true"],
      ["looks at seven bits of tags", "(one.hi & 0xff) === asid", "(one.hi & 0x7f) === (asid & 0x7f)"],
      [
        "forgets the tag of a space when the kernel asks",
        "(one.hi & 0xff) === asid",
        '(request.privilege === "kernel" || (one.hi & 0xff) === asid)',
      ],
      ["knows 4 KiB pages alone", "~one.pageMask &", ""],
      ["takes the wrong bit for the half", "Math.floor(at / size) % 2", "Math.floor(at / 4096) % 2"],
      ["has no segments", "at >= 0x80000000 && at < 0xc0000000", "false"],
      ["lets the user into the kernel's segments", 'request.privilege === "user" && at >= 0x80000000', "false"],
      ["looks into its TLB for kseg1", "at < 0xc0000000", "at < 0xa0000000"],
      ["takes kseg2 for unmapped", "at < 0xc0000000", "at <= 0xffffffff"],
    ];
    for (const [name, sentence, by] of LIES)
      it(`that ${name} fails`, async () => {
        const command = scripted(`liar-${name.replaceAll(/[^a-zA-Z0-9]/g, "-")}`, changed(sentence, by));
        expect(outcomeOf(await conformChild(alone, { command, only: ["L1.vectors"] }))).to.equal("FAIL");
      });

    const REFUSALS: readonly (readonly [name: string, when: string])[] = [
      ["every row", "true"],
      ["halves that are not valid", "!valid"],
      ["pages of 16 MiB", "page === 2 ** 24"],
      ["halves without D", 'kernel === "rx"'],
      ["global halves", "global"],
      ["entries beyond the 32nd", "index > 31"],
    ];
    for (const [name, when] of REFUSALS)
      it(`that refuses ${name} is not certified`, async () => {
        const command = scripted(`refuses-${name.replaceAll(" ", "-")}`, changed("bits === undefined", `(${when}) || bits === undefined`));
        const certified = await conformChild(subject, { command, profile: "certified" });
        expect([outcomeOf(certified), certified.isCertified, isGood(certified)]).to.deep.equal(["UNRESOLVED", false, false]);
        expect(certified.results.find(({ outcome }) => outcome === "UNRESOLVED")?.detail).to.include("does not support");
        expect(outcomeOf(await conformChild(subject, { command, only: ["L1.vectors"] }))).to.equal("UNSUPPORTED");
      });

    it("that refuses a row and lies about others fails", async () => {
      const body = changed("bits === undefined", "!valid || bits === undefined").replace("entry.los[half]", "entry.los[1 - half]");
      const command = scripted("refuses-and-lies", body);
      expect(outcomeOf(await conformChild(alone, { command, profile: "certified" }))).to.equal("FAIL");
    });

    it("that refuses rows of any rights is asked nothing where there are no others", async () => {
      const [rights] = published("mips32", "entries").vectors;
      const vectors = [{ ...published("mips32", "entries"), vectors: rights === undefined ? [] : [rights] }];
      const command = scripted("any-rights", mips("mips32"));
      const report = await conformChild({ ...subject, vectors }, { command, profile: "certified" });
      expect([outcomeOf(report), report.isCertified]).to.deep.equal(["UNRESOLVED", false]);
    });
  });
});
