/** What a dump tells beside the memory: every row of every TLB is a translation that the machine has, and registers lead where they should. */
import { anonymous, buildMachine, READ, USER, WRITE, type Machine, type TlbRow, type TranslationState } from "@portolan/core";
import { openImage, type MemoryImage } from "@portolan/image";
import { fileSource } from "@portolan/image/node";
import { listingText, readListing } from "@portolan/image/listings";
import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ARCHITECTURES, architectureNamed } from "#src/architectures.js";
import { cli } from "#src/cli.js";
import { rootsOf, fullStateOf } from "#src/machine-state.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const SMALL = "--memory 1M";

/** A machine that has read and written some pages on each of its processors. */
const busy = async (name: string, cpus = 2): Promise<Machine> => {
  const architecture = await architectureNamed(name);
  const machine = buildMachine(architecture, { cpus, memoryBytes: 4 * 2 ** 20 });
  const space = machine.spaces.create();
  const pageSize = BigInt(machine.parts.units.pageSize);
  const { base } = space.createArea({ flags: READ | WRITE, size: 12n * pageSize, backend: anonymous });
  for (const cpu of machine.cpus) {
    machine.switchTo(space, cpu.id);
    for (let page = 0n; page < 12n; page += 1n) {
      if (page % 2n === 0n) machine.write32(base + page * pageSize, cpu.id, cpu.id);
      else machine.read32(base + page * pageSize, cpu.id);
    }
  }
  return machine;
};

/** Rows of the user's addresses that may be used, with what the machine says of their first byte. */
const judged = (machine: Machine, { tlb, registers }: TranslationState): readonly (readonly [TlbRow, bigint | null])[] => {
  const space = machine.installed(0);
  if (space === null) throw new Error("a space is installed");
  const asid = registers["PRIMARY_CONTEXT"];
  return tlb
    .filter((row) => row.valid !== false && (row.user & READ) !== 0 && (asid === undefined || BigInt(row.asid) === asid))
    .map((row) => [row, machine.walk(space, row.virtual, READ, USER).physical]);
};

