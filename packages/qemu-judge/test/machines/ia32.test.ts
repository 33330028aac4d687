/** QEMU's IA-32 without PAE, asked by hand: words and answers are worked out from Intel's SDM vol 3A §4.3 and §4.6 to §4.8. */
import { ia32 } from "@portolan/arch-ia32";
import { readVectors } from "@portolan/conformance";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Switches } from "@portolan/core";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import type { JudgedCase } from "#src/case.js";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { ia32paeProfile, ia32PaeProfileWith, ia32Profile } from "#src/machines/x86/ia32.js";
import {
  A,
  absent,
  ALL,
  ask,
  at,
  Bench,
  caseOf,
  D,
  DEADLY,
  fault,
  G,
  needsQemu,
  P,
  PAGE,
  pageWith,
  PF,
  PS,
  refusal,
  reserved,
  rights,
  RW,
  six,
  STRANGE,
  tableAt,
  US,
  type ByHand,
  type Table,
} from "./x86-by-hand.js";

const PAT_LARGE = 1n << 12n;
const entry = (physical: number, flags: bigint): bigint => BigInt(physical) | flags;
/** The directory's entry for the first 4 MiB, which leads to the table. */
const directory = (flags = ALL): Table => ({ 0: entry(tableAt(1), flags) });

const OFF: Switches = { WP: false, PGE: false, PSE: true };
const byHand = ({ switches = {}, ...rest }: ByHand): JudgedCase => caseOf(4, { ...rest, switches: { ...OFF, ...switches } });

/** Without no-execute and SMEP no error code tells a fetch. */
const may = rights(false);
const isAbsent = absent(false);
const isReserved = reserved(false);

