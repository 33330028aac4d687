/** Random hostile tables: the hardware walk, its TLB, the explanation and the manual, told four times, agree. */
import { expect } from "chai";
import fc from "fast-check";
import { EXECUTE, FAULT_REASONS, KERNEL, NO_FAULT, READ, USER, WRITE, type Access, type Privilege, type TlbGeometry } from "@portolan/core";
import { arm, dacrOf, PROCESSORS, writeDacr, type ArmOptions } from "#src/index.js";
import { laid, ROOT } from "./fixture.js";
import { manualWalk, type Registers } from "./manual-walk.js";

const RAM = 0x0200_0000;
/** Second-level tables: packed four to a page. */
const TABLES = [0xc000, 0xc400, 0xc800, 0xcc00];
const BEYOND = 0xf000_0000;

/** Entries of 4 KiB only: everything larger is entered in pieces. */
const SMALL_ONLY: TlbGeometry = {
  entries: 8,
  ways: "full",
  replacement: "fifo",
  pageShifts: [12],
  wired: 0,
  lockable: false,
  paired: false,
};

const MACHINES: readonly (readonly [title: string, ArmOptions])[] = [
  ["ARMv5", {}],
  ["ARMv5, big-endian, entered in pieces", { byteOrder: "big", data: SMALL_ONLY }],
  ["XScale", { processor: "xscale" }],
  ["ARM1136", { processor: "arm1136jfs" }],
  ["ARM1176 in its old way", { processor: "arm1176jzfs", format: "v5" }],
  ["Cortex-A9", { processor: "cortexa9" }],
  ["Cortex-A8 with the access flag, entered in pieces", { processor: "cortexa8", accessFlag: true, data: SMALL_ONLY, instruction: null }],
  ["Cortex-A9 with TTBR1 from 2 GiB on", { processor: "cortexa9", ttbcrN: 1 }],
  ["ARM1176 with TTBR1 from 32 MiB on", { processor: "arm1176jzfs", ttbcrN: 7 }],
];

/** First-level slots that are written and visited: 16 that may be a supersection, and some elsewhere. */
const SLOTS = [0x000, 0x001, 0x010, 0x011, 0x01f, 0x020, 0x401, 0x7ff, 0x800, 0x880, 0xfff];
const PAGES = [0, 1, 5, 15, 16, 0x23, 255];

const frames = fc.constantFrom(0x0010_0000, 0x0123_4000, 0x0100_0000, 0x01ff_f000, 0x0001_0000, 0x0200_0000, BEYOND);
const firstWord = fc.oneof(
  fc.tuple(fc.constantFrom(...TABLES, BEYOND), fc.nat({ max: 0x3ff })).map(([table, flags]) => table | (flags & ~3) | 1),
  fc.tuple(frames, fc.nat({ max: 2 ** 20 - 1 })).map(([frame, flags]) => (frame & ~0xf_ffff) | (flags & ~3) | 2),
  fc.nat({ max: 0xffff_ffff }),
);
const secondWord = fc.oneof(
  fc.tuple(frames, fc.nat({ max: 0xfff })).map(([frame, flags]) => frame | (flags & ~2) | 2),
  fc.tuple(frames, fc.nat({ max: 0xffff })).map(([frame, flags]) => (frame & ~0xffff) | (flags & ~3) | 1),
  fc.nat({ max: 0xffff_ffff }),
);
/** Two bits a domain: mostly clients. */
const dacr = fc.array(fc.constantFrom(1, 1, 1, 0, 2, 3), { minLength: 16, maxLength: 16 }).map((bits) => {
  let value = 0;
  bits.forEach((standing, domain) => (value += standing * 4 ** domain));
  return value;
});
const access = fc.record({
  slot: fc.nat({ max: SLOTS.length - 1 }),
  page: fc.constantFrom(...PAGES),
  quarter: fc.nat({ max: 3 }),
  access: fc.constantFrom<Access>(READ, WRITE, EXECUTE),
  privilege: fc.constantFrom<Privilege>(KERNEL, USER),
  dacr: fc.option(dacr, { freq: 8 }),
});

/**
 * Tables whose larger pages are repeated as they must be: otherwise a TLB tells by chance which of the entries it has read,
 * and the manual calls the outcome unpredictable. `numbers` are the entries' in ascending order.
 */
const repeated = (words: readonly number[], numbers: readonly number[], isLarger: (word: number) => boolean): number[] => {
  const made: number[] = [];
  words.forEach((word, i) => {
    const beginning = numbers.findIndex((number) => Math.floor(number / 16) === Math.floor(numbers[i] / 16));
    const first = made[beginning] ?? word;
    made.push(isLarger(first) ? first : isLarger(word) && i !== beginning ? 0 : word);
  });
  return made;
};
const isLargePage = (word: number): boolean => (word & 3) === 1;
const isSupersection = (word: number): boolean => (word & 3) === 2 && ((word >>> 18) & 1) === 1;

