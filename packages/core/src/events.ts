/**
 * What the core tells a listener. One typed vocabulary; reports, timelines and teaching views are built on it and on
 * nothing else. Without a sink the cost is one comparison per place.
 */
import type { Access, AccessMask, Privilege } from "./architecture/rights.js";
import type { FaultReason } from "./architecture/faults.js";

/** Pages are in units of the machine's page unless the name says `hardwarePage`. */
export type PortolanEvent =
  | {
      readonly kind: "tlb-miss";
      readonly cpu: number;
      readonly unit: "instruction" | "data";
      readonly hardwarePage: number;
      readonly asid: number;
    }
  | {
      readonly kind: "tlb-fill";
      readonly cpu: number;
      readonly unit: "instruction" | "data";
      readonly hardwarePage: number;
      readonly frame: number;
      readonly asid: number;
    }
  | { readonly kind: "walk"; readonly cpu: number; readonly hardwarePage: number; readonly reads: number; readonly reason: FaultReason }
  | { readonly kind: "tsb"; readonly cpu: number; readonly hardwarePage: number; readonly hit: boolean }
  | {
      readonly kind: "trap";
      readonly cpu: number;
      readonly reason: FaultReason;
      readonly hardwarePage: number;
      readonly access: Access;
      readonly privilege: Privilege;
      readonly trap: string;
    }
  | { readonly kind: "page-fault"; readonly space: number; readonly page: number; readonly accesses: AccessMask; readonly result: string }
  | {
      readonly kind: "page-in";
      readonly space: number;
      readonly page: number;
      readonly frame: number;
      /** The kind of memory object that supplied it, and what it did, in words. */
      readonly from: string;
      readonly what: string;
    }
  | { readonly kind: "map"; readonly space: number; readonly page: number; readonly frame: number }
  | { readonly kind: "unmap"; readonly space: number; readonly page: number; readonly frame: number }
  | { readonly kind: "table"; readonly space: number; readonly level: number; readonly frame: number; readonly action: "allocate" | "free" }
  | {
      readonly kind: "shootdown";
      readonly cpu: number;
      readonly type: "all" | "asid" | "pages";
      readonly asid: number;
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "shootdown-ack"; readonly cpu: number; readonly messages: number }
  | {
      readonly kind: "invalidate";
      readonly cpu: number;
      readonly type: "all" | "asid" | "pages";
      readonly asid: number;
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "asid"; readonly space: number; readonly asid: number; readonly action: "allocate" | "steal" | "release" }
  | { readonly kind: "switch"; readonly cpu: number; readonly from: number | null; readonly to: number }
  | {
      readonly kind: "area";
      readonly space: number;
      readonly first: number;
      readonly pages: number;
      readonly action: "create" | "resize" | "destroy" | "share" | "flags" | "split" | "merge" | "move";
    }
  | { readonly kind: "space"; readonly space: number; readonly action: "create" | "destroy" }
  | { readonly kind: "fork"; readonly space: number; readonly child: number }
  | {
      /** A page was copied because it was about to be written; `from` is −1 where it was zeroes. */
      readonly kind: "copy";
      readonly space: number;
      readonly page: number;
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly kind: "shadow";
      /** The tree of shadows it belongs to. */
      readonly tree: number;
      /** Resident pages that it has. */
      readonly pages: number;
      readonly action: "create" | "freeze" | "thaw" | "merge" | "bypass" | "delete";
    }
  | {
      readonly kind: "pager";
      /** Number of the memory object whose page it is, and the page. */
      readonly object: number;
      readonly offset: number;
      readonly action: "page-in" | "page-out";
      readonly what: string;
    }
  | {
      /** A page of a memory object was to go to the swap device. `spared`: its slot held its bytes already. */
      readonly kind: "page-out";
      readonly object: number;
      readonly offset: number;
      readonly slot: number;
      readonly what: "written" | "spared" | "failed" | "wanted again";
    }
  | {
      /** A page came back from the swap device. Its slot holds its bytes until it is written. */
      readonly kind: "swap-in";
      readonly object: number;
      readonly offset: number;
      readonly slot: number;
    };

/** Takes events one by one, while the operation that tells them is under way: it may look at the machine, but not change it. */
export type EventSink = (event: PortolanEvent) => void;

/** Where events go. A field read decides: `if (events.sink !== null) events.sink({ … })`. */
export class Events {
  sink: EventSink | null = null;
}
