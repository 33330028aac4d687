/**
 * What must hold of every question about whatever tables: no error but those with codes, steps in proportion to what was asked,
 * and answers that agree with each other. Several of them are one question put in two ways.
 */
import {
  ABSENT,
  BAD_ADDRESS,
  EXECUTE,
  KERNEL,
  NO_FAULT,
  PortolanError,
  PROTECTION,
  Random,
  READ,
  RESERVED,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type Privilege,
  type Switches,
} from "@portolan/core";
import { expect } from "chai";
import {
  checkTables,
  CONVENTIONS,
  diffMappings,
  eachMapping,
  explainAccess,
  findRoots,
  FINDINGS,
  listMappings,
  readVirtual,
  renderAs,
  SEVERITIES,
  treeOf,
  walkAddress,
  type FindingCode,
  type ImageStep,
  type ImageWalk,
  type Mapping,
  type Refusal,
  type WalkOptions,
} from "#src/index.js";
import { MACHINES } from "./machines.js";
import { CountingMemory, type HostileTables } from "./tables.js";

const BUDGET = { tables: 200, leaves: 1200 };
const LIMIT = 20;
/** As Linux has them. */
const REGISTERS = { IA32_PAT: 0x0407_0506_0007_0106n, MAIR_EL1: 0x4_0044_ffffn, PRRR: 0xff0a_81a8n, NMRR: 0x40e0_40e0n };
const ACCESSES = [READ, WRITE, EXECUTE] as const;
const STYLES = ["ptdump", "info-tlb", "info-mem"] as const;

/** What a judged input came to; for statistics alone. */
export interface Judged {
  readonly leaves: number;
  readonly isComplete: boolean;
}

interface Case {
  readonly tables: HostileTables;
  readonly architecture: Architecture;
  readonly memory: CountingMemory;
  readonly options: object;
  readonly random: Random;
  readonly leaves: readonly Mapping[];
  readonly isComplete: boolean;
  readonly cycles: number;
}

/**
 * Asks everything. A refusal of the whole input (roots that cannot be) is an answer; anything else but agreement throws.
 *
 * @throws AssertionError, or whatever came out where nothing should have
 */
export const judge = async (tables: HostileTables): Promise<Judged | "refused"> => {
  const architecture = MACHINES.get(tables.machine);
  if (architecture === undefined) throw new Error(`no machine ${tables.machine}`);
  const memory = new CountingMemory(tables);
  const { switches, ignoreReserved, os } = tables;
  const passMarks = tables.words.size % 2 === 0;
  const isTold = tables.words.size % 3 === 0;
  const options = {
    switches,
    ignoreReserved,
    passMarks,
    ...(os === null ? {} : { os }),
    ...(isTold ? { registers: REGISTERS } : {}),
    budget: BUDGET,
  };
  const seen = await listed(architecture, memory, tables, options);
  if (seen === "refused") {
    expect(await codeOf(() => walkAddress(memory, architecture, tables.roots, 0n, options))).to.equal("ERR_BAD_ARGUMENT");
    // A check asks for no system.
    const isSystem = os !== null && !Object.hasOwn(CONVENTIONS, os);
    const code = await codeOf(() => checkTables(memory, architecture, tables.roots, options));
    expect(code).to.equal(isSystem ? "none" : "ERR_BAD_ARGUMENT");
    return "refused";
  }
  const one: Case = { tables, architecture, memory, options, random: new Random(seedOf(tables)), ...seen };
  await joined(one);
  await ranged(one);
  await walked(one);
  await readBack(one);
  await compared(one);
  await checked(one);
  await rendered(one);
  await searched(one);
  return { leaves: seen.leaves.length, isComplete: seen.isComplete };
};

/** `expect` is too slow for every page of a list. */
const must = (isTrue: boolean, says: () => string): void => {
  if (!isTrue) expect.fail(says());
};

const hex = (value: bigint | number | null): string => (value === null ? "nothing" : `0x${value.toString(16)}`);

const seedOf = ({ words }: HostileTables): number => {
  let seed = words.size;
  for (const [at, word] of words) seed = (Math.imul(seed, 31) + at + Number(word & 0x7fff_ffffn)) >>> 0;
  return seed;
};

const codeOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return "none";
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
};

/** Counts the reads of a piece of work. */
const within = async <T>(memory: CountingMemory, most: number, work: () => Promise<T>): Promise<T> => {
  const before = memory.reads;
  memory.mostReads = before + most;
  try {
    return await work();
  } finally {
    memory.mostReads = Infinity;
  }
};

const gathered = async <T, R>(stream: AsyncGenerator<T, R, void>): Promise<readonly [readonly T[], R]> => {
  const items: T[] = [];
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return [items, step.value];
    items.push(step.value);
  }
};

/** Leaf by leaf (a system may keep entries beside each table): ascending, disjoint, within the budget; a stream that is left early asks for nothing more. */
const listed = async (
  architecture: Architecture,
  memory: CountingMemory,
  { roots }: HostileTables,
  options: Case["options"],
): Promise<Pick<Case, "leaves" | "isComplete" | "cycles"> | "refused"> => {
  let all: Awaited<ReturnType<typeof gathered<Mapping, Awaited<ReturnType<typeof eachMapping>>>>>;
  try {
    all = await within(memory, 2 * BUDGET.tables, () =>
      gathered(listMappings(memory, architecture, roots, { ...options, merge: "leaves" })),
    );
  } catch (error) {
    if (error instanceof PortolanError && error.code === "ERR_BAD_ARGUMENT") return "refused";
    throw error;
  }
  const [leaves, totals] = all;
  expect(totals.tables).to.be.at.most(BUDGET.tables);
  expect(totals.listed).to.be.at.most(BUDGET.leaves);
  expect(totals.listed + totals.software).to.equal(leaves.length);
  expect(totals.repeated).to.be.below(Math.max(1, totals.tables));
  let end = -1n;
  let bytes = 0;
  for (const leaf of leaves) {
    must(leaf.first > end, () => `${hex(leaf.first)} comes behind ${hex(end)}`);
    must(leaf.last - leaf.first === BigInt(leaf.bytes - 1) && leaf.leaves === 1, () => `${hex(leaf.first)} has ${leaf.bytes} bytes`);
    if (leaf.software === null) bytes += leaf.bytes;
    end = leaf.last;
  }
  expect(totals.bytes).to.equal(bytes);

  const left = listMappings(memory, architecture, roots, { ...options, merge: "leaves" });
  await left.next();
  await left.return(totals);
  const after = memory.reads;
  await new Promise((resolve) => setImmediate(resolve));
  expect(memory.reads, "a list that was left asks for nothing more").to.equal(after);
  return { leaves, isComplete: totals.end === "complete", cycles: totals.cycles };
};

/** However neighbours are joined, the pages are the same. */
const joined = async ({ architecture, memory, tables, options, leaves, isComplete }: Case): Promise<void> => {
  for (const merge of ["ranges", "rights"] as const) {
    const [items, totals] = await gathered(listMappings(memory, architecture, tables.roots, { ...options, merge }));
    expect(totals.end === "complete").to.equal(isComplete);
    let at = 0;
    for (const item of items) {
      let next = item.first;
      const types = new Set<string | null>();
      for (let count = 0; count < item.leaves; count += 1, at += 1) {
        const leaf = leaves[at];
        must(leaf.first === next, () => `${hex(leaf.first)}, where ${hex(next)} is joined by ${merge}`);
        must(leaf.rights === item.rights && leaf.software?.kind === item.software?.kind, () => `${hex(leaf.first)} is joined by ${merge}`);
        const isApart = item.physical !== null && leaf.physical !== item.physical + Number(leaf.first - item.first);
        must(!isApart, () => `${hex(leaf.first)} is at ${hex(leaf.physical)}`);
        types.add(leaf.memoryType);
        next = leaf.last + 1n;
      }
      expect(next - 1n).to.equal(item.last);
      must(types.size === 1 || merge === "rights", () => `${hex(item.first)} is ${[...types].join(" and ")}`);
      expect(item.memoryType).to.equal(types.size === 1 ? [...types][0] : null);
      expect(item.hasSeveralTypes).to.equal([...types].filter((name) => name !== null).length > 1);
    }
    expect(at).to.equal(leaves.length);
  }
};

