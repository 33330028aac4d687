/** Every register, switch and kind of TLBI, entry by entry of the TLB; and every report of a fault. */
import { ABSENT, BAD_ADDRESS, BUS, EXECUTE, KERNEL, PROTECTION, READ, RESERVED, UNMARKED, USER, WRITE } from "@portolan/core";
import { expect } from "chai";
import { arm64g16 } from "#src/granule16.js";
import { arm64g64 } from "#src/granule64.js";
import {
  arm64,
  arm64With,
  DATA_ABORT,
  El1Registers,
  faultStatusInWords,
  INSTRUCTION_ABORT,
  PSTATE_PAN,
  SCTLR_M,
  SCTLR_WXN,
  tlbiOperand,
  ttbrOf,
  WNR,
  type TlbiKind,
} from "#src/index.js";
import { ACCESSES, bare, RAM, type Bare } from "./bare.js";

const [AF, USER_TOO, READ_ONLY, NOT_GLOBAL] = [1n << 10n, 1n << 6n, 1n << 7n, 1n << 11n];
const ROOT = RAM + 0x1000;
const LEAVES = RAM + 0x2000;
const PAGE = 0x4001_0000n;

/** Page i of the lower half has these bits, under a root with ASID 7. */
const laid = (...leaves: readonly bigint[]): Bare & { readonly registers: El1Registers } => {
  const machine = bare(arm64With({ bits: 30 }));
  machine.write(ROOT, BigInt(LEAVES) | 3n);
  leaves.forEach((bits, i) => machine.write(LEAVES + i * 8, bits | (PAGE + BigInt(i) * 0x1000n) | AF | 3n));
  const registers = new El1Registers(machine.cpu);
  registers.writeTtbr0(ttbrOf(ROOT, 7));
  return { ...machine, registers };
};
const rights = ({ ask }: Bare, address: bigint): string =>
  ([KERNEL, USER] as const)
    .map((privilege) => ACCESSES.map((access, i) => (typeof ask(address, access, privilege) === "bigint" ? "rwx"[i] : "-")).join(""))
    .join(" ");

