/*
 * An implementation of AMD64's address translation in C, and the few lines that let the conformance suite judge it:
 *
 *     make -C examples/adapter-amd64
 *     portolan conform amd64 --adapter examples/adapter-amd64/adapter
 *
 * It answers one JSON object a line on standard input with one a line on standard output; docs/adapter-protocol.md describes
 * them. Whoever has a kernel or an emulator of their own keeps the second half of this file and replaces the first.
 *
 * Sources: Intel SDM vol 3A, chapter 4; AMD64 APM vol 2, chapter 5.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the machine */

enum access { READ = 1, WRITE = 2, EXECUTE = 4 };
enum privilege { KERNEL, USER };

#define PRESENT (1ull << 0)
#define WRITABLE (1ull << 1)
#define USERS (1ull << 2)
#define ACCESSED (1ull << 5)
#define DIRTY (1ull << 6)
#define LARGE (1ull << 7)
#define GLOBAL (1ull << 8)
#define NO_EXECUTE (1ull << 63)

/* This processor has 48 bits of physical address: bits 51:48 of every entry must be zero. */
#define ADDRESS 0x0000fffffffff000ull
#define BEYOND_ADDRESS 0x000f000000000000ull

static struct {
    bool wp, pge, nxe, smep, smap, ac;
} control;

static uint8_t *ram;
static uint64_t ram_first, ram_bytes;
static uint64_t cr3;

#define TLB_ENTRIES 64
static struct entry {
    bool valid, global, clean;
    uint64_t first, size, physical; /* bytes */
    int rights[2];                  /* by privilege */
} tlb[TLB_ENTRIES];
static int next_entry;

static bool has_memory(uint64_t address, uint64_t bytes)
{
    return address >= ram_first && address - ram_first <= ram_bytes && ram_bytes - (address - ram_first) >= bytes;
}

static uint64_t read_word(uint64_t address)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | ram[address - ram_first + (uint64_t)i];
    return word;
}

static void write_word(uint64_t address, uint64_t word)
{
    for (int i = 0; i < 8; i++)
        ram[address - ram_first + (uint64_t)i] = (uint8_t)(word >> (8 * i));
}

/* Loading CR3 forgets what is not global; a change of a control register forgets everything. */
static void forget(bool spares_global)
{
    for (int i = 0; i < TLB_ENTRIES; i++)
        if (!(spares_global && control.pge && tlb[i].global))
            tlb[i].valid = false;
}

static void forget_page(uint64_t address)
{
    for (int i = 0; i < TLB_ENTRIES; i++)
        if (address - tlb[i].first < tlb[i].size)
            tlb[i].valid = false;
}

/* What an entry lets each privilege do, by itself. */
static int entry_rights(uint64_t entry, enum privilege who)
{
    int fetch = (entry & NO_EXECUTE) && control.nxe ? 0 : EXECUTE;
    if (who == USER)
        return entry & USERS ? READ | fetch | (entry & WRITABLE ? WRITE : 0) : 0;
    return READ | fetch | (entry & WRITABLE || !control.wp ? WRITE : 0);
}

/* Bits that must be zero in an entry of a level; 3 is the PML4. */
static uint64_t reserved_bits(uint64_t entry, int level)
{
    uint64_t reserved = BEYOND_ADDRESS | (control.nxe ? 0 : NO_EXECUTE);
    if (level == 3)
        return reserved | LARGE | GLOBAL;
    if (level > 0 && entry & LARGE)
        return reserved | (level == 2 ? 0x3fffe000ull : 0x001fe000ull);
    return reserved;
}

