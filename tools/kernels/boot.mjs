/** A kernel that runs: started, watched until its guest has told everything, and stopped in the process that spins. */
import { openSync, readSync, closeSync, existsSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { QemuProcess } from "../../packages/qemu-judge/dist/guest/qemu-process.js";
import { MARKER } from "./guest.mjs";

/** The slowest of them takes forty seconds on a machine with nothing else to do. */
const LIMIT_MS = 120_000;
const LOOK_MS = 250;
/**
 * How long stops may fall into the kernel before one falls into the process. On a machine with much else to do the guest sees little but
 * its own timer.
 */
const STOPPING_MS = 120_000;
const SHORTEST_MS = 20;
const NICE = 10;
const MONITOR_SECONDS = 120;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What has come to a growing file. */
const reader = (path) => {
  let text = "";
  const chunk = Buffer.alloc(1 << 16);
  return () => {
    if (!existsSync(path)) return text;
    const file = openSync(path, "r");
    try {
      for (let count; (count = readSync(file, chunk, 0, chunk.length, text.length)) > 0;) text += chunk.toString("latin1", 0, count);
    } finally {
      closeSync(file);
    }
    return text;
  };
};

/**
 * Boots a machine up to the marker.
 * @returns the QEMU, which the caller ends, and the console's text
 * @throws Error with the end of the console if the time is over or the guest is
 */
export const boot = async (machine, { kernel, initrd }, folder) => {
  const console = join(folder, "console.txt");
  const parameters = `console=${machine.console} quiet loglevel=1 panic=-1 rdinit=/init ${machine.parameters}`.trim();
  const qemu = await QemuProcess.start(
    machine.qemu,
    machine.qemuPackage,
    [
      ...machine.args,
      "-m",
      `${machine.ramMib}`,
      "-nic",
      "none",
      "-serial",
      `file:${console}`,
      "-kernel",
      kernel,
      "-initrd",
      initrd,
      "-append",
      parameters,
    ],
    MONITOR_SECONDS,
  );
  try {
    setPriority(qemu.pid, NICE);
    const read = reader(console);
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const text = read();
      if (new RegExp(`^${MARKER}\r?$`, "m").test(text)) return { qemu, text, parameters };
      if (qemu.end !== null || Date.now() > deadline)
        throw new Error(
          `${machine.name}: ${qemu.end ?? `not ready after ${LIMIT_MS / 1000} s`}; its console ends with:\n${text.slice(-1500)}`,
        );
      await pause(LOOK_MS);
    }
  } catch (error) {
    await qemu.stop();
    throw error;
  }
};

/** Whether a processor's registers say that it ran a program. RISC-V's say only where: the spinning one lies below everything else. */
export const isInUserMode = (registers) => /CPL=3|EL0t|usr32|\bpc\s+0{11}[0-9a-f]{5}\b/.test(registers);

/** Stops the machine while it runs the process. @returns its registers as the monitor prints them */
export const stopInProcess = async (qemu) => {
  const deadline = Date.now() + STOPPING_MS;
  for (let tries = 1; ; tries++) {
    await qemu.monitor("stop");
    const registers = await qemu.monitor("info registers");
    if (isInUserMode(registers)) return registers;
    if (Date.now() > deadline) throw new Error(`${tries} stops in ${STOPPING_MS / 1000} s fell into the kernel; the process does not spin`);
    await qemu.monitor("cont");
    // Never in step with the guest's timer.
    await pause(SHORTEST_MS + ((tries * 37) % LOOK_MS));
  }
};
