# The stub for AMD64: 64-bit mode, four levels of tables, or five where the processor has CR4.LA57.
#
# It runs under the judged CR3. One entry of the judged root (the host chooses which, and patches it) leads to the stub's own
# tables, which map the stub's 2 MiB of RAM at their physical address within that entry's range: whatever lies at X when the
# entry is number 0 lies at X plus the entry's range, the "distance", in the window. All entries of the stub's own root lead
# there too, so that nothing moves when CR3 changes. Code reaches its data relative to RIP and knows no address.
#
# A read or write of the kernel's is made where it stands. One of the user's is made in ring 3, by code on the one page that
# the user may touch, and ends with INT 32. A fetch jumps to the judged address by IRETQ with RFLAGS.TF set: one instruction
# is executed there, and the debug exception after it brings back EAX, into which a slot's `mov eax, imm32` has put its stamp.
# So whatever lies there does not run away; with all registers pointing into the hole it touches no memory either.
#
# If it was no slot's, the stub loads all registers anew, and writes what lies there to where it lies: QEMU keeps translated code
# by physical address and is not told when the host changes memory, but what the guest writes it hears of.
#
# Every exception goes through an IST stack, which is mapped whatever the judged tables say.
#
# Intel SDM vol 3A §4.10.4.1 (what empties the TLB), §6.14 (exceptions in 64-bit mode), §9.8.5 (entering it)

        .text
        .code32
rom:
        .set    mailbox, rom + 0x40000
        .set    WORD, 8
        .set    USER_PAGE, 1                    # the one that ring 3 may touch

        .include "x86-mailbox.S"

# Selectors.
        .set    CODE_0, 0x08
        .set    DATA_3, 0x10 + 3
        .set    CODE_3, 0x18 + 3
        .set    TASK, 0x20

        .set    DEBUG, 1
        .set    GENERAL_PROTECTION, 13
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
        .set    CR4_LA57, 1 << 12
        .set    EFER, 0xc0000080
        .set    EFER_LME, 1 << 8
        .set    CPUID_LA57, 1 << 16             # leaf 7, ECX

# In the hole with 48 bits and with 57, and so is the sum of two, and of one and two, four or eight times another.
        .set    NOWHERE, 1 << 62

# ---- From 32-bit code without paging to 64-bit mode

start:
        mov     $CR4_PAE, %esi
        mov     $root4, %edi
        mov     $7, %eax
        xor     %ecx, %ecx
        cpuid
        test    $CPUID_LA57, %ecx
        jz      1f
        or      $CR4_LA57, %esi
        mov     $root5, %edi
        movb    $64 - 57, beyond
1:      mov     %esi, %cr4
        mov     %edi, own_root
        mov     %edi, %cr3
        mov     $EFER, %ecx
        mov     $EFER_LME, %eax
        xor     %edx, %edx
        wrmsr
        mov     $CR0_ON, %eax
        mov     %eax, %cr0
        lgdt    gdtr
        ljmp    $CODE_0, $up

        .code64
up:
        movq    $READY, bell(%rip)

# ---- At home: entry 0 of the stub's own root

home:
        pause
        cmpq    $GO, bell(%rip)
        jne     home
        movq    $0, place(%rip)
        lea     arm(%rip), %rax
        add     distance(%rip), %rax
        jmp     *%rax

# ---- In the window

# Everything that knows an address is made anew, and the case's registers are loaded. Comes here once for a round, and again after
# an instruction was executed that was not a slot's: nobody knows what it has done.
arm:
        lea     stack_end(%rip), %rsp
        lea     exception_stack_end(%rip), %rax
        mov     %rax, task_ist1(%rip)

        lea     gdt(%rip), %rax
        mov     %rax, gdtr + 2(%rip)
        lea     task(%rip), %rax                # A TSS descriptor has its base in four pieces; type 9 says "not busy".
        mov     %ax, gdt + TASK + 2(%rip)
        shr     $16, %rax
        mov     %al, gdt + TASK + 4(%rip)
        movb    $0x89, gdt + TASK + 5(%rip)
        mov     %ah, gdt + TASK + 7(%rip)
        shr     $16, %rax
        mov     %eax, gdt + TASK + 8(%rip)
        lgdt    gdtr(%rip)
        mov     $TASK, %eax
        ltr     %ax

        lea     idt(%rip), %rdi
        mov     %rdi, idtr + 2(%rip)
        lea     entries(%rip), %rax
        mov     $VECTORS, %ecx
