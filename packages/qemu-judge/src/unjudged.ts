/** Accesses that nothing in QEMU can answer for. */
import { EXECUTE, WRITE } from "@portolan/core";
import type { JudgedCase, JudgedQuery } from "./case.js";
import type { MachineProfile, SlotKind } from "./machines/profile.js";
import type { PageImage } from "./page-image.js";

/**
 * Why an access cannot be judged; null if it can.
 * @param image the case's memory as it was given
 */
export const whyUnjudged = (
  { ram, slot, judgesBus }: MachineProfile,
  judged: Pick<JudgedCase, "ram">,
  { expected, access, unjudged }: JudgedQuery,
  image: PageImage,
): string | null => {
  if (unjudged !== undefined) return unjudged;
  if (expected.kind === "fault") {
    if (expected.reason !== "bus") return null;
    const isNothing =
      judgesBus !== undefined && expected.nowhere !== undefined && judgesBus(expected.nowhere.physical, expected.nowhere.isTable);
    return isNothing ? null : "QEMU has RAM or devices where ours has nothing";
  }
  const physical = Number(expected.physical);
  if (physical < ram.first || physical + slot.bytes > ram.first + ram.bytes) return "QEMU has no RAM where it lands";
  if (physical < judged.ram.first || physical + slot.bytes > judged.ram.first + judged.ram.bytes) return "it lands outside the case's RAM";
  const isGiven = image.holds(physical, slot.bytes) && !isSlotAt(slot, physical, image);
  return isGiven ? `a ${access === EXECUTE ? "fetch" : access === WRITE ? "write" : "read"} would land in a table` : null;
};

export const isSlotAt = (slot: SlotKind, physical: number, image: PageImage): boolean => {
  const found = image.read(physical, slot.bytes);
  return slot.make(physical).every((byte, i) => found[i] === byte);
};

/** Does a page hold nothing but slots and zeros? Then none of it is a table that slots could disturb. */
export const holdsOnlySlots = (slot: SlotKind, page: number, pageBytes: number, image: PageImage): boolean => {
  for (let at = page; at < page + pageBytes; at += slot.bytes) if (image.holds(at, slot.bytes) && !isSlotAt(slot, at, image)) return false;
  return true;
};
