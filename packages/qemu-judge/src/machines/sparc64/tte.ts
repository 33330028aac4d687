/** Words of the UltraSPARC MMU, read and written by the port's own formats. @see UltraSPARC I & II User's Manual §6.2, §6.9.7 */
import { dataTte, instructionTte } from "@portolan/arch-sparc64";
import {
  ENTRY_GLOBAL,
  ENTRY_LOCKED,
  FormatCodec,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  permits,
  READ,
  USER,
  WRITE,
  KERNEL,
  type Machine,
  type PageFlags,
  type Switches,
  type Tlb,
} from "@portolan/core";
import type { JudgedEntry } from "../../case.js";

export type Unit = JudgedEntry["unit"];

export const HARDWARE_PAGE = 0x2000n;
export const VALID = 1n << 63n;
export const NFO = 1n << 60n;
export const OTHER_ORDER = 1n << 59n;
export const LOCKED = 1n << 6n;
export const CACHED = 1n << 5n;
export const PRIVILEGED_ONLY = 1n << 2n;
export const WRITABLE = 1n << 1n;
export const GLOBAL = 1n;
const SIZE_SHIFT = 61n;

/** Pages of 8 KiB, 64 KiB, 512 KiB and 4 MiB, as the field Size counts them. */
export type Size = 0 | 1 | 2 | 3;
export const sized = (size: Size): bigint => BigInt(size) << SIZE_SHIFT;
export const bytesOf = (tte: bigint): bigint => HARDWARE_PAGE << (((tte >> SIZE_SHIFT) & 3n) * 3n);
/** The first address of the page of this size that an address lies in. */
export const startOf = (address: bigint, tte: bigint): bigint => address & ~(bytesOf(tte) - 1n);

const codecs = {
  instruction: new FormatCodec(instructionTte, {}),
  plain: new FormatCodec(dataTte(false), {}),
  virtuallyCached: new FormatCodec(dataTte(true), {}),
} as const;

export const codecOf = (unit: Unit, switches: Switches): FormatCodec =>
  unit === "instruction" ? codecs.instruction : switches["CV"] ? codecs.virtuallyCached : codecs.plain;

export const encoded = (codec: FormatCodec, physical: number, flags: PageFlags): bigint =>
  (BigInt(codec.encodeHigh(physical, flags) >>> 0) << 32n) | BigInt(codec.encodeLow(physical, flags) >>> 0);

const tlbOf = (machine: Machine, unit: Unit): Tlb => (unit === "instruction" ? machine.cpu(0).instructionTlb : machine.cpu(0).dataTlb);

/** Puts an entry into a machine of ours. One that is not valid empties its place. */
export const loadEntry = (machine: Machine, { unit, index, words: [tag = 0n, tte = 0n] }: JudgedEntry): void => {
  const tlb = tlbOf(machine, unit);
  tlb.drop(index);
  if ((tte & VALID) === 0n) return;
  const codec = codecOf(unit, machine.cpu(0).switches);
  const [low, high] = [Number(tte & 0xffff_ffffn), Number(tte >> 32n)];
  const span = Number(bytesOf(tte) / HARDWARE_PAGE);
  const frame = codec.addressOf(low, high) / Number(HARDWARE_PAGE);
  tlb.write(
    index,
    Number(tag / HARDWARE_PAGE),
    span,
    frame - (frame % span),
    Number(tag % HARDWARE_PAGE),
    codec.rightsOf(low, high),
    ((tte & GLOBAL) === 0n ? 0 : ENTRY_GLOBAL) | ((tte & LOCKED) === 0n ? 0 : ENTRY_LOCKED),
  );
};

/** What a processor of ours has in its TLBs, in words. */
export const entriesOf = (machine: Machine): readonly JudgedEntry[] =>
  (["data", "instruction"] as const).flatMap((unit) => {
    const tlb = tlbOf(machine, unit);
    const codec = codecOf(unit, machine.cpu(0).switches);
    return Array.from({ length: tlb.geometry.entries }, (_, index) => index)
      .filter((index) => tlb.isValid(index))
      .map((index): JudgedEntry => {
        const rights = tlb.rights(index);
        const size = Math.log2(tlb.span(index)) / 3;
        const flags =
          PAGE_CACHEABLE |
          (permits(rights, KERNEL, WRITE) ? WRITE : 0) |
          (permits(rights, USER, unit === "data" ? READ : 4) ? PAGE_USER : 0) |
          (tlb.isGlobal(index) ? PAGE_GLOBAL : 0);
        const tag = BigInt(tlb.firstPage(index)) * HARDWARE_PAGE + BigInt(tlb.asid(index));
        const tte = encoded(codec, tlb.frame(index) * Number(HARDWARE_PAGE), flags) | (BigInt(size) << SIZE_SHIFT);
        return { unit, index, words: [tag, tte | (tlb.isLocked(index) ? LOCKED : 0n)] };
      });
  });
