/** Lists and comparisons of what TLBs, storage buffers and the page hash table map. */
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { EXECUTE, PAGE_CACHEABLE, PAGE_GLOBAL, PortolanError, READ, type TlbRow } from "@portolan/core";
import { expect } from "chai";
import {
  diffMappings,
  findRoots,
  headOf,
  lineOf,
  listMappings,
  memoryOf,
  sourcesOf,
  type ListOptions,
  type Mapping,
  type SourcesAsked,
} from "#src/index.js";
import { all } from "../fixture.js";
import { AREAS, row, sparcDump } from "./machines.js";

const PAGE = 0x4000;
const dump = sparcDump([
  row({ index: 3 }),
  row({ index: 1, virtual: 0x40_2000n, physical: 0x1_2000n }),
  row({ index: 2, asid: 7, global: true }),
]);
const listed = (asked: SourcesAsked = {}, options: ListOptions = {}) =>
  all(listMappings(dump.memory, sparc64, { software: sourcesOf(sparc64, dump.state, asked) }, options));
const short = ({ first, bytes, origin }: Mapping): unknown => [first, bytes, origin?.index ?? null, origin?.asid ?? null];

describe("a list of the page hash table", () => {
  it("has every page of every space, in the order of spaces and addresses", async () => {
    const { items, end } = await listed({}, { merge: "rights" });
    const expected = dump.spaces.flatMap(({ context }) => AREAS.map((area) => [context.id, context.asid, BigInt(area), 4 * PAGE, 4]));
    expect(items.map(({ first, bytes, leaves, origin }) => [origin?.space, origin?.asid, first, bytes, leaves])).to.deep.equal(expected);
    expect([end.end, end.source, end.listed, end.tables]).to.deep.equal(["complete", "hash", 24, 2048]);
  });

  it("says what the machine's own tables say of each page", async () => {
    const { items } = await listed({}, { merge: "leaves" });
    expect(items.length).to.equal(24);
    for (const { first, physical, rights, origin } of items) {
      const space = dump.spaces.find(({ context }) => context.id === origin?.space);
      if (space === undefined) throw new Error("a space that nobody made");
      const walk = dump.machine.walk(space, first, READ);
      expect([physical, rights & 7, rights >>> 3]).to.deep.equal([Number(walk.physical), walk.kernelRights, walk.userRights]);
    }
  });

  it("is of one space where that is asked for, also where nobody knows how many chains there are", async () => {
    const { asid } = dump.spaces[0].context;
    const { items } = await listed({ asid }, { merge: "rights" });
    expect(items.map(({ origin }) => origin?.asid)).to.deep.equal([asid, asid, asid]);
    const { chains: _chains, ...registers } = dump.state.registers;
    const software = sourcesOf(sparc64, { ...dump.state, registers });
    expect((await all(listMappings(dump.memory, sparc64, { software }))).end.listed).to.equal(24);
  });

  it("takes the filters, the range and the bound that lists of trees take", async () => {
    const count = async (options: ListOptions): Promise<number> => (await listed({}, options)).end.listed;
    expect(await count({ filter: { executable: true } })).to.equal(8);
    expect(await count({ filter: { writable: false } })).to.equal(16);
    expect(await count({ filter: { kernel: true } })).to.equal(0);
    expect(await count({ range: { first: BigInt(AREAS[1]), last: BigInt(AREAS[1] + PAGE) } })).to.equal(4);
    const bounded = await listed({}, { budget: { leaves: 5 } });
    expect([bounded.end.end, bounded.end.listed]).to.deep.equal(["leaves", 5]);
  });

  it("comes to its end on a chain that leads back to itself, and counts it", async () => {
    const spoilt = sparcDump();
    const entry = entryOf(spoilt, 0);
    spoilt.view.setBigUint64(entry + 24, BigInt(entry) + 1n);
    const { end } = await all(listMappings(spoilt.memory, sparc64, { software: sourcesOf(sparc64, spoilt.state) }));
    expect([end.end, end.cycles, end.odd]).to.deep.equal(["complete", 1, 1]);
  });
});

