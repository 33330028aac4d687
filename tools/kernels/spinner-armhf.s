@ What spinner.c does, for 32-bit ARM, where an assembler is more likely to be than a compiler. Calls of Linux: number in r7,
@ arguments in r0 to r5 (arch/arm/tools/syscall.tbl).
	.syntax unified
	.arch armv7-a
	.equ PAGE, 4096
	.equ FORK, 2
	.equ WRITE, 4
	.equ OPEN, 5
	.equ PAUSE, 29
	.equ MPROTECT, 125
	.equ MMAP2, 192
	.equ MADVISE, 220
	.equ COLD, 20
	.equ PAGEOUT, 21
	.equ R, 1
	.equ RW, 3
	.equ RX, 5
	.equ RWX, 7
	.equ SHARED, 1
	.equ PRIVATE, 2
	.equ ANONYMOUS, 0x22

	@ The address comes back in r0. The file is in r8.
	.macro map bytes, rights, flags
	mov	r0, #0
	ldr	r1, =\bytes
	mov	r2, #\rights
	mov	r3, #\flags
	.if \flags == ANONYMOUS
	mvn	r4, #0
	.else
	mov	r4, r8
	.endif
	mov	r5, #0
	mov	r7, #MMAP2
	svc	#0
	.endm

	@ Every page from r0 on, which stays.
	.macro touch count
	mov	r9, r0
	mov	r10, #\count
1:	str	r10, [r9]
	add	r9, r9, #PAGE
	subs	r10, r10, #1
	bne	1b
	.endm

	.macro peek count
	mov	r9, r0
	mov	r10, #\count
1:	ldr	r11, [r9]
	add	r9, r9, #PAGE
	subs	r10, r10, #1
	bne	1b
	.endm

	@ Of the pages from r0 on, those from `first` on.
	.macro advise first, bytes, what
	ldr	r1, =\first
	add	r0, r0, r1
	ldr	r1, =\bytes
	mov	r2, #\what
	ldr	r7, =MADVISE
	svc	#0
	.endm

	.globl _start
_start:
	@ A file, privately to read and to execute, and shared to write.
	adr	r0, path
	mov	r1, #2
	mov	r2, #0
	mov	r7, #OPEN
	svc	#0
	mov	r8, r0
	map	16 * PAGE, R, PRIVATE
	peek	16
	map	16 * PAGE, RX, PRIVATE
	peek	16
	map	8 * PAGE, RW, SHARED
	touch	4

	@ Pages that were written and may then not be touched at all.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	add	r0, r0, #4 * PAGE
	mov	r1, #8 * PAGE
	mov	r2, #0
	mov	r7, #MPROTECT
	svc	#0

	@ Pages in swap space, more than the first of its areas holds; and pages that the kernel takes for unused.
	map	32 * PAGE, RW, ANONYMOUS
	touch	32
	advise	4 * PAGE, 24 * PAGE, PAGEOUT
	map	8 * PAGE, RW, ANONYMOUS
	touch	8
	advise	2 * PAGE, 4 * PAGE, COLD

	@ Pages that were only read, and some with every right. There are no large pages for a process here.
	map	8 * PAGE, RW, ANONYMOUS
	peek	8
	map	4 * PAGE, RWX, ANONYMOUS
	touch	4

	@ Pages shared with a child until one of the two writes.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	mov	r6, r0
	mov	r7, #FORK
	svc	#0
	cmp	r0, #0
	beq	child
	mov	r0, r6
	touch	5

	mov	r0, #1
	adr	r1, ready
	mov	r2, #14
	mov	r7, #WRITE
	svc	#0
spin:	b	spin

child:	mov	r7, #PAUSE
	svc	#0
	b	child

path:	.asciz	"/data"
ready:	.asciz	"spinner ready\n"
