/**
 * The composition root: the only room that sees the container. One child container a machine, so that machines of
 * different architectures live side by side; what comes out is the machine, never the container.
 */
import "./reflect.js";
import { container, type DependencyContainer } from "tsyringe";
import { ALLOCATION_GATE, AllocationGate } from "../allocation-gate.js";
import { initialSwitches, type Architecture } from "../architecture/architecture.js";
import type { Switches } from "../architecture/entry-format.js";
import { checkArchitecture } from "../architecture/validate.js";
import { AreaTable } from "../area/area-table.js";
import { ASID_POLICY } from "../asid/asid-policy.js";
import { FixedAsid } from "../asid/fixed.js";
import { StealOldest } from "../asid/steal-oldest.js";
import { AddressSpaces } from "../address-space/address-spaces.js";
import type { SpaceParts } from "../address-space/parts.js";
import { PortolanError } from "../errors.js";
import { Events, type EventSink } from "../events.js";
import { FRAMES } from "../frames/frame-allocator.js";
import { ZonedFrames } from "../frames/zoned-frames.js";
import { Cpu } from "../machine/cpu.js";
import { Locks } from "../machine/locks.js";
import { PHYSICAL_MEMORY, PhysicalMemory, type MemoryRange } from "../machine/physical-memory.js";
import { Preemption } from "../machine/scheduler.js";
import { TranslationContext } from "../machine/translation-context.js";
import { AnonymousObject } from "../objects/anonymous-object.js";
import { ChunkedPageCache } from "../objects/chunked-page-cache.js";
import { ObjectParts } from "../objects/object-parts.js";
import type { PageCache } from "../objects/page-cache.js";
import { PageChunks } from "../objects/page-chunks.js";
import { Transfers } from "../objects/transfer.js";
import { HardwareWalk } from "../paging/hardware-walk.js";
import { HashedTables } from "../paging/hashed.js";
import { HierarchicalTables } from "../paging/hierarchical.js";
import { PAGE_TABLES } from "../paging/page-tables.js";
import { Withdrawals } from "../paging/withdrawal.js";
import { Reclaimer } from "../swap/reclaimer.js";
import type { SwapDevice } from "../swap/swap-device.js";
import type { Token } from "../token.js";
import { REFILL } from "../tlb/refill.js";
import { Shootdown } from "../tlb/shootdown.js";
import { NoSoftwareCaches, SOFTWARE_CACHES } from "../tlb/software-caches.js";
import { AddressUnits } from "../units/address-units.js";
import { Machine } from "./machine.js";
import { ARCHITECTURE, CPUS, EVENTS, LOCKS, PREEMPTION, SHOOTDOWN } from "./tokens.js";

/** How large a machine is, and what is peculiar to this one. Everything has a default; sizes and addresses are bytes. */
export interface MachineOptions {
  /** Processors, 1 to 64; 1 where absent. */
  readonly cpus?: number;
  /** RAM in bytes; 64 MiB where absent. */
  readonly memoryBytes?: number;
  /** Physical address of RAM; 0 where absent. */
  readonly memoryBase?: number;
  /** Stretches of it that are no RAM; the frames between them form zones. */
  readonly memoryHoles?: readonly MemoryRange[];
  /** The caller's own memory, in place of `memoryBytes`. */
  readonly memory?: ArrayBuffer | SharedArrayBuffer;
  /** Seed of everything that is random in the machine. */
  readonly seed?: number;
  /** Processor switches that differ from the port's, by name. */
  readonly switches?: Readonly<Record<string, boolean>>;
  /** Where pages go when frames are short. Absent: nowhere, and only clean pages of files leave memory. */
  readonly swap?: SwapDevice;
  /** Told everything that happens in the machine, from the first event on. */
  readonly onEvent?: EventSink;
}

/** Every name of {@link MachineOptions}: a misspelt one would do nothing, without a word. */
const OPTIONS: Readonly<Record<keyof MachineOptions, true>> = {
  cpus: true,
  memoryBytes: true,
  memoryBase: true,
  memoryHoles: true,
  memory: true,
  seed: true,
  switches: true,
  swap: true,
  onEvent: true,
};

