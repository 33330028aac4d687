/**
 * Makes the set of rows that real TLBs can hold: of every rights that an entry has words for, of every size, in both halves of pairs,
 * under every tag. What is answered is the machine's; the rights are confirmed by the port's second decoder, the answers by a naive
 * reading of the rows.
 */
import { fieldBits, initialSwitches, type Architecture, type Oracle, type Rights, type SoftwareTlb } from "@portolan/core";
import { Rig } from "../rig/rig.js";
import {
  VECTOR_FORMAT,
  type AccessName,
  type PrivilegeName,
  type Vector,
  type VectorEntry,
  type VectorQuery,
  type VectorSet,
} from "./format.js";
import { naiveRows } from "./naive-rows.js";
import { ACCESS_OF, askVector, hexOf, loadVector, PRIVILEGE_OF } from "./play.js";
import { rightsHeld, rightsText } from "./rows.js";

type Unit = VectorEntry["unit"];

/** What a page of a row says. */
interface Page {
  readonly rights: Rights;
  readonly isGlobal?: boolean;
  /** Where it lies; the next free place where absent. */
  readonly physical?: bigint;
}

/** What is asked about an address. */
type Question = readonly [access: AccessName, privilege: PrivilegeName];

const QUESTIONS: readonly Question[] = (["read", "write", "execute"] as const).flatMap((access) =>
  (["kernel", "user"] as const).map((privilege): Question => [access, privilege]),
);
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
  new Maker(architecture, software, oracle).set();

class Maker {
  readonly #architecture: Architecture;
  readonly #software: SoftwareTlb;
  readonly #rig: Rig;
  readonly #units: readonly Unit[];
  /** Pages of an entry. */
  readonly #pages: 1 | 2;
  /** The smallest page. */
  readonly #small: bigint;
  readonly #ram: bigint;
  readonly #asid: number;
  /** Rights of every kind, for each unit. */
  readonly #kinds: Readonly<Record<Unit, readonly Rights[]>>;
  /** The next free place for a small page: none lies where its address would lie. */
  #next: bigint;
  readonly #vectors: Vector[] = [];
  /** Has the port a second decoder of every unit's entries? */
  #hasSecond = true;

  constructor(architecture: Architecture, software: SoftwareTlb, oracle: Oracle | undefined) {
    const { tlb, asids } = architecture;
    this.#architecture = architecture;
    this.#software = software;
    this.#rig = new Rig({ architecture }, { trait: "cold", policy: "described", seed: 1, isLong: false });
    this.#units = tlb.instruction === undefined ? ["data"] : ["data", "instruction"];
    this.#pages = tlb.data.paired ? 2 : 1;
    this.#small = 2n ** BigInt(tlb.data.pageShifts[0] ?? 0);
    this.#ram = 2n * 2n ** BigInt(tlb.data.pageShifts.at(-1) ?? 0);
    this.#asid = asids.first;
    this.#kinds = { data: this.#kindsOf("data", oracle), instruction: this.#kindsOf("instruction", oracle) };
    this.#next = this.#small * 16n;
  }

