/*
 * A TLB of two levels, written as anybody would: least recently used, sets in the order of use, the page used last
 * before all. Another reading of what `packages/tlb-study` counts.
 * usage: tlb FILE ENTRIESxWAYS(first level, for code and for data) ENTRIESxWAYS(second)
 * FILE is a lackey trace. Each line on stdin is answered with a number:
 *   "run"   nanoseconds an access, from memory      "text"  nanoseconds an access, with the reading of the text
 *   "accesses" "fetch-misses" "data-misses" "translations"   of the last run
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOTHING UINT64_MAX
#define PAGE_BITS 12

struct level {
    unsigned sets, ways;
    uint64_t *pages;
};

static struct level new_level(const char *shape) {
    unsigned entries, ways;
    if (sscanf(shape, "%ux%u", &entries, &ways) != 2 || ways == 0 || entries % ways != 0) exit(2);
    struct level level = {entries / ways, ways, malloc(entries * sizeof(uint64_t))};
    for (unsigned i = 0; i < entries; i++) level.pages[i] = NOTHING;
    return level;
}

static void clear(struct level *level) {
    for (unsigned i = 0; i < level->sets * level->ways; i++) level->pages[i] = NOTHING;
}

/* Was the page there? It is now, and the newest of its set. */
static int touch(struct level *level, uint64_t page) {
    uint64_t *set = level->pages + (page % level->sets) * level->ways;
    unsigned at = 0;
    while (at < level->ways && set[at] != page) at++;
    int is_there = at < level->ways;
    if (!is_there) at = level->ways - 1;
    memmove(set + 1, set, at * sizeof *set);
    set[0] = page;
    return is_there;
}

static struct level instruction, data, second;
static uint64_t last_code, last_data, accesses, fetch_misses, data_misses, translations;

static void reset(void) {
    clear(&instruction);
    clear(&data);
    clear(&second);
    last_code = last_data = NOTHING;
    accesses = fetch_misses = data_misses = translations = 0;
}

static inline void look_up(int is_fetch, uint64_t page) {
    accesses++;
    uint64_t *last = is_fetch ? &last_code : &last_data;
    if (page == *last) return;
    *last = page;
    if (touch(is_fetch ? &instruction : &data, page)) return;
    if (is_fetch) fetch_misses++;
    else data_misses++;
    if (!touch(&second, page)) translations++;
}

static void access_one(char kind, uint64_t address, unsigned size) {
    uint64_t end = (address + size - 1) >> PAGE_BITS;
    /* What is modified is loaded and then stored. */
    for (int times = kind == 'M' ? 2 : 1; times > 0; times--)
        for (uint64_t page = address >> PAGE_BITS; page <= end; page++) look_up(kind == 'I', page);
}

/* One line; 0 if it is no access. */
static int parse(const char *line, char *kind, uint64_t *address, unsigned *size) {
    if (line[0] == 'I' && line[1] == ' ') *kind = 'I';
    else if (line[0] == ' ' && (line[1] == 'L' || line[1] == 'S' || line[1] == 'M')) *kind = line[1];
    else return 0;
    char *rest;
    *address = strtoull(line + 3, &rest, 16);
    if (*rest != ',') return 0;
    *size = strtoul(rest + 1, NULL, 10);
    return 1;
}

struct entry {
    uint64_t page;
    int is_fetch;
};
static struct entry *entries;
static size_t count;

static void load(FILE *file) {
    char line[256], kind;
    uint64_t address;
    unsigned size;
    size_t room = 0;
    while (fgets(line, sizeof line, file)) {
        if (!parse(line, &kind, &address, &size)) continue;
        uint64_t end = (address + size - 1) >> PAGE_BITS;
        for (int times = kind == 'M' ? 2 : 1; times > 0; times--)
            for (uint64_t page = address >> PAGE_BITS; page <= end; page++) {
                if (count == room) entries = realloc(entries, (room = room ? room * 2 : 1 << 20) * sizeof *entries);
                entries[count++] = (struct entry){page, kind == 'I'};
            }
    }
}

/* Processor time: what other programs do meanwhile is none of its business. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    FILE *file = fopen(argv[1], "r");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    instruction = new_level(argv[2]);
    data = new_level(argv[2]);
    second = new_level(argv[3]);
    load(file);
    char line[256], kind;
    uint64_t address;
    unsigned size;
    while (fgets(line, sizeof line, stdin)) {
        double answer = -1;
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "run")) {
            reset();
            double begin = now();
            for (size_t i = 0; i < count; i++) look_up(entries[i].is_fetch, entries[i].page);
            answer = (now() - begin) / accesses;
        } else if (!strcmp(line, "text")) {
            char text[256];
            reset();
            rewind(file);
            double begin = now();
            while (fgets(text, sizeof text, file))
                if (parse(text, &kind, &address, &size)) access_one(kind, address, size);
            answer = (now() - begin) / accesses;
        } else if (!strcmp(line, "accesses")) answer = accesses;
        else if (!strcmp(line, "fetch-misses")) answer = fetch_misses;
        else if (!strcmp(line, "data-misses")) answer = data_misses;
        else if (!strcmp(line, "translations")) answer = translations;
        printf("%.6f\n", answer);
        fflush(stdout);
    }
    return 0;
}
