/**
 * Copying between the kernel and a user space, as the user: the user's rights decide, and a fault that nobody can serve
 * ends the copy instead of the machine.
 *
 * @see HelenOS kernel/generic/src/syscall/copy.c
 */
import { READ, USER, WRITE, type Access } from "../architecture/rights.js";
import type { Cpu } from "../machine/cpu.js";
import type { Wide } from "../units/address-units.js";
import type { AddressSpace } from "./address-space.js";
import { answerFault, OK } from "./fault.js";
import type { SpaceParts } from "./parts.js";

/**
 * Copies bytes of the space installed on `cpu` into `target`.
 * @returns bytes copied: `target.length`, or fewer if a page could not be read, or is on its way (`space.verdict` says
 *   which); a prefix of `target` is filled then, and the copy can go on behind it
 */
export const copyFromUser = (parts: SpaceParts, cpu: Cpu, space: AddressSpace, address: Wide, target: Uint8Array): number =>
  eachPart(parts, cpu, space, address, target.length, READ, (physical, from, count) =>
    parts.memory.readBytes(physical, target.subarray(from, from + count)),
  );

/**
 * Copies `source` into the space installed on `cpu`.
 * @returns bytes copied: `source.length`, or fewer if a page could not be written, or is on its way
 */
export const copyToUser = (parts: SpaceParts, cpu: Cpu, space: AddressSpace, address: Wide, source: Uint8Array): number =>
  eachPart(parts, cpu, space, address, source.length, WRITE, (physical, from, count) =>
    parts.memory.writeBytes(physical, source.subarray(from, from + count)),
  );

const eachPart = (
  parts: SpaceParts,
  cpu: Cpu,
  space: AddressSpace,
  address: Wide,
  length: number,
  access: Access,
  copy: (physical: number, from: number, count: number) => void,
): number => {
  const { units, architecture, preemption } = parts;
  // By shifts: a power is kept as a double, and so is what is reckoned with it.
  const hardwareSize = 1 << architecture.hardwarePageShift;
  const perPage = 1 << (architecture.pageShift - architecture.hardwarePageShift);
  let page = units.pageOf(address);
  let offset = units.offsetOf(address);
  let done = 0;
  while (done < length) {
    if (!isUserPage(parts, page)) return done;
    const hardwarePage = page * perPage + Math.floor(offset / hardwareSize);
    const within = offset % hardwareSize;
    const count = Math.min(length - done, hardwareSize - within);
    const frame = reach(cpu, space, page, hardwarePage, access, architecture.faults.told);
    if (frame < 0) return done;
    copy(frame * hardwareSize + within, done, count);
    preemption.at("copy-page");
    done += count;
    offset += count;
    if (offset >= units.pageSize) {
      offset -= units.pageSize;
      page += 1;
    }
  }
  return done;
};

/** Translates, letting faults be served on the way. The hardware frame, or −1. */
const reach = (
  cpu: Cpu,
  space: AddressSpace,
  page: number,
  hardwarePage: number,
  access: Access,
  told: SpaceParts["architecture"]["faults"]["told"],
): number => {
  for (;;) {
    const frame = cpu.translate(hardwarePage, access, USER);
    if (frame >= 0) return frame;
    const { reason } = cpu.fault;
    if (answerFault(space, page, reason, told(reason, access, USER, cpu.switches), true) !== OK) return -1;
  }
};

/** Where kernel and user share one space, the kernel's half is out of bounds. */
export const isUserPage = (parts: SpaceParts, page: number): boolean => {
  const { units, architecture } = parts;
  if (!units.isCanonical(page)) return false;
  const { user, kernelAddressSpaceShadowed } = architecture.layout;
  return kernelAddressSpaceShadowed || (page >= units.pageOf(user.first) && page <= units.pageOf(user.last));
};
