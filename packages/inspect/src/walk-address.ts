/** The way of one address through the tables of an image: every entry, its bits in words, and the rule that decided. */
import {
  ABSENT,
  ABSENT_ENTRY,
  ALL_RIGHTS,
  BUS,
  DOMAIN,
  explainFields,
  FAULT_REASONS,
  KERNEL,
  LEAF_ENTRY,
  MALFORMED_ENTRY,
  NO_FAULT,
  permits,
  PortolanError,
  PROTECTION,
  READ,
  EXECUTE,
  RESERVED,
  TABLE_ENTRY,
  UNMARKED,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type EntryFormat,
  type FaultReason,
  type Privilege,
  type Rights,
  type Walk,
  type WalkField,
  type WalkStep,
} from "@portolan/core/architecture";
import { isUsersAddress, verdictOfAddress } from "./address-rules.js";
import { CONVENTIONS, softwareInWords, type Convention, type ConventionName, type SoftwareEntry } from "./conventions.js";
import type { Culprit } from "./culprit.js";
import { ACCESS_NAMES, hexadecimal, PRIVILEGE_NAMES } from "./in-words.js";
import { marksInWords } from "./marks.js";
import { MemoryTypes } from "./memory-types.js";
import { holds, readSome, type Memory } from "./memory.js";
import type { SourceName } from "./software/sources.js";
import { walkSoftware } from "./software/walk-software.js";
import { CLOSED, OPEN, treeOf, type Roots, type TreeOptions } from "./tree.js";

/** What is asked of a walk. */
export interface WalkOptions extends TreeOptions {
  /** READ where absent. */
  readonly access?: Access;
  /** USER where absent. */
  readonly privilege?: Privilege;
  /** What the operating system keeps in entries that are not present; nothing is guessed where absent. */
  readonly os?: ConventionName;
}

/** What fields stand in an entry, and what they let through. */
export type StepFormat = Pick<EntryFormat, "name" | "fields" | "rights" | "partRights">;

/** One entry on the way, with what it lets through by itself. */
export interface ImageStep extends WalkStep {
  /** What it is an entry of. */
  readonly source: SourceName;
  /** 0 at the root. */
  readonly depth: number;
  /** An entry for the address that does not match: of another space, or not valid. */
  readonly isPassedOver: boolean;
  /** What would have to be different, where an entry of a TLB does not match or refuses. Null where its bits tell. */
  readonly culprit: Culprit | null;
  /** What this entry lets through; all rights where it does not say. */
  readonly rights: Rights;
  readonly format: StepFormat | null;
  /** The operating system's own entry for the same place, where a convention was chosen that keeps such. */
  readonly beside: BesideEntry | null;
  /** Of a leaf of a tree what accesses it makes: `"write-back"`, `"device nGnRE"`; null elsewhere, and where nobody can say. */
  readonly memoryType: string | null;
  /** What an emulator left in it that a processor would fault on, and that was passed over; null where nothing was. */
  readonly marks: string | null;
}

/** An entry that the operating system keeps beside the processor's. */
export interface BesideEntry {
  /** Physical address, in bytes. */
  readonly address: bigint;
  readonly raw: bigint;
  readonly says: string;
  readonly fields: readonly WalkField[];
}

/** A walk, with what an image adds to it. */
export interface ImageWalk extends Walk {
  readonly steps: readonly ImageStep[];
  /** The fault in a word. */
  readonly reasonName: (typeof FAULT_REASONS)[FaultReason];
  /** The byte itself is in the image. It may well be missing where the translation is sound: devices are in no image. */
  readonly isInImage: boolean;
  /** What the operating system means by an entry that is not present, if a convention was chosen and knows it. */
  readonly software: SoftwareEntry | null;
  /** Where software fills the TLB: what was raised on the way, in order. None elsewhere, and where the TLB let it pass. */
  readonly exceptions: readonly RaisedException[];
}

/** An exception that software serves. */
export interface RaisedException {
  readonly trap: string;
  /** In words: what was, and what was not, in the TLB. */
  readonly says: string;
  /** Steps that come before it. */
  readonly after: number;
  readonly manual: string;
}

/** @throws PortolanError ERR_BAD_ARGUMENT for a convention that is not known, or speaks of entries of another size */
export const conventionOf = (os: ConventionName | undefined, bytes: number): Convention | null => {
  if (os === undefined) return null;
  if (!Object.hasOwn(CONVENTIONS, os)) throw new PortolanError("ERR_BAD_ARGUMENT", { os, known: Object.keys(CONVENTIONS) });
  if (CONVENTIONS[os].bytes !== bytes)
    throw new PortolanError("ERR_BAD_ARGUMENT", { os, entryBytes: bytes, expected: CONVENTIONS[os].bytes });
  return CONVENTIONS[os];
};

