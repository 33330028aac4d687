import type { TranslationState } from "@portolan/core/architecture";
import type { CachedSource } from "../cache.js";
import type { ImageProcessor, OpenOptions, VmcoreInfo } from "../image.js";
import { badImage } from "../trouble.js";
import { PT_NOTE, piece, type ElfHeader, type Segment } from "./header.js";
import { QEMU_FIELDS, QEMU_SHORT_BYTES, QEMU_VERSION, registersIn, STATUS_LAYOUTS } from "./registers.js";
import { MOST_STATE_BYTES, MOST_STATES_BYTES, NT_STATE, STATE_NOTE, stateIn } from "./state-note.js";
import { parseVmcoreInfo } from "./vmcoreinfo.js";

/** Bounds on what notes can cost: those that are looked at, those of a kind that are kept, and what is said of them. */
const MOST_NOTES = 2 ** 15;
const MOST_PROCESSORS = 8192;
const MOST_REMARKS = 20;
/** Most bytes of a note of this name that are read. Contents of notes whose names are not here are left where they are. */
const MOST_BYTES: ReadonlyMap<string, number> = new Map([
  ["CORE", 4096],
  [STATE_NOTE, MOST_STATE_BYTES],
  ["QEMU", 4096],
  ["VMCOREINFO", 2 ** 20],
  ["Xen", 4096],
]);
const NT_PRSTATUS = 1;
/** The hypervisor's CR0, CR2, CR3 and CR4, beside its NT_PRSTATUS. @see Xen xen/include/public/elfnote.h */
const XEN_CRASH_REGS = 0x1000002;

/** What the notes say. */
export interface NoteFindings {
  readonly processors: readonly ImageProcessor[];
  readonly states: readonly TranslationState[];
  readonly remarks: readonly string[];
  readonly vmcoreinfo?: VmcoreInfo;
}

interface Gathered {
  readonly statuses: Record<string, bigint>[];
  readonly states: Record<string, bigint>[];
  readonly crashes: Record<string, bigint>[];
  readonly own: TranslationState[];
  readonly remarks: Set<string>;
  notes: number;
  /** Bytes of our own notes. */
  ownBytes: number;
  text?: string;
}

/**
 * Goes through the notes of every PT_NOTE segment. What is not known is passed over; what makes no sense ends its segment, with a
 * remark: the memory is worth reading without.
 *
 * @throws PortolanError `ERR_BAD_IMAGE` if a segment lies outside the file
 */
export const readNotes = async (source: CachedSource, header: ElfHeader, { truncated = false }: OpenOptions): Promise<NoteFindings> => {
  const found: Gathered = { statuses: [], states: [], crashes: [], own: [], remarks: new Set(), notes: 0, ownBytes: 0 };
  for (const segment of header.segments) {
    if (segment.type !== PT_NOTE || segment.fileBytes === 0n) continue;
    if (segment.offset + segment.fileBytes > BigInt(source.size)) {
      if (!truncated)
        throw badImage(
          segment.at,
          `the notes of segment ${segment.number} would end at byte ${segment.offset + segment.fileBytes}; the file has ${source.size}`,
        );
      remark(found, `the notes of segment ${segment.number} end behind the file, and are not read`);
      continue;
    }
    await readSegment(source, header, segment, found);
  }
  const count = Math.max(found.statuses.length, found.states.length, found.crashes.length, found.own.length);
  for (const [name, { length }] of [
    ["NT_PRSTATUS", found.statuses],
    ["QEMU", found.states],
    ["Xen", found.crashes],
    [STATE_NOTE, found.own],
  ] as const) {
    if (length > 0 && length < count) remark(found, `of ${count} processors, ${length} have a note ${name}`);
  }
  // Dumpers write the notes of one kind in the order of the processors, and then those of the next kind.
  const processors = Array.from({ length: count }, (_, i) => ({
    registers: { ...found.statuses[i], ...found.crashes[i], ...found.states[i], ...found.own[i]?.registers },
  }));
  return {
    processors,
    states: found.own,
    remarks: [...found.remarks],
    ...(found.text === undefined ? {} : { vmcoreinfo: parseVmcoreInfo(found.text) }),
  };
};

