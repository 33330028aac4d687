/** What is told of a walk along a chain of the page hash table. */
import { expect } from "chai";
import { AllocationGate } from "#src/allocation-gate.js";
import type { Architecture } from "#src/architecture/architecture.js";
import { ABSENT, BAD_ADDRESS, BUS, NO_FAULT, PROTECTION } from "#src/architecture/faults.js";
import { EXECUTE, KERNEL, READ, rightsFor, USER, WRITE, type Access, type Privilege } from "#src/architecture/rights.js";
import type { Walk, WalkStep } from "#src/architecture/walk.js";
import { ZonedFrames } from "#src/frames/zoned-frames.js";
import { PhysicalMemory } from "#src/machine/physical-memory.js";
import { TranslationContext } from "#src/machine/translation-context.js";
import { explainHash } from "#src/paging/explain-hash.js";
import { PageHash } from "#src/paging/page-hash.js";
import { wide64 } from "../wide64.js";

describe("the explanation of a hash", () => {
  const RIGHTS = Uint8Array.from({ length: 256 }, (_, flags) => rightsFor(flags & 7, (flags & 8) === 0 ? 0 : flags & 7));
  const architecture: Architecture = {
    ...wide64,
    manuals: ["the manual"],
    translation: { kind: "hashed" },
    byteOrder: "big",
    wordBits: 64,
    virtualBits: 50,
    virtualRule: "exact",
    pageShift: 14,
  };
  const bench = () => {
    const memory = new PhysicalMemory({ bytes: 2 ** 22, base: 2 ** 33, physicalBits: 41, byteOrder: "big", frameShift: 14 });
    const hash = new PageHash(memory, new ZonedFrames(memory, new AllocationGate()), 14);
    const context = new TranslationContext(5, false, 2);
    const ask = (address: bigint, access: Access = READ, privilege: Privilege = USER, of = architecture): Walk =>
      explainHash({ architecture: of, memory, hash, context, rights: RIGHTS }, address, access, privilege);
    return { memory, hash, context, ask };
  };
  const FRAME = 2 ** 33 + 3 * 2 ** 14;

  it("goes along the chain to the entry that is for this page of this space", () => {
    const { hash, memory, ask } = bench();
    const page = 2 ** 20 + 3;
    const address = (BigInt(page) << 14n) | 0x2abcn;
    const chain = hash.chainOf(5, page);
    let twin = 0;
    while (hash.chainOf(5, twin) !== chain) twin += 1;
    let stranger = 6;
    while (hash.chainOf(stranger, page) !== chain) stranger += 1;
    hash.insert(5, page, FRAME, READ | WRITE | 8);
    hash.insert(stranger, page, FRAME, 15);
    hash.insert(5, twin, FRAME, 15);
    const [first, second, third] = [hash.find(5, twin), hash.find(stranger, page), hash.find(5, page)].map(BigInt);
    const head = BigInt(hash.headOf(5, page));
    const walk = ask(address);
    const { steps, ...rest } = walk;
    expect(steps.map(({ fields: _fields, raw: _raw, ...step }) => step)).to.deep.equal([
      {
        table: "page hash table, heads",
        tableAddress: head - (head % 0x4000n),
        index: chain,
        entryAddress: head,
        bytes: 8,
        manual: "read by refill code, not by hardware",
        says: `a chain that begins at 0x${first?.toString(16)}`,
      },
      ...[first, second, third].map((entryAddress, index) => ({
        table: "page hash table",
        tableAddress: null,
        index,
        entryAddress,
        bytes: 32,
        manual: "read by refill code, not by hardware",
        says: index < 2 ? "another page, or another address space" : `maps physical address 0x${FRAME.toString(16)}`,
      })),
    ]);
    const bytesAt = (at: bigint, bytes: number): bigint =>
      Array.from({ length: bytes }, (_, i) => memory.read8(Number(at) + i)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    expect(steps.map(({ raw }) => raw)).to.deep.equal([bytesAt(head, 8), ...[first, second, third].map((at) => bytesAt(at, 32))]);
    expect(rest).to.deep.equal({
      address,
      access: READ,
      privilege: USER,
      physical: BigInt(FRAME) + 0x2abcn,
      reason: NO_FAULT,
      rule: "the entry lets the user read",
      manual: "read by refill code, not by hardware",
      kernelRights: READ | WRITE,
      userRights: READ | WRITE,
    });
  });

  it("ends at an empty chain, or where a chain has nothing for the page", () => {
    const { hash, ask } = bench();
    const absent = (steps: number, says: string): void => {
      const walk = ask(3n << 14n);
      const rule = `no entry of chain ${hash.chainOf(5, 3)} is for this page of address space 5`;
      expect([walk.reason, walk.rule, walk.physical, walk.kernelRights, walk.userRights]).to.deep.equal([ABSENT, rule, null, 0, 0]);
      expect([walk.steps.length, walk.steps.at(-1)?.says]).to.deep.equal([steps, says]);
    };
    absent(1, "an empty chain");
    hash.insert(6, 3, FRAME, 15);
    let twin = 4;
    while (hash.chainOf(5, twin) !== hash.chainOf(5, 3)) twin += 1;
    hash.insert(5, twin, FRAME, 15);
    absent(2, "another page, or another address space");
  });

  it("is refused by the entry's rights, or by memory that is not there", () => {
    const { hash, ask } = bench();
    hash.insert(5, 3, FRAME, READ | 8);
    hash.insert(5, 4, FRAME, EXECUTE | WRITE);
    hash.insert(5, 5, 2 ** 34, 15);
    const outcome = (page: bigint, access: Access, privilege: Privilege): unknown => {
      const { reason, rule, physical, kernelRights, userRights } = ask(page << 14n, access, privilege);
      return [reason, rule, physical, kernelRights, userRights];
    };
    const frame = BigInt(FRAME);
    expect(outcome(3n, WRITE, USER)).to.deep.equal([PROTECTION, "the entry does not let the user write", null, READ, READ]);
    expect(outcome(3n, EXECUTE, KERNEL)).to.deep.equal([PROTECTION, "the entry does not let the kernel fetch", null, READ, READ]);
    expect(outcome(4n, READ, KERNEL)).to.deep.equal([PROTECTION, "the entry does not let the kernel read", null, 6, 0]);
    expect(outcome(4n, WRITE, KERNEL)).to.deep.equal([NO_FAULT, "the entry lets the kernel write", frame, 6, 0]);
    expect(outcome(4n, EXECUTE, USER)).to.deep.equal([PROTECTION, "the entry does not let the user fetch", null, 6, 0]);
    expect(outcome(5n, WRITE, USER)).to.deep.equal([BUS, "the page lies outside physical memory", null, 7, 7]);
  });

  it("says of an address that the machine cannot translate just that, and shows no word", () => {
    const { ask } = bench();
    for (const [of, manual] of [
      [architecture, "the manual"],
      [{ ...architecture, manuals: [] }, ""],
    ] as const) {
      const { reason, rule, steps, ...rest } = ask(2n ** 50n, READ, USER, of);
      expect([reason, rule, steps, rest.manual, rest.kernelRights]).to.deep.equal([
        BAD_ADDRESS,
        "the address is one that the machine cannot translate",
        [],
        manual,
        0,
      ]);
    }
    expect(ask(2n ** 50n - 1n).reason).to.equal(ABSENT);
  });

  it("shows the slot of the space's own cache first, where it has one, and goes on to the table", () => {
    const { context, ask } = bench();
    expect(ask(3n << 14n).steps).to.have.length(1);
    const asked: unknown[] = [];
    const slot: WalkStep = {
      table: "cache",
      tableAddress: 0n,
      index: 9,
      entryAddress: 144n,
      bytes: 16,
      raw: 0n,
      fields: [],
      says: "another page",
      manual: "",
    };
    const explain = (address: bigint, access: Access): WalkStep => {
      asked.push([address, access]);
      return slot;
    };
    const nothing = (): void => {};
    context.cache = {
      bytes: 0,
      explain,
      invalidate: nothing,
      install: nothing,
      deinstall: nothing,
      eachFrame: nothing,
      eachTranslation: nothing,
    };
    expect(ask(3n << 14n, WRITE).steps.map(({ table }) => table)).to.deep.equal(["cache", "page hash table, heads"]);
    expect(asked).to.deep.equal([[3n << 14n, WRITE]]);
  });
});
