/**
 * What is mutated, and which tests are asked: the fast ones about all mutants, the slow ones about those that the fast ones let
 * live. Tests are named package/file.
 */
const port = (name, fast, slow) => ({
  mutate: [`packages/arch-${name}/src/**/*.ts`],
  fast: fast.map((file) => `arch-${name}/${file}`),
  slow: slow.map((file) => `arch-${name}/${file}`),
});

const core = (room, fast, slow) => ({
  mutate: [`packages/core/src/${room}/*.ts`],
  fast: fast.map((file) => `core/${file}`),
  slow: slow.map((file) => `core/${file}`),
});

/** One room in four parts, as it is large. */
const paging = (files) => ({
  ...core("paging", ["paging/*"], ["contract/*", "address-space/widening", "address-space/marks-by-fault", "machine/cpu"]),
  mutate: files.map((file) => `packages/core/src/paging/${file}.ts`),
});

export const FOLDERS = {
  "used-space": core("used-space", ["used-space/*"], []),
  asid: core("asid", ["asid/*", "contract/processors", "machine/cpu", "defects/processors"], []),
  tlb: core(
    "tlb",
    ["tlb/*", "machine/cpu", "contract/processors", "compose/options"],
    ["defects/processors", "contract/spaces", "address-space/widening"],
  ),
  "paging: entries": paging(["entry-codec", "hardware-walk", "tree-shape", "walk-plan"]),
  "paging: tables": paging(["hierarchical", "page-tables", "stale", "table-pool", "withdrawal"]),
  "paging: hash": paging(["hashed", "page-hash", "page-hash-format"]),
  "paging: explanations": paging(["explain-address", "explain-entry", "explain-hash", "explain-tree"]),
  "arch-abs32le": port("abs32le", ["port"], ["conformance"]),
  "arch-ia32": port("ia32", ["golden"], ["conformance"]),
  "arch-amd64": port("amd64", ["golden", "description", "faults", "registers", "switches"], ["programs", "walk", "codec", "conformance"]),
  "arch-riscv64": port("riscv64", ["golden", "description", "faults", "registers"], ["programs", "walk", "codec", "conformance"]),
  "arch-sparc64": port("sparc64", ["golden", "faults", "traps", "refill"], ["conformance"]),
  "arch-mips32": port("mips32", ["golden", "description", "traps", "tlb", "model"], ["programs", "codec", "refill", "conformance"]),
  "arch-arm": port("arm", ["golden", "description", "tables", "programs", "faults"], ["hostile", "codec", "conformance"]),
};
