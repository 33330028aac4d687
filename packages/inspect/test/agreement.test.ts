/** Answers that once did not agree with each other; found by `tools/fuzz-image.mjs`. */
import { amd64 } from "@portolan/arch-amd64";
import { arm } from "@portolan/arch-arm";
import { mips32 } from "@portolan/arch-mips32";
import { riscv64 } from "@portolan/arch-riscv64";
import { KERNEL, USER, WRITE } from "@portolan/core";
import { expect } from "chai";
import { explainAccess, listMappings, readVirtual, sourcesOf, walkAddress } from "#src/index.js";
import { all, Laid } from "./fixture.js";

/** ARMv5: the first-level table at 0, a coarse one at 0x4000, and in it a small page at 0x5000 whose four parts have the rights `ap`. */
const partedPage = (ap: number): Laid => {
  const laid = new Laid(0x8000).put32(0, 0, 0x4001 | 0x10).put32(0x4000, 1, 0x5000 | (ap << 4) | 2);
  laid.bytes.fill(7, 0x5000, 0x6000);
  return laid;
};

describe("a page whose four parts have rights of their own", () => {
  const armv5 = arm();

  it("is explained by the part that was asked for", async () => {
    // The user may write the first three parts, and not the last.
    const { memory } = partedPage(0b10_11_11_11);
    const { refusals } = await explainAccess(memory, armv5, { root: 0 }, 0x1fffn, { access: WRITE, privilege: USER });
    expect(refusals[0].culprits).to.deep.equal([{ kind: "field", name: "AP3", is: 2, wouldBe: 3 }]);
    expect((await explainAccess(memory, armv5, { root: 0 }, 0x1bffn, { access: WRITE, privilege: USER })).faults).to.equal(false);
  });

  it("is read up to the first part that may not be", async () => {
    const { memory } = partedPage(0b11_01_11_11);
    const { bytes, stop } = await readVirtual(memory, armv5, { root: 0 }, 0x1100n, 0x1000, { privilege: USER });
    expect(bytes.length).to.equal(0x700);
    expect(stop?.address).to.equal(0x1800n);
    expect((await readVirtual(memory, armv5, { root: 0 }, 0x1100n, 0xf00, { privilege: KERNEL })).bytes.length).to.equal(0xf00);
  });
});

describe("a physical address of more than 53 bits", () => {
  it("is exact to the byte", async () => {
    const laid = new Laid(0x4000)
      .put64(0x1000, 0, (2n << 10n) | 1n)
      .put64(0x2000, 0, (3n << 10n) | 1n)
      .put64(0x3000, 0, (0xfff_ffff_ffffn << 10n) | 0xcfn);
    const { physical, isInImage } = await walkAddress(laid.memory, riscv64, { root: 0x1000 }, 0xfffn, { privilege: KERNEL });
    expect(physical).to.equal(0xff_ffff_ffff_ffffn);
    expect(isInImage).to.equal(false);
    const { items } = await all(listMappings(laid.memory, riscv64, { root: 0x1000 }));
    expect(items.map((item) => item.physical)).to.deep.equal([0xff_ffff_ffff_f000]);
  });
});

describe("a page that is not marked as accessed, in a domain that is closed", () => {
  it("faults for the mark, and lets nobody do anything, as the list says", async () => {
    const architecture = arm({ processor: "cortexa9", accessFlag: true });
    // A section of domain 3, AP[2:1] = 01, AF clear.
    const laid = new Laid(0x8000).put32(0x4000, 1, (3 << 5) | 0x10_0802);
    for (const isOpen of [false, true]) {
      const switches = { DACR6: isOpen, DACR7: isOpen };
      const walk = await walkAddress(laid.memory, architecture, { root: 0x4000 }, 0x10_0000n, { switches, privilege: KERNEL });
      const { items } = await all(listMappings(laid.memory, architecture, { root: 0x4000 }, { switches }));
      expect(walk.reasonName).to.equal("unmarked");
      expect([walk.kernelRights | (walk.userRights << 3)]).to.deep.equal(items.map(({ rights }) => rights));
      expect(items[0].rights).to.equal(isOpen ? 0o77 : 0);
    }
  });
});

describe("a physical address that a listing of the TLB tells", () => {
  it("is exact to the byte too, however large", async () => {
    const row = { unit: "data", index: 1, virtual: 0x4000n, bytes: 0x4000, asid: 2, global: true, kernel: 7, user: 7 } as const;
    const state = { registers: { EntryHi: 2n }, tlb: [{ ...row, physical: 0x1000_0000_0000_4000n }] };
    const software = sourcesOf(mips32, state);
    const { physical, isInImage } = await walkAddress(new Laid(0x4000).memory, mips32, { software }, 0x7fffn);
    expect(physical).to.equal(0x1000_0000_0000_7fffn);
    expect(isInImage).to.equal(false);
  });
});

describe("an entry that has both a form that is forbidden and reserved bits set", () => {
  it("is blamed for its form", async () => {
    const laid = new Laid(0x4000)
      .put64(0x1000, 0, 0x2003n)
      .put64(0x2000, 0, 0x3003n)
      .put64(0x3000, 0, (1n << 63n) | (1n << 14n) | 0x83n);
    const { refusals, walk } = await explainAccess(laid.memory, amd64, { root: 0x1000 }, 0n, {
      privilege: KERNEL,
      switches: { NXE: false },
    });
    expect(walk.steps.at(-1)?.says).to.equal("malformed");
    // Cleared, XD would leave the reserved bit.
    expect(refusals[0].culprits.map(({ name }) => name)).to.deep.equal(["NXE"]);
  });
});

describe("a list that is left early", () => {
  it("asks for nothing more once it has been left", async () => {
    const laid = new Laid(0x20_0000);
    for (let table = 0; table < 4; table += 1) laid.put64(0x1000, table, 0x2003n);
    for (let index = 0; index < 512; index += 1) {
      laid.put64(0x2000, index, 0x3003n);
      laid.put64(0x3000, index, 0x4003n);
      laid.put64(0x4000, index, BigInt(index * 0x2000 + 3));
    }
    let reads = 0;
    let isClosed = false;
    const slow = {
      regions: laid.memory.regions,
      read: async (physical: number, target: Uint8Array): Promise<number> => {
        if (isClosed) reads += 1;
        await new Promise((resolve) => setImmediate(resolve));
        return laid.memory.read(physical, target);
      },
    };
    const list = listMappings(slow, amd64, { root: 0x1000 });
    await list.next();
    await list.return(undefined as never);
    isClosed = true;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reads).to.equal(0);
  });
});
