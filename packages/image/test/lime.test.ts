import { writeLime } from "@portolan/image";
import { expect } from "chai";
import { bytesAt, gather, opened, readOf, refusal, regionsFor } from "./fixture.js";

const lime = async (firsts: readonly number[], change: (view: DataView) => void = () => {}): Promise<Uint8Array> => {
  const bytes = await gather(writeLime(regionsFor(firsts.map((first) => ({ first, bytes: bytesAt(first, 4096) })))));
  change(new DataView(bytes.buffer));
  return bytes;
};
const SECOND = 32 + 4096;

describe("a LiME image", () => {
  it("has headers as its document says: magic, version, first and last address", async () => {
    const bytes = await lime([0x1000]);
    expect(Buffer.from(bytes.subarray(0, 32)).toString("hex")).to.equal("454d694c010000000010000000000000ff1f0000000000000000000000000000");
  });

  it("may be written by a big-endian machine", async () => {
    const bytes = await lime([0x1000]);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x4c694d45);
    view.setUint32(4, 1);
    view.setBigUint64(8, 0x1000n);
    view.setBigUint64(16, 0x1fffn);
    expect(await readOf(await opened(bytes), 0x1800, 8)).to.deep.equal(bytesAt(0x1800, 8));
  });

  it("is refused, with the place and the reason, where its headers lie", async () => {
    const lies: readonly (readonly [change: (view: DataView) => void, at: number, because: RegExp])[] = [
      [(view) => view.setUint32(SECOND, 0, true), SECOND, /no LiME header/],
      [(view) => view.setBigUint64(SECOND + 16, 0x7fffn, true), SECOND, /ends at 0x7fff, before it starts at 0x8000/],
      [(view) => view.setBigUint64(SECOND + 8, 0x1fffn, true), SECOND, /starts at 0x1fff, and the one before it ends at 0x1fff/],
      [(view) => view.setBigUint64(SECOND + 16, 0x9000n, true), SECOND, /would end at byte 8257 of the file, which has 8256/],
      [(view) => view.setBigUint64(SECOND + 16, 2n ** 64n - 1n, true), SECOND, /at most 52 bits/],
      [(view) => view.setBigUint64(SECOND + 16, 0x8ff0n, true), 8241, /32 bytes does not fit/],
    ];
    for (const [change, at, because] of lies) {
      const { values } = await refusal(opened(await lime([0x1000, 0x8000], change)), "ERR_BAD_IMAGE");
      expect(values["because"]).to.match(because);
      expect(values["at"], String(because)).to.equal(at);
    }
    const newer = await lime([0x1000], (view) => view.setUint32(4, 2, true));
    expect((await refusal(opened(newer), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.equal("LiME, version 2");
    await refusal(opened(new Uint8Array(0), { format: "lime" }), "ERR_BAD_IMAGE");
    await refusal(opened(new Uint8Array(0), { format: "elf-core" }), "ERR_BAD_IMAGE");
  });

  it("may end early if that is asked for", async () => {
    const bytes = await lime([0x1000, 0x8000]);
    const cut = await opened(bytes.subarray(0, SECOND + 32 + 10), { truncated: true });
    expect(cut.regions.map(({ first, bytes: size }) => [first, size])).to.deep.equal([
      [0x1000, 4096],
      [0x8000, 10],
    ]);
    expect(cut.remarks).to.deep.equal(["the range at 0x8000 ends behind the file, and is cut there"]);
    expect((await opened(bytes.subarray(0, SECOND + 31), { truncated: true })).remarks).to.deep.equal(["the file ends within a header"]);
  });
});
