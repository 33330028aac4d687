/** L6: what processors hold beside the tables in memory, as images carry it. */
import { ABSENT, READ, stateOf, USER, WRITE, type TranslationState } from "@portolan/core";
import { bytesSource, regionOf } from "@portolan/image";
import { ONCE, type Clause } from "../clause.js";
import { holds, same } from "../failure.js";
import { answerOf, heldBy, Look, wholeOf } from "../rig/images.js";
import type { Rig } from "../rig/rig.js";
import { Scene, USER_RW } from "../rig/scene.js";

/** A page that a TLB knows and the tables have let go, as a defective system would; and what the live machine answers. */
const lingering = (rig: Rig) => {
  const scene = new Scene(rig);
  const [kept, gone] = [scene.first, scene.first + 4];
  for (const page of [kept, gone]) {
    scene.map(page, scene.frame(), USER_RW);
    scene.look(page, WRITE, USER);
  }
  scene.forgetInTables(gone);
  const pages = [kept, gone, gone + 4];
  return { scene, pages, gone, live: pages.map((page) => scene.bare(page * rig.perPage, READ, USER)) };
};

export const imageStateClauses: readonly Clause[] = [
  {
    id: "L6.state.tlb-before-tables",
    rule: "Where software fills the TLB an image with the processor's state answers as that processor does, also for what tables have let go",
    source: "contract C-5.1; MIPS32 PRA vol III §4.4; UltraSPARC User's Manual §6.3",
    since: "1.2.0",
    traits: ["warm"],
    needs: ["software-refill"],
    async check(rig) {
      const { scene, pages, gone, live } = lingering(rig);
      const { machine, space } = scene;
      holds("frame" in (live[1] ?? {}), "the TLB does not know a page that was just written");
      const look = new Look(rig, machine);
      const roots = { software: heldBy(machine, space, scene.cpu) };
      for (const [i, page] of pages.entries()) {
        const address = machine.parts.units.addressOf(page);
        const walk = await rig.reader.walk(look.memory, rig.architecture, roots, address, { access: READ, privilege: USER });
        same(
          answerOf(walk, rig.architecture),
          live[i],
          `a user read of page 0x${page.toString(16)} in the image, with what the processor holds`,
        );
      }
      const address = machine.parts.units.addressOf(gone);
      same(await look.answer(space, address, READ, USER), scene.fault(ABSENT), "the same by the tables alone");
    },
    otherwise: {
      rule: "What a TLB holds and tables have let go is in no image of tables",
      async check(rig) {
        const { scene, gone } = lingering(rig);
        const address = scene.machine.parts.units.addressOf(gone);
        same(
          await new Look(rig, scene.machine).answer(scene.space, address, READ, USER),
          scene.fault(ABSENT),
          "a page that tables have let go",
        );
      },
    },
  },
  {
    id: "L6.state.carried-whole",
    rule: "An ELF core carries what every processor holds: registers, switches, entries of TLBs, spaces, each as it was",
    source: "System V ABI, ELF: notes; contract C-5.1",
    since: "1.2.0",
    traits: ONCE,
    async check(rig) {
      const scene = new Scene(rig, { cpus: 2, memoryBytes: 64 * rig.pageSize });
      const { machine } = scene;
      for (let i = 0; i < 5; i += 1) {
        scene.map(scene.first + i, scene.frame(), USER_RW);
        scene.look(scene.first + i, WRITE, USER);
      }
      const states = machine.cpus.map((cpu) => stateOf(machine, cpu));
      holds(
        states.some(({ tlb }) => tlb.length > 0),
        "no TLB holds anything",
      );
      const { wordBits: bits, byteOrder } = rig.architecture;
      const regions = [regionOf(0, new Uint8Array(4096))];
      const file = await wholeOf(rig.reader.writeElf(regions, { bits, byteOrder, machine: 0, states }));
      const image = await rig.reader.open(bytesSource(file));
      same(image.states.length, states.length, "processors of the image");
      // No switches are the same as none that are told.
      const plain = ({ switches = {}, ...state }: TranslationState) => ({ ...state, switches });
      for (const [i, state] of states.entries())
        same(plain(image.states[i] ?? { registers: {}, tlb: [] }), plain(state), `what processor ${i} holds`);
    },
  },
];