describe("registers of arm64", () => {
  it("read as they are: bases with their ASIDs, and the control register that the description makes", () => {
    const { machine, registers } = laid(0n);
    expect(registers.ttbr0).to.equal(0x0007_0000_4000_1000n);
    expect(registers.ttbr1).to.equal(BigInt(machine.spaces.kernel.context.root));
    expect(registers.mair).to.equal(0x04_ff00n);
    // T0SZ = T1SZ = 34, inner shareable walks through caches, TG1 = 2, IPS = 5, AS
    expect(registers.tcr).to.equal(0x15_b522_3522n);
    const other = (description: typeof arm64): bigint => new El1Registers(bare(description).cpu).tcr;
    // The kernel's space is installed: EPD0.
    expect(other(arm64), "48 bits").to.equal(0x15_b510_3590n);
    expect(other(arm64g16), "TG0 = 2, TG1 = 1").to.equal(0x15_7511_b591n);
    expect(other(arm64g64), "TG0 = 1, TG1 = 3").to.equal(0x15_f510_7590n);
    expect(other(arm64With({ processor: "cortexa53", asidBits: 8 })), "IPS = 2").to.equal(0x02_b510_3590n);
    expect(other(arm64With({ accessFlag: "hardware" })) >> 39n, "HA").to.equal(1n);
  });

  it("PSTATE.PAN: the kernel does not access what the user may, and still executes it", () => {
    const machine = laid(USER_TOO, USER_TOO | READ_ONLY, 0n);
    const { registers } = machine;
    expect([rights(machine, 0n), rights(machine, 0x1000n), rights(machine, 0x2000n)]).to.deep.equal(["rw- rwx", "r-x r-x", "rwx --x"]);
    registers.writePan(PSTATE_PAN);
    expect(registers.pan).to.equal(PSTATE_PAN);
    expect([rights(machine, 0n), rights(machine, 0x1000n), rights(machine, 0x2000n)]).to.deep.equal(["--- rwx", "--x r-x", "rwx --x"]);
    registers.writePan(0n);
    expect(rights(machine, 0n)).to.equal("rw- rwx");
  });

  it("SCTLR_EL1.WXN: nobody executes what is writable", () => {
    const machine = laid(USER_TOO, USER_TOO | READ_ONLY, 0n);
    const { registers } = machine;
    expect(registers.sctlr).to.equal(SCTLR_M);
    registers.writeSctlr(SCTLR_WXN);
    expect(registers.sctlr).to.equal(SCTLR_M | SCTLR_WXN);
    expect([rights(machine, 0n), rights(machine, 0x1000n), rights(machine, 0x2000n)]).to.deep.equal(["rw- rw-", "r-x r-x", "rw- --x"]);
    registers.writeSctlr(SCTLR_M);
    expect([registers.sctlr, rights(machine, 0n)]).to.deep.equal([SCTLR_M, "rw- rwx"]);
  });

  it("TTBR0_EL1: a write drops nothing, and entries serve the ASID that they were made for, or all", () => {
    const { write, registers, again } = laid(USER_TOO | NOT_GLOBAL, USER_TOO);
    for (const address of [0n, 0x1000n]) expect(again(address, "read", USER)).to.equal(PAGE + address);
    for (const i of [0, 1]) write(LEAVES + i * 8, 0n);
    for (const address of [0n, 0x1000n]) expect(again(address, "read", USER), "stale").to.equal(PAGE + address);
    registers.writeTtbr0(ttbrOf(ROOT, 8));
    expect(again(0n, "read", USER)).to.equal("translation fault, level 3");
    expect(again(0x1000n, "read", USER)).to.equal(PAGE + 0x1000n);
    registers.writeTtbr0(ttbrOf(ROOT, 7));
    expect(again(0n, "read", USER)).to.equal(PAGE);
  });

  it("TTBR0_EL1: what the installed space has already leaves that space installed; another root or ASID is a tree of the guest's", () => {
    const { machine, cpu } = bare(arm64);
    const registers = new El1Registers(cpu);
    const [space, other] = [machine.spaces.create(), machine.spaces.create()];
    for (const each of [space, other]) machine.switchTo(each);
    const { root } = other.context;
    const { asid } = other.context;
    registers.writeTtbr0(ttbrOf(root, asid));
    expect(cpu.context).to.equal(other.context);
    registers.writeTtbr0(ttbrOf(root, asid) | 1n);
    expect(cpu.context, "CnP is nobody's concern").to.equal(other.context);
    for (const [wantedRoot, wantedAsid] of [
      [root, asid + 1],
      [space.context.root, asid],
      [space.context.root, space.context.asid],
    ] as const) {
      machine.switchTo(other);
      registers.writeTtbr0(ttbrOf(wantedRoot, wantedAsid));
      expect([space.context, other.context].includes(cpu.context), `${wantedRoot} ${wantedAsid}`).to.equal(false);
      expect(registers.ttbr0).to.equal(ttbrOf(wantedRoot, wantedAsid));
    }
  });

  it("TCR_EL1.EPD0: a half that nobody walks is a translation fault of level 0, wherever walks begin", () => {
    for (const description of [arm64, arm64g16, arm64g64, arm64With({ bits: 30 })])
      for (const access of ["read", "write", "fetch"] as const)
        expect(bare(description).again(0x5_0000n, access, KERNEL), `${description.title} ${access}`).to.equal("translation fault, level 0");
  });

  it("TTBR0_EL1: the kernel's own root translates the lower half once it is written there", () => {
    const { machine, cpu, write, again } = bare(arm64);
    const registers = new El1Registers(cpu);
    const { root, asid } = machine.spaces.kernel.context;
    // A block of 1 GiB.
    write(root, BigInt(LEAVES) | 3n);
    write(LEAVES, 0x4000_0000n | AF | NOT_GLOBAL | 1n);
    expect(again(0x1_0000n, "read", KERNEL)).to.equal("translation fault, level 0");
    expect(registers.tcr & 0x80n, "EPD0").to.equal(0x80n);
    registers.writeTtbr0(ttbrOf(root, asid));
    expect([again(0x1_0000n, "read", KERNEL), registers.tcr & 0x80n]).to.deep.equal([PAGE, 0n]);
  });

  it("TTBR0_EL1 and TLBI: bits of an ASID above those that there are mean nothing", () => {
    const { cpu, write, again } = bare(arm64With({ bits: 30, asidBits: 8 }));
    const registers = new El1Registers(cpu);
    write(ROOT, BigInt(LEAVES) | 3n);
    for (const i of [0, 1]) write(LEAVES + i * 8, (PAGE + BigInt(i) * 0x1000n) | AF | NOT_GLOBAL | 3n);
    registers.writeTtbr0(ttbrOf(ROOT, 0xab07));
    expect(registers.ttbr0).to.equal(ttbrOf(ROOT, 7));
    const refill = (): void => {
      for (const i of [0, 1]) write(LEAVES + i * 8, (PAGE + BigInt(i) * 0x1000n) | AF | NOT_GLOBAL | 3n);
      for (const address of [0n, 0x1000n]) again(address, "read", KERNEL);
      for (const i of [0, 1]) write(LEAVES + i * 8, 0n);
    };
    const left = (): boolean[] => [0n, 0x1000n].map((address) => typeof again(address, "read", KERNEL) === "bigint");
    refill();
    registers.tlbi("VAE1", tlbiOperand(0n, 0xcd07));
    expect(left()).to.deep.equal([false, true]);
    refill();
    registers.tlbi("ASIDE1", tlbiOperand(0n, 0xcd07));
    expect(left(), "all pages of the ASID, whatever stands where others have an address").to.deep.equal([false, false]);
  });

  it("TLBI: an address within it drops the whole of a larger page, one beside it nothing", () => {
    // Sixteen contiguous pages of the lower half, from 0x10000 on.
    for (const [address, isLeft] of [
      [0xf000n, true],
      [0x1_0000n, false],
      [0x1_7abcn, false],
      [0x1_ffffn, false],
      [0x2_0000n, true],
    ] as const) {
      const { cpu, write, again } = bare(arm64With({ bits: 30 }));
      const registers = new El1Registers(cpu);
      write(ROOT, BigInt(LEAVES) | 3n);
      for (let i = 16; i < 32; i += 1) write(LEAVES + i * 8, (PAGE + BigInt(i - 16) * 0x1000n) | (1n << 52n) | AF | 3n);
      registers.writeTtbr0(ttbrOf(ROOT, 7));
      expect(again(0x1_2000n, "read", KERNEL)).to.equal(PAGE + 0x2000n);
      for (let i = 16; i < 32; i += 1) write(LEAVES + i * 8, 0n);
      registers.tlbi("VAE1", tlbiOperand(address, 7));
      expect(typeof again(0x1_f000n, "read", KERNEL) === "bigint", address.toString(16)).to.equal(isLeft);
    }
  });

  it("TLBI: operands count 4 KiB, whatever the granule", () => {
    const { cpu, write, again } = bare(arm64With({ granule: 64, bits: 29 }));
    const registers = new El1Registers(cpu);
    for (const i of [0, 1]) write(RAM + 0x1_0000 + i * 8, (0x4002_0000n + BigInt(i) * 0x1_0000n) | AF | 3n);
    registers.writeTtbr0(ttbrOf(RAM + 0x1_0000, 7));
    for (const address of [0n, 0x1_0000n]) expect(again(address, "read", KERNEL)).to.equal(0x4002_0000n + address);
    for (const i of [0, 1]) write(RAM + 0x1_0000 + i * 8, 0n);
    registers.tlbi("VAE1", tlbiOperand(0x1_f000n, 7));
    expect(again(0n, "read", KERNEL)).to.equal(0x4002_0000n);
    expect(again(0x1_0000n, "read", KERNEL)).to.equal("translation fault, level 3");
  });

  it("TLBI: each kind drops what its name says", () => {
    /** What of a page of ASID 7, a global one, and the page of ASID 8 remains. */
    const left = (kind: TlbiKind, operand = 0n): string => {
      const { write, registers, again } = laid(USER_TOO | NOT_GLOBAL, USER_TOO);
      again(0n, "read", USER);
      again(0x1000n, "read", USER);
      registers.writeTtbr0(ttbrOf(ROOT, 8));
      again(0n, "read", USER);
      for (const i of [0, 1]) write(LEAVES + i * 8, 0n);
      registers.tlbi(kind, operand);
      const eight = typeof again(0n, "read", USER) === "bigint";
      registers.writeTtbr0(ttbrOf(ROOT, 7));
      const [seven, global] = [0n, 0x1000n].map((address) => typeof again(address, "read", USER) === "bigint");
      return `${seven ? "7" : ""}${global ? "g" : ""}${eight ? "8" : ""}`;
    };
    expect(left("VMALLE1")).to.equal("");
    expect(left("ASIDE1", tlbiOperand(0n, 7))).to.equal("g8");
    for (const kind of ["VAE1", "VALE1"] as const) {
      expect(left(kind, tlbiOperand(0n, 7))).to.equal("g8");
      expect(left(kind, tlbiOperand(0n, 9))).to.equal("7g8");
      expect(left(kind, tlbiOperand(0x1000n, 9)), "global: any ASID").to.equal("78");
    }
    for (const kind of ["VAAE1", "VAALE1"] as const) {
      expect(left(kind, tlbiOperand(0n))).to.equal("g");
      expect(left(kind, tlbiOperand(0x2000n))).to.equal("7g8");
    }
  });

  it("TLBI takes addresses of the upper half by their lower 56 bits", () => {
    const { machine, write, again, registers } = bareUpper();
    expect(again(UPPER, "read", KERNEL)).to.equal(PAGE);
    write(machine.spaces.kernel.context.root, 0n);
    registers.tlbi("VAE1", tlbiOperand(UPPER - 0x1000n, 0));
    expect(again(UPPER, "read", KERNEL)).to.equal(PAGE);
    registers.tlbi("VAE1", tlbiOperand(UPPER, 0));
    expect(again(UPPER, "read", KERNEL)).to.equal("translation fault, level 2");
  });

  it("ESR_EL1 and FAR_EL1 tell the exception, its class by privilege, and the address", () => {
    const { again, registers } = laid(READ_ONLY);
    again(0x123n, "write", KERNEL);
    expect(registers.deliver()).to.deep.equal({ trap: DATA_ABORT, code: WNR | 0b1111 });
    expect([registers.esr, registers.far]).to.deep.equal([0x9600_004fn, 0n]);
    expect(registers.deliver(), "once").to.equal(null);
    again(0x5000n, "read", USER);
    registers.deliver();
    expect([registers.esr, registers.far]).to.deep.equal([0x9200_0007n, 0x5000n]);
    again(0x4000_0000n, "fetch", USER);
    registers.deliver();
    expect([registers.esr, registers.far]).to.deep.equal([0x8200_0004n, 0x4000_0000n]);
    again(0x5000n, "fetch", KERNEL);
    registers.deliver();
    expect(registers.esr).to.equal(0x8600_0007n);
  });

  it("FAR_EL1 has the address to the byte, with pages of any size", () => {
    for (const [architecture, page, address] of [
      [arm64, 0x12345, 0x1234_5678n],
      [arm64g16, 0x12345, 0x48d1_4678n],
      [arm64g64, 0x12345, 0x1_2345_0678n],
    ] as const) {
      const { cpu } = bare(architecture);
      const registers = new El1Registers(cpu);
      cpu.load32(page, 0x678, USER);
      expect(registers.deliver()?.trap).to.equal(DATA_ABORT);
      expect(registers.far, architecture.name).to.equal(address);
    }
  });
});

