import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { buildMachine, EXECUTE, KERNEL, PortolanError, READ, USER, WRITE, type Access, type Privilege } from "#src/index.js";
import { area, installed } from "../fixture.js";

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof PortolanError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("it was accepted");
};

describe("the door of a machine", () => {
  it("serves a fault that is pending, and once", () => {
    const machine = buildMachine(abs32le);
    area(installed(machine), 0x10000, 1);
    expect(refusal(() => machine.serveFault())).to.contain("none is pending");
    expect(machine.cpu(0).store8(0x10, 0, 1, USER)).to.equal(false);
    expect(machine.serveFault()).to.equal(true);
    expect(refusal(() => machine.serveFault())).to.contain("none is pending");
    expect(machine.cpu(0).store8(0x10, 0, 1, USER)).to.equal(true);
  });

  it("is asked about one access of one privilege", () => {
    const machine = buildMachine(abs32le);
    const space = installed(machine);
    area(space, 0x10000, 1);
    for (const access of [0, READ | WRITE, 7, 8, -1, 1.5]) {
      expect(refusal(() => machine.translate(0x10000, access as Access))).to.contain("READ, WRITE or EXECUTE");
      expect(refusal(() => machine.walk(space, 0x10000, access as Access))).to.contain("READ, WRITE or EXECUTE");
    }
    expect(refusal(() => machine.translate(0x10000, READ, 0, 3 as Privilege))).to.contain("KERNEL or USER");
    expect(refusal(() => machine.walk(space, 0x10000, READ, 2 as Privilege))).to.contain("KERNEL or USER");
    expect(space.areaInfo(0x10000)?.usedPages).to.equal(0);
    for (const access of [READ, WRITE, EXECUTE] as const)
      for (const privilege of [KERNEL, USER] as const) expect(machine.walk(space, 0x10000, access, privilege).access).to.equal(access);
  });
});
