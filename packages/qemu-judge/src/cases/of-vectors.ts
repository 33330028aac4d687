/** Golden vectors as cases: what the file claims is judged, not what our side says today. */
import { entriesOf, type Subject, type VectorEntry, type VectorQuery, type VectorSet } from "@portolan/conformance";
import { EXECUTE, initialSwitches, KERNEL, READ, USER, WRITE, type Access, type Privilege } from "@portolan/core";
import type { BlankCase, Expected, JudgedCase, JudgedEntry, JudgedQuery, Piece } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { PageImage } from "../page-image.js";
import { isSame, withExpectations } from "./our-side.js";

const ACCESSES: Readonly<Record<VectorQuery["access"], Access>> = { read: READ, write: WRITE, execute: EXECUTE };

const PRIVILEGES: Readonly<Record<VectorQuery["privilege"], Privilege>> = { kernel: KERNEL, user: USER };

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/**
 * The cases of a set. Addresses are lowered to a slot's beginning: the bits below pass through translation. A claim that our side
 * confirms is judged with fault registers and changed memory too, any other by its physical address or by there being a fault.
 */
export const casesOfVectors = (profile: MachineProfile, subject: Subject, { ram, vectors, set }: VectorSet): readonly JudgedCase[] =>
  vectors.map((vector): JudgedCase => {
    const { root } = vector.registers;
    const memory = new PageImage(vector.memory.map(([at, bytes]): Piece => ({ at: Number(at), bytes: bytesOf(bytes) }))).pages();
    const missing: VectorEntry[] = [];
    const entries =
      vector.tlb === undefined
        ? undefined
        : entriesOf(vector.tlb, profile.architecture).flatMap((rows): readonly JudgedEntry[] => {
            const words = profile.entryWords?.(rows) ?? null;
            if (words === null) missing.push(...rows);
            return words === null ? [] : [{ unit: rows[0].unit, index: rows[0].index, words }];
          });
    const mask = BigInt(profile.slot.bytes - 1);
    const claims: Expected[] = [];
    const asked = vector.queries.map(({ address, access, privilege, answer }) => {
      const low = BigInt(address) & mask;
      claims.push(
        "physical" in answer ? { kind: "physical", physical: BigInt(answer.physical) - low } : { kind: "fault", reason: answer.fault },
      );
      return { address: BigInt(address) - low, access: ACCESSES[access], privilege: PRIVILEGES[privilege] };
    });
    const blank: BlankCase = {
      name: `${set}: ${vector.name}`,
      ram: { first: Number(ram.first), bytes: Number(ram.bytes) },
      ...(root === undefined ? {} : { root: Number(root) }),
      asid: vector.registers.asid,
      switches: { ...initialSwitches(profile.architecture), ...vector.registers.switches },
      memory,
      ...(entries === undefined ? {} : { entries }),
      queries: asked,
    };
    const ours = withExpectations(profile, subject, blank);
    const queries = ours.queries.map((query, i): JudgedQuery => {
      if (missing.some((entry) => lies(query.address, entry))) return { ...query, unjudged: "the machine has no entry with such rights" };
      const claim = claims[i] ?? query.expected;
      return isSame(claim, query.expected) ? query : { ...query, expected: claim };
    });
    if (queries.every((query, i) => query === ours.queries[i])) return ours;
    const { after: _, ...rest } = ours;
    return { ...rest, queries };
  });

/** Is it one of an entry's addresses, whatever its tag? */
const lies = (address: bigint, { virtual, bytes }: VectorEntry): boolean =>
  address >= BigInt(virtual) && address < BigInt(virtual) + BigInt(bytes);
