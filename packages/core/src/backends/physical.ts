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
    const { frameShift, physicalBits } = parts.memory;
    if (typeof base === "number" && !Number.isSafeInteger(base)) throw new PortolanError("ERR_BAD_ADDRESS", { base });
    const address = BigInt(base);
    if (address < 0n || address >= 1n << BigInt(physicalBits)) throw new PortolanError("ERR_BAD_ADDRESS", { base: address, physicalBits });
    const size = 2 ** frameShift;
    const firstFrame = Number(address) / size;
    if (!Number.isInteger(firstFrame)) throw new PortolanError("ERR_MISALIGNED", { base: address, alignment: size });
    if (!Number.isSafeInteger(frames) || frames < 1) throw new PortolanError("ERR_BAD_ARGUMENT", { frames });
    if (firstFrame + frames > 2 ** (physicalBits - frameShift))
      throw new PortolanError("ERR_BAD_ADDRESS", { base: address, frames, physicalBits });
    return new DeviceObject(parts.frames, firstFrame, frames);
  },
});
