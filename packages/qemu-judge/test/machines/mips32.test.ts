/** MIPS32 cores inside QEMU, asked by hand: words and answers are worked out from MIPS32 PRA vol III, not by our side. */
import {
  EXECUTE,
  KERNEL,
  Random,
  READ,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type FaultDecoding,
  type Privilege,
} from "@portolan/core";
import { readVectors, type Subject } from "@portolan/conformance";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import type { Expected, JudgedCase, JudgedEntry, JudgedQuery, Piece } from "#src/case.js";
import { casesOfVectors } from "#src/cases/of-vectors.js";
import { withExpectations } from "#src/cases/our-side.js";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import { mips24kf, mips32, mips32be, mips34kf } from "#src/machines/mips32/mips32.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { Tally } from "#src/verdict/verdict.js";
import { verify } from "#src/verify.js";

const RAM = { first: 0, bytes: 31 * 2 ** 20 };
const ASID = 0x21;
const OTHER = 0x22;

/** EntryLo: G, V, D, and C of a cached page. */
const [G, V, D] = [1, 2, 4] as const;
const CACHED = 3 << 3;
const lo = (physical: number, flags: number): number => (physical >>> 12) * 64 + CACHED + flags;
const NOTHING = 0;

/** PageMask by page size, as in the manual's table. The last two are QEMU's only: machines of ours end at 16 MiB. */
const MASKS: Readonly<Record<number, number>> = {
  0x1000: 0,
  0x4000: 0x6000,
  0x1_0000: 0x1_e000,
  0x4_0000: 0x7_e000,
  0x10_0000: 0x1f_e000,
  0x40_0000: 0x7f_e000,
  0x100_0000: 0x1ff_e000,
  0x400_0000: 0x7ff_e000,
  0x1000_0000: 0x1fff_e000,
};

interface Words {
  readonly index?: number;
  readonly hi: number;
  readonly mask?: number;
  readonly lo0?: number;
  readonly lo1?: number;
}

const entry = ({ index = 0, hi, mask = 0, lo0 = NOTHING, lo1 = NOTHING }: Words): JudgedEntry => ({
  unit: "data",
  index,
  words: [hi, mask, lo0, lo1].map(BigInt),
});

const at = (physical: number): Expected => ({ kind: "physical", physical: BigInt(physical) });

const EXCEPTIONS = { Mod: 1, TLBL: 2, TLBS: 3, AdEL: 4, AdES: 5 } as const;
const REFILL = 0x200n;
const GENERAL = 0x380n;

/** An exception, and what it leaves behind where the test says. */
const exception = (name: keyof typeof EXCEPTIONS, registers: Readonly<Record<string, bigint>> = {}): Expected => ({
  kind: "fault",
  reason: "absent",
  report: { trap: `${name} (${EXCEPTIONS[name]})`, code: EXCEPTIONS[name] * 4, registers },
});

const ask = (address: number, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address: BigInt(address),
  access,
  privilege,
  expected,
});

/** Every access to one address, all of them with the same end. */
const all = (address: number, load: Expected, store = load): readonly JudgedQuery[] =>
  ([KERNEL, USER] as const).flatMap((privilege) =>
    ([READ, WRITE, EXECUTE] as const).map((access) => ask(address, access, privilege, access === WRITE ? store : load)),
  );

const caseOf = (entries: readonly JudgedEntry[], queries: readonly JudgedQuery[], memory: readonly Piece[] = []): JudgedCase => ({
  name: "by hand",
  ram: RAM,
  asid: ASID,
  switches: {},
  memory,
  entries,
  queries,
});

const refill = [exception("TLBL", { vector: REFILL }), exception("TLBS", { vector: REFILL })] as const;
const invalid = [exception("TLBL", { vector: GENERAL }), exception("TLBS", { vector: GENERAL })] as const;
const addressError = [exception("AdEL", { vector: GENERAL }), exception("AdES", { vector: GENERAL })] as const;
const modified = exception("Mod", { vector: GENERAL });

const PROFILES = [mips32, mips32be, mips24kf, mips34kf] as const;

