/**
 * Legal choices of hardware, as dials. A manual leaves them open, a machine that forgives hides what depends on them, and what
 * passes under the strictest setting passes on every legal machine.
 */
import {
  ENTRY_GLOBAL,
  EXECUTE,
  LOCKS,
  NO_FAULT,
  PAGE_TABLES,
  READ,
  REFILL,
  WRITE,
  PAGE_DIRTY,
  rightsFor,
  type Access,
  type Architecture,
  type Cpu,
  type FaultReason,
  type Locks,
  type PageTables,
  type Privilege,
  type Refill,
  type Replace,
  type TlbGeometry,
  type TranslationContext,
} from "@portolan/core";

export interface Dials {
  /** Hardware marks accesses and writes, or faults where a mark is missing and a handler sets it. */
  readonly marks: "as-described" | "by-fault";
  readonly asids: "as-described" | "fewest";
  /** Does a miss fetch the translations of neighbouring pages as well? */
  readonly speculation: "none" | "eager";
  /** Buffers that forget soon, or never. */
  readonly capacity: "as-described" | "tiny" | "endless";
  /** Does loading a root forget anything, where entries carry tags and need not be forgotten? */
  readonly rootLoad: "as-described" | "keeps";
}

export const POLICIES = {
  described: { marks: "as-described", asids: "as-described", speculation: "none", capacity: "as-described", rootLoad: "as-described" },
  strictest: { marks: "by-fault", asids: "fewest", speculation: "eager", capacity: "endless", rootLoad: "keeps" },
  forgetful: { marks: "as-described", asids: "fewest", speculation: "none", capacity: "tiny", rootLoad: "as-described" },
} as const satisfies Readonly<Record<string, Dials>>;
export type Policy = keyof typeof POLICIES;

/** More than the processors of any clause, so that there is always one to steal. */
const FEWEST = 5;
/** Pages on either side that an eager walker fetches. */
const NEIGHBOURS = 2;
const ALL_BUT_WRITE = ~rightsFor(WRITE, WRITE);

const dialled = (machine: Architecture, dials: Dials): Architecture => {
  const { tlb, asids, can } = machine;
  const sized = (geometry: TlbGeometry): TlbGeometry => {
    if (dials.capacity === "endless") return { ...geometry, entries: 1024, ways: "full" };
    if (dials.capacity === "tiny") return { ...geometry, entries: geometry.wired + 4, ways: "full" };
    return geometry;
  };
  const byFault = dials.marks === "by-fault" && can.recordAccess === "hardware";
  return {
    ...machine,
    asids:
      dials.asids === "fewest" && asids.policy === "steal-oldest"
        ? { ...asids, last: Math.min(asids.last, asids.first + FEWEST - 1) }
        : asids,
    can: byFault ? { ...can, recordAccess: "refill", recordWrite: can.recordWrite === "hardware" ? "refill" : can.recordWrite } : can,
    tlb: {
      ...tlb,
      data: sized(tlb.data),
      ...(tlb.instruction === undefined ? {} : { instruction: sized(tlb.instruction) }),
      invalidation: dials.rootLoad === "keeps" && asids.bits > 0 ? { ...tlb.invalidation, rootLoadInvalidates: false } : tlb.invalidation,
    },
  };
};

/** A machine with dials set, and the parts that it takes. */
export const withDials = (machine: Architecture, dials: Dials): { readonly architecture: Architecture; readonly replace: Replace } => {
  const architecture = dialled(machine, dials);
  return {
    architecture,
    replace(parts) {
      if (machine.tlb.refill !== "hardware") return;
      if (architecture.can.recordAccess !== machine.can.recordAccess) {
        parts.register(REFILL, (get, usual) => new MarkingByFault(machine, usual(), get(PAGE_TABLES), get(LOCKS)));
      }
      if (dials.speculation === "eager") parts.register(REFILL, (_, usual) => new EagerWalk(usual()));
    },
  };
};

const tlbFor = (cpu: Cpu, access: Access) => (access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb);

/** A walker that fetches what lies beside the page that was missed, as far as it is there. */
class EagerWalk implements Refill {
  readonly #walker: Refill;

  constructor(walker: Refill) {
    this.#walker = walker;
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const kept = { ...cpu.fault };
    for (let near = Math.max(0, page - NEIGHBOURS); near <= page + NEIGHBOURS; near += 1) {
      if (near === page) continue;
      for (const kind of [READ, EXECUTE] as const) {
        if (tlbFor(cpu, kind).probe(near, cpu.asidFor(privilege)) < 0) this.#walker.miss(cpu, near, kind, privilege);
      }
    }
    Object.assign(cpu.fault, kept);
    return this.#walker.miss(cpu, page, access, privilege);
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    return this.#walker.refused(cpu, page, access, privilege, entry);
  }
}

/** A walker that sets no mark: an access to a page without one traps, and the handler sets it in the tables. */
class MarkingByFault implements Refill {
  readonly #pages: number;
  readonly #recordsWrite: boolean;
  readonly #walker: Refill;
  readonly #tables: PageTables;
  readonly #locks: Locks;

  constructor(machine: Architecture, walker: Refill, tables: PageTables, locks: Locks) {
    this.#pages = 2 ** (machine.pageShift - machine.hardwarePageShift);
    this.#recordsWrite = machine.can.recordWrite === "hardware";
    this.#walker = walker;
    this.#tables = tables;
    this.#locks = locks;
  }

  miss(cpu: Cpu, page: number, access: Access, privilege: Privilege): FaultReason {
    const reason = this.#walker.miss(cpu, page, access, privilege);
    if (reason !== NO_FAULT) return reason;
    const isDirty = this.#mark(cpu.contextFor(privilege), page, access === WRITE);
    if (isDirty || !this.#recordsWrite) return NO_FAULT;
    // The page counts as clean: the first write has to trap.
    const tlb = tlbFor(cpu, access);
    const entry = tlb.probe(page, cpu.asidFor(privilege));
    if (entry < 0) return NO_FAULT;
    const flags = tlb.isGlobal(entry) ? ENTRY_GLOBAL : 0;
    const [first, span, frame, asid, rights] = [
      tlb.firstPage(entry),
      tlb.span(entry),
      tlb.frame(entry),
      tlb.asid(entry),
      tlb.rights(entry),
    ] as const;
    if ((rights & ~ALL_BUT_WRITE) === 0) return NO_FAULT;
    tlb.drop(entry);
    tlb.enter(first, span, frame, asid, rights & ALL_BUT_WRITE, flags);
    return NO_FAULT;
  }

  refused(cpu: Cpu, page: number, access: Access, privilege: Privilege, entry: number): FaultReason {
    if (access !== WRITE || !this.#recordsWrite) return this.#walker.refused(cpu, page, access, privilege, entry);
    cpu.dataTlb.drop(entry);
    return this.miss(cpu, page, access, privilege);
  }

  /** Sets what is missing. Does the page count as written now? */
  #mark(context: TranslationContext, page: number, isWrite: boolean): boolean {
    const machinePage = Math.floor(page / this.#pages);
    this.#locks.acquire("page-table", context.id);
    try {
      if (!this.#tables.find(context, machinePage)) return true;
      const isDirty = isWrite || (this.#tables.found.flags & PAGE_DIRTY) !== 0;
      this.#tables.mark(context, machinePage, isDirty);
      return isDirty;
    } finally {
      this.#locks.release("page-table", context.id);
    }
  }
}
