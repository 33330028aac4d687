/** Row 23: the command `inspect` on a sparse image of 4 GiB whose tables have a million leaves. Whole processes, from a cold start. */
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inTurn, median } from "../harness.mjs";

const PORTOLAN = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
const LEAVES = 1_000_000;
const PAGE = 4096;
const PER_TABLE = 512;
const FIRST_TABLE = 2 ** 20;
const USABLE = 7n;

/** Tables of amd64 from 4 KiB on; every page lies elsewhere than its neighbours do, so that none of them join. */
const writeImage = (path, bytes, leaves) => {
  const file = openSync(path, "w");
  const put = (at, count, entry) => {
    const words = BigUint64Array.from({ length: count }, (_, index) => entry(index) | USABLE);
    writeSync(file, new Uint8Array(words.buffer), 0, count * 8, at);
  };
  ftruncateSync(file, bytes);
  const tables = Math.ceil(leaves / PER_TABLE);
  const directories = Math.ceil(tables / PER_TABLE);
  put(PAGE, 1, () => BigInt(2 * PAGE));
  put(2 * PAGE, directories, (index) => BigInt((16 + index) * PAGE));
  for (let at = 0; at < directories; at += 1) {
    const here = Math.min(PER_TABLE, tables - at * PER_TABLE);
    put((16 + at) * PAGE, here, (index) => BigInt(FIRST_TABLE + (at * PER_TABLE + index) * PAGE));
  }
  for (let at = 0; at < tables; at += 1)
    put(FIRST_TABLE + at * PAGE, PER_TABLE, (index) => BigInt((((at * PER_TABLE + index) * 7919) % 2 ** 20) * PAGE));
  closeSync(file);
  return tables;
};

/** The same bytes, table by table, and nothing else. */
const READING = `const fs = require("node:fs"); const [path, count] = process.argv.slice(1); const file = fs.openSync(path); const table = Buffer.alloc(4096);
for (let at = 0; at < Number(count); at += 1) fs.readSync(file, table, 0, 4096, 2 ** 20 + at * 4096);`;

const TOLD =
  "process.on('exit', () => { const { user, system } = process.cpuUsage(); process.stderr.write(JSON.stringify([(user + system) / 1e3, process.resourceUsage().maxRSS])); });";

/** Milliseconds of processor time and KiB at most of a process, from its start to its end. */
const ran = (...args) => {
  const { status, stderr } = spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(TOLD)}`, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return JSON.parse(stderr);
};

export const images = async () => {
  const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
  try {
    const [large, small] = [join(folder, "large.raw"), join(folder, "small.raw")];
    const tables = writeImage(large, 2 ** 32, LEAVES);
    writeImage(small, FIRST_TABLE + tables * PAGE, LEAVES);
    const asked = ["--arch", "amd64", "--root", "0x1000"];
    const list = (path) => ran(PORTOLAN, "inspect", "list", ...asked, path);
    const rounds = { warmUp: 1, rounds: 5 };
    const listed = await inTurn(
      () => list(large)[0] / 1e3,
      () => ran("-e", READING, large, String(tables))[0] / 1e3,
      rounds,
    );
    const walked = await inTurn(
      () => ran(PORTOLAN, "inspect", "walk", ...asked, large, "0x12345678")[0],
      () => ran("-e", "0")[0],
      rounds,
    );
    const peaks = [large, small].map((path) => median(Array.from({ length: 3 }, () => list(path)[1] / 1024)));
    return [
      { what: "a million leaves listed as text", ...listed, figure: listed.ours, unit: "s", gate: 3, aim: 1.5 },
      { what: "one walk; peer: Node that does nothing", ...walked, figure: walked.ours, unit: "ms", gate: 150 },
      {
        what: "most memory of the list: 4 GiB over 9 MiB",
        ours: peaks[0],
        theirs: peaks[1],
        figure: peaks[0] / peaks[1],
        unit: "MiB",
        gate: 1.2,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
};
