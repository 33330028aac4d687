/** One address on machines whose software fills the TLB: what matched, what nearly did, what was raised, who was asked then. */
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { buildMachine, EXECUTE, KERNEL, PAGE_USER, READ, USER, WRITE, type TlbRow } from "@portolan/core";
import { expect } from "chai";
import { explainAccess, memoryOf, readVirtual, sourcesOf, walkAddress, walkAsData, walkAsText, type SourcesAsked } from "#src/index.js";
import { PageHashReader } from "#src/software/page-hash.js";
import { AREAS, row, sparcDump, type Dump } from "./machines.js";

const memory = memoryOf(new Uint8Array(0x8_0000));
const [READ_ONLY, WRITTEN, CODE] = AREAS.map(BigInt);

/** What a TLB alone says. */
const byTlb = (rows: readonly TlbRow[], address: bigint, access: 1 | 2 | 4 = READ, privilege: 0 | 1 = USER) =>
  explainAccess(memory, sparc64, { software: sourcesOf(sparc64, { registers: { PRIMARY_CONTEXT: 2n }, tlb: rows }) }, address, {
    access,
    privilege,
  });

describe("a TLB that is looked into", () => {
  it("answers with the entry whose tag is the space's, and names the offset within it", async () => {
    const { walk, faults } = await byTlb([row({ index: 3, bytes: 0x1_0000, physical: 0x4_0000n })], 0x40_5678n);
    expect(faults).to.equal(false);
    expect(walk.physical).to.equal(0x4_5678n);
    expect(walk.exceptions).to.deep.equal([]);
    expect(walk.steps.map(({ source, index, isPassedOver }) => [source, index, isPassedOver])).to.deep.equal([["tlb", 3, false]]);
  });

  it("shows entries of other spaces, and what would have to be different", async () => {
    const { walk, refusals, says } = await byTlb([row({ index: 7, asid: 5 })], 0x40_0010n);
    expect(walk.reasonName).to.equal("absent");
    expect(walk.exceptions[0]?.trap).to.equal("fast_data_access_MMU_miss (0x68)");
    expect(walk.steps[0].says).to.contain("no match: it is of context 5, not 2");
    expect(refusals.map(({ index, culprits }) => [index, culprits])).to.deep.equal([
      [7, [{ kind: "field", name: "context", is: 5, wouldBe: 2 }]],
    ]);
    expect(says).to.contain("none of 1 entries of the data TLB matches in context 2");
  });

  it("lets a global entry match in every space, and the kernel's own space match none of the user's", async () => {
    expect((await byTlb([row({ asid: 5, global: true })], 0x40_0000n)).faults).to.equal(false);
    expect((await byTlb([row({})], 0x40_0000n, READ, KERNEL)).walk.reasonName).to.equal("absent");
    expect((await byTlb([row({ asid: 0, user: 0 })], 0x40_0000n, READ, KERNEL)).faults).to.equal(false);
  });

  it("does not take an entry whose V is clear, and says that it nearly matched", async () => {
    const { walk, refusals } = await byTlb([row({ valid: false, kernel: 0, user: 0 })], 0x40_0000n);
    expect(walk.reasonName).to.equal("absent");
    expect(refusals[0].culprits).to.deep.equal([{ kind: "field", name: "V", is: 0, wouldBe: 1 }]);
  });

  it("tells P, W and NFO apart by what is raised", async () => {
    const raised = async (given: Partial<TlbRow>, access: 1 | 2 | 4): Promise<readonly unknown[]> => {
      const { walk, refusals } = await byTlb([row(given)], 0x40_0000n, access);
      return [walk.reasonName, walk.exceptions[0]?.trap, refusals[0].culprits[0]?.name];
    };
    expect(await raised({ user: 0 }, READ)).to.deep.equal(["privileged", "data_access_exception (0x30)", "P"]);
    expect(await raised({ kernel: READ, user: READ }, WRITE)).to.deep.equal(["protection", "fast_data_access_protection (0x6c)", "W"]);
    expect(await raised({ kernel: 0, user: 0 }, READ)).to.deep.equal(["reserved", "data_access_exception (0x30)", "NFO"]);
    expect(await raised({ unit: "instruction", kernel: EXECUTE, user: 0 }, EXECUTE)).to.deep.equal([
      "privileged",
      "instruction_access_exception (0x08)",
      "P",
    ]);
  });

  it("says that two entries match, and answers with the lower", async () => {
    const { walk } = await byTlb([row({ index: 9, physical: 0x2_0000n }), row({ index: 4 })], 0x40_0000n);
    expect(walk.physical).to.equal(0x1_0000n);
    expect(walk.steps[0].says).to.contain("entry 9 matches too");
  });

  it("keeps fetches to the buffer for fetches", async () => {
    const { walk } = await byTlb([row({})], 0x40_0000n, EXECUTE);
    expect(walk.exceptions[0]?.trap).to.equal("fast_instruction_access_MMU_miss (0x64)");
    expect(walk.steps).to.deep.equal([]);
  });
});

