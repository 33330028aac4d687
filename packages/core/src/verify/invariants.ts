/**
 * What must hold whenever no operation is under way, checked from outside by slow and obvious means. Tests call it after
 * every operation.
 *
 * 1. Areas of a space are in order, disjoint and complete, and none lies in a window that no table translates.
 * 2. A page is in an area's used space exactly if the space's tables map it.
 * 3. An entry lets the user do no more than the area permits, as far as the machine can tell the difference.
 * 4. References to a frame are the entries that map it, plus the page caches that hold it, plus image pins, plus one
 *    where it holds tables; and what is neither is free.
 * 5. No TLB and no software cache holds what the tables disagree with; where accesses or writes are recorded, what a TLB
 *    lets through has been.
 * 6. No withdrawal is open, and no lock is held by anybody.
 * 7. A page of a shared area shows the frame that the object holds for it.
 * 8. A space has exactly the tables that its mappings need.
 * 9. Stacks of memory objects are what object-invariants.ts says.
 */
import { rootBits } from "../architecture/architecture.js";
import { EXECUTE, PAGE_ACCESSED, PAGE_DIRTY, READ, USER, WRITE, permits, rightsFor } from "../architecture/rights.js";
import type { AddressSpace } from "../address-space/address-space.js";
import type { Machine } from "../compose/machine.js";
import { SharedObject } from "../objects/shared-object.js";
import { HASH_ENTRY_BYTES } from "../paging/page-hash-format.js";
import { checkObjects } from "./object-invariants.js";
import { checkSwap } from "./swap-invariants.js";
import { kernelRootFrom, sizesOf } from "../paging/tree-shape.js";

const ANY_WRITE = rightsFor(WRITE, WRITE);

/** What the checker cannot know by itself. */
export interface InvariantOptions {
  /** References that a test itself holds, by frame. */
  readonly held?: ReadonlyMap<number, number>;
}

/** Every violation in words; empty when all is well. */
export const violations = (machine: Machine, options: InvariantOptions = {}): string[] => {
  const found: string[] = [];
  const references = new Map<number, number>(options.held);
  const count = (frame: number): void => void references.set(frame, (references.get(frame) ?? 0) + 1);
  for (const space of machine.spaces.live()) {
    checkSpace(machine, space, found, count);
  }
  const objects = checkObjects(machine, found);
  for (const object of objects) object.eachHeld(count);
  checkSwap(machine, objects, found, count);
  for (const file of machine.images()) file.eachPinned(count);
  checkFrames(machine, references, found);
  checkTlbs(machine, found);
  checkCaches(machine, found);
  if (machine.parts.withdrawals.isOpen) found.push("a withdrawal is still open");
  for (const { id } of machine.cpus) {
    try {
      machine.on(id, () => machine.parts.locks.discipline?.assertNoneHeld());
    } catch (error) {
      found.push(String(error));
    }
  }
  return found;
};

/** Throws an assertion that lists every violation. */
export const assertInvariants = (machine: Machine, options: InvariantOptions = {}): void => {
  const found = violations(machine, options);
  if (found.length > 0) throw new Error(`invariants broken:\n- ${found.join("\n- ")}`);
};

const checkSpace = (machine: Machine, space: AddressSpace, found: string[], count: (frame: number) => void): void => {
  const { areas, tables, units } = machine.parts;
  const { can, faults, layout } = machine.architecture;
  const { windows = [] } = layout;
  let end = 0;
  let used = 0;
  for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) {
    const first = areas.firstOf(area);
    const pages = areas.pagesOf(area);
    const name = `area ${areas.firstOf(area).toString(16)} of space ${space.id}`;
    if (first < end || pages < 1) found.push(`${name} overlaps the one before it, or is empty`);
    for (const window of windows) {
      const isIn = first <= units.pageOf(window.last) && first + pages > units.pageOf(window.first);
      if (isIn) found.push(`${name} lies in ${window.name}, where no table is asked`);
    }
    if (areas.isPartial(area)) found.push(`${name} was left unfinished`);
    end = first + pages;
    used += areas.used.pagesOf(area);
    checkShared(machine, space, area, name, found);
    const flags = areas.flagsOf(area);
    tables.each(space.context, first, pages, (page, { rights }) => {
      if (!areas.used.contains(area, page)) found.push(`page ${page.toString(16)} of ${name} is mapped but not used`);
      for (let access = 1; access <= 4; access *= 2) {
        const told = faults.told(2, access as 1 | 2 | 4, space.privilege, machine.parts.switches);
        const canForbid = access === READ ? can.forbidRead : access === EXECUTE ? can.forbidExecute : space.privilege === USER;
        if (space.privilege !== USER && layout.privilegeByAddress !== true && permits(rights, USER, access))
          found.push(`the user reaches page ${page.toString(16)} of ${name}`);
        if (permits(rights, space.privilege, access) && (told & flags) === 0 && canForbid) {
          found.push(`page ${page.toString(16)} of ${name} may be accessed (${access}) though the area forbids it`);
        }
      }
      return true;
    });
  }
  let mapped = 0;
  const needs = tablesNeeded(machine);
  for (const [first, pages] of extents(machine, space)) {
    tables.each(space.context, first, pages, (page, { frame }) => {
      mapped += 1;
      needs.add(page);
      if (machine.parts.frames.references(frame) >= 0) count(frame);
      return true;
    });
  }
  const actual = tables.bytes(space.context);
  if (!space.context.isKernel && actual !== needs.bytes())
    found.push(`space ${space.id} has ${actual} bytes of tables, its mappings need ${needs.bytes()}`);
  if (mapped !== used) found.push(`space ${space.id} maps ${mapped} pages but its areas use ${used}`);
};

