/** What a clause is handed: the machine under test, ways to build it, a source of chance, and the trait it is looked at under. */
import {
  buildMachine,
  LockOrder,
  PortolanError,
  PosixSystem,
  Random,
  type Architecture,
  type Machine,
  type MachineOptions,
  type Oracle,
  type PosixLimits,
  type Replace,
} from "@portolan/core";
import type { Trait } from "../clause.js";
import { featuresOf, type Feature } from "../features.js";
import { same } from "../failure.js";
import { POLICIES, withDials, type Policy } from "../policies.js";
import type { VectorSet } from "../vectors/format.js";
import { OUR_READER, type Reader } from "./reader.js";

/** What is judged. */
export interface Subject {
  readonly architecture: Architecture;
  /** A second decoder of its entries. */
  readonly oracle?: Oracle;
  /** Parts of the core that are put in its place. */
  readonly replace?: Replace;
  /** Done to each machine that was built, before a clause has it: for what is no part of its own, as memory objects are. */
  readonly prepare?: (machine: Machine) => void;
  /** The same, for the system of processes on a machine. */
  readonly prepareSystem?: (system: PosixSystem) => void;
  /** Published answers that it must give. */
  readonly vectors?: readonly VectorSet[];
  /** Whoever looks into images of its memory, in place of our own functions: all of them, or some. */
  readonly reader?: Partial<Reader>;
}

export interface RigOptions {
  readonly trait: Trait;
  readonly policy: Policy;
  readonly seed: number;
  /** Campaigns instead of samples. */
  readonly isLong: boolean;
  /** A sample where others try everything. */
  readonly isShort?: boolean;
}

/** Frames of RAM unless a clause wants more. */
const FRAMES = 256;

export class Rig {
  readonly subject: Subject;
  readonly options: RigOptions;
  /** With the dials set, and few ASIDs where they are to be recycled. */
  readonly architecture: Architecture;
  readonly features: ReadonlySet<Feature>;
  readonly random: Random;
  readonly reader: Reader;
  readonly #replace: Replace;
  #ramAlignment = 0;

  constructor(subject: Subject, options: RigOptions) {
    this.subject = subject;
    this.options = options;
    const dials = POLICIES[options.policy];
    const { architecture, replace } = withDials(subject.architecture, options.trait === "recycled" ? { ...dials, asids: "fewest" } : dials);
    this.architecture = architecture;
    this.features = featuresOf(architecture);
    this.random = new Random(options.seed);
    this.reader = { ...OUR_READER, ...subject.reader };
    this.#replace = (parts) => {
      subject.replace?.(parts);
      replace(parts);
    };
  }

  get trait(): Trait {
    return this.options.trait;
  }

  /** Bytes of a page. */
  get pageSize(): number {
    return 2 ** this.architecture.pageShift;
  }

  /** Hardware pages of a page. */
  get perPage(): number {
    return 2 ** (this.architecture.pageShift - this.architecture.hardwarePageShift);
  }

  /** Where RAM may begin, in bytes: at any page, unless the machine refuses the second one and says what it wants. */
  get ramAlignment(): number {
    if (this.#ramAlignment === 0) this.#ramAlignment = this.#alignmentAsked();
    return this.#ramAlignment;
  }

  #alignmentAsked(): number {
    try {
      this.build({ memoryBase: this.pageSize });
      return this.pageSize;
    } catch (error) {
      if (!(error instanceof PortolanError) || error.code !== "ERR_MISALIGNED") throw error;
      return Number(error.values["alignment"]);
    }
  }

  has(feature: Feature): boolean {
    return this.features.has(feature);
  }

  /** A machine whose locks are watched. */
  build(options: MachineOptions = {}, replace: Replace = () => {}): Machine {
    const machine = buildMachine(this.architecture, { memoryBytes: FRAMES * this.pageSize, seed: 1, ...options }, (parts) => {
      this.#replace(parts);
      replace(parts);
    });
    machine.parts.locks.discipline = new LockOrder(machine.parts.preemption);
    this.subject.prepare?.(machine);
    return machine;
  }

  /** Processes on a machine. */
  systemOn(machine: Machine, limits: Partial<PosixLimits>): PosixSystem {
    const system = new PosixSystem(machine, limits);
    this.subject.prepareSystem?.(system);
    return system;
  }
}

/** The code of the error that refuses `work`, or `"no error"`. */
export const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
  return "no error";
};

/** The same of what answers later. */
export const codeOfLater = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof PortolanError) return error.code;
    throw error;
  }
  return "no error";
};

/** @throws Failure unless `work` is refused with `code` */
export const refuses = (code: string, work: () => unknown, what: string): void => same(codeOf(work), code, what);
