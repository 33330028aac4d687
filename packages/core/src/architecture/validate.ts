/** The check at the door: what a description of a machine must satisfy, with every reason at once. */
import { PortolanError } from "../errors.js";
import { CONTRACT_VERSION, type AddressRange, type Architecture } from "./architecture.js";
import { fieldBits, fieldWidth, type EntryFormat } from "./entry-format.js";
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

/** Every reason why a value does not describe a machine; empty if it does. */
export const reasonsAgainst = (value: unknown): string[] => {
  if (typeof value !== "object" || value === null) return ["it is not an object"];
  const missing = ["contract", "name", "translation", "tlb", "asids", "layout", "can", "faults", "switches"].filter(
    (key) => !(key in value),
  );
  if (missing.length > 0) return missing.map((key) => `${key} is missing`);
  const machine = value as Architecture;
  const reasons: string[] = [];
  const say = (holds: boolean, reason: string): void => {
    if (!holds) reasons.push(reason);
  };
  say(machine.contract === CONTRACT_VERSION, `contract is ${machine.contract}, this core speaks ${CONTRACT_VERSION}`);
  say(/^[a-z][a-z0-9]*$/.test(machine.name), "name is not lower-case letters and digits");
  say(machine.wordBits === 32 || machine.wordBits === 64, "wordBits is neither 32 nor 64");
  say(machine.byteOrder === "little" || machine.byteOrder === "big", "byteOrder is neither little nor big");
  say(isWithin(machine.virtualBits, 16, machine.wordBits), "virtualBits is not between 16 and wordBits");
  say(isWithin(machine.physicalBits, 20, 52), "physicalBits is not between 20 and 52");
  say(isWithin(machine.hardwarePageShift, 9, 24), "hardwarePageShift is not between 9 and 24");
  say(
    isWithin(machine.pageShift, Math.max(machine.hardwarePageShift, 12), 24),
    "pageShift is not between hardwarePageShift (at least 12) and 24",
  );
  say(
    machine.virtualRule === "sign-extended" || machine.virtualBits === machine.wordBits,
    "virtualRule is exact but virtualBits is not wordBits",
  );
  checkTranslation(machine, say);
  checkAsids(machine, say);
  checkTlb(machine, say);
  checkLayout(machine, say);
  return reasons;
};

type Say = (holds: boolean, reason: string) => void;

const isWithin = (value: number, low: number, high: number): boolean => Number.isInteger(value) && value >= low && value <= high;

const checkTranslation = (machine: Architecture, say: Say): void => {
  const { translation } = machine;
  if (translation.kind === "hashed") return;
  say(translation.kind === "hierarchical", "translation.kind is neither hierarchical nor hashed");
  const { levels } = translation;
  say(isWithin(levels.length, 1, 6), "there are not one to six levels");
  const bits = levels.reduce((sum, level) => sum + level.indexBits, machine.pageShift);
  say(bits === machine.virtualBits, `index bits and pageShift add up to ${bits}, not to virtualBits`);
  say(
    machine.tlb.refill === "software" || machine.pageShift === machine.hardwarePageShift,
    "hardware walks a tree whose pages are not the hardware's",
  );
  levels.forEach((level, i) => {
    const where = `level ${i} (${level.name})`;
    say(isWithin(level.indexBits, 1, 20), `${where}: indexBits is not between 1 and 20`);
    say(level.table !== undefined || level.leaf !== undefined, `${where}: entries are neither tables nor leaves`);
    say(
      i < levels.length - 1 ? level.table !== undefined : level.leaf !== undefined,
      `${where}: ${i < levels.length - 1 ? "leads nowhere" : "maps no page"}`,
    );
    for (const format of [level.table, level.leaf]) if (format !== undefined) checkFormat(where, format, say);
    say(
      level.table === undefined || level.leaf === undefined || level.table.bytes === level.leaf.bytes,
      `${where}: its two formats differ in size`,
    );
    say(
      level.kind.reads.reduce((sum, field) => sum + fieldWidth(field), 0) <= 12,
      `${where}: the rule that tells the kind reads more than 12 bits`,
    );
  });
};

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
  for (let flags = 0; flags < 64; flags += 1) {
    for (const [name, value] of Object.entries(format.encode(flags))) {
      const field = format.fields.find((candidate) => candidate.name === name);
      say(field !== undefined && field.role !== "frame", `${where}, ${format.name}: encode gives ${name}, which is no field of its own`);
      if (field !== undefined)
        say(isWithin(value, 0, 2 ** fieldWidth(field) - 1), `${where}, ${format.name}: encode gives ${name} the value ${value}`);
    }
  }
};

const checkAsids = ({ asids }: Architecture, say: Say): void => {
  say(isWithin(asids.bits, 0, 16), "asids.bits is not between 0 and 16");
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
    say(isWithin(geometry.wired, 0, geometry.entries - 1), `tlb.${name}: wired entries leave none`);
  };
  check("data", tlb.data);
  if (tlb.instruction !== undefined) check("instruction", tlb.instruction);
  const { honoursGlobal } = tlb;
  say(typeof honoursGlobal === "boolean" || honoursGlobal.switch in machine.switches, "tlb.honoursGlobal names a switch that is not there");
  say(machine.translation.kind === "hierarchical" || tlb.refill === "software", "hardware refills from a hash that only software reads");
};

const checkLayout = (machine: Architecture, say: Say): void => {
  const { layout } = machine;
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
