import { area, build, machines, refuses, RW } from "../fixture.js";

describe("flags of a share", () => {
  for (const architecture of machines) {
    it(`are checked as they were asked for, before anything is joined to them, on ${architecture.name}`, () => {
      const machine = build(architecture);
      const size = 2 ** architecture.pageShift;
      const [from, to] = [machine.spaces.create(), machine.spaces.create()];
      area(from, 16 * size, 1, RW);
      for (const flags of [1.5, 0, 8, -1, 64 | 1]) {
        refuses("ERR_AREA_FLAGS", () => from.shareArea(16 * size, size, to, 16 * size, flags));
      }
    });
  }
});
