/** What the port tells of its TLBs and buffers to those who look from outside, beside what the machine itself does with them. */
import { sparc64, tagTarget, TsbPair, tsbPointer } from "#src/index.js";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  EXECUTE,
  KERNEL,
  READ,
  USER,
  WRITE,
  type SoftwareTlb,
  type TlbRow,
} from "@portolan/core";
import { expect } from "chai";

const view = sparc64.tlb.software as SoftwareTlb;
const row = (kernel: number, user: number, unit: TlbRow["unit"] = "data"): TlbRow => ({
  unit,
  index: 0,
  virtual: 0n,
  bytes: 0x2000,
  physical: 0n,
  asid: 2,
  global: false,
  kernel,
  user,
});

describe("the TLBs of sparc64, seen from outside", () => {
  it("have buffers whose rows are the translations that the machine has entered", () => {
    const machine = buildMachine(sparc64, { memoryBytes: 128 * 0x4000 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    for (const [at, flags] of [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE].entries()) {
      const base = 0x40_0000 + at * 0x102_4000;
      space.createArea({ base, size: 0x1_0000, flags: flags | AREA_CACHEABLE, backend: anonymous });
      for (let page = 0; page < 4; page += 1) {
        const address = base + page * 0x4000;
        if (at === 1) machine.write8(address, 1);
        else if (at === 2) machine.fetch32(address);
        else machine.read8(address);
      }
    }
    const pair = space.context.cache;
    if (!(pair instanceof TsbPair)) throw new Error("a space has a pair");
    const expected = new Set<string>();
    pair.eachTranslation(
      (page, frame, asid, rights) => void expected.add([BigInt(page) << 13n, BigInt(frame) << 13n, asid, rights].join()),
    );
    const { memory } = machine.parts;
    const word = (at: number): bigint => (BigInt(memory.readHigh(at)) << 32n) | BigInt(memory.readLow(at));
    const found = new Set<string>();
    for (const buffer of view.buffers ?? []) {
      const value = pair.registers[buffer.register];
      const { base, slots } = buffer.parse(value);
      expect(slots).to.equal(2048);
      for (let slot = 0; slot < slots; slot += 1) {
        const at = Number(base) + memory.firstFrame * memory.frameSize + slot * 16;
        const one = buffer.rowOf(word(at), word(at + 8), slot);
        if (one === null) continue;
        found.add([one.virtual, one.physical, one.asid, one.kernel | (one.user << 3)].join());
        expect(buffer.pointer(value, one.virtual)).to.equal(base + BigInt(slot * 16));
        expect(buffer.tagOf(one.virtual, one.asid)).to.equal(word(at));
      }
    }
    expect([...found].toSorted()).to.deep.equal([...expected].toSorted());
    expect(found.size).to.equal(12);
  });

  it("compute slots and tags as the manual's registers do", () => {
    const [, data] = view.buffers ?? [];
    const value = 0x8_0000n | (1n << 12n) | 3n;
    expect(data.parse(value)).to.deep.equal({ base: 0x8_0000n, slots: 4096, isSplit: true });
    for (const address of [0n, 0x1234_5678n, 0xffff_ffff_ffff_e000n]) {
      expect(data.pointer(value, address)).to.equal(tsbPointer({ base: 0x8_0000n, size: 3, split: true }, address, 13));
      expect(data.tagOf(address, 77)).to.equal(tagTarget(address, 77));
    }
    expect(data.rowOf(1n << 63n, 1n << 63n, 0), "a marked slot").to.equal(null);
    expect(data.rowOf(0n, 0n, 0), "V is clear").to.equal(null);
    const large = data.rowOf(0n, (1n << 63n) | (3n << 61n) | 0x1ff_ffff_e000n, 511);
    // V, NFO clear, CP and CV set, P clear, W and G set.
    const shared = data.rowOf((5n << 48n) | 0x123n, (1n << 63n) | 0x6000n | 0x33n, 9);
    expect(shared, "shared by all, cacheable").to.deep.include({
      asid: 5,
      global: true,
      uncached: false,
      index: 9,
      virtual: (0x123n << 22n) | 0x1_2000n,
    });
    expect(shared?.words).to.deep.equal({ TAG: (5n << 48n) | 0x123n, DATA: (1n << 63n) | 0x6033n });
    expect(data.rowOf(0n, (1n << 63n) | 0x6000n | 0x12n, 9), "of one context, CP clear").to.deep.include({ global: false, uncached: true });
    expect([large?.bytes, large?.virtual, large?.physical], "4 MiB").to.deep.equal([0x40_0000, 0n, 0x1ff_ffc0_0000n]);
  });

  it("raise what the machine raises, and ask where its handlers ask", () => {
    const raised = (kernel: number, user: number, access: 1 | 2 | 4, privilege: 0 | 1): unknown => {
      const { trap, field, asks } = view.refusal(row(kernel, user, access === EXECUTE ? "instruction" : "data"), access, privilege);
      return [trap.replace(/ \(.*/, ""), field?.name, asks];
    };
    expect(raised(READ, READ, WRITE, USER)).to.deep.equal(["fast_data_access_protection", "W", "tables"]);
    expect(raised(READ, 0, READ, USER)).to.deep.equal(["data_access_exception", "P", "nothing"]);
    expect(raised(READ, 0, WRITE, USER)).to.deep.equal(["data_access_exception", "P", "nothing"]);
    expect(raised(0, 0, READ, KERNEL)).to.deep.equal(["data_access_exception", "NFO", "nothing"]);
    expect(raised(EXECUTE, 0, EXECUTE, USER)).to.deep.equal(["instruction_access_exception", "P", "nothing"]);
    expect([view.miss(READ).asks, view.miss(EXECUTE).trap]).to.deep.equal(["all", "fast_instruction_access_MMU_miss (0x64)"]);
  });

  it("show the kernel memory from its first byte on, but not page 0, and not for fetches", () => {
    const ram = { first: 0x4000_0000, bytes: 0x10_0000 };
    const given = (address: bigint, access: 1 | 2 | 4 = READ): bigint | null | undefined => view.fixedFor?.(address, access, ram);
    expect([given(0x2000n), given(0xf_ffffn, WRITE)]).to.deep.equal([0x4000_2000n, 0x400f_ffffn]);
    expect([given(0x1fffn), given(0x10_0000n), given(0x2000n, EXECUTE)]).to.deep.equal([null, null, null]);
  });

  it("have the context of the primary register, and words for the tag and the entry", () => {
    expect(view.asidOf({ PRIMARY_CONTEXT: 0xffff_f005n })).to.equal(0x1005n);
    expect(view.asidOf({})).to.equal(undefined);
    expect(view.words(row(1, 1), 0n).map(({ name, bits }) => [name, bits])).to.deep.equal([
      ["TAG", 64],
      ["DATA", 64],
    ]);
    const [tag] = view.words(row(1, 1), 0n);
    expect(tag?.fields.map(({ name, bits }) => [name, bits])).to.deep.equal([
      ["VA", [63, 13]],
      ["context", [12, 0]],
    ]);
    expect(view.matchesInvalid, "without V nothing matches").to.equal(false);
    expect(view.entryOf(row(4, 4, "instruction")).name).to.equal("TTE data (I)");
  });
});
