/** What a port promises (P-1 to P-6), and composition (C-19). */
import { expect } from "chai";
import { abs32le } from "@portolan/arch-abs32le";
import { ia32 } from "@portolan/arch-ia32";
import { sparc64 } from "@portolan/arch-sparc64";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  ABSENT,
  BAD_ADDRESS,
  BUS,
  buildMachine,
  EXECUTE,
  KERNEL,
  loadArchitecture,
  PAGE_FLAG_SETS,
  PAGE_USER,
  PRIVILEGED,
  PROTECTION,
  READ,
  reasonsAgainst,
  RESERVED,
  StaleTranslations,
  USER,
  WRITE,
  type Architecture,
} from "#src/index.js";
import { area, build, installed, machines, refuses } from "../fixture.js";
import { portrait } from "../state-hash.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** The reasons against a machine that differs from a sound one in something. */
const against = (change: Partial<Architecture>, machine: Architecture = abs32le): string =>
  reasonsAgainst({ ...machine, ...change }).join("; ");

describe("the contract, descriptions", () => {
  it("P-1.1: the version is this contract's, the name is lower case, and a module exports one machine", async () => {
    expect(against({ contract: 2 })).to.contain("contract is 2");
    for (const name of ["IA32", "", "3d", "a-b"]) expect(against({ name }), name).to.contain("name");
    const load = (module: Record<string, unknown>): Promise<Architecture> => loadArchitecture("mine", () => Promise.resolve(module));
    expect(await load({ default: abs32le, abs32le, helper: () => 1 })).to.equal(abs32le);
    for (const module of [{ abs32le, ia32 }, {}, { nothing: 7 }]) {
      const error: unknown = await load(module).catch((reason: unknown) => reason);
      expect(error).to.have.property("code", "ERR_UNKNOWN_ARCHITECTURE");
    }
  });

  it("P-1.2: widths agree with each other", () => {
    const wrong: readonly [Partial<Architecture>, string][] = [
      [{ wordBits: 33 as 32 }, "wordBits"],
      [{ physicalBits: 19 }, "physicalBits"],
      [{ physicalBits: 53 }, "physicalBits"],
      [{ hardwarePageShift: 8 }, "hardwarePageShift"],
      [{ hardwarePageShift: 13 }, "pageShift"],
      [{ virtualBits: 31 }, "virtualBits"],
      [{ virtualBits: 33 }, "virtualBits"],
      [{ pageShift: 25 }, "pageShift"],
    ];
    for (const [change, word] of wrong) expect(against(change), JSON.stringify(change)).to.contain(word);
    const { translation } = abs32le;
    if (translation.kind !== "hierarchical") throw new Error("the paper machine has trees");
    expect(against({ translation: { ...translation, levels: translation.levels.slice(1) } })).to.contain("add up to 22");
  });

  it("P-1.3: the layout is whole pages of what addresses can name, apart where one space is shared", () => {
    const { layout } = abs32le;
    const { user, kernel } = layout;
    const wrong: readonly [Partial<Architecture["layout"]>, string][] = [
      [{ user: { ...user, first: 8n } }, "layout.user does not begin and end with a page"],
      [{ user: { ...user, last: user.last - 1n } }, "layout.user does not begin and end with a page"],
      [{ kernel: { ...kernel, last: 2n ** 32n + 0xfffn } }, "layout.kernel is not a range"],
      [{ user: { first: kernel.last + 1n, last: kernel.first - 1n } }, "layout.user is not a range"],
      [{ user: { ...user, last: kernel.first + 0xfffn } }, "overlap"],
      [{ userStack: kernel.first }, "layout.userStack"],
      [{ userStack: layout.userStack + 1n }, "layout.userStack"],
    ];
    for (const [change, word] of wrong) expect(against({ layout: { ...layout, ...change } }), word).to.contain(word);
    expect(against({ layout: { ...layout, kernel: user, kernelAddressSpaceShadowed: true } }), "apart, they may overlap").to.equal("");
  });

  it("P-1.4: the kernel's ASID and nobody's differ, lie below the users', and all fit the tag", () => {
    const { asids } = abs32le;
    for (const change of [{ invalid: 0 }, { kernel: 2 }, { invalid: 3 }, { first: 9, last: 8 }, { last: 16 }, { kernel: -1 }, { bits: 0 }])
      expect(against({ asids: { ...asids, ...change } }), JSON.stringify(change)).to.contain("asids");
  });

  it("P-3.1: geometry divides into sets, page sizes ascend from the hardware page, and wired entries leave some", () => {
    const { tlb } = abs32le;
    for (const [change, word] of [
      [{ ways: 3 }, "sets"],
      [{ entries: 0 }, "entries"],
      [{ pageShifts: [13] }, "hardware page"],
      [{ pageShifts: [12, 12] }, "ascend"],
      [{ pageShifts: [12, 22, 16] }, "ascend"],
      [{ wired: 16 }, "wired"],
    ] as const)
      expect(against({ tlb: { ...tlb, data: { ...tlb.data, ...change } } }), JSON.stringify(change)).to.contain(word);
  });

  it("P-3.3: tables that no hardware reads are refilled by software, and the port brings the code", () => {
    expect(against({ tlb: { ...sparc64.tlb, refill: "hardware" } }, sparc64)).to.contain("only software reads");
    const { parts: _, ...bare } = sparc64;
    refuses("ERR_BAD_ARCHITECTURE", () => buildMachine(bare));
  });

  for (const architecture of machines) {
    it(`P-1.5, P-2.3: each set of flags on ${architecture.name} gives what was asked, and to the user never more than the machine can help`, () => {
      const machine = build(architecture);
      const space = machine.spaces.create();
      const { tables } = machine.parts;
      const { forbidRead, forbidExecute } = architecture.can;
      const helpless = (forbidRead ? 0 : READ) | (forbidExecute ? 0 : EXECUTE);
      for (let flags = 0; flags < PAGE_FLAG_SETS; flags += 1) {
        tables.insert(space.context, 100, 77, flags);
        expect(tables.find(space.context, 100), `flags ${flags} map the page`).to.equal(true);
        const { rights, frame } = tables.found;
        const asked = flags & (READ | WRITE | EXECUTE);
        const mayUser = (flags & PAGE_USER) === 0 ? 0 : asked;
        const [kernel, user] = [rights & 7, rights >>> 3];
        expect(frame).to.equal(77);
        // RISC-V never lets its supervisor run the user's code.
        const isKept = architecture.name.startsWith("riscv") && (flags & PAGE_USER) !== 0;
        const mayKernel = isKept ? asked & ~EXECUTE : asked;
        if (isKept) expect(kernel & EXECUTE, `flags ${flags}: the kernel runs the user's code`).to.equal(0);
        expect(kernel & mayKernel, `flags ${flags}: the kernel`).to.equal(mayKernel);
        expect(user & mayUser, `flags ${flags}: the user has what was asked`).to.equal(mayUser);
        // Where the address alone tells what is the user's, an entry has no word for it.
        const unsaid = architecture.layout.privilegeByAddress === true ? asked | helpless : 0;
        const extra = (flags & PAGE_USER) === 0 ? unsaid : helpless;
        expect(user & ~mayUser & ~extra, `flags ${flags}: and no more`).to.equal(0);
        if (asked === WRITE && mayUser !== 0) expect((user & READ) === 0, "can.forbidRead tells the truth").to.equal(forbidRead);
        if (asked === READ && mayUser !== 0) expect((user & EXECUTE) === 0, "can.forbidExecute tells the truth").to.equal(forbidExecute);
        tables.remove(space.context, 100, new StaleTranslations());
      }
    });

    it(`P-5.1, P-5.2: ${architecture.name} tells the access that was made, and its report is read back as it was written`, () => {
      const { faults } = architecture;
      for (const reason of [ABSENT, PROTECTION, RESERVED, BAD_ADDRESS, BUS, PRIVILEGED] as const)
        for (const access of [READ, WRITE, EXECUTE] as const)
          for (const privilege of [KERNEL, USER] as const) {
            const what = `${architecture.name} ${reason} ${access} ${privilege}`;
            expect(faults.told(reason, access, privilege) & access, what).to.equal(access);
            const report = faults.report(reason, access, privilege);
            const { code, trap } = faults.report(ABSENT, access, privilege);
            const { translation } = architecture;
            // −1: where each half has a root, one of them may have none.
            const depths = translation.kind === "hierarchical" ? [-1, ...translation.levels.map((_, depth) => depth)] : [];
            const elsewhere = depths.map((depth) =>
              faults.report(ABSENT, access, privilege, undefined, { depth, domain: 0, onWalk: true }),
            );
            // Some processors report an entry that the manual forbids, or an address, as they report an absent page.
            const looksAbsent = [{ code, trap }, ...elsewhere].some((absent) => report.code === absent.code && report.trap === absent.trap);
            // Some do not tell a page that is there from one that is not.
            const refused = faults.report(PROTECTION, access, privilege);
            const isTold = refused.code !== code || refused.trap !== trap;
            const read = faults.decode(report);
            expect(read.accesses & access, what).to.equal(access);
            expect(read.privilege, what).to.be.oneOf([privilege, "unknown"]);
            expect(read.absent, what).to.be.oneOf(isTold ? [looksAbsent] : ["unknown", looksAbsent]);
          }
    });
  }

  it("P-5.3: a machine whose hardware does not tell the access says so, or is refused", () => {
    const silent = { ...abs32le.faults, told: () => 0 };
    expect(against({ faults: silent })).to.contain("leaves out the access");
    expect(against({ faults: { ...silent, guessesAccess: true } })).to.equal("");
    // ARM before version 6 reports no difference between a load and a store.
    expect(machines.filter(({ faults }) => faults.guessesAccess).map(({ name }) => name)).to.deep.equal(["arm"]);
  });

  it("P-6.2: a port imports the core's light door, or the parts' where the container makes its classes, its own modules, and nothing behind", () => {
    for (const name of readdirSync(join(root, "packages")).filter((entry) => entry.startsWith("arch-"))) {
      for (const file of readdirSync(join(root, "packages", name, "src"))) {
        const source = readFileSync(join(root, "packages", name, "src", file), "utf8");
        const imports = Array.from(source.matchAll(/ from "([^"]+)";/g), ([, from = ""]) => from).filter((from) => !from.startsWith("./"));
        const door = source.includes("@injectable()") ? "@portolan/core/parts" : "@portolan/core/architecture";
        for (const from of imports) expect(from, `${name}/${file}`).to.equal(door);
      }
    }
  });
});

