/** Counts what the core tells of faults and shootdowns. */
import type { PortolanEvent } from "@portolan/core";

/** Counts what a machine tells: pass `sink` as its `onEvent`. */
export class EventCounts {
  served = 0;
  /** Of other processors: where there is only one, nobody has to be stopped. */
  shootdowns = 0;
  readonly #hasOthers: boolean;
  /** Pages brought in, by the kind of memory object that supplied them. */
  readonly pagesIn: Record<string, number> = {};
  /** The same, by what the object did: brought a page of zeroes, the file's own, a copy, a mixture. */
  readonly contents: Record<string, number> = {};
  /** Faults refused, by rule. */
  readonly refused: Record<string, number> = {};

  /** @param processors of the machine */
  constructor(processors: number) {
    this.#hasOthers = processors > 1;
  }

  readonly sink = (event: PortolanEvent): void => {
    if (event.kind === "page-fault") {
      if (event.result === "ok") this.served += 1;
      else this.refused[event.result] = (this.refused[event.result] ?? 0) + 1;
    } else if (event.kind === "page-in") {
      this.pagesIn[event.from] = (this.pagesIn[event.from] ?? 0) + 1;
      this.contents[event.what] = (this.contents[event.what] ?? 0) + 1;
    } else if (event.kind === "shootdown" && this.#hasOthers) {
      this.shootdowns += 1;
    }
  };
}
