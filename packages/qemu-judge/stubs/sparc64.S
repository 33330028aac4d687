! UltraSPARC: performs accesses through TLB entries that the host has given, or that it finds in a TSB as the handler of a
! miss finds them, and tells what became of them.
!
! The processor comes up in RED state, where fetches are physical, and mostly stays there; what the stub reads and writes
! for itself goes by ASI 0x14, which is physical too. So none of it needs a place among the judged entries, but for what has
! to run outside RED state: the trap table, and the instructions of plain loads and stores. They lie in the stub's first 64
! KiB, which one locked and global entry of the I-MMU shows at an address that nothing of the case goes by. The host finds
! that address, and a number for the entry.
!
! An access is made by one of three routes:
!       0       a plain instruction at TL=0: privileged with the kernel's context as primary, or not, with the user's
!       1       the kernel's at TL=0 by ASI 0x81 (secondary); the user's from RED state by ASI 0x10 (as if user, primary)
!       2       from RED state, ASI 0x04 (nucleus) for the kernel and 0x11 (as if user, secondary) for the user
! A fetch leaves RED state by retry, to the address itself: at TL=0, or at TL=1 for the kernel by route 2. A context register
! that an access has no use for holds a context that nobody has.
!
! Registers of a case: 0 entries, 1 the user's context, 2 the kernel's, 3 nobody's, 4 route, 5 address of our own entry,
! 6 its number times 8, 7 and 8 the I and D TSB registers, 9 which TSB pointers a miss follows (bit 0: 8K, bit 1: 64K),
! 10 physical address of the kernel's address 0, 11 bytes of RAM that its misses show from there, 12 the TTE of those pages.
! An entry: tag access, TTE, number times 8, 1 if it is the I-MMU's.
! Of a result that trapped: trap type, SFSR of its MMU, tag access of its MMU, SFAR, TPC, SFSR of the other MMU.
!
! UltraSPARC I & II User's Manual §6.3 (TSB), §6.9 (registers of the MMU); SPARC V9 Architecture Manual §7.2.1 (RED state).

        .register %g2, #scratch
        .register %g3, #scratch
        .register %g6, #scratch
        .register %g7, #scratch

        .equ    HOME,           0x2000000       ! where the stub lies, 64 KiB
        .equ    TRAPS,          HOME + 0x8000   ! its trap table: TL=0 and TL>0, 512 traps of 32 bytes each
        .equ    MAILBOX,        0x2010000
        .equ    WORD,           8
        .include "mailbox.S"

        .equ    SLOT,           32              ! bytes

        .equ    PSTATE_IE,      0x02
        .equ    PSTATE_PRIV,    0x04
        .equ    PSTATE_PEF,     0x10
        .equ    PSTATE_RED,     0x20
        .equ    OURS,           PSTATE_RED | PSTATE_PRIV
        .equ    LSU_MMUS,       0x0c            ! I and D

        .equ    PHYSICAL,       0x14            ! ASIs
        .equ    LSU,            0x45
        .equ    IMMU,           0x50
        .equ    ITLB_IN,        0x54
        .equ    ITLB_ACCESS,    0x55
        .equ    IDEMAP,         0x57
        .equ    DMMU,           0x58
        .equ    DTLB_IN,        0x5c
        .equ    DTLB_ACCESS,    0x5d
        .equ    DDEMAP,         0x5f

        .equ    PRIMARY,        0x08            ! registers of an MMU; at 0 the tag target
        .equ    SECONDARY,      0x10
        .equ    SFSR,           0x18
        .equ    SFAR,           0x20
        .equ    TSB,            0x28
        .equ    TAG_ACCESS,     0x30

        .equ    IN_SECONDARY,   0x10            ! which context a page is demapped in; at 0 the primary one
        .equ    IN_NUCLEUS,     0x20

        .equ    TIMER,          0x4e            ! trap types: the tick timer interrupts at level 14
        .equ    I_EXCEPTION,    0x08
        .equ    I_ERROR,        0x0a
        .equ    I_MISS,         0x64
        .equ    D_MISS,         0x68
        .equ    SLOT_TRAP,      0x110           ! ta 0x10, at the end of a slot's code
        .equ    OURS_TRAP,      0x111           ! ta 0x11, after a load or store of ours at TL=0

        .equ    STORE,          8               ! from a load of ours to its store
        .equ    OWN_TTE_LOW,    0x61            ! of our own entry: L, CP, G
        .equ    PATIENCE,       20000000        ! ticks for which a fetch may be away: a fifth of a second
        .equ    TRIES,          8               ! how often in a round it may be tried again after that

