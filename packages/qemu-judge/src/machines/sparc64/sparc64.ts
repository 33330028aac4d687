/**
 * An UltraSPARC IIi inside QEMU. One profile judges what is in its TLBs; the other what the handler of a miss finds in TSBs, by
 * the pointers that the processor itself computes.
 *
 * Our side has no accesses "as if user" and no nucleus: those are routes by which the stub performs the same access, and every
 * case says by its register `route` which one it takes (stubs/sparc64.S lists them).
 *
 * @see UltraSPARC I & II User's Manual (Sun, 802-7220) chapter 6
 */
import { sparc64 as architecture, tagAccess } from "@portolan/arch-sparc64";
import { oracle } from "@portolan/arch-sparc64/oracle";
import type { VectorEntry } from "@portolan/conformance";
import {
  ABSENT,
  BUS,
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  NO_FAULT,
  PAGE_CACHEABLE,
  READ,
  USER,
  WRITE,
  type FaultReason,
  type Machine,
} from "@portolan/core";
import { entryCases } from "./entry-cases.js";
import { tlbHistoryCases, tsbHistoryCases } from "./history-cases.js";
import { tsbCases } from "./tsb-cases.js";
import type { JudgedCase, JudgedEntry, JudgedQuery } from "../../case.js";
import type { RawResult } from "../../mailbox.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap } from "../profile.js";
import { deviations } from "./deviations.js";
import { DATA_TSB, INSTRUCTION_TSB, loadTsbs, POINTER_8K, POINTERS } from "./tsb.js";
import {
  bytesOf,
  CACHED,
  codecOf,
  encoded,
  GLOBAL,
  HARDWARE_PAGE,
  loadEntry,
  NFO,
  OTHER_ORDER,
  PRIVILEGED_ONLY,
  sized,
  startOf,
  VALID,
  WRITABLE,
} from "./tte.js";

const MIB = 2 ** 20;
const RAM = 64 * MIB;
/** Between RAM and this there is nothing. */
const DEVICES = 0x1c0_0000_0000n;
const CASES = { first: 4 * MIB, bytes: 24 * MIB };
const MAILBOX = 0x201_0000;

/** The register of a case that says by which route accesses are made. */
export const ROUTE = "route";

/** `sethi; or; ta 0x10; nop`, and the doubleword that loads load. */
const slot: SlotKind = {
  bytes: 32,
  dataOffset: 16,
  dataBytes: 8,
  make(physical) {
    const stamp = stampOf(physical);
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, (0x1100_0000 | (stamp >>> 10)) >>> 0);
    view.setUint32(4, (0x9012_2000 | (stamp & 0x3ff)) >>> 0);
    view.setUint32(8, 0x91d0_2010);
    view.setUint32(12, 0x0100_0000);
    view.setUint32(20, stamp);
    return bytes;
  },
};

/** Traps by their type, as the port names them. */
const TRAPS: ReadonlyMap<number, string> = new Map(
  FAULT_REASONS.map((_, reason) => reason as FaultReason)
    .filter((reason) => reason !== NO_FAULT)
    .flatMap((reason) => [READ, WRITE, EXECUTE].map((access) => architecture.faults.report(reason, access as 1 | 2 | 4, KERNEL).trap))
    .map((name) => [Number(/\((0x[0-9a-f]+)\)/.exec(name)?.[1]), name]),
);

/** Fields of the status register that say by which instruction the access was made, and the context that it went by. @see USUM §6.9.4 */
const BY_KERNEL = 1 << 3;
const CONTEXT_SHIFT = 4;
const IN_PRIMARY = 0;
const IN_SECONDARY = 1;
const IN_NUCLEUS = 2;

const routeOf = ({ registers }: Pick<JudgedCase, "registers">): number => Number(registers?.[ROUTE] ?? 0n);

