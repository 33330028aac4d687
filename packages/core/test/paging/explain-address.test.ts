/** What is told of an access about which the address alone decides. */
import { expect } from "chai";
import type { Architecture } from "#src/architecture/architecture.js";
import { BAD_ADDRESS, BUS, NO_FAULT } from "#src/architecture/faults.js";
import { KERNEL, READ, USER, WRITE, type Privilege } from "#src/architecture/rights.js";
import type { Walk } from "#src/architecture/walk.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { confined, explainAddress } from "#src/paging/explain-address.js";
import { wide64 } from "../wide64.js";

describe("the explanation of an address", () => {
  const WINDOWS = [
    { name: "low", first: 0x8000_0000n, last: 0x800f_ffffn, physical: 0n, cacheable: true, privilege: KERNEL },
    { name: "high", first: 0xa000_0000n, last: 0xa01f_ffffn, physical: 0x8_0000n, cacheable: false, privilege: USER },
  ] as const;
  const architecture: Architecture = {
    ...wide64,
    manuals: ["the manual"],
    layout: { ...wide64.layout, user: { first: 0x1000n, last: 0x7fff_ffffn }, privilegeByAddress: true, windows: WINDOWS },
  };
  const memory = new PhysicalMemory({ bytes: 0x10_0000, physicalBits: 40, byteOrder: "little", frameShift: 12 });
  const ask = (address: bigint, privilege: Privilege, of = architecture): Walk | null =>
    explainAddress(of, memory, address, WRITE, privilege);
  const { windows: _windows, privilegeByAddress: _by, ...bare } = architecture.layout;

  it("leaves to tables what lies in no window and is not forbidden by the address alone", () => {
    for (const address of [0n, 0x1000n, 0x7fff_ffffn, 0x8010_0000n, 0x9fff_ffffn, 0xa020_0000n, 0xffff_ffffn])
      expect(ask(address, KERNEL), address.toString(16)).to.equal(null);
    for (const address of [0x1000n, 0x7fff_ffffn]) expect(ask(address, USER)).to.equal(null);
    for (const address of [0n, 0x8000_0000n, 0xa000_0000n])
      expect(ask(address, USER, { ...architecture, layout: bare }), "no windows, and entries decide").to.equal(null);
  });

  it("tells the user which addresses are its own, where the address decides", () => {
    for (const address of [0xfffn, 0x8000_0000n, 0xa000_0000n, 0xffff_ffffn]) {
      expect(ask(address, USER)).to.deep.include({
        address,
        access: WRITE,
        privilege: USER,
        steps: [],
        physical: null,
        reason: BAD_ADDRESS,
        rule: "the user may name addresses up to 0x7fffffff only",
        manual: "the manual",
      });
    }
    expect(ask(0x9000_0000n, USER)).to.deep.include({ kernelRights: 0, userRights: 0 });
  });

  it("names the window, its first byte and its last, and the physical address that each means", () => {
    const low = "low, 0x80000000 to 0x800fffff, names physical memory from 0x0 on, cached: no table is asked and no TLB";
    const high = "high, 0xa0000000 to 0xa01fffff, names physical memory from 0x80000 on, uncached: no table is asked and no TLB";
    for (const [address, physical, rule, userRights] of [
      [0x8000_0000n, 0n, low, 0],
      [0x800f_ffffn, 0xf_ffffn, low, 0],
      [0xa000_0123n, 0x8_0123n, high, 7],
      [0xa007_ffffn, 0xf_ffffn, high, 7],
    ] as const) {
      expect(ask(address, KERNEL)).to.deep.equal({
        address,
        access: WRITE,
        privilege: KERNEL,
        steps: [],
        physical,
        reason: NO_FAULT,
        rule,
        manual: "the manual",
        kernelRights: 7,
        userRights,
      });
    }
    for (const address of [0xa008_0000n, 0xa01f_ffffn])
      expect(ask(address, KERNEL)).to.deep.include({ physical: null, reason: BUS, rule: `${high}; there is none here` });
    expect(ask(0x8000_0000n, KERNEL, { ...architecture, manuals: [] })).to.include({ manual: "" });
  });

  it("keeps the user out of the kernel's windows and lets it into its own, where entries decide about the rest", () => {
    const of: Architecture = { ...architecture, layout: { ...bare, windows: WINDOWS } };
    expect(ask(0x8000_0000n, USER, of)).to.deep.include({
      reason: BAD_ADDRESS,
      physical: null,
      rule: "low, 0x80000000 to 0x800fffff, is the kernel's alone",
      userRights: 0,
    });
    expect(ask(0xa000_0000n, USER, of)).to.deep.include({ reason: NO_FAULT, physical: 0x8_0000n, kernelRights: 7, userRights: 7 });
  });

  it("takes the user's rights from a walk where the address is not the user's, and nothing else", () => {
    const walk: Walk = {
      address: 0x5abcn,
      access: READ,
      privilege: USER,
      steps: [],
      physical: 0x3_0abcn,
      reason: NO_FAULT,
      rule: "every level lets the user read",
      manual: "the manual",
      kernelRights: 7,
      userRights: 7,
    };
    expect(confined(architecture, walk)).to.equal(walk);
    const outside = { ...walk, address: 0x8010_0000n };
    expect(confined(architecture, outside)).to.deep.equal({ ...outside, userRights: 0 });
    expect(confined({ ...architecture, layout: bare }, outside)).to.equal(outside);
  });
});
