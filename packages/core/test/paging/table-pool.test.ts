/** Memory for tables: whole frames, runs of them, and pieces that share one. */
import { expect } from "chai";
import type { FrameAllocator } from "#src/frames/frame-allocator.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TablePool } from "#src/paging/table-pool.js";

const FRAME = 4096;

const bench = () => {
  const memory = new PhysicalMemory({ bytes: 64 * FRAME, physicalBits: 32, byteOrder: "little", frameShift: 12 });
  for (let at = 0; at < 64 * FRAME; at += 4) memory.write32(at, 0xa5a5_a5a5);
  const taken: string[] = [];
  let next = 4;
  const take = (count: number): number => {
    const first = Math.ceil(next / count) * count;
    next = first + count;
    return first;
  };
  const frames = {
    take: () => {
      taken.push("one");
      return take(1);
    },
    takeRun: (count: number, alignment: number) => {
      taken.push(`${count} at ${alignment}`);
      return take(count);
    },
    release: (frame: number) => taken.push(`release ${frame}`) > 0,
  } as unknown as FrameAllocator;
  const pool = new TablePool(memory, frames);
  const isZero = (at: number, bytes: number): boolean => {
    for (let each = at; each < at + bytes; each += 4) if (memory.read32(each) !== 0) return false;
    return memory.read32(at + bytes) === 0xa5a5_a5a5 && memory.read32(at - 4) === 0xa5a5_a5a5;
  };
  const held = (): [number, number][] => {
    const all: [number, number][] = [];
    pool.eachFrame((frame, owner) => all.push([frame, owner]));
    return all.sort(([one], [other]) => one - other);
  };
  return { memory, pool, taken, isZero, held };
};

describe("memory for tables", () => {
  it("is a frame for a table of one, and an aligned run for a larger one: zeroed, and nothing around it", () => {
    const { pool, taken, isZero, held } = bench();
    const one = pool.take(FRAME, 3, 1);
    const four = pool.take(4 * FRAME, 5, 0);
    expect([one, four]).to.deep.equal([4 * FRAME, 8 * FRAME]);
    expect([isZero(one, FRAME), isZero(four, 4 * FRAME)]).to.deep.equal([true, true]);
    expect(taken).to.deep.equal(["one", "4 at 4"]);
    expect(held()).to.deep.equal([
      [4, 3],
      [8, 5],
      [9, 5],
      [10, 5],
      [11, 5],
    ]);
    expect([pool.bytes(), pool.bytes(3), pool.bytes(5), pool.bytes(9)]).to.deep.equal([5 * FRAME, FRAME, 4 * FRAME, 0]);
    taken.length = 0;
    expect(pool.free(four)).to.deep.equal({ bytes: 4 * FRAME, owner: 5, depth: 0 });
    expect(pool.free(one)).to.deep.equal({ bytes: FRAME, owner: 3, depth: 1 });
    expect(taken).to.deep.equal(["release 8", "release 9", "release 10", "release 11", "release 4"]);
    expect([pool.bytes(), held()]).to.deep.equal([0, []]);
  });

  it("is shared by smaller tables, the lowest piece first, and goes back with the last of them", () => {
    const { memory, pool, taken, held } = bench();
    const pieces = [1, 1, 1, 1, 1].map(() => pool.take(1024, 3, 1));
    expect(pieces).to.deep.equal([16384, 17408, 18432, 19456, 20480]);
    expect(taken).to.deep.equal(["one", "one"]);
    expect([memory.read32(20480), memory.read32(21500), memory.read32(21504)], "a piece alone").to.deep.equal([0, 0, 0xa5a5_a5a5]);
    expect(held()).to.deep.equal([
      [4, 3],
      [5, 3],
    ]);
    expect(pool.bytes()).to.equal(5 * 1024);
    taken.length = 0;
    expect(pool.free(pieces[1])).to.deep.equal({ bytes: 1024, owner: 3, depth: 1 });
    expect([taken, pool.bytes(3)]).to.deep.equal([[], 4 * 1024]);
    for (const piece of [pieces[0], pieces[2]]) pool.free(piece);
    expect(taken).to.deep.equal([]);
    pool.free(pieces[3]);
    expect(taken).to.deep.equal(["release 4"]);
    expect(pool.take(1024, 3, 1), "the other frame has room").to.equal(21504);
    expect(taken).to.deep.equal(["release 4"]);
  });

  it("takes pieces of one size from a frame, and pieces that were given back before a new frame, zeroed again", () => {
    const { memory, pool, taken } = bench();
    const small = pool.take(512, 1, 1);
    const large = pool.take(2048, 1, 1);
    expect([small, large]).to.deep.equal([4 * FRAME, 5 * FRAME]);
    expect(pool.take(2048, 1, 1)).to.equal(5 * FRAME + 2048);
    memory.write32(large + 2044, 7);
    pool.free(large);
    expect(pool.take(2048, 2, 1)).to.equal(large);
    expect(memory.read32(large + 2044)).to.equal(0);
    expect(taken).to.deep.equal(["one", "one"]);
    expect(pool.take(2048, 2, 1)).to.equal(6 * FRAME);
  });

  it("says who has a frame, and nobody where several do", () => {
    const { pool, held } = bench();
    pool.take(1024, 3, 1);
    const other = pool.take(1024, 4, 1);
    expect(held()).to.deep.equal([[4, -1]]);
    pool.free(other);
    expect(held()).to.deep.equal([[4, 3]]);
  });

  it("forgets a frame that went back: the next piece is cut from another", () => {
    const { pool, taken, held } = bench();
    const table = pool.take(1024, 3, 1);
    pool.free(table);
    expect([held(), taken]).to.deep.equal([[], ["one", "release 4"]]);
    expect(pool.take(1024, 3, 1)).to.equal(5 * FRAME);
    expect(held()).to.deep.equal([[5, 3]]);
  });

  it("knows its tables: what is none cannot be freed, nor twice", () => {
    const { pool } = bench();
    const table = pool.take(1024, 3, 1);
    expect(() => pool.free(table + 512)).to.throw("no table begins at 0x4200");
    pool.free(table);
    expect(() => pool.free(table)).to.throw("no table begins at");
  });
});
