/** What tasks that share memory share: a space, its heap, and the limits that hold for it. */
import type { AddressSpace } from "../address-space/address-space.js";
import type { SpaceParts } from "../address-space/parts.js";
import type { AddressUnits } from "../units/address-units.js";
import type { PosixLimits } from "./limits.js";

/** The memory of a process: one to each space. */
export class PosixMemory {
  readonly space: AddressSpace;
  readonly parts: SpaceParts;
  readonly units: AddressUnits;
  readonly limits: PosixLimits;
  /** Of a word: what arguments are cut to. */
  readonly bits: number;
  /** Where the heap begins. */
  heapBase: bigint;
  /** The break: the first address behind the heap, to the byte. */
  heapEnd: bigint;

  constructor(space: AddressSpace, limits: PosixLimits, heapBase = limits.heapBase, heapEnd = heapBase) {
    this.space = space;
    this.parts = space.parts;
    this.units = space.parts.units;
    this.limits = limits;
    this.bits = space.parts.architecture.wordBits;
    this.heapBase = heapBase;
    this.heapEnd = heapEnd;
    space.stackLimit = Number(limits.stackLimit >> BigInt(this.units.pageShift));
  }
}
