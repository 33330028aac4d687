/**
 * Registers of EL1 that rule translation, as pure functions: what an operating system writes to them. Values are bigints of
 * 64 bits.
 *
 * @see Arm ARM (DDI 0487) D13.2: ESR_EL1, MAIR_EL1, SCTLR_EL1, TCR_EL1, TTBR0_EL1; C5.5 (TLBI)
 */
import type { Granule } from "./formats.js";

/** Bits of an output address by number of TCR_EL1.IPS, without the extension for 52. */
export const OUTPUT_SIZES: readonly number[] = [32, 36, 40, 42, 44, 48];

/** SCTLR_EL1: the MMU is on. */
export const SCTLR_M = 1n;
/** SCTLR_EL1: nobody executes what is writable. */
export const SCTLR_WXN = 1n << 19n;
/** PSTATE, as the register PAN shows it: the kernel does not access data that the user may. */
export const PSTATE_PAN = 1n << 22n;
/** TCR_EL1: the ASID has 16 bits. */
export const TCR_AS = 1n << 36n;
/** TCR_EL1: hardware sets AF. */
export const TCR_HA = 1n << 39n;
/** Memory types by number: 0 and 3 to 7 devices (nGnRnE), 1 normal memory that is written back, 2 a device (nGnRE). */
export const MAIR = 0x04_ff_00n;

/** TG0 and TG1 name the same granules by other numbers. */
const TG0: Readonly<Record<Granule, bigint>> = { 4: 0n, 64: 1n, 16: 2n };
const TG1: Readonly<Record<Granule, bigint>> = { 16: 1n, 4: 2n, 64: 3n };

/** What TCR_EL1 says of a machine. */
export interface TranslationControl {
  readonly granule: Granule;
  /** Address bits of each half. */
  readonly bits: number;
  readonly physicalBits: number;
  readonly asidBits: number;
  readonly setsAccessFlag: boolean;
}

/**
 * TCR_EL1 with both halves alike: ASIDs are TTBR0's, and walks go through caches that are written back, inner shareable.
 * Output sizes that the register has no number for become the next larger one.
 */
export const tcrOf = ({ granule, bits, physicalBits, asidBits, setsAccessFlag }: TranslationControl): bigint => {
  const size = BigInt(64 - bits);
  const number = OUTPUT_SIZES.findIndex((width) => width >= physicalBits);
  // ORGN and IRGN 01: written back, allocated by both; SH 11
  const walks = 0b11_01_01n << 8n;
  return (
    size |
    walks |
    (TG0[granule] << 14n) |
    (size << 16n) |
    (walks << 16n) |
    (TG1[granule] << 30n) |
    (BigInt(number) << 32n) |
    (asidBits === 16 ? TCR_AS : 0n) |
    (setsAccessFlag ? TCR_HA : 0n)
  );
};

const ASID_SHIFT = 48n;
const ASID_MASK = 0xffffn;
const BASE_MASK = (1n << ASID_SHIFT) - 2n;

/** A translation table base register: the root, and the ASID above it. */
export const ttbrOf = (root: number, asid: number): bigint => BigInt(root) | (BigInt(asid) << ASID_SHIFT);
/** The root and the ASID in such a register; CnP, bit 0, is left out. */
export const rootAndAsidOf = (ttbr: bigint): { readonly root: number; readonly asid: number } => ({
  root: Number(ttbr & BASE_MASK),
  asid: Number((ttbr >> ASID_SHIFT) & ASID_MASK),
});

/** Operand of TLBI VAE1 and its kind: bits 55:12 of the address, and the ASID. */
export const tlbiOperand = (address: bigint, asid = 0): bigint => ((address >> 12n) & ((1n << 44n) - 1n)) | (BigInt(asid) << ASID_SHIFT);
