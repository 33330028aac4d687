/** Values that people type. What cannot be read is an error of usage that says what could. */
import { PortolanError, type Architecture } from "@portolan/core/architecture";
import { InvalidArgumentError, Option, type Command } from "commander";
import { bytesIn } from "./render/table.js";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `"64M"`, `"0x10000"`, `"4096"`: bytes. */
export const sizeOf = (text: string): number => {
  const [, digits, unit] = /^(0x[0-9a-f]+|\d+)(?:([KMGT])(?:i?B)?|B)?$/i.exec(text) ?? [];
  const bytes = digits === undefined ? NaN : Number(digits) * UNITS[(unit ?? "").toUpperCase()];
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError("A size is a number of bytes, or a number with K, M, G or T behind it: 64M.");
  return bytes;
};

/** A number of processors, 1 to 64. */
export const countOf = (text: string): number => {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= 1 && count <= 64)) throw new InvalidArgumentError("There are 1 to 64 processors.");
  return count;
};

/** `"0x8048000"` or decimal. */
export const addressOf = (text: string): bigint => {
  if (!/^(?:0x[0-9a-f]+(?:_[0-9a-f]+)*|\d+)$/i.test(text) || text.length > 80)
    throw new InvalidArgumentError("An address is hexadecimal with 0x before it, or decimal: 0x8048000.");
  return BigInt(text.replaceAll("_", ""));
};

/** What `run` and `walk` share. */
export interface MachineArguments {
  readonly arch: string;
  readonly cpus: number;
  readonly memory?: number;
  readonly swap?: string;
  readonly swapSize?: number;
  readonly trace?: string;
  readonly rebase?: boolean;
  readonly base?: bigint;
  readonly set?: Readonly<Record<string, boolean>>;
  readonly json?: boolean;
}

/** `"WP=on"`, added to those before it. */
export const switchOf = (text: string, before: Readonly<Record<string, boolean>> = {}): Readonly<Record<string, boolean>> => {
  const [, name, value] = /^([A-Za-z][A-Za-z0-9]*)(?:=(on|off|1|0|true|false))?$/.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("A switch is NAME, NAME=on or NAME=off: WP=on. `portolan archs --json` lists them.");
  return { ...before, [name]: value === undefined || value === "on" || value === "1" || value === "true" };
};

/** The options that `run` and `walk` have in common. */
export const addMachineOptions = (command: Command): Command =>
  command
    .requiredOption("-a, --arch <name>", "the machine: a name (`portolan archs` lists them), a package, or the path of a module")
    .option("-c, --cpus <n>", "processors, which take turns", countOf, 1)
    .option("-m, --memory <size>", "RAM: 64M where nothing is said", sizeOf)
    .option("--swap <file>", "lets pages that memory has no room for go to a file, which is made for the run and removed after it")
    .option("--swap-size <size>", "how much goes there at most: 1G where nothing is said", sizeOf)
    .option("-t, --trace <file>", "performs the accesses of a valgrind lackey trace; gzip is recognised, - is standard input")
    .option("--rebase", "lets regions of the trace be moved where the machine has no room for them")
    .option("--base <address>", "where a position-independent program goes", addressOf)
    .addOption(new Option("--set <switch>", "turns a processor's switch on or off: WP=on (may be repeated)").argParser(switchOf))
    .option("--json", "prints the result as JSON");

/** @throws PortolanError ERR_BAD_ARGUMENT if no machine of this kind has so much RAM */
export const checkMemory = ({ pageShift, physicalBits }: Architecture, bytes: number): void => {
  const most = 2 ** physicalBits;
  if (bytes % 2 ** pageShift === 0 && bytes <= most) return;
  const rule = `a multiple of ${bytesIn(2 ** pageShift)}, at most ${bytesIn(most)}`;
  throw new PortolanError("ERR_BAD_ARGUMENT", { "--memory": bytes, rule });
};

/** Bytes that go to a swap file where nobody says how many. */
const USUAL_SWAP = 2 ** 30;

/** Pages of a swap file. @throws PortolanError ERR_BAD_ARGUMENT if no such size can be had */
export const swapSlots = ({ pageShift }: Architecture, bytes = USUAL_SWAP): number => {
  const slots = Math.floor(bytes / 2 ** pageShift);
  if (slots < 1 || slots > 2 ** 30)
    throw new PortolanError("ERR_BAD_ARGUMENT", { "--swap-size": bytes, rule: `from ${bytesIn(2 ** pageShift)} on` });
  return slots;
};
