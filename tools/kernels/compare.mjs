/**
 * `node tools/kernels/compare.mjs MACHINE… [--dumps FOLDER] [--no-lies]`: puts the dumps that `main.mjs` made before this project's
 * command, `portolan inspect`, as a raw image and as an ELF core, and compares what it prints with everything that others said of the
 * same memory:
 *
 * - QEMU's `info tlb`, entry for entry with all flags, and `info mem`, range for range (x86);
 * - QEMU's answers to `gva2gpa`, page for page, as the process and as the kernel (ARM);
 * - the registers in the core's note, with those that the monitor printed (x86);
 * - the guest's own pagemap, page for page, with the pages that are there though nobody may touch them, those that were taken from the
 *   processor, and those in swap space, by area and place; on 32-bit ARM Linux's own entries beside the processor's.
 *
 * Then each comparison is told lies, and must notice: a changed bit in a copy of the image, a changed or a missing line in what others
 * said. Ends with status 1 at any difference, and for any lie that is believed.
 */
import { join, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { evidenceOf, isRight, lookedAt, manifestOf, noteOf, verdictsOn } from "./compared.mjs";
import { liesAbout } from "./lies.mjs";

const KEPT = resolve(dirname(fileURLToPath(import.meta.url)), "../../coverage/kernels/dumps");
/** Differences that are shown of one comparison. */
const SHOWN = 5;
const IMAGES = ["memory.raw", "memory.elf"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dumps: { type: "string", default: KEPT }, "no-lies": { type: "boolean", default: false } },
});
if (positionals.length === 0) {
  console.error("which machines? Those that main.mjs has dumped");
  process.exit(2);
}
let passed = 0;
let failed = 0;
const count = (isGood) => {
  if (isGood) passed += 1;
  else failed += 1;
  return isGood ? "ok " : "RED";
};
const since = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`;
for (const name of positionals) {
  const folder = resolve(values.dumps, name);
  const manifest = manifestOf(folder);
  const evidence = evidenceOf(folder, manifest);
  const looks = new Map();
  for (const file of IMAGES) {
    const began = performance.now();
    const path = join(folder, file);
    const note = file.endsWith(".elf") ? await noteOf(path) : null;
    const seen = lookedAt(manifest, path);
    looks.set(file, { seen, note });
    for (const verdict of verdictsOn(manifest, seen, note, evidence)) {
      const { what, equal, told, differences } = verdict;
      console.log(`${count(isRight(verdict))} ${name} ${file}: ${what}: ${equal} equal${told}, ${differences.length} different`);
      for (const difference of differences.slice(0, SHOWN)) console.log(`      ${difference}`);
    }
    console.log(`    ${name} ${file}: ${since(began)}`);
  }
  if (values["no-lies"]) continue;
  const began = performance.now();
  for (const { lie, isCaught, by } of await liesAbout(folder, manifest, evidence, looks))
    console.log(`${count(isCaught)} ${name}: ${lie}: ${isCaught ? `noticed by ${by.join("; ")}` : "is believed"}`);
  console.log(`    ${name}, lies: ${since(began)}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
