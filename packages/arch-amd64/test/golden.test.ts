/** Words worked out by hand from the manual's tables. */
import { expect } from "chai";
import {
  assertInvariants,
  buildMachine,
  EXECUTE,
  FormatCodec,
  initialSwitches,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  reasonsAgainst,
  USER,
  WRITE,
  type EntryFormat,
} from "@portolan/core";
import { amd64, amd64With, PROCESSORS, type ProcessorName } from "#src/index.js";
import { ACCESSES, bare } from "./bare.js";

const { translation } = amd64;
if (translation.kind !== "hierarchical") throw new Error("tables form trees");
const initial = initialSwitches(amd64);

interface Example {
  readonly what: string;
  readonly linear: bigint;
  readonly physical: number;
  readonly flags: number;
  readonly tables: readonly number[];
  readonly indices: readonly number[];
  readonly places: readonly number[];
  readonly words: readonly bigint[];
  /** Of the leaf, as it lies in memory. */
  readonly bytes: readonly number[];
  readonly kernel: string;
  readonly user: string;
}

const EXAMPLES: readonly Example[] = [
  {
    what: "a page of the user's stack",
    linear: 0x0000_7fff_ffff_f000n,
    physical: 0x1234_5000,
    flags: READ | WRITE | PAGE_USER | PAGE_CACHEABLE,
    tables: [0x20_1000, 0x20_2000, 0x20_3000, 0x20_4000],
    indices: [255, 511, 511, 511],
    places: [0x20_17f8, 0x20_2ff8, 0x20_3ff8, 0x20_4ff8],
    words: [0x20_2207n, 0x20_3207n, 0x20_4207n, 0x8000_0000_1234_5207n],
    bytes: [0x07, 0x52, 0x34, 0x12, 0x00, 0x00, 0x00, 0x80],
    kernel: "rw-",
    user: "rw-",
  },
  {
    what: "a page of the user's code in a frame above 4 GiB",
    linear: 0x4020_1000n,
    physical: 0x1_2345_6000,
    flags: READ | EXECUTE | PAGE_USER | PAGE_CACHEABLE,
    tables: [0x20_1000, 0x21_2000, 0x21_3000, 0x21_4000],
    indices: [0, 1, 1, 1],
    places: [0x20_1000, 0x21_2008, 0x21_3008, 0x21_4008],
    words: [0x21_2207n, 0x21_3207n, 0x21_4207n, 0x1_2345_6205n],
    bytes: [0x05, 0x62, 0x45, 0x23, 0x01, 0x00, 0x00, 0x00],
    kernel: "rwx",
    user: "r-x",
  },
  {
    what: "a global page of the kernel's",
    linear: 0xffff_8000_0010_0000n,
    physical: 0x0010_0000,
    flags: WRITE | EXECUTE | PAGE_CACHEABLE | PAGE_GLOBAL,
    tables: [0x20_1000, 0x22_2000, 0x22_3000, 0x22_4000],
    indices: [256, 0, 0, 256],
    places: [0x20_1800, 0x22_2000, 0x22_3000, 0x22_4800],
    words: [0x22_2207n, 0x22_3207n, 0x22_4207n, 0x10_0303n],
    bytes: [0x03, 0x03, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00],
    kernel: "rwx",
    user: "---",
  },
];

/** The word that the machine's format gives for an address and flags. */
const encoded = (format: EntryFormat | undefined, address: number, flags: number): bigint => {
  if (format === undefined) throw new Error("the level has such entries");
  const codec = new FormatCodec(format, initial);
  return (BigInt(codec.encodeHigh(address, flags)) << 32n) | BigInt(codec.encodeLow(address, flags));
};

