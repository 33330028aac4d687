/** RISC-V's harts inside QEMU, asked by hand: words and answers are worked out from the manual's §4.3 to §4.6, not by our side. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core";
import { readVectors } from "@portolan/conformance";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import type { Expected, JudgedCase, JudgedQuery, Piece } from "#src/case.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { riscv64, sv32, sv48, sv57, svnapot } from "#src/machines/riscv64/riscv64.js";
import { Tally } from "#src/verdict/verdict.js";

const [V, R, W, X, U, G, A, D] = [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n] as const;
const N = 1n << 63n;

/** RAM of the cases, and what lies where in it. */
const RAM = riscv64.cases;
const tableAt = (depth: number): number => RAM.first + depth * 0x1000;
const PAGE = RAM.first + 0x1_0000;
const NOWHERE = RAM.first + RAM.bytes;

const pte = (physical: number | bigint, flags: bigint): bigint => ((BigInt(physical) >> 12n) << 10n) | flags;

type Words = Readonly<Record<number, bigint>>;

/** Tables from the root down, each by the indices that are not zero. */
const memoryOf = (tables: readonly Words[]): readonly Piece[] =>
  tables.map((words, depth) => {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    for (const [index, word] of Object.entries(words)) view.setBigUint64(Number(index) * 8, word, true);
    return { at: tableAt(depth), bytes };
  });

interface Asked {
  readonly tables: readonly Words[];
  readonly queries: readonly JudgedQuery[];
  readonly after?: readonly Words[];
  readonly SUM?: boolean;
  readonly MXR?: boolean;
  readonly root?: number;
}

const caseOf = ({ tables, queries, after, SUM = false, MXR = false, root = tableAt(0) }: Asked): JudgedCase => ({
  name: "by hand",
  ram: RAM,
  root,
  asid: 5,
  switches: { SUM, MXR },
  memory: memoryOf(tables),
  queries,
  ...(after === undefined ? {} : { after: memoryOf(after) }),
});

const at = (physical: number | bigint): Expected => ({ kind: "physical", physical: BigInt(physical) });
const fault = (reason: string, trap: string, code: number): Expected => ({ kind: "fault", reason, report: { trap, code } });
const LOAD_PAGE_FAULT = fault("protection", "load page fault", 13);
const STORE_PAGE_FAULT = fault("protection", "store/AMO page fault", 15);
const FETCH_PAGE_FAULT = fault("protection", "instruction page fault", 12);
const PAGE_FAULT: Readonly<Record<Access, Expected>> = { [READ]: LOAD_PAGE_FAULT, [WRITE]: STORE_PAGE_FAULT, [EXECUTE]: FETCH_PAGE_FAULT };

const ask = (address: bigint, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address,
  access,
  privilege,
  expected,
});

/** All six accesses to one address: which of "rwx" the kernel and the user may do there, everything else being a page fault. */
const rights = (address: bigint, physical: number | bigint, kernel: string, user: string): readonly JudgedQuery[] =>
  ([READ, WRITE, EXECUTE] as const).flatMap((access) =>
    ([KERNEL, USER] as const).map((privilege) => {
      const letter = { [READ]: "r", [WRITE]: "w", [EXECUTE]: "x" }[access];
      return ask(address, access, privilege, (privilege === KERNEL ? kernel : user).includes(letter) ? at(physical) : PAGE_FAULT[access]);
    }),
  );

const nothing = (address: bigint): readonly JudgedQuery[] => rights(address, 0, "", "");

/** Pointers down to a last-level table, for address 0 and those after it. */
const above = (levels: number): readonly Words[] => Array.from({ length: levels - 1 }, (_, depth) => ({ 0: pte(tableAt(depth + 1), V) }));

