/**
 * The contract a port signs: a value that describes a machine. Types only; what the core does with it lives in the
 * rooms above. A new machine is a page of data from its manual plus the few things it truly does differently.
 */
import type { Token } from "../token.js";
import type { Level, Switches } from "./entry-format.js";
import type { FaultDecoding } from "./faults.js";
import type { Privilege, Rights } from "./rights.js";
import type { TlbOrganisation } from "./tlb-organisation.js";

/** Raised when the rules of this contract change; a port is checked against it at the door. */
export const CONTRACT_VERSION = 1;

/** An inclusive range of virtual addresses, in bytes. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A radix tree per address space, read by hardware or by refill code. */
export interface HierarchicalTranslation {
  readonly kind: "hierarchical";
  /** From the root down; index bits and the page shift add up to the width that a root translates: {@link rootBits}. */
  readonly levels: readonly Level[];
  /** A reserved bit that is set makes the processor fault (true), or is ignored by it (false). */
  readonly faultsOnReserved: boolean;
  /** Name of the register that points to the root, for explanations: `"CR3"`. */
  readonly rootRegister: string;
  /** What no level can say alone. Absent: what every level lets through is let through. */
  readonly combined?: CombinedRights;
  /**
   * The kernel's range has a root of its own, in the register of this name (`"TTBR1"`), and roots of user spaces hold the
   * entries of the user's range only, which begins at 0 and is a power of two. On a sign-extended machine each root translates
   * one half of the addresses, the levels one bit less than `virtualBits`, and nothing translates the user's half while the
   * kernel's space is installed. Absent: one root translates both.
   */
  readonly kernelRootRegister?: string;
  /** Absent: translations belong to no domain. */
  readonly domains?: Domains;
}

/** Sets of translations that a register opens and closes without a look at tables or TLBs. */
export interface Domains {
  /** 1 to 16. */
  readonly count: number;
  /**
   * Pure. `"closed"`: every access faults; `"checked"`: rights decide; `"open"`: everything is permitted to everybody. Asked
   * with every access, so a switch that decides nothing else may say that it keeps TLBs.
   */
  readonly tell: (domain: number, switches: Switches) => "closed" | "checked" | "open";
}

/** A rule about all levels together: a kernel that must not touch what is the user's at every level. */
export interface CombinedRights {
  /** Pure. Of the rights that every level lets through, those that remain; never one more. Evaluated once for each of the 64. */
  readonly tell: (rights: Rights, switches: Switches) => Rights;
  /** The rule in words, for explanations of what it refuses. */
  readonly says: string;
}

/** One page hash table for all address spaces, read by refill code only. @see HelenOS kernel/genarch/src/mm/page_ht.c */
export interface HashedTranslation {
  readonly kind: "hashed";
}

/** Address-space identifiers: the tags of TLB entries, and who hands them out. */
export interface AsidDescription {
  /** Width of the tag in TLB entries; 0 where entries carry none. */
  readonly bits: number;
  /** `"fixed"`: every user space has `first`. `"steal-oldest"`: handed out, and taken from the longest inactive space. */
  readonly policy: "fixed" | "steal-oldest";
  /** Tag of the kernel's space, tag that no space has, first and last one for user spaces (inclusive). */
  readonly kernel: number;
  readonly invalid: number;
  readonly first: number;
  readonly last: number;
}

/**
 * A stretch of the kernel's addresses that names physical memory directly: no table is asked and no TLB. Whatever tables
 * or TLBs hold for it is never used, and no area lies in it.
 */
export interface FixedWindow {
  /** The manual's name: `"kseg0"`. */
  readonly name: string;
  readonly first: bigint;
  /** Inclusive, as everywhere. */
  readonly last: bigint;
  /** Physical address that `first` means. */
  readonly physical: bigint;
  readonly cacheable: boolean;
  /** KERNEL: for the kernel alone, and an address error to the user. USER: for both. */
  readonly privilege: Privilege;
}

/** Where things are in the virtual address space. Ranges are inclusive, in bytes, and begin and end with a page. */
export interface AddressLayout {
  readonly user: AddressRange;
  readonly kernel: AddressRange;
  /** Base address of the page where a user stack starts (its highest page). */
  readonly userStack: bigint;
  /** True where kernel and user spaces are separate and both fill the whole width (sparc64). */
  readonly kernelAddressSpaceShadowed: boolean;
  /**
   * True where the address alone tells what is the user's: entries do not, and an address outside `user` is an address
   * error to the user whatever they say. False where absent.
   */
  readonly privilegeByAddress?: boolean;
  /** Within `kernel`, disjoint, in any order. None where absent. */
  readonly windows?: readonly FixedWindow[];
}

