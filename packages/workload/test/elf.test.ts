import { expect } from "chai";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { PortolanError } from "@portolan/core";
import { readElf } from "#src/index.js";
import { pattern, R, W, writeElf, X, type Wanted } from "./elf-writer.js";

const programs = new URL("../../../examples/programs/", import.meta.url);
const text = { address: 0x10000n, bytes: pattern(5000), flags: R | X };
const data = { address: 0x20010n, bytes: pattern(100), memoryBytes: 9000n, flags: R | W };

const refused = (file: Uint8Array, reason: string): void => {
  expect(() => readElf(file))
    .to.throw(PortolanError, reason)
    .with.property("code", "ERR_BAD_ELF");
};

const changed = (wanted: Wanted, at: number, bytes: readonly number[]): Uint8Array => {
  const file = writeElf(wanted);
  file.set(bytes, at);
  return file;
};

describe("the ELF reader", () => {
  for (const bits of [32, 64] as const) {
    for (const isLittle of [true, false]) {
      it(`reads segments of a ${bits}-bit ${isLittle ? "little" : "big"}-endian executable`, () => {
        const elf = readElf(writeElf({ bits, isLittle, entry: 0x10020n, interpreter: "/lib/ld.so", segments: [data, text] }));
        expect(elf).to.include({
          bits,
          byteOrder: isLittle ? "little" : "big",
          kind: "executable",
          entry: 0x10020n,
          interpreter: "/lib/ld.so",
          machine: bits === 64 ? 43 : 3,
        });
        expect(
          elf.segments.map(({ address, fileBytes, memoryBytes, isReadable, isWritable, isExecutable }) => ({
            address,
            fileBytes,
            memoryBytes,
            isReadable,
            isWritable,
            isExecutable,
          })),
        ).to.deep.equal([
          { address: 0x10000n, fileBytes: 5000, memoryBytes: 5000n, isReadable: true, isWritable: false, isExecutable: true },
          { address: 0x20010n, fileBytes: 100, memoryBytes: 9000n, isReadable: true, isWritable: true, isExecutable: false },
        ]);
      });
    }
  }

  it("reads what compilers make", () => {
    const read = (name: string) => readElf(readFileSync(new URL(name, programs)));
    expect(read("sieve.i686.elf")).to.include({ bits: 32, byteOrder: "little", machine: 3, kind: "executable", interpreter: null });
    expect(read("sieve.sparc64.elf")).to.include({ bits: 64, byteOrder: "big", machine: 43, kind: "executable" });
    expect(read("words.pie.i686.elf")).to.include({ kind: "position-independent", interpreter: "/lib/ld-linux.so.2" });
    expect(read("words.pie.sparc64.elf")).to.include({ kind: "position-independent", interpreter: "/lib64/ld-linux.so.2" });
    expect(read("sort.amd64.elf")).to.include({ bits: 64, byteOrder: "little", machine: 62 });
  });

  it("says what is wrong with a file that is none", () => {
    refused(new Uint8Array(0), "7f 45 4c 46");
    refused(pattern(200), "7f 45 4c 46");
    const segments = [text];
    refused(changed({ segments }, 4, [3]), "class");
    refused(changed({ segments }, 5, [0]), "byte order");
    refused(changed({ segments }, 6, [2]), "version");
    refused(writeElf({ type: 1, segments }), "relocatable");
    refused(writeElf({ type: 4, segments }), "core dump");
    refused(writeElf({ segments: [] }), "no program headers");
    refused(writeElf({ segments: [{ ...text, bytes: new Uint8Array(0), memoryBytes: 0n }] }), "no loadable segment");
    refused(changed({ segments }, 44, [0xff, 0xff]), "more program headers");
    refused(changed({ segments }, 42, [16, 0]), "too small");
    refused(changed({ segments }, 28, [0xf0, 0xff, 0xff, 0xff]), "outside the file");
  });

  it("says what is wrong with segments that lie", () => {
    refused(writeElf({ segments: [{ ...text, memoryBytes: 10n }] }), "more bytes in the file");
    refused(writeElf({ segments: [text, { ...data, address: 0x11000n }] }), "overlap");
    refused(writeElf({ segments: [{ ...data, address: 0xffff_f010n, memoryBytes: 0x1000n }] }), "round the end");
    refused(writeElf({ bits: 64, segments: [{ ...data, address: 0xffff_ffff_ffff_f010n, memoryBytes: 0x1000n }] }), "round the end");
    refused(writeElf({ segments: [{ ...text, alignment: 0x1001n }] }), "no power of two");
    refused(writeElf({ segments: [{ ...text, alignment: 0x1000n, offset: 0x1010 }] }), "disagree modulo");
    refused(writeElf({ segments: [text] }).slice(0, -1), "outside the file");
    refused(writeElf({ interpreter: "", segments: [text] }), "impossible length");
    refused(writeElf({ interpreter: "a\0b", segments: [text] }), "only zero");
  });

  it("ends with an executable or a typed error on whatever is done to a file, and never reads outside it", () => {
    const whole = ([32, 64] as const).flatMap((bits) =>
      [true, false].map((isLittle) => writeElf({ bits, isLittle, interpreter: "/lib/ld.so", segments: [text, data] })),
    );
    const change = fc.record({ at: fc.nat({ max: 300 }), byte: fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff, 0x10, 0x38) });
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 400 }),
        (file, changes, cut) => {
          const hostile = file.slice(0, cut < 300 ? file.length - cut : cut - 300);
          for (const { at, byte } of changes) if (at < hostile.length) hostile[at] = byte;
          try {
            for (const { fileOffset, fileBytes, memoryBytes, address } of readElf(hostile).segments) {
              expect(fileOffset + fileBytes).to.be.at.most(hostile.length);
              expect(memoryBytes >= BigInt(fileBytes) && address + memoryBytes <= 1n << 64n).to.equal(true);
            }
          } catch (error) {
            expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_BAD_ELF");
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});
