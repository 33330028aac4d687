/** Every fault with the code that the fault status registers show, and what the registers of CP15 hold. */
import { expect } from "chai";
import {
  anonymous,
  AREA_READ,
  AREA_WRITE,
  EXECUTE,
  FAULT_REASONS,
  KERNEL,
  READ,
  USER,
  WRITE,
  type Access,
  type FaultReason,
  type Privilege,
} from "@portolan/core";
import {
  arm,
  arm32,
  contextId,
  DACR_CLIENTS,
  dacrOf,
  dacrSwitches,
  DATA_ABORT,
  faultStatusInWords,
  PREFETCH_ABORT,
  tlbOperations,
  ttbr0,
  withDomain,
  WNR,
  writeDacr,
  type ArmOptions,
} from "#src/index.js";
import { laid, ROOT, USER_TABLE } from "./fixture.js";

const PAGE = 0x40123;
const FIRST = ROOT + 0x401 * 4;
const SECOND = USER_TABLE + 0x23 * 4;
const TABLE = USER_TABLE | (5 << 5) | 1;
const SECTION = 0x0010_0000 | (5 << 5) | 2;
/** Rights for the kernel only, in either format. */
const KERNELS_SECTION = SECTION | (1 << 10);
const KERNELS_PAGE = 0x0123_4000 | 0x552;
const EVERYBODYS_PAGE = 0x0123_4000 | 0xff2;

interface Row {
  readonly what: string;
  /** Words of the first and the second level. */
  readonly words: readonly [first: number, second?: number];
  readonly dacr?: number;
  readonly access?: Access;
  readonly privilege?: Privilege;
  readonly reason: (typeof FAULT_REASONS)[number];
  readonly code: number;
  readonly says: string;
}

const MEMORY_ENDS = 0xf000_0000;
const D5 = 5 << 4;

/** Status and domain as ARM926EJ-S TRM table 3-9 has them. */
const V5: readonly Row[] = [
  { what: "an absent first-level descriptor", words: [5 << 5], reason: "absent", code: 0x05, says: "translation fault, section" },
  { what: "a fine table", words: [TABLE | 3], reason: "reserved", code: 0x05, says: "translation fault, section" },
  { what: "an absent second-level descriptor", words: [TABLE, 0xff0], reason: "absent", code: 0x07 | D5, says: "translation fault, page" },
  { what: "a tiny page", words: [TABLE, EVERYBODYS_PAGE | 3], reason: "reserved", code: 0x07 | D5, says: "translation fault, page" },
  { what: "a section in a closed domain", words: [SECTION], dacr: 0, reason: "domain", code: 0x09 | D5, says: "domain fault, section" },
  {
    what: "a page in a closed domain",
    words: [TABLE, EVERYBODYS_PAGE],
    dacr: 0,
    reason: "domain",
    code: 0x0b | D5,
    says: "domain fault, page",
  },
  {
    what: "a page in a domain of the reserved kind",
    words: [TABLE, EVERYBODYS_PAGE],
    dacr: 0xaaaa_aaaa,
    reason: "domain",
    code: 0x0b | D5,
    says: "domain fault, page",
  },
  {
    what: "a section that is the kernel's",
    words: [KERNELS_SECTION],
    reason: "protection",
    code: 0x0d | D5,
    says: "permission fault, section",
  },
  {
    what: "a page that is the kernel's",
    words: [TABLE, KERNELS_PAGE],
    reason: "protection",
    code: 0x0f | D5,
    says: "permission fault, page",
  },
  {
    what: "a second-level table outside memory",
    words: [MEMORY_ENDS | (5 << 5) | 1],
    reason: "bus",
    code: 0x0e | D5,
    says: "external abort on a walk, page",
  },
  { what: "a section outside memory", words: [MEMORY_ENDS | (5 << 5) | 0xc02], reason: "bus", code: 0x08 | D5, says: "external abort" },
  { what: "a page outside memory", words: [TABLE, MEMORY_ENDS | 0xff2], reason: "bus", code: 0x0a | D5, says: "external abort" },
  {
    what: "a write, of which nothing is told",
    words: [TABLE, 0x0123_4aa2],
    access: WRITE,
    reason: "protection",
    code: 0x0f | D5,
    says: "permission fault, page",
  },
];

