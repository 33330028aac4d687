/** The golden vectors of TLBs: their rows are a state's, and what they must answer is what a walk through the TLB alone answers. */
import { mips32 } from "@portolan/arch-mips32";
import { mips32be } from "@portolan/arch-mips32/big";
import { sparc64 } from "@portolan/arch-sparc64";
import { EXECUTE, KERNEL, READ, USER, WRITE, type TlbRow } from "@portolan/core";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { memoryOf, sourcesOf, walkAddress } from "#src/index.js";

interface VectorFile {
  readonly rows?: "hardware";
  readonly ram: { readonly bytes: string };
  readonly vectors: readonly {
    readonly name: string;
    readonly registers: { readonly asid: number };
    readonly tlb: readonly (Pick<TlbRow, "unit" | "index" | "asid" | "global" | "valid"> &
      Readonly<Record<"virtual" | "bytes" | "physical" | "kernel" | "user", string>>)[];
    readonly queries: readonly {
      readonly address: string;
      readonly access: "read" | "write" | "execute";
      readonly privilege: "kernel" | "user";
      readonly answer: { readonly physical?: string; readonly fault?: string };
    }[];
  }[];
}

const ACCESSES = { read: READ, write: WRITE, execute: EXECUTE } as const;
const PRIVILEGES = { kernel: KERNEL, user: USER } as const;
const masked = (letters: string): number =>
  ["r", "w", "x"].reduce((mask, letter, bit) => mask | (letters.includes(letter) ? 1 << bit : 0), 0);

describe("golden vectors of TLBs", () => {
  for (const [architecture, set] of [mips32, mips32be, sparc64].flatMap((machine) =>
    ["entries", "hardware-rows"].map((name) => [machine, name] as const),
  ))
    it(`are answered for ${architecture.name} as the vectors say: ${set}`, async () => {
      const path = new URL(`../../../conformance/vectors/${architecture.name}/${set}.json`, import.meta.url);
      const { ram, rows: kind, vectors } = JSON.parse(readFileSync(path, "utf8")) as VectorFile;
      const memory = memoryOf(new Uint8Array(Number(ram.bytes)));
      let [asked, served] = [0, 0];
      for (const { name, registers, tlb, queries } of vectors) {
        const rows = tlb.map(({ virtual, bytes, physical, kernel, user, ...row }): TlbRow => ({
          ...row,
          virtual: BigInt(virtual),
          bytes: Number(bytes),
          physical: BigInt(physical),
          kernel: masked(kernel),
          user: masked(user),
        }));
        const software = sourcesOf(architecture, { registers: {}, tlb: rows }, { asid: registers.asid, from: "tlb" });
        for (const { address, access, privilege, answer } of queries) {
          const walk = await walkAddress(memory, architecture, { software }, BigInt(address), {
            access: ACCESSES[access],
            privilege: PRIVILEGES[privilege],
          });
          asked += 1;
          if (answer.physical !== undefined) served += 1;
          // Vectors of any rows know that an entry refuses; an UltraSPARC tells by which of its bits.
          const fault = kind !== "hardware" && ["privileged", "reserved"].includes(walk.reasonName) ? "protection" : walk.reasonName;
          const told = walk.physical === null ? { fault } : { physical: `0x${walk.physical.toString(16)}` };
          expect(told, `${name}: ${privilege} ${access} at ${address}`).to.deep.equal(
            answer.physical === undefined ? { fault: answer.fault } : { physical: answer.physical },
          );
        }
      }
      expect(asked).to.be.greaterThan(100);
      expect(served).to.be.greaterThan(20);
    });
});
