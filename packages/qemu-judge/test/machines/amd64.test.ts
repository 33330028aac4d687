/** QEMU's AMD64, asked by hand: words and answers are worked out from Intel's SDM vol 3A §4.5 to §4.8, not by our side. */
import { amd64 } from "@portolan/arch-amd64";
import { readVectors } from "@portolan/conformance";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Switches } from "@portolan/core";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import type { JudgedCase } from "#src/case.js";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { amd64la57Profile, amd64Profile, amd64ProfileWith } from "#src/machines/x86/amd64.js";
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

const XD = 1n << 63n;
const PAT_4K = 1n << 7n;
const PAT_LARGE = 1n << 12n;

const entry = (physical: number, flags: bigint): bigint => BigInt(physical) | flags;
/** Tables above the last level, for address 0 and those after it. */
const above = (levels = 4, flags = ALL): readonly Table[] =>
  Array.from({ length: levels - 1 }, (_, depth) => ({ 0: entry(tableAt(depth + 1), flags) }));
/** With one of them changed. */
const aboveWith = (depth: number, change: (word: bigint) => bigint): readonly Table[] =>
  above().map((table, i) => (i === depth ? { 0: change(table[0] ?? 0n) } : table));

const OFF: Switches = { WP: false, PGE: false, NXE: true, SMEP: false, SMAP: false, AC: false };
const byHand = ({ switches = {}, ...rest }: ByHand): JudgedCase => caseOf(8, { ...rest, switches: { ...OFF, ...switches } });

const may = rights(true);
const isAbsent = absent(true);
const isReserved = reserved(true);

