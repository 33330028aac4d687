/** What a system allows its processes, and where it places what they do not place themselves. */
import type { Architecture } from "../architecture/architecture.js";
import { PortolanError } from "../errors.js";

/** Bytes and addresses unless the name says otherwise. */
export interface PosixLimits {
  /** Nothing is mapped below by a call. Linux: /proc/sys/vm/mmap_min_addr. */
  readonly lowestAddress: bigint;
  /** The first address above what a process may map. */
  readonly endAddress: bigint;
  /** What the system places itself ends here, and goes downwards. */
  readonly mmapTop: bigint;
  /** Where the break of a new process begins. */
  readonly heapBase: bigint;
  /** The heap may grow so large. Linux: RLIMIT_DATA. */
  readonly heapLimit: bigint;
  /** An area that grows downwards grows no larger. Linux: RLIMIT_STACK. */
  readonly stackLimit: bigint;
  /** Areas of one process. Linux: /proc/sys/vm/max_map_count. */
  readonly mostAreas: number;
  /** Descriptors of one process. Linux: RLIMIT_NOFILE. */
  readonly mostDescriptors: number;
  /** One shared-memory segment is no larger. Linux: /proc/sys/kernel/shmmax. */
  readonly segmentLimit: bigint;
  /** Shared-memory segments of the system. Linux: /proc/sys/kernel/shmmni. */
  readonly mostSegments: number;
}

/**
 * What a machine's user range suggests, or the part of it below the hole: a stack of 8 MiB at its end, room for it to grow,
 * what the system places below that, and the heap in its lowest eighth.
 *
 * @throws PortolanError ERR_MISALIGNED for a place that is no page's address
 */
export const limitsOf = (architecture: Architecture, changes: Partial<PosixLimits> = {}): PosixLimits => {
  const { user } = architecture.layout;
  const pageSize = 1n << BigInt(architecture.pageShift);
  const hole = 1n << BigInt(architecture.virtualRule === "sign-extended" ? architecture.virtualBits - 1 : architecture.virtualBits);
  const end = user.last < hole ? user.last + 1n : hole;
  const size = end - user.first;
  const pageAt = (address: bigint): bigint => address - (address % pageSize);
  const limits: PosixLimits = {
    lowestAddress: user.first > 0x1_0000n ? user.first : 0x1_0000n,
    endAddress: end,
    mmapTop: pageAt(end - size / 8n),
    heapBase: pageAt(user.first + size / 16n),
    heapLimit: 2n ** 63n,
    stackLimit: 8n << 20n,
    mostAreas: 65530,
    mostDescriptors: 1024,
    segmentLimit: 2n ** 64n - 2n ** 24n,
    mostSegments: 4096,
    ...changes,
  };
  for (const name of ["mmapTop", "heapBase"] as const) {
    if (limits[name] % pageSize !== 0n) throw new PortolanError("ERR_MISALIGNED", { [name]: limits[name], alignment: Number(pageSize) });
  }
  return limits;
};