describe("the contract, composition", () => {
  it("C-19.1: a name stands for a package of that name, and one that is not there is said with what was looked for", async () => {
    const asked: string[] = [];
    const found = await loadArchitecture("ia32", (specifier) => {
      asked.push(specifier);
      return Promise.resolve({ ia32 });
    });
    expect(found).to.equal(ia32);
    const missing = (name: string): Promise<unknown> =>
      loadArchitecture(name, (specifier) => {
        asked.push(specifier);
        throw new Error("cannot be found");
      }).catch((reason: unknown) => reason);
    expect(await missing("vax")).to.have.property("code", "ERR_UNKNOWN_ARCHITECTURE");
    expect(await missing("@someone/else")).to.have.nested.property("values.module", "@someone/else");
    expect(asked).to.deep.equal(["@portolan/arch-ia32", "@portolan/arch-vax", "@someone/else"]);
  });

  it("C-19.4: equal seeds make equal runs, and another seed another one", () => {
    const random: Architecture = { ...abs32le, tlb: { ...abs32le.tlb, data: { ...abs32le.tlb.data, entries: 4, replacement: "random" } } };
    const run = (seed: number): readonly string[] => {
      const machine = build(random, { seed });
      area(installed(machine), 0x10000, 16);
      for (let i = 0; i < 200; i += 1) machine.write32(0x10000 + ((i * 7) % 16) * 0x1000, i);
      return portrait(machine);
    };
    expect(run(1)).to.deep.equal(run(1));
    expect(run(2)).to.not.deep.equal(run(1));
  });
});
