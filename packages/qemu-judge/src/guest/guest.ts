/** A machine inside QEMU with our stub on it, ready for accesses. */
import { PortolanError } from "@portolan/core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BELL_DONE, BELL_GO, BELL_READY, MAILBOX_WORDS, Words } from "../mailbox.js";
import type { MachineProfile } from "../machines/profile.js";
import { GuestMemory } from "./guest-memory.js";
import { QemuProcess, qemuVersion } from "./qemu-process.js";

/** How long things may take, in seconds. */
export interface Patience {
  /** An answer of QEMU's monitor, and then the stub's first sign of life. */
  readonly start: number;
  /** One round of accesses, at most a thousand. */
  readonly round: number;
}

const PATIENCE: Patience = { start: 20, round: 20 };
/** For so long a bell is looked at again and again; then with a rest between. */
const EAGER_MILLISECONDS = 2;

const stubPath = (file: string): string => fileURLToPath(new URL(`../../stubs/${file}`, import.meta.url));

export class Guest {
  readonly profile: MachineProfile;
  /** QEMU's, `"7.2.22"`. */
  readonly version: string;
  readonly memory: GuestMemory;
  readonly #qemu: QemuProcess;
  readonly #folder: string | null;
  readonly #bell: Words;
  readonly #patience: Patience;

  private constructor(
    profile: MachineProfile,
    version: string,
    qemu: QemuProcess,
    memory: GuestMemory,
    folder: string | null,
    patience: Patience,
  ) {
    this.#patience = patience;
    this.profile = profile;
    this.version = version;
    this.#qemu = qemu;
    this.memory = memory;
    this.#folder = folder;
    const { wordBytes, order } = profile.mailbox;
    this.#bell = new Words(new Uint8Array(wordBytes), wordBytes, order);
  }

  /**
   * Starts QEMU, and waits until the stub is up.
   * @throws PortolanError ERR_QEMU_MISSING, ERR_QEMU_TOO_OLD, ERR_QEMU_FAILED, ERR_QEMU_SILENT; nothing is left behind then
   */
  static async start(profile: MachineProfile, patience = PATIENCE): Promise<Guest> {
    const { qemu: how, ram } = profile;
    const version = qemuVersion(how.program, how.package);
    const folder = profile.memory === "file" ? mkdtempSync(join(tmpdir(), "portolan-judge-")) : null;
    const file = folder === null ? "" : join(folder, "ram");
    const backend = folder === null ? [] : ["-object", `memory-backend-file,id=ram,size=${ram.bytes},mem-path=${file},share=on`];
    const args = [...backend, ...how.args.map((arg) => arg.replaceAll("{stub}", stubPath(profile.stub)))];
    let qemu: QemuProcess | null = null;
    let memory: GuestMemory | null = null;
    try {
      qemu = await QemuProcess.start(how.program, how.package, args, patience.start);
      memory = folder === null ? await Guest.#ofProcess(qemu, ram.first) : new GuestMemory(file, -ram.first);
      const guest = new Guest(profile, version, qemu, memory, folder, patience);
      await guest.#until(BELL_READY, patience.start);
      return guest;
    } catch (error) {
      memory?.close();
      await qemu?.stop();
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Where RAM lies in QEMU's own memory, as its monitor says. */
  static async #ofProcess(qemu: QemuProcess, first: number): Promise<GuestMemory> {
    const said = await qemu.monitor(`gpa2hva ${first}`);
    const host = /is (0x[0-9a-f]+)/.exec(said)?.[1];
    if (host === undefined) throw qemu.failure(`it does not tell where its RAM lies: ${said}`);
    return new GuestMemory(`/proc/${qemu.pid}/mem`, Number(host) - first);
  }

  /** A mailbox to fill; only what is written to the guest counts. */
  get mailboxWords(): Words {
    const { wordBytes, order } = this.profile.mailbox;
    return new Words(new Uint8Array(MAILBOX_WORDS * wordBytes), wordBytes, order);
  }

  /**
   * Rings, and waits until the stub has rung back.
   * @throws PortolanError ERR_QEMU_FAILED if QEMU is gone, ERR_QEMU_SILENT if the stub did not come back in time
   */
  async go(): Promise<void> {
    this.#bell.set(0, BELL_GO);
    this.memory.write(this.profile.mailbox.at, this.#bell.bytes);
    await this.#until(BELL_DONE, this.#patience.round);
  }

  /** Ends QEMU and removes its RAM. */
  async stop(): Promise<void> {
    this.memory.close();
    await this.#qemu.stop();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #until(value: number, seconds: number): Promise<void> {
    const began = Date.now();
    for (;;) {
      this.memory.read(this.profile.mailbox.at, this.#bell.bytes);
      if (Number(this.#bell.get(0)) === value) return;
      const spent = Date.now() - began;
      if (spent < EAGER_MILLISECONDS) continue;
      if (this.#qemu.end !== null) throw this.#qemu.failure(this.#qemu.end);
      if (spent > seconds * 1000)
        throw new PortolanError("ERR_QEMU_SILENT", { program: this.profile.qemu.program, machine: this.profile.name, seconds });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
