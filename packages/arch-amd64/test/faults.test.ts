/** Every exception with its error code. */
import { expect } from "chai";
import { ABSENT, BAD_ADDRESS, BUS, EXECUTE, KERNEL, PROTECTION, READ, RESERVED, USER, WRITE, buildMachine } from "@portolan/core";
import { amd64, PF_ID, PF_P, PF_RSVD, PF_US, PF_WR } from "#src/index.js";
import { ACCESSES, bare, CODES, PRIVILEGES } from "./bare.js";

const { faults } = amd64;
const SWITCHES = [undefined, { NXE: true }, { NXE: false, SMEP: true }, { NXE: false, SMEP: false }, { NXE: false }] as const;

describe("faults of amd64", () => {
  it("has the bits of the error code where the manual has them", () => {
    expect([PF_P, PF_WR, PF_US, PF_RSVD, PF_ID]).to.deep.equal([1, 2, 4, 8, 16]);
  });

  it("tells reason, access and privilege in the error code, and a fetch only with NXE or SMEP", () => {
    for (const switches of SWITCHES) {
      const fetch = switches === undefined || switches.NXE || ("SMEP" in switches && switches.SMEP) ? 16 : 0;
      for (const [reason, base] of [
        [ABSENT, 0],
        [PROTECTION, 1],
        [RESERVED, 9],
      ] as const) {
        const codes = [KERNEL, USER].map((privilege) =>
          [READ, WRITE, EXECUTE].map((access) => faults.report(reason, access as 1 | 2 | 4, privilege as 0 | 1, switches)),
        );
        expect(codes).to.deep.equal([0, 4].map((user) => [0, 2, fetch].map((access) => ({ trap: "#PF", code: base + user + access }))));
      }
      for (const access of [READ, WRITE, EXECUTE] as const) {
        expect(faults.report(BAD_ADDRESS, access, USER, switches)).to.deep.equal({ trap: "#GP", code: 0 });
        expect(faults.report(BUS, access, USER, switches)).to.deep.equal({ trap: "#MC", code: 0 });
      }
    }
  });

  it("reads its own reports back as far as they tell", () => {
    for (const switches of SWITCHES) {
      for (const reason of [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, BUS] as const) {
        for (const access of [READ, WRITE, EXECUTE] as const) {
          for (const privilege of PRIVILEGES) {
            const { accesses, privilege: by, absent } = faults.decode(faults.report(reason, access, privilege, switches), switches);
            expect(accesses & access).to.equal(access);
            const isPageFault = reason !== BAD_ADDRESS && reason !== BUS;
            expect(by).to.equal(isPageFault ? privilege : "unknown");
            expect(absent).to.equal(reason === ABSENT);
            const told = faults.told(reason, access, privilege, switches);
            expect(told & access).to.equal(access);
            if (switches === undefined || switches.NXE) expect(told).to.equal(accesses);
            if (!isPageFault) expect(told).to.equal(7);
          }
        }
      }
    }
    expect(faults.decode({ trap: "#PF", code: 0x15 })).to.deep.equal({ accesses: EXECUTE, privilege: USER, absent: false });
    expect(faults.decode({ trap: "#PF", code: 0x02 })).to.deep.equal({ accesses: WRITE, privilege: KERNEL, absent: true });
    expect(faults.decode({ trap: "#PF", code: 0 }, { NXE: false })).to.include({ accesses: READ | EXECUTE });
  });

  it("lets either right of an area answer a user's fetch while nothing can forbid one", () => {
    for (const SMEP of [false, true]) {
      expect(faults.told(ABSENT, EXECUTE, USER, { NXE: false, SMEP })).to.equal(READ | EXECUTE);
      expect(faults.told(ABSENT, EXECUTE, USER, { NXE: true, SMEP })).to.equal(EXECUTE);
    }
    expect(faults.told(PROTECTION, EXECUTE, KERNEL, { NXE: false, SMEP: true })).to.equal(EXECUTE);
    expect(faults.told(ABSENT, READ, USER, { NXE: false, SMEP: false })).to.equal(READ | EXECUTE);
    expect(faults.told(ABSENT, READ, USER, { NXE: false, SMEP: true })).to.equal(READ);
  });

  it("raises #GP in the hole, whatever the tables say, and a page fault at its edges", () => {
    const { machine, ask, root, write } = bare(amd64);
    for (const index of [0, 255, 256, 511]) write(0x10_0000 + index * 8, 0n);
    root(0x10_0000);
    for (const privilege of PRIVILEGES) {
      const us = privilege === USER ? 4 : 0;
      for (const access of ACCESSES) {
        const code = us + (access === "write" ? 2 : access === "fetch" ? 16 : 0);
        for (const linear of [0x0000_8000_0000_0000n, 0xffff_7fff_ffff_ffffn, 0x1234_0000_0000_0000n, 0x7fff_ffff_ffff_f000n])
          expect(ask(linear, access, privilege), linear.toString(16)).to.equal("#GP 0");
        for (const linear of [0n, 0x0000_7fff_ffff_ffffn, 0xffff_8000_0000_0000n, 0xffff_ffff_ffff_ffffn])
          expect(ask(linear, access, privilege), linear.toString(16)).to.equal(`#PF ${code}`);
      }
    }
    const space = machine.spaces.create();
    machine.switchTo(space);
    expect(machine.read32(0x8000_0000_0000n)).to.equal(-1);
    expect(machine.outcome).to.include({ trap: "#GP", code: 0, reason: "bad-address" });
    expect(machine.walk(space, 0x8000_0000_0000n).reason).to.equal(BAD_ADDRESS);
  });

  it("raises what a user provokes in an address space", () => {
    const machine = buildMachine(amd64, { memoryBytes: 2 ** 24 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    expect([machine.read32(0x5000_0000), machine.outcome?.trap, machine.outcome?.code]).to.deep.equal([-1, "#PF", 4]);
    expect([machine.write32(0x5000_0000, 1), machine.outcome?.code]).to.deep.equal([false, 6]);
    expect([machine.fetch32(0x5000_0000), machine.outcome?.code]).to.deep.equal([-1, 0x14]);
    expect(machine.read32(0xffff_8000_0000_0000n)).to.equal(-1);
    machine.parts.tables.insert(machine.spaces.kernel.context, 0xf_fff8_0000_0000, 5, READ | WRITE);
    for (const access of ACCESSES) {
      expect(machine.translate(0xffff_8000_0000_0000n, CODES[access])).to.equal(null);
      expect(machine.outcome?.code, access).to.equal({ read: 5, write: 7, fetch: 0x15 }[access]);
    }
    expect(machine.translate(0xffff_8000_0000_0000n, EXECUTE, 0, KERNEL)).to.equal(null);
    expect(machine.outcome?.code).to.equal(0x11);
  });

  it("raises #MC for tables and pages where no memory is", () => {
    const { ask, root, write } = bare(amd64, { memoryBytes: 2 ** 21 });
    root(0x4000_0000);
    expect(ask(0n, "read", KERNEL)).to.equal("#MC 0");
    root(0x10_0000);
    write(0x10_0000, 0x4000_0007n);
    expect(ask(0n, "read", KERNEL)).to.equal("#MC 0");
    write(0x10_0000, 0x10_1007n);
    write(0x10_1000, 0x4000_0087n);
    expect(ask(0n, "read", KERNEL)).to.equal("#MC 0");
  });
});
