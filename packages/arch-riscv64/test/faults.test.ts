/** Every exception with scause and stval. */
import { expect } from "chai";
import {
  ABSENT,
  BAD_ADDRESS,
  buildMachine,
  BUS,
  EXECUTE,
  KERNEL,
  PROTECTION,
  READ,
  RESERVED,
  UNMARKED,
  USER,
  WRITE,
  type FaultReason,
} from "@portolan/core";
import { EXCEPTIONS, riscv64, riscv64With, SupervisorRegisters } from "#src/index.js";
import { ACCESSES, bare, CODES, PRIVILEGES, RAM } from "./bare.js";

const { faults } = riscv64;
const PAGE_FAULT = { fetch: 12, read: 13, write: 15 } as const;
const ACCESS_FAULT = { fetch: 1, read: 5, write: 7 } as const;
const ROOT = RAM + 0x10_0000;

describe("faults of riscv64", () => {
  it("are page faults for whatever tables refuse, and access faults where no memory is", () => {
    for (const reason of [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, UNMARKED, BUS] as readonly FaultReason[]) {
      for (const access of ACCESSES) {
        for (const privilege of PRIVILEGES) {
          const code = (reason === BUS ? ACCESS_FAULT : PAGE_FAULT)[access];
          const report = faults.report(reason, CODES[access], privilege);
          expect(report).to.deep.equal({ trap: EXCEPTIONS[code], code });
          expect(faults.told(reason, CODES[access], privilege)).to.equal(CODES[access]);
          expect(faults.decode(report)).to.deep.equal({ accesses: CODES[access], privilege: "unknown", absent: "unknown" });
        }
      }
    }
    expect(faults.decode({ trap: "breakpoint", code: 3 }).accesses).to.equal(0);
  });

  it("names each exception as the manual does", () => {
    expect(ACCESSES.map((access) => EXCEPTIONS[PAGE_FAULT[access]])).to.deep.equal([
      "load page fault",
      "store/AMO page fault",
      "instruction page fault",
    ]);
    expect(ACCESSES.map((access) => EXCEPTIONS[ACCESS_FAULT[access]])).to.deep.equal([
      "load access fault",
      "store/AMO access fault",
      "instruction access fault",
    ]);
  });

  it("deliver scause and stval: the whole address, with its high bits", () => {
    const { cpu, root } = bare(riscv64);
    const registers = new SupervisorRegisters(cpu);
    root(ROOT);
    expect(registers.deliver(), "nothing has happened yet").to.equal(null);
    for (const address of [
      0x1234n,
      0x3f_ffff_fffcn,
      0xffff_ffc0_0000_0004n,
      0xffff_ffff_ffff_fffcn,
      0x40_0000_0000n,
      0x7fff_ffff_ffff_fff8n,
    ]) {
      const [page, offset] = [Number(address >> 12n), Number(address & 0xfffn)];
      for (const [access, attempt] of [
        ["read", () => cpu.load32(page, offset, USER)],
        ["write", () => cpu.store32(page, offset, 1, USER)],
        ["fetch", () => cpu.fetch32(page, offset, USER)],
      ] as const) {
        attempt();
        expect(registers.deliver()).to.deep.equal({ trap: EXCEPTIONS[PAGE_FAULT[access]], code: PAGE_FAULT[access] });
        expect([registers.scause, registers.stval], address.toString(16)).to.deep.equal([BigInt(PAGE_FAULT[access]), address]);
        expect(registers.deliver(), "once").to.equal(null);
      }
    }
  });

  it("are page faults outside the canonical ranges too, at their very edges, in every mode", () => {
    for (const [mode, edge] of [
      ["sv39", 1n << 38n],
      ["sv48", 1n << 47n],
      ["sv57", 1n << 56n],
    ] as const) {
      const { ask, root, write } = bare(riscv64With({ mode }));
      root(ROOT);
      // The whole of memory four times over, by the largest pages: whatever index an address gives is mapped.
      for (let i = 0; i < 512; i += 1) write(ROOT + i * 8, 0xcfn);
      const top = 1n << 64n;
      for (const access of ACCESSES) {
        for (const address of [edge, edge + 0x8000_0000n, top - edge - 1n, top / 2n, top / 2n - 1n])
          expect(ask(address, access, KERNEL), address.toString(16)).to.equal(`scause ${PAGE_FAULT[access]}`);
        for (const address of [edge - 1n, top - edge, top - 1n, 0n])
          expect(ask(address, access, KERNEL), `${address.toString(16)}: mapped, and no memory there`).to.equal(
            `scause ${ACCESS_FAULT[access]}`,
          );
      }
    }
  });

  it("are access faults for a root, a table and a page where no memory is, even beyond 52 bits", () => {
    const { ask, read, root, write } = bare(riscv64);
    const everything = 0x003f_ffff_ffff_fc00n;
    for (const access of ACCESSES) {
      const expected = `scause ${ACCESS_FAULT[access]}`;
      root(0x4000_0000);
      expect(ask(0n, access, KERNEL)).to.equal(expected);
      root(ROOT);
      for (const ppn of [0x1000_0000n, everything]) {
        write(ROOT, ppn | 1n);
        expect(ask(0n, access, KERNEL)).to.equal(expected);
        write(ROOT, (BigInt(ROOT + 0x1000) >> 2n) | 1n);
        write(ROOT + 0x1000, (BigInt(ROOT + 0x2000) >> 2n) | 1n);
        write(ROOT + 0x2000, ppn | 0x0fn);
        expect(ask(0xfffn, access, KERNEL)).to.equal(expected);
        expect(read(ROOT + 0x2000), "marked before memory was asked").to.equal(ppn | (access === "write" ? 0xcfn : 0x4fn));
      }
    }
  });

  it("leave what a user provokes in an address space to be told", () => {
    const machine = buildMachine(riscv64, { memoryBytes: 2 ** 24 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    expect([machine.read32(0x5000_0000), machine.outcome?.trap, machine.outcome?.code]).to.deep.equal([-1, "load page fault", 13]);
    expect([machine.write32(0x5000_0000, 1), machine.outcome?.code]).to.deep.equal([false, 15]);
    expect([machine.fetch32(0x5000_0000), machine.outcome?.code]).to.deep.equal([-1, 12]);
    expect(machine.read32(0x40_0000_0000n)).to.equal(-1);
    expect(machine.outcome).to.include({ code: 13, reason: "bad-address" });
    machine.parts.tables.insert(machine.spaces.kernel.context, 0xf_ffff_fc00_0000, 5, READ | WRITE | EXECUTE);
    for (const access of ACCESSES) {
      expect(machine.translate(0xffff_ffc0_0000_0000n, CODES[access])).to.equal(null);
      expect(machine.outcome, access).to.include({ code: PAGE_FAULT[access], reason: "protection" });
      expect(machine.translate(0xffff_ffc0_0000_0000n, CODES[access], 0, KERNEL)).to.equal(0x5000n);
    }
  });
});
