/** L6: the walk of an image, held against the machine that the image is of, and against a walk that is slow and obvious. */
import {
  ABSENT,
  FAULT_REASONS,
  fieldBits,
  initialSwitches,
  KERNEL,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  permits,
  PRIVILEGED,
  PROTECTION,
  READ,
  USER,
  type AddressSpace,
  type EntryFormat,
  type PageFlags,
} from "@portolan/core";
import { LOOKED_AT, ONCE, type Clause } from "../clause.js";
import { Failure, holds, same, show } from "../failure.js";
import { answerOf, heldBy, living, Look, noTree } from "../rig/images.js";
import { naiveWalk, readWord, rootFor, wordsOnTheWay, writeWord } from "../rig/naive.js";
import type { Rig } from "../rig/rig.js";
import { ACCESSES, inWords, PRIVILEGES, Scene, USER_ALL, type Answer } from "../rig/scene.js";
import { levelsOf } from "./l0-entries.js";
import { disturbed, largeWords } from "./l1-walk.js";

/** A byte within a page that is looked at. */
const OFFSET = 0x24n;

/** Every set of rights, for the kernel alone and for the user. */
const KINDS: readonly PageFlags[] = [0, PAGE_USER].flatMap((who) => Array.from({ length: 7 }, (_, i) => (i + 1) | who | PAGE_CACHEABLE));

const mapped = (rig: Rig, kinds: readonly PageFlags[]): { readonly scene: Scene; readonly pages: readonly number[] } => {
  const scene = new Scene(rig);
  const pages = kinds.map((flags, i) => {
    scene.map(scene.first + i, scene.frame(), flags);
    return scene.first + i;
  });
  return { scene, pages };
};

const wordsOf = (scene: Scene, page: number) =>
  wordsOnTheWay(
    scene.machine,
    rootFor(scene.machine, scene.context, scene.machine.parts.units.addressOf(page)),
    scene.machine.parts.units.addressOf(page),
    scene.rig.subject.oracle,
    scene.cpu.switches,
  );

/** What the slow walk says, in the words of an answer. */
const naively = (scene: Scene, address: bigint, access: (typeof ACCESSES)[number], privilege: (typeof PRIVILEGES)[number]): Answer => {
  const { machine, cpu, rig } = scene;
  const root = rootFor(machine, scene.context, address);
  const answer = naiveWalk(machine, root, address, access, privilege, rig.subject.oracle, cpu.switches);
  return "reason" in answer
    ? { fault: FAULT_REASONS[answer.reason] }
    : { frame: Number(answer.physical >> BigInt(rig.architecture.hardwarePageShift)) };
};

/** The image as it is, of a scene's tables as they are. */
const agrees = async (scene: Scene, look: Look, page: number, what: string): Promise<void> => {
  const address = scene.machine.parts.units.addressOf(page) + OFFSET;
  for (const access of ACCESSES)
    for (const privilege of PRIVILEGES)
      same(
        await look.answer(scene.space, address, access, privilege),
        naively(scene, address, access, privilege),
        `${inWords(access, privilege)} in the image, ${what}`,
      );
};

