/** Every switch, satp with its tags, A and D by hardware and by fault, and SFENCE.VMA with each pair of operands. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  KERNEL,
  UNMARKED,
  USER,
  WRITE,
} from "@portolan/core";
import { riscv64, riscv64With, SSTATUS_MXR, SSTATUS_SUM, SupervisorRegisters, type Riscv64Options } from "#src/index.js";
import { bare, causeOr, RAM, type Bare } from "./bare.js";

const ROOTS = [RAM + 0x10_0000, RAM + 0x11_0000] as const;
const PAGE = RAM + 0x20_0000;
const leafOf = (frame: number, flags: bigint): bigint => (BigInt(frame) >> 2n) | flags;
const pointerTo = (table: number): bigint => leafOf(table, 1n);
const RW = 0xc7n;
const [U, G, X, R, V] = [0x10n, 0x20n, 0x08n, 0x02n, 0x01n];

/** Two trees; page i of each is what is asked for, and entry 1 of the middle table may be a megapage. */
const laid = (
  flags: readonly bigint[],
  options: Riscv64Options = {},
): Bare & { readonly registers: SupervisorRegisters; readonly set: (tree: 0 | 1, page: number, word: bigint) => void } => {
  const machine = bare(riscv64With(options));
  const { write } = machine;
  const set = (tree: 0 | 1, page: number, word: bigint): void => write(ROOTS[tree] + 0x2000 + page * 8, word);
  ROOTS.forEach((root, tree) => {
    write(root, pointerTo(root + 0x1000));
    write(root + 0x1000, pointerTo(root + 0x2000));
    flags.forEach((each, page) => set(tree as 0 | 1, page, leafOf(PAGE + (tree * 16 + page) * 0x1000, each)));
  });
  const registers = new SupervisorRegisters(machine.cpu);
  return { ...machine, registers, set };
};
const satpOf = (tree: 0 | 1, asid: number): bigint => (8n << 60n) | (BigInt(asid) << 44n) | (BigInt(ROOTS[tree]) >> 12n);
const frame = (tree: number, page: number): bigint => BigInt(PAGE + (tree * 16 + page) * 0x1000);