! While a round runs:
!       %g2     the access             %g3     its result             %g4     how many are left
!       %g5     kind                   %g7     the mailbox
!       %o1     address                %o2     what is written        %o0     what comes back
! A fetch may run into anything and lose them all: the trap handler takes them from `saved`.

        .text
start:  .skip   0x20                            ! the power-on reset vector is 32 bytes into the ROM
        rd      %pc, %g1                        ! move home: data is physical too until the MMUs are on
        sub     %g1, 0x20, %g1
        set     HOME, %g2
        set     ending - start, %g3
1:      subcc   %g3, 8, %g3
        ldx     [%g1 + %g3], %g4
        bne     1b
         stx    %g4, [%g2 + %g3]
        set     at_home, %g1
        jmp     %g1
         nop

at_home:
        wrpr    %g0, OURS, %pstate
        wrpr    %g0, 0, %cwp
        wrpr    %g0, 1, %tl
        wrpr    %g0, 0, %pil
        set     LSU_MMUS, %g1
        stxa    %g1, [%g0] LSU

        set     TRAPS, %g1                      ! the same three instructions for every trap
        set     0x8000, %g2
        set     entrance, %g3
        wr      %g0, PHYSICAL, %asi
        ldxa    [%g3 + 0] %asi, %g4
        ldxa    [%g3 + 8] %asi, %g5
1:      subcc   %g2, 32, %g2
        add     %g1, %g2, %g6
        stxa    %g4, [%g6 + 0] %asi
        bne     1b
         stxa   %g5, [%g6 + 8] %asi

        set     MAILBOX, %g7
        mov     READY, %g1
        stxa    %g1, [%g7 + BELL * WORD] %asi

idle:   ldxa    [%g7 + BELL * WORD] %asi, %g1
        cmp     %g1, GO
        bne     idle
         nop

! Nothing in the TLBs, then the case's entries and our own.
        mov     63 * 8, %g1
        mov     TAG_ACCESS, %g2
1:      stxa    %g0, [%g2] IMMU
        stxa    %g0, [%g2] DMMU
        stxa    %g0, [%g1] ITLB_ACCESS
        stxa    %g0, [%g1] DTLB_ACCESS
        subcc   %g1, 8, %g1
        bpos    1b
         nop
        ldxa    [%g7 + REGISTERS * WORD] %asi, %g3
        add     %g7, ENTRIES * WORD, %g4
2:      brz,pn  %g3, 4f
         sub    %g3, 1, %g3
        ldxa    [%g4 + 0 * WORD] %asi, %g5
        ldxa    [%g4 + 1 * WORD] %asi, %g6
        ldxa    [%g4 + 2 * WORD] %asi, %g1
        ldxa    [%g4 + 3 * WORD] %asi, %o0
        brz,pt  %o0, 3f
         add    %g4, ENTRY_BYTES, %g4
        stxa    %g5, [%g2] IMMU
        ba      2b
         stxa   %g6, [%g1] ITLB_ACCESS
3:      stxa    %g5, [%g2] DMMU
        ba      2b
         stxa   %g6, [%g1] DTLB_ACCESS

4:      ldxa    [%g7 + (REGISTERS + 5) * WORD] %asi, %g5
        ldxa    [%g7 + (REGISTERS + 6) * WORD] %asi, %g1
        mov     5, %g6                          ! V, and 64 KiB
        sllx    %g6, 61, %g6
        set     HOME + OWN_TTE_LOW, %g3
        or      %g6, %g3, %g6
        stxa    %g5, [%g2] IMMU
        stxa    %g6, [%g1] ITLB_ACCESS
        set     TRAPS - HOME, %g6
        add     %g5, %g6, %g5
        wrpr    %g5, %tba

        mov     TSB, %g1
        ldxa    [%g7 + (REGISTERS + 7) * WORD] %asi, %g2
        ldxa    [%g7 + (REGISTERS + 8) * WORD] %asi, %g3
        stxa    %g2, [%g1] IMMU
        stxa    %g3, [%g1] DMMU
        membar  #Sync

        set     QUERIES * WORD, %g2
        add     %g7, %g2, %g2
        set     RESULTS * WORD, %g3
        add     %g7, %g3, %g3
        ldxa    [%g7 + COUNT * WORD] %asi, %g4
        set     saved, %l0
        stxa    %g0, [%l0 + 32] %asi
        mov     TRIES, %l1
        stxa    %l1, [%l0 + 40] %asi

