/** What a machine of ours that has lived keeps in its TLBs, and in the TSBs of its spaces. */
import { tsbRegister, TsbPair } from "@portolan/arch-sparc64";
import type { Subject } from "@portolan/conformance";
import type { AddressSpace, Machine, Random } from "@portolan/core";
import type { BlankCase } from "../../case.js";
import type { MachineProfile } from "../profile.js";
import { DATA_TSB, INSTRUCTION_TSB } from "./tsb.js";
import { entriesOf, startOf } from "./tte.js";
import { accessesTo } from "../../cases/asked.js";
import { live, type Habits } from "../../cases/histories.js";
import { caseOfMachine } from "../../cases/of-machine.js";

/** Addresses of a space that are asked. */
const ADDRESSES = 40;
/** Long lives, most of which is touching pages: TLBs and TSBs are crowded when a page is taken away. */
const HABITS: Habits = { operations: 300, touches: 60, aims: true };
/** The stub needs a place of the instruction TLB. */
const MOST = 63;

type Picture = (machine: Machine, space: AddressSpace) => Pick<BlankCase, "memory" | "entries" | "registers"> | null;

/** At least `queries` accesses: half of them by the pages that the life was about, half by what the picture holds. */
const casesOfLives = function* (
  profile: MachineProfile,
  subject: Subject,
  random: Random,
  queries: number,
  picture: Picture,
  known: (machine: Machine, space: AddressSpace) => readonly bigint[],
): Generator<BlankCase> {
  const { slot } = profile;
  const size = 2 ** subject.architecture.pageShift;
  for (let made = 0, number = 0; made < queries; number += 1) {
    const { machine, spaces, pages } = live(profile, subject, random, HABITS);
    for (const space of spaces) {
      const taken = picture(machine, space);
      if (taken === null) continue;
      const held = known(machine, space);
      const asked = Array.from({ length: ADDRESSES }, (_, i) => {
        const from = i % 2 === 0 && held.length > 0 ? held : pages;
        const page = from[random.below(from.length)] ?? 0n;
        return page - (page % BigInt(size)) + BigInt(random.below(size / slot.bytes) * slot.bytes);
      }).flatMap((address) => accessesTo(random, address));
      made += asked.length;
      const blank = caseOfMachine(machine, space, `history ${number}, space ${space.id}`, asked);
      yield { ...blank, ...taken, registers: { route: BigInt(random.below(3)), ...taken.registers } };
    }
  }
};

/** The TLBs as a life has left them, asked for each of its spaces. */
export const tlbHistoryCases = (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> =>
  casesOfLives(
    profile,
    subject,
    random,
    queries,
    (machine) => ({ memory: [], entries: entriesOf(machine).filter(({ unit, index }) => unit === "data" || index < MOST) }),
    (machine) => entriesOf(machine).map(({ words: [tag = 0n, tte = 0n] }) => startOf(tag & ~0x1fffn, tte)),
  );

/** The TSBs of each space, as a life has left them. */
export const tsbHistoryCases = (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> =>
  casesOfLives(
    profile,
    subject,
    random,
    queries,
    ({ parts: { memory } }, { context: { cache } }) => {
      if (!(cache instanceof TsbPair)) return null;
      const bytes = new Uint8Array(cache.bytes);
      memory.readBytes(cache.instruction.base, bytes);
      const base = BigInt(cache.kernelAddress);
      const behind = BigInt(cache.data.base - cache.instruction.base);
      return {
        memory: [{ at: cache.instruction.base, bytes }],
        registers: { [INSTRUCTION_TSB]: tsbRegister({ base, size: 2 }), [DATA_TSB]: tsbRegister({ base: base + behind, size: 2 }) },
      };
    },
    (_machine, { context: { cache } }) => {
      const pages: bigint[] = [];
      cache?.eachTranslation((page) => void pages.push(BigInt(page) * 0x2000n));
      return pages;
    },
  );
