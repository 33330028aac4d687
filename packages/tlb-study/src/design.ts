/**
 * Designs of TLBs in one line, as people type them:
 *
 * ```
 * I:64x4,D:64x4,L2:1024x8          64 entries in sets of 4 for code, the same for data, a second level for both; LRU
 * U:32xfull:random                 one fully associative buffer for both
 * D:{16,32,64}x4:plru,pages=2M     three designs, of 2 MiB pages
 * ```
 *
 * `I` needs `D`; `U` stands alone; `L2` is optional. Replacement is `lru` unless said: `fifo`, `random`, `plru` (a tree of
 * bits), `used-bit` (the first unused; all bits are cleared when none is). `paired`: one tag for an even page and the odd
 * one after it. `own` is the TLB the machine comes with.
 */
import { buildMachine, PortolanError, type Architecture, type Tlb, type TlbGeometry } from "@portolan/core";

/** Which entry of a full set goes. */
export const REPLACEMENTS = ["lru", "fifo", "random", "plru", "used-bit"] as const;
/** One of {@link REPLACEMENTS}. */
export type StudyReplacement = (typeof REPLACEMENTS)[number];

/** One buffer of a design. */
export interface LevelDesign {
  /** In all its sets together. */
  readonly entries: number;
  /** Entries of a set; as many as there are entries where it is fully associative. */
  readonly ways: number;
  readonly replacement: StudyReplacement;
  readonly paired: boolean;
}

/** A whole TLB. */
export interface TlbDesign {
  /** As it was typed. */
  readonly name: string;
  /** null: `data` serves fetches too. */
  readonly instruction: LevelDesign | null;
  readonly data: LevelDesign;
  readonly second: LevelDesign | null;
  /** Of the pages it holds, as a shift; null: the machine's hardware pages. */
  readonly pageShift: number | null;
}

/** Designs that one text with braces may stand for. */
const MOST_DESIGNS = 4096;
const MOST_ENTRIES = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = { "": 0, K: 10, M: 20, G: 30 };

/** The designs that a text stands for; `own` stands for `architecture`'s TLB. @throws PortolanError ERR_BAD_ARGUMENT */
export const designsOf = (text: string, architecture: Architecture): TlbDesign[] =>
  alternatives(text).map((one) => (one === "own" ? ownDesign(architecture) : design(one)));

/**
 * The TLB that a machine comes with. Entries that are wired, or that its kernel locks for itself while a program runs,
 * hold no pages of programs, and are left out.
 */
export const ownDesign = (architecture: Architecture): TlbDesign => {
  const { tlb } = architecture;
  const machine = buildMachine(architecture);
  const cpu = machine.cpu(0);
  machine.switchTo(machine.spaces.create());
  return {
    name: "own",
    instruction: tlb.instruction === undefined ? null : levelOf(tlb.instruction, cpu.instructionTlb),
    data: levelOf(tlb.data, cpu.dataTlb),
    second: null,
    pageShift: null,
  };
};

const levelOf = ({ entries, ways, replacement, wired, paired }: TlbGeometry, buffer: Tlb): LevelDesign => {
  let locked = 0;
  for (let entry = wired; entry < entries; entry += 1) if (buffer.isValid(entry) && buffer.isLocked(entry)) locked += 1;
  const left = entries - wired - locked;
  return { entries: left, ways: ways === "full" || left < entries ? left : ways, replacement, paired };
};

/** `a{b,c}d` stands for `abd` and `acd`. */
const alternatives = (text: string): string[] => {
  let all = [""];
  let at = 0;
  for (const match of text.matchAll(/\{([^{}]*)\}/g)) {
    const before = text.slice(at, match.index);
    const choices = (match[1] ?? "").split(",");
    if (all.length * choices.length > MOST_DESIGNS) throw bad(text, `stands for more than ${MOST_DESIGNS} designs`);
    all = all.flatMap((start) => choices.map((choice) => `${start}${before}${choice.trim()}`));
    at = match.index + match[0].length;
  }
  const rest = text.slice(at);
  if (/[{}]/.test(rest)) throw bad(text, "has a brace without its other one");
  return all.map((start) => start + rest);
};

const design = (text: string): TlbDesign => {
  const levels = new Map<string, LevelDesign>();
  let pageShift: number | null = null;
  for (const part of text.split(",").map((each) => each.trim())) {
    const [, size, unit] = /^pages=(\d+)([KMG]?)$/i.exec(part) ?? [];
    if (size !== undefined && pageShift === null) {
      pageShift = Math.log2(Number(size)) + UNITS[(unit ?? "").toUpperCase()];
      if (!Number.isInteger(pageShift) || pageShift < 12 || pageShift > 40) throw bad(text, `${part}: no size of a page`);
      continue;
    }
    const [, name, entries, ways, rest] = /^(I|D|U|L2):(\d+)x(\d+|full)((?::[a-z-]+)*)$/i.exec(part) ?? [];
    if (name === undefined) throw bad(text, `"${part}" is neither a buffer like D:64x4:lru nor pages=4K`);
    const key = name.toUpperCase();
    if (levels.has(key)) throw bad(text, `${key} is there twice`);
    levels.set(key, level(text, part, Number(entries), ways === "full" ? Number(entries) : Number(ways), (rest ?? "").toLowerCase()));
  }
  const data = levels.get("U") ?? levels.get("D");
  if (data === undefined) throw bad(text, "there is neither U nor D");
  const isUnified = levels.has("U");
  if (isUnified && (levels.has("D") || levels.has("I"))) throw bad(text, "U serves fetches and data: there is no I or D beside it");
  if (!isUnified && !levels.has("I")) throw bad(text, "D is there without I; a buffer for both is U");
  return { name: text, instruction: levels.get("I") ?? null, data, second: levels.get("L2") ?? null, pageShift };
};

const level = (text: string, part: string, entries: number, ways: number, rest: string): LevelDesign => {
  let replacement: StudyReplacement = "lru";
  let paired = false;
  for (const word of rest.split(":").slice(1)) {
    if (word === "paired") paired = true;
    else if ((REPLACEMENTS as readonly string[]).includes(word)) replacement = word as StudyReplacement;
    else throw bad(text, `${part}: ${word} is neither ${REPLACEMENTS.join(", ")} nor paired`);
  }
  if (entries < 1 || entries > MOST_ENTRIES) throw bad(text, `${part}: there are 1 to ${MOST_ENTRIES} entries`);
  if (ways < 1 || entries % ways !== 0) throw bad(text, `${part}: the entries do not make whole sets`);
  if (!Number.isInteger(Math.log2(entries / ways))) throw bad(text, `${part}: the number of sets is no power of two`);
  if (replacement === "plru" && !Number.isInteger(Math.log2(ways))) throw bad(text, `${part}: a tree of bits wants a power of two of ways`);
  return { entries, ways, replacement, paired };
};

const bad = (design_: string, reason: string): PortolanError => new PortolanError("ERR_BAD_ARGUMENT", { tlb: design_, reason });
