/** ELF cores as dumpers really write them: their oddities, their notes, and what they must not get away with. */
import { writeElf, type ElfOptions, type ImageProcessor } from "@portolan/image";
import { expect } from "chai";
import fc from "fast-check";
import { bytesAt, gather, opened, readOf, refusal, regionsFor } from "./fixture.js";

const LITTLE64: ElfOptions = { bits: 64, byteOrder: "little", machine: 62 };
const HEADER = 64;
const ENTRY = 56;

/** A core with regions of a page each at these addresses; `change` spoils it before it is opened. */
const core = async (
  firsts: readonly number[],
  change: (view: DataView) => void = () => {},
  options: ElfOptions = LITTLE64,
): Promise<Uint8Array> => {
  const bytes = await gather(writeElf(regionsFor(firsts.map((first) => ({ first, bytes: bytesAt(first, 4096) }))), options));
  change(new DataView(bytes.buffer));
  return bytes;
};

/** Where a field of the program header of the i-th PT_LOAD lies. */
const FIELD = { type: 0, offset: 8, virtual: 16, physical: 24, fileBytes: 32, memoryBytes: 40 } as const;
const load = (i: number, field: keyof typeof FIELD): number => HEADER + (i + 1) * ENTRY + FIELD[field];
const put = (view: DataView, i: number, field: keyof typeof FIELD, value: number | bigint): void =>
  view.setBigUint64(load(i, field), BigInt(value), true);

