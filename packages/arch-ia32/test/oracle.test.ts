/** Entries without PAE by two readings of the manual, the second one by itself, and the code of a page fault. */
import {
  ABSENT,
  EXECUTE,
  FormatCodec,
  KERNEL,
  LEAF_ENTRY,
  LevelCodec,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  PROTECTION,
  Random,
  READ,
  RESERVED,
  TABLE_ENTRY,
  USER,
  WRITE,
  type DecodedEntry,
} from "@portolan/core";
import { expect } from "chai";
import { ia32 } from "#src/index.js";
import { oracle } from "#src/oracle.js";

const { translation } = ia32;
if (translation.kind !== "hierarchical") throw new Error("it has tables");
const { levels } = translation;

const SETTINGS = [0, 1, 2, 3].map((bits) => ({ WP: (bits & 1) !== 0, PSE: (bits & 2) !== 0, PGE: true }));

/** Every set of the twelve low bits under some address, and every bit of the address by itself. */
const words = (random: Random): readonly number[] => [
  ...Array.from({ length: 4096 }, (_, low) => (random.below(2 ** 20) * 4096 + low) >>> 0),
  ...Array.from({ length: 20 }, (_, at) => [1, 0x81].map((low) => (2 ** (12 + at) + low) >>> 0)).flat(),
];

const asText = (entry: DecodedEntry | undefined): string =>
  entry === undefined
    ? "none"
    : `${entry.kind} ${entry.physical} ${entry.rights} ${entry.isGlobal} ${entry.isCacheable} ${entry.isAccessed} ${entry.isDirty} ${entry.hasReserved}`;

describe("ia32: the second decoder", () => {
  levels.forEach((level, depth) => {
    it(`reads a ${level.name}'s entries as the list of fields does`, () => {
      for (const switches of SETTINGS) {
        const codec = new LevelCodec(level, switches);
        for (const word of words(new Random(depth))) {
          const kind = codec.kindOf(word, 0);
          const format = kind === TABLE_ENTRY ? codec.table : kind === LEAF_ENTRY ? codec.leaf : null;
          const common = (codecOf: FormatCodec) => ({
            physical: BigInt(codecOf.addressOf(word, 0)),
            rights: codecOf.rightsOf(word, 0),
            isAccessed: codecOf.isAccessed(word, 0),
            hasReserved: codecOf.hasReserved(word, 0),
          });
          const read: DecodedEntry =
            format === null
              ? { kind: "absent" }
              : kind === TABLE_ENTRY
                ? { kind: "table", ...common(format) }
                : {
                    kind: "leaf",
                    ...common(format),
                    isGlobal: (format.attributesOf(word, 0) & PAGE_GLOBAL) !== 0,
                    isCacheable: (format.attributesOf(word, 0) & PAGE_CACHEABLE) !== 0,
                    isDirty: format.isDirty(word, 0),
                  };
          const other = oracle.levels?.[depth]?.(BigInt(word), switches);
          // chai's comparison would take most of the time.
          if (asText(read) !== asText(other)) expect(read, `0x${word.toString(16)} ${JSON.stringify(switches)}`).to.deep.equal(other);
        }
      }
    });
  });

  it("reads a word for every rule, worked out by hand", () => {
    const ON = { WP: true, PSE: true };
    const read = (depth: 0 | 1, word: bigint, switches: Readonly<Record<string, boolean>> = ON) => oracle.levels?.[depth]?.(word, switches);
    expect(oracle.levels).to.have.length(2);
    expect(oracle.manual).to.contain("4-4, 4-5 and 4-6");
    for (const depth of [0, 1] as const) expect(read(depth, 0xffff_fffen)).to.deep.equal({ kind: "absent" });
    const table = { kind: "table", physical: 0x1234_5000n, rights: 0o05, isAccessed: false, hasReserved: false };
    expect(read(0, 0x1234_5001n)).to.deep.equal(table);
    expect(read(0, 0x1234_5001n, { WP: false, PSE: true })).to.deep.equal({ ...table, rights: 0o07 });
    expect(read(0, 0x1234_5027n)).to.deep.equal({ ...table, rights: 0o77, isAccessed: true });
    expect(read(0, 0x1234_5081n, { WP: true, PSE: false }), "PS without CR4.PSE").to.deep.equal(table);
    const page = { ...table, kind: "leaf", isGlobal: false, isCacheable: true, isDirty: false };
    expect(read(1, 0x1234_5001n)).to.deep.equal(page);
    expect(read(1, 0x1234_5003n)).to.deep.equal({ ...page, rights: 0o07 });
    expect(read(1, 0x1234_5081n), "PAT").to.deep.equal(page);
    expect(read(1, 0x1234_5175n)).to.deep.equal({
      ...page,
      rights: 0o55,
      isGlobal: true,
      isCacheable: false,
      isAccessed: true,
      isDirty: true,
    });
    const large = { ...page, physical: 0x1240_0000n };
    expect(read(0, 0x1240_1081n), "PAT").to.deep.equal(large);
    expect(read(0, 0x1240_01d1n)).to.deep.equal({ ...large, isGlobal: true, isCacheable: false, isDirty: true });
    for (let bit = 13n; bit < 22n; bit += 1n)
      expect(read(0, 0x1240_0081n | (1n << bit)), `bit ${bit}`).to.deep.equal({ ...large, hasReserved: true });
  });
});

