import { amd64 } from "@portolan/arch-amd64";
import { arm32 } from "@portolan/arch-arm";
import { riscv64 } from "@portolan/arch-riscv64";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Switches } from "@portolan/core";
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

  it("is a switch, or a bit of the last entry, where no level refuses alone", async () => {
    const laid = new Laid(0x6000).put64(0x1000, 0, 0x2007n).put64(0x2000, 0, 0x3007n).put64(0x3000, 0, 0x4007n).put64(0x4000, 1, 0x5067n);
    const blamed = async (access: Access, switches: Switches): Promise<unknown[]> => {
      const { says, refusals } = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x1000n, {
        access,
        privilege: KERNEL,
        switches,
      });
      expect(says).to.contain("; refused by all levels down to page table entry 1 at 0x4008 together (U/S is 1, switch ");
      return refusals.flatMap(({ depth, culprits }) => culprits.map(({ name, is, wouldBe }) => [depth, name, is, wouldBe]));
    };
    expect(await blamed(EXECUTE, { SMEP: true })).to.deep.equal([
      [3, "U/S", 1, 0],
      [3, "SMEP", 1, 0],
    ]);
    expect(await blamed(READ, { SMAP: true })).to.deep.equal([
      [3, "U/S", 1, 0],
      [3, "SMAP", 1, 0],
      [3, "AC", 0, 1],
    ]);
  });

  it("is a switch besides, where a level refuses and all together would refuse still", async () => {
    // The user may read the page, and nobody may write it.
    const laid = new Laid(0x6000).put64(0x1000, 0, 0x2007n).put64(0x2000, 0, 0x3007n).put64(0x3000, 0, 0x4007n).put64(0x4000, 1, 0x5065n);
    const blamed = async (switches: Switches): Promise<unknown[]> => {
      const { refusals } = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0x1000n, {
        access: WRITE,
        privilege: KERNEL,
        switches,
      });
      return refusals.map(({ culprits }) => culprits.map(({ name }) => name));
    };
    expect(await blamed({ WP: true })).to.deep.equal([["R/W", "WP"]]);
    expect(await blamed({ WP: true, SMEP: true })).to.deep.equal([["R/W", "WP"]]);
    expect(await blamed({ WP: true, SMAP: true, AC: true })).to.deep.equal([["R/W", "WP"]]);
    expect(await blamed({ WP: true, SMAP: true })).to.deep.equal([
      ["R/W", "WP"],
      ["U/S", "SMAP", "AC"],
    ]);
    expect(await blamed({ WP: false, SMAP: true })).to.deep.equal([["U/S", "SMAP", "AC"]]);
    // The same, refused further up.
    laid.put64(0x3000, 0, 0x4005n).put64(0x4000, 1, 0x5067n);
    expect(await blamed({ WP: true, SMAP: true })).to.deep.equal([
      ["R/W", "WP"],
      ["U/S", "SMAP", "AC"],
    ]);
  });

  it("is the domain's switch where the domain is closed, at the entry that names the domain", async () => {
    const laid = new Laid(0xb000).put32(0x4000, 0, 0x8061).put32(0x8000, 1, 0x9032);
    const { says, refusals } = await explainAccess(laid.memory, arm32, { root: 0x4000 }, 0x1000n, { switches: { DACR6: false } });
    expect(says).to.contain("(domain): domain 3 is closed; refused by first-level table entry 0 at 0x4000 (switch DACR6 is 0)");
    expect(refusals.map(({ depth, culprits }) => [depth, culprits])).to.deep.equal([
      [0, [{ kind: "switch", name: "DACR6", is: 0, wouldBe: 1 }]],
    ]);
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
