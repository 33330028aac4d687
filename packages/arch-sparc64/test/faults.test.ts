/** What a trap tells its handler: table 6-4 of the manual, and the bits of the fault status register, worked out by hand. */
import { expect } from "chai";
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  EXECUTE,
  KERNEL,
  PRIVILEGED,
  PROTECTION,
  READ,
  RESERVED,
  USER,
  WRITE,
  type Access,
  type FaultReason,
} from "@portolan/core";
import { sparc64 } from "#src/index.js";

const { faults } = sparc64;

/** Trap type, and bits FT (13:7), PR (3), W (2) and FV (0) of the register. @see UltraSPARC I/II User's Manual §6.9.4 */
const TABLE: readonly (readonly [FaultReason, Access, trap: string, user: number, kernel: number])[] = [
  [ABSENT, READ, "fast_data_access_MMU_miss (0x68)", 0, 0],
  [ABSENT, WRITE, "fast_data_access_MMU_miss (0x68)", 0, 0],
  [ABSENT, EXECUTE, "fast_instruction_access_MMU_miss (0x64)", 0, 0],
  [PROTECTION, WRITE, "fast_data_access_protection (0x6c)", 0x0005, 0x000d],
  [PROTECTION, EXECUTE, "instruction_access_exception (0x08)", 0x0001, 0x0009],
  [PRIVILEGED, READ, "data_access_exception (0x30)", 0x0081, 0x0089],
  [PRIVILEGED, WRITE, "data_access_exception (0x30)", 0x0085, 0x008d],
  [PRIVILEGED, EXECUTE, "instruction_access_exception (0x08)", 0x0081, 0x0089],
  [RESERVED, READ, "data_access_exception (0x30)", 0x0801, 0x0809],
  [RESERVED, WRITE, "data_access_exception (0x30)", 0x0805, 0x080d],
  [BAD_ADDRESS, READ, "data_access_exception (0x30)", 0x1001, 0x1009],
  [BAD_ADDRESS, WRITE, "data_access_exception (0x30)", 0x1005, 0x100d],
  [BAD_ADDRESS, EXECUTE, "instruction_access_exception (0x08)", 0x1001, 0x1009],
  [BUS, READ, "data_access_error (0x32)", 0, 0],
  [BUS, WRITE, "data_access_error (0x32)", 0, 0],
  [BUS, EXECUTE, "instruction_access_error (0x0a)", 0, 0],
];

describe("sparc64: traps and their status", () => {
  it("are those of the manual's table, with the register's bits", () => {
    for (const [reason, access, trap, user, kernel] of TABLE) {
      expect(faults.report(reason, access, USER)).to.deep.equal({ trap, code: user });
      expect(faults.report(reason, access, KERNEL)).to.deep.equal({ trap, code: kernel });
    }
  });

  it("tell a fetch from the rest always, a store from a load only where the register is written", () => {
    for (const [reason, access, trap, user, kernel] of TABLE) {
      const isMiss = reason === ABSENT;
      const known = access === EXECUTE ? EXECUTE : isMiss || reason === BUS ? READ | WRITE : access;
      for (const [privilege, code] of [
        [USER, user],
        [KERNEL, kernel],
      ] as const) {
        expect(faults.decode({ trap, code }), trap).to.deep.equal({
          accesses: known,
          absent: isMiss,
          privilege: code === 0 ? "unknown" : privilege,
        });
      }
      expect(faults.told(reason, access, USER), trap).to.equal(isMiss && access !== EXECUTE ? READ | WRITE : access);
    }
    expect(faults.guessesAccess).to.equal(false);
  });
});

describe("sparc64: the description", () => {
  it("has the TLBs and the abilities that the manual says", () => {
    const { tlb, can } = sparc64;
    for (const buffer of [tlb.instruction, tlb.data])
      expect(buffer).to.deep.include({ entries: 64, ways: "full", wired: 0, lockable: true, paired: false });
    expect(tlb.invalidation).to.deep.equal({
      all: { sparesGlobal: false, sparesLocked: "unless-global" },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    });
    expect(tlb.honoursGlobal).to.equal(true);
    expect(can).to.deep.equal({
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: "refill",
      recordWrite: "refill",
      kernelObeysWrite: true,
    });
    expect(sparc64.manuals).to.deep.equal(["UltraSPARC I & II User's Manual (Sun, 802-7220), chapter 6"]);
  });
});
