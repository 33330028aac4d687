/**
 * `npm run mutation [-- [--again] [--timeouts] [--fast] FOLDER…]`: StrykerJS changes the sources one small thing at a time and asks whether a test
 * notices. It works on a private copy of the workspace, so that links between packages lead to what is mutated and nobody's
 * files change. Results lie in coverage/mutation; the table of docs/mutation.md is written from them.
 *
 * `--again` tries only what survived the last time: after tests were added. It is right as long as the sources stay as they were.
 * `--timeouts` tries those again that seemed never to end: on a machine with much else to do a test may only have been slow.
 * `--page` tries nothing, and writes the page from the results that are there.
 * `--fast` leaves the slow tests out: what then lives, they may kill yet.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openly, prepare, root } from "./bootstrap.mjs";
import { EXPLAINED, REASONS } from "./mutation-explained.mjs";
import { FOLDERS } from "./mutation-folders.mjs";

/** Stryker wants a newer Node than Portolan does, and its runner knows the inner files of mocha 11. */
const TOOLS = ["node@22.23.3", "@stryker-mutator/core@10.0.0", "@stryker-mutator/mocha-runner@10.0.0", "mocha@11.8.0"];
const tools = join(root, "node_modules", ".cache", "mutation");
const reports = join(root, "coverage", "mutation");
const page = join(root, "docs", "mutation.md");
const LIVING = new Set(["Survived", "NoCoverage"]);
/** With a runtime error not even the tests can be loaded. */
const NOTICED = ["Killed", "Timeout", "RuntimeError"];

const bring = () => {
  const stamp = join(tools, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === TOOLS.join(" ")) return;
  mkdirSync(tools, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--no-save", "--loglevel", "error", "--engine-strict", "false"];
  if (openly("npm", ["install", "--prefix", tools, ...quiet, ...TOOLS], { cwd: tools }) !== 0) process.exit(1);
  writeFileSync(stamp, TOOLS.join(" "));
};

/** The workspace as it is built now; of what is installed, links. Mocha is the one that Stryker knows. */
const copy = (folder) => {
  const home = join(tmpdir(), "portolan-mutation", fileOf(folder));
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(home, "node_modules"), { recursive: true });
  const options = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true };
  for (const name of ["packages", "docs", "examples", "package.json", "tsconfig.json", "tsconfig.base.json"]) {
    cpSync(join(root, name), join(home, name), options);
  }
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "mocha" && name !== ".cache") symlinkSync(join(root, "node_modules", name), join(home, "node_modules", name));
  }
  symlinkSync(join(tools, "node_modules", "mocha"), join(home, "node_modules", "mocha"));
  // What is mutated need not agree with the types; whether it was built shows when no test reaches a mutant.
  writeFileSync(
    join(home, "build.mjs"),
    `import { spawnSync } from "node:child_process";
     spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-b", process.argv[2]]);`,
  );
  // A property that fails has answered: the smallest counterexample is of no interest here. One that has no seed gets one.
  writeFileSync(join(home, "preload.mjs"), `import fc from "fast-check"; fc.configureGlobal({ endOnFailure: true, seed: 1 });`);
  return home;
};

