/** What a program's image of its own memory must say: the same as the program. */
import {
  EXECUTE,
  KERNEL,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  READ,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type Switches,
} from "@portolan/core";
import type { Mapping, Memory } from "@portolan/inspect";
import { Failure, same, show } from "../failure.js";
import type { Reader } from "../rig/reader.js";
import type { Answer, Line } from "./protocol.js";

/** Bytes of one request. */
export const PIECE = 4096;

const ACCESSES: Readonly<Record<string, Access>> = { read: READ, write: WRITE, execute: EXECUTE };

/** What was dumped, with zeros where nobody asked. */
class Pieces implements Memory {
  readonly regions;
  readonly #pieces = new Map<number, Uint8Array>();

  constructor(bytes: number) {
    this.regions = [{ first: 0, bytes }];
  }

  add(address: number, text: string): void {
    this.#pieces.set(
      address,
      Uint8Array.from(text.match(/../gu) ?? [], (digits) => Number.parseInt(digits, 16)),
    );
  }

  read(physical: number, target: Uint8Array): Promise<number> {
    const count = Math.min(target.length, (this.regions[0]?.bytes ?? 0) - physical);
    for (let i = 0; i < count; i += 1) {
      const within = (physical + i) % PIECE;
      target[i] = this.#pieces.get(physical + i - within)?.[within] ?? 0;
    }
    return Promise.resolve(Math.max(count, 0));
  }
}

/** A program's image, in the hands of a reader. */
export class ProgramsImage {
  readonly memory: Memory;
  readonly root: number;
  readonly #reader: Reader;
  readonly #architecture: Architecture;
  readonly #switches: Switches;

  constructor(
    reader: Reader,
    architecture: Architecture,
    switches: Switches,
    bytes: number,
    lines: readonly Line[],
    answers: readonly Answer[],
  ) {
    this.#reader = reader;
    this.#architecture = architecture;
    this.#switches = switches;
    const memory = new Pieces(bytes);
    let root = 0;
    for (const [i, { request }] of lines.entries()) {
      if (request.op !== "dump") continue;
      memory.add(Number(request.address), String(answers[i]?.["bytes"]));
      root = Number(answers[i]?.["root"]);
    }
    this.memory = memory;
    this.root = root;
  }

  /** Every access that was made, asked of the image once more. @throws Failure if it answers otherwise than the program did */
  async agreesWith(lines: readonly Line[], answers: readonly Answer[]): Promise<void> {
    for (const [i, { request }] of lines.entries()) {
      if (request.op !== "translate") continue;
      const { address, access, privilege } = request;
      const walk = await this.#reader.walk(this.memory, this.#architecture, { root: this.root }, BigInt(address), {
        access: ACCESSES[access] ?? READ,
        privilege: privilege === "user" ? USER : KERNEL,
        switches: this.#switches,
      });
      const { physical, fault } = answers[i] ?? {};
      const said = typeof physical === "string" ? show(BigInt(physical)) : fault;
      const told = walk.physical === null ? walk.reasonName : walk.isInImage ? show(walk.physical) : "bus";
      same(told, said, `a ${privilege} ${access} at ${address} in the program's image, beside what the program answered`);
    }
  }

  /** What is mapped, with its marks, in words. */
  async listed(): Promise<readonly string[]> {
    return listOf(this.#reader, this.#architecture, this.#switches, this.memory, this.root);
  }
}

/** Every page that tables map, with rights and marks, one a line. */
export const listOf = async (
  { list }: Reader,
  architecture: Architecture,
  switches: Switches,
  memory: Memory,
  root: number,
): Promise<readonly string[]> => {
  const lines: string[] = [];
  const { first, last } = architecture.layout.user;
  for await (const mapping of list(memory, architecture, { root }, { merge: "leaves", switches, range: { first, last } }))
    lines.push(inWords(mapping));
  return lines;
};

const inWords = ({ first, bytes, physical, rights, flags }: Mapping): string =>
  `${show(first)} ${bytes} bytes at ${physical === null ? "?" : show(BigInt(physical))}, rights ${rights.toString(8)}${
    (flags & PAGE_ACCESSED) === 0 ? "" : ", accessed"
  }${(flags & PAGE_DIRTY) === 0 ? "" : ", written"}`;

/** What a check says, for a judge. */
export const complaintOf = async (check: () => Promise<void>): Promise<string | null> => {
  try {
    await check();
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  return null;
};
