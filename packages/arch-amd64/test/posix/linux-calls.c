/*
 * Performs a script of memory calls on the running kernel and prints what came of each, so that Portolan's POSIX face
 * can be held against it line by line. The script comes on standard input, the answers go to standard output.
 *
 *   world                        a fresh process, number 0, with nothing of the script's mapped
 *   PROCESS CALL ARGUMENT...     one call of one process; `fork N` makes process N, `exit` ends one
 *
 * Numbers are as strtoull() reads them. Places are relative, as the kernel chooses some of them: `aN` is N bytes into
 * the arena, `tN` is N bytes below the top of what the kernel hands out downwards, `bN` is N bytes above the first
 * break, `sN` is the N-th shared-memory segment of the world. Answers name places in the same way.
 *
 * Linked statically, so that nothing else lies below the top. One process runs at a time: whoever meets a line of
 * another's hands on a baton. All are children of the driver, which therefore sees every end, the wrong ones too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__) || !defined(__linux__)
#error "this program asks Linux on x86-64"
#endif

#define PAGE 4096ul
#define ARENA 0x1000000000ul
#define ARENA_BYTES 0x4000000ul
#define WINDOW 0x4000000ul
#define FILES 4
#define PROCESSES 8
#define SEGMENTS 64
#define FIRST_FILE 200
#define OUTPUT 90
#define SHARED ((struct shared *)0x200000000ul)

/* What all processes of a world know together. */
struct shared {
  size_t position;
  int segments[SEGMENTS];
  int segmentCount;
  pid_t pids[PROCESSES];
  int handing;
};

static char script[32 << 20];
static size_t scriptLength;
static char output[1 << 16];
static size_t outputLength;
static char maps[1 << 18];
static unsigned char vector[1 << 16];
static unsigned char bytes[1 << 16];
static unsigned char signalStack[1 << 15];
static unsigned char scratch[64];
static int batons[PROCESSES][2];
static unsigned long top, firstBreak;
static int self;
/* Where others may have segments too, keys are numbers that they are not likely to have. */
static int firstKey;

static void flush(void) {
  for (size_t done = 0; done < outputLength;) {
    ssize_t count = write(OUTPUT, output + done, outputLength - done);
    if (count <= 0) _exit(3);
    done += count;
  }
  outputLength = 0;
}

static void say(const char *format, ...) {
  char text[512];
  va_list rest;
  va_start(rest, format);
  int length = vsnprintf(text, sizeof text, format, rest);
  va_end(rest);
  if (outputLength + length > sizeof output) flush();
  memcpy(output + outputLength, text, length);
  outputLength += length;
}

/* Numbers, places and segments. */

static unsigned long valueOf(const char *word) {
  switch (word[0]) {
    case 'a': return ARENA + strtoull(word + 1, NULL, 0);
    case 't': return top - strtoull(word + 1, NULL, 0);
    case 'b': return firstBreak + strtoull(word + 1, NULL, 0);
    case 's': {
      unsigned long which = strtoull(word + 1, NULL, 0);
      return which < (unsigned long)SHARED->segmentCount ? (unsigned long)SHARED->segments[which] : 0x7ffffffful;
    }
    default: return strtoull(word, NULL, 0);
  }
}

static const char *placeOf(unsigned long address) {
  static char text[2][40];
  static int which;
  char *place = text[which ^= 1];
  if (address >= ARENA && address < ARENA + ARENA_BYTES) sprintf(place, "a0x%lx", address - ARENA);
  else if (address <= top && address >= top - WINDOW) sprintf(place, "t0x%lx", top - address);
  else if (address >= firstBreak && address < firstBreak + WINDOW) sprintf(place, "b0x%lx", address - firstBreak);
  else sprintf(place, "0x%lx", address);
  return place;
}

static void sayPlace(long result) {
  if (result < 0 && result > -4096) say("%ld", result);
  else say("%s", placeOf(result));
}

/* Accesses that may fail. */

static sigjmp_buf away;
static volatile int traps;
static unsigned long probed;
static siginfo_t met;

static void onSignal(int number, siginfo_t *info, void *context) {
  if (number == SIGTRAP) {
    /* The first trap stands before the instruction: it has not been fetched yet. */
    ucontext_t *at = context;
    if (traps++ == 0 && (unsigned long)at->uc_mcontext.gregs[REG_RIP] == probed) return;
  }
  met = *info;
  siglongjmp(away, 1);
}

