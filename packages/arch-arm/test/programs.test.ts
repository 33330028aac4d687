/** Programs built for ARM, paged in on ARMs. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { assertInvariants } from "@portolan/core";
import { runWorkload, type RunOptions } from "@portolan/workload";
import { arm, arm32, dacrSwitches, DACR_CLIENTS, withDomain } from "#src/index.js";
import { armv7 } from "#src/v7.js";

const programs = new URL("../../../examples/programs/", import.meta.url);
const names = readdirSync(programs).filter((name) => name.endsWith(".arm.elf"));
const file = (name: string): Uint8Array => readFileSync(new URL(name, programs));
const checked: RunOptions = { inspect: (machine) => assertInvariants(machine) };
const clean = { wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 };

describe("programs on ARM", () => {
  it("are there", () => {
    expect(names).to.have.members(["sieve", "sort", "words", "words.pie"].map((name) => `${name}.arm.elf`));
  });

  for (const [title, architecture] of [
    ["an ARMv5", arm32],
    ["an ARM920T", arm({ processor: "arm920t" })],
    ["an ARM1136", arm({ processor: "arm1136jfs" })],
    ["a Cortex-A9", armv7],
    ["a Cortex-A8 with two roots and the access flag", arm({ processor: "cortexa8", ttbcrN: 1, accessFlag: true })],
  ] as const) {
    for (const name of names) {
      it(`page in, every byte as in the file: ${name} on ${title}`, async () => {
        const report = await runWorkload(architecture, { program: file(name) }, { ...checked, processors: 2 });
        expect(report).to.include(clean);
        expect(report.faults.pagesIn).to.include({ anonymous: (2 * 65536) / 4096 });
        expect(report.bytesChecked).to.be.greaterThan(50_000);
      });
    }
  }

  it("run whatever the other domains are, and not at all in a closed one", async () => {
    const only = dacrSwitches(withDomain(0, 0, "client"));
    expect(await runWorkload(arm32, { program: file("sort.arm.elf") }, { ...checked, switches: only })).to.include(clean);
    const none = dacrSwitches(withDomain(DACR_CLIENTS, 0, "none"));
    expect((await runWorkload(arm32, { program: file("sort.arm.elf") }, { switches: none })).refusedAccesses).to.be.greaterThan(0);
  });
});
