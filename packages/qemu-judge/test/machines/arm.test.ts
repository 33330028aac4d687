/**
 * ARM's MMUs inside QEMU, asked by hand: words and answers are worked out from the figures of the ARM926EJ-S TRM (DDI 0198D) §3.2 to
 * §3.5 and of the ARMv7-A ARM (DDI 0406C) §B3.5, §B3.7 and §B3.13, not by our side.
 */
import { dacrSwitches } from "@portolan/arch-arm";
import { readVectors } from "@portolan/conformance";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import type { Expected, JudgedCase, JudgedQuery, Piece } from "#src/case.js";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import { arm, armv6, armv6k, armv6Old, armv7, armv7AccessFlag, armv7TwoRoots } from "#src/machines/arm/arm.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { Tally } from "#src/verdict/verdict.js";

const RAM = arm.cases;
const ROOT = RAM.first;
const KERNEL_ROOT = ROOT + 0x4000;
const TABLE = ROOT + 0x8000;
/** A page of 4 KiB, and one of 64 KiB; the section that both lie in. */
const PAGE = 0x0012_3000;
const LARGE = 0x0013_0000;
const SECTION = 0x0020_0000;
const DOMAIN = 5;
const CLIENTS = 0x5555_5555;
const WNR = 0x800;

/** Descriptors by index; of the first level, and of the table at TABLE. */
type Words = Readonly<Record<number, number>>;

const piece = (at: number, length: number, words: Words): Piece => {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of Object.entries(words)) view.setUint32(Number(index) * 4, word, true);
  return { at, bytes };
};

interface Asked {
  readonly first: Words;
  readonly second?: Words;
  readonly kernels?: Words;
  readonly queries: readonly JudgedQuery[];
  readonly dacr?: number;
  readonly S?: boolean;
  readonly R?: boolean;
  readonly after?: Words;
}

const caseOf = ({ first, second = {}, kernels, queries, dacr = CLIENTS, S = false, R = false, after }: Asked): JudgedCase => {
  const memory = (words: Words): readonly Piece[] => [
    piece(ROOT, 0x4000, first),
    ...(kernels === undefined ? [] : [piece(KERNEL_ROOT, 0x4000, kernels)]),
    piece(TABLE, 0x400, words),
  ];
  return {
    name: "by hand",
    ram: RAM,
    root: ROOT,
    ...(kernels === undefined ? {} : { kernelRoot: KERNEL_ROOT }),
    asid: 3,
    switches: { S, R, ...dacrSwitches(dacr) },
    memory: memory(second),
    queries,
    ...(after === undefined ? {} : { after: memory(after) }),
  };
};

/** A descriptor of the table at TABLE, in domain 5. */
const LEADS = TABLE | (DOMAIN << 5) | 1;

const at = (physical: number): Expected => ({ kind: "physical", physical: BigInt(physical) });
const data = (reason: string, code: number): Expected => ({ kind: "fault", reason, report: { trap: "data abort", code } });
const prefetch = (reason: string, code: number): Expected => ({ kind: "fault", reason, report: { trap: "prefetch abort", code } });

const ask = (address: number, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address: BigInt(address),
  access,
  privilege,
  expected,
});

/** How a machine's registers look: those of ARMv5 tell no write, and the domain of a fetch. */
type Registers = "old" | "new";

/** What a refused access leaves: status and domain, and what the registers of that time add. */
const refusal = (registers: Registers, reason: string, status: number, domain: number, access: Access): Expected => {
  if (access === EXECUTE) return prefetch(reason, status | (registers === "old" ? domain << 4 : 0));
  return data(reason, status | (domain << 4) | (registers === "new" && access === WRITE ? WNR : 0));
};

const LETTERS = { [READ]: "r", [WRITE]: "w", [EXECUTE]: "x" } as const;

