/** Who has which ASID: both policies by themselves, with a shootdown that only writes down what it is told. */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { FixedAsid } from "#src/asid/fixed.js";
import { StealOldest } from "#src/asid/steal-oldest.js";
import { Events, type PortolanEvent } from "#src/events.js";
import { PortolanError } from "#src/errors.js";
import { Locks } from "#src/machine/locks.js";
import { Preemption } from "#src/machine/scheduler.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { Random } from "#src/random.js";
import { LockOrder } from "#src/verify/lock-order.js";
import { Shootdown, type ShootdownProcessor } from "#src/tlb/shootdown.js";

const INVALID = abs32le.asids.invalid;

/** A policy with ASIDs from `first` to `last`; `purged` tells which were purged, by which processor. */
const policyOf = ({ first = 2, last = 4, processors = 2, invalid = INVALID } = {}) => {
  const purged: string[] = [];
  const told: PortolanEvent[] = [];
  const cpus = Array.from({ length: processors }, (_, id): ShootdownProcessor => ({
    id,
    interrupts: true,
    tlbActive: true,
    invalidateAll: () => void purged.push(`${id}:all`),
    invalidateAsid: (asid) => void purged.push(`${id}:${asid}`),
    invalidatePages: () => void purged.push(`${id}:pages`),
  }));
  const preemption = new Preemption();
  const locks = new Locks();
  const order = new LockOrder(preemption);
  locks.discipline = order;
  const events = new Events();
  events.sink = (event) => void told.push(event);
  const shootdown = new Shootdown(cpus, locks, preemption, events);
  const architecture = { ...abs32le, asids: { ...abs32le.asids, invalid, first, last } };
  const policy = new StealOldest(architecture, processors, shootdown, () => cpus[preemption.cpu], locks, events);
  const underLock = (work: () => void): void => {
    locks.acquire("asid", 0);
    try {
      work();
    } finally {
      locks.release("asid", 0);
    }
  };
  return {
    policy,
    purged,
    told,
    events,
    to: (from: TranslationContext | null, context: TranslationContext) => underLock(() => policy.switch(from, context)),
    release: (context: TranslationContext) => underLock(() => policy.release(context)),
  };
};

const user = (id: number, invalid = INVALID): TranslationContext => new TranslationContext(id, false, invalid);
const kernel = (): TranslationContext => new TranslationContext(0, true, abs32le.asids.kernel);

