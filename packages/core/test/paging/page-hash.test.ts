import { expect } from "chai";
import fc from "fast-check";
import { AllocationGate } from "#src/allocation-gate.js";
import { PortolanError } from "#src/errors.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { NO_ENTRY, PageHash } from "#src/paging/page-hash.js";

const PAGE_SHIFT = 14;

const fresh = (byteOrder: "little" | "big", frames = 512, frameShift = 14) => {
  const memory = new PhysicalMemory({ bytes: frames * 2 ** frameShift, base: 2 ** 33, physicalBits: 41, byteOrder, frameShift });
  const gate = new AllocationGate();
  const zone = new ZonedFrames(memory, gate);
  return { memory, gate, zone, hash: new PageHash(memory, zone, PAGE_SHIFT) };
};

const keyOf = (space: number, page: number): string => `${space}/${page}`;

const contentsOf = (hash: PageHash): Map<string, string> => {
  const contents = new Map<string, string>();
  hash.each((entry) => contents.set(keyOf(hash.spaceOf(entry), hash.pageOf(entry)), `${hash.frameOf(entry)}:${hash.flagsOf(entry)}`));
  return contents;
};

/** Pages in clusters, at the top of 64 bits too. */
const pages = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 2 ** 50 - 20, max: 2 ** 50 - 1 }),
  fc.integer({ min: 2 ** 32 - 5, max: 2 ** 32 + 5 }),
);

