/** The explanation of a translation, for people and for programs. */
import {
  areaFlagsInWords,
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  PRIVILEGED,
  PROTECTION,
  READ,
  USER,
  WRITE,
  type Access,
  type AddressSpace,
  type AreaInfo,
  type FaultRule,
  type Machine,
  type Walk,
  type WalkStep,
} from "@portolan/core";

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

/** What the kernel knows of an address that hardware does not. */
export interface KernelView {
  /** The area that holds the address. */
  readonly area: AreaInfo | null;
  /** What would become of the user's fault; null where there is none, or it is the kernel's own. */
  readonly verdict: FaultRule | null;
}

/** What the area says of an address, and what the fault would come to. Looks only. */
export const kernelView = ({ architecture }: Machine, space: AddressSpace, walk: Walk): KernelView => {
  let area: AreaInfo | null = null;
  for (const info of space.areas()) if (info.base <= walk.address && walk.address < info.base + info.size) area = info;
  if (walk.physical !== null || walk.privilege !== USER) return { area, verdict: null };
  if (area === null) return { area, verdict: "no area at this address" };
  const told = architecture.faults.told(walk.reason, walk.access, walk.privilege);
  return { area, verdict: (area.flags & told) === 0 ? "the area forbids this access" : "served" };
};

const areaLine = ({ base, size, flags, pages, usedPages, backend, isShared }: AreaInfo): string =>
  `It lies in the area ${hex(base)} to ${hex(base + size - 1n)}, ${areaFlagsInWords(flags)}, ${backend}${isShared ? ", shared" : ""}, with ${usedPages} of ${pages} pages in.`;

const verdictLine = (verdict: FaultRule): string =>
  verdict === "served" ? "The kernel would serve the fault: the area permits the access." : `The kernel would refuse: ${verdict}.`;

/** @param machine its name @param asked the address as it was typed, before any part of a trace was moved */
export const walkLines = (machine: string, asked: bigint, walk: Walk, { area, verdict }: KernelView): string[] => {
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
  if (area !== null) lines.push(areaLine(area));
  if (verdict !== null) lines.push(verdictLine(verdict));
  return lines;
};

const isMapped = ({ physical, reason }: Walk): boolean => physical !== null || reason === PROTECTION || reason === PRIVILEGED;

/** The same as a value that JSON can hold: 64-bit numbers are hexadecimal strings. */
export const walkValue = (asked: bigint, walk: Walk, { area, verdict }: KernelView) => ({
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
  area: area === null ? null : { ...area, base: hex(area.base), size: Number(area.size), flags: areaFlagsInWords(area.flags) },
  kernelVerdict: verdict,
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