export const imageWalkClauses: readonly Clause[] = [
  {
    id: "L6.walk.as-the-live-machine",
    rule: "Of every page, mapped or not, the walk of an image gives each access the physical address, the rights and the fault of the live machine",
    source: "contract C-4.7, C-4.11; the port's manual",
    since: "1.2.0",
    traits: LOOKED_AT,
    async check(rig) {
      const { scene, pages } = mapped(rig, KINDS);
      const { machine } = scene;
      const { units } = machine.parts;
      const kernelPage = scene.kernelPage();
      scene.map(kernelPage, scene.frame(), READ | PAGE_GLOBAL | PAGE_CACHEABLE, machine.spaces.kernel.context);
      const asked = [scene.first - 1, ...pages, scene.first + pages.length, kernelPage];
      const live = asked.map((page) =>
        PRIVILEGES.flatMap((privilege) => ACCESSES.map((access) => scene.look(page, access, privilege, rig.perPage - 1))),
      );
      const look = new Look(rig, machine);
      const part = BigInt(rig.perPage - 1) << BigInt(rig.architecture.hardwarePageShift);
      for (const [i, page] of asked.entries()) {
        const address = units.addressOf(page) + part + OFFSET;
        const told = (answer: Answer): Answer => inTables(rig, answer, pages.includes(page) || page === kernelPage);
        for (const [which, expected] of (live[i] ?? []).entries()) {
          const privilege = PRIVILEGES[Math.floor(which / ACCESSES.length)] ?? KERNEL;
          const access = ACCESSES[which % ACCESSES.length] ?? READ;
          const what = `${inWords(access, privilege)} of page 0x${page.toString(16)}`;
          if (rig.has("software-refill")) {
            // All that the processor and its handlers look into, in their order.
            const held = { software: heldBy(machine, scene.space, scene.cpu) };
            const whole = await rig.reader.walk(look.memory, rig.architecture, held, address, { access, privilege });
            same(told(answerOf(whole, rig.architecture)), told(expected), `${what} in the image, with what the processor holds`);
            // What handlers give the kernel without asking anybody is in no table.
            if (privilege === KERNEL && (machine.parts.refill.fixedFrame?.(page * rig.perPage) ?? -1) >= 0) continue;
          }
          const walk = await look.walk(scene.space, address, access, privilege);
          same(told(answerOf(walk, rig.architecture)), told(expected), `${what} in the image`);
          if (walk.physical !== null)
            same(walk.physical & (BigInt(rig.pageSize) - 1n), part + OFFSET, `the byte of a ${what} in the image`);
          const rights = walk.kernelRights | (walk.userRights << 3);
          const isRefusal = "fault" in expected && expected.fault !== FAULT_REASONS[ABSENT];
          if ("frame" in expected || isRefusal)
            same(permits(rights, privilege, access), "frame" in expected, `the rights that the image tells permit a ${what}`);
        }
      }
    },
  },
  {
    id: "L6.walk.random-tables",
    rule: "Tables of any words at all are read from an image as the manual says, to the end or to a fault",
    source: "the port's manual; contract C-4.11; volatility3#134, #518: entries that are not what they look like",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree"],
    async check(rig) {
      const { isLong, isShort, policy } = rig.options;
      const isSample = !isLong && (isShort === true || policy !== "described");
      const rounds = isLong ? 2000 : isSample ? 15 : 60;
      const { scene, pages } = mapped(rig, [USER_ALL, READ | PAGE_USER | PAGE_CACHEABLE, READ | PAGE_CACHEABLE, USER_ALL]);
      const look = new Look(rig, scene.machine);
      const words = new Map(pages.flatMap((page) => wordsOf(scene, page).map((word) => [word.address, word] as const)));
      const kept = new Map([...words].map(([address, { bytes }]) => [address, readWord(scene.machine, address, bytes)]));
      for (const { address, bytes } of wordsOf(scene, scene.first)) {
        const word = kept.get(address) ?? 0n;
        for (let bit = isSample ? rig.random.below(4) : 0; bit < bytes * 8; bit += isSample ? 4 : 1) {
          writeWord(scene.machine, address, bytes, word ^ (1n << BigInt(bit)));
          await agrees(scene, look, scene.first, `bit ${bit} of the word at ${show(address)} turned over`);
        }
        writeWord(scene.machine, address, bytes, word);
      }
      for (let round = 0; round < rounds; round += 1) {
        for (const { address, bytes } of words.values())
          writeWord(scene.machine, address, bytes, disturbed(rig, kept.get(address) ?? 0n, bytes));
        for (const page of pages) {
          const way = wordsOf(scene, page);
          await agrees(
            scene,
            look,
            page,
            `tables of round ${round}: ${way.map(({ address, bytes }) => show(readWord(scene.machine, address, bytes))).join(" → ")}`,
          );
        }
      }
    },
    otherwise: noTree,
  },
  {
    id: "L6.walk.shows-the-words",
    rule: "A walk of an image shows every word on the way, where it lies, and stops where the tables do",
    source: "contract C-4.7",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree"],
    async check(rig) {
      const { scene, pages } = mapped(rig, [USER_ALL, READ | PAGE_USER]);
      const look = new Look(rig, scene.machine);
      const { user } = rig.architecture.layout;
      const { units } = scene.machine.parts;
      for (const page of [...pages, scene.first + 5, units.pageOf(user.last) - 5]) {
        const { steps, manual, rule } = await look.walk(scene.space, units.addressOf(page) + OFFSET, READ, USER);
        const way = wordsOf(scene, page);
        const told = steps.map(({ entryAddress, bytes, raw }) => ({ address: entryAddress ?? -1n, bytes, raw }));
        const expected = way.map(({ address, bytes }) => ({ address, bytes, raw: readWord(scene.machine, address, bytes) }));
        same(told, expected, `the words on the way to page 0x${page.toString(16)}`);
        for (const { raw, fields, table } of steps)
          for (const { name, low, high, value } of fields)
            same(value, (raw >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n), `${name} of the ${table}`);
        holds(manual !== "" && rule !== "", "the walk names no rule, or no section of a manual");
      }
    },
    otherwise: noTree,
  },
  {
    id: "L6.walk.large-pages",
    rule: "An entry above the last level is one page of an image, as large as the manual says, each byte where the live machine reaches it",
    source: "the port's manual; Intel SDM vol 3A §4.3, ARM DDI 0406C §B3.5",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree", "large-pages"],
    async check(rig) {
      const { scene } = mapped(rig, [USER_ALL]);
      const { machine } = scene;
      const { units } = machine.parts;
      const look = new Look(rig, machine);
      let found = 0;
      for (const [depth, level] of levelsOf(rig.architecture).slice(0, -1).entries()) {
        const word = wordsOf(scene, scene.first)[depth];
        if (level.leaf === undefined || word === undefined) continue;
        const kept = readWord(machine, word.address, word.bytes);
        for (const large of largeWords(rig, scene, depth).filter((_, i) => i % (rig.options.isShort === true ? 8 : 2) === 0)) {
          writeWord(machine, word.address, word.bytes, large | marksOf(level.leaf));
          const [entry] = wordsOf(scene, scene.first).slice(depth);
          // A page that fills several entries must be in all of them: with one alone the outcome is nobody's promise.
          if ((entry?.entry?.entries ?? 1) > 1) continue;
          const what = `level ${depth} holds ${show(large)}`;
          for (const page of [scene.first, scene.first + 1, scene.first + 5]) {
            scene.empty();
            const live = scene.raw(page * rig.perPage, READ, USER);
            same(await look.answer(scene.space, units.addressOf(page), READ, USER), live, `a user read in the image, ${what}`);
          }
          if (entry?.entry?.kind !== "leaf") continue;
          const address = units.addressOf(scene.first);
          const listed = (await look.list(scene.space)).filter(({ first, last }) => first <= address && address <= last);
          const { physical } = await look.walk(scene.space, address, READ, KERNEL);
          if (physical === null) continue;
          const [one] = listed;
          if (one === undefined || listed.length !== 1) throw new Failure(`a page is listed ${listed.length} times, ${what}`);
          same(BigInt(one.physical ?? -1) + (address - one.first), physical, `where the list has the page, ${what}`);
          const bytes = one.pageBytes ?? 0;
          holds(bytes > rig.pageSize && one.first % BigInt(bytes) === 0n, `a page of ${bytes} bytes, ${what}`);
          found += 1;
        }
        writeWord(machine, word.address, word.bytes, kept);
      }
      holds(found > 0, "no entry maps a large page");
    },
    otherwise: {
      rule: "Entries above the last level lead further down, and no page of an image is larger than a page",
      async check(rig) {
        if (!rig.has("tree")) return noTree.check(rig);
        const { scene, pages } = mapped(rig, [USER_ALL, USER_ALL]);
        const sizes = (await new Look(rig, scene.machine).list(scene.space)).map(({ pageBytes }) => pageBytes);
        same(
          sizes,
          pages.map(() => rig.pageSize),
          "sizes of the pages",
        );
      },
    },
  },
  {
    id: "L6.walk.switches-decide",
    rule: "The same image read under another setting of a switch gives what the live machine gives under it",
    source: "contract C-5.8",
    since: "1.2.0",
    traits: ONCE,
    needs: ["switches", "hardware-walk"],
    async check(rig) {
      const { scene, pages } = mapped(rig, [USER_ALL, READ | PAGE_USER | PAGE_CACHEABLE, READ | PAGE_CACHEABLE]);
      const { units } = scene.machine.parts;
      const initial = initialSwitches(rig.architecture);
      const memory = living(scene.machine);
      for (const name of Object.keys(initial)) {
        for (const setting of [!initial[name], initial[name]]) {
          scene.cpu.setSwitch(name, setting);
          const look = new Look(rig, scene.machine, memory, { ...scene.cpu.switches });
          for (const page of pages) {
            for (const access of ACCESSES) {
              for (const privilege of PRIVILEGES) {
                scene.empty();
                const live = scene.raw(page * rig.perPage, access, privilege);
                const told = await look.answer(scene.space, units.addressOf(page), access, privilege);
                same(told, live, `${inWords(access, privilege)} in the image, with ${name} = ${String(setting)}`);
              }
            }
          }
        }
      }
    },
    otherwise: {
      rule: "A reader refuses a switch that the machine has not",
      async check(rig) {
        if (!rig.has("tree")) return noTree.check(rig);
        const { scene } = mapped(rig, [USER_ALL]);
        const look = new Look(rig, scene.machine, undefined, { "no such switch": true });
        await refusesSwitch(look, scene.space, scene.machine.parts.units.addressOf(scene.first));
      },
    },
  },
  {
    id: "L6.walk.not-present-is-nothing",
    rule: "A word that is not present is told as absent whatever its other bits hold, and maps nothing in any answer",
    source: "volatility3#134, #518; contract C-4.11",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree"],
    async check(rig) {
      const { scene, pages } = mapped(rig, [USER_ALL, USER_ALL]);
      const { machine, first } = scene;
      const look = new Look(rig, machine);
      const word = wordsOf(scene, first).at(-1);
      if (word === undefined) throw new Failure("a page has no entry");
      const address = machine.parts.units.addressOf(first);
      const [low, high] = [rig.random, rig.random];
      let tried = 0;
      for (let round = 0; round < 200 && tried < 24; round += 1) {
        const bits = ((BigInt(high.word()) << 32n) | BigInt(low.word())) & ((1n << BigInt(word.bytes * 8)) - 1n);
        writeWord(machine, word.address, word.bytes, bits);
        if (wordsOf(scene, first).at(-1)?.entry?.kind !== "absent") continue;
        tried += 1;
        const what = `an entry that holds ${show(bits)}`;
        same(await look.answer(scene.space, address, READ, USER), scene.fault(ABSENT), `a read of ${what}`);
        same([...(await look.pages(scene.space)).keys()], pages.slice(1), `pages that are listed beside ${what}`);
        const { bytes } = await rig.reader.bytes(look.memory, rig.architecture, look.roots(scene.space), address, 4);
        same(bytes.length, 0, `bytes that are read through ${what}`);
      }
      writeWord(machine, word.address, word.bytes, 0n);
      same(await look.answer(scene.space, address, READ, USER), scene.fault(ABSENT), "a read of an entry of zeros");
    },
    otherwise: noTree,
  },
  {
    id: "L6.walk.leaves-no-mark",
    rule: "Whoever looks into memory changes nothing: no entry is marked as accessed or written, and no translation is remembered",
    source: "contract C-4.7",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const { scene, pages } = mapped(rig, [USER_ALL, USER_ALL, READ | PAGE_USER]);
      const { machine, space } = scene;
      const { memory, units } = machine.parts;
      const buffers = (): number => {
        let count = 0;
        for (const tlb of new Set([scene.cpu.dataTlb, scene.cpu.instructionTlb])) tlb.each(() => (count += 1));
        return count;
      };
      scene.empty();
      const before = [memory.digest(memory.firstFrame, memory.frameCount), buffers()];
      const look = new Look(rig, machine);
      for (const page of pages)
        for (const access of ACCESSES) for (const privilege of PRIVILEGES) await look.walk(space, units.addressOf(page), access, privilege);
      await look.list(space);
      await rig.reader.explain(look.memory, rig.architecture, look.roots(space), units.addressOf(scene.first));
      await rig.reader.check(look.memory, rig.architecture, look.roots(space));
      await rig.reader.bytes(look.memory, rig.architecture, look.roots(space), units.addressOf(scene.first), rig.pageSize);
      same([memory.digest(memory.firstFrame, memory.frameCount), buffers()], before, "memory, and entries of TLBs, after looking");
    },
  },
];

/**
 * Handlers that fill a TLB tell refusals in words of their own: a fetch of what may not be executed may be a miss, and the kernel's
 * entries refuse in another way once the TLB has them. That a page which is mapped refuses is the same.
 */
const inTables = (rig: Rig, answer: Answer, isMapped: boolean): Answer => {
  const refusals = [ABSENT, PRIVILEGED, PROTECTION].map((reason) => FAULT_REASONS[reason] as string);
  const isRefusal = "fault" in answer && refusals.includes(answer.fault);
  return rig.has("software-refill") && isMapped && isRefusal ? { fault: FAULT_REASONS[PROTECTION] } : answer;
};

/** The bits of a format that say that a page was accessed. */
const marksOf = ({ fields }: EntryFormat): bigint =>
  fields.reduce((sum, field) => (field.role === "accessed" ? sum | (1n << BigInt(fieldBits(field)[1])) : sum), 0n);

const refusesSwitch = async (look: Look, space: AddressSpace, address: bigint): Promise<void> => {
  let isRefused = false;
  try {
    await look.walk(space, address, READ, USER);
  } catch {
    isRefused = true;
  }
  holds(isRefused, "a switch that there is not is accepted");
};
