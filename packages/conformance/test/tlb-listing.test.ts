/** One form of TLB contents: the rows of golden vectors are listings as they stand, and the schema says what the reader says. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { readVectors } from "@portolan/conformance";
import { PortolanError } from "@portolan/core";
import { listingText, readListing } from "@portolan/image/listings";
import { expect } from "chai";
import { readFileSync } from "node:fs";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

describe("listings of TLB contents", () => {
  const ajv = new Ajv2020();
  const schema = ajv.compile(JSON.parse(read("schema/tlb.schema.json")) as object);
  const isRead = (text: string): boolean => {
    try {
      readListing(text);
      return true;
    } catch (error) {
      if (error instanceof PortolanError && error.code === "ERR_BAD_LISTING") return false;
      throw error;
    }
  };

  for (const [machine, set] of ["mips32", "mips32be", "sparc64"].flatMap((name) => [
    [name, "entries"],
    [name, "hardware-rows"],
  ])) {
    it(`are the rows of golden vectors, for schema and reader: ${machine}, ${set}`, () => {
      const path = `vectors/${machine}/${set}.json`;
      for (const { name, tlb = [] } of readVectors(read(path), path).vectors) {
        const listing = { format: 1, machine, tlb };
        expect(schema(listing), ajv.errorsText(schema.errors)).to.equal(true);
        const state = readListing(JSON.stringify(listing));
        const again = JSON.parse(listingText(state)) as { readonly tlb: unknown };
        expect(again.tlb, name).to.deep.equal(tlb);
        expect(schema(again), ajv.errorsText(schema.errors)).to.equal(true);
      }
    });
  }

  it("are refused by the schema where the reader refuses them, and taken where it takes them", () => {
    const entry = {
      unit: "data",
      index: 1,
      virtual: "0x40000",
      bytes: "0x2000",
      physical: "0x8000",
      asid: 2,
      global: false,
      kernel: "rwx",
      user: "r",
      valid: true,
      locked: false,
      uncached: true,
      words: { EntryHi: "0x40002" },
    };
    const whole = {
      format: 1,
      machine: "mips32",
      registers: { EntryHi: "0x2" },
      switches: { S: true },
      tlb: [entry],
      spaces: [{ space: 1, asid: 2, root: "0x100", registers: { TSB_D: "0x2" } }],
    };
    const changed = (change: object): object => ({ ...whole, ...change });
    const row = (change: object): object => changed({ tlb: [{ ...entry, ...change }] });
    const cases: readonly (readonly [listing: object, isGood: boolean])[] = [
      [whole, true],
      [{ format: 1, tlb: [] }, true],
      [row({ bytes: "0x1" }), true],
      [row({ bytes: "0x0000000000080000" }), true],
      [row({ kernel: "" }), true],
      [changed({ spaces: [{ space: 2 ** 40, asid: 0 }] }), true],
      [{ format: 1 }, false],
      [changed({ format: 2 }), false],
      [changed({ machine: "" }), false],
      [changed({ extra: 1 }), false],
      [changed({ registers: { "a b": "0x1" } }), false],
      [changed({ registers: { EntryHi: 5 } }), false],
      [changed({ registers: { EntryHi: "0x12345678123456781" } }), false],
      [changed({ switches: { S: 1 } }), false],
      [changed({ tlb: {} }), false],
      [changed({ spaces: [{ space: 1 }] }), false],
      [changed({ spaces: [{ space: -1, asid: 0 }] }), false],
      [row({ bytes: "0x3000" }), false],
      [row({ bytes: "0x0" }), false],
      [row({ virtual: "0x0", bytes: "0x10000000000000" }), true],
      [row({ virtual: "0x0", bytes: "0x20000000000000" }), false],
      [row({ bytes: "0x00000000000000001" }), false],
      [row({ index: -1 }), false],
      [row({ asid: 2 ** 32 }), false],
      [row({ unit: "code" }), false],
      [row({ user: "xr" }), false],
      [row({ words: [] }), false],
      [row({ color: "red" }), false],
    ];
    for (const [listing, isGood] of cases) {
      const text = JSON.stringify(listing);
      expect(schema(listing), text).to.equal(isGood);
      expect(isRead(text), text).to.equal(isGood);
    }
  });
});
