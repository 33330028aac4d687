/**
 * Arguments of calls, as programs write them. Numbers are those of Linux on x86; Linux has the same on most machines.
 *
 * @see Linux man-pages mmap(2), mremap(2), madvise(2), msync(2), open(2), shmget(2), shmop(2), shmctl(2)
 */

/** No access at all. */
export const PROT_NONE = 0;
/** Pages may be read. */
export const PROT_READ = 1;
/** Pages may be written. */
export const PROT_WRITE = 2;
/** Instructions may be fetched. */
export const PROT_EXEC = 4;
/** For atomic operations: every memory is fit for them. */
export const PROT_SEM = 8;
/** `mprotect` reaches down to where the stack area begins. */
export const PROT_GROWSDOWN = 0x0100_0000;
/** As PROT_GROWSDOWN, upwards: no area grows so here. */
export const PROT_GROWSUP = 0x0200_0000;

/** Writes reach the file, and whoever else maps it. */
export const MAP_SHARED = 1;
/** Writes make copies of one's own. */
export const MAP_PRIVATE = 2;
/** As MAP_SHARED, and flags that nobody knows are refused. */
export const MAP_SHARED_VALIDATE = 3;
/** The bits that hold one of the three. */
export const MAP_TYPE = 0xf;
/** At that address and nowhere else; what was there goes. */
export const MAP_FIXED = 0x10;
/** Zeroes, and no file. */
export const MAP_ANONYMOUS = 0x20;
/** The area grows when the page below it is touched. */
export const MAP_GROWSDOWN = 0x100;
/** Without meaning, as in Linux. */
export const MAP_DENYWRITE = 0x800;
/** Without meaning, as in Linux. */
export const MAP_EXECUTABLE = 0x1000;
/** Pages come in at once, and stay. */
export const MAP_LOCKED = 0x2000;
/** Nothing is set aside for it: nothing ever is. */
export const MAP_NORESERVE = 0x4000;
/** Pages come in at once. */
export const MAP_POPULATE = 0x8000;
/** With MAP_POPULATE: none does. */
export const MAP_NONBLOCK = 0x1_0000;
/** Without meaning, as in Linux. */
export const MAP_STACK = 0x2_0000;
/** Large pages: refused. */
export const MAP_HUGETLB = 0x4_0000;
/** At that address, unless something is there. */
export const MAP_FIXED_NOREPLACE = 0x10_0000;
/** Flags that MAP_SHARED_VALIDATE takes. */
export const MAP_KNOWN =
  MAP_SHARED |
  MAP_PRIVATE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_GROWSDOWN |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  0xc0 |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB |
  0x7c00_0000;

/** It may be moved if it cannot grow where it is. */
export const MREMAP_MAYMOVE = 1;
/** It is moved to the address given; what was there goes. */
export const MREMAP_FIXED = 2;
/** What it was moved from stays mapped, and is empty. */
export const MREMAP_DONTUNMAP = 4;

/** Writing may be begun later. */
export const MS_ASYNC = 1;
/** Other mappings see the file's bytes: they always do. */
export const MS_INVALIDATE = 2;
/** What is dirty is written. */
export const MS_SYNC = 4;

/** No advice. */
export const MADV_NORMAL = 0;
/** Pages will be wanted in no order. */
export const MADV_RANDOM = 1;
/** Pages will be wanted in order. */
export const MADV_SEQUENTIAL = 2;
/** Pages will be wanted soon. */
export const MADV_WILLNEED = 3;
/** Pages are not wanted any more: private ones are forgotten. */
export const MADV_DONTNEED = 4;
/** Pages may be forgotten when memory is short. */
export const MADV_FREE = 8;

/** Open for reading. */
export const O_RDONLY = 0;
/** Open for writing. */
export const O_WRONLY = 1;
/** Open for both. */
export const O_RDWR = 2;
/** The bits that hold one of the three. */
export const O_ACCMODE = 3;
/** The file is made if there is none. */
export const O_CREAT = 0o100;
/** With O_CREAT: there must be none. */
export const O_EXCL = 0o200;
/** The file becomes empty. */
export const O_TRUNC = 0o1000;
/** Closed when another program is executed. */
export const O_CLOEXEC = 0o2000000;

/** A key that always means a new segment. */
export const IPC_PRIVATE = 0;
/** The segment is made if there is none. */
export const IPC_CREAT = 0o1000;
/** With IPC_CREAT: there must be none. */
export const IPC_EXCL = 0o2000;
/** `shmctl`: the segment goes when nobody has it attached. */
export const IPC_RMID = 0;
/** `shmctl`: what the segment is like. */
export const IPC_STAT = 2;
/** In the mode of a segment that goes when the last one detaches it. */
export const SHM_DEST = 0o1000;
/** Attached to be read only. */
export const SHM_RDONLY = 0o10000;
/** The address is rounded down to a page. */
export const SHM_RND = 0o20000;
/** What lies there goes. */
export const SHM_REMAP = 0o40000;
/** Attached to be executed too. */
export const SHM_EXEC = 0o100000;
