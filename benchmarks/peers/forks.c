/*
 * The kernel's side of fork: a process with PAGES resident private pages.
 * usage: forks PAGES; each line on stdin is answered with nanoseconds a page:
 *   fork    what the parent spends in fork()
 *   reads   that, and what the child spends in reading every page
 *   copies  the parent writes every page while the child has them too
 *   reuses  the parent writes every page after the child has gone
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void write_all(volatile char *memory, size_t pages) {
    for (size_t i = 0; i < pages; i++) memory[i * PAGE] = 2;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    size_t pages = strtoul(argv[1], NULL, 10);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) { perror("mmap"); return 1; }
        madvise(memory, pages * PAGE, MADV_NOHUGEPAGE);
        write_all(memory, pages);
        int go[2], told[2];
        if (pipe(go) != 0 || pipe(told) != 0) { perror("pipe"); return 1; }
        double begin = now();
        pid_t child = fork();
        if (child < 0) { perror("fork"); return 1; }
        if (child == 0) {
            char sum = 0;
            double from = now();
            if (line[0] == 'r' && line[2] == 'a') for (size_t i = 0; i < pages; i++) sum += *(volatile char *) (memory + i * PAGE);
            double spent = now() - from;
            if (write(told[1], &spent, sizeof spent) != sizeof spent) _exit(sum == 77);
            /* The pages are kept until the parent has written them. */
            if (line[0] == 'c') while (read(go[0], &sum, 1) < 0) {}
            _exit(0);
        }
        double figure = now() - begin, spent;
        if (read(told[0], &spent, sizeof spent) != sizeof spent) return 1;
        if (strncmp(line, "reads", 5) == 0) figure += spent;
        if (line[0] == 'c') {
            begin = now();
            write_all(memory, pages);
            figure = now() - begin;
        }
        if (write(go[1], "x", 1) != 1) return 1;
        waitpid(child, NULL, 0);
        if (strncmp(line, "reuses", 6) == 0) {
            begin = now();
            write_all(memory, pages);
            figure = now() - begin;
        }
        close(go[0]); close(go[1]); close(told[0]); close(told[1]);
        munmap(memory, pages * PAGE);
        printf("%f\n", figure / pages);
        fflush(stdout);
    }
    return 0;
}
