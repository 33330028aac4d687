/** Images of a machine's memory, and what they say of its spaces. Addresses are bytes; frames and pages the machine's. */
import {
  BUS,
  FAULT_REASONS,
  stateOf,
  type Access,
  type AddressSpace,
  type Architecture,
  type Cpu,
  type Machine,
  type PageFlags,
  type Privilege,
  type Rights,
  type Switches,
} from "@portolan/core";
import { Scan, sourcesOf, treeOf, type ImageWalk, type Mapping, type Memory, type Roots, type SoftwareSources } from "@portolan/inspect";
import { Failure, same } from "../failure.js";
import { codeOfLater, type Rig } from "./rig.js";
import type { Answer } from "./scene.js";

/** A machine's RAM at one moment, all of it or the frames that are to be kept; of others nothing but zeros. Zeros take no room. */
export class Dump implements Memory {
  readonly regions: readonly { readonly first: number; readonly bytes: number }[];
  readonly #frames = new Map<number, Uint8Array>();
  readonly #frameSize: number;

  constructor({ parts: { memory } }: Machine, isKept: (frame: number) => boolean = () => true) {
    this.#frameSize = memory.frameSize;
    this.regions = memory.ram.map(({ first, end }) => ({ first, bytes: end - first }));
    let bytes = new Uint8Array(memory.frameSize);
    for (const { first, end } of memory.ram) {
      for (let address = first; address < end; address += memory.frameSize) {
        if (!isKept(address / memory.frameSize)) continue;
        memory.readBytes(address, bytes);
        if (isZero(bytes)) continue;
        this.#frames.set(address / memory.frameSize, bytes);
        bytes = new Uint8Array(memory.frameSize);
      }
    }
  }

  read(physical: number, target: Uint8Array): Promise<number> {
    return Promise.resolve(this.readNow(physical, target));
  }

