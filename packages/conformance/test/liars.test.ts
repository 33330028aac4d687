/** The suite, judged: broken ports and broken cores, one lie each. One that escapes fails the build. */
import { expect } from "chai";
import { clauses, conform } from "@portolan/conformance";
import { lyingCores } from "./liars/cores.js";
import { lyingFamilies } from "./liars/families.js";
import { lyingImages } from "./liars/images.js";
import { lyingPages } from "./liars/pages.js";
import { lyingProcesses } from "./liars/processes.js";
import { lyingPorts } from "./liars/ports.js";

const liars = [...lyingPorts, ...lyingCores, ...lyingFamilies, ...lyingPages, ...lyingProcesses, ...lyingImages];

describe("liars", () => {
  it("are at least a hundred, each with a lie of its own and a clause that there is", () => {
    expect(liars.length).to.be.at.least(100);
    expect(new Set(liars.map(({ lie }) => lie)).size).to.equal(liars.length);
    const ids = new Set(clauses.map(({ id }) => id));
    for (const { caughtBy, lie } of liars) expect(ids.has(caughtBy), `${lie}: ${caughtBy}`).to.equal(true);
  });

  it("are there for every clause about memory images", () => {
    const caught = new Set(lyingImages.map(({ caughtBy }) => caughtBy));
    expect(clauses.map(({ id }) => id).filter((id) => id.startsWith("L6.") && !caught.has(id))).to.deep.equal([]);
  });

  for (const { lie, from, caughtBy, subject } of liars) {
    it(`${lie} (${from}): ${caughtBy} says so`, async () => {
      const report = await conform(subject, { only: [caughtBy], policies: ["described"] });
      const caught = report.results.filter(({ outcome }) => outcome === "FAIL");
      expect(caught.map(({ clause }) => clause)).to.include(caughtBy);
      expect(caught[0]?.detail).to.not.equal("");
    });
  }
});
