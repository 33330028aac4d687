/** What must hold of every question about TLBs, storage buffers and page hash tables, whatever stands in them. */
import { mips32 } from "@portolan/arch-mips32";
import { mips32be } from "@portolan/arch-mips32/big";
import { sparc64 } from "@portolan/arch-sparc64";
import {
  EXECUTE,
  KERNEL,
  NO_FAULT,
  PortolanError,
  Random,
  READ,
  USER,
  WRITE,
  type Architecture,
  type TranslationState,
} from "@portolan/core";
import { expect } from "chai";
import {
  checkTables,
  diffMappings,
  explainAccess,
  findRoots,
  FINDINGS,
  isAsSevere,
  listMappings,
  readVirtual,
  SOURCES,
  sourcesOf,
  walkAddress,
  type Mapping,
  type Roots,
  type SourcesAsked,
} from "#src/index.js";
import { CountingMemory, lineOf as linesOfTables, tablesOf, type HostileTables } from "./tables.js";

/** Memory, and what the processor holds beside it. */
export interface HostileState extends HostileTables {
  readonly state: TranslationState;
  readonly asked: SourcesAsked;
}

/** Machines whose software fills the TLB. */
export const SOFTWARE_MACHINES: ReadonlyMap<string, Architecture> = new Map(
  [mips32, mips32be, sparc64].map((architecture) => [`${architecture.name}-state`, architecture]),
);

/** One line of JSON; numbers that may be large are texts. */
export const stateLineOf = ({ state, asked, ...tables }: HostileState): string => {
  const text = JSON.stringify({ state, asked }, (_, value: unknown) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value));
  return `${linesOfTables(tables).slice(0, -1)},${text.slice(1)}`;
};

/** What {@link stateLineOf} has written. */
export const stateOfLine = (line: string): HostileState => {
  const revived = (_: string, value: unknown): unknown =>
    typeof value === "string" && /^0x[0-9a-f]+$/.test(value) ? BigInt(value) : value;
  const { state, asked } = JSON.parse(line, revived) as Pick<HostileState, "state" | "asked">;
  return { ...tablesOf(line), state, asked };
};

const BUDGET = { tables: 300, leaves: 1500 };
const ACCESSES = [READ, WRITE, EXECUTE] as const;
const TYPED = ["ERR_BAD_ARGUMENT", "ERR_NO_SOURCE", "ERR_BAD_ADDRESS", "ERR_NO_TREE"];

/** What comes out of a piece of work, or undefined where it is refused with a code; anything else is thrown. */
const typed = async <T>(memory: CountingMemory, work: () => Promise<T>): Promise<T | undefined> => {
  const most = 50_000;
  memory.mostReads = memory.reads + most;
  try {
    return await work();
  } catch (error) {
    if (error instanceof PortolanError && TYPED.includes(error.code)) return undefined;
    throw error;
  } finally {
    memory.mostReads = Infinity;
  }
};

const gathered = async <T>(stream: AsyncGenerator<T, unknown, void>): Promise<T[]> => {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
};

/**
 * Asks everything. A refusal of the whole input is an answer.
 *
 * @throws AssertionError, or whatever came out where nothing should have
 */
