/** Programs of the machine, paged in. */
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
    ["pages of 16 KiB", arm64With({ granule: 16 })],
    ["pages of 64 KiB", arm64With({ granule: 64 })],
  ] as const) {
    for (const name of ["sort.arm64.elf", "words.pie.arm64.elf"]) {
      it(`page in, every byte as in the file: ${name} with ${title}`, async () => {
        const report = await runWorkload(architecture, { program: file(name) }, { ...checked, processors: 2 });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn["image"]).to.be.greaterThan(0);
      });
    }
  }

  it("page in with the kernel kept from the user's data, and nothing executed that is writable", async () => {
    for (const switches of [{ PAN: true }, { WXN: true }, { PAN: true, WXN: true }])
      expect(await runWorkload(arm64, { program: file("sort.arm64.elf") }, { ...checked, switches })).to.include(clean);
  });
});
