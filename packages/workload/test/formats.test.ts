/** Every format says the same of the same accesses, in chunks of any length; what is damaged is refused. */
import { PortolanError } from "@portolan/core";
import { expect } from "chai";
import fc from "fast-check";
import {
  ChampSimReader,
  CompactReader,
  CompactWriter,
  FETCH,
  LARGEST_ACCESS,
  LOAD,
  MODIFY,
  readTrace,
  STORE,
  traceFormatOf,
  type TraceKind,
  type TraceReader,
  type TraceSource,
  type TraceVisitor,
} from "#src/index.js";

type Access = readonly [kind: TraceKind, high: number, low: number, size: number];

const collected = (): TraceVisitor & { all: Access[] } => {
  const all: Access[] = [];
  return { all, access: (...access) => void all.push(access) };
};
const pushed = (reader: TraceReader, bytes: Uint8Array, cut: number): void => {
  for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.slice(at, at + cut));
  reader.end();
};
const source = (bytes: Uint8Array, cut: number): TraceSource =>
  async function* () {
    for (let at = 0; at < bytes.length; at += cut) yield bytes.slice(at, at + cut);
  };
const written = (accesses: readonly Access[]): Uint8Array => {
  const writer = new CompactWriter();
  const parts: Uint8Array[] = [];
  for (const access of accesses) {
    writer.access(...access);
    if (writer.count % 7 === 0) parts.push(writer.take().slice());
  }
  writer.end();
  parts.push(writer.take().slice());
  return Uint8Array.from(parts.flatMap((part) => [...part]));
};
const codeOf = (work: () => void): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
  return "";
};

const half = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }));
const access = fc.tuple(
  fc.constantFrom(FETCH, LOAD, STORE, MODIFY),
  half,
  half,
  fc.oneof(fc.constantFrom(1, 2, 4, 8, 64, LARGEST_ACCESS), fc.integer({ min: 1, max: LARGEST_ACCESS })),
);