/** @throws PortolanError ERR_BAD_ARGUMENT; sizes and switches are checked by the parts that they are for */
const checkOptions = (options: MachineOptions): void => {
  for (const option of Object.keys(options))
    if (!Object.hasOwn(OPTIONS, option)) throw new PortolanError("ERR_BAD_ARGUMENT", { option, known: Object.keys(OPTIONS) });
  const { cpus = 1, seed = 1, memory, memoryBytes, onEvent } = options;
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 64) throw new PortolanError("ERR_BAD_ARGUMENT", { cpus, lowest: 1, highest: 64 });
  if (!Number.isSafeInteger(seed)) throw new PortolanError("ERR_BAD_ARGUMENT", { seed, rule: "an integer" });
  // Words over a view would be a copy of it: the caller would look at one memory, and the machine at another.
  if (ArrayBuffer.isView(memory)) throw new PortolanError("ERR_BAD_ARGUMENT", { memory: "a view", rule: "the ArrayBuffer itself" });
  if (memory !== undefined && memoryBytes !== undefined && memory.byteLength !== memoryBytes)
    throw new PortolanError("ERR_BAD_ARGUMENT", { memoryBytes, memory: memory.byteLength, rule: "one or the other" });
  if (onEvent !== undefined && typeof onEvent !== "function")
    throw new PortolanError("ERR_BAD_ARGUMENT", { onEvent: typeof onEvent, rule: "a function" });
};

/**
 * Makes a part, once a machine. `get` gives other parts of the same machine; `usual` the part as it would have been, for
 * those who wrap it rather than write one.
 */
export type MakePart<T> = (get: <U>(part: Token<U>) => U, usual: () => T) => T;

/** Where tests and plug-ins put a part of their own: called last, before anything is made. */
export type Replace = (parts: { register<T>(part: Token<T>, make: MakePart<T>): void }) => void;

const keepAll: Replace = () => {
  // every part stays as it is
};

/**
 * Builds a machine.
 *
 * @throws PortolanError ERR_BAD_ARCHITECTURE, ERR_BAD_ARGUMENT, ERR_OUT_OF_FRAMES if its own tables do not fit
 */
export const buildMachine = (described: Architecture, options: MachineOptions = {}, replace: Replace = keepAll): Machine => {
  const architecture = checkArchitecture(described);
  checkOptions(options);
  const cpuCount = options.cpus ?? 1;
  const parts = container.createChildContainer();
  const put = putInto(parts);
  const switches: Switches = { ...initialSwitches(architecture), ...options.switches };
  const kernelContext = new TranslationContext(0, true, architecture.asids.kernel);

  put(ARCHITECTURE, () => architecture);
  put(ALLOCATION_GATE, () => new AllocationGate());
  put(EVENTS, () => new Events());
  put(LOCKS, () => new Locks());
  put(PREEMPTION, () => new Preemption());
  put(PHYSICAL_MEMORY, () => memoryOf(architecture, options));
  put(FRAMES, (get) => new ZonedFrames(get(PHYSICAL_MEMORY), get(ALLOCATION_GATE)));
  put(CPUS, (get) =>
    Array.from(
      { length: cpuCount },
      (_, id) => new Cpu({ id, architecture, memory: get(PHYSICAL_MEMORY), kernelContext, events: get(EVENTS), seed: options.seed ?? 1 }),
    ),
  );
  put(SHOOTDOWN, (get) => new Shootdown(get(CPUS), get(LOCKS), get(PREEMPTION), get(EVENTS)));
  put(PAGE_TABLES, (get) => {
    if (architecture.translation.kind === "hashed") return new HashedTables(architecture, get(PHYSICAL_MEMORY), get(FRAMES), get(EVENTS));
    return new HierarchicalTables(architecture, get(PHYSICAL_MEMORY), get(FRAMES), get(EVENTS), switches);
  });
  put(REFILL, (get) => {
    if (architecture.tlb.refill === "hardware") return new HardwareWalk(architecture, get(PHYSICAL_MEMORY), get(EVENTS));
    throw new PortolanError("ERR_BAD_ARCHITECTURE", {
      architecture: architecture.name,
      reasons: ["software refills its TLB, and its parts name no refill code"],
    });
  });
  put(SOFTWARE_CACHES, () => new NoSoftwareCaches());
  put(ASID_POLICY, (get) =>
    architecture.asids.policy === "fixed"
      ? new FixedAsid(architecture)
      : new StealOldest(architecture, cpuCount, get(SHOOTDOWN), localOf(get), get(LOCKS), get(EVENTS)),
  );
  for (const { token: replaced, useClass } of architecture.parts ?? []) put(replaced, () => parts.resolve(useClass));
  replace({ register: put });

  const get = <T>(part: Token<T>): T => parts.resolve<T>(part);
  if (options.onEvent !== undefined) get(EVENTS).sink = options.onEvent;
  const machine = assemble(architecture, switches, get, kernelContext, options.swap ?? null);
  for (const cpu of machine.cpus) {
    cpu.refill = machine.parts.refill;
    for (const [name, value] of Object.entries(options.switches ?? {})) cpu.setSwitch(name, value);
  }
  return machine;
};

