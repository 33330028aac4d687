/** L5: making other processors forget. */
import {
  ABSENT,
  anonymous,
  AREA_CACHEABLE,
  AREA_READ,
  AREA_WRITE,
  assertInvariants,
  READ,
  SHOOTDOWN,
  USER,
  WRITE,
  type Machine,
  type PortolanEvent,
} from "@portolan/core";
import type { Clause } from "../clause.js";
import { Failure, holds, same } from "../failure.js";
import type { Rig } from "../rig/rig.js";

const RW = AREA_READ | AREA_WRITE | AREA_CACHEABLE;
const CPUS = 4;

type Shootdown = { receive(cpu: object): void; interruptsOn(cpu: object): void; waiting(cpu: number): number; readonly sent: number };

/** One space on four processors, all of which know its eight pages. */
class Floor {
  readonly machine: Machine;
  readonly events: PortolanEvent[] = [];
  readonly first: number;
  readonly perPage: number;
  readonly shootdown: Shootdown;
  readonly space;

  constructor(rig: Rig, cpus = CPUS) {
    let shootdown: Shootdown | null = null;
    this.machine = rig.build({ cpus, onEvent: (event) => void this.events.push(event) }, (parts) =>
      parts.register(SHOOTDOWN, (_, usual) => {
        const made = usual();
        shootdown = made as unknown as Shootdown;
        return made;
      }),
    );
    if (shootdown === null) throw new Error("the machine has no shootdown");
    this.shootdown = shootdown;
    this.perPage = rig.perPage;
    this.first = this.machine.parts.units.pageOf(rig.architecture.layout.user.first) + 16;
    this.space = this.machine.spaces.create();
    for (const { id } of this.machine.cpus) this.machine.switchTo(this.space, id);
    this.space.createArea({ base: this.at(0), size: this.bytes(8), flags: RW, backend: anonymous });
    for (let page = 0; page < 8; page += 1) this.touch(page);
    this.events.length = 0;
  }

  at(page: number): bigint {
    return this.machine.parts.units.addressOf(this.first + page);
  }

  bytes(pages: number): bigint {
    return this.machine.parts.units.bytesOf(pages);
  }

  touch(page: number): void {
    for (const { id } of this.machine.cpus) this.machine.write32(this.at(page), 1000 + page, id);
  }

  /** What a processor reaches through its TLB without any fault being served: a frame of the machine, or −1. */
  reach(id: number, page: number, access: typeof READ | typeof WRITE = READ): number {
    const frame = this.machine.on(id, () => this.machine.cpu(id).translate((this.first + page) * this.perPage, access, USER));
    return frame < 0 ? -1 : Math.floor(frame / this.perPage);
  }

  frameOf(page: number): number {
    holds(this.machine.parts.tables.find(this.space.context, this.first + page), `page ${page} is not mapped`);
    return this.machine.parts.tables.found.frame;
  }
}

