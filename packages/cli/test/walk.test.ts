import { expect } from "chai";
import { fileURLToPath } from "node:url";
import { ARCHITECTURES } from "#src/architectures.js";
import { cli } from "#src/cli.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const IA32 = "--arch ia32 examples/programs/words.i686.elf";
const SPARC64 = "--arch sparc64 examples/programs/words.sparc64.elf";

const typed = async (line: string): Promise<{ status: number; out: string; err: string }> => {
  let out = "";
  let err = "";
  const before = process.cwd();
  process.chdir(root);
  try {
    const terminal = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      isTerminal: false,
      now: () => 0,
    };
    return { status: await cli(line.split(" "), terminal), out, err };
  } finally {
    process.chdir(before);
  }
};

interface Explained {
  readonly asked: string;
  readonly address: string;
  readonly physical: string | null;
  readonly reason: string;
  readonly rule: string;
  readonly kernelRights: string;
  readonly userRights: string;
  readonly area: { readonly base: string } | null;
  readonly kernelVerdict: string | null;
  readonly steps: readonly {
    readonly table: string;
    readonly tableAddress: string | null;
    readonly index: number;
    readonly entryAddress: string;
    readonly bytes: number;
    readonly raw: string;
    readonly says: string;
    readonly fields: readonly {
      readonly name: string;
      readonly high: number;
      readonly low: number;
      readonly value: string;
      readonly means: string;
    }[];
  }[];
}

const explained = async (line: string): Promise<Explained> => {
  const { out, err, status } = await typed(`walk --json ${line}`);
  expect({ err, status }, line).to.deep.equal({ err: "", status: 0 });
  return JSON.parse(out) as Explained;
};

describe("portolan walk", () => {
  it("shows words whose fields, put together, are the word, every bit of it once", async () => {
    for (const line of [
      `${IA32} 0x8049000`,
      `${IA32} 0x80000000`,
      `${SPARC64} 0x100000`,
      `${SPARC64} 0x2008b8`,
      `${SPARC64} 0x900000`,
      "--arch abs32le examples/programs/words.i686.elf 0x804b400",
    ]) {
      const { steps } = await explained(line);
      expect(steps, line).to.not.deep.equal([]);
      for (const { raw, fields, bytes, table } of steps) {
        const word = fields.reduce((sum, { low, value }) => sum + (BigInt(value) << BigInt(low)), 0n);
        expect(word, `${line}: ${table}`).to.equal(BigInt(raw));
        expect(raw, `${line}: ${table}`).to.have.length(2 + bytes * 2);
        const covered = fields.reduce((sum, { high, low }) => sum + high - low + 1, 0);
        expect(covered, `${line}: ${table}`).to.equal(bytes * 8);
      }
    }
  });

  it("follows a tree: each entry leads to the table of the next, and the last one to the byte", async () => {
    for (const [name, address] of [
      ["ia32", 0x804_a123],
      ["ia32", 0x804_b348],
      ["abs32le", 0x804_9001],
    ] as const) {
      const { steps, physical } = await explained(`--arch ${name} examples/programs/words.i686.elf 0x${address.toString(16)}`);
      const [first, second] = steps;
      expect(steps).to.have.length(2);
      expect(first?.index).to.equal(address >>> 22);
      expect(second?.index).to.equal((address >>> 12) & 1023);
      for (const { tableAddress, entryAddress, index } of steps) expect(Number(entryAddress)).to.equal(Number(tableAddress) + index * 4);
      expect(first?.says).to.equal(`leads to the table at ${second?.tableAddress}`);
      expect(Number(second?.raw) & 0xffff_f000).to.equal(Number(physical) & 0xffff_f000);
      expect(Number(physical) & 0xfff).to.equal(address & 0xfff);
    }
  });

  it("follows a hash: TSB slot, head of the chain, entries, and all agree on the frame", async () => {
    const { steps, physical } = await explained(`${SPARC64} 0x2008b8`);
    const [tsb, head, entry] = steps;
    expect(steps.map(({ table }) => table)).to.deep.equal(["data TSB", "page hash table, heads", "page hash table"]);
    expect(head?.says).to.equal(`a chain that begins at ${entry?.entryAddress}`);
    const valueOf = (step: typeof tsb, name: string): bigint => BigInt(step?.fields.find((field) => field.name === name)?.value ?? -1);
    // Hardware pages of 8 KiB; frames of 16 KiB are counted in units of 256 bytes in the hash.
    expect((valueOf(tsb, "PA") << 13n) + (0x2008b8n % 0x2000n)).to.equal(BigInt(physical ?? 0));
    expect(valueOf(entry, "frame") << 8n).to.equal(BigInt(physical ?? 0) - (0x2008b8n % 0x4000n));
    expect((await explained(`--access execute ${SPARC64} 0x100000`)).steps[0]?.table).to.equal("instruction TSB");
  });

  it("names the rule that decides, for each access and each privilege", async () => {
    for (const [line, reason, rule] of [
      [`--access write ${IA32} 0x804a000`, "protection", "entry 74 of the page table does not let the user write"],
      [`--access write --privilege kernel ${IA32} 0x804a000`, "none", "every level lets the kernel write"],
      [
        `--access write --privilege kernel --set WP=on ${IA32} 0x804a000`,
        "protection",
        "entry 74 of the page table does not let the kernel write",
      ],
      [`--access execute ${IA32} 0x804b348`, "none", "every level lets the user fetch"],
      [`${IA32} 0x80000000`, "absent", "entry 512 of the page directory is absent"],
      [`--access execute ${SPARC64} 0x2008b8`, "protection", "the entry does not let the user fetch"],
      [`${SPARC64} 0x8000000000000`, "bad-address", "the address is one that the machine cannot translate"],
    ] as const) {
      expect(await explained(line), line).to.deep.include({ reason, rule });
    }
  });

  it("speaks of rights only where a page is mapped, and of no fields where all bits are clear", async () => {
    const { out: absent } = await typed(`walk ${IA32} 0x1000`);
    expect(absent).to.contain("0x00000000\n  absent [").and.to.contain("It would fault (absent)").and.to.not.contain("may rwx");
    const { out: refused } = await typed(`walk --access write ${IA32} 0x804a000`);
    expect(refused).to.contain("It would fault (protection)").and.to.contain("The kernel may rwx, the user r-x.");
  });

  it("takes a program and its own trace together, and the addresses are the program's", async () => {
    const { out } = await typed(`walk --rebase --cpus 2 --trace examples/traces/words.i686.trace.gz ${IA32} 0x804b348`);
    expect(out)
      .to.match(/^0x804b348 on ia32, user read:$/m)
      .and.to.match(/^Physical address 0x[0-9a-f]+348: /m)
      .and.to.not.contain("moved to");
    // The stack lies where the kernel is on this machine, and has been moved.
    expect(await explained(`--rebase --trace examples/traces/words.i686.trace.gz ${IA32} 0xfeffd7ec`))
      .to.include({ asked: "0xfeffd7ec", reason: "none" })
      .and.to.not.include({ address: "0xfeffd7ec" });
  });

  it("says what an address is when it gets something else", async () => {
    for (const wrong of ["804b348h", "0x", "0x_", "0xg", "1e9", "+5", "0b11", "1_000", "٣", "0x".padEnd(100, "1")]) {
      const { status, out, err } = await typed(`walk ${IA32} ${wrong}`);
      expect(err, wrong)
        .to.contain("ERR_BAD_ARGUMENT")
        .and.to.contain(`ADDRESS ${wrong}`)
        .and.to.contain("hexadecimal")
        .and.to.contain("hint: ");
      expect({ status, out }, wrong).to.deep.equal({ status: 2, out: "" });
    }
    for (const same of ["0x804B348", "0X804b348", "134525768", "0x0804_b348"])
      expect((await explained(`${IA32} ${same}`)).address, same).to.equal("0x804b348");
    // A number that is an address, but of no byte here.
    expect(await typed(`walk ${IA32} 0x1_0000_0000`))
      .to.include({ status: 2 })
      .and.to.have.property("err")
      .that.contains("ERR_BAD_ADDRESS");
  });
});

