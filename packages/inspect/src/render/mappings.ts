/** Lists as text, JSON lines and CSV. */
import { PAGE_ACCESSED, PAGE_CACHEABLE, PAGE_DIRTY, PAGE_GLOBAL, type PageFlags } from "@portolan/core/architecture";
import { softwareInWords } from "../conventions.js";
import type { Mapping } from "../mappings.js";
import { AS_PLACED } from "../memory-types.js";

/** What a list of mappings may look like. */
export type MappingStyle = "text" | "json" | "csv";

const LETTERS = ["---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx"];
const letters = (mask: number): string => LETTERS[mask];

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `"4 KiB"`: the largest unit that has no rest. */
export const sizeInWords = (bytes: number): string => {
  let unit = 0;
  let rest = bytes;
  while (rest >= 1024 && rest % 1024 === 0 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest} ${UNITS[unit]}`;
};

const COLUMNS = [
  "first",
  "last",
  "bytes",
  "physical",
  "kernel",
  "user",
  "global",
  "cacheable",
  "memoryType",
  "accessed",
  "dirty",
  "pageBytes",
  "leaves",
  "software",
] as const;

/** Of what stands in no tree of one space. */
const ORIGIN_COLUMNS = ["source", "unit", "index", "asid", "space"] as const;

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** Null where some of the joined have it and others have not, or nobody can say. */
const flagOf = ({ flags, unequal, untold }: Pick<Mapping, "flags" | "unequal" | "untold">, flag: PageFlags): boolean | null =>
  ((unequal | untold) & flag) !== 0 ? null : (flags & flag) !== 0;

const recordOf = (mapping: Mapping): Readonly<Record<(typeof COLUMNS)[number], string | number | boolean | null>> => ({
  first: hex(mapping.first),
  last: hex(mapping.last),
  bytes: mapping.bytes,
  physical: mapping.physical === null ? null : hex(mapping.physical),
  kernel: letters(mapping.rights & 7),
  user: letters(mapping.rights >>> 3),
  global: flagOf(mapping, PAGE_GLOBAL),
  cacheable: flagOf(mapping, PAGE_CACHEABLE),
  memoryType: mapping.memoryType,
  accessed: flagOf(mapping, PAGE_ACCESSED),
  dirty: flagOf(mapping, PAGE_DIRTY),
  pageBytes: mapping.pageBytes,
  leaves: mapping.leaves,
  software: mapping.software === null ? null : softwareInWords(mapping.software),
});

/** As JSON.stringify would, in a third of the time. */
const jsonOf = (mapping: Mapping): string => {
  const { first, last, bytes, physical, rights, flags, unequal, untold, memoryType, pageBytes, leaves, software, origin } = mapping;
  const is = (flag: PageFlags): string => String(flagOf({ flags, unequal, untold }, flag));
  const target = physical === null ? "null" : `"0x${physical.toString(16)}"`;
  const type = memoryType === null ? "null" : `"${memoryType}"`;
  const told = software === null ? "null" : JSON.stringify(softwareInWords(software));
  return `{"first":"0x${first.toString(16)}","last":"0x${last.toString(16)}","bytes":${bytes},"physical":${target},"kernel":"${letters(rights & 7)}","user":"${letters(rights >>> 3)}","global":${is(PAGE_GLOBAL)},"cacheable":${is(PAGE_CACHEABLE)},"memoryType":${type},"accessed":${is(PAGE_ACCESSED)},"dirty":${is(PAGE_DIRTY)},"pageBytes":${pageBytes},"leaves":${leaves},"software":${told}${origin === null ? "" : `,${JSON.stringify(origin).slice(1, -1)}`}}\n`;
};

/** What comes before the first mapping; an empty text where nothing does. @param hasOrigin the mappings stand in no tree */
export const headOf = (style: MappingStyle, hasOrigin = false): string =>
  style === "csv" ? `${[...COLUMNS, ...(hasOrigin ? ORIGIN_COLUMNS : [])].join()}\n` : "";

/** Where a mapping stands, in words; nothing of a tree. */
export const originInWords = ({ origin, leaves }: Mapping, tagName = "ASID"): string => {
  if (origin === null) return "";
  const { source, unit, index, asid, space } = origin;
  const tag = asid === null ? [] : [`${tagName} ${asid}`];
  if (source === "hash") return `space ${space ?? "unknown"}${asid === null ? "" : ` (${tagName} ${asid})`}`;
  const where =
    leaves > 1 || index === null
      ? `${unit ?? ""} ${source.toUpperCase()}`
      : `${unit ?? ""} ${source === "tsb" ? "TSB slot" : "entry"} ${index}`;
  return [where, ...tag].join(", ");
};

/** What memory is that needs no word. */
const ORDINARY: ReadonlySet<string> = new Set([AS_PLACED, "cached", "normal cached", "normal write-back", "write-back"]);

/** What accesses a mapping makes, where it is not what they usually are. */
export const typeInWords = ({ flags, unequal, untold, memoryType, hasSeveralTypes }: Mapping): readonly string[] => {
  if ((unequal & PAGE_CACHEABLE) !== 0) return ["partly uncached"];
  const isUncached = ((flags | untold) & PAGE_CACHEABLE) === 0;
  if (hasSeveralTypes) return [...(isUncached ? ["uncached"] : []), "several memory types"];
  if (memoryType === "normal uncached" || (memoryType === null && isUncached)) return ["uncached"];
  return memoryType === null || ORDINARY.has(memoryType) ? [] : [memoryType];
};

/** One mapping as a line, with its end. */
export const lineOf = (mapping: Mapping, style: MappingStyle, digits: 8 | 16 = 16, tagName = "ASID"): string => {
  if (style === "json") return jsonOf(mapping);
  if (style === "csv") {
    const record = recordOf(mapping);
    const { origin } = mapping;
    const more = origin === null ? [] : ORIGIN_COLUMNS.map((column) => cell(origin[column]));
    return `${[...COLUMNS.map((column) => cell(record[column])), ...more].join()}\n`;
  }
  const { first, last, bytes, physical, rights, flags, unequal, pageBytes, leaves, software } = mapping;
  const range = `${first.toString(16).padStart(digits, "0")}-${last.toString(16).padStart(digits, "0")}`;
  const size = sizeInWords(bytes).padStart(9);
  if (software !== null) return `${range} ${size}  ${softwareInWords(software)}\n`;
  const target = physical === null ? "-> several" : `-> ${physical.toString(16).padStart(digits === 8 ? 8 : 12, "0")}`;
  const words = [
    ...((unequal & PAGE_GLOBAL) !== 0 ? ["partly global"] : (flags & PAGE_GLOBAL) === 0 ? [] : ["global"]),
    ...typeInWords(mapping),
    ...(mapping.origin === null ? [] : [originInWords(mapping, tagName)]),
    ...(leaves > 1 ? [`${leaves} pages of ${pageBytes === null ? "several sizes" : sizeInWords(pageBytes)}`] : []),
  ];
  return `${range} ${size}  ${target}  kernel ${letters(rights & 7)}  user ${letters(rights >>> 3)}${words.length === 0 ? "" : `  ${words.join(", ")}`}\n`;
};

const cell = (value: string | number | boolean | null): string => {
  const text = value === null ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
