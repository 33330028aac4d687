/** Arguments of calls as the machine sees them: words without a sign. */
import { PortolanError } from "../errors.js";
import type { AddressUnits, Wide } from "../units/address-units.js";
import { refuse } from "./errno.js";

/** An argument as a word of so many bits. @throws PortolanError ERR_BAD_ARGUMENT for a number that is no integer */
export const wordOf = (value: Wide, bits: number): bigint => {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new PortolanError("ERR_BAD_ARGUMENT", { value, rule: "an integer" });
  return BigInt.asUintN(bits, BigInt(value));
};

/** Is the address a page's first? */
export const isAligned = (units: AddressUnits, address: bigint): boolean => units.offsetOf(address) === 0;

/** Down to the beginning of a page. */
export const pageDown = (units: AddressUnits, address: bigint): bigint => address - BigInt(units.offsetOf(address));

/** Up to whole pages: bytes. As in a register, the largest sizes come out as 0. */
export const pagesUp = (units: AddressUnits, bytes: bigint, bits: number): bigint =>
  BigInt.asUintN(bits, pageDown(units, bytes + BigInt(units.pageSize - 1)));

/**
 * The range of whole pages that a call names: first page, and the page behind the last. Refuses with `misaligned` an
 * address inside a page, and with `wrapped` a range that goes beyond the last address.
 */
export const rangeOf = (
  units: AddressUnits,
  bits: number,
  address: bigint,
  length: bigint,
  wrapped: "EINVAL" | "ENOMEM",
): readonly [first: number, end: number] => {
  if (!isAligned(units, address)) return refuse("EINVAL");
  const bytes = pagesUp(units, length, bits);
  if ((length !== 0n && bytes === 0n) || address + bytes >= 1n << BigInt(bits)) return refuse(wrapped);
  return [units.pageOf(address), units.pageOf(address + bytes)];
};
