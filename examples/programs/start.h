/*
 * What a program needs of a system where there is no C library: an entry point, a way to write, and an end.
 * Linux system calls of each machine below.
 */
#ifndef START_H
#define START_H

int program(void);

#if defined(__i386__)

static long system_call(long number, long one, long two, long three) {
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(one), "c"(two), "d"(three) : "memory");
	return result;
}
enum { SYS_EXIT = 1, SYS_WRITE = 4 };
__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tandl $-16, %esp\n\tcall begin\n");

#elif defined(__x86_64__)

static long system_call(long number, long one, long two, long three) {
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(one), "S"(two), "d"(three) : "rcx", "r11", "memory");
	return result;
}
enum { SYS_EXIT = 60, SYS_WRITE = 1 };
__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tandq $-16, %rsp\n\tcall begin\n");

#elif defined(__sparc__) && defined(__arch64__)

static long system_call(long number, long one, long two, long three) {
	register long g1 __asm__("g1") = number;
	register long o0 __asm__("o0") = one;
	register long o1 __asm__("o1") = two;
	register long o2 __asm__("o2") = three;
	__asm__ volatile("ta 0x6d" : "+r"(o0) : "r"(g1), "r"(o1), "r"(o2) : "memory", "cc");
	return o0;
}
enum { SYS_EXIT = 1, SYS_WRITE = 4 };
__asm__(".globl _start\n_start:\n\tclr %fp\n\tcall begin\n\tsub %sp, 6*8, %sp\n");

#elif defined(__arm__)

static long system_call(long number, long one, long two, long three) {
	register long r7 __asm__("r7") = number;
	register long r0 __asm__("r0") = one;
	register long r1 __asm__("r1") = two;
	register long r2 __asm__("r2") = three;
	__asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
	return r0;
}
enum { SYS_EXIT = 1, SYS_WRITE = 4 };
__asm__(".globl _start\n_start:\n\tmov fp, #0\n\tmov lr, #0\n\tbic sp, sp, #7\n\tb begin\n");

#elif defined(__mips__) && _MIPS_SIM == _ABIO32

/* Of the caller's registers a system call keeps s0 to s7 alone, and a3 tells failure: nobody here asks. */
static long system_call(long number, long one, long two, long three) {
	register long v0 __asm__("$2") = number;
	register long a0 __asm__("$4") = one;
	register long a1 __asm__("$5") = two;
	register long a2 __asm__("$6") = three;
	register long a3 __asm__("$7");
	__asm__ volatile("syscall" : "+r"(v0), "=r"(a3) : "r"(a0), "r"(a1), "r"(a2)
		: "$1", "$3", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15", "$24", "$25", "hi", "lo", "memory");
	return v0;
}
enum { SYS_EXIT = 4001, SYS_WRITE = 4004 };
/* The stack is aligned to 8 and has room for the four arguments that o32 keeps there. Position-independent code finds gp by its own place. */
#if defined(__mips_abicalls)
#define MIPS_GP ".set noreorder\n\tbal 1f\n\tnop\n1:\t.cpload $ra\n\t.set reorder\n\t"
#else
#define MIPS_GP
#endif
__asm__(".globl _start\n.ent _start\n_start:\n\t" MIPS_GP "move $fp, $zero\n\tmove $ra, $zero\n\tla $t9, begin\n"
	"\tli $t0, -8\n\tand $sp, $sp, $t0\n\taddiu $sp, $sp, -16\n\tjr $t9\n.end _start\n");

#elif defined(__aarch64__)

static long system_call(long number, long one, long two, long three) {
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = one;
	register long x1 __asm__("x1") = two;
	register long x2 __asm__("x2") = three;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
enum { SYS_EXIT = 93, SYS_WRITE = 64 };
/* The stack pointer must be a multiple of 16 whenever memory is reached by it. */
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x9, sp\n\tand sp, x9, #-16\n\tb begin\n");

#elif defined(__riscv)

static long system_call(long number, long one, long two, long three) {
	register long a7 __asm__("a7") = number;
	register long a0 __asm__("a0") = one;
	register long a1 __asm__("a1") = two;
	register long a2 __asm__("a2") = three;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
	return a0;
}
enum { SYS_EXIT = 93, SYS_WRITE = 64 };
/* Data near gp is reached by it: the linker has relaxed addresses to that, so gp is set without such a one. */
__asm__(".globl _start\n_start:\n\t.option push\n\t.option norelax\n\tlla gp, __global_pointer$\n\t.option pop\n"
	"\tli s0, 0\n\tli ra, 0\n\tandi sp, sp, -16\n\ttail begin\n");

#else
#error "no start for this machine"
#endif

__attribute__((used, noreturn)) void begin(void) {
	system_call(SYS_EXIT, program(), 0, 0);
	for (;;) {
	}
}

#if defined(__arm__)
/* What libgcc's division calls for a divisor of zero. */
__attribute__((used)) int raise(int signal) {
	system_call(SYS_EXIT, 128 + signal, 0, 0);
	return -1;
}
#endif

static void write_text(const char *text, unsigned long length) {
	system_call(SYS_WRITE, 1, (long) text, (long) length);
}

/* The compiler may ask for these. */
__attribute__((used)) void *memset(void *target, int value, unsigned long count) {
	for (volatile unsigned char *at = target; count > 0; count -= 1) *at++ = (unsigned char) value;
	return target;
}

__attribute__((used)) void *memcpy(void *target, const void *source, unsigned long count) {
	volatile unsigned char *to = target;
	const unsigned char *from = source;
	for (; count > 0; count -= 1) *to++ = *from++;
	return target;
}

static void write_number(const char *before, unsigned long number, const char *after) {
	char digits[24];
	unsigned long at = sizeof digits, length = 0;
	while (before[length] != 0) length += 1;
	write_text(before, length);
	do {
		digits[--at] = (char) ('0' + number % 10);
		number /= 10;
	} while (number > 0);
	write_text(digits + at, sizeof digits - at);
	length = 0;
	while (after[length] != 0) length += 1;
	write_text(after, length);
}

#endif