/** A list of a part is that part of the list. */
const ranged = async ({ architecture, memory, tables, options, leaves, random, isComplete }: Case): Promise<void> => {
  if (!isComplete || leaves.length === 0) return;
  const [one, other] = [random.below(leaves.length), random.below(leaves.length)];
  const range = { first: leaves[Math.min(one, other)].first, last: leaves[Math.max(one, other)].last };
  const [items] = await within(memory, 2 * BUDGET.tables, () =>
    gathered(listMappings(memory, architecture, tables.roots, { ...options, merge: "leaves", range })),
  );
  const expected = leaves.slice(Math.min(one, other), Math.max(one, other) + 1);
  expect(items.map(({ first, physical, rights }) => [first, physical, rights])).to.deep.equal(
    expected.map(({ first, physical, rights }) => [first, physical, rights]),
  );
};

/** Walks find what lists tell, and nothing beside; explanations are of the same walk, and what they blame is to blame. */
const walked = async (one: Case): Promise<void> => {
  const { architecture, memory, tables, options, leaves, random, isComplete } = one;
  const tree = treeOf(architecture, options);
  const depths = tree.levels.length;
  const addresses: bigint[] = [0n, architecture.layout.user.last, architecture.layout.kernel.first, architecture.layout.kernel.last];
  for (let tries = 0; tries < 9 && leaves.length > 0; tries += 1) {
    const { first, last } = leaves[random.below(leaves.length)];
    addresses.push(first, last, first + ((last - first) >> 1n), last + 1n, first - 1n);
  }
  for (let tries = 0; tries < 6; tries += 1)
    addresses.push(tree.addressOf(random.below(Math.min(tree.limit, 2 ** 32))), BigInt(random.below(2 ** 32)));
  for (const address of addresses) {
    if (address < 0n) continue;
    const leaf = covering(leaves, address);
    const walk = await within(memory, depths + 1, () =>
      walkAddress(memory, architecture, tables.roots, address, { ...options, privilege: KERNEL }),
    );
    expect(walk.steps.length).to.be.at.most(depths);
    // A window is no table's matter.
    const isTables = walk.steps.length > 0 || walk.physical === null;
    const where = `at 0x${address.toString(16)}: ${walk.rule}`;
    if (leaf !== undefined && isTables && leaf.software === null) {
      const isPart = walk.steps.at(-1)?.format?.partRights !== undefined;
      expect(walk.steps.at(-1)?.says, where).to.match(/^maps physical address /);
      // Of a page in several entries each has its own word.
      if (leaf.bytes === tree.levels[leaf.depth].pagesPerEntry * 2 ** tree.pageShift)
        expect(walk.steps.at(-1)?.memoryType, where).to.equal(leaf.memoryType);
      if (walk.physical !== null) expect(walk.physical, where).to.equal(BigInt(leaf.physical ?? -1) + address - leaf.first);
      const rights = walk.kernelRights | (walk.userRights << 3);
      if (isPart) expect(rights & leaf.rights, where).to.equal(leaf.rights);
      else expect(rights, where).to.equal(leaf.rights);
    } else if (leaf !== undefined && isTables) {
      expect(walk.software, where).to.deep.equal(leaf.software);
    } else if (isTables && isComplete) {
      expect(walk.physical, where).to.equal(null);
      expect([PROTECTION], where).to.not.include(walk.reason);
      if (walk.reason === ABSENT) expect(walk.software, where).to.equal(null);
    }
    if (random.below(3) === 0) await explained(one, address, ACCESSES[random.below(3)], random.below(2) === 0 ? KERNEL : USER);
  }
};

const covering = (leaves: readonly Mapping[], address: bigint): Mapping | undefined => {
  let low = 0;
  let high = leaves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leaves[middle].first <= address) low = middle + 1;
    else high = middle;
  }
  const leaf = low === 0 ? undefined : leaves[low - 1];
  return leaf !== undefined && address <= leaf.last ? leaf : undefined;
};

