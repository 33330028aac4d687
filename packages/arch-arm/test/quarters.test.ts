/** Pages in four quarters: the address's own quarter decides, whichever door is knocked at. */
import { expect } from "chai";
import { PROTECTION, READ, USER, WRITE } from "@portolan/core";
import { arm32 } from "#src/index.js";
import { laid, ROOT, USER_TABLE } from "./fixture.js";

const BASE = 0x4000_0000;
/** A small page whose quarters are the user's to write, to read, not at all, and to write again: AP0 = 11, AP1 = 10, AP2 = 01, AP3 = 11. */
const PAGE = 0x0123_4000 | (0b11 << 4) | (0b10 << 6) | (0b01 << 8) | (0b11 << 10) | 2;
const QUARTER = 0x400;

const bench = () => {
  const { machine, cpu, put } = laid(arm32);
  put(ROOT + (BASE >>> 20) * 4, USER_TABLE | 1);
  put(USER_TABLE, PAGE);
  return { machine, cpu };
};

describe("a page in quarters", () => {
  it("is translated with the permissions of the quarter that is asked for", () => {
    const { cpu } = bench();
    const answers = ([READ, WRITE] as const).map((access) =>
      [0, 1, 2, 3].map((i) => cpu.translate(BASE >>> 12, access, USER, i * QUARTER + 0x10)),
    );
    expect(answers).to.deep.equal([
      [0x1234, 0x1234, -1, 0x1234],
      [0x1234, -1, -1, 0x1234],
    ]);
    expect(cpu.translate(BASE >>> 12, WRITE, USER), "of its first byte, where nothing else is said").to.equal(0x1234);
  });

  it("tells where it refused an address", () => {
    const { cpu } = bench();
    expect(cpu.translate(BASE >>> 12, WRITE, USER, QUARTER + 0x14)).to.equal(-1);
    expect(cpu.fault).to.include({ reason: PROTECTION, page: BASE >>> 12, offset: QUARTER + 0x14 });
  });

  it("is translated so by a machine too", () => {
    const { machine } = bench();
    expect(machine.translate(BASE + 0x10, WRITE)).to.equal(0x0123_4010n);
    expect(machine.translate(BASE + QUARTER + 0x10, READ)).to.equal(0x0123_4410n);
    expect(machine.translate(BASE + 3 * QUARTER, WRITE)).to.equal(0x0123_4c00n);
    expect(machine.translate(BASE + QUARTER + 0x10, WRITE)).to.equal(null);
    expect(machine.outcome).to.include({ address: BigInt(BASE + QUARTER + 0x10), code: 0x0f });
  });
});
