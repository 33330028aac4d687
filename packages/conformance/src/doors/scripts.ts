/**
 * Clauses as dialogues, for machines that walk in hardware: what is asked is chosen on a machine of ours, what must be answered
 * is what the naive walk says of the memory at that moment.
 */
import {
  fieldBits,
  FAULT_REASONS,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  READ,
  USER,
  WRITE,
  type Access,
  type Privilege,
} from "@portolan/core";
import type { Trait } from "../clause.js";
import { levelsOf } from "../clauses/l0-entries.js";
import { same } from "../failure.js";
import { Dump } from "../rig/images.js";
import { naiveWalk, readWord, wordsOnTheWay, writeWord } from "../rig/naive.js";
import { Rig, type Subject } from "../rig/rig.js";
import { ACCESSES, PRIVILEGES, Scene, USER_ALL } from "../rig/scene.js";
import { hexOf } from "../vectors/play.js";
import { complaintOf, listOf, PIECE, ProgramsImage } from "./dumps.js";
import type { Answer, Expected, Line, Request, Script } from "./protocol.js";

const FRAMES = 128;
const NAMES: Readonly<Record<Access, "read" | "write" | "execute">> = { 1: "read", 2: "write", 4: "execute" };

/** A machine of ours beside the one that is judged, and everything that was said to that. */
class Dialogue {
  readonly scene: Scene;
  readonly rig: Rig;
  readonly lines: Line[] = [];

  constructor(rig: Rig, switches: Readonly<Record<string, boolean>> = {}) {
    this.rig = rig;
    this.scene = new Scene(rig, { memoryBytes: FRAMES * rig.pageSize, switches });
  }

  /** After the tables stand: the machine as it is now. */
  begin(): this {
    const { machine, context } = this.scene;
    const { memory } = machine.parts;
    this.#say({ op: "reset", ram: { first: "0x0", bytes: hexOf(FRAMES * this.rig.pageSize) }, switches: { ...machine.cpu(0).switches } });
    for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1) {
      const bytes = new Uint8Array(memory.frameSize);
      memory.readBytes(frame * memory.frameSize, bytes);
      for (let at = 0; at < bytes.length; at += 64) {
        const piece = bytes.subarray(at, at + 64);
        if (piece.some((byte) => byte !== 0))
          this.#say({ op: "write", address: hexOf(frame * memory.frameSize + at), bytes: textOf(piece) });
      }
    }
    this.#say({ op: "root", address: hexOf(context.root), asid: context.asid });
    return this;
  }

  words(page: number) {
    return wordsOnTheWay(
      this.scene.machine,
      BigInt(this.scene.context.root),
      this.#at(page),
      this.rig.subject.oracle,
      this.scene.machine.cpu(0).switches,
    );
  }

  word(at: { readonly address: bigint; readonly bytes: number }): bigint {
    return readWord(this.scene.machine, at.address, at.bytes);
  }

  /** Writes a word of a table, without telling any TLB. */
  poke(at: { readonly address: bigint; readonly bytes: number }, word: bigint): void {
    writeWord(this.scene.machine, at.address, at.bytes, word);
    const bytes = new Uint8Array(at.bytes);
    this.scene.machine.parts.memory.readBytes(Number(at.address), bytes);
    this.#say({ op: "write", address: hexOf(at.address), bytes: textOf(bytes) });
  }

  invalidateAll(): void {
    this.#say({ op: "invalidate", what: "all", asid: this.scene.context.asid, address: "0x0" });
  }

  invalidatePage(page: number): void {
    this.#say({ op: "invalidate", what: "page", asid: this.scene.context.asid, address: hexOf(this.#at(page)) });
  }

  root(address = this.scene.context.root): void {
    this.#say({ op: "root", address: hexOf(address), asid: this.scene.context.asid });
  }

  turn(name: string, value: boolean): void {
    this.scene.machine.cpu(0).setSwitch(name, value);
    this.#say({ op: "switch", name, value });
  }

  /** What the tables say now; `offset` is the byte in the page. */
  ask(page: number, access: Access, privilege: Privilege, offset = 0x24n): void {
    const address = this.#at(page) + offset;
    const { machine, context } = this.scene;
    const naive = naiveWalk(machine, BigInt(context.root), address, access, privilege, this.rig.subject.oracle, machine.cpu(0).switches);
    const expected: Expected = "physical" in naive ? { physical: hexOf(naive.physical) } : { fault: FAULT_REASONS[naive.reason] };
    this.#say(
      { op: "translate", address: hexOf(address), access: NAMES[access], privilege: privilege === USER ? "user" : "kernel" },
      expected,
    );
    // The machine of ours sets the marks that the other one sets.
    this.scene.empty();
    machine.cpu(0).translate(page * this.rig.perPage, access, privilege);
  }

  askAll(page: number): void {
    for (const access of ACCESSES) for (const privilege of PRIVILEGES) this.ask(page, access, privilege);
  }

  expect(page: number, access: Access, privilege: Privilege, expected: Expected): void {
    this.#say(
      { op: "translate", address: hexOf(this.#at(page) + 0x24n), access: NAMES[access], privilege: privilege === USER ? "user" : "kernel" },
      expected,
    );
  }

  /** The bytes of a word as the machine of ours has them. */
  readBack(at: { readonly address: bigint; readonly bytes: number }): void {
    const bytes = new Uint8Array(at.bytes);
    this.scene.machine.parts.memory.readBytes(Number(at.address), bytes);
    this.#say({ op: "read", address: hexOf(at.address), count: at.bytes }, { bytes: textOf(bytes) });
  }

  /** A piece of the program's image of its memory; what it must be, unless it is judged later. */
  dump(address: number, count = PIECE, expected: Expected = {}): void {
    this.#say({ op: "dump", address: hexOf(address), count }, expected);
  }

  /** Everything that is in use. */
  dumpAll(): void {
    const { memory, frames } = this.scene.machine.parts;
    for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1) {
      if (frames.references(frame) === 0) continue;
      for (let at = 0; at < memory.frameSize; at += PIECE) this.dump(frame * memory.frameSize + at);
    }
  }

  /** The same in our machine's memory. */
  piece(address: number, count: number): string {
    const bytes = new Uint8Array(count);
    this.scene.machine.parts.memory.readBytes(address, bytes);
    return textOf(bytes);
  }

  #at(page: number): bigint {
    return this.scene.machine.parts.units.addressOf(page);
  }

  #say(request: Request, expected: Expected = {}): void {
    this.lines.push({ request, expected });
  }
}

const textOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Lines; or lines, and what is asked of all their answers. */
type Writer = (rig: Rig) => readonly Line[] | Pick<Script, "lines" | "judge">;

const mapped = (rig: Rig, switches: Readonly<Record<string, boolean>> = {}): { readonly talk: Dialogue; readonly page: number } => {
  const talk = new Dialogue(rig, switches);
  const { scene } = talk;
  [USER_ALL, READ | 8 | 32, READ | WRITE | PAGE_CACHEABLE, READ | PAGE_GLOBAL | PAGE_CACHEABLE].forEach((flags, i) =>
    scene.map(scene.first + i, scene.frame(), flags),
  );
  return { talk: talk.begin(), page: scene.first };
};

const physicalOf = (talk: Dialogue, page: number): Expected => {
  const { machine, context } = talk.scene;
  machine.parts.tables.find(context, page);
  return { physical: hexOf(machine.parts.tables.found.frame * talk.rig.pageSize + 0x24) };
};

/** By the clause's id; a clause that is not here is not asked of a program. */
export const WRITERS: Readonly<Record<string, Writer>> = {
  "L1.walk.single-bits": (rig) => {
    const { talk, page } = mapped(rig);
    for (const word of talk.words(page)) {
      const kept = talk.word(word);
      for (let bit = 0; bit < word.bytes * 8; bit += 1) {
        talk.poke(word, kept ^ (1n << BigInt(bit)));
        talk.invalidateAll();
        talk.root();
        talk.askAll(page);
        talk.poke(word, kept);
      }
    }
    return talk.lines;
  },
  "L1.walk.rights-of-all-levels": (rig) => {
    const { talk, page } = mapped(rig);
    const words = talk.words(page);
    const kept = words.map((word) => talk.word(word));
    for (let round = 0; round < 256; round += 1) {
      let rest = rig.random.word();
      words.forEach((word, depth) => {
        let changed = kept[depth] ?? 0n;
        const level = levelsOf(rig.architecture)[depth];
        const format = word.entry?.kind === "table" ? level?.table : level?.leaf;
        for (const field of format?.rights?.reads ?? []) {
          const [high, low] = fieldBits(field);
          for (let bit = low; bit <= high; bit += 1) {
            if (rest % 2 === 1) changed ^= 1n << BigInt(bit);
            rest = Math.floor(rest / 2);
          }
        }
        talk.poke(word, changed);
      });
      talk.invalidateAll();
      talk.root();
      talk.askAll(page);
    }
    return talk.lines;
  },
  "L1.walk.random-tables": (rig) => {
    const { talk, page } = mapped(rig);
    const pages = [page, page + 1, page + 2];
    const kept = new Map(pages.flatMap((one) => talk.words(one).map((word) => [word.address, { word, raw: talk.word(word) }] as const)));
    for (let round = 0; round < 60; round += 1) {
      for (const { word, raw } of kept.values()) {
        let changed = raw;
        if (rig.random.below(3) === 0) changed ^= 1n << BigInt(rig.random.below(word.bytes * 8));
        if (rig.random.below(6) === 0) changed ^= 1n << BigInt(rig.random.below(word.bytes * 8));
        talk.poke(word, changed);
      }
      talk.invalidateAll();
      talk.root();
      for (const one of pages) talk.askAll(one);
    }
    return talk.lines;
  },
  "L1.walk.switches-decide-at-once": (rig) => {
    const lines: Line[] = [];
    for (const name of Object.keys(rig.architecture.switches)) {
      const { talk, page } = mapped(rig);
      const initially = talk.scene.machine.cpu(0).switches[name];
      for (const value of [!initially, initially]) {
        for (const one of [page, page + 1, page + 2]) talk.askAll(one);
        talk.turn(name, value);
        for (const one of [page, page + 1, page + 2]) talk.askAll(one);
      }
      lines.push(...talk.lines);
    }
    return lines;
  },
  "L1.address.every-bit-counts": (rig) => {
    const { talk, page } = mapped(rig);
    const { units } = talk.scene.machine.parts;
    const last = units.pageOf(rig.architecture.layout.user.last);
    for (let bit = 1; bit <= last; bit *= 2) {
      const other = Math.floor(page / bit) % 2 === 1 ? page - bit : page + bit;
      if (other <= last && units.isCanonical(other)) talk.ask(other, READ, USER);
    }
    for (let offset = 1n; offset < BigInt(rig.pageSize); offset *= 2n) talk.ask(page, READ, USER, offset);
    return talk.lines;
  },
  "L1.fault.hole": (rig) => {
    const { talk } = mapped(rig);
    if (!rig.has("hole")) return talk.lines;
    const { virtualBits, pageShift, wordBits } = rig.architecture;
    const half = 2 ** (virtualBits - 1 - pageShift);
    for (const page of [half, half * 2, 2 ** (wordBits - pageShift) - half - 1]) talk.expect(page, READ, USER, { fault: "bad-address" });
    return talk.lines;
  },
  "L1.marks.access-is-recorded": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page, READ, USER);
    for (const word of talk.words(page)) talk.readBack(word);
    return talk.lines;
  },
  "L1.marks.write-is-recorded": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page, READ, USER);
    talk.ask(page, READ, USER);
    talk.ask(page, WRITE, USER);
    for (const word of talk.words(page)) talk.readBack(word);
    return talk.lines;
  },
  "L1.marks.refusal-records-nothing": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page + 1, WRITE, USER);
    for (const word of talk.words(page + 1)) talk.readBack(word);
    return talk.lines;
  },
  "L2.tlb.gained-page-is-seen": (rig) => {
    const { talk, page } = mapped(rig);
    const word = talk.words(page).at(-1);
    if (word === undefined) return [];
    const kept = talk.word(word);
    talk.poke(word, 0n);
    talk.invalidateAll();
    talk.root();
    talk.ask(page, READ, USER);
    talk.poke(word, kept);
    talk.askAll(page);
    return talk.lines;
  },
  "L2.invalidate.page": (rig) => {
    const { talk, page } = mapped(rig);
    for (const one of [page, page + 1]) {
      talk.ask(one, READ, USER);
      const word = talk.words(one).at(-1);
      if (word === undefined) continue;
      talk.poke(word, 0n);
      talk.invalidatePage(one);
      talk.ask(one, READ, USER);
    }
    return talk.lines;
  },
  "L2.invalidate.everything": (rig) => {
    const { talk, page } = mapped(rig);
    const words = [page, page + 1].map((one) => {
      talk.ask(one, READ, USER);
      return talk.words(one).at(-1);
    });
    for (const word of words) if (word !== undefined) talk.poke(word, 0n);
    talk.invalidateAll();
    for (const one of [page, page + 1]) talk.ask(one, READ, USER);
    return talk.lines;
  },
  "L2.tlb.switch-forgets-other-rights": (rig) => {
    // Loading a root forgets what was not global, on machines that say so; on others its tag keeps it apart.
    const { talk, page } = mapped(rig);
    if (!rig.architecture.tlb.invalidation.rootLoadInvalidates) return talk.lines;
    talk.ask(page, WRITE, USER);
    const word = talk.words(page).at(-1);
    if (word === undefined) return [];
    talk.poke(word, 0n);
    talk.root();
    talk.ask(page, WRITE, USER);
    return talk.lines;
  },
  "L2.global.seen-in-every-space": (rig) => {
    const lines: Line[] = [];
    const { honoursGlobal, invalidation } = rig.architecture.tlb;
    if (!rig.has("shared-kernel") || !invalidation.rootLoadInvalidates) return lines;
    for (const value of typeof honoursGlobal === "boolean" ? [null] : [false, true]) {
      const talk = new Dialogue(rig, value === null || typeof honoursGlobal === "boolean" ? {} : { [honoursGlobal.switch]: value });
      const { scene } = talk;
      const page = scene.kernelPage();
      scene.map(page, scene.frame(), READ | WRITE | PAGE_GLOBAL | PAGE_CACHEABLE, scene.machine.spaces.kernel.context);
      talk.begin();
      const reached = physicalOf(talk, page);
      talk.expect(page, READ, KERNEL, reached);
      const word = talk.words(page).at(-1);
      if (word === undefined) continue;
      talk.poke(word, 0n);
      talk.root();
      // What is kept is kept; what need not be may be asked of the tables again.
      if (value === false || honoursGlobal === false) talk.expect(page, READ, KERNEL, { fault: "absent" });
      talk.invalidatePage(page);
      talk.expect(page, READ, KERNEL, { fault: "absent" });
      lines.push(...talk.lines);
    }
    return lines;
  },
};

