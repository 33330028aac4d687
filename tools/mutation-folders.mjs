/**
 * What is mutated, and which tests are asked: the fast ones about all mutants, the slow ones about those that the fast ones let
 * live. Tests are named package/file.
 */
const port = (name, fast, slow) => ({
  mutate: [`packages/arch-${name}/src/**/*.ts`],
  fast: fast.map((file) => `arch-${name}/${file}`),
  slow: slow.map((file) => `arch-${name}/${file}`),
});

/** Some files of a room of the core, or all of them. */
const core = (room, files, fast, slow) => ({
  mutate: files.map((file) => `packages/core/src/${room}/${file}.ts`),
  fast: fast.map((file) => `core/${file}`),
  slow: slow.map((file) => `core/${file}`),
});

export const FOLDERS = {
  "used-space": core("used-space", ["*"], ["used-space/*"], []),
  asid: core("asid", ["*"], ["asid/*"], ["contract/processors", "defects/processors"]),
  "tlb: shootdown": core("tlb", ["shootdown", "shootdown-queue"], ["tlb/shootdown"], ["contract/processors"]),
  "tlb: buffers": core("tlb", ["tsb", "lookaside", "entry-note"], ["tlb/buffers"], ["tlb/tlb", "machine/cpu"]),
  "tlb: replacement": core("tlb", ["replacement"], ["tlb/replacement", "tlb/replacement-order"], ["tlb/tlb"]),
  "tlb: near walks": core("tlb", ["near-walk"], ["tlb/near-walk"], ["paging/near-walks"]),
  "tlb: entries": core(
    "tlb",
    ["tlb", "tlb-*", "told-fronts", "victims"],
    ["tlb/replacement", "tlb/tlb-details"],
    ["tlb/tlb", "machine/cpu", "contract/processors"],
  ),
  "paging: entries": core(
    "paging",
    ["entry-codec"],
    ["paging/entry-codec"],
    ["paging/unusual-words", "paging/spoilt-trees", "paging/page-tables"],
  ),
  "paging: withdrawals": core(
    "paging",
    ["stale", "table-pool", "withdrawal"],
    ["paging/withdrawals", "paging/table-pool"],
    ["contract/tables"],
  ),
  "paging: walks": core(
    "paging",
    ["hardware-walk", "tree-shape", "walk-plan"],
    [
      "paging/walker",
      "paging/walk-borders",
      "paging/walk-plan",
      "paging/unusual-words",
      "paging/shared-codecs",
      "paging/spoilt-trees",
      "paging/near-walks",
    ],
    ["paging/walks", "contract/tables", "address-space/marks-by-fault", "address-space/widening"],
  ),
  "paging: trees": core(
    "paging",
    ["hierarchical", "page-tables"],
    ["paging/tree-tables", "paging/tables-model", "paging/widening-entries"],
    ["paging/leaf-runs", "paging/accessed-marks", "paging/table-events", "paging/page-tables", "contract/tables", "paging/walks"],
  ),
  /** Many entries of a leaf table at once. */
  "paging: leaf runs": core("paging", ["leaf-runs"], ["paging/leaf-runs-by-hand"], ["paging/leaf-runs", "paging/tables-model"]),
  "paging: hash": core(
    "paging",
    ["hashed", "page-hash", "page-hash-format"],
    ["paging/hashed-tables", "paging/tables-model", "paging/page-hash-memory", "paging/page-hash", "paging/page-tables"],
    ["contract/tables", "paging/walks"],
  ),
  /** What is told of an entry or a walk, to people. */
  "paging: explanations": core("paging", ["explain-*"], ["paging/explain-*"], ["paging/walks", "contract/tables", "paging/spoilt-trees"]),
  "arch-abs32le": port("abs32le", ["port"], ["conformance"]),
  "arch-ia32": port("ia32", ["golden", "oracle", "pae"], ["conformance"]),
  "arch-amd64": port(
    "amd64",
    ["golden", "description", "oracle", "faults", "registers", "switches", "la57"],
    ["programs", "walk", "codec", "conformance"],
  ),
  "arch-riscv64": port(
    "riscv64",
    ["golden", "description", "levels", "oracle", "faults", "registers", "sv32"],
    ["programs", "walk", "codec", "conformance"],
  ),
  "arch-sparc64": port("sparc64", ["golden", "faults", "traps", "refill", "software-tlb"], ["conformance"]),
  "arch-mips32": port(
    "mips32",
    ["golden", "description", "oracle", "traps", "tlb", "model", "software-tlb"],
    ["programs", "codec", "refill", "conformance"],
  ),
  "arch-arm": port(
    "arm",
    ["description", "oracle", "golden", "quarters", "faults"],
    ["tables", "programs", "hostile", "codec", "conformance"],
  ),
  "arch-arm64": port("arm64", ["golden", "registers", "description", "oracle"], ["programs", "conformance"]),
};
