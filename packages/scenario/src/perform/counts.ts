/** Counts what the core tells of paging while a log is performed. */
import type { PortolanEvent } from "@portolan/core";

/** How often what happened. */
export class Counts {
  faults = 0;
  refusedFaults = 0;
  pageIns = 0;
  copies = 0;
  shadowsMade = 0;
  shadowsMerged = 0;
  pagesOut = 0;
  forks = 0;
  shootdowns = 0;

  /** Takes an event. */
  readonly take = (event: PortolanEvent): void => {
    switch (event.kind) {
      case "page-fault":
        this.faults += 1;
        if (event.result !== "ok") this.refusedFaults += 1;
        return;
      case "page-in":
        this.pageIns += 1;
        return;
      case "copy":
        this.copies += 1;
        return;
      case "shadow":
        if (event.action === "create") this.shadowsMade += 1;
        if (event.action === "merge" || event.action === "bypass") this.shadowsMerged += 1;
        return;
      case "page-out":
        if (event.what === "written" || event.what === "spared") this.pagesOut += 1;
        return;
      case "fork":
        this.forks += 1;
        return;
      case "shootdown":
        this.shootdowns += 1;
        return;
      default:
    }
  };
}
