import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { checkArchitecture, PortolanError, reasonsAgainst, type Architecture } from "#src/index.js";

/** Every place of a value, as the keys that lead there. */
const placesIn = (value: unknown, at: readonly string[] = []): (readonly string[])[] =>
  typeof value === "object" && value !== null
    ? [at, ...Object.entries(value).flatMap(([key, member]) => placesIn(member, [...at, key]))]
    : [at];

/** A copy with another value at one place. */
const changed = (value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown => {
  if (key === undefined) return to;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = changed(copy[key], rest, to);
  return copy;
};

const level = ["translation", "levels", "1"];

describe("the check at the door", () => {
  it("lets every port in", () => {
    for (const machine of [abs32le, ia32, sparc64]) expect(reasonsAgainst(machine), machine.name).to.deep.equal([]);
  });

  it("refuses what is no description at all", () => {
    for (const nothing of [undefined, null, 7, "ia32", [], () => ia32]) expect(reasonsAgainst(nothing), String(nothing)).to.have.length(1);
    expect(reasonsAgainst({})).to.include.members([
      "contract is missing",
      "translation is missing",
      "layout is missing",
      "faults is missing",
    ]);
  });

  it("has a reason, never a crash, for every value that is missing or of a wrong type, and names its place", () => {
    for (const machine of [abs32le, ia32, sparc64]) {
      for (const place of placesIn(machine).slice(1)) {
        for (const wrong of [null, {}, [], 1.5, "?"]) {
          const was = place.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], machine);
          // Words may be any, and an empty list or record of some things is one.
          if (typeof was === typeof wrong && !(typeof was === "number") && Array.isArray(was) === Array.isArray(wrong)) continue;
          const reasons = reasonsAgainst(changed(machine, place, wrong));
          expect(reasons, `${machine.name}: ${place.join(".")} = ${JSON.stringify(wrong)}`).to.not.deep.equal([]);
        }
        // Nothing that a machine runs into later: what may be absent is so in the types.
        expect(() => reasonsAgainst(changed(machine, place, undefined)), place.join(".")).to.not.throw();
      }
    }
    expect(reasonsAgainst(changed(ia32, [...level, "leaf", "fields", "3", "role"], "flag"))[0]).to.match(
      /^translation\.levels\[1\]\.leaf\.fields\[3\]\.role is not one of control,/,
    );
    expect(reasonsAgainst(changed(sparc64, ["tlb", "data", "ways"], undefined))).to.deep.equal(["tlb.data.ways is missing"]);
  });

  it("gives every reason at once: of shape, of numbers, and of rules that answer nonsense", () => {
    const wrong = [
      [["contract"], 7],
      [["physicalBits"], 99],
      [["tlb", "data", "entries"], "many"],
      [["layout", "userStack"], 5n],
      [["asids", "kernel"], -1],
      [["can", "kernelObeysWrite"], { switch: "XYZ" }],
      [[...level, "kind", "tell"], () => "perhaps"],
      [[...level, "leaf", "rights", "tell"], () => 64],
      [
        [...level, "leaf", "encode"],
        () => {
          throw new Error("not yet");
        },
      ],
      [["faults", "told"], () => 0],
    ] as const;
    const reasons = reasonsAgainst(wrong.reduce<unknown>((machine, [place, to]) => changed(machine, place, to), ia32));
    for (const says of [
      "contract is 7",
      "physicalBits",
      "tlb.data.entries is not a whole number",
      "layout.userStack",
      "asids.kernel",
      "can.kernelObeysWrite names a switch",
      "level 1 (page table), kind: tells perhaps",
      "level 1 (page table), PTE, rights: tells",
      "level 1 (page table), PTE: encode gives Error: not yet",
      "faults.told leaves out the access",
    ])
      expect(
        reasons.some((reason) => reason.startsWith(says)),
        `${says} in ${reasons.join("; ")}`,
      ).to.equal(true);
  });

  it("looks through the rules: fields that are there, few bits, an answer for every combination", () => {
    const first = (place: readonly string[], to: unknown): string => reasonsAgainst(changed(ia32, [...level, ...place], to))[0] ?? "";
    expect(first(["kind", "reads", "0", "bits"], 3)).to.contain("reads P, which is no field of every format here");
    expect(
      first(["leaf", "rights", "reads"], ia32.translation.kind === "hierarchical" ? ia32.translation.levels[1]?.leaf?.fields : []),
    ).to.contain("more than 12 bits");
    expect(first(["kind", "tell"], (values: { P: number }) => (values.P === 1 ? "leaf" : undefined))).to.contain(
      'tells undefined of {"P":0}',
    );
    expect(first(["leaf", "encode"], () => ({ P: 2 }))).to.contain("encode gives P the value 2");
    expect(first(["leaf", "encode"], () => ({ Q: 1 }))).to.contain("encode gives Q, which is no field of its own");
  });

  it("throws all of it as one error, with the machine's name", () => {
    const wrong = { ...abs32le, name: "mine", wordBits: 33, physicalBits: 99 } as unknown as Architecture;
    expect(() => checkArchitecture(wrong))
      .to.throw(PortolanError, /architecture mine.*wordBits.*; physicalBits/)
      .with.property("code", "ERR_BAD_ARCHITECTURE");
  });

  it("wants every entry that the core must write to be made, and to be what it is meant to be", () => {
    const root = ["translation", "levels", "0"];
    expect(reasonsAgainst(changed(ia32, [...level, "leaf", "encode"], undefined))).to.deep.equal([
      "level 1 (page table), PTE: encode is missing, and the core has to write such entries",
    ]);
    expect(reasonsAgainst(changed(abs32le, [...root, "table", "encode"], undefined))[0]).to.contain("encode is missing");
    // A 4 MiB page may be read without ever being written.
    expect(reasonsAgainst(changed(ia32, [...root, "leaf", "encode"], undefined))).to.deep.equal([]);
    expect(reasonsAgainst(changed(ia32, [...level, "leaf", "encode"], () => ({})))).to.deep.equal([
      "level 1 (page table), PTE: what encode gives for all rights is absent, not leaf",
    ]);
    expect(reasonsAgainst(changed(abs32le, [...root, "kind", "reads"], [])).join("; ")).to.contain("not table");
  });

  it("wants parts to be classes", () => {
    expect(reasonsAgainst(changed(sparc64, ["parts", "0", "useClass"], () => ({})))).to.deep.equal(["parts[0].useClass is not a class"]);
  });
});
