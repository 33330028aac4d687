/**
 * The one table of what a caller can do wrong, and the error that says so.
 *
 * Three troubles take three roads: the caller broke the contract → a `PortolanError` with a stable code; the guest was
 * refused → an outcome value, which is ordinary life; we are wrong → a plain `Error`.
 */

/** HelenOS result names that an error shows at the system-call face. @see HelenOS abi/include/abi/errno.h */
export type Errno = "ENOENT" | "ENOMEM" | "EPERM" | "ENOTSUP" | "EADDRNOTAVAIL" | "EINVAL" | "EBUSY" | "EEXIST";

export interface ErrorEntry {
  /** One sentence without values and without a full stop. */
  readonly says: string;
  /** What the caller can do about it. */
  readonly hint: string;
  /** What the system-call face answers; `EINVAL` where nothing is said. */
  readonly errno?: Errno;
}

export const ERRORS = {
  ERR_BAD_ARGUMENT: {
    says: "an argument is outside what the operation accepts",
    hint: "see the named value; the operation's documentation gives its range and unit",
  },
  ERR_BAD_ADDRESS: {
    says: "the address is not one this machine has",
    hint: "addresses are non-negative, fit the machine's width and, where it has a hole, are canonical",
  },
  ERR_MISALIGNED: {
    says: "the address is not a multiple of the required alignment",
    hint: "round the address down to the alignment, and the size up",
  },
  ERR_OUT_OF_MEMORY: {
    says: "an allocation failed",
    hint: "give the machine more memory, or release something first; nothing has changed",
    errno: "ENOMEM",
  },
  ERR_OUT_OF_FRAMES: {
    says: "physical memory has no free frame, or no free run of that many frames, left",
    hint: "give the machine more memory, or release something first; nothing has changed",
    errno: "ENOMEM",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** A value an error can show. Addresses are bigint and print in hexadecimal. */
export type ErrorValue = bigint | number | string | boolean | null | readonly string[];

/** The caller broke the contract. Nothing has changed when it is thrown. */
export class PortolanError extends Error {
  readonly code: ErrorCode;
  readonly values: Readonly<Record<string, ErrorValue>>;
  readonly hint: string;
  readonly errno: Errno;

  /**
   * @param code stable, documented in docs/errors.md
   * @param values the offending values by name
   * @param cause the error underneath, where there is one
   */
  constructor(code: ErrorCode, values: Readonly<Record<string, ErrorValue>> = {}, cause?: unknown) {
    const entry: ErrorEntry = ERRORS[code];
    super(entry.says + listed(values), cause === undefined ? undefined : { cause });
    this.name = "PortolanError";
    this.code = code;
    this.values = values;
    this.hint = entry.hint;
    this.errno = entry.errno ?? "EINVAL";
  }
}

const listed = (values: Readonly<Record<string, ErrorValue>>): string => {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${shown(value)}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
};

const shown = (value: ErrorValue): string => {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "object" && value !== null) return value.join("; ");
  return String(value);
};
