/**
 * Golden vectors: self-contained cases that anybody can replay, in any language. Numbers that can be wide are hexadecimal text.
 * docs/vectors.md describes the format, schema/vectors.schema.json checks it.
 */
export const VECTOR_FORMAT = 1;

export type AccessName = "read" | "write" | "execute";
export type PrivilegeName = "kernel" | "user";
/** What an answer came from. */
export type VectorSource = "walk" | "tlb";

/** What rows of a set may be: of any rights, or only what TLBs of the machine can hold, which nobody may refuse then. */
export type VectorRows = "any" | "hardware";

/** A row: an entry of a TLB, or, where entries are paired, one half of it; the other one has the same `unit` and `index` then. */
export interface VectorEntry {
  readonly unit: "data" | "instruction";
  readonly index: number;
  /** First virtual address of the row, bytes that it maps, and the physical address of the first. */
  readonly virtual: string;
  readonly bytes: string;
  readonly physical: string;
  readonly asid: number;
  /** For every space; of a half what it says itself: the entry is, where both do. */
  readonly global: boolean;
  /** False: it matches, and refuses everything, as a half whose V is clear. True where absent. Both rights are none then. */
  readonly valid?: boolean;
  /** What the kernel and the user may: any of `r`, `w`, `x`. */
  readonly kernel: string;
  readonly user: string;
}

export interface VectorStep {
  readonly table: string;
  readonly address: string;
  readonly raw: string;
  readonly says: string;
}

export type VectorAnswer = { readonly physical: string; readonly from: VectorSource } | { readonly fault: string };

export interface VectorQuery {
  readonly address: string;
  readonly access: AccessName;
  readonly privilege: PrivilegeName;
  readonly answer: VectorAnswer;
  /** The words of the walk from the root down; of machines that walk in hardware. */
  readonly steps?: readonly VectorStep[];
}

export interface Vector {
  readonly name: string;
  readonly about: string;
  readonly registers: {
    /** Physical address of the root table; where there is a tree. */
    readonly root?: string;
    readonly asid: number;
    readonly switches: Readonly<Record<string, boolean>>;
  };
  /** Physical address and bytes. Everything else of the RAM is zero. */
  readonly memory: readonly (readonly [address: string, bytes: string])[];
  /** Entries that software has loaded. */
  readonly tlb?: readonly VectorEntry[];
  /** In order; each begins with the TLB as the one before left it. */
  readonly queries: readonly VectorQuery[];
}

export interface VectorSet {
  readonly format: typeof VECTOR_FORMAT;
  readonly machine: string;
  readonly set: string;
  readonly manuals: readonly string[];
  /** Where the expected answers come from. */
  readonly provenance: string;
  /** `"any"` where absent. */
  readonly rows?: VectorRows;
  readonly ram: { readonly first: string; readonly bytes: string };
  readonly vectors: readonly Vector[];
}
