/**
 * RISC-V's hart inside QEMU, with three, four and five levels of tables, or with 32 bits and two.
 *
 * The board is QEMU's empty one, `none`: a hart, RAM from address 0 on, and nothing else. So golden vectors, whose RAM begins
 * at 0, are judged where they lie, and cases of our own have theirs where boards have it. Where a case's RAM ends memory ends,
 * as PMP says: with PMP, QEMU tells an access fault from a page fault for tables too. (An address that is vacant, but that PMP
 * lets through, it tells for pages alone: 7.2 reports a page fault where a table is looked for there, against §4.3.2, step 2.)
 *
 * @see RISC-V Privileged Architecture (20211203) §3.1.6.3, §3.1.18 (menvcfg), §3.7 (PMP), §4.1.11 (satp), §4.3.2
 */
import {
  EXCEPTIONS,
  riscv64With,
  SATP32_ASID_SHIFT,
  SATP32_MODE_SHIFT,
  SATP32_SV32,
  SATP_ASID_SHIFT,
  SATP_MODE_SHIFT,
  SATP_MODES,
  SSTATUS_MXR,
  SSTATUS_SUM,
  type Mode,
  type Riscv64Options,
} from "@portolan/arch-riscv64";
import { oracleOf } from "@portolan/arch-riscv64/oracle";
import { sv32 as sv32Machine } from "@portolan/arch-riscv64/sv32";
import { oracle as sv32Oracle } from "@portolan/arch-riscv64/sv32/oracle";
import type { JudgedCase } from "../../case.js";
import type { RawResult } from "../../mailbox.js";
import { FOUR_GIB, RESERVED_SIZE_MARKED, reservedIgnored, TABLE_ABOVE_4_GIB } from "./deviations.js";
import { stampOf, type MachineProfile, type SlotKind, type Trap } from "../profile.js";

const MIB = 2 ** 20;
/** The reset vector, and where the stub was linked to. */
const STUB = 0x200_0000;
const MAILBOX = 0x201_0000;
/** Where RAM begins on real boards. */
const DRAM = 0x8000_0000;
const CASES = 8 * MIB;
const RAM_END = DRAM + CASES;

const PAGE = 4096n;
/** pmpaddr counts words of 4 bytes. */
const PMP_SHIFT = 2n;
/** menvcfg: hardware sets A and D; leaves have memory types. A hart without them ignores the bits. */
const MENVCFG_ADUE = 1n << 61n;
const MENVCFG_PBMTE = 1n << 62n;

const ADDI = 0x5_0513;
const ADDIW = 0x5_051b;

/** `lui a0; addiw a0, a0; ecall`, or `addi` with 32 bits, and the word that reads read. */
const slotWith = (add: number): SlotKind => ({
  bytes: 16,
  dataOffset: 12,
  dataBytes: 4,
  make(physical) {
    const stamp = stampOf(physical);
    // Both add a signed number of twelve bits.
    const upper = (stamp + 0x800) & 0xffff_f000;
    const lower = stamp & 0xfff;
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, (upper | 0x537) >>> 0, true);
    view.setUint32(4, ((lower << 20) | add) >>> 0, true);
    view.setUint32(8, 0x73, true);
    view.setUint32(12, stamp, true);
    return bytes;
  },
});

const LEVELS = { sv39: 3, sv48: 4, sv57: 5 } as const satisfies Record<Mode, number>;

const registersOf =
  (mode: Mode, { svpbmt = false }: Riscv64Options) =>
  ({ root = 0, asid, ram, switches: { SUM, MXR } }: JudgedCase): readonly bigint[] => [
    (SATP_MODES[mode] << SATP_MODE_SHIFT) | (BigInt(asid) << SATP_ASID_SHIFT) | (BigInt(root) / PAGE),
    (SUM ? SSTATUS_SUM : 0n) | (MXR ? SSTATUS_MXR : 0n),
    MENVCFG_ADUE | (svpbmt ? MENVCFG_PBMTE : 0n),
    BigInt(ram.first) >> PMP_SHIFT,
    BigInt(ram.first + ram.bytes) >> PMP_SHIFT,
  ];