describe("formats of traces", () => {
  it("what is written in the compact form is read again, whatever the chunks", () => {
    fc.assert(
      fc.property(fc.array(access, { maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (accesses, cut) => {
        const seen = collected();
        const reader = new CompactReader(seen);
        pushed(reader, written(accesses), cut);
        expect(seen.all).to.deep.equal(accesses);
        expect(reader.lines).to.equal(accesses.length);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("the compact form is as documented, byte by byte", () => {
    const bytes = written([
      [FETCH, 0, 0x1000, 4],
      [FETCH, 0, 0x1004, 4],
      [LOAD, 0, 0x7f, 3],
      [STORE, 0xffff_ffff, 0xffff_fff8, 8],
    ]);
    expect([...bytes]).to.deep.equal([
      ...new TextEncoder().encode("PORTRACE"),
      1,
      // fetch of 2^2 bytes, 0x1000 further: 0x2000 with its sign
      0b000_010_00,
      0x80,
      0x40,
      // a fetch where it was expected
      0b001_010_00,
      // a load of 3 bytes, said outright; 0x7f further
      0b000_111_01,
      3,
      0xfe,
      0x01,
      // a store of 2^3 bytes, 0x8a back from 0x82: −0x8a is 0x113
      0b000_011_10,
      0x93,
      0x02,
      0xc0,
      4,
    ]);
  });

  it("a compact trace that is cut off, goes on after its end, or lies is refused", () => {
    const whole = written([
      [FETCH, 0, 0x1000, 4],
      [LOAD, 1, 0x2000, 3],
    ]);
    for (let length = 0; length < whole.length; length += 1) {
      expect(
        codeOf(() => pushed(new CompactReader(collected()), whole.slice(0, length), 5)),
        `${length}`,
      ).to.equal("ERR_BAD_TRACE");
    }
    const changed = (at: number, ...bytes: readonly number[]): Uint8Array => Uint8Array.from([...whole.slice(0, at), ...bytes]);
    const lies = [
      changed(0, 0x51),
      changed(8, 2),
      changed(9, 0x40),
      changed(9, 0x80),
      changed(9, 0xe0),
      changed(9, 0x1c, 0, 0),
      changed(9, 0x1c, 0x81, 0x20, 0),
      changed(9, 0x08, 0x80, 0x00),
      changed(9, 0x08, ...Array.from({ length: 9 }, () => 0xff), 0x02),
      changed(9, 0x08, ...Array.from({ length: 20 }, () => 0xff)),
      changed(9, 0xc0, 3),
      Uint8Array.from([...whole, 0]),
    ];
    for (const bytes of lies)
      expect(
        codeOf(() => pushed(new CompactReader(collected()), bytes, 4)),
        [...bytes].join(),
      ).to.equal("ERR_BAD_TRACE");
  });

  it("no bytes at all crash a reader, and what it visits are accesses", () => {
    for (const Reader of [CompactReader, ChampSimReader]) {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 70 }), fc.boolean(), (tail, cut, isBegun) => {
          const visitor: TraceVisitor = {
            access(kind, high, low, size) {
              expect(kind).to.be.within(0, 3);
              expect(high).to.be.within(0, 0xffff_ffff);
              expect(low).to.be.within(0, 0xffff_ffff);
              expect(size).to.be.within(1, LARGEST_ACCESS);
            },
          };
          const bytes = isBegun && Reader === CompactReader ? Uint8Array.from([...new TextEncoder().encode("PORTRACE"), 1, ...tail]) : tail;
          expect(codeOf(() => pushed(new Reader(visitor), bytes, cut))).to.be.oneOf(["", "ERR_BAD_TRACE"]);
        }),
        { seed: 6, numRuns: 1000 },
      );
    }
  });

  it("ChampSim's records are a fetch, the loads and the stores", () => {
    const record = new DataView(new ArrayBuffer(128));
    record.setBigUint64(0, 0x40_1000n, true);
    record.setBigUint64(16, 0xffff_8000_0000_0010n, true);
    record.setBigUint64(40, 0x2000n, true);
    record.setBigUint64(56, 0x1_0000_0000n, true);
    record.setBigUint64(64, 0x40_1004n, true);
    record.setUint8(72, 1);
    for (const cut of [1, 63, 64, 65, 128]) {
      const seen = collected();
      pushed(new ChampSimReader(seen), new Uint8Array(record.buffer), cut);
      expect(seen.all).to.deep.equal([
        [FETCH, 0, 0x40_1000, 1],
        [LOAD, 0, 0x2000, 1],
        [LOAD, 1, 0, 1],
        [STORE, 0xffff_8000, 0x10, 1],
        [FETCH, 0, 0x40_1004, 1],
      ]);
    }
    expect(codeOf(() => pushed(new ChampSimReader(collected()), new Uint8Array(record.buffer).slice(0, 100), 64))).to.equal(
      "ERR_BAD_TRACE",
    );
    record.setUint8(8, 2);
    expect(codeOf(() => pushed(new ChampSimReader(collected()), new Uint8Array(record.buffer), 64))).to.equal("ERR_BAD_TRACE");
  });

  it("formats are recognised by their first bytes, in chunks of any length, unless one is named", async () => {
    const champsim = new Uint8Array(64);
    champsim[1] = 0x10;
    const texts: readonly (readonly [Uint8Array, string, number])[] = [
      [new TextEncoder().encode(" L 1000,4\n"), "lackey", 1],
      [new TextEncoder().encode(`==1== a banner\n${" L 1000,4\n".repeat(20)}`), "lackey", 20],
      [written([[LOAD, 0, 0x1000, 4]]), "compact", 1],
      [champsim, "champsim", 1],
    ];
    for (const [bytes, format, count] of texts) {
      expect(traceFormatOf(bytes)).to.equal(format);
      for (const cut of [1, 7, 64, 1000]) {
        const seen = collected();
        expect((await readTrace(source(bytes, cut), seen)).format).to.equal(format);
        expect(seen.all).to.have.lengthOf(count);
      }
    }
    let code = "";
    await readTrace(source(champsim, 10), collected(), undefined, "lackey").catch((error: PortolanError) => (code = error.code));
    expect(code).to.equal("ERR_BAD_TRACE");
  });
});
