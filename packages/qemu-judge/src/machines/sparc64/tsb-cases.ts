/** TSBs of every size, common and split, for 8 KiB alone and with the second look for 64 KiB; tags and data with any bit turned over. */
import { tagTarget, tsbPointer, tsbRegister, type TsbRegister } from "@portolan/arch-sparc64";
import type { Subject } from "@portolan/conformance";
import type { Random } from "@portolan/core";
import type { BlankCase, Piece } from "../../case.js";
import type { MachineProfile } from "../profile.js";
import { DATA_TSB, INSTRUCTION_TSB, POINTER_64K, POINTER_8K, POINTERS } from "./tsb.js";
import { bytesOf, OTHER_ORDER, sized, startOf } from "./tte.js";
import { PageImage } from "../../page-image.js";
import { accessesTo, settingOf } from "../../cases/asked.js";
import { placesOf, randomTte } from "./entry-cases.js";

const MIB = 2 ** 20;
/** Two TSBs of at most 2 MiB each lie in the first of these, their pages behind. */
const TSBS = 8 * MIB;
const SLOTS = 120;
const ADDRESSES = 40;

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)];

/** At least `queries` accesses. */
export const tsbCases = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> {
  const { architecture } = subject;
  const { cases, slot } = profile;
  const { kernel, first, last } = architecture.asids;
  for (let made = 0, number = 0; made < queries; number += 1) {
    const asid = first + random.below(last - first);
    const hasLarge = random.below(2) === 0;
    const split = random.below(2) === 0;
    const known: bigint[] = [];
    const pieces: Piece[] = [];
    const places = placesOf(random, subject);
    // Bases that are not aligned to the size lose their low bits. By the kernel's address, which is 0 where RAM begins.
    const tsb = (from: number): TsbRegister => ({
      base: BigInt(from + random.below((4 * MIB) / 0x2000) * 0x2000) & ~(random.below(2) === 0 ? 0n : 0x1f_ffffn),
      size: random.below(8),
      split,
    });
    const registers = [tsb(0), tsb(4 * MIB)] as const;
    for (const register of registers) {
      for (let i = 0; i < SLOTS; i += 1) {
        const address = pick(random, places) + BigInt(random.below(0x80_0000 / 0x2000)) * 0x2000n;
        const context = pick(random, [asid, asid, asid, asid, asid, asid, asid + 1, kernel]);
        const plain = random.below(3) === 0;
        // The order of bytes is a matter of the TLB's alone.
        const tte = randomTte(random, profile, cases.first + TSBS) & ~(plain ? sized(3) : 0n) & ~OTHER_ORDER;
        const shift = hasLarge && bytesOf(tte) === 0x1_0000n ? 16 : 13;
        const turned = random.below(8) === 0 ? 1n << BigInt(pick(random, [63, 60, 48, 41, 22, 0, random.below(64)])) : 0n;
        const bytes = new Uint8Array(16);
        const view = new DataView(bytes.buffer);
        view.setBigUint64(0, tagTarget(address, context) ^ turned);
        view.setBigUint64(8, tte);
        pieces.push({ at: cases.first + Number(tsbPointer(register, address, shift)), bytes });
        known.push(address, startOf(address, tte));
      }
    }
    const asked = Array.from({ length: ADDRESSES }, () => {
      const page = pick(random, known) + (random.below(4) === 0 ? BigInt(random.below(8)) * 0x2000n : 0n);
      return BigInt.asUintN(64, page + BigInt(random.below(0x2000 / slot.bytes) * slot.bytes));
    }).flatMap((address) => accessesTo(random, address));
    made += asked.length;
    yield {
      name: `random TSBs ${number}`,
      ram: cases,
      asid,
      switches: settingOf(architecture, random),
      registers: {
        route: BigInt(random.below(3)),
        [INSTRUCTION_TSB]: tsbRegister(registers[0]),
        [DATA_TSB]: tsbRegister(registers[1]),
        [POINTERS]: hasLarge ? POINTER_8K | POINTER_64K : POINTER_8K,
      },
      memory: new PageImage(pieces).pages(),
      queries: asked,
    };
  }
};
