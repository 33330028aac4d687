/** What the handlers enter is what the tables say, and what the explanation says, on random mappings. */
import { expect } from "chai";
import fc from "fast-check";
import { EXECUTE, KERNEL, PAGE_DIRTY, READ, StaleTranslations, USER, WRITE, type Privilege } from "@portolan/core";
import { bench, PAGE, probe, read } from "./fixture.js";

/** Pages of two pairs and a half of the user's, at both ends of a leaf table, and of the kernel's in kseg2. */
const PAGES = [0x0100, 0x0101, 0x0102, 0x0103, 0x0104, 0x0fff, 0x1000, 0x1_fffe, 0x1_ffff, 0x3_0000, 0x3_0001, 0x3_ffff];
const FIRST_OF_KSEG2 = 0x3_0000;

const step = fc.record({
  page: fc.constantFrom(...PAGES),
  what: fc.constantFrom("map", "unmap", "protect", "access", "access", "access", "access", "other space"),
  flags: fc.integer({ min: 0, max: 63 }),
  access: fc.constantFrom(READ, WRITE, EXECUTE),
  privilege: fc.constantFrom<Privilege>(USER, KERNEL),
  /** 4 KiB pages within. */
  part: fc.integer({ min: 0, max: 3 }),
  frame: fc.integer({ min: 0x100, max: 0x47f }),
});

describe("mips32: the refill code and the explanation", () => {
  for (const byteOrder of ["little", "big"] as const) {
    it(`agree on every access, and on the words that TLBR shows, ${byteOrder}-endian`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom("R4000", "4Kc"), (steps, processor) => {
          const { machine, space, cpu, cp0 } = bench({ byteOrder, processor }, { cpus: 1 });
          const { tables, memory } = machine.parts;
          const second = machine.spaces.create();
          const forget = (page: number): void => {
            for (const { context } of [space, second]) cpu.invalidatePages(context.asid, page, 1);
          };
          for (const { page, what, flags, access, privilege, part, frame } of steps) {
            const current = machine.installed() ?? space;
            const owner = (page >= FIRST_OF_KSEG2 ? machine.spaces.kernel : current).context;
            const isMapped = tables.find(owner, page);
            if (what === "map" && !isMapped) tables.insert(owner, page, frame, flags);
            else if (what === "unmap" && isMapped) {
              tables.remove(owner, page, new StaleTranslations());
              forget(page);
            } else if (what === "protect" && isMapped) {
              tables.update(owner, page, flags, new StaleTranslations());
              forget(page);
            } else if (what === "other space") machine.switchTo(current === space ? second : space);
            else if (what === "access") {
              const address = page * PAGE + part * 0x1000;
              const walk = machine.walk(current, address, access, privilege);
              const got = cpu.translate(address / 0x1000, access, privilege);
              expect(got < 0 ? null : BigInt(got) << 12n, "the frame").to.equal(walk.physical);
              if (got < 0) expect(cpu.fault.reason, walk.rule).to.equal(walk.reason);
              if (walk.reason === 0) sameEntry(address, walk.userRights | walk.kernelRights);
            }
          }
          function sameEntry(address: number, rights: number): void {
            const installed = (machine.installed() ?? space).context;
            const { lo0, lo1, mask, hi } = read(cp0, probe(cp0, address - (address % 0x2000) + installed.asid));
            const lo = Math.floor(address / PAGE) % 2 === 0 ? lo0 : lo1;
            tables.find(installed, Math.floor(address / PAGE));
            const { found } = tables;
            expect([mask, (hi % 0x8000) & ~0xff, lo & 2]).to.deep.equal([0x6000, 0, 2]);
            expect(Math.floor(lo / 64) * 0x1000, "PFN").to.equal(found.frame * PAGE);
            const isWritten = (found.flags & PAGE_DIRTY) !== 0;
            expect((lo & 4) !== 0, "D: written, and may be").to.equal(isWritten && (rights & WRITE) !== 0);
            expect((lo >>> 3) & 7, "C").to.equal((found.flags & 32) === 0 ? 2 : 5);
            expect(lo & 1, "G").to.equal(address >= 0xc000_0000 ? 1 : 0);
            expect(memory.isBacked(found.frame * PAGE)).to.equal(true);
          }
        }),
        { numRuns: 250, seed: byteOrder === "little" ? 11 : 12 },
      );
    });
  }

  it("ask nothing of a root's entry but where it leads", () => {
    const { machine, space, cpu } = bench();
    const { memory, tables } = machine.parts;
    tables.insert(space.context, 0x100, 0x200, READ | WRITE | 8);
    const address = 0x100 * PAGE;
    const link = memory.read32(space.context.root);
    memory.write32(space.context.root, link & 0x3fff_ffc2);
    expect(machine.walk(space, address, WRITE).physical).to.equal(BigInt(0x200 * PAGE));
    expect(cpu.store32(address / 0x1000, 0, 1, USER)).to.equal(true);
    memory.write32(space.context.root, link);
    tables.remove(space.context, 0x100, new StaleTranslations());
    cpu.invalidateAll();
    expect(machine.walk(space, address).rule).to.equal("entry 0 of the PTL0 is absent");
    expect(cpu.translate(address / 0x1000, READ, USER)).to.equal(-1);
  });
});
