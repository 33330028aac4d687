/** Row 17: a page in the middle of an area gets other rights and the old ones back, so that one area is three and one again. */
import { ia32 } from "@portolan/arch-ia32";
import { AREA_READ, AREA_WRITE } from "@portolan/core";
import { againstPeer, timed } from "../harness.mjs";
import { MIB, anonymousArea, withSpace } from "./machines.mjs";

const PAGES = 4096;
const PAIRS = 100_000;
const BASE = 0x40_0000;

const pairs = async (isTouched) => {
  const { machine, space } = withSpace(ia32, { memoryBytes: 64 * MIB });
  const size = 2 ** ia32.pageShift;
  anonymousArea(space, BASE, PAGES * size);
  if (isTouched) for (let page = 0; page < PAGES; page += 1) machine.write32(BASE + page * size, 1);
  let state = 2463534242;
  const round = () =>
    timed(PAIRS, () => {
      for (let pair = 0; pair < PAIRS; pair += 1) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        const at = BASE + (1 + ((state >>> 0) % (PAGES - 2))) * size;
        space.protect(at, size, AREA_READ);
        space.protect(at, size, AREA_READ | AREA_WRITE);
      }
    });
  const compared = await againstPeer(round, "protections.c", [PAGES, isTouched ? 1 : 0], `pairs ${PAIRS}`);
  return {
    what: isTouched ? "pages in use" : "pages never touched",
    ...compared,
    figure: compared.ratio,
    unit: "ns a pair",
    gate: 0.5,
    aim: 0.3,
  };
};

export const protections = async () => [await pairs(true), await pairs(false)];
