/** What the handler of a miss does with what it finds: the bits of an entry, the ends of the kernel's window, locks and counts. */
import { expect } from "chai";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  ENTRY_LOCKED,
  EXECUTE,
  FormatCodec,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  permits,
  READ,
  rightsFor,
  TranslationContext,
  USER,
  WRITE,
  type DecodedEntry,
  type FrameAllocator,
  type MachineOptions,
  type PortolanEvent,
} from "@portolan/core";
import { dataTte, instructionTte, sparc64, tagTarget, TSB_SLOTS, TsbPair, tsbPointer, tsbTagFields } from "#src/index.js";
import { oracle } from "#src/oracle.js";
import { TsbCaches } from "#src/tsb-caches.js";

const HARDWARE_PAGE = 0x2000;
const USERS = PAGE_USER | PAGE_CACHEABLE;
const VALID = 0x8000_0000;
/** In the upper half: pages of 64 KiB. */
const SIZE_1 = 0x2000_0000;

const build = (options: MachineOptions = {}) => {
  const machine = buildMachine(sparc64, { memoryBytes: 4 * 2 ** 20, ...options });
  const space = machine.spaces.create();
  machine.switchTo(space);
  return { machine, space, tables: machine.parts.tables, cpu: machine.cpu(0), pair: space.context.cache as TsbPair };
};

/** What the tag of a slot must be for a page. */
const tagOf = (page: number, context: number): readonly [low: number, high: number] => {
  const tag = tagTarget(BigInt(page) * 0x2000n, context);
  return [Number(tag & 0xffff_ffffn), Number(tag >> 32n)];
};

describe("sparc64: what is told for a dump", () => {
  it("is the context and the TSBs of the installed space, where the handlers find them, and of the kernel the context alone", () => {
    for (const memoryBase of [0, 0x100_0000]) {
      const { machine, space, cpu, pair } = build({ memoryBase });
      const { refill } = machine.parts;
      const registers = refill.registersOf?.(cpu) ?? {};
      expect(registers["PRIMARY_CONTEXT"]).to.equal(BigInt(space.context.asid));
      for (const [name, tsb] of [
        ["TSB_I", pair.instruction],
        ["TSB_D", pair.data],
      ] as const) {
        const value = registers[name] ?? 0n;
        const size = Number(value & 7n);
        expect(512 * 2 ** size).to.equal(TSB_SLOTS);
        const slot = tsbPointer({ base: value, size }, 0x1234_6000n, 13);
        expect(slot + BigInt(memoryBase)).to.equal(BigInt(tsb.addressOf(tsb.slotOf(0x1234_6000 / HARDWARE_PAGE))));
      }
      machine.switchToKernel();
      expect(refill.registersOf?.(cpu)).to.deep.equal({ PRIMARY_CONTEXT: 0n });
    }
  });
});

