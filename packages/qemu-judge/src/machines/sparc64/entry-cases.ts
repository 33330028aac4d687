/** TLB entries that nobody would load: every bit at random, several that match, pages in pages, and what lies at their edges. */
import type { Subject } from "@portolan/conformance";
import type { Random } from "@portolan/core";
import type { BlankCase, JudgedEntry } from "../../case.js";
import type { MachineProfile } from "../profile.js";
import { bytesOf, GLOBAL, NFO, sized, startOf, VALID, type Size, type Unit } from "./tte.js";
import { accessesTo, settingOf } from "../../cases/asked.js";
import { canonical } from "../../cases/tables.js";

/** Addresses of a case that are asked. */
const ADDRESSES = 48;
/** As many as leave a place of the instruction TLB for the stub. */
const MOST = 63;
const PA = 0x1ff_ffff_e000n;

/** A bit in so many cases. */
const oneIn = (random: Random, count: number, bit: bigint): bigint => (random.below(count) === 0 ? bit : 0n);
const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)];
export const bits64 = (random: Random): bigint => (BigInt(random.word()) << 32n) | BigInt(random.word());

/** Places that are worth a look: the ends of both halves of the address space, the first pages, and some between. */
export const placesOf = (random: Random, { architecture }: Subject): readonly bigint[] => [
  0n,
  0x7ff_ff80_0000n,
  0xffff_f800_0000_0000n,
  0xffff_ffff_ff80_0000n,
  ...Array.from({ length: 3 }, () => canonical(architecture, bits64(random)) & ~0x7f_ffffn),
];

/** TTE data: leads into the case's RAM nearly always. @param lowest the first byte that it may lead to */
export const randomTte = (random: Random, { cases }: MachineProfile, lowest = cases.first): bigint => {
  const size = pick<Size>(random, [0, 0, 0, 1, 1, 2, 3]);
  const pages = (cases.first + cases.bytes - lowest) / 0x2000;
  const inside = BigInt(lowest) + BigInt(random.below(pages)) * 0x2000n;
  // One bit too many leads to where nothing is.
  const physical = inside | oneIn(random, 20, 1n << BigInt(26 + random.below(15)));
  // Soft2, Diag, Soft, L, CP, CV, E, P and W at random; V, NFO and G seldom.
  const free = bits64(random) & ~(PA | VALID | (3n << 61n) | NFO | GLOBAL);
  return free | (physical & PA) | sized(size) | (VALID ^ oneIn(random, 10, VALID)) | oneIn(random, 10, NFO) | oneIn(random, 8, GLOBAL);
};

/** At least `queries` accesses. */
export const entryCases = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> {
  const { architecture } = subject;
  const { kernel, first, last } = architecture.asids;
  for (let made = 0, number = 0; made < queries; number += 1) {
    const asid = first + random.below(last - first);
    const contexts = [asid, asid, asid, kernel, kernel, asid + 1, random.below(last + 1)];
    const places = placesOf(random, subject);
    const within = (): bigint => BigInt(random.below(0x80_0000 / 0x2000)) * 0x2000n;
    // Crowded or sparse: pages meet in one, and miss each other in the other.
    const near = Array.from({ length: 6 + random.below(60) }, () => pick(random, places) + within());
    const entriesFor = (unit: Unit): readonly JudgedEntry[] =>
      Array.from({ length: 1 + random.below(MOST) }, (_, index): JudgedEntry => {
        const tag = pick(random, near) + BigInt(pick(random, contexts));
        return { unit, index, words: [tag, randomTte(random, profile)] };
      });
    const entries = [...entriesFor("data"), ...entriesFor("instruction")];
    const address = (): bigint => {
      const { words } = pick(random, entries);
      const [tag = 0n, tte = 0n] = words;
      const bytes = bytesOf(tte);
      const slots = Number(bytes) / profile.slot.bytes;
      const slot = BigInt(pick(random, [0, slots - 1, random.below(slots)]) * profile.slot.bytes);
      const start = startOf(tag & ~0x1fffn, tte);
      const found = random.below(6) === 0 ? start + pick(random, [-1n, 1n]) * bytes + slot : start + slot;
      return BigInt.asUintN(64, found);
    };
    const asked = Array.from({ length: ADDRESSES }, address).flatMap((each) => accessesTo(random, each));
    made += asked.length;
    yield {
      name: `random TLB entries ${number}`,
      ram: profile.cases,
      asid,
      switches: settingOf(architecture, random),
      registers: { route: BigInt(random.below(3)) },
      memory: [],
      entries,
      queries: asked,
    };
  }
};
