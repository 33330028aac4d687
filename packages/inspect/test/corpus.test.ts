/** Tables, and what processors hold beside them, that each reach code no other does, found by `tools/fuzz-image.mjs`: judged again. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { judge } from "./hostile/judge.js";
import { judgeState, SOFTWARE_MACHINES, stateLineOf, stateOfLine } from "./hostile/judge-software.js";
import { MACHINES } from "./hostile/machines.js";
import { lineOf, tablesOf } from "./hostile/tables.js";

const folder = new URL("../test/corpus/", import.meta.url);

describe("tables that were found by changing others", () => {
  for (const file of readdirSync(folder).toSorted()) {
    const machine = file.replace(/\.jsonl$/, "");
    const lines = readFileSync(new URL(file, folder), "utf8").trimEnd().split("\n");

    it(`of ${machine} have answers that agree with each other`, async () => {
      expect(MACHINES.has(machine) || SOFTWARE_MACHINES.has(machine)).to.equal(true);
      let refused = 0;
      for (const line of lines) {
        const judged = SOFTWARE_MACHINES.has(machine) ? await judgeState(stateOfLine(line)) : await judge(tablesOf(line));
        if (judged === "refused") refused += 1;
      }
      expect(refused).to.be.below(lines.length);
    });

    it(`of ${machine} are written as they are read`, () => {
      for (const line of lines) {
        const again = SOFTWARE_MACHINES.has(machine) ? stateLineOf(stateOfLine(line)) : lineOf(tablesOf(line));
        expect(JSON.parse(again)).to.deep.equal(JSON.parse(line));
      }
    });
  }
});
