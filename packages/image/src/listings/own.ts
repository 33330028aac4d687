/**
 * Our own form: JSON with the rows of the golden vectors. packages/conformance/schema/tlb.schema.json is the schema.
 */
import { EXECUTE, READ, WRITE, type AccessMask, type SpaceRow, type TlbRow, type TranslationState } from "@portolan/core/architecture";
import { badAt, parseJson, type Node } from "./json.js";
import { ADDRESSES, isPageSize, MOST_BYTES, MOST_ROWS, NAME } from "./limits.js";

/** Version of the form. */
export const LISTING_FORMAT = 1;

/** Takes one value apart. */
type Take<T> = (node: Node, name: string) => T;

/** @throws PortolanError `ERR_BAD_LISTING` with the place of the value that is wrong */
export const readOwn = (text: string): TranslationState => {
  const bad = (node: Node, because: string): Error => badAt(text, node.at, because);
  const is =
    <T extends Node["value"]>(holds: (value: Node["value"]) => value is T, what: string): Take<T> =>
    (node, name) => {
      const { value } = node;
      if (!holds(value)) throw bad(node, `"${name}" is not ${what}`);
      return value;
    };
  const boolean = is((value) => typeof value === "boolean", "true or false");
  const string = is((value) => typeof value === "string", "text");
  const list = is((value) => Array.isArray(value), "a list");
  const members = is((value) => value instanceof Map, "an object");
  const wholeBelow =
    (bits: 32 | 53): Take<number> =>
    (node, name) => {
      const { value } = node;
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= 2 ** bits)
        throw bad(node, `"${name}" is no whole number of ${bits} bits`);
      return value;
    };
  const whole = wholeBelow(32);
  const hex: Take<bigint> = (node, name) => {
    const value = string(node, name);
    if (!/^0x[0-9a-f]{1,16}$/.test(value)) throw bad(node, `"${name}" is no hexadecimal number of 64 bits like "0x1f"`);
    return BigInt(value);
  };
  const size: Take<number> = (node, name) => {
    const value = hex(node, name);
    if (value > BigInt(MOST_BYTES) || !isPageSize(Number(value))) throw bad(node, `"${name}" is no power of two below 2^52`);
    return Number(value);
  };
  const rights: Take<AccessMask> = (node, name) => {
    const value = string(node, name);
    if (!/^r?w?x?$/.test(value)) throw bad(node, `"${name}" is not any of r, w, x in this order`);
    return (value.includes("r") ? READ : 0) | (value.includes("w") ? WRITE : 0) | (value.includes("x") ? EXECUTE : 0);
  };
  const unit: Take<TlbRow["unit"]> = (node, name) => {
    const value = string(node, name);
    if (value !== "data" && value !== "instruction") throw bad(node, `"${name}" is neither "data" nor "instruction"`);
    return value;
  };
  const named =
    <T>(take: Take<T>): Take<Readonly<Record<string, T>>> =>
    (node, name) => {
      const entries = [...members(node, name)];
      if (entries.length > MOST_ROWS) throw bad(node, `"${name}" has more than ${MOST_ROWS} members`);
      return Object.fromEntries(
        entries.map(([key, member]) => {
          if (!NAME.test(key)) throw bad(member, `"${key}" is no name of letters, digits, "_", "." and "-"`);
          return [key, take(member, key)];
        }),
      );
    };
  const rows =
    <T>(take: Take<T>): Take<readonly T[]> =>
    (node, name) => {
      const all = list(node, name);
      if (all.length > MOST_ROWS) throw bad(node, `"${name}" has more than ${MOST_ROWS} members`);
      return all.map((member) => take(member, name));
    };
  /** An object: what it must have, and what it may have. */
  const record = (node: Node, name: string, needed: readonly string[], optional: readonly string[]): ReadonlyMap<string, Node> => {
    const found = members(node, name);
    for (const key of needed) if (!found.has(key)) throw bad(node, `"${key}" is missing`);
    for (const [key, member] of found)
      if (!needed.includes(key) && !optional.includes(key)) throw bad(member, `"${key}" is not known here`);
    return found;
  };
  const needed = <T>(from: ReadonlyMap<string, Node>, key: string, take: Take<T>): T => {
    const node = from.get(key);
    if (node === undefined) throw new Error("what is needed was looked for");
    return take(node, key);
  };
  const optional = <K extends string, T>(from: ReadonlyMap<string, Node>, key: K, take: Take<T>): { readonly [key in K]?: T } => {
    const node = from.get(key);
    return node === undefined ? {} : ({ [key]: take(node, key) } as { readonly [key in K]: T });
  };
  const row: Take<TlbRow> = (node, name) => {
    const from = record(node, name, ROW, ["valid", "locked", "uncached", "words"]);
    const virtual = needed(from, "virtual", hex);
    const bytes = needed(from, "bytes", size);
    if (virtual + BigInt(bytes) > ADDRESSES) throw bad(node, "the entry ends behind the last address");
    return {
      unit: needed(from, "unit", unit),
      index: needed(from, "index", whole),
      virtual,
      bytes,
      physical: needed(from, "physical", hex),
      asid: needed(from, "asid", whole),
      global: needed(from, "global", boolean),
      kernel: needed(from, "kernel", rights),
      user: needed(from, "user", rights),
      ...optional(from, "valid", boolean),
      ...optional(from, "locked", boolean),
      ...optional(from, "uncached", boolean),
      ...optional(from, "words", named(hex)),
    };
  };
  const space: Take<SpaceRow> = (node, name) => {
    const from = record(node, name, ["space", "asid"], ["root", "registers"]);
    return {
      space: needed(from, "space", wholeBelow(53)),
      asid: needed(from, "asid", whole),
      ...optional(from, "root", hex),
      ...optional(from, "registers", named(hex)),
    };
  };
  const machine: Take<string> = (node, name) => {
    const value = string(node, name);
    if (!NAME.test(value)) throw bad(node, `"${name}" is no name of letters, digits, "_", "." and "-"`);
    return value;
  };

  const all = record(parseJson(text), "the listing", ["format", "tlb"], ["machine", "registers", "switches", "spaces"]);
  const format = needed(all, "format", whole);
  if (format !== LISTING_FORMAT)
    throw bad(all.get("format") ?? { at: 0, value: null }, `format ${format} is not known; ${LISTING_FORMAT} is`);
  return {
    registers: {},
    ...optional(all, "machine", machine),
    ...optional(all, "registers", named(hex)),
    ...optional(all, "switches", named(boolean)),
    tlb: needed(all, "tlb", rows(row)),
    ...optional(all, "spaces", rows(space)),
  };
};

