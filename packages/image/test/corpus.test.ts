/** Small images that each reach code no other does, found by `tools/fuzz-image.mjs`; among them the headers of QEMU's own. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { survive } from "./survive.js";

const folder = new URL("../test/corpus/", import.meta.url);

describe("images that were found by changing others", () => {
  const names = readdirSync(folder).toSorted();

  it("open, or are refused with the error for it, taken in every way", async () => {
    let opened = 0;
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
      for (const truncated of [false, true]) {
        for (const format of [undefined, "elf-core", "lime", "raw"] as const) {
          if ((await survive(bytes, { truncated, ...(format === undefined ? {} : { format }) })) === "opened") opened += 1;
        }
      }
    }
    expect(names).to.have.length.greaterThan(20);
    expect(opened).to.be.within(3 * names.length, 7 * names.length);
  });
});