const XN_PAGE = 0x0123_4000 | 0x33;
const V7: readonly Row[] = [
  ...V5.filter(({ what }) => !["a page outside memory", "a tiny page", "a write, of which nothing is told"].includes(what)).map((row) =>
    // Small pages have other bits: AP = 11 for everybody, AP = 01 for the kernel.
    row.words[1] === EVERYBODYS_PAGE
      ? { ...row, words: [TABLE, 0x0123_4032] as const }
      : row.words[1] === KERNELS_PAGE
        ? { ...row, words: [TABLE, 0x0123_4012] as const }
        : row,
  ),
  { what: "a page outside memory", words: [TABLE, MEMORY_ENDS | 0x32], reason: "bus", code: 0x08 | D5, says: "external abort" },
  {
    what: "a write to a read-only page",
    words: [TABLE, 0x0123_4232],
    access: WRITE,
    reason: "protection",
    code: 0x0f | D5 | WNR,
    says: "permission fault, page",
  },
  {
    what: "a write to an absent section",
    words: [0],
    access: WRITE,
    reason: "absent",
    code: 0x05 | WNR,
    says: "translation fault, section",
  },
];

/** A machine in the state of a row, refused; the report its registers show. */
const refused = (
  options: ArmOptions,
  { words, dacr = DACR_CLIENTS, access = READ, privilege = USER }: Omit<Row, "what" | "reason" | "code" | "says">,
) => {
  const architecture = arm(options);
  const { cpu, put } = laid(architecture);
  put(FIRST, words[0]);
  put(SECOND, words[1] ?? 0);
  writeDacr(cpu, dacr);
  const look = () => {
    expect(cpu.translate(PAGE, access, privilege)).to.equal(-1);
    return {
      reason: FAULT_REASONS[cpu.fault.reason],
      ...architecture.faults.report(cpu.fault.reason, access, privilege, cpu.switches, cpu.faultSite),
    };
  };
  return { cpu, put, look, architecture };
};

