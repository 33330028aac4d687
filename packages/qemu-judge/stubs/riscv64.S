# RISC-V, 64 bits, or with RV32=1 32: performs accesses through page tables that the host has written, and tells what became of them.
#
# It runs in M-mode, where fetches and its own loads are physical, so it needs no place in the judged tables. Loads and
# stores are performed with mstatus.MPRV, which translates and checks them as in the mode that mstatus.MPP names; fetches
# by an mret into that mode, at the address. Nothing is delegated: whatever happens below comes back through mtvec.
#
# RISC-V Privileged Architecture (20211203) §3.1.6.3 (MPRV, SUM, MXR), §3.1.7 (mtvec), §3.3.2 (mret), §3.7 (PMP),
# §4.1.11 (satp), §4.2.1 (SFENCE.VMA).
#
# PMP ends memory where the case's RAM ends: what translation leads to beyond is an access fault, of walks as well, and
# nothing astray reaches the stub. M-mode itself is not bound by it.
#
# Registers of a case: 0 satp, 1 SUM and MXR as in mstatus, 2 menvcfg, 3 and 4 the beginning and the end of RAM as pmpaddr.
# Of a result that trapped: mcause, mtval, mepc.

        .option norelax
        .option norvc

        .equ    MAILBOX,        0x2010000
        .ifdef  RV32
        .equ    WORD,           4
        .equ    MENVCFG,        0x31a           # menvcfgh: what the host says of it is in the upper half
        .else
        .equ    WORD,           8
        .equ    MENVCFG,        0x30a
        .endif

        .macro  load register, place:vararg     # a word of the mailbox
        .ifdef  RV32
        lw      \register, \place
        .else
        ld      \register, \place
        .endif
        .endm

        .macro  store register, place:vararg
        .ifdef  RV32
        sw      \register, \place
        .else
        sd      \register, \place
        .endif
        .endm
        .include "mailbox.S"

        .equ    MSTATUS_MPRV,   1 << 17
        .equ    MSTATUS_MPP_S,  1 << 11         # MPP = 0 is U
        .equ    MSTATUS_TRAPS,  7 << 20         # TVM, TW, TSR: a stray fetch shall not touch satp, wait, or return

        .equ    PMP_RANGE,      0x0f00          # entry 1: from entry 0's address to its own (TOR); X, W, R

        .equ    CAUSE_ECALL_U,  8
        .equ    CAUSE_ECALL_S,  9
        .equ    SLOT_ECALL,     8               # of a slot: lui, addi or addiw, ecall

# While a round runs:
#       s0      the access             s1      its result             s2      how many are left
#       s3      mstatus of the case    s4      address                s5      kind
# A fetch may run into anything and lose them all: the handler takes them from `saved`, where mscratch points.

        .text
start:
        la      t0, trap
        csrw    mtvec, t0
        la      t0, saved
        csrw    mscratch, t0
        li      t0, PMP_RANGE
        csrw    pmpcfg0, t0

        li      gp, MAILBOX
        li      t0, READY
        store   t0, BELL * WORD(gp)

idle:
        load    t0, BELL * WORD(gp)
        li      t1, GO
        bne     t0, t1, idle
        fence

        la      t0, 1f                          # a hart of an older specification has no menvcfg: then we go on at 1
        csrw    mtvec, t0
        load    t0, (REGISTERS + 2) * WORD(gp)
        csrw    MENVCFG, t0
        .balign 4                               # mtvec's own alignment
1:      la      t0, trap
        csrw    mtvec, t0

        load    t0, (REGISTERS + 3) * WORD(gp)
        csrw    pmpaddr0, t0
        load    t0, (REGISTERS + 4) * WORD(gp)
        csrw    pmpaddr1, t0
        load    t0, REGISTERS * WORD(gp)
        csrw    satp, t0
        load    s3, (REGISTERS + 1) * WORD(gp)
        li      t0, MSTATUS_TRAPS
        or      s3, s3, t0
        li      s0, MAILBOX + QUERIES * WORD
        li      s1, MAILBOX + RESULTS * WORD
        load    s2, COUNT * WORD(gp)
        beqz    s2, done

access:
        load    s4, 0 * WORD(s0)
        load    s5, 1 * WORD(s0)
        load    a1, 2 * WORD(s0)
        sfence.vma                              # cold
        andi    t0, s5, USER
        mv      t1, s3
        bnez    t0, 1f
        li      t0, MSTATUS_MPP_S
        or      t1, t1, t0
1:      csrr    sp, mscratch
        store   s0, 0 * WORD(sp)
        store   s1, 1 * WORD(sp)
        store   s2, 2 * WORD(sp)
        store   s3, 3 * WORD(sp)
        andi    t0, s5, FETCH
        bnez    t0, fetch

        li      t0, MSTATUS_MPRV
        or      t1, t1, t0
        andi    t0, s5, WRITE
        csrw    mstatus, t1                     # from here on loads and stores are not ours
        bnez    t0, 2f
        .ifdef  RV32
        lw      a0, 0(s4)
        .else
        lwu     a0, 0(s4)
        .endif
        csrw    mstatus, zero
        j       let_through
2:      sw      a1, 0(s4)
        csrw    mstatus, zero
        li      a0, 0
        j       let_through

fetch:
        csrw    mstatus, t1
        csrw    mepc, s4
        li      a0, 0
        mret

# All that is known here: mscratch, and in a0 what a slot says of itself.
        .balign 4
trap:
        csrw    mstatus, zero
        csrr    sp, mscratch
        load    s0, 0 * WORD(sp)
        load    s1, 1 * WORD(sp)
        load    s2, 2 * WORD(sp)
        load    s3, 3 * WORD(sp)
        load    s4, 0 * WORD(s0)
        load    s5, 1 * WORD(s0)
        li      gp, MAILBOX
        csrr    t0, mcause
        csrr    t1, mtval
        csrr    t2, mepc

        # The ecall of a slot at the address, in the mode that was asked for, is a fetch that was let through.
        andi    t3, s5, FETCH
        beqz    t3, trapped
        andi    t3, s5, USER
        li      t4, CAUSE_ECALL_U
        bnez    t3, 1f
        li      t4, CAUSE_ECALL_S
1:      bne     t0, t4, trapped
        addi    t3, s4, SLOT_ECALL
        beq     t2, t3, let_through

trapped:
        li      t3, TRAPPED
        store   zero, 1 * WORD(s1)
        store   t0, 2 * WORD(s1)
        store   t0, 3 * WORD(s1)
        store   t1, 4 * WORD(s1)
        store   t2, 5 * WORD(s1)
        store   t3, 0 * WORD(s1)
        j       next

let_through:
        li      t3, LET_THROUGH
        store   a0, 1 * WORD(s1)
        store   t3, 0 * WORD(s1)

next:
        addi    s0, s0, QUERY_BYTES
        addi    s1, s1, RESULT_BYTES
        addi    s2, s2, -1
        bnez    s2, access

done:
        csrw    satp, zero
        sfence.vma
        fence
        li      t0, DONE
        store   t0, BELL * WORD(gp)
        j       idle

        .balign 8
saved:  .fill   4, WORD, 0
