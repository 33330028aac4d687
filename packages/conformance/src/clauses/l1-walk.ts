/** L1: the walk of a tree, word by word, against a walk that is slow and obvious. */
import { ABSENT, fieldBits, initialSwitches, KERNEL, NO_FAULT, READ, RESERVED, USER, WRITE, type EntryFormat } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { Failure, holds, same, show } from "../failure.js";
import { entryBytesOf, naiveWalk, readWord, rootFor, wordsOnTheWay, writeWord } from "../rig/naive.js";
import type { Rig } from "../rig/rig.js";
import { ACCESSES, inWords, PRIVILEGES, Scene, USER_ALL, type Answer } from "../rig/scene.js";
import { levelsOf } from "./l0-entries.js";

const isSoftwares = {
  rule: "Tables that no hardware reads are read by the port's refill code alone",
  check: ({ architecture }: Rig) => same(architecture.tlb.refill, "software", "who fills the TLB"),
};

/** What the naive walk says, in the words of an answer. */
const naively = (scene: Scene, hardwarePage: number, access: (typeof ACCESSES)[number], privilege: (typeof PRIVILEGES)[number]): Answer => {
  const { machine, cpu, rig } = scene;
  const shift = BigInt(rig.architecture.hardwarePageShift);
  const address = BigInt(hardwarePage) << shift;
  const root = rootFor(machine, cpu.contextFor(privilege), address);
  const answer = naiveWalk(machine, root, address, access, privilege, rig.subject.oracle, cpu.switches);
  return "reason" in answer ? scene.fault(answer.reason) : { frame: Number(answer.physical >> shift) };
};

/** The words that translate a page: address, bytes. */
const wordsOf = (scene: Scene, page: number) =>
  wordsOnTheWay(
    scene.machine,
    BigInt(scene.context.root),
    scene.machine.parts.units.addressOf(page),
    scene.rig.subject.oracle,
    scene.cpu.switches,
  );

const agree = (scene: Scene, page: number, what: string): void => {
  for (const access of ACCESSES) {
    for (const privilege of PRIVILEGES) {
      scene.empty();
      const expected = naively(scene, page * scene.rig.perPage, access, privilege);
      const actual = scene.bare(page * scene.rig.perPage, access, privilege);
      same(actual, expected, `${inWords(access, privilege)}, ${what}`);
    }
  }
};

/** Which format a word at a level has now. */
const formatAt = (rig: Rig, depth: number, kind: string | undefined): EntryFormat | undefined => {
  const level = levelsOf(rig.architecture)[depth];
  return kind === "table" ? level?.table : level?.leaf;
};

const mapped = (rig: Rig): { readonly scene: Scene; readonly frame: number } => {
  const scene = new Scene(rig);
  const frame = scene.frame();
  scene.map(scene.first, frame, USER_ALL);
  return { scene, frame };
};