describe("fault status", () => {
  for (const [title, options, rows] of [
    ["ARM926EJ-S", { processor: "arm926ejs" }, V5],
    ["ARM1136", { processor: "arm1136jfs" }, V7.filter(({ what }) => what !== "a write to a read-only page")],
    ["Cortex-A9", { processor: "cortexa9" }, V7],
  ] as const) {
    for (const { what, reason, code, says, ...row } of rows) {
      it(`is 0x${code.toString(16)} on ${title} for ${what}`, () => {
        const { look } = refused(options, row);
        expect(look()).to.deep.equal({ reason, trap: DATA_ABORT, code });
        expect(look(), "and again").to.deep.equal({ reason, trap: DATA_ABORT, code });
        expect(faultStatusInWords(code)).to.equal(says);
      });
    }

    it(`is 0xc on ${title} where the root lies outside memory`, () => {
      const { look, cpu, architecture } = refused(options, { words: [0] });
      cpu.context.root = MEMORY_ENDS;
      expect(look()).to.deep.equal({ reason: "bus", trap: DATA_ABORT, code: 0x0c });
      expect(architecture.faults.decode({ trap: DATA_ABORT, code: 0x0c }).absent).to.equal(false);
    });
  }

  it("tells the same of a page that the TLB holds as of one that is walked", () => {
    const { cpu, put, look } = refused({ processor: "cortexa9" }, { words: [TABLE, 0x0123_4012] });
    expect(cpu.translate(PAGE, READ, KERNEL)).to.equal(0x1234);
    const walks = cpu.statistics.walks;
    expect(look()).to.deep.equal({ reason: "protection", trap: DATA_ABORT, code: 0x0f | D5 });
    put(FIRST, SECTION | (3 << 10));
    writeDacr(cpu, 0);
    expect(look()).to.deep.equal({ reason: "domain", trap: DATA_ABORT, code: 0x0b | D5 });
    expect(cpu.statistics.walks, "the TLB answered").to.equal(walks);
  });

  it("says access flag fault, before the domain is looked at, where SCTLR.AFE is set", () => {
    const AFE = { processor: "cortexa8", accessFlag: true } as const;
    for (const dacr of [DACR_CLIENTS, 0]) {
      expect(refused(AFE, { words: [TABLE, 0x0123_4022], dacr }).look()).to.deep.equal({
        reason: "unmarked",
        trap: DATA_ABORT,
        code: 0x06 | D5,
      });
      expect(refused(AFE, { words: [SECTION | (2 << 10)], dacr }).look()).to.deep.equal({
        reason: "unmarked",
        trap: DATA_ABORT,
        code: 0x03 | D5,
      });
    }
    expect(faultStatusInWords(0x56)).to.equal("access flag fault, page");
    expect(faultStatusInWords(0x53)).to.equal("access flag fault, section");
  });

  it("comes with prefetch aborts in a register of its own, without a domain from ARMv6 on", () => {
    const fetch = (options: ArmOptions) => refused(options, { words: [TABLE, XN_PAGE], access: EXECUTE }).look();
    expect(fetch({ processor: "cortexa9" })).to.deep.equal({ reason: "protection", trap: PREFETCH_ABORT, code: 0x0f });
    expect(refused({ processor: "arm926ejs" }, { words: [TABLE, KERNELS_PAGE], access: EXECUTE }).look()).to.deep.equal({
      reason: "protection",
      trap: PREFETCH_ABORT,
      code: 0x0f | D5,
    });
    expect(refused({ processor: "arm920t" }, { words: [TABLE, KERNELS_PAGE], access: EXECUTE }).look(), "it has none").to.deep.equal({
      reason: "protection",
      trap: PREFETCH_ABORT,
      code: 0,
    });
  });

  it("tells writes on an ARM1136 that reads old descriptors too, and of fetches no domain: the registers are the processor's", () => {
    const old = { processor: "arm1136jfs", format: "v5" } as const;
    expect(refused(old, { words: [TABLE, KERNELS_PAGE], access: WRITE }).look()).to.deep.equal({
      reason: "protection",
      trap: DATA_ABORT,
      code: 0x0f | D5 | WNR,
    });
    expect(refused(old, { words: [TABLE, KERNELS_PAGE], access: EXECUTE }).look()).to.deep.equal({
      reason: "protection",
      trap: PREFETCH_ABORT,
      code: 0x0f,
    });
    expect(arm(old).faults.guessesAccess).to.equal(false);
    expect(arm({ format: "v7" }).faults.guessesAccess).to.equal(false);
  });

  it("is a page's in domain 0, and a walk's, where nobody says what was at fault", () => {
    for (const { faults } of [arm32, arm({ processor: "cortexa9" })]) {
      const codes = FAULT_REASONS.flatMap((name, reason) =>
        ["absent", "protection", "domain", "unmarked", "bus"].includes(name)
          ? [`${name} 0x${faults.report(reason as FaultReason, READ, USER).code.toString(16)}`]
          : [],
      );
      expect(codes.toSorted()).to.deep.equal(["absent 0x7", "bus 0xe", "domain 0xb", "protection 0xf", "unmarked 0x6"]);
    }
  });

  it("is read back as far as it tells: ARMv5 does not say what the access was", () => {
    const { faults } = arm({ processor: "cortexa9" });
    expect(faults.decode({ trap: DATA_ABORT, code: 0x807 })).to.deep.equal({ accesses: WRITE, privilege: "unknown", absent: true });
    expect(faults.decode({ trap: DATA_ABORT, code: 0x00f })).to.deep.equal({ accesses: READ, privilege: "unknown", absent: false });
    expect(faults.decode({ trap: PREFETCH_ABORT, code: 0x005 })).to.deep.equal({ accesses: EXECUTE, privilege: "unknown", absent: true });
    expect(arm32.faults.decode({ trap: DATA_ABORT, code: 0x57 })).to.deep.equal({
      accesses: READ | WRITE,
      privilege: "unknown",
      absent: true,
    });
    expect([arm32.faults.guessesAccess, faults.guessesAccess]).to.deep.equal([true, false]);
    expect([arm32.faults.manual, faults.manual].map((manual) => manual.replace(/ .*/, ""))).to.deep.equal(["ARM926EJ-S", "ARMv7-A"]);
    expect(faultStatusInWords(0)).to.equal("no fault of the MMU's");
  });
});

