# MIPS32 on a Malta board, in either byte order: performs accesses through TLB entries that the host has written, and
# tells what became of them.
#
# The core boots here, at 0xbfc00000, and stays: while Status.BEV is set its exception vectors lie here too. kseg1 asks
# no TLB, so entries may map whatever they like, and the stub still runs.
#
# Every access begins with an ERET, into the mode it is made in and with EXL off, for only then a refill has its own
# vector: to the address itself where it is a fetch, else to a load or a store of ours. Every access ends in an exception:
# its own, or that of the SYSCALL behind it.
#
# An instruction that the user executes is fetched by the user, from useg. So his loads and stores want one entry more,
# the window, which shows him this ROM; the host finds an index and an address for it that no access of the round needs.
#
# MIPS32 PRA vol III: exception vectors (table of bases and offsets), Status, Cause, EntryHi, TLBWI, ERET.
#
# Registers of a case: 0 number of entries, 1 ASID, 2 Context, of which only PTEBase is software's; 3 EntryHi of the
# window, 4 its index. An entry: EntryHi, PageMask plus its index (there PageMask has zeros), EntryLo0, EntryLo1.
# Of a result: v0, Cause, offset of the vector, BadVAddr, EntryHi, Context, EPC.

        .set    noreorder
        .set    noat
        .option pic0

        .equ    MAILBOX,        0xa2000000      # 32 MiB, through kseg1
        .equ    SAVED,          0xa2010000
        .equ    BARRIER,        0xa1ff0000      # from here to the mailbox there are traps
        .equ    WORD,           4
        .include "mailbox.S"

        .equ    INDEX,          $0              # coprocessor 0
        .equ    ENTRY_LO0,      $2
        .equ    ENTRY_LO1,      $3
        .equ    CONTEXT,        $4
        .equ    PAGE_MASK,      $5
        .equ    WIRED,          $6
        .equ    BAD_VADDR,      $8
        .equ    TIME,           $9
        .equ    ENTRY_HI,       $10
        .equ    ALARM,          $11
        .equ    STATUS,         $12
        .equ    CAUSE,          $13
        .equ    EPC,            $14
        .equ    CONFIG,         $16
        .equ    DEPC,           $24

        .equ    STATUS_BEV,     0x400000        # vectors in ROM
        .equ    STATUS_TIMER,   0x8001          # IE and IM7: of all interrupts the timer's
        .equ    STATUS_UM,      0x10
        .equ    STATUS_EXL,     0x2
        .equ    EXC_CODE,       31 << 2         # of Cause
        .equ    EXC_SYSCALL,    8 << 2
        .equ    ROM_PAGE,       0x1fc00 << 6 | 2 << 3 | 3       # of EntryLo: uncached, no D, V, G
        .equ    KSEG0,          0x80000000
        .equ    SYSCALL,        8               # of a slot: lui, ori, syscall
        .equ    PATIENCE,       100000000       # ticks of Count that a fetch may take: half a second or more

# While a round runs:
#       s0      the mailbox            s1      the access             s2      its result
#       s3      how many are left      s4      EPC if it is let through
#       s5      EntryHi, the ASID      s6      this ROM as the user sees it
# A fetch may run into anything and lose them all: `report` takes them from SAVED.

        .text
rom:
        b       start
        nop
        .org    0x10                            # Malta shows its revision here
        .word   0

        .org    0x200                           # no entry matches
        b       report
        li      $k1, 0x200

        .org    0x300                           # cache error
        b       report
        li      $k1, 0x300

        .org    0x380                           # all the others
        b       report
        li      $k1, 0x380

        .org    0x480                           # debug: a stray fetch has met SDBBP
        la      $k0, report
        mtc0    $k0, DEPC
        li      $k1, 0x480
        ehb
        deret

        .org    0x500
start:
        li      $t0, STATUS_BEV                 # ERL off: useg is mapped
        mtc0    $t0, STATUS
        mtc0    $zero, CAUSE
        mtc0    $zero, WIRED
        ehb

        li      $s0, MAILBOX
        li      $t0, BARRIER                    # a fetch that runs through empty memory ends before the mailbox
        li      $t1, 0x0000000d                 # break
1:      sw      $t1, 0($t0)
        addiu   $t0, $t0, WORD
        bne     $t0, $s0, 1b
        nop
        li      $t0, READY
        sw      $t0, BELL * WORD($s0)

idle:
        lw      $t0, BELL * WORD($s0)
        li      $t1, GO
        bne     $t0, $t1, idle
        nop
        sync

# ---- The TLB: nothing but what the case says ----

        mfc0    $t0, CONFIG, 1                  # MMUSize: the last entry's number
        ext     $t0, $t0, 25, 6
        mtc0    $zero, PAGE_MASK
        mtc0    $zero, ENTRY_LO0
        mtc0    $zero, ENTRY_LO1
        li      $t1, KSEG0                      # addresses that no entry is asked for, each entry its own
1:      sll     $t2, $t0, 13
        addu    $t2, $t2, $t1
        mtc0    $t2, ENTRY_HI
        mtc0    $t0, INDEX
        ehb
        tlbwi
        bgtz    $t0, 1b
        addiu   $t0, $t0, -1

        lw      $t0, (REGISTERS + 0) * WORD($s0)
        addiu   $t1, $s0, ENTRIES * WORD
