/** Every switch: what it changes, and that it changes nothing else. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  buildMachine,
  KERNEL,
  READ,
  StaleTranslations,
  USER,
  WRITE,
  EXECUTE,
} from "@portolan/core";
import { amd64, amd64With } from "#src/index.js";
import { bare, exceptionOr, type Bare } from "./bare.js";

const NX = 1n << 63n;
const [PML4, PDPT, PD, PT] = [0x10_0000, 0x10_1000, 0x10_2000, 0x10_3000];
/** Pages 0, 1, 2… of the lowest table map these words. */
const mapped = (words: readonly bigint[], architecture = amd64): Bare => {
  const machine = bare(architecture);
  machine.write(PML4, BigInt(PDPT) | 7n);
  machine.write(PDPT, BigInt(PD) | 7n);
  machine.write(PD, BigInt(PT) | 7n);
  words.forEach((word, i) => machine.write(PT + i * 8, word));
  machine.root(PML4);
  return machine;
};
const RO = 0x20_0005n;
const RW = 0x20_1007n;
const KERNELS = 0x20_2003n;

describe("switches of amd64", () => {
  it("CR0.WP: the kernel writes what is read-only until it is set; the user never does", () => {
    const { cpu, ask } = mapped([RO]);
    expect(ask(0n, "write", KERNEL)).to.equal(0x20_0000n);
    expect(ask(0n, "write", USER)).to.equal("#PF 7");
    cpu.setSwitch("WP", true);
    expect(ask(0n, "write", KERNEL)).to.equal("#PF 3");
    expect(ask(0n, "read", KERNEL)).to.equal(0x20_0000n);
    expect(ask(0n, "write", USER)).to.equal("#PF 7");
  });

  it("EFER.NXE: XD forbids fetches, at whatever level it is; without it XD is a reserved bit", () => {
    for (const place of [PML4, PDPT, PD, PT]) {
      const { cpu, ask, read, write } = mapped([RW]);
      write(place, (read(place) ?? 0n) | NX);
      expect(ask(0n, "fetch", USER)).to.equal("#PF 21");
      expect(ask(0n, "fetch", KERNEL)).to.equal("#PF 17");
      expect(ask(0n, "write", USER)).to.equal(0x20_1000n);
      cpu.setSwitch("NXE", false);
      expect(ask(0n, "fetch", USER), "and a fetch is told as a read").to.equal("#PF 13");
      expect(ask(0n, "write", KERNEL)).to.equal("#PF 11");
      write(place, (read(place) ?? 0n) & ~NX);
      expect(ask(0n, "fetch", USER)).to.equal(0x20_1000n);
    }
  });

  it("EFER.NXE clear when the machine is built: no entry that the core writes has XD", () => {
    for (const [NXE, xd] of [
      [true, 1n],
      [false, 0n],
    ] as const) {
      for (const SMEP of [false, true]) {
        const machine = buildMachine(amd64, { switches: { NXE, SMEP } });
        const space = machine.spaces.create();
        space.createArea({ base: 0x4000_0000, size: 0x2000, flags: AREA_READ | AREA_WRITE, backend: anonymous });
        machine.switchTo(space);
        expect(machine.fetch32(0x4000_1000), "the first to touch a page").to.equal(NXE ? -1 : 0);
        machine.write32(0x4000_0000, 1);
        expect((machine.walk(space, 0x4000_0000n).steps.at(-1)?.raw ?? 0n) >> 63n).to.equal(xd);
        expect(machine.fetch32(0x4000_0000)).to.equal(NXE ? -1 : 1);
        assertInvariants(machine);
      }
    }
  });

  it("CR4.SMEP: the kernel does not fetch what is the user's at every level", () => {
    const { cpu, ask, write } = mapped([RW, KERNELS]);
    cpu.setSwitch("SMEP", true);
    expect(ask(0n, "fetch", KERNEL)).to.equal("#PF 17");
    expect(ask(0n, "write", KERNEL)).to.equal(0x20_1000n);
    expect(ask(0n, "fetch", USER)).to.equal(0x20_1000n);
    expect(ask(0x1000n, "fetch", KERNEL)).to.equal(0x20_2000n);
    cpu.setSwitch("NXE", false);
    expect(ask(0n, "fetch", KERNEL), "a fetch is told without NXE too").to.equal("#PF 17");
    write(PD, BigInt(PT) | 3n);
    expect(ask(0n, "fetch", KERNEL), "one level is the kernel's").to.equal(0x20_1000n);
  });

  it("CR4.SMAP: the kernel neither reads nor writes what is the user's at every level, unless AC is set", () => {
    const { cpu, ask, write } = mapped([RW, KERNELS, RO]);
    cpu.setSwitch("SMAP", true);
    expect(ask(0n, "read", KERNEL)).to.equal("#PF 1");
    expect(ask(0n, "write", KERNEL)).to.equal("#PF 3");
    expect(ask(0n, "fetch", KERNEL), "that is SMEP's business").to.equal(0x20_1000n);
    expect(ask(0n, "write", USER)).to.equal(0x20_1000n);
    expect(ask(0x1000n, "write", KERNEL)).to.equal(0x20_2000n);
    cpu.setSwitch("AC", true);
    expect(ask(0n, "write", KERNEL)).to.equal(0x20_1000n);
    expect(ask(0x2000n, "write", KERNEL), "read-only, with WP clear").to.equal(0x20_0000n);
    cpu.setSwitch("WP", true);
    expect(ask(0x2000n, "write", KERNEL)).to.equal("#PF 3");
    expect(ask(0x2000n, "read", KERNEL)).to.equal(0x20_0000n);
    cpu.setSwitch("AC", false);
    write(PDPT, BigInt(PD) | 3n);
    expect(ask(0n, "read", KERNEL), "one level is the kernel's").to.equal(0x20_1000n);
  });

  it("SMAP and AC change nothing of what the core does for the user: it copies with the user's rights", () => {
    const machine = buildMachine(amd64, { switches: { SMAP: true, SMEP: true, WP: true, PGE: true } });
    const space = machine.spaces.create();
    space.createArea({ base: 0x4000_0000, size: 0x2000, flags: AREA_READ | AREA_WRITE, backend: anonymous });
    machine.switchTo(space);
    expect(machine.copyToUser(0x4000_0ffe, Uint8Array.of(1, 2, 3, 4))).to.equal(4);
    expect(machine.read32(0x4000_0ffe)).to.equal(0x0403_0201);
    expect(machine.walk(space, 0x4000_0ffen, READ, KERNEL)).to.include({ reason: 2, kernelRights: 0 });
    expect(machine.walk(space, 0x4000_0ffen, READ, KERNEL).rule).to.match(/CR4\.SMAP/);
    assertInvariants(machine);
  });

  it("CR4.PGE: global entries outlive a CR3 write, of whatever size they are, and INVLPG ends them", () => {
    const words = [RW | 0x100n, KERNELS | 0x100n, RW];
    for (const PGE of [false, true]) {
      const { cpu, write, root } = mapped(words);
      cpu.setSwitch("PGE", PGE);
      write(PD + 8, 0x40_0000n | 0x187n);
      write(PDPT + 8, 0x187n);
      const places: readonly bigint[] = [0n, 0x1000n, 0x20_0000n, 0x4000_0000n, 0x2000n];
      const seen = places.map((place) => exceptionOr(cpu, place, "read", KERNEL));
      expect(seen).to.deep.equal([0x20_1000n, 0x20_2000n, 0x40_0000n, 0n, 0x20_1000n]);
      for (const place of [PT, PT + 8, PD + 8, PDPT + 8, PT + 16]) write(place, 0n);
      root(PML4);
      const kept = places.map((place) => exceptionOr(cpu, place, "read", KERNEL));
      expect(kept).to.deep.equal(PGE ? [0x20_1000n, 0x20_2000n, 0x40_0000n, 0n, "#PF 0"] : places.map(() => "#PF 0"));
      for (const place of places) cpu.invalidatePages(3, Number(place >> 12n) + (place >= 0x20_0000n ? 5 : 0), 1);
      expect(places.map((place) => exceptionOr(cpu, place, "read", KERNEL))).to.deep.equal(places.map(() => "#PF 0"));
    }
  });

  it("a global page of the kernel's is seen in every space, and its end too", () => {
    for (const PGE of [false, true]) {
      const machine = buildMachine(amd64, { switches: { PGE } });
      const kernel = machine.spaces.kernel.context;
      const page = 0xf_fff8_0000_0100;
      machine.switchTo(machine.spaces.create());
      machine.parts.tables.insert(kernel, page, 0x100, WRITE | EXECUTE | 16 | 32);
      expect(machine.cpu(0).translate(page, READ, KERNEL)).to.equal(0x100);
      machine.parts.tables.remove(kernel, page, new StaleTranslations());
      machine.switchTo(machine.spaces.create());
      expect(machine.cpu(0).translate(page, READ, KERNEL)).to.equal(PGE ? 0x100 : -1);
      machine.cpu(0).invalidatePages(3, page, 1);
      expect(machine.cpu(0).translate(page, READ, KERNEL)).to.equal(-1);
    }
  });

  it("are each processor's own, and only those that it has", () => {
    expect(Object.keys(amd64With({ processor: "opteron" }).switches)).to.deep.equal(["WP", "PGE", "NXE"]);
    expect(Object.keys(amd64With({ processor: "haswell" }).switches)).to.deep.equal(["WP", "PGE", "NXE", "SMEP"]);
    expect(Object.keys(amd64.switches)).to.deep.equal(["WP", "PGE", "NXE", "SMEP", "SMAP", "AC"]);
    expect(() => bare(amd64With({ processor: "opteron" })).cpu.setSwitch("SMEP", true))
      .to.throw()
      .with.property("code", "ERR_BAD_ARGUMENT");
    const machine = buildMachine(amd64, { cpus: 2 });
    machine.cpu(1).setSwitch("NXE", false);
    expect(machine.cpu(0).switches["NXE"]).to.equal(true);
  });
});

