/**
 * An address space: areas in order of their addresses, one set of translations, and the operations that keep the two
 * in agreement. What an operation does lives in the file that bears its name; this one is the life of a space.
 *
 * @see HelenOS kernel/generic/include/mm/as.h, as_t
 */
import { allocated } from "../allocation-gate.js";
import { areaFlagsInWords, pageFlagsOf, type AreaFlags } from "../area/area-flags.js";
import { AreaTree } from "../area/area-tree.js";
import { KERNEL, PAGE_GLOBAL, PAGE_USER, USER, type AccessMask, type PageFlags, type Privilege } from "../architecture/rights.js";
import { PortolanError } from "../errors.js";
import type { TranslationContext } from "../machine/translation-context.js";
import type { Wide } from "../units/address-units.js";
import { changeAreaFlags, isShared } from "./change-flags.js";
import { areaAt, createArea, type AreaRequest } from "./create-area.js";
import { destroyArea } from "./destroy-area.js";
import { discardRange } from "./discard-range.js";
import { FAULT, servePageFault, type FaultResult, type FaultVerdict } from "./fault.js";
import { moveRange } from "./move-range.js";
import { withReclaim } from "../swap/with-reclaim.js";
import type { SpaceParts } from "./parts.js";
import { Placement } from "./placement.js";
import { prefault } from "./prefault.js";
import { protectRange } from "./protect-range.js";
import { residentPages } from "./resident-pages.js";
import { resizeArea } from "./resize-area.js";
import { shareArea } from "./share-area.js";
import { validateRange } from "./validate-range.js";
import { virtToPage, type ResidentPage } from "./virt-to-page.js";
import { Splits } from "./split-area.js";
import { unmapRange } from "./unmap-range.js";

const STACK_BYTES = 2 ** 23;

/** An area as people and programs see it: a copy, taken when asked. */
export interface AreaInfo {
  readonly base: bigint;
  /** Bytes. */
  readonly size: bigint;
  readonly pages: number;
  readonly flags: AreaFlags;
  readonly backend: string;
  readonly isShared: boolean;
  /** Pages that have a frame now. */
  readonly usedPages: number;
}

/**
 * One address space. Addresses and sizes are bytes, as bigint or as safe integers; page numbers are the machine's.
 *
 * Every operation takes the space's lock for as long as it lasts and refuses a destroyed space with ERR_SPACE_GONE. One
 * that throws has changed nothing: no area, no mapping, no frame, no reference.
 */
export class AddressSpace {
  readonly parts: SpaceParts;
  readonly context: TranslationContext;
  readonly tree: AreaTree;
  readonly placement: Placement;
  /** @internal Cuts of the operation that is under way. */
  readonly splits: Splits;
  /** Who accesses its areas… */
  readonly privilege: Privilege;
  /** …and the page flag that says so: the kernel's pages are nobody else's, and the same in all spaces that show them. */
  readonly pageOwner: PageFlags;
  /** Why the last page fault of this space ended as it did. */
  readonly verdict: FaultVerdict = { result: FAULT, rule: "no area at this address", waitsFor: null };
  /** Pages that areas which grow downwards may have at most: 8 MiB at first, as POSIX systems commonly give a stack. */
  stackLimit: number;
  readonly #forgotten: (space: AddressSpace) => void;
  #holds = 1;
  #destroyed = false;

  /** Made by {@link AddressSpaces}. */
  constructor(parts: SpaceParts, context: TranslationContext, forgotten: (space: AddressSpace) => void) {
    this.parts = parts;
    this.context = context;
    this.tree = new AreaTree(parts.areas);
    this.placement = new Placement(parts, this.tree, context.isKernel);
    this.splits = new Splits(this);
    this.stackLimit = STACK_BYTES / parts.units.pageSize;
    this.privilege = context.isKernel ? KERNEL : USER;
    const { can, layout } = parts.architecture;
    const ofKernel = can.global && !layout.kernelAddressSpaceShadowed ? PAGE_GLOBAL : 0;
    this.pageOwner = context.isKernel ? ofKernel : PAGE_USER;
    this.#forgotten = forgotten;
  }

  /** Unique for the life of the machine, never reused; 0 is the kernel's. */
  get id(): number {
    return this.context.id;
  }

  /** True from the last release on. */
  get isDestroyed(): boolean {
    return this.#destroyed;
  }

  /** Users of the space: the creator, tasks, processors it is installed on. */
  get holds(): number {
    return this.#holds;
  }

