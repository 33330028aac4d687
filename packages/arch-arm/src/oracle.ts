/**
 * The descriptors once more: read from the manuals' figures as text, bit 31 first, and from their tables of permissions as
 * they are printed. Slow, and shares nothing with the formats.
 *
 * @see ARM926EJ-S Technical Reference Manual (DDI 0198D) figures 3-4 and 3-9, table 3-11; ARM ARM (DDI 0100) §B4.3.1 and
 *   §B4.7; ARMv7-A ARM (DDI 0406C) figures B3-4 and B3-5, tables B3-8 to B3-10
 */
import type { DecodedEntry, Oracle, Rights, Switches } from "@portolan/core/architecture";
import type { Format } from "./permissions.js";

/** Which descriptors are meant; as in `ArmOptions`. */
export interface OracleOptions {
  readonly format: Format;
  /** SCTLR.AFE. */
  readonly accessFlag?: boolean;
  /** Type 3 of ARMv5's second level. */
  readonly extendedSmallPages?: boolean;
  /** Bit 18 of ARMv5's sections. */
  readonly supersections?: boolean;
}

/** What is printed in the manuals' columns "privileged" and "user". */
type Printed = "- -" | "rw -" | "rw r" | "rw rw" | "r -" | "r r";

/** AP, or APX (AP[2]) and AP from ARMv6 on. 000 is below. */
const PERMISSIONS: Readonly<Record<string, Printed>> = {
  "001": "rw -",
  "010": "rw r",
  "011": "rw rw",
  "100": "- -",
  "101": "r -",
  "110": "r r",
  "111": "r r",
};
/** S and R of the control register, where AP is 000. */
const BY_SYSTEM: Readonly<Record<string, Printed>> = { "00": "- -", "10": "r -", "01": "r r", "11": "- -" };

/** Rights of a printed row: whoever may read may execute, unless XN forbids it. */
const rightsOf = (printed: Printed, xn: string): Rights => {
  const [kernel = "", user = ""] = printed.split(" ").map((column) => {
    const execute = column.includes("r") && xn === "0" ? 4 : 0;
    return (column.includes("r") ? 1 : 0) + (column.includes("w") ? 2 : 0) + execute;
  });
  return Number(kernel) + 8 * Number(user);
};

/** @param ap APX and AP[1:0], as they are drawn */
export const permissionsFromTheTable = (ap: string, xn: string, format: Format, switches: Switches): Rights => {
  if (ap === "111" && format === "v6") return rightsOf("- -", xn);
  if (ap !== "000") return rightsOf(PERMISSIONS[ap] ?? "- -", xn);
  if (format === "v7") return rightsOf("- -", xn);
  return rightsOf(BY_SYSTEM[`${Number(switches["S"] ?? false)}${Number(switches["R"] ?? false)}`] ?? "- -", xn);
};

/** Bit 31 first, as the figures draw it. */
const drawn = (word: bigint): string => word.toString(2).padStart(32, "0");
/** Bits high:low of a drawn word. */
const slice = (bits: string, high: number, low = high): string => bits.slice(31 - high, 32 - low);
const address = (bits: string, high: number, low: number): bigint => BigInt(`0b${slice(bits, high, low)}`) << BigInt(low);

/** TEX, C, B of what is kept in some cache: with TEX = 1xx two policies, of which 00 means none. */
const isCached = (tex: string, c: string, b: string): boolean =>
  tex.startsWith("1") ? tex.slice(1) !== "00" || c + b !== "00" : c === "1";

