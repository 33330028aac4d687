# The stub for IA-32: protected mode with two levels of tables; assembled with PAE=1, with the three of PAE.
#
# It runs under the judged CR3. One entry of the judged directory (the host chooses which, and patches it) leads to the stub's
# own table, which maps the stub's RAM: whatever is linked at X lies at X plus a "distance" in that window, a multiple of what
# an entry maps. All entries of the stub's own directory lead to that table too, so that nothing moves when CR3 changes. Code
# keeps the distance in EBX and reaches its data through it.
#
# A read or write of the kernel's is made where it stands. One of the user's is made in ring 3, by code on the one page that
# the user may touch, and ends with INT 32. A fetch jumps to the judged address by IRET with EFLAGS.TF set: one instruction is
# executed there, and the debug exception after it brings back EAX, into which a slot's `mov eax, imm32` has put its stamp. So
# whatever lies there does not run away. What it touches lies in the stub's stack, where all registers point to. (On a real
# processor DS, ES, FS and GS are null as well and the stack segments small, so that it can touch nothing else; QEMU without
# KVM looks at no segment's limit.)
#
# If it was no slot's, the stub loads all registers anew, and writes what lies there to where it lies: QEMU keeps translated code
# by physical address and is not told when the host changes memory, but what the guest writes it hears of.
#
# Should the judged instruction have spoilt ESP, the double fault that follows is a task of its own.
#
# Intel SDM vol 3A §3.4.5 (descriptors), §4.10.4.1 (what empties the TLB), §6.11 (gates), §7.2 (task state)

        .ifndef PAE
        .set    PAE, 0
        .endif

        .text
        .code32
rom:
        .set    mailbox, rom + 0x40000
        .set    WORD, 4
        .set    USER_PAGE, 1                    # the one that ring 3 may touch

        .include "x86-mailbox.S"

# Selectors.
        .set    CODE_0, 0x08
        .set    DATA_0, 0x10
        .set    STACK_0, 0x18
        .set    CODE_3, 0x20 + 3
        .set    DATA_3, 0x28 + 3
        .set    STACK_3, 0x30 + 3
        .set    TASK, 0x38
        .set    RESCUE, 0x40

        .set    DEBUG, 1
        .set    DOUBLE_FAULT, 8
        .set    PAGE_FAULT, 14
        .set    BACK, 32                        # ends an access of the user's
        .set    VECTORS, 33

        .set    FLAGS_ALWAYS, 1 << 1
        .set    FLAGS_TF, 1 << 8
        .set    FLAGS_AC, 1 << 18
        .set    CR0_ON, 1 << 31 | 1             # PG, PE
        .set    CR0_WP_BIT, 16
        .set    CR4_PAE, 1 << 5
        .set    CR4_PGE_BIT, 7
        .set    EFER, 0xc0000080

        .set    STACK_BYTES, 4096
        .set    SCRATCH, 2048                   # offset in the stack of what registers point to

# ---- From 32-bit code without paging

start:
        .if     PAE
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        .endif
        mov     $own_root, %eax
        mov     %eax, %cr3
        mov     $CR0_ON, %eax
        mov     %eax, %cr0
        movl    $READY, bell

# ---- At home: the entry of the stub's own directory for where it is linked

home:
        pause
        cmpl    $GO, bell
        jne     home
        movl    $0, place
        mov     distance, %ebx
        lea     arm(%ebx), %eax
        jmp     *%eax

# ---- In the window, with EBX the distance and DS = DATA_0

# The base of the descriptor `selector` becomes the address of `what`.
        .macro  base_of selector, what
        lea     \what(%ebx), %eax
        mov     %ax, gdt + \selector + 2(%ebx)
        shr     $16, %eax
        mov     %al, gdt + \selector + 4(%ebx)
        mov     %ah, gdt + \selector + 7(%ebx)
        .endm

        .set    FREE_TASK, 0x89                 # type of a TSS that is not busy

