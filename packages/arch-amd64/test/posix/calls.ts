/** Scripts of calls that two systems perform: what a line is, and how seeds make them. */
import { Random } from "@portolan/core";

/** One call of one process; arguments are numbers and places as linux-calls.c reads them. */
export interface Call {
  readonly process: number;
  readonly name: string;
  readonly args: readonly string[];
}

/** The line that stands for a call. */
export const lineOf = ({ process, name, args }: Call): string => [process, name, ...args].join(" ");

/** A call from its line. */
export const callOf = (line: string): Call => {
  const [process = "0", name = "", ...args] = line.trim().split(/\s+/);
  return { process: Number(process), name, args };
};

const hex = (value: number): string => `0x${value.toString(16)}`;

const PAGE = 0x1000;
/** Instructions that change nothing that matters: the only bytes in places that are executed. */
export const HARMLESS = [0x90, 0xf8, 0xf9, 0xfc, 0xf5, 0x98, 0x99, 0xc3] as const;

/** How often each call comes. */
const WEIGHTS: readonly (readonly [name: string, weight: number])[] = [
  ["mmap", 26],
  ["munmap", 6],
  ["mprotect", 12],
  ["mremap", 12],
  ["brk", 4],
  ["msync", 3],
  ["madvise", 9],
  ["mincore", 6],
  ["open", 4],
  ["close", 2],
  ["dup", 1],
  ["ftruncate", 4],
  ["pwrite", 5],
  ["pread", 2],
  ["shmget", 3],
  ["shmat", 4],
  ["shmdt", 3],
  ["shmrm", 1],
  ["shmstat", 1],
  ["load", 12],
  ["store", 30],
  ["fetch", 4],
  ["fork", 3],
  ["exit", 2],
  ["dump", 4],
];
const TOTAL = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);

/** Makes calls that meet: few pages, few files, ends and holes that lie close together. */
class Maker {
  readonly #random: Random;
  /** Processes that have not exited. */
  readonly #alive = [0];
  /** Where something was mapped lately, perhaps: place and pages. */
  readonly #inhabited: (readonly [place: string, pages: number])[] = [];
  /** Pages that were written lately, perhaps. */
  readonly #written: string[] = [];
  /** Where segments were attached. */
  readonly #attached: string[] = [];

