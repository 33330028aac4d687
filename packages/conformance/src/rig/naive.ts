/**
 * The walk of a tree as a manual tells it: one word after the other, on bigints, every bit asked for by its number. Nothing of
 * the core's fast path is used. Entries are decoded by the port's second decoder if it brought one, else field by field.
 */
import {
  ABSENT,
  ALL_RIGHTS,
  BUS,
  DOMAIN,
  fieldBits,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  permits,
  PROTECTION,
  RESERVED,
  rootBits,
  UNMARKED,
  WRITE,
  type Access,
  type Architecture,
  type DecodedEntry,
  type EntryFormat,
  type Field,
  type FieldRole,
  type HierarchicalTranslation,
  type Level,
  type Machine,
  type Oracle,
  type Privilege,
  type Rule,
  type Switches,
  type TranslationContext,
} from "@portolan/core";

export type NaiveAnswer =
  | { readonly physical: bigint; readonly depth: number; readonly entry: DecodedEntry }
  | {
      readonly reason: typeof ABSENT | typeof PROTECTION | typeof RESERVED | typeof BUS | typeof DOMAIN | typeof UNMARKED;
      readonly depth: number;
    };

export const bitsOf = (field: Field, word: bigint): bigint => {
  const [high, low] = fieldBits(field);
  return (word >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);
};

const ask = <T>(rule: Rule<T>, word: bigint, switches: Switches): T =>
  rule.tell(Object.fromEntries(rule.reads.map((field) => [field.name, Number(bitsOf(field, word))])), switches);

const anyBit = (format: EntryFormat, role: FieldRole, word: bigint): boolean =>
  format.fields.some((field) => field.role === role && bitsOf(field, word) !== 0n);

/** A format's fields, read one by one. */
export const decodeByFields = (format: EntryFormat, word: bigint, switches: Switches): Omit<DecodedEntry, "kind"> => {
  let physical = 0n;
  for (const field of format.fields) {
    if (field.role === "frame") physical += bitsOf(field, word) << BigInt(field.unitShift ?? fieldBits(field)[1]);
  }
  const attributes = format.attributes === undefined ? 0 : ask(format.attributes, word, switches);
  return {
    physical,
    rights: format.rights === undefined ? ALL_RIGHTS : ask(format.rights, word, switches),
    isGlobal: (attributes & PAGE_GLOBAL) !== 0,
    isCacheable: (attributes & PAGE_CACHEABLE) !== 0,
    isAccessed: anyBit(format, "accessed", word),
    isDirty: anyBit(format, "dirty", word),
    hasReserved: anyBit(format, "reserved", word),
    ...(format.partRights === undefined ? {} : { partRights: format.partRights.map((rule) => ask(rule, word, switches)) }),
    ...(format.domain === undefined ? {} : { domain: Number(bitsOf(format.domain, word)) }),
  };
};

export const decodeLevel = (level: Level, word: bigint, switches: Switches): DecodedEntry => {
  const kind = ask(level.kind, word, switches);
  const form = kind === "leaf" ? level.forms?.find(({ when }) => ask(when, word, switches)) : undefined;
  const format = kind === "table" ? level.table : kind === "leaf" ? (form?.leaf ?? level.leaf) : undefined;
  return format === undefined ? { kind } : { kind, ...decodeByFields(format, word, switches), entries: form?.entries ?? 1 };
};

export const entryBytesOf = (level: Level): number => (level.leaf ?? level.table)?.bytes ?? 4;

/** Levels with the bit of the address where each one's index begins. */
export const shiftsOf = (architecture: Architecture, { levels }: HierarchicalTranslation): readonly number[] => {
  let shift = rootBits(architecture);
  return levels.map(({ indexBits }) => (shift -= indexBits));
};

export const readWord = (machine: Machine, address: bigint, bytes: number): bigint => {
  const { memory } = machine.parts;
  const at = Number(address);
  let word = 0n;
  for (let i = 0; i < bytes; i += 1) {
    const byte = BigInt(memory.read8(at + i));
    word |= byte << BigInt(8 * (memory.byteOrder === "little" ? i : bytes - 1 - i));
  }
  return word;
};

export const writeWord = (machine: Machine, address: bigint, bytes: number, word: bigint): void => {
  const { memory } = machine.parts;
  for (let i = 0; i < bytes; i += 1) {
    const shift = BigInt(8 * (memory.byteOrder === "little" ? i : bytes - 1 - i));
    memory.write8(Number(address) + i, Number((word >> shift) & 0xffn));
  }
};