# Everything that knows an address is made anew, and the case's registers are loaded. Comes here once for a round, and again after
# an instruction was executed that was not a slot's: nobody knows what it has done.
arm:
        base_of STACK_0, stack
        base_of TASK, task
        base_of RESCUE, rescue_task
        movb    $FREE_TASK, gdt + TASK + 5(%ebx)
        movb    $FREE_TASK, gdt + RESCUE + 5(%ebx)
        lea     gdt(%ebx), %eax
        mov     %eax, gdtr + 2(%ebx)
        lgdt    gdtr(%ebx)
        mov     $STACK_0, %eax
        mov     %eax, %ss
        mov     $STACK_BYTES, %esp
        mov     $TASK, %eax
        ltr     %ax
        lea     rescue(%ebx), %eax
        mov     %eax, rescue_eip(%ebx)
        mov     %ebx, rescue_ebx(%ebx)

        lea     idt(%ebx), %edi
        mov     %edi, idtr + 2(%ebx)
        lea     entries(%ebx), %eax
        mov     $VECTORS, %ecx
1:      mov     %eax, %edx
        mov     %dx, (%edi)
        movw    $CODE_0, 2(%edi)
        movw    $0x8e00, 4(%edi)                # interrupt gate for ring 0
        shr     $16, %edx
        mov     %dx, 6(%edi)
        add     $ENTRY_BYTES, %eax
        add     $8, %edi
        dec     %ecx
        jnz     1b
        movb    $0xee, idt + BACK * 8 + 5(%ebx) # this one for ring 3 as well
        movw    $RESCUE, idt + DOUBLE_FAULT * 8 + 2(%ebx)
        movb    $0x85, idt + DOUBLE_FAULT * 8 + 5(%ebx) # and this one changes the task
        lidt    idtr(%ebx)

        mov     $EFER, %ecx
        mov     case_efer(%ebx), %eax
        xor     %edx, %edx
        wrmsr
        mov     case_cr4(%ebx), %eax
        mov     %eax, %cr4
        mov     case_cr0(%ebx), %eax
        mov     %eax, %cr0
        mov     case_cr3(%ebx), %eax
        mov     %eax, %cr3
        cmpb    $KIND_MEND, kind(%ebx)
        je      mend

# ESI: its result. EDI: the address. EAX: what a write writes. EDX: the kind.
next:
        mov     $STACK_BYTES, %esp
        mov     place(%ebx), %ecx
        cmp     count(%ebx), %ecx
        jae     leave_case
        incl    place(%ebx)
        mov     %ecx, %ebp
        shl     $4, %ebp                        # four words each
        lea     queries(%ebx, %ebp), %ebp
        shl     $5, %ecx                        # eight words each
        lea     results(%ebx, %ecx), %esi
        mov     %esi, result(%ebx)
        mov     %ds:0 * WORD(%ebp), %edi
        mov     %edi, address(%ebx)
        mov     %ds:1 * WORD(%ebp), %edx
        mov     %edx, kind(%ebx)
        mov     %ds:2 * WORD(%ebp), %eax

        mov     case_cr4(%ebx), %ecx            # A change of CR4.PGE empties the TLB, global entries and all.
        btr     $CR4_PGE_BIT, %ecx
        jnc     1f
        mov     %ecx, %cr4
        bts     $CR4_PGE_BIT, %ecx
        mov     %ecx, %cr4
        jmp     2f
1:      mov     case_cr3(%ebx), %ecx            # Without it no entry is global.
        mov     %ecx, %cr3
2:
        mov     case_flags(%ebx), %ecx
        or      $FLAGS_ALWAYS, %ecx
        test    $KIND_FETCH, %edx
        jnz     fetch
        test    $KIND_USER, %edx
        jnz     user
        push    %ecx
        popfl
        cmp     $KIND_READ, %edx
        jne     1f
        mov     (%edi), %eax                    # The judged access,
        jmp     2f
1:      mov     %eax, (%edi)                    # or this one.
2:      mov     %eax, VALUE(%esi)
        movl    $THROUGH, STATUS(%esi)
        jmp     next

