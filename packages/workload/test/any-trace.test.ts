import { expect } from "chai";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { assertInvariants, PortolanError, type Architecture } from "@portolan/core";
import { runWorkload, type RunReport } from "#src/index.js";

const words = readFileSync(new URL("../../../examples/programs/words.i686.elf", import.meta.url));

/** Places where something ends: page 0, the program, the user's range of each machine, the hole, the address space. */
const places = [
  0n,
  0x1000n,
  0x804_8000n,
  0x804_a000n,
  0x7fff_0000n,
  0x7fff_e000n,
  0x8000_0000n,
  0xffff_f000n,
  0x1f_ff00_0000n,
  0x7ff_ffff_f000n,
  0x800_0000_0000n,
  0xffff_f7ff_ffff_e000n,
  0xffff_f800_0000_0000n,
  0xffff_ffff_ffff_0000n,
  0xffff_ffff_ffff_c000n,
];
const line = fc.record({
  letters: fc.constantFrom("I ", " L", " S", " M"),
  place: fc.nat({ max: 3 }),
  offset: fc.nat({ max: 0x9000 }),
  size: fc.constantFrom(1, 2, 3, 4, 8, 16, 512, 4096),
});
const aTrace = fc.record({
  places: fc.array(fc.constantFrom(...places), { minLength: 4, maxLength: 4 }),
  lines: fc.array(line, { minLength: 1, maxLength: 120 }),
});
const options = fc.record({ rebase: fc.boolean(), processors: fc.integer({ min: 1, max: 3 }), slice: fc.integer({ min: 1, max: 40 }) });

const textOf = (trace: typeof aTrace extends fc.Arbitrary<infer Trace> ? Trace : never): string =>
  trace.lines
    .map(({ letters, place, offset, size }) => {
      const address = BigInt.asUintN(64, (trace.places[place] ?? 0n) + BigInt(offset));
      return `${letters} ${address.toString(16)},${size}`;
    })
    .join("\n");

/** What a run came to, or the code of the error that refused it. */
const outcomeOf = async (architecture: Architecture, text: string, given: object): Promise<RunReport | string> => {
  const trace = async function* () {
    yield new TextEncoder().encode(text);
  };
  try {
    return await runWorkload(
      architecture,
      { trace, ...("program" in given ? { program: words } : {}) },
      {
        memoryBytes: 2 ** 24,
        inspect: (machine) => assertInvariants(machine),
        ...given,
      },
    );
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
};

describe("any trace at all", () => {
  for (const architecture of [ia32, sparc64, abs32le]) {
    it(`is served wholly on ${architecture.name} if it may be moved, and otherwise served wholly or refused before it starts`, async () => {
      const check = fc.asyncProperty(aTrace, options, async (trace, given) => {
        const outcome = await outcomeOf(architecture, textOf(trace), given);
        if (typeof outcome === "string") expect([given.rebase, outcome]).to.deep.equal([false, "ERR_DOES_NOT_FIT"]);
        else expect(outcome).to.include({ wrongBytes: 0, refusedAccesses: 0, leakedFrames: 0 });
      });
      await fc.assert(check, { numRuns: 150 });
    });
  }

  it("over a program is refused only what the program's segments forbid", async () => {
    const check = fc.asyncProperty(aTrace, options, async (trace, given) => {
      const outcome = await outcomeOf(ia32, textOf(trace), { ...given, rebase: true, program: true });
      if (typeof outcome === "string") throw new Error(outcome);
      expect(outcome).to.include({ wrongBytes: 0, leakedFrames: 0 });
      expect(Object.keys(outcome.faults.refused)).to.satisfy((rules: string[]) =>
        rules.every((rule) => rule === "the area forbids this access"),
      );
    });
    await fc.assert(check, { numRuns: 150 });
  });
});