/** The status register as our side tells it: without the field CT, and with PR for who is meant, not for who ran. */
const statusOf = (status: number, { access, privilege }: JudgedQuery, judged: JudgedCase): number => {
  if (status === 0) return 0;
  const route = routeOf(judged);
  const isFetch = access === EXECUTE;
  const kernels = [IN_PRIMARY, isFetch ? IN_PRIMARY : IN_SECONDARY, IN_NUCLEUS];
  const users = [IN_PRIMARY, IN_PRIMARY, isFetch ? IN_PRIMARY : IN_SECONDARY];
  const context = (privilege === KERNEL ? kernels : users)[route] ?? IN_PRIMARY;
  const isAsIfUser = privilege === USER && route > 0 && !isFetch;
  // What is not as it has to be stays, and differs.
  return status ^ (context << CONTEXT_SHIFT) ^ (isAsIfUser ? BY_KERNEL : 0);
};

const trap = (raw: RawResult, query: JudgedQuery, judged: JudgedCase): Trap => {
  const type = Number(raw.trap);
  const [fault, pc, other] = raw.extra;
  return {
    trap: TRAPS.get(type) ?? `trap 0x${type.toString(16)}`,
    code: statusOf(Number(raw.code), query, judged),
    registers: {
      "tag access register": raw.address,
      "page of the fault address": fault >> 13n,
      "status register of the other MMU": other,
      ...(query.access === EXECUTE ? { TPC: pc } : {}),
    },
  };
};

/** What those registers hold on our side. The fault address is written with the status register only; QEMU writes its page. */
const registersAfter = (
  machine: Machine,
  { address, access, privilege }: Pick<JudgedQuery, "address" | "access" | "privilege">,
): Readonly<Record<string, bigint>> => {
  const cpu = machine.cpu(0);
  const { reason } = cpu.fault;
  const isTold = reason !== ABSENT && reason !== BUS && access !== EXECUTE;
  return {
    ...(reason === BUS ? {} : { "tag access register": tagAccess(address, cpu.asidFor(privilege)) }),
    "page of the fault address": isTold ? address >> 13n : 0n,
    "status register of the other MMU": 0n,
    TPC: address,
  };
};

/** An address of 4 MiB that nothing of the case goes by, for the stub's own entry. */
const ownAddress = ({ entries = [], queries }: JudgedCase): bigint => {
  const taken = new Set([
    ...queries.filter(({ access }) => access === EXECUTE).map(({ address }) => address >> 22n),
    ...entries.filter(({ unit }) => unit === "instruction").map(({ words: [tag = 0n] }) => tag >> 22n),
  ]);
  let place = 0x100_0000_0000n >> 22n;
  while (taken.has(place)) place += 1n;
  return place << 22n;
};

/** The highest entry of the instruction TLB that the case leaves free. @throws Error if there is none */
const ownEntry = ({ name, entries = [] }: JudgedCase): number => {
  const taken = new Set(entries.filter(({ unit }) => unit === "instruction").map(({ index }) => index));
  for (let index = architecture.tlb.data.entries - 1; index >= 0; index -= 1) if (!taken.has(index)) return index;
  throw new Error(`${name}: no entry of the instruction TLB is left for the stub`);
};

/** A context that no access goes by, and no entry. */
const nobodysContext = ({ asid, entries = [] }: JudgedCase): number => {
  const taken = new Set([asid, architecture.asids.kernel, ...entries.map(({ words: [tag = 0n] }) => Number(tag & 0x1fffn))]);
  let context = architecture.asids.last;
  while (taken.has(context)) context -= 1;
  return context;
};

const registersOf = (judged: JudgedCase, refills: boolean): readonly (bigint | number)[] => {
  const { asid, entries = [], ram, registers = {}, switches } = judged;
  return [
    entries.length,
    asid,
    architecture.asids.kernel,
    nobodysContext(judged),
    routeOf(judged),
    ownAddress(judged),
    ownEntry(judged) * 8,
    registers[INSTRUCTION_TSB] ?? 0n,
    registers[DATA_TSB] ?? 0n,
    refills ? (registers[POINTERS] ?? POINTER_8K) : 0n,
    ram.first,
    refills ? ram.bytes : 0,
    // What the port's kernel maps its RAM with.
    encoded(codecOf("data", switches), 0, READ | WRITE | PAGE_CACHEABLE),
  ];
};

/**
 * Data: r or rw, or nothing at all, as only loads that must not fault may use it. Instructions: x. The kernel may what the entry
 * says; the user the same, or nothing.
 */
