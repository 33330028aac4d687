/** Numbers at places in a file that nobody has to trust: every read is checked against the end. */
import { PortolanError } from "@portolan/core";

/** Numbers of a file in its byte order. Places are offsets in bytes. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly isLittle: boolean;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, isLittle: boolean) {
    this.bytes = bytes;
    this.isLittle = isLittle;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws PortolanError ERR_BAD_ELF if [at, at + count) is not within the file */
  need(at: number, count: number, what: string): void {
    if (!(at >= 0 && count >= 0 && at + count <= this.bytes.length)) {
      throw new PortolanError("ERR_BAD_ELF", {
        reason: `${what} lies outside the file`,
        offset: at,
        bytes: count,
        fileBytes: this.bytes.length,
      });
    }
  }

  u16(at: number, what: string): number {
    this.need(at, 2, what);
    return this.#view.getUint16(at, this.isLittle);
  }

  u32(at: number, what: string): number {
    this.need(at, 4, what);
    return this.#view.getUint32(at, this.isLittle);
  }

  u64(at: number, what: string): bigint {
    this.need(at, 8, what);
    return this.#view.getBigUint64(at, this.isLittle);
  }

  /** 32 or 64 bits, as the file's class says. */
  word(at: number, is64: boolean, what: string): bigint {
    return is64 ? this.u64(at, what) : BigInt(this.u32(at, what));
  }
}
