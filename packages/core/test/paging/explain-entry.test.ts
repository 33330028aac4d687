/** What is told of a word: each field of it, and what its value means. */
import { expect } from "chai";
import type { Field } from "#src/architecture/entry-format.js";
import { explainEntry } from "#src/paging/explain-entry.js";

const field = (name: string, bits: Field["bits"], role: Field["role"] = "control"): Field => ({ name, bits, role, says: `the ${name}` });

describe("the explanation of an entry", () => {
  const told = (one: Partial<Field>, value: bigint): string | undefined => {
    const { low = 0 } = { low: typeof one.bits === "number" ? one.bits : one.bits?.[1] };
    const [, answer] = explainEntry(
      { name: "word", bytes: 8, fields: [field("other", 63), { ...field("F", 4), ...one }] },
      value << BigInt(low),
    );
    return answer?.means;
  };

  it("lists the fields as the format does, with their bits and their values, up to the highest", () => {
    const fields = explainEntry(
      { name: "word", bytes: 8, fields: [field("high", [63, 60]), field("one", 33), field("low", [32, 0])] },
      0xa000_0002_0000_0007n,
    );
    expect(fields.map(({ name, high, low, value }) => [name, high, low, value])).to.deep.equal([
      ["high", 63, 60, 0xan],
      ["one", 33, 33, 1n],
      ["low", 32, 0, 7n],
    ]);
  });

  it("says what a value means in words, where the format has words for it", () => {
    const named = { bits: [5, 4] as const, values: { 0: "never", 2: "twice" } };
    expect([0n, 1n, 2n].map((value) => told(named, value))).to.deep.equal(["never", "the F", "twice"]);
  });

  it("says of a frame its address, in units of its own or of its lowest bit", () => {
    expect(told({ bits: [31, 12], role: "frame" }, 0x345n)).to.equal("the F: 0x345000");
    expect(told({ bits: [31, 12], role: "frame", unitShift: 4 }, 0x345n)).to.equal("the F: 0x3450");
    expect(told({ bits: 12, role: "frame", unitShift: 0 }, 1n)).to.equal("the F: 0x1");
  });

  it("says of bits that nobody looks at, or that must be zero, whether they are set", () => {
    const said = (role: Field["role"]): unknown => [0n, 1n, 2n].map((value) => told({ bits: [5, 4], role }, value));
    expect(said("ignored")).to.deep.equal(["the F", "the F, though set", "the F, though set"]);
    expect(said("reserved")).to.deep.equal(["reserved, zero as it must be", "reserved, and not zero", "reserved, and not zero"]);
  });

  it("says of one bit what it says when it is set, and that it is not", () => {
    expect([0n, 1n].map((value) => told({ bits: 7 }, value))).to.deep.equal(["clear; if set: the F", "the F"]);
    expect([0n, 1n].map((value) => told({ bits: [8, 7] }, value))).to.deep.equal(["the F", "the F"]);
  });
});
