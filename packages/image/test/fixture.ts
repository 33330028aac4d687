/** What the tests of images share: bytes that tell where they are from, random regions, and the errors of careless calls. */
import { PortolanError, type ErrorCode } from "@portolan/core";
import {
  bytesSource,
  openImage,
  regionOf,
  type ByteSource,
  type MemoryImage,
  type OpenOptions,
  type RegionContents,
} from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";

/** Bytes that depend on their physical address. */
export const bytesAt = (first: number, count: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => ((first + i) * 7 + Math.floor((first + i) / 256) * 3 + salt) % 251);

/** Stretches of memory, with what lies in them. */
export interface Stretch {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/** Ascending and disjoint, some of them touching, none longer than a few pages. */
export const stretches = (most = 6): fc.Arbitrary<readonly Stretch[]> =>
  fc
    .array(fc.record({ gap: fc.constantFrom(0, 0, 1, 4096, 70_000), bytes: fc.integer({ min: 1, max: 9000 }) }), {
      minLength: 1,
      maxLength: most,
    })
    .map((list) => {
      let at = 0;
      return list.map(({ gap, bytes }) => {
        const first = at + gap;
        at = first + bytes;
        return { first, bytes: bytesAt(first, bytes) };
      });
    });

export const regionsFor = (list: readonly Stretch[]): readonly RegionContents[] => list.map(({ first, bytes }) => regionOf(first, bytes));

/** All pieces, one after the other. */
export const gather = async (pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece.slice());
  return new Uint8Array(Buffer.concat(parts));
};

export const opened = (bytes: Uint8Array, options?: OpenOptions): Promise<MemoryImage> => openImage(bytesSource(bytes), options);

/** What lies at addresses, read in one go. */
export const readOf = async (image: MemoryImage, physical: number, count: number): Promise<Uint8Array> => {
  const target = new Uint8Array(count);
  return target.subarray(0, await image.read(physical, target));
};

/** Regions of an image that touch, as one, without their places in the file. */
export const spansOf = (regions: Iterable<{ readonly first: number; readonly bytes: number }>): { first: number; bytes: number }[] => {
  const spans: { first: number; bytes: number }[] = [];
  for (const { first, bytes } of regions) {
    const last = spans.at(-1);
    if (last !== undefined && last.first + last.bytes === first) last.bytes += bytes;
    else spans.push({ first, bytes });
  }
  return spans;
};

/** The error that a call ends in. */
export const refusal = async (call: Promise<unknown>, code: ErrorCode): Promise<PortolanError> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).to.be.instanceOf(PortolanError).with.property("code", code);
  return outcome as PortolanError;
};

/** A source that remembers what was asked of it. */
export const watched = (source: ByteSource): ByteSource & { readonly asked: { offset: number; count: number }[] } => {
  const asked: { offset: number; count: number }[] = [];
  return {
    size: source.size,
    asked,
    read: (offset, target) => {
      if (offset < 0 || offset + target.length > source.size)
        throw new Error(`asked for ${target.length} bytes at ${offset} of ${source.size}`);
      asked.push({ offset, count: target.length });
      return source.read(offset, target);
    },
  };
};
