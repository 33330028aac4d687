#!/usr/bin/env node
/** The command `portolan`. */
import { cli } from "./cli.js";

// Whoever reads may stop reading (`| head`): work goes on, and its exit status tells; lists end there.
let isUnread = false;
process.stdout.on("error", (error: Error & { readonly code?: string }) => {
  isUnread = true;
  if (error.code === "EPIPE") return;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

// Where nobody hears complaints either, the exit status still tells.
process.stderr.on("error", () => {});

/** A pipe takes what its reader takes; one that nobody reads any more is never full. */
const drained = (): Promise<void> =>
  process.stdout.writableNeedDrain && !process.stdout.destroyed
    ? new Promise((resolve) => {
        const go = (): void => {
          process.stdout.off("drain", go).off("error", go).off("close", go);
          resolve();
        };
        process.stdout.on("drain", go).on("error", go).on("close", go);
      })
    : Promise.resolve();

/** Colours are for people who look: a file, a pipe or the log of a CI server gets words alone, unless somebody insists. */
const hasColours = (): boolean => {
  const { FORCE_COLOR: forced, NO_COLOR: refused } = process.env;
  if (refused !== undefined && refused !== "") return false;
  if (forced !== undefined) return !["", "0", "false"].includes(forced);
  return process.stderr.isTTY && process.stderr.hasColors();
};

process.exitCode = await cli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  bytes: (bytes) => void process.stdout.write(bytes),
  drained,
  isUnread: () => isUnread,
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  hasColours: hasColours(),
  now: () => performance.now(),
});
