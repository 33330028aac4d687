/** A port, or a core, with one lie. */
import { abs32le } from "@portolan/arch-abs32le";
import { oracle as abs32leOracle } from "@portolan/arch-abs32le/oracle";
import { ia32 } from "@portolan/arch-ia32";
import { oracle as ia32Oracle } from "@portolan/arch-ia32/oracle";
import { sparc64 } from "@portolan/arch-sparc64";
import { oracle as sparc64Oracle } from "@portolan/arch-sparc64/oracle";
import { readVectors, type Subject } from "@portolan/conformance";
import {
  CPUS,
  type AddressSpace,
  type Architecture,
  type Cpu,
  type EntryFormat,
  type Field,
  type HierarchicalTranslation,
  type Machine,
  type MemoryObject,
  type ObjectParts,
  type Replace,
} from "@portolan/core";
import { readFileSync } from "node:fs";

export interface Liar {
  readonly lie: string;
  /** Where such a lie was told before. */
  readonly from: string;
  readonly subject: Subject;
  /** The clause that names it. */
  readonly caughtBy: string;
}

const published = (machine: string, set: string) =>
  readVectors(readFileSync(new URL(`../../vectors/${machine}/${set}.json`, import.meta.url), "utf8"), `${machine}/${set}.json`);

export const honest = {
  abs32le: { architecture: abs32le, oracle: abs32leOracle, vectors: [published("abs32le", "walks")] },
  ia32: { architecture: ia32, oracle: ia32Oracle, vectors: [published("ia32", "walks")] },
  sparc64: { architecture: sparc64, oracle: sparc64Oracle, vectors: [published("sparc64", "entries")] },
} as const satisfies Readonly<Record<string, Subject>>;
export type Name = keyof typeof honest;

/** A machine whose description lies. */
export const port = (
  name: Name,
  lie: string,
  from: string,
  caughtBy: string,
  change: (machine: Architecture) => Partial<Architecture>,
): Liar => {
  const subject = honest[name];
  return {
    lie: `${name}: ${lie}`,
    from,
    caughtBy,
    subject: { ...subject, architecture: { ...subject.architecture, ...change(subject.architecture) } },
  };
};

/** A core one part of which lies. */
export const core = (name: Name, lie: string, from: string, caughtBy: string, replace: Replace): Liar => ({
  lie: `${name}: ${lie}`,
  from,
  caughtBy,
  subject: { ...honest[name], replace },
});

/** A core whose processors lie, each in the same way. */
export const processors = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (cpu: Cpu) => void): Liar =>
  core(name, lie, from, caughtBy, (parts) =>
    parts.register(CPUS, (_, usual) => {
      const cpus = usual();
      cpus.forEach(corrupt);
      return cpus;
    }),
  );

/** Puts a method in the place of another, which it is given. */
export const instead = <T extends object, K extends keyof T>(target: T, name: K, make: (usual: T[K]) => T[K]): void => {
  const usual = target[name];
  const bound = (typeof usual === "function" ? usual.bind(target) : usual) as T[K];
  Object.defineProperty(target, name, { value: make(bound), configurable: true, writable: true });
};

/** A core that is corrupted when it stands: memory objects, their caches and spaces are parts of others. */
export const memory = (name: Name, lie: string, from: string, caughtBy: string, corrupt: (machine: Machine) => void): Liar => ({
  lie: `${name}: ${lie}`,
  from,
  caughtBy,
  subject: { ...honest[name], prepare: corrupt },
});

/** What an object knows its pages by. */
export type PageCache = ReturnType<ObjectParts["newCache"]>;

/** Every page cache of a machine, corrupted. */
export const caches = ({ parts }: Machine, corrupt: (cache: PageCache) => void): void =>
  instead(parts.objects, "newCache", (usual) => () => {
    const cache = usual();
    corrupt(cache);
    return cache;
  });

/** Every object that becomes the front of an area, corrupted once. */
export const fronts = ({ parts }: Machine, corrupt: (object: MemoryObject) => void): void => {
  const known = new WeakSet<MemoryObject>();
  instead(parts.areas, "setObject", (usual) => (area, object, offset) => {
    if (object !== null && !known.has(object)) {
      known.add(object);
      corrupt(object);
    }
    usual(area, object, offset);
  });
};

/** Every space that is made or born, corrupted. */
export const spaces = ({ spaces: all }: Machine, corrupt: (space: AddressSpace) => void): void => {
  for (const name of ["create", "fork"] as const)
    instead(all, name, (usual: (parent: AddressSpace) => AddressSpace) => (parent: AddressSpace) => {
      const space = usual(parent);
      corrupt(space);
      return space;
    });
};

/** Rows of a space's areas, from below. */
export const rowsOf = ({ tree: areas }: AddressSpace): number[] => {
  const rows: number[] = [];
  for (let area = areas.first(); area >= 0; area = areas.next(area)) rows.push(area);
  return rows;
};

/** What is withdrawn while `isMeant` says so is told to no TLB. */
export const untold = ({ parts }: Machine, isMeant: (count: number) => boolean): void =>
  instead(parts.withdrawals, "begin", (usual) => (context, first, count) => {
    if (!isMeant(count)) return usual(context, first, count);
    const nobodys: typeof context = Object.create(context, {
      asid: { value: parts.architecture.asids.invalid },
      cache: { value: null },
    });
    return usual(nobodys, first, count);
  });

/** Is a method under way? */
export const during = <T extends object>(target: T, name: keyof T): (() => boolean) => {
  let depth = 0;
  instead(target, name, (usual) => {
    const call = usual as (...values: unknown[]) => unknown;
    return ((...values: unknown[]) => {
      depth += 1;
      try {
        return call(...values);
      } finally {
        depth -= 1;
      }
    }) as T[keyof T];
  });
  return () => depth > 0;
};

export const tree = (machine: Architecture): HierarchicalTranslation => {
  if (machine.translation.kind !== "hierarchical") throw new Error(`${machine.name} has no tree`);
  return machine.translation;
};

/** Other formats at a level; −1 is the last one. */
export const levelWith = (
  machine: Architecture,
  depth: number,
  change: (level: HierarchicalTranslation["levels"][number]) => Partial<HierarchicalTranslation["levels"][number]>,
): Pick<Architecture, "translation"> => {
  const { levels } = tree(machine);
  const at = depth < 0 ? levels.length + depth : depth;
  return { translation: { ...tree(machine), levels: levels.map((level, i) => (i === at ? { ...level, ...change(level) } : level)) } };
};

/** The leaf of the last level, changed. */
export const leafWith = (machine: Architecture, change: (leaf: EntryFormat) => Partial<EntryFormat>): Pick<Architecture, "translation"> =>
  levelWith(machine, -1, ({ leaf }) => (leaf === undefined ? {} : { leaf: { ...leaf, ...change(leaf) } }));

/** The same field with other bits, or another role. */
export const fieldWith = (fields: readonly Field[], name: string, change: Partial<Field>): readonly Field[] =>
  fields.map((field) => (field.name === name ? { ...field, ...change } : field));
