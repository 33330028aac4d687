/** Locks of memory objects, taken for a whole stack at once. */
import type { Locks } from "../machine/locks.js";
import type { MemoryObject } from "./memory-object.js";

/**
 * Locks the stack whose front is `object`, front to back. Objects that no two address spaces can meet in have no lock;
 * all shadows of one tree have one between them, so that the tree can change its shape under it. An object below is
 * older than those in front of it: numbers descend along a stack.
 */
export const lockObject = (locks: Locks, object: MemoryObject | null): void => {
  if (locks.discipline !== null) lockStack(locks, object);
};

const lockStack = (locks: Locks, object: MemoryObject | null): void => {
  let last = NO_LOCK;
  for (let each = object; each !== null; each = each.below ?? null) {
    const number = each.number ?? NO_LOCK;
    if (number !== NO_LOCK && number !== last) locks.acquire("object", number);
    if (number !== NO_LOCK) last = number;
  }
};

/** Gives back what {@link lockObject} took, whatever has become of the stack since. */
export const unlockObject = (locks: Locks, object: MemoryObject | null): void => {
  if (locks.discipline !== null) unlockStack(locks, object);
};

const unlockStack = (locks: Locks, object: MemoryObject | null): void => {
  let last = NO_LOCK;
  for (let each = object; each !== null; each = each.below ?? null) {
    const number = each.number ?? NO_LOCK;
    if (number !== NO_LOCK && number !== last) locks.release("object", number);
    if (number !== NO_LOCK) last = number;
  }
};

const NO_LOCK = 0;
