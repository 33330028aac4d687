#!/usr/bin/env node
/** The command `portolan`. */
import { cli } from "./cli.js";

process.exitCode = await cli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  now: () => performance.now(),
});
