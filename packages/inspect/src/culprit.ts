/** What would have to be different, so that an entry lets an access through. */
import { fieldBits, fieldWidth, type Field, type FieldValues, type Rule, type Switches } from "@portolan/core/architecture";

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

/** The value of a field in a word of any size. */
export const fieldValue = (field: Field, raw: bigint): bigint =>
  (raw >> BigInt(fieldBits(field)[1])) & ((1n << BigInt(fieldWidth(field))) - 1n);

/** Changes of one field, or of one switch, after which a rule gives a wanted answer. */
export const changes = <T>(rule: Rule<T>, raw: bigint, switches: Switches, isWanted: (answer: T) => boolean): Culprit[] => {
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
