/** `portolan inspect list`: all mappings, as text, JSON lines, CSV, or in the words of other tools. */
import {
  bestOf,
  headOf,
  lineOf,
  listMappings,
  renderAs,
  sizeInWords,
  type ForeignStyle,
  type ListOptions,
  type ListTotals,
  type Mapping,
  type MappingFilter,
  type MappingStyle,
  type ScanEnd,
} from "@portolan/inspect";
import { Option, type Command } from "commander";
import { drainedOf, Unread, type Terminal } from "../../terminal.js";
import { addRegisterOption, addRootOptions, countOf, rangeOf, type InspectArguments, type Range } from "./arguments.js";
import { basisLine, openSubject, rootsOf, tellOutside, type Rooted, type Subject } from "./subject.js";

const EXAMPLES = `
Examples:
  portolan inspect list --arch amd64 examples/images/sort.amd64.core
  portolan inspect list --arch amd64 --user --executable examples/images/sort.amd64.core
  portolan inspect list --arch amd64 --format csv --merge leaves --limit 10 examples/images/sort.amd64.core
  portolan inspect list --arch amd64 --register IA32_PAT=0x407050600070106 --json examples/images/sort.amd64.core
  portolan inspect list --arch mips32 --from tlb examples/images/sort.mips32.core
  portolan inspect list --arch amd64 --format info-mem examples/images/sort.amd64.core

info-mem and info-tlb are QEMU's, ptdump is Linux's /sys/kernel/debug/page_tables: for comparison line by line, on x86.`;

const OURS: readonly string[] = ["text", "json", "csv"];
const FORMATS = [...OURS, "ptdump", "info-tlb", "info-mem"];
const MERGES = ["ranges", "leaves", "rights"];

/** What may be asked beside the usual. */
export interface FilterArguments {
  readonly user?: boolean;
  readonly kernel?: boolean;
  readonly writable?: boolean;
  readonly executable?: boolean;
  readonly large?: boolean;
  readonly physical?: Range;
  readonly range?: Range;
}

interface ListArguments extends InspectArguments, FilterArguments {
  readonly format: MappingStyle | ForeignStyle;
  readonly merge: NonNullable<ListOptions["merge"]>;
  readonly limit?: number;
  readonly totals: boolean;
}

/** Adds the filters, which `diff` has too. */
export const addFilters = (command: Command): Command =>
  command
    .option("--user", "only what the user may access")
    .option("--kernel", "only what the kernel alone may access")
    .option("--writable", "only what somebody may write")
    .option("--executable", "only what somebody may execute")
    .option("--large", "only pages larger than the smallest")
    .option("--physical <range>", "only what touches these physical addresses: FIRST-LAST", rangeOf)
    .option("--range <range>", "only these virtual addresses: FIRST-LAST", rangeOf);