  /** The page of the last byte that was chosen. */
  #touched = "a0x0";

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  script(count: number): Call[] {
    const calls: Call[] = ["0 open 0 2", "0 pwrite 3 0 10000 1", "0 open 1 0", "0 open 2 2", "0 pwrite 5 0 20000 2", "0 open 2 0"].map(
      callOf,
    );
    // Something is there to begin with: memory and files, private and shared, most of it writable.
    for (let mapping = 0; mapping < 7; mapping += 1) {
      const place = `a${hex((this.below(4) + 5 * mapping) * PAGE)}`;
      const pages = 2 + this.below(8);
      const [descriptor, flags] = this.one([
        ["-1", 0x32],
        ["-1", 0x32],
        ["-1", 0x31],
        ["3", 0x11],
        ["5", 0x11],
        ["5", 0x12],
        ["4", 0x12],
      ] as const);
      const protection = String(this.one([3, 3, 3, 7, this.protection()]));
      calls.push({
        process: 0,
        name: "mmap",
        args: [place, hex(pages * PAGE), protection, hex(flags), descriptor, hex(this.below(3) * PAGE)],
      });
      this.#inhabited.push([place, Math.min(pages, 5)]);
    }
    for (const [index, flags] of ["0", "010000"].entries()) {
      const place = `a${hex((37 + 5 * index) * PAGE)}`;
      calls.push(callOf(`0 shmget ${index + 1} ${hex((index + 2) * PAGE)} 01700`), callOf(`0 shmat s${index} ${place} ${flags}`));
      this.#inhabited.push([place, index + 2]);
      this.#attached.push(place);
    }
    while (calls.length < count - 3) calls.push(this.call());
    for (const process of this.#alive) calls.push({ process, name: "dump", args: [] });
    return calls;
  }

  call(): Call {
    const process = this.one(this.#alive);
    let ticket = this.below(TOTAL);
    const [name] = WEIGHTS.find(([, weight]) => (ticket -= weight) < 0) ?? ["dump", 0];
    if (name === "fork") return this.#fork(process);
    if (name === "exit") return this.#exit(process);
    return { process, name, args: this.#args(name) };
  }

  #fork(process: number): Call {
    const child = [0, 1, 2].find((number) => !this.#alive.includes(number));
    if (child === undefined) return { process, name: "dump", args: [] };
    this.#alive.push(child);
    return { process, name: "fork", args: [String(child)] };
  }

  #exit(process: number): Call {
    if (this.#alive.length === 1) return { process, name: "dump", args: [] };
    this.#alive.splice(this.#alive.indexOf(process), 1);
    return { process, name: "exit", args: [] };
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  /** True once in so many times. */
  chance(times: number): boolean {
    return this.below(times) === 0;
  }

  one<T>(of: readonly T[]): T {
    const chosen = of[this.below(of.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  }

  /** Nearly always whole pages. */
  #ragged(bytes: number): number {
    return this.chance(20) ? Math.max(0, bytes + this.one([1, 0x10, 0x800, -1, -0x10])) : bytes;
  }

  /** A page's address: mostly where something was mapped lately. */
  address(): string {
    if (this.chance(4)) return this.#anywhere();
    if (this.#written.length > 0 && this.chance(3)) return this.one(this.#written.slice(-8));
    const [place, pages] = this.one(this.#inhabited.slice(-14));
    const within = this.below(pages) * PAGE;
    const offset = Number(place.slice(1));
    return `${place[0] ?? "a"}${hex(this.#ragged(Math.max(PAGE, place.startsWith("t") ? offset - within : offset + within)))}`;
  }

  /** Something may be there from now on. */
  #settle(place: string, length: string): void {
    const offset = Number(place.slice(1));
    if (/^[atb]/.test(place) && offset % PAGE === 0 && offset < 0x100_0000)
      this.#inhabited.push([place, Math.min(8, Math.max(1, Math.floor(Number(length) / PAGE)))]);
  }

  /** A page's address, mostly in the arena. */
  #anywhere(): string {
    if (this.chance(40)) return this.one(["0x0", "0x800", "0x800000000000", "0xfffffffffffff000", "0xffff800000000000"]);
    if (this.chance(6)) return `t${hex(this.#ragged((1 + this.below(40)) * PAGE))}`;
    if (this.chance(16)) return `b${hex(this.#ragged(this.below(12) * PAGE))}`;
    if (this.chance(14)) return `a${hex(this.#ragged((0x300 + this.below(0x120)) * PAGE))}`;
    return `a${hex(this.#ragged(this.below(36) * PAGE))}`;
  }

  /** Bytes of a range. */
  length(): string {
    if (this.chance(50)) return this.one(["0x0", "0x800000000000", "0xffffffffffffffff", "0xfffffffffffff000", "0x7fffffffffffffff"]);
    return hex(this.#ragged((1 + this.below(this.one([1, 1, 2, 3, 6, 6, 20]))) * PAGE));
  }

  /** A range: what begins below the top of the kernel's choices does not reach above it, where the kernel has pages of its own. */
  range(length = this.length()): [address: string, length: string] {
    const address = this.address();
    return [address, this.#cut(address, length)];
  }

  #cut(address: string, length: string): string {
    return address.startsWith("t") && BigInt(length) > BigInt(address.slice(1)) ? address.slice(1) : length;
  }

  protection(): number {
    return this.one([3, 3, 3, 3, 3, 1, 0, 5, 7, 7, 2, 6]);
  }

  /** A place inside a page where a byte may be changed. */
  #within(): number {
    return this.one([0, 8, 0x10, 0xff0, 0xff8, 0x708]);
  }

  #descriptor(): string {
    return this.chance(25) ? this.one(["-1", "99", "0"]) : String(3 + this.below(5));
  }

  #place(): string {
    const address = this.address();
    return address.startsWith("0x")
      ? address
      : `${address[0] ?? "a"}${hex((Math.floor(Number(address.slice(1)) / PAGE) + (address.startsWith("t") ? 1 : 0)) * PAGE)}`;
  }

  /** A byte's address. */
  #byte(within: number): string {
    const place = this.#place();
    if (place.startsWith("0x")) return this.one(["0x0", "0x800", "0xffff800000000000"]);
    const offset = Number(place.slice(1));
    this.#touched = place;
    return `${place[0] ?? "a"}${hex(place.startsWith("t") ? offset - within : offset + within)}`;
  }

  #mmap(): string[] {
    const isAnonymous = this.chance(2);
    const type = this.chance(40) ? this.one([0, 3, 4]) : this.one([1, 2, 2]);
    const how = this.one([0, 0x10, 0x10, 0x10, 0x100000, 0]);
    const extra =
      (this.chance(12) ? 0x8000 : 0) |
      (this.chance(25) ? 0x4000 : 0) |
      (this.chance(14) ? 0x100 : 0) |
      (this.chance(40) ? this.one([0x80000, 0x200000]) : 0);
    const address = how === 0 && this.chance(2) ? "0x0" : this.chance(2) ? this.address() : this.#anywhere();
    const length = this.#cut(address, this.length());
    this.#settle(address === "0x0" ? `t${length}` : address, length);
    const offset = this.chance(30) ? this.one(["0x800", "0x7ffffffffffff000", "0xfffffffffffff000"]) : hex(this.below(4) * PAGE);
    const descriptor = isAnonymous ? "-1" : this.#descriptor();
    return [address, length, String(this.protection()), hex(type | how | extra | (isAnonymous ? 0x20 : 0)), descriptor, offset];
  }

  #args(name: string): string[] {
    switch (name) {
      case "mmap":
        return this.#mmap();
      case "munmap":
        return this.range();
      case "mprotect":
        if (this.chance(30)) return [...this.range(hex((1 + this.below(6)) * PAGE)), hex(this.one([16, 8, 9, 0x1000003, 0x3000001]))];
        return [...this.range(), hex(this.protection())];
      case "mremap": {
        const flags = this.one([0, 1, 1, 1, 3, 3, 3, 5, 7, this.chance(4) ? 8 : 1]);
        const [address, old] = this.range(this.chance(12) ? "0x0" : this.length());
        const [to, after] = this.range(flags >= 4 || this.chance(3) ? old : this.length());
        if (flags === 3) this.#settle(to, after);
        return [address, old, this.#cut(address, after), String(flags), to];
      }
      case "brk":
        return [this.chance(10) ? "0x0" : `b${hex(this.#ragged(this.below(14) * PAGE))}`];
      case "msync":
        return [...this.range(), String(this.below(9))];
      case "madvise":
        // What would reach beyond the arena is refused, or would discard the tester's own memory.
        return [
          ...this.range(this.chance(40) ? "0xffffffffffffffff" : hex(this.#ragged((1 + this.below(this.one([1, 1, 3, 8]))) * PAGE))),
          String(this.one([4, 4, 4, 4, 8, 3, 0, 1, 2, 5, 6, 7, 99])),
        ];
      case "mincore":
        return this.range(hex(this.#ragged((1 + this.below(this.one([1, 2, 4, 12]))) * PAGE)));
      case "open":
        return [String(this.below(4)), hex(this.one([0, 1, 2, 2, 2]) | (this.chance(20) ? 0x200 : 0))];
      case "close":
      case "dup":
        return [this.#descriptor()];
      case "ftruncate":
        return [this.#descriptor(), this.chance(20) ? this.one(["-1", "0x0"]) : hex(this.#ragged(this.below(9) * PAGE))];
      case "pwrite":
        return [
          this.#descriptor(),
          this.chance(30) ? "-1" : hex(this.below(7 * 256) * 16),
          String(this.one([16, 100, 4096, 6000])),
          String(this.below(100)),
        ];
      case "pread":
        return [this.#descriptor(), this.chance(30) ? "-1" : hex(this.below(7 * 256) * 16), String(this.one([16, 100, 4096, 6000]))];
      case "shmget":
        return [
          String(this.below(3)),
          this.chance(12) ? "0" : hex((1 + this.below(6)) * PAGE - this.one([0, 0, 100])),
          this.one(["01700", "01700", "03700", "0700"]),
        ];
      case "shmat": {
        const place = this.chance(3) ? "0x0" : this.#roomy();
        this.#settle(place, "0x3000");
        this.#attached.push(place === "0x0" ? "t0x3000" : place);
        return [this.#segment(), place, this.one(["0", "0", "010000", "020000", "040000", "060000", "0100000"])];
      }
      case "shmdt":
        return [this.chance(4) ? this.address() : this.one(this.#attached)];
      case "shmrm":
      case "shmstat":
        return [this.#segment()];
      case "load":
        return [this.#byte(this.#within())];
      case "store": {
        const within = this.#within();
        const address = this.#byte(within);
        if (!address.startsWith("0x")) this.#written.push(this.#touched);
        return [address, String(within % 16 === 0 ? this.one(HARMLESS) : this.below(256))];
      }
      case "fetch":
        return [this.#byte(this.one([0, 0x10, 0xff0]))];
      default:
        return [];
    }
  }

  /** An address with room for any segment behind it. */
  #roomy(): string {
    const address = this.address();
    return address.startsWith("t") && Number(address.slice(1)) < 8 * PAGE ? "t0x8000" : address;
  }

  #segment(): string {
    return `s${this.below(3)}`;
  }
}

/** The script of a seed. @param count lines, at least 7 */
export const scriptOf = (seed: number, count: number): Call[] => new Maker(seed).script(count);
