/* The mailbox, as README.md draws it: places in words of WORD bytes, which whoever includes this has set. */

        .equ    BELL,           0
        .equ    COUNT,          1
        .equ    REGISTERS,      2
        .equ    ENTRIES,        16
        .equ    QUERIES,        528
        .equ    RESULTS,        4624
        .equ    ENTRY_BYTES,    4 * WORD
        .equ    QUERY_BYTES,    4 * WORD
        .equ    RESULT_BYTES,   8 * WORD

/* What the bell says. */
        .equ    GO,             1
        .equ    DONE,           2
        .equ    READY,          3

/* Status of a result. */
        .equ    LET_THROUGH,    1
        .equ    TRAPPED,        2

/* Kinds of accesses; a read is 1. */
        .equ    WRITE,          2
        .equ    FETCH,          4
        .equ    USER,           8
