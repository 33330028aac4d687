/** The descriptors of a process, from 0. Each holds its file once. @see POSIX.1-2017, file descriptor */
import { refuse } from "./errno.js";
import type { OpenFile } from "./file-system.js";

/** One table. Tasks that share it are counted by whoever makes them. */
export class Descriptors {
  readonly #files: (OpenFile | null)[] = [];
  readonly #closeOnExec = new Set<number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The open file behind a descriptor. Refuses with EBADF. */
  get(descriptor: number): OpenFile {
    return this.#files[descriptor] ?? refuse("EBADF");
  }

  /** Takes the lowest free number for a file. Refuses with EMFILE. */
  add(file: OpenFile, closesOnExec = false): number {
    const free = this.#files.indexOf(null);
    const descriptor = free < 0 ? this.#files.length : free;
    if (descriptor >= this.#most) return refuse("EMFILE");
    file.hold();
    this.#files[descriptor] = file;
    if (closesOnExec) this.#closeOnExec.add(descriptor);
    return descriptor;
  }

  /** Refuses with EBADF. */
  close(descriptor: number): void {
    const file = this.get(descriptor);
    this.#files[descriptor] = null;
    this.#closeOnExec.delete(descriptor);
    file.release();
  }

  /** The same files under the same numbers, for a child. */
  copy(): Descriptors {
    const copy = new Descriptors(this.#most);
    for (const [descriptor, file] of this.#files.entries()) {
      file?.hold();
      copy.#files[descriptor] = file;
    }
    for (const descriptor of this.#closeOnExec) copy.#closeOnExec.add(descriptor);
    return copy;
  }

  /** Closes what does not survive exec. */
  exec(): void {
    for (const descriptor of Array.from(this.#closeOnExec)) this.close(descriptor);
  }

  closeAll(): void {
    for (const [descriptor, file] of this.#files.entries()) if (file !== null) this.close(descriptor);
  }

  /** Every descriptor in use with its file. */
  *entries(): Generator<readonly [number, OpenFile]> {
    for (const [descriptor, file] of this.#files.entries()) if (file !== null) yield [descriptor, file];
  }
}
