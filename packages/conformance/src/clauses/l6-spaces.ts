/** L6: what becomes of spaces, seen in images of the machine: what is gone is gone, what is shared is shared, what is out is not there. */
import {
  anonymous,
  AREA_READ,
  MemorySwap,
  permits,
  USER,
  WRITE,
  type AddressSpace,
  type FrameAllocator,
  type Machine,
} from "@portolan/core";
import type { Clause } from "../clause.js";
import { Failure, holds, same } from "../failure.js";
import { Desk, RO, RW, USUAL } from "../rig/desk.js";
import { Family } from "../rig/family.js";
import { Dump, Look, rootsOf } from "../rig/images.js";
import { by } from "../rig/exploring.js";
import type { Rig } from "../rig/rig.js";
import { play, type Choose } from "../rig/schedules.js";

/** Nothing that a space's tables lead to is free: no table, no page. @throws Failure that names the frame */
const leadsToNothingFree = async (look: Look, space: AddressSpace, references: (frame: number) => number, when: string): Promise<void> => {
  const { tables, frames } = await look.reached(space);
  for (const frame of tables)
    if (references(frame) === 0)
      throw new Failure(`${when} a table in frame 0x${frame.toString(16)}, which is free, is reached from a root`);
  for (const frame of frames)
    if (references(frame) === 0) throw new Failure(`${when} frame 0x${frame.toString(16)}, which is free, is mapped`);
};

const countsOf =
  (frames: FrameAllocator) =>
  (frame: number): number =>
    frames.references(frame);

