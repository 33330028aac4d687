import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import {
  ASID_POLICY,
  buildMachine,
  Events,
  EVENTS,
  FRAMES,
  Locks,
  LOCKS,
  PortolanError,
  REFILL,
  token,
  type Architecture,
  type FrameAllocator,
  type PortolanEvent,
  type Refill,
} from "#src/index.js";
import { area, installed } from "../fixture.js";

/** A machine whose description brings its refill code as a class. */
class Counted implements Refill {
  static made = 0;
  misses = 0;

  constructor() {
    Counted.made += 1;
  }

  miss(): never {
    this.misses += 1;
    throw new Error("not used");
  }

  refused(): never {
    throw new Error("not used");
  }
}

const withClass: Architecture = { ...abs32le, parts: [{ token: REFILL, useClass: Counted }] };

describe("parts that a caller replaces", () => {
  it("are made once a machine, and wrap what would have been there", () => {
    let made = 0;
    let taken = 0;
    const machine = buildMachine(abs32le, { memoryBytes: 2 ** 20 }, (parts) =>
      parts.register(FRAMES, (_get, usual) => {
        made += 1;
        const frames = usual();
        return new Proxy(frames, {
          get: (target, name) => {
            if (name === "takeZeroed") taken += 1;
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
          },
        }) satisfies FrameAllocator;
      }),
    );
    area(installed(machine), 0x10000, 1);
    const before = taken;
    expect(machine.write32(0x10000, 1)).to.equal(true);
    expect(taken).to.be.greaterThan(before);
    expect(made).to.equal(1);
  });

  it("can be replaced twice: the second wraps the first", () => {
    const order: string[] = [];
    buildMachine(abs32le, {}, (parts) => {
      parts.register(ASID_POLICY, (_get, usual) => {
        order.push("first");
        return usual();
      });
      parts.register(ASID_POLICY, (_get, usual) => {
        order.push("second");
        return usual();
      });
    });
    expect(order).to.deep.equal(["second", "first"]);
  });

  it("wrap a part that the architecture brings, made once as well", () => {
    Counted.made = 0;
    let seen: Refill | null = null;
    const machine = buildMachine(withClass, {}, (parts) =>
      parts.register(REFILL, (_get, usual) => {
        seen = usual();
        return seen;
      }),
    );
    expect(machine.parts.refill).to.equal(seen).and.to.be.instanceOf(Counted);
    expect(Counted.made).to.equal(1);
    buildMachine(withClass);
    expect(Counted.made).to.equal(2);
  });

  it("belong to one machine: another has its own", () => {
    const locks = new Locks();
    const mine = buildMachine(abs32le, {}, (parts) => parts.register(LOCKS, () => locks));
    expect(mine.parts.locks).to.equal(locks);
    expect(buildMachine(abs32le).parts.locks).to.not.equal(locks);
  });

  it("keep their own event sink unless the options name one", () => {
    const told: PortolanEvent[] = [];
    const events = new Events();
    events.sink = (event) => void told.push(event);
    buildMachine(abs32le, {}, (parts) => parts.register(EVENTS, () => events)).spaces.create();
    expect(told.map(({ kind }) => kind)).to.include("space");
    const other: PortolanEvent[] = [];
    const before = told.length;
    buildMachine(abs32le, { onEvent: (event) => void other.push(event) }, (parts) => parts.register(EVENTS, () => events)).spaces.create();
    expect(told).to.have.length(before);
    expect(other.map(({ kind }) => kind)).to.include("space");
  });

  it("cannot wrap what is not there", () => {
    const nothing = token<object>("nothing");
    expect(() =>
      buildMachine(abs32le, {}, (parts) => {
        parts.register(nothing, (_get, usual) => usual());
        parts.register(LOCKS, (get) => {
          get(nothing);
          return new Locks();
        });
      }),
    )
      .to.throw(PortolanError, /nothing/)
      .with.property("code", "ERR_BAD_ARGUMENT");
  });
});
