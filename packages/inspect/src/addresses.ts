/** A machine's virtual addresses: what is one, and which page it lies in. Pages are counted within the translated width, from 0. */
import type { Architecture } from "@portolan/core/architecture";

/** Addresses and pages of one machine. */
export class Addresses {
  readonly architecture: Architecture;
  /** Pages that the machine translates. */
  readonly limit: number;
  readonly pageShift: number;

  /** @param pageShift of the pages that are counted: the machine's where absent */
  constructor(architecture: Architecture, pageShift = architecture.pageShift) {
    this.architecture = architecture;
    this.limit = 2 ** (architecture.virtualBits - pageShift);
    this.pageShift = pageShift;
  }

  /** Number of the page of an address, within the translated width. */
  pageOf(address: bigint): number {
    return Number(BigInt.asUintN(this.architecture.virtualBits, address) >> BigInt(this.pageShift));
  }

  /** The first address of a page as processors write it: with the copies of its highest bit, where it has them. */
  addressOf(page: number): bigint {
    const { virtualBits, wordBits, virtualRule } = this.architecture;
    const address = BigInt(page) << BigInt(this.pageShift);
    return virtualRule === "sign-extended" && page >= this.limit / 2
      ? BigInt.asUintN(wordBits, BigInt.asIntN(virtualBits, address))
      : address;
  }

  /** Does the page follow on addresses that cannot be translated? */
  isHoleBelow(page: number): boolean {
    return this.architecture.virtualRule === "sign-extended" && page === this.limit / 2;
  }

  /** Can the machine translate this address at all? */
  isCanonical(address: bigint): boolean {
    const { virtualBits, wordBits, virtualRule } = this.architecture;
    if (address < 0n) return false;
    const above = address >> BigInt(virtualRule === "exact" ? virtualBits : virtualBits - 1);
    return above === 0n || (virtualRule === "sign-extended" && above === ((1n << BigInt(wordBits)) - 1n) >> BigInt(virtualBits - 1));
  }
}
