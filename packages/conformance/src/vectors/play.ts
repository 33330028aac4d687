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
  USER,
  WRITE,
  type Access,
  type AddressSpace,
  type Architecture,
  type Machine,
  type Privilege,
  type Refill,
  type SoftwareTlb,
  type Tlb,
  type TlbRow,
} from "@portolan/core";
import type { Rig } from "../rig/rig.js";
import type { AccessName, PrivilegeName, Vector, VectorAnswer, VectorRows, VectorSet, VectorStep } from "./format.js";
import { entriesOf, rightsOf, type Entry } from "./rows.js";

export const ACCESS_OF: Readonly<Record<AccessName, Access>> = { read: READ, write: WRITE, execute: EXECUTE };
export const PRIVILEGE_OF: Readonly<Record<PrivilegeName, Privilege>> = { kernel: KERNEL, user: USER };

export const hexOf = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Nobody fills the TLB but who loads it by hand, and what refuses is told in one word: entries of any rights are nobody's hardware. */
export const byHand: Refill = { miss: () => ABSENT, refused: () => PROTECTION };

/** The same where entries are the hardware's: what refuses is told as the processor tells it. */
const asHardware = (software: SoftwareTlb): Refill => ({
  miss: (_cpu, _page, access) => software.miss(access).reason,
  refused({ dataTlb, instructionTlb }, page, access, privilege, index) {
    const isFetch = access === EXECUTE && instructionTlb !== dataTlb;
    const rights = (isFetch ? instructionTlb : dataTlb).rightsOf(index, page);
    const row: TlbRow = {
      unit: isFetch ? "instruction" : "data",
      index,
      virtual: 0n,
      bytes: 0,
      physical: 0n,
      asid: 0,
      global: false,
      kernel: rights & 7,
      user: rights >>> 3,
      ...(rights === 0 && software.matchesInvalid ? { valid: false } : {}),
    };
    return software.refusal(row, access, privilege).reason;
  },
});

const refillFor = ({ tlb }: Architecture, rows: VectorRows): Refill =>
  rows === "hardware" && tlb.software !== undefined ? asHardware(tlb.software) : byHand;

export interface Loaded {
  readonly machine: Machine;
  readonly space: AddressSpace;
}

/** A machine with the vector's RAM, registers, memory and TLB entries, and nothing else. */
export const loadVector = (
  rig: Rig,
  { ram, rows = "any" }: Pick<VectorSet, "ram" | "rows">,
  { registers, memory, tlb }: Pick<Vector, "registers" | "memory" | "tlb">,
): Loaded => {
  const isByHand = tlb !== undefined;
  const machine = rig.build(
    { memoryBase: Number(ram.first), memoryBytes: Number(ram.bytes), switches: registers.switches },
    isByHand ? (parts) => parts.register(REFILL, () => refillFor(rig.architecture, rows)) : undefined,
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
  for (const entry of entriesOf(tlb ?? [], rig.architecture))
    writeEntry(entry[0].unit === "instruction" ? cpu.instructionTlb : cpu.dataTlb, entry, 2 ** rig.architecture.hardwarePageShift);
  return { machine, space };
};

/** Writes an entry whose rows are in ascending order. One row over a pair maps both of its pages, one behind the other. */
const writeEntry = (buffer: Tlb, rows: Entry, pageBytes: number): void => {
  const [first, second] = rows;
  const pages = (text: string): number => Number(BigInt(text) / BigInt(pageBytes));
  const span = pages(first.bytes) * rows.length;
  const isGlobal = rows.every((row) => row.global);
  const rights = rightsOf(first);
  buffer.write(first.index, pages(first.virtual), span, pages(first.physical), first.asid, rights, isGlobal ? ENTRY_GLOBAL : 0);
  if (second !== undefined) buffer.writeOdd(first.index, pages(second.physical), rightsOf(second));
  else if (buffer.geometry.paired) buffer.writeOdd(first.index, pages(first.physical) + span / 2, rights);
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
