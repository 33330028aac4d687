/** The memory of a simulated machine as a file that other tools read. */
import { PortolanError, type Architecture, type Machine, type TranslationState } from "@portolan/core";
import { writeElf, writeLime, writeRaw, type RegionContents } from "@portolan/image";
import { writeToFile } from "@portolan/image/node";
import { InvalidArgumentError } from "commander";
import { rootsOf, fullStateOf } from "./machine-state.js";

/** What a dump may be written as. */
export const DUMP_FORMATS = ["raw", "elf", "lime"] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

/** As it was typed, or by the file's ending: `.elf`, `.core` and `.vmcore` are ELF cores, `.lime` is LiME, all others raw memory. */
export const dumpFormatOf = (file: string, typed?: string): DumpFormat => {
  if (typed !== undefined) {
    const known = DUMP_FORMATS.find((name) => name === typed);
    if (known === undefined) throw new InvalidArgumentError(`There are ${DUMP_FORMATS.join(", ")}.`);
    return known;
  }
  return /\.(?:elf|core|vmcore)$/i.test(file) ? "elf" : /\.lime$/i.test(file) ? "lime" : "raw";
};

/** A machine's memory at one moment, what leads into it, and what its processors hold beside it. */
export interface Snapshot {
  readonly architecture: Architecture;
  readonly regions: readonly RegionContents[];
  /** Addresses of the first processor's root tables, by the registers' names. */
  readonly roots: Readonly<Record<string, bigint>>;
  /** One a processor. */
  readonly states: readonly TranslationState[];
}

/** What was written. */
export interface DumpReport {
  readonly file: string;
  readonly format: DumpFormat;
  /** Of the file. */
  readonly bytes: number;
  /** Physical address of the first byte of RAM. */
  readonly base: number;
  /** Addresses of root tables by the registers' names, hexadecimal; `root` where no register has it. */
  readonly roots: Readonly<Record<string, string>>;
}

const FRAMES_AT_ONCE = 256;

/** Copies what is in use; frames that are free are zeros, whatever was in them. */
export const snapshotOf = (machine: Machine): Snapshot => {
  const { architecture } = machine;
  const { memory, frames } = machine.parts;
  const reserved = new Set(machine.reservedFrames);
  const regions = memory.ram.map(({ first, end }): RegionContents => {
    const kept = new Map<number, Uint8Array>();
    for (let address = first; address < end; address += memory.frameSize) {
      const frame = address / memory.frameSize;
      if (frames.references(frame) === 0 && !reserved.has(frame)) continue;
      const bytes = new Uint8Array(memory.frameSize);
      memory.readBytes(address, bytes);
      kept.set(address, bytes);
    }
    return {
      first,
      bytes: end - first,
      *contents() {
        for (let address = first; address < end;) {
          const count = Math.min(FRAMES_AT_ONCE * memory.frameSize, end - address);
          const piece = new Uint8Array(count);
          for (let at = 0; at < count; at += memory.frameSize) piece.set(kept.get(address + at) ?? new Uint8Array(0), at);
          address += count;
          yield piece;
        }
      },
    };
  });
  return {
    architecture,
    regions: regions.filter(({ bytes }) => bytes > 0),
    roots: rootsOf(machine, machine.cpu(0)),
    states: machine.cpus.map((cpu) => fullStateOf(machine, cpu)),
  };
};

/** e_machine by the beginnings of machines' names; 0 (EM_NONE) for others. @see the ELF header's registry */
const ELF_MACHINES: readonly (readonly [string, number])[] = [
  ["ia32", 3],
  ["amd64", 62],
  ["arm64", 183],
  ["arm", 40],
  ["riscv", 243],
  ["sv", 243],
  ["mips", 8],
  ["sparc", 43],
];

/** @throws PortolanError ERR_BAD_ARGUMENT for memory that the format cannot hold; what the file system says */
export const writeDump = async (
  { architecture, regions, roots, states }: Snapshot,
  file: string,
  format: DumpFormat,
): Promise<DumpReport> => {
  const { name, wordBits, byteOrder } = architecture;
  const [first] = regions;
  if (first === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { "--dump": file, rule: "a machine that has memory" });
  const machine = ELF_MACHINES.find(([beginning]) => name.startsWith(beginning))?.[1] ?? 0;
  const pieces =
    format === "raw"
      ? writeRaw(regions, { base: first.first })
      : format === "lime"
        ? writeLime(regions)
        : writeElf(regions, { bits: wordBits, byteOrder, machine, processors: states, states });
  const bytes = await writeToFile(file, pieces);
  return { file, format, bytes, base: first.first, roots: inHex(roots) };
};

const inHex = (values: Readonly<Record<string, bigint>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, `0x${value.toString(16)}`]));

/** One line of a run's report. */
export const dumpLine = ({ file, format, bytes, base, roots }: DumpReport): string => {
  const told = Object.entries(roots).map(([name, value]) => `, ${name} ${value}`);
  return `dump           ${file}: ${format}, ${bytes} bytes, memory from 0x${base.toString(16)}${told.join("")}`;
};
