/** The levels of each mode with and without Svnapot and Svpbmt: which forms entries have there, and what single fields say. */
import { expect } from "chai";
import { EXECUTE, PAGE_CACHEABLE, PAGE_GLOBAL, PAGE_USER, READ, WRITE, type Level } from "@portolan/core";
import { riscv64With, type Riscv64Options } from "#src/index.js";

const levelsOf = (options: Riscv64Options): readonly Level[] => {
  const { translation } = riscv64With(options);
  if (translation.kind !== "hierarchical") throw new Error("it has tables");
  return translation.levels;
};
const encoded = (options: Riscv64Options, flags: number) => levelsOf(options).at(-1)?.leaf?.encode?.(flags);
const OFF = { MXR: false, SUM: false };

describe("riscv64: the levels of tables", () => {
  it("are named by the manual's number, the root by itself, each with its section", () => {
    const told = (mode: "sv39" | "sv48" | "sv57") => levelsOf({ mode }).map(({ name, manual }) => `${name} ${manual}`);
    const [sv39, sv48, sv57] = [4, 5, 6].map((section) => `RISC-V Privileged §4.${section}.1`);
    expect(told("sv39")).to.deep.equal([`root table ${sv39}`, `level 1 table ${sv39}`, `level 0 table ${sv39}`]);
    expect(told("sv48")).to.deep.equal(["root", "level 2", "level 1", "level 0"].map((name) => `${name} table ${sv48}`));
    expect(told("sv57")).to.deep.equal(["root", "level 3", "level 2", "level 1", "level 0"].map((name) => `${name} table ${sv57}`));
  });

  it("have a page of sixteen entries at the last one alone, and with Svnapot alone", () => {
    expect(levelsOf({ svnapot: true }).map(({ forms = [] }) => forms.map(({ entries }) => entries))).to.deep.equal([[], [], [16]]);
    expect(levelsOf({}).map(({ forms = [] }) => forms.length)).to.deep.equal([0, 0, 0]);
    const when = levelsOf({ svnapot: true }).at(-1)?.forms?.[0]?.when;
    expect([0, 1].map((N) => when?.tell({ N }, OFF))).to.deep.equal([false, true]);
  });

  it("reserve N, unless it is the last one with Svnapot", () => {
    const roles = (options: Riscv64Options) => levelsOf(options).map(({ leaf }) => leaf?.fields.find(({ bits }) => bits === 63)?.role);
    expect(roles({})).to.deep.equal(["reserved", "reserved", "reserved"]);
    expect(roles({ svnapot: true })).to.deep.equal(["reserved", "reserved", "control"]);
  });

  it("refuse W without R, and PBMT 3 with Svpbmt alone", () => {
    for (const svpbmt of [false, true]) {
      for (const { kind } of levelsOf({ svpbmt })) {
        const tell = (values: Readonly<Record<string, number>>) => kind.tell({ V: 1, R: 1, W: 0, X: 0, PBMT: 0, ...values }, OFF);
        expect(tell({ R: 0, W: 1 })).to.equal("malformed");
        expect(tell({ R: 0, W: 1, X: 1 })).to.equal("malformed");
        expect([0, 1, 2, 3].map((PBMT) => tell({ PBMT }))).to.deep.equal(["leaf", "leaf", "leaf", svpbmt ? "malformed" : "leaf"]);
        expect(kind.reads.some(({ name }) => name === "PBMT")).to.equal(svpbmt);
      }
    }
  });

  it("have cached pages where PBMT is 0, and everywhere without Svpbmt", () => {
    for (const svpbmt of [false, true]) {
      for (const { leaf } of levelsOf({ svpbmt })) {
        expect(leaf?.attributes?.reads.map(({ name }) => name)).to.deep.equal(svpbmt ? ["G", "PBMT"] : ["G"]);
        expect(leaf?.attributes?.tell({ G: 0 }, OFF)).to.equal(PAGE_CACHEABLE);
        expect(leaf?.attributes?.tell({ G: 1, PBMT: 0 }, OFF)).to.equal(PAGE_GLOBAL | PAGE_CACHEABLE);
        expect(leaf?.attributes?.tell({ G: 0, PBMT: 1 }, OFF)).to.equal(0);
      }
    }
  });

  it("write PBMT with Svpbmt alone, and a page that nobody may touch as the kernel's to read", () => {
    const page = { V: 1, R: 1, W: 0, X: 0, U: 0, G: 0 };
    expect(encoded({}, PAGE_USER)).to.deep.equal(page);
    expect(encoded({}, READ | PAGE_USER)).to.deep.equal({ ...page, U: 1 });
    expect(encoded({}, WRITE)).to.deep.equal({ ...page, W: 1 });
    expect(encoded({}, EXECUTE | PAGE_USER)).to.deep.equal({ ...page, R: 0, X: 1, U: 1 });
    expect(encoded({ svpbmt: true }, READ)).to.deep.equal({ ...page, PBMT: 1 });
    expect(encoded({ svpbmt: true }, READ | PAGE_CACHEABLE | PAGE_GLOBAL)).to.deep.equal({ ...page, G: 1, PBMT: 0 });
  });

  it("have a word for each of the four memory types", () => {
    const types =
      levelsOf({ svpbmt: true })
        .at(-1)
        ?.leaf?.fields.find(({ name }) => name === "PBMT")?.values ?? {};
    expect(Object.keys(types)).to.deep.equal(["0", "1", "2", "3"]);
    expect(new Set(Object.values(types))).to.have.property("size", 4);
  });
});
