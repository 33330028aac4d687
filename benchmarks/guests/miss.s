# A guest that does nothing but miss: a flat ROM of one segment at 0xf0000, entered at its start.
# It maps 32 MiB one to one in two levels and then goes round for ever: "m" on the serial port, ROUNDS times 1024 pages
# of "forget the translation, load", "h", the same without forgetting. tlb-guest.mjs holds the assembled bytes:
#   as --32 miss.s -o miss.o && objcopy -O binary miss.o miss.bin

.set ROUNDS, 500

.code16
start:
  cli
  lgdtl %cs:gdtd
  mov %cr0, %eax
  or $1, %al
  mov %eax, %cr0
  ljmpl $8, $0xf0000 + protected
gdt:
  .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtd:
  .word 23
  .long 0xf0000 + gdt

.code32
protected:
  mov $0x10, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  cld
# Eight page tables from 0x101000: present, writable.
  mov $0x101000, %edi
  mov $3, %eax
1:
  stosl
  add $0x1000, %eax
  cmp $0x02000003, %eax
  jne 1b
# The directory at 0x100000.
  mov $0x100000, %edi
  mov $0x101003, %eax
2:
  stosl
  add $0x1000, %eax
  cmp $0x109003, %eax
  jne 2b
  mov $0x100000, %eax
  mov %eax, %cr3
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  mov $0x3f8, %dx
for_ever:
  mov $'m', %al
  out %al, %dx
  mov $ROUNDS, %ecx
3:
  mov $0x400000, %esi
4:
  invlpg (%esi)
  mov (%esi), %eax
  add $0x1000, %esi
  cmp $0x800000, %esi
  jne 4b
  dec %ecx
  jne 3b
  mov $'h', %al
  out %al, %dx
  mov $ROUNDS, %ecx
5:
  mov $0x400000, %esi
6:
  mov (%esi), %eax
  add $0x1000, %esi
  cmp $0x800000, %esi
  jne 6b
  dec %ecx
  jne 5b
  jmp for_ever
