/** Cores whose forks, copies, stacks of objects or ranges lie, once each. */
import {
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  LOCKS,
  WRITE,
  type AddressSpace,
  type Machine,
  type MemoryObject,
  type ShadowObject,
} from "@portolan/core";
import { caches, core, during, fronts, instead, memory, rowsOf, spaces, untold, type Liar, type Name } from "./liar.js";

const COPY_ON_WRITE = 0x10;
const NO_PAGE = -1;
const NO_LINK = -1;

const isShadow = (object: MemoryObject | null): object is ShadowObject => object?.kind === "shadow";

const bottomOf = (object: MemoryObject): MemoryObject => {
  let each = object;
  while (isShadow(each) && each.below !== null) each = each.below;
  return each;
};

/** What is done wrong with a child when it is there. */
const afterFork = (
  name: Name,
  lie: string,
  from: string,
  caughtBy: string,
  corrupt: (child: AddressSpace, parent: AddressSpace, machine: Machine) => void,
): Liar =>
  memory(name, lie, from, caughtBy, (machine) =>
    instead(machine.spaces, "fork", (usual) => (parent) => {
      const child = usual(parent);
      corrupt(child, parent, machine);
      return child;
    }),
  );

/** Every shadow that becomes a front, corrupted. */
const shadows = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (shadow: ShadowObject) => void): Liar =>
  memory(name, lie, from, caughtBy, (machine) =>
    fronts(machine, (object) => {
      if (isShadow(object)) corrupt(object);
    }),
  );

/** A property that is always computed. */
const computed = <T extends object, K extends keyof T>(target: T, name: K, get: () => T[K]): void => {
  Object.defineProperty(target, name, { get, set: () => {}, configurable: true });
};

/** Entries of used pages of [base, base + bytes) get the right to write, whoever else has the frames. */
const makeWritable = (space: AddressSpace, page: number, pages: number): void => {
  const { tables, withdrawals } = space.parts;
  const debt = withdrawals.begin(space.context, page, pages);
  for (let each = page; each < page + pages; each += 1)
    if (tables.find(space.context, each)) tables.update(space.context, each, tables.found.flags | WRITE, debt);
  withdrawals.settle();
};

