import { PROFILES } from "@portolan/qemu-judge";
import { expect } from "chai";
import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../../docs/verify.md", import.meta.url), "utf8");
const all = new Map(PROFILES.flatMap(({ explanations }) => explanations.map((each) => [each.id, each])));

describe("known deviations", () => {
  it("have names of their own on every machine, and a manual's section", () => {
    for (const { name, explanations } of PROFILES) {
      const ids = explanations.map(({ id }) => id);
      expect(new Set(ids).size, name).to.equal(ids.length);
      for (const { id, manual, says } of explanations) {
        expect(id).to.match(/^[a-z0-9]+\.[a-z0-9-]+$/);
        expect(manual, id).to.match(/§|figure|table|step/);
        expect(says.length, id).to.be.greaterThan(20);
      }
    }
  });

  it("stand in the page about the judge, each with who follows the manual, and no other does", () => {
    const rows = [...page.matchAll(/^\| `([a-z0-9]+\.[a-z0-9-]+)` \| (ours|QEMU|either) \|/gm)].map(([, id, side]) => [id, side]);
    const sides = { portolan: "ours", qemu: "QEMU", either: "either" };
    expect(Object.fromEntries(rows)).to.deep.equal(Object.fromEntries([...all].map(([id, { follows }]) => [id, sides[follows]])));
  });
});
