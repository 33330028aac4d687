/** Named selections: which groups, under which policies. */
import type { Group } from "../clause.js";
import type { Policy } from "../policies.js";
import { sha256 } from "./sha256.js";

export interface Profile {
  readonly says: string;
  readonly groups: readonly Group[];
  readonly policies: readonly Policy[];
  /** Nothing may be left out, undecided, or expected to fail. */
  readonly isStrict: boolean;
  /** A sample where others try everything. */
  readonly isShort?: true;
}

export const PROFILES = {
  quick: {
    says: "a sample of everything, in seconds: for a port's own tests",
    groups: ["L0", "L1", "L2", "L3", "L4", "L5", "L6"],
    policies: ["described"],
    isStrict: false,
    isShort: true,
  },
  core: { says: "everything of one processor", groups: ["L0", "L1", "L2", "L3", "L4"], policies: ["described"], isStrict: false },
  posix: {
    says: "address spaces, memory objects, and processes over them",
    groups: ["L3", "L4"],
    policies: ["described"],
    isStrict: false,
  },
  smp: { says: "several processors", groups: ["L5"], policies: ["described", "strictest"], isStrict: false },
  full: {
    says: "everything",
    groups: ["L0", "L1", "L2", "L3", "L4", "L5", "L6"],
    policies: ["described", "strictest", "forgetful"],
    isStrict: false,
  },
  certified: {
    says: "everything, and nothing left out",
    groups: ["L0", "L1", "L2", "L3", "L4", "L5", "L6"],
    policies: ["described", "strictest", "forgetful"],
    isStrict: true,
  },
  teaching: { says: "entries and walks", groups: ["L0", "L1"], policies: ["described"], isStrict: false },
} as const satisfies Readonly<Record<string, Profile>>;
export type ProfileName = keyof typeof PROFILES;

export const profileHash = (name: ProfileName): string => sha256(JSON.stringify(PROFILES[name]));
