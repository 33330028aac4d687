/** The running kernel's answers: compiles linux-calls.c once and lets it perform scripts. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lineOf, type Call } from "./calls.js";

const source = fileURLToPath(new URL("../../test/posix/linux-calls.c", import.meta.url));

/** What kernels differ in. */
export interface KernelFeatures {
  /** Since 6.17 a move that changes no length takes several mappings along. */
  readonly movesSeveral: boolean;
  /** Where a hint that is too low is moved to. Linux: the larger of vm.mmap_min_addr and what the kernel was configured with. */
  readonly lowest: bigint;
}

/** What the kernel answered: for each world, an answer to each call. */
export interface KernelAnswers {
  readonly features: KernelFeatures;
  readonly worlds: readonly (readonly string[])[];
}

/** A compiled program, or why there is none. */
export type Kernel =
  | { readonly ask: (worlds: readonly (readonly Call[])[]) => KernelAnswers; readonly close: () => void }
  | { readonly missing: string };

/** Gets ready to ask the kernel. Where that cannot be, says why. */
export const openKernel = (): Kernel => {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { missing: `this is ${process.platform} on ${process.arch}, not Linux on x64` };
  const folder = mkdtempSync(join(tmpdir(), "portolan-linux-"));
  const program = join(folder, "linux-calls");
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync("gcc", ["-static", "-no-pie", "-O1", "-mno-red-zone", "-o", program, source], { stdio: "pipe", timeout: 60_000 });
  } catch (error) {
    close();
    return {
      missing: `gcc cannot make a static program: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`,
    };
  }
  try {
    perform(program, [[]]);
  } catch (error) {
    close();
    return { missing: error instanceof Error ? error.message : String(error) };
  }
  return { ask: (worlds) => perform(program, worlds), close };
};

const perform = (program: string, worlds: readonly (readonly Call[])[]): KernelAnswers => {
  const input = worlds.map((calls) => ["world", ...calls.map(lineOf), ""].join("\n")).join("");
  const { status, stdout, stderr, error } = spawnSync(program, { input, encoding: "latin1", maxBuffer: 2 ** 30, timeout: 280_000 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`linux-calls ended with ${status}: ${stderr}`);
  const [head = "", ...texts] = stdout.split(/^world\n/m);
  const features = /movesSeveral=(\d) lowest=(\d+)/.exec(head);
  if (features === null) throw new Error(`linux-calls said nothing of the kernel: ${head}`);
  return {
    features: { movesSeveral: features[1] === "1", lowest: BigInt(features[2] ?? "0") },
    // An answer of several lines has them indented.
    worlds: texts.map((text) => text.replace(/\n$/, "").split(/\n(?! )/)),
  };
};