/** mcause, with the highest bit for interrupts, which there are none of. */
const trap = ({ code, address }: RawResult): Trap => ({
  trap: EXCEPTIONS[Number(code)] ?? "another exception",
  code: Number(code),
  address,
});

/** What all harts have in common, those of 32 bits too. */
const common = {
  memory: "file",
  // A file with holes: the two gigabytes cost what is written to them.
  ram: { first: 0, bytes: RAM_END },
  cases: { first: DRAM, bytes: CASES },
  trap,
  judgesBus: () => true,
} as const satisfies Partial<MachineProfile>;

/** @param xlen the hart's: that of QEMU's program */
const qemuOf = (xlen: 32 | 64, title: string, extensions: readonly string[]): MachineProfile["qemu"] => ({
  program: `qemu-system-riscv${xlen}`,
  package: "qemu-system-misc",
  title: `QEMU's rv${xlen}, ${title}`,
  args: [
    "-M",
    "none,memory-backend=ram",
    "-m",
    `${RAM_END / MIB}M`,
    "-cpu",
    [`rv${xlen}`, `resetvec=${STUB}`, ...extensions.map((name) => `${name}=on`)].join(","),
    "-device",
    `loader,file={stub},addr=${STUB},force-raw=on`,
  ],
});

/** What differs between the harts of 64 bits that are judged: levels, and extensions by QEMU's names. */
const hart = (mode: Mode, title: string, options: Riscv64Options = {}): MachineProfile => {
  const extensions = (["svnapot", "svpbmt"] as const).filter((name) => options[name] === true);
  const architecture = riscv64With({ mode, ...options });
  return {
    ...common,
    name: architecture.name,
    architecture,
    oracle: oracleOf({ levels: LEVELS[mode], svnapot: options.svnapot === true, svpbmt: options.svpbmt === true }),
    qemu: qemuOf(64, title, extensions),
    stub: "riscv64.bin",
    mailbox: { at: MAILBOX, wordBytes: 8, order: "little" },
    slot: slotWith(ADDIW),
    registers: registersOf(mode, options),
    explanations: extensions.length === 0 ? [] : [reservedIgnored(LEVELS[mode]), RESERVED_SIZE_MARKED],
  };
};

/** Two levels, of a hart of 32 bits: `--arch sv32`. */
export const sv32: MachineProfile = {
  ...common,
  name: sv32Machine.name,
  architecture: sv32Machine,
  oracle: sv32Oracle,
  qemu: qemuOf(32, "Sv32", []),
  stub: "riscv32.bin",
  mailbox: { at: MAILBOX, wordBytes: 4, order: "little" },
  slot: slotWith(ADDI),
  registers: ({ root = 0, asid, ram, switches: { SUM, MXR } }) => [
    (SATP32_SV32 << SATP32_MODE_SHIFT) | (BigInt(asid) << SATP32_ASID_SHIFT) | (BigInt(root) / PAGE),
    (SUM ? SSTATUS_SUM : 0n) | (MXR ? SSTATUS_MXR : 0n),
    // menvcfgh
    MENVCFG_ADUE >> 32n,
    BigInt(ram.first) >> PMP_SHIFT,
    BigInt(ram.first + ram.bytes) >> PMP_SHIFT,
  ],
  // Of a page's address, not of a table's, 7.2 keeps 32 bits: beyond 4 GiB is RAM once more (§4.3.1 has 34 bits).
  judgesBus: (physical, isTable) => isTable || physical < FOUR_GIB,
  explanations: [TABLE_ABOVE_4_GIB],
};

/** Three levels: `--arch riscv64`. */
export const riscv64 = hart("sv39", "Sv39");
/** Four: `--arch sv48`. */
export const sv48 = hart("sv48", "Sv48");
/** Five: `--arch sv57`. */
export const sv57 = hart("sv57", "Sv57");
/** Three, with pages of 64 KiB and memory types. */
export const svnapot = hart("sv39", "Sv39 with Svnapot and Svpbmt", { svnapot: true, svpbmt: true, name: "svnapot" });
