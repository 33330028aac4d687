/** The slow and obvious walk of a hashed machine: the software cache's slot, then the chain of the page hash table. */
import type { Architecture } from "../architecture/architecture.js";
import { ABSENT, BAD_ADDRESS, BUS, NO_FAULT, PROTECTION, type FaultReason } from "../architecture/faults.js";
import { EXECUTE, KERNEL, READ, USER, WRITE, permits, type Access, type Privilege, type Rights } from "../architecture/rights.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";
import type { TranslationContext } from "../machine/translation-context.js";
import { explainFields } from "./explain-entry.js";
import { isCanonical } from "./explain-tree.js";
import { hashEntryFields, hashHeadFields, HASH_ENTRY_BYTES, HASH_HEAD_BYTES } from "./page-hash-format.js";
import { NO_ENTRY, type PageHash } from "./page-hash.js";
import type { Walk, WalkStep } from "../architecture/walk.js";

/** What the explanation looks at: the table, and the space on whose behalf it looks. */
export interface HashToExplain {
  readonly architecture: Architecture;
  readonly memory: PhysicalMemory;
  readonly hash: PageHash;
  readonly context: TranslationContext;
  /** What an entry lets through, by its flags. */
  readonly rights: Uint8Array;
}

const TABLE = "page hash table";
const MANUAL = "read by refill code, not by hardware";
const DOES: Readonly<Record<Access, string>> = { [READ]: "read", [WRITE]: "write", [EXECUTE]: "fetch" };
const WHO: Readonly<Record<Privilege, string>> = { [KERNEL]: "kernel", [USER]: "user" };

/** Explains one access on a machine with the page hash table. Reads memory, changes nothing. */
export const explainHash = (of: HashToExplain, address: bigint, access: Access, privilege: Privilege): Walk => {
  const { architecture, memory, hash, context } = of;
  const steps: WalkStep[] = [];
  let rights: Rights = 0;
  const answer = (reason: FaultReason, rule: string, manual: string, physical: bigint | null = null): Walk => ({
    address,
    access,
    privilege,
    steps,
    physical,
    reason,
    rule,
    manual,
    kernelRights: rights & 7,
    userRights: rights >>> 3,
  });
  if (!isCanonical(architecture, address))
    return answer(BAD_ADDRESS, "the address is one that the machine cannot translate", architecture.manuals[0] ?? "");
  const cached = context.cache?.explain(address, access);
  if (cached !== undefined) steps.push(cached);

  const page = Number(address >> BigInt(architecture.pageShift));
  const head = hash.headOf(context.id, page);
  let entry = hash.first(head);
  const chain = hash.chainOf(context.id, page);
  const rawHead = numberAt(memory, head, HASH_HEAD_BYTES);
  steps.push({
    table: `${TABLE}, heads`,
    tableAddress: BigInt(head - (head % memory.frameSize)),
    index: chain,
    entryAddress: BigInt(head),
    bytes: 8,
    raw: rawHead,
    fields: explainFields(hashHeadFields, rawHead),
    manual: MANUAL,
    says: entry === NO_ENTRY ? "an empty chain" : `a chain that begins at 0x${entry.toString(16)}`,
  });
  for (let place = 0; entry !== NO_ENTRY; place += 1) {
    const raw = numberAt(memory, entry, HASH_ENTRY_BYTES);
    const isIt = hash.spaceOf(entry) === context.id && hash.pageOf(entry) === page;
    const frame = BigInt(hash.frameOf(entry));
    steps.push({
      table: TABLE,
      tableAddress: null,
      index: place,
      entryAddress: BigInt(entry),
      bytes: 32,
      raw,
      fields: explainFields(hashEntryFields, raw),
      manual: MANUAL,
      says: isIt ? `maps physical address 0x${frame.toString(16)}` : "another page, or another address space",
    });
    if (!isIt) {
      entry = hash.next(entry);
      continue;
    }
    rights = of.rights[hash.flagsOf(entry)];
    if (!permits(rights, privilege, access))
      return answer(PROTECTION, `the entry does not let the ${WHO[privilege]} ${DOES[access]}`, MANUAL);
    const physical = frame + (address & ((1n << BigInt(architecture.pageShift)) - 1n));
    if (!memory.isBacked(Number(physical))) return answer(BUS, "the page lies outside physical memory", MANUAL);
    return answer(NO_FAULT, `the entry lets the ${WHO[privilege]} ${DOES[access]}`, MANUAL, physical);
  }
  return answer(ABSENT, `no entry of chain ${chain} is for this page of address space ${context.id}`, MANUAL);
};

/** Bytes at an address as one number, words in ascending order from the most significant. */
const numberAt = (memory: PhysicalMemory, address: number, bytes: number): bigint => {
  let value = 0n;
  for (let at = address; at < address + bytes; at += 8) {
    value = (value << 64n) | (BigInt(memory.readHigh(at)) << 32n) | BigInt(memory.readLow(at));
  }
  return value;
};
