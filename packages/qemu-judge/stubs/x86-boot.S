# How a processor of the x86 family comes from reset to 32-bit code in RAM: the end of a 64 KiB ROM, and what it jumps to.
#
# The ROM lies at the end of the first 4 GiB, and the reset vector 16 bytes before its end. Everything is linked for RAM at
# `rom`, where the whole ROM is copied to first; so the low 16 bits of a linked address are its offset in the ROM.
#
# The includer defines `rom`, its first byte, and `start`, 32-bit code without paging that is jumped to in RAM; it includes
# this at its end.
#
# Intel SDM vol 3A §9.1.4 (first instruction), §9.9.1 (switching to protected mode)

        .set    ROM, 0xffff0000
        .set    ROM_BYTES, 0x10000
        .set    BOOT_CODE, 0x08
        .set    BOOT_DATA, 0x10

        .balign 16
boot_gdt:
        .quad   0
        .quad   0x00cf9a000000ffff              # code: all 4 GiB, 32 bits
        .quad   0x00cf92000000ffff              # data: all 4 GiB
boot_gdtr:
        .word   boot_gdtr - boot_gdt - 1
        .long   ROM + (boot_gdt - rom)

        .code32
boot_copy:
        mov     $BOOT_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $ROM, %esi
        mov     $rom, %edi
        mov     $ROM_BYTES / 4, %ecx
        cld
        rep movsl
        mov     $start, %eax
        jmp     *%eax

        .code16
boot_real:
        cli
        lgdtl   %cs:(boot_gdtr - rom)
        mov     $0x11, %eax                     # PE and ET; caches on
        mov     %eax, %cr0
        ljmpl   $BOOT_CODE, $ROM + (boot_copy - rom)

        .org    ROM_BYTES - 16
boot_reset:
        jmp     boot_real
        .org    ROM_BYTES
