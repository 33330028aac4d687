/* The sieve of Eratosthenes: a large table that begins as zeroes, written with growing strides. */
#include "start.h"

enum { LIMIT = 400000 };
static unsigned char is_composite[LIMIT];

int program(void) {
	unsigned long primes = 0;
	for (unsigned long number = 2; number < LIMIT; number += 1) {
		if (is_composite[number]) continue;
		primes += 1;
		if (number > LIMIT / number) continue;
		for (unsigned long multiple = number * number; multiple < LIMIT; multiple += number) is_composite[multiple] = 1;
	}
	write_number("primes below 400000: ", primes, "\n");
	return primes == 33860 ? 0 : 1;
}
