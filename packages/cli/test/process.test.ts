import { expect } from "chai";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const TRACE = "examples/traces/sort.amd64.trace.gz";
const RUN = "run --arch ia32 --rebase --trace";

/** Runs a line of shell in which `portolan` is the command, with a directory of its own for what is put aside. */
const shell = (
  line: string,
  work: (ended: { status: number | null; out: string; err: string }, directory: string) => void,
  files: Readonly<Record<string, Uint8Array>> = {},
): void => {
  const directory = mkdtempSync(join(tmpdir(), "portolan-shell-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const script = `portolan() { "$NODE" packages/cli/dist/main.js "$@"; }\n${line}`;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NODE: process.execPath, TMPDIR: directory, DIR: directory },
    });
    work({ status, out: stdout, err: stderr }, directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
};

describe("the command as a process", () => {
  it("reads a trace from standard input and from a pipe, packed or not, and leaves nothing behind", () => {
    for (const line of [
      `cat ${TRACE} | portolan ${RUN} -`,
      `gzip -dc ${TRACE} | portolan ${RUN} -`,
      `mkfifo "$DIR/fifo"; cat ${TRACE} > "$DIR/fifo" & portolan ${RUN} "$DIR/fifo"; status=$?; rm "$DIR/fifo"; exit $status`,
    ]) {
      shell(line, ({ status, out, err }, directory) => {
        expect(err, line).to.equal("");
        expect(out, line).to.contain("1428457 lines").and.to.contain(" 0 wrong");
        expect(status, line).to.equal(0);
        expect(readdirSync(directory), line).to.deep.equal([]);
      });
    }
  });

  it("says that a compressed trace is cut off, and which one, and does not believe a damaged one", () => {
    const whole = readFileSync(join(root, TRACE));
    const damaged = new Uint8Array(whole);
    damaged.fill(0xa5, 100_000, 100_100);
    for (const [content, says] of [
      [whole.subarray(0, 300_000), "some.trace.gz"],
      [whole.subarray(0, 5), "some.trace.gz"],
      [damaged, ""],
    ] as const) {
      shell(
        `portolan ${RUN} "$DIR/some.trace.gz"`,
        ({ status, err }) => {
          expect(err).to.contain("ERR_BAD_TRACE").and.to.contain(says);
          expect(status).to.equal(1);
        },
        { "some.trace.gz": content },
      );
    }
  });

  it("leaves nothing behind when it is killed", async () => {
    const directory = mkdtempSync(join(tmpdir(), "portolan-killed-"));
    try {
      const env = { ...process.env, TMPDIR: directory };
      const args = ["packages/cli/dist/main.js", ...RUN.split(" "), "-"];
      const portolan = spawn(process.execPath, args, { cwd: root, env, stdio: ["pipe", "ignore", "ignore"] });
      const ended = once(portolan, "exit");
      // More than a pipe holds: once it has gone through, the trace is being put aside. It never ends.
      await new Promise((resolve) => portolan.stdin.write(new Uint8Array(2 ** 20).fill(10), resolve));
      portolan.kill("SIGKILL");
      expect(await ended).to.deep.equal([null, "SIGKILL"]);
      expect(readdirSync(directory)).to.deep.equal([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("gives up on text without end that is no trace", () => {
    shell(`yes | portolan ${RUN} -`, ({ status, err }, directory) => {
      expect(err).to.contain("ERR_BAD_TRACE").and.to.contain("standard input");
      expect(status).to.equal(1);
      expect(readdirSync(directory)).to.deep.equal([]);
    });
  });

  it("takes a program from a pipe", () => {
    shell(
      'mkfifo "$DIR/fifo"; cat examples/programs/words.i686.elf > "$DIR/fifo" & portolan run --arch ia32 "$DIR/fifo"',
      ({ status, out, err }) => {
        expect(err).to.equal("");
        expect(out).to.contain(" 0 wrong");
        expect(status).to.equal(0);
      },
    );
  });

  it("minds nobody who stops reading", () => {
    shell("portolan run --help | true; portolan run --arch ia32 examples/programs/sieve.i686.elf | true", ({ err }) =>
      expect(err).to.equal(""),
    );
  });

  it("ends with the status it should, also where nobody hears why", () => {
    shell('{ portolan run --arch vax x; echo $? > "$DIR/status"; } 2>&1 | true', (_ended, directory) =>
      expect(readFileSync(join(directory, "status"), "utf8")).to.equal("2\n"),
    );
  });

  it("is silent where it is asked to be, and its status tells", () => {
    shell("portolan run --quiet --arch ia32 examples/programs/words.i686.elf", (ended) =>
      expect(ended).to.deep.equal({ status: 0, out: "", err: "" }),
    );
    shell("portolan run -q --arch ia32 --memory 64K examples/programs/words.i686.elf", ({ status, out, err }) => {
      expect(out).to.equal("");
      expect(err).to.contain("refused");
      expect(status).to.equal(1);
    });
  });
});