/** All six accesses to an address: which of "rwx" kernel and user may do there; what else is refused, and how. */
const rights = (
  registers: Registers,
  address: number,
  physical: number,
  [kernel, user]: readonly [kernel: string, user: string],
  status: number,
  { reason = "protection", domain = DOMAIN }: { readonly reason?: string; readonly domain?: number } = {},
): readonly JudgedQuery[] =>
  ([READ, WRITE, EXECUTE] as const).flatMap((access) =>
    ([KERNEL, USER] as const).map((privilege) => {
      const may = (privilege === KERNEL ? kernel : user).includes(LETTERS[access]);
      return ask(address, access, privilege, may ? at(physical) : refusal(registers, reason, status, domain, access));
    }),
  );

const NOBODY = ["", ""] as const;
const PERMISSION_PAGE = 0b1111;
const PERMISSION_SECTION = 0b1101;
const BASE = 0x4010_0000;
const FIRST = BASE >>> 20;

/** Cases with how many of their accesses agree; everything that does not is printed. */
const bench = (profile: MachineProfile) => {
  let guest: Guest | null = null;
  const judge = async (judged: JudgedCase): Promise<Tally> => {
    guest ??= await Guest.start(profile);
    const tally = new Tally();
    await new Judge(guest).judge(judged, tally);
    return tally;
  };
  return {
    judge,
    agrees: async (asked: Asked): Promise<void> => {
      const { unexplained, agreed, explained } = await judge(caseOf(asked));
      expect(
        unexplained.map(({ says, query }) => `${query?.address.toString(16)} ${query?.access}/${query?.privilege}: ${says}`),
      ).to.deep.equal([]);
      expect([agreed, explained.size]).to.deep.equal([asked.queries.length, 0]);
    },
    stop: async (): Promise<void> => {
      await guest?.stop();
      guest = null;
    },
  };
};

const described = (profile: MachineProfile, body: (guest: ReturnType<typeof bench>) => void): void => {
  describe(`${profile.qemu.title} inside QEMU`, function () {
    this.timeout(60_000);
    const guest = bench(profile);
    before(function () {
      if (programPath("qemu-system-arm") !== null) return;
      console.log("      not run: apt-get install --no-install-recommends qemu-system-arm");
      this.skip();
    });
    after(() => guest.stop());
    body(guest);
  });
};

/** Rights of AP = 00, 01, 10, 11 with S and R clear, without XN. */
const BY_AP = [NOBODY, ["rwx", ""], ["rwx", "rx"], ["rwx", "rwx"]] as const;

