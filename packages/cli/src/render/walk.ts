/** The explanation of a translation, for people and for programs. */
import { EXECUTE, FAULT_REASONS, KERNEL, PRIVILEGED, PROTECTION, READ, WRITE, type Access, type Walk, type WalkStep } from "@portolan/core";

const ACCESSES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };

const hex = (value: bigint, digits = 0): string => `0x${value.toString(16).padStart(digits, "0")}`;

const rightsIn = (mask: number): string =>
  `${(mask & READ) === 0 ? "-" : "r"}${(mask & WRITE) === 0 ? "-" : "w"}${(mask & EXECUTE) === 0 ? "-" : "x"}`;

/** The fields of an entry, a line each; a word of zeroes has nothing to tell but that. */
const fieldLines = ({ raw, fields }: WalkStep): string[] => {
  if (raw === 0n) return [];
  const width = Math.max(...fields.map(({ name }) => name.length));
  return fields.map(({ name, high, low, value, means }) => {
    const bits = high === low ? String(high) : `${high}:${low}`;
    return `  ${bits.padStart(7)}  ${name.padEnd(width)}  ${hex(value)}  ${means}`;
  });
};

/** @param machine its name @param asked the address as it was typed, before any part of a trace was moved */
export const walkLines = (machine: string, asked: bigint, walk: Walk): string[] => {
  const who = walk.privilege === KERNEL ? "kernel" : "user";
  const lines = [`${hex(asked)} on ${machine}, ${who} ${ACCESSES[walk.access]}:`];
  if (walk.address !== asked) lines.push(`(moved to ${hex(walk.address)})`);
  for (const step of walk.steps) {
    const place = step.entryAddress === null ? "" : ` at ${hex(step.entryAddress)}`;
    lines.push("", `${step.table}, entry ${step.index}${place}: ${hex(step.raw, step.bytes * 2)}`, ...fieldLines(step));
    lines.push(`  ${step.says} [${step.manual}]`);
  }
  const ends = walk.physical === null ? `It would fault (${FAULT_REASONS[walk.reason]})` : `Physical address ${hex(walk.physical)}`;
  lines.push("", `${ends}: ${walk.rule} [${walk.manual}]`);
  // Rights belong to a page; where the way ends before one there are none to tell of.
  if (isMapped(walk)) lines.push(`The kernel may ${rightsIn(walk.kernelRights)}, the user ${rightsIn(walk.userRights)}.`);
  return lines;
};

const isMapped = ({ physical, reason }: Walk): boolean => physical !== null || reason === PROTECTION || reason === PRIVILEGED;

/** The same as a value that JSON can hold: 64-bit numbers are hexadecimal strings. */
export const walkValue = (asked: bigint, walk: Walk) => ({
  asked: hex(asked),
  address: hex(walk.address),
  access: ACCESSES[walk.access],
  privilege: walk.privilege === KERNEL ? "kernel" : "user",
  physical: walk.physical === null ? null : hex(walk.physical),
  reason: FAULT_REASONS[walk.reason],
  rule: walk.rule,
  manual: walk.manual,
  kernelRights: rightsIn(walk.kernelRights),
  userRights: rightsIn(walk.userRights),
  steps: walk.steps.map(({ table, tableAddress, index, entryAddress, bytes, raw, says, manual, fields }) => ({
    table,
    tableAddress: tableAddress === null ? null : hex(tableAddress),
    index,
    entryAddress: entryAddress === null ? null : hex(entryAddress),
    bytes,
    raw: hex(raw, bytes * 2),
    says,
    manual,
    fields: fields.map(({ name, high, low, value, means }) => ({ name, high, low, value: hex(value), means })),
  })),
});
