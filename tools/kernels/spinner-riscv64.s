# What spinner.c does, for 64-bit RISC-V, where an assembler is more likely to be than a compiler. Calls of Linux: number in a7,
# arguments in a0 to a5 (include/uapi/asm-generic/unistd.h).
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

	# The address comes back in a0. The file is in s1.
	.macro map bytes, rights, flags
	li	a0, 0
	li	a1, \bytes
	li	a2, \rights
	li	a3, \flags
	.if \flags == ANONYMOUS
	li	a4, -1
	.else
	mv	a4, s1
	.endif
	li	a5, 0
	li	a7, MMAP
	ecall
	.endm

	# Every page from a0 on, which stays.
	.macro touch count
	mv	t0, a0
	li	t1, \count
	li	t2, PAGE
1:	sw	t1, 0(t0)
	add	t0, t0, t2
	addi	t1, t1, -1
	bnez	t1, 1b
	.endm

	.macro peek count
	mv	t0, a0
	li	t1, \count
	li	t2, PAGE
1:	lw	t3, 0(t0)
	add	t0, t0, t2
	addi	t1, t1, -1
	bnez	t1, 1b
	.endm

	# Of the pages from a0 on, those from `first` on.
	.macro advise first, bytes, what
	li	a1, \first
	add	a0, a0, a1
	li	a1, \bytes
	li	a2, \what
	li	a7, MADVISE
	ecall
	.endm

	.globl _start
_start:
	# A file, privately to read and to execute, and shared to write.
	li	a0, -100
	la	a1, path
	li	a2, 2
	li	a3, 0
	li	a7, OPENAT
	ecall
	mv	s1, a0
	map	16 * PAGE, R, PRIVATE
	peek	16
	map	16 * PAGE, RX, PRIVATE
	peek	16
	map	8 * PAGE, RW, SHARED
	touch	4

	# Pages that were written and may then not be touched at all.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	li	a1, 4 * PAGE
	add	a0, a0, a1
	li	a1, 8 * PAGE
	li	a2, 0
	li	a7, MPROTECT
	ecall

	# Pages in swap space, more than the first of its areas holds; and pages that the kernel takes for unused.
	map	32 * PAGE, RW, ANONYMOUS
	touch	32
	advise	4 * PAGE, 24 * PAGE, PAGEOUT
	map	8 * PAGE, RW, ANONYMOUS
	touch	8
	advise	2 * PAGE, 4 * PAGE, COLD

	# Pages that were only read, and some with every right.
	map	8 * PAGE, RW, ANONYMOUS
	peek	8
	map	4 * PAGE, RWX, ANONYMOUS
	touch	4

	# Twelve MiB hold four aligned ones: a large page, if the kernel gives one.
	map	3 * FOUR_MIB, RW, ANONYMOUS
	li	a1, FOUR_MIB - 1
	add	a0, a0, a1
	li	a1, -FOUR_MIB
	and	a0, a0, a1
	mv	s2, a0
	advise	0, FOUR_MIB, HUGEPAGE
	mv	a0, s2
	touch	1

	# Pages shared with a child until one of the two writes.
	map	16 * PAGE, RW, ANONYMOUS
	touch	16
	mv	s2, a0
	li	a0, SIGCHLD
	li	a1, 0
	li	a2, 0
	li	a3, 0
	li	a4, 0
	li	a7, CLONE
	ecall
	beqz	a0, child
	mv	a0, s2
	touch	5

	li	a0, 1
	la	a1, ready
	li	a2, 14
	li	a7, WRITE
	ecall
spin:	j	spin

child:	li	a0, 0
	li	a1, 0
	li	a2, 0
	li	a3, 0
	li	a7, PPOLL
	ecall
	j	child

path:	.asciz	"/data"
ready:	.asciz	"spinner ready\n"
