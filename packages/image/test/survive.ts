/** What must hold of whatever bytes: they open, or are refused with an error that says so. */
import { PortolanError } from "@portolan/core";
import { bytesSource, openImage, type OpenOptions } from "@portolan/image";
import { expect } from "chai";
import { watched } from "./fixture.js";

const END = 2 ** 52;

/** Opens, looks at everything, reads some; only the errors of images may come out. */
export const survive = async (bytes: Uint8Array, options: OpenOptions): Promise<"opened" | "refused"> => {
  const source = watched(bytesSource(bytes));
  try {
    const image = await openImage(source, options);
    let end = 0;
    for (const { first, bytes: size, offset } of image.regions) {
      expect(first).to.be.at.least(end);
      expect(size).to.be.greaterThan(0);
      expect(offset).to.be.at.least(0);
      expect(offset + size).to.be.at.most(bytes.length);
      end = first + size;
      const target = new Uint8Array(64);
      expect(await image.read(first, target)).to.be.at.least(Math.min(size, 64));
      expect(await image.read(end - 1, target)).to.be.at.least(1);
    }
    expect(end).to.be.at.most(END);
    expect(image.remarks.length).to.be.at.most(50);
    return "opened";
  } catch (error) {
    if (error instanceof PortolanError && (error.code === "ERR_BAD_IMAGE" || error.code === "ERR_IMAGE_UNSUPPORTED")) return "refused";
    throw error;
  }
};