/* Reads the tables, marks them, and enters the translation. Returns NULL, or why not. */
static const char *walk(uint64_t address, enum access access, enum privilege who, struct entry *found)
{
    uint64_t table = cr3 & ADDRESS, at[4];
    int rights[2] = {READ | WRITE | EXECUTE, READ | WRITE | EXECUTE};
    for (int level = 3, depth = 0; level >= 0; level--, depth++) {
        int shift = 12 + 9 * level;
        at[depth] = table + 8 * (address >> shift & 511);
        if (!has_memory(at[depth], 8))
            return "bus";
        uint64_t entry = read_word(at[depth]);
        if (!(entry & PRESENT))
            return "absent";
        if (entry & reserved_bits(entry, level))
            return "reserved";
        for (int each = KERNEL; each <= USER; each++)
            rights[each] &= entry_rights(entry, (enum privilege)each);
        if (level > 0 && !(entry & LARGE)) {
            table = entry & ADDRESS;
            continue;
        }
        if (rights[USER] & READ) { /* the user's at every level */
            if (control.smep)
                rights[KERNEL] &= ~EXECUTE;
            if (control.smap && !control.ac)
                rights[KERNEL] &= ~(READ | WRITE);
        }
        if (!(rights[who] & access))
            return "protection";
        for (int i = 0; i <= depth; i++)
            write_word(at[i], read_word(at[i]) | ACCESSED | (i == depth && access == WRITE ? DIRTY : 0));
        uint64_t size = 1ull << shift;
        *found = (struct entry){
            .valid = true,
            .global = entry & GLOBAL,
            .clean = access != WRITE && !(entry & DIRTY),
            .first = address & ~(size - 1),
            .size = size,
            .physical = entry & ADDRESS & ~(size - 1),
            .rights = {rights[KERNEL], rights[USER]},
        };
        return NULL;
    }
    return "reserved";
}

/* Returns NULL and the physical address, or the fault. */
static const char *translate(uint64_t address, enum access access, enum privilege who, uint64_t *physical)
{
    if ((int64_t)(address << 16) >> 16 != (int64_t)address)
        return "bad-address";
    struct entry *hit = NULL;
    for (int i = 0; i < TLB_ENTRIES && hit == NULL; i++)
        if (tlb[i].valid && address - tlb[i].first < tlb[i].size)
            hit = &tlb[i];
    /* What the buffer refuses the tables are asked about once more; the first write through a clean entry marks it. */
    if (hit != NULL && (!(hit->rights[who] & access) || (access == WRITE && hit->clean))) {
        hit->valid = false;
        hit = NULL;
    }
    if (hit == NULL) {
        struct entry found;
        const char *fault = walk(address, access, who, &found);
        if (fault != NULL)
            return fault;
        hit = &tlb[next_entry++ % TLB_ENTRIES];
        *hit = found;
    }
    *physical = hit->physical + (address - hit->first);
    return has_memory(*physical, 1) ? NULL : "bus";
}

/* ---------------------------------------------------------------- the protocol */

/* The members of a request, those of objects within it as "ram.first". */
#define MEMBERS 48
static struct {
    char path[64];
    char *value;
} members[MEMBERS];
static int member_count;

static char *skip(char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        at++;
    return at;
}

/* Ends a string where its quote stands. No request has a backslash in one. */
static char *string_end(char *at)
{
    while (*at != '\0' && *at != '"' && *at != '\\')
        at++;
    return *at == '"' ? at : NULL;
}

/* Returns what follows the object, or NULL where it is none. */
static char *parse_object(char *at, const char *prefix)
{
    at = skip(at);
    if (*at++ != '{')
        return NULL;
    at = skip(at);
    if (*at == '}')
        return at + 1;
    for (;;) {
        char *end;
        at = skip(at);
        if (*at++ != '"' || (end = string_end(at)) == NULL || member_count == MEMBERS)
            return NULL;
        *end = '\0';
        int length = snprintf(members[member_count].path, sizeof members[0].path, "%s%s", prefix, at);
        if (length < 0 || (size_t)length >= sizeof members[0].path)
            return NULL;
        at = skip(end + 1);
        if (*at++ != ':')
            return NULL;
        at = skip(at);
        char *after;
        if (*at == '{') {
            char within[66];
            snprintf(within, sizeof within, "%.63s.", members[member_count].path);
            if ((after = parse_object(at, within)) == NULL)
                return NULL;
        } else {
            if (*at == '"') {
                members[member_count].value = ++at;
                if ((after = string_end(at)) == NULL)
                    return NULL;
                *after++ = '\0';
            } else {
                members[member_count].value = at;
                after = at + strcspn(at, ",} \t\r\n");
            }
            member_count++;
        }
        char *bare_end = after;
        after = skip(after);
        char stop = *after;
        *bare_end = '\0';
        if (stop == '}')
            return after + 1;
        if (stop != ',')
            return NULL;
        at = after + 1;
    }
}

static const char *member(const char *path)
{
    for (int i = 0; i < member_count; i++)
        if (strcmp(members[i].path, path) == 0)
            return members[i].value;
    return NULL;
}

static uint64_t number(const char *path)
{
    const char *value = member(path);
    return value == NULL ? 0 : strtoull(value, NULL, 0);
}

