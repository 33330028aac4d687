# Names that both stubs of x86 use: `mailbox` and WORD are set before.

# The mailbox, as README.md has it.
        .set    bell, mailbox
        .set    count, mailbox + 1 * WORD
        .set    case_cr3, mailbox + 2 * WORD
        .set    case_cr0, mailbox + 3 * WORD
        .set    case_cr4, mailbox + 4 * WORD
        .set    case_efer, mailbox + 5 * WORD
        .set    case_flags, mailbox + 6 * WORD  # flags of every access: AC or nothing
        .set    distance, mailbox + 7 * WORD
        .set    queries, mailbox + 528 * WORD
        .set    results, mailbox + 4624 * WORD

        .set    GO, 1
        .set    DONE, 2
        .set    READY, 3

        .set    KIND_READ, 1
        .set    KIND_FETCH, 4
        .set    KIND_USER, 8
        .set    KIND_MEND, 16                   # no access of the host's: code that QEMU should forget

        .set    THROUGH, 1
        .set    TRAPPED, 2

# Words of a result.
        .set    STATUS, 0 * WORD
        .set    VALUE, 1 * WORD
        .set    TRAP, 2 * WORD
        .set    CODE, 3 * WORD
        .set    ADDRESS, 4 * WORD               # CR2
        .set    AT, 5 * WORD                    # instruction pointer, CS and flags that the handler found
        .set    AT_CS, 6 * WORD
        .set    AT_FLAGS, 7 * WORD
