/** Parts and descriptions that do not do what they say; each must be noticed. */
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { expect } from "chai";
import { ALLOCATION_GATE } from "#src/allocation-gate.js";
import {
  ASID_POLICY,
  buildMachine,
  CPUS,
  EVENTS,
  FRAMES,
  PAGE_GLOBAL,
  PAGE_TABLES,
  PHYSICAL_MEMORY,
  PortolanError,
  PREEMPTION,
  READ,
  REFILL,
  rightsFor,
  SOFTWARE_CACHES,
  StaleTranslations,
  type Access,
  type Architecture,
  type AsidPolicy,
  type Cpu,
  type EntryFormat,
  type Level,
  type PageFlags,
  type Privilege,
  type Refill,
  type Replace,
  type SoftwareCaches,
  type TranslationContext,
} from "#src/index.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { Cpu as HonestCpu } from "#src/machine/cpu.js";
import { HardwareWalk } from "#src/paging/hardware-walk.js";
import { HashedTables } from "#src/paging/hashed.js";
import { HierarchicalTables } from "#src/paging/hierarchical.js";
import { Shootdown, type ShootdownProcessor } from "#src/tlb/shootdown.js";
import { fewAsids, machines } from "../fixture.js";
import { exercise, type ShootdownClass } from "./exercise.js";

/** The exercise notices, and says something of that kind. */
const isCaught = (by: RegExp, architecture: Architecture, replace?: Replace, Shooting?: ShootdownClass): void => {
  expect(() => exercise(architecture, replace, Shooting)).to.throw(by);
};

/** The paper machine with another format for its last level, or a rule of it. */
const withLeaf = (change: (leaf: EntryFormat) => EntryFormat): Architecture => {
  const { translation } = abs32le;
  if (translation.kind !== "hierarchical") throw new Error("the paper machine has trees");
  const levels = translation.levels.map((level): Level => (level.leaf === undefined ? level : { ...level, leaf: change(level.leaf) }));
  return { ...abs32le, translation: { ...translation, levels } };
};

const cpus =
  (Kind: typeof HonestCpu, architecture: Architecture): Replace =>
  (parts) => {
    parts.register(CPUS, (get) =>
      [0, 1].map((id) => {
        const cpu = new Kind({
          id,
          architecture: fewAsids(architecture),
          memory: get(PHYSICAL_MEMORY),
          kernelContext: kernelOf(),
          events: get(EVENTS),
        });
        return Object.assign(cpu, { running: () => get(PREEMPTION).cpu });
      }),
    );
  };
/** Processors of the paper machine are made before their kernel context is known here; nobody of them uses it. */
const kernelOf = (): TranslationContext => ({ id: 0, isKernel: true, root: 0, asid: 0, installedOn: 0, mappedPages: 0, cache: null });

