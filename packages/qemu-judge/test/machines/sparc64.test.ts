/** UltraSPARC's TLBs and TSBs inside QEMU, asked by hand: words and answers are worked out from the manual's chapter 6, not by our side. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core";
import { readVectors } from "@portolan/conformance";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { withExpectations } from "#src/cases/our-side.js";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import type { Expected, JudgedCase, JudgedEntry, JudgedQuery, Piece } from "#src/case.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { sparc64, sparc64Tsb } from "#src/machines/sparc64/sparc64.js";
import { Tally } from "#src/verdict/verdict.js";
import { verify } from "#src/verify.js";

/** TTE data, figure 6-1. */
const [V, NFO, IE, L, CP, CV, E, P, W, G] = [63n, 60n, 59n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((bit) => 1n << bit);
const size = (code: number): bigint => BigInt(code) << 61n;

/** RAM of the cases begins here, and pages lie here: a multiple of 4 MiB. */
const RAM = sparc64.cases;
const PAGE = 0x80_0000n;
const CONTEXT = 5;

const at = (physical: bigint): Expected => ({ kind: "physical", physical });
const ask = (address: bigint, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address,
  access,
  privilege,
  expected,
});

/** Table 6-4's exceptions, with the status register (§6.9.4: FT 13:7, PR 3, W 2, FV 0) and what the tag access register shows. */
const refused = (trap: string, code: number, address: bigint, privilege: Privilege): Expected => ({
  kind: "fault",
  reason: "whatever",
  report: {
    trap,
    code,
    registers: { "tag access register": (address & ~0x1fffn) | (privilege === USER ? BigInt(CONTEXT) : 0n) },
  },
});
const miss = (address: bigint, access: Access, privilege: Privilege): JudgedQuery => {
  const trap = access === EXECUTE ? "fast_instruction_access_MMU_miss (0x64)" : "fast_data_access_MMU_miss (0x68)";
  return ask(address, access, privilege, refused(trap, 0, address, privilege));
};
const exception = (type: number, address: bigint, access: Access, privilege: Privilege): JudgedQuery => {
  const trap = access === EXECUTE ? "instruction_access_exception (0x08)" : "data_access_exception (0x30)";
  const code = (type << 7) | (privilege === KERNEL ? 8 : 0) | (access === WRITE ? 4 : 0) | 1;
  return ask(address, access, privilege, refused(trap, code, address, privilege));
};
const protection = (address: bigint, privilege: Privilege): JudgedQuery =>
  ask(address, WRITE, privilege, refused("fast_data_access_protection (0x6c)", privilege === KERNEL ? 0xd : 5, address, privilege));

const ACCESSES = [READ, WRITE, EXECUTE] as const;
const EVERYBODY = [KERNEL, USER] as const;
const everything = (address: bigint, physical: bigint, privilege: Privilege): readonly JudgedQuery[] =>
  ACCESSES.map((access) => ask(address, access, privilege, at(physical)));
const nothing = (address: bigint, privilege: Privilege): readonly JudgedQuery[] =>
  ACCESSES.map((access) => miss(address, access, privilege));

const entry = (unit: JudgedEntry["unit"], index: number, tag: bigint, tte: bigint): JudgedEntry => ({ unit, index, words: [tag, tte] });
const both = (index: number, tag: bigint, tte: bigint): readonly JudgedEntry[] => [
  entry("data", index, tag, tte),
  entry("instruction", index, tag, tte),
];

const caseOf = (
  entries: readonly JudgedEntry[],
  queries: readonly JudgedQuery[],
  registers: Readonly<Record<string, bigint>> = {},
  memory: readonly Piece[] = [],
): JudgedCase => ({ name: "by hand", ram: RAM, asid: CONTEXT, switches: { CV: false }, registers, memory, entries, queries });

