/** What an address says by itself, before any TLB is asked: whether the machine has it, who may name it, whether it needs no table. */
import type { Architecture } from "../architecture/architecture.js";
import type { Privilege } from "../architecture/rights.js";
import { USER } from "../architecture/rights.js";
import { integer } from "./physical-memory.js";

/** What {@link AddressMap.frameOf} answers: nobody of that privilege may name the page, or a TLB decides. */
export const BAD_PAGE = -1;
export const TRANSLATED = -2;

/** A window of the layout in hardware pages and frames. */
interface WindowPages {
  readonly first: number;
  readonly last: number;
  readonly frame: number;
  readonly privilege: Privilege;
}

/** The layout of a machine in hardware pages. */
export class AddressMap {
  /** Pages that every privilege may name, and that lie in no window: from this one to below that one. */
  readonly plainFirst: number = 0;
  readonly plainEnd: number = 0;
  /** Valid page numbers: below `#lowEnd`, or from `#highStart` to below `#highEnd`. */
  readonly #lowEnd: number = 0;
  readonly #highStart: number = 0;
  readonly #highEnd: number = 0;
  /** Pages that the user may name: from `#userFirst` to below `#userEnd`; all where addresses do not decide. */
  readonly #userFirst: number = 0;
  readonly #userEnd: number = 0;
  readonly #windows: readonly WindowPages[];

  constructor(architecture: Architecture) {
    const { virtualBits, wordBits, hardwarePageShift } = architecture;
    const pages = 2 ** (virtualBits - hardwarePageShift);
    const all = 2 ** (wordBits - hardwarePageShift);
    const isSigned = architecture.virtualRule === "sign-extended";
    this.#lowEnd = integer(isSigned ? pages / 2 : pages);
    this.#highStart = integer(isSigned ? all - pages / 2 : pages);
    this.#highEnd = integer(isSigned ? all : pages);
    const { user, privilegeByAddress = false, windows = [] } = architecture.layout;
    const pageOf = (address: bigint): number => integer(Number(address >> BigInt(hardwarePageShift)));
    this.#userFirst = privilegeByAddress ? pageOf(user.first) : 0;
    this.#userEnd = privilegeByAddress ? pageOf(user.last) + 1 : Infinity;
    this.#windows = windows.map(({ first, last, physical, privilege }) => ({
      first: pageOf(first),
      last: pageOf(last),
      frame: pageOf(physical),
      privilege,
    }));
    this.plainFirst = this.#userFirst;
    this.plainEnd = integer(Math.min(this.#lowEnd, this.#userEnd, ...this.#windows.map(({ first }) => first)));
  }

  /** The frame of a page in a window, BAD_PAGE or TRANSLATED. */
  frameOf(page: number, privilege: Privilege): number {
    if (!this.#hasPage(page)) return BAD_PAGE;
    if (privilege === USER && (page < this.#userFirst || page >= this.#userEnd)) return BAD_PAGE;
    const window = this.#windowOf(page);
    if (window === null) return TRANSLATED;
    return privilege > window.privilege ? BAD_PAGE : window.frame + page - window.first;
  }

  /** Is this number a page the machine has? */
  #hasPage(page: number): boolean {
    return (page >= 0 && page < this.#lowEnd) || (page >= this.#highStart && page < this.#highEnd);
  }

  /** The window that a page lies in. */
  #windowOf(page: number): WindowPages | null {
    for (let i = 0; i < this.#windows.length; i += 1) {
      const window = this.#windows[i];
      if (page >= window.first && page <= window.last) return window;
    }
    return null;
  }
}