describe("the page hash table", () => {
  for (const byteOrder of ["little", "big"] as const) {
    it(`agrees with a map over random operations (${byteOrder}-endian)`, () => {
      const operation = fc.record({
        kind: fc.constantFrom("insert", "insert", "remove", "flags"),
        space: fc.integer({ min: 0, max: 3 }),
        page: pages,
        frame: fc.integer({ min: 1, max: 2 ** 27 - 1 }),
        flags: fc.integer({ min: 0, max: 255 }),
      });
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
          const { hash, zone } = fresh(byteOrder);
          const before = zone.free;
          const model = new Map<string, string>();
          for (const { kind, space, page, frame, flags } of operations) {
            const key = keyOf(space, page);
            const entry = hash.find(space, page);
            expect(entry !== NO_ENTRY, key).to.equal(model.has(key));
            if (kind === "insert" && entry === NO_ENTRY) {
              hash.insert(space, page, frame * 2 ** PAGE_SHIFT, flags);
              model.set(key, `${frame * 2 ** PAGE_SHIFT}:${flags}`);
            } else if (kind === "remove" && entry !== NO_ENTRY) {
              hash.remove(entry);
              model.delete(key);
            } else if (kind === "flags" && entry !== NO_ENTRY) {
              hash.setFlags(entry, flags);
              model.set(key, `${hash.frameOf(entry)}:${flags}`);
            }
            expect(hash.entries).to.equal(model.size);
          }
          expect(contentsOf(hash)).to.deep.equal(model);
          for (const key of model.keys()) hash.remove(hash.find(...(key.split("/").map(Number) as [number, number])));
          expect(zone.free, "every frame of entries is back").to.equal(before);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("grows a chain at a time and shrinks again, and gives every frame back", () => {
    const { hash, zone } = fresh("big", 2048, 12);
    const before = zone.free;
    const chains = hash.chains;
    const count = 20_000;
    for (let page = 0; page < count; page += 1) hash.insert(page % 7, page, page * 2 ** PAGE_SHIFT, page % 256);
    expect(hash.chains).to.equal(count);
    for (let page = 0; page < count; page += 1) {
      const entry = hash.find(page % 7, page);
      expect(hash.frameOf(entry)).to.equal(page * 2 ** PAGE_SHIFT);
      expect(hash.flagsOf(entry)).to.equal(page % 256);
      expect(hash.find((page + 1) % 7, page)).to.equal(NO_ENTRY);
    }
    let frames = 0;
    hash.eachFrame(() => (frames += 1));
    expect(frames * 2 ** 12).to.equal(hash.bytes);
    expect(before + 2 - zone.free, "what it says it has is what it took").to.equal(frames);
    for (let page = 0; page < count; page += 1) hash.remove(hash.find(page % 7, page));
    expect(hash.chains).to.equal(chains);
    expect(zone.free).to.equal(before);
  });

  it("keeps a frame beyond 4 GiB when its flags change, whatever entry lies before", () => {
    const { hash } = fresh("big");
    hash.insert(1, 7, 0x1_2345_4000, 3);
    hash.insert(1, 8, 0x2_6789_8000, 5);
    for (const [page, frame] of [
      [7, 0x1_2345_4000],
      [8, 0x2_6789_8000],
    ]) {
      const entry = hash.find(1, page);
      hash.setFlags(entry, 0xa5);
      expect([hash.frameOf(entry), hash.flagsOf(entry)]).to.deep.equal([frame, 0xa5]);
    }
  });

  it("takes the place that was given back, in a full frame too, whichever it was", () => {
    const { hash } = fresh("little");
    const full = 2 ** 14 / 32;
    for (let page = 0; page < full; page += 1) hash.insert(1, page, 2 ** PAGE_SHIFT, 0);
    const { bytes } = hash;
    for (const page of [0, 1, 2, full - 1]) {
      const place = hash.find(1, page);
      hash.remove(place);
      hash.insert(2, page, 2 ** PAGE_SHIFT, 0);
      expect([hash.find(2, page), hash.bytes], `page ${page}`).to.deep.equal([place, bytes]);
    }
  });

  it("HD-46: spreads pages of many spaces evenly over its chains", () => {
    const { hash } = fresh("big", 4096);
    const lengths = new Map<number, number>();
    for (let space = 1; space <= 64; space += 1) {
      for (let page = 0; page < 256; page += 1) {
        hash.insert(space, page, 2 ** PAGE_SHIFT, 0);
      }
    }
    for (let space = 1; space <= 64; space += 1) {
      for (let page = 0; page < 256; page += 1) {
        const chain = hash.chainOf(space, page);
        lengths.set(chain, (lengths.get(chain) ?? 0) + 1);
      }
    }
    // 16384 balls in 16384 urns: a fair hash uses 1 − 1/e of them, and the fullest holds a handful.
    expect(lengths.size / hash.chains).to.be.within(0.62, 0.65);
    expect(Math.max(...lengths.values())).to.be.lessThan(12);
  });

  it("spreads pages whose numbers differ above 32 bits only, and tells them apart where they share a chain", () => {
    const { hash } = fresh("little");
    const chains = new Set<number>();
    for (let high = 0; high < 1000; high += 1) chains.add(hash.chainOf(1, 7 + high * 2 ** 32));
    expect(chains.size).to.be.greaterThan(700);
    let twin = 7 + 2 ** 18;
    while (hash.chainOf(1, twin) !== hash.chainOf(1, 7)) twin += 2 ** 18;
    hash.insert(1, 7, 2 ** 14, 0);
    expect(hash.find(1, twin)).to.equal(NO_ENTRY);
    hash.insert(1, twin, 2 ** 15, 0);
    expect([hash.frameOf(hash.find(1, 7)), hash.frameOf(hash.find(1, twin))]).to.deep.equal([2 ** 14, 2 ** 15]);
  });

  it("merges chains, four at a time, once there are more than four for an entry, and not before", () => {
    const { hash } = fresh("big", 2048, 12);
    const first = hash.chains;
    const most = 4 * first;
    for (let page = 0; page < most; page += 1) hash.insert(1, page, 2 ** PAGE_SHIFT, 0);
    let expected = most;
    for (let page = 0; page < most; page += 1) {
      hash.remove(hash.find(1, page));
      while (expected > first && hash.entries * 4 < expected) expected -= 1;
      expect(hash.chains, `${hash.entries} entries`).to.equal(expected);
    }
    expect(hash.chains).to.equal(first);
  });

  it("goes on with longer chains where no frame is left for more heads", () => {
    const { hash, zone } = fresh("big", 64);
    let page = 0;
    for (;;) {
      try {
        hash.insert(1, page, 0, 0);
      } catch (error) {
        expect(error).to.be.instanceOf(PortolanError).with.property("code", "ERR_OUT_OF_FRAMES");
        break;
      }
      page += 1;
    }
    expect(zone.free).to.equal(0);
    expect(hash.entries).to.equal(page);
    for (let each = 0; each < page; each += 1) expect(hash.find(1, each)).to.not.equal(NO_ENTRY);
    expect(hash.find(1, page), "nothing of what failed").to.equal(NO_ENTRY);
  });

  it("changes nothing when the frame for an entry is refused", () => {
    const { hash, gate, memory } = fresh("little");
    const digest = memory.digest(memory.firstFrame, 8);
    gate.failAfter(0);
    expect(() => hash.insert(1, 1, 0, 0)).to.throw(PortolanError);
    gate.disarm();
    expect(memory.digest(memory.firstFrame, 8)).to.equal(digest);
    expect(hash.entries).to.equal(0);
  });
});
