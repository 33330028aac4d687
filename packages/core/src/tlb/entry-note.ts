/**
 * What an entry of a TLB says beside its translation, in one integer: the domain it belongs to, the level of the tree it
 * came from, and the rights of the page's four parts where they have rights of their own.
 *
 * Only machines that need it have it: those with domains, with pages in parts, or whose reports tell the level. On others
 * notes are 0.
 *
 * bits 3:0 domain · 6:4 level · 31:8 rights of the parts, six bits each, the lowest part first
 */
import type { Architecture } from "../architecture/architecture.js";
import type { Rights } from "../architecture/rights.js";

const PART_BITS = 6;
const PARTS = 4;

export const needsEntryNotes = ({ translation, faults }: Architecture): boolean =>
  translation.kind === "hierarchical" &&
  (faults.tellsLevel === true ||
    translation.domains !== undefined ||
    translation.levels.some(({ leaf, forms = [] }) =>
      [leaf, ...forms.map((form) => form.leaf)].some((format) => format?.partRights !== undefined),
    ));

/** @param parts as the codec gives them; 0 where no part has rights of its own */
export const entryNote = (domain: number, depth: number, parts: number): number => domain | (depth << 4) | (parts << 8);

export const withoutParts = (note: number): number => note & 0x7f;

export const domainOf = (note: number): number => note & 0xf;
export const depthOf = (note: number): number => (note >>> 4) & 7;

/** Rights at a byte of an entry that maps `size` bytes; none where parts have none of their own. */
export const rightsAt = (note: number, offset: number, size: number): Rights =>
  (note >>> (8 + PART_BITS * Math.floor((offset * PARTS) / size))) & 0o77;
