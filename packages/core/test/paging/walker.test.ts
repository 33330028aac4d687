/** The table walker alone, on machines described at random, against a walk that is reckoned entry by entry. */
import { expect } from "chai";
import { ABSENT, NO_FAULT, PROTECTION } from "#src/architecture/faults.js";
import { EXECUTE, KERNEL, READ, rightsFor, USER, WRITE, type Access, type Privilege } from "#src/architecture/rights.js";
import { Events, type PortolanEvent } from "#src/events.js";
import { Cpu } from "#src/machine/cpu.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { HardwareWalk } from "#src/paging/hardware-walk.js";
import { Random } from "#src/random.js";
import { depthOf, domainOf, needsEntryNotes, rightsAt } from "#src/tlb/entry-note.js";
import { refillNearby } from "#src/tlb/near-walk.js";
import type { Tlb } from "#src/tlb/tlb.js";
import { described, outcomeOf, wordAt, type Described, type Outcome } from "./random-tree.js";

const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];
/** It ends within a chunk of memory: what lies behind it there is none. */
const RAM = 3 * 2 ** 16;
/** Where RAM begins: the last two are for words that can name what lies above 4 GiB. */
const BASES = [0, 2 ** 14, 2 ** 20, 2 ** 31, 2 ** 32 - RAM, 2 ** 32 - RAM / 2, 2 ** 33] as const;

const writeWord = (memory: PhysicalMemory, address: number, bytes: 4 | 8, word: bigint): void => {
  if (bytes === 4) memory.write32(address, Number(word));
  else memory.write64(address, Number(word & 0xffff_ffffn), Number(word >> 32n));
};

/** Tables full of words that mostly lead somewhere, two roots among them, and a processor. */
const bench = (random: Random, machine: Described) => {
  const { architecture, bytes, translation } = machine;
  const base = BASES[random.below(bytes === 4 ? 5 : 7)] ?? 0;
  const memory = new PhysicalMemory({ bytes: RAM, base, physicalBits: 41, byteOrder: architecture.byteOrder, frameShift: 12 });
  // More memory before RAM, and where addresses differ from those of tables only in what is above 4 GiB.
  const alias = base + RAM > 2 ** 32 ? 0 : base + 2 ** 32;
  memory.addRegion(alias, 4096 * 4);
  if (base >= 2 ** 16) memory.addRegion(base - 2 ** 16, 2 ** 16);
  const tables = Array.from({ length: 6 }, (_, i) => base + 4096 * 3 * i);
  const far = [alias, alias + 4096 * 3, base + RAM, base + RAM, Math.max(0, base - 4096)];
  const field = (name: string): number => {
    for (const { table, leaf } of translation.levels)
      for (const { name: own, bits } of [...(table?.fields ?? []), ...(leaf?.fields ?? [])])
        if (own === name && typeof bits === "number") return bits;
    return -1;
  };
  const set = (word: bigint, name: string): bigint => (field(name) < 0 ? word : word | (1n << BigInt(field(name))));
  // Few patterns: words of one pattern come again and again.
  const patterns = Array.from({ length: 5 }, (_, i) => {
    let word = 0n;
    for (const name of ["R", "W", "X", "U", "A"]) if (i === 0 || random.below(6) > 0) word = set(word, name);
    for (const name of ["D", "G", "Q"]) if (random.below(2) === 0) word = set(word, name);
    for (const name of ["P0", "P1", "P2", "P3"]) if (random.below(2) === 0) word = set(word, name);
    for (const name of ["Z", "Z1"]) if (i > 1 && random.below(8) === 0) word = set(word, name);
    return word;
  });
  const randomWord = (depth: number): bigint => {
    const level = translation.levels[depth];
    let word = patterns[random.below(patterns.length)] ?? 0n;
    const wish = random.below(20);
    if (wish === 0 && random.below(2) === 0) return 0n;
    const isTable = wish > 0 && level?.table !== undefined && (level.leaf === undefined || wish < 14);
    const format = isTable ? level.table : level?.leaf;
    if (isTable || wish === 1) word = set(word, "K0");
    if (!isTable && wish > 0) word = set(word, "K1");
    const isNamed = format?.domain !== undefined;
    if (isNamed) word |= BigInt(random.below(4));
    const frame = format?.fields.find(({ role }) => role === "frame");
    if (frame === undefined || typeof frame.bits === "number") return word;
    const [high, low] = frame.bits;
    const unit = BigInt(frame.unitShift ?? low);
    const place = isTable
      ? BigInt((random.below(7) === 0 ? far[random.below(5)] : tables[random.below(6)]) ?? 0)
      : BigInt(random.below(3) === 0 ? base + 4096 * random.below(64) : random.word()) * (random.below(8) === 0 ? 5n : 1n);
    return word | (((place >> unit) & ((1n << BigInt(high - low + 1)) - 1n)) << BigInt(low));
  };
  const user = new TranslationContext(1, false, 5);
  const kernel = new TranslationContext(0, true, 0);
  const places = [tables, tables, tables, [alias, alias + 4096 * 3], [tables[0], base + RAM + 4096]][random.below(5)] ?? tables;
  [user.root, kernel.root] = [places[0] ?? 0, places[1] ?? 0];
  const told: PortolanEvent[] = [];
  const events = new Events();
  const walker = new HardwareWalk(architecture, memory, events);
  const cpu = new Cpu({ id: 3, architecture, memory, kernelContext: kernel, refill: walker });
  cpu.context = user;
  /** Writes other words here and there on the way to a page, each of its level. */
  const renew = (root: number, page: number): void => {
    let table = root;
    let low = machine.rootShift;
    for (const [depth, { indexBits }] of translation.levels.entries()) {
      low -= indexBits;
      const at = table + (Math.floor(page / 2 ** low) % 2 ** indexBits) * bytes;
      if (!memory.isBacked(at)) return;
      if (random.below(3) === 0) writeWord(memory, at, bytes, randomWord(depth));
      const upper = { ...machine, translation: { ...translation, levels: translation.levels.slice(0, depth + 1) } };
      table = outcomeOf(upper, memory, root, page, READ, USER, cpu.switches).next;
    }
  };
  return { memory, user, kernel, told, events, walker, cpu, randomWord, renew, tables, far };
};

