/** L6: images as files, whose roots are looked for in them, and why accesses would fault. */
import {
  ABSENT,
  BUS,
  FAULT_REASONS,
  fieldBits,
  KERNEL,
  PROTECTION,
  READ,
  RESERVED,
  USER,
  WRITE,
  EXECUTE,
  PAGE_CACHEABLE,
  PAGE_USER,
  type Machine,
} from "@portolan/core";
import { bytesSource, regionOf, regionsOf, type MemoryImage, type RegionContents } from "@portolan/image";
import type { AccessExplanation, Refusal } from "@portolan/inspect";
import { ONCE, type Clause } from "../clause.js";
import { Failure, holds, same, show } from "../failure.js";
import { Dump, living, Look, noTree, rootsOf, wholeOf } from "../rig/images.js";
import { readWord, rootFor, wordsOnTheWay, writeWord } from "../rig/naive.js";
import type { Rig } from "../rig/rig.js";
import { inWords, Scene, USER_ALL } from "../rig/scene.js";
import { levelsOf } from "./l0-entries.js";

const FORMATS = ["raw", "elf-core", "lime"] as const;
type Format = (typeof FORMATS)[number];

/** A machine whose memory holds bytes everywhere, in three stretches with holes between them. */
const filled = (rig: Rig): { readonly scene: Scene; readonly dump: Dump; readonly regions: readonly RegionContents[] } => {
  const scene = new Scene(rig, { memoryBytes: 48 * rig.pageSize });
  const { memory, frames } = scene.machine.parts;
  for (let i = 0; i < 6; i += 1) {
    const frame = scene.frame();
    scene.map(scene.first + i, frame, USER_ALL);
    for (let at = 0; at < rig.pageSize; at += rig.pageSize / 8) memory.write32(frame * rig.pageSize + at, rig.random.word());
  }
  const dump = new Dump(scene.machine);
  const { firstFrame, frameCount } = memory;
  // Two frames that nobody uses are left out.
  const free = Array.from({ length: frameCount }, (_, i) => firstFrame + i).filter((frame) => frames.references(frame) === 0);
  const holes = [free.at(-9), free.at(-4)].filter((frame): frame is number => frame !== undefined);
  const bounds = [firstFrame - 1, ...holes, firstFrame + frameCount];
  const regions = bounds.slice(1).flatMap((end, i) => {
    const first = (bounds[i] ?? 0) + 1;
    if (end <= first) return [];
    const bytes = new Uint8Array((end - first) * rig.pageSize);
    dump.readNow(first * rig.pageSize, bytes);
    return [regionOf(first * rig.pageSize, bytes)];
  });
  return { scene, dump, regions };
};

/** The file, whole. */
const written = (rig: Rig, format: Format, regions: readonly RegionContents[]): Promise<Uint8Array> => {
  const { wordBits: bits, byteOrder } = rig.architecture;
  const { writeRaw, writeElf, writeLime } = rig.reader;
  const base = regions[0]?.first ?? 0;
  const pieces =
    format === "raw"
      ? writeRaw(regions, { base })
      : format === "lime"
        ? writeLime(regions)
        : writeElf(regions, { bits, byteOrder, machine: 0 });
  return wholeOf(pieces);
};

/** Opened by its first bytes; a raw one with what no byte of it tells. */
const opened = (rig: Rig, format: Format, file: Uint8Array, regions: readonly RegionContents[]): Promise<MemoryImage> => {
  if (format !== "raw") return rig.reader.open(bytesSource(file));
  const holes = regions.slice(1).map(({ first }, i) => {
    const before = regions[i] ?? { first: 0, bytes: 0 };
    return { first: before.first + before.bytes, bytes: first - before.first - before.bytes };
  });
  return rig.reader.open(bytesSource(file), { format, base: regions[0]?.first ?? 0, holes });
};

const spansOf = (regions: readonly { readonly first: number; readonly bytes: number }[]) =>
  regions.map(({ first, bytes }) => [first, bytes]);

