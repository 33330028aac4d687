/**
 * The manual's figure of a page-table entry, read once more: cut from a binary word as it is drawn, bit 63 first, without
 * the list of fields.
 *
 * @see RISC-V Privileged Architecture (20211203) figures 4.18, 4.21, 4.24 and §4.3.2; chapters 5 (Svnapot), 6 (Svpbmt)
 */
import type { DecodedEntry, Oracle } from "@portolan/core/architecture";

/** What of a processor decides how entries are read. */
export interface OracleOptions {
  /** Levels of tables: 3, 4 or 5. */
  readonly levels: 3 | 4 | 5;
  readonly svnapot?: boolean;
  readonly svpbmt?: boolean;
}

/** @param i the manual's level: 0 is the last */
const entryAt =
  (i: number, { svnapot = false, svpbmt = false }: OracleOptions) =>
  (word: bigint, { SUM, MXR }: Readonly<Record<string, boolean>>): DecodedEntry => {
    // As the figure is drawn, from the left: N, PBMT, reserved, PPN, RSW, D A G U X W R V.
    const drawn = word.toString(2).padStart(64, "0");
    const [n, pbmt, reserved, ppn] = [drawn.charAt(0), drawn.slice(1, 3), drawn.slice(3, 10), drawn.slice(10, 54)];
    const [d, a, g, u] = [drawn.charAt(56), drawn.charAt(57), drawn.charAt(58), drawn.charAt(59)];
    const [x, w, r, v] = [drawn.charAt(60), drawn.charAt(61), drawn.charAt(62), drawn.charAt(63)];
    if (v === "0") return { kind: "absent" };
    const rwx = `${r}${w}${x}`;
    if (rwx.startsWith("01")) return { kind: "malformed" };
    const physical = BigInt(Number.parseInt(ppn, 2)) * 0x1000n;
    if (rwx === "000") {
      if (i === 0) return { kind: "malformed" };
      return { kind: "table", physical, hasReserved: `${n}${pbmt}${reserved}${d}${a}${u}`.includes("1") };
    }
    const isNapot = n === "1" && svnapot && i === 0;
    if (isNapot && !ppn.endsWith("1000")) return { kind: "malformed" };
    if (pbmt === "11" && svpbmt) return { kind: "malformed" };
    const unused = ppn.slice(44 - 9 * i);
    const data = (r === "1" || (x === "1" && MXR) ? 1 : 0) + (w === "1" ? 2 : 0);
    const fetch = x === "1" ? 4 : 0;
    return {
      kind: "leaf",
      ...(isNapot ? { entries: 16 } : {}),
      physical: isNapot ? physical - (physical % 0x1_0000n) : physical - (physical % (0x1000n << BigInt(9 * i))),
      rights: u === "1" ? (SUM ? data : 0) + 8 * (data + fetch) : data + fetch,
      isGlobal: g === "1",
      isCacheable: !svpbmt || pbmt === "00",
      isAccessed: a === "1",
      isDirty: d === "1",
      hasReserved: reserved.includes("1") || unused.includes("1") || (n === "1" && !isNapot) || (pbmt !== "00" && !svpbmt),
    };
  };

/** A second decoder for the formats that `riscv64With` makes. */
export const oracleOf = (options: OracleOptions): Oracle => ({
  manual: "RISC-V Privileged Architecture (20211203) §4.3.2, §4.4.1, §4.5.1, §4.6.1",
  levels: Array.from({ length: options.levels }, (_, depth) => entryAt(options.levels - 1 - depth, options)),
});

/** For `riscv64`. */
export const oracle: Oracle = oracleOf({ levels: 3 });
