/** What the judge saw of an access. */
import type { Trap } from "../machines/profile.js";

export type Actual =
  /** It went through, and this was proven: the slot at `physical`; null if what came back belongs to no slot. */
  | { readonly kind: "physical"; readonly physical: bigint | null; readonly value: bigint }
  | { readonly kind: "trap"; readonly trap: Trap }
  /** The stub never came back from it. */
  | { readonly kind: "lost" };