describe("MIPS32 inside QEMU", function () {
  this.timeout(60_000);
  const guests = new Map<MachineProfile, Guest>();

  before(function () {
    for (const { qemu } of PROFILES) {
      if (programPath(qemu.program) !== null) continue;
      console.log(`      not run: ${qemu.program} is not installed (Debian: ${qemu.package})`);
      this.skip();
    }
  });

  after(async () => {
    for (const guest of guests.values()) await guest.stop();
  });

  const guestOf = async (profile: MachineProfile): Promise<Guest> => {
    const guest = guests.get(profile) ?? (await Guest.start(profile));
    guests.set(profile, guest);
    return guest;
  };

  const judge = async (judged: JudgedCase, profile: MachineProfile): Promise<Tally> => {
    const tally = new Tally();
    await new Judge(await guestOf(profile)).judge(judged, tally);
    return tally;
  };

  /** Judges, and expects that every access is judged and agrees. */
  const agrees = async (judged: JudgedCase, profile: MachineProfile): Promise<void> => {
    const tally = await judge(judged, profile);
    expect(tally.unexplained.map(({ query, says }) => `${query?.address.toString(16) ?? ""} ${says}`)).to.deep.equal([]);
    expect(tally.agreed).to.equal(judged.queries.length);
  };

  /** Judges, and gives back what is found wrong. */
  const objections = async (judged: JudgedCase, profile: MachineProfile): Promise<readonly string[]> =>
    (await judge(judged, profile)).unexplained.map(({ says }) => says);

  for (const profile of [mips32, mips32be]) {
    describe(profile.qemu.title, () => {
      it("lets through what V and D of the half let through, to where its PFN says, whoever asks", async () => {
        const pair = entry({ hi: 0x40_0000 + ASID, lo0: lo(0x12_3000, V + D), lo1: lo(0x45_6000, V) });
        await agrees(caseOf([pair], [...all(0x40_0120, at(0x12_3120)), ...all(0x40_1ff0, at(0x45_6ff0), modified)]), profile);
      });

      it("takes a refill where nothing matches, and the general vector where a half is not valid or not writable", async () => {
        const pair = entry({ hi: 0x40_0000 + ASID, lo0: lo(0x12_3000, D), lo1: lo(0x45_6000, V) });
        await agrees(
          caseOf([pair], [...all(0x40_0000, ...invalid), ...all(0x40_1000, at(0x45_6000), modified), ...all(0x40_2000, ...refill)]),
          profile,
        );
      });

      it("leaves the address in BadVAddr, EntryHi and Context, to the byte, to the pair, and between PTEBase and zeros", async () => {
        const left = (address: number, vector: bigint): Readonly<Record<string, bigint>> => ({
          vector,
          BadVAddr: BigInt(address),
          EntryHi: BigInt(address - (address % 0x2000) + ASID),
          Context: BigInt(0xab80_0000 + Math.floor(address / 0x2000) * 16),
        });
        const pair = entry({ hi: 0xc040_0000 + ASID, lo1: lo(0x45_6000, V) });
        await agrees(
          caseOf(
            [pair],
            [
              // Data lies twelve bytes behind the slot's code.
              ask(0x1234_5670, READ, USER, exception("TLBL", left(0x1234_567c, REFILL))),
              ask(0x7fff_fff0, WRITE, USER, exception("TLBS", left(0x7fff_fffc, REFILL))),
              ask(0x1234_5670, EXECUTE, USER, exception("TLBL", left(0x1234_5670, REFILL))),
              ask(0xffff_fff0, READ, KERNEL, exception("TLBL", left(0xffff_fffc, REFILL))),
              ask(0xc040_0010, WRITE, KERNEL, exception("TLBS", left(0xc040_001c, GENERAL))),
              ask(0xc040_1010, WRITE, KERNEL, exception("Mod", left(0xc040_101c, GENERAL))),
            ],
          ),
          profile,
        );
      });

      it("refuses the user every address from kseg0 on, with an entry and without", async () => {
        const edges = [0x8000_0000, 0x9fff_fff0, 0xa000_0000, 0xbfff_fff0, 0xc000_0000, 0xdfff_fff0, 0xe000_0000, 0xffff_fff0];
        const pairs = [0xc000_0000, 0xdfff_e000, 0xe000_0000, 0xffff_e000].map((hi, index) =>
          entry({ index, hi: hi + ASID, lo0: lo(0x1000 * (16 + index), V + D), lo1: lo(0x1000 * (32 + index), V + D) }),
        );
        const users = edges.flatMap((address) => [
          ask(address, READ, USER, exception("AdEL", { vector: GENERAL, BadVAddr: BigInt(address + 12) })),
          ask(address, WRITE, USER, exception("AdES", { vector: GENERAL, BadVAddr: BigInt(address + 12) })),
          ask(address, EXECUTE, USER, exception("AdEL", { vector: GENERAL, BadVAddr: BigInt(address) })),
        ]);
        const kernels = [
          ask(0xc000_0000, READ, KERNEL, at(0x1_0000)),
          ask(0xdfff_fff0, WRITE, KERNEL, at(0x2_1ff0)),
          ask(0xe000_0000, EXECUTE, KERNEL, at(0x1_2000)),
          ask(0xffff_fff0, READ, KERNEL, at(0x2_3ff0)),
        ];
        await agrees(caseOf(pairs, [...users, ...kernels]), profile);
      });

      it("shows the kernel memory from 0 on in kseg0 and again in kseg1, whatever an entry says of those addresses", async () => {
        const pairs = [0x8000_0000, 0xa000_0000].map((hi, index) =>
          entry({ index, hi: hi + ASID, lo0: lo(0x5000, V + D), lo1: lo(0x6000, V) }),
        );
        const queries = [0x8000_0000, 0xa000_0000].flatMap((base) =>
          ([READ, WRITE, EXECUTE] as const).flatMap((access) =>
            [0, 0x1230, 0x12_3450].map((physical) => ask(base + physical, access, KERNEL, at(physical))),
          ),
        );
        await agrees(caseOf(pairs, queries), profile);
      });

      it("matches by ASID, or by G where both halves have it", async () => {
        const pairs = [
          { tag: ASID, g0: 0, g1: 0, isSeen: true },
          { tag: OTHER, g0: 0, g1: 0, isSeen: false },
          { tag: OTHER, g0: G, g1: 0, isSeen: false },
          { tag: OTHER, g0: 0, g1: G, isSeen: false },
          { tag: OTHER, g0: G, g1: G, isSeen: true },
        ];
        const entries = pairs.map(({ tag, g0, g1 }, index) =>
          entry({ index, hi: 0x10_0000 * index + tag, lo0: lo(0x1_0000 + index * 0x2000, V + D + g0), lo1: lo(0x4_0000, V + D + g1) }),
        );
        const queries = pairs.flatMap(({ isSeen }, index) =>
          isSeen ? all(0x10_0000 * index + 0x80, at(0x1_0080 + index * 0x2000)) : all(0x10_0000 * index + 0x80, ...refill),
        );
        await agrees(caseOf(entries, queries), profile);
      });

      it("divides a pair in the middle for every size of page, and asks nothing of bits within it", async () => {
        for (const [text, mask] of Object.entries(MASKS)) {
          const size = Number(text);
          const base = 0x4000_0000;
          const [even, odd] = [size < 0x100_0000 ? size * 3 : size === 0x100_0000 ? size : 0, 0];
          // Bits of VPN2 and of PFN below the size: hardware takes no notice.
          const noise = size - 0x1000;
          const pair = entry({ hi: base + mask + ASID, mask, lo0: lo(even + noise, V + D), lo1: lo(odd + noise, V) });
          const [last, lastOdd] = [even, odd].map((frame) => Math.min(size, RAM.bytes - frame) - 16) as [number, number];
          await agrees(
            caseOf(
              [pair],
              [
                ...all(base, at(even)),
                ...all(base + last, at(even + last)),
                ...all(base + size, at(odd), modified),
                ...all(base + size + lastOdd, at(odd + lastOdd), modified),
                ...all(base - 16, ...refill),
                ...all(base + 2 * size, ...refill),
              ],
            ),
            profile,
          );
        }
      });

      it("takes the entry of the lowest index where several match, in whatever order they were written", async () => {
        const low = entry({ index: 3, hi: 0x40_0000 + ASID, lo0: lo(0x1_1000, V), lo1: lo(0x1_2000, V) });
        const large = entry({ index: 9, hi: 0x40_0000 + ASID, mask: 0x6000, lo0: lo(0x10_0000, V + D), lo1: lo(0x10_4000, V + D) });
        const queries = [...all(0x40_0010, at(0x1_1010), modified), ...all(0x40_2010, at(0x10_2010)), ...all(0x40_4010, at(0x10_4010))];
        await agrees(caseOf([low, large], queries), profile);
        await agrees(caseOf([large, low], queries), profile);
      });

      it("asks nothing of C, nor of bits that must be zero", async () => {
        const entries = Array.from({ length: 8 }, (_, c) =>
          entry({
            index: c,
            hi: 0x10_0000 * c + 0x1f00 + ASID,
            lo0: 0xc000_0000 + (0x10 + c) * 64 + c * 8 + V + D,
            lo1: 0x4000_0000 + (0x20 + c) * 64 + c * 8 + V,
          }),
        );
        const queries = entries.flatMap((_, c) => [
          ...all(0x10_0000 * c + 0x40, at(0x1_0040 + c * 0x1000)),
          ...all(0x10_0000 * c + 0x1040, at(0x2_0040 + c * 0x1000), modified),
        ]);
        await agrees(caseOf(entries, queries), profile);
      });

      it("notices whatever is claimed wrongly", async () => {
        const pair = entry({ hi: 0x40_0000 + ASID, lo0: lo(0x12_3000, V + D), lo1: lo(0x45_6000, V) });
        const claims: readonly (readonly [JudgedQuery, RegExp])[] = [
          [ask(0x40_0120, READ, USER, at(0x12_4120)), /expected 0x124120; QEMU finds 0x0 there/],
          [ask(0x40_0120, WRITE, USER, at(0x12_4120)), /expected 0x124120; QEMU finds/],
          [ask(0x40_0120, EXECUTE, KERNEL, at(0x12_4120)), /expected 0x124120; QEMU/],
          [ask(0x40_1120, WRITE, KERNEL, at(0x45_6120)), /expected 0x456120; QEMU traps: Mod \(1\)/],
          [ask(0x40_2120, READ, USER, at(0x12_3120)), /expected 0x123120; QEMU traps: TLBL \(2\)/],
          [ask(0xc000_0000, READ, USER, exception("TLBL")), /QEMU traps: AdEL \(4\)/],
          [ask(0x40_1120, WRITE, USER, exception("TLBS")), /QEMU traps: Mod \(1\)/],
          [ask(0x40_0120, WRITE, USER, modified), /QEMU lets it through/],
          [ask(0x40_2120, READ, USER, exception("TLBL", { vector: GENERAL })), /QEMU's vector holds 0x200, ours 0x380/],
          [ask(0x40_1120, WRITE, USER, exception("Mod", { EntryHi: 0x40_0022n })), /QEMU's EntryHi holds 0x400021, ours 0x400022/],
          [ask(0x40_1120, WRITE, USER, exception("Mod", { Context: 0n })), /QEMU's Context holds 0xab802000, ours 0x0/],
          [ask(0x40_1120, WRITE, USER, exception("Mod", { BadVAddr: 0x40_1120n })), /QEMU's BadVAddr holds 0x40112c, ours 0x401120/],
        ];
        for (const [query, words] of claims) {
          const said = await objections(caseOf([pair], [query]), profile);
          expect(said).to.have.lengthOf(1);
          expect(said[0]).to.match(words);
        }
      });

      it("comes back from a fetch that runs into empty memory, and from one that never ends", async () => {
        const loop = new DataView(new ArrayBuffer(16));
        // `b .` and its delay slot.
        loop.setUint32(0, 0x1000_ffff, profile.mailbox.order === "little");
        const memory = [{ at: 0x20_0000, bytes: new Uint8Array(loop.buffer) }];
        const pair = entry({ hi: 0x40_0000 + ASID, lo0: lo(0x20_0000, V), lo1: lo(0x30_0000, V) });
        const strays = [
          ask(0x40_0000, EXECUTE, USER, exception("AdEL")),
          ask(0x40_1000, EXECUTE, USER, exception("AdEL")),
          ask(0x81fe_0000, EXECUTE, KERNEL, exception("AdEL")),
        ];
        const said = await objections(caseOf([pair], strays, memory), profile);
        expect(said[0]).to.contain("Int (0): it did not end");
        expect(said[1]).to.contain("TLBL (2), code 0x8, address 0x402000");
        expect(said[2]).to.contain("Bp (9)");
        await agrees(caseOf([pair], all(0x40_1010, at(0x30_0010), modified)), profile);
      });

      it("confirms the golden vectors whose rows hardware can hold, every one", async () => {
        const path = new URL(`../../../conformance/vectors/${profile.name}/hardware-rows.json`, import.meta.url);
        for (const judged of casesOfVectors(profile, profile, readVectors(readFileSync(path, "utf8"), path.pathname))) {
          const tally = await judge(judged, profile);
          expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
          expect(tally.agreed, judged.name).to.equal(judged.queries.length);
        }
      });

      it("confirms the golden vectors, as far as a MIPS entry can say what they say", async () => {
        const path = new URL(`../../../conformance/vectors/${profile.name}/entries.json`, import.meta.url);
        const sets = readVectors(readFileSync(path, "utf8"), path.pathname);
        for (const judged of casesOfVectors(profile, profile, sets)) {
          const tally = await judge(judged, profile);
          expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
          expect(tally.agreed + [...tally.unjudged.values()].reduce((sum, count) => sum + count, 0)).to.equal(judged.queries.length);
          expect(tally.agreed).to.be.above(10);
        }
      });
    });
  }

  it("finds room for the stub in a TLB that is full, without leaving an entry unasked", async () => {
    const entries = Array.from({ length: 16 }, (_, index) =>
      entry({ index, hi: 0x10_0000 * index + ASID, lo0: lo(0x1_0000 + index * 0x1000, V + D), lo1: lo(0x2_0000 + index * 0x1000, V) }),
    );
    const queries = entries.flatMap((_, index) => [
      ...all(0x10_0000 * index, at(0x1_0000 + index * 0x1000)),
      ...all(0x10_0000 * index + 0x1000, at(0x2_0000 + index * 0x1000), modified),
    ]);
    await agrees(caseOf(entries, queries), mips24kf);
  });

  it("reaches every frame below 2 GiB that is no device's, and takes a bus error where the board has nothing", async () => {
    const bits = Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter((frame) => frame >= 0x1000 && frame !== 0x1000_0000);
    const high = bits.map((frame, index) => entry({ index, hi: 0x10_0000 * index + ASID, lo0: lo(frame, V + D) }));
    const queries = bits.flatMap((frame, index) => (frame === 0x200_0000 ? [] : all(0x10_0000 * index + 0x230, at(frame + 0x230))));
    await agrees({ ...caseOf(high, queries), ram: mips32.ram }, mips32);
    const bus = (physical: number, name: string, exc: number): Expected => ({
      kind: "fault",
      reason: "bus",
      report: { trap: name, code: exc * 4, registers: { vector: GENERAL } },
      nowhere: { physical: BigInt(physical), isTable: false },
    });
    const pair = entry({ hi: 0x40_0000 + ASID, lo0: lo(0x2000_0000, V + D), lo1: lo(0xffff_f000, V + D) });
    const nowhere = [
      [0x40_0010, 0x2000_0010],
      [0x40_1ff0, 0xffff_fff0],
    ] as const;
    const asked = nowhere.flatMap(([address, physical]) => [
      ask(address, READ, USER, bus(physical, "DBE (7)", 7)),
      ask(address, WRITE, KERNEL, bus(physical, "DBE (7)", 7)),
      ask(address, EXECUTE, USER, bus(physical, "IBE (6)", 6)),
    ]);
    await agrees(caseOf([pair], asked), mips24kf);
  });

  it("explains an entry that the core itself would not have written, and nothing beside it", async () => {
    const first = entry({ index: 5, hi: 0x40_0000 + ASID, lo0: lo(0x1_1000, V), lo1: lo(0x1_2000, V) });
    const second = entry({ index: 2, hi: 0x40_0000 + ASID, mask: 0x6000, lo0: lo(0x10_0000, V), lo1: lo(0x10_4000, V) });
    const tally = await judge(
      caseOf(
        [first, second],
        [ask(0x40_0010, READ, USER, at(0x1_1010)), ask(0x40_4010, READ, USER, refill[0]), ask(0x40_8010, READ, USER, at(0x1_1010))],
      ),
      mips24kf,
    );
    expect(Object.fromEntries(tally.explained)).to.deep.equal({ "mips32.no-machine-check": 2 });
    expect(tally.unexplained.map(({ query }) => query?.address)).to.deep.equal([0x40_8010n]);
    // Whatever else is wrong with such an entry is not explained.
    const other = await judge(caseOf([first, second], [ask(0x40_0010, READ, KERNEL, addressError[0])]), mips32);
    expect(other.unexplained).to.have.lengthOf(1);
  });

  /** What is said of the first cases of our own making, loads and stores only: a fetch that strays takes its time. */
  const found = async (profile: MachineProfile, subject: Subject): Promise<string> => {
    const said: string[] = [];
    for (const blank of mips32.own?.(new Random(4), 400, subject) ?? []) {
      const queries = blank.queries.filter(({ access }) => access !== EXECUTE);
      const tally = new Tally();
      await new Judge(await guestOf(mips32)).judge(withExpectations(profile, subject, { ...blank, queries }), tally);
      said.push(...tally.unexplained.map(({ says }) => says));
      if (said.length > 0) break;
    }
    return said.join();
  };

  it("finds nothing in the cases by which it finds liars", async () => {
    expect(await found(mips32, mips32)).to.equal("");
  });

  for (const profile of PROFILES) {
    it(`finds nothing to object to in TLB contents of our own making: ${profile.name}`, async () => {
      const { tally } = await verify(profile, { queries: 1500, seed: 11, vectors: [] });
      expect(tally.unexplained.map(({ judged, says }) => `${judged.name}: ${says}`)).to.deep.equal([]);
      expect(tally.agreed).to.be.above(1500);
    });
  }

  it("names ports that look for a bit of an entry in its neighbour's place, and those that take one half for the other", async () => {
    const swap = (word: bigint, bit: bigint): bigint => (((word >> bit) & 1n) === ((word >> (bit + 1n)) & 1n) ? word : word ^ (3n << bit));
    type Lie = (words: readonly bigint[]) => readonly bigint[];
    const inHi =
      (bit: bigint): Lie =>
      ([hi = 0n, ...rest]) => [swap(hi, bit), ...rest];
    const inLo =
      (bit: bigint): Lie =>
      ([hi = 0n, mask = 0n, ...los]) => [hi, mask, ...los.map((word) => swap(word, bit))];
    const lies: readonly Lie[] = [
      inHi(0n),
      inHi(13n),
      inHi(30n),
      inLo(0n),
      inLo(1n),
      inLo(2n),
      inLo(6n),
      inLo(23n),
      ([hi = 0n, mask = 0n, lo0 = 0n, lo1 = 0n]) => [hi, mask, lo1, lo0],
      ([hi = 0n, mask = 0n, lo0 = 0n, lo1 = 0n]) => [hi, mask, lo0 | (lo1 & 1n), lo1 | (lo0 & 1n)],
    ];
    for (const [number, lie] of lies.entries()) {
      const liar: MachineProfile = {
        ...mips32,
        load: (machine, space, judged) => {
          const entries = (judged.entries ?? []).map((each) => ({ ...each, words: lie(each.words) }));
          mips32.load?.(machine, space, { ...judged, entries });
        },
      };
      expect(await found(liar, liar), `lie ${number}`).not.to.equal("");
    }
  });

  it("names a port whose reports lie", async () => {
    const { architecture } = mips32;
    const told = (faults: Partial<FaultDecoding>): Architecture => ({ ...architecture, faults: { ...architecture.faults, ...faults } });
    const swapped = told({ report: (reason, access) => architecture.faults.report(reason, access === WRITE ? READ : access, USER) });
    expect(await found(mips32, { architecture: swapped })).to.match(/QEMU traps: TLBS \(3\)/);
  });
});