describe("hostile tables", () => {
  for (const [title, options] of MACHINES) {
    it(`are walked, cached, explained and read from the manual alike: ${title}`, () => {
      const architecture = arm(options);
      const { machine, cpu, context, put } = laid(architecture, { memoryBytes: RAM });
      const { memory, tables } = machine.parts;
      const processor = options.processor === undefined ? PROCESSORS.arm926ejs : PROCESSORS[options.processor];
      const hasSystemBits = "S" in architecture.switches;
      for (let marker = 0x1_0000; marker < RAM; marker += 0x400) memory.write32(marker, marker);
      const read = (address: number): number => (memory.isBacked(address) ? memory.read32(address) : -1);
      const ttbr1 = machine.spaces.kernel.context.root;
      const scene = fc.record({
        first: fc.array(firstWord, { minLength: SLOTS.length, maxLength: SLOTS.length }),
        second: fc.array(secondWord, { minLength: TABLES.length * PAGES.length, maxLength: TABLES.length * PAGES.length }),
        isCold: fc.boolean(),
        S: fc.boolean(),
        R: fc.boolean(),
        start: dacr,
        accesses: fc.array(access, { minLength: 20, maxLength: 40 }),
      });
      const met = new Map<string, number>();
      fc.assert(
        fc.property(scene, ({ first: anyFirst, second, isCold, S, R, start, accesses }) => {
          const format = options.format ?? processor.format;
          const first = isCold || (format === "v5" && !processor.supersections) ? anyFirst : repeated(anyFirst, SLOTS, isSupersection);
          SLOTS.forEach((slot, i) => {
            const isUpper = (options.ttbcrN ?? 0) > 0 && slot >= 2 ** (12 - (options.ttbcrN ?? 0));
            put((isUpper ? ttbr1 : ROOT) + slot * 4, first[i]);
          });
          TABLES.forEach((table, i) => {
            const any = second.slice(i * PAGES.length, (i + 1) * PAGES.length);
            const words = isCold ? any : repeated(any, PAGES, isLargePage);
            PAGES.forEach((page, j) => put(table + page * 4, words[j]));
          });
          cpu.invalidateAll();
          if (hasSystemBits) cpu.setSwitch("S", S);
          if (hasSystemBits) cpu.setSwitch("R", R);
          writeDacr(cpu, start);
          for (const { slot, page, quarter, access: kind, privilege, dacr: other } of accesses) {
            if (other !== null) writeDacr(cpu, other);
            if (isCold) cpu.invalidateAll();
            const number = SLOTS[slot] * 256 + page;
            const offset = quarter * 0x400;
            const address = number * 4096 + offset;
            const registers: Registers = {
              format,
              ...(options.processor === undefined ? {} : { native: processor.format }),
              accessFlag: options.accessFlag ?? false,
              extendedSmallPages: processor.extendedSmallPages,
              supersections: processor.supersections,
              ttbr0: ROOT,
              ttbr1,
              ttbcrN: options.ttbcrN ?? 0,
              dacr: dacrOf(cpu.switches),
              switches: cpu.switches,
            };
            const told = manualWalk(read, registers, address, kind, privilege);
            const where = `${address.toString(16)} ${kind} ${privilege}`;

            const walk = tables.walk(context, BigInt(address), kind, privilege, cpu.switches);
            expect([walk.reason, Number(walk.physical ?? -1)], `explanation of ${where}: ${walk.rule}`).to.deep.equal([
              told.reason,
              told.physical,
            ]);

            met.set(FAULT_REASONS[told.reason], (met.get(FAULT_REASONS[told.reason]) ?? 0) + 1);
            const there = told.physical < 0 ? 0 : memory.read32(told.physical);
            const given =
              kind === READ
                ? cpu.load32(number, offset, privilege)
                : kind === EXECUTE
                  ? cpu.fetch32(number, offset, privilege)
                  : cpu.store32(number, offset, there, privilege)
                    ? there
                    : -1;
            const refused = cpu.fault.isPending;
            cpu.fault.isPending = false;
            expect(refused ? cpu.fault.reason : NO_FAULT, `access to ${where}: ${walk.rule}`).to.equal(told.reason);
            if (!refused) {
              expect(given, where).to.equal(there);
              continue;
            }
            expect({ depth: cpu.faultSite.depth, domain: cpu.faultSite.domain }, where).to.deep.equal({
              depth: told.depth,
              domain: told.domain,
            });
            const { code } = architecture.faults.report(cpu.fault.reason, kind, privilege, cpu.switches, cpu.faultSite);
            if (kind !== EXECUTE || processor.hasInstructionStatus) expect(code, where).to.equal(told.code);
          }
        }),
        { numRuns: 100, seed: 20 },
      );
      const reasons = ["none", "absent", "protection", "reserved", "bus", "domain", ...(options.accessFlag === true ? ["unmarked"] : [])];
      for (const reason of reasons) expect(met.get(reason) ?? 0, reason).to.be.greaterThan(10);
    });
  }
});