const entriesOf = (tlb: Tlb): number[] => {
  const entries: number[] = [];
  tlb.each((entry) => entries.push(entry));
  return entries;
};

/** The page's root, or null where nothing translates it. */
const rootOf = (
  { architecture, rootShift }: Described,
  page: number,
  given: TranslationContext,
  kernel: TranslationContext,
): number | null => {
  const { translation, virtualRule } = architecture;
  if (translation.kind !== "hierarchical" || translation.kernelRootRegister === undefined) return given.root;
  const isExtended = virtualRule === "sign-extended";
  if (page >= (isExtended ? 2 ** rootShift : 2 ** (rootShift - 1))) return kernel.root;
  return isExtended && given.isKernel ? null : given.root;
};

/** A page of the lower half of the addresses, or of the upper. */
const randomPage = (random: Random, { architecture, rootShift }: Described): number => {
  const { virtualRule, pageShift, virtualBits } = architecture;
  const pages = 2 ** rootShift;
  // Few indices at each level, so that words are met again.
  const index =
    random.below(3) === 0 ? random.below(Math.min(pages, 2 ** 31)) : (random.below(4) * Math.floor(pages / 4) + random.below(2)) % pages;
  const isUpper = index >= 2 ** (virtualBits - pageShift - 1) || (virtualBits - pageShift > rootShift && random.below(2) === 0);
  return virtualRule === "sign-extended" && isUpper ? 2 ** (64 - pageShift) - pages + index : index;
};

/** What a TLB must hold after a walk that has ended well. */
const expected = ({ architecture }: Described, outcome: Outcome, page: number, access: Access, asid: number): Record<string, unknown> => {
  const { tlb, pageShift } = architecture;
  const { pageShifts } = access === EXECUTE ? (tlb.instruction ?? tlb.data) : tlb.data;
  const { pages, parts, rights } = outcome;
  const span = pageShifts.includes(pageShift + Math.log2(pages)) ? pages : 1;
  const isPiece = span < pages && parts.length > 0;
  return {
    firstPage: page - (page % span),
    span,
    frame: outcome.first / 2 ** pageShift + (page % pages) - (page % span),
    asid,
    rights: isPiece ? parts[Math.floor(((page % pages) * 4) / pages)] : rights,
    isGlobal: outcome.isGlobal,
    note: needsEntryNotes(architecture)
      ? [outcome.domain, outcome.depth, ...(isPiece || parts.length === 0 ? [0, 0, 0, 0] : parts)]
      : [0, 0, 0, 0, 0, 0],
  };
};