const explained = async (one: Case, address: bigint, access: Access, privilege: Privilege): Promise<void> => {
  const { architecture, memory, tables, options, random } = one;
  const asked = { ...options, access, privilege };
  const plain = await walkAddress(memory, architecture, tables.roots, address, asked);
  const { walk, faults, refusals, says } = await explainAccess(memory, architecture, tables.roots, address, asked);
  expect(comparable(walk)).to.deep.equal(comparable(plain));
  expect(faults).to.equal(plain.reason !== NO_FAULT);
  expect(says).to.include(plain.rule);
  if (!faults) {
    expect(refusals).to.deep.equal([]);
    expect(plain.physical).to.not.equal(null);
  }
  if (plain.reason === BAD_ADDRESS) expect(plain.steps).to.deep.equal([]);
  if (refusals.some(({ isTogether }) => isTogether)) await mended(one, address, asked, plain, refusals);
  for (const { depth, culprits, isTogether } of refusals)
    for (const { kind, name, is, wouldBe } of isTogether ? [] : culprits) {
      expect(wouldBe).to.not.equal(is);
      // Another setting of the switches is another tree, which takes a while to make.
      if (kind === "switch" && random.below(8) > 0) continue;
      const step = plain.steps[depth];
      const switches = kind === "switch" ? { ...tables.switches, [name]: wouldBe === 1 } : tables.switches;
      const changed = kind === "field" ? patched(one, [[step, withField(step, step.raw, name, wouldBe)]]) : memory;
      const again = await walkAddress(changed, architecture, tables.roots, address, { ...asked, switches });
      const after = again.steps[depth];
      if (after === undefined || after.entryAddress !== step.entryAddress) continue;
      const where = `0x${address.toString(16)}: ${says}; ${kind} ${name} to ${wouldBe}: ${again.rule}`;
      if (plain.reason === PROTECTION) expect((after.rights >>> (privilege * 3)) & access, where).to.equal(access);
      if (plain.reason === ABSENT) expect(after.says, where).to.not.match(/^absent/);
      // Of several reserved fields that are set each is to blame.
      if (plain.reason === RESERVED && (culprits.length === 1 || step.says === "malformed"))
        expect(after.says, where).to.not.equal(step.says);
    }
};

const comparable = (walk: ImageWalk): unknown => [
  walk.reason,
  walk.rule,
  walk.manual,
  walk.physical,
  walk.kernelRights,
  walk.userRights,
  walk.steps.map(({ raw, says }) => [raw, says]),
];

/** With one change for everything that refuses, what all levels let through together among it, the access is let through. */
const mended = async (
  one: Case,
  address: bigint,
  asked: WalkOptions,
  { steps }: ImageWalk,
  refusals: readonly Refusal[],
): Promise<void> => {
  const { architecture, tables, random } = one;
  for (const last of refusals.at(-1)?.culprits ?? []) {
    const chosen = refusals.map(({ culprits }, at) =>
      at === refusals.length - 1 ? last : culprits[random.below(Math.max(1, culprits.length))],
    );
    let switches: Switches = { ...asked.switches };
    const words = new Map<number, bigint>();
    for (const [at, culprit] of chosen.entries()) {
      // It takes several changes there.
      if (culprit === undefined) return;
      const { depth } = refusals[at];
      const { kind, name, wouldBe } = culprit;
      if (kind === "switch") switches = { ...switches, [name]: wouldBe === 1 };
      else words.set(depth, withField(steps[depth], words.get(depth) ?? steps[depth].raw, name, wouldBe));
    }
    const memory = patched(
      one,
      [...words].map(([depth, raw]) => [steps[depth], raw]),
    );
    const again = await walkAddress(memory, architecture, tables.roots, address, { ...asked, switches });
    expect(again.reason, `0x${address.toString(16)}: ${again.rule}`).to.not.equal(PROTECTION);
  }
};

/** A word of an entry with another value in one of its fields. */
const withField = ({ format }: ImageStep, raw: bigint, name: string, value: number): bigint => {
  const field = format?.fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`${format?.name} has no field ${name}`);
  const bits = typeof field.bits === "number" ? [field.bits, field.bits] : field.bits;
  const mask = ((1n << BigInt(bits[0] - bits[1] + 1)) - 1n) << BigInt(bits[1]);
  return (raw & ~mask) | (BigInt(value) << BigInt(bits[1]));
};

