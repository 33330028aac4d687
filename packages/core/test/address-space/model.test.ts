/** Random operations on several spaces and processors of every machine, against the most naive model there is. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  image,
  physical,
  PortolanError,
  Random,
  SHOOTDOWN,
  USER,
  type AddressSpace,
  type Architecture,
  type Machine,
} from "#src/index.js";
import { ABSENT, PROTECTION } from "#src/architecture/faults.js";
import type { Shootdown } from "#src/tlb/shootdown.js";
import { build, fewAsids, machines, RW } from "../fixture.js";

/** Bytes of a page; pages that nobody touched are absent. Shared by all who show it. */
type Memory = Map<number, Uint8Array>;

interface ModelArea {
  readonly first: number;
  pages: number;
  flags: number;
  readonly memory: Memory;
  readonly shares: { count: number };
  /** What a page shows before anybody writes it; null = no such page. */
  readonly fresh: (page: number) => Uint8Array | null;
  readonly kind: "anonymous" | "image" | "device" | "none";
  readonly guard: boolean;
}

interface Pair {
  readonly space: AddressSpace;
  readonly areas: ModelArea[];
}

const CPUS = 3;
/** Frames of the device that areas show, and that mappings by hand lead to. */
const DEVICE = 5;
/** While a processor lingers in its interrupt handler, others work on for so many steps: more than a queue holds. */
const LINGERS = 100;

class Play {
  readonly machine: Machine;
  readonly random: Random;
  readonly size: number;
  readonly pairs: Pair[];
  readonly done = new Map<string, number>();
  /** One memory for all who show the device, for as long as the machine lives. */
  readonly device: Memory;
  readonly deviceFrame: number;
  #shootdown: Shootdown | null = null;
  /** The processor that lingers, and for how many steps more. */
  #slow = -1;
  #left = 0;
  /** Messages that waited for it at most. */
  longest = 0;

  constructor(architecture: Architecture, seed: number) {
    this.random = new Random(seed);
    const options = { cpus: CPUS, memoryBytes: 320 * 2 ** architecture.pageShift, seed };
    this.machine = build(fewAsids(architecture), options, (parts) =>
      parts.register(SHOOTDOWN, (_get, usual) => {
        this.#shootdown = usual();
        return this.#shootdown;
      }),
    );
    this.size = this.machine.parts.units.pageSize;
    this.pairs = Array.from({ length: 9 }, () => this.newPair());
    const base = 2 ** (architecture.physicalBits - 1);
    this.machine.parts.memory.addRegion(base, DEVICE * this.size);
    this.deviceFrame = base / this.size;
    this.device = new Map(Array.from({ length: DEVICE }, (_, frame) => [frame, new Uint8Array(this.size)]));
  }