const found = (tlb: Tlb, entry: number): Record<string, unknown> => {
  const note = tlb.note(entry);
  return {
    firstPage: tlb.firstPage(entry),
    span: tlb.span(entry),
    frame: tlb.frame(entry),
    asid: tlb.asid(entry),
    rights: tlb.rights(entry),
    isGlobal: tlb.isGlobal(entry),
    note: [domainOf(note), depthOf(note), ...[0, 1, 2, 3].map((part) => rightsAt(note, part, 4))],
  };
};

for (const isPlain of [true, false]) {
  it(`a walker of machines ${isPlain ? "that say what they say plainly" : "of any kind"} reads, marks, refuses, enters and counts what the manual says`, () => {
    const reasons = new Map<number, number>();
    /** Walks that the near walk has made, through one table and through several. */
    const near = [0, 0];
    for (let seed = 0; seed < 50; seed += 1) {
      const random = new Random(seed * 2 + (isPlain ? 1 : 0));
      const machine = described(random, isPlain);
      const { architecture, bytes, translation } = machine;
      const { memory, user, kernel, told, events, walker, cpu, randomWord, renew, tables, far } = bench(random, machine);
      const isNear = cpu.memory.byteOrder === "little" && memory.ramEnd <= 2 ** 32;
      const most = Math.max(...translation.levels.map(({ indexBits }) => 2 ** indexBits));
      for (const table of new Set([...tables, ...far, user.root, kernel.root])) {
        if (!memory.isBacked(table)) continue;
        for (let index = 0; index < most; index += 1) {
          const depth = table === user.root || table === kernel.root ? 0 : random.below(translation.levels.length);
          writeWord(memory, table + index * bytes, bytes, randomWord(depth));
        }
      }
      for (let step = 0; step < 100; step += 1) {
        const page = randomPage(random, machine);
        const access = ACCESSES[random.below(3)] ?? READ;
        const privilege: Privilege = random.below(4) === 0 ? KERNEL : USER;
        if (random.below(24) === 0) cpu.setSwitch(random.below(2) === 0 ? "KEEPS" : "OPENS", random.below(2) === 0);
        if (random.below(24) === 0) events.sink = events.sink === null ? (event) => void told.push(event) : null;
        if (random.below(40) === 0) cpu.context = cpu.context === user ? kernel : user;
        cpu.fault.offset = random.below(2 ** architecture.pageShift);
        const given = privilege === KERNEL && architecture.layout.kernelAddressSpaceShadowed ? kernel : cpu.context;
        const from = rootOf(machine, page, given, kernel);
        if (from !== null) renew(from, page);
        const outcome = from === null ? null : outcomeOf(machine, memory, from, page, access, privilege, cpu.switches, cpu.fault.offset);
        const reason = outcome?.reason ?? ABSENT;
        const wanted = outcome === null ? null : expected(machine, outcome, page, access, given.asid);
        const [tlb, other] = access === EXECUTE ? [cpu.instructionTlb, cpu.dataTlb] : [cpu.dataTlb, cpu.instructionTlb];
        const what = `machine ${seed}, step ${step}`;
        // What the near walk serves it serves as the walker would, and nothing has to be marked for it.
        const tryNearby = (): void => {
          const { tables: plan } = cpu;
          cpu.invalidateAll();
          if (plan === null || page >= plan.pages) return;
          const reads = refillNearby(tlb, plan, given.root, privilege * 3 + (access >>> 1), page, given.asid);
          if (reads === 0) return;
          near[reads > 1 ? 1 : 0] += 1;
          expect([isNear, reason, reads], what).to.deep.equal([true, NO_FAULT, outcome?.reads]);
          expect(
            outcome?.words.map(([at]) => wordAt(memory, at, bytes)),
            what,
          ).to.deep.equal(outcome?.words.map(([, word]) => word));
          expect(found(tlb, entriesOf(tlb)[0] ?? -1), what).to.deep.equal(wanted);
        };
        tryNearby();
        cpu.invalidateAll();
        told.length = 0;
        const { walks, walkReads } = cpu.statistics;
        const site = { ...cpu.faultSite };
        expect(walker.miss(cpu, page, access, privilege), what).to.equal(outcome?.reason ?? ABSENT);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        expect(cpu.statistics.walks - walks, what).to.equal(1);
        expect(cpu.statistics.walkReads - walkReads, what).to.equal(outcome?.reads ?? 0);
        if (events.sink !== null)
          expect(told, what).to.deep.equal([{ kind: "walk", cpu: 3, hardwarePage: page, reads: outcome?.reads ?? 0, reason }]);
        const entries = entriesOf(tlb);
        expect(entriesOf(other), what).to.deep.equal([]);
        if (reason !== NO_FAULT || outcome === null) {
          expect([{ ...cpu.faultSite }, entries], what).to.deep.equal([
            { depth: outcome?.depth ?? -1, domain: needsEntryNotes(architecture) ? (outcome?.domain ?? 0) : 0, onWalk: true },
            [],
          ]);
          continue;
        }
        // A walk that finds no fault says of none where it was.
        expect({ ...cpu.faultSite }, what).to.deep.equal(site);
        expect(entries, what).to.have.length(1);
        expect(found(tlb, entries[0] ?? -1), what).to.deep.equal(wanted);
        expect(
          outcome.words.map(([at]) => wordAt(memory, at, bytes)),
          what,
        ).to.deep.equal(outcome.words.map(([, word]) => word));
        tryNearby();
      }
    }
    expect(
      [...reasons.keys()].toSorted((one, other) => one - other),
      "reasons",
    ).to.include.members([0, 1, 2, 3, 5, 8]);
    if (isPlain) expect(Math.min(...near)).to.be.above(50);
  });
}

