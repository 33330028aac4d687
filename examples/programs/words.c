/* Counts the words of a text: constant data, a hash table and an arena for its entries, pointers everywhere. */
#include "start.h"

static const char text[] =
	"A page table is a promise that a processor keeps. For every address that a program may name it says where the byte lies, "
	"who may look at it, and who may change it; and where it says nothing the processor stops and asks. The answer to that "
	"question is what a kernel is for. It may bring the page in from a file, or fill it with zeroes, or copy it from a page "
	"that was shared until now, or say that the program has no business there. Whatever it answers, it must also remember who "
	"else may have asked before: a processor that has once been told keeps the answer in a buffer of its own, and goes on "
	"believing it until somebody makes it forget. To make all of them forget, at the right moment, before the page is given "
	"to somebody else, is the hard part. The rest is arithmetic. ";

struct entry {
	struct entry *next;
	const char *word;
	unsigned long length;
	unsigned long count;
};

enum { BUCKETS = 1024, ENTRIES = 4096, ROUNDS = 40 };
static struct entry *table[BUCKETS];
static struct entry arena[ENTRIES];
static unsigned long used;
/* Initialised data that is written: the longest word so far. */
static struct entry longest = { 0, "?", 1, 0 };

static int is_letter(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct entry *find(const char *word, unsigned long length) {
	unsigned long hash = 5381;
	for (unsigned long i = 0; i < length; i += 1) hash = hash * 33 + (unsigned char) (word[i] | 32);
	struct entry **place = &table[hash % BUCKETS];
	for (struct entry *entry = *place; entry != 0; entry = entry->next) {
		if (entry->length != length) continue;
		unsigned long i = 0;
		while (i < length && (entry->word[i] | 32) == (word[i] | 32)) i += 1;
		if (i == length) return entry;
	}
	if (used == ENTRIES) return &longest;
	struct entry *fresh = &arena[used++];
	*fresh = (struct entry) { *place, word, length, 0 };
	*place = fresh;
	return fresh;
}

int program(void) {
	unsigned long words = 0;
	for (int round = 0; round < ROUNDS; round += 1) {
		for (const char *at = text; *at != 0;) {
			while (*at != 0 && !is_letter(*at)) at += 1;
			const char *word = at;
			while (is_letter(*at)) at += 1;
			if (at == word) continue;
			struct entry *entry = find(word, (unsigned long) (at - word));
			entry->count += 1;
			words += 1;
			if (entry->length > longest.length) longest = *entry;
		}
	}
	write_number("words: ", words / ROUNDS, "");
	write_number(", different ones: ", used, ", the longest: ");
	write_text(longest.word, longest.length);
	write_text("\n", 1);
	return used == 83 && words == 154UL * ROUNDS && longest.length == 10 ? 0 : 1;
}