static const char *nameOfSignal(void) {
  static char text[64];
  if (met.si_signo == SIGSEGV)
    return met.si_code == SEGV_MAPERR ? "SIGSEGV SEGV_MAPERR" : met.si_code == SEGV_ACCERR ? "SIGSEGV SEGV_ACCERR" : "SIGSEGV ?";
  if (met.si_signo == SIGBUS) return met.si_code == BUS_ADRERR ? "SIGBUS BUS_ADRERR" : "SIGBUS ?";
  sprintf(text, "signal %d code %d", met.si_signo, met.si_code);
  return text;
}

static void sayLoad(unsigned long address) {
  if (sigsetjmp(away, 1) == 0) say("%d", *(volatile unsigned char *)address);
  else say("%s", nameOfSignal());
}

static void sayStore(unsigned long address, unsigned long value) {
  if (sigsetjmp(away, 1) == 0) {
    *(volatile unsigned char *)address = (unsigned char)value;
    say("0");
  } else say("%s", nameOfSignal());
}

/*
 * Steps one instruction at the address. Scripts put harmless ones there, or zeroes, which add to what RAX points at;
 * whatever goes wrong elsewhere than at the address shows that the instruction came in.
 */
static void __attribute__((noinline)) sayFetch(unsigned long address) {
  traps = 0;
  probed = address;
  if (sigsetjmp(away, 1) == 0) {
    asm volatile("pushfq\n orq $0x100, (%%rsp)\n popfq\n jmp *%%rbx"
                 :
                 : "a"(scratch), "b"(address), "c"(scratch), "d"(scratch), "S"(scratch), "D"(scratch)
                 : "memory", "cc");
    __builtin_unreachable();
  }
  int refused = (met.si_signo == SIGSEGV || met.si_signo == SIGBUS) && (unsigned long)met.si_addr == address;
  say("%s", refused ? nameOfSignal() : "0");
}

/* What is mapped, and what it holds. */

static unsigned hashOf(const unsigned char *from, size_t length) {
  unsigned hash = 0x811c9dc5u;
  for (size_t at = 0; at < length; at += 1) hash = (hash ^ from[at]) * 0x01000193u;
  return hash;
}

static void sayPages(unsigned long first, unsigned long end) {
  for (unsigned long page = first; page < end; page += PAGE) {
    if (sigsetjmp(away, 1) == 0) {
      unsigned hash = hashOf((const unsigned char *)page, PAGE);
      say(" page %s %x\n", placeOf(page), hash);
    } else say(" page %s %s\n", placeOf(page), nameOfSignal());
  }
}

static void sayRange(unsigned long first, unsigned long end, unsigned long low, unsigned long high, const char *rights,
                     unsigned long offset, unsigned long inode, const char *name) {
  if (first >= high || end <= low) return;
  unsigned long from = first < low ? low : first, to = end > high ? high : end;
  char kind[32] = "-";
  if (sscanf(name, "/memfd:%31s", kind) != 1) {
    if (strncmp(name, "/dev/zero", 9) == 0) sprintf(kind, "z%lu", inode);
    else if (strncmp(name, "/SYSV", 5) == 0) sprintf(kind, "s%lu", inode);
  }
  say(" area %s %s %s 0x%lx %s\n", placeOf(from), placeOf(to), rights, kind[0] == '-' ? 0 : offset + (from - first), kind);
  if (rights[0] == 'r' || rights[1] == 'w') sayPages(from, to);
}

/* One line of /proc/self/maps. */
struct area {
  unsigned long first, end, offset, inode;
  char rights[5], name[256];
};

static void readMaps(void) {
  int fd = open("/proc/self/maps", O_RDONLY);
  size_t length = 0;
  for (ssize_t count; (count = read(fd, maps + length, sizeof maps - 1 - length)) > 0;) length += count;
  close(fd);
  maps[length] = 0;
}

/* The line at `at`; the next one, or NULL behind the last. */
static char *areaAt(char *at, struct area *area) {
  if (*at == 0) return NULL;
  char *next = strchr(at, '\n');
  *next = 0;
  area->name[0] = 0;
  sscanf(at, "%lx-%lx %4s %lx %*s %lu %255[^\n]", &area->first, &area->end, area->rights, &area->offset, &area->inode, area->name);
  return next + 1;
}