describe("ASIDs that are stolen from the oldest", () => {
  it("are handed out in order, each purged everywhere before somebody has it", () => {
    const { to, purged, policy } = policyOf();
    const spaces = [user(1), user(2), user(3)];
    let from: TranslationContext | null = null;
    for (const space of spaces) {
      to(from, space);
      from = space;
    }
    expect(spaces.map(({ asid }) => asid)).to.deep.equal([2, 3, 4]);
    expect(purged).to.deep.equal(["0:2", "1:2", "0:3", "1:3", "0:4", "1:4"]);
    expect(spaces.map(({ installedOn }) => installedOn)).to.deep.equal([0, 0, 1]);
    expect(policy.stolen).to.equal(0);
  });

  it("are kept by a space that comes back, without a purge", () => {
    const { to, purged } = policyOf();
    const [one, other] = [user(1), user(2)];
    to(null, one);
    to(one, other);
    purged.length = 0;
    to(other, one);
    to(one, one);
    expect([one.asid, other.asid, one.installedOn, other.installedOn]).to.deep.equal([2, 3, 1, 0]);
    expect(purged).to.deep.equal([]);
  });

  it("are taken from the space that has been inactive longest, also one that had been active again in between", () => {
    const { to, policy, told } = policyOf();
    const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map((id) => user(id));
    let now: TranslationContext | null = null;
    const next = (space: TranslationContext): void => {
      to(now, space);
      now = space;
    };
    for (const space of [a, b, c, a, b]) next(space);
    next(d);
    expect([a.asid, b.asid, c.asid, d.asid], "c was the oldest").to.deep.equal([2, 3, INVALID, 4]);
    next(e);
    expect([a.asid, b.asid, d.asid, e.asid], "then a").to.deep.equal([INVALID, 3, 4, 2]);
    next(f);
    expect([b.asid, d.asid, e.asid, f.asid], "then b").to.deep.equal([INVALID, 4, 2, 3]);
    expect(policy.stolen).to.equal(3);
    expect(told.filter((event) => event.kind === "asid").slice(3)).to.deep.equal([
      { kind: "asid", space: 3, asid: 4, action: "steal" },
      { kind: "asid", space: 4, asid: 4, action: "allocate" },
      { kind: "asid", space: 1, asid: 2, action: "steal" },
      { kind: "asid", space: 5, asid: 2, action: "allocate" },
      { kind: "asid", space: 2, asid: 3, action: "steal" },
      { kind: "asid", space: 6, asid: 3, action: "allocate" },
    ]);
  });

  it("are not taken from a space that another processor still has", () => {
    const { to } = policyOf({ processors: 2 });
    const [a, b, c, d] = [1, 2, 3, 4].map((id) => user(id));
    to(null, a);
    to(null, a);
    expect(a.installedOn).to.equal(2);
    to(a, b);
    to(b, c);
    to(c, d);
    expect([a.asid, b.asid, c.asid, d.asid]).to.deep.equal([2, INVALID, 4, 3]);
    expect(a.installedOn).to.equal(1);
  });

  it("keep their order when a space that one processor has goes to another as well", () => {
    const { to } = policyOf({ last: 5, processors: 3 });
    const k = kernel();
    const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map((id) => user(id));
    to(null, b);
    to(b, a);
    to(a, c);
    to(c, k);
    to(k, a);
    to(null, c);
    to(null, a);
    to(null, d);
    to(null, e);
    expect([b.asid, e.asid, a.installedOn], "b was idle alone").to.deep.equal([INVALID, 2, 2]);
    to(e, k);
    to(null, f);
    expect([a.asid, c.asid, d.asid, e.asid, f.asid]).to.deep.equal([3, 4, 5, INVALID, 2]);
  });

  it("come back when a space goes, oldest first, and before any is stolen", () => {
    const { to, release, policy, told, purged } = policyOf();
    const [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map((id) => user(id));
    const k = kernel();
    to(null, a);
    to(a, b);
    to(b, c);
    to(c, k);
    told.length = 0;
    release(b);
    release(a);
    release(a);
    expect([a.asid, b.asid]).to.deep.equal([INVALID, INVALID]);
    expect(told).to.deep.equal([
      { kind: "asid", space: 2, asid: 3, action: "release" },
      { kind: "asid", space: 1, asid: 2, action: "release" },
    ]);
    purged.length = 0;
    to(k, d);
    to(d, e);
    expect([d.asid, e.asid, c.asid]).to.deep.equal([3, 2, 4]);
    expect(purged, "what was given back is purged like any other").to.deep.equal(["0:3", "1:3", "0:2", "1:2"]);
    expect(policy.stolen).to.equal(0);
    to(e, f);
    expect([c.asid, f.asid, policy.stolen]).to.deep.equal([INVALID, 4, 1]);
  });

  it("are never the kernel's to lose, to keep in the list or to give back", () => {
    const { to, release, policy, purged } = policyOf();
    const k = kernel();
    const spaces = [1, 2, 3, 4].map((id) => user(id));
    to(null, k);
    expect([k.asid, k.installedOn, purged]).to.deep.equal([0, 1, []]);
    for (const space of spaces) {
      to(k, space);
      to(space, k);
    }
    release(k);
    expect(k.asid).to.equal(0);
    expect(spaces.map(({ asid }) => asid)).to.deep.equal([INVALID, 3, 4, 2]);
    expect(policy.stolen).to.equal(1);
  });

  it("empty the software cache of whom they are taken from, and of nobody else", () => {
    const { to } = policyOf();
    const emptied: number[] = [];
    const spaces = [1, 2, 3, 4].map((id) => {
      const space = user(id);
      if (id < 3)
        space.cache = {
          invalidate: (page: number, count: number) => {
            expect([page, count]).to.deep.equal([0, Infinity]);
            emptied.push(id);
          },
        } as NonNullable<TranslationContext["cache"]>;
      return space;
    });
    let from: TranslationContext | null = null;
    for (const space of spaces) {
      to(from, space);
      from = space;
    }
    expect(emptied).to.deep.equal([1]);
  });

  it("need one more than there are processors", () => {
    expect(() => policyOf({ first: 2, last: 4, processors: 3 }))
      .to.throw(PortolanError)
      .with.deep.property("values", { processors: 3, asids: 3, rule: "more ASIDs than processors" });
    policyOf({ first: 2, last: 5, processors: 3 });
    const { to } = policyOf({ processors: 2 });
    const spaces = [1, 2, 3, 4].map((id) => user(id));
    for (const space of spaces.slice(0, 3)) to(null, space);
    expect(() => to(null, spaces[3])).to.throw("every ASID is installed");
  });

  it("may be any numbers, also where nobody's is the highest", () => {
    const { to, release, policy } = policyOf({ first: 1, last: 3, invalid: 4 });
    const spaces = [1, 2, 3, 4, 5].map((id) => user(id, 4));
    let from: TranslationContext | null = null;
    for (const space of [...spaces, ...spaces]) {
      to(from, space);
      from = space;
    }
    expect(spaces.map(({ asid }) => asid)).to.deep.equal([4, 4, 2, 3, 1]);
    release(spaces[2]);
    to(from, spaces[0]);
    expect([spaces[0].asid, spaces[2].asid, policy.stolen]).to.deep.equal([2, 4, 7]);
  });

  it("are handed over under the lock of ASIDs alone, listened to or not", () => {
    const { policy, to, release, events } = policyOf();
    const space = user(1);
    expect(() => policy.switch(null, space)).to.throw();
    expect(() => policy.release(space)).to.throw();
    events.sink = null;
    const [a, b, c, d] = [1, 2, 3, 4].map((id) => user(id));
    to(null, a);
    to(a, b);
    to(b, c);
    to(c, d);
    expect([a.asid, d.asid]).to.deep.equal([INVALID, 2]);
    to(d, c);
    release(d);
    expect(d.asid).to.equal(INVALID);
  });

  it("agree with a plain list over thousands of switches and ends of spaces", () => {
    const FIRST = 2;
    const LAST = 2501;
    const { to, release, policy } = policyOf({ first: FIRST, last: LAST, processors: 2 });
    const random = new Random(20050912);
    const now: (TranslationContext | null)[] = [null, null];
    const free = Array.from({ length: LAST - FIRST + 1 }, (_, i) => FIRST + i);
    let idle: TranslationContext[] = [];
    const model = new Map<TranslationContext, number>();
    const everybody: TranslationContext[] = [];
    let stolen = 0;
    const isActive = (space: TranslationContext): boolean => now.includes(space);
    for (let step = 0; step < 12_000; step += 1) {
      const cpu = random.below(2);
      const isNew = everybody.length < 50 || random.below(2) === 0;
      const space = isNew ? user(step + 1) : everybody[random.below(everybody.length)];
      if (isNew) everybody.push(space);
      // For a while many spaces end: what they give back piles up.
      const mayEnd = step % 6000 > 4500;
      if (!isNew && mayEnd && !isActive(space)) {
        everybody.splice(everybody.indexOf(space), 1);
        const asid = model.get(space);
        if (asid !== undefined) {
          free.push(asid);
          model.delete(space);
          idle = idle.filter((other) => other !== space);
        }
        release(space);
        expect(space.asid).to.equal(INVALID);
        continue;
      }
      const from = now[cpu];
      now[cpu] = space;
      if (from !== null && !isActive(from)) idle.push(from);
      if (model.has(space)) idle = idle.filter((other) => other !== space);
      else {
        let asid = free.shift();
        if (asid === undefined) {
          const victim = idle.shift();
          if (victim === undefined) throw new Error("somebody is idle");
          asid = model.get(victim);
          model.delete(victim);
          stolen += 1;
          expect(victim.asid).to.equal(asid);
        }
        model.set(space, asid ?? -1);
      }
      to(from, space);
      expect(space.asid).to.equal(model.get(space));
      if (step % 500 === 0) for (const each of everybody) expect(each.asid).to.equal(model.get(each) ?? INVALID);
    }
    expect(policy.stolen).to.equal(stolen);
    expect(stolen).to.be.greaterThan(100);
  });
});

describe("ASIDs that are fixed", () => {
  it("are one for all spaces of users, none for who has gone, and the kernel's own", () => {
    const policy = new FixedAsid(ia32);
    const [a, b] = [1, 2].map((id) => new TranslationContext(id, false, ia32.asids.invalid));
    const k = new TranslationContext(0, true, ia32.asids.kernel);
    policy.switch(null, a);
    policy.switch(a, b);
    policy.switch(b, k);
    expect([a.asid, b.asid, k.asid]).to.deep.equal([ia32.asids.first, ia32.asids.first, ia32.asids.kernel]);
    expect([a.installedOn, b.installedOn, k.installedOn]).to.deep.equal([0, 0, 1]);
    policy.release(a);
    expect([a.asid, policy.stolen]).to.deep.equal([ia32.asids.invalid, 0]);
  });
});
