/**
 * Tables that nobody would write: the hart's walk, the explanation and the manual's ten steps agree on every access, on what
 * is marked in the tables, and on what a warm TLB goes on saying.
 */
import { expect } from "chai";
import { Random, TranslationContext } from "@portolan/core";
import { riscv64With, type Riscv64Options } from "#src/index.js";
import { ACCESSES, bare, causeOr, CODES, PRIVILEGES, RAM, setSwitches, SETTINGS } from "./bare.js";
import { translate, type Hart } from "./manual.js";

const LEVELS = { sv39: 3, sv48: 4, sv57: 5 } as const;
const MACHINES: readonly (readonly [string, Riscv64Options])[] = [
  ["Sv39", {}],
  ["Sv39 of a U74, marked by fault", { processor: "u74" }],
  ["Sv39 with Svnapot and Svpbmt", { svnapot: true, svpbmt: true }],
  ["Sv48 in small pieces", { mode: "sv48", processor: "qemu", svnapot: true }],
  ["Sv57, marked by fault", { mode: "sv57", marks: "fault" }],
];
const MEGABYTES = 4;
const ROOT = RAM + 0x10_0000;
/** Frames that entries point to, tables and pages alike: so few that trees run into themselves. */
const FRAMES = Array.from({ length: 6 }, (_, i) => RAM + 0x20_0000 + i * 0x1000);
const INDICES = [0, 1, 2, 8, 255, 256, 511];

const any = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)];

const hostileWord = (random: Random, levels: number): bigint => {
  const choice = random.below(24);
  if (choice === 0) return (BigInt(random.word()) << 32n) | BigInt(random.word());
  if (choice === 1) return 0n;
  let word = (BigInt(any(random, FRAMES)) >> 2n) | 1n;
  // Pointers, more of them where trees are deeper; the others leaves of all kinds, some where a superpage may begin.
  if (random.below(levels - 1) === 0) {
    word |= BigInt(random.below(128) * 2);
    if (random.below(3) === 0) word = (word & 0xffn) | (BigInt(RAM + random.below(2) * 0x20_0000) >> 2n);
    if (random.below(8) === 0) word = (word & 0xffn) | (BigInt(any(random, [0, 1, 2])) << 28n);
    if (random.below(4) === 0) word = (word & ~0x3c00n) | (1n << 63n) | 0x2000n;
    if (random.below(6) === 0) word |= BigInt(random.below(4)) << 61n;
  } else if (random.below(8) === 0) word |= BigInt(random.below(8)) << 5n;
  if (random.below(4) === 0) word |= BigInt(random.below(4)) << 8n;
  if (random.below(16) === 0) word ^= 1n << BigInt(10 + random.below(54));
  if (random.below(20) === 0) word &= ~1n;
  return word;
};

const hostileAddress = (random: Random, levels: number): bigint => {
  let index = 0n;
  for (let level = 0; level < levels; level += 1) index = (index << 9n) | BigInt(any(random, INDICES));
  const address = (index << 12n) | BigInt(random.below(4096));
  const bits = 12 + 9 * levels;
  if (random.below(20) === 0) return address | (BigInt(random.below(2 ** (64 - bits > 30 ? 30 : 64 - bits))) << BigInt(bits));
  return BigInt.asUintN(64, BigInt.asIntN(bits, address));
};

describe("riscv64: walks over hostile tables", () => {
  for (const [title, options] of MACHINES) {
    for (const seed of [1, 2]) {
      it(`agree with the explanation and with the manual: ${title}, seed ${seed}`, () => {
        const random = new Random(seed);
        const architecture = riscv64With(options);
        const { machine, cpu, read, write } = bare(architecture, { memoryBytes: MEGABYTES * 2 ** 20, seed });
        const context = new TranslationContext(-1, false, 7);
        context.root = ROOT;
        cpu.install(context);
        const fixed = {
          levels: LEVELS[options.mode ?? "sv39"],
          marks: architecture.can.recordAccess === "fault" ? "fault" : "hardware",
          svnapot: options.svnapot ?? false,
          svpbmt: options.svpbmt ?? false,
        } as const;
        const seen = new Map<string, number>();
        const places = [ROOT, ...FRAMES].flatMap((table) => INDICES.map((index) => BigInt(table + index * 8)));
        const words = (): (bigint | null)[] => places.map(read);
        for (let round = 0; round < 60 * fixed.levels; round += 1) {
          for (const place of places) write(place, hostileWord(random, fixed.levels));
          const setting = any(random, SETTINGS);
          setSwitches(cpu, setting);
          const hart: Hart = { ...fixed, sum: setting.SUM, mxr: setting.MXR };
          for (let i = 0; i < 40; i += 1) {
            const address = hostileAddress(random, fixed.levels);
            const access = any(random, ACCESSES);
            const privilege = any(random, PRIVILEGES);
            const what = `${access} of 0x${address.toString(16)} by ${privilege}, ${JSON.stringify(hart)}`;
            const expected = translate(read, BigInt(ROOT), address, access, privilege === 1, hart);
            const before = words();
            const walk = machine.parts.tables.walk(context, address, CODES[access], privilege, cpu.switches);
            const explained = walk.physical ?? `scause ${architecture.faults.report(walk.reason, CODES[access], privilege).code}`;
            expect(explained, `explained: ${what}`).to.equal(expected.is);
            expect(words(), "explaining changes nothing").to.deep.equal(before);

            cpu.invalidateAll();
            const is = causeOr(cpu, address, access, privilege);
            expect(is, what).to.equal(expected.is);
            const marked = places.map((place, at) => (expected.write?.address === place ? expected.write.value : before[at]));
            expect(words(), `${what}: marks`).to.deep.equal(marked);
            if (typeof is === "bigint") expect(causeOr(cpu, address, access, privilege), "from the TLB").to.equal(is);
            const kind = typeof is === "bigint" ? "success" : is;
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
        }
        for (const kind of ["success", ...[1, 5, 7, 12, 13, 15].map((code) => `scause ${code}`)])
          expect(seen.get(kind) ?? 0, kind).to.be.greaterThan(10);
      });
    }
  }

  it("a TLB that is told of every change says what the tables say", () => {
    for (const [, options] of MACHINES.slice(0, 2)) {
      const random = new Random(9);
      const architecture = riscv64With(options);
      const { cpu, read, write, root } = bare(architecture, { memoryBytes: MEGABYTES * 2 ** 20 });
      const [middle, last] = FRAMES;
      const marks = architecture.can.recordAccess === "fault" ? "fault" : "hardware";
      const hart: Hart = { levels: 3, marks, svnapot: false, svpbmt: false, sum: true, mxr: false };
      root(ROOT);
      write(ROOT, (BigInt(middle) >> 2n) | 1n);
      write(middle, (BigInt(last) >> 2n) | 1n);
      for (let step = 0; step < 4000; step += 1) {
        const index = random.below(8);
        const address = BigInt(index) << 12n;
        if (random.below(3) === 0) {
          write(last + index * 8, hostileWord(random, 3) | 0xcfn);
          cpu.invalidatePages(7, index, 1);
        }
        const access = any(random, ACCESSES);
        const privilege = any(random, PRIVILEGES);
        const expected = translate(read, BigInt(ROOT), address, access, privilege === 1, hart);
        expect(causeOr(cpu, address, access, privilege)).to.equal(expected.is);
        if (expected.write !== null) expect(read(expected.write.address)).to.equal(expected.write.value);
      }
      expect(cpu.statistics.tlbMisses).to.be.lessThan(3900);
    }
  });
});