static void dump(void) {
  struct area area;
  readMaps();
  say("\n");
  for (char *at = maps; (at = areaAt(at, &area)) != NULL;) {
    sayRange(area.first, area.end, ARENA, ARENA + ARENA_BYTES, area.rights, area.offset, area.inode, area.name);
    sayRange(area.first, area.end, firstBreak, firstBreak + WINDOW, area.rights, area.offset, area.inode, area.name);
    sayRange(area.first, area.end, top - WINDOW, top, area.rights, area.offset, area.inode, area.name);
  }
}

/* Rights as the machine gives them: what may be written or executed may be read as well. */
static int isAlike(const char *one, const char *other) {
  int isReadable = (one[0] == 'r' || one[1] == 'w' || one[2] == 'x') == (other[0] == 'r' || other[1] == 'w' || other[2] == 'x');
  return isReadable && strcmp(one + 1, other + 1) == 0;
}

/*
 * Does the kernel keep two areas of a range apart that look like one from here? Whether it merges areas is its own
 * affair, and mremap() and shmdt() show it.
 */
static int isUnmerged(unsigned long first, unsigned long end) {
  struct area before = {0}, area;
  readMaps();
  for (char *at = maps; (at = areaAt(at, &area)) != NULL; before = area) {
    if (area.first >= end || area.end <= first || before.end != area.first || before.end <= first) continue;
    if (!isAlike(before.rights, area.rights) || before.inode != area.inode || strcmp(before.name, area.name)) continue;
    if (area.inode == 0 || before.offset + (before.end - before.first) == area.offset) return 1;
  }
  return 0;
}

static void sayResident(unsigned long address, unsigned long length) {
  long result = syscall(SYS_mincore, address, length, vector);
  if (result < 0) {
    say("%d", -errno);
    return;
  }
  for (unsigned long page = 0; page * PAGE < length; page += 1) say("%d", vector[page] & 1);
}

/* File contents: a harmless instruction in front of every 16 bytes, something of one's own in the middle, zeroes else. */
static const unsigned char harmless[8] = {0x90, 0xf8, 0xf9, 0xfc, 0xf5, 0x98, 0x99, 0xc3};

static void fill(unsigned long offset, unsigned long count, unsigned long value) {
  for (unsigned long at = 0; at < count; at += 1) {
    unsigned long place = offset + at;
    bytes[at] = place % 16 == 0 ? harmless[(value + place / 16) % 8] : place % 16 == 8 ? (unsigned char)(value + place / 16 * 7) : 0;
  }
}

/* Calls. */

static long answer(long result) { return result < 0 ? -errno : result; }

static long openFile(unsigned long which, unsigned long flags) {
  char path[64];
  sprintf(path, "/proc/self/fd/%lu", FIRST_FILE + which);
  return answer(open(path, (int)flags));
}

