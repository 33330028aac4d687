/**
 * The manual's algorithm of ten steps, written down once more on bigints, with nothing taken from the machine that is tested.
 *
 * @see RISC-V Privileged Architecture (20211203) §4.3.2 (the algorithm), §4.4.1, §4.5.1, §4.6.1, §5.1 (Svnapot), §6 (Svpbmt)
 */
export type AccessName = "read" | "write" | "fetch";

export interface Hart {
  readonly levels: 3 | 4 | 5;
  readonly marks: "hardware" | "fault";
  readonly svnapot: boolean;
  readonly svpbmt: boolean;
  readonly sum: boolean;
  readonly mxr: boolean;
}

export interface Verdict {
  /** Where the byte is, or scause. */
  readonly is: bigint | string;
  /** The one word that the hart writes, if it does. */
  readonly write: { readonly address: bigint; readonly value: bigint } | null;
}

const PAGESIZE = 4096n;
const bit = (word: bigint, n: number): boolean => ((word >> BigInt(n)) & 1n) === 1n;
const field = (word: bigint, high: number, low: number): bigint => (word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

/** Are bits 63 down to the highest translated one all the same? */
export const isCanonical = (va: bigint, levels: number): boolean => {
  const top = BigInt.asIntN(64, va) >> BigInt(11 + 9 * levels);
  return top === 0n || top === -1n;
};

/** @param read a word of physical memory, or null where there is none */
export const translate = (
  read: (address: bigint) => bigint | null,
  root: bigint,
  va: bigint,
  access: AccessName,
  isUser: boolean,
  hart: Hart,
): Verdict => {
  const pageFault: Verdict = { is: `scause ${{ fetch: 12, read: 13, write: 15 }[access]}`, write: null };
  const accessFault: Verdict = { is: `scause ${{ fetch: 1, read: 5, write: 7 }[access]}`, write: null };
  if (!isCanonical(va, hart.levels)) return pageFault;
  // Step 1.
  let a = root;
  let i = hart.levels - 1;
  for (;;) {
    // Step 2.
    const vpn = field(va, 20 + 9 * i, 12 + 9 * i);
    const address = a + vpn * 8n;
    const pte = read(address);
    if (pte === null) return accessFault;
    const [v, r, w, x, u] = [0, 1, 2, 3, 4].map((n) => bit(pte, n));
    // Step 3, as far as any entry goes.
    if (!v || (!r && w)) return pageFault;
    if (field(pte, 60, 54) !== 0n) return pageFault;
    const ppn = field(pte, 53, 10);
    // Step 4.
    if (!r && !x) {
      const isClean = !bit(pte, 4) && !bit(pte, 6) && !bit(pte, 7) && field(pte, 63, 61) === 0n;
      if (!isClean || i === 0) return pageFault;
      i -= 1;
      a = ppn * PAGESIZE;
      continue;
    }
    // Step 3 again: what is reserved in leaves.
    const pbmt = field(pte, 62, 61);
    if (hart.svpbmt ? pbmt === 3n : pbmt !== 0n) return pageFault;
    const isNapot = bit(pte, 63);
    if (isNapot && (!hart.svnapot || i > 0 || field(pte, 13, 10) !== 8n)) return pageFault;
    // Step 5.
    if (isUser ? !u : u && (access === "fetch" || !hart.sum)) return pageFault;
    const isAllowed = access === "fetch" ? x : access === "write" ? w : r || (x && hart.mxr);
    if (!isAllowed) return pageFault;
    // Step 6.
    if (i > 0 && field(ppn, 9 * i - 1, 0) !== 0n) return pageFault;
    // Step 7.
    let write: Verdict["write"] = null;
    if (!bit(pte, 6) || (access === "write" && !bit(pte, 7))) {
      if (hart.marks === "fault") return pageFault;
      write = { address, value: pte | 0x40n | (access === "write" ? 0x80n : 0n) };
    }
    // Step 8.
    const low = isNapot ? 16 : 12 + 9 * i;
    const pa = ((ppn * PAGESIZE) >> BigInt(low)) * (1n << BigInt(low)) + field(va, low - 1, 0);
    if (read(pa - (pa % 8n)) === null) return { ...accessFault, write };
    return { is: pa, write };
  }
};
