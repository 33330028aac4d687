/** A disagreement as golden vectors: a file that anybody can replay, and that this judge reads back. */
import type { VectorQuery, VectorSet } from "@portolan/conformance";
import { EXECUTE, READ, USER, type Access } from "@portolan/core";
import type { JudgedCase, JudgedQuery } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

const nameOf = (access: Access): VectorQuery["access"] => (access === READ ? "read" : access === EXECUTE ? "execute" : "write");

/** Only what differs is asked. Null where the case is not of tables, or has registers that vectors do not know. */
export const vectorsOf = (
  { architecture }: MachineProfile,
  judged: JudgedCase,
  queries: readonly JudgedQuery[],
  judge: string,
): VectorSet | null => {
  if (judged.root === undefined || judged.kernelRoot !== undefined || judged.registers !== undefined || judged.entries !== undefined)
    return null;
  return {
    format: 1,
    machine: architecture.name,
    set: "disagreement",
    manuals: architecture.manuals,
    provenance: `computed by Portolan; ${judge} answers otherwise`,
    ram: { first: hex(judged.ram.first), bytes: hex(judged.ram.bytes) },
    vectors: [
      {
        name: judged.name,
        about: judged.name,
        registers: { root: hex(judged.root), asid: judged.asid, switches: judged.switches },
        memory: judged.memory.flatMap(({ at, bytes }) => rowsOf(at, bytes)),
        queries: queries.map(({ address, access, privilege, expected }) => ({
          address: hex(address),
          access: nameOf(access),
          privilege: privilege === USER ? "user" : "kernel",
          answer: expected.kind === "physical" ? { physical: hex(expected.physical), from: "walk" } : { fault: expected.reason },
        })),
      },
    ],
  };
};

/** Rows of 16 bytes that are not all zero. */
const rowsOf = (at: number, bytes: Uint8Array): [string, string][] => {
  const rows: [string, string][] = [];
  for (let within = 0; within < bytes.length; within += 16) {
    const row = bytes.subarray(within, within + 16);
    if (row.some((byte) => byte !== 0))
      rows.push([hex(at + within), Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join("")]);
  }
  return rows;
};
