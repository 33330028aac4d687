import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { AREA_READ, buildMachine, PortolanError, type AreaRequest, type MachineOptions } from "#src/index.js";

const refusal = (work: () => unknown): PortolanError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PortolanError) return error;
    throw error;
  }
  throw new Error("it was accepted");
};

describe("what a machine is built with", () => {
  it("is refused where it is misspelt, of the wrong kind, or says two things", () => {
    for (const [options, says] of [
      [{ cpu: 2 }, "option cpu, known cpus; memoryBytes"],
      [{ cpus: 0 }, "cpus 0, lowest 1, highest 64"],
      [{ cpus: 65 }, "cpus 65"],
      [{ cpus: "2" }, "cpus 2"],
      [{ seed: 0.5 }, "seed 0.5"],
      [{ memory: new ArrayBuffer(2 ** 20), memoryBytes: 2 ** 21 }, "memoryBytes 2097152, memory 1048576"],
      [{ memory: new Uint8Array(2 ** 20) }, "memory a view, rule the ArrayBuffer itself"],
      [{ onEvent: "console" }, "onEvent string"],
      [{ switches: { WP: true } }, "switch WP"],
    ] as const) {
      const { code, message } = refusal(() => buildMachine(abs32le, options as unknown as MachineOptions));
      expect(code, says).to.equal("ERR_BAD_ARGUMENT");
      expect(message).to.contain(says);
    }
  });

  it("may be absent or said as undefined", () => {
    expect(buildMachine(abs32le).cpus).to.have.length(1);
    const same = { memory: new SharedArrayBuffer(2 ** 20), memoryBytes: 2 ** 20 };
    expect(buildMachine(abs32le, same).parts.memory.frameCount).to.equal(256);
  });

  it("an area's backend is not forgotten without a word", () => {
    const space = buildMachine(abs32le).spaces.create();
    const { code, message } = refusal(() => space.createArea({ size: 4096, flags: AREA_READ } as unknown as AreaRequest));
    expect([code, message]).to.deep.equal(["ERR_BAD_ARGUMENT", message]);
    expect(message).to.contain("a backend, or null");
    expect([...space.areas()]).to.deep.equal([]);
  });

  it("shows negative numbers as such", () => {
    const space = buildMachine(abs32le).spaces.create();
    expect(refusal(() => space.createArea({ size: -5n, flags: AREA_READ, backend: null })).message).to.contain("size -0x5");
  });
});
