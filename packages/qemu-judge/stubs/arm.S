@ 32-bit ARM with short descriptors, from ARMv5 to ARMv7: performs accesses through page tables that the host has written, and
@ tells what became of them.
@
@ Fetches are translated as everything is, so this stub has to be mapped while it probes. It lies in one section of RAM, and the
@ host puts a descriptor of that section into one of two places of the judged first level: the last, where the vectors are high
@ (SCTLR.V), or the first, where they are low. Nothing here depends on its address but through pc: the section that pc is in is
@ the stub, whatever it is called. Between rounds the stub runs under a first level of its own, `HOME`, which maps it at both
@ places as well; so a change of tables leaves pc where it is.
@
@ The user's loads and stores are LDRT and STRT; the user's fetches are made in User mode. Code at a place where no slot is may
@ do as it likes: every exception comes back, and a timer breaks off what does not end. So nothing is expected of registers after
@ a fetch; what the stub knows is in memory, at `STATE`.
@
@ QEMU needs no barriers and has no caches; there are none here.
@
@ ARM ARM (DDI 0100I) §A2.6 (exceptions), §A4.1 (LDRT, STRT), §B3.4 (SCTLR), §B4.6 (fault registers), §B4.7 (first level), §B4.9
@ (CP15); ARMv7-A ARM (DDI 0406C) §B3.5.4 (TTBCR), §B3.13 (fault registers); SP804 (DDI 0271), PL190 (DDI 0181), VersatilePB (DUI 0224) §4.1 (where they are).
@
@ Registers of a case: 0 bits of SCTLR (S, R, XP, AFE), 1 TTBCR, 2 TTBR0, 3 TTBR1, 4 CONTEXTIDR, 5 DACR, 6 where the window is.
@ Of a result that trapped: number of the vector; DFSR or IFSR; DFAR, or where the instruction lies; IFAR; SPSR; LR.

        .arch   armv5te
        .arm

@ The stub's section.
        .equ    SECTION,        0x02000000
        .equ    HOME,           0x4000          @ offsets in it
        .equ    STATE,          0x9000
        .equ    MAILBOX,        0x10000
        .equ    HIGH_VECTORS,   0xf0000
        .equ    KERNELS,        0x412           @ a section, AP = 01, domain 0; bit 4 as the ARM926EJ-S wants it
        .equ    FIRST_PLACE,    0
        .equ    LAST_PLACE,     4095 * 4

@ The mailbox, in bytes, as stubs/README.md draws it in words.
        .equ    BELL,           0
        .equ    COUNT,          1 * 4
        .equ    REGISTERS,      2 * 4
        .equ    QUERIES,        528 * 4
        .equ    RESULTS,        4624 * 4
        .equ    GO,             1
        .equ    DONE,           2
        .equ    READY,          3
        .equ    LET_THROUGH,    1
        .equ    TRAPPED,        2
        .equ    WRITE,          2
        .equ    FETCH,          4
        .equ    USER,           8
        .equ    SLOT,           32
        .equ    SLOT_CODE,      20              @ bytes of a slot's code, its SVC included

@ What is known whatever happens, from STATE on.
        .equ    QUERY,          0               @ the next access
        .equ    RESULT,         4               @ the next result
        .equ    LEFT,           8               @ accesses that remain after this one
        .equ    ADDRESS,        12              @ where the present one goes
        .equ    TRIES,          16              @ how often the timer may still break it off
        .equ    CONTROL,        20              @ SCTLR as it is at home
        .equ    IS_V5,          24              @ 1: no TTBCR, TTBR1, CONTEXTIDR, IFAR
        .equ    STRAY,          28              @ not 0: a fetch has run into what is no slot

@ The machine. Both devices lie in one section; RAM where cases may lie is mapped at home, elsewhere.
        .equ    RAM,            0x80000000
        .equ    RAM_END,        0x82000000
        .equ    DEVICES,        0x10100000
        .equ    TIMER,          0x101e2000 - DEVICES
        .equ    INTERRUPTS,     0x10140000 - DEVICES
        .equ    TIMER_LINE,     1 << 4
        .equ    ONE_SHOT,       0xa3            @ enabled, interrupts, 32 bits, once; it counts microseconds
        .equ    PATIENCE,       10000           @ for a round, or what is left of it
        .equ    MOST_TRIES,     3
        .equ    NAP,            1000            @ between two looks at the bell, when it is quiet
        .equ    EAGER_LOOKS,    1 << 16

        .equ    SVC_ALONE,      0xd3            @ modes with interrupts masked,
        .equ    SVC_WATCHED,    0x53            @ and with the timer's let in
        .equ    USR_WATCHED,    0x50

        .equ    MMU,            1 << 0          @ SCTLR.M
        .equ    HIGH,           1 << 13         @ SCTLR.V
        .equ    NOT_AT_HOME,    0x30803387      @ SCTLR: AFE, TRE, XP, V, I, R, S, B, C, A, M