1:      mov     %rax, %rdx
        mov     %dx, (%rdi)
        movw    $CODE_0, 2(%rdi)
        movw    $0x8e01, 4(%rdi)                # interrupt gate for ring 0, stack IST1
        shr     $16, %rdx
        mov     %dx, 6(%rdi)
        shr     $16, %rdx
        mov     %edx, 8(%rdi)
        add     $ENTRY_BYTES, %rax
        add     $16, %rdi
        dec     %ecx
        jnz     1b
        movb    $0xee, idt + BACK * 16 + 5(%rip) # this one for ring 3 as well
        lidt    idtr(%rip)

        mov     $EFER, %ecx
        mov     case_efer(%rip), %eax
        xor     %edx, %edx
        wrmsr
        mov     case_cr4(%rip), %rax
        mov     %rax, %cr4
        mov     case_cr0(%rip), %rax
        mov     %rax, %cr0
        mov     case_cr3(%rip), %rax
        mov     %rax, %cr3
        cmpb    $KIND_MEND, kind(%rip)
        je      mend

# RBP: its result. RDI: the address. RAX: what a write writes. EDX: the kind.
next:
        lea     stack_end(%rip), %rsp
        mov     place(%rip), %rcx
        cmp     count(%rip), %rcx
        jae     leave_case
        incq    place(%rip)
        mov     %rcx, %rsi
        shl     $5, %rsi                        # four words each
        lea     queries(%rip), %rax
        add     %rax, %rsi
        shl     $6, %rcx                        # eight words each
        lea     results(%rip), %rbp
        add     %rcx, %rbp
        mov     %rbp, result(%rip)
        mov     0 * WORD(%rsi), %rdi
        mov     %rdi, address(%rip)
        mov     1 * WORD(%rsi), %rdx
        mov     %rdx, kind(%rip)
        mov     2 * WORD(%rsi), %rax

        mov     case_cr4(%rip), %rcx            # A change of CR4.PGE empties the TLB, global entries and all.
        btr     $CR4_PGE_BIT, %rcx
        jnc     1f
        mov     %rcx, %cr4
        bts     $CR4_PGE_BIT, %rcx
        mov     %rcx, %cr4
        jmp     2f
1:      mov     case_cr3(%rip), %rcx            # Without it no entry is global.
        mov     %rcx, %cr3
2:
        test    $KIND_FETCH, %edx
        jnz     fetch
        mov     case_flags(%rip), %rcx
        or      $FLAGS_ALWAYS, %rcx
        test    $KIND_USER, %edx
        jnz     user
        push    %rcx
        popfq
        cmp     $KIND_READ, %edx
        jne     1f
        mov     (%rdi), %rax                    # The judged access,
        jmp     2f
1:      mov     %rax, (%rdi)                    # or this one.
2:      mov     %rax, VALUE(%rbp)
        movq    $THROUGH, STATUS(%rbp)
        jmp     next

user:
        lea     user_read(%rip), %rbx
        test    $KIND_READ, %edx
        jnz     1f
        lea     user_write(%rip), %rbx
1:      pushq   $DATA_3
        pushq   $0
        push    %rcx
        pushq   $CODE_3
        push    %rbx
        iretq

fetch:
        mov     case_flags(%rip), %rcx
        or      $FLAGS_ALWAYS | FLAGS_TF, %rcx
        mov     $0, %esi                        # Ring 0 needs no stack segment.
        mov     $CODE_0, %ebx
        test    $KIND_USER, %edx
        jz      1f
        mov     $DATA_3, %esi
        mov     $CODE_3, %ebx
1:      movabs  $NOWHERE, %rax
        push    %rsi
        push    %rax
        push    %rcx
        push    %rbx
        push    %rdi
        .irp    register, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        mov     %rax, %\register
        .endr
        iretq

# What could be fetched can be written, without CR0.WP and with RFLAGS.AC; if not, `caught` comes back to `arm`.
mend:
        mov     case_cr0(%rip), %rax
        mov     %rax, %rcx
        btr     $CR0_WP_BIT, %rcx
        mov     %rcx, %cr0
        pushq   $FLAGS_ALWAYS | FLAGS_AC
        popfq
        mov     address(%rip), %rdi
        mov     0(%rdi), %rcx
        mov     %rcx, 0(%rdi)
        mov     8(%rdi), %rcx
        mov     %rcx, 8(%rdi)
        mov     %rax, %cr0
        movb    $0, kind(%rip)
        jmp     next

# The case is over: nothing of it may be left in the TLB when the stub's own tables are in force.
leave_case:
        mov     case_cr4(%rip), %rax
        btr     $CR4_PGE_BIT, %rax
        mov     %rax, %cr4
        mov     own_root(%rip), %rax
        mov     %rax, %cr3
        mov     $at_home, %eax
        jmp     *%rax
