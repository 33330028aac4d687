// 64-bit ARM at EL1: performs accesses through translation tables that the host has written, and tells what became of them.
//
// Each half of the address space has tables and controls of its own (TTBR0 and TTBR1, the halves of TCR). While one half is
// judged the stub runs in the other, through a window: 39 bits of address, of which two blocks of 2 MiB are mapped, one with
// the stub, which cannot be written (so that it stays executable with SCTLR.WXN), one with what the stub keeps. The window is
// the same in both halves, so the stub reads every address of its own as physical address plus the half's beginning.
//
// The user's loads and stores are LDTR and STTR; fetches are an ERET to the address, into EL1 or EL0.
//
// Arm ARM (DDI 0487) D5.2 (VMSAv8-64), D5.3 (descriptors), D1.10.2 (vectors), D13.2 (SCTLR, TCR, TTBR, ESR, FAR).
//
// Registers of a case: 0 TTBR0, 1 TTBR1, 2 TCR (each half's fields are used while that half is judged; the others always),
// 3 MAIR, 4 SCTLR. Of a result that trapped: ESR twice, FAR, ELR, SPSR.

        .equ    STUB_MIB,       32
        .equ    MAILBOX,        0x2200000       // the block of data: mailbox, window, what is kept over a fetch
        .equ    WINDOW,         0x2300000
        .equ    KEPT,           0x2302000
        .equ    WORD,           8
        .include "mailbox.S"

        .equ    WRITE_BIT,      1
        .equ    FETCH_BIT,      2
        .equ    USER_BIT,       3

        .equ    WINDOW_BITS,    39
        .equ    TCR_LOW,        64 - WINDOW_BITS                        // T0SZ; 4 KiB
        .equ    TCR_HIGH,       (64 - WINDOW_BITS) << 16 | 2 << 30      // T1SZ; 4 KiB
        .equ    TCR_HIGH_HALF,  0xffbf0000      // fields of TTBR1 among bits 31:0, A1 (bit 22) apart
        .equ    TCR_LOW_HALF,   0x0000ffff

        .equ    TABLE,          3
        .equ    BLOCK,          1 | 1 << 10     // with AF
        .equ    READ_ONLY,      1 << 7

        .equ    SCTLR_HOME,     0x30d00801      // bits that are 1, and M
        .equ    SPSR_MASKED,    0xf << 6        // D, A, I, F
        .equ    SPSR_EL1H,      5

        .equ    EC_SVC,         0x15
        .equ    SLOT_RETURN,    12              // of a slot: movz, movk, svc; ELR is behind it

        .equ    LOW,            1               // which half is judged; 0 is none
        .equ    HIGH,           2

// While a round runs:
//      x19     beginning of the half where we are     x20     the access         x21     its result
//      x22     how many are left                      x23     half that is judged
//      x24     TTBR0     x25     TTBR1                x26     TCR while LOW is judged     x27     while HIGH is
// Addresses of ours are kept as physical ones and used as [x19, x20]. A fetch may run into anything and lose all of these:
// the handler takes them from KEPT, where TPIDR_EL1 points.

        .macro  load    register, value         // 32 bits
        movz    \register, #(\value) & 0xffff
        movk    \register, #(\value) >> 16, lsl #16
        .endm

        .text
