/**
 * Listings of TLBs. Those in `listings/` are real: OpenBIOS in QEMU's sun4u at its prompt, and Debian's kernel for the Malta board, asked by
 * SysRq-x on a 24Kc and on a P5600, whose entries have RI and XI. Of those that are judged QEMU has said itself how it translates.
 */
import { EXECUTE, PortolanError, READ, WRITE, type TlbRow } from "@portolan/core";
import { listingText, readListing, readListings } from "@portolan/image/listings";
import { expect } from "chai";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { surviveListing } from "./survive.js";

const folder = new URL("../test/listings/", import.meta.url);
const real = (name: string): string => readFileSync(new URL(name, folder), "utf8");

/** The place and the reason that a text is refused with. */
const whyNot = (text: string, processor?: number): string => {
  try {
    readListing(text, processor);
  } catch (error) {
    expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_BAD_LISTING");
    const { line, column, because } = (error as PortolanError).values;
    return `${String(line)}:${String(column)} ${String(because)}`;
  }
  return "read";
};

const rowAt = (tlb: readonly TlbRow[], unit: TlbRow["unit"], index: number): readonly TlbRow[] =>
  tlb.filter((row) => row.unit === unit && row.index === index);

describe("listings of QEMU for sparc64", () => {
  const text = real("qemu-sparc64.txt");

  it("are read entry for entry", () => {
    const { machine, registers, tlb } = readListing(text);
    expect(machine).to.equal("sparc64");
    expect(registers).to.deep.equal({ PRIMARY_CONTEXT: 0n, SECONDARY_CONTEXT: 0n, TAG_ACCESS_D: 0xfd00_e000n, TAG_TARGET_D: 0n });
    expect(tlb.filter(({ unit }) => unit === "data")).to.have.length(64);
    expect(tlb.filter(({ unit }) => unit === "instruction")).to.have.length(2);
    expect(rowAt(tlb, "data", 2)).to.deep.equal([
      {
        unit: "data",
        index: 2,
        virtual: 0xffd0_0000n,
        bytes: 0x8_0000,
        physical: 0x1ff_f000_0000n,
        asid: 0,
        global: false,
        kernel: READ,
        user: 0,
        locked: true,
      },
    ]);
    expect(rowAt(tlb, "instruction", 1)).to.deep.equal([
      {
        unit: "instruction",
        index: 1,
        virtual: 0xfef8_0000n,
        bytes: 0x8_0000,
        physical: 0x7e8_0000n,
        asid: 0,
        global: false,
        kernel: EXECUTE,
        user: 0,
        locked: true,
      },
    ]);
    expect(rowAt(tlb, "data", 5)[0])
      .to.include({ kernel: READ | WRITE, bytes: 8192 })
      .and.not.have.property("locked");
  });

  it("are found in what a terminal has kept, and end at the next prompt", () => {
    const monitor = `QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) info tlb\r\n${text.replaceAll("\n", "\r\n")}(qemu) quit\r\n[99] not a TLB's\r\n`;
    expect(readListings(monitor)).to.deep.equal(readListings(text));
    expect(
      readListings(`${text}${text.replace("Primary: 0", "Primary: 7")}`).map(({ registers }) => registers["PRIMARY_CONTEXT"]),
    ).to.deep.equal([0n, 7n]);
  });

  it("say of pages of every size and of every right what they are", () => {
    const lines = [
      "MMU contexts: Primary: 12, Secondary: 8191",
      "DMMU dump",
      "[00] VA: ffffffffffc12000, PA: 1ff00412000,   4M, user, RW, unlocked, ie yes, ctx 8191 global",
      "[63] VA: 16000, PA: 6000,  64k, user, RO, unlocked, ie no, ctx 12 local",
      "IMMU dump",
      "[07] VA: 4000, PA: 8000,   8k, user, unlocked, ctx 12 global",
    ];
    expect(readListing(lines.join("\n")).tlb).to.deep.equal([
      // Bits of the address below the page are not compared.
      {
        unit: "data",
        index: 0,
        virtual: 0xffff_ffff_ffc0_0000n,
        bytes: 0x40_0000,
        physical: 0x1ff_0040_0000n,
        asid: 8191,
        global: true,
        kernel: READ | WRITE,
        user: READ | WRITE,
      },
      { unit: "data", index: 63, virtual: 0x1_0000n, bytes: 0x1_0000, physical: 0n, asid: 12, global: false, kernel: READ, user: READ },
      {
        unit: "instruction",
        index: 7,
        virtual: 0x4000n,
        bytes: 0x2000,
        physical: 0x8000n,
        asid: 12,
        global: true,
        kernel: EXECUTE,
        user: EXECUTE,
      },
    ]);
    expect(readListing("MMU contexts: Primary: 0, Secondary: 0\nDMMU disabled\nIMMU disabled\n").tlb).to.deep.equal([]);
  });

  it("that break off or say what cannot be are refused with the place", () => {
    const head = "MMU contexts: Primary: 0, Secondary: 0\nDMMU dump\n";
    expect(whyNot(`${head}[00] VA: ffe0`)).to.equal('3:14 ", PA: " is missing');
    expect(whyNot(`${head}[00] VA: 1ffffffffffffffff, PA: 0`)).to.equal("3:10 the virtual address is missing");
    expect(whyNot(`${head}[00] VA: 0, PA: 0,  16k, priv`)).to.match(/^3:21 8k, 64k/);
    expect(whyNot(`${head}[00] VA: 0, PA: 0,   8k, priv, RW, locked, ie no, ctx 9000 local`)).to.match(/^3:55 the context is 9000/);
    expect(whyNot(`${head}[00] VA: 0, PA: 0,   8k, priv, RW, locked, ie no, ctx 1 local, x`)).to.equal(
      "3:62 the end of the line is missing",
    );
    expect(whyNot("MMU contexts: Primary: 0")).to.equal('1:25 ", Secondary: " is missing');
  });
});

