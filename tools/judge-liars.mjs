/**
 * Puts liars to QEMU: the suite's ports that lie about ia32, and for every machine with tables every port with two neighbouring fields
 * of an entry exchanged. Run after a build: `npm run liars [MACHINE…]`. Ends with status 1 if one escapes that could have been named.
 */
import { bitLiarsOf } from "../packages/qemu-judge/dist-test/bit-liars.js";
import { isNamed } from "../packages/qemu-judge/dist-test/named.js";
import { PROFILES } from "../packages/qemu-judge/dist/index.js";
import { lyingPorts } from "../packages/conformance/dist-test/liars/ports.js";

/** Lies that no access can show: what pages the core asks for, how they are cached, what a machine claims to be able to. */
const UNSEEN = [
  "ia32: cacheable pages are marked as not cached",
  "ia32: pages can be forbidden to be executed",
  "ia32: pages can be forbidden to be read",
  "ia32: pages that may not be written may be",
  "ia32: the kernel always obeys R/W",
];
/** Accesses that a liar is tried with; most are named long before. */
const QUERIES = 20_000;

const wanted = process.argv.slice(2);
const liarsOf = ({ name, architecture }) => [
  ...(name === "ia32" ? lyingPorts.filter(({ lie }) => lie.startsWith("ia32: ")).map(({ lie, subject }) => ({ lie, subject })) : []),
  ...bitLiarsOf(architecture).map(({ lie, architecture: lying }) => ({ lie: `${name}: ${lie}`, subject: { architecture: lying } })),
];

let named = 0;
let unseen = 0;
let escaped = 0;
for (const profile of PROFILES) {
  if (profile.architecture.tlb.refill !== "hardware" || (wanted.length > 0 && !wanted.includes(profile.name))) continue;
  const liars = liarsOf(profile);
  let count = 0;
  for (const { lie, subject } of liars) {
    const isCaught = await isNamed(profile, subject, UNSEEN.includes(lie) ? QUERIES / 10 : QUERIES);
    count += isCaught ? 1 : 0;
    if (isCaught === !UNSEEN.includes(lie)) continue;
    escaped += 1;
    console.log(isCaught ? `${lie}: is named, and stands among those that cannot be` : `${lie}: escapes`);
  }
  named += count;
  unseen += liars.filter(({ lie }) => UNSEEN.includes(lie)).length;
  console.log(`${profile.name}: ${count} of ${liars.length} liars named`);
}
console.log(`${named} of ${named + unseen + escaped} liars named, ${unseen} that no access can show, ${escaped} escaped`);
process.exitCode = escaped === 0 ? 0 : 1;