const assemble = (
  architecture: Architecture,
  switches: Switches,
  get: <T>(part: Token<T>) => T,
  kernelContext: TranslationContext,
  swap: SwapDevice | null,
): Machine => {
  const memory = get(PHYSICAL_MEMORY);
  const frames = get(FRAMES);
  const gate = get(ALLOCATION_GATE);
  const tables = get(PAGE_TABLES);
  const locks = get(LOCKS);
  const preemption = get(PREEMPTION);
  const events = get(EVENTS);
  const areas = new AreaTable(gate);
  const cachePool = new PageChunks(gate);
  const newCache = (): PageCache => new ChunkedPageCache(cachePool);
  const anonymous = new AnonymousObject(frames);
  const objects = new ObjectParts({ frames, memory, areas, gate, locks, events, anonymous, newCache });
  const spaceParts: SpaceParts = {
    architecture,
    switches,
    memory,
    frames,
    gate,
    tables,
    locks,
    preemption,
    units: new AddressUnits(architecture),
    withdrawals: new Withdrawals(architecture, get(SHOOTDOWN), localOf(get), frames, tables, locks, preemption),
    asids: get(ASID_POLICY),
    caches: get(SOFTWARE_CACHES),
    areas,
    cachePool,
    events,
    refill: get(REFILL),
    backends: { frames, memory, anonymous, objects },
    objects,
    transfers: new Transfers({ frames, memory, gate, events, preemption }),
    files: new Set(),
    reclaimer: new Reclaimer(),
    spaceOf: (area) => {
      const space = spaces.byId(areas.spaceOf(area));
      if (space === undefined) throw new Error(`area ${area} belongs to no space`);
      return space;
    },
  };
  spaceParts.reclaimer.attach(spaceParts, swap);
  const spaces = new AddressSpaces(spaceParts, kernelContext);
  return new Machine(architecture, spaceParts, spaces, get(CPUS));
};

/** The processor whose work is being done. */
const localOf = (get: <T>(part: Token<T>) => T): (() => Cpu) => {
  const cpus = get(CPUS);
  const preemption = get(PREEMPTION);
  return () => cpus[preemption.cpu];
};

const memoryOf = (architecture: Architecture, options: MachineOptions): PhysicalMemory => {
  const bytes = options.memory?.byteLength ?? options.memoryBytes ?? Math.min(64 * 2 ** 20, 2 ** architecture.physicalBits);
  return new PhysicalMemory({
    bytes,
    base: options.memoryBase ?? 0,
    physicalBits: architecture.physicalBits,
    byteOrder: architecture.byteOrder,
    frameShift: architecture.pageShift,
    holes: options.memoryHoles ?? [],
    ...(options.memory === undefined ? {} : { buffer: options.memory }),
  });
};

/** Registers makers whose results are made once in this container. */
const putInto = (parts: DependencyContainer) => {
  const get = <T>(part: Token<T>): T => parts.resolve<T>(part);
  const usuals = new Map<symbol, () => unknown>();
  return <T>(part: Token<T>, make: MakePart<T>): void => {
    const usual =
      usuals.get(part) ??
      ((): never => {
        throw new PortolanError("ERR_BAD_ARGUMENT", { part: part.description ?? "", reason: "the machine has no such part to wrap" });
      });
    let made: { readonly value: T } | null = null;
    const once = (): T => {
      made ??= { value: make(get, usual as () => T) };
      return made.value;
    };
    usuals.set(part, once);
    parts.register<T>(part, { useFactory: once });
  };
};
