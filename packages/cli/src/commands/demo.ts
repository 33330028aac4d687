/** The same work on every machine, side by side: quicksort in an address space of its own, its result shared with another. */
import { anonymous, AREA_CACHEABLE, AREA_READ, AREA_WRITE, buildMachine, Random, type Architecture, type Machine } from "@portolan/core";
import { ARCHITECTURES, architectureNamed } from "../architectures.js";
import { table } from "../render/table.js";

const WORDS = 1 << 16;
const BASE = 0x1000_0000;
const SHOWN_AT = 0x3000_0000;

export interface DemoReport {
  readonly architecture: string;
  readonly accesses: number;
  readonly pageFaults: number;
  readonly tlbMisses: number;
  readonly walkReads: number;
  readonly residentPages: number;
  readonly tableBytes: number;
  readonly shootdowns: number;
  readonly isSorted: boolean;
}

/** Sorts on processor 0, shares the result read-only with a space on processor 1, checks it there, and frees it here. */
export const demonstrate = (architecture: Architecture): DemoReport => {
  let pageFaults = 0;
  let shootdowns = 0;
  const machine = buildMachine(architecture, {
    cpus: 2, memoryBytes: 16 * 2 ** 20,
    onEvent: ({ kind }) => {
      if (kind === "page-fault") pageFaults += 1;
      else if (kind === "shootdown") shootdowns += 1;
    },
  });
  const bytes = WORDS * 4;
  const sorter = machine.spaces.create();
  const reader = machine.spaces.create();
  sorter.createArea({ base: BASE, size: bytes, flags: AREA_READ | AREA_WRITE | AREA_CACHEABLE, backend: anonymous });
  machine.switchTo(sorter, 0);
  const random = new Random(7);
  let accesses = 0;
  const load = (index: number): number => {
    accesses += 1;
    return machine.read32(BASE + index * 4);
  };
  const store = (index: number, value: number): void => {
    accesses += 1;
    machine.write32(BASE + index * 4, value);
  };
  for (let i = 0; i < WORDS; i += 1) store(i, random.word());
  sort(load, store, 0, WORDS - 1);
  sorter.shareArea(BASE, bytes, reader, SHOWN_AT, AREA_READ);
  machine.switchTo(reader, 1);
  let isSorted = true;
  for (let i = 1; i < WORDS; i += 1) {
    accesses += 2;
    if (machine.read32(SHOWN_AT + i * 4 - 4, 1) > machine.read32(SHOWN_AT + i * 4, 1)) isSorted = false;
  }
  const residentPages = [...reader.areas()].reduce((sum, { usedPages }) => sum + usedPages, 0);
  const tableBytes = machine.parts.tables.bytes();
  sorter.destroyArea(BASE);
  const total = (counter: "tlbMisses" | "walkReads"): number => sumOver(machine, counter);
  return {
    architecture: architecture.name, accesses, pageFaults, tlbMisses: total("tlbMisses"), walkReads: total("walkReads"), residentPages, tableBytes,
    shootdowns, isSorted,
  };
};

/** `portolan demo`: what `npm start` shows. */
export const demo = async (say: (line: string) => void): Promise<void> => {
  say(`Sorting ${WORDS} words in an address space, sharing them with another on a second processor:\n`);
  const reports = await Promise.all(ARCHITECTURES.map(async (name) => demonstrate(await architectureNamed(name))));
  const row = (label: string, cell: (report: DemoReport) => string | number): string[] => [label, ...reports.map((report) => String(cell(report)))];
  const rows = [
    row("accesses", ({ accesses }) => accesses), row("page faults", ({ pageFaults }) => pageFaults), row("TLB misses", ({ tlbMisses }) => tlbMisses),
    row("table words read", ({ walkReads }) => walkReads), row("resident pages", ({ residentPages }) => residentPages),
    row("table bytes", ({ tableBytes }) => tableBytes), row("shootdowns", ({ shootdowns }) => shootdowns),
    row("sorted, as the reader sees it", ({ isSorted }) => (isSorted ? "yes" : "NO")),
  ];
  for (const line of table(["", ...reports.map(({ architecture }) => architecture)], rows)) say(line);
  say("\nNext: npm start -- archs");
  if (reports.some(({ isSorted }) => !isSorted)) throw new Error("a machine showed wrong bytes");
};

const sumOver = (machine: Machine, counter: "tlbMisses" | "walkReads"): number =>
  machine.cpus.reduce((sum, { statistics }) => sum + statistics[counter], 0);

const sort = (load: (index: number) => number, store: (index: number, value: number) => void, first: number, last: number): void => {
  let low = first;
  let high = last;
  if (low >= high) return;
  const pivot = load((low + high) >>> 1);
  while (low <= high) {
    while (load(low) < pivot) low += 1;
    while (load(high) > pivot) high -= 1;
    if (low > high) break;
    const held = load(low);
    store(low, load(high));
    store(high, held);
    low += 1;
    high -= 1;
  }
  sort(load, store, first, high);
  sort(load, store, low, last);
};
