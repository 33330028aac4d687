/** Which places there are to look into, and who says so. */
import { amd64 } from "@portolan/arch-amd64";
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { PortolanError, type Architecture, type TranslationState } from "@portolan/core";
import { expect } from "chai";
import { bestOf, listMappings, memoryOf, placesIn, sourcesInWords, sourcesOf, type SourcesAsked } from "#src/index.js";
import { row } from "./machines.js";

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof PortolanError) return `${error.code} ${String(error.values["why"] ?? error.values["rule"] ?? "")}`.trim();
    throw error;
  }
  return "";
};

const full: TranslationState = {
  registers: { PRIMARY_CONTEXT: 2n, hash: 0x8000n, chains: 2048n, TSB_D: 0x1_8002n },
  tlb: [row({})],
  spaces: [
    { space: 0, asid: 0 },
    { space: 4, asid: 2, registers: { TSB_I: 0x1_0002n, TSB_D: 0x1_8002n } },
    { space: 5, asid: 3, registers: { TSB_D: 0x2_8002n } },
  ],
};

describe("the places to look into", () => {
  const placesOf = (architecture: Architecture, state: TranslationState | null, asked: SourcesAsked = {}): readonly string[] =>
    placesIn(sourcesOf(architecture, state, asked));

  it("are those that the state tells of, and those that are named", () => {
    expect(placesOf(sparc64, full)).to.deep.equal(["tlb", "tsb", "hash"]);
    expect(placesOf(sparc64, { registers: {}, tlb: [] })).to.deep.equal(["tlb"]);
    expect(placesOf(sparc64, null, { root: 0x4000 })).to.deep.equal(["hash"]);
    expect(placesOf(sparc64, null, { buffers: { TSB_I: 0x2000n } })).to.deep.equal(["tsb"]);
    expect(placesOf(mips32, { registers: { EntryHi: 3n, root: 0x100n }, tlb: [] })).to.deep.equal(["tlb", "tree"]);
  });

  it("belong to the space that is asked for: its number, its buffers, its tree", () => {
    const sources = sourcesOf(sparc64, full, { asid: 3 });
    expect([sources.space, sources.buffers.map(({ value }) => value)]).to.deep.equal([5, [0x2_8002n]]);
    const trees = {
      registers: { EntryHi: 2n, root: 0x100n },
      tlb: [],
      spaces: [
        { space: 1, asid: 2, root: 0x100n },
        { space: 2, asid: 7, root: 0x900n },
      ],
    };
    expect(sourcesOf(mips32, trees, { asid: 7 }).tree).to.equal(0x900);
    expect(sourcesOf(mips32, trees).tree).to.equal(0x100);
    expect(sourcesOf(mips32, trees, { asid: 9 }).tree, "another space's registers are not its own").to.equal(null);
    expect(sourcesOf(sparc64, full, { asid: 9 }).buffers).to.deep.equal([]);
  });

  it("are told in words, and the one that knows most is listed where nothing is said", () => {
    const sources = sourcesOf(sparc64, full);
    expect(sourcesInWords(sources)).to.equal("TLB of 1 rows, TSB_I 0x10002, TSB_D 0x18002, page hash table 0x8000; context 2 is space 4");
    expect(bestOf(sources)).to.equal("hash");
    expect(bestOf(sourcesOf(sparc64, full, { from: "tlb" }))).to.equal("tlb");
  });

  it("are refused where the machine or the image has not what is asked for", () => {
    expect(codeOf(() => sourcesOf(mips32, full, { from: "tsb" }))).to.equal("ERR_NO_SOURCE the machine has none");
    expect(codeOf(() => sourcesOf(mips32, null, { buffers: { TSB_D: 1n } }))).to.equal("ERR_NO_SOURCE the machine has none");
    expect(codeOf(() => sourcesOf(sparc64, full, { from: "tree" }))).to.equal("ERR_NO_SOURCE the machine has none");
    expect(codeOf(() => sourcesOf(sparc64, { registers: {}, tlb: [] }, { from: "hash" }))).to.equal(
      "ERR_NO_SOURCE neither the image nor anybody else tells where it is",
    );
    expect(codeOf(() => sourcesOf(sparc64, null))).to.contain("ERR_NO_SOURCE");
  });

  it("are refused for a tag, a register or an address that cannot be", () => {
    expect(codeOf(() => sourcesOf(sparc64, full, { asid: 8192 }))).to.equal("ERR_BAD_ARGUMENT 0 to 8191");
    expect(codeOf(() => sourcesOf(mips32, full, { asid: 256 }))).to.equal("ERR_BAD_ARGUMENT 0 to 255");
    expect(codeOf(() => sourcesOf(sparc64, full, { buffers: { TSB_X: 1n } }))).to.equal("ERR_BAD_ARGUMENT");
    expect(codeOf(() => sourcesOf(sparc64, full, { root: 12 }))).to.equal("ERR_BAD_ARGUMENT the physical address of a directory");
    expect(codeOf(() => sourcesOf(sparc64, { registers: { hash: 1n << 60n }, tlb: [] }))).to.contain("ERR_BAD_ARGUMENT");
  });

  it("are none of a machine whose hardware fills the TLB, but for the rows that somebody has", async () => {
    const sources = sourcesOf(amd64, { registers: {}, tlb: [row({})] });
    expect(placesIn(sources)).to.deep.equal(["tlb"]);
    const first = await listMappings(memoryOf(new Uint8Array(16)), amd64, { software: sources }).next();
    expect(first.done).to.equal(false);
  });
});
