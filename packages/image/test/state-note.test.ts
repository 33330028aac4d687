/** The note of our own: what goes in comes out, in either byte order and class; and nothing that cannot be becomes a state. */
import type { SpaceRow, TlbRow, TranslationState } from "@portolan/core";
import { bytesSource, openImage, regionOf, writeElf, type ElfIdentity, type MemoryImage } from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";
import { stateIn, stateNote } from "#src/elf/state-note.js";
import { bytesAt, gather, refusal } from "./fixture.js";
import { survive } from "./survive.js";

const names = fc.constantFrom("CR3", "EntryHi", "TSB_D", "root", "hash", "TTBR0_EL1", "a.b", "constructor", "toString", "Z".repeat(64));
const wide = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.constantFrom(0n, 1n, (1n << 64n) - 1n, 1n << 63n));
const registers = fc.dictionary(names, wide, { maxKeys: 5 }).map((found) => ({ ...found }));
const half = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0xffff_ffff));

/** Without the members that are as if they were not there. */
const row: fc.Arbitrary<TlbRow> = fc
  .record({
    unit: fc.constantFrom("data" as const, "instruction" as const),
    index: half,
    place: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    shift: fc.nat(52),
    physical: wide,
    asid: half,
    global: fc.boolean(),
    kernel: fc.nat(7),
    user: fc.nat(7),
    marks: fc.subarray(["invalid", "locked", "uncached"] as const),
    words: registers,
  })
  .map(({ place, shift, marks, words, ...others }) => ({
    ...others,
    virtual: (place >> BigInt(shift)) << BigInt(shift),
    bytes: 2 ** shift,
    ...(marks.includes("invalid") ? { valid: false } : {}),
    ...(marks.includes("locked") ? { locked: true } : {}),
    ...(marks.includes("uncached") ? { uncached: true } : {}),
    ...(Object.keys(words).length === 0 ? {} : { words }),
  }));
const space: fc.Arbitrary<SpaceRow> = fc
  .record({ space: fc.maxSafeNat(), asid: half, root: fc.option(wide, { nil: undefined }), registers })
  .map(({ root, registers: own, ...others }) => ({
    ...others,
    ...(root === undefined ? {} : { root }),
    ...(Object.keys(own).length === 0 ? {} : { registers: own }),
  }));
const states: fc.Arbitrary<TranslationState> = fc
  .record({
    machine: fc.option(names, { nil: undefined }),
    registers,
    switches: fc.dictionary(names, fc.boolean(), { maxKeys: 4 }).map((found) => ({ ...found })),
    tlb: fc.array(row, { maxLength: 8 }),
    spaces: fc.array(space, { maxLength: 3 }),
  })
  .map(({ machine, switches, spaces, ...others }) => ({
    ...others,
    ...(machine === undefined ? {} : { machine }),
    ...(Object.keys(switches).length === 0 ? {} : { switches }),
    ...(spaces.length === 0 ? {} : { spaces }),
  }));

const entry: TlbRow = {
  unit: "data",
  index: 3,
  virtual: 0x40_0000n,
  bytes: 0x2000,
  physical: 0x1234_6000n,
  asid: 7,
  global: false,
  kernel: 3,
  user: 1,
};
const MIPS: ElfIdentity = { bits: 32, byteOrder: "big", machine: 8 };
const memory = [regionOf(0x1000, bytesAt(0x1000, 64))];
const written = async (all: readonly TranslationState[], identity = MIPS): Promise<Uint8Array> =>
  gather(writeElf(memory, { ...identity, states: all }));
const reopened = async (bytes: Uint8Array): Promise<MemoryImage> => openImage(bytesSource(bytes));
const taken = (bytes: Uint8Array, isLittle = true): TranslationState | string =>
  stateIn(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), isLittle);

