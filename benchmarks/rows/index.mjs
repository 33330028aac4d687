/**
 * The rows, in order. Each is a question, asked in a process of its own; `run` answers lines
 * `{ what, ours, theirs, figure, unit, gate, aim, note }`. A line with a gate counts; others are told besides. Two builds of
 * the same code may differ by a tenth by the luck of their compilation, so a row that looks for less, or is all of one path,
 * runs in several `processes`.
 */
import { areaGrowth, areaMemory, areasFew, areasMany } from "./areas.mjs";
import { events } from "./events.mjs";
import { faultBookkeeping, faultsRandom, faultsSequential } from "./faults.mjs";
import { copies, forks, reuses } from "./forks.mjs";
import { loadHit } from "./hits.mjs";
import { images } from "./images.mjs";
import { translateMiss } from "./misses.mjs";
import { protections } from "./protections.mjs";
import { tlbFull, tlbSets, tlbText } from "./tlbs.mjs";

export const ROWS = [
  { number: 1, title: "anonymous page fault, pages in sequence", peer: "the Linux kernel's minor fault", run: faultsSequential },
  { number: 2, title: "anonymous page fault, pages in random order", peer: "the Linux kernel's minor fault", run: faultsRandom },
  { number: 3, title: "bookkeeping of a fault, without the clear", peer: null, run: faultBookkeeping },
  { number: 5, title: "load of a word that hits the TLB", peer: "the same reads of a typed array", run: loadHit },
  { number: 7, title: "translation that misses the TLB, two levels", peer: "v86: invlpg and load", processes: 5, run: translateMiss },
  { number: 8, title: "a trace through TLBs in sets", peer: "the same in C", run: tlbSets },
  { number: 9, title: "a trace through fully associative TLBs", peer: "the same in C", run: tlbFull },
  { number: 11, title: "TLB counts from a trace's text", peer: "the same in C", run: tlbText },
  { number: 12, title: "area created and destroyed among 1,000", peer: "Linux mmap and munmap", run: areasFew },
  { number: 13, title: "area created and destroyed among 1,000,000", peer: "Linux mmap and munmap", run: areasMany },
  { number: 14, title: "growth of that from 1,000 to 1,000,000 areas", peer: null, run: areaGrowth },
  { number: 17, title: "rights of a page changed and changed back", peer: "Linux mprotect, twice", run: protections },
  { number: 18, title: "fork with 65,536 resident pages", peer: "Linux fork", run: forks },
  { number: 19, title: "write to a page that a fork has left shared: copied", peer: "the Linux kernel's copy-on-write fault", run: copies },
  {
    number: 20,
    title: "write to such a page when nobody else has it any more",
    peer: "the Linux kernel's fault without a copy",
    run: reuses,
  },
  { number: 21, title: "memory of an area with its record", peer: null, run: areaMemory },
  { number: 22, title: "event hooks", peer: "the same core with no hooks in it", processes: 9, run: events },
  { number: 23, title: "an image of 4 GiB, from a cold start", peer: "Node that reads the same tables", run: images },
];
