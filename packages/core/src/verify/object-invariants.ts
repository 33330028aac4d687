/**
 * What must hold of memory objects whenever no operation is under way, checked from outside by slow and obvious means:
 *
 * - I-1  a page cache has each page once, ascending, and counts what it has;
 * - I-2  an object's back pointers are the areas whose front it is;
 * - I-3  a shadow stands on one object, and is among the shadows of exactly that one;
 * - I-4  a stack is the chain from its front, and ends at an object that is no shadow;
 * - I-5  only the front of a stack may be a shadow that can be written;
 * - I-6  such a shadow has none above it, areas of one space only, and their windows do not overlap;
 * - I-7  as many stacks contain an object as its own links and those of its shadows say;
 * - I-8  a shadow has a link or two shadows above it; so no stack is deeper than there are areas, and n areas have at most
 *        2n − 1 shadows;
 * - I-9  nothing exists that nobody links;
 * - I-10 an entry of a private area maps the first page that its stack has, or what the bottom shows if it has none;
 * - I-11 an entry that can be written maps a page of the front, which may be written, and which counts as dirty;
 * - I-12 frames go after the last entry: the references of frames and the contents of TLBs are checked elsewhere;
 * - I-14 from each page of an object the way back leads to the entries that map it, and to no others;
 * - I-15 every page of a shadow lies in the window of some area that could see it.
 */
import { USER, WRITE, permits } from "../architecture/rights.js";
import { COPY_ON_WRITE } from "../area/area-flags.js";
import type { Machine } from "../compose/machine.js";
import { FileObject } from "../objects/file-object.js";
import { ImageObject } from "../objects/image-object.js";
import type { MemoryObject } from "../objects/memory-object.js";
import { SWAPPED_OUT, type PageCache } from "../objects/page-cache.js";
import { eachMapping } from "../objects/reverse-map.js";
import { ShadowObject } from "../objects/shadow-object.js";
import { SharedObject } from "../objects/shared-object.js";

type Cached = MemoryObject & { readonly cache: PageCache };
const hasCache = (object: MemoryObject): object is Cached => "cache" in object;

/** An area, and the objects of its stack, front first. */
interface Stack {
  readonly area: number;
  readonly name: string;
  readonly objects: readonly MemoryObject[];
}

/** Adds every violation, in words. @returns all objects there are */
export const checkObjects = (machine: Machine, found: string[]): Set<MemoryObject> => {
  const { areas, backends, files } = machine.parts;
  const stacks: Stack[] = [];
  const all = new Set<MemoryObject>([backends.anonymous, ...files]);
  for (const space of machine.spaces.live()) {
    for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) {
      const objects: MemoryObject[] = [];
      for (let each = areas.objectOf(area); each !== null; each = each.below ?? null) {
        objects.push(each);
        all.add(each);
      }
      if (objects.length > 0) stacks.push({ area, objects, name: `area ${areas.firstOf(area).toString(16)} of space ${space.id}` });
    }
  }
  // What is only reachable from below is reached too: each set grows while it is gone through.
  for (const object of all) for (const shadower of object.shadowers ?? []) all.add(shadower);
  const names = new Map([...all].map((object, index) => [object, `${object.kind} object ${object.number ?? 0}#${index}`]));
  const nameOf = (object: MemoryObject): string => names.get(object) ?? "an object";
  for (const object of all) {
    checkCache(object, nameOf(object), found);
    checkLinks(machine, object, nameOf(object), stacks, all, found);
    if (object instanceof ShadowObject) checkShadow(machine, object, nameOf(object), stacks, found);
  }
  checkBounds(stacks, all, found);
  for (const stack of stacks) checkStack(machine, stack, found);
  checkMappings(machine, stacks, all, nameOf, found);
  return all;
};

/** I-1. */
const checkCache = (object: MemoryObject, name: string, found: string[]): void => {
  if (!hasCache(object)) return;
  const { cache } = object;
  let last = -1;
  let resident = 0;
  let swapped = 0;
  cache.eachPresent(0, (offset, frame) => {
    if (offset <= last) found.push(`I-1: pages of ${name} are not in order`);
    if (cache.get(offset) !== frame) found.push(`I-1: page ${offset} of ${name} is found elsewhere than it is listed`);
    last = offset;
    if (frame === SWAPPED_OUT) swapped += 1;
    else resident += 1;
    return true;
  });
  if (resident !== cache.pages || swapped !== cache.swapped) {
    found.push(`I-1: ${name} counts ${cache.pages} pages and ${cache.swapped} swapped ones, but has ${resident} and ${swapped}`);
  }
};

