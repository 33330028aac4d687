/** Holds what the judge saw against what our side says. */
import type { JudgedCase, JudgedQuery } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import type { Actual } from "./actual.js";

/** Null if they agree; else what differs, in words. */
export const difference = (profile: MachineProfile, judged: JudgedCase, query: JudgedQuery, actual: Actual): string | null => {
  const { expected } = query;
  if (actual.kind === "lost") return `${said(query)}; QEMU never came back from the access`;
  if (expected.kind === "physical") {
    if (actual.kind === "trap") return `${said(query)}; QEMU traps: ${trapInWords(actual.trap)}`;
    if (actual.physical === expected.physical) return null;
    return `${said(query)}; QEMU ${actual.physical === null ? `finds ${hex(actual.value)} there, which is of no slot` : `goes to ${hex(actual.physical)}`}`;
  }
  if (actual.kind === "physical")
    return `${said(query)}; QEMU lets it through to ${actual.physical === null ? "a place that is no slot" : hex(actual.physical)}`;
  const { report } = expected;
  if (report === undefined) return null;
  const { trap } = actual;
  if (trap.trap !== report.trap || trap.code !== report.code) return `${said(query)}; QEMU traps: ${trapInWords(trap)}`;
  const address = profile.faultAddress === undefined ? accessedAt(profile, query) : profile.faultAddress(query, judged);
  if (address !== null && trap.address !== undefined && trap.address !== address)
    return `${said(query)}; QEMU's register of the faulting address holds ${hex(trap.address)}, not ${hex(address)}`;
  for (const [name, value] of Object.entries(report.registers ?? {})) {
    const found = trap.registers?.[name];
    if (found !== undefined && found !== value) return `${said(query)}; QEMU's ${name} holds ${hex(found)}, ours ${hex(value)}`;
  }
  return null;
};

/** The address that the instruction names: data lies behind the slot's code. */
export const accessedAt = ({ slot }: MachineProfile, { address, access }: JudgedQuery): bigint =>
  access === 4 ? address : address + BigInt(slot.dataOffset);

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const trapInWords = ({ trap, code, address }: { readonly trap: string; readonly code: number; readonly address?: bigint }): string =>
  `${trap}, code 0x${code.toString(16)}${address === undefined ? "" : `, address ${hex(address)}`}`;

const said = ({ expected }: JudgedQuery): string => {
  if (expected.kind === "physical") return `expected ${hex(expected.physical)}`;
  const { reason, report } = expected;
  return `expected a fault, ${reason}${report === undefined ? "" : ` (${trapInWords(report)})`}`;
};