/** The same memory with other entries. */
const patched = ({ tables, architecture }: Case, changes: readonly (readonly [step: ImageStep, raw: bigint])[]): CountingMemory => {
  const words = new Map(tables.words);
  const isLittle = architecture.byteOrder === "little";
  for (const [step, raw] of changes) {
    const at = Number(step.entryAddress ?? 0n);
    const whole = at - (at % 8);
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, words.get(whole) ?? 0n, true);
    if (step.bytes === 8) bytes.setBigUint64(0, raw, isLittle);
    else bytes.setUint32(at % 8, Number(raw), isLittle);
    words.set(whole, bytes.getBigUint64(0, true));
  }
  return new CountingMemory({ regions: tables.regions, words });
};

/** Bytes are those of the pages that walks name, up to the first that may not be read or is not there. */
const readBack = async ({ architecture, memory, tables, options, leaves, random }: Case): Promise<void> => {
  const depths = treeOf(architecture, options).levels.length;
  for (let tries = 0; tries < 3 && leaves.length > 0; tries += 1) {
    const { first, last } = leaves[random.below(leaves.length)];
    const address = random.below(2) === 0 ? first + BigInt(random.below(5000)) : last - BigInt(random.below(3000));
    if (address < 0n) continue;
    const length = 1 + random.below(9000);
    const privilege: Privilege = random.below(2) === 0 ? KERNEL : USER;
    const asked = { ...options, privilege };
    const { bytes, stop } = await within(memory, (depths + 2) * 14, () =>
      readVirtual(memory, architecture, tables.roots, address, length, asked),
    );
    const expected = new Uint8Array(length);
    let done = 0;
    for (const byte = new Uint8Array(1); done < length; done += 1) {
      // Rights and pages change at multiples of this.
      if (done === 0 || (address + BigInt(done)) % 256n === 0n) {
        const { physical } = await walkAddress(memory, architecture, tables.roots, address + BigInt(done), asked);
        if (physical === null) break;
        const piece = new Uint8Array(256 - Number((address + BigInt(done)) % 256n));
        const got = await memory.read(Number(physical), piece);
        expected.set(piece.subarray(0, Math.min(got, length - done)), done);
        if (got < piece.length && done + got < length) {
          done += got;
          break;
        }
        done += Math.min(got, length - done) - 1;
        continue;
      }
      expected[done] = byte[0];
    }
    expect(bytes.length, `0x${address.toString(16)}, ${length} bytes by ${privilege}`).to.equal(done);
    expect(Buffer.from(bytes).equals(Buffer.from(expected.subarray(0, done)))).to.equal(true);
    expect(stop === null).to.equal(done === length);
    if (stop !== null) expect(stop.address).to.equal(address + BigInt(done));
  }
};

/** Nothing differs from itself; what differs from another image is what two lists say, the other way round too. */
const compared = async ({ architecture, memory, tables, options, leaves, random, isComplete }: Case): Promise<void> => {
  const { roots } = tables;
  const same = await gathered(diffMappings({ memory, roots }, { memory, roots }, architecture, options));
  expect(same[0]).to.deep.equal([]);
  if (!isComplete || tables.words.size === 0) return;
  const words = new Map(tables.words);
  const places = [...words.keys()];
  for (let count = 1 + random.below(4); count > 0; count -= 1) {
    const at = places[random.below(places.length)];
    words.set(at, (words.get(at) ?? 0n) ^ (1n << BigInt(random.below(64))));
  }
  const later = new CountingMemory({ regions: tables.regions, words });
  const [others, totals] = await gathered(listMappings(later, architecture, roots, { ...options, merge: "leaves" }));
  if (totals.end !== "complete") return;
  const [there] = await gathered(diffMappings({ memory, roots }, { memory: later, roots }, architecture, options));
  const [back] = await gathered(diffMappings({ memory: later, roots }, { memory, roots }, architecture, options));
  const turned = { appeared: "vanished", vanished: "appeared", changed: "changed" } as const;
  expect(back.map(({ kind, first, last, what }) => [turned[kind], first, last, what])).to.deep.equal(
    there.map(({ kind, first, last, what }) => [kind, first, last, what]),
  );
  const size = (list: readonly Mapping[]): bigint => list.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n);
  let grown = 0n;
  let end = -1n;
  for (const { kind, first, last } of there) {
    expect(first > end).to.equal(true);
    expect(last >= first).to.equal(true);
    end = last;
    if (kind !== "changed") grown += (last - first + 1n) * (kind === "appeared" ? 1n : -1n);
  }
  expect(size(others) - size(leaves)).to.equal(grown);
};