describe("an ELF core", () => {
  it("may say what it likes of its header's size, version and machine", async () => {
    const bytes = await core([0x1000], (view) => {
      view.setUint16(52, 8, true);
      view.setUint32(20, 77, true);
      view.setUint16(18, 3, true);
    });
    const image = await opened(bytes);
    expect(image.elf).to.deep.equal({ bits: 64, byteOrder: "little", machine: 3 });
    expect(await readOf(image, 0x1000, 4096)).to.deep.equal(bytesAt(0x1000, 4096));
  });

  it("counts its segments in section 0 from 65,535 on, in both classes", async () => {
    for (const bits of [32, 64] as const) {
      const list = Array.from({ length: 65_534 }, (_, i) => ({ first: i * 2, bytes: Uint8Array.of(i % 256) }));
      const bytes = await gather(writeElf(regionsFor(list), { bits, byteOrder: "big", machine: 8 }));
      expect(new DataView(bytes.buffer).getUint16(bits === 64 ? 56 : 44)).to.equal(0xffff);
      expect(new DataView(bytes.buffer).getUint16(bits === 64 ? 60 : 48), "section headers").to.equal(1);
      const image = await opened(bytes);
      expect(image.regions).to.have.length(65_534);
      expect([...(await readOf(image, 65_533 * 2, 1))]).to.deep.equal([65_533 % 256]);
    }
  });

  it("has less memory than it speaks of where the file has less: the rest is absent, and not zero", async () => {
    const image = await opened(await core([0x1000, 0x8000], (view) => put(view, 0, "fileBytes", 0x800)));
    expect(image.regions.map(({ first, bytes }) => [first, bytes])).to.deep.equal([
      [0x1000, 0x800],
      [0x8000, 0x1000],
    ]);
    expect(await readOf(image, 0x1400, 0x1000)).to.have.length(0x400);
    expect(image.remarks).to.deep.equal(["1 of 2 segments have less in the file than in memory; the rest is absent"]);
  });

  it("may have segments that it left out, whose offset means nothing", async () => {
    const image = await opened(
      await core([0x1000, 0x8000], (view) => {
        put(view, 0, "fileBytes", 0);
        put(view, 0, "offset", 2n ** 64n - 1n);
      }),
    );
    expect(image.regions.map(({ first }) => first)).to.deep.equal([0x8000]);
  });

  it("may have its segments in any order, and says so", async () => {
    const image = await opened(
      await core([0x1000, 0x8000], (view) => {
        put(view, 0, "physical", 0x20_0000);
      }),
    );
    expect(image.regions.map(({ first }) => first)).to.deep.equal([0x8000, 0x20_0000]);
    expect(image.remarks).to.deep.equal(["segments are not in ascending order"]);
    expect(await readOf(image, 0x20_0000, 4)).to.deep.equal(bytesAt(0x1000, 4));
  });

  it("passes over segments without a physical address, as kcore has them", async () => {
    const image = await opened(await core([0x1000, 0x8000], (view) => put(view, 1, "physical", 2n ** 64n - 1n)));
    expect(image.regions.map(({ first }) => first)).to.deep.equal([0x1000]);
    expect(image.remarks[0]).to.match(/no physical address/);
  });

  it("says it once if it tells of the same memory twice, at the same place", async () => {
    const image = await opened(
      await core([0x1000, 0x8000], (view) => {
        put(view, 1, "physical", 0x1000);
        put(view, 1, "virtual", 0xffff_8000_0000_0000n);
        view.setBigUint64(load(1, "offset"), view.getBigUint64(load(0, "offset"), true), true);
      }),
    );
    expect(image.regions.map(({ first, bytes }) => [first, bytes])).to.deep.equal([[0x1000, 0x1000]]);
    expect(image.remarks).to.deep.equal([]);
  });

  it("is what the earlier segment says where two contradict", async () => {
    const image = await opened(await core([0x1000, 0x8000], (view) => put(view, 1, "physical", 0x1800)));
    expect(await readOf(image, 0x1000, 0x2000)).to.deep.equal(
      Uint8Array.from([...bytesAt(0x1000, 0x1000), ...bytesAt(0x8000, 0x1000).subarray(0x800)]),
    );
    expect(image.remarks[0]).to.match(/1 segments tell of memory that an earlier one tells of/);
  });

  it("is, byte for byte, what its first segment there says, however segments lie over each other", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ first: fc.nat(60), bytes: fc.integer({ min: 1, max: 30 }), offset: fc.nat(200) }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (list) => {
          const bytes = await gather(writeElf(regionsFor(list.map((_, i) => ({ first: i * 4096, bytes: bytesAt(i, 1) }))), LITTLE64));
          const data = 3 * 4096;
          const all = new Uint8Array(data + 256);
          all.set(bytes.subarray(0, 4096));
          all.set(bytesAt(0, 256), data);
          const view = new DataView(all.buffer);
          for (const [i, { first, bytes: size, offset }] of list.entries()) {
            put(view, i, "physical", first);
            put(view, i, "offset", data + offset);
            put(view, i, "fileBytes", size);
            put(view, i, "memoryBytes", size);
          }
          const image = await opened(all);
          for (let at = 0; at < 100; at++) {
            const stretch = list.find(({ first, bytes: size }) => at >= first && at < first + size);
            const wanted = stretch === undefined ? [] : [all[data + stretch.offset + at - stretch.first] ?? -1];
            expect([...(await readOf(image, at, 1))], `at ${at}`).to.deep.equal(wanted);
          }
          for (const [i, { first, bytes: size }] of image.regions.entries()) {
            const next = image.regions[i + 1];
            if (next !== undefined) expect(next.first).to.be.at.least(first + size);
          }
        },
      ),
      { numRuns: 150, seed: 11 },
    ));

  it("is refused, with the place and the reason, where its headers lie", async () => {
    const lies: readonly (readonly [change: (view: DataView) => void, at: number, because: RegExp])[] = [
      [(view) => view.setUint8(4, 3), 4, /EI_CLASS is 3/],
      [(view) => view.setUint8(5, 0), 5, /EI_DATA is 0/],
      [(view) => view.setUint16(54, 55, true), 54, /e_phentsize is 55/],
      [(view) => view.setUint16(56, 500, true), 64, /table of program headers would end at byte/],
      [(view) => view.setBigUint64(32, 2n ** 63n, true), 32, /program headers would start at byte/],
      [(view) => put(view, 0, "offset", 2n ** 64n - 1n), 120, /segment 1 would end at byte 18446744073709555711/],
      [(view) => put(view, 0, "physical", 2n ** 52n), 120, /at most 52 bits/],
      [(view) => put(view, 0, "memoryBytes", 1), 120, /4096 bytes in the file for 1 of memory/],
      [(view) => view.setBigUint64(HEADER + 32, 2n ** 40n, true), 64, /the notes of segment 0 would end/],
    ];
    for (const [change, at, because] of lies) {
      const { values } = await refusal(opened(await core([0x1000, 0x8000], change)), "ERR_BAD_IMAGE");
      expect(values["because"]).to.match(because);
      expect(values["at"], String(because)).to.equal(at);
    }
  });

  it("is refused for more segments than anybody has, before they are read", async () => {
    const bytes = await core([0x1000], (view) => {
      view.setUint16(56, 0xffff, true);
      view.setBigUint64(40, 4096n, true);
      view.setUint32(4096 + 44, 2 ** 32 - 1, true);
    });
    expect((await refusal(opened(bytes), "ERR_BAD_IMAGE")).values["because"]).to.match(/4294967295 program headers/);
  });

  it("may end early if that is asked for", async () => {
    const bytes = (await core([0x1000, 0x8000])).subarray(0, 4096 + 4096 + 100);
    await refusal(opened(bytes), "ERR_BAD_IMAGE");
    const image = await opened(bytes, { truncated: true });
    expect(image.regions.map(({ first, bytes: size }) => [first, size])).to.deep.equal([
      [0x1000, 4096],
      [0x8000, 100],
    ]);
    expect(image.remarks).to.deep.equal(["segment 2 ends behind the file, and is cut there"]);
  });

  it("is told from programs, cores of processes, and Xen's", async () => {
    const program = await core([0x1000], (view) => view.setUint16(16, 2, true));
    expect((await refusal(opened(program), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(/type 2/);
    const process = await core([0x1000, 0x8000], (view) => {
      for (const i of [0, 1]) {
        put(view, i, "physical", 0);
        put(view, i, "virtual", 0x40_0000 + i * 0x1000);
      }
    });
    expect((await refusal(opened(process), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(/core of a process/);
    const xen = await core([0x1000], (view) => view.setUint16(56, 0, true));
    expect((await refusal(opened(xen), "ERR_IMAGE_UNSUPPORTED")).values["kind"]).to.match(/Xen/);
  });
});

describe("the notes of an ELF core", () => {
  const registers = {
    CR0: 0x8005_0033n,
    CR3: 0x1234_5000n,
    CR4: 0x6f0n,
    RIP: 0xffff_ffff_8100_0000n,
    "GDTR.base": 0xffff_fe00_0000_1000n,
    IA32_KERNEL_GS_BASE: 7n,
  };
  const two: readonly ImageProcessor[] = [{ registers }, { registers: { ...registers, CR3: 0x9_9000n, R15: 15n } }];

  it("tell the registers of every processor of an x86, by the manual's names", async () => {
    for (const bits of [32, 64] as const) {
      const image = await opened(await core([0], undefined, { bits, byteOrder: "little", machine: bits === 64 ? 62 : 3, processors: two }));
      expect(image.processors.map(({ registers: { CR3 } }) => CR3)).to.deep.equal([0x1234_5000n, 0x9_9000n]);
      expect(image.processors[0]?.registers).to.include(registers);
      expect(image.processors[1]?.registers).to.include({ R15: 15n, CR2: 0n });
      expect(image.remarks).to.deep.equal([]);
    }
  });

  it("tell general registers of ARM's and RISC-V's, whose dumps have no other note", async () => {
    for (const [machine, bits, names] of [
      [183, 64, { X0: 1n, X30: 30n, SP: 31n, PC: 32n, PSTATE: 33n }],
      [40, 32, { R0: 1n, R15: 15n, CPSR: 16n }],
      [243, 64, { pc: 1n, x1: 2n, x31: 32n }],
      [243, 32, { pc: 1n, x1: 2n, x31: 32n }],
    ] as const) {
      for (const byteOrder of ["little", "big"] as const) {
        const image = await opened(await core([0], undefined, { bits, byteOrder, machine, processors: [{ registers: names }] }));
        expect(image.processors).to.have.length(1);
        expect(image.processors[0]?.registers).to.include(names);
      }
    }
  });

  it("tell what a kernel says of itself", async () => {
    const vmcoreinfo = [
      "OSRELEASE=6.1.0-28-amd64",
      "PAGESIZE=4096",
      "SYMBOL(swapper_pg_dir)=ffffffff82a10000",
      "NUMBER(phys_base)=-16777216",
      "NUMBER(KERNEL_IMAGE_SIZE)=1073741824",
      "NUMBER(VA_BITS)=0x30",
      "KERNELOFFSET=1e000000",
      "LENGTH(mem_section)=2048",
      "nonsense",
      "SYMBOL(bad)=zz",
      "",
    ].join("\n");
    const { vmcoreinfo: info } = await opened(await core([0], undefined, { ...LITTLE64, vmcoreinfo }));
    expect(info).to.include({ pageSize: 4096, kernelOffset: 0x1e00_0000n, release: "6.1.0-28-amd64" });
    expect([...(info?.symbols ?? [])]).to.deep.equal([["swapper_pg_dir", 0xffff_ffff_82a1_0000n]]);
    expect([...(info?.numbers ?? [])]).to.deep.equal([
      ["phys_base", -16_777_216n],
      ["KERNEL_IMAGE_SIZE", 1_073_741_824n],
      ["VA_BITS", 0x30n],
    ]);
    expect(info?.lines.get("LENGTH(mem_section)")).to.equal("2048");
    expect(info?.lines.size).to.equal(9);
  });

  it("tell the hypervisor's control registers where Xen has crashed", async () => {
    const bytes = await core([0x1000]);
    const view = new DataView(bytes.buffer);
    const at = HEADER + 2 * ENTRY;
    view.setUint32(at, 4, true);
    view.setUint32(at + 4, 32, true);
    view.setUint32(at + 8, 0x1000002, true);
    bytes.set(new TextEncoder().encode("Xen"), at + 12);
    for (const i of [0, 1, 2, 3]) view.setBigUint64(at + 16 + 8 * i, 0x1000n + BigInt(i), true);
    view.setBigUint64(HEADER + 32, 48n, true);
    expect((await opened(bytes)).processors).to.deep.equal([{ registers: { CR0: 0x1000n, CR2: 0x1001n, CR3: 0x1002n, CR4: 0x1003n } }]);
  });

  it("are padded to words of eight bytes where their segment says so", async () => {
    const bytes = await core([0x1000]);
    const view = new DataView(bytes.buffer);
    const at = HEADER + 2 * ENTRY;
    // Two notes: a name of 5 bytes ends at 17, so contents start at 24; 3 bytes of them, and the next note at 32.
    const text = (offset: number, words: string): void => bytes.set(new TextEncoder().encode(words), at + offset);
    for (const [offset, name, contents, type] of [
      [0, 5, 3, 9],
      [32, 11, 14, 0],
    ] as const) {
      view.setUint32(at + offset, name, true);
      view.setUint32(at + offset + 4, contents, true);
      view.setUint32(at + offset + 8, type, true);
    }
    text(12, "TEST");
    text(24, "abc");
    text(44, "VMCOREINFO");
    text(56, "PAGESIZE=4096\n");
    view.setBigUint64(HEADER + 32, 72n, true);
    view.setBigUint64(HEADER + 48, 8n, true);
    expect((await opened(bytes)).vmcoreinfo?.pageSize).to.equal(4096);
    view.setBigUint64(HEADER + 48, 4n, true);
    expect((await opened(bytes)).vmcoreinfo).to.equal(undefined);
  });

  it("end where one of them makes no sense; the memory is read without", async () => {
    const notesAt = HEADER + 2 * ENTRY;
    const status = 12 + 8 + 336;
    const image = await opened(
      await core([0x1000], (view) => view.setUint32(notesAt + status + 4, 2 ** 31, true), { ...LITTLE64, processors: two.slice(0, 1) }),
    );
    expect(image.processors).to.have.length(1);
    expect(image.processors[0]?.registers).to.not.have.property("CR3");
    expect(image.remarks[0]).to.match(/would end behind its segment/);
    expect(await readOf(image, 0x1000, 9)).to.have.length(9);
  });

  it("end where their segment ends, to the byte", async () => {
    const vmcoreinfo = "PAGESIZE=4096;;\n";
    const options = { ...LITTLE64, vmcoreinfo };
    const bytes = 12 + 12 + vmcoreinfo.length;
    expect((await opened(await core([0], undefined, options))).vmcoreinfo?.lines.size).to.equal(1);
    const shorter = await opened(await core([0], (view) => view.setBigUint64(HEADER + 32, BigInt(bytes - 1), true), options));
    expect(shorter.vmcoreinfo).to.equal(undefined);
    expect(shorter.remarks).to.deep.equal(["the note at byte 176 would end behind its segment; it and what follows is not read"]);
  });

  it("that are of a version or size nobody knows are passed over with a remark", async () => {
    const notesAt = HEADER + 2 * ENTRY;
    const status = 12 + 8 + 336;
    const options = { ...LITTLE64, processors: two.slice(0, 1) };
    const newer = await opened(await core([0], (view) => view.setUint32(notesAt + status + 20, 2, true), options));
    expect(newer.remarks).to.deep.equal(["a note named QEMU of version 2 and 440 bytes is not known"]);
    const foreign = await opened(await core([0], (view) => view.setUint16(18, 8, true), options));
    expect(foreign.remarks).to.deep.equal(["NT_PRSTATUS of 336 bytes is not known for e_machine 8"]);
    expect(foreign.processors[0]?.registers).to.include({ CR3: 0x1234_5000n });
  });
});