const readV5 = ({ extendedSmallPages = false, supersections = false }: OracleOptions): NonNullable<Oracle["levels"]> => {
  const leaf = (
    bits: string,
    physical: bigint,
    aps: readonly string[],
    switches: Switches,
    more: Partial<DecodedEntry> = {},
  ): DecodedEntry => {
    const rights = aps.map((ap) => permissionsFromTheTable(`0${ap}`, "0", "v5", switches));
    return {
      kind: "leaf",
      physical,
      rights: rights.reduce((all, each) => all & each),
      isGlobal: false,
      isCacheable: slice(bits, 3) === "1",
      ...(aps.length > 1 ? { partRights: rights } : {}),
      ...more,
    };
  };
  return [
    (word, switches) => {
      const bits = drawn(word);
      if (slice(bits, 1, 0) === "00") return { kind: "absent" };
      const domain = Number(`0b${slice(bits, 8, 5)}`);
      if (slice(bits, 1, 0) === "01") return { kind: "table", physical: address(bits, 31, 10), domain };
      if (slice(bits, 1, 0) === "10" && supersections && slice(bits, 18) === "1")
        return leaf(bits, address(bits, 31, 24), [slice(bits, 11, 10)], switches, { entries: 16 });
      if (slice(bits, 1, 0) === "10") return leaf(bits, address(bits, 31, 20), [slice(bits, 11, 10)], switches, { domain });
      return { kind: "malformed" };
    },
    (word, switches) => {
      const bits = drawn(word);
      const aps = [slice(bits, 5, 4), slice(bits, 7, 6), slice(bits, 9, 8), slice(bits, 11, 10)];
      if (slice(bits, 1, 0) === "00") return { kind: "absent" };
      if (slice(bits, 1, 0) === "01") return leaf(bits, address(bits, 31, 16), aps, switches, { entries: 16 });
      if (slice(bits, 1, 0) === "10") return leaf(bits, address(bits, 31, 12), aps, switches);
      return extendedSmallPages ? leaf(bits, address(bits, 31, 12), aps.slice(0, 1), switches) : { kind: "malformed" };
    },
  ];
};

const readV6 = ({ format, accessFlag = false }: OracleOptions): NonNullable<Oracle["levels"]> => {
  const leaf = (physical: bigint, apx: string, ap: string, xn: string, ng: string, cached: boolean, switches: Switches): DecodedEntry => ({
    kind: "leaf",
    physical,
    // With the access flag AP[0] says that, and the permissions are those of AP[2:1] with AP[0] set.
    rights: permissionsFromTheTable(apx + (accessFlag ? ap.slice(0, 1) + "1" : ap), xn, format, switches),
    isGlobal: ng === "0",
    isCacheable: cached,
    ...(accessFlag ? { isAccessed: ap.endsWith("1") } : {}),
  });
  return [
    (word, switches) => {
      const bits = drawn(word);
      if (slice(bits, 1, 0) === "00") return { kind: "absent" };
      const domain = Number(`0b${slice(bits, 8, 5)}`);
      if (slice(bits, 1, 0) === "01") return { kind: "table", physical: address(bits, 31, 10), domain };
      if (slice(bits, 1, 0) === "11") return { kind: "malformed" };
      const isSuper = slice(bits, 18) === "1";
      const physical = isSuper ? address(bits, 31, 24) : address(bits, 31, 20);
      const cached = isCached(slice(bits, 14, 12), slice(bits, 3), slice(bits, 2));
      const more = isSuper ? { entries: 16 } : { domain };
      return { ...more, ...leaf(physical, slice(bits, 15), slice(bits, 11, 10), slice(bits, 4), slice(bits, 17), cached, switches) };
    },
    (word, switches) => {
      const bits = drawn(word);
      if (slice(bits, 1, 0) === "00") return { kind: "absent" };
      const isLarge = slice(bits, 1, 0) === "01";
      const tex = isLarge ? slice(bits, 14, 12) : slice(bits, 8, 6);
      const xn = isLarge ? slice(bits, 15) : slice(bits, 0);
      const physical = isLarge ? address(bits, 31, 16) : address(bits, 31, 12);
      const cached = isCached(tex, slice(bits, 3), slice(bits, 2));
      const entries = isLarge ? 16 : 1;
      return { entries, ...leaf(physical, slice(bits, 9), slice(bits, 5, 4), xn, slice(bits, 11), cached, switches) };
    },
  ];
};

/** A second decoder for the formats that `arm` takes the same options for. */
export const oracleOf = (options: OracleOptions): Oracle => ({
  manual: options.format === "v5" ? "ARM926EJ-S TRM (DDI 0198D) §3.2" : "ARMv7-A ARM (DDI 0406C) §B3.5",
  levels: options.format === "v5" ? readV5(options) : readV6(options),
});

/** For `arm32`. */
export const oracle: Oracle = oracleOf({ format: "v5" });