describe("a processor's state", () => {
  for (const name of ARCHITECTURES) {
    it(`is what the machine's own walk says, row for row: ${name}`, async () => {
      const machine = await busy(name);
      const before = machine.cpus.map((cpu) => JSON.stringify(cpu.statistics));
      const states = machine.cpus.map((cpu) => fullStateOf(machine, cpu));
      for (const state of states) {
        const rows = judged(machine, state);
        expect(rows.length, "rows").to.be.at.least(3);
        for (const [row, physical] of rows) expect(row.physical, `at 0x${row.virtual.toString(16)}`).to.equal(physical);
        expect(state.machine).to.equal(machine.architecture.name);
        expect(Object.keys(state.switches ?? {})).to.deep.equal(Object.keys(machine.architecture.switches));
        expect(state.spaces?.map(({ space }) => space)).to.deep.equal([0, machine.installed(0)?.context.id]);
        expect(readListing(listingText(state)).tlb).to.deep.equal(state.tlb);
      }
      // Looking changes nothing.
      expect(machine.cpus.map((cpu) => JSON.stringify(cpu.statistics))).to.deep.equal(before);
      expect(machine.cpus.map((cpu) => fullStateOf(machine, cpu))).to.deep.equal(states);
    });
  }

  it("has registers as software reads them: mode, root and tag in satp, tags in TTBR0_EL1 and CONTEXTIDR, bits in CR0, CR4 and EFER", async () => {
    const of = async (name: string): Promise<readonly [Readonly<Record<string, bigint>>, bigint, bigint]> => {
      const machine = await busy(name, 1);
      const context = machine.installed(0)?.context;
      return [fullStateOf(machine, machine.cpu(0)).registers, BigInt(context?.root ?? 0), BigInt(context?.asid ?? 0)];
    };
    const [sv39, root39, asid39] = await of("riscv64");
    expect(sv39).to.deep.equal({ satp: (8n << 60n) | (asid39 << 44n) | (root39 >> 12n) });
    const [sv48, root48, asid48] = await of("sv48");
    expect(sv48).to.deep.equal({ satp: (9n << 60n) | (asid48 << 44n) | (root48 >> 12n) });
    const [sv32, root32, asid32] = await of("sv32");
    expect(sv32).to.deep.equal({ satp: (1n << 31n) | (asid32 << 22n) | (root32 >> 12n) });
    const [arm64, lower, asid64] = await of("arm64");
    expect(arm64["TTBR0_EL1"]).to.equal((asid64 << 48n) | lower);
    expect(arm64["TTBR1_EL1"]).to.not.equal(lower);
    const [armv7, table, asid7] = await of("armv7");
    expect(armv7).to.deep.equal({ TTBR0: table, CONTEXTIDR: asid7 });
    const [amd64, pml4] = await of("amd64");
    expect(amd64).to.deep.equal({ CR3: pml4, CR0: 0x8000_0011n, CR4: 0x20n, EFER: 0xd00n });
    const [ia32, directory] = await of("ia32");
    expect(ia32).to.deep.equal({ CR3: directory, CR0: 0x8000_0011n, CR4: 0x10n });
    const [la57] = await of("amd64la57");
    expect(la57["CR4"]).to.equal(0x1020n);
  });

  it("has the words of a MIPS's entries, and its registers, with the tree that software keeps", async () => {
    const machine = await busy("mips32", 1);
    const cpu = machine.cpu(0);
    const { registers, tlb, spaces } = fullStateOf(machine, cpu);
    const context = machine.installed(0)?.context;
    expect(BigInt.asUintN(8, registers["EntryHi"] ?? 0n)).to.equal(BigInt(context?.asid ?? -1));
    expect(registers).to.include({ Wired: 1n, PageMask: 0x6000n, root: BigInt(context?.root ?? -1) });
    expect(spaces?.[1]).to.deep.equal({ space: context?.id, asid: context?.asid, root: BigInt(context?.root ?? -1) });
    expect(tlb.length).to.be.greaterThan(10);
    for (const [i, { words = {}, virtual, bytes, physical, kernel, valid, index }] of tlb.entries()) {
      const low = words[i % 2 === 0 ? "EntryLo0" : "EntryLo1"] ?? 0n;
      expect(virtual - BigInt((i % 2) * bytes)).to.equal((words["EntryHi"] ?? 0n) & ~0x1fffn);
      expect(words["PageMask"]).to.equal(BigInt(bytes * 2 - 0x2000));
      expect(((low >> 6n) << 12n) % (1n << 36n)).to.equal(physical);
      expect((low & 2n) === 0n, "V").to.equal(valid === false);
      expect((low & 4n) !== 0n, "D").to.equal((kernel & WRITE) !== 0);
      expect(index).to.equal(tlb[i - (i % 2)]?.index);
    }
    expect(tlb.some(({ kernel }) => (kernel & WRITE) !== 0)).to.equal(true);
    expect(tlb.some(({ kernel }) => (kernel & WRITE) === 0)).to.equal(true);
  });

  it("has the context of an UltraSPARC, where its TSBs and the page hash table lie, and which entries are locked", async () => {
    const machine = await busy("sparc64", 1);
    const { registers, tlb, spaces } = fullStateOf(machine, machine.cpu(0));
    const context = machine.installed(0)?.context;
    expect(registers["PRIMARY_CONTEXT"]).to.equal(BigInt(context?.asid ?? -1));
    expect(registers["chains"]).to.satisfy((chains: bigint) => chains > 0n);
    expect(registers).to.have.property("hash");
    // 2048 slots each, one behind the other, shown by the one locked entry.
    const [instruction, data] = [registers["TSB_I"], registers["TSB_D"]];
    expect(instruction & 0x1fffn).to.equal(2n);
    expect(data - instruction).to.equal(0x8000n);
    const locked = tlb.filter((row) => row.locked === true);
    expect(locked.map(({ unit, virtual, bytes, asid }) => [unit, virtual, bytes, asid])).to.deep.equal([
      ["data", instruction - 2n, 0x1_0000, 0],
    ]);
    expect(spaces?.[0]).to.deep.equal({ space: 0, asid: 0 });
    expect(spaces?.[1]?.registers).to.deep.equal({ TSB_I: instruction, TSB_D: data });
    expect(tlb.some(({ unit }) => unit === "instruction")).to.equal(false);
  });
});