/** Fills frames that nobody uses with words of all kinds. */
const addNoise = (rig: Rig, machine: Machine, most: number): void => {
  const { memory, frames } = machine.parts;
  let left = most;
  for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount && left > 0; frame += 1) {
    if (frames.references(frame) !== 0) continue;
    left -= 1;
    for (let at = 0; at < Math.min(memory.frameSize, 4096); at += 4) memory.write32(frame * memory.frameSize + at, rig.random.word());
  }
};

/** Accesses that are explained. */
const ASKED = [
  [READ, USER],
  [WRITE, USER],
  [EXECUTE, USER],
  [WRITE, KERNEL],
] as const;

export const imageFileClauses: readonly Clause[] = [
  {
    id: "L6.image.every-byte",
    rule: "An image has every byte of memory at its physical address, and nothing where there is no memory",
    source: "contract C-1.1; QEMU dump-guest-memory; MemProcFS#263",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      for (const format of FORMATS) {
        const { scene, regions } = filled(rig);
        const { memory } = scene.machine.parts;
        const image = await opened(rig, format, await written(rig, format, regions), regions);
        same(image.format, format, "the format that is recognised");
        same(spansOf(regionsOf(image)), spansOf(regions), `stretches of memory in an image (${format})`);
        const target = new Uint8Array(16);
        for (const { first, bytes } of regions) {
          for (let address = first; address < first + bytes; address += rig.pageSize / 8) {
            same(await image.read(address, target), 16, `bytes at ${show(BigInt(address))} (${format})`);
            const live = Array.from(target, (_, i) => memory.read8(address + i));
            same([...target], live, `what lies at ${show(BigInt(address))} (${format})`);
          }
          same(await image.read(first + bytes - 8, target), 8, `bytes before the end at ${show(BigInt(first + bytes))} (${format})`);
          same(await image.read(first + bytes, target), 0, `bytes behind the end at ${show(BigInt(first + bytes))} (${format})`);
        }
      }
    },
  },
  {
    id: "L6.image.formats-tell-the-same",
    rule: "Raw memory, an ELF core and LiME of one moment tell the same of every space",
    source: "System V ABI, ELF; LiME doc/README; contract C-4.7",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const { scene, dump, regions } = filled(rig);
      const { machine, space } = scene;
      const expected = await new Look(rig, machine, dump).list(space);
      holds(expected.length >= 6, "too few pages are listed");
      for (const format of FORMATS) {
        const image = await opened(rig, format, await written(rig, format, regions), regions);
        const look = new Look(rig, machine, image);
        same(await look.list(space), expected, `what is listed of an image (${format})`);
        for (let page = scene.first - 1; page < scene.first + 7; page += 1) {
          const address = machine.parts.units.addressOf(page);
          const [ours, theirs] = [new Look(rig, machine, dump), look];
          same(
            await theirs.answer(space, address, READ, USER),
            await ours.answer(space, address, READ, USER),
            `a read of page 0x${page.toString(16)} (${format})`,
          );
        }
      }
    },
  },
  {
    id: "L6.image.written-again-is-the-same",
    rule: "An image that is opened and written again is the same, byte for byte",
    source: "System V ABI, ELF; LiME doc/README",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const { regions } = filled(rig);
      for (const format of FORMATS) {
        const file = await written(rig, format, regions);
        const again = await written(rig, format, regionsOf(await opened(rig, format, file, regions)));
        same(again.length, file.length, `bytes of an image that was written again (${format})`);
        const at = file.findIndex((byte, i) => byte !== again[i]);
        same(at, -1, `the first byte that differs in an image that was written again (${format})`);
      }
    },
  },
  {
    id: "L6.roots.found-among-noise",
    rule: "Roots of all address spaces are found in an image without any hint, before anything that is none, whatever lies in the rest of memory",
    source: "MemProcFS#238; contract C-4.1",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const scene = new Scene(rig, { memoryBytes: 128 * rig.pageSize });
      const { machine } = scene;
      const spaces = [scene.space, machine.spaces.create(), machine.spaces.create()];
      for (const space of spaces)
        for (let page = scene.first; page < scene.first + 10; page += 1) scene.map(page, scene.frame(), USER_ALL, space.context);
      addNoise(rig, machine, 32);
      const { switches } = machine.cpu(0);
      const { candidates } = await rig.reader.roots(new Dump(machine), rig.architecture, { switches });
      const kernels = rootsOf(machine, scene.space).kernelRoot === undefined ? 0 : 1;
      // The kernel's own space has a root as well, and where each half has one a table may serve as either.
      const first = candidates.slice(0, 2 * (spaces.length + 1 + kernels)).map(({ root }) => root);
      const shared = machine.parts.tables.registers?.["hash"];
      const sought = shared === undefined ? spaces.map(({ context }) => context.root) : [Number(shared)];
      for (const root of sought)
        holds(
          first.includes(root),
          `the root ${show(BigInt(root))} is not among the first: ${first.map((one) => show(BigInt(one))).join(", ")}`,
        );
    },
  },
  {
    id: "L6.explain.culprit-lets-it-through",
    rule: "What is said to be to blame for a fault is: with the named bits and switches changed the live machine lets the access through",
    source: "contract C-4.7; Intel SDM vol 3A §4.7",
    since: "1.2.0",
    traits: ONCE,
    needs: ["tree"],
    async check(rig) {
      const scene = new Scene(rig);
      for (const [i, flags] of [USER_ALL, READ | PAGE_USER | PAGE_CACHEABLE, READ | PAGE_CACHEABLE].entries())
        scene.map(scene.first + i, scene.frame(), flags);
      const tally = { faults: 0, mended: 0 };
      for (const page of [scene.first, scene.first + 1, scene.first + 2]) {
        await mendedOrFail(scene, page, tally, "as it was mapped");
        if (page !== scene.first) continue;
        const { machine } = scene;
        const address = machine.parts.units.addressOf(page);
        const root = rootFor(machine, scene.context, address);
        for (const [depth, word] of wordsOnTheWay(machine, root, address, rig.subject.oracle, scene.cpu.switches).entries()) {
          const raw = readWord(machine, word.address, word.bytes);
          const level = levelsOf(rig.architecture)[depth];
          const format = word.entry?.kind === "table" ? level?.table : level?.leaf;
          for (const field of format?.fields ?? []) {
            if (field.role === "frame" || field.role === "ignored") continue;
            const [high, low] = fieldBits(field);
            for (let bit = low; bit <= high; bit += 1) {
              writeWord(machine, word.address, word.bytes, raw ^ (1n << BigInt(bit)));
              await mendedOrFail(scene, page, tally, `bit ${bit} (${field.name}) of level ${depth} turned over`);
              writeWord(machine, word.address, word.bytes, raw);
            }
          }
        }
      }
      holds(tally.faults > 0 && tally.mended > 0, `${tally.faults} faults were explained, ${tally.mended} mended`);
    },
    otherwise: noTree,
  },
];

