/** Cores that lie about pages that come from pagers or go to the swap device, once each. */
import { FileObject, ON_ITS_WAY, type Machine, type MemoryObject, type ShadowObject } from "@portolan/core";
import { caches, fronts, instead, memory, type Liar, type Name } from "./liar.js";

const NO_SLOT = -1;
const SWAPPED_OUT = -2;
const PAGE_ACCESSED = 64;

/** Every file of a machine, corrupted. */
const files = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (file: FileObject, machine: Machine) => void): Liar =>
  memory(name, lie, from, caughtBy, (machine) =>
    instead(machine.parts.files, "add", (usual) => (file) => {
      corrupt(file, machine);
      return usual(file);
    }),
  );

/** Does something while nobody is known to map a file. */
const unmapped = <T>(file: FileObject, work: () => T): T => {
  const areas = [...file.areas];
  file.areas.clear();
  try {
    return work();
  } finally {
    for (const area of areas) file.areas.add(area);
  }
};

type Ask = Parameters<Machine["parts"]["transfers"]["begin"]>[4];

/** What is asked for pages that come in is asked in another way. */
const asking = (
  name: Name,
  lie: string,
  from: string,
  caughtBy: string,
  change: (ask: Ask, isFile: boolean, frame: number, machine: Machine) => Ask,
): Liar =>
  memory(name, lie, from, caughtBy, (machine) =>
    instead(
      machine.parts.transfers,
      "begin",
      (usual) => (owner, offset, frame, bytes, ask) =>
        usual(owner, offset, frame, bytes, change(ask, owner instanceof FileObject, frame, machine)),
    ),
  );

/** What is wrong with a swapper; machines without one are honest. */
const swapping = (
  name: Name,
  lie: string,
  from: string,
  caughtBy: string,
  corrupt: (swapper: NonNullable<Machine["parts"]["reclaimer"]["swapper"]>, machine: Machine) => void,
): Liar =>
  memory(name, lie, from, caughtBy, (machine) => {
    const { swapper } = machine.parts.reclaimer;
    if (swapper !== null) corrupt(swapper, machine);
  });

const isShadow = (object: MemoryObject): object is ShadowObject => object.kind === "shadow";

const filed: readonly Liar[] = [
  files(
    "abs32le",
    "who maps a file privately gets copies at once",
    "POSIX.1-2017 mmap()",
    "L4.file.one-copy-for-all",
    (file, { parts: { frames, memory: ram } }) => {
      const read = (offset: number): number => file.resident(offset);
      instead(file, "show", () => (offset) => {
        const frame = read(offset);
        if (frame < 0) return frame;
        const own = frames.take();
        ram.copyFrame(frame, own);
        return own;
      });
    },
  ),
  files("abs32le", "a file that becomes shorter stays mapped", "CZ-21; POSIX.1-2017 ftruncate()", "L4.file.beyond-the-end", (file) =>
    instead(file, "truncate", (usual) => (length) => unmapped(file, () => usual(length))),
  ),
  memory(
    "ia32",
    "behind the end of a file its last page shows what was there",
    "CZ-21; POSIX.1-2017 mmap()",
    "L4.file.beyond-the-end",
    (machine) =>
      instead(machine.parts.files, "add", (usual) => (file) => {
        let isCutting = false;
        instead(file, "truncate", (truncate) => (length) => {
          isCutting = true;
          truncate(length);
          isCutting = false;
        });
        instead(machine.parts.memory, "writeBytes", (write) => (address, bytes) => {
          if (!isCutting) write(address, bytes);
        });
        return usual(file);
      }),
  ),
  files("abs32le", "a flush leaves its pages writable: later stores are lost", "CZ-44", "L4.file.stores-reach-the-pager", (file) =>
    instead(file, "flush", (usual) => (first, count) => unmapped(file, () => usual(first, count))),
  ),
  files("ia32", "what the pager could not keep counts as kept", "CZ-44", "L4.file.failed-writes-stay-dirty", (file) =>
    instead(file, "pageWritten", (usual) => (offset) => usual(offset, null)),
  ),
  files("abs32le", "everybody who wants a page asks for it", "CZ-56", "L4.pager.answers-later", (file) => {
    instead(file, "resident", (usual) => (offset) => {
      const isComing = file.coming.has(offset);
      const frame = usual(offset);
      if (isComing && frame === ON_ITS_WAY) {
        const bytes = file.parts.memory.frameSize;
        const request = { offset, offsetBytes: offset * bytes, bytes, isOpen: true, answer: () => true, fail: () => true };
        file.pager.pageIn(request);
      }
      return frame;
    });
  }),
  asking(
    "abs32le",
    "a page that its pager cannot read is one of zeroes",
    "CZ-12",
    "L4.pager.errors-are-outcomes",
    (ask, isFile) => (request) => {
      const answer = ask(request);
      return isFile && answer === "EIO" ? new Uint8Array(request.bytes) : answer;
    },
  ),
  asking(
    "ia32",
    "a page that could not be brought keeps its frame",
    "CZ-12, CZ-55",
    "L4.pager.errors-are-outcomes",
    (ask, _, frame, machine) => (request) => {
      const answer = ask(request);
      if (answer === "EIO") machine.parts.frames.share(frame);
      return answer;
    },
  ),
  asking("abs32le", "a pager that throws brings a page of zeroes", "CZ-60", "L4.pager.wrong-answers-are-contained", (ask) => (request) => {
    try {
      return ask(request);
    } catch {
      return new Uint8Array(request.bytes);
    }
  }),
];

