/** Figures of the manuals, copied once more: what the TLBs are like, what they forget, what the machine can express, and its fields. */
import type { EntryFormat, Level, TlbGeometry } from "@portolan/core";
import { expect } from "chai";
import { arm64, arm64With, PROCESSORS, type Arm64Options, type ProcessorName } from "#src/index.js";

/** Entries and ways of the buffers for instructions and data, or of the one for both; those before and those behind. */
const BUFFERS: Readonly<Record<ProcessorName, string>> = {
  generic: "64 full; 64 full",
  cortexa53: "10 full; 10 full | 512 4",
  cortexa57: "48 full; 32 full | 1024 4",
  cortexa72: "48 full; 32 full | 1024 4",
  neoversen1: "48 full; 48 full | 1280 5",
  applem1: "192 full; 160 full | 3072 12",
};

/** Granules in KiB, the usual one first; bits of a physical address, and of an ASID. */
const FACTS: Readonly<Record<ProcessorName, string>> = {
  generic: "4,16,64 48 16",
  cortexa53: "4,64 40 16",
  cortexa57: "4,64 44 16",
  cortexa72: "4,64 44 16",
  neoversen1: "4,16,64 48 16",
  applem1: "16,4 36 16",
};

const storey = (options: Arm64Options): string => {
  const { instruction, data } = arm64With(options).tlb;
  return [instruction, data].flatMap((buffer) => (buffer === undefined ? [] : [shown(buffer)])).join("; ");
};
const shown = (buffer: TlbGeometry): string => {
  expect(buffer).to.deep.include({ replacement: "used-bit", wired: 0, lockable: false, paired: false });
  return `${buffer.entries} ${buffer.ways}`;
};

const levelsOf = (options: Arm64Options): readonly Level[] => {
  const { translation } = arm64With(options);
  if (translation.kind !== "hierarchical") throw new Error("it has tables");
  return translation.levels;
};
const formatsOf = ({ table, leaf, forms = [] }: Level): readonly EntryFormat[] =>
  [table, leaf, ...forms.map((form) => form.leaf)].filter((format) => format !== undefined);

/** Granules with widths that begin at each level and have every form, and output sizes that leave some of it out. */
const LAYOUTS: readonly Arm64Options[] = [
  {},
  { bits: 30, physicalBits: 36 },
  { granule: 16 },
  { granule: 16, bits: 48, physicalBits: 40 },
  { granule: 64 },
  { granule: 64, bits: 42, physicalBits: 32 },
];

