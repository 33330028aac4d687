/** Control registers: what may be written, what reads back, what a write does to the TLBs. */
import { expect } from "chai";
import fc from "fast-check";
import { KERNEL, READ, StaleTranslations, USER } from "@portolan/core";
import {
  amd64,
  amd64With,
  ControlRegisters,
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_OTHERS,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR3_PCD,
  CR3_PWT,
  CR4_OTHERS,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
} from "#src/index.js";
import { bare, exceptionOr, type Bare } from "./bare.js";

const GP = { trap: "#GP", code: 0 };
const UD = { trap: "#UD", code: 0 };
const [PML4, PDPT] = [0x10_0000, 0x10_1000];

/** A 1 GiB page of the user's at 0, not global, and a global one of the kernel's behind it. */
const machineWith = (architecture = amd64): Bare & { readonly registers: ControlRegisters } => {
  const machine = bare(architecture);
  machine.write(PML4, BigInt(PDPT) | 7n);
  machine.write(PDPT, 0x87n);
  machine.write(PDPT + 8, 0x183n);
  machine.root(PML4);
  return { ...machine, registers: new ControlRegisters(machine.cpu) };
};

describe("control registers of amd64", () => {
  it("begin as a kernel in 64-bit mode has them: paging and no-execute on, everything that protects more off", () => {
    const { registers } = machineWith();
    expect(registers.cr0).to.equal(BigInt(CR0_PE + CR0_ET + CR0_PG));
    expect(registers.cr3).to.equal(BigInt(PML4));
    expect(registers.cr4).to.equal(BigInt(CR4_PAE));
    expect(registers.efer).to.equal(BigInt(EFER_SCE + EFER_LME + EFER_LMA + EFER_NXE));
    expect(registers.cr2).to.equal(0n);
  });

  it("CR0: WP is the switch; paging and protection stay on; NW needs CD; the high half is reserved, the low half ignored", () => {
    const { registers, cpu } = machineWith();
    const on = CR0_PE + CR0_PG;
    for (const wrong of [0, CR0_PE, CR0_PG, CR0_PE + CR0_WP, on + CR0_NW, on + 2 ** 32, -1]) {
      expect(registers.writeCr0(wrong), String(wrong)).to.deep.equal(GP);
      expect(registers.cr0).to.equal(BigInt(on + CR0_ET));
    }
    expect(registers.writeCr0(on + CR0_WP + CR0_OTHERS + CR0_CD + CR0_NW)).to.equal(null);
    expect(registers.cr0).to.equal(BigInt(on + CR0_ET + CR0_WP + CR0_OTHERS + CR0_CD + CR0_NW));
    expect(cpu.switches["WP"]).to.equal(true);
    expect(registers.writeCr0(0xffff_ffffn & ~BigInt(CR0_WP))).to.equal(null);
    expect(registers.cr0).to.equal(BigInt(on + CR0_ET + CR0_OTHERS + CR0_CD + CR0_NW));
    expect(cpu.switches["WP"]).to.equal(false);
  });

  it("CR4: PGE, SMEP and SMAP are switches; PAE stays; what the processor has not got is reserved", () => {
    const { registers, cpu } = machineWith();
    for (const wrong of [0, CR4_PGE, CR4_PAE + CR4_PCIDE, CR4_PAE + 2 ** 12, CR4_PAE + 2 ** 22, CR4_PAE + 2 ** 40])
      expect(registers.writeCr4(wrong), String(wrong)).to.deep.equal(GP);
    expect(registers.cr4).to.equal(BigInt(CR4_PAE));
    const all = CR4_PAE + CR4_PGE + CR4_SMEP + CR4_SMAP + CR4_OTHERS;
    expect(registers.writeCr4(all)).to.equal(null);
    expect(registers.cr4).to.equal(BigInt(all));
    expect(cpu.switches).to.include({ PGE: true, SMEP: true, SMAP: true });
    expect(registers.writeCr4(BigInt(CR4_PAE))).to.equal(null);
    expect(cpu.switches).to.include({ PGE: false, SMEP: false, SMAP: false });

    const old = machineWith(amd64With({ processor: "opteron", gigabytePages: true })).registers;
    expect(old.writeCr4(CR4_PAE + CR4_SMEP)).to.deep.equal(GP);
    expect(old.writeCr4(CR4_PAE + CR4_SMAP)).to.deep.equal(GP);
    expect(old.writeCr4(CR4_PAE + CR4_PGE)).to.equal(null);
    const haswell = machineWith(amd64With({ processor: "haswell" })).registers;
    expect(haswell.writeCr4(CR4_PAE + CR4_SMAP)).to.deep.equal(GP);
    expect(haswell.writeCr4(CR4_PAE + CR4_SMEP)).to.equal(null);
  });

  it("EFER: NXE is the switch; LME stays while paging is on, and a write of LMA does nothing", () => {
    const { registers, cpu } = machineWith();
    for (const wrong of [0, EFER_NXE, EFER_LME + 2, EFER_LME + 2 ** 12, EFER_LME + 2 ** 33])
      expect(registers.writeEfer(wrong)).to.deep.equal(GP);
    expect(registers.efer).to.equal(BigInt(EFER_SCE + EFER_LME + EFER_LMA + EFER_NXE));
    expect(registers.writeEfer(EFER_LME)).to.equal(null);
    expect(registers.efer).to.equal(BigInt(EFER_LME + EFER_LMA));
    expect(cpu.switches["NXE"]).to.equal(false);
    expect(registers.writeEfer(EFER_LME + EFER_LMA + EFER_NXE + EFER_SCE)).to.equal(null);
    expect(cpu.switches["NXE"]).to.equal(true);
  });

  it("CR3: keeps PWT and PCD, ignores other low bits, reserves those above the processor's addresses", () => {
    const { registers, ask, write } = machineWith(amd64With({ processor: "qemu" }));
    expect(registers.writeCr3(1n << 40n)).to.deep.equal(GP);
    expect(registers.writeCr3(1n << 63n)).to.deep.equal(GP);
    expect(registers.cr3).to.equal(BigInt(PML4));
    write(0x30_0000, BigInt(PDPT) | 3n);
    expect(registers.writeCr3(0x30_0fff)).to.equal(null);
    expect(registers.cr3).to.equal(BigInt(0x30_0000 + CR3_PWT + CR3_PCD));
    expect(ask(0n, "read", USER), "the new tree gives it to the kernel alone").to.equal("#PF 5");
    expect(ask(0n, "read", KERNEL)).to.equal(0n);
    expect(registers.writeCr3(0xff_ffff_f000n)).to.equal(null);
    expect(ask(0n, "read", KERNEL)).to.equal("#MC 0");
  });

  it("CR3: the installed space stays installed when its root is loaded again, and its old translations go", () => {
    const { registers, machine } = machineWith();
    const space = machine.spaces.create();
    machine.switchTo(space);
    expect(registers.cr3).to.equal(BigInt(space.context.root));
    machine.parts.tables.insert(space.context, 0x40, 0x50, 1 | 8);
    expect(machine.cpu(0).translate(0x40, READ, USER)).to.equal(0x50);
    machine.parts.tables.update(space.context, 0x40, 1, new StaleTranslations());
    expect(machine.cpu(0).translate(0x40, READ, USER), "still in the TLB").to.equal(0x50);
    expect(registers.writeCr3(space.context.root)).to.equal(null);
    expect(machine.cpu(0).context).to.equal(space.context);
    expect(machine.cpu(0).translate(0x40, READ, USER)).to.equal(-1);
  });

  it("writes drop TLB entries as the manual says: CR3 all but the global, CR4.PGE all, INVLPG one", () => {
    const { registers, cpu, write } = machineWith();
    const USERS = 0x123n;
    const GLOBAL = 0x4000_0456n;
    const seen = (): (bigint | string)[] => [USERS, GLOBAL].map((place) => exceptionOr(cpu, place, "read", KERNEL));
    const lay = (): void => {
      write(PDPT, 0x87n);
      write(PDPT + 8, 0x183n);
    };
    const after = (what: () => unknown): (bigint | string)[] => {
      lay();
      expect(seen()).to.deep.equal([0x123n, 0x456n]);
      write(PDPT, 0n);
      write(PDPT + 8, 0n);
      expect(seen(), "nothing goes by itself").to.deep.equal([0x123n, 0x456n]);
      what();
      return seen();
    };
    registers.writeCr4(CR4_PAE + CR4_PGE);
    expect(after(() => registers.writeCr3(PML4))).to.deep.equal(["#PF 0", 0x456n]);
    expect(after(() => registers.writeCr4(CR4_PAE))).to.deep.equal(["#PF 0", "#PF 0"]);
    expect(
      after(() => registers.writeCr3(PML4)),
      "without PGE nothing is global",
    ).to.deep.equal(["#PF 0", "#PF 0"]);
    registers.writeCr4(CR4_PAE + CR4_PGE);
    expect(after(() => registers.invlpg(0x3fff_ffff))).to.deep.equal(["#PF 0", 0x456n]);
    expect(after(() => registers.invlpg(0x4000_0000n))).to.deep.equal([0x123n, "#PF 0"]);
    expect(
      after(() => registers.invlpg(0x8000_0000_0000n)),
      "an address in the hole",
    ).to.deep.equal([0x123n, 0x456n]);
    expect(
      after(() => registers.invlpg(1n << 63n)),
      "another",
    ).to.deep.equal([0x123n, 0x456n]);
  });

  it("INVLPG reaches the high half", () => {
    const { registers, cpu, write } = machineWith();
    write(PML4 + 511 * 8, BigInt(PDPT) | 3n);
    write(PDPT + 511 * 8, 0x83n);
    expect(exceptionOr(cpu, 0xffff_ffff_ffff_fff0n, "read", KERNEL)).to.equal("#MC 0");
    expect(exceptionOr(cpu, 0xffff_ffff_c000_0010n, "read", KERNEL)).to.equal(0x10n);
    write(PDPT + 511 * 8, 0n);
    expect(exceptionOr(cpu, 0xffff_ffff_c000_0010n, "read", KERNEL)).to.equal(0x10n);
    registers.invlpg(0xffff_ffff_ffff_ffffn);
    expect(exceptionOr(cpu, 0xffff_ffff_c000_0010n, "read", KERNEL)).to.equal("#PF 0");
  });

  it("STAC and CLAC suspend SMAP, and are no instructions where there is none", () => {
    const { registers, ask } = machineWith();
    registers.writeCr4(CR4_PAE + CR4_SMAP);
    expect(ask(0n, "read", KERNEL)).to.equal("#PF 1");
    expect(registers.stac()).to.equal(null);
    expect(ask(0n, "read", KERNEL)).to.equal(0n);
    expect(registers.clac()).to.equal(null);
    expect(ask(0n, "read", KERNEL)).to.equal("#PF 1");
    const old = machineWith(amd64With({ processor: "haswell" })).registers;
    expect([old.stac(), old.clac()]).to.deep.equal([UD, UD]);
  });

  it("CR2 has the address of the last page fault, byte by byte, and of nothing else", () => {
    const { registers, cpu, write } = machineWith();
    expect(registers.deliver()).to.equal(null);
    cpu.load8(0x8_0000, 0x321, USER);
    expect(registers.deliver()).to.deep.equal({ trap: "#PF", code: 4 });
    expect(registers.cr2).to.equal(0x8000_0321n);
    expect(registers.deliver(), "once").to.equal(null);
    cpu.load8(2 ** 36, 0x111, USER);
    expect(registers.deliver()).to.deep.equal(GP);
    expect(registers.cr2, "#GP has no address").to.equal(0x8000_0321n);
    expect(cpu.load8(0, 0, USER), "what succeeds leaves it alone").to.equal(0);
    expect([registers.deliver(), registers.cr2]).to.deep.equal([null, 0x8000_0321n]);
    cpu.store8(0xf_ffff_ffff_ffff, 0xfff, 1, KERNEL);
    expect(registers.deliver()).to.deep.equal({ trap: "#PF", code: 2 });
    expect(registers.cr2).to.equal(0xffff_ffff_ffff_ffffn);
    registers.writeCr2(-2n);
    expect(registers.cr2).to.equal(2n ** 64n - 2n);
    write(PDPT + 16, 0x4000_0000_0087n);
    expect(cpu.load8(0x8_0000, 0, KERNEL)).to.equal(-1);
    expect(registers.deliver(), "#MC has no address here").to.deep.equal({ trap: "#MC", code: 0 });
    expect(registers.cr2).to.equal(2n ** 64n - 2n);
  });

  it("bits have the numbers of the manual", () => {
    expect([CR0_OTHERS, CR4_OTHERS, CR3_PWT + CR3_PCD, EFER_SCE + EFER_LME + EFER_LMA + EFER_NXE]).to.deep.equal([
      0x4002e, 0x75f, 0x18, 0xd01,
    ]);
  });

  it("any write either reads back but for what is fixed or ignored, or changes nothing", () => {
    const wide = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 22n), fc.constantFrom(0x8000_0011n, 0x20n, 0x500n, 0xd01n));
    const { registers, cpu } = machineWith();
    const state = (): unknown[] => [registers.cr0, registers.cr3, registers.cr4, registers.efer, JSON.stringify(cpu.switches)];
    fc.assert(
      fc.property(fc.constantFrom("writeCr0", "writeCr3", "writeCr4", "writeEfer"), wide, (write, value) => {
        const before = state();
        const refusal = registers[write](value);
        if (refusal !== null) {
          expect(refusal).to.deep.equal(GP);
          expect(state()).to.deep.equal(before);
        } else if (write === "writeCr4") expect(registers.cr4).to.equal(value);
        else if (write === "writeEfer") expect(registers.efer).to.equal(value | BigInt(EFER_LMA));
        else if (write === "writeCr3") expect(registers.cr3 ^ value).to.satisfy((other: bigint) => (other & ~0xfe7n) === 0n);
        else expect(registers.cr0 & 0xe005_002en).to.equal(value & 0xe005_002en);
      }),
      { seed: 64, numRuns: 2000 },
    );
  });
});

describe("options of amd64", () => {
  it("are refused where no processor is like that", () => {
    for (const wrong of [
      { processor: "z80" as "zen" },
      { processor: "toString" as "zen" },
      { processor: "core2", buffers: "second" } as const,
      { physicalBits: 31 },
      { physicalBits: 53 },
      { physicalBits: 40.5 },
    ])
      expect(() => amd64With(wrong), JSON.stringify(wrong))
        .to.throw()
        .with.property("code", "ERR_BAD_ARGUMENT");
  });

  it("make the machine", () => {
    expect(amd64With({ processor: "skylake", buffers: "second" }).tlb).to.deep.include({
      data: { ...amd64.tlb.data, entries: 1536, ways: 12, pageShifts: [12, 21] },
    });
    expect(amd64With({ processor: "skylake", buffers: "second" }).tlb.instruction).to.equal(undefined);
    expect(amd64With({ name: "mine", physicalBits: 36 })).to.include({ name: "mine", physicalBits: 36 });
    expect(Object.keys(amd64With({ smep: false, smap: false }).switches)).to.deep.equal(["WP", "PGE", "NXE"]);
  });
});
