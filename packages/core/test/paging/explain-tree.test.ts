/** What is told of a walk through tables, word by word, on a machine whose entries can say everything that a description knows of. */
import { expect } from "chai";
import type { Architecture, HierarchicalTranslation } from "#src/architecture/architecture.js";
import type { EntryFormat, Field, FieldValues, Level, Rule, Switches } from "#src/architecture/entry-format.js";
import { ABSENT, BAD_ADDRESS, BUS, DOMAIN, NO_FAULT, PROTECTION, RESERVED, UNMARKED } from "#src/architecture/faults.js";
import { EXECUTE, KERNEL, READ, rightsFor, USER, WRITE, type Access, type Privilege, type Rights } from "#src/architecture/rights.js";
import type { Walk } from "#src/architecture/walk.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { NO_ROOT } from "#src/machine/translation-context.js";
import { explainTree, isCanonical } from "#src/paging/explain-tree.js";
import { wide64 } from "../wide64.js";

const field = (name: string, bits: Field["bits"], role: Field["role"] = "control"): Field => ({ name, bits, role, says: `the ${name}` });

const KIND = field("kind", [1, 0]);
const LET = field("let", [7, 2]);
const OWN = field("domain", [11, 8]);
const QUAD = field("quad", 62);
const QUARTERS = [0, 1, 2, 3].map((part) => field(`quarter ${part}`, [49 + 2 * part, 48 + 2 * part]));

const lets: Rule<Rights> = { reads: [LET], tell: (values) => values["let"] ?? 0 };
const ofQuarter = (quarter: Field): Rule<Rights> => ({
  reads: [quarter],
  tell: (values) => [0, rightsFor(READ, 0), rightsFor(READ, READ), rightsFor(7, 7)][values[quarter.name] ?? 0] ?? 0,
});

const pointer: EntryFormat = {
  name: "pointer",
  bytes: 4,
  fields: [KIND, LET, OWN, field("table", [31, 12], "frame")],
  rights: lets,
  domain: OWN,
};
const large: EntryFormat = {
  name: "large page",
  bytes: 4,
  fields: [KIND, LET, OWN, field("zero", [15, 12], "reserved"), field("frame", [31, 16], "frame")],
  rights: lets,
  domain: OWN,
};
const small: EntryFormat = {
  name: "page",
  bytes: 8,
  fields: [
    KIND,
    LET,
    field("A", 8, "accessed"),
    field("D", 9, "dirty"),
    field("zero", [11, 10], "reserved"),
    field("frame", [31, 12], "frame"),
    { ...field("extension", [35, 32], "frame"), unitShift: 36 },
    field("free", [47, 36], "software"),
    field("quarters", [55, 48]),
    field("high zero", [61, 56], "reserved"),
    QUAD,
    field("S", 63, "software"),
  ],
  rights: lets,
};
const quad: EntryFormat = {
  name: "large page of four entries",
  bytes: 8,
  fields: [KIND, LET, field("frame", [31, 14], "frame"), ...QUARTERS, field("high zero", [61, 56], "reserved"), QUAD],
  rights: lets,
  partRights: QUARTERS.map(ofQuarter),
};

const kind: Level["kind"] = {
  reads: [KIND],
  tell: (values) => (["absent", "table", "leaf", "malformed"] as const)[values["kind"] ?? 0] ?? "absent",
};
const root: Level = { name: "root", indexBits: 2, kind, table: pointer, leaf: large, manual: "chapter of roots" };
const last: Level = {
  name: "last table",
  indexBits: 4,
  kind,
  leaf: small,
  forms: [
    {
      when: { reads: [QUAD], tell: ({ quad: isQuad }: FieldValues, { QUADS }: Switches) => isQuad === 1 && QUADS },
      leaf: quad,
      entries: 4,
    },
  ],
  manual: "chapter of pages",
};

const translation: HierarchicalTranslation = { kind: "hierarchical", levels: [root, last], faultsOnReserved: true, rootRegister: "ROOT" };

const tellsOf = (changed: Partial<HierarchicalTranslation>, can: Partial<Architecture["can"]> = {}): Architecture => ({
  ...wide64,
  manuals: ["the manual"],
  byteOrder: "little",
  wordBits: 32,
  virtualBits: 18,
  virtualRule: "exact",
  physicalBits: 40,
  translation: { ...translation, ...changed },
  can: { ...wide64.can, ...can },
});
const plain = tellsOf({});

