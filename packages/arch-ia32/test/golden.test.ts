/** Words worked out by hand from the manual's tables. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  EXECUTE,
  KERNEL,
  reasonsAgainst,
  USER,
  WRITE,
  READ,
  StaleTranslations,
} from "@portolan/core";
import { ia32 } from "#src/index.js";

const USER_RW = 1 | 2 | 8 | 32;
const KERNEL_GLOBAL = 2 | 16 | 32;

describe("ia32", () => {
  it("is a sound description", () => {
    expect(reasonsAgainst(ia32)).to.deep.equal([]);
  });

  it("has the TLBs and the abilities that the manual says", () => {
    const { tlb, can, faults, layout } = ia32;
    for (const buffer of [tlb.instruction, tlb.data]) {
      expect(buffer).to.deep.include({ ways: 4, wired: 0, lockable: false, paired: false, pageShifts: [12, 22] });
    }
    expect(tlb.invalidation).to.deep.equal({
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "all", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: true },
      rootLoadInvalidates: true,
    });
    expect(can).to.deep.equal({
      forbidRead: false,
      forbidExecute: false,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: { switch: "WP" },
    });
    // The error code tells a write from a read without doubt. @see Intel SDM vol 3A §4.7
    expect([faults.guessesAccess, layout.kernelAddressSpaceShadowed]).to.deep.equal([false, false]);
  });

  it("runs with PSE, without WP and without PGE unless it is told otherwise", () => {
    expect(buildMachine(ia32).cpu(0).switches).to.deep.equal({ WP: false, PGE: false, PSE: true });
  });

  const build = (switches = {}) => {
    const machine = buildMachine(ia32, { memoryBytes: 256 * 2 ** 20, switches });
    const space = machine.spaces.create();
    machine.switchTo(space);
    return { machine, space, tables: machine.parts.tables, memory: machine.parts.memory, cpu: machine.cpu(0) };
  };
  const entries = (memory: ReturnType<typeof build>["memory"], root: number, address: number) => {
    const directoryAt = root + (address >>> 22) * 4;
    const tableAt = (memory.read32(directoryAt) & 0xffff_f000) + ((address >>> 12) & 1023) * 4;
    return {
      directory: memory.read32(directoryAt) & 0xfff,
      entry: memory.read32(tableAt),
      bytes: [0, 1, 2, 3].map((i) => memory.read8(tableAt + i)),
    };
  };

  it("writes the entries of a user page, and records a read and a write in them", () => {
    const { space, tables, memory, cpu } = build();
    tables.insert(space.context, 0x40201, 0x789a, USER_RW);
    expect(entries(memory, space.context.root, 0x40201000)).to.deep.equal({
      directory: 0x207,
      entry: 0x0789a207,
      bytes: [0x07, 0xa2, 0x89, 0x07],
    });
    expect(cpu.load32(0x40201, 0, USER)).to.equal(0);
    expect(entries(memory, space.context.root, 0x40201000)).to.include({ directory: 0x227, entry: 0x0789a227 });
    expect(cpu.store32(0x40201, 0, 1, USER)).to.equal(true);
    expect(entries(memory, space.context.root, 0x40201000)).to.include({ directory: 0x227, entry: 0x0789a267 });
  });

  it("writes the entries of a global kernel page into every space, and keeps the user out", () => {
    const { machine, space, tables, memory, cpu } = build();
    tables.insert(machine.spaces.kernel.context, 0x80100, 0x100, KERNEL_GLOBAL);
    expect(entries(memory, space.context.root, 0x80100000)).to.deep.equal({
      directory: 0x207,
      entry: 0x00100303,
      bytes: [0x03, 0x03, 0x10, 0x00],
    });
    expect(cpu.translate(0x80100, READ, KERNEL)).to.equal(0x100);
    expect(cpu.translate(0x80100, READ, USER)).to.equal(-1);
    expect(ia32.faults.report(cpu.fault.reason, READ, USER)).to.deep.equal({ trap: "#PF", code: 5 });
  });

  it("lets the kernel write what is read-only until CR0.WP is set", () => {
    const { space, tables, cpu } = build();
    tables.insert(space.context, 0x40201, 0x789a, 1 | 8 | 32);
    expect(cpu.translate(0x40201, WRITE, USER)).to.equal(-1);
    expect(cpu.translate(0x40201, WRITE, KERNEL)).to.equal(0x789a);
    cpu.setSwitch("WP", true);
    expect(cpu.translate(0x40201, WRITE, KERNEL)).to.equal(-1);
    expect(cpu.translate(0x40201, EXECUTE, USER)).to.equal(0x789a);
  });

  it("reads 4 MiB pages while CR4.PSE is set, and faults on their reserved bits", () => {
    const { space, memory, cpu } = build();
    memory.write32(space.context.root + 0x100 * 4, 0x0080_0083 | 4);
    expect(cpu.translate(0x40123, READ, USER)).to.equal(0x923);
    memory.write32(space.context.root + 0x101 * 4, 0x0080_2083 | 4);
    expect(cpu.translate(0x40400, READ, USER)).to.equal(-1);
    expect(ia32.faults.report(cpu.fault.reason, READ, USER).code).to.equal(13);
    memory.write32(space.context.root + 0x101 * 4, 0x0080_20e3 | 4);
    expect(cpu.translate(0x40400, READ, USER), "marked as accessed and written").to.equal(-1);
    expect(ia32.faults.report(cpu.fault.reason, READ, USER).code).to.equal(13);
  });

  it("records accesses and writes in the entry of a 4 MiB page, enters it whole, and INVLPG of any address in it drops it", () => {
    const { space, memory, cpu } = build();
    const at = space.context.root + 0x100 * 4;
    memory.write32(at, 0x0080_0083 | 4);
    expect(cpu.translate(0x40123, READ, USER)).to.equal(0x923);
    expect(memory.read32(at)).to.equal(0x0080_00a7);
    const { walks } = cpu.statistics;
    expect(cpu.translate(0x403ff, READ, USER), "the same entry").to.equal(0xbff);
    expect(cpu.statistics.walks).to.equal(walks);
    expect(cpu.translate(0x40000, WRITE, USER)).to.equal(0x800);
    expect(memory.read32(at), "dirty in the directory's entry").to.equal(0x0080_00e7);
    memory.write32(at, 0);
    expect(cpu.translate(0x40200, READ, USER), "what the TLB holds").to.equal(0xa00);
    cpu.invalidatePages(3, 0x402aa, 1);
    expect(cpu.translate(0x40200, READ, USER)).to.equal(-1);
  });

  it("takes a directory entry with PS for a table's while CR4.PSE is clear", () => {
    const { space, tables, memory, cpu } = build({ PSE: false });
    tables.insert(space.context, 0x40001, 0x789a, USER_RW);
    const at = space.context.root + 0x100 * 4;
    memory.write32(at, memory.read32(at) | 0x80);
    expect(cpu.translate(0x40001, READ, USER)).to.equal(0x789a);
    cpu.setSwitch("PSE", true);
    expect(cpu.translate(0x40001, READ, USER)).not.to.equal(0x789a);
  });

  it("keeps global entries over a CR3 write only while CR4.PGE is set", () => {
    for (const PGE of [false, true]) {
      const { machine, tables, cpu } = build({ PGE });
      const kernel = machine.spaces.kernel.context;
      tables.insert(kernel, 0x80100, 0x100, KERNEL_GLOBAL);
      expect(cpu.translate(0x80100, READ, KERNEL)).to.equal(0x100);
      tables.remove(kernel, 0x80100, new StaleTranslations());
      machine.switchTo(machine.spaces.create());
      expect(cpu.translate(0x80100, READ, KERNEL)).to.equal(PGE ? 0x100 : -1);
      cpu.invalidatePages(3, 0x80100, 1);
      expect(cpu.translate(0x80100, READ, KERNEL)).to.equal(-1);
    }
  });

  it("explains what the hardware does", () => {
    const { machine, space } = build();
    space.createArea({ base: 0x40000000, size: 0x1000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
    machine.write32(0x40000010, 5);
    const walk = machine.walk(space, 0x40000010n);
    expect(walk.physical).to.equal(machine.translate(0x40000010, READ));
    expect(walk.steps.map(({ table }) => table)).to.deep.equal(["page directory", "page table"]);
    expect(machine.walk(space, 0x40000010n, WRITE, USER).reason).to.equal(0);
    expect(machine.walk(space, 0x50000000n).rule).to.equal("entry 320 of the page directory is absent");
    assertInvariants(machine);
  });

  it("explains by the switches of the processor that is asked about", () => {
    const machine = buildMachine(ia32, { cpus: 2 });
    const space = machine.spaces.create();
    space.createArea({ base: 0x40000000, size: 0x1000, flags: AREA_READ | AREA_CACHEABLE, backend: anonymous });
    machine.switchTo(space);
    machine.read32(0x40000000);
    machine.cpu(1).setSwitch("WP", true);
    expect(machine.walk(space, 0x40000000, WRITE, KERNEL).reason).to.equal(0);
    expect(machine.walk(space, 0x40000000, WRITE, KERNEL, 1).rule).to.equal("entry 0 of the page table does not let the kernel write");
  });
});
