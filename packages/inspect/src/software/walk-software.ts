/**
 * The way of one address on a machine whose software fills the TLB: what the TLB says, what is raised where it does not let the access
 * through, and what the handler finds then: in a software cache, in the page hash table, or in software's own tree.
 */
import {
  ABSENT,
  BUS,
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  NO_FAULT,
  permits,
  READ,
  WRITE,
  type Access,
  type Architecture,
  type FaultReason,
  type Rights,
  type TlbException,
  type TlbRow,
} from "@portolan/core/architecture";
import { isUsersAddress, verdictOfAddress } from "../address-rules.js";
import { Addresses } from "../addresses.js";
import type { Culprit } from "../culprit.js";
import { ACCESS_NAMES, hexadecimal, PRIVILEGE_NAMES } from "../in-words.js";
import { holds, type Memory } from "../memory.js";
import type { ImageStep, ImageWalk, RaisedException } from "../walk-address.js";
import { askHash } from "./ask-hash.js";
import type { Asked, Verdict } from "./verdict.js";
import { givenToKernel, locate } from "./locate.js";
import { looksInto, type SoftwareSources } from "./sources.js";
import { lookUp, stepOf, unitFor } from "./tlb.js";
import { askSlot } from "./tsb.js";

/**
 * Walks one address through the places that there are, in the order in which the machine and its handlers look. `walkTree` walks
 * software's tree, as those of other machines are walked.
 */
export const walkSoftware = async (
  memory: Memory,
  architecture: Architecture,
  sources: SoftwareSources,
  address: bigint,
  asked: Asked,
  walkTree: (root: number) => Promise<ImageWalk>,
): Promise<ImageWalk> => {
  const way = new Way(memory, architecture, sources, address, asked);
  const verdict = await way.go(walkTree);
  const isUsers = isUsersAddress(architecture, address);
  const rights = isUsers ? verdict.rights : verdict.rights & 7;
  const { physical } = verdict;
  return {
    address,
    ...asked,
    steps: way.steps,
    physical,
    reason: verdict.reason,
    reasonName: FAULT_REASONS[verdict.reason],
    rule: verdict.rule,
    manual: verdict.manual,
    kernelRights: rights & 7,
    userRights: rights >>> 3,
    isInImage: physical !== null && holds(memory, Number(physical)),
    software: null,
    exceptions: way.exceptions,
  };
};

/** One walk, as far as it has come. */
class Way {
  readonly steps: ImageStep[] = [];
  readonly exceptions: RaisedException[] = [];
  readonly #memory: Memory;
  readonly #architecture: Architecture;
  readonly #sources: SoftwareSources;
  readonly #address: bigint;
  readonly #asked: Asked;
  /** The tag and the number of the space that the access means. */
  readonly #asid: number | null;
  readonly #space: number | null;
  /** The access means the kernel's own space, which has every address. */
  readonly #isKernels: boolean;

  constructor(memory: Memory, architecture: Architecture, sources: SoftwareSources, address: bigint, asked: Asked) {
    this.#memory = memory;
    this.#architecture = architecture;
    this.#sources = sources;
    this.#address = address;
    this.#asked = asked;
    this.#isKernels = asked.privilege === KERNEL && architecture.layout.kernelAddressSpaceShadowed;
    this.#asid = this.#isKernels ? architecture.asids.kernel : sources.asid;
    this.#space = this.#isKernels ? sources.kernelSpace : sources.space;
  }

