/** Programs of the machine's byte order, paged in: what is in them is data to the core, whoever would execute it. */
import { assertInvariants } from "@portolan/core";
import { runWorkload, type RunOptions } from "@portolan/workload";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { arm64, arm64With } from "#src/index.js";

const file = (name: string): Uint8Array => readFileSync(new URL(`../../../examples/programs/${name}`, import.meta.url));
const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };
const clean = { wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 };

describe("programs on arm64", () => {
  for (const [title, architecture] of [
    ["four levels", arm64],
    ["39 bits in each half, on a Cortex-A53", arm64With({ processor: "cortexa53", bits: 39, asidBits: 8 })],
    [
      "a Neoverse N1's second buffer, AF set by hardware",
      arm64With({ processor: "neoversen1", granule: 4, buffers: "second", accessFlag: "hardware" }),
    ],
  ] as const) {
    for (const name of ["sort.riscv64.elf", "words.riscv64.elf"]) {
      it(`page in, every byte as in the file: ${name} with ${title}`, async () => {
        const report = await runWorkload(architecture, { program: file(name) }, { ...checked, processors: 2 });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn["image"]).to.be.greaterThan(0);
      });
    }
  }

  it("page in with the kernel kept from the user's data, and nothing executed that is writable", async () => {
    for (const switches of [{ PAN: true }, { WXN: true }, { PAN: true, WXN: true }])
      expect(await runWorkload(arm64, { program: file("sort.riscv64.elf") }, { ...checked, switches })).to.include(clean);
  });
});
