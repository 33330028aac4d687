/** What our side says of a case: a machine of ours is loaded with it and asked, every access with cold TLBs. */
import type { Subject } from "@portolan/conformance";
import {
  ABSENT,
  BUS,
  buildMachine,
  FAULT_REASONS,
  PROTECTION,
  REFILL,
  type AddressSpace,
  type Cpu,
  type Machine,
  type Refill,
} from "@portolan/core";
import type { BlankCase, Expected, JudgedCase, JudgedQuery, Piece } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { PageImage } from "../page-image.js";
import { holdsOnlySlots, isSlotAt, whyUnjudged } from "../unjudged.js";
import { nowhereInTlb, nowhereOf } from "./nowhere.js";

/** Nobody fills the TLB but who loads it by hand. */
const byHand: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

/** A machine of ours with the case's RAM, registers, memory and entries, and nothing else. */
const loaded = (
  profile: MachineProfile,
  { architecture, replace }: Subject,
  blank: BlankCase,
): { readonly machine: Machine; readonly space: AddressSpace } => {
  const machine = buildMachine(
    architecture,
    { memoryBase: blank.ram.first, memoryBytes: blank.ram.bytes, switches: blank.switches, seed: 1 },
    (parts) => {
      if (profile.load !== undefined && profile.refills !== true) parts.register(REFILL, profile.byHand ?? (() => byHand));
      replace?.(parts);
    },
  );
  const space = machine.spaces.create();
  machine.switchTo(space);
  forgetTables(machine);
  for (const { at, bytes } of blank.memory) machine.parts.memory.writeBytes(at, bytes);
  install(machine, space, blank);
  profile.load?.(machine, space, blank);
  return { machine, space };
};

/** The tables that the machine made for itself are not the case's. */
const forgetTables = ({ parts: { memory, frames } }: Machine): void => {
  for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1)
    if (frames.references(frame) > 0) memory.zeroFrame(frame);
};

const install = (machine: Machine, space: AddressSpace, { root, kernelRoot, asid }: BlankCase): void => {
  if (root !== undefined) space.context.root = root;
  if (kernelRoot !== undefined) machine.spaces.kernel.context.root = kernelRoot;
  space.context.asid = asid;
  const cpu = machine.cpu(0);
  forgetTranslations(cpu);
  cpu.install(space.context);
};

/** What a processor keeps of translations, gone, whatever its rank. */
const forgetTranslations = (cpu: Cpu): void => {
  for (const buffer of new Set([cpu.dataTlb, cpu.instructionTlb])) buffer.forget(false, false);
};

type Answers = Required<Pick<JudgedCase, "queries" | "after">>;

/** What our side says of accesses one after the other, and the memory that they leave behind. */
const answersOf = (profile: MachineProfile, subject: Subject, blank: BlankCase): Answers => {
  const { machine, space } = loaded(profile, subject, blank);
  const cpu = machine.cpu(0);
  const { architecture } = subject;
  const { hardwarePageShift, faults } = architecture;
  const shift = BigInt(hardwarePageShift);
  const hasKeptEntries = profile.load !== undefined && profile.refills !== true;
  const root = blank.kernelRoot === undefined ? blank.root : undefined;
  const queries = blank.queries.map(({ address, access, privilege }): JudgedQuery => {
    if (!hasKeptEntries) forgetTranslations(cpu);
    const within = Number(address & ((1n << shift) - 1n));
    const frame = machine.on(0, () => cpu.translate(Number(address >> shift), access, privilege, within));
    if (frame >= 0) {
      const physical = (BigInt(frame) << shift) + BigInt(within);
      return { address, access, privilege, expected: { kind: "physical", physical } };
    }
    const { reason } = cpu.fault;
    const told = faults.report(reason, access, privilege, cpu.switches, { ...cpu.faultSite });
    const registers = machine.on(0, () => profile.registersAfter?.(machine, { address, access, privilege }));
    const report = registers === undefined ? told : { ...told, registers };
    const nowhere =
      reason !== BUS || profile.judgesBus === undefined
        ? undefined
        : architecture.translation.kind === "hierarchical" && !hasKeptEntries
          ? nowhereOf(architecture, machine.walk(space, address, access, privilege), root, cpu.switches)
          : nowhereInTlb(cpu, Number(address >> shift), access, privilege);
    const expected: Expected = { kind: "fault", reason: FAULT_REASONS[reason], report, ...(nowhere === undefined ? {} : { nowhere }) };
    return { address, access, privilege, expected };
  });
  const after = blank.memory.map(({ at, bytes }): Piece => {
    const now = new Uint8Array(bytes.length);
    machine.parts.memory.readBytes(at, now);
    return { at, bytes: now };
  });
  return { queries, after };
};

/**
 * The case with what our side says of every access, and of the memory after the last.
 *
 * A judge puts slots where accesses land, and leaves out what it cannot answer for. Where that can make a difference (a slot in
 * a table, a mark that only a left-out access sets) our side is asked again, with those slots and without those accesses.
 */
export const withExpectations = (profile: MachineProfile, subject: Subject, blank: BlankCase): JudgedCase => {
  const given = new PageImage(blank.memory);
  const first = answersOf(profile, subject, blank);
  const reasons = first.queries.map((query) => whyUnjudged(profile, blank, query, given));
  if (reasons.every((why) => why === null) && !disturbs(profile, first, given)) return { ...blank, ...first };
  for (;;) {
    const asked = first.queries.filter((_, i) => reasons[i] === null);
    const stamped = new PageImage(blank.memory);
    for (const physical of landings(asked)) stamped.write(physical, profile.slot.make(physical));
    const now = answersOf(profile, subject, { ...blank, memory: stamped.pages(), queries: asked });
    const left = new PageImage(now.after);
    let changed = 0;
    let next = 0;
    first.queries.forEach((query, i) => {
      if (reasons[i] !== null) return;
      const again = now.queries[next];
      next += 1;
      if (again !== undefined && isSame(query.expected, again.expected) && isIntact(profile, query, left)) return;
      reasons[i] = "it would land where tables are looked for";
      changed += 1;
    });
    if (changed > 0) continue;
    const queries = first.queries.map((query, i) => {
      const why = reasons[i] ?? null;
      return why === null ? query : { ...query, unjudged: why };
    });
    return { ...blank, queries, after: now.after };
  }
};

const landings = (queries: readonly JudgedQuery[]): ReadonlySet<number> =>
  new Set(queries.flatMap(({ expected }) => (expected.kind === "physical" ? [Number(expected.physical)] : [])));

/** Could slots where accesses land be taken for entries, or have walks written into slots? */
const disturbs = ({ architecture, slot }: MachineProfile, { queries, after }: Answers, given: PageImage): boolean => {
  const pageBytes = 2 ** architecture.hardwarePageShift;
  const left = new PageImage(after);
  const places = landings(queries);
  const pages = new Set([...places].map((physical) => physical - (physical % pageBytes)));
  return (
    [...pages].some((page) => !holdsOnlySlots(slot, page, pageBytes, given)) ||
    [...places].some((physical) => left.holds(physical, slot.bytes) && !isSlotAt(slot, physical, left))
  );
};

/** Is the slot where an access lands still one, after all accesses? */
const isIntact = ({ slot }: MachineProfile, { expected }: JudgedQuery, left: PageImage): boolean =>
  expected.kind !== "physical" || isSlotAt(slot, Number(expected.physical), left);

/** Do two answers say the same? */
export const isSame = (one: Expected, other: Expected): boolean =>
  one.kind === "physical"
    ? other.kind === "physical" && other.physical === one.physical
    : other.kind === "fault" && other.reason === one.reason;
