/** What commands see of the world: somewhere to write, and a clock. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Is a person looking at what goes to `err`? */
  readonly isTerminal: boolean;
  /** May what goes to `err` have colours? Not where absent. */
  readonly hasColours?: boolean;
  /** Milliseconds. */
  readonly now: () => number;
  /** Writes bytes as they are; where absent, they are written as letters of Latin-1. */
  readonly bytes?: (bytes: Uint8Array) => void;
  /** When what was written has gone, so that little of a long list is held; at once where absent. */
  readonly drained?: () => Promise<void>;
  /** Has whoever reads stopped reading? */
  readonly isUnread?: () => boolean;
}

/** Whoever reads a long answer has read enough of it: nothing else was asked for. */
export class Unread extends Error {
  override readonly name = "Unread";
}

/** Waits until what was written has gone. @throws Unread where nobody reads any more */
export const drainedOf = async (terminal: Terminal): Promise<void> => {
  await terminal.drained?.();
  if (terminal.isUnread?.() === true) throw new Unread();
};

/** The work was done and its result is bad: wrong bytes, frames that are gone. A mistake of ours. */
export class WorkFailed extends Error {
  override readonly name = "WorkFailed";
}

/** The work was done, and found what it was to look for: all has been said, and the exit status is to tell of it too. */
export class Suspicious extends Error {
  override readonly name = "Suspicious";
}
