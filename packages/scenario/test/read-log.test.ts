import { PortolanError } from "@portolan/core";
import { expect } from "chai";
import fc from "fast-check";
import { readLog, writeLog } from "#src/log/read-log.js";

const HEADER = `{"log":"portolan","version":1,"title":"a log"}`;

const refused = (text: string): PortolanError => {
  try {
    readLog(text, "some.ndjson");
  } catch (error) {
    if (error instanceof PortolanError) return error;
    throw error;
  }
  throw new Error("it was read");
};

describe("reading a log", () => {
  it("gives operations with the lines they stand in, empty lines left out", () => {
    const log = readLog(`\n${HEADER}\n\n{"op":"process","as":"a"}\n   \n{"op":"exit","process":"a","expect":"done"}\n`, "x");
    expect(log.operations.map(({ op }) => op)).to.deep.equal(["process", "exit"]);
    expect(log.lines).to.deep.equal([4, 6]);
  });

  it("reads what it writes", () => {
    const text = `${HEADER}\n{"op":"process","as":"a"}\n{"op":"map","process":"a","page":1,"pages":2,"rights":"rw-","kind":"private"}\n`;
    expect(writeLog(readLog(text, "x"))).to.equal(text);
  });

  const wrong: readonly (readonly [string, string, number, string])[] = [
    ["an empty text", "", 1, "no header"],
    ["an operation without a header", `{"op":"process","as":"a"}`, 1, "log is missing"],
    ["another version", `{"log":"portolan","version":2,"title":"x"}`, 1, "version is not 1"],
    ["a line that is no JSON", `${HEADER}\n{"op":`, 2, "no JSON"],
    ["a line that is no object", `${HEADER}\n[1]`, 2, "no JSON object"],
    ["an operation that nobody knows", `${HEADER}\n\n{"op":"dance"}`, 3, "no operation is named"],
    ["a name of every object", `${HEADER}\n{"op":"constructor"}`, 2, "no operation is named"],
    ["a missing field", `${HEADER}\n{"op":"fork","process":"a"}`, 2, "as is missing"],
    ["a field too many", `${HEADER}\n{"op":"exit","process":"a","page":1}`, 2, "no field page"],
    ["a field that every object has", `${HEADER}\n{"op":"exit","process":"a","__proto__":1}`, 2, "no field __proto__"],
    ["pages that are none", `${HEADER}\n{"op":"unmap","process":"a","page":0,"pages":0}`, 2, "pages is not"],
    ["a page between two", `${HEADER}\n{"op":"read","process":"a","page":0.5}`, 2, "page is not"],
    ["rights in a wrong order", `${HEADER}\n{"op":"protect","process":"a","page":0,"pages":1,"rights":"wr-"}`, 2, "rights is not"],
    ["a kind of neither sort", `${HEADER}\n{"op":"map","process":"a","page":0,"pages":1,"rights":"rw-","kind":"both"}`, 2, "kind is not"],
    ["a word that is wider than a word", `${HEADER}\n{"op":"write","process":"a","page":0,"word":4294967296}`, 2, "word is not"],
    ["more processors than there can be", `{"log":"portolan","version":1,"title":"x","cpus":65}`, 1, "cpus is not"],
  ];
  for (const [what, text, line, reason] of wrong)
    it(`refuses ${what}, and says where and why`, () => {
      const error = refused(text);
      expect(error.code).to.equal("ERR_BAD_LOG");
      expect(error.values["line"]).to.equal(line);
      expect(error.values["reason"]).to.include(reason);
    });

  it("ends with a log or a typed error, whatever the text", () => {
    const piece = fc.oneof(
      fc.constantFrom(HEADER, "\n", "{", "}", `{"op":"`, "process", `","as":"a"}`, `"pages":`, "1e999", "-1", "null"),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          readLog(pieces.join(""), "x");
        } catch (error) {
          expect(error).to.be.instanceOf(PortolanError);
        }
      }),
      { seed: 7, numRuns: 400 },
    );
  });
});