  /** One more user. @throws PortolanError ERR_SPACE_GONE */
  hold(): void {
    this.#alive();
    this.#holds += 1;
  }

  /** One user less; the last one's leaving destroys the space. @throws PortolanError ERR_SPACE_GONE */
  release(): void {
    this.#alive();
    if (this.#holds === 1) this.#destroy();
    this.#holds -= 1;
  }

  /**
   * Ends the space at once, on behalf of the only one who holds it.
   * @throws PortolanError ERR_SPACE_IN_USE while others hold it or a processor has it installed; nothing has changed then
   */
  destroy(): void {
    this.#alive();
    if (this.#holds > 1 || this.context.isKernel) throw new PortolanError("ERR_SPACE_IN_USE", { space: this.id, holds: this.#holds });
    this.release();
  }

  /** @see createArea */
  createArea(request: AreaRequest): AreaInfo {
    this.#alive();
    return createArea(this, request, false);
  }

  /** @see resizeArea */
  resizeArea(address: Wide, size: Wide): void {
    this.#alive();
    resizeArea(this, address, size);
  }

  /** Destroys the area that holds `address`. @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_BUSY, ERR_BAD_ADDRESS */
  destroyArea(address: Wide): void {
    this.#alive();
    const { locks, transfers } = this.parts;
    locks.acquire("address-space", this.id);
    try {
      destroyArea(this, areaAt(this, address));
    } finally {
      locks.release("address-space", this.id);
    }
    // The area may have been the last that showed a file: its pages are written now, while no lock is held.
    transfers.start();
  }

  /** Shares the whole area that holds `sourceBase` with `to`. @see shareArea */
  shareArea(sourceBase: Wide, size: Wide, to: AddressSpace, base: Wide, flags: AreaFlags): AreaInfo {
    this.#alive();
    to.#alive();
    return shareArea({ from: this, sourceBase, size, to, base, flags });
  }

  /** @see changeAreaFlags */
  changeAreaFlags(address: Wide, flags: AreaFlags, keepCacheable = true): void {
    this.#alive();
    changeAreaFlags(this, address, flags, keepCacheable);
  }

  /**
   * Maps one page of an area that has no backend to a frame. The mapping takes a reference of its own.
   * @param frame one that is in use, or one outside RAM (a device's)
   * @throws PortolanError ERR_AREA_NOT_FOUND, ERR_AREA_KIND (it has a backend), ERR_MISALIGNED, ERR_PAGE_MAPPED,
   *   ERR_BAD_ARGUMENT (a free frame, or none that the machine can address), ERR_OUT_OF_FRAMES, ERR_OUT_OF_MEMORY;
   *   nothing has changed then
   * @see HelenOS as_set_mapping() of 2006
   */
  setMapping(address: Wide, frame: number): void {
    this.#alive();
    withReclaim(this.parts, () => this.#setMapping(address, frame));
  }

  #setMapping(address: Wide, frame: number): void {
    const { areas, tables, frames, units, locks, architecture } = this.parts;
    const page = units.alignedPageOf(address);
    const frameLimit = 2 ** (architecture.physicalBits - architecture.pageShift);
    if (!Number.isSafeInteger(frame) || frame < 0 || frame >= frameLimit)
      throw new PortolanError("ERR_BAD_ARGUMENT", { frame, frames: frameLimit });
    // Whoever gets a free frame next would share it with this mapping without knowing.
    if (frames.references(frame) === 0) throw new PortolanError("ERR_BAD_ARGUMENT", { frame, references: 0 });
    locks.acquire("address-space", this.id);
    try {
      const area = areaAt(this, address);
      if (areas.objectOf(area) !== null) throw new PortolanError("ERR_AREA_KIND", { address: BigInt(address) });
      if (areas.used.contains(area, page)) throw new PortolanError("ERR_PAGE_MAPPED", { address: BigInt(address) });
      areas.used.reserve(area);
      locks.acquire("area", area);
      locks.acquire("page-table", this.id);
      try {
        tables.insert(this.context, page, frame, pageFlagsOf(areas.flagsOf(area), this.pageOwner));
      } catch (error) {
        areas.used.unreserve(area);
        throw error;
      } finally {
        locks.release("page-table", this.id);
        locks.release("area", area);
      }
      if (frames.references(frame) > 0) frames.share(frame);
      areas.used.insert(area, page, 1);
    } finally {
      locks.release("address-space", this.id);
    }
  }

  /** Serves a page fault. @see servePageFault */
  pageFault(page: number, accesses: AccessMask, isCopying = false): FaultResult {
    this.#alive();
    return servePageFault(this, page, accesses, isCopying);
  }

  /** Makes the page at `address` ready for all of `accesses`, as the accesses themselves would. @see prefault */
  prefault(address: Wide, accesses: AccessMask): FaultResult {
    this.#alive();
    return prefault(this, this.parts.units.pageOf(address), accesses);
  }

  /** The page in memory that a read of `address` would find, or null. Brings nothing in. @see virtToPage */
  virtToPage(address: Wide): ResidentPage | null {
    this.#alive();
    return virtToPage(this, address);
  }

  /** Null if areas permit all of `accesses` throughout [address, address + size), else the first address where not. @see validateRange */
  validateRange(address: Wide, size: Wide, accesses: AccessMask): bigint | null {
    this.#alive();
    return validateRange(this, address, size, accesses);
  }

  /** Bytes of the area that holds `address`; 0 if there is none. */
  areaSize(address: Wide): bigint {
    return this.#at(address, 0n, (area) => this.parts.units.bytesOf(this.parts.areas.pagesOf(area)));
  }

  /** Does the area that holds `address` permit all of `accesses`? False where there is none. */
  checkAccess(address: Wide, accesses: AccessMask): boolean {
    return this.#at(address, false, (area) => (this.parts.areas.flagsOf(area) & accesses) === accesses);
  }

  /**
   * Unmaps every page of [address, address + size), whatever lies there; areas are cut where the range ends.
   * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, ERR_BAD_ARGUMENT, ERR_AREA_BUSY, ERR_OUT_OF_MEMORY; nothing has
   *   changed then
   * @see unmapRange
   */
  unmap(address: Wide, size: Wide): void {
    const first = this.#firstOf(address);
    unmapRange(this, first, this.#pagesFrom(first, size));
  }

  /**
   * Gives [address, address + size) other rights; areas are cut where they begin to differ, and become one where they do
   * not differ any more.
   * @param rights a sum of `AREA_READ`, `AREA_WRITE` and `AREA_EXECUTE`, or 0 for none
   * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, ERR_BAD_ARGUMENT, and what `protectRange` throws; nothing has
   *   changed then
   * @see protectRange
   */
  protect(address: Wide, size: Wide, rights: AreaFlags): void {
    const first = this.#firstOf(address);
    protectRange(this, first, this.#pagesFrom(first, size), rights);
  }

  /**
   * Moves [address, address + size) with the frames it has to `to`, with another size if asked.
   * @param to absent: the lowest free place
   * @returns where it begins now
   * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, and what `moveRange` throws; nothing has changed then
   * @see moveRange
   */
  move(address: Wide, size: Wide, to?: Wide, newSize: Wide = size): bigint {
    const { units } = this.parts;
    const first = this.#firstOf(address);
    const pages = this.#pagesFrom(first, size);
    const after = units.pagesFor(newSize, "newSize");
    const place = to === undefined ? {} : { to: units.alignedPageOf(to, "to") };
    return units.addressOf(moveRange(this, { first, pages, after, ...place }));
  }

  /**
   * Forgets the bytes of [address, address + size): the pages stay mapped, and show what they showed when they were new.
   * @returns false if a part of it lies in no area; the others are discarded
   * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, ERR_BAD_ARGUMENT, ERR_AREA_BUSY, ERR_OUT_OF_MEMORY; nothing has
   *   changed then
   * @see discardRange
   */
  discard(address: Wide, size: Wide): boolean {
    const first = this.#firstOf(address);
    const pages = this.#pagesFrom(first, size);
    return discardRange(this, first, pages);
  }

  /**
   * One byte for every page of [address, address + size): 1 if it is in memory now.
   * @throws PortolanError ERR_MISALIGNED, ERR_BAD_ADDRESS, ERR_BAD_ARGUMENT, ERR_AREA_NOT_FOUND, ERR_AREA_BUSY
   * @see residentPages
   */
  residentPages(address: Wide, size: Wide): Uint8Array {
    const first = this.#firstOf(address);
    const pages = this.#pagesFrom(first, size);
    const resident = allocated("resident pages", () => new Uint8Array(pages));
    residentPages(this, first, resident);
    return resident;
  }

  /** The area that holds `address`, or null. */
  areaInfo(address: Wide): AreaInfo | null {
    return this.#at<AreaInfo | null>(address, null, (area) => this.info(area));
  }

  /** All areas in order of their addresses; each is a copy. Areas may come and go between two of them. */
  *areas(): Generator<AreaInfo> {
    for (let page = 0; page < this.parts.units.pageLimit;) {
      const from = page;
      const info = this.#looking(() => {
        const area = this.tree.atOrAbove(from);
        return area < 0 ? null : this.info(area);
      });
      if (info === null) return;
      yield info;
      page = this.parts.units.pageOf(info.base) + info.pages;
    }
  }

  /** One line an area, for people. */
  print(): string {
    const width = this.parts.architecture.wordBits / 4;
    const hexadecimal = (address: bigint): string => `0x${address.toString(16).padStart(width, "0")}`;
    return [...this.areas()]
      .map(
        ({ base, size, pages, flags, backend, usedPages, ...area }) =>
          `${hexadecimal(base)}–${hexadecimal(base + size - 1n)} ${areaFlagsInWords(flags)} ${pages} pages, ${usedPages} used, ${backend}${area.isShared ? ", shared" : ""}`,
      )
      .join("\n");
  }

  /** @internal A copy of what the area table knows. The space is locked. */
  info(area: number): AreaInfo {
    const { areas, units } = this.parts;
    return {
      base: units.addressOf(areas.firstOf(area)),
      size: units.bytesOf(areas.pagesOf(area)),
      pages: areas.pagesOf(area),
      flags: areas.flagsOf(area),
      backend: areas.backendOf(area)?.name ?? "none",
      isShared: isShared(this, area),
      usedPages: areas.used.pagesOf(area),
    };
  }

  /** @internal Gives the present entry of a page that has `frame` more rights; nobody can hold more than it had, so nothing is stale. */
  widen(page: number, frame: number, flags: PageFlags): void {
    if (!this.parts.tables.widen(this.context, page, frame, flags)) throw new Error("an absent page is widened");
  }

  /** @internal The running processor drops what it holds for a page: it was narrower than the tables. */
  forgetLocally(page: number): void {
    this.parts.withdrawals.forgetLocally(this.context, page);
  }

  /** The first page of a range in a living space. */
  #firstOf(address: Wide): number {
    this.#alive();
    return this.parts.units.alignedPageOf(address);
  }

  /** Pages of a range that begins at page `first`. */
  #pagesFrom(first: number, size: Wide): number {
    const { units } = this.parts;
    const pages = units.pagesFor(size);
    if (first + pages > units.pageLimit)
      throw new PortolanError("ERR_BAD_ADDRESS", { address: units.addressOf(first), size: BigInt(size) });
    return pages;
  }