describe("the note PORTOLAN", () => {
  it("gives back every state that was written, processor by processor, in files of every class and byte order", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(states, { minLength: 1, maxLength: 3 }),
        fc.constantFrom<32 | 64>(32, 64),
        fc.constantFrom<"big" | "little">("big", "little"),
        async (all, bits, byteOrder) => {
          const image = await reopened(await written(all, { bits, byteOrder, machine: 43 }));
          expect(image.remarks).to.deep.equal([]);
          expect(image.states).to.deep.equal(all);
          expect(image.processors.map((processor) => processor.registers)).to.deep.equal(all.map((state) => state.registers));
        },
      ),
      { numRuns: 50, seed: 17 },
    ));

  it("has a layout that does not change: version, sizes, names, an entry's 36 bytes", () => {
    const bytes = stateNote({ machine: "m", registers: { R: 0x0102_0304_0506_0708n }, switches: { S: true }, tlb: [entry] }, false);
    const hex = Buffer.from(bytes).toString("hex");
    expect(hex).to.equal(
      [
        "00000001 0000004b 00000001 00000001 00000001 00000000",
        "01 6d",
        "01 52 0102030405060708",
        "01 53 01",
        "0000000000400000 0000000000002000 0000000012346000 00000003 00000007 00 0b 0000",
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  it("stands beside the other notes: what several tell of a register ours decides, as it knows the switches too", async () => {
    const state: TranslationState = { machine: "amd64", registers: { CR3: 0x5000n, EFER: 0xd00n }, switches: { NXE: true }, tlb: [entry] };
    const processors = [{ registers: { CR3: 0x1000n, RIP: 0x77n } }, { registers: { CR3: 0x2000n } }];
    const image = await reopened(
      await gather(writeElf(memory, { bits: 64, byteOrder: "little", machine: 62, processors, states: [state] })),
    );
    expect(image.states).to.deep.equal([state]);
    expect(image.processors[0]?.registers).to.include({ CR3: 0x5000n, RIP: 0x77n, EFER: 0xd00n });
    expect(image.processors[1]?.registers).to.include({ CR3: 0x2000n });
    expect(image.remarks).to.deep.equal(["of 2 processors, 1 have a note PORTOLAN"]);
  });

  it("is one processor's: a note that makes no sense leaves the next ones theirs, and a word", async () => {
    const all = [entry, entry].map((one, i): TranslationState => ({ registers: { EntryHi: BigInt(i) }, tlb: [one] }));
    const bytes = await written(all);
    // The version of the first note stands behind the file's header, two segments, and the note's head and name.
    new DataView(bytes.buffer).setUint32(52 + 2 * 32 + 24, 2);
    const image = await reopened(bytes);
    expect(image.states).to.deep.equal([{ registers: {}, tlb: [] }, all[1]]);
    expect(image.remarks).to.deep.equal(["a note PORTOLAN makes no sense: version 2 is not known"]);
    expect((await reopened(await gather(writeElf(memory, MIPS)))).states).to.deep.equal([]);
  });

  it("is believed in nothing: sizes, counts, names, flags and ends that cannot be are told in words", () => {
    const good = stateNote({ machine: "mips32", registers: { EntryHi: 5n, Wired: 1n }, switches: { S: true }, tlb: [entry] }, true);
    const spoiled = (at: number, ...bytes: readonly number[]): Uint8Array => {
      const copy = good.slice();
      copy.set(bytes, at);
      return copy;
    };
    expect(taken(good)).to.be.an("object");
    const second = 24 + 7 + 16;
    const flags = good.length - 4;
    const cases: readonly (readonly [Uint8Array, string])[] = [
      [new Uint8Array(0), "it ends early"],
      [good.slice(0, 23), "it ends early"],
      [good.slice(0, 40), `it says that it has ${good.length} bytes`],
      [spoiled(4, 1, 0, 0, 0), "it says that it has 1 bytes"],
      [spoiled(8, 0xff, 0xff, 0xff, 0xff), "4294967295 registers do not fit into it"],
      [spoiled(8, 3), "a name is none"],
      [spoiled(12, 0xff, 0xff, 0xff, 0x7f), "2147483647 switches do not fit into it"],
      [spoiled(16, 0xff, 0xff, 0xff, 0xff), "4294967295 entries do not fit into it"],
      [spoiled(16, 2), "2 entries do not fit into it"],
      [spoiled(16, 0), "36 bytes follow its end"],
      [spoiled(20, 0xff, 0xff, 0xff, 0xff), "4294967295 address spaces do not fit into it"],
      [spoiled(24, 0xff), "255 letters of a name do not fit into it"],
      [spoiled(25, 0x20), "a name is none"],
      [spoiled(second, 7, ...Buffer.from("EntryHi")), "a name is there twice"],
      [spoiled(good.length - 37, 2), "a switch is neither on nor off"],
      [spoiled(flags, 0x20), "an entry has bits that nobody knows"],
      [spoiled(flags + 1, 0x40), "an entry has bits that nobody knows"],
      [spoiled(flags + 2, 0xff, 0xff), "65535 registers do not fit into it"],
      [spoiled(good.length - 28, 1), "the size of an entry is none"],
      [spoiled(good.length - 28, 0, 0, 0, 0, 0, 0, 0, 0), "the size of an entry is none"],
      [spoiled(good.length - 36, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "the size of an entry is none"],
    ];
    for (const [bytes, says] of cases) {
      const found = taken(bytes);
      expect(typeof found === "string" ? found.replace("words", "registers") : found, says).to.equal(says);
    }
  });

  it("stays harmless whatever is changed in it", async () => {
    const original = await written([
      {
        machine: "mips32be",
        registers: { EntryHi: 5n, PageMask: 0n, root: 0x4000n },
        switches: { S: true, T: false },
        tlb: [entry, { ...entry, valid: false, words: { EntryHi: 5n, EntryLo0: 0x1234n } }],
        spaces: [{ space: 1, asid: 5, root: 0x4000n, registers: { TSB_D: 1n } }],
      },
      { registers: { EntryHi: 6n }, tlb: [entry] },
    ]);
    const notes = 52 + 2 * 32;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: notes, max: notes + 700 }), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff))), {
          minLength: 1,
          maxLength: 4,
        }),
        async (changes) => {
          const copy = original.slice();
          for (const [at, value] of changes) copy[at] = value;
          expect(await survive(copy, {})).to.equal("opened");
        },
      ),
      { numRuns: 250, seed: 3 },
    );
  });

  it("costs no more than it may: a megabyte each, and sixteen in all, however often a header tells of it", async () => {
    const large: TranslationState = { registers: {}, tlb: Array.from({ length: 29_000 }, (_, index) => ({ ...entry, index })) };
    expect((await reopened(await written([large]))).states[0]?.tlb).to.have.length(29_000);
    await refusal(written([{ ...large, tlb: [...large.tlb, ...large.tlb] }]), "ERR_BAD_ARGUMENT");
    // One note that makes no sense, of a megabyte, in seventeen segments.
    const once = await written([large]);
    const view = new DataView(once.buffer);
    view.setUint32(52 + 2 * 32 + 24, 2);
    const often = new Uint8Array(once.length + 18 * 32);
    often.set(once);
    for (let i = 0; i < 18; i += 1) often.set(once.subarray(52 + (i === 0 ? 32 : 0), 84 + (i === 0 ? 32 : 0)), once.length + i * 32);
    new DataView(often.buffer).setUint32(28, once.length);
    new DataView(often.buffer).setUint16(44, 18);
    const image = await reopened(often);
    expect(image.states.length).to.equal(16);
    expect(image.remarks).to.deep.equal([
      "a note PORTOLAN makes no sense: version 2 is not known",
      "notes PORTOLAN have more than 16777216 bytes; the others are not read",
    ]);
    const huge = await written([large]);
    // Told larger than it is, in the head of the note: it is not looked at.
    new DataView(huge.buffer).setUint32(52 + 2 * 32 + 4, 2 ** 20 + 4);
    expect((await reopened(huge)).remarks[0]).to.match(/would end behind its segment/);
  });

  it("is refused to the writer where a reader would not take it", async () => {
    const wrong: readonly TranslationState[] = [
      { registers: { "no name": 1n }, tlb: [] },
      { machine: "1", registers: {}, tlb: [] },
      { registers: { CR3: -1n }, tlb: [] },
      { registers: { CR3: 1n << 64n }, tlb: [] },
      { registers: {}, tlb: [{ ...entry, bytes: 3 }] },
      { registers: {}, tlb: [{ ...entry, virtual: (1n << 64n) - 1n }] },
      { registers: {}, tlb: [{ ...entry, kernel: 8 }] },
      { registers: {}, tlb: [{ ...entry, index: 0.5 }] },
      { registers: {}, tlb: [{ ...entry, asid: 2 ** 32 }] },
      { registers: {}, switches: { "": true }, tlb: [] },
      { registers: {}, tlb: [], spaces: [{ space: -1, asid: 0 }] },
    ];
    for (const state of wrong) await refusal(written([state]), "ERR_BAD_ARGUMENT");
  });
});
