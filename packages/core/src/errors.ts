/**
 * The one table of what a caller can do wrong, and the error that says so.
 *
 * Three troubles take three roads: the caller broke the contract → a `PortolanError` with a stable code; the guest was
 * refused → an outcome value, which is ordinary life; we are wrong → a plain `Error`.
 */

/** HelenOS result names that an error shows at the system-call face. @see HelenOS abi/include/abi/errno.h */
export type Errno = "ENOENT" | "ENOMEM" | "EPERM" | "ENOTSUP" | "EADDRNOTAVAIL" | "EINVAL" | "EBUSY" | "EEXISTS" | "EACCES";

/** What is known of an error before it happens. */
export interface ErrorEntry {
  /** One sentence without values and without a full stop. */
  readonly says: string;
  /** What the caller can do about it. */
  readonly hint: string;
  /** What the system-call face answers; `EINVAL` where nothing is said. */
  readonly errno?: Errno;
}

/** Every error the product throws at callers, by code. docs/errors.md is made from it. */
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
  ERR_NO_TREE: {
    says: "the machine's translations lie in no tree of tables",
    hint: "machines with a page hash table or a TSB have no root to start from",
    errno: "ENOTSUP",
  },
  ERR_NO_SOURCE: {
    says: "there is no such place to look for translations",
    hint: "name one that is there, or say where it lies: --tlb FILE, --tsb REGISTER=VALUE, --root ADDRESS",
    errno: "ENOTSUP",
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
  ERR_AREA_FLAGS: {
    says: "the area flags are unknown, give no permission, or ask for writing and executing at once",
    hint: "combine READ, WRITE, EXECUTE and CACHEABLE, at least one of the first three, never WRITE with EXECUTE",
  },
  ERR_AREA_NOT_FOUND: {
    says: "no area lies at that address",
    hint: "print the address space to see its areas",
    errno: "ENOENT",
  },
  ERR_AREA_OVERLAP: {
    says: "the area would cover pages that already belong to another area, or its guard pages",
    hint: "choose another address, or let the address space choose one",
    errno: "EADDRNOTAVAIL",
  },
  ERR_AREA_RANGE: {
    says: "the area would not lie wholly inside the range for user areas",
    hint: "page 0 is never mapped; the architecture's layout names the user range",
    errno: "EADDRNOTAVAIL",
  },
  ERR_NO_FREE_RANGE: {
    says: "no free range of that size lies between the bounds",
    hint: "widen the bounds, or ask for less",
    errno: "ENOMEM",
  },
  ERR_AREA_BUSY: {
    says: "the area is still being built",
    hint: "wait until the operation that builds it is complete",
    errno: "EBUSY",
  },
  ERR_AREA_NOT_RESIZABLE: {
    says: "an area of this kind cannot change its size",
    hint: "device memory and shared areas keep their size; destroy and create instead",
    errno: "ENOTSUP",
  },
  ERR_AREA_EMPTY: {
    says: "the area would have no page left",
    hint: "destroy the area instead",
    errno: "EPERM",
  },
  ERR_AREA_KIND: {
    says: "an area with this backend, or a shared one, does not support the operation",
    hint: "the operation's documentation names the kinds it supports",
    errno: "ENOTSUP",
  },
  ERR_SHARE_SIZE: {
    says: "the size to share is not the size of the source area",
    hint: "share whole areas only",
    errno: "EPERM",
  },
  ERR_SHARE_RIGHTS: {
    says: "the destination would have rights that the source has not",
    hint: "ask for a subset of the source's flags",
    errno: "EPERM",
  },
  ERR_ACCESS: {
    says: "an area there may never have that right",
    hint: "the rights an area may get are fixed when it is mapped: a file that was opened for reading is never written through a shared mapping",
    errno: "EACCES",
  },
  ERR_PAGE_MAPPED: {
    says: "the page is mapped already",
    hint: "destroy the area, or choose another page",
    errno: "EEXISTS",
  },
  ERR_SPACE_IN_USE: {
    says: "the address space is still held or installed on a processor",
    hint: "switch processors away from it and release every hold first",
    errno: "EBUSY",
  },
  ERR_SPACE_GONE: {
    says: "the address space has been destroyed",
    hint: "hold a space for as long as you use it",
    errno: "ENOENT",
  },
  ERR_PAGER_ANSWERED: {
    says: "the request has been answered already",
    hint: "answer or fail each request once; `isOpen` says whether an answer is still awaited",
    errno: "EBUSY",
  },
  ERR_PAGER_PAGE: {
    says: "the pager's answer is no page",
    hint: "answer with exactly the bytes that the request wants, or with a whole page; the request has failed with EIO",
  },
  ERR_PAGER_FAILED: {
    says: "the pager threw, or could not do what was asked",
    hint: "the cause is the pager's own error, where it threw; try again when its storage works",
  },
  ERR_FILE_GONE: {
    says: "the file object has been closed and its pages are gone",
    hint: "hold it open, or mapped, for as long as you use it",
    errno: "ENOENT",
  },
  ERR_FILE_READ_ONLY: {
    says: "the file object cannot be written",
    hint: "make it with `isWritable`, over a pager that keeps what it is given",
    errno: "EPERM",
  },
  ERR_PROCESS_GONE: {
    says: "the process has exited",
    hint: "ask `isGone` of a process that others may have ended",
    errno: "ENOENT",
  },
  ERR_UNKNOWN_ARCHITECTURE: {
    says: "no architecture of that name could be loaded",
    hint: "name one that is installed, a package, or a module that exports one; CONTRIBUTING.md shows how to add a machine",
  },
  ERR_BAD_ELF: {
    says: "the file is no ELF executable that can be loaded",
    hint: "an ELF32 or ELF64 executable, static, dynamic or position-independent, is wanted; `readelf -lW FILE` shows its segments",
  },
  ERR_BAD_IMAGE: {
    says: "the memory image cannot be what its headers say",
    hint: "see the place (a byte of the file) and the reason; give a format to overrule recognition, or accept truncated files",
  },
  ERR_IMAGE_UNSUPPORTED: {
    says: "the file is of a known kind that is not read here",
    hint: "convert it with the tool that made it: raw physical memory, ELF core files and LiME are read",
  },
  ERR_BAD_LISTING: {
    says: "the text is no listing of a TLB",
    hint: "the error names line and column; our JSON form, QEMU's `info tlb` for sparc64 and what Linux prints for MIPS are read",
  },
  ERR_BAD_TRACE: {
    says: "the text is no memory trace",
    hint: "record one with `valgrind --tool=lackey --trace-mem=yes PROGRAM 2> FILE`",
  },
  ERR_SCENARIO: {
    says: "an operation of the scenario ended otherwise than its log says",
    hint: "`--show steps` prints how every operation ended",
  },
  ERR_BAD_LOG: {
    says: "the text is no log of operations",
    hint: "the error names the line; docs/scenarios.md describes the form",
  },
  ERR_BAD_EXPECTATIONS: {
    says: "the file of expected failures cannot be read",
    hint: "the error names the place; docs/conformance.md shows the format",
  },
  ERR_BAD_VECTORS: {
    says: "the file holds no golden vectors",
    hint: "the error names the place; docs/vectors.md describes the format",
  },
  ERR_QEMU_MISSING: {
    says: "QEMU for this machine is not on PATH",
    hint: "install the package that the error names; Debian, Ubuntu and most others have it",
  },
  ERR_QEMU_TOO_OLD: {
    says: "this QEMU is older than the oldest that is known to judge",
    hint: "install a newer one, or put it first on PATH",
  },
  ERR_QEMU_FAILED: {
    says: "QEMU did not start, refused its machine or processor, or ended before it was told to",
    hint: "what it said itself is in the error; a QEMU that was built without this processor has to be replaced",
  },
  ERR_QEMU_SILENT: {
    says: "the program inside QEMU did not answer in time",
    hint: "try again on a machine that is less busy; `--cases` asks for fewer",
  },
  ERR_BAD_ADAPTER: {
    says: "the program does not answer as an adapter does",
    hint: "docs/adapter-protocol.md describes requests and answers; examples/adapter-amd64 is one to start from",
  },
  ERR_DOES_NOT_FIT: {
    says: "the program or the trace does not fit the machine's address space as it stands",
    hint: "regions of a trace may be moved with `--rebase`; a program wants a machine with a wider user range, or with smaller pages",
  },
  ERR_ACCESS_REFUSED: {
    says: "the machine refused accesses of the program or the trace",
    hint: "if memory ran out, give the machine more (`--memory`); otherwise look at the address as `portolan walk --help` shows",
  },
  ERR_BAD_ARCHITECTURE: {
    says: "the description of the architecture cannot be right",
    hint: "mend every reason that is listed; the contract is documented in docs/contract.md",
  },
} as const satisfies Record<string, ErrorEntry>;

/** A code of {@link ERRORS}. Codes are stable: they may be compared, stored and documented. */
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
  if (typeof value === "bigint") return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
  if (typeof value === "object" && value !== null) return value.join("; ");
  return String(value);
};
