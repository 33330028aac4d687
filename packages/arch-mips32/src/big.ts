/** The big-endian twin, in a module of its own: whoever loads a machine by its module's name gets exactly one. */
import type { Architecture } from "@portolan/core/architecture";
import { mips32With } from "./machine.js";

export const mips32be: Architecture = mips32With({ byteOrder: "big" });
