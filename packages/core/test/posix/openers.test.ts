/** Openers of files, over every way in which descriptors come and go. */
import { amd64 } from "@portolan/arch-amd64";
import { expect } from "chai";
import {
  assertInvariants,
  assertSystemInvariants,
  O_CLOEXEC,
  O_CREAT,
  O_RDWR,
  Random,
  systemViolations,
  type Process,
} from "#src/index.js";
import { worldOn } from "./world.js";

describe("openers of files", () => {
  it("are the descriptors that refer to them, each table once, and their names, after every operation", () => {
    const { machine, system, process } = worldOn(amd64, {}, { mostDescriptors: 12 });
    const random = new Random(5);
    const tasks: Process[] = [process];
    const name = (): string => `file ${random.below(4)}`;
    const any = (): Process => tasks[random.below(tasks.length)];
    const operations: readonly (() => unknown)[] = [
      () => any().open(name(), O_RDWR | O_CREAT | (random.below(2) === 0 ? O_CLOEXEC : 0)),
      () => any().open(name(), O_RDWR),
      () => any().close(random.below(12)),
      () => any().dup(random.below(12)),
      () => any().unlink(name()),
      () => {
        const child = tasks.length < 6 ? any().fork() : null;
        if (child !== null && typeof child === "object") tasks.push(child);
      },
      () => {
        if (tasks.length < 6) tasks.push(any().thread());
      },
      () => {
        if (tasks.length === 1) return;
        const [gone] = tasks.splice(random.below(tasks.length), 1);
        gone.exit(0);
      },
    ];
    for (let step = 0; step < 2000; step += 1) {
      operations[random.below(operations.length)]();
      assertSystemInvariants(system);
    }
    for (const task of tasks) task.exit(0);
    assertSystemInvariants(system);
    assertInvariants(machine);
  });

  it("that were miscounted are told", () => {
    const { system, process } = worldOn(amd64);
    process.open("a", O_RDWR | O_CREAT);
    const object = system.files.node("a")?.object;
    if (!object) throw new Error("the file is not there");
    object.openers += 1;
    expect(systemViolations(system)).to.deep.equal(["file a has 3 openers, and 2 are known"]);
    expect(systemViolations(system, new Map([[object, 1]]))).to.deep.equal([]);
    expect(() => assertSystemInvariants(system)).to.throw("3 openers");
  });
});