const ROOT = 0x1000;
const TABLE = 0x2000;
const EVERYTHING = 0o77;
/** An entry of the root. */
const tableWord = (rights: number, domain = 0, table = TABLE): number => 1 | (rights << 2) | (domain << 8) | table;

interface Asked {
  readonly architecture?: Architecture;
  /** Entries of the root, and of the last table as two halves. */
  readonly roots?: Readonly<Record<number, number>>;
  readonly words?: Readonly<Record<number, readonly [low: number, high: number]>>;
  readonly at?: bigint;
  readonly access?: Access;
  readonly privilege?: Privilege;
  readonly switches?: Switches;
  readonly from?: number;
}

const told = ({
  architecture = plain,
  roots = { 0: tableWord(EVERYTHING) },
  words = {},
  at = 0x5abcn,
  access = READ,
  privilege = USER,
  switches = {},
  from = ROOT,
}: Asked): Walk => {
  const memory = new PhysicalMemory({ bytes: 0x10_0000, physicalBits: 40, byteOrder: architecture.byteOrder, frameShift: 12 });
  memory.addRegion(2 ** 36, 0x1_0000);
  for (const [index, word] of Object.entries(roots)) memory.write32(ROOT + 4 * Number(index), word);
  for (const [index, [low, high]] of Object.entries(words)) memory.write64(TABLE + 8 * Number(index), low, high);
  return explainTree(architecture, memory, from, at, access, privilege, switches);
};

const leaf = (rights: number, frame = 0x3_0000, more = 0): number => 2 | (rights << 2) | frame | more;

