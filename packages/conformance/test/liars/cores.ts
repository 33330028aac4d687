/** Cores with one lie each: page tables, TLBs, ASIDs, shootdowns, frames, locks. */
import {
  ALLOCATION_GATE,
  ASID_POLICY,
  CPUS,
  ENTRY_GLOBAL,
  FRAMES,
  LOCKS,
  NO_FAULT,
  PAGE_TABLES,
  PHYSICAL_MEMORY,
  PhysicalMemory,
  REFILL,
  rightsFor,
  SHOOTDOWN,
  SOFTWARE_CACHES,
  StaleTranslations,
  type AsidPolicy,
  type Cpu,
  type PageTables,
  type Refill,
  type Replace,
  type TranslationContext,
} from "@portolan/core";
import { core, instead, processors, type Liar, type Name } from "./liar.js";

const tables =
  (corrupt: (tables: PageTables) => void): Replace =>
  (parts) =>
    parts.register(PAGE_TABLES, (_, usual) => {
      const made = usual();
      corrupt(made);
      return made;
    });

const refill =
  (make: (usual: Refill, tables: () => PageTables) => Partial<Refill>): Replace =>
  (parts) =>
    parts.register(REFILL, (get, usual) => {
      const made = usual();
      const changed = make(made, () => get(PAGE_TABLES));
      const fixed = made.fixedFrame?.bind(made);
      return {
        miss: made.miss.bind(made),
        refused: made.refused.bind(made),
        ...(fixed === undefined ? {} : { fixedFrame: fixed }),
        ...changed,
      };
    });

type Shootdown = ReturnType<typeof shape>;
declare const shape: () => {
  start: (type: number, asid: number, page: number, count: number) => void;
  finalize: () => void;
  receive: (cpu: { id: number; tlbActive: boolean }) => void;
};

const shootdown =
  (corrupt: (shootdown: Shootdown, get: (id: number) => Cpu | undefined) => void): Replace =>
  (parts) =>
    parts.register(SHOOTDOWN, (get, usual) => {
      const made = usual();
      corrupt(made as unknown as Shootdown, (id) => get(CPUS)[id]);
      return made;
    });

/** The data buffer of each processor, corrupted. */
const buffer = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (tlb: Cpu["dataTlb"]) => void): Liar =>
  processors(name, lie, from, caughtBy, (cpu) => {
    for (const tlb of new Set([cpu.dataTlb, cpu.instructionTlb])) corrupt(tlb);
  });

/** Numbers given out one after the other, without a purge and without a thought. */
class CarelessAsids implements AsidPolicy {
  stolen = 0;
  #next: number;
  readonly #first: number;
  readonly #last: number;
  readonly #isOne: boolean;

  constructor(first: number, last: number, isOne: boolean) {
    this.#first = first;
    this.#last = last;
    this.#next = first;
    this.#isOne = isOne;
  }

