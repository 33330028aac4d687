/** An AMD64 machine as HelenOS runs it, with what differs between processors left to say. */
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
import { faults } from "./faults.js";
import { levels } from "./formats.js";
import { PROCESSORS, type Processor, type ProcessorName } from "./processors.js";

/** What differs between processors and may be chosen. */
export interface Amd64Options {
  /** Zen where absent, and Zen 4 with five levels: their buffers hold pages of every size, as they do here. */
  readonly processor?: ProcessorName;
  /** How many levels of tables: four where absent, with addresses of 48 bits; or five (CR4.LA57), with 57. */
  readonly levels?: 4 | 5;
  /** Which of its TLBs the machine has: those next to the core where absent, or the larger ones behind them. */
  readonly buffers?: "first" | "second";
  /** MAXPHYADDR, 32 to 52; the processor's where absent. */
  readonly physicalBits?: number;
  /** Has it 1 GiB pages? As the processor where absent. */
  readonly gigabytePages?: boolean;
  /** Has it CR4.SMEP? As the processor where absent. */
  readonly smep?: boolean;
  /** Has it CR4.SMAP? As the processor where absent. */
  readonly smap?: boolean;
  /** What `--arch` takes; `"amd64"` where absent, `"amd64la57"` with five levels. */
  readonly name?: string;
}

/**
 * Bit 47 of an address, or bit 56, is repeated in those above it. The high half goes to the end: the last page is the kernel's too.
 * HelenOS ended it at 0xffffffff80000000 at first.
 */
const layoutOf = (virtualBits: number): Architecture["layout"] => {
  const half = 1n << BigInt(virtualBits - 1);
  return {
    user: { first: 0n, last: half - 1n },
    kernel: { first: (1n << 64n) - half, last: (1n << 64n) - 1n },
    userStack: half - 4096n,
    kernelAddressSpaceShadowed: false,
  };
};

const NUMBERS = { 4: "four", 5: "five" } as const;

/** What is the user's at every level is the user's; only then the kernel keeps away. @see Intel SDM vol 3A §4.6.1 */
const supervisorModePrevention: CombinedRights = {
  tell(rights, { SMEP, SMAP, AC }) {
    if (!permits(rights, USER, READ)) return rights;
    const withheld = (SMEP ? EXECUTE : 0) | (SMAP && !AC ? READ | WRITE : 0);
    return rights & ~rightsFor(withheld, 0);
  },
  says: "the page is the user's at every level: CR4.SMEP keeps the kernel from fetching there, CR4.SMAP from reading and writing unless RFLAGS.AC is set",
};

const switchesOf = ({ smep, smap }: Processor): Architecture["switches"] => ({
  WP: { initially: false, says: "CR0.WP: supervisor writes obey R/W" },
  PGE: { initially: false, says: "CR4.PGE: global entries survive a CR3 write" },
  NXE: { initially: true, says: "EFER.NXE: XD forbids execution; without it XD is a reserved bit" },
  ...(smep ? { SMEP: { initially: false, says: "CR4.SMEP: the kernel must not execute the user's pages" } } : {}),
  ...(smap
    ? {
        SMAP: { initially: false, says: "CR4.SMAP: the kernel must not read or write the user's pages while AC is clear" },
        AC: { initially: false, says: "RFLAGS.AC: suspends SMAP" },
      }
    : {}),
});

/**
 * Describes a machine.
 * @throws PortolanError ERR_BAD_ARGUMENT for a processor that is not in the list, buffers that it has not got, and a
 *   number of levels or a width of physical addresses that none has
 */
export const amd64With = (options: Amd64Options = {}): Architecture => {
  const { levels: count = 4, buffers = "first" } = options;
  if (!Object.hasOwn(NUMBERS, count)) throw new PortolanError("ERR_BAD_ARGUMENT", { levels: count, lowest: 4, highest: 5 });
  const { processor: name = count === 5 ? "zen4" : "zen" } = options;
  if (!Object.hasOwn(PROCESSORS, name)) throw new PortolanError("ERR_BAD_ARGUMENT", { processor: name, known: Object.keys(PROCESSORS) });
  const preset: Processor = PROCESSORS[name];
  const processor: Processor = {
    ...preset,
    physicalBits: options.physicalBits ?? preset.physicalBits,
    gigabytePages: options.gigabytePages ?? preset.gigabytePages,
    smep: options.smep ?? preset.smep,
    smap: options.smap ?? preset.smap,
  };
  const { physicalBits, smep, smap } = processor;
  if (!Number.isInteger(physicalBits) || physicalBits < 32 || physicalBits > 52)
    throw new PortolanError("ERR_BAD_ARGUMENT", { physicalBits, lowest: 32, highest: 52 });
  const tlbs = processor[buffers];
  if (tlbs === undefined) throw new PortolanError("ERR_BAD_ARGUMENT", { processor: name, buffers, known: ["first"] });
  const virtualBits = 12 + 9 * count;
  return {
    contract: CONTRACT_VERSION,
    name: options.name ?? (count === 5 ? "amd64la57" : "amd64"),
    title: `AMD64, 4 KiB pages in ${NUMBERS[count]} levels: ${processor.title}`,
    manuals: [
      "Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, chapter 4",
      "AMD64 Architecture Programmer's Manual, volume 2, chapter 5",
      processor.manual,
    ],
    wordBits: 64,
    byteOrder: "little",
    virtualBits,
    virtualRule: "sign-extended",
    physicalBits,
    pageShift: 12,
    hardwarePageShift: 12,
    translation: {
      kind: "hierarchical",
      levels: levels(processor, count),
      faultsOnReserved: true,
      rootRegister: "CR3",
      ...(smep || smap ? { combined: supervisorModePrevention } : {}),
    },
    tlb: {
      refill: "hardware",
      ...tlbs,
      invalidation: {
        // A CR3 write: it spares global entries, which exist only while CR4.PGE is set. @see SDM vol 3A §4.10.4.1
        all: { sparesGlobal: false, sparesLocked: false },
        asid: { by: "all", sparesGlobal: true, sparesLocked: false },
        // INVLPG drops the page, of whatever size, and whatever its G bit.
        page: { dropsGlobal: true, anyAsid: true },
        rootLoadInvalidates: true,
      },
      honoursGlobal: { switch: "PGE" },
      manual: "Intel SDM vol 3A §4.10",
    },
    asids: { bits: 0, policy: "fixed", kernel: 0, invalid: 1, first: 3, last: 3 },
    layout: layoutOf(virtualBits),
    can: {
      forbidRead: false,
      forbidExecute: true,
      global: true,
      recordAccess: "hardware",
      recordWrite: "hardware",
      kernelObeysWrite: { switch: "WP" },
    },
    faults,
    switches: switchesOf(processor),
  };
};
