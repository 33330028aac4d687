/** What memory is: numbers and registers, and what lists, comparisons and walks tell of it. */
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { arm } from "@portolan/arch-arm";
import { arm64 } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { mips32 } from "@portolan/arch-mips32";
import { riscv64 } from "@portolan/arch-riscv64";
import { sv32 } from "@portolan/arch-riscv64/sv32";
import { sparc64 } from "@portolan/arch-sparc64";
import { FormatCodec, PAGE_CACHEABLE, type Architecture } from "@portolan/core/architecture";
import { expect } from "chai";
import fc from "fast-check";
import {
  changeAsText,
  diffMappings,
  lineOf,
  listMappings,
  MemoryTypes,
  renderAs,
  sourcesOf,
  TYPE_REGISTERS,
  typeRegistersOf,
  untoldFlags,
  walkAddress,
  walkAsData,
  walkAsText,
  type ListOptions,
  type Mapping,
  type Registers,
} from "#src/index.js";
import { all, Laid, trees } from "./fixture.js";

const NX = 1n << 63n;
const [PWT, PCD, PAT] = [1n << 3n, 1n << 4n, 1n << 7n];
/** As Linux writes them. */
const LINUX_PAT = { IA32_PAT: 0x0407_0506_0007_0106n };
const LINUX_MAIR = { MAIR_EL1: 0x04_0044_ffffn };
const LINUX_REMAP = { PRRR: 0xff0a_81a8n, NMRR: 0x40e0_40e0n };

const numbers = (machine: Architecture, count: number, registers: Registers = {}): unknown[] => {
  const types = new MemoryTypes(machine, registers);
  return Array.from({ length: count }, (_, number) => types.at(number).name);
};
const cached = (machine: Architecture, count: number, registers: Registers = {}): unknown[] => {
  const types = new MemoryTypes(machine, registers);
  return Array.from({ length: count }, (_, number) => types.at(number).isCached);
};

/** A byte of MAIR_EL1 as [name, cached]. */
const mair = (byte: number): unknown[] => {
  const { name, isCached } = new MemoryTypes(arm64, { MAIR_EL1: BigInt(byte) << 16n }).at(2);
  return [name, isCached];
};

/** PML4 at 0x1000, page table at 0x4000; of each entry the bits beside frame, presence and XD. */
const amd64Pages = (bits: readonly bigint[], frameOf = (page: number): number => page + 16): Laid => {
  const laid = new Laid(0x10000).put64(0x1000, 0, 0x2007n).put64(0x2000, 0, 0x3007n).put64(0x3000, 0, 0x4007n);
  for (const [page, more] of bits.entries()) laid.put64(0x4000, page, (BigInt(frameOf(page)) << 12n) | 0x63n | NX | more);
  return laid;
};

/** A root at 0x1000, page table at 0x4000, and a page of every AttrIndx that is named. */
const arm64Pages = (indices: readonly number[]): Laid => {
  const laid = new Laid(0x10000).put64(0x1000, 0, 0x2003n).put64(0x2000, 0, 0x3003n).put64(0x3000, 0, 0x4003n);
  for (const [page, index] of indices.entries())
    laid.put64(0x4000, page, BigInt((page + 16) << 12) | (3n << 53n) | (3n << 10n) | BigInt(index << 2) | 3n);
  return laid;
};

const listed = async (laid: Laid, machine: Architecture, options: ListOptions = {}): Promise<readonly Mapping[]> =>
  (await all(listMappings(laid.memory, machine, { root: 0x1000 }, options))).items;

const words = ({ memoryType, hasSeveralTypes, leaves }: Mapping): unknown[] => [memoryType, hasSeveralTypes, leaves];

const recordsOf = (mappings: readonly Mapping[]): unknown[] =>
  mappings.map((mapping) => {
    const { cacheable, memoryType } = JSON.parse(lineOf(mapping, "json")) as Record<string, unknown>;
    return [cacheable, memoryType];
  });