at_home:
        movq    $DONE, bell(%rip)
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
        pushq   $0
        .endif
        pushq   $vector
        jmp     caught
        .set    vector, vector + 1
        .endr

# On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS.
caught:
        cmpb    $KIND_MEND, kind(%rip)
        je      5f
        mov     result(%rip), %rbp
        mov     %rax, VALUE(%rbp)
        mov     0 * WORD(%rsp), %rax
        mov     %rax, TRAP(%rbp)
        mov     1 * WORD(%rsp), %rcx
        mov     %rcx, CODE(%rbp)
        mov     %cr2, %rsi
        mov     %rsi, ADDRESS(%rbp)
        mov     2 * WORD(%rsp), %rbx
        mov     %rbx, AT(%rbp)
        mov     3 * WORD(%rsp), %rcx
        mov     %rcx, AT_CS(%rbp)
        mov     4 * WORD(%rsp), %rcx
        mov     %rcx, AT_FLAGS(%rbp)
        testb   $KIND_FETCH, kind(%rip)
        jnz     1f
        cmp     $BACK, %eax
        je      through
trapped:
        movq    $TRAPPED, STATUS(%rbp)
        jmp     next
through:
        movq    $THROUGH, STATUS(%rbp)
        jmp     next

# Of a fetch: was the slot's instruction executed, or was it the fetch that trapped?
1:      mov     address(%rip), %rdi
        cmp     $DEBUG, %eax
        jne     2f
        lea     5(%rdi), %rdx                   # behind `mov eax, imm32`
        cmp     %rdx, %rbx
        je      through
2:      cmp     %rdi, %rbx
        jne     4f
        cmp     $PAGE_FAULT, %eax
        jne     3f
        cmp     %rdi, %rsi
        je      trapped
3:      cmp     $GENERAL_PROTECTION, %eax
        jne     4f
        mov     beyond(%rip), %cl               # Is the address in the hole?
        mov     %rdi, %rdx
        shl     %cl, %rdx
        sar     %cl, %rdx
        cmp     %rdi, %rdx
        jne     trapped
4:      movq    $0, VALUE(%rbp)                 # Neither: it went through, to something that is no slot.
        movq    $THROUGH, STATUS(%rbp)
        movb    $KIND_MEND, kind(%rip)
        jmp     arm
5:      movb    $0, kind(%rip)
        jmp     arm

# ---- Data

        .balign 16
gdt:
        .quad   0
        .quad   0x00af9a000000ffff              # CODE_0: 64 bits
        .quad   0x00cff2000000ffff              # DATA_3
        .quad   0x00affa000000ffff              # CODE_3: 64 bits
        .quad   task_end - task - 1             # TASK, two words, its base to be filled in
        .quad   0
gdtr:
        .word   gdtr - gdt - 1
        .quad   gdt
        .balign 16
idt:
        .fill   VECTORS * 16
idtr:
        .word   idtr - idt - 1
        .quad   idt
        .balign 16
task:
        .fill   36
task_ist1:
        .quad   0
        .fill   58
        .word   task_end - task                 # no I/O permissions
task_end:
        .balign 16
own_root:
        .quad   0
place:
        .quad   0                               # number of the next access
result:
        .quad   0
address:
        .quad   0
kind:
        .quad   0
beyond:
        .byte   64 - 48                         # bits above a virtual address
        .balign 16
        .fill   512
stack_end:
        .fill   512
exception_stack_end:

# ---- The page that the user may touch

        .org    USER_PAGE * 4096
user_read:
        mov     (%rdi), %rax
        int     $BACK
user_write:
        mov     %rax, (%rdi)
        int     $BACK

# ---- The stub's own tables: 4 KiB pages, accessed and dirty already

        .set    TO_TABLE, 0x27                  # A, U/S, R/W, P
        .set    TO_PAGE, 0x63                   # D, A, R/W, P
        .set    USERS, 0x04

        .balign 4096
root5:
        .rept   512
        .quad   root4 + TO_TABLE
        .endr
root4:
        .rept   512
        .quad   directory_pointers + TO_TABLE
        .endr
directory_pointers:                             # `rom` is at 32 MiB: entry 0 here, and entry 16 of the directory
        .quad   directory + TO_TABLE
        .fill   511 * 8
directory:
        .fill   16 * 8
        .quad   pages + TO_TABLE
        .fill   495 * 8
pages:
        .set    page, 0
        .rept   USER_PAGE
        .quad   rom + page * 4096 + TO_PAGE
        .set    page, page + 1
        .endr
        .quad   rom + page * 4096 + TO_PAGE + USERS
        .rept   511 - USER_PAGE
        .set    page, page + 1
        .quad   rom + page * 4096 + TO_PAGE
        .endr

        .include "x86-boot.S"
