/** Why an access would fault: the level that refuses, and the bits that would have to be different. */
import {
  ABSENT,
  ALL_RIGHTS,
  DOMAIN,
  fieldBits,
  LEAF_ENTRY,
  MALFORMED_ENTRY,
  NO_FAULT,
  permits,
  PROTECTION,
  RESERVED,
  rightsFor,
  USER,
  type Access,
  type Architecture,
  type Privilege,
  type Rights,
  type Rule,
  type Switches,
} from "@portolan/core/architecture";
import { changes, type Culprit } from "./culprit.js";
import { ACCESS_NAMES, entryInWords, hexadecimal, PRIVILEGE_NAMES } from "./in-words.js";
import type { Memory } from "./memory.js";
import { switchesOf } from "./switches.js";
import { treeOf, type Roots, type Tree, type TreeLevel } from "./tree.js";
import { walkAddress, type ImageStep, type ImageWalk, type WalkOptions } from "./walk-address.js";

/** A level that refuses. */
export interface Refusal {
  readonly depth: number;
  readonly table: string;
  readonly index: number;
  /** Null for what does not lie in memory. */
  readonly entryAddress: bigint | null;
  readonly manual: string;
  /** Single changes that would help here; empty where it takes several. */
  readonly culprits: readonly Culprit[];
  /**
   * Not the entry by itself refuses, but what all levels let through together, as supervisor-mode prevention does on x86: it would if the
   * entries that refuse by themselves did not.
   */
  readonly isTogether: boolean;
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
  const { access, privilege, reason } = walk;
  const switches = switchesOf(architecture, options.switches);
  const refusals: Refusal[] = [];
  const add = ({ depth, table, index, entryAddress, manual }: ImageStep, culprits: readonly Culprit[], isTogether = false): void => {
    refusals.push({ depth, table, index, entryAddress, manual, culprits, isTogether });
  };
  const levelOf = ({ depth }: ImageStep): TreeLevel => treeOf(architecture, options).levels[depth];
  /** What would make an entry's own rights enough. */
  const rightsOf = (step: ImageStep): readonly Culprit[] => {
    const rule = step.format?.partRights === undefined ? step.format?.rights : partRuleOf(step, levelOf(step), address);
    return rule === undefined ? [] : changes(rule, step.raw, switches, (rights) => permits(rights, privilege, access));
  };
  /** What would make an entry of a tree lead on, or map something. */
  const kindOf = (step: ImageStep): readonly Culprit[] => {
    const found = changes(levelOf(step).level.kind, step.raw, switches, (kind) => kind === "leaf" || kind === "table");
    return treeOf(architecture, options).faultsOnReserved ? found.filter((one) => !leavesReserved(one, step.raw, levelOf(step))) : found;
  };
  const isTold = walk.steps.some(({ source }) => source === "tree" || source === "hash");
  if (reason !== NO_FAULT)
    for (const step of walk.steps) {
      const own = step.culprit === null ? [] : [step.culprit];
      if (step.isPassedOver) {
        // Once tables were asked, entries of other spaces are nobody's business.
        if (!isTold) add(step, own);
      } else if ((step.source !== "tree" || reason === PROTECTION) && !permits(step.rights, privilege, access))
        add(step, step.format === null ? own : rightsOf(step));
    }
  const last = walk.steps.at(-1);
  if (last?.source === "tree") {
    const tree = treeOf(architecture, options);
    if (reason === PROTECTION) {
      const culprits = together(tree, walk.steps, privilege, access);
      if (culprits !== null) add(last, culprits, true);
      else if (refusals.length === 0) add(last, []);
    }
    if (reason === DOMAIN) {
      const [step, domain] = domainOf(tree, walk.steps) ?? [last, 0];
      add(
        step,
        flips(tree.switches, (under) => tree.translation.domains?.tell(domain, under) !== "closed"),
      );
    }
    if (reason === ABSENT) add(last, kindOf(last));
    if (reason === RESERVED) {
      // A form that the manual forbids is not mended by bits that another form reserves.
      const reserved = isMalformed(last, levelOf(last))
        ? []
        : last.fields.filter((field, at) => last.format?.fields[at].role === "reserved" && field.value !== 0n);
      const zeros = reserved.map(({ name, value }): Culprit => ({ kind: "field", name, is: Number(value), wouldBe: 0 }));
      add(last, zeros.length > 0 ? zeros : kindOf(last));
    }
  }
  const what = `${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]} at ${hexadecimal(address)}`;
  return { walk, faults: reason !== NO_FAULT, refusals, says: `${what}: ${verdict(walk, refusals)}` };
};

/** Switches that are to blame alone. */
const flips = (switches: Switches, isWanted: (switches: Switches) => boolean): Culprit[] =>
  Object.entries(switches).flatMap(([name, value]) =>
    isWanted({ ...switches, [name]: !value }) ? [{ kind: "switch", name, is: Number(value), wouldBe: Number(!value) } as const] : [],
  );

