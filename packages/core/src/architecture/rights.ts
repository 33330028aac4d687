/**
 * Accesses, privileges, rights and page flags: small integers shared by every room, so that hot paths test bits and
 * nothing else.
 */

/** What an instruction does to a byte. One bit each, so that a set of them is a mask. */
export const READ = 1;
/** The access of a store. */
export const WRITE = 2;
/** The access of an instruction fetch. */
export const EXECUTE = 4;
/** Exactly one of READ, WRITE and EXECUTE. */
export type Access = typeof READ | typeof WRITE | typeof EXECUTE;
/** Any set of READ, WRITE and EXECUTE. */
export type AccessMask = number;

/** Who accesses. The value indexes tables that differ by privilege. */
export const KERNEL = 0;
/** A program's privilege; {@link KERNEL} is the operating system's. */
export const USER = 1;
/** KERNEL or USER; machines with more rings use the two that matter. */
export type Privilege = typeof KERNEL | typeof USER;

/**
 * What a translation lets through, for both privileges at once: bits 2:0 are the kernel's READ, WRITE, EXECUTE,
 * bits 5:3 the user's. Rights along a walk are the AND of what every level lets through.
 */
export type Rights = number;
/** Everything, for both privileges: the neutral value of the AND along a walk. */
export const ALL_RIGHTS: Rights = 0o77;
/** Packs what the kernel may do and what the user may do. */
export const rightsFor = (kernel: AccessMask, user: AccessMask): Rights => kernel | (user << 3);
/** Does `rights` let `privilege` do all of `access`? */
export const permits = (rights: Rights, privilege: Privilege, access: AccessMask): boolean =>
  ((rights >>> (privilege * 3)) & access) === access;

/**
 * What the core asks of a mapping. The low three bits are an {@link AccessMask}. A machine keeps what it can express
 * and says in its descriptor what it cannot.
 */
export type PageFlags = number;
/** The user may use the page, as far as READ, WRITE and EXECUTE say; without it only the kernel may. */
export const PAGE_USER = 8;
/** The mapping is the same in every address space, and its TLB entries need no tag. */
export const PAGE_GLOBAL = 16;
/** Caches may hold the page. */
export const PAGE_CACHEABLE = 32;
/** Read back only: the machine or its refill code has seen an access, or a write. */
export const PAGE_ACCESSED = 64;
/** Read back only: a write has been seen. */
export const PAGE_DIRTY = 128;
/** Number of different flag sets that can be asked for. */
export const PAGE_FLAG_SETS = 64;
