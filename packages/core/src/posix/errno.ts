/**
 * What a call answers when it refuses: the negative of a number. Numbers are those of Linux on x86 and of most others;
 * names and meanings are POSIX's.
 *
 * @see POSIX.1-2017 <errno.h>; Linux man-pages errno(3)
 */
export const ERRNOS = {
  EPERM: 1,
  ENOENT: 2,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  EIO: 5,
  ENOEXEC: 8,
  EAGAIN: 11,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
} as const;

/** The name of an error number of {@link ERRNOS}. */
export type PosixErrno = keyof typeof ERRNOS;

const NAMES = new Map<number, PosixErrno>(Object.entries(ERRNOS).map(([name, number]) => [number, name as PosixErrno]));

/** What a refused call answers: the negative number. */
export const refused = (name: PosixErrno): number => -ERRNOS[name];

/** The name behind a negative answer; undefined for an answer that is none. */
export const errnoOf = (answer: number | bigint): PosixErrno | undefined => NAMES.get(-Number(answer));

/** A call's way out from any depth, inside one call only: the door turns it into its negative number. */
export class Refusal extends Error {
  readonly errno: PosixErrno;

  constructor(errno: PosixErrno) {
    super(errno);
    this.errno = errno;
  }
}

/** Ends the call that is under way. Nothing that it has not done on purpose has changed. */
export const refuse = (errno: PosixErrno): never => {
  throw new Refusal(errno);
};
