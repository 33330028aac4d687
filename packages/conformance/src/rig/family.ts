/**
 * Spaces that fork, looked at through a processor in the state that the trait says. A page's word is the one at its
 * beginning. Operations are done on processor 0; under the trait `other` another one looks, and has looked before.
 */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  FileObject,
  MemorySwap,
  objectGraph,
  type AddressSpace,
  type AreaFlags,
  type Backend,
  type Machine,
  type MachineOptions,
  type ObjectGraph,
  type Pager,
  type SwapDevice,
} from "@portolan/core";
import { same } from "../failure.js";
import type { Rig } from "./rig.js";

export const RW: AreaFlags = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
export const RO: AreaFlags = AREA_READ | AREA_CACHEABLE;
export const RX: AreaFlags = AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;

/** A family is looked at with empty buffers, after others had its numbers, and from another processor. */
export const USUAL = ["cold", "recycled", "other"] as const;

/** Slots of the swap device. */
const SLOTS = 512;

/** A device that takes nothing: no page can leave memory. */
export const FULL: SwapDevice = {
  slots: 1,
  read: (_slot, _bytes, done) => done(false),
  write: (_slot, _bytes, done) => done(false),
};

export class Family {
  readonly rig: Rig;
  readonly machine: Machine;
  readonly swap: MemorySwap;
  /** The space that others are forked from. */
  readonly parent: AddressSpace;
  readonly #looker: number;
  readonly #first: number;

  constructor(rig: Rig, options: MachineOptions = {}) {
    this.rig = rig;
    const cpus = rig.trait === "other" ? 2 : 1;
    this.swap = new MemorySwap(SLOTS);
    this.machine = rig.build({ cpus, swap: this.swap, ...options });
    this.#looker = cpus - 1;
    this.#first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    if (rig.trait === "recycled") for (let i = 0; i < 6; i += 1) this.#former();
    this.parent = this.machine.spaces.create();
  }

  /** Address of a page of the scene. */
  at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.#first + page);
  }

  bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }

  area(page: number, pages: number, flags: AreaFlags = RW, space: AddressSpace = this.parent, backend: Backend = anonymous): void {
    space.createArea({ base: this.at(page), size: this.bytes(pages), flags, backend });
  }

  /** Writes `word + i` to page `page + i`. */
  fill(page: number, pages: number, word: number, space: AddressSpace = this.parent): void {
    for (let i = 0; i < pages; i += 1) same(this.write(space, page + i, word + i), true, `a write to page ${page + i}`);
  }

  /** True if the word was written; `machine.outcome` says why not. */
  write(space: AddressSpace, page: number, word: number): boolean {
    this.#look(space);
    return this.machine.write32(this.at(page), word, this.#looker);
  }

  /** The word, or −1. */
  read(space: AddressSpace, page: number): number {
    this.#look(space);
    return this.machine.read32(this.at(page), this.#looker);
  }

  fetch(space: AddressSpace, page: number): number {
    this.#look(space);
    return this.machine.fetch32(this.at(page), this.#looker);
  }

  words(space: AddressSpace, page: number, pages: number): number[] {
    return Array.from({ length: pages }, (_, i) => this.read(space, page + i));
  }

  /** Forks on processor 0, while the one that looks has the parent's pages in its buffers. */
  fork(space: AddressSpace = this.parent): AddressSpace {
    if (this.#looker > 0) this.#look(space);
    return this.machine.on(0, () => this.machine.spaces.fork(space));
  }

  /** The last user of a space leaves it. */
  exit(space: AddressSpace): void {
    for (const { id } of this.machine.cpus) if (this.machine.installed(id) === space) this.machine.switchToKernel(id);
    this.machine.on(0, () => space.destroy());
  }

  /** Work on a space, as done on processor 0. */
  change<T>(work: () => T): T {
    return this.machine.on(0, work);
  }

  /** Maps a page by hand that stays mapped: so do the tables for it and its neighbours, and their frames are no way out of a shortage. */
  pin(page: number): void {
    const { frames } = this.machine.parts;
    const frame = frames.takeZeroed();
    this.parent.createArea({ base: this.at(page), size: this.bytes(1), flags: RW, backend: null });
    this.parent.setMapping(this.at(page), frame);
    frames.release(frame);
  }

  /** A file whose pager is the clause's own. */
  file(pager: Pager, length: number): FileObject {
    return new FileObject(this.machine.parts, pager, { length });
  }

  /** Sends every page that can go to the swap device, on processor 0. */
  pushOut(): void {
    this.change(() => {
      for (let round = 0; round < 8 && this.machine.parts.reclaimer.reclaim(1024) === "frames"; round += 1);
    });
  }

  graph(): ObjectGraph {
    return objectGraph(this.machine.spaces.live());
  }

  get shadows(): number {
    return this.graph().objects.filter(({ kind }) => kind === "shadow").length;
  }

  get free(): number {
    return this.machine.parts.frames.free;
  }

  /** What an area shows where, in words. */
  list(...spaces: readonly AddressSpace[]): string {
    return spaces.map((space) => space.print()).join("\n");
  }

  done(): void {
    assertInvariants(this.machine);
  }

  #look(space: AddressSpace): void {
    for (const { id } of this.machine.cpus) if (this.machine.installed(id) !== space) this.machine.switchTo(space, id);
    if (this.rig.trait !== "cold") return;
    const { dataTlb, instructionTlb } = this.machine.cpu(this.#looker);
    for (const tlb of new Set([dataTlb, instructionTlb])) tlb.forget(false, false);
    space.context.cache?.invalidate(0, Infinity);
  }

  #former(): void {
    const space = this.machine.spaces.create();
    this.area(0, 12, RW, space);
    for (let page = 0; page < 12; page += 1) this.write(space, page, 0xbad);
  }
}

/** A family, what is done with it, and the invariants afterwards. */
export const family =
  (work: (family: Family) => void, options: MachineOptions = {}) =>
  (rig: Rig): void => {
    const made = new Family(rig, options);
    work(made);
    made.done();
  };
