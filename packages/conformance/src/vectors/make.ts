/** Makes golden vectors: what is asked is chosen here, what must be answered is computed, and confirmed by the naive walk. */
import {
  fieldBits,
  PAGE_CACHEABLE,
  PAGE_GLOBAL,
  PAGE_USER,
  READ,
  WRITE,
  EXECUTE,
  type Architecture,
  type Oracle,
  type PageFlags,
} from "@portolan/core";
import { levelsOf } from "../clauses/l0-entries.js";
import { naiveWalk, readWord, wordsOnTheWay, writeWord } from "../rig/naive.js";
import { Rig } from "../rig/rig.js";
import { Scene } from "../rig/scene.js";
import {
  VECTOR_FORMAT,
  type AccessName,
  type PrivilegeName,
  type Vector,
  type VectorEntry,
  type VectorQuery,
  type VectorSet,
} from "./format.js";
import { hardwareRows } from "./hardware-rows.js";
import { ACCESS_OF, askVector, hexOf, loadVector, PRIVILEGE_OF } from "./play.js";
import { rightsText } from "./rows.js";

const ACCESSES = ["read", "write", "execute"] as const satisfies readonly AccessName[];
const PRIVILEGES = ["kernel", "user"] as const satisfies readonly PrivilegeName[];
const FRAMES = 128;

/**
 * The sets of a machine: `walks` where hardware walks a tree, `entries` where software loads TLBs, and `hardware-rows` where the port
 * tells what those can hold.
 */
export const makeVectors = (architecture: Architecture, oracle?: Oracle): readonly VectorSet[] => {
  const { refill, software } = architecture.tlb;
  if (refill === "hardware") return [walks(architecture, oracle)];
  return software === undefined ? [entries(architecture)] : [entries(architecture), hardwareRows(architecture, software, oracle)];
};

/** One vector a line, so that additions are additions. */
export const vectorsText = ({ vectors, ...head }: VectorSet): string =>
  `${JSON.stringify(head, null, 1).slice(0, -2)},\n "vectors": [\n${vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(",\n")}\n ]\n}\n`;

const rigFor = (architecture: Architecture): Rig =>
  new Rig({ architecture }, { trait: "cold", policy: "described", seed: 1, isLong: false });

const head = (architecture: Architecture, set: string, provenance: string): Omit<VectorSet, "vectors"> => ({
  format: VECTOR_FORMAT,
  machine: architecture.name,
  set,
  manuals: architecture.manuals,
  provenance,
  ram: { first: "0x0", bytes: hexOf(FRAMES * 2 ** architecture.pageShift) },
});

/** Pages of every kind, one after the other. */
const KINDS: readonly (readonly [name: string, flags: PageFlags])[] = [
  ["user, read", READ | PAGE_USER | PAGE_CACHEABLE],
  ["user, read and write", READ | WRITE | PAGE_USER | PAGE_CACHEABLE],
  ["user, read and execute", READ | EXECUTE | PAGE_USER | PAGE_CACHEABLE],
  ["user, write, not cached", WRITE | PAGE_USER],
  ["kernel, read and write", READ | WRITE | PAGE_CACHEABLE],
  ["kernel, read, global", READ | PAGE_GLOBAL | PAGE_CACHEABLE],
];

/** Everything in RAM that is not zero, in pieces. */
const dump = (scene: Scene): [string, string][] => {
  const { memory } = scene.machine.parts;
  const found: [string, string][] = [];
  for (let frame = memory.firstFrame; frame < memory.firstFrame + memory.frameCount; frame += 1) {
    const bytes = new Uint8Array(memory.frameSize);
    memory.readBytes(frame * memory.frameSize, bytes);
    for (let at = 0; at < bytes.length; at += 16) {
      const piece = bytes.subarray(at, at + 16);
      if (piece.every((byte) => byte === 0)) continue;
      found.push([hexOf(frame * memory.frameSize + at), Array.from(piece, (byte) => byte.toString(16).padStart(2, "0")).join("")]);
    }
  }
  return found;
};

const walks = (architecture: Architecture, oracle: Oracle | undefined): VectorSet => {
  const rig = rigFor(architecture);
  const common = head(architecture, "walks", "computed by Portolan's walker, confirmed by its naive walk");
  const vectors: Vector[] = [];
  const names = Object.keys(architecture.switches);
  const settings = [{}, ...names.map((name) => ({ [name]: !architecture.switches[name].initially }))];
  for (const switches of settings) {
    const scene = new Scene(rig, { memoryBytes: FRAMES * rig.pageSize, switches });
    KINDS.forEach(([, flags], i) => scene.map(scene.first + i, scene.frame(), flags));
    const pages = Array.from({ length: KINDS.length + 1 }, (_, i) => scene.machine.parts.units.addressOf(scene.first + i));
    const setting = Object.entries(switches).map(([name, value]) => `${name}=${value ? "on" : "off"}`);
    const about = setting.length === 0 ? "with switches as after reset" : `with ${setting.join(", ")}`;
    vectors.push(ask(rig, oracle, common, scene, "pages of every kind, and one that is absent", about, pages));
    if (setting.length === 0) vectors.push(...bits(rig, oracle, common, scene, about, pages[1] ?? 0n));
  }
  return { ...common, vectors };
};