describe("UltraSPARC inside QEMU", function () {
  this.timeout(60_000);
  const guests = new Map<MachineProfile, Guest>();

  before(function () {
    if (programPath(sparc64.qemu.program) === null) {
      console.log(`      not run: ${sparc64.qemu.program} is not installed (Debian: ${sparc64.qemu.package})`);
      this.skip();
    }
  });

  after(async () => {
    for (const guest of guests.values()) await guest.stop();
  });

  const judge = async (judged: JudgedCase, profile = sparc64): Promise<Tally> => {
    const guest = guests.get(profile) ?? (await Guest.start(profile));
    guests.set(profile, guest);
    const tally = new Tally();
    await new Judge(guest).judge(judged, tally);
    return tally;
  };

  /** Judges by each of the three routes, and expects that every access is judged and agrees. */
  const agrees = async (judged: JudgedCase, profile = sparc64): Promise<void> => {
    for (const route of [0n, 1n, 2n]) {
      const tally = await judge({ ...judged, registers: { ...judged.registers, route } }, profile);
      expect(
        tally.unexplained.map(({ says, query }) => `${query?.address.toString(16)}: ${says}`),
        `route ${route}`,
      ).to.deep.equal([]);
      expect(tally.agreed).to.equal(judged.queries.length);
    }
  };

  /** What is found wrong with one access. */
  const objection = async (judged: JudgedCase, profile = sparc64): Promise<string> => {
    const { unexplained } = await judge(judged, profile);
    expect(unexplained).to.have.length(1);
    return unexplained[0]?.says ?? "";
  };

  describe("through its TLBs", () => {
    it("lets everybody read, with W write, and fetch from what is in the instruction TLB", async () => {
      const address = 0x40_a000n;
      await agrees(
        caseOf(
          [
            ...both(3, address | 5n, V | PAGE | CP | W),
            ...both(4, address, V | (PAGE + 0x2000n) | CP | W),
            entry("data", 5, 0x40_c005n, V | (PAGE + 0x4000n) | CP),
            entry("data", 6, 0x40_c000n, V | (PAGE + 0x6000n) | CP),
          ],
          [
            ...everything(address + 0x120n, PAGE + 0x120n, USER),
            ...everything(address + 0x140n, PAGE + 0x2140n, KERNEL),
            ask(0x40_c000n, READ, USER, at(PAGE + 0x4000n)),
            ask(0x40_c000n, READ, KERNEL, at(PAGE + 0x6000n)),
            ...EVERYBODY.flatMap((privilege) => [protection(0x40_c000n, privilege), miss(0x40_c000n, EXECUTE, privilege)]),
          ],
        ),
      );
    });

    it("gives the instruction TLB's W no meaning", async () => {
      await agrees(caseOf(both(0, 0x5n, V | PAGE | CP), [ask(0n, EXECUTE, USER, at(PAGE)), protection(0n, USER)]));
    });

    it("refuses the user what is the kernel's, before it looks at W", async () => {
      const entries = [...both(0, 0x6005n, V | PAGE | P | W), ...both(1, 0x8005n, V | PAGE | P), ...both(2, 0x6000n, V | PAGE | P | W)];
      const queries = [0x6000n, 0x8000n].flatMap((address) => ACCESSES.map((access) => exception(1, address, access, USER)));
      await agrees(caseOf(entries, [...queries, ...everything(0x6020n, PAGE + 0x20n, KERNEL)]));
    });

    it("misses what is not valid, of another context, or not there; with the page and the context in the tag access register", async () => {
      const entries = [...both(0, 0x2005n, PAGE | W), ...both(1, 0x4006n, V | PAGE | W)];
      const queries = [0x2000n, 0x4000n, 0x6fe0n, 0x1234_5678_9000n & 0x7ff_ffff_e000n].flatMap((address) =>
        EVERYBODY.flatMap((privilege) => nothing(address, privilege)),
      );
      await agrees(caseOf(entries, queries));
    });

    it("shows pages of one context to nobody else, and with G to everybody", async () => {
      const entries = [
        ...both(0, 0x2005n, V | PAGE | W),
        ...both(1, 0x4000n, V | (PAGE + 0x2000n) | W),
        ...both(2, 0x6007n, V | (PAGE + 0x4000n) | W | G),
      ];
      await agrees(
        caseOf(entries, [
          ...everything(0x2000n, PAGE, USER),
          ...nothing(0x2000n, KERNEL),
          ...nothing(0x4000n, USER),
          ...everything(0x4000n, PAGE + 0x2000n, KERNEL),
          ...EVERYBODY.flatMap((privilege) =>
            everything(0x6000n + BigInt(privilege) * 32n, PAGE + 0x4000n + BigInt(privilege) * 32n, privilege),
          ),
        ]),
      );
    });

    it("maps 8 KiB, 64 KiB, 512 KiB and 4 MiB from where a page of that size begins", async () => {
      for (const [code, bytes] of [0x2000n, 0x1_0000n, 0x8_0000n, 0x40_0000n].entries()) {
        // Addresses lie somewhere in the page: the bits below its size say nothing.
        const virtual = 0x7f_8000_0000n;
        const [tag, physical] = [virtual + bytes - 0x2000n, PAGE + (bytes > 0x2000n ? 0x2000n : 0n)];
        const ends = [virtual, virtual + bytes / 2n, virtual + bytes - 0x20n];
        await agrees(
          caseOf(both(9, tag | 5n, V | size(code) | physical | W), [
            ...ends.flatMap((address) => everything(address, PAGE + (address - virtual), USER)),
            ...[virtual - 0x20n, virtual + bytes].flatMap((address) => nothing(address, USER)),
          ]),
        );
      }
    });

    it("lets nobody load from or store to an NFO page, and everybody fetch from one", async () => {
      const entries = [...both(0, 0x2005n, V | NFO | PAGE | W), ...both(1, 0x4000n, V | NFO | PAGE)];
      await agrees(
        caseOf(entries, [
          exception(0x10, 0x2000n, READ, USER),
          exception(0x10, 0x2000n, WRITE, USER),
          ask(0x2000n, EXECUTE, USER, at(PAGE)),
          exception(0x10, 0x4000n, READ, KERNEL),
          exception(0x10, 0x4000n, WRITE, KERNEL),
          ask(0x4000n, EXECUTE, KERNEL, at(PAGE)),
        ]),
      );
    });

    it("turns the bytes of data round with IE, and never those of code", async () => {
      const judged = caseOf(both(0, 0x2005n, V | IE | PAGE | W), everything(0x2000n, PAGE, USER));
      await agrees(judged);
      const { turnsBytes: _, ...straight } = sparc64;
      const { unexplained } = await judge(judged, straight);
      expect(unexplained.map(({ query }) => query?.access)).to.deep.equal([READ, WRITE]);
    });

    it("cares for no lock, cacheability, side effect, and for no bits of software's or diagnostics", async () => {
      const others = [L, CP, CV, E, 0x1ffn << 50n, 0x1ffn << 41n, 0x3fn << 7n, L | CP | CV | E | (0x3ffffn << 41n) | (0x3fn << 7n)];
      const entries = others.flatMap((bits, i) => both(i, (BigInt(i) * 0x2000n) | 5n, V | (PAGE + BigInt(i) * 0x2000n) | W | bits));
      const queries = others.flatMap((_, i) => everything(BigInt(i) * 0x2000n, PAGE + BigInt(i) * 0x2000n, USER));
      await agrees(caseOf(entries, queries));
    });

    it("takes the lowest of several entries that match, whatever their size", async () => {
      const entries = [
        ...both(40, 0x1_2005n, V | PAGE | W),
        ...both(7, 0x1_2005n, V | (PAGE + 0x4000n)),
        ...both(3, 0x1_0005n, V | size(1) | (PAGE + 0x1_0000n) | P),
        ...both(9, 0x2_2005n, V | (PAGE + 0x6000n) | W),
        ...both(11, 0x2_0005n, V | size(1) | (PAGE + 0x1_0000n) | P),
      ];
      const queries = [...ACCESSES.map((access) => exception(1, 0x1_2000n, access, USER)), ...everything(0x2_2000n, PAGE + 0x6000n, USER)];
      await agrees(caseOf(entries, queries));
    });

    it("has pages at both ends of both halves of the address space", async () => {
      const ends = [0n, 0x7ff_ffff_e000n, 0xffff_f800_0000_0000n, 0xffff_ffff_ffff_e000n];
      const entries = ends.flatMap((page, i) => both(i, page | 5n, V | (PAGE + BigInt(i) * 0x2000n) | W));
      const queries = ends.flatMap((page, i) => everything(page + 0x1fe0n, PAGE + BigInt(i) * 0x2000n + 0x1fe0n, USER));
      await agrees(caseOf(entries, queries));
    });

    it("reports an error of memory where nothing is, and writes no register of the MMU", async () => {
      const nowhere = { physical: 0x80_0000_0000n, isTable: false };
      const error = (trap: string): Expected => ({ kind: "fault", reason: "bus", report: { trap, code: 0 }, nowhere });
      const queries = [
        ask(0x2000n, READ, USER, error("data_access_error (0x32)")),
        ask(0x2000n, WRITE, USER, error("data_access_error (0x32)")),
        ask(0x2000n, EXECUTE, USER, error("instruction_access_error (0x0a)")),
      ];
      await agrees(caseOf(both(0, 0x2005n, V | 0x80_0000_0000n | W), queries));
    });

    it("fills both TLBs but for one place, and stays out of the way of what is asked", async () => {
      const entries = Array.from({ length: 64 }, (_, i) => i).flatMap((i) => {
        const words = [(BigInt(i) * 0x40_0000n + 0x100_0000_0000n) | 5n, V | size(3) | PAGE | W | G] as const;
        return i < 63 ? both(i, ...words) : [entry("data", i, ...words)];
      });
      const queries = Array.from({ length: 63 }, (_, i) =>
        everything(BigInt(i) * 0x40_0000n + 0x100_0000_0000n + BigInt(i) * 0x20n, PAGE + BigInt(i) * 0x20n, i % 2 === 0 ? USER : KERNEL),
      ).flat();
      await agrees(caseOf(entries, queries));
    });

    it("knows deviations: the hole, and two fault types at once", async () => {
      const hole = 0x800_0000_0000n;
      const entries = both(0, 0x2005n, V | NFO | P | PAGE);
      const blank = [hole, 0x2000n].flatMap((address) => ACCESSES.map((access) => ({ address, access, privilege: USER as Privilege })));
      const { architecture } = sparc64;
      const { explained, unexplained, agreed } = await judge(
        withExpectations(sparc64, { architecture }, { ...caseOf(entries, []), queries: blank }),
      );
      expect(unexplained).to.deep.equal([]);
      expect(agreed, "a fetch from a page of the kernel's").to.equal(1);
      expect(Object.fromEntries(explained)).to.deep.equal({ "sparc64.no-hole": 3, "sparc64.two-fault-types": 2 });
    });

    it("notices what is not as expected", async () => {
      const entries = both(0, 0x2005n, V | PAGE);
      const wrong = async (query: JudgedQuery): Promise<string> => objection(caseOf(entries, [query]));
      expect(await wrong(ask(0x2000n, EXECUTE, USER, at(PAGE + 0x20n)))).to.match(/QEMU (traps: trap 0x10|goes to 0x800000)/);
      expect(await wrong(ask(0x2000n, READ, USER, at(PAGE + 0x20n)))).to.contain("finds 0x0 there");
      expect(await wrong(ask(0x2000n, WRITE, USER, at(PAGE)))).to.contain("QEMU traps: fast_data_access_protection (0x6c), code 0x5");
      expect(await wrong(miss(0x2000n, READ, USER))).to.contain("lets it through");
      expect(await wrong(miss(0x2000n, WRITE, USER))).to.contain("code 0x5");
      const { expected: refusal } = protection(0x2000n, KERNEL);
      expect(await wrong(ask(0x2000n, WRITE, USER, refusal))).to.contain("QEMU traps: fast_data_access_protection (0x6c), code 0x5");
      const { expected: elsewhere } = miss(0x6000n, READ, USER);
      expect(await wrong(ask(0x4000n, READ, USER, elsewhere))).to.contain("tag access register holds 0x4005, ours 0x6005");
      const { expected: another } = miss(0x4000n, READ, KERNEL);
      expect(await wrong(ask(0x4000n, READ, USER, another))).to.contain("tag access register holds 0x4005, ours 0x4000");
    });

    it("brings a fetch back from anything, and forgets what it met there", async () => {
      // illtrap; a branch to itself; a jump to where %o7 is, page 0; one window after the other
      for (const [i, [word, says]] of (
        [
          [0, "trap 0x10"],
          [0x1080_0000, "trap 0x4e"],
          [0x81c3_e008, "tag access register holds 0x5,"],
          [0x9de3_bf40, "trap 0x80"],
        ] as const
      ).entries()) {
        const elsewhere = 0x90_0000n + BigInt(i) * 0x2000n;
        const bytes = new Uint8Array(0x2000);
        for (let each = 0; each < bytes.length; each += 4) new DataView(bytes.buffer).setUint32(each, word);
        const entries = both(0, 0x2005n, V | elsewhere);
        const { expected } = miss(0x2000n, EXECUTE, USER);
        const memory = [{ at: Number(elsewhere), bytes }];
        expect(await objection(caseOf(entries, [ask(0x2000n, EXECUTE, USER, expected)], {}, memory))).to.contain(says);
        await agrees(caseOf(entries, [ask(0x2000n, EXECUTE, USER, at(elsewhere))]));
      }
    });

    it("agrees with the golden vectors whose rows hardware can hold, but for the hole that it does not know", async () => {
      const path = new URL("../../../conformance/vectors/sparc64/hardware-rows.json", import.meta.url);
      const tally = new Tally();
      const { architecture } = sparc64;
      const cases = casesOfVectors(sparc64, { architecture }, readVectors(readFileSync(path, "utf8"), "hardware-rows.json"));
      for (const judged of cases) tally.add(await judge(judged));
      expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
      expect(Object.fromEntries(tally.unjudged)).to.deep.equal({});
      expect(Object.fromEntries(tally.explained)).to.deep.equal({ "sparc64.no-hole": 30 });
      expect(tally.agreed).to.equal(482);
    });

    it("agrees with the golden vectors, as far as a TTE can say what their entries say", async () => {
      const path = new URL("../../../conformance/vectors/sparc64/entries.json", import.meta.url);
      const set = readVectors(readFileSync(path, "utf8"), "entries.json");
      const tally = new Tally();
      const { architecture } = sparc64;
      for (const judged of casesOfVectors(sparc64, { architecture }, set)) tally.add(await judge(judged));
      expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
      expect(Object.fromEntries(tally.unjudged)).to.deep.equal({ "the machine has no entry with such rights": 24 });
      expect(tally.agreed).to.equal(102);
    });
  });

  describe("through TSBs", () => {
    /** Where RAM is, and so the kernel's address 0. */
    const offset = BigInt(RAM.first);
    /** A slot: tag (context 60:48, VA[63:22]) and data, at a virtual address of the kernel's. */
    const slot = (kernelAddress: bigint, tag: bigint, tte: bigint): Piece => {
      const bytes = new Uint8Array(16);
      new DataView(bytes.buffer).setBigUint64(0, tag);
      new DataView(bytes.buffer).setBigUint64(8, tte);
      return { at: Number(kernelAddress + offset), bytes };
    };
    const tsbs = (instruction: bigint, data: bigint, pointers = 1n): Readonly<Record<string, bigint>> => ({
      "instruction TSB": instruction,
      "data TSB": data,
      "TSB pointers": pointers,
    });
    /** 2048 slots each, at 0xa00000 and 0xa08000, as a space of ours has them. */
    const OURS = tsbs(0xa0_0002n, 0xa0_8002n);
    const asked = (memory: readonly Piece[], queries: readonly JudgedQuery[], registers = OURS): JudgedCase =>
      caseOf([], queries, registers, memory);
    const lands = (physical: bigint, address: bigint, access: Access = READ): JudgedQuery => ask(address, access, USER, at(physical));
    const agreesHere = async (judged: JudgedCase): Promise<void> => agrees(judged, sparc64Tsb);

    it("finds data by the slot and the tag of the page, each of the two TSBs for its own accesses", async () => {
      // Page 0x40a000: slot 0x205, tag 5 << 48 | 1. The lower half of the 16 KiB is the slot before.
      const memory = [
        slot(0xa0_2050n, 0x0005_0000_0000_0001n, V | PAGE | CP),
        slot(0xa0_a050n, 0x0005_0000_0000_0001n, V | (PAGE + 0x2000n) | CP | W),
        slot(0xa0_a040n, 0x0005_0000_0000_0001n, V | (PAGE + 0x4000n) | CP),
      ];
      await agreesHere(
        asked(memory, [
          lands(PAGE + 0x60n, 0x40_a060n, EXECUTE),
          lands(PAGE + 0x2060n, 0x40_a060n),
          lands(PAGE + 0x2060n, 0x40_a060n, WRITE),
          lands(PAGE + 0x4060n, 0x40_8060n),
          protection(0x40_8060n, USER),
          miss(0x40_8060n, EXECUTE, USER),
          ...nothing(0x40_c000n, USER),
        ]),
      );
    });

    it("misses what is marked, of another context, of another page, or not valid", async () => {
      // 0x400000 has slot 0x200.
      const tag = 0x0005_0000_0000_0001n;
      const kinds = [tag | V, tag ^ (1n << 48n), tag ^ (1n << 60n), tag ^ 1n, tag ^ (1n << 41n), tag ^ (1n << 42n), tag ^ (1n << 61n)];
      const memory = kinds.map((each, i) => slot(0xa0_a000n + BigInt(i) * 16n, each, V | PAGE | W));
      memory.push(slot(0xa0_a100n, tag, PAGE | W), slot(0xa0_a110n, tag, V | PAGE | W));
      const queries = [...kinds.map((_, i) => i), 16].map((i) => miss(0x40_0000n + BigInt(i) * 0x2000n, READ, USER));
      await agreesHere(asked(memory, [...queries, lands(PAGE, 0x42_2000n)]));
    });

    it("goes round the end of a TSB, up to the last page of the address space", async () => {
      // Pages 2048 apart share a slot; the top page is in the last but one of its half.
      const memory = [
        slot(0xa0_8000n, 0x0005_0000_0000_0004n, V | PAGE),
        slot(0xa0_fff0n, 0x0005_03ff_ffff_ffffn, V | (PAGE + 0x2000n) | W),
      ];
      await agreesHere(
        asked(memory, [
          lands(PAGE, 0x100_0000n),
          miss(0n, READ, USER),
          miss(0x200_0000n, READ, USER),
          lands(PAGE + 0x3fe0n, 0xffff_ffff_ffff_ffe0n),
          miss(0x7ff_ffff_e000n, READ, USER),
        ]),
      );
    });

    it("has 512 to 65,536 slots, common or split, aligned by its size", async () => {
      const address = 0x1abc_a000n;
      const tag = (5n << 48n) | (address >> 22n);
      for (let n = 0n; n < 8n; n += 1n) {
        const index = (address >> 13n) & ((1n << (9n + n)) - 1n);
        for (const split of [0n, 1n]) {
          // The base has a bit set below its alignment, which drops out.
          const base = 0x80_0000n + (n + split === 0n ? 0n : 0x2000n);
          const memory = [slot(0x80_0000n + index * 16n, tag, V | PAGE | W)];
          const registers = tsbs(0n, base | (split << 12n) | n);
          await agreesHere(asked(memory, [lands(PAGE, address), miss(address + (0x2000n << (9n + n)), READ, USER)], registers));
        }
      }
    });

    it("finds pages of 64 KiB by the second pointer, in the upper half where it is split", async () => {
      const address = 0x1abc_a000n;
      const tag = (5n << 48n) | (address >> 22n);
      for (const n of [0n, 3n]) {
        const index = (address >> 16n) & ((1n << (9n + n)) - 1n);
        for (const split of [0n, 1n]) {
          const at64 = 0x80_0000n + (split << (13n + n)) + index * 16n;
          const memory = [slot(at64, tag, V | size(1) | PAGE | W)];
          const register = 0x80_0000n | (split << 12n) | n;
          const landing = PAGE + (address & 0xe000n);
          await agreesHere(asked(memory, [lands(landing, address)], tsbs(register, register, 3n)));
          await agreesHere(asked(memory, [miss(address, READ, USER)], tsbs(register, register, 1n)));
        }
      }
    });

    it("shows the kernel its RAM from page 1 on, for data, and the user none of it", async () => {
      const end = BigInt(RAM.bytes);
      const tag = 0n;
      const memory = [slot(0xa0_8010n, tag, V | PAGE | W)];
      await agreesHere(
        asked(memory, [
          ask(0x2000n, READ, KERNEL, at(offset + 0x2000n)),
          ask(0x2020n, WRITE, KERNEL, at(offset + 0x2020n)),
          ask(end - 0x20n, READ, KERNEL, at(offset + end - 0x20n)),
          miss(0n, READ, KERNEL),
          miss(end, WRITE, KERNEL),
          miss(0x2000n, EXECUTE, KERNEL),
          miss(0x2000n, READ, USER),
        ]),
      );
    });

    it("refuses by what the data says, as if it had been in the TLB", async () => {
      const tag = 0x0005_0000_0000_0001n;
      const memory = [slot(0xa0_a000n, tag, V | PAGE | P | W), slot(0xa0_a010n, tag, V | NFO | PAGE), slot(0xa0_2000n, tag, V | PAGE | P)];
      await agreesHere(
        asked(memory, [
          ...ACCESSES.map((access) => exception(1, 0x40_0000n, access, USER)),
          exception(0x10, 0x40_2000n, READ, USER),
          exception(0x10, 0x40_2000n, WRITE, USER),
        ]),
      );
    });

    it("notices a slot beside the right one, a wrong tag, and words that our side has changed", async () => {
      const tag = 0x0005_0000_0000_0001n;
      const judged = asked([slot(0xa0_a050n, tag, V | PAGE)], [lands(PAGE, 0x40_a000n)]);
      const object = async (changes: Partial<JudgedCase>): Promise<string> => objection({ ...judged, ...changes }, sparc64Tsb);
      await agreesHere(judged);
      expect(await object({ memory: [slot(0xa0_a060n, tag, V | PAGE)] })).to.contain("fast_data_access_MMU_miss");
      expect(await object({ memory: [slot(0xa0_a050n, tag + 1n, V | PAGE)] })).to.contain("fast_data_access_MMU_miss");
      expect(await object({ memory: [slot(0xa0_a050n, tag, V | (PAGE + 0x2000n))] })).to.contain("finds 0x0 there");
      expect(await object({ after: [slot(0xa0_a050n, tag | V, V | PAGE)] })).to.contain("the word at 0xe0a050 is 0x5000000000001");
    });
  });

  it("agrees about random entries, random TSBs, and what lives have left in both", async () => {
    for (const profile of [sparc64, sparc64Tsb]) {
      const { tally } = await verify(profile, { queries: 1200, seed: 1, vectors: [] });
      expect(tally.unexplained.map(({ says, judged }) => `${judged.name}: ${says}`)).to.deep.equal([]);
      expect(tally.agreed).to.be.greaterThan(1000);
    }
  });
});
