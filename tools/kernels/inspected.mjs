/** A dumped machine as this project's inspector sees it, through the command that a user types: `portolan inspect list …` and `walk …`. */
import { spawnSync } from "node:child_process";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const COMMAND = resolve(dirname(fileURLToPath(import.meta.url)), "../../packages/cli/dist/main.js");
const FIVE_MINUTES = 300_000;

/** Names that the command knows the machines and their roots by. Cores of ARM have no word on translation. */
const KNOWN_AS = {
  amd64: { arch: "amd64", roots: { CR3: "CR3" } },
  "amd64-la57": { arch: "amd64la57", roots: { CR3: "CR3" } },
  i386: { arch: "ia32", roots: { CR3: "CR3" } },
  "i386-pae": { arch: "ia32pae", roots: { CR3: "CR3" } },
  armhf: { arch: "armv7", roots: { TTBR0: "TTBR0" } },
  riscv64: { arch: "riscv64", roots: { satp: "satp" } },
  arm64: { arch: "arm64", roots: { TTBR0_EL1: "TTBR0", TTBR1_EL1: "TTBR1" } },
};

/** Switches that a raw image cannot tell: where they stand in the registers. */
const SWITCHES = {
  amd64: { WP: ["CR0", 16n], PGE: ["CR4", 7n], SMEP: ["CR4", 20n], SMAP: ["CR4", 21n], NXE: ["EFER", 11n] },
  ia32: { WP: ["CR0", 16n], PSE: ["CR4", 4n], PGE: ["CR4", 7n] },
  ia32pae: { WP: ["CR0", 16n], PGE: ["CR4", 7n], NXE: ["EFER", 11n] },
};
SWITCHES.amd64la57 = SWITCHES.amd64;

/** `6.1` of `6.1.0-50-amd64`. */
const shortRelease = (release) => /^\d+\.\d+/.exec(release)?.[0] ?? release;

/** What a user types about the image: nothing that its note tells. */
const aboutOf = ({ kind, registers, base }, file) => {
  const { arch, roots } = KNOWN_AS[kind];
  const isRaw = file.endsWith(".raw");
  const switches = isRaw ? Object.entries(SWITCHES[arch] ?? {}) : [];
  return [
    "--arch",
    arch,
    ...(isRaw ? ["--image-format", "raw", "--base", `0x${base.toString(16)}`] : []),
    ...(isRaw || registers.CR3 === undefined
      ? Object.entries(roots).flatMap(([name, register]) => ["--root", `${name}=${registers[register]}`])
      : []),
    ...switches.flatMap(([name, [register, bit]]) => [
      "--switch",
      `${name}=${((BigInt(registers[register] ?? 0) >> bit) & 1n) === 1n ? "on" : "off"}`,
    ]),
  ];
};

/** Runs the command to its end. @returns what it printed @throws Error with what it complained of */
const inspect = (args) => {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [COMMAND, "inspect", ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    timeout: FIVE_MINUTES,
  });
  if (status !== 0) throw new Error(`portolan inspect ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
};

/** The words that the list has for entries that only the system understands. */
const softwareOf = (text) => {
  const [, physical] = /the page is there: physical (0x[0-9a-f]+)$/.exec(text) ?? [];
  if (physical !== undefined) return { kind: text.startsWith("nobody") ? "hidden" : "old", says: physical };
  const [, type, offset] = /swap type (\d+), offset (0x[0-9a-f]+)$/.exec(text) ?? [];
  if (type === undefined) throw new Error(`the list says of an entry: ${text}`);
  return { kind: "swapped", says: `swap ${type} ${offset}` };
};

/**
 * Everything that is compared, as far as it is asked for.
 * @returns `leaves` in the order of addresses; `software`: what the system means by other entries, by address; `written`: a list in the
 * words of QEMU's monitor; `walk`: one address's way
 */
export const inspectedAs = (manifest, path) => {
  const about = aboutOf(manifest, path);
  const os = ["--os", `linux-${shortRelease(manifest.release)}`];
  const leaves = [];
  const software = new Map();
  for (const line of inspect(["list", ...about, ...os, "--merge", "leaves", "--format", "json", path])
    .trimEnd()
    .split("\n")) {
    const row = JSON.parse(line);
    if (row.totals !== undefined) continue;
    const address = BigInt(row.first);
    if (row.software !== null) software.set(address, softwareOf(row.software));
    else leaves.push({ ...row, address, physical: BigInt(row.physical) });
  }
  return {
    leaves,
    software,
    page: manifest.page,
    written: (format) => inspect(["list", ...about, "--format", format, path]),
    walk: (address) => JSON.parse(inspect(["walk", ...about, ...os, "--json", path, `0x${address.toString(16)}`])),
  };
};
