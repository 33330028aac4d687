/** 64-bit ARM inside QEMU, asked by hand: descriptors and answers are worked out from the Arm ARM, D5.2 to D5.4 and D13.2. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core";
import { expect } from "chai";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import type { Expected, JudgedCase, JudgedQuery, Piece } from "#src/case.js";
import { arm64On, type Half } from "#src/machines/arm64/arm64.js";
import { arm64 } from "#src/machines/arm64/profiles.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { riscv64 } from "#src/machines/riscv64/riscv64.js";
import { Tally } from "#src/verdict/verdict.js";

/** Of a port the judge itself wants to know the width of words and their order; RISC-V's are the same. */
const architecture = { ...riscv64.architecture, name: "arm64" };
const machine = (low: Half, processor = "cortex-a57"): MachineProfile => arm64On({ architecture, processor, low, physicalBits: 40 });

const HALVES: readonly Half[] = [
  { granuleKiB: 4, bits: 48 },
  { granuleKiB: 4, bits: 39 },
  { granuleKiB: 16, bits: 47 },
  { granuleKiB: 16, bits: 36 },
  { granuleKiB: 64, bits: 48 },
  { granuleKiB: 64, bits: 42 },
];
/** Cortex-A57 has no granule of 16 KiB. */
const profiles = new Map(HALVES.map((half) => [half, machine(half, half.granuleKiB === 16 ? "max" : "cortex-a57")]));
const USUAL: Half = HALVES[0] ?? { granuleKiB: 4, bits: 48 };
const nameOf = ({ granuleKiB, bits }: Half): string => `${granuleKiB} KiB, ${bits} bits`;

const RAM = machine(USUAL).cases;
const NOWHERE = RAM.first + RAM.bytes;
/** Tables lie 64 KiB apart, the upper half's above them, and pages above those. */
const tableAt = (level: number): number => RAM.first + level * 0x1_0000;
const highTableAt = (level: number): number => tableAt(level + 4);
const PAGE = RAM.first + 0x20_0000;

const [TABLE, BLOCK, LEAF] = [3n, 1n, 3n];
const AF = 1n << 10n;
const [USER_TOO, READ_ONLY] = [1n << 6n, 1n << 7n];
const [CONTIGUOUS, PXN, UXN] = [1n << 52n, 1n << 53n, 1n << 54n];
const [PXN_TABLE, UXN_TABLE, USER_NOT_TABLE, READ_ONLY_TABLE] = [1n << 59n, 1n << 60n, 1n << 61n, 1n << 62n];

const pageShift = ({ granuleKiB }: Half): number => ({ 4: 12, 16: 14, 64: 16 })[granuleKiB];
const shiftOf = (half: Half, level: number): number => pageShift(half) + (3 - level) * (pageShift(half) - 3);
/** Where walks begin: the level that has the highest bit. */
const firstLevel = (half: Half): number => [0, 1, 2].find((level) => shiftOf(half, level) < half.bits) ?? 3;

type Words = ReadonlyMap<number, bigint>;

const pieceOf = (at: number, bytes: number, words: Words): Piece => {
  const piece = { at, bytes: new Uint8Array(bytes) };
  const view = new DataView(piece.bytes.buffer);
  for (const [index, word] of words) view.setBigUint64(index * 8, word, true);
  return piece;
};

const indexOf = (half: Half, level: number, address: bigint): number => {
  const top = level === firstLevel(half) ? half.bits : shiftOf(half, level) + pageShift(half) - 3;
  return Number(BigInt.asUintN(top, address) >> BigInt(shiftOf(half, level)));
};

/** Tables down to `level`, where the words for `address` and what follows it are. `above` is set in the tables' descriptors. */
const down = (half: Half, address: bigint, level: number, words: readonly bigint[], above = 0n, at = tableAt): readonly Piece[] => {
  const pieces: Piece[] = [];
  for (let depth = firstLevel(half); depth <= level; depth += 1) {
    const index = indexOf(half, depth, address);
    const here: readonly bigint[] = depth === level ? words : [BigInt(at(depth + 1)) | TABLE | above];
    pieces.push(pieceOf(at(depth), half.granuleKiB * 1024, new Map(here.map((word, i) => [index + i, word]))));
  }
  return pieces;
};

const caseOf = (half: Half, memory: readonly Piece[], queries: readonly JudgedQuery[], after?: readonly Piece[]): JudgedCase => ({
  name: "by hand",
  ram: RAM,
  root: tableAt(firstLevel(half)),
  kernelRoot: highTableAt(firstLevel(half)),
  asid: 7,
  switches: {},
  memory,
  queries,
  ...(after === undefined ? {} : { after }),
});

