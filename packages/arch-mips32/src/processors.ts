/**
 * Processors by name: what differs between them here is the number of paired entries and the width of physical addresses.
 * Where a core is sold with a choice of sizes, the number is that of QEMU's model of it. Those with a fixed mapping in
 * place of a TLB (4Km, 4KEm, M14K) are not here.
 */
export interface Processor {
  /** Paired entries of the joint TLB; the small buffers in front of it are invisible. */
  readonly entries: number;
  /** Bits of a physical address: EntryLo has room for 36. */
  readonly physicalBits: 32 | 36;
}

export const PROCESSORS = {
  /** R4000 User's Manual §4.1; what HelenOS takes unless told otherwise. */
  R4000: { entries: 48, physicalBits: 36 },
  "4Kc": { entries: 16, physicalBits: 32 },
  "4KEc": { entries: 16, physicalBits: 32 },
  "24Kc": { entries: 16, physicalBits: 32 },
  "24KEc": { entries: 16, physicalBits: 32 },
  "24Kf": { entries: 16, physicalBits: 32 },
  "34Kf": { entries: 64, physicalBits: 32 },
  "74Kf": { entries: 16, physicalBits: 32 },
  M14Kc: { entries: 16, physicalBits: 32 },
  P5600: { entries: 64, physicalBits: 32 },
  "5Kc": { entries: 32, physicalBits: 36 },
  "5Kf": { entries: 32, physicalBits: 36 },
  "5KEc": { entries: 32, physicalBits: 36 },
  "20Kc": { entries: 48, physicalBits: 36 },
  VR5432: { entries: 48, physicalBits: 36 },
} as const satisfies Readonly<Record<string, Processor>>;

export type ProcessorName = keyof typeof PROCESSORS;