const forks: readonly Liar[] = [
  memory(
    "abs32le",
    "a fork leaves the parent's pages writable",
    "CZ-32; OS lab: fork without write-protection",
    "L4.fork.writes-stay-apart",
    ({ parts }) => instead(parts.tables, "writeProtect", () => () => {}),
  ),
  memory("abs32le", "a fork write-protects and tells no TLB", "CZ-32; litebox#671", "L4.fork.writes-stay-apart", (machine) =>
    untold(machine, during(machine.spaces, "fork")),
  ),
  afterFork(
    "ia32",
    "a fork freezes nothing: the child sees what the parent writes later",
    "CZ-32",
    "L4.fork.generations-stay-apart",
    (child) => {
      for (const area of rowsOf(child)) {
        const front = child.parts.areas.objectOf(area);
        if (isShadow(front)) front.isWritable = true;
      }
    },
  ),
  afterFork("abs32le", "a child lacks its parent's last area", "CZ-34", "L4.fork.child-has-everything", (child) => {
    const last = rowsOf(child).at(-1);
    if (last !== undefined) child.destroyArea(child.parts.units.addressOf(child.parts.areas.firstOf(last)));
  }),
  afterFork("ia32", "what the parent may only read the child may write", "aplus#44", "L4.fork.read-only-stays-read-only", (child) => {
    const { areas } = child.parts;
    for (const area of rowsOf(child)) areas.setFlags(area, areas.flagsOf(area) | AREA_WRITE);
  }),
  afterFork("abs32le", "shared memory is copied by a fork", "phoenix-rtos-project#1714", "L4.fork.shared-stays-shared", (child) => {
    const { areas } = child.parts;
    for (const area of rowsOf(child))
      if (!isShadow(areas.objectOf(area)) && areas.objectOf(area)?.kind !== "anonymous")
        areas.setTraits(area, areas.traitsOf(area) | COPY_ON_WRITE);
  }),
  afterFork("ia32", "a child's program data are as they were loaded", "CZ-32", "L4.fork.image-segments", (child) => {
    const { areas } = child.parts;
    for (const area of rowsOf(child)) {
      const front = areas.objectOf(area);
      if (!isShadow(front) || bottomOf(front).kind !== "image") continue;
      const bottom = bottomOf(front);
      bottom.link(area);
      areas.setObject(area, bottom, areas.offsetOf(area));
      front.unlink(area);
    }
  }),
  afterFork(
    "abs32le",
    "what the parent unmaps the child loses too",
    "a fork that shares the list of areas",
    "L4.fork.areas-are-ones-own",
    (child, parent) =>
      instead(parent, "unmap", (usual) => (address, size) => {
        usual(address, size);
        child.unmap(address, size);
      }),
  ),
  memory("abs32le", "a child has the number of its parent", "zephyr#113559: a number in use is given again", "L1.fault.absent", (machine) =>
    instead(machine.spaces, "fork", (usual) => (parent) => {
      const child = usual(parent);
      child.context.asid = parent.context.asid;
      return child;
    }),
  ),
  memory("abs32le", "who ends takes along the pages that others see below", "CZ-18, CZ-35", "L4.fork.exits-in-every-order", (machine) =>
    spaces(machine, (space) =>
      instead(space, "destroy", (usual) => () => {
        for (const area of rowsOf(space)) {
          const front = space.parts.areas.objectOf(area);
          if (isShadow(front) && isShadow(front.below))
            front.below.cache.removeRange(0, Infinity, front.parts.frameGone, front.parts.slotGone);
        }
        usual();
      }),
    ),
  ),
  memory("abs32le", "a fork that fails leaves a link behind", "CZ-50", "L4.fork.every-allocation-fails-once", (machine) =>
    instead(machine.spaces, "fork", (usual) => (parent) => {
      try {
        return usual(parent);
      } catch (error) {
        for (const area of rowsOf(parent)) parent.parts.areas.objectOf(area)?.link(NO_LINK);
        throw error;
      }
    }),
  ),
  memory("abs32le", "a fork that is refused has cost the parent its areas", "CZ-50", "L4.fork.without-frames", (machine) =>
    instead(machine.spaces, "fork", (usual) => (parent) => {
      try {
        return usual(parent);
      } catch (error) {
        for (const base of Array.from(parent.areas(), (area) => area.base)) parent.destroyArea(base);
        throw error;
      }
    }),
  ),
  memory(
    "ia32",
    "a change of rights after a fork reaches the area and not its pages",
    "HD-31",
    "L4.fork.anonymous-behaves-as-before",
    (machine) =>
      spaces(machine, (space) => {
        const { tables } = machine.parts;
        const isChanging = during(space, "changeAreaFlags");
        instead(tables, "update", (usual) => (context, page, flags, debt) => {
          if (!isChanging()) usual(context, page, flags, debt);
        });
        instead(tables, "writeProtect", (usual) => (context, first, count, debt) => {
          if (!isChanging()) usual(context, first, count, debt);
        });
      }),
  ),
];

const writableZero = (name: Name, caughtBy: string): Liar =>
  memory(name, "the page of zeroes that all share is handed out writable", "CZ-38", caughtBy, ({ parts }) =>
    instead(
      parts.tables,
      "insert",
      (usual) => (context, page, frame, flags) =>
        usual(context, page, frame, frame === parts.objects.anonymous.zeroFrame ? flags | WRITE : flags),
    ),
  );

