/**
 * `npm run bench [-- ROW …]`: runs the rows, each in a process of its own, and prints both sides, the ratio and the gate.
 * A run of all rows writes RESULTS.md.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROWS } from "./rows/index.mjs";

const digits = (value) => (value === undefined || Number.isNaN(value) ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(2));

const verdict = ({ figure, gate, aim, note }) => {
  if (gate === undefined) return note ?? "";
  if (Number.isNaN(figure)) return note;
  if (figure > gate) return "**missed**";
  return aim !== undefined && figure <= aim ? "held, aim reached" : "held";
};

const gcc = () => {
  const { status, stdout } = spawnSync("gcc", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : "no gcc";
};

const machine = () => {
  const [first] = cpus();
  const distribution = /PRETTY_NAME="(.*)"/.exec(readIfThere("/etc/os-release"))?.[1] ?? type();
  const cores = `${cpus().length} × ${first.model.trim()}${first.speed > 0 ? `, ${first.speed} MHz` : ""}`;
  return `${cores}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${distribution} (${type()} ${release()}), Node ${process.version}, ${gcc()}`;
};

const readIfThere = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const HEAD = "| row | what | Portolan | peer | ratio or figure | gate | aim | |\n| --- | --- | --- | --- | --- | --- | --- | --- |";

const lineOf = (number, line) => {
  const { what, ours, theirs, figure, unit, gate, aim } = line;
  return `| ${number} | ${what} | ${digits(ours)} ${unit} | ${theirs === undefined ? "–" : digits(theirs)} | ${digits(figure)} | ${gate === undefined ? "" : `≤ ${gate}`} | ${aim === undefined ? "" : `≤ ${aim}`} | ${verdict(line)} |`;
};

const runRow = (number) => {
  const { stdout, status, stderr } = spawnSync(process.execPath, [import.meta.filename, "--row", String(number)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (status !== 0) throw new Error(`row ${number} has failed:\n${stderr}`);
  return JSON.parse(stdout, (_, value) => (value === null ? Number.NaN : value));
};

/** Of a row run in several processes: each line as the process tells it whose figure is in the middle. */
const medianLines = (runs) =>
  runs[0].map((_, index) => runs.map((lines) => lines[index]).toSorted((one, other) => one.figure - other.figure)[runs.length >> 1]);

/** What was held, missed and reached, in sentences. */
const summary = (lines) => {
  const gated = lines.filter(({ gate }) => gate !== undefined);
  const name = ({ row, what }) => `${row} (${what})`;
  const list = (some) => (some.length === 0 ? "none" : some.map(name).join("; "));
  return [
    `Gates held: ${gated.filter(({ figure, gate }) => figure <= gate).length} of ${gated.length}.`,
    `Gates missed: ${list(gated.filter(({ figure, gate }) => figure > gate))}.`,
    `Not measured: ${list(gated.filter(({ figure }) => Number.isNaN(figure)))}.`,
    `Aims reached: ${list(gated.filter(({ figure, aim }) => aim !== undefined && figure <= aim))}.`,
    `Aims not reached: ${list(gated.filter(({ figure, aim }) => aim !== undefined && figure > aim))}.`,
  ];
};

const all = (numbers) => {
  const description = machine();
  console.log(description);
  if (description.endsWith("no gcc")) {
    console.log("Rows 1, 2, 12 and 13 need gcc for their peers (Debian: apt-get install gcc libc6-dev); without it only our side runs.");
  }
  const busy = loadavg()[0].toFixed(1);
  const parts = [];
  const told = [];
  for (const { number, title, peer, processes = 1 } of ROWS) {
    if (numbers.length > 0 && !numbers.includes(number)) continue;
    const heading = `${number}. ${title}${peer === null ? "" : `; peer: ${peer}`}`;
    console.log(`\n${heading}`);
    const lines = medianLines(Array.from({ length: processes }, () => runRow(number)));
    for (const line of lines) {
      console.log(lineOf(number, line));
      told.push({ row: number, ...line });
    }
    parts.push(`## ${heading}\n\n${HEAD}\n${lines.map((line) => lineOf(number, line)).join("\n")}\n`);
  }
  const sentences = summary(told);
  console.log(`\n${sentences.join("\n")}`);
  if (numbers.length === 0) {
    const intro =
      "Written by `npm run bench`. Both sides of a row run in turn, round by round (rows 7 and 22 in five processes, of which the middle one is told); figures are medians of processor time (so that other programs on the machine count less), ratios the median of the rounds' ratios. Absolute figures belong to this machine and this hour; ratios travel better.";
    writeFileSync(
      join(import.meta.dirname, "RESULTS.md"),
      `# Results\n\n${intro}\n\nMachine: ${description}.\n\nDate: ${new Date().toISOString().slice(0, 10)}; load average when the run began: ${busy}.\n\n${sentences.map((sentence) => `- ${sentence}`).join("\n")}\n\n${parts.join("\n")}`,
    );
  }
  return told.some(({ gate, figure }) => gate !== undefined && figure > gate) ? 1 : 0;
};

const args = process.argv.slice(2);
if (args[0] === "--row") {
  const row = ROWS.find(({ number }) => number === Number(args[1]));
  process.stdout.write(JSON.stringify(await row.run()));
  // An emulator keeps timers.
  process.exit(0);
}
const numbers = args.map(Number);
const unknown = numbers.filter((number) => !ROWS.some((row) => row.number === number));
if (unknown.length > 0) {
  console.error(
    `There is no row ${args.find((arg) => !ROWS.some((row) => row.number === Number(arg)))}. Rows: ${ROWS.map(({ number }) => number).join(", ")}.`,
  );
  process.exit(2);
}
process.exit(all(numbers));
