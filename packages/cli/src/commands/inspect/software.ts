/** Machines whose software fills the TLB: what is looked into beside tables, from the image's note, a listing, or as typed. */
import { KERNEL, PortolanError, USER, type Architecture, type Privilege, type TranslationState } from "@portolan/core/architecture";
import { findRoots, SOURCES, sourcesInWords, sourcesOf, type SourceName, type SourcesAsked } from "@portolan/inspect";
import { InvalidArgumentError, Option, type Command } from "commander";
import { createReadStream } from "node:fs";
import { addressOf } from "../../options.js";
import type { RootArgument } from "./arguments.js";
import type { Rooted, Subject } from "./subject.js";

/** What may be said of such machines. */
export interface SoftwareArguments {
  readonly tlb?: string;
  readonly tsb?: Readonly<Record<string, bigint>>;
  readonly asid?: number;
  readonly space?: number;
  readonly from?: SourceName;
}

const numberOf = (text: string): number => {
  const value = Number(addressOf(text));
  if (!Number.isSafeInteger(value) || value > 0xffff_ffff) throw new InvalidArgumentError("This is a whole number of 32 bits.");
  return value;
};

const moreBuffers = (text: string, before: Readonly<Record<string, bigint>> = {}): Readonly<Record<string, bigint>> => {
  const [, register = "", value = ""] = /^([A-Za-z]\w*)=(.+)$/.exec(text) ?? [];
  if (register === "") throw new InvalidArgumentError("A buffer is REGISTER=VALUE: TSB_D=0x80002.");
  return { ...before, [register]: addressOf(value) };
};

/** Adds what only such machines have. */
export const addSoftwareOptions = (command: Command): Command =>
  command
    .option("--tlb <file>", "of a machine whose software fills the TLB: a listing of it, in place of the image's note")
    .option("--tsb <register>", "of such a machine: a storage buffer by its register, TSB_D=0x80002; may be repeated", moreBuffers)
    .option(
      "--asid <n>",
      "whose translations, by the tag that entries have (ASID, context): the current one's where nothing is said",
      numberOf,
    )
    .option("--space <n>", "the same by its number in the page hash table, where the image does not tell", numberOf)
    .addOption(new Option("--from <place>", "looks into one place alone").choices([...SOURCES]));

/** Adds the question whose space is meant, where the kernel has all addresses too. */
export const addWhose = (command: Command): Command =>
  command.addOption(
    new Option("--privilege <who>", "whose space, where the kernel has one of its own: user where nothing is said").choices([
      "user",
      "kernel",
    ]),
  );

/** The privilege with which a space is looked into; null where either will do. */
export const whoseOf = ({ layout }: Architecture, privilege: "user" | "kernel" | undefined): Privilege | null =>
  privilege === "kernel" ? KERNEL : privilege === "user" || layout.kernelAddressSpaceShadowed ? USER : null;

/** Does software fill this machine's TLB? */
export const isSoftwares = ({ tlb }: Architecture): boolean => tlb.refill === "software";

/**
 * What was asked must be there to be asked for.
 * @throws PortolanError ERR_NO_SOURCE for places that a machine has not whose hardware fills the TLB
 */
export const refuseSoftwares = (architecture: Architecture, { tlb, tsb, asid, space, from }: SoftwareArguments): void => {
  const why = "hardware fills its TLB from the tables, which are all there is to look into";
  const source = tlb !== undefined ? "tlb" : tsb !== undefined ? "tsb" : from !== "tree" ? from : undefined;
  if (source !== undefined) throw new PortolanError("ERR_NO_SOURCE", { machine: architecture.name, source, why });
  if (asid !== undefined || space !== undefined)
    throw new PortolanError("ERR_BAD_ARGUMENT", {
      [asid === undefined ? "--space" : "--asid"]: asid ?? space ?? 0,
      rule: `--root names the space: ${why}`,
    });
};

/** As much of a file as no listing comes to: who reads it refuses what is larger. Pipes are read too. */
const listingIn = async (file: string): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(file, { end: MOST_LISTED }) as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
};

/** Bytes. */
const MOST_LISTED = 2 ** 26;

/** A processor's state: from a listing, or from the image's note. @throws PortolanError ERR_BAD_LISTING; what the file system says */
export const stateFor = async (
  file: string | undefined,
  note: TranslationState | undefined,
  cpu: number,
): Promise<TranslationState | null> => {
  if (file === undefined) return note ?? null;
  const { readListing } = await import("@portolan/image/listings");
  const listed = readListing(await listingIn(file), cpu);
  // A listing tells of the TLB, and mostly of little else.
  return note === undefined ? listed : { ...note, ...listed, registers: { ...note.registers, ...listed.registers } };
};

/**
 * The places that were asked for, or that there are.
 *
 * @throws PortolanError as `sourcesOf`; ERR_BAD_ARGUMENT for more than one root
 */
export const softwareRooted = async (
  { image, architecture, options, state, software }: Subject,
  asked: readonly RootArgument[] = [{ kind: "note" }],
): Promise<Rooted> => {
  const [root, ...more] = asked;
  if (more.length > 0) throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": `${asked.length} times`, rule: "this machine has one" });
  const { asid, space, from, tsb } = software;
  const name = architecture.translation.kind === "hashed" ? "hash" : "root";
  if (root?.kind === "value" && root.register !== null && root.register !== name)
    throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": root.register, rule: `an address, or ${name}=ADDRESS: no register has it` });
  const where = await placeOf(root);
  const wanted: SourcesAsked = {
    ...(asid === undefined ? {} : { asid }),
    ...(space === undefined ? {} : { space }),
    ...(from === undefined ? {} : { from }),
    ...(tsb === undefined ? {} : { buffers: tsb }),
    ...(where === null ? {} : { root: where.root }),
  };
  const sources = sourcesOf(architecture, state, wanted);
  const told = software.tlb === undefined ? (state === null ? "as told" : "from the image's note") : "with a listing of the TLB";
  return { roots: { software: sources }, says: `${sourcesInWords(sources)}; ${where?.says ?? told}` };

  async function placeOf(one: RootArgument | undefined): Promise<{ readonly root: number; readonly says: string } | null> {
    if (one === undefined || one.kind === "note") return null;
    if (one.kind === "value") return { root: Number(one.value), says: "as told" };
    const { candidates } = await findRoots(image, architecture, { switches: options.switches, limit: 4096 });
    const [best] = candidates;
    if (best === undefined)
      throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": "found", rule: "nothing in the image looks like a root of this machine" });
    return { root: best.root, says: `found (the best of ${candidates.length}: ${best.reasons.join("; ")})` };
  }
};
