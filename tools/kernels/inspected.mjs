/** A dumped machine as this project's inspector sees it: every leaf and every entry that means something to the kernel, in order. */
import { amd64 } from "../../packages/arch-amd64/dist/index.js";
import { amd64la57 } from "../../packages/arch-amd64/dist/la57.js";
import { arm64 } from "../../packages/arch-arm64/dist/index.js";
import { arm } from "../../packages/arch-arm/dist/index.js";
import { ia32 } from "../../packages/arch-ia32/dist/index.js";
import { ia32pae } from "../../packages/arch-ia32/dist/pae.js";
import { eachMapping, renderAs, Scan, Tree } from "../../packages/inspect/dist/index.js";

/** Bits of the root registers that are an address; the rest are cache attributes and the ASID. */
const X86_ROOT = 0xf_ffff_ffff_f000n;
const PDPT = 0xffff_ffe0n;
const TTBR_SHORT = 0xffff_c000n;
const TTBR_LONG = 0xffff_ffff_fffen;

const MACHINES = {
  amd64: { architecture: amd64, os: "linux-x86-64", rootBits: X86_ROOT },
  "amd64-la57": { architecture: amd64la57, os: "linux-x86-64", rootBits: X86_ROOT },
  i386: { architecture: ia32, os: "linux-x86-32", rootBits: 0xffff_f000n },
  "i386-pae": { architecture: ia32pae, os: "linux-x86-pae", rootBits: PDPT },
  armhf: { architecture: arm({ format: "v7" }), rootBits: TTBR_SHORT },
  arm64: { architecture: arm64, os: "linux-arm64", rootBits: TTBR_LONG },
};

/** Where the descriptions' switches stand in the processors' registers. SMAP is left out: the kernel suspends it when it must. */
const SWITCHES = { WP: ["CR0", 16n], PSE: ["CR4", 4n], PGE: ["CR4", 7n], SMEP: ["CR4", 20n], NXE: ["EFER", 11n], WXN: ["SCTLR", 19n] };

const switchesOf = (architecture, registers) => {
  const switches = {};
  for (const [name, [register, bit]] of Object.entries(SWITCHES))
    if (Object.hasOwn(architecture.switches, name) && registers[register] !== undefined)
      switches[name] = ((BigInt(registers[register]) >> bit) & 1n) === 1n;
  return switches;
};

/** Table roots by the registers that the machine was stopped with. */
const rootsOf = (registers, rootBits) => {
  if (registers.CR3 !== undefined) return { root: Number(BigInt(registers.CR3) & rootBits) };
  const roots = { root: Number(BigInt(registers.TTBR0) & rootBits) };
  return rootBits === TTBR_LONG ? { ...roots, kernelRoot: Number(BigInt(registers.TTBR1) & rootBits) } : roots;
};

/** QEMU marks PDPTEs as accessed (bit 5), which processors hold in registers and never write, and where the bit must be zero. */
const withoutMarkedPointers = (memory, root) => ({
  regions: memory.regions,
  read: async (physical, target) => {
    const count = await memory.read(physical, target);
    if (physical === root) for (let at = 0; at < Math.min(count, 32); at += 8) target[at] &= ~0x20;
    return count;
  },
});

/** 32-bit ARM: Linux keeps entries of its own in the half page before the hardware's (arch/arm/include/asm/pgtable-2level.h). */
const BEFORE = 2048;
const L_PTE_PRESENT = 1n;

/**
 * Pages that are there while the hardware's entry is empty: nobody may touch them (PROT_NONE), or they have not been used lately, which
 * Linux learns by a fault, since these descriptors have no accessed mark.
 */
const hiddenPages = async (memory, tree, roots) => {
  const places = [];
  const absent = (at) => {
    if (at.depth === 1) places.push([tree.addressOf(at.page), at.entryAddress - BEFORE]);
  };
  // Kernel pages above the process's have no such companions.
  await new Scan(memory, tree, { absent }, { range: { first: 0n, last: 0xbeff_ffffn } }).run(roots);
  const hidden = [];
  const word = new Uint8Array(4);
  for (const [address, place] of places) {
    if ((await memory.read(place, word)) < word.length) continue;
    const entry = BigInt(new DataView(word.buffer).getUint32(0, true));
    if ((entry & L_PTE_PRESENT) !== 0n) hidden.push([address, { kind: "no-access", physical: Number(entry & 0xffff_f000n) }]);
  }
  return hidden;
};

/**
 * Lists everything.
 * @returns `leaves` in the order of addresses; `software`: no-access and swap entries by address; `written`: the text that the inspector
 * makes in the words of QEMU's monitor
 */
export const inspectedAs = async ({ machine, registers }, image) => {
  const { architecture, os, rootBits } = MACHINES[machine];
  const roots = rootsOf(registers, rootBits);
  const memory = machine === "i386-pae" ? withoutMarkedPointers(image, roots.root) : image;
  const switches = switchesOf(architecture, registers);
  const tree = new Tree(architecture, switches);
  const leaves = [];
  const software = new Map();
  const totals = await eachMapping(
    memory,
    architecture,
    roots,
    {
      leaf: ({ page, pages, physical, rights, lo, hi, depth }) =>
        leaves.push({ address: tree.addressOf(page), pages, physical, rights, lo, hi, isLarge: depth < tree.levels.length - 1 }),
      software: ({ page }, entry) => software.set(tree.addressOf(page), entry),
    },
    { switches, ...(os === undefined ? {} : { os }) },
  );
  if (totals.end !== "complete") throw new Error(`${machine}: the list ended early: ${totals.end}`);
  if (machine === "armhf") for (const [address, entry] of await hiddenPages(memory, tree, roots)) software.set(address, entry);
  const written = async (style) => {
    let text = "";
    const take = (more) => {
      text += more;
    };
    await renderAs(style, memory, architecture, roots, take, { switches });
    return text;
  };
  return { leaves, software, written, page: 2 ** architecture.pageShift };
};
