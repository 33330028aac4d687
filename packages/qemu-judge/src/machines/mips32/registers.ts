/**
 * Coprocessor 0 on our side: the port's own, which writes the judged entries by TLBWI and afterwards holds what a handler
 * would find. Nobody refills: an access that no entry serves ends in the exception that it takes.
 */
import { Cp0, EXC_TLBS, MULTIPLE_MATCHES, Shutdown } from "@portolan/arch-mips32";
import {
  ABSENT,
  BUS,
  CPUS,
  EXECUTE,
  permits,
  PROTECTION,
  READ,
  WRITE,
  type Access,
  type Cpu,
  type FaultReason,
  type Machine,
  type MakePart,
  type Privilege,
  type Refill,
} from "@portolan/core";
import type { JudgedEntry, JudgedQuery } from "../../case.js";

/** Context.PTEBase while a case is judged: hardware must leave it alone. */
export const PTE_BASE = 0xab80_0000;
/** Added to an offset from the base of the vectors where they are in RAM, it is the offset from their base in ROM. */
const IN_ROM = 0x200;
const RAM_VECTORS = 0x8000_0000;

const PAGE = 4096n;
const STORED = 0;

const registers = new WeakMap<Cpu, Cp0>();

/** A processor's; a machine whose refill code somebody has put aside has them too. */
const registersOf = (cpu: Cpu): Cp0 => {
  const known = registers.get(cpu) ?? new Cp0(cpu, cpu.seed, new Shutdown());
  registers.set(cpu, known);
  return known;
};

class NobodyRefills implements Refill {
  miss(cpu: Cpu): FaultReason {
    registersOf(cpu).takeRefill();
    return ABSENT;
  }

  refused(cpu: Cpu, page: number, _access: Access, privilege: Privilege, entry: number): FaultReason {
    const isValid = permits(cpu.dataTlb.rightsOf(entry, page), privilege, READ);
    if (isValid) registersOf(cpu).takeModified();
    else registersOf(cpu).takeInvalid();
    return isValid ? PROTECTION : ABSENT;
  }
}

/** The refill code of a machine that is judged, over registers that do with several matches what its processor does. */
export const nobodyRefills: MakePart<Refill> = (get) => {
  for (const cpu of get(CPUS)) registers.set(cpu, new Cp0(cpu, cpu.seed, get(MULTIPLE_MATCHES)));
  return new NobodyRefills();
};

/** Writes entries, in order, as software does. What a write says of several matches is the judge's to see. */
export const loadEntries = (machine: Machine, entries: readonly JudgedEntry[]): void => {
  const cp0 = registersOf(machine.cpu(0));
  cp0.context = PTE_BASE;
  for (const { index, words } of entries) {
    const [hi = 0, mask = 0, lo0 = 0, lo1 = 0] = words.map(Number);
    cp0.index = index;
    cp0.entryHi = hi;
    cp0.pageMask = mask;
    cp0.entryLo0 = lo0;
    cp0.entryLo1 = lo1;
    cp0.tlbwi();
  }
};

/**
 * What a handler finds after an access was refused, which is made once more, at the very byte. An address error leaves EntryHi
 * and Context as they may be, a bus error BadVAddr too.
 *
 * @see MIPS32 PRA vol III, Address Error exception, "Additional State Saved"
 */
export const registersAfter = (
  machine: Machine,
  { address, access, privilege }: Pick<JudgedQuery, "address" | "access" | "privilege">,
): Readonly<Record<string, bigint>> => {
  const cpu = machine.cpu(0);
  const [page, offset] = [Number(address / PAGE), Number(address % PAGE)];
  if (access === WRITE) cpu.store32(page, offset, STORED, privilege);
  else if (access === EXECUTE) cpu.fetch32(page, offset, privilege);
  else cpu.load32(page, offset, privilege);
  const isBus = cpu.fault.reason === BUS;
  const cp0 = registersOf(cpu);
  const { cause, vector, badVAddr, entryHi, context } = cp0;
  return {
    Cause: BigInt(cause),
    vector: BigInt(vector - RAM_VECTORS + IN_ROM),
    ...(isBus ? {} : { BadVAddr: BigInt(badVAddr) }),
    ...(cause >>> 2 <= EXC_TLBS ? { EntryHi: BigInt(entryHi), Context: BigInt(context) } : {}),
  };
};
