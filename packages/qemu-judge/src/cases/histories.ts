/**
 * Tables that the core made while it lived: areas created, touched, shared, protected and destroyed, spaces forked and ended,
 * pages copied on write. After some operations each space is a case.
 */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  buildMachine,
  PortolanError,
  type AddressSpace,
  type Machine,
  type Random,
} from "@portolan/core";
import type { Subject } from "@portolan/conformance";
import type { BlankCase } from "../case.js";
import type { MachineProfile } from "../machines/profile.js";
import { accessesTo, settingOf } from "./asked.js";
import { caseOfMachine } from "./of-machine.js";

const OPERATIONS = 60;
const SPACES = 4;
/** Pages from each place on, and addresses of a space that are asked. */
const PAGES = 20;
const ADDRESSES = 30;
const RIGHTS = [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE].map((rights) => rights | AREA_CACHEABLE);

/** A machine that has lived: its spaces, and the pages that its life was about. */
export interface Lived {
  readonly machine: Machine;
  readonly spaces: readonly AddressSpace[];
  readonly pages: readonly bigint[];
}

/** At least `queries` accesses. */
export const historyCases = function* (profile: MachineProfile, subject: Subject, random: Random, queries: number): Generator<BlankCase> {
  const { slot } = profile;
  const { hardwarePageShift } = subject.architecture;
  for (let made = 0, number = 0; made < queries; number += 1) {
    const { machine, spaces, pages } = live(profile, subject, random);
    for (const space of spaces) {
      const asked = Array.from({ length: ADDRESSES }, () => {
        const page = pages[random.below(pages.length)] ?? 0n;
        return page + BigInt(random.below(2 ** hardwarePageShift / slot.bytes) * slot.bytes);
      }).flatMap((address) => accessesTo(random, address));
      made += asked.length;
      yield caseOfMachine(machine, space, `history ${number}, space ${space.id}`, asked);
    }
  }
};

/** How long a life is, and how much of it is touching pages. */
export interface Habits {
  readonly operations: number;
  /** Kinds of operations that touch a page, beside nine that change something. */
  readonly touches: number;
  /** Are pages of areas touched, rather than any of those that the life is about? */
  readonly aims: boolean;
}

const USUAL: Habits = { operations: OPERATIONS, touches: 12, aims: false };

/** One life. */
export const live = (
  { cases }: MachineProfile,
  { architecture, replace }: Subject,
  random: Random,
  { operations: count, touches, aims }: Habits = USUAL,
): Lived => {
  const machine = buildMachine(
    architecture,
    { memoryBase: cases.first, memoryBytes: cases.bytes, seed: random.word(), switches: settingOf(architecture, random) },
    replace,
  );
  const { units } = machine.parts;
  const { user, kernel } = architecture.layout;
  const size = 2n ** BigInt(architecture.pageShift);
  const span = BigInt(PAGES) * size;
  // Where the user's range begins, somewhere in it, and where it ends.
  const middle = user.first + ((user.last - user.first) / 1024n / size) * size * BigInt(random.below(1023) + 1);
  const places = [user.first + 16n * size, middle, user.last + 1n - span];
  const at = (): bigint => (places[random.below(places.length)] ?? 0n) + BigInt(random.below(PAGES)) * size;
  const spaces = [machine.spaces.create()];
  const any = (): AddressSpace => spaces[random.below(spaces.length)];
  const rights = (): number => RIGHTS[random.below(RIGHTS.length)] ?? AREA_READ;
  const operations: readonly (() => unknown)[] = [
    () => any().createArea({ base: at(), size: BigInt(random.below(6) + 1) * size, flags: rights(), backend: anonymous }),
    () => any().createArea({ base: at(), size: BigInt(random.below(6) + 1) * size, flags: rights(), backend: anonymous }),
    () => any().destroyArea(at()),
    () => any().changeAreaFlags(at(), rights()),
    () => any().resizeArea(at(), BigInt(random.below(6) + 1) * size),
    () => {
      const [from, base] = [any(), at()];
      const area = [...from.areas()].find((each) => each.base <= base && base < each.base + each.size);
      if (area !== undefined) from.shareArea(area.base, area.size, any(), at(), rights());
    },
    () => {
      if (spaces.length < SPACES) spaces.push(machine.spaces.fork(any()));
    },
    () => {
      if (spaces.length < SPACES) spaces.push(machine.spaces.create());
    },
    () => {
      const [gone] = spaces.length > 1 && random.below(3) === 0 ? spaces.splice(random.below(spaces.length), 1) : [];
      machine.switchToKernel();
      gone?.destroy();
    },
    ...Array.from({ length: touches }, () => () => {
      const space = any();
      machine.switchTo(space);
      const areas = aims ? [...space.areas()] : [];
      const area = areas[random.below(Math.max(areas.length, 1))];
      const address =
        area === undefined ? at() + BigInt(random.below(1024) * 4) : area.base + BigInt(random.below(Number(area.size) / 4) * 4);
      if (random.below(3) === 0) machine.read32(address);
      else if (random.below(4) === 0) machine.fetch32(address);
      else machine.write32(address, random.word());
    }),
  ];
  for (let i = 0; i < count; i += 1) {
    try {
      operations[random.below(operations.length)]?.();
    } catch (error) {
      // What the space refuses has changed nothing.
      if (!(error instanceof PortolanError)) throw error;
    }
  }
  const pages = places.flatMap((place) => Array.from({ length: PAGES + 2 }, (_, i) => place + BigInt(i - 1) * size));
  const kernels = [kernel.first, kernel.last + 1n - size, kernel.last + 1n - 2n * size];
  return {
    machine,
    spaces,
    pages: [...pages, ...kernels].filter((page) => page < 1n << BigInt(architecture.wordBits) && units.isCanonical(units.pageOf(page))),
  };
};
