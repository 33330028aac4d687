/** What is mapped, in lines as /proc/PID/maps has them. @see Linux man-pages proc_pid_maps(5) */
import { bottomOf } from "../address-space/each-range.js";
import { areOneMapping } from "../address-space/merge-areas.js";
import { AREA_EXECUTE, AREA_READ, AREA_WRITE, COPY_ON_WRITE } from "../area/area-flags.js";
import type { PosixMemory } from "./memory.js";

/** One mapping. Addresses and offsets are bytes. */
export interface MapEntry {
  readonly first: bigint;
  /** The first address behind it. */
  readonly end: bigint;
  /** `"rw-p"` and the like: rights, and whether it is private or shared. */
  readonly rights: string;
  /** Where in the file it begins; 0 for private anonymous memory. */
  readonly offset: bigint;
  /** Of the file; `"shared memory"` or `"shared segment"` for what has no name; empty for private anonymous memory. */
  readonly name: string;
  /** Equal for mappings of one file; 0 for private anonymous memory. */
  readonly file: number;
}

/** What a process has mapped, in order of addresses. Areas that look like one mapping are one. */
export const mapsOf = (memory: PosixMemory): MapEntry[] => {
  const { space, parts, units } = memory;
  const { areas, locks } = parts;
  const entries: MapEntry[] = [];
  locks.acquire("address-space", space.id);
  try {
    for (let area = space.tree.first(); area >= 0;) {
      let last = area;
      let next = space.tree.next(area);
      for (; next >= 0 && areOneMapping(space, last, next); next = space.tree.next(next)) last = next;
      const first = units.addressOf(areas.firstOf(area));
      const object = areas.objectOf(area);
      const bottom = object === null ? null : bottomOf(object);
      const isFile = bottom?.kind === "file";
      const isShared = isFile && (areas.traitsOf(area) & COPY_ON_WRITE) === 0;
      entries.push({
        first,
        end: units.addressOf(areas.endOf(last)),
        rights: rightsInWords(areas.flagsOf(area)) + (isShared ? "s" : "p"),
        offset: isFile ? units.bytesOf(areas.offsetOf(area)) : 0n,
        name: isFile ? (areas.backendOf(area)?.name ?? "") : "",
        file: isFile ? (bottom.number ?? 0) : 0,
      });
      area = next;
    }
    return entries;
  } finally {
    locks.release("address-space", space.id);
  }
};

const rightsInWords = (flags: number): string =>
  `${(flags & AREA_READ) !== 0 ? "r" : "-"}${(flags & AREA_WRITE) !== 0 ? "w" : "-"}${(flags & AREA_EXECUTE) !== 0 ? "x" : "-"}`;