  readNow(physical: number, target: Uint8Array): number {
    const region = this.regions.find(({ first, bytes }) => physical >= first && physical < first + bytes);
    if (region === undefined) return 0;
    const count = Math.min(target.length, region.first + region.bytes - physical);
    for (let done = 0; done < count;) {
      const frame = Math.floor((physical + done) / this.#frameSize);
      const within = physical + done - frame * this.#frameSize;
      const length = Math.min(count - done, this.#frameSize - within);
      const bytes = this.#frames.get(frame);
      if (bytes === undefined) target.fill(0, done, done + length);
      else target.set(bytes.subarray(within, within + length), done);
      done += length;
    }
    return count;
  }
}

/** A machine's memory as it is at each moment. */
export const living = ({ parts: { memory } }: Machine): Memory => ({
  regions: memory.ram.map(({ first, end }) => ({ first, bytes: end - first })),
  read(physical, target) {
    const region = memory.ram.find(({ first, end }) => physical >= first && physical < end);
    if (region === undefined) return Promise.resolve(0);
    const count = Math.min(target.length, region.end - physical);
    memory.readBytes(physical, target.subarray(0, count));
    return Promise.resolve(count);
  },
});

const isZero = (bytes: Uint8Array): boolean => {
  const words = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  // A word of −0 is not all zeros, and equals 0.
  for (const word of words) if (!Object.is(word, 0)) return false;
  return true;
};

/** What an image says of a page. */
export interface Seen {
  readonly frame: number;
  readonly rights: Rights;
  readonly flags: PageFlags;
}

/** An image of a machine, as it stands or as it was, in the hands of the reader that is judged. */
export class Look {
  readonly rig: Rig;
  readonly machine: Machine;
  readonly memory: Memory;
  readonly switches: Switches;

  constructor(rig: Rig, machine: Machine, memory: Memory = living(machine), switches: Switches = { ...machine.cpu(0).switches }) {
    this.rig = rig;
    this.machine = machine;
    this.memory = memory;
    this.switches = switches;
  }

  get architecture(): Architecture {
    return this.rig.architecture;
  }

  /** Where a processor would start that has the space installed: tables alone. */
  roots(space: AddressSpace, address = 0n): Roots {
    return rootsOf(this.machine, space, address);
  }

  async walk(space: AddressSpace, address: bigint, access: Access, privilege: Privilege): Promise<ImageWalk> {
    const { switches } = this;
    return this.rig.reader.walk(this.memory, this.architecture, this.roots(space, address), address, { access, privilege, switches });
  }

  /** What an access would answer, in the words of a live machine. */
  async answer(space: AddressSpace, address: bigint, access: Access, privilege: Privilege): Promise<Answer> {
    return answerOf(await this.walk(space, address, access, privilege), this.architecture);
  }

  /** What is listed of the user's range, leaf by leaf or merged. */
  async list(space: AddressSpace, merge: "leaves" | "ranges" | "rights" = "leaves", roots = this.roots(space)): Promise<Mapping[]> {
    const { first, last } = this.architecture.layout.user;
    const options = { merge, switches: this.switches, range: { first, last } };
    const items: Mapping[] = [];
    const stream = this.rig.reader.list(this.memory, this.architecture, roots, options);
    for (;;) {
      const step = await stream.next();
      if (step.done !== true) {
        items.push(step.value);
        continue;
      }
      same(step.value.end, "complete", "the end of a list");
      return items;
    }
  }

  /** Pages of the user's range that a list maps, by number. @throws Failure if one is listed twice */
  async pages(space: AddressSpace): Promise<Map<number, Seen>> {
    const mappings = await this.list(space);
    // Entries of a page hash table stand in no order.
    return this.pagesOf(mappings.toSorted((one, other) => (one.first < other.first ? -1 : 1)));
  }

  pagesOf(mappings: readonly Mapping[]): Map<number, Seen> {
    const { units } = this.machine.parts;
    const size = this.rig.pageSize;
    const pages = new Map<number, Seen>();
    for (const { first, bytes, physical, rights, flags } of mappings) {
      if (physical === null || bytes % size !== 0 || physical % size !== 0)
        throw new Failure(`0x${first.toString(16)} is listed with ${bytes} bytes at ${String(physical)}`);
      for (let done = 0; done < bytes; done += size) {
        const page = units.pageOf(first + BigInt(done));
        if (pages.has(page)) throw new Failure(`page 0x${page.toString(16)} is listed twice`);
        pages.set(page, { frame: (physical + done) / size, rights, flags });
      }
    }
    return pages;
  }

  /** Tables that are reached from a space's roots, and frames that its leaves of the user's range map. */
  async reached(space: AddressSpace): Promise<{ readonly tables: ReadonlySet<number>; readonly frames: ReadonlySet<number> }> {
    const { rig, machine, memory, switches } = this;
    const frameOf = (physical: number): number => Math.floor(physical / rig.pageSize);
    const lastPage = machine.parts.units.pageOf(rig.architecture.layout.user.last);
    const roots = this.roots(space);
    const frames = new Set<number>();
    if (roots.root === undefined) {
      for (const { physical } of await this.list(space)) frames.add(frameOf(physical ?? 0));
      return { tables: new Set(), frames };
    }
    const tables = new Set([frameOf(roots.root)]);
    await new Scan(memory, treeOf(rig.architecture, { switches }), {
      table: ({ physical }) => void tables.add(frameOf(physical)),
      leaf: ({ page, physical }) => void (page <= lastPage && frames.add(frameOf(physical))),
    }).run(roots);
    return { tables, frames };
  }
}

/** Roots of a space, or of the kernel's own where it has one and the address is the kernel's. */
export const rootsOf = (machine: Machine, space: AddressSpace, address = 0n): Roots => {
  const { translation, layout } = machine.architecture;
  const kernel = machine.spaces.kernel.context;
  if (translation.kind === "hashed") return { software: heldBy(machine, space, machine.cpu(0), "hash") };
  if (translation.kernelRootRegister !== undefined) return { root: space.context.root, kernelRoot: kernel.root };
  return { root: layout.kernelAddressSpaceShadowed && address >= layout.kernel.first ? kernel.root : space.context.root };
};

/** A table that is everybody's, seen for one space; or, of a machine whose software fills the TLB, all that a processor looks into. */
export const heldBy = (machine: Machine, { context }: AddressSpace, cpu: Cpu, from?: "hash"): SoftwareSources =>
  sourcesOf(machine.architecture, stateOf(machine, cpu), {
    asid: context.asid,
    space: context.id,
    ...(context.root < 0 ? {} : { root: context.root }),
    ...(from === undefined ? {} : { from }),
  });

/** A byte that the image has not is one that no access reaches. */
export const answerOf = (
  { physical, reason, isInImage }: Pick<ImageWalk, "physical" | "reason" | "isInImage">,
  { hardwarePageShift }: Architecture,
): Answer => {
  if (physical === null) return { fault: FAULT_REASONS[reason] };
  return isInImage ? { frame: Number(physical >> BigInt(hardwarePageShift)) } : { fault: FAULT_REASONS[BUS] };
};

/** A file that is written in pieces, whole. */
export const wholeOf = async (pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const all: Uint8Array[] = [];
  // Each piece is the writer's until the next one is asked for.
  for await (const piece of pieces) all.push(piece.slice());
  const file = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
};

/** What holds where translations lie in no tree: whoever asks for the way from a root is refused by name, and nothing is made up. */
export const noTree = {
  rule: "Where no tree of tables lies in memory a reader that is given a root says so, and makes nothing up",
  async check(rig: Rig): Promise<void> {
    const machine = rig.build();
    const space = machine.spaces.create();
    const [memory, roots] = [new Dump(machine), { root: Math.max(space.context.root, 0) }];
    const { reader, architecture } = rig;
    const questions: Readonly<Record<string, () => Promise<unknown>>> = {
      "a walk": async () => reader.walk(memory, architecture, roots, 0n),
      "an explanation": async () => reader.explain(memory, architecture, roots, 0n),
      "a list": async () => reader.list(memory, architecture, roots).next(),
      "a comparison": async () => reader.diff({ memory, roots }, { memory, roots }, architecture).next(),
      "a check": async () => reader.check(memory, architecture, roots),
      "bytes at a virtual address": async () => reader.bytes(memory, architecture, roots, 0n, 1),
    };
    for (const [what, ask] of Object.entries(questions)) same(await codeOfLater(ask), "ERR_NO_TREE", `the answer to ${what}`);
  },
};
