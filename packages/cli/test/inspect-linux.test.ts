/** `--os` and `--strict` as they are typed: what is told of an answer that rests on a choice, and what of a mark that is passed over. */
import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { regionOf, writeElf } from "@portolan/image";
import { cli } from "#src/cli.js";

const typed = async (line: string): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false };
  const status = await cli(
    line.split(" ").filter((word) => word !== ""),
    { ...io, now: () => 0 },
  );
  return { status, out, err };
};

/** A first level of ARM's at 0x4000, a table at 0x8800, Linux's companions at 0x8000: one page there, and one in swap space. */
const armTables = (): Uint8Array => {
  const words = new Uint32Array(0x10000 / 4);
  words[0x4000 / 4] = 0x8801;
  words[0x8800 / 4 + 16] = 0xa03e;
  words[0x8000 / 4 + 16] = 0xa15f;
  words[0x8000 / 4 + 17] = (0x123 << 8) | (2 << 2);
  return new Uint8Array(words.buffer);
};

/** Four pointers of PAE at 0x1000, the first of them in use with bit 5 and, if asked, others; a page at 0x1000. */
const paeTables = (more = 0): Uint8Array => {
  const words = new Uint32Array(0x6000 / 4);
  words[0x1000 / 4] = 0x2021 | more;
  words[0x2000 / 4] = 0x3067;
  words[0x3000 / 4 + 2] = 0x4067;
  return new Uint8Array(words.buffer);
};

describe("portolan inspect --os linux", () => {
  let folder = "";
  let arm = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "portolan-linux-"));
    arm = join(folder, "arm.raw");
    writeFileSync(arm, armTables());
  });
  after(() => rmSync(folder, { recursive: true }));
  const armv7 = (command: string, more: string): ReturnType<typeof typed> =>
    typed(`inspect ${command} --arch armv7 --root 0x4000 ${more.replace("IMAGE", arm)}`);

  it("says which release's words it takes them for, where that makes a difference and nobody said", async () => {
    const { status, out, err } = await armv7("list", "--os linux IMAGE");
    expect([status, err]).to.deep.equal([
      0,
      "note: --os linux is linux-arm-6.3 here: Linux on 32-bit ARM without LPAE, 6.3 and newer: entries of its own 2,048 bytes before the processor's; swap type in bits 6:2, offset from bit 8 on. Say --os linux-RELEASE if the kernel is older\n",
    ]);
    expect(out).to.match(/^armv7; TTBR0 0x4000, as told; linux-arm-6\.3\n/);
    expect(out).to.contain("00011000-00011fff     4 KiB  not in memory: swap type 2, offset 0x123\n");
  });

  it("takes the words of the release that was said, and then has nothing to remark", async () => {
    const { out, err } = await armv7("list", "--os linux-6.1 --format json IMAGE");
    expect(err).to.equal("");
    expect(out).to.contain('"software":"not in memory: swap type 2, offset 0x246"');
    expect((await armv7("list", "--os linux-3.10 IMAGE")).err).to.contain("ERR_BAD_ARGUMENT");
    expect((await typed(`inspect list --arch mips32 --os linux --root 0x4000 ${arm}`)).status).to.not.equal(0);
  });

  it("takes the release from the image, where a kernel that crashed wrote it", async () => {
    const path = join(folder, "arm.vmcore");
    const pieces: Uint8Array[] = [];
    const options = { bits: 32, byteOrder: "little", machine: 40, vmcoreinfo: "OSRELEASE=6.1.0-50-armmp\n" } as const;
    for await (const piece of writeElf([regionOf(0, armTables())], options)) pieces.push(piece);
    writeFileSync(path, Buffer.concat(pieces));
    const { out, err } = await typed(`inspect list --arch armv7 --root 0x4000 --os linux ${path}`);
    expect([out.split("\n")[0], err]).to.deep.equal(["armv7; TTBR0 0x4000, as told; linux-arm", ""]);
    expect((await typed(`inspect list --arch armv7 --root 0x4000 --os linux-6.3 ${path}`)).out).to.contain("offset 0x123");
  });

  it("shows Linux's entry beside the processor's, where it is mapped and where it is not", async () => {
    const mapped = await armv7("walk", "--os linux-6.3 IMAGE 0x10000");
    expect(mapped.out).to.contain("beside it at 0x8040: 0000a15f  Linux: present, young, dirty\n");
    const swapped = await armv7("walk", "--os linux-6.3 IMAGE 0x11000");
    expect(swapped.out).to.contain("beside it at 0x8044: 00012308  Linux: swapped out\n").and.to.contain("fault: absent");
    const explained = await armv7("explain", "--os linux-6.3 IMAGE 0x11000");
    expect(explained.out).to.contain("would fault (absent): entry 17 of the second-level table is absent: not in memory: swap type 2");
    const json = JSON.parse((await armv7("walk", "--json --os linux-6.3 IMAGE 0x10000")).out) as { steps: { beside: { raw: string } }[] };
    expect(json.steps[1].beside.raw).to.equal("0xa15f");
    expect((await armv7("walk", "IMAGE 0x10000")).out).to.not.contain("beside");
  });
});

describe("portolan inspect --strict", () => {
  let folder = "";
  const image = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  before(() => (folder = mkdtempSync(join(tmpdir(), "portolan-strict-"))));
  after(() => rmSync(folder, { recursive: true }));
  const NOTE =
    "note: page-directory-pointer table: in 1 of 4 entries bit 5, which must be zero, is set: QEMU marks here what it has used, and a processor would fault; passed over\n";
  const pae = (command: string, path: string, more = ""): ReturnType<typeof typed> =>
    typed(`inspect ${command} --arch ia32pae --root CR3=0x1000 --switch NXE=on ${path} ${more}`);

  it("is not needed to look into QEMU's memory: its mark in the pointers of PAE is passed over with a note", async () => {
    const path = image("marked.raw", paeTables());
    for (const command of ["list", "list --format info-tlb", "list --format json"]) {
      const { status, out, err } = await pae(command, path);
      expect([command, status, err]).to.deep.equal([command, 0, NOTE]);
      expect(out).to.contain("4000");
    }
    expect((await pae("read", path, "0x1000 4")).err).to.equal(NOTE);
    expect((await pae("check --only reserved", path)).out).to.contain("nothing found");
    expect((await pae("walk", path, "0x1000")).out).to.contain("\n  passed over: bit 5, which must be zero, is set: QEMU");
    expect((await pae("explain", path, "0x1000")).out).to.match(/would succeed.*entry 0: bit 5, which must be zero, is set/);
  });

  it("faults as a processor would, and has nothing to remark", async () => {
    const path = image("marked.raw", paeTables());
    const { out, err } = await pae("list --strict", path);
    expect(err).to.equal("");
    expect(out).to.contain("0 pages in 0 lines").and.to.contain("1 odd entry, which check names");
    expect((await pae("explain --strict", path, "0x1000")).out).to.contain("would fault (reserved)");
    const checked = await pae("check --strict --only reserved", path);
    expect([checked.status, checked.out.includes("1 × reserved")]).to.deep.equal([1, true]);
  });

  it("would say no more of any other reserved bit than the usual reader: those map nothing either way", async () => {
    const path = image("worse.raw", paeTables(0x40));
    for (const strict of ["", "--strict"]) expect((await pae(`list ${strict}`, path)).out).to.contain("0 pages in 0 lines");
    expect((await pae("list --ignore-reserved", path)).out).to.contain("1 page in 1 line");
  });
});
