/** Every machine that can be judged. */
import { PortolanError } from "@portolan/core";
import { amd64la57Profile, amd64Profile } from "./x86/amd64.js";
import { arm, armv6, armv6k, armv6Old, armv7, armv7AccessFlag, armv7TwoRoots } from "./arm/arm.js";
import { arm64, arm64g16, arm64g64 } from "./arm64/profiles.js";
import { ia32paeProfile, ia32Profile } from "./x86/ia32.js";
import { mips24kf, mips32, mips32be, mips34kf } from "./mips32/mips32.js";
import type { MachineProfile } from "./profile.js";
import { riscv64, sv32, sv48, sv57, svnapot } from "./riscv64/riscv64.js";
import { sparc64, sparc64Tsb } from "./sparc64/sparc64.js";

export const PROFILES: readonly MachineProfile[] = [
  ia32Profile,
  ia32paeProfile,
  amd64Profile,
  amd64la57Profile,
  arm,
  armv6,
  armv6Old,
  armv6k,
  armv7,
  armv7AccessFlag,
  armv7TwoRoots,
  arm64,
  arm64g16,
  arm64g64,
  mips32,
  mips32be,
  mips24kf,
  mips34kf,
  sparc64,
  sparc64Tsb,
  sv32,
  riscv64,
  sv48,
  sv57,
  svnapot,
];

/** @throws PortolanError ERR_UNKNOWN_ARCHITECTURE, which lists those that can be judged */
export const profileNamed = (name: string): MachineProfile => {
  const found = PROFILES.find((profile) => profile.name === name);
  if (found === undefined)
    throw new PortolanError("ERR_UNKNOWN_ARCHITECTURE", {
      architecture: name,
      why: "no QEMU judges it",
      known: PROFILES.map((profile) => profile.name),
    });
  return found;
};
