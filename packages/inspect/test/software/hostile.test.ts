/** Smeared memory and invented states: answers or typed errors, and an end within bounds. */
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { EXECUTE, KERNEL, PortolanError, READ, USER, WRITE, type Architecture, type TlbRow, type TranslationState } from "@portolan/core";
import { expect } from "chai";
import fc from "fast-check";
import {
  checkTables,
  diffMappings,
  explainAccess,
  findRoots,
  listMappings,
  memoryOf,
  readVirtual,
  sourcesOf,
  SOURCES,
  walkAddress,
  walkAsData,
  walkAsText,
  type Memory,
  type SoftwareSources,
} from "#src/index.js";
import { all } from "../fixture.js";
import { sparcDump } from "./machines.js";

const LEAVES = 3000;
/** Heads and entries that a bounded look may read, of memory as small as this. */
const MOST_READS = 200_000;

/** Memory that counts how often it is read. */
const counted = (bytes: Uint8Array): Memory & { reads: number } => {
  const memory = memoryOf(bytes);
  const counting = {
    regions: memory.regions,
    reads: 0,
    read(physical: number, target: Uint8Array): Promise<number> {
      counting.reads += 1;
      return memory.read(physical, target);
    },
  };
  return counting;
};

const address = fc.oneof(
  fc.constantFrom(0n, 0x40_0000n, 0x80_0000n, 0xc0_0000n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, (1n << 64n) - 1n, 1n << 43n),
  fc.bigInt(0n, (1n << 64n) - 1n),
);
const word = fc.oneof(fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, 0x20_0000n), fc.constantFrom(0n, 1n, 2n, 0x3fffn));
const rows: fc.Arbitrary<TlbRow> = fc.record(
  {
    unit: fc.constantFrom("data", "instruction"),
    index: fc.nat(64),
    virtual: address,
    bytes: fc.constantFrom(1, 0x1000, 0x2000, 0x4000, 0x1_0000, 0x40_0000, 2 ** 40, 2 ** 52),
    physical: word,
    asid: fc.nat(8200),
    global: fc.boolean(),
    kernel: fc.nat(7),
    user: fc.nat(7),
    valid: fc.boolean(),
    locked: fc.boolean(),
    words: fc.dictionary(fc.constantFrom("EntryHi", "EntryLo0", "EntryLo1", "PageMask", "TAG", "DATA"), word),
  },
  { requiredKeys: ["unit", "index", "virtual", "bytes", "physical", "asid", "global", "kernel", "user"] },
);
const registers = fc.dictionary(
  fc.constantFrom("hash", "chains", "PRIMARY_CONTEXT", "TSB_I", "TSB_D", "EntryHi", "root"),
  fc.oneof(word, fc.constantFrom(0x1_8002n, 0x1_8007n, 0x1_9001n, 0x4000n, 0x2n, 0x100n)),
);
const spaces = fc.array(
  fc.record(
    { space: fc.nat(9), asid: fc.nat(9), root: fc.constantFrom(0n, 0x4000n, 0x100n), registers },
    { requiredKeys: ["space", "asid"] },
  ),
  { maxLength: 4 },
);
const state: fc.Arbitrary<TranslationState> = fc.record({ registers, tlb: fc.array(rows, { maxLength: 12 }), spaces });

/** Everything that can be asked; a typed error is an answer. */
const askAll = async (memory: Memory, architecture: Architecture, software: SoftwareSources, asked: bigint): Promise<void> => {
  const typed = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PortolanError)) throw error;
    }
  };
  const roots = { software };
  for (const access of [READ, WRITE, EXECUTE] as const)
    for (const privilege of [KERNEL, USER] as const)
      await typed(async () => {
        const walk = await walkAddress(memory, architecture, roots, asked, { access, privilege });
        expect(walkAsText(walk)).to.be.a("string");
        expect(JSON.stringify(walkAsData(walk))).to.be.a("string");
        const { faults } = await explainAccess(memory, architecture, roots, asked, { access, privilege });
        expect(faults).to.equal(walk.physical === null);
      });
  const budget = { leaves: LEAVES };
  for (const merge of ["leaves", "ranges"] as const)
    await typed(async () => {
      const { end } = await all(listMappings(memory, architecture, roots, { merge, budget }));
      expect(end.leaves).to.be.at.most(LEAVES);
    });
  await typed(() => checkTables(memory, architecture, roots, { budget, limit: 5 }));
  await typed(() => readVirtual(memory, architecture, roots, asked, 0x5000));
  await typed(() => all(diffMappings({ memory, roots }, { memory, roots }, architecture, { budget })));
};

describe("hostile states", () => {
  const sound = sparcDump();

  for (const architecture of [sparc64, mips32])
    it(`of ${architecture.name} are answered or refused with a code, in bounded time`, async () => {
      await fc.assert(
        fc.asyncProperty(state, address, fc.option(fc.constantFrom(...SOURCES), { nil: undefined }), async (given, asked, from) => {
          const memory = counted(sound.bytes);
          let software: SoftwareSources;
          try {
            software = sourcesOf(architecture, given, from === undefined ? {} : { from });
          } catch (error) {
            if (error instanceof PortolanError) return;
            throw error;
          }
          await askAll(memory, architecture, software, asked);
          expect(memory.reads).to.be.below(MOST_READS);
        }),
        { seed: 3, numRuns: 60 },
      );
    });

  it("and smeared hash tables and buffers come to an end, whatever is in them", async () => {
    const smear = fc.array(
      fc.tuple(
        fc.nat(sound.bytes.length / 8 - 1),
        fc.oneof(
          word,
          fc.nat(0x1_0000).map((at) => BigInt(at * 32 + 1)),
        ),
      ),
      {
        minLength: 1,
        maxLength: 400,
      },
    );
    await fc.assert(
      fc.asyncProperty(smear, address, fc.integer({ min: 0, max: 0x1_8000 }), async (words, asked, near) => {
        const bytes = sound.bytes.slice();
        const view = new DataView(bytes.buffer);
        // Where the table and the buffers lie more is spoilt than elsewhere.
        for (const [place, value] of words)
          view.setBigUint64(place % 2 === 0 ? ((near + place * 8) % bytes.length) & ~7 : place * 8, value);
        const memory = counted(bytes);
        await askAll(memory, sparc64, sourcesOf(sparc64, sound.state), asked);
        await findRoots(memory, sparc64);
        expect(memory.reads).to.be.below(MOST_READS);
      }),
      { seed: 5, numRuns: 15 },
    );
  });
});
