/** A processor's switches, as they are. */
import { initialSwitches, PortolanError, type Architecture, type Switches } from "@portolan/core/architecture";

/**
 * Those that were told, and the others as they are after reset.
 *
 * @throws PortolanError ERR_BAD_ARGUMENT for one that the machine has not
 */
export const switchesOf = (architecture: Architecture, told: Switches = {}): Switches => {
  for (const name of Object.keys(told))
    if (!Object.hasOwn(architecture.switches, name))
      throw new PortolanError("ERR_BAD_ARGUMENT", { switch: name, known: Object.keys(architecture.switches) });
  return { ...initialSwitches(architecture), ...told };
};
