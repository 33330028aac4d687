/** What the page hash table keeps in memory: frames that fill and empty, entries that are used again, and a directory that is true. */
import { expect } from "chai";
import { AllocationGate } from "#src/allocation-gate.js";
import { PortolanError } from "#src/errors.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { NO_ENTRY, PageHash } from "#src/paging/page-hash.js";
import { Random } from "#src/random.js";

const FRAME = 4096;
const PER_FRAME = FRAME / 32;

const fresh = () => {
  const memory = new PhysicalMemory({ bytes: 1024 * FRAME, base: 2 ** 33, physicalBits: 41, byteOrder: "big", frameShift: 12 });
  const gate = new AllocationGate();
  const zone = new ZonedFrames(memory, gate);
  const before = zone.free;
  return { memory, gate, zone, before, hash: new PageHash(memory, zone, 14) };
};

const framesOf = (hash: PageHash): number[] => {
  const frames: number[] = [];
  hash.eachFrame((frame) => frames.push(frame));
  return frames;
};

describe("the memory of the page hash table", () => {
  it("is true to what it tells while pages come and go in any order: frames, bytes, and a directory of heads", () => {
    const { memory, zone, before, hash } = fresh();
    const random = new Random(14);
    const model = new Map<string, readonly [space: number, page: number, frame: number]>();
    for (let step = 0; step < 12_000; step += 1) {
      // Up to some frames full of entries, down to nearly none, and up again.
      const isGrowing = step % 4000 < 2400;
      const space = random.below(3);
      const page = random.below(4) === 0 ? 2 ** 49 + random.below(500) : random.below(1500) + (random.below(2) === 0 ? 2 ** 18 : 0);
      const key = `${space}/${page}`;
      const entry = hash.find(space, page);
      expect(entry !== NO_ENTRY, `step ${step}`).to.equal(model.has(key));
      if (isGrowing && entry === NO_ENTRY) {
        const frame = random.below(2 ** 20) * 2 ** 14;
        hash.insert(space, page, frame, 5);
        model.set(key, [space, page, frame]);
      } else if (!isGrowing && model.size > 0) {
        const [other] = model;
        const [name, [ofSpace, ofPage]] = other ?? ["", [0, 0, 0]];
        hash.remove(hash.find(ofSpace, ofPage));
        model.delete(name);
      }
      if (step % 400 !== 0) continue;
      for (const [ofSpace, ofPage, frame] of model.values()) expect(hash.frameOf(hash.find(ofSpace, ofPage))).to.equal(frame);
      const frames = framesOf(hash);
      expect(new Set(frames).size).to.equal(frames.length);
      expect([frames.length * FRAME, before - zone.free]).to.deep.equal([hash.bytes, frames.length]);
      expect(frames[0] === hash.directory / FRAME && frames.every((frame) => memory.isBacked(frame * FRAME))).to.equal(true);
      let seen = 0;
      hash.each((at) => {
        seen += 1;
        expect(frames).to.include(Math.floor(at / FRAME));
      });
      expect(seen).to.equal(model.size);
      const heads = Math.ceil(hash.chains / (FRAME / 8));
      for (let head = 0; head < FRAME / 8; head += 1) {
        const at = memory.readHigh(hash.directory + head * 8) * 2 ** 32 + memory.readLow(hash.directory + head * 8);
        expect(at, `head ${head}`).to.equal(head < heads ? (frames[1 + head] ?? -1) * FRAME : 0);
      }
    }
  });

  it("uses entries again that were given back, cleared, before it takes another frame", () => {
    const { memory, zone, hash } = fresh();
    for (let page = 0; page < 2 * PER_FRAME; page += 1) hash.insert(1, page, 2 ** 14, 1);
    const { free } = zone;
    const places = new Set<number>();
    for (const page of [3, 77, 200, 130]) {
      const entry = hash.find(1, page);
      places.add(entry);
      hash.remove(entry);
      for (let word = 0; word < 24; word += 4) expect(memory.read32(entry + word)).to.equal(0);
    }
    for (let page = 1000; page < 1004; page += 1) {
      hash.insert(1, page, 2 ** 15, 2);
      expect(places.delete(hash.find(1, page)), "a place that was free").to.equal(true);
    }
    expect(zone.free).to.equal(free);
    hash.insert(1, 2000, 2 ** 14, 1);
    expect(zone.free).to.equal(free - 1);
    const entry = hash.find(1, 2000);
    hash.remove(entry);
    expect(zone.free, "an empty frame goes").to.equal(free);
  });

  it("uses the second entry of a frame again too, and cleared heads and links are zeros", () => {
    const { memory, hash } = fresh();
    for (let page = 0; page < 10; page += 1) hash.insert(1, page, 2 ** 14, 1);
    const second = hash.find(1, 1);
    hash.remove(second);
    hash.insert(1, 100, 2 ** 14, 1);
    expect(hash.find(1, 100)).to.equal(second);
    const head = hash.headOf(1, 100);
    hash.remove(hash.find(1, 100));
    expect([memory.readLow(head), memory.readHigh(head)]).to.deep.equal([0, 0]);
  });

  it("fills a frame that has room again after one that became empty before it", () => {
    const { zone, hash } = fresh();
    for (let page = 0; page < PER_FRAME + 2; page += 1) hash.insert(1, page, 2 ** 14, 1);
    const room = hash.find(1, 5);
    hash.remove(room);
    for (const page of [PER_FRAME, PER_FRAME + 1]) hash.remove(hash.find(1, page));
    const { free } = zone;
    hash.insert(1, 5, 2 ** 14, 1);
    expect([hash.find(1, 5), zone.free]).to.deep.equal([room, free]);
  });

  it("has as many frames of heads as one directory lists, and longer chains from then on", () => {
    const bytes = 256;
    const most = (bytes / 8) ** 2;
    const memory = new PhysicalMemory({ bytes: 2 ** 18, base: 2 ** 33, physicalBits: 41, byteOrder: "big", frameShift: 8 });
    const zone = new ZonedFrames(memory, new AllocationGate());
    const hash = new PageHash(memory, zone, 14);
    for (let page = 0; page < most + 500; page += 1) hash.insert(1, page, 2 ** 14, 1);
    expect(hash.chains).to.equal(most);
    for (let page = 0; page < most + 500; page += 1) expect(hash.frameOf(hash.find(1, page)), `page ${page}`).to.equal(2 ** 14);
    let seen = 0;
    hash.each(() => (seen += 1));
    expect(seen).to.equal(most + 500);
  });

  it("goes on without more heads for want of a frame alone", () => {
    const { memory } = fresh();
    const zone = new ZonedFrames(memory, new AllocationGate());
    let refuses: Error | null = null;
    const take = zone.takeZeroed.bind(zone);
    const hash = new PageHash(memory, zone, 14);
    zone.takeZeroed = (...given) => {
      // Entries find a frame, heads do not.
      if (refuses !== null && hash.entries > hash.chains) throw refuses;
      return take(...given);
    };
    const { chains } = hash;
    for (let page = 0; page < chains; page += 1) hash.insert(1, page, 2 ** 14, 1);
    refuses = new PortolanError("ERR_OUT_OF_FRAMES", {});
    hash.insert(1, chains, 2 ** 14, 1);
    expect([hash.chains, hash.entries]).to.deep.equal([chains, chains + 1]);
    for (const other of [new Error("the zone is broken"), new PortolanError("ERR_BAD_ARGUMENT", {})]) {
      refuses = other;
      expect(() => hash.insert(1, chains + hash.entries, 2 ** 14, 1)).to.throw(other.message);
    }
  });

  it("is given back where not even the first heads have room", () => {
    const { memory } = fresh();
    for (const allowed of [0, 1]) {
      const gate = new AllocationGate();
      const zone = new ZonedFrames(memory, gate);
      const { free } = zone;
      gate.failAfter(allowed);
      expect(() => new PageHash(memory, zone, 14)).to.throw(PortolanError);
      gate.disarm();
      expect(zone.free).to.equal(free);
    }
  });
});
