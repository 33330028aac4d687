/** The protocol by itself: who is told what, who stops and goes on when, with processors that only write down what they do. */
import { expect } from "chai";
import { Events, type PortolanEvent } from "#src/events.js";
import { Locks } from "#src/machine/locks.js";
import { Preemption } from "#src/machine/scheduler.js";
import { ALL, ASID, PAGES, QUEUE_LENGTH, ShootdownQueue, type Invalidating } from "#src/tlb/shootdown-queue.js";
import { Shootdown, type ShootdownProcessor } from "#src/tlb/shootdown.js";

const writingDown = (done: string[], name = ""): Invalidating => ({
  invalidateAll: () => void done.push(`${name}all`),
  invalidateAsid: (asid) => void done.push(`${name}asid ${asid}`),
  invalidatePages: (asid, page, count) => void done.push(`${name}pages ${asid} ${page} ${count}`),
});

describe("the queue of a processor", () => {
  it("keeps ten messages and carries them out in order", () => {
    const queue = new ShootdownQueue();
    const expected: string[] = [];
    for (let i = 0; i < QUEUE_LENGTH; i += 1) {
      expect(queue.length).to.equal(i);
      if (i % 2 === 0) queue.add(PAGES, i, 2 ** 40 + i, 3 + i);
      else queue.add(ASID, i, 7, 7);
      expected.push(i % 2 === 0 ? `pages ${i} ${2 ** 40 + i} ${3 + i}` : `asid ${i}`);
    }
    const done: string[] = [];
    expect(queue.drain(writingDown(done))).to.equal(10);
    expect(done).to.deep.equal(expected);
    expect([queue.length, queue.drain(writingDown(done)), done.length]).to.deep.equal([0, 0, 10]);
  });

  it("makes one of all when the eleventh comes, and stays so whatever comes then", () => {
    const queue = new ShootdownQueue();
    for (let i = 0; i < QUEUE_LENGTH + 1; i += 1) queue.add(PAGES, 2, i, 1);
    expect(queue.length).to.equal(1);
    queue.add(ASID, 5, 0, 0);
    expect(queue.length).to.equal(2);
    const done: string[] = [];
    expect(queue.drain(writingDown(done))).to.equal(2);
    expect(done).to.deep.equal(["all"]);
    queue.add(PAGES, 1, 2, Infinity);
    queue.drain(writingDown(done));
    expect(done).to.deep.equal(["all", "pages 1 2 Infinity"]);
  });

  it("has nothing to do after everything was forgotten", () => {
    const queue = new ShootdownQueue();
    queue.add(ASID, 3, 0, 0);
    queue.add(ALL, 0, 0, 0);
    queue.add(PAGES, 3, 1, 1);
    const done: string[] = [];
    expect(queue.drain(writingDown(done))).to.equal(3);
    expect(done).to.deep.equal(["asid 3", "all"]);
  });
});

const machine = (count = 3) => {
  const done: string[] = [];
  const told: PortolanEvent[] = [];
  const locked: string[] = [];
  const cpus = Array.from({ length: count }, (_, id): ShootdownProcessor => ({
    id,
    interrupts: true,
    tlbActive: true,
    ...writingDown(done, `${id}: `),
  }));
  const locks = new Locks();
  locks.discipline = {
    acquire: (kind, id) => void locked.push(`+${kind} ${id}`),
    release: (kind, id) => void locked.push(`-${kind} ${id}`),
    assertHeld: () => {},
    assertNoneHeld: () => {},
  };
  const events = new Events();
  events.sink = (event) => void told.push(event);
  const preemption = new Preemption();
  const shootdown = new Shootdown(cpus, locks, preemption, events);
  const active = (): boolean[] => cpus.map(({ tlbActive }) => tlbActive);
  const waiting = (): number[] => cpus.map(({ id }) => shootdown.waiting(id));
  return { shootdown, cpus, done, told, locked, events, preemption, active, waiting };
};

