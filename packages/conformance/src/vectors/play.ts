/** Puts a vector into a machine of ours and asks its questions. */
import {
  ABSENT,
  ENTRY_GLOBAL,
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  PROTECTION,
  READ,
  REFILL,
  rightsFor,
  USER,
  WRITE,
  type Access,
  type AddressSpace,
  type Machine,
  type Privilege,
  type Refill,
  type Rights,
} from "@portolan/core";
import type { Rig } from "../rig/rig.js";
import type { AccessName, PrivilegeName, Vector, VectorAnswer, VectorSet, VectorStep } from "./format.js";

export const ACCESS_OF: Readonly<Record<AccessName, Access>> = { read: READ, write: WRITE, execute: EXECUTE };
export const PRIVILEGE_OF: Readonly<Record<PrivilegeName, Privilege>> = { kernel: KERNEL, user: USER };

export const hexOf = (value: bigint | number): string => `0x${value.toString(16)}`;

const maskOf = (text: string): number =>
  (text.includes("r") ? READ : 0) | (text.includes("w") ? WRITE : 0) | (text.includes("x") ? EXECUTE : 0);
export const rightsText = (mask: number): string =>
  `${(mask & READ) === 0 ? "" : "r"}${(mask & WRITE) === 0 ? "" : "w"}${(mask & EXECUTE) === 0 ? "" : "x"}`;
const rightsOf = (kernel: string, user: string): Rights => rightsFor(maskOf(kernel), maskOf(user));

/** Nobody fills the TLB but who loads it by hand. */
export const byHand: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

export interface Loaded {
  readonly machine: Machine;
  readonly space: AddressSpace;
}

/** A machine with the vector's RAM, registers, memory and TLB entries, and nothing else. */
export const loadVector = (rig: Rig, { ram }: Pick<VectorSet, "ram">, { registers, memory, tlb }: Vector): Loaded => {
  const isByHand = tlb !== undefined;
  const machine = rig.build(
    { memoryBase: Number(ram.first), memoryBytes: Number(ram.bytes), switches: registers.switches },
    isByHand ? (parts) => parts.register(REFILL, () => byHand) : undefined,
  );
  const space = machine.spaces.create();
  machine.switchTo(space);
  const { parts } = machine;
  for (let frame = parts.memory.firstFrame; frame < parts.memory.firstFrame + parts.memory.frameCount; frame += 1)
    parts.memory.zeroFrame(frame);
  for (const [address, bytes] of memory)
    parts.memory.writeBytes(
      Number(address),
      Uint8Array.from(bytes.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    );
  if (registers.root !== undefined) space.context.root = Number(registers.root);
  space.context.asid = registers.asid;
  const cpu = machine.cpu(0);
  for (const buffer of new Set([cpu.dataTlb, cpu.instructionTlb])) buffer.forget(false, false);
  cpu.install(space.context);
  const pageBytes = BigInt(2 ** rig.architecture.hardwarePageShift);
  for (const entry of tlb ?? []) {
    const buffer = entry.unit === "instruction" ? cpu.instructionTlb : cpu.dataTlb;
    buffer.write(
      entry.index,
      Number(BigInt(entry.virtual) / pageBytes),
      Number(BigInt(entry.bytes) / pageBytes),
      Number(BigInt(entry.physical) / pageBytes),
      entry.asid,
      rightsOf(entry.kernel, entry.user),
      entry.global ? ENTRY_GLOBAL : 0,
    );
  }
  return { machine, space };
};

/** One question, with the walk as it is before it. */
export const askVector = (
  { machine, space }: Loaded,
  address: bigint,
  access: Access,
  privilege: Privilege,
): { readonly answer: VectorAnswer; readonly steps: readonly VectorStep[] } => {
  const cpu = machine.cpu(0);
  const shift = BigInt(machine.architecture.hardwarePageShift);
  const isTree = machine.parts.tables.kind === "hierarchical" && machine.architecture.tlb.refill === "hardware";
  const walk = isTree ? machine.walk(space, address, access, privilege) : null;
  const walks = cpu.statistics.walks;
  const within = Number(address & ((1n << shift) - 1n));
  const frame = cpu.translate(Number(address >> shift), access, privilege, within);
  const from = cpu.statistics.walks > walks ? "walk" : "tlb";
  const answer: VectorAnswer =
    frame < 0 ? { fault: FAULT_REASONS[cpu.fault.reason] } : { physical: hexOf((BigInt(frame) << shift) + BigInt(within)), from };
  const steps = (walk?.steps ?? []).map(({ table, entryAddress, raw, says }) => ({
    table,
    address: hexOf(entryAddress ?? 0n),
    raw: hexOf(raw),
    says,
  }));
  return { answer, steps };
};