/** What a line of text has behind the rights. */
const tails = (mappings: readonly Mapping[]): unknown[] =>
  mappings.map((mapping) =>
    lineOf(mapping, "text")
      .replace(/^.*user ...(?: {2})?/, "")
      .trimEnd(),
  );

describe("names of memory types", () => {
  it("on x86 are IA32_PAT's, and without it those that no system changes", () => {
    expect(numbers(amd64, 8, LINUX_PAT)).to.deep.equal([
      "write-back",
      "write-combining",
      "uncached",
      "uncached",
      "write-back",
      "write-protected",
      "uncached",
      "write-through",
    ]);
    expect(cached(amd64, 8, LINUX_PAT)).to.deep.equal([true, false, false, false, true, true, false, true]);
    // As after reset.
    expect(numbers(ia32, 8, { IA32_PAT: 0x0007_0406_0007_0406n })[1]).to.equal("write-through");
    expect(numbers(ia32, 8)).to.deep.equal(["write-back", null, "uncached", "uncached", "write-back", null, "uncached", null]);
    expect(cached(ia32, 8)).to.deep.equal([true, null, false, false, true, null, false, null]);
    // Values that no processor takes.
    expect(numbers(amd64, 2, { IA32_PAT: 0x0302n })).to.deep.equal([null, null]);
  });

  it("on 64-bit ARM are bytes of MAIR_EL1 in the manual's words, hints left out", () => {
    expect(numbers(arm64, 8)).to.deep.equal(Array.from({ length: 8 }, () => null));
    expect(numbers(arm64, 5, LINUX_MAIR)).to.deep.equal([
      "normal write-back",
      "normal write-back",
      "normal uncached",
      "device nGnRnE",
      "device nGnRE",
    ]);
    expect(cached(arm64, 5, LINUX_MAIR)).to.deep.equal([true, true, false, false, false]);
    expect([0x00, 0x04, 0x08, 0x0c].map(mair)).to.deep.equal(
      ["nGnRnE", "nGnRE", "nGRE", "GRE"].map((device) => [`device ${device}`, false]),
    );
    expect([0xff, 0xf0, 0xee, 0x77, 0xdd].map(mair)).to.deep.equal(Array.from({ length: 5 }, () => ["normal write-back", true]));
    expect([0xbb, 0x88, 0x33, 0xa0].map(mair)).to.deep.equal(Array.from({ length: 4 }, () => ["normal write-through", true]));
    expect([0x44, 0x40].map(mair)).to.deep.equal([
      ["normal uncached", false],
      ["normal uncached", false],
    ]);
    expect([0x4f, 0xf4, 0xfb].map(mair)).to.deep.equal([
      ["normal write-back inside, uncached outside", true],
      ["normal uncached inside, write-back outside", true],
      ["normal write-through inside, write-back outside", true],
    ]);
    expect([0x01, 0x0f, 0x30, 0x80, 0xb0].map(mair)).to.deep.equal(
      ["01", "0f", "30", "80", "b0"].map((byte) => [`MAIR_EL1 byte 0x${byte}`, null]),
    );
  });

  it("on 32-bit ARM are those of TEX, C and B, or of PRRR and NMRR, which count together", () => {
    const armv7 = arm({ format: "v7" });
    const plain = numbers(armv7, 32);
    expect([0, 1, 2, 3, 7, 16, 17, 20].map((number) => plain[number])).to.deep.equal([
      "strongly-ordered",
      null,
      "normal cached",
      "normal cached",
      "normal cached",
      "normal uncached",
      "normal cached",
      "normal cached",
    ]);
    expect(cached(armv7, 5)).to.deep.equal([false, false, true, true, false]);
    expect(numbers(armv7, 32, { PRRR: LINUX_REMAP.PRRR })).to.deep.equal(plain);
    const remapped = ["strongly-ordered", "normal uncached", "normal write-through", "normal write-back", "device"];
    expect(numbers(armv7, 5, LINUX_REMAP)).to.deep.equal(remapped);
    expect(numbers(armv7, 8, LINUX_REMAP)[7]).to.equal("normal write-back");
    expect(cached(armv7, 5, LINUX_REMAP)).to.deep.equal([false, false, true, true, false]);
  });

  it("of other machines are what their entries say, and no more", () => {
    expect(numbers(riscv64, 4)).to.deep.equal(["as its place says", "uncached", "device", null]);
    expect(numbers(sv32, 2)[1]).to.equal("as its place says");
    expect(numbers(abs32le, 2)).to.deep.equal(["uncached", "cached"]);
    expect(numbers(mips32, 2)).to.deep.equal(["uncached", "cached"]);
  });

  it("depend on registers that a machine has", () => {
    expect([amd64, arm64, arm({ format: "v7" }), riscv64, abs32le, sparc64].map(typeRegistersOf)).to.deep.equal([
      ["IA32_PAT"],
      ["MAIR_EL1"],
      ["PRRR", "NMRR"],
      [],
      [],
      [],
    ]);
    expect([arm64, amd64, riscv64, sparc64].map(untoldFlags)).to.deep.equal([PAGE_CACHEABLE, PAGE_CACHEABLE, 0, 0]);
    expect([...TYPE_REGISTERS].toSorted()).to.deep.equal(["IA32_PAT", "MAIR_EL1", "NMRR", "PRRR"]);
  });

  it("are one type where they are certainly the same", () => {
    const types = new MemoryTypes(arm64, LINUX_MAIR);
    expect(types.at(0)).to.equal(types.at(1));
    expect(types.differenceOf(0, 1)).to.equal("none");
    expect(types.differenceOf(0, 2)).to.equal("certain");
    const untold = new MemoryTypes(arm64);
    expect(untold.at(0)).to.not.equal(untold.at(1));
    expect([untold.differenceOf(1, 1), untold.differenceOf(0, 1)]).to.deep.equal(["none", "unknown"]);
  });

  it("are read off an entry whatever entry was read before, in every format of every machine", () => {
    for (const machine of trees) {
      const { translation } = machine;
      if (translation.kind !== "hierarchical") continue;
      const codecs = translation.levels.flatMap(({ leaf }) => (leaf === undefined ? [] : [new FormatCodec(leaf, {})]));
      const kept = new MemoryTypes(machine);
      for (let step = 0; step < 400; step += 1) {
        const codec = codecs[step % codecs.length];
        const [lo, hi] = [Math.imul(step, 0x9e37_79b1) >>> 0, Math.imul(step + 1, 0x85eb_ca6b) >>> 0];
        // Every entry twice, and some with a bit changed that has no say.
        for (const word of [lo, lo, (lo ^ 1) >>> 0])
          expect(kept.numberOf(codec, word, hi), machine.name).to.equal(new MemoryTypes(machine).numberOf(codec, word, hi));
      }
    }
  });
});

