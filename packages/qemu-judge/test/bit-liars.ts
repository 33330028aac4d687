/** Ports with one bit in the wrong place: two fields of an entry that stand side by side have changed places. */
import {
  fieldBits,
  PortolanError,
  reasonsAgainst,
  type Architecture,
  type EntryFormat,
  type Field,
  type Level,
  type Rule,
} from "@portolan/core";

export interface BitLiar {
  readonly lie: string;
  readonly architecture: Architecture;
}

/** What a processor decides by, or writes: the judge can see it. Attributes of caches and global bits it cannot. */
const SEEN: ReadonlySet<Field["role"]> = new Set(["control", "accessed", "dirty", "reserved"]);

const widthOf = (field: Field): number => fieldBits(field)[0] - fieldBits(field)[1];

const swappedIn = (format: EntryFormat, one: Field, other: Field): EntryFormat => {
  const moved = (field: Field): Field =>
    field.name === one.name ? { ...field, bits: other.bits } : field.name === other.name ? { ...field, bits: one.bits } : field;
  const reading = <T>(rule: Rule<T>): Rule<T> => ({ ...rule, reads: rule.reads.map(moved) });
  return {
    ...format,
    fields: format.fields.map(moved),
    ...(format.rights === undefined ? {} : { rights: reading(format.rights) }),
    ...(format.attributes === undefined ? {} : { attributes: reading(format.attributes) }),
    ...(format.partRights === undefined ? {} : { partRights: format.partRights.map(reading) }),
  };
};

/** Nobody asks it but who wants to know how the page is kept: a bit that says "global" is one, wherever TLBs are cold. */
const saysNoRights = ({ attributes, rights }: EntryFormat, { name }: Field): boolean =>
  (attributes?.reads ?? []).some((each) => each.name === name) && !(rights?.reads ?? []).some((each) => each.name === name);

/** The pairs of a format: neighbours of the same width, of which one at least is seen, and that do not mean the same. */
const pairsOf = (format: EntryFormat): readonly (readonly [Field, Field])[] => {
  const isSeenAlone = (field: Field): boolean => SEEN.has(field.role) && !saysNoRights(format, field);
  const ordered = format.fields.toSorted((one, other) => fieldBits(one)[0] - fieldBits(other)[0]);
  return ordered.flatMap((field, i) => {
    const next = ordered[i + 1];
    if (next === undefined || widthOf(field) !== widthOf(next)) return [];
    const isSeen = isSeenAlone(field) || isSeenAlone(next);
    return isSeen && !(field.role === "reserved" && next.role === "reserved") ? [[field, next] as const] : [];
  });
};

/** Every such liar that the door lets in: a port whose formats contradict each other is refused there. */
export const bitLiarsOf = (architecture: Architecture): readonly BitLiar[] => {
  const { translation } = architecture;
  if (translation.kind !== "hierarchical") return [];
  const liars = translation.levels.flatMap((level, depth) => {
    const with_ = (change: Partial<Level>): Architecture => ({
      ...architecture,
      translation: { ...translation, levels: translation.levels.map((each, at) => (at === depth ? { ...each, ...change } : each)) },
    });
    return (["table", "leaf"] as const).flatMap((which) => {
      const format = level[which];
      if (format === undefined) return [];
      return pairsOf(format).map(([one, other]) => ({
        lie: `${level.name}, ${format.name}: ${one.name} and ${other.name} have changed places`,
        architecture: with_({ [which]: swappedIn(format, one, other) }),
      }));
    });
  });
  return liars.filter((liar) => isLetIn(liar.architecture));
};

const isLetIn = (architecture: Architecture): boolean => {
  try {
    return reasonsAgainst(architecture).length === 0;
  } catch (error) {
    if (error instanceof PortolanError) return false;
    throw error;
  }
};