describe("listings of Linux on MIPS", () => {
  it("are read register for register and half for half", () => {
    const { machine, registers, tlb } = readListing(real("linux-mips.txt"));
    expect(machine).to.equal(undefined);
    expect(registers).to.deep.equal({ Index: 8n, PageMask: 0n, EntryHi: 5n, EntryLo0: 0x44ed2n, EntryLo1: 0x44f12n, Wired: 0n });
    expect(tlb).to.have.length(32);
    const words = { EntryHi: 0x63_4005n, EntryLo0: 0xbd156n, EntryLo1: 0n, PageMask: 0n };
    const both = { unit: "data", index: 8, bytes: 4096, asid: 5, global: false, words } as const;
    expect(rowAt(tlb, "data", 8)).to.deep.equal([
      { ...both, virtual: 0x63_4000n, physical: 0x2f4_5000n, kernel: 7, user: 7, uncached: true },
      { ...both, virtual: 0x63_5000n, physical: 0n, kernel: 0, user: 0, valid: false },
    ]);
  });

  it("tell of pages that may not be read or executed, where processors know such", () => {
    const { registers, tlb } = readListing(real("linux-mips-rixi.txt"));
    expect(registers).to.include({ PageGrain: 0xc800_0000n, PWField: 0x1600_0306n, PWCtl: 0x8000_0000n });
    expect(tlb.some(({ kernel }) => kernel === (READ | EXECUTE))).to.equal(true);
    const written = tlb.filter(({ kernel }) => (kernel & WRITE) !== 0);
    // A stack and data: the kernel forbids their execution.
    for (const { kernel, words, virtual, bytes } of written) {
      expect(kernel).to.equal(READ | WRITE);
      const word = words?.[virtual % BigInt(2 * bytes) === 0n ? "EntryLo0" : "EntryLo1"] ?? 0n;
      expect(word >> 30n, "XI").to.equal(1n);
    }
    expect(written.length).to.be.greaterThan(0);
    const unreadable =
      "Index:  0 pgmask=4kb va=00400000 asid=05\n\t[ri=1 xi=0 pa=00001000 c=3 d=0 v=1 g=0] [ri=1 xi=1 pa=00002000 c=3 d=1 v=1 g=0]";
    expect(readListing(unreadable).tlb.map(({ kernel, words }) => [kernel, words?.["EntryLo0"], words?.["EntryLo1"]])).to.deep.equal([
      [EXECUTE, 0x8000_005an, 0xc000_009en],
      [WRITE, 0x8000_005an, 0xc000_009en],
    ]);
  });

  const entry = "Index:  3 pgmask=16kb va=c0010000 asid=96\n";
  const halves = "[pa=0001c000 c=3 d=1 v=1 g=1] [pa=00020000 c=0 d=0 v=0 g=1]\n";

  it("have looked otherwise: halves on lines of their own, other names of registers, guests, marks of letters and logs, broken lines", () => {
    const [first, second] = halves.trim().split("] ");
    const expected = readListing(entry + halves).tlb;
    expect(expected).to.deep.include({
      unit: "data",
      index: 3,
      virtual: 0xc001_0000n,
      bytes: 0x4000,
      physical: 0x1_c000n,
      asid: 0x96,
      global: true,
      kernel: 7,
      user: 7,
      words: { EntryHi: 0xc001_0096n, EntryLo0: 0x71fn, EntryLo1: 0x801n, PageMask: 0x6000n },
    });
    for (const text of [
      `Pagemask: ffffffff\nEntryHi : c0000096\n\n${entry}\t\t\t[${first?.slice(1)}]\n\t\t\t${second}\n\n`,
      entry.replace("asid=96", "asid=96 gid=00") + halves,
      `>> ${entry}>> ${halves}`,
      `> > [   33.882987] ${entry}> > [   33.882987]  ${halves}`,
      `Jul  7 12:00:01 malta kernel: [  195.596501] ${entry}Jul  7 12:00:01 malta kernel: [  195.596501]  ${halves}`,
      `<6>[4294701.476000] ${entry}<6>[4294701.476000]        ${halves}`,
      `[    1.000000][    T1] ${entry}[    1.000000][    T1]  ${halves}`,
      `${entry} ${halves.replace("v=0 g=1]", "v=0\ng=1]")}`,
      `${entry} [pa=0001c000 c=3 d=1 v=1\n>> g=1] [pa=00020000 c=0\n>> d=0 v=0 g=1]\n`,
      `${entry}${halves}`.replaceAll("\n", "\r\n"),
    ])
      expect(readListing(text).tlb, text).to.deep.equal(expected);
    expect(readListing(`Pagemask: ffffffff\nEntryHi : c0000096\n${entry}${halves}`).registers).to.deep.equal({
      PageMask: 0xffff_ffffn,
      EntryHi: 0xc000_0096n,
    });
  });

  it("that print no register have the ASID of their entries: others are not printed", () => {
    const own = `Index:  1 pgmask=4kb va=00400000 asid=17\n${halves.replaceAll("g=1", "g=0")}`;
    expect(readListing(own + entry + halves).registers).to.deep.equal({ EntryHi: 0x17n });
    expect(readListing(entry + halves).registers).to.deep.equal({});
    // One G is not enough.
    expect(readListing(`Index:  1 pgmask=4kb va=00400000 asid=17\n${halves.replace("g=1", "g=0")}`).tlb[0]?.global).to.equal(false);
  });

  it("of several processors are several states", () => {
    const text = real("linux-mips.txt");
    const two = text + text.replace("EntryHi  : 00000005", "EntryHi  : 00000009");
    expect(readListings(two).map(({ registers, tlb }) => [registers["EntryHi"], tlb.length])).to.deep.equal([
      [5n, 32],
      [9n, 32],
    ]);
    expect(readListing(two, 1).registers["EntryHi"]).to.equal(9n);
    expect(readListings(`${entry}${halves}${entry}${halves}`)).to.have.length(2);
    expect(whyNot(two, 2)).to.equal("1:1 it tells of 2 processors, and not of number 2");
  });

  it("of 64-bit processors have no words of 32 bits", () => {
    const text =
      "Index: 25 pgmask=1Gb va=00120456000 asid=f4\n\t[ri=1 xi=0 pa=000e47d3000 c=0 d=1 v=1 g=0] [ri=0 xi=1 pa=0009005a000 c=1 d=0 v=1 g=0]\n";
    const { tlb } = readListing(text);
    expect(tlb.map(({ virtual, bytes, physical, kernel, words }) => [virtual, bytes, physical, kernel, words])).to.deep.equal([
      [0x1_0000_0000n, 2 ** 30, 0xc000_0000n, WRITE | EXECUTE, undefined],
      [0x1_4000_0000n, 2 ** 30, 0x8000_0000n, READ, undefined],
    ]);
  });

  it("that break off or say what cannot be are refused with the place", () => {
    expect(whyNot("Index:  3 pgmask=4kb va=c001")).to.equal('1:29 "asid=" is missing');
    expect(whyNot(entry)).to.equal("2:1 a half in brackets is missing");
    expect(whyNot(`${entry}[pa=0001c000 c=3 d=1 v=1 g=1]\nCode: 00684021`)).to.equal("3:1 a half in brackets is missing");
    expect(whyNot(entry + halves.replace("c=3", "c=9"))).to.equal('2:14 "c=" is missing');
    expect(whyNot(entry.replace("16kb", "12kb") + halves)).to.match(/^1:18 a page size/);
    expect(whyNot(entry.replace("16kb", "") + halves)).to.match(/^1:18 a page size/);
    expect(whyNot("Index:  0 va=00400000 asid=05  [pa=000100 n=0 d=1 v=1 g=0]")).to.match(/^1:11 .*R3000/);
    expect(whyNot("")).to.equal("1:1 no line is one of a listing that is known");
  });
});

