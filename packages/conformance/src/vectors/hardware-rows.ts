/**
 * Makes the set of rows that real TLBs can hold: of every rights that an entry has words for, of every size, in both halves of pairs,
 * under every tag. What is answered is the machine's; the rights are confirmed by the port's second decoder, the answers by a naive
 * reading of the rows.
 */
import type { Architecture, Oracle, SoftwareTlb } from "@portolan/core";
import { VECTOR_FORMAT, type VectorSet } from "./format.js";
import { QUESTIONS, RowMaker, type Page, type Question } from "./row-maker.js";

/** One of each access, where rights are not what is asked about. */
const EACH_ACCESS: readonly Question[] = [
  ["read", "user"],
  ["write", "user"],
  ["execute", "user"],
];
const READS: readonly Question[] = [
  ["read", "kernel"],
  ["read", "user"],
];

/** The set `hardware-rows` of a machine whose port tells what its TLBs are. */
export const hardwareRows = (architecture: Architecture, software: SoftwareTlb, oracle: Oracle | undefined): VectorSet =>
  new HardwareRows(architecture, software, oracle).set();

class HardwareRows extends RowMaker {
  set(): VectorSet {
    const { name, manuals } = this.architecture;
    this.#rightsOfEveryKind();
    if (this.units.length > 1) this.#unitsApart();
    this.#everySize();
    this.#everyAddressBit();
    this.#everyEntry();
    if (this.hasTags) this.#spaces();
    if (this.hasTags) this.#onePageInSeveralSpaces();
    this.#global();
    this.#addresses();
    return {
      format: VECTOR_FORMAT,
      machine: name,
      set: "hardware-rows",
      manuals,
      provenance: `computed by Portolan's TLB from rows that hardware can hold, confirmed by ${this.hasSecond ? "a second decoder and " : ""}a naive reading`,
      rows: "hardware",
      ram: this.head.ram,
      vectors: this.vectors,
    };
  }

