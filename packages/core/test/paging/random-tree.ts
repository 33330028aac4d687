/**
 * Machines whose hardware walks, described at random: where each field stands, which marks are made, how many levels there
 * are; and what a walk of one comes to, reckoned slowly from the description.
 */
import type { Architecture, HierarchicalTranslation } from "#src/architecture/architecture.js";
import {
  fieldBits,
  fieldWidth,
  type EntryFormat,
  type Field,
  type Level,
  type LeafForm,
  type Rule,
  type Switches,
} from "#src/architecture/entry-format.js";
import { ABSENT, BUS, DOMAIN, NO_FAULT, PROTECTION, RESERVED, UNMARKED, type FaultReason } from "#src/architecture/faults.js";
import { ALL_RIGHTS, PAGE_GLOBAL, permits, rightsFor, WRITE, type Access, type Privilege, type Rights } from "#src/architecture/rights.js";
import type { PhysicalMemory } from "#src/machine/physical-memory.js";
import type { Random } from "#src/random.js";
import { wide64 } from "../wide64.js";

const KINDS = ["absent", "table", "leaf", "malformed"] as const;
const MARKS = ["hardware", "fault", "no"] as const;

/** Every bit has a name of its own, so that rules may read what they like. */
const bit = (name: string, at: number, role: Field["role"] = "control"): Field => ({ name, bits: at, role, says: name });

/** A machine and what its tests have to know. */
export interface Described {
  readonly architecture: Architecture;
  readonly translation: HierarchicalTranslation;
  readonly bytes: 4 | 8;
  /** How many pages a root translates, as a shift. */
  readonly rootShift: number;
}

const rightsBy = (bits: readonly Field[]): Rule<Rights> => ({
  reads: bits,
  tell: (values) => {
    const allowed = bits.slice(0, 3).reduce((sum, { name }, i) => sum | ((values[name] ?? 0) << i), 0);
    return rightsFor(allowed, values["U"] === 1 ? allowed : 0);
  },
});

