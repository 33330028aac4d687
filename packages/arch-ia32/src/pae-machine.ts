/**
 * IA-32 with PAE: three levels, physical addresses beyond 32 bits, no-execute.
 *
 * The processor loads the four entries of the root into registers when CR3 is written, and refuses the write if one of them
 * has a reserved bit set. Here they are read from memory like any other entry, by every walk: a change of one is seen
 * without a write of CR3, and a reserved bit is a page fault of the first access below it. {@link PaeRegisters} refuses
 * the write as the processor does.
 *
 * @see Intel SDM vol 3A §4.4.1
 */
import {
  CONTRACT_VERSION,
  EXECUTE,
  permits,
  PortolanError,
  READ,
  rightsFor,
  USER,
  WRITE,
  type Architecture,
  type CombinedRights,
} from "@portolan/core/architecture";
import { paeFaults } from "./pae-faults.js";
import { paeLevels } from "./pae-formats.js";
import { asids, buffersWith, layout } from "./processor.js";

/** What differs between processors and may be chosen. */
export interface Ia32PaeOptions {
  /** MAXPHYADDR, 36 to 52; 36 where absent. */
  readonly physicalBits?: number;
  /** Has it CR4.SMEP? No, where absent. */
  readonly smep?: boolean;
  /** Has it CR4.SMAP? No, where absent. */
  readonly smap?: boolean;
  /** What `--arch` takes; `"ia32pae"` where absent. */
  readonly name?: string;
}

/** 2 MiB, as a number of address bits. */
const LARGE_PAGE = 21;

/** What is the user's at every level is the user's; only then the kernel keeps away. @see Intel SDM vol 3A §4.6.1 */
const supervisorModePrevention: CombinedRights = {
  tell(rights, { SMEP, SMAP, AC }) {
    if (!permits(rights, USER, READ)) return rights;
    const withheld = (SMEP ? EXECUTE : 0) | (SMAP && !AC ? READ | WRITE : 0);
    return rights & ~rightsFor(withheld, 0);
  },
  says: "the page is the user's at every level: CR4.SMEP keeps the kernel from fetching there, CR4.SMAP from reading and writing unless EFLAGS.AC is set",
};

/**
 * Describes a machine.
 * @throws PortolanError ERR_BAD_ARGUMENT for a width of physical addresses that none has
 * @see Intel SDM vol 3A §4.4, PAE paging
 */
export const ia32PaeWith = ({ physicalBits = 36, smep = false, smap = false, name = "ia32pae" }: Ia32PaeOptions = {}): Architecture => {
  if (!Number.isInteger(physicalBits) || physicalBits < 36 || physicalBits > 52)
    throw new PortolanError("ERR_BAD_ARGUMENT", { physicalBits, lowest: 36, highest: 52 });
  return {
    contract: CONTRACT_VERSION,
    name,
    title: "Intel IA-32, 4 KiB pages with PAE",
    manuals: ["Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, chapter 4"],
    wordBits: 32,
    byteOrder: "little",
    virtualBits: 32,
    virtualRule: "exact",
    physicalBits,
    pageShift: 12,
    hardwarePageShift: 12,
    translation: {
      kind: "hierarchical",
      levels: paeLevels(physicalBits),
      faultsOnReserved: true,
      rootRegister: "CR3",
      ...(smep || smap ? { combined: supervisorModePrevention } : {}),
    },
    tlb: buffersWith(LARGE_PAGE),
    asids,
    layout,
    can: {
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: { switch: "WP" },
    },
    faults: paeFaults,
    switches: {
      WP: { initially: false, says: "CR0.WP: supervisor writes obey R/W" },
      PGE: { initially: false, says: "CR4.PGE: global entries survive a CR3 write" },
      NXE: { initially: true, says: "EFER.NXE: XD forbids execution; without it XD is a reserved bit" },
      ...(smep ? { SMEP: { initially: false, says: "CR4.SMEP: the kernel must not execute the user's pages" } } : {}),
      ...(smap
        ? {
            SMAP: { initially: false, says: "CR4.SMAP: the kernel must not read or write the user's pages while AC is clear" },
            AC: { initially: false, says: "EFLAGS.AC: suspends SMAP" },
          }
        : {}),
    },
  };
};