describe("sparc64: the bits of TTE data", () => {
  it("decide what is let through: bit 60 nothing, bit 2 the kernel alone, bit 1 a store", () => {
    const data = new FormatCodec(dataTte(false), {});
    const instruction = new FormatCodec(instructionTte, {});
    for (let bits = 0; bits < 64; bits += 1) {
      for (const noFault of [0, 1]) {
        const high = VALID | (noFault << 28);
        const may = noFault === 1 ? 0 : (bits & 2) === 0 ? READ : READ | WRITE;
        expect(data.rightsOf(bits, high)).to.equal(rightsFor(may, (bits & 4) === 0 ? may : 0));
        expect(instruction.rightsOf(bits, high)).to.equal(rightsFor(EXECUTE, (bits & 4) === 0 ? EXECUTE : 0));
        const attributes = ((bits & 32) === 0 ? 0 : PAGE_CACHEABLE) | ((bits & 1) === 0 ? 0 : PAGE_GLOBAL);
        expect([data.attributesOf(bits, high), instruction.attributesOf(bits, high)]).to.deep.equal([attributes, attributes]);
      }
    }
    const sizes = dataTte(false).fields.find(({ name }) => name === "Size");
    expect(sizes?.values).to.deep.equal({ 0: "8 KiB", 1: "64 KiB", 2: "512 KiB", 3: "4 MiB" });
  });

  it("are read by the second decoder as the manual draws them", () => {
    const word = (1n << 63n) | 0x1ff_ffff_e000n;
    const common = { kind: "leaf", physical: 0x1ff_ffff_e000n, isGlobal: false, isCacheable: false, hasReserved: false } as const;
    const cases: readonly (readonly [bigint, data: Partial<DecodedEntry>, instruction: Partial<DecodedEntry>])[] = [
      [0n, { rights: rightsFor(READ, READ) }, { rights: rightsFor(EXECUTE, EXECUTE) }],
      [1n << 1n, { rights: rightsFor(READ | WRITE, READ | WRITE) }, { rights: rightsFor(EXECUTE, EXECUTE) }],
      [1n << 2n, { rights: rightsFor(READ, 0) }, { rights: rightsFor(EXECUTE, 0) }],
      [1n << 60n, { rights: 0 }, { rights: rightsFor(EXECUTE, EXECUTE) }],
      [
        0x21n,
        { rights: rightsFor(READ, READ), isGlobal: true, isCacheable: true },
        { rights: rightsFor(EXECUTE, EXECUTE), isGlobal: true, isCacheable: true },
      ],
    ];
    expect(oracle.others?.map(({ format }) => format.name)).to.deep.equal(["TTE data (D)", "TTE data (D)", "TTE data (I)"]);
    const flags = READ | PAGE_CACHEABLE;
    expect(oracle.others?.map(({ format }) => new FormatCodec(format, {}).encodeLow(0, flags) & 0x10)).to.deep.equal([0, 0x10, 0]);
    for (const [bits, data, instruction] of cases) {
      expect(oracle.others?.map(({ decode }) => decode(word | bits))).to.deep.equal([
        { ...common, ...data },
        { ...common, ...data },
        { ...common, ...instruction },
      ]);
    }
  });

  it("of a tag are 64, each in one field", () => {
    const bits = tsbTagFields.flatMap((field) => (typeof field.bits === "number" ? [field.bits, field.bits] : [...field.bits]));
    expect(bits).to.deep.equal([63, 63, 62, 61, 60, 48, 47, 42, 41, 0]);
  });
});

describe("sparc64: pointers into split buffers", () => {
  it("lead to the lower half for 8 KiB, to the upper one for 64 KiB, from a base aligned to both together", () => {
    const register = { base: 0x10_6000n, size: 1, split: true };
    expect(tsbPointer(register, 0x6000n, 13)).to.equal(0x10_0030n);
    expect(tsbPointer(register, 0x3_0000n, 16)).to.equal(0x10_4030n);
  });
});

