/** What our side says of a case: a machine of ours is loaded with it and asked, every access with cold TLBs. */
import type { Subject } from "@portolan/conformance";
import {
  ABSENT,
  buildMachine,
  FAULT_REASONS,
  PROTECTION,
  REFILL,
  type AddressSpace,
  type Cpu,
  type Machine,
  type Refill,
} from "@portolan/core";
import type { BlankCase, Expected, JudgedCase, Piece } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";

/** Nobody fills the TLB but who loads it by hand. */
const byHand: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

/** A machine of ours with the case's RAM, registers, memory and entries, and nothing else. */
const loaded = (profile: MachineProfile, { replace }: Subject, blank: BlankCase, architecture = profile.architecture): Machine => {
  const machine = buildMachine(
    architecture,
    { memoryBase: blank.ram.first, memoryBytes: blank.ram.bytes, switches: blank.switches, seed: 1 },
    (parts) => {
      if (profile.load !== undefined && profile.refills !== true) parts.register(REFILL, () => byHand);
      replace?.(parts);
    },
  );
  const space = machine.spaces.create();
  machine.switchTo(space);
  forgetTables(machine);
  for (const { at, bytes } of blank.memory) machine.parts.memory.writeBytes(at, bytes);
  install(machine, space, blank);
  profile.load?.(machine, space, blank);
  return machine;
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

/** The case with what our side says of every access, and of the memory after the last. */
export const withExpectations = (profile: MachineProfile, subject: Subject, blank: BlankCase): JudgedCase => {
  const machine = loaded(profile, subject, blank, subject.architecture);
  const cpu = machine.cpu(0);
  const { hardwarePageShift, faults } = subject.architecture;
  const shift = BigInt(hardwarePageShift);
  const hasKeptEntries = profile.load !== undefined && profile.refills !== true;
  const queries = blank.queries.map(({ address, access, privilege }) => {
    if (!hasKeptEntries) forgetTranslations(cpu);
    const frame = machine.on(0, () => cpu.translate(Number(address >> shift), access, privilege));
    const expected: Expected =
      frame >= 0
        ? { kind: "physical", physical: (BigInt(frame) << shift) + (address & ((1n << shift) - 1n)) }
        : {
            kind: "fault",
            reason: FAULT_REASONS[cpu.fault.reason],
            report: faults.report(cpu.fault.reason, access, privilege, cpu.switches, { ...cpu.faultSite }),
          };
    return { address, access, privilege, expected };
  });
  const after = blank.memory.map(({ at, bytes }): Piece => {
    const now = new Uint8Array(bytes.length);
    machine.parts.memory.readBytes(at, now);
    return { at, bytes: now };
  });
  return { ...blank, queries, after };
};
