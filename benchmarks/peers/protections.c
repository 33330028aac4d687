/*
 * The kernel's side of protection: in one mapping of PAGES pages, a page in the middle loses the right to be written and
 * gets it back. The mapping becomes three and one again.
 * usage: protections PAGES TOUCHED; each line on stdin, "pairs PAIRS", is answered with nanoseconds a pair.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE 4096ul

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void protect(char *at, int rights) {
    if (mprotect(at, PAGE, rights) != 0) {
        perror("mprotect");
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    uint32_t pages = strtoul(argv[1], NULL, 10);
    /* A page without rights on either side, so that nothing else melts into it. */
    char *outer = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (outer == MAP_FAILED) { perror("mmap"); return 1; }
    char *base = outer + PAGE;
    if (mprotect(base, pages * PAGE, PROT_READ | PROT_WRITE) != 0) { perror("mprotect"); return 1; }
    madvise(base, pages * PAGE, MADV_NOHUGEPAGE);
    if (argv[2][0] == '1') for (uint32_t i = 0; i < pages; i++) base[i * PAGE] = 1;
    char line[64];
    unsigned pairs;
    uint32_t s = 2463534242u;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%*s %u", &pairs) != 1) return 2;
        double begin = now();
        for (unsigned i = 0; i < pairs; i++) {
            s ^= s << 13; s ^= s >> 17; s ^= s << 5;
            char *at = base + (1 + s % (pages - 2)) * PAGE;
            protect(at, PROT_READ);
            protect(at, PROT_READ | PROT_WRITE);
        }
        double end = now();
        printf("%f\n", (end - begin) / pairs);
        fflush(stdout);
    }
    return 0;
}
