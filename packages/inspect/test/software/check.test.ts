/** What is suspicious in TLBs, storage buffers and the page hash table: each by one thing that was spoilt. */
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { READ, type TlbRow } from "@portolan/core";
import { expect } from "chai";
import { checkTables, memoryOf, sourcesOf, type FindingCode, type SourcesAsked } from "#src/index.js";
import { AREAS, row, sparcDump, type Dump } from "./machines.js";

const found = async (dump: Dump, asked: SourcesAsked = {}): Promise<readonly (readonly [FindingCode, string])[]> => {
  const { findings } = await checkTables(dump.memory, sparc64, { software: sourcesOf(sparc64, dump.state, asked) });
  return findings.map(({ code, says }) => [code, says]);
};
const codes = async (dump: Dump, asked: SourcesAsked = {}): Promise<readonly FindingCode[]> =>
  (await found(dump, asked)).map(([code]) => code);

/** Where things of the second space lie. */
const placesIn = ({ view, state, machine, spaces }: Dump) => {
  const directory = Number(state.registers["hash"]);
  const heads = Number(view.getBigUint64(directory));
  const [space] = spaces.slice(1);
  const walk = machine.walk(space, BigInt(AREAS[1]), READ);
  const tsb = walk.steps.find(({ table }) => table === "data TSB");
  const head = walk.steps.find(({ table }) => table === "page hash table, heads");
  return {
    directory,
    heads,
    physical: walk.physical ?? 0n,
    slot: Number(tsb?.entryAddress),
    head: Number(head?.entryAddress),
    entry: Number(walk.steps.at(-1)?.entryAddress),
    asid: space.context.asid,
  };
};

describe("a check of what a sound machine has", () => {
  it("finds nothing, and says how much it has looked at", async () => {
    const dump = sparcDump();
    const report = await checkTables(dump.memory, sparc64, { software: sourcesOf(sparc64, dump.state) });
    expect(report.findings).to.deep.equal([]);
    expect(report.looked).to.match(/^0 rows of the TLB, 8192 slots, 2048 chains and \d+ pages$/);
  });
});

describe("a check of a TLB", () => {
  const dumpWith = (tlb: readonly TlbRow[]): Dump => sparcDump(tlb);

  it("finds entries that match one address, whatever their sizes, and not those of different spaces", async () => {
    const rows = [
      row({ index: 1, bytes: 0x40_0000, virtual: 0x40_0000n }),
      row({ index: 2, virtual: 0x50_0000n }),
      row({ index: 3, asid: 9 }),
    ];
    const [[code, says], ...more] = await found(dumpWith(rows), { from: "tlb" });
    expect([code, more]).to.deep.equal(["tlb-overlap", []]);
    expect(says).to.contain("entries 1 and 2 of the data TLB; the manual leaves open what happens");
    const globally = [row({ index: 1, global: true }), row({ index: 2, asid: 9 })];
    expect(await codes(dumpWith(globally), { from: "tlb" })).to.deep.equal(["tlb-overlap"]);
    expect(
      await codes(dumpWith([row({ index: 1 }), row({ index: 1, virtual: 0x40_0000n })]), { from: "tlb" }),
      "two rows of one entry",
    ).to.deep.equal([]);
  });

  it("finds halves that are not valid and match all the same on mips32", async () => {
    const rows = [row({ index: 1, valid: false, kernel: 0, user: 0 }), row({ index: 2 })];
    const software = sourcesOf(mips32, { registers: {}, tlb: rows });
    const { counts } = await checkTables(memoryOf(new Uint8Array(0x2_0000)), mips32, { software });
    expect(counts["tlb-overlap"]).to.equal(1);
    const inSparc = sourcesOf(sparc64, { registers: {}, tlb: rows });
    expect((await checkTables(memoryOf(new Uint8Array(0x2_0000)), sparc64, { software: inSparc })).counts["tlb-overlap"]).to.equal(
      undefined,
    );
  });

  it("finds entries that the tables know nothing of, that lead elsewhere, or that let more through", async () => {
    const sound = sparcDump();
    const { physical, asid } = placesIn(sound);
    const written = { virtual: BigInt(AREAS[1]), asid } as const;
    expect(await codes(dumpWith([row({ ...written, physical })]))).to.deep.equal([]);
    const why = async (given: Partial<TlbRow>): Promise<string> => {
      const [[code, says]] = await found(dumpWith([row({ ...written, physical, ...given })]));
      expect(code).to.equal("tlb-contradicts");
      return says;
    };
    expect(await why({ physical: physical + 0x2000n })).to.contain("it maps");
    expect(await why({ virtual: 0x70_0000n })).to.contain("nothing is mapped there");
    const readable = sound.machine.walk(sound.spaces[1], BigInt(AREAS[0]), READ).physical ?? 0n;
    expect(await why({ virtual: BigInt(AREAS[0]), physical: readable })).to.contain(
      "it lets through kernel rw- user rw-, they kernel r-- user r--",
    );
  });

  it("finds that entries for the kernel's own view of memory are right, and others are not", async () => {
    const kernels = { asid: 0, user: 0, virtual: 0x8_0000n } as const;
    expect(await codes(dumpWith([row({ ...kernels, physical: 0x8_0000n })]))).to.deep.equal([]);
    expect(await codes(dumpWith([row({ ...kernels, physical: 0xa_0000n })]))).to.deep.equal(["tlb-contradicts"]);
  });

  it("finds entries that no access asks for on mips32: kseg0 goes past the TLB", async () => {
    const software = sourcesOf(mips32, { registers: {}, tlb: [row({ virtual: 0x8000_0000n })] });
    const { counts } = await checkTables(memoryOf(new Uint8Array(0x2_0000)), mips32, { software });
    expect(counts.unreachable).to.equal(1);
  });
});