describe("sparc64: what a miss finds in the buffers", () => {
  const PAGE = 0x400000 / HARDWARE_PAGE;
  const mapped = (options: MachineOptions = {}) => {
    const made = build(options);
    made.tables.insert(made.space.context, PAGE / 2, 10, READ | WRITE | USERS);
    return made;
  };

  it("is taken if the whole tag is the access's own and the data is valid, and only then", () => {
    const asid = 2;
    const [low, high] = tagOf(PAGE, asid);
    const other = 40 * HARDWARE_PAGE;
    for (const [tagLow, tagHigh, dataHigh, frame] of [
      [low, high, VALID, 40],
      [low, high, 0, 20],
      [low + 1, high, VALID, 20],
      [low, high + 65536, VALID, 20],
      [low, high + 1, VALID, 20],
    ] as const) {
      const { cpu, pair, space } = mapped();
      expect(space.context.asid).to.equal(asid);
      pair.data.write(pair.data.slotOf(PAGE), tagLow, tagHigh, other, dataHigh);
      expect(cpu.translate(PAGE, READ, USER)).to.equal(frame);
      const hit = frame === 40 ? 1 : 0;
      expect(cpu.statistics).to.include({ tsbHits: hit, tsbMisses: 1 - hit, walks: 1 - hit });
    }
  });

  it("is entered as large, as locked and for whom it says", () => {
    for (const [bits, high, isLocked, span, frame] of [
      [0x40, VALID, true, 1, 259],
      [0, VALID, false, 1, 259],
      [0x40, VALID | SIZE_1, true, 8, 256 + (PAGE % 8)],
    ] as const) {
      const { cpu, pair, space } = mapped();
      const [tagLow, tagHigh] = tagOf(PAGE, space.context.asid);
      pair.data.write(pair.data.slotOf(PAGE), tagLow, tagHigh, (259 * HARDWARE_PAGE) | bits, high >>> 0);
      expect(cpu.translate(PAGE, READ, USER)).to.equal(frame);
      const entry = cpu.dataTlb.probe(PAGE, space.context.asid);
      expect([cpu.dataTlb.isLocked(entry), cpu.dataTlb.span(entry)]).to.deep.equal([isLocked, span]);
      expect(cpu.dataTlb.frame(entry)).to.equal(span === 8 ? 256 : 259);
      cpu.dataTlb.invalidatePage(PAGE, space.context.asid);
    }
  });

  it("is told and counted: a miss with what the tables were read for, then a hit", () => {
    const told: PortolanEvent[] = [];
    const { cpu, tables } = mapped({ onEvent: (event) => void (event.kind === "tsb" && told.push(event)) });
    cpu.translate(PAGE, READ, USER);
    expect(tables.reads).to.be.greaterThan(1);
    expect(cpu.statistics).to.include({ tsbMisses: 1, tsbHits: 0, walks: 1, walkReads: tables.reads });
    cpu.dataTlb.invalidateAll();
    cpu.translate(PAGE, READ, USER);
    expect(cpu.statistics).to.include({ tsbMisses: 1, tsbHits: 1, walks: 1, walkReads: tables.reads });
    expect(told).to.deep.equal([
      { kind: "tsb", cpu: 0, hardwarePage: PAGE, hit: false },
      { kind: "tsb", cpu: 0, hardwarePage: PAGE, hit: true },
    ]);
  });

  it("bears the tag of the manual, up to the highest address", () => {
    const { cpu, tables, space, pair } = build();
    for (const address of [0x4000n, 0x408000n, 0x7ff_ffff_8000n, 0xffff_f800_0000_0000n, 0xffff_ffff_ffff_c000n]) {
      const page = Number(address / 0x2000n);
      tables.insert(space.context, page / 2, 12, READ | USERS);
      expect(cpu.translate(page, READ, USER)).to.equal(24);
      const slot = pair.data.slotOf(page);
      expect((BigInt(pair.data.tagHigh(slot)) << 32n) | BigInt(pair.data.tagLow(slot))).to.equal(tagTarget(address, space.context.asid));
    }
    const seen: [number, ...unknown[]][] = [];
    pair.eachTranslation((page, ...rest) => seen.push([page, ...rest]));
    const { asid } = space.context;
    const users = rightsFor(READ, READ);
    expect(seen.toSorted(([one], [other]) => one - other)).to.deep.equal([
      [2, 24, asid, users],
      [0x204, 24, asid, users],
      [0x7ff_ffff_8000 / HARDWARE_PAGE, 24, asid, users],
      [0xffff_f800_0000_0000 / HARDWARE_PAGE, 24, asid, users],
      [2 ** 51 - 2, 24, asid, users],
    ]);
  });

  it("is explained with the fields of its tag and of its data", () => {
    const { cpu, space, pair, tables } = build();
    tables.insert(space.context, 0x408000 / 0x4000, 12, READ | EXECUTE | USERS);
    cpu.translate(0x408000 / HARDWARE_PAGE, READ, USER);
    cpu.translate(0x40a000 / HARDWARE_PAGE, EXECUTE, USER);
    for (const [address, access, tsb] of [
      [0x408000n, READ, pair.data],
      [0x40a000n, EXECUTE, pair.instruction],
    ] as const) {
      const step = pair.explain(address, access);
      const slot = Number(address / 0x2000n) % TSB_SLOTS;
      expect(step).to.deep.include({
        table: access === EXECUTE ? "instruction TSB" : "data TSB",
        tableAddress: BigInt(tsb.base),
        index: slot,
        entryAddress: BigInt(tsb.base + slot * 16),
        bytes: 16,
        says: "the tag is the access's own: the handler loads this",
      });
      const valueOf = (field: string) => step.fields.find(({ name }) => name === field)?.value;
      expect(["tag.G", "tag.context", "tag.VA[63:22]", "V", "PA", "CP", "W"].map(valueOf)).to.deep.equal([
        0n,
        BigInt(space.context.asid),
        1n,
        1n,
        BigInt(24 + (access === EXECUTE ? 1 : 0)),
        1n,
        0n,
      ]);
      expect(step.fields.find(({ name }) => name === "W")?.means).to.contain(access === EXECUTE ? "without a meaning" : "may be written");
    }
    expect(pair.explain(0x40a000n, READ).says).to.equal("invalid: the handler looks further");
    expect(pair.explain(0x40a000n, READ).fields.find(({ name }) => name === "tag.G")).to.include({ high: 127, low: 127, value: 1n });
    expect(pair.explain(0x808000n + 0x1000000n, READ).says).to.be.oneOf([
      "invalid: the handler looks further",
      "another page's: the handler looks further",
    ]);
    expect(pair.explain(0x408000n + 0x1000000n, READ).says).to.equal("another page's: the handler looks further");
  });
});

