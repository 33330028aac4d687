/**
 * `node tools/kernels/compare.mjs MACHINE… [--dumps FOLDER]`: puts the dumps that `main.mjs` made before this project's inspector, as a
 * raw image and as an ELF core, and compares what it lists with everything that others said of the same memory:
 *
 * - QEMU's `info tlb`, entry for entry with all flags, and `info mem`, range for range (x86);
 * - QEMU's answers to `gva2gpa`, page for page, as the process and as the kernel (ARM);
 * - the registers in the core's note, with those that the monitor printed (x86);
 * - the guest's own pagemap, page for page, with the pages that are there though nobody may touch them.
 *
 * Ends with status 1 at any difference.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openImage } from "../../packages/image/dist/index.js";
import { fileSource } from "../../packages/image/dist/node.js";
import { inspectedAs } from "./inspected.mjs";
import { againstGuest, againstLists, againstNote, againstSamples } from "./judges.mjs";

const KEPT = resolve(dirname(fileURLToPath(import.meta.url)), "../../coverage/kernels/dumps");
/** Differences that are shown of one comparison. */
const SHOWN = 5;

/** The images of a machine, and how each is opened. */
const IMAGES = {
  "memory.raw": ({ base }) => ({ format: "raw", base }),
  "memory.elf": () => ({ format: "elf-core" }),
};

/** Every comparison of one image of a machine. */
const compareImage = async (folder, manifest, file, options) => {
  const source = await fileSource(join(folder, file));
  try {
    const image = await openImage(source, options);
    const seen = await inspectedAs(manifest, image);
    const textOf = (name) => (manifest.files.includes(name) ? readFileSync(join(folder, name), "utf8") : null);
    const verdicts = await againstLists(manifest, seen, { tlb: textOf("info-tlb.txt"), mem: textOf("info-mem.txt") });
    for (const who of ["user", "kernel"]) {
      const samples = textOf(`gva2gpa-${who}.txt`);
      if (samples !== null) verdicts.push(againstSamples(`gva2gpa as ${who}`, seen, samples, who));
    }
    verdicts.push(againstGuest(seen, textOf("pagemap.txt")));
    const [processor] = image.processors;
    // Cores of ARM have no word on translation.
    if (processor !== undefined && manifest.registers.CR3 !== undefined) verdicts.push(againstNote(manifest, processor.registers));
    return verdicts;
  } finally {
    await source.close();
  }
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { dumps: { type: "string", default: KEPT } } });
if (positionals.length === 0) {
  console.error("which machines? Those that main.mjs has dumped");
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const name of positionals) {
  const folder = resolve(values.dumps, name);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  for (const [file, optionsOf] of Object.entries(IMAGES)) {
    const began = performance.now();
    const verdicts = await compareImage(folder, manifest, file, optionsOf(manifest));
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    for (const { what, equal, told, differences } of verdicts) {
      // Nothing compared is nothing shown.
      const isRight = differences.length === 0 && equal > 0;
      if (isRight) passed += 1;
      else failed += 1;
      console.log(`${isRight ? "ok " : "RED"} ${name} ${file}: ${what}: ${equal} equal${told}, ${differences.length} different`);
      for (const difference of differences.slice(0, SHOWN)) console.log(`      ${difference}`);
    }
    console.log(`    ${name} ${file}: ${seconds} s`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