/**
 * Walks one address. `address` is virtual and in bytes; one that the machine cannot translate is an answer (BAD_ADDRESS), as
 * is a table that the image lacks (BUS).
 *
 * @throws PortolanError ERR_NO_TREE, ERR_BAD_ARGUMENT for roots, switches, accesses or conventions that cannot be
 */
export const walkAddress = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  address: bigint,
  options: WalkOptions = {},
): Promise<ImageWalk> => {
  const { access = READ, privilege = USER } = options;
  if (![READ, WRITE, EXECUTE].includes(access)) throw new PortolanError("ERR_BAD_ARGUMENT", { access, rule: "READ, WRITE or EXECUTE" });
  if (![KERNEL, USER].includes(privilege)) throw new PortolanError("ERR_BAD_ARGUMENT", { privilege, rule: "KERNEL or USER" });
  if (roots.software !== undefined)
    return walkSoftware(memory, architecture, roots.software, address, { access, privilege }, (root) =>
      walkTree(memory, architecture, { root }, address, { ...options, access, privilege }),
    );
  return walkTree(memory, architecture, roots, address, { ...options, access, privilege });
};

const walkTree = async (
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  address: bigint,
  options: WalkOptions & Required<Pick<WalkOptions, "access" | "privilege">>,
): Promise<ImageWalk> => {
  const { access, privilege } = options;
  const tree = treeOf(architecture, options);
  const convention = conventionOf(options.os, tree.levels[0].entryBytes);
  const spans = tree.spansOf(roots);
  const steps: ImageStep[] = [];
  const { translation, manuals } = architecture;
  const first = manuals[0] ?? "";
  let rights: Rights = ALL_RIGHTS;
  let software: SoftwareEntry | null = null;
  const answer = (reason: FaultReason, rule: string, manual: string, physical: bigint | null = null): ImageWalk => ({
    address,
    access,
    privilege,
    steps,
    physical,
    reason,
    reasonName: FAULT_REASONS[reason],
    rule,
    manual,
    kernelRights: rights & 7,
    userRights: rights >>> 3,
    isInImage: physical !== null && holds(memory, Number(physical)),
    software,
    exceptions: [],
  });
  const refuse = (reason: FaultReason, rule: string, manual: string): ImageWalk => {
    if (reason !== PROTECTION && reason !== DOMAIN && reason !== UNMARKED) rights = 0;
    return answer(reason, rule, manual);
  };
  const isUsers = isUsersAddress(architecture, address);
  const verdict = verdictOfAddress(tree, address, privilege);
  if (verdict !== null) {
    ({ rights } = verdict);
    return answer(verdict.reason, verdict.rule, first, verdict.physical);
  }

  const page = tree.pageOf(address);
  const span = spans.findLast(({ firstPage }) => firstPage <= page);
  const [top] = tree.levels;
  const rootIndex = span === undefined ? -1 : span.firstIndex + Math.floor((page - span.firstPage) / top.pagesPerEntry);
  if (span === undefined || rootIndex >= span.firstIndex + span.entries)
    return refuse(ABSENT, "no root was given for this part of the addresses", first);

  let table = span.base;
  let domain = -1;
  let rule = "";
  let memoryType: string | null = null;
  for (const [depth, { level, codec, entryBytes, entries, pagesPerEntry, shift, marks: passed }] of tree.levels.entries()) {
    const index = depth === 0 ? rootIndex : Math.floor(page / pagesPerEntry) % entries;
    const entryAddress = table + index * entryBytes;
    const bytes = new Uint8Array(entryBytes);
    if ((await readSome(memory, entryAddress, bytes)) < entryBytes)
      return refuse(BUS, `the ${level.name} lies outside physical memory, at ${hexadecimal(table)}`, level.manual);
    const raw = wordOf(bytes, architecture.byteOrder);
    const lo = Number(raw & 0xffff_ffffn);
    const hi = Number(raw >> 32n);
    const kind = codec.kindOf(lo, hi);
    const format = kind === TABLE_ENTRY ? codec.table : kind === LEAF_ENTRY ? codec.leafOf(lo, hi) : (codec.leaf ?? codec.table);
    const size = 2 ** shift * (kind === LEAF_ENTRY ? (format?.entries ?? 1) : 1);
    const part = Number(((address & (BigInt(size) - 1n)) * 4n) / BigInt(size));
    const own =
      format === null || (kind !== TABLE_ENTRY && kind !== LEAF_ENTRY)
        ? ALL_RIGHTS
        : format.format.partRights === undefined
          ? format.rightsOf(lo, hi)
          : (format.partRightsOf(lo, hi) >>> (6 * part)) & ALL_RIGHTS;
    const beside = await besideOf(memory, architecture, convention, { table, entryAddress, entryBytes, shift });
    let marks: string | null = null;
    const step = (says: string): void => {
      steps.push({
        source: "tree",
        isPassedOver: false,
        culprit: null,
        depth,
        table: level.name,
        tableAddress: BigInt(table),
        index,
        entryAddress: BigInt(entryAddress),
        bytes: entryBytes,
        raw,
        says,
        manual: level.manual,
        fields: format === null ? [] : explainFields(format.format.fields, raw),
        rights: own,
        format: format?.format ?? null,
        beside,
        memoryType,
        marks,
      });
    };
    const entry = `entry ${index} of the ${level.name}`;
    if (kind === ABSENT_ENTRY) {
      software = convention?.tell(raw, shift, beside?.raw ?? 0n) ?? null;
      step(software === null ? "absent" : `absent to the processor; ${softwareInWords(software)}`);
      return refuse(ABSENT, software === null ? `${entry} is absent` : `${entry} is absent: ${softwareInWords(software)}`, level.manual);
    }
    if (kind === MALFORMED_ENTRY || format === null) {
      step("malformed");
      return refuse(RESERVED, `${entry} has a form that the manual forbids`, level.manual);
    }
    if (kind === TABLE_ENTRY && (lo & passed) !== 0) marks = marksInWords(level);
    if (tree.faultsOnReserved && format.hasReserved(kind === TABLE_ENTRY ? lo & ~passed : lo, hi)) {
      step("reserved bits are set");
      return refuse(RESERVED, `${entry} has reserved bits set`, level.manual);
    }
    const named = format.domainOf(lo);
    if (named >= 0) domain = named;
    if (rule === "" && !permits(own, privilege, access))
      rule = `${entry} does not let the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
    rights &= own;
    const target = format.addressOf(lo, hi);
    if (kind === TABLE_ENTRY) {
      step(`leads to the table at ${hexadecimal(target)}`);
      table = target;
      continue;
    }
    memoryType = new MemoryTypes(architecture, options.registers).of(format, lo, hi).name;
    step(`maps physical address ${hexadecimal(target)}`);
    const remaining = tree.combined[rights];
    if (permits(rights, privilege, access) && !permits(remaining, privilege, access))
      rule = translation.kind === "hierarchical" ? (translation.combined?.says ?? rule) : rule;
    rights = remaining;
    const standing = domain < 0 ? tree.standings[0] : tree.standings[domain];
    if (standing === CLOSED) rights = 0;
    if (standing === OPEN) rights = ALL_RIGHTS;
    const checked = rights;
    if (!isUsers) rights &= 7;
    // Marks come before domains. @see ARM DDI 0406C §B3.12, "The MMU fault-checking sequence"
    if (architecture.can.recordAccess === "fault" && format.isUnmarked(lo, hi))
      return refuse(UNMARKED, `${entry} is not marked as accessed`, level.manual);
    if (standing === CLOSED) return refuse(DOMAIN, `domain ${Math.max(domain, 0)} is closed`, level.manual);
    if (!permits(checked, privilege, access)) return refuse(PROTECTION, rule, level.manual);
    if (architecture.can.recordWrite === "fault" && access === WRITE && format.isClean(lo, hi))
      return refuse(UNMARKED, `${entry} is not marked as written`, level.manual);
    const why =
      standing === OPEN
        ? `domain ${Math.max(domain, 0)} is open: rights are not checked`
        : `every level lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
    return answer(NO_FAULT, why, level.manual, BigInt(target) + (address & (BigInt(size) - 1n)));
  }
  return refuse(RESERVED, "the last level leads to another table", first);
};

/** The system's own entry for the place of the processor's; null where the convention keeps none, or memory has none. */
const besideOf = async (
  memory: Memory,
  { byteOrder }: Architecture,
  convention: Convention | null,
  at: { readonly table: number; readonly entryAddress: number; readonly entryBytes: number; readonly shift: number },
): Promise<BesideEntry | null> => {
  const beside = convention?.beside;
  if (beside === undefined || beside.shift !== at.shift || !beside.has(at.table)) return null;
  const address = at.entryAddress + beside.bytes;
  const bytes = new Uint8Array(at.entryBytes);
  if ((await readSome(memory, address, bytes)) < at.entryBytes) return null;
  const raw = wordOf(bytes, byteOrder);
  return { address: BigInt(address), raw, says: beside.says(raw), fields: explainFields(beside.fields(raw), raw) };
};

const wordOf = (bytes: Uint8Array, byteOrder: "little" | "big"): bigint =>
  (byteOrder === "little" ? bytes.toReversed() : bytes).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