  set(): VectorSet {
    const { name, manuals } = this.#architecture;
    this.#rightsOfEveryKind();
    if (this.#units.length > 1) this.#unitsApart();
    this.#everySize();
    this.#everyAddressBit();
    this.#everyEntry();
    if (this.#hasTags) this.#spaces();
    if (this.#hasTags) this.#onePageInSeveralSpaces();
    this.#global();
    this.#addresses();
    return {
      format: VECTOR_FORMAT,
      machine: name,
      set: "hardware-rows",
      manuals,
      provenance: `computed by Portolan's TLB from rows that hardware can hold, confirmed by ${this.#hasSecond ? "a second decoder and " : ""}a naive reading`,
      rows: "hardware",
      ram: this.#head.ram,
      vectors: this.#vectors,
    };
  }

  get #head(): Pick<VectorSet, "ram" | "rows"> {
    return { rows: "hardware", ram: { first: "0x0", bytes: hexOf(this.#ram) } };
  }

  get #hasTags(): boolean {
    return this.#architecture.asids.bits > 0;
  }

  /** The tags that the user's accesses and the kernel's go by. */
  get #tags(): readonly number[] {
    const { layout, asids } = this.#architecture;
    return layout.kernelAddressSpaceShadowed ? [this.#asid, asids.kernel] : [this.#asid];
  }

  /** Bytes that an entry of the smallest pages maps. */
  get #span(): bigint {
    return this.#small * BigInt(this.#pages);
  }

  /** The most that a unit's entry can let through. */
  #most(unit: Unit): Rights {
    return Math.max(...this.#kinds[unit]);
  }

  /** Every rights that an entry has words for, least first, as a second decoder reads those words too. */
  #kindsOf(unit: Unit, oracle: Oracle | undefined): readonly Rights[] {
    const blank = { unit, index: 0, virtual: 0n, bytes: Number(this.#small), physical: 0n, asid: 0, global: false, kernel: 0, user: 0 };
    const { name, fields } = this.#software.entryOf(blank);
    const second = oracle?.others?.find(({ format }) => format.name === name);
    if (second === undefined) this.#hasSecond = false;
    const held = rightsHeld(this.#software, unit);
    for (const [rights, values] of held) {
      const word = fields.reduce((sum, field) => sum | (BigInt(values[field.name] ?? 0) << BigInt(fieldBits(field)[1])), 0n);
      const decoded = second?.decode(word);
      if (decoded !== undefined && (decoded.kind !== "leaf" || decoded.rights !== rights))
        throw new Error(`${name} ${hexOf(word)}: the second decoder reads other rights`);
    }
    return [...held.keys()].toSorted((one, other) => one - other);
  }

  /** A row for each page of an entry of the described pages. */
  #entry(unit: Unit, index: number, virtual: bigint, asid: number, pages: readonly Page[], size = this.#small): readonly VectorEntry[] {
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
        ...(rights === 0 && this.#software.matchesInvalid ? { valid: false } : {}),
        kernel: rightsText(rights & 7),
        user: rightsText(rights >>> 3),
      };
    });
  }

  /** An entry whose pages all let the most through. */
  #open(unit: Unit, index: number, virtual: bigint, asid: number, isGlobal = false): readonly VectorEntry[] {
    return this.#entry(unit, index, virtual, asid, this.#each({ rights: this.#most(unit), isGlobal }));
  }

  #each(page: Page): readonly Page[] {
    return Array.from({ length: this.#pages }, () => page);
  }

  /** Every one, or every pair of two. */
  #besides(kinds: readonly Page[]): readonly (readonly Page[])[] {
    return this.#pages === 1 ? kinds.map((page) => [page]) : kinds.flatMap((even) => kinds.map((odd) => [even, odd]));
  }

  /** Places go round in steps that leave gaps: neighbours in the address space lie apart. */
  #place(): bigint {
    const place = this.#next;
    this.#next = (this.#next + this.#small * 3n) % this.#ram;
    return place;
  }

