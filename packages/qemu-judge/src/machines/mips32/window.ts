/** Where the stub's own entry may lie while it judges: an index and a pair of pages of useg that no access of the round needs. */
import type { JudgedCase, JudgedQuery } from "../../case.js";
import { answers, isTagged } from "./entry.js";
import type { Window } from "../profile.js";

const PAIR = 0x2000n;
/** Pairs of useg that are tried: at most 8 MiB from one to the next, so that wherever a large entry goes one of them is free. */
const PAIRS = Array.from({ length: 512 }, (_, i) => BigInt(i) * 0x40_0000n + BigInt((i * 37) % 512) * PAIR);

/** @param entries how many the processor has */
export const windowOf = ({ entries = [], asid }: JudgedCase, queries: readonly JudgedQuery[], size: number): Window | null => {
  const taken = new Set(entries.map(({ index }) => index));
  const free = Array.from({ length: size }, (_, i) => size - 1 - i).find((index) => !taken.has(index));
  // Where every place is taken, one entry has to make room that none of these accesses asks.
  const places =
    free === undefined
      ? entries.filter((entry) => !queries.some(({ address }) => answers(entry, address, asid))).map(({ index }) => index)
      : [free];
  const asked = new Set(queries.map(({ address }) => address - (address % PAIR)));
  for (const place of places) {
    const others = entries.filter((entry) => entry.index !== place && isTagged(entry, asid));
    const pair = PAIRS.find((base) => !asked.has(base) && !others.some((entry) => answers(entry, base, asid)));
    if (pair !== undefined) return { patch: [], registers: [pair, place] };
  }
  return null;
};
