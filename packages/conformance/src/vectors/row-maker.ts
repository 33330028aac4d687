/** What sets of rows are made with: rows, places for them, and what a machine that is loaded with them answers. */
import { fieldBits, initialSwitches, type Architecture, type Oracle, type Rights, type SoftwareTlb } from "@portolan/core";
import { Rig } from "../rig/rig.js";
import type { AccessName, PrivilegeName, Vector, VectorEntry, VectorQuery, VectorSet } from "./format.js";
import { naiveRows } from "./naive-rows.js";
import { ACCESS_OF, askVector, hexOf, loadVector, PRIVILEGE_OF } from "./play.js";
import { rightsHeld, rightsText } from "./rows.js";

export type Unit = VectorEntry["unit"];

/** What a page of a row says. */
export interface Page {
  readonly rights: Rights;
  readonly isGlobal?: boolean;
  /** Where it lies; the next free place where absent. */
  readonly physical?: bigint;
}

/** What is asked about an address. */
export type Question = readonly [access: AccessName, privilege: PrivilegeName];

/** Everything that there is to ask. */
export const QUESTIONS: readonly Question[] = (["read", "write", "execute"] as const).flatMap((access) =>
  (["kernel", "user"] as const).map((privilege): Question => [access, privilege]),
);

/** Rows for the TLBs of one machine, and the vectors that are made of them; what a set asks is for whoever extends it. */
export class RowMaker {
  protected readonly architecture: Architecture;
  protected readonly software: SoftwareTlb;
  readonly #rig: Rig;
  protected readonly units: readonly Unit[];
  /** Pages of an entry. */
  protected readonly pages: 1 | 2;
  /** The smallest page. */
  protected readonly small: bigint;
  protected readonly ram: bigint;
  protected readonly asid: number;
  /** Rights of every kind, for each unit. */
  protected readonly kinds: Readonly<Record<Unit, readonly Rights[]>>;
  /** The next free place for a small page: none lies where its address would lie. */
  #next: bigint;
  protected readonly vectors: Vector[] = [];
  /** Has the port a second decoder of every unit's entries? */
  protected hasSecond = true;

  constructor(architecture: Architecture, software: SoftwareTlb, oracle: Oracle | undefined) {
    const { tlb, asids } = architecture;
    this.architecture = architecture;
    this.software = software;
    this.#rig = new Rig({ architecture }, { trait: "cold", policy: "described", seed: 1, isLong: false });
    this.units = tlb.instruction === undefined ? ["data"] : ["data", "instruction"];
    this.pages = tlb.data.paired ? 2 : 1;
    this.small = 2n ** BigInt(tlb.data.pageShifts[0] ?? 0);
    this.ram = 2n * 2n ** BigInt(tlb.data.pageShifts.at(-1) ?? 0);
    this.asid = asids.first;
    this.kinds = { data: this.#kindsOf("data", oracle), instruction: this.#kindsOf("instruction", oracle) };
    this.#next = this.small * 16n;
  }

  protected get head(): Pick<VectorSet, "ram" | "rows"> {
    return { rows: "hardware", ram: { first: "0x0", bytes: hexOf(this.ram) } };
  }

  protected get hasTags(): boolean {
    return this.architecture.asids.bits > 0;
  }

  /** The tags that the user's accesses and the kernel's go by. */
  protected get tags(): readonly number[] {
    const { layout, asids } = this.architecture;
    return layout.kernelAddressSpaceShadowed ? [this.asid, asids.kernel] : [this.asid];
  }

  /** Bytes that an entry of the smallest pages maps. */
  protected get span(): bigint {
    return this.small * BigInt(this.pages);
  }

  /** The most that a unit's entry can let through. */
  protected most(unit: Unit): Rights {
    return Math.max(...this.kinds[unit]);
  }

  /** Every rights that an entry has words for, least first, as a second decoder reads those words too. */
  #kindsOf(unit: Unit, oracle: Oracle | undefined): readonly Rights[] {
    const blank = { unit, index: 0, virtual: 0n, bytes: Number(this.small), physical: 0n, asid: 0, global: false, kernel: 0, user: 0 };
    const { name, fields } = this.software.entryOf(blank);
    const second = oracle?.others?.find(({ format }) => format.name === name);
    if (second === undefined) this.hasSecond = false;
    const held = rightsHeld(this.software, unit);
    for (const [rights, values] of held) {
      const word = fields.reduce((sum, field) => sum | (BigInt(values[field.name] ?? 0) << BigInt(fieldBits(field)[1])), 0n);
      const decoded = second?.decode(word);
      if (decoded !== undefined && (decoded.kind !== "leaf" || decoded.rights !== rights))
        throw new Error(`${name} ${hexOf(word)}: the second decoder reads other rights`);
    }
    return [...held.keys()].toSorted((one, other) => one - other);
  }