describe("arm64: the description", () => {
  for (const processor of Object.keys(PROCESSORS) as ProcessorName[]) {
    it(`has the figures of ${processor}`, () => {
      const hasSecond = "second" in PROCESSORS[processor];
      const storeys = hasSecond ? [storey({ processor }), storey({ processor, buffers: "second" })] : [storey({ processor })];
      expect(storeys.join(" | ")).to.equal(BUFFERS[processor]);
      const { granules, physicalBits, asidBits } = PROCESSORS[processor];
      expect(`${granules.join()} ${physicalBits} ${asidBits}`).to.equal(FACTS[processor]);
      const described = arm64With({ processor });
      expect(described).to.include({ physicalBits, pageShift: 10 + Math.log2(granules[0]) });
      expect(described.hardwarePageShift).to.equal(described.pageShift);
      expect(described.manuals).to.have.length(2);
      expect(described.asids).to.deep.equal({ bits: 16, policy: "steal-oldest", kernel: 0, invalid: 1, first: 2, last: 0xffff });
    });
  }

  it("has buffers for every size of page that entries may have", () => {
    const sizes = (options: Arm64Options): string => arm64With(options).tlb.data.pageShifts.join();
    // 4 KiB, 64 KiB, 2 MiB, 32 MiB, 1 GiB, 16 GiB
    expect(sizes({})).to.equal("12,16,21,25,30,34");
    expect(sizes({ granule: 16 })).to.equal("14,21,25,30");
    expect(sizes({ granule: 64 })).to.equal("16,21,29,34");
    // A table of six bits' index at level 1: 16 entries still fit; 16 GiB do not fit into 32 bits of output.
    expect(sizes({ bits: 36 })).to.equal("12,16,21,25,30,34");
    expect(sizes({ physicalBits: 32 })).to.equal("12,16,21,25,30");
    expect(sizes({ granule: 64, physicalBits: 32 })).to.equal("16,21,29");
    // Two entries at level 1, and half as many as 16 KiB pages need at level 2.
    expect(sizes({ bits: 31 })).to.equal("12,16,21,25,30");
    expect(sizes({ granule: 16, bits: 29 })).to.equal("14,21,25");
    expect(sizes({ granule: 16, bits: 30 })).to.equal("14,21,25,30");
    for (const options of LAYOUTS) expect(arm64With(options).tlb.instruction?.pageShifts.join()).to.equal(sizes(options));
  });

  it("forgets as the instructions do, and a write of a base register forgets nothing", () => {
    expect(arm64.tlb).to.deep.include({
      refill: "hardware",
      invalidation: {
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "context", sparesGlobal: true, sparesLocked: false },
        page: { dropsGlobal: true, anyAsid: false },
        rootLoadInvalidates: false,
      },
      honoursGlobal: true,
    });
  });

  it("can express what the entries can", () => {
    for (const accessFlag of ["fault", "hardware"] as const) {
      expect(arm64With({ accessFlag }).can).to.deep.equal({
        forbidRead: false,
        forbidExecute: true,
        global: true,
        recordAccess: accessFlag,
        recordWrite: "no",
        kernelObeysWrite: true,
      });
    }
    expect(arm64.can.recordAccess).to.equal("fault");
    const { faults, layout, switches, translation } = arm64;
    expect(faults).to.include({ guessesAccess: false, tellsLevel: true });
    expect(layout.kernelAddressSpaceShadowed).to.equal(false);
    expect(translation).to.include({
      kind: "hierarchical",
      faultsOnReserved: true,
      rootRegister: "TTBR0_EL1",
      kernelRootRegister: "TTBR1_EL1",
    });
    expect(Object.entries(switches).map(([name, { initially }]) => [name, initially])).to.deep.equal([
      ["PAN", false],
      ["WXN", false],
    ]);
  });

  it("has a half of the addresses for the user and one for the kernel, and the stack in the user's last page", () => {
    expect(arm64).to.include({ virtualBits: 49, virtualRule: "sign-extended", wordBits: 64, byteOrder: "little" });
    expect(arm64.layout).to.deep.include({
      user: { first: 0n, last: 0xffff_ffff_ffffn },
      kernel: { first: 0xffff_0000_0000_0000n, last: 0xffff_ffff_ffff_ffffn },
      userStack: 0xffff_ffff_f000n,
    });
    expect(arm64With({ granule: 64, bits: 42 }).layout).to.deep.include({
      user: { first: 0n, last: 0x3ff_ffff_ffffn },
      kernel: { first: 0xffff_fc00_0000_0000n, last: 0xffff_ffff_ffff_ffffn },
      userStack: 0x3ff_ffff_0000n,
    });
  });

  it("takes the tags that it is told to, of 8 bits or of 16", () => {
    expect(arm64With({ asidBits: 8 }).asids).to.deep.include({ bits: 8, last: 255 });
    expect(arm64With({ processor: "cortexa53", asidBits: 16 }).asids).to.deep.include({ bits: 16, last: 65_535 });
  });

  it("is called by its granule, or as it is told", () => {
    const names = [{}, { granule: 16 }, { granule: 64 }, { granule: 64, name: "mine" }] satisfies Arm64Options[];
    expect(names.map((options) => arm64With(options).name)).to.deep.equal(["arm64", "arm64g16", "arm64g64", "mine"]);
  });

  it("names what is wrong with the options", () => {
    for (const [options, values] of [
      [{ processor: "z80" }, { processor: "z80", known: Object.keys(PROCESSORS) }],
      [{ buffers: "second" }, { processor: "generic", buffers: "second", known: ["first"] }],
      [
        { processor: "cortexa72", granule: 16 },
        { processor: "cortexa72", granule: 16, known: ["4", "64"] },
      ],
      [{ bits: 24 }, { bits: 24, lowest: 25, highest: 48 }],
      [{ physicalBits: 41 }, { physicalBits: 41, known: ["32", "36", "40", "42", "44", "48"] }],
      [{ asidBits: 12 }, { asidBits: 12, known: ["8", "16"] }],
      [{ accessFlag: "no" }, { accessFlag: "no", known: ["fault", "hardware"] }],
    ] as const) {
      expect(() => arm64With(options as Arm64Options))
        .to.throw()
        .with.deep.property("values", values);
    }
    for (const bits of [25, 48]) expect(arm64With({ bits }).virtualBits).to.equal(bits + 1);
    for (const physicalBits of [32, 36, 40, 42, 44, 48]) expect(arm64With({ physicalBits })).to.include({ physicalBits });
  });
});

