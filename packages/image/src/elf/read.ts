import type { CachedSource } from "../cache.js";
import type { ImageRegion, OpenOptions } from "../image.js";
import { disjoint } from "../overlaps.js";
import { PHYSICAL_END, type Findings } from "../regions.js";
import { badImage, hex, unsupported } from "../trouble.js";
import { PT_LOAD, readElfHeader, type Segment } from "./header.js";
import { readNotes } from "./notes.js";

/** What /proc/kcore and vmcore put where a segment has no physical address. */
const NOWHERE = [0xffff_ffff_ffff_ffffn, 0xffff_ffffn];

/**
 * An ELF core whose PT_LOADs say where in physical memory they belong. What lies between `p_filesz` and `p_memsz` is absent: the
 * dumper left it out, which does not make it zero.
 *
 * @see System V ABI, Program Header; QEMU dump/dump.c
 * @throws PortolanError `ERR_BAD_IMAGE`, `ERR_IMAGE_UNSUPPORTED`
 */
export const readElf = async (source: CachedSource, options: OpenOptions): Promise<Findings> => {
  const header = await readElfHeader(source);
  const loads = header.segments.filter(({ type, memoryBytes, fileBytes }) => type === PT_LOAD && (memoryBytes > 0n || fileBytes > 0n));
  if (loads.length === 0) throw unsupported("ELF core without PT_LOAD segments, as Xen's dump-core writes it");
  if (loads.length > 1 && loads.every(({ physical }) => physical === 0n) && loads.some(({ virtual }) => virtual !== 0n)) {
    throw unsupported("ELF core of a process, whose segments have no physical addresses");
  }
  const remarks: string[] = [];
  const stretches: ImageRegion[] = [];
  let partly = 0;
  let nowhere = 0;
  for (const load of loads) {
    if (load.fileBytes > load.memoryBytes) {
      throw badImage(load.at, `segment ${load.number} has ${load.fileBytes} bytes in the file for ${load.memoryBytes} of memory`);
    }
    if (NOWHERE.includes(load.physical)) {
      nowhere += 1;
      continue;
    }
    if (load.fileBytes < load.memoryBytes) partly += 1;
    if (load.fileBytes > 0n) {
      const stretch = stretchOf(load, source.size, options, remarks);
      if (stretch !== undefined) stretches.push(stretch);
    }
  }
  if (nowhere > 0) remarks.push(`${nowhere} of ${loads.length} segments have no physical address, and are passed over`);
  if (partly > 0) remarks.push(`${partly} of ${loads.length} segments have less in the file than in memory; the rest is absent`);
  if (loads.some(({ physical }, i) => i > 0 && physical < (loads[i - 1]?.physical ?? 0n)))
    remarks.push("segments are not in ascending order");
  const { regions, contradictions } = disjoint(stretches);
  if (contradictions > 0) {
    remarks.push(
      `${contradictions} segments tell of memory that an earlier one tells of from another place of the file; the earlier one counts`,
    );
  }
  const notes = await readNotes(source, header, options);
  return { ...notes, regions, elf: header.identity, remarks: [...remarks, ...notes.remarks] };
};

/** Most remarks about single segments; a header may have a quarter of a million of them. */
const MOST_REMARKS = 20;

const stretchOf = (load: Segment, size: number, { truncated = false }: OpenOptions, remarks: string[]): ImageRegion | undefined => {
  const { at, number, physical, offset, memoryBytes, fileBytes } = load;
  if (physical + memoryBytes > BigInt(PHYSICAL_END)) {
    throw badImage(at, `segment ${number} would end at ${hex(physical + memoryBytes)}, and physical addresses have at most 52 bits`);
  }
  const end = offset + fileBytes;
  if (end <= BigInt(size)) return { first: Number(physical), bytes: Number(fileBytes), offset: Number(offset) };
  if (!truncated) throw badImage(at, `segment ${number} would end at byte ${end} of the file, which has ${size}`);
  if (remarks.length < MOST_REMARKS) remarks.push(`segment ${number} ends behind the file, and is cut there`);
  return offset < BigInt(size) ? { first: Number(physical), bytes: size - Number(offset), offset: Number(offset) } : undefined;
};
