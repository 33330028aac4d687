/** How a machine's domains stand under the switches of a processor. @see ARM DDI 0406C §B3.7.3 */
import type { Architecture } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";

/** How a domain stands: nobody may use its pages, their rights decide, or everybody may. */
export const CLOSED = 0;
export const CHECKED = 1;
export const OPEN = 2;
const STANDINGS = ["closed", "checked", "open"] as const;

/** By the domain's number; null where the machine has none. */
export const standingsOf = ({ translation }: Architecture, switches: Switches): Uint8Array | null => {
  if (translation.kind !== "hierarchical" || translation.domains === undefined) return null;
  const { count, tell } = translation.domains;
  return Uint8Array.from({ length: count }, (_, domain) => STANDINGS.indexOf(tell(domain, switches)));
};
