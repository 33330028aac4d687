/** What a machine has, read off its description. */
import type { Architecture, EntryFormat, Level } from "@portolan/core";

export const FEATURES = {
  tree: "a tree of tables a space",
  "hardware-walk": "a table walker in hardware",
  "software-refill": "TLBs that software fills",
  "forbids-read": "pages that are present and cannot be read by the user",
  "forbids-execute": "pages that can be read and not executed",
  global: "translations that belong to every space",
  "records-access": "marks of accesses",
  "records-write": "marks of writes",
  "hardware-marks": "marks that hardware sets",
  asids: "TLB entries that carry a tag",
  "steals-asids": "ASIDs that are handed out and taken away",
  hole: "addresses that no page has",
  "split-tlb": "TLBs of their own for fetches and data",
  "shared-kernel": "a kernel whose addresses lie in every space",
  "large-pages": "entries above the last level that map a page",
  "reserved-bits": "bits whose setting is a fault",
  "pointer-rights": "rights in pointers to tables",
  switches: "switches that change how entries are read",
  "lockable-entries": "TLB entries that can be locked",
  "paired-entries": "TLB entries of two halves",
  "wired-entries": "TLB entries that are not replaced",
  "several-page-sizes": "TLB entries of several page sizes",
  "kernel-obeys-write": "kernel writes that the right to write decides",
  "tells-access": "reports that tell the access",
} as const;
export type Feature = keyof typeof FEATURES;

export const featuresOf = (machine: Architecture): ReadonlySet<Feature> => {
  const { translation, tlb, can, asids } = machine;
  const levels: readonly Level[] = translation.kind === "hierarchical" ? translation.levels : [];
  const formats = levels.flatMap(({ table, leaf }) => [table, leaf].filter((format): format is EntryFormat => format !== undefined));
  const has: Record<Feature, boolean> = {
    tree: levels.length > 0,
    "hardware-walk": tlb.refill === "hardware" && levels.length > 0,
    "software-refill": tlb.refill === "software",
    "forbids-read": can.forbidRead,
    "forbids-execute": can.forbidExecute,
    global: can.global,
    "records-access": can.recordAccess !== "no",
    "records-write": can.recordWrite !== "no",
    "hardware-marks": can.recordAccess === "hardware",
    asids: asids.bits > 0,
    "steals-asids": asids.policy === "steal-oldest",
    hole: machine.virtualRule === "sign-extended",
    "split-tlb": tlb.instruction !== undefined,
    "shared-kernel": !machine.layout.kernelAddressSpaceShadowed,
    "large-pages": tlb.refill === "hardware" && levels.slice(0, -1).some(({ leaf }) => leaf !== undefined),
    "reserved-bits":
      tlb.refill === "hardware" &&
      translation.kind === "hierarchical" &&
      translation.faultsOnReserved &&
      formats.some(({ fields }) => fields.some(({ role }) => role === "reserved")),
    "pointer-rights": tlb.refill === "hardware" && levels.some(({ table }) => table?.rights !== undefined),
    switches: Object.keys(machine.switches).length > 0,
    "lockable-entries": tlb.data.lockable,
    "paired-entries": tlb.data.paired,
    "wired-entries": tlb.data.wired > 0,
    "several-page-sizes": tlb.data.pageShifts.length > 1,
    "kernel-obeys-write": can.kernelObeysWrite !== false,
    "tells-access": !machine.faults.guessesAccess,
  };
  return new Set((Object.keys(has) as Feature[]).filter((feature) => has[feature]));
};