access: set     saved, %l0
        brz,pn  %g4, done
         stxa   %g2, [%l0 + 0] %asi
        stxa    %g3, [%l0 + 8] %asi
        stxa    %g4, [%l0 + 16] %asi
        stxa    %g0, [%l0 + 24] %asi            ! nothing was refilled yet
again:  mov     SFSR, %l1                       ! status registers as after reset
        stxa    %g0, [%l1] IMMU
        stxa    %g0, [%l1] DMMU
        mov     SFAR, %l1
        stxa    %g0, [%l1] DMMU
        mov     TAG_ACCESS, %l1
        stxa    %g0, [%l1] IMMU
        stxa    %g0, [%l1] DMMU

        ldxa    [%g2 + 0 * WORD] %asi, %o1
        ldxa    [%g2 + 1 * WORD] %asi, %g5
        ldxa    [%g2 + 2 * WORD] %asi, %o2
        ldxa    [%g7 + (REGISTERS + 3) * WORD] %asi, %l2        ! nobody's context
        ldxa    [%g7 + (REGISTERS + 4) * WORD] %asi, %l3        ! route
        clr     %o0
        mov     PRIMARY, %l4
        mov     SECONDARY, %l5
        stxa    %l2, [%l4] DMMU
        stxa    %l2, [%l5] DMMU
        andcc   %g5, USER, %g0
        bne     users
         andcc  %g5, FETCH, %g0

        bne     kernels_fetch
         ldxa   [%g7 + (REGISTERS + 2) * WORD] %asi, %l6
        cmp     %l3, 1
        bl      kernels_plain
         and    %g5, WRITE, %l1
        be      kernels_secondary
         membar #Sync
        brz,a   %l1, through
         ldxa   [%o1] 0x04, %o0
        ba      through
         stxa   %o2, [%o1] 0x04

kernels_plain:
        stxa    %l6, [%l4] DMMU
        set     plain - start, %l0
        ba      ours
         mov    PSTATE_PRIV | PSTATE_PEF, %l1

kernels_secondary:
        stxa    %l6, [%l5] DMMU
        set     secondary - start, %l0
        ba      ours
         mov    PSTATE_PRIV | PSTATE_PEF, %l1

kernels_fetch:
        mov     %o1, %l0
        mov     PSTATE_PRIV | PSTATE_PEF | PSTATE_IE, %l1
        cmp     %l3, 2
        be,a    away
         wrpr   %g0, 2, %tl                     ! from which retry leads to TL=1
        ba      away
         stxa   %l6, [%l4] DMMU

users:  bne     users_fetch
         ldxa   [%g7 + (REGISTERS + 1) * WORD] %asi, %l6
        cmp     %l3, 1
        bl      users_plain
         and    %g5, WRITE, %l1
        bg      1f
         nop
        stxa    %l6, [%l4] DMMU
        membar  #Sync
        brz,a   %l1, through
         ldxa   [%o1] 0x10, %o0
        ba      through
         stxa   %o2, [%o1] 0x10
1:      stxa    %l6, [%l5] DMMU
        membar  #Sync
        brz,a   %l1, through
         ldxa   [%o1] 0x11, %o0
        ba      through
         stxa   %o2, [%o1] 0x11

users_plain:
        stxa    %l6, [%l4] DMMU
        set     plain - start, %l0
        ba      ours
         mov    PSTATE_PEF, %l1

users_fetch:
        stxa    %l6, [%l4] DMMU
        mov     PSTATE_PEF | PSTATE_IE, %l1
        ba      away
         mov    %o1, %l0

! Our own instructions at %l0, a load with a store behind it, by the address at which our own entry shows them.
ours:   ldxa    [%g7 + (REGISTERS + 5) * WORD] %asi, %l2
        andcc   %g5, WRITE, %g0
        be      away
         add    %l0, %l2, %l0
        add     %l0, STORE, %l0

! To %l0, outside RED state, with PSTATE %l1, and not for ever.
away:   sllx    %l1, 8, %l1
        wrpr    %l1, %tstate
        wrpr    %l0, %tpc
        add     %l0, 4, %l0
        wrpr    %l0, %tnpc
        set     PATIENCE, %l1
        rd      %tick, %l2
        add     %l2, %l1, %l2
        sllx    %l2, 1, %l2                     ! without NPT, which would be INT_DIS there
        srlx    %l2, 1, %l2
        wr      %l2, 0, %tick_cmpr
        set     0xffff, %l1
        wr      %l1, 0, %clear_softint
        membar  #Sync
        retry