/** Physical address of some entry of the hash table. */
const entryOf = ({ view, state }: ReturnType<typeof sparcDump>, number: number): number => {
  const heads = Number(view.getBigUint64(Number(state.registers["hash"])));
  const links = Array.from({ length: 2048 }, (_, chain) => Number(view.getBigUint64(heads + chain * 8))).filter((link) => link !== 0);
  return links[number] - 1;
};

describe("a list of a TLB", () => {
  it("has the entries as they stand, or in the order of addresses with neighbours joined", async () => {
    const one = await listed({ from: "tlb" }, { merge: "leaves" });
    expect(one.items.map(({ origin }) => origin?.index)).to.deep.equal([3, 1, 2]);
    const joined = await listed({ from: "tlb" });
    expect(joined.items.map(short)).to.deep.equal([
      [0x40_0000n, 0x4000, null, 2],
      [0x40_0000n, 0x2000, 2, 7],
    ]);
    expect(joined.items[1].flags).to.equal(PAGE_GLOBAL | PAGE_CACHEABLE);
  });

  it("is of one space with what is global", async () => {
    const { items } = await listed({ from: "tlb", asid: 5 }, { merge: "leaves" });
    expect(items.map(({ origin }) => origin?.index)).to.deep.equal([2]);
  });

  it("joins no neighbours of different spaces or buffers", async () => {
    const joined = async (...rows: readonly TlbRow[]): Promise<number> => {
      const software = sourcesOf(sparc64, { registers: {}, tlb: rows });
      return (await all(listMappings(dump.memory, sparc64, { software }, { merge: "rights" }))).items.length;
    };
    const next = row({ index: 1, virtual: 0x40_2000n });
    expect(await joined(row({}), next)).to.equal(1);
    expect(await joined(row({}), { ...next, asid: 3 })).to.equal(2);
    expect(await joined(row({ unit: "instruction" }), next)).to.equal(2);
    expect(await joined(row({}), { ...next, user: READ })).to.equal(2);
  });

  it("leaves out halves that are not valid, and addresses that the machine has not", async () => {
    const rows = [row({ valid: false, kernel: 0, user: 0 }), row({ index: 1, virtual: 1n << 50n }), row({ index: 2 })];
    const software = sourcesOf(sparc64, { registers: {}, tlb: rows });
    const { items, end } = await all(listMappings(dump.memory, sparc64, { software }, { merge: "leaves" }));
    expect([items.length, end.odd]).to.deep.equal([1, 1]);
  });

  it("gives the user nothing where the address alone is the kernel's", async () => {
    const software = sourcesOf(mips32, { registers: {}, tlb: [row({ virtual: 0xc000_0000n })] });
    const { items } = await all(listMappings(dump.memory, mips32, { software }));
    expect(items[0].rights >>> 3).to.equal(0);
  });
});

describe("a list of storage buffers", () => {
  it("has what the machine has entered, with the buffer and the slot", async () => {
    const { items, end } = await listed({ from: "tsb" }, { merge: "leaves" });
    expect(end.tables, "two spaces with two buffers of 2048 slots").to.equal(8192);
    const { asid } = dump.spaces[1].context;
    const own = items.filter(({ origin }) => origin?.asid === asid && origin.unit === "instruction");
    expect(own.map(({ first }) => first)).to.deep.equal(Array.from({ length: 4 }, (_, page) => BigInt(AREAS[2] + page * PAGE)));
    for (const { first, rights, origin } of own) {
      expect(rights).to.equal(EXECUTE | (EXECUTE << 3));
      expect(origin?.index).to.equal(Number((first >> 13n) % 2048n));
    }
  });
});

