/** Machines for tests: small, seeded, under a lock discipline that checks, looked over after every step. */
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { arm, arm32 } from "@portolan/arch-arm";
import { arm64With } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { mips32 } from "@portolan/arch-mips32";
import { riscv64, riscv64With } from "@portolan/arch-riscv64";
import { sparc64 } from "@portolan/arch-sparc64";
import { AllocationGate, ALLOCATION_GATE } from "#src/allocation-gate.js";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  LockOrder,
  PortolanError,
  type AddressSpace,
  type Architecture,
  type ErrorCode,
  type Machine,
  type MachineOptions,
  type PageTables,
  type Replace,
} from "#src/index.js";
import { expect } from "chai";
import { wide64 } from "./wide64.js";

/** The page of machines that have 4 KiB. */
export const PAGE = 0x1000;
export const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
export const RO = AREA_READ | AREA_CACHEABLE;
export const RX = AREA_READ | AREA_EXECUTE | AREA_CACHEABLE;

/** ASIDs, a root of the kernel's own, and accesses that software records. */
const armv7 = arm({ processor: "cortexa9", ttbcrN: 1, accessFlag: true });

/** Four levels, no ASIDs, accesses and first writes that the handler marks. */
const riscv48 = riscv64With({ mode: "sv48", asidBits: 0, marks: "fault", name: "riscv48" });

/** A root for each half of sign-extended addresses, pages of 16 KiB, a report that tells the level. */
const arm64g16 = arm64With({ granule: 16 });

/** Every machine that the core is tested on; the one place where they are listed. */
export const machines: readonly Architecture[] = [abs32le, ia32, amd64, arm32, armv7, arm64g16, mips32, riscv64, riscv48, sparc64, wide64];

/**
 * A page of the kernel's range that tables translate: the sixteenth above its beginning, or above a window in it; in a space of
 * the kernel's own one above what refill code may give without a table.
 */
export const kernelPlace = ({ layout, pageShift }: Architecture): bigint => {
  if (layout.kernelAddressSpaceShadowed) return layout.kernel.first + (1024n << BigInt(pageShift));
  let first = layout.kernel.first;
  for (const { last } of (layout.windows ?? []).toSorted((one, other) => Number(one.first - other.first))) {
    if (first <= last) first = last + 1n;
  }
  return first + (16n << BigInt(pageShift));
};

/** The same machine with so few ASIDs that three processors and a few spaces steal them all the time. */
export const fewAsids = (architecture: Architecture): Architecture =>
  architecture.asids.policy === "fixed"
    ? architecture
    : { ...architecture, asids: { ...architecture.asids, last: architecture.asids.first + 4 } };

/** An allocation that may sleep, in a place where nobody may. */
class WatchfulGate extends AllocationGate {
  order: LockOrder | null = null;

  override pass(kind: string): void {
    this.order?.assertMaySleep(kind);
    super.pass(kind);
  }
}

/** Page tables are touched under their lock only. */
const watchTables = (tables: PageTables, order: LockOrder): void => {
  for (const name of ["insert", "find", "update", "mark", "remove"] as const) {
    const original = tables[name] as (...rest: unknown[]) => unknown;
    const value = (...rest: [{ readonly id: number }, ...unknown[]]): unknown => {
      order.assertHeldWithin("page-table", rest[0].id);
      return original.apply(tables, rest);
    };
    Object.defineProperty(tables, name, { value });
  }
};

/** A machine whose locks and tables are watched. 256 frames of RAM unless asked otherwise. */
export const build = (architecture: Architecture, options: MachineOptions = {}, replace: Replace = () => {}): Machine => {
  const gate = new WatchfulGate();
  const machine = buildMachine(architecture, { memoryBytes: 256 * 2 ** architecture.pageShift, ...options }, (parts) => {
    parts.register(ALLOCATION_GATE, () => gate);
    replace(parts);
  });
  const order = new LockOrder(machine.parts.preemption);
  machine.parts.locks.discipline = order;
  gate.order = order;
  watchTables(machine.parts.tables, order);
  return machine;
};

export const paper = (options: MachineOptions = {}, replace: Replace = () => {}): Machine => build(abs32le, options, replace);

/** A space installed on a processor. */
export const installed = (machine: Machine, cpu = 0): AddressSpace => {
  const space = machine.spaces.create();
  machine.switchTo(space, cpu);
  return space;
};

/** An anonymous area. Base in bytes, length in pages. */
export const area = (space: AddressSpace, base: number, pages: number, flags = RW): void =>
  void space.createArea({ base, size: pages * space.parts.units.pageSize, flags, backend: anonymous });

/** Runs work that the core must refuse as the caller's mistake. */
export const refuses = (code: ErrorCode, work: () => unknown): void => {
  expect(work).to.throw(PortolanError).with.property("code", code);
};