/**
 * Where all levels together do not let it through, though each of them did, or if those did that do not: what of the last entry's, and
 * which switch, would change that. Null where they do.
 */
const together = (
  { translation: { combined }, switches }: Tree,
  steps: readonly ImageStep[],
  privilege: Privilege,
  access: Access,
): readonly Culprit[] | null => {
  const last = steps.at(-1);
  if (combined === undefined || last === undefined) return null;
  const asked = privilege === USER ? rightsFor(0, access) : rightsFor(access, 0);
  const above = steps.slice(0, -1).reduce((rights, step) => rights & (step.rights | asked), ALL_RIGHTS);
  const isEnough = (own: Rights, under: Switches): boolean => permits(combined.tell(above & (own | asked), under), privilege, access);
  if (isEnough(last.rights, switches)) return null;
  const rule = last.format?.rights;
  const bits = rule === undefined ? [] : changes(rule, last.raw, switches, (own) => isEnough(own, switches));
  return [...bits.filter(({ kind }) => kind === "field"), ...flips(switches, (under) => isEnough(last.rights, under))];
};

/** The entry that names the domain of a way; null where none does. */
const domainOf = ({ levels }: Tree, steps: readonly ImageStep[]): [ImageStep, number] | null => {
  for (const step of steps) {
    const { codec } = levels[step.depth];
    const [lo, hi] = halvesOf(step.raw);
    const format = codec.kindOf(lo, hi) === LEAF_ENTRY ? codec.leafOf(lo, hi) : codec.table;
    const domain = format?.domainOf(lo) ?? -1;
    if (domain >= 0) return [step, domain];
  }
  return null;
};

const halvesOf = (raw: bigint): [lo: number, hi: number] => [Number(raw & 0xffff_ffffn), Number(raw >> 32n)];

const isMalformed = ({ raw }: ImageStep, { codec }: TreeLevel): boolean => codec.kindOf(...halvesOf(raw)) === MALFORMED_ENTRY;

/** Would the entry, so changed, have reserved bits set? Of a switch that is not known: other codecs read under it. */
const leavesReserved = ({ kind, name, wouldBe }: Culprit, raw: bigint, { codec, level }: TreeLevel): boolean => {
  const field = level.kind.reads.find((one) => one.name === name);
  if (kind === "switch" || field === undefined) return false;
  const [high, low] = fieldBits(field);
  const mask = ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
  const [lo, hi] = halvesOf((raw & ~mask) | (BigInt(wouldBe) << BigInt(low)));
  const format = codec.kindOf(lo, hi) === LEAF_ENTRY ? codec.leafOf(lo, hi) : codec.table;
  return format?.hasReserved(lo, hi) === true;
};

/** Of a page whose quarters have rights of their own, the rule of the quarter that the address lies in. */
const partRuleOf = ({ format, raw }: ImageStep, { codec, shift }: TreeLevel, address: bigint): Rule<Rights> | undefined => {
  const size = (1n << BigInt(shift)) * BigInt(codec.leafOf(...halvesOf(raw))?.entries ?? 1);
  return format?.partRights?.[Number(((address & (size - 1n)) * 4n) / size)];
};

/** Who refuses: `"page table entry 2 at 0x8010"`. */
export const refuserInWords = (refusal: Refusal): string =>
  refusal.isTogether ? `all levels down to ${entryInWords(refusal)} together` : entryInWords(refusal);

const verdict = (walk: ImageWalk, refusals: readonly Refusal[]): string => {
  const last = walk.exceptions.at(-1);
  // What decided is told as the rule.
  const isLast = last?.says === walk.rule;
  const told = isLast ? walk.exceptions.slice(0, -1) : walk.exceptions;
  const raised = told.map(({ trap, says }) => `${trap} is raised (${says}), then `).join("");
  if (walk.reason === NO_FAULT) {
    const where = walk.physical === null ? "nowhere" : hexadecimal(walk.physical);
    const passed = walk.steps.flatMap(({ table, index, marks }) => (marks === null ? [] : [`; ${table} entry ${index}: ${marks}`]));
    return `would succeed, at physical ${where}${walk.isInImage ? "" : " (not in the image)"}: ${raised}${walk.rule}${passed.join("")}`;
  }
  const who = refusals.map((refusal) => {
    const bits = refusal.culprits.map(({ kind, name, is }) => `${kind === "switch" ? "switch " : ""}${name} is ${is}`).join(", ");
    return `${refuserInWords(refusal)}${bits === "" ? "" : ` (${bits})`}`;
  });
  const why = `${raised}${isLast ? `${last.trap} is raised: ` : ""}${walk.rule}`;
  return `would fault (${walk.reasonName}): ${why}${who.length === 0 ? "" : `; refused by ${who.join(" and by ")}`}; ${walk.manual}`;
};
