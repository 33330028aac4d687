/** What every generator of cases asks. */
import {
  EXECUTE,
  initialSwitches,
  KERNEL,
  READ,
  USER,
  WRITE,
  type Access,
  type Architecture,
  type Privilege,
  type Random,
  type Switches,
} from "@portolan/core";

export const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];
export const PRIVILEGES: readonly Privilege[] = [KERNEL, USER];

/** Switches as after reset; with chance, each turned over once in three. */
export const settingOf = (architecture: Architecture, random: Random | null): Switches => {
  const initial = initialSwitches(architecture);
  if (random === null || random.below(2) === 0) return initial;
  return Object.fromEntries(Object.entries(initial).map(([name, value]) => [name, random.below(3) === 0 ? !value : value]));
};
