/** A performed scenario, in words. */
import type { Performance } from "@portolan/scenario";
import { table } from "./table.js";

/** Label and value, for people. */
export const scenarioLines = (performance: Performance, milliseconds: number): string[] => {
  const { counts, graph } = performance;
  const shadows = graph.objects.filter(({ kind }) => kind === "shadow").length;
  const rows: (readonly [string, string])[] = [
    ["scenario", performance.title],
    ["machine", performance.architecture],
    ["operations", `${performance.operations}${performance.difference === null ? ", all as the log says" : ""}`],
    ["page faults", `${counts.faults}, ${counts.refusedFaults} refused`],
    ["pages brought in", `${counts.pageIns}`],
    ["pages copied on a write", `${counts.copies}`],
    ["forks", `${counts.forks}`],
    [
      "shadows",
      `${counts.shadowsMade} made, ${counts.shadowsMerged} merged or passed by, ${shadows} at the end; chains of ${performance.deepestChain} at most`,
    ],
    ["pages swapped out", `${counts.pagesOut}`],
    ["frames", `${performance.mostFrames} at most, ${performance.frames} at the end`],
    ["time", `${milliseconds.toFixed(0)} ms`],
  ];
  return table(["", ""], rows).slice(2);
};
