/** What rows of vectors say of an access, read once more: one row after the other, on bigints, without a TLB, an index or a codec. */
import type { Architecture } from "@portolan/core";
import type { AccessName, PrivilegeName, VectorEntry } from "./format.js";
import { hexOf } from "./play.js";

const within = (at: bigint, { first, last }: { readonly first: bigint; readonly last: bigint }): boolean => at >= first && at <= last;

/** `"refused"` is any fault that an entry is the cause of. */
export type NaiveAnswer = { readonly physical: bigint } | { readonly fault: "absent" | "bad-address" | "refused" };

/** @throws Error where two entries match: which of them answers is nobody's promise */
export const naiveRows = (
  { layout, virtualBits, virtualRule, wordBits, tlb, asids }: Architecture,
  rows: readonly VectorEntry[],
  asid: number,
  at: bigint,
  access: AccessName,
  privilege: PrivilegeName,
): NaiveAnswer => {
  const isUser = privilege === "user";
  const half = 2n ** BigInt(virtualBits - 1);
  const isHole = virtualRule === "sign-extended" && at >= half && at < 2n ** BigInt(wordBits) - half;
  if (isHole || (isUser && layout.privilegeByAddress === true && !within(at, layout.user))) return { fault: "bad-address" };
  const window = layout.windows?.find((each) => within(at, each));
  if (window !== undefined) return { physical: window.physical + at - window.first };
  const unit = access === "execute" && tlb.instruction !== undefined ? "instruction" : "data";
  const tag = !isUser && layout.kernelAddressSpaceShadowed ? asids.kernel : asid;
  const mine = rows.filter((row) => row.unit === unit);
  const isGlobal = ({ index }: VectorEntry): boolean => mine.every((row) => row.index !== index || row.global);
  const found = mine.filter((row) => {
    const past = at - BigInt(row.virtual);
    return past >= 0n && past < BigInt(row.bytes) && (row.asid === tag || isGlobal(row));
  });
  const [row, other] = found;
  if (other !== undefined) throw new Error(`two entries match ${hexOf(at)}`);
  if (row === undefined || row.valid === false) return { fault: "absent" };
  if (!(isUser ? row.user : row.kernel).includes({ read: "r", write: "w", execute: "x" }[access])) return { fault: "refused" };
  return { physical: BigInt(row.physical) + at - BigInt(row.virtual) };
};
