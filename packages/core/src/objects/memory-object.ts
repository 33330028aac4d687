/**
 * A memory object is the memory behind areas: what their pages show, in what order of offsets, and who owns the frames.
 * Every way for a page to come in is an object: fresh zeroes, an ELF image, a device, memory that areas share. An area
 * holds the front of a stack of them; offsets are in pages from the start of the object.
 *
 * One rule of ownership for all: a frame's references are the page-table entries that map it, plus the page caches that
 * hold it, plus the image that pins it. So whoever removes an entry gives back exactly one reference, whatever the object.
 */

/** `supply` or `show` has no page there: the access is a fault. */
export const NO_PAGE = -1;
/** A pager has been asked for the page and will answer later: whoever wants it waits. */
export const ON_ITS_WAY = -2;
/** The page exists, but reading it failed. */
export const UNREADABLE = -3;

/** What stands behind an area. Offsets and counts are pages of the machine; frames are frame numbers. */
export interface MemoryObject {
  readonly kind: "anonymous" | "image" | "physical" | "shared" | "file" | "shadow" | "custom";
  /** May an area of it change its size? Devices may not. */
  readonly isResizable: boolean;
  /**
   * A frame for the page at `offset`, with one reference more than before, meant for a page-table entry of the area's
   * own; or {@link NO_PAGE}, {@link ON_ITS_WAY}, {@link UNREADABLE}. Called with the area and page-table locks held.
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  supply(offset: number): number;
  /**
   * The object's own view of the page at `offset`, to be mapped read-only from above a shadow or by a private area:
   * otherwise as `supply`. Absent: every page is a frame of one's own, and `supply` gives it.
   * @throws PortolanError ERR_OUT_OF_FRAMES; nothing has changed then
   */
  show?(offset: number): number;
  /**
   * Does a page at `offset` belong to whoever mapped it first, so that sharers must be handed that very frame? False
   * where every supply shows the same memory anyway (devices, image pages mapped in place).
   */
  isPrivate(offset: number): boolean;
  /** Where the frame of an address inside comes from, in words, for explanations. */
  describe(offset: number): string;
  /** The object that answers where this one is silent; absent or null at the bottom of a stack. */
  readonly below?: MemoryObject | null;
  /** Names its lock, 1 or more; absent where it has no state that two address spaces can meet in. */
  readonly number?: number;
  /** Rows of the areas whose front it is; absent where nobody ever has to go from a page of it to its mappings. */
  readonly areas?: ReadonlySet<number>;
  /** Shadows that stand directly on it. Kept by `reparent` alone; absent where nobody asks. */
  readonly shadowers?: Set<MemoryObject>;
  /**
   * Does the object want to know when the page at `offset` is written next? It is mapped without WRITE then, and
   * `markDirty` is called before that is given. Absent: never.
   */
  isClean?(offset: number): boolean;
  /** The page is about to be written. @see isClean */
  markDirty?(offset: number): void;
  /** Is the page at `offset` in the object's own memory now? Absent: it keeps none. Brings nothing in. */
  isResident?(offset: number): boolean;
  /** An area (its row in the area table; −1: an object in front of this one) begins to use it as the front of its stack. */
  link(area: number): void;
  /** An area stopped using it; at the last one the object gives back what it holds. All mappings are gone by then. */
  unlink(area: number): void;
  /** Areas that use it now. */
  readonly links: number;
  /** Frames that the object itself holds a reference to, for the checker. */
  eachHeld(visit: (frame: number, offset: number) => void): void;
}
