/**
 * Puts cases to a guest, one after the other, and says what became of every access.
 *
 * A case is written into the guest's RAM as it is. Where our side says that an access lands, a slot is put that tells its own
 * physical address: a read brings back its word, a fetch runs its code, and a write is looked for there. So the proof of an
 * address rests on nothing that QEMU says.
 */
import { EXECUTE, WRITE } from "@portolan/core";
import type { JudgedCase, JudgedQuery, Piece } from "./case.js";
import type { Guest } from "./guest/guest.js";
import {
  BELL,
  BELL_IDLE,
  COUNT,
  ENTRIES,
  ENTRY_WORDS,
  kindOf,
  LET_THROUGH,
  MOST_QUERIES,
  QUERIES,
  QUERY_WORDS,
  REGISTERS,
  REGISTER_WORDS,
  RESULT_WORDS,
  RESULTS,
  resultAt,
  TRAPPED,
  Words,
  type RawResult,
} from "./mailbox.js";
import { stampOf, type MachineProfile, type Window } from "./machines/profile.js";
import { PageImage } from "./page-image.js";
import { whyUnjudged } from "./unjudged.js";
import type { Actual } from "./verdict/actual.js";
import { accessedAt, difference } from "./verdict/compare.js";
import type { Tally } from "./verdict/verdict.js";

/** Values that writes write: never a stamp, which is odd. */
const WRITTEN = 0x1357_9000;

