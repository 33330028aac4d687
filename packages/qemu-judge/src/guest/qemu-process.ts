/**
 * A QEMU of ours: found, asked for its version, started, watched and ended. It never outlives this process: it is killed by its
 * number when this process ends in any way that Node sees, and by the kernel otherwise where `setpriv` is there to ask for that.
 */
import { PortolanError } from "@portolan/core";
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The first QEMU that is known to do what the stubs want. */
const OLDEST = 7;
/** How long it may take for its version, or for an answer of its monitor. */
const PATIENCE_SECONDS = 20;
const KEPT_WORDS = 2000;

/** Path of a program; null if it is nowhere on PATH. */
export const programPath = (name: string): string | null => {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one, perhaps.
    }
  }
  return null;
};

/**
 * `"7.2.22"`.
 * @throws PortolanError ERR_QEMU_MISSING with what to install, ERR_QEMU_TOO_OLD
 */
export const qemuVersion = (program: string, debianPackage: string): string => {
  const path = programPath(program);
  if (path === null)
    throw new PortolanError("ERR_QEMU_MISSING", { program, install: `apt-get install --no-install-recommends ${debianPackage}` });
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: PATIENCE_SECONDS * 1000, killSignal: "SIGKILL" });
  const version = /version (\d+(?:\.\d+)*)/.exec(stdout ?? "")?.[1];
  if (version === undefined) throw new PortolanError("ERR_QEMU_FAILED", { program, why: "it does not tell its version" });
  if (Number.parseInt(version, 10) < OLDEST) throw new PortolanError("ERR_QEMU_TOO_OLD", { program, version, oldest: `${OLDEST}.0` });
  return version;
};

/** One that runs. */
export class QemuProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #program: string;
  #said = "";
  #answers = "";
  #end: string | null = null;
  #waiting: (() => void) | null = null;
  readonly #kill = (): void => {
    this.#child.kill("SIGKILL");
  };

  readonly #patience: number;

  private constructor(program: string, child: ChildProcessWithoutNullStreams, patience: number) {
    this.#program = program;
    this.#patience = patience;
    this.#child = child;
    process.once("exit", this.#kill);
    child.stderr.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString("utf8")).slice(-KEPT_WORDS);
    });
    child.stdout.on("data", (data: Buffer) => {
      this.#answers += data.toString("utf8");
      this.#waiting?.();
    });
    child.stdin.on("error", () => {
      // It is gone; whoever waits for an answer is told so.
    });
    child.once("error", (error) => this.#ended(error.message));
    child.once("exit", (code, signal) =>
      this.#ended(signal === null ? `it ended with status ${code ?? "?"}` : `it was ended by ${signal}`),
    );
  }

  /**
   * Starts one with a monitor on its standard streams and nothing else.
   * @param patience seconds that its monitor may take for an answer
   * @throws PortolanError ERR_QEMU_MISSING, ERR_QEMU_TOO_OLD, ERR_QEMU_FAILED with what it said
   */
  static async start(program: string, debianPackage: string, args: readonly string[], patience = PATIENCE_SECONDS): Promise<QemuProcess> {
    qemuVersion(program, debianPackage);
    const path = programPath(program) ?? program;
    const all = [
      "-display",
      "none",
      "-nodefaults",
      "-no-user-config",
      "-no-reboot",
      "-accel",
      "tcg,thread=single",
      "-qmp",
      "stdio",
      ...args,
    ];
    const guard = programPath("setpriv");
    const child = guard === null ? spawn(path, all) : spawn(guard, ["--pdeathsig", "KILL", path, ...all]);
    const qemu = new QemuProcess(program, child, patience);
    try {
      await qemu.#answer('"QMP"');
      await qemu.#ask("qmp_capabilities", {});
    } catch (error) {
      await qemu.stop();
      throw error;
    }
    return qemu;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Why it is no longer there; null while it is. */
  get end(): string | null {
    return this.#end;
  }

  /** What the human monitor answers. */
  async monitor(command: string): Promise<string> {
    const line = await this.#ask("human-monitor-command", { "command-line": command });
    const { return: said } = JSON.parse(line) as { return?: unknown };
    return typeof said === "string" ? said : "";
  }

  /** The error for one that is gone, or does not answer. */
  failure(why: string): PortolanError {
    return new PortolanError("ERR_QEMU_FAILED", { program: this.#program, why: this.#end ?? why, said: this.#said.trim() });
  }

  /** Ends it, and waits until it is gone. */
  async stop(): Promise<void> {
    process.removeListener("exit", this.#kill);
    if (this.#end !== null) return;
    const gone = new Promise<void>((resolve) => {
      this.#child.once("exit", () => resolve());
    });
    this.#kill();
    await gone;
  }

  async #ask(execute: string, values: Readonly<Record<string, unknown>>): Promise<string> {
    this.#child.stdin.write(`${JSON.stringify({ execute, arguments: values })}\n`);
    return this.#answer('"return"', '"error"');
  }

  /** The next line that has one of these words; events pass by. */
  async #answer(...words: readonly string[]): Promise<string> {
    const deadline = Date.now() + this.#patience * 1000;
    for (;;) {
      const lines = this.#answers.split("\n");
      const index = lines.findIndex((line, i) => i < lines.length - 1 && words.some((word) => line.includes(word)));
      if (index >= 0) {
        this.#answers = lines.slice(index + 1).join("\n");
        return lines[index] ?? "";
      }
      if (this.#end !== null) throw this.failure(this.#end);
      const left = deadline - Date.now();
      if (left <= 0) throw this.failure(`its monitor is silent for ${this.#patience} s`);
      await this.#news(left);
    }
  }

  #news(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = null;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#waiting = done;
    });
  }

  #ended(why: string): void {
    this.#end ??= why;
    this.#waiting?.();
  }
}
