/** Does an entry say what the tables say that it was filled from? */
import type { TlbRow } from "@portolan/core/architecture";
import { isUsersAddress } from "../address-rules.js";
import { rightsInWords } from "../diff-mappings.js";
import { hexadecimal } from "../in-words.js";
import type { CheckTools } from "./check-software.js";

/** Pages of one entry that are compared: the largest have hundreds. */
const MOST_PAGES = 64;

/** The first page of an entry of which the tables say otherwise: its address, and what they say. Null where there is none. */
export const contradiction = async (
  { tables, architecture }: CheckTools,
  row: TlbRow,
): Promise<{ address: bigint; says: string } | null> => {
  if (tables === null) return null;
  const step = BigInt(2 ** architecture.pageShift);
  const end = row.virtual + BigInt(row.bytes);
  let address = row.virtual;
  for (let pages = 0; address < end && pages < MOST_PAGES; pages += 1, address += step - (address % step)) {
    const told = await tables.ask(row, address);
    if (told === undefined) return null;
    if (told === null) return { address, says: "nothing is mapped there" };
    const physical = row.physical + (address - row.virtual);
    if (BigInt(told.physical) !== physical)
      return { address, says: `it maps ${hexadecimal(physical)}, they ${hexadecimal(told.physical)}` };
    const rights = row.kernel | (isUsersAddress(architecture, address) ? row.user << 3 : 0);
    if ((rights & ~told.rights) !== 0)
      return { address, says: `it lets through ${rightsInWords(rights)}, they ${rightsInWords(told.rights)}` };
  }
  return null;
};
