/** What lies beside a TLB: translation storage buffers, the fronts of the hit path, and the notes of entries. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { arm, arm32 } from "@portolan/arch-arm";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { depthOf, domainOf, entryNote, needsEntryNotes, rightsAt, withoutParts } from "#src/tlb/entry-note.js";
import { ALL_FRONTS, EARLY, Lookaside, NO_STARTS, SMALL_PAGES } from "#src/tlb/lookaside.js";
import { Tsb } from "#src/tlb/tsb.js";

describe("a translation storage buffer", () => {
  const build = () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 20, physicalBits: 32, byteOrder: "big", frameShift: 13 });
    return { memory, tsb: new Tsb(memory, 0x8000, 512) };
  };

  it("has a slot for each page of a stretch, sixteen bytes each", () => {
    const { tsb } = build();
    expect([tsb.bytes, tsb.slotOf(5), tsb.slotOf(512 + 5), tsb.slotOf(2 ** 51 + 7), tsb.addressOf(0), tsb.addressOf(3)]).to.deep.equal([
      8192, 5, 5, 7, 0x8000, 0x8030,
    ]);
  });

  it("keeps tag and data as two words of 64 bits each, and knows a tag by all of them", () => {
    const { memory, tsb } = build();
    tsb.write(3, 0x1111, 0x2222, 0x3333, 0x8000_4444);
    expect([tsb.tagLow(3), tsb.tagHigh(3), tsb.dataLow(3), tsb.dataHigh(3)]).to.deep.equal([0x1111, 0x2222, 0x3333, 0x8000_4444]);
    expect([0, 4, 8, 12].map((at) => memory.read32(0x8030 + at))).to.deep.equal([0x2222, 0x1111, 0x8000_4444, 0x3333]);
    expect([
      tsb.holds(3, 0x1111, 0x2222),
      tsb.holds(3, 0x1110, 0x2222),
      tsb.holds(3, 0x1111, 0x2223),
      tsb.holds(4, 0x1111, 0x2222),
    ]).to.deep.equal([true, false, false, false]);
    expect([tsb.isMarked(3), memory.read32(0x8020), memory.read32(0x8040)]).to.deep.equal([false, 0, 0]);
  });

  it("is marked where nothing was ever written, and while something is", () => {
    const seen: boolean[] = [];
    class Watched extends PhysicalMemory {
      override write64(address: number, low: number, high: number): void {
        super.write64(address, low, high);
        if (tsb !== undefined) seen.push(tsb.isMarked(5));
      }
    }
    let tsb: Tsb | undefined;
    tsb = new Tsb(new Watched({ bytes: 2 ** 20, physicalBits: 32, byteOrder: "big", frameShift: 13 }), 0x8000, 512);
    tsb.invalidate(5, 1);
    expect([tsb.tagLow(5), tsb.tagHigh(5), tsb.isMarked(5), tsb.isMarked(6)]).to.deep.equal([0, 0x8000_0000, true, false]);
    tsb.write(5, 1, 2, 3, 4);
    tsb.write(5, 6, 7, 8, 9);
    expect(seen).to.deep.equal([true, true, true, false, true, true, false]);
  });

  it("marks the slots of pages, round the end, at most all of them, and leaves the rest of their tags", () => {
    const marked = (page: number, count: number): number[] => {
      const { tsb } = build();
      for (let slot = 0; slot < 512; slot += 1) tsb.write(slot, slot, 9, 1, 1);
      tsb.invalidate(page, count);
      const slots = Array.from({ length: 512 }, (_, slot) => slot).filter((slot) => tsb.isMarked(slot));
      for (const slot of slots) {
        expect([tsb.tagLow(slot), tsb.tagHigh(slot)]).to.deep.equal([slot, 0x8000_0009]);
        expect(tsb.holds(slot, slot, 9)).to.equal(false);
      }
      return slots;
    };
    expect(marked(7, 1)).to.deep.equal([7]);
    expect(marked(512 + 7, 0)).to.deep.equal([]);
    expect(marked(1023, 3)).to.deep.equal([0, 1, 511]);
    for (const count of [512, 513, Infinity]) expect(marked(100, count)).to.have.length(512);
    expect(marked(100, 511)).to.have.length(511);
  });
});

type Age = "early" | "grown" | "busy";

/** One of the fronts of a processor, which knows nothing of the others. */
const frontOf = (memory: PhysicalMemory, age: Age, onTable?: () => void) => {
  const fronts = new Lookaside(memory, 12, onTable);
  const somewhere = Math.ceil(memory.ramStart / memory.frameSize);
  if (age === "grown") for (let i = 0; i < EARLY; i += 1) fronts.fill(3, 0, somewhere);
  if (age === "busy") fronts.join();
  return {
    fill: (page: number, frame: number): boolean => fronts.fill(2, page, frame),
    frameOf: (page: number): number => fronts.frameOf(2, page),
    frameElsewhere: (page: number): number => fronts.frameElsewhere(2, page),
    drop: (page: number, span: number): void => fronts.drop(2, page, span),
    flush: (): void => fronts.flush(ALL_FRONTS),
    get starts(): Int32Array {
      return fronts.views[2];
    },
  };
};

