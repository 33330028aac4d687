/**
 * The slow and obvious walk: what each level's entry was, where it lay, its bits in words, and the rule that decided.
 * Written on bigints from the field lists alone, so that the fast walker can be checked against it.
 */
import type { Architecture } from "../architecture/architecture.js";
import { fieldBits, fieldWidth, type EntryFormat, type Field, type FieldValues, type Switches } from "../architecture/entry-format.js";
import { ABSENT, BAD_ADDRESS, BUS, NO_FAULT, PROTECTION, RESERVED, type FaultReason } from "../architecture/faults.js";
import {
  ALL_RIGHTS,
  EXECUTE,
  KERNEL,
  READ,
  USER,
  WRITE,
  permits,
  type Access,
  type Privilege,
  type Rights,
} from "../architecture/rights.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import { explainEntry } from "./explain-entry.js";
import type { Walk, WalkStep } from "../architecture/walk.js";

const ACCESS_NAMES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };
const PRIVILEGE_NAMES: Readonly<Record<Privilege, string>> = { [KERNEL]: "kernel", [USER]: "user" };

/** Explains one access on a machine with trees. Reads memory, changes nothing; `root` is a physical address in bytes. */
export const explainTree = (
  architecture: Architecture,
  memory: PhysicalMemory,
  root: number,
  address: bigint,
  access: Access,
  privilege: Privilege,
  switches: Switches,
): Walk => {
  const steps: WalkStep[] = [];
  let rights: Rights = ALL_RIGHTS;
  let rule = "";
  const answer = (reason: FaultReason, why: string, manual: string, physical: bigint | null = null): Walk => ({
    address,
    access,
    privilege,
    steps,
    physical,
    reason,
    rule: why,
    manual,
    kernelRights: rights & 7,
    userRights: rights >>> 3,
  });
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") throw new Error("not a hierarchical machine");
  if (!isCanonical(architecture, address))
    return answer(BAD_ADDRESS, "the address is one that the machine cannot translate", architecture.manuals[0] ?? "");

  let low = architecture.virtualBits;
  let table = BigInt(root);
  for (const level of translation.levels) {
    const bytes = (level.leaf ?? level.table)?.bytes ?? 4;
    low -= level.indexBits;
    const index = Number((address >> BigInt(low)) & ((1n << BigInt(level.indexBits)) - 1n));
    const entryAddress = table + BigInt(index * bytes);
    if (!memory.isBacked(Number(entryAddress))) return answer(BUS, `the ${level.name} lies outside physical memory`, level.manual);
    const raw =
      bytes === 4
        ? BigInt(memory.read32(Number(entryAddress)))
        : (BigInt(memory.readHigh(Number(entryAddress))) << 32n) | BigInt(memory.readLow(Number(entryAddress)));
    const kind = level.kind.tell(valuesOf(level.kind.reads, raw), switches);
    const format = kind === "table" ? level.table : (level.leaf ?? level.table);
    const step = (says: string): void => {
      steps.push({
        table: level.name,
        tableAddress: table,
        index,
        entryAddress,
        bytes,
        raw,
        says,
        manual: level.manual,
        fields: format === undefined ? [] : explainEntry(format, raw),
      });
    };
    if (kind === "absent") {
      step("absent");
      return answer(ABSENT, `entry ${index} of the ${level.name} is absent`, level.manual);
    }
    if (kind === "malformed" || format === undefined) {
      step("malformed");
      return answer(RESERVED, `entry ${index} of the ${level.name} has a form that the manual forbids`, level.manual);
    }
    if (translation.faultsOnReserved && format.fields.some((field) => field.role === "reserved" && valueOf(field, raw) !== 0n)) {
      step("reserved bits are set");
      return answer(RESERVED, `entry ${index} of the ${level.name} has reserved bits set`, level.manual);
    }
    if (format.rights !== undefined) {
      const here = format.rights.tell(valuesOf(format.rights.reads, raw), switches);
      if (rule === "" && !permits(here, privilege, access)) {
        rule = `entry ${index} of the ${level.name} does not let the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
      }
      rights &= here;
    }
    const target = frameOf(format, raw);
    if (kind === "table") {
      step(`leads to the table at 0x${target.toString(16)}`);
      table = target;
      continue;
    }
    step(`maps physical address 0x${target.toString(16)}`);
    if (!permits(rights, privilege, access)) return answer(PROTECTION, rule, level.manual);
    const physical = target + (address & ((1n << BigInt(low)) - 1n));
    if (!memory.isBacked(Number(physical))) return answer(BUS, "the page lies outside physical memory", level.manual);
    return answer(NO_FAULT, `every level lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`, level.manual, physical);
  }
  return answer(RESERVED, "the last level leads to another table", architecture.manuals[0] ?? "");
};

/** Can the machine translate this address at all? */
export const isCanonical = (architecture: Architecture, address: bigint): boolean => {
  const bits = BigInt(architecture.virtualBits);
  const above = address >> (architecture.virtualRule === "exact" ? bits : bits - 1n);
  if (above === 0n) return true;
  return architecture.virtualRule === "sign-extended" && above === ((1n << BigInt(architecture.wordBits)) - 1n) >> (bits - 1n);
};

const valueOf = (field: Field, raw: bigint): bigint => (raw >> BigInt(fieldBits(field)[1])) & ((1n << BigInt(fieldWidth(field))) - 1n);

const valuesOf = (fields: readonly Field[], raw: bigint): FieldValues =>
  Object.fromEntries(fields.map((field) => [field.name, Number(valueOf(field, raw))]));

const frameOf = (format: EntryFormat, raw: bigint): bigint =>
  format.fields
    .filter(({ role }) => role === "frame")
    .reduce((sum, field) => sum + (valueOf(field, raw) << BigInt(field.unitShift ?? fieldBits(field)[1])), 0n);
