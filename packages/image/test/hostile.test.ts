/**
 * Hostile images: real ones with some bytes changed, cut or doubled, and bytes made up. They open, or are refused with an error
 * that says so; and what opens can be read everywhere. The source fails the test if anybody asks for what it does not have.
 */
import { bytesSource, openImage, writeElf, writeLime, type ImageFormat } from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";
import { bytesAt, gather, regionsFor } from "./fixture.js";
import { survive } from "./survive.js";

const memory = regionsFor([0x1000, 0x9000, 0x40_0000].map((first) => ({ first, bytes: bytesAt(first, 3000) })));
const processors = [{ registers: { CR3: 0x1000n } }, { registers: { CR3: 0x2000n } }];
const vmcoreinfo = "PAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffff82a10000\nNUMBER(phys_base)=0\nKERNELOFFSET=0\n";

/** A change of a few bytes at a place: the values that lie the most, or any. */
const changes = (size: number): fc.Arbitrary<readonly (readonly [at: number, bytes: readonly number[]])[]> => {
  const words = [
    [0],
    [0xff],
    [0xff, 0xff],
    [0xff, 0xff, 0xff, 0xff],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0x10, 0],
    [0, 0, 0, 0, 0, 0, 0, 0x80],
  ];
  const value = fc.oneof(fc.constantFrom(...words), fc.array(fc.nat(255), { minLength: 1, maxLength: 8 }));
  return fc.array(fc.tuple(fc.nat(size - 1), value), { minLength: 1, maxLength: 4 });
};

const mutated = (bytes: Uint8Array, list: readonly (readonly [number, readonly number[]])[], length: number): Uint8Array => {
  const copy = bytes.slice();
  for (const [at, values] of list) copy.set(values.slice(0, copy.length - at), at);
  return copy.subarray(0, length);
};

describe("hostile images", () => {
  const originals: readonly (readonly [name: string, format: ImageFormat, headers: number, make: () => Promise<Uint8Array>])[] = [
    [
      "ELF, 64 bits, x86",
      "elf-core",
      4096,
      () => gather(writeElf(memory, { bits: 64, byteOrder: "little", machine: 62, processors, vmcoreinfo })),
    ],
    [
      "ELF, 32 bits, big-endian",
      "elf-core",
      400,
      () => gather(writeElf(memory, { bits: 32, byteOrder: "big", machine: 8, processors, vmcoreinfo })),
    ],
    ["ELF, 64 bits, few headers", "elf-core", 64 + 4 * 56, () => gather(writeElf(memory, { bits: 64, byteOrder: "little", machine: 183 }))],
    ["LiME", "lime", 6200, () => gather(writeLime(memory))],
  ];

  for (const [name, format, headers, make] of originals) {
    it(`open, or are refused with the error for it, and never more: ${name}`, async () => {
      const original = await make();
      const outcomes = { opened: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(
          changes(headers),
          fc.oneof({ weight: 3, arbitrary: fc.constant(original.length) }, fc.nat(original.length)),
          fc.boolean(),
          fc.boolean(),
          async (list, length, truncated, isTold) => {
            outcomes[await survive(mutated(original, list, length), { truncated, ...(isTold ? { format } : {}) })] += 1;
          },
        ),
        { numRuns: 1500, seed: 2026 },
      );
      expect(outcomes.opened, "some open").to.be.greaterThan(50);
      expect(outcomes.refused, "some do not").to.be.greaterThan(50);
    });
  }

  for (const format of [undefined, "elf-core", "lime"] as const) {
    it(`made of any bytes at all are as harmless: ${format ?? "recognised"}`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom("", "\x7fELF\x02\x01\x01", "\x7fELF\x01\x02\x01", "EMiL\x01\0\0\0"),
          fc.uint8Array({ maxLength: 300 }),
          async (start, rest) => {
            const bytes = Uint8Array.from([...Array.from(start, (letter) => letter.charCodeAt(0)), ...rest]);
            await survive(bytes, format === undefined ? {} : { format });
          },
        ),
        { numRuns: 500, seed: 5 },
      ));
  }

  it("with a quarter of a million segments that lie over each other are opened with as many regions as that at most", async () => {
    const count = 2 ** 18 - 1;
    const bytes = new Uint8Array(64 + 64 + count * 56 + 4096);
    const view = new DataView(bytes.buffer);
    bytes.set(
      await gather(writeElf(memory.slice(0, 1), { bits: 64, byteOrder: "little", machine: 62 })).then((all) => all.subarray(0, 64)),
    );
    view.setBigUint64(32, 128n, true);
    view.setBigUint64(40, 64n, true);
    view.setUint16(56, 0xffff, true);
    view.setUint32(64 + 44, count, true);
    for (let i = 0; i < count; i++) {
      const at = 128 + i * 56;
      view.setUint32(at, 1, true);
      view.setBigUint64(at + 8, BigInt((i * 37) % 4000), true);
      view.setBigUint64(at + 24, BigInt(((i * 7919) % count) * 16), true);
      view.setBigUint64(at + 32, 90n, true);
      view.setBigUint64(at + 40, 90n, true);
    }
    const image = await openImage(bytesSource(bytes));
    expect(image.regions.length).to.be.within(1000, 2 * count);
    expect(image.remarks).to.have.length(2);
  });

  it("with notes that are told of again and again are read to a bound", async () => {
    const original = await gather(
      writeElf(memory.slice(0, 1), {
        bits: 64,
        byteOrder: "little",
        machine: 62,
        processors: Array.from({ length: 100 }, () => processors[0] ?? { registers: {} }),
      }),
    );
    const count = 60_000;
    const bytes = new Uint8Array(original.length + count * 56);
    bytes.set(original);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(32, BigInt(original.length), true);
    view.setUint16(56, count, true);
    for (let i = 0; i < count; i++)
      bytes.set(original.subarray(64 + (i === 0 ? 56 : 0), 64 + (i === 0 ? 112 : 56)), original.length + i * 56);
    const image = await openImage(bytesSource(bytes));
    expect(image.processors.length).to.equal(8192);
    expect(image.remarks).to.include("there are more than 32768 notes; the others are not read");
  });

  it("in LiME with a hundred thousand ranges are refused", async () => {
    const bytes = await gather(
      writeLime(Array.from({ length: 70_000 }, (_, i) => ({ first: i * 2, bytes: 1, contents: () => [Uint8Array.of(1)] }))),
    );
    expect(await survive(bytes, {})).to.equal("refused");
  });
});