describe("a check of storage buffers", () => {
  it("finds a tag that does not belong at its slot", async () => {
    const dump = sparcDump();
    const { slot } = placesIn(dump);
    dump.view.setBigUint64(slot, dump.view.getBigUint64(slot) ^ 1n);
    // VA[22] and VA[23] stand in the tag and in the slot's number.
    const [[code, says]] = await found(dump, { from: "tsb" });
    expect(code).to.equal("tsb-misplaced");
    expect(says).to.contain("slot 1024 of TSB_D");
  });

  it("finds an entry that contradicts the tables", async () => {
    const dump = sparcDump();
    const { slot } = placesIn(dump);
    dump.view.setBigUint64(slot + 8, dump.view.getBigUint64(slot + 8) ^ 0x2000n);
    expect(await codes(dump)).to.deep.equal(["tsb-contradicts"]);
    expect(await codes(dump, { from: "tsb" }), "alone it contradicts nobody").to.deep.equal([]);
  });

  it("finds a buffer that lies outside memory", async () => {
    const dump = sparcDump();
    expect(await codes(dump, { from: "tsb", buffers: { TSB_D: 0x7000_0002n } })).to.include("table-outside");
  });
});

describe("a check of the page hash table", () => {
  const spoilt = async (
    spoil: (view: DataView, places: ReturnType<typeof placesIn>) => void,
  ): Promise<readonly (readonly [FindingCode, string])[]> => {
    const dump = sparcDump();
    spoil(dump.view, placesIn(dump));
    return found(dump, { from: "hash" });
  };

  it("finds a chain that leads back to itself", async () => {
    const [[code, says]] = await spoilt((view, { entry }) => view.setBigUint64(entry + 24, BigInt(entry) + 1n));
    expect([code, says]).to.deep.equal(["chain-cycle", says]);
    expect(says).to.match(/: chain \d+$/);
  });

  it("finds a chain that leads out of memory", async () => {
    expect((await spoilt((view, { entry }) => view.setBigUint64(entry + 24, 0x4000_0001n)))[0][0]).to.equal("table-outside");
    expect((await spoilt((view, { head }) => view.setBigUint64(head, 0x7n)))[0][0], "a link that is no entry's").to.equal("table-outside");
    expect((await spoilt((view, { directory }) => view.setBigUint64(directory, 0n)))[0][0], "no directory").to.equal("table-outside");
  });

  it("finds an entry in another page's chain, and one that is no page's", async () => {
    const [[code, says], ...more] = await spoilt((view, { entry }) => view.setBigUint64(entry, 0x7000_0000n));
    expect([code, more]).to.deep.equal(["chain-wrong", []]);
    expect(says).to.contain("it is in chain");
    expect((await spoilt((view, { entry }) => view.setBigUint64(entry, 0x1234n)))[0][0]).to.equal("malformed");
  });

  it("finds a page that is there twice", async () => {
    const twice = await spoilt((view, { entry, heads }) => {
      // A free entry behind the last one that is in use takes the same words, and leads to the first.
      const copy = heads + 0x4000 * 8 - 32;
      for (let word = 0; word < 24; word += 8) view.setBigUint64(copy + word, view.getBigUint64(entry + word));
      view.setBigUint64(copy + 24, 0n);
      view.setBigUint64(entry + 24, BigInt(copy) + 1n);
    });
    expect(twice.map(([code]) => code)).to.deep.equal(["chain-double"]);
  });

  it("finds pages outside memory, and pages that may be written and executed", async () => {
    const dump = sparcDump();
    const { entry } = placesIn(dump);
    const frame = dump.view.getBigUint64(entry + 16);
    dump.view.setBigUint64(entry + 16, frame | 4n | (1n << 39n));
    expect((await codes(dump, { from: "hash" })).toSorted()).to.deep.equal(["page-outside", "writable-executable"]);
  });

  it("keeps as many of each as it is asked to, and counts all", async () => {
    const dump = sparcDump();
    const { heads } = placesIn(dump);
    for (let chain = 0; chain < 10; chain += 1) dump.view.setBigUint64(heads + chain * 8, 0x7n);
    const { findings, counts } = await checkTables(
      dump.memory,
      sparc64,
      { software: sourcesOf(sparc64, dump.state, { from: "hash" }) },
      { limit: 3 },
    );
    expect([findings.length, counts["table-outside"]]).to.deep.equal([3, 10]);
  });
});