  /** The nth place for an entry of the smallest pages, none beside another. */
  #at(n: number): bigint {
    return this.#small * 64n + this.#span * 2n * BigInt(n);
  }

  /** An address in each page of an entry. */
  #in(virtual: bigint): readonly bigint[] {
    return Array.from({ length: this.#pages }, (_, i) => virtual + this.#small * BigInt(i) + 0x10n * BigInt(i + 1));
  }

  #named(name: string, unit: Unit): string {
    return this.#units.length === 1 ? name : `${name} (${unit})`;
  }

  #rightsOfEveryKind(): void {
    for (const unit of this.#units) {
      const pages = this.#besides(this.#kinds[unit].map((rights): Page => ({ rights })));
      const rows = pages.flatMap((each, i) =>
        this.#tags.flatMap((tag, j) => this.#entry(unit, i * this.#tags.length + j, this.#at(i), tag, each)),
      );
      const what = this.#pages === 1 ? "rights of every kind" : "halves of every kind beside halves of every kind";
      const addresses = pages.flatMap((_, i) => this.#in(this.#at(i)));
      this.#add(this.#named(what, unit), rows, addresses);
    }
  }

  #unitsApart(): void {
    const rows = [
      ...this.#open("data", 0, this.#at(0), this.#asid),
      ...this.#open("instruction", 0, this.#at(1), this.#asid),
      ...this.#open("data", 1, this.#at(2), this.#asid),
      ...this.#open("instruction", 2, this.#at(2), this.#asid),
    ];
    this.#add("loads and stores go by one buffer, fetches by the other", rows, [this.#at(0), this.#at(1), this.#at(2)]);
  }

  /** The first and the last byte of every page, and what lies beside the entry. Of a pair the odd page lies below the even one. */
  #everySize(): void {
    const sizes = this.#architecture.tlb.data.pageShifts.map((shift) => 2n ** BigInt(shift));
    const largest = (sizes.at(-1) ?? this.#small) * BigInt(this.#pages);
    const first = (i: number): bigint => largest * 2n * BigInt(i + 1);
    for (const unit of this.#units) {
      const kinds = this.#kinds[unit].filter((rights) => rights !== 0);
      const rows = sizes.flatMap((size, i) => {
        const pages = Array.from({ length: this.#pages }, (_, half): Page => {
          const rights = kinds.at(half === 0 ? -1 : 0) ?? 0;
          return { rights, physical: size * BigInt(unit === "data" ? 1 - half : half) };
        });
        return this.#entry(unit, i, first(i), this.#asid, pages, size);
      });
      const addresses = sizes.flatMap((size, i) => {
        const ends = Array.from({ length: this.#pages + 1 }, (_, page) => first(i) + size * BigInt(page));
        return ends.flatMap((end) => [end - 1n, end]);
      });
      this.#add(this.#named("pages of every size, their first and last bytes, and those beside them", unit), rows, addresses, EACH_ACCESS);
    }
  }

  /** An address that differs in one bit from those of an entry is none of them. */
  #everyAddressBit(): void {
    const { layout, virtualBits, virtualRule } = this.#architecture;
    const top = virtualRule === "sign-extended" ? 2n ** BigInt(virtualBits - 1) - 1n : layout.user.last;
    const bits = Array.from({ length: virtualBits }, (_, bit) => 2n ** BigInt(bit)).filter((bit) => bit >= this.#span && bit <= top);
    const mine = this.#at(0);
    const rows = this.#units.flatMap((unit) => this.#open(unit, 0, mine, this.#asid));
    const addresses = [mine, ...bits.map((bit) => ((mine / bit) % 2n === 0n ? mine + bit : mine - bit))];
    const accesses = this.#units.map((unit): Question => [unit === "data" ? "read" : "execute", "user"]);
    this.#add("addresses that differ in one bit from those of an entry", rows, addresses, accesses);
  }

  /** But the first, which software that runs on a machine wants for itself. */
  #everyEntry(): void {
    const { data, instruction = data } = this.#architecture.tlb;
    for (const unit of this.#units) {
      const { entries } = unit === "data" ? data : instruction;
      const numbers = Array.from({ length: entries - 1 }, (_, i) => i + 1);
      const rows = numbers.flatMap((i) => this.#open(unit, i, this.#at(i), this.#asid));
      const addresses = numbers.flatMap((i) => this.#in(this.#at(i)));
      this.#add(this.#named("every entry but the first holds a translation", unit), rows, addresses, [
        [unit === "data" ? "read" : "execute", "user"],
      ]);
    }
  }

  /** A tag that differs in one bit is another one. */
  #spaces(): void {
    const { bits, kernel } = this.#architecture.asids;
    const others = Array.from({ length: bits }, (_, bit) => this.#asid ^ (2 ** bit));
    const tags = [...new Set([this.#asid, kernel, ...others])];
    const rows = this.#units.flatMap((unit) => tags.flatMap((tag, i) => this.#open(unit, i, this.#at(i), tag)));
    this.#add(
      "entries of its own space, of the kernel's, and of those whose numbers differ in one bit",
      rows,
      tags.map((_, i) => this.#at(i)),
      [...READS, ["execute", "kernel"], ["execute", "user"]],
    );
  }

  #onePageInSeveralSpaces(): void {
    const spaces = [0, 1].map((n) => this.#asid + n);
    const rows = this.#units.flatMap((unit) => spaces.flatMap((asid, i) => this.#open(unit, i, this.#at(0), asid)));
    for (const [name, asid] of [
      ["one page in two spaces, asked in the first", this.#asid],
      ["one page in two spaces, asked in the second", this.#asid + 1],
      ["one page in two spaces, asked in a third", this.#asid + 2],
    ] as const)
      this.#add(name, rows, this.#in(this.#at(0)), QUESTIONS, asid);
  }

  /** Of a pair it is for everybody only what both halves say is. */
  #global(): void {
    const spaces = this.#hasTags ? [this.#asid, this.#asid + 1] : [this.#asid];
    const rows = this.#units.flatMap((unit) => {
      const rights = this.#software.matchesInvalid ? [this.#most(unit), 0] : [this.#most(unit)];
      const entries = this.#besides(rights.flatMap((each) => [false, true].map((isGlobal): Page => ({ rights: each, isGlobal }))));
      return spaces.flatMap((asid, i) =>
        entries.flatMap((pages, j) => this.#entry(unit, i * entries.length + j, this.#at(i * entries.length + j), asid, pages)),
      );
    });
    const addresses = [...new Set(rows.map(({ virtual }) => BigInt(virtual)))];
    const what = this.#pages === 1 ? "global entries" : "entries that are global in both halves, in one of them, in none";
    const questions: readonly Question[] = this.#units.length === 1 ? READS : [...READS, ["execute", "kernel"], ["execute", "user"]];
    this.#add(`${what}, of this space and of another`, rows, addresses, questions);
  }

  /** Where addresses begin and end: of the user's, of windows that no TLB is asked about though it has an entry, of the hole. */
  #addresses(): void {
    const { layout, virtualBits, virtualRule, wordBits } = this.#architecture;
    const { windows = [], user, kernelAddressSpaceShadowed } = layout;
    const all = 2n ** BigInt(wordBits);
    const isSigned = virtualRule === "sign-extended";
    const low = isSigned ? 2n ** BigInt(virtualBits - 1) : all;
    const high = all - low;
    // Where the user's addresses end, where the TLB is asked again, and on either side of the hole.
    const behind = windows.map(({ last }) => last + 1n).filter((at) => windows.every(({ first }) => first !== at));
    const edges = [0n, (user.last + 1n - this.#span + all) % all, ...windows.map(({ first }) => first), ...behind];
    const starts = [...new Set([...edges, ...(isSigned ? [low - this.#span, high] : []), all - this.#span])];
    const shared = behind.map((at) => at + this.#span * 2n);
    const rows = this.#units.flatMap((unit) => [
      ...starts.flatMap((at, i) => this.#open(unit, i, at, this.#asid, kernelAddressSpaceShadowed)),
      ...shared.flatMap((at, i) => this.#open(unit, starts.length + i, at, this.#asid + 1, true)),
    ]);
    const inEntries = [...starts, ...shared].flatMap((at) => [at, at + this.#span - 1n]);
    const inWindows = windows.flatMap(({ first }) => [first + this.#span * 8n + 0x123n, first + this.#ram - 1n]);
    const inHole = isSigned ? [low, low + this.#small, low * 2n, high - this.#small, high - 1n] : [];
    const missed = behind.map((at) => at + this.#span * 4n);
    const addresses = [...inEntries, ...inWindows, ...inHole, ...missed];
    this.#add("the first and last addresses of everything that addresses decide", rows, addresses);
  }

  /** A vector, or as many as it takes where the TLBs have too few entries for all rows. What lies in none is asked of each. */
  #add(name: string, tlb: readonly VectorEntry[], addresses: readonly bigint[], questions = QUESTIONS, asid = this.#asid): void {
    const { data, instruction = data } = this.#architecture.tlb;
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
      registers: { asid, switches: initialSwitches(this.#architecture) },
      memory: [],
      tlb,
    };
    const loaded = loadVector(this.#rig, this.#head, blank);
    const queries = addresses.flatMap((address) =>
      questions.map(([access, privilege]): VectorQuery => {
        const { answer } = askVector(loaded, address, ACCESS_OF[access], PRIVILEGE_OF[privilege]);
        const naive = naiveRows(this.#architecture, tlb, asid, address, access, privilege);
        const isSame =
          "physical" in naive
            ? "physical" in answer && BigInt(answer.physical) === naive.physical
            : "fault" in answer &&
              (naive.fault === "refused" ? !["absent", "bad-address"].includes(answer.fault) : answer.fault === naive.fault);
        if (!isSame) throw new Error(`${name}: the TLB and a naive reading differ at ${hexOf(address)}, ${privilege} ${access}`);
        return { address: hexOf(address), access, privilege, answer };
      }),
    );
    this.#vectors.push({ ...blank, queries });
  }
}
