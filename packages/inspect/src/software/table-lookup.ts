/** What the tables say of a page of any space: for comparison with what was filled from them. */
import { READ, WRITE, type Architecture, type Rights, type TlbRow } from "@portolan/core/architecture";
import type { Memory } from "../memory.js";
import type { ImageWalk } from "../walk-address.js";
import { givenToKernel } from "./locate.js";
import { PageHashReader } from "./page-hash.js";
import type { SoftwareSources } from "./sources.js";

/** What tables map: the physical address of the byte, and what they let through. */
export interface TableAnswer {
  readonly physical: number;
  readonly rights: Rights;
}

/** Tables of every space that is known. */
export class TableLookup {
  readonly #memory: Memory;
  readonly #architecture: Architecture;
  readonly #sources: SoftwareSources;
  readonly #hash: PageHashReader | null;
  readonly #walk: (root: number, address: bigint) => Promise<ImageWalk>;

  private constructor(
    memory: Memory,
    architecture: Architecture,
    sources: SoftwareSources,
    hash: PageHashReader | null,
    walk: (root: number, address: bigint) => Promise<ImageWalk>,
  ) {
    this.#memory = memory;
    this.#architecture = architecture;
    this.#sources = sources;
    this.#hash = hash;
    this.#walk = walk;
  }

  static async open(
    memory: Memory,
    architecture: Architecture,
    sources: SoftwareSources,
    walk: (root: number, address: bigint) => Promise<ImageWalk>,
  ): Promise<TableLookup> {
    const { hash } = sources;
    const reader = hash === null ? null : await PageHashReader.open(memory, architecture, hash.directory, hash.chains);
    return new TableLookup(memory, architecture, sources, reader, walk);
  }

  /** Null: nothing is mapped. Undefined: nobody tells, for want of the space or of its tables. */
  async ask({ asid, global }: TlbRow, address: bigint): Promise<TableAnswer | null | undefined> {
    const { spaces, asid: current, space: own, kernelSpace, tree } = this.#sources;
    const { asids, layout } = this.#architecture;
    if (this.#hash !== null) {
      const isKernels = asid === asids.kernel && layout.kernelAddressSpaceShadowed;
      if (isKernels) {
        const given = givenToKernel(this.#memory, this.#sources, address, READ);
        if (given !== null) return { physical: given, rights: READ | WRITE };
      }
      const space = isKernels ? kernelSpace : asid === current ? own : (spaces.find((one) => one.asid === asid)?.space ?? null);
      if (space === null || global) return undefined;
      const entry = await this.#hash.find(space, address);
      if (entry === null) return null;
      return { physical: entry.physical + Number(address - entry.virtual), rights: entry.rights };
    }
    const of = global || asid === current ? tree : numberOf(spaces.find((one) => one.asid === asid)?.root);
    if (of === null) return undefined;
    const { physical, kernelRights, userRights } = await this.#walk(of, address);
    return physical === null ? null : { physical: Number(physical), rights: kernelRights | (userRights << 3) };
  }
}

const numberOf = (value: bigint | undefined): number | null => (value === undefined ? null : Number(value));
