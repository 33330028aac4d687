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
import type { BlankCase } from "../case.js";

type Asked = BlankCase["queries"][number];

export const ACCESSES: readonly Access[] = [READ, WRITE, EXECUTE];
export const PRIVILEGES: readonly Privilege[] = [KERNEL, USER];

const ALL = ACCESSES.flatMap((access) => PRIVILEGES.map((privilege) => ({ access, privilege })));

/** Every access to an address; or, half of the time, one alone: marks that it leaves are not those of another then. */
export const accessesTo = (random: Random, address: bigint): readonly Asked[] => {
  const chosen = random.below(2) === 0 ? ALL : [ALL[random.below(ALL.length)]];
  return chosen.map((one) => ({ address, ...one }));
};

/** Switches as after reset; with chance, each turned over once in three. */
export const settingOf = (architecture: Architecture, random: Random | null): Switches => {
  const initial = initialSwitches(architecture);
  if (random === null || random.below(2) === 0) return initial;
  return Object.fromEntries(Object.entries(initial).map(([name, value]) => [name, random.below(3) === 0 ? !value : value]));
};
