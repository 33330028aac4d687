/** What runs in the guest: a script that starts one process, tells all about its memory on the serial console, and waits. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpio } from "./cpio.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const COMPILED = "-O1 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -Wl,--build-id=none".split(" ");
const DATA_BYTES = 64 * 1024;
/** A page for its head and eleven for others. */
const FIRST_AREA_KIB = 48;

/** The last line of the guest. */
export const MARKER = "== end";

/** The spinning process of the script where those are missing: the shell itself, a copy of the one that waits for it. */
const SHELL = "( echo ready >/ready; while :; do :; done ) &";
const PROGRAM = "/spinner >/ready &";

const script = (start) => `#!/bin/busybox sh
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox dmesg -n 1
# The first area is soon full, so that entries name both.
if [ -e /brd.ko ] && $busybox insmod /brd.ko rd_nr=2 rd_size=4096; then
  $busybox mkswap /dev/ram0 ${FIRST_AREA_KIB} >/dev/null && $busybox swapon /dev/ram0
  $busybox mkswap /dev/ram1 >/dev/null && $busybox swapon /dev/ram1
fi
# The kernel gives large pages to nobody on a machine as small as this, unless it is told to.
large=/sys/kernel/mm/transparent_hugepage/enabled
[ -e $large ] && echo always >$large
${start}
pid=$!
until [ -s /ready ]; do $busybox sleep 1; done
echo
echo "== release"
$busybox uname -r
echo "== swaps"
$busybox cat /proc/swaps
echo "== symbols"
$busybox grep -E ' (_text|_end|swapper_pg_dir|init_top_pgt|initial_page_table)$' /proc/kallsyms
echo "== iomem"
$busybox cat /proc/iomem
echo "== vmalloc"
$busybox cat /proc/vmallocinfo
$busybox cat /proc/$pid/maps >/maps
echo "== maps"
$busybox cat /maps
echo "== pagemap"
while read range rest; do
  first=\${range%-*}
  end=\${range#*-}
  # What the kernel shows at the top of the address space is not the process's.
  case $first in ffff????????????) continue ;; esac
  echo "= $first"
  $busybox dd if=/proc/$pid/pagemap bs=8 skip=$((0x$first / 4096)) count=$(((0x$end - 0x$first) / 4096)) 2>/dev/null |
    $busybox hexdump -v -e '2/4 "%08x " "\\n"'
done </maps
echo "${MARKER}"
wait
`;

/** How the program is made, step by step: with a compiler on x86, with binutils for ARM. The last step makes `spinner`. */
const stepsFor = ({ debian, compilerFlag, binutils }) =>
  binutils === undefined
    ? [["gcc", compilerFlag, ...COMPILED, "-o", "spinner", join(HERE, "spinner.c")]]
    : [
        [`${binutils}-as`, "-o", "spinner.o", join(HERE, `spinner-${debian}.s`)],
        [`${binutils}-ld`, "-o", "spinner", "spinner.o"],
      ];

/** Our own program for this machine; null where the tools that make it are not there. */
const spinner = (machine) => {
  const folder = mkdtempSync(join(tmpdir(), "portolan-spinner-"));
  try {
    const isMade = stepsFor(machine).every(([program, ...args]) => spawnSync(program, args, { cwd: folder, timeout: 60_000 }).status === 0);
    return isMade ? readFileSync(join(folder, "spinner")) : null;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** A module as busybox loads it; null where it is packed and nothing is there that unpacks it. */
const unpackedModule = (path) => {
  if (path.endsWith(".ko")) return readFileSync(path);
  const { status, stdout } = spawnSync("xz", ["-dc", path], { maxBuffer: 2 ** 26, timeout: 60_000 });
  return status === 0 ? stdout : null;
};

/** The first file system. @returns it, and what spins in it */
export const firstFiles = ({ busybox, brd }, machine) => {
  const program = spinner(machine);
  const files = [
    { path: "dev", kind: "folder" },
    { path: "dev/console", kind: "device", mode: 0o600, device: [5, 1] },
    { path: "dev/null", kind: "device", mode: 0o666, device: [1, 3] },
    { path: "dev/ram0", kind: "disk", mode: 0o600, device: [1, 0] },
    { path: "dev/ram1", kind: "disk", mode: 0o600, device: [1, 1] },
    { path: "proc", kind: "folder" },
    { path: "sys", kind: "folder" },
    { path: "bin", kind: "folder" },
    { path: "bin/busybox", content: readFileSync(busybox) },
    { path: "init", content: Buffer.from(script(program === null ? SHELL : PROGRAM)) },
    { path: "data", mode: 0o644, content: Buffer.alloc(DATA_BYTES, "portolan ") },
  ];
  if (program !== null) files.push({ path: "spinner", content: program });
  const module = brd === null ? null : unpackedModule(brd);
  if (module !== null) files.push({ path: "brd.ko", content: module });
  return { archive: cpio(files), spins: program === null ? "busybox" : "spinner" };
};

/** What the guest told, part by part. */
const partsOf = (console) => {
  const parts = new Map();
  let lines = [];
  for (const line of console.replaceAll("\r", "").split("\n")) {
    if (line.startsWith("== ")) parts.set(line.slice(3), (lines = []));
    else if (line !== "") lines.push(line);
  }
  return (name) => parts.get(name) ?? [];
};

/**
 * The guest's own words as data.
 * @returns `release`; `swaps`, rows of the areas of swap space; `symbols` by name; `iomem` and `vmalloc` lines; `maps` rows; `pages`: `[address, pagemap entry]` for every page of
 * the rows that the guest tells about
 */
export const told = (console, page) => {
  const part = partsOf(console);
  const maps = part("maps").map((line) => {
    const [, first, end, rights, , , , path] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) (\S+) (\S+) (\S+)\s*(.*)$/.exec(line) ?? [];
    if (first === undefined) throw new Error(`the guest's maps have a line that is none: ${line}`);
    return { first: `0x${first}`, end: `0x${end}`, rights, path };
  });
  const pages = [];
  let address = 0n;
  for (const line of part("pagemap")) {
    if (line.startsWith("= ")) {
      address = BigInt(`0x${line.slice(2)}`);
      continue;
    }
    const [, low, high] = /^([0-9a-f]{8}) ([0-9a-f]{8})\s*$/.exec(line) ?? [];
    if (low === undefined) throw new Error(`the guest's pagemap has a line that is none: ${line}`);
    pages.push([address, BigInt(`0x${high}${low}`)]);
    address += BigInt(page);
  }
  const symbols = part("symbols").map((line) => line.split(" "));
  return {
    release: part("release")[0] ?? "?",
    swaps: part("swaps").slice(1),
    symbols: Object.fromEntries(symbols.map(([value, , name]) => [name, `0x${value}`])),
    iomem: part("iomem"),
    vmalloc: part("vmalloc"),
    maps,
    pages,
  };
};
