/** Every machine that can be judged. */
import { PortolanError } from "@portolan/core";
import { riscv64, sv48, sv57 } from "./riscv64.js";
import type { MachineProfile } from "./profile.js";

export const PROFILES: readonly MachineProfile[] = [riscv64, sv48, sv57];

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
