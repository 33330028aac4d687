/** Files against a naive model: arrays of bytes, one for the file and one for each private page, over random histories. */
import { expect } from "chai";
import fc from "fast-check";
import { assertInvariants, type Architecture, type FileObject, type Machine } from "#src/index.js";
import { build, installed, machines } from "../fixture.js";
import { bytesOf, mapFile, openFile, pattern, UnsteadyPager } from "./fixture.js";

const PAGES = 5;

/** What everybody ought to see. */
class Model {
  file: Uint8Array;
  /** Private pages by number, as long as they are private. */
  readonly copies = new Map<number, Uint8Array>();
  readonly size: number;

  constructor(file: Uint8Array, size: number) {
    this.file = file;
    this.size = size;
  }

  resize(length: number): void {
    const bytes = new Uint8Array(length);
    bytes.set(this.file.subarray(0, length));
    if (length < this.file.length)
      for (const page of this.copies.keys()) if (page >= Math.ceil(length / this.size)) this.copies.delete(page);
    this.file = bytes;
  }

  write(at: number, bytes: Uint8Array): void {
    if (at + bytes.length > this.file.length) this.resize(at + bytes.length);
    this.file.set(bytes, at);
  }

  /** A byte as the private area shows it, or undefined beyond the last page. */
  ofPrivate(page: number, within: number): number | undefined {
    const copy = this.copies.get(page);
    if (copy !== undefined) return copy[within];
    return page * this.size >= this.file.length ? undefined : (this.file[page * this.size + within] ?? 0);
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("store" as const), page: fc.nat(PAGES), within: fc.nat(4095), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("private" as const), page: fc.nat(PAGES), within: fc.nat(4095), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("write" as const), at: fc.nat(4 * 4096), count: fc.nat(5000), seed: fc.nat(255) }),
  fc.record({ kind: fc.constant("truncate" as const), length: fc.nat(5 * 4096) }),
  fc.record({ kind: fc.constant("flush" as const), first: fc.nat(PAGES), count: fc.nat(PAGES) }),
  fc.record({ kind: fc.constant("drop" as const), first: fc.nat(PAGES), count: fc.nat(PAGES) }),
  fc.record({ kind: fc.constant("slow" as const) }),
  fc.record({ kind: fc.constant("answer" as const) }),
  fc.record({ kind: fc.constant("look" as const), page: fc.nat(PAGES) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Player {
  readonly machine: Machine;
  readonly file: FileObject;
  readonly pager: UnsteadyPager;
  readonly model: Model;
  readonly size: number;

  constructor(architecture: Architecture) {
    this.machine = build(architecture, { memoryBytes: 96 * 2 ** architecture.pageShift });
    const space = installed(this.machine);
    this.size = this.machine.parts.units.pageSize;
    this.pager = new UnsteadyPager(pattern(3 * this.size - 7));
    this.file = openFile(this.machine, this.pager, this.pager.length);
    this.model = new Model(pattern(3 * this.size - 7), this.size);
    mapFile(space, this.file, 16, PAGES);
    mapFile(space, this.file, 32, PAGES, { isPrivate: true });
  }

  /** Tries until the page has come. */
  #byte(page: number, within: number, value?: number): number {
    const at = page * this.size + within;
    for (;;) {
      const came = value === undefined ? this.machine.read8(at) : this.machine.write8(at, value) ? value : -1;
      if (came >= 0 || this.machine.outcome?.waitsFor === undefined) return came;
      this.pager.answer();
    }
  }

  play(did: Step): void {
    const { model, size, file } = this;
    const scale = size / 4096;
    if (did.kind === "store" || did.kind === "private") {
      const { page, within, value } = did;
      const isPrivate = did.kind === "private";
      const came = this.#byte((isPrivate ? 32 : 16) + page, within, value);
      if (page >= PAGES || page * size >= model.file.length) {
        expect(came).to.equal(-1);
      } else if (!isPrivate) {
        expect(came).to.equal(value);
        // Behind the end of the last page a store is nobody's, and may be seen through mappings only: it is taken back.
        if (page * size + within < model.file.length) model.file[page * size + within] = value;
        else this.#byte(16 + page, within, 0);
      } else {
        const copy = model.copies.get(page) ?? Uint8Array.from({ length: size }, (_, i) => model.file[page * size + i] ?? 0);
        copy[within] = value;
        model.copies.set(page, copy);
      }
    } else if (did.kind === "write") {
      const bytes = pattern(did.count, did.seed);
      for (let done = 0; done < bytes.length;) {
        const more = file.write(did.at * scale + done, bytes.subarray(done));
        done += more;
        if (done < bytes.length) this.pager.answer();
      }
      if (bytes.length > 0) model.write(did.at * scale, bytes);
    } else if (did.kind === "truncate") {
      file.truncate(did.length * scale);
      model.resize(did.length * scale);
    } else if (did.kind === "flush") {
      file.flush(did.first, did.count);
    } else if (did.kind === "drop") {
      file.dropClean(did.first, did.count);
    } else if (did.kind === "slow") {
      this.pager.isSlow = !this.pager.isSlow;
    } else if (did.kind === "answer") {
      this.pager.answer();
    } else {
      for (const within of [0, 1, size / 2, size - 1]) {
        const { page } = did;
        const isThere = page < PAGES && page * size < model.file.length;
        expect(this.#byte(16 + page, within)).to.equal(isThere ? (model.file[page * size + within] ?? 0) : -1);
        expect(this.#byte(32 + page, within)).to.equal(page < PAGES ? (model.ofPrivate(page, within) ?? -1) : -1);
      }
    }
  }

  /** Everything is where it ought to be, and reaches the pager. */
  finish(): void {
    for (let page = 0; page <= PAGES; page += 1) this.play({ kind: "look", page });
    this.pager.isSlow = false;
    while (this.pager.waiting.length > 0) this.pager.answer();
    expect(Buffer.compare(bytesOf(this.file), this.model.file)).to.equal(0);
    expect(this.file.flush()).to.include({ isOver: true, failure: null });
    expect(Buffer.compare(this.pager.bytes(), this.model.file)).to.equal(0);
    this.file.dropClean();
    expect(Buffer.compare(bytesOf(this.file), this.model.file)).to.equal(0);
  }
}

describe("files and a naive model of them", () => {
  for (const architecture of machines) {
    it(`agree over random histories, with a pager that is slow at times, on ${architecture.name}`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (history) => {
          const player = new Player(architecture);
          for (const did of history) {
            player.play(did);
            assertInvariants(player.machine);
          }
          player.finish();
        }),
        { numRuns: 25, seed: 20 },
      );
    });
  }
});