/** Of the golden vectors; the others are optional. */
const ROW = ["unit", "index", "virtual", "bytes", "physical", "asid", "global", "kernel", "user"];

/** A state in our own form, a row a line. What it says `readListing` reads back. */
export const listingText = ({ machine, registers, switches, tlb, spaces }: TranslationState): string => {
  const head = {
    format: LISTING_FORMAT,
    ...(machine === undefined ? {} : { machine }),
    registers: inHex(registers),
    ...(switches === undefined ? {} : { switches }),
    ...(spaces === undefined ? {} : { spaces: spaces.map(spaceValue) }),
  };
  const rows = tlb.map((row) => `  ${JSON.stringify(rowValue(row))}`);
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "tlb": [${rows.length === 0 ? "" : `\n${rows.join(",\n")}\n `}]\n}\n`;
};

const hexOf = (value: bigint | number): string => `0x${value.toString(16)}`;
const inHex = (values: Readonly<Record<string, bigint>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hexOf(value)]));
const lettersOf = (mask: AccessMask): string =>
  `${(mask & READ) === 0 ? "" : "r"}${(mask & WRITE) === 0 ? "" : "w"}${(mask & EXECUTE) === 0 ? "" : "x"}`;

const rowValue = ({ unit, index, virtual, bytes, physical, asid, global, kernel, user, words, ...marks }: TlbRow): object => ({
  unit,
  index,
  virtual: hexOf(virtual),
  bytes: hexOf(bytes),
  physical: hexOf(physical),
  asid,
  global,
  kernel: lettersOf(kernel),
  user: lettersOf(user),
  ...marks,
  ...(words === undefined ? {} : { words: inHex(words) }),
});

const spaceValue = ({ space, asid, root, registers }: SpaceRow): object => ({
  space,
  asid,
  ...(root === undefined ? {} : { root: hexOf(root) }),
  ...(registers === undefined ? {} : { registers: inHex(registers) }),
});