describe("ia32: what the core writes", () => {
  it("is a page of every set of flags: nothing forbids reading or executing, and what is not cached says so", () => {
    const leaf = levels[1]?.leaf;
    if (leaf === undefined) throw new Error("the last level maps pages");
    const codec = new FormatCodec(leaf, { WP: false, PSE: true });
    for (let flags = 0; flags < 64; flags += 1) {
      const low =
        0x201 +
        ((flags & WRITE) === 0 ? 0 : 2) +
        ((flags & PAGE_USER) === 0 ? 0 : 4) +
        ((flags & PAGE_CACHEABLE) === 0 ? 0x10 : 0) +
        ((flags & PAGE_GLOBAL) === 0 ? 0 : 0x100);
      expect(codec.encodeLow(0, flags), `0b${flags.toString(2)}`).to.equal(low);
    }
  });

  it("is drawn as in the manual's tables", () => {
    const drawn = levels.map(({ table, leaf }) =>
      [table, leaf].flatMap((format) =>
        format === undefined
          ? []
          : [format.fields.map(({ name, bits }) => `${name} ${typeof bits === "number" ? bits : bits.join(":")}`).join(", ")],
      ),
    );
    expect(drawn).to.deep.equal([
      [
        "page table 31:12, AVL 11:10, AVL0 9, ignored 8, PS 7, ignored6 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0",
        "page frame 31:22, reserved 21:13, PAT 12, AVL 11:10, AVL0 9, G 8, PS 7, D 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0",
      ],
      ["page frame 31:12, AVL 11:10, AVL0 9, G 8, PAT 7, D 6, A 5, PCD 4, PWT 3, U/S 2, R/W 1, P 0"],
    ]);
  });
});

describe("ia32: the code of a page fault", () => {
  const { decode, report, told } = ia32.faults;

  it("says present, write, user and reserved in bits 0 to 3, and of a fetch what it says of a read", () => {
    const codes = (reason: typeof ABSENT | typeof PROTECTION | typeof RESERVED) =>
      [KERNEL, USER].map((privilege) =>
        ([READ, WRITE, EXECUTE] as const).map((access) => report(reason, access, privilege === USER ? USER : KERNEL).code),
      );
    expect(codes(ABSENT)).to.deep.equal([
      [0, 2, 0],
      [4, 6, 4],
    ]);
    expect(codes(PROTECTION)).to.deep.equal([
      [1, 3, 1],
      [5, 7, 5],
    ]);
    expect(codes(RESERVED)).to.deep.equal([
      [9, 11, 9],
      [13, 15, 13],
    ]);
    expect(report(ABSENT, READ, USER).trap).to.equal("#PF");
  });

  it("is read back as far as it tells", () => {
    for (const reason of [ABSENT, PROTECTION, RESERVED] as const) {
      for (const access of [READ, WRITE, EXECUTE] as const) {
        const accesses = access === WRITE ? WRITE : READ | EXECUTE;
        for (const privilege of [KERNEL, USER] as const) {
          expect(decode(report(reason, access, privilege))).to.deep.equal({ accesses, privilege, absent: reason === ABSENT });
          expect(told(reason, access, privilege)).to.equal(accesses);
        }
      }
    }
  });

  it("is of the manual that the description names", () => {
    expect(ia32.manuals).to.have.length(1);
    expect(ia32.manuals[0]).to.contain("volume 3A");
  });
});
