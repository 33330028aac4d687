/** Cases for the machines of the x86 family, made by hand: tables word by word, and error codes of page faults bit by bit. */
import { EXECUTE, KERNEL, READ, USER, WRITE, type Access, type Privilege, type Switches } from "@portolan/core";
import { expect } from "chai";
import { Guest } from "#src/guest/guest.js";
import { programPath } from "#src/guest/qemu-process.js";
import { Judge } from "#src/judge.js";
import type { Expected, JudgedCase, JudgedQuery, Piece } from "#src/case.js";
import type { MachineProfile } from "#src/machines/profile.js";
import { Tally } from "#src/verdict/verdict.js";

/** Flags of entries. @see Intel SDM vol 3A §4.3, table 4-6; §4.5.4, table 4-20 */
export const [P, RW, US, A, D, PS, G] = [0x01n, 0x02n, 0x04n, 0x20n, 0x40n, 0x80n, 0x100n] as const;
/** Everything is allowed. */
export const ALL = P | RW | US;

/** Bits of an error code. @see Intel SDM vol 3A §4.7 */
export const PF = { P: 1, WR: 2, US: 4, RSVD: 8, ID: 16 } as const;

/** Where tables of a level lie, one page each, and data behind them. */
export const RAM = { first: 0x10_0000, bytes: 0x40_0000 };
export const tableAt = (depth: number): number => RAM.first + depth * 0x1000;
export const PAGE = RAM.first + 0x1_0000;

/** A table by the indices that are not zero. */
export type Table = Readonly<Record<number, bigint>>;

export const memoryOf = (entryBytes: 4 | 8, tables: readonly Table[]): readonly Piece[] =>
  tables.map((words, depth) => {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    for (const [index, word] of Object.entries(words)) {
      if (entryBytes === 8) view.setBigUint64(Number(index) * 8, word, true);
      else view.setUint32(Number(index) * 4, Number(word), true);
    }
    return { at: tableAt(depth), bytes };
  });

export interface ByHand {
  readonly tables: readonly Table[];
  readonly queries: readonly JudgedQuery[];
  readonly after?: readonly Table[];
  readonly switches?: Switches;
  /** More memory than the tables. */
  readonly more?: readonly Piece[];
}

export const caseOf = (entryBytes: 4 | 8, { tables, queries, after, switches = {}, more = [] }: ByHand): JudgedCase => ({
  name: "by hand",
  ram: RAM,
  root: tableAt(0),
  asid: 0,
  switches,
  memory: [...memoryOf(entryBytes, tables), ...more],
  queries,
  ...(after === undefined ? {} : { after: [...memoryOf(entryBytes, after), ...more] }),
});

export const at = (physical: number | bigint): Expected => ({ kind: "physical", physical: BigInt(physical) });
export const fault = (reason: string, code: number, trap = "#PF"): Expected => ({ kind: "fault", reason, report: { trap, code } });

/** @param code what the error code says beside the kind of access */
export const refusal = (reason: string, code: number, access: Access, privilege: Privilege, tellsFetches: boolean): Expected =>
  fault(
    reason,
    code | (access === WRITE ? PF.WR : 0) | (privilege === USER ? PF.US : 0) | (access === EXECUTE && tellsFetches ? PF.ID : 0),
  );

export const ask = (address: bigint, access: Access, privilege: Privilege, expected: Expected): JudgedQuery => ({
  address,
  access,
  privilege,
  expected,
});

type Answer = (access: Access, privilege: Privilege) => Expected;

/** All six accesses to one address. */
export const six = (address: bigint, answer: Answer): readonly JudgedQuery[] =>
  ([READ, WRITE, EXECUTE] as const).flatMap((access) =>
    ([KERNEL, USER] as const).map((privilege) => ask(address, access, privilege, answer(access, privilege))),
  );

const LETTERS: Readonly<Record<Access, string>> = { [READ]: "r", [WRITE]: "w", [EXECUTE]: "x" };