describe("listings in our own form", () => {
  const own = `{ "format": 1, "machine": "mips32", "registers": { "EntryHi": "0x5" }, "switches": { "S": true },
  "tlb": [
   {"unit":"data","index":1,"virtual":"0x40000","bytes":"0x2000","physical":"0x8000","asid":2,"global":false,"kernel":"rwx","user":"","valid":true}
  ], "spaces": [{ "space": 1, "asid": 2, "root": "0x100", "registers": { "TSB_D": "0x2" } }] }`;

  it("say everything that a state has, and are what is written of one", () => {
    const state = readListing(own);
    expect(state).to.deep.equal({
      machine: "mips32",
      registers: { EntryHi: 5n },
      switches: { S: true },
      tlb: [
        {
          unit: "data",
          index: 1,
          virtual: 0x4_0000n,
          bytes: 0x2000,
          physical: 0x8000n,
          asid: 2,
          global: false,
          kernel: 7,
          user: 0,
          valid: true,
        },
      ],
      spaces: [{ space: 1, asid: 2, root: 0x100n, registers: { TSB_D: 2n } }],
    });
    expect(readListing(listingText(state))).to.deep.equal(state);
    expect(readListing(`\uFEFF\n${own}`)).to.deep.equal(state);
    expect(readListing('{"format":1,"tlb":[]}')).to.deep.equal({ registers: {}, tlb: [] });
    for (const name of readdirSync(folder))
      for (const found of readListings(real(name))) expect(readListing(listingText(found)), name).to.deep.equal(found);
  });

  it("that are damaged are refused with line and column", () => {
    const cases: readonly (readonly [from: string, to: string, why: string])[] = [
      ['"format": 1', '"format": 2', "1:13 format 2 is not known; 1 is"],
      ['"format": 1, ', "", '1:1 "format" is missing'],
      ['"0x40000"', '"262144"', '3:39 "virtual" is no hexadecimal number of 64 bits like "0x1f"'],
      ['"0x40000"', "262144", '3:39 "virtual" is not text'],
      ['"0x2000"', '"0x3000"', '3:57 "bytes" is no power of two below 2^52'],
      ['"0x40000"', '"0xffffffffffffffff"', "3:4 the entry ends behind the last address"],
      ['"index":1', '"index":1.5', '3:27 "index" is no whole number of 32 bits'],
      ['"index":1', '"index":4294967296', '3:27 "index" is no whole number of 32 bits'],
      ['"kernel":"rwx"', '"kernel":"xwr"', '3:119 "kernel" is not any of r, w, x in this order'],
      ['"data"', '"both"', '3:12 "unit" is neither "data" nor "instruction"'],
      ['"asid":2,"g', '"g', '3:4 "asid" is missing'],
      ['"valid"', '"vaild"', '3:143 "vaild" is not known here'],
      ['"EntryHi"', '"Entry Hi"', '1:64 "Entry Hi" is no name of letters, digits, "_", "." and "-"'],
      ['"S": true', '"S": 1', '1:91 "S" is not true or false'],
      ['"format"', '"tlb": [], "format"', '2:3 "tlb" is there twice'],
      ["] }", "]", '4:93 "," or "}" is missing'],
      ['{ "format"', "{ format", "1:3 a string of at most 1000 characters is missing"],
      ["false", "flase", "3:104 no JSON begins so"],
    ];
    for (const [from, to, why] of cases) {
      expect(own, from).to.contain(from);
      expect(whyNot(own.replace(from, to)), to).to.equal(why);
    }
    expect(whyNot(`${own} x`)).to.match(/text follows$/);
    expect(whyNot("{")).to.equal("1:2 a string of at most 1000 characters is missing");
    expect(whyNot('{"format":')).to.equal("1:11 the text ends early");
    expect(whyNot(`{"format":1,"tlb":${"[".repeat(10)}`)).to.match(/more than 8 brackets are open$/);
    expect(whyNot(`{"format":1,"tlb":[${'{"unit":1},'.repeat(70_000)}{}]}`)).to.match(/"tlb" has more than 65536 members$/);
    expect(whyNot(" ".repeat(2 ** 24 + 1))).to.match(/^1:1 the text has 16777217 characters/);
  });
});