const copies: readonly Liar[] = [
  memory("abs32le", "a copy is half a page", "CZ-61", "L4.copy.whole-page", ({ parts: { memory: ram } }) =>
    instead(ram, "copyFrame", () => (from, to) => {
      const half = new Uint8Array(ram.frameSize / 2);
      ram.readBytes(from * ram.frameSize, half);
      ram.zeroFrame(to);
      ram.writeBytes(to * ram.frameSize, half);
    }),
  ),
  memory("ia32", "a frame goes astray with every copy", "CZ-55", "L4.copy.once", ({ parts: { memory: ram, frames } }) =>
    instead(ram, "copyFrame", (usual) => (from, to) => {
      frames.take();
      usual(from, to);
    }),
  ),
  memory("abs32le", "the old translation outlives a copy", "CZ-36; litebox#769", "L4.copy.others-forget-the-source", (machine) =>
    untold(machine, (count) => count === 1),
  ),
  memory("abs32le", "after a copy the entry leads to the source still", "CZ-36", "L4.copy.read-then-write", ({ parts: { tables } }) => {
    let source = NO_PAGE;
    instead(tables, "suspend", (usual) => (context, page, debt) => {
      const entry = usual(context, page, debt);
      source = tables.found.frame;
      return entry;
    });
    instead(tables, "resume", (usual) => (context, entry, page, _frame, flags) => usual(context, entry, page, source, flags));
  }),
  shadows(
    "abs32le",
    "a write looks below the front only: each writer gets a copy of its own",
    "CZ-06",
    "L4.copy.in-front-first",
    (shadow) => {
      instead(shadow, "resident", (usual) => (offset) => (shadow.isWritable ? NO_PAGE : usual(offset)));
      const { cache } = shadow;
      instead(cache, "insert", (usual) => (offset, frame) => {
        if (cache.get(offset) >= 0) shadow.parts.frames.release(cache.remove(offset));
        usual(offset, frame);
      });
    },
  ),
  shadows("abs32le", "who is left alone goes on copying", "CZ-62", "L4.copy.last-owner-takes-the-page", (shadow) =>
    computed(shadow, "links", () => 2 * (shadow.areas.size + shadow.holders)),
  ),
  memory("abs32le", "two processors that write a page get two", "CZ-30", "L4.copy.two-writers-one-page", (machine) =>
    instead(machine, "write32", (usual) => (address, value, cpu) => {
      const space = machine.installed(cpu ?? 0);
      const page = machine.parts.units.pageOf(address);
      const { tables, frames, memory: ram } = machine.parts;
      if (cpu === 1 && space !== null && tables.find(space.context, page)) {
        const { frame, flags } = tables.found;
        const own = frames.take();
        ram.copyFrame(frame, own);
        const debt = machine.parts.withdrawals.begin(space.context, page, 1);
        tables.remove(space.context, page, debt);
        machine.parts.withdrawals.settle();
        tables.insert(space.context, page, own, flags);
      }
      return usual(address, value, cpu);
    }),
  ),
  memory(
    "ia32",
    "the kernel writes for the user through what may be read",
    "HD-03; Linux CVE-2016-5195",
    "L4.copy.kernel-copies-too",
    (machine) =>
      instead(machine, "copyToUser", () => (address, source, cpu) => {
        const physical = machine.translate(address, AREA_READ, cpu);
        if (physical === null) return 0;
        machine.parts.memory.writeBytes(Number(physical), source);
        return source.length;
      }),
  ),
  writableZero("abs32le", "L4.copy.zeroes-are-shared"),
  writableZero("sparc64", "L4.fork.untouched-pages"),
  memory(
    "abs32le",
    "rights that are given reach pages that others see",
    "CZ-32; HelenOS as_area_change_flags()",
    "L4.copy.rights-given-later",
    (machine) =>
      spaces(machine, (space) =>
        instead(space, "protect", (usual) => (address, size, rights) => {
          usual(address, size, rights);
          const { units } = space.parts;
          if ((rights & AREA_WRITE) !== 0) makeWritable(space, units.pageOf(address), Number(BigInt(size) / units.bytesOf(1)));
        }),
      ),
  ),
  memory("ia32", "what is executed comes from below what was written", "CZ-29", "L4.copy.code-that-was-written", (machine) =>
    spaces(machine, (space) =>
      instead(space, "protect", (usual) => (address, size, rights) => {
        usual(address, size, rights);
        if ((rights & AREA_EXECUTE) !== 0) space.discard(address, size);
      }),
    ),
  ),
  memory("abs32le", "a write that finds no frame for its copy goes to the source", "CZ-55", "L4.copy.without-frames", (machine) =>
    instead(machine, "write32", (usual) => (address, value, cpu) => {
      const space = machine.installed(cpu ?? 0);
      if (usual(address, value, cpu)) return true;
      if (machine.outcome?.rule !== "out of memory" || space === null) return false;
      const { areas, units, memory: ram } = machine.parts;
      const page = units.pageOf(address);
      const area = space.tree.find(page);
      const front = areas.objectOf(area);
      const frame = isShadow(front) ? front.cache.get(areas.offsetOf(area) + page - areas.firstOf(area)) : NO_PAGE;
      if (frame < 0) return false;
      ram.write32(frame * ram.frameSize + units.offsetOf(address), value);
      return true;
    }),
  ),
  memory(
    "abs32le",
    "where a copy has to be made the right to write is not asked",
    "CZ-11; HD-02",
    "L4.copy.refused-without-the-right",
    (machine) =>
      instead(machine, "write32", (usual) => (address, value, cpu) => {
        const space = machine.installed(cpu ?? 0);
        if (usual(address, value, cpu)) return true;
        if (machine.outcome?.rule !== "the area forbids this access" || space === null) return false;
        const size = machine.parts.units.bytesOf(1);
        space.protect(BigInt(address), size, AREA_READ | AREA_WRITE);
        const isWritten = usual(address, value, cpu);
        space.protect(BigInt(address), size, AREA_READ);
        return isWritten;
      }),
  ),
];