const UPPER = 0xffff_ffff_c000_0000n;
const bareUpper = (): Bare & { readonly registers: El1Registers } => {
  const machine = bare(arm64With({ bits: 30 }));
  machine.write(machine.machine.spaces.kernel.context.root, BigInt(LEAVES) | 3n);
  machine.write(LEAVES, PAGE | AF | 3n);
  return { ...machine, registers: new El1Registers(machine.cpu) };
};

describe("faults of arm64", () => {
  it("name the level, remembered by the TLB too", () => {
    const { ask, again } = laid(READ_ONLY);
    ask(0n, "read", KERNEL);
    expect(again(0n, "write", KERNEL), "the TLB refuses").to.equal("permission fault, level 3");
    expect(ask(0n, "write", KERNEL), "the walk refuses").to.equal("permission fault, level 3");
  });

  it("have the manual's codes", () => {
    const { report } = arm64.faults;
    const code = (reason: 1 | 2 | 3 | 4 | 5 | 8, depth: number, onWalk = true): number =>
      report(reason, READ, USER, {}, { depth, domain: 0, onWalk }).code;
    for (const depth of [0, 1, 2, 3]) {
      expect(code(RESERVED, depth)).to.equal(0b000000 + depth);
      expect(code(ABSENT, depth)).to.equal(0b000100 + depth);
      expect(code(UNMARKED, depth)).to.equal(0b001000 + depth);
      expect(code(PROTECTION, depth)).to.equal(0b001100 + depth);
      expect(code(BUS, depth)).to.equal(0b010100 + depth);
      expect(code(BUS, depth, false)).to.equal(0b010000);
      expect(code(BAD_ADDRESS, depth)).to.equal(0b000100);
    }
    // Walks of 64 KiB pages begin at level 1.
    expect(arm64g64.faults.report(ABSENT, READ, USER, {}, { depth: 2, domain: 0, onWalk: true }).code).to.equal(0b000111);
    expect(arm64g64.faults.report(ABSENT, READ, USER).code).to.equal(0b000111);
    expect(arm64.faults.report(BUS, READ, USER).code, "where nothing is said it is the access that found no memory").to.equal(0b010000);
    expect(faultStatusInWords(0b110000)).to.equal("no fault of the MMU's");
  });

  it("tell an address between the halves, as one that nobody walks, from an absent page by its level, where walks begin below 0", () => {
    const between = { trap: DATA_ABORT, code: 0b000100 };
    expect(arm64.faults.decode(between).absent).to.equal(true);
    expect(arm64g64.faults.decode(between).absent).to.equal(true);
    expect(arm64g64.faults.decode({ trap: DATA_ABORT, code: 0b000101 }).absent).to.equal(true);
  });

  it("are read back as far as they tell", () => {
    const { decode, report } = arm64.faults;
    for (const access of [READ, WRITE, EXECUTE] as const) {
      for (const reason of [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, BUS, UNMARKED] as const) {
        const told = report(reason, access, KERNEL);
        expect(told.trap).to.equal(access === EXECUTE ? INSTRUCTION_ABORT : DATA_ABORT);
        const absent = reason === ABSENT || reason === BAD_ADDRESS;
        expect(decode(told)).to.deep.equal({ accesses: access, privilege: "unknown", absent });
      }
    }
  });
});
