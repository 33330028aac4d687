/** Random operations on ranges of pages, in several spaces, beside the most naive model there is: a map from page to what it shows. */
import { expect } from "chai";
import { discardRange } from "#src/address-space/discard-range.js";
import { growRange } from "#src/address-space/grow-area.js";
import { mapArea } from "#src/address-space/map-area.js";
import { moveRange } from "#src/address-space/move-range.js";
import { protectRange } from "#src/address-space/protect-range.js";
import { residentPages } from "#src/address-space/resident-pages.js";
import { unmapRange } from "#src/address-space/unmap-range.js";
import { AREA_EXECUTE, COPY_ON_WRITE, MAY_EXECUTE, MAY_READ, MAY_WRITE } from "#src/area/area-flags.js";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  PortolanError,
  Random,
  type AddressSpace,
  type Architecture,
  type Backend,
  type ErrorCode,
  type Machine,
} from "#src/index.js";
import { NO_AREA } from "#src/area/area-table.js";
import { SharedObject } from "#src/objects/shared-object.js";
import { build, fewAsids } from "../fixture.js";
import { portrait } from "../state-hash.js";

export const LOW = 16;
export const HIGH = 112;
const R = AREA_READ;
const W = AREA_WRITE;
const X = AREA_EXECUTE;
const MAY_ALL = MAY_READ | MAY_WRITE | MAY_EXECUTE;
const MAY_SHIFT = 6;

/** A value that whoever shows it shares. */
interface Cell {
  value: number;
}

interface Shared {
  readonly object: SharedObject;
  readonly cells: Map<number, Cell>;
}

/** What one page is. */
interface Page {
  rights: number;
  readonly may: number;
  readonly kind: "anonymous" | "shared" | "private";
  readonly shared: Shared | null;
  readonly offset: number;
  /** Of memory of one's own: what was written. */
  own: Cell | null;
}

interface Pair {
  readonly space: AddressSpace;
  pages: Map<number, Page>;
}

const segment: Backend = { name: "segment", isShareable: true, canChangeFlags: true, open: ({ anonymous: object }) => object };

export interface PlayOptions {
  /** Every allocation of so many of a hundred operations fails once. */
  readonly failing: number;
  /** Memory that copies what it shows before it is written. */
  readonly isCopying: boolean;
  /** Spaces are forked, and go. */
  readonly isForking: boolean;
}

export class Play {
  readonly machine: Machine;
  readonly random: Random;
  readonly size: number;
  readonly pairs: Pair[] = [];
  readonly segments: Shared[] = [];
  readonly done = new Map<string, number>();
  readonly options: PlayOptions;
  failures = 0;

  constructor(architecture: Architecture, seed: number, options: PlayOptions) {
    this.options = options;
    this.random = new Random(seed);
    this.machine = build(fewAsids(architecture), { cpus: 2, memoryBytes: 1024 * 2 ** architecture.pageShift, seed });
    this.size = this.machine.parts.units.pageSize;
    const { parts } = this.machine;
    // Segments stay as long as an area of a space that nothing happens to shows them.
    const home = this.machine.spaces.create();
    for (let i = 0; i < 2; i += 1) {
      const object = new SharedObject(parts.objects, parts.backends.anonymous);
      mapArea(home, { first: LOW + i * 64, pages: 40, flags: R, traits: MAY_ALL, backend: segment, object, offset: 0 });
      this.segments.push({ object, cells: new Map() });
    }
    for (let i = 0; i < 2; i += 1) this.pairs.push({ space: this.machine.spaces.create(), pages: new Map() });
  }

