/** Tables of real systems to begin with: a few ways down from the roots of dumped kernels, and of machines of this project's own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fullStateOf } from "../../packages/cli/dist/machine-state.js";
import { openImage } from "../../packages/image/dist/index.js";
import { fileSource } from "../../packages/image/dist/node.js";
import { Scan, Tree } from "../../packages/inspect/dist/index.js";
import { dumpOf, lived, rootsOf } from "../../packages/inspect/dist-test/fixture.js";
import { SOFTWARE_MACHINES } from "../../packages/inspect/dist-test/hostile/judge-software.js";
import { MACHINES } from "../../packages/inspect/dist-test/hostile/machines.js";

const PAGE = 4096;
const MOST_TABLES = 14;
const MOST_WORDS_OF_A_STATE = 1200;
const MOST_WORDS_OF_A_PAGE = 24;

/** Every table below the roots, with the table that leads there. */
const tablesBelow = async (memory, tree, roots) => {
  const found = new Map();
  await new Scan(memory, tree, {
    table(at) {
      if (at.isCycle || found.has(at.physical)) return false;
      found.set(at.physical, { above: at.tables[at.depth], entry: at.entryAddress, bytes: tree.levels[at.depth + 1].tableBytes });
      return true;
    },
  }).run(roots);
  return found;
};

/** A few of the tables, whole ways down, with some of their words. */
const sample = async (chance, machine, memory, roots, switches, more = {}) => {
  const architecture = MACHINES.get(machine);
  const tree = new Tree(architecture, switches, more.ignoreReserved ?? false);
  const found = await tablesBelow(memory, tree, roots);
  const chosen = new Map();
  const mustHave = new Set();
  for (const span of tree.spansOf(roots)) chosen.set(span.base, tree.levels[0].tableBytes);
  const all = [...found.keys()];
  for (let tries = 0; tries < 8 && chosen.size < MOST_TABLES && all.length > 0; tries++) {
    for (let table = chance.of(all); found.has(table) && !chosen.has(table); table = found.get(table).above) {
      chosen.set(table, found.get(table).bytes);
      mustHave.add(found.get(table).entry - (found.get(table).entry % 8));
    }
  }
  const words = new Map();
  for (const [base, bytes] of chosen) {
    const content = new Uint8Array(bytes);
    const got = await memory.read(base, content);
    const view = new DataView(content.buffer);
    const used = [];
    for (let at = 0; at + 8 <= got; at += 8) if (view.getBigUint64(at, true) !== 0n) used.push(at);
    const from = chance.below(Math.max(1, used.length));
    for (const [i, at] of used.entries()) {
      if (!mustHave.has(base + at) && !chance.once(40) && (i < from || i >= from + MOST_WORDS_OF_A_PAGE)) continue;
      words.set(base + at, view.getBigUint64(at, true));
    }
  }
  const regions = memory.regions.map(({ first, bytes }) => ({ first, bytes }));
  return { machine, regions: regions.slice(0, 8), words, roots, switches, ignoreReserved: false, os: null, ...more };
};

const X86 = 0xf_ffff_ffff_f000n;
/** Dumped kernels, by folder. */
const KERNELS = {
  amd64: { machine: "amd64", bits: X86, os: "linux-x86-64" },
  "amd64-la57": { machine: "amd64la57", bits: X86, os: "linux-x86-64" },
  i386: { machine: "ia32", bits: 0xffff_f000n, os: "linux-x86-32" },
  "i386-pae": { machine: "ia32pae", bits: 0xffff_ffe0n, os: "linux-x86-pae", ignoreReserved: true },
  armhf: { machine: "armv7", bits: 0xffff_c000n, os: "linux-arm" },
  arm64: { machine: "arm64", bits: 0xffff_ffff_fffen, halves: true, os: "linux-arm64" },
  "arm64-5.10": { machine: "arm64", bits: 0xffff_ffff_fffen, halves: true, os: "linux-arm64-4.0" },
  "arm64-6.12": { machine: "arm64", bits: 0xffff_ffff_fffen, halves: true, os: "linux-arm64-6.10" },
  "armhf-6.12": { machine: "armv7", bits: 0xffff_c000n, os: "linux-arm-6.3" },
  riscv64: { machine: "riscv64", bits: 0xfff_ffff_ffffn, os: "linux-riscv64" },
};

/** The root tables' addresses, from the registers that a machine was stopped with. */
const rootsIn = (registers, bits, halves) => {
  const value = (register) => Number(BigInt(registers[register]) & bits);
  if (registers.CR3 !== undefined) return { root: value("CR3") };
  if (registers.satp !== undefined) return { root: value("satp") * PAGE };
  return { root: value("TTBR0"), ...(halves ? { kernelRoot: value("TTBR1") } : {}) };
};

/** @yields tables of every machine: `each` samples of each dump that there is */
export async function* seeds(root, chance, each) {
  for (const [name, architecture] of MACHINES) {
    for (let round = 0; round < Math.min(each, 3); round++) {
      const { machine, space } = lived(architecture, 20 + round);
      yield sample(chance, name, dumpOf(machine), rootsOf(machine, space), machine.cpu(0).switches);
    }
  }
  for (const [folder, { machine, bits, halves, ...more }] of Object.entries(KERNELS)) {
    const path = join(root, "coverage/kernels/dumps", folder);
    if (!existsSync(join(path, "memory.elf"))) continue;
    const { registers } = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));
    const source = await fileSource(join(path, "memory.elf"));
    const image = await openImage(source);
    const roots = rootsIn(registers, bits, halves);
    const on = Object.keys(MACHINES.get(machine).switches).filter((name) => ["WP", "PSE", "PGE", "NXE", "SMEP"].includes(name));
    for (let round = 0; round < each; round++)
      yield await sample(chance, machine, image, roots, Object.fromEntries(on.map((name) => [name, true])), more);
    await source.close();
  }
}

/** @yields what machines whose software fills the TLB hold, with the memory that it leads to */
export function* stateSeeds(each) {
  for (const [name, architecture] of SOFTWARE_MACHINES) {
    for (let round = 0; round < each; round++) {
      const { machine } = lived(architecture, 40 + round);
      const state = fullStateOf(machine, machine.cpu(0));
      const { memory } = machine.parts;
      const base = memory.firstFrame * memory.frameSize;
      const bytes = new Uint8Array(memory.frameCount * memory.frameSize);
      memory.readBytes(base, bytes);
      const view = new DataView(bytes.buffer);
      const words = new Map();
      const used = [];
      for (let at = 0; at < bytes.length; at += 8) if (view.getBigUint64(at, true) !== 0n) used.push(at);
      const stride = Math.max(1, Math.ceil(used.length / MOST_WORDS_OF_A_STATE / 16));
      // A few words in a row each, from everywhere.
      for (let i = 0; i < used.length; i++)
        if (Math.floor(i / 16) % stride === 0) words.set(base + used[i], view.getBigUint64(used[i], true));
      // What is locked leads to the buffers.
      const tlb = state.tlb.toSorted((one, other) => Number(other.locked === true) - Number(one.locked === true)).slice(0, 24);
      yield {
        machine: name,
        regions: [{ first: base, bytes: bytes.length }],
        words,
        roots: {},
        switches: state.switches,
        ignoreReserved: false,
        os: null,
        state: { ...state, tlb },
        asked: {},
      };
    }
  }
}
