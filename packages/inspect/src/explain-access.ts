/** Why an access would fault: the level that refuses, and the bits that would have to be different. */
import {
  ABSENT,
  MALFORMED_ENTRY,
  NO_FAULT,
  permits,
  PROTECTION,
  RESERVED,
  type Architecture,
  type Field,
  type FieldValues,
  type Rights,
  type Rule,
  type Switches,
} from "@portolan/core/architecture";
import { ACCESS_NAMES, hexadecimal, PRIVILEGE_NAMES } from "./in-words.js";
import type { Memory } from "./memory.js";
import { treeOf, type Roots, type TreeLevel } from "./tree.js";
import { fieldValue, walkAddress, type ImageStep, type ImageWalk, type WalkOptions } from "./walk-address.js";

/** A single change that would make an entry let the access through. */
export interface Culprit {
  /** A field of the entry, or a switch of the processor. */
  readonly kind: "field" | "switch";
  /** The manual's name: `"R/W"`, or the name of the switch. */
  readonly name: string;
  /** As it is, and a value that would let it through. */
  readonly is: number;
  readonly wouldBe: number;
}

/** A level that refuses. */
export interface Refusal {
  readonly depth: number;
  readonly table: string;
  readonly index: number;
  readonly entryAddress: bigint;
  readonly manual: string;
  /** Single changes that would help here; empty where it takes several. */
  readonly culprits: readonly Culprit[];
}

/** A walk and its verdict. */
export interface AccessExplanation {
  readonly walk: ImageWalk;
  readonly faults: boolean;
  /** Every level that refuses, from the root down; all must change before the access succeeds. */
  readonly refusals: readonly Refusal[];
  /** In one sentence: `"user write at 0x1000: would fault: …"`. */
  readonly says: string;
}

/**
 * Says whether an access would fault, which levels refuse it, and which bit of theirs does.
 *
 * @throws PortolanError as {@link walkAddress}
 */
export const explainAccess = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  address: bigint,
  options: WalkOptions = {},
): Promise<AccessExplanation> => {
  const walk = await walkAddress(memory, architecture, roots, address, options);
  const { switches, levels } = treeOf(architecture, options);
  const { access, privilege, reason } = walk;
  const refusals: Refusal[] = [];
  const add = (step: ImageStep, culprits: readonly Culprit[]): void => {
    const { depth, table, index, entryAddress, manual } = step;
    refusals.push({ depth, table, index, entryAddress: entryAddress ?? 0n, manual, culprits });
  };
  const last = walk.steps.at(-1);
  if (reason === PROTECTION) {
    for (const step of walk.steps) {
      if (permits(step.rights, privilege, access)) continue;
      const rule = rightsRuleOf(step, levels[step.depth], address);
      add(step, rule === undefined ? [] : changes(rule, step.raw, switches, (rights) => permits(rights, privilege, access)));
    }
  } else if (reason === ABSENT && last !== undefined) {
    add(
      last,
      changes(levels[last.depth].level.kind, last.raw, switches, (kind) => kind === "leaf" || kind === "table"),
    );
  } else if (reason === RESERVED && last !== undefined) {
    // A form that the manual forbids is not mended by bits that another form reserves.
    const reserved = isMalformed(last, levels[last.depth])
      ? []
      : last.fields.filter((field, at) => last.format?.fields[at].role === "reserved" && field.value !== 0n);
    add(
      last,
      reserved.length > 0
        ? reserved.map(({ name, value }) => ({ kind: "field", name, is: Number(value), wouldBe: 0 }))
        : changes(levels[last.depth].level.kind, last.raw, switches, (kind) => kind === "leaf" || kind === "table"),
    );
  }
  const what = `${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]} at ${hexadecimal(address)}`;
  return { walk, faults: reason !== NO_FAULT, refusals, says: `${what}: ${verdict(walk, refusals)}` };
};

const halvesOf = (raw: bigint): [lo: number, hi: number] => [Number(raw & 0xffff_ffffn), Number(raw >> 32n)];

const isMalformed = ({ raw }: ImageStep, { codec }: TreeLevel): boolean => codec.kindOf(...halvesOf(raw)) === MALFORMED_ENTRY;

/** The rule that decided: of a page whose quarters have rights of their own, the quarter's that the address lies in. */
const rightsRuleOf = ({ format, raw }: ImageStep, { codec, shift }: TreeLevel, address: bigint): Rule<Rights> | undefined => {
  if (format?.partRights === undefined) return format?.rights;
  const size = (1n << BigInt(shift)) * BigInt(codec.leafOf(...halvesOf(raw))?.entries ?? 1);
  return format.partRights[Number(((address & (size - 1n)) * 4n) / size)];
};

/** Changes of one field, or of one switch, after which a rule gives a wanted answer. */
const changes = <T>(rule: Rule<T>, raw: bigint, switches: Switches, isWanted: (answer: T) => boolean): Culprit[] => {
  const values: Record<string, number> = Object.fromEntries(rule.reads.map((field) => [field.name, Number(fieldValue(field, raw))]));
  const found: Culprit[] = [];
  for (const field of rule.reads) {
    const wouldBe = firstWanted(rule, field, values, switches, isWanted);
    if (wouldBe >= 0) found.push({ kind: "field", name: field.name, is: values[field.name], wouldBe });
  }
  for (const [name, value] of Object.entries(switches))
    if (isWanted(rule.tell(values, { ...switches, [name]: !value })))
      found.push({ kind: "switch", name, is: Number(value), wouldBe: Number(!value) });
  return found;
};

const firstWanted = <T>(rule: Rule<T>, field: Field, values: FieldValues, switches: Switches, isWanted: (answer: T) => boolean): number => {
  const [high, low] = typeof field.bits === "number" ? [field.bits, field.bits] : field.bits;
  for (let value = 0; value < 2 ** (high - low + 1); value += 1)
    if (value !== values[field.name] && isWanted(rule.tell({ ...values, [field.name]: value }, switches))) return value;
  return -1;
};

const verdict = (walk: ImageWalk, refusals: readonly Refusal[]): string => {
  if (walk.reason === NO_FAULT) {
    const where = walk.physical === null ? "nowhere" : hexadecimal(walk.physical);
    const passed = walk.steps.flatMap(({ table, index, marks }) => (marks === null ? [] : [`; ${table} entry ${index}: ${marks}`]));
    return `would succeed, at physical ${where}${walk.isInImage ? "" : " (not in the image)"}: ${walk.rule}${passed.join("")}`;
  }
  const who = refusals.map(({ table, index, entryAddress, culprits }) => {
    const bits = culprits.map(({ kind, name, is }) => `${kind === "switch" ? "switch " : ""}${name} is ${is}`).join(", ");
    return `${table} entry ${index} at ${hexadecimal(entryAddress)}${bits === "" ? "" : ` (${bits})`}`;
  });
  return `would fault (${walk.reasonName}): ${walk.rule}${who.length === 0 ? "" : `; refused by ${who.join(" and by ")}`}; ${walk.manual}`;
};
