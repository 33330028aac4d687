/** Every allocation and every transfer of every operation on files fails once; then nothing has changed, and it can be done again. */
import { expect } from "chai";
import {
  assertInvariants,
  OK,
  PortolanError,
  READ,
  WRITE,
  type Access,
  type AddressSpace,
  type FileObject,
  type Machine,
  type PageInRequest,
} from "#src/index.js";
import { build, fewAsids, installed, machines } from "../fixture.js";
import { portrait } from "../state-hash.js";
import { bytesOf, mapFile, openFile, pattern, ScriptedPager } from "./fixture.js";

interface Scene {
  readonly machine: Machine;
  readonly space: AddressSpace;
  readonly file: FileObject;
  readonly pager: ScriptedPager;
  readonly size: number;
  readonly at: (page: number) => number;
  /** Transfers that the pager makes before it fails. */
  transfers: number;
}

/** A file of six pages, mapped shared and private: two pages dirty, one clean, one private. Its pager keeps nothing it is given. */
const scene = (architecture: (typeof machines)[number]): Scene => {
  const machine = build(fewAsids(architecture), { cpus: 2 });
  const space = installed(machine);
  const size = 2 ** architecture.pageShift;
  const pager = new ScriptedPager();
  const file = openFile(machine, pager, 6 * size - 50);
  const made: Scene = { machine, space, file, pager, size, at: (page) => page * size, transfers: Infinity };
  const may = (): boolean => (made.transfers -= 1) >= 0;
  pager.pageInAnswer = ({ offset, bytes }: PageInRequest) => (may() ? pattern(bytes, offset) : "EIO");
  pager.pageOutAnswer = () => (may() ? "done" : "EIO");
  pager.lengthAnswer = () => (may() ? undefined : "EIO");
  mapFile(space, file, 16, 6);
  mapFile(space, file, 32, 6, { isPrivate: true });
  machine.write8(made.at(16), 1);
  machine.write8(made.at(17), 2);
  machine.read8(made.at(18));
  machine.write8(made.at(33), 3);
  file.write(6 * size - 50, pattern(5));
  return made;
};

const refused = (file: FileObject): void => {
  if (file.verdict.rule === "done") return;
  throw new PortolanError(file.verdict.rule === "out of memory" ? "ERR_OUT_OF_MEMORY" : "ERR_PAGER_FAILED");
};

/** What an access needs, told exactly: a machine that guesses takes two faults for a store, and the first one may succeed. */
const touched = ({ space, at }: Scene, page: number, access: Access): void => {
  if (space.prefault(at(page), access) === OK) return;
  const { rule } = space.verdict;
  if (rule === "out of memory") throw new PortolanError("ERR_OUT_OF_MEMORY");
  if (rule === "the page could not be read") throw new PortolanError("ERR_PAGER_FAILED");
  throw new Error(`refused: ${rule}`);
};

const operations: Record<string, (scene: Scene) => unknown> = {
  "opening a file": ({ machine, pager }) => openFile(machine, pager, 10),
  "a read fault": (s) => touched(s, 19, READ),
  "a write fault": (s) => touched(s, 19, WRITE),
  "the first store to a clean page": (s) => touched(s, 18, WRITE),
  "a private copy": (s) => touched(s, 34, WRITE),
  "a private page that is not in": (s) => touched(s, 35, WRITE),
  "reading a page": ({ file, size }) => {
    file.read(3 * size, new Uint8Array(size));
    refused(file);
  },
  "writing within a page": ({ file, size }) => {
    file.write(3 * size + 1, pattern(5));
    refused(file);
  },
  "writing a whole page": ({ file, size }) => {
    file.write(4 * size, pattern(size));
    refused(file);
  },
  "writing far behind the end": ({ file, size }) => {
    file.write(100 * size + 1, pattern(5));
    refused(file);
  },
  "beginning a flush": ({ file }) => file.flush(),
  "making it shorter": ({ file, size }) => file.truncate(size + 1),
  "making it longer": ({ file, size }) => file.truncate(9 * size),
};

