/**
 * Tables that nobody would write: the processor's walk, the explanation and the manual's own words agree on every access,
 * on what is marked in the tables, and on what a warm TLB goes on saying.
 */
import { expect } from "chai";
import { Random } from "@portolan/core";
import { amd64With } from "#src/index.js";
import { ACCESSES, bare, CODES, exceptionOr, PRIVILEGES, setSwitches, SETTINGS } from "./bare.js";
import { translate, type Facts } from "./manual.js";

const MACHINES: readonly (readonly [ReturnType<typeof amd64With>, Facts])[] = [
  [amd64With(), { maxphyaddr: 48, gigabytePages: true, isAmd: true }],
  [amd64With({ processor: "sandybridge", smep: true, smap: true }), { maxphyaddr: 36, gigabytePages: false, isAmd: false }],
  [amd64With({ processor: "qemu" }), { maxphyaddr: 40, gigabytePages: true, isAmd: false }],
];
const MEGABYTES = 4;
/** Frames that entries point to, tables and pages alike: so few that trees run into themselves. */
const FRAMES = Array.from({ length: 6 }, (_, i) => 0x20_0000 + i * 0x1000);
const INDICES = [0, 1, 2, 255, 256, 511];

const hostileWord = (random: Random): bigint => {
  const any = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const anywhere = (BigInt(random.word()) << 32n) | BigInt(random.word());
  const choice = random.below(20);
  if (choice === 0) return anywhere;
  if (choice === 1) return 0n;
  let word = BigInt(any(FRAMES)) | 1n;
  // Mostly writable, the user's and a table; each of them sometimes not.
  if (random.below(5) !== 0) word |= 2n;
  if (random.below(5) !== 0) word |= 4n;
  if (random.below(6) === 0) word |= 1n << 63n;
  if (random.below(8) === 0) word = (word & ~0x3fff_f000n) | 0x80n;
  if (random.below(8) === 0) word |= 0x80n;
  if (random.below(4) === 0) word |= BigInt(random.below(16)) << 8n;
  if (random.below(4) === 0) word |= BigInt(random.below(2048)) << 52n;
  if (random.below(20) === 0) word |= 1n << BigInt(12 + random.below(40));
  if (random.below(20) === 0) word &= ~1n;
  return word;
};

const hostileAddress = (random: Random): bigint => {
  let index = 0n;
  for (let level = 0; level < 4; level += 1) index = (index << 9n) | BigInt(INDICES[random.below(INDICES.length)]);
  const linear = (index << 12n) | BigInt(random.below(4096));
  if (random.below(30) === 0) return linear | (BigInt(random.below(0x1_0000)) << 48n);
  return BigInt.asUintN(64, BigInt.asIntN(48, linear));
};

describe("walks over hostile tables", () => {
  for (const [architecture, facts] of MACHINES) {
    for (const seed of [1, 2, 3]) {
      it(`agree with the explanation and with the manual: ${architecture.title}, seed ${seed}`, () => {
        const random = new Random(seed);
        const { machine, cpu, read, write } = bare(architecture, { memoryBytes: MEGABYTES * 2 ** 20, seed });
        const space = machine.spaces.create();
        machine.switchTo(space);
        const { root } = space.context;
        const seen = new Map<string, number>();
        const places = [root, ...FRAMES].flatMap((frame) => INDICES.map((index) => BigInt(frame + index * 8)));
        const words = (): (bigint | null)[] => places.map(read);
        const marked = (before: readonly (bigint | null)[], writes: ReadonlyMap<bigint, bigint>): (bigint | null)[] =>
          places.map((place, i) => writes.get(place) ?? before[i]);
        for (let round = 0; round < 150; round += 1) {
          for (const place of places) write(place, hostileWord(random));
          const registers = SETTINGS[random.below(SETTINGS.length)];
          setSwitches(cpu, registers);
          for (let i = 0; i < 40; i += 1) {
            const linear = hostileAddress(random);
            const access = ACCESSES[random.below(3)];
            const privilege = PRIVILEGES[random.below(2)];
            const what = `${access} of 0x${linear.toString(16)} by ${privilege}, ${JSON.stringify(registers)}`;
            const expected = translate(read, BigInt(root), linear, access, privilege === 1, registers, facts);
            const before = words();
            const walk = machine.walk(space, linear, CODES[access], privilege);
            const explained = walk.physical ?? reported(walk.reason, access, privilege);
            expect(explained, `explained: ${what}`).to.equal(expected.is);
            expect(words(), "explaining changes nothing").to.deep.equal(before);

            cpu.invalidateAll();
            const is = exceptionOr(cpu, linear, access, privilege);
            expect(is, what).to.equal(expected.is);
            expect(words(), `${what}: marks`).to.deep.equal(marked(before, expected.writes));
            if (typeof is === "bigint") expect(exceptionOr(cpu, linear, access, privilege), "from the TLB").to.equal(is);
            const kind = typeof is === "bigint" ? "success" : is.replace(/ .*/, "");
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
        }
        for (const kind of ["success", "#PF", "#GP", "#MC"]) expect(seen.get(kind), kind).to.be.greaterThan(20);

        function reported(reason: Parameters<typeof architecture.faults.report>[0], access: keyof typeof CODES, privilege: 0 | 1): string {
          const { trap, code } = architecture.faults.report(reason, CODES[access], privilege, cpu.switches);
          return `${trap} ${code}`;
        }
      });
    }
  }

  it("a TLB never gives more than some tables gave that were there since it was last told", () => {
    const random = new Random(9);
    const [architecture, facts] = MACHINES[0];
    const { machine, cpu, read, write } = bare(architecture, { memoryBytes: MEGABYTES * 2 ** 20 });
    const space = machine.spaces.create();
    machine.switchTo(space);
    const { root } = space.context;
    const registers = { wp: true, nxe: true, smep: false, smap: false, ac: false };
    setSwitches(cpu, registers);
    // A tree of one path, whose last entry changes; INVLPG follows every change.
    write(root, BigInt(FRAMES[0]) | 7n);
    write(FRAMES[0], BigInt(FRAMES[1]) | 7n);
    write(FRAMES[1], BigInt(FRAMES[2]) | 7n);
    for (let step = 0; step < 4000; step += 1) {
      const index = random.below(8);
      const linear = BigInt(index) << 12n;
      if (random.below(3) === 0) {
        write(FRAMES[2] + index * 8, hostileWord(random));
        cpu.invalidatePages(3, index, 1);
      }
      const access = ACCESSES[random.below(3)];
      const privilege = PRIVILEGES[random.below(2)];
      const expected = translate(read, BigInt(root), linear, access, privilege === 1, registers, facts);
      expect(exceptionOr(cpu, linear, access, privilege)).to.equal(expected.is);
      for (const [place, value] of expected.writes) expect(read(place)).to.equal(value);
    }
    expect(cpu.statistics.tlbMisses).to.be.lessThan(3900);
  });
});
