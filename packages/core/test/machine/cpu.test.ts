import { expect } from "chai";
import { initialSwitches, type Architecture } from "#src/architecture/architecture.js";
import { ABSENT, BAD_ADDRESS, BUS, PROTECTION } from "#src/architecture/faults.js";
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access } from "#src/architecture/rights.js";
import type { Replacement } from "#src/architecture/tlb-organisation.js";
import { REFUSED } from "#src/machine/cpu-fault.js";
import { Cpu } from "#src/machine/cpu.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { Random } from "#src/random.js";
import { ALL_FRONTS } from "#src/tlb/lookaside.js";
import { ENTRY_LOCKED } from "#src/tlb/tlb.js";

const SIZE = 4096;
const machine = (byteOrder: "little" | "big" = "little", replacement: Replacement = "used-bit"): Architecture => ({
  contract: 1,
  name: "test",
  title: "test",
  manuals: [],
  wordBits: 64,
  byteOrder,
  virtualBits: 48,
  virtualRule: "sign-extended",
  physicalBits: 40,
  pageShift: 13,
  hardwarePageShift: 12,
  translation: { kind: "hashed" },
  tlb: {
    refill: "software",
    data: { entries: 8, ways: "full", replacement, pageShifts: [12, 15], wired: 0, lockable: true, paired: false },
    invalidation: {
      all: { sparesGlobal: false, sparesLocked: false },
      asid: { by: "context", sparesGlobal: true, sparesLocked: false },
      page: { dropsGlobal: true, anyAsid: false },
      rootLoadInvalidates: false,
    },
    honoursGlobal: { switch: "PGE" },
    manual: "",
  },
  asids: { bits: 8, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 255 },
  layout: { user: { first: 0n, last: 0xffffn }, kernel: { first: 0n, last: 0xffffn }, userStack: 0n, kernelAddressSpaceShadowed: true },
  can: { forbidRead: true, forbidExecute: true, global: true, recordAccess: "no", recordWrite: "no", kernelObeysWrite: true },
  faults: {
    told: (_reason, access) => access,
    report: () => ({ trap: "trap", code: 0 }),
    decode: () => ({ accesses: 0, privilege: "unknown", absent: false }),
    guessesAccess: false,
    manual: "",
  },
  switches: { PGE: { initially: true, says: "" } },
});

const build = (byteOrder: "little" | "big" = "little", replacement: Replacement = "used-bit"): Cpu => {
  const memory = new PhysicalMemory({ bytes: 64 * SIZE, base: 0, physicalBits: 40, byteOrder, frameShift: 13 });
  const cpu = new Cpu({ id: 0, architecture: machine(byteOrder, replacement), memory, kernelContext: new TranslationContext(0, true, 0) });
  cpu.install(new TranslationContext(1, false, 2));
  return cpu;
};

