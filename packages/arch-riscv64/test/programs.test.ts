/** Programs built for RISC-V, paged in on RISC-Vs. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { assertInvariants } from "@portolan/core";
import { runWorkload, type RunOptions } from "@portolan/workload";
import { riscv64, riscv64With } from "#src/index.js";
import { sv32 } from "#src/sv32.js";
import { sv48 } from "#src/sv48.js";
import { sv57 } from "#src/sv57.js";

const programs = new URL("../../../examples/programs/", import.meta.url);
/** The programs of one word's width. */
const namesOf = (suffix: string): string[] => readdirSync(programs).filter((name) => name.endsWith(`.${suffix}.elf`));
const file = (name: string): Uint8Array => readFileSync(new URL(name, programs));
const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };
const clean = { wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 };

describe("programs on riscv64", () => {
  it("are there", () => {
    for (const suffix of ["riscv64", "riscv32"])
      expect(namesOf(suffix)).to.have.members(["sieve", "sort", "words", "words.pie"].map((name) => `${name}.${suffix}.elf`));
  });

  for (const [title, architecture] of [
    ["Sv39", riscv64],
    ["Sv48", sv48],
    ["a U74", riscv64With({ processor: "u74" })],
    ["Sv57", sv57],
    ["Sv32", sv32],
  ] as const) {
    for (const name of namesOf(architecture === sv32 ? "riscv32" : "riscv64")) {
      it(`page in, every byte as in the file: ${name} on ${title}`, async () => {
        const report = await runWorkload(architecture, { program: file(name) }, { ...checked, processors: 2 });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn["image"]).to.be.greaterThan(0);
        expect(report.bytesChecked).to.be.greaterThan(50_000);
      });
    }
  }

  it("run with the kernel kept from the user's pages, and with code that may be read", async () => {
    for (const switches of [{ SUM: false }, { MXR: true }, { SUM: false, MXR: true }])
      expect(await runWorkload(riscv64, { program: file("sort.riscv64.elf") }, { ...checked, switches })).to.include(clean);
  });

  it("mark each page once more where handlers set A and D: a read-only page once, a written one at the first write", async () => {
    const refusals = async (marks: "hardware" | "fault"): Promise<number> => {
      let count = 0;
      const inspect: RunOptions["inspect"] = (machine) => {
        count = machine.cpus.reduce((sum, { statistics }) => sum + statistics.refusals, 0);
      };
      await runWorkload(riscv64With({ marks }), { program: file("sieve.riscv64.elf") }, { inspect });
      return count;
    };
    const [byHardware, byFault] = [await refusals("hardware"), await refusals("fault")];
    expect(byFault).to.be.greaterThan(byHardware);
  });
});
