/** Historical defects of the ancestors: several processors, TLBs, ASIDs, shootdowns, locks. */
import { expect } from "chai";
import {
  assertInvariants,
  interleave,
  LockOrder,
  WouldWait,
  type AddressSpace,
  type LockKind,
  type Machine,
  type PortolanEvent,
  type PreemptionPoint,
} from "#src/index.js";
import { ALL, ASID, PAGES, QUEUE_LENGTH, ShootdownQueue, type Invalidating } from "#src/tlb/shootdown-queue.js";
import { area, build, fewAsids, installed, machines, refuses, RO } from "../fixture.js";

/** Writes down what it is told to forget. */
const notebook = (): Invalidating & { readonly done: string[] } => {
  const done: string[] = [];
  return {
    done,
    invalidateAll: () => void done.push("all"),
    invalidateAsid: (asid) => void done.push(`asid ${asid}`),
    invalidatePages: (asid, page, count) => void done.push(`pages ${asid}:${page}+${count}`),
  };
};

describe("defects of the ancestors, queues", () => {
  it("HD-17: messages are carried out in order, each once; the eleventh makes them one ALL, and the queue is empty then", () => {
    for (const length of [1, 3, QUEUE_LENGTH, QUEUE_LENGTH + 1, 3 * QUEUE_LENGTH]) {
      const queue = new ShootdownQueue();
      for (let i = 0; i < length; i += 1) queue.add(i % 2 === 0 ? PAGES : ASID, i, i * 10, 1);
      const processor = notebook();
      queue.drain(processor);
      const each = Array.from({ length }, (_, i) => (i % 2 === 0 ? `pages ${i}:${i * 10}+1` : `asid ${i}`));
      if (length <= QUEUE_LENGTH) expect(processor.done).to.deep.equal(each);
      else expect(processor.done[0]).to.equal("all");
      expect(queue.length).to.equal(0);
      const afterwards = notebook();
      queue.add(PAGES, 1, 2, 3);
      expect(queue.drain(afterwards)).to.equal(1);
      expect(afterwards.done).to.deep.equal(["pages 1:2+3"]);
    }
    const queue = new ShootdownQueue();
    queue.add(PAGES, 1, 1, 1);
    queue.add(ALL, 0, 0, 0);
    queue.add(PAGES, 2, 2, 2);
    const processor = notebook();
    queue.drain(processor);
    expect(processor.done, "ALL makes what follows needless").to.deep.equal(["pages 1:1+1", "all"]);
    expect(queue.length).to.equal(0);
  });
});

