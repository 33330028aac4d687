/** Lists that are to be compared address by address: of one address space and one buffer each. */
import { PortolanError } from "@portolan/core/architecture";
import type { Roots } from "../tree.js";
import { bestOf, type SoftwareSources } from "./sources.js";

/** Both sides of one comparison. */
export interface Part {
  readonly before: Roots;
  readonly after: Roots;
}

/**
 * Trees are compared as they are. Of TLBs and storage buffers those for fetches and those for data are, of the space that is meant; of the page
 * hash table every space that either side knows.
 *
 * @throws PortolanError ERR_BAD_ARGUMENT where nobody tells which spaces there are, or two places of different kinds are compared
 */
export const partsOf = (before: Roots, after: Roots): readonly Part[] => {
  const [one, other] = [before.software, after.software];
  if (one === undefined || other === undefined) return [{ before, after }];
  const [source, otherSource] = [bestOf(one), bestOf(other)];
  if (source !== otherSource)
    throw new PortolanError("ERR_BAD_ARGUMENT", { before: source, after: otherSource, rule: "--from says what is compared" });
  if (source === "tree") return [{ before, after }];
  const part = (narrow: Partial<SoftwareSources>): Part => ({
    before: { software: { ...one, ...narrow, isOne: true } },
    after: { software: { ...other, ...narrow, isOne: true } },
  });
  if (source !== "hash") return [part({ unit: "instruction" }), part({ unit: "data" })];
  if (one.isOne || other.isOne) return [part({})];
  const known = new Map([...one.spaces, ...other.spaces].map(({ space, asid }) => [space, asid]));
  if (known.size === 0)
    throw new PortolanError("ERR_BAD_ARGUMENT", { space: "none", rule: "the image tells no spaces: say which one is meant" });
  return [...known].map(([space, asid]) => part({ space, asid }));
};