const chains: readonly Liar[] = [
  shadows("abs32le", "shadows that nobody shows stay as they are", "CZ-62: chains that never merge", "L4.chain.bounded", (shadow) =>
    computed(shadow, "links", () => Math.max(1, shadow.areas.size + shadow.holders)),
  ),
  memory("abs32le", "when shadows merge the older page wins", "CZ-03", "L4.chain.merges-keep-the-newer", (machine) =>
    caches(machine, (cache) =>
      instead(cache, "moveAllTo", (usual) => (target, frameGone, slotGone) => {
        for (let offset = cache.nextPresent(0); offset >= 0; offset = cache.nextPresent(offset + 1))
          target.removeRange(offset, 1, frameGone, slotGone);
        usual(target, frameGone, slotGone);
      }),
    ),
  ),
  memory("ia32", "pages of a shadow that goes are never given back", "CZ-05", "L4.chain.covered-pages-go", (machine) =>
    caches(machine, (cache) =>
      instead(cache, "removeRange", (usual) => (first, count, _frameGone, slotGone) => {
        usual(first, count, () => {}, slotGone);
      }),
    ),
  ),
  memory("abs32le", "a shadow is passed by since the front has as many pages", "CZ-02", "L4.chain.partly-covered-pages-stay", (machine) =>
    caches(machine, (cache) =>
      instead(
        cache,
        "nextMissing",
        (usual) => (other, first) => (cache.pages > 0 && other.pages === cache.pages ? NO_PAGE : usual(other, first)),
      ),
    ),
  ),
  shadows("abs32le", "nothing is ever passed by", "CZ-05", "L4.chain.covered-is-passed-by", (shadow) =>
    computed(shadow, "lacks", () => -7),
  ),
  memory("abs32le", "pages stay when nobody's window shows them any more", "CZ-43", "L4.window.unmapped-pages-go", (machine) =>
    caches(machine, (cache) =>
      instead(cache, "removeRange", (usual) => (first, count, frameGone, slotGone) => {
        if (count === Infinity) usual(first, count, frameGone, slotGone);
      }),
    ),
  ),
  memory(
    "abs32le",
    "new memory joins the stack of its neighbour",
    "CZ-43; phoenix-rtos-project#1714",
    "L4.window.mapped-again-is-new",
    (machine) =>
      spaces(machine, (space) =>
        instead(space, "createArea", (usual) => (request) => {
          const info = usual(request);
          const { areas, units } = space.parts;
          const page = units.pageOf(info.base);
          const [area, below] = [space.tree.find(page), space.tree.find(page - 1)];
          const front = below < 0 ? null : areas.objectOf(below);
          if (!isShadow(front)) return info;
          areas.objectOf(area)?.unlink(area);
          front.link(area);
          areas.setObject(area, front, areas.offsetOf(below) + page - areas.firstOf(below));
          areas.setTraits(area, areas.traitsOf(below));
          return info;
        }),
      ),
  ),
  memory(
    "abs32le",
    "the upper part of an area that is cut begins a page too low in its object",
    "CZ-42",
    "L4.range.halves-are-independent",
    ({ parts }) => {
      instead(
        parts.areas,
        "setObject",
        (usual) => (area, object, offset) => usual(area, object, isShadow(object) && offset > 0 ? offset - 1 : offset),
      );
      instead(parts.areas, "setOffset", (usual) => (area, offset) => usual(area, offset > 0 ? offset - 1 : offset));
    },
  ),
  memory("ia32", "unmapping ends at the first hole", "CZ-43", "L4.range.holes-are-nothing", (machine) =>
    spaces(machine, (space) =>
      instead(space, "unmap", (usual) => (address, size) => {
        const info = space.areaInfo(address);
        if (info === null) return;
        const end = info.base + space.parts.units.bytesOf(info.pages);
        const upTo = BigInt(address) + BigInt(size);
        usual(address, (end < upTo ? end : upTo) - BigInt(address));
      }),
    ),
  ),
  memory("abs32le", "rights of a part become rights of the whole area", "CZ-42", "L4.range.rights-of-a-part", (machine) =>
    spaces(machine, (space) =>
      instead(space, "protect", (usual) => (address, size, rights) => {
        const info = space.areaInfo(address);
        if (info === null) usual(address, size, rights);
        else usual(info.base, space.parts.units.bytesOf(info.pages), rights);
      }),
    ),
  ),
  memory("abs32le", "pages that are moved stay in TLBs where they were", "litebox#671", "L4.range.moved-pages", (machine) => {
    spaces(machine, (space) => untold(machine, during(space, "move")));
  }),
  memory(
    "abs32le",
    "what is discarded goes for the parent too",
    "CZ-43; Linux man-pages madvise(2)",
    "L4.range.discarded-pages",
    (machine) =>
      spaces(machine, (space) =>
        instead(space, "discard", (usual) => (address, size) => {
          const { areas, units } = space.parts;
          const page = units.pageOf(address);
          const area = space.tree.find(page);
          const pages = Number(BigInt(size) / units.bytesOf(1));
          let object = area < 0 ? null : areas.objectOf(area);
          while (isShadow(object)) {
            const { frameGone, slotGone } = object.parts;
            object.cache.removeRange(areas.offsetOf(area) + page - areas.firstOf(area), pages, frameGone, slotGone);
            object = object.below;
          }
          return usual(address, size);
        }),
      ),
  ),
  shadows("abs32le", "a front that loses its last area is forgotten, pages and all", "CZ-08", "L4.range.nothing-is-left", (shadow) =>
    instead(shadow, "unlink", (usual) => (area) => {
      if (area === NO_LINK) usual(area);
      else shadow.areas.delete(area);
    }),
  ),
  core("ia32", "there are no locks", "CZ-07; deepin-community/kernel#1278", "L5.interleave.families", (parts) =>
    parts.register(LOCKS, (_, usual) => {
      const made = usual();
      for (const name of ["acquire", "release", "assertHeld"] as const) instead(made, name, () => () => {});
      return made;
    }),
  ),
  afterFork(
    "abs32le",
    "in families of three the youngest is its grandparent's child",
    "phoenix-rtos-project: N-generation chains",
    "L4.chain.random-families",
    (child, parent) => {
      const { areas } = child.parts;
      for (const [i, area] of rowsOf(parent).entries()) {
        const front = areas.objectOf(area);
        const copy = rowsOf(child)[i];
        if (!isShadow(front) || !isShadow(front.below) || copy === undefined) continue;
        front.below.link(copy);
        areas.setObject(copy, front.below, areas.offsetOf(copy));
        front.unlink(copy);
      }
    },
  ),
];

export const lyingFamilies: readonly Liar[] = [...forks, ...copies, ...chains];
