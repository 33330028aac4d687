import { ia32 } from "@portolan/arch-ia32";
import { PortolanError } from "@portolan/core";
import { Guest, qemuVersion, type MachineProfile } from "@portolan/qemu-judge";
import { expect } from "chai";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A machine whose QEMU is a shell script of ours. */
const profile: MachineProfile = {
  name: "fake",
  architecture: ia32,
  qemu: { program: "qemu-system-fake", package: "qemu-system-fake", title: "nobody's", args: ["-M", "none"] },
  memory: "file",
  ram: { first: 0, bytes: 1 << 20 },
  cases: { first: 0, bytes: 1 << 20 },
  stub: "none.bin",
  mailbox: { at: 0, wordBytes: 4, order: "little" },
  slot: { bytes: 16, dataOffset: 8, dataBytes: 4, make: () => new Uint8Array(16) },
  registers: () => [],
  trap: () => ({ trap: "none", code: 0 }),
  explanations: [],
};

const GREETING = `echo '{"QMP": {"version": {}}}'; read line; echo '{"return": {}}'`;
const IMPATIENT = { start: 1, round: 1 };

describe("a guest that does not come up", () => {
  const folder = mkdtempSync(join(tmpdir(), "portolan-fake-"));
  const path = process.env["PATH"] ?? "";
  const temporary = process.env["TMPDIR"];
  before(() => {
    process.env["PATH"] = `${folder}:${path}`;
    // Guests of other tests come and go meanwhile.
    process.env["TMPDIR"] = folder;
  });
  after(() => {
    process.env["PATH"] = path;
    if (temporary === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporary;
    rmSync(folder, { recursive: true });
  });

  /** What QEMU does when it is started; it tells its version always. */
  const fake = (does: string, version = "7.2.22"): void => {
    const file = join(folder, "qemu-system-fake");
    writeFileSync(file, `#!/bin/sh\nif [ "$1" = --version ]; then echo "QEMU emulator version ${version}"; exit 0; fi\n${does}\n`);
    chmodSync(file, 0o755);
  };
  const started = async (): Promise<PortolanError> => {
    try {
      const guest = await Guest.start(profile, IMPATIENT);
      await guest.stop();
    } catch (error) {
      if (error instanceof PortolanError) return error;
      throw error;
    }
    throw new Error("it came up");
  };
  const leftovers = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("portolan-judge-"));
  const processes = (): string => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });

  it("is told as missing, with the package to install, where no such program is on PATH", async () => {
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_MISSING");
    expect(error.message).to.include("apt-get install --no-install-recommends qemu-system-fake");
  });

  it("is told as too old, with the version that it has and the oldest that would do", async () => {
    fake("exit 0", "5.2.0");
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_TOO_OLD");
    expect(error.values).to.include({ version: "5.2.0", oldest: "7.0" });
  });

  it("is told as failed where the program tells no version", () => {
    const file = join(folder, "qemu-system-fake");
    writeFileSync(file, "#!/bin/sh\necho hello\n");
    chmodSync(file, 0o755);
    expect(() => qemuVersion("qemu-system-fake", "any"))
      .to.throw(PortolanError)
      .with.property("code", "ERR_QEMU_FAILED");
  });

  it("repeats what QEMU says when it refuses the processor", async () => {
    fake("echo \"qemu-system-fake: unable to find CPU model 'z80'\" >&2; exit 1");
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_FAILED");
    expect(error.message).to.include("unable to find CPU model 'z80'").and.include("status 1");
  });

  it("ends a QEMU whose monitor is silent, and leaves neither process nor file behind", async () => {
    const before = leftovers();
    fake(`exec sleep 313${process.pid}`);
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_FAILED");
    expect(error.message).to.include("silent");
    expect(processes()).not.to.include(`sleep 313${process.pid}`);
    expect(leftovers()).to.deep.equal(before);
  });

  it("ends a QEMU whose stub never rings", async () => {
    const before = leftovers();
    // The file that would be its RAM is there, and nobody writes into it.
    fake(
      `for word in "$@"; do case $word in *mem-path=*) file=\${word#*mem-path=}; file=\${file%%,*}; head -c 1048576 /dev/zero > "$file";; esac; done\n${GREETING}\nexec sleep 314${process.pid}`,
    );
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_SILENT");
    expect(error.values).to.include({ machine: "fake", seconds: 1 });
    expect(processes()).not.to.include(`sleep 314${process.pid}`);
    expect(leftovers()).to.deep.equal(before);
  });

  it("tells of a QEMU that dies half-way with what it said last", async () => {
    fake(
      `for word in "$@"; do case $word in *mem-path=*) file=\${word#*mem-path=}; file=\${file%%,*}; head -c 1048576 /dev/zero > "$file";; esac; done\n${GREETING}\necho 'out of luck' >&2; exit 3`,
    );
    const error = await started();
    expect(error.code).to.equal("ERR_QEMU_FAILED");
    expect(error.message).to.include("status 3").and.include("out of luck");
  });
});
