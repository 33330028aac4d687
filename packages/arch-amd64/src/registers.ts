/** Bits of the registers that rule paging. @see Intel SDM vol 3A §2.5 (control registers), §2.2.1 (IA32_EFER) */

/** CR0: protection; always set in 64-bit mode. */
export const CR0_PE = 2 ** 0;
/** CR0: always set. */
export const CR0_ET = 2 ** 4;
/** CR0: supervisor writes obey R/W. */
export const CR0_WP = 2 ** 16;
/** CR0: not write-through, which needs CD. */
export const CR0_NW = 2 ** 29;
/** CR0: caches are off. */
export const CR0_CD = 2 ** 30;
/** CR0: paging; always set in 64-bit mode. */
export const CR0_PG = 2 ** 31;
/** CR0: MP, EM, TS, NE and AM. What they do is no concern of paging, and they read back as written. */
export const CR0_OTHERS = 2 ** 1 + 2 ** 2 + 2 ** 3 + 2 ** 5 + 2 ** 18;

/** CR3: the root table is cached write-through. */
export const CR3_PWT = 2 ** 3;
/** CR3: the root table is not cached. */
export const CR3_PCD = 2 ** 4;

/** CR4: entries of eight bytes; always set in 64-bit mode. */
export const CR4_PAE = 2 ** 5;
/** CR4: global entries survive a CR3 write. */
export const CR4_PGE = 2 ** 7;
/** CR4: five levels of tables; it cannot be changed in 64-bit mode. */
export const CR4_LA57 = 2 ** 12;
/** CR4: process-context identifiers, which this processor has not got. */
export const CR4_PCIDE = 2 ** 17;
/** CR4: the kernel must not execute the user's pages. */
export const CR4_SMEP = 2 ** 20;
/** CR4: the kernel must not read or write the user's pages while RFLAGS.AC is clear. */
export const CR4_SMAP = 2 ** 21;
/** CR4: VME, PVI, TSD, DE, PSE (which means nothing in 64-bit mode), MCE, PCE, OSFXSR and OSXMMEXCPT: as CR0_OTHERS. */
export const CR4_OTHERS = 2 ** 0 + 2 ** 1 + 2 ** 2 + 2 ** 3 + 2 ** 4 + 2 ** 6 + 2 ** 8 + 2 ** 9 + 2 ** 10;

/** EFER: system calls. */
export const EFER_SCE = 2 ** 0;
/** EFER: long mode is asked for; always set in 64-bit mode. */
export const EFER_LME = 2 ** 8;
/** EFER: long mode is active; always set in 64-bit mode. */
export const EFER_LMA = 2 ** 10;
/** EFER: XD forbids execution. */
export const EFER_NXE = 2 ** 11;
