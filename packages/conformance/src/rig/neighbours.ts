/** Spaces that had, or have, pages where a clause looks: what may linger of them is what it must not see. */
import { anonymous, AREA_CACHEABLE, AREA_READ, AREA_WRITE, EXECUTE, USER, type AddressSpace, type Machine } from "@portolan/core";

/** What they wrote. */
const THEIRS = 0xbad;

/** A space with pages [first, first + count), in machine pages, that every processor has written and fetched. */
export const neighbour = (machine: Machine, first: number, count: number): AddressSpace => {
  const { units } = machine.parts;
  const space = machine.spaces.create();
  space.createArea({
    base: units.addressOf(first),
    size: units.bytesOf(count),
    flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE,
    backend: anonymous,
  });
  use(machine, space, first, count);
  return space;
};

/** A child of such a space, which has unmapped what it was given there; its parent lives on, and was the last to use the addresses. */
export const childOfNeighbour = (machine: Machine, first: number, count: number): AddressSpace => {
  const { units } = machine.parts;
  const parent = neighbour(machine, first, count);
  const child = machine.spaces.fork(parent);
  child.unmap(units.addressOf(first), units.bytesOf(count));
  use(machine, parent, first, count);
  return child;
};

const use = (machine: Machine, space: AddressSpace, first: number, count: number): void => {
  const { units } = machine.parts;
  const perPage = units.pageSize / 2 ** machine.architecture.hardwarePageShift;
  for (const { id } of machine.cpus) {
    machine.switchTo(space, id);
    for (let page = first; page < first + count; page += 1) {
      machine.write32(units.addressOf(page), THEIRS, id);
      machine.cpu(id).translate(page * perPage, EXECUTE, USER);
    }
  }
};
