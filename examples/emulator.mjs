/**
 * An emulator of a small computer: it picks its memory-management unit at startup, hands in memory of its own, asks for
 * translations, and lets the address space serve the faults.
 *
 *     node examples/emulator.mjs [ia32 | sparc64 | abs32le | a package | the URL of a module]
 */
import { anonymous, buildMachine, image, loadArchitecture } from "@portolan/core";
import { AREA_CACHEABLE, AREA_EXECUTE, AREA_READ, AREA_WRITE, EXECUTE, READ, USER, WRITE } from "@portolan/core";

// Packages are found from this file: that is what the second argument is for.
const architecture = await loadArchitecture(process.argv[2] ?? "ia32", (name) => import(name));
const memory = new SharedArrayBuffer(4 * 2 ** 20); // the emulator's, perhaps shared with a screen or a disk
let pagesIn = 0;
const machine = buildMachine(architecture, { memory, onEvent: ({ kind }) => void (pagesIn += kind === "page-in" ? 1 : 0) });

// A program of four-byte instructions: sums of 1, 2, 3 … into a table, until the table's end is passed.
const [ADD, STORE, JUMP] = [1, 2, 3];
const code = Uint8Array.of(ADD, 0, 2, 0, ADD, 1, 0, 0, STORE, 1, 3, 0, ADD, 3, 4, 0, JUMP, 0, 0, 0);
const registers = [0, 0, 1, 0x20000, 512]; // a number, the sum, one, where to store, how far to go on
const space = machine.spaces.create();
const segment = { lead: 0, fileOffset: 0, fileSize: code.length, memorySize: code.length, writable: false };
const text = image(machine.loadImage(code), segment);
space.createArea({ base: 0x10000, size: code.length, flags: AREA_READ | AREA_EXECUTE | AREA_CACHEABLE, backend: text });
space.createArea({ base: 0x20000, size: 0x8000, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
machine.switchTo(space);

const cpu = machine.cpu(0);
const view = new DataView(memory);
const isLittle = architecture.byteOrder === "little";
const pageSize = 2 ** architecture.hardwarePageShift;

/** Where a byte of the program lies in `memory`; null if the program has no business there. */
const translate = (address, access) => {
  for (;;) {
    const frame = cpu.translate(Math.floor(address / pageSize), access, USER);
    if (frame >= 0) return frame * pageSize + (address % pageSize);
    if (!machine.serveFault()) return null; // otherwise a page has come in, and the access is tried again
  }
};

let pc = 0x10000;
for (let at = translate(pc, EXECUTE); at !== null; at = translate(pc, EXECUTE)) {
  const [operation, one, two] = new Uint8Array(memory, at, 4);
  pc = operation === JUMP ? 0x10000 : pc + 4;
  if (operation === ADD) registers[one] += registers[two];
  if (operation !== STORE) continue;
  const target = translate(registers[two], WRITE);
  if (target === null) break;
  view.setUint32(target, registers[one], isLittle);
}

const { trap, rule, address } = machine.outcome;
console.log(`${architecture.title}: ${pagesIn} pages came in`);
console.log(`stopped at 0x${address.toString(16)}: ${trap}, ${rule}`);
console.log(`the last sum: ${view.getUint32(translate(registers[3] - 512, READ), isLittle)}`);
