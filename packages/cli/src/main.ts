#!/usr/bin/env node
/** The command `portolan`. */
import { cli } from "./cli.js";

// Whoever reads may stop reading (`| head`): the work goes on, and its exit status tells.
process.stdout.on("error", (error: Error & { readonly code?: string }) => {
  if (error.code === "EPIPE") return;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

// Where nobody hears complaints either, the exit status still tells.
process.stderr.on("error", () => {});

process.exitCode = await cli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  now: () => performance.now(),
});
