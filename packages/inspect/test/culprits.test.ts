import { arm32 } from "@portolan/arch-arm";
import { riscv64 } from "@portolan/arch-riscv64";
import { USER, WRITE } from "@portolan/core";
import { expect } from "chai";
import { explainAccess } from "#src/index.js";
import { Laid } from "./fixture.js";

describe("what is to blame", () => {
  it("is named of the quarter that the address lies in, where quarters of a page have rights of their own", async () => {
    const laid = new Laid(0xb000);
    laid.put32(0x4000, 0, 0x8011);
    // A small page at 0x9000: the user may write to three quarters, and do nothing in the last.
    laid.put32(0x8000, 1, 0x93f2);
    const said = async (address: bigint) => {
      const { refusals } = await explainAccess(laid.memory, arm32, { root: 0x4000 }, address, { access: WRITE, privilege: USER });
      return refusals.map(({ culprits }) => culprits.filter(({ kind }) => kind === "field").map(({ name, is }) => [name, is]));
    };
    for (const quarter of [0x1000n, 0x1400n, 0x1bfcn]) expect(await said(quarter)).to.deep.equal([]);
    expect(await said(0x1c00n)).to.deep.equal([[["AP3", 0]]]);
  });

  it("is the form of an entry that the manual forbids, and no bit that another form reserves", async () => {
    const laid = new Laid(0x4000);
    // A pointer with W and without R: its page number would be a large page's reserved bits.
    laid.put64(0x1000, 0, (0x2n << 10n) | 0b101n);
    const { refusals } = await explainAccess(laid.memory, riscv64, { root: 0x1000 }, 0n);
    // With R as well it would be such a page, misaligned.
    expect(refusals.flatMap(({ culprits }) => culprits.map(({ name, is, wouldBe }) => [name, is, wouldBe]))).to.deep.equal([["W", 1, 0]]);
  });
});
