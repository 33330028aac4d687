/**
 * Fork: a space that begins with what another one has. Areas of shared memory are linked once more. Private ones share
 * the pages that are there, frozen in shadows, and each side copies what it writes from then on. The child's tables stay
 * empty; its first accesses fill them.
 *
 * What can fail comes first and is taken back if it does: shadows for areas that have none, the child's areas, mappings
 * made by hand. Then the parent's entries lose their right to write, in one withdrawal for the whole space.
 *
 * @see POSIX.1-2017 fork()
 */
import { PortolanError } from "../errors.js";
import { freeze } from "../objects/collapse.js";
import { ImageObject } from "../objects/image-object.js";
import { lockObject, unlockObject } from "../objects/object-lock.js";
import { ShadowObject } from "../objects/shadow-object.js";
import { StaleTranslations } from "../paging/stale.js";
import { pageFlagsOf } from "../area/area-flags.js";
import type { AddressSpace } from "./address-space.js";
import { dematerialise, isUnmaterialised, materialise } from "./materialise.js";

/**
 * Gives `child`, which is empty and which nobody knows yet, the areas of `parent`, which is locked.
 *
 * @throws PortolanError ERR_AREA_BUSY while an area is being built, ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; nothing has
 *   changed then, and the child is empty
 */
export const forkAreas = (parent: AddressSpace, child: AddressSpace): void => {
  const { areas, units } = parent.parts;
  const materialised: number[] = [];
  try {
    for (let area = parent.tree.first(); area >= 0; area = parent.tree.next(area)) {
      if (areas.isPartial(area)) throw new PortolanError("ERR_AREA_BUSY", { address: units.addressOf(areas.firstOf(area)) });
      if (hasPagesOfItsOwn(parent, area)) {
        materialise(parent, area);
        materialised.push(area);
      }
      copyArea(parent, area, child);
    }
    freezeAreas(parent);
  } catch (error) {
    undo(parent, child, materialised);
    throw error;
  }
  parent.parts.preemption.at("fork-frozen");
};

/** Has a private area without a shadow pages that only its entries know, and that the child has to see? */
const hasPagesOfItsOwn = (space: AddressSpace, area: number): boolean => {
  const { areas } = space.parts;
  if (areas.used.pagesOf(area) === 0 || !isUnmaterialised(space, area)) return false;
  const object = areas.objectOf(area);
  // What nobody could write is what the image supplies, as often as it is asked.
  return !(object instanceof ImageObject) || object.isWritable;
};

const PLAIN = { partial: false, guard: false } as const;
const GUARDED = { partial: false, guard: true } as const;

/** @throws PortolanError ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY; the child has none of it then */
const copyArea = (parent: AddressSpace, area: number, child: AddressSpace): void => {
  const { areas, locks } = parent.parts;
  const object = areas.objectOf(area);
  const traits = areas.isGuarded(area) ? GUARDED : PLAIN;
  const copy = areas.create(child.id, areas.firstOf(area), areas.pagesOf(area), areas.flagsOf(area), traits);
  let isIn = false;
  try {
    areas.setTraits(copy, areas.traitsOf(area));
    areas.setBackend(copy, areas.backendOf(area));
    child.tree.insert(copy);
    isIn = true;
    if (object === null) copyMappings(parent, area, child, copy);
    else {
      lockObject(locks, object);
      areas.setObject(copy, object, areas.offsetOf(area));
      object.link(copy);
      unlockObject(locks, object);
    }
  } catch (error) {
    if (isIn) child.tree.remove(copy);
    unmapAll(child, copy);
    areas.destroy(copy);
    throw error;
  }
};

/** Pages that were mapped by hand are mapped in the child too: nobody could bring them in. */
const copyMappings = (parent: AddressSpace, area: number, child: AddressSpace, copy: number): void => {
  const { areas, tables, frames, locks } = parent.parts;
  const { used } = areas;
  const flags = pageFlagsOf(areas.flagsOf(area), child.pageOwner);
  for (let page = used.nextAtOrAbove(area, areas.firstOf(area)); page >= 0; page = used.nextAtOrAbove(area, page + 1)) {
    locks.acquire("page-table", parent.id);
    const isMapped = tables.find(parent.context, page);
    const { frame } = tables.found;
    locks.release("page-table", parent.id);
    if (!isMapped) throw new Error("a used page has no mapping");
    used.reserve(copy);
    locks.acquire("page-table", child.id);
    try {
      tables.insert(child.context, page, frame, flags);
    } catch (error) {
      used.unreserve(copy);
      throw error;
    } finally {
      locks.release("page-table", child.id);
    }
    if (frames.references(frame) > 0) frames.share(frame);
    used.insert(copy, page, 1);
  }
};

/** Takes the child's areas and the parent's new shadows away, which nobody knows of yet. Never fails. */
const undo = (parent: AddressSpace, child: AddressSpace, materialised: readonly number[]): void => {
  const { areas } = parent.parts;
  for (let copy = child.tree.first(); copy >= 0; copy = child.tree.first()) {
    unmapAll(child, copy);
    child.tree.remove(copy);
    areas.objectOf(copy)?.unlink(copy);
    areas.destroy(copy);
  }
  for (const area of materialised) dematerialise(parent, area);
};

const unmapAll = (child: AddressSpace, copy: number): void => {
  const { areas, tables, frames, locks } = child.parts;
  const { used } = areas;
  if (used.pagesOf(copy) === 0) return;
  locks.acquire("page-table", child.id);
  const debt = new StaleTranslations();
  for (let page = used.nextAtOrAbove(copy, areas.firstOf(copy)); page >= 0; page = used.nextAtOrAbove(copy, page + 1)) {
    if (tables.remove(child.context, page, debt)) debt.releaseLater(tables.found.frame);
  }
  debt.settle(
    (frame) => void frames.release(frame),
    (unit) => tables.freeTable(unit),
  );
  locks.release("page-table", child.id);
};

/** Freezes the fronts that the parent could write so far, and takes the right from its entries. Never fails. */
const freezeAreas = (parent: AddressSpace): void => {
  const { areas, tables, withdrawals } = parent.parts;
  const { used } = areas;
  const fronts: ShadowObject[] = [];
  let isOpen = false;
  for (let area = parent.tree.first(); area >= 0; area = parent.tree.next(area)) {
    const front = areas.objectOf(area);
    if (!(front instanceof ShadowObject) || !front.isWritable) continue;
    fronts.push(front);
    let page = used.nextAtOrAbove(area, areas.firstOf(area));
    if (page < 0) continue;
    const debt = isOpen ? withdrawals.debt : withdrawals.begin(parent.context, 0, Infinity);
    isOpen = true;
    while (page >= 0) {
      const end = used.intervalEnd(area, page);
      tables.writeProtect(parent.context, page, end - page, debt);
      page = used.nextAtOrAbove(area, end);
    }
  }
  if (isOpen) withdrawals.settle();
  for (const front of fronts) freeze(front);
};