static void sayCall(char **word, int words) {
  unsigned long v[8] = {0};
  for (int at = 2; at < words && at < 10; at += 1) v[at - 2] = valueOf(word[at]);
  const char *call = word[1];
  if (!strcmp(call, "mmap")) sayPlace(answer(syscall(SYS_mmap, v[0], v[1], v[2], v[3], v[4], v[5])));
  else if (!strcmp(call, "munmap")) say("%ld", answer(syscall(SYS_munmap, v[0], v[1])));
  else if (!strcmp(call, "mprotect")) say("%ld", answer(syscall(SYS_mprotect, v[0], v[1], v[2])));
  else if (!strcmp(call, "mremap") && isUnmerged(v[0], v[0] + v[1])) say("unmerged");
  else if (!strcmp(call, "shmdt") && isUnmerged(v[0], v[0] + 64 * PAGE)) say("unmerged");
  else if (!strcmp(call, "mremap")) sayPlace(answer(syscall(SYS_mremap, v[0], v[1], v[2], v[3], v[4])));
  else if (!strcmp(call, "brk")) sayPlace(syscall(SYS_brk, v[0]));
  else if (!strcmp(call, "msync")) say("%ld", answer(syscall(SYS_msync, v[0], v[1], v[2])));
  else if (!strcmp(call, "madvise")) say("%ld", answer(syscall(SYS_madvise, v[0], v[1], v[2])));
  else if (!strcmp(call, "mincore")) sayResident(v[0], v[1]);
  else if (!strcmp(call, "open")) say("%ld", openFile(v[0], v[1]));
  else if (!strcmp(call, "close")) say("%ld", answer(syscall(SYS_close, v[0])));
  else if (!strcmp(call, "dup")) say("%ld", answer(syscall(SYS_dup, v[0])));
  else if (!strcmp(call, "ftruncate")) say("%ld", answer(syscall(SYS_ftruncate, v[0], v[1])));
  else if (!strcmp(call, "pwrite")) {
    fill(v[1], v[2], v[3]);
    say("%ld", answer(syscall(SYS_pwrite64, v[0], bytes, v[2], v[1])));
  } else if (!strcmp(call, "pread")) {
    long count = answer(syscall(SYS_pread64, v[0], bytes, v[2], v[1]));
    if (count < 0) say("%ld", count);
    else say("%ld %x", count, hashOf(bytes, count));
  } else if (!strcmp(call, "shmget")) {
    long id = answer(syscall(SYS_shmget, v[0] == IPC_PRIVATE ? v[0] : v[0] + firstKey, v[1], v[2]));
    int which = 0;
    while (which < SHARED->segmentCount && SHARED->segments[which] != id) which += 1;
    if (id >= 0 && which == SHARED->segmentCount && which < SEGMENTS) SHARED->segments[SHARED->segmentCount++] = (int)id;
    if (id < 0) say("%ld", id);
    else say("s%d", which);
  } else if (!strcmp(call, "shmat")) sayPlace(answer(syscall(SYS_shmat, v[0], v[1], v[2])));
  else if (!strcmp(call, "shmdt")) say("%ld", answer(syscall(SYS_shmdt, v[0])));
  else if (!strcmp(call, "shmrm")) say("%ld", answer(syscall(SYS_shmctl, v[0], IPC_RMID, NULL)));
  else if (!strcmp(call, "shmstat")) {
    struct shmid_ds status;
    long result = answer(syscall(SYS_shmctl, v[0], IPC_STAT, &status));
    if (result < 0) say("%ld", result);
    else say("%lu %d %o", status.shm_segsz, status.shm_nattch > 0, status.shm_perm.mode);
  } else if (!strcmp(call, "load")) sayLoad(v[0]);
  else if (!strcmp(call, "store")) sayStore(v[0], v[1]);
  else if (!strcmp(call, "fetch")) sayFetch(v[0]);
  else if (!strcmp(call, "dump")) dump();
  else say("?");
  if (strcmp(call, "dump")) say("\n");
}

/* Whose turn it is. */

static void handTo(int process) {
  flush();
  if (write(batons[process][1], "", 1) != 1) _exit(4);
}

static void await(void) {
  char baton;
  if (read(batons[self][0], &baton, 1) != 1) _exit(5);
}

/* The line at the position, in words; 0 at the end of the world. */
static int lineAt(char *line, char **word) {
  size_t at = SHARED->position, length = 0;
  if (at >= scriptLength || strncmp(script + at, "world", 5) == 0) return 0;
  while (script[at + length] != '\n') length += 1;
  memcpy(line, script + at, length);
  line[length] = 0;
  int words = 0;
  for (char *rest = line; (word[words] = strtok_r(rest, " ", &rest)) != NULL && words < 15;) words += 1;
  return words;
}

static void advance(void) {
  while (script[SHARED->position] != '\n') SHARED->position += 1;
  SHARED->position += 1;
}

enum { ENDED = 0, WORLD_ENDS = 77 };

static void live(void) {
  for (;;) {
    char line[512], *word[16];
    int words = lineAt(line, word);
    if (words == 0) {
      flush();
      _exit(WORLD_ENDS);
    }
    int whose = atoi(word[0]);
    if (SHARED->pids[whose] == 0) {
      say("gone\n");
      advance();
      continue;
    }
    if (whose != self) {
      handTo(whose);
      await();
      continue;
    }
    if (!strcmp(word[1], "fork")) {
      int child = atoi(word[2]);
      if (SHARED->pids[child] != 0) {
        say("taken\n");
        advance();
        continue;
      }
      flush();
      long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
      if (pid == 0) {
        self = child;
        await();
        continue;
      }
      SHARED->pids[child] = (pid_t)pid;
      say("0\n");
      advance();
    } else if (!strcmp(word[1], "exit")) {
      say("0\n");
      flush();
      advance();
      SHARED->pids[self] = 0;
      _exit(ENDED);
    } else {
      sayCall(word, words);
      advance();
    }
  }
}