plain:  ldx     [%o1], %o0
        ta      OURS_TRAP - 0x100
        stx     %o2, [%o1]
        ta      OURS_TRAP - 0x100
secondary:
        ldxa    [%o1] 0x81, %o0
        ta      OURS_TRAP - 0x100
        stxa    %o2, [%o1] 0x81
        ta      OURS_TRAP - 0x100

! Every trap begins with these, in the trap table, outside RED state: the jump's delay slot enters it.
        .balign 8
entrance:
        sethi   %hi(trap), %l7
        jmp     %l7 + %lo(trap)
         wrpr   %g0, OURS, %pstate
        nop

trap:   wrpr    %g0, 0, %cwp                    ! a stray fetch may have turned the windows
        wrpr    %g0, 0, %cansave
        wrpr    %g0, 0, %canrestore
        wrpr    %g0, 0, %otherwin
        wr      %g0, PHYSICAL, %asi
        set     MAILBOX, %g7
        set     saved, %l0
        ldxa    [%l0 + 0] %asi, %g2
        ldxa    [%l0 + 8] %asi, %g3
        ldxa    [%l0 + 16] %asi, %g4
        ldxa    [%g2 + 1 * WORD] %asi, %g5
        rdpr    %tt, %l1

        cmp     %l1, TIMER
        bne,pt  %xcc, 1f
         ldxa   [%l0 + 40] %asi, %l2
        brz,pn  %l2, told                       ! it was not QEMU that had to wait
         sub    %l2, 1, %l2
        stxa    %l2, [%l0 + 40] %asi
        ba      again
         wrpr   %g0, 1, %tl

1:      ldxa    [%l0 + 24] %asi, %l2            ! a miss that was answered once is not answered again
        brnz,pn %l2, told
         ldxa   [%g7 + (REGISTERS + 9) * WORD] %asi, %l3
        brz,pt  %l3, told
         cmp    %l1, D_MISS
        be      d_miss
         cmp    %l1, I_MISS
        bne     told
         nop

! What the handler of a miss does: the slot that the pointer register names, if its tag is the tag target's and V is set.
! %l2 is the tag target. The TSB lies at a virtual address; we look at it where that is in memory.
i_miss: ldxa    [%g0] IMMU, %l2
        mov     TAG_ACCESS, %l4
        ldxa    [%l4] IMMU, %l4
        sllx    %l4, 64 - 13, %l5
        brz,pn  %l5, told                       ! the kernel has no TSB
         ldxa   [%g7 + (REGISTERS + 10) * WORD] %asi, %l6
        ldxa    [%g0] 0x51, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i0
        add     %l5, 8, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i1
        cmp     %i0, %l2
        bne,pn  %xcc, 1f
         andcc  %l3, 2, %g0
        brlz,pt %i1, 2f
1:       nop
        be      told
         ldxa   [%g0] 0x52, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i0
        add     %l5, 8, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i1
        cmp     %i0, %l2
        bne,pn  %xcc, told
         nop
        brgez,pn %i1, told
         nop
2:      stxa    %i1, [%g0] ITLB_IN
        mov     1, %l2
        stxa    %l2, [%l0 + 24] %asi
        retry

d_miss: ldxa    [%g0] DMMU, %l2
        mov     TAG_ACCESS, %l4
        ldxa    [%l4] DMMU, %l4
        sllx    %l4, 64 - 13, %l5
        brz,pn  %l5, window
         ldxa   [%g7 + (REGISTERS + 10) * WORD] %asi, %l6
        ldxa    [%g0] 0x59, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i0
        add     %l5, 8, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i1
        cmp     %i0, %l2
        bne,pn  %xcc, 1f
         andcc  %l3, 2, %g0
        brlz,pt %i1, 2f
1:       nop
        be      told
         ldxa   [%g0] 0x5a, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i0
        add     %l5, 8, %l5
        ldxa    [%l5 + %l6] PHYSICAL, %i1
        cmp     %i0, %l2
        bne,pn  %xcc, told
         nop
        brgez,pn %i1, told
         nop
2:      stxa    %i1, [%g0] DTLB_IN
        membar  #Sync
        mov     1, %l2
        stxa    %l2, [%l0 + 24] %asi
        retry