for (const [age, title] of [
  ["early", "a front of a processor that has hardly begun"],
  ["grown", "a front"],
  ["busy", "a front of a busy TLB"],
] as const)
  describe(title, () => {
    /** RAM from 1 MiB on, a chunk of it for 64 KiB, and a device elsewhere. */
    const build = () => {
      const memory = new PhysicalMemory({ bytes: 2 ** 20, base: 2 ** 20, physicalBits: 40, byteOrder: "little", frameShift: 12 });
      memory.addRegion(2 ** 33, 2 ** 16);
      let tables = 0;
      const front = frontOf(memory, age, () => (tables += 1));
      return { front, tables: () => tables };
    };
    const [FIRST, END, DEVICE] = [256, 512, 2 ** 21];

    it("answers for pages that were entered, with small numbers and large ones, in RAM and elsewhere", () => {
      const { front } = build();
      const pages = [0, 1, SMALL_PAGES - 1, SMALL_PAGES, 2 ** 40 + 5];
      for (const page of pages) {
        for (const frame of [FIRST, FIRST + 9, END - 1, DEVICE, DEVICE + 15]) {
          expect(front.fill(page, frame)).to.equal(true);
          expect(front.frameOf(page), `page ${page}, frame ${frame}`).to.equal(frame);
          expect([front.frameOf(page + 1), front.frameOf(page + 256)]).to.deep.equal([-1, -1]);
          front.drop(page, 1);
          expect(front.frameOf(page)).to.equal(-1);
        }
      }
    });

    it("refuses frames without memory, and keeps what it had", () => {
      const { front } = build();
      for (const page of [3, SMALL_PAGES + 3]) {
        front.fill(page, FIRST + 1);
        for (const frame of [0, FIRST - 1, END, DEVICE - 1, DEVICE + 16, 2 ** 32 + FIRST + 1, 2 ** 40])
          expect(front.fill(page, frame)).to.equal(false);
        expect(front.frameOf(page)).to.equal(FIRST + 1);
      }
    });

    it("shows pages of RAM in a table by page that comes with the first of them, and others beside it", () => {
      const { front, tables } = build();
      const before = age === "busy" ? 1 : 0;
      expect([front.starts === NO_STARTS, tables()]).to.deep.equal([age !== "busy", before]);
      front.fill(SMALL_PAGES, FIRST);
      expect([front.starts === NO_STARTS, tables()]).to.deep.equal([age !== "busy", before]);
      front.fill(7, FIRST + 2);
      front.fill(8, FIRST + 3);
      if (age === "early") {
        expect([front.starts === NO_STARTS, tables(), front.frameElsewhere(7), front.frameElsewhere(8)]).to.deep.equal([
          true,
          0,
          FIRST + 2,
          FIRST + 3,
        ]);
        return;
      }
      expect([front.starts === NO_STARTS, tables(), front.starts[8] - front.starts[7], front.starts[9]]).to.deep.equal([false, 1, 1024, 0]);
      expect([front.frameElsewhere(7), front.frameElsewhere(SMALL_PAGES)]).to.deep.equal([-1, FIRST]);
      front.fill(9, DEVICE);
      expect([front.starts[9], front.frameOf(9), front.frameElsewhere(9)]).to.deep.equal([0, DEVICE, DEVICE]);
      expect(
        NO_STARTS.every((start) => start === 0),
        "nothing is written where nothing is",
      ).to.equal(true);
    });

    it("shows memory beside RAM in the table too, where it lies in the same chunk, from its first frame on", () => {
      const memory = new PhysicalMemory({ bytes: 2 ** 20, base: 2 ** 19, physicalBits: 40, byteOrder: "little", frameShift: 12 });
      memory.addRegion(0, 2 ** 16);
      const front = frontOf(memory, age);
      for (const [page, frame] of [
        [3, 0],
        [4, 7],
        [5, 128],
        [6, 255],
      ] as const) {
        expect(front.fill(page, frame)).to.equal(true);
        const [start, elsewhere] = age === "early" ? [0, frame] : [frame * 1024 + 1, -1];
        expect([front.frameOf(page), front.starts[page], front.frameElsewhere(page)]).to.deep.equal([frame, start, elsewhere]);
      }
      expect(front.fill(7, 256), "RAM of the next chunk").to.equal(true);
      expect([front.frameOf(7), front.starts[7], front.frameElsewhere(7)]).to.deep.equal([256, 0, 256]);
    });

    it("forgets for good: what comes later into a slot brings nothing back", () => {
      const { front } = build();
      front.fill(SMALL_PAGES + 3, FIRST);
      front.fill(2 ** 40, FIRST + 1);
      front.flush();
      front.fill(SMALL_PAGES + 9, FIRST + 2);
      expect([3, 9].map((page) => front.frameOf(SMALL_PAGES + page))).to.deep.equal([-1, FIRST + 2]);
      expect(front.frameOf(2 ** 40)).to.equal(-1);
    });

    it("gives a slot to pages 256 apart in turn, and answers for the last only", () => {
      const { front } = build();
      front.fill(SMALL_PAGES + 3, FIRST);
      front.fill(SMALL_PAGES + 3 + 256, FIRST + 1);
      front.fill(SMALL_PAGES + 4, FIRST + 2);
      expect([3, 3 + 256, 4].map((page) => front.frameOf(SMALL_PAGES + page))).to.deep.equal([-1, FIRST + 1, FIRST + 2]);
      front.drop(SMALL_PAGES + 3, 1);
      expect(front.frameOf(SMALL_PAGES + 3 + 256), "another page's slot").to.equal(FIRST + 1);
    });

    it("forgets stretches, of small pages, of large numbers and across the border between them", () => {
      for (const first of [10, SMALL_PAGES - 3, SMALL_PAGES + 100, 2 ** 40]) {
        for (const span of [1, 2, 8, 200, 255, 256, 1000]) {
          const { front } = build();
          const pages = Array.from({ length: 12 }, (_, i) => first - 4 + i);
          for (const [i, page] of pages.entries()) front.fill(page, FIRST + i);
          front.drop(first, span);
          for (const [i, page] of pages.entries()) {
            const isGone = page >= first && page < first + span;
            // So long a stretch takes everything with it.
            if (span < 256 || isGone) expect(front.frameOf(page), `${page} of ${first} + ${span}`).to.equal(isGone ? -1 : FIRST + i);
          }
        }
      }
    });

    it("forgets everything at once, also when it has been told more pages than it remembers", () => {
      const { front } = build();
      front.fill(1, FIRST);
      front.fill(SMALL_PAGES + 1, FIRST);
      front.fill(2, DEVICE);
      front.flush();
      expect([1, SMALL_PAGES + 1, 2].map((page) => front.frameOf(page))).to.deep.equal([-1, -1, -1]);
      for (let page = 0; page < 5000; page += 1) {
        front.fill(page, FIRST + (page % 256));
        expect(front.frameOf(page)).to.equal(FIRST + (page % 256));
      }
      front.flush();
      for (let page = 0; page < 5000; page += 1) if (front.frameOf(page) !== -1) expect.fail(`page ${page} is known`);
      expect(front.starts.every((start) => start === 0)).to.equal(true);
    });
  });

