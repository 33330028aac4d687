/**
 * Locks are objects with an order. In production they cost a null check; in tests a {@link LockDiscipline} verifies
 * order and ownership and lets a scheduler run other processors at every acquisition.
 *
 * Order (sleeping): address space → area → object → page table. Order (spinning): asid → tlb → cpu; nothing that can
 * sleep is taken while a spinning lock is held. @see HelenOS kernel/generic/src/mm/as.c, the comment on lock order
 */
export type LockKind = "address-space" | "area" | "object" | "page-table" | "asid" | "tlb" | "cpu";

/** Checks what production takes for granted. */
export interface LockDiscipline {
  /** The running processor takes a lock. Throws an assertion if the order forbids it or it holds the lock already. */
  acquire(kind: LockKind, id: number): void;
  /** The running processor gives a lock back. Throws an assertion unless it holds it. */
  release(kind: LockKind, id: number): void;
  /** Throws an assertion unless the running processor holds the lock. */
  assertHeld(kind: LockKind, id: number): void;
  /** Throws an assertion if the running processor holds any lock. Called when an operation has returned. */
  assertNoneHeld(): void;
}

/** What the core calls. `discipline` is null in production. */
export class Locks {
  discipline: LockDiscipline | null = null;
  #names = 0;

  /** A number for a new lock of a kind whose things have no number of their own: memory objects. */
  name(): number {
    this.#names += 1;
    return this.#names;
  }

  /** Takes the lock of one thing; `id` is its number among things of its kind. */
  acquire(kind: LockKind, id: number): void {
    if (this.discipline !== null) this.discipline.acquire(kind, id);
  }

  /** Gives a lock back that was taken by `acquire` with the same two numbers. */
  release(kind: LockKind, id: number): void {
    if (this.discipline !== null) this.discipline.release(kind, id);
  }

  /** States that the caller holds a lock; checked where there is a discipline. */
  assertHeld(kind: LockKind, id: number): void {
    if (this.discipline !== null) this.discipline.assertHeld(kind, id);
  }
}