const run = (folder, mutate, spec) => {
  const home = copy(folder);
  const [, inPackage] = /^(packages\/[^/]+)\//.exec(FOLDERS[folder].mutate[0]);
  const options = {
    testRunner: "mocha",
    plugins: [join(tools, "node_modules/@stryker-mutator/mocha-runner/dist/src/index.js")],
    inPlace: true,
    mutate,
    // A word that is no member of its union is refused by the compiler; all other words are wording.
    mutator: { excludedMutations: ["StringLiteral"] },
    coverageAnalysis: "perTest",
    mochaOptions: { spec, require: ["./preload.mjs"] },
    buildCommand: `node build.mjs ${inPackage}`,
    // What a mutant writes where a module keeps something would spoil all that are tried after it in the same process.
    maxTestRunnerReuse: 1,
    concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 2),
    timeoutMS: 2000,
    timeoutFactor: 2,
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: "report.json" },
    allowConsoleColors: false,
    disableTypeChecks: true,
  };
  writeFileSync(join(home, "stryker.json"), JSON.stringify(options, null, 2));
  const program = join(tools, "node_modules/@stryker-mutator/core/bin/stryker.js");
  const path = `${join(tools, "node_modules/.bin")}:${process.env.PATH}`;
  const status = openly(join(tools, "node_modules/.bin/node"), [program, "run", "stryker.json"], {
    cwd: home,
    env: { ...process.env, PATH: path },
  });
  if (status !== 0) process.exit(status);
  const { files } = JSON.parse(readFileSync(join(home, "report.json"), "utf8"));
  rmSync(home, { recursive: true, force: true });
  const mutants = [];
  for (const [file, { source, mutants: found }] of Object.entries(files)) {
    const lines = source.split("\n");
    for (const { mutatorName, replacement, location, status: fate } of found) {
      const { start, end } = location;
      const text = lines.slice(start.line - 1, end.line);
      text[text.length - 1] = text.at(-1).slice(0, end.column - 1);
      text[0] = text[0].slice(start.column - 1);
      mutants.push({ file, mutator: mutatorName, start, end, was: text.join("\n"), is: replacement, fate });
    }
  }
  return mutants;
};

const sameAs = (one) => JSON.stringify([one.file, one.mutator, one.start, one.end, one.is]);
const placeOf = ({ file, start, end }) => `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;

/** Tries the living among `mutants` once more with other tests, or others too. */
const again = (folder, mutants, spec, isMeant = ({ fate }) => LIVING.has(fate)) => {
  const places = [...new Set(mutants.filter(isMeant).map(placeOf))];
  if (places.length === 0) return mutants;
  const fates = new Map(run(folder, places, spec).map((mutant) => [sameAs(mutant), mutant.fate]));
  return mutants.map((mutant) => (isMeant(mutant) ? { ...mutant, fate: fates.get(sameAs(mutant)) ?? mutant.fate } : mutant));
};

const specsOf = (names) => names.map((name) => name.replace(/^([^/]+)\//, "packages/$1/dist-test/").concat(".test.js"));
/** The name of a folder, or of a part of one, as files may be named. */
const fileOf = (folder) => folder.replaceAll(/:? /g, "-");
const reportOf = (folder) => join(reports, `${fileOf(folder)}.json`);
const read = (folder) => JSON.parse(readFileSync(reportOf(folder), "utf8"));
const write = (folder, mutants) => {
  mkdirSync(reports, { recursive: true });
  writeFileSync(reportOf(folder), `[\n${mutants.map((mutant) => JSON.stringify(mutant)).join(",\n")}\n]\n`);
};

const tried = (folder, { isAgain, isFast, isTimeouts }) => {
  const { mutate, fast, slow } = FOLDERS[folder];
  if (isTimeouts) {
    const mutants = again(folder, read(folder), specsOf(isFast ? fast : [...fast, ...slow]), ({ fate }) => fate === "Timeout");
    write(folder, mutants);
    return mutants;
  }
  let mutants = isAgain && existsSync(reportOf(folder)) ? again(folder, read(folder), specsOf(fast)) : run(folder, mutate, specsOf(fast));
  write(folder, mutants);
  if (slow.length > 0 && !isFast) {
    mutants = again(folder, mutants, specsOf([...fast, ...slow]));
    write(folder, mutants);
  }
  return mutants;
};

const count = (mutants, ...fates) => mutants.filter(({ fate }) => fates.includes(fate)).length;

const squeezed = (text) => text.replace(/\s+/g, " ");

const lineOf = ({ file, start }) => readFileSync(join(root, file), "utf8").split("\n")[start.line - 1] ?? "";

/** Is there a reason why this mutant may live? */
const isExplained = (mutant) =>
  EXPLAINED.some(
    (entry) =>
      entry.file === mutant.file &&
      entry.mutants.some(
        ([from, to, within = ""]) =>
          from === squeezed(mutant.was) && [to].flat().includes(squeezed(mutant.is)) && lineOf(mutant).includes(within),
      ),
  );

/** What stands now where a mutant was tried. */
const textAt = ({ file, start, end }) => {
  if (!existsSync(join(root, file))) return null;
  const text = readFileSync(join(root, file), "utf8")
    .split("\n")
    .slice(start.line - 1, end.line);
  if (text.length === 0) return null;
  text[text.length - 1] = text.at(-1).slice(0, end.column - 1);
  text[0] = text[0].slice(start.column - 1);
  return text.join("\n");
};

/** Have sources changed since, so that figures are those of a former state? */
const isPast = (folder) => read(folder).some((mutant) => textAt(mutant) !== mutant.was);

/** One row of the table: what was tried, what was noticed, and of the rest what has a reason. */
const rowOf = (folder) => {
  const mutants = read(folder);
  const killed = count(mutants, ...NOTICED);
  const living = mutants.filter(({ fate }) => LIVING.has(fate));
  const total = killed + living.length;
  const explained = living.filter(isExplained).length;
  const score = ((100 * killed) / total).toFixed(1);
  return `| \`${folder}\` | ${total} | ${killed} | ${score} % | ${explained} | ${living.length - explained} |`;
};