/** First page and pages of what only areas may map: all that is a user's; of the kernel's, which has mappings of its own, the areas. */
const extents = (machine: Machine, space: AddressSpace): [first: number, pages: number][] => {
  const { units, areas } = machine.parts;
  const { layout } = machine.architecture;
  if (!space.context.isKernel) return [[0, layout.kernelAddressSpaceShadowed ? units.pageLimit : units.pageOf(layout.user.last) + 1]];
  const found: [number, number][] = [];
  for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) found.push([areas.firstOf(area), areas.pagesOf(area)]);
  return found;
};

/** Sharers see one memory: what they map is what the object keeps. */
const checkShared = (machine: Machine, space: AddressSpace, area: number, name: string, found: string[]): void => {
  const { areas, tables } = machine.parts;
  const object = areas.objectOf(area);
  if (!(object instanceof SharedObject)) return;
  const shift = areas.offsetOf(area) - areas.firstOf(area);
  const held = new Map<number, number>();
  object.eachHeld((frame, offset) => held.set(offset, frame));
  tables.each(space.context, areas.firstOf(area), areas.pagesOf(area), (page, { frame }) => {
    if (object.isPrivate(page + shift) && held.get(page + shift) !== frame) {
      found.push(`page ${page.toString(16)} of ${name} shows frame ${frame.toString(16)}, which its shared object does not hold`);
    }
    return true;
  });
};

/** Counts the memory that tables need for pages: a tree's, level by level; a hash's, entry by entry. */
const tablesNeeded = (machine: Machine): { add(page: number): void; bytes(): number } => {
  const { translation, pageShift } = machine.architecture;
  if (translation.kind !== "hierarchical") {
    let pages = 0;
    return { add: () => (pages += 1), bytes: () => pages * HASH_ENTRY_BYTES };
  }
  const storeys = sizesOf(machine.architecture, translation);
  const limit = 2 ** (rootBits(machine.architecture) - pageShift);
  const leafPages = storeys.at(-1)?.entries ?? 1;
  const needed = storeys.map((_, depth) => new Set<number>(depth === 0 ? [0] : []));
  // Where the kernel has a root of its own, that of a space holds the user's part only.
  const inRoot = Math.min(1, kernelRootFrom(machine.architecture, pageShift) / limit);
  let last = -1;
  return {
    add(page) {
      if (Math.floor(page / leafPages) === last) return;
      last = Math.floor(page / leafPages);
      storeys.forEach(({ entries, pagesPerEntry }, depth) => needed[depth]?.add(Math.floor((page % limit) / (entries * pagesPerEntry))));
    },
    bytes: () =>
      storeys.reduce((sum, { tableBytes }, depth) => sum + tableBytes * (depth === 0 ? inRoot : 1) * (needed[depth]?.size ?? 0), 0),
  };
};

const checkFrames = (machine: Machine, references: Map<number, number>, found: string[]): void => {
  const { frames, tables, memory } = machine.parts;
  const count = (frame: number): void => void references.set(frame, (references.get(frame) ?? 0) + 1);
  tables.eachTableFrame(count);
  for (const space of machine.spaces.live()) space.context.cache?.eachFrame(count);
  for (const frame of machine.reservedFrames) count(frame);
  let free = 0;
  for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1) {
    const actual = frames.references(frame);
    if (actual < 0) continue;
    const expected = references.get(frame) ?? 0;
    if (actual !== expected) found.push(`frame ${frame.toString(16)} has ${actual} references, ${expected} are accounted for`);
    if (actual === 0) free += 1;
  }
  if (free !== frames.free) found.push(`${free} frames are free, the allocator says ${frames.free}`);
};

