/** Whether the comparisons can fail: each is told something that is not so, and must say so. */
import { copyFileSync, closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRight, lookedAt, verdictsOn } from "./compared.mjs";

const RAW = "memory.raw";
const CORE = "memory.elf";

/** What says so of a verdict that must turn red, by the file that was falsified. */
const CONCERNS = {
  "info-tlb.txt": ["list --format info-tlb", "list, targets of info tlb"],
  "info-mem.txt": ["list --format info-mem", "list, ranges of info mem"],
  "gva2gpa-user.txt": ["list, gva2gpa as user"],
  "gva2gpa-kernel.txt": ["list, gva2gpa as kernel"],
  "pagemap.txt": ["list --os linux, pagemap"],
};

const OF_RISCV = ["list, ranges of info mem"];

/** Those of the verdicts that are red. */
const redOf = (verdicts) => verdicts.filter((verdict) => !isRight(verdict)).map(({ what }) => what);
const verdictOf = (lie, red, concerned) => ({ lie, isCaught: concerned.every((what) => red.includes(what)), by: red });

/** A line with another last digit of its last number. */
const changed = (line) => line.replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === "0" ? "1" : "0"));
/** The physical address of an entry in a list of QEMU's. */
const moved = (line) => line.replace(/^(\S+ [0-9a-f]{11})([0-9a-f])/, (_, before, digit) => before + (digit === "0" ? "1" : "0"));

/** Lies that change one text. A line that is missing is no lie about samples: nobody asked. */
const falsified = (name, text) => {
  const lines = text.split("\n");
  const isSamples = name.startsWith("gva2gpa");
  // Away from the beginning, where headings may stand, and from pages that nobody maps.
  const isTelling = name === "pagemap.txt" ? /^\S+ 0x[4-9a-f]\w{15}$/ : isSamples ? / 0x/ : /^[0-9a-f]{8,}[-: ]/;
  const all = lines.flatMap((line, at) => (isTelling.test(line) ? [at] : []));
  const at = all[Math.floor(all.length / 2)];
  const without = lines.toSpliced(at, 1).join("\n");
  const other =
    name === "info-mem.txt"
      ? lines[at].replace(/.$/, (end) => (end === "-" ? "w" : "-"))
      : name === "info-tlb.txt"
        ? moved(lines[at])
        : changed(lines[at]);
  return [
    { lie: `${name}: line ${at + 1} is another`, text: lines.with(at, other).join("\n") },
    ...(isSamples ? [] : [{ lie: `${name}: line ${at + 1} is missing`, text: without }]),
  ];
};

/** Turns bits of one byte over in a copy of the image, and looks again. */
class Copy {
  #path;
  #base;

  constructor(path, base) {
    this.#path = path;
    this.#base = base;
  }

  #turn(physical, mask) {
    const file = openSync(this.#path, "r+");
    try {
      const byte = Buffer.alloc(1);
      const at = Number(physical) - this.#base;
      if (readSync(file, byte, 0, 1, at) !== 1) throw new Error(`the image has no byte at 0x${physical.toString(16)}`);
      byte[0] ^= mask;
      writeSync(file, byte, 0, 1, at);
    } finally {
      closeSync(file);
    }
  }

  /** @returns what is red while these bits are turned */
  with(manifest, evidence, physical, mask) {
    this.#turn(physical, mask);
    try {
      return redOf(verdictsOn(manifest, lookedAt(manifest, this.#path), null, evidence));
    } finally {
      this.#turn(physical, mask);
    }
  }
}

/** Entries of a page: the processor's, and Linux's beside it where there is one. */
const entriesOf = (seen, address) => {
  const { entryAddress, beside } = seen.walk(address).steps.at(-1);
  return { own: BigInt(entryAddress), linux: beside === null ? null : BigInt(beside.address) };
};

const isSmall = ({ user, bytes, pageBytes }) => user !== "---" && bytes === 4096 && pageBytes === 4096;

/** Lies about the memory itself: an entry that leads elsewhere, one with another right, and entries of pages that are not mapped. */
const imageLies = ({ kind, registers }, seen, evidence) => {
  const isX86 = registers.CR3 !== undefined;
  const asked = new Set(
    evidence
      .get("pagemap.txt")
      .split("\n")
      .map((line) => line.split(" ")[0]),
  );
  const page = seen.leaves.find((leaf) => isSmall(leaf) && asked.has(leaf.first));
  const lists = isX86 ? CONCERNS["info-tlb.txt"] : kind === "riscv64" ? OF_RISCV : CONCERNS["gva2gpa-user.txt"];
  const guest = CONCERNS["pagemap.txt"];
  const { own, linux } = entriesOf(seen, page.address);
  const lies = [
    { lie: `the entry of ${page.first} leads to the next page`, physical: own + 1n, mask: 0x10, concerned: [...lists, ...guest] },
  ];
  if (isX86) {
    const rights = evidence.has("info-mem.txt") ? CONCERNS["info-mem.txt"] : [];
    lies.push({
      lie: `the entry of ${page.first} has another R/W`,
      physical: own,
      mask: 2,
      concerned: ["list --format info-tlb", ...rights],
    });
  }
  if (linux !== null) {
    // The first of the pages that are walked.
    const concerned = ["walk --os linux, entries beside the processor's"];
    lies.push({ lie: `Linux's own entry of ${page.first} is old`, physical: linux, mask: 2, concerned });
  }
  for (const what of ["hidden", "old", "swapped"]) {
    const [address] = [...seen.software].find(([, told]) => told.kind === what) ?? [];
    if (address === undefined) continue;
    const entry = entriesOf(seen, address);
    // Bit 13 is in the frame and in the offset in swap space, however they are kept.
    lies.push({
      lie: `the ${what} page 0x${address.toString(16)} is another`,
      physical: (entry.linux ?? entry.own) + 1n,
      mask: 0x20,
      concerned: guest,
    });
  }
  return lies;
};

/**
 * Tells every lie, one after the other.
 * @param looks what was seen of the images without lies, and their notes, by the names of the files
 * @returns for each what it is, whether everything that it concerns turned red, and what did
 */
export const liesAbout = async (folder, manifest, evidence, looks) => {
  const { seen, note } = looks.get(CORE);
  const told = [];
  for (const [name, text] of evidence)
    for (const { lie, text: other } of falsified(name, text))
      told.push(
        verdictOf(
          lie,
          redOf(verdictsOn(manifest, seen, note, new Map([...evidence, [name, other]]))),
          manifest.kind === "riscv64" && name === "info-mem.txt" ? OF_RISCV : CONCERNS[name],
        ),
      );
  if (note !== null && manifest.registers.CR3 !== undefined) {
    const lying = { ...note, CR3: note.CR3 ^ 0x1000n };
    told.push(verdictOf("the note has another CR3", redOf(verdictsOn(manifest, seen, lying, evidence)), ["registers of the note"]));
  }
  const home = mkdtempSync(join(tmpdir(), "portolan-lies-"));
  try {
    const path = join(home, RAW);
    copyFileSync(join(folder, RAW), path);
    const copy = new Copy(path, manifest.base);
    for (const { lie, physical, mask, concerned } of imageLies(manifest, looks.get(RAW).seen, evidence))
      told.push(verdictOf(lie, copy.with(manifest, evidence, physical, mask), concerned));
  } finally {
    rmSync(home, { recursive: true });
  }
  return told;
};
