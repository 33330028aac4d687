/**
 * The state of a whole machine as one number: what an operation that failed must not have changed. Everything that
 * anybody could observe counts; how allocators order what is free, and room that tables grew into, does not.
 */
import type { Machine } from "#src/index.js";
import type { MemoryObject } from "#src/objects/memory-object.js";

/** Lines that say everything; for a difference that people can read. */
export const portrait = (machine: Machine): string[] => {
  const { frames, memory, areas, tables, asids, withdrawals } = machine.parts;
  const lines: string[] = [
    `free ${frames.free} of ${frames.total}, reserved ${frames.reserved}, stolen ${asids.stolen}, open ${withdrawals.isOpen}`,
    `areas ${areas.count}, promised nodes ${areas.trees.reserved} ${areas.used.trees.reserved} ${machine.parts.cachePool.chunksInUse}`,
  ];
  const objects = new Map<MemoryObject, number>();
  const numberOf = (object: MemoryObject): number => {
    if (!objects.has(object)) objects.set(object, objects.size);
    return objects.get(object) as number;
  };
  for (const space of machine.spaces.live()) {
    const { context } = space;
    lines.push(
      `space ${space.id} holds ${space.holds} asid ${context.asid} on ${context.installedOn} tables ${tables.bytes(context)} mapped ${context.mappedPages}`,
    );
    for (let area = space.tree.first(); area >= 0; area = space.tree.next(area)) {
      const object = areas.objectOf(area);
      const used: string[] = [];
      for (let page = areas.used.nextAtOrAbove(area, 0); page >= 0;) {
        const end = areas.used.intervalEnd(area, page);
        used.push(`${page}-${end - 1}`);
        page = areas.used.nextAtOrAbove(area, end);
      }
      lines.push(
        `  area ${areas.firstOf(area)}+${areas.pagesOf(area)} flags ${areas.flagsOf(area)} traits ${areas.traitsOf(area)} partial ${areas.isPartial(area)} guard ${areas.isGuarded(area)} ` +
          `backend ${areas.backendOf(area)?.name} object ${object === null ? "none" : `${numberOf(object)}@${areas.offsetOf(area)}`} used ${used.join(" ")}`,
      );
    }
    tables.each(context, 0, machine.parts.units.pageLimit, (page, { frame, rights, flags }) => {
      lines.push(`  page ${page} frame ${frame} rights ${rights} flags ${flags}`);
      return true;
    });
    context.cache?.eachTranslation((page, frame, asid, rights) => lines.push(`  cached ${page} ${frame} ${asid} ${rights}`));
  }
  for (const [object, number] of objects) {
    const held: string[] = [];
    object.eachHeld((frame, offset) => held.push(`${offset}:${frame}`));
    lines.push(`object ${number} ${object.kind} links ${object.links} holds ${held.join(" ")}`);
    if ("below" in object) numberOf(object.below as MemoryObject);
  }
  for (const file of machine.images()) {
    const pinned: number[] = [];
    file.eachPinned((frame) => pinned.push(frame));
    lines.push(`image of ${file.bytes} bytes in ${pinned.join(" ")}`);
  }
  for (const cpu of machine.cpus) {
    lines.push(
      `processor ${cpu.id} has ${machine.installed(cpu.id)?.id ?? "none"}, context ${cpu.context.id}, interrupts ${cpu.interrupts}, active ${cpu.tlbActive}`,
    );
    for (const [name, tlb] of Object.entries({ instruction: cpu.instructionTlb, data: cpu.dataTlb })) {
      tlb.each((entry) =>
        lines.push(
          `  ${name} ${entry}: ${tlb.firstPage(entry)}+${tlb.span(entry)} ${tlb.frame(entry)} ${tlb.asid(entry)} ${tlb.rights(entry)}`,
        ),
      );
    }
  }
  const tableFrames = new Map<number, number>();
  tables.eachTableFrame((frame, owner) => tableFrames.set(frame, owner));
  for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1) {
    const references = frames.references(frame);
    if (references <= 0) continue;
    lines.push(`frame ${frame} references ${references} tables of ${tableFrames.get(frame) ?? "nobody"} bytes ${memory.digest(frame, 1)}`);
  }
  return lines;
};

/** FNV-1a over the portrait. */
export const stateHash = (machine: Machine): number => {
  let hash = 0x811c9dc5;
  for (const character of portrait(machine).join("\n")) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash >>> 0;
};
