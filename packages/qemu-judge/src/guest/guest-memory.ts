/** The guest's RAM as the host sees it: by physical address, while the guest runs. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Bytes of a file, at an offset: where guest-physical address `first` lies. */
export class GuestMemory {
  readonly #file: number;
  readonly #offset: number;

  /**
   * @param path the file that QEMU maps as RAM, or the memory of its process
   * @param offset of guest-physical address 0 within it; negative where RAM begins higher
   */
  constructor(path: string, offset: number) {
    this.#file = openSync(path, "r+");
    this.#offset = offset;
  }

  /** @throws Error as the file system says if not all of it can be read */
  read(address: number, target: Uint8Array): void {
    for (let done = 0; done < target.length;) {
      const count = readSync(this.#file, target, done, target.length - done, this.#offset + address + done);
      if (count <= 0) throw new Error(`the guest's memory ends before ${address + target.length}`);
      done += count;
    }
  }

  write(address: number, source: Uint8Array): void {
    for (let done = 0; done < source.length;)
      done += writeSync(this.#file, source, done, source.length - done, this.#offset + address + done);
  }

  close(): void {
    closeSync(this.#file);
  }
}