describe("the paired TLB of mips32", () => {
  const words = { EntryHi: 0x0040_0002n, PageMask: 0x6000n, EntryLo0: 0x42an, EntryLo1: 0x0n };
  const halves: readonly TlbRow[] = [
    row({ index: 5, bytes: 0x4000, kernel: 5, user: 5, words }),
    row({ index: 5, virtual: 0x40_4000n, bytes: 0x4000, physical: 0n, kernel: 0, user: 0, valid: false, words }),
  ];
  const asked = (address: bigint, access: 1 | 2 | 4, privilege: 0 | 1 = USER, rows = halves, asid = 2) =>
    explainAccess(memory, mips32, { software: sourcesOf(mips32, { registers: { EntryHi: BigInt(asid) }, tlb: rows }) }, address, {
      access,
      privilege,
    });

  it("tells Refill, Invalid and Modified apart, with the bit that would let the access through", async () => {
    const told = async (...question: Parameters<typeof asked>): Promise<readonly unknown[]> => {
      const { walk, refusals } = await asked(...question);
      return [
        walk.reasonName,
        walk.exceptions[0]?.trap,
        refusals.flatMap(({ culprits }) => culprits.map(({ name, is }) => `${name} ${is}`)),
      ];
    };
    expect(await told(0x40_0000n, READ)).to.deep.equal(["none", undefined, []]);
    expect(await told(0x40_0000n, WRITE)).to.deep.equal(["protection", "TLB Modified, Mod (1)", ["D 0"]]);
    expect(await told(0x40_4000n, READ)).to.deep.equal(["absent", "TLB Invalid, TLBL (2)", ["V 0"]]);
    expect(await told(0x40_4000n, WRITE), "neither V nor D alone would do").to.deep.equal(["absent", "TLB Invalid, TLBS (3)", []]);
    expect(await told(0x50_0000n, WRITE)).to.deep.equal(["absent", "TLB Refill, TLBS (3)", []]);
    expect(await told(0x40_0000n, READ, USER, halves, 9)).to.deep.equal(["absent", "TLB Refill, TLBL (2)", ["ASID 2"]]);
  });

  it("shows the registers that wrote the entry, of EntryLo the half's that the address lies in", async () => {
    const fieldsAt = async (address: bigint): Promise<string> => {
      const { walk } = await asked(address, READ);
      return walk.steps[0].fields.map(({ name, value }) => `${name}=${value}`).join(" ");
    };
    expect(await fieldsAt(0x40_0000n))
      .to.contain("EntryHi.VPN2=512 EntryHi.zero=0 EntryHi.ASID=2")
      .and.contain("PFN=16 C=5 D=0 V=1 G=0");
    expect(await fieldsAt(0x40_4000n)).to.contain("PFN=0 C=0 D=0 V=0 G=0");
  });

  it("asks nobody for kseg0 and kseg1, and refuses them to the user", async () => {
    const { walk } = await asked(0x8000_1234n, READ, KERNEL);
    expect([walk.physical, walk.steps.length, walk.rule]).to.deep.equal([
      0x1234n,
      0,
      "kseg0 names physical memory directly: no table is asked",
    ]);
    expect((await asked(0xa000_1234n, READ, KERNEL)).walk.physical).to.equal(0x1234n);
    expect((await asked(0x8000_1234n, READ)).walk.reasonName).to.equal("bad-address");
    const kseg2 = [row({ virtual: 0xc000_0000n, bytes: 0x8000, global: true })];
    const mapped = await asked(0xc000_0000n, READ, KERNEL, kseg2);
    expect([mapped.walk.kernelRights, mapped.walk.userRights], "addresses decide for the user").to.deep.equal([3, 0]);
  });
});

/** Physical address of the second space's buffer for data. */
const slotsOf = ({ spaces }: Dump): number => (spaces[1].context.cache as unknown as { data: { base: number } }).data.base;

