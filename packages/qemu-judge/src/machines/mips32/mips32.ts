/**
 * MIPS32 on a Malta board, in both byte orders. What is judged are the contents of the TLB, and what an exception leaves in
 * the registers of coprocessor 0: the code, the vector, BadVAddr, EntryHi and Context.
 *
 * The machine that HelenOS takes has 48 entries; QEMU has no such core among its 32-bit ones, so a 34Kf with 64 answers for it.
 * The cores themselves, with 16 and 64 entries, are judged as what they are.
 *
 * @see MIPS32 PRA vol III; MIPS32 24K and 34K Processor Core Family Software User's Manuals, memory management
 */
import {
  CACHEABLE,
  entryHi,
  entryLo,
  mips32With,
  pageMask,
  PAGE_SHIFTS,
  PROCESSORS,
  type ByteOrder,
  type Mips32Options,
} from "@portolan/arch-mips32";
import { oracleOf } from "@portolan/arch-mips32/oracle";
import type { VectorEntry } from "@portolan/conformance";
import { EXECUTE } from "@portolan/core";
import { entryCases } from "./cases.js";
import type { JudgedCase, JudgedEntry } from "../../case.js";
import { Words, type RawResult } from "../../mailbox.js";
import type { Explanation } from "../../verdict/explanation.js";
import { answers, clash } from "./entry.js";
import { loadEntries, nobodyRefills, PTE_BASE, registersAfter } from "./registers.js";
import { windowOf } from "./window.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap } from "../profile.js";

const MIB = 2 ** 20;
/** Boards with as much RAM as there can be below 2 GiB but for devices, and with so little that something is left without. */
const LARGE = 2048 * MIB;
const SMALL = 64 * MIB;
/** Where devices end: below, the board answers everywhere. */
const DEVICES_END = 0x2000_0000n;
/** Where the board shows all of its RAM once more. */
const RAM_AGAIN = 0x8000_0000n;
/** QEMU's cores have 32 bits of address; an R4000 has 36, and what it finds beyond 4 GiB they do not tell. */
const ADDRESSES_END = 0x1_0000_0000n;

/** Has the board neither RAM nor a device there? */
const isNowhere = (physical: bigint, ram: bigint): boolean =>
  physical >= DEVICES_END && physical < ADDRESSES_END && physical % RAM_AGAIN >= ram;
const ROM = 0x1fc0_0000;
const MAILBOX = 0x200_0000;

const LUI_V0 = 0x3c02_0000;
const ORI_V0 = 0x3442_0000;
const SYSCALL = 0x0c;
const DATA_OFFSET = 12;

/** `lui v0; ori v0, v0; syscall`, and the word that reads read. */
const slotOf = (order: ByteOrder): SlotKind => ({
  bytes: 16,
  dataOffset: DATA_OFFSET,
  dataBytes: 4,
  make(physical) {
    const stamp = stampOf(physical);
    const words = new Words(new Uint8Array(16), 4, order);
    [LUI_V0 + (stamp >>> 16), ORI_V0 + (stamp & 0xffff), SYSCALL, stamp].forEach((word, i) => words.set(i, word));
    return words.bytes;
  },
});

/** Exceptions by ExcCode. @see MIPS32 PRA vol III, Cause register */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  0: "Int (0): it did not end",
  1: "Mod (1)",
  2: "TLBL (2)",
  3: "TLBS (3)",
  4: "AdEL (4)",
  5: "AdES (5)",
  6: "IBE (6)",
  7: "DBE (7)",
  8: "Sys (8): it came out at another address",
  9: "Bp (9): it ran into the end of memory",
  10: "RI (10)",
  11: "CpU (11)",
  24: "MCheck (24)",
};
const EXC_CODE = 31n << 2n;
const EXC_IBE = 6;

const trap = ({ trap: cause, code: vector, address, extra: [entryHiNow, contextNow] }: RawResult): Trap => {
  const code = Number(cause & EXC_CODE);
  return {
    trap: EXCEPTIONS[code >> 2] ?? `another exception (${code >> 2})`,
    code,
    // Bus errors leave BadVAddr as it was.
    ...(code >> 2 < EXC_IBE ? { address } : {}),
    registers: { Cause: BigInt(code), vector, BadVAddr: address, EntryHi: entryHiNow, Context: contextNow },
  };
};

/** What either half lets through: everything, loads and fetches, nothing; in the letters of golden vectors. */
const RIGHTS: Readonly<Record<string, { readonly valid: boolean; readonly writable: boolean }>> = {
  rwx: { valid: true, writable: true },
  rx: { valid: true, writable: false },
  "": { valid: false, writable: false },
};

