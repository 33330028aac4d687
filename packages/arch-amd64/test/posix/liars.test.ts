/** The comparison is held against faces that lie: each is caught by the answers that are recorded. */
import {
  buildMachine,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PosixSystem,
  type Process,
} from "@portolan/core";
import { amd64 } from "#src/index.js";
import { expect } from "chai";
import { compareWorld } from "./compare.js";
import { readRecord } from "./recorded.js";

const prototype = Object.getPrototypeOf(new PosixSystem(buildMachine(amd64)).spawn()) as Process;

/** A call that tells something else than the truth; `truth` is the call as it is. */
type Lie<Name extends keyof Process> = Process[Name] extends (...given: infer Given) => infer Answer
  ? (truth: (...given: Given) => Answer, ...given: Given) => Answer
  : never;

const lie = <Name extends keyof Process>(name: Name, tell: Lie<Name>): (() => () => void) => {
  const teller = tell as (truth: unknown, ...given: unknown[]) => unknown;
  return () => {
    const original = Object.getOwnPropertyDescriptor(prototype, name);
    const truth = prototype[name] as (...given: unknown[]) => unknown;
    if (original === undefined) throw new Error(`there is no call ${name}`);
    const value = function (this: Process, ...given: unknown[]): unknown {
      return teller((...again: unknown[]) => truth.apply(this, again), ...given);
    };
    Object.defineProperty(prototype, name, { ...original, value });
    return () => Object.defineProperty(prototype, name, original);
  };
};

const LIES: readonly (readonly [title: string, begin: () => () => void])[] = [
  [
    "that takes every hint for nothing",
    lie("mmap", (truth, address, ...rest) => truth((rest[2] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0 ? 0 : address, ...rest)),
  ],
  [
    "that replaces what MAP_FIXED_NOREPLACE should keep",
    lie("mmap", (truth, address, length, protection, flags, ...rest) =>
      truth(address, length, protection, flags, ...rest).valueOf() === -17n
        ? truth(address, length, protection, (flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED, ...rest)
        : truth(address, length, protection, flags, ...rest),
    ),
  ],
  [
    "that shares private mappings of files",
    lie("mmap", (truth, address, length, protection, flags, ...rest) =>
      truth(
        address,
        length,
        protection,
        (flags & MAP_ANONYMOUS) === 0 && (flags & 3) === MAP_PRIVATE ? (flags & ~3) | MAP_SHARED : flags,
        ...rest,
      ),
    ),
  ],
  [
    "that makes shared anonymous memory private",
    lie("mmap", (truth, address, length, protection, flags, ...rest) =>
      truth(
        address,
        length,
        protection,
        (flags & MAP_ANONYMOUS) !== 0 && (flags & 3) === MAP_SHARED ? (flags & ~3) | MAP_PRIVATE : flags,
        ...rest,
      ),
    ),
  ],
  [
    "that populates nothing",
    lie("mmap", (truth, address, length, protection, flags, ...rest) => truth(address, length, protection, flags & ~MAP_POPULATE, ...rest)),
  ],
  [
    "that unmaps a page less",
    lie("munmap", (truth, address, length) => truth(address, BigInt(length) > 0x1fffn ? BigInt(length) - 0x1000n : length)),
  ],
  [
    "that protects nothing where there is an obstacle",
    lie("mprotect", (truth, address, length, protection) =>
      truth(address, 0, protection) < 0 ? truth(address, length, protection) : wouldBe(truth, address, length, protection),
    ),
  ],
  [
    "that never grows a mapping in place",
    lie("mremap", (truth, address, old, after, flags, to) =>
      BigInt(after) > BigInt(old) && flags === 0 ? -12n : truth(address, old, after, flags, to),
    ),
  ],
  ["that discards nothing", lie("madvise", (truth, address, length, advice) => truth(address, length, advice === 4 ? 0 : advice))],
  ["that answers 0 to msync over a hole", lie("msync", (truth, ...given) => Math.max(truth(...given), -11))],
  ["that lets nobody detach", lie("shmdt", () => -22)],
  [
    "that attaches for writing what was asked for reading",
    lie("shmat", (truth, id, address, flags) => truth(id, address, flags & ~0o10000)),
  ],
  ["that grants every break", lie("brk", (truth, address) => (truth(address), BigInt(address)))],
  [
    "that says that every page is in memory",
    lie("mincore", (truth, address, length, target) => {
      const answer = truth(address, length, target);
      if (answer === 0) target.fill(1);
      return answer;
    }),
  ],
  ["that never makes a file shorter", lie("ftruncate", (_truth, _descriptor, length) => (BigInt(length) < 0n ? -22 : 0))],
  ["that hands out the highest descriptor", lie("dup", (truth, descriptor) => Math.min(truth(descriptor) + 1, 99))],
];

/** An mprotect that looks for holes first: a page at a time, so that it can tell. */
const wouldBe = (truth: Process["mprotect"], address: bigint | number, length: bigint | number, protection: number): number => {
  if (BigInt(length) > 0x4_0000n) return truth(address, length, protection);
  const [first, ...others] = Array.from({ length: Math.ceil(Number(length) / 4096) }, (_, page) =>
    truth(BigInt(address) + BigInt(page * 4096), 4096, protection),
  ).toReversed();
  return Math.min(first ?? 0, ...others);
};

describe("the comparison with a kernel catches a face", () => {
  const { features, worlds } = readRecord();
  for (const [title, begin] of LIES) {
    it(title, () => {
      const end = begin();
      try {
        expect(
          worlds.some(({ calls, answers }) => compareWorld(calls, answers, features, { careful: false }).difference !== null),
        ).to.equal(true);
      } finally {
        end();
      }
    });
  }
});
