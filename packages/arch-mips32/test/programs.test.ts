/** Programs of its own, of both byte orders, and a trace of somebody else's. */
import { expect } from "chai";
import { createReadStream, readFileSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { assertInvariants } from "@portolan/core";
import { runWorkload, type RunOptions } from "@portolan/workload";
import { mips32, mips32With } from "#src/index.js";
import { mips32be } from "#src/big.js";

const examples = new URL("../../../examples/", import.meta.url);
const file = (name: string): Uint8Array => readFileSync(new URL(`programs/${name}.elf`, examples));
const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };
const clean = { wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 };

describe("programs on mips32", () => {
  for (const [architecture, suffix] of [
    [mips32, "mipsel"],
    [mips32be, "mips"],
    [mips32With({ processor: "4Kc", byteOrder: "big", name: "malta" }), "mips"],
  ] as const) {
    for (const name of ["sieve", "words", "sort", "words.pie"]) {
      it(`page in, every byte as in the file: ${name} on ${architecture.name}`, async () => {
        const report = await runWorkload(architecture, { program: file(`${name}.${suffix}`) }, { ...checked, processors: 3 });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn["anonymous"], "64 KiB of heap and of stack").to.equal(8);
        expect(report.memory.residentPages).to.equal((report.faults.pagesIn["image"] ?? 0) + 8);
        expect(report.bytesChecked).to.be.greaterThan(50_000);
        expect(report.walks.walks, "every miss and every refusal asks the tables").to.be.greaterThan(report.tlb.refills);
      });
    }
  }

  it("replay a recorded trace with the byte order of the machine", async () => {
    const trace = () => createReadStream(new URL("traces/sort.amd64.trace.gz", examples)).pipe(createGunzip());
    const report = await runWorkload(mips32be, { trace }, { ...checked, rebase: true, processors: 2 });
    expect(report).to.include(clean);
    expect(report.accesses).to.deep.equal({ fetches: 1_179_463, loads: 145_882, stores: 103_088, modifies: 0 });
  });
});