const at = (physical: number | bigint): Expected => ({ kind: "physical", physical: BigInt(physical) });

/** Fault status codes: what happened, and the level where it did. */
const TRANSLATION = 0x04;
const ACCESS_FLAG = 0x08;
const PERMISSION = 0x0c;
const ADDRESS_SIZE = 0x00;
const EXTERNAL = 0x10;
const EXTERNAL_ON_WALK = 0x14;

const fault = (access: Access, status: number): Expected => ({
  kind: "fault",
  reason: "protection",
  report:
    access === EXECUTE
      ? { trap: "Instruction Abort", code: status }
      : { trap: "Data Abort", code: access === WRITE ? status | 0x40 : status },
});

const ask = (address: bigint, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address,
  access,
  privilege,
  expected,
});

/** All six accesses: which of "rwx" the kernel and the user may do; everything else ends in a fault with this status. */
const rights = (address: bigint, physical: number | bigint, kernel: string, user: string, status: number): readonly JudgedQuery[] =>
  ([READ, WRITE, EXECUTE] as const).flatMap((access) =>
    ([KERNEL, USER] as const).map((privilege) => {
      const letter = { [READ]: "r", [WRITE]: "w", [EXECUTE]: "x" }[access];
      const isLet = (privilege === KERNEL ? kernel : user).includes(letter);
      return ask(address, access, privilege, isLet ? at(physical) : fault(access, status));
    }),
  );

const nothing = (address: bigint, status: number): readonly JudgedQuery[] => rights(address, 0, "", "", status);

