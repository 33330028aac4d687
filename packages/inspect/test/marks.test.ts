/** QEMU sets bit 5 in the four pointers of PAE: passed over where asked, told each time, and nothing else with it. */
import { amd64 } from "@portolan/arch-amd64";
import { ia32pae } from "@portolan/arch-ia32/pae";
import { expect } from "chai";
import { checkTables, explainAccess, listMappings, passedOver, Tree, walkAddress, walkAsText, type ListTotals } from "#src/index.js";
import { all, Laid } from "./fixture.js";

const roots = { root: 0x1020 };
const MARK = "bit 5, which must be zero, is set: QEMU marks here what it has used, and a processor would fault";

/** Two directories: a page at 4 MiB − 4 KiB below pointer 0, and one at the very end; `bits` are set in both pointers. */
const tables = (bits: bigint): Laid =>
  new Laid(0x10000)
    .put64(0x1020, 0, 0x2001n | bits)
    .put64(0x1020, 3, 0x3001n | bits)
    .put64(0x2000, 1, 0x4067n)
    .put64(0x4000, 511, 0x6067n)
    .put64(0x3000, 511, 0x5067n)
    .put64(0x5000, 511, 0x7067n);

const listed = (laid: Laid, passMarks: boolean): Promise<{ items: { first: bigint }[]; end: ListTotals }> =>
  all(listMappings(laid.memory, ia32pae, roots, { passMarks }));

describe("QEMU's mark in the pointers of PAE", () => {
  it("is passed over where that is asked for, and counted", async () => {
    const { items, end } = await listed(tables(0x20n), true);
    expect(items.map(({ first }) => first)).to.deep.equal([0x3f_f000n, 0xffff_f000n]);
    expect([end.marked, end.odd]).to.deep.equal([2, 0]);
    const clean = await listed(tables(0n), true);
    expect([clean.items.length, clean.end.marked]).to.deep.equal([2, 0]);
  });

  it("ends the way of a strict reader, as it would a processor's", async () => {
    const { items, end } = await listed(tables(0x20n), false);
    expect([items.length, end.marked, end.odd]).to.deep.equal([0, 0, 2]);
    const walk = await walkAddress(tables(0x20n).memory, ia32pae, roots, 0x3f_f000n);
    expect([walk.reasonName, walk.steps[0].marks]).to.deep.equal(["reserved", null]);
  });

  it("is all that is passed over: every other reserved bit of a pointer still faults, with it or alone", async () => {
    for (const bit of [1n, 2n, 6n, 7n, 8n, 36n, 51n, 62n, 63n]) {
      for (const more of [0n, 0x20n]) {
        const laid = tables((1n << bit) | more);
        const { items, end } = await listed(laid, true);
        expect([bit, items.length, end.odd, end.marked]).to.deep.equal([bit, 0, 2, 0]);
        const walk = await walkAddress(laid.memory, ia32pae, roots, 0x3f_f000n, { passMarks: true });
        expect([bit, walk.reasonName]).to.deep.equal([bit, "reserved"]);
      }
    }
  });

  it("is told by a walk at the entry, and by an explanation in its sentence", async () => {
    const { memory } = tables(0x20n);
    const walk = await walkAddress(memory, ia32pae, roots, 0x3f_f123n, { passMarks: true });
    expect([walk.physical, walk.steps.map(({ marks }) => marks)]).to.deep.equal([0x6123n, [MARK, null, null]]);
    expect(walkAsText(walk)).to.contain(`\n  passed over: ${MARK}\n`);
    const { says } = await explainAccess(memory, ia32pae, roots, 0x3f_f123n, { passMarks: true });
    expect(says).to.match(/^user read at 0x3ff123: would succeed, .*; page-directory-pointer table entry 0: bit 5, which must be zero/);
    const clean = await explainAccess(tables(0n).memory, ia32pae, roots, 0x3f_f123n, { passMarks: true });
    expect(clean.says).to.not.contain("bit 5");
  });

  it("is told of the roots, for lists that tell of no entries", async () => {
    const told = (bits: bigint, passMarks: boolean): Promise<readonly string[]> =>
      passedOver(tables(bits).memory, new Tree(ia32pae, {}, false, passMarks), roots);
    expect(await told(0x20n, true)).to.deep.equal([`page-directory-pointer table: in 2 of 4 entries ${MARK}; passed over`]);
    expect(await told(0x20n, false)).to.deep.equal([]);
    expect(await told(0n, true)).to.deep.equal([]);
  });

  it("is no finding where it is passed over, and one where it is not", async () => {
    const { memory } = tables(0x20n);
    expect((await checkTables(memory, ia32pae, roots, { passMarks: true })).counts.reserved).to.equal(undefined);
    expect((await checkTables(memory, ia32pae, roots)).places.reserved).to.equal(2);
  });

  it("is known of PAE alone: amd64's pointers of that name have an accessed flag there", () => {
    const marks = (tree: Tree): number[] => tree.levels.map((level) => level.marks);
    expect(marks(new Tree(ia32pae, {}, false, true))).to.deep.equal([0x20, 0, 0]);
    expect(marks(new Tree(ia32pae))).to.deep.equal([0, 0, 0]);
    expect(marks(new Tree(amd64, {}, false, true))).to.deep.equal([0, 0, 0, 0]);
  });
});
