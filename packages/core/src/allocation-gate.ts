/**
 * Every allocation of the core passes here first, so that a test can make any one of them fail and see that nothing has
 * changed. In ordinary life it is a counter and one comparison.
 */
import { PortolanError } from "./errors.js";
import { token } from "./token.js";

/** Counts allocations, and refuses the ones it was told to refuse. */
export class AllocationGate {
  #passed = 0;
  #failsFrom = Infinity;
  #failsUntil = Infinity;

  /**
   * To be called before memory is taken, and before anything else has changed.
   *
   * @param kind what is about to be allocated, for the error: "ordered map node", "area record"
   * @throws PortolanError ERR_OUT_OF_MEMORY where the gate is armed for this allocation
   */
  pass(kind: string): void {
    if ((this.#passed += 1) > this.#failsFrom) this.#refuse(kind);
  }

  /** Allocations asked for since the gate was built, refused ones included. */
  get count(): number {
    return this.#passed;
  }

  /**
   * Lets `passes` more allocations through and refuses the following `failures`.
   *
   * @param passes 0 refuses the very next one
   * @param failures 1 for a passing shortage, Infinity for one that stays until `disarm`
   */
  failAfter(passes: number, failures = 1): void {
    this.#failsFrom = this.#passed + passes;
    this.#failsUntil = this.#failsFrom + failures;
  }

  /** Refuses nothing any more; the count goes on. */
  disarm(): void {
    this.#failsFrom = Infinity;
    this.#failsUntil = Infinity;
  }

  #refuse(kind: string): void {
    if (this.#passed <= this.#failsUntil) throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: kind });
    this.disarm();
  }
}

/** The gate of a machine. Tests reach it as `machine.parts.gate`. */
export const ALLOCATION_GATE = token<AllocationGate>("allocation gate");

/**
 * Runs an allocation of typed arrays and turns the engine's own refusal into the core's.
 * @throws PortolanError ERR_OUT_OF_MEMORY
 */
export const allocated = <T>(kind: string, allocate: () => T): T => {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError) throw new PortolanError("ERR_OUT_OF_MEMORY", { allocation: kind }, error);
    throw error;
  }
};

/** A capacity that holds `needed`: doubles while small, then grows by half, so that a copy costs little per entry. */
export const grownCapacity = (capacity: number, needed: number): number => {
  let grown = capacity;
  while (grown < needed) grown = grown < 65_536 ? grown * 2 : Math.ceil(grown * 1.5);
  return grown;
};