export const imageSpaceClauses: readonly Clause[] = [
  {
    id: "L6.withdrawn.leaves-nothing",
    rule: "After pages were withdrawn, whichever way, an image shows nothing of them: no mapping, no table, no frame that is free",
    source: "contract C-4.5, C-4.9, C-8.1",
    since: "1.2.0",
    traits: USUAL,
    async check(rig) {
      const desk = new Desk(rig);
      const { machine, a, b } = desk;
      const { units } = machine.parts;
      const far = units.pageOf(rig.architecture.layout.user.last) - 40 - desk.first;
      desk.area(0, 12);
      desk.area(20, 4, RO);
      desk.area(far, 4);
      desk.area(30, 4);
      for (const page of [0, 1, 2, 3, 4, 5, 6, 11, far, far + 3, 31, 33]) desk.write(page, 7);
      for (const page of [20, 22]) desk.read(page);
      a.shareArea(desk.at(30), desk.bytes(4), b, desk.at(40), RW);
      desk.install(b);
      for (const page of [41, 43]) desk.read(page);
      desk.install(a);
      const steps: readonly (readonly [string, () => unknown])[] = [
        ["pages are unmapped", () => a.unmap(desk.at(2), desk.bytes(2))],
        ["the share is gone", () => b.destroyArea(desk.at(40))],
        ["the far area is gone", () => a.destroyArea(desk.at(far))],
        ["rights are changed", () => a.protect(desk.at(5), desk.bytes(3), AREA_READ)],
        ["the other area is gone", () => a.destroyArea(desk.at(20))],
        ["the area that was shared is gone", () => a.destroyArea(desk.at(30))],
        ["the first area is gone", () => a.unmap(desk.at(0), desk.bytes(12))],
      ];
      const gone: number[] = [];
      const withdrawn: readonly (readonly number[])[] = [[2, 3], [], [far, far + 3], [], [20, 22], [31, 33], [0, 1, 4, 5, 6, 11]];
      for (const [i, [what, step]] of steps.entries()) {
        machine.on(0, step);
        gone.push(...(withdrawn[i] ?? []));
        const look = new Look(rig, machine);
        const listed = await look.pages(a);
        for (const page of gone) holds(!listed.has(desk.first + page), `after ${what} page ${page} is listed`);
        for (const space of [a, b]) await leadsToNothingFree(look, space, countsOf(machine.parts.frames), `after ${what}`);
        desk.done();
      }
      const look = new Look(rig, machine);
      same([(await look.pages(a)).size, (await look.pages(b)).size], [0, 0], "pages that are listed in the end");
    },
  },
  {
    id: "L6.space.end-leaves-no-way",
    rule: "When a space has ended, no register and no table of an image leads to its tables",
    source: "contract C-4.9, C-16.1; HD-41",
    since: "1.2.0",
    traits: ["cold", "recycled", "other"],
    async check(rig) {
      const desk = new Desk(rig);
      const { machine, a, b } = desk;
      for (const space of [a, b]) {
        desk.install(space);
        desk.area(0, 8, RW, space);
        for (const page of [0, 3, 7]) desk.write(page, 1);
      }
      // Small tables of several spaces may lie in one frame.
      const others = new Set<number>();
      for (const space of machine.spaces.live())
        if (space !== b) for (const frame of (await new Look(rig, machine).reached(space)).tables) others.add(frame);
      const dead = [...(await new Look(rig, machine).reached(b)).tables].filter((frame) => !others.has(frame));
      const oldRoot = b.context.root;
      const way = new Look(rig, machine).roots(b);
      for (const { id } of machine.cpus) machine.switchTo(a, id);
      machine.on(0, () => b.destroy());
      const look = new Look(rig, machine);
      for (const { id } of machine.cpus)
        holds(
          machine.cpu(id).contextFor(USER).root !== oldRoot || oldRoot < 0,
          `processor ${id} starts from the root of a space that has ended`,
        );
      // A table that is everybody's goes on, without it.
      if (!rig.has("tree")) same((await look.list(b, "leaves", way)).length, 0, "entries of the space that has ended");
      const { tables } = await look.reached(a);
      for (const frame of dead) {
        same(machine.parts.frames.references(frame), 0, `references to frame 0x${frame.toString(16)}, a table of a space that has ended`);
        holds(!tables.has(frame), `frame 0x${frame.toString(16)}, a table of a space that has ended, is reached`);
      }
      await leadsToNothingFree(look, a, countsOf(machine.parts.frames), "after another space's end");
      same(
        [...(await look.pages(a)).keys()],
        [0, 3, 7].map((page) => desk.first + page),
        "pages of the space that lives",
      );
      desk.done();
    },
  },
  {
    id: "L6.fork.shared-frames-read-only",
    rule: "After a fork images show both spaces the same frames, for the user to read only; after a write the writer has a frame of its own",
    source: "contract C-20.1, C-20.4; POSIX.1-2017 fork()",
    since: "1.2.0",
    traits: ["cold", "warm", "recycled", "other"],
    async check(rig) {
      const f = new Family(rig);
      f.area(0, 5);
      f.fill(0, 4, 100);
      const child = f.fork();
      f.words(child, 0, 4);
      f.words(f.parent, 0, 4);
      const first = f.machine.parts.units.pageOf(f.at(0));
      const seen = async () => {
        const look = new Look(rig, f.machine);
        const both = [await look.pages(f.parent), await look.pages(child)];
        return [0, 1, 2, 3].map((page) =>
          both.map((pages) => {
            const one = pages.get(first + page);
            if (one === undefined) throw new Failure(`page ${page} is not in the image`);
            return { frame: one.frame, isWritable: permits(one.rights, USER, WRITE) };
          }),
        ) as [{ frame: number; isWritable: boolean }, { frame: number; isWritable: boolean }][];
      };
      const before = await seen();
      for (const [page, [parents, childs]] of before.entries()) {
        same(childs.frame, parents.frame, `the child's frame of page ${page}`);
        same([parents.isWritable, childs.isWritable], [false, false], `whether parent and child may write to page ${page}`);
      }
      f.write(child, 1, 5);
      f.write(f.parent, 2, 6);
      for (const [page, [parents, childs]] of (await seen()).entries()) {
        const was = before[page]?.[0].frame;
        const [isChilds, isParents] = [page === 1, page === 2];
        same([parents.frame === was, childs.frame === was], [!isParents, !isChilds], `whether page ${page} is where it was`);
        same([parents.isWritable, childs.isWritable], [isParents, isChilds], `whether page ${page} may be written now`);
      }
      f.done();
    },
  },
  {
    id: "L6.swap.gone-is-not-present",
    rule: "A page that has left memory is not present in an image, and one that came back is there with its bytes",
    source: "contract C-23.1; volatility3#134",
    since: "1.2.0",
    traits: ["cold", "recycled", "other"],
    async check(rig) {
      const f = new Family(rig);
      f.area(0, 6);
      f.fill(0, 6, 0x1111_0000);
      f.pushOut();
      const { units } = f.machine.parts;
      const first = units.pageOf(f.at(0));
      const count = async (): Promise<number> => (await new Look(rig, f.machine).pages(f.parent)).size;
      const used = f.parent.areaInfo(f.at(0))?.usedPages ?? 6;
      holds(used < 6, "no page has left memory");
      same(await count(), used, "pages of the image while others are out");
      f.read(f.parent, 2);
      f.read(f.parent, 5);
      const look = new Look(rig, f.machine);
      const pages = await look.pages(f.parent);
      same(pages.size, f.parent.areaInfo(f.at(0))?.usedPages, "pages of the image after two came back");
      for (const page of [2, 5]) {
        holds(pages.has(first + page), `page ${page} came back and is not in the image`);
        const read = await rig.reader.bytes(look.memory, rig.architecture, look.roots(f.parent), f.at(page), 4, {
          privilege: USER,
          switches: look.switches,
        });
        const bytes = f.machine.parts.memory.byteOrder === "little" ? read.bytes.reverse() : read.bytes;
        same([...bytes], [0x11, 0x11, 0, page], `bytes of page ${page}, the highest first`);
      }
      f.done();
    },
  },
  {
    id: "L6.processors.between-operations",
    rule: "An image taken at any point of operations on several processors shows no table and no page that is free",
    source: "contract C-8.1, C-17.3; HD-16",
    since: "1.2.0",
    traits: ["other"],
    async check(rig) {
      const { isLong, isShort, policy } = rig.options;
      const rounds = isLong ? 200 : policy === "described" && isShort !== true ? 4 : 1;
      for (let round = 0; round < rounds; round += 1) {
        const moments = performed(rig);
        holds(moments.length > 10, "nothing happened");
        for (const { point, look, spaces, references } of moments)
          for (const space of spaces) await leadsToNothingFree(look, space, references, `at "${point}"`);
      }
    },
  },
];

