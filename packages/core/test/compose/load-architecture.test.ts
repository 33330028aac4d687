import { expect } from "chai";
import * as paper from "@portolan/arch-abs32le";
import { loadArchitecture, PortolanError } from "#src/index.js";

const { abs32le } = paper;

const refusal = async (asked: unknown): Promise<PortolanError> => {
  try {
    await loadArchitecture(asked as string);
  } catch (error) {
    if (error instanceof PortolanError) return error;
    throw error;
  }
  throw new Error("it was accepted");
};

describe("an architecture", () => {
  it("is loaded by name, or taken from a module that is there already", async () => {
    const byName = await loadArchitecture("abs32le", () => Promise.resolve(paper));
    expect(byName.name).to.equal("abs32le");
    for (const module of [paper, abs32le, { default: abs32le, abs32le }, { default: abs32le, other: 7 }])
      expect(await loadArchitecture(module)).to.equal(byName);
  });

  it("that is no name and in no module is refused, whatever it is", async () => {
    for (const [asked, why] of [
      [null, "neither a name nor a module"],
      [undefined, "neither a name nor a module"],
      [3, "neither a name nor a module"],
      [Symbol("ia32"), "neither a name nor a module"],
      [{}, "it exports no architecture"],
      [Object.create(null), "it exports no architecture"],
      [Promise.resolve(paper), "it exports no architecture"],
      [{ one: abs32le, two: { ...abs32le } }, "it exports more than one architecture"],
    ] as const) {
      const { code, message } = await refusal(asked);
      expect(code).to.equal("ERR_UNKNOWN_ARCHITECTURE");
      expect(message).to.contain(why);
    }
  });

  it("that cannot be is refused with its reasons", async () => {
    const { code, message } = await refusal({ mine: { ...abs32le, wordBits: 33 } });
    expect(code).to.equal("ERR_BAD_ARCHITECTURE");
    expect(message).to.contain("wordBits is neither 32 nor 64");
  });
});