/** Findings are well-formed, the worst first, no more than asked for; they know of every cycle that a list meets, and of every alias. */
const checked = async (one: Case): Promise<void> => {
  const { architecture, memory, tables, options, isComplete, cycles, random } = one;
  const { findings, counts, places, totals } = await within(memory, 2 * BUDGET.tables, () =>
    checkTables(memory, architecture, tables.roots, {
      ...options,
      limit: LIMIT,
      linear: random.below(2) === 0,
      registers: random.below(2) === 0 ? {} : REGISTERS,
    }),
  );
  const kept: Record<string, number> = {};
  let worst = 0;
  for (const { code, severity, first, last, says, places: some } of findings) {
    expect(FINDINGS[code].severity).to.equal(severity);
    must(first <= last && some >= 1, () => `${hex(first)}-${hex(last)}: ${says}`);
    must(SEVERITIES.indexOf(severity) >= worst, () => `${severity} comes late: ${says}`);
    worst = SEVERITIES.indexOf(severity);
    kept[code] = (kept[code] ?? 0) + 1;
  }
  for (const [code, count] of Object.entries(counts)) {
    expect(kept[code]).to.equal(Math.min(count, LIMIT));
    expect(places[code as FindingCode]).to.be.at.least(count);
  }
  if (!isComplete || totals.end !== "complete") return;
  expect((counts.cycle ?? 0) > 0).to.equal(cycles > 0);
  // Tables that were seen before are not looked at again.
  if (cycles > 0 || counts["table-shared"] !== undefined) return;
  const told = ["alias-rights", "alias-writable-executable", "linear-map"] as const;
  const isAliased = hasAlias(one.leaves.filter(({ rights, software }) => rights !== 0 && software === null));
  expect(told.some((code) => counts[code] !== undefined)).to.equal(isAliased);
};

/** Do two of these overlap in physical memory, and have different rights? */
const hasAlias = (leaves: readonly Mapping[]): boolean => {
  const sorted = leaves.toSorted((one, other) => (one.physical ?? 0) - (other.physical ?? 0));
  const ends = new Map<number, number>();
  for (const { physical, bytes, rights } of sorted) {
    const first = physical ?? 0;
    for (const [others, end] of ends) if (others !== rights && end > first) return true;
    ends.set(rights, Math.max(ends.get(rights) ?? 0, first + bytes));
  }
  return false;
};

/** Other tools' words, where the machine has them. */
const rendered = async ({ architecture, memory, tables, options, random }: Case): Promise<void> => {
  const style = STYLES[random.below(STYLES.length)];
  let lines = 0;
  const code = await codeOf(() =>
    within(memory, 2 * BUDGET.tables, () =>
      renderAs(style, memory, architecture, tables.roots, (text) => void (lines += text.split("\n").length - 1), options),
    ),
  );
  expect(["none", "ERR_BAD_ARGUMENT"]).to.include(code);
  expect(lines).to.be.at.most(2 * BUDGET.leaves + 1024 * BUDGET.tables);
};

/** Roots are found in what memory there is, with no more reads than places. */
const searched = async ({ architecture, memory, tables, options }: Case): Promise<void> => {
  const written = memory.written();
  const { switches, ignoreReserved } = tables;
  const most = 8;
  const { candidates, places } = await within(memory, 2 * written.regions.length + most * 700, () =>
    findRoots(written, architecture, { switches, ignoreReserved, most }),
  );
  expect(places).to.be.at.most((written.regions.length * 4096 * 2) / 32);
  for (const { root, score } of candidates) {
    expect(score).to.be.within(1, 100);
    expect(await codeOf(() => walkAddress(memory, architecture, { root }, 0n, options))).to.equal("none");
  }
};
