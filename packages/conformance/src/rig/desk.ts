/** Where clauses about areas work: a machine with two spaces. Sizes are pages of the machine, numbered from the desk's first one. */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  MemorySwap,
  type AddressSpace,
  type AreaFlags,
  type Machine,
  type MachineOptions,
} from "@portolan/core";
import { same } from "../failure.js";
import { childOfNeighbour, neighbour } from "./neighbours.js";
import { codeOf, refuses, type Rig } from "./rig.js";

/** Flags of areas: read and write, read only, read and execute. */
export const RW: AreaFlags = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
export const RO: AreaFlags = AREA_READ | AREA_CACHEABLE;
export const RX: AreaFlags = AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;
/** Traits under which areas are looked at. */
export const USUAL = ["cold", "recycled", "forked", "other"] as const;
/** The same, for what does not depend on where pages are. */
export const CONTENTS = [...USUAL, "swapped"] as const;

/** Pages that others have, or had, at the desk's addresses. */
const NEIGHBOURS = 12;
/** Slots of the swap device, where there is one. */
const SLOTS = 256;
/** Rounds of reclaiming after which nothing more goes. */
const MOST_ROUNDS = 4;

/** Two spaces on a machine: `a` installed on every processor, `b` on none. */
export class Desk {
  readonly machine: Machine;
  readonly rig: Rig;
  readonly a: AddressSpace;
  readonly b: AddressSpace;
  /** The processor that accesses; work is done on processor 0. */
  readonly looker: number;
  readonly first: number;

  constructor(rig: Rig, options: MachineOptions = {}) {
    this.rig = rig;
    const cpus = rig.trait === "other" ? 2 : 1;
    this.machine = rig.build({ cpus, ...(rig.trait === "swapped" ? { swap: new MemorySwap(SLOTS) } : {}), ...options });
    this.looker = cpus - 1;
    this.first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    // Others have had the numbers, and pages at these addresses.
    if (rig.trait === "recycled") for (let i = 0; i < 6; i += 1) neighbour(this.machine, this.first, NEIGHBOURS);
    this.a = rig.trait === "forked" ? childOfNeighbour(this.machine, this.first, NEIGHBOURS) : this.machine.spaces.create();
    this.b = this.machine.spaces.create();
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.a, id);
  }

  at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.first + page);
  }

  bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }

  area(page: number, pages: number, flags: AreaFlags = RW, space: AddressSpace = this.a): void {
    space.createArea({ base: this.at(page), size: this.bytes(pages), flags, backend: anonymous });
  }

  write(page: number, value: number): boolean {
    this.#leave();
    return this.machine.write32(this.at(page), value, this.looker);
  }

  read(page: number): number {
    this.#leave();
    return this.machine.read32(this.at(page), this.looker);
  }

  install(space: AddressSpace): void {
    for (const { id } of this.machine.cpus) this.machine.switchTo(space, id);
  }

  get free(): number {
    return this.machine.parts.frames.free;
  }

  done(): void {
    assertInvariants(this.machine);
  }

  /** Under the trait that says so nothing is in memory that can be elsewhere. */
  #leave(): void {
    if (this.rig.trait !== "swapped") return;
    const { reclaimer } = this.machine.parts;
    this.machine.on(0, () => {
      for (let round = 0; round < MOST_ROUNDS && reclaimer.reclaim(SLOTS) === "frames"; round += 1);
    });
  }
}

/** A desk, work at it, and the invariants afterwards. */
export const at =
  (work: (desk: Desk) => void, options: MachineOptions = {}) =>
  (rig: Rig): void => {
    const desk = new Desk(rig, options);
    work(desk);
    desk.done();
  };

/** A space's areas, to be compared. */
export const list = (space: AddressSpace): string => space.print();

/** Each refused, and nothing changed by it. */
export const refusals = (desk: Desk, cases: readonly (readonly [what: string, code: string, work: () => unknown])[]): void => {
  for (const [what, code, work] of cases) {
    const [before, free] = [`${list(desk.a)}\n${list(desk.b)}`, desk.free];
    refuses(code, work, what);
    same(`${list(desk.a)}\n${list(desk.b)}`, before, `areas after a refused operation (${what})`);
    same(desk.free, free, `free frames after a refused operation (${what})`);
    desk.done();
  }
};

/** What an end beyond the range is called: no such address, or no such range. */
export const codeBeyond = (desk: Desk): string => {
  const code = codeOf(() => {
    const { units } = desk.machine.parts;
    const { user } = desk.rig.architecture.layout;
    desk.b.createArea({ base: units.addressOf(units.pageOf(user.last)), size: desk.bytes(2), flags: RW, backend: anonymous });
  });
  return ["ERR_AREA_RANGE", "ERR_BAD_ADDRESS", "ERR_BAD_ARGUMENT"].includes(code) ? code : "ERR_AREA_RANGE";
};