describe("64-bit ARM inside QEMU", function () {
  this.timeout(60_000);
  const guests = new Map<MachineProfile, Guest>();

  before(function () {
    const { program, package: brings } = machine(USUAL).qemu;
    if (programPath(program) === null) {
      console.log(`      not run: ${program} is not installed (Debian: ${brings})`);
      this.skip();
    }
  });

  after(async () => {
    for (const guest of guests.values()) await guest.stop();
  });

  const judge = async (half: Half, judged: JudgedCase, profile = profiles.get(half)): Promise<Tally> => {
    if (profile === undefined) throw new Error("no such half");
    const guest = guests.get(profile) ?? (await Guest.start(profile));
    guests.set(profile, guest);
    const tally = new Tally();
    await new Judge(guest).judge(judged, tally);
    return tally;
  };

  const agrees = async (half: Half, judged: JudgedCase, profile = profiles.get(half)): Promise<void> => {
    const tally = await judge(half, judged, profile);
    expect(
      tally.unexplained.map(({ says }) => says),
      nameOf(half),
    ).to.deep.equal([]);
    expect(tally.agreed).to.equal(judged.queries.length);
  };

  const objections = async (judged: JudgedCase): Promise<readonly string[]> =>
    (await judge(USUAL, judged)).unexplained.map(({ says }) => says);

  /** An address that has something in every index, on a page's boundary, with room for the pages after it. */
  const addressIn = (half: Half): bigint =>
    BigInt.asUintN(half.bits - 1, 0x5a5a_5a5a_5a5a_0000n) & ~((1n << BigInt(shiftOf(half, 2))) - 1n);

  const KINDS: readonly (readonly [bigint, string, string])[] = [
    [0n, "rwx", "x"],
    [UXN, "rwx", ""],
    [PXN | UXN, "rw", ""],
    [USER_TOO, "rw", "rwx"],
    [USER_TOO | UXN, "rw", "rw"],
    [READ_ONLY, "rx", "x"],
    [READ_ONLY | PXN, "r", "x"],
    [READ_ONLY | USER_TOO, "rx", "rx"],
    [READ_ONLY | USER_TOO | PXN, "r", "rx"],
    [READ_ONLY | USER_TOO | UXN | PXN, "r", "r"],
  ];

  it("lets through what AP, UXN and PXN let through, in tables of every granule", async () => {
    for (const half of HALVES) {
      const address = addressIn(half);
      const size = 1 << pageShift(half);
      const words = KINDS.map(([flags], i) => BigInt(PAGE + i * size) | LEAF | AF | flags);
      const queries = KINDS.flatMap(([, kernel, user], i) => {
        const within = i * size + size - 0x120;
        return rights(address + BigInt(within), PAGE + within, kernel, user, PERMISSION | 3);
      });
      await agrees(half, caseOf(half, down(half, address, 3, words), queries));
    }
  });

  it("walks the upper half from its own root", async () => {
    for (const half of HALVES) {
      const low = addressIn(half);
      const address = (1n << 64n) - (1n << BigInt(half.bits)) + low;
      const leaf = LEAF | AF | USER_TOO;
      const memory = [
        ...down(half, low, 3, [BigInt(PAGE) | leaf]),
        ...down(half, address, 3, [BigInt(PAGE + 0x1_0000) | leaf], 0n, highTableAt),
      ];
      const both = [...rights(low + 0x340n, PAGE + 0x340, "rw", "rwx", PERMISSION | 3)].flatMap((query, i) => [
        query,
        ...rights(address + 0x450n, PAGE + 0x1_0450, "rw", "rwx", PERMISSION | 3).slice(i, i + 1),
      ]);
      await agrees(half, caseOf(half, memory, both));
    }
  });

  it("reports a translation fault with the level where nothing is", async () => {
    for (const half of HALVES) {
      const address = addressIn(half);
      for (let level = firstLevel(half); level <= 3; level += 1)
        for (const word of [0n, BigInt(PAGE) | AF, ...(level === 3 ? [BigInt(PAGE) | AF | BLOCK] : [])])
          await agrees(half, caseOf(half, down(half, address, level, [word]), nothing(address, TRANSLATION | level)));
    }
  });

  it("maps blocks where the granule has them, and nowhere else", async () => {
    for (const half of HALVES) {
      const address = addressIn(half);
      for (let level = firstLevel(half); level < 3; level += 1) {
        const hasBlocks = half.granuleKiB === 4 ? level >= 1 : level === 2;
        const span = 2 ** shiftOf(half, level);
        const start = Math.floor(PAGE / span) * span;
        const within = PAGE - start + 0x230;
        const memory = down(half, address, level, [BigInt(start) | BLOCK | AF | UXN]);
        const base = (address >> BigInt(shiftOf(half, level))) << BigInt(shiftOf(half, level));
        if (hasBlocks) {
          await agrees(half, caseOf(half, memory, rights(base + BigInt(within), PAGE + 0x230, "rwx", "", PERMISSION | level)));
          continue;
        }
        // QEMU takes it for one, which is known.
        const tally = await judge(half, caseOf(half, memory, nothing(base + BigInt(within), TRANSLATION | level)));
        expect(tally.unexplained, nameOf(half)).to.deep.equal([]);
        expect([...tally.explained.keys()], nameOf(half)).to.deep.equal(["arm64.block-where-none-is"]);
      }
    }
  });

  it("takes each entry of a contiguous run at its word: only those out of order are not as ours has them", async () => {
    const address = addressIn(USUAL);
    const run = (first: number): readonly bigint[] => [0, 1].map((i) => BigInt(PAGE + (first + i) * 0x1000) | CONTIGUOUS | LEAF | AF | UXN);
    const ordered = down(USUAL, address, 3, run(0));
    await agrees(USUAL, caseOf(USUAL, ordered, rights(address + 0x1000n, PAGE + 0x1000, "rwx", "", PERMISSION | 3)), arm64);
    // The second entry is the third part: a TLB that has the run as one page goes to the second.
    const turned = down(USUAL, address, 3, run(1));
    const tally = await judge(USUAL, caseOf(USUAL, turned, [ask(address + 0x1000n, READ, KERNEL, at(PAGE + 0x1000))]), arm64);
    expect(tally.unexplained).to.deep.equal([]);
    expect([...tally.explained.keys()]).to.deep.equal(["arm64.contiguous-out-of-order"]);
  });

  it("reports an access flag fault, and leaves memory as it is", async () => {
    const address = addressIn(USUAL);
    const memory = down(USUAL, address, 3, [BigInt(PAGE) | LEAF]);
    await agrees(USUAL, caseOf(USUAL, memory, nothing(address, ACCESS_FLAG | 3), memory));
    const block = down(USUAL, address, 2, [BigInt(PAGE) | BLOCK]);
    await agrees(USUAL, caseOf(USUAL, block, nothing(address, ACCESS_FLAG | 2), block));
  });

  it("takes away what tables on the way take away", async () => {
    const address = addressIn(USUAL);
    const asked = (flags: bigint, above: bigint, kernel: string, user: string): JudgedCase =>
      caseOf(
        USUAL,
        down(USUAL, address, 3, [BigInt(PAGE) | LEAF | AF | flags], above),
        rights(address, PAGE, kernel, user, PERMISSION | 3),
      );
    await agrees(USUAL, asked(USER_TOO, USER_NOT_TABLE, "rwx", "x"));
    await agrees(USUAL, asked(USER_TOO, READ_ONLY_TABLE, "rx", "rx"));
    await agrees(USUAL, asked(READ_ONLY | USER_TOO, PXN_TABLE, "r", "rx"));
    await agrees(USUAL, asked(READ_ONLY | USER_TOO, UXN_TABLE, "rx", "r"));
    await agrees(USUAL, asked(USER_TOO, USER_NOT_TABLE | READ_ONLY_TABLE | PXN_TABLE | UXN_TABLE, "r", ""));
  });

  it("knows no address between the halves", async () => {
    for (const half of HALVES) {
      const memory = down(half, 0n, firstLevel(half), [BigInt(PAGE) | BLOCK | AF]);
      const end = 1n << BigInt(half.bits);
      const level = 0;
      const queries = [end, 1n << 54n, 1n << 55n, (1n << 64n) - end - 0x1000n].flatMap((address) => nothing(address, TRANSLATION | level));
      await agrees(half, caseOf(half, memory, queries));
    }
  });

  it("reports an address size fault for what lies beyond TCR.IPS, in leaves and tables", async () => {
    const address = addressIn(USUAL);
    const beyond = 1n << 40n;
    await agrees(USUAL, caseOf(USUAL, down(USUAL, address, 3, [beyond | LEAF | AF | USER_TOO]), nothing(address, ADDRESS_SIZE | 3)));
    await agrees(USUAL, caseOf(USUAL, down(USUAL, address, 1, [beyond | TABLE]), nothing(address, ADDRESS_SIZE | 1)));
  });

  it("reports an external abort for a page, or a table, where nothing is", async () => {
    const address = addressIn(USUAL);
    const bus = (access: Access, status: number, isTable: boolean): JudgedQuery => {
      const { report } = fault(access, status) as Extract<Expected, { kind: "fault" }>;
      const nowhere = { physical: BigInt(NOWHERE), isTable };
      return ask(address, access, KERNEL, { kind: "fault", reason: "bus", nowhere, ...(report === undefined ? {} : { report }) });
    };
    const accesses = [READ, WRITE, EXECUTE] as const;
    const page = down(USUAL, address, 3, [BigInt(NOWHERE) | LEAF | AF]);
    await agrees(
      USUAL,
      caseOf(
        USUAL,
        page,
        accesses.map((access) => bus(access, EXTERNAL, false)),
      ),
    );
    const table = down(USUAL, address, 1, [BigInt(NOWHERE) | TABLE]);
    await agrees(
      USUAL,
      caseOf(
        USUAL,
        table,
        accesses.map((access) => bus(access, EXTERNAL_ON_WALK | 2, true)),
      ),
    );
  });

  it("judges QEMU's other processors", async () => {
    for (const processor of ["cortex-a53", "cortex-a72", "max"]) {
      const address = addressIn(USUAL);
      const words = KINDS.map(([flags], i) => BigInt(PAGE + i * 4096) | LEAF | AF | flags);
      const queries = KINDS.flatMap(([, kernel, user], i) =>
        rights(address + BigInt(i * 4096), PAGE + i * 4096, kernel, user, PERMISSION | 3),
      );
      await agrees(USUAL, caseOf(USUAL, down(USUAL, address, 3, words), queries), machine(USUAL, processor));
    }
  });

  describe("notices", () => {
    const address = addressIn(USUAL);
    const words = [BigInt(PAGE) | LEAF | AF, BigInt(PAGE + 0x1000) | LEAF | AF | READ_ONLY];
    const memory = down(USUAL, address, 3, words);

    it("a physical address that is wrong, whatever the access", async () => {
      for (const access of [READ, WRITE, EXECUTE] as const)
        expect(await objections(caseOf(USUAL, memory, [ask(address, access, KERNEL, at(PAGE + 0x1000))])), String(access)).to.have.length(
          1,
        );
    });

    it("an access that is refused but should not be, and one that is not but should", async () => {
      const queries = [ask(address + 0x1000n, WRITE, KERNEL, at(PAGE + 0x1000)), ask(address, READ, KERNEL, fault(READ, PERMISSION | 3))];
      expect(await objections(caseOf(USUAL, memory, queries))).to.have.length(2);
    });

    it("a wrong level in the fault status, and a read reported as a write", async () => {
      for (const wrong of [fault(WRITE, PERMISSION | 2), fault(READ, PERMISSION | 3), fault(EXECUTE, PERMISSION | 3)])
        expect(await objections(caseOf(USUAL, memory, [ask(address + 0x1000n, WRITE, KERNEL, wrong)]))).to.have.length(1);
    });

    it("a word that has changed although it should not, and one that should have", async () => {
      const queries = [ask(address, READ, KERNEL, at(PAGE))];
      expect(await objections(caseOf(USUAL, memory, queries, memory))).to.deep.equal([]);
      const other = down(USUAL, address, 3, [(words[0] ?? 0n) | (1n << 55n), words[1] ?? 0n]);
      expect(await objections(caseOf(USUAL, memory, queries, other))).to.have.length(1);
    });
  });
});
