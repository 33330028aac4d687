/** Vectors from a file, checked: whoever reads one may rely on every field. */
import { PortolanError } from "@portolan/core";
import { VECTOR_FORMAT, type VectorSet } from "./format.js";
import { troubleInRows } from "./rows.js";

type Check = (value: unknown, place: string) => void;

/** @throws PortolanError ERR_BAD_VECTORS that names the place and the reason */
export const readVectors = (text: string, file: string): VectorSet => {
  const bad = (place: string, reason: string): PortolanError => new PortolanError("ERR_BAD_VECTORS", { file, place, reason });
  const is =
    (holds: (value: unknown) => boolean, what: string): Check =>
    (value, place) => {
      if (!holds(value)) throw bad(place, value === undefined ? "is missing" : `is not ${what}`);
    };
  const hex = is((value) => typeof value === "string" && /^0x[0-9a-f]{1,16}$/.test(value), "a hexadecimal number like 0x1f");
  const words = is((value) => typeof value === "string" && value !== "", "text");
  const whole = is((value) => Number.isSafeInteger(value) && (value as number) >= 0, "a whole number");
  const truth = is((value) => typeof value === "boolean", "true or false");
  const bytes = is((value) => typeof value === "string" && /^(?:[0-9a-f]{2})+$/.test(value), "bytes in hexadecimal, two digits each");
  const rights = is((value) => typeof value === "string" && /^r?w?x?$/.test(value), "any of r, w, x");
  const one = (...values: readonly unknown[]): Check => is((value) => values.includes(value), `one of ${values.join(", ")}`);
  const list =
    (check: Check, most = 100_000): Check =>
    (value, place) => {
      if (!Array.isArray(value)) throw bad(place, value === undefined ? "is missing" : "is not a list");
      if (value.length > most) throw bad(place, `has more than ${most} members`);
      value.forEach((member, i) => check(member, `${place}[${i}]`));
    };
  const record =
    (checks: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
    (value, place) => {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw bad(place, value === undefined ? "is missing" : "is not an object");
      const given = value as Readonly<Record<string, unknown>>;
      const at = (key: string): string => (place === "" ? key : `${place}.${key}`);
      for (const [key, check] of Object.entries(checks)) check(given[key], at(key));
      for (const [key, check] of Object.entries(optional)) if (given[key] !== undefined) check(given[key], at(key));
      for (const key of Object.keys(given))
        if (!Object.hasOwn(checks, key) && !Object.hasOwn(optional, key)) throw bad(at(key), "is not known here");
    };
  const pair: Check = (value, place) => {
    if (!Array.isArray(value) || value.length !== 2) throw bad(place, "is not [address, bytes]");
    hex(value[0], `${place}[0]`);
    bytes(value[1], `${place}[1]`);
  };
  const switches: Check = (value, place) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(place, "is not an object");
    for (const [name, member] of Object.entries(value)) truth(member, `${place}.${name}`);
  };
  const answer: Check = (value, place) => {
    if (typeof value === "object" && value !== null && "fault" in value) record({ fault: words })(value, place);
    else record({ physical: hex, from: one("walk", "tlb") })(value, place);
  };
  const step = record({ table: words, address: hex, raw: hex, says: words });
  const query = record(
    { address: hex, access: one("read", "write", "execute"), privilege: one("kernel", "user"), answer },
    { steps: list(step) },
  );
  const entry = record(
    {
      unit: one("data", "instruction"),
      index: whole,
      virtual: hex,
      bytes: hex,
      physical: hex,
      asid: whole,
      global: truth,
      kernel: rights,
      user: rights,
    },
    { valid: truth },
  );
  const vector = record(
    { name: words, about: words, registers: record({ asid: whole, switches }, { root: hex }), memory: list(pair), queries: list(query) },
    { tlb: list(entry) },
  );
  const set = record(
    {
      format: one(VECTOR_FORMAT),
      machine: words,
      set: words,
      manuals: list(words),
      provenance: words,
      ram: record({ first: hex, bytes: hex }),
      vectors: list(vector),
    },
    { rows: one("any", "hardware") },
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad("the file", error instanceof Error ? error.message : "no JSON");
  }
  set(value, "");
  const read = value as VectorSet;
  inMemory(read, bad);
  read.vectors.forEach(({ tlb = [] }, i) => {
    for (const [j, reason] of troubleInRows(tlb)) throw bad(`vectors[${i}].tlb[${j}]`, reason);
  });
  return read;
};

/** More than any question about translation needs. */
const MOST_BYTES = 2n ** 32n;

/** Words of memory that lie in no memory would be no part of what is asked. */
const inMemory = ({ ram, vectors }: VectorSet, bad: (place: string, reason: string) => PortolanError): void => {
  const [first, size] = [BigInt(ram.first), BigInt(ram.bytes)];
  if (size === 0n || size > MOST_BYTES) throw bad("ram.bytes", `is not 1 to 0x${MOST_BYTES.toString(16)}`);
  vectors.forEach(({ memory }, i) =>
    memory.forEach(([address, bytes], j) => {
      const at = BigInt(address) - first;
      if (at < 0n || at + BigInt(bytes.length / 2) > size) throw bad(`vectors[${i}].memory[${j}]`, "does not lie in the RAM");
    }),
  );
};
