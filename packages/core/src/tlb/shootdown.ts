/**
 * Making other processors forget. The initiator sends a message to every other one and waits until all of them have
 * stopped using their TLBs; then it edits tables; then it lets them go, and each carries its messages out before it
 * translates anything again.
 *
 * Processors are simulated one step at a time: one with interrupts on stops the moment the message arrives, one with
 * interrupts off has to be brought round by whoever schedules.
 *
 * @see HelenOS kernel/generic/src/mm/tlb.c
 */
import type { Events } from "../events.js";
import type { Locks } from "../machine/locks.js";
import type { Preemption } from "../machine/scheduler.js";
import { ShootdownQueue, type Invalidating, type ShootdownType } from "./shootdown-queue.js";

/** What a shootdown needs of a processor: that it stops, and that it forgets. */
export interface ShootdownProcessor extends Invalidating {
  readonly id: number;
  interrupts: boolean;
  /** False while it must not use its TLB. */
  tlbActive: boolean;
}

const NAMES = ["all", "all", "asid", "pages"] as const;

/** The shootdown of one machine. One is open at a time, between `start` and `finalize`, under the TLB lock. */
export class Shootdown {
  readonly #processors: readonly ShootdownProcessor[];
  readonly #queues: readonly ShootdownQueue[];
  readonly #locks: Locks;
  readonly #preemption: Preemption;
  readonly #events: Events;
  #initiator = -1;
  #interruptsBefore = true;
  /** Messages sent to other processors since the machine was built. */
  sent = 0;

  constructor(processors: readonly ShootdownProcessor[], locks: Locks, preemption: Preemption, events: Events) {
    this.#processors = processors;
    this.#queues = processors.map(() => new ShootdownQueue());
    this.#locks = locks;
    this.#preemption = preemption;
    this.#events = events;
  }

  /** There is nobody to stop, and nobody looks on: then `start` and `finalize` may be left out, both of them. */
  get isNeedless(): boolean {
    const { discipline } = this.#locks;
    return this.#processors.length === 1 && discipline === null && this.#preemption.scheduler === null && this.#events.sink === null;
  }

  /** A shootdown is between start and finalize. */
  get isOpen(): boolean {
    return this.#initiator >= 0;
  }

  /** Messages that wait for a processor. */
  waiting(processor: number): number {
    return this.#queues[processor]?.length ?? 0;
  }

  /** Stops every other processor. `page` and `count` are the machine's pages and matter for PAGES only. */
  start(type: ShootdownType, asid: number, page: number, count: number): void {
    this.#locks.acquire("tlb", 0);
    if (this.isOpen) throw new Error("a shootdown is under way already");
    const self = this.#processors[this.#preemption.cpu];
    this.#interruptsBefore = self.interrupts;
    self.interrupts = false;
    self.tlbActive = false;
    this.#initiator = self.id;
    for (const other of this.#processors) {
      if (other === self) continue;
      this.#locks.acquire("cpu", other.id);
      this.#queues[other.id].add(type, asid, page, count);
      this.#locks.release("cpu", other.id);
      this.sent += 1;
      if (other.interrupts) other.tlbActive = false;
    }
    const sink = this.#events.sink;
    if (sink !== null) sink({ kind: "shootdown", cpu: self.id, type: NAMES[type], asid, page, count });
    this.#preemption.at("shootdown-sent");
    this.#awaitOthers(self);
  }

  /** Lets the others go. */
  finalize(): void {
    const self = this.#processors[this.#initiator];
    this.#initiator = -1;
    this.#locks.release("tlb", 0);
    self.tlbActive = true;
    self.interrupts = this.#interruptsBefore;
    const { scheduler } = this.#preemption;
    for (const other of this.#processors) {
      if (other !== self && scheduler?.isSlow?.(other.id) !== true) this.receive(other);
    }
    this.#preemption.at("shootdown-finalized");
  }

  /** A processor that masked interrupts takes them again: what it missed is carried out now. */
  interruptsOn(processor: ShootdownProcessor): void {
    processor.interrupts = true;
    if (this.isOpen) processor.tlbActive = false;
    else this.receive(processor);
  }

  /** A stopped processor carries its messages out, in order, and goes on. */
  receive(processor: ShootdownProcessor): void {
    if (this.isOpen) throw new Error(`processor ${processor.id} goes on while a shootdown is under way`);
    this.#locks.acquire("cpu", processor.id);
    const messages = this.#queues[processor.id].drain(processor);
    processor.tlbActive = true;
    this.#locks.release("cpu", processor.id);
    const sink = this.#events.sink;
    if (messages > 0 && sink !== null) sink({ kind: "shootdown-ack", cpu: processor.id, messages });
  }

  /** A processor that does not stop within as many turns as there are processors never will. */
  #awaitOthers(self: ShootdownProcessor): void {
    for (let turn = 0; ; turn += 1) {
      const running = this.#runningBeside(self);
      if (running === null) return;
      if (turn > this.#processors.length)
        throw new Error(`processor ${running.id} never acknowledges a shootdown: its interrupts stay off`);
      this.#preemption.at("shootdown-wait");
    }
  }

  /** One that still uses its TLBs. */
  #runningBeside(self: ShootdownProcessor): ShootdownProcessor | null {
    for (const other of this.#processors) if (other !== self && other.tlbActive) return other;
    return null;
  }
}
