/** Bits of the supervisor registers that rule translation. @see RISC-V Privileged Architecture (20211203) §4.1.1, §4.1.11 */

/** satp: bit where the root's page number ends and ASID begins. */
export const SATP_ASID_SHIFT = 44n;
/** satp: bit where MODE begins. */
export const SATP_MODE_SHIFT = 60n;
/** satp: values of MODE. Bare is 0. */
export const SATP_MODES = { sv39: 8n, sv48: 9n, sv57: 10n } as const;
/** sstatus: supervisor loads and stores may touch the user's pages. */
export const SSTATUS_SUM = 1n << 18n;
/** sstatus: what may be executed may be read. */
export const SSTATUS_MXR = 1n << 19n;

/** satp with 32 bits: bit where the root's page number ends and ASID begins, nine bits wide. */
export const SATP32_ASID_SHIFT = 22n;
/** satp with 32 bits: MODE, a single bit. */
export const SATP32_MODE_SHIFT = 31n;
/** satp with 32 bits: the value of MODE for Sv32. */
export const SATP32_SV32 = 1n;