const writePage = () => {
  const before = readFileSync(page, "utf8").split("\n");
  /** Reasons are looked for in sources as they are: where those have changed the row stays as it was, and says so. */
  const past = (folder) => {
    const row = before.find((line) => line.startsWith(`| \`${folder}\``));
    return row === undefined || row.includes("not run")
      ? `| \`${folder}\` | not run | | | | |`
      : row.replace(/^\| (`[^`]+`)[^|]*/, "| $1 † ");
  };
  const rows = all.map((folder) => {
    if (!existsSync(reportOf(folder))) return `| \`${folder}\` | not run | | | | |`;
    return isPast(folder) ? past(folder) : rowOf(folder);
  });
  const table = ["| folder | mutants | killed | score | explained | to do |", "| --- | ---: | ---: | ---: | ---: | ---: |", ...rows].join(
    "\n",
  );
  const reasons = Object.entries(REASONS).flatMap(([kind, says]) => [
    `**${kind}**: ${says}.`,
    "",
    ...EXPLAINED.filter(({ why }) => why === kind).map(({ file, because }) => `- \`${file.replace(/^packages\//, "")}\`: ${because}`),
    "",
  ]);
  const put = (text, name, lines) =>
    text.replace(new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end of ${name} -->)`), (_, from, to) => `${from}${lines}\n${to}`);
  const text = put(readFileSync(page, "utf8"), "scores", table);
  writeFileSync(page, put(text, "reasons", reasons.join("\n").trimEnd()));
};

const asked = process.argv.slice(2);
const all = Object.keys(FOLDERS);
/** A folder in parts is named by its name, or part by part. */
const named = (name) => all.filter((folder) => name === folder || name === fileOf(folder) || folder.startsWith(`${name}: `));
const wanted = asked.filter((name) => !name.startsWith("--"));
const unknown = wanted.filter((name) => named(name).length === 0);
if (unknown.length > 0) {
  console.error(`no such folder: ${unknown.join(", ")}; there are ${all.map(fileOf).join(", ")}`);
  process.exit(2);
}
const meant = wanted.length === 0 ? all : wanted.flatMap(named);
const folders = asked.includes("--page") ? [] : meant;
if (folders.length > 0) {
  prepare();
  bring();
}
for (const folder of folders) {
  const mutants = tried(folder, {
    isAgain: asked.includes("--again"),
    isFast: asked.includes("--fast"),
    isTimeouts: asked.includes("--timeouts"),
  });
  for (const mutant of mutants) {
    const { file, mutator, start, was, is, fate } = mutant;
    if (!LIVING.has(fate) || isExplained(mutant)) continue;
    const short = (text) => squeezed(text).slice(0, 120);
    console.log(`${fate} ${basename(file)}:${start.line}:${start.column} ${mutator}: ${short(was)} → ${short(is)}`);
  }
  console.log(rowOf(folder));
}
writePage();
