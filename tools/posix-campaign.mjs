/**
 * Holds the POSIX face against the running kernel for as long as one likes:
 *
 *   node tools/posix-campaign.mjs [--seeds 5000] [--first 1] [--calls 70] [--failures 3] [--no-shrink]
 *
 * Wants Linux on x86-64, gcc, and a build (`npm run build`).
 */
import { parseArgs } from "node:util";
import { campaign, failureInWords } from "../packages/arch-amd64/dist-test/posix/campaign.js";
import { openKernel } from "../packages/arch-amd64/dist-test/posix/linux.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "5000" },
    first: { type: "string", default: "1" },
    calls: { type: "string", default: "70" },
    failures: { type: "string", default: "3" },
    "no-shrink": { type: "boolean", default: false },
  },
});
const kernel = openKernel();
if ("missing" in kernel) {
  console.error(`nothing to compare with: ${kernel.missing}`);
  process.exit(3);
}
const began = performance.now();
const result = campaign(kernel, Number(values.first), Number(values.seeds), Number(values.calls), {
  mostFailures: Number(values.failures),
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
