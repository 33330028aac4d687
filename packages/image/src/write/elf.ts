import { PortolanError, type TranslationState } from "@portolan/core/architecture";
import { ET_CORE, MOST_SEGMENTS, PN_XNUM, PT_LOAD, PT_NOTE } from "../elf/header.js";
import { EM_386, EM_X86_64, QEMU_BYTES, QEMU_FIELDS, QEMU_VERSION, STATUS_LAYOUTS, writeRegisters } from "../elf/registers.js";
import { NT_STATE, STATE_NOTE, stateNote } from "../elf/state-note.js";
import type { ElfIdentity, ImageProcessor } from "../image.js";
import { checkRegions, counted, type RegionContents } from "./contents.js";

/** What an ELF core says besides the memory. */
export interface ElfOptions extends ElfIdentity {
  /** Become notes: NT_PRSTATUS where its layout is known here, and QEMU's where the machine is x86. Registers that are not named are 0. */
  readonly processors?: readonly ImageProcessor[];
  /** Become notes of our own, one a processor: what is in its TLBs, its registers and switches. */
  readonly states?: readonly TranslationState[];
  /** Text of a VMCOREINFO note: lines `KEY=VALUE`. */
  readonly vmcoreinfo?: string;
}

const PAGE_BYTES = 4096;

/**
 * An ELF core as QEMU's dump-guest-memory writes it, piece by piece: one PT_NOTE, a PT_LOAD for each region with `p_paddr` set and
 * `p_vaddr` 0, and, from 65,534 regions on, their number in section 0.
 *
 * @see System V ABI, ELF header; QEMU dump/dump.c
 * @throws PortolanError `ERR_BAD_ARGUMENT` for regions that overlap, do not ascend, or give other bytes than they say, for what does
 *   not fit 32 bits, and for states that a reader would not take
 */
export async function* writeElf(regions: Iterable<RegionContents>, options: ElfOptions): AsyncGenerator<Uint8Array> {
  const all = [...regions];
  checkRegions(all);
  const { bits, byteOrder, machine } = options;
  if (!Number.isInteger(machine) || machine < 0 || machine > 0xffff) throw new PortolanError("ERR_BAD_ARGUMENT", { machine });
  const count = all.length + 1;
  if (count > MOST_SEGMENTS) throw new PortolanError("ERR_BAD_ARGUMENT", { regions: all.length, most: MOST_SEGMENTS - 1 });
  const is64 = bits === 64;
  const isLittle = byteOrder === "little";
  const notes = notesOf(options);
  const headerBytes = is64 ? 64 : 52;
  const entryBytes = is64 ? 56 : 32;
  const sectionBytes = is64 ? 64 : 40;
  const isExtended = count >= PN_XNUM;
  const sectionAt = headerBytes + count * entryBytes;
  const notesAt = sectionAt + (isExtended ? sectionBytes : 0);
  const dataAt = Math.ceil((notesAt + notes.length) / PAGE_BYTES) * PAGE_BYTES;
  const size = all.reduce((sum, { bytes }) => sum + bytes, dataAt);
  const last = all.at(-1);
  const end = last === undefined ? 0 : last.first + last.bytes;
  if (!is64 && (size > 2 ** 32 || end > 2 ** 32)) throw new PortolanError("ERR_BAD_ARGUMENT", { bits, size, end });

  const head = new Uint8Array(dataAt);
  const view = new DataView(head.buffer);
  /** A word of the class's width; its place differs by class. */
  const word = (at: number, wide: number, narrow: number, value: number): void => {
    if (is64) view.setBigUint64(at + wide, BigInt(value), isLittle);
    else view.setUint32(at + narrow, value, isLittle);
  };
  const half = (wide: number, narrow: number, value: number): void => view.setUint16(is64 ? wide : narrow, value, isLittle);

  head.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, isLittle ? 1 : 2, 1]);
  view.setUint16(16, ET_CORE, isLittle);
  view.setUint16(18, machine, isLittle);
  view.setUint32(20, 1, isLittle);
  word(0, 32, 28, headerBytes);
  half(52, 40, headerBytes);
  half(54, 42, entryBytes);
  half(56, 44, isExtended ? PN_XNUM : count);
  if (isExtended) {
    word(0, 40, 32, sectionAt);
    half(58, 46, sectionBytes);
    half(60, 48, 1);
    view.setUint32(sectionAt + (is64 ? 44 : 28), count, isLittle);
  }
  const segment = (number: number, type: number, offset: number, first: number, bytes: number): void => {
    const at = headerBytes + number * entryBytes;
    view.setUint32(at, type, isLittle);
    word(at, 8, 4, offset);
    word(at, 24, 12, first);
    word(at, 32, 16, bytes);
    word(at, 40, 20, type === PT_LOAD ? bytes : 0);
  };
  segment(0, PT_NOTE, notesAt, 0, notes.length);
  let offset = dataAt;
  for (const [i, { first, bytes }] of all.entries()) {
    segment(i + 1, PT_LOAD, offset, first, bytes);
    offset += bytes;
  }
  head.set(notes, notesAt);
  yield head;
  for (const region of all) yield* counted(region);
}

const notesOf = ({ bits, byteOrder, machine, processors = [], states = [], vmcoreinfo }: ElfOptions): Uint8Array => {
  const isLittle = byteOrder === "little";
  const layout = STATUS_LAYOUTS.find(({ machines, bits: only = bits }) => machines[0] === machine && only === bits);
  const notes: Uint8Array[] = [];
  if (layout !== undefined) {
    for (const [i, { registers }] of processors.entries()) {
      const contents = new DataView(new ArrayBuffer(layout.bytes));
      contents.setUint32(layout.pid, i + 1, isLittle);
      writeRegisters(contents, layout.fields, isLittle, registers);
      notes.push(note("CORE", 1, contents, isLittle));
    }
  }
  if (machine === EM_386 || machine === EM_X86_64) {
    for (const { registers } of processors) {
      const contents = new DataView(new ArrayBuffer(QEMU_BYTES));
      contents.setUint32(0, QEMU_VERSION, true);
      contents.setUint32(4, QEMU_BYTES, true);
      writeRegisters(contents, QEMU_FIELDS, true, registers);
      notes.push(note("QEMU", 0, contents, isLittle));
    }
  }
  for (const state of states) {
    const bytes = stateNote(state, isLittle);
    notes.push(note(STATE_NOTE, NT_STATE, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), isLittle));
  }
  if (vmcoreinfo !== undefined) {
    const text = Uint8Array.from(vmcoreinfo, (letter) => letter.charCodeAt(0));
    notes.push(note("VMCOREINFO", 0, new DataView(text.buffer), isLittle));
  }
  const all = new Uint8Array(notes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const bytes of notes) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
};

/** Name and contents are padded to words of 4 bytes, in both classes. */
const note = (name: string, type: number, contents: DataView, isLittle: boolean): Uint8Array => {
  const padded = (count: number): number => Math.ceil(count / 4) * 4;
  const contentAt = 12 + padded(name.length + 1);
  const bytes = new Uint8Array(contentAt + padded(contents.byteLength));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, isLittle);
  view.setUint32(4, contents.byteLength, isLittle);
  view.setUint32(8, type, isLittle);
  bytes.set(
    Array.from(name, (letter) => letter.charCodeAt(0)),
    12,
  );
  bytes.set(new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength), contentAt);
  return bytes;
};
