/** Machines whose walkers hostile tables are thrown at, by name: every format of tables that there is. */
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { amd64la57 } from "@portolan/arch-amd64/la57";
import { arm } from "@portolan/arch-arm";
import { arm64 } from "@portolan/arch-arm64";
import { arm64g16 } from "@portolan/arch-arm64/granule16";
import { arm64g64 } from "@portolan/arch-arm64/granule64";
import { ia32 } from "@portolan/arch-ia32";
import { ia32pae } from "@portolan/arch-ia32/pae";
import { mips32 } from "@portolan/arch-mips32";
import { mips32be } from "@portolan/arch-mips32/big";
import { riscv64, riscv64With } from "@portolan/arch-riscv64";
import { sv32 } from "@portolan/arch-riscv64/sv32";
import type { Architecture } from "@portolan/core";

const ALL: readonly Architecture[] = [
  abs32le,
  ia32,
  ia32pae,
  amd64,
  amd64la57,
  { ...arm(), name: "armv5" },
  { ...arm({ format: "v6" }), name: "armv6" },
  { ...arm({ format: "v7" }), name: "armv7" },
  { ...arm({ processor: "cortexa9", ttbcrN: 1, accessFlag: true }), name: "armv7split" },
  arm64,
  arm64g16,
  arm64g64,
  riscv64,
  riscv64With({ mode: "sv48", asidBits: 0, marks: "fault", name: "sv48" }),
  riscv64With({ mode: "sv57", svnapot: true, name: "sv57" }),
  sv32,
  mips32,
  mips32be,
];

/** By name. */
export const MACHINES: ReadonlyMap<string, Architecture> = new Map(ALL.map((architecture) => [architecture.name, architecture]));