static bool is(const char *path, const char *value)
{
    const char *given = member(path);
    return given != NULL && strcmp(given, value) == 0;
}

static bool *control_bit(const char *name)
{
    static const char *const names[] = {"WP", "PGE", "NXE", "SMEP", "SMAP", "AC"};
    bool *const bits[] = {&control.wp, &control.pge, &control.nxe, &control.smep, &control.smap, &control.ac};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return bits[i];
    return NULL;
}

static const char *reset(void)
{
    uint64_t bytes = number("ram.bytes");
    if (bytes == 0 || bytes > 1ull << 30)
        return "this program has room for 1 GiB of RAM";
    free(ram);
    ram = calloc(bytes, 1);
    if (ram == NULL)
        return "out of memory";
    ram_first = number("ram.first");
    ram_bytes = bytes;
    cr3 = 0;
    memset(&control, 0, sizeof control);
    for (int i = 0; i < member_count; i++) {
        if (strncmp(members[i].path, "switches.", 9) != 0)
            continue;
        bool *bit = control_bit(members[i].path + 9);
        if (bit == NULL)
            return "no such switch";
        *bit = strcmp(members[i].value, "true") == 0;
    }
    forget(false);
    return NULL;
}

static const char *write_bytes(void)
{
    const char *bytes = member("bytes");
    uint64_t at = number("address"), count = bytes == NULL ? 0 : strlen(bytes) / 2;
    if (count == 0 || !has_memory(at, count))
        return "no memory there";
    for (uint64_t i = 0; i < count; i++) {
        unsigned value;
        if (sscanf(bytes + 2 * i, "%2x", &value) != 1)
            return "no bytes";
        ram[at - ram_first + i] = (uint8_t)value;
    }
    return NULL;
}

/* Prints the members of an answer but its id; returns NULL, or an error. */
static const char *answer(void)
{
    if (is("op", "hello")) {
        printf(",\"protocol\":1,\"machine\":\"amd64\",\"name\":\"adapter in C\"");
        return NULL;
    }
    if (is("op", "reset"))
        return reset();
    if (ram == NULL)
        return "reset comes first";
    if (is("op", "write"))
        return write_bytes();
    if (is("op", "read")) {
        uint64_t at = number("address"), count = number("count");
        if (count > 4096 || !has_memory(at, count))
            return "no memory there";
        printf(",\"bytes\":\"");
        for (uint64_t i = 0; i < count; i++)
            printf("%02x", ram[at - ram_first + i]);
        printf("\"");
        return NULL;
    }
    if (is("op", "dump")) {
        /* What an image of this machine would have: memory as it is, to its end, and where the tables begin. */
        uint64_t at = number("address"), count = number("count");
        if (count > 4096)
            return "too much at once";
        printf(",\"root\":\"0x%llx\",\"bytes\":\"", (unsigned long long)(cr3 & ADDRESS));
        for (; count > 0 && has_memory(at, 1); at++, count--)
            printf("%02x", ram[at - ram_first]);
        printf("\"");
        return NULL;
    }
    if (is("op", "root")) {
        cr3 = number("address");
        forget(true);
        return NULL;
    }
    if (is("op", "switch")) {
        bool *bit = member("name") == NULL ? NULL : control_bit(member("name"));
        if (bit == NULL)
            return "no such switch";
        *bit = is("value", "true");
        forget(false);
        return NULL;
    }
    if (is("op", "invalidate")) {
        if (is("what", "page"))
            forget_page(number("address"));
        else
            forget(true);
        return NULL;
    }
    if (is("op", "translate")) {
        enum access access = is("access", "write") ? WRITE : is("access", "execute") ? EXECUTE : READ;
        uint64_t physical = 0;
        const char *fault = translate(number("address"), access, is("privilege", "user") ? USER : KERNEL, &physical);
        if (fault != NULL)
            printf(",\"fault\":\"%s\"", fault);
        else
            printf(",\"physical\":\"0x%llx\"", (unsigned long long)physical);
        return NULL;
    }
    return "unsupported";
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        member_count = 0;
        bool is_request = parse_object(line, "") != NULL && member("id") != NULL;
        printf("{\"id\":%lld", is_request ? (long long)number("id") : -1ll);
        const char *error = is_request ? answer() : "no request";
        if (error != NULL)
            printf(",\"error\":\"%s\"", error);
        printf("}\n");
        fflush(stdout);
    }
    free(line);
    free(ram);
    return 0;
}
