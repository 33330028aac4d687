/**
 * Registers of the system control coprocessor (CP15) that the MMU knows, as pure functions: what an operating system
 * writes to them. Values are 32 bits.
 */
import type { Architecture, Switches } from "@portolan/core/architecture";

/** How many domains there are. */
export const DOMAINS = 16;
/** Two bits a domain in the domain access control register (c3); 2 is reserved and lets nobody in. */
export type DomainAccess = "none" | "client" | "manager";
const ACCESS_BITS: Readonly<Record<DomainAccess, number>> = { none: 0b00, client: 0b01, manager: 0b11 };

/** All domains are clients: permissions are checked. What HelenOS's loader writes. */
export const DACR_CLIENTS = 0x5555_5555;

/** Name of the switch that is bit `bit` of the domain access control register. */
const dacrBit = (bit: number): string => `DACR${bit}`;

/** What DACR says of a domain. */
export const domainAccessOf = (domain: number, switches: Switches): "closed" | "checked" | "open" => {
  if (!switches[dacrBit(2 * domain)]) return "closed";
  return switches[dacrBit(2 * domain + 1)] ? "open" : "checked";
};

/** A value of DACR as switches: for `MachineOptions.switches`. */
export const dacrSwitches = (value: number): Switches =>
  Object.fromEntries(Array.from({ length: 2 * DOMAINS }, (_, bit) => [dacrBit(bit), ((value >>> bit) & 1) === 1]));

/** The value of DACR that a processor's switches are. */
export const dacrOf = (switches: Switches): number => {
  let value = 0;
  for (let bit = 0; bit < 2 * DOMAINS; bit += 1) if (switches[dacrBit(bit)]) value += 2 ** bit;
  return value;
};

/** `dacr` with one domain's access changed. */
export const withDomain = (dacr: number, domain: number, access: DomainAccess): number => {
  const shift = 2 * domain;
  return ((dacr & ~(0b11 << shift)) | (ACCESS_BITS[access] << shift)) >>> 0;
};

/** Writes DACR. No TLB entry goes: permissions are looked up with every access. */
export const writeDacr = (cpu: { setSwitch(name: string, value: boolean): void }, value: number): void => {
  for (const [name, isSet] of Object.entries(dacrSwitches(value))) cpu.setSwitch(name, isSet);
};

export const dacrDescriptions = (): Architecture["switches"] =>
  Object.fromEntries(
    Object.entries(dacrSwitches(DACR_CLIENTS)).map(([name, initially], bit) => {
      const domain = Math.floor(bit / 2);
      const says = bit % 2 === 0 ? `DACR[${bit}]: domain ${domain} may be accessed` : `DACR[${bit}]: domain ${domain} is not checked`;
      return [name, { initially, says, keepsTlb: true }];
    }),
  );

/** TTBCR.N and the bits of TTBR0 that hold the base of its table: it shrinks by half with every step of N. */
export const ttbr0 = (root: number, n = 0): number => Math.floor(root / 2 ** (14 - n)) * 2 ** (14 - n);

/** CONTEXTIDR: the ASID in bits 7:0, a number of the system's own above. */
export const contextId = (asid: number, process = 0): number => (process * 256 + (asid & 0xff)) % 2 ** 32;

/** Operands of the operations on TLBs (c8). Coprocessor register c8, CRm c5 (instruction), c6 (data) or c7 (both). */
export const tlbOperations = {
  /** Opcode 0: everything. */
  all: () => 0,
  /** Opcode 1: one page, of an ASID from ARMv6 on; an entry goes with all its pages. */
  byAddress: (address: number, asid = 0) => Math.floor(address / 4096) * 4096 + (asid & 0xff),
  /** Opcode 2 (ARMv6 on): an ASID's entries but the global ones. */
  byAsid: (asid: number) => asid & 0xff,
  /** Opcode 3 (ARMv7): one page in all address spaces. */
  byAddressInAll: (address: number) => Math.floor(address / 4096) * 4096,
} as const;