/** @param isPlain nothing that has to be looked into: neither forms nor domains, and addresses where they are used */
export const described = (random: Random, isPlain: boolean): Described => {
  const chance = (one: number): boolean => random.below(one) === 0;
  const isWide = chance(2);
  const bytes = isWide ? 8 : 4;
  const pageShift = chance(2) ? 12 : 14;
  const depths = 1 + random.below(isWide ? 4 : 3);
  const shifts: number[] = [];
  const indexBits: number[] = [];
  let virtualBits = pageShift;
  for (let depth = depths - 1; depth >= 0; depth -= 1) {
    shifts[depth] = virtualBits;
    indexBits[depth] = isWide && chance(2) ? 9 : 1 + random.below(5);
    virtualBits += indexBits[depth];
  }
  const isInPlace = isPlain || chance(2);
  // Bits of an address: in place, or four bits further down.
  const moved = isInPlace ? 0 : 4;
  const frame = (low: number): Field => ({
    name: "frame",
    bits: [(isWide ? 39 : 31) - moved, low - moved],
    role: "frame",
    says: "frame",
    ...(isInPlace && chance(2) ? {} : { unitShift: low }),
  });
  const hasDomains = !isPlain && chance(2);
  const below = Array.from({ length: Math.min(pageShift, 12) - moved }, (_, at) => at).filter((at) => !hasDomains || at > 1);
  const between = Array.from({ length: pageShift - 12 }, (_, at) => 12 + at - moved);
  const above = isWide ? Array.from({ length: 24 }, (_, at) => 40 + at) : [];
  // Most of what decides stands at the bottom; some of it does not, but on plain machines only rights and what must be zero.
  const take = (mayRise: boolean): number => {
    const rises = mayRise && above.length > 0 && chance(6);
    const from = rises ? above : mayRise && between.length > 0 && chance(4) ? between : below.length > 0 ? below : between;
    const at = random.below(Math.max(1, from.length));
    return from.splice(at, 1)[0] ?? above.splice(0, 1)[0] ?? -1;
  };
  // A machine that has run out of bits does without.
  const some = (name: string, role?: Field["role"]): Field[] => {
    const at = take(!isPlain || name === "X" || role === "reserved");
    return at < 0 ? [] : [bit(name, at, role)];
  };
  const kindBits = [...some("K0"), ...some("K1")];
  const lets = ["R", "W", "X", "U"].flatMap((name) => some(name));
  const domain: Field = { name: "domain", bits: [1, 0], role: "control", says: "domain" };
  const hasForms = !isPlain && chance(2);
  const quad = hasForms ? some("Q") : [];
  const others: Field[] = [];
  if (!chance(4)) others.push(...some("A", "accessed"));
  const global = chance(2) ? some("G", "global") : [];
  const dirty = chance(4) ? [] : some("D", "dirty");
  if (chance(2)) others.push(...some("Z", "reserved"));
  if (isWide && chance(2)) others.push(...some("Z1", "reserved"));
  const parts = hasForms && isWide ? [0, 1, 2, 3].flatMap((part) => some(`P${part}`)) : [];
  const attributes: Rule<number> = { reads: global, tell: (values) => (values["G"] === 1 ? PAGE_GLOBAL : 0) };
  const kind: Level["kind"] = { reads: kindBits, tell: (values) => KINDS[(values["K0"] ?? 0) + 2 * (values["K1"] ?? 0)] ?? "absent" };
  const tellsRights = !chance(3);
  const tableA = chance(2);
  const levels = shifts.map((shift, depth): Level => {
    const named = hasDomains && depth === 0 ? { domain } : {};
    const ownField = hasDomains && depth === 0 ? [domain] : [];
    const isLast = depth === depths - 1;
    const table: EntryFormat = {
      name: "pointer",
      bytes,
      fields: [...kindBits, ...lets, ...others.filter(({ role }) => role !== "accessed" || tableA), ...ownField, frame(12)],
      ...(tellsRights ? { rights: rightsBy(lets) } : {}),
      ...named,
    };
    const leafOf = (low: number, more: Partial<EntryFormat>): EntryFormat => ({
      name: "page",
      bytes,
      fields: [...kindBits, ...lets, ...others, ...global, ...dirty, ...quad, ...parts, ...ownField, frame(low)],
      rights: rightsBy(lets),
      attributes,
      ...named,
      ...more,
    });
    const partRights = parts.map(({ name }, i): Rule<Rights> => ({
      reads: [parts[i] ?? domain],
      tell: (values) => (values[name] === 1 ? ALL_RIGHTS : 0),
    }));
    const forms: LeafForm[] =
      quad.length === 0
        ? []
        : [
            {
              when: { reads: quad, tell: (values) => values["Q"] === 1 },
              leaf: leafOf(shift + 1, partRights.length === 4 ? { partRights } : {}),
              entries: 2,
            },
          ];
    const hasLeaf = isLast || chance(2);
    const hasTable = !isLast || (!hasDomains && chance(4));
    return {
      name: `level ${depth}`,
      indexBits: indexBits[depth] ?? 1,
      manual: "",
      kind,
      ...(hasTable ? { table } : {}),
      ...(hasLeaf ? { leaf: leafOf(shift, {}) } : {}),
      ...(hasLeaf && forms.length > 0 ? { forms } : {}),
    };
  });
  const sizes = shifts.flatMap((shift) => [shift, shift + 1]).filter((shift) => shift !== pageShift && shift < 45);
  const pageShifts = [pageShift, ...sizes.filter(() => chance(2)).toSorted((one, other) => one - other)];
  const geometry = { ...wide64.tlb.data, pageShifts: [...new Set(pageShifts)] };
  const isHardware = MARKS[random.below(3)] ?? "no";
  const translation: HierarchicalTranslation = {
    kind: "hierarchical",
    levels,
    faultsOnReserved: chance(2),
    rootRegister: "ROOT",
    ...(hasDomains
      ? {
          domains: {
            count: 4,
            tell: (number: number, { OPENS }: Switches) => (number === 3 ? "closed" : number === 2 || OPENS ? "open" : "checked"),
          },
        }
      : {}),
    ...(chance(3)
      ? { combined: { says: "", tell: (rights: Rights, { KEEPS }: Switches) => (KEEPS || rights < 8 ? rights : rights & 0o72) } }
      : {}),
  };
  // One root for all addresses, one for each half of sign-extended ones, or one of the kernel's for the upper half of exact ones.
  const roots = random.below(4);
  const isExtended = roots < 2;
  const half = 1n << BigInt(virtualBits - 1);
  const architecture: Architecture = {
    ...wide64,
    byteOrder: chance(3) ? "big" : "little",
    wordBits: 64,
    virtualBits: roots === 0 ? virtualBits + 1 : virtualBits,
    virtualRule: isExtended ? "sign-extended" : "exact",
    physicalBits: 41,
    pageShift,
    hardwarePageShift: pageShift,
    translation: roots === 0 || roots === 2 ? { ...translation, kernelRootRegister: "KERNEL" } : translation,
    tlb: { ...wide64.tlb, data: geometry, instruction: { ...geometry, pageShifts: [pageShift] } },
    can: { ...wide64.can, recordAccess: isHardware, recordWrite: chance(3) ? "no" : isHardware },
    layout: {
      ...wide64.layout,
      kernelAddressSpaceShadowed: chance(4),
      kernel: { first: roots === 0 ? (1n << 64n) - 2n * half : isExtended ? (1n << 64n) - half : half, last: 0n },
    },
    switches: { KEEPS: { initially: false, says: "" }, OPENS: { initially: false, says: "", keepsTlb: true } },
  };
  return { architecture, translation, bytes, rootShift: virtualBits - pageShift };
};

/** What a walk comes to. */
export interface Outcome {
  readonly reason: FaultReason;
  readonly depth: number;
  readonly reads: number;
  readonly domain: number;
  /** Where words lie, and what they are afterwards. */
  readonly words: readonly (readonly [address: number, word: bigint])[];
  /** Of a walk that ended well: pages that the leaf maps, the physical address of the first, and what the TLB learns. */
  readonly pages: number;
  readonly first: number;
  readonly rights: Rights;
  readonly parts: readonly Rights[];
  readonly isGlobal: boolean;
  /** Where the walk was to go on, or −1. */
  readonly next: number;
}

