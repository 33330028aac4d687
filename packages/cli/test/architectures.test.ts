import { expect } from "chai";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PortolanError, type Architecture } from "@portolan/core";
import { ARCHITECTURES, architectureNamed } from "#src/architectures.js";

const paper = new URL("../../arch-abs32le/dist/index.js", import.meta.url).href;
const MINE = `import { abs32le } from ${JSON.stringify(paper)};\nexport const mine = { ...abs32le, name: "mine" };\nexport default mine;\n`;

/** Works in a directory of its own that holds these files. */
const among = async (files: Readonly<Record<string, string>>, work: (directory: string) => Promise<void>): Promise<void> => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "portolan-test-")));
  const before = process.cwd();
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    process.chdir(directory);
    await work(directory);
  } finally {
    process.chdir(before);
    rmSync(directory, { recursive: true });
  }
};

const refusal = async (name: string): Promise<PortolanError> => {
  const found: Architecture | PortolanError = await architectureNamed(name).catch((error: unknown) => error as PortolanError);
  if (!(found instanceof PortolanError)) throw new Error(`${name} was found, or is wrong in another way`, { cause: found });
  return found;
};

describe("machines by name", () => {
  it("are found by short name and by package name", async () => {
    for (const name of ARCHITECTURES) {
      expect((await architectureNamed(name)).name).to.equal(name);
      const module =
        {
          amd64la57: "@portolan/arch-amd64/la57",
          arm64g16: "@portolan/arch-arm64/granule16",
          arm64g64: "@portolan/arch-arm64/granule64",
          armv7: "@portolan/arch-arm/v7",
          ia32pae: "@portolan/arch-ia32/pae",
          mips32be: "@portolan/arch-mips32/big",
          sv32: "@portolan/arch-riscv64/sv32",
          sv48: "@portolan/arch-riscv64/sv48",
          sv57: "@portolan/arch-riscv64/sv57",
        }[name] ?? `@portolan/arch-${name}`;
      expect(await architectureNamed(module)).to.equal(await architectureNamed(name));
    }
  });

  it("are found by the path of a module, written in any way, exported twice or once", async () => {
    await among({ "mine.mjs": MINE, "deep/er/mine.mjs": MINE }, async (directory) => {
      for (const path of ["mine.mjs", "./mine.mjs", "deep/er/mine.mjs", "./deep/../mine.mjs", join(directory, "mine.mjs")]) {
        expect((await architectureNamed(path)).name, path).to.equal("mine");
      }
    });
  });

  it("are found as packages of the directory where the command is typed", async () => {
    const manifest = JSON.stringify({ name: "@somebody/vax", version: "1.0.0", type: "module", exports: { ".": "./index.js" } });
    await among({ "node_modules/@somebody/vax/package.json": manifest, "node_modules/@somebody/vax/index.js": MINE }, async () => {
      expect((await architectureNamed("@somebody/vax")).name).to.equal("mine");
    });
  });

  it("are found as the package in a directory", async () => {
    const manifest = JSON.stringify({ name: "my-vax", type: "module", exports: "./index.js" });
    await among({ "vax/package.json": manifest, "vax/index.js": MINE, "empty/readme": "" }, async (directory) => {
      for (const path of ["./vax", "./vax/", join(directory, "vax")]) expect((await architectureNamed(path)).name, path).to.equal("mine");
      expect((await refusal("./empty")).code).to.equal("ERR_UNKNOWN_ARCHITECTURE");
    });
  });

  it("that nobody knows are answered with those that exist, and how to add one", async () => {
    for (const [name, why] of [
      ["vax", "no such name or package"],
      ["@somebody/vax", "no such name or package"],
      ["./vax.mjs", "no such file"],
      ["/nowhere/vax.mjs", "no such file"],
      ["VAX", "no such name or package"],
      ["", "no such name or package"],
    ] as const) {
      const { code, values, hint } = await refusal(name);
      expect(code, name).to.equal("ERR_UNKNOWN_ARCHITECTURE");
      expect(values, name).to.deep.include({ architecture: name, known: [...ARCHITECTURES] });
      expect(values["why"], name).to.equal(why);
      expect(hint).to.contain("CONTRIBUTING.md");
    }
  });

  it("that are no good are answered with what is wrong", async () => {
    const files = {
      "syntax.mjs": "export const mine = {",
      "throws.mjs": 'throw new Error("not today");',
      "needs.mjs": 'import "@somebody/else";',
      "nothing.mjs": "export const answer = 42; export const none = null;",
      "two.mjs": `${MINE}export const other = { ...mine, name: "other" };\n`,
      "text.txt": "not a program",
    };
    await among(files, async () => {
      for (const [path, why] of [
        ["./syntax.mjs", /Unexpected end of input/],
        ["./throws.mjs", /^not today$/],
        ["./needs.mjs", /@somebody\/else/],
        ["./nothing.mjs", /^it exports no architecture$/],
        ["./two.mjs", /^it exports more than one architecture$/],
        ["./text.txt", /extension/],
      ] as const) {
        const { code, values } = await refusal(path);
        expect(code, path).to.equal("ERR_UNKNOWN_ARCHITECTURE");
        expect(values["why"], path).to.match(why);
      }
    });
  });

  it("that describe a machine wrongly are answered with every reason", async () => {
    const wrong = `import { abs32le } from ${JSON.stringify(paper)};
      const { contract, ...rest } = abs32le;
      export const wrong = { ...rest, wordBits: 33, tlb: { ...abs32le.tlb, data: null }, layout: { ...abs32le.layout, userStack: 1n } };`;
    await among({ "wrong.mjs": wrong }, async () => {
      const { code, values } = await refusal("./wrong.mjs");
      expect(code).to.equal("ERR_BAD_ARCHITECTURE");
      expect(values["reasons"]).to.include.members([
        "contract is missing",
        "tlb.data is not an object",
        "wordBits is neither 32 nor 64",
        "layout.userStack is no page of the user range",
      ]);
    });
  });
});
