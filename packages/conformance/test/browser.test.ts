/** The suite, bundled for a browser: what judges a machine and images of it needs no Node. */
import { build } from "esbuild";
import { expect } from "chai";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const PAGE = `
  import { abs32le } from "@portolan/arch-abs32le";
  import { oracle } from "@portolan/arch-abs32le/oracle";
  import { conform } from "@portolan/conformance";
  globalThis.judge = async () => {
    const { counts, results } = await conform({ architecture: abs32le, oracle }, { profile: "quick", only: ["L0.entry", "L6.image", "L6.list"] });
    return JSON.stringify([counts, results.length]);
  };
`;

describe("the suite in a browser", () => {
  it("judges where there is the language, and two functions of every page for its timers", async () => {
    const resolveDir = fileURLToPath(new URL("../", import.meta.url));
    const { outputFiles, metafile } = await build({
      stdin: { contents: PAGE, resolveDir },
      bundle: true,
      platform: "browser",
      format: "iife",
      target: "es2022",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).to.deep.equal([]);
    const context = createContext({ setTimeout, clearTimeout }, { codeGeneration: { strings: false, wasm: false } });
    runInContext(outputFiles[0]?.text ?? "", context, { filename: "bundle.js" });
    const [counts, results] = JSON.parse((await runInContext("judge()", context)) as string) as [Record<string, number>, number];
    expect(results).to.be.greaterThan(10);
    expect((counts["PASS"] ?? 0) + (counts["UNSUPPORTED"] ?? 0)).to.equal(results);
  });
});
