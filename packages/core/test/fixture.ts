/** Machines for tests: small, seeded, checked after every step. */
import { abs32le } from "@portolan/arch-abs32le";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  type AddressSpace,
  type Machine,
  type MachineOptions,
} from "#src/index.js";

export const PAGE = 0x1000;
export const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
export const RO = AREA_READ | AREA_CACHEABLE;

export const paper = (options: MachineOptions = {}): Machine => buildMachine(abs32le, { memoryBytes: 2 ** 20, ...options });

/** A space installed on processor 0. */
export const installed = (machine: Machine, cpu = 0): AddressSpace => {
  const space = machine.spaces.create();
  machine.switchTo(space, cpu);
  return space;
};

export const area = (space: AddressSpace, base: number, pages: number, flags = RW): void =>
  void space.createArea({ base, size: pages * PAGE, flags, backend: anonymous });
