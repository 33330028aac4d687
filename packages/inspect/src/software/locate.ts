/** Where a software cache lies in memory: its register has an address of the kernel's, which an entry of the TLB translates. */
import { READ, type Access, type Architecture } from "@portolan/core/architecture";
import { hexadecimal } from "../in-words.js";
import { holds, type Memory } from "../memory.js";
import type { PlacedBuffer, SoftwareSources } from "./sources.js";
import { lookUp, unitFor } from "./tlb.js";
import type { FoundBuffer } from "./tsb.js";

/** What the handlers give the kernel without a look at anything: a physical address that is in memory, or null. */
export const givenToKernel = (memory: Memory, { view }: SoftwareSources, address: bigint, access: Access): number | null => {
  const [first] = memory.regions;
  const last = memory.regions.at(-1);
  if (first === undefined || last === undefined) return null;
  const given = view.fixedFor?.(address, access, { first: first.first, bytes: last.first + last.bytes - first.first }) ?? null;
  return given !== null && holds(memory, Number(given)) ? Number(given) : null;
};

/** Null where nothing translates the address. */
export const locate = (
  memory: Memory,
  architecture: Architecture,
  sources: SoftwareSources,
  { buffer, value }: PlacedBuffer,
): FoundBuffer | null => {
  const { view, tlb } = sources;
  const { base, slots, isSplit } = buffer.parse(value);
  const found = { buffer, value, slots: isSplit ? slots * 2 : slots };
  const { row } = lookUp(tlb ?? [], view, unitFor(architecture, false), base, architecture.asids.kernel);
  if (row !== null && row.valid !== false)
    return {
      ...found,
      physical: Number(row.physical + base - row.virtual),
      says: `${hexadecimal(base)} by entry ${row.index} of the data TLB`,
    };
  const given = givenToKernel(memory, sources, base, READ);
  return given === null ? null : { ...found, physical: given, says: `${hexadecimal(base)} as the refill code gives it to the kernel` };
};