describe("Cpu", () => {
  it("tells a word of ones from an access that was refused, on every road", () => {
    const cpu = build("little");
    cpu.dataTlb.enter(5, 1, 9, 2, 0o70);
    for (let round = 0; round < 2; round += 1) {
      expect(cpu.load32(77, 8, USER)).to.equal(REFUSED);
      expect(cpu.fault).to.include({ isPending: true, page: 77 });
      cpu.store32(5, 8, 0xffffffff, USER);
      cpu.fault.isPending = false;
      expect([cpu.load32(5, 8, USER), cpu.fault.isPending]).to.deep.equal([REFUSED, false]);
      expect([cpu.fetch32(77, 0, USER), cpu.fault.isPending]).to.deep.equal([REFUSED, true]);
      expect([cpu.load8(77, 0, USER), cpu.load16(77, 2, USER)]).to.deep.equal([-1, -1]);
    }
  });

  it("loads and stores in the machine's byte order, on the first access and on later ones", () => {
    for (const order of ["little", "big"] as const) {
      const cpu = build(order);
      cpu.dataTlb.enter(5, 1, 9, 2, 0o70);
      for (let round = 0; round < 2; round += 1) {
        expect(cpu.store32(5, 8, 0x89abcdef, USER)).to.equal(true);
        expect(cpu.load32(5, 8, USER)).to.equal(0x89abcdef);
        expect(cpu.fetch32(5, 8, USER)).to.equal(0x89abcdef);
        expect(cpu.load8(5, 8, USER)).to.equal(order === "big" ? 0x89 : 0xef);
        expect(cpu.load16(5, 10, USER)).to.equal(order === "big" ? 0xcdef : 0x89ab);
        expect(cpu.store16(5, 9, 0x1234, USER)).to.equal(true);
        expect(cpu.load32(5, 8, USER)).to.equal(0x891234ef);
        expect(cpu.memory.read32(9 * SIZE + 8)).to.equal(0x891234ef);
        expect(cpu.store8(5, 8, 0x55, USER)).to.equal(true);
        expect(cpu.memory.read8(9 * SIZE + 8)).to.equal(0x55);
      }
    }
  });

  it("writes nothing when the second page of a crossing store is refused", () => {
    const cpu = build();
    cpu.dataTlb.enter(5, 1, 9, 2, 0o70);
    cpu.dataTlb.enter(6, 1, 3, 2, 0o10);
    expect(cpu.store32(5, SIZE - 2, 0xffffffff, USER)).to.equal(false);
    expect(cpu.fault).to.deep.equal({ isPending: true, reason: PROTECTION, page: 6, offset: 0, access: WRITE, privilege: USER });
    expect(cpu.memory.read16(10 * SIZE - 2)).to.equal(0);
    cpu.dataTlb.drop(1);
    cpu.dataTlb.enter(6, 1, 3, 2, 0o30);
    expect(cpu.store32(5, SIZE - 2, 0x12345678, USER)).to.equal(true);
    expect([cpu.memory.read16(10 * SIZE - 2), cpu.memory.read16(3 * SIZE), cpu.load32(5, SIZE - 2, USER)]).to.deep.equal([
      0x5678, 0x1234, 0x12345678,
    ]);
  });

  it("says why: absent, forbidden, not an address, no memory there", () => {
    const cpu = build();
    cpu.dataTlb.enter(5, 1, 64, 2, 0o70);
    cpu.dataTlb.enter(6, 1, 3, 2, 0o17);
    const why = (page: number, access: Access): number => (cpu.translate(page, access, USER) < 0 ? cpu.fault.reason : 0);
    expect([why(4, READ), why(6, EXECUTE), why(6, READ), why(5, READ)]).to.deep.equal([ABSENT, PROTECTION, 0, BUS]);
    expect([2 ** 35, 2 ** 52 - 2 ** 35 - 1, 2 ** 52, -1].map((page) => why(page, READ))).to.deep.equal(Array(4).fill(BAD_ADDRESS));
    expect([2 ** 35 - 1, 2 ** 52 - 2 ** 35].map((page) => why(page, READ))).to.deep.equal([ABSENT, ABSENT]);
    expect(() => cpu.load32(6, SIZE, USER))
      .to.throw()
      .with.property("code", "ERR_BAD_ARGUMENT");
  });

  it("invalidates every hardware page of the machine's pages", () => {
    const cpu = build();
    for (const page of [9, 10, 11, 12]) cpu.dataTlb.enter(page, 1, page, 2, 0o70);
    for (const page of [9, 10, 11, 12]) expect(cpu.translate(page, READ, USER)).to.equal(page);
    cpu.invalidatePages(2, 5, 1);
    expect([9, 10, 11, 12].map((page) => cpu.translate(page, READ, USER))).to.deep.equal([9, -1, -1, 12]);
  });

  it("must not access memory while parked, even what the front knows", () => {
    const cpu = build();
    cpu.dataTlb.enter(5, 1, 9, 2, 0o70);
    expect(cpu.load32(5, 0, USER)).to.equal(0);
    cpu.tlbActive = false;
    expect(() => cpu.load32(5, 0, USER)).to.throw("waits in a shootdown");
    cpu.tlbActive = true;
    expect(cpu.load32(5, 0, USER)).to.equal(0);
  });

  it("never answers from a front what the TLB would not, and hits change no replacement state", () => {
    for (const replacement of ["used-bit", "lru", "fifo", "random"] as const) {
      const cpu = build("little", replacement);
      const { dataTlb } = cpu;
      const random = new Random(11);
      const contexts = [2, 3].map((asid) => new TranslationContext(asid, false, asid));
      for (let step = 0; step < 20_000; step += 1) {
        const page = random.below(24) + (random.below(4) === 0 ? 256 : 0);
        const asid = 2 + random.below(2);
        const what = random.below(40);
        if (what < 6) {
          const span = random.below(4) === 0 ? 8 : 1;
          dataTlb.enter(page, span, random.below(8) * 8, asid, random.below(64), random.below(6) === 0 ? 2 : 0);
        } else if (what === 6) dataTlb.drop(random.below(8));
        else if (what === 7) cpu.invalidatePages(asid, Math.floor(page / 2), 1 + random.below(12));
        else if (what === 8) cpu.invalidateAsid(asid);
        else if (what === 9) cpu.install(contexts[random.below(2)]);
        else if (what === 10 && random.below(8) === 0) cpu.setSwitch("PGE", random.below(2) === 0);
        else if (what === 11 && random.below(8) === 0) cpu.invalidateAll();
        else {
          const privilege = random.below(4) === 0 ? KERNEL : USER;
          const access = [READ, WRITE, EXECUTE][random.below(3)] as Access;
          const entry = dataTlb.probe(page, cpu.asidFor(privilege));
          const permitted = entry >= 0 && ((dataTlb.rights(entry) >>> (privilege * 3)) & access) !== 0;
          const frame = permitted ? dataTlb.frameOf(entry, page) : -1;
          expect(cpu.translate(page, access, privilege), `${replacement} step ${step}`).to.equal(frame >= 64 ? -1 : frame);
          if (entry >= 0 && replacement === "used-bit") expect(dataTlb.isUsed(entry)).to.equal(true);
        }
      }
    }
  });

  it("replaces as if every access had gone to the TLB itself", () => {
    for (const replacement of ["used-bit", "lru", "fifo"] as const) {
      const fast = build("little", replacement);
      const plain = build("little", replacement);
      const random = new Random(3);
      for (let step = 0; step < 5000; step += 1) {
        const page = random.below(14);
        plain.dataTlb.hide(ALL_FRONTS);
        const frame = fast.translate(page, READ, USER);
        expect(plain.translate(page, READ, USER)).to.equal(frame);
        if (frame >= 0) continue;
        const flags = page === 0 ? ENTRY_LOCKED : 0;
        expect(fast.dataTlb.enter(page, 1, page, 2, 0o70, flags), `${replacement} step ${step}`).to.equal(
          plain.dataTlb.enter(page, 1, page, 2, 0o70, flags),
        );
      }
    }
  });

  it("refuses a switch the machine has not, and knows the ones it has", () => {
    const cpu = build();
    expect(cpu.switches).to.deep.equal(initialSwitches(cpu.architecture));
    expect(() => cpu.setSwitch("WP", true))
      .to.throw()
      .with.property("code", "ERR_BAD_ARGUMENT");
  });
});