user:
        lea     user_read(%ebx), %ebp
        test    $KIND_READ, %edx
        jnz     1f
        lea     user_write(%ebx), %ebp
1:      pushl   $STACK_3
        pushl   $0
        push    %ecx
        pushl   $CODE_3
        push    %ebp
        mov     $DATA_3, %ecx
        mov     %ecx, %ds
        iretl

fetch:
        or      $FLAGS_TF, %ecx
        lea     stack + SCRATCH(%ebx), %esi
        test    $KIND_USER, %edx
        jz      1f
        pushl   $STACK_3
        push    %esi
        push    %ecx
        pushl   $CODE_3
        jmp     2f
1:      push    %ecx
        pushl   $CODE_0
2:      push    %edi
        xor     %eax, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        .irp    register, eax, ebx, ecx, edx, edi, ebp
        mov     %esi, %\register
        .endr
        iretl

# What could be fetched can be written, without CR0.WP and with EFLAGS.AC; if not, `caught` comes back to `arm`.
mend:
        mov     case_cr0(%ebx), %eax
        mov     %eax, %ecx
        btr     $CR0_WP_BIT, %ecx
        mov     %ecx, %cr0
        pushl   $FLAGS_ALWAYS | FLAGS_AC
        popfl
        mov     address(%ebx), %edi
        .irp    offset, 0, 4, 8, 12
        mov     \offset(%edi), %ecx
        mov     %ecx, \offset(%edi)
        .endr
        mov     %eax, %cr0
        movb    $0, kind(%ebx)
        jmp     next

# The case is over: nothing of it may be left in the TLB when the stub's own tables are in force.
leave_case:
        mov     case_cr4(%ebx), %eax
        btr     $CR4_PGE_BIT, %eax
        mov     %eax, %cr4
        mov     $own_root, %eax
        mov     %eax, %cr3
        mov     $at_home, %eax
        jmp     *%eax
at_home:
        movl    $DONE, bell
        jmp     home

# ---- Exceptions

# One entry each; the processor pushes an error code for some, and the entry a zero for the others.
        .balign 16
        .set    ENTRY_BYTES, 16
        .set    vector, 0
entries:
        .rept   VECTORS
        .balign ENTRY_BYTES
        .if     vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
        pushl   $0
        .endif
        pushl   $vector
        jmp     caught
        .set    vector, vector + 1
        .endr

# On the stack: vector, error code, EIP, CS, EFLAGS.
caught:
        mov     $DATA_0, %ecx
        mov     %ecx, %ds
        mov     %ecx, %es
        call    1f                              # where is this?
1:      pop     %ebx
        sub     $1b, %ebx
        cmpb    $KIND_MEND, kind(%ebx)
        je      3f
        mov     result(%ebx), %esi
        mov     %eax, VALUE(%esi)
        mov     0 * WORD(%esp), %eax
        mov     %eax, TRAP(%esi)
        mov     1 * WORD(%esp), %ecx
        mov     %ecx, CODE(%esi)
        mov     %cr2, %edx
        mov     %edx, ADDRESS(%esi)
        mov     2 * WORD(%esp), %ebp
        mov     %ebp, AT(%esi)
        mov     3 * WORD(%esp), %ecx
        mov     %ecx, AT_CS(%esi)
        mov     4 * WORD(%esp), %ecx
        mov     %ecx, AT_FLAGS(%esi)
        testb   $KIND_FETCH, kind(%ebx)
        jnz     1f
        cmp     $BACK, %eax
        je      through
trapped:
        movl    $TRAPPED, STATUS(%esi)
        jmp     next
through:
        movl    $THROUGH, STATUS(%esi)
        jmp     next

# Of a fetch: was the slot's instruction executed, or was it the fetch that trapped?
1:      mov     address(%ebx), %edi
        cmp     $DEBUG, %eax
        jne     2f
        lea     5(%edi), %ecx                   # behind `mov eax, imm32`
        cmp     %ecx, %ebp
        je      through
2:      cmp     $PAGE_FAULT, %eax
        jne     strange
        cmp     %edi, %ebp
        jne     strange
        cmp     %edi, %edx
        je      trapped
