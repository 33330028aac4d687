/** The way through the page hash table: the head of a page's chain, then its entries, as refill code goes it. */
import {
  ABSENT,
  BUS,
  explainFields,
  hashEntryFields,
  hashEntryRights,
  hashHeadFields,
  NO_FAULT,
  PAGE_USER,
  permits,
  PROTECTION,
  type Architecture,
  type FaultReason,
  type Rights,
} from "@portolan/core/architecture";
import { ACCESS_NAMES, hexadecimal, PRIVILEGE_NAMES } from "../in-words.js";
import type { Memory } from "../memory.js";
import type { ImageStep, StepFormat } from "../walk-address.js";
import { PageHashReader, type ChainEnd, type Link } from "./page-hash.js";
import type { SoftwareSources } from "./sources.js";
import type { Asked, Verdict } from "./verdict.js";

/** The page's entry and what it lets through, or where the search ended. A table that leads nowhere is an answer. */
export const askHash = async (
  memory: Memory,
  architecture: Architecture,
  hash: SoftwareSources["hash"],
  space: number | null,
  address: bigint,
  { access, privilege }: Asked,
): Promise<Verdict & { readonly steps: readonly ImageStep[] }> => {
  const steps: ImageStep[] = [];
  const refused = (reason: FaultReason, rule: string, rights: Rights = 0) => ({
    steps,
    reason,
    rule,
    manual: MANUAL,
    rights,
    physical: null,
  });
  if (hash === null || space === null) return refused(ABSENT, "nobody has told by which number the page hash table knows this space");
  const table = await PageHashReader.open(memory, architecture, hash.directory, hash.chains);
  const chains = table.chainsOf(space, address);
  if (chains.length === 0) return refused(BUS, `there is no directory of a page hash table at ${hexadecimal(hash.directory)}`);
  const page = address - (address % BigInt(table.frameBytes));
  for (const chain of chains) {
    const head = await table.head(chain);
    if (head === null) return refused(BUS, `the head of chain ${chain} lies outside physical memory`);
    steps.push(stepOf("page hash table, heads", chain, head.at, 8, head.raw, hashHeadFields, headInWords(head.link)));
    const { entries, end } = await table.chain(chain);
    for (const [place, entry] of entries.entries()) {
      const isIt = entry.space === space && entry.virtual === page;
      if (!isIt && place >= MOST_SHOWN) continue;
      const raw = (await table.rawEntry(entry.at)) ?? 0n;
      const says = isIt ? `maps physical address ${hexadecimal(entry.physical)}` : "another page, or another address space";
      const step = stepOf("page hash table", place, entry.at, 32, raw, hashEntryFields, says);
      steps.push(isIt ? { ...step, rights: entry.rights, format: formatOf(architecture) } : step);
      if (!isIt) continue;
      const may = permits(entry.rights, privilege, access);
      const rule = `entry ${place} of chain ${chain} of the page hash table ${may ? "lets" : "does not let"} the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
      if (!may) return refused(PROTECTION, rule, entry.rights);
      return { steps, reason: NO_FAULT, rule, manual: MANUAL, rights: entry.rights, physical: BigInt(entry.physical) + (address - page) };
    }
    if (end !== "complete") return refused(end === "outside" ? BUS : ABSENT, `chain ${chain} ${ENDS[end]}`);
  }
  return refused(ABSENT, `no entry of chain ${chains.join(" or ")} is for this page of address space ${space}`);
};

/** Entries of a chain that are told of; a sound chain has a few. */
const MOST_SHOWN = 64;
const MANUAL = "read by refill code, not by hardware";

const ENDS: Readonly<Record<Exclude<ChainEnd, "complete">, string>> = {
  cycle: "leads back to itself, and none of its entries is for this page",
  outside: "leads out of physical memory",
  long: "is longer than any table's, and was not followed to its end",
};

const headInWords = (link: Link): string =>
  link === "end" ? "an empty chain" : link === "nowhere" ? "no address of an entry" : `a chain that begins at ${hexadecimal(link)}`;

const stepOf = (
  table: string,
  index: number,
  at: number,
  bytes: 8 | 32,
  raw: bigint,
  fields: typeof hashEntryFields,
  says: string,
): ImageStep => ({
  source: "hash",
  isPassedOver: false,
  culprit: null,
  depth: 0,
  table,
  tableAddress: null,
  index,
  entryAddress: BigInt(at),
  bytes,
  raw,
  fields: explainFields(fields, raw),
  rights: 0o77,
  format: null,
  says,
  manual: MANUAL,
  beside: null,
  memoryType: null,
  marks: null,
});

const FLAG_NAMES = ["r", "w", "x", "u"] as const;

/** The entry's own bits that say what it lets through. */
const formatOf = (architecture: Architecture): StepFormat => ({
  name: "page hash table entry",
  fields: hashEntryFields,
  rights: {
    reads: hashEntryFields.filter(({ name }) => (FLAG_NAMES as readonly string[]).includes(name)),
    tell: (values) =>
      hashEntryRights(
        architecture,
        FLAG_NAMES.reduce((flags, name, bit) => flags | ((values[name] ?? 0) === 0 ? 0 : name === "u" ? PAGE_USER : 1 << bit), 0),
      ),
  },
});
