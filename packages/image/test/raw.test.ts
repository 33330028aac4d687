import { openImage, bytesSource } from "@portolan/image";
import { expect } from "chai";
import { bytesAt, opened, readOf, refusal } from "./fixture.js";

describe("a raw image", () => {
  const bytes = bytesAt(0, 20_000);

  it("is what nothing else is, from address 0 on", async () => {
    const image = await opened(bytes);
    expect(image).to.deep.include({ format: "raw", regions: [{ first: 0, bytes: 20_000, offset: 0 }], processors: [], remarks: [] });
    expect(await readOf(image, 19_990, 100)).to.deep.equal(bytes.subarray(19_990));
    expect(await readOf(image, 20_000, 100)).to.have.length(0);
  });

  it("starts at its base", async () => {
    const image = await opened(bytes, { base: 0x8000_0000 });
    expect(await readOf(image, 0x8000_0000, 3)).to.deep.equal(bytes.subarray(0, 3));
    expect(await readOf(image, 0x7fff_ffff, 3)).to.have.length(0);
  });

  it("lacks its holes, whether the file has bytes in their place or not", async () => {
    const image = await opened(bytes, {
      base: 0x1000,
      holes: [
        { first: 0x2000, bytes: 0x1000 },
        { first: 0x3800, bytes: 0x10_0000, stored: false },
      ],
    });
    expect(image.regions).to.deep.equal([
      { first: 0x1000, bytes: 0x1000, offset: 0 },
      { first: 0x3000, bytes: 0x800, offset: 0x2000 },
      { first: 0x10_3800, bytes: 20_000 - 0x2800, offset: 0x2800 },
    ]);
    expect(await readOf(image, 0x1f00, 0x1000)).to.deep.equal(bytes.subarray(0xf00, 0x1000));
    expect(await readOf(image, 0x2800, 1)).to.have.length(0);
    expect(await readOf(image, 0x10_3800, 5)).to.deep.equal(bytes.subarray(0x2800, 0x2805));
  });

  it("may end in a hole, or before one", async () => {
    expect((await opened(bytes, { holes: [{ first: 16_384, bytes: 65_536 }] })).regions).to.deep.equal([
      { first: 0, bytes: 16_384, offset: 0 },
    ]);
    expect((await opened(bytes, { holes: [{ first: 2 ** 30, bytes: 4096 }] })).regions).to.deep.equal([
      { first: 0, bytes: 20_000, offset: 0 },
    ]);
  });

  it("may be empty", async () => {
    expect((await opened(new Uint8Array(0))).regions).to.deep.equal([]);
  });

  it("is refused with a base, holes, a cache or a source that cannot be", async () => {
    for (const options of [
      { base: -1 },
      { base: 2 ** 52 },
      { base: 0.5 },
      { holes: [{ first: 4096, bytes: 0 }] },
      { holes: [{ first: -4096, bytes: 4096 }] },
      {
        holes: [
          { first: 0, bytes: 8192 },
          { first: 4096, bytes: 1 },
        ],
      },
      { holes: [{ first: 0, bytes: 2 ** 52 + 4096 }] },
      { holes: [{ first: 4096, bytes: 2 ** 52 - 5000, stored: false }] },
      { cachedBlocks: 0 },
    ]) {
      await refusal(opened(bytes, options), "ERR_BAD_ARGUMENT");
    }
    await refusal(openImage({ ...bytesSource(bytes), size: -1 }), "ERR_BAD_ARGUMENT");
    const image = await opened(bytes);
    for (const physical of [-1, 0.5, Number.NaN, 2 ** 53]) await refusal(image.read(physical, new Uint8Array(1)), "ERR_BAD_ARGUMENT");
  });
});

describe("files that are known and not read", () => {
  const kinds: readonly (readonly [start: string, kind: RegExp])[] = [
    ["KDUMP   ", /kdump-compressed/],
    ["DISKDUMP", /diskdump/],
    ["makedumpfile\0\0\0\0", /flattened/],
    ["AVML\x02\0\0\0", /AVML.*snappy/],
    ["PAGEDU64", /Windows crash dump, 64/],
    ["PAGEDUMP", /Windows crash dump, 32/],
    ["\xd2\xbe\xd2\xbe", /VMware/],
    ["hibr", /hibernation/],
    ["QEVM", /QEMU/],
    ["KDMV", /VMware disk/],
    ["vhdxfile", /Hyper-V disk/],
    ["\x7fVirtualBox SavedState V2.0", /VirtualBox saved/],
    [`<<< Oracle VM VirtualBox Disk Image >>>\n${"\0".repeat(24)}\x7f\x10\xda\xbe`, /VirtualBox disk/],
    ["\x1f\x8b\x08", /gzip/],
  ];

  for (const [start, kind] of kinds) {
    it(`are told by name: ${JSON.stringify(start)}`, async () => {
      const bytes = new Uint8Array(8192);
      bytes.set(Array.from(start, (letter) => letter.charCodeAt(0)));
      expect((await refusal(opened(bytes), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(kind);
      expect((await opened(bytes, { format: "raw" })).regions, "and are raw for those who insist").to.have.length(1);
    });
  }

  it("are told by what stands further behind: a Linux hibernation image", async () => {
    const bytes = new Uint8Array(8192);
    bytes.set(
      Array.from("S1SUSPEND", (letter) => letter.charCodeAt(0)),
      4086,
    );
    expect((await refusal(opened(bytes), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(/Linux hibernation/);
  });
});
