/**
 * The note named PORTOLAN: what one processor holds beside the tables in memory. One note a processor, in their order; the README
 * has its layout. Numbers are in the file's byte order.
 *
 * Nothing in it is believed: what is told twice, cannot be or does not end where the note does makes no state, and is told in words.
 */
import { PortolanError, type SpaceRow, type TlbRow, type TranslationState } from "@portolan/core/architecture";
import { ADDRESSES, isPageSize, MOST_ROWS, NAME } from "../listings/limits.js";

/** Owner and type. The type is "PORT", as there are tools that take small ones for NT_PRSTATUS and its like, whoever the owner. */
export const STATE_NOTE = "PORTOLAN";
export const NT_STATE = 0x504f5254;
/** Version of its layout. */
export const STATE_VERSION = 1;
/** Most bytes of one, and of all in a file. */
export const MOST_STATE_BYTES = 2 ** 20;
export const MOST_STATES_BYTES = 2 ** 24;

const HEAD_BYTES = 24;
const ROW_BYTES = 36;
const SPACE_BYTES = 24;
/** Bits of a row's flags. */
const INSTRUCTION = 1;
const GLOBAL = 2;
const INVALID = 4;
const LOCKED = 8;
const UNCACHED = 16;
const ALL_FLAGS = 31;
/** Bit of a space's flags: it has a root. */
const ROOT = 1;
const HALF_WORD = 0xffff;
const WORD = 0xffff_ffff;
const LONG = (1n << 64n) - 1n;

/** Writes from the beginning on, and grows. */
class Pen {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #isLittle: boolean;

  constructor(isLittle: boolean) {
    this.#isLittle = isLittle;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, this.#isLittle);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, this.#isLittle);
  }

  u64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, this.#isLittle);
  }

  name(name: string): void {
    this.u8(name.length);
    for (const letter of name) this.u8(letter.charCodeAt(0));
  }

  #room(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** @throws PortolanError `ERR_BAD_ARGUMENT` for a state that the note has no room for, and what a reader would refuse */
export const stateNote = (state: TranslationState, isLittle: boolean): Uint8Array => {
  const pen = new Pen(isLittle);
  const values = (named: Readonly<Record<string, bigint>>): void => {
    for (const [name, value] of Object.entries(named)) {
      pen.name(checkedName(name));
      pen.u64(inRange(name, value, LONG));
    }
  };
  const { machine = "", registers, switches = {}, tlb, spaces = [] } = state;
  pen.u32(STATE_VERSION);
  pen.u32(0);
  pen.u32(inRange("registers", Object.keys(registers).length, HALF_WORD));
  pen.u32(inRange("switches", Object.keys(switches).length, HALF_WORD));
  pen.u32(inRange("rows", tlb.length, MOST_ROWS));
  pen.u32(inRange("spaces", spaces.length, MOST_ROWS));
  pen.name(machine === "" ? "" : checkedName(machine));
  values(registers);
  for (const [name, value] of Object.entries(switches)) {
    pen.name(checkedName(name));
    pen.u8(value ? 1 : 0);
  }
  for (const row of tlb) {
    const { words = {} } = row;
    if (!isRow(row)) throw new PortolanError("ERR_BAD_ARGUMENT", { index: row.index, virtual: row.virtual, bytes: row.bytes });
    pen.u64(inRange("virtual", row.virtual, LONG));
    pen.u64(BigInt(row.bytes));
    pen.u64(inRange("physical", row.physical, LONG));
    pen.u32(inRange("index", row.index, WORD));
    pen.u32(inRange("asid", row.asid, WORD));
    pen.u8(flagsOf(row));
    pen.u8(inRange("kernel", row.kernel, 7) + 8 * inRange("user", row.user, 7));
    pen.u16(inRange("words", Object.keys(words).length, HALF_WORD));
    values(words);
  }
  for (const { space, asid, root, registers: own = {} } of spaces) {
    pen.u64(BigInt(inRange("space", space, Number.MAX_SAFE_INTEGER)));
    pen.u64(inRange("root", root ?? 0n, LONG));
    pen.u32(inRange("asid", asid, WORD));
    pen.u16(root === undefined ? 0 : ROOT);
    pen.u16(inRange("registers", Object.keys(own).length, HALF_WORD));
    values(own);
  }
  const { bytes } = pen;
  inRange("bytes", bytes.length, MOST_STATE_BYTES);
  new DataView(bytes.buffer).setUint32(4, bytes.length, isLittle);
  return bytes;
};

const flagsOf = ({ unit, global, valid = true, locked = false, uncached = false }: TlbRow): number =>
  (unit === "instruction" ? INSTRUCTION : 0) |
  (global ? GLOBAL : 0) |
  (valid ? 0 : INVALID) |
  (locked ? LOCKED : 0) |
  (uncached ? UNCACHED : 0);

const isRow = ({ virtual, bytes }: TlbRow): boolean => isPageSize(bytes) && virtual + BigInt(bytes) <= ADDRESSES;

const checkedName = (name: string): string => {
  if (!NAME.test(name)) throw new PortolanError("ERR_BAD_ARGUMENT", { name });
  return name;
};

const inRange = <T extends number | bigint>(name: string, value: T, most: T): T => {
  if (value < 0 || value > most || (typeof value === "number" && !Number.isInteger(value)))
    throw new PortolanError("ERR_BAD_ARGUMENT", { [name]: value, most });
  return value;
};

