/** Row 5: a load that hits, over the read that it comes down to. */
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { USER } from "@portolan/core";
import { inTurn, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const LOADS = 4_000_000;
const BYTES = 65_536;
const BASE = 0x40_0000;

/**
 * Both loops make the same addresses, anywhere in 64 KiB. They are made anew for each machine, as a compiler that has seen
 * two machines in one loop knows less about each.
 */
const loops = (shift) => {
  const addresses = `let sum = 0, state = 12345;
    for (let i = 0; i < count; i += 1) {
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      const address = (state >>> 14) & 0xfffc;`;
  return {
    load: new Function(
      "cpu",
      "count",
      `${addresses} sum ^= cpu.load32(${BASE / 2 ** shift} + (address >>> ${shift}), address & ${2 ** shift - 1}, ${USER}); } return sum;`,
    ),
    read: new Function("words", "count", `${addresses} sum ^= words[address >>> 2]; } return sum;`),
  };
};

const hits = async (architecture) => {
  const { machine, space, cpu } = withSpace(architecture, { memoryBytes: 16 * MIB });
  anonymousArea(space, BASE, BYTES);
  const words = Uint32Array.from({ length: BYTES / 4 }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0);
  words.forEach((word, index) => machine.write32(BASE + index * 4, word));
  const { load, read } = loops(architecture.hardwarePageShift);
  let loaded = 0;
  let wasRead = 0;
  const result = await inTurn(
    () => timed(LOADS, () => (loaded = load(cpu, LOADS))),
    () => timed(LOADS, () => (wasRead = read(words, LOADS))),
  );
  if (loaded !== wasRead) throw new Error("the machine's memory does not hold what was written");
  return result;
};

export const loadHit = async () => {
  const little = await hits(ia32);
  const big = await hits(sparc64);
  return [
    { what: "ia32", ...little, figure: little.ratio, unit: "ns a load", gate: 2.0, aim: 1.3 },
    { what: "sparc64, whose bytes are swapped", ...big, figure: big.ratio, unit: "ns a load", gate: 2.0, aim: 1.3 },
  ];
};
