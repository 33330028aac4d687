/** A dump of a machine whose software fills the TLB says what the living machine says. */
import { mips32 } from "@portolan/arch-mips32";
import { mips32be } from "@portolan/arch-mips32/big";
import { sparc64 } from "@portolan/arch-sparc64";
import {
  anonymous,
  AREA_CACHEABLE,
  AREA_EXECUTE,
  AREA_READ,
  AREA_WRITE,
  BUS,
  buildMachine,
  EXECUTE,
  KERNEL,
  NO_FAULT,
  PRIVILEGED,
  PROTECTION,
  READ,
  Random,
  USER,
  WRITE,
  type AddressSpace,
  type Architecture,
  type Machine,
} from "@portolan/core";
import { checkTables, memoryOf, sourcesOf, walkAddress, type Memory, type SourceName } from "@portolan/inspect";
import { expect } from "chai";
import { fullStateOf } from "#src/machine-state.js";

const ACCESSES = [READ, WRITE, EXECUTE] as const;
const machines: readonly Architecture[] = [mips32, mips32be, sparc64];

/** All of a machine's memory, as an image would have it. */
const dumpOf = ({ parts: { memory } }: Machine): Memory => {
  const base = memory.firstFrame * memory.frameSize;
  const bytes = new Uint8Array(memory.frameCount * memory.frameSize);
  memory.readBytes(base, bytes);
  return memoryOf(bytes, base);
};

/** A machine in which two programs have touched pages of every kind, more than its TLB holds. */
const lived = (
  architecture: Architecture,
  seed: number,
): { machine: Machine; spaces: readonly AddressSpace[]; pages: readonly bigint[] } => {
  const pageBytes = 2 ** architecture.pageShift;
  const machine = buildMachine(architecture, { memoryBytes: 512 * pageBytes });
  const random = new Random(seed);
  const kinds = [AREA_READ, AREA_READ | AREA_WRITE, AREA_READ | AREA_EXECUTE];
  const pages = new Set<bigint>();
  const spaces = [1, 2].map(() => {
    const space = machine.spaces.create();
    machine.switchTo(space);
    for (const [at, kind] of kinds.entries()) {
      const base = 0x40_0000 + at * 0x140_0000;
      space.createArea({ base, size: 64 * pageBytes, flags: kind | AREA_CACHEABLE, backend: anonymous });
      for (let touched = 0; touched < 14; touched += 1) {
        const address = BigInt(base + random.below(64) * pageBytes + random.below(pageBytes / 4) * 4);
        pages.add(address);
        if ((kind & AREA_WRITE) !== 0 && random.below(2) === 0) machine.write8(address, touched);
        else if ((kind & AREA_EXECUTE) !== 0) machine.fetch32(address);
        else machine.read8(address);
      }
    }
    return space;
  });
  return { machine, spaces, pages: [...pages] };
};

for (const architecture of machines) {
  describe(`a dump of ${architecture.name}, beside the machine itself`, () => {
    const { machine, spaces, pages } = lived(architecture, 7);
    const memory = dumpOf(machine);
    const state = fullStateOf(machine, machine.cpu(0));
    const { layout } = architecture;
    const far = [
      0n,
      0x1000n,
      0x1_2345n,
      layout.user.last,
      layout.kernel.first,
      layout.kernel.first + 0x5000n,
      layout.kernel.last,
      0xc000_0000n,
    ];

    /** Every question, with both answers. */
    const compare = async (from: SourceName | undefined): Promise<{ asked: number; mapped: number; byTlb: number }> => {
      let [asked, mapped, byTlb] = [0, 0, 0];
      for (const space of spaces) {
        const { asid } = space.context;
        const sources = sourcesOf(architecture, state, { asid, ...(from === undefined ? {} : { from }) });
        for (const address of [...pages, ...pages.slice(0, 20).map((page) => page + 0x2_8000n), ...far])
          for (const access of ACCESSES)
            for (const privilege of [KERNEL, USER] as const) {
              const ours = await walkAddress(memory, architecture, { software: sources }, address, { access, privilege });
              const theirs = machine.walk(space, address, access, privilege);
              // What the refill code gives the kernel stands in no table.
              if (from !== undefined && theirs.steps.length === 0) continue;
              const told = `${architecture.name} ${from ?? "all"} 0x${address.toString(16)} ${access} ${privilege}: ${ours.rule}`;
              // A window may name memory that the machine has not: the image has not got it either.
              const isThere = theirs.reason === NO_FAULT;
              asked += 1;
              expect(ours.reason === NO_FAULT && ours.isInImage, told).to.equal(isThere);
              if (!isThere) {
                // A processor tells an entry of the kernel's from one that is read-only; tables do not.
                const reason = ours.reason === PRIVILEGED ? PROTECTION : ours.reason === NO_FAULT ? BUS : ours.reason;
                expect(reason, told).to.equal(theirs.reason);
                continue;
              }
              mapped += 1;
              if (ours.steps[0]?.source === "tlb" && ours.exceptions.length === 0) byTlb += 1;
              expect(ours.physical, told).to.equal(theirs.physical);
            }
      }
      return { asked, mapped, byTlb };
    };

    it("is walked to the same bytes and refusals, for every access and privilege", async () => {
      const { mapped, byTlb } = await compare(undefined);
      expect(mapped).to.be.greaterThan(150);
      expect(byTlb, "some of them answered by the TLB").to.be.greaterThan(10);
    });

    it("holds nothing that is broken or a danger: its TLBs and buffers say what its tables say", async () => {
      const { findings, looked } = await checkTables(memory, architecture, { software: sourcesOf(architecture, state) });
      expect(findings.filter(({ severity }) => severity === "danger" || severity === "broken")).to.deep.equal([]);
      expect(looked).to.match(/^[1-9]\d+ rows of the TLB, /);
    });

    it("is so by its tables alone", async () => {
      const { mapped } = await compare(architecture.translation.kind === "hashed" ? "hash" : "tree");
      expect(mapped).to.be.greaterThan(150);
    });
  });
}