  async go(walkTree: (root: number) => Promise<ImageWalk>): Promise<Verdict> {
    const { manuals } = this.#architecture;
    const byAddress = verdictOfAddress(new Addresses(this.#architecture), this.#address, this.#asked.privilege);
    if (byAddress !== null) return { ...byAddress, manual: manuals[0] ?? "" };
    // What the place that was asked last has refused with, where nobody is asked after it.
    let last: Verdict | null = null;
    let asks: TlbException["asks"] = "all";
    if (looksInto(this.#sources, "tlb")) {
      const said = this.#askTlb();
      if (said.asks === "nothing") return said.verdict;
      ({ verdict: last, asks } = said);
    }
    const fixed = this.#fixed();
    if (fixed !== null) return fixed;
    if (asks === "all" && !this.#isKernels && looksInto(this.#sources, "tsb")) {
      const said = await this.#askBuffers();
      if (said !== null && said.asks === "nothing") return said.verdict;
      if (said !== null) last = said.verdict;
    }
    if (looksInto(this.#sources, "hash")) {
      const { steps, ...verdict } = await askHash(
        this.#memory,
        this.#architecture,
        this.#sources.hash,
        this.#space,
        this.#address,
        this.#asked,
      );
      this.steps.push(...steps);
      return verdict;
    }
    if (looksInto(this.#sources, "tree") && this.#sources.tree !== null) return this.#askTree(this.#sources.tree, walkTree);
    return last ?? this.#refused(ABSENT, "no place that is there tells of this space", manuals[0] ?? "");
  }

  #refused(reason: FaultReason, rule: string, manual: string, rights: Rights = 0): Verdict {
    return { reason, rule, manual, rights, physical: null };
  }

  #raise({ trap }: TlbException, says: string, manual: string): void {
    this.exceptions.push({ trap, says, after: this.steps.length, manual });
  }

  #askTlb(): { verdict: Verdict; asks: TlbException["asks"] } {
    const { view, tlb } = this.#sources;
    const { access } = this.#asked;
    const unit = unitFor(this.#architecture, access === EXECUTE);
    const { row, others, near, compared } = lookUp(tlb ?? [], view, unit, this.#address, this.#asid);
    for (const { row: one, why, culprit } of near) this.steps.push(stepOf(one, view, this.#address, `no match: ${why}`, culprit, true));
    if (row === null) {
      const exception = view.miss(access);
      const own = this.#isKernels ? ", the kernel's own" : "";
      const who = this.#asid === null ? `an unknown ${view.tagName}` : `${view.tagName} ${this.#asid}${own}`;
      const says = `none of ${compared} entries of the ${unit} TLB matches in ${who}`;
      this.#raise(exception, says, view.manual);
      return { verdict: this.#refused(exception.reason, says, view.manual), asks: exception.asks };
    }
    const also = others.length === 0 ? "" : `; entry ${others.map(({ index }) => index).join(", ")} matches too: ${view.overlap}`;
    return this.#judge(row, `entry ${row.index} of the ${unit} TLB`, (says, culprit) =>
      this.steps.push(stepOf(row, view, this.#address, says + also, culprit)),
    );
  }

  /** What an entry of a TLB, or one that was just loaded into it, says to the access. */
  #judge(
    row: TlbRow,
    name: string,
    tell: (says: string, culprit: Culprit | null) => void,
  ): { verdict: Verdict; asks: TlbException["asks"] } {
    const { view } = this.#sources;
    const { access, privilege } = this.#asked;
    const rights = row.kernel | (row.user << 3);
    if (row.valid !== false && permits(rights, privilege, access)) {
      tell("matches", null);
      const physical = row.physical + (this.#address - row.virtual);
      const rule = `${name} lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
      return { verdict: { reason: NO_FAULT, rule, manual: view.manual, rights, physical }, asks: "nothing" };
    }
    const exception = view.refusal(row, access, privilege);
    const says =
      row.valid === false
        ? `${name} matches and is not valid`
        : `${name} does not let the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
    const { field } = exception;
    tell(
      row.valid === false ? "matches, and is not valid" : "matches, and refuses",
      field === undefined ? null : { kind: "field", ...field },
    );
    this.#raise(exception, says, view.manual);
    return { verdict: this.#refused(exception.reason, says, view.manual, rights), asks: exception.asks };
  }

  /** What the handlers give the kernel without a look at anything. */
  #fixed(): Verdict | null {
    if (!this.#isKernels || this.#sources.from !== null) return null;
    const given = (access: Access): number | null => givenToKernel(this.#memory, this.#sources, this.#address, access);
    const physical = given(this.#asked.access);
    if (physical === null) return null;
    const rights = ([READ, WRITE, EXECUTE] as const).reduce<number>((sum, access) => (given(access) === null ? sum : sum | access), 0);
    const rule = "the refill code gives the kernel this page without asking a table";
    return { reason: NO_FAULT, rule, manual: this.#architecture.manuals[0] ?? "", rights, physical: BigInt(physical) };
  }

  async #askBuffers(): Promise<{ verdict: Verdict; asks: TlbException["asks"] } | null> {
    const { access } = this.#asked;
    const unit = unitFor(this.#architecture, access === EXECUTE);
    const placed = this.#sources.buffers.find(({ buffer }) => buffer.unit === unit);
    if (placed === undefined || this.#asid === null) return null;
    const { manual } = placed.buffer;
    const found = locate(this.#memory, this.#architecture, this.#sources, placed);
    if (found === null)
      return { verdict: this.#refused(BUS, `the ${unit} TSB lies at no address that can be translated`, manual), asks: "all" };
    const answer = await askSlot(this.#memory, found, this.#address, this.#asid);
    if (answer === null)
      return {
        verdict: this.#refused(BUS, `the ${unit} TSB lies outside physical memory, at ${hexadecimal(found.physical)}`, manual),
        asks: "all",
      };
    if (answer.row === null) {
      this.steps.push(answer.step);
      return { verdict: this.#refused(ABSENT, `slot ${answer.step.index} of the ${unit} TSB is not for this page`, manual), asks: "all" };
    }
    const name = `slot ${answer.step.index} of the ${unit} TSB`;
    return this.#judge(answer.row, name, (says) => this.steps.push({ ...answer.step, says: `${answer.step.says}; it ${says}` }));
  }

  async #askTree(root: number, walkTree: (root: number) => Promise<ImageWalk>): Promise<Verdict> {
    const walk = await walkTree(root);
    this.steps.push(...walk.steps);
    const { reason, rule, manual, kernelRights, userRights, physical } = walk;
    return { reason, rule, manual, rights: kernelRights | (userRights << 3), physical };
  }
}