/** An entry with somebody's tag must say what that somebody's tables say. */
const checkTlbs = (machine: Machine, found: string[]): void => {
  const { tables } = machine.parts;
  const { can } = machine.architecture;
  const perPage = 2 ** (machine.architecture.pageShift - machine.architecture.hardwarePageShift);
  const shift = BigInt(machine.architecture.hardwarePageShift);
  const windows = (machine.architecture.layout.windows ?? []).map(({ first, last }) => [Number(first >> shift), Number(last >> shift)]);
  const inWindow = (page: number): boolean => windows.some(([first, last]) => page >= first && page <= last);
  const byAsid = new Map<number, AddressSpace[]>();
  for (const space of machine.spaces.live()) {
    const { asid } = space.context;
    if (asid === machine.architecture.asids.invalid && asid !== machine.architecture.asids.kernel) continue;
    byAsid.set(asid, [...(byAsid.get(asid) ?? []), space]);
  }
  const { kernelObeysWrite } = machine.architecture.can;
  for (const cpu of machine.cpus) {
    // Tables are read by the switches of the machine as it was built; this processor's may let the kernel do more by now.
    const obeys = typeof kernelObeysWrite === "boolean" ? kernelObeysWrite : cpu.switches[kernelObeysWrite.switch];
    const beyond = obeys ? 0 : rightsFor(WRITE, 0);
    for (const tlb of new Set([cpu.instructionTlb, cpu.dataTlb])) {
      tlb.each((entry) => {
        const asid = tlb.asid(entry);
        const tagged = machine.architecture.asids.bits > 0;
        const owners =
          tlb.isGlobal(entry) && tlb.honoursGlobal
            ? [machine.spaces.kernel]
            : tagged
              ? (byAsid.get(asid) ?? [])
              : machine.installed(cpu.id) === null
                ? []
                : [machine.installed(cpu.id) as AddressSpace];
        // Nobody can use the tag now; it is purged before somebody gets it.
        if (owners.length === 0) return;
        const first = tlb.firstPage(entry);
        for (let page = first; page < first + tlb.span(entry); page += 1) {
          // A half of a pair that lets nothing through translates nothing; and a window is never asked for in a TLB.
          if (tlb.rightsOf(entry, page) === 0 || inWindow(page)) continue;
          const fixed = asid === machine.architecture.asids.kernel ? (machine.parts.refill.fixedFrame?.(page) ?? -1) : -1;
          const agrees =
            fixed === tlb.frameOf(entry, page) ||
            owners.some(
              (space) =>
                tables.find(space.context, Math.floor(page / perPage)) &&
                tables.found.frame * perPage + (page % perPage) === tlb.frameOf(entry, page) &&
                (tlb.rightsOf(entry, page) & ~(tables.found.rights | beyond)) === 0,
            );
          const entryIs = `processor ${cpu.id} holds a translation of hardware page ${page.toString(16)} (ASID ${asid})`;
          if (!agrees) found.push(`${entryIs} that is stale`);
          else if (fixed < 0 && can.recordAccess !== "no" && (tables.found.flags & PAGE_ACCESSED) === 0) {
            found.push(`${entryIs} though the page counts as not accessed`);
          } else if (
            fixed < 0 &&
            can.recordWrite !== "no" &&
            (tlb.rightsOf(entry, page) & ANY_WRITE) !== 0 &&
            (tables.found.flags & PAGE_DIRTY) === 0
          ) {
            found.push(`${entryIs} that may be written though the page counts as clean`);
          }
        }
      });
    }
  }
};

/** What a software cache would give an access must be what the tables say. */
const checkCaches = (machine: Machine, found: string[]): void => {
  const { tables } = machine.parts;
  const perPage = 2 ** (machine.architecture.pageShift - machine.architecture.hardwarePageShift);
  for (const space of machine.spaces.live()) {
    space.context.cache?.eachTranslation((page, frame, asid, rights) => {
      if (asid !== space.context.asid) return;
      const agrees =
        tables.find(space.context, Math.floor(page / perPage)) &&
        tables.found.frame * perPage + (page % perPage) === frame &&
        (rights & ~tables.found.rights) === 0;
      if (!agrees) found.push(`the software cache of space ${space.id} holds a stale translation of hardware page ${page.toString(16)}`);
    });
  }
};