/** Pages may come into the file's own cache, or go, before an operation fails: that is no change of what anybody sees. */
const seen = ({ machine, file }: Scene): string[] => {
  const { cache } = file;
  const held = new Set<number>();
  cache.each(0, (_, frame) => {
    held.add(frame);
    return true;
  });
  return portrait(machine).filter(
    (line) =>
      !line.startsWith("free ") &&
      !line.startsWith("object ") &&
      !line.startsWith("areas ") &&
      !(line.startsWith("frame ") && held.has(Number(line.split(" ")[1]))),
  );
};

describe("operations on files under failure", () => {
  for (const architecture of machines) {
    describe(`on ${architecture.name}`, () => {
      it("CZ-55: change nothing when any one allocation fails", () => {
        for (const [name, operation] of Object.entries(operations)) {
          for (let passes = 0; ; passes += 1) {
            const stage = scene(architecture);
            const before = seen(stage);
            const { file } = stage;
            const what = [file.length, file.kept, file.dirtyPages, file.links, stage.machine.parts.files.size];
            stage.machine.parts.gate.failAfter(passes);
            let isDone = true;
            try {
              operation(stage);
            } catch (error) {
              if (!(error instanceof PortolanError) || error.errno !== "ENOMEM") throw error;
              isDone = false;
            }
            const wasRefused = stage.machine.parts.gate.count;
            stage.machine.parts.gate.disarm();
            assertInvariants(stage.machine);
            if (isDone) break;
            expect(wasRefused).to.be.greaterThan(0);
            expect(seen(stage), `${name}, allocation ${passes}`).to.deep.equal(before);
            expect([file.length, file.kept, file.dirtyPages, file.links, stage.machine.parts.files.size]).to.deep.equal(what);
            operation(stage);
            assertInvariants(stage.machine);
          }
        }
      });

      it("CZ-12: change nothing when any one transfer of a pager fails", () => {
        for (const [name, operation] of Object.entries(operations)) {
          for (let transfers = 0; ; transfers += 1) {
            const stage = scene(architecture);
            const before = seen(stage);
            const { file } = stage;
            const what = [file.length, file.links, stage.machine.parts.files.size];
            const dirty = file.dirtyPages;
            stage.transfers = transfers;
            let isDone = true;
            try {
              const came = operation(stage) as { failure?: unknown } | undefined;
              if (came instanceof Object && "failure" in came && came.failure !== null) isDone = false;
            } catch (error) {
              if (!(error instanceof PortolanError) || error.code !== "ERR_PAGER_FAILED") throw error;
              isDone = false;
            }
            stage.transfers = Infinity;
            assertInvariants(stage.machine);
            if (isDone) break;
            expect([file.length, file.links, stage.machine.parts.files.size]).to.deep.equal(what);
            if (name === "beginning a flush")
              expect(file.dirtyPages, "what was not kept is dirty").to.equal(dirty - Math.max(0, transfers - 1));
            else expect(seen(stage), `${name}, transfer ${transfers}`).to.deep.equal(before);
            operation(stage);
            assertInvariants(stage.machine);
          }
        }
      });
    });
  }

  it("leave a write that ran out of memory with exactly the bytes that it reports", () => {
    const stage = scene(machines[0]);
    const { file, size, machine } = stage;
    const { length } = file;
    // No page is clean, so none can be taken away for this.
    machine.write8(stage.at(18), 1);
    const held: number[] = [];
    while (machine.parts.frames.free > 2) held.push(machine.parts.frames.take());
    const done = file.write(6 * size, pattern(5 * size, 9));
    expect(done).to.equal(2 * size);
    expect(file.verdict.rule).to.equal("out of memory");
    expect(file.length).to.equal(8 * size);
    expect(length).to.be.lessThan(6 * size);
    for (const frame of held) machine.parts.frames.release(frame);
    expect(bytesOf(file, 6 * size)).to.deep.equal(pattern(5 * size, 9).subarray(0, 2 * size));
    assertInvariants(machine);
  });
});