/** I-2, I-3, I-7, I-9. */
const checkLinks = (
  machine: Machine,
  object: MemoryObject,
  name: string,
  stacks: readonly Stack[],
  all: ReadonlySet<MemoryObject>,
  found: string[],
): void => {
  const direct = stacks.filter(({ objects }) => objects[0] === object).map(({ area }) => area);
  if (object.areas !== undefined) {
    const known = [...object.areas].toSorted((one, other) => one - other);
    if (String(known) !== String(direct.toSorted((one, other) => one - other)))
      found.push(`I-2: ${name} knows areas ${known.join(" ")}, is the front of ${direct.join(" ")}`);
  }
  const above = [...all].filter((other) => other.below === object);
  const shadows = above.filter((other) => other instanceof ShadowObject);
  if (
    object.shadowers !== undefined &&
    (object.shadowers.size !== shadows.length || shadows.some((shadow) => object.shadowers?.has(shadow) === false))
  )
    found.push(`I-3: ${name} counts ${object.shadowers.size} shadows, ${shadows.length} stand on it`);
  const isShadow = object instanceof ShadowObject;
  const links = direct.length + (isShadow ? above.length - shadows.length : above.length);
  const isNamed = object instanceof FileObject || object instanceof SharedObject;
  if (isNamed ? object.links < links : object.links !== links && object.kind !== "custom")
    found.push(`I-7: ${name} counts ${object.links} links, ${links} lead to it`);
  const containing = stacks.filter(({ objects }) => objects.includes(object)).length;
  if (isShadow && containing === 0) found.push(`I-9: ${name} exists, and nobody links it`);
  if (containing !== direct.length + above.reduce((sum, other) => sum + stacks.filter(({ objects }) => objects.includes(other)).length, 0))
    found.push(`I-7: ${name} is in ${containing} stacks, which is not what its links and shadows say`);
  if (object === machine.parts.backends.anonymous && object.eachHeld !== undefined) checkZeroPage(machine, found);
};

/** The zero page is there only while somebody has it. */
const checkZeroPage = (machine: Machine, found: string[]): void => {
  const { backends, frames } = machine.parts;
  const { zeroFrame } = backends.anonymous;
  if (zeroFrame < 0) return;
  const { memory } = machine.parts;
  const bytes = new Uint8Array(memory.frameSize);
  memory.readBytes(zeroFrame * memory.frameSize, bytes);
  if (bytes.some((byte) => byte !== 0)) found.push("the zero page is not zero");
  if (frames.references(zeroFrame) < 1) found.push("the zero page is a free frame");
};

/** I-4, I-5, I-6, I-8, I-15. */
const checkShadow = (machine: Machine, shadow: ShadowObject, name: string, stacks: readonly Stack[], found: string[]): void => {
  const { areas } = machine.parts;
  if (shadow.below === null || shadow.isGone) found.push(`I-4: ${name} stands on nothing, or is gone`);
  if (shadow.isWritable && shadow.shadowers.size > 0) found.push(`I-5: ${name} may be written though shadows stand on it`);
  const rows = [...shadow.areas];
  if (shadow.isWritable && new Set(rows.map((area) => areas.spaceOf(area))).size > 1)
    found.push(`I-6: ${name} may be written by several spaces`);
  if (shadow.isWritable && overlap(rows.map((area) => [areas.offsetOf(area), areas.pagesOf(area)])))
    found.push(`I-6: areas of ${name}, which may be written, overlap`);
  if (shadow.links === 0 && shadow.shadowers.size < 2) found.push(`I-8: ${name} has no link and fewer than two shadows`);
  const isHeld = stacks.some(({ objects }) => objects.some((object) => object.below === shadow && !(object instanceof ShadowObject)));
  if (isHeld) return;
  const windows = stacks
    .filter(({ objects }) => objects.includes(shadow))
    .map(({ area }) => [areas.offsetOf(area), areas.offsetOf(area) + areas.pagesOf(area)] as const);
  shadow.cache.eachPresent(0, (offset) => {
    if (!windows.some(([first, end]) => offset >= first && offset < end)) found.push(`I-15: page ${offset} of ${name} lies in no window`);
    return true;
  });
};

const overlap = (windows: readonly (readonly [first: number, pages: number])[]): boolean => {
  const sorted = windows.toSorted(([one], [other]) => one - other);
  return sorted.some(([first], index) => index > 0 && first < sorted[index - 1][0] + sorted[index - 1][1]);
};