strange:                                        # Neither: it went through, to something that is no slot.
        movl    $0, VALUE(%esi)
        movl    $THROUGH, STATUS(%esi)
        movb    $KIND_MEND, kind(%ebx)
        jmp     arm
3:      movb    $0, kind(%ebx)
        jmp     arm

# Only an instruction that was no slot's can have led to a double fault. The task begins under the stub's own root, with EBX.
rescue:
        mov     result(%ebx), %esi
        movl    $DOUBLE_FAULT, TRAP(%esi)
        pushl   $FLAGS_ALWAYS                   # NT says that this task was called by another.
        popfl
        jmp     strange

# ---- Data

        .balign 16
gdt:
        .quad   0
        .quad   0x00cf9a000000ffff              # CODE_0
        .quad   0x00cf92000000ffff              # DATA_0
        .quad   0x0040920000000000 + STACK_BYTES - 1 # STACK_0, its base to be filled in
        .quad   0x00cffa000000ffff              # CODE_3
        .quad   0x00cff2000000ffff              # DATA_3
        .quad   0x0040f20000000000              # STACK_3: one byte
        .quad   task_end - task - 1             # TASK and RESCUE, their bases to be filled in
        .quad   task_end - task - 1
gdtr:
        .word   gdtr - gdt - 1
        .long   gdt
        .balign 16
idt:
        .fill   VECTORS * 8
idtr:
        .word   idtr - idt - 1
        .long   idt
        .balign 16
task:
        .long   0
        .long   STACK_BYTES                     # ESP0
        .long   STACK_0                         # SS0
        .fill   22 * 4
        .word   0, task_end - task              # no I/O permissions
task_end:
        .balign 16
rescue_task:
        .fill   7 * 4
        .long   own_root                        # CR3
rescue_eip:
        .long   0
        .long   FLAGS_ALWAYS
        .fill   3 * 4                           # EAX, ECX, EDX
rescue_ebx:
        .long   0
        .long   STACK_BYTES                     # ESP
        .fill   3 * 4                           # EBP, ESI, EDI
        .long   DATA_0, CODE_0, STACK_0, DATA_0, 0, 0 # ES, CS, SS, DS, FS, GS
        .long   0                               # no LDT
        .word   0, task_end - task
        .balign 16
place:
        .long   0                               # number of the next access
result:
        .long   0
address:
        .long   0
kind:
        .long   0

# ---- The page that the user may touch

        .org    USER_PAGE * 4096
user_read:
        mov     (%edi), %eax
        int     $BACK
user_write:
        mov     %eax, (%edi)
        int     $BACK

        .balign 4096
stack:
        .fill   STACK_BYTES

# ---- The stub's own tables: 4 KiB pages, accessed and dirty already

        .set    TO_TABLE, 0x27                  # A, U/S, R/W, P
        .set    TO_PAGE, 0x63                   # D, A, R/W, P
        .set    USERS, 0x04

# An entry, and a page's of the stub.
        .macro  entry word
        .long   \word
        .if     PAE
        .long   0
        .endif
        .endm
        .macro  page_entry number, rights
        entry   "rom + \number * 4096 + \rights"
        .endm

        .if     PAE
        .set    ENTRIES, 512
        .else
        .set    ENTRIES, 1024
        .endif

        .balign 4096
        .if     PAE
directory:
        .else
own_root:
        .endif
        .rept   ENTRIES
        entry   "pages + TO_TABLE"
        .endr
pages:
        .set    page, 0
        .rept   USER_PAGE
        page_entry page, TO_PAGE
        .set    page, page + 1
        .endr
        page_entry page, TO_PAGE + USERS
        .rept   ENTRIES - 1 - USER_PAGE
        .set    page, page + 1
        page_entry page, TO_PAGE
        .endr
        .if     PAE
own_root:
        .rept   4
        entry   "directory + 1"                 # P; the rest is reserved
        .endr
        .endif

        .include "x86-boot.S"
