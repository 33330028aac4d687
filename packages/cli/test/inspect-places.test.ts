/** `portolan inspect` as one types it, for machines whose software fills the TLB. */
import { mips32 } from "@portolan/arch-mips32";
import { sparc64 } from "@portolan/arch-sparc64";
import { openImage } from "@portolan/image";
import { listingText } from "@portolan/image/listings";
import { fileSource } from "@portolan/image/node";
import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "#src/cli.js";
import { root } from "./docs/documents.js";

const SPARC = "examples/images/sort.sparc64.core";
const MIPS = "examples/images/sort.mips32.core";

const typed = async (line: string): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const before = process.cwd();
  process.chdir(root);
  try {
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false, now: () => 0 };
    return {
      status: await cli(
        line.split(" ").filter((word) => word !== ""),
        io,
      ),
      out,
      err,
    };
  } finally {
    process.chdir(before);
  }
};

/** What is printed where nothing is to complain of. */
const printed = async (line: string): Promise<string> => {
  const { status, out, err } = await typed(line);
  expect({ status, err }, line).to.deep.equal({ status: 0, err: "" });
  return out;
};

let folder = "";

describe("inspect, where software fills the TLB", () => {
  before(() => (folder = mkdtempSync(join(tmpdir(), "portolan-test-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("has examples that the machines write again, byte for byte", async () => {
    for (const [arch, memory, program, image] of [
      ["mips32", "240K", "sort.mipsel.elf", MIPS],
      ["sparc64", "304K", "sort.sparc64.elf", SPARC],
    ]) {
      const again = join(folder, `${arch}.core`);
      await printed(`run --quiet --arch ${arch} --memory ${memory} --dump ${again} examples/programs/${program}`);
      expect(readFileSync(again).equals(readFileSync(join(root, image))), arch).to.equal(true);
    }
  });

  it("asks the user's space unless the kernel's is meant, which has all addresses too", async () => {
    expect(await printed(`inspect walk --arch sparc64 ${SPARC} 0x100000`)).to.contain("physical 0x8000; kernel r-- user r--");
    const kernels = await printed(`inspect walk --arch sparc64 --privilege kernel ${SPARC} 0x10000`);
    expect(kernels).to.contain("context 0, locked: matches").and.contain("physical 0x10000");
    expect(await printed(`inspect read --arch sparc64 ${SPARC} 0x100000 4`)).to.contain("7f 45 4c 46");
    expect((await typed(`inspect read --arch sparc64 --privilege kernel ${SPARC} 0x100000 4`)).err).to.contain("0 of 4 bytes");
    expect(await printed(`inspect walk --arch mips32 ${MIPS} 0x80008000`)).to.contain("kseg0 names physical memory directly");
  });

  it("looks into one place where that is asked for", async () => {
    const sourcesOf = async (from: string): Promise<readonly string[]> => {
      const walk = JSON.parse(await printed(`inspect walk --json --arch sparc64 --from ${from} ${SPARC} 0x100000`)) as {
        steps: { source: string }[];
      };
      return walk.steps.map(({ source }) => source);
    };
    expect([await sourcesOf("tlb"), await sourcesOf("tsb"), await sourcesOf("hash")]).to.deep.equal([["tlb"], ["tsb"], ["hash", "hash"]]);
    const { out, status } = await typed(`inspect check --arch mips32 --from tree ${MIPS}`);
    expect([status, out.split("\n").at(-2)]).to.deep.equal([0, "3 tables and 11 pages looked at: 1 × never-no-execute (10 pages)"]);
  });

  it("takes listings of the TLB, buffers, roots and spaces as they are typed, for images without a note", async () => {
    const raw = join(folder, "s.raw");
    await printed(`run --quiet --arch sparc64 --memory 304K --dump ${raw} examples/programs/sort.sparc64.elf`);
    const source = await fileSource(join(root, SPARC));
    const image = await openImage(source);
    const file = join(folder, "tlb.json");
    const [state] = image.states;
    writeFileSync(file, listingText({ ...state, registers: { PRIMARY_CONTEXT: 2n }, spaces: [] }));
    await source.close();
    expect((await typed(`inspect walk --arch sparc64 ${raw} 0x100000`)).err).to.contain("ERR_NO_SOURCE");
    expect(await printed(`inspect walk --arch sparc64 --tlb ${file} ${raw} 0x100000`)).to.contain(
      "entry 1 of the data TLB lets the user read",
    );
    const slot = await printed(`inspect walk --arch sparc64 --asid 2 --tsb TSB_D=0x18002 ${raw} 0x100000`);
    expect(slot).to.contain("slot 128 of the data TSB lets the user read");
    expect(await printed(`inspect walk --arch sparc64 --asid 2 --space 1 --root 0 ${raw} 0x100000`)).to.contain("entry 0 of chain 449");
    expect(await printed(`inspect list --arch sparc64 --root found --no-totals ${raw}`)).to.contain(
      "-> 000000008000  kernel r-x  user r-x  space 1\n",
    );
    expect((await typed(`inspect walk --arch sparc64 --tlb ${raw} ${raw} 0x100000`)).err).to.contain("ERR_BAD_LISTING");
    // What has no end is no listing either.
    const endless = await typed(`inspect walk --arch sparc64 --tlb /dev/zero ${raw} 0x100000`);
    expect([endless.status, endless.err.includes("ERR_BAD_LISTING")]).to.deep.equal([1, true]);
  });

  it("refuses places that the machine or the image has not, and spaces that cannot be", async () => {
    const refusal = async (line: string): Promise<string> => {
      const { status, err } = await typed(line);
      expect(status, line).to.not.equal(0);
      return err;
    };
    expect(await refusal(`inspect list --arch mips32 --from tsb ${MIPS}`))
      .to.contain("ERR_NO_SOURCE")
      .and.contain("the machine has none");
    expect(await refusal(`inspect list --arch mips32 --tsb TSB_D=0x2000 ${MIPS}`)).to.contain("ERR_NO_SOURCE");
    expect(await refusal("inspect list --arch amd64 --from tlb examples/images/sort.amd64.core")).to.contain("ERR_NO_SOURCE");
    expect(await refusal("inspect list --arch amd64 --asid 3 examples/images/sort.amd64.core")).to.contain("ERR_BAD_ARGUMENT");
    expect(await refusal(`inspect list --arch sparc64 --asid 9000 ${SPARC}`)).to.contain("0 to 8191");
    expect(await refusal(`inspect list --arch sparc64 --root 0 --root 0x4000 ${SPARC}`)).to.contain("this machine has one");
    expect(await refusal(`inspect list --arch sparc64 --root CR3=0 ${SPARC}`)).to.contain("no register has it");
    expect(await refusal(`inspect list --arch sparc64 --root 0x1000000000000000 ${SPARC}`)).to.contain("ERR_BAD_ARGUMENT");
    expect(await refusal(`inspect list --arch sparc64 --tsb 12 ${SPARC}`)).to.contain("REGISTER=VALUE");
    expect(await refusal(`inspect list --arch sparc64 --format info-tlb ${SPARC}`)).to.contain("ERR_");
  });

  it("lists, compares and finds as it does of trees", async () => {
    expect(await printed(`inspect list --arch sparc64 --from tsb --no-totals --executable ${SPARC}`)).to.contain(
      "kernel --x  user --x  instruction TSB, context 2",
    );
    const json = (await printed(`inspect list --arch mips32 --from tlb --format json --merge leaves ${MIPS}`)).trim().split("\n");
    expect(JSON.parse(json[0])).to.include({ source: "tlb", unit: "data", asid: 2 });
    expect(JSON.parse(json.at(-1) ?? "")).to.have.nested.property("totals.source", "tlb");
    expect(await printed(`inspect diff --arch sparc64 ${SPARC} ${SPARC}`)).to.contain("0 changes; 11 pages before, 11 after");
    expect(await printed(`inspect roots --arch sparc64 ${SPARC}`)).to.contain("hash 0x0: 100");
    expect([sparc64.tlb.refill, mips32.tlb.refill]).to.deep.equal(["software", "software"]);
  });
});
