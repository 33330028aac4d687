import { PortolanError } from "../errors.js";
import { DeviceObject } from "../objects/device-object.js";
import type { Backend } from "./backend.js";

/**
 * Device memory: page i of the area is physical frame i of the range.
 *
 * @param base physical address of the range, a multiple of the frame size
 * @param frames length of the range in frames; accesses beyond it fault
 */
export const physical = (base: bigint | number, frames: number): Backend => ({
  name: "physical",
  isShareable: true,
  canChangeFlags: false,
  open(parts) {
    const size = 2 ** parts.memory.frameShift;
    const address = Number(base);
    if (!Number.isSafeInteger(address) || address < 0 || address % size !== 0) {
      throw new PortolanError("ERR_MISALIGNED", { base: BigInt(base), alignment: size });
    }
    if (!Number.isSafeInteger(frames) || frames < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { frames });
    const limit = 2 ** (parts.memory.physicalBits - parts.memory.frameShift);
    if (address / size + frames > limit) {
      throw new PortolanError("ERR_BAD_ADDRESS", { base: BigInt(base), frames, physicalBits: parts.memory.physicalBits });
    }
    return new DeviceObject(parts.frames, address / size, frames);
  },
});
