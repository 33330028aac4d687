/**
 * What must hold of a system of processes beside what holds of its machine: a file has as many openers as there are descriptors that
 * refer to it, over all tables, each table once however many threads share it, plus one for its name.
 */
import type { FileObject } from "../objects/file-object.js";
import type { PosixSystem } from "../posix/system.js";

/**
 * Every violation in words; empty when all is well.
 * @param held openers that somebody outside the system stands for, by file: whoever made one and has not closed it
 */
export const systemViolations = (system: PosixSystem, held: ReadonlyMap<FileObject, number> = new Map()): string[] => {
  const openers = new Map<FileObject, number>(held);
  const count = (object: FileObject | null): void => {
    if (object !== null) openers.set(object, (openers.get(object) ?? 0) + 1);
  };
  for (const { object } of system.files.nodes()) count(object);
  const tables = new Set(Array.from(system.processes(), ({ descriptors }) => descriptors));
  for (const table of tables) for (const [, file] of table.entries()) count(file.node.object);
  const found: string[] = [];
  for (const [object, expected] of openers)
    if (object.openers !== expected) found.push(`file ${object.name} has ${object.openers} openers, and ${expected} are known`);
  return found;
};

/** Throws an assertion that lists every violation. */
export const assertSystemInvariants = (system: PosixSystem, held?: ReadonlyMap<FileObject, number>): void => {
  const found = systemViolations(system, held);
  if (found.length > 0) throw new Error(`invariants of the system broken:\n- ${found.join("\n- ")}`);
};