describe("liars", () => {
  for (const architecture of machines) {
    it(`${architecture.name} is honest: the exercise finds nothing`, () => exercise(architecture));
  }

  it("honest parts that are put in by hand pass as well", () => {
    exercise(abs32le, cpus(HonestCpu, abs32le));
    exercise(abs32le, (parts) => {
      parts.register(REFILL, (get) => new HardwareWalk(abs32le, get(PHYSICAL_MEMORY), get(EVENTS)));
      parts.register(PAGE_TABLES, (get) => new HierarchicalTables(abs32le, get(PHYSICAL_MEMORY), get(FRAMES), get(EVENTS)));
      parts.register(FRAMES, (get) => new ZonedFrames(get(PHYSICAL_MEMORY), get(ALLOCATION_GATE)));
    });
  });

  describe("processors and shootdowns", () => {
    it("a processor that never carries out what others ask of it", () => {
      class Deaf extends Shootdown {
        override receive(processor: ShootdownProcessor): void {
          super.receive(pretending(processor, {}));
          processor.tlbActive = true;
        }
      }
      for (const architecture of machines) isCaught(/stale|gone|read-only|page/, architecture, undefined, Deaf);
    });

    it("a shootdown that loses what comes after the tenth message", () => {
      class TenAtMost extends Shootdown {
        override receive(processor: ShootdownProcessor): void {
          super.receive(
            pretending(processor, {
              invalidateAsid: (asid) => processor.invalidateAsid(asid),
              invalidatePages: (asid, page, count) => processor.invalidatePages(asid, page, count),
            }),
          );
          processor.tlbActive = true;
        }
      }
      for (const architecture of machines) isCaught(/stale|message that was lost/, architecture, undefined, TenAtMost);
    });

    it("a shootdown that is never finalized", () => {
      class Endless extends Shootdown {
        override finalize(): void {
          // nobody is let go
        }
      }
      isCaught(/waits in a shootdown|under way|takes the/, abs32le, undefined, Endless);
    });

    it("a processor that forgets nothing of its own accord", () => {
      class Stubborn extends HonestCpu {
        running = (): number => -1;

        override invalidatePages(asid: number, page: number, count: number): void {
          if (this.running() !== this.id) super.invalidatePages(asid, page, count);
        }
      }
      isCaught(/stale|gone|read-only/, abs32le, cpus(Stubborn, abs32le));
      isCaught(/stale|gone|read-only/, ia32, cpus(Stubborn, ia32));
    });

    it("a processor that confuses which pages it is told to forget", () => {
      class OffByOne extends HonestCpu {
        override invalidatePages(asid: number, page: number, count: number): void {
          super.invalidatePages(asid, page + 1, count);
        }
      }
      isCaught(/stale|gone|read-only/, abs32le, cpus(OffByOne, abs32le));
    });
  });

  describe("ASIDs", () => {
    /** Hands out numbers in a circle and tells nobody. */
    class Circling implements AsidPolicy {
      stolen = 0;
      readonly #owners = new Map<number, TranslationContext>();
      readonly #asids: Architecture["asids"];
      #next = 0;

      constructor(architecture: Architecture) {
        this.#asids = architecture.asids;
      }

      switch(from: TranslationContext | null, to: TranslationContext): void {
        if (from !== null) from.installedOn -= 1;
        to.installedOn += 1;
        if (to.isKernel || to.asid !== this.#asids.invalid) return;
        const { first, last, invalid } = this.#asids;
        let asid = first + (this.#next % (last - first + 1));
        while ((this.#owners.get(asid)?.installedOn ?? 0) > 0) asid = asid === last ? first : asid + 1;
        this.#next = asid - first + 1;
        const victim = this.#owners.get(asid);
        if (victim !== undefined) victim.asid = invalid;
        this.#owners.set(asid, to);
        to.asid = asid;
      }

      release(context: TranslationContext): void {
        this.#owners.delete(context.asid);
        context.asid = this.#asids.invalid;
      }
    }

    it("an ASID that is given to another space without being purged", () => {
      for (const architecture of machines) {
        if (architecture.asids.policy === "fixed") continue;
        isCaught(/stale|another space's page/, architecture, (parts) =>
          parts.register(ASID_POLICY, () => new Circling(fewAsids(architecture))),
        );
      }
    });

    it("one ASID for everybody on a machine whose TLB relies on it", () => {
      isCaught(/stale|another space's page/, abs32le, (parts) =>
        parts.register(ASID_POLICY, () => ({
          stolen: 0,
          switch: (from, to) => {
            if (from !== null) from.installedOn -= 1;
            to.installedOn += 1;
            if (!to.isKernel) to.asid = 2;
          },
          release: (context) => void (context.asid = 1),
        })),
      );
    });

    it("a TLB that does not look at the ASID, because every entry says it is everybody's", () => {
      const global = withLeaf((leaf) => ({ ...leaf, attributes: { reads: [], tell: () => PAGE_GLOBAL } }));
      isCaught(/stale|another space's page/, global);
    });

    it("a tagless processor whose TLB survives the loading of a root", () => {
      class Clinging extends HonestCpu {
        override install(context: TranslationContext): void {
          for (const tlb of [this.dataTlb, this.instructionTlb]) Object.assign(tlb, { forget: () => 0 });
          super.install(context);
          for (const tlb of [this.dataTlb, this.instructionTlb]) Reflect.deleteProperty(tlb, "forget");
        }
      }
      isCaught(/stale|another space's page|area/, ia32, cpus(Clinging, ia32));
    });
  });

  describe("descriptions", () => {
    it("rights that do not depend on the entry", () => {
      isCaught(
        /though the area forbids it|read-only/,
        withLeaf((leaf) => ({ ...leaf, rights: { reads: [], tell: () => rightsFor(7, 7) } })),
      );
    });

    it("entries that let the user do what the kernel may", () => {
      const open = withLeaf((leaf) => {
        const { rights } = leaf;
        if (rights === undefined) return leaf;
        return { ...leaf, rights: { ...rights, tell: (values, switches) => (rights.tell(values, switches) & 7) * 9 } };
      });
      isCaught(/the user reaches page|in a user's hands/, open);
    });

    it("pages that are everybody's and survive being asked for by name", () => {
      const { tlb } = abs32le;
      const page = { ...tlb.invalidation.page, dropsGlobal: false };
      const all = { ...tlb.invalidation.all, sparesGlobal: true };
      isCaught(/stale|that is gone/, { ...abs32le, tlb: { ...tlb, invalidation: { ...tlb.invalidation, page, all } } });
    });

    it("refill code that gives the kernel memory without saying where", () => {
      isCaught(/stale|the kernel's|that is gone|may be/, sparc64, (parts) =>
        parts.register(REFILL, (_get, usual) => {
          const honest = usual();
          return {
            miss: (...access) => honest.miss(...access),
            refused: (...access) => honest.refused(...access),
            fixedFrame: (page, access) => honest.fixedFrame?.(page, access) ?? -1,
          };
        }),
      );
    });

    it("entries that are always writable", () => {
      isCaught(
        /though the area forbids it|read-only/,
        withLeaf((leaf) => ({ ...leaf, encode: (flags: PageFlags) => ({ ...leaf.encode?.(flags), W: 1 }) })),
      );
    });

    it("a frame field with too few bits, and one that overlaps another", () => {
      const cut = withLeaf((leaf) => ({
        ...leaf,
        fields: leaf.fields.map((field) => (field.role === "frame" ? { ...field, bits: [31, 16] as const } : field)),
      }));
      expect(() => buildMachine(cut)).to.throw(PortolanError, /bit 12 belongs to no field/);
      const wide = withLeaf((leaf) => ({
        ...leaf,
        fields: leaf.fields.map((field) => (field.role === "frame" ? { ...field, bits: [31, 8] as const } : field)),
      }));
      expect(() => buildMachine(wide)).to.throw(PortolanError, /belongs to/);
    });
  });

  describe("walkers and refill code", () => {
    const walker =
      (architecture: Architecture, make: (honest: Refill) => Refill): Replace =>
      (parts) =>
        parts.register(REFILL, (get) => make(new HardwareWalk(architecture, get(PHYSICAL_MEMORY), get(EVENTS))));

    it("a walker that does not look at the rights", () => {
      const careless = (honest: Refill): Refill => ({
        miss: (cpu: Cpu, page: number, access: Access, privilege: Privilege) => {
          const reason = honest.miss(cpu, page, READ, privilege);
          if (reason !== 0) return reason;
          const entry = cpu.dataTlb.probe(page, cpu.asidFor(privilege));
          const frame = cpu.dataTlb.frameOf(entry, page);
          cpu.dataTlb.drop(entry);
          const tlb = access === 4 ? cpu.instructionTlb : cpu.dataTlb;
          tlb.enter(page, 1, frame, cpu.asidFor(privilege), 0o77, 0);
          return 0;
        },
        refused: (cpu, page, access, privilege, entry) => honest.refused(cpu, page, access, privilege, entry),
      });
      for (const architecture of [abs32le, ia32]) isCaught(/stale|clean|read-only/, architecture, walker(architecture, careless));
    });

    it("a walker that forgets to record accesses, or writes", () => {
      for (const [lie, words] of [
        [{ recordAccess: "no", recordWrite: "no" }, /not accessed|clean|what was written/],
        [{ recordWrite: "no" }, /clean|what was written/],
      ] as const) {
        const blind: Architecture = { ...abs32le, can: { ...abs32le.can, ...lie } };
        isCaught(words, abs32le, (parts) => parts.register(REFILL, (get) => new HardwareWalk(blind, get(PHYSICAL_MEMORY), get(EVENTS))));
      }
    });

    it("a walker that says yes and enters nothing", () => {
      isCaught(
        /says yes/,
        abs32le,
        walker(abs32le, () => ({ miss: () => 0, refused: () => 0 })),
      );
    });

    it("a software cache that keeps what it is told to forget", () => {
      isCaught(/software cache|gone|stale/, sparc64, (parts) =>
        parts.register(SOFTWARE_CACHES, (get) => {
          const [own] = sparc64.parts as NonNullable<typeof sparc64.parts>;
          const honest = new (own.useClass as new (...rest: unknown[]) => SoftwareCaches)(get(FRAMES), get(PHYSICAL_MEMORY));
          return {
            create(context) {
              honest.create(context);
              if (context.cache !== null) context.cache.invalidate = () => {};
            },
            destroy: (context) => honest.destroy(context),
          };
        }),
      );
    });
  });

  describe("page tables", () => {
    const trees =
      (Kind: typeof HierarchicalTables): Replace =>
      (parts) =>
        parts.register(PAGE_TABLES, (get) => new Kind(fewAsids(abs32le), get(PHYSICAL_MEMORY), get(FRAMES), get(EVENTS)));

    it("tables that are never freed", () => {
      class Hoarding extends HierarchicalTables {
        override freeTable(_table: number): void {
          // kept for ever
        }
      }
      isCaught(/bytes of tables/, abs32le, trees(Hoarding));
    });

    it("tables that are freed while others may still read them", () => {
      class Hasty extends HierarchicalTables {
        override remove(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
          const own = new StaleTranslations();
          const was = super.remove(context, page, own);
          own.settle(
            () => {},
            (table) => this.freeTable(table),
          );
          debt.add();
          return was;
        }
      }
      isCaught(/tables that others may still read/, abs32le, trees(Hasty));
    });

    it("an insertion that overwrites what is there", () => {
      class Overwriting extends HierarchicalTables {
        override insert(context: TranslationContext, page: number, frame: number, flags: PageFlags): void {
          if (this.find(context, page)) this.remove(context, page, new StaleTranslations());
          super.insert(context, page, frame, flags);
        }
      }
      isCaught(/a page that is mapped/, abs32le, trees(Overwriting));
      class OverwritingHash extends HashedTables {
        override insert(context: TranslationContext, page: number, frame: number, flags: PageFlags): void {
          if (this.find(context, page)) this.remove(context, page, new StaleTranslations());
          super.insert(context, page, frame, flags);
        }
      }
      isCaught(/a page that is mapped/, sparc64, (parts) =>
        parts.register(PAGE_TABLES, (get) => new OverwritingHash(fewAsids(sparc64), get(PHYSICAL_MEMORY), get(FRAMES), get(EVENTS))),
      );
    });

    it("a removal that leaves the entry where it is", () => {
      class Keeping extends HierarchicalTables {
        override remove(context: TranslationContext, page: number, debt: StaleTranslations): boolean {
          debt.add();
          return this.find(context, page);
        }
      }
      isCaught(/mapped but not used|references/, abs32le, trees(Keeping));
    });

    it("an update that loses what was recorded", () => {
      class Washing extends HierarchicalTables {
        override update(context: TranslationContext, page: number, flags: PageFlags, debt: StaleTranslations): void {
          this.find(context, page);
          const { frame } = this.found;
          this.remove(context, page, debt);
          super.insert(context, page, frame, flags);
        }
      }
      isCaught(/what was written|bytes of tables/, abs32le, trees(Washing));
    });

    it("a root that does not get the kernel's half", () => {
      isCaught(/the kernel's page/, abs32le, (parts) =>
        parts.register(PAGE_TABLES, (get) => {
          const memory = get(PHYSICAL_MEMORY);
          class Selfish extends HierarchicalTables {
            override create(context: TranslationContext): void {
              super.create(context);
              if (!context.isKernel) memory.zeroFrame(context.root / memory.frameSize);
            }
          }
          return new Selfish(fewAsids(abs32le), memory, get(FRAMES), get(EVENTS));
        }),
      );
    });
  });

  describe("frames", () => {
    const frames =
      (Kind: typeof ZonedFrames): Replace =>
      (parts) =>
        parts.register(FRAMES, (get) => new Kind(get(PHYSICAL_MEMORY), get(ALLOCATION_GATE)));

    it("a frame that still has its last owner's bytes", () => {
      class Unwashed extends ZonedFrames {
        override takeZeroed(): number {
          return this.take();
        }
      }
      for (const architecture of machines) isCaught(/fresh|a new area/, architecture, frames(Unwashed));
    });

    it("a frame that is freed while somebody else still has it", () => {
      class Uncounted extends ZonedFrames {
        override share(_frame: number): void {
          // one reference is enough for everybody
        }
      }
      for (const architecture of machines) isCaught(/references/, architecture, frames(Uncounted));
    });

    it("a frame that is never given back", () => {
      class Leaking extends ZonedFrames {
        override release(_frame: number): boolean {
          return false;
        }
      }
      for (const architecture of machines) isCaught(/references/, architecture, frames(Leaking));
    });

    it("one frame for two owners", () => {
      class Twice extends ZonedFrames {
        #last = -1;
        #isSecond = false;

        override takeZeroed(): number {
          this.#isSecond = !this.#isSecond && this.#last >= 0 && this.references(this.#last) > 0;
          if (this.#isSecond) this.share(this.#last);
          else this.#last = super.takeZeroed();
          return this.#last;
        }
      }
      for (const architecture of machines) isCaught(/expected|references/, architecture, frames(Twice));
    });
  });
});

/** A processor that does only what `does` says when it is told to forget. */
const pretending = (
  processor: ShootdownProcessor,
  does: Partial<Pick<ShootdownProcessor, "invalidateAsid" | "invalidatePages" | "invalidateAll">>,
): ShootdownProcessor => ({
  id: processor.id,
  interrupts: processor.interrupts,
  tlbActive: processor.tlbActive,
  invalidateAll: does.invalidateAll ?? (() => {}),
  invalidateAsid: does.invalidateAsid ?? (() => {}),
  invalidatePages: does.invalidatePages ?? (() => {}),
});
