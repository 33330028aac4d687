import { expect } from "chai";
import { buildMachine, ENTRY_GLOBAL, reasonsAgainst } from "@portolan/core";
import { abs32le } from "#src/index.js";

describe("abs32le", () => {
  it("is a sound description", () => {
    expect(reasonsAgainst(abs32le)).to.deep.equal([]);
  });

  it("has the TLB and the abilities that its README says", () => {
    const { tlb, can, faults, layout } = abs32le;
    expect(tlb.data).to.deep.include({ entries: 16, ways: "full", wired: 0, lockable: false, paired: false });
    expect(tlb.instruction, "one buffer for fetches too").to.equal(undefined);
    expect(tlb.invalidation).to.deep.equal({
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    });
    expect(tlb.honoursGlobal).to.equal(true);
    expect(can).to.deep.equal({
      forbidRead: true,
      forbidExecute: true,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: true,
    });
    expect([faults.guessesAccess, layout.kernelAddressSpaceShadowed]).to.deep.equal([false, false]);
  });

  it("forgets one page of one space, one space but for what is global, or everything, and nothing when a root is loaded", () => {
    const machine = buildMachine(abs32le, { memoryBytes: 2 ** 22 });
    const cpu = machine.cpu(0);
    const own = machine.spaces.create();
    machine.switchTo(own);
    const { asid } = own.context;
    const ALL = 0o77;
    const held = (): number[] => {
      const pages: number[] = [];
      cpu.dataTlb.each((entry) => pages.push(cpu.dataTlb.firstPage(entry)));
      return pages.sort((a, b) => a - b);
    };
    const fill = (): void => {
      cpu.invalidateAll();
      for (const page of [1, 2]) cpu.dataTlb.enter(page, 1, page, asid, ALL);
      cpu.dataTlb.enter(3, 1, 3, asid + 1, ALL);
      cpu.dataTlb.enter(0x80004, 1, 4, asid, ALL, ENTRY_GLOBAL);
    };
    fill();
    cpu.invalidatePages(asid, 1, 1);
    cpu.invalidatePages(asid, 3, 1);
    cpu.invalidatePages(asid + 1, 0x80004, 1);
    expect(held()).to.deep.equal([2, 3]);
    fill();
    cpu.invalidateAsid(asid);
    expect(held()).to.deep.equal([3, 0x80004]);
    fill();
    machine.switchTo(machine.spaces.create());
    machine.switchTo(own);
    expect(held().filter((page) => page !== 3)).to.deep.equal([1, 2, 0x80004]);
    cpu.invalidateAll();
    expect(held()).to.deep.equal([]);
  });

  it("is refused with every reason at once when several things are wrong", () => {
    const wrong = { ...abs32le, contract: 7, pageShift: 40, layout: { ...abs32le.layout, userStack: 5n } };
    const reasons = reasonsAgainst(wrong);
    expect(reasons.some((reason) => reason.startsWith("contract is 7"))).to.equal(true);
    expect(reasons.some((reason) => reason.startsWith("pageShift"))).to.equal(true);
    expect(reasons.some((reason) => reason.startsWith("layout.userStack"))).to.equal(true);
  });
});