describe("run --dump", () => {
  let folder = "";
  before(() => (folder = mkdtempSync(join(tmpdir(), "dumps-"))));
  after(() => rmSync(folder, { recursive: true }));

  const printed = async (line: string): Promise<{ readonly out: string; readonly err: string }> => {
    let out = "";
    let err = "";
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), isTerminal: false };
    expect(await cli(line.split(" "), { ...io, now: () => 0 }), `${line}\n${err}`).to.equal(0);
    return { out, err };
  };
  const opened = async (path: string, look: (image: MemoryImage) => void): Promise<void> => {
    const source = await fileSource(path);
    try {
      look(await openImage(source));
    } finally {
      await source.close();
    }
  };
  const dump = async (arch: string, suffix: string, more = ""): Promise<string> => {
    const path = join(folder, `${arch}.core`);
    await printed(`run --quiet --arch ${arch} ${SMALL} ${more}--dump ${path} ${join(root, `examples/programs/words.${suffix}.elf`)}`);
    return path;
  };

  it("tells the state of every processor, of machines of every kind, and inspect needs no --root", async () => {
    for (const [arch, suffix] of [
      ["amd64", "amd64"],
      ["armv7", "arm"],
      ["arm64", "arm64"],
      ["sv32", "riscv32"],
      ["riscv64", "riscv64"],
      ["mips32be", "mips"],
      ["sparc64", "sparc64"],
    ] as const) {
      const path = await dump(arch, suffix, "--cpus 2 ");
      await opened(path, ({ states, processors, remarks }) => {
        expect(remarks, arch).to.deep.equal([]);
        expect(states.map(({ machine }) => machine)).to.deep.equal([arch, arch]);
        expect(processors.length).to.equal(2);
        for (const { tlb } of states) expect(tlb.length, arch).to.be.greaterThan(3);
      });
      if (arch === "mips32be" || arch === "sparc64") continue;
      const { out } = await printed(`inspect list --arch ${arch} ${path}`);
      expect(out, arch)
        .to.contain("from the image's note")
        .and.to.match(/[1-9]\d* pages in/);
    }
  });

  it("tells switches that no register of QEMU's note has, and says so where another machine is named", async () => {
    const path = await dump("amd64", "amd64", "--set NXE=off --set WP=on ");
    expect((await printed(`inspect list --arch amd64 --limit 1 ${path}`)).out).to.match(
      /^amd64; CR3 0x1000, from the image's note; WP on, PGE off, NXE off/,
    );
    expect((await printed(`inspect list --arch amd64 --limit 1 --switch NXE=on ${path}`)).out).to.contain("NXE on");
    const { err } = await printed(`inspect list --arch amd64la57 --limit 1 ${path}`);
    expect(err).to.contain("note: the image's note is of amd64: these are no tables of amd64la57");
    // Nor is its TLB another machine's.
    let told = "";
    const io = { out: () => {}, err: (text: string) => void (told += text), isTerminal: false };
    expect(await cli(["inspect", "walk", "--arch", "mips32", path, "0x400000"], { ...io, now: () => 0 })).to.equal(1);
    expect(told).to.contain("ERR_NO_SOURCE").and.to.contain("the image's note is of amd64");
  });

  it("is opened by readelf and gdb as before", async () => {
    const path = await dump("mips32be", "mips");
    const available = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;
    if (available("readelf"))
      expect(execFileSync("readelf", ["-nW", path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })).to.match(
        /PORTOLAN +0x[0-9a-f]{8}\s+Unknown note type: \(0x504f5254\)/,
      );
    if (available("gdb"))
      expect(
        execFileSync("gdb", ["-nx", "-batch", "-ex", "info files", "-c", path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
      ).to.match(/0x00000000 - 0x00100000 is load1/);
  });

  it("tells the roots' addresses in its report, whatever else is in the registers", async () => {
    const machine = await busy("arm64", 1);
    const { TTBR0_EL1, TTBR1_EL1 } = rootsOf(machine, machine.cpu(0));
    expect(TTBR0_EL1).to.equal(BigInt(machine.installed(0)?.context.root ?? -1));
    expect(TTBR1_EL1).to.equal(BigInt(machine.spaces.kernel.context.root));
    expect(Object.keys(rootsOf(await busy("mips32", 1), machine.cpu(0)))).to.deep.equal(["root"]);
  });
});