describe("large pages", () => {
  it("are read where the processor has them, and bit 7 is reserved where it has not", () => {
    for (const gigabytePages of [true, false]) {
      const { ask, write } = mapped([], amd64With({ gigabytePages }));
      write(PD + 8, 0x60_0087n);
      write(PDPT + 8, 0x87n);
      expect(ask(0x20_0000n + 0x1_2345n, "write", USER)).to.equal(0x61_2345n);
      expect(ask(0x4012_3456n, "read", USER)).to.equal(gigabytePages ? 0x12_3456n : "#PF 13");
      write(PML4 + 8, BigInt(PDPT) | 0x87n);
      expect(ask(1n << 39n, "read", USER), "there are no pages of 512 GiB").to.equal("#PF 13");
    }
  });

  it("must begin at a multiple of their size: lower bits of the address are reserved, but PAT", () => {
    for (const [place, linear, low, high] of [
      [PD + 8, 0x20_0000n, 13, 20],
      [PDPT + 8, 0x4000_0000n, 13, 29],
    ] as const) {
      const { ask, write } = mapped([]);
      for (let bit = 12; bit <= high; bit += 1) {
        write(place, 0x87n | (1n << BigInt(bit)));
        expect(ask(linear, "write", USER), `bit ${bit}`).to.equal(bit < low ? 0n : "#PF 15");
      }
    }
  });

  it("take one entry of the TLB where it has entries of that size, and several where not", () => {
    for (const [processor, misses] of [
      ["zen", 1],
      ["opteron", 1],
      ["qemu", 3],
    ] as const) {
      const { cpu, write } = mapped([], amd64With({ processor }));
      write(PD + 8, 0x60_0087n);
      for (const page of [0x200, 0x300, 0x3ff]) expect(cpu.translate(page, READ, USER)).to.equal(0x400 + page);
      expect(cpu.statistics.tlbMisses, processor).to.equal(misses);
      cpu.invalidatePages(3, 0x3ff, 1);
      expect(cpu.translate(0x3ff, READ, USER)).to.equal(0x7ff);
      expect(cpu.statistics.tlbMisses).to.equal(misses + 1);
    }
  });
});
