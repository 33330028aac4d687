/** Programs of its own, and a trace recorded on a real one. */
import { expect } from "chai";
import { createReadStream, readFileSync, readdirSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { assertInvariants } from "@portolan/core";
import { runWorkload, type RunOptions } from "@portolan/workload";
import { amd64, amd64With } from "#src/index.js";

const examples = new URL("../../../examples/", import.meta.url);
const names = readdirSync(new URL("programs/", examples)).filter((name) => name.endsWith(".amd64.elf"));
const file = (name: string): Uint8Array => readFileSync(new URL(`programs/${name}`, examples));
const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };
const clean = { wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 };

describe("programs on amd64", () => {
  it("are there", () => {
    expect(names).to.have.members(["sieve", "sort", "words", "words.pie"].map((name) => `${name}.amd64.elf`));
  });

  for (const name of names) {
    for (const processors of [1, 3]) {
      it(`page in, every byte as in the file: ${name} on ${processors} processors`, async () => {
        const report = await runWorkload(amd64, { program: file(name) }, { ...checked, processors });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn["image"]).to.be.greaterThan(0);
        expect(report.bytesChecked).to.be.greaterThan(50_000);
      });
    }
  }

  it("replay a trace where it was recorded: no region has to be moved", async () => {
    const trace = () => createReadStream(new URL("traces/sort.amd64.trace.gz", examples)).pipe(createGunzip());
    for (const architecture of [amd64, amd64With({ processor: "skylake", buffers: "second" })]) {
      const report = await runWorkload(architecture, { program: file("sort.amd64.elf"), trace }, { ...checked, processors: 2 });
      expect(report).to.include(clean);
      expect(report.trace).to.include({ movedRegions: 0 });
      expect(report.accesses).to.deep.equal({ fetches: 1_179_463, loads: 145_882, stores: 103_088, modifies: 0 });
    }
  });

  for (const [switches, what] of [
    [{ WP: true, PGE: true, SMEP: true, SMAP: true }, "with every protection on"],
    [{ NXE: false }, "without no-execute"],
    [{ NXE: false, SMEP: true }, "without no-execute, fetches told"],
  ] as const) {
    it(`run ${what}`, async () => {
      const report = await runWorkload(amd64, { program: file("sort.amd64.elf") }, { ...checked, switches });
      expect(report).to.include(clean);
    });
  }
});