describe("AMD64 inside QEMU", function () {
  this.timeout(60_000);
  const bench = new Bench();

  before(function () {
    needsQemu(this, amd64Profile);
  });

  after(() => bench.stop());

  const agrees = (parts: ByHand, words: Readonly<Record<string, number>> = {}): Promise<void> =>
    bench.agrees(amd64Profile, byHand(parts), words);
  const objections = (parts: ByHand): Promise<readonly string[]> => bench.objections(amd64Profile, byHand(parts));

  describe("lets through", () => {
    /** Flags of a page; what the kernel may with and without CR0.WP, and the user. */
    const KINDS: readonly (readonly [flags: bigint, withWp: string, withoutWp: string, user: string])[] = [
      [P, "rx", "rwx", ""],
      [P | RW, "rwx", "rwx", ""],
      [P | US, "rx", "rwx", "rx"],
      [P | RW | US, "rwx", "rwx", "rwx"],
      [P | XD, "r", "rw", ""],
      [P | RW | US | XD, "rw", "rw", "rw"],
      [P | US | XD | G | PAT_4K, "r", "rw", "r"],
      [P | RW | (0xen << 8n) | (0x7ffn << 52n), "rwx", "rwx", ""],
    ];
    const leaves = Object.fromEntries(KINDS.map(([flags], i) => [i, entry(PAGE + i * 0x1000, flags)]));

    it("what R/W, U/S and XD of a page let through, with and without CR0.WP", async () => {
      for (const WP of [false, true]) {
        const queries = KINDS.flatMap(([, withWp, withoutWp, user], i) => {
          const within = 0x340 + i * 0x10;
          return may(BigInt(i * 0x1000 + within), PAGE + i * 0x1000 + within, WP ? withWp : withoutWp, user);
        });
        await agrees({ tables: [...above(), leaves], queries, switches: { WP } });
      }
    });

    it("what every level lets through, and no more", async () => {
      for (let depth = 0; depth < 3; depth += 1) {
        const ask3 = (clear: bigint, set: bigint, kernel: string, user: string): Promise<void> =>
          agrees({
            tables: [...aboveWith(depth, (word) => (word & ~clear) | set), { 0: entry(PAGE, ALL) }],
            queries: may(0n, PAGE, kernel, user),
            switches: { WP: true },
          });
        await ask3(US, 0n, "rwx", "");
        await ask3(RW, 0n, "rx", "rx");
        await ask3(0n, XD, "rw", "rw");
        await ask3(RW | US, XD, "r", "");
      }
    });

    it("2 MiB and 1 GiB at once, with PAT at bit 12", async () => {
      const [directoryPointers, directory] = [above()[0] ?? {}, above()[1] ?? {}];
      const two = { 3: entry(0x20_0000, ALL | PS | PAT_LARGE | G), 4: entry(0x20_0000, P | PS | XD) };
      await agrees({
        tables: [directoryPointers, directory, two],
        queries: [...may(0x61_2340n, 0x21_2340, "rwx", "rwx"), ...may(0x81_2340n, 0x21_2340, "rw", "")],
      });
      const one = { 1: entry(0, ALL | PS | PAT_LARGE), 2: entry(0, P | US | PS) };
      await agrees({
        tables: [directoryPointers, one],
        queries: [...may(0x4021_2340n, 0x21_2340, "rwx", "rwx"), ...may(0x8021_2340n, 0x21_2340, "rx", "rx")],
        switches: { WP: true },
      });
    });

    it("the user's pages to the kernel, unless SMEP or SMAP are on", async () => {
      const tables = [...above(), { 0: entry(PAGE, ALL), 1: entry(PAGE, P | RW) }];
      const kinds: readonly (readonly [Switches, string])[] = [
        [{}, "rwx"],
        [{ SMEP: true }, "rw"],
        [{ SMAP: true }, "x"],
        [{ SMAP: true, AC: true }, "rwx"],
        [{ SMEP: true, SMAP: true }, ""],
        [{ SMEP: true, SMAP: true, AC: true }, "rw"],
        [{ AC: true }, "rwx"],
      ];
      for (const [switches, kernel] of kinds)
        await agrees({ tables, queries: [...may(0n, PAGE, kernel, "rwx"), ...may(0x1000n, PAGE, "rwx", "")], switches });
      // What one level keeps from the user is not the user's page.
      const kernels = [...aboveWith(1, (word) => word & ~US), { 0: entry(PAGE, ALL) }];
      await agrees({ tables: kernels, queries: may(0n, PAGE, "rwx", ""), switches: { SMEP: true, SMAP: true } });
    });

    it("addresses up to the hole and from its other end on", async () => {
      const last = { 511: entry(PAGE, ALL) };
      const down = { 511: entry(tableAt(1), ALL), 255: entry(tableAt(1), ALL), 256: entry(tableAt(1), ALL), 0: entry(tableAt(1), ALL) };
      const tables = [down, { 511: entry(tableAt(2), ALL) }, { 511: entry(tableAt(3), ALL) }, last];
      const places = [0x7fff_ffff_fff0n, 0xffff_807f_ffff_fff0n, 0xffff_ffff_ffff_fff0n, 0x7f_ffff_fff0n];
      await agrees({ tables, queries: places.flatMap((address) => may(address, PAGE + 0xff0, "rwx", "rwx")) });
      const hole = [0x8000_0000_0000n, 0xffff_7fff_ffff_fff0n, 0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_fff0n, 0x0001_0000_0000_0000n];
      await agrees({ tables, queries: hole.flatMap((address) => six(address, () => fault("bad address", 0, "#GP"))) });
    });

    it("an access through every one of 512 root entries, although the stub needs one for itself", async () => {
      const root = Object.fromEntries(Array.from({ length: 512 }, (_, i) => [i, entry(tableAt(1), ALL)]));
      const queries = Array.from({ length: 512 }, (_, i) => {
        const address = BigInt.asUintN(64, BigInt.asIntN(48, BigInt(i) << 39n));
        return ask(address, READ, i % 2 === 0 ? KERNEL : USER, at(PAGE));
      });
      await agrees({ tables: [root, ...above().slice(1), { 0: entry(PAGE, ALL) }], queries });
    });

    it("what tables say now, and nothing that a global entry said in another case", async () => {
      for (const frame of [PAGE, PAGE + 0x1000, PAGE + 0x2000])
        await agrees({
          tables: [...above(), { 0: entry(frame, ALL | G) }],
          queries: may(0n, frame, "rwx", "rwx"),
          switches: { PGE: true },
        });
    });
  });

  describe("reports", () => {
    it("what is absent at every level, whatever else the word says", async () => {
      for (let depth = 0; depth < 4; depth += 1) {
        const tables = [...above(), { 0: entry(PAGE, ALL) }].map((table, i) =>
          i === depth ? { 0: ((table[0] ?? 0n) & ~P) | XD | (0xfn << 48n) } : table,
        );
        await agrees({ tables, queries: isAbsent(0n) });
        await agrees({ tables: tables.slice(0, depth), queries: isAbsent(0n) });
      }
    });

    it("a fetch as a fetch only with EFER.NXE or CR4.SMEP", async () => {
      const tables = [...above(), { 0: entry(PAGE, P | RW) }];
      for (const NXE of [false, true])
        for (const SMEP of [false, true])
          await agrees({
            tables,
            queries: [...rights(NXE || SMEP)(0n, PAGE, "rwx", ""), ...absent(NXE || SMEP)(0x1000n)],
            switches: { NXE, SMEP },
          });
    });

    it("reserved bits of every level, with a P bit that QEMU forgets", async () => {
      const large = [above()[0] ?? {}, above()[1] ?? {}];
      const cases: readonly (readonly [string, readonly Table[]])[] = [
        ...[0, 1, 2].flatMap((depth) =>
          [40n, 47n, 51n].map((bit) => {
            const tables = [...aboveWith(depth, (word) => word | (1n << bit)), { 0: entry(PAGE, ALL) }];
            return [`bit ${bit} of level ${depth}`, tables] as const;
          }),
        ),
        ...[40n, 47n, 51n].map((bit) => [`bit ${bit} of a page`, [...above(), { 0: entry(PAGE, ALL) | (1n << bit) }]] as const),
        ["PS of a PML4E", [...aboveWith(0, (word) => word | PS), { 0: entry(PAGE, ALL) }]],
        ...[13n, 20n].map((bit) => [`bit ${bit} of 2 MiB`, [...large, { 0: entry(0x20_0000, ALL | PS) | (1n << bit) }]] as const),
        ...[13n, 29n].map((bit) => [`bit ${bit} of 1 GiB`, [above()[0] ?? {}, { 0: ALL | PS | (1n << bit) }]] as const),
      ];
      for (const [name, tables] of cases) {
        const tally = await bench.judge(amd64Profile, byHand({ tables, queries: isReserved(0n) }));
        expect(tally.unexplained.map(({ says }) => `${name}: ${says}`)).to.deep.equal([]);
        expect(Object.fromEntries(tally.explained), name).to.deep.equal({ "x86.reserved-bit-without-p": 6 });
      }
    });

    it("XD as a reserved bit without EFER.NXE", async () => {
      const switches = { NXE: false };
      for (let depth = 0; depth < 3; depth += 1) {
        const tables = [...aboveWith(depth, (word) => word | XD), { 0: entry(PAGE, ALL) }];
        await bench.isKnown(amd64Profile, byHand({ tables, queries: reserved(false)(0n), switches }), "x86.reserved-bit-without-p");
      }
    });

    it("no reserved bit as another fault, and no other fault as a reserved bit", async () => {
      const wrong = six(0n, (access, privilege) => refusal("reserved", PF.P | PF.RSVD, access, privilege, true));
      expect(await objections({ tables: [...above(), {}], queries: wrong })).to.have.length(6);
      expect(await objections({ tables: [...above(), { 0: entry(PAGE, P | (1n << 51n)) }], queries: isAbsent(0n) })).to.have.length(6);
    });
  });

  describe("marks", () => {
    it("every entry of an access as accessed, and the page of a write as dirty", async () => {
      const leaves = { 0: entry(PAGE, ALL), 1: entry(PAGE + 0x1000, ALL), 2: entry(PAGE + 0x2000, P), 3: entry(PAGE + 0x3000, ALL) };
      const tables = [...above(), leaves];
      await agrees({
        tables,
        queries: [
          ask(0n, READ, USER, at(PAGE)),
          ask(0x1000n, WRITE, KERNEL, at(PAGE + 0x1000)),
          ask(0x2000n, WRITE, USER, fault("protection", PF.P | PF.WR | PF.US)),
          ask(0x3000n, EXECUTE, USER, at(PAGE + 0x3000)),
        ],
        after: [...above(4, ALL | A), { 0: leaves[0] | A, 1: leaves[1] | A | D, 2: leaves[2], 3: leaves[3] | A }],
      });
    });

    it("large pages as accessed and dirty", async () => {
      const [root, pointers] = [above()[0] ?? {}, above()[1] ?? {}];
      const two = { 1: entry(0x20_0000, ALL | PS) };
      await agrees({
        tables: [root, pointers, two],
        queries: [ask(0x20_0000n, WRITE, USER, at(0x20_0000))],
        after: [...above(3, ALL | A), { 1: two[1] | A | D }],
      });
      const one = { 0: ALL | PS };
      await agrees({
        tables: [root, one],
        queries: [ask(0x20_0000n, READ, USER, at(0x20_0000))],
        after: [...above(2, ALL | A), { 0: one[0] | A }],
      });
    });

    it("the entries above a fault as well, which is known, and nothing else", async () => {
      const tables = [...above(), { 0: entry(PAGE, P) }];
      const refused = [ask(0n, READ, USER, fault("protection", PF.P | PF.US))];
      await agrees({ tables, queries: refused, after: tables }, { "x86.accessed-above-a-fault": 3 });
      const one = [above()[0] ?? {}, { 0: P | PS }];
      await agrees(
        { tables: one, queries: refused, after: one },
        { "x86.accessed-above-a-fault": 1, "x86.accessed-gigabyte-page-that-refuses": 1 },
      );
    });
  });

  describe("notices", () => {
    const tables = [...above(), { 0: entry(PAGE, ALL), 1: entry(PAGE + 0x1000, P) }];

    it("a physical address that is wrong, whoever asks for what", async () => {
      for (const query of six(0n, () => at(PAGE + 0x1000))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
      for (const query of six(0n, () => at(PAGE + 0x10))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
    });

    it("an access that should be refused, and one that should not", async () => {
      const refused = six(0n, (access, privilege) => refusal("protection", PF.P, access, privilege, true));
      for (const query of refused) expect(await objections({ tables, queries: [query] })).to.have.length(1);
      for (const query of six(0x2000n, () => at(PAGE))) expect(await objections({ tables, queries: [query] })).to.have.length(1);
    });

    it("every bit of an error code that is wrong", async () => {
      const code = PF.P | PF.US;
      for (const bit of [0, PF.P, PF.WR, PF.US, PF.RSVD, PF.ID]) {
        const queries = [ask(0x1000n, READ, USER, fault("protection", code ^ bit))];
        expect(await objections({ tables, queries }), String(bit)).to.have.length(bit === 0 ? 0 : 1);
      }
      expect(await objections({ tables, queries: [ask(0x1000n, READ, USER, fault("protection", code, "#GP"))] })).to.have.length(1);
    });

    it("an accessed or dirty bit too many, and one that is missing", async () => {
      const queries = [ask(0n, READ, KERNEL, at(PAGE))];
      const right = [...above(4, ALL | A), { 0: entry(PAGE, ALL) | A, 1: entry(PAGE + 0x1000, P) }];
      await agrees({ tables, queries, after: right });
      const wrongs = [
        [...above(4, ALL | A), { ...right[3], 0: entry(PAGE, ALL) }],
        [...above(4, ALL | A), { ...right[3], 0: entry(PAGE, ALL) | A | D }],
        [...above(4, ALL | A), { ...right[3], 1: entry(PAGE + 0x1000, P) | A }],
        [...aboveWith(3, (word) => word), right[3] ?? {}],
        [...above(4, ALL | A).with(1, { 0: entry(tableAt(2), ALL) }), right[3] ?? {}],
      ];
      for (const [i, after] of wrongs.entries())
        expect(await objections({ tables, queries, after }), String(i)).to.have.length(i === 3 ? 3 : 1);
    });

    it("that an instruction is executed which is no slot's, and goes on after it", async () => {
      for (const [name, instruction] of Object.entries({ ...STRANGE, ...DEADLY })) {
        const page = PAGE + 0x8000;
        const judged = byHand({
          tables: [...above(), { 0: entry(PAGE, ALL), 1: entry(page, ALL) }],
          more: [pageWith(page, instruction)],
          queries: [...isAbsent(0x1000n).filter(({ access }) => access === EXECUTE), ...may(0n, PAGE, "rwx", "rwx")],
        });
        const tally = await bench.judge(amd64Profile, judged);
        expect(
          tally.unexplained.map(({ query }) => query?.address),
          name,
        ).to.deep.equal([0x1000n, 0x1000n]);
        expect(tally.agreed, name).to.equal(6);
      }
    });
  });

  it("agrees with every golden vector, or differs where it is known to", async () => {
    const file = new URL("../../../conformance/vectors/amd64/walks.json", import.meta.url);
    const set = readVectors(readFileSync(file, "utf8"), file.pathname);
    for (const judged of casesOfVectors(amd64Profile, { architecture: amd64 }, set)) {
      const tally = await bench.judge(amd64Profile, judged);
      expect(tally.unexplained.map(({ says }) => `${judged.name}: ${says}`)).to.deep.equal([]);
      expect(["x86.reserved-bit-without-p", "amd64.pml4e-bit-8", "amd64.frame-above-40-bits"]).to.include.members([
        ...tally.explained.keys(),
      ]);
    }
  });

  it("knows where a processor of 48 bits, or of AMD's, differs, and explains nothing else by it", async () => {
    const wide = { tables: [...above(), { 0: entry(PAGE, P | US) | (1n << 40n) }] };
    const protection = [ask(0n, WRITE, USER, fault("protection", PF.P | PF.WR | PF.US))];
    await bench.isKnown(amd64Profile, byHand({ ...wide, queries: protection }), "amd64.frame-above-40-bits");
    const amds = { tables: [...aboveWith(0, (word) => word | G), { 0: entry(PAGE, ALL) }] };
    await bench.isKnown(amd64Profile, byHand({ ...amds, queries: isReserved(0n) }), "amd64.pml4e-bit-8");
    const plain = { tables: [...aboveWith(1, (word) => word | G), { 0: entry(PAGE, P | US) }] };
    expect(await objections({ ...plain, queries: isReserved(0n) })).to.have.length(6);
    expect(await objections({ ...plain, queries: [ask(0n, READ, USER, fault("protection", PF.P | PF.US))] })).to.have.length(1);
  });

  describe("with five levels", () => {
    const five = amd64ProfileWith({ name: "amd64 with five levels", architecture: amd64, levels: 5 });

    it("walks one more, and has a smaller hole", async () => {
      const down = Object.fromEntries([0, 1, 255, 256, 511].map((i) => [i, entry(tableAt(1), ALL)]));
      const tables = [down, ...above(5).slice(1), { 0: entry(PAGE, P | RW) }];
      const places = [0n, 1n << 48n, 255n << 48n, 0xff00n << 48n, 0xffffn << 48n];
      await bench.agrees(five, byHand({ tables, queries: places.flatMap((address) => may(address, PAGE, "rwx", "")) }));
      const hole = [0x100n << 48n, 0xfeffn << 48n, 1n << 63n].flatMap((address) => six(address, () => fault("bad address", 0, "#GP")));
      await bench.agrees(five, byHand({ tables, queries: hole }));
      await bench.isKnown(
        five,
        byHand({ tables: [{ 0: entry(tableAt(1), ALL | PS) }, ...tables.slice(1)], queries: isReserved(0n) }),
        "x86.reserved-bit-without-p",
      );
    });

    it("agrees with every golden vector, or differs where it is known to", async () => {
      const file = new URL("../../../conformance/vectors/amd64la57/walks.json", import.meta.url);
      const set = readVectors(readFileSync(file, "utf8"), file.pathname);
      const { architecture } = amd64la57Profile;
      for (const judged of casesOfVectors(amd64la57Profile, { architecture }, set)) {
        const tally = await bench.judge(amd64la57Profile, judged);
        expect(tally.unexplained.map(({ says }) => `${judged.name}: ${says}`)).to.deep.equal([]);
      }
    });
  });
});