describe("sparc64: what a protection trap does", () => {
  it("refuses the second store to a page that may not be written as it refused the first", () => {
    const { cpu, tables, space } = build();
    tables.insert(space.context, 0x100, 20, READ | USERS);
    expect(cpu.translate(0x200, READ, USER)).to.equal(40);
    for (let i = 0; i < 3; i += 1) expect(cpu.translate(0x200, WRITE, USER), `store ${i}`).to.equal(-1);
    const entry = cpu.dataTlb.probe(0x200, space.context.asid);
    expect(permits(cpu.dataTlb.rights(entry), USER, WRITE)).to.equal(false);
    expect(cpu.translate(0x200, READ, USER)).to.equal(40);
  });

  it("asks about a fetch in the instruction MMU, whatever the data MMU has at that place", () => {
    const { cpu, space } = build();
    const { asid } = space.context;
    cpu.dataTlb.invalidateAll();
    cpu.instructionTlb.enter(0x900, 1, 0x10, asid, rightsFor(EXECUTE, 0));
    for (const rights of [rightsFor(READ, READ), rightsFor(READ, 0), 0]) {
      for (let entry = 0; entry < 64; entry += 1) cpu.dataTlb.write(entry, 0x1000 + entry, 1, 5, asid, rights);
      expect(cpu.translate(0x900, EXECUTE, USER)).to.equal(-1);
      expect(sparc64.faults.report(cpu.fault.reason, EXECUTE, USER).code).to.equal(0x81);
    }
  });

  it("looks into the tables under their lock, and lets it go", () => {
    const { machine, cpu, tables, space } = build();
    tables.insert(space.context, 0x100, 20, READ | WRITE | USERS);
    const seen: string[] = [];
    machine.parts.locks.discipline = {
      acquire: (kind, id) => void seen.push(`+${kind} ${id}`),
      release: (kind, id) => void seen.push(`-${kind} ${id}`),
      assertHeld: () => {},
      assertNoneHeld: () => {},
    };
    const { id } = space.context;
    for (const access of [READ, WRITE] as const) {
      seen.length = 0;
      expect(cpu.translate(0x200, access, USER)).to.equal(40);
      expect(seen).to.deep.equal([`+page-table ${id}`, `-page-table ${id}`]);
    }
    seen.length = 0;
    expect(cpu.translate(0x9999, READ, USER)).to.equal(-1);
    expect(seen).to.deep.equal([`+page-table ${id}`, `-page-table ${id}`]);
  });

  it("cannot go on where every entry is locked", () => {
    const { cpu, space, tables } = build();
    tables.insert(space.context, 0x100, 20, READ | USERS);
    for (let entry = 0; entry < 64; entry += 1)
      cpu.dataTlb.write(entry, 0x1000 + entry, 1, 5, space.context.asid, rightsFor(READ, READ), ENTRY_LOCKED);
    expect(() => cpu.translate(0x200, READ, USER)).to.throw("every entry of a TLB is locked");
  });
});

