/** @see HelenOS kernel/generic/src/mm/as.c, as_switch() */
import type { Cpu } from "../machine/cpu.js";
import type { AddressSpace } from "./address-space.js";
import type { SpaceParts } from "./parts.js";

/**
 * Installs `to` on `cpu`, where `from` was (null: nothing of anybody's but the kernel's). Under the ASID lock the old
 * space's count goes down and the new one gets an ASID if it has none; no lock that can sleep is taken. An installed
 * space is held, so it cannot go while a processor uses it. `from` and `to` may be the same.
 */
export const switchSpace = (parts: SpaceParts, cpu: Cpu, from: AddressSpace | null, to: AddressSpace): void => {
  const { locks } = parts;
  locks.acquire("asid", 0);
  try {
    to.hold();
    if (from !== null && from.context.cache !== null) from.context.cache.deinstall(cpu);
    parts.asids.switch(from === null ? null : from.context, to.context);
    parts.preemption.at("switch-asid");
    cpu.install(to.context);
    // Entries without a tag that loading a root leaves in place would translate for the next space.
    if (parts.architecture.asids.bits === 0 && !parts.architecture.tlb.invalidation.rootLoadInvalidates) cpu.invalidateAll();
    if (to.context.cache !== null) to.context.cache.install(cpu);
  } finally {
    locks.release("asid", 0);
  }
  const sink = parts.events.sink;
  if (sink !== null) sink({ kind: "switch", cpu: cpu.id, from: from === null ? null : from.id, to: to.id });
  if (from !== null) from.release();
};
