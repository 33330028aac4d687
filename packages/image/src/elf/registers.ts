/**
 * Where registers lie in the notes of ELF cores: QEMU's own of a processor, and NT_PRSTATUS.
 *
 * A list for each, so that reader and writer cannot disagree.
 */

/** A register in a note: its name in the manual, place and width in bytes. */
export interface NoteField {
  readonly name: string;
  readonly at: number;
  readonly bytes: 2 | 4 | 8;
}

/** Registers that follow each other, each as wide as the others; an empty name is one that nobody wants. */
const run = (start: number, bytes: 2 | 4 | 8, names: string): readonly NoteField[] =>
  names
    .split(" ")
    .map((name, i): NoteField => ({ name, at: start + i * bytes, bytes }))
    .filter(({ name }) => name !== "-");

/** A segment of QEMU's note: selector, limit, flags (the descriptor's second word), 4 bytes of nothing, base. */
const segment = (name: string, i: number): readonly NoteField[] => {
  const at = 152 + 24 * i;
  const table = name === "GDTR" || name === "IDTR";
  const described: readonly NoteField[] = [
    { name, at, bytes: 4 },
    { name: `${name}.flags`, at: at + 8, bytes: 4 },
  ];
  return [...(table ? [] : described), { name: `${name}.limit`, at: at + 4, bytes: 4 }, { name: `${name}.base`, at: at + 16, bytes: 8 }];
};

/** Version 1 of it, the only one. */
export const QEMU_VERSION = 1;
/** With IA32_KERNEL_GS_BASE; older ones end before it. */
export const QEMU_BYTES = 0x1b8;
export const QEMU_SHORT_BYTES = 0x1b0;

/**
 * The note named QEMU: little-endian 64-bit words whatever the processor's mode; behind 4 bytes of version and 4 of size.
 *
 * @see QEMU target/i386/arch_dump.c, struct QEMUCPUState
 */
export const QEMU_FIELDS: readonly NoteField[] = [
  ...run(8, 8, "RAX RBX RCX RDX RSI RDI RSP RBP R8 R9 R10 R11 R12 R13 R14 R15 RIP RFLAGS"),
  ...["CS", "DS", "ES", "FS", "GS", "SS", "LDTR", "TR", "GDTR", "IDTR"].flatMap(segment),
  ...run(392, 8, "CR0 - CR2 CR3 CR4 IA32_KERNEL_GS_BASE"),
];

/** One form of NT_PRSTATUS, told by `e_machine` and the note's size. */
export interface StatusLayout {
  readonly machines: readonly number[];
  readonly bytes: number;
  /** The class of file that has it, where it is not the machine that says. */
  readonly bits?: 32 | 64;
  /** Where the process's number lies. */
  readonly pid: number;
  readonly fields: readonly NoteField[];
}

export const EM_386 = 3;
export const EM_X86_64 = 62;
const EM_ARM = 40;
const EM_AARCH64 = 183;
const EM_RISCV = 243;

const numbered = (letter: string, first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, i) => `${letter}${first + i}`).join(" ");

/** EM_386 heads both: QEMU writes it while the processor is in real mode. @see Linux include/linux/elfcore.h, struct elf_prstatus */
export const STATUS_LAYOUTS: readonly StatusLayout[] = [
  {
    machines: [EM_X86_64, EM_386],
    bytes: 336,
    pid: 32,
    fields: run(112, 8, "R15 R14 R13 R12 RBP RBX R11 R10 R9 R8 RAX RCX RDX RSI RDI - RIP CS RFLAGS RSP SS FS.base GS.base DS ES FS GS"),
  },
  {
    machines: [EM_386, EM_X86_64],
    bytes: 144,
    pid: 24,
    fields: run(72, 4, "RBX RCX RDX RSI RDI RBP RAX DS ES FS GS - RIP CS RFLAGS RSP SS"),
  },
  { machines: [EM_AARCH64], bytes: 392, pid: 32, fields: run(112, 8, `${numbered("X", 0, 30)} SP PC PSTATE`) },
  { machines: [EM_ARM], bytes: 148, pid: 24, fields: run(72, 4, `${numbered("R", 0, 15)} CPSR`) },
  { machines: [EM_RISCV], bytes: 376, bits: 64, pid: 32, fields: run(112, 8, `pc ${numbered("x", 1, 31)}`) },
  { machines: [EM_RISCV], bytes: 204, bits: 32, pid: 24, fields: run(72, 4, `pc ${numbered("x", 1, 31)}`) },
];

/** The registers that a note's contents give. Fields behind its end are left out. */
export const registersIn = (contents: DataView, fields: readonly NoteField[], isLittle: boolean): Record<string, bigint> =>
  Object.fromEntries(
    fields
      .filter(({ at, bytes }) => at + bytes <= contents.byteLength)
      .map(({ name, at, bytes }) => {
        if (bytes === 8) return [name, contents.getBigUint64(at, isLittle)];
        return [name, BigInt(bytes === 4 ? contents.getUint32(at, isLittle) : contents.getUint16(at, isLittle))];
      }),
  );

/** Writes what is known of the registers; the others are 0. */
export const writeRegisters = (
  contents: DataView,
  fields: readonly NoteField[],
  isLittle: boolean,
  registers: Readonly<Record<string, bigint>>,
): void => {
  for (const { name, at, bytes } of fields) {
    const value = registers[name] ?? 0n;
    if (bytes === 8) contents.setBigUint64(at, value, isLittle);
    else if (bytes === 4) contents.setUint32(at, Number(BigInt.asUintN(32, value)), isLittle);
    else contents.setUint16(at, Number(BigInt.asUintN(16, value)), isLittle);
  }
};
