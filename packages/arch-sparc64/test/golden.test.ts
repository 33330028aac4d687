/** Words worked out by hand from the manual. Addresses and contexts of the example: a 16 KiB page at 0x408000, ASID 5. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  EXECUTE,
  FormatCodec,
  image,
  PAGE_CACHEABLE,
  PAGE_USER,
  READ,
  WRITE,
  type Machine,
  USER,
  PAGE_GLOBAL,
} from "@portolan/core";
import {
  dataTte,
  demapContext,
  demapPage,
  instructionTte,
  sparc64,
  tagAccess,
  tagTarget,
  TsbPair,
  tsbPointer,
  tsbRegister,
} from "#src/index.js";

const ADDRESS = 0x40a000n;
const CONTEXT = 5;
const PHYSICAL = 0x1234a000;
const RW_USER = READ | WRITE | PAGE_USER | PAGE_CACHEABLE;
const I_TSB = { base: 0xa00000n, size: 2 };
const D_TSB = { base: 0xa08000n, size: 2 };

const word = (codec: FormatCodec, address: number, flags: number): bigint =>
  (BigInt(codec.encodeHigh(address, flags)) << 32n) | BigInt(codec.encodeLow(address, flags));

describe("sparc64: the words of the manual", () => {
  it("TSB registers hold the base and the size", () => {
    expect(tsbRegister(I_TSB)).to.equal(0xa00002n);
    expect(tsbRegister(D_TSB)).to.equal(0xa08002n);
    expect(tsbRegister({ ...D_TSB, split: true })).to.equal(0xa09002n);
  });

  it("Tag Access and Tag Target show the page and the context", () => {
    expect(tagAccess(ADDRESS, CONTEXT)).to.equal(0x40a005n);
    expect(tagTarget(ADDRESS, CONTEXT)).to.equal(0x0005_0000_0000_0001n);
    expect(tagTarget(0xffff_ffff_ffff_c000n, CONTEXT)).to.equal(0x0005_03ff_ffff_ffffn);
  });

  it("the pointer registers compute a slot's address", () => {
    expect(tsbPointer(D_TSB, ADDRESS, 13)).to.equal(0xa0a050n);
    expect(tsbPointer(I_TSB, ADDRESS, 13)).to.equal(0xa02050n);
    expect(tsbPointer({ base: 0n, size: 2 }, 0xffff_ffff_ffff_c000n, 13)).to.equal(0x7fe0n);
    expect(tsbPointer({ base: 0x100000n, size: 0 }, 0x123456789n, 16)).to.equal(0x100000n | (((0x123456789n >> 16n) & 0x1ffn) << 4n));
    expect(tsbPointer({ base: 0x100000n, size: 1, split: true }, ADDRESS, 16)).to.equal(0x104000n | (0x40n << 4n));
    expect(tsbPointer({ base: 0x101000n, size: 3 }, 0n, 13), "low bits of an unaligned base drop out").to.equal(0x100000n);
  });

  it("TTE data: clean, written, with and without CV", () => {
    const plain = new FormatCodec(dataTte(false), {});
    const virtual = new FormatCodec(dataTte(true), {});
    expect(word(plain, PHYSICAL, RW_USER & ~WRITE)).to.equal(0x8000_0000_1234_a020n);
    expect(word(virtual, PHYSICAL, RW_USER & ~WRITE)).to.equal(0x8000_0000_1234_a030n);
    expect(word(plain, PHYSICAL, RW_USER)).to.equal(0x8000_0000_1234_a022n);
    expect(word(virtual, PHYSICAL, RW_USER)).to.equal(0x8000_0000_1234_a032n);
    expect(word(plain, 0, READ | WRITE | PAGE_CACHEABLE), "the kernel's template").to.equal(0x8000_0000_0000_0026n);
    expect(word(virtual, 0, READ | WRITE | PAGE_CACHEABLE)).to.equal(0x8000_0000_0000_0036n);
    expect(word(new FormatCodec(instructionTte, {}), PHYSICAL, RW_USER | EXECUTE), "neither CV nor W for fetches").to.equal(
      0x8000_0000_1234_a020n,
    );
  });

  it("demap addresses name the page or nothing, and a context register", () => {
    expect([demapPage(ADDRESS, "primary"), demapPage(ADDRESS, "secondary"), demapPage(ADDRESS, "nucleus")]).to.deep.equal([
      0x40a000n,
      0x40a010n,
      0x40a020n,
    ]);
    expect([demapContext("primary"), demapContext("secondary"), demapContext("nucleus")]).to.deep.equal([0x40n, 0x50n, 0x60n]);
  });
});

/** A machine whose fourth user space gets context 5, with a page at 0x408000. */
const example = (switches: Record<string, boolean> = {}): { machine: Machine; pair: TsbPair } => {
  const machine = buildMachine(sparc64, { memoryBytes: 8 * 2 ** 20, switches });
  for (let i = 0; i < 3; i += 1) machine.switchTo(machine.spaces.create());
  const space = machine.spaces.create();
  machine.switchTo(space);
  expect(space.context.asid).to.equal(CONTEXT);
  space.createArea({ base: 0x408000, size: 0x4000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
  return { machine, pair: space.context.cache as TsbPair };
};

const slotBytes = (machine: Machine, address: number): string => {
  const bytes = new Uint8Array(16);
  machine.parts.memory.readBytes(address, bytes);
  return Buffer.from(bytes).toString("hex");
};

describe("sparc64: the TSB in memory", () => {
  const hex = (value: number): string => value.toString(16).padStart(8, "0");

  it("a load fills the slot of its own half, without the right to write; the first store adds it", () => {
    const { machine, pair } = example();
    const { data } = pair;
    expect(data.base % 0x8000, "aligned to its size").to.equal(0);
    expect(machine.read32(ADDRESS)).to.equal(0);
    const space = machine.installed();
    if (space === null) throw new Error("a space is installed");
    expect(machine.parts.tables.find(space.context, 0x408000 / 0x4000)).to.equal(true);
    const frame = machine.parts.tables.found.frame * 0x4000;
    expect(data.slotOf(0x40a000 / 0x2000)).to.equal(0x205);
    expect(data.addressOf(0x205) - data.base).to.equal(0x2050);
    expect(slotBytes(machine, data.addressOf(0x205))).to.equal(`000500000000000180000000${hex(frame + 0x2000 + 0x20)}`);
    expect(data.isMarked(0x204), "the lower half is filled by its own miss").to.equal(true);
    expect(pair.instruction.isMarked(0x205)).to.equal(true);
    machine.write32(ADDRESS, 7);
    expect(slotBytes(machine, data.addressOf(0x205))).to.equal(`000500000000000180000000${hex(frame + 0x2000 + 0x22)}`);
    machine.read32(0x408000);
    expect(slotBytes(machine, data.addressOf(0x204))).to.equal(`000500000000000180000000${hex(frame + 0x20)}`);
  });

  it("with CV cacheable pages say so", () => {
    const { machine, pair } = example({ CV: true });
    machine.read32(ADDRESS);
    expect(pair.data.dataLow(0x205) & 0x3f).to.equal(0x30);
  });

  it("invalidation marks the slots of both halves in both buffers and leaves the rest of the tag", () => {
    const { machine, pair } = example();
    machine.read32(ADDRESS);
    machine.read32(0x408000);
    pair.invalidate(0x408000 / 0x4000, 1);
    expect(slotBytes(machine, pair.data.addressOf(0x205)).slice(0, 16)).to.equal("8005000000000001");
    expect(slotBytes(machine, pair.data.addressOf(0x204)).slice(0, 16)).to.equal("8005000000000001");
    expect(pair.data.isMarked(0x206)).to.equal(true);
  });

  it("marks at most all slots, round the end of the buffer", () => {
    const { pair } = example();
    for (const tsb of [pair.data, pair.instruction]) for (let slot = 0; slot < tsb.entries; slot += 1) tsb.write(slot, 1, 0, 2, 0x80000000);
    pair.invalidate(1023, 2);
    const marked = Array.from({ length: 2048 }, (_, slot) => slot).filter((slot) => pair.data.isMarked(slot));
    expect(marked).to.have.length(4);
    pair.invalidate(5, 1025);
    expect(Array.from({ length: 2048 }, (_, slot) => slot).every((slot) => pair.instruction.isMarked(slot))).to.equal(true);
  });

  it("a locked 64 KiB entry shows the buffers to the kernel while the space is installed", () => {
    const { machine, pair } = example();
    const { dataTlb } = machine.cpu(0);
    const entry = dataTlb.probe(pair.kernelAddress / 0x2000 + 3, 0);
    expect(dataTlb.isLocked(entry)).to.equal(true);
    expect(dataTlb.span(entry)).to.equal(8);
    expect(dataTlb.frame(entry) * 0x2000).to.equal(pair.instruction.base);
    machine.switchToKernel();
    expect(dataTlb.probe(pair.kernelAddress / 0x2000 + 3, 0)).to.equal(-1);
  });

  it("a global translation is global in the TLB and never in the buffers, whose tags name a context", () => {
    const { machine, pair } = example();
    const space = machine.installed();
    if (space === null) throw new Error("a space is installed");
    machine.parts.tables.insert(space.context, 0x800000 / 0x4000, 9, READ | PAGE_USER | PAGE_GLOBAL);
    const cpu = machine.cpu(0);
    expect(cpu.translate(0x800000 / 0x2000, READ, USER)).to.equal(18);
    expect(cpu.dataTlb.isGlobal(cpu.dataTlb.probe(0x800000 / 0x2000, space.context.asid))).to.equal(true);
    expect(pair.data.isMarked(pair.data.slotOf(0x800000 / 0x2000))).to.equal(false);
    expect(pair.data.dataLow(pair.data.slotOf(0x800000 / 0x2000)) & 1).to.equal(0);
  });

  it("fetches go through the instruction buffer, and only where the area may be executed", () => {
    const { machine, pair } = example();
    const space = machine.installed();
    if (space === null) throw new Error("a space is installed");
    const code = Uint8Array.from({ length: 0x4000 }, (_, i) => i);
    const file = machine.loadImage(code);
    const flags = AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;
    space.createArea({
      base: 0x100000,
      size: 0x4000,
      flags,
      backend: image(file, { lead: 0, fileOffset: 0, fileSize: 0x4000, memorySize: 0x4000, writable: false }),
    });
    expect(machine.fetch32(0x100004)).to.equal(0x04050607);
    expect(pair.instruction.isMarked(pair.instruction.slotOf(0x100000 / 0x2000))).to.equal(false);
    expect(machine.read32(ADDRESS), "in, and in the data buffers").to.be.at.least(0);
    expect(machine.fetch32(ADDRESS)).to.equal(-1);
    expect(pair.instruction.isMarked(pair.instruction.slotOf(Number(ADDRESS) / 0x2000))).to.equal(true);
    expect(machine.outcome).to.include({ trap: "fast_instruction_access_MMU_miss (0x64)", rule: "the area forbids this access" });
  });
});
