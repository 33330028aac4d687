/**
 * `node tools/kernels/main.mjs MACHINE… [--out FOLDER] [--cache FOLDER]`: boots Debian's stock kernel on every machine named, one after
 * the other, stops it in a process of its user space, and writes what an inspector of memory can be compared with:
 *
 * - `memory.raw` (physical memory from `base` on) and `memory.elf` (QEMU's ELF core with its note on the processor);
 * - `info-tlb.txt`, `info-mem.txt` (x86), `gva2gpa-user.txt`, `gva2gpa-kernel.txt` (ARM): QEMU's own walks of the tables;
 * - `pagemap.txt`: the guest's word on every page of the process, `ADDRESS ENTRY` (Linux, Documentation/admin-guide/mm/pagemap.rst);
 * - `manifest.json`: what it is, the registers, the process's maps.
 *
 * Needs a build, Debian's apt and dpkg, QEMU, and once the network; ends with status 77 where they are not there. Packages are kept in the
 * cache and never installed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { qemuVersion } from "../../packages/qemu-judge/dist/guest/qemu-process.js";
import { boot, stopInProcess } from "./boot.mjs";
import { fetchMachine, Unavailable } from "./debian.mjs";
import { takeEvidence } from "./evidence.mjs";
import { firstFiles, told } from "./guest.mjs";
import { MACHINES, machineNamed } from "./machines.mjs";

const KEPT = resolve(dirname(fileURLToPath(import.meta.url)), "../../coverage/kernels");

/** Exit status where something is missing that the surroundings must bring: no verdict on anything of ours. */
const UNAVAILABLE = 77;

/** Times of the steps of one machine, in seconds. */
const stopwatch = () => {
  const seconds = {};
  let last = performance.now();
  return {
    seconds,
    lap: (name) => {
      const now = performance.now();
      seconds[name] = Number(((now - last) / 1000).toFixed(1));
      last = now;
    },
  };
};

/** One machine from nothing to its folder. */
const makeDump = async (machine, cache, folder) => {
  const version = qemuVersion(machine.qemu, machine.qemuPackage);
  const { seconds, lap } = stopwatch();
  const { kernel, ...programs } = fetchMachine(cache, machine);
  lap("fetch");
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) rmSync(join(folder, old), { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "portolan-kernel-"));
  let qemu = null;
  try {
    const { archive, spins } = firstFiles(programs, machine);
    const initrd = join(scratch, "initrd");
    writeFileSync(initrd, archive);
    const booted = await boot(machine, { kernel, initrd }, folder);
    qemu = booted.qemu;
    lap("boot");
    const registers = await stopInProcess(qemu);
    const { pages, ...guest } = told(booted.text, machine.page);
    const taken = await takeEvidence(machine, qemu, { guest, registers, folder, socket: join(scratch, "gdb") });
    writeFileSync(
      join(folder, "pagemap.txt"),
      `${pages.map(([address, entry]) => `0x${address.toString(16)} 0x${entry.toString(16)}`).join("\n")}\n`,
    );
    lap("dump");
    const manifest = {
      machine: machine.name,
      kind: machine.kind,
      qemu: version,
      arguments: machine.args,
      kernel: basename(kernel),
      package: readFileSync(join(dirname(dirname(kernel)), "package"), "utf8").trim(),
      parameters: booted.parameters,
      levels: machine.levels,
      page: machine.page,
      base: machine.base,
      bytes: machine.ramBytes,
      spins,
      registers: taken.registers,
      files: [...taken.files, "pagemap.txt", "console.txt"],
      seconds,
      ...guest,
    };
    writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    return { pages: pages.length, seconds };
  } finally {
    await qemu?.stop();
    rmSync(scratch, { recursive: true });
  }
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: join(KEPT, "dumps") }, cache: { type: "string", default: join(KEPT, "packages") } },
});
if (positionals.length === 0) {
  console.error(`which machines? There are ${Object.keys(MACHINES).join(", ")}`);
  process.exit(2);
}
try {
  for (const machine of positionals.map(machineNamed)) {
    const folder = resolve(values.out, machine.name);
    const { pages, seconds } = await makeDump(machine, resolve(values.cache), folder);
    const times = Object.entries(seconds).map(([step, time]) => `${step} ${time} s`);
    console.log(`${machine.name}: ${times.join(", ")}; ${pages} pages of the process; ${folder}`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = error instanceof Unavailable || error.code === "ERR_QEMU_MISSING" ? UNAVAILABLE : 1;
}
