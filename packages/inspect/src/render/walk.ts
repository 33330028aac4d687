/** Walks and findings as text. */
import { FINDINGS, type Finding } from "../check/findings.js";
import type { MappingChange } from "../diff-mappings.js";
import { rightsInWords } from "../diff-mappings.js";
import { originInWords, typeInWords } from "./mappings.js";
import { entryInWords } from "../in-words.js";
import { AS_PLACED } from "../memory-types.js";
import type { SourceName } from "../software/sources.js";
import type { ImageStep, ImageWalk } from "../walk-address.js";

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

const fieldAsText = ({ name, high, low, value, means }: ImageWalk["steps"][number]["fields"][number]): string =>
  `    ${(high === low ? `${low}` : `${high}:${low}`).padStart(5)}  ${name} = ${hex(value)}  ${means}`;

const SOURCE_NAMES: Readonly<Record<Exclude<SourceName, "tree">, string>> = { tlb: "TLB", tsb: "TSB", hash: "hash" };

/** Which entry of what, and its words, where they are known. */
const headOfStep = (step: ImageStep): string => {
  const { source, depth, raw, bytes, format, fields, memoryType } = step;
  const where = source === "tree" ? `level ${depth}` : SOURCE_NAMES[source].padEnd(7);
  const words = source === "tlb" && format === null && fields.length === 0 ? "" : ` ${raw.toString(16).padStart(bytes * 2, "0")} `;
  const type = memoryType === null || memoryType === AS_PLACED ? "" : `, ${memoryType}`;
  return `${where}  ${entryInWords(step)}:${words} ${step.says}${type}  (${step.manual})`;
};

/** A walk as lines: every level with its fields, then what decided. */
export const walkAsText = (walk: ImageWalk): string => {
  /** What was raised after so many steps. */
  const raised = (after: number): string[] =>
    walk.exceptions.filter((one) => one.after === after).map(({ trap, says, manual }) => `raised   ${trap}: ${says}  (${manual})`);
  const lines = [...walk.steps.flatMap((step, at) => [...raised(at), ...stepAsText(step)]), ...raised(walk.steps.length)];
  const end =
    walk.physical === null
      ? `fault: ${walk.reasonName}`
      : `physical ${hex(walk.physical)}${walk.isInImage ? "" : ", not in the image"}; ${rightsInWords(walk.kernelRights | (walk.userRights << 3))}`;
  return `${[...lines, end, `${walk.rule} (${walk.manual})`].join("\n")}\n`;
};

const stepAsText = (step: ImageStep): readonly string[] => {
  const { bytes, fields, beside, marks } = step;
  return [
    headOfStep(step),
    ...fields.map(fieldAsText),
    ...(marks === null ? [] : [`  passed over: ${marks}`]),
    ...(beside === null
      ? []
      : [
          `  beside it at ${hex(beside.address)}: ${beside.raw.toString(16).padStart(bytes * 2, "0")}  ${beside.says}`,
          // Where a processor's entry is only named, so is the system's.
          ...(fields.length === 0 ? [] : beside.fields.map(fieldAsText)),
        ]),
  ];
};

/** A walk as plain data for JSON: numbers that may be large are texts. */
export const walkAsData = (walk: ImageWalk): unknown => ({
  ...walk,
  address: hex(walk.address),
  physical: walk.physical === null ? null : hex(walk.physical),
  software:
    walk.software === null
      ? null
      : { ...walk.software, ...(walk.software.offset === undefined ? {} : { offset: hex(walk.software.offset) }) },
  steps: walk.steps.map(({ format, beside, ...step }) => ({
    ...step,
    beside:
      beside === null
        ? null
        : {
            ...beside,
            address: hex(beside.address),
            raw: hex(beside.raw),
            fields: beside.fields.map((field) => ({ ...field, value: hex(field.value) })),
          },
    format: format?.name ?? null,
    tableAddress: step.tableAddress === null ? null : hex(step.tableAddress),
    entryAddress: step.entryAddress === null ? null : hex(step.entryAddress),
    raw: hex(step.raw),
    fields: step.fields.map((field) => ({ ...field, value: hex(field.value) })),
  })),
});

/** A finding in one line. */
export const findingAsText = ({ code, severity, first, last, says, places }: Finding): string => {
  const { of } = FINDINGS[code];
  const many = of === "page" ? "pages" : "entries";
  return `${severity} ${code} ${hex(first)}-${hex(last)}: ${says}${places === 1 ? "" : ` (${places} ${many})`}\n`;
};

/** A change in one line. */
export const changeAsText = ({ kind, first, last, before, after, what }: MappingChange): string => {
  const sign = kind === "appeared" ? "+" : kind === "vanished" ? "-" : "~";
  const side = (mapping: MappingChange["before"]): string =>
    mapping === null
      ? ""
      : `${mapping.physical === null ? "" : `-> ${hex(mapping.physical + Number(first - mapping.first))} `}${[rightsInWords(mapping.rights, mapping.flags), ...typeInWords(mapping)].join(", ")}`;
  const one = before ?? after;
  const where = one === null || one.origin === null ? "" : `  ${originInWords(one)}`;
  const told = kind === "changed" ? `${side(before)} => ${side(after)} (${what.join(", ")})` : side(before ?? after);
  return `${sign} ${hex(first)}-${hex(last)} ${told}${where}\n`;
};