/** As the library wants it. */
export const filterIn = ({
  user,
  kernel,
  writable,
  executable,
  large,
  physical,
  range,
}: FilterArguments): Pick<ListOptions, "filter" | "range"> => {
  const filter: MappingFilter = {
    ...(user === undefined ? {} : { user }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(writable === undefined ? {} : { writable }),
    ...(executable === undefined ? {} : { executable }),
    ...(large === undefined ? {} : { large }),
    ...(physical === undefined ? {} : { physical: { first: Number(physical.first), last: Number(physical.last) } }),
  };
  return { ...(Object.keys(filter).length === 0 ? {} : { filter }), ...(range === undefined ? {} : { range }) };
};

/** Adds it to `inspect`. */
export const addInspectList = (inspect: Command, terminal: Terminal): void => {
  addFilters(addRegisterOption(addRootOptions(inspect.command("list"))))
    .description("lists all mappings, neighbours joined, with totals")
    .addOption(new Option("-f, --format <name>", "of the list").choices(FORMATS).default("text"))
    .addOption(new Option("--json", "the same as --format json").implies({ format: "json" }))
    .addOption(
      new Option("--merge <how>", "what is joined: ranges side by side in physical memory too, equal rights, or nothing")
        .choices(MERGES)
        .default("ranges"),
    )
    .option("--limit <n>", "prints no more lines; totals count all, and without them the list ends there", countOf)
    .option("--no-totals", "without the totals at the end")
    .argument("<image>", "an image of physical memory: raw, ELF core or LiME")
    .addHelpText("after", EXAMPLES)
    .action(async (path: string, given: ListArguments, command: Command) => {
      const isForeign = !OURS.includes(given.format);
      const { filter, range } = filterIn(given);
      if (
        isForeign &&
        (filter !== undefined || range !== undefined || given.os !== undefined || command.getOptionValueSource("merge") === "cli")
      )
        command.error(`error: --format ${given.format} lists what the other tool lists: no filters, no --merge, no --os`, { exitCode: 2 });
      const subject = await openSubject(path, given, terminal);
      try {
        const rooted = await rootsOf(subject, given.root, given.cpu);
        tellOutside(subject, rooted);
        // Text begins with it.
        if (given.format !== "text" && given.root?.some(({ kind }) => kind === "found") === true) terminal.err(`note: ${rooted.says}\n`);
        const end = isForeign ? await listForeign(subject, rooted, given, terminal) : await listOurs(subject, rooted, given, terminal);
        if (end !== "complete")
          terminal.err(`note: the list ended early: more ${end} than anybody has; do the tables lead back to themselves?\n`);
      } finally {
        await subject.close();
      }
    });
};

/** Bytes of text that are gathered before they are written. */
const ENOUGH = 2 ** 16;

/** The totals are the last word of a list that is heard to its end. */
interface Heard {
  totals: ListTotals | null;
}

async function* heard(mappings: ReturnType<typeof listMappings>, last: Heard): AsyncGenerator<Mapping> {
  last.totals = yield* mappings;
}

const listOurs = async (subject: Subject, rooted: Rooted, given: ListArguments, terminal: Terminal): Promise<ScanEnd> => {
  const { image, architecture, options } = subject;
  const style = given.format as MappingStyle;
  const digits = architecture.wordBits === 32 ? 8 : 16;
  const most = given.limit ?? Infinity;
  const mappings = listMappings(image, architecture, rooted.roots, { ...options, ...filterIn(given), merge: given.merge });
  const { software } = rooted.roots;
  const isTree = software === undefined || bestOf(software) === "tree";
  let text = style === "text" ? `${basisLine(subject, rooted)}\n` : headOf(style, !isTree);
  let lines = 0;
  const last: Heard = { totals: null };
  for await (const mapping of heard(mappings, last)) {
    lines += 1;
    if (lines <= most) text += lineOf(mapping, style, digits, software?.view.tagName);
    // Who wants no totals wants nothing of the rest.
    if (lines >= most && !given.totals) break;
    if (text.length < ENOUGH) continue;
    terminal.out(text);
    text = "";
    await drainedOf(terminal);
  }
  if (last.totals !== null && given.totals) text += totalsIn(style, last.totals, lines, most);
  terminal.out(text);
  return last.totals?.end ?? "complete";
};

/** What `tables` counts. */
const READ: Readonly<Record<ListTotals["source"], string>> = { tree: "tables", tlb: "rows of the TLB", tsb: "slots", hash: "chains" };
const ONE_READ: typeof READ = { tree: "table", tlb: "row of the TLB", tsb: "slot", hash: "chain" };

const totalsIn = (style: MappingStyle, totals: ListTotals, lines: number, most: number): string => {
  if (style === "csv") return "";
  if (style === "json") return `${JSON.stringify({ totals: { ...totals, lines } })}\n`;
  const { listed, bytes, userBytes, writableBytes, executableBytes, largeLeaves, software, tables, repeated, cycles, odd } = totals;
  const some = (count: number, what: string): string => (count === 0 ? "" : `, ${count} ${what}`);
  return [
    ...(lines > most ? [`(${lines - most} more lines)`] : []),
    "",
    `${listed} page${listed === 1 ? "" : "s"} in ${lines} line${lines === 1 ? "" : "s"}, ${sizeInWords(bytes)}: user's ${sizeInWords(userBytes)}, writable ${sizeInWords(writableBytes)}, executable ${sizeInWords(executableBytes)}${some(largeLeaves, largeLeaves === 1 ? "large page" : "large pages")}${some(software, software === 1 ? "entry that is the system's own" : "entries that are the system's own")}`,
    `${tables} ${tables === 1 ? ONE_READ[totals.source] : READ[totals.source]} read${some(repeated, "of them again")}${some(cycles, "ways that led back")}${some(odd, odd === 1 ? "odd entry, which check names" : "odd entries, which check names")}`,
    "",
  ].join("\n");
};

const listForeign = async (subject: Subject, { roots }: Rooted, given: ListArguments, terminal: Terminal): Promise<ScanEnd> => {
  const { image, architecture, options } = subject;
  let left = given.limit ?? Infinity;
  const write = async (text: string): Promise<void> => {
    const lines = left === Infinity ? [] : text.split("\n").slice(0, -1);
    terminal.out(lines.length > left ? `${lines.slice(0, left).join("\n")}\n` : text);
    left -= lines.length;
    // There are no totals that would count the rest.
    if (left <= 0) throw new Unread();
    await drainedOf(terminal);
  };
  const { end } = await renderAs(given.format as ForeignStyle, image, architecture, roots, write, options);
  return end;
};
