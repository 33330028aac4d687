/** Row 22: what it costs that somebody could listen, and that somebody does. */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ia32 } from "@portolan/arch-ia32";
import * as core from "@portolan/core";
import { inTurn, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const PAGES = 8192;
const BASE = 0x40_0000;
const PAIRS = 20_000;

/** The core as it is built, with every question "does somebody listen?" answered no before it is asked. */
const withoutHooks = async () => {
  const dist = dirname(fileURLToPath(import.meta.resolve("@portolan/core")));
  const home = join(dist, "..", "node_modules", ".cache", `hookless-${process.pid}`);
  mkdirSync(home, { recursive: true });
  cpSync(dist, home, { recursive: true });
  // It resolves its own imports as the package does, and is ESM as it is.
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  let hooks = 0;
  for (const name of readdirSync(home, { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const path = join(home, name);
    const text = readFileSync(path, "utf8").replaceAll(/(?:[\w#]+\.)*sink !== null/g, () => {
      hooks += 1;
      return "false";
    });
    writeFileSync(path, text);
  }
  if (hooks < 20) throw new Error("the hooks were not found");
  const module = await import(pathToFileURL(join(home, "index.js")).href);
  return { module, end: () => rmSync(home, { recursive: true }) };
};

/** Programs' lives in small: pages come in, are read again and again, areas come and go. One machine each. */
const lives = (architecture, module, sink) => {
  const machine = withSpace(architecture, { memoryBytes: 64 * MIB, ...(sink === null ? {} : { onEvent: sink }) }, module);
  const { space, cpu } = machine;
  const first = BASE / 2 ** architecture.hardwarePageShift;
  return {
    pages: () => {
      anonymousArea(space, BASE, PAGES * 4096, module.anonymous);
      const figure = timed(PAGES, () => {
        for (let page = first; page < first + PAGES; page += 1) {
          while (!cpu.store8(page, 0, 1, core.USER)) if (!machine.machine.serveFault(0)) throw new Error("a store was refused");
        }
      });
      space.destroyArea(BASE);
      return figure;
    },
    areas: () =>
      timed(PAIRS, () => {
        for (let pair = 0; pair < PAIRS; pair += 1) {
          anonymousArea(space, BASE + (pair & 255) * 8192, 4096, module.anonymous);
          space.destroyArea(BASE + (pair & 255) * 8192);
        }
      }),
    misses: () => {
      anonymousArea(space, BASE, 1024 * 4096, module.anonymous);
      for (let page = 0; page < 1024; page += 1) machine.machine.write32(BASE + page * 4096, 1);
      let sum = 0;
      const figure = timed(1024 * 200, () => {
        for (let round = 0; round < 200; round += 1) {
          for (let page = first; page < first + 1024; page += 1) sum += cpu.load32(page, 0, core.USER);
        }
      });
      space.destroyArea(BASE);
      if (sum !== 1024 * 200) throw new Error("the machine's memory does not hold what was written");
      return figure;
    },
  };
};

export const events = async () => {
  const { module: bare, end } = await withoutHooks();
  let heard = 0;
  const listen = () => {
    heard += 1;
  };
  const options = { warmUp: 5, rounds: 23 };
  const lines = [];
  const rounds = [
    ["pages", "first store to a page", "ns a page"],
    ["areas", "area created and destroyed", "ns a pair"],
    ["misses", "load that misses the TLB", "ns a load"],
  ];
  // Nobody has listened yet: afterwards the code is compiled for both.
  for (const [work, what, unit] of rounds) {
    const off = lives(ia32, core, null)[work];
    const without = lives(ia32, bare, null)[work];
    const quiet = await inTurn(off, without, options);
    lines.push({ what: `${what}: nobody listens, over no hooks`, ...quiet, figure: quiet.ratio, unit, gate: 1.05 });
  }
  for (const [work, what, unit] of rounds) {
    const on = lives(ia32, core, listen)[work];
    const off = lives(ia32, core, null)[work];
    const hooked = await inTurn(on, off, options);
    lines.push({ what: `${what}: somebody listens, over nobody`, ...hooked, figure: hooked.ratio, unit, gate: 1.5 });
  }
  end();
  if (heard === 0) throw new Error("nobody heard anything");
  return lines;
};
