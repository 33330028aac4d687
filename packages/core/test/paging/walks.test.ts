/** What a walk explains is what the machine does: the same byte, or a refusal by both. */
import { expect } from "chai";
import { anonymous, assertInvariants, EXECUTE, KERNEL, Random, READ, USER, WRITE, type Access, type Privilege } from "#src/index.js";
import { area, build, installed, kernelPlace, machines, RO, RW, RX } from "../fixture.js";

for (const architecture of machines) {
  it(`C-4.7: walk on ${architecture.name} says what an access does, for each access and each privilege, wherever it goes`, () => {
    const size = 2 ** architecture.pageShift;
    const { layout } = architecture;
    for (const value of [false, true]) {
      const switches = Object.fromEntries(Object.keys(architecture.switches).map((name) => [name, value]));
      const machine = build(architecture, { memoryBytes: 256 * size, switches });
      const space = installed(machine);
      const kernelBase = layout.kernelAddressSpaceShadowed ? BigInt(512 * size) : kernelPlace(architecture);
      machine.spaces.kernel.createArea({ base: kernelBase, size: 2 * size, flags: RW, backend: anonymous });
      area(space, 16 * size, 2);
      area(space, 18 * size, 1, RO);
      area(space, 19 * size, 1, RX);
      area(space, 512 * size, 1);
      const random = new Random(5);
      const bases = [
        ...[0, 1, 2, 15, 16, 17, 18, 19, 20, 255, 256, 511, 512].map((page) => BigInt(page * size)),
        kernelBase,
        kernelBase + BigInt(size),
        kernelBase + BigInt(2 * size),
        layout.user.last + 1n - BigInt(size),
        2n ** BigInt(architecture.virtualBits - 1) - BigInt(size),
        2n ** BigInt(architecture.virtualBits - 1),
      ];
      for (const base of bases) {
        for (const access of [READ, WRITE, EXECUTE] as readonly Access[]) {
          for (const privilege of [USER, KERNEL] as readonly Privilege[]) {
            const address = base + BigInt(random.below(size));
            if (address >= 2n ** BigInt(architecture.wordBits)) continue;
            const reached = machine.translate(address, access, 0, privilege);
            const walk = machine.walk(space, address, access, privilege);
            const name = `0x${address.toString(16)}, access ${access}, privilege ${privilege}: ${walk.rule}`;
            expect(walk.physical, name).to.equal(reached);
            expect(walk.reason === 0, name).to.equal(reached !== null);
            const rights = privilege === USER ? walk.userRights : walk.kernelRights;
            if (reached !== null) expect(rights & access, name).to.equal(access);
          }
        }
      }
      expect(machine.walk(machine.spaces.kernel, kernelBase, WRITE, KERNEL).physical).to.equal(
        machine.translate(kernelBase, WRITE, 0, KERNEL),
      );
      assertInvariants(machine);
    }
  });
}
