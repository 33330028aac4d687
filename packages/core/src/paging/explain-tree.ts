/**
 * The slow and obvious walk: what each level's entry was, where it lay, its bits in words, and the rule that decided.
 * Written on bigints from the field lists alone, so that the fast walker can be checked against it.
 */
import { rootBits, type Architecture } from "../architecture/architecture.js";
import { fieldBits, fieldWidth, type EntryFormat, type Field, type FieldValues, type Switches } from "../architecture/entry-format.js";
import { ABSENT, BAD_ADDRESS, BUS, DOMAIN, NO_FAULT, PROTECTION, RESERVED, UNMARKED, type FaultReason } from "../architecture/faults.js";
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
import { NO_ROOT } from "../machine/translation-context.js";
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
  /** Nothing translates the address, so nothing is let through. */
  const untranslated = (reason: FaultReason, why: string, manual: string): Walk => {
    rights = 0;
    return answer(reason, why, manual);
  };
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") throw new Error("not a hierarchical machine");
  if (!isCanonical(architecture, address))
    return untranslated(BAD_ADDRESS, "the address is one that the machine cannot translate", architecture.manuals[0] ?? "");

  if (root === NO_ROOT)
    return untranslated(
      ABSENT,
      "no root translates the user's half while the kernel's own space is installed",
      architecture.manuals[0] ?? "",
    );
  let low = rootBits(architecture);
  let table = BigInt(root);
  let domain = 0;
  for (const level of translation.levels) {
    const bytes = (level.leaf ?? level.table)?.bytes ?? 4;
    low -= level.indexBits;
    const index = Number((address >> BigInt(low)) & ((1n << BigInt(level.indexBits)) - 1n));
    const entryAddress = table + BigInt(index * bytes);
    if (!memory.isBacked(Number(entryAddress))) return untranslated(BUS, `the ${level.name} lies outside physical memory`, level.manual);
    const raw =
      bytes === 4
        ? BigInt(memory.read32(Number(entryAddress)))
        : (BigInt(memory.readHigh(Number(entryAddress))) << 32n) | BigInt(memory.readLow(Number(entryAddress)));
    const kind = level.kind.tell(valuesOf(level.kind.reads, raw), switches);
    const form = level.forms?.find(({ when }) => when.tell(valuesOf(when.reads, raw), switches));
    const format = kind === "table" ? level.table : kind === "leaf" && form !== undefined ? form.leaf : (level.leaf ?? level.table);
    const size = (1n << BigInt(low)) * BigInt(kind === "leaf" ? (form?.entries ?? 1) : 1);
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
      return untranslated(ABSENT, `entry ${index} of the ${level.name} is absent`, level.manual);
    }
    if (kind === "malformed" || format === undefined) {
      step("malformed");
      return untranslated(RESERVED, `entry ${index} of the ${level.name} has a form that the manual forbids`, level.manual);
    }
    if (translation.faultsOnReserved && format.fields.some((field) => field.role === "reserved" && valueOf(field, raw) !== 0n)) {
      step("reserved bits are set");
      return untranslated(RESERVED, `entry ${index} of the ${level.name} has reserved bits set`, level.manual);
    }
    if (format.domain !== undefined) domain = Number(valueOf(format.domain, raw));
    const rightsRule = format.partRights?.[Number(((address & (size - 1n)) * 4n) / size)] ?? format.rights;
    if (rightsRule !== undefined) {
      const here = rightsRule.tell(valuesOf(rightsRule.reads, raw), switches);
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
    const { combined } = translation;
    if (combined !== undefined) {
      const remaining = rights & combined.tell(rights, switches);
      if (permits(rights, privilege, access) && !permits(remaining, privilege, access)) rule = combined.says;
      rights = remaining;
    }
    if (architecture.can.recordAccess === "fault" && isUnmarked(format, "accessed", raw))
      return answer(UNMARKED, `entry ${index} of the ${level.name} is not marked as accessed`, level.manual);
    const standing = translation.domains?.tell(domain, switches) ?? "checked";
    if (standing === "closed") rights = 0;
    if (standing === "open") rights = ALL_RIGHTS;
    if (standing === "closed") return answer(DOMAIN, `domain ${domain} is closed`, level.manual);
    if (!permits(rights, privilege, access)) return answer(PROTECTION, rule, level.manual);
    if (architecture.can.recordWrite === "fault" && access === WRITE && isUnmarked(format, "dirty", raw))
      return answer(UNMARKED, `entry ${index} of the ${level.name} is not marked as written`, level.manual);
    const physical = target + (address & (size - 1n));
    if (!memory.isBacked(Number(physical))) return answer(BUS, "the page lies outside physical memory", level.manual);
    const why =
      standing === "open"
        ? `domain ${domain} is open: rights are not checked`
        : `every level lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
    return answer(NO_FAULT, why, level.manual, physical);
  }
  return untranslated(RESERVED, "the last level leads to another table", architecture.manuals[0] ?? "");
};

/** Can the machine translate this address at all? */
export const isCanonical = (architecture: Architecture, address: bigint): boolean => {
  const bits = BigInt(architecture.virtualBits);
  const above = address >> (architecture.virtualRule === "exact" ? bits : bits - 1n);
  if (above === 0n) return true;
  return architecture.virtualRule === "sign-extended" && above === ((1n << BigInt(architecture.wordBits)) - 1n) >> (bits - 1n);
};

const valueOf = (field: Field, raw: bigint): bigint => (raw >> BigInt(fieldBits(field)[1])) & ((1n << BigInt(fieldWidth(field))) - 1n);

/** Has the format bits for this mark, and are they clear? */
const isUnmarked = (format: EntryFormat, mark: "accessed" | "dirty", raw: bigint): boolean => {
  const marks = format.fields.filter(({ role }) => role === mark);
  return marks.length > 0 && marks.every((field) => valueOf(field, raw) === 0n);
};

const valuesOf = (fields: readonly Field[], raw: bigint): FieldValues =>
  Object.fromEntries(fields.map((field) => [field.name, Number(valueOf(field, raw))]));

const frameOf = (format: EntryFormat, raw: bigint): bigint =>
  format.fields
    .filter(({ role }) => role === "frame")
    .reduce((sum, field) => sum + (valueOf(field, raw) << BigInt(field.unitShift ?? fieldBits(field)[1])), 0n);
