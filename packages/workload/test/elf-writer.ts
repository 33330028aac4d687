/** Makes ELF files, right and wrong, for tests. */
export interface Wanted {
  readonly bits?: 32 | 64;
  readonly isLittle?: boolean;
  readonly type?: number;
  readonly entry?: bigint;
  readonly interpreter?: string;
  readonly segments: readonly {
    address: bigint;
    bytes: Uint8Array;
    memoryBytes?: bigint;
    flags: number;
    alignment?: bigint;
    offset?: number;
  }[];
}

const PAGE = 0x1000;

export const writeElf = ({ bits = 32, isLittle = true, type = 2, entry = 0n, interpreter, segments }: Wanted): Uint8Array => {
  const is64 = bits === 64;
  const headerBytes = is64 ? 64 : 52;
  const phBytes = is64 ? 56 : 32;
  const name = interpreter === undefined ? null : new TextEncoder().encode(`${interpreter}\0`);
  const count = segments.length + (name === null ? 0 : 1);
  let end = headerBytes + phBytes * count;
  const nameAt = end;
  end += name?.length ?? 0;
  const offsets = segments.map(({ address, bytes, offset }) => {
    const within = Number(address % BigInt(PAGE));
    const at = offset ?? Math.ceil((end - within) / PAGE) * PAGE + within;
    end = Math.max(end, at + bytes.length);
    return at;
  });
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, isLittle);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, isLittle);
  const word = (at: number, value: bigint): void => (is64 ? view.setBigUint64(at, value, isLittle) : u32(at, Number(value)));
  file.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, isLittle ? 1 : 2, 1]);
  u16(16, type);
  u16(18, is64 ? 43 : 3);
  u32(20, 1);
  word(24, entry);
  word(is64 ? 32 : 28, BigInt(headerBytes));
  u16(is64 ? 52 : 40, headerBytes);
  u16(is64 ? 54 : 42, phBytes);
  u16(is64 ? 56 : 44, count);
  const header = (
    at: number,
    kind: number,
    flags: number,
    offset: number,
    address: bigint,
    fileBytes: number,
    memoryBytes: bigint,
    alignment: bigint,
  ): void => {
    u32(at, kind);
    u32(at + (is64 ? 4 : 24), flags);
    word(at + (is64 ? 8 : 4), BigInt(offset));
    word(at + (is64 ? 16 : 8), address);
    word(at + (is64 ? 32 : 16), BigInt(fileBytes));
    word(at + (is64 ? 40 : 20), memoryBytes);
    word(at + (is64 ? 48 : 28), alignment);
  };
  segments.forEach(({ address, bytes, memoryBytes, flags, alignment }, i) => {
    header(
      headerBytes + i * phBytes,
      1,
      flags,
      offsets[i],
      address,
      bytes.length,
      memoryBytes ?? BigInt(bytes.length),
      alignment ?? BigInt(PAGE),
    );
    file.set(bytes, offsets[i]);
  });
  if (name !== null) {
    header(headerBytes + segments.length * phBytes, 3, 4, nameAt, 0n, name.length, BigInt(name.length), 1n);
    file.set(name, nameAt);
  }
  return file;
};

export const R = 4;
export const W = 2;
export const X = 1;

/** `count` bytes that differ from their neighbours. */
export const pattern = (count: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
