/**
 * The first and the last page of every range, mapped through the core's own tables, and what lies beside them: the hole, windows,
 * the end of the address space.
 */
import {
  buildMachine,
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_USER,
  READ,
  WRITE,
  type Architecture,
  type PageFlags,
  type Random,
} from "@portolan/core";
import type { Subject } from "@portolan/conformance";
import type { BlankCase } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { ACCESSES, PRIVILEGES, settingOf } from "./asked.js";
import { caseOfMachine } from "./of-machine.js";

const KINDS: readonly PageFlags[] = [
  READ | WRITE | EXECUTE | PAGE_USER | PAGE_CACHEABLE,
  READ | WRITE | PAGE_CACHEABLE,
  READ | PAGE_USER | PAGE_CACHEABLE,
  READ | EXECUTE | PAGE_CACHEABLE,
];

/** Pages where something begins or ends, in bytes. */
export const edgesOf = ({ layout, virtualBits, virtualRule, pageShift }: Architecture): readonly bigint[] => {
  const size = 1n << BigInt(pageShift);
  const ranges = [layout.user, layout.kernel, ...(layout.windows ?? [])];
  const middle = 1n << BigInt(virtualBits - 1);
  const ends = [
    ...ranges.flatMap(({ first, last }) => [first, last + 1n]),
    middle,
    1n << BigInt(virtualBits),
    ...(virtualRule === "sign-extended" ? [(1n << 64n) - middle, 1n << 64n, 1n << 63n] : []),
  ];
  const width = virtualRule === "sign-extended" ? 1n << 64n : 1n << BigInt(virtualBits);
  const pages = ends.flatMap((end) => [end - 2n * size, end - size, end, end + size]);
  return [...new Set(pages.filter((page) => page >= 0n && page < width))];
};

/** One case for each kind of page: all edges, looked at in the page's first and last slot and one between. */
export const edgeCases = function* (profile: MachineProfile, subject: Subject, random: Random): Generator<BlankCase> {
  const { architecture, replace } = subject;
  const { cases, slot } = profile;
  for (const flags of KINDS) {
    const machine = buildMachine(
      architecture,
      { memoryBase: cases.first, memoryBytes: cases.bytes, seed: 1, switches: settingOf(architecture, random) },
      replace,
    );
    const { units, tables, frames } = machine.parts;
    const space = machine.spaces.create();
    const edges = edgesOf(architecture);
    for (const address of edges) {
      const page = Number(address >> BigInt(architecture.pageShift));
      if (!units.isCanonical(page) || random.below(4) === 0) continue;
      const isUsers = address >= architecture.layout.user.first && address <= architecture.layout.user.last;
      const isKernels = address >= architecture.layout.kernel.first && address <= architecture.layout.kernel.last;
      if (!isUsers && !isKernels) continue;
      tables.insert(isUsers ? space.context : machine.spaces.kernel.context, page, frames.takeZeroed(), flags);
    }
    const bytes = BigInt(1 << architecture.hardwarePageShift);
    const within = [0n, bytes - BigInt(slot.bytes), BigInt(random.below(Number(bytes) / slot.bytes) * slot.bytes)];
    const queries = edges
      .flatMap((page) => within.map((offset) => page + offset))
      .flatMap((address) => ACCESSES.flatMap((access) => PRIVILEGES.map((privilege) => ({ address, access, privilege }))));
    yield caseOfMachine(machine, space, `edges of ranges, pages with flags ${flags}`, queries);
  }
};
