/** The check at the door: what a description of a machine must satisfy, with every reason at once. */
import { PortolanError } from "../errors.js";
import { CONTRACT_VERSION, initialSwitches, rootBits, type AddressRange, type Architecture, type CombinedRights } from "./architecture.js";
import {
  fieldBits,
  fieldWidth,
  type EntryFormat,
  type Field,
  type FieldValues,
  type Level,
  type Rule,
  type Switches,
} from "./entry-format.js";
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  DOMAIN,
  PRIVILEGED,
  PROTECTION,
  RESERVED,
  UNMARKED,
  type FaultReason,
  type FaultReport,
} from "./faults.js";
import { ALL_RIGHTS, EXECUTE, KERNEL, PAGE_FLAG_SETS, READ, USER, WRITE } from "./rights.js";
import { reasonsAgainstShape } from "./shape.js";
import type { TlbGeometry } from "./tlb-organisation.js";

/** @returns the same value, now known to be sound @throws PortolanError ERR_BAD_ARCHITECTURE with every reason */
export const checkArchitecture = (value: unknown): Architecture => {
  const reasons = reasonsAgainst(value);
  if (reasons.length > 0) {
    const name = typeof value === "object" && value !== null && "name" in value ? String(value.name) : "?";
    throw new PortolanError("ERR_BAD_ARCHITECTURE", { architecture: name, reasons });
  }
  return value as Architecture;
};

type Check = (machine: Architecture, say: Say) => void;

/** What the numbers must satisfy, each with the keys it looks at: it is asked only if those have their shape. */
const CHECKS: readonly (readonly [needs: readonly (keyof Architecture)[], check: Check])[] = [
  [
    ["contract"],
    ({ contract }, say) => say(contract === CONTRACT_VERSION, `contract is ${contract}, this core speaks ${CONTRACT_VERSION}`),
  ],
  [["name"], ({ name }, say) => say(/^[a-z][a-z0-9]*$/.test(name), "name is not lower-case letters and digits")],
  [["wordBits"], ({ wordBits }, say) => say(wordBits === 32 || wordBits === 64, "wordBits is neither 32 nor 64")],
  [["byteOrder"], ({ byteOrder }, say) => say(byteOrder === "little" || byteOrder === "big", "byteOrder is neither little nor big")],
  [
    ["virtualBits", "wordBits"],
    ({ virtualBits, wordBits }, say) => say(isWithin(virtualBits, 16, wordBits), "virtualBits is not between 16 and wordBits"),
  ],
  [["physicalBits"], ({ physicalBits }, say) => say(isWithin(physicalBits, 20, 52), "physicalBits is not between 20 and 52")],
  [
    ["hardwarePageShift"],
    ({ hardwarePageShift }, say) => say(isWithin(hardwarePageShift, 9, 24), "hardwarePageShift is not between 9 and 24"),
  ],
  [
    ["pageShift", "hardwarePageShift"],
    ({ pageShift, hardwarePageShift }, say) =>
      say(isWithin(pageShift, Math.max(hardwarePageShift, 12), 24), "pageShift is not between hardwarePageShift (at least 12) and 24"),
  ],
  [
    ["virtualRule", "virtualBits", "wordBits"],
    ({ virtualRule, virtualBits, wordBits }, say) =>
      say(virtualRule === "sign-extended" || virtualBits === wordBits, "virtualRule is exact but virtualBits is not wordBits"),
  ],
  [
    ["translation", "pageShift", "hardwarePageShift", "virtualBits", "virtualRule", "switches"],
    (machine, say) => checkTranslation(machine, say),
  ],
  [["translation", "pageShift", "hardwarePageShift", "tlb"], (machine, say) => checkPages(machine, say)],
  [
    ["translation", "pageShift", "virtualBits", "virtualRule", "wordBits", "layout", "switches"],
    (machine, say) => checkTrees(machine, say),
  ],
  [["asids"], (machine, say) => checkAsids(machine, say)],
  [["tlb", "hardwarePageShift", "switches", "translation"], (machine, say) => checkTlb(machine, say)],
  [["layout", "pageShift", "wordBits"], (machine, say) => checkLayout(machine, say)],
  [["can", "switches"], (machine, say) => checkSwitch("can.kernelObeysWrite", machine.can.kernelObeysWrite, machine, say)],
  [["faults", "translation", "can"], (machine, say) => checkFaults(machine, say)],
];

