/** An opened image with the machine that is to read it, and the roots that its tables begin at. */
import {
  EXECUTE,
  initialSwitches,
  PortolanError,
  READ,
  USER,
  WRITE,
  type Architecture,
  type PageFlags,
  type Switches,
  type TranslationState,
} from "@portolan/core/architecture";
import { openImage, type MemoryImage } from "@portolan/image";
import { fileSource } from "@portolan/image/node";
import {
  conventionNamed,
  CONVENTIONS,
  findRoots,
  passedOver,
  switchesIn,
  switchesOf,
  treeOf,
  untoldFlags,
  typeRegistersOf,
  walkAsData,
  type ConventionName,
  type ImageWalk,
  type Registers,
  type Roots,
  type Tree,
} from "@portolan/inspect";
import { stat } from "node:fs/promises";
import { architectureNamed } from "../../architectures.js";
import type { Terminal } from "../../terminal.js";
import { ACCESSES, type InspectArguments, type RootArgument } from "./arguments.js";
import { isSoftwares, refuseSoftwares, softwareRooted, stateFor, type SoftwareArguments } from "./software.js";

/** What every sub-command looks into. */
export interface Subject {
  readonly image: MemoryImage;
  readonly architecture: Architecture;
  /** As the library wants them. */
  readonly options: {
    readonly switches: Switches;
    readonly passMarks: boolean;
    readonly ignoreReserved?: boolean;
    readonly os?: ConventionName;
    readonly untold?: PageFlags;
    readonly registers: Registers;
  };
  /** What the processor holds beside the tables, where its software fills the TLB and the image or a listing tells. */
  readonly state: TranslationState | null;
  /** As it was typed. */
  readonly software: SoftwareArguments;
  /** Says something beside the answer. */
  readonly remark: (text: string) => void;
  readonly close: () => Promise<void>;
}

