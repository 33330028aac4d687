/**
 * `npm run kernels [-- all | MACHINE…]`: boots Debian's stock kernels in QEMU, dumps their memory, and compares what `portolan inspect`
 * prints of it with what QEMU and the kernels themselves say. `amd64` and `i386-pae` where nothing is said, ten for `all`. The last line has the sums;
 * status 77 where what it needs cannot be had, such as QEMU or the network: then nothing was compared.
 */
import { prepare, node } from "./bootstrap.mjs";
import { MACHINES } from "./kernels/machines.mjs";

const FEW = ["amd64", "i386-pae"];

const asked = process.argv.slice(2);
const names = asked.length === 0 ? FEW : asked.length === 1 && asked[0] === "all" ? Object.keys(MACHINES) : asked;
const unknown = names.filter((name) => !Object.hasOwn(MACHINES, name));
if (unknown.length > 0) {
  console.error(`no such machine: ${unknown.join(", ")}; there are ${Object.keys(MACHINES).join(", ")}, and all for all of them`);
  process.exit(2);
}
prepare();
const booted = node("tools/kernels/main.mjs", names);
process.exit(booted === 0 ? node("tools/kernels/compare.mjs", names) : booted);
