/*
 * The kernel's side of a page fault: fresh anonymous memory is touched page by page.
 * usage: faults PAGES sequential|random; each line on stdin is answered with nanoseconds a page.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    size_t pages = strtoul(argv[1], NULL, 10);
    uint32_t *order = malloc(pages * sizeof *order);
    for (size_t i = 0; i < pages; i++) order[i] = i;
    if (strcmp(argv[2], "random") == 0) {
        uint32_t s = 2463534242u;
        for (size_t i = pages - 1; i > 0; i--) {
            s ^= s << 13; s ^= s >> 17; s ^= s << 5;
            size_t j = s % (i + 1);
            uint32_t swap = order[i]; order[i] = order[j]; order[j] = swap;
        }
    }
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) { perror("mmap"); return 1; }
        /* One fault a page: no huge pages. */
        madvise(memory, pages * 4096, MADV_NOHUGEPAGE);
        double begin = now();
        for (size_t i = 0; i < pages; i++) *(volatile char *) (memory + (size_t) order[i] * 4096) = 1;
        double end = now();
        munmap(memory, pages * 4096);
        printf("%f\n", (end - begin) / pages);
        fflush(stdout);
    }
    return 0;
}
