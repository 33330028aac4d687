/** Small images and listings that each reach code no other does, found by `tools/fuzz-image.mjs`; among them the headers of QEMU's own images. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { holesIn, survive, surviveListing } from "./survive.js";

const folder = new URL("../test/corpus/", import.meta.url);
const listings = new URL("../test/corpus-listings/", import.meta.url);

describe("images that were found by changing others", () => {
  const names = readdirSync(folder).toSorted();

  it("open, or are refused with the error for it, taken in every way", async () => {
    let opened = 0;
    let holed = 0;
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
      for (const truncated of [false, true]) {
        for (const format of [undefined, "elf-core", "lime", "raw"] as const) {
          if ((await survive(bytes, { truncated, ...(format === undefined ? {} : { format }) })) === "opened") opened += 1;
        }
      }
      if ((await survive(bytes, holesIn(bytes))) === "opened") holed += 1;
    }
    expect(names).to.have.length.greaterThan(20);
    expect(opened).to.be.within(3 * names.length, 7 * names.length);
    expect(holed).to.be.within(1, names.length - 1);
  });
});

describe("listings that were found by changing others", () => {
  it("are read, or refused with a place in them", () => {
    const outcomes = { read: 0, refused: 0 };
    for (const name of readdirSync(listings).toSorted()) outcomes[surviveListing(readFileSync(new URL(name, listings), "utf8"))] += 1;
    expect(outcomes.read).to.be.greaterThan(5);
    expect(outcomes.refused).to.be.greaterThan(10);
  });
});
