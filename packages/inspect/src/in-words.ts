/** Small things that every answer is told with. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core/architecture";

export const ACCESS_NAMES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };
export const PRIVILEGE_NAMES: Readonly<Record<Privilege, string>> = { [KERNEL]: "kernel", [USER]: "user" };

export const hexadecimal = (value: bigint | number): string => `0x${value.toString(16)}`;
