/** Pieces of memory gathered into pages, so that a case costs one write a page. */
import type { Piece } from "./case.js";

const PAGE = 4096;

/** Memory by page; what no piece mentions is zero. */
export class PageImage {
  readonly #pages = new Map<number, Uint8Array>();

  constructor(pieces: readonly Piece[] = []) {
    for (const piece of pieces) this.write(piece.at, piece.bytes);
  }

  write(at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const within = (at + done) % PAGE;
      const count = Math.min(PAGE - within, bytes.length - done);
      this.#touch(at + done - within).set(bytes.subarray(done, done + count), within);
      done += count;
    }
  }

  /** Copies what lies at an address; zeros where nothing was written. */
  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const within = (at + done) % PAGE;
      const count = Math.min(PAGE - within, length - done);
      const page = this.#pages.get(at + done - within);
      if (page !== undefined) bytes.set(page.subarray(within, within + count), done);
      done += count;
    }
    return bytes;
  }

  /** Is anything but zero there? */
  holds(at: number, length: number): boolean {
    return this.read(at, length).some((byte) => byte !== 0);
  }

  /** Every page that was written, by ascending address. */
  pages(): readonly Piece[] {
    return [...this.#pages].map(([at, bytes]) => ({ at, bytes })).toSorted((one, other) => one.at - other.at);
  }

  #touch(at: number): Uint8Array {
    let page = this.#pages.get(at);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.#pages.set(at, page);
    }
    return page;
  }
}
