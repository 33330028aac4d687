/** What the address alone decides, before any table or TLB is asked. */
import {
  ALL_RIGHTS,
  BAD_ADDRESS,
  KERNEL,
  NO_FAULT,
  USER,
  type Architecture,
  type FaultReason,
  type Privilege,
  type Rights,
} from "@portolan/core/architecture";
import type { Addresses } from "./addresses.js";
import { hexadecimal } from "./in-words.js";

/** A verdict without a look at anything. */
export interface AddressVerdict {
  readonly reason: FaultReason;
  readonly rule: string;
  readonly rights: Rights;
  /** Of the byte, where the address names physical memory directly. */
  readonly physical: bigint | null;
}

/** May the user name this address at all, whatever is mapped there? */
export const isUsersAddress = ({ layout }: Architecture, address: bigint): boolean =>
  layout.privilegeByAddress !== true || (address >= layout.user.first && address <= layout.user.last);

/** What keeps a number from being an address. */
const whyNone = ({ virtualBits, wordBits, virtualRule }: Architecture, address: bigint): string => {
  if (address < 0n || address >> BigInt(wordBits) !== 0n) return `addresses have ${wordBits} bits`;
  return virtualRule === "sign-extended"
    ? `it is not canonical, since bits ${wordBits - 1}:${virtualBits} are not all equal to bit ${virtualBits - 1}`
    : `addresses end at ${hexadecimal((1n << BigInt(virtualBits)) - 1n)}`;
};

/** The verdict, or null where somebody has to be asked. */
export const verdictOfAddress = (addresses: Addresses, address: bigint, privilege: Privilege): AddressVerdict | null => {
  const { architecture } = addresses;
  const { layout } = architecture;
  const refused = (rule: string): AddressVerdict => ({ reason: BAD_ADDRESS, rule, rights: 0, physical: null });
  if (!addresses.isCanonical(address))
    return refused(`the address is one that the machine cannot translate: ${whyNone(architecture, address)}`);
  if (privilege === USER && !isUsersAddress(architecture, address))
    return refused(`the user may name addresses up to ${hexadecimal(layout.user.last)} only`);
  const window = layout.windows?.find((one) => address >= one.first && address <= one.last);
  if (window === undefined) return null;
  if (privilege === USER && window.privilege === KERNEL) return refused(`${window.name} is the kernel's alone`);
  return {
    reason: NO_FAULT,
    rule: `${window.name} names physical memory directly: no table is asked`,
    rights: window.privilege === USER ? ALL_RIGHTS : 7,
    physical: window.physical + address - window.first,
  };
};