const swapped: readonly Liar[] = [
  memory(
    "abs32le",
    "a page that comes back has the bytes of the one before it",
    "CZ-54: pages at wrong offsets",
    "L4.swap.bytes-come-back",
    ({ parts }) => {
      let before: Uint8Array | null = null;
      instead(
        parts.transfers,
        "begin",
        (usual) => (owner, offset, frame, bytes, ask) =>
          usual(owner, offset, frame, bytes, (request) => {
            const answer = ask(request);
            if (!(answer instanceof Uint8Array)) return answer;
            const given = before ?? answer;
            before = answer;
            return given;
          }),
      );
    },
  ),
  swapping("ia32", "a slot is free as soon as its page has gone there", "CZ-54", "L4.swap.families", (swapper) =>
    instead(swapper, "pageOut", (usual) => (object, offset) => {
      const result = usual(object, offset);
      const slot = object.cache.slotOf(offset);
      if (result === "gone" && swapper.slots.isTaken(slot)) swapper.slots.give(slot);
      return result;
    }),
  ),
  memory("abs32le", "when shadows merge pages that are out are lost", "CZ-54", "L4.chain.merges-keep-the-newer", (machine) =>
    caches(machine, (cache) =>
      instead(cache, "moveAllTo", (usual) => (target, frameGone, slotGone) => {
        for (let offset = cache.nextPresent(0); offset >= 0; offset = cache.nextPresent(offset + 1))
          if (cache.get(offset) === SWAPPED_OUT) cache.removeRange(offset, 1, frameGone, slotGone);
        usual(target, frameGone, slotGone);
      }),
    ),
  ),
  swapping(
    "abs32le",
    "a page that goes out stays mapped in all spaces but one",
    "CZ-58; litebox#671",
    "L4.swap.shared-memory",
    (swapper, { parts }) => {
      let isLeaving = false;
      instead(swapper, "pageOut", (usual) => (object, offset) => {
        const others = [...(object.areas ?? [])].slice(1);
        const areas = object.areas as Set<number> | undefined;
        for (const area of others) areas?.delete(area);
        isLeaving = others.length > 0;
        try {
          return usual(object, offset);
        } finally {
          isLeaving = false;
          for (const area of others) areas?.add(area);
        }
      });
      instead(parts.frames, "references", (usual) => (frame) => (isLeaving ? Math.min(1, usual(frame)) : usual(frame)));
    },
  ),
  memory(
    "abs32le",
    "marks of use are never taken away",
    "a clock that never finds a page",
    "L4.swap.larger-than-memory",
    ({ parts: { tables } }) => {
      instead(tables, "testAndClearAccessed", () => (context, page) => tables.find(context, page));
    },
  ),
  swapping("abs32le", "a full device gives its first slot again", "CZ-54", "L4.swap.full", ({ slots }) => {
    Object.defineProperty(slots, "free", { get: () => 1 });
    instead(slots, "take", (usual) => () => {
      const slot = usual();
      return slot === NO_SLOT ? 0 : slot;
    });
  }),
  asking(
    "ia32",
    "a page that the device cannot read is one of zeroes",
    "CZ-12",
    "L4.swap.errors-are-outcomes",
    (ask, isFile) => (request) => {
      const answer = ask(request);
      return !isFile && answer === "EIO" ? new Uint8Array(request.bytes) : answer;
    },
  ),
  memory(
    "abs32le",
    "a page that came back loses its slot and is written again",
    "needless writes to swap",
    "L4.swap.clean-pages-cost-nothing",
    (machine) =>
      caches(machine, (cache) =>
        instead(cache, "insert", (usual) => (offset, frame) => {
          usual(offset, frame);
          if (cache.slotOf(offset) !== NO_SLOT) machine.parts.objects.slotGone(cache.clearSlot(offset));
        }),
      ),
  ),
  memory(
    "ia32",
    "a page that was written since it came back goes as if it were clean",
    "CZ-44; asterinas#3589",
    "L4.swap.bytes-come-back",
    (machine) =>
      fronts(machine, (object) => {
        if (isShadow(object)) instead(object, "markDirty", () => () => {});
      }),
  ),
  memory("abs32le", "marks of use are never seen", "a clock that sees no use", "L4.swap.spares-what-is-used", ({ parts: { tables } }) =>
    instead(tables, "find", (usual) => (context, page) => {
      const isMapped = usual(context, page);
      tables.found.flags &= ~PAGE_ACCESSED;
      return isMapped;
    }),
  ),
  swapping("ia32", "slots are never given back", "CZ-54", "L4.swap.slots-come-back", (swapper) =>
    instead(swapper, "releaseSlot", () => () => {}),
  ),
];

export const lyingPages: readonly Liar[] = [...filed, ...swapped];
