import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { machines } from "../fixture.js";
import { Play, type PlayOptions } from "./play.js";

const play = (steps: number, run: Play): Play => {
  for (let step = 0; step < steps; step += 1) {
    try {
      run.step();
    } catch (error) {
      throw new Error(`step ${step}`, { cause: error });
    }
  }
  run.readAll();
  return run;
};

const PLAIN: PlayOptions = { failing: 0, isCopying: false, isForking: false };

describe("ranges of pages", () => {
  for (const architecture of machines) {
    it(`${architecture.name}: agree with a map from page to content`, () => {
      for (const seed of [1, 2]) play(150, new Play(architecture, seed, PLAIN));
    });
  }

  it("agree with it over thousands, and every operation is among them, done and refused", () => {
    const done = new Map<string, number>();
    for (let seed = 10; seed < 16; seed += 1) {
      for (const [name, times] of play(700, new Play(abs32le, seed, PLAIN)).done) done.set(name, (done.get(name) ?? 0) + times);
    }
    for (const name of ["map", "unmap", "protect", "move", "grow", "discard", "residents"])
      expect(done.get(`${name}: done`), name).to.be.greaterThan(50);
    for (const name of [
      "map: ERR_AREA_OVERLAP",
      "protect: ERR_AREA_NOT_FOUND",
      "protect: ERR_ACCESS",
      "move: ERR_AREA_NOT_FOUND",
      "move: ERR_BAD_ARGUMENT",
      "move: ERR_AREA_OVERLAP",
      "grow: ERR_AREA_NOT_FOUND",
      "residents: ERR_AREA_NOT_FOUND",
    ])
      expect(done.get(name), name).to.be.greaterThan(4);
  });

  it("agree with it after thousands of forks and operations between them", () => {
    for (let seed = 20; seed < 23; seed += 1) play(900, new Play(abs32le, seed, { ...PLAIN, isCopying: true, isForking: true }));
  });

  for (const architecture of machines) {
    it(`${architecture.name}: agree with it where memory is copied before it is written`, () => {
      for (const seed of [3, 4]) play(150, new Play(architecture, seed, { ...PLAIN, isCopying: true }));
    });

    it(`${architecture.name}: agree with it after forks and exits`, () => {
      for (const seed of [5, 6, 7]) play(200, new Play(architecture, seed, { ...PLAIN, isCopying: true, isForking: true }));
    });

    it(`${architecture.name}: change or leave no trace, whichever allocation fails`, () => {
      expect(play(220, new Play(architecture, 77, { failing: 60, isCopying: true, isForking: true })).failures).to.be.greaterThan(50);
    });
  }
});
