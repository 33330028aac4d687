/**
 * The registers that the MMU shows a trap handler, as pure functions: what was missed, which slot of a TSB to look into,
 * and the addresses that demap operations are written to. Values are 64-bit, as bigints: people and tests read them; the
 * refill code works on the same formulas with numbers.
 */
const low = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const WORD = low(64);

/** VA[63:13] and the context of the access. @see UltraSPARC I/II User's Manual §6.9.7 */
export const tagAccess = (address: bigint, context: number): bigint => (address & WORD & ~low(13)) | BigInt(context);

/** What a TSB entry's tag must be equal to. @see USUM §6.9.2 */
export const tagTarget = (address: bigint, context: number): bigint => (BigInt(context) << 48n) | ((address & WORD) >> 22n);

/** What the TSB register holds. @see USUM §6.9.6 */
export interface TsbRegister {
  /** Virtual address of the buffer. */
  readonly base: bigint;
  /** The buffer has 512 × 2^size slots (each half of it, where split). */
  readonly size: number;
  /** Have 8 KiB and 64 KiB pages a half each? */
  readonly split?: boolean;
}

/** @see USUM §6.9.6 */
export const tsbRegister = ({ base, size, split = false }: TsbRegister): bigint =>
  (base & WORD & ~low(13)) | (split ? 1n << 12n : 0n) | BigInt(size);

/** Address of the slot for an address, as the pointer registers compute it. Low bits of an unaligned base drop out. @see USUM §6.3.1 */
export const tsbPointer = ({ base, size, split = false }: TsbRegister, address: bigint, pageShift: 13 | 16): bigint => {
  const index = ((address & WORD) >> BigInt(pageShift)) & low(9 + size);
  const slots = BigInt(13 + size);
  if (!split) return (base & WORD & ~low(13 + size)) | (index << 4n);
  return (base & WORD & ~low(14 + size)) | (pageShift === 16 ? 1n << slots : 0n) | (index << 4n);
};

/** Which context register a demap operation means. */
export type DemapContext = "primary" | "secondary" | "nucleus";
const CONTEXTS: Readonly<Record<DemapContext, bigint>> = { primary: 0n, secondary: 1n, nucleus: 2n };

/** Address that "demap page" is written to. @see USUM §6.9.10, figure 6-15 */
export const demapPage = (address: bigint, context: DemapContext): bigint => (address & WORD & ~low(13)) | (CONTEXTS[context] << 4n);

/** Address that "demap context" is written to. */
export const demapContext = (context: DemapContext): bigint => (1n << 6n) | (CONTEXTS[context] << 4n);
