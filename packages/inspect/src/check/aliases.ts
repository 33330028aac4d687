/** Pages that are mapped more than once, and not alike: a sweep over physical addresses. */
import { EXECUTE, KERNEL, permits, USER, WRITE, type Rights } from "@portolan/core/architecture";
import { rightsInWords } from "../diff-mappings.js";
import { hexadecimal } from "../in-words.js";
import type { Memory } from "../memory.js";
import { sizeInWords } from "../render/mappings.js";
import type { Tree } from "../tree.js";
import type { FindingCode } from "./findings.js";
import type { Gathering } from "./gathering.js";
import type { Leaves } from "./leaves.js";
import { linearMapsOf } from "./linear-maps.js";
import { TYPE_BITS, type MemoryTypes } from "../memory-types.js";

/** Bits of `what` above the rights. */
export const RIGHTS_BITS = 6;
const RIGHTS = 2 ** RIGHTS_BITS - 1;
const LINEAR = 2 ** 15;
/** There are no more runs than leaves. */
const MOST_RUNS = 2 ** 26;

const isWritableAndExecutable = (rights: Rights): boolean =>
  permits(rights, USER, WRITE | EXECUTE) || permits(rights, KERNEL, WRITE | EXECUTE);

/** May what is executed by one mapping be written by the other? The kernel is not taken to execute what is the user's. */
const breaksCode = (code: Rights, data: Rights): boolean => {
  if (isWritableAndExecutable(code) || isWritableAndExecutable(data)) return false;
  if (permits(code, USER, EXECUTE)) return permits(data, USER, WRITE);
  return code >>> 3 === 0 && permits(code, KERNEL, EXECUTE) && (permits(data, KERNEL, WRITE) || permits(data, USER, WRITE));
};

/**
 * Finds them. Two runs of pages that are alike are one finding, however many pages they share; aliases of a linear map are counted
 * there, and told one by one only if `isEach`.
 */
export const checkAliases = (
  tree: Tree,
  memory: Memory,
  gathering: Gathering,
  leaves: Leaves,
  types: MemoryTypes,
  isEach: boolean,
): void => {
  const pageBytes = 2 ** tree.pageShift;
  const { maps, mapOf } = linearMapsOf(tree, memory, leaves);
  const aliased = maps.map(() => 0);
  const typesDiffer = differences(types);

  const typeInWords = (number: number): string => types.at(number).name ?? `number ${number}`;
  const tell = (code: FindingCode, here: number, there: number, first: number, end: number): void => {
    const pages = Math.ceil((end - first) / pageBytes);
    const pageOf = (leaf: number): number => leaves.page[leaf] + Math.floor((first - leaves.physical[leaf]) / pageBytes);
    const words = (leaf: number): string =>
      code === "alias-attributes" || code === "alias-types-unknown"
        ? typeInWords(leaves.what[leaf] >>> RIGHTS_BITS)
        : rightsInWords(leaves.what[leaf] & RIGHTS);
    // What a register would settle has one cause wherever it is.
    const typesHere = (leaves.what[here] >>> RIGHTS_BITS) * 2 ** TYPE_BITS + (leaves.what[there] >>> RIGHTS_BITS);
    const [rightsHere, rightsThere] = [leaves.what[here] & RIGHTS, leaves.what[there] & RIGHTS];
    // The user's pages that lie in one run of the kernel's have that run as their cause, wherever the user has them.
    const isUnderKernels = code === "alias-rights" && rightsHere >>> 3 !== 0 && rightsThere >>> 3 === 0;
    const side = isUnderKernels ? MOST_RUNS - 1 - rightsHere : leaves.run[here];
    const cause = code === "alias-types-unknown" ? typesHere : leaves.run[there] * MOST_RUNS + side;
    gathering.cause(code, cause, pageOf(here), pages, pages, () => {
      const other = tree.addressOf(pageOf(there));
      const where = `here ${words(here)}, at ${hexadecimal(other)} ${words(there)}${mapOf[there] < 0 ? "" : ", in the linear map"}`;
      return { physical: first, depth: tree.levels.length - 1, more: `: physical ${hexadecimal(first)}, ${where}`, other };
    });
  };

  const isKernels = (leaf: number): boolean => ((leaves.what[leaf] >>> 3) & 7) === 0;

  const compare = (one: number, other: number): void => {
    const first = Math.max(leaves.physical[one], leaves.physical[other]);
    const end = Math.min(leaves.end[one], leaves.end[other]);
    // A linear map is what the other is held against, and the kernel's what the user's is, never the other way round.
    const isBack = mapOf[one] < 0 === mapOf[other] < 0 ? isKernels(one) && !isKernels(other) : mapOf[one] >= 0;
    const [here, there] = isBack ? [other, one] : [one, other];
    const [what, otherWhat] = [leaves.what[here], leaves.what[there]];
    const [rights, otherRights] = [what & RIGHTS, otherWhat & RIGHTS];
    if (rights !== otherRights) {
      if (breaksCode(rights, otherRights)) tell("alias-writable-executable", here, there, first, end);
      else if (breaksCode(otherRights, rights)) tell("alias-writable-executable", there, here, first, end);
      else if (mapOf[there] >= 0) {
        aliased[mapOf[there]] += Math.ceil((end - first) / pageBytes);
        if (isEach) tell("alias-linear", here, there, first, end);
      } else tell("alias-rights", here, there, first, end);
    }
    const difference = typesDiffer(what >>> RIGHTS_BITS, otherWhat >>> RIGHTS_BITS);
    if (difference === "certain") tell("alias-attributes", here, there, first, end);
    if (difference === "unknown") tell("alias-types-unknown", here, there, first, end);
  };

  // Of leaves that are alike the one that reaches farthest stands for all.
  const open = new Map<number, number>();
  for (const leaf of leaves.byPhysical()) {
    const what = leaves.what[leaf] | (mapOf[leaf] < 0 ? 0 : LINEAR);
    for (const [otherWhat, other] of open) {
      if (leaves.end[other] <= leaves.physical[leaf]) open.delete(otherWhat);
      else if (leaves.what[other] !== leaves.what[leaf]) compare(leaf, other);
    }
    const alike = open.get(what);
    if (alike === undefined || leaves.end[alike] < leaves.end[leaf]) open.set(what, leaf);
  }

  for (const [number, { page, end, bytes }] of maps.entries()) {
    if (aliased[number] === 0) continue;
    const present = memory.regions.reduce((sum, region) => sum + region.bytes, 0);
    gathering.put({
      code: "linear-map",
      page,
      end,
      places: aliased[number],
      physical: 0,
      depth: tree.levels.length - 1,
      more: `: ${sizeInWords(bytes)}, where the image has ${sizeInWords(present)}; mapped elsewhere too, with other rights`,
    });
  }
};

/** The answer for two numbers of types, asked once for each pair. */
const differences = (types: MemoryTypes): ((one: number, other: number) => ReturnType<MemoryTypes["differenceOf"]>) => {
  const known = new Map<number, ReturnType<MemoryTypes["differenceOf"]>>();
  return (one, other) => {
    if (one === other) return "none";
    const pair = one * 2 ** TYPE_BITS + other;
    let answer = known.get(pair);
    if (answer === undefined) known.set(pair, (answer = types.differenceOf(one, other)));
    return answer;
  };
};