  /** One step on some processor that does not linger; what must hold is looked at while none does. */
  next(): void {
    if (this.#left === 0 && this.random.below(120) === 0) {
      this.#slow = this.random.below(CPUS);
      this.#left = LINGERS;
      this.machine.parts.preemption.scheduler = { at: () => {}, isSlow: (cpu) => cpu === this.#slow };
    }
    this.machine.on(this.cpu(), () => this.step());
    if (this.#left > 0) {
      this.#left -= 1;
      this.longest = Math.max(this.longest, this.#shootdown?.waiting(this.#slow) ?? 0);
      if (this.#left > 0) return;
      this.machine.parts.preemption.scheduler = null;
      const late = this.machine.cpu(this.#slow);
      if (!late.tlbActive) this.#shootdown?.receive(late);
      this.#slow = -1;
    }
    assertInvariants(this.machine);
  }

  cpu(): number {
    const cpu = this.random.below(CPUS);
    return cpu === this.#slow ? (cpu + 1) % CPUS : cpu;
  }

  newPair(): Pair {
    return { space: this.machine.spaces.create(), areas: [] };
  }

  any<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)];
  }

  /** Where areas lie: near the bottom, and at the very top of the user range. */
  place(): number {
    const { units } = this.machine.parts;
    const low = 16 + this.random.below(64);
    if (this.random.below(4) > 0) return low;
    return Math.floor(Number(this.machine.architecture.layout.user.last >> BigInt(units.pageShift))) - this.random.below(24);
  }

  step(): void {
    const pair = this.any(this.pairs);
    const known = pair.areas.length === 0 ? undefined : this.any(pair.areas);
    const choice = this.random.below(20);
    if (known === undefined || choice < 2)
      this.any([
        () => this.create(pair),
        () => this.create(pair),
        () => this.createAnywhere(pair),
        () => this.createDevice(pair),
        () => this.createBare(pair),
      ])();
    else if (choice < 3) this.createImage(pair);
    else if (choice < 5) this.destroy(pair, known);
    else if (choice < 7) this.share(pair, known);
    else if (choice < 8) this.resize(pair, known);
    else if (choice < 9) this.protect(pair, known);
    else if (choice < 10) this.renew(pair);
    else {
      const cpu = this.cpu();
      this.machine.switchTo(pair.space, cpu);
      // One past the area as well, unless there is nothing past it.
      const page = Math.min(known.first + this.random.below(known.pages + 1), this.machine.parts.units.pageLimit - 1);
      if (known.kind === "none" && choice < 14) this.mapByHand(pair, known);
      else if (choice < 13) this.write(pair, page, cpu);
      else if (choice < 16) this.read(pair, page, cpu);
      else if (choice < 18) this.copyOut(pair, page, cpu);
      else if (choice < 19) this.fetch(pair, page, cpu);
      else this.copyIn(pair, page, cpu);
    }
  }

  /** Runs what the model expects to work, or to be refused as the caller's mistake. */
  attempt(name: string, shouldWork: boolean, work: () => unknown): boolean {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    try {
      work();
    } catch (error) {
      expect(error).to.be.instanceOf(PortolanError);
      expect(shouldWork, `${name}: ${String(error)}`).to.equal(false);
      return false;
    }
    expect(shouldWork, name).to.equal(true);
    return true;
  }

  at(pair: Pair, page: number): ModelArea | undefined {
    return pair.areas.find(({ first, pages }) => page >= first && page < first + pages);
  }

  get lastPage(): number {
    return Math.floor(Number(this.machine.architecture.layout.user.last >> BigInt(this.machine.parts.units.pageShift)));
  }

  isFree(pair: Pair, first: number, pages: number, but?: ModelArea, guard = but?.guard === true): boolean {
    if (first < 1 || first + pages - 1 > this.lastPage) return false;
    return pair.areas.every((other) => {
      const apart = other !== but && (guard || other.guard) ? 1 : 0;
      return other === but || first + pages + apart <= other.first || first >= other.first + other.pages + apart;
    });
  }

  address(page: number): bigint {
    return BigInt(page) * BigInt(this.size);
  }

  create(pair: Pair): void {
    const first = this.place();
    const pages = 1 + this.random.below(6);
    const request = { base: this.address(first), size: pages * this.size, flags: RW, backend: anonymous };
    if (!this.attempt("create", this.isFree(pair, first, pages), () => pair.space.createArea(request))) return;
    this.keep(pair, { first, pages, kind: "anonymous" });
  }

  /** What the model knows of a new area that may be read and written. */
  keep(pair: Pair, known: Pick<ModelArea, "first" | "pages" | "kind"> & Partial<ModelArea>): void {
    const zeroes = new Uint8Array(this.size);
    pair.areas.push({ flags: RW, memory: new Map(), shares: { count: 1 }, fresh: () => zeroes, guard: false, ...known });
  }

  /** The lowest place there is, found by trying every one. */
  createAnywhere(pair: Pair): void {
    const pages = 1 + this.random.below(6);
    const guard = this.random.below(2) === 0;
    const lowest = this.random.below(2) === 0 ? 16 + this.random.below(64) : this.lastPage - this.random.below(24);
    const highest = Math.min(this.lastPage, lowest + 8 + this.random.below(60));
    let first = lowest;
    while (first + pages - 1 <= highest && !this.isFree(pair, first, pages, undefined, guard)) first += 1;
    const bounds = { lowest: this.address(lowest), highest: this.address(highest + 1) - 1n };
    this.attempt("create anywhere", first + pages - 1 <= highest, () => {
      const { base } = pair.space.createArea({ size: pages * this.size, flags: RW, backend: anonymous, guard, ...bounds });
      expect(base).to.equal(this.address(first));
      this.keep(pair, { first, pages, kind: "anonymous", guard });
    });
  }

  /** Often larger than what it shows. */
  createDevice(pair: Pair): void {
    const first = this.place();
    const pages = 1 + this.random.below(DEVICE + 2);
    const backend = physical(this.deviceFrame * this.size, DEVICE);
    const request = { base: this.address(first), size: pages * this.size, flags: RW, backend };
    if (this.attempt("create device", this.isFree(pair, first, pages), () => pair.space.createArea(request)))
      this.keep(pair, { first, pages, kind: "device", memory: this.device, fresh: () => null });
  }

  createBare(pair: Pair): void {
    const first = this.place();
    const pages = 1 + this.random.below(6);
    const request = { base: this.address(first), size: pages * this.size, flags: RW, backend: null };
    if (this.attempt("create bare", this.isFree(pair, first, pages), () => pair.space.createArea(request)))
      this.keep(pair, { first, pages, kind: "none", fresh: () => null });
  }

  mapByHand(pair: Pair, known: ModelArea): void {
    const offset = this.random.below(known.pages);
    const frame = this.random.below(DEVICE);
    const works = !known.memory.has(offset);
    if (this.attempt("map by hand", works, () => pair.space.setMapping(this.address(known.first + offset), this.deviceFrame + frame)))
      known.memory.set(offset, this.device.get(frame) as Uint8Array);
  }

  createImage(pair: Pair): void {
    const { size, random } = this;
    const lead = random.below(size);
    const fileOffset = random.below(2) === 0 ? lead : random.below(size);
    const fileSize = random.below(2 * size);
    const memorySize = fileSize + 1 + random.below(size);
    const content = Uint8Array.from({ length: fileOffset + fileSize + 1 }, () => random.below(256));
    const pages = Math.ceil((lead + memorySize) / size);
    const writable = random.below(2) === 0;
    const flags = writable ? RW : AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;
    const first = this.place();
    const file = this.machine.loadImage(content);
    const backend = image(file, { lead, fileOffset, fileSize, memorySize, writable });
    const works = this.attempt("create image", this.isFree(pair, first, pages), () =>
      pair.space.createArea({ base: this.address(first), size: pages * size, flags, backend }),
    );
    file.close();
    if (!works) return;
    const bytes = new Uint8Array(pages * size);
    bytes.set(content.subarray(fileOffset, fileOffset + fileSize), lead);
    const fresh = (page: number): Uint8Array | null => (page < pages ? bytes.subarray(page * size, (page + 1) * size) : null);
    this.keep(pair, { first, pages, flags, fresh, kind: "image" });
  }

  destroy(pair: Pair, known: ModelArea): void {
    this.attempt("destroy", true, () => pair.space.destroyArea(this.address(known.first + this.random.below(known.pages))));
    known.shares.count -= 1;
    pair.areas.splice(pair.areas.indexOf(known), 1);
  }

  share(from: Pair, known: ModelArea): void {
    const to = this.any(this.pairs);
    const first = this.place();
    const flags = this.random.below(2) === 0 ? known.flags : AREA_READ;
    const works = known.kind !== "none" && this.isFree(to, first, known.pages, undefined, false) && (known.flags & flags) === flags;
    const size = known.pages * this.size;
    if (!this.attempt("share", works, () => from.space.shareArea(this.address(known.first), size, to.space, this.address(first), flags)))
      return;
    known.shares.count += 1;
    to.areas.push({ ...known, first, flags: flags | (known.flags & AREA_CACHEABLE), guard: false });
  }

  resize(pair: Pair, known: ModelArea): void {
    const inside = this.random.below(known.pages);
    const more = this.random.below(6);
    const pages = inside + more;
    const works =
      known.kind !== "device" &&
      known.shares.count === 1 &&
      pages > 0 &&
      (pages <= known.pages || this.isFree(pair, known.first, pages, known));
    if (!this.attempt("resize", works, () => pair.space.resizeArea(this.address(known.first + inside), more * this.size))) return;
    for (let page = pages; page < known.pages; page += 1) known.memory.delete(page);
    known.pages = pages;
  }

  protect(pair: Pair, known: ModelArea): void {
    const flags = this.any([AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE, AREA_WRITE | AREA_EXECUTE]);
    const works = known.shares.count === 1 && known.kind === "anonymous" && flags !== (AREA_WRITE | AREA_EXECUTE);
    if (this.attempt("change flags", works, () => pair.space.changeAreaFlags(this.address(known.first), flags)))
      known.flags = flags | AREA_CACHEABLE;
  }

  /** The space goes, and another one comes in its place. */
  renew(pair: Pair): void {
    if (this.#slow >= 0 && this.machine.installed(this.#slow) === pair.space) return;
    for (let cpu = 0; cpu < CPUS; cpu += 1) if (this.machine.installed(cpu) === pair.space) this.machine.switchToKernel(cpu);
    this.attempt("renew", true, () => pair.space.destroy());
    for (const known of pair.areas) known.shares.count -= 1;
    this.pairs[this.pairs.indexOf(pair)] = this.newPair();
  }

  /** The bytes a page shows, or null if the access must be refused. `told` is what the machine tells of an access. */
  shown(pair: Pair, page: number, access: 1 | 2 | 4): { readonly bytes: Uint8Array; readonly keep: () => Uint8Array } | null {
    const here = this.at(pair, page);
    if (here === undefined) return null;
    // What a miss tells may be less exact than what a refusal tells; the access must survive both.
    const { faults } = this.machine.architecture;
    for (const reason of [ABSENT, PROTECTION] as const) if ((here.flags & faults.told(reason, access, USER)) === 0) return null;
    const offset = page - here.first;
    const bytes = here.memory.get(offset) ?? here.fresh(offset);
    if (bytes === null) return null;
    return {
      bytes,
      keep: () => {
        const own = here.memory.get(offset) ?? Uint8Array.from(bytes);
        here.memory.set(offset, own);
        return own;
      },
    };
  }

  word(bytes: Uint8Array, offset: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return view.getUint32(offset, this.machine.architecture.byteOrder === "little");
  }

  write(pair: Pair, page: number, cpu: number): void {
    const offset = this.random.below(this.size / 4) * 4;
    const value = this.random.word();
    const shown = this.shown(pair, page, 2);
    this.attempt("write", true, () =>
      expect(this.machine.write32(this.address(page) + BigInt(offset), value, cpu), this.machine.outcome?.rule).to.equal(shown !== null),
    );
    if (shown === null) return;
    const own = shown.keep();
    new DataView(own.buffer, own.byteOffset).setUint32(offset, value, this.machine.architecture.byteOrder === "little");
  }

  read(pair: Pair, page: number, cpu: number): void {
    const offset = this.random.below(this.size / 4) * 4;
    const shown = this.shown(pair, page, 1);
    const expected = shown === null ? -1 : this.word(shown.bytes, offset);
    this.attempt("read", true, () => expect(this.machine.read32(this.address(page) + BigInt(offset), cpu)).to.equal(expected));
  }

  fetch(pair: Pair, page: number, cpu: number): void {
    const shown = this.shown(pair, page, 4);
    const expected = shown === null ? [-1] : [this.word(shown.bytes, 64)];
    // A machine that cannot forbid it fetches from any page that is in and may be read; the area is asked about others only.
    const readable = this.machine.architecture.can.forbidExecute ? null : this.shown(pair, page, 1);
    if (readable !== null) expected.push(this.word(readable.bytes, 64));
    this.attempt("fetch", true, () => expect(this.machine.fetch32(this.address(page) + 64n, cpu)).to.be.oneOf(expected));
  }

  /** How many of `length` bytes from an address the user may reach, page by page. */
  reach(pair: Pair, page: number, offset: number, length: number, access: 1 | 2): number {
    let done = 0;
    while (done < length) {
      if (this.shown(pair, page + Math.floor((offset + done) / this.size), access) === null) return done;
      done += Math.min(length - done, this.size - ((offset + done) % this.size));
    }
    return done;
  }

  copyIn(pair: Pair, page: number, cpu: number): void {
    const offset = this.random.below(this.size);
    const source = Uint8Array.from({ length: 1 + this.random.below(2 * this.size) }, () => this.random.below(256));
    const reach = this.reach(pair, page, offset, source.length, 2);
    this.attempt("copy in", true, () => expect(this.machine.copyToUser(this.address(page) + BigInt(offset), source, cpu)).to.equal(reach));
    for (let i = 0; i < reach; i += 1) {
      const own = this.shown(pair, page + Math.floor((offset + i) / this.size), 2)?.keep() as Uint8Array;
      own[(offset + i) % this.size] = source[i];
    }
  }

  copyOut(pair: Pair, page: number, cpu: number): void {
    const offset = this.random.below(this.size);
    const target = new Uint8Array(1 + this.random.below(2 * this.size));
    const reach = this.reach(pair, page, offset, target.length, 1);
    this.attempt("copy out", true, () =>
      expect(this.machine.copyFromUser(this.address(page) + BigInt(offset), target, cpu)).to.equal(reach),
    );
    const expected = new Uint8Array(target.length);
    for (let i = 0; i < reach; i += 1) {
      const shown = this.shown(pair, page + Math.floor((offset + i) / this.size), 1);
      expected[i] = shown?.bytes[(offset + i) % this.size] as number;
    }
    expect(Buffer.compare(target, expected)).to.equal(0);
  }
}

describe("address spaces against a naive model", () => {
  for (const architecture of machines) {
    for (const seed of [1, 2, 3]) {
      it(`${architecture.name} agrees over 750 operations on three processors from seed ${seed}`, () => {
        const play = new Play(architecture, seed);
        for (let step = 0; step < 750; step += 1) play.next();
        const names = [
          "create",
          "create anywhere",
          "create bare",
          "create device",
          "create image",
          "map by hand",
          "destroy",
          "share",
          "resize",
          "change flags",
          "renew",
          "write",
          "read",
          "fetch",
          "copy in",
          "copy out",
        ];
        expect([...play.done.keys()]).to.include.members(names);
        expect(play.longest, "a queue that was full").to.equal(10);
        if (architecture.asids.policy !== "fixed") expect(play.machine.parts.asids.stolen).to.be.greaterThan(20);
      });
    }
  }
});