for (const [profile, registers] of [
  [arm, "old"],
  [armv6Old, "new"],
] as const) {
  described(profile, ({ judge, agrees }) => {
    const quarters = (...aps: readonly number[]): number => aps.reduce((word, ap, i) => word | (ap << (4 + 2 * i)), 0);

    it("lets the quarters of a small page through as their own AP says", () =>
      agrees({
        first: { [FIRST]: LEADS },
        second: { 7: PAGE | quarters(0, 1, 2, 3) | 2, 8: PAGE | quarters(3, 2, 1, 0) | 2 },
        queries: [0, 1, 2, 3].flatMap((i) => [
          ...rights(registers, BASE + 0x7000 + i * 0x400 + 0x20, PAGE + i * 0x400 + 0x20, BY_AP[i] ?? NOBODY, PERMISSION_PAGE),
          ...rights(registers, BASE + 0x8000 + i * 0x400 + 0x3e0, PAGE + i * 0x400 + 0x3e0, BY_AP[3 - i] ?? NOBODY, PERMISSION_PAGE),
        ]),
      }));

    it("lets the quarters of a large page through, 16 KiB each, from any of its sixteen descriptors", () =>
      agrees({
        first: { [FIRST]: LEADS },
        second: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [0x30 + i, LARGE | quarters(0, 1, 2, 3) | 1])),
        queries: [0, 3, 4, 7, 8, 12, 15].flatMap((i) =>
          rights(registers, BASE + 0x3_0000 + i * 0x1000, LARGE + i * 0x1000, BY_AP[i >> 2] ?? NOBODY, PERMISSION_PAGE),
        ),
      }));

    // Bits 19:12, 9, C and B; but bit 18 where it makes a supersection.
    const SBZ = profile === arm ? 0xf_f20c : 0xb_f20c;

    it("lets sections through, whatever their bits that should be zero", () =>
      agrees({
        first: Object.fromEntries([0, 1, 2, 3].map((ap) => [FIRST + ap, SECTION | (ap << 10) | (DOMAIN << 5) | SBZ | 2])),
        queries: [0, 1, 2, 3].flatMap((ap) =>
          rights(registers, BASE + ap * 0x10_0000 + 0x1_2340, SECTION + 0x1_2340, BY_AP[ap] ?? NOBODY, PERMISSION_SECTION),
        ),
      }));

    for (const [S, R, kernel, user] of [
      [true, false, "rx", ""],
      [false, true, "rx", "rx"],
    ] as const) {
      it(`gives AP = 00 a meaning where ${S ? "S" : "R"} is set`, () =>
        agrees({
          S,
          R,
          first: { [FIRST]: LEADS, [FIRST + 1]: SECTION | (DOMAIN << 5) | 2 },
          second: { 0: PAGE | 2 },
          queries: [
            ...rights(registers, BASE, PAGE, [kernel, user], PERMISSION_PAGE),
            ...rights(registers, BASE + 0x10_0000, SECTION, [kernel, user], PERMISSION_SECTION),
          ],
        }));
    }

    it("reports what is absent as translation faults of the level where the walk ended", () =>
      agrees({
        first: { [FIRST]: LEADS, [FIRST + 1]: 0xffff_fffc },
        second: { 1: 0xffff_fffc },
        queries: [
          ...rights(registers, BASE, 0, NOBODY, 0b0111, { reason: "absent" }),
          ...rights(registers, BASE + 0x1000, 0, NOBODY, 0b0111, { reason: "absent" }),
          ...rights(registers, BASE + 0x10_0000, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
          ...rights(registers, 0, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
          ...rights(registers, 0xffff_ffe0, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
        ],
        after: { 1: 0xffff_fffc },
      }));

    it("notices a quarter that is said to be its neighbour", async () => {
      const queries = rights(registers, BASE + 0x400, PAGE + 0x400, BY_AP[3], PERMISSION_PAGE);
      const { unexplained } = await judge(caseOf({ first: { [FIRST]: LEADS }, second: { 0: PAGE | quarters(3, 1, 3, 3) | 2 }, queries }));
      expect(unexplained.map(({ query }) => query?.privilege)).to.deep.equal([USER, USER, USER]);
    });
  });
}

described(arm, ({ judge, agrees }) => {
  it("refuses type 3 in a coarse table, which the ARM926EJ-S does not define", () =>
    agrees({
      first: { [FIRST]: LEADS },
      second: { 0: PAGE | 0xff3 },
      queries: rights("old", BASE, 0, NOBODY, 0b0111, { reason: "reserved" }),
    }));

  it("finds fine tables that our machine does not know, and is explained", async () => {
    const first = { [FIRST]: (TABLE & ~0xfff) | (DOMAIN << 5) | 3 };
    const queries = rights("old", BASE, 0, NOBODY, 0b0101, { reason: "reserved", domain: 0 });
    const { explained, unexplained } = await judge(caseOf({ first, second: { 0: PAGE | 0x32 }, queries }));
    expect([...explained]).to.deep.equal([["arm.fine-table", 6]]);
    expect(unexplained).to.deep.equal([]);
  });
});

described(armv6Old, ({ judge, agrees }) => {
  it("knows no supersections, which is explained", async () => {
    const first = { 0x411: (1 << 18) | (3 << 10) | 2 };
    const queries = rights("new", 0x4110_0040, 0x10_0040, ["rwx", "rwx"], PERMISSION_SECTION, { domain: 0 });
    const { explained, unexplained } = await judge(caseOf({ first, queries }));
    expect([[...explained], unexplained.map(({ says }) => says)]).to.deep.equal([[["arm.supersection-of-old-format", 6]], []]);
  });

  it("takes type 3 of the second level for an extended small page, with one AP", () =>
    agrees({
      first: { [FIRST]: LEADS },
      second: Object.fromEntries([0, 1, 2, 3].map((ap) => [ap, PAGE | 0xfc0 | (ap << 4) | 3])),
      queries: [0, 1, 2, 3].flatMap((ap) => rights("new", BASE + ap * 0x1000 + 0xc00, PAGE + 0xc00, BY_AP[ap] ?? NOBODY, PERMISSION_PAGE)),
    }));
});

/** APX, AP, and the rights that they stand for; APX = 1 with AP = 11 came with ARMv6K. */
const BY_APX: readonly (readonly [apx: number, ap: number, kernel: string, user: string])[] = [
  [0, 0, "", ""],
  [0, 1, "rw", ""],
  [0, 2, "rw", "r"],
  [0, 3, "rw", "rw"],
  [1, 0, "", ""],
  [1, 1, "r", ""],
  [1, 2, "r", "r"],
  [1, 3, "r", "r"],
];
const rowsOf = (profile: MachineProfile): typeof BY_APX =>
  profile === armv6 ? BY_APX.map(([apx, ap, ...printed]) => (apx === 1 && ap === 3 ? [1, 3, "", ""] : [apx, ap, ...printed])) : BY_APX;
/** Whoever may read may execute, unless XN is set. */
const withFetch = (printed: string, xn: number): string => printed + (printed.includes("r") && xn === 0 ? "x" : "");

for (const profile of [armv6, armv6k, armv7]) {
  described(profile, ({ judge, agrees }) => {
    const rows = rowsOf(profile).flatMap((row) => [0, 1].map((xn) => [...row, xn] as const));

    it("lets small pages through as APX, AP and XN say", () =>
      agrees({
        first: { [FIRST]: LEADS },
        second: Object.fromEntries(rows.map(([apx, ap, , , xn], i) => [i, PAGE | (apx << 9) | (ap << 4) | 2 | xn])),
        queries: rows.flatMap(([, , kernel, user, xn], i) =>
          rights("new", BASE + i * 0x1000 + 0x7e0, PAGE + 0x7e0, [withFetch(kernel, xn), withFetch(user, xn)], PERMISSION_PAGE),
        ),
      }));

    it("lets large pages through: XN is bit 15", () =>
      agrees({
        first: { [FIRST]: LEADS },
        second: Object.fromEntries(
          rows.flatMap(([apx, ap, , , xn], i) =>
            Array.from({ length: 16 }, (_, j) => [i * 16 + j, LARGE | (xn << 15) | (apx << 9) | (ap << 4) | 1]),
          ),
        ),
        queries: rows.flatMap(([, , kernel, user, xn], i) =>
          rights("new", BASE + i * 0x1_0000 + 0xa000, LARGE + 0xa000, [withFetch(kernel, xn), withFetch(user, xn)], PERMISSION_PAGE),
        ),
      }));

    it("lets sections through: APX is bit 15, AP 11:10, XN 4", () =>
      agrees({
        first: Object.fromEntries(
          rows.map(([apx, ap, , , xn], i) => [FIRST + i, SECTION | (apx << 15) | (ap << 10) | (DOMAIN << 5) | (xn << 4) | 2]),
        ),
        queries: rows.flatMap(([, , kernel, user, xn], i) =>
          rights(
            "new",
            BASE + i * 0x10_0000 + 0x5_0000,
            SECTION + 0x5_0000,
            [withFetch(kernel, xn), withFetch(user, xn)],
            PERMISSION_SECTION,
          ),
        ),
      }));

    it("lets supersections through, 16 MiB from any of sixteen descriptors, in domain 0", () =>
      agrees({
        first: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [0x410 + i, (1 << 18) | (2 << 10) | 2])),
        queries: [1, 3, 8].flatMap((i) =>
          rights("new", 0x4100_0000 + i * 0x10_0000 + 0x40, i * 0x10_0000 + 0x40, ["rwx", "rx"], PERMISSION_SECTION, { domain: 0 }),
        ),
      }));

    it("is not moved by memory types, S, nG and what should be zero", () =>
      agrees({
        first: {
          [FIRST]: LEADS | (1 << 9) | (1 << 4) | (1 << 2),
          [FIRST + 1]: SECTION | 0x3_7000 | (3 << 10) | (1 << 9) | (DOMAIN << 5) | 0xc | 2,
        },
        second: { 0: PAGE | 0xdfc | 2, 1: PAGE | 0x1c4 | 0x30 | 2 },
        queries: [
          ...rights("new", BASE, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
          ...rights("new", BASE + 0x1000, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
          ...rights("new", BASE + 0x10_0000, SECTION, ["rwx", "rwx"], PERMISSION_SECTION),
        ],
      }));

    it("reports what is absent or reserved as translation faults, writes with WnR, fetches without a domain", () =>
      agrees({
        first: { [FIRST]: LEADS, [FIRST + 1]: 0xffff_fffc, [FIRST + 2]: 0xffff_ffff },
        second: { 1: 0xffff_fffc },
        queries: [
          ...rights("new", BASE, 0, NOBODY, 0b0111, { reason: "absent" }),
          ...rights("new", BASE + 0x1000, 0, NOBODY, 0b0111, { reason: "absent" }),
          ...rights("new", BASE + 0x10_0000, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
          ...rights("new", BASE + 0x20_0000, 0, NOBODY, 0b0101, { reason: "reserved", domain: 0 }),
          ...rights("new", 0, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
          ...rights("new", 0xffff_ffe0, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
        ],
        after: { 1: 0xffff_fffc },
      }));

    it("reports a table where nothing is as an abort of the walk", () =>
      agrees({
        first: { [FIRST]: 0x9000_0000 | (DOMAIN << 5) | 1 },
        queries: ([READ, WRITE, EXECUTE] as const).map((access) => {
          const expected = refusal("new", "bus", 0b1110, DOMAIN, access);
          return ask(BASE, access, USER, { ...expected, nowhere: { physical: 0x9000_0000n, isTable: true } } as Expected);
        }),
      }));

    it("checks no rights and no XN in domains that are managed, and lets nobody into others but clients", async () => {
      const words = { first: { [FIRST]: LEADS, [FIRST + 1]: SECTION | (DOMAIN << 5) | (1 << 4) | 2 }, second: { 0: PAGE | 3 } };
      await agrees({
        ...words,
        dacr: CLIENTS | (3 << (2 * DOMAIN)),
        queries: [
          ...rights("new", BASE, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
          ...rights("new", BASE + 0x10_0000, SECTION, ["rwx", "rwx"], PERMISSION_SECTION),
        ],
      });
      for (const closed of [0, 2]) {
        await agrees({
          ...words,
          dacr: (0xffff_ffff & ~(3 << (2 * DOMAIN))) | (closed << (2 * DOMAIN)),
          queries: [
            ...rights("new", BASE, 0, NOBODY, 0b1011, { reason: "domain" }),
            ...rights("new", BASE + 0x10_0000, 0, NOBODY, 0b1001, { reason: "domain" }),
          ],
        });
      }
    });

    it("is asked even where all sixteen domains are closed, and every section is looked at", () =>
      agrees({
        dacr: 0,
        first: Object.fromEntries(Array.from({ length: 4096 }, (_, i) => [i, SECTION | (3 << 10) | ((i % 16) << 5) | 2])),
        queries: Array.from({ length: 64 }, (_, i) => i * 65).flatMap((i) =>
          rights("new", i * 0x10_0000, 0, NOBODY, 0b1001, { reason: "domain", domain: i % 16 }),
        ),
      }));

    it("reports a closed domain before an absent second level, which is explained", async () => {
      const queries = rights("new", BASE, 0, NOBODY, 0b0111, { reason: "absent" });
      const { explained, unexplained } = await judge(caseOf({ dacr: 0, first: { [FIRST]: LEADS }, queries }));
      expect([[...explained], unexplained]).to.deep.equal([[["arm.domain-before-second-level", 6]], []]);
    });

    it("goes above 4 GiB with a supersection that says so, which is explained", async () => {
      const first = { 0x411: (1 << 18) | (3 << 10) | (1 << 20) | 2 };
      const queries = rights("new", 0x4110_0040, 0x10_0040, ["rwx", "rwx"], PERMISSION_SECTION, { domain: 0 });
      const { explained, unexplained } = await judge(caseOf({ first, queries }));
      expect([[...explained], unexplained.map(({ says }) => says)]).to.deep.equal([[["arm.supersection-above-4-gib", 6]], []]);
    });

    describe("notices", () => {
      const words = { first: { [FIRST]: LEADS }, second: { 0: PAGE | 0x30 | 2, 1: PAGE | 0x10 | 2 } };
      const differs = async (query: JudgedQuery): Promise<string> => {
        const { unexplained, agreed } = await judge(caseOf({ ...words, queries: [query] }));
        expect([unexplained.length, agreed]).to.deep.equal([1, 0]);
        return unexplained[0]?.says ?? "";
      };

      for (const [title, access] of [
        ["read", READ],
        ["write", WRITE],
        ["fetch", EXECUTE],
      ] as const) {
        it(`a ${title} that lands elsewhere, and one that is refused or let through`, async () => {
          expect(await differs(ask(BASE, access, USER, at(PAGE + 0x1000)))).to.match(/^expected 0x124000; QEMU /u);
          expect(await differs(ask(BASE + 0x1000, access, USER, at(PAGE)))).to.match(/QEMU traps: (?:data|prefetch) abort, code 0x/u);
          expect(await differs(ask(BASE, access, USER, refusal("new", "protection", PERMISSION_PAGE, DOMAIN, access)))).to.match(
            access === EXECUTE ? /holds 0x40101000, not 0x40100000$/u : /lets it through/u,
          );
        });
      }

      it("a wrong status, domain or WnR", async () => {
        const says = (code: number) => differs(ask(BASE + 0x1000, WRITE, USER, data("protection", code)));
        for (const code of [PERMISSION_SECTION | 0x850, PERMISSION_PAGE | 0x840, PERMISSION_PAGE | 0x050])
          expect(await says(code)).to.contain("QEMU traps: data abort, code 0x85f, address 0x40101014");
      });

      it("a word that is said to have changed", async () => {
        const queries = [ask(BASE, READ, USER, at(PAGE))];
        const { unexplained, agreed } = await judge(caseOf({ ...words, queries, after: { ...words.second, 1: 0 } }));
        expect([agreed, unexplained.map(({ says }) => says)]).to.deep.equal([
          1,
          [`the word at 0x${(TABLE + 4).toString(16)} is 0x${words.second[1].toString(16)} after the accesses; ours has 0x0`],
        ]);
      });
    });
  });
}

described(armv6, ({ agrees }) => {
  for (const [S, R, kernel, user] of [
    [true, false, "rx", ""],
    [false, true, "rx", "rx"],
  ] as const) {
    it(`gives AP = 00 a meaning where ${S ? "S" : "R"} is set, with XN on top`, () =>
      agrees({
        S,
        R,
        first: { [FIRST]: LEADS },
        second: { 0: PAGE | 2, 1: PAGE | 3 },
        queries: [
          ...rights("new", BASE, PAGE, [kernel, user], PERMISSION_PAGE),
          ...rights("new", BASE + 0x1000, PAGE, [kernel.replace("x", ""), user.replace("x", "")], PERMISSION_PAGE),
        ],
      }));
  }
});

described(armv7AccessFlag, ({ judge, agrees }) => {
  const WORDS = { first: { [FIRST]: LEADS, [FIRST + 1]: SECTION | (DOMAIN << 5) | (2 << 10) | 2 } };

  it("refuses what has not been marked as accessed, before rights are looked at", () =>
    agrees({
      ...WORDS,
      second: { 0: PAGE | 0x22, 1: PAGE | 0x02, 2: PAGE | 0x222 },
      queries: [
        ...[0, 1, 2].flatMap((i) => rights("new", BASE + i * 0x1000, 0, NOBODY, 0b0110, { reason: "unmarked" })),
        ...rights("new", BASE + 0x10_0000, 0, NOBODY, 0b0011, { reason: "unmarked" }),
      ],
      after: { 0: PAGE | 0x22, 1: PAGE | 0x02, 2: PAGE | 0x222 },
    }));

  it("reads AP[2:1] of what has been", () =>
    agrees({
      ...WORDS,
      second: { 0: PAGE | 0x12, 1: PAGE | 0x32, 2: PAGE | 0x212, 3: PAGE | 0x233 },
      queries: [
        ...rights("new", BASE, PAGE, ["rwx", ""], PERMISSION_PAGE),
        ...rights("new", BASE + 0x1000, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
        ...rights("new", BASE + 0x2000, PAGE, ["rx", ""], PERMISSION_PAGE),
        ...rights("new", BASE + 0x3000, PAGE, ["r", "r"], PERMISSION_PAGE),
      ],
    }));

  it("is ahead of the flag with domains and XN, which is explained", async () => {
    const unmarked = rights("new", BASE, 0, NOBODY, 0b0110, { reason: "unmarked" });
    const explained = async (dacr: number, word: number): Promise<unknown> => {
      const tally = await judge(caseOf({ ...WORDS, dacr, second: { 0: word }, queries: unmarked }));
      return [[...tally.explained], tally.agreed, tally.unexplained.map(({ says }) => says)];
    };
    expect(await explained(0, PAGE | 0x22)).to.deep.equal([[["arm.domain-before-access-flag", 6]], 0, []]);
    expect(await explained(0xffff_ffff, PAGE | 0x22)).to.deep.equal([[["arm.access-flag-of-managers", 6]], 0, []]);
    expect(await explained(CLIENTS, PAGE | 0x23)).to.deep.equal([[["arm.execute-never-before-access-flag", 2]], 4, []]);
  });
});

described(armv7TwoRoots, ({ agrees }) => {
  it("walks the user's root below 256 MiB and the kernel's from there on, the stub's own place notwithstanding", () =>
    agrees({
      first: { 0: LEADS, 0xff: LEADS },
      kernels: { 0x100: LEADS, 0xfff: LEADS },
      second: { 0: PAGE | 0x32, 0xff: (PAGE + 0x1000) | 0x32 },
      queries: [
        ...rights("new", 0, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
        ...rights("new", 0x0fff_ffe0, PAGE + 0x1fe0, ["rwx", "rwx"], PERMISSION_PAGE),
        ...rights("new", 0x1000_0000, PAGE, ["rwx", "rwx"], PERMISSION_PAGE),
        ...rights("new", 0x1010_0000, 0, NOBODY, 0b0101, { reason: "absent", domain: 0 }),
        ...rights("new", 0xffff_ffe0, PAGE + 0x1fe0, ["rwx", "rwx"], PERMISSION_PAGE),
      ],
    }));
});

for (const profile of [arm, armv7]) {
  described(profile, ({ judge }) => {
    it("confirms the golden vectors", async () => {
      const path = new URL(`../../../conformance/vectors/${profile.name}/walks.json`, import.meta.url);
      const set = readVectors(readFileSync(path, "utf8"), profile.name);
      const subject = { architecture: profile.architecture, ...(profile.oracle === undefined ? {} : { oracle: profile.oracle }) };
      let agreed = 0;
      for (const judged of casesOfVectors(profile, subject, set)) {
        const tally = await judge(judged);
        expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
        agreed += tally.agreed;
      }
      expect(agreed).to.be.greaterThan(1000);
    });
  });
}