describe("memory types in lists", () => {
  it("are told leaf by leaf, and keep neighbours apart that differ in nothing else", async () => {
    const laid = amd64Pages([0n, PWT, PWT, PAT, 0n, PCD, PCD | PWT]);
    const ranges = await listed(laid, amd64, { registers: LINUX_PAT });
    expect(ranges.map(words)).to.deep.equal([
      ["write-back", false, 1],
      ["write-combining", false, 2],
      // PAT alone is write-back too, and so are pages without: one type, two numbers. UC and UC− are one as well.
      ["write-back", false, 2],
      ["uncached", false, 2],
    ]);
    expect(recordsOf(ranges)).to.deep.equal([
      [true, "write-back"],
      [false, "write-combining"],
      [true, "write-back"],
      [false, "uncached"],
    ]);
    expect(tails(ranges)).to.deep.equal(["", "write-combining, 2 pages of 4 KiB", "2 pages of 4 KiB", "uncached, 2 pages of 4 KiB"]);
    expect(lineOf(ranges[1], "csv")).to.contain(",false,write-combining,true,");
    const [one, ...more] = await listed(laid, amd64, { registers: LINUX_PAT, merge: "rights" });
    expect([words(one), more, tails([one])]).to.deep.equal([[null, true, 7], [], ["partly uncached, 7 pages of 4 KiB"]]);
    expect(recordsOf([one])).to.deep.equal([[null, null]]);
  });

  it("say what is cached where they are told, whatever a bit of the entry looks like", async () => {
    // Number 7 has PCD set, and is write-through; numbers 1 and 5 have not, and only the register knows.
    const laid = amd64Pages([PAT | PCD | PWT, PWT, PAT | PWT]);
    expect(recordsOf(await listed(laid, amd64, { registers: LINUX_PAT }))).to.deep.equal([
      [true, "write-through"],
      [false, "write-combining"],
      [true, "write-protected"],
    ]);
    expect(recordsOf(await listed(laid, amd64, { untold: untoldFlags(amd64) }))).to.deep.equal([
      [null, null],
      [null, null],
      [null, null],
    ]);
    expect(recordsOf(await listed(laid, amd64))).to.deep.equal([
      [false, null],
      [true, null],
      [true, null],
    ]);
    // What is the same everywhere needs no register.
    expect(recordsOf(await listed(amd64Pages([0n, PCD]), amd64, { untold: untoldFlags(amd64) }))).to.deep.equal([
      [true, "write-back"],
      [false, "uncached"],
    ]);
  });

  it("of 64-bit ARM are known once MAIR_EL1 is told, and not before", async () => {
    const laid = arm64Pages([0, 1, 2, 3, 4, 4]);
    const untold = untoldFlags(arm64);
    const told = await listed(laid, arm64, { untold, registers: LINUX_MAIR });
    expect(recordsOf(told)).to.deep.equal([
      [true, "normal write-back"],
      [false, "normal uncached"],
      [false, "device nGnRnE"],
      [false, "device nGnRE"],
    ]);
    expect(tails(told)).to.deep.equal(["2 pages of 4 KiB", "uncached", "device nGnRnE", "device nGnRE, 2 pages of 4 KiB"]);
    const unknown = await listed(laid, arm64, { untold, registers: LINUX_PAT });
    expect(recordsOf(unknown)).to.deep.equal(Array.from({ length: 5 }, () => [null, null]));
    expect(tails(unknown)).to.deep.equal(["", "", "", "", "2 pages of 4 KiB"]);
    const [all6] = await listed(laid, arm64, { untold, merge: "rights" });
    expect([words(all6), tails([all6])]).to.deep.equal([[null, false, 6], ["6 pages of 4 KiB"]]);
    // What the manual leaves unpredictable nobody can say.
    expect(recordsOf(await listed(arm64Pages([0]), arm64, { registers: { MAIR_EL1: 0x80n } }))).to.deep.equal([
      [null, "MAIR_EL1 byte 0x80"],
    ]);
    const [several] = await listed(arm64Pages([3, 4, 2]), arm64, { registers: LINUX_MAIR, merge: "rights" });
    expect(tails([several])).to.deep.equal(["uncached, several memory types, 3 pages of 4 KiB"]);
    const [certain] = await listed(arm64Pages([0, 1, 2]), arm64, { registers: { MAIR_EL1: 0xbbff80n }, merge: "rights" });
    expect(tails([certain])).to.deep.equal(["several memory types, 3 pages of 4 KiB"]);
    for (const indices of [
      [1, 0, 2],
      [0, 2, 1],
      [2, 1, 0],
    ]) {
      const [partly] = await listed(arm64Pages(indices), arm64, { registers: { MAIR_EL1: 0x44ff80n }, merge: "rights" });
      expect([tails([partly]), recordsOf([partly])]).to.deep.equal([["partly uncached, 3 pages of 4 KiB"], [[null, null]]]);
    }
  });

  it("of what is not present are none", async () => {
    const laid = amd64Pages([0n]).put64(0x4000, 1, 0x6062n);
    const items = await listed(laid, amd64, { os: "linux-x86-64", merge: "rights", registers: LINUX_PAT });
    expect(items.map(({ memoryType, software }) => [memoryType, software === null])).to.deep.equal([
      ["write-back", true],
      [null, false],
    ]);
  });

  it("never join what is certainly different, and tell in any merge what a naive look at each page tells", async () => {
    const page = fc.record({
      bits: fc.constantFrom(0n, PWT, PCD, PAT, PCD | PWT, PAT | PWT, PAT | PCD, PAT | PCD | PWT),
      here: fc.nat(9).map((number) => number > 0),
      gap: fc.nat(4).map((number) => (number === 0 ? 1 : 0)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(page, { maxLength: 40 }),
        fc.option(fc.bigInt(0n, 2n ** 64n - 1n)),
        fc.constantFrom("ranges", "rights"),
        async (pages, pat, merge) => {
          const registers = pat === null ? {} : { IA32_PAT: pat & 0x0707_0707_0707_0707n };
          let frame = 16;
          const frames = pages.map(({ gap }) => (frame += 1 + gap));
          const laid = amd64Pages(
            pages.map(({ bits }) => bits),
            (at) => frames[at],
          );
          for (const [at, { here }] of pages.entries()) if (!here) laid.put64(0x4000, at, 0n);
          const options = { registers, untold: untoldFlags(amd64) };
          const leaves = await listed(laid, amd64, { ...options, merge: "leaves" });
          const naive = new MemoryTypes(amd64, registers);
          const nameAt = (address: bigint): string | null => {
            const { bits } = pages[Number(address >> 12n)];
            return naive.at(Number(((bits & PAT) === 0n ? 0n : 4n) | ((bits & PCD) === 0n ? 0n : 2n) | ((bits & PWT) === 0n ? 0n : 1n)))
              .name;
          };
          for (const leaf of leaves) expect(leaf.memoryType).to.equal(nameAt(leaf.first));
          for (const mapping of await listed(laid, amd64, { ...options, merge })) {
            const names = new Set<string | null>();
            for (let at = mapping.first; at < mapping.last; at += 0x1000n) names.add(nameAt(at));
            const certain = [...names].filter((name) => name !== null);
            if (merge === "ranges") expect(names.size).to.equal(1);
            expect(mapping.hasSeveralTypes).to.equal(certain.length > 1);
            if (names.size > 1) expect(mapping.memoryType).to.equal(null);
            else expect([null, ...names]).to.include(mapping.memoryType);
            if (names.size === 1 && certain.length === 1) expect(mapping.memoryType).to.equal(certain[0]);
          }
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });

  it("are the entry's own bit where software fills the TLB", async () => {
    const page = { virtual: 0x40_0000n, bytes: 0x4000, physical: 0x8000n, asid: 2, global: false, kernel: 5, user: 5 } as const;
    const next = { ...page, virtual: 0x40_4000n, physical: 0xc000n, uncached: true };
    const state = { registers: { EntryHi: 2n }, tlb: [page, next].map((row, index) => ({ unit: "data" as const, index, ...row })) };
    const roots = { software: sourcesOf(mips32, state) };
    const memory = new Laid(0x10000).memory;
    const told = async (merge: "ranges" | "rights"): Promise<readonly Mapping[]> =>
      (await all(listMappings(memory, mips32, roots, { merge }))).items;
    expect((await told("ranges")).map(words)).to.deep.equal([
      ["cached", false, 1],
      ["uncached", false, 1],
    ]);
    expect((await told("rights")).map(words)).to.deep.equal([[null, true, 2]]);
    const walk = await walkAddress(memory, mips32, roots, 0x40_4000n);
    expect(walkAsText(walk)).to.contain("-> 0xc000, ASID 2, uncached: matches");
  });

  it("leave the words of other tools as they are", async () => {
    const laid = amd64Pages([0n, PWT, PCD, PAT]);
    for (const style of ["info-tlb", "info-mem", "ptdump"] as const) {
      const text = async (registers: Registers): Promise<string> => {
        let written = "";
        await renderAs(style, laid.memory, amd64, { root: 0x1000 }, (piece) => void (written += piece), { registers });
        return written;
      };
      expect(await text(LINUX_PAT), style).to.equal(await text({}));
    }
    let mem = "";
    await renderAs("info-mem", laid.memory, amd64, { root: 0x1000 }, (piece) => void (mem += piece), { registers: LINUX_PAT });
    expect(mem).to.equal("0000000000000000-0000000000004000 0000000000004000 -rw\n");
  });
});

describe("memory types in comparisons", () => {
  const compared = async (before: Laid, after: Laid, options: { registers?: Registers; before?: Registers; after?: Registers } = {}) => {
    const side = ({ memory }: Laid, registers: Registers | undefined) => ({
      memory,
      roots: { root: 0x1000 },
      ...(registers === undefined ? {} : { registers }),
    });
    const { registers } = options;
    const asked = { untold: untoldFlags(amd64), ...(registers === undefined ? {} : { registers }) };
    return (await all(diffMappings(side(before, options.before), side(after, options.after), amd64, asked))).items;
  };

  it("are attributes: another type is a change, another number of the same type is none", async () => {
    const [change, ...more] = await compared(amd64Pages([0n, 0n]), amd64Pages([PAT, PWT]), { registers: LINUX_PAT });
    expect(more).to.deep.equal([]);
    expect([change.kind, change.what, change.first, change.last]).to.deep.equal(["changed", ["attributes"], 0x1000n, 0x1fffn]);
    expect(changeAsText(change)).to.equal(
      "~ 0x1000-0x1fff -> 0x11000 kernel rw- user --- => -> 0x11000 kernel rw- user ---, write-combining (attributes)\n",
    );
    // Both are not cached, and not alike.
    const types = await compared(amd64Pages([PCD]), amd64Pages([PWT]), { registers: LINUX_PAT });
    expect(types.map(({ what }) => what)).to.deep.equal([["attributes"]]);
  });

  it("are no change where nobody can say", async () => {
    expect(await compared(amd64Pages([0n]), amd64Pages([PWT]))).to.deep.equal([]);
    expect(await compared(amd64Pages([PCD]), amd64Pages([PCD | PAT | PWT]))).to.deep.equal([]);
    expect(await compared(amd64Pages([0n]), amd64Pages([PCD]))).to.have.length(1);
  });

  it("are read by each side's own registers where these differ", async () => {
    const laid = amd64Pages([PWT]);
    const reset = { IA32_PAT: 0x0007_0406_0007_0406n };
    const changes = await compared(laid, laid, { before: reset, after: LINUX_PAT });
    expect(changes.map(({ before, after }) => [before?.memoryType, after?.memoryType])).to.deep.equal([
      ["write-through", "write-combining"],
    ]);
    expect(await compared(laid, laid, { before: reset, after: reset })).to.deep.equal([]);
  });
});

describe("memory types in walks", () => {
  it("are in the line of the leaf, as far as they are known", async () => {
    const laid = amd64Pages([PWT]);
    const walk = async (registers?: Registers) =>
      walkAddress(laid.memory, amd64, { root: 0x1000 }, 0n, { privilege: 0, ...(registers === undefined ? {} : { registers }) });
    const told = await walk(LINUX_PAT);
    expect(told.steps.map(({ memoryType }) => memoryType)).to.deep.equal([null, null, null, "write-combining"]);
    expect(walkAsText(told)).to.contain(" maps physical address 0x10000, write-combining  (Intel SDM");
    expect(JSON.stringify(walkAsData(told))).to.contain('"memoryType":"write-combining"');
    const untold = await walk();
    expect(untold.steps.at(-1)?.memoryType).to.equal(null);
    expect(walkAsText(untold)).to.contain(" maps physical address 0x10000  (Intel SDM");
  });

  it("are what lists say of every page", async () => {
    const laid = arm64Pages([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const { first, memoryType } of await listed(laid, arm64, { registers: LINUX_MAIR, merge: "leaves" })) {
      const walk = await walkAddress(laid.memory, arm64, { root: 0x1000 }, first, { privilege: 0, registers: LINUX_MAIR });
      expect(walk.steps.at(-1)?.memoryType).to.equal(memoryType);
    }
  });
});