/** Clauses about images: what is asked of the program's own image of its memory. Where software fills the TLB there is no walk to compare. */
export const IMAGE_WRITERS: Readonly<Record<string, Writer>> = {
  "L6.image.every-byte": (rig) => {
    const { talk } = mapped(rig);
    const bytes = FRAMES * rig.pageSize;
    const places = [0, 1, 2, 3, FRAMES / 2, FRAMES - 1].map((frame) => frame * rig.pageSize);
    for (const [i, at] of places.entries()) {
      // Tables keep their words: only what nobody uses is written.
      if (talk.scene.machine.parts.frames.references(at / rig.pageSize) === 0)
        talk.poke({ address: BigInt(at + 64), bytes: 8 }, (0x0123_4567_89ab_cdefn << BigInt(i)) & 0xffff_ffff_ffff_ffffn);
      talk.dump(at, PIECE, { bytes: talk.piece(at, PIECE), root: hexOf(talk.scene.context.root) });
    }
    talk.dump(bytes - 16, 32, { bytes: talk.piece(bytes - 16, 16) });
    talk.dump(bytes, PIECE, { bytes: "" });
    return talk.lines;
  },
  "L6.walk.as-the-live-machine": (rig) => {
    const { talk, page } = mapped(rig);
    for (const one of [page - 1, page, page + 1, page + 2, page + 4]) talk.askAll(one);
    talk.dumpAll();
    return judged(talk, async (image, answers) => image.agreesWith(talk.lines, answers));
  },
  "L6.walk.leaves-no-mark": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page, READ, USER);
    const words = [...talk.words(page), ...talk.words(page + 1)];
    for (const word of words) talk.readBack(word);
    talk.dumpAll();
    for (const word of words) talk.readBack(word);
    return talk.lines;
  },
  "L6.list.used-space-exactly": (rig) => {
    const { talk, page } = mapped(rig);
    for (const one of [page, page + 1]) talk.ask(one, READ, USER);
    talk.dumpAll();
    return judged(talk, asOurs(talk));
  },
  "L6.list.marks-as-recorded": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page, WRITE, USER);
    talk.ask(page + 1, READ, USER);
    talk.dumpAll();
    return judged(talk, asOurs(talk));
  },
  "L6.withdrawn.leaves-nothing": (rig) => {
    const { talk, page } = mapped(rig);
    talk.ask(page, READ, USER);
    const word = talk.words(page).at(-1);
    if (word === undefined) return [];
    talk.poke(word, 0n);
    talk.invalidatePage(page);
    talk.ask(page, READ, USER);
    talk.dumpAll();
    return judged(talk, asOurs(talk));
  },
};

