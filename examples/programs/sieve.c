/* The sieve of Eratosthenes: a large table that begins as zeroes, written with growing strides. */
#include "start.h"

enum { LIMIT = 400000 };
static unsigned char is_composite[LIMIT];
/* Initialised data that is written, a pointer into the constants beside it. */
static struct { const char *label; unsigned long count; } primes = { "primes below 400000: ", 0 };

int program(void) {
	for (unsigned long number = 2; number < LIMIT; number += 1) {
		if (is_composite[number]) continue;
		primes.count += 1;
		if (number > LIMIT / number) continue;
		for (unsigned long multiple = number * number; multiple < LIMIT; multiple += number) is_composite[multiple] = 1;
	}
	write_number(primes.label, primes.count, "\n");
	return primes.count == 33860 ? 0 : 1;
}
