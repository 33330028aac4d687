import { blobSource, bytesSource, openImage } from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";
import { bytesAt, readOf, refusal, watched } from "./fixture.js";

describe("reading through the cache", () => {
  const bytes = bytesAt(0, 100_000);

  it("gives the bytes, in whatever order and however small the cache", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.tuple(fc.nat(100_100), fc.oneof(fc.nat(20), fc.nat(10_000), fc.constant(200_000))), { maxLength: 30 }),
        async (cachedBlocks, probes) => {
          const image = await openImage(watched(bytesSource(bytes)), { cachedBlocks, format: "raw" });
          for (const [at, count] of probes) expect(await readOf(image, at, count)).to.deep.equal(bytes.subarray(at, at + count));
        },
      ),
      { numRuns: 60, seed: 3 },
    ));

  it("gives the bytes to several readers at once", async () => {
    const image = await openImage(bytesSource(bytes), { cachedBlocks: 2 });
    const places = Array.from({ length: 40 }, (_, i) => (i * 7919) % 90_000);
    const seen = await Promise.all(places.map((at) => readOf(image, at, 9000)));
    for (const [i, at] of places.entries()) expect(seen[i]).to.deep.equal(bytes.subarray(at, at + 9000));
  });

  it("asks for a page once while it is held, and again when it is not", async () => {
    const source = watched(bytesSource(bytes));
    const image = await openImage(source, { cachedBlocks: 2, format: "raw" });
    const ask = async (...blocks: number[]): Promise<number[]> => {
      source.asked.length = 0;
      for (const block of blocks) await readOf(image, block * 4096 + 8, 8);
      return source.asked.map(({ offset }) => offset / 4096);
    };
    expect(await ask(9, 9, 5, 9, 5)).to.deep.equal([9, 5]);
    expect(await ask(9, 1, 9)).to.deep.equal([1]);
    expect(await ask(5), "the one that was not used for longest has gone").to.deep.equal([5]);
  });

  it("reads ahead of those who go on, twice as far each time, and not of those who jump", async () => {
    const source = watched(bytesSource(new Uint8Array(2 ** 20)));
    const image = await openImage(source, { format: "raw" });
    for (let at = 0; at < 2 ** 20; at += 512) await readOf(image, at, 512);
    expect(source.asked.map(({ count }) => count / 4096)).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 64, 64, 1]);
    source.asked.length = 0;
    const other = await openImage(source, { format: "raw" });
    for (const block of [200, 100, 50, 3]) await readOf(other, block * 4096, 8);
    expect(source.asked.map(({ count }) => count / 4096)).to.deep.equal([1, 1, 1, 1]);
  });

  it("lets large reads past", async () => {
    const source = watched(bytesSource(new Uint8Array(2 ** 20)));
    const image = await openImage(source, { format: "raw" });
    await readOf(image, 5, 2 ** 19);
    expect(source.asked).to.deep.equal([{ offset: 5, count: 2 ** 19 }]);
  });

  it("passes on what the source throws, and tries again", async () => {
    let broken = true;
    const image = await openImage(
      { size: 8192, read: (_, target) => (broken ? Promise.reject(new Error("the cable is out")) : Promise.resolve(void target.fill(7))) },
      { format: "raw" },
    );
    const outcome = await readOf(image, 0, 4).catch(String);
    expect(outcome).to.equal("Error: the cable is out");
    broken = false;
    expect([...(await readOf(image, 0, 2))]).to.deep.equal([7, 7]);
  });

  it("reads a Blob in slices, and says so if it has become shorter", async () => {
    const image = await openImage(blobSource(new Blob([bytes])));
    expect(await readOf(image, 50_000, 100)).to.deep.equal(bytes.subarray(50_000, 50_100));
    const lying = blobSource({ size: 200_000, slice: (start, end) => new Blob([bytes]).slice(start, end) });
    await refusal(readOf(await openImage(lying), 150_000, 4), "ERR_BAD_IMAGE");
  });
});
