/**
 * The manual's figure of an entry of Sv32, read once more: cut from a binary word as it is drawn, bit 31 first, without the list of
 * fields.
 *
 * @see RISC-V Privileged Architecture (20211203) figure 4.16 and §4.3.2
 */
import type { DecodedEntry, Oracle } from "@portolan/core/architecture";

/** @param i the manual's level: 0 is the last */
const entryAt =
  (i: 0 | 1) =>
  (word: bigint, { SUM, MXR }: Readonly<Record<string, boolean>>): DecodedEntry => {
    // As the figure is drawn, from the left: PPN[1], PPN[0], RSW, D A G U X W R V.
    const drawn = word.toString(2).padStart(32, "0");
    const [high, low] = [drawn.slice(0, 12), drawn.slice(12, 22)];
    const [d, a, g, u, x, w, r, v] = Array.from(drawn.slice(24));
    if (v === "0") return { kind: "absent" };
    if (r === "0" && w === "1") return { kind: "malformed" };
    const physical = (ppn: string): bigint => BigInt(Number.parseInt(ppn, 2)) * 0x1000n;
    if (r === "0" && x === "0") {
      if (i === 0) return { kind: "malformed" };
      return { kind: "table", physical: physical(high + low), hasReserved: d === "1" || a === "1" || u === "1" };
    }
    const data = (r === "1" || (x === "1" && MXR) ? 1 : 0) + (w === "1" ? 2 : 0);
    const fetch = x === "1" ? 4 : 0;
    return {
      kind: "leaf",
      physical: physical(high + (i === 0 ? low : "0000000000")),
      rights: u === "1" ? (SUM ? data : 0) + 8 * (data + fetch) : data + fetch,
      isGlobal: g === "1",
      isCacheable: true,
      isAccessed: a === "1",
      isDirty: d === "1",
      // A megapage that begins in the middle of one is misaligned.
      hasReserved: i === 1 && low.includes("1"),
    };
  };

/** The figure, at both levels. */
export const oracle: Oracle = {
  manual: "RISC-V Privileged Architecture (20211203) §4.3.1, §4.3.2",
  levels: [entryAt(1), entryAt(0)],
};