  #rightsOfEveryKind(): void {
    for (const unit of this.units) {
      const pages = this.besides(this.kinds[unit].map((rights): Page => ({ rights })));
      const rows = pages.flatMap((each, i) =>
        this.tags.flatMap((tag, j) => this.entry(unit, i * this.tags.length + j, this.at(i), tag, each)),
      );
      const what = this.pages === 1 ? "rights of every kind" : "halves of every kind beside halves of every kind";
      const addresses = pages.flatMap((_, i) => this.in(this.at(i)));
      this.add(this.named(what, unit), rows, addresses);
    }
  }

  #unitsApart(): void {
    const rows = [
      ...this.open("data", 0, this.at(0), this.asid),
      ...this.open("instruction", 0, this.at(1), this.asid),
      ...this.open("data", 1, this.at(2), this.asid),
      ...this.open("instruction", 2, this.at(2), this.asid),
    ];
    this.add("loads and stores go by one buffer, fetches by the other", rows, [this.at(0), this.at(1), this.at(2)]);
  }

  /** The first and the last byte of every page, and what lies beside the entry. Of a pair the odd page lies below the even one. */
  #everySize(): void {
    const sizes = this.architecture.tlb.data.pageShifts.map((shift) => 2n ** BigInt(shift));
    const largest = (sizes.at(-1) ?? this.small) * BigInt(this.pages);
    const first = (i: number): bigint => largest * 2n * BigInt(i + 1);
    for (const unit of this.units) {
      const kinds = this.kinds[unit].filter((rights) => rights !== 0);
      const rows = sizes.flatMap((size, i) => {
        const pages = Array.from({ length: this.pages }, (_, half): Page => {
          const rights = kinds.at(half === 0 ? -1 : 0) ?? 0;
          return { rights, physical: size * BigInt(unit === "data" ? 1 - half : half) };
        });
        return this.entry(unit, i, first(i), this.asid, pages, size);
      });
      const addresses = sizes.flatMap((size, i) => {
        const ends = Array.from({ length: this.pages + 1 }, (_, page) => first(i) + size * BigInt(page));
        return ends.flatMap((end) => [end - 1n, end]);
      });
      this.add(this.named("pages of every size, their first and last bytes, and those beside them", unit), rows, addresses, EACH_ACCESS);
    }
  }

  /** An address that differs in one bit from those of an entry is none of them. */
  #everyAddressBit(): void {
    const { layout, virtualBits, virtualRule } = this.architecture;
    const top = virtualRule === "sign-extended" ? 2n ** BigInt(virtualBits - 1) - 1n : layout.user.last;
    const bits = Array.from({ length: virtualBits }, (_, bit) => 2n ** BigInt(bit)).filter((bit) => bit >= this.span && bit <= top);
    const mine = this.at(0);
    const rows = this.units.flatMap((unit) => this.open(unit, 0, mine, this.asid));
    const addresses = [mine, ...bits.map((bit) => ((mine / bit) % 2n === 0n ? mine + bit : mine - bit))];
    const accesses = this.units.map((unit): Question => [unit === "data" ? "read" : "execute", "user"]);
    this.add("addresses that differ in one bit from those of an entry", rows, addresses, accesses);
  }

  /** But the first, which software that runs on a machine wants for itself. */
  #everyEntry(): void {
    const { data, instruction = data } = this.architecture.tlb;
    for (const unit of this.units) {
      const { entries } = unit === "data" ? data : instruction;
      const numbers = Array.from({ length: entries - 1 }, (_, i) => i + 1);
      const rows = numbers.flatMap((i) => this.open(unit, i, this.at(i), this.asid));
      const addresses = numbers.flatMap((i) => this.in(this.at(i)));
      this.add(this.named("every entry but the first holds a translation", unit), rows, addresses, [
        [unit === "data" ? "read" : "execute", "user"],
      ]);
    }
  }

  /** A tag that differs in one bit is another one. */
  #spaces(): void {
    const { bits, kernel } = this.architecture.asids;
    const others = Array.from({ length: bits }, (_, bit) => this.asid ^ (2 ** bit));
    const tags = [...new Set([this.asid, kernel, ...others])];
    const rows = this.units.flatMap((unit) => tags.flatMap((tag, i) => this.open(unit, i, this.at(i), tag)));
    this.add(
      "entries of its own space, of the kernel's, and of those whose numbers differ in one bit",
      rows,
      tags.map((_, i) => this.at(i)),
      [...READS, ["execute", "kernel"], ["execute", "user"]],
    );
  }

  #onePageInSeveralSpaces(): void {
    const spaces = [0, 1].map((n) => this.asid + n);
    const rows = this.units.flatMap((unit) => spaces.flatMap((asid, i) => this.open(unit, i, this.at(0), asid)));
    for (const [name, asid] of [
      ["one page in two spaces, asked in the first", this.asid],
      ["one page in two spaces, asked in the second", this.asid + 1],
      ["one page in two spaces, asked in a third", this.asid + 2],
    ] as const)
      this.add(name, rows, this.in(this.at(0)), QUESTIONS, asid);
  }

  /** Of a pair it is for everybody only what both halves say is. */
  #global(): void {
    const spaces = this.hasTags ? [this.asid, this.asid + 1] : [this.asid];
    const rows = this.units.flatMap((unit) => {
      const rights = this.software.matchesInvalid ? [this.most(unit), 0] : [this.most(unit)];
      const entries = this.besides(rights.flatMap((each) => [false, true].map((isGlobal): Page => ({ rights: each, isGlobal }))));
      return spaces.flatMap((asid, i) =>
        entries.flatMap((pages, j) => this.entry(unit, i * entries.length + j, this.at(i * entries.length + j), asid, pages)),
      );
    });
    const addresses = [...new Set(rows.map(({ virtual }) => BigInt(virtual)))];
    const what = this.pages === 1 ? "global entries" : "entries that are global in both halves, in one of them, in none";
    const questions: readonly Question[] = this.units.length === 1 ? READS : [...READS, ["execute", "kernel"], ["execute", "user"]];
    this.add(`${what}, of this space and of another`, rows, addresses, questions);
  }

  /** Where addresses begin and end: of the user's, of windows that no TLB is asked about though it has an entry, of the hole. */
  #addresses(): void {
    const { layout, virtualBits, virtualRule, wordBits } = this.architecture;
    const { windows = [], user, kernelAddressSpaceShadowed } = layout;
    const all = 2n ** BigInt(wordBits);
    const isSigned = virtualRule === "sign-extended";
    const low = isSigned ? 2n ** BigInt(virtualBits - 1) : all;
    const high = all - low;
    // Where the user's addresses end, where the TLB is asked again, and on either side of the hole.
    const behind = windows.map(({ last }) => last + 1n).filter((at) => windows.every(({ first }) => first !== at));
    const edges = [0n, (user.last + 1n - this.span + all) % all, ...windows.map(({ first }) => first), ...behind];
    const starts = [...new Set([...edges, ...(isSigned ? [low - this.span, high] : []), all - this.span])];
    const shared = behind.map((at) => at + this.span * 2n);
    const rows = this.units.flatMap((unit) => [
      ...starts.flatMap((at, i) => this.open(unit, i, at, this.asid, kernelAddressSpaceShadowed)),
      ...shared.flatMap((at, i) => this.open(unit, starts.length + i, at, this.asid + 1, true)),
    ]);
    const inEntries = [...starts, ...shared].flatMap((at) => [at, at + this.span - 1n]);
    const inWindows = windows.flatMap(({ first }) => [first + this.span * 8n + 0x123n, first + this.ram - 1n]);
    const inHole = isSigned ? [low, low + this.small, low * 2n, high - this.small, high - 1n] : [];
    const missed = behind.map((at) => at + this.span * 4n);
    const addresses = [...inEntries, ...inWindows, ...inHole, ...missed];
    this.add("the first and last addresses of everything that addresses decide", rows, addresses);
  }
}