/** Most machines page any program in; its byte order and the place of its segments must be theirs. */
const programsOf = (name: string): string => (name === "mips32be" ? "mips" : name.startsWith("arm64") ? "arm64" : "i686");

describe("portolan archs", () => {
  it("lists the machines in a narrow terminal, says what each is, and that there may be others", async () => {
    const { out, status } = await typed("archs");
    expect(status).to.equal(0);
    for (const name of ARCHITECTURES) expect(out.match(new RegExp(`^${name} `, "gm")), name).to.have.length(2);
    expect(out).to.match(/^sparc64 +big +44 → 41 +16 KiB +page hash table +64 I \+ 64 D +13 bits$/m);
    expect(out).to.contain("--arch ./mine.mjs");
    for (const line of out.split("\n")) expect(line.length, line).to.be.at.most(80);
  });

  it("gives figures to programs, with the switches that --set knows", async () => {
    const machines = JSON.parse((await typed("archs --json")).out) as {
      name: string;
      switches: Record<string, { initially: boolean; says: string }>;
    }[];
    for (const { name, switches } of machines) {
      const program = name === "sparc64" ? SPARC64 : `--arch ${name} examples/programs/words.${programsOf(name)}.elf`;
      for (const [label, { initially, says }] of Object.entries(switches)) {
        expect(says, label).to.not.equal("");
        // Fourteen of an ARM's sixteen domains are like the second.
        if (/^DACR(?:[4-9]|\d\d)$/.test(label)) continue;
        // Everything is in an ARM's domain 0, and it is closed then.
        const status = label === "DACR0" ? 1 : 0;
        expect(await typed(`run --quiet --set ${label}=${initially ? "off" : "on"} ${program}`), label).to.include({ status });
      }
      expect(await typed(`run --quiet --set NOSUCH=on ${program}`)).to.include({ status: 2 });
    }
  });

  it("says which area holds the address, and what the kernel would make of the fault", async () => {
    for (const [line, area, verdict] of [
      [`${IA32} 0x804b348`, "0x804b000", null],
      [`${IA32} --access write 0x804a000`, "0x804a000", "the area forbids this access"],
      [`${IA32} 0x0`, null, "no area at this address"],
      [`${SPARC64} 0x900000`, null, "no area at this address"],
      [`${SPARC64} --access execute 0x200000`, "0x200000", "the area forbids this access"],
      [`${IA32} --privilege kernel 0x0`, null, null],
    ] as const) {
      const view = await explained(line);
      expect([view.area?.base ?? null, view.kernelVerdict], line).to.deep.equal([area, verdict]);
    }
    const { out } = await typed(`walk ${IA32} 0x804b348`);
    expect(out).to.contain("It lies in the area 0x804b000 to 0x805cfff, rw-c, image, with 18 of 18 pages in.");
    // The runner touches 64 KiB of the stack from above.
    const { out: below } = await typed(`walk ${IA32} 0x7ffc0000`);
    expect(below).to.match(/The kernel would serve the fault: the area permits the access\.\n$/);
    expect((await typed(`walk ${IA32} 0x0`)).out).to.match(/The kernel would refuse: no area at this address\.\n$/);
  });
});