@ The section that the stub lies in, as it is called at present.
        .macro  base reg
        mov     \reg, pc, lsr #20
        mov     \reg, \reg, lsl #20
        .endm

@ Begins a handler: what every result has.
        .macro  handler number
        mov     r0, #TRAPPED
        mov     r2, #\number
        mov     r3, #0
        mov     r4, #0
        mov     r5, #0
        mrs     r6, spsr
        mov     r7, lr
        .endm

        .text
vectors:
        b       start
        b       undefined
        b       called
        b       not_fetched
        b       not_loaded
        b       unknown
        b       broken_off
        b       unknown

@ ---- Once ---------------------------------------------------------------------------------------------------------------------

start:
        msr     cpsr_c, #SVC_ALONE
        base    r12

        @ The vectors once more, where they are when they are high: branches that reach back.
        adr     r0, vectors
        add     r1, r12, #HIGH_VECTORS
        mov     r2, #8
1:      ldr     r3, [r0], #4
        sub     r3, r3, #HIGH_VECTORS / 4
        bic     r3, r3, #0xff000000
        orr     r3, r3, #0xea000000
        str     r3, [r1], #4
        subs    r2, r2, #1
        bne     1b

        @ Home: the stub where it is, at both ends, the devices, and RAM. All else is absent, as RAM comes up.
        add     r0, r12, #HOME
        ldr     r1, =SECTION + KERNELS
        str     r1, [r0, #SECTION >> 18]
        str     r1, [r0, #FIRST_PLACE]
        add     r2, r0, #LAST_PLACE & 0xf000
        str     r1, [r2, #LAST_PLACE & 0xfff]
        ldr     r1, =DEVICES + KERNELS
        add     r2, r0, #(DEVICES >> 18) & 0xff00
        str     r1, [r2, #(DEVICES >> 18) & 0xff]
        ldr     r1, =KERNELS
        add     r2, r0, #RAM >> 18
        add     r3, r0, #RAM_END >> 18
1:      str     r1, [r2], #4
        add     r1, r1, #1 << 20
        cmp     r2, r3
        bne     1b

        add     r11, r12, #STATE
        mrc     p15, 0, r1, c0, c0, 0           @ MIDR
        and     r1, r1, #0xf0000
        cmp     r1, #0x60000                    @ ARMv5TEJ; 5 is ARMv5TE, 7 ARMv6, 15 tells elsewhere
        movls   r1, #1
        movhi   r1, #0
        str     r1, [r11, #IS_V5]

        mrc     p15, 0, r1, c1, c0, 0           @ SCTLR
        ldr     r2, =NOT_AT_HOME
        bic     r1, r1, r2
        orr     r1, r1, #MMU
        str     r1, [r11, #CONTROL]
        mvn     r2, #0
        mcr     p15, 0, r2, c3, c0, 0           @ DACR: at home everything is managed
        mcr     p15, 0, r0, c2, c0, 0           @ TTBR0
        mcr     p15, 0, r0, c8, c7, 0           @ TLBs
        mcr     p15, 0, r1, c1, c0, 0

        ldr     r0, =DEVICES + INTERRUPTS
        mov     r1, #TIMER_LINE
        str     r1, [r0, #0x10]                 @ VICINTENABLE

        add     r1, r12, #MAILBOX
        mov     r0, #READY
        str     r0, [r1, #BELL]

@ ---- Between rounds -----------------------------------------------------------------------------------------------------------

idle:
        mov     r2, #EAGER_LOOKS
1:      bl      is_rung
        beq     round
        subs    r2, r2, #1
        bne     1b
2:      mov     r0, #NAP                        @ a quiet bell must not cost a core
        bl      set_timer
        mov     r0, #0
        mcr     p15, 0, r0, c7, c0, 4           @ wait for an interrupt, until ARMv6; masked ones count
        .word   0xe320f003                      @ the same (WFI) from ARMv6K on; nothing before
        bl      is_rung
        bne     2b

round:
        bl      here
        add     r11, r12, #STATE
        add     r1, r12, #MAILBOX
        ldr     r0, [r1, #COUNT]
        str     r0, [r11, #LEFT]
        ldr     r0, =QUERIES
        add     r0, r1, r0
        str     r0, [r11, #QUERY]
        ldr     r0, =RESULTS
        add     r0, r1, r0
        str     r0, [r11, #RESULT]
        bl      leave_home
        b       next

@ EQ if the host has rung. Changes r0 and r1.
is_rung:
        base    r1
        add     r1, r1, #MAILBOX
        ldr     r0, [r1, #BELL]
        cmp     r0, #GO
        mov     pc, lr

@ Goes on at the window's address; so do returns to lr, and r12 is the section from now on. Changes r0.
here:
        base    r12
        add     r12, r12, #MAILBOX
        ldr     r12, [r12, #REGISTERS + 6 * 4]
        mov     r0, lr, lsl #12
        orr     pc, r12, r0, lsr #12

@ r0 microseconds, beginning now, then one interrupt; an old one is forgotten. At home only. Changes r1.
set_timer:
        ldr     r1, =DEVICES + TIMER
        str     r0, [r1, #0x00]                 @ load
        str     r0, [r1, #0x0c]                 @ clear the interrupt
        mov     r0, #ONE_SHOT
        str     r0, [r1, #0x08]                 @ control
        mov     pc, lr

@ QEMU keeps the code that it has translated until the guest writes there, and knows nothing of what the host writes. What a
@ stray fetch has met will be another case's slots: every place of a slot is written once, with what it holds. Changes r0 to r2.
forget_code:
        mov     r0, #0
        str     r0, [r11, #STRAY]
        ldr     r0, =RAM
        ldr     r1, =RAM_END
1:      ldr     r2, [r0]
        str     r2, [r0], #SLOT
        cmp     r0, r1
        bne     1b
        mov     pc, lr

@ ---- Home and away ------------------------------------------------------------------------------------------------------------

@ The judged tables, with the timer running. Every step finds the window mapped: by home until TTBR1 is in force or TTBR0 is
@ written, whichever translates it. Changes r0 to r3 and r10.
leave_home:
        mov     r10, lr
        ldr     r0, =PATIENCE
        bl      set_timer
        base    r12
        add     r11, r12, #STATE
        add     r3, r12, #MAILBOX
        ldr     r0, [r11, #CONTROL]
        ldr     r1, [r3, #REGISTERS + 0 * 4]
        orr     r0, r0, r1
        ldr     r1, [r3, #REGISTERS + 6 * 4]
        cmp     r1, #0
        orrne   r0, r0, #HIGH
        mcr     p15, 0, r0, c1, c0, 0           @ SCTLR
        ldr     r0, [r11, #IS_V5]
        cmp     r0, #0
        bne     1f
        ldr     r0, [r3, #REGISTERS + 4 * 4]
        mcr     p15, 0, r0, c13, c0, 1          @ CONTEXTIDR
        ldr     r0, [r3, #REGISTERS + 3 * 4]
        mcr     p15, 0, r0, c2, c0, 1           @ TTBR1
        ldr     r0, [r3, #REGISTERS + 1 * 4]
        mcr     p15, 0, r0, c2, c0, 2           @ TTBCR
1:      ldr     r0, [r3, #REGISTERS + 2 * 4]
        mcr     p15, 0, r0, c2, c0, 0           @ TTBR0
        mcr     p15, 0, r0, c8, c7, 0           @ TLBs
        ldr     r0, [r3, #REGISTERS + 5 * 4]
        mcr     p15, 0, r0, c3, c0, 0           @ DACR
        mov     pc, r10

@ Home again: the same backwards. SCTLR stays as the case wants it, but for the descriptors of home that makes no difference.
@ Changes r0.
go_home:
        mvn     r0, #0
        mcr     p15, 0, r0, c3, c0, 0           @ DACR
        ldr     r0, =SECTION + HOME
        mcr     p15, 0, r0, c2, c0, 0           @ TTBR0
        base    r12
        add     r11, r12, #STATE
        ldr     r0, [r11, #IS_V5]
        cmp     r0, #0
        mov     r0, #0
        mcreq   p15, 0, r0, c2, c0, 2           @ TTBCR
        mcr     p15, 0, r0, c8, c7, 0           @ TLBs
        mov     pc, lr

@ ---- A round ------------------------------------------------------------------------------------------------------------------

@ A result: r0 status, r1 value, r2 vector, r3 fault status, r4 address, r5 IFAR, r6 SPSR, r7 LR.
report:
        msr     cpsr_c, #SVC_ALONE
        base    r12
        add     r11, r12, #STATE
        cmp     r0, #TRAPPED
        bne     1f
        ldr     r9, [r11, #QUERY]
        ldr     r9, [r9, #4 - 16]               @ the kind of this access
        tst     r9, #FETCH
        beq     1f
        ldr     r9, [r11, #ADDRESS]
        cmp     r2, #3                          @ the fetch itself was refused
        cmpeq   r4, r9
        strne   r0, [r11, #STRAY]
1:      ldr     r8, [r11, #RESULT]
        stmia   r8!, {r0-r7}
        str     r8, [r11, #RESULT]

next:
        ldr     r0, [r11, #LEFT]
        subs    r0, r0, #1
        bmi     done
        str     r0, [r11, #LEFT]
        mov     r0, #MOST_TRIES
        str     r0, [r11, #TRIES]
        ldr     r9, [r11, #QUERY]
        add     r9, r9, #16
        str     r9, [r11, #QUERY]

attempt:
        ldr     r9, [r11, #QUERY]
        ldmdb   r9, {r4-r7}                     @ address, kind, value, nothing
        str     r4, [r11, #ADDRESS]
        mov     r0, #0
        mcr     p15, 0, r0, c5, c0, 0           @ DFSR
        mcr     p15, 0, r0, c5, c0, 1           @ IFSR
        mcr     p15, 0, r0, c6, c0, 0           @ DFAR
        ldr     r1, [r11, #IS_V5]
        cmp     r1, #0
        mcreq   p15, 0, r0, c6, c0, 2           @ IFAR
        mcr     p15, 0, r0, c8, c7, 0           @ TLBs
        mov     r1, #0
        tst     r5, #FETCH
        bne     3f
        tst     r5, #WRITE
        bne     2f
        tst     r5, #USER
        bne     1f
        ldr     r1, [r4]
        b       went_through
1:      ldrt    r1, [r4]
        b       went_through
2:      tst     r5, #USER
        streq   r6, [r4]
        strnet  r6, [r4]

went_through:
        mov     r0, #LET_THROUGH
        b       report

3:      tst     r5, #USER
        moveq   r0, #SVC_WATCHED
        movne   r0, #USR_WATCHED
        msr     spsr_cxsf, r0
        mov     lr, r4
        movs    pc, lr

done:
        bl      go_home
        ldr     r0, [r11, #STRAY]
        cmp     r0, #0
        blne    forget_code
        mov     r0, #DONE
        add     r1, r12, #MAILBOX
        str     r0, [r1, #BELL]
        b       idle

@ ---- Exceptions ---------------------------------------------------------------------------------------------------------------

@ The slot's code: its stamp is in r1. Another slot's, where the access has run to, is no answer.
called:
        handler 2
        base    r12
        add     r11, r12, #STATE
        ldr     r8, [r11, #ADDRESS]
        add     r8, r8, #SLOT_CODE
        sub     r4, lr, #4
        cmp     lr, r8
        moveq   r0, #LET_THROUGH
        b       report

undefined:
        handler 1
        sub     r4, lr, #4
        b       report

not_fetched:
        handler 3
        sub     r4, lr, #4
        mrc     p15, 0, r3, c5, c0, 1           @ IFSR
        base    r12
        add     r11, r12, #STATE
        ldr     r8, [r11, #IS_V5]
        cmp     r8, #0
        mrceq   p15, 0, r5, c6, c0, 2           @ IFAR
        b       report

not_loaded:
        handler 4
        mrc     p15, 0, r3, c5, c0, 0           @ DFSR
        mrc     p15, 0, r4, c6, c0, 0           @ DFAR
        b       report

unknown:
        handler 5
        b       report

@ The timer. The host may just have been slow: the access has other tries, and all the time again.
broken_off:
        handler 6
        sub     r4, lr, #4
        msr     cpsr_c, #SVC_ALONE
        base    r12
        add     r11, r12, #STATE
        ldr     r9, [r11, #TRIES]
        subs    r9, r9, #1
        str     r9, [r11, #TRIES]
        stmdb   r11, {r0-r7}                    @ below STATE there is room
        bl      go_home
        bl      leave_home
        cmp     r9, #0
        bne     attempt
        ldmdb   r11, {r0-r7}
        b       report

        .ltorg