const entryWords = ([row]: readonly VectorEntry[]): readonly bigint[] | null => {
  if (row === undefined) return null;
  const { unit, virtual, bytes, physical, asid, global, kernel, user } = row;
  const letters = unit === "instruction" ? ["x"] : ["r", "w"];
  const [kernels = "", users = ""] = [kernel, user].map((text) => letters.filter((letter) => text.includes(letter)).join(""));
  const size = ([0, 1, 2, 3] as const).find((each) => bytesOf(sized(each)) === BigInt(bytes));
  const isNoFault = unit === "data" && kernel + user === "";
  if (size === undefined || (users !== "" && users !== kernels)) return null;
  if (!isNoFault && !["r", "rw", "x"].includes(kernels)) return null;
  const flags = isNoFault ? NFO : (users === "" ? PRIVILEGED_ONLY : 0n) | (kernels === "rw" ? WRITABLE : 0n);
  const tag = (BigInt(virtual) & ~(HARDWARE_PAGE - 1n)) | BigInt(asid);
  return [tag, VALID | sized(size) | BigInt(physical) | CACHED | flags | (global ? GLOBAL : 0n)];
};

/** Does the access go through an entry with IE? Fetches know no other order. @see USUM §6.2 */
const turnsBytes = ({ address, access, privilege }: JudgedQuery, { asid, entries = [] }: JudgedCase): boolean => {
  if (access === EXECUTE) return false;
  const context = BigInt(privilege === KERNEL ? architecture.asids.kernel : asid);
  const matching = entries
    .filter(({ unit, words: [tag = 0n, tte = 0n] }) => {
      const isMeant = (tte & GLOBAL) !== 0n || (tag & 0x1fffn) === context;
      return unit === "data" && (tte & VALID) !== 0n && isMeant && startOf(tag, tte) === startOf(address, tte);
    })
    .toSorted((one, other) => one.index - other.index);
  return ((matching[0]?.words[1] ?? 0n) & OTHER_ORDER) !== 0n;
};

const common = {
  architecture,
  oracle,
  memory: "process",
  ram: { first: 0, bytes: RAM },
  cases: CASES,
  stub: "sparc64.bin",
  mailbox: { at: MAILBOX, wordBytes: 8, order: "big" },
  slot,
  trap,
  registersAfter,
  faultAddress: () => null,
  mailboxEntry: ({ unit, index, words: [tag = 0n, tte = 0n] }: JudgedEntry) => [
    tag,
    tte,
    BigInt(index * 8),
    unit === "instruction" ? 1n : 0n,
  ],
  judgesBus: (physical: bigint) => physical >= BigInt(RAM) && physical < DEVICES,
  explanations: deviations,
} as const satisfies Partial<MachineProfile>;

const qemu = (title: string): MachineProfile["qemu"] => ({
  program: "qemu-system-sparc64",
  package: "qemu-system-sparc",
  title,
  args: ["-M", "sun4u", "-m", `${RAM / MIB}M`, "-bios", "{stub}"],
});

/** What is in the TLBs. A miss is a miss; what an entry refuses is the port's business. */
export const sparc64: MachineProfile = {
  ...common,
  name: "sparc64",
  qemu: qemu("UltraSPARC IIi"),
  registers: (judged) => registersOf(judged, false),
  load: (machine, _space, { entries = [] }) => {
    for (const entry of entries) loadEntry(machine, entry);
  },
  byHand: (_get, usual) => {
    const port = usual();
    return { miss: () => ABSENT, refused: (...asked) => port.refused(...asked) };
  },
  entryWords,
  turnsBytes,
  own: function* (random, queries, subject) {
    yield* tlbHistoryCases(sparc64, subject, random, queries * 0.5);
    yield* entryCases(sparc64, subject, random, queries * 0.5);
  },
};

/** What is in TSBs: every access begins with empty TLBs. */
export const sparc64Tsb: MachineProfile = {
  ...common,
  name: "sparc64-tsb",
  qemu: qemu("UltraSPARC IIi, through TSBs"),
  registers: (judged) => registersOf(judged, true),
  refills: true,
  load: loadTsbs,
  own: function* (random, queries, subject) {
    yield* tsbHistoryCases(sparc64Tsb, subject, random, queries * 0.5);
    yield* tsbCases(sparc64Tsb, subject, random, queries * 0.5);
  },
};
