/** Tokens of parts that are no interface of one room: the machine itself has them. */
import type { Architecture } from "../architecture/architecture.js";
import type { Events } from "../events.js";
import type { Cpu } from "../machine/cpu.js";
import type { Locks } from "../machine/locks.js";
import type { Preemption } from "../machine/scheduler.js";
import type { Shootdown } from "../tlb/shootdown.js";
import { token, type Token } from "../token.js";

/** The description the machine was built from. */
export const ARCHITECTURE: Token<Architecture> = token("architecture");
/** Where parts tell what happens; one sink a machine. */
export const EVENTS: Token<Events> = token("events");
/** The machine's locks. Give `discipline` a {@link LockOrder} to have order and ownership checked. */
export const LOCKS: Token<Locks> = token("locks");
/** Whose work is being done, and the points at which another processor could run. */
export const PREEMPTION: Token<Preemption> = token("preemption");
/** The part that makes other processors forget. */
export const SHOOTDOWN: Token<Shootdown> = token("shootdown");
/** The machine's processors, by number. */
export const CPUS: Token<readonly Cpu[]> = token("processors");