/** Every reason why a value does not describe a machine; empty if it does. */
export const reasonsAgainst = (value: unknown): string[] => {
  const reasons = reasonsAgainstShape(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return reasons;
  const wrong = new Set(reasons.map((reason) => /^\w*/.exec(reason)?.[0]));
  const say: Say = (holds, reason) => {
    if (!holds) reasons.push(reason);
  };
  for (const [needs, check] of CHECKS) if (!needs.some((key) => wrong.has(key))) check(value as Architecture, say);
  return reasons;
};

type Say = (holds: boolean, reason: string) => void;

const isWithin = (value: number, low: number, high: number): boolean => Number.isInteger(value) && value >= low && value <= high;

const checkPages = ({ translation, tlb, pageShift, hardwarePageShift }: Architecture, say: Say): void => {
  say(
    translation.kind === "hashed" || tlb.refill === "software" || pageShift === hardwarePageShift,
    "hardware walks a tree whose pages are not the hardware's",
  );
};

const checkTranslation = (machine: Architecture, say: Say): void => {
  const { translation } = machine;
  if (translation.kind === "hashed") return;
  const { levels } = translation;
  const switches = initialSwitches(machine);
  say(isWithin(levels.length, 1, 6), "there are not one to six levels");
  const bits = levels.reduce((sum, level) => sum + level.indexBits, machine.pageShift);
  const isHalf = rootBits(machine) !== machine.virtualBits;
  say(bits === rootBits(machine), `index bits and pageShift add up to ${bits}, not to ${isHalf ? "one less than " : ""}virtualBits`);
  levels.forEach((level, i) => {
    const where = `level ${i} (${level.name})`;
    say(isWithin(level.indexBits, 1, 20), `${where}: indexBits is not between 1 and 20`);
    say(level.table !== undefined || level.leaf !== undefined, `${where}: entries are neither tables nor leaves`);
    say(
      i < levels.length - 1 ? level.table !== undefined : level.leaf !== undefined,
      `${where}: ${i < levels.length - 1 ? "leads nowhere" : "maps no page"}`,
    );
    const formats = [level.table, level.leaf].filter((format) => format !== undefined);
    for (const format of [...formats, ...(level.forms ?? []).map(({ leaf }) => leaf)]) {
      const what = `${where}, ${format.name}`;
      checkFormat(where, format, say);
      if (format.rights !== undefined) checkRule(`${what}, rights`, format.rights, [format], switches, isWithinRights, say);
      if (format.attributes !== undefined) checkRule(`${what}, attributes`, format.attributes, [format], switches, Number.isInteger, say);
      const { partRights = [], domain } = format;
      for (const rule of partRights) checkRule(`${what}, partRights`, rule, [format], switches, isWithinRights, say);
      say(partRights.length === 0 || partRights.length === 4, `${what}: partRights are not four`);
      const width = domain === undefined ? 0 : fieldWidth(domain);
      say(
        domain === undefined ||
          (format.fields.includes(domain) && fieldBits(domain)[0] < 32 && width <= Math.log2(translation.domains?.count ?? 0)),
        `${what}: its domain is no field of its own, or names more domains than there are`,
      );
    }
    for (const { when, leaf, entries } of level.forms ?? []) {
      const what = `${where}, ${leaf.name}`;
      say(level.leaf?.bytes === leaf.bytes, `${what}: is not as long as the leaf of the level`);
      if (level.leaf !== undefined)
        checkRule(`${what}, when`, when, [level.leaf, leaf], switches, (answer) => typeof answer === "boolean", say);
      say(
        isWithin(entries, 1, 2 ** level.indexBits) && Number.isInteger(Math.log2(entries)),
        `${what}: entries is no power of two that a table has room for`,
      );
    }
    say(
      level.table === undefined || level.leaf === undefined || level.table.bytes === level.leaf.bytes,
      `${where}: its two formats differ in size`,
    );
    checkRule(`${where}, kind`, level.kind, formats, switches, (kind) => KINDS.includes(kind), say);
    checkMade(where, level, i < levels.length - 1 ? "table" : "leaf", switches, say);
  });
};

/** What no level says alone never gives a right that a level withheld. */
const checkCombined = (combined: CombinedRights, switches: Switches, say: Say): void => {
  for (let rights = 0; rights <= ALL_RIGHTS; rights += 1) {
    const answer = answerOf(() => combined.tell(rights, switches));
    if (isWithinRights(answer) && ((answer as number) & ~rights) === 0) continue;
    const told = typeof answer === "number" ? answer : shown(answer);
    say(false, `translation.combined: tells ${told} of rights ${rights}, which is more than those or none at all`);
    return;
  }
};

/** What the translation says of all trees together. */
const checkTrees = (machine: Architecture, say: Say): void => {
  const { translation, layout, pageShift, virtualBits, wordBits } = machine;
  if (translation.kind === "hashed") return;
  const { domains, kernelRootRegister, combined } = translation;
  if (combined !== undefined) checkCombined(combined, initialSwitches(machine), say);
  if (domains !== undefined) {
    say(isWithin(domains.count, 1, 16), "translation.domains: count is not between 1 and 16");
    for (let domain = 0; domain < Math.min(domains.count, 16); domain += 1) {
      const standing = answerOf(() => domains.tell(domain, initialSwitches(machine)));
      say(STANDINGS.includes(standing), `translation.domains: tells ${shown(standing)} of domain ${domain}`);
    }
  }
  if (kernelRootRegister === undefined) return;
  if (rootBits(machine) !== virtualBits) {
    const half = 1n << BigInt(rootBits(machine));
    say(
      !layout.kernelAddressSpaceShadowed && layout.user.first === 0n && layout.user.last === half - 1n,
      "translation.kernelRootRegister is there, but the user's range is not the lower half of the addresses",
    );
    say(
      layout.kernel.first === (1n << BigInt(wordBits)) - half && layout.kernel.last === (1n << BigInt(wordBits)) - 1n,
      "translation.kernelRootRegister is there, but the kernel's range is not the upper half of the addresses",
    );
    return;
  }
  const split = Number(layout.kernel.first);
  const perEntry = 2 ** (virtualBits - (translation.levels[0]?.indexBits ?? 0));
  say(
    !layout.kernelAddressSpaceShadowed && Number(layout.user.last) + 1 === split && Number.isInteger(Math.log2(split)),
    "translation.kernelRootRegister is there, but the user's range does not end at a power of two where the kernel's begins",
  );
  say(split >= perEntry && pageShift <= Math.log2(perEntry), "the root of a user space has no entry");
};

const STANDINGS: readonly unknown[] = ["closed", "checked", "open"];
/** Entries that the core must write: it is told how one is made, and what it makes is what it is meant to be. */
const checkMade = (where: string, level: Level, wanted: "table" | "leaf", switches: Switches, say: Say): void => {
  const format = level[wanted];
  if (format === undefined) return;
  const what = `${where}, ${format.name}`;
  say(format.encode !== undefined, `${what}: encode is missing, and the core has to write such entries`);
  const made = answerOf(() => format.encode?.(PAGE_FLAG_SETS - 1));
  if (typeof made !== "object" || made === null || made instanceof Error) return;
  const read = Object.fromEntries(level.kind.reads.map(({ name }) => [name, (made as FieldValues)[name] ?? 0]));
  const kind = answerOf(() => level.kind.tell(read, switches));
  say(kind === wanted, `${what}: what encode gives for all rights is ${shown(kind)}, not ${wanted}`);
};

const KINDS: readonly unknown[] = ["absent", "table", "leaf", "malformed"];
const isWithinRights = (rights: unknown): boolean => isWithin(rights as number, 0, ALL_RIGHTS);

/** A rule reads fields that are there, few enough to be tabulated, and has an answer for every combination of them. */
const checkRule = <T>(
  where: string,
  rule: Rule<T>,
  formats: readonly EntryFormat[],
  switches: Switches,
  isAnswer: (answer: unknown) => boolean,
  say: Say,
): void => {
  const { reads } = rule;
  const isSame = (format: EntryFormat, read: Field): boolean =>
    format.fields.some((field) => field.name === read.name && String(fieldBits(field)) === String(fieldBits(read)));
  const unknown = reads.filter((read) => !formats.every((format) => isSame(format, read)));
  for (const { name } of unknown) say(false, `${where}: reads ${name}, which is no field of every format here`);
  const width = reads.reduce((sum, read) => sum + fieldWidth(read), 0);
  say(width <= 12, `${where}: reads more than 12 bits`);
  if (unknown.length > 0 || width > 12) return;
  for (let bits = 0; bits < 2 ** width; bits += 1) {
    let rest = bits;
    const values: Record<string, number> = {};
    for (const read of reads) {
      values[read.name] = rest % 2 ** fieldWidth(read);
      rest = Math.floor(rest / 2 ** fieldWidth(read));
    }
    const answer = answerOf(() => rule.tell(values, switches));
    if (isAnswer(answer)) continue;
    say(false, `${where}: tells ${shown(answer)} of ${JSON.stringify(values)}`);
    return;
  }
};

/** What a port's own function gives; one that throws gives the error. */
const answerOf = (ask: () => unknown): unknown => {
  try {
    return ask();
  } catch (error) {
    return error;
  }
};

const shown = (answer: unknown): string => (answer instanceof Error ? String(answer) : typeof answer === "string" ? answer : typeof answer);

const checkFormat = (where: string, format: EntryFormat, say: Say): void => {
  const owner: (string | undefined)[] = Array.from({ length: format.bytes * 8 });
  const names = new Set<string>();
  for (const field of format.fields) {
    const [high, low] = fieldBits(field);
    say(!names.has(field.name), `${where}, ${format.name}: two fields are named ${field.name}`);
    names.add(field.name);
    const fits = low >= 0 && high >= low && high < owner.length;
    say(fits, `${where}, ${format.name}: field ${field.name} has bits ${high}:${low} of ${owner.length}`);
    if (!fits) continue;
    for (let bit = low; bit <= high; bit += 1) {
      say(owner[bit] === undefined, `${where}, ${format.name}: bit ${bit} belongs to ${owner[bit]} and to ${field.name}`);
      owner[bit] = field.name;
    }
  }
  owner.forEach((name, bit) => say(name !== undefined, `${where}, ${format.name}: bit ${bit} belongs to no field`));
  if (format.encode === undefined) return;
  const own = new Map(format.fields.map((field) => [field.name, field]));
  const objections = new Set<string>();
  for (let flags = 0; flags < PAGE_FLAG_SETS; flags += 1) {
    const given = answerOf(() => format.encode?.(flags));
    if (typeof given !== "object" || given === null || given instanceof Error) {
      objections.add(`gives ${shown(given)}`);
      continue;
    }
    for (const [name, value] of Object.entries(given as FieldValues)) {
      const field = own.get(name);
      if (field === undefined || field.role === "frame") objections.add(`gives ${name}, which is no field of its own`);
      else if (!isWithin(value, 0, 2 ** fieldWidth(field) - 1)) objections.add(`gives ${name} the value ${value}`);
    }
  }
  for (const objection of objections) say(false, `${where}, ${format.name}: encode ${objection}`);
};

const checkAsids = ({ asids }: Architecture, say: Say): void => {
  say(isWithin(asids.bits, 0, 16), "asids.bits is not between 0 and 16");
  say(asids.kernel >= 0 && asids.invalid >= 0, "asids.kernel or asids.invalid is negative");
  say(asids.kernel !== asids.invalid, "asids.kernel and asids.invalid are the same");
  say(
    asids.first <= asids.last && asids.first > asids.invalid && asids.first > asids.kernel,
    "asids.first to asids.last is not a range above kernel and invalid",
  );
  say(asids.bits === 0 || asids.last < 2 ** asids.bits, "asids.last does not fit asids.bits");
  say(asids.policy === "fixed" || asids.bits > 0, "asids are stolen but entries carry none");
};

const checkTlb = (machine: Architecture, say: Say): void => {
  const { tlb } = machine;
  const check = (name: string, geometry: TlbGeometry): void => {
    say(isWithin(geometry.entries, 1, 65536), `tlb.${name}: entries is not between 1 and 65536`);
    const ways = geometry.ways === "full" ? geometry.entries : geometry.ways;
    say(isWithin(ways, 1, geometry.entries) && geometry.entries % ways === 0, `tlb.${name}: entries do not divide into sets of ${ways}`);
    say(geometry.pageShifts[0] === machine.hardwarePageShift, `tlb.${name}: the smallest page is not the hardware page`);
    say(
      geometry.pageShifts.every((shift, i) => isWithin(shift, (geometry.pageShifts[i - 1] ?? 0) + 1, 52)),
      `tlb.${name}: page sizes do not ascend`,
    );
    say(isWithin(geometry.wired, 0, geometry.entries - 1), `tlb.${name}: wired entries leave none`);
  };
  check("data", tlb.data);
  if (tlb.instruction !== undefined) check("instruction", tlb.instruction);
  checkSwitch("tlb.honoursGlobal", tlb.honoursGlobal, machine, say);
  say(machine.translation.kind === "hierarchical" || tlb.refill === "software", "hardware refills from a hash that only software reads");
};

const checkSwitch = (where: string, decides: boolean | { readonly switch: string }, { switches }: Architecture, say: Say): void =>
  say(typeof decides === "boolean" || Object.hasOwn(switches, decides.switch), `${where} names a switch that is not there`);

/** A handler that asks what happened is told at least that. */
const checkFaults = ({ faults, translation, can }: Architecture, say: Say): void => {
  const objections = new Set<string>();
  const reasons: FaultReason[] = [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, BUS, PRIVILEGED];
  if (translation.kind === "hierarchical" && translation.domains !== undefined) reasons.push(DOMAIN);
  if (can.recordAccess === "fault" || can.recordWrite === "fault") reasons.push(UNMARKED);
  for (const reason of reasons) {
    for (const access of [READ, WRITE, EXECUTE] as const) {
      for (const privilege of [KERNEL, USER] as const) {
        const told = answerOf(() => faults.told(reason, access, privilege));
        if (typeof told !== "number") objections.add(`told gives ${shown(told)}`);
        else if ((told & access) === 0 && !faults.guessesAccess) objections.add("told leaves out the access that was made");
        const report = answerOf(() => faults.report(reason, access, privilege)) as Partial<FaultReport> | null;
        if (typeof report?.trap !== "string" || typeof report.code !== "number")
          objections.add(`report gives ${shown(report)} without trap and code`);
      }
    }
  }
  for (const objection of objections) say(false, `faults.${objection}`);
};

const checkLayout = (machine: Architecture, say: Say): void => {
  const { layout } = machine;
  if (!isWithin(machine.pageShift, 1, 64) || !isWithin(machine.wordBits, 1, 64)) return;
  const size = 1n << BigInt(machine.pageShift);
  const limit = 1n << BigInt(machine.wordBits);
  const check = (name: string, { first, last }: AddressRange): void => {
    say(first >= 0n && last < limit && first <= last, `layout.${name} is not a range of addresses`);
    say(first % size === 0n && (last + 1n) % size === 0n, `layout.${name} does not begin and end with a page`);
  };
  check("user", layout.user);
  check("kernel", layout.kernel);
  checkWindows(machine, say);
  const overlaps = layout.user.first <= layout.kernel.last && layout.kernel.first <= layout.user.last;
  say(layout.kernelAddressSpaceShadowed || !overlaps, "user and kernel range overlap though the spaces are not shadowed");
  say(
    layout.userStack >= layout.user.first && layout.userStack <= layout.user.last && layout.userStack % size === 0n,
    "layout.userStack is no page of the user range",
  );
};

const checkWindows = (machine: Architecture, say: Say): void => {
  const { kernel, kernelAddressSpaceShadowed, windows = [] } = machine.layout;
  const size = 1n << BigInt(machine.pageShift);
  say(windows.length === 0 || !kernelAddressSpaceShadowed, "layout.windows are there though the kernel has a space of its own");
  windows.forEach(({ name, first, last, physical }, i) => {
    say(first <= last && first >= kernel.first && last <= kernel.last, `layout.windows: ${name} does not lie within layout.kernel`);
    say(
      [first, last + 1n, physical].every((address) => address % size === 0n),
      `layout.windows: ${name} does not begin and end with a page, or not with a frame`,
    );
    say(
      physical >= 0n && physical + (last - first) < 1n << BigInt(machine.physicalBits),
      `layout.windows: ${name} shows more than physical addresses`,
    );
    const other = windows.slice(0, i).find((before) => before.first <= last && first <= before.last);
    say(other === undefined, `layout.windows: ${name} overlaps ${other?.name}`);
  });
};