describe("amd64", () => {
  it("is a sound description of every processor, with either of its storeys of buffers", () => {
    for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
      expect(reasonsAgainst(amd64With({ processor })), processor).to.deep.equal([]);
      if ("second" in PROCESSORS[processor])
        expect(reasonsAgainst(amd64With({ processor, buffers: "second" })), processor).to.deep.equal([]);
    }
    for (const physicalBits of [32, 52]) expect(reasonsAgainst(amd64With({ physicalBits }))).to.deep.equal([]);
  });

  for (const { what, linear, physical, flags, tables, indices, places, words, bytes, kernel, user } of EXAMPLES) {
    it(`writes the words of ${what}`, () => {
      for (let depth = 0; depth < 4; depth += 1) {
        const level = translation.levels[depth];
        const isLast = depth === 3;
        const word = encoded(isLast ? level?.leaf : level?.table, isLast ? physical : tables[depth + 1], flags);
        expect(word, level?.name).to.equal(words[depth]);
        expect(Number((linear >> BigInt(39 - 9 * depth)) & 511n)).to.equal(indices[depth]);
        expect(tables[depth] + indices[depth] * 8).to.equal(places[depth]);
      }
    });

    it(`walks the words of ${what}, with the rights they give, and marks them`, () => {
      const isHigh = physical >= 2 ** 32;
      const { machine, cpu, write, read, root, ask } = bare(amd64, {
        memoryBytes: (isHigh ? 5 : 0.5) * 2 ** 30,
        ...(isHigh ? { memoryHoles: [{ base: 64 * 2 ** 20, bytes: 4 * 2 ** 30 }] } : {}),
      });
      const lay = (): void => words.forEach((word, depth) => write(places[depth], word));
      root(0x20_1000);
      lay();
      expect(bytes.map((_, i) => machine.parts.memory.read8(places[3] + i))).to.deep.equal(bytes);
      [kernel, user].forEach((rights, privilege) => {
        ACCESSES.forEach((access, i) => {
          lay();
          const is = ask(linear, access, privilege as 0 | 1);
          if (rights[i] === "-") {
            expect(is, `${access} ${privilege}`).to.match(/^#PF/);
            expect(places.map((place) => read(place))).to.deep.equal(words);
          } else {
            expect(is, `${access} ${privilege}`).to.equal(BigInt(physical));
            const marks = [0x20n, 0x20n, 0x20n, access === "write" ? 0x60n : 0x20n];
            expect(places.map((place) => read(place))).to.deep.equal(words.map((word, depth) => word | (marks[depth] ?? 0n)));
          }
        });
      });
      expect(cpu.statistics.walks).to.be.greaterThan(5);
    });
  }

  it("writes the same low bits through an address space, in tables that it makes itself, and takes them away", () => {
    const machine = buildMachine(amd64, { memoryBytes: 2 ** 24 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    const { tables, memory } = machine.parts;
    const before = tables.bytes(space.context);
    for (const { linear, flags, indices, words } of EXAMPLES) {
      const context = linear >> 63n === 1n ? machine.spaces.kernel.context : space.context;
      tables.insert(context, Number(linear >> 12n), 0x345, flags);
      let table = space.context.root;
      indices.forEach((index, depth) => {
        const word = (BigInt(memory.readHigh(table + index * 8)) << 32n) | BigInt(memory.readLow(table + index * 8));
        const expected = depth === 3 ? ((words[3] ?? 0n) & 0xfff0_0000_0000_0fffn) | 0x34_5000n : 0x207n;
        expect(depth === 3 ? word : word & 0xfffn, `level ${depth}`).to.equal(expected);
        table = Number(word & 0xf_ffff_ffff_f000n);
      });
      expect(machine.walk(space, linear, READ, KERNEL).physical).to.equal(0x34_5000n);
    }
    expect(tables.bytes(space.context)).to.equal(before + 6 * 4096);
    for (const { linear } of EXAMPLES) {
      const isKernel = linear >> 63n === 1n;
      const { context } = isKernel ? machine.spaces.kernel : space;
      const page = Number(linear >> 12n);
      expect(tables.remove(context, page, machine.parts.withdrawals.begin(context, page, 1))).to.equal(true);
      machine.parts.withdrawals.settle();
      expect(machine.walk(space, linear, READ, KERNEL).reason).to.equal(1);
    }
    expect(tables.bytes(space.context)).to.equal(before);
    assertInvariants(machine);
  });

  it("puts a frame above 4 GiB where the processor looks, and faults on the word that has it elsewhere", () => {
    const { write, root, ask } = bare(amd64With({ processor: "qemu" }));
    const [, example] = EXAMPLES;
    if (example === undefined) throw new Error("there are three examples");
    root(0x20_1000);
    example.places.forEach((place, depth) => write(place, example.words[depth] ?? 0n));
    expect(ask(example.linear, "read", USER), "no memory there, but no reserved bit either").to.equal("#MC 0");
    write(0x21_4008, 0x0000_0400_2345_6205n);
    expect(ask(example.linear, "read", USER)).to.equal("#PF 13");
  });

  it("has frames up to the last that the processor can name, and reserves the bit above", () => {
    const top = 2 ** 40;
    const { write, root, ask } = bare(amd64With({ processor: "qemu" }), { memoryBase: top - 2 ** 24 });
    const first = top - 2 ** 24 + 0x10_0000;
    for (let depth = 0; depth < 3; depth += 1) write(first + depth * 4096, BigInt(first + (depth + 1) * 4096) | 7n);
    root(first);
    write(first + 3 * 4096, 0xff_ffff_f007n);
    expect(ask(0x234n, "write", USER)).to.equal(0xff_ffff_f234n);
    write(first + 3 * 4096, 0x100_0000_0007n);
    expect(ask(0x234n, "write", USER)).to.equal("#PF 15");
  });
});
