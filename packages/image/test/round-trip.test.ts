/** What is written is read again: every format, class and byte order, random regions, and from one format to another. */
import { writeElf, writeLime, writeRaw, regionsOf, type ElfIdentity, type ImageFormat, type RegionContents } from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";
import { bytesAt, gather, opened, readOf, refusal, regionsFor, spansOf, stretches, type Stretch } from "./fixture.js";

const identities: readonly ElfIdentity[] = ([32, 64] as const).flatMap((bits) =>
  (["little", "big"] as const).flatMap((byteOrder) => [3, 8, 62, 183].map((machine) => ({ bits, byteOrder, machine }))),
);

const written = (format: ImageFormat, regions: readonly RegionContents[], identity: ElfIdentity): Promise<Uint8Array> => {
  if (format === "raw") return gather(writeRaw(regions));
  return gather(format === "lime" ? writeLime(regions) : writeElf(regions, identity));
};

/** Any bytes of memory in one go: those up to the next gap. */
const expected = (list: readonly Stretch[], physical: number, count: number): number[] => {
  const bytes: number[] = [];
  for (let at = physical; at < physical + count; at++) {
    const stretch = list.find(({ first, bytes: { length } }) => at >= first && at < first + length);
    if (stretch === undefined) break;
    bytes.push(stretch.bytes[at - stretch.first] ?? -1);
  }
  return bytes;
};

describe("images that are written", () => {
  for (const format of ["elf-core", "lime"] as const) {
    it(`have the same regions and bytes when they are read: ${format}`, () =>
      fc.assert(
        fc.asyncProperty(
          stretches(),
          fc.constantFrom(...identities),
          fc.array(fc.tuple(fc.nat(200_000), fc.integer({ min: 1, max: 300 })), { maxLength: 5 }),
          async (list, identity, probes) => {
            const image = await opened(await written(format, regionsFor(list), identity));
            expect(image.format).to.equal(format);
            expect(image.remarks).to.deep.equal([]);
            expect(spansOf(image.regions)).to.deep.equal(spansOf(list.map(({ first, bytes }) => ({ first, bytes: bytes.length }))));
            if (format === "elf-core") expect(image.elf).to.deep.equal(identity);
            for (const { first, bytes } of list) expect(await readOf(image, first, bytes.length)).to.deep.equal(bytes);
            for (const [physical, count] of probes)
              expect([...(await readOf(image, physical, count))]).to.deep.equal(expected(list, physical, count));
          },
        ),
        { numRuns: 60, seed: 6 },
      ));

    it(`may become another format, and that the first again, byte for byte: ${format}`, () =>
      fc.assert(
        fc.asyncProperty(stretches(), fc.constantFrom(...identities), async (list, identity) => {
          const one = await opened(await written(format, regionsFor(list), identity));
          const first = await written(format, regionsOf(one), identity);
          const other = await opened(await written(format === "lime" ? "elf-core" : "lime", regionsOf(one), identity));
          expect(await written(format, regionsOf(other), identity)).to.deep.equal(first);
        }),
        { numRuns: 20, seed: 7 },
      ));
  }

  it("have zeros in the holes when they are raw, or nothing", async () => {
    const list = [0x1000, 0x5000].map((first) => ({ first, bytes: bytesAt(first, 0x1000) }));
    const flat = await gather(writeRaw(regionsFor(list), { base: 0x1000 }));
    expect(flat).to.have.length(0x5000);
    expect(flat.subarray(0x1000, 0x4000).every((byte) => byte === 0)).to.equal(true);
    expect(flat.subarray(0x4000)).to.deep.equal(list[1]?.bytes);
    const packed = await gather(writeRaw(regionsFor(list), { base: 0x1000, packed: true }));
    expect(packed).to.have.length(0x2000);
    const image = await opened(packed, { base: 0x1000, holes: [{ first: 0x2000, bytes: 0x3000, stored: false }] });
    expect(spansOf(image.regions)).to.deep.equal(list.map(({ first, bytes }) => ({ first, bytes: bytes.length })));
    expect(await readOf(image, 0x5000, 0x1000)).to.deep.equal(list[1]?.bytes);
  });

  it("are asked for piece by piece, the memory last", async () => {
    const asked: number[] = [];
    const region = (first: number): RegionContents => ({
      first,
      bytes: 8192,
      *contents() {
        asked.push(first);
        yield new Uint8Array(4096);
        yield new Uint8Array(4096);
      },
    });
    const pieces = writeElf([region(0), region(65_536)], { bits: 64, byteOrder: "little", machine: 62 });
    await pieces.next();
    expect(asked, "the headers need no contents").to.deep.equal([]);
    await pieces.next();
    expect(asked).to.deep.equal([0]);
    await pieces.return(undefined);
  });

  it("are refused for regions that cannot be", async () => {
    const identity: ElfIdentity = { bits: 64, byteOrder: "little", machine: 62 };
    const page = (first: number, bytes = 4096): RegionContents => ({ first, bytes, contents: () => [new Uint8Array(4096)] });
    for (const regions of [
      [page(-1)],
      [page(0), page(4095)],
      [page(4096), page(0)],
      [page(0, 0)],
      [page(2 ** 52 - 100)],
      [page(0, 5000)],
      [page(0, 100)],
    ]) {
      await refusal(gather(writeElf(regions, identity)), "ERR_BAD_ARGUMENT");
      await refusal(gather(writeLime(regions)), "ERR_BAD_ARGUMENT");
      await refusal(gather(writeRaw(regions)), "ERR_BAD_ARGUMENT");
    }
    await refusal(gather(writeRaw([page(0)], { base: 4096 })), "ERR_BAD_ARGUMENT");
    await refusal(gather(writeElf([page(2 ** 32)], { ...identity, bits: 32 })), "ERR_BAD_ARGUMENT");
    await refusal(gather(writeElf([page(0)], { ...identity, machine: 65_536 })), "ERR_BAD_ARGUMENT");
  });
});
