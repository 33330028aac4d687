import { arm32 as arm } from "@portolan/arch-arm";
import { ia32 } from "@portolan/arch-ia32";
import { initialSwitches, type Architecture, type HierarchicalTranslation, type Switches } from "@portolan/core";
import { expect } from "chai";
import type { LevelCodec } from "#src/paging/entry-codec.js";
import { storeysOf } from "#src/paging/tree-shape.js";

const codecsOf = (machine: Architecture, changed: Switches = {}): readonly LevelCodec[] => {
  const tree = machine.translation as HierarchicalTranslation;
  return storeysOf(machine, tree, { ...initialSwitches(machine), ...changed }).map(({ codec }) => codec);
};

describe("codecs of levels", () => {
  it("are shared by all machines of one description that start alike", () => {
    // Levels that nobody has asked about before.
    const tree = ia32.translation as HierarchicalTranslation;
    const machine: Architecture = { ...ia32, translation: { ...tree, levels: tree.levels.map((level) => ({ ...level })) } };
    const [root, last] = codecsOf(machine);
    const again = codecsOf(machine);
    expect(again[0]).to.equal(root);
    expect(again[1]).to.equal(last);
    expect(root).to.not.equal(last);
  });

  it("are others under another setting of a switch, and read by that one, whichever was asked for last", () => {
    // P, R/W, U/S and PS: a page of 4 MiB, or without CR4.PSE a page table.
    const [word, table, leaf] = [0x87, 1, 2];
    for (const PSE of [true, false, true, true, false, false])
      expect(codecsOf(ia32, { PSE })[0]?.kindOf(word, 0)).to.equal(PSE ? leaf : table);
  });

  it("are the same whatever switches say that decide nothing in an entry", () => {
    const domains = Object.keys(arm.switches).filter((name) => arm.switches[name]?.keepsTlb === true);
    expect(domains).to.not.deep.equal([]);
    const closed = Object.fromEntries(domains.map((name) => [name, false]));
    const open = Object.fromEntries(domains.map((name) => [name, true]));
    expect(codecsOf(arm, open)[0]).to.equal(codecsOf(arm, closed)[0]);
  });
});