export const judgeState = async (input: HostileState): Promise<{ readonly leaves: number } | "refused"> => {
  const architecture = SOFTWARE_MACHINES.get(input.machine);
  if (architecture === undefined) throw new Error(`no machine ${input.machine}`);
  const memory = new CountingMemory(input);
  const { switches, state, asked } = input;
  const rootsFor = (more: SourcesAsked): Promise<Roots | undefined> =>
    typed(memory, async () => Promise.resolve({ software: sourcesOf(architecture, state, { ...asked, ...more }) }));
  const roots = await rootsFor({});
  if (roots === undefined) return "refused";
  const options = { switches, budget: BUDGET };
  const random = new Random(input.words.size + state.tlb.length);

  let leaves: Mapping[] = [];
  const places: { readonly from: (typeof SOURCES)[number] | null; readonly roots: Roots; readonly leaves: readonly Mapping[] }[] = [];
  for (const from of [null, ...SOURCES]) {
    const own = from === null ? roots : await rootsFor({ from });
    if (own === undefined) continue;
    const listed = await typed(memory, () => gathered(listMappings(memory, architecture, own, { ...options, merge: "leaves" })));
    const ranges = await typed(memory, () => gathered(listMappings(memory, architecture, own, options)));
    if (listed === undefined) continue;
    // A list of a part is that part of the list, in whatever order.
    if (listed.length > 0 && listed.length < BUDGET.leaves && from !== "tree") {
      const { first, last } = listed[random.below(listed.length)];
      const part = await typed(memory, () =>
        gathered(listMappings(memory, architecture, own, { ...options, merge: "leaves", range: { first, last }, filter: { user: true } })),
      );
      const expected = listed.filter((leaf) => leaf.first <= last && leaf.last >= first && leaf.rights >>> 3 !== 0);
      expect(part?.map((leaf) => [leaf.first, leaf.physical, leaf.rights])).to.deep.equal(
        expected.map((leaf) => [leaf.first, leaf.physical, leaf.rights]),
      );
    }
    for (const { first, last, bytes } of listed) expect(last - first, first.toString(16)).to.equal(BigInt(bytes - 1));
    for (const { first, last } of ranges ?? []) expect(first <= last).to.equal(true);
    places.push({ from, roots: own, leaves: listed });
    leaves = [...leaves, ...listed];
  }

  const addresses = [0n, 0x8000_0000n, architecture.layout.kernel.first, architecture.layout.user.last];
  for (let tries = 0; tries < 16 && leaves.length > 0; tries += 1) {
    const { first, last } = leaves[random.below(leaves.length)];
    addresses.push(first, last, last + 1n, first + BigInt(random.below(4096)));
  }
  for (const address of addresses) {
    const { from, roots: own, leaves: known } = places.length === 0 ? { from: null, roots, leaves } : places[random.below(places.length)];
    const question = { ...options, access: ACCESSES[random.below(3)], privilege: random.below(2) === 0 ? KERNEL : USER } as const;
    const walk = await typed(memory, () => walkAddress(memory, architecture, own, address, question));
    const explained = await typed(memory, () => explainAccess(memory, architecture, own, address, question));
    expect(explained === undefined).to.equal(walk === undefined);
    if (walk === undefined || explained === undefined) continue;
    expect([explained.walk.reason, explained.walk.physical, explained.walk.rule]).to.deep.equal([walk.reason, walk.physical, walk.rule]);
    expect(explained.faults).to.equal(walk.reason !== NO_FAULT);
    expect(walk.physical !== null).to.equal(walk.reason === NO_FAULT);
    expect(explained.says.length).to.be.below(20_000);
    // What one place lets through is in its list, unless that is of one space (the kernel has another) or cut by the budget.
    const isAll = asked.asid === undefined && asked.space === undefined;
    // Lists tell where a page begins as a number, walks to the byte.
    if (
      from !== null &&
      isAll &&
      walk.physical !== null &&
      walk.physical < 1n << 53n &&
      walk.steps.length > 0 &&
      known.length < BUDGET.leaves
    ) {
      const { physical } = walk;
      const isListed = known.some(
        (leaf) => leaf.first <= address && address <= leaf.last && BigInt(leaf.physical ?? -1) + address - leaf.first === physical,
      );
      expect(isListed, `0x${address.toString(16)} at 0x${physical.toString(16)}, from ${from}: ${walk.rule}`).to.equal(true);
    }
    const read = await typed(memory, () => readVirtual(memory, architecture, own, address, 3000, question));
    if (read === undefined || walk.reason !== NO_FAULT || walk.physical === null) continue;
    const target = new Uint8Array(1);
    const got = await memory.read(Number(walk.physical), target);
    expect(read.bytes.length > 0 && question.access === READ ? read.bytes[0] : target[0]).to.equal(target[0]);
    if (got === 0) expect(read.bytes.length).to.equal(0);
  }

  for (const { roots: own } of places) {
    const side = { memory, roots: own };
    expect((await typed(memory, () => gathered(diffMappings(side, side, architecture, options)))) ?? []).to.deep.equal([]);
    const report = await typed(memory, () => checkTables(memory, architecture, own, { ...options, limit: 10 }));
    const list = report?.findings ?? [];
    for (const [at, { code, severity, first, last, places: some }] of list.entries()) {
      expect(FINDINGS[code].severity).to.equal(severity);
      expect(first <= last && some >= 1, code).to.equal(true);
      if (at > 0) expect(isAsSevere(list[at - 1].severity, severity)).to.equal(true);
    }
  }
  await typed(memory, () => findRoots(memory.written(), architecture, { switches, most: 8 }));
  return { leaves: leaves.length };
};
