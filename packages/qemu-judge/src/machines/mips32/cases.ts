/**
 * TLB contents of MIPS32 machines: every combination of what an entry can say, random words, the edges of the segments, and
 * what a machine of ours has in its TLB after a life of areas, faults, forks and withdrawals.
 *
 * The judge puts all entries of a case into the TLB at once, so what one says must not leak into another's answers.
 */
import { Cp0, entryHi, pageMask, PAGE_SHIFTS, Shutdown, SoftwareRefill } from "@portolan/arch-mips32";
import type { Subject } from "@portolan/conformance";
import type { Machine, Random } from "@portolan/core";
import type { BlankCase, JudgedEntry } from "../../case.js";
import type { MachineProfile } from "../profile.js";
import { ACCESSES, PRIVILEGES } from "../../cases/asked.js";
import { live, type Habits } from "../../cases/histories.js";

const MIB = 2 ** 20;
/** From 0 on, so that kseg0 and kseg1 begin with RAM; the stub's part is above. */
const RAM = { first: 0, bytes: 31 * MIB };
/** Where frames have every bit but the highest: the board's devices lie from 256 to 512 MiB, the stub's part below 64 MiB. */
const WIDE_RAM = { first: 0, bytes: 2048 * MIB };
const HIGH_RAM = 512 * MIB;
const SLOT = 16;
const PAGE = 0x1000;

/** First and last address of each segment: useg, kseg0, kseg1, kseg2, kseg3. */
const SEGMENTS = [
  [0x0000_0000, 0x7fff_ffff],
  [0x8000_0000, 0x9fff_ffff],
  [0xa000_0000, 0xbfff_ffff],
  [0xc000_0000, 0xdfff_ffff],
  [0xe000_0000, 0xffff_ffff],
] as const;
/** Those that the TLB maps. */
const MAPPED = [SEGMENTS[0], SEGMENTS[3], SEGMENTS[4]] as const;

const ASID = 5;
const OTHER_ASID = 6;

const G = 1;
const V = 2;
const D = 4;
const COHERENCY = 8;
const PFN = 64;

/** An entry while it is made. */
interface Pair {
  readonly index: number;
  /** Bits below the pair's size do not count. */
  readonly address: number;
  readonly shift: number;
  readonly asid: number;
  readonly lo: readonly [number, number];
}

const wordsOf = ({ address, shift, asid, lo }: Pair): readonly bigint[] =>
  [entryHi(address, asid), pageMask(shift), lo[0], lo[1]].map((word) => BigInt(word >>> 0));

const entryOf = (pair: Pair): JudgedEntry => ({ unit: "data", index: pair.index, words: wordsOf(pair) });

type Asked = BlankCase["queries"];

const allOf = (addresses: Iterable<number>): Asked =>
  [...new Set(addresses)].flatMap((address) =>
    ACCESSES.flatMap((access) => PRIVILEGES.map((privilege) => ({ address: BigInt(address >>> 0), access, privilege }))),
  );

const caseOf = (name: string, entries: readonly JudgedEntry[], queries: Asked, asid = ASID): BlankCase => ({
  name,
  ram: RAM,
  asid,
  switches: {},
  memory: [],
  entries,
  queries,
});

/** A slot somewhere in a page of 2^`shift` bytes, where the page that begins at `physical` has RAM there. */
const placeIn = (random: Random, shift: number, physical: number): number => {
  const backed = Math.min(2 ** shift, RAM.bytes - physical);
  return random.below(backed / SLOT) * SLOT;
};

/** Where a page of 2^`shift` bytes may begin that has RAM. */
const frameFor = (random: Random, shift: number): number => {
  const size = 2 ** shift;
  return random.below(Math.ceil(RAM.bytes / size)) * size;
};

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)];

/** Flags of a half by number: G, V, D, and eight values of C. */
const FLAGS = 64;
const SPACES = [ASID, OTHER_ASID] as const;
const COMBINATIONS = FLAGS * FLAGS * SPACES.length * MAPPED.length * PAGE_SHIFTS.length;

/** Takes numbers apart, from the end. */
const digits = (value: number, ...bases: readonly number[]): readonly number[] => {
  let rest = value;
  return bases.map((base) => {
    const digit = rest % base;
    rest = Math.floor(rest / base);
    return digit;
  });
};

/**
 * Every combination of G, V, D and C in both halves, the space's tag or another one's, segment and size; as many of them as fit,
 * at equal distances, if there are more than are asked for.
 */
