import { expect } from "chai";
import fc from "fast-check";
import { PortolanError } from "@portolan/core";
import { FETCH, LackeyReader, LOAD, MODIFY, readTrace, STORE, type TraceKind } from "#src/index.js";

interface Access {
  kind: TraceKind;
  address: bigint;
  size: number;
}

const encoder = new TextEncoder();

const readAll = (text: string, cuts: readonly number[] = []): { accesses: Access[]; reader: LackeyReader } => {
  const accesses: Access[] = [];
  const reader = new LackeyReader({
    access: (kind, high, low, size) => void accesses.push({ kind, address: (BigInt(high) << 32n) | BigInt(low), size }),
  });
  const bytes = encoder.encode(text);
  let from = 0;
  for (const cut of [...cuts].sort((one, other) => one - other)) {
    const to = Math.min(cut, bytes.length);
    reader.push(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  reader.push(bytes.subarray(from));
  reader.end();
  return { accesses, reader };
};

const lineOf = ({ kind, address, size }: Access): string =>
  `${["I ", " L", " S", " M"][kind]} ${address.toString(16).padStart(8, "0")},${size}`;

const anAccess = fc.record({
  kind: fc.constantFrom(FETCH, LOAD, STORE, MODIFY),
  address: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  size: fc.integer({ min: 1, max: 512 }),
});
const other = fc.constantFrom("==12== Lackey, an example", "", "45", "I am text", " Lorem", "x".repeat(300), "I\t04,1", " S");

describe("the lackey reader", () => {
  it("reads fetches, loads, stores and modifications, and counts what is none", () => {
    const { accesses, reader } = readAll("==7== hello\nI  004014f0,2\n L 1fff0006a0,8\r\n S 1fff000698,8\n\n M ffffffffff600ff8,4");
    expect(accesses).to.deep.equal([
      { kind: FETCH, address: 0x4014f0n, size: 2 },
      { kind: LOAD, address: 0x1fff0006a0n, size: 8 },
      { kind: STORE, address: 0x1fff000698n, size: 8 },
      { kind: MODIFY, address: 0xffffffffff600ff8n, size: 4 },
    ]);
    expect(reader).to.include({ lines: 6, otherLines: 2 });
  });

  it("reads the same however the text is cut into chunks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: anAccess }, other), { maxLength: 40 }),
        fc.array(fc.nat({ max: 1500 }), { maxLength: 30 }),
        fc.boolean(),
        (lines, cuts, endsWithNewline) => {
          const text = lines.map((line) => (typeof line === "string" ? line : lineOf(line))).join("\n") + (endsWithNewline ? "\n" : "");
          const { accesses, reader } = readAll(text, cuts);
          expect(accesses).to.deep.equal(lines.filter((line) => typeof line !== "string"));
          expect(reader.lines - reader.otherLines).to.equal(accesses.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("names the line that begins like an access and is none", () => {
    for (const line of [
      " L 12",
      " L ,4",
      " L 12,",
      " L 12,0",
      " L 12,x",
      " L 12,4x",
      " S 12345678901234567,4",
      " M g0,4",
      "I  04001000,99999",
      " L 12,4 5",
    ]) {
      expect(() => readAll(`I  1000,4\n${line}\n`), line)
        .to.throw(PortolanError, "line 2")
        .with.property("code", "ERR_BAD_TRACE");
    }
  });

  it("takes no other byte for a letter, whatever its low bits", () => {
    const seen = { count: 0, access: () => (seen.count += 1) };
    const reader = new LackeyReader(seen);
    for (const letter of ["L", "S", "M"]) reader.push(Uint8Array.of(32, letter.charCodeAt(0) | 128, 32, ...encoder.encode("12,4\n")));
    reader.end();
    expect(reader).to.include({ lines: 3, otherLines: 3 });
    expect(seen.count).to.equal(0);
  });

  it("refuses a text without a single access", async () => {
    const source = async function* () {
      yield encoder.encode("nothing of the kind\n");
    };
    let code = "";
    await readTrace(source, { access: () => expect.fail() }).catch((error: PortolanError) => (code = error.code));
    expect(code).to.equal("ERR_BAD_TRACE");
  });

  it("never ends in anything but accesses or a typed error on random bytes", () => {
    const soup = fc.array(fc.constantFrom(..."IL SM,0123456789abcdefg\n\r=x".split("")), { maxLength: 300 });
    fc.assert(
      fc.property(soup, fc.array(fc.nat({ max: 300 }), { maxLength: 5 }), (characters, cuts) => {
        try {
          for (const { size } of readAll(characters.join(""), cuts).accesses) expect(size).to.be.within(1, 4096);
        } catch (error) {
          expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_BAD_TRACE");
        }
      }),
      { numRuns: 3000 },
    );
  });
});
