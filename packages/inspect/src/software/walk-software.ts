/**
 * The way of one address on a machine whose software fills the TLB: what the TLB says, what is raised where it does not let the access
 * through, and what the handler finds then: in a software cache, in the page hash table, or in software's own tree.
 */
import {
  ABSENT,
  BUS,
  explainFields,
  EXECUTE,
  FAULT_REASONS,
  hashEntryFields,
  hashHeadFields,
  KERNEL,
  NO_FAULT,
  PAGE_USER,
  hashEntryRights,
  permits,
  PROTECTION,
  READ,
  WRITE,
  type Access,
  type Architecture,
  type FaultReason,
  type Privilege,
  type Rights,
  type TlbException,
  type TlbRow,
} from "@portolan/core/architecture";
import { isUsersAddress, verdictOfAddress } from "../address-rules.js";
import { Addresses } from "../addresses.js";
import { ACCESS_NAMES, hexadecimal, PRIVILEGE_NAMES } from "../in-words.js";
import { holds, type Memory } from "../memory.js";
import type { ImageStep, ImageWalk, RaisedException, StepFormat } from "../walk-address.js";
import { PageHashReader } from "./page-hash.js";
import { givenToKernel, locate } from "./locate.js";
import { looksInto, type SoftwareSources } from "./sources.js";
import { lookUp, stepOf, unitFor } from "./tlb.js";
import { askSlot } from "./tsb.js";

/** An access. */
export interface Asked {
  readonly access: Access;
  readonly privilege: Privilege;
}

/** What one place says of an access, once it says anything. */
interface Verdict {
  readonly reason: FaultReason;
  readonly rule: string;
  readonly manual: string;
  readonly rights: Rights;
  readonly physical: number | null;
}

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
    physical: physical === null ? null : BigInt(physical),
    reason: verdict.reason,
    reasonName: FAULT_REASONS[verdict.reason],
    rule: verdict.rule,
    manual: verdict.manual,
    kernelRights: rights & 7,
    userRights: rights >>> 3,
    isInImage: physical !== null && holds(memory, physical),
    software: null,
    exception: way.exception,
  };
};

