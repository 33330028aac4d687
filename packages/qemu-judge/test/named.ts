import type { Subject } from "@portolan/conformance";
import { verify, type MachineProfile } from "@portolan/qemu-judge";

/** Does QEMU answer otherwise than this subject, without an explanation? The run ends where it does. */
export const isNamed = async (profile: MachineProfile, subject: Subject, queries: number, seed = 1): Promise<boolean> => {
  const progress = ({ unexplained }: { readonly unexplained: readonly unknown[] }): boolean => unexplained.length > 0;
  const { tally } = await verify(profile, { queries, seed, vectors: [], subject, progress });
  return tally.unexplained.length > 0;
};