describe("the fronts of a processor", () => {
  it("make a table when pages have come often enough, or were found, and take into it what came early and is in RAM", () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 20, physicalBits: 40, byteOrder: "little", frameShift: 12 });
    memory.addRegion(2 ** 33, 2 ** 16);
    const device = 2 ** 21;
    for (const isFilled of [false, true]) {
      let tables = 0;
      const front = frontOf(memory, "early", () => (tables += 1));
      front.fill(4, 40);
      front.fill(5, device);
      front.fill(SMALL_PAGES, 90);
      front.fill(7, 70);
      // What no table has room for brings none nearer.
      for (let i = 0; i <= EARLY; i += 1) expect([front.frameOf(5), front.frameOf(SMALL_PAGES)]).to.deep.equal([device, 90]);
      for (let i = 2; i < EARLY; i += 1) expect(isFilled ? front.fill(7, 70) : front.frameOf(7)).to.equal(isFilled ? true : 70);
      expect([tables, front.starts[7]]).to.deep.equal([0, 0]);
      if (isFilled) front.fill(7, 70);
      else expect(front.frameOf(7)).to.equal(70);
      expect([tables, front.starts[7], front.starts[4], front.frameOf(4), front.starts[4]]).to.deep.equal([
        1,
        70 * 1024 + 1,
        0,
        40,
        40 * 1024 + 1,
      ]);
      expect([front.frameElsewhere(4), front.frameOf(5), front.frameElsewhere(5)]).to.deep.equal([-1, device, device]);
      for (const page of [4, 5, 7]) front.drop(page, 1);
      expect([4, 5, 7].map((page) => front.frameOf(page))).to.deep.equal([-1, -1, -1]);
    }
  });

  it("have one table once and for all, with what their own tables knew, and what stood in slots comes into it when it is found", () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 20, base: 2 ** 20, physicalBits: 40, byteOrder: "little", frameShift: 12 });
    let tables = 0;
    const fronts = new Lookaside(memory, 12, () => (tables += 1));
    fronts.fill(4, 9, 256);
    for (let i = 1; i < EARLY; i += 1) fronts.fill(3, 8, 257);
    for (const [front, page, frame] of [
      [1, 0, 258],
      [1, 7, 259],
      [5, SMALL_PAGES - 1, 260],
    ] as const)
      fronts.fill(front, page, frame);
    const before = tables;
    fronts.join();
    expect(tables - before).to.equal(1);
    const { starts } = fronts;
    const known = [1 * SMALL_PAGES, 1 * SMALL_PAGES + 7, 6 * SMALL_PAGES - 1];
    expect(known.map((place) => starts[place])).to.deep.equal([2 * 1024 + 1, 3 * 1024 + 1, 4 * 1024 + 1]);
    expect(starts.reduce((count, start) => (start === 0 ? count : count + 1), 0)).to.equal(3);
    fronts.join();
    expect([fronts.starts === starts, tables - before]).to.deep.equal([true, 1]);
    expect([fronts.frameOf(4, 9), starts[4 * SMALL_PAGES + 9], fronts.frameElsewhere(4, 9)]).to.deep.equal([256, 1, -1]);
    fronts.flush(ALL_FRONTS);
    expect(starts.every((start) => start === 0)).to.equal(true);
  });

  it("take a page from its slot into the table of all as soon as there is one, however little has come", () => {
    const fronts = new Lookaside(new PhysicalMemory({ bytes: 2 ** 20, physicalBits: 40, byteOrder: "little", frameShift: 12 }), 12);
    fronts.fill(2, 9, 0);
    fronts.fill(2, 10, 255);
    fronts.join();
    expect([9, 10].map((page) => [fronts.frameOf(2, page), fronts.views[2][page]])).to.deep.equal([
      [0, 1],
      [255, 255 * 1024 + 1],
    ]);
  });

  it("know pages each for itself, before they have one table and afterwards", () => {
    const fronts = new Lookaside(new PhysicalMemory({ bytes: 2 ** 20, physicalBits: 40, byteOrder: "little", frameShift: 12 }), 12);
    const known = (page: number): number[] => [0, 1, 5].map((front) => fronts.frameOf(front, page));
    fronts.fill(0, 7, 1);
    fronts.fill(5, 7, 2);
    fronts.fill(1, SMALL_PAGES + 7, 3);
    for (const step of ["before", "after"]) {
      expect([known(7), known(SMALL_PAGES + 7)], step).to.deep.equal([
        [1, -1, 2],
        [-1, 3, -1],
      ]);
      fronts.join();
    }
    fronts.drop(5, 7, 1);
    fronts.fill(0, SMALL_PAGES + 8, 4);
    fronts.flush(1 << 1);
    expect([known(7), known(SMALL_PAGES + 7), known(SMALL_PAGES + 8)]).to.deep.equal([
      [1, -1, -1],
      [-1, -1, -1],
      [4, -1, -1],
    ]);
    fronts.flush(ALL_FRONTS);
    const none = [-1, -1, -1];
    expect([known(7), known(SMALL_PAGES + 7), known(SMALL_PAGES + 8)], "and what was left is forgotten later").to.deep.equal([
      none,
      none,
      none,
    ]);
  });
});

