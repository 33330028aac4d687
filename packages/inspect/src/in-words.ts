/** Small things that every answer is told with. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege, type WalkStep } from "@portolan/core/architecture";

export const ACCESS_NAMES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };
export const PRIVILEGE_NAMES: Readonly<Record<Privilege, string>> = { [KERNEL]: "kernel", [USER]: "user" };

export const hexadecimal = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Which entry: `"page table entry 5 at 0x1028"`; without a place where it does not lie in memory. */
export const entryInWords = ({ table, index, entryAddress }: Pick<WalkStep, "table" | "index" | "entryAddress">): string =>
  `${table} entry ${index}${entryAddress === null ? "" : ` at ${hexadecimal(entryAddress)}`}`;
