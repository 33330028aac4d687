/** What commands see of the world: somewhere to write, and a clock. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Is a person looking at what goes to `err`? */
  readonly isTerminal: boolean;
  /** Milliseconds. */
  readonly now: () => number;
}

/** The work was done and its result is bad: wrong bytes, frames that are gone. A mistake of ours. */
export class WorkFailed extends Error {
  override readonly name = "WorkFailed";
}
