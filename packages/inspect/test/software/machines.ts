/** Machines whose software fills the TLB: dumped, with what an image's note would tell of them; and rows laid by hand. */
import { sparc64 } from "@portolan/arch-sparc64";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  READ,
  WRITE,
  type AddressSpace,
  type Machine,
  type TlbRow,
  type TranslationState,
} from "@portolan/core";
import { memoryOf, type Memory } from "#src/index.js";

const PAGE = 0x4000;
/** Three areas of each space: read, written, fetched from. */
export const AREAS = [0x40_0000, 0x80_0000, 0xc0_0000] as const;

/** A dump that may be spoilt: bytes are changed in place. */
export interface Dump {
  readonly machine: Machine;
  readonly spaces: readonly AddressSpace[];
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly memory: Memory;
  readonly state: TranslationState;
}

/** Two programs on sparc64, with four pages of each area touched. No TLB: whoever wants rows adds them. */
export const sparcDump = (tlb: readonly TlbRow[] = []): Dump => {
  const machine = buildMachine(sparc64, { memoryBytes: 128 * PAGE });
  const kinds = [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE];
  const spaces = [1, 2].map(() => {
    const space = machine.spaces.create();
    machine.switchTo(space);
    for (const [at, base] of AREAS.entries()) {
      space.createArea({ base, size: 8 * PAGE, flags: kinds[at] | AREA_CACHEABLE, backend: anonymous });
      for (let page = 0; page < 4; page += 1) {
        const address = base + page * PAGE;
        if (at === 1) machine.write8(address, page);
        else if (at === 2) machine.fetch32(address);
        else machine.read8(address);
      }
    }
    return space;
  });
  const { memory: ram, tables } = machine.parts;
  const bytes = new Uint8Array(ram.frameCount * ram.frameSize);
  ram.readBytes(0, bytes);
  const state: TranslationState = {
    machine: "sparc64",
    registers: { ...tables.registers, PRIMARY_CONTEXT: BigInt(spaces[1].context.asid) },
    tlb,
    spaces: [machine.spaces.kernel, ...spaces].map(({ context }) => ({
      space: context.id,
      asid: context.asid,
      ...(context.cache?.registers === undefined ? {} : { registers: context.cache.registers }),
    })),
  };
  return { machine, spaces, bytes, view: new DataView(bytes.buffer), memory: memoryOf(bytes), state };
};

/** One row; what a test does not care about is a page of 8 KiB for everybody in context 2. */
export const row = (given: Partial<TlbRow>): TlbRow => ({
  unit: "data",
  index: 0,
  virtual: 0x40_0000n,
  bytes: 0x2000,
  physical: 0x1_0000n,
  asid: 2,
  global: false,
  kernel: READ | WRITE,
  user: READ | WRITE,
  ...given,
});
