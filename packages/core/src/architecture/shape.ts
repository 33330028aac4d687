/**
 * The shape of a description: which keys a port's value must have, and of what type each is. A port may be plain
 * JavaScript from a stranger, so nothing that TypeScript would promise is taken for granted; what the numbers mean is
 * checked afterwards, in validate.ts.
 *
 * The shape is written as data, in the order of the types in architecture.ts, entry-format.ts, faults.ts,
 * tlb-organisation.ts and software-tlb.ts; a test holds it against every port.
 */
import { KERNEL, USER } from "./rights.js";

type Say = (reason: string) => void;
/** Says everything that is wrong with `value`, which is found at `where`. */
type Shape = (value: unknown, where: string, say: Say) => void;

const is =
  (holds: (value: unknown) => boolean, what: string): Shape =>
  (value, where, say) => {
    if (value === undefined) say(`${where} is missing`);
    else if (!holds(value)) say(`${where} is not ${what}`);
  };

const text = is((value) => typeof value === "string", "text");
const whole = is(Number.isInteger, "a whole number");
const address = is((value) => typeof value === "bigint", "a bigint");
const truth = is((value) => typeof value === "boolean", "true or false");
const pure = is((value) => typeof value === "function", "a function");
/** Something that `new` can be said to; an arrow function is not. */
const isClass = (value: unknown): boolean => {
  try {
    Reflect.construct(Object, [], value as new () => object);
    return true;
  } catch {
    return false;
  }
};
const constructs = is(isClass, "a class");
const token = is((value) => typeof value === "symbol", "a token");
const one = (...values: readonly unknown[]): Shape => is((value) => values.includes(value), `one of ${values.join(", ")}`);

const maybe =
  (shape: Shape): Shape =>
  (value, where, say) => {
    if (value !== undefined) shape(value, where, say);
  };

const either =
  (holds: (value: unknown) => boolean, first: Shape, second: Shape): Shape =>
  (value, where, say) =>
    (holds(value) ? first : second)(value, where, say);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const record =
  (shapes: Readonly<Record<string, Shape>>): Shape =>
  (value, where, say) => {
    if (value === undefined) say(`${where} is missing`);
    else if (!isObject(value)) say(`${where === "" ? "it" : where} is not an object`);
    else for (const [key, shape] of Object.entries(shapes)) shape(value[key], where === "" ? key : `${where}.${key}`, say);
  };

/** An object whose keys are free. */
const table =
  (shape: Shape): Shape =>
  (value, where, say) => {
    if (value === undefined) say(`${where} is missing`);
    else if (!isObject(value)) say(`${where} is not an object`);
    else for (const [key, member] of Object.entries(value)) shape(member, `${where}.${key}`, say);
  };

const list =
  (shape: Shape): Shape =>
  (value, where, say) => {
    if (value === undefined) say(`${where} is missing`);
    else if (!Array.isArray(value)) say(`${where} is not a list`);
    else Array.from(value as readonly unknown[]).forEach((member, i) => shape(member, `${where}[${i}]`, say));
  };

const isBoolean = (value: unknown): boolean => typeof value === "boolean";
/** Yes, no, or the name of the switch that decides. */
const switched = either(isBoolean, truth, record({ switch: text }));

