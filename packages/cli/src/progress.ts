/** A bar for long traces, drawn again and again on one line; nothing where nobody looks. */
import type { Terminal } from "./terminal.js";

const WIDTH = 32;
/** Milliseconds between drawings, and before the first one: short work draws nothing. */
const INTERVAL = 100;

/** One bar, for one pass over a trace of a known length in bytes. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #total: number;
  #next: number;
  #isDrawn = false;

  constructor(terminal: Terminal, total: number) {
    this.#terminal = terminal;
    this.#total = total;
    this.#next = terminal.now() + 3 * INTERVAL;
  }

  draw(label: string, done: number): void {
    if (!this.#terminal.isTerminal || this.#total === 0) return;
    const now = this.#terminal.now();
    if (now < this.#next) return;
    this.#next = now + INTERVAL;
    this.#isDrawn = true;
    const part = Math.min(1, done / this.#total);
    const full = Math.round(part * WIDTH);
    this.#terminal.err(`\r${label} ${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${String(Math.floor(part * 100)).padStart(3)} %`);
  }

  clear(): void {
    if (this.#isDrawn) this.#terminal.err("\r\u001b[K");
  }
}