describe("listings and who translates by the same entries", () => {
  // What QEMU's monitor said to `gva2gpa` while the machine was stopped in the state that it, or its guest, had listed.
  const judged = JSON.parse(readFileSync(new URL("../test/judged.json", import.meta.url), "utf8")) as Readonly<
    Record<string, Readonly<Record<string, string | null>>>
  >;

  for (const [name, answers] of Object.entries(judged)) {
    it(`agree, address for address: ${name}`, () => {
      const { tlb } = readListing(real(name));
      const translated = (address: bigint): bigint | null => {
        const row = tlb.find(({ virtual, bytes }) => address >= virtual && address < virtual + BigInt(bytes));
        return row === undefined || row.valid === false ? null : row.physical + address - row.virtual;
      };
      for (const [address, answer] of Object.entries(answers))
        expect(translated(BigInt(address)), address).to.equal(answer === null ? null : BigInt(answer));
      expect(Object.values(answers)).to.include(null).and.to.have.length.greaterThan(6);
    });
  }
});

describe("hostile listings", () => {
  const originals = readdirSync(folder)
    .map(real)
    .flatMap((text) => [text.slice(0, 3000), listingText(readListing(text)).slice(0, 4000)]);
  const pieces = [
    "0",
    "ffffffffffffffff",
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    "Index:",
    "va=",
    "\n",
    "\r\n",
    "DMMU dump\n",
    "> ",
    "pgmask=4kb",
    "1e999",
    "-1",
    "\\u0000",
  ];

  it("are read, or refused with a place in them, and never more", () => {
    const outcomes = { read: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...originals),
        fc.array(fc.tuple(fc.nat(4000), fc.nat(12), fc.constantFrom(...pieces, "")), { minLength: 1, maxLength: 3 }),
        fc.option(fc.nat(4000), { nil: 4000 }),
        (text, changes, length) => {
          let changed = text;
          for (const [at, count, piece] of changes) changed = changed.slice(0, at) + piece + changed.slice(at + count);
          outcomes[surviveListing(changed.slice(0, length))] += 1;
        },
      ),
      { numRuns: 300, seed: 11 },
    );
    expect(outcomes.read).to.be.greaterThan(10);
    expect(outcomes.refused).to.be.greaterThan(50);
  });

  it("are refused at once, however long their lines and however many of them are empty", () => {
    for (const text of [
      `Index:  1 pgmask=4kb ${" ".repeat(2 ** 20)}`,
      `Index:  1 pgmask=4kb va=0 asid=0\n${"> ".repeat(2 ** 20)}`,
      `Index:  1 pgmask=4kb va=0 asid=0\n${"\n".repeat(2 ** 20)}`,
      `DMMU dump\n${"[".repeat(2 ** 20)}`,
      `{"a":"${"\\".repeat(2 ** 20)}`,
      "{".repeat(2 ** 20),
      `{${" ".repeat(2 ** 20)}`,
    ])
      expect(surviveListing(text)).to.equal("refused");
  });
});
