/**
 * What both machines of the x86 family share: a bare `microvm` with our ROM, slots, the window in the judged root, exceptions.
 *
 * @see Intel SDM vol 3A §6.3 (exceptions), §2.5 (control registers)
 */
import type { Switches } from "@portolan/core";
import type { JudgedCase } from "../../case.js";
import type { RawResult } from "../../mailbox.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap, type Window } from "../profile.js";

/** Where the stubs are linked, and what they take of RAM from there; the mailbox lies within. */
export const STUB_AT = 0x200_0000;
export const MAILBOX_AT = STUB_AT + 0x4_0000;
export const RAM_BYTES = 64 * 2 ** 20;
/** Cases of our own making: above what a PC has in its first megabyte, far below the stub. */
export const CASES = { first: 0x10_0000, bytes: 0xf0_0000 };

const CR0_PG_ET_PE = 0x8000_0011;
const CR0_WP = 1 << 16;
const CR4_PSE = 1 << 4;
const CR4_PGE = 1 << 7;
const CR4_SMEP = 1 << 20;
const CR4_SMAP = 1 << 21;
const RFLAGS_AC = 1 << 18;

/** Accessed, U/S, R/W, P: an entry that leads to the stub's tables and forbids nothing. */
export const TO_TABLE = 0x27;

/** A microvm without the devices that nobody needs, whose ROM is the stub. */
export const qemuOf = (cpu: string, title: string): MachineProfile["qemu"] => ({
  program: "qemu-system-x86_64",
  package: "qemu-system-x86",
  title,
  args: [
    "-M",
    "microvm,memory-backend=ram,pit=off,pic=off,rtc=off,isa-serial=off,x-option-roms=off,auto-kernel-cmdline=off",
    "-m",
    `${RAM_BYTES / 2 ** 20}M`,
    "-cpu",
    cpu,
    "-bios",
    "{stub}",
  ],
});

const MOV_EAX = 0xb8;
const INT3 = 0xcc;
const SLOT_BYTES = 16;
const DATA_OFFSET = 8;

/** `mov eax, stamp`, which the stub executes as a single step; behind it INT3, should anybody come so far; then the data. */
export const slotOf = (dataBytes: 4 | 8): SlotKind => ({
  bytes: SLOT_BYTES,
  dataOffset: DATA_OFFSET,
  dataBytes,
  make: (physical) => {
    const stamp = stampOf(physical);
    const bytes = new Uint8Array(SLOT_BYTES);
    const view = new DataView(bytes.buffer);
    bytes[0] = MOV_EAX;
    view.setUint32(1, stamp, true);
    bytes.fill(INT3, 5, DATA_OFFSET);
    view.setUint32(DATA_OFFSET, stamp, true);
    return bytes;
  },
});

const on = (switches: Switches, name: string, bit: number): number => (switches[name] ? bit : 0);

/** CR3, CR0, CR4, EFER and flags of a case. `cr4` and `efer` are what the machine's mode wants in any case. */
export const registersOf = ({ name, root, switches }: JudgedCase, cr4: number, efer: number): readonly number[] => {
  if (root === undefined) throw new Error(`${name}: a case without a root`);
  return [
    root,
    CR0_PG_ET_PE + on(switches, "WP", CR0_WP),
    cr4 + on(switches, "PSE", CR4_PSE) + on(switches, "PGE", CR4_PGE) + on(switches, "SMEP", CR4_SMEP) + on(switches, "SMAP", CR4_SMAP),
    efer,
    on(switches, "AC", RFLAGS_AC),
  ];
};

/** A tree in which every table has as many entries, but for the root's perhaps. */
export interface TreeShape {
  readonly entryBytes: 4 | 8;
  readonly indexBits: number;
  /** Where the root is smaller. */
  readonly rootIndexBits?: number;
  /** Address bit where each level's index begins, from the root down. */
  readonly shifts: readonly number[];
  /** The root's entry that leads to the stub's own table for the level below. */
  readonly stubEntry: number;
  /** Does a present entry lead to a table? The root is level 0. */
  readonly isTable: (entry: bigint, depth: number, judged: JudgedCase) => boolean;
  /** The part of an entry that is an address, where it leads to a table. */
  readonly frame: bigint;
}

const bitsAt = ({ indexBits, rootIndexBits = indexBits }: TreeShape, depth: number): number => (depth === 0 ? rootIndexBits : indexBits);

export const indexIn = (address: bigint, depth: number, shape: TreeShape): number =>
  Number(BigInt.asUintN(bitsAt(shape, depth), address >> BigInt(shape.shifts[depth] ?? 0)));

/**
 * An entry of the root that no access looks at: as long as the root may be reached again further down, an index of any level
 * counts, and so does what lands in the root. The stub is told how far its entry is from where it is linked.
 */
export const windowOf = (shape: TreeShape): NonNullable<MachineProfile["window"]> => {
  const { entryBytes, shifts, stubEntry } = shape;
  const rootBits = bitsAt(shape, 0);
  const entries = 2 ** rootBits;
  const home = indexIn(BigInt(STUB_AT), 0, shape);
  return ({ root = 0 }, queries): Window | null => {
    const taken = new Uint8Array(entries);
    for (const { address, expected } of queries) {
      for (let depth = 0; depth < shifts.length; depth += 1)
        if (bitsAt(shape, depth) === rootBits) taken[indexIn(address, depth, shape)] = 1;
      if (expected.kind !== "physical") continue;
      const within = Number(expected.physical) - root;
      if (within >= 0 && within < entries * entryBytes) taken.fill(1, within / entryBytes, (within + SLOT_BYTES) / entryBytes);
    }
    const index = taken.indexOf(0);
    if (index < 0) return null;
    const bytes = new Uint8Array(entryBytes);
    new DataView(bytes.buffer).setUint32(0, stubEntry, true);
    // Copies of the highest bit above, or cut off where there are none: the mailbox's words do that.
    const range = (BigInt.asIntN(rootBits, BigInt(index)) - BigInt(home)) << BigInt(shifts[0] ?? 0);
    return { patch: [{ at: root + index * entryBytes, bytes }], registers: [range] };
  };
};

const EXCEPTIONS = [
  "#DE",
  "#DB",
  "NMI",
  "#BP",
  "#OF",
  "#BR",
  "#UD",
  "#NM",
  "#DF",
  "9",
  "#TS",
  "#NP",
  "#SS",
  "#GP",
  "#PF",
  "15",
  "#MF",
  "#AC",
  "#MC",
];
const PAGE_FAULT = 14n;

/** CR2 belongs to page faults alone. */
export const trapOf = ({ trap, code, address }: RawResult): Trap => ({
  trap: EXCEPTIONS[Number(trap)] ?? `exception ${trap}`,
  code: Number(code),
  ...(trap === PAGE_FAULT ? { address } : {}),
});