/** Each bit that decides something, in each word on the way to a page, turned over. */
const bits = (
  rig: Rig,
  oracle: Oracle | undefined,
  common: Omit<VectorSet, "vectors">,
  scene: Scene,
  about: string,
  page: bigint,
): readonly Vector[] => {
  const { machine } = scene;
  return wordsOnTheWay(machine, BigInt(scene.context.root), page, oracle, machine.cpu(0).switches).flatMap((word, depth) => {
    const level = levelsOf(rig.architecture)[depth];
    const format = word.entry?.kind === "table" ? level?.table : level?.leaf;
    const deciding = (format?.fields ?? [])
      .filter(({ role }) => role !== "software" && role !== "ignored")
      .flatMap((field) => {
        const [high, low] = fieldBits(field);
        return field.role === "frame" ? [low] : Array.from({ length: high - low + 1 }, (_, i) => low + i);
      });
    return deciding.map((bit) => {
      const kept = readWord(machine, word.address, word.bytes);
      writeWord(machine, word.address, word.bytes, kept ^ (1n << BigInt(bit)));
      const vector = ask(rig, oracle, common, scene, `level ${depth}, bit ${bit} turned over`, about, [page]);
      writeWord(machine, word.address, word.bytes, kept);
      return vector;
    });
  });
};

/** Every access to the pages, as a machine that is loaded with the vector answers. */
const ask = (
  rig: Rig,
  oracle: Oracle | undefined,
  common: Omit<VectorSet, "vectors">,
  scene: Scene,
  name: string,
  about: string,
  pages: readonly bigint[],
): Vector => {
  const blank: Vector = {
    name: `${name} (${about})`,
    about: `${name}, ${about}`,
    registers: { root: hexOf(scene.context.root), asid: scene.context.asid, switches: { ...scene.machine.cpu(0).switches } },
    memory: dump(scene),
    queries: [],
  };
  const loaded = loadVector(rig, common, blank);
  const queries: VectorQuery[] = [];
  for (const page of pages) {
    for (const access of ACCESSES) {
      for (const privilege of PRIVILEGES) {
        const address = page + 0x123n;
        const naive = naiveWalk(
          loaded.machine,
          BigInt(scene.context.root),
          address,
          ACCESS_OF[access],
          PRIVILEGE_OF[privilege],
          oracle,
          loaded.machine.cpu(0).switches,
        );
        const { answer, steps } = askVector(loaded, address, ACCESS_OF[access], PRIVILEGE_OF[privilege]);
        const isSame = "physical" in naive ? "physical" in answer && BigInt(answer.physical) === naive.physical : "fault" in answer;
        if (!isSame) throw new Error(`${blank.name}: walker and naive walk differ at ${hexOf(address)}`);
        queries.push({ address: hexOf(address), access, privilege, answer, steps });
      }
    }
  }
  return { ...blank, queries };
};

/** Entries that software has loaded: rights, tags, global ones, page sizes. */
const entries = (architecture: Architecture): VectorSet => {
  const rig = rigFor(architecture);
  const common = head(architecture, "entries", "computed by Portolan's TLB from entries loaded by hand");
  const scene = new Scene(rig);
  const { hardwarePageShift, tlb, asids } = architecture;
  const size = 2n ** BigInt(hardwarePageShift);
  const halves = tlb.data.paired ? 2n : 1n;
  const first = BigInt(scene.first) << BigInt(architecture.pageShift);
  const asid = asids.first;
  const units = tlb.instruction === undefined ? (["data"] as const) : (["data", "instruction"] as const);
  const entry = (
    unit: "data" | "instruction",
    index: number,
    at: bigint,
    tag: number,
    rights: readonly [number, number],
    isGlobal = false,
    bytes = size * halves,
  ): VectorEntry => ({
    unit,
    index: index + tlb.data.wired,
    virtual: hexOf(first + at * size * halves),
    bytes: hexOf(bytes),
    physical: hexOf(size * halves * BigInt(4 + index)),
    asid: tag,
    global: isGlobal,
    kernel: rightsText(rights[0]),
    user: rightsText(rights[1]),
  });
  const cases: readonly (readonly [name: string, entries: readonly VectorEntry[]])[] = [
    [
      "rights of every kind",
      units.flatMap((unit) =>
        (
          [
            [7, 7],
            [7, 0],
            [1, 1],
            [3, 3],
            [5, 5],
            [7, 1],
          ] as const
        ).map((rights, i) => entry(unit, i, BigInt(i), asid, rights)),
      ),
    ],
    [
      "entries of another space, the kernel's, and a global one",
      units.flatMap((unit) => [
        entry(unit, 0, 0n, asid + 1, [7, 7]),
        entry(unit, 1, 1n, asids.kernel, [7, 7]),
        entry(unit, 2, 2n, asid + 1, [7, 7], true),
        entry(unit, 3, 3n, asid, [7, 7]),
      ]),
    ],
    [
      "two entries that match: the lower number decides",
      units.flatMap((unit) => [entry(unit, 3, 1n, asid, [7, 7]), entry(unit, 1, 1n, asid, [1, 1])]),
    ],
  ];
  const vectors = cases.map(([name, tlbEntries]): Vector => {
    const blank: Vector = {
      name,
      about: `${name}; nobody fills what is missing`,
      registers: { asid, switches: { ...scene.machine.cpu(0).switches } },
      memory: [],
      tlb: tlbEntries,
      queries: [],
    };
    const loaded = loadVector(rig, common, blank);
    const pages = Array.from({ length: 7 }, (_, i) => first + BigInt(i) * size * halves);
    const queries = pages.flatMap((page) =>
      ACCESSES.flatMap((access) =>
        PRIVILEGES.map((privilege): VectorQuery => {
          const address = page + 0x10n;
          return {
            address: hexOf(address),
            access,
            privilege,
            answer: askVector(loaded, address, ACCESS_OF[access], PRIVILEGE_OF[privilege]).answer,
          };
        }),
      ),
    );
    return { ...blank, queries };
  });
  return { ...common, vectors };
};
