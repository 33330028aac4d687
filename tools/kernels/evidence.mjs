/** What is taken from a stopped machine: its memory, and what QEMU itself says of its tables. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInUserMode } from "./boot.mjs";
import { GdbStub } from "./gdb-stub.mjs";

/** ARM's registers of translation, by the names of both architectures (ARM DDI 0406C §B4.1, DDI 0487 §D17.2). */
const OF_TRANSLATION = /^(SCTLR|TTBR0|TTBR1|TTBCR|TCR|MAIR|MAIR0|MAIR1|PRRR|NMRR|DACR|CONTEXTIDR)(_EL1|_S)?$/;
/** The same by the manual's name without the level. */
const plain = (name) => name.replace(/_EL1$|_S$/, "");
const HEX = 16;
/** Kernel pages that the monitor is asked about: it answers some thousands a second. */
const MOST_SAMPLES = 40_000;

const hex = (value) => `0x${value.toString(HEX)}`;

/** `CR3=000…` and the like out of x86's `info registers`. */
const x86Registers = (text) => {
  const found = {};
  for (const [, name, value] of text.matchAll(/\b(CR0|CR2|CR3|CR4|EFER|RIP|EIP|CS)\s?=\s*([0-9a-f]+)/g))
    found[name] = hex(BigInt(`0x${value}`));
  return found;
};

const riscvRegisters = (text) => {
  const found = {};
  for (const [, name, value] of text.matchAll(/\b(pc|satp|mstatus)\s+([0-9a-f]{16})/g)) found[name] = hex(BigInt(`0x${value}`));
  return found;
};

/** Physical address of a page as the monitor translates a read; null where it does not. It prints physical 0 as `0`. */
const translated = async (qemu, address) => {
  const said = await qemu.monitor(`gva2gpa ${hex(address)}`);
  const value = /gpa: (?:0x)?([0-9a-f]+)/.exec(said)?.[1];
  return value === undefined ? null : BigInt(`0x${value}`);
};

/** Every page of these ranges with its translation, thinned out evenly if there are too many. */
const samples = async (qemu, ranges, page) => {
  const addresses = new Set();
  for (const { first, end } of ranges) for (let address = first; address < end; address += BigInt(page)) addresses.add(address);
  const all = [...addresses];
  const step = Math.max(1, Math.ceil(all.length / MOST_SAMPLES));
  const lines = [];
  for (let i = 0; i < all.length; i += step) {
    const physical = await translated(qemu, all[i]);
    lines.push(`${hex(all[i])} ${physical === null ? "-" : hex(physical)}`);
  }
  return lines;
};

/** Where the kernel's pages lie by its own words: its image, what it allocated virtually, and all RAM one after the other. */
const kernelRanges = (machine, { symbols, vmalloc }) => {
  const ranges = [];
  const { _text: text, _end: end } = symbols;
  if (text !== undefined && end !== undefined) ranges.push({ first: BigInt(text) & -0x1000n, end: (BigInt(end) + 0x1000n) & -0x1000n });
  for (const line of vmalloc) {
    const [, first, last] = /^0x([0-9a-f]+)-0x([0-9a-f]+)/.exec(line) ?? [];
    if (first === undefined) continue;
    const [from, to] = [BigInt(`0x${first}`), BigInt(`0x${last}`)];
    // What is reserved for later may be gigabytes.
    if (to - from <= 16n * 1024n * 1024n) ranges.push({ first: from, end: to });
  }
  const linear = machine.kind === "arm64" ? 0xffff_0000_0000_0000n : 0xc000_0000n;
  ranges.push({ first: linear, end: linear + BigInt(machine.ramBytes) });
  return ranges;
};

/** The pages around and between the rows of the guest's maps. */
const userRanges = ({ maps }, page) =>
  maps
    .map(({ first, end }) => ({ first: BigInt(first) - BigInt(page), end: BigInt(end) + BigInt(page) }))
    .filter(({ first, end }) => first >= 0n && end <= 1n << 48n);

/** ARM: registers through the debugger's stub, and translations one by one, as the process and as the kernel. Last of all: it moves on. */
const ofArm = async (machine, qemu, guest, folder, socket) => {
  const user = await samples(qemu, userRanges(guest, machine.page), machine.page);
  writeFileSync(join(folder, "gva2gpa-user.txt"), `${user.join("\n")}\n`);
  await qemu.monitor(`gdbserver unix:${socket},server=on,wait=off`);
  const stub = await GdbStub.connect(socket);
  try {
    const numbers = await stub.numbers();
    const registers = {};
    for (const [name, number] of Object.entries(numbers))
      if (OF_TRANSLATION.test(name)) registers[plain(name)] = hex(await stub.register(number));
    // A fetch from nowhere: the processor then stands before the kernel's first instruction, with the kernel's privilege.
    await stub.setRegister(numbers.pc, 0n, machine.wordBytes);
    await stub.step();
    if (isInUserMode(await qemu.monitor("info registers"))) throw new Error(`${machine.name}: a fetch from address 0 does not fault`);
    const kernel = await samples(qemu, kernelRanges(machine, guest), machine.page);
    writeFileSync(join(folder, "gva2gpa-kernel.txt"), `${kernel.join("\n")}\n`);
    return { registers, files: ["gva2gpa-user.txt", "gva2gpa-kernel.txt"] };
  } finally {
    stub.close();
  }
};

/** Machines whose monitor lists the whole address space: x86, RISC-V. */
const ofLists = async (machine, qemu, folder, registers) => {
  const files = [];
  for (const command of machine.lists) {
    const file = `${command.replace(" ", "-")}.txt`;
    writeFileSync(join(folder, file), (await qemu.monitor(command)).replaceAll("\r", ""));
    files.push(file);
  }
  return { registers: machine.base === 0 ? x86Registers(registers) : riscvRegisters(registers), files };
};

/**
 * Writes everything of a stopped machine into a folder.
 * @param socket a path for a socket, short enough for one
 * @returns the registers by the manual's names, and the names of the files
 */
export const takeEvidence = async (machine, qemu, { guest, registers, folder, socket }) => {
  const raw = join(folder, "memory.raw");
  const core = join(folder, "memory.elf");
  for (const command of [`pmemsave ${hex(machine.base)} ${hex(machine.ramBytes)} "${raw}"`, `dump-guest-memory "${core}"`]) {
    const said = (await qemu.monitor(command)).trim();
    if (said !== "") throw new Error(`${machine.name}: ${command}: ${said}`);
  }
  writeFileSync(join(folder, "info-registers.txt"), registers.replaceAll("\r", ""));
  const own =
    machine.lists.length > 0 ? await ofLists(machine, qemu, folder, registers) : await ofArm(machine, qemu, guest, folder, socket);
  return { registers: own.registers, files: ["memory.raw", "memory.elf", "info-registers.txt", ...own.files] };
};
