/** A pager over bytes that never change: the contents of an executable, of an archive, of a read-only file. */
import type { PageInAnswer, PageInRequest, PageOutAnswer, Pager, PagerFailure } from "./pager.js";

/** Shows bytes, and keeps none. For file objects that are not writable. The bytes are not copied: they are not to change. */
export class BytesPager implements Pager {
  readonly name: string;
  readonly #content: Uint8Array;

  constructor(content: Uint8Array, name = "read-only file") {
    this.name = name;
    this.#content = content;
  }

  pageIn({ offsetBytes, bytes }: PageInRequest): PageInAnswer {
    return offsetBytes + bytes <= this.#content.length ? this.#content.subarray(offsetBytes, offsetBytes + bytes) : "EBUS";
  }

  pageOut(): PageOutAnswer {
    return "EIO";
  }

  setLength(bytes: number): void | PagerFailure {
    if (bytes !== this.#content.length) return "EIO";
  }

  release(): void {
    // the bytes are somebody else's
  }
}
