/**
 * Golden vectors: self-contained cases that anybody can replay, in any language. Numbers that can be wide are hexadecimal text.
 * docs/vectors.md describes the format, schema/vectors.schema.json checks it.
 */
export const VECTOR_FORMAT = 1;

export type AccessName = "read" | "write" | "execute";
export type PrivilegeName = "kernel" | "user";
/** What an answer came from. */
export type VectorSource = "walk" | "tlb";

export interface VectorEntry {
  readonly unit: "data" | "instruction";
  readonly index: number;
  /** First virtual address of the entry, bytes that it maps, and the physical address of the first. */
  readonly virtual: string;
  readonly bytes: string;
  readonly physical: string;
  readonly asid: number;
  readonly global: boolean;
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
  readonly ram: { readonly first: string; readonly bytes: string };
  readonly vectors: readonly Vector[];
}