/** Explains each access, and where it would fault changes what is to blame, on the live machine, which is put back afterwards. */
const mendedOrFail = async (scene: Scene, page: number, tally: { faults: number; mended: number }, what: string): Promise<void> => {
  const { rig, machine, space, cpu } = scene;
  const memory = living(machine);
  for (const part of [0, 3]) {
    // The four quarters of a page may have rights of their own.
    const address = machine.parts.units.addressOf(page) + BigInt((part * rig.pageSize) / 4);
    const hardwarePage = page * rig.perPage + (part === 0 ? 0 : rig.perPage - 1);
    for (const [access, privilege] of ASKED) {
      const roots = rootsOf(machine, space);
      const told = await rig.reader.explain(memory, rig.architecture, roots, address, { access, privilege, switches: cpu.switches });
      const name = `${inWords(access, privilege)}, ${what}`;
      scene.empty();
      const before = part === 0 ? scene.bare(hardwarePage, access, privilege) : null;
      if (before !== null && told.walk.isInImage) same(told.faults, "fault" in before, `an explanation says that a ${name}, faults`);
      if (!told.faults) continue;
      tally.faults += 1;
      const { reason } = told.walk;
      if (reason === ABSENT || reason === RESERVED) holds(told.refusals.length > 0, `nobody is to blame for a ${name}`);
      if (told.refusals.length === 0 || told.refusals.some(({ culprits }) => culprits.length === 0)) continue;
      const restore = applied(scene, told);
      if (restore === null) continue;
      const after = await rig.reader.explain(memory, rig.architecture, roots, address, { access, privilege, switches: cpu.switches });
      scene.empty();
      const live = part === 0 ? scene.bare(hardwarePage, access, privilege) : null;
      restore();
      tally.mended += 1;
      const culprits = told.refusals.flatMap((refusal) => refusal.culprits.map((one) => `${refusal.table}: ${one.name}`)).join(", ");
      const isThrough = (fault: string): boolean =>
        fault === FAULT_REASONS[BUS] || fault === "unmarked" || (reason !== PROTECTION && fault !== FAULT_REASONS[reason]);
      const faulted = [
        after.faults && after.walk.reason === reason ? after.walk.reasonName : "",
        live !== null && "fault" in live ? live.fault : "",
      ];
      for (const fault of faulted)
        holds(fault === "" || isThrough(fault), `a ${name}, faults still (${fault}) after what is to blame was changed: ${culprits}`);
    }
  }
};

