/** What a listing may cost, whoever wrote it. */

/** Most characters. */
export const MOST_CHARACTERS = 2 ** 24;
/** Most entries, and most of anything else that is counted; no processor has a hundredth of it. */
export const MOST_ROWS = 2 ** 16;
/** Most processors. */
export const MOST_STATES = 8192;
/** Names of registers, words, switches and machines. */
export const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
/** No entry maps more. */
export const MOST_BYTES = 2 ** 52;
export const ADDRESSES = 1n << 64n;

/** Sizes of pages are powers of two. */
export const isPageSize = (bytes: number): boolean => bytes >= 1 && bytes <= MOST_BYTES && Number.isInteger(Math.log2(bytes));

/** An address without the bits that lie within its page. */
export const aligned = (address: bigint, bytes: number): bigint => address - (address % BigInt(bytes));
