/*
 * The kernel's side of areas: among COUNT mappings, one is unmapped and mapped again.
 * usage: mappings COUNT; each line on stdin, "random PAIRS" or "local PAIRS", is answered with nanoseconds a pair.
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

static void map(char *at) {
    if (mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at) {
        perror("mmap");
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    uint32_t count = strtoul(argv[1], NULL, 10);
    /* A free page between any two, so that the kernel does not melt them into one. */
    char *base = mmap(NULL, count * 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) { perror("mmap"); return 1; }
    munmap(base, count * 2 * PAGE);
    for (uint32_t i = 0; i < count; i++) map(base + i * 2 * PAGE);
    char line[64], order;
    unsigned pairs;
    uint32_t s = 2463534242u, local = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%c%*s %u", &order, &pairs) != 2) return 2;
        double begin = now();
        for (unsigned i = 0; i < pairs; i++) {
            uint32_t slot;
            if (order == 'l') {
                slot = local;
                local = local + 1 == count ? 0 : local + 1;
            } else {
                s ^= s << 13; s ^= s >> 17; s ^= s << 5;
                slot = s % count;
            }
            char *at = base + slot * 2 * PAGE;
            munmap(at, PAGE);
            map(at);
        }
        double end = now();
        printf("%f\n", (end - begin) / pairs);
        fflush(stdout);
    }
    return 0;
}
