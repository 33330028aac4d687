import { expect } from "chai";
import { reasonsAgainst } from "@portolan/core";
import { abs32le } from "#src/index.js";

describe("abs32le", () => {
  it("is a sound description", () => {
    expect(reasonsAgainst(abs32le)).to.deep.equal([]);
  });

  it("is refused with every reason at once when several things are wrong", () => {
    const wrong = { ...abs32le, contract: 7, pageShift: 40, layout: { ...abs32le.layout, userStack: 5n } };
    const reasons = reasonsAgainst(wrong);
    expect(reasons.some((reason) => reason.startsWith("contract is 7"))).to.equal(true);
    expect(reasons.some((reason) => reason.startsWith("pageShift"))).to.equal(true);
    expect(reasons.some((reason) => reason.startsWith("layout.userStack"))).to.equal(true);
  });
});
