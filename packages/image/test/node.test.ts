/** Files: sparse ones of 4 GiB, and ones that other tools make or read. */
import { openImage, regionOf, regionsOf, writeElf, writeLime, writeRaw, type ImageProcessor } from "@portolan/image";
import { fileSource, writeToFile, type FileSource } from "@portolan/image/node";
import { expect } from "chai";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesAt, gather, readOf, refusal, regionsFor, watched } from "./fixture.js";

const GIB = 2 ** 30;

describe("images in files", () => {
  let folder = "";
  const open: FileSource[] = [];
  const file = (name: string): string => join(folder, name);
  const source = async (name: string): Promise<FileSource> => {
    const made = await fileSource(file(name));
    open.push(made);
    return made;
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "portolan-image-"));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((made) => made.close()));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are written with holes for zeros, and read as far as they are asked for: 4 GiB of which a page is there", async () => {
    const sparse = {
      first: 0,
      bytes: 4 * GIB,
      *contents() {
        const piece = new Uint8Array(2 ** 24);
        for (let i = 0; i < 256; i++) {
          piece[5] = i === 200 ? 77 : 0;
          yield piece;
        }
      },
    };
    expect(await writeToFile(file("big.elf"), writeElf([sparse], { bits: 64, byteOrder: "little", machine: 62 }))).to.equal(4 * GIB + 4096);
    expect(statSync(file("big.elf")).blocks * 512).to.be.lessThan(GIB);
    const asked = watched(await source("big.elf"));
    const image = await openImage(asked);
    expect(await readOf(image, 200 * 2 ** 24 + 4, 3)).to.deep.equal(Uint8Array.of(0, 77, 0));
    expect(
      asked.asked.reduce((sum, { count }) => sum + count, 0),
      "bytes that were read",
    ).to.be.at.most(16 * 4096);
  });

  it("go from one format to another without being in memory", async () => {
    const list = [0x1000, 0x10_0000].map((first) => ({ first, bytes: bytesAt(first, 300_000) }));
    await writeToFile(file("a.elf"), writeElf(regionsFor(list), { bits: 32, byteOrder: "big", machine: 20 }));
    await writeToFile(file("a.lime"), writeLime(regionsOf(await openImage(await source("a.elf")))));
    await writeToFile(file("a.raw"), writeRaw(regionsOf(await openImage(await source("a.lime")))));
    const image = await openImage(await source("a.raw"));
    for (const { first, bytes } of list) expect(await readOf(image, first, bytes.length)).to.deep.equal(bytes);
    expect(readFileSync(file("a.lime"))).to.deep.equal(Buffer.from(await gather(writeLime(regionsFor(list)))));
  });

  it("that become shorter while they are open are no images any more", async () => {
    writeFileSync(file("short.raw"), new Uint8Array(20_000));
    const image = await openImage(await source("short.raw"));
    truncateSync(file("short.raw"), 10_000);
    await refusal(readOf(image, 16_384, 4), "ERR_BAD_IMAGE");
  });

  it("that are not there are what the file system says", async () => {
    expect(await fileSource(file("nowhere")).catch((error: unknown) => (error as NodeJS.ErrnoException).code)).to.equal("ENOENT");
  });

  const machine: ImageProcessor = { registers: { RIP: 0xffff_ffff_8123_4567n, RSP: 0x1000n, RAX: 0x42n, CR3: 0x7000n } };

  it("are ELF cores for readelf", async function () {
    const list = [0x1000, 0x10_0000, 0x2000_0000].map((first) => regionOf(first, bytesAt(first, 4096)));
    for (const [bits, byteOrder, number] of [
      [64, "little", 62],
      [32, "little", 3],
      [64, "big", 43],
      [32, "big", 8],
    ] as const) {
      await writeToFile(
        file("r.elf"),
        writeElf(list, {
          bits,
          byteOrder,
          machine: number,
          processors: [machine],
          states: [{ machine: "m", registers: machine.registers, tlb: [] }],
          vmcoreinfo: "PAGESIZE=4096\n",
        }),
      );
      const { stdout, stderr, error } = spawnSync("readelf", ["-h", "-l", "-n", "-W", file("r.elf")], {
        encoding: "utf8",
        timeout: 20_000,
      });
      if (error !== undefined) this.skip();
      expect(stderr).to.equal("");
      expect(stdout)
        .to.match(new RegExp(`Class:\\s+ELF${bits}`))
        .and.match(/Type:\s+CORE/);
      const loads = Array.from(stdout.matchAll(/^ {2}LOAD\s+(\S+) (\S+) (\S+) (\S+) (\S+)/gm), ([, ...columns]) => columns.map(Number));
      expect(loads).to.deep.equal([0x1000, 0x10_0000, 0x2000_0000].map((first, i) => [0x1000 * (i + 1), 0, first, 0x1000, 0x1000]));
      expect(stdout)
        .to.match(/VMCOREINFO\s+0x0000000e/)
        .and.match(/PORTOLAN\s+0x0000004a\s+Unknown note type: \(0x504f5254\)/);
      if (number === 62 || number === 3)
        expect(stdout)
          .to.match(/CORE\s+0x00000(090|150)\s+NT_PRSTATUS/)
          .and.match(/QEMU\s+0x000001b8/);
    }
  });

  it("are ELF cores for gdb, which sees the registers", async function () {
    await writeToFile(
      file("g.elf"),
      writeElf([regionOf(0x1000, bytesAt(0x1000, 4096))], {
        bits: 64,
        byteOrder: "little",
        machine: 62,
        processors: [machine],
        states: [{ registers: machine.registers, tlb: [] }],
      }),
    );
    const commands = ["-batch", "-nx", "-ex", "info registers rip rax", "-c", file("g.elf")];
    const { stdout, error } = spawnSync("gdb", commands, { encoding: "utf8", timeout: 50_000 });
    if (error !== undefined) this.skip();
    expect(stdout)
      .to.match(/rip\s+0xffffffff81234567/)
      .and.match(/rax\s+0x42/);
  });

  const MICROVM = ["x86_64", "-M", "microvm", "-smp", "2"];

  /** A machine of 8 MiB that is stopped at reset, and what its monitor is told; false where there is no such QEMU. */
  const monitor = (commands: readonly string[], [kind = "", ...options]: readonly string[] = MICROVM): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const name = `qemu-system-${kind}`;
      const rest = ["-m", "8", "-S", "-nodefaults", "-display", "none", "-monitor", "stdio"];
      const qemu = spawn(name, [...options, ...rest], { cwd: folder, stdio: ["pipe", "ignore", "ignore"] });
      const limit = setTimeout(() => qemu.kill("SIGKILL"), 40_000);
      qemu.on("error", ({ code }: NodeJS.ErrnoException) => {
        clearTimeout(limit);
        if (code === "ENOENT") resolve(false);
        else reject(new Error(`${name}: ${code}`));
      });
      qemu.on("close", (status) => {
        clearTimeout(limit);
        if (status === 0) resolve(true);
        else reject(new Error(`${name} ended with ${status}`));
      });
      qemu.stdin.on("error", () => {});
      qemu.stdin.end([...commands, "quit", ""].join("\n"));
    });

  it("may be QEMU's: memory byte for byte as pmemsave has it, and both processors as they are at reset", async function () {
    const isThere = await monitor([
      "dump-guest-memory q.elf",
      "dump-guest-memory -p p.elf",
      "dump-guest-memory -z q.kdump",
      'pmemsave 0 0x800000 "q.raw"',
      'pmemsave 0xffff0000 0x10000 "top.raw"',
    ]);
    if (!isThere) this.skip();
    const image = await openImage(await source("q.elf"));
    expect(image.elf).to.deep.equal({ bits: 64, byteOrder: "little", machine: 3 });
    expect(image.remarks).to.deep.equal([]);
    expect(image.regions.map(({ first, bytes }) => [first, bytes])).to.deep.equal([
      [0, 0x80_0000],
      [0xffff_0000, 0x1_0000],
    ]);
    expect(Buffer.compare(await readOf(image, 0, 0x80_0000), readFileSync(file("q.raw")))).to.equal(0);
    const top = readFileSync(file("top.raw"));
    expect(
      top.some((byte) => byte !== 0),
      "the firmware is there",
    ).to.equal(true);
    expect(Buffer.compare(await readOf(image, 0xffff_0000, 0x1_0000), top)).to.equal(0);
    expect(image.processors).to.have.length(2);
    // Intel SDM vol. 3A, table 9-1: state after reset.
    for (const { registers } of image.processors) {
      expect(registers).to.include({
        CR0: 0x6000_0010n,
        CR3: 0n,
        RIP: 0xfff0n,
        RFLAGS: 2n,
        CS: 0xf000n,
        "CS.base": 0xffff_0000n,
        "IDTR.limit": 0xffffn,
      });
    }
    expect((await openImage(await source("p.elf"))).regions.map(({ bytes }) => bytes)).to.deep.equal([0x80_0000, 0x1_0000]);
    expect((await refusal(openImage(await source("q.kdump")), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(/flattened form, as QEMU/);
    // What we write of it is the same memory and the same processors.
    const { elf, processors } = image;
    if (elf === undefined) throw new Error("an ELF core has a header");
    await writeToFile(file("again.elf"), writeElf(regionsOf(image), { ...elf, processors }));
    const again = await openImage(await source("again.elf"));
    expect(again.processors).to.deep.equal(processors);
    expect(Buffer.compare(await readOf(again, 0, 0x80_0000), readFileSync(file("q.raw")))).to.equal(0);
  });

  for (const [name, emulator, elf, ram, registers] of [
    ["ARM64", ["aarch64", "-M", "virt", "-cpu", "cortex-a57"], [64, 183], 0x4000_0000, { PSTATE: 0x4000_03c5n }],
    ["ARM", ["arm", "-M", "virt", "-cpu", "cortex-a15"], [32, 40], 0x4000_0000, { CPSR: 0x4000_01d3n }],
    ["RISC-V", ["riscv64", "-M", "virt", "-bios", "none"], [64, 243], 0x8000_0000, { pc: 0x1000n }],
    ["RISC-V of 32 bits", ["riscv32", "-M", "virt", "-bios", "none"], [32, 243], 0x8000_0000, { pc: 0x1000n }],
    ["IA-32", ["i386", "-M", "pc"], [64, 3], 0, { RIP: 0xfff0n, CR0: 0x6000_0010n }],
  ] as const) {
    it(`may be QEMU's of ${name}, with the memory where it lies and the processor as it is at reset`, async function () {
      if (!(await monitor(["dump-guest-memory m.elf"], emulator))) this.skip();
      const image = await openImage(await source("m.elf"));
      expect([image.elf?.bits, image.elf?.machine]).to.deep.equal(elf);
      expect(image.remarks).to.deep.equal([]);
      expect(image.regions.find(({ first }) => first === ram)).to.include({ bytes: 0x80_0000 });
      expect(image.processors).to.have.length(1);
      expect(image.processors[0]?.registers).to.include(registers);
    });
  }
});