start:
        load    x0, WINDOW
        add     x1, x0, #4096
        orr     x2, x1, #TABLE
        str     x2, [x0]                        // the first GiB
        mov     x2, #1 << 54                    // UXN
        load    x3, STUB_MIB << 20 | BLOCK | READ_ONLY
        orr     x3, x3, x2
        str     x3, [x1, #STUB_MIB / 2 * 8]
        mov     x2, #3 << 53                    // UXN, PXN
        load    x3, MAILBOX | BLOCK
        orr     x3, x3, x2
        str     x3, [x1, #(STUB_MIB / 2 + 1) * 8]
        dsb     sy

        mov     x0, xzr
        bl      judge
        load    x0, SCTLR_HOME
        msr     sctlr_el1, x0
        isb

        load    x28, MAILBOX
        mov     x0, #READY
        str     x0, [x28, #BELL * WORD]

idle:                                           // at the beginning of the lower half
        ldr     x0, [x28, #BELL * WORD]
        cmp     x0, #GO
        b.ne    idle
        dmb     sy

        ldp     x24, x25, [x28, #REGISTERS * WORD]
        ldp     x0, x1, [x28, #(REGISTERS + 2) * WORD]
        ldr     x2, [x28, #(REGISTERS + 4) * WORD]
        ldr     x22, [x28, #COUNT * WORD]
        load    x3, TCR_HIGH_HALF
        bic     x26, x0, x3
        load    x3, TCR_HIGH
        orr     x26, x26, x3
        load    x3, TCR_LOW_HALF
        bic     x27, x0, x3
        load    x3, TCR_LOW
        orr     x27, x27, x3
        msr     mair_el1, x1
        msr     sctlr_el1, x2
        isb
        load    x20, MAILBOX + QUERIES * WORD
        load    x21, MAILBOX + RESULTS * WORD
        mov     x23, xzr
        cbz     x22, done

access:
        add     x3, x19, x20
        ldp     x1, x2, [x3]                    // address, kind
        ldr     x4, [x3, #2 * WORD]             // value
        mov     x0, #LOW
        tbz     x1, #55, 1f
        mov     x0, #HIGH
1:      cmp     x0, x23
        b.eq    2f
        bl      judge
2:      mrs     x3, tpidr_el1
        stp     x19, x20, [x3]
        stp     x21, x22, [x3, #2 * WORD]
        stp     x23, x24, [x3, #4 * WORD]
        stp     x25, x26, [x3, #6 * WORD]
        str     x27, [x3, #8 * WORD]
        tlbi    vmalle1                         // cold
        dsb     nsh
        isb
        tbnz    x2, #FETCH_BIT, fetch
        tbnz    x2, #USER_BIT, user
        tbnz    x2, #WRITE_BIT, 3f
        ldr     w0, [x1]
        b       let_through
3:      str     w4, [x1]
        b       written
user:   tbnz    x2, #WRITE_BIT, 4f
        ldtr    w0, [x1]
        b       let_through
4:      sttr    w4, [x1]
written:
        mov     x0, xzr
        b       let_through

fetch:
        mov     x3, #SPSR_MASKED
        tbnz    x2, #USER_BIT, 5f
        add     x3, x3, #SPSR_EL1H
5:      msr     spsr_el1, x3
        msr     elr_el1, x1
        mov     x0, xzr
        eret

// An exception. All that is known: TPIDR_EL1, and in x0 what a slot says of itself.
trap:
        mrs     x3, tpidr_el1
        ldp     x19, x20, [x3]
        ldp     x21, x22, [x3, #2 * WORD]
        ldp     x23, x24, [x3, #4 * WORD]
        ldp     x25, x26, [x3, #6 * WORD]
        ldr     x27, [x3, #8 * WORD]
        mrs     x8, esr_el1
        mrs     x9, far_el1
        mrs     x10, elr_el1
        mrs     x11, spsr_el1
        add     x3, x19, x20
        ldp     x1, x2, [x3]

        // The call of a slot at the address, from the level that was asked for, is a fetch that was let through. An address
        // may have a tag in bits 63:56, which ELR has not.
        tbz     x2, #FETCH_BIT, trapped
        ubfx    x3, x8, #26, #6
        cmp     x3, #EC_SVC
        b.ne    trapped
        and     x3, x11, #0xf
        mov     x4, #SPSR_EL1H
        tbz     x2, #USER_BIT, 6f
        mov     x4, xzr
6:      cmp     x3, x4
        b.ne    trapped
        add     x1, x1, #SLOT_RETURN
        eor     x1, x1, x10
        lsl     x1, x1, #8
        cbz     x1, let_through

trapped:
        add     x3, x19, x21
        mov     x0, #TRAPPED
        stp     x0, xzr, [x3]
        stp     x8, x8, [x3, #2 * WORD]
        stp     x9, x10, [x3, #4 * WORD]
        str     x11, [x3, #6 * WORD]
        b       next

let_through:
        add     x3, x19, x21
        mov     x1, #LET_THROUGH
        stp     x1, x0, [x3]

next:
        add     x20, x20, #QUERY_BYTES
        add     x21, x21, #RESULT_BYTES
        subs    x22, x22, #1
        b.ne    access

done:
        mov     x0, xzr
        bl      judge
        load    x0, SCTLR_HOME
        msr     sctlr_el1, x0
        isb
        load    x28, MAILBOX
        dmb     sy
        mov     x0, #DONE
        str     x0, [x28, #BELL * WORD]
        b       idle

// Changes the half that is judged to x0: LOW, HIGH, or 0 for none. Keeps x1, x2 and x4; returns in the other half.
judge:
        mov     x23, x0
        load    x3, WINDOW                      // both halves are the window's
        msr     ttbr0_el1, x3
        msr     ttbr1_el1, x3
        load    x3, TCR_LOW | TCR_HIGH
        msr     tcr_el1, x3
        isb
        tlbi    vmalle1
        dsb     nsh
        isb
        mov     x19, xzr
        cmp     x23, #LOW
        b.ne    7f
        mov     x19, #-1 << WINDOW_BITS
7:      adr     x3, 8f                          // over to where we are to be
        and     x3, x3, #(1 << WINDOW_BITS) - 1
        and     x30, x30, #(1 << WINDOW_BITS) - 1
        orr     x30, x30, x19
        orr     x3, x3, x19
        br      x3
8:      adr     x3, vectors
        msr     vbar_el1, x3
        load    x3, KEPT
        add     x3, x3, x19
        msr     tpidr_el1, x3
        cbz     x23, 9f
        cmp     x23, #LOW
        b.ne    10f
        msr     ttbr0_el1, x24
        msr     tcr_el1, x26
        b       9f
10:     msr     ttbr1_el1, x25
        msr     tcr_el1, x27
9:      isb
        ret

// Sixteen kinds of exception, and one thing to do.
        .balign 2048
vectors:
        .rept   16
        b       trap
        .balign 128
        .endr