const pair: Shape = (value, where, say) => {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isInteger))
    say(`${where} is neither a bit number nor [high, low]`);
};
const field = record({
  name: text,
  bits: either(Number.isInteger, whole, pair),
  role: one("control", "frame", "accessed", "dirty", "global", "attribute", "tag", "software", "ignored", "reserved"),
  says: text,
  values: maybe(table(text)),
  unitShift: maybe(whole),
});
const rule = record({ reads: list(field), tell: pure });
const format = record({
  name: text,
  bytes: one(4, 8),
  fields: list(field),
  rights: maybe(rule),
  attributes: maybe(rule),
  encode: maybe(pure),
  domain: maybe(field),
  partRights: maybe(list(rule)),
});
const form = record({ when: rule, leaf: format, entries: whole });
const level = record({
  name: text,
  indexBits: whole,
  kind: rule,
  table: maybe(format),
  leaf: maybe(format),
  forms: maybe(list(form)),
  manual: text,
});
const translation = either(
  (value) => isObject(value) && value["kind"] === "hashed",
  record({ kind: text }),
  record({
    kind: one("hierarchical", "hashed"),
    levels: list(level),
    faultsOnReserved: truth,
    rootRegister: text,
    combined: maybe(record({ tell: pure, says: text })),
    kernelRootRegister: maybe(text),
    domains: maybe(record({ count: whole, tell: pure })),
  }),
);

const geometry = record({
  entries: whole,
  ways: either(Number.isInteger, whole, one("full")),
  replacement: one("used-bit", "lru", "fifo", "random"),
  pageShifts: list(whole),
  wired: whole,
  lockable: truth,
  paired: truth,
});
const buffer = record({
  register: text,
  unit: one("data", "instruction"),
  parse: pure,
  pointer: pure,
  tagOf: pure,
  tagFields: list(field),
  data: format,
  rowOf: pure,
  manual: text,
});
const software = record({
  tagName: one("ASID", "context"),
  asidOf: pure,
  matchesInvalid: truth,
  words: pure,
  entryOf: pure,
  miss: pure,
  refusal: pure,
  overlap: text,
  fixedFor: maybe(pure),
  buffers: maybe(list(buffer)),
  manual: text,
});
const tlb = record({
  refill: one("hardware", "software"),
  instruction: maybe(geometry),
  data: geometry,
  invalidation: record({
    all: record({ sparesGlobal: truth, sparesLocked: one(true, false, "unless-global") }),
    asid: record({ by: one("context", "all"), sparesGlobal: truth, sparesLocked: truth }),
    page: record({ dropsGlobal: truth, anyAsid: truth }),
    rootLoadInvalidates: truth,
  }),
  honoursGlobal: switched,
  software: maybe(software),
  manual: text,
});

const range = record({ first: address, last: address });
const window = record({ name: text, first: address, last: address, physical: address, cacheable: truth, privilege: one(KERNEL, USER) });
const records = one("hardware", "refill", "fault", "no");

const architecture = record({
  contract: whole,
  name: text,
  title: text,
  manuals: list(text),
  wordBits: whole,
  byteOrder: text,
  virtualBits: whole,
  virtualRule: one("exact", "sign-extended"),
  physicalBits: whole,
  pageShift: whole,
  hardwarePageShift: whole,
  translation,
  tlb,
  asids: record({ bits: whole, policy: one("fixed", "steal-oldest"), kernel: whole, invalid: whole, first: whole, last: whole }),
  layout: record({
    user: range,
    kernel: range,
    userStack: address,
    kernelAddressSpaceShadowed: truth,
    privilegeByAddress: maybe(truth),
    windows: maybe(list(window)),
  }),
  can: record({
    forbidRead: truth,
    forbidExecute: truth,
    global: truth,
    recordAccess: records,
    recordWrite: records,
    kernelObeysWrite: switched,
  }),
  faults: record({ told: pure, report: pure, decode: pure, guessesAccess: truth, tellsLevel: maybe(truth), manual: text }),
  switches: table(record({ initially: truth, says: text, keepsTlb: maybe(truth) })),
  parts: maybe(list(record({ token, useClass: constructs }))),
  unfinished: maybe(list(record({ step: whole, clause: text, says: text }))),
});

/** What of a value has the wrong type or is missing, each with the path to it: `"tlb.data.ways is missing"`. */
export const reasonsAgainstShape = (value: unknown): string[] => {
  const reasons: string[] = [];
  architecture(value, "", (reason) => reasons.push(reason));
  return reasons;
};