/** Where the words on the way to an address lie, as far as tables lead. */
export const wordsOnTheWay = (
  machine: Machine,
  root: bigint,
  address: bigint,
  oracle: Oracle | undefined,
  switches: Switches,
): readonly { readonly address: bigint; readonly bytes: number; readonly entry: DecodedEntry | null }[] => {
  const { architecture } = machine;
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return [];
  const shifts = shiftsOf(architecture, translation);
  const words: { address: bigint; bytes: number; entry: DecodedEntry | null }[] = [];
  let table = root;
  for (const [depth, level] of translation.levels.entries()) {
    const bytes = entryBytesOf(level);
    const index = (address >> BigInt(shifts[depth] ?? 0)) & ((1n << BigInt(level.indexBits)) - 1n);
    const at = table + index * BigInt(bytes);
    if (!machine.parts.memory.isBacked(Number(at))) return [...words, { address: at, bytes, entry: null }];
    const word = readWord(machine, at, bytes);
    const decode = oracle?.levels?.[depth];
    const entry = decode === undefined ? decodeLevel(level, word, switches) : decode(word, switches);
    words.push({ address: at, bytes, entry });
    if (entry.kind !== "table") return words;
    table = entry.physical ?? 0n;
  }
  return words;
};

/** @param root physical address of the root table */
export const naiveWalk = (
  machine: Machine,
  root: bigint,
  address: bigint,
  access: Access,
  privilege: Privilege,
  oracle: Oracle | undefined,
  switches: Switches,
): NaiveAnswer => {
  const { architecture } = machine;
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") throw new Error("there is no tree to walk");
  if (root < 0n) return { reason: ABSENT, depth: 0 };
  const shifts = shiftsOf(architecture, translation);
  let rights = ALL_RIGHTS;
  let domain = 0;
  const words = wordsOnTheWay(machine, root, address, oracle, switches);
  for (const [depth, { entry }] of words.entries()) {
    if (entry === null) return { reason: BUS, depth };
    if (entry.kind === "absent") return { reason: ABSENT, depth };
    if (entry.kind === "malformed") return { reason: RESERVED, depth };
    if (translation.faultsOnReserved && entry.hasReserved === true) return { reason: RESERVED, depth };
    const size = (1n << BigInt(shifts[depth] ?? 0)) * BigInt(entry.entries ?? 1);
    const within = address & (size - 1n);
    rights &= entry.partRights?.[Number((within * 4n) / size)] ?? entry.rights ?? ALL_RIGHTS;
    domain = entry.domain ?? domain;
    if (entry.kind === "table") continue;
    if (translation.combined !== undefined) rights &= translation.combined.tell(rights, switches);
    const isMarkable = translation.levels[depth]?.leaf?.fields.some(({ role }) => role === "accessed") === true;
    if (architecture.can.recordAccess === "fault" && isMarkable && entry.isAccessed === false) return { reason: UNMARKED, depth };
    const standing = translation.domains?.tell(domain, switches);
    if (standing === "closed") return { reason: DOMAIN, depth };
    if (standing !== "open" && !permits(rights, privilege, access)) return { reason: PROTECTION, depth };
    const isWritable = translation.levels[depth]?.leaf?.fields.some(({ role }) => role === "dirty") === true;
    if (architecture.can.recordWrite === "fault" && access === WRITE && isWritable && entry.isDirty === false)
      return { reason: UNMARKED, depth };
    const physical = (entry.physical ?? 0n) + within;
    if (!machine.parts.memory.isBacked(Number(physical))) return { reason: BUS, depth };
    return { physical, depth, entry };
  }
  return { reason: RESERVED, depth: words.length - 1 };
};

/** The root that translates an address: the kernel's own where it has one. */
export const rootFor = (machine: Machine, context: TranslationContext, address: bigint): bigint => {
  const { translation, layout } = machine.architecture;
  const isKernels = translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined && address >= layout.kernel.first;
  const hasHalves = rootBits(machine.architecture) < machine.architecture.virtualBits;
  if (hasHalves && context.isKernel && !isKernels) return -1n;
  return BigInt(isKernels ? machine.spaces.kernel.context.root : context.root);
};
