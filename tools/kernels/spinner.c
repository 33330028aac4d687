/*
 * The process whose memory is looked at: it maps something of everything and then only spins, so that the machine can be stopped
 * in it and nothing of it changes any more. Without a C library, so that it is compiled for 32 and for 64 bits without any being there.
 */
#ifdef __x86_64__
enum { READ = 0, WRITE = 1, OPEN = 2, MMAP = 9, MPROTECT = 10, MADVISE = 28, PAUSE = 34, FORK = 57 };
static long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
static char *map(long bytes, long rights, long flags, long file) { return (char *)call(MMAP, 0, bytes, rights, flags, file, 0); }
#else
enum { FORK = 2, READ = 3, WRITE = 4, OPEN = 5, PAUSE = 29, MMAP = 90, MPROTECT = 125, MADVISE = 219 };
static long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  (void)d, (void)e, (void)f;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}
static char *map(long bytes, long rights, long flags, long file) {
  long words[6] = {0, bytes, rights, flags, file, 0};
  return (char *)call(MMAP, (long)words, 0, 0, 0, 0, 0);
}
#endif

enum { PAGE = 4096, SHARED = 1, PRIVATE = 2, ANONYMOUS = 32, NO = 0, R = 1, W = 2, X = 4, HUGEPAGE = 14, COLD = 20, PAGEOUT = 21 };

static void touch(volatile char *from, long pages) {
  for (long i = 0; i < pages; i++) from[i * PAGE] = (char)(i + 1);
}
static char peek(const volatile char *from, long pages) {
  char sum = 0;
  for (long i = 0; i < pages; i++) sum ^= from[i * PAGE];
  return sum;
}

void _start(void) {
  /* A file, privately to read and to execute, and shared to write. */
  long file = call(OPEN, (long)"/data", 2, 0, 0, 0, 0);
  peek(map(16 * PAGE, R, PRIVATE, file), 16);
  peek(map(16 * PAGE, R | X, PRIVATE, file), 16);
  touch(map(8 * PAGE, R | W, SHARED, file), 4);

  /* Pages that were written and may then not be touched at all: present in no table, yet not gone. */
  char *hidden = map(16 * PAGE, R | W, PRIVATE | ANONYMOUS, -1);
  touch(hidden, 16);
  call(MPROTECT, (long)hidden + 4 * PAGE, 8 * PAGE, NO, 0, 0, 0);

  /* Pages in swap space, more than the first of its areas holds; and pages that the kernel takes for unused. */
  char *swapped = map(32 * PAGE, R | W, PRIVATE | ANONYMOUS, -1);
  touch(swapped, 32);
  call(MADVISE, (long)swapped + 4 * PAGE, 24 * PAGE, PAGEOUT, 0, 0, 0);
  char *old = map(8 * PAGE, R | W, PRIVATE | ANONYMOUS, -1);
  touch(old, 8);
  call(MADVISE, (long)old + 2 * PAGE, 4 * PAGE, COLD, 0, 0, 0);

  /* Pages that were only read: all of them the one page of zeros. */
  peek(map(8 * PAGE, R | W, PRIVATE | ANONYMOUS, -1), 8);
  touch(map(4 * PAGE, R | W | X, PRIVATE | ANONYMOUS, -1), 4);

  /* Twelve MiB hold four aligned ones: a large page, if the kernel gives one. */
  char *large = map(12l << 20, R | W, PRIVATE | ANONYMOUS, -1);
  long aligned = ((long)large + (4l << 20) - 1) & -(4l << 20);
  call(MADVISE, aligned, 4l << 20, HUGEPAGE, 0, 0, 0);
  touch((char *)aligned, 1);

  /* Pages shared with a child until one of the two writes. */
  char *common = map(16 * PAGE, R | W, PRIVATE | ANONYMOUS, -1);
  touch(common, 16);
  if (call(FORK, 0, 0, 0, 0, 0, 0) == 0)
    for (;;) call(PAUSE, 0, 0, 0, 0, 0, 0);
  touch(common, 5);

  call(WRITE, 1, (long)"spinner ready\n", 14, 0, 0, 0);
  for (;;) __asm__ volatile("" ::: "memory");
}