describe("the storage buffers and the page hash table of sparc64", () => {
  const dump = sparcDump();
  const other = dump.spaces[0].context.asid;
  const asked = (address: bigint, access: 1 | 2 | 4, more: SourcesAsked = {}, privilege: 0 | 1 = USER) =>
    explainAccess(dump.memory, sparc64, { software: sourcesOf(sparc64, dump.state, more) }, address, { access, privilege });

  it("are asked in this order: the slot, then the chain's head, then its entries", async () => {
    const { walk } = await asked(WRITTEN, READ);
    expect(walk.steps.map(({ source }) => source)).to.deep.equal(["tsb"]);
    expect(walk.exceptions[0]?.trap).to.equal("fast_data_access_MMU_miss (0x68)");
    const untouched = await asked(WRITTEN + 0x1_8000n, READ);
    expect(untouched.walk.steps.map(({ source }) => source)).to.deep.equal(["tsb", "hash"]);
    expect(untouched.walk.reasonName).to.equal("absent");
  });

  it("show the slot's register, index, address and named fields, and which field of the tag differs", async () => {
    const { walk } = await asked(WRITTEN + 0x100_0000n, READ);
    const [step] = walk.steps;
    expect(step.index).to.equal(Number(((WRITTEN + 0x100_0000n) >> 13n) % 2048n));
    expect(step.entryAddress).to.equal(BigInt(slotsOf(dump) + step.index * 16));
    expect(step.says).to.match(
      /^TSB_D 0x[0-9a-f]+ leads to 0x[0-9a-f]+ as the refill code gives it to the kernel; another tag: VA\[63:22\] is 0x2, not 0x6$/,
    );
    expect(step.fields.map(({ name }) => name)).to.include.members(["tag.context", "tag.VA[63:22]", "V", "PA", "W", "P"]);
  });

  it("raise twice where a slot answers and what it has refuses: for the miss, and for the store", async () => {
    const { walk, refusals, says } = await asked(READ_ONLY, WRITE);
    expect(walk.steps.map(({ source }) => source)).to.deep.equal(["tsb", "hash", "hash"]);
    expect(walk.exceptions.map(({ trap, after }) => [trap, after])).to.deep.equal([
      ["fast_data_access_MMU_miss (0x68)", 0],
      ["fast_data_access_protection (0x6c)", 1],
    ]);
    expect(refusals.map(({ table, culprits }) => [table, culprits[0].name])).to.deep.equal([
      ["data TSB of 2048 slots", "W"],
      ["page hash table", "w"],
    ]);
    expect(says).to.match(
      /MMU_miss \(0x68\) is raised \(.*\), then fast_data_access_protection \(0x6c\) is raised \(slot .*\), then entry 0/,
    );
  });

  it("lie where an entry of the TLB says, before it is asked what the kernel is given", async () => {
    const entry = row({ asid: 0, virtual: 0x70_0000n, bytes: 0x1_0000, physical: BigInt(slotsOf(dump)) & ~0xffffn, user: 0 });
    const software = sourcesOf(sparc64, { ...dump.state, tlb: [entry] }, { buffers: { TSB_D: 0x70_8002n }, from: "tsb" });
    const walk = await walkAddress(dump.memory, sparc64, { software }, WRITTEN, { access: READ });
    expect(walk.reasonName).to.equal("none");
    expect(walk.steps[0].entryAddress).to.equal(BigInt(slotsOf(dump)) + ((WRITTEN >> 13n) % 2048n) * 16n);
    const nowhere = sourcesOf(sparc64, dump.state, { buffers: { TSB_D: 0x70_8002n }, from: "tsb" });
    expect((await walkAddress(dump.memory, sparc64, { software: nowhere }, WRITTEN, { access: READ })).reasonName).to.equal("bus");
  });

  it("are told apart by the space that is asked for", async () => {
    const [own, theirs] = [await asked(WRITTEN, READ), await asked(WRITTEN, READ, { asid: other })];
    expect(own.walk.physical).to.not.equal(theirs.walk.physical);
    expect(theirs.walk.physical).to.equal(dump.machine.walk(dump.spaces[0], WRITTEN).physical);
  });

  it("give the kernel its own space, which shows memory without a table", async () => {
    const { walk } = await asked(0x8_0000n, READ, {}, KERNEL);
    expect(walk.steps).to.deep.equal([]);
    expect(walk.rule).to.contain("gives the kernel this page without asking a table");
    expect((await asked(0x1000n, READ, {}, KERNEL)).walk.reasonName, "page 0 is nobody's").to.equal("absent");
    const kernels = await asked(0x10_0000n, READ, {}, KERNEL);
    expect(kernels.walk.exceptions[0].says).to.contain("in context 0, the kernel's own");
    const fetch = await asked(0x8_0000n, EXECUTE, {}, KERNEL);
    expect(fetch.walk.reasonName, "fetches are looked up").to.equal("absent");
  });

  it("name the flag of the hash table's entry that refuses", async () => {
    const { walk, refusals } = await asked(READ_ONLY, WRITE, { from: "hash" });
    expect(walk.reasonName).to.equal("protection");
    expect(refusals.flatMap(({ culprits }) => culprits)).to.deep.equal([{ kind: "field", name: "w", is: 0, wouldBe: 1 }]);
    const fetch = await asked(READ_ONLY, EXECUTE, { from: "hash" });
    expect(fetch.refusals[0].culprits[0].name).to.equal("x");
  });

  it("are found in whichever chain linear hashing has put a page, told or not how many there are", async () => {
    const machine = buildMachine(sparc64, { memoryBytes: 256 * 0x4000 });
    const space = machine.spaces.create();
    for (let page = 0; page < 3000; page += 1) machine.parts.tables.insert(space.context, 0x1000 + page, page, READ | PAGE_USER);
    const { registers } = machine.parts.tables;
    expect(registers?.["chains"], "in the middle of a round").to.equal(3000n);
    const { hash: table } = machine.parts.tables as unknown as { hash: { chainOf: (space: number, page: number) => number } };
    const bytes = new Uint8Array(256 * 0x4000);
    machine.parts.memory.readBytes(0, bytes);
    const { hash = 0n } = registers ?? {};
    const reader = await PageHashReader.open(memoryOf(bytes), sparc64, Number(hash), 3000);
    for (let page = 0; page < 9000; page += 1)
      expect(reader.chainsOf(space.id, BigInt(page) << 14n)).to.deep.equal([table.chainOf(space.id, page)]);
    for (const told of [{ hash, chains: 3000n }, { hash }, { hash, chains: 1n << 40n }]) {
      const software = sourcesOf(sparc64, { registers: told, tlb: [] }, { asid: 2, space: space.id, from: "hash" });
      for (let page = 0; page < 3000; page += 37) {
        const address = BigInt(0x1000 + page) << 14n;
        const walk = await walkAddress(memoryOf(bytes), sparc64, { software }, address, { access: READ });
        expect(walk.physical, `page ${page}`).to.equal(BigInt(page) << 14n);
        if (told.chains === 3000n) expect(walk.steps.filter(({ bytes: size }) => size === 8).length, "one chain alone").to.equal(1);
      }
    }
  });

  it("have entries of other spaces in the same chains, which are not this one's", async () => {
    const spoilt = sparcDump();
    const of = { software: sourcesOf(sparc64, spoilt.state, { from: "hash" }) };
    const found = await walkAddress(spoilt.memory, sparc64, of, WRITTEN, { access: READ });
    spoilt.view.setBigUint64(Number(found.steps.at(-1)?.entryAddress) + 8, 77n);
    const lost = await walkAddress(spoilt.memory, sparc64, of, WRITTEN, { access: READ });
    expect([found.reasonName, lost.reasonName]).to.deep.equal(["none", "absent"]);
    expect(lost.steps.at(-1)?.says).to.equal("another page, or another address space");
  });

  it("need nobody to tell how many chains there are", async () => {
    const { chains: _chains, ...registers } = dump.state.registers;
    for (const address of [READ_ONLY, WRITTEN, CODE]) {
      const software = sourcesOf(sparc64, { ...dump.state, registers }, { from: "hash" });
      const walk = await walkAddress(dump.memory, sparc64, { software }, address, { access: READ });
      expect(walk.physical).to.equal(dump.machine.walk(dump.spaces[1], address).physical);
    }
  });

  it("are read through, page by page", async () => {
    const software = sourcesOf(sparc64, dump.state, { asid: other });
    const read = await readVirtual(dump.memory, sparc64, { software }, WRITTEN + 0x3ffcn, 8, { privilege: USER });
    expect([...read.bytes]).to.deep.equal([0, 0, 0, 0, 1, 0, 0, 0]);
    const beyond = await readVirtual(dump.memory, sparc64, { software }, WRITTEN + 0xfff8n, 16, { privilege: USER });
    expect(beyond.bytes.length).to.equal(8);
    expect(beyond.stop?.walk.reasonName).to.equal("absent");
  });

  it("are printed with what was raised between the steps, and as data without bigints", async () => {
    const { walk } = await asked(WRITTEN + 0x1_8000n, READ);
    const text = walkAsText(walk);
    expect(text.indexOf("raised   fast_data_access_MMU_miss")).to.be.lessThan(text.indexOf("TSB      data TSB of 2048 slots entry"));
    expect(text).to.contain("hash     page hash table, heads entry");
    expect(() => JSON.stringify(walkAsData(walk))).to.not.throw();
  });
});
