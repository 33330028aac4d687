/** What is decided before any table is asked: by the address alone. Slow and obvious, on bigints. */
import type { Architecture } from "../architecture/architecture.js";
import { BAD_ADDRESS, BUS, NO_FAULT, type FaultReason } from "../architecture/faults.js";
import { KERNEL, USER, type Access, type Privilege } from "../architecture/rights.js";
import type { Walk } from "../architecture/walk.js";
import type { PhysicalMemory } from "../machine/physical-memory.js";

/** The whole answer, or null where tables or TLBs have to be asked. */
export const explainAddress = (
  architecture: Architecture,
  memory: PhysicalMemory,
  address: bigint,
  access: Access,
  privilege: Privilege,
): Walk | null => {
  const { windows = [] } = architecture.layout;
  const window = windows.find(({ first, last }) => address >= first && address <= last);
  const answer = (reason: FaultReason, rule: string, physical: bigint | null = null): Walk => ({
    address,
    access,
    privilege,
    steps: [],
    physical,
    reason,
    rule,
    manual: architecture.manuals[0] ?? "",
    kernelRights: window === undefined ? 0 : 7,
    userRights: window?.privilege === USER ? 7 : 0,
  });
  if (privilege === USER && !isUsers(architecture, address))
    return answer(BAD_ADDRESS, `the user may name addresses up to ${hexadecimal(architecture.layout.user.last)} only`);
  if (window === undefined) return null;
  const { name, first, last, cacheable } = window;
  const range = `${name}, ${hexadecimal(first)} to ${hexadecimal(last)}`;
  if (privilege === USER && window.privilege === KERNEL) return answer(BAD_ADDRESS, `${range}, is the kernel's alone`);
  const physical = window.physical + (address - first);
  const rule = `${range}, names physical memory from ${hexadecimal(window.physical)} on, ${cacheable ? "cached" : "uncached"}: no table is asked and no TLB`;
  return memory.isBacked(Number(physical)) ? answer(NO_FAULT, rule, physical) : answer(BUS, `${rule}; there is none here`);
};

/** A walk of tables whose entries do not tell the user from the kernel, with what the address says besides. */
export const confined = (architecture: Architecture, walk: Walk): Walk =>
  isUsers(architecture, walk.address) ? walk : { ...walk, userRights: 0 };

/** False where the address alone forbids it to the user. */
const isUsers = ({ layout }: Architecture, address: bigint): boolean =>
  layout.privilegeByAddress !== true || (address >= layout.user.first && address <= layout.user.last);

const hexadecimal = (address: bigint): string => `0x${address.toString(16)}`;