/** Changes one thing at each level that refuses: all reserved bits, or the first field, or else the first switch. Null if it cannot. */
const applied = (scene: Scene, { refusals, walk }: AccessExplanation): (() => void) | null => {
  const { machine, cpu } = scene;
  const undo: (() => void)[] = [];
  const change = (refusal: Refusal): boolean => {
    const step = walk.steps.find(({ depth }) => depth === refusal.depth);
    if (step === undefined) throw new Failure(`level ${refusal.depth} is to blame, and the walk has not come there`);
    const isReserved = (name: string): boolean =>
      step.format?.fields.some((field) => field.name === name && field.role === "reserved") === true;
    const reserved = refusal.culprits.filter(({ kind, name }) => kind === "field" && isReserved(name));
    const first = refusal.culprits.find(({ kind }) => kind === "field") ?? refusal.culprits[0];
    for (const { kind, name, is, wouldBe } of reserved.length > 0 ? reserved : first === undefined ? [] : [first]) {
      if (kind === "switch") {
        same(Number(cpu.switches[name]), is, `${name}, as the explanation says it is`);
        cpu.setSwitch(name, wouldBe === 1);
        undo.push(() => cpu.setSwitch(name, is === 1));
        continue;
      }
      const fields = [...(step.format?.fields ?? []), ...(levelsOf(scene.rig.architecture)[refusal.depth]?.kind.reads ?? [])];
      const field = fields.find((one) => one.name === name);
      if (field === undefined) throw new Failure(`${refusal.table} has no field ${name}`);
      const [high, low] = fieldBits(field);
      const mask = ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
      const raw = readWord(machine, refusal.entryAddress ?? 0n, step.bytes);
      same(Number((raw & mask) >> BigInt(low)), is, `${name} of the ${refusal.table}, as the explanation says it is`);
      writeWord(machine, refusal.entryAddress ?? 0n, step.bytes, (raw & ~mask) | (BigInt(wouldBe) << BigInt(low)));
      undo.push(() => writeWord(machine, refusal.entryAddress ?? 0n, step.bytes, raw));
    }
    return true;
  };
  return refusals.every(change) ? () => undo.reverse().forEach((each) => each()) : null;
};