describe("registers of riscv64", () => {
  it("sstatus.SUM: without it the kernel does not touch the user's pages, and never fetches from them", () => {
    const { cpu, ask, registers } = laid([RW | U | X, RW | X]);
    registers.writeSatp(satpOf(0, 5));
    expect(registers.sstatus, "after reset").to.equal(SSTATUS_SUM);
    for (const sum of [true, false]) {
      registers.writeSstatus(sum ? SSTATUS_SUM : 0n);
      expect([registers.sstatus === SSTATUS_SUM, cpu.switches["SUM"]]).to.deep.equal([sum, sum]);
      expect(ask(0n, "read", KERNEL)).to.equal(sum ? frame(0, 0) : "scause 13");
      expect(ask(0n, "write", KERNEL)).to.equal(sum ? frame(0, 0) : "scause 15");
      expect(ask(0n, "fetch", KERNEL)).to.equal("scause 12");
      for (const access of ["read", "write", "fetch"] as const) {
        expect(ask(0n, access, USER)).to.equal(frame(0, 0));
        expect(ask(0x1000n, access, KERNEL)).to.equal(frame(0, 1));
        expect(ask(0x1000n, access, USER)).to.be.a("string");
      }
    }
  });

  it("sstatus.MXR: what may be executed may be read, and nothing else changes", () => {
    const { ask, registers } = laid([X | U | V | 0x40n]);
    registers.writeSatp(satpOf(0, 5));
    expect(ask(0n, "read", USER)).to.equal("scause 13");
    expect(ask(0n, "fetch", USER)).to.equal(frame(0, 0));
    registers.writeSstatus(SSTATUS_MXR);
    expect(ask(0n, "read", USER)).to.equal(frame(0, 0));
    expect(ask(0n, "write", USER)).to.equal("scause 15");
    expect(ask(0n, "read", KERNEL), "SUM is clear now").to.equal("scause 13");
    registers.writeSstatus(SSTATUS_MXR | SSTATUS_SUM);
    expect(ask(0n, "read", KERNEL)).to.equal(frame(0, 0));
    expect(registers.sstatus).to.equal(SSTATUS_MXR | SSTATUS_SUM);
    registers.writeSstatus(~(SSTATUS_MXR | SSTATUS_SUM));
    expect(registers.sstatus).to.equal(0n);
  });

  it("satp: ignores another MODE altogether, keeps as many bits of ASID as there are, and drops nothing", () => {
    const { cpu, registers } = laid([RW | U]);
    registers.writeSatp(satpOf(0, 5));
    for (const mode of [0n, 1n, 9n, 10n, 15n]) registers.writeSatp((mode << 60n) | 7n);
    expect(registers.satp).to.equal(satpOf(0, 5));
    expect(causeOr(cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    registers.writeSatp(satpOf(1, 6));
    expect(causeOr(cpu, 0n, "read", USER)).to.equal(frame(1, 0));
    const { walks } = cpu.statistics;
    registers.writeSatp(satpOf(0, 5));
    expect(causeOr(cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    registers.writeSatp(satpOf(1, 5));
    expect(causeOr(cpu, 0n, "read", USER), "the tag is the other tree's: stale, as on a real hart").to.equal(frame(0, 0));
    expect(cpu.statistics.walks, "tags keep them apart").to.equal(walks);
    for (const bits of [2, 9, 16]) {
      const narrow = laid([RW], { asidBits: bits }).registers;
      narrow.writeSatp(satpOf(0, 0xffff));
      expect(narrow.satp).to.equal(satpOf(0, 2 ** bits - 1));
    }
  });

  it("satp: without tags another tree shows only after a fence; QEMU's forgets by itself", () => {
    const plain = laid([RW | U], { asidBits: 0 });
    plain.registers.writeSatp(satpOf(0, 5));
    expect(plain.registers.satp, "no bit of ASID is there").to.equal(satpOf(0, 0));
    expect(causeOr(plain.cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    plain.registers.writeSatp(satpOf(1, 0));
    expect(causeOr(plain.cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    plain.registers.sfenceVma();
    expect(causeOr(plain.cpu, 0n, "read", USER)).to.equal(frame(1, 0));

    const qemu = laid([RW | U | G], { processor: "qemu" });
    qemu.registers.writeSatp(satpOf(0, 5));
    expect(causeOr(qemu.cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    qemu.set(0, 0, leafOf(PAGE + 0x9000, RW | U));
    qemu.registers.writeSatp(satpOf(0, 5));
    expect(causeOr(qemu.cpu, 0n, "read", USER), "the same value again").to.equal(frame(0, 0));
    qemu.registers.writeSatp(satpOf(0, 6));
    expect(causeOr(qemu.cpu, 0n, "read", USER)).to.equal(BigInt(PAGE + 0x9000));
  });

  it("A and D: set by hardware, A with any access and D with a write, in the leaf alone", () => {
    const { ask, read, registers, set } = laid([]);
    registers.writeSatp(satpOf(0, 5));
    for (const [access, marked] of [
      ["read", 0x47n],
      ["write", 0xc7n],
    ] as const) {
      set(0, 0, leafOf(PAGE, 0x07n));
      expect(ask(0n, access, KERNEL)).to.equal(BigInt(PAGE));
      expect(read(ROOTS[0] + 0x2000)).to.equal(leafOf(PAGE, marked));
      expect(read(ROOTS[0])).to.equal(pointerTo(ROOTS[0] + 0x1000));
    }
  });

  it("A and D: by fault, where nothing is written and a page fault says that one is missing", () => {
    const { cpu, ask, machine, read, registers, set } = laid([], { marks: "fault" });
    registers.writeSatp(satpOf(0, 5));
    for (const [flags, reads, writes] of [
      [0x07n, false, false],
      [0x87n, false, false],
      [0x47n, true, false],
      [0xc7n, true, true],
    ] as const) {
      set(0, 0, leafOf(PAGE, flags));
      expect(ask(0n, "read", KERNEL), flags.toString(16)).to.equal(reads ? BigInt(PAGE) : "scause 13");
      expect(ask(0n, "write", KERNEL)).to.equal(writes ? BigInt(PAGE) : "scause 15");
      expect(read(ROOTS[0] + 0x2000), "nothing is written").to.equal(leafOf(PAGE, flags));
      const walk = machine.parts.tables.walk(cpu.context, 0n, WRITE, KERNEL, cpu.switches);
      expect(walk.reason).to.equal(writes ? 0 : UNMARKED);
    }
    set(0, 0, leafOf(PAGE, 0x47n));
    ask(0n, "read", KERNEL);
    expect(causeOr(cpu, 0n, "write", KERNEL), "from the TLB as well").to.equal("scause 15");
    set(0, 0, leafOf(PAGE, 0xc7n));
    expect(causeOr(cpu, 0n, "write", KERNEL), "and a D that has come is seen without a fence").to.equal(BigInt(PAGE));
  });

  it("A and D by fault: handlers of areas set them, one fault for each mark that comes late", () => {
    for (const processor of ["u54", "u74"] as const) {
      const machine = buildMachine(riscv64With({ processor }), { memoryBytes: 2 ** 24, cpus: 2 });
      const space = machine.spaces.create();
      machine.switchTo(space);
      space.createArea({ base: 0x4000_0000, size: 0x2000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
      const markOf = (): bigint => (machine.walk(space, 0x4000_0000n).steps.at(-1)?.raw ?? 0n) & 0xc0n;
      expect(machine.read32(0x4000_0000)).to.equal(0);
      expect(markOf()).to.equal(0x40n);
      expect(machine.write32(0x4000_0000, 7)).to.equal(true);
      expect(markOf()).to.equal(0xc0n);
      expect(machine.cpu(0).statistics.refusals).to.equal(2);
      expect(machine.write32(0x4000_1000, 7)).to.equal(true);
      expect(machine.cpu(0).statistics.refusals).to.equal(3);
      assertInvariants(machine);
    }
  });
});

describe("SFENCE.VMA", () => {
  /** A user's page, a global one and another page of the user's, each known under two tags. */
  const filled = (options: Riscv64Options = {}): ReturnType<typeof laid> => {
    const machine = laid([RW | U, RW | U | G, RW | U], options);
    for (const [tree, asid] of [
      [0, 5],
      [1, 6],
    ] as const) {
      machine.registers.writeSatp(satpOf(tree, asid));
      for (const page of [0n, 1n, 2n]) causeOr(machine.cpu, page << 12n, "read", USER);
    }
    return machine;
  };
  /** What the data TLB knows: page and tag; a global one without. */
  const known = ({ cpu: { dataTlb } }: Bare): string[] => {
    const entries: string[] = [];
    dataTlb.each((entry) =>
      entries.push(dataTlb.isGlobal(entry) ? `${dataTlb.firstPage(entry)} G` : `${dataTlb.firstPage(entry)} of ${dataTlb.asid(entry)}`),
    );
    return entries.sort();
  };

  it("finds these entries to begin with", () => {
    expect(known(filled())).to.deep.equal(["0 of 5", "0 of 6", "1 G", "2 of 5", "2 of 6"]);
  });

  for (const [form, operands, left] of [
    ["x0, x0: everything", [null, null], []],
    ["x0, asid: what carries the tag and is not global", [null, 5], ["0 of 6", "1 G", "2 of 6"]],
    ["va, x0: the page in every space", [0x0abcn, null], ["1 G", "2 of 5", "2 of 6"]],
    ["va, x0: a global page too", [0x1000n, null], ["0 of 5", "0 of 6", "2 of 5", "2 of 6"]],
    ["va, asid: the page with the tag", [0x2000n, 6], ["0 of 5", "0 of 6", "1 G", "2 of 5"]],
    ["va, asid: not a global page", [0x1000n, 6], ["0 of 5", "0 of 6", "1 G", "2 of 5", "2 of 6"]],
    ["va, asid: not even with the tag that it was read under", [0x1000n, 5], ["0 of 5", "0 of 6", "1 G", "2 of 5", "2 of 6"]],
    ["va, asid: nothing for a page that is not known", [0x9000n, 6], ["0 of 5", "0 of 6", "1 G", "2 of 5", "2 of 6"]],
    ["va outside the canonical ranges: nothing", [0x40_0000_0000n, null], ["0 of 5", "0 of 6", "1 G", "2 of 5", "2 of 6"]],
  ] as const) {
    it(form, () => {
      const machine = filled();
      machine.registers.sfenceVma(...operands);
      expect(known(machine)).to.deep.equal(left);
    });
  }

  it("looks at as many bits of the tag as there are, at addresses in the kernel's half, and at the whole of a superpage", () => {
    const narrow = filled({ asidBits: 9 });
    narrow.registers.sfenceVma(null, 5 + 512);
    expect(known(narrow)).to.deep.equal(["0 of 6", "1 G", "2 of 6"]);

    const { cpu, registers, write } = laid([]);
    registers.writeSatp(satpOf(0, 5));
    write(ROOTS[0] + 511 * 8, leafOf(RAM, RW));
    expect(causeOr(cpu, 0xffff_ffff_ffe0_0000n, "read", KERNEL)).to.be.a("string");
    write(ROOTS[0] + 0x1000 + 8, leafOf(RAM, RW | X));
    for (const access of ["read", "fetch"] as const) expect(causeOr(cpu, 0x20_0000n, access, KERNEL)).to.equal(BigInt(RAM));
    write(ROOTS[0] + 0x1000 + 8, 0n);
    expect(causeOr(cpu, 0x3f_f000n, "read", KERNEL), "still known").to.equal(BigInt(RAM) + 0x1f_f000n);
    registers.sfenceVma(0x3f_f123n, 5);
    for (const access of ["read", "fetch"] as const) expect(causeOr(cpu, 0x20_0000n, access, KERNEL), access).to.be.a("string");
  });

  it("without tags any one stands for all", () => {
    const machine = laid([RW | U, RW | U | G], { asidBits: 0 });
    machine.registers.writeSatp(satpOf(0, 0));
    for (const page of [0n, 1n]) causeOr(machine.cpu, page << 12n, "read", USER);
    machine.registers.sfenceVma(null, 77);
    expect(known(machine)).to.deep.equal(["1 G"]);
    machine.registers.sfenceVma(0x1000n);
    expect(known(machine)).to.deep.equal([]);
  });

  it("R alone is not enough for a write that the TLB has known as a read", () => {
    const { cpu, registers } = laid([V | R | U | 0x40n]);
    registers.writeSatp(satpOf(0, 5));
    expect(causeOr(cpu, 0n, "read", USER)).to.equal(frame(0, 0));
    expect(causeOr(cpu, 0n, "write", USER)).to.equal("scause 15");
    expect(riscv64.can).to.include({ recordAccess: "hardware", recordWrite: "hardware" });
  });
});