  switch(from: TranslationContext | null, to: TranslationContext): void {
    if (from !== null) from.installedOn -= 1;
    to.installedOn += 1;
    if (to.isKernel) return;
    if (this.#isOne) to.asid = this.#first;
    else if (to.asid < this.#first) {
      to.asid = this.#next;
      this.#next = this.#next === this.#last ? this.#first : this.#next + 1;
    }
  }

  release(context: TranslationContext): void {
    context.asid = 1;
  }
}

export const lyingCores: readonly Liar[] = [
  core(
    "abs32le",
    "mapping a page twice overwrites",
    "HD-45",
    "L1.tables.insert-twice",
    tables((t) =>
      instead(t, "insert", (usual) => (context, page, frame, flags) => {
        if (t.find(context, page)) t.remove(context, page, new StaleTranslations());
        usual(context, page, frame, flags);
      }),
    ),
  ),
  core(
    "sparc64",
    "mapping a page twice is ignored",
    "HD-45: page_ht",
    "L1.tables.insert-twice",
    tables((t) =>
      instead(t, "insert", (usual) => (context, page, frame, flags) => {
        if (!t.find(context, page)) usual(context, page, frame, flags);
      }),
    ),
  ),
  core(
    "ia32",
    "a change of rights loses the marks",
    "HelenOS mips32: marks over a re-insert",
    "L1.tables.update-keeps-frame-and-marks",
    tables((t) =>
      instead(t, "update", () => (context, page, flags, debt) => {
        t.find(context, page);
        const { frame } = t.found;
        t.remove(context, page, debt);
        t.insert(context, page, frame, flags);
      }),
    ),
  ),
  core(
    "abs32le",
    "unmapping leaves the entry where it is",
    "HelenOS ppc32: stale hash entries",
    "L2.tlb.unmapped-page-is-gone",
    tables((t) => instead(t, "remove", () => (context, page) => t.find(context, page))),
  ),
  core(
    "sparc64",
    "the first write is not recorded",
    "seL4#879, asterinas#3589",
    "L1.marks.write-is-recorded",
    tables((t) => instead(t, "mark", (usual) => (context, page) => usual(context, page, false))),
  ),
  core(
    "abs32le",
    "pages of the kernel's are the user's",
    "v86#648",
    "L1.rights.kernel-pages-are-the-kernels",
    tables((t) => instead(t, "insert", (usual) => (context, page, frame, flags) => usual(context, page, frame, flags | 8))),
  ),
  core(
    "ia32",
    "every page may be written",
    "HelenOS ppc32: no protection",
    "L1.rights.user-as-asked",
    tables((t) => instead(t, "insert", (usual) => (context, page, frame, flags) => usual(context, page, frame, flags | 2))),
  ),
  core(
    "abs32le",
    "tables that became empty are never freed",
    "HD-47",
    "L1.tables.exact",
    tables((t) => instead(t, "freeTable", () => () => {})),
  ),
  core(
    "ia32",
    "tables of a space stay behind when it goes",
    "HD-41",
    "L3.space.life",
    tables((t) => instead(t, "destroy", () => () => {})),
  ),
  core(
    "ia32",
    "the explanation of a walk is a page off",
    "a second implementation that drifted",
    "L1.walk.explained-as-done",
    tables((t) =>
      instead(t, "walk", (usual) => (context, address, access, privilege, switches) => {
        const walk = usual(context, address, access, privilege, switches);
        return { ...walk, physical: walk.physical === null ? null : walk.physical + 4096n };
      }),
    ),
  ),
  core("abs32le", "a mapping is made before its memory is refused", "HD-42, aplus#44", "L3.memory.every-allocation-fails-once", (parts) =>
    parts.register(PAGE_TABLES, (get, usual) => {
      const made = usual();
      instead(made, "insert", (insert) => (context, page, frame, flags) => {
        insert(context, page, frame, flags);
        get(ALLOCATION_GATE).pass("afterthought");
      });
      return made;
    }),
  ),
  core("abs32le", "words are read the other way round than they are written", "s390 and mips ports", "L0.entry.byte-order", (parts) =>
    parts.register(PHYSICAL_MEMORY, (_, usual) => {
      const made = usual();
      return new PhysicalMemory({
        bytes: made.frameCount * made.frameSize,
        base: made.firstFrame * made.frameSize,
        physicalBits: made.physicalBits,
        byteOrder: "big",
        frameShift: made.frameShift,
      });
    }),
  ),
  core(
    "abs32le",
    "a page that was absent once stays so",
    "negative caching",
    "L2.tlb.gained-page-is-seen",
    refill((usual) => {
      const known = new Map<string, number>();
      return {
        miss(cpu, page, access, privilege) {
          const key = `${cpu.id} ${page}`;
          const reason = (known.get(key) ?? usual.miss(cpu, page, access, privilege)) as ReturnType<Refill["miss"]>;
          if (reason === 1) known.set(key, reason);
          return reason;
        },
      };
    }),
  ),
  core(
    "ia32",
    "what is read may be written without being marked",
    "illumos-gate#220",
    "L2.tlb.first-write-is-noticed",
    refill((usual, get) => ({
      miss(cpu, page, access, privilege) {
        const reason = usual.miss(cpu, page, access, privilege);
        const entry = cpu.dataTlb.probe(page, cpu.asidFor(privilege));
        if (reason === NO_FAULT && entry >= 0 && get().find(cpu.context, page) && (get().found.rights & rightsFor(0, 2)) !== 0)
          cpu.dataTlb.write(entry, page, 1, cpu.dataTlb.frameOf(entry, page), cpu.asidFor(privilege), get().found.rights);
        return reason;
      },
    })),
  ),
  core(
    "abs32le",
    "everything is entered as global",
    "RelaxedVM-Arm; phoenix-rtos-kernel#829",
    "L2.tlb.switch-forgets-other-rights",
    refill((usual) => ({
      miss(cpu, page, access, privilege) {
        const reason = usual.miss(cpu, page, access, privilege);
        const tlb = access === 4 ? cpu.instructionTlb : cpu.dataTlb;
        const entry = tlb.probe(page, cpu.asidFor(privilege));
        if (reason === NO_FAULT && entry >= 0)
          tlb.write(entry, page, 1, tlb.frameOf(entry, page), cpu.asidFor(privilege), tlb.rights(entry), ENTRY_GLOBAL);
        return reason;
      },
    })),
  ),
  core(
    "abs32le",
    "rights of an entry in the TLB are everybody's",
    "a permission check left to the walker",
    "L1.rights.kernel-pages-are-the-kernels",
    refill((usual) => ({
      miss(cpu, page, access, privilege) {
        const reason = usual.miss(cpu, page, access, 0);
        const tlb = cpu.dataTlb;
        const entry = tlb.probe(page, cpu.asidFor(privilege));
        if (reason === NO_FAULT && entry >= 0)
          tlb.write(entry, page, 1, tlb.frameOf(entry, page), cpu.asidFor(privilege), tlb.rights(entry) | (tlb.rights(entry) << 3));
        return reason;
      },
    })),
  ),
  core(
    "ia32",
    "a virtual address bit comes through into the physical one",
    "riscv-openocd#1285, nuttx#19698",
    "L1.frame.every-bit-counts",
    refill((usual) => ({
      miss(cpu, page, access, privilege) {
        const reason = usual.miss(cpu, page, access, privilege);
        const tlb = access === 4 ? cpu.instructionTlb : cpu.dataTlb;
        const entry = tlb.probe(page, cpu.asidFor(privilege));
        if (reason === NO_FAULT && entry >= 0 && tlb.span(entry) === 1)
          tlb.write(entry, page, 1, tlb.frame(entry) + (page % 2), cpu.asidFor(privilege), tlb.rights(entry));
        return reason;
      },
    })),
  ),
  core("sparc64", "software caches are never purged", "HelenOS sparc64: TSB after demap", "L2.cache.purged-with-the-page", (parts) =>
    parts.register(SOFTWARE_CACHES, (_, usual) => {
      const made = usual();
      instead(made, "create", (create) => (context) => {
        create(context);
        if (context.cache !== null) instead(context.cache, "invalidate", () => () => {});
      });
      return made;
    }),
  ),
  core("sparc64", "a software cache is purged only while its space has a number", "HD-18", "L2.cache.purged-with-the-page", (parts) =>
    parts.register(SOFTWARE_CACHES, (_, usual) => {
      const made = usual();
      instead(made, "create", (create) => (context) => {
        create(context);
        if (context.cache === null) return;
        instead(context.cache, "invalidate", (invalidate) => (page, count) => {
          if (context.installedOn > 0) invalidate(page, count);
        });
      });
      return made;
    }),
  ),
  processors("abs32le", "a number is given without being purged", "HD-34; zephyr#113559", "L2.asid.reuse-must-miss", (cpu) =>
    instead(cpu, "invalidateAsid", () => () => {}),
  ),
  core("abs32le", "all spaces have one number", "msim#54", "L2.asid.live-spaces-differ", (parts) =>
    parts.register(ASID_POLICY, () => new CarelessAsids(2, 6, true)),
  ),
  core("abs32le", "numbers go round while they are in use", "zephyr#113559: wrap-around", "L2.asid.more-spaces-than-numbers", (parts) =>
    parts.register(ASID_POLICY, () => new CarelessAsids(2, 6, false)),
  ),
  core("abs32le", "a number never comes back", "cva6#752", "L2.asid.returned-at-the-end", (parts) =>
    parts.register(ASID_POLICY, (_, usual) => {
      const made = usual();
      instead(made, "release", () => () => {});
      return made;
    }),
  ),
  processors("abs32le", "of several pages only the first is forgotten", "XiangShan#4694", "L2.tlb.many-pages-at-once", (cpu) =>
    instead(cpu, "invalidatePages", (usual) => (asid, page) => usual(asid, page, 1)),
  ),
  processors(
    "sparc64",
    "of a page only the first half is forgotten",
    "HelenOS: 16 KiB pages as two of 8 KiB",
    "L2.tlb.unmapped-page-is-gone",
    (cpu) =>
      instead(cpu, "invalidatePages", (usual) => (asid, page, count) => {
        if (count === Infinity) return usual(asid, page, count);
        for (let one = page; one < page + count; one += 1)
          for (const tlb of [cpu.dataTlb, cpu.instructionTlb]) tlb.invalidatePage(one * 2, asid);
      }),
  ),
  processors("ia32", "the instruction TLB is not told", "riscv64: no FENCE.I", "L2.tlb.fetches-apart", (cpu) =>
    instead(cpu, "invalidatePages", () => (_asid, page, count) => void cpu.dataTlb.invalidatePages(page, count, 0)),
  ),
  processors(
    "ia32",
    "loading CR3 forgets nothing",
    "HelenOS arm32: no TLB flush when the space changes",
    "L2.tlb.switch-forgets-other-rights",
    (cpu) =>
      instead(cpu, "install", () => (context) => {
        cpu.context = context;
      }),
  ),
  processors("ia32", "a switch leaves the TLB as it was", "HelenOS: CR0.WP", "L1.walk.switches-decide-at-once", (cpu) =>
    instead(cpu, "setSwitch", (usual) => (name, value) => {
      const kept: (readonly [Cpu["dataTlb"], number, number, number, number, number])[] = [];
      for (const tlb of [cpu.dataTlb, cpu.instructionTlb])
        tlb.each((entry) => kept.push([tlb, entry, tlb.firstPage(entry), tlb.span(entry), tlb.frame(entry), tlb.rights(entry)]));
      usual(name, value);
      for (const [tlb, entry, page, span, frame, rights] of kept) tlb.write(entry, page, span, frame, 0, rights);
    }),
  ),
  buffer("abs32le", "of several entries the last one translates", "msim#54", "L2.tlb.lowest-of-several", (tlb) =>
    instead(tlb, "probe", (usual) => (page, asid) => {
      let found = usual(page, asid);
      tlb.each((entry) => {
        if (tlb.firstPage(entry) === page && tlb.asid(entry) === asid) found = entry;
      });
      return found;
    }),
  ),
  buffer("sparc64", "locked entries are replaced", "UltraSPARC User's Manual §6.11.2 misread", "L2.tlb.locked-stay", (tlb) =>
    instead(
      tlb,
      "enter",
      (usual) => (page, span, frame, asid, rights, flags) => usual(page, span, frame, asid, rights, (flags ?? 0) & ENTRY_GLOBAL),
    ),
  ),
  buffer("ia32", "a large entry goes only by its first page", "gem5#2454, XiangShan#4694", "L2.tlb.large-entry-goes-whole", (tlb) =>
    instead(tlb, "invalidatePage", (usual) => (page, asid) => {
      const entry = tlb.probe(page, asid);
      return entry >= 0 && tlb.firstPage(entry) !== page ? 0 : usual(page, asid);
    }),
  ),
  buffer("ia32", "a large entry maps all its pages to the first", "gem5#1235", "L1.walk.large-pages", (tlb) =>
    instead(tlb, "frameOf", () => (entry) => tlb.frame(entry)),
  ),
  buffer("abs32le", "invalidating a space drops the others' entries too", "RelaxedVM-Arm: broadcast scope", "L2.invalidate.space", (tlb) =>
    instead(tlb, "invalidateAsid", () => () => tlb.forget(false, false)),
  ),
  buffer("abs32le", "invalidating everything keeps what is in use", "HelenOS mips32: Wired", "L2.invalidate.everything", (tlb) =>
    instead(tlb, "invalidateAll", () => () => 0),
  ),
  core(
    "abs32le",
    "one processor is forgotten",
    "HD-16; litebox#671, keystone#341",
    "L5.shootdown.everybody-forgets",
    shootdown((s) =>
      instead(s, "receive", (usual) => (cpu) => {
        if (cpu.id === 1) cpu.tlbActive = true;
        else usual(cpu);
      }),
    ),
  ),
  core(
    "ia32",
    "the first message is carried out again and again",
    "HD-17; HelenOS gen/tlb.c",
    "L5.shootdown.slow-processors",
    shootdown((s, cpuOf) =>
      instead(s, "receive", (usual) => (cpu) => {
        const real = cpuOf(cpu.id);
        if (real === undefined) return usual(cpu);
        const invalidatePages = real.invalidatePages.bind(real);
        let first: readonly [number, number, number] | null = null;
        real.invalidatePages = (asid, page, count) => {
          first ??= [asid, page, count];
          invalidatePages(...first);
        };
        usual(cpu);
        real.invalidatePages = invalidatePages;
      }),
    ),
  ),
  core(
    "abs32le",
    "nobody is stopped",
    "deepin kernel#1278",
    "L5.shootdown.stopped-means-stopped",
    shootdown((s, cpuOf) =>
      instead(s, "start", (usual) => (type, asid, page, count) => {
        usual(type, asid, page, count);
        for (let id = 1; id < 8; id += 1) {
          const cpu = cpuOf(id);
          if (cpu !== undefined) cpu.tlbActive = true;
        }
      }),
    ),
  ),
  core(
    "abs32le",
    "too many messages are none",
    "HelenOS TLB_MESSAGE_QUEUE_LEN",
    "L5.shootdown.overflow-is-everything",
    shootdown((s, cpuOf) =>
      instead(s, "receive", (usual) => (cpu) => {
        const real = cpuOf(cpu.id);
        if (real === undefined) return usual(cpu);
        const invalidateAll = real.invalidateAll.bind(real);
        real.invalidateAll = () => {};
        usual(cpu);
        real.invalidateAll = invalidateAll;
      }),
    ),
  ),
  core(
    "abs32le",
    "frames go before the messages have been carried out",
    "HD-16; Uros#304",
    "L5.shootdown.frames-go-last",
    shootdown((s) => {
      const late: { id: number; tlbActive: boolean }[] = [];
      instead(s, "receive", () => (cpu) => {
        cpu.tlbActive = true;
        late.push(cpu);
      });
    }),
  ),
  core("abs32le", "memory is handed on as it was", "aplus#44, kernel-of-truth#118", "L3.area.frames-are-zeroed-again", (parts) =>
    parts.register(FRAMES, (_, usual) => {
      const made = usual();
      instead(made, "takeZeroed", () => () => made.take());
      return made;
    }),
  ),
  core("abs32le", "a frame has one reference however many map it", "HD-05, HD-49", "L3.area.share", (parts) =>
    parts.register(FRAMES, (_, usual) => {
      const made = usual();
      instead(made, "share", () => () => {});
      return made;
    }),
  ),
  core("ia32", "frames never come back", "HD-41", "L3.area.destroy", (parts) =>
    parts.register(FRAMES, (_, usual) => {
      const made = usual();
      instead(made, "release", () => () => false);
      return made;
    }),
  ),
  core("abs32le", "there are no locks", "HD-38", "L5.interleave.two-by-two", (parts) =>
    parts.register(LOCKS, (_, usual) => {
      const made = usual();
      instead(made, "acquire", () => () => {});
      instead(made, "release", () => () => {});
      instead(made, "assertHeld", () => () => {});
      return made;
    }),
  ),
  core(
    "abs32le",
    "an area's page is mapped one frame too far",
    "HD-08",
    "L3.history.as-the-model",
    tables((t) =>
      instead(t, "insert", (usual) => (context, page, frame, flags) => usual(context, page, page % 8 === 7 ? frame + 1 : frame, flags)),
    ),
  ),
  buffer(
    "abs32le",
    "invalidating a page spares a global entry",
    "HelenOS mips32: global entries",
    "L2.global.withdrawn-everywhere",
    (tlb) =>
      instead(tlb, "invalidatePages", (usual) => (page, count, asid) => {
        const entry = tlb.probe(page, asid);
        return entry >= 0 && tlb.isGlobal(entry) ? 0 : usual(page, count, asid);
      }),
  ),
];