  /** A row for each page of an entry of the described pages. */
  protected entry(
    unit: Unit,
    index: number,
    virtual: bigint,
    asid: number,
    pages: readonly Page[],
    size = this.small,
  ): readonly VectorEntry[] {
    return pages.map(({ rights, isGlobal = false, physical }, i): VectorEntry => {
      const place = physical ?? this.#place();
      return {
        unit,
        index,
        virtual: hexOf(virtual + size * BigInt(i)),
        bytes: hexOf(size),
        physical: hexOf(place),
        asid,
        global: isGlobal,
        ...(rights === 0 && this.software.matchesInvalid ? { valid: false } : {}),
        kernel: rightsText(rights & 7),
        user: rightsText(rights >>> 3),
      };
    });
  }

  /** An entry whose pages all let the most through. */
  protected open(unit: Unit, index: number, virtual: bigint, asid: number, isGlobal = false): readonly VectorEntry[] {
    return this.entry(unit, index, virtual, asid, this.#each({ rights: this.most(unit), isGlobal }));
  }

  #each(page: Page): readonly Page[] {
    return Array.from({ length: this.pages }, () => page);
  }

  /** Every one, or every pair of two. */
  protected besides(kinds: readonly Page[]): readonly (readonly Page[])[] {
    return this.pages === 1 ? kinds.map((page) => [page]) : kinds.flatMap((even) => kinds.map((odd) => [even, odd]));
  }

  /** Places go round in steps that leave gaps: neighbours in the address space lie apart. */
  #place(): bigint {
    const place = this.#next;
    this.#next = (this.#next + this.small * 3n) % this.ram;
    return place;
  }

  /** The nth place for an entry of the smallest pages, none beside another. */
  protected at(n: number): bigint {
    return this.small * 64n + this.span * 2n * BigInt(n);
  }

  /** An address in each page of an entry. */
  protected in(virtual: bigint): readonly bigint[] {
    return Array.from({ length: this.pages }, (_, i) => virtual + this.small * BigInt(i) + 0x10n * BigInt(i + 1));
  }

  protected named(name: string, unit: Unit): string {
    return this.units.length === 1 ? name : `${name} (${unit})`;
  }

  /** A vector, or as many as it takes where the TLBs have too few entries for all rows. What lies in none is asked of each. */
  protected add(name: string, tlb: readonly VectorEntry[], addresses: readonly bigint[], questions = QUESTIONS, asid = this.asid): void {
    const { data, instruction = data } = this.architecture.tlb;
    const room = Math.min(data.entries, instruction.entries);
    const parts = Math.max(...tlb.map(({ index }) => Math.floor(index / room))) + 1;
    const covers = ({ virtual, bytes }: VectorEntry, at: bigint): boolean => at >= BigInt(virtual) && at < BigInt(virtual) + BigInt(bytes);
    for (let part = 0; part < parts; part += 1) {
      const rows = tlb.filter(({ index }) => Math.floor(index / room) === part);
      const asked = addresses.filter((at) => rows.some((row) => covers(row, at)) || !tlb.some((row) => covers(row, at)));
      const indexed = rows.map((row) => ({ ...row, index: row.index % room }));
      this.#addOne(parts === 1 ? name : `${name} (${part + 1} of ${parts})`, indexed, asked, questions, asid);
    }
  }

  /** The rows, and what a machine that is loaded with them answers. */
  #addOne(name: string, tlb: readonly VectorEntry[], addresses: readonly bigint[], questions: readonly Question[], asid: number): void {
    const blank = {
      name,
      about: `${name}; nobody fills what is missing`,
      registers: { asid, switches: initialSwitches(this.architecture) },
      memory: [],
      tlb,
    };
    const loaded = loadVector(this.#rig, this.head, blank);
    const queries = addresses.flatMap((address) =>
      questions.map(([access, privilege]): VectorQuery => {
        const { answer } = askVector(loaded, address, ACCESS_OF[access], PRIVILEGE_OF[privilege]);
        const naive = naiveRows(this.architecture, tlb, asid, address, access, privilege);
        const isSame =
          "physical" in naive
            ? "physical" in answer && BigInt(answer.physical) === naive.physical
            : "fault" in answer &&
              (naive.fault === "refused" ? !["absent", "bad-address"].includes(answer.fault) : answer.fault === naive.fault);
        if (!isSame) throw new Error(`${name}: the TLB and a naive reading differ at ${hexOf(address)}, ${privilege} ${access}`);
        return { address: hexOf(address), access, privilege, answer };
      }),
    );
    this.vectors.push({ ...blank, queries });
  }
}
