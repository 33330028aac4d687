/**
 * TSBs of any size and shape in a machine of ours: the port's refill code looks into them, led by the port's own formula for the
 * pointer registers. @see UltraSPARC I & II User's Manual §6.3
 */
import { tagTarget, TSB_SLOTS, TsbPair, tsbPointer, tsbRegister, type TsbRegister } from "@portolan/arch-sparc64";
import { Tsb, type AddressSpace, type Machine, type PhysicalMemory, type TranslationContext } from "@portolan/core";
import type { BlankCase } from "../../case.js";

/** Registers of a case that has TSBs: the two TSB registers, and the pointers that a handler of misses follows, a bit for each. */
export const INSTRUCTION_TSB = "instruction TSB";
export const DATA_TSB = "data TSB";
export const POINTERS = "TSB pointers";
export const POINTER_8K = 1n;
export const POINTER_64K = 2n;

const SLOT = 16;
const VALID_HIGH = 0x8000_0000;
const HARDWARE_PAGE = 0x2000n;

/** What a TSB register says. */
export const tsbOfRegister = (register: bigint): TsbRegister => ({
  base: register & ~0x1fffn,
  size: Number(register & 7n),
  split: (register & 0x1000n) !== 0n,
});

/** A TSB that is found as the pointer registers find it. */
class PointedTsb extends Tsb {
  readonly #register: TsbRegister;
  readonly #context: TranslationContext;
  readonly #isForLarge: boolean;

  /** @param offset physical address of the kernel's address 0 */
  constructor(memory: PhysicalMemory, context: TranslationContext, register: TsbRegister, offset: number, isForLarge: boolean) {
    super(memory, Number(tsbPointer(register, 0n, 13)) + offset, TSB_SLOTS);
    this.#register = register;
    this.#context = context;
    this.#isForLarge = isForLarge;
  }

  /** The 8K pointer's; the 64K pointer's where the handler goes on to that. */
  override slotOf(page: number): number {
    const small = this.#slot(page, 13);
    return this.#isForLarge && !this.#isHit(small, page) ? this.#slot(page, 16) : small;
  }

  #slot(page: number, shift: 13 | 16): number {
    const base = tsbPointer(this.#register, 0n, 13);
    return Number(tsbPointer(this.#register, BigInt(page) * HARDWARE_PAGE, shift) - base) / SLOT;
  }

  #isHit(slot: number, page: number): boolean {
    const tag = tagTarget(BigInt(page) * HARDWARE_PAGE, this.#context.asid);
    return this.holds(slot, Number(tag & 0xffff_ffffn), Number(tag >> 32n)) && this.dataHigh(slot) >= VALID_HIGH;
  }
}

/** The pair of a space, with TSBs other than those that the port makes. */
class PointedPair extends TsbPair {
  override readonly instruction: Tsb;
  override readonly data: Tsb;

  constructor(memory: PhysicalMemory, context: TranslationContext, instruction: Tsb, data: Tsb) {
    super(memory, context, memory.firstFrame);
    this.instruction = instruction;
    this.data = data;
  }
}

/** Is it a pair as the port makes them for a space? */
const isPortsOwn = (instruction: bigint, data: bigint, pointers: bigint): boolean => {
  const { base, size } = tsbOfRegister(instruction);
  return (
    pointers === POINTER_8K &&
    instruction === tsbRegister({ base, size: 2 }) &&
    size === 2 &&
    base % 0x1_0000n === 0n &&
    data === tsbRegister({ base: base + 0x8000n, size })
  );
};

/** Gives a space the TSBs that the case's registers name; what they hold lies in memory already. */
export const loadTsbs = ({ parts: { memory } }: Machine, { context }: AddressSpace, { registers = {} }: BlankCase): void => {
  const [instruction, data, pointers] = [registers[INSTRUCTION_TSB], registers[DATA_TSB], registers[POINTERS] ?? POINTER_8K];
  if (instruction === undefined || data === undefined) return;
  const offset = memory.firstFrame * memory.frameSize;
  const isOwn = isPortsOwn(instruction, data, pointers);
  const frame = isOwn ? memory.firstFrame + Number(tsbOfRegister(instruction).base) / memory.frameSize : memory.firstFrame;
  // A pair begins by marking what it lies in.
  const kept = new Uint8Array(2 * TSB_SLOTS * SLOT);
  memory.readBytes(frame * memory.frameSize, kept);
  if (isOwn) context.cache = new TsbPair(memory, context, frame);
  else {
    const pointed = (register: bigint): Tsb =>
      new PointedTsb(memory, context, tsbOfRegister(register), offset, (pointers & POINTER_64K) !== 0n);
    context.cache = new PointedPair(memory, context, pointed(instruction), pointed(data));
  }
  memory.writeBytes(frame * memory.frameSize, kept);
};
