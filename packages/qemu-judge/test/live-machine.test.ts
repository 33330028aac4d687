import { anonymous, AREA_CACHEABLE, AREA_READ, AREA_WRITE, buildMachine, KERNEL, READ, USER, WRITE } from "@portolan/core";
import { caseOfMachine, Guest, Judge, profileNamed, programPath, Tally, withExpectations } from "@portolan/qemu-judge";
import { expect } from "chai";

describe("a live machine", () => {
  it("is judged as it stands, and a table word that has changed since is noticed", async function () {
    const profile = profileNamed("riscv64");
    if (programPath(profile.qemu.program) === null) this.skip();
    const { architecture, cases } = profile;
    const machine = buildMachine(architecture, { memoryBase: cases.first, memoryBytes: cases.bytes });
    const space = machine.spaces.create();
    machine.switchTo(space);
    space.createArea({ base: 0x40_0000, size: 0x4000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
    machine.write32(0x40_0000, 7);
    machine.read32(0x40_1000);
    const queries = [0x40_0000n, 0x40_1000n, 0x40_2000n].flatMap((address) =>
      ([READ, WRITE] as const).flatMap((access) => ([KERNEL, USER] as const).map((privilege) => ({ address, access, privilege }))),
    );
    const judged = withExpectations(profile, { architecture }, caseOfMachine(machine, space, "a machine", queries));
    const guest = await Guest.start(profile);
    try {
      const honest = new Tally();
      await new Judge(guest).judge(judged, honest);
      expect([honest.agreed, honest.unexplained.length]).to.deep.equal([queries.length, 0]);
      // The last table holds the pages: without its words nothing is mapped.
      const memory = judged.memory.map((piece, i) =>
        i === judged.memory.length - 1 ? { at: piece.at, bytes: new Uint8Array(piece.bytes.length) } : piece,
      );
      const spoilt = new Tally();
      await new Judge(guest).judge({ ...judged, memory }, spoilt);
      expect(spoilt.unexplained).not.to.have.length(0);
    } finally {
      await guest.stop();
    }
  });
});