  any<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)];
  }

  range(most = 24): [first: number, count: number] {
    const first = LOW + this.random.below(HIGH - LOW);
    return [first, 1 + this.random.below(Math.min(HIGH - first, 1 + this.random.below(most)))];
  }

  step(): void {
    const pair = this.any(this.pairs);
    const choice = this.random.below(100);
    if (choice < 22) this.map(pair);
    else if (choice < 32) this.unmap(pair);
    else if (choice < 50) this.protect(pair);
    else if (choice < 60) this.move(pair);
    else if (choice < 65) this.grow(pair);
    else if (choice < 71) this.discard(pair);
    else if (choice < 74) this.residents(pair);
    else if (choice < 77) this.fork(pair);
    else this.touch(pair);
    for (const each of this.pairs) this.compare(each);
    assertInvariants(this.machine);
  }

  count(name: string): void {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  /** An operation that is to end so; every allocation of it fails first, now and then. */
  attempt(name: string, expected: ErrorCode | "done", work: () => void): void {
    const { gate } = this.machine.parts;
    let outcome: string = "done";
    const once = (): void => {
      outcome = "done";
      try {
        work();
      } catch (error) {
        if (!(error instanceof PortolanError)) throw error;
        outcome = error.code;
      }
    };
    if (expected === "done" && this.random.below(100) < this.options.failing) {
      const most = this.random.below(2) === 0 ? 1 : Infinity;
      for (let n = 0; ; n += 1) {
        const before = portrait(this.machine);
        gate.failAfter(n, most);
        once();
        gate.disarm();
        if (outcome === "done") break;
        this.failures += 1;
        expect(["ERR_OUT_OF_MEMORY", "ERR_OUT_OF_FRAMES"], `${name}: ${outcome}`).to.include(outcome);
        expect(portrait(this.machine), `${name}, allocation ${n}`).to.deep.equal(before);
      }
    } else {
      const before = expected === "done" ? [] : portrait(this.machine);
      once();
      expect(outcome, name).to.equal(expected);
      if (expected !== "done") expect(portrait(this.machine), name).to.deep.equal(before);
    }
    this.count(`${name}: ${outcome}`);
  }

  map(pair: Pair): void {
    const { parts } = this.machine;
    const kind = this.any(
      this.options.isCopying ? (["anonymous", "shared", "private"] as const) : (["anonymous", "anonymous", "shared"] as const),
    );
    const shared = kind === "anonymous" ? null : this.any(this.segments);
    const rights = this.any([R | W, R | W, R, 0, R | X, R | W | X]);
    const may = this.random.below(4) === 0 ? ((rights | R) << MAY_SHIFT) & MAY_ALL : MAY_ALL;
    const offset = kind === "anonymous" ? 0 : this.random.below(20);
    const [wanted, pages] = this.range(12);
    const way = this.random.below(4);
    const request = {
      pages,
      flags: rights | AREA_CACHEABLE,
      traits: may | (kind === "private" ? COPY_ON_WRITE : 0),
      backend: kind === "anonymous" ? anonymous : segment,
      object: shared?.object ?? parts.backends.anonymous,
      offset,
    };
    const isFree = (first: number): boolean => Array.from({ length: pages }, (_, i) => pair.pages.has(first + i)).every((taken) => !taken);
    let first = wanted;
    let found = -1;
    if (way < 2) {
      const replaces = way === 0;
      const expected = replaces || isFree(wanted) ? "done" : "ERR_AREA_OVERLAP";
      this.attempt("map", expected, () => (found = mapArea(pair.space, { ...request, first: wanted, replaces })));
      if (expected !== "done") return;
    } else {
      const places = Array.from({ length: HIGH - LOW - pages + 1 }, (_, i) => LOW + i).filter(isFree);
      const place = way === 2 ? places[0] : places.at(-1);
      const bounds = { lowest: LOW, highest: HIGH - 1, fromTop: way === 3 };
      this.attempt(
        "map",
        place === undefined ? "ERR_NO_FREE_RANGE" : "done",
        () => (found = mapArea(pair.space, { ...request, ...bounds })),
      );
      if (place === undefined) return;
      first = place;
    }
    expect(found).to.equal(first);
    for (let i = 0; i < pages; i += 1) pair.pages.set(first + i, { rights, may, kind, shared, offset: offset + i, own: null });
  }

  unmap(pair: Pair): void {
    const [first, count] = this.range();
    this.attempt("unmap", "done", () => unmapRange(pair.space, first, count));
    for (let page = first; page < first + count; page += 1) pair.pages.delete(page);
  }

  /** Pages of a range, or null where there is a hole. */
  whole(pair: Pair, first: number, count: number): Page[] | null {
    const pages: Page[] = [];
    for (let page = first; page < first + count; page += 1) {
      const known = pair.pages.get(page);
      if (known === undefined) return null;
      pages.push(known);
    }
    return pages;
  }

  /** A range, more often than not one that areas cover. */
  covered(pair: Pair): [first: number, count: number] {
    const [first, count] = this.range();
    if (pair.pages.size === 0 || this.random.below(5) === 0) return [first, count];
    const at = this.any([...pair.pages.keys()]);
    let end = at;
    while (pair.pages.has(end)) end += 1;
    return [at, 1 + this.random.below(end - at)];
  }

  protect(pair: Pair): void {
    const [first, count] = this.covered(pair);
    const rights = this.any([R | W, R, R, 0, R | X, R | W]);
    const pages = this.whole(pair, first, count);
    const isRefused = pages?.some((page) => page.rights !== rights && (rights & ~(page.may >> MAY_SHIFT)) !== 0) === true;
    this.attempt("protect", pages === null ? "ERR_AREA_NOT_FOUND" : isRefused ? "ERR_ACCESS" : "done", () =>
      protectRange(pair.space, first, count, rights),
    );
    if (pages === null || isRefused) return;
    for (const page of pages) page.rights = rights;
  }

  isOneMapping(pages: readonly Page[]): boolean {
    return pages.every((page, i) => {
      if (i === 0) return true;
      const before = pages[i - 1];
      const isAlike =
        page.rights === before.rights && page.may === before.may && page.kind === before.kind && page.shared === before.shared;
      return isAlike && (page.kind === "anonymous" || page.offset === before.offset + 1);
    });
  }

  /** Pages that come behind a range when it grows. */
  more(last: Page, count: number): Page[] {
    return Array.from({ length: count }, (_, i) => ({ ...last, offset: last.offset + 1 + i, own: null }));
  }

  move(pair: Pair): void {
    const [first, count] = this.covered(pair);
    const pages = this.whole(pair, first, count);
    const after = Math.max(1, count + this.any([0, 0, 0, -1, -3, 1, 4]));
    const to = LOW + this.random.below(HIGH - LOW);
    if (to + after > HIGH) return;
    const replaces = this.random.below(2) === 0;
    const isOverlapping = to < first + count && first < to + after;
    const isTaken = Array.from({ length: after }, (_, i) => to + i).some((page) => pair.pages.has(page));
    let expected: ErrorCode | "done" = "done";
    if (pages === null || !this.isOneMapping(pages)) expected = "ERR_AREA_NOT_FOUND";
    else if (isOverlapping) expected = "ERR_BAD_ARGUMENT";
    else if (isTaken && !replaces) expected = "ERR_AREA_OVERLAP";
    this.attempt("move", expected, () => void moveRange(pair.space, { first, pages: count, after, to, replaces }));
    if (expected !== "done" || pages === null) return;
    for (let i = 0; i < count; i += 1) pair.pages.delete(first + i);
    for (let i = 0; i < after; i += 1) pair.pages.delete(to + i);
    [...pages.slice(0, after), ...this.more(pages[count - 1], Math.max(0, after - count))].forEach((page, i) =>
      pair.pages.set(to + i, page),
    );
  }

  grow(pair: Pair): void {
    const [first, some] = this.covered(pair);
    let count = some;
    if (this.random.below(4) > 0) while (pair.pages.has(first + count)) count += 1;
    const pages = this.whole(pair, first, count);
    const more = 1 + this.random.below(5);
    if (first + count + more > HIGH) return;
    const expected = pages === null || !this.isOneMapping(pages) ? "ERR_AREA_NOT_FOUND" : "done";
    let isGrown = false;
    this.attempt("grow", expected, () => (isGrown = growRange(pair.space, first, count, count + more)));
    if (pages === null || expected !== "done") return;
    const isFree = Array.from({ length: more }, (_, i) => pair.pages.has(first + count + i)).every((taken) => !taken);
    expect(isGrown).to.equal(isFree);
    if (isFree) this.more(pages[count - 1], more).forEach((page, i) => pair.pages.set(first + count + i, page));
  }

  discard(pair: Pair): void {
    const [first, count] = this.covered(pair);
    let isWhole: boolean | null = null;
    this.attempt("discard", "done", () => (isWhole = discardRange(pair.space, first, count)));
    expect(isWhole).to.equal(this.whole(pair, first, count) !== null);
    for (let page = first; page < first + count; page += 1) {
      const known = pair.pages.get(page);
      if (known !== undefined) known.own = null;
    }
  }

  /** What was read or written since it was discarded is resident; the rest may be or not. */
  residents(pair: Pair): void {
    const [first, count] = this.covered(pair);
    const pages = this.whole(pair, first, count);
    const resident = new Uint8Array(count);
    this.attempt("residents", pages === null ? "ERR_AREA_NOT_FOUND" : "done", () => residentPages(pair.space, first, resident));
    pages?.forEach((page, i) => {
      if (page.own !== null) expect(resident[i], `page ${first + i}`).to.equal(1);
    });
  }

  fork(pair: Pair): void {
    if (!this.options.isForking) return;
    if (this.pairs.length > 4 || this.random.below(4) === 0) {
      if (this.pairs.length < 2) return;
      const [gone] = this.pairs.splice(this.random.below(this.pairs.length), 1);
      for (const cpu of [0, 1]) if (this.machine.installed(cpu) === gone.space) this.machine.switchToKernel(cpu);
      gone.space.destroy();
      this.count("exit");
      return;
    }
    let space: AddressSpace | null = null;
    this.attempt("fork", "done", () => (space = this.machine.spaces.fork(pair.space)));
    if (space === null) throw new Error("a fork without a child");
    const pages = new Map([...pair.pages].map(([at, page]) => [at, { ...page, own: page.own === null ? null : { ...page.own } }] as const));
    this.pairs.push({ space, pages });
  }

  cellOf(page: Page): Cell {
    if (page.own !== null) return page.own;
    if (page.shared === null) return { value: 0 };
    let cell = page.shared.cells.get(page.offset);
    if (cell === undefined) {
      cell = { value: 0 };
      page.shared.cells.set(page.offset, cell);
    }
    return cell;
  }

  touch(pair: Pair): void {
    const cpu = this.random.below(2);
    if (this.machine.installed(cpu) !== pair.space) this.machine.switchTo(pair.space, cpu);
    for (let times = 1 + this.random.below(12); times > 0; times -= 1) {
      const at = LOW + this.random.below(HIGH - LOW);
      const page = pair.pages.get(at);
      if (this.random.below(2) === 0) {
        const read = this.machine.read32(at * this.size, cpu);
        const isAllowed = page !== undefined && (page.rights & R) !== 0;
        expect(read, `page ${at}, ${this.machine.outcome?.rule}`).to.equal(isAllowed ? this.cellOf(page).value : -1);
        this.count("read");
        continue;
      }
      const value = this.random.below(2 ** 31);
      const isAllowed = page !== undefined && (page.rights & W) !== 0;
      expect(this.machine.write32(at * this.size, value, cpu), `page ${at}, ${this.machine.outcome?.rule}`).to.equal(isAllowed);
      this.count("write");
      if (!isAllowed || page === undefined) continue;
      if (page.kind !== "shared" && page.own === null) page.own = { value: 0 };
      this.cellOf(page).value = value;
    }
  }

  /** Every page that may be read, in every space. */
  readAll(): void {
    for (const pair of this.pairs) {
      this.machine.switchTo(pair.space, 0);
      for (const [at, page] of pair.pages) {
        const expected = (page.rights & R) === 0 ? -1 : this.cellOf(page).value;
        expect(this.machine.read32(at * this.size), `page ${at} of space ${pair.space.id}`).to.equal(expected);
      }
    }
    assertInvariants(this.machine);
  }

  /** Areas show what the model says, and no two neighbours could be one. */
  compare({ space, pages }: Pair): void {
    const { areas } = this.machine.parts;
    let seen = 0;
    let before = NO_AREA;
    for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) {
      const first = areas.firstOf(area);
      for (let page = first; page < areas.endOf(area); page += 1) {
        const known = pages.get(page);
        seen += 1;
        if (known === undefined) throw new Error(`page ${page} of space ${space.id} lies in an area`);
        if ((areas.flagsOf(area) & (R | W | X)) !== known.rights)
          throw new Error(`page ${page} has rights ${areas.flagsOf(area)}, not ${known.rights}`);
        if (known.kind === "shared" && areas.offsetOf(area) + page - first !== known.offset)
          throw new Error(`page ${page} is at another offset`);
      }
      if (before >= 0 && areas.endOf(before) === first && areas.objectOf(before) === areas.objectOf(area)) {
        const isSame = areas.flagsOf(before) === areas.flagsOf(area) && areas.traitsOf(before) === areas.traitsOf(area);
        const isRun =
          areas.objectOf(area) === this.machine.parts.backends.anonymous ||
          areas.offsetOf(before) + areas.pagesOf(before) === areas.offsetOf(area);
        if (isSame && isRun && this.options.failing === 0) throw new Error(`areas below and at page ${first} could be one`);
      }
      before = area;
    }
    expect(seen).to.equal(pages.size);
  }
}
