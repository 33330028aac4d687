/**
 * A teaching tool: does one thing at a time, and shows what the machine tells while it does it.
 *
 *     node examples/teaching.mjs [ia32 | sparc64 | abs32le]
 */
import { anonymous, AREA_CACHEABLE, AREA_READ, AREA_WRITE, buildMachine, FAULT_REASONS, loadArchitecture, WRITE } from "@portolan/core";

const architecture = await loadArchitecture(process.argv[2] ?? "ia32", (name) => import(name));

/** Everything the core does is told to a listener, in one vocabulary: `kind`, and values that belong to it. */
const heard = [];
const machine = buildMachine(architecture, { cpus: 2, onEvent: (event) => void heard.push(event) });
const page = 2 ** architecture.pageShift;
const base = 0x100000;
const flags = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const space = machine.spaces.create();
const gone = () => space.destroyArea(base);

const steps = [
  ["The kernel makes an area of four pages.", () => space.createArea({ base, size: 4 * page, flags, backend: anonymous })],
  ["Processor 0 installs the address space.", () => machine.switchTo(space, 0)],
  ["So does processor 1.", () => machine.switchTo(space, 1)],
  ["Processor 0 writes a word: nothing is there yet, so a page comes in.", () => machine.write32(base, 1000)],
  ["What the tables say now:", () => machine.walk(space, base, WRITE)],
  ["It reads the word: its TLB knows the page, and nothing happens at all.", () => machine.read32(base)],
  ["Processor 1 reads it too: it has a TLB of its own.", () => machine.read32(base, 1)],
  ["Processor 0 gives the area back; processor 1 must forget it before the frame is free.", () => machine.on(0, gone)],
  ["Processor 1 reads it again, and is refused.", () => machine.read32(base, 1)],
];

/** Numbers that stand for something, by the name of the value. */
const accesses = ["none", "read", "write", "read or write", "fetch", "read or fetch", "write or fetch", "any"];
const names = { accesses, reason: FAULT_REASONS, access: { 1: "read", 2: "write", 4: "fetch" }, privilege: ["kernel", "user"] };
const inWords = ({ kind, ...values }) =>
  kind.padEnd(15) +
  Object.entries(values)
    .filter(([name]) => name !== "asid" || architecture.asids.bits > 0) // of no interest where entries carry none
    .map(([name, value]) => `${name} ${names[name]?.[value] ?? value}`)
    .join(", ");

/** Every table word on the way to an address, and the rule that decided. */
const explained = ({ steps: words, physical, rule }) => [
  ...words.map(({ table, index, raw, bytes, says }) => `${table}, entry ${index}: 0x${raw.toString(16).padStart(bytes * 2, "0")}: ${says}`),
  `physical 0x${physical.toString(16)}: ${rule}`,
];

for (const [number, [title, act]] of steps.entries()) {
  heard.length = 0;
  const result = act();
  console.log(`\n${number + 1}. ${title}`);
  for (const event of heard) console.log(`   ${inWords(event)}`);
  if (typeof result === "number") console.log(`   = ${result}`);
  if (result?.rule !== undefined) for (const line of explained(result)) console.log(`   ${line}`);
  if (machine.outcome !== null) console.log(`   refused: ${machine.outcome.trap}, ${machine.outcome.rule}`);
}
