/** Bits of the registers that rule paging. @see Intel SDM vol 3A §2.5 (control registers), §2.2.1 (IA32_EFER) */

/** CR0: protection, paging, and whether supervisor writes obey R/W. */
export const CR0_PE = 2 ** 0;
export const CR0_ET = 2 ** 4;
export const CR0_WP = 2 ** 16;
export const CR0_NW = 2 ** 29;
export const CR0_CD = 2 ** 30;
export const CR0_PG = 2 ** 31;
/** MP, EM, TS, NE and AM besides: what they do is no concern of paging, and they read back as written. */
export const CR0_OTHERS = 2 ** 1 + 2 ** 2 + 2 ** 3 + 2 ** 5 + 2 ** 18;

/** CR3: attributes of the root table. */
export const CR3_PWT = 2 ** 3;
export const CR3_PCD = 2 ** 4;

/** CR4: PSE means nothing in 64-bit mode, PAE is needed for it. */
export const CR4_PAE = 2 ** 5;
export const CR4_PGE = 2 ** 7;
export const CR4_PCIDE = 2 ** 17;
export const CR4_SMEP = 2 ** 20;
export const CR4_SMAP = 2 ** 21;
/** VME, PVI, TSD, DE, PSE, MCE, PCE, OSFXSR and OSXMMEXCPT: as CR0_OTHERS. */
export const CR4_OTHERS = 2 ** 0 + 2 ** 1 + 2 ** 2 + 2 ** 3 + 2 ** 4 + 2 ** 6 + 2 ** 8 + 2 ** 9 + 2 ** 10;

/** IA32_EFER: system calls, long mode asked for and active, no-execute. */
export const EFER_SCE = 2 ** 0;
export const EFER_LME = 2 ** 8;
export const EFER_LMA = 2 ** 10;
export const EFER_NXE = 2 ** 11;
