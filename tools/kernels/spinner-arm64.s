// What spinner.c does, for 64-bit ARM, where an assembler is more likely to be than a compiler. Calls of Linux: number in x8,
// arguments in x0 to x5 (include/uapi/asm-generic/unistd.h).
	.equ PAGE, 4096
	.equ OPENAT, 56
	.equ WRITE, 64
	.equ PPOLL, 73
	.equ CLONE, 220
	.equ MMAP, 222
	.equ MPROTECT, 226
	.equ MADVISE, 233
	.equ R, 1
	.equ RW, 3
	.equ RX, 5
	.equ RWX, 7
	.equ SHARED, 1
	.equ PRIVATE, 2
	.equ ANONYMOUS, 0x22
	.equ HUGEPAGE, 14
	.equ COLD, 20
	.equ PAGEOUT, 21
	.equ SIGCHLD, 17
	.equ FOUR_MIB, 4 << 20

	// The address comes back in x0. The file is in x19.
	.macro map bytes, rights, flags
	mov	x0, #0
	ldr	x1, =\bytes
	mov	x2, #\rights
	mov	x3, #\flags
	.if \flags == ANONYMOUS
	mov	x4, #-1
	.else
	mov	x4, x19
	.endif
	mov	x5, #0
	mov	x8, #MMAP
	svc	#0
	.endm

	// Every page from x0 on, which stays.
	.macro touch count
	mov	x9, x0
	mov	x10, #\count
1:	str	w10, [x9]
	add	x9, x9, #PAGE
	sub	x10, x10, #1
	cbnz	x10, 1b
	.endm

	.macro peek count
	mov	x9, x0
	mov	x10, #\count
1:	ldr	w11, [x9]
	add	x9, x9, #PAGE
	sub	x10, x10, #1
	cbnz	x10, 1b
	.endm

	// Of the pages from x0 on, those from `first` on.
	.macro advise first, bytes, what
	ldr	x1, =\first
	add	x0, x0, x1
	ldr	x1, =\bytes
	mov	x2, #\what
	mov	x8, #MADVISE
	svc	#0
	.endm

	.globl _start
_start:
	// A file, privately to read and to execute, and shared to write.
	mov	x0, #-100
	adr	x1, path
	mov	x2, #2
	mov	x3, #0
	mov	x8, #OPENAT
	svc	#0
	mov	x19, x0
	map	16 * PAGE, R, PRIVATE
	peek	16
	map	16 * PAGE, RX, PRIVATE
	peek	16
	map	8 * PAGE, RW, SHARED
	touch	4

	// Pages that were written and may then not be touched at all.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	add	x0, x0, #4 * PAGE
	mov	x1, #8 * PAGE
	mov	x2, #0
	mov	x8, #MPROTECT
	svc	#0

	// Pages in swap space, more than the first of its areas holds; and pages that the kernel takes for unused.
	map	32 * PAGE, RW, ANONYMOUS
	touch	32
	advise	4 * PAGE, 24 * PAGE, PAGEOUT
	map	8 * PAGE, RW, ANONYMOUS
	touch	8
	advise	2 * PAGE, 4 * PAGE, COLD

	// Pages that were only read, and some with every right.
	map	8 * PAGE, RW, ANONYMOUS
	peek	8
	map	4 * PAGE, RWX, ANONYMOUS
	touch	4

	// Twelve MiB hold four aligned ones: a large page, if the kernel gives one.
	map	3 * FOUR_MIB, RW, ANONYMOUS
	ldr	x1, =FOUR_MIB
	add	x0, x0, x1
	sub	x0, x0, #1
	and	x0, x0, #-FOUR_MIB
	mov	x20, x0
	mov	x2, #HUGEPAGE
	mov	x8, #MADVISE
	svc	#0
	mov	x0, x20
	touch	1

	// Pages shared with a child until one of the two writes.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	mov	x20, x0
	mov	x0, #SIGCHLD
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #CLONE
	svc	#0
	cbz	x0, child
	mov	x0, x20
	touch	5

	mov	x0, #1
	adr	x1, ready
	mov	x2, #14
	mov	x8, #WRITE
	svc	#0
spin:	b	spin

child:	mov	x0, #0
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x8, #PPOLL
	svc	#0
	b	child

path:	.asciz	"/data"
ready:	.asciz	"spinner ready\n"
