/** Machines and areas as the rows need them. */
import { AREA_CACHEABLE, AREA_READ, AREA_WRITE, anonymous, buildMachine } from "@portolan/core";

export const FLAGS = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
export const MIB = 2 ** 20;

/** A machine with one space, installed on its processor. */
export const withSpace = (architecture, options, core = { buildMachine }) => {
  const machine = core.buildMachine(architecture, options);
  const space = machine.spaces.create();
  machine.switchTo(space);
  return { machine, space, cpu: machine.cpu(0) };
};

export const anonymousArea = (space, base, size, backend = anonymous) => space.createArea({ base, size, flags: FLAGS, backend });