  /** A question about the area at an address; `otherwise` is the answer where there is none. */
  #at<T>(address: Wide, otherwise: T, question: (area: number) => T): T {
    const page = this.parts.units.pageOf(address);
    return this.#looking(() => {
      const area = this.tree.find(page);
      return area < 0 ? otherwise : question(area);
    });
  }

  /** Looks while nobody changes the space. */
  #looking<T>(look: () => T): T {
    this.#alive();
    const { locks } = this.parts;
    locks.acquire("address-space", this.id);
    try {
      return look();
    } finally {
      locks.release("address-space", this.id);
    }
  }

  #alive(): void {
    if (this.#destroyed) throw new PortolanError("ERR_SPACE_GONE", { space: this.id });
  }

  /** Areas first, the ASID after them, the tables last: nothing is handed on that somebody could still use. */
  #destroy(): void {
    const { parts, context } = this;
    if (context.isKernel || context.installedOn > 0)
      throw new PortolanError("ERR_SPACE_IN_USE", { space: this.id, installedOn: context.installedOn });
    const { locks } = parts;
    locks.acquire("address-space", this.id);
    for (let area = this.tree.first(); area >= 0; area = this.tree.first()) destroyArea(this, area);
    locks.acquire("asid", 0);
    parts.asids.release(context);
    locks.release("asid", 0);
    locks.acquire("page-table", this.id);
    parts.caches.destroy(context);
    parts.tables.destroy(context);
    locks.release("page-table", this.id);
    this.#destroyed = true;
    locks.release("address-space", this.id);
    this.#forgotten(this);
    this.parts.transfers.forgetSpace(this.id);
    this.parts.transfers.start();
    const sink = parts.events.sink;
    if (sink !== null) sink({ kind: "space", space: this.id, action: "destroy" });
  }
}