/** One walk, as far as it has come. */
class Way {
  readonly steps: ImageStep[] = [];
  exception: RaisedException | null = null;
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
    const verdict = verdictOfAddress(new Addresses(this.#architecture), this.#address, this.#asked.privilege);
    if (verdict !== null) return { ...verdict, manual: manuals[0] ?? "" };
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
    if (looksInto(this.#sources, "hash")) return this.#askHash();
    if (looksInto(this.#sources, "tree") && this.#sources.tree !== null) return this.#askTree(this.#sources.tree, walkTree);
    return last ?? this.#refused(ABSENT, "no place that is there tells of this space", manuals[0] ?? "");
  }

  #refused(reason: FaultReason, rule: string, manual: string, rights: Rights = 0): Verdict {
    return { reason, rule, manual, rights, physical: null };
  }

  #raise({ trap }: TlbException, says: string, manual: string): void {
    this.exception ??= { trap, says, after: this.steps.length, manual };
  }

  #askTlb(): { verdict: Verdict; asks: TlbException["asks"] } {
    const { view, tlb } = this.#sources;
    const { access } = this.#asked;
    const unit = unitFor(this.#architecture, access === EXECUTE);
    const { row, others, near, compared } = lookUp(tlb ?? [], view, unit, this.#address, this.#asid);
    for (const { row: one, why, culprit } of near) this.steps.push(stepOf(one, view, this.#address, `no match: ${why}`, culprit));
    if (row === null) {
      const exception = view.miss(access);
      const who = this.#asid === null ? `an unknown ${view.tagName}` : `${view.tagName} ${this.#asid}`;
      const says = `none of ${compared} entries of the ${unit} TLB matches in ${who}`;
      this.#raise(exception, says, view.manual);
      return { verdict: this.#refused(exception.reason, says, view.manual), asks: exception.asks };
    }
    const also = others.length === 0 ? "" : `; entry ${others.map(({ index }) => index).join(", ")} matches too: ${view.overlap}`;
    return this.#judge(row, `entry ${row.index} of the ${unit} TLB`, (says) =>
      this.steps.push(stepOf(row, view, this.#address, says + also)),
    );
  }

  /** What an entry of a TLB, or one that was just loaded into it, says to the access. */
  #judge(row: TlbRow, name: string, tell: (says: string) => void): { verdict: Verdict; asks: TlbException["asks"] } {
    const { view } = this.#sources;
    const { access, privilege } = this.#asked;
    const rights = row.kernel | (row.user << 3);
    if (row.valid !== false && permits(rights, privilege, access)) {
      tell("matches");
      const physical = Number(row.physical + (this.#address - row.virtual));
      const rule = `${name} lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
      return { verdict: { reason: NO_FAULT, rule, manual: view.manual, rights, physical }, asks: "nothing" };
    }
    const exception = view.refusal(row, access, privilege);
    const says =
      row.valid === false
        ? `${name} matches and is not valid`
        : `${name} does not let the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
    tell(row.valid === false ? "matches, and is not valid" : "matches, and refuses");
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
    return { reason: NO_FAULT, rule, manual: this.#architecture.manuals[0] ?? "", rights, physical };
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

  async #askHash(): Promise<Verdict> {
    const { hash } = this.#sources;
    const { access, privilege } = this.#asked;
    if (hash === null || this.#space === null)
      return this.#refused(ABSENT, `nobody has told by which number the page hash table knows this space`, HASH_MANUAL);
    const table = await PageHashReader.open(this.#memory, this.#architecture, hash.directory, hash.chains);
    const chains = table.chainsOf(this.#space, this.#address);
    if (chains.length === 0)
      return this.#refused(BUS, `there is no directory of the page hash table at ${hexadecimal(hash.directory)}`, HASH_MANUAL);
    const page = this.#address - (this.#address % BigInt(table.frameBytes));
    for (const chain of chains) {
      const head = await table.head(chain);
      if (head === null) return this.#refused(BUS, `the head of chain ${chain} lies outside physical memory`, HASH_MANUAL);
      const first =
        head.link === "end"
          ? "an empty chain"
          : head.link === "nowhere"
            ? "no link"
            : `a chain that begins at ${hexadecimal(head.link.to)}`;
      this.steps.push(hashStep("page hash table, heads", chain, head.at, 8, head.raw, hashHeadFields, first));
      const entries = table.chain(chain);
      let place = 0;
      let next = await entries.next();
      for (; next.done !== true; next = await entries.next()) {
        const entry = next.value;
        const raw = (await table.rawEntry(entry.at)) ?? 0n;
        const isIt = entry.space === this.#space && entry.virtual === page;
        const says = isIt ? `maps physical address ${hexadecimal(entry.physical)}` : "another page, or another address space";
        const step = hashStep("page hash table", place, entry.at, 32, raw, hashEntryFields, says);
        if (place < MOST_SHOWN || isIt)
          this.steps.push(isIt ? { ...step, rights: entry.rights, format: hashFormat(this.#architecture) } : step);
        place += 1;
        if (!isIt) continue;
        if (!permits(entry.rights, privilege, access))
          return this.#refused(
            PROTECTION,
            `the entry does not let the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`,
            HASH_MANUAL,
            entry.rights,
          );
        const physical = entry.physical + Number(this.#address - page);
        const rule = `the entry lets the ${PRIVILEGE_NAMES[privilege]} ${ACCESS_NAMES[access]}`;
        return { reason: NO_FAULT, rule, manual: HASH_MANUAL, rights: entry.rights, physical };
      }
      if (next.value === "cycle")
        return this.#refused(ABSENT, `chain ${chain} leads back to itself, and none of its entries is for this page`, HASH_MANUAL);
      if (next.value === "outside") return this.#refused(BUS, `chain ${chain} leads out of physical memory`, HASH_MANUAL);
      if (next.value === "long")
        return this.#refused(ABSENT, `chain ${chain} is longer than any table's; it was not followed to its end`, HASH_MANUAL);
    }
    return this.#refused(ABSENT, `no entry of chain ${chains.join(" or ")} is for this page of address space ${this.#space}`, HASH_MANUAL);
  }

  async #askTree(root: number, walkTree: (root: number) => Promise<ImageWalk>): Promise<Verdict> {
    const walk = await walkTree(root);
    this.steps.push(...walk.steps);
    const { reason, rule, manual, kernelRights, userRights, physical } = walk;
    return { reason, rule, manual, rights: kernelRights | (userRights << 3), physical: physical === null ? null : Number(physical) };
  }
}

/** Entries of a chain that are told of; a sound chain has a few. */
const MOST_SHOWN = 64;
const HASH_MANUAL = "read by refill code, not by hardware";

const hashStep = (
  table: string,
  index: number,
  at: number,
  bytes: 8 | 32,
  raw: bigint,
  fields: typeof hashEntryFields,
  says: string,
): ImageStep => ({
  source: "hash",
  passedOver: null,
  depth: 0,
  table,
  tableAddress: null,
  index,
  entryAddress: BigInt(at),
  bytes,
  raw,
  fields: explainFields(fields, raw),
  rights: 0o77,
  format: null,
  says,
  manual: HASH_MANUAL,
  beside: null,
  marks: null,
});

const FLAG_NAMES = ["r", "w", "x", "u"] as const;

/** The entry's own bits that say what it lets through. */
const hashFormat = (architecture: Architecture): StepFormat => ({
  name: "page hash table entry",
  fields: hashEntryFields,
  rights: {
    reads: hashEntryFields.filter(({ name }) => (FLAG_NAMES as readonly string[]).includes(name)),
    tell: (values) =>
      hashEntryRights(
        architecture,
        FLAG_NAMES.reduce((flags, name, bit) => flags | ((values[name] ?? 0) === 0 ? 0 : name === "u" ? PAGE_USER : 1 << bit), 0),
      ),
  },
});
