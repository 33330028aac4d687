/** L0: the description itself, and how the machine reports faults. */
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  FAULT_REASONS,
  initialSwitches,
  PRIVILEGED,
  PROTECTION,
  reasonsAgainst,
  RESERVED,
  USER,
  type FaultReason,
  type Switches,
} from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { Failure, holds, same } from "../failure.js";
import { ACCESSES, inWords, PRIVILEGES } from "../rig/scene.js";
import type { Rig } from "../rig/rig.js";

const REASONS: readonly FaultReason[] = [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, BUS, PRIVILEGED];

/** Every setting of up to six switches; beyond that each alone. Those that are not named are as after reset. */
export const settingsOf = (rig: Rig, names: readonly string[] = Object.keys(rig.architecture.switches)): readonly Switches[] => {
  const initial = initialSwitches(rig.architecture);
  if (names.length > 6) return [initial, ...names.map((name) => ({ ...initial, [name]: !initial[name] }))];
  return Array.from({ length: 2 ** names.length }, (_, bits) => ({
    ...initial,
    ...Object.fromEntries(names.map((name, i) => [name, ((bits >> i) & 1) === 1])),
  }));
};

export const descriptionClauses: readonly Clause[] = [
  {
    id: "L0.description.sound",
    rule: "The description has the shape of the contract, and its numbers agree with each other",
    source: "contract P-1.1 to P-1.4",
    since: "1.0.0",
    traits: ONCE,
    check({ subject }) {
      const reasons = reasonsAgainst(subject.architecture);
      holds(reasons.length === 0, reasons.join("; "));
    },
  },
  {
    id: "L0.description.sources",
    rule: "The numbers name the documents that they come from, and every level its section",
    source: "contract P-6.1",
    since: "1.0.0",
    traits: ONCE,
    check({ architecture: { manuals, translation, faults, tlb } }) {
      holds(manuals.length > 0 && manuals.every((manual) => manual.trim() !== ""), "no manual is named");
      holds(faults.manual !== "" && tlb.manual !== "", "faults or TLB name no section");
      if (translation.kind === "hierarchical")
        for (const { name, manual } of translation.levels) holds(manual.trim() !== "", `the ${name} names no section`);
    },
  },
  {
    id: "L0.faults.told-includes-made",
    rule: "What a report is consistent with includes the access that was made",
    source: "contract P-5.1",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tells-access"],
    check(rig) {
      eachFault(rig, (reason, access, privilege, switches, what) => {
        const told = rig.architecture.faults.told(reason, access, privilege, switches);
        holds((told & access) !== 0, `told of ${what} is ${told}`);
      });
    },
    otherwise: {
      rule: "A machine that does not tell the access says that it guesses",
      check(rig) {
        let untold = 0;
        eachFault(rig, (reason, access, privilege, switches) => {
          if ((rig.architecture.faults.told(reason, access, privilege, switches) & access) === 0) untold += 1;
        });
        holds(rig.architecture.faults.guessesAccess, "guessesAccess is false");
        holds(untold >= 0, "told is no number");
      },
    },
  },
  {
    id: "L0.faults.decode-inverts-report",
    rule: "Reading a report back gives what was told, whether something was there, and the privilege where the machine tells it",
    source: "contract P-5.2",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const { faults } = rig.architecture;
      eachFault(rig, (reason, access, privilege, switches, what) => {
        const report = faults.report(reason, access, privilege, switches);
        const read = faults.decode(report, switches);
        if (!faults.guessesAccess) holds((read.accesses & access) !== 0, `the report of ${what} reads back as accesses ${read.accesses}`);
        if (reason === ABSENT) holds(read.absent !== false, `the report of ${what} reads back as present`);
        if (reason === PROTECTION) holds(read.absent !== true, `the report of ${what} reads back as absent`);
        if (read.privilege !== "unknown") same(read.privilege, privilege, `privilege in the report of ${what}`);
      });
    },
  },
  {
    id: "L0.faults.told-agrees-with-report",
    rule: "Handlers are told no less than what the report gives back",
    source: "contract P-5.1, P-5.2",
    since: "1.0.0",
    traits: ONCE,
    needs: ["tells-access"],
    check(rig) {
      const { faults } = rig.architecture;
      eachFault(rig, (reason, access, privilege, switches, what) => {
        if (reason === BUS || reason === BAD_ADDRESS) return;
        const { accesses } = faults.decode(faults.report(reason, access, privilege, switches), switches);
        same(
          accesses & ~faults.told(reason, access, privilege, switches),
          0,
          `accesses that the report of ${what} fits and handlers are not told`,
        );
      });
    },
    otherwise: {
      rule: "Where the report does not tell, nothing is read out of it but what it may have been",
      check(rig) {
        eachFault(rig, (reason, access, privilege, switches, what) => {
          const { accesses } = rig.architecture.faults.decode(
            rig.architecture.faults.report(reason, access, privilege, switches),
            switches,
          );
          holds(accesses >= 0 && accesses <= 7, `the report of ${what} reads back as ${accesses}`);
        });
      },
    },
  },
];

const eachFault = (
  rig: Rig,
  visit: (
    reason: FaultReason,
    access: (typeof ACCESSES)[number],
    privilege: (typeof PRIVILEGES)[number],
    switches: Switches,
    what: string,
  ) => void,
): void => {
  for (const switches of settingsOf(rig)) {
    for (const reason of REASONS) {
      for (const access of ACCESSES) {
        for (const privilege of PRIVILEGES) {
          if (reason === PRIVILEGED && privilege !== USER) continue;
          const what = `${inWords(access, privilege)} (${FAULT_REASONS[reason]})`;
          try {
            visit(reason, access, privilege, switches, what);
          } catch (error) {
            if (error instanceof Failure) throw error;
            throw new Failure(`${what}: ${String(error)}`);
          }
        }
      }
    }
  }
};