export const shootdownClauses: readonly Clause[] = [
  {
    id: "L5.shootdown.everybody-forgets",
    rule: "When an operation that takes pages away has returned, no processor reaches them",
    source: "contract C-8.1, C-5.9; illumos-gate#220",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      for (const initiator of [0, CPUS - 1]) {
        const floor = new Floor(rig);
        const { machine, space } = floor;
        machine.on(initiator, () => space.resizeArea(floor.at(0), floor.bytes(4)));
        for (const { id } of machine.cpus)
          for (let page = 0; page < 8; page += 1)
            same(
              floor.reach(id, page) >= 0,
              page < 4,
              `processor ${id} reaches page ${page} after processor ${initiator} shrank the area to four`,
            );
        machine.on(initiator, () => space.changeAreaFlags(floor.at(0), AREA_READ));
        for (const { id } of machine.cpus) same(floor.reach(id, 1, WRITE), -1, `processor ${id} writes what is read-only now`);
        machine.on(initiator, () => space.destroyArea(floor.at(0)));
        for (const { id } of machine.cpus) same(floor.reach(id, 0), -1, `processor ${id} reaches an area that is gone`);
        assertInvariants(machine);
      }
    },
  },
  {
    id: "L5.shootdown.frames-go-last",
    rule: "A frame is free only after every processor has forgotten it: start, edit, forget, finalize, release",
    source: "contract C-8.1; HD-16",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine } = floor;
      const frames = Array.from({ length: 8 }, (_, page) => floor.frameOf(page));
      const story: string[] = [];
      machine.parts.preemption.scheduler = {
        at(point) {
          if (!point.startsWith("lock")) story.push(point);
          for (const cpu of machine.cpus) {
            for (const tlb of new Set([cpu.dataTlb, cpu.instructionTlb])) {
              tlb.each((entry) => {
                const frame = Math.floor(tlb.frame(entry) / floor.perPage);
                if (frames.includes(frame) && tlb.rights(entry) !== 0 && machine.parts.frames.references(frame) === 0)
                  throw new Failure(`at ${point} processor ${cpu.id} holds frame 0x${frame.toString(16)}, which is free`);
              });
            }
          }
        },
      };
      floor.space.destroyArea(floor.at(0));
      machine.parts.preemption.scheduler = null;
      same(
        story.filter((point) => point !== "shootdown-wait"),
        ["shootdown-sent", "tables-edited", "invalidated-locally", "shootdown-finalized", "frames-released"],
        "the protocol",
      );
    },
  },
  {
    id: "L5.shootdown.stopped-means-stopped",
    rule: "While mappings go, no other processor translates anything, not even what it knows by heart",
    source: "contract C-8.2, C-8.9",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine } = floor;
      let looked = 0;
      machine.parts.preemption.scheduler = {
        at(point) {
          if (point !== "tables-edited" && point !== "invalidated-locally") return;
          for (const { id } of machine.cpus) {
            if (id === 0) continue;
            same(machine.cpu(id).tlbActive, false, `processor ${id} may use its TLB at ${point}`);
            let isStopped = false;
            try {
              floor.reach(id, 6);
            } catch {
              isStopped = true;
            }
            holds(isStopped, `processor ${id} accesses memory at ${point}`);
            looked += 1;
          }
        },
      };
      floor.space.destroyArea(floor.at(0));
      machine.parts.preemption.scheduler = null;
      holds(looked > 0, "nobody was stopped");
    },
  },
  {
    id: "L5.shootdown.slow-processors",
    rule: "A processor that lingers carries all its messages out before it translates again, however many piled up",
    source: "contract C-8.3, C-8.4; HD-17",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      for (const count of [1, 3, 6]) {
        const floor = new Floor(rig);
        const { machine, space, shootdown } = floor;
        machine.parts.preemption.scheduler = { at: () => {}, isSlow: (id) => id === 3 };
        for (let i = 0; i < count; i += 1) space.resizeArea(floor.at(0), floor.bytes(8 - i - 1));
        same(machine.cpu(3).tlbActive, false, "the slow processor uses its TLB");
        same(shootdown.waiting(3), count, "messages that wait for it");
        machine.parts.preemption.scheduler = null;
        shootdown.receive(machine.cpu(3));
        same(shootdown.waiting(3), 0, "messages that wait afterwards");
        for (let page = 0; page < 8; page += 1)
          same(floor.reach(3, page) >= 0, page < 8 - count, `it reaches page ${page} of ${8 - count}`);
        assertInvariants(machine);
      }
    },
  },
  {
    id: "L5.shootdown.overflow-is-everything",
    rule: "More messages than a queue holds become one that forgets everything",
    source: "contract C-8.3; HelenOS kernel/generic/include/mm/tlb.h, TLB_MESSAGE_QUEUE_LEN",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine, space, shootdown } = floor;
      space.createArea({ base: floor.at(20), size: floor.bytes(30), flags: RW, backend: anonymous });
      for (let page = 20; page < 50; page += 1) floor.touch(page);
      machine.parts.preemption.scheduler = { at: () => {}, isSlow: (id) => id === 2 };
      for (let pages = 29; pages > 10; pages -= 1) space.resizeArea(floor.at(20), floor.bytes(pages));
      machine.parts.preemption.scheduler = null;
      holds(shootdown.waiting(2) <= 10, `${shootdown.waiting(2)} messages wait`);
      shootdown.receive(machine.cpu(2));
      for (let page = 31; page < 50; page += 1) same(floor.reach(2, page), -1, `the slow processor reaches page ${page}, which is gone`);
      for (const page of [0, 25]) holds(floor.machine.read32(floor.at(page), 2) === 1000 + page, `page ${page} is lost`);
      assertInvariants(machine);
    },
  },
  {
    id: "L5.shootdown.interrupts-off-waits",
    rule: "A processor with interrupts off is waited for; one that never takes them is an assertion and no hang",
    source: "contract C-8.5",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine, space, shootdown } = floor;
      machine.cpu(1).interrupts = false;
      let waits = 0;
      machine.parts.preemption.scheduler = {
        at(point) {
          if (point !== "shootdown-wait") return;
          waits += 1;
          if (waits === 2) shootdown.interruptsOn(machine.cpu(1));
        },
      };
      space.resizeArea(floor.at(0), floor.bytes(4));
      machine.parts.preemption.scheduler = null;
      holds(waits >= 2, "nobody waited");
      same(floor.reach(1, 6), -1, "the processor that was waited for reaches a page that is gone");
      const other = new Floor(rig);
      other.machine.cpu(1).interrupts = false;
      let isAsserted = false;
      try {
        other.space.destroyArea(other.at(0));
      } catch (error) {
        isAsserted = error instanceof Error;
      }
      holds(isAsserted, "a processor that never stops is not waited for");
    },
  },
  {
    id: "L5.shootdown.nobody-without-a-number",
    rule: "A space that has no number has nothing in any TLB: nobody is stopped for it",
    source: "contract C-8.6; HD-18",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const space = floor.machine.spaces.create();
      space.createArea({ base: floor.at(0), size: floor.bytes(2), flags: RW, backend: anonymous });
      space.pageFault(floor.first, WRITE);
      floor.events.length = 0;
      space.destroyArea(floor.at(0));
      same(floor.events.filter(({ kind }) => kind === "shootdown").length, 0, "shootdowns");
    },
  },
  {
    id: "L5.shootdown.gaining-stops-nobody",
    rule: "Gaining a page or a right stops nobody, and everybody sees it",
    source: "contract C-8.8",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine, space } = floor;
      space.resizeArea(floor.at(0), floor.bytes(12));
      for (const { id } of machine.cpus) same(floor.reach(id, 9), -1, "a page that nobody has touched");
      machine.write32(floor.at(9), 1009, 0);
      same(floor.events.filter(({ kind }) => kind === "shootdown").length, 0, "shootdowns");
      for (const { id } of machine.cpus) same(machine.read32(floor.at(9), id), 1009, `the word of processor 0, read by processor ${id}`);
      assertInvariants(machine);
    },
  },
  {
    id: "L5.shootdown.only-what-is-meant",
    rule: "Other spaces' pages at the same addresses stay where they are",
    source: "contract C-8.1, C-8.2",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine } = floor;
      const other = machine.spaces.create();
      machine.switchTo(other, 1);
      other.createArea({ base: floor.at(0), size: floor.bytes(8), flags: RW, backend: anonymous });
      for (let page = 0; page < 8; page += 1) machine.write32(floor.at(page), 2000 + page, 1);
      floor.space.destroyArea(floor.at(0));
      for (let page = 0; page < 8; page += 1) same(machine.read32(floor.at(page), 1), 2000 + page, `page ${page} of another space`);
      assertInvariants(machine);
    },
  },
  {
    id: "L5.memory.one-for-all",
    rule: "What one processor writes all others read, through whatever their TLBs hold",
    source: "contract C-5.1, C-15.7",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig);
      const { machine } = floor;
      for (let round = 0; round < 12; round += 1) {
        const [writer, page] = [round % CPUS, round % 8];
        holds(machine.write32(floor.at(page), 5000 + round, writer), "a write is refused");
        for (const { id } of machine.cpus)
          same(machine.read32(floor.at(page), id), 5000 + round, `the word of processor ${writer}, read by processor ${id}`);
      }
    },
  },
  {
    id: "L5.asid.stolen-everywhere",
    rule: "A number that changes hands on one processor is forgotten on all of them",
    source: "contract C-7.3; HD-34",
    since: "1.0.0",
    traits: ["recycled"],
    check(rig) {
      const floor = new Floor(rig, 3);
      const { machine } = floor;
      for (let round = 0; round < 14; round += 1) {
        const space = machine.spaces.create();
        // Each processor in turn; those it left behind still hold what they held.
        machine.switchTo(space, round % 3);
        same(floor.reach(round % 3, 0), -1, `a new space on processor ${round % 3} reaches a page of another's`);
        space.createArea({ base: floor.at(0), size: floor.bytes(2), flags: RW, backend: anonymous });
        holds(machine.write32(floor.at(0), 3000 + round, round % 3), "a write is refused");
        same(machine.read32(floor.at(0), round % 3), 3000 + round, "the word just written");
        assertInvariants(machine);
      }
    },
  },
  {
    id: "L5.kernel.forgotten-everywhere",
    rule: "A page that the kernel unmaps is gone on every processor, in whatever space",
    source: "contract C-4.10, C-8.1",
    since: "1.0.0",
    traits: ["other"],
    check(rig) {
      const floor = new Floor(rig, 2);
      const { machine } = floor;
      const { tables, withdrawals, frames } = machine.parts;
      const kernel = machine.spaces.kernel.context;
      const { units, refill } = machine.parts;
      const windows = rig.architecture.layout.windows ?? [];
      let page = units.pageOf(rig.architecture.layout.kernel.last) - 4;
      while (
        windows.some(({ first, last }) => page >= units.pageOf(first) && page <= units.pageOf(last)) ||
        (refill.fixedFrame?.(page * rig.perPage) ?? -1) >= 0
      )
        page -= 1;
      tables.insert(kernel, page, frames.takeZeroed(), READ | WRITE | 16 | 32);
      tables.mark(kernel, page, true);
      const reach = (id: number): number => machine.on(id, () => machine.cpu(id).translate(page * rig.perPage, READ, 0));
      for (const id of [0, 1]) holds(reach(id) >= 0, `processor ${id} does not reach the kernel's page`);
      const debt = withdrawals.begin(kernel, page, 1);
      tables.remove(kernel, page, debt);
      withdrawals.settle();
      for (const id of [0, 1]) {
        same(reach(id), -1, `processor ${id} reaches a page that the kernel has unmapped`);
        same(machine.cpu(id).fault.reason, ABSENT, "the reason");
      }
    },
  },
];