/** Why a note makes no state. */
class NoState extends Error {}

/** Reads from the beginning on, and never behind the end. */
class Eye {
  readonly #view: DataView;
  readonly #isLittle: boolean;
  #at = 0;

  constructor(view: DataView, isLittle: boolean) {
    this.#view = view;
    this.#isLittle = isLittle;
  }

  get left(): number {
    return this.#view.byteLength - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#next(2), this.#isLittle);
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), this.#isLittle);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#next(8), this.#isLittle);
  }

  /** So many of something of which each takes `bytes` at least: a count that the rest of the note cannot hold is none. */
  count(what: string, count: number, bytes: number): number {
    if (count * bytes > this.left) throw new NoState(`${count} ${what} do not fit into it`);
    return count;
  }

  name(): string {
    const length = this.u8();
    this.count("letters of a name", length, 1);
    const name = String.fromCharCode(...Array.from({ length }, () => this.u8()));
    if (!NAME.test(name)) throw new NoState("a name is none");
    return name;
  }

  #next(count: number): number {
    if (count > this.left) throw new NoState("it ends early");
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

/** The state that a note tells, or in words why it tells none. */
export const stateIn = (note: DataView, isLittle: boolean): TranslationState | string => {
  try {
    return read(new Eye(note, isLittle), note.byteLength);
  } catch (error) {
    if (error instanceof NoState) return error.message;
    throw error;
  }
};

const read = (eye: Eye, bytes: number): TranslationState => {
  if (bytes < HEAD_BYTES) throw new NoState("it ends early");
  const version = eye.u32();
  if (version !== STATE_VERSION) throw new NoState(`version ${version} is not known`);
  const told = eye.u32();
  if (told !== bytes) throw new NoState(`it says that it has ${told} bytes`);
  const [registers, switches, rows, spaces] = [eye.u32(), eye.u32(), eye.u32(), eye.u32()];
  const machine = eye.left > 0 ? machineIn(eye) : {};
  const state: TranslationState = {
    ...machine,
    registers: named(eye, "registers", registers, 8, () => eye.u64()),
    ...(switches === 0 ? {} : { switches: named(eye, "switches", switches, 1, () => truth(eye.u8())) }),
    tlb: Array.from({ length: eye.count("entries", rows, ROW_BYTES) }, () => rowIn(eye)),
    ...(spaces === 0 ? {} : { spaces: Array.from({ length: eye.count("address spaces", spaces, SPACE_BYTES) }, () => spaceIn(eye)) }),
  };
  if (eye.left > 0) throw new NoState(`${eye.left} bytes follow its end`);
  return state;
};

/** A length of 0: nobody has said whose state it is. */
const machineIn = (eye: Eye): { readonly machine?: string } => {
  const length = eye.u8();
  if (length === 0) return {};
  eye.count("letters of a name", length, 1);
  const machine = String.fromCharCode(...Array.from({ length }, () => eye.u8()));
  if (!NAME.test(machine)) throw new NoState("a name is none");
  return { machine };
};

const named = <T>(eye: Eye, what: string, count: number, bytes: number, value: () => T): Readonly<Record<string, T>> => {
  // A name has a length and a letter.
  const entries = Array.from({ length: eye.count(what, count, bytes + 2) }, () => [eye.name(), value()] as const);
  const all = Object.fromEntries(entries);
  if (Object.keys(all).length < count) throw new NoState("a name is there twice");
  return all;
};

const truth = (value: number): boolean => {
  if (value > 1) throw new NoState("a switch is neither on nor off");
  return value === 1;
};

const rowIn = (eye: Eye): TlbRow => {
  const virtual = eye.u64();
  const bytes = Number(eye.u64());
  const physical = eye.u64();
  const index = eye.u32();
  const asid = eye.u32();
  const flags = eye.u8();
  const rights = eye.u8();
  if (flags > ALL_FLAGS || rights > 63) throw new NoState("an entry has bits that nobody knows");
  const words = named(eye, "words", eye.u16(), 8, () => eye.u64());
  const row: TlbRow = {
    unit: (flags & INSTRUCTION) === 0 ? "data" : "instruction",
    index,
    virtual,
    bytes,
    physical,
    asid,
    global: (flags & GLOBAL) !== 0,
    kernel: rights & 7,
    user: rights >> 3,
    ...((flags & INVALID) === 0 ? {} : { valid: false }),
    ...((flags & LOCKED) === 0 ? {} : { locked: true }),
    ...((flags & UNCACHED) === 0 ? {} : { uncached: true }),
    ...(Object.keys(words).length === 0 ? {} : { words }),
  };
  if (!isRow(row)) throw new NoState("the size of an entry is none");
  return row;
};

const spaceIn = (eye: Eye): SpaceRow => {
  const space = eye.u64();
  const root = eye.u64();
  const asid = eye.u32();
  const flags = eye.u16();
  if (space > BigInt(Number.MAX_SAFE_INTEGER) || flags > ROOT) throw new NoState("an address space is none");
  const registers = named(eye, "registers", eye.u16(), 8, () => eye.u64());
  return {
    space: Number(space),
    asid,
    ...(flags === ROOT ? { root } : {}),
    ...(Object.keys(registers).length === 0 ? {} : { registers }),
  };
};
