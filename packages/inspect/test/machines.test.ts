import { expect } from "chai";
import { anonymous, EXECUTE, KERNEL, READ, USER, WRITE, type Walk } from "@portolan/core";
import { sparc64 } from "@portolan/arch-sparc64";
import { checkTables, findRoots, listMappings, readVirtual, Tree, walkAddress } from "#src/index.js";
import { all, dumpOf, lived, rootsOf, RW, trees } from "./fixture.js";

/** What the core's walk and ours both say. */
const comparable = (walk: Walk): unknown => ({
  steps: walk.steps.map(({ table, tableAddress, index, entryAddress, bytes, raw, fields, says, manual }) => ({
    table,
    tableAddress,
    index,
    entryAddress,
    bytes,
    raw,
    fields,
    says,
    manual,
  })),
  physical: walk.physical,
  reason: walk.reason,
  rule: walk.rule,
  manual: walk.manual,
});

for (const architecture of trees) {
  describe(`a dump of ${architecture.name}`, () => {
    it("is walked as the machine explains its own memory", async () => {
      const { machine, space, pages } = lived(architecture, 11);
      const memory = dumpOf(machine);
      const roots = rootsOf(machine, space);
      const { switches } = machine.cpu(0);
      const far = [0n, 0x1000n, architecture.layout.user.last, architecture.layout.kernel.last, architecture.layout.kernel.first + 0x5000n];
      for (const address of [...pages, ...pages.map((page) => page + 0x10123n), ...far])
        for (const access of [READ, WRITE, EXECUTE] as const)
          for (const privilege of [KERNEL, USER] as const) {
            const theirs = machine.walk(space, address, access, privilege);
            // Windows and pages that refill code gives are told without a table, in other words.
            if (theirs.steps.length === 0 && theirs.reason === 0) continue;
            // A window of the machine may name memory that the image has not got.
            if (theirs.steps.length === 0) continue;
            const ours = await walkAddress(memory, architecture, roots, address, { access, privilege, switches });
            expect(comparable(ours), `${address.toString(16)} ${access} ${privilege}`).to.deep.equal(comparable(theirs));
            if (theirs.reason === 0) expect([ours.kernelRights, ours.userRights]).to.deep.equal([theirs.kernelRights, theirs.userRights]);
          }
    });

    it("is listed page for page as the core has mapped it", async () => {
      const { machine, space } = lived(architecture, 12);
      const memory = dumpOf(machine);
      const { switches } = machine.cpu(0);
      const listed = await all(listMappings(memory, architecture, rootsOf(machine, space), { merge: "leaves", switches }));
      const users = listed.items.filter(({ first }) => first <= architecture.layout.user.last);
      const shift = BigInt(architecture.pageShift);
      const expected: unknown[] = [];
      const last = Number(architecture.layout.user.last >> shift);
      machine.parts.tables.each(space.context, 0, last + 1, (page, { frame }) => {
        const address = BigInt(page) << shift;
        const { kernelRights, userRights } = machine.walk(space, address, READ, USER);
        expected.push({ first: address, physical: frame * 2 ** architecture.pageShift, rights: kernelRights | (userRights << 3) });
        return true;
      });
      expect(users.map(({ first, physical, rights }) => ({ first, physical, rights }))).to.deep.equal(expected);
      expect(expected.length).to.be.greaterThan(15);
      expect(listed.end.end).to.equal("complete");
      expect(listed.end.listed).to.equal(listed.items.length);
      const merged = await all(listMappings(memory, architecture, rootsOf(machine, space), { switches }));
      expect(merged.items.reduce((sum, { leaves }) => sum + leaves, 0)).to.equal(listed.items.length);
      expect(merged.items.reduce((sum, { bytes }) => sum + bytes, 0)).to.equal(listed.end.bytes);
    });

    it("gives the bytes that programs have written, and stops where nothing is mapped", async () => {
      const { machine, space } = lived(architecture, 13);
      const pageBytes = 2 ** architecture.pageShift;
      const base = 0x2000_0000;
      space.createArea({ base, size: 2 * pageBytes, flags: RW, backend: anonymous });
      const at = BigInt(base + pageBytes - 5);
      for (let offset = 0; offset < 10; offset += 1) machine.write8(at + BigInt(offset), 0xa0 + offset);
      const { switches } = machine.cpu(0);
      const read = await readVirtual(dumpOf(machine), architecture, rootsOf(machine, space), at, 10, { privilege: USER, switches });
      expect([...read.bytes]).to.deep.equal([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9]);
      expect(read.stop).to.equal(null);
      const beyond = await readVirtual(dumpOf(machine), architecture, rootsOf(machine, space), at, 3 * pageBytes, {
        privilege: USER,
        switches,
      });
      expect(beyond.bytes.length).to.equal(5 + pageBytes);
      expect(beyond.stop?.address).to.equal(BigInt(base + 2 * pageBytes));
      const nothing = await readVirtual(dumpOf(machine), architecture, rootsOf(machine, space), 0n, 16, { privilege: USER });
      expect(nothing.bytes.length).to.equal(0);
      expect(nothing.stop?.walk.reasonName).to.equal("absent");
    });

    it("gives its roots away", async () => {
      const { machine, space } = lived(architecture, 14);
      const { switches } = machine.cpu(0);
      const { candidates } = await findRoots(dumpOf(machine), architecture, { switches });
      expect(candidates.slice(0, 4).map(({ root }) => root)).to.include(space.context.root);
    });

    it("has nothing broken in its tables", async () => {
      const { machine, space } = lived(architecture, 15);
      const { switches } = machine.cpu(0);
      const { findings, totals } = await checkTables(dumpOf(machine), architecture, rootsOf(machine, space), { switches });
      expect(findings.filter(({ severity }) => severity === "broken")).to.deep.equal([]);
      expect(totals.end).to.equal("complete");
    });
  });
}

describe("a machine without a tree", () => {
  it("is refused with a code", () => {
    expect(() => new Tree(sparc64))
      .to.throw()
      .with.property("code", "ERR_NO_TREE");
  });
});
