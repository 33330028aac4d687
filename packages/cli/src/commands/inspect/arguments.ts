/** What the sub-commands of `portolan inspect` have in common: the image, the machine, the root, the switches, the system. */
import { EXECUTE, KERNEL, READ, USER, WRITE } from "@portolan/core/architecture";
import { CONVENTIONS, TYPE_REGISTERS, type Registers } from "@portolan/inspect";
import { InvalidArgumentError, Option, type Command } from "commander";
import { addressOf, sizeOf, switchOf } from "../../options.js";
import { addSoftwareOptions, type SoftwareArguments } from "./software.js";

/** Where tables begin: told, told of a register, in the image's note, or to be looked for. */
export type RootArgument =
  | { readonly kind: "value"; readonly register: string | null; readonly value: bigint }
  | { readonly kind: "note" }
  | { readonly kind: "found" };

/** Inclusive. */
export interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** What every sub-command may be told. */
export interface InspectArguments extends SoftwareArguments {
  readonly arch: string;
  readonly root?: readonly RootArgument[];
  readonly cpu: number;
  readonly switch?: Readonly<Record<string, boolean>>;
  readonly ignoreReserved?: boolean;
  readonly strict?: boolean;
  /** A convention's name, or what `conventionNamed` makes one of. */
  readonly os?: string;
  readonly imageFormat?: "raw" | "elf-core" | "lime";
  readonly base?: bigint;
  readonly holes?: readonly Range[];
  readonly packed?: boolean;
  readonly truncated?: boolean;
  readonly register?: Registers;
  readonly json?: boolean;
}

export const ACCESSES = { read: READ, write: WRITE, fetch: EXECUTE } as const;
export const PRIVILEGES = { user: USER, kernel: KERNEL } as const;

/** `"0x3000"`, `"CR3=0x3000"`, `"note"`, `"found"`. */
export const rootOf = (text: string): RootArgument => {
  if (text === "note" || text === "found") return { kind: text };
  const [, register, value = ""] = /^(?:([A-Za-z]\w*)=)?(.*)$/.exec(text) ?? [];
  try {
    return { kind: "value", register: register ?? null, value: addressOf(value) };
  } catch {
    throw new InvalidArgumentError("A root is an address, REGISTER=VALUE, note or found: 0x3000, TTBR1_EL1=0x4800_0000.");
  }
};

const moreRoots = (text: string, before: readonly RootArgument[] = []): readonly RootArgument[] => [...before, rootOf(text)];

/** `"0xa0000-0xfffff"`: both ends count. */
export const rangeOf = (text: string): Range => {
  const [first, last, ...more] = text.split("-");
  if (last === undefined || more.length > 0) throw new InvalidArgumentError("A range is FIRST-LAST, and both count: 0xa0000-0xfffff.");
  const range = { first: addressOf(first), last: addressOf(last) };
  if (range.last < range.first) throw new InvalidArgumentError("A range begins before it ends.");
  return range;
};

const moreRanges = (text: string, before: readonly Range[] = []): readonly Range[] => [...before, ...text.split(",").map(rangeOf)];

const processorOf = (text: string): number => {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw new InvalidArgumentError("A processor is a number, from 0 on.");
  return number;
};

/** 1 and more. */
export const countOf = (text: string): number => {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= 1 && Number.isSafeInteger(count))) throw new InvalidArgumentError("This is a whole number, from 1 on.");
  return count;
};

/** Bytes that are asked for. */
export const bytesOf = sizeOf;

/** The machine, which is not known here, has the last word on what there is. */
const systemOf = (text: string): string => {
  if (!Object.hasOwn(CONVENTIONS, text) && !/^linux(?:-\d+\.\d+)?$/.test(text))
    throw new InvalidArgumentError(`Allowed choices are linux, linux-RELEASE (linux-6.1), ${Object.keys(CONVENTIONS).join(", ")}.`);
  return text;
};

const moreRegisters = (text: string, before: Registers = {}): Registers => {
  const [name = "", value = "", ...more] = text.split("=");
  if (!TYPE_REGISTERS.includes(name) || more.length > 0)
    throw new InvalidArgumentError(`A register is NAME=VALUE, and its name one of ${TYPE_REGISTERS.join(", ")}.`);
  return { ...before, [name]: addressOf(value) };
};

/** What memory types mean, where the image does not tell. */
export const addRegisterOption = (command: Command): Command =>
  command.option(
    "--register <register>",
    `what memory types mean: NAME=VALUE of ${TYPE_REGISTERS.join(", ")}; may be repeated`,
    moreRegisters,
  );

/** The image and how it is to be taken. */
export const addImageOptions = (command: Command): Command =>
  command
    .requiredOption("-a, --arch <name>", "the machine: a name (`portolan archs` lists them), a package, or the path of a module")
    .addOption(
      new Option("--switch <switch>", "a processor's switch, where it is not as the image's note tells: WP=on; may be repeated").argParser(
        switchOf,
      ),
    )
    .option(
      "--strict",
      "faults where a processor would, also on bit 5 of the pointers of PAE, which QEMU sets: it is passed over otherwise",
    )
    .option("--ignore-reserved", "takes entries for what they would be without their reserved bits, whichever these are")
    .addOption(new Option("--image-format <name>", "the image's, where it is not to be recognised").choices(["raw", "elf-core", "lime"]))
    .option("--base <address>", "of a raw image: physical address of its first byte", addressOf)
    .option("--holes <ranges>", "of a raw image: physical addresses without memory, FIRST-LAST[,FIRST-LAST…]", moreRanges)
    .option("--packed", "of a raw image: the file has no bytes for the holes")
    .option("--truncated", "takes what is there of a file that ends early");

/** Those, and where the tables begin. */
export const addRootOptions = (command: Command, more = ""): Command =>
  addSoftwareOptions(addImageOptions(command))
    .option(
      "-r, --root <root>",
      `where the tables begin: an address, REGISTER=VALUE, note (the image's, usual) or found; twice where each half has one${more}`,
      moreRoots,
    )
    .option("--cpu <n>", "whose registers count, where the image has several processors'", processorOf, 0)
    .addOption(
      new Option(
        "--os <name>",
        "whose words entries that are not present are: linux, linux-6.1 (of that release), or a convention's name; nothing is guessed",
      ).argParser(systemOf),
    );