export class Judge {
  readonly #guest: Guest;
  readonly #profile: MachineProfile;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.#profile = guest.profile;
  }

  /**
   * Judges a case and counts it.
   * @returns the accesses that agreed, if the memory after them could not be compared because of others: they are worth a case of
   *   their own; else none
   * @throws PortolanError ERR_QEMU_FAILED, ERR_QEMU_SILENT if the guest is lost; what was counted until then stays counted
   */
  async judge(judged: JudgedCase, tally: Tally): Promise<readonly JudgedQuery[]> {
    const image = new PageImage(judged.memory);
    const asked = judged.queries.filter((query) => {
      const why = whyUnjudged(this.#profile, judged, query, image);
      if (why !== null) tally.pass(why);
      return why === null;
    });
    tally.cases += 1;
    for (const query of asked) this.#stamp(query, image);
    const before = image.pages();
    for (const { at, bytes } of before) this.#guest.memory.write(at, bytes);
    try {
      const agreed: JudgedQuery[] = [];
      let isSame = true;
      let isAlone = false;
      for (let rest = asked; rest.length > 0;) {
        const { queries, window } = this.#round(judged, isAlone ? rest.slice(0, 1) : rest);
        const actual = await this.#perform(judged, queries, window);
        const verdicts = queries.map((query, i) => {
          const saw = actual[i] ?? { kind: "lost" };
          return { query, saw, says: difference(this.#profile, judged, query, saw) };
        });
        const stray = verdicts.findIndex(({ query, saw, says }) => query.access === WRITE && saw.kind === "physical" && says !== null);
        // A write that is not where it should be has been overwritten, or will be found overwriting: it is asked again, alone.
        isAlone = stray >= 0 && queries.length > 1;
        const sure = isAlone ? verdicts.slice(0, stray) : verdicts;
        for (const { query, saw, says } of sure) {
          if (says === null) {
            tally.agreed += 1;
            agreed.push(query);
            continue;
          }
          const explanation = this.#profile.explanations.find(({ matches }) => matches(query, saw, judged)) ?? null;
          isSame &&= explanation?.keepsMemory === true;
          tally.count({ judged, query, says, explanation });
        }
        if (stray >= 0) {
          isSame = false;
          for (const { at, bytes } of before) this.#guest.memory.write(at, bytes);
        }
        rest = rest.slice(sure.length);
      }
      // After an access that went elsewhere, tables say nothing new.
      if (judged.after === undefined) return [];
      if (!isSame) return agreed;
      this.#compareMemory(judged, judged.after, asked, tally);
      return [];
    } finally {
      const zeros = new Uint8Array(4096);
      for (const { at } of before) this.#guest.memory.write(at, zeros);
    }
  }

  #stamp({ expected }: JudgedQuery, image: PageImage): void {
    if (expected.kind === "physical") image.write(Number(expected.physical), this.#profile.slot.make(Number(expected.physical)));
  }

  /** As many accesses as go together: nothing but fetches after a write to a slot, and room for the stub. */
  #round(judged: JudgedCase, rest: readonly JudgedQuery[]): { readonly queries: readonly JudgedQuery[]; readonly window: Window | null } {
    const written = new Set<bigint>();
    let count = 0;
    for (const { access, expected } of rest) {
      if (count === MOST_QUERIES) break;
      if (expected.kind === "physical") {
        if (access !== EXECUTE && written.has(expected.physical)) break;
        if (access === WRITE) written.add(expected.physical);
      }
      count += 1;
    }
    const { window } = this.#profile;
    if (window === undefined) return { queries: rest.slice(0, count), window: null };
    for (; count > 0; count = Math.floor(count / 2)) {
      const queries = rest.slice(0, count);
      const found = window(judged, queries);
      if (found !== null) return { queries, window: found };
    }
    throw new Error(`${judged.name}: one access alone leaves no room for the stub`);
  }

  async #perform(judged: JudgedCase, queries: readonly JudgedQuery[], window: Window | null): Promise<readonly Actual[]> {
    const { memory } = this.#guest;
    const { mailbox, mailboxEntry, registers } = this.#profile;
    const kept = (window?.patch ?? []).map(({ at, bytes }): Piece => {
      const old = new Uint8Array(bytes.length);
      memory.read(at, old);
      memory.write(at, bytes);
      return { at, bytes: old };
    });
    const words = this.#guest.mailboxWords;
    words.set(BELL, BELL_IDLE);
    words.set(COUNT, queries.length);
    const given = [...registers(judged), ...(window?.registers ?? [])];
    if (given.length > REGISTER_WORDS) throw new Error(`${this.#profile.name} has more registers than the mailbox`);
    given.forEach((value, i) => words.set(REGISTERS + i, value));
    (judged.entries ?? []).forEach((entry, i) =>
      (mailboxEntry?.(entry) ?? entry.words).forEach((word, j) => words.set(ENTRIES + i * ENTRY_WORDS + j, word)),
    );
    queries.forEach((query, i) => {
      const at = QUERIES + i * QUERY_WORDS;
      words.set(at, accessedAt(this.#profile, query));
      words.set(at + 1, kindOf(query.access, query.privilege));
      words.set(at + 2, WRITTEN + i * 2);
    });
    const used = RESULTS + queries.length * RESULT_WORDS;
    memory.write(mailbox.at, words.bytes.subarray(0, used * mailbox.wordBytes));
    await this.#guest.go();
    for (const { at, bytes } of kept) memory.write(at, bytes);
    const results = new Words(new Uint8Array(queries.length * RESULT_WORDS * mailbox.wordBytes), mailbox.wordBytes, mailbox.order);
    memory.read(mailbox.at + RESULTS * mailbox.wordBytes, results.bytes);
    return queries.map((query, i) => this.#actual(judged, query, resultAt(results, i), WRITTEN + i * 2));
  }

  #actual(judged: JudgedCase, query: JudgedQuery, raw: RawResult, written: number): Actual {
    if (raw.status === TRAPPED) return { kind: "trap", trap: this.#profile.trap(raw, query, judged) };
    if (raw.status !== LET_THROUGH) return { kind: "lost" };
    if (query.access === WRITE) {
      if (query.expected.kind !== "physical") return { kind: "physical", physical: null, value: 0n };
      const { physical } = query.expected;
      const found = this.#inOrder(judged, query, this.#dataWord(Number(physical)));
      // Put back, for the reads that follow.
      this.#guest.memory.write(Number(physical), this.#profile.slot.make(Number(physical)));
      return { kind: "physical", physical: found === BigInt(written) ? physical : null, value: found };
    }
    const value = this.#inOrder(judged, query, raw.value);
    if (query.expected.kind === "physical") {
      const { physical } = query.expected;
      if (Number(value & 0xffff_ffffn) === stampOf(Number(physical))) return { kind: "physical", physical, value };
    }
    return { kind: "physical", physical: this.#slotOf(value), value };
  }

  /** A word as it would be without a page that turns it round. */
  #inOrder(judged: JudgedCase, query: JudgedQuery, value: bigint): bigint {
    const { slot, turnsBytes } = this.#profile;
    if (turnsBytes === undefined || !turnsBytes(query, judged)) return value;
    const words = new Words(new Uint8Array(slot.dataBytes), slot.dataBytes, "big");
    words.set(0, value);
    return new Words(words.bytes, slot.dataBytes, "little").get(0);
  }

  #dataWord(physical: number): bigint {
    const { slot, mailbox } = this.#profile;
    const bytes = new Uint8Array(slot.dataBytes);
    this.#guest.memory.read(physical + slot.dataOffset, bytes);
    return new Words(bytes, slot.dataBytes, mailbox.order).get(0);
  }

  /** The slot that a stamp belongs to, if any. */
  #slotOf(value: bigint): bigint | null {
    const { ram, slot } = this.#profile;
    const physical = ((Number(value & 0xffff_ffffn) ^ 0x5a00_0000) & ~1) >>> 0;
    return value !== 0n && physical % slot.bytes === 0 && physical >= ram.first && physical < ram.first + ram.bytes
      ? BigInt(physical)
      : null;
  }

  /** Every word of what was given, against what our side has left there. */
  #compareMemory(judged: JudgedCase, after: readonly Piece[], asked: readonly JudgedQuery[], tally: Tally): void {
    const expected = new PageImage(after);
    for (const query of asked) this.#stamp(query, expected);
    const { mailbox, architecture, slot, explanations } = this.#profile;
    const size = architecture.wordBits === 64 ? 8 : 4;
    const landed = new Set(asked.flatMap((query) => (query.expected.kind === "physical" ? [Number(query.expected.physical)] : [])));
    for (const { at, bytes } of new PageImage(judged.memory).pages()) {
      const actual = new Uint8Array(bytes.length);
      this.#guest.memory.read(at, actual);
      const ours = expected.read(at, bytes.length);
      const [left, right] = [new Words(actual, size, mailbox.order), new Words(ours, size, mailbox.order)];
      for (let word = 0; word < bytes.length / size; word += 1) {
        tally.words += 1;
        const [found, wanted] = [left.get(word), right.get(word)];
        const address = at + word * size;
        if (found === wanted || landed.has(address - (address % slot.bytes))) continue;
        tally.count({
          judged,
          says: `the word at 0x${address.toString(16)} is 0x${found.toString(16)} after the accesses; ours has 0x${wanted.toString(16)}`,
          explanation: explanations.find(({ matchesWord }) => matchesWord?.({ at: address, found, wanted }, judged)) ?? null,
        });
      }
    }
  }
}