/** The machine at a point of an operation, and who was there. */
interface Moment {
  readonly point: string;
  readonly look: Look;
  readonly spaces: readonly AddressSpace[];
  readonly references: (frame: number) => number;
}

const FRAMES = 64;
/** Points that are looked at, of about a hundred. */
const MOMENTS = 24;

/** What two processors do at once, in a random order, with images of some of the moments. */
const performed = (rig: Rig): readonly Moment[] => {
  const machine = rig.build({ cpus: 2, memoryBytes: FRAMES * rig.pageSize, swap: new MemorySwap(32) });
  const { units } = machine.parts;
  const first = units.pageOf(rig.architecture.layout.user.first) + 16;
  const at = (page: number): bigint => units.addressOf(first + page);
  const bytes = (pages: number): bigint => units.bytesOf(pages);
  const [a, b] = [machine.spaces.create(), machine.spaces.create()];
  for (const [id, space] of [a, b].entries()) {
    machine.switchTo(space, id);
    space.createArea({ base: at(0), size: bytes(6), flags: RW, backend: anonymous });
    for (const page of [0, 1, 3]) machine.write32(at(page), 1 + page, id);
  }
  machine.switchTo(a, 1);
  const far = units.pageOf(rig.architecture.layout.user.last) - 32 - first;
  const programs = [
    by(
      0,
      () => a.unmap(at(1), bytes(2)),
      () => machine.write32(at(4), 5, 0),
      () => void a.createArea({ base: at(far), size: bytes(2), flags: RW, backend: anonymous }),
      () => machine.write32(at(far), 6, 0),
      () => a.destroyArea(at(far)),
      () => a.unmap(at(0), bytes(6)),
    ),
    by(
      1,
      () => machine.write32(at(3), 8, 1),
      () => machine.spaces.fork(b).id,
      () => b.unmap(at(0), bytes(2)),
      () => machine.write32(at(5), 9, 1),
      () => machine.parts.reclaimer.reclaim(8) !== undefined,
      () => b.destroyArea(at(3)),
    ),
  ];
  const moments: Moment[] = [];
  const choose: Choose = (count) => (rig.random.below(4) === 0 ? rig.random.below(count) : 0);
  play(machine, programs, choose, (_cpu, point) => {
    if (moments.length >= MOMENTS || rig.random.below(3) === 0) return;
    moments.push(momentOf(rig, machine, point));
  });
  moments.push(momentOf(rig, machine, "the end"));
  return moments;
};

const momentOf = (rig: Rig, machine: Machine, point: string): Moment => {
  const { frames, memory } = machine.parts;
  const counts = Int32Array.from({ length: memory.frameCount }, (_, i) => frames.references(memory.firstFrame + i));
  return {
    point,
    look: new FixedLook(rig, machine),
    spaces: [...machine.spaces.live()],
    references: (frame) => counts[frame - memory.firstFrame] ?? -1,
  };
};

/** Roots are those of the moment: a space may have ended, or have other tables, since. */
class FixedLook extends Look {
  readonly #roots: ReadonlyMap<AddressSpace, ReturnType<Look["roots"]>>;

  constructor(rig: Rig, machine: Machine) {
    const { frames } = machine.parts;
    super(rig, machine, new Dump(machine, (frame) => frames.references(frame) !== 0));
    this.#roots = new Map([...machine.spaces.live()].map((space) => [space, rootsOf(machine, space)]));
  }

  override roots(space: AddressSpace): ReturnType<Look["roots"]> {
    return this.#roots.get(space) ?? super.roots(space);
  }
}
