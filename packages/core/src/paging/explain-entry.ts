/** An entry in words, from the same list of fields that the codec is compiled from. Slow and obvious, on bigints. */
import { fieldBits, fieldWidth, type EntryFormat, type Field } from "../architecture/entry-format.js";
import type { WalkField } from "../architecture/walk.js";

/** The fields of an entry in the order of its format. */
export const explainEntry = (format: EntryFormat, raw: bigint): WalkField[] => explainFields(format.fields, raw);

/** The same for words that are no entries: tags, chains. */
export const explainFields = (fields: readonly Field[], raw: bigint): WalkField[] =>
  fields.map((field) => {
    const [high, low] = fieldBits(field);
    const value = (raw >> BigInt(low)) & ((1n << BigInt(fieldWidth(field))) - 1n);
    return { name: field.name, high, low, value, means: meaning(field, value) };
  });

const meaning = (field: Field, value: bigint): string => {
  const named = field.values?.[Number(value)];
  if (named !== undefined) return named;
  if (field.role === "frame") {
    const address = value << BigInt(field.unitShift ?? fieldBits(field)[1]);
    return `${field.says}: 0x${address.toString(16)}`;
  }
  if (field.role === "ignored") return value === 0n ? field.says : `${field.says}, though set`;
  if (field.role === "reserved") return value === 0n ? "reserved, zero as it must be" : "reserved, and not zero";
  if (fieldWidth(field) === 1) return value === 1n ? field.says : `clear; if set: ${field.says}`;
  return field.says;
};
