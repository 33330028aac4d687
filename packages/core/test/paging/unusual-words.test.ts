/** Walks of a machine whose entries say the usual in their low bits, and the unusual at the top. */
import { expect } from "chai";
import {
  BUS,
  EXECUTE,
  NO_FAULT,
  PAGE_USER,
  PROTECTION,
  READ,
  RESERVED,
  rightsFor,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type EntryFormat,
  type Field,
  type Level,
} from "#src/index.js";
import { build, installed } from "../fixture.js";
import { wide64 } from "../wide64.js";

const N: Field = { name: "N", bits: 63, role: "control", says: "may not be executed" };
const P: Field = { name: "P", bits: 0, role: "control", says: "present" };
const W: Field = { name: "W", bits: 1, role: "control", says: "may be written" };
const U: Field = { name: "U", bits: 2, role: "control", says: "the user's" };

const format = (name: string, bits: readonly [number, number]): EntryFormat => ({
  name,
  bytes: 8,
  fields: [
    N,
    { name: "zero", bits: [62, 52], role: "reserved", says: "must be zero" },
    { name: "frame", bits: [51, bits[1]], role: "frame", says: "where it leads" },
    ...(bits[1] > 8 ? [{ name: "free", bits: [bits[1] - 1, 8], role: "software", says: "free" } as const] : []),
    { name: "low zero", bits: 7, role: "reserved", says: "must be zero" },
    { name: "D", bits: 6, role: "dirty", says: "written" },
    { name: "A", bits: 5, role: "accessed", says: "accessed" },
    { name: "ignored", bits: [4, 3], role: "ignored", says: "ignored" },
    U,
    W,
    P,
  ],
  rights: {
    reads: [N, W, U],
    tell(values) {
      const allowed = READ | (values["W"] === 1 ? WRITE : 0) | (values["N"] === 1 ? 0 : EXECUTE);
      return rightsFor(allowed, values["U"] === 1 ? allowed : 0);
    },
  },
  encode: (flags) => ({ P: 1, W: (flags & WRITE) === 0 ? 0 : 1, U: (flags & PAGE_USER) === 0 ? 0 : 1, N: (flags & EXECUTE) === 0 ? 1 : 0 }),
});

const pointer: EntryFormat = { ...format("pointer", [51, 8]), encode: () => ({ P: 1, W: 1, U: 1 }) };
const mapping = format("mapping", [51, 12]);

const plain = (level: Level): Level => ({
  name: level.name,
  indexBits: level.indexBits,
  manual: level.manual,
  ...(level.leaf === undefined ? { table: pointer } : { leaf: mapping }),
  kind: { reads: [P], tell: (values) => (values["P"] !== 1 ? "absent" : level.leaf === undefined ? "table" : "leaf") },
});

for (const byteOrder of ["little", "big"] as const) {
  const { translation } = wide64;
  if (translation.kind !== "hierarchical") throw new Error("wide64 has a tree");
  const architecture: Architecture = { ...wide64, byteOrder, translation: { ...translation, levels: translation.levels.map(plain) } };
  const PAGE = 0x345;
  const FRAME = 40;

  /** What accesses to a page find whose entry, marked as accessed and written, has another high half. */
  const found = (high: number, access: Access): { frame: number; reason: number } => {
    const machine = build(architecture, { memoryBytes: 256 * 4096 });
    const space = installed(machine);
    const { tables, memory } = machine.parts;
    const cpu = machine.cpu(0);
    tables.insert(space.context, PAGE, FRAME, READ | WRITE | EXECUTE | PAGE_USER);
    expect(cpu.translate(PAGE, WRITE, USER)).to.equal(FRAME);
    let at = -1;
    for (let address = 0; address < 256 * 4096; address += 8) {
      if (memory.readLow(address) === FRAME * 4096 + 0b110_0111 && memory.readHigh(address) === 0) at = address;
    }
    expect(at, "the entry, with its marks").to.be.at.least(0);
    memory.write64(at, memory.readLow(at), high);
    cpu.invalidateAll();
    const frame = cpu.translate(PAGE, access, USER);
    return { frame, reason: frame < 0 ? cpu.fault.reason : NO_FAULT };
  };

  describe(`walks of wide words, ${byteOrder}-endian`, () => {
    it("enter a page whose marks are made", () => {
      for (const access of [READ, WRITE, EXECUTE] as const) expect(found(0, access)).to.deep.equal({ frame: FRAME, reason: NO_FAULT });
    });

    it("honour a right that the top bit takes away", () => {
      expect(found(0x8000_0000, EXECUTE)).to.deep.equal({ frame: -1, reason: PROTECTION });
      expect(found(0x8000_0000, READ)).to.deep.equal({ frame: FRAME, reason: NO_FAULT });
    });

    it("refuse reserved bits of the high half, whatever the low bits say", () => {
      for (const bit of [20, 25, 30]) expect(found(2 ** bit, READ)).to.deep.equal({ frame: -1, reason: RESERVED });
    });

    it("take the frame's bits from both halves", () => {
      expect(found(1, READ)).to.deep.equal({ frame: -1, reason: BUS });
    });
  });
}
