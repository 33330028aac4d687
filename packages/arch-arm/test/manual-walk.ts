/**
 * A walk as the manual tells it, one word after the other, on the second decoder: for comparison with the hardware walk and
 * with the explanation. Faults come in the manual's order: translation, access flag, domain, permission.
 */
import {
  ABSENT,
  BUS,
  DOMAIN,
  EXECUTE,
  NO_FAULT,
  PROTECTION,
  RESERVED,
  UNMARKED,
  WRITE,
  type Access,
  type DecodedEntry,
  type FaultReason,
  type Privilege,
  type Switches,
} from "@portolan/core";
import type { Format } from "#src/index.js";
import { oracleOf, permissionsFromTheTable } from "#src/oracle.js";

/** What the coprocessor's registers hold, and how the processor is configured. */
export interface Registers {
  readonly format: Format;
  /** What the processor was made for: the layout of its fault status registers. Absent: as `format`. */
  readonly native?: Format;
  readonly accessFlag: boolean;
  readonly extendedSmallPages: boolean;
  /** Bit 18 makes a supersection of a section, in the format of ARMv5 too. */
  readonly supersections: boolean;
  readonly ttbr0: number;
  readonly ttbr1: number;
  readonly ttbcrN: number;
  readonly dacr: number;
  readonly switches: Switches;
}

export interface Outcome {
  readonly reason: FaultReason;
  /** −1 where refused. */
  readonly physical: number;
  readonly depth: number;
  readonly domain: number;
  /** Fault status: bits 3:0, domain in 7:4, and what tells a write. 0 where nothing was refused. */
  readonly code: number;
}

const NO_ACCESS = 0;
const MANAGER = 3;

/** ARM926EJ-S TRM table 3-9; ARMv7-A ARM table B3-23. */
const statusOf = (reason: FaultReason, depth: number, onWalk: boolean, format: Format): number => {
  const isPage = depth === 1;
  if (reason === BUS && onWalk) return isPage ? 0xe : 0xc;
  if (reason === BUS) return isPage && format === "v5" ? 0xa : 0x8;
  if (reason === UNMARKED) return isPage ? 0x6 : 0x3;
  if (reason === DOMAIN) return isPage ? 0xb : 0x9;
  if (reason === PROTECTION) return isPage ? 0xf : 0xd;
  return isPage ? 0x7 : 0x5;
};

/** @param read a word of memory, or −1 where there is none */
export const manualWalk = (
  read: (address: number) => number,
  registers: Registers,
  address: number,
  access: Access,
  privilege: Privilege,
): Outcome => {
  const { format, native = format, accessFlag, extendedSmallPages, supersections, ttbr0, ttbr1, ttbcrN, dacr, switches } = registers;
  const [first, second] = oracleOf({ format, accessFlag, extendedSmallPages, supersections }).levels ?? [];
  if (first === undefined || second === undefined) throw new Error("two levels");
  const refuse = (reason: FaultReason, depth: number, domain: number, onWalk = true): Outcome => {
    const isFetch = access === EXECUTE;
    const wnr = native !== "v5" && access === WRITE ? 0x800 : 0;
    const shown = isFetch && native !== "v5" ? 0 : domain;
    return { reason, physical: -1, depth, domain, code: statusOf(reason, depth, onWalk, native) + shown * 16 + wnr };
  };
  const judge = (
    { physical = 0n, isAccessed = true }: DecodedEntry,
    rights: number,
    size: number,
    depth: number,
    domain: number,
  ): Outcome => {
    if (!isAccessed) return refuse(UNMARKED, depth, domain);
    const standing = (dacr >>> (2 * domain)) & 3;
    if (standing === NO_ACCESS || standing === 2) return refuse(DOMAIN, depth, domain);
    if (standing !== MANAGER && ((rights >>> (3 * privilege)) & access) === 0) return refuse(PROTECTION, depth, domain);
    const at = Number(physical) + (address % size);
    if (read(at - (at % 4)) < 0) return refuse(BUS, depth, domain, false);
    return { reason: NO_FAULT, physical: at, depth, domain, code: 0 };
  };

  const isUpper = ttbcrN > 0 && address >= 2 ** (32 - ttbcrN);
  const descriptor = read((isUpper ? ttbr1 : ttbr0) + Math.floor(address / 2 ** 20) * 4);
  if (descriptor < 0) return refuse(BUS, 0, 0);
  const one = first(BigInt(descriptor), switches);
  if (one.kind === "absent") return refuse(ABSENT, 0, 0);
  if (one.kind === "malformed") return refuse(RESERVED, 0, 0);
  const isSuper = (format !== "v5" || supersections) && one.kind === "leaf" && ((descriptor >>> 18) & 1) === 1;
  const domain = isSuper ? 0 : (descriptor >>> 5) & 15;
  if (one.kind === "leaf") return judge(one, one.rights ?? 0, isSuper ? 2 ** 24 : 2 ** 20, 0, domain);

  const word = read(Number(one.physical) + (Math.floor(address / 4096) % 256) * 4);
  if (word < 0) return refuse(BUS, 1, domain);
  const two = second(BigInt(word), switches);
  if (two.kind === "absent") return refuse(ABSENT, 1, domain);
  if (two.kind === "malformed") return refuse(RESERVED, 1, domain);
  const isLarge = (word & 3) === 1;
  const size = isLarge ? 65536 : 4096;
  if (format !== "v5" || (word & 3) === 3) return judge(two, two.rights ?? 0, size, 1, domain);
  // Each quarter has permissions of its own: AP0 at bits 5:4 is that of the lowest.
  const quarter = Math.floor(((address % size) * 4) / size);
  const ap = ((word >>> (4 + 2 * quarter)) & 3).toString(2).padStart(2, "0");
  return judge(two, permissionsFromTheTable(`0${ap}`, "0", "v5", switches), size, 1, domain);
};
