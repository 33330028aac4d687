/** L3: what a kernel relies on: copies from and to users, memory that runs out, the system-call face. Every clause ends with the invariants. */
import { AREA_EXECUTE, AREA_READ, AREA_WRITE, AS_MAP_FAILED, Syscalls } from "@portolan/core";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { at, Desk, list, RO, CONTENTS } from "../rig/desk.js";
import { codeOf } from "../rig/rig.js";

export const kernelClauses: readonly Clause[] = [
  {
    id: "L3.user.copies",
    rule: "Copies go through the user's translations with the user's rights; one that cannot go on ends with a prefix",
    source: "contract C-14.1, C-14.2",
    since: "1.0.0",
    traits: CONTENTS,
    check: at((desk) => {
      const size = Number(desk.bytes(1));
      desk.area(0, 2);
      desk.area(2, 1, RO);
      const bytes = Uint8Array.from({ length: size + 16 }, (_, i) => i % 251);
      same(desk.machine.copyToUser(desk.at(0) + 8n, bytes, desk.looker), bytes.length, "bytes copied in");
      const back = new Uint8Array(bytes.length);
      same(desk.machine.copyFromUser(desk.at(0) + 8n, back, desk.looker), bytes.length, "bytes copied out");
      holds(
        back.every((byte, i) => byte === bytes[i]),
        "other bytes come back than were copied",
      );
      same(desk.machine.copyToUser(desk.at(1) + BigInt(size - 4), bytes, desk.looker), 4, "bytes copied to the edge of a read-only area");
      same(desk.machine.copyFromUser(desk.at(2) + BigInt(size - 4), back, desk.looker), 4, "bytes copied from the last page");
      same(desk.machine.copyFromUser(desk.at(7), back, desk.looker), 0, "bytes copied from nowhere");
    }),
  },
  {
    id: "L3.memory.exhausted",
    rule: "Without memory a fault is refused by value and served when there is some again; nothing is lost",
    source: "contract C-16.1, C-16.2, C-13.4; HD-42",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const { frames } = desk.machine.parts;
      desk.area(0, 4);
      desk.write(0, 5);
      const hoard: number[] = [];
      while (codeOf(() => hoard.push(frames.take())) === "no error");
      same(desk.write(1, 6), false, "a write without memory");
      same(desk.machine.outcome?.rule, "out of memory", "the rule");
      for (const frame of hoard) frames.release(frame);
      same(desk.write(1, 6), true, "the same write with memory");
      same([desk.read(0), desk.read(1)], [5, 6], "words");
    }),
  },
  {
    id: "L3.memory.every-allocation-fails-once",
    rule: "Whichever allocation of an operation fails, the operation has happened or has left no trace",
    source: "contract C-16.1, C-2.4; HD-42",
    since: "1.0.0",
    traits: ONCE,
    check(rig) {
      const operations: Readonly<Record<string, (desk: Desk) => unknown>> = {
        "making a space": (desk) => desk.machine.spaces.create(),
        "making an area": (desk) => desk.area(20, 2),
        sharing: (desk) => desk.a.shareArea(desk.at(0), desk.bytes(4), desk.b, desk.at(30), RO),
        growing: (desk) => desk.a.resizeArea(desk.at(0), desk.bytes(9)),
        shrinking: (desk) => desk.a.resizeArea(desk.at(0), desk.bytes(1)),
        "a change of rights": (desk) => desk.a.changeAreaFlags(desk.at(0), AREA_READ),
        "a fault": (desk) => desk.write(3, 3),
        destruction: (desk) => desk.a.destroyArea(desk.at(0)),
      };
      for (const [name, operation] of Object.entries(operations)) {
        for (let passes = 0; ; passes += 1) {
          const desk = new Desk(rig);
          desk.area(0, 4);
          desk.write(0, 1);
          const [before, free] = [`${list(desk.a)}${list(desk.b)}`, desk.free];
          desk.machine.parts.gate.failAfter(passes);
          const count = desk.machine.parts.gate.count;
          const code = codeOf(() => operation(desk));
          const isOver = desk.machine.parts.gate.count - count <= passes;
          desk.machine.parts.gate.disarm();
          if (code !== "no error") {
            same(`${list(desk.a)}${list(desk.b)}`, before, `areas after ${name} failed at allocation ${passes}`);
            same(desk.free, free, `free frames after ${name} failed at allocation ${passes}`);
          }
          desk.done();
          if (isOver || passes > 60) break;
        }
      }
    },
  },
  {
    id: "L3.syscalls.numbers",
    rule: "The system-call face answers with HelenOS's numbers, and creation with the address or with all bits set",
    source: "contract C-18.1, C-18.2; HelenOS abi/include/abi/errno.h",
    since: "1.0.0",
    traits: ONCE,
    check: at((desk) => {
      const calls = new Syscalls(desk.a);
      const size = desk.bytes(2);
      same(calls.as_area_create(desk.at(0), size, AREA_READ | AREA_WRITE), desk.at(0), "creation");
      same(calls.as_area_create(desk.at(1), size, AREA_READ), AS_MAP_FAILED, "creation over another area");
      same(calls.as_area_create(desk.at(8), size, AREA_READ), desk.at(8), "creation beside it");
      same(calls.as_area_get_size(desk.at(1)), size, "size");
      same(calls.as_area_resize(desk.at(0), desk.bytes(3), 0), 0, "growing");
      same(calls.as_area_resize(desk.at(0), desk.bytes(9), 0), -11, "growing into another area");
      same(calls.as_area_resize(desk.at(0), 0n, 0), -6, "leaving no page");
      same(calls.as_area_resize(desk.at(0) + 1n, size, 0), -13, "an address that is no page's");
      same(calls.as_area_destroy(desk.at(5)), -1, "destroying nothing");
      same(calls.as_area_change_flags(desk.at(0), AREA_WRITE | AREA_EXECUTE), -13, "flags that nobody may have");
      same(calls.as_area_change_flags(desk.at(0), AREA_READ), 0, "flags");
      same(desk.a.areaInfo(desk.at(0))?.flags, RO, "flags afterwards: still cacheable");
      same(calls.as_area_destroy(desk.at(0)), 0, "destroying");
      same(calls.as_get_area_info().length, 1, "areas");
    }),
  },
];