! Context 0: RAM from its first byte on, but for page 0.
window: ldxa    [%g7 + (REGISTERS + 11) * WORD] %asi, %l5
        cmp     %l4, %l5
        bgeu,pn %xcc, told
         ldxa   [%g7 + (REGISTERS + 12) * WORD] %asi, %i1
        brz,pn  %l4, told
         add    %i1, %l6, %i1
        ba      2b
         add    %i1, %l4, %i1

! %l1 is the trap type. A trap that says that all went well is told as such.
told:   mov     SLOT_TRAP, %l2
        andcc   %g5, FETCH, %g0
        bne     1f
         mov    TRAPPED, %l3
        mov     OURS_TRAP, %l2
1:      cmp     %l1, %l2
        be,a    %xcc, 2f
         mov    LET_THROUGH, %l3
2:      stxa    %l3, [%g3 + 0 * WORD] %asi
        stxa    %o0, [%g3 + 1 * WORD] %asi
        stxa    %l1, [%g3 + 2 * WORD] %asi
        mov     SFSR, %l2
        ldxa    [%l2] IMMU, %l3
        ldxa    [%l2] DMMU, %l4
        mov     TAG_ACCESS, %l2
        ldxa    [%l2] IMMU, %l5
        ldxa    [%l2] DMMU, %l6
        andcc   %g5, FETCH, %g0
        bne     3f
         mov    %l3, %l2
        mov     %l4, %l3                        ! the D-MMU's first
        mov     %l2, %l4
        mov     %l6, %l5
3:      stxa    %l3, [%g3 + 3 * WORD] %asi
        stxa    %l5, [%g3 + 4 * WORD] %asi
        stxa    %l4, [%g3 + 7 * WORD] %asi
        mov     SFAR, %l2
        ldxa    [%l2] DMMU, %l3
        stxa    %l3, [%g3 + 5 * WORD] %asi
        rdpr    %tpc, %l2
        stxa    %l2, [%g3 + 6 * WORD] %asi

! Did a fetch go through to something that is no slot?
        andcc   %g5, FETCH, %g0
        be      next
         cmp    %l1, SLOT_TRAP
        be      next
         ldxa   [%g2 + 0 * WORD] %asi, %l3
        cmp     %l2, %l3
        bne     %xcc, 4f
         cmp    %l1, I_MISS
        be      next
         cmp    %l1, I_EXCEPTION
        be      next
         cmp    %l1, I_ERROR
        be      next
4:       nop
        ba      next
         stxa   %g5, [%l0 + 32] %asi

! A load or store from RED state has come through.
through:
        mov     LET_THROUGH, %l3
        stxa    %l3, [%g3 + 0 * WORD] %asi
        stxa    %o0, [%g3 + 1 * WORD] %asi

! What was refilled goes again, in every context that the access may have gone by.
next:   set     saved, %l0
        ldxa    [%l0 + 24] %asi, %l2
        brz,pt  %l2, 1f
         ldxa   [%g2 + 0 * WORD] %asi, %l3
        srlx    %l3, 13, %l3
        sllx    %l3, 13, %l3
        or      %l3, IN_SECONDARY, %l4
        or      %l3, IN_NUCLEUS, %l5
        stxa    %g0, [%l3] IDEMAP
        stxa    %g0, [%l5] IDEMAP
        stxa    %g0, [%l3] DDEMAP
        stxa    %g0, [%l4] DDEMAP
        stxa    %g0, [%l5] DDEMAP
        membar  #Sync

1:      wrpr    %g0, 1, %tl
        add     %g2, QUERY_BYTES, %g2
        add     %g3, RESULT_BYTES, %g3
        ba      access
         sub    %g4, 1, %g4

! QEMU keeps code that it has translated until the guest writes there, and knows nothing of what the host writes. What a stray
! fetch has met will be another case's slots: every place of a slot is written once, with what it holds.
done:   ldxa    [%l0 + 32] %asi, %l1
        brz,pt  %l1, 2f
         set    HOME, %l2
1:      subcc   %l2, SLOT, %l2
        ldxa    [%l2] PHYSICAL, %l3
        bne     1b
         stxa   %l3, [%l2] PHYSICAL
2:      mov     DONE, %g1
        ba      idle
         stxa   %g1, [%g7 + BELL * WORD] %asi

        .balign 8
saved:  .skip   6 * WORD        ! access, result, how many are left; was the miss answered; has a fetch gone astray; tries left
ending:
