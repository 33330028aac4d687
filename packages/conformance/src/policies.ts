/**
 * Legal choices of hardware, as dials. A manual leaves them open, a machine that forgives hides what depends on them, and what
 * passes under the strictest setting passes on every legal machine.
 */
import {
  EXECUTE,
  READ,
  REFILL,
  type Access,
  type Architecture,
  type Cpu,
  type FaultReason,
  type Privilege,
  type Refill,
  type Replace,
  type Tlb,
  type TlbGeometry,
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
    can: byFault ? { ...can, recordAccess: "fault", recordWrite: can.recordWrite === "hardware" ? "fault" : can.recordWrite } : can,
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
      if (dials.speculation === "eager") parts.register(REFILL, (_, usual) => new EagerWalk(usual()));
    },
  };
};

const tlbFor = (cpu: Cpu, access: Access): Tlb => (access === EXECUTE ? cpu.instructionTlb : cpu.dataTlb);

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