static void endWorld(void) {
  for (int process = 0; process < PROCESSES; process += 1)
    if (SHARED->pids[process] > 0) kill(SHARED->pids[process], SIGKILL);
  while (waitpid(-1, NULL, 0) > 0) continue;
  for (int which = 0; which < SHARED->segmentCount; which += 1) shmctl(SHARED->segments[which], IPC_RMID, NULL);
  memset(SHARED->pids, 0, sizeof SHARED->pids);
  SHARED->segmentCount = 0;
}

/* One world: the driver waits, and hands the baton on when a process ends. */
static int runWorld(void) {
  for (int process = 0; process < PROCESSES; process += 1) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    batons[process][0] = dup2(ends[0], 100 + 2 * process);
    batons[process][1] = dup2(ends[1], 101 + 2 * process);
    close(ends[0]);
    close(ends[1]);
  }
  for (int file = 0; file < FILES; file += 1) {
    char name[8];
    sprintf(name, "f%d", file);
    int fd = memfd_create(name, 0);
    if (fd < 0 || dup2(fd, FIRST_FILE + file) < 0) return -1;
    close(fd);
  }
  flush();
  pid_t first = fork();
  if (first == 0) {
    dup2(0, 2);
    self = 0;
    SHARED->pids[0] = getpid();
    live();
  }
  for (;;) {
    int status = 0;
    pid_t pid = waitpid(-1, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == WORLD_ENDS) break;
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != ENDED) {
      fprintf(stderr, "process %d ended with status %x at byte %zu of the script\n", (int)pid, status, SHARED->position);
      endWorld();
      return -1;
    }
    int next = 0;
    while (next < PROCESSES && SHARED->pids[next] == 0) next += 1;
    if (next == PROCESSES) {
      /* Nobody is left to say so. */
      char line[512], *word[16];
      while (lineAt(line, word) > 0) {
        say("gone\n");
        advance();
      }
      break;
    }
    handTo(next);
  }
  endWorld();
  return 0;
}

/* What kernels differ in, for whoever compares. */
static void sayFeatures(void) {
  char *from = mmap((void *)ARENA, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mprotect(from + PAGE, PAGE, PROT_READ | PROT_WRITE);
  long moved = syscall(SYS_mremap, from, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ARENA + 16 * PAGE);
  munmap(from, 32 * PAGE);
  void *lowest = mmap((void *)PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(lowest, PAGE);
  say("features movesSeveral=%d lowest=%lu\n", moved == (long)(ARENA + 16 * PAGE), (unsigned long)lowest);
}

static void dropRawIo(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return;
  data[0].effective &= ~(1u << CAP_SYS_RAWIO);
  data[0].permitted &= ~(1u << CAP_SYS_RAWIO);
  syscall(SYS_capset, &header, data);
}

int main(void) {
  for (ssize_t count; (count = read(0, script + scriptLength, sizeof script - 1 - scriptLength)) > 0;) scriptLength += count;
  dup2(1, OUTPUT);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 1; fd += 1) dup2(null, fd);
  if (null > 2) close(null);
  struct rlimit stack;
  getrlimit(RLIMIT_STACK, &stack);
  stack.rlim_cur = 8ul << 20;
  setrlimit(RLIMIT_STACK, &stack);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  if (unshare(CLONE_NEWIPC) != 0) firstKey = getpid() << 8;
  dropRawIo();

  void *shared = mmap(SHARED, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  void *arena = mmap((void *)ARENA, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (shared != SHARED || arena != (void *)ARENA) {
    fprintf(stderr, "the arena is taken\n");
    return 1;
  }
  munmap(arena, ARENA_BYTES);
  stack_t alternate = {.ss_sp = signalStack, .ss_size = sizeof signalStack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int at = 0; at < 4; at += 1) sigaction((int[]){SIGSEGV, SIGBUS, SIGTRAP, SIGILL}[at], &action, NULL);
  char *probe = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  top = (unsigned long)probe + PAGE;
  munmap(probe, PAGE);
  firstBreak = (syscall(SYS_brk, 0) + 2 * PAGE - 1) & ~(PAGE - 1);
  syscall(SYS_brk, firstBreak);

  sayFeatures();
  while (SHARED->position < scriptLength) {
    advance();
    say("world\n");
    alarm(60);
    if (runWorld() != 0) return 2;
  }
  flush();
  return 0;
}
