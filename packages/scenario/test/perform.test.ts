import { readdirSync, readFileSync } from "node:fs";
import { abs32le } from "@portolan/arch-abs32le";
import { amd64 } from "@portolan/arch-amd64";
import { sparc64 } from "@portolan/arch-sparc64";
import { PortolanError } from "@portolan/core";
import { expect } from "chai";
import { readLog } from "#src/log/read-log.js";
import { performLog, type Performance } from "#src/perform/perform.js";

const SCENARIOS = new URL("../../../examples/scenarios/", import.meta.url);
const HEADER = `{"log":"portolan","version":1,"title":"a log"}`;

const perform = (...lines: readonly string[]): Performance => performLog(abs32le, readLog([HEADER, ...lines].join("\n"), "x"), "x");

const SETTING = [
  `{"op":"file","as":"f","pages":3,"word":100}`,
  `{"op":"process","as":"a"}`,
  `{"op":"map","process":"a","page":0,"pages":3,"rights":"rw-","kind":"private","of":"f"}`,
];

describe("performing a log", () => {
  for (const file of readdirSync(SCENARIOS).filter((name) => name.endsWith(".ndjson")))
    for (const architecture of [abs32le, amd64, sparc64])
      it(`does on ${architecture.name} what ${file} says, and leaves the machine in order`, () => {
        const log = readLog(readFileSync(new URL(file, SCENARIOS), "utf8"), file);
        const { difference, violations, operations } = performLog(architecture, log, file);
        expect(difference).to.equal(null);
        expect(violations).to.deep.equal([]);
        expect(operations).to.equal(log.operations.length);
      });

  it("stops at the first operation that ends otherwise, and says how", () => {
    const { difference, operations } = perform(
      ...SETTING,
      `{"op":"read","process":"a","page":1,"expect":7}`,
      `{"op":"exit","process":"a"}`,
    );
    expect(operations).to.equal(4);
    expect(difference).to.deep.include({ line: 5, expected: 7, actual: 101 });
  });

  it("takes an operation without an expectation for one that must be done", () => {
    expect(perform(`{"op":"process","as":"a"}`, `{"op":"write","process":"a","page":0,"word":1}`).difference).to.deep.include({
      expected: "done",
      actual: "SIGSEGV",
    });
  });

  it("answers calls with the names of errors", () => {
    const { difference } = perform(
      ...SETTING,
      `{"op":"protect","process":"a","page":0,"pages":9,"rights":"r--","expect":"ENOMEM"}`,
      `{"op":"map","process":"a","page":8,"pages":1,"rights":"rw-","kind":"shared","of":"f","offset":0}`,
      `{"op":"detach","process":"a","page":0,"expect":"EINVAL"}`,
    );
    expect(difference).to.equal(null);
  });

  it("shares what is shared, and copies what is private", () => {
    const { difference, counts, graph } = perform(
      `{"op":"segment","as":"s","pages":2}`,
      ...SETTING,
      `{"op":"attach","process":"a","of":"s","page":8,"rights":"rw-"}`,
      `{"op":"fork","process":"a","as":"b"}`,
      `{"op":"write","process":"a","page":8,"word":5}`,
      `{"op":"read","process":"b","page":8,"expect":5}`,
      `{"op":"write","process":"b","page":2,"word":6}`,
      `{"op":"read","process":"a","page":2,"expect":102}`,
      `{"op":"remove","of":"s"}`,
      `{"op":"detach","process":"b","page":8}`,
      `{"op":"read","process":"a","page":8,"expect":5}`,
    );
    expect(difference).to.equal(null);
    expect(counts.copies).to.equal(1);
    expect(graph.objects.filter(({ kind }) => kind === "shadow")).to.have.length(1);
  });

  it("moves, discards and cuts", () => {
    const { difference } = perform(
      `{"op":"process","as":"a"}`,
      `{"op":"map","process":"a","page":0,"pages":4,"rights":"rw-","kind":"private"}`,
      `{"op":"fill","process":"a","page":0,"pages":4,"word":1}`,
      `{"op":"move","process":"a","page":2,"pages":2,"to":16,"becomes":3}`,
      `{"op":"verify","process":"a","page":16,"pages":2,"word":3}`,
      `{"op":"read","process":"a","page":18,"expect":0}`,
      `{"op":"read","process":"a","page":2,"expect":"SIGSEGV"}`,
      `{"op":"advise","process":"a","page":0,"pages":1,"advice":"dontneed"}`,
      `{"op":"read","process":"a","page":0,"expect":0}`,
      `{"op":"unmap","process":"a","page":0,"pages":1}`,
      `{"op":"read","process":"a","page":1,"expect":2}`,
    );
    expect(difference).to.equal(null);
  });

  for (const [what, line] of [
    ["a process that nobody made", `{"op":"exit","process":"nobody"}`],
    ["a file that nobody made", `{"op":"truncate","of":"nothing","pages":1}`],
    ["a name that is taken", `{"op":"process","as":"a"}`],
    ["a processor that is not there", `{"op":"run","process":"a","cpu":1}`],
  ] as const)
    it(`refuses ${what}, and names the line`, () => {
      expect(() => perform(`{"op":"process","as":"a"}`, line))
        .to.throw(PortolanError)
        .with.nested.property("values.line", 3);
    });

  it("makes memory as short as the log says, and ends a process that wants more", () => {
    const log = readLog(
      [
        `{"log":"portolan","version":1,"title":"short","free":8}`,
        `{"op":"process","as":"a"}`,
        `{"op":"map","process":"a","page":0,"pages":64,"rights":"rw-","kind":"private"}`,
        `{"op":"fill","process":"a","page":0,"pages":64,"word":1,"expect":"SIGKILL"}`,
        `{"op":"exit","process":"a"}`,
      ].join("\n"),
      "x",
    );
    const { difference, frames, mostFrames } = performLog(abs32le, log, "x");
    expect(difference).to.equal(null);
    expect(mostFrames).to.equal(8);
    expect(frames).to.equal(0);
  });
});