describe("sparc64: the kernel's window", () => {
  it("shows RAM from page 1 to its end, not its holes and not what lies behind it", () => {
    const { machine, cpu } = build({ memoryHoles: [{ base: 2 ** 20, bytes: 2 ** 20 }] });
    machine.parts.memory.addRegion(4 * 2 ** 20, 2 ** 20);
    const last = (4 * 2 ** 20) / HARDWARE_PAGE - 1;
    expect(cpu.translate(1, READ, KERNEL)).to.equal(1);
    expect(cpu.translate(last, READ, KERNEL)).to.equal(last);
    for (const page of [0, 2 ** 20 / HARDWARE_PAGE, last + 1, last + 2])
      expect(cpu.translate(page, READ, KERNEL), `page ${page}`).to.equal(-1);
  });

  it("ends where tables begin: a page of the kernel's beyond it goes by them, without a buffer", () => {
    const { machine, cpu, tables } = build();
    const page = 2 ** 30 / HARDWARE_PAGE;
    tables.insert(machine.spaces.kernel.context, page / 2, 30, READ | WRITE | EXECUTE | PAGE_CACHEABLE);
    expect(cpu.translate(page + 1, READ, KERNEL)).to.equal(61);
    expect(cpu.translate(page + 1, WRITE, KERNEL)).to.equal(61);
    expect(cpu.translate(page, EXECUTE, KERNEL)).to.equal(60);
    expect(cpu.statistics).to.include({ tsbMisses: 0, tsbHits: 0 });
  });

  it("gives way to the entry that maps the buffers of an installed space", () => {
    const { machine, cpu, pair, space } = build();
    machine.switchToKernel();
    const page = pair.kernelAddress / HARDWARE_PAGE + 2;
    expect(cpu.translate(page, READ, KERNEL)).to.be.at.least(0);
    machine.switchTo(space);
    expect(cpu.dataTlb.duplicates(page, 0)).to.equal(1);
    expect(cpu.dataTlb.isLocked(cpu.dataTlb.probe(page, 0))).to.equal(true);
  });
});

describe("sparc64: buffers for a space", () => {
  it("begin invalid and zero, whatever lay in their frames", () => {
    const { memory } = build().machine.parts;
    for (let at = 0x18000; at < 0x38000; at += 4) memory.write32(at, 0x5a5a5a5a);
    const frames = { takeRun: () => 0x20000 / memory.frameSize } as unknown as FrameAllocator;
    const context = new TranslationContext(9, false, 1);
    new TsbCaches(frames, memory).create(context);
    const { instruction, data } = context.cache as TsbPair;
    expect([instruction.base, data.base]).to.deep.equal([0x20000, 0x28000]);
    for (const tsb of [instruction, data]) {
      for (let slot = 0; slot < TSB_SLOTS; slot += 1) {
        const words = [tsb.tagLow(slot), tsb.tagHigh(slot), tsb.dataLow(slot), tsb.dataHigh(slot)];
        if (words.join() !== [0, VALID, 0, 0].join()) expect.fail(`slot ${slot} has ${words.join()}`);
      }
    }
    expect([memory.read32(0x1fffc), memory.read32(0x30000)], "what lies around is somebody else's").to.deep.equal([0x5a5a5a5a, 0x5a5a5a5a]);
  });

  it("take one run, and a second one only instead of the first of RAM, which goes back", () => {
    const { machine } = build();
    const { memory } = machine.parts;
    for (const [given, kept] of [
      [[8, 12], 8],
      [[0, 12], 12],
    ] as const) {
      const runs = [...given];
      const returned: number[] = [];
      const frames = {
        takeRun: (count: number, alignment: number) => {
          expect([count, alignment]).to.deep.equal([4, 4]);
          return runs.shift() ?? -1;
        },
        release: (frame: number) => returned.push(frame) > 0,
      } as unknown as FrameAllocator;
      const caches = new TsbCaches(frames, memory);
      const context = new TranslationContext(9, false, 1);
      caches.create(context);
      expect((context.cache as TsbPair).instruction.base).to.equal(kept * memory.frameSize);
      expect(returned).to.deep.equal(kept === 8 ? [] : [0, 1, 2, 3]);
      returned.length = 0;
      caches.destroy(context);
      expect([context.cache, returned]).to.deep.equal([null, [kept, kept + 1, kept + 2, kept + 3]]);
      caches.destroy(context);
      expect(returned).to.have.length(4);
    }
  });

  it("name what is misaligned", () => {
    expect(() => buildMachine(sparc64, { memoryBytes: 4 * 2 ** 20, memoryBase: 0x4000 }))
      .to.throw()
      .with.deep.property("values", { memoryBase: 0x4000n, alignment: 0x10000 });
  });

  it("hold a page in an area like every other page: what was written is read", () => {
    const { machine, space } = build();
    space.createArea({ base: 0x400000, size: 0x8000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
    for (let at = 0; at < 0x8000; at += 0x2000) expect(machine.write32(0x400000 + at, at + 1)).to.equal(true);
    machine.cpu(0).invalidateAll();
    for (let at = 0; at < 0x8000; at += 0x2000) expect(machine.read32(0x400000 + at)).to.equal(at + 1);
  });
});
