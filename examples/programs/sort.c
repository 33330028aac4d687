/* Heapsort, and a recursive quicksort of the same numbers: far jumps in a table, and a stack that grows. */
#include "start.h"

enum { COUNT = 3000 };
static unsigned first[COUNT];
static unsigned second[COUNT];
static unsigned seed = 2463534242u;

static unsigned next_random(void) {
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void sift(unsigned *heap, unsigned long root, unsigned long count) {
	for (unsigned long child = root * 2 + 1; child < count; child = root * 2 + 1) {
		if (child + 1 < count && heap[child + 1] > heap[child]) child += 1;
		if (heap[root] >= heap[child]) return;
		unsigned held = heap[root];
		heap[root] = heap[child];
		heap[child] = held;
		root = child;
	}
}

static void heapsort(unsigned *values, unsigned long count) {
	for (unsigned long root = count / 2; root > 0; root -= 1) sift(values, root - 1, count);
	for (unsigned long end = count - 1; end > 0; end -= 1) {
		unsigned held = values[0];
		values[0] = values[end];
		values[end] = held;
		sift(values, 0, end);
	}
}

static void quicksort(unsigned *values, long low, long high) {
	if (low >= high) return;
	unsigned pivot = values[(low + high) / 2];
	long i = low, j = high;
	while (i <= j) {
		while (values[i] < pivot) i += 1;
		while (values[j] > pivot) j -= 1;
		if (i > j) break;
		unsigned held = values[i];
		values[i++] = values[j];
		values[j--] = held;
	}
	quicksort(values, low, j);
	quicksort(values, i, high);
}

int program(void) {
	for (unsigned long i = 0; i < COUNT; i += 1) first[i] = second[i] = next_random();
	heapsort(first, COUNT);
	quicksort(second, 0, COUNT - 1);
	unsigned long wrong = 0;
	for (unsigned long i = 0; i < COUNT; i += 1) wrong += first[i] != second[i] || (i > 0 && first[i - 1] > first[i]);
	write_number("sorted twice, different places: ", wrong, "\n");
	return wrong == 0 ? 0 : 1;
}