for (const architecture of machines) {
  describe(`defects of the ancestors, processors, on ${architecture.name}`, () => {
    const size = 2 ** architecture.pageShift;
    const at = (page: number): number => page * size;
    let machine: Machine;
    let events: PortolanEvent[] = [];
    const order = (): LockOrder => machine.parts.locks.discipline as LockOrder;
    beforeEach(() => {
      events = [];
      machine = build(fewAsids(architecture), { cpus: 2, onEvent: (event) => void events.push(event) });
    });
    afterEach(() => assertInvariants(machine));

    it("HD-16: frames go after every processor has forgotten them: start, unmap, forget, finalize, release", () => {
      const space = installed(machine);
      machine.switchTo(space, 1);
      area(space, at(16), 2);
      for (const cpu of [0, 1]) machine.write32(at(16), 1, cpu);
      machine.parts.tables.find(space.context, 16);
      const { frame } = machine.parts.tables.found;
      const holds = (): boolean => {
        const perFrame = 2 ** (architecture.pageShift - architecture.hardwarePageShift);
        let found = false;
        for (const cpu of machine.cpus) cpu.dataTlb.each((entry) => (found ||= Math.floor(cpu.dataTlb.frame(entry) / perFrame) === frame));
        return found;
      };
      const story: string[] = [];
      machine.parts.preemption.scheduler = {
        at(point: PreemptionPoint) {
          if (machine.parts.frames.references(frame) === 0) expect(holds(), `at ${point} a free frame is in a TLB`).to.equal(false);
          if (point.startsWith("lock")) return;
          story.push(`${point}${machine.parts.frames.references(frame) === 0 ? " freed" : ""}${holds() ? " held" : ""}`);
        },
      };
      space.destroyArea(at(16));
      machine.parts.preemption.scheduler = null;
      expect(story.map((line) => line.split(" ")[0])).to.deep.equal([
        "shootdown-sent",
        "tables-edited",
        "invalidated-locally",
        "shootdown-finalized",
        "frames-released",
      ]);
      expect(story[0]).to.equal("shootdown-sent held");
      expect(story[3]).to.equal("shootdown-finalized");
      expect(story[4]).to.equal("frames-released freed");
    });

    it("HD-18: a space without an ASID has nothing in any TLB: nobody is stopped, and nothing asserts", () => {
      const space = machine.spaces.create();
      area(space, at(16), 4);
      events.length = 0;
      space.changeAreaFlags(at(16), RO);
      space.resizeArea(at(16), size);
      space.destroyArea(at(16));
      expect(events.filter(({ kind }) => kind === "shootdown" || kind === "invalidate")).to.deep.equal([]);
    });

    it("HD-18: the same when its ASID has been stolen", () => {
      if (architecture.asids.policy === "fixed") {
        expect(machine.parts.asids.stolen).to.equal(0);
        return;
      }
      const victim = installed(machine);
      area(victim, at(16), 2);
      machine.write32(at(16), 5);
      for (let i = 0; i < 8; i += 1) installed(machine);
      expect(victim.context.asid).to.equal(architecture.asids.invalid);
      events.length = 0;
      victim.destroyArea(at(16));
      expect(events.filter(({ kind }) => kind === "shootdown")).to.deep.equal([]);
    });

    it("HD-19: an installed space is held by its processor, and goes when that lets go of it", () => {
      const space = installed(machine, 1);
      area(space, at(16), 1);
      machine.write32(at(16), 3, 1);
      refuses("ERR_SPACE_IN_USE", () => space.destroy());
      space.release();
      expect(space.isDestroyed).to.equal(false);
      expect(machine.read32(at(16), 1)).to.equal(3);
      machine.switchToKernel(1);
      expect(space.isDestroyed).to.equal(true);
    });

    it("HD-33: a switch takes no lock that sleeps, and waits for none", () => {
      const a = machine.spaces.create();
      const b = machine.spaces.create();
      const before = { ...order().taken };
      machine.switchTo(a);
      machine.switchTo(b);
      machine.switchTo(b);
      const sleeping: readonly LockKind[] = ["address-space", "area", "object", "page-table"];
      for (const kind of sleeping) expect(order().taken[kind], kind).to.equal(before[kind]);
      expect(order().taken.asid).to.be.greaterThan(before.asid);
    });

    it("HD-33: a switch goes through while another processor works on the very space", () => {
      const space = machine.spaces.create();
      area(space, at(16), 2);
      const entered = new Set<string | null>();
      for (let point = 0; point < 6; point += 1) {
        const played = interleave(
          machine,
          { cpu: 0, run: () => space.resizeArea(at(16), (1 + (point % 2)) * size) },
          { cpu: 1, run: () => machine.switchTo(point % 2 === 0 ? space : machine.spaces.kernel, 1) },
          point,
        );
        entered.add(played.point);
        assertInvariants(machine);
      }
      expect([...entered].some((point) => point !== null)).to.equal(true);
    });

    it("HD-34: an ASID is purged on every processor before somebody gets it, free or stolen", () => {
      const spaces: AddressSpace[] = [];
      for (let i = 0; i < 12; i += 1) {
        const space = installed(machine, i % 2);
        area(space, at(16), 1);
        machine.write32(at(16), 1000 + i, i % 2);
        spaces.push(space);
        if (i % 5 !== 4) continue;
        const gone = spaces.shift() as AddressSpace;
        gone.destroy();
      }
      spaces.forEach((space, i) => {
        machine.switchTo(space, i % 2);
        expect(machine.read32(at(16), i % 2)).to.equal(1000 + 2 + i);
      });
      if (architecture.asids.policy === "fixed") return;
      expect(machine.parts.asids.stolen).to.be.greaterThan(0);
      // Between its last owner's leaving and its next one's coming, each processor forgets an ASID.
      const forgotten = new Map<number, Set<number>>();
      for (const event of events) {
        if (event.kind === "invalidate" && event.type === "asid")
          forgotten.set(event.asid, (forgotten.get(event.asid) ?? new Set()).add(event.cpu));
        if (event.kind !== "asid") continue;
        if (event.action === "allocate") expect(forgotten.get(event.asid)).to.deep.equal(new Set([0, 1]));
        else forgotten.delete(event.asid);
      }
    });

    it("HD-35: a space that goes takes its areas down first and hands its ASID on last", () => {
      const space = installed(machine);
      area(space, at(16), 2);
      machine.write32(at(16), 1);
      const { asid } = space.context;
      machine.switchToKernel();
      events.length = 0;
      space.destroy();
      const kinds = events.map((event) =>
        event.kind === "asid" ? `asid ${event.action}` : event.kind === "area" ? `area ${event.action}` : event.kind,
      );
      expect(kinds).to.include("shootdown").and.to.include("area destroy");
      expect(space.context.asid).to.equal(architecture.asids.invalid);
      if (architecture.asids.policy === "fixed") return;
      const released = kinds.indexOf("asid release");
      expect(released).to.be.greaterThan(kinds.indexOf("area destroy"));
      const later = events.slice(released + 1).filter((event) => event.kind === "shootdown" && event.asid === asid);
      expect(later).to.deep.equal([]);
    });

    it("HD-36: while mappings go, the space neither gets an ASID nor loses the one it has", () => {
      for (let point = 0, points = 1; point <= points; point += 1) {
        const own = build(fewAsids(architecture), { cpus: 2 });
        const space = own.spaces.create();
        area(space, at(16), 2);
        own.switchTo(space, 0);
        own.write32(at(16), 7);
        own.switchToKernel(0);
        const played = interleave(
          own,
          { cpu: 0, run: () => space.destroyArea(at(16)) },
          {
            cpu: 1,
            run: () => {
              for (let i = 0; i < 6; i += 1) own.switchTo(own.spaces.create(), 1);
              own.switchTo(space, 1);
            },
          },
          point,
        );
        points = played.points;
        assertInvariants(own);
        expect(own.read32(at(16), 1)).to.equal(-1);
      }
    });

    it("HD-37: nothing that may sleep happens between start and finalize", () => {
      const space = installed(machine);
      area(space, at(16), 4);
      for (const page of [16, 17]) machine.write32(at(page), 1);
      let seen = 0;
      machine.parts.preemption.scheduler = {
        at(point) {
          if (point !== "shootdown-sent" && point !== "tables-edited" && point !== "invalidated-locally") return;
          seen += 1;
          expect(() => machine.parts.gate.pass("something")).to.throw("may sleep");
          expect(() => order().acquire("area", 99)).to.throw("while it holds");
        },
      };
      space.changeAreaFlags(at(16), RO);
      space.resizeArea(at(16), size);
      space.destroyArea(at(16));
      machine.parts.preemption.scheduler = null;
      expect(seen).to.equal(9);
    });

    it("HD-38: one order of locks for mapping by hand, sharing and faults, and any other is caught", () => {
      const a = installed(machine);
      const b = installed(machine, 1);
      area(a, at(16), 2);
      machine.write32(at(16), 1);
      const taken: string[] = [];
      machine.parts.preemption.scheduler = {
        at: (point, cpu) => {
          if (point === "lock-acquired")
            taken.push(
              order()
                .heldBy(cpu)
                .map((name) => name.split(" ")[0])
                .join(">"),
            );
        },
      };
      a.shareArea(at(16), 2 * size, b, at(40), RO);
      machine.read32(at(40), 1);
      b.createArea({ base: at(60), size, flags: RO, backend: null });
      b.setMapping(at(60), 2 ** (architecture.physicalBits - architecture.pageShift) - 1);
      machine.parts.preemption.scheduler = null;
      expect(taken).to.include.members([
        "address-space>area>object>page-table",
        "address-space>address-space>area>object>page-table",
        "address-space>area>page-table",
      ]);
      order().acquire("page-table", 1);
      expect(() => order().acquire("object", 1)).to.throw("while it holds");
      expect(() => order().acquire("area", 1)).to.throw("while it holds");
      order().release("page-table", 1);
    });

    it("HD-40: questions about areas wait for whoever changes them", () => {
      const space = installed(machine);
      area(space, at(16), 2);
      machine.write32(at(17), 1);
      const questions: readonly (() => unknown)[] = [
        () => space.areaSize(at(16)),
        () => space.areaInfo(at(16)),
        () => space.checkAccess(at(16), 1),
        () => space.print(),
        () => [...space.areas()],
      ];
      let refused = 0;
      machine.parts.preemption.scheduler = {
        at(point, cpu) {
          if (cpu !== 0 || point !== "frames-released") return;
          for (const question of questions) {
            expect(() => machine.on(1, question)).to.throw(WouldWait);
            order().restart(1);
            refused += 1;
          }
        },
      };
      space.resizeArea(at(16), size);
      machine.parts.preemption.scheduler = null;
      expect(refused).to.equal(questions.length);
    });

    it("HD-48: what a look-up gives is a copy, and what is gone is not found", () => {
      const space = installed(machine);
      area(space, at(16), 2);
      machine.write32(at(16), 1);
      const { tables } = machine.parts;
      tables.find(space.context, 16);
      const copy = { ...tables.found };
      tables.found.frame = 0;
      tables.found.rights = 0;
      tables.find(space.context, 16);
      expect(tables.found).to.deep.equal(copy);
      space.resizeArea(at(17), 0);
      expect(tables.find(space.context, 17)).to.equal(false);
      space.destroyArea(at(16));
      expect(tables.find(space.context, 16)).to.equal(false);
    });

    it("HD-47: an empty table goes after every processor has forgotten what it said, and the kernel's never", () => {
      if (architecture.translation.kind === "hashed") {
        expect(machine.parts.tables.kind).to.equal("hashed");
        return;
      }
      const space = installed(machine);
      area(space, at(16), 1);
      machine.write32(at(16), 1);
      const full = machine.parts.tables.bytes(space.context);
      const story: string[] = [];
      machine.parts.preemption.scheduler = {
        at: (point) => {
          if (!point.startsWith("lock")) story.push(`${point} ${machine.parts.tables.bytes(space.context) === full}`);
        },
      };
      space.destroyArea(at(16));
      machine.parts.preemption.scheduler = null;
      expect(story.at(-2)).to.equal("shootdown-finalized true");
      expect(story.at(-1)).to.equal("frames-released false");
    });

    it("HD-47: what the kernel maps later is seen through every space there is, and through every later one", () => {
      if (architecture.layout.kernelAddressSpaceShadowed) {
        expect(machine.cpu(0).contextFor(0).isKernel).to.equal(true);
        return;
      }
      const early = machine.spaces.create();
      const { tables, units } = machine.parts;
      const page = units.pageOf(architecture.layout.kernel.first) + 5;
      tables.insert(machine.spaces.kernel.context, page, 9, 3 | 32);
      const late = machine.spaces.create();
      for (const space of [early, late]) {
        expect(tables.find(space.context, page)).to.equal(true);
        expect(tables.found.frame).to.equal(9);
      }
      early.destroy();
      expect(tables.find(late.context, page)).to.equal(true);
    });
  });
}