/** Which of "rwx" the kernel and the user may do at an address; the rest is forbidden by an entry that is present. */
export const rights =
  (tellsFetches: boolean) =>
  (address: bigint, physical: number | bigint, kernel: string, user: string): readonly JudgedQuery[] =>
    six(address, (access, privilege) =>
      (privilege === KERNEL ? kernel : user).includes(LETTERS[access])
        ? at(physical)
        : refusal("protection", PF.P, access, privilege, tellsFetches),
    );

/** An entry on the way is absent. */
export const absent =
  (tellsFetches: boolean) =>
  (address: bigint): readonly JudgedQuery[] =>
    six(address, (access, privilege) => refusal("absent", 0, access, privilege, tellsFetches));

/** An entry on the way has a reserved bit set. */
export const reserved =
  (tellsFetches: boolean) =>
  (address: bigint): readonly JudgedQuery[] =>
    six(address, (access, privilege) => refusal("reserved", PF.P | PF.RSVD, access, privilege, tellsFetches));

/** Guests, started when first asked for. */
export class Bench {
  readonly #guests = new Map<MachineProfile, Guest>();

  async stop(): Promise<void> {
    for (const guest of this.#guests.values()) await guest.stop();
    this.#guests.clear();
  }

  async judge(profile: MachineProfile, judged: JudgedCase): Promise<Tally> {
    const guest = this.#guests.get(profile) ?? (await Guest.start(profile));
    this.#guests.set(profile, guest);
    const tally = new Tally();
    await new Judge(guest).judge(judged, tally);
    return tally;
  }

  /** Every access is judged and agrees, and so does memory; `words` may differ for the reasons that it names. */
  async agrees(profile: MachineProfile, judged: JudgedCase, words: Readonly<Record<string, number>> = {}): Promise<void> {
    const tally = await this.judge(profile, judged);
    expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
    expect(tally.agreed).to.equal(judged.queries.length);
    expect(Object.fromEntries(tally.explainedWords)).to.deep.equal(words);
  }

  /** Every access differs, for the one reason that is named. */
  async isKnown(profile: MachineProfile, judged: JudgedCase, id: string): Promise<void> {
    const tally = await this.judge(profile, judged);
    expect(tally.unexplained.map(({ says }) => says)).to.deep.equal([]);
    expect(Object.fromEntries(tally.explained)).to.deep.equal({ [id]: judged.queries.length });
  }

  /** What is found wrong. */
  async objections(profile: MachineProfile, judged: JudgedCase): Promise<readonly string[]> {
    return (await this.judge(profile, judged)).unexplained.map(({ says }) => says);
  }
}

/** Skips, and says what is missing. */
export const needsQemu = (context: Mocha.Context, { qemu: { program, package: from } }: MachineProfile): void => {
  if (programPath(program) !== null) return;
  console.log(`      not run: ${program} is not installed (Debian: ${from})`);
  context.skip();
};

/** Instructions that are no slot's: none may run away, or take the stub with it. */
export const STRANGE: Readonly<Record<string, readonly number[]>> = {
  "add [eax], al": [0x00, 0x00],
  int3: [0xcc],
  "int 32": [0xcd, 0x20],
  int1: [0xf1],
  "jmp $": [0xeb, 0xfe],
  ud2: [0x0f, 0x0b],
  ret: [0xc3],
  sti: [0xfb],
  popf: [0x9d],
  "mov esp, imm32": [0xbc, 0x00, 0x00, 0x00, 0x40],
};

/** A page that begins with an instruction. */
export const pageWith = (physical: number, instruction: readonly number[]): Piece => {
  const bytes = new Uint8Array(4096);
  bytes.set(instruction);
  return { at: physical, bytes };
};

/** Instructions of the kernel's that take the ground from under it, where they find values that they can load. */
export const DEADLY: typeof STRANGE = {
  "mov cr3, eax": [0x0f, 0x22, 0xd8],
  "lidt [eax]": [0x0f, 0x01, 0x18],
};
