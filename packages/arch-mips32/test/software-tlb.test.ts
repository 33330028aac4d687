/** What the port tells of its TLB to those who look from outside. */
import { mips32, mips32With, pageMask, PAGE_SHIFTS } from "#src/index.js";
import { EXECUTE, READ, USER, WRITE, type Architecture, type SoftwareTlb, type TlbRow } from "@portolan/core";
import { expect } from "chai";

const viewOf = ({ tlb }: Architecture): SoftwareTlb => tlb.software as SoftwareTlb;
const view = viewOf(mips32);
const row = (given: Partial<TlbRow> = {}): TlbRow => ({
  unit: "data",
  index: 0,
  virtual: 0n,
  bytes: 0x4000,
  physical: 0n,
  asid: 2,
  global: false,
  kernel: READ | EXECUTE,
  user: READ | EXECUTE,
  ...given,
});

describe("the TLB of mips32, seen from outside", () => {
  it("has the half of EntryLo that an address lies in, for pages of every size", () => {
    for (const shift of PAGE_SHIFTS) {
      const words = { PageMask: BigInt(pageMask(shift)) };
      const half = 2 ** shift;
      const wordAt = (given: Partial<TlbRow>, address: number): string | undefined => view.words(row(given), BigInt(address)).at(-1)?.name;
      for (const [address, name] of [
        [0, "EntryLo0"],
        [half - 1, "EntryLo0"],
        [half, "EntryLo1"],
        [2 * half - 1, "EntryLo1"],
        [2 * half, "EntryLo0"],
      ] as const) {
        expect(wordAt({ words }, address), `2^${shift} at ${address}`).to.equal(name);
        expect(wordAt({ bytes: half }, address), "a row of one half says so by its size").to.equal(name);
        expect(wordAt({ bytes: 2 * half }, address), "and a row of both").to.equal(name);
      }
    }
  });

  it("shows the registers that an entry is written from, field by field", () => {
    const fields = view.words(row({}), 0n).map(({ name, bits, fields: known }) => [name, bits, known.map((field) => field.name)]);
    expect(fields).to.deep.equal([
      ["EntryHi", 32, ["VPN2", "zero", "ASID"]],
      ["PageMask", 32, ["zero25", "Mask", "zero"]],
      ["EntryLo0", 32, ["zero", "PFN", "C", "D", "V", "G"]],
    ]);
    expect(view.entryOf(row({})).fields.map(({ name }) => name)).to.deep.equal(["zero", "PFN", "C", "D", "V", "G"]);
  });

  it("raises Refill, Invalid and Modified, and asks the tables for pages of the handlers' own size", () => {
    const raised = (given: Partial<TlbRow>, access: 1 | 2 | 4): unknown => {
      const { trap, field, asks } = view.refusal(row(given), access, USER);
      return [trap, field?.name, asks];
    };
    expect(view.miss(WRITE)).to.include({ trap: "TLB Refill, TLBS (3)", asks: "all" });
    expect(view.miss(EXECUTE)).to.include({ trap: "TLB Refill, TLBL (2)", asks: "all" });
    expect(raised({ valid: false }, READ)).to.deep.equal(["TLB Invalid, TLBL (2)", "V", "tables"]);
    expect(raised({ valid: false }, WRITE)).to.deep.equal(["TLB Invalid, TLBS (3)", "V", "tables"]);
    expect(raised({}, WRITE)).to.deep.equal(["TLB Modified, Mod (1)", "D", "tables"]);
    expect(raised({ bytes: 0x8000 }, WRITE), "a pair in one row").to.deep.equal(["TLB Modified, Mod (1)", "D", "tables"]);
    expect(raised({ bytes: 0x1000 }, WRITE), "somebody else's").to.deep.equal(["TLB Modified, Mod (1)", "D", "nothing"]);
    expect(raised({ kernel: EXECUTE, user: EXECUTE }, READ)).to.deep.equal(["TLB Read-Inhibit", undefined, "nothing"]);
    expect(raised({ kernel: READ, user: READ }, EXECUTE)).to.deep.equal(["TLB Execute-Inhibit", undefined, "nothing"]);
  });

  it("matches with an entry that is not valid, and has the current ASID in EntryHi", () => {
    expect(view.matchesInvalid).to.equal(true);
    expect(view.asidOf({ EntryHi: 0x1234_5607n })).to.equal(7n);
    expect(view.asidOf({})).to.equal(undefined);
    expect(view.buffers).to.equal(undefined);
  });

  it("says what becomes of entries that overlap, by the processor", () => {
    expect(view.overlap).to.contain("Status.TS");
    expect(viewOf(mips32With({ processor: "4Kc" })).overlap).to.contain("machine check");
  });
});