1:      beqz    $t0, 2f
        addiu   $t0, $t0, -1
        lw      $t2, 0 * WORD($t1)
        lw      $t3, 1 * WORD($t1)
        lw      $t4, 2 * WORD($t1)
        lw      $t5, 3 * WORD($t1)
        andi    $t6, $t3, 0x3f
        xor     $t3, $t3, $t6
        mtc0    $t2, ENTRY_HI
        mtc0    $t3, PAGE_MASK
        mtc0    $t4, ENTRY_LO0
        mtc0    $t5, ENTRY_LO1
        mtc0    $t6, INDEX
        ehb
        tlbwi
        b       1b
        addiu   $t1, $t1, ENTRY_BYTES

2:      lw      $t0, (REGISTERS + 3) * WORD($s0)
        lw      $t1, (REGISTERS + 4) * WORD($s0)
        li      $t2, ROM_PAGE
        mtc0    $t0, ENTRY_HI
        mtc0    $t1, INDEX
        mtc0    $t2, ENTRY_LO0
        mtc0    $t2, ENTRY_LO1
        mtc0    $zero, PAGE_MASK
        ehb
        tlbwi
        ins     $t0, $zero, 0, 13
        move    $s6, $t0

# ---- The accesses ----

        lw      $s5, (REGISTERS + 1) * WORD($s0)
        lw      $t0, (REGISTERS + 2) * WORD($s0)
        mtc0    $t0, CONTEXT
        li      $s1, MAILBOX + QUERIES * WORD
        li      $s2, MAILBOX + RESULTS * WORD
        lw      $s3, COUNT * WORD($s0)
        li      $t0, SAVED
        sw      $s5, 4 * WORD($t0)
        sw      $s6, 5 * WORD($t0)

access:
        beqz    $s3, done
        lw      $a0, 0 * WORD($s1)              # address
        lw      $t1, 1 * WORD($s1)              # kind
        lw      $a1, 2 * WORD($s1)              # what a write writes
        move    $v0, $zero
        mtc0    $s5, ENTRY_HI

        la      $t4, rom                        # where the kernel and the user find our loads and stores
        li      $t2, STATUS_BEV | STATUS_EXL
        andi    $t3, $t1, USER
        beqz    $t3, 1f
        nop
        move    $t4, $s6
        ori     $t2, $t2, STATUS_UM
1:      andi    $t3, $t1, FETCH
        bnez    $t3, fetch
        andi    $t3, $t1, WRITE
        beqz    $t3, enter
        addiu   $t5, $t4, loads - rom
        b       enter
        addiu   $t5, $t4, stores - rom

fetch:
        li      $t3, STATUS_TIMER
        or      $t2, $t2, $t3
        li      $t3, PATIENCE
        mfc0    $t4, TIME
        addu    $t4, $t4, $t3
        mtc0    $t4, ALARM
        move    $t5, $a0

enter:                                          # with t2 as Status, at t5
        addiu   $s4, $t5, SYSCALL
        li      $t3, SAVED
        sw      $s1, 0 * WORD($t3)
        sw      $s2, 1 * WORD($t3)
        sw      $s3, 2 * WORD($t3)
        sw      $s4, 3 * WORD($t3)
        mtc0    $t5, EPC
        mtc0    $t2, STATUS
        ehb
        eret

# What the access is made with, here or through the window. As in a slot, the SYSCALL is the third instruction.
loads:
        lw      $v0, 0($a0)
        nop
        syscall
stores:
        sw      $a1, 0($a0)
        nop
        syscall

# Every exception: the offset of its vector is in k1. It was let through if its own syscall brought us here.
report:
        li      $k0, SAVED
        lw      $s1, 0 * WORD($k0)
        lw      $s2, 1 * WORD($k0)
        lw      $s3, 2 * WORD($k0)
        lw      $s4, 3 * WORD($k0)
        lw      $s5, 4 * WORD($k0)
        lw      $s6, 5 * WORD($k0)
        li      $s0, MAILBOX

        li      $t0, TRAPPED
        mfc0    $t1, CAUSE
        mfc0    $t2, EPC
        andi    $t3, $t1, EXC_CODE
        li      $t4, EXC_SYSCALL
        bne     $t3, $t4, 1f
        nop
        bne     $t2, $s4, 1f
        nop
        li      $t0, LET_THROUGH
1:      sw      $v0, 1 * WORD($s2)
        sw      $t1, 2 * WORD($s2)
        sw      $k1, 3 * WORD($s2)
        mfc0    $t3, BAD_VADDR
        sw      $t3, 4 * WORD($s2)
        mfc0    $t3, ENTRY_HI
        sw      $t3, 5 * WORD($s2)
        mfc0    $t3, CONTEXT
        sw      $t3, 6 * WORD($s2)
        sw      $t2, 7 * WORD($s2)
        sw      $t0, 0 * WORD($s2)

        addiu   $s1, $s1, QUERY_BYTES
        addiu   $s2, $s2, RESULT_BYTES
        b       access
        addiu   $s3, $s3, -1

done:
        sync
        li      $t0, DONE
        b       idle
        sw      $t0, BELL * WORD($s0)