/** Roots, and where they are from. */
export interface Rooted {
  readonly roots: Roots;
  /** `"CR3 0x1000, from the image's note"`. */
  readonly says: string;
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Oddities go where complaints go: what is printed may be read by a program. */
const remark = (terminal: Terminal, text: string): void => terminal.err(`note: ${text}\n`);

/**
 * @throws PortolanError ERR_BAD_IMAGE, ERR_IMAGE_UNSUPPORTED, ERR_UNKNOWN_ARCHITECTURE, ERR_BAD_ARGUMENT for switches and holes; what the
 *   file system says
 */
export const openSubject = async (path: string, given: InspectArguments, terminal: Terminal): Promise<Subject> => {
  const architecture = await architectureNamed(given.arch);
  const found = await stat(path);
  if (found.isDirectory()) throw new PortolanError("ERR_BAD_IMAGE", { file: path, reason: "it is a directory" });
  // Opening a pipe would wait for whoever writes to it, and a device has no size.
  if (!found.isFile())
    throw new PortolanError("ERR_BAD_IMAGE", { file: path, reason: "it is no file: images are read here and there, not from end to end" });
  const source = await fileSource(path);
  try {
    const image = await openImage(source, {
      ...(given.imageFormat === undefined ? {} : { format: given.imageFormat }),
      ...(given.base === undefined ? {} : { base: Number(given.base) }),
      ...(given.holes === undefined
        ? {}
        : {
            holes: given.holes.map(({ first, last }) => ({
              first: Number(first),
              bytes: Number(last - first + 1n),
              stored: given.packed !== true,
            })),
          }),
      ...(given.truncated === undefined ? {} : { truncated: given.truncated }),
    });
    for (const text of image.remarks) remark(terminal, text);
    for (const [option, value] of Object.entries({ "--base": given.base, "--holes": given.holes, "--packed": given.packed }))
      if (value !== undefined && image.format !== "raw")
        remark(terminal, `${option} is for raw images, and passed over: ${image.format} says itself where memory lies`);
    const registers = image.processors[given.cpu ?? 0]?.registers ?? {};
    const noted = image.states[given.cpu ?? 0];
    // Another machine's TLB says nothing of this one's.
    const state = noted?.machine === undefined || noted.machine === architecture.name ? noted : undefined;
    for (const text of contradictions(architecture, registers)) remark(terminal, text);
    if (noted?.machine !== undefined && state === undefined)
      remark(terminal, `the image's note is of ${noted.machine}: these are no tables of ${architecture.name}`);
    for (const name of Object.keys(given.register ?? {}))
      if (!typeRegistersOf(architecture).includes(name))
        remark(terminal, `${name} says nothing of ${architecture.name}'s memory, and is passed over`);
    const switches = { ...switchesIn(architecture, registers), ...switchesKnown(architecture, state?.switches), ...given.switch };
    const options = {
      switches,
      ...(given.ignoreReserved === undefined ? {} : { ignoreReserved: given.ignoreReserved }),
      passMarks: given.strict !== true,
      // A note of ours is of a machine of ours, whose registers its description knows.
      ...(state === undefined ? { untold: untoldFlags(architecture) } : {}),
      registers: { ...state?.registers, ...given.register },
      ...(given.os === undefined ? {} : { os: systemIn(image, architecture, given.os, (text) => remark(terminal, text)) }),
    };
    if (isSoftwares(architecture)) switchesOf(architecture, switches);
    else {
      refuseSoftwares(architecture, given);
      treeOf(architecture, options);
    }
    return {
      image,
      architecture,
      options,
      state: isSoftwares(architecture) ? await stateFor(given.tlb, state, given.cpu ?? 0) : null,
      software: given,
      close: () => source.close(),
      remark: (text) => remark(terminal, text),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
};

/** The convention that was asked for, with a word on what it rests on where that was not said. */
const systemIn = ({ vmcoreinfo }: MemoryImage, architecture: Architecture, asked: string, tell: (text: string) => void): ConventionName => {
  const { name, isNewest } = conventionNamed(asked, architecture, vmcoreinfo?.release);
  const { says, machines } = CONVENTIONS[name];
  if (isNewest) tell(`--os ${asked} is ${name} here: ${says}. Say --os linux-RELEASE if the kernel is older`);
  if (!machines.includes(architecture.name)) tell(`${name} is of ${machines.join(", ")}, and not of ${architecture.name}: ${says}`);
  return name;
};

const isSet = (value: bigint, bit: number): boolean => ((value >> BigInt(bit)) & 1n) === 1n;

/** Of the switches that the image's note tells those that the machine has. */
const switchesKnown = ({ switches }: Architecture, told: Switches = {}): Switches =>
  Object.fromEntries(Object.entries(told).filter(([name]) => Object.hasOwn(switches, name)));

/** What the image's registers say against the machine that was named. */
const contradictions = ({ name, translation }: Architecture, { CR0, CR4 }: Readonly<Record<string, bigint>>): string[] => {
  if (translation.kind !== "hierarchical" || translation.rootRegister !== "CR3" || CR0 === undefined || CR4 === undefined) return [];
  const levels = translation.levels.length;
  const isPae = isSet(CR4, 5);
  const isFive = isSet(CR4, 12);
  return [
    ...(isSet(CR0, 31) ? [] : ["CR0.PG is 0: the processor did not translate when the image was made"]),
    ...(isPae === levels > 2 ? [] : [`CR4.PAE is ${isPae ? 1 : 0}: these are no tables of ${name}`]),
    ...(levels < 4 || isFive === (levels === 5)
      ? []
      : [`CR4.LA57 is ${isFive ? 1 : 0}: the tables have ${isFive ? "five" : "four"} levels`]),
  ];
};

/**
 * The roots that were asked for: values as typed, the note's registers, or the best that are found.
 *
 * @throws PortolanError ERR_BAD_ARGUMENT where there are none, or more than the machine has; ERR_NO_TREE
 */
export const rootsOf = async (subject: Subject, asked: readonly RootArgument[] = [{ kind: "note" }], cpu = 0): Promise<Rooted> => {
  const { image, architecture, options } = subject;
  if (isSoftwares(architecture)) return softwareRooted(subject, asked);
  const tree = treeOf(architecture, options);
  const { rootRegister, kernelRootRegister } = tree.translation;
  const registers = kernelRootRegister === undefined ? [rootRegister] : [rootRegister, kernelRootRegister];
  const bases = new Map<string, number>();
  const from = new Set<string>();
  const put = (register: string, value: bigint): void => {
    if (bases.has(register)) throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": `${register} twice`, registers });
    bases.set(register, tableOf(tree, register, value));
  };
  for (const one of asked) {
    if (one.kind === "value") {
      const register = one.register ?? registers.find((name) => !bases.has(name)) ?? rootRegister;
      if (!registers.includes(register)) throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": register, registers });
      const bits = one.register === null ? Math.max(architecture.wordBits, architecture.physicalBits) : architecture.wordBits;
      if (one.value >> BigInt(bits) !== 0n)
        throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": hex(one.value), rule: `${bits} bits at most` });
      put(register, one.register === null && register === "satp" ? one.value >> 12n : one.value);
      // An address is meant as it stands; a register's value has more in it.
      const base = bases.get(register) ?? 0;
      if (one.register === null && BigInt(base) !== one.value)
        subject.remark(`no table of ${architecture.name} can lie at ${hex(one.value)}: it is taken as ${nameOf(register)} with flags`);
      from.add("as told");
    } else if (one.kind === "note") {
      const told = image.processors[cpu]?.registers ?? {};
      const known = registers.filter((name) => told[name] !== undefined);
      if (known.length === 0)
        throw new PortolanError("ERR_BAD_ARGUMENT", {
          "--root": "note",
          rule: `--root VALUE or --root found: no note of the image tells ${registers.join(" or ")} of processor ${cpu}`,
        });
      for (const name of known) put(name, told[name] ?? 0n);
      from.add("from the image's note");
    } else {
      const { candidates } = await findRoots(image, architecture, { ...options, limit: 4096 });
      for (const name of registers) {
        // What is more plausible as the other half's root is not this half's.
        const isOthers = (root: number): boolean => candidates.find((other) => other.root === root)?.register !== name;
        const best = candidates.find(({ register, root }) => register === name && !isOthers(root));
        if (best === undefined) continue;
        put(name, name === "satp" ? BigInt(best.root / 4096) : BigInt(best.root));
        const rivals = candidates.filter(({ register, root }) => register === name && root !== best.root).length;
        from.add(`${nameOf(name)} found (${rivals === 0 ? "the only one" : `the best of ${rivals + 1}`}: ${best.reasons.join("; ")})`);
      }
      if (bases.size === 0)
        throw new PortolanError("ERR_BAD_ARGUMENT", { "--root": "found", rule: "nothing in the image looks like a root of this machine" });
    }
  }
  const root = bases.get(rootRegister);
  const kernelRoot = kernelRootRegister === undefined ? undefined : bases.get(kernelRootRegister);
  const roots = { ...(root === undefined ? {} : { root }), ...(kernelRoot === undefined ? {} : { kernelRoot }) };
  for (const text of await passedOver(image, tree, roots)) subject.remark(text);
  const says = `${Array.from(bases, ([name, base]) => `${nameOf(name)} ${hex(base)}`).join(", ")}, ${[...from].join(", ")}`;
  return { roots, says };
};

/** A list of what lies below a table that is not there is empty: nobody should take that for an empty table's. */
export const tellOutside = ({ image, architecture, options, remark: tell }: Subject, { roots }: Rooted): void => {
  if (roots.software !== undefined) return;
  for (const { register, base, firstIndex } of treeOf(architecture, options).spansOf(roots)) {
    const at = base + firstIndex * treeOf(architecture, options).levels[0].entryBytes;
    if (!image.regions.some(({ first, bytes }) => first <= at && at < first + bytes))
      tell(`${nameOf(register)} ${hex(base)} lies outside the image's memory: there is nothing to list below it`);
  }
};

/** What is told is the root's address: satp has more in it. */
const nameOf = (register: string): string => (register === "satp" ? "root" : register);

const ADDRESS_BITS = 48;
const SV32_PAGE_BITS = 22;
const PAGE_BITS = 44;

/** The table that a register's value leads to: without its flags, its address-space number and its mode. */
const tableOf = (tree: Tree, register: string, value: bigint): number => {
  if (register === "satp") return Number(BigInt.asUintN(tree.levels.length === 2 ? SV32_PAGE_BITS : PAGE_BITS, value)) * 4096;
  const entries = tree.rootShapes().find((shape) => shape.register === register);
  // The kernel's root is counted from the first entry of the whole table.
  const bytes = entries === undefined ? 1 : (entries.firstIndex + entries.entries) * tree.levels[0].entryBytes;
  const isX86 = register === "CR3";
  const address = Number(BigInt.asUintN(isX86 ? 52 : ADDRESS_BITS, value));
  return address - (address % Math.min(bytes, isX86 ? 4096 : 2 ** 16));
};

/** `"amd64; CR3 0x1000, from the image's note; WP on, PGE off"`: what the answers below rest on. */
export const basisLine = ({ architecture, options }: Subject, { says }: Rooted): string => {
  const switches = switchesOf(architecture, options.switches);
  const all = Object.entries(switches);
  const initially = initialSwitches(architecture);
  const system = options.os === undefined ? "" : `; ${options.os}`;
  const shown = all.filter(([name, is]) => all.length <= MOST_SWITCHES || is !== initially[name]);
  const inWords = (isTold: boolean): string =>
    shown
      .filter(([name]) => Object.hasOwn(options.switches, name) === isTold)
      .map(([name, is]) => `${name} ${is ? "on" : "off"}`)
      .join(", ");
  const [told, assumed] = [inWords(true), inWords(false)];
  return `${architecture.name}; ${says}${told === "" ? "" : `; ${told}`}${assumed === "" ? "" : `; assumed: ${assumed}`}${system}`;
};

/** 32-bit ARM has thirty-two of domains: of so many only those are told that are not as after reset. */
const MOST_SWITCHES = 8;

const lettersOf = (rights: number): string =>
  `${(rights & READ) === 0 ? "-" : "r"}${(rights & WRITE) === 0 ? "-" : "w"}${(rights & EXECUTE) === 0 ? "-" : "x"}`;

/** A walk as JSON has it, with words where the library has numbers. */
export const walkValue = (walk: ImageWalk): object => ({
  ...(walkAsData(walk) as object),
  access: Object.entries(ACCESSES).find(([, access]) => access === walk.access)?.[0],
  privilege: walk.privilege === USER ? "user" : "kernel",
  kernelRights: lettersOf(walk.kernelRights),
  userRights: lettersOf(walk.userRights),
});