describe("arm64: the fields of descriptors", () => {
  it("cover all 64 bits once, and those that have no name of their own are called by their numbers", () => {
    for (const options of LAYOUTS) {
      for (const { name: where, fields } of levelsOf(options).flatMap(formatsOf)) {
        const owners: string[] = Array.from({ length: 64 });
        for (const { name, bits } of fields) {
          const [high, low] = typeof bits === "number" ? [bits, bits] : bits;
          const [, first, last = first] = /^(?:ignored|RES0) (\d+)(?::(\d+))?$/.exec(name) ?? [];
          if (first !== undefined) expect([high, low], `${name} of a ${where}`).to.deep.equal([Number(first), Number(last)]);
          for (let bit = low; bit <= high; bit += 1) {
            expect(owners[bit], `bit ${bit} of a ${where}`).to.equal(undefined);
            owners[bit] = name;
          }
        }
        expect(owners.filter((owner) => owner === undefined).length, where).to.equal(0);
      }
    }
  });

  it("hold an address as far as the output size, and call what is beyond reserved", () => {
    const reserved = (options: Arm64Options) =>
      levelsOf(options).flatMap((level) =>
        formatsOf(level).map(({ fields }) => fields.flatMap(({ role, bits }) => (role === "reserved" ? [bits] : []))),
      );
    expect(reserved({}).flat()).to.deep.equal([]);
    for (const physicalBits of [32, 36, 40, 42, 44]) {
      for (const granule of [4, 16, 64] as const)
        for (const bits of reserved({ granule, physicalBits })) expect(bits).to.deep.equal([[47, physicalBits]]);
    }
  });

  it("begin the address of a unit at its size: a table's at a page's, a block's and a run's at its own", () => {
    const lowest = ({ fields }: EntryFormat): number => {
      const frame = fields.find(({ role }) => role === "frame")?.bits;
      return typeof frame === "object" ? frame[1] : -1;
    };
    const units = (options: Arm64Options): string =>
      levelsOf(options)
        .map((level) => formatsOf(level).map(lowest).join())
        .join(" ");
    expect(units({})).to.equal("12 12,30,34 12,21,25 12,16");
    expect(units({ granule: 16, bits: 48 })).to.equal("14 14 14,25,30 14,21");
    expect(units({ granule: 64 })).to.equal("16 16,29,34 16,21");
  });

  it("are called by the size of what they map", () => {
    const names = (options: Arm64Options): string =>
      levelsOf(options)
        .map((level) =>
          formatsOf(level)
            .map(({ name }) => name)
            .join(", "),
        )
        .join("; ");
    expect(names({})).to.equal(
      "table descriptor; table descriptor, 1 GiB block descriptor, 16 GiB of contiguous blocks; " +
        "table descriptor, 2 MiB block descriptor, 32 MiB of contiguous blocks; page descriptor, 64 KiB of contiguous pages",
    );
    expect(names({ granule: 16 })).to.equal(
      "table descriptor; table descriptor, 32 MiB block descriptor, 1 GiB of contiguous blocks; " +
        "page descriptor, 2 MiB of contiguous pages",
    );
    expect(names({ granule: 64 })).to.equal(
      "table descriptor; table descriptor, 512 MiB block descriptor, 16 GiB of contiguous blocks; " +
        "page descriptor, 2 MiB of contiguous pages",
    );
    expect(levelsOf({ granule: 64 }).map(({ name }) => name)).to.deep.equal(["level 1 table", "level 2 table", "level 3 table"]);
  });

  it("have a word of its own for each value, where they have words", () => {
    for (const name of ["AP[2:1]", "SH", "APTable"]) {
      const [field] = levelsOf({})
        .flatMap(formatsOf)
        .flatMap(({ fields }) => fields.filter((each) => each.name === name));
      const words = field?.values ?? {};
      expect(Object.keys(words), name).to.deep.equal(["0", "1", "2", "3"]);
      expect(new Set(Object.values(words)), name).to.have.property("size", 4);
    }
  });
});