describe("an entry that does not let an access through", () => {
  const refusals = (can: Partial<Described["architecture"]["can"]>, access: Access): unknown => {
    const random = new Random(8);
    const machine = described(random, true);
    const architecture = { ...machine.architecture, can: { ...machine.architecture.can, ...can } };
    const { cpu, walker } = bench(random, { ...machine, architecture });
    const tlb = access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
    const entry = tlb.enter(7, 1, 9, cpu.context.asid, rightsFor(READ, READ));
    const { walks } = cpu.statistics;
    const reason = walker.refused(cpu, 7, access, USER, entry);
    return cpu.statistics.walks === walks ? [reason, tlb.isValid(entry)] : "walks again, without it";
  };

  it("goes, and the walker is asked again, where it may only have waited for a first write; else it has the last word", () => {
    for (const recordWrite of ["hardware", "fault", "no", "refill"] as const) {
      const waits = recordWrite === "hardware" || recordWrite === "fault";
      expect(refusals({ recordWrite }, WRITE), recordWrite).to.deep.equal(waits ? "walks again, without it" : [PROTECTION, true]);
      expect(refusals({ recordWrite }, READ)).to.deep.equal([PROTECTION, true]);
      expect(refusals({ recordWrite }, EXECUTE)).to.deep.equal([PROTECTION, true]);
    }
  });
});

it("a walker keeps what it knows under each setting of the switches that decide in entries, and asks about no other switch", () => {
  const random = new Random(4);
  const { cpu, walker } = bench(random, described(random, true));
  const planAfter = (name: string, value: boolean): unknown => {
    cpu.setSwitch(name, value);
    walker.miss(cpu, 0, READ, USER);
    return cpu.refillState;
  };
  const off = planAfter("KEEPS", false);
  const on = planAfter("KEEPS", true);
  expect([off === on, cpu.tables === on]).to.deep.equal([false, true]);
  expect([planAfter("OPENS", true) === on, planAfter("KEEPS", false) === off, planAfter("KEEPS", true) === on]).to.deep.equal([
    true,
    true,
    true,
  ]);
});

it("a walker walks trees", () => {
  const { architecture } = described(new Random(1), true);
  const memory = new PhysicalMemory({ bytes: RAM, physicalBits: 41, byteOrder: "little", frameShift: 12 });
  expect(() => new HardwareWalk({ ...architecture, translation: { kind: "hashed" } }, memory, new Events())).to.throw("no tree to walk");
});
