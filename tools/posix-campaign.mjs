/**
 * Holds the POSIX face against the running kernel for as long as one likes:
 *
 *   node tools/posix-campaign.mjs [--seeds 5000] [--first 1] [--calls 70] [--failures 3] [--no-shrink] [--record] [--frames 100]
 *
 * With --frames our machine has so few of them that pages go to swap all the time.
 * With --record the kernel's answers are written to recorded.txt instead, for those who have no such kernel.
 *
 * Wants Linux on x86-64, gcc, and a build (`npm run build`).
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { campaign, failureInWords } from "../packages/arch-amd64/dist-test/posix/campaign.js";
import { scriptOf } from "../packages/arch-amd64/dist-test/posix/calls.js";
import { openKernel } from "../packages/arch-amd64/dist-test/posix/linux.js";
import { RECORD, recordOf } from "../packages/arch-amd64/dist-test/posix/recorded.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "5000" },
    first: { type: "string", default: "1" },
    calls: { type: "string", default: "70" },
    failures: { type: "string", default: "3" },
    frames: { type: "string" },
    record: { type: "boolean", default: false },
    "no-shrink": { type: "boolean", default: false },
  },
});
const kernel = openKernel();
if ("missing" in kernel) {
  console.error(`nothing to compare with: ${kernel.missing}`);
  process.exit(3);
}
if (values.record) {
  const scripts = Array.from({ length: Number(values.seeds) }, (_, index) => scriptOf(Number(values.first) + index, Number(values.calls)));
  writeFileSync(RECORD, recordOf(scripts, kernel.ask(scripts)));
  kernel.close();
  process.exit(0);
}
const began = performance.now();
const result = campaign(kernel, Number(values.first), Number(values.seeds), Number(values.calls), {
  mostFailures: Number(values.failures),
  comparison: values.frames === undefined ? {} : { frames: Number(values.frames) },
  shrinks: !values["no-shrink"],
  progress: (seeds) => process.stderr.write(`\r${seeds} seeds`),
});
kernel.close();
process.stderr.write("\r");
for (const failure of result.failures) console.log(`${failureInWords(failure)}\n`);
for (const [name, times] of result.excused) console.log(`${times} times: ${name}`);
console.log(
  `${result.calls} calls in ${result.seeds} seeds, ${result.failures.length} that differ, ${((performance.now() - began) / 1000).toFixed(1)} s`,
);
process.exit(result.failures.length === 0 ? 0 : 1);