/** All answers are looked at together, when the last has come. */
const judged = (
  talk: Dialogue,
  check: (image: ProgramsImage, answers: readonly Answer[]) => Promise<void>,
): Pick<Script, "lines" | "judge"> => {
  const { rig, scene, lines } = talk;
  const switches = { ...scene.machine.cpu(0).switches };
  return {
    lines,
    judge: async (answers) =>
      complaintOf(async () =>
        check(new ProgramsImage(rig.reader, rig.architecture, switches, FRAMES * rig.pageSize, lines, answers), answers),
      ),
  };
};

/** The program's image lists what an image of our machine does, after the same accesses. */
const asOurs = (talk: Dialogue): ((image: ProgramsImage) => Promise<void>) => {
  const { rig, scene } = talk;
  const ours = new Dump(scene.machine);
  const switches = { ...scene.machine.cpu(0).switches };
  return async (image) =>
    same(
      await image.listed(),
      await listOf(rig.reader, rig.architecture, switches, ours, scene.context.root),
      "what the program's image lists",
    );
};

/** @returns null for clauses that are not asked of programs */
export const scriptOf = (subject: Subject, clause: string, trait: Trait, seed: number): Script | null => {
  const rig = new Rig(subject, { trait, policy: "described", seed, isLong: false });
  if (clause === "L1.vectors.published") return { clause, lines: vectorLines(subject) };
  const writer = IMAGE_WRITERS[clause] ?? WRITERS[clause];
  if (writer === undefined) return null;
  // Where software fills the TLB, no tables are the machine's: it is asked with entries.
  if (!rig.has("hardware-walk")) return { clause, lines: [] };
  const written = writer(rig);
  return "lines" in written ? { clause, ...written } : { clause, lines: written };
};

/** The published vectors as a dialogue: where an answer came from is not asked. Rows that hardware can hold nobody may refuse. */
const vectorLines = ({ vectors }: Subject): readonly Line[] =>
  (vectors ?? []).flatMap(({ ram, rows, vectors: all }) =>
    all.flatMap(({ registers, memory, tlb, queries }): Line[] => [
      { request: { op: "reset", ram, switches: registers.switches }, expected: {} },
      ...memory.map(([address, bytes]): Line => ({ request: { op: "write", address, bytes }, expected: {} })),
      { request: { op: "root", address: registers.root ?? "0x0", asid: registers.asid }, expected: {} },
      ...(tlb ?? []).map((entry): Line => ({
        request: { op: "entry", ...entry },
        expected: {},
        mayBeRefused: rows !== "hardware",
      })),
      ...queries.map(({ address, access, privilege, answer }): Line => ({
        request: { op: "translate", address, access, privilege },
        expected: "fault" in answer ? { fault: answer.fault } : { physical: answer.physical },
      })),
    ]),
  );
