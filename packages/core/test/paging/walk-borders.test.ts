/**
 * The table walker at borders: memory and tables on both sides of 4 GiB, and fields in the first bits that are not where it
 * usually looks, at the middle of a word or just above the twelve bits that tell most words apart.
 */
import { expect } from "chai";
import type { Architecture } from "#src/architecture/architecture.js";
import type { Field, FieldRole } from "#src/architecture/entry-format.js";
import { ABSENT, NO_FAULT, PROTECTION, type FaultReason } from "#src/architecture/faults.js";
import { EXECUTE, READ, rightsFor, USER, WRITE, type Access } from "#src/architecture/rights.js";
import { Events } from "#src/events.js";
import { Cpu } from "#src/machine/cpu.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { HardwareWalk } from "#src/paging/hardware-walk.js";
import { wide64 } from "../wide64.js";

const TWO_32 = 2 ** 32;
const PAGE_SHIFT = 13;
const PAGE = 2 ** PAGE_SHIFT;
const RAM = 8 * PAGE;
const BYTE_ORDERS = ["little", "big"] as const;

const bit = (name: string, at: number, role: FieldRole = "control"): Field => ({ name, bits: at, role, says: name });
const LET_ALL = rightsFor(READ | WRITE | EXECUTE, READ | WRITE | EXECUTE);

/** Where the fields of an entry stand that say something. A processor marks written pages where there is a place for the mark. */
interface Places {
  readonly present: number;
  readonly unexecutable?: number;
  readonly dirty?: number;
}

/** A machine with one table of eight entries of eight bytes. */
const machineWith = (byteOrder: "little" | "big", { present, unexecutable, dirty }: Places): Architecture => {
  const P = bit("P", present);
  const N = unexecutable === undefined ? [] : [bit("N", unexecutable)];
  const marks = dirty === undefined ? [] : [bit("A", 5, "accessed"), bit("D", dirty, "dirty")];
  const records = dirty === undefined ? "no" : "hardware";
  return {
    ...wide64,
    byteOrder,
    wordBits: 64,
    virtualBits: PAGE_SHIFT + 3,
    virtualRule: "exact",
    physicalBits: 41,
    pageShift: PAGE_SHIFT,
    hardwarePageShift: PAGE_SHIFT,
    translation: {
      kind: "hierarchical",
      levels: [
        {
          name: "only",
          indexBits: 3,
          manual: "",
          kind: { reads: [P], tell: (values) => (values["P"] === 1 ? "leaf" : "absent") },
          leaf: {
            name: "page",
            bytes: 8,
            fields: [P, ...N, ...marks, { name: "frame", bits: [31, PAGE_SHIFT], role: "frame", says: "frame" }],
            rights: { reads: N, tell: (values) => (values["N"] === 1 ? LET_ALL & ~rightsFor(EXECUTE, EXECUTE) : LET_ALL) },
          },
        },
      ],
      faultsOnReserved: true,
      rootRegister: "ROOT",
    },
    can: { ...wide64.can, recordAccess: records, recordWrite: records },
    tlb: {
      ...wide64.tlb,
      data: { ...wide64.tlb.data, pageShifts: [PAGE_SHIFT] },
      instruction: { ...wide64.tlb.data, pageShifts: [PAGE_SHIFT] },
    },
  };
};

const writeWords = (memory: PhysicalMemory, table: number, words: readonly bigint[]): void =>
  words.forEach((word, page) => memory.write64(table + page * 8, Number(word & 0xffff_ffffn), Number(word >> 32n)));

/** What walks for one page after the other come to: why not, or the frame and the rights that the TLB learns. */
const walksIn = (
  architecture: Architecture,
  memory: PhysicalMemory,
  root: number,
  accesses: readonly Access[],
): (FaultReason | readonly [frame: number, rights: number])[] => {
  const user = new TranslationContext(1, false, 5);
  user.root = root;
  const walker = new HardwareWalk(architecture, memory, new Events());
  const cpu = new Cpu({ id: 0, architecture, memory, kernelContext: new TranslationContext(0, true, 0), refill: walker });
  cpu.context = user;
  return accesses.map((access, page) => {
    const reason = walker.miss(cpu, page, access, USER);
    if (reason !== NO_FAULT) return reason;
    const tlb = access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb;
    const entry = tlb.probe(page, user.asid);
    return [tlb.frame(entry), tlb.rights(entry)];
  });
};

const memoryAt = (base: number, byteOrder: "little" | "big"): PhysicalMemory =>
  new PhysicalMemory({ bytes: RAM, base, physicalBits: 41, byteOrder, frameShift: PAGE_SHIFT });

const frames = (first: number): bigint[] => [0, 1, 2].map((page) => BigInt((first + page) * PAGE + 1));

for (const byteOrder of BYTE_ORDERS) {
  describe(`a walker of ${byteOrder}-endian machines`, () => {
    it("tells a table from what lies 4 GiB above it or below it", () => {
      for (const [ram, root] of [
        [0, TWO_32],
        [TWO_32, 0],
      ] as const) {
        const memory = memoryAt(ram, byteOrder);
        memory.addRegion(root, RAM);
        writeWords(memory, root, frames(10));
        writeWords(memory, ram, frames(20));
        expect(walksIn(machineWith(byteOrder, { present: 0 }), memory, root, [READ, READ, READ]), `a table at ${root}`).to.deep.equal([
          [10, LET_ALL],
          [11, LET_ALL],
          [12, LET_ALL],
        ]);
      }
    });

    const walksOf = (places: Places, words: readonly bigint[], accesses: readonly Access[]) => {
      const memory = memoryAt(0, byteOrder);
      writeWords(memory, 0, words);
      return walksIn(machineWith(byteOrder, places), memory, 0, accesses);
    };

    it("honours a right that the lowest bit of the high half takes away", () => {
      const [first, second, third] = frames(10) as [bigint, bigint, bigint];
      const words = [first, second | (1n << 32n), third];
      expect(walksOf({ present: 0, unexecutable: 32 }, words, [EXECUTE, EXECUTE, EXECUTE])).to.deep.equal([
        [10, LET_ALL],
        PROTECTION,
        [12, LET_ALL],
      ]);
    });

    it("finds a page whose presence stands above the low twelve bits, and no other", () => {
      const words = [0n, BigInt(11 * PAGE) | (1n << 12n), BigInt(12 * PAGE), BigInt(13 * PAGE) | (1n << 12n)];
      expect(walksOf({ present: 12 }, words, [READ, READ, READ, READ])).to.deep.equal([ABSENT, [11, LET_ALL], ABSENT, [13, LET_ALL]]);
    });

    it("lets a page that was written be written, wherever its mark stands, and one that was not only after a walk", () => {
      for (const dirty of [6, 12, 32, 62]) {
        const marked = frames(10).map((word) => word | (1n << 5n));
        const words = marked.map((word, page) => (page === 1 ? word : word | (1n << BigInt(dirty))));
        expect(walksOf({ present: 0, dirty }, words, [READ, READ, READ]), `dirty in bit ${dirty}`).to.deep.equal([
          [10, LET_ALL],
          [11, LET_ALL & ~rightsFor(WRITE, WRITE)],
          [12, LET_ALL],
        ]);
      }
    });
  });
}
