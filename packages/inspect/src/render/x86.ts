/**
 * Lists in the words of other tools, to be compared with theirs line by line: QEMU's monitor and Linux's ptdump, both for
 * entries that have x86's fields. Which bit is which comes from the fields' names in the description.
 */
import { fieldBits, PortolanError, type Architecture, type EntryFormat, type FormatCodec } from "@portolan/core/architecture";
import type { Memory } from "../memory.js";
import { Scan, type Budget, type ScanTotals, type Visitor } from "../scan.js";
import { treeOf, type Roots, type Tree, type TreeOptions } from "../tree.js";
import { hex8, PageText } from "./numbers.js";

/** The tools. */
export type ForeignStyle = "info-tlb" | "info-mem" | "ptdump";

/** Takes text as it comes. What it returns is waited for. */
export type Write = (text: string) => Promise<void> | void;

export interface RenderOptions extends TreeOptions {
  readonly budget?: Budget;
}

const ENOUGH_LINES = 512;

/** Gathers lines, and hands them on between tables. */
abstract class Lines implements Visitor {
  protected readonly tree: Tree;
  protected readonly pages: PageText;
  protected lines: string[] = [];
  readonly #write: Write;

  constructor(tree: Tree, write: Write) {
    this.tree = tree;
    this.pages = new PageText(tree);
    this.#write = write;
  }

  abstract leaf(at: Scan): void;
  /** After the last entry. */
  abstract end(): void;

  async pause(): Promise<void> {
    if (this.lines.length >= ENOUGH_LINES) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.lines.join("");
    this.lines = [];
    if (text !== "") await this.#write(text);
  }
}

/** One bit of an entry, by the name of its field; 0 and 0 where the format has none of that name. */
interface Bit {
  readonly low: number;
  readonly high: number;
}

const bitOf = (format: EntryFormat, name: string): Bit => {
  const field = format.fields.find((one) => one.name === name);
  if (field === undefined) return { low: 0, high: 0 };
  const [, at] = fieldBits(field);
  return at < 32 ? { low: 1 << at, high: 0 } : { low: 0, high: 1 << (at - 32) };
};

const isSet = ({ low, high }: Bit, lo: number, hi: number): boolean => (lo & low) !== 0 || (hi & high) !== 0;

/** The bits of formats under names, found once for each format. */
class BitsOf {
  readonly #names: readonly string[];
  readonly #known = new Map<FormatCodec | null, readonly Bit[]>();
  #last: FormatCodec | null = null;
  #lastBits: readonly Bit[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  of(codec: FormatCodec | null): readonly Bit[] {
    if (codec !== null && codec === this.#last) return this.#lastBits;
    let bits = this.#known.get(codec);
    if (bits === undefined) {
      bits = this.#names.map((name) => (codec === null ? { low: 0, high: 0 } : bitOf(codec.format, name)));
      this.#known.set(codec, bits);
    }
    this.#last = codec;
    this.#lastBits = bits;
    return bits;
  }
}

/** `info tlb`: every leaf with its own flags; X means that execution is forbidden. @see QEMU target/i386/monitor.c */
class InfoTlb extends Lines {
  readonly #bits = new BitsOf(["XD", "G", "PS", "D", "A", "PCD", "PWT", "U/S", "R/W"]);

  leaf(at: Scan): void {
    const { entryBytes, shift } = this.tree.levels[at.depth];
    const isLarge = at.depth < this.tree.levels.length - 1;
    // As QEMU masks: 4 MiB and PAE's 2 MiB entries one bit too far down, and PAE's with NX above the address.
    const isLong = this.tree.architecture.wordBits === 64;
    const from = isLarge && !isLong ? shift - 1 : shift;
    const low = from >= 32 ? 0 : (at.lo & -(2 ** from)) >>> 0;
    const high = entryBytes === 4 ? 0 : isLong ? (at.hi & 0x3ffff) >>> 0 : at.hi;
    const marks = this.#bits.of(at.format);
    let flags = "";
    for (let mark = 0; mark < marks.length; mark += 1) flags += isSet(marks[mark], at.lo, at.hi) ? "XGPDACTUW"[mark] : "-";
    this.lines.push(`${this.pages.of(at.page)}: ${hex8(high)}${hex8(low)} ${flags}\n`);
  }

  end(): void {
    // every leaf is a line of its own
  }
}

const PRESENT = 1;
const USER_BIT = 2;
const WRITE_BIT = 4;

/** `info mem`: ranges with the AND of U/S and R/W over the levels. With five levels QEMU 7.2 lists next to nothing; this lists all. */
class InfoMem extends Lines {
  readonly #bits = new BitsOf(["U/S", "R/W"]);
  #start = 0;
  #rights = 0;
  #next = 0;

