import { profileNamed, programPath } from "@portolan/qemu-judge";
import { expect } from "chai";
import { bitLiarsOf } from "./bit-liars.js";
import { isNamed } from "./named.js";

describe("liars before the judge", function () {
  this.timeout(60_000);

  // One for each family of stubs; `npm run liars` puts all of them to it.
  for (const [name, liar] of [
    ["ia32", 1],
    ["amd64", 3],
    ["armv7", 0],
    ["riscv64", 2],
  ] as const) {
    it(`QEMU names a port with one bit in the wrong place, and no honest one: ${name}`, async function () {
      const profile = profileNamed(name);
      if (programPath(profile.qemu.program) === null) this.skip();
      const { lie, architecture } = bitLiarsOf(profile.architecture)[liar] ?? {};
      if (architecture === undefined) throw new Error(`${name} has no such liar`);
      expect(await isNamed(profile, { architecture }, 3000), lie).to.equal(true);
      expect(await isNamed(profile, { architecture: profile.architecture }, 1000)).to.equal(false);
    });
  }
});