/** Addresses decide who may, and no entry forbids a load or a fetch alone. One row is both halves, side by side and alike. */
const entryWords = (rows: readonly VectorEntry[]): readonly bigint[] | null => {
  const [even, odd] = rows;
  if (even === undefined) return null;
  const page = (Number(even.bytes) * rows.length) / 2;
  const shift = PAGE_SHIFTS.find((each) => 2 ** each === page);
  const second = odd ?? { ...even, physical: Number(even.physical) + page };
  const halves = [even, second].map(({ physical, global, kernel, user }) => {
    const rights = RIGHTS[kernel];
    return rights === undefined || user !== kernel
      ? null
      : BigInt(entryLo({ physical: Number(physical), coherency: CACHEABLE, ...rights, global }));
  });
  const [low, high] = halves;
  if (shift === undefined || low == null || high == null) return null;
  return [BigInt(entryHi(Number(even.virtual), even.asid)), BigInt(pageMask(shift)), low, high];
};

/** The index goes where PageMask has zeros. */
const mailboxEntry = ({ index, words: [hi = 0n, mask = 0n, lo0 = 0n, lo1 = 0n] }: JudgedEntry): readonly bigint[] => [
  hi,
  mask + BigInt(index),
  lo0,
  lo1,
];

/** Entries that a core which takes a machine check has not written: another one was there that would match as well. */
const refusedEntries = ({ entries = [] }: JudgedCase): ReadonlySet<JudgedEntry> => {
  const written: JudgedEntry[] = [];
  const refused = new Set<JudgedEntry>();
  for (const entry of entries) {
    if (written.some((other) => clash(other, entry))) refused.add(entry);
    else written.push(entry);
  }
  return refused;
};

/** QEMU's cores write it, and the lowest entry that matches answers: this is one that the core itself does not have. */
const NO_MACHINE_CHECK: Explanation = {
  id: "mips32.no-machine-check",
  says: "QEMU writes an entry that matches what another one matches; the core takes a machine check and leaves the TLB as it was",
  manual:
    "MIPS32 PRA vol III, chapter 5 (§ Machine Check exception); vol II, TLBWI: whether several matches are detected is the core's choice",
  follows: "either",
  matches({ address }, _actual, judged) {
    const { entries = [], asid } = judged;
    const [lowest] = entries.filter((entry) => answers(entry, address, asid)).toSorted((one, other) => one.index - other.index);
    return lowest !== undefined && refusedEntries(judged).has(lowest);
  },
};

interface Board {
  /** QEMU's name of it. */
  readonly core: string;
  readonly entries: number;
  /** In bytes. A file with holes: it costs what is written to it. */
  readonly ram: number;
}

const malta = (options: Mips32Options & { readonly byteOrder: ByteOrder }, { core, entries, ram }: Board): MachineProfile => {
  const { byteOrder, processor = "R4000" } = options;
  const architecture = mips32With(options);
  const profile: MachineProfile = {
    name: architecture.name,
    architecture,
    oracle: oracleOf(byteOrder),
    qemu: {
      program: byteOrder === "little" ? "qemu-system-mipsel" : "qemu-system-mips",
      package: "qemu-system-mips",
      title: `${core}, ${byteOrder}-endian`,
      args: [
        "-M",
        "malta,memory-backend=ram",
        "-cpu",
        core,
        "-m",
        `${ram / MIB}M`,
        "-device",
        `loader,file={stub},addr=${ROM},force-raw=on`,
      ],
    },
    memory: "file",
    ram: { first: 0, bytes: ram },
    cases: { first: MIB, bytes: 30 * MIB },
    stub: byteOrder === "little" ? "mips32el.bin" : "mips32be.bin",
    mailbox: { at: MAILBOX, wordBytes: 4, order: byteOrder },
    slot: slotOf(byteOrder),
    window: (judged, queries) => windowOf(judged, queries, entries),
    registers: ({ entries: loaded = [], asid }) => [loaded.length, asid, PTE_BASE],
    trap,
    load: (machine, _space, { entries: judged = [] }) => loadEntries(machine, judged),
    byHand: nobodyRefills,
    registersAfter: (machine, query) =>
      registersAfter(machine, query.access === EXECUTE ? query : { ...query, address: query.address + BigInt(DATA_OFFSET) }),
    mailboxEntry,
    entryWords,
    judgesBus: (physical) => isNowhere(physical, BigInt(ram)),
    own: (random, queries, subject) => entryCases(profile, subject, random, queries),
    explanations: PROCESSORS[processor].multipleMatches === "machine-check" ? [NO_MACHINE_CHECK] : [],
  };
  return profile;
};

/** As HelenOS takes it, little-endian: `--arch mips32`. */
export const mips32 = malta({ byteOrder: "little" }, { core: "34Kf", entries: 64, ram: LARGE });
/** The same, big-endian: `--arch mips32be`. */
export const mips32be = malta({ byteOrder: "big" }, { core: "34Kf", entries: 64, ram: LARGE });
/** A 24Kf with its 16 entries, little-endian: `--arch mips24kf`. */
export const mips24kf = malta({ byteOrder: "little", processor: "24Kf", name: "mips24kf" }, { core: "24Kf", entries: 16, ram: SMALL });
/** A 34Kf with all of its 64 entries, big-endian: `--arch mips34kf`. */
export const mips34kf = malta({ byteOrder: "big", processor: "34Kf", name: "mips34kf" }, { core: "34Kf", entries: 64, ram: SMALL });
