/** Whoever looks into images of memory. A subject may bring its own, whole or in part, and is held to the same rules. */
import { openImage, writeElf, writeLime, writeRaw } from "@portolan/image";
import { checkTables, diffMappings, explainAccess, findRoots, listMappings, readVirtual, walkAddress } from "@portolan/inspect";

/** Functions with the forms of those in `@portolan/inspect` and `@portolan/image` that are named here. */
export interface Reader {
  readonly walk: typeof walkAddress;
  readonly explain: typeof explainAccess;
  readonly list: typeof listMappings;
  readonly diff: typeof diffMappings;
  readonly check: typeof checkTables;
  readonly roots: typeof findRoots;
  readonly bytes: typeof readVirtual;
  readonly open: typeof openImage;
  readonly writeRaw: typeof writeRaw;
  readonly writeElf: typeof writeElf;
  readonly writeLime: typeof writeLime;
}

/** Our own: what judges images unless a subject brings something else. */
export const OUR_READER: Reader = {
  walk: walkAddress,
  explain: explainAccess,
  list: listMappings,
  diff: diffMappings,
  check: checkTables,
  roots: findRoots,
  bytes: readVirtual,
  open: openImage,
  writeRaw,
  writeElf,
  writeLime,
};