describe("domains", () => {
  const MANAGED = withDomain(DACR_CLIENTS, 5, "manager");

  it("that are managed let everybody do everything, XN or not", () => {
    const { cpu, put } = laid(arm({ processor: "cortexa9" }));
    put(FIRST, TABLE);
    put(SECOND, 0x0123_4003);
    expect(cpu.translate(PAGE, READ, KERNEL)).to.equal(-1);
    writeDacr(cpu, MANAGED);
    for (const access of [READ, WRITE, EXECUTE] as const) expect(cpu.translate(PAGE, access, USER)).to.equal(0x1234);
  });

  it("open and close without a word of the TLB", () => {
    const { cpu, put } = laid(arm32);
    put(FIRST, TABLE);
    put(SECOND, KERNELS_PAGE);
    expect(cpu.translate(PAGE, READ, KERNEL)).to.equal(0x1234);
    const { walks } = cpu.statistics;
    for (let round = 0; round < 3; round += 1) {
      expect(cpu.translate(PAGE, WRITE, USER)).to.equal(-1);
      writeDacr(cpu, MANAGED);
      expect(cpu.translate(PAGE, WRITE, USER)).to.equal(0x1234);
      writeDacr(cpu, withDomain(DACR_CLIENTS, 5, "none"));
      expect(cpu.translate(PAGE, READ, KERNEL)).to.equal(-1);
      expect(FAULT_REASONS[cpu.fault.reason]).to.equal("domain");
      writeDacr(cpu, DACR_CLIENTS);
      expect(cpu.translate(PAGE, READ, KERNEL)).to.equal(0x1234);
    }
    expect(cpu.statistics.walks).to.equal(walks);
  });

  it("are sixteen, told from the first level's bits 8:5", () => {
    for (let domain = 0; domain < 16; domain += 1) {
      const { cpu, put } = laid(arm32);
      put(FIRST, USER_TABLE | (domain << 5) | 1);
      put(SECOND, EVERYBODYS_PAGE);
      writeDacr(cpu, withDomain(0, domain, "client"));
      expect(cpu.translate(PAGE, READ, USER)).to.equal(0x1234);
      writeDacr(cpu, withDomain(0xffff_ffff, domain, "none"));
      expect(cpu.translate(PAGE, READ, USER)).to.equal(-1);
      expect(cpu.faultSite.domain).to.equal(domain);
    }
  });

  it("that are closed end an access with an outcome", () => {
    const { machine, cpu } = laid(arm32);
    const space = machine.spaces.create();
    machine.switchTo(space);
    space.createArea({ base: 0x1_0000, size: 0x1000, flags: AREA_READ | AREA_WRITE, backend: anonymous });
    expect(machine.read32(0x1_0000)).to.equal(0);
    cpu.setSwitch("DACR0", false);
    expect(machine.read32(0x1_0000)).to.equal(-1);
    expect(machine.outcome).to.include({ reason: "domain", rule: "the domain of the translation is closed", trap: DATA_ABORT, code: 0x0b });
    expect(machine.walk(space, 0x1_0000).rule).to.equal("domain 0 is closed");
  });
});

describe("registers of CP15", () => {
  it("hold what an operating system writes", () => {
    expect(dacrOf(dacrSwitches(0x89ab_cdef))).to.equal(0x89ab_cdef);
    expect(dacrOf(laid(arm32).cpu.switches)).to.equal(0x5555_5555);
    expect(withDomain(0x5555_5555, 15, "none")).to.equal(0x1555_5555);
    expect(withDomain(0x5555_5555, 15, "manager")).to.equal(0xd555_5555);
    expect(withDomain(0, 0, "client")).to.equal(1);
    expect(ttbr0(0x8000_7fff)).to.equal(0x8000_4000);
    expect(ttbr0(0x8000_7fff, 1)).to.equal(0x8000_6000);
    expect(ttbr0(0x8000_7fff, 7)).to.equal(0x8000_7f80);
    expect(contextId(0x1ff, 0x12_3456)).to.equal(0x1234_56ff);
    expect(tlbOperations.all()).to.equal(0);
    expect(tlbOperations.byAddress(0x8012_3456, 0x142)).to.equal(0x8012_3042);
    expect(tlbOperations.byAsid(0x142)).to.equal(0x42);
    expect(tlbOperations.byAddressInAll(0x8012_3456)).to.equal(0x8012_3000);
  });
});