const readSegment = async (source: CachedSource, header: ElfHeader, segment: Segment, found: Gathered): Promise<void> => {
  const { isLittle } = header;
  // Words of 4 bytes in both classes, whatever the standard says; 8 only where the segment asks for it.
  const unit = segment.align === 8n ? 8 : 4;
  const padded = (bytes: number): number => Math.ceil(bytes / unit) * unit;
  const end = Number(segment.offset + segment.fileBytes);
  for (let at = Number(segment.offset); at + 12 <= end;) {
    if (++found.notes > MOST_NOTES) {
      remark(found, `there are more than ${MOST_NOTES} notes; the others are not read`);
      return;
    }
    const head = await piece(source, at, 12, "a note's head");
    const nameBytes = head.getUint32(0, isLittle);
    const contentBytes = head.getUint32(4, isLittle);
    const type = head.getUint32(8, isLittle);
    const contentAt = at + padded(12 + nameBytes);
    if (contentAt + contentBytes > end) {
      remark(found, `the note at byte ${at} would end behind its segment; it and what follows is not read`);
      return;
    }
    const name = nameBytes <= 32 ? textOf(await piece(source, at + 12, nameBytes, "a note's name")) : "";
    const most = MOST_BYTES.get(name) ?? -1;
    if (contentBytes <= most) take(name, type, await piece(source, contentAt, contentBytes, "a note"), header, found);
    else if (most >= 0) remark(found, `a note ${name} has ${contentBytes} bytes; of those with more than ${most} nothing is read`);
    at = contentAt + padded(contentBytes);
  }
};

const take = (name: string, type: number, note: DataView, { identity, isLittle }: ElfHeader, found: Gathered): void => {
  if (name === "VMCOREINFO") found.text ??= textOf(note);
  if (name === "CORE" && type === NT_PRSTATUS) {
    const layout = STATUS_LAYOUTS.find(({ machines, bytes }) => bytes === note.byteLength && machines.includes(identity.machine));
    if (layout !== undefined) keep(found.statuses, () => registersIn(note, layout.fields, isLittle));
    else remark(found, `NT_PRSTATUS of ${note.byteLength} bytes is not known for e_machine ${identity.machine}`);
  }
  if (name === "QEMU") {
    // The state is the host's structure, and QEMU writes it for x86 alone.
    const version = note.byteLength >= 8 ? note.getUint32(0, true) : 0;
    if (version === QEMU_VERSION && note.byteLength >= QEMU_SHORT_BYTES) keep(found.states, () => registersIn(note, QEMU_FIELDS, true));
    else remark(found, `a note named QEMU of version ${version} and ${note.byteLength} bytes is not known`);
  }
  if (name === STATE_NOTE && type === NT_STATE) takeOwn(note, isLittle, found);
  if (name === "Xen" && type === XEN_CRASH_REGS && note.byteLength === 32) {
    const names = ["CR0", "CR2", "CR3", "CR4"];
    keep(found.crashes, () => Object.fromEntries(names.map((register, i) => [register, note.getBigUint64(8 * i, isLittle)])));
  }
};

/** A state that makes no sense counts as one of which nothing is known, so that those behind it stay their processors'. */
const takeOwn = (note: DataView, isLittle: boolean, found: Gathered): void => {
  found.ownBytes += note.byteLength;
  if (found.ownBytes > MOST_STATES_BYTES) {
    remark(found, `notes ${STATE_NOTE} have more than ${MOST_STATES_BYTES} bytes; the others are not read`);
    return;
  }
  if (found.own.length >= MOST_PROCESSORS) return;
  const state = stateIn(note, isLittle);
  if (typeof state === "string") remark(found, `a note ${STATE_NOTE} makes no sense: ${state}`);
  found.own.push(typeof state === "string" ? { registers: {}, tlb: [] } : state);
};

const remark = ({ remarks }: Gathered, text: string): void => {
  if (remarks.size < MOST_REMARKS) remarks.add(text);
};

const keep = (list: Record<string, bigint>[], registers: () => Record<string, bigint>): void => {
  if (list.length < MOST_PROCESSORS) list.push(registers());
};

/** Text up to its first zero, one character for each byte. */
const textOf = (bytes: DataView): string => {
  const all = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = all.indexOf(0);
  const text: string[] = [];
  for (let at = 0; at < (end < 0 ? all.length : end); at += 4096) {
    text.push(String.fromCharCode(...all.subarray(at, Math.min(at + 4096, end < 0 ? all.length : end))));
  }
  return text.join("");
};