  leaf(at: Scan): void {
    let rights = PRESENT | USER_BIT | WRITE_BIT;
    for (let depth = 0; depth <= at.depth; depth += 1) {
      const format = depth === at.depth ? at.format : this.tree.levels[depth].codec.table;
      const [user, write] = this.#bits.of(format);
      if ((user.low | user.high) !== 0 && !isSet(user, at.lows[depth], at.highs[depth])) rights &= ~USER_BIT;
      if ((write.low | write.high) !== 0 && !isSet(write, at.lows[depth], at.highs[depth])) rights &= ~WRITE_BIT;
    }
    if (this.#rights !== 0 && (at.page !== this.#next || rights !== this.#rights)) this.end();
    if (this.#rights === 0) this.#start = at.page;
    this.#rights = rights;
    this.#next = at.page + at.pages;
  }

  end(): void {
    if (this.#rights === 0) return;
    const [start, end] = [this.pages.of(this.#start), this.pages.of(this.#next)];
    const size = this.pages.of(this.#next - this.#start);
    this.lines.push(
      `${start}-${end} ${size} ${(this.#rights & USER_BIT) === 0 ? "-" : "u"}r${(this.#rights & WRITE_BIT) === 0 ? "-" : "w"}\n`,
    );
    this.#rights = 0;
  }
}

const UNITS = "BKMGTPE";
const LEVEL_NAMES = ["pte", "pmd", "pud", "p4d", "pgd"];

/**
 * Linux's /sys/kernel/debug/page_tables: stretches of equal flags at one level, holes too. Without the headings between the
 * kernel's regions, which only the kernel knows. @see Linux arch/x86/mm/dump_pagetables.c
 */
class PtDump extends Lines {
  readonly #bits = new BitsOf(["U/S", "R/W", "PWT", "PCD", "PS", "PAT", "G", "XD"]);
  readonly #effective = new BitsOf(["U/S", "R/W", "XD"]);
  #start = 0;
  #next = 0;
  #key = "";
  #text = "";

  leaf(at: Scan): void {
    const name = LEVEL_NAMES[this.tree.levels.length - 1 - at.depth];
    let effective = 3;
    for (let depth = 0; depth <= at.depth; depth += 1) {
      const [user, write, never] = this.#effective.of(depth === at.depth ? at.format : this.tree.levels[depth].codec.table);
      if ((user.low | user.high) !== 0 && !isSet(user, at.lows[depth], at.highs[depth])) effective &= ~1;
      if ((write.low | write.high) !== 0 && !isSet(write, at.lows[depth], at.highs[depth])) effective &= ~2;
      if (isSet(never, at.lows[depth], at.highs[depth])) effective |= 4;
    }
    const isLarge = at.depth < this.tree.levels.length - 1;
    this.#note(at, `${name} ${at.lo & 0xfff} ${at.hi >>> 20} ${effective}`, () => {
      const [user, write, through, disable, size, pat, global, never] = this.#bits.of(at.format).map((bit) => isSet(bit, at.lo, at.hi));
      const word = (is: boolean, text: string, without = "    "): string => (is ? `${text} ` : without);
      return `${word(user, "USR")}${word(write, "RW", "ro ")}${word(through, "PWT")}${word(disable, "PCD")}${word(size, "PSE")}${word(pat && !isLarge, "PAT")}${word(global, "GLB")}${never ? "NX " : "x  "}${name}`;
    });
  }

  absent(at: Scan): void {
    const name = at.depth === 0 ? "pgd" : LEVEL_NAMES[this.tree.levels.length - 1 - at.depth];
    const isWord = at.depth === this.tree.levels.length - 1;
    this.#note(at, isWord ? `${name} ${at.lo & 0xfff} ${at.hi >>> 20} 0` : `${name} 0 0 0`, () => `${" ".repeat(30)}${name}`);
  }

  odd(at: Scan): void {
    this.absent(at);
  }

  #note(at: Scan, key: string, text: () => string): void {
    if (key === this.#key && at.page === this.#next && !this.tree.isHoleBelow(at.page)) {
      this.#next += at.pages;
      return;
    }
    this.end();
    this.#start = at.page;
    this.#next = at.page + at.pages;
    this.#key = key;
    this.#text = text();
  }

  end(): void {
    if (this.#key === "") return;
    let size = (this.#next - this.#start) * 2 ** this.tree.pageShift;
    let unit = 0;
    while (size % 1024 === 0 && unit < UNITS.length - 1) {
      size /= 1024;
      unit += 1;
    }
    const digits = this.tree.architecture.wordBits / 4;
    const address = (page: number): string => {
      const isTop = page === this.tree.limit;
      return `0x${isTop ? "0".repeat(digits) : this.pages.of(page).slice(-digits)}`;
    };
    this.lines.push(`${address(this.#start)}-${address(this.#next)}   ${String(size).padStart(9)}${UNITS[unit]} ${this.#text}\n`);
    this.#key = "";
  }
}

const STYLES = { "info-tlb": InfoTlb, "info-mem": InfoMem, ptdump: PtDump } as const;

/**
 * Writes a list as another tool does.
 *
 * @throws PortolanError ERR_NO_TREE; ERR_BAD_ARGUMENT for a machine whose entries have no R/W and U/S, which is to say that is no x86
 */
export const renderAs = async (
  style: ForeignStyle,
  memory: Memory,
  architecture: Architecture,
  roots: Roots,
  write: Write,
  options: RenderOptions = {},
): Promise<ScanTotals> => {
  const tree = treeOf(architecture, options);
  const names = tree.levels.at(-1)?.codec.leaf?.format.fields.map(({ name }) => name) ?? [];
  if (!Object.hasOwn(STYLES, style)) throw new PortolanError("ERR_BAD_ARGUMENT", { style, known: Object.keys(STYLES) });
  if (!names.includes("R/W") || !names.includes("U/S"))
    throw new PortolanError("ERR_BAD_ARGUMENT", { style, machine: architecture.name, rule: "a machine with x86's entries" });
  const renderer = new STYLES[style](tree, write);
  const totals = await new Scan(memory, tree, renderer, options).run(roots);
  renderer.end();
  await renderer.flush();
  return totals;
};
