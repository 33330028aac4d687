/** A processor's switches, as they are. */
import { initialSwitches, PortolanError, type Architecture, type Switches } from "@portolan/core/architecture";

/**
 * Those that were told, and the others as they are after reset.
 *
 * @throws PortolanError ERR_BAD_ARGUMENT for one that the machine has not
 */
export const switchesOf = (architecture: Architecture, told: Switches = {}): Switches => {
  for (const name of Object.keys(told))
    if (!Object.hasOwn(architecture.switches, name))
      throw new PortolanError("ERR_BAD_ARGUMENT", { switch: name, known: Object.keys(architecture.switches) });
  return { ...initialSwitches(architecture), ...told };
};

/** Bits of control registers by the names that the descriptions of switches begin with. @see Intel SDM vol 3A §2.2.1, §2.5 */
const BITS: Readonly<Record<string, number>> = {
  "CR0.WP": 16,
  "CR4.PSE": 4,
  "CR4.PGE": 7,
  "CR4.SMEP": 20,
  "CR4.SMAP": 21,
  "RFLAGS.AC": 18,
  "EFLAGS.AC": 18,
  "EFER.NXE": 11,
};

const isSet = (value: bigint, bit: number): boolean => ((value >> BigInt(bit)) & 1n) === 1n;

/** Switches as an image's registers have them: those that a register tells, which of QEMU's note CR0, CR4 and RFLAGS do. */
export const switchesIn = (architecture: Architecture, registers: Readonly<Record<string, bigint>>): Switches => {
  const switches: Record<string, boolean> = {};
  for (const [name, { says }] of Object.entries(architecture.switches)) {
    const [place = "", register = ""] = /^(\w+)\.\w+/.exec(says) ?? [];
    const value = registers[register === "EFLAGS" ? "RFLAGS" : register];
    const bit = BITS[place];
    if (value === undefined || bit === undefined) continue;
    switches[name] = isSet(value, bit);
  }
  return switches;
};
