/** What must hold of whatever bytes: they open, or are refused with an error that says so. The same of texts that may be listings. */
import { PortolanError, type TranslationState } from "@portolan/core";
import { bytesSource, openImage, type OpenOptions } from "@portolan/image";
import { listingText, readListing, readListings } from "@portolan/image/listings";
import { stateIn, stateNote } from "#src/elf/state-note.js";
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
      const got = await image.read(first, target);
      expect(got).to.be.at.least(Math.min(size, 64));
      const own = Math.min(got, size);
      expect(Buffer.from(target.subarray(0, own)).equals(bytes.subarray(offset, offset + own))).to.equal(true);
      expect(await image.read(end - 1, target)).to.be.at.least(1);
    }
    expect(end).to.be.at.most(END);
    expect(image.remarks.length).to.be.at.most(50);
    expect(image.states.length).to.be.at.most(image.processors.length);
    for (const state of image.states) expectState(state);
    for (const { registers } of image.processors)
      for (const value of Object.values(registers)) expect(value >= 0n && value < 1n << 64n).to.equal(true);
    const { lines, symbols, numbers } = image.vmcoreinfo ?? {};
    expect((symbols?.size ?? 0) + (numbers?.size ?? 0)).to.be.at.most(lines?.size ?? 0);
    return "opened";
  } catch (error) {
    // Whoever says where memory is may be told that it cannot be.
    if (error instanceof PortolanError && error.code === "ERR_BAD_ARGUMENT" && options.base !== undefined) return "refused";
    if (error instanceof PortolanError && (error.code === "ERR_BAD_IMAGE" || error.code === "ERR_IMAGE_UNSUPPORTED")) return "refused";
    throw error;
  }
};

/** Raw memory whose base and holes the bytes themselves say. */
export const holesIn = (bytes: Uint8Array): OpenOptions => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (at: number): number => {
    const small = at + 4 <= bytes.length ? view.getUint32(at, true) : 0;
    return at + 5 <= bytes.length && bytes[at + 4] % 4 === 0 ? small * 2 ** 21 : small % 2 ** 14;
  };
  let first = number(0);
  const holes = Array.from({ length: bytes.length % 5 }, (_, i) => {
    const hole = { first: first + number(5 + 11 * i), bytes: number(10 + 11 * i), stored: (bytes[15 + 11 * i] ?? 0) % 2 === 0 };
    ({ first } = hole);
    if (bytes.length % 3 > 0) first += hole.bytes;
    return hole;
  });
  return { format: "raw", base: number(0), holes };
};

/** A text is a listing whose states stand every test, or is refused with a place in it. */
export const surviveListing = (text: string): "read" | "refused" => {
  let states: readonly TranslationState[];
  try {
    states = readListings(text);
  } catch (error) {
    if (!(error instanceof PortolanError) || error.code !== "ERR_BAD_LISTING") throw error;
    const { line, column } = error.values;
    const lines = text.split("\n");
    expect(line).to.be.within(1, lines.length);
    expect(column).to.be.within(1, (lines[Number(line) - 1] ?? "").length + 1);
    return "refused";
  }
  expect(states.length).to.be.greaterThan(0);
  for (const state of states) expectState(state);
  return "read";
};

/** What must hold of every state: numbers that can be, and nothing that writing it in either form would lose. */
const expectState = (state: TranslationState): void => {
  for (const { virtual, bytes, physical, index, asid, kernel, user } of state.tlb) {
    expect(Number.isInteger(Math.log2(bytes)), "bytes").to.equal(true);
    expect(virtual >= 0n && virtual + BigInt(bytes) <= 1n << 64n, "virtual").to.equal(true);
    expect(physical >= 0n && physical < 1n << 64n, "physical").to.equal(true);
    expect(Number.isSafeInteger(index) && Number.isSafeInteger(asid), "numbers").to.equal(true);
    expect(kernel).to.be.within(0, 7);
    expect(user).to.be.within(0, 7);
  }
  if (state.tlb.length > 2000) return;
  expect(readListing(listingText(state))).to.deep.equal(state);
  const note = stateNote(state, true);
  expect(stateIn(new DataView(note.buffer, note.byteOffset, note.byteLength), true)).to.deep.equal(state);
};
