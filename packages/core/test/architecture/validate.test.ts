import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm, arm32 } from "@portolan/arch-arm";
import { amd64 } from "@portolan/arch-amd64";
import { arm64With } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { riscv64 } from "@portolan/arch-riscv64";
import { sparc64 } from "@portolan/arch-sparc64";
import { checkArchitecture, PortolanError, reasonsAgainst, rootBits, type Architecture } from "#src/index.js";
import { machines } from "../fixture.js";

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
    for (const machine of machines) expect(reasonsAgainst(machine), machine.name).to.deep.equal([]);
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
    for (const machine of [abs32le, ia32, amd64, sparc64]) {
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

  it("looks through the rule about all levels together: it takes rights away and gives none", () => {
    const first = (tell: unknown): string | undefined => reasonsAgainst(changed(amd64, ["translation", "combined", "tell"], tell))[0];
    expect(first((rights: number) => rights & 7)).to.equal(undefined);
    expect(first((rights: number) => rights | 1)).to.match(/^translation\.combined: tells 1 of rights 0,/);
    expect(first(() => undefined)).to.match(/^translation\.combined: tells undefined of rights 0,/);
    expect(first(() => 64)).to.match(/^translation\.combined: tells 64/);
  });

  it("looks through what a tree may have besides: other forms of leaves, parts of pages, domains, a root of the kernel's own", () => {
    const second = ["translation", "levels", "1"];
    const form = [...second, "forms", "0"];
    const reasons = (machine: Architecture, place: readonly string[], to: unknown): string =>
      reasonsAgainst(changed(machine, place, to)).join("; ");
    expect(reasons(arm32, [...form, "entries"], 3)).to.contain("entries is no power of two");
    expect(reasons(arm32, [...form, "entries"], 512)).to.contain("that a table has room for");
    expect(reasons(arm32, [...form, "leaf", "bytes"], 8)).to.contain("is not as long as the leaf of the level");
    expect(reasons(arm32, [...form, "when", "tell"], () => 1)).to.contain("large page descriptor, when: tells number");
    expect(reasons(arm32, [...second, "leaf", "partRights", "2", "tell"], () => 64)).to.contain("partRights: tells number");
    expect(reasons(arm32, [...second, "leaf", "partRights"], [])).to.equal("");
    const [rule] = arm32.translation.kind === "hierarchical" ? (arm32.translation.levels[1]?.leaf?.partRights ?? []) : [];
    expect(reasons(arm32, [...second, "leaf", "partRights"], [rule])).to.contain("partRights are not four");
    expect(reasons(arm32, ["translation", "domains", "count"], 8)).to.contain("names more domains than there are");
    expect(reasons(arm32, ["translation", "domains", "count"], 17)).to.contain("count is not between 1 and 16");
    expect(reasons(arm32, ["translation", "domains", "tell"], () => "ajar")).to.contain("tells ajar of domain 0");
    expect(reasons(arm32, ["translation", "domains"], undefined)).to.contain("names more domains than there are");
    expect(reasons(arm32, ["translation", "kernelRootRegister"], "TTBR1")).to.equal("");
    const upper = { user: { first: 0n, last: 0x2fff_ffffn }, kernel: { first: 0x3000_0000n, last: 0xffff_ffffn }, userStack: 0n };
    const uneven = { ...arm({ format: "v7", ttbcrN: 2 }).layout, ...upper };
    expect(reasons(arm({ format: "v7", ttbcrN: 2 }), ["layout"], uneven)).to.contain("does not end at a power of two");
    const tiny = { ...uneven, user: { first: 0n, last: 0x7_ffffn }, kernel: { first: 0x8_0000n, last: 0xffff_ffffn } };
    expect(reasons(arm({ format: "v7", ttbcrN: 2 }), ["layout"], tiny)).to.contain("the root of a user space has no entry");
  });

  it("wants a root of the kernel's own to translate one half of sign-extended addresses, whole", () => {
    const reasons = (machine: Architecture, place: readonly string[], to: unknown): string =>
      reasonsAgainst(changed(machine, place, to)).join("; ");
    expect(reasons(riscv64, ["translation", "kernelRootRegister"], "TTBR1")).to.contain("add up to 39, not to one less than virtualBits");
    const machine = arm64With();
    expect(reasons(machine, ["translation", "kernelRootRegister"], undefined)).to.contain("add up to 48, not to virtualBits");
    expect(reasons(machine, ["layout", "user", "last"], 0x7fff_ffff_ffffn)).to.contain("the user's range is not the lower half");
    expect(reasons(machine, ["layout", "user", "first"], 0x1000n)).to.contain("the user's range is not the lower half");
    expect(reasons(machine, ["layout", "kernel", "first"], 0xffff_8000_0000_0000n)).to.contain("the kernel's range is not the upper half");
    expect(reasons(machine, ["layout", "kernel", "last"], 0xffff_ffff_ffff_efffn)).to.contain("the kernel's range is not the upper half");
    expect(rootBits(machine)).to.equal(48);
    expect(rootBits(riscv64)).to.equal(39);
    expect(rootBits(arm({ format: "v7", ttbcrN: 2 }))).to.equal(32);
  });

  it("asks a machine with domains, or with marks by fault, what it reports of them", () => {
    const silent = (reason: number) => ({
      ...arm32.faults,
      report: (asked: number) => (asked === reason ? null : { trap: "abort", code: 0 }),
    });
    expect(reasonsAgainst(changed(arm32, ["faults"], silent(7))).join()).to.contain("faults.report gives");
    expect(reasonsAgainst(changed(arm32, ["faults"], silent(8))).join()).to.equal("");
    const flagged = arm({ format: "v7", accessFlag: true });
    expect(reasonsAgainst(changed(flagged, ["faults"], silent(8))).join()).to.contain("faults.report gives");
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
    expect(reasonsAgainst({ ...abs32le, unfinished: [{ step: 3, clause: "L0.entry.zero-is-absent", says: "fields" }] })).to.deep.equal([]);
    expect(reasonsAgainst({ ...abs32le, unfinished: [{ step: "3", says: "fields" }] })).to.deep.equal([
      "unfinished[0].step is not a whole number",
      "unfinished[0].clause is missing",
    ]);
  });
});
