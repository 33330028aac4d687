/** The image of a program: what exec maps. @see POSIX.1-2017 exec; System V ABI, Program Loading */
import { PortolanError } from "../errors.js";
import { pageDown, pagesUp } from "./arguments.js";
import { Refusal, refuse } from "./errno.js";
import { OpenFile } from "./file-system.js";
import { map } from "./mapping.js";
import { PosixMemory } from "./memory.js";
import { MAP_ANONYMOUS, MAP_FIXED, MAP_GROWSDOWN, MAP_PRIVATE, O_RDONLY, PROT_READ, PROT_WRITE } from "./numbers.js";
import type { PosixSystem } from "./system.js";

/** A part of a program, as a program header names it. Bytes. */
export interface ProgramSegment {
  /** Where it lies; within its page it lies where it does in the file. */
  readonly address: bigint;
  readonly memoryBytes: bigint;
  /** What of it the file has; the rest is zeroes. */
  readonly fileBytes: bigint;
  readonly offset: bigint;
  /** A sum of PROT_*. */
  readonly protection: number;
}

/** A program that can be executed. */
export interface Program {
  /** A file of the system. */
  readonly file: string;
  readonly segments: readonly ProgramSegment[];
  /** What lies at the upper end of the stack: arguments and environment, in the machine's form. */
  readonly stack?: Uint8Array;
}

/** Pages that a stack begins with. */
const STACK_PAGES = 33;

/**
 * Builds a program's image in a memory of its own. Refuses with ENOENT, ENOEXEC, ENOMEM, and EAGAIN where a pager has
 * been asked for a page; nothing is left of it then.
 * @param cpu where the caller runs
 */
export const loadProgram = (system: PosixSystem, program: Program, cpu: number): PosixMemory => {
  const { machine, limits } = system;
  const node = system.files.node(program.file) ?? refuse("ENOENT");
  const file = new OpenFile(node, O_RDONLY);
  const memory = new PosixMemory(machine.spaces.create(), limits);
  const before = machine.installed(cpu);
  try {
    let end = limits.heapBase;
    machine.switchTo(memory.space, cpu);
    for (const segment of program.segments) {
      mapSegment(system, memory, file, segment, cpu);
      const behind = pagesUp(memory.units, segment.address + segment.memoryBytes, memory.bits);
      if (behind > end) end = behind;
    }
    memory.heapBase = end;
    memory.heapEnd = end;
    mapStack(system, memory, program.stack ?? new Uint8Array(0), cpu);
    return memory;
  } catch (error) {
    comeBack(system, cpu, before);
    memory.space.release();
    if (error instanceof Refusal && error.errno !== "ENOMEM" && error.errno !== "EAGAIN") return refuse("ENOEXEC");
    throw error;
  }
};

const comeBack = ({ machine }: PosixSystem, cpu: number, before: ReturnType<PosixSystem["machine"]["installed"]>): void => {
  if (before === null) machine.switchToKernel(cpu);
  else machine.switchTo(before, cpu);
};

/** The file's part is private to the process; what lies behind it in its last page is zeroed, and whole pages after that are anonymous. */
const mapSegment = (system: PosixSystem, memory: PosixMemory, file: OpenFile, segment: ProgramSegment, cpu: number): void => {
  const { units, bits } = memory;
  const { address, memoryBytes, fileBytes, offset, protection } = segment;
  const within = BigInt(units.offsetOf(address));
  if (memoryBytes < fileBytes || memoryBytes <= 0n || within !== BigInt(units.offsetOf(offset))) return refuse("ENOEXEC");
  const first = pageDown(units, address);
  const fileEnd = address + fileBytes;
  const fromFile = fileBytes > 0n ? pagesUp(units, fileEnd, bits) : first;
  const end = pagesUp(units, address + memoryBytes, bits);
  const flags = MAP_PRIVATE | MAP_FIXED;
  if (fromFile > first) map(memory, { address: first, length: fromFile - first, protection, flags, file, offset: offset - within });
  if (end > fromFile)
    map(memory, { address: fromFile, length: end - fromFile, protection, flags: flags | MAP_ANONYMOUS, file: null, offset: 0n });
  if (memoryBytes === fileBytes || fileEnd === fromFile || (protection & PROT_WRITE) === 0) return;
  const tail = new Uint8Array(Number(fromFile - fileEnd));
  if (system.machine.copyToUser(fileEnd, tail, cpu) < tail.length)
    refuse(system.machine.outcome?.rule === "the page is on its way" ? "EAGAIN" : "ENOMEM");
};

const mapStack = ({ machine, limits }: PosixSystem, memory: PosixMemory, content: Uint8Array, cpu: number): void => {
  const { units } = memory;
  const end = pageDown(units, limits.endAddress);
  const size = units.bytesOf(STACK_PAGES);
  if (content.length > Number(size)) return refuse("ENOMEM");
  map(memory, {
    address: end - size,
    length: size,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN,
    file: null,
    offset: 0n,
  });
  // Behind the last page of a machine there is no address, not even for nothing.
  if (content.length > 0 && machine.copyToUser(end - BigInt(content.length), content, cpu) < content.length)
    throw new PortolanError("ERR_OUT_OF_FRAMES", { stack: content.length });
};