describe("IA-32 inside QEMU", function () {
  this.timeout(60_000);
  const bench = new Bench();

  before(function () {
    needsQemu(this, ia32Profile);
  });

  after(() => bench.stop());

  const agrees = (parts: ByHand, words: Readonly<Record<string, number>> = {}): Promise<void> =>
    bench.agrees(ia32Profile, byHand(parts), words);
  const objections = (parts: ByHand): Promise<readonly string[]> => bench.objections(ia32Profile, byHand(parts));

  describe("lets through", () => {
    /** Flags; what the kernel may with and without CR0.WP, and the user. */
    const KINDS: readonly (readonly [flags: bigint, withWp: string, withoutWp: string, user: string])[] = [
      [P, "rx", "rwx", ""],
      [P | RW, "rwx", "rwx", ""],
      [P | US, "rx", "rwx", "rx"],
      [P | RW | US, "rwx", "rwx", "rwx"],
    ];

    it("what R/W and U/S of a page let through, with and without CR0.WP", async () => {
      const leaves = Object.fromEntries(KINDS.map(([flags], i) => [i, entry(PAGE + i * 0x1000, flags | G | (0xen << 8n))]));
      for (const WP of [false, true]) {
        const queries = KINDS.flatMap(([, withWp, withoutWp, user], i) => {
          const within = 0x340 + i * 0x10;
          return may(BigInt(i * 0x1000 + within), PAGE + i * 0x1000 + within, WP ? withWp : withoutWp, user);
        });
        await agrees({ tables: [directory(), leaves], queries, switches: { WP } });
      }
    });

    it("what directory and table let through both", async () => {
      for (const [flags, withWp, withoutWp, user] of KINDS) {
        const tables = [directory(flags), { 0: entry(PAGE, ALL) }];
        await agrees({ tables, queries: may(0n, PAGE, withWp, user), switches: { WP: true } });
        await agrees({ tables, queries: may(0n, PAGE, withoutWp, user) });
      }
    });

    it("4 MiB at once with CR4.PSE, and a table without it", async () => {
      for (const [flags, withWp, , user] of KINDS) {
        const tables = [{ 0x300: entry(0, flags | PS | PAT_LARGE | G) }];
        await agrees({ tables, queries: may(0xc012_3450n, 0x12_3450, withWp, user), switches: { WP: true } });
      }
      const tables = [directory(ALL | PS), { 5: entry(PAGE, ALL) }];
      await agrees({ tables, queries: may(0x5120n, PAGE + 0x120, "rwx", "rwx"), switches: { PSE: false } });
    });

    it("an access through every one of 1,024 entries of the directory, although the stub needs one for itself", async () => {
      const root = Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [i, entry(tableAt(1), ALL)]));
      const queries = Array.from({ length: 1024 }, (_, i) => ask(BigInt(i * 0x40_0000), READ, i % 2 === 0 ? KERNEL : USER, at(PAGE)));
      await agrees({ tables: [root, { 0: entry(PAGE, ALL) }], queries });
    });

    it("the first and the last slot of all", async () => {
      const tables = [
        { 0: entry(tableAt(1), ALL), 1023: entry(tableAt(1), ALL) },
        { 0: entry(PAGE, ALL), 1023: entry(PAGE, P | RW) },
      ];
      await agrees({ tables, queries: [...may(0n, PAGE, "rwx", "rwx"), ...may(0xffff_fff0n, PAGE + 0xff0, "rwx", "")] });
    });

    it("what tables say now, and nothing that a global entry said in another case", async () => {
      for (const frame of [PAGE, PAGE + 0x1000, PAGE + 0x2000])
        await agrees({
          tables: [directory(), { 0: entry(frame, ALL | G) }],
          queries: may(0n, frame, "rwx", "rwx"),
          switches: { PGE: true },
        });
    });
  });

  describe("reports", () => {
    it("what is absent at both levels, whatever else the word says", async () => {
      const rest = 0xffen;
      await agrees({ tables: [directory(rest & ~PS), { 0: entry(PAGE, ALL) }], queries: isAbsent(0n) });
      await agrees({ tables: [{ 0: entry(0, rest) }], queries: isAbsent(0n) });
      await agrees({ tables: [directory(), { 0: entry(PAGE, rest) }], queries: isAbsent(0n) });
    });

    it("bit 21 of a 4 MiB page as reserved, with a P bit that QEMU forgets", async () => {
      const tables = [{ 0: entry(0x20_0000, ALL | PS) }];
      await bench.isKnown(ia32Profile, byHand({ tables, queries: isReserved(0x12_3450n) }), "x86.reserved-bit-without-p");
    });

    it("no reserved bit as another fault", async () => {
      expect(await objections({ tables: [directory(), {}], queries: isReserved(0n) })).to.have.length(6);
      expect(await objections({ tables: [{ 0: entry(0x20_0000, ALL | PS) }], queries: isAbsent(0n) })).to.have.length(6);
    });
  });

  it("knows that bits 20:13 of a 4 MiB page are address bits to QEMU, and explains nothing else by it", async () => {
    for (let bit = 13n; bit <= 20n; bit += 1n) {
      const tables = [{ 0: ALL | PS | (1n << bit) }];
      await bench.isKnown(ia32Profile, byHand({ tables, queries: isReserved(0x12_3450n) }), "ia32.pse-36");
    }
    const forbidden = byHand({
      tables: [{ 0: P | PS | (1n << 13n) }],
      queries: isReserved(0x12_3450n).filter((query) => query.privilege === USER),
    });
    await bench.isKnown(ia32Profile, forbidden, "ia32.pse-36");
    expect(await objections({ tables: [{ 0: ALL | PS }], queries: isReserved(0x12_3450n) })).to.have.length(6);
    expect(await objections({ tables: [{ 0: ALL | PS | (1n << 13n) }], queries: isAbsent(0x12_3450n) })).to.have.length(6);
  });

  describe("marks", () => {
    it("both entries of an access as accessed, and the page of a write as dirty", async () => {
      const leaves = { 0: entry(PAGE, ALL), 1: entry(PAGE + 0x1000, ALL), 2: entry(PAGE + 0x2000, P), 3: entry(PAGE + 0x3000, ALL) };
      await agrees({
        tables: [directory(), leaves],
        queries: [
          ask(0n, READ, USER, at(PAGE)),
          ask(0x1000n, WRITE, KERNEL, at(PAGE + 0x1000)),
          ask(0x2000n, WRITE, USER, fault("protection", PF.P | PF.WR | PF.US)),
          ask(0x3000n, EXECUTE, USER, at(PAGE + 0x3000)),
        ],
        after: [directory(ALL | A), { 0: leaves[0] | A, 1: leaves[1] | A | D, 2: leaves[2], 3: leaves[3] | A }],
      });
    });

    it("4 MiB pages as accessed and dirty", async () => {
      const tables = [{ 0: ALL | PS, 1: ALL | PS, 2: P | PS }];
      const queries = [
        ask(0x12_0000n, READ, KERNEL, at(0x12_0000)),
        ask(0x52_0000n, WRITE, USER, at(0x12_0000)),
        ask(0x92_0000n, WRITE, USER, fault("protection", PF.P | PF.WR | PF.US)),
      ];
      await agrees({ tables, queries, after: [{ 0: ALL | PS | A, 1: ALL | PS | A | D, 2: P | PS }] });
    });

    it("the directory's entry above a fault as well, which is known", async () => {
      const tables = [directory(), { 0: entry(PAGE, P) }];
      const queries = [ask(0n, READ, USER, fault("protection", PF.P | PF.US)), ask(0x1000n, READ, USER, fault("absent", PF.US))];
      await agrees({ tables, queries, after: tables }, { "x86.accessed-above-a-fault": 1 });
    });
  });

  describe("notices", () => {
    const tables = [directory(), { 0: entry(PAGE, ALL), 1: entry(PAGE + 0x1000, P) }];

    it("a physical address that is wrong, whoever asks for what", async () => {
      for (const query of six(0n, () => at(PAGE + 0x1000))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
      for (const query of six(0n, () => at(PAGE + 0x10))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
    });

    it("an access that should be refused, and one that should not", async () => {
      const refused = six(0n, (access, privilege) => refusal("protection", PF.P, access, privilege, false));
      for (const query of refused) expect(await objections({ tables, queries: [query] })).to.have.length(1);
      for (const query of six(0x2000n, () => at(PAGE))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
    });

    it("every bit of an error code that is wrong", async () => {
      const code = PF.P | PF.US;
      for (const bit of [0, PF.P, PF.WR, PF.US, PF.RSVD, PF.ID]) {
        const queries = [ask(0x1000n, READ, USER, fault("protection", code ^ bit))];
        expect(await objections({ tables, queries }), String(bit)).to.have.length(bit === 0 ? 0 : 1);
      }
    });

    it("an accessed or dirty bit too many, and one that is missing", async () => {
      const queries = [ask(0n, READ, KERNEL, at(PAGE))];
      const right = { 0: entry(PAGE, ALL) | A, 1: entry(PAGE + 0x1000, P) };
      await agrees({ tables, queries, after: [directory(ALL | A), right] });
      const wrongs = [
        [directory(), right],
        [directory(ALL | A), { ...right, 0: entry(PAGE, ALL) }],
        [directory(ALL | A), { ...right, 0: right[0] | D }],
        [directory(ALL | A), { ...right, 1: right[1] | A }],
      ];
      for (const after of wrongs) expect(await objections({ tables, queries, after })).to.have.length(1);
    });

    it("that an instruction is executed which is no slot's, and goes on after it", async () => {
      for (const [name, instruction] of Object.entries(STRANGE)) {
        const page = PAGE + 0x8000;
        const judged = byHand({
          tables: [directory(), { 0: entry(PAGE, ALL), 1: entry(page, ALL) }],
          more: [pageWith(page, instruction)],
          queries: [...isAbsent(0x1000n).filter(({ access }) => access === EXECUTE), ...may(0n, PAGE, "rwx", "rwx")],
        });
        const tally = await bench.judge(ia32Profile, judged);
        expect(
          tally.unexplained.map(({ query }) => query?.address),
          name,
        ).to.deep.equal([0x1000n, 0x1000n]);
        expect(tally.agreed, name).to.equal(6);
      }
    });
  });

  describe("with PAE", () => {
    const pae = ia32PaeProfileWith("ia32 with PAE", ia32);
    const XD = 1n << 63n;
    const paeCase = ({ switches = {}, ...rest }: ByHand): JudgedCase =>
      caseOf(8, { ...rest, switches: { WP: true, PGE: false, NXE: true, SMEP: false, SMAP: false, AC: false, ...switches } });

    it("walks three levels, whichever of the four entries of the first the stub has for itself", async () => {
      const pointers = Object.fromEntries([0, 1, 2, 3].map((i) => [i, entry(tableAt(1), P)]));
      const tables = [pointers, { 5: entry(tableAt(2), ALL) }, { 7: entry(PAGE, P | RW | US), 8: entry(PAGE, P | XD) }];
      const queries = [0n, 1n, 2n, 3n].flatMap((i) => {
        const address = (i << 30n) + (5n << 21n);
        return [...rights(true)(address + 0x7120n, PAGE + 0x120, "rwx", "rwx"), ...rights(true)(address + 0x8230n, PAGE + 0x230, "r", "")];
      });
      await bench.agrees(pae, paeCase({ tables, queries }));
    });

    it("maps 2 MiB, keeps the kernel from the user's pages, and tells what is absent", async () => {
      const tables = [{ 3: entry(tableAt(1), P) }, { 1: entry(0x20_0000, ALL | PS) }];
      const address = 0xc020_0000n + 0x1_2340n;
      const switches = { SMEP: true, SMAP: true };
      await bench.agrees(pae, paeCase({ tables, queries: rights(true)(address, 0x21_2340, "", "rwx"), switches }));
      await bench.agrees(pae, paeCase({ tables, queries: [...absent(true)(0n), ...absent(true)(0xc040_0000n)] }));
    });

    it("knows that QEMU does not look at flags of the root that must be zero, and explains nothing else by it", async () => {
      const below = [{ 5: entry(tableAt(2), ALL) }, { 7: entry(PAGE, ALL) }];
      const address = (5n << 21n) + 0x7120n;
      for (const bit of [1n, 2n, 5n, 6n, 7n, 8n]) {
        const tables = [{ 0: entry(tableAt(1), P | (1n << bit)) }, ...below];
        await bench.isKnown(ia32paeProfile, paeCase({ tables, queries: reserved(true)(address) }), "ia32pae.pdpte-flags");
      }
      for (const bit of [36n, 52n, 63n]) {
        const tables = [{ 0: entry(tableAt(1), P) | (1n << bit) }, ...below];
        await bench.isKnown(ia32paeProfile, paeCase({ tables, queries: reserved(true)(address) }), "x86.reserved-bit-without-p");
      }
      const plain = paeCase({ tables: [{ 0: entry(tableAt(1), P) }, ...below], queries: reserved(true)(address) });
      expect(await bench.objections(ia32paeProfile, plain)).to.have.length(6);
    });
  });

  it("loses a guest whose kernel has executed what nothing survives, and says so", async () => {
    const lost = new Bench();
    try {
      const judged = byHand({
        tables: [directory(), { 0: entry(PAGE, ALL) }],
        more: [pageWith(PAGE, DEADLY["lidt [eax]"] ?? [])],
        queries: [ask(0n, EXECUTE, KERNEL, fault("absent", 0))],
      });
      const error = await lost.judge(ia32Profile, judged).catch((reason: unknown) => reason);
      expect(error).to.have.property("code", "ERR_QEMU_FAILED");
    } finally {
      await lost.stop();
    }
  });

  it("agrees with every golden vector, or differs where it is known to", async () => {
    const file = new URL("../../../conformance/vectors/ia32/walks.json", import.meta.url);
    const set = readVectors(readFileSync(file, "utf8"), file.pathname);
    for (const judged of casesOfVectors(ia32Profile, { architecture: ia32 }, set)) {
      const tally = await bench.judge(ia32Profile, judged);
      expect(tally.unexplained.map(({ says }) => `${judged.name}: ${says}`)).to.deep.equal([]);
      expect(["x86.reserved-bit-without-p", "ia32.pse-36"]).to.include.members([...tally.explained.keys()]);
    }
  });

  it("agrees with every golden vector with PAE, or differs where it is known to", async () => {
    const file = new URL("../../../conformance/vectors/ia32pae/walks.json", import.meta.url);
    const set = readVectors(readFileSync(file, "utf8"), file.pathname);
    const { architecture } = ia32paeProfile;
    for (const judged of casesOfVectors(ia32paeProfile, { architecture }, set)) {
      const tally = await bench.judge(ia32paeProfile, judged);
      expect(tally.unexplained.map(({ says }) => `${judged.name}: ${says}`)).to.deep.equal([]);
    }
  });
});
