/** A pager whose storage is the memory of the simulation's host: the in-core file system, and files for tests. */
import { PortolanError } from "../errors.js";
import { allocated } from "../allocation-gate.js";
import type { PageInAnswer, PageInRequest, PageOutAnswer, PageOutRequest, Pager } from "./pager.js";

/** Bytes are made in stretches of so many. */
const STRETCH = 65_536;

/** Keeps what it is given, in stretches of 64 KiB; what nobody wrote reads as zeroes and costs nothing. Answers at once. */
export class MemoryPager implements Pager {
  readonly name: string;
  /** Bytes it knows of. */
  length: number;
  /** Is it asked for nothing any more? */
  isReleased = false;
  readonly #stretches = new Map<number, Uint8Array>();

  /** @param content what it has at first; copied */
  constructor(content: Uint8Array = new Uint8Array(0), name = "memory file") {
    this.name = name;
    this.length = content.length;
    this.#write(0, content);
  }

  pageIn(request: PageInRequest): PageInAnswer {
    return this.bytes(request.offsetBytes, request.bytes);
  }

  pageOut(request: PageOutRequest): PageOutAnswer {
    try {
      this.#write(request.offsetBytes, request.content);
    } catch (error) {
      if (error instanceof PortolanError && error.errno === "ENOMEM") return "ENOMEM";
      throw error;
    }
    return "done";
  }

  setLength(bytes: number): void {
    this.length = bytes;
    for (const [number, stretch] of this.#stretches) {
      if (number * STRETCH >= bytes) this.#stretches.delete(number);
      else if ((number + 1) * STRETCH > bytes) stretch.fill(0, bytes - number * STRETCH);
    }
  }

  release(): void {
    this.isReleased = true;
  }

  /** A copy of what it has. Offset and count are bytes. */
  bytes(offset = 0, count = this.length - offset): Uint8Array {
    const found = new Uint8Array(count);
    eachStretch(offset, count, (number, within, done, part) => {
      const stretch = this.#stretches.get(number);
      if (stretch !== undefined) found.set(stretch.subarray(within, within + part), done);
    });
    return found;
  }

  #write(offset: number, content: Uint8Array): void {
    eachStretch(offset, content.length, (number, within, done, part) => {
      let stretch = this.#stretches.get(number);
      if (stretch === undefined) {
        stretch = allocated("file in memory", () => new Uint8Array(STRETCH));
        this.#stretches.set(number, stretch);
      }
      stretch.set(content.subarray(done, done + part), within);
    });
  }
}

const eachStretch = (offset: number, count: number, visit: (number: number, within: number, done: number, part: number) => void): void => {
  for (let done = 0; done < count;) {
    const number = Math.floor((offset + done) / STRETCH);
    const within = offset + done - number * STRETCH;
    const part = Math.min(count - done, STRETCH - within);
    visit(number, within, done, part);
    done += part;
  }
};