/** I-8, as a bound on whole trees. */
const checkBounds = (stacks: readonly Stack[], all: ReadonlySet<MemoryObject>, found: string[]): void => {
  for (const root of all) {
    if (!(root instanceof ShadowObject) || root.below instanceof ShadowObject) continue;
    const users = stacks.filter(({ objects }) => objects.includes(root));
    const shadows = [...all].filter((object) => isOver(object, root)).length;
    if (shadows > 2 * users.length - 1) found.push(`I-8: ${users.length} areas have ${shadows} shadows between them`);
    for (const { name, objects } of users) {
      const depth = objects.filter((object) => object instanceof ShadowObject).length;
      if (depth > users.length) found.push(`I-8: the stack of ${name} is ${depth} shadows deep, for ${users.length} areas`);
    }
  }
};

const isOver = (object: MemoryObject, root: MemoryObject): boolean => {
  for (let each: MemoryObject | null = object; each instanceof ShadowObject; each = each.below) if (each === root) return true;
  return false;
};

/** I-10, I-11. */
const checkStack = (machine: Machine, { area, name, objects }: Stack, found: string[]): void => {
  const { areas, tables } = machine.parts;
  const space = machine.parts.spaceOf(area);
  const [front] = objects;
  const isPrivate = (areas.traitsOf(area) & COPY_ON_WRITE) !== 0;
  if (front instanceof ShadowObject && !isPrivate) found.push(`I-5: ${name} has a shadow in front, but is not copy-on-write`);
  if (!isPrivate && front.isClean === undefined) return;
  const first = areas.firstOf(area);
  const shift = areas.offsetOf(area) - first;
  tables.each(space.context, first, areas.pagesOf(area), (page, { frame, rights }) => {
    const offset = page + shift;
    const expected = visibleFrame(objects, offset);
    const where = `page ${page.toString(16)} of ${name}`;
    if (isPrivate && expected !== undefined && expected !== frame)
      found.push(`I-10: ${where} maps frame ${frame.toString(16)}, and its stack has ${expected.toString(16)}`);
    if (!permits(rights, space.context.isKernel ? space.privilege : USER, WRITE)) return true;
    if (isPrivate && !(front instanceof ShadowObject && front.isWritable && front.cache.get(offset) === frame))
      found.push(`I-11: ${where} may be written, though it is not the area's own`);
    if (front.isClean?.(offset) === true) found.push(`I-11: ${where} may be written, though it counts as clean`);
    return true;
  });
};

/** The frame that a stack shows, or undefined where the checker cannot tell. */
const visibleFrame = (objects: readonly MemoryObject[], offset: number): number | undefined => {
  for (const object of objects) {
    if (object instanceof ShadowObject || object instanceof SharedObject || object instanceof FileObject) {
      const frame = object.cache.get(offset);
      if (frame !== -1 || !(object instanceof ShadowObject)) return frame;
    } else if (object.kind === "anonymous" && "zeroFrame" in object) return object.zeroFrame as number;
    else if (object instanceof ImageObject) return object.shown(offset);
  }
  return undefined;
};

/** I-14. */
const checkMappings = (
  machine: Machine,
  stacks: readonly Stack[],
  all: ReadonlySet<MemoryObject>,
  nameOf: (object: MemoryObject) => string,
  found: string[],
): void => {
  const { areas, tables } = machine.parts;
  const expected = new Map<MemoryObject, Map<number, string[]>>();
  for (const { area, objects } of stacks) {
    const space = machine.parts.spaceOf(area);
    const first = areas.firstOf(area);
    const shift = areas.offsetOf(area) - first;
    tables.each(space.context, first, areas.pagesOf(area), (page, { frame }) => {
      const owner = objects.find((object) => hasCache(object) && object.areas !== undefined && object.cache.get(page + shift) === frame);
      if (owner === undefined) return true;
      const pages = expected.get(owner) ?? new Map<number, string[]>();
      expected.set(owner, pages);
      pages.set(page + shift, [...(pages.get(page + shift) ?? []), `${space.id}:${area}:${page}`]);
      return true;
    });
  }
  for (const object of all) {
    if (!hasCache(object) || object.areas === undefined) continue;
    object.cache.each(0, (offset) => {
      const met: string[] = [];
      eachMapping(machine.parts, object, offset, (space, area, page) => void met.push(`${space}:${area}:${page}`));
      const wanted = expected.get(object)?.get(offset) ?? [];
      if (String(met.toSorted()) !== String(wanted.toSorted()))
        found.push(`I-14: page ${offset} of ${nameOf(object)} is mapped by ${wanted.join(" ")}, and the way back finds ${met.join(" ")}`);
      return true;
    });
  }
};