describe("RISC-V inside QEMU", function () {
  this.timeout(60_000);
  const guests = new Map<MachineProfile, Guest>();

  before(function () {
    if (programPath(riscv64.qemu.program) === null) {
      console.log(`      not run: ${riscv64.qemu.program} is not installed (Debian: ${riscv64.qemu.package})`);
      this.skip();
    }
  });

  after(async () => {
    for (const guest of guests.values()) await guest.stop();
  });

  const judge = async (judged: JudgedCase, profile = riscv64): Promise<Tally> => {
    const guest = guests.get(profile) ?? (await Guest.start(profile));
    guests.set(profile, guest);
    const tally = new Tally();
    await new Judge(guest).judge(judged, tally);
    return tally;
  };

  /** Judges, and expects that every access is judged and agrees. */
  const agrees = async (judged: JudgedCase, profile = riscv64): Promise<void> => {
    const tally = await judge(judged, profile);
    expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
    expect(tally.agreed).to.equal(judged.queries.length);
  };

  /** Judges, and gives back what is found wrong. */
  const objections = async (judged: JudgedCase): Promise<readonly string[]> => (await judge(judged)).unexplained.map(({ says }) => says);

  describe("with three levels", () => {
    it("lets through what R, W, X and U let through, to where the entry says", async () => {
      const kinds: readonly (readonly [bigint, string, string])[] = [
        [R, "r", ""],
        [R | W, "rw", ""],
        [X, "x", ""],
        [R | X, "rx", ""],
        [R | W | X, "rwx", ""],
        [R | U, "", "r"],
        [R | W | U, "", "rw"],
        [X | U, "", "x"],
        [R | X | U, "", "rx"],
        [R | W | X | U | G, "", "rwx"],
      ];
      const leaves = Object.fromEntries(kinds.map(([flags], i) => [i, pte(PAGE + i * 0x1000, V | flags)]));
      const queries = kinds.flatMap(([, kernel, user], i) => {
        const within = 0x120 + i * 0x10;
        return rights(BigInt(i * 0x1000 + within), PAGE + i * 0x1000 + within, kernel, user);
      });
      await agrees(caseOf({ tables: [...above(3), leaves], queries }));
    });

    it("lets the kernel read and write the user's pages with SUM, and never execute them", async () => {
      const tables = [...above(3), { 0: pte(PAGE, V | R | W | X | U) }];
      await agrees(caseOf({ tables, queries: rights(0n, PAGE, "rw", "rwx"), SUM: true }));
      await agrees(caseOf({ tables, queries: rights(0n, PAGE, "", "rwx"), SUM: false }));
    });

    it("lets what may be executed be read with MXR", async () => {
      const tables = [...above(3), { 0: pte(PAGE, V | X), 1: pte(PAGE, V | X | U) }];
      const address = 0x1000n;
      await agrees(caseOf({ tables, queries: [...rights(0n, PAGE, "rx", ""), ...rights(address, PAGE, "", "rx")], MXR: true }));
      await agrees(caseOf({ tables, queries: [...rights(0n, PAGE, "x", ""), ...rights(address, PAGE, "", "x")], MXR: false }));
    });

    it("faults on what is absent, at every level", async () => {
      const all = R | W | X | A | D;
      await agrees(caseOf({ tables: [{}], queries: nothing(0n) }));
      await agrees(caseOf({ tables: [{ 0: pte(tableAt(1), 0n) }, { 0: pte(PAGE, V | all) }], queries: nothing(0n) }));
      await agrees(caseOf({ tables: [...above(3), { 0: pte(PAGE, all) }], queries: nothing(0n) }));
    });

    it("faults on W without R, and on a pointer in the last level", async () => {
      const tables = [...above(3), { 0: pte(PAGE, V | W), 1: pte(PAGE, V | W | X), 2: pte(PAGE, V) }];
      await agrees(caseOf({ tables, queries: [0n, 0x1000n, 0x2000n].flatMap(nothing) }));
    });

    it("faults on each of the bits 63 to 54, in leaves and pointers", async () => {
      for (let bit = 54n; bit < 64n; bit += 1n) {
        const reserved = 1n << bit;
        await agrees(caseOf({ tables: [...above(3), { 0: pte(PAGE, V | R | W | X) | reserved }], queries: nothing(0n) }));
        const tables = [{ 0: pte(tableAt(1), V) | reserved }, ...above(3).slice(1), { 0: pte(PAGE, V | R) }];
        await agrees(caseOf({ tables, queries: nothing(0n) }));
      }
    });

    it("faults on U, A and D in pointers, and takes G and the bits for software", async () => {
      const under = { 0: pte(PAGE, V | R | W | X) };
      for (const flag of [U, A, D])
        await agrees(caseOf({ tables: [{ 0: pte(tableAt(1), V | flag) }, { 0: pte(tableAt(2), V) }, under], queries: nothing(0n) }));
      for (const flag of [G, 1n << 8n, 1n << 9n]) {
        const tables = [{ 0: pte(tableAt(1), V | flag) }, { 0: pte(tableAt(2), V) }, under];
        await agrees(caseOf({ tables, queries: rights(0n, PAGE, "rwx", "") }));
      }
    });

    it("maps 2 MiB and 1 GiB at once, and faults if they begin elsewhere", async () => {
      const large = V | R | W | X;
      const megapage = (physical: number): Asked => ({
        tables: [{ 0: pte(tableAt(1), V) }, { 3: pte(physical, large) }],
        queries: physical % 0x20_0000 === 0 ? rights(0x61_2340n, physical + 0x1_2340, "rwx", "") : nothing(0x61_2340n),
      });
      for (const physical of [RAM.first + 0x20_0000, RAM.first + 0x20_1000, RAM.first + 0x30_0000])
        await agrees(caseOf(megapage(physical)));
      // The last gigabyte: address and entry at the upper end of everything.
      const address = 0xffff_ffff_c000_0000n + 0x63_4560n;
      await agrees(caseOf({ tables: [{ 511: pte(RAM.first, large) }], queries: rights(address, RAM.first + 0x63_4560, "rwx", "") }));
      for (const physical of [RAM.first + 0x1000, RAM.first + 0x20_0000])
        await agrees(caseOf({ tables: [{ 511: pte(physical, large) }], queries: nothing(address) }));
    });

    it("knows no address whose bits 63 to 39 are not copies of bit 38", async () => {
      const everywhere = {
        0: pte(RAM.first, V | R | W | X),
        255: pte(RAM.first, V | R | W | X),
        256: pte(RAM.first, V | R),
        511: pte(RAM.first, V | R),
      };
      const end = 1n << 38n;
      const last = end - 0x4000_0000n;
      const queries = [
        ...rights(last + 0x10_0000n, RAM.first + 0x10_0000, "rwx", ""),
        ...rights((1n << 64n) - end + 0x10_0000n, RAM.first + 0x10_0000, "r", ""),
        ...[end, end + 0x10_0000n, 1n << 63n, (1n << 64n) - end - 0x1000n, 1n << 39n].flatMap(nothing),
      ];
      await agrees(caseOf({ tables: [everywhere], queries }));
    });

    it("sets A with every access and D with writes, and neither where the access faults", async () => {
      const leaves = {
        0: pte(PAGE, V | R | W),
        1: pte(PAGE + 0x1000, V | R | W),
        2: pte(PAGE + 0x2000, V | R),
        3: pte(PAGE + 0x3000, V | X),
      };
      const judged = caseOf({
        tables: [...above(3), leaves],
        queries: [
          ask(0n, READ, KERNEL, at(PAGE)),
          ask(0x1000n, WRITE, KERNEL, at(PAGE + 0x1000)),
          ask(0x2000n, WRITE, KERNEL, STORE_PAGE_FAULT),
          ask(0x3000n, EXECUTE, KERNEL, at(PAGE + 0x3000)),
        ],
        after: [...above(3), { 0: leaves[0] | A, 1: leaves[1] | A | D, 2: leaves[2], 3: leaves[3] | A }],
      });
      const tally = await judge(judged);
      expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
      expect(tally).to.include({ agreed: 4, words: 3 * 512 });
    });

    it("reports an access fault for a page, or a table, where the case has no RAM, whether QEMU has or not", async () => {
      const refused = (trap: string, code: number, physical: number, isTable: boolean): Expected => ({
        kind: "fault",
        reason: "bus",
        report: { trap, code },
        nowhere: { physical: BigInt(physical), isTable },
      });
      const queries = (physical: number, isTable: boolean): readonly JudgedQuery[] =>
        ([KERNEL, USER] as const).flatMap((privilege) => [
          ask(0n, READ, privilege, refused("load access fault", 5, physical, isTable)),
          ask(0n, WRITE, privilege, refused("store/AMO access fault", 7, physical, isTable)),
          ask(0n, EXECUTE, privilege, refused("instruction access fault", 1, physical, isTable)),
        ]);
      for (const physical of [NOWHERE, 2 ** 40, 2 ** 55, RAM.first - 0x1000, riscv64.mailbox.at, 0]) {
        for (const U_BIT of [0n, U]) {
          const page = caseOf({ tables: [...above(3), { 0: pte(physical, V | R | W | X | U_BIT) }], queries: queries(physical, false) });
          const isAsked = ({ privilege }: JudgedQuery): boolean => (privilege === USER) === (U_BIT === U);
          await agrees({ ...page, queries: page.queries.filter(isAsked) });
        }
        await agrees(caseOf({ tables: [{ 0: pte(physical, V) }], queries: queries(physical, true) }));
        await agrees(caseOf({ tables: [{ 0: pte(tableAt(1), V) }, { 0: pte(physical, V) }], queries: queries(physical, true) }));
      }
      await agrees({ ...caseOf({ tables: [], queries: queries(NOWHERE, true) }), root: NOWHERE });
    });

    it("has RAM to its last page and from its first", async () => {
      const last = NOWHERE - 0x1000;
      await agrees(caseOf({ tables: [...above(3), { 0: pte(last, V | R | X) }], queries: rights(0xff0n, last + 0xff0, "rx", "") }));
      const first = { tables: [{ 2: pte(RAM.first, V | R) }], root: RAM.first };
      const { agreed, unjudged } = await judge(caseOf({ ...first, queries: rights(0x8000_0ff0n, RAM.first + 0xff0, "r", "") }));
      expect([agreed, unjudged.size]).to.deep.equal([6, 0]);
    });

    it("agrees with every golden vector", async () => {
      for (const [name, profile] of [
        ["riscv64", riscv64],
        ["sv48", sv48],
      ] as const) {
        const file = new URL(`../../../conformance/vectors/${name}/walks.json`, import.meta.url);
        const set = readVectors(readFileSync(file, "utf8"), file.pathname);
        for (const judged of casesOfVectors(profile, { architecture: profile.architecture }, set)) await agrees(judged, profile);
      }
    });
  });

  describe("with more levels", () => {
    it("walks four and five levels, and knows superpages of each", async () => {
      const leaf = { 0x1a: pte(PAGE, V | R | W) };
      await agrees(caseOf({ tables: [...above(4), leaf], queries: rights(0x1_a450n, PAGE + 0x450, "rw", "") }), sv48);
      await agrees(caseOf({ tables: [...above(5), leaf], queries: rights(0x1_a450n, PAGE + 0x450, "rw", "") }), sv57);
      // 512 GiB and 256 TiB from physical address 0 on: our RAM lies 2 GiB within.
      const address = BigInt(PAGE + 0x450);
      for (const levels of [4, 5]) {
        const profile = levels === 4 ? sv48 : sv57;
        const large = { 7: pte(0, V | R | X | U) };
        const base = 7n << BigInt(3 + 9 * levels);
        await agrees(caseOf({ tables: [large], queries: rights(base + address, address, "", "rx") }), profile);
        const begins = { 7: pte(0x4000_0000, V | R | X | U) };
        await agrees(caseOf({ tables: [begins], queries: nothing(base + address) }), profile);
      }
    });

    it("knows addresses as far as the levels reach", async () => {
      for (const [profile, bits] of [
        [sv48, 47n],
        [sv57, 56n],
      ] as const) {
        const tables = [{ 255: pte(0, V | R), 256: pte(0, V | R) }];
        const size = 1n << (bits - 8n);
        const queries = [
          ...rights((1n << bits) - size + BigInt(PAGE), PAGE, "r", ""),
          ...rights((1n << 64n) - (1n << bits) + BigInt(PAGE), PAGE, "r", ""),
          ...nothing((1n << bits) + BigInt(PAGE)),
          ...nothing((1n << 64n) - (1n << bits) - size + BigInt(PAGE)),
        ];
        await agrees(caseOf({ tables, queries }), profile);
      }
    });
  });

  describe("with 32 bits", () => {
    const word = (place: number, entries: Readonly<Record<number, number>>): Piece => {
      const bytes = new Uint8Array(4096);
      const view = new DataView(bytes.buffer);
      for (const [index, entry] of Object.entries(entries)) view.setUint32(Number(index) * 4, entry, true);
      return { at: place, bytes };
    };
    const entry = (physical: number, flags: bigint): number => Number(pte(physical, flags));
    const case32 = (tables: readonly Readonly<Record<number, number>>[], queries: readonly JudgedQuery[]): JudgedCase => ({
      ...caseOf({ tables: [], queries }),
      memory: tables.map((entries, depth) => word(tableAt(depth), entries)),
    });

    before(function () {
      if (programPath(sv32.qemu.program) === null) this.skip();
    });

    it("walks two levels, in both halves, and takes a megapage from the root", async () => {
      const down = entry(tableAt(1), V);
      const megapage = entry(RAM.first, V | R | W | X);
      const tables = [
        { 0x100: down, 0x3ff: down, 7: megapage },
        { 0x201: entry(PAGE, V | R | W | U), 0x202: entry(PAGE, V | X) },
      ];
      await agrees(
        case32(tables, [
          ...rights(0x4020_1450n, PAGE + 0x450, "", "rw"),
          ...rights(0x4020_2450n, PAGE + 0x450, "x", ""),
          ...rights(0xffe0_1120n, PAGE + 0x120, "", "rw"),
          ...rights(0x01c1_0230n, PAGE + 0x230, "rwx", ""),
          ...nothing(0x4020_0000n),
        ]),
        sv32,
      );
    });

    it("refuses a megapage that begins within one, W without R, and a pointer at the end or with marks", async () => {
      const root = {
        0: entry(tableAt(1), V),
        1: entry(RAM.first + 0x1000, V | R | X),
        2: entry(tableAt(1), V | A),
        3: entry(RAM.first, V | W),
      };
      const tables = [root, { 0: entry(PAGE, V), 1: entry(PAGE, V | R) }];
      const queries = [0n, 0x40_1000n, 0x80_1000n, 0xc0_1000n].flatMap(nothing);
      await agrees(case32(tables, [...queries, ...rights(0x1000n, PAGE, "r", "")]), sv32);
    });

    it("knows that QEMU's PMP cuts a table's address off, and does not judge a page that it cuts off", async () => {
      const FOUR_GIB = 2 ** 32;
      const access = (physical: number, isTable: boolean): JudgedQuery => ({
        address: 0n,
        access: READ,
        privilege: KERNEL,
        expected: { ...fault("bus", "load access fault", 5), nowhere: { physical: BigInt(physical), isTable } } as Expected,
      });
      const beyond = FOUR_GIB + tableAt(1);
      const known = await judge(case32([{ 0: entry(beyond, V) }], [access(beyond, true)]), sv32);
      expect([[...known.explained.keys()], known.unexplained]).to.deep.equal([["riscv32.table-above-4-gib"], []]);
      const page = FOUR_GIB + PAGE;
      const cut = await judge(case32([{ 0: entry(tableAt(1), V) }, { 0: entry(page, V | R) }], [access(page, false)]), sv32);
      expect([cut.agreed, cut.unjudged.size, cut.unexplained]).to.deep.equal([0, 1, []]);
    });

    it("agrees with every golden vector", async () => {
      const file = new URL("../../../conformance/vectors/sv32/walks.json", import.meta.url);
      const set = readVectors(readFileSync(file, "utf8"), file.pathname);
      for (const judged of casesOfVectors(sv32, { architecture: sv32.architecture }, set)) await agrees(judged, sv32);
    });
  });

  describe("with 64 KiB pages and memory types", () => {
    it("takes sixteen entries for one page, and each of the three memory types", async () => {
      const napot = N | pte(PAGE + 0x8000, V | R | W);
      const leaves = {
        ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [i, napot])),
        16: pte(PAGE, V | R) | (1n << 61n),
        17: pte(PAGE, V | R) | (2n << 61n),
        18: pte(PAGE, V | R) | (3n << 61n),
        19: N | pte(PAGE + 0x4000, V | R),
      };
      const queries = [
        ...rights(0x3450n, PAGE + 0x3450, "rw", ""),
        ...rights(0xf120n, PAGE + 0xf120, "rw", ""),
        ...rights(0x1_0000n, PAGE, "r", ""),
        ...rights(0x1_1000n, PAGE, "r", ""),
        ...nothing(0x1_3000n),
      ];
      await agrees(caseOf({ tables: [...above(3), leaves], queries }), svnapot);
    });
  });

  describe("with 64 KiB pages and memory types, where QEMU does not look", () => {
    const reserved = (entry: bigint): JudgedCase => {
      const expected = fault("reserved", "load page fault", 13);
      return caseOf({ tables: [...above(3), { 0: entry }], queries: [ask(0n, READ, KERNEL, expected)] });
    };

    it("knows that reserved bits and the fourth memory type are let through, and explains nothing else by it", async () => {
      const leaf = pte(PAGE, V | R);
      for (const entry of [leaf | (1n << 54n), leaf | (1n << 60n), leaf | (3n << 61n)]) {
        const { explained, unexplained } = await judge(reserved(entry), svnapot);
        expect([...explained.keys()]).to.deep.equal(["riscv64.reserved-bits-ignored"]);
        expect(unexplained).to.deep.equal([]);
      }
      expect((await judge(reserved(leaf | (1n << 61n)), svnapot)).unexplained).to.have.length(1);
      expect(await objections(reserved(leaf))).to.have.length(1);
    });

    it("knows that a 64 KiB page of a size that is reserved is marked, and that none of another kind is", async () => {
      const asked = (entry: bigint): JudgedCase => {
        const tables = [...above(3), { 0: entry }];
        return caseOf({ tables, queries: nothing(0n), after: tables });
      };
      const known = await judge(asked(N | pte(PAGE + 0x4000, V | R | W)), svnapot);
      expect([...known.explainedWords]).to.deep.equal([["riscv64.reserved-size-marked", 1]]);
      expect(known.unexplained).to.deep.equal([]);
      await agrees(asked(pte(PAGE, V | W)), svnapot);
    });
  });

  describe("notices", () => {
    const tables = [...above(3), { 0: pte(PAGE, V | R | W | X), 1: pte(PAGE + 0x1000, V | R) }];

    it("a physical address that is wrong, whatever the access", async () => {
      for (const access of [READ, WRITE, EXECUTE] as const)
        expect(await objections(caseOf({ tables, queries: [ask(0n, access, KERNEL, at(PAGE + 0x1000))] })), String(access)).to.have.length(
          1,
        );
      expect(await objections(caseOf({ tables, queries: [ask(0n, READ, KERNEL, at(PAGE + 0x10))] }))).to.have.length(1);
    });

    it("where a read went instead", async () => {
      const queries = [
        ask(0x1000n, READ, KERNEL, at(PAGE + 0x1000)),
        ask(0n, READ, KERNEL, at(PAGE + 0x1000)),
        ask(0n, READ, KERNEL, at(PAGE)),
      ];
      expect(await objections(caseOf({ tables, queries }))).to.deep.equal([
        `expected 0x${(PAGE + 0x1000).toString(16)}; QEMU goes to 0x${PAGE.toString(16)}`,
      ]);
    });

    it("an access that is refused but should not be, and one that is not but should", async () => {
      const queries = [ask(0x1000n, WRITE, KERNEL, at(PAGE + 0x1000)), ask(0n, READ, KERNEL, LOAD_PAGE_FAULT)];
      expect(await objections(caseOf({ tables, queries }))).to.have.length(2);
    });

    it("a write that goes where it should not, and does not hold against others what it leaves there", async () => {
      const queries = [
        ask(0n, WRITE, KERNEL, at(PAGE)),
        ask(0n, WRITE, KERNEL, STORE_PAGE_FAULT),
        ask(0n, READ, KERNEL, at(PAGE)),
        ask(0n, EXECUTE, KERNEL, at(PAGE)),
        ask(0n, WRITE, KERNEL, at(PAGE + 0x1000)),
        ask(0n, READ, KERNEL, at(PAGE)),
        ask(0x1000n, READ, KERNEL, at(PAGE + 0x1000)),
      ];
      const { agreed, unexplained } = await judge(caseOf({ tables, queries }));
      expect(unexplained.map(({ query }) => query)).to.deep.equal([queries[1], queries[4]]);
      expect(agreed).to.equal(5);
    });

    it("a fault that is reported with another code", async () => {
      const wrong = fault("protection", "store/AMO access fault", 7);
      expect(await objections(caseOf({ tables, queries: [ask(0x1000n, WRITE, KERNEL, wrong)] }))).to.deep.equal([
        "expected a fault, protection (store/AMO access fault, code 0x7); QEMU traps: store/AMO page fault, code 0xf, address 0x100c",
      ]);
    });

    it("a mark that is set but should not be, and one that is not but should", async () => {
      const queries = [ask(0n, READ, KERNEL, at(PAGE))];
      const leaf = tables[2]?.[0] ?? 0n;
      const afterwards = (word: bigint): readonly Words[] => [...above(3), { ...tables[2], 0: word }];
      expect(await objections(caseOf({ tables, queries, after: afterwards(leaf | A) }))).to.deep.equal([]);
      for (const word of [leaf, leaf | A | D])
        expect(await objections(caseOf({ tables, queries, after: afterwards(word) }))).to.have.length(1);
    });
  });
});
