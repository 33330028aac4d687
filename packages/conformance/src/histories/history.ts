/**
 * Operations as data, one JSON value a line, and how a machine and the model perform them. A history that was cut anywhere is a
 * history still: that is what lets failures shrink.
 */
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  PortolanError,
  violations,
  type AddressSpace,
  type Machine,
} from "@portolan/core";
import fc from "fast-check";
import { Failure } from "../failure.js";
import type { Rig } from "../rig/rig.js";
import { Model } from "./model.js";

const SPACES = 7;
const CPUS = 3;

/** Pages are counted from the scene's first one; flags are HelenOS's. */
export type Operation =
  | { readonly op: "create"; readonly space: number; readonly page: number; readonly pages: number; readonly flags: number }
  | { readonly op: "destroy"; readonly space: number; readonly page: number }
  | {
      readonly op: "share";
      readonly space: number;
      readonly page: number;
      readonly to: number;
      readonly at: number;
      readonly flags: number;
    }
  | { readonly op: "resize"; readonly space: number; readonly page: number; readonly pages: number }
  | { readonly op: "protect"; readonly space: number; readonly page: number; readonly flags: number }
  | { readonly op: "end"; readonly space: number }
  | { readonly op: "switch"; readonly space: number; readonly cpu: number }
  | { readonly op: "read" | "fetch"; readonly cpu: number; readonly page: number }
  | { readonly op: "write"; readonly cpu: number; readonly page: number; readonly word: number };

const RIGHTS = [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE].map((rights) => rights | AREA_CACHEABLE);

const space = fc.integer({ min: 0, max: SPACES - 1 });
const cpu = fc.integer({ min: 0, max: CPUS - 1 });
const page = fc.integer({ min: 0, max: 23 });
const pages = fc.integer({ min: 1, max: 6 });
const flags = fc.constantFrom(...RIGHTS);

/** Accesses and switches come most often: they are what fills TLBs. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant("create" as const), space, page, pages, flags }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("destroy" as const), space, page }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("share" as const), space, page, to: space, at: page, flags }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("resize" as const), space, page, pages }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("protect" as const), space, page, flags }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("end" as const), space }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("switch" as const), space, cpu }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("write" as const), cpu, page, word: fc.integer({ min: 1, max: 0x7fff_ffff }) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constantFrom("read" as const, "read" as const, "fetch" as const), cpu, page }) },
);

/** Performs a history. @throws Failure at the first operation after which machine and model differ */
export const perform = (rig: Rig, history: readonly Operation[]): void => {
  const machine = rig.build({ cpus: CPUS });
  const spaces = Array.from({ length: SPACES }, () => machine.spaces.create());
  const stage = new Stage(rig, machine, spaces);
  history.forEach((one, i) => {
    try {
      stage.perform(one);
      const [first] = violations(machine);
      if (first !== undefined) throw new Failure(first);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Failure(`operation ${i + 1} of ${history.length}, ${JSON.stringify(one)}: ${message}`);
    }
  });
};

/** Operations as text, and back. */
export const historyLog = (history: readonly Operation[]): string => history.map((one) => JSON.stringify(one)).join("\n");

class Stage {
  readonly #rig: Rig;
  readonly #machine: Machine;
  readonly #spaces: AddressSpace[];
  readonly #model = new Model(SPACES);
  /** The space that each processor has; −1 = none but the kernel's. */
  readonly #installed = Array.from({ length: CPUS }, () => -1);
  readonly #first: number;

  constructor(rig: Rig, machine: Machine, spaces: AddressSpace[]) {
    this.#rig = rig;
    this.#machine = machine;
    this.#spaces = spaces;
    this.#first = machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
  }

  perform(one: Operation): void {
    const model = this.#model;
    switch (one.op) {
      case "create":
        return this.#agree(model.create(one.space, one.page, one.pages, one.flags), () =>
          this.#of(one.space).createArea({ base: this.#at(one.page), size: this.#bytes(one.pages), flags: one.flags, backend: anonymous }),
        );
      case "destroy":
        return this.#agree(model.destroy(one.space, one.page), () => this.#of(one.space).destroyArea(this.#at(one.page)));
      case "share": {
        const source = model.at(one.space, one.page);
        const size = this.#bytes(source?.pages ?? 1);
        return this.#agree(model.share(one.space, one.page, one.to, one.at, one.flags), () =>
          this.#of(one.space).shareArea(this.#at(source?.first ?? one.page), size, this.#of(one.to), this.#at(one.at), one.flags),
        );
      }
      case "resize":
        return this.#agree(model.resize(one.space, one.page, one.pages), () =>
          this.#of(one.space).resizeArea(this.#at(one.page), this.#bytes(one.pages)),
        );
      case "protect":
        return this.#agree(model.protect(one.space, one.page, one.flags), () =>
          this.#of(one.space).changeAreaFlags(this.#at(one.page), one.flags),
        );
      case "end":
        return this.#end(one.space);
      case "switch":
        this.#machine.switchTo(this.#of(one.space), one.cpu);
        this.#installed[one.cpu] = one.space;
        return;
      default:
        return this.#access(one);
    }
  }

  #end(number: number): void {
    this.#installed.forEach((installed, id) => {
      if (installed !== number) return;
      this.#machine.switchToKernel(id);
      this.#installed[id] = -1;
    });
    this.#of(number).destroy();
    this.#spaces[number] = this.#machine.spaces.create();
    this.#model.end(number);
  }

  #access(one: Extract<Operation, { readonly cpu: number; readonly page: number }>): void {
    const installed = this.#installed[one.cpu] ?? -1;
    const area = installed < 0 ? undefined : this.#model.at(installed, one.page);
    const address = this.#at(one.page);
    if (one.op === "write") {
      const expected = installed >= 0 && this.#model.write(installed, one.page, one.word);
      const actual = this.#machine.write32(address, one.word, one.cpu);
      if (actual !== expected) throw new Failure(`the write is ${actual ? "let through" : "refused"}, the model says otherwise`);
      return;
    }
    const word = one.op === "read" ? this.#machine.read32(address, one.cpu) : this.#machine.fetch32(address, one.cpu);
    const mayBeRefused = one.op === "fetch" && area !== undefined && (area.flags & AREA_EXECUTE) === 0;
    if (mayBeRefused && (word === -1 || this.#rig.has("forbids-execute"))) {
      if (word !== -1) throw new Failure("a fetch is let through, the model forbids it");
      return;
    }
    const expected = installed < 0 ? -1 : this.#model.word(installed, one.page);
    if (word !== expected) throw new Failure(`the word is ${word}, the model has ${expected}`);
  }

  /** Both do it, or both refuse. */
  #agree(expected: boolean, work: () => unknown): void {
    let code = "";
    try {
      work();
    } catch (error) {
      if (!(error instanceof PortolanError)) throw error;
      code = error.code;
    }
    if ((code === "") !== expected)
      throw new Failure(`${code === "" ? "it is accepted" : `it is refused with ${code}`}, the model says otherwise`);
  }

  #of(number: number): AddressSpace {
    const found = this.#spaces[number];
    if (found === undefined) throw new Error(`there is no space ${number}`);
    return found;
  }

  #at(number: number): bigint {
    return this.#machine.parts.units.addressOf(this.#first + number);
  }

  #bytes(count: number): bigint {
    return this.#machine.parts.units.bytesOf(count);
  }
}