/** What the hardware can say. What it cannot is asserted by tests and reported to people, never skipped. */
export interface Capabilities {
  /** Can a page be unreadable to the user though present? */
  readonly forbidRead: boolean;
  /** Can a page be read but not executed? */
  readonly forbidExecute: boolean;
  /** Are there translations shared by all address spaces? */
  readonly global: boolean;
  /** Does hardware record accesses and writes in the entry? If not, refill code does or nobody does. */
  /** `"fault"`: the first access to a page (the first write) faults (`UNMARKED`), and the handler marks it. */
  readonly recordAccess: "hardware" | "refill" | "fault" | "no";
  readonly recordWrite: "hardware" | "refill" | "fault" | "no";
  /** Do kernel writes obey the write right? A switch name where a register decides (CR0.WP). */
  readonly kernelObeysWrite: boolean | { readonly switch: string };
}

/** A part of the core that this machine replaces, by its token. */
export interface Part<T = unknown> {
  readonly token: Token<T>;
  /** Its constructor parameters are the container's business. */
  readonly useClass: new (...parameters: never[]) => T;
}

/** A bit of a control register that changes how entries are read, such as CR0.WP. */
export interface SwitchDescription {
  /** Value after reset as this port runs the machine. */
  readonly initially: boolean;
  /** What it does while it is on, for people: `"CR0.WP: supervisor writes obey R/W"`. */
  readonly says: string;
  /** Entries of TLBs do not depend on it: a change drops none. False where absent. */
  readonly keepsTlb?: boolean;
}

/**
 * The description of a machine, and all the core ever learns of it. A plain value, checked by `checkArchitecture` before
 * anything is built from it; widths are in bits, shifts are powers of two in bytes. `packages/arch-abs32le` is the one
 * to copy; docs/contract.md, P-1 to P-6, says what it promises.
 */
export interface Architecture {
  /** The version of this contract that the port was written for: {@link CONTRACT_VERSION}. */
  readonly contract: number;
  /** Short, lower case: what `--arch` takes. */
  readonly name: string;
  /** The machine's full name, for people. */
  readonly title: string;
  /** The documents the numbers below come from. */
  readonly manuals: readonly string[];

  readonly wordBits: 32 | 64;
  readonly byteOrder: "little" | "big";
  /** Translated address bits. */
  readonly virtualBits: number;
  /** What the bits above `virtualBits` must be: nothing above them, or copies of the highest translated bit. */
  readonly virtualRule: "exact" | "sign-extended";
  /** Width of a physical address, 20 to 52. */
  readonly physicalBits: number;
  /** Page and frame of the core, as a shift. */
  readonly pageShift: number;
  /** Page of the MMU; smaller than `pageShift` where one page of the core is several of the MMU's. */
  readonly hardwarePageShift: number;

  readonly translation: HierarchicalTranslation | HashedTranslation;
  readonly tlb: TlbOrganisation;
  readonly asids: AsidDescription;
  readonly layout: AddressLayout;
  readonly can: Capabilities;
  readonly faults: FaultDecoding;
  /** Bits of control registers that change how entries are read, by name. */
  readonly switches: Readonly<Record<string, SwitchDescription>>;
  /** Injectable classes for parts this machine truly does differently. */
  readonly parts?: readonly Part[];
  /** What is still a template's and not a manual's. The machine runs; the conformance suite fails the clauses that are named. */
  readonly unfinished?: readonly Unfinished[];
}

/** Something in a description that is to be replaced. */
export interface Unfinished {
  /** Step of the porting guide, CONTRIBUTING.md. */
  readonly step: number;
  /** The conformance clause that fails until it is done, such as `"L0.entry.every-bit-once"`. */
  readonly clause: string;
  /** What it is, and which manual's place to look for, in words. */
  readonly says: string;
}

/**
 * Address bits that one root translates: all that are translated, or all but the one that tells the halves apart where each has
 * a root of its own.
 */
export const rootBits = ({
  translation,
  virtualBits,
  virtualRule,
}: Pick<Architecture, "translation" | "virtualBits" | "virtualRule">): number =>
  translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined && virtualRule === "sign-extended"
    ? virtualBits - 1
    : virtualBits;

/** The switches of an architecture as they are after reset. */
export const initialSwitches = (architecture: Architecture): Switches =>
  Object.fromEntries(Object.entries(architecture.switches).map(([name, { initially }]) => [name, initially]));
