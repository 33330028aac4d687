/** Where areas may lie. @see HelenOS kernel/generic/src/mm/as.c, check_area_conflicts() and as_get_unmapped_area() */
import { PortolanError } from "../errors.js";
import type { AreaRequest } from "./create-area.js";
import type { SpaceParts } from "./parts.js";
import type { AreaTree } from "../area/area-tree.js";

/** Answers for one address space: its range, its hole, its neighbours. Holds no state of its own. */
export class Placement {
  readonly #parts: SpaceParts;
  readonly #tree: AreaTree;
  readonly #firstPage: number;
  readonly #lastPage: number;
  /** Pages that no table translates, ascending. */
  readonly #windows: readonly (readonly [first: number, last: number])[];

  /** @param isKernel areas of the kernel's space lie in its range, above what it is given without a table */
  constructor(parts: SpaceParts, tree: AreaTree, isKernel: boolean) {
    this.#parts = parts;
    this.#tree = tree;
    const { layout } = parts.architecture;
    const range = isKernel ? layout.kernel : layout.user;
    // Page 0 is nobody's: a null pointer must fault.
    this.#firstPage = Math.max(1, parts.units.pageOf(range.first), isKernel ? fixedPages(parts) : 0);
    this.#lastPage = parts.units.pageOf(range.last);
    this.#windows = (layout.windows ?? [])
      .map(({ first, last }) => [parts.units.pageOf(first), parts.units.pageOf(last)] as const)
      .sort(([one], [other]) => one - other);
  }

  /**
   * May [first, first + pages) become an area, or the new extent of area `avoid`?
   * @throws PortolanError ERR_AREA_RANGE, ERR_AREA_OVERLAP
   */
  check(first: number, pages: number, avoid: number, guard: boolean): void {
    this.checkRange(first, pages);
    const other = this.#tree.conflict(first, pages, avoid, guard);
    if (other >= 0) {
      const { areas, units } = this.#parts;
      throw new PortolanError("ERR_AREA_OVERLAP", {
        base: units.addressOf(first),
        pages,
        otherBase: units.addressOf(areas.firstOf(other)),
        otherPages: areas.pagesOf(other),
      });
    }
  }

  /** Could [first, first + pages) become an area, or be added to area `avoid`? */
  isFree(first: number, pages: number, avoid: number): boolean {
    return this.#isInRange(first, pages) && this.#tree.conflict(first, pages, avoid, false) < 0;
  }

  /** May [first, first + pages) be an area's at all, whatever lies there now? @throws PortolanError ERR_AREA_RANGE */
  checkRange(first: number, pages: number): void {
    const { units } = this.#parts;
    if (this.#isInRange(first, pages)) return;
    throw new PortolanError("ERR_AREA_RANGE", {
      base: units.addressOf(first),
      pages,
      lowest: units.addressOf(this.#firstPage),
      highest: units.addressOf(this.#lastPage + 1) - 1n,
    });
  }

  #isInRange(first: number, pages: number): boolean {
    const last = first + pages - 1;
    const isFixed = this.#windows.some(([low, high]) => first <= high && last >= low);
    return first >= this.#firstPage && last <= this.#lastPage && !isFixed && this.#parts.units.isCanonicalRange(first, pages);
  }

  /** The lowest free range. @throws PortolanError ERR_NO_FREE_RANGE, ERR_BAD_ADDRESS */
  choose(request: AreaRequest, pages: number, guard: boolean): number {
    const { units } = this.#parts;
    const lowest =
      request.lowest === undefined
        ? this.#firstPage
        : units.pageOf(request.lowest, "lowest") + (units.offsetOf(request.lowest) === 0 ? 0 : 1);
    const highest = request.highest === undefined ? this.#lastPage : units.pageOf(request.highest, "highest");
    return this.choosePages(pages, lowest, highest, guard, false);
  }

  /**
   * A free range of pages between two, both included.
   *
   * @param fromTop the highest one instead of the lowest
   * @throws PortolanError ERR_NO_FREE_RANGE
   */
  choosePages(pages: number, lowest: number, highest: number, guard: boolean, fromTop: boolean): number {
    const { units } = this.#parts;
    const from = Math.max(this.#firstPage, lowest);
    const to = Math.min(this.#lastPage, highest);
    // The hole splits what a sign-extended machine can name into two windows.
    const stretches = units.windows(from, to).flatMap((stretch) => this.#translated(stretch));
    if (fromTop) stretches.reverse();
    for (const [low, high] of stretches) {
      const first = fromTop ? this.#tree.findFreeFromTop(pages, low, high, guard) : this.#tree.findFree(pages, low, high, guard);
      if (first >= 0) return first;
    }
    throw new PortolanError("ERR_NO_FREE_RANGE", { pages, lowest: units.addressOf(from), highest: units.addressOf(to + 1) - 1n });
  }

  /** What is left of the pages [lowest, highest] without the windows, lowest first. */
  #translated([lowest, highest]: readonly [number, number]): (readonly [number, number])[] {
    const left: (readonly [number, number])[] = [];
    let from = lowest;
    for (const [first, last] of this.#windows) {
      if (first > from) left.push([from, Math.min(first - 1, highest)]);
      from = Math.max(from, last + 1);
    }
    left.push([from, highest]);
    return left.filter(([low, high]) => low <= high);
  }
}

/** The machine's pages from 0 on that refill code gives the kernel without asking a table: what an area mapped there would never be seen. */
const fixedPages = ({ refill, architecture }: SpaceParts): number =>
  Math.ceil((refill.fixedPages ?? 0) / 2 ** (architecture.pageShift - architecture.hardwarePageShift));
