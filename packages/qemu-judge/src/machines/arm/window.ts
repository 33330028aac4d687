/** Where the ARM's stub is mapped while it probes: the last section of the address space or the first, whichever nobody asks for. */
import { dacrOf } from "@portolan/arch-arm";
import type { JudgedCase, JudgedQuery } from "../../case.js";
import { PageImage } from "../../page-image.js";
import type { Window } from "../profile.js";

const SECTION_SHIFT = 20n;
const LAST_PLACE = 4095;
/** A section, AP = 01: the kernel's alone, executable. With SCTLR.AFE that reads as AP[2:1] = 00 and the access flag, which is the same. */
const KERNELS_SECTION = 0x402;
const DOMAINS = 16;

const images = new WeakMap<JudgedCase, PageImage>();

/** A word of a case's memory. */
const wordAt = (judged: JudgedCase, address: number): number => {
  let image = images.get(judged);
  if (image === undefined) {
    image = new PageImage(judged.memory);
    images.set(judged, image);
  }
  const bytes = image.read(address, 4);
  return new DataView(bytes.buffer).getUint32(0, true);
};

/** The root that translates an address: TTBR1's from 2^(32 − N) on. */
const rootOf = ({ root = 0, kernelRoot = root }: JudgedCase, address: bigint, ttbcrN: number): number =>
  ttbcrN > 0 && address >> BigInt(32 - ttbcrN) !== 0n ? kernelRoot : root;

/** Physical address of the first-level descriptor of an address. */
export const firstPlace = (judged: JudgedCase, address: bigint, ttbcrN: number): number =>
  rootOf(judged, address, ttbcrN) + 4 * Number(address >> SECTION_SHIFT);

export const firstWord = (judged: JudgedCase, { address }: Pick<JudgedQuery, "address">, ttbcrN: number): number =>
  wordAt(judged, firstPlace(judged, address, ttbcrN));

/** Type 1 of the first level: a table of the second. Type 3, where it is one, has 1024 descriptors. */
const secondPlace = (first: number, address: bigint): number | null => {
  if ((first & 3) === 1) return (first & ~0x3ff) + 4 * Number((address >> 12n) & 0xffn);
  return (first & 3) === 3 ? (first & ~0xfff) + 4 * Number((address >> 10n) & 0x3ffn) : null;
};

/** 0 for a supersection. ARMv5 has none, and asks more domains than there are for it: that only costs a choice. */
const domainsOf = (first: number): readonly number[] => {
  const named = (first >>> 5) & 15;
  return (first & 0x4_0003) === 0x4_0002 ? [named, 0] : [named];
};

/**
 * The stub's section at a place that no access's walk reads, in a domain that no access is in, so that it can be opened; null if
 * all of one kind are taken.
 */
export const windowOf = (judged: JudgedCase, queries: readonly JudgedQuery[], ttbcrN: number, stub: number): Window | null => {
  const read = new Set<number>();
  const domains = new Set<number>();
  for (const { address } of queries) {
    const place = firstPlace(judged, address, ttbcrN);
    const first = wordAt(judged, place);
    const second = secondPlace(first, address);
    read.add(place);
    if (second !== null) read.add(second >>> 0);
    for (const domain of domainsOf(first)) domains.add(domain);
  }
  const dacr = dacrOf(judged.switches);
  const all = Array.from({ length: DOMAINS }, (_, domain) => domain);
  const domain = all.find((each) => !domains.has(each)) ?? all.find((each) => ((dacr >>> (2 * each)) & 1) === 1);
  const base = [LAST_PLACE, 0].map((index) => BigInt(index) << SECTION_SHIFT).find((each) => !read.has(firstPlace(judged, each, ttbcrN)));
  if (domain === undefined || base === undefined) return null;
  const descriptor = new Uint8Array(4);
  new DataView(descriptor.buffer).setUint32(0, stub + KERNELS_SECTION + domain * 32, true);
  const isChecked = ((dacr >>> (2 * domain)) & 1) === 1;
  const opened = isChecked ? dacr : ((dacr & ~(3 << (2 * domain))) | (1 << (2 * domain))) >>> 0;
  return { patch: [{ at: firstPlace(judged, base, ttbcrN), bytes: descriptor }], registers: [opened, base] };
};