describe("lines of such lists", () => {
  const rows: readonly TlbRow[] = [row({ index: 3, kernel: READ, user: READ })];
  const linesOf = async (style: "text" | "json" | "csv", asked: SourcesAsked = { from: "tlb" }): Promise<string> => {
    const software = sourcesOf(sparc64, { ...dump.state, tlb: rows }, asked);
    const { items } = await all(listMappings(dump.memory, sparc64, { software }));
    return headOf(style, true) + lineOf(items[0], style, 16, "context");
  };

  it("say where the mapping stands", async () => {
    expect(await linesOf("text")).to.equal(
      "0000000000400000-0000000000401fff     8 KiB  -> 000000010000  kernel r--  user r--  data entry 3, context 2\n",
    );
    expect(JSON.parse(await linesOf("json"))).to.include({
      first: "0x400000",
      source: "tlb",
      unit: "data",
      index: 3,
      asid: 2,
      space: null,
    });
    expect((await linesOf("csv")).split("\n")).to.deep.equal([
      "first,last,bytes,physical,kernel,user,global,cacheable,memoryType,accessed,dirty,pageBytes,leaves,software,source,unit,index,asid,space",
      "0x400000,0x401fff,8192,0x10000,r--,r--,false,true,cached,false,false,8192,1,,tlb,data,3,2,",
      "",
    ]);
    expect(await linesOf("text", { from: "hash" })).to.match(/ {2}space 1 \(context 2\)(?:, 4 pages of 16 KiB)?\n$/);
  });
});

describe("a comparison", () => {
  it("tells what differs in any space that either side knows", async () => {
    const after = sparcDump();
    const entry = entryOf(after, 0);
    // The user may use it no more.
    const before = after.view.getBigUint64(entry + 16);
    after.view.setBigUint64(entry + 16, before & ~8n);
    const { items, end } = await all(
      diffMappings(
        { memory: dump.memory, roots: { software: sourcesOf(sparc64, dump.state) } },
        { memory: after.memory, roots: { software: sourcesOf(sparc64, after.state) } },
        sparc64,
      ),
    );
    expect(items.map(({ kind, what, first, last }) => [kind, what, last - first])).to.deep.equal([["changed", ["rights"], 0x3fffn]]);
    expect([end.changes, end.before.listed, end.after.listed]).to.deep.equal([1, 24, 24]);
  });

  it("is of TLBs where these are named: fetches with fetches, data with data", async () => {
    const side = (tlb: readonly TlbRow[]) => ({
      memory: dump.memory,
      roots: { software: sourcesOf(sparc64, { registers: { PRIMARY_CONTEXT: 2n }, tlb }) },
    });
    const one = [row({}), row({ unit: "instruction", kernel: EXECUTE, user: EXECUTE })];
    const { items } = await all(diffMappings(side(one), side([...one, row({ index: 1, virtual: 0x50_0000n })]), sparc64));
    expect(items.map(({ kind, first }) => [kind, first])).to.deep.equal([["appeared", 0x50_0000n]]);
  });

  it("refuses to compare a TLB with a hash table, and spaces that nobody tells", async () => {
    const code = async (one: SourcesAsked, state = dump.state): Promise<string> => {
      try {
        await all(
          diffMappings(
            { memory: dump.memory, roots: { software: sourcesOf(sparc64, state, one) } },
            { memory: dump.memory, roots: { software: sourcesOf(sparc64, state) } },
            sparc64,
          ),
        );
      } catch (error) {
        if (error instanceof PortolanError) return error.code;
        throw error;
      }
      return "";
    };
    expect(await code({ from: "tlb" })).to.equal("ERR_BAD_ARGUMENT");
    const { spaces: _spaces, ...alone } = dump.state;
    expect(await code({}, alone)).to.equal("ERR_BAD_ARGUMENT");
  });
});

describe("directories of a page hash table", () => {
  it("are found without any hint, and nothing else is", async () => {
    const { candidates } = await findRoots(dump.memory, sparc64);
    expect(candidates.map(({ root, register }) => [root, register])).to.deep.equal([[Number(dump.state.registers["hash"]), "hash"]]);
    expect(candidates[0].reasons[1]).to.equal("24 of 24 entries are in the chain that their page hashes to, 24 of their pages in memory");
    expect((await findRoots(memoryOf(new Uint8Array(0x10_0000)), sparc64)).candidates).to.deep.equal([]);
    const twice = sparcDump();
    const directory = Number(twice.state.registers["hash"]);
    twice.view.setBigUint64(directory + 8, twice.view.getBigUint64(directory));
    expect((await findRoots(twice.memory, sparc64)).candidates, "a frame of heads is there once").to.deep.equal([]);
  });
});