describe("a shootdown", () => {
  it("stops everybody, tells the others, and lets them carry it out when it is finalized", () => {
    const { shootdown, cpus, done, told, locked, preemption, active, waiting } = machine();
    preemption.cpu = 1;
    const points: string[] = [];
    preemption.scheduler = { at: (point, cpu) => void points.push(`${point} ${cpu}`) };
    expect(shootdown.isOpen).to.equal(false);
    shootdown.start(PAGES, 5, 0x123, 4);
    expect([shootdown.isOpen, active(), waiting(), shootdown.sent]).to.deep.equal([true, [false, false, false], [1, 0, 1], 2]);
    expect(cpus.map(({ interrupts }) => interrupts)).to.deep.equal([true, false, true]);
    expect(done).to.deep.equal([]);
    shootdown.finalize();
    expect([shootdown.isOpen, active(), waiting()]).to.deep.equal([false, [true, true, true], [0, 0, 0]]);
    expect(cpus.map(({ interrupts }) => interrupts)).to.deep.equal([true, true, true]);
    expect(done).to.deep.equal(["0: pages 5 291 4", "2: pages 5 291 4"]);
    expect(locked).to.deep.equal(["+tlb 0", "+cpu 0", "-cpu 0", "+cpu 2", "-cpu 2", "-tlb 0", "+cpu 0", "-cpu 0", "+cpu 2", "-cpu 2"]);
    expect(points).to.deep.equal(["shootdown-sent 1", "shootdown-finalized 1"]);
    expect(told).to.deep.equal([
      { kind: "shootdown", cpu: 1, type: "pages", asid: 5, page: 0x123, count: 4 },
      { kind: "shootdown-ack", cpu: 0, messages: 1 },
      { kind: "shootdown-ack", cpu: 2, messages: 1 },
    ]);
  });

  it("is needless where one processor is alone and nobody looks on", () => {
    const { shootdown, events } = machine(1);
    expect(shootdown.isNeedless, "locks are looked at").to.equal(false);
    for (const count of [1, 2]) {
      const unseen = new Events();
      const quiet = new Preemption();
      const alone = new Shootdown(machine(count).cpus, new Locks(), quiet, unseen);
      expect(alone.isNeedless).to.equal(count === 1);
      unseen.sink = events.sink;
      expect(alone.isNeedless, "events are told").to.equal(false);
      unseen.sink = null;
      quiet.scheduler = { at: () => undefined };
      expect(alone.isNeedless, "somebody schedules").to.equal(false);
    }
  });

  it("tells what is to be forgotten: everything, a tag or pages", () => {
    const { shootdown, done, told, events } = machine(2);
    for (const type of [ALL, ASID, PAGES] as const) {
      shootdown.start(type, 6, 7, 8);
      shootdown.finalize();
    }
    expect(done).to.deep.equal(["1: all", "1: asid 6", "1: pages 6 7 8"]);
    expect(told.flatMap((event) => (event.kind === "shootdown" ? [event.type] : []))).to.deep.equal(["all", "asid", "pages"]);
    events.sink = null;
    shootdown.start(ALL, 0, 0, 0);
    shootdown.finalize();
    expect([done.at(-1), told.length, shootdown.sent]).to.deep.equal(["1: all", 6, 4]);
  });

  it("needs nobody else on a machine of one processor, and says nothing of messages", () => {
    const { shootdown, done, told, active } = machine(1);
    shootdown.start(ASID, 6, 0, 0);
    expect([active(), shootdown.sent, shootdown.waiting(0), shootdown.waiting(9)]).to.deep.equal([[false], 0, 0, 0]);
    shootdown.finalize();
    expect([active(), done, told.length]).to.deep.equal([[true], [], 1]);
  });

  it("leaves an initiator that had interrupts off with interrupts off", () => {
    const { shootdown, cpus } = machine(2);
    cpus[0].interrupts = false;
    shootdown.start(ALL, 0, 0, 0);
    shootdown.finalize();
    expect([cpus[0].interrupts, cpus[0].tlbActive, cpus[1].interrupts]).to.deep.equal([false, true, true]);
  });

  it("waits for a processor that has interrupts off until it takes them, and that one stops then", () => {
    const { shootdown, cpus, preemption, active, done } = machine(2);
    const [, deaf] = cpus;
    deaf.interrupts = false;
    let waits = 0;
    preemption.scheduler = {
      at: (point) => {
        if (point !== "shootdown-wait") return;
        expect(active()).to.deep.equal([false, true]);
        waits += 1;
        if (waits === 3) shootdown.interruptsOn(deaf);
      },
    };
    shootdown.start(ALL, 0, 0, 0);
    expect([waits, active(), deaf.interrupts, done.length]).to.deep.equal([3, [false, false], true, 0]);
    shootdown.finalize();
    expect([active(), done]).to.deep.equal([[true, true], ["1: all"]]);
  });

  it("gives up where nobody ever stops: as many turns as there are processors, and one", () => {
    const { shootdown, cpus, preemption } = machine(2);
    cpus[1].interrupts = false;
    let waits = 0;
    preemption.scheduler = { at: (point) => void (point === "shootdown-wait" && (waits += 1)) };
    expect(() => shootdown.start(ALL, 0, 0, 0)).to.throw("processor 1 never acknowledges");
    expect(waits).to.equal(3);
  });

  it("lets slow processors linger: their messages pile up until they go on", () => {
    const { shootdown, cpus, preemption, active, waiting, done, told } = machine(3);
    preemption.scheduler = { at: () => {}, isSlow: (cpu) => cpu === 2 };
    for (const page of [1, 2, 3]) {
      shootdown.start(PAGES, 4, page, 1);
      shootdown.finalize();
    }
    expect([active(), waiting()]).to.deep.equal([
      [true, true, false],
      [0, 0, 3],
    ]);
    expect(done.filter((each) => each.startsWith("2"))).to.deep.equal([]);
    shootdown.receive(cpus[2]);
    expect([active(), waiting(), done.slice(-3)]).to.deep.equal([
      [true, true, true],
      [0, 0, 0],
      ["2: pages 4 1 1", "2: pages 4 2 1", "2: pages 4 3 1"],
    ]);
    expect(told.at(-1)).to.deep.equal({ kind: "shootdown-ack", cpu: 2, messages: 3 });
  });

  it("carries out what was missed when interrupts are taken again, while none is open", () => {
    const { shootdown, cpus, done, told } = machine(2);
    shootdown.interruptsOn(cpus[1]);
    expect([cpus[1].tlbActive, done, told]).to.deep.equal([true, [], []]);
  });

  it("reaches one that lingers when it takes interrupts again", () => {
    const { shootdown, cpus, preemption, active, done } = machine(2);
    preemption.scheduler = { at: () => {}, isSlow: () => true };
    shootdown.start(ASID, 4, 0, 0);
    shootdown.finalize();
    expect([active(), done]).to.deep.equal([[true, false], []]);
    shootdown.interruptsOn(cpus[1]);
    expect([active(), done]).to.deep.equal([[true, true], ["1: asid 4"]]);
  });

  it("is one at a time, and nobody goes on while it is open", () => {
    const { shootdown, cpus } = machine(2);
    shootdown.start(ALL, 0, 0, 0);
    expect(() => shootdown.receive(cpus[1])).to.throw("processor 1 goes on while a shootdown is under way");
    expect(() => shootdown.start(ALL, 0, 0, 0)).to.throw("under way already");
  });
});

describe("a shootdown that may be left out", () => {
  it("is one of a machine with one processor, where nobody watches locks, interleaves or listens", () => {
    for (let setting = 0; setting < 16; setting += 1) {
      const isSet = (bit: number): boolean => (setting & (1 << bit)) !== 0;
      const locks = new Locks();
      if (isSet(1)) locks.discipline = { acquire: () => {}, release: () => {}, assertHeld: () => {}, assertNoneHeld: () => {} };
      const preemption = new Preemption();
      if (isSet(2)) preemption.scheduler = { at: () => {} };
      const events = new Events();
      if (isSet(3)) events.sink = () => {};
      const cpus = Array.from({ length: isSet(0) ? 2 : 1 }, (_, id) => ({ id, interrupts: true, tlbActive: true, ...writingDown([]) }));
      expect(new Shootdown(cpus, locks, preemption, events).isNeedless, String(setting)).to.equal(setting === 0);
    }
  });
});
