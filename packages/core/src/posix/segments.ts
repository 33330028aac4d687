/** System V shared memory. @see POSIX.1-2017 shmget(), shmat(), shmdt(), shmctl(); Linux man-pages shmop(2) */
import { mapArea } from "../address-space/map-area.js";
import { areaIn } from "../address-space/each-range.js";
import { unmapRange } from "../address-space/unmap-range.js";
import { AREA_CACHEABLE, MAY_EXECUTE, MAY_READ, MAY_WRITE } from "../area/area-flags.js";
import type { SpaceParts } from "../address-space/parts.js";
import type { Backend } from "../backends/backend.js";
import { LONGEST_FILE, type FileObject } from "../objects/file-object.js";
import { isAligned, pageDown, pagesUp } from "./arguments.js";
import { refuse } from "./errno.js";
import { backendOver, closeFile, newFile } from "./file-system.js";
import type { PosixLimits } from "./limits.js";
import { rightsOf } from "./mapping.js";
import type { PosixMemory } from "./memory.js";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SHM_DEST,
  SHM_EXEC,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
} from "./numbers.js";
import { placeFixed, placeHinted } from "./placing.js";

/** What `shmctl(IPC_STAT)` tells. */
export interface SegmentStatus {
  readonly key: number;
  /** Bytes, as they were asked for. */
  readonly size: bigint;
  /** Areas that show it. A part of an attachment counts like a whole one, as in Linux. */
  readonly attached: number;
  /** Permissions, and SHM_DEST once it is to go. */
  readonly mode: number;
}

/** One segment. It is there until it is removed and nobody has it attached. */
interface Segment {
  readonly key: number;
  readonly size: bigint;
  readonly mode: number;
  readonly object: FileObject;
  isRemoved: boolean;
}

/** Areas of one attachment have one of these: what says whose part they are. */
interface Attachment extends Backend {
  readonly segment: Segment;
}

/** All segments of a system. Numbers are never used twice. */
export class Segments {
  readonly #parts: SpaceParts;
  readonly #limits: PosixLimits;
  readonly #segments = new Map<number, Segment>();
  #next = 0;

  constructor(parts: SpaceParts, limits: PosixLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /** Finds or makes a segment. Its number. */
  get(key: number, size: bigint, flags: number): number {
    this.#forget();
    if (key !== IPC_PRIVATE) {
      for (const [id, segment] of this.#segments) {
        if (segment.key !== key || segment.isRemoved) continue;
        if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) return refuse("EEXIST");
        return size > segment.size ? refuse("EINVAL") : id;
      }
      if ((flags & IPC_CREAT) === 0) return refuse("ENOENT");
    }
    return this.#create(key, size, flags & 0o777);
  }

  /** Shows a segment in a process. The address. */
  attach(memory: PosixMemory, id: number, address: bigint, flags: number): bigint {
    const segment = this.#find(id);
    const { units, limits, bits, space } = memory;
    const isFixed = address !== 0n;
    const replaces = (flags & SHM_REMAP) !== 0;
    let at = address;
    if (isFixed && !isAligned(units, address)) {
      if ((flags & SHM_RND) === 0) return refuse("EINVAL");
      at = pageDown(units, address);
      if (at === 0n && replaces) return refuse("EINVAL");
    }
    if (!isFixed && replaces) return refuse("EINVAL");
    const bytes = pagesUp(units, segment.size, bits);
    const pages = Number(bytes >> BigInt(units.pageShift));
    if (at !== 0n && !replaces) {
      if (at + segment.size >= 1n << BigInt(bits)) return refuse("EINVAL");
      if (at < limits.endAddress && areaIn(space, units.pageOf(at), units.pageOf(at) + pages) >= 0) return refuse("EINVAL");
    }
    const first = isFixed ? placeFixed(memory, at, bytes) : placeHinted(memory, 0n, pages);
    const isReadOnly = (flags & SHM_RDONLY) !== 0;
    const protection = PROT_READ | (isReadOnly ? 0 : PROT_WRITE) | ((flags & SHM_EXEC) !== 0 ? PROT_EXEC : 0);
    const backend: Attachment = { ...backendOver("shared segment", segment.object), segment };
    mapArea(space, {
      first,
      pages,
      flags: rightsOf(protection) | AREA_CACHEABLE,
      traits: isReadOnly ? MAY_READ | MAY_EXECUTE : MAY_READ | MAY_WRITE | MAY_EXECUTE,
      backend,
      object: segment.object,
      offset: 0,
      replaces: isFixed,
    });
    return units.addressOf(first);
  }

  /**
   * Takes away what is left of the attachment at an address. It is known by its parts: each lies as far above the address
   * as it lies into its segment.
   */
  detach(memory: PosixMemory, address: bigint): number {
    const { units, space, parts } = memory;
    const { areas } = parts;
    if (!isAligned(units, address)) return refuse("EINVAL");
    const first = units.pageOf(address);
    let found: Attachment | null = null;
    let end = units.pageLimit;
    for (let area = areaIn(space, first, end); area >= 0;) {
      const from = areas.firstOf(area);
      const until = areas.endOf(area);
      if (until > end) break;
      const attachment = areas.backendOf(area);
      if (isAttachment(attachment) && from - first === areas.offsetOf(area) && (found === null || found === attachment)) {
        if (found === null) end = first + Math.ceil(attachment.segment.object.length / units.pageSize);
        found = attachment;
        unmapRange(space, from, until - from);
      }
      area = areaIn(space, until, end);
    }
    return found === null ? refuse("EINVAL") : 0;
  }

  /** What a segment is like. */
  status(id: number): SegmentStatus {
    const { key, size, mode, object, isRemoved } = this.#find(id);
    return { key: isRemoved ? IPC_PRIVATE : key, size, attached: object.areas.size, mode: isRemoved ? mode | SHM_DEST : mode };
  }

  /** Takes a segment's name away; it goes when nobody has it attached. */
  remove(id: number): number {
    const segment = this.#find(id);
    if (!segment.isRemoved) {
      segment.isRemoved = true;
      closeFile(segment.object);
    }
    return 0;
  }

  #create(key: number, size: bigint, mode: number): number {
    const limits = this.#limits;
    if (size < 1n || size > limits.segmentLimit) return refuse("EINVAL");
    if (this.#segments.size >= limits.mostSegments || size > BigInt(LONGEST_FILE)) return refuse("ENOSPC");
    const pageSize = BigInt(this.#parts.units.pageSize);
    const object = newFile(this.#parts, "shared segment", Number(((size + pageSize - 1n) / pageSize) * pageSize));
    const id = this.#next;
    this.#next += 1;
    this.#segments.set(id, { key, size, mode, object, isRemoved: false });
    return id;
  }

  #find(id: number): Segment {
    this.#forget();
    return this.#segments.get(id) ?? refuse("EINVAL");
  }

  /** Segments that were removed and whose last attachment has gone are no more. */
  #forget(): void {
    for (const [id, { isRemoved, object }] of this.#segments) if (isRemoved && object.areas.size === 0) this.#segments.delete(id);
  }
}

/** Is it what says of areas that they are parts of an attachment? */
export const isAttachment = (backend: Backend | null): backend is Attachment => backend !== null && "segment" in backend;
