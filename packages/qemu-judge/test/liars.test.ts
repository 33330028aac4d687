import type { Subject } from "@portolan/conformance";
import { PROFILES, profileNamed, programPath, verify, type MachineProfile } from "@portolan/qemu-judge";
import { expect } from "chai";
import { bitLiarsOf } from "./bit-liars.js";

/** The suite's own liars, which are tests there and no part of any package. */
interface Liar {
  readonly lie: string;
  readonly subject: Subject;
}
const { lyingPorts } = (await import(new URL("../../conformance/dist-test/liars/ports.js", import.meta.url).href)) as {
  readonly lyingPorts: readonly Liar[];
};

/** Lies that no access can show: what pages the core asks for, how they are cached, what a machine claims to be able to. */
const UNSEEN = [
  "cacheable pages are marked as not cached",
  "pages can be forbidden to be executed",
  "pages can be forbidden to be read",
  "pages that may not be written may be",
  "the kernel always obeys R/W",
];

const isCaught = async (profile: MachineProfile, subject: Subject, queries: number): Promise<boolean> => {
  const { tally } = await verify(profile, { queries, seed: 1, vectors: [], subject });
  return tally.unexplained.length > 0;
};

describe("liars before the judge", function () {
  this.timeout(120_000);

  it("QEMU names every port of the suite's that lies about bits which an access can show", async function () {
    const profile = profileNamed("ia32");
    if (programPath(profile.qemu.program) === null) this.skip();
    const liars = lyingPorts.filter(({ lie }) => lie.startsWith("ia32: "));
    expect(liars.length).to.be.above(8);
    const escaped: string[] = [];
    for (const { lie, subject } of liars) if (!(await isCaught(profile, subject, 8000))) escaped.push(lie);
    expect(escaped.map((lie) => lie.replace("ia32: ", "")).toSorted()).to.deep.equal(UNSEEN.toSorted());
  });

  for (const profile of PROFILES.filter(({ architecture }) => architecture.tlb.refill === "hardware")) {
    it(`QEMU names a sample of ports with one bit in the wrong place: ${profile.name}`, async function () {
      if (programPath(profile.qemu.program) === null) this.skip();
      const liars = bitLiarsOf(profile.architecture);
      expect(liars).not.to.be.empty;
      const step = Math.ceil(liars.length / 4);
      for (let i = 0; i < liars.length; i += step) {
        const liar = liars[i];
        if (liar !== undefined) expect(await isCaught(profile, { architecture: liar.architecture }, 2500), liar.lie).to.be.true;
      }
    });
  }
});