export const walkClauses: readonly Clause[] = [
  {
    id: "L1.walk.single-bits",
    rule: "Each single bit of each word on the way changes the answer as the manual says, and no other way",
    source: "the port's manual; contract C-4.11, C-5.7",
    since: "1.0.0",
    traits: ONCE,
    needs: ["hardware-walk"],
    check(rig) {
      const { scene } = mapped(rig);
      for (const [depth, word] of wordsOf(scene, scene.first).entries()) {
        const raw = readWord(scene.machine, word.address, word.bytes);
        for (let bit = 0; bit < word.bytes * 8; bit += 1) {
          writeWord(scene.machine, word.address, word.bytes, raw ^ (1n << BigInt(bit)));
          agree(scene, scene.first, `bit ${bit} of level ${depth} turned over`);
          writeWord(scene.machine, word.address, word.bytes, raw);
        }
      }
    },
    otherwise: isSoftwares,
  },
  {
    id: "L1.walk.rights-of-all-levels",
    rule: "Rights are those that every level lets through: each combination at each level restricts, none adds",
    source: "contract C-4.11; Intel SDM vol 3A §4.6",
    since: "1.0.0",
    traits: ONCE,
    needs: ["pointer-rights"],
    check(rig) {
      const { scene } = mapped(rig);
      const words = wordsOf(scene, scene.first);
      const raws = words.map(({ address, bytes }) => readWord(scene.machine, address, bytes));
      const bitsAt = words.map(({ entry }, depth) =>
        (formatAt(rig, depth, entry?.kind)?.rights?.reads ?? []).flatMap((field) => {
          const [high, low] = fieldBits(field);
          return Array.from({ length: high - low + 1 }, (_, i) => BigInt(low + i));
        }),
      );
      const total = bitsAt.reduce((sum, bits) => sum + bits.length, 0);
      const rounds = total <= 9 ? 2 ** total : 512;
      for (let round = 0; round < rounds; round += 1) {
        let rest = total <= 9 ? round : rig.random.word();
        words.forEach(({ address, bytes }, depth) => {
          let word = raws[depth] ?? 0n;
          for (const bit of bitsAt[depth] ?? []) {
            if (rest % 2 === 1) word ^= 1n << bit;
            rest = Math.floor(rest / 2);
          }
          writeWord(scene.machine, address, bytes, word);
        });
        agree(
          scene,
          scene.first,
          `rights of the levels: ${words.map(({ address, bytes }) => show(readWord(scene.machine, address, bytes))).join(" → ")}`,
        );
      }
    },
    otherwise: {
      rule: "Pointers without rights restrict nothing",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_ALL);
        same(scene.look(scene.first, READ, USER), scene.at(frame), "a page that the leaf permits");
      },
    },
  },
  {
    id: "L1.walk.reserved-bits-fault",
    rule: "A reserved bit that is set is a fault, at every level, in pointers and in leaves",
    source: "the port's manual; contract P-2.1; Intel SDM vol 3A §4.7",
    since: "1.0.0",
    traits: ONCE,
    needs: ["reserved-bits"],
    check(rig) {
      const { scene } = mapped(rig);
      let tried = 0;
      for (const [depth, word] of wordsOf(scene, scene.first).entries()) {
        const format = formatAt(rig, depth, word.entry?.kind);
        const raw = readWord(scene.machine, word.address, word.bytes);
        for (const field of format?.fields ?? []) {
          if (field.role !== "reserved") continue;
          const [high, low] = fieldBits(field);
          for (let bit = low; bit <= high; bit += 1) {
            writeWord(scene.machine, word.address, word.bytes, raw | (1n << BigInt(bit)));
            scene.empty();
            same(scene.raw(scene.first * rig.perPage, READ, USER), scene.fault(RESERVED), `bit ${bit} (${field.name}) of level ${depth}`);
            tried += 1;
          }
        }
        writeWord(scene.machine, word.address, word.bytes, raw);
      }
      holds(tried > 0 || levelsOf(rig.architecture).some(({ leaf }) => leaf !== undefined), "no reserved bit was tried");
    },
    otherwise: {
      rule: "Bits that the description does not reserve, or that the processor ignores, fault nowhere",
      check(rig) {
        const scene = new Scene(rig);
        const frame = scene.frame();
        scene.map(scene.first, frame, USER_ALL);
        same(scene.look(scene.first, READ, USER), scene.at(frame), "an ordinary page");
      },
    },
  },
  {
    id: "L1.walk.random-tables",
    rule: "Tables of any words at all are walked as the manual says, to the end or to a fault",
    source: "the port's manual; contract C-5.7",
    since: "1.0.0",
    traits: ONCE,
    needs: ["hardware-walk"],
    check(rig) {
      const rounds = rig.options.isLong ? 4000 : 150;
      const scene = new Scene(rig);
      const pages = Array.from({ length: 6 }, (_, i) => scene.first + i);
      for (const page of pages) scene.map(page, scene.frame(), USER_ALL);
      const kept = new Map<bigint, { readonly bytes: number; readonly word: bigint }>();
      for (const page of pages)
        for (const { address, bytes } of wordsOf(scene, page)) kept.set(address, { bytes, word: readWord(scene.machine, address, bytes) });
      for (let round = 0; round < rounds; round += 1) {
        for (const [address, { bytes, word }] of kept) writeWord(scene.machine, address, bytes, disturbed(rig, word, bytes));
        // A page that fills several entries must be in all of them: with one alone the outcome is nobody's promise.
        for (const page of pages) {
          for (const { address, bytes, entry } of wordsOf(scene, page))
            if ((entry?.entries ?? 1) > 1) writeWord(scene.machine, address, bytes, kept.get(address)?.word ?? 0n);
        }
        for (const page of pages)
          agree(
            scene,
            page,
            `tables of round ${round}: ${wordsOf(scene, page)
              .map(({ address, bytes }) => show(readWord(scene.machine, address, bytes)))
              .join(" → ")}`,
          );
      }
    },
    otherwise: isSoftwares,
  },
  {
    id: "L1.walk.large-pages",
    rule: "An entry above the last level maps its whole range, each page to its own frame, and its malformed forms fault",
    source: "the port's manual; Intel SDM vol 3A §4.3, ARM DDI 0406C §B3.5",
    since: "1.0.0",
    traits: ["cold", "warm"],
    needs: ["large-pages"],
    check(rig) {
      const scene = new Scene(rig);
      scene.map(scene.first, scene.frame(), USER_ALL);
      const words = wordsOf(scene, scene.first);
      let found = 0;
      for (const [depth, level] of levelsOf(rig.architecture).slice(0, -1).entries()) {
        const word = words[depth];
        if (level.leaf === undefined || word === undefined) continue;
        const kept = readWord(scene.machine, word.address, word.bytes);
        const large = largeWords(rig, scene, depth);
        for (const one of large) {
          writeWord(scene.machine, word.address, word.bytes, one);
          for (const page of [scene.first, scene.first + 1, scene.first + 5])
            agree(scene, page, `level ${depth} holds 0x${one.toString(16)}`);
          // And from a TLB that came to know it by another page.
          scene.empty();
          const [near, far] = [scene.first, scene.first + 5].map((page) => scene.raw(page * rig.perPage, READ, USER));
          if (near !== undefined && far !== undefined && "frame" in near && "frame" in far)
            holds(
              far.frame - near.frame === 5 * rig.perPage,
              `level ${depth}: the sixth page lies ${far.frame - near.frame} frames after the first`,
            );
          found += 1;
        }
        writeWord(scene.machine, word.address, word.bytes, kept);
      }
      holds(found > 0, "no entry maps a large page");
    },
    otherwise: {
      rule: "Entries above the last level lead further down or nowhere",
      check({ architecture }) {
        for (const level of levelsOf(architecture).slice(0, -1))
          holds(level.leaf === undefined || architecture.tlb.refill === "software", `the ${level.name} maps pages`);
      },
    },
  },
  {
    id: "L1.walk.switches-decide-at-once",
    rule: "A switch of the processor decides from the next access on, with the TLB full of what was true before",
    source: "contract C-5.8",
    since: "1.0.0",
    traits: ["warm"],
    needs: ["switches", "hardware-walk"],
    check(rig) {
      const initial = initialSwitches(rig.architecture);
      for (const name of Object.keys(initial)) {
        const scene = new Scene(rig);
        const pages = [USER_ALL, READ | 8 | 32, READ | 32].map((flags, i) => {
          scene.map(scene.first + i, scene.frame(), flags);
          return scene.first + i;
        });
        for (const setting of [!initial[name], initial[name]]) {
          // The kernel last: what it may do is what switches decide on, and a refused user may cost an entry.
          for (const privilege of [USER, KERNEL] as const)
            for (const page of pages) for (const access of ACCESSES) scene.raw(page * rig.perPage, access, privilege);
          scene.cpu.setSwitch(name, setting);
          for (const page of pages) {
            for (const access of ACCESSES) {
              for (const privilege of PRIVILEGES) {
                const expected = naively(scene, page * rig.perPage, access, privilege);
                same(
                  scene.bare(page * rig.perPage, access, privilege),
                  expected,
                  `${inWords(access, privilege)} after ${name} = ${String(setting)}`,
                );
              }
            }
          }
        }
      }
    },
    otherwise: {
      rule: "Without switches that a walker reads there is nothing that could change",
      check: ({ architecture }) =>
        holds(Object.keys(architecture.switches).length === 0 || architecture.tlb.refill === "software", "a walker reads switches"),
    },
  },
  {
    id: "L1.walk.explained-as-done",
    rule: "The explanation of a walk gives the answer that the processor gives, and shows the words that lie in memory",
    source: "contract C-4.7",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const scene = new Scene(rig);
      const flags = [USER_ALL, READ | 8 | 32, READ | WRITE | 32, READ | 4 | 8];
      flags.forEach((each, i) => scene.map(scene.first + i, scene.frame(), each));
      for (let page = scene.first - 1; page <= scene.first + flags.length; page += 1) {
        for (const access of ACCESSES) {
          if (access === WRITE && !rig.has("hardware-walk")) continue;
          scene.empty();
          const address = scene.machine.parts.units.addressOf(page);
          const walk = scene.machine.walk(scene.space, address, access, USER, scene.cpu.id);
          const what = `${inWords(access, USER)} of page 0x${page.toString(16)}`;
          for (const { entryAddress, raw, bytes, table } of walk.steps) {
            if (entryAddress === null || (bytes !== 4 && bytes !== 8) || !rig.has("tree")) continue;
            same(readWord(scene.machine, entryAddress, bytes), raw, `the word of the ${table}`);
          }
          const answer = scene.bare(page * rig.perPage, access, USER);
          same(walk.reason === NO_FAULT, "frame" in answer, `the explanation of a ${what} succeeds`);
          if ("frame" in answer)
            same(walk.physical, BigInt(answer.frame) << BigInt(rig.architecture.hardwarePageShift), `the explanation of a ${what}`);
          holds(walk.rule !== "", "the explanation names no rule");
        }
      }
    },
  },
  {
    id: "L1.tables.exact",
    rule: "A space has exactly the tables that its mappings need, and gives them back",
    source: "contract C-4.9",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const scene = new Scene(rig);
      const { frames, tables } = scene.machine.parts;
      const own = Array.from({ length: 4 }, () => scene.frame());
      const [free, bytes] = [frames.free, tables.bytes(scene.context)];
      const far = scene.machine.parts.units.pageOf(rig.architecture.layout.user.last) - 3;
      const pages = [scene.first, scene.first + 1, far, far + 1];
      pages.forEach((page, i) => scene.map(page, own[i] ?? 0, USER_ALL));
      pages.forEach((page) => scene.unmap(page));
      same(tables.bytes(scene.context), bytes, "bytes of tables after everything was unmapped");
      same(frames.free, free, "free frames after everything was unmapped");
      for (const page of pages) same(scene.look(page, READ, USER), scene.fault(ABSENT), "a page that was unmapped");
    },
  },
  {
    id: "L1.tables.insert-twice",
    rule: "Mapping a page that is mapped is an error, and the first mapping stays",
    source: "contract C-4.2",
    since: "1.0.0",
    traits: ["cold", "warm"],
    check(rig) {
      const { scene, frame } = mapped(rig);
      const other = scene.frame();
      let isRefused = false;
      try {
        scene.map(scene.first, other, USER_ALL);
      } catch {
        isRefused = true;
      }
      holds(isRefused, "a second mapping of a page is accepted");
      same(scene.look(scene.first, READ, USER), scene.at(frame), "the page after a second mapping was refused");
    },
  },
  {
    id: "L1.tables.update-keeps-frame-and-marks",
    rule: "A change of rights keeps the frame and the marks of a page",
    source: "contract C-4.4",
    since: "1.0.0",
    traits: ["cold", "warm"],
    check(rig) {
      const { scene, frame } = mapped(rig);
      scene.look(scene.first, WRITE, USER);
      const { tables } = scene.machine.parts;
      tables.find(scene.context, scene.first);
      const marks = tables.found.flags & (64 | 128);
      scene.protect(scene.first, READ | 8 | 32);
      holds(tables.find(scene.context, scene.first), "the page is gone");
      same(tables.found.frame, frame, "its frame");
      same(tables.found.flags & (64 | 128), marks, "its marks");
      same(scene.look(scene.first, READ, USER), scene.at(frame), "a read of it");
    },
  },
];

