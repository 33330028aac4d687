/** Machines of the core's own, dumped; and tables laid by hand. */
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { amd64la57 } from "@portolan/arch-amd64/la57";
import { arm, arm32 } from "@portolan/arch-arm";
import { arm64 } from "@portolan/arch-arm64";
import { ia32 } from "@portolan/arch-ia32";
import { ia32pae } from "@portolan/arch-ia32/pae";
import { mips32 } from "@portolan/arch-mips32";
import { riscv64, riscv64With } from "@portolan/arch-riscv64";
import { sv32 } from "@portolan/arch-riscv64/sv32";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  Random,
  type AddressSpace,
  type Architecture,
  type Machine,
} from "@portolan/core";
import { memoryOf, type Memory, type Roots } from "#src/index.js";

/** An area that is written. */
export const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;

/** Every machine that has a tree. */
export const trees: readonly Architecture[] = [
  abs32le,
  ia32,
  amd64,
  arm32,
  { ...arm({ processor: "cortexa9", ttbcrN: 1, accessFlag: true }), name: "armv7split" },
  mips32,
  riscv64,
  riscv64With({ mode: "sv48", asidBits: 0, marks: "fault", name: "riscv48" }),
  amd64la57,
  ia32pae,
  sv32,
  arm64,
];

/** All of a machine's memory, as an image would have it. */
export const dumpOf = ({ parts: { memory } }: Machine): Memory => {
  const base = memory.firstFrame * memory.frameSize;
  const bytes = new Uint8Array(memory.frameCount * memory.frameSize);
  memory.readBytes(base, bytes);
  return memoryOf(bytes, base);
};

/** Where a processor would start. */
export const rootsOf = (machine: Machine, space: AddressSpace): Roots => {
  const { translation } = machine.architecture;
  const isSplit = translation.kind === "hierarchical" && translation.kernelRootRegister !== undefined;
  return { root: space.context.root, ...(isSplit ? { kernelRoot: machine.spaces.kernel.context.root } : {}) };
};

/** A machine with a space in which random pages were touched. */
export const lived = (architecture: Architecture, seed: number): { machine: Machine; space: AddressSpace; pages: readonly bigint[] } => {
  const machine = buildMachine(architecture, { memoryBytes: 512 * 2 ** architecture.pageShift });
  const space = machine.spaces.create();
  machine.switchTo(space);
  const random = new Random(seed);
  const pageBytes = 2 ** architecture.pageShift;
  const pages: bigint[] = [];
  const choices = [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE];
  for (let area = 0; area < 6; area += 1) {
    const base = 0x40_0000 + area * 0x160_0000 + pageBytes * random.below(16);
    const flags = choices[area % 3] | AREA_CACHEABLE;
    space.createArea({ base: Math.floor(base / pageBytes) * pageBytes, size: 16 * pageBytes, flags, backend: anonymous });
    for (let touched = 0; touched < 5; touched += 1) {
      const address = BigInt(Math.floor(base / pageBytes + random.below(16)) * pageBytes);
      pages.push(address);
      if ((flags & AREA_WRITE) === 0) machine.read8(address);
      else machine.write8(address, area);
    }
  }
  return { machine, space, pages };
};

/** Memory in which words are laid by hand, little-endian. */
export class Laid {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly memory: Memory;

  constructor(size: number, base = 0) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.memory = memoryOf(this.bytes, base);
  }

  /** The `index`th entry of eight bytes in the table at `table`. */
  put64(table: number, index: number, value: bigint): this {
    this.view.setBigUint64(table + index * 8, BigInt.asUintN(64, value), true);
    return this;
  }

  put32(table: number, index: number, value: number): this {
    this.view.setUint32(table + index * 4, value, true);
    return this;
  }
}

/** Everything a stream gives, and its last word. */
export const all = async <T, R>(stream: AsyncGenerator<T, R, void>): Promise<{ items: T[]; end: R }> => {
  const items: T[] = [];
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return { items, end: step.value };
    items.push(step.value);
  }
};