const everyCombination = function* (places: number, random: Random, queries: number): Generator<BlankCase> {
  const wanted = Math.min(COMBINATIONS, Math.ceil(queries / 12));
  const start = random.below(COMBINATIONS);
  for (let number = 0; number < wanted;) {
    const entries: JudgedEntry[] = [];
    const addresses: number[] = [];
    const used = new Set<number>();
    for (; number < wanted && entries.length < places; number += 1) {
      const combination = (Math.floor((number * COMBINATIONS) / wanted) + start) % COMBINATIONS;
      const [even = 0, odd = 0, tag = 0, segment = 0, size = 0] = digits(
        combination,
        FLAGS,
        FLAGS,
        SPACES.length,
        MAPPED.length,
        PAGE_SHIFTS.length,
      );
      const shift = PAGE_SHIFTS[size] ?? PAGE_SHIFTS[0];
      const [first, last] = MAPPED[segment] ?? MAPPED[0];
      // Apart from all others by the largest pair: no two match.
      const strides = (last + 1 - first) / (32 * MIB);
      const stride = Array.from({ length: strides }, (_, i) => i).find((i) => !used.has(first + i * 32 * MIB));
      if (stride === undefined) break;
      used.add(first + stride * 32 * MIB);
      const address = first + stride * 32 * MIB + random.below((32 * MIB) / 2 ** (shift + 1)) * 2 ** (shift + 1);
      const frames = [frameFor(random, shift), frameFor(random, shift)] as const;
      const half = (which: 0 | 1, flags: number): number => (frames[which] / PAGE) * PFN + flags;
      entries.push(entryOf({ index: entries.length, address, shift, asid: SPACES[tag] ?? ASID, lo: [half(0, even), half(1, odd)] }));
      addresses.push(address + placeIn(random, shift, frames[0]), address + 2 ** shift + placeIn(random, shift, frames[1]));
    }
    yield caseOf("every combination of G, V, D and C", entries, allOf(addresses));
  }
};

/** Words with a chance for everything: reserved bits, frames that no RAM answers for, bits of the frame below its size, overlaps. */
const randomWords = function* (places: number, random: Random, queries: number): Generator<BlankCase> {
  for (let made = 0; made < queries;) {
    const asid = random.below(256);
    const tags = [asid, asid, (asid + 1) % 256, random.below(256)];
    const count = 1 + random.below(places);
    const indices = shuffled(random, places).slice(0, count);
    const isCrowded = random.below(4) === 0;
    const entries: JudgedEntry[] = [];
    const addresses: number[] = [];
    for (const index of indices) {
      const shift = isCrowded ? pick(random, PAGE_SHIFTS.slice(0, 4)) : pick(random, PAGE_SHIFTS);
      const [first, last] = random.below(8) === 0 ? pick(random, SEGMENTS) : pick(random, MAPPED);
      const anywhere = first + random.below((last + 1 - first) / SLOT) * SLOT;
      const address = isCrowded ? first + random.below(256) * 0x2000 : anywhere;
      const isNowhere = random.below(16) === 0;
      const frames = [frameFor(random, shift), frameFor(random, shift)] as const;
      const half = (which: 0 | 1): number =>
        (random.below(8) === 0 ? random.below(4) * 2 ** 30 : 0) +
        (isNowhere ? random.below(2 ** 24) : frames[which] / PAGE + random.below(2 ** (shift - 12))) * PFN +
        random.below(8) * COHERENCY +
        (random.below(4) === 0 ? 0 : V) +
        (random.below(3) === 0 ? 0 : D) +
        (random.below(3) === 0 ? G : 0);
      const pair = { index, address, shift, asid: pick(random, tags), lo: [half(0), half(1)] as const };
      const [hi = 0n, ...rest] = wordsOf(pair);
      entries.push({ unit: "data", index, words: [random.below(8) === 0 ? hi | BigInt(random.below(32) << 8) : hi, ...rest] });
      const begin = Math.floor(address / 2 ** (shift + 1)) * 2 ** (shift + 1);
      const second = begin + 2 ** shift;
      addresses.push(begin + placeIn(random, shift, frames[0]), second + placeIn(random, shift, frames[1]));
      // Where halves and pairs meet.
      addresses.push(pick(random, [begin, begin - SLOT, second, second - SLOT, second + 2 ** shift - SLOT, second + 2 ** shift]));
    }
    const asked = allOf(addresses.map((address) => address >>> 0));
    made += asked.length;
    yield caseOf(`random words${isCrowded ? ", crowded" : ""}`, entries, asked, asid);
  }
};

/** 0 to `count` − 1 in any order. */
const shuffled = (random: Random, count: number): readonly number[] =>
  Array.from({ length: count }, (_, number) => ({ number, key: random.word() }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ number }) => number);

/** Frames all over two gigabytes: what is true of their low bits is true of the others. */
const wideFrames = function* (places: number, random: Random): Generator<BlankCase> {
  for (let number = 0; number < 2; number += 1) {
    const entries = Array.from({ length: Math.min(places, 32) }, (_, index) => {
      const frames = [0, 1].map(() => HIGH_RAM + random.below((WIDE_RAM.bytes - HIGH_RAM) / PAGE) * PAGE);
      const [even = 0, odd = 0] = frames.map((frame) => (frame / PAGE) * PFN + 3 * COHERENCY + V + D);
      return entryOf({ index, address: index * 0x10_0000, shift: 12, asid: ASID, lo: [even, odd] });
    });
    const addresses = entries.flatMap((_, index) => [0, PAGE].map((half) => index * 0x10_0000 + half + placeIn(random, 12, 0)));
    yield { ...caseOf("frames in two gigabytes", entries, allOf(addresses)), ram: WIDE_RAM };
  }
};