describe("the note of an entry", () => {
  it("has a domain, a level, and the rights of four parts", () => {
    const note = entryNote(13, 5, 0o12_34_56_07);
    expect([domainOf(note), depthOf(note)]).to.deep.equal([13, 5]);
    expect([0, 1023, 1024, 2047, 2048, 3072, 4095].map((offset) => rightsAt(note, offset, 4096))).to.deep.equal([
      0o07, 0o07, 0o56, 0o56, 0o34, 0o12, 0o12,
    ]);
    expect([0, 0x3fff, 0x4000, 0xffff].map((offset) => rightsAt(note, offset, 0x10000))).to.deep.equal([0o07, 0o07, 0o56, 0o12]);
    const plain = withoutParts(note);
    expect([domainOf(plain), depthOf(plain), rightsAt(plain, 4095, 4096), rightsAt(plain, 0, 4096)]).to.deep.equal([13, 5, 0, 0]);
  });

  it("is taken by machines with domains or with pages in parts, and by no others", () => {
    expect([arm32, arm({ processor: "cortexa9" }), abs32le, ia32, sparc64].map(needsEntryNotes)).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
    ]);
    const tells = (tellsLevel: boolean): boolean => needsEntryNotes({ ...ia32, faults: { ...ia32.faults, tellsLevel } });
    expect([tells(true), tells(false)], "for the level that a report names").to.deep.equal([true, false]);
    const { translation } = arm32;
    if (translation.kind !== "hierarchical") throw new Error("it has tables");
    const { domains: _none, ...rest } = translation;
    expect(needsEntryNotes({ ...arm32, translation: rest }), "for their parts").to.equal(true);
    const plain = rest.levels.map(({ forms: _forms, leaf, ...level }) => {
      const { partRights: _parts, ...format } = leaf ?? { name: "none", bytes: 4, fields: [] };
      return { ...level, leaf: format };
    });
    expect(needsEntryNotes({ ...arm32, translation: { ...rest, levels: plain } })).to.equal(false);
    const [inParts] = rest.levels
      .flatMap(({ leaf, forms = [] }) => [leaf, ...forms.map((form) => form.leaf)])
      .filter((format) => format?.partRights !== undefined);
    if (inParts === undefined) throw new Error("some form has parts");
    const form = { when: { reads: [], tell: () => true }, leaf: inParts, entries: 1 };
    const other = plain.map((level, depth) => (depth === 0 ? level : { ...level, forms: [form] }));
    expect(needsEntryNotes({ ...arm32, translation: { ...rest, levels: other } }), "for a form's parts").to.equal(true);
  });
});