export const wordAt = (memory: PhysicalMemory, address: number, bytes: 4 | 8): bigint =>
  bytes === 4 ? BigInt(memory.read32(address)) : (BigInt(memory.readHigh(address)) << 32n) | BigInt(memory.readLow(address));

const valueIn = (field: Field, word: bigint): bigint => (word >> BigInt(fieldBits(field)[1])) & ((1n << BigInt(fieldWidth(field))) - 1n);

const ask = <T>(rule: Rule<T>, word: bigint, switches: Switches): T =>
  rule.tell(Object.fromEntries(rule.reads.map((field) => [field.name, Number(valueIn(field, word))])), switches);

/** The walk of the manuals, entry by entry. */
export const outcomeOf = (
  { architecture, translation, bytes, rootShift }: Described,
  memory: PhysicalMemory,
  root: number,
  page: number,
  access: Access,
  privilege: Privilege,
  switches: Switches,
  offset = 0,
): Outcome => {
  const { can, pageShift } = architecture;
  const found: { address: number; word: bigint; format: EntryFormat }[] = [];
  const ended = (reason: FaultReason, more: Partial<Outcome> = {}): Outcome => ({
    reason,
    depth: reason === BUS ? found.length : found.length - 1,
    reads: found.length,
    domain,
    words: [],
    pages: 0,
    first: 0,
    rights: 0,
    parts: [],
    isGlobal: false,
    next: -1,
    ...more,
  });
  let table = root;
  let domain = 0;
  let rights = ALL_RIGHTS;
  let low = BigInt(rootShift);
  for (const level of translation.levels) {
    low -= BigInt(level.indexBits);
    const address = table + Number((BigInt(page) >> low) & ((1n << BigInt(level.indexBits)) - 1n)) * bytes;
    if (!memory.isBacked(address)) return ended(BUS);
    const word = wordAt(memory, address, bytes);
    const kind = ask(level.kind, word, switches);
    const form = kind === "leaf" ? level.forms?.find(({ when }) => ask(when, word, switches)) : undefined;
    const format = kind === "table" ? level.table : (form?.leaf ?? level.leaf);
    found.push({ address, word, format: format ?? { name: "none", bytes, fields: [] } });
    if (kind === "absent") return ended(ABSENT);
    if (kind === "malformed" || format === undefined) return ended(RESERVED);
    const isSet = (role: Field["role"]): boolean => format.fields.some((field) => field.role === role && valueIn(field, word) !== 0n);
    const has = (role: Field["role"]): boolean => format.fields.some((field) => field.role === role);
    if (translation.faultsOnReserved && isSet("reserved")) return ended(RESERVED);
    if (format.rights !== undefined) rights &= ask(format.rights, word, switches);
    if (format.domain !== undefined) domain = Number(valueIn(format.domain, word));
    const target = format.fields
      .filter(({ role }) => role === "frame")
      .reduce((sum, field) => sum + (valueIn(field, word) << BigInt(field.unitShift ?? fieldBits(field)[1])), 0n);
    if (kind === "table") {
      table = Number(target);
      continue;
    }
    const pages = Number(1n << low) * (form?.entries ?? 1);
    if (translation.combined !== undefined) rights &= translation.combined.tell(rights, switches);
    if (can.recordAccess === "fault" && has("accessed") && !isSet("accessed")) return ended(UNMARKED);
    const standing = translation.domains?.tell(domain, switches) ?? "checked";
    if (standing === "closed") return ended(DOMAIN);
    const parts = (format.partRights ?? []).map((rule) => ask(rule, word, switches));
    const part = Math.floor(((page % pages) * 2 ** pageShift + offset) / ((pages * 2 ** pageShift) / 4));
    if (standing !== "open" && !permits(rights, privilege, access) && !permits(parts[part] ?? 0, privilege, access))
      return ended(PROTECTION);
    if (can.recordWrite === "fault" && access === WRITE && has("dirty") && !isSet("dirty")) return ended(UNMARKED);
    const isMarked =
      can.recordWrite === "hardware" ? access === WRITE || isSet("dirty") : can.recordWrite !== "fault" || !has("dirty") || isSet("dirty");
    const words = found.map(({ address: at, word: before, format: own }, depth): readonly [number, bigint] => {
      const isWritten = depth === found.length - 1 && access === WRITE && can.recordWrite === "hardware";
      const marks = own.fields.filter(({ role }) => role === "accessed" || (role === "dirty" && isWritten));
      return [
        at,
        can.recordAccess === "hardware" ? marks.reduce((sum, field) => sum | (1n << BigInt(fieldBits(field)[1])), before) : before,
      ];
    });
    return ended(NO_FAULT, {
      words,
      pages,
      first: Number(target),
      rights: isMarked ? rights : rights & ~rightsFor(WRITE, WRITE),
      parts,
      isGlobal: format.attributes !== undefined && (ask(format.attributes, word, switches) & PAGE_GLOBAL) !== 0,
    });
  }
  return ended(RESERVED, { next: table });
};
