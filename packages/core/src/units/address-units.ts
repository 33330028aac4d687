/**
 * The one room where bigint meets number. Addresses come in as bigint (or as safe integers) and leave as bigint; inside,
 * page numbers are plain numbers: 64 address bits less at least 12 page bits always fit.
 */
import { PortolanError } from "../errors.js";

/** An address or a size at the door. Numbers must be safe integers. */
export type Wide = bigint | number;

/** Addresses and pages of one machine: conversion, alignment, and which of them exist. Pages are the machine's. */
export class AddressUnits {
  readonly pageShift: number;
  /** Bytes. */
  readonly pageSize: number;
  /** Pages that addresses of the whole width can name. */
  readonly pageLimit: number;
  readonly #wordBits: number;
  readonly #limit: bigint;
  /** The same for addresses that come as numbers. */
  readonly #numberLimit: number;
  /** What pages are made with: made once, as a power or a big integer costs more than what is done with it. */
  readonly #perPage: number;
  readonly #shift: bigint;
  readonly #within: bigint;
  /** First page of the hole and first page above it; equal where there is none. */
  readonly #holeFirst: number;
  readonly #holeEnd: number;

  constructor(machine: {
    readonly wordBits: number;
    readonly virtualBits: number;
    readonly virtualRule: "exact" | "sign-extended";
    readonly pageShift: number;
  }) {
    this.pageShift = machine.pageShift;
    this.pageSize = 2 ** machine.pageShift;
    this.#perPage = 2 ** -machine.pageShift;
    this.#shift = BigInt(machine.pageShift);
    this.#within = (1n << this.#shift) - 1n;
    this.#numberLimit = 2 ** machine.wordBits;
    this.#wordBits = machine.wordBits;
    this.#limit = 1n << BigInt(machine.wordBits);
    this.pageLimit = 2 ** (machine.wordBits - machine.pageShift);
    const translated = 2 ** (machine.virtualBits - machine.pageShift);
    const signed = machine.virtualRule === "sign-extended";
    this.#holeFirst = signed ? translated / 2 : translated;
    this.#holeEnd = signed ? this.pageLimit - translated / 2 : this.pageLimit;
  }

  /**
   * The page an address lies in.
   * @param name what the address is called in the error
   * @throws PortolanError ERR_BAD_ADDRESS if it is negative, fractional or beyond the machine's word
   */
  pageOf(address: Wide, name = "address"): number {
    if (typeof address === "number") {
      if (!Number.isSafeInteger(address)) throw new PortolanError("ERR_BAD_ADDRESS", { [name]: address });
      if (address < 0 || address >= this.#numberLimit) {
        throw new PortolanError("ERR_BAD_ADDRESS", { [name]: BigInt(address), wordBits: this.#wordBits });
      }
      return Math.floor(address * this.#perPage);
    }
    if (address < 0n || address >= this.#limit) {
      throw new PortolanError("ERR_BAD_ADDRESS", { [name]: address, wordBits: this.#wordBits });
    }
    return Number(address >> this.#shift);
  }

  /** The offset of an address within its page, in bytes. */
  offsetOf(address: Wide): number {
    if (typeof address === "number") return address - Math.floor(address * this.#perPage) * this.pageSize;
    return Number(address & this.#within);
  }

  /** As `pageOf`. @throws PortolanError ERR_MISALIGNED besides, unless the address is a page's first */
  alignedPageOf(address: Wide, name = "address"): number {
    const page = this.pageOf(address, name);
    const isMisaligned = typeof address === "number" ? page * this.pageSize !== address : (address & this.#within) !== 0n;
    if (isMisaligned) {
      throw new PortolanError("ERR_MISALIGNED", { [name]: BigInt(address), alignment: this.pageSize });
    }
    return page;
  }

  /** Pages that hold `size` bytes, rounded up. @throws PortolanError ERR_BAD_ARGUMENT for sizes below 1 or no integer */
  pagesFor(size: Wide, name = "size"): number {
    if (typeof size === "number") {
      if (!Number.isSafeInteger(size)) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: size });
      if (size < 1 || size > this.#numberLimit) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: BigInt(size) });
      return Math.ceil(size * this.#perPage);
    }
    if (size < 1n || size > this.#limit) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: size });
    return Number((size + this.#within) >> this.#shift);
  }

  /** A size as it is, in bytes. @throws PortolanError ERR_BAD_ARGUMENT if it is no integer */
  wholeBytes(size: Wide, name = "size"): bigint {
    if (typeof size === "number" && !Number.isSafeInteger(size)) throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: size });
    return BigInt(size);
  }

  /** First byte of a page. One past the last page gives 2^word bits. */
  addressOf(page: number): bigint {
    return BigInt(page) << this.#shift;
  }

  /** Bytes in `pages` pages. */
  bytesOf(pages: number): bigint {
    return BigInt(pages) << this.#shift;
  }

  /** Can the machine translate the page at all? */
  isCanonical(page: number): boolean {
    return page < this.#holeFirst || (page >= this.#holeEnd && page < this.pageLimit);
  }

  /** Do all pages of [first, first + count) exist, without wrapping and without touching the hole? */
  isCanonicalRange(first: number, count: number): boolean {
    const last = first + count - 1;
    if (last >= this.pageLimit) return false;
    return last < this.#holeFirst || first >= this.#holeEnd;
  }

  /** The parts of the pages [lowest, highest] (inclusive) that addresses can name, lowest first. */
  windows(lowest: number, highest: number): readonly (readonly [lowest: number, highest: number])[] {
    const below: readonly [number, number] = [lowest, Math.min(highest, this.#holeFirst - 1)];
    const above: readonly [number, number] = [Math.max(lowest, this.#holeEnd), Math.min(highest, this.pageLimit - 1)];
    return [below, above].filter(([low, high]) => low <= high);
  }
}
