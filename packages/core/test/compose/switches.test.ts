/** What a port may make depend on switches, and rules about all levels together: on a paper machine that has both. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import {
  assertInvariants,
  EXECUTE,
  KERNEL,
  READ,
  rightsFor,
  USER,
  WRITE,
  type Architecture,
  type EntryFormat,
  type Level,
  type MachineOptions,
} from "#src/index.js";
import { area, build, installed, PAGE } from "../fixture.js";

const SOFTWARE = 9;

/** The leaf says in a software bit whether MARK was set; the kernel keeps away from what is the user's while APART is. */
const switched = (): Architecture => {
  const { translation } = abs32le;
  if (translation.kind !== "hierarchical") throw new Error("the paper machine has trees");
  const marked = (format: EntryFormat): EntryFormat => ({
    ...format,
    encode: (flags, switches) => ({ ...format.encode?.(flags), software: switches?.["MARK"] === true ? 1 : 0 }),
  });
  const levels = translation.levels.map((level): Level =>
    level.table === undefined && level.leaf ? { ...level, leaf: marked(level.leaf) } : level,
  );
  return {
    ...abs32le,
    translation: {
      ...translation,
      levels,
      combined: {
        tell: (rights, { APART }) => (APART && (rights & rightsFor(0, READ)) !== 0 ? rights & ~rightsFor(7, 0) : rights),
        says: "the kernel keeps away from what is the user's",
      },
    },
    faults: {
      ...abs32le.faults,
      told: (_reason, access, _privilege, switches) => (switches?.["EXACT"] === false ? READ | WRITE | EXECUTE : access),
      report: (reason, access, privilege, switches) => ({
        ...abs32le.faults.report(reason, access, privilege),
        ...(switches?.["EXACT"] === false ? { code: 0x1000 } : {}),
      }),
    },
    switches: {
      MARK: { initially: false, says: "entries are marked" },
      APART: { initially: false, says: "the kernel keeps away from the user's pages" },
      EXACT: { initially: true, says: "faults tell the access" },
    },
  };
};

const machineWith = (options: MachineOptions = {}) => {
  const machine = build(switched(), options);
  const space = installed(machine);
  area(space, PAGE, 4);
  return { machine, space, cpu: machine.cpu(0) };
};

describe("switches of processors", () => {
  it("decide what is written in entries when the machine is built", () => {
    for (const MARK of [false, true]) {
      const { machine, space } = machineWith({ switches: { MARK } });
      machine.read32(PAGE);
      expect(Number(machine.walk(space, PAGE).steps.at(-1)?.raw) & (1 << SOFTWARE)).to.equal(MARK ? 1 << SOFTWARE : 0);
    }
  });

  it("decide what a processor tells of a fault, each its own", () => {
    const { machine, space, cpu } = machineWith({ cpus: 2 });
    machine.switchTo(space, 1);
    cpu.setSwitch("EXACT", false);
    expect(machine.write32(0x9000, 1, 0)).to.equal(false);
    expect(machine.outcome?.code).to.equal(0x1000);
    expect(machine.write32(0x9000, 1, 1)).to.equal(false);
    expect(machine.outcome?.code).to.equal(abs32le.faults.report(1, WRITE, USER).code);
    expect(machine.fetch32(PAGE, 1), "a fetch from a data area").to.equal(-1);
    expect(machine.copyToUser(2 * PAGE, new Uint8Array(8), 0), "copies ask likewise").to.equal(8);
  });

  it("decide rules about all levels together, for the walker and for the explanation alike", () => {
    const { machine, space, cpu } = machineWith({ cpus: 2 });
    machine.switchTo(space, 1);
    machine.cpu(1).setSwitch("APART", true);
    machine.write32(PAGE, 5);
    expect(cpu.translate(1, READ, KERNEL)).to.be.greaterThan(0);
    expect(machine.cpu(1).translate(1, READ, KERNEL)).to.equal(-1);
    expect(machine.cpu(1).translate(1, READ, USER)).to.be.greaterThan(0);
    expect(machine.walk(space, PAGE, READ, KERNEL, 0).reason).to.equal(0);
    expect(machine.walk(space, PAGE, READ, KERNEL, 1)).to.include({
      rule: "the kernel keeps away from what is the user's",
      kernelRights: 0,
      userRights: READ | WRITE,
    });
    machine.parts.locks.acquire("page-table", machine.spaces.kernel.id);
    machine.parts.tables.insert(machine.spaces.kernel.context, 0x80000, 1, READ);
    machine.parts.locks.release("page-table", machine.spaces.kernel.id);
    expect(machine.cpu(1).translate(0x80000, READ, KERNEL), "what is the kernel's alone stays").to.equal(1);
    assertInvariants(machine);
  });
});

describe("faults that no page would end", () => {
  const broken = (spoil: (word: number) => number, depth: 0 | 1) => {
    const { machine, space, cpu } = machineWith();
    machine.write32(PAGE, 5);
    const step = machine.walk(space, PAGE).steps[depth];
    machine.parts.memory.write32(Number(step?.entryAddress), spoil(Number(step?.raw)) >>> 0);
    cpu.invalidateAll();
    return machine;
  };

  it("a reserved bit ends the access, and a copy, with an outcome", () => {
    const machine = broken((word) => word | 2, 0);
    expect(machine.read32(PAGE)).to.equal(-1);
    expect(machine.outcome).to.include({ reason: "reserved", rule: "an entry of the tables has a form that the manual forbids" });
    expect(machine.copyToUser(PAGE, new Uint8Array(4))).to.equal(0);
  });

  it("so does a frame where no memory is", () => {
    const machine = broken((word) => (word & 0xfff) | 0x7fff_f000, 1);
    expect(machine.write32(PAGE, 1)).to.equal(false);
    expect(machine.outcome).to.include({ reason: "bus", rule: "nothing answers at that physical address" });
    expect(machine.copyFromUser(PAGE, new Uint8Array(4))).to.equal(0);
  });
});