/** A word with a few of its bits turned over, or any at all. */
export const disturbed = (rig: Rig, word: bigint, bytes: number): bigint => {
  const width = bytes * 8;
  const choice = rig.random.below(8);
  if (choice < 3) return word;
  if (choice === 3) return (BigInt(rig.random.word()) * 2n ** 32n + BigInt(rig.random.word())) & ((1n << BigInt(width)) - 1n);
  let result = word;
  for (let times = rig.random.below(3); times >= 0; times -= 1) result ^= 1n << BigInt(rig.random.below(width));
  return result;
};

/** Words of a level that map a large page over RAM: every single bit over a found one, so that malformed ones are among them. */
export const largeWords = (rig: Rig, scene: Scene, depth: number): readonly bigint[] => {
  const level = levelsOf(rig.architecture)[depth];
  if (level?.leaf === undefined) throw new Failure(`level ${depth} maps nothing`);
  const bytes = entryBytesOf(level);
  const bits = level.kind.reads.flatMap((field) => {
    const [high, low] = fieldBits(field);
    return Array.from({ length: high - low + 1 }, (_, i) => 1n << BigInt(low + i));
  });
  const rightsBits = (level.leaf.rights?.reads ?? []).flatMap((field) => {
    const [high, low] = fieldBits(field);
    return Array.from({ length: high - low + 1 }, (_, i) => 1n << BigInt(low + i));
  });
  const leaves: bigint[] = [];
  for (let combination = 0; combination < 2 ** bits.length; combination += 1) {
    const word = bits.reduce((sum, bit, i) => (Math.floor(combination / 2 ** i) % 2 === 1 ? sum | bit : sum), 0n);
    const values = Object.fromEntries(
      level.kind.reads.map((field) => [
        field.name,
        Number((word >> BigInt(fieldBits(field)[1])) & ((1n << BigInt(fieldBits(field)[0] - fieldBits(field)[1] + 1)) - 1n)),
      ]),
    );
    if (level.kind.tell(values, scene.cpu.switches) === "leaf") leaves.push(rightsBits.reduce((sum, bit) => sum | bit, word));
  }
  return leaves.slice(0, 3).flatMap((leaf) => [leaf, ...Array.from({ length: bytes * 8 }, (_, bit) => leaf ^ (1n << BigInt(bit)))]);
};