/** Entries on both sides of every border between segments, with the addresses beside it; without entries as well. */
const edges = function* (random: Random): Generator<BlankCase> {
  const borders = [...SEGMENTS.map(([first]) => first), 2 ** 32];
  const beside = borders.flatMap((border) => [-0x2000, -0x1000, -SLOT, 0, SLOT, 0x1000, 0x2000].map((distance) => border + distance));
  const addresses = beside.filter((address) => address >= 0 && address < 2 ** 32);
  const windows = [SEGMENTS[1], SEGMENTS[2]].flatMap(([first]) => Array.from({ length: 12 }, () => first + placeIn(random, 24, 0)));
  yield caseOf("edges without entries", [], allOf([...addresses, ...windows]));
  for (const shift of PAGE_SHIFTS) {
    // In kseg0 and kseg1 nobody asks them.
    const entries = borders.flatMap((border, i) =>
      [border - 2 ** (shift + 1), border]
        .filter((address) => address >= 0 && address < 2 ** 32)
        .map((address, j) =>
          entryOf({
            index: i * 2 + j,
            address,
            shift,
            asid: ASID,
            lo: [
              (frameFor(random, shift) / PAGE) * PFN + 3 * COHERENCY + V + D,
              (frameFor(random, shift) / PAGE) * PFN + 2 * COHERENCY + V,
            ],
          }),
        ),
    );
    yield caseOf(`edges, pages of ${2 ** shift} bytes`, entries, allOf([...addresses, ...windows]));
  }
};

/** What the TLB of a machine of ours holds, by TLBR: what the port itself would put back. */
const contentsOf = (machine: Machine): readonly JudgedEntry[] => {
  const cpu = machine.cpu(0);
  const { refill } = machine.parts;
  const cp0 = refill instanceof SoftwareRefill ? refill.registers(cpu) : new Cp0(cpu, cpu.seed, new Shutdown());
  return Array.from({ length: cpu.dataTlb.geometry.entries }, (_, index): JudgedEntry => {
    cp0.index = index;
    cp0.tlbr();
    return { unit: "data", index, words: [cp0.entryHi, cp0.pageMask, cp0.entryLo0, cp0.entryLo1].map(BigInt) };
  });
};

/** Addresses of a life that are asked beside those that the TLB holds, and how often its spaces touch their pages once more. */
const ADDRESSES = 8;
const TOUCHES = 16;
const HABITS: Habits = { operations: 120, touches: 24, aims: true };

/** A machine that has lived, each of its spaces installed in turn: the TLB is what all of them have left there. */
const histories = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> {
  for (let made = 0, number = 0; made < queries; number += 1) {
    const { machine, spaces, pages } = live(profile, subject, random, HABITS);
    const slots = 2 ** subject.architecture.pageShift / SLOT;
    const somewhere = (): number => Number(pick(random, pages)) + random.below(slots) * SLOT;
    for (const space of spaces) {
      machine.switchTo(space);
      for (let i = 0; i < TOUCHES; i += 1) {
        const areas = [...space.areas()];
        const area = areas.length === 0 ? null : pick(random, areas);
        const address = area === null ? somewhere() : Number(area.base) + random.below(Number(area.size) / SLOT) * SLOT;
        if (random.below(2) === 0) machine.read32(address);
        else machine.write32(address, random.word());
      }
      const entries = contentsOf(machine);
      const held = entries.flatMap(({ words: [hi = 0n, mask = 0n] }) => {
        const begin = Number(hi & ~mask & 0xffff_e000n);
        const size = (Number(mask) + 0x2000) / 2;
        // An entry that was invalidated has an address of kseg0.
        return begin >= 0x8000_0000 && begin < 0xc000_0000
          ? []
          : [begin, begin + size].map((half) => half + random.below(size / SLOT) * SLOT);
      });
      const asked = allOf([...held, ...Array.from({ length: ADDRESSES }, somewhere)]);
      made += asked.length;
      const { memory } = machine.parts;
      yield {
        ...caseOf(`history ${number}, space ${space.id}`, entries, asked, space.context.asid),
        ram: { first: memory.firstFrame * memory.frameSize, bytes: memory.frameCount * memory.frameSize },
      };
    }
  }
};

/** At least `queries` accesses. */
export const entryCases = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> {
  const places = subject.architecture.tlb.data.entries;
  yield* edges(random);
  if (profile.ram.bytes >= WIDE_RAM.bytes) yield* wideFrames(places, random);
  yield* everyCombination(places, random, queries * 0.4);
  yield* randomWords(places, random, queries * 0.35);
  yield* histories(profile, subject, random, queries * 0.25);
};
