/**
 * The discipline that tests put on locks. It knows who holds what and throws an assertion when
 *
 * - a lock is taken out of order: address space → area → object → page table → asid → tlb → cpu. Because those that
 *   spin come last, nothing that can sleep is ever taken while one of them is held;
 * - two locks of one kind are held at once, except address spaces in the order of their numbers, and memory objects
 *   against it: front to back of a stack, where each is older than the one in front;
 * - a lock is taken twice, or let go by somebody who does not hold it;
 * - something that may sleep, as an allocation may, happens while a lock that spins is held;
 * - anything is still held when an operation has returned.
 *
 * Work is simulated on one stack, so nobody can wait: whoever wants a lock that another processor holds is thrown a
 * {@link WouldWait} and all it held is taken away. An operation takes its locks before it changes anything, so whoever
 * schedules may start it again later.
 *
 * @see HelenOS kernel/generic/src/mm/as.c on the order of as.lock, area locks and page table locks; asidlock in asid.c
 */
import type { LockDiscipline, LockKind } from "../machine/locks.js";
import type { Preemption } from "../machine/scheduler.js";

const ORDER: readonly LockKind[] = ["address-space", "area", "object", "page-table", "asid", "tlb", "cpu"];
const FIRST_SPINNING = ORDER.indexOf("asid");

interface HeldLock {
  readonly kind: LockKind;
  readonly id: number;
}

/** A processor wants what another one holds. No failure: it has to be started again when the other one is done. */
export class WouldWait extends Error {
  readonly cpu: number;

  constructor(cpu: number, lock: string, owner: number) {
    super(`processor ${cpu} would wait for the ${lock} lock, which processor ${owner} holds`);
    this.name = "WouldWait";
    this.cpu = cpu;
  }
}

/** Put one on a machine with `machine.parts.locks.discipline = new LockOrder(machine.parts.preemption)`. */
export class LockOrder implements LockDiscipline {
  readonly #preemption: Preemption;
  readonly #held = new Map<number, HeldLock[]>();
  readonly #owners = new Map<string, number>();
  /** Processors that were turned away: while they unwind they take nothing, and what they let go they do not hold any more. */
  readonly #turnedAway = new Set<number>();
  /** Locks taken since the beginning, by kind: a test can see that a lock is used at all. */
  readonly taken: Record<LockKind, number> = { "address-space": 0, area: 0, object: 0, "page-table": 0, asid: 0, tlb: 0, cpu: 0 };

  /** @param preemption tells who runs, and lets others run at every lock that is taken or let go */
  constructor(preemption: Preemption) {
    this.#preemption = preemption;
  }

  /** Takes a lock for the running processor. Throws an assertion if the order forbids it, {@link WouldWait} if another has it. */
  acquire(kind: LockKind, id: number): void {
    const { cpu } = this.#preemption;
    if (this.#turnedAway.has(cpu)) return;
    const held = this.#heldBy(cpu);
    const name = nameOf(kind, id);
    const owner = this.#owners.get(name);
    if (owner === cpu) throw new Error(`processor ${cpu} takes the ${name} lock twice`);
    for (const other of held) {
      const isInOrder =
        ORDER.indexOf(other.kind) < ORDER.indexOf(kind) ||
        (other.kind === kind && ((kind === "address-space" && other.id < id) || (kind === "object" && other.id > id)));
      if (!isInOrder) throw new Error(`processor ${cpu} takes the ${name} lock while it holds the ${nameOf(other.kind, other.id)} lock`);
    }
    if (owner !== undefined) {
      for (const lock of held) this.#owners.delete(nameOf(lock.kind, lock.id));
      held.length = 0;
      this.#turnedAway.add(cpu);
      throw new WouldWait(cpu, name, owner);
    }
    this.#owners.set(name, cpu);
    held.push({ kind, id });
    this.taken[kind] += 1;
    this.#preemption.at("lock-acquired");
  }

  /** Gives a lock back. Throws an assertion unless the running processor holds it. */
  release(kind: LockKind, id: number): void {
    const { cpu } = this.#preemption;
    if (this.#turnedAway.has(cpu)) return;
    const held = this.#heldBy(cpu);
    const index = held.findIndex((lock) => lock.kind === kind && lock.id === id);
    if (index < 0) throw new Error(`processor ${cpu} lets go of the ${nameOf(kind, id)} lock, which it does not hold`);
    held.splice(index, 1);
    this.#owners.delete(nameOf(kind, id));
    this.#preemption.at("lock-released");
  }

  assertHeld(kind: LockKind, id: number): void {
    const { cpu } = this.#preemption;
    if (this.#owners.get(nameOf(kind, id)) !== cpu)
      throw new Error(`processor ${cpu} does not hold the ${nameOf(kind, id)} lock, and must`);
  }

  /** As `assertHeld`, but somebody who holds nothing only looks on, between operations. */
  assertHeldWithin(kind: LockKind, id: number): void {
    if (this.#heldBy(this.#preemption.cpu).length > 0) this.assertHeld(kind, id);
  }

  assertNoneHeld(): void {
    const { cpu } = this.#preemption;
    const held = this.#heldBy(cpu).map(({ kind, id }) => nameOf(kind, id));
    if (held.length > 0) throw new Error(`processor ${cpu} still holds ${held.join(", ")}`);
  }

  /** Throws an assertion while the running processor holds a lock that spins. @param what may sleep, for the message */
  assertMaySleep(what: string): void {
    const { cpu } = this.#preemption;
    const spinning = this.#heldBy(cpu).filter(({ kind }) => ORDER.indexOf(kind) >= FIRST_SPINNING);
    if (spinning.length === 0) return;
    throw new Error(`processor ${cpu} may sleep (${what}) while it holds ${spinning.map(({ kind, id }) => nameOf(kind, id)).join(", ")}`);
  }

  /** A processor that was turned away, and has unwound, may begin again. */
  restart(cpu: number): void {
    this.#turnedAway.delete(cpu);
  }

  /** Names of the locks that a processor holds, in the order in which it took them. */
  heldBy(cpu: number): string[] {
    return this.#heldBy(cpu).map(({ kind, id }) => nameOf(kind, id));
  }

  #heldBy(cpu: number): HeldLock[] {
    let held = this.#held.get(cpu);
    if (held === undefined) {
      held = [];
      this.#held.set(cpu, held);
    }
    return held;
  }
}

const nameOf = (kind: LockKind, id: number): string => `${kind} ${id}`;
