/** Changes of image files that know the formats: fields of headers and notes get the values that lie the most. */

const PHDR = {
  1: [0, 4, 8, 12, 16, 20, 24, 28].map((at) => [at, 4]),
  2: [
    [0, 4],
    [4, 4],
    [8, 8],
    [16, 8],
    [24, 8],
    [32, 8],
    [40, 8],
    [48, 8],
  ],
};
const EHDR = {
  1: [
    [16, 2],
    [18, 2],
    [28, 4],
    [32, 4],
    [42, 2],
    [44, 2],
  ],
  2: [
    [16, 2],
    [18, 2],
    [32, 8],
    [40, 8],
    [54, 2],
    [56, 2],
  ],
};
const MOST_BYTES = 8192;

/** Places of fields that readers look at: `[offset, bytes]`, with the byte order that the file claims. */
export const fieldsOf = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = [];
  const put = (at, size, little) => at >= 0 && at + size <= bytes.length && fields.push({ at, size, little });
  if (bytes.length >= 20 && view.getUint32(0) === 0x7f454c46) {
    const kind = bytes[4] === 1 ? 1 : 2;
    const little = bytes[5] !== 2;
    put(4, 1, little);
    put(5, 1, little);
    for (const [at, size] of EHDR[kind]) put(at, size, little);
    const read = (at, size) => {
      if (at < 0 || at + size > bytes.length) return 0;
      return size === 2 ? view.getUint16(at, little) : size === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
    };
    const [tables, each] = kind === 1 ? [read(28, 4), 32] : [read(32, 8), 56];
    const count = Math.min(read(kind === 1 ? 44 : 56, 2), 16);
    for (let i = 0; i < count; i++) {
      const at = tables + i * each;
      for (const [offset, size] of PHDR[kind]) put(at + offset, size, little);
      if (read(at, 4) !== 4) continue;
      let note = kind === 1 ? read(at + 4, 4) : read(at + 8, 8);
      for (let notes = 0; notes < 8 && note + 12 <= bytes.length; notes++) {
        for (const offset of [0, 4, 8]) put(note + offset, 4, little);
        const [name, size] = [read(note, 4), read(note + 4, 4)];
        put(note + 12, 4, little);
        const content = note + 12 + Math.ceil(name / 4) * 4;
        put(content, 4, little);
        put(content + 4, 4, little);
        // Counts of our own note.
        for (const offset of [8, 12, 16, 20]) if (name === 9) put(content + offset, 4, little);
        note = content + Math.ceil(size / 4) * 4;
      }
    }
    // Section header 0, where the count of program headers may be.
    const sections = kind === 1 ? read(32, 4) : read(40, 8);
    if (sections > 0) put(sections + (kind === 1 ? 28 : 44), 4, little);
  } else if (bytes.length >= 32 && /^(EMiL|LiME)$/.test(String.fromCharCode(...bytes.subarray(0, 4)))) {
    const little = bytes[0] === 0x45;
    for (let at = 0, ranges = 0; at + 32 <= bytes.length && ranges < 16; ranges++) {
      for (const [offset, size] of [
        [0, 4],
        [4, 4],
        [8, 8],
        [16, 8],
      ])
        put(at + offset, size, little);
      const size = Number(view.getBigUint64(at + 16, little) - view.getBigUint64(at + 8, little)) + 1;
      if (!(size > 0)) break;
      at += 32 + size;
    }
  }
  return fields;
};

const telling = (chance, size, length, old, others) => {
  const top = 1n << BigInt(8 * size);
  const near = [0n, 1n, 2n, 4n, 7n, 8n, 56n, 32n, BigInt(length), BigInt(length) - 1n, BigInt(length) + 1n, 4096n, 4095n];
  const far = [
    top - 1n,
    top - 2n,
    top / 2n,
    top / 2n - 1n,
    0xffffn,
    0xffff_ffffn,
    1n << 31n,
    1n << 32n,
    1n << 52n,
    (1n << 52n) - 4096n,
    1n << 53n,
    1n << 63n,
  ];
  const around = [old + 1n, old - 1n, old * 2n, old / 2n, old + 4096n, old - 4096n, old ^ (1n << BigInt(chance.below(8 * size)))];
  const list = chance.of([near, far, around, others.length > 0 ? others : near]);
  return ((chance.of(list) % top) + top) % top;
};

/** @returns other bytes; `donor` is another image, of which pieces may be taken */
export const changedImage = (chance, bytes, donor) => {
  const copy = new Uint8Array(bytes);
  if (copy.length === 0) return copy;
  const view = new DataView(copy.buffer);
  const get = ({ at, size, little }) => {
    if (size === 1) return BigInt(copy[at]);
    return size === 2
      ? BigInt(view.getUint16(at, little))
      : size === 4
        ? BigInt(view.getUint32(at, little))
        : view.getBigUint64(at, little);
  };
  const set = ({ at, size, little }, value) => {
    if (size === 1) copy[at] = Number(value);
    else if (size === 2) view.setUint16(at, Number(value), little);
    else if (size === 4) view.setUint32(at, Number(value), little);
    else view.setBigUint64(at, value, little);
  };
  const fields = fieldsOf(copy);
  for (let left = 1 + chance.below(4); left > 0; left--) {
    if (fields.length > 0 && !chance.once(3)) {
      const field = chance.of(fields);
      const others = fields.filter(({ size }) => size === field.size).map(get);
      set(field, telling(chance, field.size, copy.length, get(field), others));
      continue;
    }
    const at = chance.below(chance.once(2) ? Math.min(copy.length, 512) : copy.length);
    const kind = chance.below(5);
    if (kind === 0) copy[at] = chance.below(256);
    else if (kind === 1) copy[at] = chance.of([0, 1, 4, 7, 0x38, 0x7f, 0x80, 0xff]);
    else if (kind === 2) copy[at] ^= 1 << chance.below(8);
    else if (kind === 3) copy.fill(chance.of([0, 0xff]), at, at + chance.of([2, 4, 8]));
    else copy.copyWithin(at, chance.below(copy.length), chance.below(copy.length));
  }
  if (chance.once(8)) return copy.slice(0, chance.below(copy.length + 1));
  if (!chance.once(8)) return copy;
  // Half of one and half of another: overlapping segments, headers of one format within another.
  return Uint8Array.from([...copy.subarray(0, chance.below(copy.length + 1)), ...donor.subarray(chance.below(donor.length + 1))]).slice(
    0,
    MOST_BYTES,
  );
};
