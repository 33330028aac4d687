/** Which words a walker judges by their low bits alone: those that have nothing to be marked, and that no missing mark stops. */
import { expect } from "chai";
import type { Architecture, Capabilities, HierarchicalTranslation } from "#src/architecture/architecture.js";
import type { EntryFormat, Field, Level } from "#src/architecture/entry-format.js";
import { KERNEL, READ } from "#src/architecture/rights.js";
import { Events } from "#src/events.js";
import { Cpu } from "#src/machine/cpu.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { LEAF_ENTRY, TABLE_ENTRY, kindIn } from "#src/paging/entry-codec.js";
import { HardwareWalk } from "#src/paging/hardware-walk.js";
import { UNUSUAL, WalkPlan } from "#src/paging/walk-plan.js";
import { wide64 } from "../wide64.js";

const P: Field = { name: "P", bits: 0, role: "control", says: "present" };
const A: Field = { name: "A", bits: 5, role: "accessed", says: "accessed" };
const FRAME: Field = { name: "frame", bits: [31, 12], role: "frame", says: "frame" };
const PRESENT = 1;
const ACCESSED = 1 << 5;

/** Two levels of entries that say whether they are there, and may have a place for the mark. */
const machineWith = (recordAccess: Capabilities["recordAccess"], hasMark: boolean): Architecture => {
  const format: EntryFormat = { name: "entry", bytes: 4, fields: [P, ...(hasMark ? [A] : []), FRAME] };
  const level = (kind: "table" | "leaf"): Level => ({
    name: kind,
    indexBits: 3,
    manual: "",
    kind: { reads: [P], tell: (values) => (values["P"] === 1 ? kind : "absent") },
    ...(kind === "table" ? { table: format } : { leaf: format }),
  });
  const translation: HierarchicalTranslation = {
    kind: "hierarchical",
    levels: [level("table"), level("leaf")],
    faultsOnReserved: true,
    rootRegister: "ROOT",
  };
  return {
    ...wide64,
    byteOrder: "little",
    virtualBits: 18,
    virtualRule: "exact",
    translation,
    can: { ...wide64.can, recordAccess, recordWrite: "no" },
  };
};

/** The kinds of a word as the walker knows it at a glance, where a table is looked for and where a page is. */
const kindsOf = (word: number, recordAccess: Capabilities["recordAccess"], hasMark: boolean): number[] => {
  const architecture = machineWith(recordAccess, hasMark);
  const memory = new PhysicalMemory({ bytes: 2 ** 16, physicalBits: 41, byteOrder: "little", frameShift: 12 });
  const kernelContext = new TranslationContext(0, true, 0);
  kernelContext.root = 0;
  const refill = new HardwareWalk(architecture, memory, new Events());
  const cpu = new Cpu({ id: 0, architecture, memory, kernelContext, refill });
  refill.miss(cpu, 0, READ, KERNEL);
  const plan = cpu.refillState;
  if (!(plan instanceof WalkPlan)) throw new Error("the walker has no plan");
  return plan.steps.map((step) => {
    step.judge(word);
    return kindIn(step.answers[word] ?? -1);
  });
};

describe("a walker knows at a glance", () => {
  it("tables and pages that are marked as accessed, or have no place for the mark", () => {
    for (const recordAccess of ["hardware", "fault", "no"] as const) {
      expect(kindsOf(PRESENT | ACCESSED, recordAccess, true), recordAccess).to.deep.equal([TABLE_ENTRY, LEAF_ENTRY]);
      expect(kindsOf(PRESENT, recordAccess, false), recordAccess).to.deep.equal([TABLE_ENTRY, LEAF_ENTRY]);
    }
  });

  it("those that are not marked only where nobody marks them; where a fault asks for marks, it asks for those of pages", () => {
    expect(kindsOf(PRESENT, "hardware", true)).to.deep.equal([UNUSUAL, UNUSUAL]);
    expect(kindsOf(PRESENT, "fault", true)).to.deep.equal([TABLE_ENTRY, UNUSUAL]);
    expect(kindsOf(PRESENT, "no", true)).to.deep.equal([TABLE_ENTRY, LEAF_ENTRY]);
  });
});
