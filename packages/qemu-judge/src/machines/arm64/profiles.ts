/** The 64-bit ARMs that are judged: one for each granule. */
import { arm64With, SCTLR_WXN, TCR_AS, type Arm64Options } from "@portolan/arch-arm64";
import { oracleOf } from "@portolan/arch-arm64/oracle";
import type { MachineProfile } from "../profile.js";
import { arm64On, type Half } from "./arm64.js";
import { contiguousIgnored } from "./deviations.js";

/** @param processor QEMU's name of one that has the granule */
const judgeOf = (processor: string, half: Half, physicalBits: 44 | 48, options: Arm64Options = {}): MachineProfile => {
  const { granuleKiB: granule, bits } = half;
  return {
    ...arm64On({
      architecture: arm64With({ ...options, granule, bits, physicalBits }),
      oracle: oracleOf({ granule, bits, physicalBits }),
      processor,
      low: half,
      physicalBits,
      tcr: () => TCR_AS,
      sctlr: ({ switches }) => (switches["WXN"] ? SCTLR_WXN : 0n),
      explanations: [contiguousIgnored(half)],
    }),
    // The stub leaves PSTATE.PAN as it is after reset.
    amend: (blank) => ({ ...blank, switches: { ...blank.switches, PAN: false } }),
  };
};

/** 4 KiB and 48 bits: `--arch arm64`. */
export const arm64 = judgeOf("cortex-a57", { granuleKiB: 4, bits: 48 }, 44);
/** 16 KiB and 47 bits, which few of QEMU's processors have. */
export const arm64g16 = judgeOf("max", { granuleKiB: 16, bits: 47 }, 48);
/** 64 KiB and 48 bits. */
export const arm64g64 = judgeOf("cortex-a57", { granuleKiB: 64, bits: 48 }, 44);
