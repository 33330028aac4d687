/** Row 7: a translation that is not there: walk, fill, load. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ia32 } from "@portolan/arch-ia32";
import { USER } from "@portolan/core";
import { V86 } from "v86";
import { inTurn, processorTime, timed } from "../harness.mjs";
import { GUEST, GUEST_LOADS } from "../guests/miss.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const PAGES = 1024;
const ROUNDS = 500;
const BASE = 0x40_0000;
const FIRST = BASE / 4096;

/** v86 with a ROM of ours: each round is from the "m" on its serial port to the "h". */
const startV86 = () => {
  const rom = new Uint8Array(65_536);
  rom.set(GUEST);
  // The reset vector: a far jump to the start of the segment.
  rom.set([0xea, 0, 0, 0, 0xf0], 0xfff0);
  const build = dirname(createRequire(import.meta.url).resolve("v86"));
  const emulator = new V86({
    wasm_fn: async (env) => (await WebAssembly.instantiate(readFileSync(join(build, "v86.wasm")), env)).instance.exports,
    bios: { buffer: rom.buffer },
    memory_size: 64 * MIB,
    autostart: false,
    disable_keyboard: true,
    disable_mouse: true,
  });
  let begun = 0;
  let done = () => {};
  emulator.add_listener("serial0-output-byte", (byte) => {
    if (byte === "m".charCodeAt(0)) begun = processorTime();
    else if (begun > 0) done((processorTime() - begun) / GUEST_LOADS);
  });
  const ready = new Promise((resolve) => emulator.add_listener("emulator-ready", resolve));
  return {
    ready,
    round: () =>
      new Promise((resolve) => {
        begun = 0;
        done = (figure) => {
          begun = 0;
          void emulator.stop().then(() => resolve(figure));
        };
        void emulator.run();
      }),
    end: () => emulator.destroy(),
  };
};

/** Every load follows the invalidation of its page, as in the guest. */
const forgetAndLoad = new Function(
  "cpu",
  "asid",
  `let sum = 0;
  for (let round = 0; round < ${ROUNDS}; round += 1) {
    for (let page = ${FIRST}; page < ${FIRST + PAGES}; page += 1) {
      cpu.invalidatePages(asid, page, 1);
      sum ^= cpu.load32(page, 0, ${USER});
    }
  }
  return sum;`,
);

/** The same without: with far more pages than the TLB has entries, nearly every load misses, and evicts. */
const sweep = new Function(
  "cpu",
  `let sum = 0;
  for (let round = 0; round < ${ROUNDS}; round += 1) {
    for (let page = ${FIRST}; page < ${FIRST + PAGES}; page += 1) sum ^= cpu.load32(page, 0, ${USER});
  }
  return sum;`,
);

export const translateMiss = async () => {
  const { machine, space, cpu } = withSpace(ia32, { memoryBytes: 64 * MIB });
  anonymousArea(space, BASE, PAGES * 4096);
  for (let page = 0; page < PAGES; page += 1) machine.write32(BASE + page * 4096, page);
  const v86 = startV86();
  await v86.ready;
  const loads = PAGES * ROUNDS;
  const before = cpu.statistics.tlbMisses;
  const { asid } = space.context;
  const forgetting = await inTurn(() => timed(loads, () => forgetAndLoad(cpu, asid)), v86.round);
  const missed = cpu.statistics.tlbMisses - before;
  if (missed % loads !== 0) throw new Error("a load was not a miss");
  const sweeping = await inTurn(() => timed(loads, () => sweep(cpu)), v86.round);
  await v86.end();
  return [
    { what: "invalidate and load", ...forgetting, figure: forgetting.ratio, unit: "ns a load", gate: 0.6, aim: 0.3 },
    { what: "load from more pages than the TLB holds", ...sweeping, figure: sweeping.ratio, unit: "ns a load" },
  ];
};