describe("the explanation of a tree", () => {
  it("shows every word on the way: where it lies, each field of it, and where it leads", () => {
    const word = leaf(rightsFor(READ | WRITE, READ), 0x3_0000, 1 << 8);
    const walk = told({ roots: { 0: tableWord(rightsFor(7, READ | EXECUTE), 9) }, words: { 5: [word, 1] } });
    const fields = (list: Walk["steps"][number]["fields"]): unknown => list.map(({ name, high, low, value }) => [name, high, low, value]);
    const { steps, ...rest } = walk;
    expect(steps.map(({ fields: all, ...step }) => ({ ...step, fields: fields(all) }))).to.deep.equal([
      {
        table: "root",
        tableAddress: 0x1000n,
        index: 0,
        entryAddress: 0x1000n,
        bytes: 4,
        raw: 0x29bdn,
        says: "leads to the table at 0x2000",
        manual: "chapter of roots",
        fields: [
          ["kind", 1, 0, 1n],
          ["let", 7, 2, 0o57n],
          ["domain", 11, 8, 9n],
          ["table", 31, 12, 2n],
        ],
      },
      {
        table: "last table",
        tableAddress: 0x2000n,
        index: 5,
        entryAddress: 0x2028n,
        bytes: 8,
        raw: (1n << 32n) | BigInt(word),
        says: "maps physical address 0x1000030000",
        manual: "chapter of pages",
        fields: [
          ["kind", 1, 0, 2n],
          ["let", 7, 2, 0o13n],
          ["A", 8, 8, 1n],
          ["D", 9, 9, 0n],
          ["zero", 11, 10, 0n],
          ["frame", 31, 12, 0x30n],
          ["extension", 35, 32, 1n],
          ["free", 47, 36, 0n],
          ["quarters", 55, 48, 0n],
          ["high zero", 61, 56, 0n],
          ["quad", 62, 62, 0n],
          ["S", 63, 63, 0n],
        ],
      },
    ]);
    expect(rest).to.deep.equal({
      address: 0x5abcn,
      access: READ,
      privilege: USER,
      physical: null,
      reason: BUS,
      rule: "the page lies outside physical memory",
      manual: "chapter of pages",
      kernelRights: READ | WRITE,
      userRights: READ,
    });
  });

  it("finds the byte, in memory that lies anywhere, by the index of each level and the offset that is left", () => {
    for (const [at, frame, high, physical] of [
      [0x5abcn, 0x3_0000, 0, 0x3_0abcn],
      [0x5000n, 0x3_1000, 0, 0x3_1000n],
      [0x5fffn, 0x7000, 1, 0x10_0000_7fffn],
    ] as const) {
      const walk = told({ at, words: { 5: [leaf(EVERYTHING, frame), high] } });
      expect([walk.physical, walk.reason, walk.rule]).to.deep.equal([physical, NO_FAULT, "every level lets the user read"]);
    }
    const other = told({
      at: 0x3_f123n,
      roots: { 3: tableWord(EVERYTHING) },
      words: { 15: [leaf(EVERYTHING), 0] },
      access: EXECUTE,
      privilege: KERNEL,
    });
    expect([other.physical, other.rule, other.steps.map(({ index, entryAddress }) => [index, entryAddress])]).to.deep.equal([
      0x3_0123n,
      "every level lets the kernel fetch",
      [
        [3, 0x100cn],
        [15, 0x2078n],
      ],
    ]);
  });

  it("reads words of either byte order", () => {
    const architecture: Architecture = { ...plain, byteOrder: "big" };
    expect(told({ architecture, words: { 5: [leaf(EVERYTHING, 0x7000), 1] } }).physical).to.equal(0x10_0000_7abcn);
  });

  it("ends at a page that an upper level maps, with all bits below as the offset", () => {
    const walk = told({ at: 0x2_9876n, roots: { 2: leaf(EVERYTHING, 0x4_0000) } });
    expect([walk.physical, walk.steps.length, walk.steps[0]?.fields.map(({ name }) => name), walk.manual]).to.deep.equal([
      0x4_9876n,
      1,
      ["kind", "let", "domain", "zero", "frame"],
      "chapter of roots",
    ]);
  });

  it("ends at what is absent, or has a form that the manual forbids, and names the entry", () => {
    for (const [asked, steps, reason, rule, says, fields] of [
      [{ at: 0x1_2345n }, 1, ABSENT, "entry 1 of the root is absent", "absent", 4 + 1],
      [{}, 2, ABSENT, "entry 5 of the last table is absent", "absent", 12],
      [{ roots: { 0: 3 } }, 1, RESERVED, "entry 0 of the root has a form that the manual forbids", "malformed", 4 + 1],
      [{ words: { 5: [3, 0] } }, 2, RESERVED, "entry 5 of the last table has a form that the manual forbids", "malformed", 12],
      [{ words: { 5: [1, 0] } }, 2, RESERVED, "entry 5 of the last table has a form that the manual forbids", "malformed", 0],
    ] as const) {
      const walk = told(asked);
      expect([walk.steps.length, walk.reason, walk.rule, walk.physical]).to.deep.equal([steps, reason, rule, null]);
      expect([walk.steps.at(-1)?.says, walk.steps.at(-1)?.fields.length, walk.manual]).to.deep.equal([
        says,
        fields,
        steps === 1 ? "chapter of roots" : "chapter of pages",
      ]);
    }
  });

  it("ends at reserved bits where the machine faults on them, and reads over them where not", () => {
    const heedless = tellsOf({ faultsOnReserved: false });
    for (const word of [
      [leaf(EVERYTHING, 0x3_0000, 1 << 11), 0],
      [leaf(EVERYTHING), 1 << 29],
    ] as const) {
      const walk = told({ words: { 5: word } });
      expect([walk.reason, walk.rule, walk.steps.at(-1)?.says]).to.deep.equal([
        RESERVED,
        "entry 5 of the last table has reserved bits set",
        "reserved bits are set",
      ]);
      expect(told({ words: { 5: word }, architecture: heedless }).physical).to.equal(0x3_0abcn);
    }
    // Bits that software may use are nobody's business, and a pointer has no reserved bits here.
    expect(told({ words: { 5: [leaf(EVERYTHING), 0x8000_fff0] } }).physical).to.equal(0x3_0abcn);
  });

  it("names the first entry that refuses, whose privilege and which access", () => {
    for (const [rights, privilege, access, says] of [
      [rightsFor(7, READ | EXECUTE), USER, WRITE, "user write"],
      [rightsFor(7, READ | WRITE), USER, EXECUTE, "user fetch"],
      [rightsFor(WRITE | EXECUTE, 7), KERNEL, READ, "kernel read"],
    ] as const) {
      const upper = told({ roots: { 0: tableWord(rights) }, words: { 5: [leaf(rights), 0] }, privilege, access });
      const lower = told({ words: { 5: [leaf(rights), 0] }, privilege, access });
      expect([upper.reason, upper.rule, upper.steps.length]).to.deep.equal([PROTECTION, `entry 0 of the root does not let the ${says}`, 2]);
      expect([lower.reason, lower.rule, lower.physical]).to.deep.equal([
        PROTECTION,
        `entry 5 of the last table does not let the ${says}`,
        null,
      ]);
      expect([upper.kernelRights, upper.userRights]).to.deep.equal([rights & 7, rights >>> 3]);
      const back: Privilege = privilege === USER ? KERNEL : USER;
      expect(told({ words: { 5: [leaf(rights), 0] }, privilege: back, access }).reason).to.equal(NO_FAULT);
    }
    const both = told({ roots: { 0: tableWord(rightsFor(READ | WRITE, 7)) }, words: { 5: [leaf(rightsFor(READ | EXECUTE, READ)), 0] } });
    expect([both.kernelRights, both.userRights]).to.deep.equal([READ, READ]);
  });

  it("lets everything through where an entry's format says nothing of rights", () => {
    const { rights: _none, ...silent } = small;
    const architecture = tellsOf({ levels: [root, { ...last, leaf: silent }] });
    const walk = told({ architecture, words: { 5: [leaf(0), 0] }, access: WRITE });
    expect([walk.reason, walk.kernelRights, walk.userRights]).to.deep.equal([NO_FAULT, 7, 7]);
  });

  it("takes what the machine takes from all levels together, and says by which rule, if it was that one", () => {
    const combined = {
      says: "the kernel keeps off the user's pages",
      tell: (rights: Rights, { KEEPS }: Switches) => (KEEPS && rights >>> 3 !== 0 ? rights & 0o70 : rights | 7),
    };
    const architecture = tellsOf({ combined });
    const words = { 5: [leaf(rightsFor(READ | WRITE, READ)), 0] } as const;
    const outcome = (asked: Asked): unknown => {
      const { reason, rule, kernelRights, userRights } = told({ architecture, words, ...asked });
      return [reason, rule, kernelRights, userRights];
    };
    expect(outcome({ privilege: KERNEL, switches: { KEEPS: true } })).to.deep.equal([PROTECTION, combined.says, 0, READ]);
    expect(outcome({ privilege: KERNEL }), "never one more").to.deep.equal([
      NO_FAULT,
      "every level lets the kernel read",
      READ | WRITE,
      READ,
    ]);
    expect(outcome({ switches: { KEEPS: true } })).to.deep.equal([NO_FAULT, "every level lets the user read", 0, READ]);
    expect(outcome({ privilege: KERNEL, access: EXECUTE, switches: { KEEPS: true } }), "an entry refused before").to.deep.equal([
      PROTECTION,
      "entry 5 of the last table does not let the kernel fetch",
      0,
      READ,
    ]);
  });

  it("goes by the domain that the last entry with such a field names: closed, open, or checked", () => {
    const domains = {
      count: 16,
      tell: (domain: number) => (domain === 4 ? ("closed" as const) : domain === 9 ? ("open" as const) : ("checked" as const)),
    };
    const architecture = tellsOf({ domains });
    const words = { 5: [leaf(rightsFor(7, 0)), 0] } as const;
    const outcome = (domain: number, asked: Asked = {}): unknown => {
      const { reason, rule, physical, kernelRights, userRights } = told({
        architecture,
        words,
        roots: { 0: tableWord(EVERYTHING, domain) },
        ...asked,
      });
      return [reason, rule, physical, kernelRights, userRights];
    };
    expect(outcome(4)).to.deep.equal([DOMAIN, "domain 4 is closed", null, 0, 0]);
    expect(outcome(4, { privilege: KERNEL })).to.deep.equal([DOMAIN, "domain 4 is closed", null, 0, 0]);
    expect(outcome(9)).to.deep.equal([NO_FAULT, "domain 9 is open: rights are not checked", 0x3_0abcn, 7, 7]);
    expect(outcome(3)).to.deep.equal([PROTECTION, "entry 5 of the last table does not let the user read", null, 7, 0]);
    expect(outcome(3, { privilege: KERNEL })).to.deep.equal([NO_FAULT, "every level lets the kernel read", 0x3_0abcn, 7, 0]);
    // A page of the upper level names its own.
    const roots = { 0: leaf(0, 0x4_0000, 9 << 8) };
    expect(outcome(0, { roots, at: 0x123n })).to.deep.equal([NO_FAULT, "domain 9 is open: rights are not checked", 0x4_0123n, 7, 7]);
  });

  it("asks for marks where the handler makes them: accessed before anything else, dirty before a permitted write", () => {
    const architecture = tellsOf({}, { recordAccess: "fault", recordWrite: "fault" });
    const outcome = (more: number, access: Access, rights = EVERYTHING, given = architecture): readonly [number, string] => {
      const { reason, rule } = told({ architecture: given, words: { 5: [leaf(rights, 0x3_0000, more), 0] }, access });
      return [reason, rule];
    };
    const [accessed, dirty] = [1 << 8, 1 << 9];
    const unaccessed = [UNMARKED, "entry 5 of the last table is not marked as accessed"];
    const clean = [UNMARKED, "entry 5 of the last table is not marked as written"];
    expect(outcome(0, READ)).to.deep.equal(unaccessed);
    expect(outcome(dirty, WRITE, rightsFor(7, READ))).to.deep.equal(unaccessed);
    expect(outcome(accessed, WRITE)).to.deep.equal(clean);
    expect(outcome(accessed, READ)[0]).to.equal(NO_FAULT);
    expect(outcome(accessed | dirty, WRITE)[0]).to.equal(NO_FAULT);
    expect(outcome(accessed, WRITE, rightsFor(7, READ))[0], "what is forbidden is not marked").to.equal(PROTECTION);
    for (const way of ["hardware", "refill", "no"] as const) {
      const other = tellsOf({}, { recordAccess: way, recordWrite: way });
      expect(outcome(0, WRITE, EVERYTHING, other)[0], way).to.equal(NO_FAULT);
    }
    // What has no bits for a mark has it.
    const walk = told({ architecture, roots: { 0: leaf(EVERYTHING, 0x4_0000) }, access: WRITE });
    expect(walk.reason).to.equal(NO_FAULT);
  });

  it("asks whether any bit says that a page was used, where a format has several", () => {
    const twice: EntryFormat = { ...small, fields: small.fields.map((each) => (each.name === "S" ? { ...each, role: "accessed" } : each)) };
    const architecture = tellsOf({ levels: [root, { ...last, leaf: twice }] }, { recordAccess: "fault" });
    const reason = (low: number, high: number): number =>
      told({ architecture, words: { 5: [leaf(EVERYTHING, 0x3_0000, low), high] } }).reason;
    expect([reason(0, 0), reason(1 << 8, 0), reason(0, 0x8000_0000)]).to.deep.equal([UNMARKED, NO_FAULT, NO_FAULT]);
  });

  it("knows pages of several entries by their own bits, where a switch allows them, and the rights of their quarters", () => {
    // Nothing, the kernel's to read, everybody's to read, everything.
    const quarters = 0b11_10_01_00 << 16;
    const word = [leaf(0, 0x3_4000), quarters | (1 << 30)] as const;
    const words = { 4: word, 5: word, 6: word, 7: word };
    const rights = (at: bigint): unknown => {
      const { kernelRights, userRights, steps } = told({ at, words, switches: { QUADS: true } });
      return [kernelRights, userRights, steps.at(-1)?.says, steps.at(-1)?.fields.some(({ name }) => name === "quarter 0")];
    };
    const says = "maps physical address 0x34000";
    expect([0x4000n, 0x5abcn, 0x6000n, 0x7fffn].map(rights)).to.deep.equal([
      [0, 0, says, true],
      [READ, 0, says, true],
      [READ, READ, says, true],
      [7, 7, says, true],
    ]);
    const reached = told({ at: 0x7fffn, words, access: WRITE, switches: { QUADS: true } });
    expect([reached.physical, reached.reason]).to.deep.equal([0x3_7fffn, NO_FAULT]);
    expect(told({ at: 0x6123n, words, switches: { QUADS: true } }).physical).to.equal(0x3_6123n);
    const off = told({ at: 0x6123n, words: { 6: [leaf(EVERYTHING, 0x3_4000), 1 << 30] } });
    expect([off.physical, off.steps.at(-1)?.fields.some(({ name }) => name === "quarters")]).to.deep.equal([0x3_4123n, true]);
  });

  it("leaves memory where a table lies outside it, before the entry was read", () => {
    const walk = told({ roots: { 0: tableWord(EVERYTHING, 0, 0x4000_0000) } });
    expect([walk.reason, walk.rule, walk.steps.length, walk.manual]).to.deep.equal([
      BUS,
      "the last table lies outside physical memory",
      1,
      "chapter of pages",
    ]);
    const none = told({ from: 0x10_0000 });
    expect([none.reason, none.rule, none.steps.length, none.manual]).to.deep.equal([
      BUS,
      "the root lies outside physical memory",
      0,
      "chapter of roots",
    ]);
    // Words of four bytes lie four bytes apart, also right before the end of memory.
    expect(told({ from: 0xf_fff0, at: 0x3_0000n }).reason).to.equal(ABSENT);
  });

  it("lets nothing through where nothing is translated", () => {
    for (const asked of [
      { at: 0x4_0000n },
      { from: NO_ROOT },
      { roots: { 0: tableWord(EVERYTHING, 0, 0x4000_0000) } },
      { at: 0x1_2345n },
      {},
      { words: { 5: [3, 0] } },
      { words: { 5: [leaf(EVERYTHING, 0x3_0000, 1 << 11), 0] } },
    ] as const) {
      const { physical, rule, kernelRights, userRights } = told(asked);
      expect([physical, kernelRights, userRights], rule).to.deep.equal([null, 0, 0]);
    }
  });

  it("says so where nothing translates the half of the addresses that is asked about", () => {
    for (const [architecture, manual] of [
      [plain, "the manual"],
      [{ ...plain, manuals: [] }, ""],
    ] as const) {
      const walk = told({ architecture, from: NO_ROOT });
      expect([walk.reason, walk.rule, walk.manual, walk.steps, walk.physical]).to.deep.equal([
        ABSENT,
        "no root translates the user's half while the kernel's own space is installed",
        manual,
        [],
        null,
      ]);
    }
  });

  it("begins below the bit that tells the halves apart where each has a root of its own", () => {
    const architecture: Architecture = {
      ...tellsOf({ kernelRootRegister: "KERNEL" }),
      wordBits: 64,
      virtualBits: 19,
      virtualRule: "sign-extended",
    };
    for (const at of [0x3_5abcn, 0xffff_ffff_ffff_5abcn]) {
      const walk = told({ architecture, at, roots: { 3: tableWord(EVERYTHING) }, words: { 5: [leaf(EVERYTHING), 0] } });
      expect([walk.physical, walk.steps.map(({ index }) => index)]).to.deep.equal([0x3_0abcn, [3, 5]]);
    }
    expect(told({ architecture, at: 0x4_0000n }).reason).to.equal(BAD_ADDRESS);
  });

  it("shows what is no page by the fields of the ordinary one", () => {
    const names = told({ words: { 5: [0, 1 << 30] }, switches: { QUADS: true } })
      .steps.at(-1)
      ?.fields.map(({ name }) => name);
    expect(names).to.deep.equal(small.fields.map(({ name }) => name));
  });

  it("knows no page where even the last level leads to a table", () => {
    const { leaf: _none, ...upper } = root;
    const walk = told({ architecture: tellsOf({ levels: [upper] }) });
    expect([walk.reason, walk.rule, walk.manual, walk.steps.length]).to.deep.equal([
      RESERVED,
      "the last level leads to another table",
      "the manual",
      1,
    ]);
  });

  it("says of an address that the machine cannot translate just that, and shows no word", () => {
    for (const [architecture, manual] of [
      [plain, "the manual"],
      [{ ...plain, manuals: [] }, ""],
    ] as const) {
      const walk = told({ architecture, at: 0x4_0000n });
      expect([walk.reason, walk.rule, walk.manual, walk.steps, walk.physical]).to.deep.equal([
        BAD_ADDRESS,
        "the address is one that the machine cannot translate",
        manual,
        [],
        null,
      ]);
    }
  });

  it("is of trees only", () => {
    const architecture: Architecture = { ...plain, translation: { kind: "hashed" } };
    expect(() => told({ architecture })).to.throw("not a hierarchical machine");
  });
});

describe("addresses that a machine can translate", () => {
  const canonical =
    (virtualRule: Architecture["virtualRule"], wordBits: Architecture["wordBits"], virtualBits: number) => (address: bigint) =>
      isCanonical({ ...plain, virtualRule, wordBits, virtualBits }, address);

  it("are, on an exact machine, all of its bits", () => {
    const is = canonical("exact", 32, 18);
    expect([0n, 0x3_ffffn, 0x4_0000n, 0xffff_ffffn].map(is)).to.deep.equal([true, true, false, false]);
    expect([0n, 0x8000_0000n, 0xffff_ffffn].map(canonical("exact", 32, 32))).to.deep.equal([true, true, true]);
  });

  it("are, where the sign is extended, those whose upper bits are all alike", () => {
    const is = canonical("sign-extended", 64, 43);
    const half = 2n ** 42n;
    const end = 2n ** 64n;
    expect([0n, half - 1n, half, 2n * half - 1n, end - 2n * half, end - half - 1n, end - half, end - 1n].map(is)).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });
});
